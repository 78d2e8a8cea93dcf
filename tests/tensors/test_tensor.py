"""What Python's own functions make of a tensor of one number."""

from __future__ import annotations

import copy
import operator
import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_])
def test_a_whole_number_is_an_index(dtype: Any) -> None:
    one = tg.tensor(np.ones((), dtype))
    assert (operator.index(one), "abc"[one], list(range(one))) == (1, "b", [0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_other_number_is_an_index_though_it_is_whole(dtype: Any) -> None:
    two = tg.tensor(np.array(2, dtype))
    with pytest.raises(TypeError, match=f"only an integer tensor can be an index, got dtype {np.dtype(dtype)}"):
        operator.index(two)
    assert (int(two), float(two), bool(two)) == (2, 2.0, True)


@pytest.mark.parametrize("function", [operator.index, int, float, bool])
def test_several_numbers_are_none(function: Any) -> None:
    with pytest.raises((RuntimeError, ValueError), match=r"\(2,\)"):
        function(tg.tensor([1, 2]))


OPERATIONS = {
    **{sign: getattr(operator, name) for sign, name in {"+": "add", "-": "sub", "*": "mul", "/": "truediv"}.items()},
    **{sign: getattr(operator, name) for sign, name in {"//": "floordiv", "%": "mod", "**": "pow"}.items()},
    **{sign: getattr(operator, name) for sign, name in {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}.items()},
    **{sign: getattr(operator, name) for sign, name in {"==": "eq", "!=": "ne", "@": "matmul"}.items()},
}
OF_BITS = {"&": operator.and_, "|": operator.or_, "^": operator.xor, "<<": operator.lshift, ">>": operator.rshift}


@pytest.mark.parametrize("sign", [*OPERATIONS, *OF_BITS])
def test_an_operator_with_either_side_a_number_an_array_or_a_tensor(sign: str) -> None:
    f = OF_BITS.get(sign) or OPERATIONS[sign]
    a, b, number = np.array([[3.0, 1.0], [2.0, 5.0]]), np.array([[2.0, 2.0], [1.0, 3.0]]), 2.0
    if sign in OF_BITS:
        a, b, number = a.astype(int), b.astype(int), 2  # type: ignore[assignment]
    sides = [(tg.tensor(a), tg.tensor(b), a, b), (tg.tensor(a), b, a, b), (a, tg.tensor(b), a, b)]
    if sign != "@":
        sides += [(tg.tensor(a), number, a, number), (number, tg.tensor(b), number, b)]
    for x, y, p, q in sides:
        result = f(x, y)
        assert isinstance(result, tg.Tensor)
        np.testing.assert_array_equal(result.numpy(), f(p, q))


def test_operators_of_one_tensor() -> None:
    a = np.array([3.0, -1.0])
    x = tg.tensor(a)
    assert (-x).tolist() == [-3, 1]
    assert +x is x
    assert abs(x).tolist() == [3, 1]
    assert (~tg.tensor([1, -2])).tolist() == [-2, 1]
    assert (~tg.tensor([True, False])).tolist() == [False, True]
    assert [row.tolist() for row in tg.tensor([[1, 2], [3, 4]])] == [[1, 2], [3, 4]]
    assert (3.0 in x, 2.0 in x, len(x)) == (True, False, 2)
    for act in (len, iter):
        with pytest.raises(TypeError, match="a 0-d tensor"):
            act(tg.tensor(1.0))
    assert (x == "a") is False
    assert (x != "a") is True
    assert f"{tg.tensor([1.25]):.1f} {tg.tensor(3)}" == "1.2 tensor(3)"
    assert f"{x:}" == str(x) == repr(x)
    assert np.asarray(x).dtype == np.float64
    assert np.shares_memory(np.asarray(x), x.numpy())
    assert not np.shares_memory(np.array(x, copy=True), x.numpy())
    with pytest.raises(RuntimeError, match=r"item\(\) needs a tensor of one element, got shape \(2,\)"):
        x.item()
    with pytest.raises(RuntimeError, match="the truth of a tensor of shape"):
        bool(tg.zeros(0))


def test_what_a_gradient_may_be_set_to() -> None:
    x = tg.ones(2, requires_grad=True)
    for wrong, words in (
        (x, "cannot be its own gradient"),
        (np.ones(2), "takes None or a Tensor, got ndarray"),
        (tg.ones(3), r"shape \(2,\) and dtype float32, as the tensor itself; got shape \(3,\)"),
        (tg.ones(2).double(), "and dtype float64"),
    ):
        with pytest.raises((TypeError, RuntimeError), match=words):
            x.grad = wrong
        assert x.grad is None
    x.grad = tg.ones(2)
    del x.grad
    assert x.grad is None
    y = x * 2
    assert (y.retains_grad, x.retains_grad) == (False, False)
    y.retain_grad()
    x.retain_grad()
    assert (y.retains_grad, x.retains_grad) == (True, False)
    with pytest.raises(RuntimeError, match="retain_grad"):
        tg.ones(1).retain_grad()
    with pytest.raises(RuntimeError, match="register_hook"):
        tg.ones(1).register_hook(print)
    with pytest.raises(RuntimeError, match="can be turned off for leaf tensors only"):
        y.requires_grad_(False)
    assert y.requires_grad_() is y
    with pytest.raises(RuntimeError, match="only floating-point tensors can require a gradient, got int64"):
        tg.tensor([1]).requires_grad_()
    assert tg.tensor([1]).requires_grad_(False).requires_grad is False
    with pytest.raises(RuntimeError, match="a view cannot leave the graph in place"):
        y[0].detach_()
    assert y.detach_() is y
    assert (y.is_leaf, y.requires_grad) == (True, False)


def test_another_shape_for_a_tensor() -> None:
    for size in ((2, 2), (3,), (6,), (0,), (2, 5)):
        x = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
        assert x.resize_(size) is x
        n = int(np.prod(size))
        assert x.tolist() == np.resize([1.0, 2, 3, 4, *[0] * 6], n).reshape(size).tolist()
    x = tg.tensor([1.0, 2.0])
    assert x.resize_(2, 1).tolist() == [[1], [2]]
    assert x.resize_as_(tg.ones(1, 3)).tolist() == [[1, 2, 0]]
    for held in (tg.ones(2, requires_grad=True), tg.ones(2, requires_grad=True) * 1):
        with pytest.raises(RuntimeError, match="no gradient goes through it"):
            held.resize_(1)


def test_a_result_is_written_into_a_tensor_that_was_given() -> None:
    x, out = tg.tensor([1.0, 4.0]), tg.zeros(2)
    assert tg.sqrt(x, out=out) is out
    assert out.tolist() == [1, 2]
    empty = tg.empty(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tg.sqrt(x, out=empty).shape == (2,)
    with pytest.warns(UserWarning, match=r"out has shape \(3,\) and becomes one of the result's shape, \(2,\)"):
        assert tg.sqrt(x, out=tg.ones(3)).tolist() == [1, 2]
    with pytest.raises(RuntimeError, match="of dtype float32 cannot be written into out, of int64"):
        tg.sqrt(x, out=tg.zeros(2).long())
    assert tg.sqrt(x, out=tg.zeros(2).double()).dtype == np.float64
    for a, b in ((x.clone().requires_grad_(), tg.zeros(2)), (x, tg.zeros(2, requires_grad=True))):
        with pytest.raises(RuntimeError, match="out= records no gradient"):
            tg.sqrt(a, out=b)


@pytest.mark.parametrize(
    ("name", "kind", "number"), [("cpu", "cpu", None), ("cpu:0", "cpu:0", 0), ("cpu:12", "cpu:12", 12)]
)
def test_devices(name: str, kind: str, number: int | None) -> None:
    d = tg.device(name)
    assert (str(d), d.type, d.index) == (kind, "cpu", number)
    assert repr(d) == ("device(type='cpu')" if number is None else f"device(type='cpu', index={number})")
    assert d == tg.device(d)
    assert hash(d) == hash(tg.device(d))
    assert d != "cpu"
    assert tg.device("cpu", 3).index == 3
    if number is not None:
        assert d != tg.device("cpu")
        with pytest.raises(RuntimeError, match=f"'{name}' has an index already, got index=3 as well"):
            tg.device(name, 3)
    for wrong in ("cuda", "cpu:", "cpu:x", "cuda:0", "", "cpu:-1"):
        with pytest.raises(RuntimeError, match=f"there is no device '{wrong}'"):
            tg.device(wrong)


INDICES: list[Any] = [
    1, -1, slice(None), slice(1, None), slice(None, None, 2), ..., None, (0, 1), (slice(None), 2), (..., -1), (1, None),
    np.array([0, 2]), np.array([2, 2, 0]), np.array([[0, 1], [2, 0]]), [0, 2], np.array([], int), (np.array([0, 2]), 1),
    (np.array([0, 2]), np.array([1, 3])), (slice(1, None), np.array([0, 3])), np.array([True, False, True]),
    np.array([False] * 3), np.arange(12).reshape(3, 4) % 2 == 0, (np.array([True, False, True]), 2), True, False,
    np.array(True), (slice(0, 0), 1), np.int64(2), np.uint8(1),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_reading_and_writing_at_an_index(index: Any, dtype: Any) -> None:
    """A number, an array and a tensor that broadcast, through every kind of index, in NumPy's numbers and in ours."""
    plain = np.arange(12).reshape(3, 4).astype(dtype)
    part = plain[index]
    for kind in (lambda i: i, tg.tensor):
        at = tuple(kind(i) if isinstance(i, np.ndarray) else i for i in index) if isinstance(index, tuple) else index
        at = kind(at) if isinstance(at, np.ndarray) else at
        np.testing.assert_array_equal(tg.tensor(plain)[at].numpy(), part)
        values = [
            7,
            np.full(part.shape, 9, dtype),
            tg.tensor(np.full(part.shape, 5, dtype)),
            tg.tensor(np.array(3, dtype)),
        ]
        values += [np.arange(part.shape[-1]).astype(dtype)] if part.ndim else []
        for value in values:
            x, expected = tg.tensor(plain), plain.copy()
            before = x.data_ptr()
            x[at] = value
            expected[index] = value.numpy() if isinstance(value, tg.Tensor) else value
            np.testing.assert_array_equal(x.numpy(), expected)
            assert (x.data_ptr(), x.dtype) == (before, dtype)


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_gradients_of_what_was_written_at_an_index(index: Any) -> None:
    plain, weights = np.arange(12.0).reshape(3, 4), np.linspace(1, 2, 12).reshape(3, 4)
    x, n = tg.tensor(plain, requires_grad=True), tg.tensor(2.0, dtype=tg.float64, requires_grad=True)
    y = x * 1
    y[index] = n * 3
    (y * tg.tensor(weights)).sum().backward()
    kept = np.ones((3, 4))
    kept[index] = 0
    np.testing.assert_allclose(x.grad.numpy(), weights * kept)  # type: ignore[union-attr]
    np.testing.assert_allclose(n.grad.item(), 3 * (weights * (1 - kept)).sum())  # type: ignore[union-attr]


CASTS = {"half": "f2", "float": "f4", "double": "f8", "bool": "?"}
CASTS |= {"byte": "u1", "char": "i1", "short": "i2", "int": "i4", "long": "i8"}


@pytest.mark.parametrize("name", CASTS)
def test_from_one_kind_to_another(name: str) -> None:
    dtype, kind = np.dtype(CASTS[name]), f"{name.capitalize()}Tensor"
    a = np.array([[0.0, 1.5, 3.9]], np.float32)
    for x in (tg.tensor(a), tg.tensor(a.astype(int)), tg.tensor(a != 0)):
        expected = x.numpy().astype(dtype)
        other = tg.zeros(1, dtype=dtype)
        for y in (
            *(getattr(x, name)(), x.to(dtype), x.to(dtype=dtype), x.to("cpu", dtype), x.to(other), x.type(dtype)),
            *(x.type_as(other), x.type(f"torch.{kind}"), x.type(getattr(tg, kind)), x.to(dtype, True)),
        ):
            assert y.dtype == dtype
            np.testing.assert_array_equal(y.numpy(), expected)
            assert (y is x) is (x.dtype == dtype)
        assert x.to(dtype, copy=True) is not x
    y = other.to(dtype)
    assert y.type() == f"torch.{kind}"
    assert isinstance(y, getattr(tg, kind))
    assert not isinstance(y, tg.FloatTensor if name != "float" else tg.LongTensor)
    assert repr(getattr(tg, kind)) == f"<class 'tinygrad_cnn.{kind}'>"
    assert (y.itemsize, y.element_size(), other.nbytes) == (dtype.itemsize,) * 3
    assert y.is_floating_point() is (dtype.kind == "f")
    assert y.is_signed() is (dtype.kind in "fi")
    assert y.is_complex() is y.is_cuda is y.is_pinned() is False
    made = getattr(tg, kind)([[0, 1]])
    assert (made.dtype, made.tolist()) == (dtype, [[0, 1]])
    assert getattr(tg, kind)(2, 3).shape == (2, 3)


def test_what_a_tensor_tells_of_its_memory() -> None:
    a = np.arange(24.0).reshape(2, 3, 4)
    x = tg.tensor(a)
    for y, b in ((x, a), (x.mT, a.swapaxes(1, 2)), (x.T, a.T), (x[1:, ::2], a[1:, ::2]), (x[1, 2, 3], a[1, 2, 3:])):
        steps = tuple(n // 8 for n in np.asarray(b).strides)
        assert y.stride() == (steps if y.ndim else ())
        assert (y.dim(), y.ndimension(), y.numel(), y.nelement()) == (y.ndim, y.ndim, y.numpy().size, y.numpy().size)
        assert y.is_contiguous() is y.numpy().flags.c_contiguous
        assert y.data_ptr() - x.data_ptr() == 8 * y.storage_offset()
        for d in range(-y.ndim, y.ndim):
            assert (y.stride(d), y.size(d)) == (steps[d], y.shape[d])
        for d in (-y.ndim - 1, y.ndim):
            with pytest.raises(IndexError):
                y.stride(d)
            with pytest.raises(IndexError):
                y.size(d)
        assert type(y.size()) is tg.Size
    assert x.get_device() == -1
    assert x.is_same_size(tg.zeros(2, 3, 4)) is True
    assert x.is_same_size(x.T) is False
    assert x.cpu() is x
    assert x.view(np.dtype(np.int64)).dtype == np.int64
    assert x.seen_as(np.float32).shape == (2, 3, 8)
    with pytest.raises(ValueError, match="cannot be read as float32: the last dimension must lie in one piece"):
        x.mT.seen_as(np.float32)
    for wrong, words in (
        (lambda: x.to(np.complex64), "real numbers"),
        (lambda: x.to(np.float32, shape=3), "no argument shape"),
    ):
        with pytest.raises(TypeError, match=words):
            wrong()
    with pytest.raises(RuntimeError, match="CPU"):
        x.to("cuda")
    with pytest.raises(RuntimeError, match="CPU"):
        x.cuda()


def test_a_shallow_copy_is_another_name() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    near, far = copy.copy(x), copy.deepcopy(x)
    assert near is not x
    assert (near.requires_grad, far.requires_grad) == (True, True)
    assert np.shares_memory(near.numpy(), x.numpy())
    assert not np.shares_memory(far.numpy(), x.numpy())
    assert far.tolist() == x.tolist()
