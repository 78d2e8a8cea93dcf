"""Models that are written otherwise than most, for all doors that lead out: what each is called with, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import tinygrad_cnn as tg
from tinygrad_cnn import nn

F = nn.functional
V, T, I, SQUARE = (2, 6), (2, 4, 6), (2, 4, 8, 9), (2, 5, 5)
CLASSES = np.array([1, 5])
PADDED = np.array([[False, False, True, True], [False, False, False, True]])


class Of(nn.Module):
    """A function of inputs, with layers that it may use."""

    def __init__(self, function: Callable[..., Any], **layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x: Any, *more: Any) -> Any:
        return self.function(self, x, *more)


class Case(NamedTuple):
    make: Callable[[], nn.Module]
    inputs: tuple[Any, ...]  # shapes of random numbers, or arrays
    numpy: bool = True  # does it have words in NumPy?
    free: bool = True  # is the batch size free?
    dims: Any = "auto"
    reference: bool = True  # can ONNX's evaluator 1.23 compute it?


def function(f: Callable[..., Any], *inputs: Any, **how: Any) -> Case:
    """A case without layers."""
    return Case(lambda: Of(lambda _, *x: f(*x)), inputs or (V,), **how)


def attention(**masks: Any) -> Case:
    given = (T, PADDED) if masks.pop("padded", False) else (T,)
    layer = lambda: nn.MultiheadAttention(6, 3, batch_first=True)  # noqa: E731
    call = lambda m, x, *k: m.a(x, x, x, **masks, **({"key_padding_mask": k[0]} if k else {}))  # noqa: E731
    return Case(lambda: Of(call, a=layer()), given)


def spatial_transformer(**how: Any) -> Case:
    """An image that is turned as a layer says (Jaderberg et al., 2015)."""

    def forward(m: Any, x: Any) -> Any:
        theta = m.where(x.flatten(1)).view(-1, 2, 3) * 0.1 + tg.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        grid = F.affine_grid(theta, x.size(), align_corners=how.get("align_corners"))
        return F.grid_sample(x, grid, **how)

    return Case(lambda: Of(forward, where=nn.Linear(288, 6)), (I,), reference=False)


def filled(x: Any) -> Any:
    """Numbers written where a mask says, in rows, and in a view."""
    y = x.clone()
    y[y > 0.5] = 7.0
    y[x.sum(-1) > 0] = tg.tensor(2.0)
    view = y[:, 1:]
    view[view < 0] = 0
    return y


def slope(energy: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The gradient of all that a function gives, which is of its input's shape, by its input."""

    def forward(x: Any) -> Any:
        with tg.enable_grad():
            x = x.detach().requires_grad_()
            (y,) = tg.autograd.grad(energy(x), x, tg.ones(x.shape), create_graph=True)
        return y

    return forward


def loss(kind: str, **settings: Any) -> Case:
    return Case(lambda: getattr(nn, kind)(**settings), (V, V), numpy=kind == "MSELoss")


def classes(kind: str, *, free: bool = True, **settings: Any) -> Case:
    call = lambda m, x, t: m.loss(x.log_softmax(1), t)  # noqa: E731
    return Case(lambda: Of(call, loss=getattr(nn, kind)(**settings)), (V, CLASSES), numpy=False, free=free)


CASES: dict[str, Case] = {
    "the slope of running sums": function(slope(lambda x: x.cumsum(1) * x.exp())),
    "numbers chosen": function(lambda x: tg.where(x < 0.5, 0.0, 1.0)),
    "0-d tensors chosen": function(lambda x: tg.where(x < 0.5, tg.tensor(0.0), tg.tensor(1.0)) + x),
    "a 0-d constant": function(lambda x: (x, tg.tensor(3.0), tg.tensor(3))),
    "limits that are tensors": function(lambda x: x.clip(tg.zeros(6), tg.ones(6))),
    "sizes among settings": Case(lambda: Of(lambda m, x: x @ m.fc.bias, fc=nn.Linear(6, 6)), (T,)),
    "vector from the left": Case(lambda: Of(lambda m, x: m.fc.bias @ x.mT, fc=nn.Linear(6, 6)), (T,)),
    "hstack": function(lambda x: tg.hstack([x, x])),
    "written where a mask says": function(filled, T),
    "integers where a mask says": function(lambda x: _integers(x), T),
    "layer norm of a vector": Case(lambda: nn.LayerNorm(6), ((6,),), free=False, dims=None),
    "layer norm over three": Case(lambda: nn.LayerNorm((4, 8, 9), eps=1e-3), (I,)),
    "attention, a boolean mask": attention(attn_mask=tg.triu(tg.ones(4, 4), 1).bool()),
    "attention, a float mask": attention(attn_mask=tg.triu(tg.ones(4, 4) * float("-inf"), 1)),
    "attention, padded": attention(padded=True, average_attn_weights=False),
    "trace of a contraction": function(lambda x: tg.einsum("bii->b", x), SQUARE),
    "diagonal of a contraction": function(lambda x: tg.einsum("biij->bij", x), (2, 5, 5, 3)),
    "diagonal after another": function(lambda x: tg.einsum("bji,bjj->bi", x, x), SQUARE),
    "diag_embed": function(lambda x: tg.diag_embed(x) + tg.diag_embed(x[:, 1:], -1)),
    "diag_embed elsewhere": function(lambda x: tg.diag_embed(x, 2, 1, 3), T),
    "cumprod": function(lambda x: x.cumprod(-1) + x.cumprod(1), T),
    "logcumsumexp": function(lambda x: x.logcumsumexp(1), T),
    "sinc and logit": function(lambda x: tg.sinc(x) + tg.sinc(x.relu()) + tg.logit(x.sigmoid())),
    "atan2": function(lambda x, y: tg.atan2(x, y) + tg.atan2(x, y.relu()), V, V),
    "nan_to_num": function(lambda x: tg.nan_to_num(x.relu().log() * x.sign(), nan=0.5, neginf=-2.0), numpy=False),
    "bags with offsets": Case(
        lambda: Of(lambda m, x: m.bag(x, tg.tensor([0, 2, 4])), bag=nn.EmbeddingBag(10, 3)),
        (np.array([1, 2, 3, 4, 5, 6]),),
        free=False,
        dims=None,
    ),
    "index_add": function(lambda x: tg.zeros(x.shape[0], 3, 6).index_add(1, tg.tensor([0, 2, 2, 1]), x), T),
    "by the batch's own mean": Case(lambda: nn.BatchNorm1d(6, affine=False, track_running_stats=False), ((3, 6),)),
    "grid_sample": spatial_transformer(),
    "grid_sample, border": spatial_transformer(padding_mode="border", align_corners=True),
    "grid_sample, reflection": spatial_transformer(padding_mode="reflection", align_corners=False),
    "grid_sample, nearest": spatial_transformer(mode="nearest", padding_mode="reflection", align_corners=True),
    "grid_sample, bicubic": spatial_transformer(mode="bicubic"),
    "MSELoss": loss("MSELoss"),
    "SmoothL1Loss": loss("SmoothL1Loss", beta=0.5),
    "HuberLoss": loss("HuberLoss", reduction="none", delta=0.5),
    "BCEWithLogitsLoss": Case(
        lambda: Of(lambda m, x, y: m.bce(x, y.sigmoid()), bce=nn.BCEWithLogitsLoss()), (V, V), numpy=False
    ),
    "BCELoss": Case(lambda: Of(lambda m, x, y: m.bce(x.sigmoid(), y.sigmoid()), bce=nn.BCELoss()), (V, V), numpy=False),
    "KLDivLoss": Case(
        lambda: Of(lambda m, x, y: m.kl(x.log_softmax(1), y.softmax(1)), kl=nn.KLDivLoss()), (V, V), numpy=False
    ),
    "CrossEntropyLoss": classes("CrossEntropyLoss"),
    "CrossEntropyLoss, weighted": classes("CrossEntropyLoss", weight=tg.arange(1.0, 7.0), ignore_index=1),
    "CrossEntropyLoss, smoothed": classes("CrossEntropyLoss", label_smoothing=0.1),
    "NLLLoss": classes("NLLLoss", reduction="sum"),
}


def _integers(x: Any) -> Any:
    y = (x > 0).int()
    y[x > 1] = 5
    return y


def arguments(case: Case) -> list[Any]:
    """Inputs as arrays."""
    random = np.random.default_rng(len(case.inputs))
    return [random.standard_normal(x).astype(np.float32) * 2 if isinstance(x, tuple) else x for x in case.inputs]
