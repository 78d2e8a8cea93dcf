"""Modules: what is found, in which order, under which name; state, modes, hooks and text."""
# ruff: noqa: E501  (tables)

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.autograd.modes import here
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.tensors import Tensor


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.scale = nn.Parameter(np.ones(3, np.float32))
        self.register_buffer("count", tg.zeros(1))
        self.register_buffer("scratch", tg.zeros(1), persistent=False)
        self.second = nn.Linear(3, 1, bias=False)

    def forward(self, x: Any) -> Any:
        return self.second(self.first(x) * self.scale)


def test_names_and_order_are_pytorchs() -> None:
    block = Block()
    assert [k for k, _ in block.named_parameters()] == ["scale", "first.weight", "first.bias", "second.weight"]
    assert [k for k, _ in block.named_buffers()] == ["count", "scratch"]
    assert list(block.state_dict()) == ["scale", "count", "first.weight", "first.bias", "second.weight"]
    assert [k for k, _ in block.named_modules()] == ["", "first", "second"]
    assert [k for k, _ in block.named_children()] == ["first", "second"]
    assert len(list(block.parameters())) == 4
    assert len(list(block.parameters(recurse=False))) == 1
    assert len(list(block.buffers())) == 2


def test_a_shared_module_counts_once() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            self.a = nn.Linear(2, 2)
            self.b = self.a

    assert [k for k, _ in Twice().named_parameters()] == ["a.weight", "a.bias"]
    assert [k for k, _ in Twice().named_modules()] == ["", "a"]


def test_a_parameter_of_two_layers_counts_once() -> None:
    """Tied weights: an optimizer takes each parameter once, and steps it once."""
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 2), nn.BatchNorm1d(2))
    model[2].weight = model[0].weight
    model[3].running_mean = model[1].running_mean
    assert [k for k, _ in model.named_parameters()] == [
        "0.weight", "0.bias", "1.weight", "1.bias", "2.bias", "3.weight", "3.bias",
    ]  # fmt: skip
    assert len(list(model.buffers())) == 5
    tg.optim.SGD(model.parameters(), lr=0.1)
    assert {"0.weight", "2.weight"} <= set(model.state_dict())  # but each layer finds its own when it is loaded


def test_layers_in_plain_containers_are_found() -> None:
    class Listed(nn.Module):
        def __init__(self) -> None:
            self.layers = []
            for _ in range(2):
                self.layers.append(nn.Linear(2, 2, bias=False))
            self.heads = {"a": nn.Linear(2, 1, bias=False)}
            self.nested = [[nn.Linear(2, 1, bias=False)], (nn.Parameter(np.ones(1, np.float32)),)]

        def forward(self, x: Any) -> Any:
            for layer in self.layers:
                x = layer(x)
            return self.heads["a"](x) * self.nested[1][0]

    model = Listed()
    names = [k for k, _ in model.named_parameters()]
    assert names == ["nested.1.0", "layers.0.weight", "layers.1.weight", "heads.a.weight", "nested.0.0.weight"]
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    before = model.layers[1].weight.numpy().copy()
    model(tg.ones(1, 2)).sum().backward()
    optimizer.step()
    assert not np.array_equal(model.layers[1].weight.numpy(), before)
    assert "(layers.1): Linear" in repr(model)
    model.eval()
    assert not model.layers[0].training


def test_a_parameter_cannot_be_replaced_by_something_untrained() -> None:
    layer = nn.Linear(2, 2)
    with pytest.raises(TypeError, match=r"Linear.weight is a Parameter.*nn.Parameter"):
        layer.weight = tg.zeros(2, 2)  # type: ignore[assignment]
    layer.bias = None
    assert [k for k, _ in layer.named_parameters()] == ["weight"]
    layer.weight = nn.Parameter(tg.zeros(2, 2))
    assert layer.weight.numpy().sum() == 0


def test_buffers_take_tensors_only() -> None:
    block = Block()
    with pytest.raises(TypeError, match=r"Block.count is a buffer"):
        block.count = 3
    block.count = tg.ones(1)
    assert block.state_dict()["count"].item() == 1
    with pytest.raises(KeyError, match="already exists"):
        block.register_buffer("first", tg.ones(1))
    with pytest.raises(TypeError, match="must be a Tensor or None, got list"):
        block.register_buffer("new", [1])  # type: ignore[arg-type]


def test_registration_by_name() -> None:
    model = nn.Module()
    model.add_module("0", nn.ReLU())
    model.register_parameter("w", nn.Parameter(tg.ones(2)))
    model.register_parameter("left out", None)
    assert [k for k, _ in model.named_children()] == ["0"]
    assert [k for k, _ in model.named_parameters()] == ["w"]
    with pytest.raises(TypeError, match=r"must be an nn.Parameter or None"):
        model.register_parameter("v", tg.ones(2))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"must be an nn.Module or None"):
        model.add_module("v", tg.ones(2))  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="may not be empty"):
        model.add_module("a.b", nn.ReLU())


def test_a_name_that_becomes_another_thing_goes_to_the_end() -> None:
    model = nn.Module()
    model.a, model.b, model.c = nn.ReLU(), nn.ReLU(), nn.Parameter(tg.ones(1))
    model.a = nn.Parameter(tg.ones(1))
    assert (list(model._modules), list(model._parameters)) == (["b"], ["c", "a"])
    model.b = None
    model.d = nn.ReLU()
    model.b = nn.Tanh()
    assert list(model._modules) == ["b", "d"]
    assert "a" in dir(model)
    with pytest.raises(TypeError, match=r"Module.b is a module: assign a Module or None, not int; or delete it first"):
        model.b = 3
    with pytest.raises(TypeError, match=r"child 'e' must be an nn.Module or None, got int"):
        model._modules["e"] = 3
    assert repr(model._parameters) == repr(dict(model._parameters)) == repr(model._parameters.copy())


def test_a_property_takes_what_is_assigned_to_it() -> None:
    class Checked(nn.Module):
        @property
        def scale(self) -> Any:
            return self._scale

        @scale.setter
        def scale(self, value: Any) -> None:
            self._scale = nn.Parameter(value * 2)

    model = Checked()
    model.scale = nn.Parameter(tg.ones(1))
    assert [(k, v.item()) for k, v in model.named_parameters()] == [("_scale", 2)]


class Keyed(nn.Module, dict):  # type: ignore[type-arg, misc]
    """Two bases, of which the other one makes the object."""


def test_pickles_copies_and_bases() -> None:
    model = Block()
    model.extra = [nn.Linear(1, 1)]
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model)):
        assert list(other.state_dict()) == list(model.state_dict())
        np.testing.assert_array_equal(other.first.weight.numpy(), model.first.weight.numpy())
        other.new = nn.ReLU()
        assert "new" in other._modules
        assert "new" not in model._modules
    keyed = Keyed()
    keyed["a"] = 1
    keyed.fc = nn.Linear(1, 1)
    assert (dict(keyed), list(keyed._modules)) == ({"a": 1}, ["fc"])


def test_lookup_by_path() -> None:
    model = nn.Sequential(Block(), nn.ReLU())
    assert model.get_submodule("0.first") is model[0].first
    assert model.get_submodule("") is model
    assert model.get_parameter("0.scale") is model[0].scale
    with pytest.raises(AttributeError, match=r"no submodule '0.third'"):
        model.get_submodule("0.third")
    with pytest.raises(AttributeError, match="no parameter"):
        model.get_parameter("0.first")


def test_train_and_eval_reach_everything() -> None:
    model = nn.Sequential(Block(), nn.Sequential(nn.Dropout(0.5)))
    assert model.eval() is model
    assert not any(m.training for m in model.modules())
    model.train()
    assert all(m.training for m in model.modules())
    model[1].train(False)
    assert model[0].training
    assert not model[1][0].training


def test_apply_visits_children_first() -> None:
    seen: list[str] = []
    nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh())).apply(lambda m: seen.append(type(m).__name__))
    assert seen == ["ReLU", "Tanh", "Sequential", "Sequential"]


def test_zero_grad_and_requires_grad() -> None:
    block = Block()
    block(tg.ones(1, 2)).sum().backward()
    assert all(p.grad is not None for p in block.parameters())
    block.zero_grad(set_to_none=False)
    assert all((p.grad.numpy() == 0).all() for p in block.parameters())
    block.zero_grad()
    assert all(p.grad is None for p in block.parameters())
    block.requires_grad_(False)
    assert not block(tg.ones(1, 2)).requires_grad


def test_conversion_of_dtype() -> None:
    block = Block()
    block.register_buffer("steps", tg.tensor(3))
    weight = block.first.weight
    assert block.double() is block
    assert block.first.weight is weight
    assert {p.dtype for p in block.parameters()} == {np.dtype(np.float64)}
    assert block.count.dtype == np.float64
    assert block.steps.dtype == np.int64
    assert block.to("cpu").to(tg.float32).first.weight.dtype == np.float32
    assert block.cpu() is block
    with pytest.raises(RuntimeError, match="CPU"):
        block.to("cuda")


@pytest.mark.parametrize("back", [False, True])
def test_gradients_are_converted_with_their_parameters(back: bool) -> None:
    """An optimizer steps in one dtype, and what was accumulated goes on."""
    block = Block()
    block(tg.ones(1, 2)).sum().backward()
    block.first.bias.grad = None
    before = {k: None if p.grad is None else p.grad.numpy().copy() for k, p in block.named_parameters()}
    wanted = np.dtype(np.float32 if back else np.float64)
    assert (block.double().float() if back else block.double()) is block
    for k, p in block.named_parameters():
        if p.grad is None:
            assert before[k] is None
        else:
            assert p.dtype == p.grad.dtype == wanted
            np.testing.assert_array_equal(p.grad.numpy(), before[k])
    tg.optim.SGD(block.parameters(), lr=0.1).step()
    block(tg.ones(1, 2, dtype=wanted)).sum().backward()
    assert {p.grad.dtype for p in block.parameters()} == {wanted}


# ------------------------------------------------------------------------------------------------------------- state
@pytest.mark.parametrize("name", Block().state_dict())
def test_loading_between_forward_and_backward_is_noticed(name: str) -> None:
    """Else the gradient would be one of values that did not make the output."""
    block, other = Block(), Block().state_dict()
    value = dict([*block.named_parameters(), *block.named_buffers()])[name]
    x = nn.Parameter(np.ones(value.shape, np.float32))
    y = (value * x).sum()
    with pytest.raises(RuntimeError, match="size mismatch for"):
        block.load_state_dict({name: np.ones(99)}, strict=False)
    block.load_state_dict({k: v for k, v in other.items() if k != name}, strict=False)
    y.backward()  # what was refused has changed nothing, and the other values are no part of the output
    y = (value * x).sum()
    block.load_state_dict({name: other[name]}, strict=False)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_state_round_trip_copies_values() -> None:
    a, b = Block(), Block()
    with tg.no_grad():
        a.count += 5
    result = b.load_state_dict(a.state_dict())
    assert result == ([], [])
    for (k, p), (_, q) in zip(a.state_dict().items(), b.state_dict().items(), strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy(), err_msg=k)
        assert not np.shares_memory(p.numpy(), q.numpy())
    assert np.shares_memory(a.state_dict()["scale"].numpy(), a.scale.numpy())
    assert not a.state_dict()["scale"].requires_grad


def test_values_are_loaded_into_the_arrays_that_are_there() -> None:
    """Whoever holds an array of the model, or a state_dict, sees what was loaded, in the dtype that it had."""
    block = Block()
    held = {k: v.numpy() for k, v in block.state_dict().items()}
    block.load_state_dict({k: np.full(a.shape, 7.0) for k, a in held.items()})
    for k, v in block.state_dict().items():
        assert np.shares_memory(v.numpy(), held[k])
        assert v.dtype == held[k].dtype == np.float32
        assert (held[k] == 7).all()


def test_a_mismatched_state_names_every_problem_and_changes_nothing() -> None:
    block = Block()
    state: dict[str, Any] = dict(block.state_dict())
    before = {k: v.numpy().copy() for k, v in state.items()}
    del state["scale"]
    state["first.weight"] = np.zeros((3, 5), np.float32)
    state["first.bias"] = "nothing"
    state["extra"] = tg.zeros(1)
    state["second.weight"] = np.full((1, 3), 7.0)
    with pytest.raises(RuntimeError) as caught:
        block.load_state_dict(state)
    text = str(caught.value)
    assert 'Missing key(s) in state_dict: "scale"' in text
    assert 'Unexpected key(s) in state_dict: "extra"' in text
    assert "size mismatch for first.weight: copying a param with shape (3, 5) from checkpoint, the shape in" in text
    assert "first.bias: expected a Tensor or array, got str" in text
    for k, v in block.state_dict().items():
        np.testing.assert_array_equal(v.numpy(), before[k])
    del state["first.weight"], state["first.bias"]
    missing, unexpected = block.load_state_dict(state, strict=False)
    assert missing == ["scale", "first.weight", "first.bias"]
    assert unexpected == ["extra"]
    assert (block.second.weight.numpy() == 7).all()
    with pytest.raises(TypeError, match="mapping"):
        block.load_state_dict([1])  # type: ignore[arg-type]


def test_prefix_of_the_state() -> None:
    assert list(nn.Linear(1, 1).state_dict(prefix="net.")) == ["net.weight", "net.bias"]


def test_deep_copy_is_independent() -> None:
    block = Block()
    block(tg.ones(1, 2)).sum().backward()
    other = copy.deepcopy(block)
    np.testing.assert_array_equal(other.scale.grad.numpy(), block.scale.grad.numpy())
    other.scale.numpy()[:] = 0
    assert block.scale.numpy().sum() == 3
    assert isinstance(other.scale, nn.Parameter)
    assert other.scale.requires_grad
    with pytest.raises(RuntimeError, match="only leaf tensors"):
        copy.deepcopy(block(tg.ones(1, 2)))


# ------------------------------------------------------------------------------------------------------------- hooks
def test_forward_hooks() -> None:
    layer = nn.Linear(2, 1)
    seen: list[Any] = []
    pre = layer.register_forward_pre_hook(lambda _m, args: (args[0] * 2,))
    post = layer.register_forward_hook(lambda m, args, y: seen.append((m, args[0].numpy().copy(), y.numpy().copy())))
    x = tg.ones(1, 2)
    y = layer(x)
    assert seen[0][0] is layer
    np.testing.assert_array_equal(seen[0][1], [[2, 2]])
    np.testing.assert_array_equal(seen[0][2], y.numpy())
    pre.remove()
    post.remove()
    layer(x)
    assert len(seen) == 1
    with layer.register_forward_hook(lambda _m, _a, y: y * 0):
        assert layer(x).item() == 0
    assert layer(x).item() != 0


def test_a_pre_hook_may_return_one_argument_all_of_them_or_nothing() -> None:
    class Sum(nn.Module):
        def forward(self, x: Any, y: Any = 0) -> Any:
            return x + y

    layer, x = Sum(), tg.ones(3, 2)
    for returned, expected in (
        (None, x),
        (x * 5, x * 5),
        ((x * 5,), x * 5),
        ((x * 5, x), x * 6),
    ):
        with layer.register_forward_pre_hook(lambda _m, _args, returned=returned: returned):
            np.testing.assert_array_equal(layer(x).numpy(), expected.numpy())
    first = layer.register_forward_pre_hook(lambda _m, args: args[0] * 2)
    with first, layer.register_forward_pre_hook(lambda _m, args: (args[0], args[0])):  # gets what the first one gave
        np.testing.assert_array_equal(layer(x).numpy(), 4 * x.numpy())


def test_forward_must_be_defined() -> None:
    with pytest.raises(NotImplementedError, match=r"Module does not define forward\(\)"):
        nn.Module()(1)


# --------------------------------------------------------------------------------------------------------- containers
def test_sequential_is_a_list_of_steps() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    model.append(nn.Linear(3, 1))
    assert len(model) == 3
    assert isinstance(model[-1], nn.Linear)
    assert [type(m).__name__ for m in model[1:]] == ["ReLU", "Linear"]
    assert isinstance(model[:2], nn.Sequential)
    model[1] = nn.Tanh()
    model.insert(0, nn.Identity())
    assert list(model.state_dict()) == ["1.weight", "1.bias", "3.weight", "3.bias"]
    del model[0]
    assert [type(m).__name__ for m in model] == ["Linear", "Tanh", "Linear"]
    x = tg.ones(4, 2)
    np.testing.assert_allclose(model(x).numpy(), model[2](model[1](model[0](x))).numpy())
    with pytest.raises(IndexError, match="out of range"):
        model[7]
    with pytest.raises(TypeError, match="holds Modules, got function"):
        nn.Sequential(lambda x: x)


def test_sequential_with_names() -> None:
    model = nn.Sequential(OrderedDict(first=nn.Linear(2, 3), act=nn.ReLU()))
    assert list(model.state_dict()) == ["first.weight", "first.bias"]
    assert model.first is model[0]
    assert model(tg.ones(1, 2)).shape == (1, 3)


def test_module_list_and_dict() -> None:
    blocks = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
    blocks.extend([nn.ReLU()])
    assert len(blocks) == 4
    assert repr(blocks).splitlines()[1] == "  (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)"
    heads = nn.ModuleDict({"a": nn.Linear(2, 1)})
    heads["b"] = nn.ReLU()
    assert list(heads) == list(heads.keys()) == ["a", "b"]
    assert "a" in heads
    assert len(heads) == 2
    assert isinstance(heads.pop("b"), nn.ReLU)
    assert [k for k, _ in heads.named_parameters()] == ["a.weight", "a.bias"]
    assert [k for k, _ in heads.items()] == ["a"]
    assert next(iter(heads.values())) is heads["a"]


def test_parameter_list() -> None:
    params = nn.ParameterList([tg.ones(2), np.zeros(3, np.float32)])
    params.append(nn.Parameter(tg.ones(1)))
    assert [k for k, _ in params.named_parameters()] == ["0", "1", "2"]
    assert params[1].requires_grad
    params[0] = tg.zeros(1)
    assert len(params) == 3
    assert params[0].shape == (1,)
    assert "(1): Parameter containing: [float32 of size 3]" in repr(params)


def test_flatten_and_unflatten() -> None:
    x = tg.randn(2, 3, 4, 5)
    assert nn.Flatten()(x).shape == (2, 60)
    assert nn.Flatten(2)(x).shape == (2, 3, 20)
    assert nn.Flatten(0, 1)(x).shape == (6, 4, 5)
    assert nn.Unflatten(1, (1, 3))(x).shape == (2, 1, 3, 4, 5)
    assert nn.Unflatten(-1, (5, -1))(x).shape == (2, 3, 4, 5, 1)


# ----------------------------------------------------------------------------------------------------- beside PyTorch
LAYERS: list[tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = [
    ("Linear", (4, 3), {}, (2, 4)),
    ("Linear", (4, 3), {"bias": False}, (5, 2, 4)),
    ("Conv1d", (2, 4, 3), {"padding": 1, "groups": 2}, (2, 2, 7)),
    ("Conv1d", (2, 4, 3), {"padding": 2, "padding_mode": "circular"}, (2, 2, 7)),
    ("Conv2d", (2, 3, 3), {}, (2, 2, 6, 5)),
    ("Conv2d", (2, 4, (3, 2)), {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 2}, (2, 2, 6, 6)),
    ("Conv2d", (2, 4, 3), {"padding": "same", "bias": False}, (2, 2, 6, 6)),
    ("Conv2d", (2, 4, 4), {"padding": "same", "dilation": 2, "padding_mode": "replicate"}, (2, 2, 8, 7)),
    ("Conv2d", (2, 4, 3), {"padding": 1, "padding_mode": "reflect"}, (2, 2, 6, 6)),
    ("ConvTranspose2d", (4, 2, 3), {"stride": 2, "padding": 1, "output_padding": 1}, (2, 4, 4, 3)),
    ("ConvTranspose2d", (4, 2, (2, 3)), {"groups": 2, "dilation": 2, "bias": False}, (2, 4, 4, 3)),
    ("MaxPool1d", (2,), {}, (2, 3, 7)),
    ("MaxPool2d", (2,), {}, (2, 3, 7, 6)),
    ("MaxPool2d", (3,), {"stride": 2, "padding": 1, "dilation": 2, "ceil_mode": True}, (2, 3, 9, 8)),
    ("MaxPool2d", (2, 2), {"return_indices": True}, (2, 3, 6, 6)),
    ("AvgPool1d", (3,), {"stride": 2, "padding": 1}, (2, 3, 7)),
    ("AvgPool2d", ((2, 3),), {"stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False}, (2, 3, 7, 8)),
    ("AvgPool2d", (2,), {"divisor_override": 3}, (2, 3, 6, 6)),
    ("AdaptiveAvgPool2d", ((3, 2),), {}, (2, 3, 7, 6)),
    ("AdaptiveAvgPool2d", (1,), {}, (2, 3, 7, 6)),
    ("AdaptiveAvgPool1d", (3,), {}, (2, 3, 7)),
    ("AdaptiveMaxPool2d", ((None, 2),), {}, (2, 3, 7, 6)),
    ("AdaptiveMaxPool1d", (3,), {}, (2, 3, 7)),
    ("Flatten", (), {}, (2, 3, 4)),
    ("Unflatten", (1, (3, 2)), {}, (2, 6, 4)),
    ("Identity", (), {}, (2, 3)),
]


@pytest.mark.parametrize(("name", "args", "kwargs", "shape"), LAYERS)
def test_layers_beside_pytorch(torch: Any, name: str, args: Any, kwargs: Any, shape: tuple[int, ...]) -> None:
    ours, theirs = getattr(nn, name)(*args, **kwargs), getattr(torch.nn, name)(*args, **kwargs)
    assert repr(ours) == repr(theirs)
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    ours.load_state_dict({k: v.numpy() for k, v in state.items()})
    a = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    x, tx = Tensor(a.copy(), requires_grad=True), torch.tensor(a, requires_grad=True)
    y, ty = ours(x), theirs(tx)
    if isinstance(y, tuple):
        np.testing.assert_array_equal(y[1].numpy(), ty[1].numpy())
        y, ty = y[0], ty[0]
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.numpy(), ty.detach().numpy(), rtol=1e-5, atol=1e-6)
    g = np.random.default_rng(1).standard_normal(y.shape).astype(np.float32)
    y.backward(g)
    ty.backward(torch.tensor(g))
    np.testing.assert_allclose(x.grad.numpy(), tx.grad.numpy(), rtol=1e-4, atol=1e-5)
    for (k, p), (_, tp) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), tp.grad.numpy(), rtol=1e-4, atol=1e-4, err_msg=k)


def test_a_whole_network_prints_like_pytorchs(torch: Any) -> None:
    def build(pkg: Any) -> Any:
        return pkg.nn.Sequential(
            pkg.nn.Conv2d(1, 6, 5, padding=2),
            pkg.nn.Sequential(pkg.nn.ReLU(), pkg.nn.MaxPool2d(2)),
            pkg.nn.ModuleList([pkg.nn.Linear(2, 2), pkg.nn.Linear(2, 2), pkg.nn.ReLU()]),
            pkg.nn.ModuleDict({"a": pkg.nn.Flatten()}),
            pkg.nn.Sequential(),
        )

    assert repr(build(tg)) == repr(build(torch))


def test_the_first_weights_have_pytorchs_spread(torch: Any) -> None:
    tg.manual_seed(0)
    for name, args in (
        ("Linear", (100, 900)),
        ("Conv2d", (20, 900, 2)),
        ("ConvTranspose2d", (20, 900, 2)),
        ("Conv1d", (20, 900, 3)),
    ):
        ours, theirs = getattr(nn, name)(*args), getattr(torch.nn, name)(*args)
        for (k, p), (_, tp) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            bound = tp.detach().abs().max().item()
            assert np.abs(p.numpy()).max() == pytest.approx(bound, rel=0.1), (name, k)
            assert p.numpy().std() == pytest.approx(tp.std().item(), rel=0.2), (name, k)
            assert abs(p.numpy().mean()) < 0.1 * bound


# -------------------------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: nn.Conv2d(3, 4, 3)(tg.zeros(1, 2, 8, 8)), ValueError, r"input has 2 channels.*expects 3.*\(1, 2, 8, 8\)"),
        (lambda: nn.Conv2d(1, 1, 5)(tg.zeros(1, 1, 4, 4)), ValueError, "5x5 window spans 5x5.*padded image of 4x4"),
        (lambda: nn.Conv2d(1, 1, 2)(tg.zeros(4, 4)), ValueError, r"\(N, C, H, W\) or \(C, H, W\), got \(4, 4\)"),
        (lambda: nn.Conv2d(1, 1, 3, stride=0), ValueError, "stride must be at least 1, got 0"),
        (lambda: nn.Conv2d(1, 1, 3, dilation=0), ValueError, "dilation must be at least 1, got 0"),
        (lambda: nn.Conv2d(1, 1, 3, padding=-1), ValueError, "padding must be at least 0, got -1"),
        (lambda: nn.Conv2d(1, 1, (3, 3, 3)), TypeError, "kernel_size must be an int or 2 of them"),
        (lambda: nn.Conv2d(1, 1, 2.5), TypeError, "kernel_size must be an int"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "groups=2 for 3 input and 4 output"),
        (lambda: nn.Conv2d(1, 1, 3, padding="full"), ValueError, "'same' or 'valid', got 'full'"),
        (lambda: nn.Conv2d(1, 1, 3, 2, "same")(tg.zeros(1, 1, 5, 5)), ValueError, "needs stride 1"),
        (lambda: nn.Conv2d(1, 1, 3, padding_mode="edge"), ValueError, "padding_mode must be one of"),
        (lambda: nn.Conv2d(1, 1, 3)(tg.zeros(1, 1, 5, 5).double()), TypeError, "same dtype, got float64 and float32"),
        (lambda: nn.Conv2d(1, 1, 3)(tg.zeros(1, 1, 5, 5).long()), TypeError, "floating point, got dtype int64"),
        (lambda: nn.Conv2d(1, 1, 3)([1]), TypeError, "Tensor or an ndarray, got list"),
        (lambda: nn.ConvTranspose2d(1, 1, 3, stride=2, output_padding=2)(tg.zeros(1, 1, 3, 3)), ValueError, "less than stride"),
        (lambda: nn.ConvTranspose2d(2, 1, 3)(tg.zeros(1, 1, 3, 3)), ValueError, "input has 1 channels.*expects 2"),
        (lambda: nn.MaxPool2d(3)(tg.zeros(1, 1, 2, 2)), ValueError, "3x3 window spans 3x3"),
        (lambda: nn.MaxPool2d(2, padding=2)(tg.zeros(1, 1, 4, 4)), ValueError, "at most half the kernel"),
        (lambda: nn.MaxPool2d(2, stride=0)(tg.zeros(1, 1, 4, 4)), ValueError, "stride must be at least 1"),
        (lambda: nn.AvgPool2d(2, divisor_override=0)(tg.zeros(1, 1, 4, 4)), ValueError, "other than 0"),
        (lambda: nn.AdaptiveAvgPool2d(0)(tg.zeros(1, 1, 4, 4)), ValueError, "at least 1"),
        (lambda: nn.Linear(3, 4)(tg.zeros(2, 5)), ValueError, r"\(2, 5\) has 5 features.*\(4, 3\) expects 3"),
        (lambda: nn.Linear(3, 4)(tg.zeros(2, 3).double()), TypeError, "same dtype"),
    ],
)  # fmt: skip
def test_bad_input_is_explained(call: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        call()


# ------------------------------------------------------------------------------------- the module that made each node
class Inner(nn.Module):
    def __init__(self) -> None:
        self.fc = nn.Linear(3, 3)

    def forward(self, x: Any) -> Any:
        return F.softmax(self.fc(x * 2), dim=1) + 1


class Outer(nn.Module):
    def __init__(self) -> None:
        self.inner, self.last = Inner(), nn.Sequential(nn.Linear(3, 2), nn.Tanh())

    def forward(self, x: Any) -> Any:
        return self.last(self.inner(x) * 3).sum()


def nodes(y: Any) -> list[Any]:
    """All nodes behind a tensor, from the latest to the earliest."""
    found, stack = {}, [y.grad_fn]
    while stack:
        node = stack.pop()
        if node is not None and hasattr(node, "op") and node not in found:
            found[node] = True
            stack.extend(node.parents)
    return sorted(found, key=lambda node: -node.order)


def made_in(y: Any) -> list[tuple[str, Any]]:
    return [(node.op.name, node.module) for node in nodes(y)]


def test_each_node_notes_the_module_whose_forward_made_it() -> None:
    net, x = Outer(), tg.ones(1, 3, requires_grad=True)
    y = net(x * 5) - 1
    assert made_in(y) == [
        ("sub", None),
        ("sum", net),
        ("tanh", net.last[1]),
        ("linear", net.last[0]),
        ("mul", net),
        ("add", net.inner),
        ("softmax", net.inner),
        ("linear", net.inner.fc),
        ("mul", net.inner),
        ("mul", None),
    ]
    assert here.mode.module is None


@pytest.mark.parametrize("error", [ValueError, KeyError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("deep", [False, True])
def test_after_an_exception_the_module_is_the_one_before(error: type[BaseException], deep: bool) -> None:
    class Failing(nn.Module):
        def forward(self, _x: Any) -> Any:
            raise error("no")

    class Trying(nn.Module):
        def __init__(self) -> None:
            self.child = nn.Sequential(Failing()) if deep else Failing()

        def forward(self, x: Any) -> Any:
            try:
                self.child(x)
            except error:
                return x * 2
            raise AssertionError("the child returned")

    net, x = Trying(), tg.ones(2, requires_grad=True)
    assert made_in(net(x) + 1) == [("add", None), ("mul", net)]
    with pytest.raises(error):
        net.child(x)
    assert here.mode.module is None
    assert (x * 2).grad_fn.module is None


def test_threads_are_in_modules_of_their_own() -> None:
    both, found = threading.Barrier(2, timeout=60), {}

    class Meeting(nn.Module):
        def forward(self, x: Any) -> Any:
            both.wait()  # both are within
            y = x * 2
            both.wait()
            return y

    nets, x = [Meeting(), Meeting()], tg.ones(2, requires_grad=True)

    def work(k: int) -> None:
        found[k] = made_in(nets[k](x) + 1)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {k: [("add", None), ("mul", nets[k])] for k in range(2)}

    class Asking(nn.Module):
        def forward(self, x: Any) -> Any:
            helper = threading.Thread(target=lambda: found.update(helper=made_in(x * 2)))
            helper.start()
            helper.join()
            return x

    Asking()(x)
    assert found["helper"] == [("mul", None)]  # a thread started within knows nothing of it


def test_hooks_run_within_their_module() -> None:
    layer, x = nn.Linear(2, 2), tg.ones(1, 2, requires_grad=True)
    layer.register_forward_pre_hook(lambda _m, args: args[0] * 2)
    layer.register_forward_hook(lambda _m, _args, y: y + 1)
    assert made_in(layer(x)) == [("add", layer), ("linear", layer), ("mul", layer)]


def test_the_gradients_of_gradients_were_made_in_no_module() -> None:
    net, x = Outer(), tg.ones(1, 3, requires_grad=True)
    (g,) = tg.grad(net(x * x), x, create_graph=True)
    of_forward = {id(node) for node in nodes(net(x))}
    assert all(node.module is None for node in nodes(g)[:3] if id(node) not in of_forward)
    assert nodes(g)[0].module is None


def test_what_is_computed_again_is_made_in_the_module_that_runs() -> None:
    seen: list[Any] = []

    class Watching(nn.Module):
        def forward(self, x: Any) -> Any:
            y = x * x
            seen.append(y.grad_fn.module if y.grad_fn is not None else None)
            return y

    net, x = Watching(), tg.ones(2, requires_grad=True)
    tg.checkpoint(net, x).sum().backward()
    assert seen == [None, net]  # nothing was recorded the first time


def test_a_node_does_not_keep_its_module() -> None:
    net, x = Inner(), tg.ones(1, 3, requires_grad=True)
    y = net(x)
    gone, node = weakref.ref(net), y.grad_fn
    assert node.module is net
    del net
    assert gone() is None  # at once: no cycle holds it
    assert node.module is None
    y.sum().backward()
    assert x.grad.shape == (1, 3)


def test_a_module_that_keeps_its_output_makes_no_cycle() -> None:
    class Keeping(nn.Module):
        def __init__(self) -> None:
            self.fc = nn.Linear(3, 3)
            self.seen: list[Any] = []

        def forward(self, x: Any) -> Any:
            self.hidden = self.fc(x)
            self.output = self.hidden.tanh()
            self.seen.append(self.output)
            return self.output

    gc.collect()
    gc.disable()
    try:
        net = Keeping()
        optimizer = tg.optim.SGD(net.parameters(), lr=0.1)
        died = []
        for _ in range(20):
            y = net(tg.ones(1, 3))
            died += [weakref.ref(t) for t in (y, net.hidden, y.grad_fn, net.hidden.grad_fn, y.numpy())]
            y.sum().backward()
            optimizer.step()
            optimizer.zero_grad()
            net.seen.clear()
        died = died[:-5]  # the last step's are still the module's
        died += [weakref.ref(net), weakref.ref(net.fc), weakref.ref(net.fc.weight)]
        del y, net, optimizer
        assert [reference() for reference in died if reference() is not None] == []
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_modules_can_be_copied_and_pickled_after_a_call() -> None:
    net = Outer()
    y = net(tg.ones(1, 3))
    y.backward()
    for again in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert [k for k, _ in again.named_parameters()] == [k for k, _ in net.named_parameters()]
        assert again(tg.ones(1, 3)).item() == y.item()
        assert nodes(again(tg.ones(1, 3)))[0].module is again
        assert again.inner.fc.weight.grad.tolist() == net.inner.fc.weight.grad.tolist()


def test_a_module_can_be_pickled_when_somebody_has_its_state() -> None:
    net = Outer()
    state = net.state_dict()
    assert pickle.loads(pickle.dumps(net)).state_dict().keys() == state.keys()
    assert pickle.loads(pickle.dumps(state)).keys() == state.keys()


# --------------------------------------------------------------------------------------------------- where it happened
class Net(nn.Module):
    def __init__(self) -> None:
        self.fc1 = nn.Linear(4, 3)
        self.features = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
        self.heads = {"a": nn.Linear(2, 1)}

    def forward(self, x: Any, work: Any) -> Any:
        return work(self, x)


class Wrapped(nn.Module):
    def __init__(self) -> None:
        self.net = nn.Sequential(Net())
        self.alias = self.net[0]

    def forward(self, x: Any, work: Any) -> Any:
        return self.net[0](x, work)


def raising(error: BaseException) -> Any:
    def work(_net: Any, _x: Any) -> Any:
        raise error

    return work


def fresh(kind: type[BaseException]) -> Any:
    return lambda net, x: raising(kind("mine"))(net, x)


def error_of(call: Any) -> BaseException:
    with pytest.raises(BaseException) as caught:
        call()
    return caught.value


WHERE: dict[str, tuple[Any, str, str]] = {  # what forward does; the end of the message in Net, and in Wrapped
    "a child": (lambda net, x: net.fc1(x), "in fc1 (Linear)", "in net.0.fc1 (Linear)"),
    "a grandchild": (lambda net, x: net.features(x), "in features.0 (Conv2d)", "in net.0.features.0 (Conv2d)"),
    "in a dict": (lambda net, x: net.heads["a"](x), "in heads.a (Linear)", "in net.0.heads.a (Linear)"),
    "its own operation": (lambda _net, x: x + tg.zeros(7), "in Net", "in net.0 (Net)"),
    "a functional": (lambda net, x: F.linear(x, net.fc1.weight), "in Net", "in net.0 (Net)"),
    "a method": (lambda _net, x: x.reshape(7), "in Net", "in net.0 (Net)"),
    "an index": (lambda _net, x: x[9], "in Net", "in net.0 (Net)"),
    "a child of nobody": (lambda _net, x: nn.Linear(4, 3)(x), "in Linear", "in Linear"),
    "ValueError of the user": (fresh(ValueError), "in Net", "in net.0 (Net)"),
    "TypeError of the user": (fresh(TypeError), "in Net", "in net.0 (Net)"),
    "IndexError of the user": (fresh(IndexError), "in Net", "in net.0 (Net)"),
    "RuntimeError of the user": (fresh(RuntimeError), "in Net", "in net.0 (Net)"),
    "of its kind": (fresh(np.linalg.LinAlgError), "in Net", "in net.0 (Net)"),
}


@pytest.mark.parametrize("name", WHERE)
def test_an_error_ends_with_the_module_it_came_from_once(name: str) -> None:
    work, own, nested = WHERE[name]
    x = tg.zeros(2, 5)
    for net, end in ((Net(), own), (Wrapped(), nested)):
        net.register_forward_hook(lambda *_: None)
        text = str(error_of(lambda net=net: net(x, work)))
        assert text.endswith(f"\n  {end}")
        assert text.count("\n  in ") == 1


def test_a_module_called_by_itself_is_named_by_its_class() -> None:
    error = error_of(lambda: nn.Linear(4, 3)(tg.zeros(2, 5)))
    assert type(error) is ValueError
    assert str(error) == "linear: input of shape (2, 5) has 5 features, weight of shape (3, 4) expects 4\n  in Linear"
    error = error_of(lambda: nn.Sequential(nn.Sequential(nn.ReLU(), nn.Linear(4, 3)))(tg.zeros(2, 5)))
    assert str(error).endswith("expects 4\n  in 0.1 (Linear)")


def test_hooks_that_fail_are_in_their_module_too() -> None:
    def failing(*_: Any) -> None:
        raise ValueError("hook")

    for register in ("register_forward_pre_hook", "register_forward_hook"):
        net = Net()
        getattr(net.fc1, register)(failing)
        assert str(error_of(lambda net=net: net(tg.zeros(2, 4), WHERE["a child"][0]))) == "hook\n  in fc1 (Linear)"


class Special(ValueError):
    def __init__(self, code: int) -> None:
        super().__init__(code)


UNTOUCHED: list[BaseException] = [
    *(KeyError("mine"), AttributeError("mine"), ZeroDivisionError("mine"), AssertionError("mine"), OSError(2, "mine")),
    *(StopIteration("mine"), ArithmeticError("mine"), KeyboardInterrupt("mine"), SystemExit(3)),
    *(ValueError(), ValueError(3), ValueError(("a", "b")), Special(4), TypeError(None), RuntimeError(b"mine")),
]


@pytest.mark.parametrize("error", UNTOUCHED, ids=repr)
def test_other_errors_and_other_arguments_are_left_alone(error: BaseException) -> None:
    args = error.args
    caught = error_of(lambda: Wrapped()(tg.zeros(2, 5), raising(error)))
    assert caught is error
    assert caught.args == args


def test_further_arguments_are_kept() -> None:
    caught = error_of(lambda: Net()(tg.zeros(2, 5), raising(ValueError("mine", 3))))
    assert caught.args == ("mine\n  in Net", 3)


def test_an_error_that_was_caught_leaves_no_trace() -> None:
    def work(net: Any, x: Any) -> Any:
        with pytest.raises(ValueError, match=r"expects 4$"):  # within, it is not yet said
            net.fc1(x)
        raise RuntimeError("other")

    assert str(error_of(lambda: Net()(tg.zeros(2, 5), work))) == "other\n  in Net"

    def then(net: Any, x: Any) -> Any:
        with pytest.raises(ValueError, match=r"expects 4$"):
            net.fc1(x)
        return net.features(x)

    assert str(error_of(lambda: Net()(tg.zeros(2, 5), then))).endswith("\n  in features.0 (Conv2d)")


def test_an_error_raised_again_from_outside_is_not_changed() -> None:
    error = error_of(lambda: Net()(tg.zeros(2, 5), WHERE["a child"][0]))
    text = str(error)
    with pytest.raises(ValueError) as again:
        raise error
    assert str(again.value) == text


def test_an_error_that_is_raised_by_two_calls_is_told_once() -> None:
    kept, net = ValueError("kept"), Net()
    for _ in range(2):
        assert str(error_of(lambda: net(tg.zeros(2, 5), raising(kept)))) == "kept\n  in Net"


def test_numpys_error_of_axes_is_told_where() -> None:
    error = np.exceptions.AxisError(5, 2)
    assert str(error_of(lambda: Net()(tg.zeros(2, 5), raising(error)))).endswith("\n  in Net")


def test_gradients_and_state_are_as_before_after_an_error() -> None:
    net = Wrapped()
    before = {name: value.numpy().copy() for name, value in net.state_dict().items()}
    error_of(lambda: net(tg.zeros(2, 5), WHERE["a grandchild"][0]))
    assert all(p.grad is None for p in net.parameters())
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
