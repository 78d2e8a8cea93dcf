"""What every optimizer shares: parameter groups, the step over them, state that can be saved and resumed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy import ndarray

from ..arrays.threads import WORTH, divide
from ..arrays.writes import mutated
from ..autograd.modes import enable_grad
from ..tensors import Tensor
from .checks import FLAGS, as_groups, is_number, names_and_params, non_negative, plain, refuse_flags

Group: TypeAlias = dict[str, Any]
State: TypeAlias = dict[str, Any]
Params: TypeAlias = Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[Group]

CHUNK = 1 << 16  # elements: what one update touches (parameter, gradient, state, scratch) then stays in the cache


class Optimizer:
    """Base of all optimizers: updates parameters in place from their gradients.

    ``params`` is an iterable of tensors, of (name, tensor) pairs, or of dicts, each of which is a group: its parameters
    under ``"params"``, and the hyper-parameters that differ from ``defaults``.

    A subclass says how one parameter changes, in `update`; the rest is here:

    >>> class SignSGD(Optimizer):
    ...     def __init__(self, params, lr=0.01):
    ...         super().__init__(params, {"lr": lr})
    ...     def update(self, p, g, state, group):
    ...         p -= group["lr"] * np.sign(g)
    >>> w = Tensor(np.array([1.0, 1.0]), requires_grad=True)
    >>> w.grad = Tensor(np.array([0.3, -7.0]))
    >>> SignSGD([w], lr=0.5).step()
    >>> w.numpy()
    array([0.5, 1.5])

    Attributes: ``param_groups`` (a list of dicts), ``defaults``, and ``state``, a dict for each parameter, under
    PyTorch's names, of arrays (Tensors of the parameter's shape and dtype) and numbers.

    Raises TypeError or ValueError for something that is no parameter, for no parameters at all, for a parameter given
    twice, and for hyper-parameters out of their range.
    """

    buffers: ClassVar[tuple[str, ...]] = ()  # the names of the arrays kept for each parameter
    counters: ClassVar[dict[str, type]] = {"step": int, "mu_product": float}  # the numbers kept for each parameter

    def __init__(self, params: Params, defaults: Group) -> None:
        defaults = {key: plain(value) for key, value in defaults.items()}
        self.defaults = defaults
        self.state: defaultdict[Tensor, State] = defaultdict(dict)
        self.param_groups: list[Group] = []
        self.steps_taken = 0  # since this object was made; schedulers look whether it moves
        self.check(defaults)
        for group in as_groups(params):
            self.add_param_group(group)
        if not any(group["params"] for group in self.param_groups):
            raise ValueError(
                "the optimizer got no parameters: the list is empty, or the iterator was used up before; "
                "pass model.parameters()"
            )

    # ------------------------------------------------------------------------------------------ for subclasses
    def update(self, p: ndarray, g: ndarray, state: State, group: Group) -> None:
        """Change the array ``p`` in place, given its gradient ``g`` (never written to), its state and its group."""
        raise NotImplementedError(f"{type(self).__name__} does not define update(p, g, state, group)")

    def check(self, group: Group) -> None:
        """Raise where the hyper-parameters of a group, all filled in, are out of range. Subclasses add theirs."""
        if "lr" in group:
            non_negative(group, "lr")

    # ------------------------------------------------------------------------------------------ for users
    def add_param_group(self, param_group: Group) -> None:
        """Add a dict with ``"params"`` (a tensor, or an iterable as in the constructor) and its hyper-parameters."""
        if not isinstance(param_group, dict):
            raise TypeError(f"a parameter group is a dict with the key 'params', got {type(param_group).__name__}")
        if "params" not in param_group:
            raise ValueError(f"a parameter group needs the key 'params'; this one has {sorted(map(str, param_group))}")
        group = {**self.defaults, **{key: plain(value) for key, value in param_group.items()}}
        names, params = names_and_params(group["params"])
        taken = {id(p): f"parameter group {i}" for i, other in enumerate(self.param_groups) for p in other["params"]}
        for i, p in enumerate(params):
            if id(p) in taken:
                raise ValueError(
                    f"parameter {names[i] if names else i} (shape {p.shape}) of the new group is in "
                    f"{taken[id(p)]} already; each parameter may be given once"
                )
            taken[id(p)] = "the same group"
        others = [other for other in self.param_groups if other["params"]]
        if params and any(("param_names" in other) != (names is not None) for other in others):
            raise ValueError("either all parameters come with names, as (name, tensor) pairs, or none does")
        self.check(group)
        refuse_flags(**{key: group.get(key) for key in FLAGS})
        group["params"] = params
        if names is not None:
            group["param_names"] = names
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients: set them to None or, with ``set_to_none=False``, to fresh zeros where there are any."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None if set_to_none or p.grad is None else Tensor(np.zeros_like(p.grad._array))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient, in place.

        ``closure``, if given, computes the loss and its gradients first; its value is returned. Everything is checked
        before the first parameter changes: ValueError for a gradient of another shape than its parameter's.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        work = [self._with_gradients(group) for group in self.param_groups]
        for group, params in zip(self.param_groups, work, strict=True):
            try:
                for p, g in params:
                    self.update(p._array, -g if group.get("maximize") else g, self.state[p], group)
            finally:
                mutated(*(p._array for p, _ in params))
        self.steps_taken += 1
        return loss

    def _with_gradients(self, group: Group) -> list[tuple[Tensor, ndarray]]:
        if not isinstance(group.get("lr", 0.0), float):
            self.check(group)  # someone put something else there: an int is fine, a Tensor or a string is not
        ready = [(p, p.grad._array) for p in group["params"] if p.grad is not None]
        for p, g in ready:
            if g.shape != p._array.shape:
                raise ValueError(
                    f"a parameter of shape {p._array.shape} has a gradient of shape {g.shape}; nothing updated"
                )
        return ready

    # ------------------------------------------------------------------------------------------ saving
    def state_dict(self) -> dict[str, Any]:
        """``{"state": {index: ...}, "param_groups": [...]}``, parameters numbered in order, as in PyTorch.

        The arrays are those in use: the next `step` changes them. Save them, or ``copy.deepcopy`` the dict.
        """
        index = {id(p): i for i, p in enumerate(self._params())}
        return {
            "state": {index[id(p)]: dict(state) for p, state in self.state.items() if state and id(p) in index},
            "param_groups": [
                {**{key: value for key, value in group.items() if key != "params"},
                 "params": [index[id(p)] for p in group["params"]]}
                for group in self.param_groups
            ],
        }  # fmt: skip

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave; PyTorch's state dicts of the same optimizer work too.

        Arrays are copied, into the dtype and memory order of their parameters; hyper-parameters are taken over;
        ``params`` and their names stay. Raises TypeError or ValueError, with all problems in one message and nothing
        changed, when the groups, their sizes, the names or the shapes differ.
        """
        if not isinstance(state_dict, dict) or not {"state", "param_groups"} <= set(state_dict):
            raise TypeError(
                "load_state_dict expects a dict with the keys 'state' and 'param_groups', as state_dict() gives"
            )
        saved_groups = state_dict["param_groups"]
        mine, theirs = ([len(g["params"]) for g in groups] for groups in (self.param_groups, saved_groups))
        if mine != theirs:
            raise ValueError(
                f"the state dict is of {len(theirs)} parameter group(s) with {theirs} parameters; "
                f"this optimizer has {len(mine)} with {mine}"
            )
        own = {*FLAGS, "params", "param_names"}
        groups = [
            {**group, **{key: _loaded(value) for key, value in saved.items() if key not in own}}
            for group, saved in zip(self.param_groups, saved_groups, strict=True)
        ]
        params = dict(zip((i for saved in saved_groups for i in saved["params"]), self._params(), strict=True))
        state: defaultdict[Tensor, State] = defaultdict(dict)
        problems: list[str] = []
        for i, saved in state_dict["state"].items():
            if i not in params:
                problems.append(f"state for a parameter {i!r}, which is in no group")
                continue
            for key, value in saved.items():
                self._load(f"parameter {i}: {key!r}", key, value, params[i], state[params[i]], problems)
        if problems:
            raise ValueError(f"the state dict does not fit this {type(self).__name__}:\n  " + "\n  ".join(problems))
        for group in groups:
            self.check(group)
        for group, new in zip(self.param_groups, groups, strict=True):
            group.update(new)
        self.state = state

    def _load(self, what: str, key: str, value: Any, p: Tensor, state: State, problems: list[str]) -> None:
        """Put one saved value where it belongs, or say why it does not fit."""
        if value is None:  # PyTorch's way to say that there is no such buffer yet
            return
        if key in self.counters:
            state[key] = self.counters[key](np.asarray(_array(value)).item())
        elif not self.buffers:  # a user's own optimizer that does not declare any
            state[key] = deepcopy(value)
        elif key not in self.buffers:
            problems.append(f"{what} is nothing this optimizer keeps (it keeps {', '.join(self.buffers)})")
        elif np.shape(_array(value)) != p.shape:
            problems.append(f"{what} has shape {np.shape(_array(value))}, the parameter {p.shape}")
        else:
            state[key] = Tensor(np.empty_like(p._array, subok=False))
            state[key]._array[...] = _array(value)

    def _params(self) -> Iterator[Tensor]:
        return (p for group in self.param_groups for p in group["params"])

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])


# ---------------------------------------------------------------------------------------------- for the update rules


def buffer(state: State, name: str, like: ndarray, fill: float = 0.0) -> ndarray:
    """The array kept in ``state`` under that name; made at first use, of the shape, dtype and order of ``like``."""
    if name not in state:
        state[name] = Tensor(np.full_like(like, fill, subok=False))
    return state[name]._array


def count(state: State) -> int:
    """One more step: ``state["step"]``, counted from 1."""
    state["step"] = state.get("step", 0) + 1
    return state["step"]


def blockwise(update: Callable[..., None], *arrays: Any, **keywords: Any) -> None:
    """``update(*arrays, **keywords)``, an elementwise update, done piece by piece and in several threads.

    All arrays have one shape, in whatever memory order; a None stays None. Pieces have about `CHUNK` elements, so that
    what an update touches stays in the cache. Small arrays come in one piece.
    """
    size = arrays[0].size
    seconds = size * len(arrays) * 0.25e-9
    if arrays[0].ndim and (size <= CHUNK or (size <= 3 * CHUNK and seconds < WORTH)):  # 173,000: 47 us, not 59
        update(*arrays, **keywords)
        return
    pieces = list(_pieces([a if a is None or a.ndim else a.reshape(1) for a in arrays]))

    def some(start: int, stop: int) -> None:
        for piece in pieces[start:stop]:
            update(*piece, **keywords)

    divide(len(pieces), some, seconds)


def _pieces(arrays: list[Any]) -> Iterator[tuple[Any, ...]]:
    strides = arrays[0].strides
    order = sorted(range(len(strides)), key=lambda i: -abs(strides[i]))  # the memory order of the first array
    arrays = [None if a is None else a.transpose(order) for a in arrays]
    if all(a is None or a.flags.c_contiguous for a in arrays):
        arrays = [None if a is None else a.reshape(-1) for a in arrays]
    shape = arrays[0].shape
    axis = shape.index(max(shape))
    length = max(1, CHUNK * shape[axis] // max(1, arrays[0].size))
    for start in range(0, shape[axis], length):
        piece = (*(slice(None),) * axis, slice(start, start + length))
        yield tuple(None if a is None else a[piece] for a in arrays)


def _loaded(value: Any) -> Any:
    """A hyper-parameter out of a saved file: lists of numbers were tuples, 0-d tensors were numbers."""
    if hasattr(value, "shape"):
        value = np.asarray(_array(value))
        return value.item() if value.ndim == 0 else value
    return tuple(value) if isinstance(value, list) and all(map(is_number, value)) else deepcopy(value)


def _array(value: Any) -> Any:
    return value._array if isinstance(value, Tensor) else np.asarray(value)
