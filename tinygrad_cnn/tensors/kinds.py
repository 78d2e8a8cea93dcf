"""The size and the kind of a tensor, and the way from one kind to another."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd.backward import cast
from ..autograd.graph import Variable, wrap
from ..autograd.inplace import alias
from ..ops import shape as shaping
from ..ops.watched import aside
from .copies import Copies
from .device import device as _device
from .device import no_device
from .facts import Facts
from .layouts import check_format
from .receiving import Receiving
from .size import Size, new_size
from .typed import dtype_named, type_name
from .values import dtype_of

if TYPE_CHECKING:
    from typing_extensions import Self as Tensor


def _bits(a: Any, *, kind: np.dtype[Any]) -> Any:
    return a.view(kind)


class Kinds(Copies, Facts, Receiving):
    """Methods that tell or change what the elements are, not what they are worth."""

    __slots__ = ()

    @property
    def T(self) -> Tensor:
        """The dimensions in reverse order: a view."""
        return shaping.permute(self, tuple(range(self._array.ndim))[::-1])

    @property
    def mT(self) -> Tensor:
        """Each matrix transposed: a view."""
        return shaping.transpose(self, -2, -1)

    def size(self, dim: builtins.int | None = None) -> Any:
        """The shape, a `Size`, or the size of one dimension."""
        if dim is None:
            return new_size(Size, self._array.shape)
        try:
            return self._array.shape[dim]
        except (IndexError, TypeError):
            if not self._array.ndim:
                raise IndexError(f"size(): dim={dim} of a 0-d tensor, which has no dimensions") from None
            return self._array.shape[shaping.normalise_dim(dim, self._array.ndim, "size")]

    def half(self) -> Tensor:
        """In float16."""
        return self.to(np.float16)

    def float(self) -> Tensor:
        """In float32."""
        return self.to(np.float32)

    def double(self) -> Tensor:
        """In float64."""
        return self.to(np.float64)

    def int(self) -> Tensor:
        """In int32; fractions are cut off."""
        return self.to(np.int32)

    def long(self) -> Tensor:
        """In int64; fractions are cut off."""
        return self.to(np.int64)

    def short(self) -> Tensor:
        """In int16; fractions are cut off."""
        return self.to(np.int16)

    def char(self) -> Tensor:
        """In int8; fractions are cut off."""
        return self.to(np.int8)

    def byte(self) -> Tensor:
        """In uint8; fractions are cut off."""
        return self.to(np.uint8)

    def bool(self) -> Tensor:
        """True where an element is not 0."""
        return self.to(np.bool_)

    def type(self, dtype: Any = None, non_blocking: builtins.bool = False) -> Any:  # noqa: ARG002  (one device)
        """In another dtype: a dtype, ``LongTensor`` or its kin, or a name of these such as "torch.LongTensor".

        Without one the name of the type, with PyTorch's prefix, since that is what scripts compare it with.
        """
        return type_name(self) if dtype is None else self.to(dtype_named(dtype))

    def type_as(self, other: Any) -> Tensor:
        """In the dtype of another tensor."""
        return self.to(other.dtype)

    def seen_as(self, dtype: Any) -> Tensor:
        """The same bits read as numbers of another dtype, which is ``x.view(dtype)``: no copy, and no gradient.

        Where its numbers take another number of bytes, there are more or fewer of them in the last dimension.
        """
        kind = dtype_of(dtype, self._array.dtype)
        try:
            seen = wrap(aside(_bits, self, kind=kind), None)
        except ValueError:
            raise ValueError(
                f"view(): shape {self._array.shape} of dtype {self._array.dtype} cannot be read as {kind}: the last "
                "dimension must lie in one piece and hold a whole number of them; contiguous() puts it in one piece"
            ) from None
        alias(seen, self, None)
        return seen

    def cpu(self) -> Tensor:
        """Itself: all tensors are on the CPU."""
        return self.to()

    def cuda(self, device: Any = None, non_blocking: builtins.bool = False) -> Tensor:  # noqa: ARG002
        """An error that says what to write instead: there is no GPU."""
        raise no_device("cuda")

    def to(self, *args: Any, dtype: Any = None, device: Any = None, copy: builtins.bool = False, **rest: Any) -> Tensor:
        """In another dtype, with a gradient; itself where nothing changes.

        Takes a dtype, a device (the CPU), both, or a tensor whose dtype to take.
        """
        check_format(rest.pop("memory_format", None), "to")
        if rest.keys() - {"non_blocking"}:  # which makes no difference here
            raise TypeError(f"to() takes a dtype, a device or a tensor, and no argument {', '.join(rest)}")
        for a in args:
            if isinstance(a, Variable):
                dtype = a._array.dtype
            elif isinstance(a, builtins.bool):  # non_blocking
                continue
            elif isinstance(a, (str, builtins.int, _device)) and not _is_dtype(a):
                device = a
            else:
                dtype = a
        if device is not None:
            _device(device)
        wanted = self._array.dtype if dtype is None else np.dtype(dtype)
        if wanted.kind not in "fiub":
            raise TypeError(f"a Tensor holds real numbers, not dtype {wanted}")
        if wanted != self._array.dtype:
            return cast(self, dtype=wanted)
        return shaping.clone(self) if copy else self


def _is_dtype(name: Any) -> builtins.bool:
    return isinstance(name, str) and name.startswith(("float", "int", "uint", "bool"))
