"""What README.md, CONTRIBUTING.md and docs/ say of the code is true: code runs, quoted source is the source's, and what
is named is there."""

from __future__ import annotations

import pkgutil
import re
from collections import Counter
from pathlib import Path

import pytest

import tinygrad_cnn as tg
from tests.test_architecture import FILES, PACKAGE, ROOMS

ROOT = PACKAGE.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCES = [
    path for folder in ("tinygrad_cnn", "tests", "benchmarks", "examples") for path in (ROOT / folder).rglob("*.py")
]


def blocks(page: Path) -> list[str]:
    """The Python on a page, also where it is indented."""
    found = re.findall(r"^( *)```python\n(.*?)^\1```", page.read_text(), re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", code, flags=re.MULTILINE) for indent, code in found]


def test_the_readme_says_how_long_the_package_is() -> None:
    lines = {"py": 0, "web": 0}
    for path in (ROOT / "tinygrad_cnn").rglob("*.*"):
        kind = {".py": "py", ".js": "web", ".css": "web", ".html": "web"}.get(path.suffix)
        if kind is not None:
            lines[kind] += path.read_text(encoding="utf-8").count("\n")
    said = re.search(r"about ([\d,]+), and ([\d,]+) of its pages' scripts and styles", (ROOT / "README.md").read_text())
    assert said is not None
    for number, counted in zip(said.groups(), lines.values(), strict=True):
        assert int(number.replace(",", "")) == pytest.approx(counted, rel=0.03), lines


def is_quoted(code: str) -> bool:
    """Is it a piece of the package, rather than a program?"""
    return code.startswith("@op(")


@pytest.mark.parametrize("page", ["README.md", "docs/design.md"])
def test_operations_are_quoted_as_they_stand_in_the_source(page: str) -> None:
    quoted = [code for code in blocks(ROOT / page) if is_quoted(code)]
    assert quoted
    for code in quoted:
        assert any(code in path.read_text() for path in FILES), f"no file of the package has\n{code}"


def test_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = "\n".join(code for code in blocks(ROOT / "README.md") if not is_quoted(code))
    exec(compile(code, "README.md", "exec"), {})
    for name in ("follow", "playground", "model"):
        assert (tmp_path / f"{name}.html").stat().st_size > 10_000


def test_the_operation_of_contributing_has_one_wrong_rule_and_gradcheck_finds_it() -> None:
    declared, checked = blocks(ROOT / "CONTRIBUTING.md")
    names: dict[str, object] = {}
    exec(declared, names)
    with pytest.raises(tg.testing.GradcheckError, match="input 0"):
        exec(checked, names)
    assert "g * b / hypot(a, b)" in declared
    exec(declared.replace("g * b / hypot(a, b)", "g * a / hypot(a, b)"), names)
    exec(checked, names)


def test_the_table_of_rooms_is_that_of_the_tests() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) ?\| .+ \|$", (ROOT / "docs" / "design.md").read_text(), re.MULTILINE)
    said = {room: set(re.findall(r"`(\w+)`", below)) for room, below in rows if room in ROOMS}
    assert said == ROOMS
    assert [room for room, _ in rows if room in ROOMS] == list(ROOMS)


def is_there(name: str, page: Path) -> bool:
    """Is it a file, or a pattern of files, seen from the checkout, the package or the page?

    A bare name may lie deeper; what stands in runs/ is made by a program.
    """
    patterns = [(place, name) for place in (ROOT, PACKAGE, page.parent)]
    if "/" not in name:
        patterns += [(ROOT / folder, f"**/{name}") for folder in ("tinygrad_cnn", "examples", "docs")]
    return name.startswith("runs/") or any(any(True for _ in place.glob(pattern)) for place, pattern in patterns)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_path_on_a_page_is_there(page: Path) -> None:
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    named = re.findall(r"`([\w.*/-]+\.(?:py|md|ipynb|toml)|[\w-]+/[\w/-]*)`", text)
    linked = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert [name for name in {*named, *linked} if not is_there(name, page)] == []


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_heading_that_a_page_links_to_is_there(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text())
    assert [(to, at) for to, at in links if at not in anchors(page.parent / to if to else page)] == []


@pytest.mark.parametrize("page", [p for p in PAGES if p.name != "from_pytorch.md"], ids=lambda path: path.name)
def test_no_heading_and_no_line_of_prose_stands_twice(page: Path) -> None:
    """What two writers leave behind who add to the same page. (One page is written by a program, from tables.)"""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    lines = [line for line in text.splitlines() if line.startswith("#") or (len(line) > 60 and line[0] not in "|<")]
    assert [line for line, count in Counter(lines).items() if count > 1] == []


def test_every_test_file_that_the_code_names_is_there() -> None:
    named = {(name, path.name) for path in SOURCES for name in re.findall(r"\btests/[\w/]+\.py\b", path.read_text())}
    assert [(name, by) for name, by in sorted(named) if not (ROOT / name).exists()] == []


def test_every_module_that_a_text_names_is_there() -> None:
    """A dotted name of the package leads somewhere, on the pages and in docstrings and comments."""
    named = {
        (name, path.name)
        for path in [*PAGES, *SOURCES]
        for name in re.findall(r"\btinygrad_cnn(?:\.[a-z]\w*)+", path.read_text())
    }
    assert [(name, by) for name, by in sorted(named) if not leads_somewhere(name)] == []


def leads_somewhere(name: str) -> bool:
    try:
        pkgutil.resolve_name(name)
    except (AttributeError, ImportError):
        return False
    return True


def test_every_extra_is_used() -> None:
    """By make, by an instruction on a page, or by the message of an error."""
    text = (ROOT / "pyproject.toml").read_text()
    table = text.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    extras = re.findall(r"^(\w+) = ", table, re.MULTILINE)
    assert "plot" in extras
    users = "\n".join(path.read_text() for path in (ROOT / "Makefile", *PAGES, *FILES))
    used = {name for group in re.findall(r"\[([\w,]+)\]", users) for name in group.split(",")}
    assert [
        name for name in extras if name not in used and f"`{name}`" not in users and f"^{name} = " not in users
    ] == []
