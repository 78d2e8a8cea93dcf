"""Recurrent layers: stacks of cells that run along sequences, in one direction or both."""

from __future__ import annotations

import math
import warnings
from typing import Any, ClassVar

import numpy as np

from ...autograd.graph import array_of
from ...ops.index import select
from ...ops.joining import cat, stack
from ...ops.lookup import index_select
from ...ops.shape import _reshape, transpose
from ...ops.watched import reading
from ...tensors import Tensor
from .. import functional as F
from .. import init
from ..functional.arguments import check_dtype_of_input, check_floating
from ..functional.recurrent import Step, along, gru_step, lstm_step, relu_step, tanh_step
from ..parameter import Parameter
from ..utils.rnn import PackedSequence
from .layer import Layer
from .making import parameter

_STEPS: dict[str, tuple[Step, int]] = {  # by PyTorch's name of the mode: the step, and how many gates it has
    "RNN_TANH": (tanh_step, 1),
    "RNN_RELU": (relu_step, 1),
    "LSTM": (lstm_step, 4),
    "GRU": (gru_step, 3),
}


class RNNBase(Layer):
    """What `RNN`, `LSTM` and `GRU` share; see there. ``mode`` is RNN_TANH, RNN_RELU, LSTM or GRU."""

    _shown = "input_size, hidden_size, proj_size?, num_layers?, bias?, batch_first?, dropout?, bidirectional?"
    _states: ClassVar[int] = 1  # h, or h and c
    _least: ClassVar[dict[str, float]] = {"hidden_size": 1}

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if mode not in _STEPS:
            raise ValueError(f"{name}: mode must be one of {', '.join(_STEPS)}, got {mode!r}")
        if isinstance(dropout, bool):
            raise ValueError(f"{name}: dropout is the probability to drop, a number, got {dropout}")
        if proj_size and proj_size >= hidden_size:
            raise ValueError(f"{name}: proj_size must be less than hidden_size={hidden_size}, got {proj_size}")
        if proj_size and mode != "LSTM":
            raise ValueError(f"{name}: proj_size is for LSTM alone, got {proj_size}")
        if dropout and num_layers == 1:
            warnings.warn(
                f"{name}: dropout stands between layers, so with num_layers=1 dropout={dropout} does nothing",
                stacklevel=3,
            )
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, float(dropout), bidirectional
        self.proj_size = proj_size
        gates, width = _STEPS[mode][1] * hidden_size, proj_size or hidden_size
        directions = ("", "_reverse") if bidirectional else ("",)
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            for direction in directions:
                features = width * len(directions) if layer else input_size
                shapes: dict[str, Any] = {"weight_ih": (gates, features), "weight_hh": (gates, width)}
                if bias:
                    shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                names = {key: f"{key}_l{layer}{direction}" for key in shapes}
                for key, shape in shapes.items():
                    setattr(self, names[key], parameter(shape, device, dtype))
                self._all_weights.append(list(names.values()))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new values, uniform in +-1 / sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for p in self.parameters():
            init.uniform_(p, -bound, bound)

    def flatten_parameters(self) -> None:
        """Nothing: PyTorch's arranges the weights for a GPU."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Parameter]:
        return [getattr(self, name) for name in self._flat_weights_names]

    # ------------------------------------------------------------------------------------------------------- forward
    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        if isinstance(input, PackedSequence):
            self._check_input(input.data, (2,))
            sizes = [int(n) for n in array_of(reading(input.batch_sizes, "a packed sequence"))]
            states = self._first(hx, input.data, sizes[0], False)
            if input.sorted_indices is not None and hx is not None:
                states = tuple(index_select(s, 1, array_of(input.sorted_indices)) for s in states)
            y, states = self._layers(input.data, sizes, states)
            if input.unsorted_indices is not None:
                states = tuple(index_select(s, 1, array_of(input.unsorted_indices)) for s in states)
            return input._replace(data=y), self._given(states)
        self._check_input(input, (2, 3))
        unbatched = input.ndim == 2
        x = input[:, None] if unbatched else transpose(input, 0, 1) if self.batch_first else input
        steps, batch, features = x.shape
        if not steps:
            raise RuntimeError(f"{type(self).__name__}: expected a sequence of at least one step, got none")
        states = self._first(hx, x, batch, unbatched)
        y, states = self._layers(_reshape(x, shape=(steps * batch, features)), [batch] * steps, states)
        y = _reshape(y, shape=(steps, batch, y.shape[-1]))
        if unbatched:
            return y[:, 0], self._given(tuple(s[:, 0] for s in states))
        return (transpose(y, 0, 1) if self.batch_first else y), self._given(states)

    def _layers(self, x: Any, sizes: list[int], states: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
        """The output of the last layer, packed, and the last states of all."""
        step, directions, last = _STEPS[self.mode][0], 1 + self.bidirectional, []
        for layer in range(self.num_layers):
            outputs = []
            for d in range(directions):
                k = layer * directions + d
                weights = [getattr(self, name) for name in self._all_weights[k]]
                settings = {"projection": weights.pop()} if self.proj_size else {}
                state = tuple(select(s, 0, k) for s in states)
                y, state = along(step, x, sizes, state, weights, bool(d), **settings)
                outputs.append(y)
                last.append(state)
            x = cat(outputs, 1) if self.bidirectional else outputs[0]
            if self.dropout and layer < self.num_layers - 1:
                x = F.dropout(x, self.dropout, self.training)
        return x, tuple(stack(parts) for parts in zip(*last, strict=True))

    def _given(self, states: tuple[Any, ...]) -> Any:
        """The states as the user gets them."""
        return states[0] if self._states == 1 else states

    # -------------------------------------------------------------------------------------------------------- checks
    def _check_input(self, input: Any, dims: tuple[int, ...]) -> None:
        name = type(self).__name__
        check_floating(input, "input", name)
        if input.ndim not in dims:
            layout = "(batch, steps, features)" if self.batch_first else "(steps, batch, features)"
            raise ValueError(f"{name}: input must have shape {layout} or (steps, features), got {tuple(input.shape)}")
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"{name}: input of shape {tuple(input.shape)} has {input.shape[-1]} features, input_size is "
                f"{self.input_size}"
            )
        check_dtype_of_input(getattr(self, self._all_weights[0][0]), "weight", input.dtype, name)

    def _first(self, hx: Any, x: Any, batch: int, unbatched: bool) -> tuple[Any, ...]:
        """The states to begin with, each (layers * directions, batch, size): those given, checked, or zeros."""
        name, layers = type(self).__name__, self.num_layers * (1 + self.bidirectional)
        widths = (self.proj_size or self.hidden_size, self.hidden_size)[: self._states]
        if hx is None:
            return tuple(Tensor(np.zeros((layers, batch, width), x.dtype)) for width in widths)
        if self._states == 2 and not (isinstance(hx, (tuple, list)) and len(hx) == 2):
            raise TypeError(f"{name}: hx must be a pair (h0, c0), got {type(hx).__name__}")
        states = (hx,) if self._states == 1 else tuple(hx)
        for what, s, width in zip(("h0", "c0"), states, widths, strict=False):
            check_floating(s, what, name)
            shape = (layers, width) if unbatched else (layers, batch, width)
            if tuple(s.shape) != shape:
                raise RuntimeError(f"{name}: {what} must have shape {shape} for this input, got {tuple(s.shape)}")
            check_dtype_of_input(s, what, x.dtype, name)
        return tuple(s[:, None] for s in states) if unbatched else states


class RNN(RNNBase):
    """h' = tanh(x w_ih^T + b_ih + h w_hh^T + b_hh), step by step (Elman, 1990).

    ``RNN(input_size, hidden_size, num_layers=1, nonlinearity="tanh", bias=True, batch_first=False, dropout=0.0,
    bidirectional=False)``: ``nonlinearity`` may be "relu"; ``dropout`` is the probability to drop an output of one
    layer on its way to the next; ``bidirectional`` adds cells that run from the end to the start.

    Shape:
        - input (T, N, input_size), (N, T, input_size) with ``batch_first``, (T, input_size), or a `PackedSequence`
        - h0 and the last h (num_layers * directions, N, hidden_size); without a batch there is no N; h0 is zeros where
          it is left out
        - output as the input, with directions * hidden_size features: the last layer's h of each step
        - weight_ih_l0 (hidden_size, input_size), weight_hh_l0 (hidden_size, hidden_size), bias_ih_l0, bias_hh_l0
          (hidden_size,), for each layer, and with "_reverse" at the end for each of the other direction; all uniform in
          +-1 / sqrt(hidden_size) at first
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN: nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
        self.nonlinearity = nonlinearity
        mode = f"RNN_{nonlinearity.upper()}"
        settings = (num_layers, bias, batch_first, dropout, bidirectional)
        super().__init__(mode, input_size, hidden_size, *settings, device=device, dtype=dtype)


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997); see `functional.recurrent.lstm_step`.

    Arguments and shapes are those of `RNN`, without ``nonlinearity``, and:

    - the state is a pair (h, c); a first one is given as ``lstm(input, (h0, c0))``
    - the weights have 4 * hidden_size rows, for the gates i, f, g, o
    - ``proj_size``, if not 0, is the size of h, which is projected by weight_hr_l0 (proj_size, hidden_size)
    """

    _states = 2

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        settings = (num_layers, bias, batch_first, dropout, bidirectional, proj_size)
        super().__init__("LSTM", input_size, hidden_size, *settings, device=device, dtype=dtype)


class GRU(RNNBase):
    """The gated recurrent unit (Cho et al., 2014); see `functional.recurrent.gru_step`.

    Arguments and shapes are those of `RNN`, without ``nonlinearity``; the weights have 3 * hidden_size rows, for the
    gates r, z, n.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        settings = (num_layers, bias, batch_first, dropout, bidirectional)
        super().__init__("GRU", input_size, hidden_size, *settings, device=device, dtype=dtype)
