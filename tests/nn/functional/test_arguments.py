"""Checks that remember their answers: nobody can tell, except by the time they take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn.nn.functional as F
from tinygrad_cnn import Tensor, nn
from tinygrad_cnn.nn.functional.arguments import check_floating, door

IMAGE, KERNEL = Tensor(np.ones((1, 1, 6, 6), np.float32)), Tensor(np.ones((2, 1, 3, 3), np.float32))


def test_a_check_is_asked_once_for_each_shape_dtype_and_setting() -> None:
    asked: list[Any] = []

    @door
    def check(x: Any, w: Any, setting: Any) -> int:
        asked.append((x, w, setting))
        return len(asked)

    a, b = np.zeros((2, 3), np.float32), Tensor(np.zeros((2, 3), np.float32))
    assert check((a, None), 1) == check((b, None), 1) == check((a + 1, None), 1) == 1  # values do not count
    different = [((a.astype(float), None), 1), ((a.T, None), 1), ((a, a), 1), ((None, a), 1), ((a, None), 2)]
    assert [check(*key) for key in different] == [2, 3, 4, 5, 6]
    assert [check(*key) for key in different] == [2, 3, 4, 5, 6]
    assert asked[0][0].shape == (2, 3)
    assert asked[0][0].dtype == np.float32
    assert asked[0][1:] == (None, 1)


@pytest.mark.parametrize("setting", [2, 2.0, np.int64(2), np.float64(2), (2, 2), (2.0, 2), (2, np.int64(2)), "2"])
def test_settings_that_are_equal_are_not_the_same(setting: Any) -> None:
    @door
    def kinds(value: Any) -> Any:
        return [type(v) for v in value] if isinstance(value, tuple) else type(value)

    for other in (2, 2.0, np.int64(2), (2, 2), (np.float64(2), 2)):
        kinds((), other)
    assert kinds((), setting) == ([type(v) for v in setting] if isinstance(setting, tuple) else type(setting))


@pytest.mark.parametrize("stride", [1.0, (1.0, 1), (1, True), True, [1.0, 1], 0, (1, 0), "1"])
def test_what_equals_a_good_setting_is_still_refused(stride: Any) -> None:
    for good in (1, (1, 1), [1, 1], np.int64(1)):
        assert F.conv2d(IMAGE, KERNEL, stride=good).shape == (1, 2, 4, 4)
        assert F.max_pool2d(IMAGE, 2, stride=good).shape == F.avg_pool2d(IMAGE, 2, stride=good).shape == (1, 1, 5, 5)
    for _ in range(2):  # the second time as the first
        for call in (
            lambda: F.conv2d(IMAGE, KERNEL, stride=stride),
            lambda: F.max_pool2d(IMAGE, 2, stride=stride),
            lambda: F.avg_pool2d(IMAGE, 2, stride=stride),
        ):
            with pytest.raises((TypeError, ValueError), match="stride must be"):
                call()


def test_errors_are_raised_each_time() -> None:
    calls = []

    @door
    def check(x: Any) -> None:
        calls.append(x)
        check_floating(x, "input", "check")

    for _ in range(2):
        with pytest.raises(TypeError, match="must be floating point, got dtype int64") as caught:
            check((np.zeros(3, np.int64),))
        assert caught.value.__context__ is None
        with pytest.raises(TypeError, match="must be a Tensor or an ndarray, got list"):
            check(([1.0],))
    check((np.zeros(3),))
    assert calls


def test_a_layer_whose_settings_or_weights_change_is_checked_anew() -> None:
    layer, image = nn.Conv2d(1, 2, 3), Tensor(np.ones((1, 1, 6, 6), np.float32))
    assert layer(image).shape == (1, 2, 4, 4)
    layer.stride = (2, 2)
    assert layer(image).shape == (1, 2, 2, 2)
    assert layer(image.numpy()[0]).shape == (2, 2, 2)  # no batch
    layer.double()
    with pytest.raises(TypeError, match="must have the same dtype, got float32 and float64"):
        layer(image)
    layer.bias = nn.Parameter(np.zeros(3))
    with pytest.raises(ValueError, match=r"bias must have shape \(2,\)"):
        layer(image.double())
