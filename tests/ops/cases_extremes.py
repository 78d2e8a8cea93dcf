"""Cases for `tinygrad_cnn.ops.extremes`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import Case
from tests.ops.cases_elementwise import two_without_ties
from tests.ops.cases_reduce import reducible, slices
from tests.ops.cases_shape import t
from tinygrad_cnn.ops import extremes as e

some = reducible(min_side=1, distinct=True)
one = reducible(min_side=1, distinct=True, several=False)
along = reducible(min_side=1, distinct=True, several=False, everything=False)
of_all = reducible(min_side=1, distinct=True).map(lambda drawn: (drawn[0], {}))

largest = slices(lambda v: max(v.tolist()))
smallest = slices(lambda v: min(v.tolist()))
where_largest = slices(lambda v: v.tolist().index(max(v.tolist())))
where_smallest = slices(lambda v: v.tolist().index(min(v.tolist())))
middle = slices(lambda v: sorted(v.tolist())[(len(v) - 1) // 2])
where_middle = slices(lambda v: v.tolist().index(sorted(v.tolist())[(len(v) - 1) // 2]))


def both(values: Any, indices: Any) -> Any:
    return lambda x, **kwargs: (values(x, **kwargs), indices(x, **kwargs))


def torch_extreme(name: str) -> Any:
    """torch.amax, which has no None for all dimensions."""
    return lambda x, dim=(), keepdim=False: t(name)(x, dim=dim, keepdim=keepdim)


TIES = (
    ("ties and kinks", "which of equal elements is chosen is left open"),
    ("special values", "which of equal elements is chosen is left open"),
    ("integers", "which of equal elements is chosen is left open"),
)

CASES = [
    Case("amax", some, e.amax, largest, torch=torch_extreme("amax"), method="amax"),
    Case("amin", some, e.amin, smallest, torch=torch_extreme("amin"), method="amin"),
    Case(
        "aminmax",
        one,
        e.aminmax,
        lambda x, **k: (smallest(x, **k), largest(x, **k)),
        torch=t("aminmax"),
        method="aminmax",
    ),
    Case("max", along, e.max, both(largest, where_largest), torch=t("max"), method="max", note="along a dimension"),
    Case("min", along, e.min, both(smallest, where_smallest), torch=t("min"), method="min", note="along a dimension"),
    Case("max", of_all, e.max, largest, torch=t("max"), method="max", note="of all"),
    Case("min", of_all, e.min, smallest, torch=t("min"), method="min", note="of all"),
    Case("max", two_without_ties(), e.max, np.maximum, torch=t("max"), method="max", note="of two"),
    Case("min", two_without_ties(), e.min, np.minimum, torch=t("min"), method="min", note="of two"),
    Case("argmax", one, e.argmax, where_largest, torch=t("argmax"), method="argmax", order=0),
    Case("argmin", one, e.argmin, where_smallest, torch=t("argmin"), method="argmin", order=0),
    Case("median", along, e.median, both(middle, where_middle), torch=t("median"), method="median", differs=TIES),
    Case("median", of_all, e.median, middle, torch=t("median"), method="median", note="of all"),
    Case(
        "nanmedian",
        along,
        e.nanmedian,
        both(middle, where_middle),
        torch=t("nanmedian"),
        method="nanmedian",
        differs=TIES,
    ),
    Case("nanmedian", of_all, e.nanmedian, middle, torch=t("nanmedian"), method="nanmedian", note="of all"),
]
