"""tg.save and tg.load: what goes in comes out, other readers can read it, and no damage passes."""

import io
import json
import math
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_cnn.io import checkpoint, load, save
from tinygrad_cnn.tensors import Tensor

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]


def same(a: Any, b: Any) -> bool:
    """Equal in value and type all the way down: NaN equals NaN, -0.0 is not 0.0, True is not 1, order counts."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        return same(a.numpy(), b.numpy())
    if isinstance(a, (np.ndarray, np.generic)):
        native = np.dtype(a.dtype).newbyteorder("=")
        return native == b.dtype and a.shape == b.shape and a.astype(native).tobytes() == b.tobytes()
    if isinstance(a, dict):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a.items(), b.items(), strict=True))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b) or (math.isnan(a) and math.isnan(b))
    return bool(a == b)


def read(content: bytes, name: str = "run.safetensors") -> Any:
    """What `load` makes of a file of this content."""
    file = io.BytesIO(content)
    file.name = name  # type: ignore[attr-defined]
    return load(file)


def round_trip(state: Any) -> Any:
    file = io.BytesIO()
    save(state, file)
    file.seek(0)
    return load(file)


arrays = st.sampled_from(DTYPES).flatmap(
    lambda code: hnp.arrays(np.dtype(code), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3))
)
plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**62, max_value=2**200)
    | st.floats()
    | st.text(max_size=8)
    | st.text(alphabet='$."\\#\x00\ud800é', max_size=4)
)
keys = st.text(max_size=6) | st.text(alphabet="$.#a", max_size=3) | st.integers() | st.booleans() | st.none()
states = st.recursive(
    plain | arrays | arrays.map(Tensor) | st.floats(width=32).map(np.float32) | st.integers(0, 255).map(np.uint8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys | st.tuples(keys, keys), inner, max_size=4)
        | st.dictionaries(keys, inner, max_size=3).map(OrderedDict)
    ),
    max_leaves=12,
)


class TestRoundTrip:
    @given(states)
    def test_any_nesting(self, state: Any) -> None:
        assert same(state, round_trip(state))

    @pytest.mark.parametrize("code", DTYPES)
    @pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0, 2), (2, 3)])
    def test_every_dtype_and_shape(self, code: str, shape: tuple[int, ...]) -> None:
        array = np.random.default_rng(0).integers(0, 2, shape).astype(code)
        assert same({"a": array, "t": Tensor(array)}, round_trip({"a": array, "t": Tensor(array)}))

    def test_extreme_values(self) -> None:
        for code in DTYPES[1:9]:
            info = np.iinfo(code)
            ends = np.array([info.min, info.max], code)
            assert same(ends, round_trip(ends))
        for code in DTYPES[9:]:
            limit = np.finfo(code)
            odd = np.array([limit.max, -limit.max, limit.tiny, limit.smallest_subnormal, -0.0, np.nan, np.inf], code)
            assert same(odd, round_trip(odd))

    @pytest.mark.parametrize(
        "make",
        [
            lambda a: a.T,
            lambda a: a[::-1, ::2],
            lambda a: np.asfortranarray(a),
            lambda a: np.broadcast_to(a[0], (3, *a[0].shape)),
            lambda a: a.astype(">f4"),
            lambda a: a.astype(">f4").T,
            lambda a: a[1, 2, ...],
        ],
        ids=["transposed", "strided", "fortran", "broadcast", "big-endian", "big-endian transposed", "0-d view"],
    )
    def test_memory_layouts(self, make: Callable[[np.ndarray], np.ndarray]) -> None:
        array = make(np.arange(30, dtype=np.float32).reshape(5, 6))
        array.flags.writeable = False
        back = round_trip({"w": Tensor(array)})["w"].numpy()
        assert back.dtype == np.float32
        assert back.shape == array.shape
        np.testing.assert_array_equal(back, array)
        assert back.flags.writeable
        assert back.flags.c_contiguous

    def test_state_dict_comes_back_in_order_as_tensors(self) -> None:
        names = ["z.weight", "a.bias", "m.running_mean", "m.num_batches_tracked"]
        state = OrderedDict((name, Tensor(np.full(i, i, np.float32))) for i, name in enumerate(names))
        back = round_trip(state)
        assert type(back) is OrderedDict
        assert list(back) == names
        assert all(type(value) is Tensor and not value.requires_grad for value in back.values())

    def test_generator_state_and_training_state(self) -> None:
        rng = np.random.default_rng(7)
        mersenne = np.random.Generator(np.random.MT19937(7))
        state = {
            "epoch": 3,
            "best": -math.inf,
            "optimizer": {
                "state": {0: {"step": 5, "momentum_buffer": Tensor(np.ones(3))}},
                "param_groups": [{"lr": 0.1}],
            },
            "generators": (rng.bit_generator.state, mersenne.bit_generator.state),
        }
        back = round_trip(state)
        assert same(state, back)
        again = np.random.default_rng()
        again.bit_generator.state = back["generators"][0]
        assert rng.integers(2**62) == again.integers(2**62)

    def test_an_integer_longer_than_python_prints(self) -> None:
        huge = 7**9000
        assert len(hex(huge)) > sys.get_int_max_str_digits()
        assert same([huge, -huge], round_trip([huge, -huge]))

    def test_what_was_saved_is_not_touched_and_not_shared(self) -> None:
        array = np.arange(3.0)
        back = round_trip(array)
        back[:] = 0
        assert array.tolist() == [0, 1, 2]

    def test_subclasses_of_dict_come_back_as_dict(self) -> None:
        class Counts(dict):  # type: ignore[type-arg]
            pass

        assert same(round_trip(Counts(a=1)), {"a": 1})

    def test_memory_mapped_array(self, tmp_path: Path) -> None:
        np.save(tmp_path / "a.npy", np.arange(4))
        back = round_trip(np.load(tmp_path / "a.npy", mmap_mode="r"))
        assert type(back) is np.ndarray
        assert back.tolist() == [0, 1, 2, 3]

    def test_the_same_state_gives_the_same_bytes(self) -> None:
        state = {name: Tensor(np.ones(3, np.float32)) for name in "dacb"} | {"epoch": 1}
        first, second = io.BytesIO(), io.BytesIO()
        save(state, first)
        save(state, second)
        assert first.getvalue() == second.getvalue()


class TestNames:
    def test_other_readers_find_a_state_dict_under_its_own_names(self, tmp_path: Path) -> None:
        state = {"conv1.weight": np.arange(6, dtype=np.float32).reshape(2, 3).T, "bn.count": np.array(4)}
        save({name: Tensor(value) for name, value in state.items()}, tmp_path / "m.safetensors")
        theirs = safetensors.numpy.load_file(tmp_path / "m.safetensors")
        assert theirs.keys() == state.keys()
        for name, value in state.items():
            np.testing.assert_array_equal(theirs[name], value)
            assert theirs[name].shape == value.shape
            assert theirs[name].dtype == value.dtype

    def test_nested_names_have_dots(self, tmp_path: Path) -> None:
        a, b, c = np.ones((3, 1))
        save({"model": {"fc.bias": a}, "optimizer": {"state": {0: [b]}}, 1: (c,)}, tmp_path / "m")
        assert set(safetensors.numpy.load_file(tmp_path / "m")) == {"model.fc.bias", "optimizer.state.0.0", "1.0"}

    def test_names_that_meet(self) -> None:
        tricky = {"a.b": np.array(0), "a": {"b": np.array(1)}, "a.b#2": np.array(2), "__metadata__": np.array(3)}
        assert same(tricky, round_trip(tricky))
        assert same({"1": np.array(1), 1: np.array(2)}, round_trip({"1": np.array(1), 1: np.array(2)}))

    def test_dollar_keys_are_only_keys(self) -> None:
        for tricky in ({"$tensor": "w"}, {"$nonsense": 1, "a": 2}, {"a": 1, "$int": "0x1"}, {"": {}}):
            assert same(tricky, round_trip(tricky))

    def test_pytorch_reads_ours_and_we_read_pytorchs(self, tmp_path: Path, torch: Any) -> None:
        from safetensors.torch import load_file, save_file

        theirs = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(2, 3))
        save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
        ours = load(tmp_path / "theirs.safetensors")
        assert ours.keys() == theirs.state_dict().keys()
        save(ours, tmp_path / "ours.safetensors")
        back = load_file(tmp_path / "ours.safetensors")
        assert back.keys() == theirs.state_dict().keys()
        for name, value in theirs.state_dict().items():
            assert torch.equal(back[name], value)
            assert back[name].dtype == value.dtype
            assert back[name].shape == value.shape
        theirs.load_state_dict(back)

        half = torch.tensor([1.5, -2.0, 3.140625, float("inf")], dtype=torch.bfloat16)
        save_file({"h": half}, tmp_path / "half.safetensors")
        assert load(tmp_path / "half.safetensors")["h"].numpy().tolist() == half.float().tolist()


class TestForeignFiles:
    def test_a_file_without_our_digest_is_a_state_dict(self, tmp_path: Path) -> None:
        weights = {"b": np.ones((2, 2), np.float32), "a": np.arange(3)}
        for metadata in (None, {"format": "pt"}):
            safetensors.numpy.save_file(weights, tmp_path / "hf.safetensors", metadata=metadata)
            back = load(tmp_path / "hf.safetensors")
            assert {name: type(value) for name, value in back.items()} == {"a": Tensor, "b": Tensor}
            assert all(same(back[name].numpy(), value) for name, value in weights.items())
            back["b"].numpy()[0, 0] = 5  # writable

    def test_bfloat16_and_unknown_dtypes(self, tmp_path: Path) -> None:
        def written(dtype: str, data: bytes) -> Path:
            header = json.dumps({"x": {"dtype": dtype, "shape": [2], "data_offsets": [0, len(data)]}}).encode()
            (tmp_path / "f").write_bytes(struct.pack("<Q", len(header)) + header + data)
            return tmp_path / "f"

        back = load(written("BF16", struct.pack("<2H", 0x3FC0, 0xC000)))["x"]
        assert back.dtype == np.float32
        assert back.numpy().tolist() == [1.5, -2.0]
        with pytest.raises(ValueError, match=r"'x' in .*f' has dtype F8_E4M3"):
            load(written("F8_E4M3", b"ab"))

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"", "is empty"),
            (pickle.dumps({"a": 1}), "is a pickle"),
            (b"\x93NUMPY\x01\x00" + bytes(100), r"is no \.npy file that is read: its header is none"),
            (b"hello, world, this is text", "no safetensors file"),
            (b"\x80", "no safetensors file"),
            (bytes(8), "no safetensors file"),
            (b"\xff" * 64, "no safetensors file"),
        ],
    )
    def test_other_formats_are_named(self, content: bytes, says: str, tmp_path: Path) -> None:
        (tmp_path / "model.pt").write_bytes(content)
        with pytest.raises(ValueError, match=rf"model\.pt' {says}|model\.pt' is damaged, cut short, or {says}"):
            load(tmp_path / "model.pt")

    def test_other_zip_archives_are_named(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
            archive.writestr("notes.txt", "x")
        with pytest.raises(ValueError, match=r"model\.pt' is a zip archive, but none that torch\.save writes"):
            load(tmp_path / "model.pt")

    def test_a_missing_file_and_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"there is no file .*nowhere"):
            load(tmp_path / "nowhere")
        with pytest.raises(OSError, match=tmp_path.name):
            load(tmp_path)

    def test_a_later_format_and_a_strange_layout(self, monkeypatch: pytest.MonkeyPatch) -> None:
        file = io.BytesIO()
        with monkeypatch.context() as patch:
            patch.setattr(checkpoint, "_FORMAT", "tinygrad_cnn checkpoint 3")
            save({"a": 1}, file)
        with pytest.raises(ValueError, match=r"checkpoint 3.*upgrade"):
            load(io.BytesIO(file.getvalue()))
        for layout in ({"$new": 1}, {"$tensor": "missing"}, {"$int": "nonsense"}, {"$dict": [[["list"], 1]]}):
            file = io.BytesIO()
            with monkeypatch.context() as patch:
                patch.setattr(checkpoint, "pack", lambda _, layout=layout: (layout, {}))
                save(None, file)
            with pytest.raises(ValueError, match="not laid out as save writes it"):
                load(io.BytesIO(file.getvalue()))


class TestDamage:
    @pytest.fixture
    def small(self) -> bytes:
        file = io.BytesIO()
        save({"w": Tensor(np.arange(3, dtype=np.float32)), "b": np.zeros((0, 2)), "epoch": 3, "n": {1: (2.5,)}}, file)
        return file.getvalue()

    def test_every_flipped_bit_is_noticed(self, small: bytes) -> None:
        unnoticed, messages = [], set()
        for position in range(len(small)):
            for bit in range(8):
                damaged = bytearray(small)
                damaged[position] ^= 1 << bit
                try:
                    read(bytes(damaged), "run.safetensors")
                except ValueError as error:
                    messages.add(str(error))  # an error of any other type fails the test
                else:
                    unnoticed.append((position, bit))
        assert unnoticed == []
        assert all(message.startswith("load: 'run.safetensors' is ") for message in messages)

    def test_every_truncation_and_every_addition_is_noticed(self, small: bytes) -> None:
        for length in range(len(small)):
            with pytest.raises(ValueError, match=r"'run\.safetensors' is "):
                read(small[:length], "run.safetensors")
        for more in (b"\0", b" ", b"}", small):
            with pytest.raises(ValueError, match=r"'run\.safetensors' is "):
                read(small + more, "run.safetensors")

    @given(st.data())
    def test_any_run_of_other_bytes_is_noticed(self, data: st.DataObject) -> None:
        file = io.BytesIO()
        save({"model": {"w": Tensor(np.arange(8, dtype=np.float32))}, "epoch": 1}, file)
        good = file.getvalue()
        start = data.draw(st.integers(0, len(good) - 1))
        junk = data.draw(st.binary(min_size=1, max_size=min(40, len(good) - start)))
        damaged = good[:start] + junk + good[start + len(junk) :]
        if damaged != good:
            with pytest.raises(ValueError, match="'f' is "):
                read(damaged, "f")

    def test_swapped_tensors_are_noticed(self) -> None:
        file = io.BytesIO()
        save({"aa": np.zeros(2), "bb": np.ones(2)}, file)
        head = file.getvalue()
        swapped = head.replace(b'"aa":{"dtype"', b'"cc":{"dtype"').replace(b'"bb":{"dtype"', b'"aa":{"dtype"')
        with pytest.raises(ValueError, match="is damaged"):
            read(swapped.replace(b'"cc":{"dtype"', b'"bb":{"dtype"'), "f")


class TestRefusals:
    @pytest.mark.parametrize(
        ("state", "says"),
        [
            ({"model": {"f": print}}, r"state\['model'\]\['f'\], a builtins\.builtin_function_or_method"),
            ({"a": [1, {2, 3}]}, r"state\['a'\]\[1\], a builtins\.set"),
            (b"bytes", "state, a builtins.bytes"),
            ([np.zeros(2, complex)], r"state\[0\], an array of dtype complex128.*\.astype"),
            ([np.array(["text"])], r"state\[0\], an array of dtype <U4"),
            ([np.array([None])], r"state\[0\], an array of dtype object"),
            ([np.zeros(1, np.longdouble)], r"state\[0\], an array of dtype (float|longdouble)"),
            ([np.ma.masked_array([1.0], [True])], r"state\[0\], a numpy\.ma.*MaskedArray"),
            ([np.datetime64("2020-01-01")], r"state\[0\], a numpy\.datetime64"),
            ({"a": {frozenset(): 1}}, r"the key frozenset\(\) of state\['a'\], a frozenset"),
        ],
    )  # fmt: skip
    def test_unsupported_objects_are_named_with_their_place(self, state: Any, says: str, tmp_path: Path) -> None:
        if np.longdouble().itemsize == 8 and "longdouble" in says:
            pytest.skip("long double is float64 on this machine")
        (tmp_path / "f").write_bytes(b"old")
        with pytest.raises(TypeError, match=says):
            save(state, tmp_path / "f")
        assert [path.name for path in tmp_path.iterdir()] == ["f"]
        assert (tmp_path / "f").read_bytes() == b"old"

    def test_a_subclass_that_would_come_back_as_something_else(self) -> None:
        from enum import IntEnum
        from typing import NamedTuple

        class Color(IntEnum):
            RED = 1

        class Point(NamedTuple):
            x: int

        for value in (Color.RED, Point(1)):
            with pytest.raises(TypeError, match=r"state\['v'\]"):
                save({"v": value}, io.BytesIO())

    def test_a_loop_and_endless_nesting(self) -> None:
        loop: list[Any] = []
        loop.append(loop)
        with pytest.raises(ValueError, match=r"deeper than 100.*contain itself"):
            save(loop, io.BytesIO())
        nest: Any = 0
        for _ in range(100):
            nest = [nest]
        assert same(nest, round_trip(nest))
        with pytest.raises(ValueError, match="deeper than 100"):
            save([nest], io.BytesIO())

    def test_a_header_that_no_reader_would_take(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(checkpoint, "MAX_HEADER", 1000)
        with pytest.raises(ValueError, match="turn long lists of numbers into arrays"):
            save(list(range(1000)), tmp_path / "f")
        assert not list(tmp_path.iterdir())

    def test_arguments(self, tmp_path: Path) -> None:
        with pytest.raises(TypeError, match="path or a file open for binary writing, got int"):
            save({}, 3)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="path or a file open for binary reading, got int"):
            load(3)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="open as text"):
            load(io.StringIO("x"))  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"save: .*open as text; open it with mode 'wb'"):
            save({}, io.StringIO())  # type: ignore[arg-type]
        with open(tmp_path / "text", "w") as text, pytest.raises(TypeError, match=r"save: '.*text' is open as text"):
            save({}, text)  # type: ignore[arg-type]
        save({"a": 1}, str(tmp_path / "f"))
        with pytest.raises(ValueError, match="map_location='cuda:0'"):
            load(tmp_path / "f", map_location="cuda:0")
        with pytest.raises(TypeError, match="mmap"):
            load(tmp_path / "f", mmap="no")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="weights_only"):
            load(tmp_path / "f", weights_only="no")  # type: ignore[arg-type]
        assert load(tmp_path / "f", map_location="cpu", weights_only=False) == load(tmp_path / "f", "cpu") == {"a": 1}
