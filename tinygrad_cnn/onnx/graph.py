"""An ONNX graph while it is being written: names, nodes, and what is known beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy import ndarray

from ..programs import Extent, Program, Step, Value
from ..programs.program import Shape, Size
from .needed import the_package

Translation: TypeAlias = Callable[..., Any]  # translation(graph, step, *names of inputs): name or names of outputs
FAR = 2**63 - 1  # the end of a slice that has none


class Untranslatable(Exception):
    """A step that ONNX has no operators for; the message says why, where that is not plain."""


class Made(NamedTuple):
    """A node: its operator, inputs, outputs, attributes, name, and the user's line."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    name: str  # below that of its module; not yet told apart from others
    line: str


class Graph:
    """Nodes for the steps of a program.

    Arrays go by name, as in ONNX: of a Value, see `name`; what is no Value gets one from `constant` or `node`.
    """

    def __init__(self, program: Program, opset: int) -> None:
        self.program, self.opset = program, opset
        self.nodes: list[Made] = []
        self.initializers: dict[str, ndarray] = {}
        self._by: dict[str, Made] = {}  # which node made a name
        self._names: dict[Value, str] = {}
        self._taken: set[str] = set()
        self._constants: dict[Any, str] = {}
        self._step: Step | None = None
        self._sizes: dict[Size, str] = {}

    # ------------------------------------------------------------------------------------------------------- names
    def claim(self, wanted: str) -> str:
        """This name, or the next free one like it."""
        name, number = wanted, 1
        while name in self._taken:
            name, number = f"{wanted}_{number}", number + 1
        self._taken.add(name)
        return name

    def call(self, value: Value, name: str) -> None:
        """From now on this is the name of a Value."""
        self._names[value] = name

    def name(self, value: Value) -> str:
        """The name of a Value; what is known beforehand becomes an initializer when it is first asked for."""
        if value not in self._names:
            assert value.array is not None
            self._names[value] = self._initializer(value.name or self._within("constant"), value.array)
        return self._names[value]

    def _within(self, name: str) -> str:
        """A name below that of the module that runs: "features.0/Conv"."""
        return f"{self._step.module}/{name}" if self._step is not None and self._step.module else name

    # --------------------------------------------------------------------------------------------- what is there
    def _initializer(self, wanted: str, a: ndarray) -> str:
        name = self.claim(wanted)
        self.initializers[name] = a
        return name

    def constant(self, a: Any, dtype: Any = None) -> str:
        """An array or a number that is there beforehand; equal ones are one."""
        a = np.asarray(a, dtype)
        key = a.dtype.str, a.shape, a.tobytes()
        if key not in self._constants:
            self._constants[key] = self._initializer("constant", a)
        return self._constants[key]

    def array(self, name: str) -> ndarray | None:
        """The numbers under a name, if they are there beforehand."""
        return self.initializers.get(name)

    def ints(self, numbers: Iterable[Size]) -> str:
        """A vector of int64, some of which may depend on the batch."""
        numbers = list(numbers)
        if all(isinstance(n, (int, np.integer)) for n in numbers):
            return self.constant(np.array(numbers, np.int64))
        parts: list[str] = []
        plain: list[int] = []
        for n in [*numbers, None]:
            if isinstance(n, int):
                plain.append(n)
                continue
            if plain:
                parts.append(self.ints(plain))
                plain = []
            if isinstance(n, Extent):
                parts.append(self._extent(n))
        return parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=0)

    def _extent(self, n: Extent) -> str:
        """A number that depends on the batch, as a vector of one."""
        if n not in self._sizes:
            if n == Extent(1):
                value, dim = next((v, d) for v in self.program.inputs for d, m in enumerate(v.shape) if m == n)
                found = self.node("Shape", self.name(value), start=dim, end=dim + 1)
            else:
                found = self._extent(Extent(1))
                found = found if n.times == 1 else self.node("Mul", found, self.ints([n.times]))
                found = found if not n.plus else self.node("Add", found, self.ints([n.plus]))
            self._sizes[n] = found
        return self._sizes[n]

    # ------------------------------------------------------------------------------------------------------- nodes
    def node(self, op: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """A node with this operator; the name of its output, or the names of several."""
        while inputs and inputs[-1] == "":
            inputs = inputs[:-1]
        wanted = self._within(op)
        name = self.claim(wanted)
        names = (name, *(self.claim(f"{name}_{k}") for k in range(1, outputs)))
        line = self._step.line if self._step is not None else ""
        made = Made(op, inputs, names, {k: v for k, v in attributes.items() if v is not None}, wanted, line)
        self.nodes.append(made)
        self._by.update(dict.fromkeys(names, made))
        return name if outputs == 1 else names

    def made_by(self, name: str, op: str) -> Made | None:
        """The node that made a name, if it has this operator."""
        made = self._by.get(name)
        return made if made is not None and made.op == op else None

    def translate(self, step: Step, translation: Translation) -> None:
        """Write the nodes of a step, and remember what its results are called."""
        self._step = step
        made = translation(self, step, *(self._term(step, x) for x in step.inputs))
        for value, name in zip(step.outputs, made if isinstance(made, tuple) else (made,), strict=True):
            self.call(value, name)
        self._step = None

    def _term(self, step: Step, x: Any) -> str:
        """The name of an input: numbers have the dtype of the array beside them."""
        if x is None:
            return ""
        if isinstance(x, Value):
            return self.name(x)
        if isinstance(x, Extent):
            return self.cast(self.squeeze(self.ints([x]), [0]), self.beside(step))
        return self.constant(x, self.beside(step))

    @staticmethod
    def beside(step: Step) -> np.dtype[Any]:
        """The dtype of the numbers among a step's inputs: that of the array beside them."""
        beside = [v.dtype for v in step.inputs if isinstance(v, Value) and v.dtype != np.bool_]
        return beside[0] if beside else step.output.dtype

    # -------------------------------------------------------------------------------------- what many steps are made of
    def reshape(self, x: str, shape: Shape, old: Shape | None = None) -> str:
        """x in another shape; two reshapes in a row are one, and one to the shape that was there is none."""
        made = self.made_by(x, "Reshape")
        if made is not None:
            x, old = made.inputs[0], None
            source = self.array(x)
            old = source.shape if source is not None else None
        if old == shape:
            return x
        free = [n for n in shape if isinstance(n, Extent)]
        if len(free) == 1 and 0 not in shape:  # -1: as many as are left
            shape = tuple(-1 if isinstance(n, Extent) else n for n in shape)
        return self.node("Reshape", x, self.ints(shape), allowzero=1 if 0 in shape else None)

    def unsqueeze(self, x: str, axes: Sequence[int]) -> str:
        """x with new dimensions of size 1."""
        return self.node("Unsqueeze", x, self.ints(axes)) if axes else x

    def squeeze(self, x: str, axes: Sequence[int]) -> str:
        """x without these dimensions of size 1; the same ones that were just made are taken back."""
        made = self.made_by(x, "Unsqueeze")
        if made is not None and self.axes_of(made) == tuple(axes):
            return made.inputs[0]
        return self.node("Squeeze", x, self.ints(axes)) if axes else x

    def axes_of(self, made: Made) -> tuple[int, ...]:
        """The axes of an Unsqueeze."""
        return tuple(int(n) for n in self.initializers[made.inputs[1]])

    def signal(self, x: str) -> str | None:
        """The signal (N, C, L) that was made an image (N, C, 1, L) of one row; None of what was an image before."""
        made = self.made_by(x, "Unsqueeze")
        return made.inputs[0] if made is not None and self.axes_of(made) == (2,) else None

    def cast(self, x: str, dtype: Any) -> str:
        """x in another dtype."""
        return self.node("Cast", x, to=type_of(np.dtype(dtype)))

    def reduce(self, op: str, x: str, axes: Sequence[int] | None, keepdims: bool) -> str:
        """A reduction over axes, or over all; where the axes stand depends on the opset."""
        keep = int(keepdims)
        if axes is None or op == "ReduceSum" or self.opset >= 18:
            return self.node(op, x, "" if axes is None else self.ints(axes), keepdims=keep)
        return self.node(op, x, axes=list(axes), keepdims=keep)

    # ----------------------------------------------------------------------------------------------------- the model
    def finish(self, outputs: Sequence[tuple[Value, str]]) -> list[Made]:
        """The nodes that are read, numbered anew where they bear one name; the outputs under the names wanted."""
        renamed: dict[str, str] = {}
        for value, wanted in outputs:
            name = self.name(value)
            if name in renamed or name not in self._by:  # returned twice, or an input, or known beforehand
                made = Made("Identity", (name,), (wanted,), {}, f"{wanted}/Identity", "")
                self.nodes.append(made)
                self._by[wanted] = made
            else:
                renamed[name] = wanted
        read, kept = {*renamed, *(wanted for _, wanted in outputs)}, []
        for made in reversed(self.nodes):
            if read & set(made.outputs):
                kept.append(made)
                read.update(made.inputs)
        self.initializers = {name: a for name, a in self.initializers.items() if name in read}
        numbered = [name for name in self.initializers if name in set(self._constants.values())]
        self._taken = {*self.initializers, *(wanted for _, wanted in outputs), *map(self.name, self.program.inputs)}
        self._taken -= set(numbered)
        renamed.update((name, self.claim("constant")) for name in numbered)
        self.initializers = {renamed.get(name, name): a for name, a in self.initializers.items()}
        nodes = []
        for made in reversed(kept):
            name = self.claim(made.name)
            for k, output in enumerate(made.outputs):
                if output not in renamed:
                    final = any(output == chosen for _, chosen in outputs)
                    renamed[output] = output if final else self.claim(f"{name}_{k}") if k else name
            inputs, results = (tuple(renamed.get(x, x) for x in names) for names in (made.inputs, made.outputs))
            nodes.append(made._replace(inputs=inputs, outputs=results, name=name))
        return nodes


def type_of(dtype: np.dtype[Any]) -> int:
    """ONNX's number of a dtype."""
    return int(the_package().helper.np_dtype_to_tensor_dtype(dtype))
