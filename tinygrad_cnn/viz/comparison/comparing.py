"""The page on which two runs or two nets stand side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...nn.layer_table import ModelSummary
from ...nn.module import Module
from ...nn.summary import summary
from ...train.trainer import Trainer
from .. import curves, probing, style
from ..kit.page import Page, base_style, document, part, web
from ..pages import cell
from . import judging
from .aligning import SAME, Pair, Part, aligned, parts_of, weights_apart

_LEFT_OUT = {"epoch", "seconds", "images_per_s", "step", "batch", "time"}  # no curves
_BODY = """<header><h1 id="title"></h1></header>
<main></main>
"""


def compare(
    a: Any,
    b: Any,
    data: Any = None,
    *,
    histories: Sequence[Any] | None = None,
    names: Sequence[str] = ("A", "B"),
    input_data: Any = None,
    display_labels: Any = None,
    count: int = 24,
    batch_size: int | None = None,
    title: str | None = None,
) -> Page:
    """Two runs or two nets on one page: curves overlaid, modules added, removed and changed, and who is right where.

    The modules of both nets stand row by row, in the order of their calls, with shapes, parameters and multiply-adds;
    those that belong together are found by their kind, settings and name, so that a layer put in between moves the
    others without changing them. For classifiers there is a table by class, from "both right" to "A right, B wrong",
    and the images where the two disagree, those first that they are furthest apart about. The models are left as they
    were.

    Args:
        a, b: two `Trainer`s (their nets and histories), two Modules, or two runs: what `plot_learning_curves` takes as
            one, such as a `History`.
        data: for nets: a DataLoader, a dataset or a tuple of arrays; with classes as its last part it is what both
            are judged by, in evaluation mode.
        histories: the two runs that belong to the two Modules.
        names: of the two.
        input_data: for Modules without data: what to call them with, as `tg.summary` takes it.
        display_labels: names of the classes; by default the dataset's ``classes``.
        count: images of a kind at most, where the two disagree.
        batch_size: for datasets and arrays (256); a loader has its own.
        title: of the page.

    Raises:
        TypeError, ValueError: two things of different kinds, nets without anything to call them with, runs without
            epochs.

    >>> runs = [{"epoch": 1, "loss": 0.9}, {"epoch": 2, "loss": 0.4}], [{"epoch": 1, "loss": 0.7}]
    >>> page = compare(*runs, names=("SGD", "Adam"))
    >>> page.save("compared.html")  # doctest: +SKIP
    """
    name = "compare"
    names = _two_names(names, name)
    count = style.whole(count, "count", name)
    models, runs = _models_and_runs(a, b, histories, name)
    shown: dict[str, Any] = {"names": names, "title": title or f"{names[0]} and {names[1]}"}
    facts: list[list[str]] = []
    if models is not None:
        tables = _summaries(models, data, input_data, batch_size, name)
        rows = aligned(parts_of(models[0], tables[0]), parts_of(models[1], tables[1]))
        shown["modules"] = [_row(row) for row in rows]
        facts += _costs(tables)
        judged = None if data is None else judging.judge(models, data, batch_size, name)
        if judged is not None:
            facts.append(_fact("accuracy on the data", *(float(right.mean()) for right in judged.right), share=True))
            shown.update(_judged(judged, display_labels, data, count, name))
    elif data is not None or input_data is not None:
        raise TypeError(f"{name}: data is for nets; of two runs there are the histories alone")
    if runs is not None:
        shown["curves"] = _curves(runs)
        facts += _ends(runs)
    shown["facts"] = facts
    text = document(
        shown["title"],
        _BODY,
        styles=[base_style(), part(__package__, "web/compare.css")],
        scripts=[*web("dom", "numbers", "theme", "plot"), part(__package__, "web/compare.js")],
        data={"compared": shown},
    )
    return Page(text, height=900)


# ------------------------------------------------------------------------------------------------------- what came
def _two_names(names: Any, name: str) -> list[str]:
    if isinstance(names, str) or not isinstance(names, Sequence) or len(names) != 2 or names[0] == names[1]:
        raise ValueError(f"{name}: names must be two different texts, got {names!r}")
    return [str(one) for one in names]


def _models_and_runs(
    a: Any, b: Any, histories: Any, name: str
) -> tuple[tuple[Module, Module] | None, tuple[curves.Run, curves.Run] | None]:
    if isinstance(a, Trainer) and isinstance(b, Trainer):
        trained = len(a.history) > 0 and len(b.history) > 0
        if histories is None and trained:
            histories = (a.history, b.history)
        a, b = a.model, b.model
    elif histories is not None and not isinstance(a, Module):
        raise TypeError(f"{name}: histories belong to two Modules, got {type(a).__name__} and {type(b).__name__}")
    if isinstance(a, Module) and isinstance(b, Module):
        if histories is None:
            return (a, b), None
        if not isinstance(histories, Sequence) or len(histories) != 2:
            raise ValueError(f"{name}: histories must be two runs, got {type(histories).__name__}")
        return (a, b), (curves.as_run(histories[0], name), curves.as_run(histories[1], name))
    if isinstance(a, (Module, Trainer)) or isinstance(b, (Module, Trainer)):
        raise TypeError(
            f"{name}: compares two Trainers, two Modules or two runs, got {type(a).__name__} and {type(b).__name__}"
        )
    return None, (curves.as_run(a, name), curves.as_run(b, name))


def _summaries(
    models: tuple[Module, Module], data: Any, input_data: Any, batch_size: int | None, name: str
) -> tuple[ModelSummary, ModelSummary]:
    """The tables of both, for one sample where there is data."""
    if input_data is None:
        if data is None:
            raise TypeError(
                f"{name}: to compare nets pass data, such as (images, labels), or input_data to call them with"
            )
        inputs, _ = next(iter(probing.inputs_of(data, batch_size, name)), ((), None))
        if not inputs:
            raise ValueError(f"{name}: the data gave no batches")
        input_data = [probing.as_array(x)[:1] for x in inputs]
    return summary(models[0], input_data=input_data), summary(models[1], input_data=input_data)


# --------------------------------------------------------------------------------------------------- what is shown
def _fact(label: str, a: float, b: float, *, share: bool = False) -> list[str]:
    """A line of the first table: both values, and what lies between them."""
    if share:
        between = f"{100 * (b - a):+.2f} points"
        return [label, style.percent(a), style.percent(b), "same" if a == b else _signed(between)]
    between = f"{100 * (b - a) / abs(a):+.1f} %" if a and math.isfinite(b - a) else ""
    return [label, cell(a), cell(b), "same" if a == b else _signed(between)]


def _signed(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


def _costs(tables: tuple[ModelSummary, ModelSummary]) -> list[list[str]]:
    a, b = tables
    inputs = ", ".join(map(format, a.input_shapes))
    return [
        _fact("parameters", a.parameters, b.parameters),
        _fact("of these trained", a.trainable, b.trainable),
        _fact(f"multiply-adds for {inputs}", a.mult_adds, b.mult_adds),
        _fact("bytes of the layers' outputs", a.activation_bytes, b.activation_bytes),
    ]


def _ends(runs: tuple[curves.Run, curves.Run]) -> list[list[str]]:
    """How both runs ended."""
    found = [_fact("epochs", len(runs[0]["epoch"]), len(runs[1]["epoch"]))]
    for column in runs[0]:
        if column in runs[1] and column not in _LEFT_OUT and column != "lr":
            last = [float(run[column][-1]) for run in runs]
            is_share = column.endswith(("accuracy", "error")) and all(0 <= x <= 1 for x in last)
            words = column.replace("val_", "validation ").replace("_", " ")
            found.append(_fact(f"last {words}", *last, share=is_share))
    if all("seconds" in run for run in runs):
        found.append(_fact("seconds", *(round(float(np.nansum(run["seconds"])), 1) for run in runs)))
    return found


def _curves(runs: tuple[curves.Run, curves.Run]) -> dict[str, Any]:
    """The epochs of both runs, and for each metric the columns (training, validation) of A, then of B, with None where
    a run has no value."""
    epochs = np.union1d(runs[0]["epoch"], runs[1]["epoch"])  # (T,)
    metrics = dict.fromkeys(
        column.removeprefix("val_") for run in runs for column in run if column not in _LEFT_OUT
    )  # fmt: skip
    found = []
    for metric in metrics:
        columns = []
        for run in runs:
            for column in (metric, f"val_{metric}"):
                values: list[float | None] | None = None
                if column in run:
                    known = dict(zip(run["epoch"].tolist(), run[column].tolist(), strict=True))
                    values = [known.get(epoch) for epoch in epochs.tolist()]
                columns.append(values)
        rates = [value for values in columns if values for value in values if value is not None]
        if metric != "lr" or len(set(rates)) > 1:  # one rate for all is no curve
            found.append({"metric": metric.replace("_", " "), "columns": columns})
    return {"epochs": epochs, "metrics": found}


def _row(row: Pair) -> dict[str, Any]:
    own = [_of_part(row.a), _of_part(row.b)]
    apart = None if row.a is None or row.b is None else weights_apart(row.a.module, row.b.module)
    return {"level": row.level, "sign": row.sign, "parts": own, "apart": apart, "itself": _differs(row)}


def _differs(row: Pair) -> bool:
    """Does the row itself differ, rather than something within it?"""
    if row.a is None or row.b is None or row.sign == SAME:
        return row.sign != SAME
    ours, theirs = ((p.type, p.settings, p.shape, p.calls) for p in (row.a, row.b))
    return ours != theirs


def _of_part(own: Part | None) -> dict[str, Any] | None:
    if own is None:
        return None
    shape = "not called" if own.shape is None else str(own.shape)
    what = f"{own.type}({own.settings})" if own.settings else own.type
    what += f" \N{MULTIPLICATION SIGN} {own.calls}" if own.calls > 1 else ""
    return {
        "name": own.name, "what": what, "shape": shape,
        "parameters": own.total_parameters, "mult_adds": own.total_mult_adds,
    }  # fmt: skip


def _judged(judged: judging.Judgement, display_labels: Any, data: Any, count: int, name: str) -> dict[str, Any]:
    table = judged.by_class()
    labels = probing.class_names(data) if display_labels is None else display_labels
    if labels is not None:
        style.labels_for(labels, len(table), name)
    a_alone, b_alone = (sum(row[i] for row in table) for i in (2, 3))
    return {
        "labels": [str(i) if labels is None else str(labels[i]) for i in range(len(table))],
        "classes": table,
        "chance": judging.chance(a_alone, b_alone),
        "pictures": judging.disagreements(judged, count, name),
    }
