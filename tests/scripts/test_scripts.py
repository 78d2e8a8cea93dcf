"""Twelve training programs, written as people write them for PyTorch: each runs and learns with its import lines
changed, and does what it does with PyTorch.

The two runs begin with the same weights and draw the same numbers (`noise`). What they print and what they save is
compared: every number of every line, every entry of every file, every pixel of every picture.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.scripts import digits
from tests.scripts.running import HERE, as_pytorch

pytest.importorskip("PIL", reason="no Pillow")
TOLERANCE = 1e-4  # of max(1, the number)
WORDS = """\
The wind blows over the hill and the rain falls on the field.
The sun comes out and the rain goes away, and the wind is still.
A bird sits on the hill and sings, and the field is green again.
"""


class Program(NamedTuple):
    """How a program is run: what it is given to show that it learns, and to be compared; and how one sees it learn."""

    learning: str
    compared: str
    curve: str  # the numbers that fall, by their place in what is printed
    falls: float  # the last tenth of them over the first, at most
    reads_mnist: bool = False
    also: Callable[[str], bool] = lambda _out: True  # what else must be seen


def numbers(pattern: str, out: str) -> list[float]:
    """What a group of the pattern finds."""
    return [float(number) for number in re.findall(pattern, out)]


PROGRAMS = {
    "mnist": Program(
        "--data data --epochs 3 --batch-size 16 --log-interval 1",
        "--data data --epochs 2 --batch-size 96 --log-interval 1 --lr 0.3 --save-model",
        r"\tLoss: (\S+)", 0.5, True,
    ),
    "dcgan": Program(
        "--size 96 --batchSize 16 --ngf 8 --ndf 8 --nz 16 --niter 4 --outf out --manualSeed 3",
        "--size 64 --batchSize 16 --ngf 8 --ndf 8 --nz 16 --niter 2 --outf out --manualSeed 1",
        r"Loss_D: (\S+)", 0.8,
    ),
    "vae": Program(
        "--data data --epochs 8 --batch-size 16", "--data data --epochs 2 --batch-size 96 --log-interval 1",
        r"Average loss: (\S+)", 0.85, True,
    ),
    "fgsm": Program(
        "--data data --epochs 9 --attacked 20", "--data data --epochs 2 --attacked 20", r"loss (\S+)", 0.5, True,
        also=lambda out: numbers(r"Accuracy = (\d+) /", out)[0] > 2 * numbers(r"Accuracy = (\d+) /", out)[-1],
    ),
    "siamese": Program(
        "--data data --epochs 3 --batch-size 32", "--data data --epochs 2 --batch-size 240 --lr 0.001",
        r"train loss (\S+)", 0.5, True,
    ),
    "char_lstm": Program(
        "text.txt --n-hidden 32 --epochs 5 --batch-size 8 --seq-length 32 --lr 0.01",
        "text.txt --n-hidden 24 --epochs 1 --batch-size 8 --seq-length 32 --lr 0.01 --print-every 5",
        r"Val Loss: (\S+)", 0.8,
    ),
    "lenet_lazy": Program(
        "--root data --batch-size 16 --num-epochs 2 --lr 0.02 --workers 2",
        "--root data --batch-size 32 --num-epochs 2 --workers 2",
        r"loss (\d\S+),", 0.8, True,
    ),
    "wgan_gp": Program(
        "--data data --n_epochs 2 --batch_size 16 --latent_dim 16 --n_critic 2",
        "--data data --n_epochs 1 --batch_size 48 --latent_dim 16 --n_critic 2 --sample_interval 4",
        r"D loss: (\S+)\]", 0.5, True,
    ),
    "gradcam": Program(
        "--images 300 --epochs 10 --lr 0.1", "--images 200 --epochs 2 --lr 0.01", r"loss (\S+),", 0.5,
        also=lambda out: out.count("looking at it") > 3 * out.count("looking at something else"),
    ),
    "reinforce": Program("--episodes 60 --log-interval 1", "--episodes 20", r"Average reward: (\S+)", 0.5),
    "finetune": Program(
        "--data-dir shapes --image-size 48 --workers 2 --epochs 3",
        "--data-dir shapes --image-size 32 --workers 0 --epochs 2",
        r"train Loss: (\S+)", 0.7,
    ),
    "transformer": Program(
        "text.txt --emsize 16 --d-hid 32 --epochs 2 --bptt 16 --batch-size 10 --log-interval 5",
        "text.txt --emsize 16 --d-hid 32 --epochs 2 --bptt 16 --batch-size 10 --log-interval 5 --lr 1",
        r"valid loss (\S+)", 0.7,
    ),
}  # fmt: skip

every_program = pytest.mark.parametrize("name", PROGRAMS)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the programs read."""
    folder = tmp_path_factory.mktemp("material")
    digits.write(folder / "data")
    digits.write_striped(folder / "shapes")
    (folder / "text.txt").write_text(WORDS * 60)
    return folder


def run(command: list[str], folder: Path, material: Path) -> str:
    """What a program prints, run in a folder in which all of the material lies."""
    folder.mkdir()
    for path in material.iterdir():
        (folder / path.name).symlink_to(path)
    root = str(HERE.parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert not done.returncode, done.stderr
    return done.stdout


# ------------------------------------------------------------------------------------------------------------- the text
def test_the_programs_are_those_of_the_table() -> None:
    helpers = {"__init__", "bridge", "digits", "noise", "running", "test_scripts"}
    assert {path.stem for path in HERE.glob("*.py")} - helpers == set(PROGRAMS)


@every_program
def test_imports_alone_say_which_package(name: str) -> None:
    ours = (HERE / f"{name}.py").read_text().splitlines()
    theirs = as_pytorch("\n".join(ours)).splitlines()
    changed = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
    assert changed
    for a, b in changed:
        assert re.match(r"(import|from) tinygrad_cnn\b", a)
        assert re.match(r"(import|from) torch(vision)?\b", b)
    assert "tinygrad" not in "\n".join(theirs)


# ------------------------------------------------------------------------------------------------------------- learning
@every_program
def test_it_learns(name: str, tmp_path: Path, material: Path) -> None:
    program = PROGRAMS[name]
    script = str(HERE / f"{name}.py")
    command = [str(HERE / "running.py"), "plain", f"{name}.py"] if program.reads_mnist else [script]
    out = run([*command, *program.learning.split()], tmp_path / "run", material)
    curve = numbers(program.curve, out)
    tenth = -(-len(curve) // 10)
    first, last = np.mean(curve[:tenth]), np.mean(curve[-tenth:])
    if name == "reinforce":  # a reward, not a loss
        first, last = last, first
    assert len(curve) > 1
    assert last < program.falls * first, curve
    assert program.also(out), out


def test_mnist_as_a_newcomer_runs_it(tmp_path: Path, material: Path) -> None:
    """``python mnist.py``, with nothing between."""
    try:
        tg.data.MNIST(download=False)
    except FileNotFoundError:
        pytest.skip("no MNIST on this machine: its program is run on made digits alone")
    out = run([str(HERE / "mnist.py"), "--dry-run", "--epochs", "1", "--data", "nowhere"], tmp_path / "run", material)
    assert re.search(r"Train Epoch: 1 \[0/60000 \(0%\)\]\tLoss: 2\.\d+\n\nTest set: .*/10000 ", out)


# ----------------------------------------------------------------------------------------------------- beside PyTorch
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?!\w)")


@every_program
def test_it_does_what_it_does_with_pytorch(name: str, tmp_path: Path, material: Path, torch: Any) -> None:
    runner, args = str(HERE / "running.py"), PROGRAMS[name].compared.split()
    said = [run([runner, p, f"{name}.py", *args], tmp_path / p, material) for p in ("ours", "torch")]
    compare_lines(*(text.splitlines() for text in said))
    ours, theirs = (made_in(tmp_path / p) for p in ("ours", "torch"))
    assert list(ours) == list(theirs)
    for path in ours:
        if path.endswith(".png"):
            compare_pictures(tmp_path / "ours" / path, tmp_path / "torch" / path)
        else:
            saved = torch.load(tmp_path / "torch" / path, weights_only=True)
            compare_saved(tg.load(tmp_path / "ours" / path), saved, path)
            compare_saved(tg.load(tmp_path / "torch" / path), saved, path)  # and ours reads PyTorch's


def compare_lines(ours: list[str], theirs: list[str]) -> None:
    """The same words, and numbers equal up to the tolerance, or to one in the last place that is shown."""
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert NUMBER.sub("#", a) == NUMBER.sub("#", b)
        for x, y in zip(NUMBER.findall(a), NUMBER.findall(b), strict=True):
            last_place = 10.0 ** -len(y.partition(".")[2]) if "." in y else 0
            assert abs(float(x) - float(y)) <= max(TOLERANCE * max(1, abs(float(y))), 1.01 * last_place), (a, b)


def made_in(folder: Path) -> dict[str, Path]:
    """The files that a run has made."""
    return {str(p.relative_to(folder)): p for p in sorted(folder.rglob("*")) if p.is_file() and not p.is_symlink()}


def compare_saved(ours: Any, theirs: Any, where: str) -> None:
    """The same keys in the same order, and values equal up to the tolerance."""
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), where
        for key, value in theirs.items():
            compare_saved(ours[key], value, f"{where}: {key}")
    elif isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs), where
        for i, value in enumerate(theirs):
            compare_saved(ours[i], value, f"{where}: {i}")
    elif hasattr(theirs, "numpy"):
        assert str(theirs.dtype) == f"torch.{ours.dtype}", where
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), TOLERANCE, TOLERANCE, err_msg=where)
    else:
        assert ours == pytest.approx(theirs, TOLERANCE) if isinstance(theirs, float) else ours == theirs, where


def compare_pictures(ours: Path, theirs: Path) -> None:
    """The same pixels, up to one level of 255."""
    from PIL import Image

    a, b = (np.asarray(Image.open(path)).astype(int) for path in (ours, theirs))
    assert a.shape == b.shape
    assert abs(a - b).max() <= 1
