"""What the property tests of an operation need to know about it: one `Case` for each public function.

`test_cases` runs every case found in a list ``CASES`` of a file ``cases_*.py`` under ``tests``; `test_completeness`
fails for a public function that has none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis.strategies import SearchStrategy

Inputs = tuple[list[Any], dict[str, Any]]


def strict(torch_function: Callable[..., Any]) -> Callable[..., Any]:
    """PyTorch's function under our rule for numbers: an error where it cuts off a fraction to write it into integers.

    For what takes a number to write, and for no other: where the result holds integers, so must the numbers.
    """

    def call(*inputs: Any, **kwargs: Any) -> Any:
        y = torch_function(*inputs, **kwargs)
        if str(y.dtype).startswith("torch.int"):
            for x in (*inputs, *kwargs.values()):
                number = x.item() if getattr(x, "ndim", None) == 0 else x
                if isinstance(number, float) and not number.is_integer():
                    raise ValueError(f"{number} is no integer")
        return y

    return call


@dataclass(frozen=True, repr=False)
class Case:
    """A public function, what it takes, and what it should give.

    Args:
        name: the public name, as in ``tg.<name>``: ``"exp"``, ``"nn.functional.conv2d"``, and ``"Tensor.repeat"`` for
            what is a method alone.
        draw: gives (inputs, keyword arguments): float64 arrays away from kinks, ties and poles, tiny (<= 24 elements),
            size 0 and size 1 included where the function takes them. Integer and boolean arrays and numbers may be
            among the inputs: they have no gradient.
        call: ``call(*inputs, **kwargs)``, for tensors and for arrays; gives one of them or a tuple.
        reference: the same on arrays, with NumPy or loops, in our own words.
        torch: the same on PyTorch's tensors; None where it has no such function.
        order: the derivatives that exist: 0 (not differentiable), 1 or 2.
        wanted: which inputs have a gradient; None is all floating arrays.
        method: the Tensor method of the same meaning, called as ``inputs[0].method(*inputs[1:], **kwargs)``; or a
            function that calls it, where its arguments are others: ``lambda x, *, dims: x.permute(*dims)``.
        note: tells two cases of one name apart in the test's id, or says what is special.
        differs: probes of `test_torch` (see ``PROBES`` there) in which we differ from PyTorch on purpose, with the
            reason.
    """

    name: str
    draw: SearchStrategy[Inputs]
    call: Callable[..., Any]
    reference: Callable[..., Any]
    torch: Callable[..., Any] | None = None
    order: int = 2
    wanted: tuple[int, ...] | None = None
    method: str | Callable[..., Any] | None = None
    note: str = ""
    differs: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"<Case {self.name}{' ' * bool(self.note)}{self.note}>"
