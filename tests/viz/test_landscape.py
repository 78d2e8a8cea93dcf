"""The loss on a plane: known surfaces, directions by their definition, a model that is left as it was."""

from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.train import Trainer

X = np.random.default_rng(0).standard_normal((30, 1, 6, 6)).astype(np.float32)
Y = np.arange(30) % 3


def convnet() -> nn.Sequential:
    tg.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Flatten(), nn.Linear(64, 3),
    )  # fmt: skip


def test_the_middle_is_the_models_loss() -> None:
    model = convnet()
    expected = Trainer(model, tg.optim.SGD(model.parameters(), lr=0.1), progress=False).evaluate((X, Y))["loss"]
    found = viz.loss_landscape(model, F.cross_entropy, (X, Y), points=3, batch_size=7)
    assert found.losses.shape == (3, 3)
    assert found.losses[1, 1] == pytest.approx(expected, rel=1e-6)
    assert (found.a == [-1, 0, 1]).all()
    assert found.path is found.explained is None
    assert (viz.loss_landscape(model, F.cross_entropy, (X, Y), points=3, batch_size=7).losses == found.losses).all()
    assert (viz.loss_landscape(model, F.cross_entropy, (X, Y), points=3, seed=1).losses != found.losses).any()


@pytest.mark.parametrize("batch_norm", ["running", "batch"])
@pytest.mark.parametrize("fails", [False, True])
def test_the_model_and_the_data_are_left_as_they_were(batch_norm: str, fails: bool) -> None:
    model = convnet()
    model[1].eval()
    tensors = [*model.parameters(), *model.buffers()]
    arrays, copies = [t._array for t in tensors], [t.numpy().copy() for t in tensors]
    grads, modes = [p.grad for p in model.parameters()], [m.training for m in model.modules()]
    output = model(tg.tensor(X)).sum()  # a graph that is there already can go backward afterwards
    state, x = str(tg.default_generator().get_state()), X.copy()

    def loss(outputs: Any, targets: Any) -> Any:
        if fails:
            raise KeyError("mine")
        return F.cross_entropy(outputs, targets)

    def look() -> None:
        viz.loss_landscape(model, loss, (X, Y), points=2, batch_norm=batch_norm)

    if fails:
        with pytest.raises(KeyError):
            look()
    else:
        look()
    assert all(t._array is a for t, a in zip(tensors, arrays, strict=True))
    assert all(np.array_equal(a, c) for a, c in zip(arrays, copies, strict=True))
    assert [p.grad for p in model.parameters()] == grads
    assert [m.training for m in model.modules()] == modes
    assert str(tg.default_generator().get_state()) == state
    assert (x == X).all()
    output.backward()


def test_a_model_that_writes_into_its_input_gets_the_same_one_every_time() -> None:
    class Doubles(nn.Module):
        def forward(self, x: Any) -> Any:
            x *= 2
            return x

    net, plain = nn.Sequential(nn.Flatten(), Doubles(), nn.Linear(36, 3)), nn.Sequential(nn.Flatten(), nn.Linear(36, 3))
    net[2].load_state_dict(plain[1].state_dict())
    found = [viz.loss_landscape(m, F.cross_entropy, (x, Y), points=3) for m, x in ((net, X), (plain, 2 * X))]
    np.testing.assert_allclose(found[0].losses, found[1].losses, rtol=1e-5)


def test_batch_norm_judges_by_what_is_asked_for() -> None:
    model = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
    model[0].weight.data.fill_(1.0)
    x = np.array([[0.0], [2.0], [4.0]], np.float32)

    def largest(outputs: Any, _targets: Any) -> Any:
        return outputs.max()

    data = (x, np.zeros(3))
    batch = viz.loss_landscape(model, largest, data, points=3, batch_norm="batch").losses
    assert batch[1, 1] == pytest.approx(np.sqrt(1.5), rel=1e-4)  # (4 - 2) / std
    running = viz.loss_landscape(model, largest, data, points=3).losses
    assert running[1, 1] == pytest.approx(4 + model[0].bias.item(), rel=1e-4)


def watched(model: Any, **settings: Any) -> tuple[Any, list[Any]]:
    """A landscape, and the weights at each of its places, as the loss met them."""
    met: list[Any] = []

    def loss(outputs: Any, _targets: Any) -> Any:
        met.append({name: p.numpy().astype(float).copy() for name, p in model.named_parameters()})
        return outputs.sum()

    return viz.loss_landscape(model, loss, (X, Y), **settings), met


def test_random_directions_are_as_long_as_the_weights_filter_by_filter() -> None:
    model = convnet()
    found, met = watched(model, points=3, span=0.5)
    for along in (met[3 + 2], met[2 * 3 + 1]):  # (b, a) = (0, 0.5) and (0.5, 0)
        for name, p in model.named_parameters():
            moved = along[name] - p.numpy()
            if p.ndim == 1:
                assert not moved.any()
            else:
                lengths = [np.linalg.norm(a.reshape(len(a), -1), axis=1) for a in (moved, p.numpy().astype(float))]
                np.testing.assert_allclose(lengths[0], 0.5 * lengths[1], rtol=1e-4)
    assert found.b.tolist() == [-0.5, 0, 0.5]


def test_the_plane_of_a_path_is_the_one_it_lies_in() -> None:
    """Two weights: the plane is all there is, and the loss a known function of it."""
    model = nn.Linear(2, 1, bias=False).double()
    model.weight.data[:] = tg.tensor([[1.0, -2.0]])
    states = [{"weight": np.array([w])} for w in ([5.0, 1.0], [3.0, 2.0], [2.0, -1.0])]

    def bowl(_outputs: Any, _targets: Any) -> Any:
        return (model.weight**2 * tg.tensor([1.0, 3.0])).sum()

    found = viz.loss_landscape(model, bowl, (np.zeros((4, 2)), np.zeros(4)), path=states, points=5)
    weights = np.array([*(s["weight"][0] for s in states), [1.0, -2.0]])
    assert found.path is not None
    assert found.explained is not None
    np.testing.assert_allclose(found.path[-1], 0, atol=1e-12)
    gram = (weights - weights[-1]) @ (weights - weights[-1]).T
    np.testing.assert_allclose(found.path @ found.path.T, gram, atol=1e-9)  # nothing of the path is lost
    assert sum(found.explained) == pytest.approx(1)
    assert found.explained[0] > found.explained[1]
    turn = np.linalg.lstsq(found.path, weights - weights[-1], rcond=None)[0]  # from the plane to the weights
    for j, b in enumerate(found.b):
        for i, a in enumerate(found.a):
            w = weights[-1] + np.array([a, b]) @ turn
            assert found.losses[j, i] == pytest.approx(w[0] ** 2 + 3 * w[1] ** 2, rel=1e-9)
    assert found.a[0] < found.path[:, 0].min() < found.path[:, 0].max() < found.a[-1]


def test_a_path_along_a_line_gets_a_second_direction() -> None:
    model = nn.Linear(2, 1, bias=False)
    model.weight.data[:] = tg.tensor([[1.0, -2.0]])
    path = [{"weight": np.array([w])} for w in ([5.0, 1.0], [3.0, -0.5])]
    found = viz.loss_landscape(model, F.mse_loss, (X[:, 0, 0, :2], X[:, 0, 0, 2:3]), path=path, points=3)
    assert np.isfinite(found.losses).all()
    assert found.explained is not None
    assert found.explained[1] == 0


def test_a_path_that_goes_nowhere_is_refused() -> None:
    model, path = convnet(), viz.PathRecorder()
    path.record(model)  # after the run, where it was meant to be a callback of it
    with pytest.raises(ValueError, match=r"1 in all.*callbacks=\[path\]"):
        viz.loss_landscape(model, F.cross_entropy, (X, Y), path=path, points=2)


def test_a_recorder_keeps_every_epoch_and_batches_that_were_asked_for() -> None:
    model, recorder, often = convnet(), viz.PathRecorder(), viz.PathRecorder(every=2)
    first = model[0].weight.numpy().copy()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    Trainer(model, optimizer, callbacks=[recorder, often], progress=False).fit((X, Y), 3, batch_size=6)
    assert (len(recorder.points), len(often.points)) == (4, 1 + 3 * 3)  # five batches an epoch
    assert (recorder.points[0]["0.weight"] == first).all()
    assert (recorder.points[-1]["5.bias"] == model[5].bias.numpy()).all()
    again = viz.PathRecorder()
    again.load_state_dict(recorder.state_dict())
    found = [viz.loss_landscape(model, F.cross_entropy, (X, Y), path=p, points=2) for p in (recorder, again)]
    assert (found[0].losses == found[1].losses).all()
    assert found[0].path is not None
    assert len(found[0].path) == 4  # the last one is the model
    by_states = [{**point, "1.running_mean": None} for point in recorder.points]  # as state_dicts have more
    assert (
        viz.loss_landscape(model, F.cross_entropy, (X, Y), path=by_states, points=2).losses == found[0].losses
    ).all()


def test_pictures() -> None:
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    a = np.linspace(-1, 1, 5)
    losses = 0.01 + a[:, None] ** 2 + a**2
    figure = viz.plot_loss_landscape(viz.LossLandscape(a, a, losses, None, None), title="$")
    assert figure.axes[0].get_xlabel() == "a random direction, filter-normalised"
    assert figure.axes[1].get_ylabel() == "loss"
    losses[0, 0], losses[1, 1] = np.nan, np.inf
    path = np.array([[-0.8, 0.5], [0.0, 0.0]])
    figure = viz.plot_loss_landscape(viz.LossLandscape(a, a, losses, path, (0.9, 0.05)), log=False)
    figure.canvas.draw()
    assert figure.axes[0].get_xlabel() == "1st direction of the path: 90.0 %"
    assert any((line.get_xydata() == path).all() for line in figure.axes[0].lines if len(line.get_xydata()) == 2)
    viz.plot_loss_landscape(viz.LossLandscape(a, a, np.zeros((5, 5)), None, None)).canvas.draw()  # flat


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"points": 1}, ValueError, "points must be an integer >= 2"),
        ({"span": 0}, ValueError, "span must be a positive number"),
        ({"batch_norm": "none"}, ValueError, "batch_norm must be one of 'running', 'batch'"),
        ({"data": X}, ValueError, "batches of inputs and targets"),
        ({"path": []}, TypeError, "path must be a PathRecorder that has recorded.* nothing in it"),
        ({"path": {"weight": 0}}, TypeError, "or a list of state_dicts, got dict"),
        ({"path": [3]}, TypeError, "state_dicts, got int at place 0"),
        ({"path": [{"0.weight": np.zeros(3)}]}, ValueError, "point 0 of the path has one of shape .* '0.weight'"),
        ({"path": [{}]}, ValueError, "point 0 of the path has none where the model has"),
        ({"model": nn.ReLU()}, ValueError, "no parameters that are trained"),
        ({"model": print}, TypeError, "model must be an nn.Module"),
    ],
)
def test_bad_input_is_named(settings: dict[str, Any], error: type[Exception], message: str) -> None:
    arguments = {"model": convnet(), "loss": F.cross_entropy, "data": (X, Y), **settings}
    with pytest.raises(error, match=message):
        viz.loss_landscape(**arguments)


def test_bad_landscapes_are_named() -> None:
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    with pytest.raises(TypeError, match="expected what loss_landscape gives, got int"):
        viz.plot_loss_landscape(3)  # type: ignore[arg-type]
    a = np.linspace(-1, 1, 3)
    with pytest.raises(ValueError, match="no loss of the landscape is finite"):
        viz.plot_loss_landscape(viz.LossLandscape(a, a, np.full((3, 3), np.nan), None, None))
    with pytest.raises(ValueError, match="log=True needs losses above 0"):
        viz.plot_loss_landscape(viz.LossLandscape(a, a, np.zeros((3, 3)), None, None), log=True)


@pytest.mark.parametrize("fails", [False, True])
def test_a_terminal_sees_how_far_it_is(fails: bool, monkeypatch: Any, capsys: Any) -> None:
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    screen = type("Terminal", (io.StringIO,), {"isatty": lambda _: True})()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr("tqdm.tqdm.monitor_interval", 0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 3))
    if fails:
        with pytest.raises(ValueError, match="one number, got NoneType"):
            viz.loss_landscape(model, lambda _x, _y: None, (X, Y), points=3)
    else:
        viz.loss_landscape(model, F.cross_entropy, (X, Y), points=3)
    assert screen.getvalue().startswith("\rloss landscape  |")
    assert "0/9" in screen.getvalue()
    assert screen.getvalue().endswith(" \r"), "the bar is wiped off"
    screen.truncate(0)
    viz.loss_landscape(model, F.cross_entropy, (X, Y), points=2, progress=False)
    assert screen.getvalue() == capsys.readouterr().out == ""
