"""Random programs of views, in-place writes and gradients: ours beside PyTorch, and beside a reference without it.

What a program is, who is right, and how a fault is printed: `tests.tensors.programs`. The table of all outcomes:

    python -m tests.tensors.programs --count 5000
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_cnn as tg
from tests.tensors.making import IN_PLACE, make
from tests.tensors.programs import AGREE, SKIPPED, UNJUDGED, Made, Tally, judge
from tests.tensors.reference import Jet, Library

CHUNKS, EACH = 20, 250  # beside PyTorch
ALONE, EACH_ALONE = 6, 60  # beside the reference alone
FIRST_ALONE = 1_000_000  # other seeds than those beside PyTorch

pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch warns of much that a random program does


def tally(seeds: range, torch: Any = None) -> Tally:
    found = Tally()
    for seed in seeds:
        found.add(seed, make(seed), tg, torch)
    return found


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_programs_beside_pytorch(chunk: int, torch: Any, record_property: Callable[[str, object], None]) -> None:
    found = tally(range(chunk * EACH, (chunk + 1) * EACH), torch)
    for outcome, count in found.outcomes.items():
        record_property(outcome, count)
    print(found)
    assert not found.faults, str(found)
    assert found.outcomes[UNJUDGED] <= EACH // 50
    judged = EACH - found.outcomes[SKIPPED] - found.outcomes[UNJUDGED]
    assert found.outcomes[AGREE[0]] >= 0.4 * judged, f"too few programs run through to say much:\n{found}"


@pytest.mark.parametrize("chunk", range(ALONE))
def test_programs_beside_the_reference(chunk: int) -> None:
    start = FIRST_ALONE + chunk * EACH_ALONE
    found = tally(range(start, start + EACH_ALONE))
    print(found)
    assert not found.faults, str(found)


# --------------------------------------------------------------------------------------------- can these tests fail?
@functools.lru_cache
def some() -> list[Made]:
    return [make(seed) for seed in range(200)]


def beside_itself(jet: type[Jet]) -> Counter[str]:
    """The reference in our place, with jets of another class."""
    return Counter(judge(made, Library(made.directions, made.order, jet)).outcome for made in some())


def test_the_reference_agrees_with_itself() -> None:
    assert beside_itself(Jet).keys() <= set(AGREE)


class Copying(Jet):
    def view_by(self, f: Any) -> Jet:
        return super().view_by(f).clone()


class CopyingSlices(Jet):
    def __getitem__(self, index: Any) -> Jet:
        return super().__getitem__(index).clone()


class CopyingDetach(Jet):
    def detach(self) -> Jet:
        return super().detach().clone()


class SharingClone(Jet):
    def clone(self) -> Jet:
        return self


class KeepingGradients(Jet):
    def become(self, new: Any, saved: bool = False) -> Jet:
        """A number that is written leaves the derivatives of what it overwrites."""
        if isinstance(new, Jet):
            return super().become(new, saved)
        self.refuse_writes()
        self.parts[0][...] = new
        return self


class Deaf(Jet):
    def written(self, new: Jet) -> None:
        """Nobody learns that the memory requires grad now."""


class Soft(Jet):
    def refuse_writes(self) -> None:
        """Leaves may be written."""


class Hard(Jet):
    def refuse_writes(self) -> None:
        super().refuse_writes()
        if self.block.saved:
            raise RuntimeError("it was used")


class Attached(Jet):
    def detach(self) -> Jet:
        return self.view_by(lambda a, _lead: a[...])


class HalfDone(Jet):
    def become(self, new: Any, saved: bool = False) -> Jet:
        """What refuses has written already."""
        if self.history.leaf and self.library.recording:
            self.parts[0][...] = 0
        return super().become(new, saved)


BROKEN = [Copying, CopyingSlices, CopyingDetach, SharingClone, KeepingGradients, Deaf, Soft, Hard, Attached, HalfDone]


@pytest.mark.parametrize("jet", BROKEN, ids=lambda jet: jet.__name__)
def test_a_broken_library_is_found(jet: type[Jet]) -> None:
    outcomes = beside_itself(jet)
    assert outcomes.keys() - set(AGREE) - {UNJUDGED}, outcomes


def test_programs_hold_every_kind_of_write_view_and_alias() -> None:
    kinds = Counter(s.kind.removesuffix(" (no_grad)") for seed in range(700) for s in make(seed).program)
    writes = {
        f"write {name}_" for name in (*IN_PLACE, "add", "sub", "mul", "div", "copy", "fill", "clamp", "lerp", "tril")
    }
    writes |= {
        f"write {name}_" for name in ("index_add", "index_copy", "index_fill", "scatter", "scatter_add", "masked_fill")
    }
    writes |= {
        f"write {index} {sign}"
        for index in ("[int]", "[slice]", "[:, int]", "[mask]", "[indices]")
        for sign in ("=", "+=")
    }
    others = {
        "alias detach",
        "alias data",
        "alias leaf",
        "backward",
        "backward again",
        "grad",
        "backward of grad",
        "step",
    }
    views = {
        "view [int]",
        "view [slice]",
        "view t",
        "view view",
        "view unbind",
        "view iterate",
        "view expand",
        "view diagonal",
    }
    assert not {kind for kind in writes | views | others if not kinds[kind]}


def test_a_seed_makes_the_same_program() -> None:
    assert [make(seed).program for seed in range(20)] == [make(seed).program for seed in range(20)]
