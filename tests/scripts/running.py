"""Runs a program of this folder, with this package or with PyTorch: the text is the same but for its import lines.

    python tests/scripts/running.py plain mnist.py --epochs 1
    python tests/scripts/running.py ours mnist.py --epochs 1
    python tests/scripts/running.py torch mnist.py --epochs 1

All three take the small files that `digits` writes for MNIST. The first is otherwise what ``python mnist.py`` does, but
that a guard rail is an error. The other two draw the same random numbers (`noise`); with PyTorch, `bridge` stands for
torchvision.
"""

from __future__ import annotations

import importlib
import re
import runpy
import sys
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def as_pytorch(text: str) -> str:
    """The program with PyTorch's import lines, and no other change.

    >>> as_pytorch("import tinygrad_cnn as torch\\nfrom tinygrad_cnn.vision import datasets")
    'import torch as torch\\nfrom torchvision import datasets'
    """

    def translated(line: re.Match[str]) -> str:
        return line[0].replace("tinygrad_cnn.vision", "torchvision").replace("tinygrad_cnn", "torch")

    return re.sub(r"^(import|from) tinygrad_cnn\b.*", translated, text, flags=re.MULTILINE)


def run_as_pytorch(script: Path) -> None:
    """Run the translated text as the main program."""
    import torch

    from tests.scripts import bridge, noise

    bridge.install()
    torch.set_num_threads(1)
    seed, draw_from_ours = torch.manual_seed, noise.theirs(torch)

    def manual_seed(value: int) -> Any:
        noise.rng.manual_seed(value)
        return seed(value)

    torch.manual_seed = manual_seed
    code = compile(as_pytorch(script.read_text()), str(script), "exec")
    main: Any = sys.modules["__main__"]
    vars(main).update({"__file__": str(script)})
    with draw_from_ours:
        exec(code, vars(main))


def main() -> None:
    """The command above."""
    package, name, *sys.argv[1:] = sys.argv[1:]
    sys.argv[0] = str(HERE / name)
    sys.path[0] = str(HERE.parents[1])  # the checkout, for `tests`

    from tests.scripts import digits

    digits.accept()
    if package != "plain":
        from tests.scripts import noise

        noise.ours()
    if package == "torch":
        run_as_pytorch(HERE / name)
    else:
        warnings.simplefilter("error", importlib.import_module("tinygrad_cnn").GuardRailWarning)
        runpy.run_path(str(HERE / name), run_name="__main__")


if __name__ == "__main__":
    main()
