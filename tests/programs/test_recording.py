"""What a model computes, as a program: its steps, what depends on the batch, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
import tinygrad_cnn.nn.functional as F
from tinygrad_cnn import nn
from tinygrad_cnn.programs import Extent, Program, record

N = Extent(1)


class Calls(nn.Module):
    """A module around a function."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x)


def of(function: Any, *shape: int) -> Program:
    return record(Calls(function), tg.randn(*shape))


def ops(program: Program) -> list[str]:
    return [step.op for step in program.steps]


def net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Dropout(), nn.Flatten(), nn.Linear(4 * 4 * 4, 3),
    )  # fmt: skip


def test_steps_and_names() -> None:
    p = record(net(), tg.randn(2, 1, 8, 8))
    assert ops(p) == ["conv2d", "BatchNorm2d", "relu", "max_pool2d", "reshape", "linear"]
    assert [s.module for s in p.steps] == ["0", "1", "2", "3", "5", "6"]
    assert [v.name for v in p.inputs] == ["input"]
    assert [v.name for v in p.known] == [
        *("0.weight", "0.bias", "1.running_mean", "1.running_var", "1.weight", "1.bias", "6.weight", "6.bias")
    ]
    assert p.outputs == [p.steps[-1].output]
    assert p.output_names == ["output"]
    assert p.free
    assert p.outputs[0].shape == (N, 3)
    assert p.steps[4].attributes == {"shape": (N, 64)}
    numbers = [v.number for v in (*p.inputs, *p.known, *(s.output for s in p.steps))]
    assert numbers == list(range(len(numbers)))


def test_the_model_is_left_as_it_was() -> None:
    model = net()
    model[4].eval()
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    modes = [m.training for m in model.modules()]
    tg.manual_seed(1)
    state = tg.get_rng_state()
    x = tg.randn(2, 1, 8, 8)
    tg.set_rng_state(state)
    copy = x.numpy().copy()
    record(model, x)
    assert [m.training for m in model.modules()] == modes
    assert all((value.numpy() == before[name]).all() for name, value in model.state_dict().items())
    assert (x.numpy() == copy).all()
    assert (tg.randn(2, 1, 8, 8).numpy() == copy).all()
    assert tg.is_grad_enabled()
    assert all(p.grad is None for p in model.parameters())


def test_a_shared_weight_is_there_once() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    assert [v.name for v in record(model, tg.randn(2, 3)).known] == ["0.weight", "0.bias", "1.bias"]


def test_steps_that_nobody_reads_are_dropped() -> None:
    assert ops(of(lambda x: (x.exp(), x + 1)[1], 2, 3)) == ["add"]


def test_copies_and_casts_to_the_same_dtype_are_no_steps() -> None:
    assert ops(of(lambda x: x.clone().detach().contiguous().float().reshape(x.shape) * 2, 2, 3)) == ["mul"]


def test_casts_are_steps() -> None:
    p = of(lambda x: (x > 0) * x, 2, 3)
    assert ops(p) == ["gt", "cast", "mul"]


@pytest.mark.parametrize(
    ("function", "extent"),
    [
        (lambda x: x.reshape(-1), Extent(4)),
        (lambda x: x[1:, 0], Extent(1, -1)),
        (lambda x: tg.cat([x, x[:1]])[:, 0], Extent(1, 1)),
        (lambda x: tg.cat([x, x]).reshape(-1, 2)[:, 0], Extent(4)),
        (lambda x: x.sum(1), N),
        (lambda x: x.sum(0), 4),
    ],
)
def test_extents(function: Any, extent: Any) -> None:
    p = of(function, 3, 4)
    assert p.free
    assert p.outputs[0].shape == (extent,)


def test_arrays_that_depend_on_the_batch_are_made() -> None:
    p = of(lambda x: x + tg.zeros(x.shape[0], 1) + tg.arange(x.shape[0])[:, None], 3, 4)
    assert p.free
    assert {"broadcast_to", "arange"} <= set(ops(p))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[:, :1].expand(-1, x.shape[0]).reshape(-1),  # N * N entries
        lambda x: x + tg.tensor([[float(i)] for i in range(x.shape[0])]),
        lambda x: x if x.shape[0] % 2 else x * 1,
        lambda x: (x, x + 1)[x.shape[0] % 2],
        lambda x: (x + 1, x * 2)[:: 1 - 2 * (x.shape[0] % 2)],
    ],
)
def test_what_is_no_line_in_the_batch_fixes_its_size(function: Any) -> None:
    assert not of(function, 2, 4).free


def test_a_loop_over_the_batch_fixes_its_size() -> None:
    p = of(lambda x: sum(x[i] for i in range(x.shape[0])), 3, 4)
    assert not p.free
    assert "steps" in p.fixed_because
    assert p.inputs[0].shape == (3, 4)


def test_a_condition_on_the_batch_fixes_its_size() -> None:
    p = of(lambda x: x * 2 if x.shape[0] > 1 else x + 1, 3, 4)
    assert not p.free
    assert ops(p) == ["mul"]


def test_a_batch_that_must_be_free_is_refused() -> None:
    model = Calls(lambda x: sum(x[i] for i in range(x.shape[0])))
    with pytest.raises(ValueError, match="cannot have a free batch size"):
        record(model, tg.randn(3, 4), batch_dim=0)
    assert not record(model, tg.randn(3, 4), batch_dim=None).free


@pytest.mark.parametrize("batch_dim", ["first", 5, (0, 0), 1.0, True])
def test_a_wrong_batch_dim(batch_dim: Any) -> None:
    with pytest.raises(ValueError, match="batch_dim"):
        record(nn.ReLU(), tg.randn(3, 4), batch_dim=batch_dim)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * tg.tensor(np.argmax(x.numpy(), 1))[:, None],
        lambda x: x * float(x.max()),
        lambda x: x * 2 if x.sum() > 0 else x + 1,
        lambda x: x[x > 0],
        lambda x: x + tg.tensor(x.numpy()).numpy().max(),
        lambda x: x + tg.randn_like(x),
        lambda x: F.dropout(x),
    ],
)
def test_what_no_operation_sees_is_refused(function: Any) -> None:
    with pytest.raises(RuntimeError, match=r"depends on the numbers.*(test_recording\.py:\d+|Calls)"):
        of(function, 3, 4)


def test_random_numbers_are_refused() -> None:
    with pytest.raises(RuntimeError, match="depends on"):
        record(Calls(lambda x: x + tg.tensor(np.random.default_rng().normal(size=4).astype("f"))), tg.randn(3, 4))


def changed(x: Any) -> Any:
    y = tg.zeros(x.shape[0], 5)
    y[:, 0] = x[:, 1]
    view = y[:, 1:3]
    y += 1
    view *= 2
    view[:, 0] = -1.0
    y[:, 4].add_(x[:, 0])
    return y, view


def test_writes_become_new_values() -> None:
    p = of(changed, 3, 4)
    assert p.free
    assert ops(p).count("overwritten") == 5  # a view of a view: two
    assert ops(p)[-1] == "getitem"  # the view, from what is there at the end


def test_a_write_past_the_operations_is_refused() -> None:
    def past(x: Any) -> Any:
        y = x * 2
        np.multiply(y.numpy(), 2, out=y.numpy())
        from tinygrad_cnn.arrays.writes import mutated

        mutated(y.numpy())
        return y + 1

    with pytest.raises(RuntimeError, match="written into where no operation sees it"):
        of(past, 3, 4)


def test_outputs_and_their_names() -> None:
    p = of(lambda x: {"a": x + 1, "b": [x, x * 2]}, 2, 3)
    assert p.output_names == ["a", "b_0", "b_1"]
    assert p.outputs[1] is p.inputs[0]
    assert of(lambda x: (x, None, x + 1), 2, 3).output_names == ["output_0", "output_1"]
    with pytest.raises(TypeError, match="must return Tensors"):
        of(lambda x: x.shape, 2, 3)


def test_names_of_inputs() -> None:
    class Two(nn.Module):
        def forward(self, image: Any, state: Any = None, *, scale: Any = 1.0) -> Any:
            return image * scale + state[0]

    p = record(Two(), tg.randn(2, 3), [tg.randn(2, 3)], scale=tg.randn(2, 1))
    assert [v.name for v in p.inputs] == ["image", "state_0", "scale"]
    assert all(v.shape[0] == N for v in p.inputs)


def test_whole_layers() -> None:
    p = record(nn.LSTM(3, 4, batch_first=True), tg.randn(2, 5, 3))
    assert ops(p) == ["LSTM"]
    assert [v.shape for v in p.outputs] == [(N, 5, 4), (1, N, 4), (1, N, 4)]
    layer = nn.BatchNorm1d(3)
    layer.register_forward_hook(lambda _m, _a, y: y * 2)
    assert ops(record(layer, tg.randn(2, 3)))[-1] == "mul"  # a hook: told by its operations


def test_what_is_no_model_or_example() -> None:
    with pytest.raises(TypeError, match=r"nn\.Module"):
        record(lambda x: x, tg.randn(2))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="example"):
        record(nn.ReLU())
    with pytest.raises(RuntimeError, match="do not know their shapes"):
        record(nn.LazyLinear(2), tg.randn(2, 3))


def test_the_users_line() -> None:
    p = of(lambda x: x.exp(), 2, 3)
    assert p.steps[0].line.startswith("test_recording.py:")
    assert "x.exp()" in p.steps[0].line
    assert record(nn.ReLU(), tg.randn(2, 3)).steps[0].line == ""


def test_a_program_as_text() -> None:
    assert str(of(lambda x: x[1:] * 2, 2, 3)).splitlines() == [
        "x: (N, 3) float32",
        "0: getitem(x) -> (N - 1, 3)",
        "1: mul(0:getitem, 2) -> (N - 1, 3)",
    ]
