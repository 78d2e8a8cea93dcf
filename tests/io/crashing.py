"""A process of its own that has saves killed, one after the other, each at a later point, and says what was left.

`python crashing.py FILE` prints a line of JSON for each killed save: where it was killed, and the round of what `load`
then finds in FILE. A save of round 2 over round 1 is killed at each line of `save` and of the modules that replace
files, and within the write, by the system, at each of some numbers of bytes.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_cnn.io import atomic, leftovers, load, save

KILL = signal.SIGTERM if os.name == "nt" else signal.SIGKILL  # which no process hears of; it is gone


def state(number: int) -> dict[str, Any]:
    return {"w": np.full(50_000, float(number)), "round": number}


def killed_at_line(path: str, number: int) -> None:
    """Save until this many lines have begun or functions returned, tell where that is, and die."""
    left = number

    def trace(frame: Any, event: str, _: object) -> Any:
        nonlocal left
        code = frame.f_code
        if code.co_filename not in (atomic.__file__, leftovers.__file__) and code is not save.__code__:
            return None
        left -= 1
        if not left:
            print(json.dumps(f"{event} {code.co_name}:{frame.f_lineno}"), end=" ", flush=True)
            os.kill(os.getpid(), KILL)
        return trace

    sys.settrace(trace)
    save(state(2), path)
    sys.settrace(None)


def killed_at_byte(path: str, number: int) -> None:
    """Save until this many bytes of a file have been written; the system takes one more as a reason to kill."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python would rather have an OSError
    resource.setrlimit(resource.RLIMIT_FSIZE, (number, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    save(state(2), path)


def survives(target: Any, path: str, number: int) -> bool:
    """Whether the save came to its end, in a process of its own."""
    process = processes.Process(target=target, args=(path, number))
    process.start()
    process.join()
    assert process.exitcode is not None
    assert process.exitcode <= 0 or os.name == "nt", "the save failed"
    return process.exitcode == 0


def left(path: str) -> int:
    """The round of the file's content, all of it."""
    found = load(path)
    assert (found["w"] == found["round"]).all()
    return int(found["round"])


def main(path: str) -> None:
    save(state(1), path)
    size = Path(path).stat().st_size
    if os.name != "nt":
        for number in (0, 1, size // 3, size // 2, size - 1):
            assert not survives(killed_at_byte, path, number)
            print(json.dumps(f"byte {number}"), left(path), flush=True)
    for number in count(1):
        save(state(1), path)
        if survives(killed_at_line, path, number):
            break
        print(left(path), flush=True)


processes: Any = multiprocessing.get_context("spawn" if os.name == "nt" else "fork")  # a fork imports nothing anew
if __name__ == "__main__":
    main(sys.argv[1])
