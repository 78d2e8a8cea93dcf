"""How the readers of the package are asked for what the bytes of a file hold, and small files of each format."""

from __future__ import annotations

import atexit
import gzip
import io
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_cnn.data import read_idx
from tinygrad_cnn.io import load, save
from tinygrad_cnn.tensors import Tensor


def load_bytes(content: bytes) -> Any:
    """What `load` makes of a file of this content, called "run.safetensors"."""
    file = io.BytesIO(content)
    file.name = "run.safetensors"  # type: ignore[attr-defined]
    return load(file)


def through_a_file(read: Callable[[Path], Any], name: str) -> Callable[[bytes], Any]:
    """A reader of bytes from one of paths: they are written to a file of that name."""
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)

    def reading(content: bytes) -> Any:
        path = folder / name
        path.write_bytes(content)
        return read(path)

    return reading


def checkpoint() -> bytes:
    """A small checkpoint of ours."""
    file = io.BytesIO()
    shared = Tensor(np.arange(6, dtype=np.float32).reshape(2, 3))
    state = {"w": shared, "tied": shared.numpy().T, "b": np.zeros((0, 2)), "epoch": 3, "n": {1: (2.5, float("inf"))}}
    save(state, file)
    return file.getvalue()


def foreign() -> bytes:
    """A small safetensors file that another program wrote."""
    import safetensors.numpy

    arrays = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros(3, np.int64)}
    return bytes(safetensors.numpy.save(arrays, metadata={"format": "pt"}))


def idx_gz() -> bytes:
    """A small gzipped IDX file of images."""
    images = np.random.default_rng(0).integers(0, 256, (3, 5, 5), np.uint8)
    header = bytes([0, 0, 8, 3]) + b"".join(size.to_bytes(4, "big") for size in images.shape)
    return gzip.compress(header + images.tobytes(), mtime=0)


def idx_images() -> np.ndarray[Any, Any]:
    """What stands in `idx_gz`."""
    return np.random.default_rng(0).integers(0, 256, (3, 5, 5), np.uint8)


def npz() -> bytes:
    """A small compressed .npz."""
    file = io.BytesIO()
    np.savez_compressed(file, w=np.arange(6, dtype=np.float32).reshape(2, 3), n=np.array([1, 2, 3]))
    return file.getvalue()


__all__ = ["checkpoint", "foreign", "idx_gz", "idx_images", "load_bytes", "npz", "read_idx", "through_a_file"]
