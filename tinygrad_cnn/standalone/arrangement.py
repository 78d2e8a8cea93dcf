"""Operations that move numbers, pick some, or bring many to one."""

from __future__ import annotations

import numpy as np

from ..programs import Extent, Value
from .elementwise import Rule
from .phrases import Call, Phrase, Phrases, array, is_all, nested, number

REDUCTIONS = {  # methods of arrays
    "all": "all", "amax": "max", "amin": "min", "any": "any", "argmax": "argmax", "argmin": "argmin", "mean": "mean",
    "prod": "prod", "sum": "sum",
}  # fmt: skip
PADS = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def axes(p: Phrases, name: str = "dim") -> str:
    """The dimensions of a step, as NumPy's axis; "" for all, and for the one of a single number."""
    dim = p.step.attributes.get(name)
    return "" if dim is None or _single(p) else p.word(dim[0] if isinstance(dim, tuple) and len(dim) == 1 else dim)


def _single(p: Phrases) -> bool:
    """Is the first input a single number, without dimensions?"""
    x = p.step.inputs[0]
    return isinstance(x, Value) and not x.shape


def _along(p: Phrases) -> tuple[str, ...]:
    """The axis and keepdims of a reduction."""
    kept = ("keepdims=True",) if p.step.attributes.get("keepdim") else ()
    return (*filter(None, [axes(p)]), *kept)


def _reduction(method: str) -> Rule:
    return lambda p: Call(f"{p.part(0)}.{method}", _along(p))


def _spread(method: str) -> Rule:
    """The variance, or the standard deviation."""
    return lambda p: Call(f"{p.part(0)}.{method}", (*_along(p), f"ddof={p.word(p.setting('correction'))}"))


def _named(name: str, *settings: str) -> Rule:
    """A function of the inputs and of some settings."""
    return lambda p: Call(name, (*p.all(), *(p.word(p.setting(s)) for s in settings)))


def _reshape(p: Phrases) -> Phrase:
    sizes = list(p.setting("shape"))
    if sum(isinstance(n, Extent) for n in sizes) == 1 and 0 not in sizes:  # the batch is what is left over
        sizes = [-1 if isinstance(n, Extent) else n for n in sizes]
    return Call(f"{p.part(0)}.reshape", tuple(map(p.word, sizes)) or ("()",))


def _permute(p: Phrases) -> Phrase:
    dims = tuple(p.setting("dims"))
    turned = [d for d, to in enumerate(dims) if d != to]
    if len(turned) == 2:
        return f"{p.part(0)}.swapaxes({turned[0]}, {turned[1]})"
    return Call(f"{p.part(0)}.transpose", tuple(map(str, dims)))


def _getitem(p: Phrases) -> Phrase:
    index = p.setting("index")
    text = p.part(0)
    inner = p.index(index.basic)
    if inner not in ("...", ":") or index.picks is None:
        text = f"{text}[{inner}]"
    if index.picks is not None:
        text = f"{text}[{p.index(index.picks)}]"
    return text


def _setitem(p: Phrases) -> Phrase:
    """A view is chosen first, and of that the picks: what is written into those is then written into the view."""
    index, x, value = p.setting("index"), p.given(0), p.given(1)
    whole, (into, new) = index.picks is None and index.basic == (Ellipsis,), p.step.inputs
    if whole and isinstance(new, Value) and (new.shape, new.dtype) == (into.shape, into.dtype):
        return value  # all of it
    view = f"np.s_[{p.index(index.basic)}]"
    if index.picks is None:
        return Call("changed", (x, view, value))
    picks = f"np.s_[{p.index(index.picks)}]"
    if all(entry is Ellipsis or is_all(entry) for entry in index.basic):
        return Call("changed", (x, picks, value))
    return Call("changed", (x, view, f"changed({p.part(0)}[{p.index(index.basic)}], {picks}, {value})"))


def _overwritten(p: Phrases) -> Phrase:
    """What a view is now, put back into what it is a view of."""
    view, x, part = p.setting("view"), p.part(0), p.part(1)
    if view == "getitem" and p.setting("index").picks is None:
        return Call("changed", (p.given(0), f"np.s_[{p.index(p.setting('index').basic)}]", p.given(1)))
    if view == "permute":
        return Call(f"{part}.transpose", tuple(map(str, np.argsort(p.setting("dims")).tolist())))
    if view == "reshape":
        return f"{part}.reshape({x}.shape)"
    raise NotImplementedError


def _repeated(p: Phrases) -> Phrase:
    """Entries over and over, as upsampling does."""
    index, dim = p.setting("index"), p.setting("dim")
    if isinstance(index, Value):
        return Call(f"{p.part(0)}.take", (p.word(index), str(dim)))
    size = p.step.inputs[0].shape[dim]
    if isinstance(size, int) and len(index) % size == 0:
        times = len(index) // size
        if np.array_equal(index, np.repeat(np.arange(size), times)):
            return f"{p.part(0)}.repeat({times}, {dim})"
    return Call(f"{p.part(0)}.take", (nested(index), str(dim)))


def _pad_constant(p: Phrases) -> Phrase:
    widths, value = p.setting("widths"), p.setting("value")
    if not widths:
        return p.given(0)
    given = () if not value else (p.word(value),)
    if all(isinstance(n, int) and n >= 0 for both in widths for n in both):
        return Call("np.pad", (p.given(0), p.word(widths), *(f"constant_values={x}" for x in given)))
    return Call("pad", (p.given(0), p.word(widths), *given))


def _pad_edges(p: Phrases) -> Phrase:
    return Call("np.pad", (p.given(0), p.word(p.setting("widths")), f'"{PADS[p.setting("mode")]}"'))


def _broadcast_to(p: Phrases) -> Phrase:
    """Zeros and the like are made in that shape; others are shown in it."""
    x, shape = p.step.inputs[0], p.word(p.setting("shape"))
    text = array(x.array) if isinstance(x, Value) and x.array is not None else ""
    if text.startswith("np.zeros("):
        return f"np.zeros({shape}, {text.rsplit(', ', 1)[1]}"
    return f"np.broadcast_to({p.given(0)}, {shape})"


def _accumulated(name: str) -> Rule:
    def rule(p: Phrases) -> Phrase:
        x, dim = p.given(0), p.word(p.setting("dim"))
        if _single(p):
            return x
        if p.step.attributes.get("reverse"):
            return f"np.flip({name}(np.flip({x}, {dim}), {dim}), {dim})"
        return Call(name, (x, dim))

    return rule


def _einsum(p: Phrases) -> Phrase:
    terms, out = p.setting("terms"), p.setting("out")
    labels = list(dict.fromkeys(label for term in terms for label in term))
    letter = {label: "abcdefghijklmnopqrstuvwxyz"[k] for k, label in enumerate(labels)}
    left, right = (",".join("".join(letter[x] for x in term) for term in side) for side in (terms, (out,)))
    return Call("np.einsum", (f'"{left}->{right}"', *p.all(), "optimize=True"))


def _slide(p: Phrases) -> Phrase:
    dim, step = p.setting("dim"), p.setting("step")
    seen = f"np.lib.stride_tricks.sliding_window_view({p.given(0)}, {p.word(p.setting('size'))}, {dim})"
    return seen if step == 1 else f"{seen}[{':, ' * dim}::{step}]"


def _diagonal(p: Phrases) -> Phrase:
    """Two operations bear this name; of einsum's the diagonal stays where the first dimension was."""
    a = p.step.attributes
    if "offset" in a:
        return Call("np.diagonal", (p.given(0), *(p.word(a[name]) for name in ("offset", "dim1", "dim2"))))
    first = p.word(a["first"])
    return f"np.moveaxis(np.diagonal({p.given(0)}, 0, {first}, {p.word(a['second'])}), -1, {first})"


def _sum_to(p: Phrases) -> Phrase:
    """What was broadcast, added up again."""
    before, shape = p.step.inputs[0].shape, p.setting("shape")
    lead = len(before) - len(shape)
    axes = (*range(lead), *(d + lead for d, n in enumerate(shape) if n == 1 and before[d + lead] != 1))
    return f"{p.part(0)}.sum({p.word(axes)}, keepdims=True).reshape({p.word(tuple(shape))})"


def _order(p: Phrases, descending: bool) -> Phrase:
    if _single(p):
        return "np.zeros((), np.int64)"
    return Call("order", (p.given(0), axes(p), *(["descending=True"] if descending else [])))


def _best(p: Phrases) -> Phrase:
    found = _order(p, p.setting("largest"))
    return found if _single(p) else Call("np.take", (str(found), f"range({p.word(p.setting('k'))})", axes(p)))


def _take(p: Phrases) -> Phrase:
    if _single(p):
        return p.given(0)
    taken = Call("np.take_along_axis", (*p.all(), axes(p)))
    return taken if p.step.attributes.get("keepdim", True) else f"{taken}.squeeze({axes(p)})"


def _embedding(p: Phrases) -> Phrase:
    if p.setting("blank") and p.setting("padding") is not None:
        return Call("embedding", (p.given(0), p.given(1), p.word(p.setting("padding"))))
    return f"{p.part(0)}[{p.given(1)}]"


def _norm(p: Phrases) -> Phrase:
    return Call("norm", (p.given(0), number(p.setting("p")), axes(p) or "None", *_along(p)[bool(axes(p)) :]))


def _joined(name: str) -> Rule:
    return lambda p: Call(name, (f"[{', '.join(p.all())}]", p.word(p.setting("dim"))))


def _place(p: Phrases) -> Phrase:
    """What was read somewhere, added where it was read."""
    index = p.setting("index")
    at = index.basic if index.picks is None else index.picks
    plain = index.picks is None or index.basic == (Ellipsis,)
    view = () if plain else (f"view=np.s_[{p.index(index.basic)}]",)
    return Call("added", (p.word(tuple(p.setting("shape"))), f"np.s_[{p.index(at)}]", p.given(0), *view))


def _on_diagonal(p: Phrases) -> Phrase:
    if "dim1" not in p.step.attributes:
        raise NotImplementedError
    how = (p.word(p.setting(name)) for name in ("offset", "dim1", "dim2"))
    return Call("on_diagonal", (p.given(0), p.word(tuple(p.setting("shape"))), *how))


RULES: dict[str, Rule] = {
    **{name: _reduction(method) for name, method in REDUCTIONS.items()},
    "var": _spread("var"),
    "std": _spread("std"),
    "norm": _norm,
    "count_nonzero": lambda p: Call("np.count_nonzero", (p.given(0), *_along(p))),
    "reshape": _reshape,
    "permute": _permute,
    "turned": lambda p: f"{p.part(0)}.swapaxes(-1, -2)",
    "clone": lambda p: p.given(0),
    "broadcast_to": _broadcast_to,
    "getitem": _getitem,
    "setitem": _setitem,
    "overwritten": _overwritten,
    "gather": _named("gather", "dim"),
    "take": _take,
    "argsort": lambda p: _order(p, p.setting("descending")),
    "best": _best,
    "sum_to": _sum_to,
    "scatter": _named("scatter", "dim"),
    "collect": _named("scatter_sum", "shape", "dim"),
    "embedding": _embedding,
    "one_hot": lambda p: f"({p.part(0)}[..., None] == np.arange({p.word(p.setting('classes'))})).astype(np.int64)",
    "cat": _joined("np.concatenate"),
    "stack": _joined("np.stack"),
    "flip": _named("np.flip", "dims"),
    "roll": _named("np.roll", "shifts", "dims"),
    "rot90": _named("np.rot90", "k", "dims"),
    "tril": _named("np.tril", "diagonal"),
    "triu": _named("np.triu", "diagonal"),
    "diagonal": _diagonal,
    "on_diagonal": _on_diagonal,
    "place": _place,
    "diagonal_copy": lambda p: Call("np.diagonal", (p.given(0), p.word(p.setting("offset")), "-2", "-1")),
    "repeat_along": _repeated,
    "pad_constant": _pad_constant,
    "pad_edges": _pad_edges,
    "slide": _slide,
    "cumsum": _accumulated("np.cumsum"),
    "cumprod": _accumulated("np.cumprod"),
    "logcumsumexp": _accumulated("np.logaddexp.accumulate"),
    "diff": lambda p: Call("np.diff", (p.given(0), f"axis={p.word(p.setting('dim'))}")),
    "arange": lambda p: Call("np.arange", (p.word(p.setting("stop")),)),
    "einsum": _einsum,
    "cross": lambda p: Call("np.cross", (*p.all(), f"axis={p.word(p.setting('dim'))}")),
    "det": _named("np.linalg.det"),
    "inv": _named("np.linalg.inv"),
    "solve": _named("np.linalg.solve"),
    "cholesky": _named("np.linalg.cholesky"),
    "logsumexp": lambda p: Call("logsumexp", (p.given(0), axes(p) or "None", *_along(p)[bool(axes(p)) :])),
    "softmax": lambda p: Call("softmax", (p.given(0), axes(p) or "None")),
    "log_softmax": lambda p: Call("log_softmax", (p.given(0), axes(p) or "None")),
}
