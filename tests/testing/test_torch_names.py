"""gradcheck as PyTorch's scripts call it: the same verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.testing import GradcheckError


def cubed(torch: Any, wrong: bool) -> Any:
    """x ** 3 with a backward of its own, right or wrong."""

    class Cubed(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * x * x * (2 if wrong else 3)

    return Cubed.apply


def double(package: Any) -> Any:
    return package.tensor(np.array([[0.5, -1.5], [2.0, 0.3]]), requires_grad=True)


@pytest.mark.parametrize("name", ["gradcheck", "gradgradcheck"])
@pytest.mark.parametrize(
    "settings", [{}, {"eps": 1e-6, "atol": 1e-4}, {"fast_mode": True, "nondet_tol": 1e-9}], ids=str
)
def test_right_and_wrong(torch: Any, name: str, settings: Any) -> None:
    for package in (tg, torch):
        check = getattr(package.autograd, name)
        x = double(package)
        assert check(cubed(package, wrong=False), (x,), **settings) is True
        assert check(lambda v: (v * v).sum(), x, **settings) is True
        if name == "gradcheck":
            assert check(cubed(package, wrong=True), (x,), raise_exception=False, **settings) is False


@pytest.mark.parametrize(("off", "right"), [(5e-6, True), (2e-5, False)])
@pytest.mark.parametrize("name", ["gradcheck", "gradgradcheck"])
def test_an_error_of_1e_5_is_allowed(name: str, off: float, right: bool) -> None:
    class Nothing(tg.autograd.Function):
        @staticmethod
        def forward(_ctx: Any, x: Any) -> Any:
            return x * 0

        @staticmethod
        def backward(_ctx: Any, g: Any) -> Any:
            return g * off if name == "gradcheck" else Nothing.apply(g)

    x = tg.tensor([0.5], dtype=tg.float64, requires_grad=True)
    check = getattr(tg.autograd, name)
    assert check(Nothing.apply, (x,), raise_exception=False) is (right or name != "gradcheck")


def test_errors() -> None:
    x = double(tg)
    with pytest.raises(GradcheckError, match="input 0"):
        tg.autograd.gradcheck(cubed(tg, wrong=True), (x,))
    for asked in ("check_forward_ad", "check_batched_grad", "check_batched_forward_grad"):
        with pytest.raises(NotImplementedError, match=f"{asked}=True is not supported"):
            tg.autograd.gradcheck(cubed(tg, wrong=False), (x,), **{asked: True})
    with pytest.raises(NotImplementedError, match="check_fwd_over_rev=True"):
        tg.autograd.gradgradcheck(cubed(tg, wrong=False), (x,), check_fwd_over_rev=True)


def test_the_arguments_are_pytorchs(torch: Any) -> None:
    import inspect

    for name in ("gradcheck", "gradgradcheck"):
        ours, theirs = (inspect.signature(getattr(p.autograd, name)).parameters for p in (tg, torch))
        assert {p: v.default for p, v in ours.items()} == {p: v.default for p, v in theirs.items()}
