"""Damage to files, of every kind, and a judge of what a reader makes of it.

`bit_flips`, `truncations`, `several_flips` and `random_mutations` make damaged copies of a file's bytes, each with a
name; `judge` puts them to a reader and counts. A reader may raise `allowed` errors, and nothing else; it may not take
longer than `limit_s` of the processor's time, nor more memory than `limit_bytes`. What it returns instead of raising is
given to `accept`, which says whether that is all right (by default it never is: every change must be found).

    found = judge(read, bit_flips(content))
    assert not found.wrong, found

`memory_in_child` runs a function in a process of its own and tells by how much that process grew: for memory that
tracemalloc does not see.
"""

from __future__ import annotations

import ctypes
import gc
import itertools
import os
import random
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

Damaged = tuple[str, bytes]  # what was done, and the bytes
SPARE = 32 << 20  # bytes that a reader may take besides the file's size
ENDS = (0, 1, 0x7F, 0x80, 0xFF)  # bytes that lie at an end of what a byte can be
TEXTS = (b"-1", b"NaN", b"1e400", b"[" * 40, b"{" * 40, b"9" * 40, b"\x00" * 16, b"\xff" * 16, b'"', b"\\", b"\x80\x04")


def bit_flips(content: bytes) -> Iterator[Damaged]:
    """Each bit of the file turned, one at a time: 8 times as many files as it has bytes."""
    for at in range(len(content)):
        for bit in range(8):
            damaged = bytearray(content)
            damaged[at] ^= 1 << bit
            yield f"bit {bit} of byte {at}", bytes(damaged)


def truncations(content: bytes) -> Iterator[Damaged]:
    """The file cut off behind each of its bytes."""
    for length in range(len(content)):
        yield f"cut to {length} bytes", content[:length]


def several_flips(
    content: bytes, count: int, *, flips: int, seed: int = 0, within: range | None = None
) -> Iterator[Damaged]:
    """``count`` files with so many bytes changed at once, each in one bit or wholly, anywhere or ``within`` a range."""
    draw = random.Random(seed)
    places = within if within is not None else range(len(content))
    for number in range(count):
        damaged = bytearray(content)
        chosen = draw.sample(places, min(flips, len(places)))
        for at in chosen:
            damaged[at] ^= draw.choice((1 << draw.randrange(8), draw.randrange(1, 256)))
        yield f"{flips} flips, number {number}, in bytes {sorted(chosen)}", bytes(damaged)


def random_mutations(content: bytes, count: int, *, seed: int = 0) -> Iterator[Damaged]:
    """``count`` files that differ from this one in one to four random edits of any kind and length."""
    draw = random.Random(seed)
    for number in range(count):
        damaged, done = bytearray(content), []
        while bytes(damaged) == content:
            done = [_edit(damaged, draw) for _ in range(draw.choice((1, 1, 1, 2, 3, 4)))]
        yield f"mutation {number}: {', '.join(done)}", bytes(damaged)


def _edit(damaged: bytearray, draw: random.Random) -> str:
    """Change the bytes in place; what was done."""
    kind = draw.choice(("write", "end", "text", "insert", "delete", "copy", "swap", "zero", "cut", "append", "number"))
    size = len(damaged)
    at = draw.randrange(size) if size else 0
    run = min(draw.choice((1, 2, 4, 8, 64, max(size // 3, 1))), max(size - at, 0))
    if kind == "write":
        damaged[at : at + run] = draw.randbytes(run)
    elif kind == "end":
        damaged[at : at + 1] = bytes([draw.choice(ENDS)])
    elif kind in ("text", "insert"):
        text = draw.choice(TEXTS) if kind == "text" else draw.randbytes(run)
        damaged[at : at + (len(text) if draw.random() < 0.5 else 0)] = text
    elif kind == "delete":
        del damaged[at : at + run]
    elif kind == "copy":
        there = draw.randrange(size + 1)
        damaged[there:there] = damaged[at : at + run]
    elif kind == "swap":
        there = draw.randrange(size) if size else 0
        one, other = damaged[at : at + run], damaged[there : there + run]
        damaged[at : at + run], damaged[there : there + run] = other, one
    elif kind == "zero":
        damaged[at : at + run] = bytes(run)
    elif kind == "cut":
        del damaged[at:]
    elif kind == "append":
        damaged += draw.choice((b"\0", b" ", draw.randbytes(run), bytes(damaged[:run])))
    else:  # a number of 1, 2, 4 or 8 bytes, as formats hold them
        width, order = draw.choice((1, 2, 4, 8)), draw.choice(("little", "big"))
        wanted = draw.choice((0, 1, size, size + 1, (1 << 8 * width - 1) - 1, 1 << 8 * width - 1, (1 << 8 * width) - 1))
        damaged[at : at + width] = (wanted % (1 << 8 * width)).to_bytes(width, order)
    return f"{kind} at {at}"


@dataclass
class Judgement:
    """What a reader made of damaged files."""

    files: int = 0
    errors: Counter[str] = field(default_factory=Counter)  # by the error's type
    accepted: int = 0  # read, and `accept` was content
    wrong: list[str] = field(default_factory=list)  # the first few of them, in words
    slowest: float = 0.0  # seconds of the processor's time
    largest: int = 0  # bytes that tracemalloc saw, besides what was there before

    def __add__(self, other: Judgement) -> Judgement:
        return Judgement(
            self.files + other.files,
            self.errors + other.errors,
            self.accepted + other.accepted,
            self.wrong + other.wrong,
            max(self.slowest, other.slowest),
            max(self.largest, other.largest),
        )

    def __str__(self) -> str:
        errors = ", ".join(f"{count:,} {name}" for name, count in self.errors.most_common())
        text = f"{self.files:,} files: {errors or 'no error'}; {self.accepted:,} read; {len(self.wrong)} wrong"
        text += f"; slowest {self.slowest * 1000:.0f} ms, most memory {self.largest / 2**20:.1f} MB"
        return "\n  ".join([text, *self.wrong[:20]])


def judge(
    read: Callable[[bytes], Any],
    damaged: Iterable[Damaged],
    *,
    allowed: tuple[type[BaseException], ...] = (ValueError, OSError),
    accept: Callable[[Any], bool] = lambda _: False,
    says: str = "",
    limit_s: float = 1.0,
    limit_bytes: int = SPARE,
    most_wrong: int = 100,
) -> Judgement:
    """Put each damaged file to ``read``; stops after ``most_wrong`` wrong answers.

    ``says`` must stand in each error's text: the name of the file, or how it begins. Memory is counted from a file's
    size on. Errors must be of an allowed type itself, or of the standard library's subclasses of it; MemoryError and
    RecursionError never are.
    """
    found = Judgement()
    started = not tracemalloc.is_tracing()
    if started:
        tracemalloc.start(1)
    try:
        for name, content in damaged:
            found.files += 1
            _judge_one(found, read, name, content, allowed, accept, says, limit_s, limit_bytes)
            if len(found.wrong) >= most_wrong:
                break
    finally:
        if started:
            tracemalloc.stop()
    return found


def _judge_one(
    found: Judgement,
    read: Callable[[bytes], Any],
    name: str,
    content: bytes,
    allowed: tuple[type[BaseException], ...],
    accept: Callable[[Any], bool],
    says: str,
    limit_s: float,
    limit_bytes: int,
) -> None:
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    begun = time.process_time()
    result: Any = None
    error: BaseException | None = None
    try:
        result = read(content)
    except Exception as raised:
        error = raised
    spent = time.process_time() - begun
    grown = tracemalloc.get_traced_memory()[1] - before - len(content)
    found.slowest, found.largest = max(found.slowest, spent), max(found.largest, grown)
    if error is None:
        if accept(result):
            found.accepted += 1
        else:
            found.wrong.append(f"{name}: was read")
    else:
        found.errors[type(error).__name__] += 1
        if not isinstance(error, allowed):
            found.wrong.append(f"{name}: {type(error).__name__}: {str(error)[:200]}")
        elif says not in str(error):
            found.wrong.append(f"{name}: the error does not say {says!r}: {str(error)[:200]}")
    if spent > limit_s:
        found.wrong.append(f"{name}: {spent:.2f} s")
    if grown > limit_bytes:
        found.wrong.append(f"{name}: {grown / 2**20:.1f} MB besides the file's {len(content) / 2**20:.1f}")


def campaign(
    read: Callable[[bytes], Any], content: bytes, *, count: int, seed: int = 0, flips: bool = True, **how: Any
) -> Judgement:
    """All of it: every bit, every truncation, ``count`` mutations, and ``count`` pairs and triples of flips each."""
    parts: list[Iterable[Damaged]] = [bit_flips(content), truncations(content)] if flips else []
    parts += [random_mutations(content, count, seed=seed)]
    parts += [several_flips(content, count, flips=n, seed=seed + n) for n in (2, 3)]
    return judge(read, itertools.chain.from_iterable(parts), **how)


def _give_back() -> None:
    """Give free memory back to the system: else what is taken next may lie in it, and nothing is seen to grow."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def memory_in_child(function: Callable[[], Any]) -> tuple[int, str]:
    """By how many bytes a forked child grew while it ran ``function``, and how that ended: "" or the error, as text."""
    import resource

    reading, writing = os.pipe()
    gc.collect()
    _give_back()
    child = os.fork()
    if not child:
        text = ""
        try:
            os.close(reading)
            gc.disable()
            gc.freeze()
            with open("/proc/self/statm") as file:
                before = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            try:
                function()
            except BaseException as error:
                text = f"{type(error).__name__}: {error}"
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
            os.write(writing, f"{grown}\n{text[:4000]}".encode("utf-8", "replace"))
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        grown, _, text = pipe.read().decode().partition("\n")
    os.waitpid(child, 0)
    return int(grown), text
