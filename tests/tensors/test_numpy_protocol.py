"""NumPy's functions on tensors: an answer, or an error that names the way out; every ufunc, in every way to call it."""

from __future__ import annotations

import collections
import itertools
import re
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.tensors import Tensor
from tinygrad_cnn.tensors.numpy_protocol import _METHODS

UFUNCS = {f.__name__: f for f in vars(np).values() if isinstance(f, np.ufunc) and f.__name__ != "isnat"}  # isnat: dates
WAY_OUT = r"^np\.[\w.]+( with \w+=)* does not know gradients: use (tg\.(\w+), or )?x\.detach\(\)\.numpy\(\)"
NOT_INTO = r"^np\.[\w.]+( with \w+=)* cannot write into a Tensor: assign to x\[\.\.\.\], or use x\.copy_"

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore:__array_wrap__:DeprecationWarning")


def arrays(ufunc: np.ufunc, count: int | None = None) -> list[Any]:
    """Inputs of the first kind that the ufunc takes: floating if it can."""
    n = ufunc.nin if count is None else count
    least = 1.2 if ufunc is np.arccosh else 0.2
    core = {"matvec": [(3, 3), (3,)], "vecmat": [(3,), (3, 3)], "matmul": [(3, 3), (3, 3)]}.get(ufunc.__name__)
    for dtype in (np.float32, np.int64):
        inputs = [
            np.linspace(least, least + 0.57, 9).astype(dtype).reshape(3, 3) * (k + 1) + (dtype is np.int64)
            for k in range(n)
        ]
        inputs = [x.astype(dtype) if core is None else x.astype(dtype).flat[: np.prod(core[k])].reshape(core[k])
                  for k, x in enumerate(inputs)]  # fmt: skip
        if ufunc.__name__ == "ldexp":
            return [inputs[0], np.array([1, 2, 3])]
        try:
            ufunc(*inputs[: ufunc.nin])
        except TypeError:
            continue
        return inputs
    raise AssertionError(f"no inputs for {ufunc}")


def same(mine: Any, theirs: Any) -> None:
    if isinstance(theirs, tuple):
        assert isinstance(mine, tuple)
        for a, b in zip(mine, theirs, strict=True):
            same(a, b)
        return
    assert isinstance(mine, Tensor)
    assert mine.shape == np.shape(theirs)
    np.testing.assert_allclose(mine.numpy(), theirs, rtol=2e-6)


def leaves(inputs: list[Any]) -> list[Any]:
    return [tg.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]


def floating(result: Any) -> bool:
    return any(np.asarray(r).dtype.kind == "f" for r in (result if isinstance(result, tuple) else (result,)))


# ----------------------------------------------------------------------------------------------------------- ufuncs
@pytest.mark.parametrize("name", UFUNCS)
def test_a_ufunc_of_tensors_is_numpys_answer_as_a_tensor(name: str) -> None:
    ufunc = UFUNCS[name]
    inputs = arrays(ufunc)
    expected = ufunc(*inputs)
    same(ufunc(*[tg.tensor(x) for x in inputs]), expected)
    for which in itertools.product([False, True], repeat=len(inputs)):  # arrays and tensors together
        if any(which):
            same(ufunc(*[tg.tensor(x) if t else x for x, t in zip(inputs, which, strict=True)]), expected)
    if ufunc.nin == 2 and name not in (
        "heaviside",  # of one dtype, as in PyTorch
        "ldexp",
        "matmul",
        "matvec",
        "vecmat",
        "vecdot",
    ):
        same(ufunc(inputs[0].tolist(), tg.tensor(inputs[1])), expected)
        same(ufunc(tg.tensor(inputs[0]), inputs[1][0, 0]), ufunc(inputs[0], inputs[1][0, 0]))


@pytest.mark.parametrize("name", UFUNCS)
def test_a_ufunc_of_what_requires_grad_is_differentiable_or_says_what_to_do(name: str) -> None:
    ufunc = UFUNCS[name]
    inputs = arrays(ufunc)
    expected = ufunc(*inputs)
    xs = leaves(inputs)
    if not any(x.requires_grad for x in xs):
        same(ufunc(*xs), expected)
        return
    try:
        y = ufunc(*xs)
    except RuntimeError as error:
        text = str(error)
    else:
        same(y, expected)
        assert not floating(expected) or y.requires_grad or ufunc is np.heaviside  # which has none, as in PyTorch
        if y.requires_grad:
            check_gradients(ufunc, inputs)
        return
    check_hint(text)
    assert floating(expected)
    with tg.no_grad():  # nothing is recorded, so nothing is lost
        same(ufunc(*xs), expected)


def check_gradients(function: Callable[..., Any], inputs: list[Any]) -> None:
    """Along one direction for each input, against a central difference of NumPy's own answers."""
    arrays = [x.astype(np.float64) for x in inputs]
    leaves = [tg.tensor(x, requires_grad=True) for x in arrays]
    y = function(*leaves)
    weights = np.linspace(0.5, 1.5, y.numel()).reshape(y.shape)
    grads = tg.grad((y * weights).sum(), leaves, allow_unused=True)
    for k, (x, g) in enumerate(zip(arrays, grads, strict=True)):
        step = 1e-6 * np.linspace(1.0, 2.0, x.size).reshape(x.shape)
        up, down = (function(*arrays[:k], x + sign * step, *arrays[k + 1 :]) for sign in (1, -1))
        slope = float(((np.asarray(up) - np.asarray(down)) * weights).sum() / 2)
        mine = 0.0 if g is None else float((g.numpy() * step).sum())
        assert mine == pytest.approx(slope, rel=1e-6, abs=1e-13)  # 1e-6 of 1, with 1e-16 of rounding


def check_hint(text: str) -> None:
    found = re.match(WAY_OUT, text)
    assert found, text
    assert found[3] is None or callable(getattr(tg, found[3])), text


@pytest.mark.parametrize("name", UFUNCS)
def test_out_is_written_into_unless_a_gradient_would_be_lost(name: str) -> None:
    ufunc = UFUNCS[name]
    inputs = arrays(ufunc)
    expected = ufunc(*inputs)
    outs = tuple(map(np.zeros_like, expected if isinstance(expected, tuple) else (expected,)))
    result = ufunc(*[tg.tensor(x) for x in inputs], out=outs)
    assert all(r is out for r, out in zip(result if len(outs) > 1 else (result,), outs, strict=True))
    np.testing.assert_array_equal(outs, expected if isinstance(expected, tuple) else (expected,))
    with pytest.raises(TypeError, match=NOT_INTO):
        ufunc(*inputs, out=tuple(tg.tensor(out) for out in outs))
    xs = leaves(inputs)
    if any(x.requires_grad for x in xs):
        for out in outs:
            out[...] = 0
        with pytest.raises(RuntimeError, match=WAY_OUT):
            ufunc(*xs, out=outs)
        assert not any(out.any() for out in outs), "a call that fails wrote"


METHODS: dict[str, Callable[..., Any]] = {
    "reduce": lambda f, x, _y: f.reduce(x),
    "reduce over the last": lambda f, x, _y: f.reduce(x, axis=-1, keepdims=True),
    "reduce over all": lambda f, x, _y: f.reduce(x, axis=None),
    "accumulate": lambda f, x, _y: f.accumulate(x, axis=1),
    "reduceat": lambda f, x, _y: f.reduceat(x, [0, 2]),
    "outer": lambda f, x, y: f.outer(x, y),
    "outer with an array": lambda f, x, y: f.outer(np.asarray(x), y),
    "where": lambda f, x, y: f(x, y, where=np.eye(3, dtype=bool), out=None)[np.eye(3, dtype=bool)],
}


@pytest.mark.filterwarnings("ignore:'where' used without 'out':UserWarning")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", [name for name, f in UFUNCS.items() if f.nin == 2 and f.nout == 1 and not f.signature])
def test_the_methods_of_a_ufunc(name: str, method: str) -> None:
    ufunc, call = UFUNCS[name], METHODS[method]
    inputs = arrays(ufunc)
    try:
        expected = call(ufunc, *inputs)
    except (TypeError, ValueError) as error:  # it has none of these
        with pytest.raises(type(error)):
            call(ufunc, *[tg.tensor(x) for x in inputs])
        return
    result = call(ufunc, *[tg.tensor(x) for x in inputs])
    assert isinstance(result, Tensor)
    np.testing.assert_allclose(result.numpy(), expected, rtol=2e-6)
    xs = leaves(inputs)
    seen = xs[1:] if method == "outer with an array" else xs
    try:
        y = call(ufunc, *xs)
    except RuntimeError as error:
        text = str(error)
    else:
        assert y.requires_grad or not floating(expected) or not any(x.requires_grad for x in seen)
        np.testing.assert_allclose(y.numpy(), expected, rtol=2e-6)
        return
    check_hint(text)


@pytest.mark.parametrize("name", ["add", "multiply", "maximum"])
def test_at(name: str) -> None:
    ufunc = UFUNCS[name]
    values = tg.tensor([5.0, 6.0])
    a = np.zeros(3, np.float32)
    b = a.copy()
    ufunc.at(a, [0, 2], values)
    ufunc.at(b, [0, 2], values.numpy())
    np.testing.assert_array_equal(a, b)
    with pytest.raises(RuntimeError, match=WAY_OUT):
        ufunc.at(a, [0, 2], values.requires_grad_())
    np.testing.assert_array_equal(a, b)
    with pytest.raises(TypeError, match=NOT_INTO):
        ufunc.at(tg.zeros(3), [0], 1.0)


# --------------------------------------------------------------------------------------------------------- operators
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "@", "<", "<=", ">", ">=", "==", "!="]


@pytest.mark.parametrize("operator", OPERATORS)
def test_an_array_and_a_tensor_give_a_tensor_with_its_gradient(operator: str) -> None:
    a, t = np.arange(1.0, 4.0, dtype=np.float32), tg.tensor([2.0, 0.5, 3.0], requires_grad=True)
    y = eval(f"a {operator} t", {"a": a, "t": t})
    assert isinstance(y, Tensor)
    np.testing.assert_allclose(y.numpy(), eval(f"a {operator} b", {"a": a, "b": t.numpy()}), rtol=1e-6)
    assert y.requires_grad or y.dtype == np.bool_
    z = eval(f"a {operator} t", {"a": np.float32(2), "t": t}) if operator != "@" else y
    assert isinstance(z, Tensor)


@pytest.mark.parametrize("operator", ["+", "-", "*", "/", "//", "%", "**"])
def test_an_array_changes_in_place_by_a_tensor(operator: str) -> None:
    t = tg.tensor([2.0, 0.5, 3.0])
    a, b = np.arange(1.0, 4.0), np.arange(1.0, 4.0)
    same_array = a
    names: dict[str, Any] = {"a": a, "t": t}
    exec(f"a {operator}= t", names)
    exec(f"b {operator}= t", {"b": b, "t": t.numpy()})
    assert names["a"] is same_array
    np.testing.assert_array_equal(a, b)
    t.requires_grad_()
    with pytest.raises(RuntimeError, match=WAY_OUT):
        exec(f"a {operator}= t", names)
    np.testing.assert_array_equal(a, b)
    with tg.no_grad():
        exec(f"a {operator}= t", names)
        exec(f"b {operator}= t", {"b": b, "t": t.numpy()})
    np.testing.assert_array_equal(a, b)


def test_tensors_in_containers() -> None:
    x = tg.tensor([[1.0, 2.0], [3.0, 0.0]])
    np.testing.assert_array_equal(np.stack(x.max(dim=0)), [[3, 2], [1, 0]])
    np.testing.assert_array_equal(np.block([[x, x], [x, x]]), np.tile(x.numpy(), (2, 2)))
    with pytest.raises(TypeError, match=r"np\.stack: give the tensors themselves, or a list or tuple of them"):
        np.stack(collections.deque([x, x]))
    with pytest.raises(RuntimeError, match=WAY_OUT):
        np.block([[x.clone().requires_grad_(), x]])


def test_types_with_a_protocol_of_their_own_are_asked() -> None:
    class Other:
        def __array_ufunc__(self, *_args: Any, **_kwargs: Any) -> str:
            return "other"

        def __array_function__(self, *_args: Any) -> str:
            return "other"

    assert np.add(tg.ones(2), Other()) == "other"
    assert np.concatenate([tg.ones(2), Other()]) == "other"


# --------------------------------------------------------------------------------------------------- other functions
X = np.array([[3.0, -1.0, 2.0], [0.6, 4.0, -2.0]], np.float32)
CALLS: dict[str, Callable[[Any], Any]] = {
    "sum": lambda x: np.sum(x),
    "sum over one": lambda x: np.sum(x, axis=0),
    "sum by position": lambda x: np.sum(x, 1),
    "sum kept": lambda x: np.sum(x, axis=(0, 1), keepdims=True),
    "sum in float64": lambda x: np.sum(x, dtype=np.float64),
    "mean": lambda x: np.mean(x, axis=-1),
    "prod": lambda x: np.prod(x, axis=0),
    "max": lambda x: np.max(x, axis=0),
    "amin": lambda x: np.amin(x),
    "std": lambda x: np.std(x),
    "std of a sample": lambda x: np.std(x, axis=0, ddof=1, keepdims=True),
    "var": lambda x: np.var(x, axis=1),
    "nansum": lambda x: np.nansum(x),
    "nanmean": lambda x: np.nanmean(x, axis=0),
    "any": lambda x: np.any(x, axis=0),
    "all": lambda x: np.all(x),
    "argmax": lambda x: np.argmax(x),
    "argmin": lambda x: np.argmin(x, axis=1),
    "cumsum": lambda x: np.cumsum(x),
    "cumsum along": lambda x: np.cumsum(x, axis=0),
    "cumprod": lambda x: np.cumprod(x, axis=1),
    "reshape": lambda x: np.reshape(x, (3, 2)),
    "reshape to one": lambda x: np.reshape(x, -1),
    "transpose": lambda x: np.transpose(x),
    "transpose by axes": lambda x: np.transpose(x, (1, 0)),
    "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "squeeze": lambda x: np.squeeze(x[None]),
    "squeeze one": lambda x: np.squeeze(x[None], axis=0),
    "ravel": lambda x: np.ravel(x),
    "clip": lambda x: np.clip(x, -1.5, 2.5),
    "clip below": lambda x: np.clip(x, 0, None),
    "round": lambda x: np.round(x, 1),
    "around": lambda x: np.around(x),
}


def test_every_method_of_the_table_is_called_here() -> None:
    called = {name for call in CALLS.values() for name in call.__code__.co_names}
    assert set(_METHODS) <= called | {"max", "amax", "min", "amin"}


@pytest.mark.parametrize("name", CALLS)
def test_functions_that_are_methods_give_a_tensor_with_its_gradient(name: str) -> None:
    call = CALLS[name]
    expected = call(X)
    for dtype in (np.float32, np.int64):
        same(call(tg.tensor(X.astype(dtype))), call(X.astype(dtype)))
    x = tg.tensor(X, requires_grad=True)
    y = call(x)
    same(y, expected)
    assert y.requires_grad == floating(expected)
    if y.requires_grad:
        check_gradients(call, [X])


ARRAYS: dict[str, tuple[Callable[[Any], Any], str | None]] = {  # and what the error names where x requires grad
    "concatenate": (lambda x: np.concatenate([x, x]), "tg.cat"),
    "stack": (lambda x: np.stack([x, x]), "tg.stack"),
    "where": (lambda x: np.where(x > 0, x, 0), "tg.where"),
    "linalg.norm": (lambda x: np.linalg.norm(x), "tg.norm"),
    "dot": (lambda x: np.dot(x, x.T), "tg.dot"),
    "einsum": (lambda x: np.einsum("ij,kj->ik", x, x), "tg.einsum"),
    "expand_dims": (lambda x: np.expand_dims(x, 0), "tg.unsqueeze"),
    "percentile": (lambda x: np.percentile(x, 30), None),
    "histogram": (lambda x: np.histogram(x), None),
    "sum where": (lambda x: np.sum(x, where=X > 0), "tg.sum"),
    "pad": (lambda x: np.pad(x, 1), None),
    "linspace": (lambda x: np.linspace(0, x, 3), None),
    "fft": (lambda x: np.fft.fft(x), None),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_any_other_function_gives_numpys_answer_or_says_what_to_do(name: str) -> None:
    call, hint = ARRAYS[name]
    expected, mine = call(X), call(tg.tensor(X))
    for a, b in zip(*(v if isinstance(v, tuple) else (v,) for v in (mine, expected)), strict=True):
        np.testing.assert_array_equal(np.asarray(a), b)
        assert isinstance(a, (np.ndarray, np.generic)) or name == "sum where"
    x = tg.tensor(X, requires_grad=True)
    with pytest.raises(RuntimeError, match=WAY_OUT) as caught:
        call(x)
    assert hint is None or f"use {hint}, or" in str(caught.value)
    with tg.no_grad():
        np.testing.assert_array_equal(np.asarray(call(x.detach())[0] if isinstance(mine, tuple) else call(x)),
                                      expected[0] if isinstance(mine, tuple) else expected)  # fmt: skip


KEEPS_NO_GRADIENT: dict[str, Callable[[Any], Any]] = {
    "allclose": lambda x: np.allclose(x, x),
    "array_equal": lambda x: np.array_equal(x, X),
    "argsort": lambda x: np.argsort(x),
    "isclose": lambda x: np.isclose(x, 1),
    "nonzero": lambda x: np.nonzero(x),
    "shape": lambda x: np.shape(x),
    "ndim": lambda x: np.ndim(x),
    "size": lambda x: np.size(x),
    "zeros_like": lambda x: np.zeros_like(x),
    "ones_like": lambda x: np.ones_like(x, dtype=np.float64),
    "array2string": lambda x: np.array2string(x),
    "result_type": lambda x: np.result_type(x, np.float64),
}


@pytest.mark.parametrize("name", KEEPS_NO_GRADIENT)
def test_where_no_gradient_can_be_lost_nothing_is_refused(name: str) -> None:
    call = KEEPS_NO_GRADIENT[name]
    mine, expected = call(tg.tensor(X, requires_grad=True)), call(X)
    assert np.array_equal(mine, expected)
    assert type(mine) is type(expected)


def test_functions_that_write_leave_tensors_alone() -> None:
    x, a = tg.zeros(3), np.zeros(3, np.float32)
    for call in (
        lambda: np.copyto(x, a + 1),
        lambda: np.put(x, [0], 1.0),
        lambda: np.putmask(x, [True, False, True], 1.0),
        lambda: np.place(x, np.array([True, False, True]), [1.0]),
        lambda: np.put_along_axis(x, np.array([0]), 1.0, 0),
        lambda: np.fill_diagonal(tg.zeros(2, 2), 1.0),
        lambda: np.concatenate([a[:1], a[:2]], out=x),
        lambda: np.sum(a.reshape(1, 3), axis=0, out=x),
    ):
        with pytest.raises(TypeError, match=NOT_INTO):
            call()  # type: ignore[no-untyped-call]
    assert not x.any()
    np.copyto(a, tg.ones(3))
    np.testing.assert_array_equal(a, np.ones(3))
    total = np.zeros(())
    assert np.sum(tg.ones(3), out=total) is total
    assert total == 3
    with pytest.raises(RuntimeError, match=WAY_OUT):
        np.sum(tg.ones(3, requires_grad=True), out=total)
    assert total == 3


def test_every_hint_is_a_name_of_the_package() -> None:
    """All functions that NumPy lets others answer: the one that an error would name exists."""
    from tinygrad_cnn.tensors.numpy_protocol import _NAMES, _WRITERS, _ours

    for module in (np, np.linalg, np.fft):
        for name, function in vars(module).items():
            if isinstance(function, (np.ufunc, types.FunctionType)) or hasattr(function, "_implementation"):
                plain = getattr(function, "__name__", name)
                if _ours(plain) is not None and plain not in _WRITERS:
                    assert callable(getattr(tg, _NAMES.get(plain, plain))), name


def test_as_in_pytorch(torch: Any) -> None:
    """What gives a tensor there gives one here, and what gives an array there gives one here."""
    calls: list[Callable[[Any, Any], Any]] = [
        lambda t, _a: np.sqrt(t),
        lambda t, a: np.add(a, t),
        lambda t, _a: np.maximum(t, 0),
        lambda t, _a: np.add.reduce(t),
        lambda t, _a: np.modf(t)[0],
        lambda t, _a: np.cumsum(t),
        lambda t, _a: np.reshape(t, (3, 2)),
        lambda t, _a: np.clip(t, 0, 1),
        lambda t, _a: np.concatenate([t, t]),
        lambda t, _a: np.stack([t, t]),
        lambda t, _a: np.where(t > 0, t, 0),
        lambda t, _a: np.linalg.norm(t),
        lambda t, _a: np.allclose(t, t),
    ]
    for k, call in enumerate(calls):
        theirs, mine = call(torch.tensor(X), X), call(tg.tensor(X), X)
        assert isinstance(theirs, torch.Tensor) == isinstance(mine, Tensor), k
        np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), rtol=1e-6)


@pytest.mark.filterwarnings("ignore:'where' used without 'out'")
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: np.add(x, 1, where=[True, False]), "np.add with where= does not know gradients: use tg.add, or x.d"),
        (lambda x: np.add.reduce(x, initial=1), "np.add.reduce with initial= does not know gradients: use x.detach"),
        (lambda x: np.add.accumulate(x), "np.add.accumulate does not know gradients: use x.detach"),
        (lambda x: np.multiply.outer(x, x), "np.multiply.outer does not know gradients: use x.detach"),
        (lambda x: np.nextafter.outer(x, x), "np.nextafter.outer does not know gradients: use x.detach"),
        (lambda x: np.spacing(x), "np.spacing does not know gradients: use x.detach"),
        (lambda x: np.unwrap(x), "np.unwrap does not know gradients: use x.detach"),
    ],
)
def test_a_function_without_a_gradient_is_named_with_what_was_asked_of_it(call: Any, words: str) -> None:
    x = tg.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=words):
        call(x)
    assert np.asarray(call(x.detach())).dtype == np.float32
