"""Anomaly mode: which operation is blamed, in a table of small expressions."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.autograd.operation import op

INF = float("inf")

pytestmark = pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")


class Blame(NamedTuple):
    """An expression in the numbers at which it goes wrong, and whom the error must name."""

    of: Callable[..., Any]
    at: tuple[Any, ...]
    who: str | None  # None: nobody, all is well or was given so
    theirs: str | None = ""  # what PyTorch blames, where it blames another: it looks for NaN alone, backward alone


def _overflow(x: Any) -> Any:
    return (x * 1e30) * (x * 1e30)


FORWARD = {
    "log of 0": Blame(lambda x: x.log(), (0.0,), "log"),
    "log of 0, times 0": Blame(lambda x: x.log() * 0, (0.0,), "log"),
    "sqrt of -1": Blame(lambda x: x.sqrt(), (-1.0,), "sqrt"),
    "division by 0": Blame(lambda x: 1 / x, (0.0,), "true_divide"),
    "overflow of exp": Blame(lambda x: x.exp(), (1000.0,), "exp"),
    "overflow of a product": Blame(_overflow, (1.0,), "mul"),
    "a cast": Blame(lambda x: x.to(tg.float16) if isinstance(x, tg.Tensor) else x, (1e6,), "cast"),
    "acos of 2": Blame(lambda x: x.acos() + 1, (2.0,), "acos"),
    "the first of two": Blame(lambda x: (x.log() + x.sqrt()).exp(), (0.0,), "log"),
    "an inf that was given": Blame(lambda x: x * INF, (1.0,), None),
    "a NaN in the data": Blame(lambda x: x.exp() + 1, (float("nan"),), None),
    "an inf given as NumPy's number": Blame(lambda x: x * np.float64(INF), (1.0,), None),
    "an inf to fill with": Blame(lambda x: x.masked_fill(x > 0, -INF), (1.0,), None),
    "an inf to pad with": Blame(lambda x: tg.nn.functional.pad(x.reshape(1, -1), (1, 1), value=-INF), (1.0,), None),
    "an inf to choose": Blame(lambda x: tg.where(x > 0, x, -INF), (-1.0,), None),
}

BACKWARD = {
    "sqrt at 0": Blame(lambda x: x.sqrt(), (0.0,), "sqrt", None),
    "sqrt at 0, times 0": Blame(lambda x: x.sqrt().mul(0.0), (0.0,), "sqrt"),
    "a norm at 0": Blame(lambda x: (x * x).sum().sqrt(), (0.0,), "sqrt", "mul"),
    "a norm at 0, times 0": Blame(lambda x: (x * x).sum().sqrt() * 0, (0.0,), "sqrt"),
    "a mean square at 0": Blame(lambda x: (x * x).mean().sqrt() * x.sum(), (0.0,), "sqrt"),
    "sqrt times itself": Blame(lambda x: x.sqrt() * x.sqrt(), (0.0,), "sqrt"),
    "sqrt, then a step": Blame(lambda x: x.sqrt().floor(), (0.0,), "sqrt"),
    "where hides the value, not the slope": Blame(lambda x: tg_where(x, x.sqrt()), (0.0,), "sqrt"),
    "a power of 0": Blame(lambda x: x**0.5 * 0, (0.0,), "pow"),
    "acos at 1": Blame(lambda x: x.acos().mul(0.0), (1.0,), "acos"),
    "asin at 1": Blame(lambda x: x.asin(), (1.0,), "asin", None),
    "a slope that overflows": Blame(lambda x: (x * 1e30) * 1e30, (1e-38,), "mul", None),
    "all is well": Blame(lambda x: (x * x).sum().sqrt(), (2.0,), None),
    "a gradient that is just large": Blame(lambda x: x.exp(), (80.0,), None),
}


def tg_where(x: Any, y: Any) -> Any:
    """y where x > 0, else 0: in either library."""
    return tg.where(x > 0, y, x * 0) if isinstance(x, tg.Tensor) else y.where(x > 0, x * 0)


SHAPES: dict[str, tuple[int, ...]] = {"0-d": (), "one": (1,), "some": (3,), "2-d": (2, 3)}


def leaf(value: float, shape: tuple[int, ...], bad: bool = True) -> Any:
    """A tensor full of the value, or of 2 with the value once."""
    a = np.full(shape, value, np.float32)
    if not bad and a.size > 1:
        a = np.full(shape, 0.5, np.float32)
        a.flat[-1] = value
    return tg.tensor(a, requires_grad=True)


def blamed(call: Callable[[], Any]) -> str | None:
    """Whom the error names, None if there is none."""
    try:
        call()
    except RuntimeError as error:
        text = str(error)
    else:
        return None
    found = re.search(r"'(\w+)' (made|by its input|has)", text)
    assert found, text
    assert "test_anomaly.py" in text or "recorded before" in text
    return found[1]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", FORWARD)
def test_who_is_blamed_in_the_forward(name: str, shape: str) -> None:
    expression = FORWARD[name]
    for once in (False, True):
        x = leaf(*expression.at, SHAPES[shape], bad=not once)
        with tg.autograd.detect_anomaly():
            assert blamed(lambda x=x: expression.of(x)) == expression.who  # type: ignore[misc]
            assert blamed(lambda x=x: expression.of(x.detach())) == expression.who  # type: ignore[misc]


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", BACKWARD)
def test_who_is_blamed_in_the_backward(name: str, shape: str, create_graph: bool) -> None:
    expression = BACKWARD[name]
    x = leaf(*expression.at, SHAPES[shape])
    with tg.autograd.detect_anomaly():
        y = expression.of(x).sum()
        assert blamed(lambda: tg.grad(y, x, create_graph=create_graph, retain_graph=True)) == expression.who
        assert blamed(lambda: y.backward(create_graph=create_graph)) == expression.who
    assert (x.grad is None) == (expression.who is not None)


@pytest.mark.parametrize("name", BACKWARD)
def test_who_is_blamed_when_the_forward_ran_before(name: str) -> None:
    expression = BACKWARD[name]
    x = leaf(*expression.at, ())
    y = expression.of(x)
    with tg.autograd.detect_anomaly():
        assert blamed(y.backward) == expression.who


def test_one_bad_number_of_many_is_found() -> None:
    x = tg.tensor([4.0, 0.0, 1.0], requires_grad=True)
    with tg.autograd.detect_anomaly():
        y = x.sqrt().sum()
        with pytest.raises(RuntimeError, match=r"gradient of 'sqrt' by its input 0 has inf at index \(1,\) of shape"):
            y.backward()


TORCH_NAMES = {"sqrt": "Sqrt", "pow": "Pow", "mul": "Mul", "acos": "Acos", "asin": "Asin"}


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled", "ignore:Error detected in")
@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", BACKWARD)
def test_who_is_blamed_by_pytorch(name: str, shape: str, create_graph: bool, torch: Any) -> None:
    """The same operation, but where it overlooks an inf until some later operation makes a NaN of it, or none does."""
    expression = BACKWARD[name]
    x = torch.full(SHAPES[shape], expression.at[0], requires_grad=True)
    theirs = expression.who if expression.theirs == "" else expression.theirs
    with torch.autograd.detect_anomaly():
        y = expression.of(x).sum()
        if theirs is None:
            torch.autograd.grad(y, x, create_graph=create_graph)
        else:
            with pytest.raises(RuntimeError, match=rf"'{TORCH_NAMES[theirs]}Backward0' returned nan"):
                torch.autograd.grad(y, x, create_graph=create_graph)


# ------------------------------------------------------------------------------------------ second derivatives, hooks
def test_a_second_derivative_names_the_step_and_where_it_comes_from() -> None:
    x = tg.tensor(1e-20, requires_grad=True)
    with tg.autograd.detect_anomaly():
        y = x.log()
        (g,) = tg.grad(y, x, create_graph=True)
        with pytest.raises(RuntimeError, match=r"gradient of 'true_divide' by its input 1 has -inf") as caught:
            tg.grad(g, x)
    _, there, origin = str(caught.value).splitlines()
    first = test_a_second_derivative_names_the_step_and_where_it_comes_from.__code__.co_firstlineno
    assert there.endswith(f'test_anomaly.py", line {first + 4}, in {caught.traceback[0].name}')
    assert origin.startswith("  within the gradient of 'log': ")
    assert origin.endswith(f'test_anomaly.py", line {first + 3}, in {caught.traceback[0].name}')


def test_a_rule_that_fails_leaves_the_mode_working() -> None:
    @op(lambda _g, _y, _x: 1 / 0)
    def broken(x: Any) -> Any:
        return x * 1

    x = tg.tensor(2.0, requires_grad=True)
    tg.autograd.set_detect_anomaly(True)
    try:
        with pytest.raises(ZeroDivisionError):
            broken(x).backward(create_graph=True)
        assert blamed(lambda: (x - 2).log()) == "log"
        (watcher,) = tg.autograd.modes.here.mode.watchers
        assert watcher._running() == []
    finally:
        tg.autograd.set_detect_anomaly(False)


def test_what_no_operation_made() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    with tg.autograd.detect_anomaly():
        y = x * 3
        with pytest.raises(RuntimeError, match=r"came to 'mul' has inf at index \(1,\).*given to backward"):
            y.backward(tg.tensor([1.0, INF]))
        y = x * 3
        y.register_hook(lambda g: g * INF)
        with pytest.raises(RuntimeError, match=r"came to 'mul' has inf.*changed by a hook"):
            y.sum().backward()
        y = x * 1e-3  # two gradients, each finite, overflow in their sum
        with pytest.raises(RuntimeError, match=r"came to 'mul' has inf.*a sum that overflowed"):
            ((y * 3e38) + (y * 3e38)).sum().backward()
    assert x.grad is None


def test_an_input_that_was_not_finite_is_named() -> None:
    x, w = tg.tensor(0.0, requires_grad=True), tg.tensor(1.0, requires_grad=True)
    y = w * x.log()
    message = r"gradient of 'mul' by its input 0 has -inf.*its input 1 was not finite already"
    with tg.autograd.detect_anomaly(), pytest.raises(RuntimeError, match=message):
        y.backward()


def test_an_operation_in_a_hook_is_no_part_of_a_rule() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    with tg.autograd.detect_anomaly():
        y = x * 3
        y.register_hook(lambda g: (g - g).log())
        assert blamed(lambda: y.sum().backward()) == "log"


def test_what_checkpoint_computes_again_is_watched() -> None:
    x = tg.tensor([0.0, 1.0], requires_grad=True)
    with tg.autograd.detect_anomaly():
        y = tg.checkpoint(lambda a: a.sqrt() * 2, x).sum()
        assert blamed(y.backward) == "sqrt"


def test_without_the_check_nothing_raises() -> None:
    x = tg.tensor([0.0, 1.0], requires_grad=True)
    for make in (tg.autograd.detect_anomaly(False), tg.autograd.set_detect_anomaly(True, check_nan=False)):
        with make:
            (x.log() * x.sqrt()).sum().backward(tg.tensor(INF))
    tg.autograd.set_detect_anomaly(False)
    assert not tg.is_anomaly_enabled()


def test_the_innermost_mode_decides() -> None:
    x = tg.tensor(0.0)
    with tg.autograd.detect_anomaly():
        with tg.autograd.detect_anomaly(False):
            x.log()
        with tg.autograd.set_detect_anomaly(False):
            x.log()
        assert blamed(x.log) == "log"


def test_one_mode_in_threads_at_once() -> None:
    mode, both, found = tg.autograd.detect_anomaly(), threading.Barrier(2), []

    def work() -> None:
        x = tg.tensor(0.0, requires_grad=True)
        with mode:
            y = x.sqrt() * 0
            both.wait()
            found.append(blamed(lambda: y.backward(create_graph=True)))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["sqrt", "sqrt"]


def test_a_generator_under_the_mode_remembers_lines_between_its_steps() -> None:
    @tg.autograd.detect_anomaly
    def steps() -> Any:
        y = tg.tensor(0.0, requires_grad=True).sqrt()
        yield
        y.backward()

    with pytest.raises(RuntimeError, match=r"gradient of 'sqrt'.*\n  File .*test_anomaly.py.* in steps"):
        list(steps())
