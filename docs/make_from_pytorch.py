"""Write docs/from_pytorch.md, from the package and the tables of the tests: python docs/make_from_pytorch.py.

    python docs/make_from_pytorch.py           # the page
    python docs/make_from_pytorch.py --counts  # the counts alone, as the README quotes them
    python docs/make_from_pytorch.py --names   # PyTorch's names anew, where it is importable: docs/pytorch_names.json

PyTorch's names are those of its public modules that it documents. torchvision's, in docs/torchvision_names.json, were
written down from its documentation, for it is not always importable beside a CPU build of PyTorch.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import tinygrad_cnn as tg  # noqa: E402

PAGE, HEAD = HERE / "from_pytorch.md", HERE / "from_pytorch_head.txt"
NAMES, TORCHVISION = HERE / "pytorch_names.json", HERE / "torchvision_names.json"

MODULES = {  # PyTorch's: ours
    "torch": "",
    "torch.Tensor": "Tensor",
    "torch.linalg": "linalg",
    "torch.special": "special",
    "torch.autograd": "autograd",
    "torch.autograd.functional": "autograd.functional",
    "torch.nn": "nn",
    "torch.nn.functional": "nn.functional",
    "torch.nn.init": "nn.init",
    "torch.nn.utils": "nn.utils",
    "torch.nn.utils.rnn": "nn.utils.rnn",
    "torch.optim": "optim",
    "torch.optim.lr_scheduler": "optim.lr_scheduler",
    "torch.distributions": "distributions",
    "torch.utils.data": "utils.data",
}

KINDS: list[tuple[str, str]] = [  # names that are missing as a kind, and why
    (r"complex|conj|imag|^real$|polar|angle|adjoint|^c?(double|float|half)$|chalf|isreal|resolve_(neg|conj)|view_as_(real|complex)|^is_neg$",
     "complex numbers: all tensors are real"),
    (r"sparse|coalesce|_indices|^(hspmm|smm|spmm|sspaddmm|values|dense_dim|indices)$", "sparse tensors: all are dense"),
    (r"quant|^q_|int_repr|qscheme|dequantize", "quantized numbers: train in floating point"),
    (r"cuda|xpu|mps|ipu|xla|mtia|pin_memory|is_pinned|record_stream|mkldnn|Event|Stream|AcceleratorError|OutOfMemory|fork|wait",
     "other devices: a CPU is all there is"),
    (r"^(Sym|sym_)|Script|parse_|_type|import_ir|DispatchKey|AVG|SUM|Tag|Aggregation|cond$|vmap|has_|unify|init_num|interop|"
     r"deterministic_debug|device_module|warn_always|thread_safe|is_inference|module_load|as_subclass|is_storage|flush_denormal",
     "PyTorch's machinery: graphs of its compiler, symbols, storages and switches"),
    (r"storage|set_$|share_memory|data_ptr|resize|as_strided|dim_order|is_set_to|from_file|empty_(permuted|strided)",
     "memory by hand: NumPy owns it"),
    (r"_copy$|^unsafe_|_static$|_debug", "second spellings of functions that are there"),
    (r"3d|Fold3d|trilinear", "volumes: convolutions and pools of three dimensions"),
    (r"stft|istft|_window|^(bartlett|blackman|hamming|hann|kaiser)", "signal processing: `scipy.signal` has it"),
]  # fmt: skip


def documented(module: Any, name: str) -> bool:
    """Is it one of the names that PyTorch documents?"""
    value = getattr(module, name, None)
    return bool(getattr(value, "__doc__", None)) and type(value).__name__ != "module"


def names_of_pytorch() -> dict[str, list[str]]:
    """The public names of the modules, those that are documented."""
    import torch

    found = {"version": [torch.__version__.partition("+")[0]]}
    for path in MODULES:
        module: Any = torch.Tensor if path == "torch.Tensor" else importlib.import_module(path)
        listed = getattr(module, "__all__", None) or dir(module)
        own = {n for n in listed if not n.startswith("_") and documented(module, n)}
        if path == "torch":
            own -= {n for n in own if n.endswith("_")}
        if not hasattr(module, "__all__") and path != "torch.Tensor":  # what it imported for itself is not its own
            own = {n for n in own if str(getattr(getattr(module, n), "__module__", path) or path).startswith("torch")}
        found[path] = sorted(own)
    return found


def here(path: str, name: str) -> bool:
    """Is the name in our module of that path?"""
    value: Any = tg
    for part in [*filter(None, path.split(".")), name]:
        try:
            value = getattr(value, part)
        except (AttributeError, ImportError):
            return False
    return True


def by_module(names: dict[str, list[str]]) -> dict[str, tuple[list[str], list[str]]]:
    """For each module, the names that are there and those that are missing."""
    vision = json.loads(TORCHVISION.read_text())
    paths = MODULES | {name: "vision" + name.removeprefix("torchvision") for name in vision}
    listed = {**names, **vision}
    return {
        module: ([n for n in listed[module] if here(ours, n)], [n for n in listed[module] if not here(ours, n)])
        for module, ours in paths.items()
    }


def kind(name: str) -> str:
    """Why a name is missing, if that is a kind."""
    return next((reason for pattern, reason in KINDS if re.search(pattern, name)), "")


def listing(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def count_lines(modules: dict[str, tuple[list[str], list[str]]]) -> list[str]:
    lines = ["| module | here | of PyTorch's | missing as a kind | missing else |", "|---|---:|---:|---:|---:|"]
    for module, (found, missing) in modules.items():
        kinds = sum(bool(kind(name)) for name in missing)
        total = len(found) + len(missing)
        lines.append(f"| `{module}` | {len(found)} | {total} | {kinds} | {len(missing) - kinds} |")
    found, total = sum(len(f) for f, _ in modules.values()), sum(len(f) + len(m) for f, m in modules.values())
    kinds = sum(bool(kind(name)) for _, missing in modules.values() for name in missing)
    lines.append(f"| together | {found} | {total} | {kinds} | {total - found - kinds} |")
    return lines


def differences() -> list[tuple[str, dict[str, list[str]]]]:
    """What the tests know to differ: a heading, and for each reason the functions that it concerns."""
    from tests.ops.test_cases import CASES
    from tests.tensors import test_in_place, test_like_torch, test_names
    from tests.torch_databases import modules, operator_tables, optimizers

    def gather(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for reason, name in pairs:
            if name not in found.setdefault(reason, []):
                found[reason].append(name)
        return found

    cases = gather(
        (reason, case.name)
        for case in CASES.values()
        for _, reason in case.differs
        if not reason.startswith(("as for", "likewise"))  # of the same function, in another call
    )
    tables = [(row.reason, row.names) for table in (operator_tables.DIFFERS, operator_tables.REFUSED) for row in table]
    layers = [(reason, names) for names, _, reason in (*modules.REFUSED, *modules.TAKEN)]
    steps = [(reason, names) for names, _, reason in (*optimizers.REFUSED, *optimizers.TAKEN)]
    written = [(reason, f"{name}_") for (name, _), reason in test_in_place.DIFFERENT.items()]
    written += [(reason, f"{name}_") for name, reason in test_in_place.DIFFERENT_NAMES.items()]
    tensors = [(reason, name) for name, reason in {**test_like_torch.DIFFERENT, **test_names.DIFFERENT}.items()]
    return [
        ("Functions, in unusual calls", cases),
        ("Operators of PyTorch's database", gather(tables)),
        ("Layers", gather(layers)),
        ("Optimizers", gather(steps)),
        ("Methods that write", gather(written)),
        ("`.data`, `.grad` and everyday names", gather(tensors)),
    ]


def page() -> str:
    """The text of docs/from_pytorch.md."""
    names = json.loads(NAMES.read_text())
    modules = by_module(names)
    lines = [HEAD.read_text().format(version=names["version"][0]), "## Counts", ""]
    lines += ["Names that PyTorch and torchvision document, and how many of them are here.", ""]
    lines += [
        *count_lines(modules),
        "",
        "## What differs, and why",
        "",
        "Each line stands in a table of the tests.",
        "",
    ]
    for heading, reasons in differences():
        if reasons:
            lines += [f"### {heading}", "", *(f"- {reason}: {listing(where)}" for reason, where in reasons.items()), ""]
    lines += ["## What is missing", "", "As a kind:", ""]
    for reason in dict.fromkeys(reason for _, reason in KINDS):
        gone = [name for _, missing in modules.values() for name in missing if kind(name) == reason]
        if gone:
            lines.append(f"- {reason} ({len(dict.fromkeys(gone))} names)")
    lines += ["", "And by name:", ""]
    for module, (_, missing) in modules.items():
        rest = [name for name in missing if not kind(name)]
        if rest:
            lines.append(f"- `{module}`: {listing(rest)}")
    lines += ["", "## What is here", ""]
    for module, (found, _) in modules.items():
        lines.append(f"- `{module}`: {listing(found)}")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--counts", action="store_true", help="print the counts and write nothing")
    parser.add_argument("--names", action="store_true", help="ask PyTorch for its names first")
    arguments = parser.parse_args()
    if arguments.names:
        text = ",\n".join(f" {json.dumps(k)}: {json.dumps(v)}" for k, v in names_of_pytorch().items())
        NAMES.write_text("{\n" + text + "\n}\n")
    if arguments.counts:
        print("\n".join(count_lines(by_module(json.loads(NAMES.read_text())))))
        return 0
    PAGE.write_text(page())
    print(f"{PAGE} written")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
