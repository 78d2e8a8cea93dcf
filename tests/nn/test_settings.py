"""What constructors say to bad arguments: every layer class, every argument, each with values that are no setting."""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn.layers.layer import Layer
from tinygrad_cnn.nn.layers.settings import KINDS, LEAST, _alternatives

LAYERS = {
    name: layer
    for name, layer in vars(nn).items()
    if isinstance(layer, type)
    and issubclass(layer, nn.Module)
    and layer.__module__.startswith("tinygrad_cnn.nn.layers")
}
NO_SETTINGS = {
    "Identity",
    "LazyModuleMixin",
    "ModuleDict",
    "ModuleList",
    "ParameterDict",
    "ParameterList",
    "Sequential",
}
GOOD: dict[str, Any] = {  # for arguments without a default
    **dict.fromkeys(("in_features", "out_features", "in_channels", "out_channels", "num_features", "num_channels"), 2),
    **dict.fromkeys(("num_embeddings", "embedding_dim", "normalized_shape", "output_size", "kernel_size", "size"), 2),
    **dict.fromkeys(("input_size", "hidden_size", "in1_features", "in2_features", "d_model", "embed_dim"), 2),
    **dict.fromkeys(("norm_type", "num_layers", "num_chunks", "groups", "nhead", "num_heads", "bias"), 1),
    **dict.fromkeys(("encoder_layer", "decoder_layer"), nn.ReLU()),
    "mode": "LSTM",
    **dict.fromkeys(("num_groups", "upscale_factor", "downscale_factor", "padding", "dim"), 1),
    **dict.fromkeys(("threshold", "value"), 0.5),
    "unflattened_size": (1, -1),
}
X = tg.ones(2, 3)
BAD: dict[str, list[Any]] = {  # by the words for what is expected: what is none of it
    "an int": [X, X.numpy(), "3", 2.0, 2.5, np.float32(2), True, [X], nn.ReLU(), {}, 1j],
    "a number": [X, X.numpy(), "0.5", [0.5], nn.ReLU(), {}, 1j, (0.5,)],
    "True or False": [X, X.numpy(), "False", 0.5, 2, -1, [True], nn.ReLU()],
    "a string": [X, 3, 0.5, ["none"], nn.ReLU()],
    "a Tensor": [X.numpy(), 3, [1.0, 2.0], "weight", nn.ReLU()],
    "a Module": [X, 3, "encoder", len, nn.ReLU],
    "a function": [X, 3, "distance", [len]],
    "a string or a function": [X, 3, [len], {}],
    "an int or a tuple of ints": [X, "3", 2.0, True, (2.0, 2), ("3",), (True, 2), (), {}, nn.ReLU()],
    "a tuple of ints": [X, "33", 2.0, (2.0,), ("3",), ()],
}
TOO_SMALL = [-2, -100, np.int64(-5)]


def fits(kind: str, value: Any) -> bool:
    """Is a value of BAD of this kind after all? Said once more, not asked of the package."""
    if kind.startswith("tuple of "):
        inner = kind.removeprefix("tuple of ").removesuffix(" or None")
        return isinstance(value, (tuple, list)) and len(value) > 0 and all(fits(inner, v) for v in value)
    kinds: dict[str, tuple[type, ...]] = {
        "int": (int,),
        "float": (int, float, bool, np.float32),
        "bool": (bool,),
        "str": (str,),
        "Tensor": (tg.Tensor,),
        "None": (),
        "IntOrPair": (int,),
        "Module": (nn.ReLU,),
        "Callable": (nn.ReLU, type, type(len)),
        "Activation": (str, nn.ReLU, type, type(len)),
    }
    return type(value) in kinds[kind]


def required(layer: type) -> dict[str, Any]:
    """Arguments that a layer does not do without."""
    parameters = inspect.signature(layer).parameters.values()
    return {p.name: GOOD[p.name] for p in parameters if p.default is p.empty}


CASES = [
    (name, argument, _alternatives(str(parameter.annotation)))
    for name, layer in LAYERS.items()
    if name not in NO_SETTINGS
    for argument, parameter in inspect.signature(layer).parameters.items()
    if argument not in ("device", "dtype")
]


def test_all_layers_are_looked_at() -> None:
    assert len(LAYERS) >= 85
    assert {name for name, layer in LAYERS.items() if not issubclass(layer, Layer)} == NO_SETTINGS
    unknown = [(name, argument) for name, argument, alternatives in CASES if not alternatives]
    assert unknown == [], "an annotation that says nothing that can be checked"
    assert set(LEAST) >= {a for _, a, alternatives in CASES if "int" in alternatives} - NOT_A_SIZE


NOT_A_SIZE = {"dim", "start_dim", "end_dim", "ignore_index", "padding_idx", "divisor_override", "p"}


@pytest.mark.parametrize(("name", "argument", "alternatives"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_a_wrong_kind_is_named(name: str, argument: str, alternatives: tuple[str, ...]) -> None:
    layer = LAYERS[name]
    good = required(layer)
    layer(**good)
    tried = 0
    for words in (KINDS[one][0] for one in alternatives):
        for value in BAD.get(words, []):
            if any(fits(one, value) for one in alternatives):
                continue
            tried += 1
            with pytest.raises(TypeError, match=rf"^{name}: {argument} must be .*, got ") as caught:
                layer(**{**good, argument: value})
            text = str(caught.value)
            if isinstance(value, (tg.Tensor, np.ndarray)):
                assert f"a {type(value).__name__} of shape (2, 3)" in text
                assert f"to apply it, write nn.{name}(...)(x)" in text
            else:
                assert f"({type(value).__name__})" in text
                assert re.escape(repr(value)[:40]) in re.escape(text)
    assert tried, "nothing was tried"


@pytest.mark.parametrize(("name", "argument", "alternatives"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_a_number_out_of_range_is_named(name: str, argument: str, alternatives: tuple[str, ...]) -> None:
    layer = LAYERS[name]
    good = required(layer)
    least = getattr(layer, "_least", {}).get(argument, LEAST.get(argument))
    values: list[Any] = []
    if least is not None:
        values = [
            v if "int" in alternatives or "IntOrPair" in alternatives else (v, 2) for v in [*TOO_SMALL, 0] if v < least
        ]
    if argument in getattr(layer, "_probabilities", ()):
        values = [-0.1, 1.5, float("nan"), 2, float("inf")]
    if argument == "scale_factor":
        values = [0, -1, float("nan"), float("inf")]
    for value in values:
        with pytest.raises(ValueError, match=rf"^{name}: {argument}.* must be .*, got {re.escape(repr(value))}$"):
            layer(**{**good, argument: value})


def test_what_pytorch_users_write_is_taken() -> None:
    nn.Conv2d(np.int64(1), 2, (np.int32(3), 3), bias=0, padding="same")  # type: ignore[arg-type]
    nn.Linear(2, 2, bias=None)  # type: ignore[arg-type]
    nn.ReLU(np.True_)  # type: ignore[arg-type]
    nn.Dropout(np.float32(0.5))  # type: ignore[arg-type]
    nn.LeakyReLU(1)
    nn.LeakyReLU(True)
    nn.LayerNorm([2, 3])
    nn.AvgPool1d((2,))
    nn.AvgPool1d([2], (1,), (0,))
    nn.AdaptiveAvgPool1d((2,))
    nn.AdaptiveAvgPool2d((None, 2))
    nn.ReflectionPad2d((1, -1, 0, 2))
    nn.MaxPool2d((2,))
    nn.Upsample(scale_factor=np.float64(2))  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore")
def test_nothing_of_a_size_is_no_error_where_pytorch_has_none(torch: Any) -> None:
    for layer in (
        *(lambda t: t.nn.Linear(0, 2), lambda t: t.nn.Linear(2, 0), lambda t: t.nn.BatchNorm2d(0)),
        *(lambda t: t.nn.Conv2d(0, 4, 3), lambda t: t.nn.Conv2d(4, 0, 3), lambda t: t.nn.Embedding(0, 3)),
        *(lambda t: t.nn.Embedding(3, 0), lambda t: t.nn.PReLU(0), lambda t: t.nn.LayerNorm(0)),
        *(lambda t: t.nn.GroupNorm(1, 0), lambda t: t.nn.AdaptiveAvgPool2d(0)),
    ):
        ours, theirs = layer(tg), layer(torch)
        assert repr(ours) == repr(theirs)
        shapes = [[tuple(v.shape) for v in m.state_dict().values()] for m in (ours, theirs)]
        assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: nn.ReLU(X), "or F.relu(x)"),
        (lambda: nn.LeakyReLU(X), "or F.leaky_relu(x)"),
        (lambda: nn.MSELoss(X, X), "nn.MSELoss(...)(x)"),
        (lambda: nn.Linear(4.0, 2), "write int(...), or // instead of /"),
        (lambda: nn.Dropout("0.5"), "without quotes"),
        (lambda: nn.Sequential(nn.ReLU), "got the class ReLU; write ReLU()"),
        (lambda: nn.Sequential(len), "got builtin_function_or_method; what is no Module is called in forward()"),
        (lambda: nn.GELU("fast"), "one of none, tanh, got 'fast'"),
        (lambda: nn.Linear(2), "out_features"),
        (lambda: nn.Linear(2, 2, biass=True), "biass"),
        (lambda: nn.Linear(2, 2)(X[:, :2], X), "in Linear"),
        (lambda: nn.Sequential(nn.Linear(3, 2))(X, X), "forward() takes 2 positional arguments but 3 were given"),
        (lambda: nn.Sequential(nn.Linear(5, 2))(X), "in 0 (Linear)"),
    ],
)
def test_the_remedy(make: Any, text: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        make()
    assert text in str(caught.value)


def test_a_subclass_of_a_user_has_its_own_arguments() -> None:
    class Scaled(nn.Linear):
        def __init__(self, in_features: float, bias: str) -> None:
            super().__init__(int(in_features), 2, bias == "yes")

    assert Scaled(3.0, "yes").bias is not None
    with pytest.raises(ValueError, match="Scaled: in_features must be at least 0, got -3"):
        Scaled(-3.0, "no")


def test_a_net_need_not_call_super_init() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.fc = nn.Linear(2, 1)
            self.register_buffer("seen", tg.zeros(1))

    assert list(Net().state_dict()) == ["seen", "fc.weight", "fc.bias"]


MAY_BE_0 = {
    *("in_features", "out_features", "in_channels", "out_channels", "num_features", "num_channels", "num_embeddings"),
    *("embedding_dim", "num_parameters", "normalized_shape", "output_size", "padding", "output_padding", "input_size"),
    *("hidden_size", "proj_size", "in2_features", "kdim", "vdim", "dim_feedforward", "num_encoder_layers"),
    "num_decoder_layers",
}


@pytest.mark.parametrize(
    ("name", "argument"),
    [(n, a) for n, a, kinds in CASES if a in LEAST and a != "unflattened_size" and {"int", "IntOrPair"} & {*kinds}],
)
def test_what_may_be_nothing_and_what_may_not(name: str, argument: str) -> None:
    layer = LAYERS[name]
    good = required(layer)
    words = rf"^{name}: {argument} must be at least 1, got 0$"
    refused = argument not in MAY_BE_0 or (argument == "hidden_size" and not name.endswith(("Cell", "CellBase")))
    said = ""
    try:
        layer(**{**good, argument: 0})
    except (ValueError, RuntimeError) as error:  # 0 may not go with other settings
        said = str(error)
    assert bool(re.match(words, said)) is refused
    if argument in good and argument not in ("mode", "num_chunks"):
        layer(**{**good, argument: 1})


@pytest.mark.parametrize(("letters", "whole"), [(57, True), (58, True), (59, False), (90, False)])
def test_a_long_value_is_cut(letters: int, whole: bool) -> None:
    value = "x" * letters
    with pytest.raises(TypeError) as caught:
        nn.Linear(value, 2)  # type: ignore[arg-type]
    shown = repr(value) if whole else "'" + "x" * 56 + "..."
    assert f"got {shown} (str)" in str(caught.value)


@pytest.mark.parametrize(("name", "of"), [("p", nn.Dropout), ("p", nn.AlphaDropout), ("dropout", nn.LSTM)])
def test_a_probability_may_be_0_and_1(name: str, of: Any) -> None:
    for value in (0, 1, 0.0, 1.0):
        given = {"input_size": 1, "hidden_size": 1, "num_layers": 2} if of is nn.LSTM else {}
        assert getattr(of(**given, **{name: value}), name) == value
    for value in (-0.01, 1.01):
        with pytest.raises(ValueError, match="a probability, must be between 0 and 1"):
            of(**given, **{name: value})
