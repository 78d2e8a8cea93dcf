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
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy import ndarray

import tinygrad_cnn as tg
from tests.ops.case import Case
from tests.ops.test_cases import CASES, as_tensors, drawn, outputs, parametrize, wanted
from tests.ops.test_torch import assert_same, weights
from tinygrad_cnn.autograd.operation import op

FEW = hypothesis.settings(
    max_examples=3, derandomize=True, database=None, deadline=None, phases=[hypothesis.Phase.generate]
)
EXPANDED = (  # one number in many places: read-only here, and PyTorch writes into some of it
    *("Tensor.expand", "Tensor.expand_as", "broadcast_to", "broadcast_tensors", "meshgrid"),
    "Tensor.unfold",
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
    L: Any,
    call: Callable[..., Any],
    inputs: list[Any],
    kwargs: dict[str, Any],
    at: list[int],
    place: Place | None,
    twice: bool = False,
) -> Gradients | RuntimeError:
    """The gradients of the leaves whose copies went in, or the refusal. ``twice``: leaves go in, and second ones."""
    leaves = [L.tensor(x) if isinstance(x, ndarray) else x for x in inputs]
    for i in at:
        leaves[i].requires_grad_()
    xs = [x * 1 if i in at and not twice else x for i, x in enumerate(leaves)]
    named = {name: L.tensor(x) if isinstance(x, ndarray) else x for name, x in kwargs.items()}
    ys = outputs(call(*xs, **named))
    roots = [(y * 1, L.tensor(weights(y.detach().numpy(), k))) for k, y in enumerate(ys) if y.requires_grad]
    if place is not None:
        overwrite({"input": xs, "keyword": named, "output": ys}[place.of][place.at])
    variables = [leaves[i] for i in at]
    try:
        found = L.autograd.grad([y for y, _ in roots], variables, [w for _, w in roots], None, twice, allow_unused=True)
        if twice:
            roots = [(g, L.tensor(weights(g.numpy(), k))) for k, g in enumerate(found) if g is not None]
            roots = [(g, w) for g, w in roots if g.requires_grad]
            found += L.autograd.grad([g for g, _ in roots], variables, [w for _, w in roots], allow_unused=True)
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


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # PyTorch's, where a case makes arrays of what it gets
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


def nodes(ys: list[Any]) -> Iterator[Any]:
    """All nodes that lead to some results."""
    seen: set[Any] = set()
    todo = [y._node for y in ys]
    while todo:
        node = todo.pop()
        if type(node).__name__ == "Node" and node not in seen:
            seen.add(node)
            todo += node.parents
            yield node


@parametrize(order=2)
def test_second_derivatives_are_those_of_the_old_values(case: Case) -> None:
    """Where a rule gets what was overwritten as it was, what it records is right, too: of leaves as well."""

    @FEW
    @given(data=st.data())
    def stay(data: st.DataObject) -> None:
        inputs, kwargs = drawn(case, data)
        at = wanted(case, inputs)
        ys = outputs(case.call(*as_tensors(inputs, at), **kwargs))
        if not any(node.op.spares for node in nodes(ys)):
            return
        with np.errstate(all="ignore"):
            true = after_overwriting(tg, case.call, inputs, kwargs, at, None, True)
            for place in places(inputs, kwargs, len(ys) * (case.name not in EXPANDED)):
                hypothesis.note(f"{place.of} {place.at} is overwritten; inputs {inputs}, {kwargs}")
                mine = after_overwriting(tg, case.call, inputs, kwargs, at, place, True)
                if isinstance(mine, RuntimeError):
                    assert "changed in place" in str(mine), mine
                else:
                    assert_gradients(mine, true, "beside the gradient without the write")

    stay()


def arrays_in(x: Any) -> Iterator[ndarray[Any, Any]]:
    """The arrays among the attributes of a node."""
    if isinstance(x, ndarray):
        yield x
    elif isinstance(x, (tuple, list, dict)):
        for part in x.values() if isinstance(x, dict) else x:
            yield from arrays_in(part)


def check_hints(xs: list[Any], ys: list[Any]) -> None:
    """Fail where what a node knows besides its inputs lies in memory that a user can overwrite unnoticed."""
    tensors = [t for t in (*xs, *ys) if isinstance(t, tg.Tensor)]
    for node in nodes(ys):
        reads = node.op.keeps(sum(1 << i for i, p in enumerate(node.parents) if p is not None), len(node.parents))
        watched = [a for a, read in zip(node.saved, reads, strict=True) if read == 2 and isinstance(a, ndarray)]
        for hint in arrays_in(node.attributes):
            if any(np.shares_memory(hint, t.numpy()) for t in tensors):
                assert any(np.may_share_memory(hint, a) for a in watched), f"a hint of {node} can be overwritten"


@parametrize(order=1)
def test_no_hint_lies_in_memory_of_the_user(case: Case) -> None:
    @FEW
    @given(data=st.data())
    def apart(data: st.DataObject) -> None:
        inputs, kwargs = drawn(case, data)
        xs = as_tensors(inputs, wanted(case, inputs))
        named = {name: tg.tensor(x) if isinstance(x, ndarray) else x for name, x in kwargs.items()}
        with np.errstate(all="ignore"):
            check_hints([*xs, *named.values()], outputs(case.call(*xs, **named)))

    apart()


def test_the_check_of_hints_sees_what_it_should() -> None:
    unseen, seen = (
        op(rule)(lambda x: (x * x, {"hint": (0, [x[1:]])}))
        for rule in (lambda g, _y, _x, **_hints: g, lambda g, _y, x, **_hints: g * x)
    )
    x = tg.tensor(np.ones(3), requires_grad=True)
    check_hints([x], [seen(x)])
    with pytest.raises(AssertionError, match="can be overwritten"):
        check_hints([x], [unseen(x)])


# ---------------------------------------------------------------------------------------------------------- networks
# Each takes images x (8, 32, 16, 16), kernels w (32, 32, 3, 3), scales s (32,) and targets t (8,); in float32, so that
# convolutions go their faster ways; and gives a result, a second name of what it overwrote, and what to overwrite then.
def residual(F: Any, x: Any, w: Any, s: Any, _t: Any) -> Any:
    y = F.batch_norm(F.conv2d(x, w, s, padding=1), None, None, s, s, training=True)
    other = y.detach()
    y += x
    y.relu_()
    return y, other, None


def activated_in_place(F: Any, x: Any, w: Any, s: Any, _t: Any) -> Any:
    y = F.conv2d(x, w, s, padding=1)
    other = y.detach()
    return F.max_pool2d(y.relu_(), 2), other, None


def pool_overwritten(F: Any, x: Any, w: Any, s: Any, _t: Any) -> Any:
    y = F.max_pool2d(F.conv2d(x, w[:, :, :1, :1], s), 2)
    return F.avg_pool2d(y, 2), None, y


def pixels_overwritten(F: Any, x: Any, w: Any, s: Any, _t: Any) -> Any:
    y = x * 2
    return F.conv2d(y, w[:, :, :1, :1], s), None, y


def logits_overwritten(F: Any, x: Any, w: Any, _s: Any, t: Any) -> Any:
    y = F.linear(x.mean((2, 3)), w[:, :, 0, 0])
    return F.cross_entropy(y, t), None, y


def normalised_in_place(F: Any, x: Any, w: Any, s: Any, _t: Any) -> Any:
    y = F.group_norm(F.conv2d(x, w), 4, s, s)
    other = y.detach()
    y.mul_(2).sigmoid_()
    return F.layer_norm(y, y.shape[1:]).tanh_(), other, None


def squashed_and_scaled(F: Any, x: Any, w: Any, s: Any, _t: Any) -> Any:
    y = F.softmax(F.conv2d(x, w, s), 1)
    other = y.detach()
    y *= 2
    return y, other, None


def indexed(_F: Any, x: Any, w: Any, _s: Any, t: Any) -> Any:
    return x[:, t] * w[t, :, 0, 0].sum(), None, t


NETWORKS = (
    *(residual, activated_in_place, pool_overwritten, pixels_overwritten, logits_overwritten),
    *(normalised_in_place, squashed_and_scaled, indexed),
)


def gradients_of(L: Any, network: Callable[..., Any], write: bool = True) -> list[Any] | RuntimeError:
    """The gradients of x, w and s; or the refusal. The other name of what is overwritten lives until then."""
    rng = np.random.default_rng(0)
    shapes = ((8, 32, 16, 16), (32, 32, 3, 3), (32,))
    x, w, s = (L.tensor(rng.standard_normal(n).astype(np.float32), requires_grad=True) for n in shapes)
    t = L.tensor(rng.integers(0, 32, 8))
    y, _other, victim = network(L.nn.functional, x, w, s, t)
    if write and victim is not None:
        victim.detach().zero_()
    try:
        y.backward(L.tensor(weights(y.detach().numpy(), 1)))
    except RuntimeError as error:
        return error
    return [None if v.grad is None else v.grad.numpy() for v in (x, w, s)]


@pytest.mark.parametrize("network", NETWORKS)
def test_networks_run_where_pytorchs_do(network: Callable[..., Any], torch: Any) -> None:
    mine, its = gradients_of(tg, network), gradients_of(torch, network)
    if isinstance(mine, RuntimeError):
        assert "changed in place" in str(mine), mine
        assert isinstance(its, RuntimeError), f"only ours refuses: {mine}"
    elif isinstance(its, RuntimeError):
        assert_gradients(mine, gradients_of(tg, network, write=False), "beside the gradient without the write")
    else:
        assert_gradients(mine, its, "beside PyTorch")


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
