"""Models that are written otherwise than most, as Python files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from standalone import apart

import tinygrad_cnn as tg
from tests.programs.unusual import CASES, Of, arguments
from tinygrad_cnn import nn

SPOKEN = [name for name, case in CASES.items() if case.numpy]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[nn.Module, Path, apart.Batches]]:
    """All of them as files, each with the answers of a process without the package."""
    made = {}
    for k, name in enumerate(SPOKEN):
        tg.manual_seed(0)
        case, path = CASES[name], tmp_path_factory.mktemp("unusual") / f"m{k}.py"
        model, inputs = case.make(), arguments(case)
        tg.export_numpy(model, tuple(inputs), path, batch_dim=case.dims)
        sizes = (2, 5) if name == "by the batch's own mean" else (1, 7)
        batches = [[apart.larger(x, 0, n) for x in inputs] for n in sizes] if case.free else []
        apart.give(path, [inputs, *batches])
        made[name] = model, path, [inputs, *batches]
    apart.run(path for _, path, _ in made.values())
    return made


@pytest.mark.parametrize("name", SPOKEN)
def test_unusual(name: str, written: dict[str, tuple[nn.Module, Path, apart.Batches]]) -> None:
    model, path, batches = written[name]
    for inputs, found in zip(batches, apart.answers(path), strict=True):
        for y, wanted in zip(found, apart.expected(model, inputs), strict=True):
            assert apart.furthest(y, wanted) < (5e-6 if name.startswith("grid_sample") else 1e-6)  # steep images


@pytest.mark.parametrize("name", SPOKEN)
def test_its_functions_are_those_of_the_package(
    name: str, written: dict[str, tuple[nn.Module, Path, apart.Batches]]
) -> None:
    _, path, batches = written[name]
    room = apart.room_of(path)
    for inputs, found in zip(batches, apart.answers(path), strict=True):
        for y, z in zip(found, apart.with_the_packages_own(room, inputs), strict=True):
            np.testing.assert_array_equal(y, z)


@pytest.mark.parametrize(
    "model", [nn.SiLU(inplace=True), Of(lambda _, x: x.mul_(2).add_(1)), nn.Sequential(nn.Hardsigmoid(inplace=True))]
)
def test_an_example_that_the_model_writes_into_stays_as_it_is(model: nn.Module, tmp_path: Path) -> None:
    example = tg.tensor(np.linspace(-1, 1, 12, dtype=np.float32).reshape(2, 6))
    before = example.numpy().copy()
    tg.export_numpy(model, example, tmp_path / "net.py")
    np.testing.assert_array_equal(example.numpy(), before)


def test_arguments_by_keyword_and_keys_of_any_name(tmp_path: Path) -> None:
    class Net(nn.Module):
        def forward(self, x: tg.Tensor, *, scale: tg.Tensor) -> dict[str, tg.Tensor]:
            return {"output": x * scale}

    x, scale = np.ones((2, 3), np.float32), np.arange(6, dtype=np.float32).reshape(2, 3)
    tg.export_numpy(Net(), {"x": x, "scale": scale}, tmp_path / "net.py")
    text = (tmp_path / "net.py").read_text()
    assert "def predict(x: Array, scale: Array) -> dict[str, Array]:" in text
    assert 'return {"output": x}' in text


def test_what_is_turned_twice_is_turned_once(tmp_path: Path) -> None:
    def turned(_: Any, x: tg.Tensor) -> tuple[tg.Tensor, ...]:
        y = x.transpose(1, 2)
        return x.transpose(0, 1).transpose(1, 2).transpose(0, 2), y, y.transpose(2, 3), x.permute(1, 2, 3, 0).mT

    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)
    path = tg.export_numpy(Of(turned), x, tmp_path / "net.py")
    apart.give(path, [[x]])
    apart.run([path])
    for y, wanted in zip(apart.answers(path)[0], apart.expected(Of(turned), [x]), strict=True):
        np.testing.assert_array_equal(y, wanted)
    body = path.read_text().partition("def load")[0]
    assert body.count(".transpose(") + body.count(".swapaxes(") == 4  # y is returned, and turned again


def test_a_view_that_is_written_whole_is_what_was_written(tmp_path: Path) -> None:
    def written(_: Any, x: tg.Tensor) -> tg.Tensor:
        y = tg.zeros(x.shape[0], 8)
        y[:, 1:7] = x
        return y

    path = tg.export_numpy(Of(written), tg.ones(2, 6), tmp_path / "net.py")
    assert "np.s_[...]" not in path.read_text()
    assert ", np.s_[:, 1:7], " in path.read_text()
