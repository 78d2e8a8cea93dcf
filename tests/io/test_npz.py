"""NumPy's .npy and .npz: what is in them comes as Tensors, and nothing in them runs or unfolds."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.faults.lies import npy_lies, npz_lies
from tests.faults.mutations import bit_flips, judge, memory_in_child, truncations
from tests.faults.reading import load_bytes, npz
from tinygrad_cnn.io import load
from tinygrad_cnn.tensors import Tensor

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]
arrays = st.tuples(st.sampled_from(DTYPES), st.sampled_from("<>")).flatmap(
    lambda kind: hnp.arrays(
        np.dtype(kind[1] + kind[0].replace("?", "b1")), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)
    )
)


def same(ours: Any, array: np.ndarray) -> bool:
    native = array.astype(array.dtype.newbyteorder("="))
    found = ours.numpy()
    return bool(
        type(ours) is Tensor
        and found.dtype == native.dtype
        and found.shape == native.shape
        and found.tobytes() == native.tobytes()
        and found.flags.writeable
    )


@given(st.dictionaries(st.text("ab._/é0", min_size=1, max_size=5), arrays, min_size=1, max_size=4), st.booleans())
def test_an_archive_comes_as_a_dict_of_tensors(state: dict[str, np.ndarray], packed: bool) -> None:
    file = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(file, **{f"x{name}": value for name, value in state.items()})
    back = load_bytes(file.getvalue())
    assert [name[1:] for name in back] == list(state)
    assert all(same(ours, state[name[1:]]) for name, ours in back.items())


@given(arrays, st.sampled_from("CF"))
def test_an_array_comes_as_a_tensor(array: np.ndarray, order: Any) -> None:
    file = io.BytesIO()
    np.save(file, np.asarray(array, order=order))
    assert same(load_bytes(file.getvalue()), array)


def test_from_a_path_whatever_it_is_called(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", np.arange(3), w=np.ones(2))
    (tmp_path / "a.npz").rename(tmp_path / "weights.pt")
    back = load(tmp_path / "weights.pt")
    assert {name: value.tolist() for name, value in back.items()} == {"w": [1, 1], "arr_0": [0, 1, 2]}
    for version in ((1, 0), (2, 0), (3, 0)):
        with open(tmp_path / "v.npy", "wb") as file:
            np.lib.format.write_array(file, np.arange(3), version)
        assert load(tmp_path / "v.npy").tolist() == [0, 1, 2]


def test_objects_are_refused_in_our_words(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", ok=np.ones(1), bad=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match=r"load: .*a\.npz' is no \.npz that is read: bad: .*could run any code"):
        load(tmp_path / "a.npz")
    np.save(tmp_path / "a.npy", np.array([None]))
    with pytest.raises(ValueError, match=r"load: .*a\.npy' is no \.npy file that is read: .*could run any code"):
        load(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.array(["text"]))
    with pytest.raises(ValueError, match=r"its dtype '<U4' is none that a Tensor has"):
        load(tmp_path / "a.npy")


@pytest.mark.parametrize("lies", [npy_lies, npz_lies], ids=["npy", "npz"])
def test_lies(lies: Any) -> None:
    found = judge(load_bytes, list(lies()), says="load: 'run.safetensors'", limit_s=10)
    assert found.files >= 25
    assert not found.wrong, found


def test_truncations() -> None:
    found = judge(load_bytes, truncations(npz()), says="load: 'run.safetensors'", limit_s=10)
    assert not found.wrong, found


def test_no_entry_is_lost_in_silence() -> None:
    """Each bit of the directory at the end turned: all arrays come, the same, or an error."""
    content = npz()
    begin = content.index(b"PK\x01\x02")
    damaged = [(name, flipped) for name, flipped in bit_flips(content) if flipped[:begin] == content[:begin]]
    values = {name: value.tolist() for name, value in load_bytes(content).items()}
    found = judge(
        load_bytes,
        damaged,
        says="load: 'run.safetensors'",
        accept=lambda back: {name: value.tolist() for name, value in back.items()} == values,
        limit_s=10,
    )
    assert found.accepted > 0  # dates, and versions of programs
    assert not found.wrong, found


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc on this system")
def test_a_bomb_takes_no_memory() -> None:
    (content,) = (content for name, content in npz_lies() if name == "64 MB of zeros")
    grown, error = memory_in_child(lambda: load_bytes(content))
    assert "far more than such files do" in error
    assert grown < len(content) + (32 << 20)
