"""Checks of the gradients of one's own functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from .. import autograd
from ..arrays.rng import Generator
from ..tensors import Tensor
from .compare import Check, Function, GradcheckError, gradients_of, outputs


def gradcheck(
    function: Function,
    inputs: Any,
    *,
    kwargs: Mapping[str, Any] | None = None,
    eps: float = 0.02,
    rtol: float = 1e-6,
    atol: float | None = None,
    directions: int = 3,
    generator: int | Generator | np.random.Generator = 0,
    kinks: Literal["raise", "skip"] = "raise",
    raise_exception: bool = True,
) -> bool:
    """Check the gradients of a function of one's own; True, or an error that says what is wrong.

    Every input's gradient of ``sum(cotangent * output)``, with random cotangents, is held against differences along
    random directions; where they disagree, every element on its own. The differences are central ones, extrapolated
    to step 0, so a relative tolerance of 1e-6 is an honest one. It is also checked that the function gives the same
    twice, that gradients have their input's shape and dtype, that neither it nor its rules write to the inputs, and
    that transposed, strided and read-only inputs give the same.

    Where slopes from the left and from the right disagree however small the step, an input sits on a kink or a tie. No
    differences can check a rule there, and the error says so instead of blaming the rule.

    Args:
        function: takes the inputs as tensors, and returns a Tensor or a tuple of them.
        inputs: one input, or a sequence of them. Checked are tensors that require grad and floating NumPy arrays, all
            float64. Any others are passed on as they are. A leaf reaches the function as itself, with other numbers
            for the while; so a net is checked, in float64, by
            ``gradcheck(lambda x, *_: net(x), (x, *net.parameters()))``.
        kwargs: keyword arguments of the function.
        eps: the largest step of the differences; make it smaller for a function that is defined near the inputs only.
        rtol: the relative error allowed.
        atol: the absolute error allowed; by default what rounding leaves, 1e-10 of the outputs' (weighted) size.
        directions: how many random directions each input is moved along.
        generator: where cotangents and directions come from; a seed, or a generator.
        kinks: "raise", or "skip": elements on a kink or a tie are left out with a `GradcheckWarning`, if their
            gradient lies between the one-sided slopes, and the others checked.
        raise_exception: False returns False where the check would raise a `GradcheckError`.

    Raises:
        GradcheckError: the gradient is wrong, or cannot be checked.
        TypeError, ValueError: the inputs or outputs are not what can be checked (float64 tensors).

    >>> from tinygrad_cnn.autograd.operation import op
    >>> @op(lambda g, _y, x: 2 * x * g)
    ... def squared(x):
    ...     return x * x
    >>> gradcheck(squared, np.array([1.0, -2.0]))
    True
    >>> @op(lambda g, _y, x: x * g)
    ... def wrong(x):
    ...     return x * x
    >>> gradcheck(wrong, np.array([1.0, -2.0]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    tinygrad_cnn.testing.compare.GradcheckError: the gradient of input 0 is wrong at index (0,): ...
    """
    try:
        Check(function, inputs, kwargs, eps, rtol, atol, directions, generator, kinks).run()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    function: Function,
    inputs: Any,
    *,
    kwargs: Mapping[str, Any] | None = None,
    eps: float = 0.02,
    rtol: float = 1e-6,
    atol: float | None = None,
    directions: int = 3,
    generator: int | Generator | np.random.Generator = 0,
    kinks: Literal["raise", "skip"] = "raise",
    raise_exception: bool = True,
) -> bool:
    """Check the second derivatives of a function of one's own: `gradcheck` of its gradients.

    The gradients are taken with ``create_graph=True``, as functions of the inputs and of the cotangents. They are not
    held against the function itself: call `gradcheck` for that. Arguments and errors are those of `gradcheck`.

    >>> from tinygrad_cnn.autograd.operation import op
    >>> @op(lambda g, _y, x: 3 * x * x * g)
    ... def cubed(x):
    ...     return x * x * x
    >>> gradgradcheck(cubed, np.array([[1.0, -2.0]]))
    True
    """
    check = Check(function, inputs, kwargs, eps, rtol, atol, directions, generator, kinks)
    positions = list(check.values)

    def first(*arguments: Any) -> tuple[Tensor, ...]:
        xs, cotangents = arguments[: len(check.inputs)], arguments[len(check.inputs) :]
        with autograd.enable_grad():
            ys = [y for y in outputs(function(*xs, **check.kwargs)) if y.dtype.kind == "f"]
            return gradients_of(ys, [xs[i] for i in positions], cotangents, create=True)

    try:
        with check.borrowed():
            ys = check.call(check.values)
            cotangents = [check.dense(y.shape) for y in ys]
            names = [f"input {i}" for i in range(len(check.inputs))]
            names += [f"the gradient of output {k} (the rule's g)" for k in range(len(ys))]
            tensors = check.tensors(check.values)
            second = Check(first, [*tensors, *cotangents], None, eps, rtol, atol, directions, check.rng, kinks)
            second.names, second.what = names, "second derivative"
            second.run()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True
