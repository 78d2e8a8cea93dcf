"""Random numbers: one generator for the package, or one handed in. The same seed gives the same bits."""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from .locks import shared_lock

if TYPE_CHECKING:
    import random

    Source: TypeAlias = "Generator | np.random.Generator | np.random.RandomState | random.Random"


class Generator:
    """A seeded source of random numbers, under the names of ``torch.Generator``.

    ``numpy`` is the ``numpy.random.Generator`` that does the work. Threads may share one: no draw is lost and none
    comes twice, but which thread gets which is a matter of chance.

    >>> Generator(0).numpy.integers(10) == Generator(0).numpy.integers(10)
    True
    """

    def __init__(self, seed: int | None = None) -> None:
        self.manual_seed(int.from_bytes(os.urandom(8), "little") >> 1 if seed is None else seed)

    def manual_seed(self, seed: int) -> Generator:
        """Start again from ``seed``, an integer >= 0; returns self."""
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
            raise ValueError(f"a seed is an integer >= 0, got {seed!r}")
        self.numpy, self._seed = np.random.default_rng(int(seed)), int(seed)
        return self

    @classmethod
    def at(cls, state: dict[str, Any]) -> Generator:
        """One that stands where another stood when `get_state` was called."""
        new = cls(0)
        new.set_state(state)
        return new

    def initial_seed(self) -> int:
        """The seed this generator was started from."""
        return self._seed

    def get_state(self) -> dict[str, Any]:
        """Where the generator stands, as a dictionary of plain Python values (a copy)."""
        bits, seed = self.numpy.bit_generator, self._seed
        with bits.lock:  # a thread that draws holds it: half a step is no state
            return {"seed": seed, "bits": copy.deepcopy(bits.state)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back to a state that `get_state` returned."""
        if not isinstance(state, dict) or set(state) != {"seed", "bits"}:
            raise ValueError("set_state expects what get_state returned: a dict with the keys 'seed' and 'bits'")
        fresh = np.random.default_rng(0)
        fresh.bit_generator.state = copy.deepcopy(state["bits"])  # refuses a state of another kind by itself
        self.numpy, self._seed = fresh, int(state["seed"])

    def __repr__(self) -> str:
        return f"Generator(seed={self._seed})"


_default: Generator | None = None
_making = shared_lock()


class _Here(threading.local):
    """What stands for the package's own generator in this thread, if anything does."""

    generator: Generator | None = None


_here = _Here()


@contextmanager
def standing_in(generator: Generator | None) -> Iterator[None]:
    """Within this block and thread, ``generator`` is the package's own; None changes nothing."""
    before = _here.generator
    _here.generator = generator or before
    try:
        yield
    finally:
        _here.generator = before


def default_generator() -> Generator:
    """The package's own generator; seeded from the system until `manual_seed` is called."""
    global _default
    if _here.generator is not None:
        return _here.generator
    if _default is None:  # made at first use: NumPy's random module costs import time
        with _making:
            if _default is None:  # still, and not made by another thread meanwhile
                _default = Generator()
    return _default


def _open_lock() -> None:
    """A thread that was drawing when the process forked does not draw in the child, but NumPy's lock is shut there."""
    if _default is None:
        return
    bits = _default.numpy.bit_generator
    if bits.lock.acquire(blocking=False):
        bits.lock.release()
    else:
        _default.numpy = np.random.default_rng(0)
        _default.numpy.bit_generator.state = bits.state


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_open_lock)


def manual_seed(seed: int) -> Generator:
    """Seed the package's own generator and return it."""
    return default_generator().manual_seed(seed)


def seed() -> int:
    """Seed the package's own generator from the system, and return the seed."""
    return manual_seed(Generator().initial_seed()).initial_seed()


def initial_seed() -> int:
    """The seed that the package's own generator was started from."""
    return default_generator().initial_seed()


def resolve(generator: Generator | np.random.Generator | None) -> np.random.Generator:
    """The NumPy generator behind what a ``generator=`` argument may be: ours, NumPy's, or None for the package's
    own."""
    if generator is None:
        return default_generator().numpy
    if isinstance(generator, Generator):
        return generator.numpy
    if isinstance(generator, np.random.Generator):
        return generator
    raise TypeError(
        f"generator must be a tinygrad_cnn.Generator, a numpy.random.Generator or None, got {type(generator).__name__}"
    )


def uniform(shape: tuple[int, ...], dtype: np.dtype[Any], generator: Any = None) -> Any:
    """Numbers spread evenly over [0, 1): an array, in float32 where the dtype is no wider, else in float64."""
    return resolve(generator).random(shape, np.float32 if dtype.itemsize <= 4 else np.float64)


def normal(shape: tuple[int, ...], dtype: np.dtype[Any], generator: Any = None) -> Any:
    """Numbers of mean 0 and standard deviation 1: an array, in float32 where the dtype is no wider, else in float64."""
    return resolve(generator).standard_normal(shape, np.float32 if dtype.itemsize <= 4 else np.float64)


# ------------------------------------------------------------------------------------------------------- positions
def is_source(x: Any) -> bool:
    """Is it a generator of random numbers whose position can be kept: ours, NumPy's (old or new) or Python's?"""
    import random

    if isinstance(x, (Generator, np.random.Generator, np.random.RandomState)):
        return True
    return isinstance(x, random.Random) and not isinstance(x, random.SystemRandom)


def position(source: Source) -> dict[str, Any]:
    """Where a generator stands, as plain Python values and arrays (a copy)."""
    if isinstance(source, Generator):
        return source.get_state()
    if isinstance(source, np.random.Generator):
        return {"bits": copy.deepcopy(source.bit_generator.state)}
    if isinstance(source, np.random.RandomState):
        return {"legacy": copy.deepcopy(source.get_state(legacy=False))}
    return _python_position(source)


def go_to(source: Source, where: dict[str, Any]) -> None:
    """Put a generator where `position` found it. Raises ValueError for the position of another kind of generator."""
    key = {Generator: "seed", np.random.Generator: "bits", np.random.RandomState: "legacy"}
    wanted = next((name for kind, name in key.items() if isinstance(source, kind)), "numbers")
    if not isinstance(where, dict) or wanted not in where:
        raise ValueError(f"this is no position of a {type(source).__name__}: {where!r}")
    if isinstance(source, Generator):
        source.set_state(where)
    elif isinstance(source, np.random.Generator):
        source.bit_generator.state = copy.deepcopy(where["bits"])
    elif isinstance(source, np.random.RandomState):
        source.set_state(copy.deepcopy(where["legacy"]))
    else:
        source.setstate((int(where["version"]), tuple(int(x) for x in where["numbers"]), where["gauss"]))


def process_position() -> dict[str, Any]:
    """Where the generators stand that the whole process shares: "package" (ours), "python" (``random``) and "numpy"
    (``np.random``)."""
    import random

    return {
        "package": default_generator().get_state(),
        "python": _python_position(random),
        "numpy": {"legacy": np.random.get_state(legacy=False)},
    }


def process_to(where: dict[str, Any]) -> None:
    """Put those of the process's generators that ``where`` names where `process_position` found them."""
    import random

    if "package" in where:
        default_generator().set_state(where["package"])
    if "python" in where:
        kept = where["python"]
        random.setstate((int(kept["version"]), tuple(int(x) for x in kept["numbers"]), kept["gauss"]))
    if "numpy" in where:
        np.random.set_state(copy.deepcopy(where["numpy"]["legacy"]))


def _python_position(source: Any) -> dict[str, Any]:
    version, numbers, gauss = source.getstate()
    return {"version": version, "numbers": np.array(numbers, np.uint32), "gauss": gauss}
