"""From tensors, or a model and what it is called with, to a `Picture`: one box per operation, leaf and constant."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpy import ndarray

from ...autograd.graph import Node, Variable
from ...nn.module import Module
from ...nn.parameter import Parameter
from ...profiler.events import NodeCost
from ...profiler.recorder import Recorder
from ...tensors import Tensor
from ..watching import Watch
from . import infix, sources, wording
from .calling import Failure, Given, call, no_graph, tensors_in
from .failing import FailedCall, failed_call
from .gradients import Gradients, gradients_of
from .grouping import Groups
from .models import Model, Names, given_models, models_in, variables_of
from .plumbing import without_plumbing
from .rules import mathematics
from .structure import SMALL, Box, Cost, Edge, Picture, Summary, summarize
from .tape import Key, Tape, nodes_behind
from .timing import RUNS, measured

WHOLE = 3000  # operations of a graph that is recorded as a whole; of a larger one only ``max_nodes``
PLAY = 60  # operations of a graph that counts as small
Costs = Callable[[Node], NodeCost | Cost | None]
LIGHT = 300, 1 << 20  # operations and elements of a graph whose gradients are computed unasked
SUMMED = 1 << 26  # elements that are summed up unasked


def record(
    output: Tensor | Module | Callable[..., Any] | Sequence[Tensor] | Mapping[str, Tensor],
    inputs: Any = None,
    model: Model | None = None,
    names: Mapping[str, Tensor] | None = None,
    show_values: bool | str = "auto",
    gradients: bool | str = "auto",
    profile: Recorder | None = None,
    max_nodes: int = 200,
    color_by: str | None = None,
    plumbing: bool = False,
) -> Picture:
    """The picture of a graph, as a whole up to 3,000 operations. See `draw_graph`, which says what is what."""
    watch: Watch | None = None
    variables: dict[str, Module] = {}
    costs: Costs = profile.of if profile is not None else lambda _node: None
    how = "from the profile" if profile is not None else ""
    if callable(output) and not isinstance(output, Tensor):
        costs, how = lambda _node: None, ""  # a profile is of another call
        variables = variables_of(output)
        if color_by is not None:
            output, given, watch, found, how = measured(output, inputs, RUNS if color_by == "time" else 1)
            costs = found.get
        else:
            output, given, watch = call(output, inputs)
        outputs = tensors_in(output, called=True)
    else:
        given = Given.named(inputs)
        outputs = tensors_in(output)
    given.name_outputs(output)
    given.name(names)
    nodes = nodes_behind(outputs)
    if not nodes:
        raise ValueError(no_graph(watch is not None))
    roots = profile.watched_models() if profile is not None else ()
    recording = _Recording(nodes, outputs, given, given_models(model), watch, costs, roots, variables)
    picture = recording.picture(show_values, gradients, max_nodes)
    picture.measured = how if color_by != "memory" else ""
    return picture if plumbing else without_plumbing(picture, recording.groups.layers())


def record_failure(
    failure: Failure,
    model: Model | None = None,
    names: Mapping[str, Tensor] | None = None,
    show_values: bool | str = "auto",
    max_nodes: int = 200,
    plumbing: bool = False,
    function: Any = None,
) -> Picture:
    """The picture of a forward pass of a function that raised: all that ran, and the call that failed."""
    failure.given.name(names)
    failed, watch = failed_call(failure), failure.watch
    inputs = [x for _, x in failed.inputs]
    nodes = sorted({*watch.seen, *nodes_behind(inputs)}, key=lambda node: node.order)
    known = variables_of(function)
    recording = _Recording(nodes, inputs, failure.given, given_models(model), watch, lambda _node: None, (), known)
    recording.failed = failed
    picture = recording.picture(show_values, False, max_nodes)
    picture.backward = []
    return picture if plumbing else without_plumbing(picture, recording.groups.layers())


class _Recording:
    """One picture in the making."""

    def __init__(
        self,
        nodes: list[Node],
        outputs: list[Tensor],
        given: Given,
        models: dict[str, Module],
        watch: Watch | None,
        costs: Costs,
        known: Sequence[Module] = (),  # models, called or not
        variables: Mapping[str, Module] | None = None,  # of the function that was called
    ) -> None:
        self.nodes, self.outputs, self.given = nodes, outputs, given
        self.watch, self.costs = watch, costs
        self.notices: list[str] = []
        self.boxes: dict[Key, Box] = {}
        self.failed: FailedCall | None = None
        noted = [n.module for n in nodes if n.module is not None]
        found = models_in(models, noted, None if watch is None else watch.models, known, variables or {})
        self.models = Names(found)
        self.names = self.models.of_tensors()
        titled = models or (found if watch is not None else {})
        types = [type(m).__name__ for name, m in titled.items() if not name or len(titled) > 1]
        self.title = ", ".join(f"{n} {t}" if n > 1 else t for t, n in Counter(types).items())

    def picture(self, show_values: bool | str, gradients: bool | str, max_nodes: int) -> Picture:
        shown, hidden = self.nodes, 0
        if len(self.nodes) > max(WHOLE, max_nodes):
            head = max_nodes // 2
            shown = self.nodes[:head] + self.nodes[len(self.nodes) - (max_nodes - head) :]
            hidden = len(self.nodes) - len(shown)
            self.notices.append(
                f"{hidden:,} of {len(self.nodes):,} operations are left out; the first {head:,} and the last "
                f"{max_nodes - head:,} are shown. max_nodes= shows more"
            )
        self.tape = tape = Tape(shown, self.outputs, self.watch.seen if self.watch else {}, self.given.name_of)
        freed = sum(node.saved is None for node in shown)
        if freed:
            self.notices.append(
                f"backward() has freed what {freed:,} operations had kept: their shapes are shown as far as they are "
                "known. Draw before backward(), or call backward(retain_graph=True)"
            )
        sizes = [math.prod(a.shape) for a in tape.arrays.values()]
        small = len(shown) <= PLAY and max(sizes) <= SMALL
        light = len(shown) <= LIGHT[0] and sum(sizes) <= LIGHT[1]
        whole = not hidden and not freed
        found = self._gradients(gradients, light and whole and show_values is not False, small, hidden)
        self.groups = groups = Groups(tape, self.models, self.watch)
        edges = self._boxes_and_edges(groups, hidden)
        if show_values is not False:
            self._values(show_values is True, len(shown))
        if found is not None:
            self._attach(found, edges)
        notice = " ".join(f"{text[0].upper()}{text[1:]}." for text in self.notices) or None
        boxes = list(self.boxes.values())
        forward = [box.id for box in boxes]
        return Picture(self.title, "TB", boxes, edges, groups.used(boxes), forward, self._backward(), notice)

    # ---------------------------------------------------------------------------------------------------- structure
    def _boxes_and_edges(self, groups: Groups, hidden: int) -> list[Edge]:
        edges: list[Edge] = []
        out = {t._node for t in self.outputs if t._node is not None and self.failed is None}
        last = None
        for node in self.tape.nodes:
            if hidden and last is not None and self.nodes[len(self.tape.nodes) // 2 - 1] is last:
                self._add(("hidden", 0, 0), Box(0, "hidden", f"{hidden:,} more operations", hidden=hidden))
            last = node
            slots = self.tape.slots[node]
            for key in slots:
                if key is not None and not isinstance(key, Node) and key not in self.boxes:
                    self._add(key, self._leaf(key, groups))
            box = self._operation(node, "output" if node in out else "operation", groups)
            self._add(node, box)
            for i, key in enumerate(slots):
                if isinstance(key, Node) and key not in self.boxes:
                    key = ("hidden", 0, 0)
                if key is not None:
                    edges.append(Edge(self.boxes[key].id, box.id, i))
        if hidden:
            edges += self._into_hidden()
        if self.failed is not None:
            edges += self._failure(self.failed, groups)
        self._part_from_names()
        return edges

    def _failure(self, failed: FailedCall, groups: Groups) -> list[Edge]:
        """The call that failed, and what it was called with."""
        names = [name.replace("self", "1st").replace("other", "2nd") for name, _ in failed.inputs]
        keys: list[Key] = []
        for _, x in failed.inputs:
            key = x._node or (x if x._wants_grad else ("array", id(x._array), 0))
            if key not in self.boxes:
                self.tape.add_leaf(key, x._array)
                self._add(key, self._leaf(key, groups))
                if self.boxes[key].kind != "input":
                    self.boxes[key].group = failed.call
            keys.append(key)
        box = Box(0, "failed", failed.label, None, failed.call, inputs=names, parts=names, source=failed.source)
        box.problem, box.remedy = failed.problem, failed.remedy
        self._add(("failed", 0, 0), box)
        return [Edge(self.boxes[key].id, box.id, slot) for slot, key in enumerate(keys)]

    def _part_from_names(self) -> None:
        """What has no name is never called what something else is named."""
        names = {box.name for box in self.boxes.values() if box.name}
        for box in self.boxes.values():
            if not box.name and (box.text or box.label) in names:
                if box.kind in ("operation", "output"):
                    box.text = f"{box.label}({', '.join([infix.HOLE] * len(box.inputs))})"
                else:
                    box.label = f"{box.label} without a name"

    def _into_hidden(self) -> list[Edge]:
        """From boxes to what is not shown, each once."""
        shown, place = set(self.tape.nodes), self.boxes["hidden", 0, 0].id
        found: dict[int, Edge] = {}
        for node in self.nodes:
            if node not in shown:
                for parent in node.parents:
                    if parent in self.boxes:
                        source = self.boxes[parent].id
                        found.setdefault(source, Edge(source, place, len(found)))
        return list(found.values())

    def _add(self, key: Key, box: Box) -> None:
        box.id = box.order = len(self.boxes)
        self.boxes[key] = box

    def _operation(self, node: Node, kind: str, groups: Groups) -> Box:
        names, rules = sources.inputs_and_rules(node.op, len(node.parents))
        box = Box(0, kind, node.op.name, self.given.name_of(node), groups.of(node), inputs=names)
        box.rules = mathematics(node.op.name, names, rules, node.attributes)
        box.code = [] if box.rules == rules else rules
        box.text = infix.text_of(node, self.tape.slots[node], given := self.tape.given(node))
        box.parts = infix.parts_of(node.op, names)
        box.backward_of = node.within[0].name if type(node.within) is tuple else ""
        self._shape(box, self.tape.arrays.get(node))
        box.output = kind == "output"
        box.formula, box.doc = wording.formula_of(node.op), wording.doc_of(node.op)
        box.attributes = {} if infix.is_slope(node, given) else wording.attributes_of(node)  # its text has them
        if node.saved is not None and box.shape is not None:
            box.shape_rule = wording.shape_rule_of(node.op, node.saved[1:], box.shape)
        box.saved = self.tape.kept(node)
        box.source = groups.source(node)
        box.cost = self._cost(node)
        return box

    def _leaf(self, key: Key, groups: Groups) -> Box:
        array = self.tape.arrays.get(key)
        tensor = key if isinstance(key, Variable) else None
        thing: Any = array if tensor is None else tensor
        name = self.given.name_of(thing)
        qualified = self.names.get(id(tensor)) or self.names.get(id(array))
        if self.given.is_input(thing):
            kind = "input"
        elif isinstance(tensor, Parameter) or (qualified and qualified[1]):
            kind = "parameter"
        else:
            kind = "leaf" if tensor is not None else "constant"
        name = name or (qualified[0] if qualified else None)
        label = name or (infix.constant_of(array) if kind == "constant" else kind)
        box = Box(0, kind, label, name, None if kind == "input" else groups.of(key))
        self._shape(box, array)
        box.saved = self.tape.kept(key)
        if kind == "parameter" and box.shape is not None:
            box.parameters = math.prod(box.shape)
        return box

    @staticmethod
    def _shape(box: Box, array: Any) -> None:
        if array is not None:
            box.shape, box.dtype = tuple(array.shape), str(array.dtype)
            box.bytes = math.prod(array.shape) * array.dtype.itemsize

    def _cost(self, node: Node) -> Cost | None:
        cost = self.costs(node)
        if isinstance(cost, NodeCost):
            return Cost(cost.forward, cost.backward, cost.bytes, cost.backward_bytes, cost.flops)
        return cost

    # -------------------------------------------------------------------------------------------- values, gradients
    def _values(self, asked: bool, count: int) -> None:
        if count <= WHOLE:
            self.tape.fill_in()
        room = SUMMED if not asked else None
        stale = left_out = 0
        for key, box in self.boxes.items():
            array = self.tape.arrays.get(key)
            if not isinstance(array, ndarray):
                continue
            if room is not None:
                room -= array.size
                if room < 0:
                    left_out += 1
                    continue
            if self.tape.stale(key):
                stale += 1
                if box.kind != "parameter":
                    continue
            box.value = summarize(array)
        if stale:
            self.notices.append(f"{stale:,} arrays were changed in place since: they are not what went into the graph")
        if left_out:
            self.notices.append(f"the values of {left_out:,} large arrays are not summed up; show_values=True does it")

    def _gradients(self, asked: bool | str, light: bool, small: bool, hidden: int) -> Gradients | None:
        if hidden and asked is True:
            raise ValueError(
                f"draw_graph: gradients are shown of graphs up to {WHOLE:,} operations, this one has "
                f"{len(self.nodes):,}; draw a part of it, or raise max_nodes"
            )
        if asked is not True and not (asked == "auto" and light):
            return None
        roots = [t for t in self.outputs if t._node is not None and t.dtype.kind == "f"]
        try:
            found = gradients_of(roots)
        except RuntimeError as error:
            if asked is True:
                raise
            self.notices.append(f"no gradients: {error}")
            return None
        if (small or asked is True) and (any(t._array.size > 1 for t in roots) or len(roots) > 1):
            self.notices.append("gradients are those of the sum of the output")
        return found

    def _attach(self, found: Gradients, edges: list[Edge]) -> None:
        for key, summary in found.of.items():
            if key in self.boxes:
                self.boxes[key].gradient = summary
        along: dict[tuple[int, int], Summary] = {
            (self.boxes[node].id, slot): summary for (node, slot), summary in found.along.items()
        }
        for edge in edges:
            edge.gradient = along.get((edge.target, edge.slot))

    def _backward(self) -> list[int]:
        """Nodes from the latest to the earliest, each leaf once its last consumer has had its turn."""
        ids: list[int] = []
        for node in reversed(self.tape.nodes):
            ids.append(self.boxes[node].id)
            for key in self.tape.slots[node]:
                if isinstance(key, Variable) and self.tape.consumers[key][0][0] is node:
                    ids.append(self.boxes[key].id)
        return list(dict.fromkeys(ids))
