"""The rules of the house, read from the source: which way imports point, what names and sizes files have, what is
documented.

`docs/design.md` describes the floors; `FLOORS` is the same in Python.
"""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import tinygrad_cnn as tg
import tinygrad_cnn.nn.functional
import tinygrad_cnn.testing

PACKAGE = Path(tg.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

GROUND = {"modes", "inplace", "anomaly", "windows", "rng", "device", "handle", "threads", "memory", "copying"}
CONVOLUTION = GROUND | {"convolution"}
ENGINE = CONVOLUTION | {"engine"}
OPS = ENGINE | {"recompute", "ops"}
TENSOR = OPS | {"methods", "tensors"}
BESIDE = ENGINE | {"tensors"}  # looks at the engine and at tensors alone

FLOORS: dict[str, set[str]] = {  # what each file or folder may import, itself besides
    **dict.fromkeys(GROUND, GROUND),
    "convolution": GROUND,
    "engine": GROUND,
    "recompute": ENGINE,
    "ops": ENGINE,
    "methods": OPS,
    "tensors": TENSOR,
    "creation": TENSOR,
    "sampling": TENSOR | {"creation"},
    "nn": TENSOR | {"creation", "sampling"},
    "optim": BESIDE,
    "testing": BESIDE,
    "viz": TENSOR | {"creation", "sampling", "nn", "optim", "data", "io", "profiler", "train"},
    "profiler": BESIDE | {"nn", "optim"},
    "autograd": BESIDE,
    "data": {"rng", "io"},
    "io": set(),
    "utils": {"data", "recompute"},  # PyTorch's names for what stands elsewhere
    "train": TENSOR | {"creation", "sampling", "nn", "optim", "data", "io"},
}
WITHIN_FUNCTIONS = {"data": {"tensors"}, "io": {"tensors"}}  # when a batch is made, or a file handed out

LIMIT = 350  # a longer file asks to be two
LONGER = {
    "engine.py": "the whole engine is one story",
}


class Import(NamedTuple):
    """One import of a part of the package: where, of what, and whether it waits within a function."""

    file: str
    line: int
    importer: str
    imported: str
    within_function: bool


def part(module: str) -> str:
    """The file or folder of the package that a module belongs to: "ops" for tinygrad_cnn.ops.conv."""
    return (module + ".").split(".")[1]


def imports(path: Path, package: Path = PACKAGE) -> Iterator[Import]:
    """The imports in a file of parts of the package, but those for type checkers alone."""
    relative = path.relative_to(package.parent)
    module = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
    names = {p.stem for p in package.iterdir() if p.suffix == ".py" or p.is_dir()}
    tree = ast.parse(path.read_text())
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    local = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for inner in ast.walk(node)
    }
    parents = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        targets: list[str] = []
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*parents[: len(parents) - node.level + 1], *([base] if base else [])])
            targets = [f"{base}.{alias.name}" for alias in node.names] if base == package.name else [base]
        for target in targets:
            if (target + ".").startswith(package.name + ".") and part(target) in names:
                yield Import(str(relative), node.lineno, part(module), part(target), node in local)


def upward(found: Import) -> bool:
    if found.importer in ("", found.imported):  # __init__ collects everything; a part may use itself
        return False
    allowed = FLOORS[found.importer]
    if found.within_function:
        allowed = allowed | WITHIN_FUNCTIONS.get(found.importer, set())
    return found.imported not in allowed


def test_every_part_has_a_floor() -> None:
    parts = {part(".".join(f.relative_to(PACKAGE.parent).with_suffix("").parts)) for f in FILES} - {"__init__"}
    assert parts - set(FLOORS) == set(), "say in FLOORS what these may import"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_import_points_up(path: Path) -> None:
    wrong = [f"{i.file}:{i.line} imports {i.imported}" for i in imports(path) if upward(i)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("file", "line", "up"),
    [
        ("engine.py", "from .ops import elementwise", True),
        ("engine.py", "from . import ops", True),
        ("engine.py", "from . import inplace", False),
        ("engine.py", "def f():\n    from .tensors import Tensor", True),
        ("ops/conv.py", "from ..tensors import Tensor", True),
        ("ops/conv.py", "import tinygrad_cnn.nn.functional as F", True),
        ("ops/conv.py", "from .reduce import sum\nfrom ..windows import im2col", False),
        ("ops/conv.py", "if TYPE_CHECKING:\n    from ..tensors import Tensor", False),
        ("optim/sgd.py", "from ..nn import Parameter", True),
        ("data/loader.py", "from ..tensors import Tensor", True),
        ("data/loader.py", "def collate():\n    from ..tensors import Tensor", False),
        ("nn/layers/conv.py", "from ...train import fit", True),
        ("nn/layers/conv.py", "from ..functional import conv2d\nfrom ...tensors import Tensor", False),
    ],
)
def test_an_arrow_that_points_up_is_seen(file: str, line: str, up: bool, tmp_path: Path) -> None:
    package = tmp_path / "tinygrad_cnn"
    for name in ("ops", "nn", "train", "data", "optim"):
        (package / name).mkdir(parents=True)
    for name in ("engine", "tensors", "windows", "inplace"):
        (package / f"{name}.py").touch()
    path = package / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line)
    found = list(imports(path, package))
    assert any(upward(i) for i in found) == up


def public_functions(namespace: types.ModuleType) -> dict[str, types.FunctionType]:
    return {
        name: value
        for name, value in vars(namespace).items()
        if isinstance(value, types.FunctionType) and not name.startswith("_")
    }


def namespaces() -> list[types.ModuleType]:
    return [tg, tg.nn.functional, tg.nn.init, tg.nn.utils, tg.testing, tg.autograd, tg.io, tg.data, tg.profiler]


@pytest.mark.parametrize("namespace", namespaces(), ids=lambda namespace: namespace.__name__)
def test_no_module_bears_the_name_of_a_public_function(namespace: types.ModuleType) -> None:
    """Else ``from package import name`` gives one or the other, depending on what was imported before."""
    folder = Path(str(namespace.__file__)).parent
    if Path(str(namespace.__file__)).name != "__init__.py":
        return
    modules = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert modules & set(public_functions(namespace)) == set()


@pytest.mark.parametrize("namespace", namespaces(), ids=lambda namespace: namespace.__name__)
def test_public_functions_have_docstrings_and_type_hints(namespace: types.ModuleType) -> None:
    wrong = []
    for name, function in public_functions(namespace).items():
        signature = inspect.signature(function)
        if not (function.__doc__ or "").strip():
            wrong.append(f"{name} has no docstring")
        missing = [p.name for p in signature.parameters.values() if p.annotation is p.empty]
        if missing or signature.return_annotation is signature.empty:
            wrong.append(f"{name} has no type hints for {', '.join(missing) or 'what it returns'}")
    assert not wrong, "\n".join(wrong)


def code_lines(path: Path) -> int:
    """Lines with code: no blank lines, comments or docstrings."""
    text = path.read_text()
    without: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            docstring = node.body[0]
            without.update(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(n not in without and bool(line.strip()) and not line.strip().startswith("#") for n, line in lines)


def test_the_core_stays_small() -> None:
    """Engine and tensor together: about 600 lines, so that one person reads them in an evening."""
    assert sum(code_lines(PACKAGE / name) for name in ("engine.py", "tensors.py")) <= 675


def test_files_stay_short() -> None:
    lengths = {path.relative_to(PACKAGE).as_posix(): len(path.read_text().splitlines()) for path in FILES}
    long = {name for name, n in lengths.items() if n > LIMIT}
    assert {name: lengths[name] for name in long - set(LONGER)} == {}, f"longer than {LIMIT} lines: make two of it"
    assert set(LONGER) - long == set(), "no longer so long: take it off the list"
