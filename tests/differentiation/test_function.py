"""`autograd.Function`: the same programs here and in PyTorch, finite differences, and what PyTorch cannot say."""

# ruff: noqa: E501  (tables)

from __future__ import annotations

import gc
import pickle
from typing import Any

import numpy as np
import pytest
from differentiation.beside import agree, outcome
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn.autograd import Function
from tinygrad_cnn.autograd.function import FunctionCtx, once_differentiable


def leaf(L: Any, *numbers: float) -> Any:
    return L.tensor(list(numbers), dtype=L.float64, requires_grad=True)


def made(L: Any, forward: Any, backward: Any, **more: Any) -> Any:
    """A Function of these two."""
    names = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("Made", (L.autograd.Function,), {**names, **more}).apply


def slopes(L: Any, y: Any, *xs: Any) -> Any:
    """First derivatives of sum(y * weights), and second ones where there are any."""
    weights = L.tensor(np.linspace(1.0, 2.0, y.numel()).reshape(tuple(y.shape)))
    first = L.autograd.grad((y * weights).sum(), xs, create_graph=True, allow_unused=True)
    total = sum((g * g * g).sum() for g in first if g is not None and g.requires_grad)
    if isinstance(total, int):
        return y, first
    return y, first, L.autograd.grad(total, xs, allow_unused=True)


# -------------------------------------------------------------------------------------------- functions, in both
def product(L: Any) -> Any:
    def forward(ctx: Any, a: Any, b: Any) -> Any:
        ctx.save_for_backward(a, b)
        return a * b

    def backward(ctx: Any, g: Any) -> Any:
        a, b = ctx.saved_tensors
        return g * b, g * a

    return made(L, forward, backward)


def exponential(L: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    return made(L, forward, lambda ctx, g: g * ctx.saved_tensors[0])


def an_intermediate(L: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.half = x * 0.5
        ctx.save_for_backward(x, None, ctx.half)
        return ctx.half * ctx.half

    def backward(ctx: Any, g: Any) -> Any:
        x, nothing, half = ctx.saved_tensors
        assert nothing is None
        return g * x * 0.5 + 0 * half

    return made(L, forward, backward)


def several_outputs(L: Any) -> Any:
    def forward(ctx: Any, a: Any, b: Any) -> Any:
        y, z = a * b, (a + b).sin()
        ctx.save_for_backward(a, b, y, z)
        return y, z

    def backward(ctx: Any, gy: Any, gz: Any) -> Any:
        a, b, y, _ = ctx.saved_tensors
        return gy * b + gz * (a + b).cos(), gy * y / b + gz * (a + b).cos()

    return made(L, forward, backward)


def apart(L: Any) -> Any:
    class Apart(L.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(x: Any, n: int) -> Any:
            return x**n

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            x, ctx.n = inputs
            ctx.save_for_backward(x, output)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, y = ctx.saved_tensors
            return g * ctx.n * y / x, None

    return Apart.apply


def values_and_slopes(name: str) -> Any:
    def program(L: Any) -> Any:
        a, b = leaf(L, 0.5, 1.5, -2.0), leaf(L, 2.0, -1.0, 0.25)
        match name:
            case "product":
                return slopes(L, product(L)(a, b), a, b)
            case "a square, of one tensor given twice":
                return slopes(L, product(L)(a, a), a)
            case "within a graph":
                return slopes(L, product(L)(a * b, b.sin()) * a, a, b)
            case "of one another":
                return slopes(L, exponential(L)(product(L)(a, b)), a, b)
            case "an output is kept":
                return slopes(L, exponential(L)(a), a)
            case "an intermediate is kept":
                return slopes(L, an_intermediate(L)(a), a)
            case "several outputs":
                y, z = several_outputs(L)(a, b)
                return slopes(L, y * z + z, a, b)
            case "several outputs, one of them used":
                return slopes(L, several_outputs(L)(a, b)[1], a, b)
            case "several outputs, each by itself":
                y, z = several_outputs(L)(a, b)
                return [L.autograd.grad(t.sum(), (a, b), retain_graph=True) for t in (y, z)]
            case "setup_context":
                return slopes(L, apart(L)(a, 3), a)
            case "a constant beside":
                return slopes(L, product(L)(a, b.detach()), a)
            case "broadcasting, summed back":
                return slopes(L, product(L)(a, leaf(L, 3.0)), a)
            case "in float32":
                x = L.tensor([0.5, 2.0], requires_grad=True)
                return slopes(L, made(L, lambda _c, x: x * 2, lambda _c, g: (g * 2).to(L.float64))(x), x)
            case _:
                raise AssertionError(name)

    return program


VALUES = [
    "product", "a square, of one tensor given twice", "within a graph", "of one another", "an output is kept",
    "an intermediate is kept", "several outputs", "several outputs, one of them used",
    "several outputs, each by itself", "setup_context", "a constant beside", "broadcasting, summed back", "in float32",
]  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_values_and_both_derivatives(name: str, torch: Any) -> None:
    agree(values_and_slopes(name), torch)


# ------------------------------------------------------------------------------------------------ what ctx can do
def run(L: Any, forward: Any, backward: Any, *args: Any, many: bool = False) -> Any:
    x = leaf(L, 1.0, 2.0, 3.0)
    y = made(L, forward, backward)(x, *args)
    total = sum(t.sum() for t in y if hasattr(t, "requires_grad") and t.requires_grad) if many else y.sum()
    return y, L.autograd.grad(total, x, allow_unused=True)


def save(ctx: Any, x: Any) -> Any:
    ctx.save_for_backward(x)
    return x * 2


def dirty(ctx: Any, x: Any) -> Any:
    x.mul_(2)
    ctx.mark_dirty(x)
    return x


def unmarked(ctx: Any, x: Any, flag: bool) -> Any:
    ctx.set_materialize_grads(flag)
    return x * 2, x * 3, x > 1, "text"


def seen(gs: Any) -> Any:
    return [None if g is None else g.tolist() for g in gs]


def materialized(flag: bool) -> Any:
    def program(L: Any) -> Any:
        found: list[Any] = []

        def backward(ctx: Any, *gs: Any) -> Any:
            found.append((seen(gs), list(ctx.needs_input_grad)))
            return gs[0], None

        x = leaf(L, 1.0, 2.0, 3.0)
        y = made(L, unmarked, backward)(x, flag)
        y[0].sum().backward()
        return found, y, x.grad

    return program


def written_in_place(L: Any, view: bool, then: bool) -> Any:
    x = leaf(L, 1.0, 2.0, 3.0)
    z = x * 1
    v = z[:2] if view else z
    w = made(L, dirty, lambda _c, g: g * 2)(v)
    if then:
        w.mul_(3)
    y = (z * z).sum() + w.sum()
    return w is v, z, w, L.autograd.grad(y, x)


def needs(L: Any) -> Any:
    a, b = leaf(L, 1.0), leaf(L, 2.0)
    found = []

    def forward(ctx: Any, *_args: Any) -> Any:
        found.append(list(ctx.needs_input_grad))
        return a.detach() * 2

    apply = made(L, forward, lambda _c, g: (g, None, None, g))
    apply(a, b.detach(), 3, b)
    with L.no_grad():
        y = apply(a, b.detach(), 3, b)
    z = apply(a.detach(), b.detach(), 3, b.detach())
    return found, y, z


def kept_twice(ctx: Any, x: Any) -> Any:
    ctx.save_for_backward(x, x)
    ctx.save_for_backward(x)
    return x * 2


def length(ctx: Any, g: Any) -> Any:
    return g * len(ctx.saved_tensors)


def a_closure(L: Any) -> Any:
    w, x = leaf(L, 3.0), leaf(L, 2.0)

    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(w)
        return x * w

    (g,) = L.autograd.grad(made(L, forward, lambda c, g: g * c.saved_tensors[0])(x).sum(), x, create_graph=True)
    return g, L.autograd.grad(g.sum(), w)  # w is no input, but kept with its history


def hooks(L: Any) -> Any:
    x = leaf(L, 1.0, 2.0)
    y, z = several_outputs(L)(x, x)
    y.register_hook(lambda g: g * 10)
    z.retain_grad()
    x.register_hook(lambda g: g + 1)
    (y + z * 2).sum().backward()
    return x.grad, z.grad


def some_inputs(L: Any) -> Any:
    a, b = leaf(L, 1.0), leaf(L, 2.0)
    called = []

    def backward(_ctx: Any, g: Any) -> Any:
        called.append(1)
        return g * 2, g * 3

    y = made(L, lambda _c, a, b: a * 2 + b * 3, backward)(a, b)
    return L.autograd.grad((y * b).sum(), b), called, L.autograd.grad(made(L, save, backward)(a).sum() * b, b), called


def refused_twice(L: Any, way: str) -> Any:
    once = L.autograd.function.once_differentiable
    x = leaf(L, 1.0, 2.0)
    f = made(L, save, once(lambda c, g: g * 2 * c.saved_tensors[0]))
    y = (f(x) * x).sum() if way == "through g" else f(x).sum()
    (g,) = L.autograd.grad(y, x, create_graph=way != "once")
    return g if way == "once" else g.sum().backward()


def returns(gradient: Any) -> Any:
    return lambda L: run(L, lambda _c, x, *_: x * 2, lambda _c, g: gradient(L, g))[1]


PROGRAMS: dict[str, Any] = {
    "materialized": materialized(True),
    "not materialized": materialized(False),
    "dirty": lambda L: written_in_place(L, view=False, then=False),
    "dirty, then written to": lambda L: written_in_place(L, view=False, then=True),
    "dirty view": lambda L: written_in_place(L, view=True, then=False),
    "dirty view, then written to": lambda L: written_in_place(L, view=True, then=True),
    "dirty leaf": lambda L: run(L, dirty, lambda _c, g: g),
    "dirty, not returned": lambda L: made(L, lambda c, x: (dirty(c, x), x * 1)[1], length)(leaf(L, 1.0) * 1),
    "dirty and a constant": lambda L: made(L, dirty, lambda _c, g: g)(leaf(L, 1.0).detach()),
    "not differentiable": lambda L: made(L, lambda c, x: [y := x * 2, c.mark_non_differentiable(y)][0], length)(leaf(L, 1.0)),
    "an input, not differentiable": lambda L: made(L, lambda c, x: [x, c.mark_non_differentiable(x)][0], length)(leaf(L, 1.0)),
    "an input is returned": lambda L: run(L, lambda _c, x: x, lambda _c, g: -g),
    "a view is returned": lambda L: run(L, lambda _c, x: x[1:], lambda _c, g: L.cat([g, g])[:3]),
    "one output twice": lambda L: run(L, lambda _c, x: (x * 2,) * 2, lambda _c, g, h: g * 2 + h * 3, many=True)[0],
    "a tuple of one": lambda L: run(L, lambda _c, x: (x * 2,), lambda _c, g: (g * 2,), many=True),
    "nothing is returned": lambda L: made(L, lambda _c, _x: None, length)(leaf(L, 1.0)),
    "a list is returned": lambda L: made(L, lambda _c, x: [x * 2], length)(leaf(L, 1.0)),
    "a leaf is returned": lambda L: run(L, lambda _c, x: (x * 2, L.zeros(2, dtype=L.float64, requires_grad=True)), lambda _c, g, _h: g, many=True),
    "needs_input_grad": needs,
    "keywords": lambda L: made(L, lambda _c, x, n=2, *, m=1: x * n * m, lambda _c, g: (g, None))(leaf(L, 1.0), n=3),
    "kept twice": lambda L: run(L, kept_twice, length),
    "kept nothing": lambda L: run(L, lambda _c, x: x * 2, length),
    "a closure": a_closure,
    "hooks": hooks,
    "some inputs": some_inputs,
    "no gradient": returns(lambda _L, _g: None),
    "more None than inputs": returns(lambda _L, g: (g, None, None)),
    "more gradients than inputs": returns(lambda _L, g: (g, g)),
    "no gradient for an input": lambda L: run(L, lambda _c, x, _n: x * 2, lambda _c, g: g, 3),
    "a gradient for a number": lambda L: run(L, lambda _c, x, _n: x * 2, lambda _c, g: (g, g), 3),
    "a number": returns(lambda _L, _g: 2.0),
    "a list": returns(lambda _L, g: [g]),
    "of another shape": returns(lambda _L, g: g[:2]),
    "too small": returns(lambda _L, g: g[:1]),
    "summed back": returns(lambda L, g: L.stack([g, 2 * g])),
    "of another dtype": returns(lambda L, g: g.to(L.int64)),
    "an error in backward": returns(lambda _L, g: g.nothing_of_this_name),
    "saved is no tensor": lambda L: run(L, lambda c, x: (c.save_for_backward(3), x * 2)[1], length),
    "backward twice": lambda L: [(y := run(L, save, length)[0]).sum().backward(), y.sum().backward()],
    "backward twice, retained": lambda L: [(y := made(L, save, length)(leaf(L, 1.0))).sum().backward(retain_graph=True), y.sum().backward()],
    "an instance is called": lambda L: L.autograd.Function()(leaf(L, 1.0)),
    "no forward": lambda L: L.autograd.Function.apply(leaf(L, 1.0)),
    "no backward": lambda L: type("F", (L.autograd.Function,), {"forward": staticmethod(save)}).apply(leaf(L, 1.0)).sum().backward(),
    "vjp": lambda L: type("F", (L.autograd.Function,), {"forward": staticmethod(save), "vjp": staticmethod(length)}).apply(leaf(L, 1.0)).sum().backward(),
    "backward and vjp": lambda L: made(L, save, length, vjp=staticmethod(length))(leaf(L, 1.0)).sum().backward(),
    "once": lambda L: refused_twice(L, "once"),
    "once, twice": lambda L: refused_twice(L, "through g"),
    "once, of a constant gradient": lambda L: refused_twice(L, "constant"),
    "of integers": lambda L: made(L, lambda _c, x: x * 2, length)(L.tensor([1, 2])),
    "overwritten": lambda L: [x := leaf(L, 1.0), y := made(L, save, length)(x), x.data.add_(1), y][0],
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_like_torch(name: str, torch: Any) -> None:
    agree(PROGRAMS[name], torch)


def test_errors_are_no_accident(torch: Any) -> None:
    """The programs above whose outcome is an error, counted: a program that breaks for another reason shows here."""
    wrong = [name for name, program in PROGRAMS.items() if isinstance(outcome(program, torch), type)]
    assert len(wrong) == 18, wrong


# --------------------------------------------------------------------------------------------------- beyond PyTorch
def test_the_errors_name_the_function_and_the_remedy() -> None:
    x = leaf(tg, 1.0, 2.0)

    def broken(returned: Any) -> None:
        made(tg, lambda _c, a, _n: a * 2, lambda _c, g: returned(g))(x, 3).sum().backward()

    with pytest.raises(RuntimeError, match=r"backward of 'Made' must return .* each of the 2 input.*; it returned 1"):
        broken(lambda g: g)
    with pytest.raises(RuntimeError, match="'Made' returned a gradient for input 1, which is no Tensor; return None"):
        broken(lambda g: (g, g))
    with pytest.raises(RuntimeError, match="'Made' returned a float as gradient 0; it must be a Tensor or None"):
        broken(lambda _g: (1.0, None))
    with pytest.raises(RuntimeError, match=r"'Made' returned a gradient of shape \(1,\) for input 0; .* shape, \(2,\)"):
        broken(lambda g: (g[:1], None))
    with pytest.raises(ZeroDivisionError, match=r"(?s)division by zero.*in the backward of 'Made'"):
        broken(lambda _g: 1 / 0)
    assert x.grad is None
    with pytest.raises(
        TypeError, match="Made: save_for_backward keeps Tensors and None, argument 1 is a int; keep any"
    ):
        made(tg, lambda c, a: c.save_for_backward(a, 3), length)(x)
    with pytest.raises(TypeError, match="Made: mark_dirty takes Tensors, got a list"):
        made(tg, lambda c, a: c.mark_dirty([a]), length)(x)
    with pytest.raises(RuntimeError, match=r"call Function.apply\(...\)"):
        Function()(x)


@pytest.mark.parametrize("which", ["the input", "the output", "another"])
def test_a_write_into_what_was_kept_is_refused(which: str) -> None:
    """Also through ``.data``, where PyTorch does not see it and is silently wrong."""
    x = leaf(tg, 1.0, 2.0) * 1
    kept: list[Any] = []

    def forward(ctx: Any, x: Any) -> Any:
        y = x * 2
        kept.append({"the input": x, "the output": y, "another": x * 3}[which])
        ctx.save_for_backward(kept[0])
        return y

    y = made(tg, forward, lambda ctx, g: g * ctx.saved_tensors[0])(x)
    kept[0].data.add_(1)
    with pytest.raises(RuntimeError, match="was changed in place after it was used"):
        y.sum().backward()


def test_a_second_derivative_that_is_marked_away_is_refused_along_every_way() -> None:
    """PyTorch refuses in backward(), but its grad() by the inputs passes the mark by and leaves a term out."""
    x = leaf(tg, 1.0, 2.0)
    f = made(tg, save, once_differentiable(lambda c, g: g * 2 * c.saved_tensors[0]))
    (g,) = tg.grad((f(x) * x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="'Made' is marked @once_differentiable"):
        tg.grad(g.sum(), x)


def test_the_gradient_that_is_kept_is_nobody_elses() -> None:
    """What backward returns becomes .grad, and is added to; a constant that it returns must not change with it."""
    constant = tg.tensor([1.0, 1.0], dtype=tg.float64)
    f = made(tg, lambda _c, x: x * 2, lambda _c, _g: constant)
    x = leaf(tg, 1.0, 2.0)
    for _ in range(3):
        f(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3.0, 3.0]
    assert constant.tolist() == [1.0, 1.0]


def test_a_write_into_an_input_that_is_returned() -> None:
    """PyTorch refuses it; here it does not go past the backward, and leaves the input alone."""
    x = leaf(tg, 1.0, 2.0)
    z = x * 1
    y = made(tg, lambda _c, a: a, lambda _c, g: -g)(z)
    y.mul_(3)
    ((y + z).sum()).backward()
    assert z.tolist() == [1.0, 2.0]
    assert x.grad is not None
    assert x.grad.tolist() == [-2.0, -2.0]


def test_nothing_is_left_of_a_graph() -> None:
    """Without the garbage collector: a node does not hold what it made, whatever was kept."""
    gc.collect()
    gc.disable()
    try:
        before = sum(type(o) in (FunctionCtx, tg.Tensor) for o in gc.get_objects())
        for _ in range(20):
            x = leaf(tg, 1.0, 2.0)
            y, z = several_outputs(tg)(x, x)
            w = exponential(tg)(y + z)
            v = made(tg, dirty, lambda _c, g: g * 2)(w * 1)
            v.sum().backward()
            del x, y, z, w, v
        after = sum(type(o) in (FunctionCtx, tg.Tensor) for o in gc.get_objects())
    finally:
        gc.enable()
    assert after == before


def test_what_was_kept_is_freed_by_backward() -> None:
    x = leaf(tg, *range(1000))
    y = an_intermediate(tg)(x * 1)
    node: Any = y.grad_fn
    assert sum(isinstance(a, np.ndarray) for a in node.saved) == 2  # the input and the half
    y.sum().backward()
    assert node.saved is None


def test_it_is_drawn_with_its_gradients() -> None:
    x = leaf(tg, 1.0, 2.0)
    y, z = several_outputs(tg)(x, x)
    total = exponential(tg)(y * z).sum()
    picture = tg.viz.draw_graph(total, gradients=True).picture
    labels = [box.label for box in picture.boxes]
    assert labels == ["leaf", "Made", "output 0 of Made", "output 1 of Made", "mul", "Made", "sum"]
    total.backward()  # it was not freed
    assert x.grad is not None
    assert picture.boxes[0].gradient is not None
    np.testing.assert_allclose(picture.boxes[0].gradient.values, x.grad.tolist())


def test_its_operations_are_profiled() -> None:
    x = leaf(tg, 1.0, 2.0)
    with tg.profiler.profile() as p:
        product(tg)(x, x).sum().backward()
    assert [e.name for e in p.events if e.name == "mul"] == ["mul"] * 3  # one forward, two in the backward


def test_anomalies_are_found_in_its_backward() -> None:
    x = leaf(tg, 0.0, 2.0)
    f = made(tg, save, lambda c, g: g / c.saved_tensors[0])
    with tg.autograd.detect_anomaly(), pytest.raises(RuntimeError, match=r"made inf at index .* from finite inputs"):
        f(x).sum().backward()


@given(data=st.data(), shape=st.sampled_from([(), (3,), (2, 3), (0,)]))
def test_derivatives_beside_differences(data: Any, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    a, b = (tg.tensor(rng.uniform(0.5, 2.0, shape), requires_grad=True) for _ in range(2))

    def function(a: Any, b: Any) -> Any:
        y, z = several_outputs(tg)(a, product(tg)(a, b))
        return exponential(tg)(y * 0.1) + an_intermediate(tg)(z)

    tg.testing.gradcheck(function, (a, b))
    tg.testing.gradgradcheck(function, (a, b))


def test_importable_under_pytorchs_names() -> None:
    import tinygrad_cnn.autograd.function as face

    assert face.Function is tg.autograd.Function is Function
    assert face.once_differentiable is once_differentiable
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = tg.autograd.nothing
    with pytest.raises(NotImplementedError, match=r"forward_ad.dual_level: .* use autograd.functional.jvp"):
        tg.autograd.forward_ad.dual_level()
    assert pickle.loads(pickle.dumps(Function)) is Function
