"""Presses Ctrl-C at random moments of a training on a terminal, and looks what becomes of run, file and terminal.

    python tests/faults/interrupt_training.py [--count 50] [--seed 0]

A program of its own trains on a terminal of its own (a pty): with a bar, a thread that reads ahead, a validation, and a
checkpoint after every batch. The key is pressed as a hand does it, as a character that the terminal makes a signal of.
At a random moment of the run: while Python imports, in a step, in a validation, while a file is written, and after the
training. Looked at are:

- the time to the end: 5 s at most;
- how it ended: within ``fit`` the run stops, says so, and the program goes on to its own end (code 0); outside of it
  the program ends by the signal, as `training_program` asks for by its first line. No traceback either way;
- the checkpoint: it loads, nothing lies beside it, and the run that goes on from it ends as the one that nobody
  disturbed, bit for bit;
- the terminal: settings as before, cursor visible, no colour left on, the line ended, and no piece of a bar on the
  lines that stay.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import random
import re
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).resolve().parents[1]
NAME = "run.safetensors"
LIMIT = 5.0  # seconds from the key to the end
COLUMNS = 80


def training_program(path: str) -> None:
    """What runs on the terminal."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # outside of fit, Ctrl-C ends the program without a traceback
    os.write(1, b"begun\n")
    from faults.training import EPOCHS, prepared

    trainer, loader, held = prepared(path, size=64, progress=True)
    print("ready", flush=True)
    trainer.fit(loader, EPOCHS, validation=held)
    print("ended:", trainer.stop_reason, flush=True)
    time.sleep(0.05)  # a moment after the training


class Ended(NamedTuple):
    """How a program on a terminal came to its end."""

    code: int  # minus the signal that ended it
    output: str
    seconds: float  # from the key to the end; from the beginning, where none was pressed
    marks: dict[str, float]  # when it said what, in seconds from its beginning
    settings: bool  # are the terminal's as before?


def on_terminal(path: str, press: tuple[str, float] | None) -> Ended:
    """Run `training_program`, and press Ctrl-C so many seconds after it has said that word ("" is its beginning)."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    before = termios.tcgetattr(slave)
    child = os.fork()
    if not child:
        os.close(master)
        os.login_tty(slave) if hasattr(os, "login_tty") else _login(slave)
        paths = os.pathsep.join([str(TESTS.parent), str(TESTS)])
        environment = {**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1", "TERM": "xterm"}
        os.execve(sys.executable, [sys.executable, __file__, "--train", path], environment)
    start = time.monotonic()
    output, marks, pressed = b"", {"": 0.0}, None
    while True:
        now = time.monotonic() - start
        if press and pressed is None and press[0] in marks and now >= marks[press[0]] + press[1]:
            os.write(master, b"\x03")
            pressed = now
        assert now < (60 if pressed is None else pressed + 60), f"it hangs:\n{output.decode()}"
        if select.select([master], [], [], 0.002)[0]:
            try:
                output += os.read(master, 1 << 16)
            except OSError:  # Linux says so when the other side is closed
                break
            for word in ("begun", "ready", "ended"):
                if word.encode() in output:
                    marks.setdefault(word, time.monotonic() - start)
        elif (
            os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
            and not select.select([master], [], [], 0)[0]
        ):  # nothing more is on its way
            break
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    end = time.monotonic() - start
    settings = termios.tcgetattr(slave) == before
    os.close(slave)
    os.close(master)
    return Ended(code, output.decode(), end - (pressed or 0.0), marks, settings)


def _login(slave: int) -> None:
    """Make it the terminal of this process (`os.login_tty` came with Python 3.11)."""
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for number in range(3):
        os.dup2(slave, number)


def screen(output: str) -> list[str]:
    """The lines that a terminal shows in the end; the cursor is behind the last one. ValueError for other controls."""
    lines, row, column = [""], 0, 0
    for text in re.findall(r"\x1b\[[0-9;?]*[a-zA-Z]|.", output, re.DOTALL):
        if text == "\r":
            column = 0
        elif text == "\n":
            row += 1
            lines += [""] * (row - len(lines) + 1)
        elif ord(text[0]) < 32:
            raise ValueError(f"a control sequence that nothing here has a use for: {text!r}")
        else:
            if column == COLUMNS:
                row, column = row + 1, 0
                lines += [""] * (row - len(lines) + 1)
            lines[row] = lines[row][:column].ljust(column) + text + lines[row][column + 1 :]
            column += 1
    return [line.rstrip() for line in lines]


def judged(ended: Ended) -> tuple[str, list[str]]:
    """Where the key came, and all that is wrong with the end."""
    wrong = []
    if ended.seconds > LIMIT:
        wrong.append(f"it took {ended.seconds:.1f} s")
    if not ended.settings:
        wrong.append("the terminal's settings are others")
    if "Traceback" in ended.output:
        wrong.append("a traceback")
    lines = screen(ended.output)
    if any("|" in line or "\u2588" in line for line in lines):
        wrong.append("a piece of a bar stays")
    if "ready" not in ended.marks or "ended" in ended.marks:
        stopped = "stopped" in ended.output
        where = "before the training" if "ready" not in ended.marks else "in it" if stopped else "after it"
        allowed = (0,) if stopped else (0, -signal.SIGINT)
    else:
        where, allowed = "at its edge", (-signal.SIGINT,)  # between "ready" and fit, or between fit and "ended"
    if ended.code not in allowed:
        wrong.append(f"exit code {ended.code}")
    if ended.code == 0 and lines[-1]:
        wrong.append("the line is not ended")
    return where, wrong


def campaign(count: int, seed: int, folder: str) -> tuple[Counter[str], float]:
    """Where the key came how often, and the longest time to the end; AssertionError at the first thing that is
    wrong."""
    from faults.kill_training import check
    from faults.training import EPOCHS, bits, prepared

    draw, found, longest = random.Random(seed), Counter[str](), 0.0
    path = os.path.join(folder, NAME)
    trainer, loader, held = prepared(size=64)
    trainer.fit(loader, EPOCHS, validation=held)
    expected = bits(trainer)
    whole = on_terminal(path, None)
    assert whole.code == 0, whole.output
    for number in range(count):
        if os.path.exists(path):
            os.remove(path)
        word = "begun" if number % 5 == 4 else "ready"  # one in five before the training
        until = whole.marks["ready"] - whole.marks["begun"] if word == "begun" else whole.seconds - whole.marks["ready"]
        ended = on_terminal(path, (word, draw.uniform(0, until)))
        where, wrong = judged(ended)
        assert not wrong, f"{where}: {', '.join(wrong)}\n{ended.output!r}"
        found[where] += 1
        longest = max(longest, ended.seconds)
        if os.path.exists(path):
            check(path, size=64)
            trainer, loader, held = prepared(size=64)
            trainer.callbacks += [c for c in prepared(path, size=64)[0].callbacks if type(c).__name__ == "Checkpoint"]
            trainer.load(path)
            if trainer.epoch < EPOCHS:
                trainer.fit(loader, EPOCHS, validation=held)
            assert bits(trainer) == expected, f"{where}: the resumed run differs"
    return found, longest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", metavar="PATH", help="be the program on the terminal")
    chosen = parser.parse_args()
    if chosen.train:
        training_program(chosen.train)
        return
    sys.path.insert(0, str(TESTS))
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found, longest = campaign(chosen.count, chosen.seed, folder)
    places = ", ".join(f"{where}: {n}" for where, n in found.items())
    print(f"{chosen.count} times Ctrl-C ({places}); the longest end took {longest:.2f} s")
    print(f"all as it should be ({time.perf_counter() - start:.0f} s)")


if __name__ == "__main__":
    main()
