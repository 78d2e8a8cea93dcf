"""Views and writes by small examples: what each name of the memory shows afterwards, and what the gradients are.

Every number here was worked out by hand. Thousands of random programs beside PyTorch stand in `test_programs`, the
in-place methods beside PyTorch's in `test_in_place`.
"""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.arrays import writes
from tinygrad_cnn.autograd import inplace
from tinygrad_cnn.tensors import Tensor
from tinygrad_cnn.tensors.writing import in_place


def leaf(values: Any) -> Tensor:
    return tg.tensor(values, dtype=tg.float64, requires_grad=True)


# ---------------------------------------------------------------------------------- a look does not forbid a write
def written(write: Callable[[Any], Any]) -> tuple[Any, Any]:
    """The values of a computed 2x2 tensor of 3s after a write, and the gradient of its sum by the 1s it came from."""
    x = leaf([[1.0, 1.0], [1.0, 1.0]])
    y = (x * 3).clone()
    write(y)
    y.sum().backward()
    return y.tolist(), x.grad.tolist()


def test_reading_one_element_and_then_writing_it() -> None:
    def write(y: Any) -> None:
        assert float(y[0, 0]) == 3.0
        y[0, 0] = 2.0

    assert written(write) == ([[2, 3], [3, 3]], [[0, 3], [3, 3]])


def test_adding_to_a_row() -> None:
    def write(y: Any) -> None:
        y[0] += 5

    assert written(write) == ([[8, 8], [3, 3]], [[3, 3], [3, 3]])


def test_one_column_becomes_twice_the_other() -> None:
    def write(y: Any) -> None:
        y[:, 0] = y[:, 1] * 2

    assert written(write) == ([[6, 3], [6, 3]], [[0, 9], [0, 9]])


def test_iterating_over_rows_and_then_writing_all() -> None:
    def write(y: Any) -> None:
        assert [row.tolist() for row in y] == [[3, 3], [3, 3]]
        y.mul_(2)

    assert written(write) == ([[6, 6], [6, 6]], [[6, 6], [6, 6]])


def test_every_row_through_its_own_name() -> None:
    def write(y: Any) -> None:
        for k, row in enumerate(y):
            row.mul_(k + 2)

    assert written(write) == ([[6, 6], [9, 9]], [[6, 6], [9, 9]])


def test_a_row_that_was_looked_at_and_is_gone_does_not_count() -> None:
    y = leaf([1.0, 2.0]) * 3
    array = y._array
    float(y[0])
    y += 1
    assert y._array is not array  # the old values are spared: no other name could see the write


# ---------------------------------------------------------------------------------------------- writes while recording
@pytest.mark.parametrize(
    "place", [1, slice(1, 2), (slice(1, None),), -1, [1], tg.tensor([1]), np.array([False, True, False])[:2]], ids=repr
)
def test_adding_to_a_part_while_recording(place: Any) -> None:
    """x = (2, 6), w = 5: x[1] becomes 6 + 5, so a slope of 1 for both."""
    a, w = leaf([1.0, 3.0]), leaf(5.0)
    x = a * 2
    x[place] += w
    assert x.tolist() == [2, 11]
    (x * tg.tensor([10.0, 100.0], dtype=tg.float64)).sum().backward()
    assert a.grad.tolist() == [20, 200]
    assert w.grad.item() == 100


def test_adding_in_a_loop_is_a_running_sum() -> None:
    """x[i] += x[i - 1] over (1, 1, 1, 1) is 1, 2, 3, 4; of the last one the slope by each is 1."""
    a = leaf([1.0, 1.0, 1.0, 1.0])
    x = a.clone()
    for i in range(1, 4):
        x[i] += x[i - 1]
    assert x.tolist() == [1, 2, 3, 4]
    x[3].backward()
    assert a.grad.tolist() == [1, 1, 1, 1]


def test_writing_into_a_flattened_output() -> None:
    net = nn.Linear(1, 2)
    with tg.no_grad():
        net.weight.copy_(tg.tensor([[1.0], [2.0]]))
        net.bias.zero_()
    y = net(tg.tensor([[10.0]]))
    flat = y.view(-1)
    assert flat.add_(1) is flat
    assert y.tolist() == [[11, 21]]
    net(tg.tensor([[10.0]])).view(-1).add_(1).sum().backward()
    assert net.weight.grad.tolist() == [[10], [10]]
    assert net.bias.grad.tolist() == [1, 1]


def test_a_view_that_is_scaled_changes_its_base() -> None:
    """y = (2a, 2b); the view y[0] is doubled: y = (4a, 2b), and v = 4a."""
    x = leaf([1.0, 2.0])
    y = x * 2
    v = y[0]
    v.mul_(2)
    assert y.tolist() == [4, 4]
    assert v.item() == 4
    (y.sum() + 10 * v).backward()
    assert x.grad.tolist() == [44, 2]


def test_a_base_that_is_scaled_changes_its_views() -> None:
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    y = x * 1
    row, column, turned = y[0], y[:, 0], y.t()
    y.mul_(tg.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=tg.float64))
    assert row.tolist() == [1, 4]
    assert column.tolist() == [1, 9]
    assert turned.tolist() == [[1, 9], [4, 16]]
    (row.sum() + 10 * column.sum() + 100 * turned[1, 1]).backward()
    assert x.grad.tolist() == [[1 + 10, 2], [10 * 3, 100 * 4]]


def test_a_chain_of_views_ends_in_the_same_memory() -> None:
    """0..11 as 3x4, rows 1 and 2, transposed, its second row: the numbers 5 and 9."""
    x = leaf(np.arange(12.0))
    y = x * 1
    end = y.view(3, 4)[1:].t()[1]
    assert end.tolist() == [5, 9]
    end.mul_(10)
    assert y.tolist() == [0, 1, 2, 3, 4, 50, 6, 7, 8, 90, 10, 11]
    (y * tg.arange(12.0)).sum().backward()
    assert x.grad.tolist() == [0, 1, 2, 3, 4, 50, 6, 7, 8, 90, 10, 11]


def test_a_write_in_the_middle_of_a_chain_reaches_both_ends() -> None:
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    base = x * 1
    middle = base[1]
    end = middle[0]
    middle *= 5
    assert base.tolist() == [[1, 2], [15, 20]]
    assert end.item() == 15
    (base.sum() * 1 + 10 * end).backward()
    assert x.grad.tolist() == [[1, 1], [5 * 11, 5]]


def test_two_views_that_overlap() -> None:
    """(a, b, c): the first two are doubled, then the last two tripled: (2a, 6b, 3c)."""
    x = leaf([1.0, 10.0, 100.0])
    y = x * 1
    left, right = y[:2], y[1:]
    left.mul_(2)
    right.mul_(3)
    assert y.tolist() == [2, 60, 300]
    assert left.tolist() == [2, 60]
    (left.sum() + 100 * right.sum()).backward()
    assert x.grad.tolist() == [2, 6 * 101, 300]


def test_a_tensor_that_needs_no_gradient_gets_one_by_a_write() -> None:
    buffer, w = tg.zeros(3, dtype=tg.float64), leaf(2.0)
    early = buffer[1:]
    buffer[1] = w * 3
    assert buffer.requires_grad
    assert early.requires_grad
    (early.sum() + buffer.sum()).backward()
    assert w.grad.item() == 6


def test_overwriting_cuts_the_old_value_off() -> None:
    x, w = leaf([1.0, 2.0]), leaf([7.0, 8.0])
    y = x * 2
    y.copy_(w)
    y.sum().backward()
    assert x.grad is None  # nothing of it is left; PyTorch says so by a gradient of zeros
    assert w.grad.tolist() == [1, 1]


def test_a_tensor_that_is_written_into_itself() -> None:
    """y = (a, b); y *= y is (a^2, b^2); y += y.flip is both sums."""
    x = leaf([2.0, 3.0])
    y = x * 1
    v = y[:]
    y *= y
    assert v.tolist() == [4, 9]
    y[0] += y[1]
    assert y.tolist() == [13, 9]
    v[0].backward()
    assert x.grad.tolist() == [4, 6]


def test_a_retained_gradient_is_that_of_the_new_value() -> None:
    x = leaf([1.0, 2.0])
    y = x * 2
    y.retain_grad()
    y.mul_(3)
    (y * 5).sum().backward()
    assert y.grad.tolist() == [5, 5]
    assert x.grad.tolist() == [30, 30]


# ---------------------------------------------------------------------------------------------- aliases without a graph
@pytest.mark.parametrize(
    "alias", [lambda y: y.detach(), lambda y: y.data, lambda y: Tensor(y)], ids=["detach", "data", "Tensor"]
)
def test_an_alias_without_the_graph_sees_writes_and_is_seen(alias: Any) -> None:
    x = leaf([1.0, 2.0])
    y = x + 1
    d = alias(y)
    assert not d.requires_grad
    y.mul_(10)
    assert d.tolist() == [20, 30]
    d[0] = 7
    assert y.tolist() == [7, 30]
    y.sum().backward()
    assert x.grad.tolist() == [10, 10]  # d's write is no part of the graph


def test_an_array_that_was_handed_out_sees_writes() -> None:
    y = leaf([1.0, 2.0]) + 1
    array = y.numpy()
    y.mul_(10)
    assert array.tolist() == [20, 30]
    array = np.asarray(y)
    y += 1
    assert array.tolist() == [21, 31]


def test_a_buffer_made_of_an_array_writes_into_the_array() -> None:
    array = np.zeros(3)
    t = Tensor(array)
    t[0] = leaf(2.0) * 1
    assert array.tolist() == [2, 0, 0]
    assert t.requires_grad


def test_parameters_are_updated_through_data() -> None:
    p = nn.Parameter(tg.tensor([1.0, 2.0]))
    memory = p.numpy()
    (p * tg.tensor([3.0, 5.0])).sum().backward()
    p.data -= 0.5 * p.grad
    assert memory.tolist() == [-0.5, -0.5]
    p.data.add_(1)
    assert p.tolist() == [0.5, 0.5]
    p.data[0] = 4
    p.grad.data.zero_()
    assert memory.tolist() == [4, 0.5]
    assert p.grad.tolist() == [0, 0]
    assert p.requires_grad


def test_data_can_be_exchanged() -> None:
    p = nn.Parameter(tg.tensor([1.0, 2.0]))
    t = tg.tensor([7.0, 8.0])
    p.data = t
    assert p.tolist() == [7, 8]
    assert p.requires_grad
    assert p.is_leaf
    t[0] = 5
    assert p.tolist() == [5, 8]  # it shares the memory of what it was given
    with tg.no_grad():
        p.mul_(2)
    assert t.tolist() == [10, 16]
    (p * p).sum().backward()
    assert p.grad.tolist() == [20, 32]


def test_old_views_go_on_with_the_old_memory_when_data_is_exchanged() -> None:
    p = nn.Parameter(tg.tensor([1.0, 2.0]))
    with tg.no_grad():
        view, detached, array = p[:1], p.detach(), p.numpy()
    p.data = tg.tensor([7.0, 8.0])
    with tg.no_grad():
        p.mul_(10)
    assert view.tolist() == [1]
    assert detached.tolist() == [1, 2]
    assert array.tolist() == [1, 2]
    detached[0] = 3
    assert view.tolist() == [3]
    assert p.tolist() == [70, 80]


def test_a_gradient_that_needs_the_data_of_before_is_refused() -> None:
    p = nn.Parameter(tg.tensor([1.0, 2.0]))
    y = (p * p).sum()
    p.data = tg.tensor([7.0, 8.0])
    with pytest.raises(RuntimeError, match=r"input 0 of 'mul', of shape \(2,\), was changed in place"):
        y.backward()
    assert p.grad is None


@pytest.mark.parametrize(
    ("value", "got"),
    [
        ([1.0, 2.0], "list"),
        (None, "NoneType"),
        (3.0, "float"),
        (tg.tensor([1, 2]), "dtype int64"),
        (np.arange(2), "dtype int64"),
    ],
    ids=["list", "None", "float", "integers", "an array of integers"],
)
def test_data_takes_floating_tensors_and_arrays_alone(value: Any, got: str) -> None:
    p = nn.Parameter(tg.tensor([1.0, 2.0]))
    view = p.detach()
    with pytest.raises(TypeError, match=rf"\.data takes a Tensor or an array of a floating dtype, got .*{got}"):
        p.data = value
    view[0] = 5
    assert p.tolist() == [5, 2]  # it shares what it shared


def test_a_write_into_an_old_view_leaves_the_exchanged_tensor_alone() -> None:
    base, w = tg.zeros(3, dtype=tg.float64), leaf(2.0)
    view = base[1:]
    base.data = tg.ones(3, dtype=tg.float64)
    view[0] = w * 1
    assert view.tolist() == [2, 0]
    assert view.requires_grad
    assert base.tolist() == [1, 1, 1]
    assert not base.requires_grad


def test_what_was_set_as_data_is_seen_under_both_names_while_recording() -> None:
    p, t, w = tg.zeros(2, dtype=tg.float64), tg.ones(2, dtype=tg.float64) * 1, leaf(3.0)
    p.data = t
    t.mul_(w)
    assert p.tolist() == t.tolist() == [3, 3]
    assert not p.requires_grad


def test_the_array_of_a_view_sees_writes_into_the_base() -> None:
    y = leaf([1.0, 2.0]) * 1
    array = y[:1].numpy()
    y.mul_(2)
    assert array.tolist() == [2]
    array = y.view(2, 1)[1].t().numpy()
    y.mul_(10)
    assert array.tolist() == [40]


# ------------------------------------------------------------------------------------------ another shape of the same
def test_a_tensor_that_turns_takes_its_views_along() -> None:
    x = leaf([1.0, 2.0])
    y = x * 1
    v, whole = y[0], y[:]
    assert y.unsqueeze_(0) is y
    assert y.shape == (1, 2)
    y.mul_(3)
    assert v.item() == 3
    assert whole.tolist() == [3, 6]
    (v + 10 * whole[1]).backward()
    assert x.grad.tolist() == [3, 30]


def test_a_view_that_turns_still_writes_into_its_base() -> None:
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    y = x * 1
    v = y[1:]
    v.t_()
    v[0] *= 10
    assert v.tolist() == [[30], [4]]
    assert y.tolist() == [[1, 2], [30, 4]]
    y.sum().backward()
    assert x.grad.tolist() == [[1, 1], [10, 1]]


# ------------------------------------------------------------------------------------------------ one node for a write
def names(y: Any) -> list[str]:
    """The operations behind a tensor, along first parents."""
    found, node = [], y._node
    while node is not None and hasattr(node, "op"):
        found.append(node.op.name)
        node = node.parents[0]
    return found


def test_adding_to_a_row_is_recorded_once() -> None:
    """Python writes ``y[0] += 5`` as y[0] = (y[0] += 5): the second write finds its value there already."""
    y = leaf([[1.0], [2.0]]) * 2
    y[0] += 5
    assert names(y) == ["overwritten", "mul"]
    with tg.no_grad():
        y[0] += 5
        before = writes.last_write
        y[0] += 5
    assert writes.last_write == before + 1  # and noted once


@pytest.mark.parametrize("of", [lambda _y, t: t, lambda _y, t: t[:], lambda y, _t: y, lambda y, _t: y[:]])
def test_a_result_that_is_an_argument_is_not_shared(of: Any) -> None:
    x = leaf([1.0, 2.0])
    y, t = x * 1, x * 10
    array = y._array
    in_place(y, of, t)
    assert not np.shares_memory(y._array, t._array)
    assert y.tolist() in ([1, 2], [10, 20])
    assert not np.shares_memory(y._array, array)


def test_a_gradient_has_the_shape_and_dtype_of_its_tensor() -> None:
    p = nn.Parameter(tg.tensor([1.0, 2.0]))
    p.grad = kept = tg.ones(2)
    for wrong in (tg.ones(3), tg.ones(2, dtype=tg.float64), tg.tensor([1, 2]), tg.ones(1, 2)):
        with pytest.raises(TypeError, match=r"\.grad takes None or a Tensor of shape \(2,\) and dtype float32"):
            p.grad = wrong
    assert p.grad is kept


# ------------------------------------------------------------------------------------------------------------- refusals
def unchanged(x: Any, call: Callable[[Any], Any], words: str) -> None:
    """The call is refused with these words, and has changed neither values nor history."""
    before, node, array = x.tolist(), x._node, x._array
    with pytest.raises(RuntimeError, match=words):
        call(x)
    assert x.tolist() == before
    assert x._node is node
    assert x._array is array


WRITES: dict[str, Callable[[Any], Any]] = {
    "x += 1": lambda x: x.__iadd__(1),
    "x *= x": lambda x: x.__imul__(x),
    "x[0] = 1": lambda x: x.__setitem__(0, 1.0),
    "x[:] = 1": lambda x: x.__setitem__(slice(None), 1.0),
    "x[mask] = 1": lambda x: x.__setitem__(tg.ones(*x.shape) > 0, 1.0),
    "x[indices] = 1": lambda x: x.__setitem__(tg.tensor([0]), 1.0),
    "add_": lambda x: x.add_(1),
    "exp_": lambda x: x.exp_(),
    "fill_": lambda x: x.fill_(2),
    "zero_": lambda x: x.zero_(),
    "copy_": lambda x: x.copy_(tg.ones(*x.shape)),
    "clamp_": lambda x: x.clamp_(0, 0.5),
    "uniform_": lambda x: x.uniform_(),
    "normal_": lambda x: x.normal_(),
    "bernoulli_": lambda x: x.bernoulli_(),
    "random_": lambda x: x.random_(10),
    "exponential_": lambda x: x.exponential_(),
    "masked_fill_": lambda x: x.masked_fill_(tg.ones(*x.shape) > 0, 2),
    "index_fill_": lambda x: x.index_fill_(0, tg.tensor([0]), 2),
    "scatter_": lambda x: x.scatter_(0, tg.zeros(*x.shape).long(), 2.0),
    "relu": lambda x: nn.functional.relu(x, inplace=True),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_leaf_that_requires_grad_refuses(name: str) -> None:
    words = "a leaf tensor that requires grad was about to change in place"
    unchanged(tg.tensor([[1.0, -2.0], [3.0, 4.0]], requires_grad=True), WRITES[name], words)


@pytest.mark.parametrize("name", WRITES)
def test_a_view_of_a_leaf_that_requires_grad_refuses(name: str) -> None:
    x = tg.tensor([[[1.0, -2.0], [3.0, 4.0]]], requires_grad=True)
    for view in (x[0], x[0].t(), x.view(2, 2), x.squeeze(0)):
        unchanged(view, WRITES[name], "a view of a leaf tensor that requires grad was about to change in place")
    assert x.tolist() == [[[1, -2], [3, 4]]]
    assert x.grad is None


@pytest.mark.parametrize("name", WRITES)
def test_leaves_and_their_views_may_be_written_under_no_grad(name: str) -> None:
    x = tg.tensor([[[1.5, -2.0], [3.0, 4.0]]], requires_grad=True)
    with tg.no_grad():
        WRITES[name](x[0])
    assert x.tolist() != [[[1.5, -2.0], [3.0, 4.0]]]
    assert x.requires_grad
    assert x.is_leaf


def frozen(shape: tuple[int, ...] = (2, 2)) -> np.ndarray[Any, Any]:
    array = np.ones(shape, np.float32)
    array.flags.writeable = False
    return array


def a_gradient() -> Any:
    with tg.enable_grad():
        x = tg.ones(2, 2, requires_grad=True)
        (g,) = tg.grad(x.sum(), x)
    return g


READ_ONLY: dict[str, Callable[[], Any]] = {
    "expanded": lambda: tg.ones(2, 1).expand(2, 2),
    "a view of an expanded one": lambda: tg.ones(1, 2, 1).expand(3, 2, 2)[1],
    "an expanded one, transposed": lambda: tg.ones(2, 1).expand(2, 2).t(),
    "broadcast_to": lambda: tg.broadcast_to(tg.ones(2), (2, 2)),
    "expanded while recording": lambda: (tg.ones(2, 1, requires_grad=True) * 1).expand(2, 2),
    "expanded, detached": lambda: tg.ones(2, 1).expand(2, 2).detach(),
    "a read-only array": lambda: Tensor(frozen()),
    "a view of a read-only array": lambda: Tensor(frozen((3, 2, 2)))[0],
    "a broadcast array": lambda: Tensor(np.broadcast_to(np.float32(1), (2, 2))),
    "a gradient that is one number": a_gradient,
    "a data of an expanded one": lambda: tg.ones(2, 1).expand(2, 2).data,
    "set as data": lambda: exchanged(),
}


def exchanged() -> Any:
    t = tg.zeros(2, 2)
    t.data = Tensor(frozen())
    return t


@pytest.mark.parametrize("memory", READ_ONLY)
@pytest.mark.parametrize("name", WRITES)
def test_read_only_memory_says_so(name: str, memory: str) -> None:
    words = r"this memory, of shape \(2, 2\), is read-only .*clone\(\) it first and write into the clone"
    unchanged(READ_ONLY[memory](), WRITES[name], words)
    with tg.no_grad():
        unchanged(READ_ONLY[memory](), WRITES[name], words)
    clone = READ_ONLY[memory]().clone()
    WRITES[name](clone)  # as it says


INITS: dict[str, Callable[[Any], Any]] = {
    "zeros_": lambda x: nn.init.zeros_(x),
    "ones_": lambda x: nn.init.ones_(x),
    "constant_": lambda x: nn.init.constant_(x, 2.0),
    "eye_": lambda x: nn.init.eye_(x),
    "uniform_": lambda x: nn.init.uniform_(x),
    "normal_": lambda x: nn.init.normal_(x),
    "trunc_normal_": lambda x: nn.init.trunc_normal_(x),
    "xavier_uniform_": lambda x: nn.init.xavier_uniform_(x),
    "xavier_normal_": lambda x: nn.init.xavier_normal_(x),
    "kaiming_uniform_": lambda x: nn.init.kaiming_uniform_(x),
    "kaiming_normal_": lambda x: nn.init.kaiming_normal_(x),
    "orthogonal_": lambda x: nn.init.orthogonal_(x),
    "sparse_": lambda x: nn.init.sparse_(x, 0.5),
    "dirac_": lambda x: nn.init.dirac_(x),
}


def test_no_filler_is_left_out() -> None:
    assert {name for name in dir(nn.init) if name.endswith("_") and not name.startswith("_")} == set(INITS)


@pytest.mark.parametrize("memory", READ_ONLY)
@pytest.mark.parametrize("name", INITS)
def test_fillers_say_that_memory_is_read_only(name: str, memory: str) -> None:
    x = READ_ONLY[memory]()
    if name == "dirac_":
        x = tg.broadcast_to(x.detach(), (2, 2, 2))
    before = x.tolist()
    with pytest.raises(RuntimeError, match="read-only"):
        INITS[name](x)
    assert x.tolist() == before


def test_a_leaf_of_read_only_memory_is_not_trained_in_silence() -> None:
    p = nn.Parameter(Tensor(frozen()))
    p.sum().backward()
    with pytest.raises((RuntimeError, ValueError), match="read-only"):
        tg.optim.SGD([p], lr=0.1).step()
    assert p.tolist() == [[1, 1], [1, 1]]


# --------------------------------------------------------------------------------------------- are old values kept?
def test_old_values_are_spared_where_no_other_name_lives() -> None:
    """exp keeps its output; y stands for new memory after the write, so nothing is lost."""
    x = leaf([0.0, 0.0])
    y = x.exp()
    z = y * y
    y.add_(5)
    (z + y).sum().backward()
    assert y.tolist() == [6, 6]
    assert x.grad.tolist() == [3, 3]


@pytest.mark.parametrize(
    "name",
    [
        lambda y: y[:],
        lambda y: y.detach(),
        lambda y: y.data,
        lambda y: y.numpy(),
        lambda y: y.t(),
        lambda y: y.unbind(),
    ],
    ids=["a view", "detach", "data", "an array", "transposed", "unbind"],
)
def test_a_backward_that_needs_lost_values_is_refused(name: Any) -> None:
    x = leaf([[0.0, 0.0]])
    y = x.exp()
    z = (y * y).sum()
    other = name(y)
    y.add_(5)
    assert np.asarray(other[0]).reshape(-1)[0] == 6
    with pytest.raises(
        RuntimeError, match=r"input 0 of 'mul', of shape \(1, 2\), was changed in place after it was used"
    ):
        z.backward()
    assert x.grad is None


def test_what_nobody_needs_may_be_overwritten() -> None:
    x = leaf([1.0, 2.0])
    y = x * 3
    v = y[0]
    z = (y + 1).sum()
    y.zero_()
    assert v.item() == 0
    z.backward()
    assert x.grad.tolist() == [3, 3]


def test_a_quotient_keeps_its_divisor_as_it_was() -> None:
    """The slope by b is -y_ / b_: a copy is made at the write, and the gradient is that of the old b, -a / b^2."""
    x, a = leaf([2.0, 4.0]), tg.tensor([6.0, 8.0], dtype=tg.float64)
    b = x * 1
    v = b[:1]
    z = (a / b).sum()
    b.mul_(100)
    assert v.tolist() == [200]
    z.backward()
    assert x.grad.tolist() == [-6 / 4, -8 / 16]


def test_a_quotient_keeps_its_result_as_it_was() -> None:
    b, a = leaf([2.0, 4.0]), tg.tensor([6.0, 8.0], dtype=tg.float64)
    z = a / b
    v = z[:1]
    z.mul_(10)
    assert v.tolist() == [30]
    (z.sum() + v.sum()).backward()
    assert b.grad.tolist() == [-20 * 6 / 4, -10 * 8 / 16]


def test_a_quotient_keeps_its_result_also_through_a_view() -> None:
    b, a = leaf([[2.0, 4.0]]), tg.tensor([[6.0, 8.0]], dtype=tg.float64)
    z = a / b
    z.view(-1)[1:].mul_(10)
    assert z.tolist() == [[3, 20]]
    z.sum().backward()
    assert b.grad.tolist() == [[-6 / 4, -10 * 8 / 16]]


def test_what_is_kept_is_copied_once_and_for_who_lives() -> None:
    b, a = leaf([2.0, 4.0]), tg.tensor([6.0, 8.0], dtype=tg.float64)
    z = a / b
    assert z._node.saved[2] is b._array
    with tg.no_grad():
        b.mul_(100)
        copied = z._node.saved[2]
        assert copied is not b._array
        assert copied.tolist() == [2, 4]
        b.mul_(100)
    assert z._node.saved[2] is copied
    z.sum().backward()
    assert b.grad.tolist() == [-6 / 4, -8 / 16]


def test_a_write_to_another_part_of_the_memory_copies_nothing() -> None:
    """And it is refused, as in PyTorch: writes are noted by the owner of the memory."""
    memory, a = leaf([2.0, 4.0, 1.0, 1.0]), tg.tensor([6.0, 8.0], dtype=tg.float64)
    z = a / memory[:2]
    kept = z._node.saved[2]
    with tg.no_grad():
        memory[2:].zero_()
    assert z._node.saved[2] is kept
    with pytest.raises(RuntimeError, match=r"input 1 of 'true_divide'.*changed in place"):
        z.sum().backward()


def test_adding_the_identity_after_a_batch_norm() -> None:
    """``out += identity``, as residual blocks write it: nothing the gradient needs is lost."""
    norm, x = nn.BatchNorm1d(2), tg.tensor([[-1.0, -2.0], [3.0, 6.0]], requires_grad=True)
    out = norm(x)
    out += x
    nn.functional.relu(out, inplace=True).sum().backward()
    assert x.grad.shape == (2, 2)
    assert norm.bias.grad.tolist() == [1, 1]  # -1 - 1 and -1 - 2 are below 0, 1 + 3 and 1 + 6 above


def test_relu_in_place_after_a_convolution() -> None:
    conv = nn.Conv2d(1, 1, 1, bias=False)
    with tg.no_grad():
        conv.weight.fill_(2)
    x = tg.tensor([[[[1.0, -3.0]]]])
    y = conv(x).relu_()
    y.sum().backward()
    assert y.tolist() == [[[[2, 0]]]]
    assert conv.weight.grad.item() == 1


# --------------------------------------------------------------------------------------------------- names that die
def test_views_that_died_do_not_count() -> None:
    x = leaf([1.0, 2.0])
    y = x.exp()
    z = y.sum()
    view, detached = y[0], y.detach()
    memory = y._array
    del view, detached
    y.mul_(2)
    assert y._array is not memory
    z.backward()  # exp needs its output, and has it
    np.testing.assert_allclose(x.grad.numpy(), np.exp([1.0, 2.0]))


def test_a_view_keeps_its_base_and_the_base_no_view() -> None:
    y = leaf([1.0, 2.0]) * 2
    view, base = y[0], weakref.ref(y)
    del y
    assert base() is not None  # a write through the view needs it
    gone = weakref.ref(view)
    del view
    assert gone() is None
    assert base() is None


def test_memory_is_freed_with_its_last_name() -> None:
    gc.collect()
    gc.disable()
    try:
        y = leaf([1.0, 2.0, 3.0]) * 2
        old, node = weakref.ref(y._array), weakref.ref(y._node)
        y += 1  # y stands for new memory
        assert old() is None
        assert node() is not None  # it is part of the graph
        view, detached = y[1:], y.detach()
        y += 1
        memory, tensor = weakref.ref(y._array), weakref.ref(y)
        del y
        del view
        assert memory() is not None  # the detached one shares it
        del detached
        assert [memory(), tensor(), node()] == [None] * 3
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_dead_views_do_not_accumulate() -> None:
    y = tg.zeros(4)
    alive = [y[:k] for k in range(1, 5)]
    for _ in range(10_000):
        y[1:]
    assert len(y._aliases.references) <= 4 * (16 + 2 * len(alive))
    assert {id(t) for t in y._aliases} == {id(v) for v in alive}
    del alive
    for _ in range(100):
        y.detach()
    assert len(y._aliases.references) <= 64


def test_the_tables_of_writes_forget_what_is_gone() -> None:
    b, a = leaf([1.0]), tg.ones(1, dtype=tg.float64)
    before = len(writes._writes), len(inplace._keeping)
    for _ in range(1000):
        a / b
        t = tg.ones(1, dtype=tg.float64)
        t += 1
        a / (b * 1)
    assert len(inplace._keeping[id(b._array)][1].references) <= 17
    del t, b
    assert (len(writes._writes), len(inplace._keeping)) == before


# ---------------------------------------------------------------------------------------------- copies and pickles
def test_a_deep_copy_of_a_base_or_a_view_is_on_its_own() -> None:
    x = tg.tensor([1.0, 2.0, 3.0])
    view, detached = x[1:], x.detach()
    for t in (x, view, detached):
        again = copy.deepcopy(t)
        before = t.tolist()
        again.zero_()
        assert t.tolist() == before
        t.add_(1)
        assert again.tolist() == [0] * len(before)
    assert x.tolist() == [3, 5, 6]  # each of the three added 1 to its part
    both = copy.deepcopy({"base": x, "view": view})
    both["base"].zero_()
    assert both["view"].tolist() == view.tolist()


def test_a_tensor_on_its_own_can_be_pickled() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    again = pickle.loads(pickle.dumps(x))
    assert again.tolist() == [1, 2]
    assert again.requires_grad
    assert again.grad.tolist() == [2, 4]
    again.detach().zero_()
    assert x.tolist() == [1, 2]


@pytest.mark.parametrize("which", ["base", "view", "detached", "base of views that died"])
def test_a_tensor_of_many_names_can_be_pickled(which: str) -> None:
    x = tg.tensor([1.0, 2.0, 3.0])
    names = {"base": x, "view": x[1:], "detached": x.detach(), "base of views that died": x}
    t = names.pop(which)
    if which.endswith("died"):
        names.clear()
    again = pickle.loads(pickle.dumps(t))
    assert again.tolist() == t.tolist()
    again.add_(1)
    assert x.tolist() == [1, 2, 3]
