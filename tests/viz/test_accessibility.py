"""Every kind of page, light and dark, on a desk and on a phone, as axe-core judges it: no serious fault.

axe-core (Deque Systems) comes from npm and is used here alone.
"""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Callable
from typing import Any

import pytest
from viz.kinds import PAGES

pytest.importorskip("selenium", reason="Selenium is not installed: the pages meet no browser")

AXE = "axe-core@4.14.1"


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The text of axe-core, from npm's registry."""
    folder = tmp_path_factory.mktemp("axe")
    try:
        command = ["npm", "pack", "--silent", AXE]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
        with tarfile.open(folder / done.stdout.strip().splitlines()[-1]) as package:
            member = package.extractfile("package/axe.min.js")
            assert member is not None
            return member.read().decode()
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"axe-core is not to be had: {error}")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    folder, made = tmp_path_factory.mktemp("pages"), {}

    def text(name: str) -> str:
        if name not in made:
            made[name] = PAGES[name].make(folder)
        return made[name]

    return text


def faults(window: Any, axe: str) -> list[str]:
    """What is serious or worse: the rule, and the elements that break it.

    Of a node of a graph that the border of its canvas cuts, axe reads the lines that are seen, and misses them in its
    name: such a node is left out of that rule.
    """
    cut = """
      const canvas = document.getElementById("canvas");
      if (!canvas) return [];
      const { left, right, top, bottom } = canvas.getBoundingClientRect();
      return [...document.querySelectorAll("#nodes .node")].filter((n) => {
        const r = n.getBoundingClientRect();
        return r.left < left || r.right > right || r.top < top || r.bottom > bottom;
      }).map((n) => n.dataset.key);
    """
    window.run(axe)
    half_seen = [f'data-key="{key}"' for key in window.run(cut)]
    found = window.driver.execute_async_script(
        "const done = arguments[0];"
        "axe.run(document, { resultTypes: ['violations'], preload: false }).then((r) => done(r.violations));"
    )
    return [
        f"{fault['id']}: {fault['help']}: {node['html'][:200]} ({node['failureSummary']})"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
        if fault["id"] != "label-content-name-mismatch" or not any(key in node["html"] for key in half_seen)
    ]


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_no_serious_fault(
    window: Any, axe: str, texts: Callable[[str], str], name: str, scheme: str, width: int
) -> None:
    window.load(texts(name), width, 844, mobile=width < 500, **{"prefers-color-scheme": scheme})
    assert faults(window, axe) == []
    assert window.width() == width
    for action in PAGES[name].does:
        window.run(action)
        assert faults(window, axe) == [], action


def test_faults_are_found(window: Any, axe: str) -> None:
    window.load('<!doctype html><html lang="en"><title>x</title><main><h1>x</h1><button></button><img src="data:,">')
    assert {fault.split(":")[0] for fault in faults(window, axe)} == {"button-name", "image-alt"}
