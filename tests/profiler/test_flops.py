"""FLOPs, against counts made by hand."""

from __future__ import annotations

from typing import Any

from profiler.nets import MACS, SIDE, C, K, N, O

import tinygrad_cnn as tg
import tinygrad_cnn.nn.functional as F
from tinygrad_cnn.profiler import profile


def flops_of(p: profile, name: str, phase: str) -> list[int | None]:
    found = [e for e in p.events if e.name == name and e.phase == phase]
    return [e.flops for e in sorted(found, key=lambda e: e.input or 0)]


def test_flops_of_a_convolution_and_its_gradients() -> None:
    x, w, b = (tg.randn(*shape, requires_grad=True) for shape in ((N, C, SIDE, SIDE), (O, C, K, K), (O,)))
    with profile() as p:
        F.conv2d(x, w, b).sum().backward()
    assert flops_of(p, "conv2d", "forward") == [2 * MACS]
    assert flops_of(p, "conv2d", "backward") == [2 * MACS, 2 * MACS, None]
    assert p.by_op()["conv2d"].flops == 6 * MACS


def test_flops_of_a_strided_grouped_convolution() -> None:
    x, w = tg.randn(2, 4, 9, 9), tg.randn(6, 2, 3, 3, requires_grad=True)
    with profile() as p:
        y = F.conv2d(x, w, stride=2, padding=1, groups=2)
        y.sum().backward()
    assert y.shape == (2, 6, 5, 5)
    work = 2 * (2 * 6 * 5 * 5) * (2 * 3 * 3)
    assert flops_of(p, "conv2d", "forward") == flops_of(p, "conv2d", "backward") == [work]


def test_flops_of_a_transposed_convolution() -> None:
    x, w = tg.randn(2, 4, 5, 5, requires_grad=True), tg.randn(4, 3, 3, 3, requires_grad=True)
    with profile() as p:
        y = F.conv_transpose2d(x, w, stride=2)
        y.sum().backward()
    work = 2 * (2 * 4 * 5 * 5) * (3 * 3 * 3)  # each pixel of x is spread over 3 channels and 3 x 3 pixels
    assert flops_of(p, "conv2d_input", "forward") == [work]
    assert flops_of(p, "conv2d_input", "backward") == [work, work]


def test_flops_of_gradients_of_gradients() -> None:
    x, w = tg.randn(N, C, SIDE, SIDE, requires_grad=True), tg.randn(O, C, K, K, requires_grad=True)
    with profile() as p:
        (gw,) = tg.grad(F.conv2d(x, w).square().sum(), [w], create_graph=True)
        gw.sum().backward()
    assert flops_of(p, "conv2d_weight", "forward") == [2 * MACS]
    assert flops_of(p, "conv2d_weight", "backward") == [2 * MACS, 2 * MACS]


def test_flops_of_products() -> None:
    x, w, b = (tg.randn(*shape, requires_grad=True) for shape in ((6, 5), (4, 5), (4,)))
    stack, matrix = tg.randn(3, 6, 4, requires_grad=True), tg.randn(4, 7, requires_grad=True)
    with profile() as p:
        F.linear(x, w, b).sum().backward()
        (stack @ matrix).sum().backward()
    assert flops_of(p, "linear", "forward") == [2 * 6 * 5 * 4]
    assert flops_of(p, "linear", "backward") == [2 * 6 * 5 * 4, 2 * 6 * 5 * 4, None]
    assert flops_of(p, "matmul", "forward") == [2 * 3 * 6 * 4 * 7]
    assert flops_of(p, "matmul", "backward") == [2 * 3 * 6 * 4 * 7] * 2


def test_flops_of_poolings_and_arithmetic() -> None:
    x = tg.randn(2, 3, 8, 8, requires_grad=True)
    with profile() as p:
        F.max_pool2d(x, 2).sum().backward()
        F.avg_pool2d(x, (2, 4), stride=(2, 4)).sum().backward()
        F.relu(x + 1) * x / 3 - 2
        x.exp()
    assert flops_of(p, "max_pool2d", "forward") == [2 * 3 * 4 * 4 * 3]
    assert flops_of(p, "max_pool2d", "backward") == [None]
    assert flops_of(p, "window_sum", "forward") == [2 * 3 * 4 * 2 * 7]
    assert flops_of(p, "window_sum", "backward") == [2 * 3 * 4 * 2 * 8]
    assert {name: flops_of(p, name, "forward")[-1] for name in ("add", "relu", "mul", "sub")} == dict.fromkeys(
        ("add", "relu", "mul", "sub"), 2 * 3 * 8 * 8
    )
    assert flops_of(p, "exp", "forward") == [None]


def test_an_operation_of_ones_own() -> None:
    @tg.op(lambda g, _y, x: 2 * x * g)
    def linear(x: Any) -> Any:
        return x * x

    with profile() as p:
        linear(tg.ones(3, requires_grad=True)).sum().backward()
    row = p.by_op()["linear"]
    assert (row.calls, row.backward_calls, row.flops) == (1, 1, None)  # the name alone does not make it a product
