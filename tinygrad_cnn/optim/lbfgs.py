"""L-BFGS: Newton's method, with the curvature as the last steps have shown it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy import ndarray

from ..arrays.guarding import about_to_step
from ..arrays.writes import mutated
from ..autograd.modes import enable_grad
from ..rails.steps import mark_used
from ..tensors import Tensor
from .checks import finite, non_negative
from .optimizer import Group, Optimizer, Params, State
from .state import number, numbers_of
from .wolfe import Point, search


class LBFGS(Optimizer):
    """L-BFGS (Nocedal & Wright 2006, algorithm 7.5), for all data at once: gradients of batches mislead it.

    `step` takes a ``closure`` that computes the loss and its gradients anew, and calls it several times:

    >>> import numpy as np
    >>> from tinygrad_cnn.tensors import Tensor
    >>> w = Tensor(np.array([-1.5, 2.0]), requires_grad=True)
    >>> optimizer = LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2  # Rosenbrock's valley
    ...     loss.backward()
    ...     return loss
    >>> for _ in range(3):
    ...     loss = optimizer.step(closure)
    >>> w.numpy().round(3)
    array([1., 1.])

    Args:
        lr: how far along the direction; 1 is Newton's step. The very first one is shortened to lr / |g|_1.
        max_iter: iterations of one `step`.
        max_eval: calls of the closure in one `step`; by default 5 / 4 of ``max_iter``.
        tolerance_grad: an entry of the gradient this small is 0: all of them, and it is done.
        tolerance_change: of the loss and of the parameters, likewise.
        history_size: how many steps are remembered.
        line_search_fn: "strong_wolfe" looks for a step length that fulfils the strong Wolfe conditions; None takes lr.

    Everything is one vector, so there is one parameter group. Its memory is kept in ``state`` of the first parameter.

    Raises ValueError for more than one group and for values out of range.
    """

    _arrays: ClassVar[tuple[str, ...]] = ("d", "prev_flat_grad")
    _lists: ClassVar[tuple[str, ...]] = ("old_dirs", "old_stps")
    counters: ClassVar[dict[str, type]] = {
        "func_evals": int, "n_iter": int, "t": float, "H_diag": float, "prev_loss": float
    }  # fmt: skip

    def __init__(
        self,
        params: Params,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        max_eval = max_iter * 5 // 4 if max_eval is None and isinstance(max_iter, int) else max_eval
        hyper = {"lr": lr, "max_iter": max_iter, "max_eval": max_eval, "tolerance_grad": tolerance_grad}
        more = {"tolerance_change": tolerance_change, "history_size": history_size, "line_search_fn": line_search_fn}
        super().__init__(params, {**hyper, **more})

    def check(self, group: Group) -> None:
        non_negative(group, "lr")
        for name in ("tolerance_grad", "tolerance_change"):  # one below 0 never ends a step
            finite(group, name)
        for name, least in (("max_iter", 0), ("max_eval", 0), ("history_size", 1)):
            if isinstance(group[name], bool) or not isinstance(group[name], int) or group[name] < least:
                raise ValueError(f"{name} must be an integer >= {least}, got {group[name]!r}")
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise ValueError(f'line_search_fn must be None or "strong_wolfe", got {group["line_search_fn"]!r}')

    def add_param_group(self, param_group: Group) -> None:
        """The one group, when the optimizer is made; ValueError for a second one."""
        if self.param_groups:
            raise ValueError("LBFGS has one parameter group: it works on all parameters as one vector")
        super().add_param_group(param_group)

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Several iterations. ``closure`` computes the loss and its gradients; what it returned first is returned."""
        if not callable(closure):
            raise TypeError(
                "LBFGS.step needs a closure that computes the loss and its gradients and returns the loss; "
                f"got {type(closure).__name__}"
            )
        group = self._as_it_is_now(self.param_groups[0])
        params = group["params"]
        state = self.state[params[0]]

        def look(x: ndarray | None) -> tuple[Any, float, ndarray]:
            """The loss and its gradient with the parameters at x."""
            if x is not None:
                self._put(params, x)
            with enable_grad():
                loss = closure()
            state["func_evals"] = state.get("func_evals", 0) + 1
            g = _gathered(params)
            mark_used(self)
            return loss, float(loss), g

        first, f, g = look(None)
        about_to_step(self.param_groups)
        calls = 1
        if np.abs(g).max(initial=0) > group["tolerance_grad"]:
            calls += self._iterate(group, state, look, f, g)
        self.steps_taken += 1
        return first

    def _iterate(self, group: Group, state: State, look: Callable[..., Any], f: float, g: ndarray) -> int:
        params, lr, small = group["params"], group["lr"], group["tolerance_change"]
        calls = 1
        memory = [_plain(state[name]) for name in ("old_dirs", "old_stps")] if "old_dirs" in state else [[], []]
        d, before = (None if name not in state else state[name]._array for name in self._arrays)
        t, scale = state.get("t", 0.0), state.get("H_diag", 1.0)
        f_before = state.get("prev_loss", f)
        for i in range(1, group["max_iter"] + 1):
            state["n_iter"] = state.get("n_iter", 0) + 1
            if state["n_iter"] == 1 or d is None or before is None:
                d, scale, memory = -g, 1.0, [[], []]
                t = min(1.0, 1.0 / float(np.abs(g).sum())) * lr
            else:
                scale = _remember(memory, g - before, d * d.dtype.type(t), group["history_size"], scale)
                d, t = _direction(g, memory, scale), lr
            before, f_before = g.copy(), f
            slope = float(g @ d)
            if slope > -small:
                break
            start = np.concatenate([p._array.reshape(-1) for p in params])
            made = 0
            if group["line_search_fn"] is not None:

                def at(t: float, x: ndarray = start, d: ndarray = d) -> Point:
                    _, f, g = look(_moved(x, t, d))
                    return Point(t, f, g, float(g @ d))

                (t, f, g, _), made = search(at, Point(0.0, f, g, slope), t, d, group["max_eval"] - calls)
                self._put(params, _moved(start, t, d))
            elif i < group["max_iter"]:
                _, f, g = look(_moved(start, t, d))
                made = 1
            else:
                self._put(params, _moved(start, t, d))
            calls += made
            done = made > 0 and np.abs(g).max(initial=0) <= group["tolerance_grad"]
            if calls >= group["max_eval"] or done:
                break
            if np.abs(d * t).max(initial=0) <= small or abs(f - f_before) < small:
                break
        if d is None or before is None:  # no iterations were asked for
            return calls
        state.update(zip(("old_dirs", "old_stps"), ([Tensor(a) for a in part] for part in memory), strict=True))
        state.update(d=Tensor(d), prev_flat_grad=Tensor(before), t=t, H_diag=scale, prev_loss=f_before)
        return calls

    def _put(self, params: list[Tensor], x: ndarray) -> None:
        """Let the parameters be the parts of the vector x."""
        at = 0
        for p in params:
            p._array[...] = x[at : at + p._array.size].reshape(p._array.shape)
            at += p._array.size
        mutated(*(p._array for p in params))

    def lacking(self, saved: State) -> list[str]:
        """As `Optimizer.lacking`: the memory is whole, or there is none."""
        names = (*self._arrays, *self._lists, "t", "H_diag")
        there = [name for name in names if saved.get(name) is not None]
        return [name for name in names if there and name not in there]

    def load_entry(self, key: str, value: Any, p: Tensor) -> Any:
        """As `Optimizer.load_entry`; the memory is of vectors as long as all parameters together."""
        n = sum(q._array.size for q in self.param_groups[0]["params"])
        if key in self.counters:
            return number(value, self.counters[key])
        if key in ("ro", "al"):  # PyTorch keeps them too; they follow from the others
            return None
        if key not in (*self._arrays, *self._lists):
            raise ValueError(f"is nothing this optimizer keeps (it keeps {', '.join((*self._arrays, *self._lists))})")
        one = key in self._arrays
        vectors = [numbers_of(a) for a in ([value] if one else value)]
        if any(a.shape != (n,) for a in vectors):
            raise ValueError(f"has shape {next(a.shape for a in vectors if a.shape != (n,))}, needed is ({n},)")
        kept = [Tensor(a.astype(p.dtype)) for a in vectors]
        return kept[0] if one else kept


def _plain(tensors: list[Tensor]) -> list[ndarray]:
    return [t._array for t in tensors]


def _gathered(params: list[Tensor]) -> ndarray:
    """All gradients as one vector; zeros where there is none."""
    parts = [np.zeros(p._array.size, p.dtype) if p.grad is None else p.grad._array.reshape(-1) for p in params]
    return np.concatenate(parts)


def _moved(x: ndarray, t: float, d: ndarray) -> ndarray:
    return x + d.dtype.type(t) * d


def _remember(memory: list[list[ndarray]], y: ndarray, s: ndarray, size: int, scale: float) -> float:
    """Take up the last step s and what it changed in the gradient, y; the scale of the inverse Hessian (7.20)."""
    curvature = float(y @ s)
    if curvature <= 1e-10:  # no direction in which the loss is convex
        return scale
    for part, new in zip(memory, (y, s), strict=True):
        if len(part) == size:
            part.pop(0)
        part.append(new)
    return curvature / float(y @ y)


def _direction(g: ndarray, memory: list[list[ndarray]], scale: float) -> ndarray:
    """Minus the inverse Hessian, as the remembered steps tell it, times g (the two loops of algorithm 7.4)."""
    q = -g
    pairs = [(y, s, 1.0 / float(y @ s)) for y, s in zip(*memory, strict=True)]
    weights = []
    for y, s, rho in reversed(pairs):
        weights.append(float(s @ q) * rho)
        q -= g.dtype.type(weights[-1]) * y
    q *= scale
    for (y, s, rho), weight in zip(pairs, reversed(weights), strict=True):
        q += g.dtype.type(weight - float(y @ q) * rho) * s
    return q
