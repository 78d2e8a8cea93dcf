"""Transforms made of transforms: one after another, some of them, one of them, in any order; and a plain function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import nn
from ...arrays.rng import resolve
from . import chance

Transform = Callable[[Any], Any]


class Compose:
    """One transform after another.

    A `DataLoader` reads a dataset whose transform is exactly ``Compose([ToTensor()])`` or ``Compose([ToTensor(),
    Normalize(...)])`` one batch at a time, where the dataset holds all of its images: the numbers are the same.

    >>> from tinygrad_cnn.vision import transforms
    >>> transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    Compose(
        ToTensor()
        Normalize(mean=(0.1307,), std=(0.3081,))
    )
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = transforms
        _check(transforms, "Compose")

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return _listed(self, self.transforms)


class Lambda:
    """A function of one image as a transform."""

    def __init__(self, lambd: Transform) -> None:
        if not callable(lambd):
            raise TypeError(f"Lambda takes a function, got {lambd!r}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class RandomApply(nn.Module):
    """All of the transforms, one after another, with probability ``p``; else none."""

    def __init__(self, transforms: Sequence[Transform], p: float = 0.5) -> None:
        super().__init__()
        _check(transforms, "RandomApply")
        self.transforms, self.p = transforms, chance.probability(p, "RandomApply")

    def forward(self, img: Any) -> Any:
        """The image, transformed or not."""
        if not chance.happens(self.p):
            return img
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return _listed(self, [f"p={self.p}", *self.transforms])


class RandomTransforms:
    """The base of those that draw from a list of transforms."""

    def __init__(self, transforms: Sequence[Transform]) -> None:
        if not isinstance(transforms, (list, tuple, nn.ModuleList)):
            raise TypeError(f"{type(self).__name__} takes a list of transforms, got {transforms!r}")
        _check(transforms, type(self).__name__)
        self.transforms = transforms

    def __call__(self, *args: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(img)")

    def __repr__(self) -> str:
        return _listed(self, self.transforms)


class RandomOrder(RandomTransforms):
    """All of the transforms, in a random order."""

    def __call__(self, img: Any) -> Any:
        for i in chance.order(len(self.transforms)):
            img = self.transforms[i](img)
        return img


class RandomChoice(RandomTransforms):
    """One of the transforms; ``p`` are their weights, None: all alike."""

    def __init__(self, transforms: Sequence[Transform], p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        if p is not None:
            if not isinstance(p, Sequence):
                raise TypeError(f"RandomChoice: p is a sequence of weights, one for each transform, got {p!r}")
            if len(p) != len(transforms) or not min(p) >= 0 or not sum(p) > 0:
                raise ValueError(
                    f"RandomChoice: p holds a weight >= 0 for each of the {len(transforms)} transforms, got {p!r}"
                )
        if not len(transforms):
            raise ValueError("RandomChoice needs at least one transform, got none")
        self.p = p

    def __call__(self, *args: Any) -> Any:
        n = len(self.transforms)
        weights = None if self.p is None else np.asarray(self.p, np.float64) / sum(self.p)
        return self.transforms[int(resolve(None).choice(n, p=weights))](*args)

    def __repr__(self) -> str:
        return f"{super().__repr__()}(p={self.p})"


def _check(transforms: Any, name: str) -> None:
    try:
        listed = list(transforms)
    except TypeError:
        raise TypeError(f"{name} takes a list of transforms, got {transforms!r}: write {name}([...])") from None
    for i, transform in enumerate(listed):
        if not callable(transform):
            hint = ": write it with parentheses" if isinstance(transform, str) else ""
            raise TypeError(f"{name}: transforms[{i}] must be a function of an image, got {transform!r}{hint}")
        if isinstance(transform, type):
            raise TypeError(
                f"{name}: transforms[{i}] is the class {transform.__name__} itself: write {transform.__name__}(...)"
            )


def _listed(transform: Any, inside: Any) -> str:
    return type(transform).__name__ + "(" + "".join(f"\n    {t}" for t in inside) + "\n)"
