"""Pickles that no reader of data should take: they call something, lie, go round in circles, or grow without end."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

import functools
import importlib
import operator
import os
import pickle
import struct
import subprocess
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.io.opcodes import call, many, name, plain, whole

PROTOCOLS = range(6)


class Calls:
    """Pickles as a call of something."""

    def __init__(self, function: Callable[..., Any], *arguments: Any, state: Any = None) -> None:
        self.call = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> Any:
        return self.call


def hostile_calls(marker: Path) -> Iterator[tuple[str, bytes]]:
    """Files that write `marker` when Python's pickle reads them, or try to."""
    write = f"open({str(marker)!r}, 'w')"
    for protocol in PROTOCOLS:
        yield f"os.system, protocol {protocol}", pickle.dumps(Calls(os.system, f"touch {marker}"), protocol)
    for label, evil in {
        "eval": Calls(eval, write),
        "exec": Calls(exec, write),
        "open": Calls(open, str(marker), "w"),
        "Popen": Calls(subprocess.Popen, ["touch", str(marker)]),
        "getattr": Calls(getattr, Calls(importlib.import_module, "os"), "system"),
        "partial": Calls(functools.partial, os.system, f"touch {marker}"),
        "attrgetter": Calls(operator.attrgetter("system"), "os"),
        "map": Calls(list, Calls(map, os.system, [f"touch {marker}"])),
        "numpy.load": Calls(np.load, str(marker)),
        "numpy.save": Calls(np.save, str(marker), [1]),
        "within a dict": {"weights": [1.0, (Calls(os.system, f"touch {marker}"),)]},
        "as a state": Calls(OrderedDict, state={"x": Calls(os.system, f"touch {marker}")}),
    }.items():
        yield label, pickle.dumps(evil, 2)
        yield f"{label}, protocol 4", pickle.dumps(evil, 4)
    command = plain(f"touch {marker}")
    yield "INST", b"(S'touch %s'\nios\nsystem\n." % str(marker).encode()
    yield "OBJ", whole(b"(" + name("os", "system") + command + b"o")
    yield "NEWOBJ", whole(name("os", "system") + command + b"\x85\x81")
    yield "NEWOBJ_EX", whole(name("os", "system") + command + b"\x85}\x92", 4)
    yield "STACK_GLOBAL", whole(plain("os") + plain("system") + b"\x93" + command + b"\x85R", 4)
    yield "a dotted name", whole(name("collections", "OrderedDict.fromkeys.__globals__"))
    yield "a name below a known one", whole(plain("numpy") + plain("ndarray.dtype") + b"\x93", 4)
    yield "a name with a null", whole(name("collections", "OrderedDict\0"))
    yield "EXT1", whole(b"\x82\x01")
    yield "EXT2", whole(b"\x83\x01\x00")
    yield "EXT4", whole(b"\x84\x01\x00\x00\x00")


DEEP = 20_000
HUGE = struct.pack("<Q", 2**63 - 1)
LIST = plain(list(range(1000)))


def doubled(first: bytes, step: bytes) -> bytes:
    """A hundred objects, each of which holds the one before twice."""
    steps = [first, *(step % (i, i) for i in range(100))]
    return whole(b"".join(made + b"q%c0" % i for i, made in enumerate(steps)) + b"h%c" % 100)


HOSTILE: dict[str, bytes] = {
    # what is called, and given a state
    "calls a string": whole(call(plain("os.system"), plain("x"))),
    "calls a list": whole(call(b"]", plain("x"))),
    "calls a plain value of the table": whole(call(name("here", "value"))),
    "calls a word": whole(call(name("here", "word"))),
    "calls with a list": whole(name("here", "len") + b"]R"),
    "calls by keyword": whole(name("here", "len") + b")" + plain({"a": 1}) + b"\x92", 4),
    "too many arguments": whole(call(name("here", "len"), plain(1), plain(2))),
    "the state of a dict": whole(b"}" + plain({"a": 1}) + b"b"),
    "the state of a list": whole(b"]" + plain({"a": 1}) + b"b"),
    "the state of a maker": whole(name("here", "len") + plain({"make": 1}) + b"b"),
    "a word alone": whole(name("here", "word")),
    "a maker in a list": whole(b"]" + name("here", "len") + b"a"),
    "a maker in a tuple's dict": whole(b"}" + plain("a") + name("here", "len") + b"s\x85"),
    "a maker as a key": whole(b"}" + name("here", "len") + b"Ns"),
    "a persistent id": whole(plain("id") + b"Q"),
    "a persistent id as text": b"Pid\n.",
    "a name made of numbers": whole(b"K\x01K\x02\x93", 4),
    # lengths and numbers
    "BINUNICODE8 of 2**63": whole(b"\x8d" + HUGE, 4),
    "BINBYTES8 of 2**64": whole(b"\x8e" + b"\xff" * 8, 4),
    "BYTEARRAY8 of 2**63": whole(b"\x96" + HUGE, 5),
    "BINBYTES of 4 GB": whole(b"B\xff\xff\xff\xff", 3),
    "BINSTRING of -1": whole(b"T\xff\xff\xff\xff"),
    "a frame of 2**63": whole(b"\x95" + HUGE + b"N", 4),
    "LONG4 of 2 GB": whole(b"\x8b\xff\xff\xff\x7f" + b"\xff" * 100),
    "LONG4 of -1": whole(b"\x8b\xff\xff\xff\xff"),
    "LONG4 of a million bytes": whole(b"\x8b" + struct.pack("<i", 10**6) + b"\x7f" * 10**6),
    "9,000 digits": b"L" + b"9" * 9000 + b"L\n.",
    "a million digits": b"I" + b"9" * 10**6 + b"\n.",
    "a float that is none": b"Fnothing\n.",
    "an integer that is none": b"Inothing\n.",
    "protocol 6": b"\x80\x06N.",
    "text that is no UTF-8": whole(b"X\x02\x00\x00\x00\xff\xff"),
    "a quote that does not end": b"S'abc\n.",
    "a broken escape": b"S'\\x'\n.",
    # the stack and the memo
    "empty": b"",
    "no end": b"\x80\x02N",
    "nothing on the stack": b"\x80\x02.",
    "more than one object": b"\x80\x02NN.",
    "a mark left over": b"\x80\x02N(.",
    "bytes behind the end": b"\x80\x02N.N",
    "takes below a mark": whole(b"N(\x85"),
    "takes below a mark that goes": whole(b"N(\x85t\x86"),
    "a mark that is not there": whole(b"Nt"),
    "drops from nothing": whole(b"0N"),
    "asks an empty place": whole(b"h\x07"),
    "asks place -1": b"g-1\n.",
    "puts at place -1": b"Np-1\n.",
    "a place of many digits": b"g" + b"9" * 5000 + b"\n.",
    "an unknown opcode": whole(b"\xff"),
    "NEXT_BUFFER": whole(b"\x97", 5),
    "READONLY_BUFFER": whole(b"N\x98", 5),
    "all opcodes unknown": b"\x00" * 1000,
    # containers
    "appends to a tuple": whole(b")Na"),
    "adds to a dict": whole(many(b"}", [b"N"], b"\x90"), 4),
    "a key without a value": whole(many(b"}", [b"N"], b"u")),
    "items into a list": whole(many(b"]", [b"N", b"N"], b"u")),
    "a list as a key": whole(b"}]Ns"),
    "a dict in a set": whole(many(b"\x8f", [b"}"], b"\x90"), 4),
    "a list in a frozenset": whole(b"(]\x91", 4),
    "a list in a set by name": whole(call(name("builtins", "set"), plain([[1]]))),
    "a nested tuple as a key": whole(b"}" + plain(((1,), 2)) + b"Ns"),
    "a long key": whole(b"}" + plain("k" * 20_000) + b"Ns"),
    "a key of many bits": whole(b"}" + plain(2**500) + b"Ns"),
    "many tuples as keys": whole(many(b"}", (plain((i, i)) + b"N" for i in range(5000)), b"u")),
    "a list in itself": whole(b"]q\x00h\x00a"),
    "a dict in itself": whole(b"}q\x00" + plain("a").replace(b"q\x00", b"") + b"h\x00s"),
    "a tuple in its list": whole(b"]q\x00" + b"h\x00\x85a"),
    "a loop of three": whole(b"]q\x00]q\x01]q\x02h\x00aaa"),
    "deep lists": whole(b"]" * DEEP + b"a" * (DEEP - 1)),
    "deep tuples": whole(b")" + b"\x85" * DEEP),
    "deep tuples as a key": whole(b"})" + b"\x85" * DEEP + b"Ns"),
    "101 lists": whole(b"]" * 102 + b"a" * 101),
    # the same over and over
    "lists that double": doubled(b"]", b"](h%ch%ce"),
    "tuples that double": doubled(b")", b"h%ch%c\x86"),
    "dicts that double": doubled(b"}", b"}(K\x01h%cK\x02h%cu"),
    "a text again and again": whole(plain("x" * 100_000) + b"0]" + b"(" + b"h\x00" * 10_000 + b"e"),
    "a list again and again": whole(LIST + b"0](" + b"h\x00" * 20_000 + b"e"),
    "sets of a list": whole(LIST + b"0" + (name("builtins", "set") + b"h\x00\x85R0") * 20_000 + b"N"),
    "bytes of a text": whole(plain("x" * 100_000) + b"0" + (name("_codecs", "encode") + b"h\x00\x85R0") * 20_000 + b"N"),
    "empty sets": whole(b"\x8f" * 1_000_000 + b"(1N", 4),
    # NumPy
    "an array of objects": pickle.dumps(np.array([1, "a"], object), 2),
    "an array of texts": pickle.dumps(np.array(["a"]), 2),
    "a dtype of fields": pickle.dumps(np.zeros(2, "i4,f4"), 2),
    "a dtype of a list": whole(call(name("numpy", "dtype"), plain([("a", "i4")]), b"\x89", b"\x88")),
    "a dtype without a byte order": whole(call(name("numpy", "dtype"), plain("i4"), b"\x89", b"\x88") + plain((3, "x", None)) + b"b"),
    "an array without a state": whole(call(name("numpy.core.multiarray", "_reconstruct"), name("numpy", "ndarray"), plain((0,)), b"N")),
}  # fmt: skip


def numpy_array(shape: Any, content: str, code: str = "u1", fortran: Any = False) -> bytes:
    dtype = (
        call(name("numpy", "dtype"), plain(code), b"\x89", b"\x88")
        + plain((3, "<", None, None, None, -1, -1, 0))
        + b"b"
    )
    array = call(name("numpy.core.multiarray", "_reconstruct"), name("numpy", "ndarray"), plain((0,)), plain("b"))
    data = (
        content
        if isinstance(content, bytes) and content[:1] == b"c"
        else call(name("_codecs", "encode"), plain(content), plain("latin1"))
    )
    return whole(array + b"(" + plain(1) + plain(shape) + dtype + plain(fortran) + data + b"tb")


HOSTILE |= {
    "an array of too few bytes": numpy_array((2, 3), "abc"),
    "an array of too many bytes": numpy_array((2,), "abc"),
    "an array of 2**60": numpy_array((2**30, 2**30), "abc"),
    "an array whose size overflows": numpy_array((2**32, 2**32), ""),
    "an empty array of huge sides": numpy_array((0, 2**62, 2**62), ""),
    "an array of negative size": numpy_array((-1, -3), "abc"),
    "an array of 100 dimensions": numpy_array((1,) * 100, "a"),
    "an array of a float's size": numpy_array((3.0,), "abc"),
    "an array whose size is a list": numpy_array([3], "abc"),
    "an array of a text as its order": numpy_array((3,), "abc", fortran="yes"),
}  # fmt: skip
