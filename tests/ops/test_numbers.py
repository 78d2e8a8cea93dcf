"""Numbers at the door of integer tensors: every door lets in the same ones, and comparisons are Python's own.

What a door should do is worked out with Python's exact arithmetic. A walk over the public functions finds doors that
the table does not list.
"""

from __future__ import annotations

import importlib
import inspect
import math
import operator
import warnings
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.nn import init
from tinygrad_cnn.tensors import Tensor

INTEGERS = [np.dtype(t) for t in (np.uint8, np.int8, np.int16, np.int32, np.int64)]
DTYPES = [*INTEGERS, np.dtype(np.bool_)]
AWKWARD = (
    0, 1, 2.0, -1, -1.0, 1.5, -0.5, 127, 128, -128, -129, 255, 256.0, 300, -300, 2**31, 2**53 + 1, 2.0**53, 2**63 - 1,
    2**63, 2.0**63, -(2**63), -(2**63) - 1, -(2.0**63), 10**21, 10**30, 10**400, -(10**400), 1e300, 5e-324, -0.0,
    math.inf, -math.inf, math.nan, True, False,
)  # fmt: skip


def numbers() -> st.SearchStrategy[Any]:
    """Python's and NumPy's numbers, many of them at the edge of some dtype."""
    python = (
        st.sampled_from(AWKWARD)
        | st.integers(-(2**70), 2**70)
        | st.floats()
        | st.sampled_from([b for t in INTEGERS for b in (np.iinfo(t).min, np.iinfo(t).max)]).flatmap(
            lambda b: st.integers(int(b) - 2, int(b) + 2)
        )
    )
    numpy = st.floats(width=32).map(np.float32) | st.floats().map(np.float64) | st.booleans().map(np.bool_)
    return python | numpy | st.integers(-(2**63), 2**63 - 1).map(np.int64) | st.integers(0, 255).map(np.uint8)


def held(value: Any, dtype: np.dtype[Any]) -> int | None:
    """What an integer or boolean dtype makes of a number; None where it does not hold it."""
    number = value.item() if isinstance(value, np.generic) else value
    if dtype.kind == "b":
        return bool(number)
    info = np.iinfo(dtype)
    if not math.isfinite(number) if isinstance(number, float) else False:
        return None
    return int(number) if int(number) == number and info.min <= number <= info.max else None


def zeros(dtype: np.dtype[Any]) -> Tensor:
    return Tensor(np.zeros(2, dtype))


def assigned(dtype: np.dtype[Any], value: Any) -> Tensor:
    x = zeros(dtype)
    x[0] = value
    return x


FIRST = np.array([True, False])
ZEROTH = np.array([0])

DOORS: dict[str, Callable[[np.dtype[Any], Any], Tensor]] = {  # what gives a tensor with the number at its beginning
    "tensor": lambda t, v: tg.tensor(v, dtype=t),
    "tensor of a list": lambda t, v: tg.tensor([[v, 0], [1, 0]], dtype=t),
    "as_tensor": lambda t, v: tg.as_tensor([v], dtype=t),
    "asarray": lambda t, v: tg.asarray([v], dtype=t),
    "full": lambda t, v: tg.full((2,), v, dtype=t),
    "full_like": lambda t, v: tg.full_like(zeros(t), v),
    "new_full": lambda t, v: zeros(t).new_full((2,), v),
    "new_tensor": lambda t, v: zeros(t).new_tensor([v, 0]),
    "new of a list": lambda t, v: zeros(t).new([v]),
    "x[i] = v": assigned,
    "x[i] = [v]": lambda t, v: assigned(t, [v]),
    "setitem": lambda t, v: importlib.import_module("tinygrad_cnn.ops.index").setitem(zeros(t), 0, v),
    "fill_": lambda t, v: zeros(t).fill_(v),
    "copy_": lambda t, v: zeros(t).copy_(v),
    "masked_fill": lambda t, v: tg.masked_fill(zeros(t), Tensor(FIRST), v),
    "fill": lambda t, v: tg.fill(zeros(t), v),
    "index_fill": lambda t, v: tg.index_fill(zeros(t), 0, Tensor(ZEROTH), v),
    "scatter": lambda t, v: tg.scatter(zeros(t), 0, Tensor(ZEROTH), value=v),
    "scatter of src": lambda t, v: tg.scatter(zeros(t), 0, Tensor(ZEROTH), v),
    "nn.functional.pad": lambda t, v: F.pad(zeros(t), (1, 0), value=v),
    "nn.functional.threshold": lambda t, v: F.threshold(zeros(t), 0, v),
    "nn.init.constant_": lambda t, v: init.constant_(zeros(t), v),
    "index_add": lambda t, v: tg.index_add(zeros(t), 0, Tensor(ZEROTH), Tensor(np.ones(1, t)), alpha=v),
    "addcmul": lambda t, v: tg.addcmul(zeros(t), Tensor(np.ones(2, t)), Tensor(np.ones(2, t)), value=v),
    "masked_fill_": lambda t, v: zeros(t).masked_fill_(Tensor(FIRST), v),
    "index_fill_": lambda t, v: zeros(t).index_fill_(0, Tensor(ZEROTH), v),
    "scatter_": lambda t, v: zeros(t).scatter_(0, Tensor(ZEROTH), value=v),
    "addcmul_": lambda t, v: zeros(t).addcmul_(Tensor(np.ones(2, t)), Tensor(np.ones(2, t)), value=v),
    "fill_diagonal_": lambda t, v: zeros(t).unsqueeze(0).fill_diagonal_(v),
}
NUMERIC = {"index_add", "addcmul", "addcmul_"}  # arithmetic: 1 times the number, of integers


def check_door(door: str, value: Any, dtype: np.dtype[Any]) -> None:
    expected = held(value, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if expected is None:
            with pytest.raises(ValueError, match=f"is no number of dtype {dtype}, which holds the integers from"):
                DOORS[door](dtype, value)
        else:
            y = DOORS[door](dtype, value)
            assert y.dtype == dtype
            assert y.numpy().ravel()[0].item() == expected


@pytest.mark.parametrize("door", DOORS)
def test_awkward_numbers_at_each_door(door: str) -> None:
    for dtype in INTEGERS if door in NUMERIC else DTYPES:
        edges = [n for t in INTEGERS for n in (int(np.iinfo(t).min), int(np.iinfo(t).max))]
        beyond = [n + k for n in edges for k in (-1, 0, 1)]
        for value in (*AWKWARD, *beyond, *map(float, beyond), np.uint64(2**63), np.float32(1.5), np.float16(np.nan)):
            check_door(door, value, dtype)


@pytest.mark.parametrize("door", DOORS)
@given(value=numbers(), data=st.data())
def test_a_number_goes_in_as_it_is_or_not_at_all(door: str, value: Any, data: st.DataObject) -> None:
    check_door(door, value, data.draw(st.sampled_from(INTEGERS if door in NUMERIC else DTYPES)))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "stranger", ["a", None, 1j, object()], ids=["a string", "None", "a complex number", "an object"]
)
def test_what_is_no_number_is_named(door: str, stranger: Any) -> None:
    if (door in {"nn.functional.pad"} or door.startswith("scatter")) and stranger is None:
        return  # their way to say that no value came
    said = {str: "'a'", type(None): "None", complex: "1j", object: "object"}[type(stranger)]
    with pytest.raises(TypeError, match=said):
        DOORS[door](np.dtype(np.int64), stranger)


@pytest.mark.parametrize(
    "write", [lambda x, v: operator.setitem(x, 0, v), Tensor.fill_, Tensor.copy_, operator.iadd, Tensor.clamp_]
)
@pytest.mark.parametrize("value", [1.5, 300, math.nan])
def test_a_refused_number_changes_nothing(write: Callable[..., Any], value: Any) -> None:
    x = Tensor(np.array([7, 8], np.uint8))
    with pytest.raises((ValueError, RuntimeError), match="uint8"):
        write(x, value)
    assert x.numpy().tolist() == [7, 8]


# ------------------------------------------------------------------------------------------------- ranges of numbers
def steps(start: int, end: int, step: int) -> list[int]:
    return list(range(start, end, step))


@given(start=st.integers(-300, 300), n=st.integers(0, 5), step=st.integers(1, 100), dtype=st.sampled_from(INTEGERS))
def test_arange_and_linspace_hold_each_of_their_numbers(start: int, n: int, step: int, dtype: np.dtype[Any]) -> None:
    expected = steps(start, start + n * step, step)
    calls: list[Callable[[], Tensor]] = [
        lambda: tg.arange(start, start + n * step, step, dtype=dtype),
        lambda: tg.arange(float(start), start + n * step, step, dtype=dtype),
        lambda: tg.linspace(start, start + (n - 1) * step, n, dtype=dtype),
    ]
    for call in calls:
        if any(held(x, dtype) is None for x in expected):
            with pytest.raises(ValueError, match=f"is no number of dtype {dtype}"):
                call()
        else:
            assert call().numpy().tolist() == expected


@pytest.mark.parametrize(
    "call",
    [
        lambda: tg.arange(0, 2, 0.5, dtype=np.int64),
        lambda: tg.linspace(0, 10, 5, dtype=np.int64),
        lambda: tg.linspace(0, math.nan, 5, dtype=np.int64),
        lambda: tg.logspace(0, 1, 3, dtype=np.int64),
        lambda: tg.logspace(0, 10, 2, dtype=np.int16),
        lambda: tg.arange(10**21, 10**21 + 3),
        lambda: tg.randint(0, 257, (3,), dtype=np.uint8),
        lambda: tg.randint(-1, 3, (3,), dtype=np.uint8),
        lambda: tg.randint(0, 10**30, (3,)),
        lambda: tg.randint(0, 10**30, (3,), dtype=np.float32),
        lambda: tg.randint_like(zeros(np.dtype(np.int8)), 129),
        lambda: tg.randperm(257, dtype=np.uint8),
        lambda: tg.tril_indices(300, 2, dtype=np.uint8),
        lambda: tg.triu_indices(2, 300, dtype=np.int8),
        lambda: tg.tensor([10**21]),
        lambda: tg.tensor([2**63]),
        lambda: tg.tensor([2**63, -1]),
        lambda: tg.tensor([2**53 + 1, 0.5], dtype=np.int64),
        lambda: tg.full((2,), 10**21),
        lambda: tg.where(Tensor(FIRST), 10**21, 1),
        lambda: F.hardtanh(zeros(np.dtype(np.uint8))),
        lambda: F.hardtanh(zeros(np.dtype(np.int8)), -1.5, 1),
    ],
)
def test_numbers_that_do_not_fit(call: Callable[[], Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=r"is no number of dtype u?int\d+, which holds the integers from"):
            call()


def test_the_largest_numbers_that_fit() -> None:
    assert tg.arange(2**63 - 2, 2**63).numpy().tolist() == [2**63 - 2, 2**63 - 1]
    assert tg.arange(10**21, 10**21 + 3, dtype=np.float64).numpy().tolist() == [1e21] * 3
    assert tg.randint(255, 256, (2,), dtype=np.uint8).numpy().tolist() == [255, 255]
    assert sorted(tg.randperm(256, dtype=np.uint8).numpy().tolist()) == list(range(256))
    assert tg.tensor([2**53 + 1, 1.0], dtype=np.int64).numpy().tolist() == [2**53 + 1, 1]
    assert zeros(np.dtype(np.int64)).fill_(2**53 + 1).numpy().tolist() == [2**53 + 1] * 2


# -------------------------------------------------------------------------------------------------- lists of numbers
@pytest.mark.parametrize(
    ("data", "dtype", "values"),
    [
        ([0.1, 10**21], np.float32, [np.float32(0.1), np.float32(1e21)]),
        ([10**21, 0.1], np.float32, [np.float32(1e21), np.float32(0.1)]),
        ([[True], [2]], np.int64, [[1], [2]]),
        ([True, 2.5], np.float32, [1.0, 2.5]),
        ([1, 2.5, True], np.float32, [1.0, 2.5, 1.0]),
        ([np.uint64(2**63)], np.uint64, [2**63]),
        ([1e300], np.float32, [math.inf]),
    ],
)
def test_lists_of_mixed_numbers(data: Any, dtype: Any, values: Any) -> None:
    for f in (tg.tensor, tg.as_tensor, tg.asarray):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            x = f(data)
        assert x.dtype == dtype
        assert x.numpy().tolist() == values


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([1, None], "expected numbers, got None at position 1"),
        ([[1, 2], [3, None]], r"got None at position \(1, 1\)"),
        ([1, "a"], "got the string 'a' at position 1"),
        ("text", "got the string 'text'"),
        (["x" * 100], "got the string 'x{40}'"),
        ([1.0, 1j], "got 1j at position 1"),
        ([[1], {2}], r"got set at position 1"),
        ([np.array(["a"])], "got an array of dtype <U1 at position 0"),
        (np.array([None]), "dtype object"),
    ],
)
def test_lists_of_other_things(data: Any, said: str) -> None:
    for f in (tg.tensor, tg.as_tensor, tg.asarray):
        with pytest.raises(TypeError, match=rf"{f.__name__}\(\): .*{said}"):
            f(data)


def test_lists_of_different_lengths() -> None:
    with pytest.raises(ValueError, match=r"tensor.*one length in each dimension"):
        tg.tensor([[1, 2], [3]])


@pytest.mark.parametrize("value", [10**400, -(10**400)])
def test_no_float_is_that_large(value: int) -> None:
    x = Tensor(np.ones(2, np.float32))
    for call in (lambda: tg.tensor([0.1, value]), lambda: tg.full((1,), value, dtype=np.float64), lambda: x + value):
        with pytest.raises(ValueError, match=r"10\*\*\d+ or more.* is too large for a floating number"):
            call()
    assert (x < value).numpy().tolist() == [value > 0] * 2


@pytest.mark.parametrize(("dtype", "most"), [(np.float16, 65504.0), (np.float32, 3.4028234663852886e38)])
def test_what_is_too_large_for_a_floating_dtype_is_infinite_without_a_word(dtype: Any, most: float) -> None:
    x = Tensor(np.ones(2, dtype))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for sign in (1, -1):
            assert x.clone().fill_(sign * most).numpy().tolist() == [sign * most] * 2
            assert x.masked_fill(x > 0, sign * 2 * most).numpy().tolist() == [sign * math.inf] * 2
            assert x.clone().index_fill_(0, tg.tensor([1]), sign * 2 * most).numpy().tolist() == [1, sign * math.inf]
            assert tg.index_add(x, 0, tg.tensor([1]), x[:1], alpha=sign * 2 * most).numpy().tolist() == [
                1,
                sign * math.inf,
            ]


def test_arrays_and_tensors_are_cast() -> None:
    """As PyTorch does: fractions are cut off, and nothing is said of NaN."""
    x = zeros(np.dtype(np.uint8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x[0] = Tensor(np.array(1.9))
        assert tg.tensor(np.array([1.9, -1.9]), dtype=np.int64).numpy().tolist() == [1, -1]
        assert tg.tensor(np.array([math.nan]), dtype=np.int64).dtype == np.int64
        x[1] = Tensor(np.array(math.nan))
    assert x.numpy()[0] == 1


# -------------------------------------------------------------------------------------------------------- arithmetic
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "add": tg.add, "sub": tg.sub, "mul": tg.mul, "maximum": tg.maximum, "minimum": tg.minimum, "fmax": tg.fmax,
    "fmin": tg.fmin, "where": lambda x, v: tg.where(Tensor(FIRST), x, v), "clamp": lambda x, v: x.clamp(min=v),
    "clamp max": lambda x, v: x.clamp(max=v), "add_": lambda x, v: x.add_(v), "mul_": lambda x, v: x.mul_(v),
    "radd": lambda x, v: v + x, "rsub": lambda x, v: v - x, "floor_divide": tg.floor_divide,
    "remainder": tg.remainder, "fmod": tg.fmod, "pow": tg.pow, "bitwise_and": tg.bitwise_and,
    "clamp_": lambda x, v: x.clamp_(min=v), "logical_and": tg.logical_and,
}  # fmt: skip


@pytest.mark.parametrize("function", ARITHMETIC)
@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_integers_out_of_range_are_refused_in_arithmetic(function: str, dtype: np.dtype[Any]) -> None:
    x = Tensor(np.array([5, 7], dtype))
    for value in (np.iinfo(dtype).max + 1, np.iinfo(dtype).min - 1, 10**30):
        with pytest.raises(ValueError, match=f"is no number of dtype {dtype}"):
            ARITHMETIC[function](x, int(value))
    assert x.numpy().tolist() == [5, 7]


@pytest.mark.parametrize("function", ["add", "mul", "maximum", "where", "clamp", "floor_divide", "rsub"])
@pytest.mark.parametrize("value", [1.5, math.nan, math.inf])
def test_floats_promote_in_arithmetic(function: str, value: float, torch: Any) -> None:
    ours = ARITHMETIC[function](Tensor(np.array([5, 7])), value)
    x = torch.tensor([5, 7])
    same = {
        "add": x + value, "mul": x * value, "maximum": torch.maximum(x, torch.tensor(value)), "rsub": value - x,
        "where": torch.where(torch.tensor([True, False]), x, value), "clamp": x.clamp(min=value),
        "floor_divide": x // value,
    }  # fmt: skip
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours.numpy(), same[function].numpy())


def test_division_takes_any_number() -> None:
    """It computes in float32, which has room for what uint8 has not."""
    x = Tensor(np.array([30, 60], np.uint8))
    assert (x / 300).numpy().tolist() == [np.float32(0.1), np.float32(0.2)]
    assert (300 / x).numpy().tolist() == [10.0, 5.0]
    assert tg.atan2(x, -300).dtype == np.float32


def test_numbers_of_a_subclass() -> None:
    class Level(IntEnum):
        LOW = 3

    x = Tensor(np.array([1, 3]))
    assert (x + Level.LOW).numpy().tolist() == [4, 6]
    assert (x == Level.LOW).numpy().tolist() == [False, True]
    assert tg.full((1,), Level.LOW, dtype=np.uint8).numpy().tolist() == [3]


# -------------------------------------------------------------------------------------------------------- comparisons
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")


@st.composite
def compared(draw: st.DrawFn) -> tuple[np.ndarray[Any, Any], Any]:
    """Integers or booleans, the edges of their dtype among them and what is near the number, and a number."""
    dtype = draw(st.sampled_from(DTYPES))
    value = draw(numbers())
    least, largest = (0, 1) if dtype.kind == "b" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    entries = [*draw(st.lists(st.integers(least, largest), max_size=4)), least, largest, 0, 1]
    number = value.item() if isinstance(value, np.generic) else value
    if math.isfinite(number) if isinstance(number, float) else True:
        entries += [n for n in (math.floor(number) - 1, math.floor(number), math.ceil(number)) if least <= n <= largest]
    x = np.array(entries, dtype)
    return draw(st.sampled_from((x, x[::-1], x[:0], x[-1].reshape(()), x.reshape(1, -1).T))), value


@pytest.mark.parametrize("name", COMPARISONS)
@given(example=compared())
def test_comparisons_are_pythons(name: str, example: Any) -> None:
    x, value = example
    number = value.item() if isinstance(value, np.generic) else value
    compare, turned = getattr(operator, name), getattr(operator, name)
    expected = np.array([compare(n, number) for n in x.ravel().tolist()], bool).reshape(x.shape)
    mirrored = np.array([turned(number, n) for n in x.ravel().tolist()], bool).reshape(x.shape)
    t = Tensor(np.asarray(x))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for y in (getattr(tg, name)(t, value), getattr(t, name)(value), compare(t, value)):
            assert y.dtype == np.bool_
            np.testing.assert_array_equal(y.numpy(), expected)
        for y in (getattr(tg, name)(value, t), compare(value, t)):
            np.testing.assert_array_equal(y.numpy(), mirrored)
        assert (value in t) is (number in x.ravel().tolist())


def fits_float32(number: float) -> bool:
    with np.errstate(over="ignore"):
        return not math.isfinite(number) or float(np.float32(number)) == number


@given(example=compared(), name=st.sampled_from(COMPARISONS))
def test_comparisons_beside_pytorchs(example: Any, name: str, torch: Any) -> None:
    """Where PyTorch is right: an integer that the dtype holds (its uint8 has 300 == 44), a float that float32 holds."""
    x, value = example
    number = value.item() if isinstance(value, np.generic) else value
    if isinstance(number, int):
        if number != held(number, x.dtype):
            return
    elif np.abs(x.astype(np.float64)).max(initial=0) > 2**24 or not fits_float32(number):
        return
    theirs = getattr(torch, name)(torch.tensor(x.copy()), number)
    np.testing.assert_array_equal(getattr(tg, name)(Tensor(np.asarray(x)), value).numpy(), theirs.numpy())


def test_a_tensor_of_no_dimensions_is_compared_as_its_number() -> None:
    x = Tensor(np.array([44, 7], np.uint8))
    assert (x == Tensor(np.array(300))).numpy().tolist() == [False, False]  # 300 - 256 = 44
    assert (x < Tensor(np.array(7.5))).numpy().tolist() == [False, True]
    assert (Tensor(np.array(-1)) < x).numpy().tolist() == [True, True]
    assert (Tensor(np.array(2**53 + 1)) == Tensor(np.array(2.0**53))).item() is False


# ------------------------------------------------------------------------------------------------ doors not yet listed
FILLING = {"value", "fill_value", "val", "other_value"}  # names of what is written as it is
ELSEWHERE = {  # functions with such a parameter that need no row in DOORS
    "addcdiv": "its result is floating",
    "addcdiv_": "its result is floating",
    **{f"nn.functional.{n}": "floating tensors alone" for n in ("threshold", "threshold_")},
    **{
        f"nn.functional.{n}": "its value is a tensor"
        for n in ("scaled_dot_product_attention", "multi_head_attention_forward")
    },
}


def public_functions() -> dict[str, Any]:
    found = {name: getattr(tg, name) for name in tg.__all__}
    found |= {f"nn.functional.{n}": f for n, f in vars(F).items() if not n.startswith("_")}
    found |= {f"nn.init.{n}": f for n, f in vars(init).items() if not n.startswith("_")}
    found |= {f"Tensor.{n}": f for n, f in inspect.getmembers(Tensor) if not n.startswith("_")}
    found = {n: f for n, f in found.items() if inspect.isfunction(f) and f.__module__.startswith("tinygrad_cnn")}
    return {n: f for n, f in found.items() if not f.__module__.endswith("ops.numbers")}  # imported, not public


def takes_a_fill_value(function: Any) -> bool:
    return bool(FILLING & set(inspect.signature(function).parameters))


def test_every_function_that_takes_a_fill_value_is_a_door() -> None:
    names = {n for n, f in public_functions().items() if takes_a_fill_value(f)}
    assert {"full", "Tensor.fill_", "masked_fill", "nn.functional.pad", "nn.init.constant_"} <= names
    missing = {n.removeprefix("Tensor.") for n in names} - DOORS.keys() - ELSEWHERE.keys()
    assert not missing, f"no row in DOORS for {sorted(missing)}"


NO_NUMBERS = {"chunks", "indices_or_sections", "split_size_or_sections", "shape", "f", "input_size", "inputs"}


def of_a_tensor_and_a_number() -> list[str]:
    """The public functions of two that are called as f(tensor, number)."""
    found = []
    for name, function in public_functions().items():
        if "." in name:
            continue
        positional = [
            p for p in inspect.signature(function).parameters.values()
            if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]  # fmt: skip
        if len(positional) == 2 and positional[1].name not in NO_NUMBERS:
            found.append(name)
    return found


@pytest.mark.parametrize("name", of_a_tensor_and_a_number())
def test_no_function_of_a_tensor_and_a_number_shows_numpys_errors(name: str) -> None:
    """Nor changes the number: what uint8 cannot hold has no other result than it has among float64."""
    function = getattr(tg, name)
    for value in (1.5, -1, -2.0, 300, 2**63, 10**30, 10**400, math.nan, math.inf):
        x = np.array([2, 3], np.uint8)
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*(in cast|out-of-bound).*")
            try:
                y = function(Tensor(x), value)
            except (ValueError, TypeError, RuntimeError, IndexError) as error:
                assert "out of bounds for" not in str(error), f"{value}: NumPy's own words: {error}"  # noqa: PT017
                continue
        if isinstance(y, Tensor) and y.dtype == np.uint8:
            same = function(Tensor(x.astype(np.float64)), value)
            np.testing.assert_array_equal(y.numpy(), same.numpy(), err_msg=f"{value}")
