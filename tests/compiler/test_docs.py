"""docs/compile.md: its code runs, and what it shows is printed, as far as rewriting leaves it as it is."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "compile.md"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def test_the_first_program_runs() -> None:
    exec(compile(blocks("python")[0], "compile.md", "exec"), {})


def test_the_listing_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its lines of code, heading and names of gradients; of its steps what was recorded. They may be fused by now."""
    program, (listing,) = blocks("python")[1], blocks("text")
    path = tmp_path / "lenet.py"
    path.write_text(program)
    fast = runpy.run_path(str(path))["fast"]
    printed = capsys.readouterr().out
    heading, *rest = listing.splitlines()
    assert heading in printed
    recorded = fast.plan.plan.recorded
    names = {step.op for step in (*recorded.forward, *recorded.back)}
    told = re.findall(r"\b[a-z]+(?:2d)?(?:_[a-z]+)?\b(?= \+|  )|(?<=\+ )\w+", "\n".join(rest))
    assert {"conv2d", "relu", "max_pool2d", "gate", "conv2d_weight"} <= {*told} - {"conv1", "forward", "back"} <= names
    for line in rest:
        if "lenet.py" in line:
            assert printed.count(line) == 2
    for name in ("conv1.weight", "conv1.bias"):
        assert f"for {name}" in listing
        assert f"for {name}" in printed
