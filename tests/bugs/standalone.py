"""Bugs in files that need NumPy alone: their words, their names, and the functions that they take along."""

from __future__ import annotations

from bugs.form import Bug

WORDS = ["tests/standalone/test_layers.py"]
WRITTEN = ["tests/standalone/test_files.py"]
SAID = ["tests/standalone/test_operations.py", "-k", "writes or indices"]

BUGS = [
    Bug("standalone/phrases.py", "(is_all(entries[-1]) and not dots)", "is_all(entries[-1])", SAID),  # x[..., :, None]
    Bug("standalone/naming.py", "if alive.get(name, -1) < k)", "if name not in names.values())", WRITTEN),
    Bug(
        "standalone/naming.py", "last.update(dict.fromkeys(outputs, len(steps)))", "pass", WRITTEN
    ),  # what is returned is overwritten
    Bug(
        "standalone/layers.py",
        "len(set(parts)) == 1 and not isinstance(parts[0], tuple)",
        "len(set(parts)) == 1",
        WORDS,
    ),  # (1, 2) for ((1, 2), (1, 2))
    Bug("standalone/exporting.py", "    _check(text, model, examples, named, path)\n", "", WRITTEN),
    Bug(
        "standalone/exporting.py",
        "    with in_mode(model, False), same_buffers(model), no_grad():",
        "    with no_grad():",
        WRITTEN,
    ),
    Bug(
        "standalone/functions/images.py",
        "slice(k * length // count, -(-(k + 1) * length // count))",
        "slice(k * length // count, (k + 1) * length // count)",
        WORDS,
    ),
    Bug("standalone/functions/layers.py", "for step in x if k == first else x[::-1]", "for step in x", WORDS),
    Bug("standalone/functions/layers.py", "ys if k == first else ys[::-1]", "ys", WORDS),
    Bug(
        "standalone/functions/activations.py",
        "x.max(axis, keepdims=True, initial=-np.inf))  # less the largest, so that exp stays in range",
        "0)",
        WORDS,
    ),
    Bug(
        "standalone/functions/arrays.py", "    x = np.array(x)\n    x[index] = value", "    x[index] = value", SAID
    ),  # the caller's own array
]
