"""Saliency and Grad-CAM: against finite differences, a case by hand, and PyTorch; the model is left as it was."""

from __future__ import annotations

import copy
import functools
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.viz.conftest import Run
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.viz import activation_statistics, feature_maps, grad_cam, saliency_map


def net(channels: int = 3) -> nn.Sequential:
    """Smooth, and with all that has a state: batch norm, dropout."""
    tg.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(channels, 4, 3), nn.BatchNorm2d(4), nn.Tanh(), nn.Dropout(0.5), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(16, 5),
    )  # fmt: skip


def images(n: int = 3, channels: int = 3) -> Any:
    return np.random.default_rng(1).normal(size=(n, channels, 6, 6))


def test_saliency_is_the_slope_of_the_score() -> None:
    model, x, target = net().double().eval(), images(), np.array([4, 0, 2])
    maps = saliency_map(model, x, target, batch_size=2)
    assert maps.shape == (3, 6, 6)
    assert maps.dtype == np.float64

    def score(moved: Any) -> Any:
        with tg.no_grad():
            return model(tg.tensor(moved)).numpy()[np.arange(3), target]

    slopes = np.zeros(x.shape)
    for c, i, j in np.ndindex(x.shape[1:]):
        step = np.zeros(x.shape)
        step[:, c, i, j] = 1e-5
        slopes[:, c, i, j] = (score(x + step) - score(x - step)) / 2e-5
    np.testing.assert_allclose(maps, np.abs(slopes).max(axis=1), rtol=1e-6, atol=1e-9)


def test_the_predicted_class_is_the_default(run: Run) -> None:
    x = run.x[:5]
    said = run.logits[:5].argmax(1)
    np.testing.assert_array_equal(saliency_map(run.model, x), saliency_map(run.model, x, said))
    np.testing.assert_array_equal(grad_cam(run.model, x, "3"), grad_cam(run.model, x, "3", tg.tensor(said)))
    one = saliency_map(run.model, x, 7)
    np.testing.assert_array_equal(one, saliency_map(run.model, x, [7] * 5))
    assert not np.allclose(one, saliency_map(run.model, x, 1))


def test_grad_cam_by_hand() -> None:
    """Two channels, kept by a linear layer as 1 * sum(A_0) - 2 * sum(A_1): a_0 = 1, a_1 = -2 for class 0."""
    model = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.Flatten(), nn.Linear(8, 2, bias=False)).double()
    model[0].weight.numpy()[:] = np.array([3.0, 1.0]).reshape(2, 1, 1, 1)  # A = 3x, x
    model[2].weight.numpy()[:] = np.repeat([[1.0, -2.0], [-1.0, 1.0]], 4, axis=1)
    x = np.array([[[[1.0, -1.0], [2.0, 0.0]]]])
    np.testing.assert_allclose(grad_cam(model, x, "0", 0), [[[1, 0], [2, 0]]])  # relu(3x - 2x)
    np.testing.assert_allclose(grad_cam(model, x, "0", 1), [[[0, 2], [0, 0]]])  # relu(-3x + x)


def test_grad_cam_is_the_formula_and_as_large_as_the_image(run: Run) -> None:
    x = run.x[:4]
    maps = grad_cam(run.model, x, run.model[3], 3, batch_size=3)
    a = tg.tensor(feature_maps(run.model, x, "3"), requires_grad=True)
    y = a
    for layer in list(run.model)[4:]:
        y = layer(y)
    (g,) = tg.grad(y[:, 3].sum(), a)
    small = np.maximum((g.numpy().mean(axis=(2, 3), keepdims=True) * a.detach().numpy()).sum(1), 0)
    expected = F.interpolate(tg.tensor(small[:, None]), size=(28, 28), mode="bilinear").numpy()[:, 0]
    assert maps.shape == (4, 28, 28)
    assert maps.max() > 0
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-5)


def state(model: nn.Module) -> Any:
    arrays = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    grads = [None if p.grad is None else p.grad.numpy().copy() for p in model.parameters()]
    hooks = [len(m._forward_hooks or ()) + len(m._forward_pre_hooks or ()) for m in model.modules()]
    return (
        arrays,
        modes,
        grads,
        [p.requires_grad for p in model.parameters()],
        hooks,
        tg.default_generator().get_state(),
    )


def same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else bool(a == b)


PROBES = {
    "saliency_map": lambda m, x: saliency_map(m, x),
    "grad_cam": lambda m, x: grad_cam(m, x, "0"),
    "feature_maps": lambda m, x: feature_maps(m, x, "0"),
    "activation_statistics": lambda m, x: activation_statistics(m, x),
}


class Fails(nn.Module):
    """Draws a random number, and fails."""

    def forward(self, _x: Any) -> Any:
        tg.rand(3)
        raise RuntimeError("in the middle")


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
@pytest.mark.parametrize("fails", [False, True], ids=["", "fails"])
def test_the_model_is_left_as_it_was(probe: Any, fails: bool) -> None:
    model, x = net(), images().astype(np.float32)
    F.cross_entropy(model(tg.tensor(x)), tg.tensor([0, 1, 2])).backward()  # something in .grad
    model[0].requires_grad_(False)
    model[3].eval()
    model[2].register_forward_hook(lambda *_: None)
    if fails:
        model.add_module("6", Fails())
    before, kept = state(model), x.copy()
    if fails:
        with pytest.raises(RuntimeError, match="in the middle"):
            probe(model, x)
    else:
        probe(model, x)
    assert same(before, state(model))
    np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_surroundings_make_no_difference(probe: Any) -> None:
    model, x = net(), images().astype(np.float32)
    for p in model.parameters():
        p.requires_grad_(False)
    outside = probe(model, x)
    with tg.no_grad():
        inside = probe(model, x)
    assert tg.is_grad_enabled()
    assert len(outside) == len(inside)
    if isinstance(outside, np.ndarray):
        np.testing.assert_array_equal(outside, inside)


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_it_is_the_evaluating_model_that_is_looked_at(probe: Any) -> None:
    model, x = net(), images().astype(np.float32)
    model(tg.tensor(x))  # moves the running averages
    training, evaluating = probe(model.train(), x), probe(model.eval(), x)
    if isinstance(training, np.ndarray):
        np.testing.assert_array_equal(training, evaluating)
    else:
        assert [s.mean for s in training] == [s.mean for s in evaluating]


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_layers_that_work_in_place_change_nothing(probe: Any) -> None:
    found = []
    for inplace in (False, True):
        tg.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace), nn.Flatten(), nn.Linear(64, 2))
        found.append(probe(model, images().astype(np.float32)))
    if isinstance(found[0], np.ndarray):
        np.testing.assert_array_equal(found[0], found[1])
    else:
        assert [(s.name, s.mean) for s in found[0]] == [(s.name, s.mean) for s in found[1]]


class Detached(nn.Module):
    def forward(self, x: Any) -> Any:
        return x.detach()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"target": 5}, ValueError, r"classes in 0\.\.4, got 5\.\.5"),
        ({"target": [0, 1]}, ValueError, "one class for each of 3 images"),
        ({"target": 1.5}, ValueError, "one class for each of 3 images"),
        ({"x": np.zeros((6, 6))}, ValueError, r"images \(N, C, H, W\)"),
        ({"batch_size": 0}, ValueError, "batch_size must be an integer >= 1"),
        ({"model": nn.Sequential(nn.Conv2d(3, 2, 3))}, ValueError, r"must give scores \(N, C\)"),
        ({"model": nn.Sequential(nn.Conv2d(3, 2, 6), Detached(), nn.Flatten())}, RuntimeError, "no_grad inside"),
        ({"model": 3}, TypeError, "nn.Module"),
    ],
)
@pytest.mark.parametrize("cam", [False, True])
def test_what_cannot_be_explained_is_said(cam: bool, options: Any, error: Any, words: str) -> None:
    arguments = {"model": net(), "x": images(), "target": None, **options}
    explain = functools.partial(grad_cam, layer="0") if cam else saliency_map
    with pytest.raises(error, match=words):
        explain(**arguments)


def test_layers_that_grad_cam_cannot_use() -> None:
    model = net()
    with pytest.raises(ValueError, match=r"layer '6' must be \(N, K, h, w\), got shape \(3, 5\)"):
        grad_cam(model, images(), "6")
    model.unused = nn.Conv2d(1, 1, 1)
    with pytest.raises(RuntimeError, match="'unused' is not called"):
        grad_cam(Skipping(), images(), "unused")


class Skipping(nn.Module):
    def __init__(self) -> None:
        self.net, self.unused = net(), nn.Conv2d(1, 1, 1)

    def forward(self, x: Any) -> Any:
        return self.net(x)


def test_both_agree_with_pytorch(torch: Any, run: Run) -> None:
    """In float64, on noise: where two values are equal up to rounding, a pool may choose either."""
    model = copy.deepcopy(run.model).double()
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 5), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Conv2d(6, 8, 3), torch.nn.ReLU(),
        torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(200, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10),
    ).double()  # fmt: skip
    theirs.load_state_dict({k: torch.from_numpy(v.numpy().copy()) for k, v in model.state_dict().items()})
    images = np.random.default_rng(2).normal(size=(6, 1, 28, 28))
    x = torch.from_numpy(images.copy()).requires_grad_()
    a = theirs[3](theirs[:3](x))
    y = theirs[4:](a)
    gx, ga = torch.autograd.grad(y.max(1).values.sum(), (x, a))
    np.testing.assert_allclose(saliency_map(model, images), gx.abs().amax(1).numpy(), rtol=1e-9, atol=1e-12)
    cam = torch.relu((ga.mean((2, 3), keepdim=True) * a).sum(1, keepdim=True))
    cam = torch.nn.functional.interpolate(cam, size=(28, 28), mode="bilinear")[:, 0].detach().numpy()
    np.testing.assert_allclose(grad_cam(model, images, "3"), cam, rtol=1e-9, atol=1e-12)
