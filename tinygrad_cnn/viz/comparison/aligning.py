"""The modules of two nets, those that belong together in one row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ...nn.layer_table import ModelSummary
from ...nn.module import Module

ADDED, REMOVED, CHANGED, SAME = "+", "\N{MINUS SIGN}", "~", ""


@dataclass
class Part:
    """A module that is called, with those called within it."""

    name: str  # within the call around it
    module: Module
    type: str
    settings: str
    shape: Any  # of the output; None where it was not called
    parameters: int  # of itself, each counted at its first appearance
    mult_adds: int  # of itself, over all calls
    children: list[Part] = field(default_factory=list)
    calls: int = 1  # from within the same module: 20 for a layer that runs over 20 steps

    @property
    def total_parameters(self) -> int:
        """With all that is below."""
        return self.parameters + sum(child.total_parameters for child in self.children)

    @property
    def total_mult_adds(self) -> int:
        """With all that is below."""
        return self.mult_adds + sum(child.total_mult_adds for child in self.children)


class Pair(NamedTuple):
    """A row of the comparison: a part of each net, or of one of them alone."""

    level: int
    sign: str
    a: Part | None
    b: Part | None


def parts_of(model: Module, table: ModelSummary) -> Part:
    """The calls of a summary as a tree, those of one module from within another as one."""
    modules = dict(model.named_modules())
    open_: list[tuple[str, Part]] = []
    root: Part | None = None
    for row in table.calls:
        del open_[row.level :]
        module = modules[row.name]
        name = row.name.removeprefix(f"{open_[-1][0]}.") if open_ and open_[-1][0] else row.name
        around = open_[-1][1] if open_ else None
        part = next((child for child in around.children if child.module is module), None) if around else None
        if part is None:
            part = Part(
                name, module, row.type, " ".join(module.extra_repr().split()), row.output_shape,
                row.trainable + row.frozen, row.mult_adds,
            )  # fmt: skip
            if around:
                around.children.append(part)
        else:
            part.calls, part.mult_adds = part.calls + 1, part.mult_adds + row.mult_adds
        root = root or part
        open_.append((row.name, part))
    assert root is not None  # the model itself is always called
    return root


def aligned(a: Part, b: Part, level: int = 0) -> list[Pair]:
    """The rows of two trees, from the outermost on."""
    below = [row for x, y in _matched(a.children, b.children) for row in _rows(x, y, level + 1)]
    changed = _own(a) != _own(b) or any(row.sign for row in below)
    return [Pair(level, CHANGED if changed else SAME, a, b), *below]


def _own(part: Part) -> tuple[Any, ...]:
    """What a part is without what is within it."""
    return part.type, part.settings, part.shape, part.parameters, part.mult_adds, part.calls


def _rows(a: Part | None, b: Part | None, level: int) -> Iterator[Pair]:
    if a is not None and b is not None:
        yield from aligned(a, b, level)
        return
    for sign, part in ((REMOVED, a), (ADDED, b)):
        if part is not None:
            yield Pair(level, sign, None if sign == ADDED else part, None if sign == REMOVED else part)
            for child in part.children:
                yield from _rows(None if sign == ADDED else child, None if sign == REMOVED else child, level + 1)


def _matched(a: Sequence[Part], b: Sequence[Part]) -> list[tuple[Part | None, Part | None]]:
    """Both lists in their order, most alike beside each other (Needleman and Wunsch, 1970)."""
    best = np.zeros((len(a) + 1, len(b) + 1), int)
    for i in range(len(a) - 1, -1, -1):
        for j in range(len(b) - 1, -1, -1):
            like = _alike(a[i], b[j])
            best[i, j] = max(best[i + 1, j], best[i, j + 1], best[i + 1, j + 1] + like if like else 0)
    found: list[tuple[Part | None, Part | None]] = []
    i = j = 0
    while i < len(a) and j < len(b):
        like = _alike(a[i], b[j])
        if like and best[i, j] == best[i + 1, j + 1] + like:
            found.append((a[i], b[j]))
            i, j = i + 1, j + 1
        elif best[i, j] == best[i + 1, j]:
            found.append((a[i], None))
            i += 1
        else:
            found.append((None, b[j]))
            j += 1
    return [*found, *((x, None) for x in a[i:]), *((None, y) for y in b[j:])]


def _alike(a: Part, b: Part) -> int:
    """How much speaks for two parts being the same one; 0 if they are not to stand in one row."""
    named = a.name == b.name and not a.name.rpartition(".")[2].isdigit()  # a number is a place, no name
    if a.type != b.type:
        return 3 if named else 0
    same = 2 * (a.settings == b.settings) + (a.total_parameters == b.total_parameters)
    same += len(a.children) == len(b.children)
    return 3 + same + 2 * named + (a.name == b.name)


def weights_apart(a: Module, b: Module) -> float | None:
    """|weights of b - weights of a| / |weights of a|, over what the modules own themselves; None if they differ in
    shape, or own nothing."""
    own = [dict(module.named_parameters(recurse=False)) for module in (a, b)]
    shapes = [{name: p._array.shape for name, p in parameters.items()} for parameters in own]
    if shapes[0] != shapes[1] or not shapes[0]:
        return None
    before = np.concatenate([p._array.ravel().astype(np.float64) for p in own[0].values()])
    after = np.concatenate([own[1][name]._array.ravel().astype(np.float64) for name in own[0]])
    length = float(np.linalg.norm(before))
    return float(np.linalg.norm(after - before)) / length if length else None
