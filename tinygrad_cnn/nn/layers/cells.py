"""Recurrent cells: one step of a recurrent layer."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from ...tensors import Tensor
from .. import functional as F
from .. import init
from ..functional.arguments import check_dtype_of_input, check_floating
from ..functional.recurrent import State, gru_step, lstm_step, relu_step, tanh_step
from .layer import Layer
from .making import parameter


class RNNCellBase(Layer):
    """What the cells share: parameters, and the checks of a step."""

    _shown = "input_size, hidden_size, bias?"
    _states: ClassVar[int] = 1  # h, or h and c

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bool(bias)
        rows = num_chunks * hidden_size
        self.weight_ih = parameter((rows, input_size), device, dtype)
        self.weight_hh = parameter((rows, hidden_size), device, dtype)
        self.bias_ih = parameter(rows, device, dtype) if bias else None
        self.bias_hh = parameter(rows, device, dtype) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new values, uniform in +-1 / sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size else 0.0
        for p in self.parameters():
            init.uniform_(p, -bound, bound)

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        name = type(self).__name__
        check_floating(input, "input", name)
        if input.ndim not in (1, 2):
            raise ValueError(f"{name}: input must have shape (N, features) or (features,), got {tuple(input.shape)}")
        unbatched = input.ndim == 1
        states = self._first(hx, input)
        x = input[None] if unbatched else input
        if unbatched:
            states = tuple(s[None] for s in states)
        biases = () if self.bias_hh is None else (self.bias_hh,)
        states = self._step(F.linear(x, self.weight_ih, self.bias_ih), states, self.weight_hh, *biases)
        if unbatched:
            states = tuple(s[0] for s in states)
        return states[0] if self._states == 1 else states

    def _step(self, *inputs: Any) -> State:
        raise NotImplementedError

    def _first(self, hx: Any, x: Tensor) -> tuple[Any, ...]:
        """The state to begin with: the one given, checked, or zeros."""
        name, shape = type(self).__name__, (*x.shape[:-1], self.hidden_size)
        if hx is None:
            return (Tensor(np.zeros(shape, x.dtype)),) * self._states
        if self._states == 2 and not (isinstance(hx, (tuple, list)) and len(hx) == 2):
            raise TypeError(f"{name}: hx must be a pair (h, c), got {type(hx).__name__}")
        states = (hx,) if self._states == 1 else tuple(hx)
        for what, s in zip(("h", "c"), states, strict=False):
            check_floating(s, what, name)
            if tuple(s.shape) != shape:
                raise RuntimeError(f"{name}: {what} must have shape {shape} for this input, got {tuple(s.shape)}")
            check_dtype_of_input(s, what, x.dtype, name)
        return states


class RNNCell(RNNCellBase):
    """h' = tanh(x w_ih^T + b_ih + h w_hh^T + b_hh), or with ``nonlinearity="relu"``; one step of `RNN`.

    Shape:
        - input (N, input_size) or (input_size,); h and output the same with hidden_size; h is zeros where left out
        - weight_ih (hidden_size, input_size), weight_hh (hidden_size, hidden_size), bias_ih and bias_hh (hidden_size,)
    """

    _shown = "input_size, hidden_size, bias?, nonlinearity?"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNNCell: nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def _step(self, *inputs: Any) -> State:
        return (tanh_step if self.nonlinearity == "tanh" else relu_step)(*inputs)


class LSTMCell(RNNCellBase):
    """One step of `LSTM`: ``(h', c') = cell(input, (h, c))``. Shapes as for `RNNCell`, but 4 times the weight rows."""

    _states = 2

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def _step(self, *inputs: Any) -> State:
        return lstm_step(*inputs)


class GRUCell(RNNCellBase):
    """One step of `GRU`: ``h' = cell(input, h)``. Shapes as for `RNNCell`, weights with 3 times the rows."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def _step(self, *inputs: Any) -> State:
        return gru_step(*inputs)
