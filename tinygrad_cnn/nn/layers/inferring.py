"""The lazy layers: those that take the number of their input channels or features from the first input."""

from __future__ import annotations

from typing import Any

from ...tensors import Tensor
from ..functional.arguments import IntOrPair
from ..parameter import UninitializedBuffer, UninitializedParameter, is_lazy
from .conv import Conv1d, Conv2d, ConvLayer
from .lazy import LazyModuleMixin
from .linear import Linear
from .normalization import BatchNorm1d, BatchNorm2d, InstanceNorm1d, InstanceNorm2d, _Running
from .transposed import ConvTranspose1d, ConvTranspose2d


class LazyLinear(LazyModuleMixin, Linear):
    """A `Linear` whose ``in_features`` is the last size of its first input."""

    cls_to_become = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, 0, bias=False)
        self.out_features = out_features
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.bias = UninitializedParameter(device=device, dtype=dtype) if bias else None

    def reset_parameters(self) -> None:
        """As the layer that it becomes; nothing while the parameters have no shape."""
        if self.in_features and not self.has_uninitialized_params():
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Shapes and first values, from the last size of the input."""
        if not input.ndim:
            raise IndexError("LazyLinear: input needs at least one dimension, the features, got a 0-d tensor")
        features = input.shape[-1]
        if self.has_uninitialized_params():
            self.in_features = features
            _materialize(self.weight, (self.out_features, features))
            _materialize(self.bias, (self.out_features,))
            self.reset_parameters()
        elif not self.in_features:  # the values were loaded
            self.in_features, self.out_features = self.weight.shape[1], self.weight.shape[0]


class _LazyConv(LazyModuleMixin, ConvLayer):
    """What the lazy convolutions share: all but which arguments come in which order."""

    def _begin(self, out_channels: int, bias: bool, device: Any, dtype: Any) -> None:
        if out_channels % self.groups:
            raise ValueError(
                f"{type(self).__name__}: groups must divide out_channels, got groups={self.groups} for {out_channels}"
            )
        self.out_channels = out_channels
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.bias = UninitializedParameter(device=device, dtype=dtype) if bias else None

    def reset_parameters(self) -> None:
        """As the layer that it becomes; nothing while the parameters have no shape."""
        if self.in_channels and not self.has_uninitialized_params():
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor, *_args: Any, **_kwargs: Any) -> None:
        """Shapes and first values, from the channels of the input."""
        name, n = type(self).__name__, self.spatial
        if input.ndim not in (n + 1, n + 2):
            raise RuntimeError(
                f"{name}: expected an input of {n + 1} (without a batch) or {n + 2} dimensions, got shape "
                f"{tuple(input.shape)}"
            )
        channels = input.shape[-n - 1]
        if self.has_uninitialized_params():
            if channels % self.groups:
                raise ValueError(f"{name}: groups={self.groups} does not divide the {channels} channels of the input")
            self.in_channels = channels
            first, second = (channels, self.out_channels) if self.transposed else (self.out_channels, channels)
            _materialize(self.weight, (first, second // self.groups, *self.kernel_size))
            _materialize(self.bias, (self.out_channels,))
            self.reset_parameters()
        elif not self.in_channels:  # the values were loaded
            self.in_channels = self.weight.shape[0] if self.transposed else self.weight.shape[1] * self.groups


class _LazyForward(_LazyConv):
    """A lazy convolution that is not transposed."""

    def __init__(
        self,
        out_channels: int,
        kernel_size: IntOrPair,
        stride: IntOrPair = 1,
        padding: IntOrPair | str = 0,
        dilation: IntOrPair = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode)
        self._begin(out_channels, bias, device, dtype)


class LazyConv1d(_LazyForward, Conv1d):
    """A `Conv1d` whose ``in_channels`` is read off its first input."""

    cls_to_become = Conv1d


class LazyConv2d(_LazyForward, Conv2d):
    """A `Conv2d` whose ``in_channels`` is read off its first input."""

    cls_to_become = Conv2d


class _LazyTransposed(_LazyConv):
    """A lazy convolution that is transposed."""

    def __init__(
        self,
        out_channels: int,
        kernel_size: IntOrPair,
        stride: IntOrPair = 1,
        padding: IntOrPair = 0,
        output_padding: IntOrPair = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        settings: Any = (stride, padding, output_padding, groups, False, dilation, padding_mode)
        super().__init__(0, 0, kernel_size, *settings)
        self._begin(out_channels, bias, device, dtype)


class LazyConvTranspose1d(_LazyTransposed, ConvTranspose1d):
    """A `ConvTranspose1d` whose ``in_channels`` is read off its first input."""

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyTransposed, ConvTranspose2d):
    """A `ConvTranspose2d` whose ``in_channels`` is read off its first input."""

    cls_to_become = ConvTranspose2d


class _LazyNorm(LazyModuleMixin, _Running):
    """What the lazy normalisations share. Subclasses have the defaults of PyTorch's: affine, with running values."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, affine, track_running_stats, bias=bias)
        settings = {"device": device, "dtype": dtype}
        if self.weight is not None:
            self.weight = UninitializedParameter(**settings)
        if self.bias is not None:
            self.bias = UninitializedParameter(**settings)
        if track_running_stats:
            self.running_mean, self.running_var = UninitializedBuffer(**settings), UninitializedBuffer(**settings)

    def reset_parameters(self) -> None:
        """As the layer that it becomes; nothing while the parameters have no shape."""
        if self.num_features and not self.has_uninitialized_params():
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Shapes and first values, from the channels of the input."""
        self._check(input)
        if self.has_uninitialized_params():
            self.num_features = input.shape[self._channels(input)]
            for t in (self.weight, self.bias, self.running_mean, self.running_var):
                _materialize(t, (self.num_features,))
            self.reset_parameters()
        elif not self.num_features:
            known = next((t for t in (self.weight, self.bias, self.running_mean) if t is not None), None)
            self.num_features = input.shape[self._channels(input)] if known is None else known.shape[0]

    def _channels(self, _input: Tensor) -> int:
        return 1


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """A `BatchNorm1d` whose ``num_features`` is read off its first input."""

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """A `BatchNorm2d` whose ``num_features`` is read off its first input."""

    cls_to_become = BatchNorm2d


class _LazyInstanceNorm(_LazyNorm):
    def _channels(self, input: Tensor) -> int:
        return input.ndim - self.dims[0]  # an input without a batch begins with the channels


class LazyInstanceNorm1d(_LazyInstanceNorm, InstanceNorm1d):
    """An `InstanceNorm1d` whose ``num_features`` is read off its first input."""

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyInstanceNorm, InstanceNorm2d):
    """An `InstanceNorm2d` whose ``num_features`` is read off its first input."""

    cls_to_become = InstanceNorm2d


def _materialize(t: Tensor | None, shape: tuple[int, ...]) -> None:
    """Give a shape to one that has none; what was loaded stays."""
    if is_lazy(t):
        t.materialize(shape)  # type: ignore[union-attr]
