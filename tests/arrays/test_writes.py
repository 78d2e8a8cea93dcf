"""Who owns memory, when it was written into, and weak notes of who is interested in it."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

from tinygrad_cnn.arrays import writes
from tinygrad_cnn.arrays.writes import (
    References,
    check_unchanged,
    mutated,
    note,
    owner_of,
    taken,
    upcoming,
    written_since,
)


class Thing:
    """Something that weak references can be made to."""


def test_references_that_are_gone_are_forgotten_from_time_to_time() -> None:
    references, kept = References(), [Thing() for _ in range(3)]
    for thing in kept:
        references.add(thing)
    for _ in range(1000):
        references.add(Thing())
        assert len(references.references) <= 2 * (16 + 2 * 3)
    assert list(references) == kept
    many = [Thing() for _ in range(200)]
    for thing in many:
        references.add(thing)
    assert list(references) == kept + many
    assert references.limit > 200  # not at each that is added


@pytest.mark.parametrize(
    "cut",
    [
        lambda a: a,
        lambda a: a[1:],
        lambda a: a[1:].T[0],
        lambda a: as_strided(a, (2, 2), (0, 8)),
        lambda a: as_strided(a[1:], (2,), (8,))[:1],
    ],
)
def test_memory_is_known_by_the_array_that_owns_it(cut: Any) -> None:
    a, other = np.zeros((3, 4)), np.zeros((3, 4))
    part = cut(a)
    assert owner_of(part) is a
    before = upcoming()
    mutated(part)
    assert upcoming() == before + 1
    for array in (a, part, a[:1]):
        assert written_since(array, before - 1)
        assert not written_since(array, before)
    assert not written_since(other, before - 1)
    assert writes.last_write == before


def test_several_arrays_are_written_at_one_moment() -> None:
    a, b = np.zeros(2), np.zeros(2)
    before = upcoming()
    mutated(a, b[:1])
    assert upcoming() == before + 1
    assert written_since(a, before - 1)
    assert written_since(b, before - 1)
    assert not written_since(a, before)


def test_to_ask_for_the_next_number_does_not_take_it() -> None:
    first = upcoming()
    assert upcoming() == first == next(writes.tickets)
    assert upcoming() == first + 1


def test_notes_go_when_they_are_taken_and_when_their_memory_goes() -> None:
    table: dict[int, list[Any]] = {}
    a, things = np.zeros((2, 3)), [Thing() for _ in range(3)]
    for thing, array in zip(things, (a, a[0], a.T), strict=True):
        note(table, array, thing)
    assert len(table) == 1
    assert taken(table, a[1:]) == things
    assert taken(table, a) == []
    note(table, a[0], things[0])
    assert len(table) == 1
    del a, array
    gc.collect()
    assert table == {}


def test_memory_that_was_given_to_another_array_has_no_past() -> None:
    """The table knows arrays by their numbers, which Python gives again."""
    a, gone = np.zeros(2), np.zeros(3)
    table: dict[int, list[Any]] = {}
    thing = Thing()
    note(table, gone, thing)
    entry = table.pop(id(gone))
    table[id(a)] = entry
    assert taken(table, a) == [thing]  # while the first owner lives nobody else has its number
    table[id(a)] = entry
    note(table, a, thing)
    assert table[id(a)] is not entry
    del gone
    gc.collect()
    table[id(a)] = entry
    assert taken(table, a) == []


@pytest.mark.parametrize(("k", "what"), [(0, "output"), (1, "input 0"), (2, "input 1")])
def test_what_was_saved_and_then_written_into_is_named(k: int, what: str) -> None:
    saved: list[Any] = [np.zeros((2, 3)), np.zeros(4), np.zeros(())]
    order = upcoming() - 1
    check_unchanged("op", [*saved, None, 1.0], order)
    mutated(saved[k])
    with pytest.raises(
        RuntimeError, match=rf"the {what} of 'op', of shape .*, was changed in place after it was used"
    ) as e:
        check_unchanged("op", saved, order)
    assert f"of shape {saved[k].shape}," in str(e.value)
    check_unchanged("op", saved, upcoming() - 1)
    check_unchanged("op", [None if i == k else a for i, a in enumerate(saved)], order)
