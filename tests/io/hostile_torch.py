"""Pickles of torch.save's that lie about storages and tensors, or ask for what no file of numbers needs."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from typing import Any

from tests.io.opcodes import V2, call, many, name, plain, storage, tensor


def typed(code: str, n: int, **options: Any) -> bytes:
    """A tensor by way of a storage without a dtype."""
    parts = plain(0), plain((n,)), plain((1,)), plain(False), plain(None), name("torch", code)
    return call(name("torch._utils", "_rebuild_tensor_v3"), storage(kind="UntypedStorage", module="torch.storage", **options), *parts)  # fmt: skip


def parameter(*arguments: bytes) -> bytes:
    return call(name("torch._utils", "_rebuild_parameter"), *arguments)


LYING: dict[str, bytes] = {
    # storages
    "more elements than bytes": tensor(storage(numel=7)),
    "fewer elements than bytes": tensor(storage(numel=5)),
    "2**62 elements": tensor(storage(numel=2**62)),
    "-6 elements": tensor(storage(numel=-6)),
    "a number of elements that is a float": tensor(storage(numel=6.0)),
    "a number of elements that is a boolean": tensor(storage(numel=True)),
    "elements of another size": tensor(storage(kind="DoubleStorage")),
    "a storage that is not there": tensor(storage("1")),
    "a storage of another folder": tensor(storage("../data.pkl")),
    "a storage named by a number": tensor(storage(0)),
    "a storage named by nothing": tensor(storage("")),
    "a location that is no text": tensor(storage(location=["cpu"])),
    "one storage of two types": many(b"]", [tensor(), tensor(storage(kind="IntStorage"))], b"e"),
    "one storage of two sizes": many(b"]", [tensor(), tensor(storage(numel=3))], b"e"),
    "booleans that are none": tensor(storage("0", 24, "BoolStorage"), size=(2,), stride=(1,)),
    "a storage alone": storage(),
    "a type of storage alone": name("torch", "FloatStorage"),
    "an id that is a text": plain("storage") + b"Q",
    "an id of another kind": plain(("module", 1, 2, 3, 4)) + b"Q",
    "an id that is short": plain(("storage", "0")) + b"Q",
    "an id whose type is a text": b"(" + plain("storage") + plain("FloatStorage") + plain("0") + plain("cpu") + plain(6) + b"tQ",
    "an id whose type is a tensor's": b"(" + plain("storage") + name("torch", "Tensor") + plain("0") + plain("cpu") + plain(6) + b"tQ",
    "an id that is a list": many(b"]", [plain("storage")], b"e") + b"Q",
    # windows
    "beyond the end": tensor(size=(7,), stride=(1,)),
    "an offset beyond the end": tensor(offset=6, size=(1,), stride=(1,)),
    "an offset that reaches over": tensor(offset=1),
    "an offset beyond the end of nothing": tensor(offset=7, size=(0,), stride=(1,)),
    "a negative offset": tensor(offset=-1, size=(1,), stride=(1,)),
    "an offset of 2**63": tensor(offset=2**63, size=(1,), stride=(1,)),
    "a negative stride": tensor(offset=5, size=(3,), stride=(-1,)),
    "a huge stride": tensor(size=(2,), stride=(2**62,)),
    "a stride of 2**100": tensor(size=(2, 2), stride=(2**100, 1)),
    "sizes whose product overflows": tensor(size=(2**32, 2**32), stride=(1, 1)),
    "sizes whose product overflows to 0, strides 0": tensor(size=(2**32, 2**32), stride=(0, 0)),
    "sizes of nothing beyond any array": tensor(size=(0, 2**62, 2**62), stride=(1, 1, 1)),
    "a negative size": tensor(size=(-2, -3), stride=(3, 1)),
    "a size that is a float": tensor(size=(2.0, 3), stride=(3, 1)),
    "a size that is a boolean": tensor(size=(True,), stride=(1,)),
    "a size that is a list": tensor(size=[2, 3], stride=(3, 1)),
    "more sizes than strides": tensor(size=(2, 3), stride=(1,)),
    "a hundred dimensions": tensor(size=(1,) * 100, stride=(1,) * 100),
    "an expanded tensor of a TB": tensor(size=(2**38,), stride=(0,)),
    "many expanded tensors": many(b"]", [tensor(size=(2**22,), stride=(0,)) for _ in range(100)], b"e"),
    "a tensor of nothing": call(V2, plain(None), plain(0), plain((1,)), plain((1,)), plain(False), plain(None)),
    "a tensor of a type": call(V2, name("torch", "FloatStorage"), plain(0), plain((1,)), plain((1,)), plain(False), plain(None)),
    "a tensor of a list": call(V2, plain([1.0]), plain(0), plain((1,)), plain((1,)), plain(False), plain(None)),
    "a tensor without arguments": call(V2),
    "a tensor of many arguments": call(V2, *[plain(1)] * 50),
    "requires_grad that is a text": tensor(grad="yes"),
    "integers that require grad": tensor(storage(kind="IntStorage"), grad=True),
    "again and again": tensor()[:-1] + b"q\x700" + V2 + b"q\x710](" + b"h\x71h\x70R" * 50_000 + b"e",
    # without a dtype
    "bytes that are none of the dtype": typed("uint32", 3, numel=23),
    "bytes of a dtype that is a storage": typed("FloatStorage", 3, numel=24),
    "bytes beyond the end": typed("uint16", 13, numel=24),
    "bytes as a tensor": tensor(storage("0", 24, "UntypedStorage", module="torch.storage"), size=(2,), stride=(1,)),
    # parameters and the like
    "a parameter of a text": parameter(plain("x"), plain(True), plain(None)),
    "a parameter of a parameter": parameter(parameter(tensor(), plain(True), plain(None)), plain(True), plain(None)),
    "a parameter of integers": parameter(tensor(storage(kind="IntStorage")), plain(True), plain(None)),
    "a parameter without arguments": parameter(),
    "a size of texts": call(name("torch", "Size"), plain(("a", "b"))),
    "a size of -1": call(name("torch", "Size"), plain((-1,))),
    "a device of a list": call(name("torch", "device"), plain([1])),
    "a device that is not here": call(name("torch", "device"), plain("cuda"), plain(0)),
    "a dtype that is called": call(name("torch", "float32"), plain(1)),
    "the state of a tensor": tensor() + plain({"a": 1}) + b"b",
    "attributes of another class": call(name("torch._tensor", "_rebuild_from_type_v2"), V2, name("torch", "FloatStorage"), b")", plain({})),
    "attributes of what is no tensor": call(name("torch._tensor", "_rebuild_from_type_v2"), name("collections", "OrderedDict"), name("torch", "Tensor"), b")", plain({})),
    "a tensor as a key": b"}" + tensor() + b"Ns",
    "a tensor in a set": call(name("builtins", "set"), many(b"]", [tensor()], b"e")),
    "a whole module": call(name("torch.nn.modules.linear", "Linear")),
    "a class of the script": name("__main__", "Net") + b")\x81" + plain({"training": True}) + b"b",
    "torch.load": call(name("torch", "load"), plain("other.pt")),
    "a global of a known function": name("torch._utils", "_rebuild_tensor_v2.__globals__"),
    "a hook that is called": call(V2, storage(), plain(0), plain((6,)), plain((1,)), plain(False), call(name("os", "system"), plain("true"))),
}  # fmt: skip
