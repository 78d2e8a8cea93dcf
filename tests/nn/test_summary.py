"""The table of a model: numbers worked out by hand, receptive fields by perturbation, the model left as it was."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.nn.summary import ModelSummary, summary
from tinygrad_cnn.tensors import Tensor


def lenet() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


class FunctionalLeNet(nn.Module):
    """The same net, as scripts write it: activations and pools are function calls."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x: Any) -> Any:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc2(F.relu(self.fc1(x.flatten(1)))))
        return self.fc3(x)


def rows(table: ModelSummary) -> dict[str, Any]:
    return {row.name: row for row in table.layers}


def count(model: Any) -> int:
    return sum(p.numpy().size for p in model.parameters())


# ----------------------------------------------------------------------------------------------- numbers by hand
def test_lenet() -> None:
    table = summary(lenet(), (1, 1, 28, 28))
    assert [row.type for row in table.layers] == [type(m).__name__ for m in lenet()]
    assert [row.output_shape for row in table.layers][:7] == [
        (1, 6, 28, 28), (1, 6, 28, 28), (1, 6, 14, 14), (1, 16, 10, 10), (1, 16, 10, 10), (1, 16, 5, 5), (1, 400),
    ]  # fmt: skip
    assert [row.mult_adds for row in table.layers if row.mult_adds] == [
        6 * 28 * 28 * 25,  # 117,600
        16 * 10 * 10 * 6 * 25,  # 240,000
        400 * 120,
        120 * 84,
        84 * 10,
    ]
    assert table.mult_adds == 416_520
    assert table.parameters == table.trainable == 61_706 == count(lenet())
    assert [row.im2col_bytes for row in table.layers if row.im2col_bytes] == [25 * 784 * 4, 150 * 100 * 4]
    assert table.im2col_bytes == 25 * 784 * 4
    assert table.layers[0].activation_bytes == 6 * 784 * 4
    assert [row.receptive_field for row in table.layers[:6]] == [
        (5, 5), (5, 5), (6, 6), (14, 14), (14, 14), (16, 16),
    ]  # fmt: skip
    assert all(row.receptive_field is None for row in table.layers[6:])


def test_everything_but_parameters_grows_with_the_batch() -> None:
    one, many = summary(lenet(), (1, 1, 28, 28)), summary(lenet(), (32, 1, 28, 28))
    assert many.parameters == one.parameters
    assert many.mult_adds == 32 * one.mult_adds
    assert many.im2col_bytes == 32 * one.im2col_bytes
    assert many.layers[0].activation_bytes == 32 * one.layers[0].activation_bytes


def test_functional_forwards_cost_and_see_the_same() -> None:
    table, plain = summary(FunctionalLeNet(), (4, 1, 28, 28)), summary(lenet(), (4, 1, 28, 28))
    assert list(rows(table)) == ["conv1", "conv2", "fc1", "fc2", "fc3"]
    assert table.mult_adds == plain.mult_adds
    assert rows(table)["conv2"].receptive_field == (14, 14)
    assert rows(table)["fc1"].receptive_field is None


@pytest.mark.parametrize(
    ("layer", "size", "mult_adds", "im2col", "shape"),
    [
        (nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), (1, 2), groups=2), (2, 4, 9, 8),
         2 * 6 * 5 * 6 * (2 * 6), 2 * 4 * 6 * 5 * 6, (2, 6, 5, 6)),
        (nn.Conv1d(3, 5, 4, stride=2, padding=1), (2, 3, 10), 2 * 5 * 5 * 12, 2 * 12 * 5, (2, 5, 5)),
        (nn.ConvTranspose2d(3, 4, 2, stride=2, bias=False), (2, 3, 5, 5),
         2 * 25 * 3 * 4 * 4, 2 * 25 * 16, (2, 4, 10, 10)),
        (nn.Linear(7, 3), (2, 5, 7), 2 * 5 * 7 * 3, 0, (2, 5, 3)),
        (nn.BatchNorm2d(3), (2, 3, 4, 4), 0, 0, (2, 3, 4, 4)),
        (nn.AdaptiveAvgPool2d(2), (2, 3, 4, 4), None, 0, (2, 3, 2, 2)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)  # fmt: skip
def test_one_layer(layer: Any, size: Any, mult_adds: int | None, im2col: int, shape: Any) -> None:
    row = summary(layer, size).layers[0]
    assert row.output_shape == shape
    assert row.mult_adds == (mult_adds or 0)
    assert row.im2col_bytes == 4 * im2col
    assert row.trainable == count(layer)


def test_products_in_a_forward_are_those_of_the_module_around() -> None:
    class Custom(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = nn.Parameter(np.zeros((5, 2, 3, 3), np.float32))
            self.kernel.requires_grad_(False)
            self.mix = nn.Parameter(np.zeros((5, 4), np.float32))
            self.inner = nn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            x = F.conv2d(x, self.kernel)
            return self.inner(F.relu(x.mean((2, 3)) @ self.mix)) * 2

    table = summary(nn.Sequential(nn.Identity(), Custom()), (3, 2, 6, 6))
    custom = rows(table)["1"]
    assert custom.mult_adds == 3 * 5 * 16 * 18 + 3 * 5 * 4
    assert custom.im2col_bytes == 3 * 18 * 16 * 4
    assert (custom.trainable, custom.frozen) == (20, 90)
    assert rows(table)["1.inner"].mult_adds == 3 * 8
    assert [row.name for row in table.layers] == ["0", "1", "1.inner"]  # in the order in which they begin


def test_frozen_layers_within_no_grad_are_counted() -> None:
    class Transfer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Conv2d(1, 2, 3).requires_grad_(False), nn.Linear(2, 3)

        def forward(self, x: Any) -> Any:
            with tg.no_grad():
                x = self.body(x)
            return self.head(x.mean((2, 3)))

    table = summary(Transfer(), (1, 1, 5, 5))
    assert table.mult_adds == 9 * 18 + 6
    assert (table.trainable, table.frozen, table.parameters) == (9, 20, 29)


# ----------------------------------------------------------------------------------------------------- parameters
class Tied(nn.Module):
    """A module called twice, a weight shared by two modules, a module never called, a parameter in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.twice = nn.Linear(4, 4)
        self.copy = nn.Linear(4, 4)
        self.copy.weight = self.twice.weight
        self.unused = nn.Conv2d(1, 1, 3)
        self.listed = [nn.Parameter(np.zeros(5, np.float32))]
        self.blocks = nn.ModuleList([nn.Linear(4, 4), nn.ReLU()])

    def forward(self, x: Any) -> Any:
        x = self.copy(self.twice(self.twice(x)))
        for block in self.blocks:
            x = block(x)
        return x


def test_parameters_add_up_to_those_of_the_model() -> None:
    model = Tied()
    model.blocks[0].requires_grad_(False)
    table = summary(model, (2, 4))
    assert table.parameters == count(model)
    assert table.frozen == 20
    by_name = [(row.name, row.repeated, row.trainable, row.mult_adds) for row in table.layers]
    assert by_name == [
        ("", False, 5, 0),
        ("twice", False, 20, 32),
        ("twice", True, 0, 32),
        ("copy", False, 4, 32),
        ("blocks.0", False, 0, 32),
        ("blocks.1", False, 0, 0),
        ("unused", False, 10, 0),
    ]
    assert rows(table)["unused"].output_shape is None
    text = str(table)
    assert "Linear (again)" in text
    assert "not called" in text


# ------------------------------------------------------------------------------------------------ receptive fields
def probed(model: Any, size: tuple[int, ...]) -> tuple[int, ...]:
    """The receptive field by trial: how far apart lie the input pixels that change one pixel in the output's middle."""
    model.eval()
    with tg.no_grad():
        spatial = size[2:]
        base = model(Tensor(np.zeros(size)))
        middle = tuple(n // 2 for n in base.shape[2:])
        hit = []
        for at in itertools.product(*map(range, spatial)):
            x = np.zeros(size)
            x[(0, slice(None), *at)] = 1.0
            y = model(Tensor(x)).numpy()[(0, slice(None), *middle)]
            if not np.array_equal(y, base.numpy()[(0, slice(None), *middle)]):
                hit.append(at)
    return tuple(max(column) - min(column) + 1 for column in zip(*hit, strict=True))


class Ones:
    """Weights of one, no bias: every tap counts."""

    @staticmethod
    def on(model: Any) -> Any:
        model = model.double()
        for name, p in model.named_parameters():
            p.numpy()[...] = 0 if name.endswith("bias") else 1
        return model


window = st.tuples(st.sampled_from(["conv", "max", "avg"]), st.integers(1, 3), st.integers(1, 2), st.integers(1, 2))


@given(st.lists(window, min_size=1, max_size=3), st.booleans())
def test_receptive_fields_are_what_a_perturbation_finds(windows: Any, one_dimensional: bool) -> None:
    layers: list[Any] = []
    for kind, k, s, d in windows:
        if kind == "conv":
            layers.append((nn.Conv1d if one_dimensional else nn.Conv2d)(1, 1, k, s, (k - 1) // 2, d))
        elif kind == "max":
            layers.append((nn.MaxPool1d if one_dimensional else nn.MaxPool2d)(k, s, 0, d))
        else:
            layers.append((nn.AvgPool1d if one_dimensional else nn.AvgPool2d)(k, s))
        layers.append(nn.ReLU())
    size = (1, 1, 45) if one_dimensional else (1, 1, 29, 29)  # the largest three windows fit just once into 29 pixels
    model = Ones.on(nn.Sequential(*layers))
    table = summary(model, size)
    field = table.layers[-1].receptive_field
    assert field is not None
    assume(min(table.layers[-1].output_shape[2:]) >= 3)
    found = probed(model, size)
    skipping = any(s > k or d > 1 for _, k, s, d in windows)  # outermost pixels may fall into a gap of a later window
    if skipping or max(field) > min(size[2:]) // 2:
        assert all(f >= g for f, g in zip(field, found, strict=True))
    else:
        assert field == found


class Residual(nn.Module):
    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 5, stride=stride, padding=2)
        self.last = nn.Conv2d(1, 1, 3)

    def forward(self, x: Any) -> Any:
        return self.last(F.relu(self.a(x)) + self.b(x))


class Shifted(nn.Module):
    """Branches that look to different sides: their union is larger than either."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 1, (1, 3)), nn.Conv2d(1, 1, (1, 3))
        self.join = nn.Conv2d(2, 1, 1)

    def forward(self, x: Any) -> Any:
        left = self.a(F.pad(x, (2, 0, 0, 0)))
        right = self.b(F.pad(x, (0, 2, 0, 0)))
        return self.join(tg.cat([left, right], dim=1))


class OneSided(nn.Module):
    """One branch looks a pixel to the left, the other, an even kernel with "same" padding, one to the right."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 1, (1, 2)), nn.Conv2d(1, 1, (1, 2), padding="same")
        self.join = nn.Conv2d(1, 1, 1)

    def forward(self, x: Any) -> Any:
        return self.join(self.a(F.pad(x, (1, 0))) + self.b(x))


def test_branches_see_their_union() -> None:
    for model, size in ((Residual(), (1, 1, 15, 15)), (Shifted(), (1, 1, 5, 15)), (OneSided(), (1, 1, 5, 15))):
        table = summary(Ones.on(model), size)
        assert table.layers[-1].receptive_field == probed(model, size)
    assert rows(summary(Residual(), (1, 1, 15, 15)))["last"].receptive_field == (7, 7)
    assert rows(summary(Shifted(), (1, 1, 5, 15)))["join"].receptive_field == (1, 5)
    assert rows(summary(OneSided(), (1, 1, 5, 15)))["join"].receptive_field == (1, 3)


@pytest.mark.parametrize("padding", ["same", "valid", 0, 2])
@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (2, 1), (3, 1), (3, 2), (4, 2)])
def test_signals_behind_padding_in_words_see_what_a_perturbation_finds(
    padding: Any, kernel: int, dilation: int
) -> None:
    """Joined with what a layer of its own sees, so that left and right count."""

    class Joined(nn.Module):
        def __init__(self) -> None:
            self.a = nn.Conv1d(1, 1, kernel, padding=padding, dilation=dilation)
            self.b = nn.Conv1d(1, 1, 3)

        def forward(self, x: Any) -> Any:
            y, z = self.a(x), self.b(x)
            return y + z if y.shape == z.shape else y

    model = Ones.on(Joined())
    table = summary(model, (1, 1, 21))
    assert table.calls[0].receptive_field == probed(model, (1, 1, 21))
    assert table.layers[0].receptive_field == (dilation * (kernel - 1) + 1,)


def test_branches_whose_pixels_do_not_meet_have_no_field() -> None:
    class Striding(nn.Module):
        def __init__(self) -> None:
            self.a, self.b = nn.Conv2d(1, 1, 2, stride=2), nn.Conv2d(1, 1, 5)

        def forward(self, x: Any) -> Any:
            return self.a(x) + self.b(x)

    class Filtered(nn.Module):
        def forward(self, x: Any) -> Any:
            return F.conv2d(x, x[:, :, :3, :3])

    for model, size in ((Striding(), (1, 1, 8, 8)), (Filtered(), (1, 1, 6, 6))):
        assert summary(model, size).calls[0].receptive_field is None


@pytest.mark.parametrize(
    "between",
    [nn.AdaptiveAvgPool2d(4), nn.Upsample(scale_factor=2), nn.ConvTranspose2d(2, 2, 2, 2), nn.InstanceNorm2d(2)],
    ids=lambda layer: type(layer).__name__,
)
def test_fields_are_blank_behind_what_has_none(between: Any) -> None:
    table = summary(nn.Sequential(nn.Conv2d(1, 2, 3), between, nn.Conv2d(2, 2, 3)), (1, 1, 12, 12))
    assert [row.receptive_field for row in table.layers] == [(3, 3), None, None]


def test_a_global_factor_makes_the_field_blank() -> None:
    class SqueezeExcite(nn.Module):
        def forward(self, x: Any) -> Any:
            return x * x.mean((2, 3), keepdim=True).sigmoid()

    table = summary(nn.Sequential(nn.Conv2d(1, 2, 3), SqueezeExcite(), nn.Conv2d(2, 2, 3)), (1, 1, 12, 12))
    assert [row.receptive_field for row in table.layers] == [(3, 3), None, None]


def test_what_is_computed_of_parameters_alone_widens_no_field() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(tg.ones(2, 1, 1))

        def forward(self, x: Any) -> Any:
            return x * self.scale.sigmoid().mean(0) + self.scale.exp()

    table = summary(nn.Sequential(nn.Conv2d(1, 2, 3), Scaled(), nn.Conv2d(2, 2, 3)), (1, 1, 12, 12))
    assert [row.receptive_field for row in table.layers] == [(3, 3), (3, 3), (5, 5)]


# -------------------------------------------------------------------------------------------------- left as it was
def test_the_model_is_left_as_it_was() -> None:
    class Careless(nn.Module):
        """Draws random numbers and moves a buffer, in evaluation mode too."""

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("seen", tg.zeros(1))

        def forward(self, x: Any) -> Any:
            self.seen += 1
            return F.dropout(x, 0.5)

    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), Careless(), nn.Flatten(), nn.Linear(32, 2))
    model[1].eval()
    model[0].requires_grad_(False)
    model[4].weight.grad = tg.ones(2, 32)
    tg.manual_seed(3)
    before = {k: v.numpy().copy() for k, v in model.state_dict().items()}
    arrays = {k: id(v.numpy()) for k, v in model.named_buffers()}
    modes, wants = [m.training for m in model.modules()], [p.requires_grad for p in model.parameters()]
    random = str(tg.default_generator().get_state())
    calls: list[int] = []
    handle = model[0].register_forward_hook(lambda *_: calls.append(1))
    with tg.no_grad():
        summary(model, (2, 1, 6, 6))
        assert not tg.is_grad_enabled()
    assert tg.is_grad_enabled()
    assert all(np.array_equal(before[k], v.numpy()) for k, v in model.state_dict().items())
    assert {k: id(v.numpy()) for k, v in model.named_buffers()} == arrays
    assert [m.training for m in model.modules()] == modes
    assert [p.requires_grad for p in model.parameters()] == wants
    assert str(tg.default_generator().get_state()) == random
    assert (model[4].weight.grad.numpy() == 1).all()
    assert model[0].weight.grad is None
    assert len(calls) == 1
    handle.remove()
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_a_forward_that_fails_is_named_and_leaves_all_as_it_was() -> None:
    model = lenet().train()
    with pytest.raises(RuntimeError, match=r"input \(1, 3, 28, 28\) failed in layer '0' \(Conv2d\): .*3 channels"):
        summary(model, (3, 28, 28))
    with pytest.raises(RuntimeError, match="in layer '7'"):
        summary(model, (1, 1, 40, 40))
    assert all(m.training for m in model.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())

    class Own(nn.Module):
        def forward(self, x: Any) -> Any:
            raise KeyError(f"mine of {x.ndim}")

    with pytest.raises(RuntimeError, match="the model's own forward: 'mine of 2'"):
        summary(Own(), (2, 2))


# ----------------------------------------------------------------------------------------------------------- input
def test_sizes_with_and_without_a_batch() -> None:
    assert summary(lenet(), (1, 28, 28)).input_shapes == [(1, 1, 28, 28)]
    assert summary(lenet(), (1, 28, 28), batch_size=5).input_shapes == [(5, 1, 28, 28)]
    assert summary(nn.Conv1d(2, 3, 3), (4, 2, 9)).input_shapes == [(4, 2, 9)]
    assert summary(nn.Linear(7, 2), (7,)).input_shapes == [(1, 7)]
    assert summary(nn.Linear(7, 2), 7).input_shapes == [(1, 7)]
    assert summary(nn.Linear(7, 2), [3, 7]).input_shapes == [(3, 7)]


def test_several_inputs_and_outputs() -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.image = nn.Embedding(10, 4), nn.Conv2d(1, 2, 3)

        def forward(self, words: Any, image: Any) -> Any:
            return {"words": self.words(words), "images": [self.image(image), image]}

    table = summary(Pair(), [(3, 6), (3, 1, 8, 8)], dtype=[np.int64, np.float32])
    assert table.input_shapes == [(3, 6), (3, 1, 8, 8)]
    assert rows(table)["words"].output_shape == (3, 6, 4)
    assert rows(table)["image"].receptive_field == (3, 3)
    assert summary(nn.MaxPool2d(2, return_indices=True), (1, 1, 4, 4)).layers[0].output_shape == ((1, 1, 2, 2),) * 2


def test_the_dtype_is_the_models() -> None:
    assert summary(lenet().double(), (1, 28, 28)).layers[0].activation_bytes == 6 * 784 * 8
    assert summary(nn.ReLU(), (2, 2), dtype=np.float64).layers[0].activation_bytes == 32


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: summary(print, (1, 2)), TypeError, "model must be an nn.Module"),
        (lambda: summary(lenet(), "1x28x28"), TypeError, "a shape or a list of shapes"),
        (lambda: summary(lenet(), ()), TypeError, "a shape or a list of shapes"),
        (lambda: summary(lenet(), (1, 28.0, 28)), ValueError, "integers >= 0"),
        (lambda: summary(lenet(), (1, -28, 28)), ValueError, "integers >= 0"),
        (lambda: summary(lenet(), [(1, 28, 28)], dtype=[np.int64, np.int64]), ValueError, "2 dtypes for 1 inputs"),
    ],
)
def test_bad_input_is_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_data_instead_of_a_size() -> None:
    by_size, by_data = summary(lenet(), (4, 1, 28, 28)), summary(lenet(), input_data=tg.randn(4, 1, 28, 28))
    assert str(by_size) == str(by_data)
    assert summary(nn.Linear(3, 2), input_data=np.zeros((5, 3), np.float32)).layers[0].output_shape == (5, 2)

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 2), nn.Linear(4, 2)

        def forward(self, x: Any, pair: Any, times: float = 1.0) -> Any:
            with tg.no_grad():
                x *= 2  # into what it was given
            return (self.a(x) + self.b(pair[0])) * times

    x, y = tg.ones(2, 3), [tg.ones(2, 4), None]
    for data in ((x, y), [x, y, 3.0], {"pair": y, "x": x, "times": 2}):
        table = summary(Scaled(), input_data=data)
        assert [(row.name, row.output_shape) for row in table.layers] == [("a", (2, 2)), ("b", (2, 2))]
        assert sorted(table.input_shapes) == [(2, 3), (2, 4)]
    assert (x.numpy() == 1).all()
    assert not x.requires_grad


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, TypeError, "either input_size, such as .* or input_data"),
        ({"input_size": 3, "input_data": tg.ones(1, 3)}, TypeError, "either input_size"),
        ({"input_data": tg.ones(1, 3), "batch_size": 2}, TypeError, "belong to input_size"),
        ({"input_size": 3, "depth": -1}, ValueError, "depth must be None or a number of levels >= 0, got -1"),
    ],
)
def test_bad_data_is_named(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        summary(nn.Linear(3, 2), **arguments)


# ------------------------------------------------------------------------------------------------------------ tree
def nested() -> nn.Sequential:
    inner = nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.Sequential(nn.ReLU()))
    return nn.Sequential(nn.Conv2d(1, 2, 3), inner, nn.Flatten(), nn.Linear(32, 2))


def test_a_tree_has_branches_and_adds_up_at_every_depth() -> None:
    names = {
        0: ["(model)"],
        1: ["(model)", "├─ 0", "├─ 1", "├─ 2", "└─ 3"],
        2: ["(model)", "├─ 0", "├─ 1", "│  ├─ 0", "│  └─ 1", "├─ 2", "└─ 3"],
        9: ["(model)", "├─ 0", "├─ 1", "│  ├─ 0", "│  └─ 1", "│     └─ 0", "├─ 2", "└─ 3"],
    }
    flat = summary(nested(), (1, 6, 6))
    for depth, expected in names.items():
        table = summary(nested(), (1, 6, 6), depth=depth)
        lines = str(table).splitlines()[4 : 4 + len(expected)]
        assert [line[: line.index("  ", line.rindex("─") + 3 if "─" in line else 0)] for line in lines] == expected
        rows = table.tree(depth)
        assert [sum(getattr(r, n) for r in rows) for n in ("trainable", "mult_adds", "activation_bytes")] == [
            flat.trainable, flat.mult_adds, flat.activation_bytes,
        ]  # fmt: skip
        assert (table.parameters, table.im2col_bytes) == (flat.parameters, flat.im2col_bytes)
    assert [row.name for row in table.calls] == ["", "0", "1", "1.0", "1.1", "1.1.0", "2", "3"]  # still qualified


def test_modules_that_were_not_called_stand_in_their_place() -> None:
    class Inner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = nn.Linear(2, 2), nn.ModuleList([nn.Linear(2, 3)])

        def forward(self, x: Any) -> Any:
            return self.used(self.used(x))

    table = summary(nn.Sequential(Inner(), nn.ReLU()), (4, 2), depth=5)
    assert [(row.name, row.level) for row in table.calls] == [
        ("", 0), ("0", 1), ("0.used", 2), ("0.used", 2), ("0.unused.0", 2), ("1", 1),
    ]  # fmt: skip
    assert "│  └─ unused.0" in str(table)


# ------------------------------------------------------------------------------------------------------------ text
def test_a_notebook_shows_a_table_in_html() -> None:
    class Odd(nn.Linear):
        def _get_name(self) -> str:
            return "<b>"

    Odd.__name__ = "<b>&"
    shown = summary(nn.Sequential(Odd(4, 3)), (1, 4))._repr_html_()
    assert "<b>" not in shown
    assert "&lt;b&gt;&amp;" in shown
    assert "parameters: 15 (15 trainable, 0 frozen)" in shown
    assert "im2col" not in shown  # an empty column is left out
    assert "└─ 0" in summary(nn.Sequential(Odd(4, 3)), (1, 4), depth=1)._repr_html_()


def test_the_table_is_aligned_and_has_what_it_should() -> None:
    table = summary(lenet(), (1, 1, 28, 28))
    lines = str(table).splitlines()
    assert repr(table) == str(table)
    assert lines[0] == "Sequential, input (1, 1, 28, 28)"
    header, body = lines[2], lines[4 : 4 + len(table.layers)]
    column = header.index("multiply-adds") + len("multiply-adds")
    assert body[0][:column].endswith("  117,600")
    assert body[3][:column].endswith("  240,000")
    assert "frozen" not in header  # a column that is empty is left out
    assert body[0].endswith("5x5")
    assert body[6].endswith("(1, 400)")
    assert lines[-4:] == [
        "parameters: 61,706 (61,706 trainable, 0 frozen)",
        "multiply-adds: 416,520",
        f"activations: {table.activation_bytes / 1024:.1f} KiB",
        "largest im2col matrix: 76.6 KiB as a whole; it is worked through in blocks",
    ]


def test_counts_agree_with_pytorch(torch: Any) -> None:
    tnn = torch.nn
    theirs = tnn.Sequential(tnn.Conv2d(3, 8, 3, stride=2), tnn.BatchNorm2d(8), tnn.Conv2d(8, 4, 3, groups=2))
    mine = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.Conv2d(8, 4, 3, groups=2))
    table = summary(mine, (2, 3, 15, 15))
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        y = theirs(torch.zeros(2, 3, 15, 15))
    assert table.layers[-1].output_shape == tuple(y.shape)
    assert table.parameters == sum(p.numel() for p in theirs.parameters())
    assert 2 * table.mult_adds == counter.get_total_flops()


def test_layers_may_be_called_by_keyword() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.conv, self.fc = nn.Conv2d(1, 2, 3), nn.Linear(18, 4)

        def forward(self, x: Any, named: bool = True) -> Any:
            y = self.conv(input=x) if named else self.conv(x)
            return self.fc(input=y.flatten(1)) if named else self.fc(y.flatten(1))

    x, net = tg.ones(2, 1, 5, 5), Net()
    assert str(summary(net, input_data=x)) == str(summary(net, input_data=[x, False]))


def test_outputs_in_a_dataclass_are_seen() -> None:
    @dataclasses.dataclass
    class Answer:
        scores: Any
        rest: Any = None

    class Net(nn.Module):
        def __init__(self) -> None:
            self.fc = nn.Linear(3, 4)

        def forward(self, x: Any) -> Any:
            return Answer(self.fc(x))

    table = summary(nn.Sequential(Net()), (2, 3), depth=2)
    assert next(row.output_shape for row in table.calls if row.type == "Net") == (2, 4)


def test_a_product_with_a_constant_costs_nothing() -> None:
    class Mixing(nn.Module):
        def __init__(self, constant: bool) -> None:
            self.weight = tg.ones(4, 5) if constant else nn.Parameter(np.ones((4, 5), np.float32))

        def forward(self, x: Any) -> Any:
            return x @ self.weight

    assert summary(Mixing(True), (2, 3, 4)).mult_adds == 0
    assert summary(Mixing(False), (2, 3, 4)).mult_adds == 2 * 3 * 5 * 4
