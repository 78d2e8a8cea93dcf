"""A layer and its function are one idea: the same settings under the same names, and the repr shows them as PyTorch's.

Every layer of `nn` is looked at, whether or not another test knows it.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.nn.layers import making
from tinygrad_cnn.nn.layers.layer import Layer
from tinygrad_cnn.tensors import Tensor

ELSEWHERE = {  # beside PyTorch in files of their own
    **dict.fromkeys(("TransformerEncoder", "TransformerDecoder", "Transformer"), "tests/nn/test_attention.py"),
    **dict.fromkeys(("TransformerEncoderLayer", "TransformerDecoderLayer"), "tests/nn/test_attention.py"),
    **dict.fromkeys(("PairwiseDistance", "CosineSimilarity"), "tests/nn/test_distance.py"),
}
LAYERS = [
    name
    for name in nn.__all__
    if isinstance(c := getattr(nn, name), type) and issubclass(c, Layer) and name not in ELSEWHERE
]

OTHER: dict[str, Any] = {  # for each setting that a constructor takes, a value that is no default
    "add_bias_kv": True,
    "add_zero_attn": True,
    "affine": False,
    "align_corners": True,
    "alpha": 0.2,
    "approximate": "tanh",
    "batch_first": True,
    "beta": 0.3,
    "bias": False,
    "bidirectional": True,
    "ceil_mode": True,
    "count_include_pad": False,
    "delta": 0.4,
    "dilation": 2,
    "dim": 1,
    "divisor_override": 3,
    "distance_function": abs,
    "downscale_factor": 2,
    "dropout": 0.5,
    "elementwise_affine": False,
    "embed_dim": 4,
    "embedding_dim": 3,
    "end_dim": 2,
    "eps": 0.1,
    "full": True,
    "groups": 2,
    "hidden_size": 4,
    "ignore_index": 1,
    "in1_features": 3,
    "in2_features": 2,
    "in_channels": 4,
    "in_features": 6,
    "include_last_offset": True,
    "init": 0.5,
    "inplace": True,
    "input_size": 3,
    "k": 2.0,
    "kdim": 3,
    "keepdim": True,
    "kernel_size": 3,
    "label_smoothing": 0.1,
    "lambd": 0.2,
    "log_input": False,
    "lower": 0.05,
    "log_target": True,
    "margin": 0.7,
    "max_norm": 0.5,
    "max_val": 2.0,
    "max_value": 3.0,
    "min_val": -2.0,
    "min_value": -3.0,
    "mode": "bilinear",
    "momentum": 0.3,
    "negative_slope": 0.2,
    "nonlinearity": "relu",
    "norm_type": 1.0,
    "normalized_shape": (6,),
    "num_channels": 4,
    "num_chunks": 3,
    "num_embeddings": 5,
    "num_features": 4,
    "num_groups": 2,
    "num_heads": 2,
    "num_layers": 2,
    "num_parameters": 4,
    "out_channels": 6,
    "out_features": 2,
    "output_padding": 1,
    "output_size": 2,
    "p": 0.25,
    "padding": 1,
    "padding_idx": 2,
    "padding_mode": "reflect",
    "pos_weight": np.ones(4),
    "proj_size": 2,
    "recompute_scale_factor": True,
    "reduction": "sum",
    "return_indices": True,
    "scale_factor": 2,
    "scale_grad_by_freq": True,
    "size": 3,
    "sparse": True,
    "start_dim": 0,
    "stride": 2,
    "swap": True,
    "threshold": 0.7,
    "track_running_stats": False,
    "unflattened_size": (2, 2),
    "upper": 0.6,
    "upscale_factor": 2,
    "value": 0.3,
    "vdim": 3,
    "weight": np.ones(4),
}
OTHER_OF: dict[str, dict[str, Any]] = {
    "CosineSimilarity": {"dim": 0},
    "EmbeddingBag": {"mode": "sum"},
    "InstanceNorm1d": {"affine": True, "track_running_stats": True},
    "InstanceNorm2d": {"affine": True, "track_running_stats": True},
    "LazyInstanceNorm1d": {"affine": False, "track_running_stats": False},
    "LazyInstanceNorm2d": {"affine": False, "track_running_stats": False},
    "MultiMarginLoss": {"p": 2},
    "RNNBase": {"mode": "LSTM"},
}
WHERE = {"device", "dtype", "_weight", "_freeze"}  # where the parameters come from, not what the layer does
OLD_SPELLING = {"size_average", "reduce"}  # of reduction: a layer translates it once, when it is made
REFUSED = {(f"{lazy}ConvTranspose{n}d", "padding_mode") for lazy in ("", "Lazy") for n in (1, 2)}
RECURRENT = {"GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNBase", "RNNCell", "RNNCellBase"}
NO_FUNCTION = {  # theirs are functions of the package, not of nn.functional; or many; or one that takes no settings
    "Flatten",
    "MultiheadAttention",
    "Unflatten",
    *RECURRENT,
}
LAZY = {name for name in LAYERS if issubclass(getattr(nn, name), nn.LazyModuleMixin)}
PYTORCHS_ORDER = {  # where PyTorch itself lists the settings of a layer in another order than its function does
    "BatchNorm1d",
    "BatchNorm2d",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "MaxPool1d",
    "MaxPool2d",
}


def parameters(of: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(of).parameters)


def other(name: str, setting: str) -> Any:
    value = OTHER_OF.get(name, {}).get(setting, OTHER.get(setting, inspect.Parameter.empty))
    assert value is not inspect.Parameter.empty, f"give OTHER a value for {name}'s {setting}"
    return value


def settings(name: str) -> list[str]:
    """The constructor's parameters that can be changed one at a time."""
    left_out = WHERE | OLD_SPELLING | {setting for layer, setting in REFUSED if layer == name}
    return [setting for setting in parameters(getattr(nn, name)) if setting not in left_out]


def made(name: str, library: Any = nn, tensor: Any = Tensor, **changed: Any) -> Any:
    """A layer with what it must be told, and these settings; arrays among them become tensors."""
    required = {s: other(name, s) for s, p in parameters(getattr(nn, name)).items() if p.default is p.empty}
    given = {s: tensor(v) if isinstance(v, np.ndarray) else v for s, v in {**required, **changed}.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # Hardtanh's old names
        return getattr(library, name)(**given)


def call(layer: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[str, dict[str, Any]]:
    """The last function of nn.functional that forward calls, and its arguments by name."""
    calls: list[tuple[str, dict[str, Any]]] = []

    def recorder(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def record(*args: Any, **kwargs: Any) -> Any:
            bound = inspect.signature(function).bind(*args, **kwargs)
            bound.apply_defaults()
            calls.append((name, bound.arguments))
            return args[0]

        return record

    image = Tensor(np.ones((2, 4, 6) if type(layer).__name__.endswith("1d") else (2, 4, 6, 6), np.float32))
    with monkeypatch.context() as patch:
        for name, function in vars(F).items():
            if inspect.isfunction(function):
                patch.setattr(F, name, recorder(name, function))
        layer.forward(*[image for p in parameters(layer.forward).values() if p.default is p.empty])
    assert calls, "forward calls nothing of nn.functional"
    return calls[-1]


def test_most_of_nn_is_looked_at() -> None:
    assert len(LAYERS) > 75
    assert set(LAYERS) > NO_FUNCTION | PYTORCHS_ORDER


@pytest.mark.parametrize("name", [name for name in LAYERS if name not in NO_FUNCTION])
class TestBesideItsFunction:
    def test_defaults_and_order_are_the_functions(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        function, _ = call(made(name), monkeypatch)
        ours, theirs = parameters(getattr(nn, name)), parameters(getattr(F, function))
        shared = [s for s in ours if s in theirs and s not in ("weight", "bias")]  # a function is given those tensors
        told = [s for s in shared if ours[s].default is not inspect.Parameter.empty]
        assert [(s, ours[s].default) for s in told] == [(s, theirs[s].default) for s in told]
        if name not in PYTORCHS_ORDER:
            assert shared == [s for s in theirs if s in shared]

    def test_each_setting_arrives(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        function, before = call(made(name), monkeypatch)
        for setting in settings(name):
            if setting in before:
                layer = made(name, **{setting: other(name, setting)})
                again, arguments = call(layer, monkeypatch)
                assert again == function
                value = getattr(layer, setting)
                assert arguments[setting] is value or arguments[setting] == value, setting
                required = parameters(getattr(nn, name))[setting].default is inspect.Parameter.empty
                without = value is None and before[setting] is None  # no bias because nothing is affine
                assert required or without or arguments[setting] is not before[setting], f"{setting} changes nothing"

    def test_the_old_spelling_stays_with_the_layer(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for setting in OLD_SPELLING & set(parameters(getattr(nn, name))):
            with pytest.warns(UserWarning, match="deprecated"):
                layer = made(name, **{setting: False})
            _, arguments = call(layer, monkeypatch)
            assert arguments["reduction"] == ("none" if setting == "reduce" else "sum")
            assert arguments["size_average"] is arguments["reduce"] is None

    def test_the_docstring_says_where_the_mathematics_stands(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        function, _ = call(made(name), monkeypatch)
        doc = getattr(nn, name).__doc__
        assert doc, "a layer has a docstring of its own"
        docs = [doc, *(getattr(nn, word).__doc__ for word in re.findall(r"`(\w+)`", doc) if word in LAYERS)]
        assert any(f"`functional.{function}`" in text for text in docs), "nor does a layer that it refers to say it"


@pytest.mark.parametrize("name", [name for name in LAYERS if name not in ("HingeLoss",)])  # which PyTorch lacks
class TestBesidePyTorch:
    def test_constructor(self, torch: Any, name: str) -> None:
        def signature(library: Any) -> list[Any]:
            found = parameters(getattr(library, name)).values()
            return [(p.name, p.kind, p.default) for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]

        if name not in ("RNN", "LSTM", "GRU"):  # PyTorch's say *args, **kwargs
            assert signature(nn) == signature(torch.nn)

    def test_the_repr_of_each_setting(self, torch: Any, name: str) -> None:
        assert repr(made(name)) == repr(made(name, torch.nn, torch.tensor))
        for setting in settings(name):
            changed = {setting: other(name, setting)}
            assert repr(made(name, **changed)) == repr(made(name, torch.nn, torch.tensor, **changed)), setting


def test_the_repr_knows_the_default_of_the_class_that_has_the_setting() -> None:
    class Same(nn.Conv2d):
        def __init__(self, channels: int, padding: int = 1) -> None:
            super().__init__(channels, channels, 3, padding=padding)

    class Quiet(nn.ReLU):
        def __init__(self) -> None:
            super().__init__(inplace=True)

    assert repr(Same(2)) == "Same(2, 2, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))"
    assert repr(Same(2, 0)) == "Same(2, 2, kernel_size=(3, 3), stride=(1, 1))"
    assert repr(Quiet()) == "Quiet(inplace=True)"


@pytest.mark.parametrize("name", [name for name in LAYERS if name not in LAZY])
def test_nothing_keeps_what_was_in_memory(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def garbage(shape: Any, _device: Any, dtype: Any) -> Any:
        return np.full(shape, np.nan, dtype or np.float32)

    monkeypatch.setattr(making, "_empty", garbage)
    nothing = {"in_channels": 0, "out_channels": 0, "in_features": 0, "out_features": 0}
    sizes = [{}, *({s: nothing[s]} for s in parameters(getattr(nn, name)) if s in nothing)]
    for changed in sizes:
        for key, value in made(name, **changed).state_dict().items():
            assert np.isfinite(value.numpy()).all(), f"{key} of {name} with {changed}"
