"""Small files in MNIST's form, and a server on this machine that hands out a folder: what the real ones stand for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from tinygrad_cnn.data import write_idx

NAMES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
SIZES = (12, 5)


def contents(seed: int = 0) -> dict[str, np.ndarray]:
    g = np.random.default_rng(seed)
    shapes = [(12, 28, 28), (12,), (5, 28, 28), (5,)]
    return {n: g.integers(0, 256 if len(s) > 1 else 10, s, dtype=np.uint8) for n, s in zip(NAMES, shapes, strict=True)}


def put(folder: Path, seed: int = 0, suffix: str = ".gz") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in contents(seed).items():
        write_idx(folder / f"{name}{suffix}", array)
    return folder


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address under which a folder is served."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Silence."""

    folder.mkdir(parents=True, exist_ok=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()
