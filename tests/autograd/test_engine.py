"""The engine: what is recorded, what flows back, what is freed, and what is refused."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.arrays.like import Like
from tinygrad_cnn.autograd.backward import sum_to
from tinygrad_cnn.autograd.graph import Node
from tinygrad_cnn.autograd.operation import op
from tinygrad_cnn.tensors import Tensor


def leaf(*values: float, dtype: Any = np.float64) -> Tensor:
    return Tensor(np.array(values, dtype), requires_grad=True)


# ------------------------------------------------------------------------------------------------------ the way back
def test_gradients_of_a_small_expression_by_hand() -> None:
    a, b, c = (Tensor(np.array(v), requires_grad=True) for v in (2.0, -3.0, 10.0))
    y = (a * b + c).tanh()
    y.backward()
    slope = 1 - np.tanh(4.0) ** 2
    np.testing.assert_allclose([a.grad.item(), b.grad.item(), c.grad.item()], [-3 * slope, 2 * slope, slope])


def test_a_value_used_many_times_gets_the_sum() -> None:
    x = leaf(1.0, 2.0)
    y = x * x + x * 3 - x
    (y * y).sum().backward()
    v = np.array([1.0, 2.0])
    np.testing.assert_allclose(x.grad.numpy(), 2 * (v * v + 2 * v) * (2 * v + 2))


def test_a_late_use_of_an_early_value_waits_for_all_contributions() -> None:
    x = leaf(2.0)
    early = x * x
    middle = early * 3
    late = middle * early  # early has a consumer recorded long after the other
    late.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 12 * 2.0**3)


def test_backward_accumulates_and_zero_grad_is_up_to_the_user() -> None:
    x = leaf(1.0, 2.0)
    (x * 2).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [5, 5])
    assert x.grad is first  # added in place


def test_gradient_argument_weights_the_output() -> None:
    x = leaf(1.0, 2.0)
    (x * x).backward(np.array([10.0, -1.0]))
    np.testing.assert_array_equal(x.grad.numpy(), [20.0, -4.0])
    x.grad = None
    (x * x).backward(Tensor(np.array([1.0, 1.0])))
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 4.0])


def test_broadcast_gradients_are_summed_to_the_input() -> None:
    a, b = Tensor(np.ones((3, 1)), requires_grad=True), Tensor(np.ones(4), requires_grad=True)
    g = np.arange(12.0).reshape(3, 4)
    (a * b).backward(g)
    np.testing.assert_array_equal(a.grad.numpy(), g.sum(1, keepdims=True))
    np.testing.assert_array_equal(b.grad.numpy(), g.sum(0))


@pytest.mark.parametrize("f", [tg.maximum, tg.minimum])
def test_a_tie_shares_the_gradient_evenly(f: Any) -> None:
    a, b = leaf(1.0, 5.0), leaf(1.0, 5.0)
    f(a, b).backward(np.array([2.0, -4.0]))
    np.testing.assert_array_equal(a.grad.numpy(), [1.0, -2.0])
    np.testing.assert_array_equal(b.grad.numpy(), [1.0, -2.0])


def test_gradients_have_the_dtype_of_their_tensor() -> None:
    a, b = leaf(1.0, dtype=np.float32), leaf(2.0, dtype=np.float64)
    y = a * b
    assert y.dtype == np.float64
    y.sum().backward()
    assert (a.grad.dtype, b.grad.dtype) == (np.float32, np.float64)


def test_leaves_that_share_a_gradient_do_not_share_its_memory() -> None:
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    given = np.array([1.0, 1.0])
    (a + b).backward(given)
    assert not np.shares_memory(a.grad.numpy(), b.grad.numpy())
    assert not np.shares_memory(a.grad.numpy(), given)
    assert not np.shares_memory(b.grad.numpy(), given)
    (a + b).sum().backward()
    a.grad.numpy()[:] = 100
    np.testing.assert_array_equal(b.grad.numpy(), [2, 2])
    assert b.grad.numpy().flags.writeable


def test_the_first_gradients_have_memory_of_their_own_too() -> None:
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    ((a + b) * 2.0).sum().backward()  # the rule of add hands one array to both
    a.grad.numpy()[:] = 100
    np.testing.assert_array_equal(b.grad.numpy(), [2, 2])
    x = leaf(1.0, 2.0)
    x.sum().backward()  # the rule of sum makes a view that repeats one number
    x.grad.numpy()[0] = 5
    np.testing.assert_array_equal(x.grad.numpy(), [5, 1])


def test_inputs_argument_restricts_who_gets_a_gradient() -> None:
    a, b = leaf(1.0), leaf(2.0)
    (a * b).sum().backward(inputs=[a])
    assert a.grad.item() == 2.0
    assert b.grad is None


def test_grad_returns_and_touches_nothing() -> None:
    a, b = leaf(1.0), leaf(2.0)
    middle = a * b
    y = (middle * middle).sum()
    ga, gm = tg.grad(y, [a, middle])
    np.testing.assert_allclose([ga.item(), gm.item()], [2 * 2 * 2, 2 * 2])
    assert a.grad is None
    assert b.grad is None


def test_grad_skips_what_does_not_lead_to_the_inputs() -> None:
    ran = []

    @op(lambda g, _y, _x: ran.append(1) or g)
    def spy(x: Any) -> Any:
        return x * 1

    a, b = leaf(1.0), leaf(2.0)
    y = (spy(a) * b).sum()
    tg.grad(y, b)
    assert not ran
    y = (spy(a) * b).sum()
    tg.grad(y, a)
    assert ran


def test_grad_of_unused_inputs() -> None:
    a, b = leaf(1.0), leaf(2.0)
    with pytest.raises(RuntimeError, match=r"do not depend on input 1.*allow_unused"):
        tg.grad((a * 2).sum(), [a, b])
    ga, gb = tg.grad((a * 2).sum(), [a, b], allow_unused=True)
    assert ga.item() == 2.0
    assert gb is None
    x = a * 1
    y = x.exp() * x
    x.detach().zero_()
    assert tg.grad(y, b, allow_unused=True) == (None,)  # what was overwritten, or freed, is not on the way
    with pytest.raises(RuntimeError, match="changed in place"):
        tg.grad(y, a)


def test_grad_of_several_outputs_is_their_weighted_sum() -> None:
    x = leaf(1.0, 2.0)
    ys = [x * x, x * 3]
    (g,) = tg.grad(ys, x, [np.array([1.0, 2.0]), np.array([10.0, 0.0])])
    np.testing.assert_array_equal(g.numpy(), [2 + 30, 8])
    with pytest.raises(ValueError, match="1 entries for 2 outputs"):
        tg.grad([x * x, x * 3], x, [np.ones(2)])


def test_an_input_that_is_also_an_output() -> None:
    x = leaf(3.0)
    (g,) = tg.grad(x, x)
    assert g.item() == 1.0


def test_second_and_third_derivatives() -> None:
    x = leaf(0.3, -0.7)
    y = (x * x * x * x).sum()
    (g1,) = tg.grad(y, x, create_graph=True)
    (g2,) = tg.grad(g1.sum(), x, create_graph=True)
    (g3,) = tg.grad(g2.sum(), x)
    v = x.numpy()
    np.testing.assert_allclose(g1.numpy(), 4 * v**3)
    np.testing.assert_allclose(g2.numpy(), 12 * v**2)
    np.testing.assert_allclose(g3.numpy(), 24 * v)


def test_backward_with_create_graph_leaves_a_differentiable_grad() -> None:
    x = leaf(2.0)
    (x * x * x).sum().backward(create_graph=True)
    assert x.grad.requires_grad
    g = x.grad
    x.grad = None
    g.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 12.0)
    x.grad = None  # the cycle leaf -> grad -> graph -> leaf is the user's to break


def test_create_graph_in_a_mixed_graph_of_used_and_constant_inputs() -> None:
    x, c = leaf(1.5, -0.5), Tensor(np.array([2.0, 3.0]))
    (g,) = tg.grad((x * c * x).sum(), x, create_graph=True)
    (h,) = tg.grad((g * c).sum(), x)
    np.testing.assert_allclose(h.numpy(), 2 * c.numpy() ** 2)


def test_a_checkpointed_segment_leads_to_what_it_holds() -> None:
    w, x = leaf(3.0), leaf(2.0)
    tg.checkpoint(lambda a: a * w, x * 1).sum().backward(inputs=[w])  # w is no input of the segment
    assert w.grad.item() == 2.0
    (g,) = tg.grad(tg.checkpoint(lambda a: a * w, x * 1).sum(), w)
    assert g.item() == 2.0


def test_a_checkpointed_segment_sends_nothing_where_nothing_is_wanted() -> None:
    ran = []

    @op(lambda g, _y, _x: ran.append(1) or g)
    def spy(x: Any) -> Any:
        return x * 1

    a, b = leaf(2.0), leaf(3.0)
    other = spy(b)
    other.register_hook(lambda _g: ran.append(2))
    (g,) = tg.grad(tg.checkpoint(lambda a, b: a * b, a, other).sum(), a)
    assert g.item() == 3.0
    assert not ran


@pytest.mark.parametrize("wanted", range(8))
def test_an_operation_of_three_inputs_keeps_what_the_wanted_rules_read(wanted: int) -> None:
    """a * b + b * c, of which each slope reads other inputs."""

    @op(lambda g, _y, _a, b, _c: g * b, lambda g, _y, a, _b, c: g * (a + c), lambda g, _y, _a, b, _c: g * b)
    def combined(a: Any, b: Any, c: Any) -> Any:
        return a * b + b * c

    numbers = (2.0, 3.0, 5.0)
    inputs = [Tensor(np.array([v]), requires_grad=bool(wanted >> i & 1)) for i, v in enumerate(numbers)]
    y = combined(*inputs)
    assert y.requires_grad == (wanted > 0)
    if wanted:
        kept = [type(a) is np.ndarray for a in y._node.saved]
        by_b, by_others = bool(wanted & 2), bool(wanted & 5)
        assert kept == [False, by_b, by_others, by_b]
        y.sum().backward()
    slopes = (3.0, 7.0, 3.0)
    assert [None if x.grad is None else x.grad.item() for x in inputs] == [
        slope if wanted >> i & 1 else None for i, slope in enumerate(slopes)
    ]


def test_two_dtypes_are_promoted_before_they_meet() -> None:
    x = leaf(1.0, 2.0, dtype=np.float32)
    for other in (tg.tensor([3, 4]), tg.tensor(3.0, dtype=tg.float64), tg.tensor([True, False])):
        assert (x * other).dtype == np.float32
    assert (x * tg.tensor([3.0, 4.0], dtype=tg.float64)).dtype == np.float64


# ------------------------------------------------------------------------------------------- what is kept, and freed
def test_backward_twice_says_what_to_do() -> None:
    x = leaf(1.0)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match=r"second time.*retain_graph=True"):
        y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2.0])  # unchanged by the call that failed


def test_retain_graph_allows_another_backward() -> None:
    x = leaf(1.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [4.0])


def test_what_kept_no_array_can_run_backward_twice() -> None:
    x = leaf(1.0)
    y = (2 - x.reshape(1, 1) / 4 + 1).sum()
    y.backward()
    y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [-0.5])


def test_rules_keep_only_what_they_read() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    total = x + y
    assert all(type(s) is Like for s in total._node.saved)
    activated = (x * 1).relu()
    assert type(activated._node.saved[1]) is Like  # relu reads its output alone
    assert activated._node.saved[0] is activated.numpy()
    product = x * Tensor(np.array([5.0, 6.0]))
    assert type(product._node.saved[1]) is Like  # the constant has no gradient: x is not needed
    assert isinstance(product._node.saved[2], np.ndarray)


def test_arrays_are_freed_as_backward_goes() -> None:
    x = leaf(1.0, 2.0)
    middle = x * x
    kept = weakref.ref((middle * middle).numpy())
    y = (middle * middle).exp().sum()
    del kept
    data = weakref.ref(middle.numpy())
    del middle
    assert data() is not None
    y.backward()
    assert data() is None


def test_a_retained_gradient_is_a_copy() -> None:
    x = leaf(1.0, 2.0)
    y = x + 0.0  # its rule hands the gradient on as it is
    y.retain_grad()
    (y * y).sum().backward()
    x.grad.numpy()[:] = 0
    np.testing.assert_array_equal(y.grad.numpy(), [2.0, 4.0])


def test_gradients_that_hang_in_a_graph_accumulate_too() -> None:
    x = leaf(2.0)
    (x * x).sum().backward(create_graph=True)
    (x * x * x).sum().backward(create_graph=True)
    g, x.grad = x.grad, None
    assert g.item() == 4.0 + 12.0
    (second,) = tg.grad(g.sum(), x)
    assert second.item() == 2.0 + 12.0


def test_graphs_vanish_without_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        nodes = []
        y = x
        for _ in range(5):
            y = (y * x + 1.0).tanh()
            nodes.append(weakref.ref(y._node))
        y = y.sum()
        y.backward()
        del y
        assert all(node() is None for node in nodes)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_any_number_of_operations_under_a_small_recursion_limit_and_stack() -> None:
    """200,000 on a stack of 256 KB: for each operation less of it than a million have on the usual 8 MB."""
    script = """
import sys
import threading
import numpy as np
import tinygrad_cnn as tg
sys.setrecursionlimit(1000)
def run():
    x = tg.tensor([1.0], requires_grad=True)
    y = x
    for _ in range(200_000):
        y = y + x
    y.sum().backward()
    assert x.grad.item() == 200_001.0, x.grad
    (g,) = tg.grad(y.sum(), x)
    assert g.item() == 200_001.0
    del y
    print("fine")
threading.stack_size(256 * 1024)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "fine", done.stderr[-2000:]


# --------------------------------------------------------------------------------------------------- recording or not
def test_no_grad_records_nothing_and_nests() -> None:
    x = leaf(1.0)
    with tg.no_grad():
        assert not (x * 2).requires_grad
        with tg.enable_grad():
            assert (x * 2).requires_grad
            with tg.set_grad_enabled(False):
                assert not (x * 2).requires_grad
            assert tg.is_grad_enabled()
        assert not tg.is_grad_enabled()
    assert (x * 2).requires_grad


def test_no_grad_is_a_decorator_and_can_be_used_again() -> None:
    x = leaf(1.0)

    @tg.no_grad()
    def f(deep: int) -> bool:
        return (x * 2).requires_grad or (deep > 0 and f(deep - 1))

    assert not f(3)
    assert tg.is_grad_enabled()
    mode = tg.no_grad()
    with mode, mode:
        pass
    assert tg.is_grad_enabled()


def test_no_grad_is_restored_by_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), tg.no_grad():
        1 / 0  # noqa: B018
    assert tg.is_grad_enabled()


def test_no_grad_is_of_one_thread() -> None:
    seen = []
    with tg.no_grad():
        thread = threading.Thread(target=lambda: seen.append(tg.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_an_exception_in_a_rule_leaves_everything_as_it_was() -> None:
    @op(lambda _g, _y, _x: 1 / 0)
    def broken(x: Any) -> Any:
        return x * 1

    a, b = leaf(1.0), leaf(2.0)
    y = (a * 3 + broken(b)).sum()
    with pytest.raises(ZeroDivisionError):
        y.backward()
    assert a.grad is None
    assert b.grad is None
    assert tg.is_grad_enabled()


def test_operations_on_arrays_stay_arrays() -> None:
    y = tg.exp(np.zeros(3, np.float32))
    assert type(y) is np.ndarray
    assert y.dtype == np.float32


def test_arrays_and_tensors_mix() -> None:
    x = leaf(1.0, 2.0)
    y = np.array([3.0, 4.0]) * x
    assert isinstance(y, Tensor)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [3.0, 4.0])


# ------------------------------------------------------------------------------------------------------ leaf or not
def test_leaf_rules() -> None:
    x = leaf(1.0)
    y = x * 2
    assert x.is_leaf
    assert not y.is_leaf
    assert y.requires_grad
    assert y.grad_fn.op.name == "mul"
    assert x.grad_fn is None
    y.sum().backward()
    assert y.grad is None
    with pytest.raises(RuntimeError, match="leaf"):
        y.requires_grad_(False)


def test_integers_cannot_require_a_gradient() -> None:
    with pytest.raises(RuntimeError, match=r"floating-point.*int64"):
        Tensor(np.arange(3), requires_grad=True)
    with pytest.raises(RuntimeError, match="bool"):
        tg.tensor([True]).requires_grad_()


def test_backward_needs_something_to_differentiate() -> None:
    with pytest.raises(RuntimeError, match="does not require grad"):
        tg.tensor(1.0).backward()
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"shape \(2,\) needs a gradient"):
        (x * 2).backward()
    with pytest.raises(RuntimeError, match=r"shape \(3,\).*\(2,\)"):
        (x * 2).backward(np.ones(3))
    assert x.grad is None


def test_detach_cuts_the_graph_and_shares_memory() -> None:
    x = leaf(1.0, 2.0)
    d = (x * 2).detach()
    assert not d.requires_grad
    assert d.is_leaf
    (x * d).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), d.numpy())
    assert np.shares_memory(x.detach().numpy(), x.numpy())


def test_retain_grad_keeps_the_gradient_of_an_intermediate() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    y.retain_grad()
    (y * y).sum().backward()
    np.testing.assert_array_equal(y.grad.numpy(), [4.0, 8.0])
    y.grad.numpy()[:] = 0
    np.testing.assert_array_equal(x.grad.numpy(), [8.0, 16.0])
    with pytest.raises(RuntimeError, match="requires grad"):
        tg.tensor(1.0).retain_grad()


# ------------------------------------------------------------------------------------------------------------- hooks
def test_hooks_of_leaves_and_intermediates_see_the_whole_gradient_once() -> None:
    x = leaf(1.0)
    y = x * 3
    seen: list[tuple[str, float]] = []
    x.register_hook(lambda g: seen.append(("x", g.item())))
    handle = y.register_hook(lambda g: seen.append(("y", g.item())))
    (y * y + y).sum().backward(retain_graph=True)
    assert seen == [("y", 7.0), ("x", 21.0)]
    handle.remove()
    handle.remove()
    seen.clear()
    x.grad = None
    (y * 1).sum().backward()
    assert seen == [("x", 3.0)]


def test_a_hook_may_replace_the_gradient() -> None:
    x = leaf(1.0)
    y = x * 3
    y.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    y.sum().backward()
    assert x.grad.item() == 31.0
    x.register_hook(lambda _g: np.ones(1))  # type: ignore[arg-type,return-value]
    with pytest.raises(RuntimeError, match="must return None or a Tensor of shape"):
        (x * 2).sum().backward()
    with pytest.raises(RuntimeError, match="requires grad"):
        tg.tensor(1.0).register_hook(lambda _g: None)


def test_what_a_hook_returns_is_not_shared_with_the_gradient() -> None:
    x = leaf(1.0)
    mine = Tensor(np.array([5.0]))
    x.register_hook(lambda _g: mine)
    (x * 2).sum().backward()
    x.grad.numpy()[:] = 0
    assert mine.item() == 5.0


# ---------------------------------------------------------------------------------------------------------- in place
def test_in_place_on_an_intermediate_gives_the_right_gradient() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    name = y
    y *= x  # the same object, now x * 2 * x
    y += 1
    assert y is name
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [4.0, 8.0])


def test_in_place_does_not_disturb_what_used_the_old_value() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    z = y * y
    y += 100
    (z + y).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), 8 * x.numpy() + 2)


def test_in_place_on_a_leaf_that_requires_grad_is_refused() -> None:
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match="leaf tensor that requires grad"):
        x += 1
    with pytest.raises(RuntimeError, match="leaf tensor that requires grad"):
        x[0] = 5.0
    np.testing.assert_array_equal(x.numpy(), [1.0])
    with tg.no_grad():
        before = x.numpy()
        x += 1
        x[0] *= 3
    assert x.numpy() is before
    np.testing.assert_array_equal(x.numpy(), [6.0])


def test_in_place_on_views_and_viewed_tensors_is_seen_under_every_name_while_recording() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    view = y[0]
    y += 1
    view *= 3
    np.testing.assert_array_equal(y.numpy(), [9.0, 5.0])
    np.testing.assert_array_equal(view.numpy(), 9.0)
    (y.sum() + 10 * view).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [66.0, 2.0])


def test_in_place_without_gradients_writes_through_views() -> None:
    a = tg.zeros(3)
    view = a[1:]
    view += 1
    a[0] = 7
    np.testing.assert_array_equal(a.numpy(), [7, 1, 1])


def test_overwriting_what_a_gradient_needs_is_an_error_not_a_wrong_number() -> None:
    w, x = leaf(2.0), leaf(3.0)
    y = (w * x).sum()
    with tg.no_grad():
        w += 1
    with pytest.raises(RuntimeError, match=r"input 0 of 'mul', of shape \(1,\), was changed in place"):
        y.backward()
    assert x.grad is None
    a = leaf(1.0)
    e = a.exp()
    total = e.sum()
    e.detach().zero_()  # sum reads the shape alone, exp its output
    with pytest.raises(RuntimeError, match="output of 'exp'"):
        total.backward()


def test_overwriting_what_no_gradient_needs_is_fine() -> None:
    w = leaf(2.0)
    y = (w + 1).sum()
    with tg.no_grad():
        w += 1
    y.backward()
    assert w.grad.item() == 1.0


def test_an_optimizer_step_between_forward_and_second_backward_is_noticed() -> None:
    w = tg.nn.Parameter(np.array([2.0]))
    optimizer = tg.optim.SGD([w], lr=0.1)
    y = (w * w).sum()
    y.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_writing_through_another_view_of_the_memory_is_noticed() -> None:
    w, x = Tensor(np.ones((2, 3)), requires_grad=True), leaf(1.0, 2.0)
    y = (x @ w[:, 1:]).sum()  # keeps a view
    with tg.no_grad():
        w += 1
    with pytest.raises(RuntimeError, match=r"input 1 of .*changed in place"):
        y.backward()
    w = Tensor(np.ones((2, 3)), requires_grad=True)
    y = (w * w).sum()
    with tg.no_grad():
        w[0] += 1  # writes through a view
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_a_later_write_to_the_same_memory_is_noticed() -> None:
    w = leaf(2.0)
    with tg.no_grad():
        w += 1
    y = (w * w).sum()
    tg.zeros(2).fill_(1)  # of no concern to y
    y.backward(retain_graph=True)  # w was written before, not since
    assert w.grad.item() == 6.0
    with tg.no_grad():
        w += 1
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_a_gradient_that_grew_in_place_after_its_use_is_noticed() -> None:
    x, w = leaf(1.0), leaf(2.0)
    (x * 3).sum().backward()
    y = (w * x.grad).sum()
    (x * 3).sum().backward()  # adds to x.grad in place
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_in_place_keeps_shape_and_kind() -> None:
    a = tg.zeros(2)
    with pytest.raises(RuntimeError, match=r"shape \(3, 2\) cannot be written into.*\(2,\)"):
        a += tg.zeros(3, 2)
    i = tg.tensor([1, 2])
    with pytest.raises(RuntimeError, match=r"float32 cannot be written.*int64"):
        i += 0.5
    np.testing.assert_array_equal(i.numpy(), [1, 2])


# ------------------------------------------------------------------------------------------------------ checkpoint
def test_checkpoint_gives_the_same_gradients_and_keeps_less() -> None:
    tg.manual_seed(0)
    net = tg.nn.Sequential(tg.nn.Linear(3, 8), tg.nn.Tanh(), tg.nn.Dropout(0.5), tg.nn.Linear(8, 2))
    x = Tensor(np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32), requires_grad=True)
    tg.manual_seed(1)
    (net(x) ** 2).sum().backward()
    plain = [p.grad.numpy().copy() for p in net.parameters()] + [x.grad.numpy().copy()]
    net.zero_grad()
    x.grad = None
    tg.manual_seed(1)
    y = tg.checkpoint(net, x)
    after = tg.rand(3).numpy()
    assert type(y._node.saved[0]) is Like
    (y**2).sum().backward()
    again = [p.grad.numpy() for p in net.parameters()] + [x.grad.numpy()]
    for a, b in zip(again, plain, strict=True):
        np.testing.assert_array_equal(a, b)
    tg.manual_seed(1)
    net(x)
    np.testing.assert_array_equal(tg.rand(3).numpy(), after)  # the forward pass drew what it would have drawn


def test_recomputing_leaves_the_generator_where_it_was() -> None:
    x = leaf(*range(8))
    y = tg.checkpoint(lambda a: tg.nn.functional.dropout(a * a, 0.5), x).sum()
    tg.manual_seed(3)
    y.backward()
    after = tg.rand(3).numpy()
    tg.manual_seed(3)
    np.testing.assert_array_equal(tg.rand(3).numpy(), after)


def test_checkpoint_in_the_middle_of_a_graph() -> None:
    w, x = leaf(3.0), leaf(2.0)
    middle = x * 5
    y = tg.checkpoint(lambda a, scale: (a * w).tanh() * scale, middle, scale=2.0) + middle
    y.sum().backward()
    w2, x2 = leaf(3.0), leaf(2.0)
    ((x2 * 5 * w2).tanh() * 2.0 + x2 * 5).sum().backward()
    np.testing.assert_allclose([w.grad.item(), x.grad.item()], [w2.grad.item(), x2.grad.item()])


def test_checkpoint_takes_pytorchs_settings() -> None:
    """Scripts say use_reentrant, since PyTorch warns without it; the function is not given it, but its own keywords."""
    x = tg.ones(3, requires_grad=True)
    settings: dict[str, Any] = {"preserve_rng_state": True, "debug": False, "early_stop": True}
    y = tg.utils.checkpoint.checkpoint(lambda a, k: a * k, x, use_reentrant=False, k=3, **settings)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3.0] * 3


def test_checkpoint_errors() -> None:
    x = leaf(2.0)
    with pytest.raises(TypeError, match="must return one Tensor, got list"):
        tg.checkpoint(lambda a: [a], x)
    y = tg.checkpoint(lambda a: a * a, x).sum()
    with pytest.raises(RuntimeError, match="no second derivative"):
        tg.grad(y, x, create_graph=True)
    with tg.no_grad():
        assert not tg.checkpoint(lambda a: a * a, x).requires_grad


# ---------------------------------------------------------------------------------------------------------- anomaly
def test_anomaly_mode_names_operation_line_shape_and_index() -> None:
    x = Tensor(np.array([[1.0, 0.0], [2.0, 3.0]]), requires_grad=True)
    with tg.autograd.detect_anomaly(), pytest.raises(RuntimeError) as caught:
        x.log()
    text = str(caught.value)
    assert "'log' made -inf at index (0, 1) of shape (2, 2)" in text
    assert "test_engine.py" in text
    x.log()  # outside, inf is just a number


def test_anomaly_mode_in_the_backward() -> None:
    x = Tensor(np.array([4.0, 0.0]), requires_grad=True)
    with tg.autograd.detect_anomaly():
        y = x.sqrt().sum()
        with pytest.raises(RuntimeError, match=r"gradient of 'sqrt' by its input 0 has inf at index \(1,\)") as caught:
            y.backward()
    assert "test_engine.py" in str(caught.value)
    assert x.grad is None


def test_anomaly_mode_blames_the_first_operation_only() -> None:
    x = Tensor(np.array([np.nan, 1.0]), requires_grad=True)
    with tg.autograd.detect_anomaly():
        y = x * 2  # not its fault
    assert np.isnan(y.numpy()[0])


# ------------------------------------------------------------------------------------------------------ user's own ops
def test_an_op_of_the_users_own() -> None:
    @op(lambda g, _y, x, *, power: g * power * x ** (power - 1))
    def raised(x: Any, *, power: int) -> Any:
        """x ** power"""
        return x**power

    x = leaf(1.5, -2.0)
    y = raised(x, power=3)
    assert y.grad_fn.op.name == "raised"
    assert y.grad_fn.attributes == {"power": 3}
    (g,) = tg.grad(y.sum(), x, create_graph=True)
    (h,) = tg.grad(g.sum(), x)
    np.testing.assert_allclose(g.numpy(), 3 * x.numpy() ** 2)
    np.testing.assert_allclose(h.numpy(), 6 * x.numpy())
    assert raised.__doc__ == "x ** power"


def test_hints_reach_the_rule_and_not_the_user() -> None:
    @op(lambda g, _y, _x, *, mask: g * mask)
    def positive_part(x: Any) -> Any:
        mask = x > 0
        return x * mask, {"mask": mask}

    x = leaf(1.0, -2.0)
    y = positive_part(x)
    assert isinstance(y, Tensor)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1.0, 0.0])
    np.testing.assert_array_equal(positive_part(np.array([1.0, -2.0])), [1.0, 0.0])


def test_one_rule_for_any_number_of_inputs() -> None:
    @op(each=lambda g, _y, *_xs, i: g * (i + 1))
    def weighted(*xs: Any) -> Any:
        return sum((k + 1) * x for k, x in enumerate(xs))

    xs = [leaf(1.0), leaf(2.0), leaf(3.0)]
    weighted(*xs).sum().backward()
    assert [x.grad.item() for x in xs] == [1.0, 2.0, 3.0]


def test_an_input_without_a_rule_has_no_gradient() -> None:
    @op(None, lambda g, _y, a, _b: g * a)
    def scaled(a: Any, b: Any) -> Any:
        return a * b

    a, b = leaf(3.0), leaf(2.0)
    scaled(a, b).sum().backward()
    assert a.grad is None
    assert b.grad.item() == 3.0


@pytest.mark.parametrize(
    ("shape", "to"), [((3, 4), (4,)), ((3, 4), (3, 1)), ((2, 3, 4), (1, 1)), ((3, 0), (1, 0)), ((2,), ())]
)
def test_sum_to_is_the_adjoint_of_broadcasting(shape: tuple[int, ...], to: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, small = rng.standard_normal(shape), rng.standard_normal(to)
    np.testing.assert_allclose(
        (np.broadcast_to(small, shape) * x).sum(), (small * sum_to(x, shape=to)).sum(), atol=1e-12
    )


def test_shapes_that_do_not_broadcast_are_named() -> None:
    with pytest.raises(ValueError, match=r"add: shapes \(2, 3\) and \(4,\) do not broadcast together.*reshape"):
        tg.zeros(2, 3) + tg.zeros(4)


def test_nodes_know_parents_only() -> None:
    x = leaf(1.0)
    y = x * 2
    z = y + 1
    assert isinstance(z._node, Node)
    assert z._node.parents[0] is y._node
    assert y._node.parents[0] is x
    assert not any(r is z._node for r in gc.get_referents(y._node))
