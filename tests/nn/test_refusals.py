"""What layers and their functions refuse where no other test asks, and in what words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.nn.utils import rnn

IMAGE, ROWS = tg.ones(1, 2, 4, 4), tg.ones(3, 2)


def attend(**more: Any) -> Any:
    x, w = tg.ones(2, 1, 4), tg.ones(4, 4)
    given = {
        "embed_dim_to_check": 4, "num_heads": 2, "in_proj_weight": tg.ones(12, 4), "in_proj_bias": None,
        "bias_k": None, "bias_v": None, "add_zero_attn": False, "dropout_p": 0.0, "out_proj_weight": w,
        "out_proj_bias": None,
    }  # fmt: skip
    return F.multi_head_attention_forward(x, x, x, **{**given, **more})


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: attend(in_proj_weight=None), RuntimeError, "in_proj_weight must be given"),
        (lambda: attend(use_separate_proj_weight=True), RuntimeError, "q_proj_weight"),
        (lambda: attend(bias_k=tg.ones(1, 1, 4)), RuntimeError, "bias_k and bias_v must both be"),
        (lambda: F.conv2d(IMAGE, tg.ones(3, 1, 1, 1), groups=2), ValueError, "3 output channels cannot"),
        (lambda: F.affine_grid(tg.ones(1, 3, 4), (1, 1, 2, 2, 2)), NotImplementedError, "volumes are not supported"),
        (lambda: F.affine_grid(tg.ones(1, 2, 3), (1, 1, 2)), ValueError, r"size must be \(N, C, H, W\)"),
        (lambda: F.grid_sample(IMAGE, tg.ones(1, 2, 2, 2), "nearly"), ValueError, "mode must be 'bilinear', 'nearest'"),
        (lambda: F.grid_sample(IMAGE, tg.ones(1, 2, 2, 2), padding_mode="none"), ValueError, "padding_mode must be"),
        (lambda: F.conv_transpose2d(IMAGE, tg.ones(2, 1, 1, 1), padding=4), (ValueError, RuntimeError), "pixels"),
        (lambda: nn.LSTMCell(2, 3)(ROWS, tg.ones(3, 3)), TypeError, r"hx must be a pair \(h, c\)"),
        (lambda: nn.Sequential(nn.ReLU()) + nn.ReLU(), ValueError, "can be joined with a Sequential"),
        (lambda: nn.TripletMarginLoss(margin=0), ValueError, "margin must be a number"),
        (lambda: nn.TripletMarginWithDistanceLoss(margin=-1), ValueError, "margin must be a number"),
        (lambda: nn.ConvTranspose2d(1, 1, 1, padding_mode="reflect"), ValueError, "padding_mode='zeros' only"),
        (lambda: nn.ParameterDict().__setitem__("training", ROWS), KeyError, "already exists"),
        (lambda: rnn.pack_padded_sequence(ROWS[None], tg.ones(3)), TypeError, "lengths must be integers"),
        (lambda: rnn.pack_padded_sequence(tg.ones(3), [3]), (TypeError, ValueError, RuntimeError), "shape"),
        (lambda: rnn.pack_padded_sequence(tg.ones(2, 0, 1), tg.ones(0).long()), RuntimeError, "an empty batch"),
        (lambda: rnn.pad_packed_sequence(ROWS), TypeError, "expected a PackedSequence"),
        (lambda: nn.Linear(2, 2, device="cuda"), RuntimeError, "computes on the CPU alone"),
        (lambda: nn.Parameter(ROWS.long()), (TypeError, RuntimeError), "floating"),
    ],
)
def test_it_says_what_came_and_what_was_expected(call: Callable[[], Any], error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
