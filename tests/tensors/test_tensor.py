"""What Python's own functions make of a tensor of one number."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_])
def test_a_whole_number_is_an_index(dtype: Any) -> None:
    one = tg.tensor(np.ones((), dtype))
    assert (operator.index(one), "abc"[one], list(range(one))) == (1, "b", [0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_other_number_is_an_index_though_it_is_whole(dtype: Any) -> None:
    two = tg.tensor(np.array(2, dtype))
    with pytest.raises(TypeError, match=f"only an integer tensor can be an index, got dtype {np.dtype(dtype)}"):
        operator.index(two)
    assert (int(two), float(two), bool(two)) == (2, 2.0, True)


@pytest.mark.parametrize("function", [operator.index, int, float, bool])
def test_several_numbers_are_none(function: Any) -> None:
    with pytest.raises((RuntimeError, ValueError), match=r"\(2,\)"):
        function(tg.tensor([1, 2]))
