"""Make the notebook of a recipe: the cells of the script, run from top to bottom, with what they print and draw.

    python examples/recipes/make_notebook.py                  # examples/recipes/layers_notebook.ipynb
    python examples/recipes/make_notebook.py --out look.ipynb -- --quick     # with options of the recipe

`# %%` begins a cell of the script, `# %% [markdown]` one of text. Those inside of `main` lose their indentation. Cells
`# %% script` stay out of the notebook, but for the head of `main`: its arguments become a cell to write them into.

Needs the packages of the extra `notebook` (nbclient and ipykernel).
"""

import argparse
import ast
import json
import os
import re
import tempfile
import textwrap
from pathlib import Path

RECIPE = Path(__file__).with_name("layers_notebook.py")
MARK = re.compile(r"^ *# %%(?: (.*))?$")
HEAD = "def main(arguments=None):"


def read_cells(script):
    """Type ("markdown" or "code") and source of each cell that the notebook of a script has."""
    cells, kind, lines = [], "script", []
    for line in [*script.splitlines(), "# %%"]:
        if mark := MARK.match(line):
            cells += _cell(kind, textwrap.dedent("\n".join(lines)).strip())
            kind, lines = mark[1] or "code", []
        else:
            lines.append(line)
    return cells


def _cell(kind, source):
    if kind == "script":
        return [("code", write_arguments([]))] if source == HEAD else []
    if kind == "code":
        return [(kind, source)]
    if kind != "[markdown]":
        raise ValueError(f"no such kind of cell: # %% {kind}")
    text = ast.literal_eval(source) if source.startswith('"""') else re.sub("^# ?", "", source, flags=re.MULTILINE)
    return [("markdown", text.strip())]


def write_arguments(arguments):
    """The cell that stands for the head of `main`."""
    return f'arguments = {json.dumps(arguments)}  # say ["--quick"], or ["--epochs", "2", "--seed", "1"]'


def make(cells):
    """A notebook (nbformat 4.5, as a dict) that has not been run."""
    made = []
    for i, (kind, source) in enumerate(cells):
        cell = {"cell_type": kind, "id": f"cell-{i:02d}", "metadata": {}, "source": source.splitlines(keepends=True)}
        made.append({**cell, "execution_count": None, "outputs": []} if kind == "code" else cell)
    return {
        "cells": made,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def run(notebook, folder, timeout=None):
    """The notebook with its outputs, run in a folder. Raises nbclient's CellExecutionError where a cell fails."""
    import nbclient
    import nbformat

    node = nbformat.from_dict({**notebook, "cells": [{**c, "source": "".join(c["source"])} for c in notebook["cells"]]})
    client = nbclient.NotebookClient(
        node,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],  # its warnings are about connections from elsewhere
    )
    done = json.loads(nbformat.writes(client.execute()))
    return {**done, "metadata": notebook["metadata"]}


def tidy(notebook, names):
    """Join what a cell prints, without the progress bars, and call folders of this machine by other names. A graph
    is stored as its drawing."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            streams, others = {}, []
            for output in cell["outputs"]:
                if output["output_type"] == "stream":
                    streams[output["name"]] = streams.get(output["name"], "") + "".join(output["text"])
                else:
                    if "image/svg+xml" in output["data"]:
                        output["data"].pop("text/html", None)  # a page, which GitHub does not show
                    others.append(output)
            cell["outputs"] = [_stream(name, text, names) for name, text in streams.items()] + others
            cell["outputs"] = [output for output in cell["outputs"] if output]
    return notebook


def _stream(name, text, names):
    """Text as a terminal shows it in the end; None where nothing is left."""
    text = re.sub(r"[^\n]*\r(?!\n)", "", text)  # a carriage return: what follows is written over what was there
    text = re.sub(r"^Fontconfig warning:.*\n?", "", text, flags=re.MULTILINE)  # of the machine, not of the recipe
    for folder, other in names.items():
        text = text.replace(folder, other)
    return {"output_type": "stream", "name": name, "text": text.splitlines(keepends=True)} if text.strip() else None


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RECIPE.with_suffix(".ipynb"))
    parser.add_argument("arguments", nargs="*", help="of the recipe; after --")
    args = parser.parse_args(arguments)

    cells = read_cells(RECIPE.read_text(encoding="utf-8"))
    chosen = [
        (kind, write_arguments(args.arguments) if source == write_arguments([]) else source) for kind, source in cells
    ]
    data = os.environ.get("TINYGRAD_CNN_DATA")
    if data:
        os.environ["TINYGRAD_CNN_DATA"] = data = os.path.abspath(data)
    names = {data: "mnist"} if data else {}
    names[str(Path.home())] = "~"
    with tempfile.TemporaryDirectory() as folder:
        notebook = tidy(run(make(chosen), folder), {folder: ".", **names})
    args.out.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{args.out}: {len(cells)} cells, {args.out.stat().st_size / 1000:,.0f} kB")


if __name__ == "__main__":
    main()
