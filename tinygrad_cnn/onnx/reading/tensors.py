"""Arrays of a file of ONNX: held against what the file really has before NumPy sees their sizes."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

DTYPES = {  # of TensorProto.DataType, those that a Tensor holds
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64",
}  # fmt: skip
_OTHERS = {
    0: "undefined", 8: "string", 14: "complex64", 15: "complex128", 16: "bfloat16", 17: "float8e4m3fn",
    18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4", 23: "float4e2m1",
    24: "float8e8m0", 25: "uint2", 26: "int2", 27: "float6e2m3", 28: "float6e3m2",
}  # fmt: skip
_FIELDS = {  # where numbers lie that are not raw
    "float32": "float_data", "float64": "double_data", "int64": "int64_data", "uint32": "uint64_data",
    "uint64": "uint64_data",
}  # fmt: skip
_EXTERNAL = 1


def dtype_named(code: int) -> np.dtype[Any]:
    """The NumPy dtype of a TensorProto.DataType."""
    if code not in DTYPES:
        raise ValueError(
            f"dtype {_OTHERS.get(code, code)} is not supported; a Tensor holds {', '.join(DTYPES.values())}"
        )
    return np.dtype(DTYPES[code])


def array_in(tensor: Any, folder: str) -> ndarray:
    """The array of a TensorProto, in memory of its own; ``folder`` is where the file lies, for external data."""
    what, dtype, shape = f"tensor {tensor.name!r}", dtype_named(tensor.data_type), tuple(tensor.dims)
    if any(n < 0 for n in shape) or len(shape) > 64:
        raise ValueError(f"{what} has the impossible shape {shape}")
    count = math.prod(shape)
    if tensor.data_location == _EXTERNAL:
        return _external(tensor, folder, count, dtype).reshape(shape)  # (*dims)
    raw = tensor.raw_data
    if raw:
        if len(raw) != count * dtype.itemsize:
            raise ValueError(
                f"{what} of shape {shape} and dtype {dtype} needs {count * dtype.itemsize} bytes, not {len(raw)}"
            )
        array = np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype)
    else:
        numbers = getattr(tensor, _FIELDS.get(str(dtype), "int32_data"))
        if len(numbers) != count:
            raise ValueError(f"{what} of shape {shape} needs {count} numbers, the file has {len(numbers)}")
        if dtype == np.float16:  # as bits
            array = np.array(numbers, np.int64).astype(np.uint16).view(np.float16)
        elif dtype.kind in "iu":
            limits = np.iinfo(dtype)
            if count and not (limits.min <= min(numbers) and max(numbers) <= limits.max):
                raise ValueError(f"{what} has numbers that {dtype} does not hold")
            array = np.array(numbers, dtype)
        else:
            array = np.array(numbers, dtype)
    return array.reshape(shape)  # (*dims)


def _external(tensor: Any, folder: str, count: int, dtype: np.dtype[Any]) -> ndarray:
    """Numbers that lie in a file of their own: in or below the folder of the model, whatever links say."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    what, location = f"tensor {tensor.name!r}", entries.get("location", "")
    home = Path(os.path.realpath(folder))
    path = home if "\0" in location else Path(os.path.realpath(home / location))
    if os.path.isabs(location) or home not in path.parents:
        raise ValueError(f"{what} wants the file {location!r}, which does not lie in the folder of the model")
    if not path.is_file():
        raise ValueError(f"{what} wants the file {location!r}, which is not there, or no regular file")
    size = path.stat().st_size
    try:
        offset = int(entries.get("offset", "0"))
        length = int(entries.get("length", str(count * dtype.itemsize)))
    except ValueError as error:
        raise ValueError(f"{what}: offset and length of external data must be integers") from error
    if offset < 0 or length != count * dtype.itemsize or offset + length > size:
        raise ValueError(
            f"{what} needs {count * dtype.itemsize} bytes, not {length} from {offset} on, of {size} in {location!r}"
        )
    return np.fromfile(path, dtype.newbyteorder("<"), count, offset=offset).astype(dtype, copy=False)
