"""A tensor is overwritten after an operation used or made it: who still gets a gradient, PyTorch or we?

Every case is run on copies of its inputs. Then one of them, or a result, is overwritten through another name of its
memory, and the backward runs. Where PyTorch's runs, ours runs and gives the same; where PyTorch's is refused, ours is
refused or right. As a script this prints what both do, case by case, and where they differ:

    python -m tests.ops.test_overwriting
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import hypothesis
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy import ndarray

import tinygrad_cnn as tg
from tests.ops.case import Case
from tests.ops.test_cases import CASES, drawn, outputs, parametrize, wanted
from tests.ops.test_torch import assert_same, weights

FEW = hypothesis.settings(
    max_examples=3, derandomize=True, database=None, deadline=None, phases=[hypothesis.Phase.generate]
)
EXPANDED = (  # one number in many places: read-only here, and PyTorch writes into some of it
    *("Tensor.expand", "Tensor.expand_as", "broadcast_to", "broadcast_tensors", "meshgrid"),
)
OWN = {"nn.functional.hardsigmoid": "hardsigmoid"}  # their cases have a formula in the place of PyTorch's function
Gradients = list[Any]  # a gradient, or None where there is none, for each input that wants one


class Place(NamedTuple):
    """What is overwritten: ``inputs[at]``, ``kwargs[at]`` or ``outputs[at]``."""

    of: str
    at: Any


def places(inputs: list[Any], kwargs: dict[str, Any], results: int) -> Iterator[Place]:
    yield from (Place("input", k) for k, x in enumerate(inputs) if isinstance(x, ndarray) and x.size)
    yield from (Place("keyword", name) for name, x in kwargs.items() if isinstance(x, ndarray) and x.size)
    yield from (Place("output", k) for k in range(results))


def theirs(torch: Any, case: Case, place: Place) -> Callable[..., Any]:
    assert case.torch is not None
    own = case.name in OWN and place.of == "input"
    return getattr(torch.nn.functional, OWN[case.name]) if own else case.torch


def overwrite(t: Any) -> None:
    """Give other values to a tensor through another name: those that an index or a mask may have, too."""
    t.detach().fill_(0.3 if "float" in str(t.dtype) else 0)


def after_overwriting(
    L: Any, call: Callable[..., Any], inputs: list[Any], kwargs: dict[str, Any], at: list[int], place: Place | None
) -> Gradients | RuntimeError:
    """The gradients of the leaves whose copies went in, or the refusal."""
    leaves = [L.tensor(x) if isinstance(x, ndarray) else x for x in inputs]
    for i in at:
        leaves[i].requires_grad_()
    xs = [x * 1 if i in at else x for i, x in enumerate(leaves)]
    named = {name: L.tensor(x) if isinstance(x, ndarray) else x for name, x in kwargs.items()}
    ys = outputs(call(*xs, **named))
    roots = [(y * 1, L.tensor(weights(y.detach().numpy(), k))) for k, y in enumerate(ys) if y.requires_grad]
    if place is not None:
        overwrite({"input": xs, "keyword": named, "output": ys}[place.of][place.at])
    try:
        found = L.autograd.grad(
            [y for y, _ in roots], [leaves[i] for i in at], [w for _, w in roots], allow_unused=True
        )
    except RuntimeError as error:
        return error
    return [None if g is None else np.array(g.detach().numpy()) for g in found]


def assert_gradients(got: Gradients, expected: Gradients, what: str) -> None:
    for k, (g, e) in enumerate(zip(got, expected, strict=True)):
        if g is None or e is None:
            assert not np.any(e if g is None else g), f"{what}: gradient {k} is {g}, not {e}"
        else:
            assert_same(g, e, f"{what}: gradient {k}")


def same(got: Gradients, expected: Gradients) -> bool:
    try:
        assert_gradients(got, expected, "")
    except AssertionError:
        return False
    return True


def judge(torch: Any, case: Case, inputs: list[Any], kwargs: dict[str, Any], at: list[int], place: Place) -> str:
    """Compare both; says what they did."""
    its = after_overwriting(torch, theirs(torch, case, place), inputs, kwargs, at, place)
    mine = after_overwriting(tg, case.call, inputs, kwargs, at, place)
    true = after_overwriting(tg, case.call, inputs, kwargs, at, None)
    assert not isinstance(true, RuntimeError)
    if isinstance(its, RuntimeError):
        assert "modified by an inplace operation" in str(its), its
        if not isinstance(mine, RuntimeError):
            assert_gradients(mine, true, "beside the gradient without the write")
            return "only PyTorch refuses"
    elif not isinstance(mine, RuntimeError):
        assert_gradients(mine, true, "beside the gradient without the write")
        assert_gradients(mine, its, "beside PyTorch")
        return "both run"
    elif same(its, true):
        raise AssertionError(f"only ours refuses: {mine}")
    assert "changed in place" in str(mine), mine
    return "both refuse" if isinstance(its, RuntimeError) else "PyTorch does not notice, and is wrong"


def check(
    torch: Any, case: Case, inputs: list[Any], kwargs: dict[str, Any]
) -> Iterator[tuple[Place, Callable[[], str]]]:
    """Each place of one example, and what judges it; with all inputs wanting gradients, and with one alone."""
    at = wanted(case, inputs)
    results = outputs(case.call(*[tg.tensor(x) if isinstance(x, ndarray) else x for x in inputs], **kwargs))
    hypothesis.assume(all(x.size for x in (*inputs, *kwargs.values()) if isinstance(x, ndarray)))
    hypothesis.assume(all(y.numpy().size for y in results))
    for some in [at] + [[i] for i in at if len(at) > 1]:
        for place in places(inputs, kwargs, len(results) * (case.name not in EXPANDED)):
            yield place, lambda some=some, place=place: judge(torch, case, inputs, kwargs, some, place)


@parametrize(torch=True, order=1)
def test_a_write_that_pytorch_survives(case: Case, torch: Any) -> None:
    @FEW
    @given(data=st.data())
    def survive(data: st.DataObject) -> None:
        inputs, kwargs = drawn(case, data)
        for place, verdict in check(torch, case, inputs, kwargs):
            hypothesis.note(f"{place.of} {place.at} is overwritten; inputs {inputs}, {kwargs}")
            with np.errstate(all="ignore"):
                verdict()

    survive()


def _look(torch: Any, case: Case, name: str, table: dict[tuple[str, str], Counter[str]]) -> None:
    @FEW
    @given(data=st.data())
    def look(data: st.DataObject) -> None:
        inputs, kwargs = drawn(case, data)
        for place, verdict in check(torch, case, inputs, kwargs):
            try:
                found = verdict()
            except Exception as error:
                found = "FAULT " + str(error).strip().splitlines()[0][:150]
            table.setdefault((name, f"{place.of} {place.at}"), Counter())[found] += 1

    look()


def main() -> None:
    """Print what both do for each case and place."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    torch = importlib.import_module("torch")
    table: dict[tuple[str, str], Counter[str]] = {}
    for name, case in CASES.items():
        if case.torch is not None and case.order and any(part in name for part in sys.argv[1:] or [""]):
            _look(torch, case, name, table)
    for (name, where), outcomes in table.items():
        print(f"{name:45s} {where:12s} {', '.join(f'{n} {what}' for what, n in outcomes.items())}")


if __name__ == "__main__":
    main()
