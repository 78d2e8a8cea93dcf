"""What errors say on their way out, and whose line is the user's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.arrays import telling
from tinygrad_cnn.arrays.telling import described, explained, tell, users_frame, users_line


def called_back() -> Any:
    """From within a frame of this package, and one of NumPy."""
    found: list[Any] = []
    net = tg.nn.ReLU()
    net.register_forward_pre_hook(lambda *_: found.append((users_frame(), users_line())))
    net(tg.ones(1))
    np.apply_along_axis(lambda a: found.append((users_frame(), users_line())) or a, 0, np.ones(1))
    return found


def test_the_users_frame_is_the_innermost_that_is_not_ours() -> None:
    for frame, line in called_back():
        assert frame.f_code.co_filename == __file__
        assert "<lambda>" in frame.f_code.co_name
        assert line.startswith(f'File "{__file__}", line {frame.f_code.co_firstlineno}, in ')


def test_frames_of_ours_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "_NOT_THE_USERS", (__file__,))
    assert users_frame().f_code.co_filename != __file__
    monkeypatch.setattr(telling, "_NOT_THE_USERS", ("",))  # where all are ours, the outermost
    assert users_frame().f_back is None


@pytest.mark.parametrize(
    ("thing", "words"), [(None, "None"), (3, "int"), (tg.nn.Linear, "the class Linear"), (np.ones(1), "ndarray")]
)
def test_what_came_in_words(thing: Any, words: str) -> None:
    assert described(thing) == words


def test_a_line_is_added_once_to_what_is_a_message() -> None:
    error = ValueError("wrong", 3)
    for _ in range(2):
        tell(error, "in fc1 (Linear)")
    assert error.args == ("wrong\n  in fc1 (Linear)", 3)
    tell(error, "in net")
    assert error.args[0] == "wrong\n  in fc1 (Linear)\n  in net"
    for other in (KeyError("name"), ValueError(), ValueError(3, "wrong"), StopIteration(2)):
        before = other.args
        tell(other, "in net")
        assert other.args == before


def test_a_line_is_added_to_numpys_error_of_an_axis() -> None:
    with pytest.raises(np.exceptions.AxisError) as caught:
        np.ones(2).sum(3)
    said = str(caught.value)
    for _ in range(2):
        tell(caught.value, "in net")
    assert str(caught.value) == f"{said}\n  in net"
    assert caught.value.axis is None
    assert caught.value.ndim is None


def test_shapes_are_told_where_they_do_not_broadcast() -> None:
    with pytest.raises(ValueError, match="broadcast") as caught:
        np.ones((2, 3)) + np.ones(4)
    told = explained(caught.value, "add", [np.ones((2, 3)), 5, np.ones(4)])
    assert str(told).startswith("add: shapes (2, 3) and (4,) do not broadcast together")
    other = ValueError("math domain error")
    assert explained(other, "add", [np.ones(2)]) is other
