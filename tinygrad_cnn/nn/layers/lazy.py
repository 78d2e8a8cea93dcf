"""Modules that learn the shapes of their parameters from the first input."""

from __future__ import annotations

from typing import Any, ClassVar

from ...autograd.modes import here
from ..module import Module, say_where
from ..parameter import is_lazy


class LazyModuleMixin(Module):
    """Put before another module class, makes it one whose parameters get their shapes in the first call.

    A subclass makes some of its parameters and buffers as `UninitializedParameter` and `UninitializedBuffer`, and
    defines ``initialize_parameters``, which is called with the arguments of the first forward and has to `materialize`
    all of them. Then the module is of class ``cls_to_become``, if that is given: nothing reminds of how it began.

    >>> from tinygrad_cnn import nn, zeros
    >>> layer = nn.LazyLinear(2)
    >>> layer(zeros(5, 3)).shape, layer
    ((5, 2), Linear(in_features=3, out_features=2, bias=True))
    """

    cls_to_become: ClassVar[type[Module] | None] = None

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give each uninitialised parameter and buffer its shape, from the arguments of forward."""
        raise NotImplementedError(f"{type(self).__name__} does not define initialize_parameters()")

    def has_uninitialized_params(self) -> bool:
        """Has any of its own parameters or buffers no shape yet?"""
        own = (*self.named_parameters(recurse=False), *self.named_buffers(recurse=False))
        return any(is_lazy(t) for _, t in own)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        before = type(self)
        try:
            self._infer(args, kwargs)
        except (IndexError, RuntimeError, TypeError, ValueError) as error:
            say_where(error, self, outermost=here.mode.module is None)
            raise
        return super().__call__(*args, **kwargs) if type(self) is before else self(*args, **kwargs)

    def _infer(self, args: Any, kwargs: Any) -> None:
        self.initialize_parameters(*args, **kwargs)
        if self.has_uninitialized_params():
            raise RuntimeError(
                f"{type(self).__name__}: initialize_parameters() left some parameters or buffers without a shape"
            )
        if self.cls_to_become is not None:
            self.__class__ = self.cls_to_become  # type: ignore[assignment]
