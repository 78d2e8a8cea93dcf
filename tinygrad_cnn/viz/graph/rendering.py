"""From DOT text to a picture: by the system's `dot` program, else by pygraphviz, which brings Graphviz with it."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys

_PACKED = re.compile(r"\bpack(mode)?=\w+")
FORMATS = ("svg", "png", "pdf")
_DRAW = """
import sys, pygraphviz
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
sys.stdout.buffer.write(graph.draw(None, format=sys.argv[1], prog="dot", args=sys.argv[2]))
"""
DPI = 160  # of a PNG: text as sharp as on paper
_BACK = re.compile(r"^\s*b\d+ -> b\d+ \[.*style=dashed.*$", re.MULTILINE)  # edges of gradients


def render(source: str, format: str) -> bytes:
    """The picture, as SVG, PNG or PDF.

    Raises:
        ValueError: another format.
        ImportError: neither `dot` nor pygraphviz is there.
        RuntimeError: Graphviz could not lay the graph out; with what it said.
    """
    if format not in FORMATS:
        raise ValueError(f"cannot draw as {format!r}; choose one of {', '.join(FORMATS)}")
    by = _by_dot if shutil.which("dot") else _by_pygraphviz
    simpler = _BACK.sub(_without_ports, source)  # which Graphviz 2 does not always find a way between
    simplest = _PACKED.sub("", simpler)  # which it does not always survive
    for text in dict.fromkeys((source, simpler, simplest)):
        try:
            drawn = by(text, format)
        except RuntimeError as error:
            failed = error
        else:
            return _in_pixels(drawn) if format == "svg" else drawn
    raise failed


def _without_ports(edge: re.Match[str]) -> str:
    return re.sub(r"(head|tail)port=\w+", "", edge[0])


def _by_dot(source: str, format: str) -> bytes:
    command = ["dot", f"-T{format}", *([f"-Gdpi={DPI}"] if format == "png" else [])]
    done = subprocess.run(command, input=source.encode(), capture_output=True, check=False)
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
        raise RuntimeError(f"Graphviz's dot could not draw this graph as {format}: {said}")
    return done.stdout


def _by_pygraphviz(source: str, format: str) -> bytes:
    """In a process of its own: Graphviz 12 ends the one that it runs in on some graphs."""
    if importlib.util.find_spec("pygraphviz") is None:
        raise ImportError(
            f"drawing a graph as {format} needs Graphviz: pip install 'tinygrad-cnn[viz]' brings it, or install the "
            "program dot (apt install graphviz, brew install graphviz); .source and .save('x.dot') work without"
        ) from None
    how = [format, f"-Gdpi={DPI}" if format == "png" else ""]
    done = subprocess.run([sys.executable, "-c", _DRAW, *how], input=source.encode(), capture_output=True, check=False)
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2] or f"exit status {done.returncode}"
        raise RuntimeError(f"pygraphviz could not draw this graph as {format}: {said}")
    return done.stdout


def _in_pixels(svg: bytes) -> bytes:
    """Sizes in pixels instead of points: a browser then shows text of size 12 in 12 pixels."""
    return re.sub(rb'(<svg width=")([\d.]+)pt(" height=")([\d.]+)pt"', rb'\g<1>\g<2>px\g<3>\g<4>px"', svg, count=1)
