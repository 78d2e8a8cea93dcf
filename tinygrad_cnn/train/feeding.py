"""The batches of an epoch, from a loader of any kind, and where they stand."""

from __future__ import annotations

import copy
import zlib
from typing import Any

import numpy as np

from ..arrays.rng import Generator, process_position, process_to, resolve, standing_in
from ..data.loader import DataLoader
from ..data.prefetch import END
from ..data.resuming import OtherEpochError, between_epochs, counted, state_of
from ..data.sources import length, positions, put_back, sources_within, stateful
from ..tensors import Tensor

_SMALL = 1 << 16  # bytes of targets that are looked at


class Feed:
    """One epoch of a loader; with a state, the rest of the one that the state is of.

    A `DataLoader`, and whatever else has ``state_dict()`` and ``load_state_dict()``, is asked for its state. Any other
    loader is walked again from where the random numbers stood when the epoch began, and its first batches are dropped;
    so that this gives the same ones, it draws from a generator of its own where it would draw from the package's.
    """

    def __init__(self, loader: Any, state: dict[str, Any] | None = None) -> None:
        self.loader, self._asked = loader, stateful(loader)
        self._source: Generator | None = None
        self._digests = [0]  # of the targets, after each batch
        self._place: Any = None  # where a DataLoader's epoch stands, which may be walked by others meanwhile
        if state is not None and "begin" not in state and not self._asked:
            restore_between(loader, state)
            state = None
        if self._asked:
            if state is not None:
                loader.load_state_dict(state)
            self._batches = iter(loader)
            self._place = getattr(loader, "_place", None)
        else:
            self._walk(state)

    def _walk(self, state: dict[str, Any] | None) -> None:
        now, found = process_position(), sources_within(self.loader)
        if state is not None:
            _check(self.loader, state)
            process_to(state["begin"]["process"])
            put_back(found, state["begin"]["generators"])
        self._begin = {"process": process_position(), "generators": positions(found)}
        try:
            if not isinstance(self.loader, (list, tuple)):
                self._source = Generator(int(resolve(None).integers(2**63 - 1)))
            with standing_in(self._source):
                self._batches = iter(self.loader)
            for _ in range(0 if state is None else state["batches"]):
                self.next()
        finally:
            if state is not None:
                process_to(now)
        if state is not None and self._digests[-1] != state["digest"]:
            raise OtherEpochError(
                f"the {type(self.loader).__name__} gives other batches than in the saved run, from the same random "
                "state; give it state_dict() and load_state_dict()"
            )
        if state is not None:
            put_back(found, state["generators"])

    def next(self) -> Any:
        """The next batch, or `END`."""
        if self._asked:
            batch = next(self._batches, END)
            self._place = self._place or getattr(self.loader, "_place", None)
            return batch
        with standing_in(self._source):
            batch = next(self._batches, END)
        if batch is not END:
            self._digests.append(zlib.crc32(_targets(batch), self._digests[-1]))
        return batch

    def sure_of_more(self, batches: int) -> bool:
        """Is there certainly a batch after so many? Where it cannot be known, one must ask for it."""
        loader = self.loader
        return isinstance(loader, DataLoader) and counted(loader) and batches < len(loader)

    def state(self, batches: int) -> dict[str, Any]:
        """Where the loader stood after so many batches."""
        if isinstance(self.loader, DataLoader) and type(self.loader).state_dict is DataLoader.state_dict:
            return state_of(self.loader, self._place, batches)
        if self._asked:
            return copy.deepcopy(dict(self.loader.state_dict()))
        return {
            "batches": batches,
            "digest": self._digests[batches],
            "begin": self._begin,
            "generators": positions(sources_within(self.loader)),
            "settings": _settings(self.loader),
        }

    def close(self) -> None:
        """The epoch is left: what reads ahead for it ends."""
        self._batches = iter(())


def state_between(loader: Any) -> dict[str, Any]:
    """The state of a loader between two epochs."""
    if isinstance(loader, DataLoader):
        return between_epochs(loader)
    if stateful(loader):
        return copy.deepcopy(dict(loader.state_dict()))
    return {"batches": 0, "generators": positions(sources_within(loader)), "settings": _settings(loader)}


def restore_between(loader: Any, state: dict[str, Any]) -> None:
    """Put a loader into the state between two epochs."""
    if stateful(loader):
        loader.load_state_dict(state)
        return
    found = sources_within(loader)
    if "generators" not in state or (sorted(found) != sorted(state["generators"]) and "settings" in state):
        raise ValueError(
            f"the saved run had generators in {sorted(state.get('generators', ())) or 'no part'} of its loader, this "
            f"loader has them in {sorted(found) or 'none'}; a resumed run needs the same loader"
        )
    put_back(found, state["generators"])


def _settings(loader: Any) -> dict[str, Any]:
    return {"loader": type(loader).__name__, "batches": length(loader)}


def _check(loader: Any, state: dict[str, Any]) -> None:
    saved, own = state.get("settings", {}), _settings(loader)
    if saved != own or "digest" not in state:
        was = f"a {saved['loader']} of {saved['batches']} batches" if "loader" in saved else "another loader"
        raise OtherEpochError(f"the epoch was saved with {was}, this is a {own['loader']} of {own['batches']} batches")


def _targets(batch: Any) -> bytes:
    """Of a batch its last part, if that is small: what tells whether it is the same batch."""
    last = batch[-1] if isinstance(batch, (list, tuple)) and batch else batch
    array = last._array if isinstance(last, Tensor) else last
    small = isinstance(array, np.ndarray) and array.nbytes <= _SMALL and array.dtype != object
    return array.tobytes() if small else b""
