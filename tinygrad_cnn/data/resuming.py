"""A loader's epoch that goes on: its state, whether it fits the loader, and the way to where it stood."""

from __future__ import annotations

import copy
import itertools
from collections import deque
from typing import Any

from ..arrays.rng import process_position, process_to
from ..arrays.telling import warn_of
from . import sources
from .standing import Epoch, Place, differences, settings_of

_HARD = ("samples", "batch_size", "batches", "drop_last", "sampler")  # with another of these it is another epoch


class OtherEpochError(ValueError):
    """A state of the middle of an epoch came to a loader whose epochs are others."""


def state_of(loader: Any, place: Place | None = None, batches: int | None = None) -> dict[str, Any]:
    """The state of a loader where its last epoch stands, or the one at ``place``, after so many batches."""
    if place is None and loader._resumed is not None:
        return copy.deepcopy(loader._resumed)
    state, found = between_epochs(loader), place or loader._place
    if found is None or (found.over and place is None):
        return state
    state.update(found.state(found.batches if batches is None else batches))
    read = state["read"] or {}
    state["generators"].update(read.get("generators", {}))
    state["dataset"].update(read.get("dataset", {}))
    return state


def between_epochs(loader: Any) -> dict[str, Any]:
    """The state of a loader of which no epoch goes on."""
    reads = sources.reading_sources(loader)
    return {
        "batches": 0,
        "generators": sources.positions({**sources.order_sources(loader, reads), **reads}),
        "samplers": sources.states(sources.stateful_samplers(loader)),
        "dataset": sources.states(sources.stateful_data(loader.dataset)),
        "quiet": [*loader._quiet],
        "seeded": loader._seeded,
        "settings": settings_of(loader),
    }


def counted(loader: Any) -> bool:
    """Is ``len`` the number of batches for certain? That of a stream, and of a user's sampler, is what they say."""
    order = loader.batch_sampler if loader._batching else loader.sampler
    return not loader._stream and not sources.draws_by_itself(order)


def check_state(loader: Any, state: Any) -> None:
    """Raise, or warn, where a state is none, or one of another loader."""
    if not isinstance(state, dict) or not {"batches", "generators"} <= set(state):
        raise ValueError(f"DataLoader: expected what state_dict() returned, got {_short(state)}")
    reads = sources.reading_sources(loader)
    own = sorted({**sources.order_sources(loader, reads), **reads})
    saved = sorted(state["generators"])
    if "settings" not in state:  # of a file that knew the loader's generators alone
        own = [name for name in own if name in ("loader", "sampler", "batch_sampler", "batch_sampler.sampler")]
    if own != saved:
        raise ValueError(
            f"the saved run had generators in {saved or 'no part'} of its loader, this loader has them in "
            f"{own or 'none'}; a resumed run needs the same loader"
        )
    for what, mine in (
        ("samplers", sources.stateful_samplers(loader)),
        ("dataset", sources.stateful_data(loader.dataset)),
    ):
        if sorted(state.get(what, mine)) != sorted(mine):
            raise ValueError(
                f"the saved run had a state of {sorted(state[what]) or 'no'} {what}, and this loader has "
                f"{sorted(mine) or 'none'} with state_dict(); a resumed run needs the same loader"
            )
    now = settings_of(loader)
    saved_settings = state.get("settings", now)
    if "begin" in state and (other := differences(saved_settings, now, _HARD)):
        raise OtherEpochError(
            f"the epoch was saved after batch {state['batches']}, and this loader's epochs are others: {other}; to go "
            "on in the middle of an epoch, make the loader as it was"
        )
    if other := differences(saved_settings, now):
        warn_of(f"the loader is not the one of the saved run: {other}")


def load(loader: Any, state: dict[str, Any]) -> None:
    """Put a loader where it stood; in the middle of an epoch its next one goes on."""
    loader._place, loader._resumed = None, None
    loader._seeded = bool(state.get("seeded", False)) and loader.persistent_workers
    if "begin" in state:
        loader._resumed = copy.deepcopy(state)
        return
    reads = sources.reading_sources(loader)
    sources.put_back({**sources.order_sources(loader, reads), **reads}, state["generators"])
    for things, what in (
        (sources.stateful_samplers(loader), "samplers"),
        (sources.stateful_data(loader.dataset), "dataset"),
    ):
        for name, thing in things.items() if what in state else ():
            thing.load_state_dict(copy.deepcopy(state[what][name]))
    loader._quiet = tuple(state.get("quiet", loader._quiet))


def resume(loader: Any, state: dict[str, Any]) -> Epoch:
    """The epoch that a state is of, from where it stood on: its order is drawn again from where the generators stood
    when it began. The generators that the process shares are left as they are now."""
    now, begin = process_position(), state["begin"]
    reads = sources.reading_sources(loader)
    found = {**sources.order_sources(loader, reads), **reads}

    def begun(samplers: dict[str, Any] | None) -> Epoch:
        process_to(begin["process"])
        sources.put_back(found, begin["generators"])
        loader._quiet = tuple(begin["quiet"])
        return loader._begin(samplers)

    def taken_again(epoch: Epoch) -> bool:
        deque(itertools.islice(epoch.tasks, state["taken"]), maxlen=0)
        if (epoch.place.taken, epoch.place.digest) != (state["taken"], state["digest"]):
            return False
        return sources.alike(sources.states(sources.stateful_samplers(loader)), state["samplers"])

    try:
        epoch = begun(begin.get("samplers"))
        if taken_again(epoch):
            while len(epoch.place.ahead) > len(state["ahead"]):
                epoch.place.ahead.popleft()
        elif state["samplers"]:  # which go on by themselves from where they stood
            epoch = begun(state["samplers"])
            place = epoch.place
            place.taken, place.digest, place.ahead = state["taken"], state["digest"], deque(state["ahead"])
            place.exhausted = state["exhausted"]
        else:
            raise OtherEpochError(
                "the sampler gives another order than in the saved run, from the same random state; it must draw "
                "all at once or from its own generator, or have state_dict() and load_state_dict()"
            )
    finally:
        process_to(now)
        sources.put_back(found, state["generators"])
        loader._quiet = tuple(state["quiet"])
    place = epoch.place
    place.begin, place.batches, place.read = begin, state["batches"], state["read"]
    read = place.read or {}
    kept = begin["dataset"] if read.get("still") and not read["over"] else state["dataset"]
    for name, part in epoch.reading.data.items():
        part.load_state_dict(copy.deepcopy(kept[name]))
    more = () if place.exhausted else epoch.tasks
    return epoch._replace(tasks=itertools.chain(list(place.ahead), more))


def arrive(epoch: Epoch, state: dict[str, Any] | None) -> None:
    """Where batches are read, before the first: a stream whose state does not tell where it stood is read up to there,
    and everything is put there."""
    reading = epoch.reading
    if state is not None:
        read, stream = state["read"], reading.stream
        if stream is not None and read is not None and read["over"]:
            stream.end()
        elif stream is not None and read is not None and (not reading.data or read.get("still")):
            now = process_position()
            process_to({name: state["begin"]["process"][name] for name in ("python", "numpy")})
            sources.put_back(reading.sources, state["begin"]["generators"])
            for _ in range(state["batches"]):
                epoch.read(None)
            process_to({name: now[name] for name in ("python", "numpy")})
        reading.go_to(read or {})
    reading.begins()


def _short(x: Any) -> str:
    return f"a dict with the keys {sorted(map(str, x))[:6]}" if isinstance(x, dict) else f"a {type(x).__name__}"
