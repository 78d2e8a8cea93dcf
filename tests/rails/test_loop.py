"""Guard rails of the loop: what a backward and a step show together."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from rails.spoken import data, listening, net, said_once, sgd

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.arrays.guarding import awake
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.rails.memory import AWAKE, LONG, REST, watches


def test_a_right_loop_hears_nothing() -> None:
    (x, t), model = data(), net()
    for make in (tg.optim.SGD, tg.optim.Adam, tg.optim.RMSprop):
        optimizer = make(model.parameters(), lr=0.01)
        for clear in (optimizer.zero_grad, model.zero_grad) * 5:
            clear()
            F.cross_entropy(model(x), t).backward()
            optimizer.step()


# ---------------------------------------------------------------------------------------------------- stale gradients
def test_a_backward_onto_used_gradients() -> None:
    (x, t), model = data(), net()
    optimizer = sgd(model, 1e-3)
    with listening() as heard:
        for _ in range(5):
            F.cross_entropy(model(x), t).backward()  # here
            optimizer.step()
    assert "zero_grad()" in said_once(heard, "stale-gradient")


def test_the_second_backward_alone_is_enough() -> None:
    w = tg.ones(3, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1)
    w.sum().backward()
    optimizer.step()
    with listening() as heard:
        (w * w).sum().backward()  # here
    said_once(heard, "stale-gradient")


def each(change: Callable[[Any], Any]) -> Callable[[Any, Any], None]:
    def clear(model: Any, _optimizer: Any) -> None:
        for p in model.parameters():
            change(p)

    return clear


def scaled(p: Any) -> None:
    p.grad *= 0.5


CLEARED: list[Callable[[Any, Any], Any]] = [
    each(lambda p: setattr(p, "grad", None)),
    each(lambda p: p.grad.zero_()),
    each(lambda p: p.grad.fill_(0)),
    each(lambda p: p.grad.data.mul_(0)),
    each(lambda p: p.grad.numpy().fill(0)),
    each(scaled),
    lambda _model, optimizer: optimizer.zero_grad(),
    lambda _model, optimizer: optimizer.zero_grad(set_to_none=False),
    lambda model, _optimizer: model.zero_grad(),
    lambda model, _optimizer: model.zero_grad(set_to_none=False),
]


@pytest.mark.parametrize("clear", CLEARED, ids=range(len(CLEARED)))
@pytest.mark.parametrize("backwards", [1, 3])
def test_gradients_that_were_cleared_or_accumulated_are_fine(clear: Callable[[Any, Any], None], backwards: int) -> None:
    (x, t), model = data(), net()
    optimizer = sgd(model)
    for _ in range(4):
        for _ in range(backwards):
            F.cross_entropy(model(x), t).backward()
        optimizer.step()
        clear(model, optimizer)


def test_the_generator_of_a_gan_adds_to_the_discriminators_gradients_which_are_cleared_later() -> None:
    tg.manual_seed(0)
    G, D = nn.Linear(2, 4), nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    of_g, of_d = tg.optim.Adam(G.parameters()), tg.optim.Adam(D.parameters())
    one, zero, loss = tg.ones(16, 1), tg.zeros(16, 1), nn.BCEWithLogitsLoss()
    for _ in range(8):
        of_d.zero_grad()
        loss(D(tg.randn(16, 4)), one).backward()
        fake = G(tg.randn(16, 2))
        loss(D(fake.detach()), zero).backward()
        of_d.step()
        for _ in range(2):
            of_g.zero_grad()
            loss(D(G(tg.randn(16, 2))), one).backward()
            of_g.step()


def test_what_was_added_beside_fresh_gradients_is_spoken_of_when_a_step_uses_it() -> None:
    (x, t), model = data(), net()
    optimizer = sgd(model[2:])
    other = tg.optim.SGD(model[0].parameters(), lr=0.1)
    with listening() as heard:
        for _ in range(4):
            other.zero_grad()  # but not those of the optimizer
            F.cross_entropy(model(x), t).backward()  # here
            other.step()
            optimizer.step()
    said_once(heard, "stale-gradient")


def test_what_was_added_beside_fresh_gradients_may_be_zeroed_in_place() -> None:
    (x, t), model = data(), net()
    optimizer, other = sgd(model[2:]), sgd(model[0])
    for _ in range(3):
        F.cross_entropy(model(x), t).backward()
        other.step()
        optimizer.step()
        other.zero_grad()
        F.cross_entropy(model(x), t).backward()
        for p in model[2].parameters():
            p.grad.zero_()
        other.step()
        optimizer.step()
        model.zero_grad()


def test_lbfgs_whose_closure_clears_nothing() -> None:
    w = tg.tensor([1.0, -2.0], requires_grad=True)
    optimizer = tg.optim.LBFGS([w])

    def closure(clear: bool) -> Any:
        if clear:
            optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()  # here
        return loss

    optimizer.step(lambda: closure(True))
    optimizer.step(lambda: closure(True))
    with listening() as heard:
        with tg.no_grad():
            w.copy_(tg.tensor([3.0, 4.0]))
        optimizer.step(lambda: closure(False))
    said_once(heard, "stale-gradient")


# ----------------------------------------------------------------------------------------------- no backward, no step
def test_no_backward() -> None:
    (x, t), model = data(), net()
    optimizer = sgd(model)
    with listening() as heard:
        for _ in range(4):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), t)
            optimizer.step()  # here
    assert loss.item() > 0
    assert "loss.backward()" in said_once(heard, "no-backward")


def test_no_backward_after_another_run_whose_loss_was_wrapped_anew() -> None:
    """What the latest backward began at is no matter to an optimizer made since."""
    (x, t), model = data(), net()
    optimizer = sgd(model)
    with tg.guard_rails(True), listening():
        tg.tensor(1.0, requires_grad=True).backward()
    del optimizer
    optimizer = sgd(model)
    with listening() as heard:
        for _ in range(4):
            optimizer.zero_grad()
            F.cross_entropy(model(x), t)
            optimizer.step()  # here
    assert "loss.backward()" in said_once(heard, "no-backward")


def test_one_backward_for_several_steps() -> None:
    (x, t), model = data(), net()
    optimizer = sgd(model)
    F.cross_entropy(model(x), t).backward()
    with listening() as heard:
        for _ in range(4):
            optimizer.step()  # here
    assert "same gradients" in said_once(heard, "no-backward")


def test_steps_without_a_loss_draw_a_schedule() -> None:
    optimizer = sgd(net())
    scheduler = tg.optim.lr_scheduler.StepLR(optimizer, 3)
    for _ in range(10):
        optimizer.step()
        scheduler.step()


def test_gradients_that_somebody_sets_may_be_used_again() -> None:
    w = tg.ones(2, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1)
    w.grad = tg.ones(2)
    for _ in range(3):
        optimizer.step()


@pytest.mark.parametrize("by", ["optimizer", "model"])
def test_no_step(by: str) -> None:
    (x, t), model = data(), net()
    optimizer = sgd(model)
    with listening() as heard:
        for _ in range(12):
            (optimizer if by == "optimizer" else model).zero_grad()
            F.cross_entropy(model(x), t).backward()  # here
    assert "optimizer.step()" in said_once(heard, "no-step")


def test_neither_cleared_nor_stepped() -> None:
    (x, t), model = data(), net()
    optimizer = sgd(model)
    with listening() as heard:
        for _ in range(20):
            F.cross_entropy(model(x), t).backward()  # here
    assert optimizer.steps_taken == 0
    said_once(heard, "no-step")


def test_gradients_of_many_batches_may_add_up_before_the_first_step() -> None:
    (x, t), model = data(128), net()
    optimizer = sgd(model)
    for k in range(128):
        F.cross_entropy(model(x[k : k + 1]), t[k : k + 1]).backward()
    optimizer.step()


def test_gradients_without_steps_are_fine_of_inputs_after_training_and_by_hand() -> None:
    (x, t), model = data(), net()
    optimizer = sgd(model)
    for _ in range(12):  # adversarial images
        image = x.clone().requires_grad_()
        optimizer.zero_grad()
        F.cross_entropy(model(image), t).backward()
    for _ in range(12):  # steps by hand, beside an optimizer that is not used
        model.zero_grad()
        F.cross_entropy(model(x), t).backward()
        with tg.no_grad():
            for p in model.parameters():
                p -= 0.1 * p.grad
    optimizer.zero_grad()
    F.cross_entropy(model(x), t).backward()
    optimizer.step()
    for _ in range(12):  # Fisher's information, after the training
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()


@pytest.mark.parametrize("clear", ["zero", "None", "model"])
def test_cleared_before_the_step(clear: str) -> None:
    (x, t), model = data(), net()
    optimizer = sgd(model)
    with listening() as heard:
        for _ in range(4):
            F.cross_entropy(model(x), t).backward()
            if clear == "model":
                model.zero_grad()
            else:
                optimizer.zero_grad(set_to_none=clear == "None")
            optimizer.step()  # here
    said_once(heard, "cleared-before-step")


# ------------------------------------------------------------------------------------------------- a loss without past
WRAPPED: list[Callable[[Any], Any]] = [
    lambda loss: tg.tensor(loss.item(), requires_grad=True),
    lambda loss: tg.Tensor([loss.item()]).requires_grad_(),
    lambda loss: loss.detach().requires_grad_(),
    lambda loss: tg.tensor(loss.numpy(), requires_grad=True),
]


@pytest.mark.parametrize("wrap", WRAPPED, ids=range(len(WRAPPED)))
@pytest.mark.parametrize("has_optimizer", [True, False])
def test_a_loss_wrapped_anew(wrap: Callable[[Any], Any], has_optimizer: bool) -> None:
    (x, t), model = data(), net()
    optimizer = sgd(model) if has_optimizer else None
    with listening() as heard:
        for _ in range(3):
            model.zero_grad()
            loss = wrap(F.cross_entropy(model(x), t))
            loss.backward()  # here
            if optimizer is not None:
                optimizer.step()
    said_once(heard, "loss-wrapped")


def test_a_backward_that_reaches_no_parameter() -> None:
    (x, t), model = data(), net()
    optimizer, scale = sgd(model), tg.ones(3, requires_grad=True)
    with listening() as heard:
        for _ in range(4):
            optimizer.zero_grad()
            F.cross_entropy(model(x).detach() * scale, t).backward()
            scale.grad = None
            optimizer.step()  # here
    assert "detach()" in said_once(heard, "no-gradient")


# -------------------------------------------------------------------------------------------------------- for all of it
def test_off_is_off_and_a_new_optimizer_is_a_new_run() -> None:
    (x, t), model = data(), net()

    def wrong() -> None:
        optimizer = sgd(model, 1e-3)
        for _ in range(3):
            F.cross_entropy(model(x), t).backward()  # here
            optimizer.step()

    with listening() as heard, tg.guard_rails(False):
        wrong()
    assert heard == []
    with listening() as heard:
        wrong()
        wrong()
    assert [spoken.rail for spoken in heard] == ["stale-gradient"] * 2


def test_as_an_error_it_leaves_all_gradients_as_they_were() -> None:
    (x, t), model = data(), net()
    optimizer = sgd(model)
    F.cross_entropy(model(x), t).backward()
    optimizer.step()
    before = [p.grad.numpy().copy() for p in model.parameters()]
    with pytest.raises(tg.GuardRailWarning, match="stale-gradient"):
        F.cross_entropy(model(x), t).backward()
    assert all((a == p.grad.numpy()).all() for a, p in zip(before, model.parameters(), strict=True))


def test_nothing_is_kept_and_nothing_grows() -> None:
    (x, t), model = data(), net()
    optimizer = sgd(model)
    (watch,) = [w for w in watches if w.optimizer is not None and w.optimizer() is optimizer]

    def size() -> int:
        return sum(len(v) for v in vars(watch).values() if isinstance(v, (dict, set, list, frozenset)))

    sizes = []
    for _ in range(30):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
        sizes.append(size())
    assert len(set(sizes)) == 1
    gone = weakref.ref(optimizer)
    gc.disable()
    try:
        del optimizer
        assert gone() is None
        assert not watch.alive
    finally:
        gc.enable()


def test_threads_have_runs_of_their_own() -> None:
    heard: list[Any] = []
    start = threading.Barrier(4)

    def right(k: int) -> None:
        (x, t), model = data(), net()
        optimizer = sgd(model, 0.01 * (k + 1))
        start.wait()
        try:
            for _ in range(40):
                optimizer.zero_grad()
                F.cross_entropy(model(x), t).backward()
                optimizer.step()
        except BaseException as error:
            heard.append(error)

    threads = [threading.Thread(target=right, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == []


def test_the_weights_are_the_same_with_and_without() -> None:
    (x, t), ends = data(), []
    for on in (True, False):
        model = net()
        with tg.guard_rails(on):
            optimizer = tg.optim.Adam(model.parameters(), lr=0.01)
            for _ in range(20):
                optimizer.zero_grad()
                F.cross_entropy(model(x), t).backward()
                optimizer.step()
        ends.append([p.numpy() for p in model.parameters()])
    assert all(np.array_equal(a, b) for a, b in zip(*ends, strict=True))


# ---------------------------------------------------------------------------------------------------------- long runs
def long_run(model: Any, optimizer: Any, x: Any, t: Any, steps: int = LONG + AWAKE + 3) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()


def test_a_long_run_is_looked_at_now_and_then() -> None:
    (x, t), model = data(), net()
    optimizer = sgd(model, 1e-3)
    long_run(model, optimizer, x, t, LONG + AWAKE - 2)
    assert awake()
    looked = []
    for _ in range(3 * (AWAKE + REST)):
        long_run(model, optimizer, x, t, 1)
        looked.append(awake())
    assert abs(sum(looked) - 3 * AWAKE) <= 3


def test_a_mistake_late_in_a_long_run_is_spoken_of() -> None:
    (x, t), model = data(), net()
    optimizer = sgd(model, 1e-3)
    long_run(model, optimizer, x, t)
    assert not awake()
    with listening() as heard:
        for _ in range(REST + AWAKE):
            F.cross_entropy(model(x), t).backward()  # here
            optimizer.step()
    said_once(heard, "stale-gradient")


def test_another_mistake_of_a_loss_late_in_a_long_run_is_spoken_of() -> None:
    (x, t), model = data(), net()
    optimizer = sgd(model, 1e-3)
    long_run(model, optimizer, x, t)
    with listening() as heard:
        for _ in range(REST + AWAKE):
            optimizer.zero_grad()
            F.cross_entropy(model(x).softmax(1), t).backward()  # here
            optimizer.step()
    said_once(heard, "softmax-before-loss")


def test_another_optimizer_is_looked_at_from_its_first_step() -> None:
    (x, t), model = data(), net()
    long_run(model, sgd(model, 1e-3), x, t)
    assert not awake()
    optimizer = sgd(model, 1e-3)
    with listening() as heard:
        for _ in range(4):
            optimizer.zero_grad()
            F.cross_entropy(model(x), t).backward()  # here
    said_once(heard, "no-step")


def test_each_parameter_has_a_backward_of_its_own() -> None:
    params = [nn.Parameter(tg.tensor([float(k)])) for k in range(1, 13)]
    optimizer = tg.optim.SGD(params, lr=0.1)
    with listening() as heard:
        for p in params:
            (p * p).sum().backward()
        optimizer.step()
    assert heard == []
