"""What is on a figure, in lines of text: words, lines, areas, images, where and how; nothing is rendered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

_FEW = 12  # numbers that are listed


def told(figure: Any) -> list[str]:
    """The figure itself, then each of its axes."""
    width, height = figure.get_size_inches()
    found = [f"figure {number(width)} x {number(height)} inches"]
    found += [f"below {below!r}"] if (below := figure.get_supxlabel()) else []
    for k, ax in enumerate(figure.axes):
        found += [f"axes {k}", *(f"  {line}" for line in _axes(ax))]
    return found


def number(value: Any) -> str:
    return format(float(value), ".5g")


def _numbers(values: Any) -> str:
    """All of a few; of more their count, first and last, mean and extremes, and one that depends on the order."""
    array = np.ma.filled(np.ma.asarray(values, dtype=float), np.nan)
    flat = array.ravel()
    if flat.size <= _FEW:
        return " ".join(map(number, flat))
    finite = flat[np.isfinite(flat)]
    rows = np.arange(flat.size)[np.isfinite(flat)] / flat.size
    figures = [finite[0], finite[-1], finite.mean(), finite.min(), finite.max(), finite @ rows] if finite.size else []
    return f"{array.shape} {len(finite)} finite: {' '.join(map(number, figures))}"


def _color(color: Any) -> str:
    from matplotlib.colors import to_hex, to_rgba_array

    return " ".join(to_hex(one, keep_alpha=True) for one in to_rgba_array(color))


def _axes(ax: Any) -> Iterator[str]:
    yield f"title {ax.get_title(loc='left')!r} x {ax.get_xlabel()!r} y {ax.get_ylabel()!r} {_color(ax.get_facecolor())}"
    for name, axis, limits in (("x", ax.xaxis, ax.get_xlim()), ("y", ax.yaxis, ax.get_ylim())):
        style = {key: value for key, value in axis.get_tick_params().items() if isinstance(value, (bool, int, float))}
        low, high = sorted(limits)
        ticks = [tick for tick in axis.get_majorticklocs() if low <= tick <= high]
        labels = axis.get_major_formatter().format_ticks(ticks)
        yield f"{name} {axis.get_scale()} {_numbers(limits)}: ticks {_numbers(ticks)} {labels} {style}"
    yield f"spines {[name for name, spine in ax.spines.items() if spine.get_visible()]} below {ax.get_axisbelow()}"
    if ax.get_legend() is not None:
        legend = ax.get_legend()
        texts = [text.get_text() for text in legend.get_texts()]
        yield f"legend {legend.get_title().get_text()!r} {texts} {legend.get_frame().get_alpha()}"
    for artist in (*ax.lines, *ax.patches, *ax.collections, *ax.images, *ax.texts):
        yield f"{type(artist).__name__} {_told(artist)} z {number(artist.get_zorder())} alpha {artist.get_alpha()}"


def _told(artist: Any) -> str:
    from matplotlib import collections, image, lines, patches, text

    if isinstance(artist, lines.Line2D):
        mark = f"{artist.get_marker()} {number(artist.get_markersize())} {_color(artist.get_markerfacecolor())}"
        look = f"{_color(artist.get_color())} {artist.get_linestyle()} {number(artist.get_linewidth())} {mark}"
        return f"{_numbers(artist.get_xdata())}; {_numbers(artist.get_ydata())}; {look} clip {artist.get_clip_on()}"
    if isinstance(artist, text.Text):
        at = f"{_numbers(artist.get_position())} {artist.get_horizontalalignment()} {artist.get_verticalalignment()}"
        look = f"{number(artist.get_fontsize())} {artist.get_fontweight()} {_color(artist.get_color())}"
        where = f" {_numbers(artist.xy)} {artist.xycoords}" if isinstance(artist, text.Annotation) else ""
        return f"{artist.get_text()!r} {at} {number(artist.get_rotation())} {look}{where}"
    if isinstance(artist, image.AxesImage):
        limits = _numbers([x for x in artist.get_clim() if x is not None])
        shown = f"{artist.cmap.name} {limits} {artist.get_interpolation()}"
        return f"{_numbers(artist.get_array())}; {_numbers(artist.get_extent())}; {shown}"
    if isinstance(artist, patches.Patch):
        corners = artist.get_path().transformed(artist.get_patch_transform()).vertices
        return f"{_numbers(corners)}; {_color(artist.get_facecolor())}"
    assert isinstance(artist, collections.Collection), type(artist)
    paths = [path.vertices for path in artist.get_paths() if len(path.vertices)]
    parts = [f"{len(paths)} paths {_numbers(np.concatenate(paths))}" if paths else "no path"]
    parts.append(f"at {_numbers(artist.get_offsets())}, {_numbers(artist.get_linewidths())}")
    if artist.get_array() is not None:
        parts.append(f"{_numbers(artist.get_array())} {artist.cmap.name} {_numbers(artist.get_clim())}")
        parts.append(type(artist.norm).__name__)
    else:
        parts.append(_color(artist.get_facecolor()))
    return "; ".join(parts)
