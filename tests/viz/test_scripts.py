"""The scripts of a page share one scope: a name means one thing in all of them."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from viz.kinds import PAGES

DECLARED = re.compile(r"^(?:async )?(?:function\*?|class|const|let) (\w+|[{[][^=]*[}\]](?= =))", re.MULTILINE)


def declared(script: str) -> list[str]:
    """The names that the outermost lines of a script declare."""
    found = []
    for name in DECLARED.findall(script):
        found += re.findall(r"\w+(?=\s*[,}\]]|$)", name)
    return found


SCRIPT = """
function a() {
  const b = 1;
}
async function c() {}
const { d, e: f } = g;
let [h, i] = [1, 2];
class J {}
"""


def test_all_ways_to_declare_are_seen() -> None:
    assert declared(SCRIPT) == ["a", "c", "d", "f", "h", "i", "J"]


@pytest.mark.parametrize("name", [name for name in PAGES if name not in ("notebook", "gallery", "report")])
def test_no_name_is_declared_twice(name: str, tmp_path: Path) -> None:
    scripts = re.findall(r"<script>(.*?)</script>", PAGES[name].make(tmp_path), re.DOTALL)
    names = [each for script in scripts for each in declared(script)]
    assert len(names) > 10
    assert [each for each, n in Counter(names).items() if n > 1] == []
