"""Layers by name: what a net in functional style tells is what the same net made of modules tells."""

from __future__ import annotations

import copy
import dataclasses
import gc
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.viz.styles import ACTIVATIONS, LeNetOfFunctions, pairs
from tinygrad_cnn import nn, viz
from tinygrad_cnn.viz import activation_statistics, feature_maps, grad_cam, layers_of

F = nn.functional
PAIRS = pairs()


def images(n: int = 5) -> Any:
    return np.random.default_rng(0).normal(size=(n, 1, 28, 28)).astype(np.float32)


def rows(model: nn.Module, x: Any) -> list[dict[str, Any]]:
    """All that is told of each layer, but for its name."""
    found = [dataclasses.asdict(layer) for layer in activation_statistics(model, x, batch_size=2)]
    return [{k: v for k, v in row.items() if k not in ("name", "type")} for row in found]


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_functions_count_as_modules_do(pair: tuple[nn.Module, nn.Module]) -> None:
    modules, functions = pair
    x = images(3)
    names = [[layer.name for layer in layers_of(model, x[:1])] for model in pair]
    assert len(names[0]) == len(names[1])
    assert [layer.shape for layer in layers_of(modules, x)] == [layer.shape for layer in layers_of(functions, x)]
    for a, b in zip(rows(modules, x), rows(functions, x), strict=True):
        for key in a:
            np.testing.assert_array_equal(a[key], b[key], err_msg=key)
    for one, other in zip(*names, strict=True):
        maps = feature_maps(modules, x, one, batch_size=2)
        np.testing.assert_array_equal(maps, feature_maps(functions, x, other, batch_size=2))
        if maps.ndim == 4:
            cam = grad_cam(modules, x, one, 7)
            np.testing.assert_array_equal(cam, grad_cam(functions, x, other, 7))


def test_dead_units_behind_a_function_are_dead() -> None:
    _, functions = PAIRS["lenet"]
    found = {s.name: s.dead.tolist() for s in activation_statistics(functions, images())}
    assert found["relu"] == found["max_pool2d"] == [0, 2, 4]
    assert found["conv1"] == []


def test_the_names_are_paths_and_functions() -> None:
    x = images(2)
    assert [(layer.name, layer.type) for layer in layers_of(PAIRS["lenet"][1], x)] == [
        ("conv1", "Conv2d"),
        ("relu", "relu"),
        ("max_pool2d", "max_pool2d"),
        ("conv2", "Conv2d"),
        ("relu_1", "relu"),
        ("max_pool2d_1", "max_pool2d"),
        ("fc1", "Linear"),
        ("relu_2", "relu"),
        ("fc2", "Linear"),
    ]  # fmt: skip  (flatten and dropout only hand on)
    for model in PAIRS["resnet"]:  # a module that is called again is named as a function that is
        block = [layer.name for layer in layers_of(model, x) if layer.name.startswith("layers.0.")]
        assert block == [f"layers.0.{n}" for n in ("conv1", "bn1", "relu", "conv2", "bn2", "add", "relu_1")]
    nothing = [layer.name for layer in layers_of(PAIRS["nothing else"][1], x)]
    assert nothing[:3] == ["conv2d", "relu", "max_pool2d"]
    assert nothing[-1] == "linear_1"


def test_every_name_is_an_output() -> None:
    model, x = PAIRS["lenet"][1], images(2)
    listed = layers_of(model, x, every=True)
    assert {"flatten", "", "conv1.conv2d", "relu_1"} <= {layer.name for layer in listed}
    assert len({layer.name for layer in listed}) == len(listed)
    for layer in listed:
        assert feature_maps(model, x, layer.name).shape == layer.shape
    with tg.no_grad():
        np.testing.assert_array_equal(feature_maps(model, x, ""), model.eval()(tg.tensor(x)).numpy())
    assert len({layer.name for layer in layers_of(PAIRS["resnet"][0], x, every=True)}) > 40


def test_a_list_of_layers_prints_as_a_table() -> None:
    table = repr(layers_of(nn.Sequential(nn.Linear(4, 3), nn.Tanh()), tg.ones(2, 4)))
    assert table.splitlines() == ["name  type    shape", "0     Linear  (2, 3)", "1     Tanh    (2, 3)"]
    assert layers_of(nn.Linear(4, 3), np.ones((2, 4), np.float32)) == [("", "Linear", (2, 3))]


class Clashing(nn.Module):
    """A module bears the name of a function, another that of a second call."""

    def __init__(self) -> None:
        super().__init__()
        self.relu, self.relu_2 = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Any) -> Any:
        return F.relu(self.relu_2(F.relu(self.relu(F.relu(x)))))


def test_no_two_outputs_share_a_name() -> None:
    model = Clashing()
    assert [(a, b) for a, b, _ in layers_of(model, tg.ones(2, 4))] == [
        ("relu_1", "relu"), ("relu", "Linear"), ("relu_3", "relu"), ("relu_2", "Linear"), ("relu_4", "relu"),
    ]  # fmt: skip


class Twice(nn.Module):
    """One convolution and one ReLU, called twice each."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu, self.fc = nn.Conv2d(1, 1, 3, padding=1), nn.ReLU(), nn.Linear(36, 3)

    def head(self, x: Any) -> Any:
        return self.fc(x.flatten(1))

    def forward(self, x: Any) -> Any:
        return self.head(self.relu(self.conv(self.relu(self.conv(x)))))


def test_each_call_of_a_module_has_its_own_maps() -> None:
    tg.manual_seed(1)
    model = Twice().double()
    x = np.random.default_rng(0).normal(size=(3, 1, 6, 6))
    a = tg.tensor(feature_maps(model, x, "relu"), requires_grad=True)
    b = model.relu(model.conv(a))
    np.testing.assert_allclose(feature_maps(model, x, "relu_1"), b.detach().numpy())
    np.testing.assert_array_equal(feature_maps(model, x, model.relu), a.detach().numpy())
    by_a, by_b = tg.grad(model.head(b)[:, 2].sum(), (a, b))
    for name, y, g in (("relu", a, by_a), ("relu_1", b, by_b)):
        small = (g.numpy().mean((2, 3), keepdims=True) * y.detach().numpy()).sum(1)
        np.testing.assert_allclose(grad_cam(model, x, name, 2), np.maximum(small, 0))


def test_a_function_s_maps_are_those_of_pytorch(torch: Any) -> None:
    """In float64, on noise: where two values are equal up to rounding, a pool may choose either."""
    ours = LeNetOfFunctions().double()
    x = np.random.default_rng(5).normal(size=(4, 1, 28, 28))
    w = {k: torch.from_numpy(v.numpy().copy()) for k, v in ours.state_dict().items()}
    G = torch.nn.functional
    y = G.max_pool2d(G.relu(G.conv2d(torch.from_numpy(x), w["conv1.weight"], w["conv1.bias"], padding=2)), 2)
    a = G.relu(G.conv2d(y, w["conv2.weight"], w["conv2.bias"])).requires_grad_()  # "relu_1"
    y = G.relu(G.linear(G.max_pool2d(a, 2).flatten(1), w["fc1.weight"], w["fc1.bias"]))
    scores = G.linear(y, w["fc2.weight"], w["fc2.bias"])
    (g,) = torch.autograd.grad(scores[:, 3].sum(), a)
    cam = torch.relu((g.mean((2, 3), keepdim=True) * a).sum(1, keepdim=True))
    cam = G.interpolate(cam, size=(28, 28), mode="bilinear")[:, 0].detach().numpy()
    np.testing.assert_allclose(feature_maps(ours, x, "relu_1"), a.detach().numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(grad_cam(ours, x, "relu_1", 3), cam, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("pair", ["resnet", "in place", "relu_", "avg_pool2d"])
def test_a_frozen_model_has_the_same_maps(pair: str) -> None:
    x = images(2)
    for model in copy.deepcopy(PAIRS[pair]):
        names = [layer.name for layer in layers_of(model, x) if len(layer.shape) == 4][-3:]
        expected = [grad_cam(model, x, name, 1) for name in names]
        model.requires_grad_(False)
        for name, maps in zip(names, expected, strict=True):
            np.testing.assert_array_equal(grad_cam(model, x, name, 1), maps)


@pytest.mark.parametrize("layer", ["conv2", "relu_1", "max_pool2d"])
def test_nothing_is_left_for_the_garbage_collector(layer: str) -> None:
    model, x = PAIRS["lenet"][1], images(1)
    for look in (lambda: grad_cam(model, x, layer), lambda: feature_maps(model, x, layer),
                 lambda: activation_statistics(model, x)):  # fmt: skip
        look()
        gc.collect()
        gc.disable()
        try:
            look()
            assert gc.collect() == 0
        finally:
            gc.enable()


def test_a_lazy_model_is_listed_too() -> None:
    model = nn.Sequential(nn.LazyLinear(4), nn.ReLU())
    assert [layer.shape for layer in layers_of(model, tg.ones(2, 3))] == [(2, 4), (2, 4)]


class Raw(nn.Module):
    """Parameters and functions, no layers: the model itself, and a part of one."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(tg.randn(3, 4)), nn.Parameter(tg.randn(2, 3))

    def forward(self, x: Any) -> Any:
        return F.relu(x @ (self.a * 2).T - 100) @ self.b.T


def test_parameters_that_are_prepared_are_no_layers() -> None:
    assert [x.name for x in layers_of(Raw(), tg.ones(3, 4))] == ["matmul", "sub", "relu", "matmul_1"]  # 3 rows, as a
    within = layers_of(nn.Sequential(Raw(), nn.Tanh()), tg.ones(5, 4))
    assert [(x.name, x.type) for x in within] == [
        ("0.matmul", "matmul"), ("0.sub", "sub"), ("0.relu", "relu"), ("0", "Raw"), ("1", "Tanh"),
    ]  # fmt: skip
    (relu,) = activation_statistics(nn.Sequential(Raw()), tg.ones(5, 4), layers=["0.relu"])
    assert relu.dead.tolist() == [0, 1, 2]


class Recurrent(nn.Module):
    """Begins with zeros, writes into memory of its own, and leaves the package on its way."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(6, 4)

    def forward(self, x: Any) -> Any:
        h = tg.zeros(len(x), 4)
        for t in range(2):
            h = tg.tanh(self.inner(tg.cat([x[:, t], h], 1)))
        y = tg.zeros(len(x), 4)
        y[:, :2] = h[:, :2]
        y = tg.tensor(y.detach().numpy() * 2)
        mask = tg.ones(9, 9).tril()
        return F.relu(y) + mask.sum() * 0


def test_what_stands_in_memory_of_one_s_own_is_followed() -> None:
    names = [layer.name for layer in layers_of(Recurrent(), tg.randn(5, 2, 2))]
    assert names == ["inner", "tanh", "inner_1", "tanh_1", "relu", "add"]


def test_units_of_a_transformer_are_its_features() -> None:
    tg.manual_seed(0)
    layer = nn.TransformerEncoderLayer(6, 2, 10, batch_first=True)
    layer.linear1.bias.numpy()[[2, 7]] = -1000
    model = nn.Sequential(nn.Embedding(11, 6), layer, nn.Linear(6, 4))
    ids = tg.randint(0, 11, (3, 7))
    found = {s.name: s for s in activation_statistics(model, ids)}
    relu = found["1.relu"]
    assert (relu.axis, relu.shape, relu.unit_mean.shape) == (2, (7, 10), (10,))
    assert relu.dead.tolist() == [2, 7]
    assert {name: len(s.unit_mean) for name, s in found.items()} == {
        "0": 6, "1.self_attn": 6, "1.add": 6, "1.norm1": 6, "1.linear1": 10, "1.relu": 10, "1.linear2": 6,
        "1.add_1": 6, "1.norm2": 6, "2": 4,
    }  # fmt: skip
    y = feature_maps_of_ids(model, ids, "1.relu")
    np.testing.assert_allclose(relu.unit_mean, y.mean((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(relu.unit_std, y.std((0, 1)), rtol=1e-4)


def feature_maps_of_ids(model: nn.Module, ids: Any, name: str) -> Any:
    """By a hook, where there are no images."""
    seen: list[Any] = []
    inner = model[1].linear1  # type: ignore[index]
    handle = inner.register_forward_hook(lambda _m, _x, y: seen.append(np.maximum(y.numpy(), 0).astype(np.float64)))
    with tg.no_grad():
        model.eval()(ids)
    handle.remove()
    assert name == "1.relu"
    return seen[0]


class Sequence(nn.Module):
    """Channels first and last by turns."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv1d(3, 8, 3, padding=1), nn.Linear(8, 5)

    def forward(self, x: Any) -> Any:
        y = F.relu(self.conv(x))  # (N, 8, L)
        z = tg.sigmoid(self.fc(y.transpose(1, 2)))  # (N, L, 5)
        return (z.transpose(1, 2) * 2).mean(2), z.mean(1) + 1  # (N, 5), (N, 5)


def test_units_stay_where_the_layer_has_put_them() -> None:
    found = activation_statistics(Sequence(), tg.randn(4, 3, 7))
    assert {s.name: (s.shape, s.axis) for s in found} == {
        "conv": ((8, 7), 1), "relu": ((8, 7), 1), "fc": ((7, 5), 2), "sigmoid": ((7, 5), 2), "mul": ((5, 7), 1),
        "mean": ((5,), 1), "mean_1": ((5,), 1), "add": ((5,), 1),
    }  # fmt: skip


def test_modules_with_several_outputs_give_the_first() -> None:
    model = nn.Sequential(nn.LSTM(3, 4, batch_first=True))
    found = layers_of(model, tg.randn(2, 5, 3))
    assert found == [("0", "LSTM", (2, 5, 4))]
    (s,) = activation_statistics(model, tg.randn(2, 5, 3))
    assert len(s.unit_mean) == 4


def test_what_cannot_be_listed_is_said() -> None:
    with pytest.raises(TypeError, match=r"layers_of: model must be an nn\.Module"):
        layers_of(F.relu, tg.ones(2, 2))  # type: ignore[arg-type]
    model = LeNetOfFunctions()
    with pytest.raises(ValueError, match=r"no layer 'relu_9'; it has 'conv1', 'relu', .*'flatten', 'fc1'"):
        feature_maps(model, images(1), "relu_9")
    with pytest.raises(ValueError, match=r"plot_grad_cam|grad_cam: .* \(N, K, h, w\), got shape \(1, 20\)"):
        grad_cam(model, images(1), "relu_2")
    deep = nn.Sequential(*(nn.Conv2d(1, 1, 1) for _ in range(30)))
    with pytest.raises(ValueError, match=r"'23' and 6 more: see viz\.layers_of"):
        feature_maps(deep, images(1), "30")
    with pytest.raises(ValueError, match="no layer '9'"):
        activation_statistics(model, images(1), layers=["conv1", "9"])


def test_the_user_s_profile_sees_what_it_always_saw() -> None:
    model, x = LeNetOfFunctions(), images(1)
    with tg.profiler.profile() as p:
        layers_of(model, x)
    assert [e.name for e in p.events] == []
    assert set(ACTIVATIONS) <= set(PAIRS)


class Counts(nn.Module):
    """Counts its calls in a buffer, in evaluation mode too."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 2, 5), nn.Linear(2, 3)
        self.register_buffer("calls", tg.zeros(1))
        self.register_buffer("latest", tg.zeros(1))

    def forward(self, x: Any) -> Any:
        self.calls += 1
        self.latest = x.detach().mean().reshape(1)
        return self.fc(F.relu(self.conv(x)).mean((2, 3)))


LOOKS: dict[str, Any] = {
    "layers_of": lambda net, x: layers_of(net, x),
    "activation_statistics": lambda net, x: activation_statistics(net, x),
    "feature_maps": lambda net, x: feature_maps(net, x, "conv"),
    "grad_cam": lambda net, x: grad_cam(net, x, "conv"),
    "saliency_map": lambda net, x: viz.saliency_map(net, x),
    "follow": lambda net, x: viz.follow(net, x[:1]),
    "draw_graph": lambda net, x: viz.draw_graph(net, inputs=x),
    "summary": lambda net, x: tg.summary(net, input_data=x),
    "compare": lambda net, x: viz.compare(net, net, (x, np.zeros(len(x), int))),
    "loss_landscape": lambda net, x: viz.loss_landscape(net, F.cross_entropy, (x, np.zeros(len(x), int)), points=3),
}


@pytest.mark.parametrize("look", LOOKS)
def test_what_a_model_counts_stays_as_it_was(look: str) -> None:
    net = Counts()
    buffer = net.calls
    LOOKS[look](net, images(2))
    assert (net.calls.item(), net.latest.item()) == (0, 0)
    assert net.calls is buffer
