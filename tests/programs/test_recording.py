"""What a model computes, as a program: its steps, what depends on the batch, and what is refused."""

from __future__ import annotations

import dataclasses
import re
import warnings
from typing import Any, NamedTuple

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


class Weighed(nn.Module):
    """A function of x and of weights."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function
        self.a, self.b = nn.Parameter(tg.ones(4)), nn.Parameter(tg.ones(4) * 2)

    def forward(self, x: Any) -> Any:
        return self.function(self, x)


def odd(x: Any) -> bool:
    return x.shape[0] % 2 == 1


def with_fives(x: Any) -> Any:
    y = x.clone()
    y[:7, 1] = 5.0
    return y


OTHERWISE: dict[str, tuple[Any, str]] = {  # of m.a, m.b and x (2, 4)
    "another weight": (lambda m, x: x * (m.a if odd(x) else m.b), "a value is of another kind"),
    "one more weight": (lambda m, x: (x + m.a) * (m.a if odd(x) else m.b), "other values are read"),
    "other results": (lambda _m, x: (x + 1, x * 2)[:: 1 if odd(x) else -1], "other values are returned"),
    "another order": (
        lambda _m, x: (lambda a, b: a - b if odd(x) else b - a)(x + 1, x * 2),
        "another value is read, in sub of the Weighed",
    ),
    "another dtype": (lambda _m, x: x * tg.tensor(2.0 if odd(x) else [2.0]), "number of dimensions"),
    "no bound": (lambda _m, x: x.clamp(0, None if odd(x) else 1), "1.0 became None, in clip"),
    "more dimensions": (
        lambda _m, x: x.sum((0, 1) if odd(x) else (0,), keepdim=True).sum(),
        r"\(0,\) became \(0, 1\), in sum",
    ),
    "positions for each of the batch": (
        lambda _m, x: x[:, [0] * x.shape[0]],
        r"an array of shape \(2,\) depends on the batch, in getitem",
    ),
    "numbers for each of the batch": (
        lambda _m, x: x * tg.tensor([[2.0 * i] for i in range(x.shape[0])]),
        r"an array of shape \(2, 1\) that no operation made has other numbers for each batch size, which mul .* reads",
    ),
    "a number that repeats": (
        lambda _m, x: x + tg.full((x.shape[0], 1), float(x.shape[0])),
        r"an array of shape \(2, 1\) that no operation made has other numbers for each batch size, which add .* reads",
    ),
    "a number instead of a tensor": (
        lambda m, x: (lambda y: y * (2.0 if odd(x) else y) * m.a)(x * 2),
        r"became 2\.0, in mul",
    ),
    "more entries": (
        lambda _m, x: x.reshape((2, -1, 1) if odd(x) else (2, -1)) if x.shape[0] in (2, 4) else x,
        "it takes 1 steps for one and 0 for the other",
    ),
    "a slice that is longer than a batch": (
        lambda _m, x: x[:5].var(0),
        "a slice goes to 5, beyond a batch that has 1 there, in getitem",
    ),
    "a slice from far behind": (lambda _m, x: x[1, None, -9:] + x[-6:].sum(0), "a slice goes to -6, beyond a batch"),
    "a write that is longer than a batch": (lambda _m, x: with_fives(x), "a slice goes to 7, beyond a batch .*setitem"),
}


@pytest.mark.parametrize("what", OTHERWISE)
def test_what_is_otherwise_for_another_batch_fixes_its_size(what: str) -> None:
    function, message = OTHERWISE[what]
    p = record(Weighed(function), tg.randn(2, 4))
    assert not p.free
    assert re.search(message, p.fixed_because), p.fixed_because
    assert all(isinstance(n, int) for value in p.outputs for n in value.shape)


def test_slices_that_hold_for_any_batch_leave_it_free() -> None:
    p = of(lambda x: x[1:, :9] + x[:-1, -9:] + x[: x.shape[0] - 1] + x[-1:] + x[..., :7][1:], 3, 4)
    assert p.free
    assert p.outputs[0].shape == (Extent(1, -1), 4)


def test_a_batch_that_the_model_refuses_fixes_its_size() -> None:
    def two(x: Any) -> Any:
        if x.shape[0] != 2:
            raise ValueError("two at a time, please")
        return x * 2

    assert of(two, 2, 3).fixed_because.startswith("with a batch of 3 it fails: two at a time, please")
    with pytest.raises(ValueError, match="along batch_dim=0: with a batch of 3 it fails: two at a time, please"):
        record(Calls(two), tg.randn(2, 3), batch_dim=0)


def test_numbers_that_the_model_refuses_tell_nothing() -> None:
    def positive(x: Any) -> Any:
        if bool((x < 0).any()):
            raise ValueError("only positive numbers, please")
        return x * 2

    assert ops(record(Calls(positive), tg.rand(2, 3))) == ["mul"]


def test_an_empty_batch_has_a_fixed_size() -> None:
    p = of(lambda x: x * 2, 0, 3)
    assert (p.free, p.fixed_because) == (False, "the example's batch is empty")
    assert p.outputs[0].shape == (0, 3)
    with pytest.raises(ValueError, match="along batch_dim=0: the example's batch is empty"):
        record(Calls(lambda x: x * 2), tg.zeros(0, 3), batch_dim=0)


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
        lambda x: x[:, : 1 + int(x[0].numpy().argmax())],
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


def test_results_with_fields() -> None:
    @dataclasses.dataclass
    class Found:
        score: Any
        parts: Any = None

    p = of(lambda x: Found(x * 2, [x + 1, None, {"last": x}]), 2, 3)
    assert p.output_names == ["score", "parts_0", "parts_2_last"]
    assert [v.shape for v in p.outputs] == [(N, 3)] * 3
    assert p.keyed


def test_names_of_inputs_in_dicts_and_beside_other_things() -> None:
    class Many(nn.Module):
        def forward(self, x: Any, times: Any, more: Any, **rest: Any) -> Any:
            return x * times + more["y"][0] + rest["z"]

    x = tg.randn(2, 3)
    p = record(Many(), x, 3, {"y": [x, None], "label": "none"}, z=x * 2, w=None)
    assert [v.name for v in p.inputs] == ["x", "more_y_0", "z"]
    assert p.steps[0].inputs[1] == 3


@pytest.mark.parametrize("given", [((), {}), ((1, 2), {}), ((), {"y": 1})])
def test_a_call_that_does_not_fit_is_told_by_the_call(given: Any) -> None:
    args, kwargs = given
    with pytest.raises(TypeError, match=r"forward\(\) (missing|takes|got an unexpected)"):
        record(Two(), tg.randn(2, 3), *args, **kwargs)


class Two(nn.Module):
    def forward(self, left: Any, right: Any) -> Any:
        return left + right


def test_batches_of_different_sizes() -> None:
    message = r"batches of different sizes along batch_dim: \[2, 3\]"
    with pytest.raises(ValueError, match=message):
        record(Two(), tg.randn(2, 4), tg.randn(3, 4), batch_dim=0)


def test_names_of_inputs() -> None:
    class Two(nn.Module):
        def forward(self, image: Any, state: Any = None, *, scale: Any = 1.0) -> Any:
            return image * scale + state[0]

    p = record(Two(), tg.randn(2, 3), [tg.randn(2, 3)], scale=tg.randn(2, 1))
    assert [v.name for v in p.inputs] == ["image", "state_0", "scale"]
    assert all(v.shape[0] == N for v in p.inputs)


class Doubled(tg.autograd.Function):
    """Twice x, by NumPy."""

    @staticmethod
    def forward(_ctx: Any, x: Any) -> Any:
        return tg.tensor(x.numpy() * 2)

    @staticmethod
    def backward(_ctx: Any, g: Any) -> Any:
        return g * 2


def test_a_function_of_ones_own_that_is_made_of_operations_is_these() -> None:
    class Tripled(Doubled):
        @staticmethod
        def forward(_ctx: Any, x: Any) -> Any:
            return x * 3

    def forward(x: Any) -> Any:
        with tg.enable_grad():
            return Tripled.apply(x.detach().requires_grad_())

    assert ops(of(forward, 2, 3)) == ["mul"]


def test_a_function_of_ones_own_that_is_recorded_is_a_step() -> None:
    def forward(x: Any) -> Any:
        with tg.enable_grad():
            return Doubled.apply(x.detach().requires_grad_()) + 1

    p = of(forward, 2, 3)
    assert ops(p) == ["Doubled", "add"]
    assert p.steps[0].inputs == (p.inputs[0],)
    assert p.free
    with pytest.raises(RuntimeError, match="where no operation sees it"):  # without gradients it is nothing but NumPy
        of(lambda x: Doubled.apply(x) + 1, 2, 3)


def test_whole_layers() -> None:
    p = record(nn.LSTM(3, 4, batch_first=True), tg.randn(2, 5, 3))
    assert ops(p) == ["LSTM"]
    assert [v.shape for v in p.outputs] == [(N, 5, 4), (1, N, 4), (1, N, 4)]
    layer = nn.BatchNorm1d(3)
    layer.register_forward_hook(lambda _m, _a, y: y * 2)
    assert ops(record(layer, tg.randn(2, 3)))[-1] == "mul"  # a hook: told by its operations


@pytest.mark.parametrize("kind", [nn.BatchNorm1d, nn.EmbeddingBag, nn.AdaptiveMaxPool1d])
def test_a_subclass_of_a_layer_is_the_step_that_the_layer_is(kind: Any) -> None:
    own = type("Own", (kind,), {})
    x = tg.tensor([[0, 1], [2, 1]]) if kind is nn.EmbeddingBag else tg.randn(2, 3, 4)
    p = record(own(3, 2) if kind is nn.EmbeddingBag else own(3), x)
    assert ops(p) == [kind.__name__]
    assert p.steps[0].type == "Own"


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


def test_what_nobody_reads_may_be_other_numbers_each_time() -> None:
    rng = np.random.default_rng()

    def function(x: Any) -> Any:
        (tg.tensor(rng.normal(size=x.shape[0])) * 2).exp()
        return x + 1

    program = of(function, 2, 3)
    assert (ops(program), program.known, program.free) == (["add"], [], True)


@pytest.mark.parametrize(
    ("result", "got"), [(lambda _x: None, "nothing"), (lambda _x: (), "nothing"), (lambda x: (x, 3), "a int")]
)
def test_what_a_model_gives_that_is_no_tensor_is_named(result: Any, got: str) -> None:
    with pytest.raises(TypeError, match=f"a model to record must return Tensors, .* it gave {got}$"):
        of(result, 2, 3)


def test_numbers_that_are_nan_are_the_same_for_each_batch() -> None:
    p = of(lambda x: tg.where(x > 0, x, float("nan")) + tg.tensor([float("nan"), 1.0, 2.0]), 2, 3)
    assert p.free
    assert ops(p) == ["gt", "where", "add"]


def test_positions_that_are_computed_are_values() -> None:
    p = record(Calls2(lambda x, i: x[:, i] + x[:, i - 1]), tg.randn(2, 5), tg.tensor([0, -1, 2]))
    assert p.free
    assert [s.op for s in p.steps] == ["getitem", "sub", "getitem", "add"]
    assert list(p.steps[0].values()) == [p.inputs[0], p.inputs[1]]
    assert list(p.steps[2].values()) == [p.inputs[0], p.steps[1].output]


class Calls2(nn.Module):
    """A module around a function of two."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Any, i: Any) -> Any:
        return self.function(x, i)


@pytest.mark.parametrize("shapes", [[(3, 4), (3, 2), (4, 3)], [(3,), (3, 3), (2,)]])
def test_by_default_the_batch_is_the_first_dimension_of_all_that_are_as_long(shapes: Any) -> None:
    class Three(nn.Module):
        def forward(self, a: Any, b: Any, c: Any) -> Any:
            return a * 2, b * 2, c * 2

    p = record(Three(), *(tg.randn(*shape) for shape in shapes))
    for value, shape in zip(p.inputs, shapes, strict=True):
        assert value.shape == ((N if shape[0] == 3 else shape[0]), *shape[1:])
    assert (p.batch, p.free) == (3, True)


def test_a_batch_that_is_not_in_front_and_not_in_all() -> None:
    class Three(nn.Module):
        def forward(self, a: Any, b: Any, c: Any) -> Any:
            return a + b + c

    given = tg.randn(4, 3), tg.randn(4, 3), tg.randn(4, 1)
    for dims in ((1, -1, None), [1, 1, None]):
        p = record(Three(), *given, batch_dim=dims)
        assert [v.shape for v in (*p.inputs, *p.outputs)] == [(4, N), (4, N), (4, 1), (4, N)]
        assert (p.batch, p.free, p.fixed_because) == (3, True, "")
    p = record(Three(), *given, batch_dim=None)
    assert (p.batch, p.free, p.fixed_because) == (1, False, "")
    for wrong, message in (
        ((1, 1), "batch_dim has 2 entries for 3 arrays among the examples"),
        ((1, 2, None), r"batch_dim 2 is no dimension of an example of shape \(4, 3\)"),
        ((1, -3, None), r"batch_dim -3 is no dimension of an example of shape \(4, 3\)"),
        ("all", "batch_dim must be a number, a tuple of them or None, got 'all'"),
    ):
        with pytest.raises(ValueError, match=message):
            record(Three(), *given, batch_dim=wrong)
    assert record(Calls(lambda x: x * 2), tg.tensor(1.0)).fixed_because == ""


@pytest.mark.parametrize(
    ("extent", "text"),
    [
        (Extent(1), "N"),
        (Extent(2), "2 * N"),
        (Extent(1, 3), "N + 3"),
        (Extent(4, -1), "4 * N - 1"),
        (Extent(0, 1), "0 * N + 1"),
    ],
)
def test_an_extent_as_text_and_as_a_number(extent: Extent, text: str) -> None:
    assert str(extent) == text
    assert extent.at(5) == eval(text, {"N": 5})


def test_a_free_program_holds_for_the_batches_it_was_not_made_of() -> None:
    """Shapes and attributes with extents are those of a call with that batch."""

    def function(x: Any) -> Any:
        y = tg.cat([x, x[:1]]).reshape(-1, 2)
        return y[1:].sum(1), x * tg.ones(x.shape[0], 1), tg.arange(2 * x.shape[0])

    free = of(function, 3, 4)
    assert free.free
    for n in (2, 7, 20):
        fixed = record(Calls(function), tg.randn(n, 4), batch_dim=None)
        for a, b in zip(free.outputs, fixed.outputs, strict=True):
            assert tuple(s.at(n) if isinstance(s, Extent) else s for s in a.shape) == b.shape


class Pair(NamedTuple):
    """Two results with names."""

    left: Any
    right: Any


def test_the_fields_of_a_named_tuple_are_names_of_results() -> None:
    p = of(lambda x: Pair(x + 1, [x * 2, x]), 2, 3)
    assert p.output_names == ["left", "right_0", "right_1"]
    assert p.keyed
    for plain in (lambda x: x + 1, lambda x: (x + 1, x), lambda x: [x + 1]):
        assert not of(plain, 2, 3).keyed
    assert of(lambda x: {"a": x + 1}, 2, 3).keyed


def test_a_warning_of_the_model_is_heard_once() -> None:
    def warns(x: Any) -> Any:
        warnings.warn("look out", UserWarning, stacklevel=2)
        return x * 2

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert of(warns, 2, 3).free
    assert [str(w.message) for w in heard] == ["look out"]


def test_what_is_seen_with_some_numbers_counts_where_others_are_refused() -> None:
    for sign in (-1.0, 1.0):

        def one_sided(x: Any, sign: float = sign) -> Any:
            if (x.numpy() * sign < 0).any():
                raise ValueError("not these numbers, please")
            return x * float(x.numpy().max())

        with pytest.raises(RuntimeError, match="depends on the numbers"):
            record(Calls(one_sided), tg.rand(2, 3) * sign)


@pytest.mark.parametrize(
    ("own", "names"),
    [(["a", "b"], ["a", "b"]), (["a", "b", "c"], ["a", "b"]), (["a"], ["left", "right"]), (None, ["left", "right"])],
)
def test_a_model_may_name_its_inputs_itself(own: Any, names: list[str]) -> None:
    model = Two()
    model.input_names = own
    assert [v.name for v in record(model, tg.randn(2, 3), tg.randn(2, 3)).inputs] == names
    assert [v.name for v in record(model, tg.randn(2, 3), right=tg.randn(2, 3)).inputs] == ["left", "right"]


def test_inputs_that_came_as_a_list_are_counted() -> None:
    class Many(nn.Module):
        def forward(self, *things: Any) -> Any:
            return sum(things)

    assert [v.name for v in record(Many(), tg.randn(2, 3)).inputs] == ["things"]
    assert [v.name for v in record(Many(), tg.randn(2, 3), tg.randn(2, 3)).inputs] == ["things_0", "things_1"]
    assert [v.name for v in record(nn.ReLU(), tg.randn(2, 3)).inputs] == ["input"]


def test_views_know_what_is_written_through_others() -> None:
    def function(x: Any) -> Any:
        y = x * 2
        whole, part = y.view(2, 3), y[0]
        part.add_(1)
        a = whole + 0.5
        whole.mul_(3)
        return a, part - 1, y.detach(), y.numpy() * 1.0

    x = np.arange(6, dtype="f").reshape(2, 3)
    with pytest.raises(RuntimeError, match="depends on the numbers"):
        record(Calls(function), tg.tensor(x), batch_dim=None)
    p = record(Calls(lambda x: function(x)[:3]), tg.tensor(x), batch_dim=None)
    assert [s.op for s in p.steps].count("overwritten") == 2  # through a part, and through the whole
    assert len({v.number for v in p.outputs}) == 3
