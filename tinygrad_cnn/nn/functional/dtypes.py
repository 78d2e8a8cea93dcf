"""Dtypes as the functional layer compares them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine import Array
from .arguments import dtype_of


def native_dtype(x: Array) -> np.dtype[Any]:
    """The dtype of a tensor or array in this machine's byte order: arrays from files may come in the other."""
    return dtype_of(x).newbyteorder("=")
