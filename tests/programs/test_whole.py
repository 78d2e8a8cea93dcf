"""Layers that count as one step: with which inputs and settings, and when they are told by their operations."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

import tinygrad_cnn as tg
import tinygrad_cnn.nn.functional as F
from tinygrad_cnn import nn
from tinygrad_cnn.programs import Extent, Program, record

N = Extent(1)


def x(*shape: int) -> Any:
    return tg.randn(*shape)


def wholes(*indices: Any) -> Any:
    return tg.tensor(list(indices))


def recurrent(mode: str, **other: Any) -> dict[str, Any]:
    usual = {"hidden_size": 4, "num_layers": 1, "bias": True, "batch_first": False, "bidirectional": False}
    return {"mode": mode, **usual, **other}


def windows(kernel: Any, stride: Any, padding: Any, dilation: Any = (1, 1)) -> dict[str, Any]:
    return {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}


TWO = wholes([0, 1], [2, 1])
NORM = ["running_mean", "running_var", "weight", "bias"]
WEIGHTS = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
ONE_STEP: dict[str, tuple[Any, tuple[Any, ...], list[Any], dict[str, Any], Any]] = {
    # a layer, its inputs, what the step reads by name (None: left out), its settings, the shapes of its results
    "BatchNorm1d": (lambda: nn.BatchNorm1d(3, eps=0.5), (x(2, 3),), ["input", *NORM], {"eps": 0.5}, [(N, 3)]),
    "BatchNorm2d": (
        lambda: nn.BatchNorm2d(3, affine=False), (x(2, 3, 4, 4),), ["input", *NORM[:2], None, None], {"eps": 1e-5},
        [(N, 3, 4, 4)],
    ),
    "RNN": (
        lambda: nn.RNN(3, 4, nonlinearity="relu"), (x(5, 2, 3),), ["input", None, *WEIGHTS], recurrent("RNN_RELU"),
        [(N, 2, 4), (1, 2, 4)],
    ),
    "GRU": (
        lambda: nn.GRU(3, 4, batch_first=True, bias=False), (x(2, 5, 3), x(1, 2, 4)), ["input", "hx", *WEIGHTS[:2]],
        recurrent("GRU", bias=False, batch_first=True), [(2, 5, 4), (1, 2, 4)],
    ),
    "LSTM": (
        lambda: nn.LSTM(3, 4), (x(5, 2, 3), (x(1, 2, 4), x(1, 2, 4))), ["input", "hx_0", "hx_1", *WEIGHTS],
        recurrent("LSTM"), [(N, 2, 4), (1, 2, 4), (1, 2, 4)],
    ),
    "LSTM without states": (
        lambda: nn.LSTM(3, 4, batch_first=True), (x(2, 5, 3),), ["input", None, None, *WEIGHTS],
        recurrent("LSTM", batch_first=True), [(N, 5, 4), (1, N, 4), (1, N, 4)],
    ),
    "EmbeddingBag": (
        lambda: nn.EmbeddingBag(5, 3, mode="max", padding_idx=1), (TWO,), ["input", "weight", None],
        {"mode": "max", "padding_idx": 1}, [(N, 3)],
    ),
    "EmbeddingBag with weights": (
        lambda: nn.EmbeddingBag(5, 3, mode="sum"), (TWO, None, x(2, 2)), ["input", "weight", "per_sample_weights"],
        {"mode": "sum", "padding_idx": None}, [(N, 3)],
    ),
    "CrossEntropyLoss": (
        lambda: nn.CrossEntropyLoss(ignore_index=2), (x(4, 3), wholes(0, 1, 2, 1)), ["input", "target", None],
        {"ignore_index": 2, "reduction": "mean"}, [()],
    ),
    "NLLLoss": (
        lambda: nn.NLLLoss(tg.ones(3), reduction="none"), (x(4, 3), wholes(0, 1, 2, 1)), ["input", "target", "weight"],
        {"ignore_index": -100, "reduction": "none"}, [(N,)],
    ),
    "MaxPool1d": (
        lambda: nn.MaxPool1d(3, 1, padding=1, dilation=2, return_indices=True), (x(2, 3, 6),), ["input"],
        windows((1, 3), (1, 1), ((0, 0), (1, 1)), (1, 2)), [(N, 3, 4)] * 2,
    ),
    "MaxPool1d of tuples": (
        lambda: nn.MaxPool1d((2,), (2,), return_indices=True), (x(2, 3, 6),), ["input"],
        windows((1, 2), (1, 2), ((0, 0), (0, 0))), [(N, 3, 3)] * 2,
    ),
    "MaxPool2d": (
        lambda: nn.MaxPool2d((2, 1), padding=(1, 0), return_indices=True), (x(2, 3, 6, 4),), ["input"],
        windows((2, 1), (2, 1), ((1, 1), (0, 0))), [(N, 3, 4, 4)] * 2,
    ),
    "MaxUnpool1d": (
        lambda: nn.MaxUnpool1d(2), (x(2, 3, 4), tg.zeros(2, 3, 4, dtype=tg.int64)), ["input", "indices"], {},
        [(N, 3, 8)],
    ),
    "MaxUnpool2d": (
        lambda: nn.MaxUnpool2d(2), (x(2, 3, 4, 4), tg.zeros(2, 3, 4, 4, dtype=tg.int64)), ["input", "indices"], {},
        [(N, 3, 8, 8)],
    ),
    "AdaptiveMaxPool1d": (lambda: nn.AdaptiveMaxPool1d(2), (x(2, 3, 5),), ["input"], {"output_size": 2}, [(N, 3, 2)]),
    "AdaptiveMaxPool2d": (
        lambda: nn.AdaptiveMaxPool2d((2, 1)), (x(2, 3, 5, 4),), ["input"], {"output_size": (2, 1)}, [(N, 3, 2, 1)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_STEP)
def test_a_layer_is_one_step_with_its_inputs_and_settings(name: str) -> None:
    make, inputs, read, settings, shapes = ONE_STEP[name]
    program = record(make(), *inputs)
    (step,) = program.steps
    assert (step.op, step.type, step.module) == (name.partition(" ")[0], name.partition(" ")[0], "")
    names = [value and (value.name if value.kind != "input" else program_name(value, read)) for value in step.inputs]
    assert names == read
    assert step.attributes == settings
    assert program.outputs == list(step.outputs)
    assert [value.shape for value in step.outputs] == shapes


def program_name(value: Any, read: list[Any]) -> str:
    """The name of an input; the first is called otherwise by some layers."""
    return "input" if value.number == 0 and "input" in read else str(value.name)


TOLD_BY_OPERATIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "norm by the batch": (lambda: nn.BatchNorm1d(3, track_running_stats=False), (x(2, 3),)),
    "without a batch": (lambda: nn.GRU(3, 4), (x(5, 3),)),
    "with a projection": (lambda: nn.LSTM(3, 4, proj_size=2), (x(5, 2, 3),)),
    "bags by offsets": (lambda: nn.EmbeddingBag(5, 3), (wholes(0, 1, 2, 1), wholes(0, 2))),
    "smoothed": (lambda: nn.CrossEntropyLoss(label_smoothing=0.1), (x(4, 3), wholes(0, 1, 2, 1))),
    "shares of classes": (nn.CrossEntropyLoss, (x(4, 3), tg.rand(4, 3))),
    "without the places": (lambda: nn.MaxPool2d(2), (x(2, 3, 4, 4),)),
    "without the places, of one dimension": (lambda: nn.MaxPool1d(2), (x(2, 3, 4),)),
}


@pytest.mark.parametrize("name", TOLD_BY_OPERATIONS)
def test_what_is_no_such_step_is_told_by_its_operations(name: str) -> None:
    make, inputs = TOLD_BY_OPERATIONS[name]
    layer = make()
    assert type(layer).__name__ not in {step.op for step in record(layer, *inputs, batch_dim=None).steps}


@pytest.mark.parametrize("hook", ["register_forward_hook", "register_forward_pre_hook"])
def test_a_layer_with_a_hook_or_a_forward_of_its_own_is_told_by_its_operations(hook: str) -> None:
    layer = nn.AdaptiveMaxPool1d(1)
    getattr(layer, hook)(lambda *_: None)
    assert "AdaptiveMaxPool1d" not in {step.op for step in record(layer, x(2, 3, 5)).steps}

    class Own(nn.BatchNorm1d):
        def forward(self, x: Any) -> Any:
            return super().forward(x) * 2

    assert record(Own(3), x(2, 3)).steps[-1].op == "mul"


def test_arguments_by_name_and_layers_within_others() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.pool = nn.GRU(3, 4), nn.AdaptiveMaxPool1d(1)

        def forward(self, a: Any, h: Any) -> Any:
            y, _ = self.rnn(a, hx=h)
            return self.pool(y.transpose(1, 2)) + 1

    program = record(Net(), x(5, 2, 3), x(1, 2, 4), batch_dim=(1, 1))
    assert [(s.op, s.module) for s in program.steps] == [
        ("GRU", "rnn"), ("permute", ""), ("AdaptiveMaxPool1d", "pool"), ("add", "")
    ]  # fmt: skip
    assert [v.name for v in program.steps[0].inputs[:2]] == ["a", "h"]
    assert program.free


class Around(nn.Module):
    """A module around a function."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *given: Any) -> Any:
        return self.function(*given)


def test_a_function_that_counts_as_one_step() -> None:
    def sampled(image: Any, grid: Any) -> Any:
        return F.grid_sample(image * 2, grid, mode="nearest", padding_mode="border", align_corners=True) + 1

    program = record(Around(sampled), x(2, 3, 4, 5), tg.rand(2, 6, 7, 2))
    assert [s.op for s in program.steps] == ["mul", "grid_sample", "add"]
    step = program.steps[1]
    assert step.inputs == (program.steps[0].output, program.inputs[1])
    assert step.attributes == {"mode": "nearest", "padding": "border", "align": True}
    assert step.output.shape == (N, 3, 6, 7)
    assert step.type == "Around"


def test_a_layer_that_fails_within_a_function_of_the_users_leaves_the_rest_as_operations() -> None:
    pool = nn.AdaptiveMaxPool1d(2)

    def tried(a: Any) -> Any:
        with contextlib.suppress(ValueError, RuntimeError, IndexError):
            pool(a[0, 0, 0])
        return (a * 2).exp()

    program: Program = record(Around(tried), x(2, 3, 5))
    assert [s.op for s in program.steps] == ["mul", "exp"]


def test_modules_that_are_no_attributes_are_called_after_their_types() -> None:
    class Inner(nn.Module):
        def forward(self, x: Any) -> Any:
            return nn.Tanh()(x)

    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Inner()

        def forward(self, x: Any) -> Any:
            return nn.ReLU()(self.inner(x))

    program = record(Outer(), x(2, 3))
    assert [(s.op, s.module, s.type) for s in program.steps] == [
        ("tanh", "inner.(Tanh)", "Tanh"), ("relu", "(ReLU)", "ReLU")
    ]  # fmt: skip
