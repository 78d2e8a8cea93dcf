"""The safetensors format: headers that lie are refused at once, and files of ours are known, however damaged."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from tests.faults.lies import checkpoint_lies, safetensors_lies
from tests.faults.mutations import judge, random_mutations, several_flips
from tests.faults.reading import checkpoint, foreign, load_bytes
from tinygrad_cnn.io import load, save
from tinygrad_cnn.io.tensor_file import chunks
from tinygrad_cnn.tensors import Tensor


class TestLies:
    def test_headers(self) -> None:
        found = judge(load_bytes, list(safetensors_lies()), says="'run.safetensors'", limit_s=10)
        assert found.files >= 60
        assert not found.wrong, found

    def test_the_reference_takes_none_of_them(self) -> None:
        """What we refuse, the format's own reader refuses too, or it is one of these."""
        theirs = set()
        for name, content in safetensors_lies():
            try:
                safetensors.deserialize(content)
            except Exception:  # of a type of its own
                continue
            theirs.add(name)
        assert theirs <= {
            "booleans of 7", "20,000 empty arrays", "a name of a megabyte", "one key twice", "one array twice",
            "200 dimensions of 1", "2000 dimensions of 0", "an empty array too large for any", "metadata twice",
            "a header of spaces", "no header", "two arrays in one place",
        }  # fmt: skip

    def test_states_with_a_right_digest(self) -> None:
        file = io.BytesIO()
        save({"w": Tensor(np.arange(3, dtype=np.float32))}, file)
        found = judge(
            load_bytes, checkpoint_lies(file.getvalue()), says="load: 'run.safetensors' is intact", limit_s=10
        )
        assert found.files >= 30
        assert not found.wrong, found


class TestDamage:
    def test_the_mark_cannot_be_hidden_in_three_places(self) -> None:
        """By flips in the names of the metadata and in the marks, and at the header's length, where they would."""
        content = checkpoint()
        end = content.index(b'\\"state')
        for flips in (1, 2, 3, 5, 7):
            damaged = several_flips(content, 150, flips=flips, within=range(end))
            found = judge(load_bytes, damaged, says="load: 'run.safetensors' is ", limit_s=10)
            assert not found.wrong, found

    @pytest.mark.parametrize("word", [b"tinygrad_cnn checkpoint", b"tinygrad_cnn", b"sha256", b"mark"])
    def test_one_letter_changed_in_three_places_where_a_word_stands(self, word: bytes) -> None:
        content = checkpoint()
        places = [at for at in range(len(content)) if content.startswith(word, at)]
        for chosen in zip(places, places[1:] + places[:1], places[2:] + places[:2], strict=True):
            damaged = bytearray(content)
            for at in set(chosen):
                damaged[at] ^= 1
            with pytest.raises(ValueError, match="is damaged: its content does not agree"):
                load_bytes(bytes(damaged))

    def test_a_digest_cannot_be_emptied(self) -> None:
        content = checkpoint()
        start = content.index(b'{\\"sha256\\":\\"') + 14
        for length in (0, 1, 63):
            shorter = content[:start] + content[start : start + length] + content[start + 64 :]
            size = int.from_bytes(content[:8], "little") - 64 + length
            with pytest.raises(ValueError, match="is damaged"):
                load_bytes(size.to_bytes(8, "little") + shorter[8:])
        with pytest.raises(ValueError, match="is damaged"):
            load_bytes(content[:start] + b"0" * 64 + content[start + 64 :])

    @pytest.mark.parametrize("make", [checkpoint, foreign], ids=["ours", "foreign"])
    def test_random_mutations(self, make: Any) -> None:
        ours = make is checkpoint
        found = judge(
            load_bytes,
            random_mutations(make(), 400, seed=1),
            says="run.safetensors",
            accept=lambda state: not ours and isinstance(state, dict),
            limit_s=10,
        )
        assert not found.wrong, found


class TestForeign:
    def test_a_file_that_speaks_of_us_is_foreign_all_the_same(self) -> None:
        raw = safetensors.numpy.save({"tinygrad_cnn": np.ones(2)}, metadata={"made_by": "tinygrad_cnn"})
        assert load_bytes(raw)["tinygrad_cnn"].tolist() == [1, 1]

    def test_headers_as_others_may_write_them(self) -> None:
        """With spaces, with null as metadata, with escapes in names, with more than we ask for."""
        entry = '{ "dtype" : "F32" ,\n"shape":[1],"data_offsets":[0,4], "more": [1, "x"] }'
        for text in (f'{{"a\\"b\\\\":{entry}}}', f' {{ "__metadata__" : null , "a\\u0022b\\u005c" : {entry} }}  '):
            raw = len(text).to_bytes(8, "little") + text.encode() + np.float32(7).tobytes()
            assert {name: value.tolist() for name, value in load_bytes(raw).items()} == {'a"b\\': [7]}

    def test_an_order_that_is_not_that_of_the_bytes(self) -> None:
        text = (
            '{"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"e":{"dtype":"U8","shape":[0],"data_offsets":[1,1]},'
            '"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'
        )
        back = load_bytes(len(text).to_bytes(8, "little") + text.encode() + b"\x05\x06")
        assert {name: value.tolist() for name, value in back.items()} == {"b": [6], "e": [], "a": [5]}
        assert list(back) == ["b", "e", "a"]


class TestMemory:
    STATES: dict[str, Any] = {  # noqa: RUF012
        "one": lambda: {"w": Tensor(np.ones(8 << 20, np.float32))},
        "transposed": lambda: {"w": Tensor(np.ones((2048, 4096), np.float32).T)},
        "big-endian": lambda: {"w": np.ones((4 << 20), ">f8")},
        "strided": lambda: [np.ones((2048, 8192), np.float32)[:, ::2]],
        "many": lambda: [Tensor(np.full(1 << 18, i, np.float32)) for i in range(32)],
    }

    @pytest.mark.parametrize("kind", STATES)
    def test_saving_and_loading_hold_no_second_copy(self, kind: str, tmp_path: Path) -> None:
        """32 MB of arrays: saving takes less than 5, loading the arrays themselves and less than 2 beside them."""
        state = self.STATES[kind]()
        path = tmp_path / "m"
        for target in (path, io.BytesIO(bytes(40 << 20))):
            save([np.ones(1)], tmp_path / "small")  # what is imported at first use
            tracemalloc.start()
            try:
                save(state, target)
                assert tracemalloc.get_traced_memory()[1] < 5 << 20
            finally:
                tracemalloc.stop()
        size = path.stat().st_size
        assert size > 32 << 20
        tracemalloc.start()
        try:
            load(path)
            assert tracemalloc.get_traced_memory()[1] < size + (2 << 20)
        finally:
            tracemalloc.stop()

    def test_pieces_are_small_and_their_own(self) -> None:
        array = np.arange(3 << 20, dtype=np.uint8)
        parts = [array, array.reshape(3, -1).T, array[::2], np.zeros((0, 3)), np.array(5.0)]
        swapped = [np.arange(5, dtype=">i4"), np.arange(6, dtype=">f8").reshape(2, 3).T]
        pieces = list(chunks([*parts, *swapped]))
        assert max(map(len, pieces)) <= 1 << 20
        expected = [part.astype(part.dtype.newbyteorder("<")).tobytes() for part in (*parts, *swapped)]
        assert b"".join(pieces) == b"".join(expected)

    def test_another_byte_order_comes_back_as_the_machines(self) -> None:
        file = io.BytesIO()
        save([np.arange(5, dtype=">i4")], file)
        (back,) = load_bytes(file.getvalue())
        assert back.dtype.isnative
        assert back.tolist() == [0, 1, 2, 3, 4]


class TestOpenFiles:
    def test_every_way_to_write_gives_the_same_bytes(self, tmp_path: Path) -> None:
        state = {"w": np.arange(1 << 19).reshape(2, -1).T, "epoch": 1}
        save(state, tmp_path / "a")
        with open(tmp_path / "b", "wb", buffering=0) as file:  # raw: a write may take a part
            save(state, file)

        class Slow(io.BytesIO):
            def write(self, content: Any) -> int:
                return super().write(memoryview(content)[:1000])

        slow = Slow()
        save(state, slow)
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == slow.getvalue()

    def test_a_file_at_a_place_within(self, tmp_path: Path) -> None:
        with open(tmp_path / "f", "wb") as file:
            file.write(b"before")
            save({"a": np.ones(3)}, file)
        with open(tmp_path / "f", "rb") as reading:
            assert reading.read(6) == b"before"
            assert load(reading)["a"].tolist() == [1, 1, 1]
        np.savez(tmp_path / "n.npz", a=np.ones(1))
        moved = io.BytesIO(b"before" + (tmp_path / "n.npz").read_bytes())
        moved.seek(6)
        assert load(moved)["a"].tolist() == [1]

    def test_arrays_that_change_while_they_are_written(self) -> None:
        array = np.zeros(1 << 20)

        class Changing(io.BytesIO):
            def write(self, content: Any) -> int:
                array[:] += 1
                return super().write(content)

        with pytest.raises(RuntimeError, match="changed while they were saved"):
            save({"a": array}, Changing())

    @pytest.mark.parametrize("path", ["/dev/zero", "FIFO"])
    def test_what_is_no_regular_file_is_not_read(self, path: str, tmp_path: Path) -> None:
        import os

        if not hasattr(os, "mkfifo"):
            pytest.skip("no such files on this system")
        if path == "FIFO":
            path = str(tmp_path / "f")
            os.mkfifo(path)
        with pytest.raises(OSError, match="no regular file") as caught:
            load(path)
        assert caught.value.filename == path
