"""What a picture or page holds, in lines of text, beside a recorded file of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

STORED = Path(__file__).parent / "stored"
NUMBER = re.compile(r"(?<![\w#.])[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?(?![\w])")


def compare(lines: Iterable[str], room: str, name: str) -> None:
    """Fail where the lines are not those of ``stored/ROOM/NAME.txt``; where there is none, write it and fail once."""
    now = "\n".join(lines).splitlines()
    path = STORED / room / f"{name.replace(',', '').replace(' ', '_')}.txt"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(now) + "\n", encoding="utf-8")
        pytest.fail(f"{path} was missing and has been made: look at it, and run again")
    different = differences(now, path.read_text(encoding="utf-8").splitlines())
    assert not different, "\n".join(different)


def differences(now: list[str], then: list[str]) -> list[str]:
    """Lines that are not as they were, but for the last digits of their numbers."""
    found = []
    for one, other in zip(now, then, strict=False):
        same = NUMBER.sub("#", one) == NUMBER.sub("#", other)
        a, b = (np.array(NUMBER.findall(line), float) for line in (one, other))
        if not same or not np.allclose(a, b, rtol=2e-3, atol=1e-6, equal_nan=True):
            found.append(f"now  {one}\nthen {other}")
    return found + [f"{len(now)} lines now, {len(then)} then"] * (len(now) != len(then))
