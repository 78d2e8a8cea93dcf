"""Containers of modules and parameters beside Python's own lists and dicts: each operation, at each place."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn

MODULES = [nn.ReLU(), nn.Tanh(), nn.Sigmoid(), nn.Identity()]
PARAMETERS = [nn.Parameter(np.full(2, float(k), np.float32)) for k in range(4)]
LISTS: dict[str, tuple[Callable[[list[Any]], Any], list[Any]]] = {
    "Sequential": (lambda items: nn.Sequential(*items), MODULES),
    "ModuleList": (nn.ModuleList, MODULES),
    "ParameterList": (nn.ParameterList, PARAMETERS),
}
PLACES = range(-5, 6)
SLICES = [slice(None), slice(1, None), slice(None, -1), slice(None, None, 2), slice(3, 1), slice(-2, None)]


def same(ours: Any, plain: Any) -> bool:
    return len(ours) == len(plain) and all(map(operator.is_, ours, plain))


def beside(kind: str, size: int, change: Callable[[Any], Any]) -> None:
    """The same change of ours and of a list: what comes out, what is left, or an IndexError of both."""
    make, all_items = LISTS[kind]
    plain = all_items[:size]
    ours = make(plain)
    try:
        expected = change(plain)
    except IndexError:
        with pytest.raises(IndexError, match=rf"index -?\d+ is out of range for a {kind} of {size}"):
            change(ours)
        assert same(ours, plain)
        return
    result = change(ours)
    if isinstance(expected, list):
        assert type(result) is type(ours)
        assert same(result, expected)
    elif expected is not None:
        assert result is expected
    assert same(ours, plain)
    assert same(list(ours.children()) if all_items is MODULES else list(ours.parameters()), plain)


@pytest.mark.parametrize("size", range(4))
@pytest.mark.parametrize("kind", LISTS)
def test_a_list(kind: str, size: int) -> None:
    new = LISTS[kind][1][3]
    for place in PLACES:
        beside(kind, size, lambda x, place=place: x[place])
        beside(kind, size, lambda x, place=place: operator.setitem(x, place, new))
        if kind != "ParameterList":
            beside(kind, size, lambda x, place=place: operator.delitem(x, place))
            beside(kind, size, lambda x, place=place: x.pop(place))
    for piece in SLICES:
        if kind != "Sequential" or piece.step is None:
            beside(kind, size, lambda x, piece=piece: x[piece])
        if kind != "ParameterList":
            beside(kind, size, lambda x, piece=piece: operator.delitem(x, piece))

    def grown(x: Any) -> None:
        x.append(new)
        x.extend([new, new] if kind != "ParameterList" else [new])

    if kind == "ParameterList":
        ours = nn.ParameterList(PARAMETERS[:size])
        assert ours.append(new) is ours
        assert ours.extend([new]) is ours
        ours += [new]
        assert same(list(ours), [*PARAMETERS[:size], new, new, new])
        assert list(ours.state_dict()) == [str(i) for i in range(size + 3)]
    else:
        make, items = LISTS[kind]
        ours = make(items[:size])
        grown(ours)
        assert same(list(ours), [*items[:size], new, new, new])
        assert list(ours._modules) == [str(i) for i in range(size + 3)]


@pytest.mark.parametrize("size", range(4))
def test_a_module_is_put_between_others(size: int) -> None:
    for place in range(-size, size + 1):
        plain, ours, listed = MODULES[:size], nn.Sequential(*MODULES[:size]), nn.ModuleList(MODULES[:size])
        plain.insert(place, MODULES[3])
        assert ours.insert(place, MODULES[3]) is ours
        listed.insert(place, MODULES[3])
        assert same(ours, plain)
        assert same(listed, plain)
        assert list(ours._modules) == list(listed._modules) == [str(i) for i in range(size + 1)]
    for place in (-size - 1, size + 1):
        with pytest.raises(IndexError, match=f"index {place} is out of range for a Sequential of {size}"):
            nn.Sequential(*MODULES[:size]).insert(place, MODULES[3])


def test_modules_are_joined_and_repeated() -> None:
    a, b = nn.Sequential(*MODULES[:2]), nn.Sequential(*MODULES[2:])
    assert same(a + b, MODULES)
    assert same(a, MODULES[:2])
    for times in (1, 2, 3):
        assert same(a * times, MODULES[:2] * times)
        assert same(times * a, MODULES[:2] * times)
        c = d = nn.Sequential(*MODULES[:2])
        c *= times
        assert c is d
        assert same(c, MODULES[:2] * times)
    c = d = nn.Sequential(*MODULES[:2])
    c += b
    assert c is d
    assert same(c, MODULES)
    assert same(nn.ModuleList(MODULES[:1]) + MODULES[1:], MODULES)
    for times in (0, -1):
        with pytest.raises(ValueError, match=f"1 time or more, got {times}"):
            a * times
    with pytest.raises(TypeError, match="an int times, got float"):
        a * 2.0  # type: ignore[operator]
    for other in (MODULES, nn.ModuleList(MODULES)):
        with pytest.raises(ValueError, match="can be joined with a Sequential, got"):
            c += other
        with pytest.raises(ValueError, match="can be joined with a Sequential, got"):
            c + other
    assert same(c, MODULES)


def test_a_part_of_a_sequential_keeps_its_names() -> None:
    net = nn.Sequential(OrderedDict(zip("abcd", MODULES, strict=True)))
    assert list(net[1:3]._modules) == ["b", "c"]
    assert net[-1] is MODULES[3]
    net[0] = MODULES[1]
    assert list(net._modules) == list("abcd")
    del net[1]
    assert list(net._modules) == list("012")


DICTS: dict[str, tuple[Any, list[Any]]] = {
    "ModuleDict": (nn.ModuleDict, MODULES),
    "ParameterDict": (nn.ParameterDict, PARAMETERS),
}


@pytest.mark.parametrize("kind", DICTS)
def test_a_dict(kind: str) -> None:
    make, (a, b, c, d) = DICTS[kind]
    for given in ({"x": a, "y": b}, [("x", a), ("y", b)], make({"x": a, "y": b}), OrderedDict(x=a, y=b)):
        ours = make(given)
        assert list(ours) == list(ours.keys()) == ["x", "y"]
        assert same(list(ours.values()), [a, b])
        assert [(k, id(v)) for k, v in ours.items()] == [("x", id(a)), ("y", id(b))]
    assert "x" in ours
    assert "z" not in ours
    ours["x"] = c
    ours["z"] = d
    assert len(ours) == 3
    assert list(ours) == ["x", "y", "z"]
    assert ours["x"] is c
    assert ours.pop("y") is b
    del ours["x"]
    assert list(ours) == ["z"]
    for act in (lambda: ours["y"], lambda: ours.pop("y"), lambda: operator.delitem(ours, "y")):
        with pytest.raises(KeyError):
            act()
    ours.update({"a": a, "b": b})
    ours.update([("c", c)])
    assert list(ours) == ["z", "a", "b", "c"]
    ours.clear()
    assert len(ours) == 0
    assert list(ours.state_dict()) == []
    assert len(make()) == len(make(None)) == 0
    for wrong, error in ((3, TypeError), ([3], TypeError), ([("a", a, b)], ValueError), ([("a",)], ValueError)):
        with pytest.raises(error, match=rf"{kind}.update takes"):
            make(wrong)


def test_what_a_dict_of_parameters_has_besides() -> None:
    a, b, c, _ = PARAMETERS
    ours = nn.ParameterDict({"y": b, "x": a})
    assert list(ours) == ["x", "y"]  # of a plain dict they are sorted
    assert list(reversed(ours)) == ["y", "x"]
    assert ours.get("x") is a
    assert ours.get("z") is None
    assert ours.get("z", 3) == 3
    assert ours.setdefault("x", c) is a
    assert ours.setdefault("z", c) is c
    assert [k for k, _ in (ours.popitem(), ours.popitem(), ours.popitem())] == ["z", "y", "x"]
    with pytest.raises(KeyError, match="empty"):
        ours.popitem()
    one, two = nn.ParameterDict([("x", a)]), nn.ParameterDict([("x", b), ("y", c)])
    joined = one | two
    assert [(k, v) for k, v in joined.items() if (k, id(v)) not in (("x", id(b)), ("y", id(c)))] == []
    assert same(list(one.values()), [a])
    one |= two
    assert same(list(one.values()), [b, c])
    with pytest.raises(TypeError):
        one | {"x": a}
    assert list(one.copy()) == list(one)
    assert one.copy() is not one
    assert one.fromkeys(["p", "q"], 1.5)["q"] == 1.5
    assert one.fromkeys(["p"])["p"] is None
    with pytest.raises(TypeError, match="the keys of a ParameterDict are strings, got 3"):
        one[3] = a  # type: ignore[index]
    for box in (nn.ParameterDict(), nn.ParameterList()):
        with pytest.raises(RuntimeError, match=f"{type(box).__name__} holds parameters and cannot be called"):
            box(tg.ones(1))
    with pytest.raises(TypeError, match="ParameterList takes a list of parameters, got Parameter"):
        nn.ParameterList(a)
    with pytest.raises(TypeError, match="ParameterList takes a list of parameters, got int"):
        nn.ParameterList(3)  # type: ignore[arg-type]
    kept = nn.ParameterList([np.ones(2, np.float32), tg.ones(3), "word"])
    assert [type(v) for v in kept] == [nn.Parameter, nn.Parameter, str]


@pytest.mark.parametrize("box", [nn.Sequential, lambda *m: nn.ModuleList(m)])
def test_what_is_no_module_is_refused_and_changes_nothing(box: Any) -> None:
    ours = box(*MODULES[:2])
    kind = type(ours).__name__
    for act in (
        lambda: ours.append(len),
        lambda: ours.extend([MODULES[2], 3]),
        lambda: ours.insert(0, "x"),
        lambda: operator.setitem(ours, 0, tg.ones(1)),
    ):
        with pytest.raises(TypeError, match=f"{kind} holds Modules, got .*what is no Module is called in forward"):
            act()
    with pytest.raises(TypeError, match=rf"{kind} holds Modules, got the class ReLU; write ReLU\(\)"):
        ours.append(nn.ReLU)
    with pytest.raises(TypeError, match=f"{kind}.extend takes modules, got int"):
        ours.extend(3)
    assert same(ours, MODULES[:2])


def test_equal_neighbours_are_counted_in_the_text() -> None:
    text = repr(nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh(), nn.ReLU(), nn.Sequential(nn.Tanh())]))
    lines = ["(0-1): 2 x ReLU()", "(2): Tanh()", "(3): ReLU()", "(4): Sequential(", "  (0): Tanh()", ")"]
    assert text == "ModuleList(\n  " + "\n  ".join(lines) + "\n)"
    assert repr(nn.ModuleList()) == "ModuleList()"
