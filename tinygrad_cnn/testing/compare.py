"""One gradient check: what is compared with what, and what is said when they disagree."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from .. import autograd
from ..arrays.rng import Generator, resolve
from ..tensors import Tensor
from .differences import Slope, derivatives, one_sided
from .memory import LAYOUTS

Array = ndarray[Any, Any]
Function = Callable[..., Any]


class GradcheckError(RuntimeError):
    """A gradient check found something wrong; the message says what, where, and by how much."""


class GradcheckWarning(UserWarning):
    """Some elements were left out of a gradient check, because they sit on a kink or a tie."""


class _Wrong(NamedTuple):
    """An element whose gradient is not what differences say."""

    where: tuple[int, ...]
    analytic: float
    numeric: float
    error: float
    kink: tuple[float, float, float] | None  # a step for which the slopes from the left and from the right stay apart


class Check:
    """One gradient check. ``values`` are the inputs that have a gradient, by position."""

    def __init__(
        self,
        function: Function,
        inputs: Any,
        kwargs: Mapping[str, Any] | None,
        eps: float,
        rtol: float,
        atol: float | None,
        directions: int,
        generator: int | Generator | np.random.Generator,
        kinks: str,
    ) -> None:
        if not callable(function):
            raise TypeError(f"gradcheck needs a function, got {type(function).__name__}")
        if not eps > 0 or not rtol >= 0 or (atol is not None and not atol >= 0) or directions < 1:
            raise ValueError(
                "gradcheck needs eps > 0, rtol >= 0, atol >= 0 and directions >= 1, got "
                f"{eps=}, {rtol=}, {atol=}, {directions=}"
            )
        if kinks not in ("raise", "skip"):
            raise ValueError(f'kinks must be "raise" or "skip", got {kinks!r}')
        self.function, self.kwargs = function, dict(kwargs or {})
        self.eps, self.rtol, self.atol, self.directions, self.kinks = eps, rtol, atol, directions, kinks
        self.rng = np.random.default_rng(generator) if isinstance(generator, int) else resolve(generator)
        self.inputs: list[Any] = list(inputs) if isinstance(inputs, (tuple, list)) else [inputs]
        self.values = dict(_checked_inputs(self.inputs))
        self.own = {i: x for i in self.values if _moves_itself(x := self.inputs[i], self.inputs)}
        self.names = [f"input {i}" for i in range(len(self.inputs))]
        self.what = "gradient"
        self.skipped: list[str] = []

    @contextlib.contextmanager
    def borrowed(self) -> Iterator[None]:
        """Leaves that are given other numbers within get their own back at the end."""
        before = {i: x._array for i, x in self.own.items()}
        try:
            yield
        finally:
            for i, a in before.items():
                self.own[i]._array = a

    def run(self) -> None:
        with self.borrowed():
            self.compare()
        if self.skipped:
            warnings.warn("not checked: " + "; ".join(self.skipped), GradcheckWarning, stacklevel=3)

    def compare(self) -> None:
        before = {i: a.copy() for i, a in self.values.items()}
        ys = self.call(self.values)
        self.cotangents = [self.dense(y.shape) for y in ys]
        self.size = float(sum(np.abs(c * y).sum() for c, y in zip(self.cotangents, ys, strict=True)))
        if not np.isfinite(self.size):
            raise GradcheckError("the function gives NaN or inf at these inputs; move them to where it is finite")
        for k, (y, again) in enumerate(zip(ys, self.call(self.values), strict=True)):
            if not np.array_equal(y, again):
                raise GradcheckError(
                    f"the function gives another output {k} when it is called again with the same inputs. Differences "
                    "need one that is deterministic: seed its generator inside the function"
                )
        grads = self.gradients(self.values, self.cotangents)
        for i, a in self.values.items():
            if not np.array_equal(a, before[i]):
                raise GradcheckError(
                    f"{self.names[i]} was written to, by the function or by a rule; compute a new array instead"
                )
        for (i, a), g, again in zip(
            self.values.items(), grads, self.gradients(self.values, self.cotangents), strict=True
        ):
            if g.shape != a.shape or g.dtype != a.dtype:
                raise GradcheckError(
                    f"{self.of(i)} has shape {g.shape} and dtype {g.dtype}, the input {a.shape} and {a.dtype}"
                )
            if not np.array_equal(g, again, equal_nan=True):
                raise GradcheckError(f"{self.of(i)} is another one when it is computed again")
        for i, g in zip(self.values, grads, strict=True):
            self.check_input(i, g)
        self.check_layouts(ys, grads)
        if self.skipped and len(self.skipped) == sum(a.size for a in self.values.values()):
            raise GradcheckError("every element of every input sits on a kink or a tie: nothing was checked; move them")

    # ------------------------------------------------------------------------------------------ what is compared
    def of(self, i: int) -> str:
        """What is checked of input i, in words."""
        return f"the {self.what} of {self.names[i]}"

    def dense(self, shape: tuple[int, ...]) -> Array:
        """Random numbers of random sign, none of them near 0."""
        return np.asarray(self.rng.uniform(0.5, 1.5, shape) * self.rng.choice([-1.0, 1.0], shape))

    def tensors(self, values: Mapping[int, Array]) -> list[Any]:
        """The inputs with other values: leaves keep their identity, the function may know them by other names too."""
        for i, x in self.own.items():
            x._array = values[i]
        fresh = {i: Tensor(a, requires_grad=True) for i, a in values.items() if i not in self.own}
        return [fresh.get(i, x) for i, x in enumerate(self.inputs)]

    def call(self, values: Mapping[int, Array]) -> list[Array]:
        """The floating outputs, as arrays."""
        with autograd.no_grad(), np.errstate(all="ignore"):
            results = outputs(self.function(*self.tensors(values), **self.kwargs))
        ys = [np.array(y._array) for y in results if y.dtype.kind == "f"]
        if not ys:
            raise TypeError("the function gives no floating output, so there is no gradient to check")
        for k, y in enumerate(ys):
            if y.dtype != np.float64:
                raise TypeError(f"float64 inputs gave output {k} as {y.dtype}; differences need float64 throughout")
        return ys

    def gradients(self, values: Mapping[int, Array], cotangents: Sequence[Array]) -> list[Array]:
        xs = self.tensors(values)
        # leaves that get the very gradients that the last rules get: an addition hands one to both of its inputs
        witnesses = [Tensor(np.zeros_like(c), requires_grad=True) for c in cotangents]
        with autograd.enable_grad(), np.errstate(all="ignore"):
            ys = [y for y in outputs(self.function(*xs, **self.kwargs)) if y.dtype.kind == "f"]
            sums = [y + w if y._node is not None else y for y, w in zip(ys, witnesses, strict=True)]
            leaves = [*(xs[i] for i in values), *witnesses]
            grads = gradients_of(sums, leaves, [Tensor(c) for c in cotangents], create=False)
        grads, seen = grads[: len(values)], grads[len(values) :]
        if any(
            y._node is not None and not np.array_equal(c, g._array)
            for y, c, g in zip(ys, cotangents, seen, strict=True)
        ):
            raise GradcheckError("a rule wrote to the gradient it was given (g); it must compute a new array")
        return [g._array for g in grads]

    def check_input(self, i: int, g: Array) -> None:
        """The gradient of one input along random directions; if that is wrong, at every element."""
        x, left_out = self.values[i], np.zeros(g.shape, bool)
        attempt = 0
        while attempt < self.directions:
            direction = np.where(left_out, 0.0, self.dense(x.shape))
            terms = direction * g
            agrees, slope = self.agree(float(terms.sum()), self.along(i, direction), float(np.abs(terms).sum()))
            if agrees:
                attempt += 1
                continue
            wrong = [w for w in self.elements(i, g) if not left_out[w.where]]
            blamed = [w for w in wrong if w.kink is None]
            if blamed:
                raise GradcheckError(self.report(i, blamed, x.size))
            if not wrong:
                raise GradcheckError(
                    f"{self.of(i)} disagrees along a random direction: {terms.sum():.10g} by the rules, "
                    f"{slope.value:.10g} ± {slope.error:.1g} by differences, though it agrees at every element on its "
                    f"own. The inputs may lie within {self.eps} of a kink or tie; move them, or make eps smaller"
                )
            for w in wrong:
                self.on_a_kink(i, w)
                left_out[w.where] = True

    def along(self, i: int, direction: Array) -> Callable[[float], float]:
        """sum(cotangent * output) as a function of a step of input i along a direction."""

        def f(t: float) -> float:
            ys = self.call({**self.values, i: np.asarray(self.values[i] + t * direction)})
            with np.errstate(all="ignore"):
                return float(sum(np.sum(c * y) for c, y in zip(self.cotangents, ys, strict=True)))

        return f

    def agree(self, analytic: float, f: Callable[[float], float], scale: float) -> tuple[bool, Slope]:
        """Is f'(0) what the rules say? And what differences say."""
        atol = 1e-10 * (self.size + scale) if self.atol is None else self.atol
        slopes = []
        for slope in derivatives(f, self.eps, 1e-3 * self.rtol):
            slopes.append(slope)
            if abs(analytic - slope.value) <= self.rtol * max(abs(analytic), abs(slope.value)) + atol:
                return True, slope
        return False, min(slopes, key=lambda slope: slope.error)

    def elements(self, i: int, g: Array) -> Iterator[_Wrong]:
        """The elements whose gradient is wrong."""
        for index in np.ndindex(g.shape):
            direction = np.zeros(g.shape)
            direction[index] = 1.0
            f = self.along(i, direction)
            agrees, slope = self.agree(float(g[index]), f, float(abs(g[index])))
            if not agrees:
                yield _Wrong(index, float(g[index]), slope.value, slope.error, self.kink(f))

    def kink(self, f: Callable[[float], float]) -> tuple[float, float, float] | None:
        """The smallest step whose slopes from both sides stay apart, or grow; those of a smooth one draw nearer."""
        found, gap_before, size_before = None, np.inf, np.inf
        for step, left, right in one_sided(f, [self.eps / 10**k for k in (2, 3, 4, 5)]):
            gap, size = abs(right - left), max(abs(left), abs(right))
            noise = 1e-14 * self.size / step
            apart = gap > 0.5 * gap_before and gap > 1e-3 * size + noise
            if apart or (size > 2 * size_before and size > noise) or not np.isfinite(gap):
                found = (step, left, right)
            gap_before, size_before = gap, size
        return found

    def on_a_kink(self, i: int, w: _Wrong) -> None:
        assert w.kink is not None
        step, left, right = w.kink
        text = (
            f"{self.names[i]} at index {w.where} sits on a kink or a tie: within {step:.0e} of it, the slope is "
            f"{left + 0:.6g} from the left and {right + 0:.6g} from the right; the rules say {w.analytic + 0:.6g}"
        )
        if self.kinks == "raise":
            raise GradcheckError(
                f"{text}. Differences cannot check a rule there: move the input away, "
                'or pass kinks="skip" to check the others'
            )
        margin = 1e-3 * max(abs(left), abs(right), abs(w.analytic))
        if (
            np.isfinite([left, right]).all()
            and not min(left, right) - margin <= w.analytic <= max(left, right) + margin
        ):
            raise GradcheckError(f"{text}, which lies outside of the two")
        self.skipped.append(text)

    def report(self, i: int, wrong: list[_Wrong], size: int) -> str:
        worst = wrong[0]
        text = (
            f"{self.of(i)} is wrong at index {worst.where}: {worst.analytic:.10g} by the rules, "
            f"{worst.numeric:.10g} ± {worst.error:.1g} by differences"
        )
        if len(wrong) > 1:
            text += f"; {len(wrong)} of {size} elements are wrong"
        ratios = np.array([w.analytic / w.numeric if w.numeric else np.inf for w in wrong])
        if np.isfinite(ratios).all() and np.ptp(ratios) <= 1e-4 * abs(ratios[0]):
            text += f", {'all ' if len(wrong) > 1 else ''}by the factor {ratios[0]:.5g}"
            if abs(ratios[0]) < 1e-6:
                text += " (was the graph cut, by .data, .detach() or a NumPy call?)"
        if not worst.error <= max(1e-3 * abs(worst.numeric), 1e-8 * self.size):
            text += (
                ". But the differences do not settle: the function may have a kink, a pole or its border within "
                f"{self.eps} of the input, or be noisy. Move the input, or make eps smaller"
            )
        return text

    def check_layouts(self, ys: list[Array], grads: list[Array]) -> None:
        """Transposed, strided and read-only inputs and gradients give the same."""
        for name in ("transposed", "strided", "negative strides", "read-only"):
            values = {i: LAYOUTS[name](a) for i, a in self.values.items()}
            try:
                again = self.call(values)
                found = self.gradients(values, [LAYOUTS[name](c) for c in self.cotangents])
            except Exception as error:
                hint = ": it must not be written to" if name == "read-only" else ""
                raise GradcheckError(f"{name} inputs in memory, or a {name} gradient, fail{hint}: {error}") from error
            for k, (y, expected) in enumerate(zip(again, ys, strict=True)):
                if not _same(y, expected):
                    raise GradcheckError(
                        f"output {k} is another one for the same inputs when they are {name} in memory"
                    )
            for i, g, expected in zip(values, found, grads, strict=True):
                if not _same(g, expected):
                    raise GradcheckError(f"{self.of(i)} is another one when inputs and gradients are {name} in memory")


def _checked_inputs(inputs: list[Any]) -> Iterator[tuple[int, Array]]:
    """The positions and (contiguous, own) values of the inputs that have a gradient."""
    found = 0
    for i, x in enumerate(inputs):
        checked = x.requires_grad if isinstance(x, Tensor) else isinstance(x, ndarray) and x.dtype.kind == "f"
        if not checked:
            continue
        found += 1
        a = x._array if isinstance(x, Tensor) else x
        if a.dtype != np.float64:
            raise TypeError(
                f"gradcheck needs float64, got {a.dtype} as input {i}: differences of less precise numbers prove "
                "nothing. Convert it (x.double(), or .astype(float64)); a tensor that does not require grad is left out"
            )
        if not np.isfinite(a).all():
            raise ValueError(f"gradcheck needs finite inputs, got NaN or inf in input {i}")
        yield i, np.array(a, dtype=np.float64, order="C")
    if not found:
        raise ValueError(
            "gradcheck has nothing to check: no input is a float64 array or a tensor that requires grad; got "
            f"{', '.join(type(x).__name__ for x in inputs) or 'no input'}"
        )


def _moves_itself(x: Any, inputs: list[Any]) -> bool:
    """Whether the check gives the function this very tensor: a leaf, and not two inputs at once."""
    return isinstance(x, Tensor) and x.is_leaf and sum(other is x for other in inputs) == 1


def outputs(result: Any) -> list[Tensor]:
    ys = list(result) if isinstance(result, (tuple, list)) else [result]
    for k, y in enumerate(ys):
        if not isinstance(y, Tensor):
            raise TypeError(
                f"the function must return a Tensor or a tuple of them, got {type(y).__name__} as output {k}"
            )
    return ys


def gradients_of(
    ys: Sequence[Tensor], xs: Sequence[Tensor], cotangents: Sequence[Any], create: bool
) -> tuple[Tensor, ...]:
    """Zeros stand for the gradient of what the outputs do not depend on."""
    paths = [(y, c) for y, c in zip(ys, cotangents, strict=True) if y.requires_grad]
    found: Sequence[Any] = [None] * len(xs)
    if paths:
        found = autograd.grad([y for y, _ in paths], xs, [c for _, c in paths], create_graph=create, allow_unused=True)
    return tuple(Tensor(np.zeros_like(x._array)) if g is None else g for g, x in zip(found, xs, strict=True))


def _same(a: Array, b: Array) -> bool:
    """Equal but for the rounding of sums taken in another order."""
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=1e-9 * np.abs(b).max(initial=0.0), equal_nan=True)
