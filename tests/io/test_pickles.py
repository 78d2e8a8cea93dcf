"""Pickles read as data: what Python's pickle writes of plain values comes back, and no other file does anything."""

from __future__ import annotations

import pickle
import tracemalloc
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.io.hostile_pickles import HOSTILE, PROTOCOLS, hostile_calls
from tests.io.opcodes import call, name, plain, whole
from tests.io.test_checkpoint import keys, same
from tests.io.test_checkpoint import plain as plain_values
from tinygrad_cnn.io.pickles import (
    NUMPY_NAMES,
    PLAIN_NAMES,
    Dialect,
    Maker,
    Pending,
    PickleError,
    Word,
    read_pickle,
)

NAMES = {**PLAIN_NAMES, **NUMPY_NAMES, ("here", "word"): Word(1), ("here", "value"): 5, ("here", "len"): Maker(len)}
DIALECT = Dialect(NAMES)


def read(content: bytes, dialect: Dialect | None = DIALECT) -> Any:
    return read_pickle(content, "file", dialect)


class TestHonest:
    @given(
        st.recursive(
            plain_values | st.binary(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.lists(inner, max_size=4).map(tuple)
                | st.dictionaries(keys | st.tuples(keys, keys), inner, max_size=4)
                | st.dictionaries(keys, inner, max_size=3).map(OrderedDict)
            ),
            max_leaves=12,
        ),
        st.sampled_from(PROTOCOLS),
    )
    def test_any_nesting(self, value: Any, protocol: int) -> None:
        if not _has_large_key(value):
            assert same(value, read(pickle.dumps(value, protocol)))

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_what_older_protocols_say_by_names(self, protocol: int) -> None:
        for value in (
            b"", b"bytes\xff", bytearray(b"ab"), bytearray(), {1, "a"}, set(), frozenset([2.5]), 1 + 2j,
            Counter([1, 1, 2]), Counter(), OrderedDict(b=1, a=[]), "\ud800", "a\n\\é", 2**2000, -(2**70), 255, -1,
        ):  # fmt: skip
            back = read(pickle.dumps(value, protocol))
            assert type(back) is type(value)
            assert back == value

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    @pytest.mark.parametrize("code", ["?", "i1", "u1", "<i2", ">i4", "u8", "f2", "<f4", ">f8", "c16"])
    def test_arrays(self, protocol: int, code: str) -> None:
        array = np.arange(12).reshape(3, 4).astype(code)
        for made in (
            array,
            array.T,
            np.asfortranarray(array),
            array[1:, ::2],
            array[:0],
            array[0, 0, ...],
            array[1, 1],
        ):
            back = read(pickle.dumps(made, protocol))
            assert type(back) is type(made)
            assert back.dtype == array.dtype.newbyteorder("=")
            np.testing.assert_array_equal(back, made)
            if made.ndim:
                back[...] = 0  # in memory of its own

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_what_is_shared_stays_shared(self, protocol: int) -> None:
        inner, array = [1], np.ones(2)
        back = read(pickle.dumps({"a": inner, "b": (inner, array), "c": [array, (array,)]}, protocol))
        assert back["a"] is back["b"][0]
        assert back["b"][1] is back["c"][0] is back["c"][1][0]
        assert type(back["c"][0]) is np.ndarray

    def test_strings_of_python_2(self) -> None:
        content = whole(b"}U\x04data" + b"U\x01\xffs")
        assert read(content, Dialect(strings="latin1")) == {"data": "ÿ"}
        assert read(content, Dialect(strings="bytes")) == {b"data": b"\xff"}
        with pytest.raises(PickleError, match="utf-8"):
            read(content)
        assert read(b"(dS'a\\x41'\nS\"b'\"\ns.") == {"aA": "b'"}

    def test_an_array_of_python_2(self) -> None:
        """As in CIFAR's batches: everything is a byte string."""
        dtype = (
            call(name("numpy", "dtype"), b"U\x02u1", b"K\x00", b"K\x01")
            + b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        )
        array = call(name("numpy.core.multiarray", "_reconstruct"), name("numpy", "ndarray"), plain((0,)), b"U\x01b")
        state = b"(K\x01(K\x02K\x03t" + dtype + b"\x89" + b"U\x06" + bytes(range(6)) + b"tb"
        back = read(whole(b"}U\x04data" + array + state + b"s"), DIALECT._replace(strings="bytes"))
        np.testing.assert_array_equal(back[b"data"], [[0, 1, 2], [3, 4, 5]])
        assert back[b"data"].dtype == np.uint8

    def test_names_of_the_caller(self) -> None:
        assert read(whole(call(name("here", "len"), plain([1, 2])))) == 2
        assert read(whole(name("here", "value"))) == 5
        assert read(whole(plain("id") + b"Q"), Dialect(persistent=lambda identity: [identity])) == ["id"]

    def test_a_long_list_and_a_long_text(self) -> None:
        """The limits leave room for what people save."""
        history = {
            "loss": [i / 7 for i in range(200_000)],
            "log": "a line of text\n" * 100_000,
            "names": [f"n{i}" for i in range(50_000)],
        }
        assert read(pickle.dumps(history, 2)) == history
        shared = [1.0, 2.0]
        assert read(pickle.dumps([shared] * 10_000, 4)) == [shared] * 10_000


def _has_large_key(value: Any) -> bool:
    """Has it an integer of more than 64 bits as a key?"""
    if isinstance(value, dict):
        parts = [p for key in value for p in (key if type(key) is tuple else (key,))]
        return any(type(p) is int and p.bit_length() > 64 for p in parts) or any(map(_has_large_key, value.values()))
    return isinstance(value, (list, tuple)) and any(map(_has_large_key, value))


def refused(content: bytes) -> str:
    """The error's text: ours, and after little memory was used."""
    tracemalloc.start()
    try:
        with pytest.raises(PickleError, match=r"^file: ") as caught:
            read(content)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000 + 20 * len(content)
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 1000
    return str(caught.value)


class TestHostile:
    def test_the_examples_are_what_they_are_called(self, tmp_path: Path) -> None:
        """Python's own pickle runs them."""
        files = dict(hostile_calls(tmp_path / "marker"))
        pickle.loads(files["open"])
        assert (tmp_path / "marker").exists()

    def test_no_call_is_made(self, tmp_path: Path) -> None:
        files = dict(hostile_calls(tmp_path / "marker"))
        assert len(files) > 30
        for label, content in files.items():
            text = refused(content)
            assert "it names" in text or "opcode" in text, label
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("label", HOSTILE)
    def test_refused(self, label: str) -> None:
        refused(HOSTILE[label])

    def test_the_error_says_what_was_found(self) -> None:
        assert "it names 'os.system', which is not read" in refused(whole(name("os", "system")))
        assert "at byte" in refused(b"\x80\x02\xff.") or "up to byte 3" in refused(b"\x80\x02\xff.")
        assert "contains itself" in refused(HOSTILE["a list in itself"])
        assert "nested deeper than 100" in refused(HOSTILE["101 lists"])
        assert "the same objects over and over" in refused(HOSTILE["lists that double"])
        assert "over and over" in refused(HOSTILE["sets of a list"])
        assert "bytes follow its end" in refused(HOSTILE["bytes behind the end"])
        long = refused(whole(name("m" * 5000, "n")))
        assert "mmm..." in long

    def test_a_hundred_levels_are_read(self) -> None:
        assert read(whole(b"]" * 100 + b"a" * 99)) is not None

    def test_names_are_looked_up_and_never_imported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def forbidden(*_: object, **__: object) -> None:
            raise AssertionError("something was imported")

        content = pickle.dumps({"a": OrderedDict(x=np.ones(2)), "b": {1}}, 2)
        monkeypatch.setattr("builtins.__import__", forbidden)
        back = read(content)
        monkeypatch.undo()
        assert back["b"] == {1}

    def test_a_pending_object_without_a_state(self) -> None:
        class Waits(Pending):
            def result(self) -> Any:
                return 3

        dialect = Dialect({("a", "b"): Maker(Waits)})
        assert read(whole(call(name("a", "b")) + b"\x85"), dialect) == (3,)
        with pytest.raises(PickleError, match="has no state"):
            read(whole(call(name("a", "b")) + b"Nb"), dialect)


SAMPLE = {
    "w": np.arange(6.0).reshape(2, 3), "o": OrderedDict(a=1, b=[2, (3, None)]), "s": {1, 2}, "b": b"\x00\xff",
    "t": "text", "n": [2**70, -1, 0.5, True], "c": Counter([1, 1]), "x": np.float32(2),
}  # fmt: skip
SAMPLES = [pickle.dumps(SAMPLE, protocol) for protocol in PROTOCOLS]


PIECES = [
    *(bytes([code]) for code in b"(012NK}])tuaselbdRQ\x85\x86\x87\x88\x89\x8f\x90\x91\x93\x94\x81"),
    *(name(*full) for full in NAMES), plain("u1"), plain((2,)), b"K\x01", b"q\x00", b"h\x00", b"q\x01", b"h\x01",
]  # fmt: skip


class TestDamage:
    """A damaged pickle may still be one: it loads, or is refused by our error."""

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_every_truncation(self, protocol: int) -> None:
        for length in range(len(SAMPLES[protocol])):
            with pytest.raises(PickleError, match=r"^file: "):
                read(SAMPLES[protocol][:length])

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_every_byte_changed(self, protocol: int) -> None:
        refusals = 0
        for at in range(len(SAMPLES[protocol])):
            for change in (1, 16, 255):
                content = bytearray(SAMPLES[protocol])
                content[at] ^= change
                refusals += _loads_or_is_refused(bytes(content))
        assert refusals > len(SAMPLES[protocol])

    @given(st.data())
    def test_random_runs_of_other_bytes(self, data: st.DataObject) -> None:
        content = bytearray(data.draw(st.sampled_from(SAMPLES)))
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(content)))
            content[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
        _loads_or_is_refused(bytes(content))

    @given(st.lists(st.sampled_from(PIECES) | st.binary(min_size=1, max_size=1), max_size=40).map(b"".join))
    def test_random_programs(self, body: bytes) -> None:
        _loads_or_is_refused(whole(body, 4))


def test_a_key_of_64_bits_is_the_longest() -> None:
    long = {-(2**64 - 1): "negative", 2**64 - 1: "positive"}
    assert read(pickle.dumps(long), DIALECT) == long
    for key in (2**64, -(2**64)):
        with pytest.raises(PickleError, match="65 bits; 64 are the most"):
            read(pickle.dumps({key: 0}), DIALECT)


def _loads_or_is_refused(content: bytes) -> bool:
    try:
        value = read(content, DIALECT._replace(persistent=lambda _: 0))
    except PickleError:
        return True
    assert len(repr(value)) < 10_000_000
    return False
