"""`Module.compile()`, and a Trainer that compiles: the same numbers, keys, copies and files as without."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.compiler.test_compile import batch, equal, planned
from tinygrad_cnn import nn
from tinygrad_cnn.compiler import CompileWarning
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.train import Callback, Trainer

pytestmark = pytest.mark.filterwarnings("error::tinygrad_cnn.compiler.CompileWarning")


def normalized() -> Any:
    """A net with batch-norm and dropout; without convolutions, which plans may add up in another order."""
    return nn.Sequential(
        *(nn.Flatten(), nn.Linear(64, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Dropout(0.4)),
        *(nn.Linear(24, 64), nn.Tanh(), nn.Linear(64, 10)),
    )


def compiled_in_place() -> tuple[Any, Any]:
    """A net, and a copy of it that is compiled as it stands."""
    tg.manual_seed(1)
    net = normalized()
    twin = copy.deepcopy(net)
    assert twin.compile() is None  # type: ignore[func-returns-value]
    return net, twin


def in_place(net: Any) -> int:
    """How many plans a module has that is compiled in place."""
    return planned(net.forward)


def train(net: Any, steps: int = 4) -> list[Any]:
    """Losses, and the state in the end."""
    optimizer = tg.optim.SGD(net.parameters(), lr=0.1)
    rng, losses = np.random.default_rng(0), []
    for k in range(steps):
        tg.manual_seed(k)
        x, t = batch(rng, 4)
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), t)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [*losses, *(v.numpy().copy() for v in net.state_dict().values())]


def alike(a: Any, b: Any) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_module_that_is_compiled_as_it_stands() -> None:
    """It trains to the same bits; its keys, names, text and mode are those it had."""
    net, twin = compiled_in_place()
    assert list(twin.state_dict()) == list(net.state_dict())
    assert [name for name, _ in twin.named_modules()] == [name for name, _ in net.named_modules()]
    assert repr(twin) == repr(net)
    assert type(twin) is nn.Sequential
    assert alike(train(net), train(twin))
    assert in_place(twin) == 1
    x, _ = batch(np.random.default_rng(1), 4)
    assert net.eval()(x).tolist() == twin.eval()(x).tolist() == twin(x).tolist() == twin(x).tolist()
    assert in_place(twin) == 2
    assert alike(train(net.train()), train(twin.train()))
    twin.compile()
    assert in_place(twin) == 0
    assert alike(train(net), train(twin))


COPIES: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda net: pickle.loads(pickle.dumps(net)),
    "copy": copy.copy,
}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("compile_it", ["in place", "apart"])
def test_copies_are_compiled_too(how: str, compile_it: str) -> None:
    """Each computes with its own parameters, by plans of its own."""
    net, twin = compiled_in_place()
    if compile_it == "apart":
        twin = tg.compile(normalized())
        twin.load_state_dict(net.state_dict())
    train(twin, 2)
    other = COPIES[how](twin)
    train(net, 2)
    if how == "copy":
        other[7] = nn.Linear(64, 10)
        assert other[7] is not twin[7] or compile_it == "apart"
        (other[7] if compile_it == "in place" else twin[7]).load_state_dict(net[7].state_dict())
    assert alike(train(net), train(other))
    assert (in_place(other) if compile_it == "in place" else planned(other)) == 1


def test_within_a_module_that_is_compiled_itself() -> None:
    """The outer one's plan holds what the inner one does."""

    def make() -> Any:
        tg.manual_seed(2)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Sequential(nn.ReLU(), nn.Linear(32, 10)))

    net, twin = make(), make()
    twin[2].compile()
    fast = tg.compile(twin)
    assert alike(train(net), train(fast))
    assert planned(fast) == 1
    assert in_place(twin[2]) == 0
    assert alike(train(net), train(twin))  # the inner one alone
    assert in_place(twin[2]) == 1


def test_a_forward_of_its_own_is_compiled() -> None:
    net = nn.Linear(2, 2)
    net.forward = lambda x: x * 3  # type: ignore[method-assign, assignment]
    net.compile()
    for k in range(3):
        assert net(tg.full((2,), float(k))).tolist() == [3.0 * k] * 2
    assert in_place(net) == 1


def test_options_are_those_of_compile() -> None:
    net = nn.Linear(2, 2)
    net.compile(disable=True)
    assert "forward" not in vars(net)
    with pytest.raises(RuntimeError, match="a mode or options"):
        net.compile(mode="default", options={})
    net.compile(mode="max-autotune")
    assert "forward" in vars(net)


# -------------------------------------------------------------------------------------------------------- the Trainer
def untimed(row: Any) -> dict[str, Any]:
    """A row of the history without what it took."""
    return {name: value for name, value in row.items() if name not in ("seconds", "images_per_s")}


class Seen(Callback):
    """Notes what callbacks are told, and stops when it is asked to."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.told: list[Any] = []
        self.batches, self.stop_after = 0, stop_after

    def on_batch_end(self, trainer: Any, logs: Any) -> None:
        self.batches += 1
        self.told.append(logs["loss"])
        if self.batches == self.stop_after:
            trainer.stop("enough")

    def on_epoch_end(self, trainer: Any, logs: Any) -> None:
        self.told.append(untimed(logs))
        self.told.append([p.grad.numpy().copy() for p in trainer.model.parameters()])


def trainer(compiles: bool, *callbacks: Any) -> Trainer:
    tg.manual_seed(4)
    net = normalized()
    optimizer = tg.optim.Adam(net.parameters(), lr=0.01)
    return Trainer(net, optimizer, metrics="accuracy", callbacks=callbacks, progress=True, compile=compiles)


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.random((22, 1, 8, 8), dtype=np.float32), rng.integers(0, 10, 22)


def flat(x: Any) -> Iterator[Any]:
    if isinstance(x, (list, tuple)):
        for part in x:
            yield from flat(part)
    else:
        yield x


def same_state(a: Trainer, b: Trainer) -> bool:
    rows = [
        [{k: v for k, v in r.items() if k not in ("seconds", "images_per_s")} for r in t.history.rows] for t in (a, b)
    ]
    return rows[0] == rows[1] and equal(a.model.state_dict().values(), b.model.state_dict().values())


def test_a_trainer_that_compiles(capsys: pytest.CaptureFixture[str]) -> None:
    """Losses, metrics, gradients, weights, predictions, output: with dropout, batch-norm, a last smaller batch."""
    runs, said = [], []
    for compiles in (False, True):
        seen = Seen()
        run = trainer(compiles, seen)
        run.fit(data(), 4, validation=0.25, batch_size=4)
        runs.append((run, seen, run.evaluate(data(), batch_size=4), run.predict(data()[0], batch_size=5)))
        out = capsys.readouterr()
        said.append([line.rpartition("  ")[0] for line in (out.out + out.err).splitlines()])
    (a, told, found, scores), (b, told_b, found_b, scores_b) = runs
    assert same_state(a, b)
    assert alike(flat(told.told), flat(told_b.told)) or told.told == told_b.told
    assert found == found_b
    assert scores.tolist() == scores_b.tolist()
    assert len(said[0]) == len(said[1])
    assert planned(b.model) >= 3
    assert type(b.model).__name__ == type(a.model).__name__
    assert repr(b) == repr(a)


@pytest.mark.parametrize("first", [False, True])
def test_a_run_is_resumed_with_and_without(first: bool, tmp_path: Path) -> None:
    """A checkpoint of either goes on in the other, to the bits of a run that was never stopped."""
    whole = trainer(False)
    whole.fit(data(), 3, batch_size=4)
    stopped = trainer(first, Seen(stop_after=8))
    stopped.fit(data(), 3, batch_size=4)
    assert stopped.stop_reason is not None
    stopped.save(tmp_path / "run.ckpt")
    goes_on = trainer(not first, Seen())
    goes_on.load(tmp_path / "run.ckpt")
    goes_on.fit(data(), 3, batch_size=4)
    assert same_state(whole, goes_on)


def test_a_loss_of_the_users_own_goes_by_plans() -> None:
    """What a subclass calls is ``trainer.model``."""

    class Own(Trainer):
        def compute_loss(self, batch: Any) -> Any:
            x, t = batch
            scores = self.model(x)
            return F.cross_entropy(scores, t) + 0.01 * scores.square().mean(), scores, t

    net = normalized()
    run = Own(net, tg.optim.SGD(net.parameters(), lr=0.1), progress=False, compile=True)
    run.fit(data(), 2, batch_size=11)
    assert planned(run.model) == 1


def test_a_model_that_cannot_be_compiled_is_trained_as_it_is() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.out = nn.Linear(64, 10)

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            y = self.out(x.flatten(1))
            return y * 2 if y.sum() > 0 else y

    net = Net()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        Trainer(net, tg.optim.SGD(net.parameters(), lr=0.1), progress=False, compile=True).fit(data(), 2)
    assert [w.category for w in said] == [CompileWarning]
