"""What a compiled call reads from outside may change, and what keeps changing ends compiling with one warning."""

from __future__ import annotations

import functools
import logging
import random
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.compiler.test_compile import planned
from tinygrad_cnn import nn
from tinygrad_cnn.compiler import CompileWarning
from tinygrad_cnn.compiler.compiled import KINDS
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.programs.outside import Outside

pytestmark = pytest.mark.filterwarnings("error::tinygrad_cnn.compiler.CompileWarning")


class Room:
    """A module of the user's, with functions in it."""

    def __init__(self, source: str, **names: Any) -> None:
        self.names: dict[str, Any] = {"tg": tg, "nn": nn, "F": F, "__name__": "users_room", **names}
        exec(compile(source, "users_room.py", "exec"), self.names)

    def __getitem__(self, name: str) -> Any:
        return self.names[name]


@dataclass
class Settings:
    scale: float = 2.0
    inner: Any = None


class Slots:
    __slots__ = ("scale",)

    def __init__(self) -> None:
        self.scale = 2.0


class Kind(Enum):
    A = 1
    B = 2


SOURCES: dict[str, tuple[str, dict[str, Any], Callable[[dict[str, Any]], Any]]] = {
    "a number": ("f = lambda x: x * a", {"a": 2.0}, lambda n: n.update(a=3.0)),
    "a number of another type": ("f = lambda x: x * a", {"a": 2}, lambda n: n.update(a=2.0)),
    "a zero with another sign": ("f = lambda x: 1 / (x * 0 * a)", {"a": 0.0}, lambda n: n.update(a=-0.0)),
    "a text": ("f = lambda x: x if a == 'on' else x * 2", {"a": "on"}, lambda n: n.update(a="off")),
    "a tuple": ("f = lambda x: x.reshape(a)", {"a": (3, 1)}, lambda n: n.update(a=(1, 3))),
    "a tensor": ("f = lambda x: x * a", {"a": tg.tensor(2.0)}, lambda n: n.update(a=tg.tensor(3.0))),
    "an array": ("f = lambda x: x * tg.tensor(a)", {"a": np.ones(3)}, lambda n: n.update(a=np.full(3, 2.0))),
    "a function": ("f = lambda x: a(x)", {"a": tg.exp}, lambda n: n.update(a=tg.sin)),
    "a module": (
        "f = lambda x: a(x)",
        {"a": nn.LeakyReLU(0.1)},
        lambda n: n.update(a=nn.LeakyReLU(0.3)),
    ),
    "what a function reads": (
        "def g(x):\n    return x * a\nf = lambda x: g(x)",
        {"a": 2.0},
        lambda n: n.update(a=3.0),
    ),
    "what a function within reads": (
        "def f(x):\n    return (lambda: x * a)()",
        {"a": 2.0},
        lambda n: n.update(a=3.0),
    ),
    "defaults": (
        "def g(x, k=2.0):\n    return x * k\nf = lambda x: g(x)",
        {},
        lambda n: setattr(n["g"], "__defaults__", (3.0,)),
    ),
    "a default that is a list": (
        "def f(x, k=[2.0]):\n    return x * k[0]",
        {},
        lambda n: n["f"].__defaults__[0].__setitem__(0, 3.0),
    ),
    "defaults by keyword": ("def f(x, *, k=2.0):\n    return x * k", {}, lambda n: n["f"].__kwdefaults__.update(k=3.0)),
    "an attribute": ("f = lambda x: x * a.scale", {"a": Settings()}, lambda n: setattr(n["a"], "scale", 3.0)),
    "an attribute of an attribute": (
        "f = lambda x: x * a.inner.scale",
        {"a": Settings(inner=Settings())},
        lambda n: setattr(n["a"].inner, "scale", 3.0),
    ),
    "an attribute by its name in a text": (
        "f = lambda x: x * getattr(a, 'scale')",
        {"a": Settings()},
        lambda n: setattr(n["a"], "scale", 3.0),
    ),
    "an attribute in slots": ("f = lambda x: x * a.scale", {"a": Slots()}, lambda n: setattr(n["a"], "scale", 3.0)),
    "an attribute of a namespace": (
        "f = lambda x: x * a.b",
        {"a": types.SimpleNamespace(b=2.0)},
        lambda n: setattr(n["a"], "b", 3.0),
    ),
    "an attribute of a class": (
        "class A:\n    scale = 2.0\nf = lambda x: x * A.scale",
        {},
        lambda n: setattr(n["A"], "scale", 3.0),
    ),
    "an attribute of the class of an object": (
        "class A:\n    scale = 2.0\na = A()\nf = lambda x: x * a.scale",
        {},
        lambda n: setattr(n["A"], "scale", 3.0),
    ),
    "what a property reads": (
        "class A:\n    @property\n    def scale(self):\n        return k\na = A()\nf = lambda x: x * a.scale",
        {"k": 2.0},
        lambda n: n.update(k=3.0),
    ),
    "what a method reads": (
        "class A:\n    def scaled(self, x):\n        return x * k\na = A()\nf = lambda x: a.scaled(x)",
        {"k": 2.0},
        lambda n: n.update(k=3.0),
    ),
    "what an object reads that is called": (
        "class A:\n    def __call__(self, x):\n        return x * k\na = A()\nf = lambda x: a(x)",
        {"k": 2.0},
        lambda n: n.update(k=3.0),
    ),
    "an object that is compiled itself": (
        "class A:\n    def __call__(self, x):\n        return x * self.k\nf = A()\nf.k = 2.0",
        {},
        lambda n: setattr(n["f"], "k", 3.0),
    ),
    "a method": (
        "class A:\n    def g(self, x):\n        return x * self.k\na = A()\na.k = 2.0\nf = a.g",
        {},
        lambda n: setattr(n["a"], "k", 3.0),
    ),
    "an item of a dict": ("f = lambda x: x * a['k']", {"a": {"k": 2.0}}, lambda n: n["a"].update(k=3.0)),
    "an item of a list": ("f = lambda x: x * a[0]", {"a": [2.0]}, lambda n: n["a"].__setitem__(0, 3.0)),
    "another item of a list": (
        "def f(x):\n    for k in a:\n        x = x * k\n    return x",
        {"a": [2.0]},
        lambda n: n["a"].append(3.0),
    ),
    "an item within items": (
        "f = lambda x: x * a[0]['k'][0]",
        {"a": [{"k": [2.0]}]},
        lambda n: n["a"][0]["k"].__setitem__(0, 3.0),
    ),
    "a function in a list": ("f = lambda x: a[0](x)", {"a": [tg.exp]}, lambda n: n["a"].__setitem__(0, tg.sin)),
    "a function that has fixed arguments": (
        "f = partial(lambda k, x: x * k[0], [2.0])",
        {"partial": functools.partial},
        lambda n: n["f"].args[0].__setitem__(0, 3.0),
    ),
    "a name that was not there": (
        "def f(x):\n    try:\n        return x * k\n    except NameError:\n        return x",
        {},
        lambda n: n.update(k=3.0),
    ),
    "an attribute of a module of Python": (
        "f = lambda x: x * a.scale",
        {"a": types.ModuleType("settings")},
        lambda n: setattr(n["a"], "scale", 3.0),
    ),
    "a setting of a module that is read alone": (
        "f = lambda x: x * a.p",
        {"a": nn.Dropout(0.25)},
        lambda n: setattr(n["a"], "p", 0.5),
    ),
    "the mode of a module that is read alone": (
        "f = lambda x: x * 2 if a.training else x",
        {"a": nn.Dropout(0.25)},
        lambda n: n["a"].eval(),
    ),
    "an item of a module's list": (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.ks = [2.0]\n"
        "    def forward(self, x):\n        return x * self.ks[0]\nf = Net()",
        {},
        lambda n: n["f"].ks.__setitem__(0, 3.0),
    ),
    "what a module's forward reads": (
        "class Net(nn.Module):\n    def forward(self, x):\n        return x * k\nf = nn.Sequential(Net())",
        {"k": 2.0},
        lambda n: n.update(k=3.0),
    ),
    "an attribute of a module's class": (
        "class Net(nn.Module):\n    k = 2.0\n    def forward(self, x):\n        return x * self.k\nf = Net()",
        {},
        lambda n: setattr(n["Net"], "k", 3.0),
    ),
    "a module's forward": (
        "class Net(nn.Module):\n    def forward(self, x):\n        return x * 2\nf = Net()",
        {},
        lambda n: setattr(n["f"], "forward", lambda x: x * 3),
    ),
    "a module's forward in its class": (
        "class Net(nn.Module):\n    def forward(self, x):\n        return x * 2\nf = Net()",
        {},
        lambda n: setattr(n["Net"], "forward", lambda _self, x: x * 3),
    ),
    "settings of a module's own": (
        "class Net(nn.Module):\n    def forward(self, x):\n        return x * self.a.scale\nf = Net()\nf.a = a",
        {"a": Settings()},
        lambda n: setattr(n["a"], "scale", 3.0),
    ),
}


@pytest.mark.parametrize("what", SOURCES)
def test_what_is_read_from_outside_may_change(what: str) -> None:
    """Another plan is made then, and the first one is found again when all is as it was."""
    source, names, change = SOURCES[what]
    if what == "an attribute of a module of Python":
        names["a"].scale = 2.0
    room = Room(source, **names)
    compiled = tg.compile(room["f"])
    for k in range(8):
        if k == 4:
            change(room.names)
        x = tg.tensor([k + 1.0, 2.0, 3.0], requires_grad=True)
        y, expected = compiled(x), room["f"](x)
        assert np.array_equal(y.detach().numpy(), expected.detach().numpy()), f"call {k}"
        assert y.dtype == expected.dtype
        assert y.shape == expected.shape
    assert planned(compiled) == (1 if what == "a module's forward" else 2)  # its own stands in front of the plans


def test_plans_of_a_flag_that_goes_to_and_fro_are_kept() -> None:
    flag = False
    compiled = tg.compile(lambda x: x * 2 if flag else x * 3)
    for k in range(12):
        flag = k % 2 == 0
        assert compiled(tg.tensor(1.0)).item() == (2.0 if flag else 3.0)
    assert planned(compiled) == 2
    assert compiled._plans._won == 10


def test_what_is_alike_needs_no_new_plan() -> None:
    scale: Any = 2.5
    compiled = tg.compile(lambda x: x * scale)
    for _ in range(6):
        scale = float("2.5")  # another object
        compiled(tg.tensor(1.0))
    assert planned(compiled) == 1


def test_nothing_is_looked_at_within_this_package() -> None:
    outside = Outside([nn.Sequential(nn.Linear(2, 2), nn.LSTM(2, 2), nn.Dropout())])
    assert not outside._names
    assert not outside.why


# --------------------------------------------------------------------------------------------------------- arguments
ARGUMENTS: dict[str, tuple[Callable[..., Any], list[tuple[Any, ...]]]] = {
    "zeros of two signs": (lambda x, k: 1 / (x * 0 + k), [(0.0,), (0.0,), (-0.0,)]),
    "one, true and 1.0": (lambda x, k: x.sum() + tg.full((1,), k), [(1,), (1,), (True,), (1.0,)]),
    "slices": (lambda x, k: x[k], [(slice(0, 2),), (slice(0, 2),), (slice(0, 1),)]),
    "an object that changes": (lambda x, k: x * k.scale, [(SETTINGS := Settings(),), (SETTINGS,), (Settings(3.0),)]),
    "functions": (lambda x, k: k(x), [(tg.exp,), (tg.exp,), (tg.sin,)]),
    "members of an enumeration": (lambda x, k: x * k.value, [(Kind.A,), (Kind.A,), (Kind.B,)]),
    "sets": (lambda x, k: x * len(k), [({1},), ({1},), ({1, 2},)]),
    "keys of a dict": (lambda x, k: x * next(iter(k)), [({1: 2},), ({1: 2},), ({2: 2},)]),
    "dtypes": (lambda x, k: x.to(k), [(tg.float64,), (tg.float64,), (tg.float32,)]),
}


@pytest.mark.parametrize("what", ARGUMENTS)
def test_arguments_that_are_no_tensors(what: str) -> None:
    function, calls = ARGUMENTS[what]
    compiled = tg.compile(function)
    for given in [*calls, *calls]:
        y, expected = (f(tg.ones(3), *given) for f in (compiled, function))
        assert y.dtype == expected.dtype
        assert np.array_equal(y.numpy(), expected.numpy())
    assert planned(compiled) == len(calls) - 1


def test_an_object_given_whose_attributes_change() -> None:
    compiled, settings = tg.compile(lambda x, s: x * s.scale), types.SimpleNamespace(scale=1.0)
    for k in range(6):
        settings.scale = float(k // 3)
        assert compiled(tg.tensor(2.0), settings).item() == 2.0 * settings.scale


def test_tensors_in_a_dataclass() -> None:
    compiled = tg.compile(lambda s: s.scale * 2)
    for k in range(6):
        n = 2 + k // 3
        assert compiled(Settings(tg.full((n,), float(k)))).tolist() == [2.0 * k] * n  # type: ignore[arg-type]
    assert planned(compiled) == 2


def test_one_tensor_given_twice() -> None:
    """It gets one gradient, and a plan of its own."""
    compiled = tg.compile(lambda x, y: x * 2 + y * y)
    for k in range(8):
        x, y = (tg.tensor([k + i], dtype=tg.float32, requires_grad=True) for i in (1, 5))
        if k % 2:
            y = x
        result = compiled(x, y)
        assert result.item() == x.item() * 2 + y.item() ** 2
        result.backward()
        assert x.grad.tolist() == [2 + 2 * x.item() if y is x else 2.0]
    assert planned(compiled) == 2


def test_an_argument_that_the_function_has_at_hand() -> None:
    w = nn.Parameter([2.0])
    compiled = tg.compile(lambda x: x * 3 + w * w)
    for k in range(9):
        x = w if k % 3 == 0 else tg.tensor([float(k)], requires_grad=True)
        w.grad = None
        y = compiled(x)
        assert y.item() == x.item() * 3 + 4
        y.backward()
        assert w.grad.item() == (7.0 if x is w else 4.0)


def test_a_view_of_an_argument_is_written_into() -> None:
    def program(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        y.mul_(2)
        return x + 1

    compiled = tg.compile(program)
    for k in range(8):
        found = []
        for f in (program, compiled):
            x = tg.arange(4.0) + k
            y = x[1:3] if k % 2 else tg.ones(2)
            found.append((f(x, y).tolist(), x.tolist(), y.tolist()))
        assert found[0] == found[1]


def test_results_that_are_made_anew_alone() -> None:
    """Something that may hold a tensor is no result that a plan can make."""
    compiled = tg.compile(lambda x: (tg.distributions.Normal(x, x.exp()), x * 2))
    with pytest.warns(CompileWarning, match="returns something of the type Normal"):
        assert [compiled(tg.tensor(float(k)))[0].loc.item() for k in range(4)] == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
def test_the_default_dtype(dtype: Any) -> None:
    compiled = tg.compile(lambda x: x + tg.ones(3))
    for _ in range(3):
        compiled(tg.tensor([1, 2, 3]))
    before = tg.get_default_dtype()
    try:
        tg.set_default_dtype(dtype)
        assert compiled(tg.tensor([1, 2, 3])).dtype == dtype
    finally:
        tg.set_default_dtype(before)


# ----------------------------------------------------------------------------------------------- what keeps changing
def said(call: Callable[[int], Any], times: int = 60) -> list[str]:
    """The warnings of so many calls."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CompileWarning)
        for k in range(times):
            call(k)
    found = [w for w in caught if issubclass(w.category, CompileWarning)]
    assert all(w.filename == __file__ for w in found)
    return [str(w.message) for w in found]


def others() -> Iterator[Any]:
    yield "floats as arguments", tg.compile(lambda x, k: x * k), lambda f, k: f(tg.ones(2), k / 7), "more than 16 ways"
    yield "whole numbers", tg.compile(lambda x, k: x * k), lambda f, k: f(tg.ones(2), k), "more than 16 ways"
    yield "keys", tg.compile(lambda d: sum(d.values())), lambda f, k: f({k: tg.ones(2)}), "more than 16 ways"
    yield "functions", tg.compile(lambda x, g: g(x)), lambda f, _k: f(tg.ones(2), lambda x: x), "more than 16 ways"
    masks = tg.compile(lambda x: x[x > 0] * 2)
    yield "masks", masks, lambda f, k: f(tg.arange(99.0) - k), "shapes that hang on the numbers"
    room = Room("f = lambda x: x * a", a=0.0)
    yield (
        *("a global", tg.compile(room["f"])),
        lambda f, k: (room.names.update(a=k / 7), f(tg.ones(2)))[1],
        "'a' is another in many calls",
    )
    net = nn.Dropout(0.0)
    yield (
        *("an attribute", tg.compile(net)),
        lambda f, k: (setattr(net, "p", k / 99), net.eval(), f(tg.ones(2)))[-1],
        "the attribute Dropout.p is another in many calls",
    )

    def slope(f: Any, _k: int) -> tg.Tensor:
        x = tg.ones(2, requires_grad=True)
        return tg.autograd.grad(f(x).sum(), x, create_graph=True)[0].detach()

    yield "gradients of gradients", tg.compile(lambda x: x * x), slope, "create_graph=True"


@pytest.mark.parametrize(("what", "compiled", "call", "why"), list(others()), ids=[o[0] for o in others()])
def test_what_keeps_changing_ends_compiling(what: str, compiled: Any, call: Any, why: str) -> None:  # noqa: ARG001
    """After a number of calls that nothing came of, with one warning that says what it is; the results are right."""
    plain = tg.compile(compiled._plans.function, disable=True)

    def one(k: int) -> None:
        assert np.array_equal(call(compiled, k).numpy(), call(plain, k).numpy())

    (text,) = said(one)
    assert why in text
    assert not planned(compiled)
    assert not compiled._plans._worlds


@pytest.mark.filterwarnings("ignore::tinygrad_cnn.GuardRailWarning")
def test_what_changes_at_times_does_not() -> None:
    """A last smaller batch, the mode, a mask that is seldom another, more than 16 kinds that all recur."""
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    compiled = tg.compile(net)
    for k in range(120):
        net.train(k % 12 < 9)
        compiled(tg.ones(3 if k % 12 == 8 else 5, 2))
    assert planned(compiled) == 3
    masks = tg.compile(lambda x: x[x > 0])
    for k in range(200):
        assert len(masks(tg.arange(5.0) - (k % 9 == 8))) == 4 - (k % 9 == 8)
    assert planned(masks) == 1
    many = tg.compile(lambda x: x * 2)
    for n in range(1, KINDS + 9):
        for _ in range(30):
            many(tg.ones(n))
    assert planned(many) == KINDS


def test_more_from_outside_than_can_be_looked_at() -> None:
    room = Room("f = lambda x: x * a[0].k", a=[[types.SimpleNamespace(k=1.0) for _ in range(90)] for _ in range(90)])
    room.names["a"].insert(0, types.SimpleNamespace(k=2.0))
    compiled = tg.compile(room["f"])
    with pytest.warns(CompileWarning, match="more from outside than can be looked at"):
        assert compiled(tg.tensor(1.0)).item() == 2.0


def test_what_is_installed_is_not_looked_into() -> None:
    """A logger leads to all others, a plotting library to thousands of names."""
    log, matched = logging.getLogger("a"), pytest
    compiled = tg.compile(lambda x: (log.debug("seen"), matched and x * 2)[1])
    for k in range(4):
        assert compiled(tg.tensor(float(k))).item() == 2.0 * k
    assert planned(compiled) == 1
    assert len(compiled._plans._world._outside._names) < 20


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def f(x):\n    global n\n    n += 1\n    return x * 2", "'n' is set in each call"),
        ("def f(x):\n    seen.append(1)\n    return x * 2", "what lies in 'seen' is set in each call"),
        ("def f(x):\n    a.last = x\n    return x * 2", "'a.last' is set in each call"),
        ("def f(x):\n    a.scale += 1\n    return x * 2", "'a.scale' is set in each call"),
        ("def f(x):\n    return x * dice.random()", "draws random numbers from 'dice'"),
        ("def f(x):\n    return x * numpys.random()", "draws random numbers from 'numpys'"),
        ("def f(x):\n    return x * next(numbers)", "takes from the iterator 'numbers'"),
    ],
)
def test_what_a_call_does_outside_is_done_in_each_call(source: str, why: str) -> None:
    numbers = {"dice": random.Random(0), "numpys": np.random.default_rng(0), "numbers": iter(range(99))}
    room = Room(source, n=0, seen=[], a=types.SimpleNamespace(scale=1), **numbers)
    compiled = tg.compile(room["f"])
    with pytest.warns(CompileWarning, match=why):
        results = [compiled(tg.tensor(1.0)).item() for _ in range(6)]
    assert len(set(results)) in (1, 6)
    assert (room["n"], len(room["seen"]), room["a"].scale) in [(6, 0, 1), (0, 6, 1), (0, 0, 7), (0, 0, 1)]


def test_what_the_first_call_leaves_behind_may_stay() -> None:
    """A table that is computed once, for one."""

    class Net(nn.Module):
        table: Any = None

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            if self.table is None:
                self.table = tg.arange(3.0)
            return x * self.table

    compiled, memo = tg.compile(Net()), dict[int, Any]()

    @tg.compile
    def remembering(x: tg.Tensor) -> tg.Tensor:
        if len(x) not in memo:
            memo[len(x)] = tg.ones(len(x))
        return x + memo[len(x)]

    for k in range(6):
        assert compiled(tg.full((3,), float(k))).tolist() == [0.0, k, 2.0 * k]
        assert remembering(tg.full((2,), float(k))).tolist() == [k + 1.0] * 2
    assert planned(compiled) == planned(remembering) == 1


def test_the_line_that_is_named(tmp_path: Path) -> None:
    """The one that called."""
    script = tmp_path / "script.py"
    script.write_text("import tinygrad_cnn as tg\n\n\ndef go(f):\n    for k in range(40):\n        f(tg.ones(2), k)\n")
    names: dict[str, Any] = {}
    exec(compile(script.read_text(), str(script), "exec"), names)
    with pytest.warns(CompileWarning) as caught:
        names["go"](tg.compile(lambda x, k: x * k))
    assert (caught[0].filename, caught[0].lineno) == (str(script), 6)
