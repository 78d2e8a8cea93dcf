"""What looks at the numbers of a tensor says so, and what NumPy computes beside the operations is told."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy import ndarray

import tinygrad_cnn as tg
from tinygrad_cnn.autograd.modes import here
from tinygrad_cnn.compiler import CompileWarning, fusions
from tinygrad_cnn.ops.watched import afterwards, aside, reading
from tinygrad_cnn.tensors import Tensor

F = tg.nn.functional
HERE = Path(__file__).name
pytestmark = pytest.mark.filterwarnings("error::tinygrad_cnn.compiler.CompileWarning")
WHOLE = tg.tensor([2, 0, 1])

# fmt: off
READERS: dict[str, Callable[[Tensor], Any]] = {
    "item()": lambda x: x * x.sum().item(),
    "float()": lambda x: x * float(x[0]),
    "int()": lambda x: x * int(x[0]),
    "bool()": lambda x: x + 1 if x.sum() > 0 else x - 1,
    "index()": lambda x: x * [2.0, 3.0, 4.0][x.argmax()],
    "an index of no dimensions": lambda x: x * x[x.argmax()],
    "a list of indices": lambda x: x[[x.argmax(), 0]],
    "tolist()": lambda x: x * x.tolist()[0],
    "numpy()": lambda x: x * tg.tensor(np.sort(x.numpy())),
    "an array": lambda x: x * float(np.asarray(x)[0]),
    "a copy of an array": lambda x: x * float(np.array(x, copy=True)[0]),
    "a function of NumPy's": lambda x: x * float(np.linalg.norm(x)),
    "format()": lambda x: x * float(f"{x[0]:.3f}"),
    "str()": lambda x: x * len(str(x)),
    "repr()": lambda x: x * len(repr(x)),
    "in": lambda x: x + (1.0 in x),
    "equal()": lambda x: x + tg.equal(x, x * 1),
    "allclose()": lambda x: x + tg.allclose(x, x * x),
    "a number of a new tensor": lambda x: tg.full((3,), x[0]) + x,
    "tensor_split()": lambda x: tg.tensor_split(x, (x > 0).sum().reshape(1).to(tg.int64))[0].sum() + x,
    "one_hot()": lambda x: F.one_hot((x > 0).to(tg.int64)).sum() + x,
    "repeat_interleave()": lambda x: tg.repeat_interleave(x, (x > 0).sum()),
    "matrix_exp()": lambda x: tg.linalg.matrix_exp(x.abs().diag() * 100 + 100),
}
# fmt: on


def numbers(seed: int) -> Tensor:
    return tg.tensor(np.random.default_rng(seed).standard_normal(3).astype(np.float32))


@pytest.mark.parametrize("how", READERS)
def test_whoever_reads_runs_as_it_is(how: str) -> None:
    function = READERS[how]
    compiled = tg.compile(function)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", CompileWarning)
        for seed in range(4):
            x = numbers(seed)
            np.testing.assert_array_equal(compiled(x).numpy(), function(x).numpy())
    (warning,) = [w for w in said if issubclass(w.category, CompileWarning)]
    assert warning.filename == __file__
    assert "reads the numbers of a tensor" in str(warning.message)
    assert f"{HERE}:{function.__code__.co_firstlineno}: " in str(warning.message)


def test_a_tensor_that_was_there_before_is_read() -> None:
    scale = tg.tensor(1.0)
    compiled = tg.compile(lambda x: x * scale.item())
    with pytest.warns(CompileWarning, match=r"item\(\) reads"):
        assert compiled(tg.tensor([1.0])).tolist() == [1.0]
    scale.fill_(3.0)
    assert compiled(tg.tensor([1.0])).tolist() == [3.0]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.reshape(x.shape[0], 1) * x.ndim * len(x),
        lambda x: x * np.shape(x)[0],
        lambda x: sum(x),
        lambda x: x if x.requires_grad else x + 1,
    ],
)
def test_shapes_and_kinds_are_no_numbers(function: Callable[[Tensor], Tensor]) -> None:
    compiled = tg.compile(function)
    for seed in range(4):
        np.testing.assert_array_equal(compiled(numbers(seed)).numpy(), function(numbers(seed)).numpy())


# -------------------------------------------------------------------------------------------------- those who watch
class Listener:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def __enter__(self) -> Listener:
        self.before, here.mode.watchers = here.mode.watchers, (*here.mode.watchers, self)
        return self

    def __exit__(self, *_: Any) -> None:
        here.mode.watchers = self.before

    def aside(self, function: Any, inputs: Any, attributes: Any, made: Any, last: bool) -> Any:
        self.told.append((function, inputs, attributes, made, last))
        return made

    def reads(self, x: Any, how: str) -> None:
        self.told.append((x, how))


class Deaf:
    """Watches, and is told nothing of this kind."""


def test_aside_tells_those_who_listen() -> None:
    def halves(x: ndarray, *, at: int) -> tuple[ndarray, ndarray]:
        aside(np.negative, x)  # its own business
        return x[:at], x[at:]

    x = numbers(0)
    with Listener() as listener:
        here.mode.watchers = (*here.mode.watchers, Deaf())
        a, b = aside(halves, x, at=1)
    assert a.base is x._array
    assert b.shape == (2,)
    ((function, inputs, attributes, made, last),) = listener.told
    assert (function, inputs, attributes, last) == (halves, (x,), {"at": 1}, False)
    assert made[0] is a
    assert made[1] is b


def test_an_aside_that_raises_leaves_those_who_watch() -> None:
    with Listener() as listener:
        with pytest.raises(ZeroDivisionError):
            aside(lambda: 1 / 0)
        assert here.mode.watchers[-1] is listener
    assert listener.told == []


def test_afterwards_tells_those_who_listen() -> None:
    def one_more(count: ndarray) -> None:
        count += 1

    count = tg.tensor(0)
    with Listener() as listener:
        afterwards(one_more, count)
    assert count.item() == 1
    assert listener.told == [(one_more, (count,), {}, None, True)]


def test_reading_tells_those_who_listen() -> None:
    x = numbers(0)
    assert reading(x, "nobody") is x
    with Listener() as listener:
        assert reading(x, "a test") is x
    assert listener.told == [(x, "a test")]


# ------------------------------------------------------------------------------------------------- what a plan makes
def same_in_all_calls(function: Callable[..., Any], *inputs: Callable[[int], Tensor]) -> None:
    """The compiled function gives what the function gives, in six calls."""
    compiled = tg.compile(function)
    for seed in (0, 0, 1, 2, 3, 4):
        xs = [make(seed) for make in inputs]
        tg.manual_seed(seed)
        expected, state = function(*xs).numpy(), tg.get_rng_state().numpy()
        tg.manual_seed(seed)
        np.testing.assert_array_equal(compiled(*xs).numpy(), expected)
        np.testing.assert_array_equal(tg.get_rng_state().numpy(), state)


@np.errstate(all="ignore")
def same_gradients(function: Callable[..., Any], *inputs: Callable[[int], Tensor]) -> None:
    """The gradient of the first input, by the compiled function and by the function, in six calls."""
    compiled = tg.compile(function)
    for seed in (0, 0, 1, 2, 3, 4):
        found = []
        for f in (function, compiled):
            x, *others = (make(seed) for make in inputs)
            f(x.requires_grad_(), *others).backward()
            assert x.grad is not None
            found.append(x.grad.numpy())
        np.testing.assert_array_equal(*found)


def written(write: Callable[[Tensor], Any]) -> Callable[[Tensor], Tensor]:
    """A function that returns a copy after this write."""

    def function(x: Tensor) -> Tensor:
        y = x.clone()
        write(y)
        return y

    return function


# fmt: off
DRAWN: dict[str, Callable[[Tensor], Tensor]] = {
    "rand": lambda x: x + tg.rand(3),
    "randn_like": lambda x: x + tg.randn_like(x),
    "randint": lambda x: x + tg.randint(0, 9, (3,)),
    "randperm": lambda x: x[tg.randperm(3)],
    "normal": lambda x: tg.normal(x, x.abs()),
    "bernoulli": lambda x: tg.bernoulli(x.sigmoid()),
    "multinomial": lambda x: tg.multinomial(x.exp(), 2),
    "uniform_": written(lambda y: y.uniform_(-1, 2)),
    "uniform_ of a part": written(lambda y: y[1:].uniform_()),
    "normal_": written(lambda y: y.normal_()),
    "log_normal_": written(lambda y: y.log_normal_()),
    "exponential_": written(lambda y: y.exponential_()),
    "bernoulli_": written(lambda y: y.bernoulli_(y.sigmoid())),
    "random_": written(lambda y: y.random_(0, 9)),
    "dropout": lambda x: F.dropout(x),
    "dropout1d": lambda x: F.dropout1d(x[None, :, None]),
    "alpha_dropout": lambda x: F.alpha_dropout(x),
    "rrelu": lambda x: F.rrelu(x, training=True),
    "gumbel_softmax": lambda x: F.gumbel_softmax(x),
    "gumbel_softmax, hard": lambda x: F.gumbel_softmax(x, hard=True),
    "attention": lambda x: F.scaled_dot_product_attention(x[None], x[None], x[None], dropout_p=0.5),
    "Normal": lambda x: tg.distributions.Normal(x, x.exp()).rsample(),
    "Laplace": lambda x: tg.distributions.Laplace(x, x.exp()).rsample(),
    "Exponential": lambda x: tg.distributions.Exponential(x.exp()).rsample((2,)),
    "Uniform": lambda x: tg.distributions.Uniform(x, x + 1).sample(),
    "Bernoulli": lambda x: tg.distributions.Bernoulli(logits=x).sample(),
    "Categorical": lambda x: tg.distributions.Categorical(logits=x).sample((2,)),
}
MADE: dict[str, Callable[[Tensor], Tensor]] = {
    "tensor": lambda x: tg.tensor(x) * 2,
    "tensor in another dtype": lambda x: tg.tensor(x, dtype=tg.float64),
    "as_tensor in another dtype": lambda x: tg.as_tensor(x, dtype=tg.float64),
    "new_tensor": lambda x: x.new_tensor(x) * 2,
    "the bits": lambda x: x.view(tg.int32),
    "zeros that are written into": lambda x: tg.zeros(3).add_(x),
    "memory that was not set": lambda x: tg.empty(3).copy_(x),
    "zeros": lambda _: tg.zeros(3),
    "a list": lambda x: x + tg.tensor([1.0, 2.0, 3.0]),
    "a mask that is assigned": written(lambda y: y.__setitem__(y > 0, 7.0)),
    "places that are assigned": written(lambda y: y.__setitem__(y.argsort()[:2], 7.0)),
    "another tensor's places": lambda x: x[WHOLE],
    "a kind that is cast": lambda x: x / (x > 0),
    "the largest": written(lambda y: y.fill_(y.max())),
    "log_prob": lambda x: tg.distributions.Categorical(logits=x).log_prob(WHOLE),
    "mode": lambda x: tg.distributions.Categorical(logits=x).mode,
    "bounds": lambda x: tg.distributions.Uniform(x, x + 1).log_prob(x + 0.5),
}
# fmt: on


@pytest.mark.parametrize("name", DRAWN)
def test_what_is_drawn_is_drawn_in_each_call(name: str) -> None:
    same_in_all_calls(DRAWN[name], numbers)


@pytest.mark.parametrize("name", MADE)
def test_what_is_made_is_made_in_each_call(name: str) -> None:
    with np.errstate(divide="ignore"):
        same_in_all_calls(MADE[name], numbers)


def test_a_vector_is_drawn_as_one_of_its_classes() -> None:
    assert sorted(F.gumbel_softmax(numbers(0), hard=True).tolist()) == [0.0, 0.0, 1.0]


def test_results_of_another_size_are_noticed() -> None:
    def mean_of_some(x: Tensor) -> Tensor:
        return x[x > 0].mean() + tg.argwhere(x > 0).sum() + (x[tg.where(x < 0)] * 1).mean()

    same_in_all_calls(mean_of_some, lambda seed: tg.cat([numbers(seed), tg.tensor([1.0, -1.0])]))


def test_a_result_that_is_what_it_got_is_told_apart() -> None:
    def from_the_front(x: Tensor, i: Tensor) -> Tensor:
        return tg.take_along_dim(x, i, 0)

    same_in_all_calls(from_the_front, numbers, lambda seed: tg.tensor([2, 0, -1] if seed > 1 else [2, 0, 1]))


def test_gradients_of_what_is_cast() -> None:
    """The rule of a division by booleans reads them as floats: not those of the first call."""
    masks = [[True] * 3, [True, False, True], [False] * 3, [True] * 3, [False, False, True]]
    same_gradients(lambda x, mask: (x / mask).sum(), numbers, lambda seed: tg.tensor(masks[seed]))


def test_the_way_back_goes_another_way() -> None:
    """Of entries that are written twice the last one stays: whether there are any is found on the way back."""
    places = [[0, 1, 2], [2, 1, 0], [0, 1, 1], [2, 2, 2], [1, 0, 2]]

    def put(x: Tensor, i: Tensor) -> Tensor:
        y = tg.zeros(3)
        y[i] = x * x
        return (y * y).sum()

    same_gradients(put, numbers, lambda seed: tg.tensor(places[seed]))


def test_the_slope_of_a_product_is_that_without_a_plan() -> None:
    same_gradients(lambda x: x.prod(), lambda seed: numbers(seed) * [1, 1, 0, 1e30, float("nan")][seed])


def test_statistics_that_do_not_move() -> None:
    """What to multiply by and to add is made of a mean and a variance alone."""
    norm = tg.nn.BatchNorm1d(3, affine=False).eval()
    run = tg.compile(norm)
    for seed in range(5):
        norm.running_mean.copy_(numbers(seed))
        norm.running_var.copy_(numbers(seed).exp())
        for f in (norm, run):
            x = numbers(seed)[None].requires_grad_()
            y = f(x)
            y.sum().backward()
            assert x.grad is not None
            np.testing.assert_allclose(x.grad.numpy()[0], 1 / np.sqrt(np.exp(numbers(seed).numpy()) + 1e-5), rtol=1e-5)


def test_a_check_refuses_in_each_call() -> None:
    compiled = tg.compile(lambda p: F.binary_cross_entropy(p, p))
    good, bad = tg.tensor([0.5, 0.25]), tg.tensor([0.5, 1.25])
    for _ in range(3):
        assert compiled(good).item() == F.binary_cross_entropy(good, good).item()
    with pytest.raises(RuntimeError, match=r"must be probabilities between 0 and 1, got 1\.25 at \(1,\)"):
        compiled(bad)


def test_arrays_that_are_there_before_are_read_in_each_call() -> None:
    factors = np.ones(3, np.float32)
    compiled = tg.compile(lambda x: x * factors)
    for k in range(4):
        factors[:] = 1 if k < 2 else k
        np.testing.assert_array_equal(compiled(tg.ones(3)).numpy(), factors)


def test_a_constant_that_is_returned_is_the_callers() -> None:
    compiled = tg.compile(lambda _: tg.zeros(3))
    for _ in range(4):
        y = compiled(numbers(0))
        assert y.tolist() == [0.0, 0.0, 0.0]
        y += 1


# ------------------------------------------------------------------------------------------------------- no way round
def test_a_step_of_training_runs_as_it_is() -> None:
    nets = [tg.nn.Linear(3, 1) for _ in range(2)]
    nets[1].load_state_dict(nets[0].state_dict())
    steps = []
    for net in nets:
        optimizer = tg.optim.SGD(net.parameters(), lr=0.1)

        def step(x: Tensor, net: Any = net, optimizer: Any = optimizer) -> Tensor:
            optimizer.zero_grad()
            loss = net(x).square().sum()
            loss.backward()
            optimizer.step()
            return loss.detach()

        steps.append(step)
    compiled = tg.compile(steps[1])
    with pytest.warns(CompileWarning, match="a gradient is taken within"):
        assert compiled(numbers(0)).item() == steps[0](numbers(0)).item()
    for seed in range(1, 4):
        assert compiled(numbers(seed)).item() == steps[0](numbers(seed)).item()


def test_a_gradient_within_that_is_recorded_has_a_plan() -> None:
    def penalty(x: Tensor) -> Tensor:
        (g,) = tg.autograd.grad((x**3).sum(), x, create_graph=True)
        return (g * g).sum()

    same_in_all_calls(lambda x: penalty(x).detach(), lambda seed: numbers(seed).requires_grad_())


def test_a_gradient_that_is_left_is_no_plan() -> None:
    weight = tg.tensor(2.0, requires_grad=True)

    def function(x: Tensor) -> Tensor:
        (x * weight).sum().backward(create_graph=True)
        return x * 1

    compiled = tg.compile(function)
    with pytest.warns(CompileWarning, match="a gradient is left at a tensor"):
        compiled(tg.ones(2))
    compiled(tg.ones(2))
    compiled(tg.ones(2))
    assert weight.grad is not None
    assert weight.grad.item() == 6.0


def test_a_checkpoint_runs_as_it_is() -> None:
    def function(x: Tensor) -> Tensor:
        return tg.utils.checkpoint.checkpoint(lambda y: y.exp() * y, x).sum()

    compiled = tg.compile(function)
    with pytest.warns(CompileWarning, match="its way back is none of operations"):
        compiled(numbers(0).requires_grad_())
    x = numbers(1).requires_grad_()
    compiled(x).backward()
    y = numbers(1).requires_grad_()
    function(y).backward()
    assert x.grad is not None
    assert y.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), y.grad.numpy())


def test_another_generator_in_each_call_is_no_plan() -> None:
    def function(x: Tensor) -> Tensor:
        return x + tg.rand(3, generator=tg.Generator().manual_seed(0))

    compiled = tg.compile(function)
    compiled(numbers(0))
    with pytest.warns(CompileWarning, match="another generator in each call"):
        compiled(numbers(0))
    np.testing.assert_array_equal(compiled(numbers(1)).numpy(), function(numbers(1)).numpy())


def test_a_tensor_that_was_there_before_and_takes_a_gradient_is_no_plan() -> None:
    kept = tg.zeros(3)

    def function(x: Tensor) -> Tensor:
        kept[0] = x[0]
        return kept * 2

    compiled = tg.compile(function)
    for seed in range(4):
        kept.detach_().zero_()
        x = numbers(seed).requires_grad_()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CompileWarning)
            compiled(x).sum().backward()
        assert x.grad is not None
        assert x.grad.tolist() == [2.0, 0.0, 0.0]
        assert kept.tolist() == [x[0].item(), 0.0, 0.0]


def test_a_seed_that_is_set_within_is_no_plan() -> None:
    def function(x: Tensor) -> Tensor:
        tg.manual_seed(0)
        return x + tg.rand(3)

    compiled = tg.compile(function)
    with pytest.warns(CompileWarning, match="the generator of random numbers is seeded"):
        compiled(numbers(0))
    for seed in range(3):
        np.testing.assert_array_equal(compiled(numbers(seed)).numpy(), function(numbers(seed)).numpy())


def test_a_generator_of_the_users_goes_on() -> None:
    """Also where a plan fails in the middle, and where the way back is made once more."""
    sources = [tg.Generator().manual_seed(0) for _ in range(2)]

    def of(source: Any) -> Callable[[Tensor, Tensor], Tensor]:
        def function(x: Tensor, i: Tensor) -> Tensor:
            noise = tg.rand(3, generator=source)
            y = tg.zeros(3)
            y[i] = x * noise
            return (y * y).sum() + x[i].sum()

        return function

    functions = [of(sources[0]), tg.compile(of(sources[1]))]
    for seed, places in enumerate(([0, 1, 2], [2, 1, 0], [0, 1, 1], [0, 1, 9], [2, 2, 2], [1, 0, 2])):
        found = []
        for f in functions:
            x = numbers(seed).requires_grad_()
            try:
                f(x, tg.tensor(places)).backward()
            except IndexError as error:
                found.append(str(error))
                continue
            assert x.grad is not None
            found.append(x.grad.numpy())
        np.testing.assert_array_equal(*found)
        assert sources[0].get_state() == sources[1].get_state()


def test_rules_share_what_they_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradients of a normalisation of images, channel by channel, find their sums once, as without a plan."""
    monkeypatch.setattr(fusions, "RULES", [])
    weight, bias = (tg.tensor([k], requires_grad=True) for k in (1.5, 0.5))

    def function(x: Tensor) -> Tensor:
        y = F.batch_norm(x, None, None, weight, bias, training=True)
        return (y * y * y).sum()

    compiled = tg.compile(function)
    for seed in range(8):
        found = []
        for f in (function, compiled):
            x = tg.tensor(np.random.default_rng(seed).standard_normal((1, 1, 2, 4)).astype(np.float32))
            x.requires_grad_()
            weight.grad = bias.grad = None
            f(x).backward()
            found.append([t.grad.numpy() for t in (x, weight, bias) if t.grad is not None])
        for a, b in zip(*found, strict=True):
            np.testing.assert_array_equal(a, b)
