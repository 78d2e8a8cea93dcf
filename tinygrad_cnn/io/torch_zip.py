"""Reading the file that PyTorch's ``torch.save`` writes: a zip of a pickle and of the bytes of each storage.

The pickle is read by `io.pickles`; the names it may say stand in `TorchFile.names`. A tensor is a window on a storage
(offset, sizes, strides), which is held against the storage's real size before anything is made of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import IO, Any, Literal

import numpy as np

from .pickles import NUMPY_NAMES, PLAIN_NAMES, Dialect, Maker, PickleError, Word, read_pickle
from .zips import Part, stored_entries

__all__ = ["read_torch_zip"]

_STORAGES = {
    "FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2", "BFloat16Storage": "bf", "LongStorage": "i8",
    "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip
_DTYPES = {
    "float16": "f2", "float32": "f4", "float64": "f8", "bfloat16": "f4", "int8": "i1", "int16": "i2", "int32": "i4",
    "int64": "i8", "uint8": "u1", "uint16": "u2", "uint32": "u4", "uint64": "u8", "bool": "?",
}  # fmt: skip
_MAX_DIMS = 32
_MAX_COPIES = 1 << 26  # bytes, besides so many times the file, that tensors of overlapping elements may take
_TENSOR_COSTS = 100  # of the budget for a pickle: each is an object of many bytes
_SAVE_NUMBERS = "save its numbers: torch.save(model.state_dict(), path)"


def read_torch_zip(
    file: IO[bytes], size: int, where: str, *, place: Callable[[Any, str], Any] | None = None, encoding: str = "utf-8"
) -> Any:
    """The object that ``torch.save`` wrote into the zip archive `file`, of `size` bytes.

    `place` is called as ``place(storage, location)`` with the numbers of each storage, a Tensor with one dimension, and
    where it was saved from ("cuda:0"); it returns the storage, or None. Raises ValueError, which begins with `where`.
    """
    entries = stored_entries(file, where)
    folders = [name.removesuffix("data.pkl") for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(folders) != 1:
        raise ValueError(f"{where} is a zip archive, but none that torch.save writes: it holds no data.pkl")
    folder = folders[0]
    if folder + "constants.pkl" in entries:
        raise ValueError(f"{where} is a TorchScript program; {_SAVE_NUMBERS}")
    torch_file = TorchFile(entries, folder, size, place)
    said = entries.get(folder + "byteorder")
    order = b"little" if said is None else next(said.pieces(), b"")[:10]
    if order not in (b"little", b"big"):
        raise ValueError(f"{where}: its byte order is {order!r}, neither little nor big")
    torch_file.order = "<" if order == b"little" else ">"
    dialect = Dialect(torch_file.names(), torch_file.storage, encoding, _unknown)
    try:
        return read_pickle(entries[folder + "data.pkl"].read(), where, dialect)
    except PickleError:
        if torch_file.error is not None:
            raise torch_file.error from None
        raise


class Storage:
    """The numbers that one or several tensors look at: an array with one dimension, in memory of its own."""

    def __init__(self, array: np.ndarray[Any, Any], kind: str) -> None:
        self.array, self.kind = array, kind


class TorchFile:
    """One file while it is read: its entries, the storages made so far, and what the pickle's names stand for."""

    def __init__(
        self, entries: dict[str, Part], folder: str, size: int, place: Callable[[Any, str], Any] | None
    ) -> None:
        self.entries, self.folder, self.place = entries, folder, place
        self.order: Literal["<", ">"] = "<"
        self.storages: dict[str, Storage] = {}
        self.copies = _MAX_COPIES + 16 * size  # bytes left
        self.error: Exception | None = None  # of the user's callable

    def names(self) -> dict[tuple[str, str], Any]:
        """What each name in the pickle stands for."""
        from ..tensors.device import device

        return {
            **PLAIN_NAMES,
            **NUMPY_NAMES,
            ("torch._utils", "_rebuild_tensor_v2"): Maker(self.tensor, _TENSOR_COSTS),
            ("torch._utils", "_rebuild_tensor_v3"): Maker(self.tensor_of_dtype, _TENSOR_COSTS),
            ("torch._utils", "_rebuild_parameter"): Maker(_parameter, _TENSOR_COSTS),
            ("torch._utils", "_rebuild_parameter_with_state"): Maker(_parameter, _TENSOR_COSTS),
            ("torch._tensor", "_rebuild_from_type_v2"): Maker(self.tensor_with_attributes, _TENSOR_COSTS),
            ("torch", "Tensor"): Word("Tensor"),
            ("torch", "Size"): Maker(_size),
            ("torch", "device"): Maker(device),
            ("torch.storage", "UntypedStorage"): Word("bytes"),
            **{("torch", name): Word(code) for name, code in _STORAGES.items()},
            **{("torch", name): np.dtype(code) for name, code in _DTYPES.items()},
        }

    # --------------------------------------------------------------------------------------------------------- storages
    def storage(self, identity: Any) -> Word:
        """The storage that a persistent id names: ("storage", type, key, location, number of elements)."""
        if type(identity) is not tuple or len(identity) != 5 or identity[0] != "storage":
            raise PickleError("a persistent id that is none of a storage")
        _, kind, key, location, numel = identity
        if type(kind) is not Word or type(key) is not str or type(location) is not str or type(numel) is not int:
            raise PickleError("a persistent id of a storage is made of the wrong things")
        code = kind.meaning
        if code not in _STORAGES.values() and code != "bytes":
            raise PickleError("a storage of a type that is none")
        if key not in self.storages:
            self.storages[key] = self.read(code, key, location, numel)
        known = self.storages[key]
        if known.kind != code or len(known.array) != numel:
            raise PickleError(f"storage {key[:20]!r} is described in two ways")
        return Word(known)

    def read(self, code: str, key: str, location: str, numel: int) -> Storage:
        """The storage from its entry."""
        name = f"{self.folder}data/{key}"
        if name not in self.entries:
            raise PickleError(f"storage {key[:20]!r} is not in the archive")
        content = self.entries[name]
        dtype = np.dtype({"bf": "u2", "bytes": "u1"}.get(code, code))
        if numel < 0 or numel * dtype.itemsize != len(content):
            raise PickleError(
                f"storage {key[:20]!r} lies: {numel:,} elements of {dtype.itemsize} bytes, and its entry has "
                f"{len(content):,} bytes"
            )
        array = content.array(dtype.newbyteorder(self.order)).astype(dtype, copy=False)
        if code == "bf":  # the upper half of a float32
            array = (array.astype(np.uint32) << np.uint32(16)).view(np.float32)
        if code == "?" and array.view(np.uint8).max(initial=0) > 1:
            raise PickleError(f"storage {key[:20]!r} of booleans holds other numbers than 0 and 1")
        return Storage(self.placed(array, location), code)

    def placed(self, array: np.ndarray[Any, Any], location: str) -> np.ndarray[Any, Any]:
        """What the user's callable makes of a storage: the same, or another of that dtype and size."""
        from ..tensors import Tensor

        if self.place is None:
            return array
        try:
            given = self.place(Tensor(array), location)
            if given is None:
                return array
            if not isinstance(given, Tensor) or given.shape != array.shape or given.dtype != array.dtype:
                raise TypeError(
                    "load: the callable map_location(storage, location) must return the storage, a Tensor of shape "
                    f"{array.shape} and dtype {array.dtype}, or None; got {type(given).__name__}"
                )
            return given.numpy()
        except Exception as error:
            self.error = error
            raise PickleError("map_location failed") from error

    # ---------------------------------------------------------------------------------------------------------- tensors
    def tensor(
        self,
        storage: Any,
        offset: Any,
        size: Any,
        stride: Any,
        requires_grad: Any = False,
        _hooks: Any = None,
        metadata: Any = None,
    ) -> Any:
        """A tensor: a window on a storage."""
        found = _meant(storage)
        if found.kind == "bytes":
            raise PickleError("a tensor of a storage without a dtype")
        return self.window(found.array, offset, size, stride, requires_grad, metadata)

    def tensor_of_dtype(
        self,
        storage: Any,
        offset: Any,
        size: Any,
        stride: Any,
        requires_grad: Any,
        _hooks: Any,
        dtype: Any,
        metadata: Any = None,
    ) -> Any:
        """The same, of a storage that has no dtype of its own: uint16 and its kin."""
        found = _meant(storage)
        if not isinstance(dtype, np.dtype) or found.kind != "bytes" or len(found.array) % dtype.itemsize:
            raise PickleError("a storage of bytes that are none of its dtype")
        return self.window(self.ordered(found.array, dtype), offset, size, stride, requires_grad, metadata)

    def ordered(self, array: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        """Bytes as numbers in the machine's order; shared where that is the file's."""
        return array.view(dtype.newbyteorder(self.order)).astype(dtype, copy=False)

    def window(
        self, array: np.ndarray[Any, Any], offset: Any, size: Any, stride: Any, requires_grad: Any, metadata: Any
    ) -> Any:
        """The part of `array` that a tensor looks at, which shares its memory unless its elements overlap."""
        from ..tensors import Tensor

        size, stride = _ints(size, "size"), _ints(stride, "stride")
        if type(offset) is not int or offset < 0 or type(requires_grad) is not bool or len(size) != len(stride):
            raise PickleError("a tensor is made of the wrong things")
        numel = math.prod(size)  # Python integers: they do not overflow
        steps = sorted((s, n) for n, s in zip(size, stride, strict=True) if n > 1)
        last = offset + sum((n - 1) * s for s, n in steps)
        if (last if numel else offset - 1) >= len(array):
            raise PickleError(
                f"a tensor of {len(size)} dimensions lies: it reaches beyond the {len(array):,} elements of its storage"
            )
        step = array.itemsize
        strides = tuple(s * step if n > 1 else step for n, s in zip(size, stride, strict=True))
        view = np.ndarray(size, array.dtype, array, offset * step, strides) if numel else np.empty(size, array.dtype)
        span = 0
        overlapping = False
        for s, n in steps:
            overlapping = overlapping or s <= span
            span += (n - 1) * s
        negative = type(metadata) is dict and metadata.get("neg") is True  # its sign was yet to be turned
        if numel and (overlapping or negative):
            self.copies -= numel * step
            if self.copies < 0:
                raise PickleError("tensors whose elements overlap take far more memory than the file; save clones")
            view = -view if negative else view.copy()
        return Tensor(view, requires_grad=requires_grad)

    def tensor_with_attributes(self, make: Any, kind: Any, arguments: Any, _state: Any = None) -> Any:
        """A tensor of which the user's own attributes were saved, which are dropped."""
        if (
            type(kind) is not Word
            or kind.meaning != "Tensor"
            or type(make) is not Maker
            or type(arguments) is not tuple
        ):
            raise PickleError("a tensor of another class; save its numbers: x.detach().as_subclass(torch.Tensor)")
        if make.make not in (self.tensor, self.tensor_of_dtype):
            raise PickleError("a tensor that is made of none")
        return make.make(*arguments)


def _parameter(data: Any, requires_grad: Any, _hooks: Any = None, _state: Any = None) -> Any:
    from ..nn.parameter import Parameter
    from ..tensors import Tensor

    if type(data) is not Tensor or type(requires_grad) is not bool:
        raise PickleError("a parameter is made of the wrong things")
    return Parameter(data, requires_grad)


def _size(numbers: Any = ()) -> tuple[int, ...]:
    return _ints(numbers, "torch.Size")


def _ints(numbers: Any, what: str) -> tuple[int, ...]:
    if type(numbers) is not tuple or len(numbers) > _MAX_DIMS or not all(type(n) is int and n >= 0 for n in numbers):
        raise PickleError(f"the {what} of a tensor is no tuple of numbers from 0")
    return numbers


def _meant(storage: Any) -> Storage:
    if type(storage) is not Word or not isinstance(storage.meaning, Storage):
        raise PickleError("a tensor without a storage")
    return storage.meaning


def _unknown(module: str, name: str) -> str:
    """How the error about a name that is not read goes on."""
    if module in ("torch", "torch.storage") and name.startswith("Complex"):
        return "complex numbers, which are not read; save torch.view_as_real(x)"
    if name == "_rebuild_qtensor":
        return "a quantized tensor, which is not read; save x.dequantize()"
    if name.startswith("_rebuild_sparse") or name == "_rebuild_nested_tensor":
        return "a sparse or nested tensor, which is not read; save x.to_dense()"
    if name.startswith("_rebuild_meta"):
        return "a tensor of the device meta, which has no numbers"
    if module == "torch" and name.islower():
        return "which is no dtype that NumPy has; save x.float()"
    what = "a whole module" if module.startswith("torch.nn.") else "an object, or a module"
    return f"to make {what}, which could run any code; {_SAVE_NUMBERS}"
