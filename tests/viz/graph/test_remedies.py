"""What to write instead of a call that failed, shape by shape: a line that runs, or silence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.viz.graph.remedies import remedy_for


def remedy(label: str, *inputs: Any, module: nn.Module | None = None, **values: Any) -> str:
    """Of inputs that are given by their shapes, or as arrays."""
    arrays = [np.zeros(x, np.float32) if isinstance(x, tuple) else np.asarray(x) for x in inputs]
    return remedy_for(label, [(f"x{k}", tg.tensor(a)) for k, a in enumerate(arrays)], values, module)


LINEAR = nn.Linear(12, 3)
CONV = nn.Conv2d(4, 6, 3)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        # linear
        (lambda: remedy("linear", (2, 12), (3, 12)), ""),  # it fits: something else was wrong
        (lambda: remedy("linear", (2, 12)), ""),
        (lambda: remedy("linear", (), (3, 12)), ""),
        (lambda: remedy("linear", (2, 7), (12,)), ""),
        (lambda: remedy("linear", (7,), (3, 12)), "a weight of shape (3, 7) fits"),
        (lambda: remedy("linear", (2, 3, 4), (3, 12), module=LINEAR), "flatten what goes into it: x.flatten(1)"),
        (lambda: remedy("linear", (5, 3, 2, 2), (3, 12)), "flatten what goes into it: x.flatten(1)"),
        (lambda: remedy("linear", (2, 3, 5), (3, 12), module=LINEAR), "write nn.Linear(5, 3)"),
        (lambda: remedy("linear", (2, 13), (3, 12), module=LINEAR), "write nn.Linear(13, 3)"),
        (lambda: remedy("linear", (12, 1), (3, 12), module=LINEAR), "write nn.Linear(1, 3)"),
        (lambda: remedy("linear", (2, 13), (3, 12), module=nn.ReLU()), "a weight of shape (3, 13) fits"),
        (
            lambda: remedy("linear", (2, 3, 5, 5), (3, 12), module=LINEAR),
            "flatten what goes into it, x.flatten(1), and write nn.Linear(75, 3)",
        ),
        # convolutions
        (lambda: remedy("conv2d", (1, 4, 9, 9), (6, 4, 3, 3), module=CONV), ""),
        (lambda: remedy("conv2d", (4, 9, 9), (6, 4, 3, 3), module=CONV), ""),
        (lambda: remedy("conv2d", (1, 5, 9, 9), (6, 4, 3, 3), module=CONV, groups=2), ""),
        (lambda: remedy("conv_transpose2d", (1, 5, 9, 9), (6, 4, 3, 3)), ""),
        (lambda: remedy("conv2d", (1, 9, 9, 4), (6, 4, 3, 3)), "channels come first: x.permute(0, 3, 1, 2)"),
        (lambda: remedy("conv1d", (1, 9, 4), (6, 4, 3)), "channels come first: x.permute(0, 2, 1)"),
        (lambda: remedy("conv2d", (1, 5, 9, 9), (6, 4, 3, 3)), "a weight of shape (6, 5, 3, 3) fits"),
        (
            lambda: remedy("conv2d", (1, 5, 9, 9), (6, 4, 3, 3), module=CONV),
            "write nn.Conv2d(5, 6, kernel_size=(3, 3))",
        ),
        (lambda: remedy("conv2d", (1, 5, 9, 9)), ""),
        # norms and tables
        (
            lambda: remedy("batch_norm", (2, 5, 3, 3), (4,), module=nn.BatchNorm2d(4, momentum=0.2)),
            "write nn.BatchNorm2d(5, momentum=0.2)",
        ),
        (lambda: remedy("batch_norm", (2, 5, 3, 3), (4,)), ""),
        (lambda: remedy("batch_norm", (5,), (4,), module=nn.BatchNorm1d(4)), ""),
        (lambda: remedy("embedding", [0, 4], (4, 2), module=nn.Embedding(4, 2)), "write nn.Embedding(5, 2)"),
        (lambda: remedy("embedding", [0, 3], (4, 2), module=nn.Embedding(4, 2)), ""),
        (lambda: remedy("embedding", [-1, 9], (4, 2), module=nn.Embedding(4, 2)), ""),
        (lambda: remedy("embedding", [0, 9], (4, 2)), ""),
        (lambda: remedy("embedding", [0.0, 9.0], (4, 2), module=nn.Embedding(4, 2)), ""),
        (lambda: remedy("embedding", np.zeros(0, int), (4, 2), module=nn.Embedding(4, 2)), ""),
        # products
        (lambda: remedy("matmul", (2, 3), (4, 3)), "transpose the 2nd: · @ ·.T"),
        (lambda: remedy("mm", (3, 2), (3, 4)), "transpose the 1st: ·.T @ ·"),
        (lambda: remedy("bmm", (3, 2), (5, 4)), ""),
        (lambda: remedy("matmul", (3, 2), (3, 2)), ""),  # either would do
        (lambda: remedy("matmul", (2, 3), (3,)), ""),
        (lambda: remedy("matmul", (1, 2, 3), (4, 3)), ""),
        (lambda: remedy("matmul", (2, 3), (4, 3), (1,)), ""),
        # joining
        (lambda: remedy("cat", (2, 3), (4, 3), dim=1), "along dimension 0 they fit: dim=0"),
        (lambda: remedy("concat", (2, 3), (2, 4)), "along dimension 1 they fit: dim=1"),
        (lambda: remedy("concatenate", (2, 3, 5), (2, 3, 4)), "along dimension 2 they fit: dim=2"),
        (lambda: remedy("cat", (2, 3), (2, 3), dim="rows"), ""),
        (lambda: remedy("cat", (2, 3), (2, 3), dim=5), ""),  # along all of them
        (lambda: remedy("cat", (2, 3), (2,)), ""),
        (lambda: remedy("cat", (2, 3), (4, 5)), ""),
        # broadcasting
        (lambda: remedy("add", (2, 3), (2,)), "give the one of shape (2,) its dimension: .reshape(-1, 1)"),
        (lambda: remedy("sub", (4,), (2, 4, 5, 6)), "give the one of shape (4,) its dimension: .reshape(-1, 1, 1)"),
        (lambda: remedy("mul", (2, 3), (3,)), ""),
        (lambda: remedy("pow", (3, 3, 2), (3,)), ""),
        (lambda: remedy("maximum", (2, 3), (4, 3)), ""),
        (lambda: remedy("minimum", (2,), (3,)), ""),
        (lambda: remedy("exp", (2, 3), (2,)), ""),
        (lambda: remedy("where", (2, 3), (2,)), "give the one of shape (2,) its dimension: .reshape(-1, 1)"),
        (lambda: remedy("true_divide", (2, 3), (2,), (1,)), ""),
        # reshaping
        (lambda: remedy("reshape", (4, 6), shape=(3, 7)), ".reshape(3, -1) gives (3, 8)"),
        (lambda: remedy("view", (4, 6), shape=((2, 3, 5),)), ".reshape(2, 3, -1) gives (2, 3, 4)"),
        (lambda: remedy("reshape", (4, 6), shape=([5, 7],)), ""),
        (lambda: remedy("reshape", (4, 6), shape=(7,)), ""),
        (lambda: remedy("reshape", (4, 6), shape=(-1, 7)), ""),
        (lambda: remedy("reshape", (4, 6), shape=(0, 7)), ""),
        (lambda: remedy("reshape", (4, 6), shape=(1, 7)), ".reshape(1, -1) gives (1, 24)"),
        (lambda: remedy("reshape", (4, 6), shape=(2.0, 7)), ""),
        (lambda: remedy("reshape", (4, 6)), ""),
        # classes
        (lambda: remedy("cross_entropy", (2, 3), [1, 3]), "classes are counted from 0: target - 1"),
        (lambda: remedy("nll_loss", (2, 3), [0, 3]), "3 is a class: the net needs 4 outputs"),
        (lambda: remedy("cross_entropy", (2, 3), [1, 4]), "4 is a class: the net needs 5 outputs"),
        (lambda: remedy("cross_entropy", (2, 3), [0, 2]), ""),
        (lambda: remedy("cross_entropy", (3,), 3), "classes are counted from 0: target - 1"),
        (lambda: remedy("cross_entropy", (2, 3), [[0], [1]]), "target.squeeze(-1) has the shape that is wanted"),
        (
            lambda: remedy("cross_entropy", (2, 3), [[0, 0, 1], [0, 1, 0]]),
            "of one-hot rows the classes are target.argmax(1)",
        ),
        (lambda: remedy("cross_entropy", (2, 3), [[0.0, 0, 1], [0, 1, 0]]), ""),
        (lambda: remedy("cross_entropy", (3,), [0, 0, 1]), ""),
        (lambda: remedy("cross_entropy", (2, 3, 4), np.full((2, 4), 3)), "classes are counted from 0: target - 1"),
        (lambda: remedy("cross_entropy", (2, 3), np.zeros((0,), int)), ""),
        (lambda: remedy("cross_entropy", (2, 3)), ""),
        (lambda: remedy("softmax", (2, 3)), ""),
    ],
)  # fmt: skip
def test_it_says_what_fits_or_nothing(said: Any, expected: str) -> None:
    assert said() == expected


LAYERS = [
    (nn.Linear(12, 3, bias=False), (2, 13)),
    (nn.Conv1d(4, 6, 5, stride=2, padding=1), (1, 5, 9)),
    (nn.Conv2d(4, 6, (3, 1), padding=2, dilation=2, bias=False), (1, 7, 9, 9)),
    (nn.Conv2d(4, 6, 3, stride=(1, 2)), (1, 7, 9, 9)),
    (nn.BatchNorm1d(4), (3, 6)),
    (nn.BatchNorm2d(4, eps=1e-3, affine=False), (3, 6, 2, 2)),
]


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=lambda x: type(x).__name__ if isinstance(x, nn.Module) else "")
def test_a_layer_that_is_written_anew_differs_in_nothing_but_what_goes_in(layer: nn.Module, shape: Any) -> None:
    label = {"Linear": "linear", "Conv1d": "conv1d", "Conv2d": "conv2d"}.get(type(layer).__name__, "batch_norm")
    weight = getattr(layer, "weight", None)
    given = [shape] if weight is None else [shape, tuple(weight.shape)]
    said = remedy(label, *given, module=layer)
    assert said.startswith("write nn.")
    new = eval(said.removeprefix("write "), {"nn": nn})
    first = repr(layer).split("(", 1)[0]
    assert repr(new).startswith(first)
    after = [text.split(",", 1)[1:] for text in (repr(layer), repr(new))]
    assert after[0] == after[1], "all but the first argument is as it was"
    new(tg.ones(*shape))
