"""Normalisation layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...arrays.writes import mutated
from ...ops.watched import afterwards, reading
from ...tensors import Tensor
from .. import functional as F
from .. import init
from ..parameter import Parameter
from ..state import Loading
from .layer import Layer
from .making import buffer, parameter


class _Affine(Layer):
    """A layer with a weight that starts as ones and a bias that starts as zeros, if it has them."""

    weight: Parameter | None
    bias: Parameter | None

    def _make(self, shape: int | tuple[int, ...], affine: bool, bias: bool, device: Any, dtype: Any) -> None:
        self.register_parameter("weight", parameter(shape, device, dtype) if affine else None)
        self.register_parameter("bias", parameter(shape, device, dtype) if affine and bias else None)

    def reset_parameters(self) -> None:
        """Set the weight to ones and the bias to zeros."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


class _Running(_Affine):
    """A normalisation by channel that can keep running statistics."""

    dims: tuple[int, ...]  # how many dimensions the input may have
    expects: str
    _version = 2  # the first did not count batches
    _shown = "num_features, eps=, momentum=, affine=, bias=, track_running_stats="

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self._make(num_features, affine, bias, device, dtype)
        tracked = track_running_stats
        self.register_buffer("running_mean", buffer(num_features, device, dtype) if tracked else None)
        self.register_buffer("running_var", buffer(num_features, device, dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", Tensor(np.zeros((), np.int64)) if tracked else None)
        self.reset_parameters()

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def _minds_the_mode(self) -> bool:
        return self.running_mean is not None

    def reset_running_stats(self) -> None:
        """Forget what was seen: mean 0, variance 1, no batches."""
        for tensor, value in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
            if tensor is not None:
                init.constant_(tensor, value)

    def reset_parameters(self) -> None:
        """Forget what was seen, and set the weight to ones and the bias to zeros."""
        self.reset_running_stats()
        super().reset_parameters()

    def _plan_loading(self, loading: Loading, prefix: str) -> None:
        if self.num_batches_tracked is not None and loading.version(prefix) < 2:
            loading.state.setdefault(f"{prefix}num_batches_tracked", self.num_batches_tracked.detach().clone())
        super()._plan_loading(loading, prefix)

    def _check(self, input: Tensor) -> None:
        if input.ndim not in self.dims:
            raise ValueError(f"{type(self).__name__}: expected input {self.expects}, got shape {tuple(input.shape)}")

    def _count(self) -> float:
        """One more batch; how far the running values move towards it."""
        if self.num_batches_tracked is None:
            return 0.0 if self.momentum is None else self.momentum
        afterwards(_one_more, self.num_batches_tracked)
        if self.momentum is not None:
            return self.momentum
        return 1 / int(reading(self.num_batches_tracked, "momentum=None")._array)


def _one_more(seen: Any) -> None:
    seen += 1
    mutated(seen)


class _BatchNorm(_Running):
    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        mean, var = self.running_mean, self.running_var
        use_batch = self.training or (mean is None and var is None)
        if self.training and not self.track_running_stats:
            mean = var = None
        before = None if self.num_batches_tracked is None else self.num_batches_tracked._array.copy()
        momentum = self._count() if self.training and self.track_running_stats else self.momentum or 0.0
        try:
            return F.batch_norm(input, mean, var, self.weight, self.bias, use_batch, momentum, self.eps)
        except Exception:
            if before is not None and self.num_batches_tracked is not None:
                self.num_batches_tracked._array[...] = before  # a call that fails changes nothing
            raise


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of vectors or signals: for each channel, in both modes, as `BatchNorm2d`.

    See `functional.batch_norm` (Ioffe and Szegedy, 2015).

    Shape:
        - input and output (N, num_features) or (N, num_features, L)
        - weight, bias, running_mean, running_var (num_features,)
    """

    dims, expects = (2, 3), "(N, C) or (N, C, L)"


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of images (Ioffe and Szegedy, 2015); see `functional.batch_norm`.

    In training mode by the batch's own mean and variance for each channel, and the running ones move towards these; in
    evaluation mode by the running ones. ``momentum=None`` makes those the plain average over all batches.

    Shape:
        - input and output (N, num_features, H, W)
        - weight, bias, running_mean, running_var (num_features,)
    """

    dims, expects = (4,), "(N, C, H, W)"


class _InstanceNorm(_Running):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        unbatched = input.ndim == self.dims[0]
        y = F.instance_norm(
            input[None] if unbatched else input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            self.momentum or 0.0,
            self.eps,
        )
        return y[0] if unbatched else y


class InstanceNorm1d(_InstanceNorm):
    """Each channel of each signal by its own mean and variance; see `functional.instance_norm`.

    (Ulyanov, Vedaldi and Lempitsky, 2016.)

    Shape:
        - input and output (N, num_features, L) or (num_features, L)
        - weight, bias, running_mean, running_var (num_features,), where asked for
    """

    dims, expects = (2, 3), "(N, C, L) or (C, L)"


class InstanceNorm2d(_InstanceNorm):
    """Each channel of each image by its own mean and variance; see `functional.instance_norm`.

    (Ulyanov, Vedaldi and Lempitsky, 2016.)

    Shape:
        - input and output (N, num_features, H, W) or (num_features, H, W)
        - weight, bias, running_mean, running_var (num_features,), where asked for
    """

    dims, expects = (3, 4), "(N, C, H, W) or (C, H, W)"


class LayerNorm(_Affine):
    """Each sample by the mean and variance of its last dimensions; see `functional.layer_norm`.

    (Ba, Kiros and Hinton, 2016.)

    Shape:
        - input and output (..., *normalized_shape)
        - weight, bias ``normalized_shape``
    """

    _shown = "normalized_shape, eps=, elementwise_affine=, bias="

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        sizes = (normalized_shape,) if isinstance(normalized_shape, (int, np.integer)) else tuple(normalized_shape)
        self.normalized_shape, self.eps, self.elementwise_affine = sizes, eps, elementwise_affine
        self._make(sizes, elementwise_affine, bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)


class RMSNorm(_Affine):
    """Each sample by the root mean square of its last dimensions (Zhang and Sennrich, 2019); see `functional.rms_norm`.

    Shape:
        - input and output (..., *normalized_shape)
        - weight ``normalized_shape``
    """

    _shown = "normalized_shape, eps=, elementwise_affine="

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        sizes = (normalized_shape,) if isinstance(normalized_shape, (int, np.integer)) else tuple(normalized_shape)
        self.normalized_shape, self.eps, self.elementwise_affine = sizes, eps, elementwise_affine
        self.weight = parameter(sizes, device, dtype) if elementwise_affine else None
        self.reset_parameters()

    bias = None

    def forward(self, input: Tensor) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)


class GroupNorm(_Affine):
    """Groups of channels of each sample by their mean and variance (Wu and He, 2018); see `functional.group_norm`.

    Shape:
        - input and output (N, num_channels, ...); num_groups divides num_channels
        - weight, bias (num_channels,)
    """

    _shown = "num_groups, num_channels, eps=, affine=, bias="

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_groups={num_groups} must divide num_channels={num_channels}")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self._make(num_channels, affine, bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)


class LocalResponseNorm(Layer):
    """x / (k + alpha * mean of the squares over ``size`` neighbouring channels)^beta (Krizhevsky et al., 2012).

    See `functional.local_response_norm`.

    Shape:
        - input and output (N, C, ...)
    """

    _shown = "size, alpha=, beta=, k="

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)
