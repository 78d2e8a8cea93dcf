"""A model as a Python file that needs NumPy and nothing else."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from ..autograd.graph import Variable, array_of
from ..autograd.modes import no_grad
from ..io.atomic import replace_file
from ..nn.module import Module
from ..nn.summary import in_mode, leaves_in, same_buffers
from ..programs import record
from ..programs.recording import with_arrays
from .writing import Text, write

__all__ = ["export_numpy"]

HEAD = "import math\nfrom typing import Any\nimport numpy as np\nArray = np.ndarray\n"  # what the code stands on
FURTHEST = 1e-3  # of the outputs' scale: what a file may be off before it is taken for wrong


def export_numpy(
    model: Module,
    example: Any,
    path: str | os.PathLike[str],
    *,
    batch_dim: int | tuple[int | None, ...] | str | None = "auto",
) -> Path:
    """Write a model down as a Python file that predicts with NumPy alone, and its weights beside it.

    ``net.py`` reads as a person would have written it: one line for each layer, with its shape, and one small function
    for each kind of layer that the model has. Its ``predict`` takes arrays, of any batch size where the model does;
    ``python net.py x.npy`` prints what it makes of an array. ``net.npz`` holds the weights under their names in the
    state_dict. The file knows the digest of its weights and refuses others. The same model gives the same bytes.

    Before anything is written, what the file computes is held against the model, on the example.

    Args:
        model: a Module; it is written down in evaluation mode, and stays in the one that it has.
        example: an input, a tuple of them, or a dict of keyword arguments: arrays or Tensors of the right shapes.
        path: of the file, ending in ``.py``. What was there is replaced, each file whole or not at all.
        batch_dim: which dimension holds the batch; see `programs.record`.

    Returns:
        The path of the file.

    Raises:
        TypeError: a model that is none, or an example without an array.
        ValueError: a path that does not end in .py, or a name that Python could not read in quotes.
        NotImplementedError: operations that have no NumPy form, all of them listed with module and line.
        RuntimeError: a model that computes where no operation sees it (see `programs.record`).
        OSError: the files cannot be written.

    >>> import tinygrad_cnn as tg
    >>> net = tg.nn.Sequential(tg.nn.Linear(4, 3), tg.nn.ReLU())
    >>> tg.export_numpy(net, tg.zeros(1, 4), "net.py").name  # doctest: +SKIP
    'net.py'
    """
    path = Path(path)
    if path.suffix != ".py":
        raise ValueError(f"export_numpy: the name of the file must end in .py, got {str(path)!r}")
    if not path.name.isprintable() or set(path.name) & set('"\\'):  # it stands in the file
        raise ValueError(
            f"export_numpy: the name of the file must do without quotes and backslashes, got {path.name!r}"
        )
    if not isinstance(model, Module):
        raise TypeError(f"export_numpy: model must be an nn.Module, got {type(model).__name__}")
    named = dict(example) if isinstance(example, Mapping) else {}
    examples = () if named else tuple(example) if isinstance(example, (tuple, list)) else (example,)
    program = record(model, *examples, batch_dim=batch_dim, **named)
    modules = dict(model.named_modules())
    inner = {name for name, module in modules.items() if any(True for _ in module.children())}
    text = write(program, {name: type(module).__name__ for name, module in modules.items()}, inner)
    _check(text, model, examples, named, path)
    weights = io.BytesIO()
    np.savez(weights, allow_pickle=False, **text.arrays)
    content = weights.getvalue()
    source = _file(text, type(model).__name__, path, hashlib.sha256(content).hexdigest())
    replace_file(path.with_suffix(".npz"), content)  # first: a file whose weights are not there yet is worse
    replace_file(path, source.encode())
    return path


def _file(text: Text, model: str, path: Path, digest: str) -> str:
    """All of the file."""
    weights = path.with_suffix(".npz").name
    files = " ".join(f"{name}.npy" for name in text.arguments)
    also = f"\n    from {path.stem} import predict" if path.stem.isidentifier() else ""
    return f'''"""{model} in NumPy alone, as tinygrad_cnn wrote it down. Its weights are in {weights}.

    python {path.name} {files}{also}
"""

import hashlib
import io
{"import math" + chr(10) if "math." in text.functions else ""}import sys
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray
WEIGHTS = Path(__file__).with_name("{weights}")
DIGEST = "{digest}"  # of that file


{text.predict}

def load() -> dict[str, Array]:
    """The weights, by the names that they have in the model."""
    content = WEIGHTS.read_bytes()
    if hashlib.sha256(content).hexdigest() != DIGEST:
        raise ValueError(f"{{WEIGHTS}} is not the file that was written together with {{__file__}}: export both again")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {{name: file[name] for name in file.files}}


w = load()


{text.functions}

if __name__ == "__main__":
    if len(sys.argv) != {len(text.arguments) + 1}:
        sys.exit("usage: python {path.name} {files}   (arrays that numpy.save wrote; see predict)")
    try:
        print(predict(*(np.load(name, allow_pickle=False) for name in sys.argv[1:])))
    except (OSError, ValueError) as error:
        sys.exit(f"{path.name}: {{error}}")
'''


def _check(text: Text, model: Module, examples: Sequence[Any], named: Mapping[str, Any], path: Path) -> None:
    """Run what is about to be written, and raise unless it computes what the model does."""
    room: dict[str, Any] = {"w": text.arrays}
    exec(compile("\n".join([HEAD, text.functions, text.predict]), path.name, "exec", dont_inherit=True), room)
    inputs = [array_of(x) for x in leaves_in([examples, named]) if isinstance(x, (Variable, ndarray))]
    args, kwargs = with_arrays([examples, named], iter(inputs))  # the model may write into what it is given
    with in_mode(model, False), same_buffers(model), no_grad():
        expected = [array_of(x) for x in leaves_in(model(*args, **kwargs)) if x is not None]
    found = room["predict"](*inputs)
    parts = list(found.values()) if isinstance(found, dict) else found if isinstance(found, tuple) else [found]
    for y, wanted in zip(map(np.asarray, parts), expected, strict=True):
        if y.shape != wanted.shape or y.dtype != wanted.dtype or not _close(y, wanted):
            raise RuntimeError(
                f"export_numpy: what would be written gives another result than the model, {y.dtype} {y.shape} for "
                f"{wanted.dtype} {wanted.shape}: a mistake of the package's; nothing was written"
            )


def _close(y: ndarray[Any, Any], wanted: ndarray[Any, Any]) -> bool:
    if wanted.dtype.kind != "f":
        return bool((y == wanted).mean() > 0.99) if wanted.size else True  # an argmax of near ties
    finite = np.isfinite(wanted)
    scale = abs(wanted[finite]).max(initial=0)
    off = abs(y[finite].astype(np.float64) - wanted[finite]).max(initial=0)
    loose = 30 if wanted.dtype == np.float16 else 1
    return bool((np.isfinite(y) == finite).all() and off <= loose * FURTHEST * max(scale, 1e-30))
