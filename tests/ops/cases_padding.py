"""Cases for `tinygrad_cnn.ops.padding`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.ops.case import Case, Inputs, strict
from tinygrad_cnn.ops import padding as p
from tinygrad_cnn.testing.strategies import arrays, shapes


@st.composite
def constant(draw: DrawFn) -> Inputs:
    """Widths of either sign for some of the last dimensions."""
    x = draw(arrays(shapes(0, 3, max_size=12)))
    widths: list[int] = []
    for n in reversed(x.shape[draw(st.integers(0, x.ndim)) :]):
        a = draw(st.integers(-n, 2))
        widths += [a, draw(st.integers(-n - min(a, 0), 2))]
    kwargs = draw(st.sampled_from(({}, {"value": 1.5}, {"mode": "constant", "value": None})))
    return [x], {"pad": tuple(widths), **kwargs}


@st.composite
def edges(draw: DrawFn, mode: str) -> Inputs:
    """One to three padded dimensions behind one or two others, widths as far as they may go."""
    padded = draw(st.integers(1, 3))
    lead = draw(shapes(1, 2, min_side=1, max_side=2))
    x = draw(arrays(lead + draw(shapes(padded, padded, min_side=1, max_side=4, max_size=8))))
    widths: list[int] = []
    for n in reversed(x.shape[len(lead) :]):
        most = {"reflect": n - 1, "circular": n, "replicate": 3}[mode]
        a = draw(st.integers(-(n - 1), most))
        left = n + min(a, 0)
        most = min(most, left) if mode == "circular" else most
        b = draw(st.integers(min(1 - left, 0), most))
        if mode == "circular":
            a = min(a, n + min(b, 0))
        if n + a + b < 1:
            b = 0
        widths += [a, b]
    return [x], {"pad": tuple(widths), "mode": mode}


def padded_by_loops(x: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    """Each dimension in turn: a list of the entries to take, None for the constant."""
    for k in range(len(pad) // 2):
        axis, n = x.ndim - 1 - k, x.shape[x.ndim - 1 - k]
        before, after = pad[2 * k], pad[2 * k + 1]
        layers = []
        for i in range(-before, n + after):
            if mode == "reflect":
                i = -i if i < 0 else 2 * (n - 1) - i if i >= n else i
            elif mode == "replicate":
                i = min(max(i, 0), n - 1)
            elif mode == "circular":  # of what is left after cutting
                first, last = max(-before, 0), n + min(after, 0)
                i = (i - first) % (last - first) + first
            inside = 0 <= i < n
            layers.append(
                np.take(x, i, axis) if inside else np.full(x.shape[:axis] + x.shape[axis + 1 :], value or 0.0)
            )
        shape = (*x.shape[:axis], 0, *x.shape[axis + 1 :])
        x = np.stack(layers, axis) if layers else np.zeros(shape)
    return x


def torch_pad(x: Any, **kwargs: Any) -> Any:
    import torch

    return torch.nn.functional.pad(x, **kwargs)


GARBAGE = tuple(
    (probe, "PyTorch reads memory that it never wrote when a dimension is cut to nothing")
    for probe in ("a negative number", "another size")
)

CASES = [
    Case("nn.functional.pad", constant(), p.pad, padded_by_loops, strict(torch_pad), note="constant"),
    *(
        Case("nn.functional.pad", edges(mode), p.pad, padded_by_loops, torch_pad, note=mode, differs=GARBAGE)
        for mode in ("reflect", "replicate", "circular")
    ),
]
