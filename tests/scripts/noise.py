"""The same random numbers for both packages: what a run draws depends on what is asked for, not on who asks.

Each draw is made by a fresh generator, seeded by the seed, by what was asked for (the function, how many numbers) and
by how often that was asked for before. So two packages that fill the same weights in another order, or of which one
draws a seed for its loader that the other does not draw, still get the same numbers. `ours` puts this into our package;
`theirs` makes PyTorch draw every random number from it.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_cnn as tg
from tinygrad_cnn.arrays import rng


class Noise:
    """Stands for a ``numpy.random.Generator``."""

    def __init__(self, seed: int) -> None:
        self.seed, self.asked = seed, Counter[str]()

    def __getattr__(self, function: str) -> Callable[..., Any]:
        def draw(*args: Any, **settings: Any) -> Any:
            numbers = [
                a.size if isinstance(a, np.ndarray) else math.prod(a) if isinstance(a, tuple) else a for a in args
            ]
            key = f"{function} {numbers} {settings}"
            self.asked[key] += 1
            fresh = np.random.default_rng([self.seed, zlib.crc32(key.encode()), self.asked[key]])
            return getattr(fresh, function)(*args, **settings)

        return draw


class _Generator(rng.Generator):
    def manual_seed(self, seed: int) -> _Generator:
        super().manual_seed(seed)
        self.numpy: Any = Noise(seed)
        return self

    def get_state(self) -> dict[str, Any]:
        return {"seed": self.numpy.seed, "bits": dict(self.numpy.asked)}

    def set_state(self, state: dict[str, Any]) -> None:
        self.numpy = Noise(state["seed"])
        self.numpy.asked.update(state["bits"])


def ours() -> None:
    """Our package draws such numbers from now on; ``manual_seed`` works as before."""
    rng._default = _Generator(0)


def _uniform(x: Any, low: float = 0.0, high: float = 1.0) -> Any:
    return tg.nn.init.uniform_(tg.empty(*x.shape, dtype=_dtype(x)), low, high)


def _normal(x: Any, mean: float = 0.0, std: float = 1.0) -> Any:
    return tg.nn.init.normal_(tg.empty(*x.shape, dtype=_dtype(x)), mean, std)


def _mask(x: Any, p: float = 0.5) -> Any:  # as dropout asks
    return rng.resolve(None).random(tuple(x.shape), np.float32) >= np.float32(1 - p)


def _dtype(x: Any) -> Any:
    return np.dtype(str(x.dtype).removeprefix("torch."))


def _ours(x: Any) -> Any:
    return tg.tensor(x.detach().numpy()) if hasattr(x, "detach") else x


DRAWS: dict[str, Callable[..., Any]] = {  # by the names of PyTorch's operators; each gets the result, to know its form
    "uniform_": lambda _y, x, *bounds: _uniform(x, *bounds),
    "normal_": lambda _y, x, *moments: _normal(x, *moments),
    "rand": lambda y, *_: _uniform(y),
    "rand_like": lambda y, *_: _uniform(y),
    "randn": lambda y, *_: _normal(y),
    "randn_like": lambda y, *_: _normal(y),
    "normal": lambda _y, *moments: tg.normal(*map(_ours, moments)),
    "bernoulli": lambda _y, p: tg.bernoulli(_ours(p)),
    "bernoulli_": lambda _y, x, *p: _mask(x, *p),
    "randperm": lambda _y, n: tg.randperm(n),
    "randint": lambda y, *bounds: tg.randint(*bounds[:-1], tuple(y.shape)),
    "multinomial": lambda _y, w, *how: tg.multinomial(_ours(w), *how),
}

HARMLESS = {
    "random_",  # seeds its loaders
    "_scaled_dot_product_flash_attention_for_cpu",  # could drop out, but is not chosen to
}


def theirs(torch: Any) -> Any:
    """A mode of PyTorch's in which it draws from our package's generator."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Theirs(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            y = func(*args, **(kwargs or {}))
            name = func.overloadpacket.__name__
            if name in DRAWS:
                y.copy_(torch.from_numpy(np.ascontiguousarray(np.asarray(DRAWS[name](y, *args)))))
            elif torch.Tag.nondeterministic_seeded in func.tags and name not in HARMLESS:
                raise NotImplementedError(f"{func} draws random numbers, and noise.py does not know how")
            return y

    def order(sampler: Any) -> Any:  # PyTorch's draws another order besides, of which it takes nothing
        return iter(torch.randperm(len(sampler.data_source)).tolist())

    def own_generator(iterator: Any, loader: Any) -> None:  # our loader has one for what the dataset draws
        begin(iterator, loader)
        source, fetch = loader_source(), iterator._dataset_fetcher.fetch

        def fetch_by_it(indices: Any) -> Any:
            with rng.standing_in(source):
                return fetch(indices)

        iterator._dataset_fetcher.fetch = fetch_by_it

    without_workers = torch.utils.data.dataloader._SingleProcessDataLoaderIter
    begin, without_workers.__init__ = without_workers.__init__, own_generator
    torch.utils.data.RandomSampler.__iter__ = order
    return Theirs()


def loader_source() -> rng.Generator:
    """A generator seeded as the loader of our package seeds one for a dataset."""
    return rng.Generator(int(rng.resolve(None).integers(2**63 - 1)))
