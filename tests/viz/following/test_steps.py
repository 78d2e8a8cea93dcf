"""What Python tells of each step: enough to make every number of it again, by plain loops."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from viz.following import nets

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.viz.following.packing import packed
from tinygrad_cnn.viz.following.steps import trail_of
from tinygrad_cnn.viz.following.structure import Step


class Called(nn.Module):
    """A function as a module."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs)


def steps_of(function: Any, *shapes: tuple[int, ...]) -> list[Step]:
    rng = np.random.default_rng(0)
    model = function if isinstance(function, nn.Module) else Called(function)
    return trail_of(model.double().eval(), [rng.normal(size=shape) for shape in shapes]).steps


def kinds_of(function: Any, *shapes: tuple[int, ...]) -> list[str]:
    return [step.kind for step in steps_of(function, *shapes)]


def one_step(function: Any, shape: tuple[int, ...]) -> tuple[Step, np.ndarray]:
    """The only step after the input, and the input."""
    first, step = steps_of(function, shape)
    assert first.kind == "input"
    return step, first.value


def random(*shape: int) -> Any:
    return tg.Tensor(np.random.default_rng(math.prod(shape)).normal(size=shape))


sizes = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(max_examples=30, deadline=None)
@given(kernel=sizes, stride=sizes, padding=sizes, dilation=sizes, groups=st.integers(1, 2), bias=st.booleans())
def test_the_windows_of_a_convolution(kernel, stride, padding, dilation, groups, bias):
    w, b = random(4, 4 // groups, *kernel), random(4) if bias else None
    step, x = one_step(lambda x: F.conv2d(x, w, b, stride, padding, dilation, groups), (1, 4, 7, 8))
    assert step.kind == "conv"
    s = step.settings
    weight = step.operands[1].array
    again = np.zeros(step.shape)
    for o, y, i in itertools.product(*map(range, step.shape[1:])):
        again[0, o, y, i] = step.operands[2].array[o] if bias else 0
        first = o // (4 // s["groups"]) * weight.shape[1]
        for c, ky, kx in itertools.product(*map(range, weight.shape[1:])):
            row = y * s["stride"][0] - s["padding"][0][0] + ky * s["dilation"][0]
            column = i * s["stride"][1] - s["padding"][1][0] + kx * s["dilation"][1]
            if 0 <= row < 7 and 0 <= column < 8:
                again[0, o, y, i] += weight[o, c, ky, kx] * x[0, first + c, row, column]
    np.testing.assert_allclose(again, step.value, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(kernel=sizes, stride=sizes, padding=st.integers(0, 1), extra=st.integers(0, 2), bias=st.booleans())
def test_a_transposed_convolution_is_one_step(kernel, stride, padding, extra, bias):
    padding = min(padding, *(k // 2 for k in kernel))
    extra = min(extra, *(s - 1 for s in stride))
    w, b = random(2, 3, *kernel), random(3) if bias else None
    step, x = one_step(lambda x: F.conv_transpose2d(x, w, b, stride, padding, extra), (1, 2, 3, 4))
    assert (step.kind, step.op, len(step.operands)) == ("transposed", "conv_transpose2d", 2 + bias)
    s = step.settings
    again = np.zeros(step.shape)
    if bias:
        again += step.operands[2].array[:, None, None]
    for c, y, i, o, ky, kx in itertools.product(range(2), range(3), range(4), range(3), *map(range, kernel)):
        row = y * s["stride"][0] - s["padding"][0][0] + ky
        column = i * s["stride"][1] - s["padding"][1][0] + kx
        if 0 <= row < step.shape[2] and 0 <= column < step.shape[3]:
            again[0, o, row, column] += x[0, c, y, i] * step.operands[1].array[c, o, ky, kx]
    np.testing.assert_allclose(again, step.value, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(kernel=sizes, stride=sizes, ceil=st.booleans(), largest=st.booleans(), pads=st.booleans())
def test_the_windows_of_pools(kernel, stride, ceil, largest, pads):
    padding = tuple(k // 2 for k in kernel)

    def pool(x: Any) -> Any:
        if largest:
            return F.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil)
        return F.avg_pool2d(x, kernel, stride, padding, ceil, pads)

    step, x = one_step(pool, (1, 2, 6, 7))
    assert (step.kind, step.op) == (("max_pool", "max_pool2d") if largest else ("window_sum", "avg_pool2d"))
    s = step.settings
    for c, y, i in itertools.product(*map(range, step.shape[1:])):
        rows = [y * s["stride"][0] - s["padding"][0][0] + k for k in range(kernel[0])]
        columns = [i * s["stride"][1] - s["padding"][1][0] + k for k in range(kernel[1])]
        seen = [x[0, c, row, column] for row in rows for column in columns if 0 <= row < 6 and 0 <= column < 7]
        assert step.value[0, c, y, i] == pytest.approx(max(seen) if largest else sum(seen) * s["scale"][y, i])


@given(size=sizes, largest=st.booleans())
@settings(max_examples=20, deadline=None)
def test_adaptive_pools_are_one_step(size, largest):
    pool = F.adaptive_max_pool2d if largest else F.adaptive_avg_pool2d
    step, x = one_step(lambda x: pool(x, size), (1, 2, 5, 7))
    assert step.kind == ("grid_max" if largest else "grid_mean")
    for c, (y, (top, bottom)), (i, (left, right)) in itertools.product(
        range(2), enumerate(step.settings["rows"]), enumerate(step.settings["columns"])
    ):
        part = x[0, c, top:bottom, left:right]
        assert step.value[0, c, y, i] == pytest.approx(part.max() if largest else part.mean())


@pytest.mark.parametrize(
    "norm", [nn.BatchNorm2d(4), nn.BatchNorm2d(4, affine=False), nn.InstanceNorm2d(4, affine=True)]
)
def test_norms_of_channels_are_one_step(norm):
    for x in (*norm.parameters(), *norm.buffers()):
        if x.dtype.kind == "f":
            x._array[...] = np.random.default_rng(1).uniform(0.5, 1.5, x.shape)
    step, x = one_step(norm, (1, 4, 3, 5))
    s = step.settings
    if isinstance(norm, nn.InstanceNorm2d):
        n = (x - s["mean"]) * s["r"]
        again = n * step.operands[1].array + step.operands[2].array
    else:
        mean, var, weight, bias = (s[k][:, None, None] for k in ("mean", "var", "weight", "bias"))
        again = (x - mean) / np.sqrt(var + s["eps"]) * weight + bias
    np.testing.assert_allclose(again, step.value, atol=1e-6)


@pytest.mark.parametrize("norm", [nn.GroupNorm(2, 4), nn.LayerNorm([3, 5]), nn.LayerNorm(5)])
def test_norms_of_groups_are_one_step(norm):
    for x in norm.parameters():
        x._array[...] = np.random.default_rng(1).uniform(0.5, 1.5, x.shape)
    step, x = one_step(norm, (1, 4, 3, 5))
    s = step.settings
    own = x.reshape(s["own"])
    dims = tuple(s["dims"])
    n = (own - own.mean(dims, keepdims=True)) / np.sqrt(own.var(dims, keepdims=True) + s["eps"])
    again = n * step.operands[1].array + step.operands[2].array
    np.testing.assert_allclose(again.reshape(step.shape), step.value, atol=1e-12)


def test_a_batch_norm_as_a_function_is_a_scale_and_a_shift():
    mean, var = tg.Tensor(np.array([1.0, 2.0])), tg.Tensor(np.array([3.0, 4.0]))
    step, x = one_step(lambda x: F.batch_norm(x, mean, var), (1, 2, 3, 3))
    assert (step.kind, step.settings) == ("scale_shift", {})
    scale, shift = (step.operands[k].array for k in (1, 2))
    np.testing.assert_allclose(x * scale + shift, step.value, atol=1e-12)


MOVES = {
    "flatten": lambda x: x.flatten(1),
    "permute": lambda x: x.permute(0, 2, 3, 1),
    "part": lambda x: x[:, 1:, ::2],
    "picked": lambda x: x[:, [2, 0]],
    "pad": lambda x: F.pad(x, (1, 2, 0, 1)),
    "pad with a number": lambda x: F.pad(x, (1, 2), value=2.5),
    "reflect": lambda x: F.pad(x, (1, 1, 1, 1), mode="reflect"),
    "nearest": lambda x: F.interpolate(x, scale_factor=2),
    "flip": lambda x: x.flip(3),
    "cat": lambda x: tg.cat([x, x], 1),
    "stack": lambda x: tg.stack([x, x], 1),
    "expand": lambda x: x[:, :1].expand(1, 5, 4, 5),
    "roll": lambda x: tg.roll(x, 1, 2),
}


@pytest.mark.parametrize("name", MOVES)
def test_moves_say_where_each_number_came_from(name):
    for step in steps_of(MOVES[name], (1, 3, 4, 5))[1:]:
        assert step.kind == "move"
        if "source" not in step.settings:
            continue
        trail = steps_of(MOVES[name], (1, 3, 4, 5))
        given_ = np.concatenate([np.ravel(trail[operand.step].value) for operand in step.operands])
        again = np.append(step.settings.get("constant", 0.0), given_)[step.settings["source"]]
        np.testing.assert_array_equal(again, step.value)


def test_numbers_picked_by_place_are_no_maxima():
    def picked(x: Any) -> Any:
        return x.flatten(2).gather(2, tg.tensor([[[0, 1, 2, 3], [3, 2, 1, 0]]])).reshape(1, 2, 2, 2)

    assert "grid_max" not in kinds_of(picked, (1, 2, 4, 4))


def test_dimensions_may_be_counted_from_the_end():
    for dims in (-1, (-1, -3), (1, -1)):
        step, x = one_step(lambda x, dims=dims: x.sum(dims), (1, 2, 3, 4))
        assert step.settings["dims"] == sorted(d % 4 for d in np.atleast_1d(dims))
        np.testing.assert_allclose(step.value, x.sum(tuple(step.settings["dims"])))


def test_what_is_used_twice_is_a_step_of_its_own():
    w, b = random(1, 2, 2, 2), random(2, 1, 1)
    steps = steps_of(lambda x: tg.cat([(y := F.conv_transpose2d(x, w)) + b, y], 1), (1, 1, 3, 3))
    assert [step.kind for step in steps] == ["input", "transposed", "elementwise", "move"]
    np.testing.assert_allclose(steps[3].value[:, 2:], steps[1].value)
    steps = steps_of(lambda x: F.conv_transpose2d(x, w) + b, (1, 1, 3, 3))
    assert [step.kind for step in steps] == ["input", "transposed"]


def test_a_model_that_writes_into_its_input_is_followed():
    assert kinds_of(lambda x: x.add_(1.0) * 2.0, (1, 3)) == ["input", "elementwise", "elementwise"]


def test_dimensions_of_one_are_no_step():
    assert kinds_of(lambda x: x.unsqueeze(1).squeeze(1)[:, None] + 1.0, (1, 3)) == ["input", "elementwise"]
    assert kinds_of(nn.Conv1d(2, 3, 2), (1, 2, 6)) == ["input", "conv"]


@pytest.mark.parametrize("function", [F.gelu, F.silu, F.elu, tg.tanh, lambda x: x**3, lambda x: 2 / x, tg.sqrt])
def test_slopes_are_those_of_the_gradient_rules(function):
    x = np.random.default_rng(0).uniform(0.5, 2, (1, 6))
    step = trail_of(Called(function), [x]).steps[-1]
    leaf = tg.Tensor(x, requires_grad=True)
    function(leaf).sum().backward()
    operand = next(each for each in step.operands if each.step is not None)
    if operand.slope is None:
        assert step.op == "true_divide"  # which the page knows by itself
    else:
        np.testing.assert_allclose(operand.slope, leaf.grad.numpy())


def test_what_is_not_known_says_so():
    assert kinds_of(lambda x: tg.cumsum(x, 1), (1, 4)) == ["input", "opaque"]


def test_frozen_weights_are_followed_from_integers_too():
    net = nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 2))
    for p in net.parameters():
        p.requires_grad_(False)
    steps = trail_of(net, [np.array([[1, 4]])]).steps
    assert [step.kind for step in steps] == ["input", "embedding", "move", "linear"]
    assert [operand.step for operand in steps[3].operands] == [2, None, None]
    assert not any(p.requires_grad for p in net.parameters())


def test_a_backward_of_the_users_own_is_a_step_that_is_not_known():
    class Squared(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return 2 * ctx.saved_tensors[0] * g

    steps = steps_of(lambda x: Squared.apply(x * 3.0) + 1.0, (1, 4))
    assert [step.op for step in steps[1:]] == ["mul", "Squared", "add"]
    assert [step.kind for step in steps[1:]] == ["elementwise", "opaque", "elementwise"]
    assert (steps[2].value == steps[1].value ** 2).all()
    steps = steps_of(lambda x: tg.checkpoint(lambda y: y.exp(), x) * 2.0, (1, 4))
    assert [step.kind for step in steps] == ["input", "opaque", "elementwise"]


def test_what_was_overwritten_since_is_not_followed():
    def net(x: Any) -> Any:
        y = x * 2.0
        z = y.flatten()
        loss = (y + 1.0).sum()
        with tg.no_grad():
            z.zero_()
        return loss

    kinds = kinds_of(net, (1, 3, 2))
    assert kinds[1] == "opaque"  # it would read as zeros
    assert kinds[-1] == "reduce"


def test_several_inputs_and_shared_parts():
    layer = nn.Linear(3, 2)

    layer.double()

    def net(a: Any, b: Any) -> Any:
        return layer(a) - layer(b)

    steps = steps_of(net, (1, 3), (1, 3))
    assert [step.kind for step in steps] == ["input", "input", "linear", "linear", "elementwise"]
    assert [operand.step for operand in steps[-1].operands] == [2, 3]


def test_names_are_those_of_modules_that_made_one_step():
    net, x = nets.made("residual")
    data, _ = packed(trail_of(net.eval(), [x]))
    names = [step["name"] for step in data["steps"]]
    assert names == [
        "input", "conv1", "bn1", "relu", "conv2", "bn2", "shortcut.0", "shortcut.1", "add", "relu", "pool",
        "fc", "log_softmax",
    ]  # fmt: skip
    assert data["steps"][2]["op"] == "batch_norm"
    assert data["steps"][1]["line"]["code"].startswith("y = self.bn2(")


# ------------------------------------------------------------------------------------------------------------ the door
def test_the_model_is_left_as_it_was():
    net, x = nets.made("residual")
    net.train()
    before = {k: v.numpy().copy() for k, v in net.state_dict().items()}
    tg.manual_seed(3)
    viz.follow(net, x)
    drawn = tg.rand(3).numpy()
    tg.manual_seed(3)
    assert (drawn == tg.rand(3).numpy()).all()
    assert all(module.training for module in net.modules())
    assert all((before[k] == v.numpy()).all() for k, v in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())


def test_errors_at_the_door():
    net, x = nets.made("lenet")
    with pytest.raises(TypeError, match="model must be an"):
        viz.follow(lambda x: x, x)
    with pytest.raises(TypeError, match="x must be numbers"):
        viz.follow(net, ["a"])
    with pytest.raises(ValueError, match=r"one sample .* got shape \(2, 1, 16, 16\); pass x\[:1\]"):
        viz.follow(net, np.concatenate([x, x]))
    with pytest.raises(ValueError, match=r"pass x\[None\]"):
        viz.follow(net, np.repeat(x[0], 3, 0))
    with pytest.raises(ValueError, match="has 2 names, but there are 10 classes"):
        viz.follow(net, x, display_labels=["a", "b"])
    with pytest.raises(ValueError, match=r"name scores \(1, K\), but the model gives shape \(1, 2, 12, 12\)"):
        viz.follow(*nets.made("unet"), display_labels=["a", "b"])
    with pytest.raises(ValueError, match="one of 10 outputs, 0 to 9, got 10"):
        viz.follow(net, x, target=10)
    with pytest.raises(ValueError, match=r"more than max_megabytes=0.01; follow a part"):
        viz.follow(net, x, max_megabytes=0.01)
    with pytest.raises(ValueError, match="does not hang together"):
        viz.follow(Called(lambda x: x.detach() * 2.0), x)


def test_equal_arrays_are_sent_once():
    layer = nn.Linear(4, 4)
    once, _ = packed(trail_of(Called(layer), [np.ones((1, 4), np.float32)]))
    twice, _ = packed(trail_of(Called(lambda x: layer(layer(x))), [np.ones((1, 4), np.float32)]))
    assert len(twice["arrays"]) == len(once["arrays"]) + 1


def test_an_image_without_its_batch_dimension_is_recognised_where_the_net_fails() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 3))
    with pytest.raises(ValueError, match=r"(?s)linear: .*x has shape \(1, 8, 8\).*x\[None\]"):
        viz.follow(net, tg.randn(1, 8, 8))
    with pytest.raises(ValueError, match=r"in 2 \(Linear\)$"):
        viz.follow(net, tg.randn(1, 1, 9, 9))
