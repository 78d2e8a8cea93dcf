"""Models that take a gradient in their forward, as a force from an energy: what the rules compute is in the file."""

from __future__ import annotations

import math
from typing import Any

import pytest

import tinygrad_cnn as tg
import tinygrad_cnn.nn.functional as F
from tests.onnx.agreement import check
from tests.onnx.test_export_operations import Calls, numbers
from tinygrad_cnn import nn

pytest.importorskip("onnxruntime", reason="runs ONNX files: pip install 'tinygrad-cnn[onnx]'")


def slope(energy: Any) -> Calls:
    """The gradient of the sum of an energy, or of several, by its first input, as operations."""

    def forward(x: Any, *more: Any) -> Any:
        with tg.enable_grad():
            x = x.detach().requires_grad_()
            parts = energy(x, *more)
            total = sum(part.sum() for part in parts) if isinstance(parts, tuple) else parts.sum()
            (y,) = tg.autograd.grad(total, x, create_graph=True)
        return y

    return Calls(forward)


ENERGIES = {  # of x (N, 3, 4)
    "sums": lambda x: x.sum(1) ** 2 + x.sum((1, 2), keepdim=True) ** 2,
    "means": lambda x: x.mean((0, 2), keepdim=True) ** 2,
    "matrices": lambda x: ((x @ x.mT) ** 2, (x @ numbers(4, 4)) ** 2),
    "contractions": lambda x: tg.einsum("nij,nkj->nik", x, x) ** 2,
    "linear": lambda x: F.linear(x, numbers(5, 4)) ** 3,
    "powers": lambda x: x**3 + x**2 + x**1 + x**0 + x.abs() ** 0.5 + x.square(),
    "products": lambda x: x * x[:, :1] * numbers(4),
    "quotients": lambda x: 1 / (x**2 + 1) + x / numbers(3, 1).abs(),
    "bounds": lambda x: x.clamp(-0.5, 0.5) ** 2 + x.clamp(min=0) ** 2 + x.clamp(max=0.1) ** 2,
    "bounds that are tensors": lambda x: x.clamp(x[:, :1].detach(), numbers(4).abs()) ** 2,
    "kinks": lambda x: F.hardtanh(x) + F.relu6(x) ** 2 + F.leaky_relu(x) + F.relu(x) + F.hardswish(x),
    "shrinks": lambda x: F.softshrink(x) ** 2 + F.hardshrink(x) ** 2 + F.elu(x) + F.celu(x, 0.5) + F.selu(x),
    "smooth": lambda x: F.gelu(x) + F.silu(x) + F.softplus(x) + x.tanh() + F.logsigmoid(x) + tg.erf(x),
    "norms": lambda x: x.norm(1, 1) + x.norm(2, 1) + x.norm(3, 1) + x.norm(math.inf, 1),
    "spread": lambda x: (x.var(1), x.std((1, 2))),
    "softmax": lambda x: x.softmax(1) ** 2 + x.log_softmax(2) ** 2,
    "logsumexp": lambda x: x.logsumexp(1),
    "extremes": lambda x: (x.max(1)[0] ** 2, x.amax(2, keepdim=True) ** 2, tg.minimum(x, x**2)),
    "best": lambda x: x.sort(1)[0] * numbers(3, 1) + x.topk(1, 2)[0] ** 2,
    "chosen": lambda x: tg.where(x > 0, x * 2, x**2) + x.masked_fill(x > 1, 0.0) ** 2,
    "parts": lambda x: (x[:, 1] ** 2, x[:, ::2, 1:3] ** 3, x[..., -1] ** 2),
    "rows": lambda x: x[:, [0, 0, 1]] ** 2,
    "gathered": lambda x: x.gather(1, x.argmax(1, keepdim=True)) ** 2,
    "joined": lambda x: tg.cat([x, x**2], 1) + tg.stack([x, x * 2], 1).reshape(-1, 6, 4),
    "turned": lambda x: x.flip(1) * x + x.roll(1, 1) * x + x.tril() ** 2 + x.mT.mT,
    "padded": lambda x: F.pad(x, (1, 1)) ** 2,
    "diagonals": lambda x: tg.diagonal(x, 0, 1, 2) ** 2,
    "repeated": lambda x: x[:, :1].expand(-1, 3, -1) * x + x.repeat(1, 1, 2)[..., 2:6] ** 2,
    "angles": lambda x: x.sin() * x.cos() + tg.hypot(x, x**2) + tg.logaddexp(x, x**2),
    "logarithms": lambda x: tg.xlogy(x.abs(), x.abs()) + (x.abs() + 1).log(),
    "losses": lambda x: F.huber_loss(x, x * 0, reduction="none") + F.mse_loss(x, x * 0, reduction="none"),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x) ** 2,
    "a single number": lambda x: x.sum().max(0)[0] ** 2,
}


@pytest.mark.parametrize("what", ENERGIES)
def test_the_slope_of_an_energy(what: str) -> None:
    check(slope(ENERGIES[what]), numbers(2, 3, 4))


@pytest.mark.parametrize(
    "energy",
    [
        lambda x: F.conv2d(x, numbers(4, 3, 3, 3), stride=2, padding=1) ** 2,
        lambda x: F.conv_transpose2d(x, numbers(3, 2, 3, 3)) ** 2,
        lambda x: F.unfold(x, 2) ** 2,
    ],
)
def test_the_slope_of_an_energy_of_images(energy: Any) -> None:
    check(slope(energy), numbers(2, 3, 6, 7))


def test_the_slope_of_the_scores_of_classes() -> None:
    """Of scores (N, C) and (N, C, L)."""
    for x, t in ((numbers(2, 3), [2, 0]), (numbers(2, 3, 4), [[2, 0, 1, 0], [1, 1, 0, 2]])):
        check(slope(lambda x, t: F.nll_loss(x.log_softmax(1), t, reduction="none")), x, tg.tensor(t))


def test_a_net_with_its_own_force() -> None:
    class Potential(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(4, 8), nn.SiLU(), nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 1))

        def forward(self, x: Any) -> Any:
            with tg.enable_grad():
                x = x.detach().requires_grad_()
                energy = self.net(x)
                (force,) = tg.autograd.grad(energy.sum(), x, create_graph=True)
            return energy, -force

    content = check(Potential(), numbers(2, 4))
    assert "net.4.weight" in {weight.name for weight in content.graph.initializer}


def test_the_curvature_of_powers() -> None:
    def curvature(x: Any) -> Any:
        with tg.enable_grad():
            x = x.detach().requires_grad_()
            (y,) = tg.autograd.grad((x**3 + x**2.5 + x**2 + x**1).sum(), x, create_graph=True)
            (z,) = tg.autograd.grad(y.sum(), x, create_graph=True)
        return z

    check(Calls(curvature), numbers(2, 3).abs())
    assert curvature(tg.zeros(1)).tolist() == [2.0]
    check(Calls(curvature), tg.zeros(2, 3))


def test_the_slope_of_a_slope() -> None:
    def directional(i: Any, v: Any) -> Any:
        """The rows of z that i names, with no row for padding: by way of the gradient of a table."""
        with tg.enable_grad():
            table, v = numbers(5, 3).requires_grad_(), v.detach().requires_grad_()
            rows = F.embedding(i, table, padding_idx=1)
            (g,) = tg.autograd.grad((rows * v).sum(), table, create_graph=True)
            (y,) = tg.autograd.grad((g * numbers(5, 3)).sum(), v, create_graph=True)
        return y

    check(Calls(directional), tg.tensor([[0, 1, 2], [4, 1, 0]]), numbers(2, 3, 3))


@pytest.mark.parametrize(
    ("energy", "message"),
    [
        (lambda x: x.abs() ** x, "pow_slope in Calls, .*: by an exponent that is computed"),
        (lambda x: tg.einsum("bii->b", x[:, :, :3]), "on_diagonal in Calls, .*within a contraction"),
        (lambda x: x[:, [[0, 1], [1, 2]]] ** 2, "place in Calls, .*: at an index like this"),
        (lambda x: x[:, [0, 1], [1, 2]] ** 2, "place in Calls, .*: at an index like this"),
        (lambda x: x.mT[0, 0] ** 2, "setitem|place in Calls, .*: a write at a place along the batch"),
        (lambda x: x.prod(1), "shift in Calls"),
    ],
)
def test_slopes_that_have_no_operators_are_refused(energy: Any, message: str) -> None:
    with pytest.raises(RuntimeError, match=r"ONNX \(opset 17\) has no operators for\n(.*\n)*  (" + message + ")"):
        check(slope(energy), numbers(2, 3, 4))


def test_the_slope_of_a_bell_is_refused() -> None:
    def twice(x: Any) -> Any:
        with tg.enable_grad():
            x = x.detach().requires_grad_()
            (y,) = tg.autograd.grad(tg.erf(x).sum(), x, create_graph=True)
            (z,) = tg.autograd.grad(y.sum(), x, create_graph=True)
        return z

    with pytest.raises(RuntimeError, match=r"bell in Calls, .*: differentiated again"):
        check(Calls(twice), numbers(2, 3))


def test_a_gradient_that_is_no_operation_is_refused() -> None:
    def forward(x: Any) -> Any:
        with tg.enable_grad():
            x = x.detach().requires_grad_()
            (y,) = tg.autograd.grad((x**3).sum(), x)
        return y

    with pytest.raises(RuntimeError, match="where no operation sees it"):
        check(Calls(forward), numbers(2, 3))
