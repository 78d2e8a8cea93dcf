"""Exported files at work where the package cannot be imported, and what they should say."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

import tinygrad_cnn as tg
from tinygrad_cnn.nn.summary import in_mode, leaves_in
from tinygrad_cnn.standalone.library import functions

SCRIPT = """
import importlib.util, pathlib, sys, traceback

class Refuses:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tinygrad_cnn":
            raise ImportError("an exported file needs no package")

sys.meta_path.insert(0, Refuses())
import numpy as np
np.seterr(all="raise", under="ignore")  # nothing that a file does is worth a warning

def work(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with np.load(path.with_suffix(".in.npz")) as file:
        batches = {}
        for key in file.files:
            batches.setdefault(key.split("-")[0], []).append(file[key])
    found = {}
    for batch, inputs in batches.items():
        y = module.predict(*inputs)
        y = list(y.values()) if isinstance(y, dict) else y if isinstance(y, tuple) else [y]
        found.update({f"{batch}-{k}": part for k, part in enumerate(y)})
    np.savez(path.with_suffix(".out.npz"), **found)

for place in map(pathlib.Path, sys.argv[1:]):
    try:
        work(place)
    except Exception:
        place.with_suffix(".error").write_text(traceback.format_exc())
assert "tinygrad_cnn" not in sys.modules
"""

Batches = list[list[ndarray[Any, Any]]]


def give(path: Path, batches: Batches) -> None:
    """Lay inputs beside a file, several of them for each batch."""
    arrays = {f"{b}-{k}": x for b, inputs in enumerate(batches) for k, x in enumerate(inputs)}
    np.savez(path.with_suffix(".in.npz"), **arrays)  # type: ignore[arg-type]


def run(paths: Iterable[Path]) -> None:
    """Let all of them predict, in one process of their own."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", SCRIPT, *map(str, paths)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


def answers(path: Path) -> Batches:
    """What a file said to each batch."""
    error = path.with_suffix(".error")
    assert not error.exists(), error.read_text()
    with np.load(path.with_suffix(".out.npz")) as file:
        found: dict[str, list[ndarray[Any, Any]]] = {}
        for key in file.files:
            found.setdefault(key.split("-")[0], []).append(file[key])
    return list(found.values())


def parts_of(y: Any) -> list[ndarray[Any, Any]]:
    """What a predict returned, as a list."""
    parts = list(y.values()) if isinstance(y, dict) else y if isinstance(y, tuple) else [y]
    return [np.asarray(part) for part in parts]


def room_of(path: Path) -> dict[str, Any]:
    """The names in a file, loaded into this process."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return vars(module)


def with_the_packages_own(room: dict[str, Any], inputs: list[ndarray[Any, Any]]) -> list[ndarray[Any, Any]]:
    """What a file's predict says with the functions of `standalone.functions` in the place of its copies of them."""
    room.update((name, f) for name, f in functions().items() if name in room)
    return parts_of(room["predict"](*inputs))


def expected(model: tg.nn.Module, inputs: list[ndarray[Any, Any]]) -> list[ndarray[Any, Any]]:
    """What the model says."""
    with in_mode(model, False), tg.no_grad():
        return [np.array(x.numpy()) for x in leaves_in(model(*map(tg.tensor, inputs))) if x is not None]


def furthest(y: ndarray[Any, Any], wanted: ndarray[Any, Any]) -> float:
    """How far apart they are, in parts of the largest number."""
    assert (y.shape, y.dtype) == (wanted.shape, wanted.dtype)
    if wanted.dtype.kind != "f":
        return float((y != wanted).any())
    finite = np.isfinite(wanted)
    np.testing.assert_array_equal(y[~finite], wanted[~finite])
    scale = float(abs(wanted[finite]).max(initial=0)) or 1.0
    return float(abs(y[finite].astype(np.float64) - wanted[finite]).max(initial=0)) / scale


def larger(x: ndarray[Any, Any], dim: int | None, size: int) -> ndarray[Any, Any]:
    """An input of another batch size, with other numbers."""
    if dim is None:
        return x
    return np.roll(x, 1).take(np.arange(size) % x.shape[dim], dim)
