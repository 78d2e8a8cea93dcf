"""Bugs in saving and loading."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import Bug

CHECKPOINT = ["tests/io/test_checkpoint.py"]

BUGS = [
    Bug("io/atomic.py", "            if target.exists():\n                os.chmod(temporary, target.stat().st_mode & 0o7777)\n", "", ["tests/io/test_atomic.py"]),
    Bug("io/atomic.py", "Path(os.path.realpath(path))", "Path(path)", ["tests/io/test_atomic.py"]),  # a link is no link any more
    Bug("io/checkpoint.py", 'order="C", copy=False', "copy=False", CHECKPOINT),
    Bug("io/checkpoint.py", 'all(type(key) is str and not key.startswith("$") for', "all(type(key) is str for", CHECKPOINT),
]  # fmt: skip
