"""``FloatTensor`` and its kin: PyTorch's older names of a dtype, which make tensors of it and recognise them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.graph import Variable, wrap
from ..autograd.inplace import alias
from ..ops.promotion import set_default_dtype
from .device import device as Device
from .values import constructed

_NAMES = {
    "float16": "HalfTensor",
    "float32": "FloatTensor",
    "float64": "DoubleTensor",
    "uint8": "ByteTensor",
    "int8": "CharTensor",
    "int16": "ShortTensor",
    "int32": "IntTensor",
    "int64": "LongTensor",
    "bool": "BoolTensor",
}


class TensorType:
    """``FloatTensor(2, 3)`` are zeros of that shape, ``FloatTensor([1, 2])`` values: as `Tensor`, in one dtype.

    An array of another dtype is cast. ``isinstance(x, FloatTensor)`` asks for the dtype.

    >>> LongTensor([1, 2]), isinstance(LongTensor(3), LongTensor), isinstance(LongTensor(3), FloatTensor)
    (tensor([1, 2]), True, False)
    """

    def __init__(self, dtype: str) -> None:
        self.dtype, self.__name__, self.__qualname__ = np.dtype(dtype), _NAMES[dtype], _NAMES[dtype]

    def __call__(self, *data: Any, device: Any = None) -> Any:
        if device is not None:
            Device(device)  # refuses what is not the CPU
        return made(data, self.dtype, self.__name__)

    def __instancecheck__(self, x: Any) -> bool:
        return isinstance(x, Variable) and x._array.dtype == self.dtype

    def __repr__(self) -> str:
        return f"<class 'tinygrad_cnn.{self.__name__}'>"


def made(data: tuple[Any, ...], dtype: np.dtype[Any], name: str) -> Any:
    """A tensor of this dtype, of what `values.constructed` takes; it shares the memory of a tensor or array of it."""
    t = wrap(constructed(data, dtype, name), None)
    if len(data) == 1 and isinstance(data[0], Variable):
        alias(t, data[0], None)
    elif len(data) == 1 and hasattr(data[0], "__array__"):
        t._handed_out = True
    return t


HalfTensor, FloatTensor, DoubleTensor = TensorType("float16"), TensorType("float32"), TensorType("float64")
ByteTensor, CharTensor, ShortTensor = TensorType("uint8"), TensorType("int8"), TensorType("int16")
IntTensor, LongTensor, BoolTensor = TensorType("int32"), TensorType("int64"), TensorType("bool")
_TYPES = {t.__name__: t for t in map(TensorType, _NAMES)}


def type_name(x: Variable) -> str:
    """PyTorch's name for the type of a tensor: 'torch.FloatTensor', which is what scripts compare with."""
    name = str(x._array.dtype)
    return f"torch.{_NAMES.get(name, name)}"


def dtype_named(kind: Any) -> Any:
    """The dtype that a `TensorType` or a name like "torch.DoubleTensor" stands for; anything else as it is.

    Raises:
        ValueError: a name of no such type.
    """
    if isinstance(kind, TensorType):
        return kind.dtype
    if isinstance(kind, str) and kind.endswith("Tensor"):
        module, _, name = kind.rpartition(".")
        if module.endswith("cuda"):
            Device("cuda")  # refuses it
        if name not in _TYPES or module not in ("torch", "tinygrad_cnn"):
            raise ValueError(f"{kind!r} is no type of tensors; there are {', '.join(_TYPES)}, with torch. in front")
        return _TYPES[name].dtype
    return kind


def typename(obj: Any) -> str:
    """The name of an object's type: of a tensor that of `Tensor.type`, of another its module and class."""
    if isinstance(obj, Variable):
        return type_name(obj)
    kind = obj if isinstance(obj, type) or hasattr(obj, "__qualname__") else type(obj)
    module = "" if kind.__module__ in ("builtins", None) else f"{kind.__module__}."
    return f"{module}{kind.__qualname__}"


def set_default_tensor_type(t: Any, /) -> None:
    """`set_default_dtype` by a type of tensors: ``FloatTensor``, or "torch.DoubleTensor"."""
    set_default_dtype(dtype_named(t))
