"""First values of parameters, under the names of ``torch.nn.init``.

Each function fills a tensor in place, unrecorded, and returns it. Random values come from the package's generator (see
`manual_seed`), or one handed in as ``generator=``.
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np

from ..arrays import rng
from ..arrays.writes import mutated
from ..autograd.inplace import about_to_write
from ..autograd.modes import no_grad
from ..ops.numbers import number_for
from ..tensors import Tensor
from ..tensors.writing import check_writable

T = TypeVar("T", bound=Tensor)
AnyGenerator = Any  # tinygrad_cnn.Generator, numpy.random.Generator or None


def _fill(tensor: T, values: Any, name: str) -> T:
    array = _checked(tensor, name)
    with no_grad():
        check_writable(tensor)
    about_to_write(tensor)
    array[...] = values
    mutated(array)
    return tensor


def _checked(tensor: Tensor, name: str) -> Any:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name}: expected a Tensor to fill, got {type(tensor).__name__}")
    return tensor._array


def _floating(tensor: Tensor, name: str) -> Any:
    array = _checked(tensor, name)
    if array.dtype.kind != "f":
        raise TypeError(f"{name}: only a floating tensor can be filled with random numbers, got dtype {array.dtype}")
    return array


# ------------------------------------------------------------------------------------------------------------ constants
def constant_(tensor: T, val: float) -> T:
    """Every entry is ``val``, a number of the tensor's dtype."""
    return _fill(tensor, number_for(val, _checked(tensor, "constant_").dtype, "constant_"), "constant_")


def ones_(tensor: T) -> T:
    """Every entry is 1."""
    return _fill(tensor, 1, "ones_")


def zeros_(tensor: T) -> T:
    """Every entry is 0."""
    return _fill(tensor, 0, "zeros_")


def eye_(tensor: T) -> T:
    """A matrix with ones on the diagonal: a linear layer that starts as the identity."""
    shape = _checked(tensor, "eye_").shape
    if len(shape) != 2:
        raise ValueError(f"eye_: needs a tensor of 2 dimensions, got shape {shape}")
    return _fill(tensor, np.eye(*shape), "eye_")


def dirac_(tensor: T, groups: int = 1) -> T:
    """Kernels (O, C, k...) with a single 1 in the centre: a convolution that starts as the identity.

    It keeps as many channels as it can, in each of the groups.
    """
    shape = _checked(tensor, "dirac_").shape
    if len(shape) not in (3, 4, 5):
        raise ValueError(f"dirac_: needs a tensor of 3, 4 or 5 dimensions, (O, C, k...), got shape {shape}")
    if groups < 1 or shape[0] % groups:
        raise ValueError(f"dirac_: groups={groups} must divide the {shape[0]} output channels")
    values = np.zeros(shape)
    centre = tuple(k // 2 for k in shape[2:])
    per_group = shape[0] // groups
    for group in range(groups):
        for channel in range(min(per_group, shape[1])):
            values[(group * per_group + channel, channel, *centre)] = 1
    return _fill(tensor, values, "dirac_")


# --------------------------------------------------------------------------------------------------------------- random
def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, generator: AnyGenerator = None) -> T:
    """Uniform in [a, b)."""
    array = _floating(tensor, "uniform_")
    if not a <= b:
        raise ValueError(f"uniform_: a must not be above b, got {a} and {b}")
    values = rng.uniform(array.shape, array.dtype, generator)
    values *= b - a
    values += a
    return _fill(tensor, values, "uniform_")


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, generator: AnyGenerator = None) -> T:
    """Normally distributed."""
    array = _floating(tensor, "normal_")
    if not std >= 0:
        raise ValueError(f"normal_: std must be at least 0, got {std}")
    values = rng.normal(array.shape, array.dtype, generator)
    values *= std
    values += mean
    return _fill(tensor, values, "normal_")


def trunc_normal_(
    tensor: T,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: AnyGenerator = None,
) -> T:
    """Normally distributed, but between a and b alone.

    Drawn by rejection, so exactly distributed also far out in the tails (Robert, 1995).
    """
    array = _floating(tensor, "trunc_normal_")
    if not std > 0:
        raise ValueError(f"trunc_normal_: std must be greater than 0, got {std}")
    if not a < b:
        raise ValueError(f"trunc_normal_: a must be less than b, got {a} and {b}")
    values = _standard_normal_between((a - mean) / std, (b - mean) / std, array.size, rng.resolve(generator))
    values = np.clip(values * std + mean, a, b)  # rounding may have stepped over
    return _fill(tensor, values.reshape(array.shape), "trunc_normal_")


def _standard_normal_between(low: float, high: float, n: int, random: np.random.Generator) -> Any:
    if high < -low:  # mostly on the left: draw its mirror image
        return -_standard_normal_between(-high, -low, n, random)
    likely = 0.5 * (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2)))
    values = np.empty(n)
    have = 0
    while have < n:
        wanted = n - have
        if likely > 0.2:
            z = random.standard_normal(int(wanted / likely) + 8)
            z = z[(z >= low) & (z <= high)]
        elif low > 0:  # a tail: from an exponential above low, kept with probability exp(-(z - low)^2 / 2)
            z = -np.log1p(random.random(2 * wanted + 8) * np.expm1(-low * (high - low))) / low
            z = low + z[random.random(len(z)) <= np.exp(-0.5 * z * z)]
        else:  # a narrow slice around 0: from a uniform one, kept with probability exp(-z^2 / 2)
            z = random.uniform(low, high, 2 * wanted + 8)
            z = z[random.random(len(z)) <= np.exp(-0.5 * z * z)]
        z = z[:wanted]
        values[have : have + len(z)] = z
        have += len(z)
    return values


def orthogonal_(tensor: T, gain: float = 1, generator: AnyGenerator = None) -> T:
    """An orthogonal matrix times ``gain``, uniformly among all (Saxe, McClelland and Ganguli, 2013).

    A tensor of more dimensions is filled as the matrix (first size, all others); the shorter of rows and
    columns are orthonormal.
    """
    array = _floating(tensor, "orthogonal_")
    if array.ndim < 2:
        raise ValueError(f"orthogonal_: needs at least 2 dimensions, got shape {array.shape}")
    if not array.size:
        return tensor
    rows, columns = array.shape[0], array.size // array.shape[0]
    tall = rng.resolve(generator).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(tall)
    q *= np.sign(np.diag(r))  # makes the distribution uniform (Mezzadri, 2006)
    q = q if rows >= columns else q.T
    return _fill(tensor, gain * q.reshape(array.shape), "orthogonal_")


def sparse_(tensor: T, sparsity: float, std: float = 0.01, generator: AnyGenerator = None) -> T:
    """A matrix whose columns each have that share of zeros, rounded up; the rest is normally distributed.

    (Martens, 2010.)
    """
    array = _floating(tensor, "sparse_")
    if array.ndim != 2:
        raise ValueError(f"sparse_: needs a tensor of 2 dimensions, got shape {array.shape}")
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparse_: sparsity must be between 0 and 1, got {sparsity}")
    random = rng.resolve(generator)
    values = rng.normal(array.shape, array.dtype, random) * std
    zeros = math.ceil(sparsity * array.shape[0])
    for column in values.T:
        column[random.permutation(array.shape[0])[:zeros]] = 0
    return _fill(tensor, values, "sparse_")


# ------------------------------------------------------------------------------------------- scaled by the layer's size
_GAINS = {"sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4, "linear": 1.0} | {
    f"conv{t}{d}d": 1.0 for t in ("", "_transpose") for d in (1, 2, 3)
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much a nonlinearity shrinks the standard deviation: what weights are multiplied by to make up for it.

    ``param`` is the slope below 0 of "leaky_relu", 0.01 by default.
    """
    if nonlinearity == "leaky_relu":
        if param is not None and (isinstance(param, bool) or not isinstance(param, (int, float, np.number))):
            raise ValueError(f"calculate_gain: the slope of leaky_relu must be a number, got {param!r}")
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        raise ValueError(
            f"calculate_gain: unknown nonlinearity {nonlinearity!r}; known are leaky_relu, {', '.join(_GAINS)}"
        )
    return _GAINS[nonlinearity]


def _fans(tensor: Tensor, name: str) -> tuple[int, int]:
    """How many inputs an output of this weight has, and how many outputs an input."""
    shape = _floating(tensor, name).shape
    if len(shape) < 2:
        raise ValueError(f"{name}: fan in and fan out need at least 2 dimensions, got shape {shape}")
    pixels = math.prod(shape[2:])
    return shape[1] * pixels, shape[0] * pixels


def xavier_uniform_(tensor: T, gain: float = 1.0, generator: AnyGenerator = None) -> T:
    """Uniform with variance gain^2 * 2 / (fan_in + fan_out) (Glorot and Bengio, 2010)."""
    bound = gain * math.sqrt(6 / sum(_fans(tensor, "xavier_uniform_")))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: T, gain: float = 1.0, generator: AnyGenerator = None) -> T:
    """Normal with variance gain^2 * 2 / (fan_in + fan_out) (Glorot and Bengio, 2010)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans(tensor, "xavier_normal_"))), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str, name: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"{name}: mode must be 'fan_in' or 'fan_out', got {mode!r}")
    fan = _fans(tensor, name)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: AnyGenerator = None
) -> T:
    """Uniform with variance gain^2 / fan (He et al., 2015).

    Args:
        a: the slope below 0 of the leaky_relu that follows.
        mode: "fan_in" keeps the variance on the way forward, "fan_out" on the way back.
        nonlinearity: what follows, see `calculate_gain`.
    """
    if 0 in _checked(tensor, "kaiming_uniform_").shape:
        return tensor
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity, "kaiming_uniform_")
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: AnyGenerator = None
) -> T:
    """Normal with variance gain^2 / fan (He et al., 2015). Arguments as for `kaiming_uniform_`."""
    if 0 in _checked(tensor, "kaiming_normal_").shape:
        return tensor
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity, "kaiming_normal_"), generator)
