"""Is there a NaN or an inf, and where?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray


def finite(x: Any) -> bool:
    """No NaN or inf in it? Looks at arrays, tensors, NumPy's numbers and Python's; all else is finite."""
    a = getattr(x, "_array", x)
    return not isinstance(a, (ndarray, np.floating, float)) or bool(np.isfinite(a).all())


def first_bad(x: Any) -> str:
    """The first NaN or inf, its index and the shape, in words."""
    a = np.asarray(getattr(x, "_array", x))
    index = np.unravel_index(int(np.argmin(np.isfinite(a))), a.shape)
    return f"{a[index]} at index {tuple(int(i) for i in index)} of shape {a.shape}"
