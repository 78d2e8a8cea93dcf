"""What generators refuse."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_cnn as tg


@pytest.mark.parametrize("seed", [-1, True, 1.5, "1"])
def test_a_seed_is_a_whole_number(seed: Any) -> None:
    generator = tg.Generator(7)
    with pytest.raises((ValueError, TypeError), match="seed is an integer >= 0, got"):
        generator.manual_seed(seed)
    assert generator.get_state() == tg.Generator(7).get_state()


@pytest.mark.parametrize("state", [None, {}, {"seed": 1}, {"seed": 1, "bits": {}, "more": 1}])
def test_a_state_is_what_get_state_returned(state: Any) -> None:
    generator = tg.Generator(7)
    with pytest.raises(ValueError, match="set_state expects what get_state returned"):
        generator.set_state(state)
    assert generator.get_state() == tg.Generator(7).get_state()


@pytest.mark.parametrize("mode", [1, "warn", None])
def test_the_switch_for_deterministic_algorithms_is_a_truth_value(mode: Any) -> None:
    with pytest.raises(TypeError, match="use_deterministic_algorithms: mode must be True or False, got"):
        tg.use_deterministic_algorithms(mode)
    assert tg.are_deterministic_algorithms_enabled() is False


def test_the_switch_for_deterministic_algorithms_remembers_what_was_asked() -> None:
    try:
        for mode, warn, expected in (
            (True, False, (True, False)),
            (True, True, (True, True)),
            (False, True, (False,) * 2),
        ):
            tg.use_deterministic_algorithms(mode, warn_only=warn)
            asked = tg.are_deterministic_algorithms_enabled(), tg.is_deterministic_algorithms_warn_only_enabled()
            assert asked == expected
        tg.use_deterministic_algorithms(True)
        assert tg.is_deterministic_algorithms_warn_only_enabled() is False
    finally:
        tg.use_deterministic_algorithms(False)
