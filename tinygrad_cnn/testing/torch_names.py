"""``gradcheck`` as PyTorch's scripts call it, under the name of ``torch.autograd``."""

# ruff: noqa: ARG001  (what concerns how PyTorch checks is taken, and not used)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import checks


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """`testing.gradcheck` under PyTorch's arguments: True, or a `GradcheckError`.

    ``atol`` and ``rtol`` are the errors allowed. The steps of the differences are ours, extrapolated to 0: ``eps`` is
    taken and not used; so are the hints about how PyTorch checks.

    Raises:
        GradcheckError: gradients that are wrong. NotImplementedError: ``check_forward_ad`` or batched gradients.
    """
    _refuse(check_forward_ad=check_forward_ad, check_batched_grad=check_batched_grad)
    _refuse(check_batched_forward_grad=check_batched_forward_grad)
    return checks.gradcheck(func, inputs, rtol=rtol, atol=atol, raise_exception=raise_exception)


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """`testing.gradgradcheck` under PyTorch's arguments, see `gradcheck`; ``grad_outputs`` are always drawn."""
    _refuse(check_batched_grad=check_batched_grad, check_fwd_over_rev=check_fwd_over_rev)
    return checks.gradgradcheck(func, inputs, rtol=rtol, atol=atol, raise_exception=raise_exception)


def _refuse(**asked: bool) -> None:
    for name, value in asked.items():
        if value:
            raise NotImplementedError(
                f"{name}=True is not supported: there is no forward mode, and no vmap; leave it out"
            )
