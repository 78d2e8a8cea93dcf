"""A compiled plan as a picture: the steps that were recorded, and those that run; forth, and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ...compiler.compiled import CompiledFunction, CompiledModule
from ...compiler.recorded import Recorded
from ...compiler.show import latest
from ...programs.listing import Look, gradient_names
from ...programs.parts import bytes_of, fused_from
from ...programs.program import Step, Value
from .structure import Box, Edge, Group, Picture
from .truncating import truncate

ACROSS = 6  # boxes beside each other, of graphs that stand beside each other


def is_compiled(thing: Any) -> bool:
    """Is it what `tg.compile` gives?"""
    return isinstance(thing, (CompiledModule, CompiledFunction))


def plan_of(compiled: Any) -> Look:
    """The latest plan of what `tg.compile` gave.

    Raises ValueError where there is none.
    """
    look = latest(compiled._plans)
    if look.plan is None:
        raise ValueError(
            f"draw_graph: {look.why}. The operations as they are it draws when it knows what to call it with: "
            "draw_graph(compiled, inputs=x)"
        )
    return look


def picture_of(look: Look, max_nodes: int = 200) -> Picture:
    """The picture of a plan: what was recorded beside what runs; of the same steps, or of too many, what runs alone."""
    plan = look.plan
    assert plan is not None
    recorded = plan.recorded
    before = _Side("as recorded", recorded, recorded.forward, recorded.back)
    after = _Side("as it runs", recorded, plan.forward, plan.back)
    notice = ""
    if (before.forward, before.back) == (after.forward, after.back):
        after.name, sides = "as recorded and run", [after]
    elif before.count + after.count > max_nodes:
        notice = f"The {before.count:,} steps that were recorded are left out; a larger max_nodes= shows them."
        sides = [after]
    else:
        sides = [before, after]
    picture = Picture(title=f"{look.name}, compiled", notice=notice or None)
    for side in sides:
        side.draw(picture)
    picture.stacked = _across(picture) > ACROSS
    return truncate(picture, max_nodes)


class _Side:
    """The steps of one of the two graphs."""

    def __init__(self, name: str, recorded: Recorded, forward: Sequence[Step], back: Sequence[Step]) -> None:
        self.name, self.recorded = name, recorded
        self.forward, self.back = list(forward), list(back)
        self.count = len(self.forward) + len(self.back)
        self._names = gradient_names(recorded)
        self._boxes: dict[Value, Box] = {}

    def draw(self, picture: Picture) -> None:
        """Add its boxes and edges, in a frame of their own."""
        steps = f"{len(self.forward)} steps, {len(self.back)} back"
        group = Group(len(picture.groups), self.name, steps)
        picture.groups.append(group)
        read_later = {v for step in self.back for v in step.values()}
        for value in self.recorded.inputs:
            self._add(picture, Box(0, "input", value.name or "input", group=group.id), [value])
        results = {y for y, _ in self.recorded.cotangents}
        for step in self.forward:
            box = self._step(step, group.id, result=not results.isdisjoint(step.outputs))
            box.saved = any(v in read_later for v in step.outputs)
            self._add(picture, box, step.outputs)
            self._arrows(picture, box, step, back=False)
        self._boxes = {g: self._boxes[y] for y, g in self.recorded.cotangents if y in self._boxes}
        for step in self.back:
            box = self._step(step, group.id, back=True)
            self._add(picture, box, step.outputs)
            self._arrows(picture, box, step, back=True)

    def _step(self, step: Step, group: int, result: bool = False, back: bool = False) -> Box:
        names = fused_from(step)
        box = Box(0, "output" if result else "operation", step.op, group=group, output=result)
        box.fused, box.folded = len(names) > 1, names if len(names) > 1 else []
        value = next((v for v in step.outputs if v.kind != "nothing"), None)
        if value is not None:
            _shape(box, value)
        file, _, rest = step.line.partition(":")
        number, _, code = rest.partition(": ")
        if number.isdigit():
            box.source = {"file": file, "line": int(number), "code": code}
        place = step.module or step.line.partition(": ")[0]
        if back:
            box.backward_of = place or "the call"
        whose = ", ".join(self._names[v] for v in step.outputs if v in self._names)
        said = {"in": "" if back else step.module, "gradient of": whose}
        box.attributes = {word: text for word, text in said.items() if text}
        return box

    def _add(self, picture: Picture, box: Box, values: Sequence[Value]) -> None:
        box.id = box.order = len(picture.boxes)
        if box.kind == "input":
            _shape(box, values[0])
        picture.boxes.append(box)
        picture.forward.append(box.id)
        self._boxes.update(dict.fromkeys(values, box))

    def _arrows(self, picture: Picture, box: Box, step: Step, back: bool) -> None:
        sources = dict.fromkeys(self._boxes[v].id for v in step.values() if v in self._boxes)
        picture.edges += [Edge(source, box.id, slot, back=back) for slot, source in enumerate(sources)]


def _across(picture: Picture) -> int:
    """How many boxes stand beside each other in the wider one of the graphs, those of the way back included."""
    level: dict[int, int] = {}
    for edge in picture.edges:  # in the order of their targets
        level[edge.target] = max(level.get(edge.target, 0), level.get(edge.source, 0) + 1)
    counted = Counter((box.group, bool(box.backward_of), level.get(box.id, 0)) for box in picture.boxes)
    widths: dict[tuple[int | None, bool], int] = {}
    for (group, back, _), count in counted.items():
        widths[group, back] = max(widths.get((group, back), 0), count)
    return max((widths.get((g.id, False), 0) + widths.get((g.id, True), 0) for g in picture.groups), default=0)


def _shape(box: Box, value: Value) -> None:
    shape: Any = value.shape  # a plan is for one batch size
    box.shape, box.dtype, box.bytes = shape, str(value.dtype), bytes_of(value)
