"""What every optimizer shares: parameter groups, the step over them, state that can be saved and resumed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy import ndarray

from ..arrays.guarding import about_to_step, begin_anew
from ..arrays.threads import WORTH, divide
from ..arrays.writes import entries_of_writes, note_writes
from ..autograd.graph import wrap
from ..autograd.modes import enable_grad
from ..rails.memory import watch_of
from ..tensors import Tensor
from .checks import FLAGS, as_groups, boolean, finite, hints, names_and_params, non_negative, plain
from .hooks import Hooks
from .state import entry, loaded
from .subnormals import EVERY, flush

Group: TypeAlias = dict[str, Any]
State: TypeAlias = dict[str, Any]
Ready: TypeAlias = list[tuple[Tensor, ndarray]]  # parameters that have a gradient, and their gradients
Work: TypeAlias = tuple[Callable[[], None], list[list[Any]]]  # a step of a group; where its writes are noted
Params: TypeAlias = Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[Group]

CHUNK = 1 << 16  # elements: what one update touches (parameter, gradient, state, scratch) then stays in the cache


class Optimizer(Hooks):
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
    needed: ClassVar[tuple[str, ...]] = ()  # those of both that a parameter with any state has

    def __init__(self, params: Params, defaults: Group) -> None:
        defaults = {key: plain(value) for key, value in defaults.items()}
        self.defaults = defaults
        self.state: defaultdict[Tensor, State] = defaultdict(dict)
        self.param_groups: list[Group] = []
        begin_anew()
        self.steps_taken = 0  # since this object was made; schedulers look whether it moves
        self.check(defaults)
        hints(**{key: defaults.get(key) for key in FLAGS})
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
        boolean(group, "maximize", "nesterov", "amsgrad", "centered", "decoupled_weight_decay")
        hints(**{key: group.get(key) for key in FLAGS})
        group["params"] = params
        for p in params:
            p._rail = watch_of(self)
        if names is not None:
            group["param_names"] = names
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients: set them to None or, with ``set_to_none=False``, to fresh zeros where there are any."""
        watch_of(self).cleared = watch_of(self).zeroed = True
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
        about_to_step(self.param_groups)
        work = [self._ready(i, group) for i, group in enumerate(self.param_groups)]
        for update, entries in work:
            try:
                update()
            finally:
                note_writes(entries)
        self.steps_taken += 1
        if self.steps_taken % EVERY == 0:
            for state in self.state.values():
                for name in self.buffers:
                    if isinstance(kept := state.get(name), Tensor):
                        flush(kept._array)
        return loss

    def _ready(self, _i: int, group: Group) -> Work:
        """What is to be done for a group, that of this number, after all is checked."""
        group = self._as_it_is_now(group)
        params = self._with_gradients(group)
        return partial(self._one_by_one, group, params), entries_of_writes([p._array for p, _ in params])

    def _one_by_one(self, group: Group, params: Ready) -> None:
        for p, g in params:
            self.update(p._array, -g if group.get("maximize") else g, self.state[p], group)

    def _with_gradients(self, group: Group) -> Ready:
        """Its parameters that have a gradient."""
        ready = [(p, p._grad._array) for p in group["params"] if p._grad is not None]
        for p, g in ready:
            if g.shape != p._array.shape:
                raise ValueError(
                    f"a parameter of shape {p._array.shape} has a gradient of shape {g.shape}; nothing updated"
                )
        return ready

    def _as_it_is_now(self, group: Group) -> Group:
        """The group, checked again, as anybody may have written into it: but a schedule may take lr below 0."""
        lr = finite(group, "lr") if "lr" in group else 0.0
        self.check(group if lr >= 0 else {**group, "lr": 0.0})
        return {**group, "lr": lr} if isinstance(group.get("lr"), Tensor) else group

    # ------------------------------------------------------------------------------------------ saving
    def state_dict(self) -> dict[str, Any]:
        """``{"state": {index: ...}, "param_groups": [...]}``, parameters numbered in order, as in PyTorch.

        The arrays are those in use: the next `step` changes them. Save them, or ``copy.deepcopy`` the dict.
        """
        for hook in self._called("before state_dict"):
            hook(self)
        index = {id(p): i for i, p in enumerate(self._params())}
        state_dict = {
            "state": {index[id(p)]: dict(state) for p, state in self.state.items() if state and id(p) in index},
            "param_groups": [
                {**{key: value for key, value in group.items() if key != "params"},
                 "params": [index[id(p)] for p in group["params"]]}
                for group in self.param_groups
            ],
        }  # fmt: skip
        for hook in self._called("after state_dict"):
            new = hook(self, state_dict)
            state_dict = state_dict if new is None else new
        return state_dict

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave; PyTorch's state dicts of the same optimizer work too.

        Arrays are copied, into the dtype and memory order of their parameters; hyper-parameters are taken over;
        ``params`` and their names stay. Raises TypeError or ValueError, with all problems in one message and nothing
        changed, when the groups, their sizes, the names, the shapes or the values do not fit.
        """
        for hook in self._called("before load_state_dict"):
            new = hook(self, dict(state_dict))
            state_dict = state_dict if new is None else new
        groups, state = loaded(self, state_dict)
        for group in groups:
            self._as_it_is_now(group)
        for group, new in zip(self.param_groups, groups, strict=True):
            group.update(new)
        self.state = state
        for hook in self._called("after load_state_dict"):
            hook(self)

    def buffer_shape(self, name: str, p: ndarray) -> tuple[int, ...]:  # noqa: ARG002
        """The shape of an array kept for the parameter p: that of p, if a subclass does not say otherwise."""
        return p.shape

    def lacking(self, saved: State) -> list[str]:
        """What a saved state of a parameter ought to have and has not."""
        return [name for name in self.needed if saved and saved.get(name) is None]

    def load_entry(self, key: str, value: Any, p: Tensor) -> Any:
        """A saved entry of the state of p as it is kept here, a copy; ValueError where it does not fit."""
        return entry(self, key, value, p)

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
        state[name] = wrap(np.full_like(like, fill, subok=False), None)
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
    parts = list(pieces([a if a is None or a.ndim else a.reshape(1) for a in arrays], CHUNK))

    def some(start: int, stop: int) -> None:
        for piece in parts[start:stop]:
            update(*piece, **keywords)

    divide(len(parts), some, seconds)


def pieces(arrays: list[Any], limit: int) -> Iterator[tuple[Any, ...]]:
    """Arrays of one shape, cut into pieces of about ``limit`` elements along the memory of the first."""
    strides = arrays[0].strides
    order = sorted(range(len(strides)), key=lambda i: -abs(strides[i]))  # the memory order of the first array
    arrays = [None if a is None else a.transpose(order) for a in arrays]
    if all(a is None or a.flags.c_contiguous for a in arrays):
        arrays = [None if a is None else a.reshape(-1) for a in arrays]
    shape = arrays[0].shape
    axis = shape.index(max(shape))
    length = max(1, limit * shape[axis] // max(1, arrays[0].size))
    for start in range(0, shape[axis], length):
        piece = (*(slice(None),) * axis, slice(start, start + length))
        yield tuple(None if a is None else a[piece] for a in arrays)
