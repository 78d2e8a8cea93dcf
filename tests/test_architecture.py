"""The rules of the house, read from the source: which way imports point, what names and sizes files have, what is
documented.

`docs/design.md` describes the rooms; `ROOMS` is the same in Python.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import tinygrad_cnn as tg
import tinygrad_cnn.nn.compiling
import tinygrad_cnn.nn.functional
import tinygrad_cnn.testing
import tinygrad_cnn.train.live
import tinygrad_cnn.vision.datasets.folder
import tinygrad_cnn.vision.models
import tinygrad_cnn.vision.transforms.functional
import tinygrad_cnn.vision.utils

PACKAGE = Path(tg.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

ROOMS: dict[str, set[str]] = {  # what each room may import, itself besides
    "arrays": set(),
    "autograd": {"arrays"},
    "ops": {"arrays", "autograd"},
    "tensors": {"arrays", "autograd", "ops"},
    "rails": {"arrays", "autograd"},
    "linalg": {"autograd", "ops"},
    "special": {"ops"},
    "differentiation": {"arrays", "autograd", "ops", "tensors"},
    "optim": {"arrays", "autograd", "rails", "tensors"},
    "testing": {"arrays", "autograd", "tensors"},
    "io": set(),
    "data": {"arrays", "io"},
    "nn": {"arrays", "autograd", "rails", "ops", "tensors"},
    "distributions": {"arrays", "autograd", "ops", "tensors"},
    "profiler": {"arrays", "autograd", "tensors", "nn", "optim"},
    "programs": {"arrays", "autograd", "tensors", "nn", "profiler"},
    "onnx": {"arrays", "autograd", "ops", "tensors", "nn", "io", "programs"},
    "standalone": {"autograd", "nn", "io", "programs"},
    "compiler": {"arrays", "autograd", "ops", "differentiation", "tensors", "nn", "profiler", "programs"},
    "vision": {"arrays", "autograd", "differentiation", "ops", "tensors", "nn", "data", "io"},
    "train": {"arrays", "autograd", "ops", "tensors", "nn", "optim", "data", "io"},
    "viz": {"arrays", "autograd", "differentiation", "ops", "tensors"}
    | {"nn", "optim", "data", "io", "profiler", "programs", "compiler", "train"},
    "utils": {"data", "differentiation"},  # PyTorch's names for what stands elsewhere
    "amp": set(),  # PyTorch's names for devices that are not here, as the next two
    "backends": {"tensors"},
    "cuda": {"tensors", "amp"},
}
FACES = {  # files under PyTorch's names for what stands in a higher room: loaded by users alone, by no file of ours
    "autograd.function": "differentiation",
    "autograd.functional": "differentiation",
}
WITHIN_FUNCTIONS = {"data": {"tensors"}, "io": {"tensors", "nn"}}  # when a batch is made, or a file handed out
ASKED_BY_NAME = {"train.live": "viz", "nn.compiling": "compiler"}  # a room above, when the user asks for what it makes

LIMIT = 350  # a longer file asks to be two


class Import(NamedTuple):
    """One import of a module of the package by another: where, of what, and whether it waits within a function."""

    importer: str  # "ops.conv"; "" is the package
    line: int
    imported: str
    within_function: bool


def room(module: str) -> str:
    """The room of a module: "ops" of "ops.conv"."""
    return module.partition(".")[0]


def imports(path: Path, package: Path = PACKAGE) -> Iterator[Import]:
    """All imports in a file of other files of the package, those for type checkers alone included."""

    def is_module(name: str) -> bool:
        place = package.joinpath(*name.split("."))
        return place.with_suffix(".py").exists() or place.is_dir()

    relative = path.relative_to(package).with_suffix("")
    here = list(relative.parts[:-1])
    module = ".".join(relative.parts if path.name != "__init__.py" else here)
    tree = ast.parse(path.read_text())
    functions = (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    local = {inner for function in functions for inner in ast.walk(function)}
    for node in ast.walk(tree):
        targets: list[str] = []
        if isinstance(node, ast.Import):
            names = (alias.name for alias in node.names)
            targets = [name.partition(".")[2] for name in names if (name + ".").startswith(package.name + ".")]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = ".".join([*here[: len(here) - node.level + 1], *filter(None, [node.module])])
            elif ((node.module or "") + ".").startswith(package.name + "."):
                base = str(node.module).partition(".")[2]
            else:
                continue
            inner_names = (f"{base}.{alias.name}".lstrip(".") for alias in node.names)
            targets = sorted({name if is_module(name) else base for name in inner_names})
        for target in targets:
            if target != module:
                yield Import(module, node.lineno, target, node in local)


def upward(found: Import) -> bool:
    here, there = room(found.importer), room(found.imported)
    if here in ("", there) or not there:  # the package collects everything, and has a version; a room may use itself
        return False
    allowed = ROOMS[here] if found.importer not in FACES else {FACES[found.importer]}
    if found.within_function:
        allowed = allowed | WITHIN_FUNCTIONS.get(here, set())
    return there not in allowed


def circles(arrows: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Groups of modules that reach each other along the arrows (Tarjan, 1972)."""
    graph: dict[str, list[str]] = {}
    for a, b in arrows:
        graph.setdefault(a, []).append(b)
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(v: str) -> None:
        index[v] = low[v] = len(index)
        stack.append(v)
        for w in graph.get(v, ()):
            if w not in index:
                visit(w)
                low[v] = min(low[v], low[w])
            elif w in stack:
                low[v] = min(low[v], index[w])
        if low[v] == index[v]:
            group = stack[stack.index(v) :]
            del stack[stack.index(v) :]
            if len(group) > 1:
                found.append(sorted(group))

    for v in list(graph):
        if v not in index:
            visit(v)
    return found


def test_the_root_holds_rooms_only() -> None:
    names = {p.name for p in PACKAGE.iterdir() if p.name != "__pycache__"}
    assert names == {"__init__.py", "py.typed", *ROOMS}, "a file belongs into a room, and a room into ROOMS"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_import_points_up(path: Path) -> None:
    wrong = [f"{path}:{i.line} imports {i.imported}" for i in imports(path) if upward(i)]
    assert not wrong, "\n".join(wrong)


def test_no_circle_of_imports() -> None:
    """Counting imports within functions and those for type checkers alone."""
    assert circles((i.importer, i.imported) for path in FILES for i in imports(path) if i.importer) == []


def test_a_face_is_a_few_lines_and_nothing_stands_on_it() -> None:
    for face in FACES:
        assert lines(PACKAGE.joinpath(*face.split(".")).with_suffix(".py")) < 10
    found = [f"{path}:{i.line} imports {i.imported}" for path in FILES for i in imports(path) if i.imported in FACES]
    assert not found, "\n".join(found)


def test_a_name_as_text_points_up_only_where_it_is_said() -> None:
    """``importlib.import_module`` is for a door to its own room, and for what is written down in ASKED_BY_NAME."""
    for path in FILES:
        here = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
                asks = ast.unparse(node)
                own = "__name__}" in asks or "__package__" in asks or "__name__)" in asks
                assert own, f"{path}:{node.lineno}: {asks}"
                assert here in ASKED_BY_NAME or "'.." not in asks, f"{path}:{node.lineno}: {asks} leaves its room"
    assert {"train.live": tg.train.live.ABOVE[0], "nn.compiling": tg.nn.compiling.ABOVE[0]} == ASKED_BY_NAME


def test_a_circle_is_seen() -> None:
    arrows = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("e", "a"), ("f", "g"), ("g", "f")]
    assert sorted(circles(arrows)) == [["a", "b", "c"], ["f", "g"]]
    assert circles(arrows[1:-1]) == []


@pytest.mark.parametrize(
    ("file", "line", "up"),
    [
        ("autograd/backward.py", "from ..ops import elementwise", True),
        ("autograd/backward.py", "from .. import ops", True),
        ("autograd/backward.py", "from . import inplace", False),
        ("autograd/backward.py", "def f():\n    from ..tensors import Tensor", True),
        ("arrays/windows.py", "from ..autograd.inplace import alias", True),
        ("autograd/function.py", "from ..differentiation.function import Function", False),
        ("autograd/function.py", "from ..tensors import Tensor", True),
        ("autograd/graph.py", "from ..differentiation.function import Function", True),
        ("ops/conv.py", "from ..tensors import Tensor", True),
        ("ops/conv.py", "import tinygrad_cnn.nn.functional as F", True),
        ("ops/conv.py", "from tinygrad_cnn.nn import functional", True),
        ("ops/conv.py", "from .reduce import sum\nfrom ..arrays.windows import im2col", False),
        ("ops/conv.py", "if TYPE_CHECKING:\n    from ..tensors import Tensor", True),
        ("optim/sgd.py", "from ..nn import Parameter", True),
        ("data/loader.py", "from ..tensors import Tensor", True),
        ("data/loader.py", "def collate():\n    from ..tensors import Tensor", False),
        ("nn/layers/conv.py", "from ...train import fit", True),
        ("nn/layers/conv.py", "from ..functional import conv2d\nfrom ...tensors import Tensor", False),
    ],
)
def test_an_arrow_that_points_up_is_seen(file: str, line: str, up: bool, tmp_path: Path) -> None:
    package = tmp_path / "tinygrad_cnn"
    for name in ROOMS:
        (package / name).mkdir(parents=True)
    path = package / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line)
    assert any(upward(i) for i in imports(path, package)) == up


def public_functions(namespace: types.ModuleType) -> dict[str, types.FunctionType]:
    return {
        name: value
        for name, value in vars(namespace).items()
        if isinstance(value, types.FunctionType) and not name.startswith("_")
    }


def namespaces() -> list[types.ModuleType]:
    ours = [
        tg,
        tg.linalg,
        tg.special,
        tg.nn.functional,
        tg.nn.init,
        tg.nn.utils,
        tg.testing,
        tg.autograd,
        tg.io,
        tg.data,
        tg.profiler,
    ]
    devices = [tg.cuda, tg.backends.cudnn, tg.backends.mps, tg.backends.accelerator, tg.compiler]
    vision = tg.vision
    of_vision = [vision.datasets.folder, vision.models, vision.transforms, vision.transforms.functional, vision.utils]
    return [*ours, tg.linalg, tg.special, tg.distributions, tg.nn.utils.rnn, *devices, *of_vision]


@pytest.mark.parametrize("namespace", namespaces(), ids=lambda namespace: namespace.__name__)
def test_no_module_bears_the_name_of_a_public_function(namespace: types.ModuleType) -> None:
    """Else ``from package import name`` gives one or the other, depending on what was imported before."""
    folder = Path(str(namespace.__file__)).parent
    if Path(str(namespace.__file__)).name != "__init__.py":
        return
    modules = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    both = modules & set(public_functions(namespace))
    loaded = {room(name) for i in imports(folder / "__init__.py") for name in [i.imported.rpartition(".")[2]]}
    assert both <= loaded, "a module of that name may be loaded by the package alone, before it binds the function"
    for name in both:  # then nothing that is imported later can change what the name means
        importlib.import_module(f"{namespace.__name__}.{name}")
        assert isinstance(getattr(namespace, name), types.FunctionType)


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


TOUR = [  # the ten files that are the framework, in the order in which docs/design.md says to read them
    "arrays/windows.py",
    "arrays/convolution/im2col.py",
    "autograd/graph.py",
    "autograd/operation.py",
    "autograd/backward.py",
    "ops/elementwise.py",
    "ops/conv.py",
    "tensors/tensor.py",
    "nn/layers/conv.py",
    "optim/sgd.py",
]


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_the_reading_tour_stays_an_evening() -> None:
    assert sum(lines(PACKAGE / name) for name in TOUR) < 2200
    design = (PACKAGE.parent / "docs" / "design.md").read_text()
    places = [design.index(f"`{name}`") for name in TOUR]
    assert places == sorted(places), "docs/design.md names the ten files in the order of TOUR"


def test_the_engine_stays_small() -> None:
    assert sum(lines(path) for path in (PACKAGE / "autograd").glob("*.py")) < 1050


def test_files_stay_short() -> None:
    lengths = {path.relative_to(PACKAGE).as_posix(): lines(path) for path in FILES}
    long = {name: n for name, n in lengths.items() if n > LIMIT}
    assert long == {}, f"longer than {LIMIT} lines: make two of it"


def test_a_method_of_tensors_is_defined_once() -> None:
    """The bases of Tensor are its parts, and none is there to be overridden."""
    where: dict[str, list[str]] = {}
    for part in tg.Tensor.__mro__[:-1]:
        for name, value in vars(part).items():
            if isinstance(value, property) or callable(value):
                where.setdefault(name, []).append(part.__name__)
    assert {name: parts for name, parts in where.items() if len(parts) > 1} == {}
