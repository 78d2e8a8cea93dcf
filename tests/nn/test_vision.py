"""What the cases cannot see of resizing: memory order, infinities, messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.tensors import Tensor


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear"])
@pytest.mark.parametrize("size", [(7, 5), (3, 11), (1, 1)])
def test_batch_last_memory_stays(mode: str, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(2, 5, 4, 3)).transpose(3, 0, 1, 2)  # (N, C, H, W) in the order (C, H, W, N)
    x, z = Tensor(a, requires_grad=True), Tensor(np.ascontiguousarray(a), requires_grad=True)
    y, plain = F.interpolate(x, size, mode=mode), F.interpolate(z, size, mode=mode)
    np.testing.assert_array_equal(y.numpy(), plain.numpy())
    assert y.numpy().transpose(1, 2, 3, 0).flags.c_contiguous
    g = rng.normal(size=y.shape)
    y.backward(Tensor(g))
    plain.backward(Tensor(g))
    np.testing.assert_allclose(x.grad.numpy(), z.grad.numpy(), rtol=1e-13)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_size_picks_pytorchs_pixels(torch: Any, mode: str, dtype: Any) -> None:
    for old in range(1, 24):
        x = np.arange(old, dtype=dtype).reshape(1, 1, old)
        for new in range(1, 50):
            theirs = torch.nn.functional.interpolate(torch.tensor(x), new, mode=mode)
            np.testing.assert_array_equal(F.interpolate(x, new, mode=mode), theirs.numpy(), err_msg=f"{old} to {new}")
        for factor in (0.3, 0.7, 1.1, 1.9, 2.6, 3.3):
            if int(old * factor):
                theirs = torch.nn.functional.interpolate(torch.tensor(x), scale_factor=factor, mode=mode)
                ours = F.interpolate(x, scale_factor=factor, mode=mode)
                np.testing.assert_array_equal(ours, theirs.numpy(), err_msg=f"{old} by {factor}")


def test_nothing_spreads_further_than_its_neighbours() -> None:
    x = np.zeros((1, 1, 1, 5))
    x[..., 4] = np.nan
    y = F.interpolate(x, (1, 10), mode="bilinear")
    assert np.isnan(y[0, 0, 0]).tolist() == [False] * 7 + [True] * 3


def test_shuffle_and_back() -> None:
    x = np.random.default_rng(0).normal(size=(2, 12, 3, 5))
    np.testing.assert_array_equal(F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2), x)


X = np.zeros((1, 4, 6, 6))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.interpolate(X), ValueError, "exactly one of size and scale_factor"),
        (lambda: F.interpolate(X, 3, 2.0), ValueError, "exactly one of size and scale_factor"),
        (
            lambda: F.interpolate(X, 3, mode="lanczos"),
            NotImplementedError,
            "'lanczos' is not supported; use one of near",
        ),
        (lambda: F.interpolate(X, 3, mode="cubic"), ValueError, "mode must be one of nearest"),
        (lambda: F.interpolate(X, 3, mode="linear"), ValueError, r"needs input of shape \(N, C, L\), got"),
        (
            lambda: F.interpolate(X, 3, align_corners=True),
            ValueError,
            "align_corners has no meaning for mode 'nearest'",
        ),
        (
            lambda: F.interpolate(X, 3, antialias=True),
            ValueError,
            "for the modes 'bilinear' and 'bicubic', got",
        ),
        (lambda: F.interpolate(X[0], 3, mode="bicubic"), ValueError, r"needs input of shape \(N, C, H, W\), got"),
        (lambda: F.interpolate(X, (3, 3, 3)), ValueError, r"int or 2 of them for input with sides \(6, 6\)"),
        (lambda: F.interpolate(X, (3, 2.5)), ValueError, "int or 2 of them"),
        (lambda: F.interpolate(X, 0), ValueError, r"cannot make size \(0, 0\)"),
        (lambda: F.interpolate(X, scale_factor=0.1), ValueError, r"cannot make size \(0, 0\) of \(6, 6\)"),
        (lambda: F.interpolate(X, scale_factor=-1.0), ValueError, "scale_factor must be a positive number"),
        (lambda: F.interpolate(X, 3, recompute_scale_factor=True), ValueError, "no meaning with size"),
        (lambda: F.interpolate(X.astype(int), 3), TypeError, "must be floating point"),
        (lambda: F.pixel_shuffle(X, 3), ValueError, r"4 channels of input \(1, 4, 6, 6\) are no multiple of 3 \* 3"),
        (lambda: F.pixel_shuffle(X, 0), ValueError, "upscale_factor must be an int of at least 1, got 0"),
        (lambda: F.pixel_shuffle(X[0, 0], 2), ValueError, r"shape \(..., C, H, W\), got \(6, 6\)"),
        (lambda: F.pixel_unshuffle(X, 4), ValueError, "sides 6x6 .* are no multiples of 4"),
        (lambda: nn.ReflectionPad2d((1, 2)), TypeError, r"ReflectionPad2d: padding must be an int or 4 of them"),
    ],
)
def test_messages(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()
