"""Writing into a tensor: what ``x += 1``, ``x[0] = 1`` and ``x.exp_()`` do, whatever names the memory has.

A write computes the new values from the old ones by an operation, and lets the tensor take them. Where no other name
of the memory is alive, the tensor stands for the new memory from then on, and whoever kept the old values still has
them. Where one is (a view, a detached alias, an array handed out), the memory itself is overwritten, so that all names
see it. While gradients are recorded, the tensor at the root of the views gets a node whose rules are those of the
write, and the views that live are derived from it again.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy import ndarray

from ..arrays.writes import mutated
from ..autograd.backward import cast
from ..autograd.graph import Array, Extra, Node, Variable, array_of, wrap
from ..autograd.inplace import about_to_write, alias, has_other_names
from ..autograd.modes import here
from ..autograd.operation import op, record
from ..ops import index as indexing
from ..ops.indices import parse
from ..ops.lookup import _masked_fill
from ..ops.numbers import array_for
from ..ops.shape import clone

F = TypeVar("F", bound=Callable[..., Any])
Path: TypeAlias = tuple[tuple[Callable[..., Array], dict[str, Any]], ...]  # the steps from a tensor to a view of it


# ------------------------------------------------------------------------------------------------ the roots of views
@op(
    lambda g, _y, _x, _part, *, path: _overwritten(g, np.zeros(_part.shape, _part.dtype), path=path),
    lambda g, _y, _x, _part, *, path: _along(path, g),
)
def _overwritten(x: Array, part: Array, *, path: Path) -> Array:
    """A copy of x in which the view that the path leads to has other values."""
    y = np.array(x, order="K")
    view = _along(path, y)
    if np.may_share_memory(view, y):
        view[...] = part
    else:  # g in another memory order than x: what was a view there is a copy here
        flat = np.ascontiguousarray(y).reshape(-1)
        flat[_along(path, np.arange(y.size).reshape(y.shape))] = part
        y = flat.reshape(y.shape)
    return y


def _along(path: Path, x: Array) -> Array:
    for step, attributes in path:
        x = step(x, **attributes)
    return x


def _root(x: Variable) -> tuple[Any, Path]:
    """The tensor that x is a differentiable view of, and the steps from there to x."""
    path: list[Any] = []
    while x._view is not None and x._view[1] is not None:
        x, *step = x._view
        path.insert(0, tuple(step))
    return x, tuple(path)


def _views(x: Variable) -> list[Variable]:
    """The differentiable views of x that live."""
    return [v for v in x._aliases or () if v._view is not None and v._view[0] is x and v._view[1] is not None]


def _derive_again(x: Variable) -> None:
    """Make the nodes of the views of x from what x is now."""
    for v in _views(x):
        assert v._view is not None
        _, made, attributes = v._view
        _settle(v, made(x, **attributes)._node)
        _derive_again(v)


def _settle(x: Variable, node: Node | None) -> None:
    """Let x be what this node made. A gradient that x retains is now that of the new value."""
    old, x._node = x._node, node
    if old is not None and old.extra is not None and old.extra.retain is not None and old.extra.retain() is x:
        assert node is not None
        node.extra = node.extra or Extra()
        node.extra.retain, old.extra.retain = old.extra.retain, None


# ------------------------------------------------------------------------------------------------------------ the doors
def check_writable(x: Variable) -> None:
    """Raise where x must not be written into: memory that is read-only, and what `check_no_leaf` refuses."""
    if not x._array.flags.writeable:
        raise RuntimeError(
            f"this memory, of shape {x._array.shape}, is read-only (an expanded tensor, a gradient that is one number "
            "many times, or an array given as such); clone() it first and write into the clone"
        )
    check_no_leaf(x)


def check_no_leaf(x: Variable) -> None:
    """Raise where a change of x is recorded and x is a leaf that requires grad, or a view of one."""
    if here.mode.recording:
        root, path = _root(x)
        if root._wants_grad or x._wants_grad:
            what = "a view of a leaf tensor" if path and root._wants_grad else "a leaf tensor"
            raise RuntimeError(
                f"{what} that requires grad was about to change in place while gradients are recorded; "
                "use a new tensor (x = x + 1), or `with no_grad():` to update a parameter"
            )


def _wants(x: Any) -> bool:
    return isinstance(x, Variable) and (x._wants_grad or x._node is not None)


def in_place(x: Any, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Let x become ``function(x, *args, **kwargs)``, in place, and return it.

    Raises:
        RuntimeError: read-only memory; a leaf that requires grad, or a view of one, while gradients are recorded; a
            result of another shape, or of a kind that the dtype of x does not hold.
    """
    check_writable(x)
    recorded = here.mode.recording and (_wants(x) or any(map(_wants, args)) or any(map(_wants, kwargs.values())))
    overwrites = not recorded or has_other_names(x)
    old = x
    if recorded and overwrites:  # the gradient of the write may need the values that are about to go
        old = wrap(x._array.copy(order="K"), x._node)
        for watcher in here.mode.watchers:
            if (told := getattr(watcher, "copied", None)) is not None:
                told(x, old._array)
        args = tuple(old if a is x else a for a in args)
        kwargs = {name: old if a is x else a for name, a in kwargs.items()}
    new = _fitting(x, function(old, *args, **kwargs))
    if overwrites:
        if new is x and here.mode.watchers:  # who knows x by when it was written must see what it becomes
            new = clone(x)
        about_to_write(x)
        np.copyto(x._array, new._array, casting="unsafe")
        mutated(x._array)
        for watcher in here.mode.watchers:
            if (told := getattr(watcher, "wrote", None)) is not None:
                told(x, new)
    if recorded:
        if not overwrites:
            x._array = (
                new._array
                if new._view is None and new is not old and all(new is not a for a in args)
                else clone(new)._array
            )
        become(x, new._node)
    return x


def become(x: Variable, node: Node | None) -> None:
    """Let x, whose new values are there, be what this node made (None: a constant), and its views what x is now."""
    root, path = _root(x)
    if path or node is None:
        part = wrap(x._array, node)
        node = record(_overwritten.op, (root, part), (root._array, x._array), root._array, {"path": path})  # type: ignore[attr-defined]
    _settle(root, node)
    _derive_again(root)


def _fitting(x: Variable, new: Any) -> Any:
    """A result, in the dtype of x, if it may be written into x."""
    if not np.can_cast(new._array.dtype, x._array.dtype, "same_kind"):
        raise RuntimeError(
            f"a result of dtype {new._array.dtype} cannot be written into a tensor of dtype {x._array.dtype}"
        )
    if new._array.shape != x._array.shape:
        raise RuntimeError(
            f"a result of shape {new._array.shape} cannot be written into a tensor of shape {x._array.shape}"
        )
    return new if new._array.dtype == x._array.dtype else cast(new, dtype=x._array.dtype)


def assign(x: Any, index: Any, value: Any) -> None:
    """``x[index] = value``."""
    check_writable(x)
    place = parse(index, x._array.shape)
    of_x = isinstance(value, Variable) and value._view is not None and value._view[0] is x
    if of_x and place.picks is None and _same_memory(value._array, x._array[place.basic]):
        return  # the end of x[index] += 1: the value is there already
    if not (here.mode.recording and (_wants(x) or _wants(value))) and not here.mode.watchers:  # these see operations
        about_to_write(x)
        indexing.write(x._array, place, array_of(value))
        mutated(x._array)
    elif place.picks is None and has_other_names(x):
        in_place(indexing.getitem(x, index), indexing.setitem, ..., value)
    else:
        in_place(x, _set, value, index=index)


def _set(x: Any, value: Any, *, index: Any) -> Any:
    """``x[index] = value`` as an operation; of one number where a mask says, without positions: programs know those."""
    mask, number = array_of(index), array_of(value)
    if isinstance(mask, ndarray) and mask.dtype == np.bool_ and mask.ndim and not np.ndim(number):
        value = value if isinstance(number, ndarray) else array_for(value, x.dtype, "setitem")
        mask = index[(..., *(None,) * (x.ndim - mask.ndim))]
        return _masked_fill(x, mask, indexing.writable(value, x.dtype, "setitem"))
    return indexing.setitem(x, index, value)


def _same_memory(a: ndarray[Any, Any], b: ndarray[Any, Any]) -> bool:
    return (
        a.shape == b.shape and a.strides == b.strides and a.__array_interface__["data"] == b.__array_interface__["data"]
    )


def turn(x: Any, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Let x become a view of itself, ``function(x, ...)``: another shape of the same memory (`unsqueeze_`, `t_`)."""
    check_no_leaf(x)
    before = wrap(x._array, x._node)  # x as it was: what its views are views of
    if x._view is not None:
        alias(before, *x._view)
    for v in list(x._aliases or ()):
        if v._view is not None and v._view[0] is x:
            alias(v, before, *v._view[1:])
    before._handed_out, x._aliases = x._handed_out, None
    after = function(before, *args, **kwargs)
    x._array = after._array
    _settle(x, after._node)
    made = after._view[1:] if after is not before and after._view is not None else (_itself, {})
    alias(x, before, *made)
    return x


def _itself(x: Any) -> Any:
    return x


# ---------------------------------------------------------------------------------------------------------- the methods
def twin(function: F, by: Callable[..., Any] = in_place) -> F:
    """The in-place method of a function: ``x.exp_()`` of ``x.exp()``, with its arguments and its explanation."""

    @functools.wraps(function)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return by(self, function, *args, **kwargs)

    method.__name__ += "_"
    method.__qualname__ += "_"
    method.__doc__ = f"`{function.__name__}`, in place. {inspect.getdoc(function) or ''}".strip()
    return method  # type: ignore[return-value]
