"""`autograd.functional`, `Function` and `checkpoint` by hand: closed forms, what is left out, refusals and their words."""
# ruff: noqa: E501  (tables)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp

A = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
X, Y = np.array([0.5, -1.0, 2.0]), np.array([1.5, -0.5])
U, V, W = np.array([1.0, -2.0]), np.array([0.3, 0.7, -1.0]), np.array([2.0, -1.0])
Call = Callable[[], Any]


def leaf(a: Any, grad: bool = True) -> Any:
    return tg.tensor(a, requires_grad=grad)


def cubes(x: Any) -> Any:
    """(2,) of (3,): A x ** 3."""
    return tg.tensor(A) @ x**3


def energy(x: Any, y: Any) -> Any:
    """A number of (3,) and (2,): sum(x ** 3) * sum(y ** 2)."""
    return (x**3).sum() * (y**2).sum()


J = A * 3 * X**2
GX, GY = 3 * X**2 * (Y**2).sum(), (X**3).sum() * 2 * Y
HXX, HYY, HXY = np.diag(6 * X) * (Y**2).sum(), (X**3).sum() * 2 * np.eye(2), np.outer(3 * X**2, 2 * Y)


def parts(found: Any) -> list[Any]:
    return [p for one in found for p in parts(one)] if isinstance(found, tuple) else [found]


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda x, _y, **a: jacobian(cubes, x, **a), (J,)),
        (lambda x, _y, **a: jacobian(cubes, (x,), **a), (J,)),
        (lambda x, y, **a: jacobian(lambda x, y: (cubes(x), y * y), (x, y), **a), (J, 0 * A[:, :2], 0 * A, np.diag(2 * Y))),
        (lambda x, _y, **a: hessian(lambda x: (x**3).sum(), x, **a), (np.diag(6 * X),)),
        (lambda x, y, **a: hessian(energy, (x, y), **a), (HXX, HXY, HXY.T, HYY)),
        (lambda x, _y, **a: vjp(cubes, x, leaf(U), **a), (A @ X**3, U @ J)),
        (lambda x, y, **a: vjp(energy, (x, y), **a), ((X**3).sum() * (Y**2).sum(), GX, GY)),
        (lambda x, _y, **a: jvp(cubes, x, leaf(V), **a), (A @ X**3, J @ V)),
        (lambda x, _y, **a: jvp(lambda x: x * leaf(V), x[:1], **a), (X[0] * V, V)),
        (lambda x, y, **a: jvp(energy, (x, y), (leaf(V), leaf(W)), **a), ((X**3).sum() * (Y**2).sum(), GX @ V + GY @ W)),
        (lambda x, _y, **a: vhp(lambda x: (x**3).sum(), x, leaf(V), **a), ((X**3).sum(), 6 * X * V)),
        (lambda x, y, **a: hvp(energy, (x, y), (leaf(V), leaf(W)), **a),
         ((X**3).sum() * (Y**2).sum(), HXX @ V + HXY @ W, HXY.T @ V + HYY @ W)),
    ],
)  # fmt: skip
def test_closed_forms_in_the_graph_only_if_that_is_asked(call: Any, expected: tuple[Any, ...], grad: bool) -> None:
    x, y = leaf(X, grad), leaf(Y, grad)
    for settings in ({}, {"create_graph": False}, {"create_graph": True}, {"strict": False}):
        found = parts(call(x, y, **settings))
        assert len(found) == len(expected)
        for f, e in zip(found, expected, strict=True):
            np.testing.assert_allclose(f.numpy(), e, rtol=1e-12, atol=1e-12)
        assert any(f.requires_grad for f in found) is ("create_graph" in settings and settings["create_graph"])
    assert x.grad is None
    assert (x.requires_grad, y.requires_grad) == (grad, grad)


def test_a_part_for_each_output_and_each_input() -> None:
    """A Tensor for a Tensor, a tuple for a tuple, be it of one."""
    x, y = leaf(X), leaf(Y)
    assert isinstance(jacobian(cubes, x), tg.Tensor)
    assert [type(p) for p in jacobian(cubes, (x,))] == [tg.Tensor]
    assert [type(p) for p in jacobian(lambda x: (cubes(x),), x)] == [tg.Tensor]
    assert [[type(p) for p in row] for row in jacobian(lambda x, y: (cubes(x), y), (x, y))] == [[tg.Tensor] * 2] * 2
    assert isinstance(hessian(lambda x: (x**3).sum(), x), tg.Tensor)
    assert [[type(p) for p in row] for row in hessian(lambda x: (x**3).sum(), (x,))] == [[tg.Tensor]]
    assert [type(p) for p in vjp(cubes, (x,), leaf(U))] == [tg.Tensor, tuple]
    assert [type(p) for p in vhp(lambda x: (x**3).sum(), (x,), leaf(V))] == [tg.Tensor, tuple]
    assert [type(p) for p in jvp(lambda x: (cubes(x),), x, leaf(V))] == [tuple, tuple]


def test_functions_are_recorded_where_nothing_else_is() -> None:
    with tg.no_grad():
        for found in (jacobian(cubes, leaf(X)), vjp(cubes, leaf(X), leaf(U))[1], jvp(cubes, leaf(X), leaf(V))[1]):
            assert found.numpy().any()
        assert vhp(lambda x: (x**3).sum(), leaf(X), leaf(V))[1].numpy().any()


x1, y1 = leaf(X), leaf(Y)
constant = lambda *_: tg.ones(2)  # noqa: E731
half: Any = lambda x, y: (x * x).sum() + 0 * y.detach().sum()  # noqa: E731


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: jacobian(cubes, x1, strategy="both"), ValueError, "must be 'reverse-mode' or 'forward-mode', got 'both'"),
        (lambda: jacobian(cubes, x1, strategy="forward-mode"), NotImplementedError, "there is no forward mode"),
        (lambda: jacobian(cubes, x1, strict=True, vectorize=True), RuntimeError, "strict and vectorize exclude each other"),
        (lambda: jacobian(cubes, [x1]), TypeError, "inputs must be a Tensor or a tuple of Tensors, got list"),
        (lambda: jacobian(cubes, (x1, 2)), TypeError, "entry 1 is int"),
        (lambda: jacobian(lambda _x: 3, x1), TypeError, "what the function returns must be a Tensor .* got int"),
        (lambda: jacobian(constant, x1, strict=True), RuntimeError, "output 0 of the function does not depend on the inputs"),
        (lambda: jacobian(half, (x1, y1), strict=True), RuntimeError, "output 0 of the function is independent of input 1"),
        (lambda: jacobian(lambda x: 2 * x, x1, create_graph=True, strict=True), RuntimeError, "the jacobian is independent of input 0"),
        (lambda: hessian(half, (x1, y1), strict=True), RuntimeError, "the function is independent of input 1"),
        (lambda: hessian(lambda x: x.sum(), x1, strict=True), RuntimeError, "the jacobian by input 0 is independent of the inputs"),
        (lambda: hessian(cubes, x1), RuntimeError, r"one Tensor with a single element, got shape \(2,\)"),
        (lambda: hessian(lambda x: (x.sum(),), x1), RuntimeError, "one Tensor with a single element, got a tuple"),
        (lambda: vjp(cubes, x1), RuntimeError, "v may be left out only where the function returns one Tensor with a single"),
        (lambda: vjp(lambda x: (x.sum(), x.sum()), x1), RuntimeError, "v may be left out only where"),
        (lambda: vjp(cubes, x1, leaf(V)), RuntimeError, r"Tensor 0 of v has shape \(3,\), needed is \(2,\)"),
        (lambda: vjp(cubes, x1, (leaf(U), leaf(U))), RuntimeError, r"v has 2 Tensor\(s\), needed are 1"),
        (lambda: vjp(cubes, x1, [U]), TypeError, "v must be a Tensor or a tuple of Tensors, got list"),
        (lambda: vjp(half, (x1, y1), strict=True), RuntimeError, "the outputs are independent of input 1"),
        (lambda: jvp(cubes, x1), RuntimeError, "v may be left out only where the input is one Tensor with a single"),
        (lambda: jvp(half, (x1, y1), (x1, y1), strict=True), RuntimeError, "the outputs are independent of input 1"),
        (lambda: vhp(half, (x1, y1), (x1, y1), strict=True), RuntimeError, "vhp: the output is independent of input 1"),
        (lambda: hvp(lambda x: x.sum(), x1, x1, strict=True), RuntimeError, "hvp: the jacobian of the function is independent of input 0"),
        (lambda: vhp(cubes, x1, x1), RuntimeError, "vhp: the function must return one Tensor"),
    ],
)  # fmt: skip
def test_refusals_of_derivatives(call: Call, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_without_strict_what_does_not_depend_has_zeros() -> None:
    for found in (jacobian(half, (x1, y1))[1], vjp(half, (x1, y1))[1][1], hessian(half, (x1, y1))[1][1]):
        assert not found.numpy().any()
    assert not jacobian(constant, x1).numpy().any()
    assert not jvp(constant, x1, leaf(V))[1].numpy().any()
    assert jacobian(constant, x1).shape == (2, 3)


# ------------------------------------------------------------------------------------------------ functions of one's own
FUNCTION: Any = tg.autograd.Function


def function(name: str = "Twice", **methods: Any) -> Any:
    """A subclass of Function with these static methods; 2 x by default."""
    given = {"forward": lambda _ctx, x: 2 * x, "backward": lambda _ctx, g: 2 * g, **methods}
    return type(name, (FUNCTION,), {n: staticmethod(f) for n, f in given.items() if f is not None})


def slope(f: Any, *inputs: Any) -> Any:
    y = f.apply(*inputs)
    return tg.autograd.grad(y.sum(), [x for x in inputs if isinstance(x, tg.Tensor)])


def keeping(*kept: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(*kept)
        return 2 * x

    return forward


def marking(method: str, *marked: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        getattr(ctx, method)(*(x if m is x else m for m in marked))
        return 2 * x

    return forward


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: function()()(x1), RuntimeError, r"an instance of a Function is not called; .* call Twice.apply\(...\)"),
        (lambda: FUNCTION.apply(x1), NotImplementedError, "needs a static method forward"),
        (lambda: slope(function(backward=None), x1), NotImplementedError, "needs a static method backward"),
        (lambda: slope(function(vjp=lambda _ctx, g: g), x1), RuntimeError, "backward and vjp are two names of one method"),
        (lambda: slope(function(backward=lambda _ctx, _g: ()), x1), RuntimeError, r"for each of the 1 input\(s\) .* it returned 0"),
        (lambda: slope(function(backward=lambda _ctx, g: (g, g)), x1), RuntimeError, "it returned 2"),
        (lambda: slope(function(backward=lambda _ctx, _g: 3.0), x1), RuntimeError, "returned a float as gradient 0"),
        (lambda: slope(function(backward=lambda _ctx, g: g[:2]), x1), RuntimeError, r"gradient of shape \(2,\) for input 0"),
        (lambda: slope(function(backward=lambda _ctx, g: g.sum()), x1), RuntimeError, r"gradient of shape \(\) for input 0"),
        (lambda: slope(function(forward=lambda _ctx, x, n: n * x, backward=lambda _ctx, g: (g, g)), x1, 2),
         RuntimeError, "returned a gradient for input 1, which is no Tensor"),
        (lambda: function(forward=keeping(3)).apply(x1), TypeError, "argument 0 is a int; keep anything else as an attribute"),
        (lambda: function(forward=keeping(x1, "a")).apply(x1), TypeError, "argument 1 is a str"),
        (lambda: function(forward=marking("mark_dirty", 3)).apply(x1), TypeError, "Twice: mark_dirty takes Tensors, got a int"),
        (lambda: function(forward=marking("mark_non_differentiable", 3)).apply(x1), TypeError, "mark_non_differentiable takes Tensors"),
        (lambda: function(forward=marking("mark_dirty", x1)).apply(x1), RuntimeError, "must return each input that it marked as dirty"),
        (lambda: tg.utils.checkpoint.checkpoint(lambda _x: 3, x1), TypeError, "must return one Tensor, got int"),
        (lambda: tg.autograd.grad(tg.utils.checkpoint.checkpoint(lambda x: x**2, x1).sum(), [x1], create_graph=True),
         RuntimeError, "a checkpoint has no second derivative"),
    ],
)  # fmt: skip
def test_refusals_of_functions(call: Call, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_a_gradient_may_be_none_longer_by_nones_or_broadcast() -> None:
    for backward, expected in (
        (lambda _ctx, g: (2 * g, None, None), 2.0),
        (lambda _ctx, g: 2 * g.expand(4, 3), 8.0),
        (lambda _ctx, g: (2 * g).float(), 2.0),
        (lambda _ctx, g: tg.ones(1, 1, 3), 1.0),  # noqa: ARG005
    ):
        (g,) = slope(function(backward=backward), x1)
        assert (g.shape, g.dtype) == ((3,), np.float64)
        np.testing.assert_array_equal(g.numpy(), expected)


def test_outputs_that_nobody_used_have_zeros_or_none() -> None:
    got: list[Any] = []

    def forward(ctx: Any, x: Any, materialize: bool) -> Any:
        ctx.set_materialize_grads(materialize)
        return 2 * x, 3 * x

    def backward(_ctx: Any, g: Any, h: Any) -> Any:
        got.append(h)
        return 2 * g, None

    for materialize in (True, False):
        f = function(forward=forward, backward=backward)
        tg.autograd.grad(f.apply(x1, materialize)[0].sum(), [x1])
    assert got[0].numpy().tolist() == [0, 0, 0]
    assert got[1] is None


def test_what_was_kept_comes_back_in_its_order() -> None:
    other = leaf(V)
    seen: list[Any] = []

    def forward(ctx: Any, x: Any, y: Any) -> Any:
        a, b = x * 2, y * 3
        ctx.save_for_backward(b, None, y, other, x, a)
        assert ctx.needs_input_grad == (True, False)
        assert ctx.saved_tensors == ()
        return a, b

    def backward(ctx: Any, g: Any, _h: Any) -> Any:
        seen.extend(None if t is None else t.numpy().tolist() for t in ctx.saved_tensors)
        return 2 * g, None

    a, _ = function(forward=forward, backward=backward).apply(x1, tg.tensor(Y))
    a.sum().backward()
    assert seen == [(3 * Y).tolist(), None, Y.tolist(), V.tolist(), X.tolist(), (2 * X).tolist()]
    x1.grad = None


def test_a_forward_that_knows_nothing_of_its_context() -> None:
    def setup(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.factor = inputs[1]
        ctx.save_for_backward(output)

    def backward(ctx: Any, g: Any) -> Any:
        (y,) = ctx.saved_tensors
        return ctx.factor * g + 0 * y, None

    f = function(forward=lambda x, n=5: n * x, setup_context=setup, backward=backward)
    np.testing.assert_array_equal(slope(f, x1, 4)[0].numpy(), 4)
    np.testing.assert_array_equal(tg.autograd.grad(f.apply(x1, n=4).sum(), [x1])[0].numpy(), 4)
    np.testing.assert_array_equal(tg.autograd.grad(f.apply(x=x1).sum(), [x1])[0].numpy(), 5)


def test_an_output_is_a_new_tensor_where_it_is_one_of_the_inputs_twice_there_or_a_view() -> None:
    for forward in (
        lambda _ctx, x: x,
        lambda _ctx, x: x.view_as(x),
        lambda _ctx, x: (x * 1,) * 2,
        lambda _ctx, _x: x1,
    ):
        x = leaf(X)
        ys = function(forward=forward, backward=lambda _ctx, g, *h: sum(h, g)).apply(x)
        ys = ys if isinstance(ys, tuple) else (ys,)
        assert len({id(y) for y in (*ys, x, x1)}) == len(ys) + 2
        assert all(y.requires_grad and not y.is_leaf for y in ys)
        sum(y.sum() for y in ys).backward()
        np.testing.assert_array_equal(x.grad.numpy(), len(ys))
    assert x1.is_leaf


def test_outputs_without_a_gradient_do_not_require_one() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        y = x * 2
        ctx.mark_non_differentiable(y)
        return y, (x > 0), "no tensor", x * 3

    f = function(forward=forward, backward=lambda _ctx, _a, _b, _c, g: 3 * g)
    y, mask, text, z = f.apply(x1)
    assert (y.requires_grad, mask.requires_grad, text, z.requires_grad) == (False, False, "no tensor", True)
    np.testing.assert_array_equal(tg.autograd.grad(z.sum(), [x1])[0].numpy(), 3)
    with tg.no_grad():
        assert not f.apply(x1)[3].requires_grad
        assert not function(forward=lambda _ctx, x: x).apply(x1).requires_grad


def test_what_was_kept_leads_on_to_where_it_came_from() -> None:
    """An output, the second of two, an input and a stranger: second derivatives go through each."""
    other = leaf(V)

    def forward(ctx: Any, x: Any) -> Any:
        a, b = x.exp(), x * other.detach()
        ctx.save_for_backward(a, other, x)
        return a, b

    def backward(ctx: Any, g: Any, h: Any) -> Any:
        a, v, _x = ctx.saved_tensors
        return g * a + h * v

    f = function(forward=forward, backward=backward)
    x = leaf(X)
    y, z = f.apply(x)
    (first,) = tg.autograd.grad((y * y).sum() + (z * z).sum() / 2, [x], create_graph=True)
    np.testing.assert_allclose(first.numpy(), 2 * np.exp(2 * X) + X * V**2)
    by_x, by_other = tg.autograd.grad(first.sum(), [x, other])
    np.testing.assert_allclose(by_x.numpy(), 4 * np.exp(2 * X) + V**2)
    np.testing.assert_allclose(by_other.numpy(), X * V)

    def swapped(ctx: Any, x: Any) -> Any:
        b, a = forward(ctx, x)
        return a, b

    y, z = function(forward=swapped, backward=lambda ctx, g, h: backward(ctx, h, g)).apply(x)
    (first,) = tg.autograd.grad((z * z).sum(), [x], create_graph=True)
    np.testing.assert_allclose(tg.autograd.grad(first.sum(), [x])[0].numpy(), 4 * np.exp(2 * X))


def test_an_input_that_is_written_into_is_the_output() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.mark_dirty(x)
        return x.mul_(2)

    f, x = function(forward=forward), leaf(X)
    inner = x * 1
    y = f.apply(inner)
    assert y is inner
    np.testing.assert_array_equal(y.numpy(), 2 * X)
    np.testing.assert_array_equal(tg.autograd.grad(y.sum(), [x])[0].numpy(), 2)
    with pytest.raises(RuntimeError, match="leaf"):
        f.apply(leaf(X))


def test_each_input_gets_its_own_and_the_context_is_left() -> None:
    contexts: list[Any] = []

    def forward(ctx: Any, x: Any, y: Any) -> Any:
        contexts.append(ctx)
        ctx.save_for_backward(x)
        return x * y

    def backward(ctx: Any, g: Any) -> Any:
        return None, g * ctx.saved_tensors[0]

    x, y = leaf(X), leaf(V)
    function(forward=forward, backward=backward).apply(x, y).sum().backward()
    assert x.grad is None
    np.testing.assert_array_equal(y.grad.numpy(), X)
    assert contexts[0].saved_tensors == ()


def test_a_segment_takes_what_is_no_tensor_and_leaves_gradients_in_no_graph() -> None:
    x, still = leaf(X), leaf(V, grad=False)
    y = tg.utils.checkpoint.checkpoint(lambda x, s, n, *, k: (x * s) ** n * k, x, still, 2, k=3)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 6 * X * V**2)
    assert not x.grad.requires_grad
    assert still.grad is None
    with tg.no_grad():
        z = tg.utils.checkpoint.checkpoint(lambda x: x * 2, x)
    np.testing.assert_array_equal(z.numpy(), 2 * X)
    assert not z.requires_grad
