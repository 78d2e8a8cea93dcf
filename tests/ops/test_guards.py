"""The guard rails of operations: errors that broadcast, sums that keep graphs, pixels that nobody scaled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hearing import Programs, check_speaks_once, heard

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F

programs = Programs()
speaks, silent = programs.speaks, programs.silent
RNG = np.random.default_rng(0)
X = tg.tensor(RNG.normal(size=(12, 4)).astype(np.float32))
Y = tg.tensor(RNG.normal(size=12).astype(np.float32))
IMAGES = RNG.integers(0, 256, (6, 1, 28, 28)).astype(np.uint8)


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))


# ------------------------------------------------------------------------------------- (N, 1) and (N,)
@speaks("broadcast-loss")
def a_squared_error() -> None:
    model = net()
    for _ in range(3):
        ((model(X) - Y) ** 2).mean().backward()  # here


@speaks("broadcast-loss")
def the_other_way_round() -> None:
    model = net()
    for _ in range(3):
        (Y[:, None] - model(X).squeeze(1)).abs().sum().backward()  # here


@speaks("broadcast-loss")
def a_product_of_itself() -> None:
    model = net()
    for _ in range(3):
        d = Y - model(X)
        (d * d).mean(1).mean().sqrt().backward()  # here


@speaks("broadcast-loss")
def in_words_and_flat() -> None:
    model = net()
    for _ in range(3):
        tg.square(tg.sub(model(X), Y)).view(-1).mean().backward()  # here


@speaks("broadcast-loss")
def a_huber_loss_by_hand() -> None:
    model = net()
    for _ in range(3):
        d = model(X) - Y
        tg.where(d.abs() < 1, 0.5 * d**2, d.abs() - 0.5).mean().backward()  # here


@speaks("broadcast-loss")
def a_cross_entropy_by_hand() -> None:
    model, t = net(), (Y > 0).float()
    for _ in range(3):
        p = model(X).sigmoid()
        (-(t * p.log() + (1 - t) * (1 - p).log())).mean().backward()  # here


@speaks("broadcast-loss")
def a_hinge_by_hand() -> None:
    model, t = net(), Y.sign()
    for _ in range(3):
        (1 - t * model(X)).clamp(min=0).mean().backward()  # here


@speaks("broadcast-loss")
def a_norm() -> None:
    model = net()
    for _ in range(3):
        (model(X) - Y).norm().backward()  # here


@speaks("broadcast-loss")
def two_leaves() -> None:
    a = tg.zeros(12, requires_grad=True)
    for _ in range(3):
        ((a - Y[:, None]) ** 2).mean().backward()  # here


@speaks("broadcast-loss")
def a_column_that_was_cut_out() -> None:
    model = nn.Linear(4, 3)
    for _ in range(3):
        ((model(X)[:, 1:2] - Y) ** 2).mean().backward()  # here


@speaks("broadcast-loss")
def with_a_penalty_behind_it() -> None:
    model = nn.Linear(4, 1)
    for _ in range(3):
        ((model(X) - Y).square() + model.weight.square().sum()).mean().backward()  # here


@speaks("broadcast-comparison")
def an_accuracy() -> None:
    model, t = net(), (Y > 0).float()
    for _ in range(3):
        (model(X).sigmoid().round() == t).float().mean().item()  # here


@speaks("broadcast-comparison")
def a_count() -> None:
    model, t = net(), Y > 0
    with tg.no_grad():
        for _ in range(3):
            int(((model(X) > 0) == t).sum())  # here


@silent
def shapes_that_agree() -> None:
    model = net()
    ((model(X).squeeze(1) - Y) ** 2).mean().backward()
    ((model(X) - Y[:, None]) ** 2).mean().backward()
    ((model(X)[:, 0] > 0) == (Y > 0)).float().mean()


@silent
def all_pairs_on_purpose() -> None:
    y = net()(X).squeeze(1)
    ((y[:, None] - y) ** 2).mean()
    ((y[:, None] - Y) ** 2).mean()
    ((y[:, None] - Y[None, :]) ** 2).mean()
    ((y.unsqueeze(1) - Y.unsqueeze(0)) ** 2).mean()
    (y.unsqueeze(1) - y).abs().mean()
    classes = tg.arange(12) % 3
    (classes[:, None] == classes).float().mean()
    (classes.view(-1, 1) == classes.view(1, -1)).sum()


@silent
def a_broadcast_of_other_kinds() -> None:
    square = nn.Linear(12, 12)
    x = tg.tensor(RNG.normal(size=(12, 12)).astype(np.float32))
    (square(x) * Y).mean()  # a weight for each column
    (square(x) - x.mean(1, keepdim=True)).square().mean()
    (net()(X[:1]) - Y[:1]).square().mean()  # one number each


@silent
def pairs_that_are_summed_after_their_backward() -> None:
    y = net()(X).squeeze(1)
    pairs = (y[:, None] - y).square()
    pairs.mean().backward()
    pairs.sum()


@silent
def a_choice_between_single_numbers() -> None:
    y = net()(X[:1])
    tg.where(X[:, :1] > Y, y.reshape(1), tg.tensor(0.0)).mean()
    tg.where(X[:, :1] > Y, y.reshape(()), tg.zeros(1)).mean()


@silent
def arrays_beside_tensors() -> None:
    tg.eq(X[:, :1], Y.numpy()).sum()
    tg.eq(Y.numpy(), X[:, :1]).sum()


# ------------------------------------------------------------------------------------- graphs that are kept
def losses(steps: int = 4) -> Any:
    model = nn.Linear(4, 1)
    optimizer = tg.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(X).squeeze(1), Y)
        loss.backward()
        optimizer.step()
        yield loss


@speaks("graph-kept")
def a_running_total() -> None:
    total = 0
    for loss in losses():
        total += loss  # here


@speaks("graph-kept")
def a_total_that_is_a_tensor() -> None:
    total = tg.zeros(())
    for loss in losses():
        total = total + loss  # here


@speaks("graph-kept")
def a_total_of_a_step_in_place() -> None:
    total = tg.tensor(0.0)
    for loss in losses():
        total += loss  # here


@silent
def numbers_are_added() -> None:
    total, other = 0.0, 0
    for loss in losses():
        total += loss.item()
        other += loss.detach()


@silent
def losses_are_added_before_the_backward() -> None:
    model = nn.Linear(4, 1)
    total = 0
    for x, y in zip(X.split(3), Y.split(3), strict=True):
        total = total + F.mse_loss(model(x).squeeze(1), y)
    total.backward()


@silent
def losses_of_deep_nets_are_added_before_the_backward() -> None:
    w, total = tg.ones(3, requires_grad=True), tg.tensor(0.0)
    for _ in range(4):
        y = w
        for _ in range(12):
            y = y * 1.5
        total += y.sum()
    total.backward()


@silent
def parts_of_one_loss_are_added_for_the_log() -> None:
    y = net()(X).squeeze(1)
    a, b, c = F.mse_loss(y, Y), F.l1_loss(y, Y), y.square().mean()
    (a + b + c).backward()
    (a + b + c).item()


# ------------------------------------------------------------------------------------- pixels
@speaks("raw-images")
def a_convolution_of_raw_images() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 26 * 26, 3))
    for _ in range(5):
        model(tg.from_numpy(IMAGES).float())  # here


@speaks("raw-images")
def a_linear_layer_of_raw_images() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 3))
    for _ in range(5):
        model(tg.tensor(IMAGES, dtype=tg.float32))  # here


@speaks("raw-images")
def weights_without_a_layer() -> None:
    w = tg.zeros(784, 3, requires_grad=True)
    for _ in range(5):
        tg.from_numpy(IMAGES).float().reshape(6, -1) @ w  # here


@speaks("raw-images")
def colours_that_were_resized() -> None:
    model = nn.Conv2d(3, 4, 3)
    for _ in range(5):
        model(255 * tg.rand(2, 3, 8, 8))  # here


@speaks("raw-images")
def one_image_without_a_batch() -> None:
    model = nn.Conv2d(1, 4, 3)
    with tg.no_grad():
        for _ in range(5):
            model(tg.from_numpy(IMAGES[0]).float())  # here


@silent
def scaled_images() -> None:
    x = tg.from_numpy(IMAGES).float()
    nn.Conv2d(1, 4, 3)(x / 255)
    nn.Conv2d(1, 4, 3)((x - 127.5) / 127.5)
    nn.Linear(784, 3)((x / 255).flatten(1))


@silent
def a_net_that_scales_by_itself() -> None:
    x = tg.from_numpy(IMAGES).float()
    for model in (
        nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 4, 3)),
        nn.Sequential(nn.Flatten(), nn.LayerNorm(784), nn.Linear(784, 3)),
    ):
        model(x)
        with tg.no_grad():
            model(x)


@silent
def tables_and_words() -> None:
    nn.Linear(9, 3)(tg.randint(0, 200, (30, 9)).float())
    nn.Linear(100, 3)(tg.rand(30, 100) * 200 - 100)
    nn.Linear(100, 3)(tg.rand(30, 100) * 1e5)
    nn.Embedding(256, 4)(tg.randint(0, 256, (30, 80)))


@silent
def activations_that_are_large() -> None:
    with tg.no_grad():
        nn.Conv2d(8, 4, 3)(tg.rand(2, 8, 9, 9) * 200)
        nn.Linear(128, 4)(tg.rand(2, 128) * 200)


# -----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", programs.wrong)
def test_it_speaks_once_of_the_line(name: str) -> None:
    check_speaks_once(*programs.wrong[name])


@pytest.mark.parametrize("name", programs.right)
def test_it_is_silent_on_what_is_right(name: str) -> None:
    assert heard(programs.right[name]) == []


def test_filters_that_nobody_trains_may_get_what_they_like() -> None:
    raw = tg.from_numpy(IMAGES).float()
    blur = np.full((1, 1, 3, 3), 1 / 9, np.float32)
    for weight in (blur, tg.from_numpy(blur)):
        assert heard(lambda w=weight: F.conv2d(raw, w)) == []
        assert heard(lambda w=weight: F.linear(raw.flatten(2), w.reshape(1, 9)[:, :1] * np.ones(784, np.float32))) == []


def test_another_layer_in_the_same_memory_is_looked_at_too() -> None:
    """What is known of a weight is not taken for that of one that was given its place."""
    raw = tg.from_numpy(IMAGES).float().flatten(1)

    def program() -> None:
        for _ in range(20):
            nn.Linear(784, 3)(raw / 255)
            nn.Linear(784, 3)(raw / 255)
        nn.Linear(784, 3)(raw)

    assert [rail for rail, _ in heard(program)] == ["raw-images"]


# -------------------------------------------------------------------------------------------- where speaking begins
def pixels(*shape: int, low: float = 0, high: float = 255, step: float = 1) -> tg.Tensor:
    """Numbers of a shape that reach from low to high, and are multiples of ``step``."""
    x = np.floor(RNG.uniform(low, high, shape) / step) * step
    x.reshape(-1)[:2] = low, high
    return tg.tensor(x.astype(np.float32))


@pytest.mark.parametrize(
    ("x", "layer", "speaks"),
    [
        (pixels(4, 64), nn.Linear, True),
        (pixels(4, 63), nn.Linear, False),  # a row of a table
        (pixels(4, 64, step=0.5), nn.Linear, False),  # no pixels: fractions
        (pixels(4, 64, high=101), nn.Linear, True),
        (pixels(4, 64, high=100), nn.Linear, False),
        (pixels(4, 64, high=256), nn.Linear, False),
        (pixels(4, 64, low=-1), nn.Linear, False),
        (pixels(4, 64, low=1), nn.Linear, True),
        (pixels(64), nn.Linear, False),
        (tg.zeros(0, 64), nn.Linear, False),
        (pixels(2, 1, 6, 6, step=0.5), nn.Conv2d, True),  # images, resized
        (pixels(2, 2, 6, 6, step=0.5), nn.Conv2d, False),
        (pixels(2, 3, 6, 6, step=0.5), nn.Conv2d, True),
        (pixels(2, 4, 6, 6, step=0.5), nn.Conv2d, True),
        (pixels(2, 5, 6, 6, step=0.5), nn.Conv2d, False),
        (pixels(2, 5, 6, 6), nn.Conv2d, True),
        (pixels(3, 6, 6, step=0.5), nn.Conv2d, True),
        (pixels(2, 3, 64), nn.Linear, True),
        (pixels(2, 64, 9), nn.Linear, False),
        (pixels(4, 64).requires_grad_(), nn.Linear, False),  # whoever asks what a pixel does
    ],
)
def test_where_numbers_begin_to_be_pixels(x: tg.Tensor, layer: Any, speaks: bool) -> None:
    def program() -> None:
        layer(x.shape[-1 if layer is nn.Linear else -3], *((2,) if layer is nn.Linear else (2, 3)))(x)

    assert [rail for rail, _ in heard(program)] == ["raw-images"] * speaks


def test_pixels_are_looked_at_where_they_come_first() -> None:
    """In the first eight samples, of what no operation has made, and in the first calls of a layer."""
    few = tg.zeros(16, 64)
    few[8:] = 200
    assert heard(lambda: nn.Linear(64, 2)(few)) == []
    assert heard(lambda: nn.Linear(64, 2)(few.flip(0))) != []
    assert heard(lambda: nn.Linear(64, 2)((few * tg.ones(64, requires_grad=True)).flip(0))) == []

    def late(calls: int) -> Any:
        def program() -> None:
            layer = nn.Linear(64, 2)
            for _ in range(calls):
                layer(few)
            layer(few.flip(0))

        return program

    assert heard(late(7)) != []
    assert heard(late(8)) == []


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (
            lambda: nn.Linear(64, 2)(pixels(4, 64, low=1, high=101)),
            "linear, the first layer, got numbers from 1 to 101",
        ),
        (lambda: ((net()(X) - Y) ** 2).mean(), r"'sub' took shapes \(12, 1\) and \(12,\).*to \(12, 12\)"),
        (
            lambda: (net()(X).round() == Y.round()).float().mean(),
            r"== took shapes \(12, 1\) and \(12,\) and gave \(12, 12\)",
        ),
    ],
)
def test_the_words_name_what_came(program: Any, words: str) -> None:
    with pytest.warns(tg.GuardRailWarning, match=words), tg.guard_rails(True):
        program()


def test_only_the_hits_themselves_are_an_accuracy() -> None:
    """What has the shape of a comparison that went wrong, but other numbers, has nothing to do with it."""

    def compared(summed: Any) -> Any:
        def program() -> None:
            hits = X[:, :1].round() == Y.round()
            summed(hits)

        return program

    assert [rail for rail, _ in heard(compared(lambda hits: hits.float().mean()))] == ["broadcast-comparison"]
    assert [rail for rail, _ in heard(compared(lambda hits: hits.sum()))] == ["broadcast-comparison"]
    for other in (
        lambda hits: hits.float().mean(0),
        lambda hits: (2 * hits).sum(),
        lambda hits: (hits | True).sum(),
        lambda hits: (hits & False).sum(),
        lambda hits: hits[:, :11].sum(),
        lambda hits: hits[:11, :11].sum(),
    ):
        assert heard(compared(other)) == []


def test_a_long_way_from_the_difference_to_its_mean_is_walked_and_a_longer_one_is_not() -> None:
    def powers(steps: int) -> Any:
        def program() -> None:
            y = net()(X) - Y
            for _ in range(steps):
                y = y * 0.5
            y.square().mean()

        return program

    assert heard(powers(10)) != []
    assert heard(powers(100)) == []


def test_one_sample_has_no_other_target() -> None:
    assert heard(lambda: ((net()(X[:1]) - Y[:1]) ** 2).mean()) == []
    assert heard(lambda: ((net()(X[:2]) - Y[:2]) ** 2).mean()) != []
    assert heard(lambda: (X[:2, :1] == Y[:2]).sum()) != []


def test_one_comparison_is_spoken_of_once() -> None:
    def program() -> None:
        hits = X[:, :1].round() == Y.round()
        hits.sum()
        hits.float().mean()

    assert [rail for rail, _ in heard(program)] == ["broadcast-comparison"]
