"""The arguments of `autograd.grad` and `autograd.backward`: the same programs here and in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from differentiation.beside import agree

import tinygrad_cnn as tg


def leaves(L: Any) -> Any:
    a, b, c = (L.tensor([1.0, 2.0 + k], dtype=L.float64, requires_grad=True) for k in range(3))
    return a, b, c, (a * b).sum()


def grad(**given: Any) -> Any:
    def program(L: Any) -> Any:
        a, b, _, y = leaves(L)
        return L.autograd.grad(y, (a, b), **given)

    return program


def with_unused(**given: Any) -> Any:
    def program(L: Any) -> Any:
        a, _, c, y = leaves(L)
        return L.autograd.grad(y, (a, c), **given)

    return program


def positions(L: Any) -> Any:
    a, _, c, y = leaves(L)
    return L.autograd.grad(y, (a, c), None, False, False, True, True)  # ..., only_inputs, allow_unused


def back(**given: Any) -> Any:
    def program(L: Any) -> Any:
        a, b, c, y = leaves(L)
        chosen = {"inputs": [a], "one": a, "none": [], "unused": [c]}
        options = {key: chosen[value] if key == "inputs" else value for key, value in given.items()}
        L.autograd.backward(y, **options)
        return a.grad, b.grad, c.grad

    return program


def old_name(L: Any) -> Any:
    a, b, _, _ = leaves(L)
    L.autograd.backward([a * b], grad_variables=[L.ones(2, dtype=L.float64) * 3])
    return a.grad


def by_position(L: Any) -> Any:
    a, b, _, _ = leaves(L)
    L.autograd.backward([a * b], [L.ones(2, dtype=L.float64) * 3], True, False, None, [a])
    return a.grad, b.grad


PROGRAMS: dict[str, Any] = {
    "only_inputs": grad(only_inputs=True),
    "by position": positions,
    "an unused input": with_unused(),
    "an unused input, allowed": with_unused(allow_unused=True),
    "an unused input, forbidden": with_unused(allow_unused=False),
    "zeros for an unused input": with_unused(materialize_grads=True),
    "zeros, and allowed": with_unused(materialize_grads=True, allow_unused=True),
    "zeros, and forbidden": with_unused(materialize_grads=True, allow_unused=False),
    "no inputs": lambda L: L.autograd.grad(leaves(L)[3], []),
    "backward, some inputs": back(inputs="inputs"),
    "backward, one input": back(inputs="one"),
    "backward, no inputs": back(inputs="none"),
    "backward, an unused input": back(inputs="unused"),
    "backward, retained": back(retain_graph=True),
    "backward, the old name": old_name,
    "backward, by position": by_position,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PROGRAMS)
def test_like_torch(name: str, torch: Any) -> None:
    agree(PROGRAMS[name], torch)


def test_zeros_for_an_unused_input() -> None:
    a, _, c, y = leaves(tg)
    _, g = tg.grad(y, (a, c), materialize_grads=True)
    assert g.tolist() == [0.0, 0.0]


def test_what_is_not_here() -> None:
    a, _, _, y = leaves(tg)
    with pytest.raises(
        NotImplementedError, match=r"is_grads_batched=True is not supported; call grad\(\) once for each"
    ):
        tg.grad(y, a, is_grads_batched=True)
    with pytest.warns(FutureWarning, match=r"only_inputs has no effect; use backward\(\) for all leaves"):
        tg.grad(y, a, only_inputs=False)
    with pytest.raises(TypeError, match="grad: inputs must be a Tensor or a sequence of them, got float"):
        tg.grad((a * 2).sum(), [a, 3.0])  # type: ignore[list-item]


def test_a_segment_runs_only_where_it_leads_to_what_is_asked_for() -> None:
    """A `Function` that leads to no input is passed by; a checkpointed segment may know more than its inputs."""
    a, b, _, _ = leaves(tg)
    called: list[int] = []

    class Twice(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:  # noqa: ARG004
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:  # noqa: ARG004
            called.append(1)
            return g * 2

    y = (Twice.apply(a) * b).sum() + tg.checkpoint(lambda x: x * b, a).sum()
    (g,) = tg.grad(y, b)
    assert called == []
    np.testing.assert_array_equal(g.numpy(), 3 * a.numpy())


def test_a_checkpointed_segment_goes_back_once() -> None:
    """As in PyTorch: what the first backward kept is gone."""
    a, *_ = leaves(tg)
    y = tg.checkpoint(lambda x: x * x, a).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="a second time"):
        y.backward()
