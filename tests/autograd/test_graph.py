"""What a rule gets for a parameter named with an underscore, and what it may return: everything else is an error."""

# ruff: noqa: E501  (tables)

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import tinygrad_cnn as tg
from tests.ops.case import Case
from tests.ops.test_cases import CASES, as_tensors
from tinygrad_cnn.arrays.like import Like
from tinygrad_cnn.autograd.operation import op
from tinygrad_cnn.tensors import Tensor

WORDS = "this name begins with an underscore, so its array was not kept"


def like(*shape: int) -> Any:
    return Like(shape, np.dtype(np.float64))


def leaf(*shape: int) -> Tensor:
    values = np.linspace(0.5, 1.5, int(np.prod(shape))).reshape(shape)
    return tg.tensor(values, requires_grad=True)


def known(reason: str, *values: Any) -> Any:
    """Parameters of which the package does not yet do what the test says; once it does, the mark has to go."""
    return pytest.param(*values, marks=pytest.mark.xfail(strict=True, reason=reason))


# ----------------------------------------------------------------------------------------- shape, dtype, and no array
def test_shape_dtype_and_ndim_are_known() -> None:
    x = like(2, 3)
    assert (x.shape, x.dtype, x.ndim) == ((2, 3), np.float64, 2)
    assert repr(x) == f"{x}" == "Like(shape=(2, 3), dtype=float64)"


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_rule_may_use_shape_dtype_and_ndim(create_graph: bool) -> None:
    @op(lambda g, y, _x: (g * y * _x.ndim + np.zeros(_x.shape, _x.dtype), seen.append(_x))[0])
    def squared(x: Any) -> Any:
        return x * x

    seen: list[Any] = []
    x = tg.tensor([[1.0, 2.0, 3.0]], dtype=tg.float64, requires_grad=True)
    squared(x).sum().backward(create_graph=create_graph)
    np.testing.assert_array_equal(x.grad.numpy(), [[2.0, 8.0, 18.0]])
    assert [type(_x) for _x in seen] == [Like]
    assert seen[0].shape == (1, 3)


PLAIN = set(dir(object)) - {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"}
FALLS_BACK = {
    f"__i{name}__"
    for name in [
        "add",
        "sub",
        "mul",
        "truediv",
        "floordiv",
        "mod",
        "pow",
        "matmul",
        "and",
        "or",
        "xor",
        "lshift",
        "rshift",
    ]
}
ASKED_OF_THE_OBJECT = {  # NumPy and others look these up on the object, or never on a stranger
    *("__array_finalize__", "__array_interface__", "__array_namespace__", "__array_priority__", "__array_struct__"),
    *("__array_wrap__", "__class_getitem__", "__copy__", "__deepcopy__", "__dlpack__", "__dlpack_device__"),
    *("__setstate__", "__dict__", "__weakref__", "__slots__", "__module__", "__annotations__", "__abstractmethods__"),
    *("__static_attributes__", "__firstlineno__"),
}
SPECIAL = sorted(
    {name for kind in (np.ndarray, Tensor) for name in dir(kind) if name.startswith("__")}
    - PLAIN
    - FALLS_BACK
    - ASKED_OF_THE_OBJECT
)
PUBLIC = sorted(
    {name for kind in (np.ndarray, Tensor) for name in dir(kind) if not name.startswith("_")}
    - {"shape", "dtype", "ndim"}
)


@pytest.mark.parametrize("name", SPECIAL)
def test_no_special_method_of_an_array_is_left_to_python(name: str) -> None:
    assert hasattr(Like, name), f"what calls {name} gives Python's error, which does not say why"
    with pytest.raises(TypeError, match=WORDS):
        getattr(Like, name)(like(3))


@pytest.mark.parametrize("name", PUBLIC)
def test_no_attribute_of_an_array_or_a_tensor_is_there(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"there is no \.{name}: {WORDS}"):
        getattr(like(3), name)


def test_what_falls_back_does() -> None:
    """``_x += 1`` asks for ``__add__`` where there is no ``__iadd__``; all of the list do so."""
    for name in FALLS_BACK:
        assert not hasattr(Like, name)
        with pytest.raises(TypeError, match=WORDS):
            getattr(operator, name)(like(3), np.ones(3))


SIGNS = ["+", "-", "*", "/", "//", "%", "**", "@", "&", "|", "^", "<<", ">>", "<", "<=", ">", ">=", "==", "!="]
BESIDE: dict[str, Any] = {
    "array": np.ones(3),
    "integers": np.arange(3),
    "numbers": np.float64(2.0),
    "tensor": tg.ones(3, dtype=tg.float64),
    "ints": 2,
    "floats": 2.0,
    "flag": True,
    "row": [1.0, 2.0, 3.0],
    "other": like(3),
    "nothing": None,
}


def _signs() -> list[Any]:
    cases = []
    for sign in SIGNS:
        for name in BESIDE:
            for source in (f"_x {sign} {name}", f"{name} {sign} _x"):
                cases.append(source)
    return cases


@pytest.mark.parametrize("source", _signs())
def test_every_operator_from_both_sides_refuses(source: str) -> None:
    with pytest.raises(TypeError, match=WORDS):
        eval(source, {"_x": like(3), **BESIDE})


USES = """
len(_x) | _x[0] | _x[:] | _x[..., None] | _x[array > 0] | list(_x) | [*_x] | iter(_x) | 2.0 in _x | array in _x
bool(_x) | not _x | _x and 1 | 1 if _x else 2 | float(_x) | int(_x) | abs(_x) | -_x | +_x | ~_x | sum(_x) | max(_x)
max(_x, 1) | sorted(_x) | any(_x) | zip(_x) | range(_x) | [1, 2][_x] | pow(_x, 2) | pow(2, _x) | math.exp(_x)
math.floor(_x) | setitem(_x, 0, 1) | iadd(_x, array) | imul(array, _x) | iadd(array, _x)
np.exp(_x) | np.sum(_x) | np.mean(_x) | np.add(array, _x) | np.add(_x, array) | np.multiply.outer(array, _x)
np.add.reduce(_x) | np.add(array, array, out=_x) | np.where(_x, 1, 2) | np.where(array > 0, _x, 2) | np.asarray(_x)
np.array(_x) | np.array([_x]) | np.array([_x, _x]) | np.array(_x, dtype=object) | np.concatenate([_x, array])
np.stack([array, _x]) | np.dot(array, _x) | np.dot(_x, array) | np.einsum('i,i', array, _x) | np.zeros_like(_x)
np.ones_like(_x) | np.empty_like(_x) | np.full_like(_x, 2) | np.shape(_x) | np.ndim(_x) | np.size(_x)
np.broadcast_to(_x, (3, 3)) | np.maximum(_x, 0) | np.isnan(_x) | np.float64(_x) | np.array_equal(array, _x)
np.allclose(_x, array) | np.copyto(array, _x) | np.nan_to_num(_x) | np.linalg.norm(_x) | np.outer(array, _x)
_x.sum() | _x.T | _x.numpy() | _x.size | _x.astype('f4') | _x.copy() | _x.reshape(-1) | _x.item() | _x.detach() | _x.grad
array.dot(_x) | array[_x] | array.__add__(_x)
tg.exp(_x) | tg.relu(_x) | tg.add(_x, tensor) | tg.add(tensor, _x) | tg.add(array, _x) | tg.mul(_x, 2) | tg.maximum(tensor, _x)
tg.where(tensor > 0, _x, tensor) | tg.where(_x, tensor, tensor) | tg.pow(tensor, _x) | tg.tensor(_x) | tg.as_tensor(_x)
tg.Tensor(_x) | tensor.add(_x) | tensor.add_(_x) | tensor.fill_(_x) | tensor == _x | tg.nn.functional.relu(_x)
"""
AT_A_DOOR = """
tg.matmul(tensor, _x) | tensor.matmul(_x) | tg.sum(_x) | tg.cat([tensor, _x]) | tg.stack([_x]) | tg.einsum('i,i', tensor, _x)
tg.dot(tensor, _x) | tg.outer(_x, tensor) | tg.norm(_x) | tg.zeros_like(_x) | tg.ones_like(_x) | tg.from_numpy(_x)
tg.full((3,), _x) | tg.clamp(tensor, _x) | tensor[_x] | tensor.copy_(_x) | tensor.reshape_as(_x) | tensor.view_as(_x)
tensor.expand_as(_x) | tg.equal(tensor, _x) | tg.allclose(tensor, _x) | tensor.masked_fill(tensor > 0, _x)
"""


def listed(text: str) -> list[str]:
    return [use.strip() for line in text.strip().splitlines() for use in line.split(" | ")]


def names_for(_x: Any, g: Any = None) -> dict[str, Any]:
    values = {
        name: v.clone() if isinstance(v, Tensor) else v.copy() if isinstance(v, np.ndarray) else v
        for name, v in BESIDE.items()
    }
    iadd, imul, setitem = operator.iadd, operator.imul, operator.setitem
    return {
        "_x": _x,
        "g": g,
        "np": np,
        "tg": tg,
        "math": math,
        "iadd": iadd,
        "imul": imul,
        "setitem": setitem,
        **values,
    }


@pytest.mark.parametrize("use", listed(USES))
def test_any_use_as_an_array_is_an_error_that_says_why(use: str) -> None:
    with pytest.raises((TypeError, AttributeError), match=WORDS):
        eval(use, names_for(like(3)))


@pytest.mark.parametrize("use", listed(AT_A_DOOR))
def test_a_door_that_turns_strangers_away_turns_this_one_away(use: str) -> None:
    """These check what comes before they use it, and say that a Like is neither tensor nor array."""
    with pytest.raises((TypeError, IndexError, ValueError), match=rf"Like|{WORDS}|number or a 0-d tensor"):
        eval(use, names_for(like(3)))


NAMES_A_LIKE = ("_like(", "from_numpy", "full(", "clamp", "[_x]", "copy_", "masked_fill")  # a rule's error adds why


@pytest.mark.parametrize("use", [use for use in listed(AT_A_DOOR) if not any(name in use for name in NAMES_A_LIKE)])
def test_a_door_says_why(use: str) -> None:
    with pytest.raises((TypeError, IndexError, ValueError), match=WORDS):
        eval(use, names_for(like(3)))


IN_RULES = """
g * _x | _x * g | _x + 1 | 2 ** _x | g @ _x | -_x | abs(_x) | g * _x[0] | g * len(_x) | g if _x else 0 | g * float(_x) | g * (_x > 0)
g * (0 < _x) | g * _x.sum() | g * _x.T | np.exp(_x) | np.multiply(g, _x) | g * np.asarray(_x) | np.where(_x, g, 0) | g * sum(_x)
np.concatenate([_x, _x]) | tg.exp(_x) | tg.mul(g, _x) | tg.where(_x > 0, g, 0) | tg.where(tensor > 0, g, _x) | g + np.zeros_like(_x)
"""


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("use", listed(IN_RULES))
def test_a_rule_that_uses_it_is_named_and_changes_no_gradient(use: str, create_graph: bool) -> None:
    @op(lambda g, _y, _a, _b: g, lambda g, _y, _a, _x: eval(use, names_for(_x, g)))
    def product(a: Any, b: Any) -> Any:
        return a * b

    a, b, c = leaf(3), leaf(3), leaf(3)
    y = (product(a, b) * c).sum()
    with pytest.raises((TypeError, AttributeError), match=WORDS) as caught:
        y.backward(create_graph=create_graph)
    assert str(caught.value).endswith("in the gradient rule of 'product' by its input 1")
    assert [x.grad for x in (a, b, c)] == [None] * 3


def _with_known(name: str, case: Case) -> Any:
    marks = [pytest.mark.xfail(strict=True, reason="a KeyError of its own")] if "cosine_similarity" in name else []
    return pytest.param(case, id=name, marks=marks)


@pytest.mark.parametrize("case", [_with_known(name, case) for name, case in CASES.items()])
def test_no_public_function_computes_with_it(case: Case) -> None:
    """In the place of each floating input: an error, or itself handed back, but never an answer."""

    @settings(
        max_examples=1,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case.draw)
    def check(drawn: Any) -> None:
        inputs, kwargs = drawn
        inputs = [np.asarray(x) if isinstance(x, np.generic) else x for x in inputs]
        for i, x in enumerate(inputs):
            if isinstance(x, np.ndarray) and x.dtype.kind == "f":
                given_ = as_tensors(inputs)
                given_[i] = Like(x.shape, x.dtype)
                try:
                    result = case.call(*given_, **kwargs)
                except (TypeError, AttributeError, ValueError, IndexError, RuntimeError):
                    continue
                assert result is given_[i], f"{case.name} answers {result}"

    check()


# -------------------------------------------------------------------------------------------------- the rules of users
def refused(rule: Callable[..., Any], shape: tuple[int, ...] = (3,), create_graph: bool = False) -> Exception:
    """The error of a backward through an operation whose second rule is this one; no gradient has changed."""

    @op(lambda g, _y, _a, _b: g, rule)
    def mine(a: Any, b: Any) -> Any:
        return a * b

    a, b, c = leaf(*shape), leaf(*shape), leaf(*shape)
    b.grad = before = tg.ones(*shape, dtype=tg.float64)
    y = (mine(a, b) * c).sum()
    with pytest.raises(Exception) as caught:
        y.backward(create_graph=create_graph)
    assert a.grad is None
    assert c.grad is None
    assert b.grad is before
    assert before.tolist() == np.ones(shape).tolist()
    return caught.value


NO_ARRAYS: dict[str, tuple[Callable[..., Any], str]] = {
    "None": (lambda _g, _y, _a, _b: None, "None"),
    "a float": (lambda _g, _y, _a, _b: 2.0, "a float"),
    "a bool": (lambda _g, _y, _a, _b: True, "a bool"),
    "a list": (lambda _g, _y, _a, _b: [1.0, 2.0, 3.0], "a list"),
    "a tuple": (lambda g, _y, _a, _b: (g,), "a tuple"),
    "a string": (lambda _g, _y, _a, _b: "g", "a str"),
    "a Like": (lambda _g, _y, _a, _b: _b, "a Like"),
    "NotImplemented": (lambda _g, _y, _a, _b: NotImplemented, "a NotImplementedType"),
}


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", NO_ARRAYS)
def test_a_rule_that_returns_no_array(name: str, create_graph: bool) -> None:
    rule, got = NO_ARRAYS[name]
    error = refused(rule, create_graph=create_graph)
    assert type(error) is TypeError
    assert str(error) == (
        f"the gradient rule of 'mine' by its input 1 returned {got}; it must return an array of the input's shape, (3,). "
        "Write None in the place of the rule where there is no gradient"
    )


@pytest.mark.parametrize(
    "dtype",
    [known("cast in silence", dtype) for dtype in ("object", "complex128")] + [known("NumPy's words alone", "str")],
)
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_a_rule_that_returns_an_array_of_no_numbers(dtype: str) -> None:
    error = refused(lambda g, _y, _a, _b: np.ones(g.shape).astype(dtype))
    assert isinstance(error, TypeError)
    assert "'mine' by its input 1" in str(error)


WRONG = {
    (3,): [(2,), (4,), (1,), (), (0,), (3, 1), (3, 3), (2, 3), (3, 3, 3), (1, 2)],
    (2, 3): [(3,), (3, 2), (6,), (), (1,), (1, 3), (2, 1), (2, 2), (3, 3), (2, 2, 3), (2, 3, 1)],
    (): [(2,), (2, 2)],
    (1,): [(), (2, 2), (2, 1)],
}
GROWN = {(1,): [(2,), (0,)], (): [(0,)], (1, 3): [(2, 3), (0, 3)]}  # dimensions of 1 grow, though nothing broadcast


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(
    ("shape", "wrong"),
    [(shape, wrong) for shape, all_ in WRONG.items() for wrong in all_]
    + [(shape, wrong) for shape, all_ in GROWN.items() for wrong in all_],
)
def test_a_rule_that_returns_a_wrong_shape(shape: tuple[int, ...], wrong: tuple[int, ...], create_graph: bool) -> None:
    def rule(g: Any, _y: Any, _a: Any, _b: Any) -> Any:
        return np.zeros(wrong) if isinstance(g, np.ndarray) else tg.zeros(*wrong, dtype=tg.float64)

    error = refused(rule, shape, create_graph)
    assert type(error) is ValueError
    assert str(error) == (
        f"the gradient rule of 'mine' by its input 1 returned shape {wrong}; it must return the input's shape, {shape}, "
        "or one that this was broadcast to"
    )


@pytest.mark.parametrize("create_graph", [False, True])
def test_an_outer_product_is_no_gradient_that_broadcast(create_graph: bool) -> None:
    """(3, 3) could be summed to (3,), but neither the output nor the input had ever that shape."""
    error = refused(lambda g, _y, _a, _b: g * g.reshape(3, 1), create_graph=create_graph)
    assert "returned shape (3, 3)" in str(error)


def test_what_broadcasting_made_is_summed() -> None:
    @op(lambda g, _y, _a, b: g * b, lambda g, _y, a, _b: g * a)
    def product(a: Any, b: Any) -> Any:
        return a * b

    a, b = leaf(3), leaf(2, 1)
    product(a, b).sum().backward()
    assert a.grad.tolist() == [2.0, 2.0, 2.0]
    assert b.grad.tolist() == [[3.0], [3.0]]


RAISED: dict[str, Callable[[], Exception]] = {
    "TypeError": lambda: TypeError("no such thing"),
    "ValueError": lambda: ValueError("too large"),
    "AttributeError": lambda: AttributeError("nothing there"),
    "LinAlgError": lambda: np.linalg.LinAlgError("singular"),
}
RAISED_ELSE: dict[str, Callable[[], Exception]] = {
    "AxisError": lambda: np.exceptions.AxisError(5, 2),  # a ValueError whose text does not come from its args
    "IndexError": lambda: IndexError("out of range"),
    "RuntimeError": lambda: RuntimeError("cannot"),
    "KeyError": lambda: KeyError("k"),
    "NameError": lambda: NameError("name 'gg' is not defined"),
    "ZeroDivisionError": lambda: ZeroDivisionError("division by zero"),
}


def raising(error: Exception) -> Callable[..., Any]:
    def rule(_g: Any, _y: Any, _a: Any, _b: Any) -> Any:
        raise error

    return rule


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", RAISED)
def test_an_error_in_a_rule_keeps_its_class_and_says_where(name: str, create_graph: bool) -> None:
    theirs = RAISED[name]()
    text = str(theirs)
    error = refused(raising(theirs), create_graph=create_graph)
    assert error is theirs
    assert str(error) == f"{text}\n  in the gradient rule of 'mine' by its input 1"


@pytest.mark.parametrize("name", RAISED_ELSE)
def test_other_errors_in_a_rule_pass_with_their_words(name: str) -> None:
    theirs = RAISED_ELSE[name]()
    error = refused(raising(theirs))
    assert error is theirs
    assert str(error).startswith(str(RAISED_ELSE[name]()))


@pytest.mark.parametrize("name", ["AxisError", "IndexError", "RuntimeError"])
def test_other_errors_in_a_rule_say_where(name: str) -> None:
    error = refused(raising(RAISED_ELSE[name]()))
    assert "in the gradient rule of 'mine' by its input 1" in str(error)


def test_a_rule_with_too_few_parameters_says_where() -> None:
    error = refused(lambda g, _y: g)
    assert isinstance(error, TypeError)
    assert "in the gradient rule of 'mine' by its input 1" in str(error)


def test_an_error_in_a_rule_names_the_module_that_called() -> None:
    @op(lambda _g, _y, _x: None)
    def mine(x: Any) -> Any:
        return x * 2

    class Net(tg.nn.Module):
        def forward(self, x: Any) -> Any:
            return mine(x)

    net = Net()
    y = net(leaf(3)).sum()
    with pytest.raises(TypeError, match=r"rule of 'mine' by its input 0, called in Net returned None"):
        y.backward()


# ------------------------------------------------------------------------------------ NumPy in rules, under create_graph
NUMPYS_WORK: dict[str, str] = {  # what has no gradient: refused while tensors run through the rule
    "np.where": "np.where(b > 0, g, 0)",
    "np.where of an array": "np.where(b.numpy() > 0, g, 0)",
    "np.nan_to_num": "np.nan_to_num(g) * b",
    "np.einsum": "np.einsum('i,i->i', g, b)",
}
LOST: dict[str, str] = {  # an array of a tensor: what it depends on is lost
    "x.numpy() alone": "b.numpy() * 1",
    "np.asarray": "np.asarray(g) * 1",
    "both as arrays": "g.numpy() * b.numpy()",
    "np.where of arrays": "np.where(b.numpy() > 0, g.numpy(), 0)",
    "times an array": "g * b.numpy()",
    "times np.cos of an array": "g * np.cos(np.asarray(b))",
    "times numbers": "g * tg.tensor(b.tolist(), dtype=tg.float64)",
}
FINE: dict[str, str] = {  # differentiable: NumPy's functions that a tensor answers, and constants
    "np.cos": "g * np.cos(b)",
    "np.multiply": "np.multiply(g, b)",
    "an array of constants": "g * np.full(3, 2.0) * b",
    "zeros": "np.zeros(3)",
}


def ruled(source: str) -> Callable[..., Any]:
    return lambda g, _y, _a, b: eval(source, {"g": g, "b": b, "np": np, "tg": tg})


@pytest.mark.parametrize("name", NUMPYS_WORK)
def test_numpy_functions_without_a_gradient_are_refused_under_create_graph(name: str) -> None:
    error = refused(ruled(NUMPYS_WORK[name]), create_graph=True)
    assert type(error) is RuntimeError
    assert "does not know gradients: use tg." in str(error)


@pytest.mark.parametrize("name", NUMPYS_WORK)
def test_numpy_functions_without_a_gradient_say_where(name: str) -> None:
    assert "'mine' by its input 1" in str(refused(ruled(NUMPYS_WORK[name]), create_graph=True))


@pytest.mark.parametrize(
    "name", [known("the graph of g alone is left", name) if name.startswith("times") else name for name in LOST]
)
def test_an_array_made_of_a_tensor_is_refused_under_create_graph(name: str) -> None:
    error = refused(ruled(LOST[name]), create_graph=True)
    assert type(error) is TypeError
    assert "rule of 'mine' by its input 1 made an array of a tensor, so its own gradient is lost" in str(error)
    assert "use operations in it (tg.exp(x), not np.exp(x) or x.numpy())" in str(error)


def test_an_array_of_another_shape_made_of_a_tensor_is_refused_under_create_graph() -> None:
    error = refused(ruled("np.ones((1, 3)) * b.numpy()"), create_graph=True)
    assert type(error) is TypeError
    assert "rule of 'mine' by its input 1 made an array of a tensor, so its own gradient is lost" in str(error)
    assert "use operations in it (tg.exp(x), not np.exp(x) or x.numpy())" in str(error)


@pytest.mark.parametrize("name", {**LOST, **FINE})
def test_arrays_are_welcome_where_nothing_is_recorded(name: str) -> None:
    source = {**LOST, **FINE}[name].replace(".numpy()", "")  # there the names stand for arrays

    @op(ruled(source))
    def mine(a: Any, b: Any) -> Any:
        return a * b

    a, b = leaf(3), leaf(3)
    mine(a, b).sum().backward()
    assert a.grad.shape == (3,)


@pytest.mark.parametrize("name", FINE)
def test_rules_that_can_be_differentiated_are_not_refused(name: str) -> None:
    @op(lambda g, _y, _a, b: g, ruled(FINE[name]))  # noqa: ARG005
    def mine(a: Any, b: Any) -> Any:
        return a * b

    a, b = leaf(3), leaf(3)
    (g,) = tg.grad((mine(a, b) * b).sum(), b, create_graph=True)
    assert isinstance(g, Tensor)
    assert g.requires_grad
