"""Cases for `tinygrad_cnn.ops.trigonometry`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tests.ops.case import Case
from tests.ops.cases_elementwise import loop, one, two
from tests.ops.cases_shape import t
from tinygrad_cnn.ops import trigonometry as f


def _case(name: str, draw: Any, reference: Callable[..., float], **rest: Any) -> Case:
    return Case(name, draw, getattr(f, name), loop(reference), torch=t(name), method=name, **rest)


MIXED = (("mixed dtypes", "PyTorch squares a float32 before it promotes it"),)
within = one(-0.8, 0.8)
CASES = [
    _case("sin", one(), math.sin),
    _case("cos", one(), math.cos),
    _case("tan", one(-1.2, 1.2), math.tan),
    _case("asin", within, math.asin),
    _case("acos", within, math.acos),
    _case("atan", one(), math.atan),
    _case("atan2", two(away_from=(0.0,)), math.atan2, differs=MIXED),
    _case("sinh", one(), math.sinh),
    _case("cosh", one(), math.cosh),
    _case("asinh", one(), math.asinh),
    _case("acosh", one(1.3, 4), math.acosh),
    _case("atanh", within, math.atanh),
    _case("arcsin", within, math.asin),
    _case("arccos", within, math.acos),
    _case("arctan", one(), math.atan),
    _case("arctan2", two(away_from=(0.0,)), math.atan2, differs=MIXED),
    _case("arcsinh", one(), math.asinh),
    _case("arccosh", one(1.3, 4), math.acosh),
    _case("arctanh", within, math.atanh),
]
