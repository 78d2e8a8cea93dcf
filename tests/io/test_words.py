"""What is wrong with a file is said in its own words, and each limit is where it is said to be."""

# ruff: noqa: E501  (tables)

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from tests.faults.lies import npy, npy_lies, safetensors_lies, tensors, zipped
from tests.faults.reading import load_bytes
from tests.io.hostile_pickles import HOSTILE
from tests.io.hostile_torch import LYING
from tests.io.opcodes import archive, call, name, plain, tensor, whole
from tests.io.test_pickles import read
from tinygrad_cnn.io import load, save
from tinygrad_cnn.io.packing import pack
from tinygrad_cnn.io.tensor_file import chunks, lay_out
from tinygrad_cnn.io.zips import Part, entry_names, stored_entries

# --------------------------------------------------------------------------------------------- words: which files
# What follows a colon and a blank at the end of some is Python's or NumPy's, and not looked at.
PICKLES: dict[str, tuple[str, ...]] = {
    "it calls an object of type str": ("calls a string",),
    "it calls an object of type list": ("calls a list",),
    "it calls an object of type int": ("calls a plain value of the table",),
    "it calls a global name": ("calls a word",),
    "it calls with an object of type list, not with a tuple of arguments": ("calls with a list",),
    "it calls with arguments by keyword": ("calls by keyword",),
    "TypeError: ": ("too many arguments",),
    "it sets the state of an object of type dict": ("the state of a dict",),
    "it sets the state of an object of type list": ("the state of a list",),
    "it sets the state of a global name": ("the state of a maker",),
    "a global name or a storage stands where a value is expected": (
        "a word alone",
        "a maker in a list",
        "a maker in a tuple's dict",
    ),
    "a global name is a key, or an element of a set": ("a maker as a key",),
    "it refers to something outside of the file, by a persistent id": ("a persistent id",),
    "the opcode 0x50 is not read": ("a persistent id as text",),
    "a global name made of an object of type int and an object of type int": ("a name made of numbers",),
    "it is cut short, or lies: 9,223,372,036,854,775,807 bytes should follow, and 1 do": (
        "BINUNICODE8 of 2**63",
        "BYTEARRAY8 of 2**63",
    ),
    "it is cut short, or lies: 18,446,744,073,709,551,615 bytes should follow, and 1 do": ("BINBYTES8 of 2**64",),
    "it is cut short, or lies: 4,294,967,295 bytes should follow, and 1 do": ("BINBYTES of 4 GB",),
    "a length of -1": ("BINSTRING of -1", "LONG4 of -1"),
    "it is cut short, or lies: a frame of 9,223,372,036,854,775,807 bytes, and 2 follow": ("a frame of 2**63",),
    "it is cut short, or lies: 2,147,483,647 bytes should follow, and 101 do": ("LONG4 of 2 GB",),
    "an integer of 1,000,000 bytes; 1,024 are the most": ("LONG4 of a million bytes",),
    "a number of 9,001 digits; 4,000 are the most": ("9,000 digits",),
    "a number of 1,000,000 digits; 4,000 are the most": ("a million digits",),
    "ValueError: ": (
        "a float that is none",
        "an integer that is none",
        "a broken escape",
        "an empty array of huge sides",
    ),
    "a pickle of protocol 6; up to 5 are read": ("protocol 6",),
    "UnicodeDecodeError: ": ("text that is no UTF-8",),
    "a string without its quotes": ("a quote that does not end",),
    "it is cut short, or lies: 1 bytes should follow, and 0 do": ("empty", "no end"),
    "it takes an object from the stack, and there is none": (
        "nothing on the stack",
        "a mark left over",
        "takes below a mark",
        "takes below a mark that goes",
        "drops from nothing",
    ),
    "it ends, and more than its one object is on the stack": ("more than one object",),
    "1 bytes follow its end": ("bytes behind the end",),
    "it goes back to a mark, and there is none": ("a mark that is not there",),
    "it asks for place 7 of the memo, where nothing is": ("asks an empty place",),
    "it asks for place -1 of the memo, where nothing is": ("asks place -1",),
    "a place -1 in the memo": ("puts at place -1",),
    "a number of 5,000 digits; 4,000 are the most": ("a place of many digits",),
    "the opcode 0xff is not read": ("an unknown opcode",),
    "the opcode 0x97 is not read": ("NEXT_BUFFER",),
    "the opcode 0x98 is not read": ("READONLY_BUFFER",),
    "the opcode 0x00 is not read": ("all opcodes unknown",),
    "it adds elements to an object of type tuple": ("appends to a tuple",),
    "it adds elements to an object of type dict": ("adds to a dict",),
    "a key has no value": ("a key without a value",),
    "it puts keys and values into an object of type list": ("items into a list",),
    "an object of type list is a key, or an element of a set": (
        "a list as a key",
        "a list in a frozenset",
        "a list in a set by name",
    ),
    "an object of type dict is a key, or an element of a set": ("a dict in a set",),
    "an object of type tuple is a key, or an element of a set": ("a nested tuple as a key", "deep tuples as a key"),
    "a key or element of a set has 20,000 characters; 10,000 are the most": ("a long key",),
    "a key or element of a set has 501 bits; 64 are the most": ("a key of many bits",),
    "its keys are tuples that are too long or too many": ("many tuples as keys",),
    "it contains itself": ("a list in itself", "a dict in itself", "a tuple in its list", "a loop of three"),
    "it is nested deeper than 100": ("deep lists", "deep tuples", "101 lists"),
    "it holds far more than a file of its size, the same objects over and over": (
        "lists that double",
        "tuples that double",
        "dicts that double",
        "a text again and again",
        "a list again and again",
    ),
    "it asks for far more work than its size is worth, the same objects over and over": (
        "sets of a list",
        "bytes of a text",
        "empty sets",
    ),
    "an array of NumPy's dtype 'O8'; real and complex numbers are read": ("an array of objects",),
    "an array of NumPy's dtype 'U1'; real and complex numbers are read": ("an array of texts",),
    "an array of NumPy's dtype 'V8'; real and complex numbers are read": ("a dtype of fields",),
    "an array of NumPy's dtype an object of type list; real and complex numbers are read": ("a dtype of a list",),
    "the state of a NumPy dtype has no byte order": ("a dtype without a byte order",),
    "a NumPy array has no state": ("an array without a state",),
    "a NumPy array of uint8 lies: its shape and its 3 bytes do not fit": (
        "an array of too few bytes",
        "an array of too many bytes",
        "an array of 2**60",
    ),
    "a NumPy array of uint8 lies: its shape and its 0 bytes do not fit": ("an array whose size overflows",),
    "the shape of a NumPy array is no tuple of sizes": (
        "an array of negative size",
        "an array of 100 dimensions",
        "an array of a float's size",
        "an array whose size is a list",
    ),
    "the state of a NumPy array is not one": ("an array of a text as its order",),
}
HEADERS: dict[str, tuple[str, ...]] = {
    "a header of 9,223,372,036,854,775,808 bytes in a file of 77": ("a length of 2**63",),
    "a header of 18,446,744,073,709,551,615 bytes in a file of 77": ("a length of 2**64 - 1",),
    "a header of 99,000,000 bytes in a file of 77": ("a length of 99 MB",),
    "something follows its header's last bracket": ("a length one too long", "a second object"),
    "its header has no { at byte 8": (
        "no header",
        "a header that is a list",
        "a header that is a number",
        "nesting 100,000 deep",
    ),
    "its header has no { at byte 1,008": ("a header of spaces",),
    "no array has the shape of 'x': ": ("200 dimensions of 1", "an empty array too large for any"),
    "what it says about 'x' is a lie: 6,427,752,177,035,961,102,167,848,369,364,650,410,088,811,975,131,171,341,205,504 bytes of F32 in the place of 8": (
        "200 dimensions of 2",
    ),
    "its header says far too much of an array": (
        "2000 dimensions of 0",
        "a size of 5000 digits",
        "a million digits",
        "objects 100,000 deep",
        "objects 100,000 deep, closed",
        "nesting in a shape",
    ),
    "what it says about 'x' is a lie: 18,446,744,073,709,551,616 bytes of F32 in the place of 8": ("a size of 2**62",),
    "what it says about 'x' is a lie: 680,564,733,841,876,927,074,323,167,453,212,835,840 bytes of F32 in the place of 8": (
        "sizes whose product wraps around to 2",
    ),
    "what it says about 'x' is made of the wrong things": (
        "a negative size",
        "two negative sizes",
        "true as a size",
        "null as a size",
        "a text as a shape",
        "a size of 4000 digits",
        "offsets that are negative",
        "three offsets",
        "a dtype that is a list",
        "no dtype",
    ),
    "its header is no JSON of arrays: 2.0 is no size": ("a fraction as a size",),
    "its header is no JSON of arrays: NaN is no size": ("NaN as a size",),
    "its header is no JSON of arrays: Infinity is no size": ("Infinity as an offset",),
    "its header is no JSON of arrays: 1e400 is no size": ("1e400 as a size",),
    "its header announces 16 bytes of arrays, and the file has 8": ("offsets behind the end",),
    "what it says about 'x' is a lie: 8 bytes of F32 in the place of -8": ("offsets that end before they begin",),
    "what it says about 'x' is a lie: 8 bytes of F32 in the place of 4": ("offsets of another size",),
    "what it says about 'x' is a lie: 4 bytes of F32 in the place of 8": ("a place larger than its array",),
    "the bytes of its arrays overlap, or leave a gap, at 0": (
        "a gap before the first array",
        "two arrays in one place",
    ),
    "its header announces 8 bytes of arrays, and the file has 12": ("bytes behind the last array",),
    "the bytes of its arrays overlap, or leave a gap, at 4": ("overlapping arrays",),
    "it describes 'x' twice, or far too many arrays": ("one array twice",),
    "its header is no JSON of arrays: a key comes twice": ("one key twice",),
    " has dtype Q99, which NumPy has no type for": ("an unknown dtype",),
    " has dtype <f4, which NumPy has no type for": ("a dtype of NumPy's",),
    " has dtype O, which NumPy has no type for": ("a dtype of objects",),
    "its header has no { at byte 14": ("an array that is a number",),
    "the booleans of 'x' are other numbers than 0 and 1": ("booleans of 7",),
    "its header has no { at byte 25": ("metadata that is a list",),
    'its header has no " at byte 31': ("metadata that is a number",),
    "it describes '__metadata__' twice, or far too many arrays": ("metadata twice",),
    "its header has no { at byte 13": ("a million empty lists",),
    "its header is no JSON of arrays: ": ("half a surrogate", "a name that is no UTF-8"),
    "its header ends within a text": ("a text that does not end", "a megabyte of backslashes", "300,000 quotes"),
    "a header of 41,943,042 bytes, far too long": ("40 MB of quotes",),
    "its header has a name of 1,000,002 bytes": ("a name of a megabyte",),
    "it describes '10000' twice, or far too many arrays": ("20,000 empty arrays",),
    'its header has no " at byte 9': ("a comment",),
    'its header has no " at byte 69': ("a comma too many",),
}
ARRAYS: dict[str, tuple[str, ...]] = {
    "its header announces shape (4611686018427387904,) of float32, and 8 bytes follow it": ("a size of 2**62",),
    "no array has its shape: ": ("200 dimensions", "an empty array too large for any"),
    "its shape is none": ("a negative size", "true as a size", "order that is none"),
    "its header announces shape (1,) of float32, and 8 bytes follow it": ("a size too few",),
    "its header announces shape (3,) of float32, and 8 bytes follow it": ("a size too many",),
    "an array of Python objects or of records; objects are pickles, which could run any code": (
        "objects",
        "a pickle",
        "records",
    ),
    "its dtype '<U1' is none that a Tensor has": ("a text",),
    "its dtype '<M8[s]' is none that a Tensor has": ("a date",),
    "its dtype '<c8' is none that a Tensor has": ("complex",),
    "its dtype 'V2147483647' is none that a Tensor has": ("a void of 2 GB",),
    "its dtype '<f3' is none that a Tensor has": ("no dtype",),
    "its header is none (": ("code", "a deep header", "minus signs", "no shape"),
    "a header of 2,147,483,648 bytes": ("a header of 2 GB",),
    "a header of 9,000 bytes": ("a header beyond the end",),
    "it does not begin as a .npy of version 1, 2 or 3 does": ("version 9", "the magic alone"),
    "its booleans are other numbers than 0 and 1": ("booleans of 7",),
}
TENSORS: dict[str, tuple[str, ...]] = {
    "storage '0' lies: 7 elements of 4 bytes, and its entry has 24 bytes": ("more elements than bytes",),
    "storage '0' lies: 5 elements of 4 bytes, and its entry has 24 bytes": ("fewer elements than bytes",),
    "storage '0' lies: 4,611,686,018,427,387,904 elements of 4 bytes, and its entry has 24 bytes": ("2**62 elements",),
    "storage '0' lies: -6 elements of 4 bytes, and its entry has 24 bytes": ("-6 elements",),
    "a persistent id of a storage is made of the wrong things": (
        "a number of elements that is a float",
        "a number of elements that is a boolean",
        "a storage named by a number",
        "a location that is no text",
        "an id whose type is a text",
    ),
    "storage '0' lies: 6 elements of 8 bytes, and its entry has 24 bytes": ("elements of another size",),
    "storage '1' is not in the archive": ("a storage that is not there",),
    "storage '../data.pkl' is not in the archive": ("a storage of another folder",),
    "storage '' is not in the archive": ("a storage named by nothing",),
    "storage '0' is described in two ways": ("one storage of two types", "one storage of two sizes"),
    "storage '0' of booleans holds other numbers than 0 and 1": ("booleans that are none",),
    "a global name or a storage stands where a value is expected": ("a storage alone", "a type of storage alone"),
    "a persistent id that is none of a storage": (
        "an id that is a text",
        "an id of another kind",
        "an id that is short",
        "an id that is a list",
    ),
    "a storage of a type that is none": ("an id whose type is a tensor's",),
    "a tensor of 1 dimensions lies: it reaches beyond the 6 elements of its storage": (
        "beyond the end",
        "an offset beyond the end",
        "an offset beyond the end of nothing",
        "an offset of 2**63",
        "a huge stride",
    ),
    "a tensor of 2 dimensions lies: it reaches beyond the 6 elements of its storage": (
        "an offset that reaches over",
        "a stride of 2**100",
        "sizes whose product overflows",
    ),
    "a tensor is made of the wrong things": (
        "a negative offset",
        "more sizes than strides",
        "requires_grad that is a text",
    ),
    "the stride of a tensor is no tuple of numbers from 0": ("a negative stride",),
    "ValueError: ": ("sizes whose product overflows to 0, strides 0", "sizes of nothing beyond any array"),
    "the size of a tensor is no tuple of numbers from 0": (
        "a negative size",
        "a size that is a float",
        "a size that is a boolean",
        "a size that is a list",
        "a hundred dimensions",
    ),
    "tensors whose elements overlap take far more memory than the file; save clones": (
        "an expanded tensor of a TB",
        "many expanded tensors",
    ),
    "a tensor without a storage": ("a tensor of nothing", "a tensor of a type", "a tensor of a list"),
    "TypeError: ": ("a tensor without arguments", "a tensor of many arguments", "a parameter without arguments"),
    "RuntimeError: ": (
        "integers that require grad",
        "a parameter of integers",
        "a device of a list",
        "a device that is not here",
    ),
    "it asks for far more work than its size is worth, the same objects over and over": ("again and again",),
    "storage '0' lies: 23 elements of 1 bytes, and its entry has 24 bytes": ("bytes that are none of the dtype",),
    "a storage of bytes that are none of its dtype": ("bytes of a dtype that is a storage",),
    "a tensor of 1 dimensions lies: it reaches beyond the 12 elements of its storage": ("bytes beyond the end",),
    "a tensor of a storage without a dtype": ("bytes as a tensor",),
    "a parameter is made of the wrong things": ("a parameter of a text", "a parameter of a parameter"),
    "the torch.Size of a tensor is no tuple of numbers from 0": ("a size of texts", "a size of -1"),
    "it calls an object of type Float32DType": ("a dtype that is called",),
    "it sets the state of an object of type Tensor": ("the state of a tensor",),
    "a tensor of another class; save its numbers: x.detach().as_subclass(torch.Tensor)": (
        "attributes of another class",
    ),
    "a tensor that is made of none": ("attributes of what is no tensor",),
    "an object of type Tensor is a key, or an element of a set": ("a tensor as a key", "a tensor in a set"),
    "it names 'torch.nn.modules.linear.Linear', to make a whole module, which could run any code; save its numbers: torch.save(model.state_dict(), path)": (
        "a whole module",
    ),
    "it names '__main__.Net', to make an object, or a module, which could run any code; save its numbers: torch.save(model.state_dict(), path)": (
        "a class of the script",
    ),
    "it names 'torch.load', which is no dtype that NumPy has; save x.float()": ("torch.load",),
    "it names 'torch._utils._rebuild_tensor_v2.__globals__', to make an object, or a module, which could run any code; save its numbers: torch.save(model.state_dict(), path)": (
        "a global of a known function",
    ),
    "it names 'os.system', to make an object, or a module, which could run any code; save its numbers: torch.save(model.state_dict(), path)": (
        "a hook that is called",
    ),
}


def refusal(reader: Callable[[bytes], Any], content: bytes) -> str:
    with pytest.raises(ValueError, match=r"\w") as caught:
        reader(content)
    return str(caught.value)


def labelled(table: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {label: words for words, labels in table.items() for label in labels}


FORMATS: dict[str, tuple[Callable[[bytes], Any], dict[str, tuple[str, ...]], Iterable[tuple[str, bytes]], str]] = {
    "pickles": (read, PICKLES, HOSTILE.items(), "file: "),
    "torch.save": (lambda b: load_bytes(archive(b)), TENSORS, LYING.items(), "load: 'run.safetensors': "),
    "safetensors": (
        load_bytes, HEADERS, safetensors_lies(),
        "load: 'run.safetensors' is damaged, cut short, or no safetensors file (",
    ),
    "npy": (load_bytes, ARRAYS, npy_lies(), "load: 'run.safetensors' is no .npy file that is read: "),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
def test_each_lie_is_called_what_it_is(form: str) -> None:
    reader, table, files, start = FORMATS[form]
    expected, met = labelled(table), set[str]()
    for label, content in files:
        said, words = refusal(reader, content), expected[label]
        met.add(label)
        if words.startswith(" has dtype"):
            assert words in said, label
        else:
            assert said.startswith(start + words), (label, said)
            after = said.removeprefix(start + words)
            assert after in ("", ")") or after.startswith(" (its pickle was read") or words.endswith((": ", "(")), said
    assert met == set(expected)


def test_how_far_a_pickle_was_read_is_said() -> None:
    for label, at in (
        ("calls by keyword", 28), ("protocol 6", 2), ("empty", 0), ("no end", 3), ("bytes behind the end", 4),
        ("LONG4 of -1", 7), ("a list as a key", 6), ("many tuples as keys", 49_493), ("a word alone", 14),
    ):  # fmt: skip
        assert refusal(read, HOSTILE[label]).endswith(f" (its pickle was read up to byte {at:,})")


UNKNOWN: dict[tuple[str, str], str] = {  # names in a file of torch.save, and how the error goes on
    ("torch", "ComplexFloatStorage"): "complex numbers, which are not read; save torch.view_as_real(x)",
    ("torch.storage", "ComplexDoubleStorage"): "complex numbers, which are not read; save torch.view_as_real(x)",
    ("torch._utils", "_rebuild_qtensor"): "a quantized tensor, which is not read; save x.dequantize()",
    ("torch._utils", "_rebuild_sparse_tensor"): "a sparse or nested tensor, which is not read; save x.to_dense()",
    ("torch._utils", "_rebuild_nested_tensor"): "a sparse or nested tensor, which is not read; save x.to_dense()",
    ("torch._utils", "_rebuild_meta_tensor_no_storage"): "a tensor of the device meta, which has no numbers",
    ("torch", "float8_e4m3fn"): "which is no dtype that NumPy has; save x.float()",
    ("torch", "Generator"): "to make an object, or a module, which could run any code; save its numbers: ",
    ("torch.nn.modules.linear", "Linear"): "to make a whole module, which could run any code; save its numbers: ",
    ("mine.torch.nn", "ComplexNet"): "to make an object, or a module, which could run any code; save its numbers: ",
    ("other", "ComplexFloatStorage"): "to make an object, or a module, which could run any code; save its numbers: ",
}  # fmt: skip


@pytest.mark.parametrize("module", UNKNOWN, ids=".".join)
def test_names_that_are_not_read_and_what_to_do(module: tuple[str, str]) -> None:
    said = refusal(load_bytes, archive(name(*module)))
    assert said.startswith(f"load: 'run.safetensors': it names '{'.'.join(module)}', {UNKNOWN[module]}")


DTYPE = call(name("numpy", "dtype"), plain("u1"))
BYTE = call(name("_codecs", "encode"), plain("a"), plain("latin1"))
CALLS: list[tuple[bytes, str]] = [  # of names that are read, with what they do not take
    (call(name("_codecs", "encode"), plain(3), plain("latin1")), "bytes of an object of type int"),
    (call(name("_codecs", "encode"), plain("a"), plain(3)), "bytes of an object of type str"),
    (call(name("_codecs", "encode"), plain("a"), plain("utf-16")), "bytes of an object of type str"),
    (call(name("builtins", "bytes"), plain(3)), "TypeError"),
    (call(name("builtins", "bytearray"), plain(3)), "an object of type int in place of one of type bytes"),
    (call(name("builtins", "bytearray"), plain(3), plain("latin1")), "bytes of an object of type int"),
    (call(name("builtins", "set"), plain((1,))), "an object of type tuple in place of one of type list"),
    (call(name("builtins", "frozenset"), plain("ab")), "an object of type str in place of one of type list"),
    (call(name("builtins", "complex"), plain(1), plain(2.0)), "an object of type int in place of one of type float"),
    (call(name("builtins", "complex"), plain(1.0), plain("2")), "an object of type str in place of one of type float"),
    (call(name("collections", "Counter"), plain([1])), "an object of type list in place of one of type dict"),
    (call(name("collections", "OrderedDict"), plain("ab")), "an OrderedDict of an object of type str"),
    (call(name("collections", "OrderedDict"), plain([1])), "an object of type int in place of a key and a value"),
    (call(name("collections", "OrderedDict"), plain([(1, 2, 3)])), "an object of type tuple in place of a key and a"),
    (call(name("collections", "OrderedDict"), plain([[[1], 2]])), "an object of type list is a key, or an element of"),
    (call(name("numpy", "dtype"), plain("x" * 30)), f"an array of NumPy's dtype {'x' * 20!r}; real"),
    (call(name("numpy", "dtype"), plain(3)), "an array of NumPy's dtype an object of type int; real and complex"),
    (call(name("numpy.core.multiarray", "scalar"), plain(3), plain("a")), "a NumPy array of an object of type int and"),
    (call(name("numpy.core.multiarray", "scalar"), DTYPE, plain(5)), "a NumPy array of an object of type _Type and an"),
    (
        call(name("numpy._core.numeric", "_frombuffer"), BYTE, DTYPE, plain((1,)), plain(5)),
        "a NumPy array of an object of type _Type and an object of type bytes",
    ),
    (
        call(name("numpy._core.numeric", "_frombuffer"), BYTE, DTYPE, plain((2,)), plain("C")),
        "a NumPy array of uint8 lies: its shape and its 1 bytes do not fit",
    ),
]  # fmt: skip


@pytest.mark.parametrize("k", range(len(CALLS)))
def test_what_a_name_does_not_take(k: int) -> None:
    content, words = CALLS[k]
    assert refusal(read, whole(content)).startswith(f"file: {words}")


def test_what_names_make() -> None:
    for content, value in (
        (call(name("_codecs", "encode"), plain("\u00e9"), plain("latin1")), b"\xe9"),
        (call(name("_codecs", "encode"), plain("\u00e9"), plain("utf-8")), b"\xc3\xa9"),
        (call(name("_codecs", "encode"), plain("\u00e9")), b"\xc3\xa9"), (call(name("builtins", "bytes")), b""),
        (call(name("builtins", "bytearray")), bytearray()), (call(name("__builtin__", "set"), plain([1, 2])), {1, 2}),
        (call(name("builtins", "bytearray"), plain("\u00e9"), plain("latin1")), bytearray(b"\xe9")),
        (call(name("builtins", "frozenset"), plain([1])), frozenset([1])),
        (call(name("builtins", "complex"), plain(1.0), plain(2.0)), 1 + 2j),
        (call(name("collections", "Counter"), plain({"a": 2})), Counter("aa")),
        (call(name("collections", "Counter")), Counter()),
        (call(name("collections", "OrderedDict"), plain([["b", 1], ("a", 2)])), OrderedDict(b=1, a=2)),
    ):  # fmt: skip
        made = read(whole(content))
        assert type(made) is type(value)
        assert made == value


# -------------------------------------------------------------------------------------------------------------- limits
def entry(n: int) -> bytes:
    """A header whose one entry has n bytes from its bracket on."""
    text = '{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":"'
    return tensors(('{"x":' + text + "m" * (n - len(text) - 2) + '"}}').encode(), b"7")


def named(n: int) -> bytes:
    """A header with a name of n bytes, its quotes among them."""
    return tensors({"n" * (n - 2): {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}, b"7")


def empty_arrays(n: int) -> bytes:
    return tensors({str(k): {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for k in range(n)})


def texts(n: int) -> bytes:
    return tensors({"__metadata__": {str(k): "" for k in range(n)}})


def spaces(n: int) -> bytes:
    return tensors(b"{}" + b" " * (n - 2))


def sizes(n: int) -> bytes:
    return archive(tensor(size=(1,) * n, stride=(1,) * n))


def shaped(n: int) -> bytes:
    text = "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}".ljust(n)
    return npy(text, b"7", version=2)


LIMITS: dict[str, tuple[Callable[[bytes], Any], Callable[[int], bytes], int, str]] = {  # the last that is read
    "bytes about an array": (load_bytes, entry, 4097, "says far too much of an array"),
    "bytes of a name": (load_bytes, named, 1 << 16, "a name of 65,537 bytes"),
    "arrays of others": (load_bytes, empty_arrays, 10_000, "far too many arrays"),
    "texts of others": (load_bytes, texts, 10_000, "far too many texts"),
    "a header of others": (load_bytes, spaces, 15 << 20, "a header of 15,728,641 bytes, far too long"),
    "dimensions of a tensor": (load_bytes, sizes, 32, "the size of a tensor is no tuple"),
    "a header of NumPy's": (load_bytes, shaped, 10_000, "a header of 10,001 bytes"),
    "digits": (read, lambda n: b"L" + b"1" * n + b"\n.", 4000, "a number of 4,001 digits; 4,000 are"),
    "bytes of an integer": (
        read, lambda n: whole(b"\x8b" + struct.pack("<i", n) + b"\x01" * n), 1024, "of 1,025 bytes; 1,024 are",
    ),
    "letters of a key": (read, lambda n: pickle.dumps({"k" * n: 1}), 10_000, "has 10,001 characters; 10,000 are"),
    "bytes in a set": (read, lambda n: pickle.dumps({b"k" * n}, 4), 10_000, "has 10,001 characters; 10,000 are"),
    "parts of a key": (read, lambda n: pickle.dumps({tuple(range(n)): 1}), 16, "tuples that are too long"),
    "keys that are tuples": (
        read, lambda n: pickle.dumps([{(i, 0): 1} for i in range(n)]), 4096, "tuples that are too long or too many",
    ),
    "levels": (read, lambda n: whole(b"]" * n + b"a" * (n - 1)), 100, "nested deeper than 100"),
    "protocols": (read, lambda n: bytes([0x80, n]) + b"N.", 5, "protocol 6; up to 5 are read"),
    "dimensions of an array in a pickle": (
        read, lambda n: pickle.dumps(np.zeros((1,) * n), 2), 32, "the shape of a NumPy array is no tuple of sizes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", LIMITS)
def test_the_last_that_is_read_and_the_first_that_is_not(what: str) -> None:
    reader, make, most, words = LIMITS[what]
    reader(make(most))
    assert words in refusal(reader, make(most + 1))


def test_a_checkpoint_of_ones_own_may_have_more_arrays_and_texts() -> None:
    file = io.BytesIO()
    save({str(k): np.zeros(0) for k in range(10_001)}, file)
    assert len(load_bytes(file.getvalue())) == 10_001


def test_nesting_that_is_saved_ends_at_a_hundred() -> None:
    def nested(n: int) -> Any:
        return [nested(n - 1)] if n else 0

    assert pack(nested(100))[0] == nested(100)
    with pytest.raises(ValueError, match=r"^save: nested deeper than 100 at state(\[0\]){6}\.\.\.; does it contain"):
        pack(nested(101))


# ------------------------------------------------------------------------------------------------ how things are said
NUMBERS: list[tuple[Any, Any]] = [
    (2**63 - 1, 2**63 - 1), (2**63, {"$int": "0x8000000000000000"}), (-(2**63), -(2**63)),
    (-(2**63) - 1, {"$int": "-0x8000000000000001"}), (0.5, 0.5), (-float("inf"), {"$float": "-inf"}),
    (np.float32(1), {"$scalar": ["<f4", "0000803f"]}), (np.array(258, ">i2")[()], {"$scalar": ["<i2", "0201"]}),
    ((1, (2,)), {"$tuple": [1, {"$tuple": [2]}]}), ({"a": 1}, {"a": 1}), ({1: 2}, {"$dict": [[1, 2]]}),
    ({"$a": 1, "b": 2}, {"$dict": [["$a", 1], ["b", 2]]}), ({(1, None): 2}, {"$dict": [[{"$tuple": [1, None]}, 2]]}),
]  # fmt: skip


@pytest.mark.parametrize(("value", "said"), NUMBERS, ids=[repr(value) for value, _ in NUMBERS])
def test_what_json_says_of_a_value(value: Any, said: Any) -> None:
    """As it is where that is exact in every reader: integers of 64 bits, finite numbers, dicts with plain names."""
    assert pack(value) == (said, {})


def test_which_arrays_are_one() -> None:
    whole = np.arange(6.0).reshape(2, 3)
    state, arrays = pack([whole, whole.T, whole.reshape(3, 2), whole[:, :2], whole[:, :2], whole.copy(), whole[:1]])
    said = [one["$array"] for one in state]
    assert said == ["0", ["0", [3, 2], [1, 0]], ["0", [3, 2], [0, 1]], "3", "3", "5", "6"]
    assert sorted(arrays) == ["0", "3", "5", "6"]
    state, arrays = pack({"t": whole.T})  # the only one is stored as it is seen
    assert state == {"t": {"$array": "t"}}
    assert arrays["t"].shape == (3, 2)


def test_names_that_are_taken_are_numbered() -> None:
    a, b, c = (np.full(1, k) for k in range(3))
    _, arrays = pack({"w.a.b": a, "w": {"a.b": b, "a": {"b": c}}, "__metadata__": a.copy()})
    assert list(arrays) == ["w.a.b", "w.a.b#2", "w.a.b#3", "__metadata__#2"]
    assert list(pack(a)[1]) == ["value"]
    assert list(pack({"\ud800": a})[1]) == ["\\ud800"]


def test_arrays_lie_by_their_width_and_then_by_name_from_a_multiple_of_eight_on() -> None:
    arrays: dict[str, Any] = {
        "b": np.zeros(3, np.uint8),
        "d": np.zeros(2),
        "a": np.ones(1),
        "c": np.zeros((1, 2), np.float32),
    }
    for length in range(8):
        header, ordered = lay_out(arrays, {"key": "v" * length})
        text = header[8:]
        assert len(header) % 8 == 0
        assert int.from_bytes(header[:8], "little") == len(text)
        assert len(text) - len(text.rstrip(b" ")) < 8
        said = json.loads(text)
        assert said.pop("__metadata__") == {"key": "v" * length}
        assert list(said) == ["a", "d", "c", "b"]
        assert [one["data_offsets"] for one in said.values()] == [[0, 8], [8, 24], [24, 32], [32, 35]]
        assert [one["dtype"] for one in said.values()] == ["F64", "F64", "F32", "U8"]
        assert [one["shape"] for one in said.values()] == [[1], [2], [1, 2], [3]]
        assert [a is arrays[name] for a, name in zip(ordered, said, strict=True)] == [True] * 4


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("n", [0, 1, (1 << 17) - 1, 1 << 17, (1 << 17) + 1, (1 << 18) + 3])
def test_an_array_is_copied_a_piece_at_a_time(order: str, n: int) -> None:
    """A megabyte of it, or less: the pieces are its bytes, little-endian."""
    array = np.arange(n, dtype=f"{order}f8")
    for one in (array, array.reshape(1, n).T[::1], np.repeat(array, 2)[::2]):
        pieces = list(chunks([one]))
        assert b"".join(pieces) == np.arange(n, dtype="<f8").tobytes()
        assert max(map(len, pieces), default=0) <= 1 << 20
        assert len(pieces) <= (8 * n >> 20) + 1


# ---------------------------------------------------------------------------------------------------------- archives
def test_a_part_of_a_file_is_read_whole_and_in_pieces() -> None:
    content = bytes(range(256)) * 8192  # two megabytes
    file = io.BytesIO(content)
    for start, size in ((0, 0), (3, 10), (5, 1 << 20), (5, (1 << 20) + 1), (0, 2 << 20)):
        part = Part(file, start, size)
        assert len(part) == size
        assert part.read() == content[start : start + size]
        pieces = list(part.pieces())
        assert b"".join(pieces) == content[start : start + size]
        assert max(map(len, pieces), default=0) <= 1 << 20
        np.testing.assert_array_equal(part.array(np.dtype("u1")), np.frombuffer(part.read(), "u1"))
    assert Part(file, 0, 8).array(np.dtype("<u4")).tolist() == [0x03020100, 0x07060504]
    with pytest.raises(ValueError, match="the file has become shorter while it was read"):
        Part(file, 10, 2 << 20).array(np.dtype("u1"))


@pytest.mark.parametrize("before", range(6))
def test_entries_are_counted_wherever_their_headers_lie(before: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where one begins in a piece of a megabyte and ends in the next."""
    name = "x"
    content = bytes((1 << 20) - before - 30 - len(name))
    raw = zipped({name: content})
    assert raw.index(b"PK\x01\x02") == (1 << 20) - before
    monkeypatch.setattr("tinygrad_cnn.io.zips._MAX_ENTRIES", 1)
    assert entry_names(io.BytesIO(raw), "this") == [name]
    monkeypatch.setattr("tinygrad_cnn.io.zips._MAX_ENTRIES", 0)
    with pytest.raises(ValueError, match=r"^this is a zip archive of more than 0 entries, which are not read"):
        entry_names(io.BytesIO(raw), "this")


def test_entries_that_are_there_by_name(tmp_path: Any) -> None:
    contents = {"a": b"", "b/c": b"xy", "\u00e9": b"z" * 3000}
    raw = zipped(contents)
    found = stored_entries(io.BytesIO(raw), "this")
    assert {name: part.read() for name, part in found.items()} == contents
    assert entry_names(io.BytesIO(raw), "this") == list(contents)
    with zipfile.ZipFile(tmp_path / "long.zip", "w") as archive_:
        archive_.writestr("a", b"x")
        archive_.comment = b"c" * 65_535
    assert entry_names(io.BytesIO((tmp_path / "long.zip").read_bytes()), "this") == ["a"]


# ------------------------------------------------------------------------------------------------------------- doors
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: save({}, 3), "save: expected a path or a file open for binary writing, got int"),  # type: ignore[arg-type]
        (lambda: load(3), "load: expected a path or a file open for binary reading, got int"),  # type: ignore[arg-type]
        (lambda: save({}, io.StringIO()), "is open as text; open it with mode 'wb'"),  # type: ignore[arg-type]
        (lambda: load(io.StringIO("x")), "is open as text; open it with mode 'rb'"),  # type: ignore[arg-type]
        (lambda: load(io.BytesIO(), weights_only="yes"), "load: weights_only must be True or False, got 'yes'"),  # type: ignore[arg-type]
        (lambda: load(io.BytesIO(), mmap=3), "load: mmap must be True or False, got 3"),  # type: ignore[arg-type]
        (lambda: save({"a": [object()]}, io.BytesIO()), "save: cannot store state['a'][0], a builtins.object; save "),
        (lambda: save({object: 1}, io.BytesIO()), "save: cannot store the key <class 'object'> of state, a type; keys "),
        (lambda: save({"a": {(1, []): 1}}, io.BytesIO()), "unhashable"),
        (lambda: save(np.zeros(2, "c8"), io.BytesIO()), "save: cannot store state, an array of dtype complex64; "),
        (lambda: save([np.complex64(1)], io.BytesIO()), "save: cannot store state[0], a numpy.complex64; "),
    ],
)  # fmt: skip
def test_the_doors(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(TypeError) as caught:
        call()
    assert words in str(caught.value)


class Slow(io.RawIOBase):
    """A file that takes a byte or two at a time, or says nothing about it."""

    def __init__(self, taken: Any) -> None:
        self.content, self.taken = bytearray(), taken

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> Any:
        n = len(content) if self.taken is None else min(self.taken, len(content))
        self.content += bytes(content[:n])
        return None if self.taken is None else n


@pytest.mark.parametrize("taken", [1, 7, 10**9, None])
def test_a_file_that_takes_as_much_as_it_likes_gets_all(taken: Any) -> None:
    file = Slow(taken)
    save({"w": np.arange(5.0), "n": 3}, file)  # type: ignore[arg-type]
    back = load_bytes(bytes(file.content))
    assert (back["w"].tolist(), back["n"]) == ([0, 1, 2, 3, 4], 3)


def test_a_file_that_is_read_from_its_middle() -> None:
    file = io.BytesIO()
    file.write(b"before")
    save({"n": 3}, file)
    file.seek(6)
    assert load(file) == {"n": 3}
    numpys = io.BytesIO(b"before" + npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", b"ab"))
    numpys.seek(6)
    assert load(numpys).tolist() == [97, 98]
    numpys = io.BytesIO(
        b"before" + zipped({"x.npy": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", b"a")})
    )
    numpys.seek(6)
    assert load(numpys)["x"].tolist() == [97]
