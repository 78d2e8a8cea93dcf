"""tg.load of torch.save's files: those that PyTorch writes give equal arrays, those that lie give our error."""

from __future__ import annotations

import io
import pickle
import struct
import tracemalloc
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tests.io.hostile_pickles import HOSTILE, hostile_calls
from tests.io.hostile_torch import LYING, parameter
from tests.io.opcodes import NUMBERS, archive, dictionary, many, name, plain, storage, tensor, whole
from tests.io.test_checkpoint import same
from tests.io.torch_files import GRID, HONEST, small_net, training
from tinygrad_cnn import nn
from tinygrad_cnn.io import load, save


def read(content: bytes, **options: Any) -> Any:
    return load(io.BytesIO(content), **options)


# ------------------------------------------------------------------------------------------------ written by torch


def agrees(ours: Any, theirs: Any, torch: Any) -> bool:
    """Is `ours` what stands for `theirs`, all the way down?"""
    if isinstance(theirs, torch.Tensor):
        wanted = theirs.detach().float() if theirs.dtype == torch.bfloat16 else theirs.detach().resolve_neg()
        return (
            type(ours) is (nn.Parameter if isinstance(theirs, torch.nn.Parameter) else tg.Tensor)
            and ours.requires_grad == theirs.requires_grad
            and ours.shape == tuple(theirs.shape)
            and same(ours.detach().numpy(), wanted.numpy())
        )
    if isinstance(theirs, torch.Size):
        return isinstance(ours, tuple) and tuple(ours) == tuple(theirs)
    if isinstance(theirs, torch.dtype):
        return ours == torch.empty(0, dtype=theirs).numpy().dtype
    if isinstance(theirs, torch.device):
        return isinstance(ours, tg.device) and str(ours) == str(theirs)
    if isinstance(theirs, dict):
        pairs = zip(ours.items(), theirs.items(), strict=True)
        return type(ours) is type(theirs) and all(same(a, x) and agrees(b, y, torch) for (a, b), (x, y) in pairs)
    if isinstance(theirs, (list, tuple)):
        return type(ours) is type(theirs) and all(agrees(a, b, torch) for a, b in zip(ours, theirs, strict=True))
    return same(ours, theirs)


class TestHonest:
    @pytest.mark.parametrize("label", HONEST)
    def test_what_torch_saves(self, label: str, torch: Any, tmp_path: Path) -> None:
        theirs = HONEST[label](torch)
        torch.save(theirs, tmp_path / "model.pt")
        assert agrees(load(tmp_path / "model.pt"), theirs, torch)
        file = io.BytesIO()
        torch.save(theirs, file)
        assert agrees(read(file.getvalue(), weights_only=False, mmap=True), theirs, torch)

    @pytest.mark.parametrize("protocol", [2, 3, 4, 5])
    def test_every_protocol(self, protocol: int, torch: Any) -> None:
        file = io.BytesIO()
        theirs = training(torch)
        torch.save(theirs, file, pickle_protocol=protocol)
        assert agrees(read(file.getvalue()), theirs, torch)

    def test_without_check_sums(self, torch: Any) -> None:
        before = torch.serialization.get_crc32_options()
        torch.serialization.set_crc32_options(False)
        try:
            file = io.BytesIO()
            torch.save(small_net(torch).state_dict(), file)
        finally:
            torch.serialization.set_crc32_options(before)
        assert len(read(file.getvalue())) == 9

    def test_into_a_net(self, torch: Any) -> None:
        """The same outputs after load_state_dict."""
        theirs = small_net(torch).eval()
        file = io.BytesIO()
        torch.save(theirs.state_dict(), file)
        ours = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)).eval()
        ours.load_state_dict(read(file.getvalue()))
        x = np.random.default_rng(0).standard_normal((2, 1, 4, 4), np.float32)
        np.testing.assert_allclose(
            ours(tg.tensor(x)).detach().numpy(), theirs(torch.from_numpy(x)).detach().numpy(), rtol=1e-5, atol=1e-6
        )

    @pytest.mark.parametrize(
        ("make", "says"),
        [
            (small_net, r"'torch\.nn\.modules\.container\.Sequential', to make a whole module.*model\.state_dict\(\)"),
            (lambda torch: torch.ones(2, dtype=torch.complex64), r"complex numbers.*view_as_real"),
            (lambda torch: torch.eye(2).to_sparse(), r"sparse.*to_dense"),
            (lambda torch: torch.ones(2, device="meta"), "has no numbers"),
            (lambda torch: torch.ones(2).to(torch.float8_e4m3fn), r"no dtype that NumPy has; save x\.float"),
            (lambda torch: torch.ones(2).untyped_storage(), "a global name or a storage stands where"),
            (lambda torch: torch.Generator(), r"torch\._C\.Generator"),
            (lambda torch: {"device": torch.device("cuda", 1)}, "on the CPU alone"),
        ],
    )  # fmt: skip
    def test_what_is_not_read_says_what_to_do(self, make: Callable[[Any], Any], says: str, torch: Any) -> None:
        file = io.BytesIO()
        torch.save(make(torch), file)
        with pytest.raises(ValueError, match=says):
            read(file.getvalue())

    def test_the_old_form_is_named(self, torch: Any) -> None:
        file = io.BytesIO()
        torch.save({"a": torch.ones(2)}, file, _use_new_zipfile_serialization=False)
        with pytest.raises(ValueError, match=r"before PyTorch 1\.6.*torch\.save\(torch\.load\(path\), path\)"):
            read(file.getvalue())

    def test_a_script_is_named(self) -> None:
        with zipfile.ZipFile(file := io.BytesIO(), "w") as made:
            for entry in ("data.pkl", "constants.pkl", "code/__torch__.py"):
                made.writestr(f"net/{entry}", whole(b"}"))
        with pytest.raises(ValueError, match=r"TorchScript program.*state_dict"):
            read(file.getvalue())


# ------------------------------------------------------------------------------------------------- written by hand


class TestByHand:
    def test_a_tensor(self) -> None:
        back = read(archive(tensor()))
        assert same(back, tg.Tensor(GRID))
        back.numpy()[0, 0] = 9  # writable

    def test_a_state_dict_whose_metadata_is_dropped(self) -> None:
        body = name("collections", "OrderedDict") + b")R" + many(b"", [plain("w"), tensor()], b"u")
        back = read(archive(body + dictionary({"_metadata": plain({"": {"version": 1}})}) + b"b"))
        assert type(back) is OrderedDict
        assert list(back) == ["w"]
        np.testing.assert_array_equal(back["w"].numpy(), GRID)

    def test_windows(self) -> None:
        body = many(
            b"]",
            [
                tensor(size=(3, 2), stride=(1, 3)),
                tensor(offset=1, size=(2, 2), stride=(3, 1)),
                tensor(offset=5, size=(), stride=()),
                tensor(size=(0, 3), stride=(3, 1)),
                tensor(size=(4, 2), stride=(0, 1)),
                tensor(size=(2, 2), stride=(1, 1)),
                tensor(offset=2, size=(1, 1), stride=(1000, 2**70)),
                tensor(size=(3,), stride=(2,)),
            ],
            b"e",
        )  # fmt: skip
        back = [t.numpy() for t in read(archive(body))]
        flat = GRID.ravel()
        wanted = [
            GRID.T, GRID[:, 1:], flat[5], GRID[:0], np.tile(flat[:2], (4, 1)), [[0, 1], [1, 2]], [[2]], [0, 2, 4],
        ]  # fmt: skip
        for ours, right in zip(back, wanted, strict=True):
            assert ours.dtype == np.float32
            np.testing.assert_array_equal(ours, right)
            assert ours.shape == np.shape(right)

    def test_tensors_of_one_storage_share_it_and_no_other(self) -> None:
        expanded = tensor(size=(2, 6), stride=(0, 1))
        parts = [tensor(), tensor(offset=3, size=(3,), stride=(1,)), expanded, tensor(storage("1"))]
        a, b, c, d = read(archive(many(b"]", parts, b"e"), {"0": NUMBERS, "1": NUMBERS}))
        a.numpy()[1] = 7
        assert b.tolist() == [7, 7, 7]
        assert c.tolist() == [[0, 1, 2, 3, 4, 5]] * 2  # its elements overlap: a copy
        assert d.tolist() == GRID.tolist()

    def test_a_big_endian_file(self) -> None:
        body = many(b"]", [tensor(), tensor(storage("1", 2, "BFloat16Storage"), size=(2,), stride=(1,))], b"e")
        body_raw = {"0": struct.pack(">6f", *range(6)), "1": struct.pack(">2H", 0x3FC0, 0xC000)}
        a, b = read(archive(body, body_raw, others={"byteorder": b"big"}))
        np.testing.assert_array_equal(a.numpy(), GRID)
        assert b.tolist() == [1.5, -2.0]

    @pytest.mark.parametrize(
        ("kind", "code"),
        [
            ("FloatStorage", "f4"), ("DoubleStorage", "f8"), ("HalfStorage", "f2"), ("LongStorage", "i8"),
            ("IntStorage", "i4"), ("ShortStorage", "i2"), ("CharStorage", "i1"), ("ByteStorage", "u1"),
            ("BoolStorage", "?"),
        ],
    )  # fmt: skip
    def test_storages(self, kind: str, code: str) -> None:
        array = np.array([1, 0, 1], code)
        back = read(archive(tensor(storage("0", 3, kind), size=(3,), stride=(1,)), {"0": array.tobytes()}))
        assert same(back.numpy(), array)

    def test_parameters(self) -> None:
        back = read(archive(parameter(tensor(), plain(False), plain(None))))
        assert type(back) is nn.Parameter
        assert not back.requires_grad
        assert read(archive(tensor(grad=True))).requires_grad

    def test_what_is_met_twice_is_one_object(self) -> None:
        a, b = read(archive(b"]" + tensor() + b"q\x09a" + b"h\x09a"))
        assert a is b

    def test_python_2_strings(self) -> None:
        assert read(archive(b"U\x01\xff"), encoding="latin1") == "ÿ"
        assert read(archive(b"U\x01\xff"), encoding="bytes") == b"\xff"

    def test_round_trip_of_save_through_memory(self) -> None:
        file = io.BytesIO()
        save({"w": tg.tensor(GRID)}, file)
        file.seek(0)
        assert same(load(file)["w"], tg.Tensor(GRID))


class TestMapLocation:
    BODY = dictionary({"a": tensor(storage(location="cuda:0")), "b": tensor(storage("1", location="mps"))})
    FILE = archive(BODY, {"0": NUMBERS, "1": NUMBERS})

    @pytest.mark.parametrize(
        "where", [None, "cpu", tg.device("cpu"), {"cuda:0": "cpu"}, {"cuda:0": "cpu", "mps": tg.device("cpu")}, {}]
    )
    def test_to_the_cpu(self, where: Any) -> None:
        for found in read(self.FILE, map_location=where).values():
            np.testing.assert_array_equal(found.numpy(), GRID)

    def test_a_callable(self) -> None:
        seen = []

        def place(storage: Any, location: str) -> Any:
            seen.append((storage.shape, location))
            return storage if location == "mps" else None

        assert list(read(self.FILE, map_location=place)) == ["a", "b"]
        assert seen == [((6,), "cuda:0"), ((6,), "mps")]
        back = read(self.FILE, map_location=lambda storage, _: storage * 2)
        np.testing.assert_array_equal(back["a"].numpy(), GRID * 2)

    def test_a_callable_that_fails_or_gives_nonsense(self) -> None:
        def fails(*_: Any) -> Any:
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            read(self.FILE, map_location=fails)
        with pytest.raises(TypeError, match=r"must return the storage, a Tensor of shape \(6,\).*got str"):
            read(self.FILE, map_location=lambda *_: "cpu")
        with pytest.raises(TypeError, match="must return the storage"):
            read(self.FILE, map_location=lambda storage, _: storage[:2])

    @pytest.mark.parametrize("where", ["cuda", "cuda:0", "mps", {"cpu": "cuda:0"}, {"cuda:0": "cuda:1"}])
    def test_another_device(self, where: Any) -> None:
        with pytest.raises(ValueError, match=r"live on the CPU.*'cpu'"):
            read(self.FILE, map_location=where)

    def test_no_device(self) -> None:
        with pytest.raises(TypeError, match="a dict of such, or a callable, got int"):
            read(self.FILE, map_location=0)


# --------------------------------------------------------------------------------------------------------- hostile


def refused(content: bytes, match: str = "") -> str:
    """The text of our error, which came after little memory was taken."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=rf"^load: .*{match}") as caught:
            read(content)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000 + 20 * len(content)
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 1000
    return str(caught.value)


def zipped(entries: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    with zipfile.ZipFile(file := io.BytesIO(), "w", compression) as made:
        for entry, content in entries:
            made.writestr(entry, content)
    return file.getvalue()


GOOD = archive(tensor())


def altered(old: bytes, new: bytes, count: int = -1, content: bytes = GOOD) -> bytes:
    assert content.count(old) >= 1
    assert len(old) == len(new)
    return content.replace(old, new, count)


class TestHostile:
    def test_no_call_is_made(self, tmp_path: Path) -> None:
        for _, content in hostile_calls(tmp_path / "marker"):
            body = content[2:-1] if content[:1] == b"\x80" else content[:-1]
            refused(archive(body))
            refused(archive(dictionary({"w": tensor()})[:-1] + plain("x") + body + b"u"))
            refused(content, "is a pickle|is damaged")  # not in a zip at all
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("label", HOSTILE)
    def test_hostile_pickles(self, label: str) -> None:
        entries = [("archive/data.pkl", HOSTILE[label]), ("archive/data/0", NUMBERS)]
        refused(zipped(entries))

    @pytest.mark.parametrize("label", LYING)
    def test_lies(self, label: str) -> None:
        refused(archive(LYING[label]))

    def test_the_error_says_what_was_found(self) -> None:
        assert "7 elements of 4 bytes, and its entry has 24 bytes" in refused(
            archive(LYING["more elements than bytes"])
        )
        assert "reaches beyond the 6 elements" in refused(archive(LYING["beyond the end"]))
        assert "storage '1' is not in the archive" in refused(archive(LYING["a storage that is not there"]))
        assert "elements overlap" in refused(archive(LYING["an expanded tensor of a TB"]))
        assert "a whole module" in refused(archive(LYING["a whole module"]))
        assert "torch.save(model.state_dict(), path)" in refused(archive(LYING["a class of the script"]))

    def test_bombs(self) -> None:
        zeros = bytes(50_000_000)
        bomb = archive(tensor(storage(numel=12_500_000)), {"0": zeros}, compression=zipfile.ZIP_DEFLATED)
        assert len(bomb) < 100_000
        refused(bomb, "is compressed")
        refused(zipped([("archive/data.pkl", b"N" * 10_000_000)], zipfile.ZIP_DEFLATED), "is compressed")
        refused(zipped([("archive/data.pkl", whole(b"N"))], zipfile.ZIP_BZIP2), "is compressed")

    def test_entries_that_lie(self) -> None:
        at = GOOD.rindex(b"archive/data/0") - 46  # its header in the directory at the end
        entry = GOOD[at : at + 46]
        here = GOOD.index(b"archive/data/0") - 30

        def directory(start: int, form: str, *values: int) -> bytes:
            changed = entry[:start] + struct.pack(form, *values) + entry[start + struct.calcsize(form) :]
            return altered(entry, changed)

        refused(directory(20, "<II", 25, 25))
        refused(directory(20, "<II", 23, 23), "check sum")
        refused(directory(20, "<II", 2**31, 2**31), "lies about its place")
        refused(directory(20, "<II", 24, 2**31), "lies about its place")
        refused(directory(42, "<I", 0))
        refused(directory(42, "<I", 2**31))
        refused(directory(42, "<I", here + 1), "lies about its place")
        refused(directory(16, "<I", 1), "check sum")
        refused(directory(16, "<I", 0), "check sum")
        refused(directory(8, "<H", 1), "encrypted")
        refused(directory(10, "<H", 8), "compressed")
        refused(altered(b"archive/data/0", b"archive/data/1", 1), "another name where it lies")
        refused(altered(NUMBERS, NUMBERS[::-1]), "check sum")

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_entries_that_clash(self) -> None:
        first, second = ("archive/data.pkl", whole(b"N")), ("archive/data.pkl", whole(b"}"))
        refused(zipped([first, second]), "is there twice")
        refused(zipped([("a/data.pkl", whole(b"N")), ("b/data.pkl", whole(b"N"))]), r"holds no data\.pkl")
        refused(zipped([("data.pkl", whole(b"N"))]), r"holds no data\.pkl")
        refused(zipped([]), r"holds no data\.pkl")
        refused(archive(tensor(), others={"byteorder": b"middle"}), "byte order")
        lone = zipped([first])
        twice = lone[: lone.index(b"PK\x01\x02")]
        central = lone[lone.index(b"PK\x01\x02") : lone.index(b"PK\x05\x06")]
        again = central.replace(b"archive/data.pkl", b"archive/data/000")  # two names for one place
        end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 2, 2, 2 * len(central), len(twice), 0)
        refused(twice + central + again + end, "lies about its place")

    def test_a_hundred_thousand_entries(self) -> None:
        refused(b"PK\x03\x04" + b"PK\x01\x02" * 100_001, "more than 100,000 entries")


class TestDamage:
    def test_every_truncation(self) -> None:
        for length in range(2, len(GOOD)):
            refused_quickly(GOOD[:length])

    def test_every_byte_of_the_content(self) -> None:
        """What is not in a header is noticed by its check sum."""
        for part in (whole(tensor()), NUMBERS):
            start = GOOD.index(part)
            for at in range(start, start + len(part)):
                refused_quickly(GOOD[:at] + bytes([GOOD[at] ^ 4]) + GOOD[at + 1 :])

    def test_every_byte_changed(self) -> None:
        for at in range(2, len(GOOD)):
            for change in (1, 128, 255):
                loads_or_is_refused(GOOD[:at] + bytes([GOOD[at] ^ change]) + GOOD[at + 1 :])

    def test_every_byte_of_the_pickle_changed_with_its_check_sum(self) -> None:
        """Not damage but malice."""
        good = dictionary(
            {"w": tensor(), "p": parameter(tensor(), plain(True), plain(None)), "u": plain([1, (2, "a")])}
        )
        refusals = 0
        for at in range(len(good)):
            for change in (1, 8, 255):
                refusals += loads_or_is_refused(archive(good[:at] + bytes([good[at] ^ change]) + good[at + 1 :]))
        assert refusals > len(good)

    @given(st.data())
    def test_random_runs_of_other_bytes(self, data: st.DataObject) -> None:
        content = bytearray(data.draw(st.sampled_from([GOOD, TestMapLocation.FILE])))
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(2, len(content)))
            content[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
        loads_or_is_refused(bytes(content))

    @given(
        offset=st.integers(-2, 8),
        size=st.lists(st.integers(-1, 4), max_size=4).map(tuple),
        stride=st.lists(st.integers(-1, 7), max_size=4).map(tuple),
    )
    def test_random_windows(self, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> None:
        """A window is read if all of its elements lie in the storage, and then holds them."""
        content = archive(tensor(offset=offset, size=size, stride=stride))
        fits = len(size) == len(stride) and min((offset, *size, *stride)) >= 0
        places = offset + sum(
            (np.arange(n).reshape([-1 if i == k else 1 for i in range(len(size))]) * s if n else np.zeros(size, int))
            for k, (n, s) in enumerate(zip(size, stride, strict=False))
        ) if fits else None  # fmt: skip
        if places is None or (np.max(places, initial=0) > 5 if np.size(places) else offset > 6):
            refused_quickly(content)
        else:
            wanted = np.arange(6, dtype=np.float32)[np.broadcast_to(places, size)]
            assert same(read(content).numpy(), np.asarray(wanted).reshape(size))


def refused_quickly(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^load: "):
        read(content)


def loads_or_is_refused(content: bytes) -> bool:
    try:
        read(content)
    except ValueError as error:
        return str(error).startswith("load: ") or pytest.fail(f"{error} is not ours")
    return False


def test_python_would_have_run_them(tmp_path: Path) -> None:
    """The examples are live: Python's own reader runs one."""
    pickle.loads(dict(hostile_calls(tmp_path / "marker"))["open"])
    assert (tmp_path / "marker").exists()
