"""What a tensor tells about its memory and its dtype."""

from __future__ import annotations

from typing import Any

from ..arrays.writes import owner_of
from ..autograd.graph import Variable
from .layouts import layout as Layout
from .layouts import strided


class Facts(Variable):
    """Questions to a tensor that read none of its numbers."""

    __slots__ = ()
    is_cuda = is_sparse = is_quantized = is_meta = is_mps = is_xpu = is_mkldnn = False
    is_cpu = True

    @property
    def itemsize(self) -> int:
        """The bytes that one element takes."""
        return self._array.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes that all elements take."""
        return self._array.nbytes

    @property
    def layout(self) -> Layout:
        """The only one there is, `strided`."""
        return strided

    def element_size(self) -> int:
        """The bytes that one element takes, as `itemsize`."""
        return self._array.itemsize

    def dim(self) -> int:
        """The number of dimensions."""
        return self._array.ndim

    def ndimension(self) -> int:
        """The number of dimensions, as `dim`."""
        return self._array.ndim

    def numel(self) -> int:
        """The number of elements."""
        return self._array.size

    def nelement(self) -> int:
        """The number of elements, as `numel`."""
        return self._array.size

    def is_floating_point(self) -> bool:
        """Is the dtype float16, float32 or float64?"""
        return self._array.dtype.kind == "f"

    def is_complex(self) -> bool:
        """False: there are no complex tensors."""
        return False

    def is_signed(self) -> bool:
        """Does the dtype hold negative numbers?"""
        return self._array.dtype.kind in "fi"

    def is_same_size(self, other: Any) -> bool:
        """Have the two the same shape?"""
        return bool(self._array.shape == other._array.shape)

    def is_contiguous(self, memory_format: Any = None) -> bool:  # noqa: ARG002  (a hint)
        """Do the elements lie in memory in the order of their indices?"""
        return self._array.flags.c_contiguous

    def is_pinned(self) -> bool:
        """False: there is no device to pin memory for."""
        return False

    def stride(self, dim: int | None = None) -> Any:
        """How many elements of memory lie between neighbours, along each dimension or along one."""
        steps = tuple(step // self._array.itemsize for step in self._array.strides)
        if dim is None:
            return steps
        if not -len(steps) <= dim < len(steps):
            raise IndexError(f"stride(): dim={dim} is out of range for {len(steps)} dimensions")
        return steps[dim]

    def storage_offset(self) -> int:
        """How many elements of the memory that it is a view of lie before its first one."""
        start = owner_of(self._array).__array_interface__["data"][0]
        return int(self.data_ptr() - start) // self._array.itemsize

    def data_ptr(self) -> int:
        """The address of the first element in memory."""
        return int(self._array.__array_interface__["data"][0])

    def get_device(self) -> int:
        """-1, which is the CPU's number."""
        return -1
