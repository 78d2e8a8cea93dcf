"""Operations that are layers, and layers that count as one step: their settings as a reader would give them."""

from __future__ import annotations

from typing import Any

from ..programs import Value
from .elementwise import Rule
from .phrases import Call, Phrase, Phrases

CELLS = {"RNN_TANH": "rnn_tanh", "RNN_RELU": "rnn_relu", "LSTM": "lstm_cell", "GRU": "gru_cell"}
BATCH_NORM = ("running_mean", "running_var", "weight", "bias")


def _shortest(value: Any) -> Any:
    """((2, 2), (2, 2)) as 2, ((1, 1), (2, 2)) as (1, 2): `functions.images.pair` reads them all, but (1, 2) for
    ((1, 2), (1, 2)) would mean something else."""
    parts = tuple(_shortest(part) if isinstance(part, (tuple, list)) else part for part in value)
    return parts[0] if len(set(parts)) == 1 and not isinstance(parts[0], tuple) else parts


def _how(p: Phrases, **defaults: Any) -> tuple[str, ...]:
    """The settings that are not the defaults, by keyword."""
    found = []
    for name, default in defaults.items():
        value = p.setting(name)
        value = _shortest(value) if isinstance(value, (tuple, list)) else value
        found += [f"{name}={p.word(value)}"] if value != default else []
    return tuple(found)


def _conv2d(p: Phrases) -> Phrase:
    return Call("conv2d", (*p.all(), *_how(p, stride=1, padding=0, dilation=1, groups=1)))


def _transposed(p: Phrases) -> Phrase:
    how = _how(p, stride=1, padding=0, dilation=1, groups=1)
    return Call("conv_transpose2d", (*p.all(), f"size={p.word(tuple(p.setting('size')))}", *how))


def pool(p: Phrases, name: str) -> Phrase:
    """A pool: its stride is its kernel's size where nothing else is said."""
    kernel = _shortest(p.setting("kernel"))
    how = _how(p, stride=kernel, padding=0) + (_how(p, dilation=1) if name != "avg_pool2d" else ())
    return Call(name, (p.given(0), p.word(kernel), *how))


def _columns(p: Phrases, name: str) -> Phrase:
    size = (f"size={p.word(tuple(p.setting('size')))}",) if name == "fold" else ()
    return Call(
        name,
        (p.given(0), *size, f"kernel={p.word(tuple(p.setting('kernel')))}", *_how(p, stride=1, padding=0, dilation=1)),
    )


def _normalize(p: Phrases) -> Phrase:
    if p.step.attributes.get("mean") is not None:
        raise NotImplementedError
    dim, eps = p.setting("dim"), p.setting("eps")
    x, *weights = p.all()
    how = () if eps == 1e-5 else (f"eps={p.word(eps)}",)
    return Call("normalize", (x, p.word(dim[0] if len(dim) == 1 else dim), *weights, *how))


def _batch_norm(p: Phrases) -> Phrase:
    eps = p.setting("eps")
    how = () if eps == 1e-5 else (f"eps={p.word(eps)}",)
    values = dict(zip(BATCH_NORM, p.step.inputs[1:], strict=True))
    module = p.step.module
    if all(isinstance(v, Value) and v.name == f"{module}.{key}" for key, v in values.items() if v is not None):
        return Call("batch_norm", (p.given(0), f'**of("{module}")', *how))
    named = (f"{key}={p.word(v)}" for key, v in values.items() if v is not None)
    return Call("batch_norm", (p.given(0), *named, *how))


def _recurrent(p: Phrases) -> Phrase:
    """A cell along sequences: the weights of each layer and direction are a tuple."""
    a = p.step.attributes
    states = 2 if a["mode"] == "LSTM" else 1
    x, *rest = p.step.inputs
    first, weights = rest[:states], rest[states:]
    each = 4 if a["bias"] else 2
    rows = tuple(p.word(tuple(weights[k : k + each])) for k in range(0, len(weights), each))
    how = [f"{name}={p.word(s)}" for name, s in zip(("h0", "c0"), first, strict=False) if s is not None]
    how += ["directions=2"] if a["bidirectional"] else []
    how += ["batch_first=True"] if a["batch_first"] else []
    return Call("recurrent", (CELLS[a["mode"]], p.word(x), f"[{', '.join(rows)}]", *how))


def _bag(p: Phrases) -> Phrase:
    ids, weight, factors = p.all()
    how = [] if p.step.inputs[2] is None else [f"factors={factors}"]
    blank = p.setting("padding_idx")
    how += [] if blank is None else [f"blank={p.word(blank)}"]
    return Call("embedding_bag", (ids, weight, f'"{p.setting("mode")}"', *how))


def _adaptive_max(dims: int) -> Rule:
    def rule(p: Phrases) -> Phrase:
        size = p.setting("output_size")
        sizes = size if isinstance(size, (tuple, list)) else (size,) * dims
        return Call("adaptive_max_pool", (p.given(0), *map(p.word, sizes)))

    return rule


def _grid_sample(p: Phrases) -> Phrase:
    mode = p.setting("mode")
    how = [] if mode == "bilinear" else [f'"{mode}"']
    how += [f'beyond="{p.setting("padding")}"'] if p.setting("padding") != "zeros" else []
    how += ["corners=True"] if p.setting("align") else []
    return Call("grid_sample", (*p.all(), *how))


RULES: dict[str, Rule] = {
    "conv2d": _conv2d,
    "conv2d_input": _transposed,
    "max_pool2d": lambda p: pool(p, "max_pool2d"),
    "avg_pool2d": lambda p: pool(p, "avg_pool2d"),
    "window_sum": lambda p: pool(p, "sum_pool2d"),
    "grid_mean": lambda p: Call("adaptive_avg_pool2d", (p.given(0), p.word(tuple(p.setting("size"))))),
    "grid_max": lambda p: Call("adaptive_max_pool", (p.given(0), *map(p.word, p.setting("size")))),
    "grid_sample": _grid_sample,
    "unfold": lambda p: _columns(p, "unfold"),
    "fold": lambda p: _columns(p, "fold"),
    "normalize": _normalize,
    "BatchNorm1d": _batch_norm,
    "BatchNorm2d": _batch_norm,
    "RNN": _recurrent,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "EmbeddingBag": _bag,
    "AdaptiveMaxPool1d": _adaptive_max(1),
    "AdaptiveMaxPool2d": _adaptive_max(2),
}
