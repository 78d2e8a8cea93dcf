"""What the scripts beside this file share: PyTorch's own databases of tests, put to this package.

PyTorch describes each of its operators, modules and optimizers in a database, with samples of valid arguments and of
wrong ones, and tests itself by it (``torch.testing._internal``). A script takes one database, converts each sample,
calls both packages and compares. What we refuse has to stand in the script's table with its reason.
"""

from __future__ import annotations

import sys
import types
import unittest
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy import ndarray

import tinygrad_cnn as tg
from tinygrad_cnn import autograd
from tinygrad_cnn.tensors import Tensor

ERRORS = (ValueError, TypeError, RuntimeError, IndexError, OverflowError, NotImplementedError, AttributeError)
NOT_INSTALLED = "PyTorch is not installed: no databases to put to the package"


class NotOurs(Exception):
    """A sample holds what this package has no such thing of: complex numbers, sparse tensors, bfloat16, ..."""


class Differs(AssertionError):
    """The two packages disagree."""


# --------------------------------------------------------------------------------------------------------- databases
def import_torch() -> Any:
    """PyTorch, with its internal tests ready to be imported; ImportError where it is not installed.

    They import `expecttest` for one base class that the databases make no use of. Where it is missing, an empty one
    takes its place.
    """
    import torch

    try:
        import expecttest  # noqa: F401
    except ImportError:
        stand_in = types.ModuleType("expecttest")
        vars(stand_in).update(TestCase=unittest.TestCase, ACCEPT=False)
        sys.modules["expecttest"] = stand_in
    with quietly():
        from torch.testing._internal import common_utils
    common_utils.extract_test_fn = lambda: None  # else each list of samples walks through pytest's deep stack
    return torch


@contextmanager
def quietly() -> Iterator[None]:
    """Without PyTorch's and NumPy's warnings: the samples are full of zeros to divide by and of old names."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def named(name: str) -> Any:
    """What stands under a dotted name of the package (``"nn.functional.relu"``), or None."""
    value: Any = tg
    for part in name.split("."):
        value = getattr(value, part, None)
    return value


# --------------------------------------------------------------------------------------------------------- converting
class Converter:
    """Turns PyTorch's arguments into ours. One tensor that stands in two places stays one.

    ``pairs`` holds each tensor met that requires grad, beside ours, in the order in which they came.
    """

    def __init__(self) -> None:
        self.pairs: list[tuple[Any, Tensor]] = []
        self._seen: dict[int, tuple[Any, Tensor]] = {}

    def __call__(self, value: Any) -> Any:
        """A number, string, function, dtype or tensor, or lists, tuples, dicts and slices of them."""
        import torch

        if isinstance(value, torch.Tensor):
            return self._tensor(value)
        if isinstance(value, torch.dtype):
            return dtype_of(value)
        if isinstance(value, torch.device):
            return tg.device(str(value))
        if isinstance(value, complex):
            raise NotOurs("complex numbers")
        if isinstance(value, (torch.memory_format, torch.layout, torch.Generator)):
            raise NotOurs(f"{type(value).__name__} as an argument")
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*(self(v) for v in value))
        if isinstance(value, (list, tuple)):
            return (list if isinstance(value, list) else tuple)(self(v) for v in value)
        if isinstance(value, dict):
            return {key: self(v) for key, v in value.items()}
        if isinstance(value, slice):
            return slice(self(value.start), self(value.stop), self(value.step))
        if isinstance(value, torch.nn.Module):
            raise NotOurs("modules as arguments")
        return value

    def _tensor(self, x: Any) -> Tensor:
        known = self._seen.get(id(x))
        if known is None:
            wants = x.requires_grad
            known = x, Tensor(array_of(x), requires_grad=wants)
            self._seen[id(x)] = known
            if wants:
                self.pairs.append(known)
        return known[1]


def array_of(x: Any) -> ndarray[Any, Any]:
    """The numbers of a PyTorch tensor, in memory of their own and in the same order."""
    import torch

    if x.layout is not torch.strided or x.is_quantized:
        raise NotOurs(f"tensors that are {str(x.layout).removeprefix('torch.')}")
    dtype_of(x.dtype)
    if x.ndim > 64:
        raise NotOurs("tensors of more than 64 dimensions")
    if x.device.type != "cpu":
        raise NotOurs(f"tensors on the device {x.device}")
    return np.array(x.numpy(force=True), order="K")


def dtype_of(dtype: Any) -> np.dtype[Any]:
    """Our dtype of the same name."""
    name = str(dtype).removeprefix("torch.")
    if "complex" in name:
        raise NotOurs("complex numbers")
    ours = getattr(tg, name, None)
    if not isinstance(ours, np.dtype):
        raise NotOurs(f"the dtype {name}")
    return ours


# ---------------------------------------------------------------------------------------------------------- comparing
def flat(result: Any) -> list[Any]:
    """Tensors and numbers of a result, however nested, in order."""
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, (list, tuple)):
        return [x for part in result for x in flat(part)]
    return [result]


def array(x: Any) -> ndarray[Any, Any]:
    """One element of a result of either package as an array."""
    if isinstance(x, Tensor):
        return x.numpy()
    return np.asarray(x.numpy(force=True) if hasattr(x, "detach") else x)


def assert_same(ours: Any, theirs: Any, what: str, rtol: float | None = None, atol: float | None = None) -> None:
    """Equal in shape, dtype and, but for rounding, values; `Differs` says where not."""
    a, b = array(ours), array(theirs)
    if a.shape != b.shape:
        raise Differs(f"{what}: shape {a.shape}, PyTorch {b.shape}")
    if a.dtype != b.dtype:
        raise Differs(f"{what}: dtype {a.dtype}, PyTorch {b.dtype}")
    if a.dtype.kind != "f":
        if not np.array_equal(a, b):
            raise Differs(f"{what}: {_where(a, b, a != b)}")
        return
    bound = {8: 1e-9, 4: 1e-4}.get(a.dtype.itemsize, 5e-3)
    scale = max(1.0, float(np.abs(b[np.isfinite(b)]).max(initial=0)))
    close = np.isclose(a, b, bound if rtol is None else rtol, (bound if atol is None else atol) * scale, equal_nan=True)
    if not close.all():
        raise Differs(f"{what}: {_where(a, b, ~close)}")


def _where(a: Any, b: Any, differ: Any) -> str:
    place = tuple(int(i) for i in np.argwhere(differ)[0])
    return f"{int(np.sum(differ))} of {a.size} differ, first at {place}: {a[place]!r}, PyTorch {b[place]!r}"


def assert_all_same(ours: Any, theirs: Any, what: str, **bounds: Any) -> None:
    """The same number of results, and each the same."""
    a, b = flat(ours), flat(theirs)
    if len(a) != len(b):
        raise Differs(f"{what}: {len(a)} results, PyTorch {len(b)}")
    for k, (y, z) in enumerate(zip(a, b, strict=True)):
        if y is None or z is None:
            if y is not z:
                raise Differs(f"{what} {k}: {y}, PyTorch {z}")
        elif isinstance(z, str) or isinstance(y, str):
            if y != z:
                raise Differs(f"{what} {k}: {y!r}, PyTorch {z!r}")
        else:
            assert_same(y, z, f"{what} {k}" if len(a) > 1 else what, **bounds)


def weights(shape: tuple[int, ...], dtype: Any, seed: int) -> ndarray[Any, Any]:
    """Numbers of both signs, none near 0: what gradients are asked for with."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.uniform(0.5, 1.5, shape) * rng.choice([-1, 1], shape)).astype(dtype)


def assert_same_gradients(
    ours: Any, theirs: Any, pairs: list[tuple[Any, Tensor]], second: bool = False, **bounds: Any
) -> int:
    """The gradients of two results by the ``pairs`` of inputs, and theirs if ``second``; how many were compared."""
    import torch

    ys = [
        (y, z)
        for y, z in zip(flat(ours), flat(theirs), strict=True)
        if isinstance(z, torch.Tensor) and z.requires_grad and z.dtype.is_floating_point and z.numel()
    ]
    for y, _ in ys:
        if not y.requires_grad:
            raise Differs("a result does not require grad, PyTorch's does")
    if not ys or not pairs:
        return 0
    cotangents = [weights(array(z).shape, array(z).dtype, k) for k, (_, z) in enumerate(ys)]
    cs, ds = [Tensor(c, requires_grad=second) for c in cotangents], [torch.tensor(c) for c in cotangents]
    if second:
        ds = [d.requires_grad_() for d in ds]
    a = _grad(autograd.grad, [y for y, _ in ys], [x for _, x in pairs], cs, second)
    b = _grad(torch.autograd.grad, [z for _, z in ys], [x for x, _ in pairs], ds, second)
    compared = _compare(a, b, "gradient", bounds)
    if not second:
        return compared
    firsts = [
        (g, h, weights(array(h).shape, array(h).dtype, 100 + k))
        for k, (g, h) in enumerate(zip(a, b, strict=True))
        if g is not None and h is not None and h.requires_grad and g.requires_grad
    ]
    if firsts:
        u = [Tensor(w) for _, _, w in firsts]
        v = [torch.tensor(w) for _, _, w in firsts]
        aa = _grad(autograd.grad, [g for g, _, _ in firsts], [*(x for _, x in pairs), *cs], u, False)
        bb = _grad(torch.autograd.grad, [h for _, h, _ in firsts], [*(x for x, _ in pairs), *ds], v, False)
        compared += _compare(aa, bb, "second derivative", bounds)
    return compared


def _grad(grad: Callable[..., Any], ys: list[Any], xs: list[Any], cs: list[Any], create: bool) -> list[Any]:
    return list(grad(ys, xs, cs, create_graph=create, allow_unused=True))


def _compare(a: list[Any], b: list[Any], what: str, bounds: dict[str, Any]) -> int:
    for k, (g, h) in enumerate(zip(a, b, strict=True)):
        if g is not None and h is not None:
            assert_same(g, h, f"{what} {k}", **bounds)
            continue
        present = g if h is None else h
        if present is not None and array(present).any():
            raise Differs(f"{what} {k}: {g}, PyTorch {h}")
    return len(a)
