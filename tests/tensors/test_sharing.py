"""Whose memory a result has, for every public function: its own, or that of an input, and then everybody knows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import tinygrad_cnn as tg
from tests.ops.case import Case
from tests.ops.test_cases import CASES, as_tensors, outputs
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.tensors import Tensor

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's

FIVE = settings(
    max_examples=5, database=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


def tensors_of(drawn: Any, recorded: bool = False) -> tuple[list[Any], dict[str, Any]]:
    """The inputs as tensors of their own memory; while recording not leaves, but what was computed from them."""
    inputs, kwargs = drawn
    arrays = [np.array(x) if isinstance(x, (np.ndarray, np.generic)) else x for x in inputs]
    floating = [i for i, x in enumerate(arrays) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
    tensors = as_tensors(arrays, floating if recorded else ())
    return [x * 1 if recorded and isinstance(x, Tensor) and x.requires_grad else x for x in tensors], kwargs


def roots(t: Any) -> list[Any]:
    """The tensors that t is a view of, step by step."""
    found = []
    while t._view is not None:
        t = t._view[0]
        found.append(t)
    return found


# What does not yet hold; each once more by hand at the end of the file, where the mark has to go once it does.
SHARES_IN_SILENCE: set[str] = set()


def marked(name: str, case: Case, known: set[str], reason: str) -> Any:
    return pytest.param(case, id=name, marks=[pytest.mark.xfail(strict=False, reason=reason)] if name in known else [])


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize(
    "case", [marked(name, case, SHARES_IN_SILENCE, "shares memory, and nobody knows") for name, case in CASES.items()]
)
def test_who_shares_memory_says_so(case: Case, recorded: bool) -> None:
    """A result that shares memory with an input is that input, is a view of it, or is read-only."""

    @FIVE
    @given(case.draw)
    def check(drawn: Any) -> None:
        given_, kwargs = tensors_of(drawn, recorded)
        tensors = [x for x in given_ if isinstance(x, Tensor)]
        results = [y for y in outputs(case.call(*given_, **kwargs)) if isinstance(y, Tensor)]
        for k, y in enumerate(results):
            if any(y is x for x in given_) or y._array.size == 0 or not y._array.flags.writeable:
                continue
            what = f"result {k} of {case.name}"
            for x in tensors:
                if np.may_share_memory(x._array, y._array):
                    assert any(x is root for root in roots(y)), (
                        f"{what} shares memory with an input, and is no view of it"
                    )
            for other in results[:k]:
                if np.shares_memory(other._array, y._array) and other._array.flags.writeable:
                    assert {id(t) for t in (y, *roots(y))} & {id(t) for t in (other, *roots(other))}, (
                        f"{what}: two in one"
                    )

    check()


READ_ONLY_RESULTS: set[str] = set()


@pytest.mark.parametrize(
    "case", [marked(name, case, READ_ONLY_RESULTS, "read-only, and a view of nobody") for name, case in CASES.items()]
)
def test_what_shares_no_memory_is_writable(case: Case) -> None:
    @FIVE
    @given(case.draw)
    def check(drawn: Any) -> None:
        given_, kwargs = tensors_of(drawn)
        for y in outputs(case.call(*given_, **kwargs)):
            if isinstance(y, Tensor) and y.numel() and y._view is None and not any(y is x for x in given_):
                assert y._array.flags.writeable, f"{case.name} gives read-only memory, and is a view of nobody"
                y.zero_()
                assert not y.numpy().any()

    check()


SHARES_BEYOND_PYTORCH: set[str] = set()


@pytest.mark.parametrize(
    "case",
    [
        marked(name, case, SHARES_BEYOND_PYTORCH, "shares where PyTorch copies")
        for name, case in CASES.items()
        if case.torch
    ],
)
def test_memory_is_shared_where_pytorch_shares_it(case: Case, torch: Any) -> None:
    """Or a write would reach in one library what it does not in the other."""

    @settings(FIVE, max_examples=10)
    @given(case.draw)
    def check(drawn: Any) -> None:
        ours, kwargs = tensors_of(drawn)
        theirs = [torch.tensor(x.numpy().copy()) if isinstance(x, Tensor) else x for x in ours]
        try:
            expected = outputs(case.torch(*theirs, **kwargs))
        except Exception:  # what PyTorch refuses is the business of test_torch
            return
        for k, (y, z) in enumerate(zip(outputs(case.call(*ours, **kwargs)), expected, strict=False)):
            if isinstance(y, Tensor) and isinstance(z, torch.Tensor) and y.numel():
                mine = [
                    i for i, x in enumerate(ours) if isinstance(x, Tensor) and np.may_share_memory(x._array, y._array)
                ]
                its = [i for i, x in enumerate(theirs) if isinstance(x, torch.Tensor) and owner(x) == owner(z)]
                assert mine == its, f"result {k} of {case.name} shares memory with inputs {mine}, PyTorch's with {its}"

    check()


def owner(x: Any) -> int:
    return int(x.untyped_storage().data_ptr())


COPIES = {  # they move nothing here, and still give memory of their own in PyTorch
    "repeat": lambda x: x.repeat(1, 1),
    "repeat twice": lambda x: x.repeat(2, 1, 1),
    "tile": lambda x: tg.tile(x, (1,)),
    "repeat_interleave": lambda x: tg.repeat_interleave(x, 1, dim=0),
    "unfold": lambda x: F.unfold(x.view(1, 1, 2, 2), 1),
    "pixel_shuffle": lambda x: F.pixel_shuffle(x.view(1, 2, 2), 1),
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(x.view(1, 2, 2), 1),
}


@pytest.mark.parametrize("name", COPIES)
def test_copies_are_copies(name: str) -> None:
    x = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
    y = COPIES[name](x)
    y.add_(1)
    assert x.tolist() == [[1, 2], [3, 4]]
    x.zero_()
    assert sorted(set(y.reshape(-1).tolist())) == [2, 3, 4, 5]


def test_a_transposing_einsum_is_a_view() -> None:
    x = tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True) * 1
    y = tg.einsum("ij->ji", x)
    x += 10
    assert y.tolist() == [[11, 13], [12, 14]]


def test_the_diagonal_of_an_einsum_can_be_written() -> None:
    x = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
    tg.einsum("ii->i", x).zero_()
    assert x.tolist() == [[0, 2], [3, 0]]
