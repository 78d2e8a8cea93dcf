"""What a layer's constructor is told, checked once for all layers: by the annotations, and by the names of sizes.

A layer declares ``kernel_size: int | tuple[int, ...]``, ``p: float``, ``inplace: bool``; that is what is checked,
before anything is made. `LEAST` adds how small a number of that name may be.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from ...tensors import Tensor
from .. import functional as F
from ..module import Module

Init = TypeVar("Init", bound=Callable[..., None])

LEAST: dict[str, float] = {  # 0 channels make an empty layer, as in PyTorch
    **dict.fromkeys(("in_features", "out_features", "in_channels", "out_channels", "num_features", "num_channels"), 0),
    **dict.fromkeys(("num_embeddings", "embedding_dim", "num_parameters", "normalized_shape", "output_size"), 0),
    **dict.fromkeys(("padding", "output_padding"), 0),
    **dict.fromkeys(("kernel_size", "stride", "dilation", "groups", "num_groups", "size"), 1),
    **dict.fromkeys(("upscale_factor", "downscale_factor"), 1),
    **dict.fromkeys(("input_size", "hidden_size", "proj_size", "in2_features", "kdim", "vdim", "dim_feedforward"), 0),
    **dict.fromkeys(("num_encoder_layers", "num_decoder_layers"), 0),
    **dict.fromkeys(("num_layers", "num_chunks", "in1_features"), 1),
    **dict.fromkeys(("d_model", "nhead", "embed_dim", "num_heads"), 1),
    "unflattened_size": -1,
}
WORDS = {"approximate": ("none", "tanh")}


def _is_int(v: Any) -> bool:
    return isinstance(v, (int, np.integer)) and not isinstance(v, bool)


def _is_float(v: Any) -> bool:
    return isinstance(v, (int, float, np.integer, np.floating))


def _is_flag(v: Any) -> bool:
    return v is None or isinstance(v, (bool, np.bool_)) or (_is_int(v) and v in (0, 1))


def _several(one: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda v: isinstance(v, Sequence) and not isinstance(v, (str, bytes)) and len(v) > 0 and all(map(one, v))


KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {  # an alternative of an annotation: in words, and the check
    "int": ("an int", _is_int),
    "float": ("a number", _is_float),
    "bool": ("True or False", _is_flag),
    "str": ("a string", lambda v: isinstance(v, str)),
    "Tensor": ("a Tensor", lambda v: isinstance(v, Tensor)),
    "Module": ("a Module", lambda v: isinstance(v, Module)),
    "Callable": ("a function", lambda v: callable(v) and not isinstance(v, Tensor)),
    "Activation": ("a string or a function", lambda v: isinstance(v, str) or callable(v)),
    "None": ("None", lambda v: v is None),
    "IntOrPair": ("an int or a tuple of ints", lambda v: _is_int(v) or _several(_is_int)(v)),
    "tuple of int": ("a tuple of ints", _several(_is_int)),
    "tuple of float": ("a tuple of numbers", _several(_is_float)),
    "tuple of int or None": ("a tuple of ints or None", _several(lambda v: v is None or _is_int(v))),
}


def checked(init: Init) -> Init:
    """A constructor that looks at what it is told before it does anything.

    Raises:
        TypeError: an argument of a wrong kind. ValueError: a number that is too small, or no probability.
    """
    signature = inspect.signature(init)
    names = list(signature.parameters)[1:]

    @functools.wraps(init)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        for name, value in given.items():
            if name in signature.parameters:
                _check(type(self), name, value, _alternatives(str(signature.parameters[name].annotation)))
        init(self, *args, **kwargs)

    return __init__  # type: ignore[return-value]


@functools.cache
def _alternatives(annotation: str) -> tuple[str, ...]:
    """The keys of KINDS that an annotation allows; none where it says anything else, and anything goes."""
    found = []
    depth, start = 0, 0
    for i, c in enumerate(f"{annotation}|"):
        depth += (c == "[") - (c == "]")
        if c == "|" and depth == 0:
            one, start = annotation[start:i].strip(), i + 1
            if one.startswith("Callable["):
                one = "Callable"
            if one.startswith(("tuple[", "Sequence[")):
                inner = one[one.index("[") + 1 : -1]
                number = "float" if inner.startswith("float") else "int"
                one = f"tuple of {number}{' or None' if 'None' in inner else ''}"
            found.append(one)
    return tuple(found) if all(one in KINDS for one in found) else ()


def _check(layer: type, name: str, value: Any, alternatives: tuple[str, ...]) -> None:
    if not alternatives:
        return
    if not any(KINDS[one][1](value) for one in alternatives):
        wanted = " or ".join(KINDS[one][0] for one in alternatives)
        raise TypeError(f"{layer.__name__}: {name} must be {wanted}, got {_came(value)}{_advice(layer, name, value)}")
    if name in WORDS and value not in WORDS[name]:
        raise ValueError(f"{layer.__name__}: {name} must be one of {', '.join(WORDS[name])}, got {value!r}")
    numbers = value if isinstance(value, (tuple, list)) else (value,)
    least = getattr(layer, "_least", {}).get(name, LEAST.get(name))
    for number in numbers:
        if not _is_float(number):
            continue
        if least is not None and number < least:
            raise ValueError(f"{layer.__name__}: {name} must be at least {least}, got {value!r}")
        if name in getattr(layer, "_probabilities", ()) and not 0 <= number <= 1:
            raise ValueError(f"{layer.__name__}: {name}, a probability, must be between 0 and 1, got {value!r}")
        if name == "scale_factor" and not 0 < number < math.inf:
            raise ValueError(f"{layer.__name__}: scale_factor must be positive, got {value!r}")


def _came(value: Any) -> str:
    if isinstance(value, (Tensor, np.ndarray)):
        return f"a {type(value).__name__} of shape {value.shape}"
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"


def _advice(layer: type, name: str, value: Any) -> str:
    kind = layer.__name__
    if isinstance(value, (Tensor, np.ndarray)):
        function = next((f for f in vars(F) if f.replace("_", "") == kind.lower()), None)
        also = f" or F.{function}(x)" if function else ""
        return f". nn.{kind}({name}=...) makes a layer; to apply it, write nn.{kind}(...)(x){also}"
    if isinstance(value, (float, np.floating)):
        return "; write int(...), or // instead of / where it is computed"
    if isinstance(value, str) and value.replace(".", "").isdigit():
        return "; write it without quotes"
    return ""
