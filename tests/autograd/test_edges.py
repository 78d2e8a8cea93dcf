"""What `backward` and `grad` refuse and in what words, what is left out of a call, and the small things around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import autograd

Call = Callable[[], Any]


def leaf(*numbers: float, grad: bool = True) -> Any:
    return tg.tensor(np.array(numbers, float), requires_grad=grad)


def ruled(*rules: Any) -> Any:
    """x + w with these gradient rules."""

    @tg.op(*rules)
    def total(x: Any, w: Any) -> Any:
        return np.add(x, w)

    return total


def slopes(*rules: Any, create_graph: bool = False) -> Any:
    x, w = leaf(1, 2, 3), leaf(4, 5, 6)
    return autograd.grad(ruled(*rules)(x, w).sum(), [x, w], create_graph=create_graph, allow_unused=True)


def told(error: Exception) -> str:
    """An error with its notes."""
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


def right(g: Any, _y: Any, _x: Any, _w: Any) -> Any:
    return g


STRANGER: Any = "w"
X, W, FIXED = leaf(1, 2, 3), leaf(4, 5, 6), leaf(1, 2, 3, grad=False)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: slopes(right, lambda *_: None), TypeError, r"'total' by its input 1 returned None; .* \(3,\)"),
        (lambda: slopes(lambda *_: 3.0, right), TypeError, "'total' by its input 0 returned a float"),
        (lambda: slopes(right, lambda g, _y, _x, _w: [g]), TypeError, "by its input 1 returned a list"),
        (
            lambda: slopes(lambda *_: np.ones(3), right, create_graph=True),
            TypeError,
            "input 0 made an array of a tensor",
        ),
        (lambda: slopes(lambda *_: np.ones(2), right), Exception, "'total'"),
        (
            lambda: autograd.grad(X.sum(), [X, STRANGER]),
            TypeError,
            "grad: inputs must be a Tensor .* got str",
        ),
        (lambda: autograd.grad(X.sum(), []), RuntimeError, "grad: inputs must be .* got none at all"),
        (lambda: autograd.backward(X.sum(), inputs=[X, STRANGER]), TypeError, "backward: inputs must be .* got str"),
        (lambda: autograd.grad(X.sum(), [X, FIXED]), RuntimeError, "input 1 does not require grad"),
        (lambda: autograd.grad(X.sum(), [X, W]), RuntimeError, "do not depend on input 1; pass allow_unused=True"),
        (lambda: autograd.grad(X.sum(), [W], allow_unused=False), RuntimeError, "do not depend on input 0"),
        (
            lambda: autograd.grad(X.sum(), [X], is_grads_batched=True),
            NotImplementedError,
            "is_grads_batched=True is not",
        ),
        (
            lambda: autograd.grad(X.sum(), [X], allow_unused=False, materialize_grads=True),
            ValueError,
            "leave allow_unused",
        ),
        (lambda: autograd.grad([X.sum(), W.sum()], [X], [tg.tensor(1.0)]), ValueError, "has 1 entries for 2 outputs"),
        (lambda: autograd.backward([X.sum(), W.sum()], [tg.tensor(1.0)]), ValueError, "has 1 entries for 2 tensors"),
        (lambda: autograd.grad([X.sum(), FIXED.sum()], [X]), RuntimeError, "there is nothing to differentiate"),
    ],
)
def test_refusals(call: Call, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()
    assert X.grad is None
    assert W.grad is None


def test_a_rule_that_fails_is_named_with_its_input_and_its_layer() -> None:
    def fails(*_: Any) -> Any:
        raise ZeroDivisionError("as it happens")

    with pytest.raises(ZeroDivisionError) as caught:
        slopes(right, fails)
    assert "in the gradient rule of 'total' by its input 1" in "".join(
        getattr(caught.value, "__notes__", [str(caught.value)])
    )

    class Adding(tg.nn.Module):
        def forward(self, x: Any) -> Any:
            return ruled(fails, right)(x, W)

    layer = Adding()
    with pytest.raises(ZeroDivisionError) as caught:
        layer(X).sum().backward()
    assert "by its input 0, called in Adding" in told(caught.value)


def test_unused_inputs_have_none_or_zeros_as_is_asked() -> None:
    y = X.sum() * 2
    a, b = autograd.grad(y, [X, W], allow_unused=True)
    assert a.numpy().tolist() == [2, 2, 2]
    assert b is None
    for settings in ({"materialize_grads": True}, {"materialize_grads": True, "allow_unused": True}):
        a, b = autograd.grad(X.sum() * 2, [X, W], **settings)
        assert (a.numpy().tolist(), b.numpy().tolist()) == ([2, 2, 2], [0, 0, 0])
        assert b.dtype == np.float64


def test_what_is_left_out_of_grad_and_backward() -> None:
    """Gradients hang in no graph, the graph is freed, and no warning comes."""
    x = leaf(1, 2, 3)
    y = (x**3).sum()
    (g,) = autograd.grad(y, [x])
    assert not g.requires_grad
    with pytest.raises(RuntimeError, match="retain_graph"):
        autograd.grad(y, [x])
    autograd.backward((x**3).sum())
    assert not x.grad.requires_grad
    x.grad = None
    z = (x**3).sum()
    autograd.backward(z, create_graph=True)
    assert x.grad.requires_grad
    autograd.backward(z, retain_graph=True)  # it was kept
    x.grad = None
    autograd.backward([x * 2], grad_variables=[leaf(1, 2, 3, grad=False)])
    assert x.grad.numpy().tolist() == [2, 4, 6]
    with pytest.warns(FutureWarning, match="only_inputs has no effect"):
        autograd.grad((x * 2).sum(), [x], only_inputs=False)


def test_backward_to_some_inputs_alone() -> None:
    x, w = leaf(1, 2), leaf(3, 4)
    middle = x * w
    middle.retain_grad()
    autograd.backward((middle * 2).sum(), inputs=[w])
    assert x.grad is None
    assert w.grad.numpy().tolist() == [2, 4]


def test_gradients_of_leaves_are_arrays_of_their_own() -> None:
    x, w, g = leaf(1, 2), leaf(3, 4), tg.tensor([1.0, 1.0], dtype=tg.float64)
    (x + w).backward(g)
    x.grad.mul_(5)
    assert w.grad.numpy().tolist() == [1, 1]
    assert g.numpy().tolist() == [1, 1]
    y = leaf(1, 2)
    y.sum().backward()
    y.grad[0] = 7
    assert y.grad.numpy().tolist() == [7, 1]


def test_a_hook_is_on_while_its_handle_is_open() -> None:
    x, seen = leaf(1, 2), list[Any]()
    with x.register_hook(lambda g: seen.append(g)) as handle:
        assert handle is not None
        x.sum().backward()
    x.sum().backward()
    handle.remove()
    assert len(seen) == 1


def test_modes_say_what_they_are_and_leave_what_was() -> None:
    assert repr(autograd.set_grad_enabled(True)) == "set_grad_enabled(mode=True)"
    with autograd.set_grad_enabled(False) as mode:
        assert (str(autograd.set_grad_enabled(False)), tg.is_grad_enabled()) == ("set_grad_enabled(mode=False)", False)
    assert tg.is_grad_enabled()
    del mode
    for on in (True, False):
        with autograd.inference_mode(on):
            assert (tg.is_grad_enabled(), tg.is_inference_mode_enabled()) == (not on, on)
    with autograd.inference_mode():
        assert tg.is_inference_mode_enabled()
    assert (tg.is_grad_enabled(), tg.is_inference_mode_enabled()) == (True, False)
    with autograd.detect_anomaly(), autograd.detect_anomaly(check_nan=False):
        assert tg.is_anomaly_enabled()
        (leaf(0.0) / 0).sum()
    assert not tg.is_anomaly_enabled()
    with autograd.detect_anomaly(), pytest.raises(RuntimeError, match="true_divide"):
        (leaf(1.0) / 0).sum()
    with autograd.set_detect_anomaly(True), pytest.raises(RuntimeError):
        (leaf(1.0) / 0).sum()
    with autograd.set_detect_anomaly(False):
        assert not tg.is_anomaly_enabled()
