"""CIFAR: found in folders and archives, checked, every failure explained. Small files of our own stand in."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import pickle
import shutil
import struct
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from tinygrad_cnn.data import CIFAR10, CIFAR100, DataLoader, Normalize, Photographs, batches, cifar, load_cifar10
from tinygrad_cnn.data.batches import read_archive, read_batch

TEN = tuple(f"thing {i}" for i in range(10))


def python_2(value: Any) -> bytes:
    """What Python 2's cPickle wrote at protocol 2: strings are byte strings. No memo, which it would use as well."""

    def opcodes(value: Any) -> bytes:
        if isinstance(value, dict):
            return b"}(" + b"".join(opcodes(key) + opcodes(item) for key, item in value.items()) + b"u"
        if isinstance(value, list):
            return b"](" + b"".join(map(opcodes, value)) + b"e"
        if isinstance(value, np.ndarray):
            dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
            shape = b"".join(opcodes(n) for n in value.shape)
            array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
            return array + b"(K\x01" + shape + b"\x86" + dtype + b"\x89" + opcodes(value.tobytes()) + b"tb"
        if isinstance(value, int):
            return b"J" + struct.pack("<i", value)
        raw = value if isinstance(value, bytes) else value.encode()
        return b"T" + struct.pack("<i", len(raw)) + raw

    return b"\x80\x02" + opcodes(value) + b"."


def contents(seed: int = 0, dump: Any = python_2) -> dict[str, bytes]:
    """Small batches: 4 images in each to train on, 3 to test."""
    g = np.random.default_rng(seed)
    files = {"batches.meta": dump({"label_names": list(TEN), "num_vis": 3072, "num_cases_per_batch": 4})}
    for name in (*CIFAR10.batches[0], *CIFAR10.batches[1]):
        n = 3 if name == "test_batch" else 4
        files[name] = dump(
            {
                "batch_label": name,
                "labels": g.integers(0, 10, n).tolist(),
                "data": g.integers(0, 256, (n, 3072), dtype=np.uint8),
                "filenames": [f"{i}.png" for i in range(n)],
            }
        )
    return files


def put(folder: Path, seed: int = 0, dump: Any = python_2) -> Path:
    (folder / CIFAR10.folder).mkdir(parents=True, exist_ok=True)
    for name, content in contents(seed, dump).items():
        (folder / CIFAR10.folder / name).write_bytes(content)
    return folder


def packed(files: dict[str, bytes], folder: str = CIFAR10.folder) -> bytes:
    with tarfile.open(fileobj=(file := io.BytesIO()), mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(file.getvalue(), mtime=0)


def put_archive(folder: Path, seed: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CIFAR10.archive).write_bytes(packed(contents(seed)))
    return folder


@pytest.fixture
def tiny() -> type[CIFAR10]:
    files = contents() | {CIFAR10.archive: packed(contents())}

    class Tiny(CIFAR10):
        sizes = (20, 3)
        md5: ClassVar[dict[str, str]] = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
        mirrors: ClassVar[tuple[str, ...]] = ()

    return Tiny


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of this machine is looked at."""
    monkeypatch.delenv("TINYGRAD_CNN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tinygrad_cnn" / "CIFAR10"


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address under which it is served."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Silence."""

    folder = tmp_path / "mirror"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


# ------------------------------------------------------------------------------------------- what it is


@pytest.mark.parametrize("place", [put, put_archive])
def test_the_dataset(tiny: type[CIFAR10], tmp_path: Path, place: Any) -> None:
    train, test = tiny(place(tmp_path / "here")), tiny(tmp_path / "here", train=False)
    read = [pickle.loads(contents()[name], encoding="latin1") for name in CIFAR10.batches[0]]
    np.testing.assert_array_equal(train.data, np.concatenate([b["data"] for b in read]).reshape(20, 3, 32, 32))
    np.testing.assert_array_equal(train.targets, np.concatenate([b["labels"] for b in read]))
    assert (train.data.dtype, train.targets.dtype, train.classes) == (np.uint8, np.int64, TEN)
    assert (len(train), len(test)) == (20, 3)
    assert (train.train, test.train) == (True, False)
    inside = CIFAR10.folder if place is put else CIFAR10.archive
    assert repr(test) == f"Tiny(3 images of 3x32x32, from {tmp_path / 'here' / inside})"
    image, label = train[5]
    assert (image.shape, image.dtype, type(label)) == ((3, 32, 32), np.float32, int)
    np.testing.assert_array_equal(image, (train.data[5] / 255).astype(np.float32))
    images, labels = train.arrays()
    np.testing.assert_array_equal(images, (train.data / 255).astype(np.float32))
    x, y = next(iter(DataLoader(train, 20)))
    np.testing.assert_array_equal(x.numpy(), images)
    np.testing.assert_array_equal(y.numpy(), labels)
    before = train.data.copy()
    for given in (images, labels, *train.get_batch(np.arange(20)), image):  # they are the caller's, to write into
        given[...] = 0
    np.testing.assert_array_equal(train.data, before)
    assert train.targets.any()


@pytest.mark.parametrize("protocol", range(6))
def test_batches_written_again_by_python_3(tiny: type[CIFAR10], tmp_path: Path, protocol: int) -> None:
    put(tmp_path, dump=lambda value: pickle.dumps(value, protocol))
    np.testing.assert_array_equal(tiny(tmp_path, verify=False).data, tiny(put(tmp_path / "old"), verify=False).data)
    assert tiny(tmp_path, verify=False).classes == TEN


def test_the_hundred(tmp_path: Path) -> None:
    classes = [f"kind {i}" for i in range(100)]
    g = np.random.default_rng(0)
    files = {"meta": python_2({"coarse_label_names": ["a"], "fine_label_names": classes})}
    for name, n in (("train", 5), ("test", 2)):
        labels, coarse = g.integers(0, 100, n).tolist(), [0] * n
        data = g.integers(0, 256, (n, 3072), dtype=np.uint8)
        files[name] = python_2({"filenames": ["x"] * n, "fine_labels": labels, "coarse_labels": coarse, "data": data})
    (tmp_path / CIFAR100.archive).write_bytes(packed(files, CIFAR100.folder))
    train = CIFAR100(tmp_path, verify=False)
    assert (len(train), train.classes) == (5, tuple(classes))
    np.testing.assert_array_equal(train.targets, pickle.loads(files["train"], encoding="latin1")["fine_labels"])
    assert len(CIFAR100(tmp_path, train=False, verify=False)) == 2


def test_both_parts(tmp_path: Path) -> None:
    put(tmp_path)
    both = load_cifar10(tmp_path, verify=False)
    assert type(both) is Photographs
    assert (len(both.train), len(both.test)) == (20, 3)
    assert both.source == f"CIFAR10, 20 + 3 photographs, from {tmp_path / CIFAR10.folder}"
    assert cifar.load_cifar100.__doc__


def test_transform_is_refused_with_a_hint() -> None:
    with pytest.raises(TypeError, match=r"DataLoader\(dataset, \.\.\., transform=\.\.\.\)"):
        CIFAR10(transform=Normalize(0, 1))  # type: ignore[arg-type]


# --------------------------------------------------------------------------------------- where it is found


def test_the_root_may_be_the_folder_itself(tiny: type[CIFAR10], tmp_path: Path) -> None:
    put(tmp_path)
    assert tiny(tmp_path / CIFAR10.folder).source == str(tmp_path / CIFAR10.folder)
    assert tiny(str(tmp_path)).source == str(tmp_path / CIFAR10.folder)


def test_the_order_of_places(
    tiny: type[CIFAR10], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, mirror: tuple[Path, str]
) -> None:
    served, address = mirror
    tiny.mirrors = (address + "absent/", address)
    put_archive(served)
    root, named = tmp_path / "root", tmp_path / "named"
    monkeypatch.setenv("TINYGRAD_CNN_DATA", str(named))
    put(root), put_archive(root), put_archive(named), put(named / "CIFAR10"), put(cache)
    assert tiny(root).source == str(root / CIFAR10.folder)
    shutil.rmtree(root / CIFAR10.folder)
    assert tiny(root).source == str(root / CIFAR10.archive)
    assert tiny().source == str(named / CIFAR10.archive)
    (named / CIFAR10.archive).unlink()
    assert tiny().source == str(named / "CIFAR10" / CIFAR10.folder)
    shutil.rmtree(named)
    assert tiny().source == str(cache / CIFAR10.folder)
    shutil.rmtree(cache)
    assert tiny().source == str(cache / CIFAR10.archive)  # downloaded
    shutil.rmtree(cache)
    assert tiny(tmp_path / "new").source == str(tmp_path / "new" / CIFAR10.archive)  # downloaded into the root
    assert [p.name for p in (tmp_path / "new").iterdir()] == [CIFAR10.archive]


def test_nothing_anywhere_lists_every_place(
    tiny: type[CIFAR10], tmp_path: Path, cache: Path, mirror: tuple[Path, str]
) -> None:
    served, address = mirror
    put_archive(served / "bad", seed=1)
    tiny.mirrors = (address + "absent/", address + "bad/")
    (tmp_path / "root").mkdir()
    with pytest.raises(FileNotFoundError) as caught:
        tiny(tmp_path / "root")
    for part in (
        "CIFAR10 was not found",
        f"{tmp_path / 'root' / CIFAR10.folder}: no such folder",
        f"{tmp_path / 'root' / CIFAR10.archive}: no such file",
        f"{cache / CIFAR10.archive}: no such file",
        f"{address}absent/{CIFAR10.archive}: HTTP Error 404",
        f"{address}bad/{CIFAR10.archive}: {CIFAR10.archive}: its content has the MD5",
        "CIFAR10(root=...)",
        "TINYGRAD_CNN_DATA",
    ):
        assert part in str(caught.value)
    assert list((tmp_path / "root").iterdir()) == []
    with pytest.raises(FileNotFoundError, match=r"not asked for \(download=False\)"):
        tiny(download=False)


def test_bad_files_in_the_root_are_an_error_and_elsewhere_passed_over(
    tiny: type[CIFAR10], tmp_path: Path, cache: Path
) -> None:
    put(tmp_path / "root", seed=1)
    with pytest.raises(ValueError, match=r"CIFAR10 in root: data_batch_1: .*MD5.*verify=False"):
        tiny(tmp_path / "root")
    assert len(tiny(tmp_path / "root", verify=False)) == 20
    put_archive(cache)
    os.truncate(cache / CIFAR10.archive, 1000)
    with (
        pytest.warns(UserWarning, match=rf"passing over .*{CIFAR10.archive}: .*MD5"),
        pytest.raises(FileNotFoundError, match="MD5"),
    ):
        tiny()
    shutil.rmtree(cache)
    (tmp_path / "root" / CIFAR10.folder / "data_batch_3").unlink()
    with pytest.raises(FileNotFoundError, match="no data_batch_3"):
        tiny(tmp_path / "root", verify=False)


def test_a_wrong_count(tiny: type[CIFAR10], tmp_path: Path) -> None:
    tiny.sizes = (21, 3)
    with pytest.raises(ValueError, match="expected 21 images, it holds 20"):
        tiny(put(tmp_path))


# ----------------------------------------------------------------------------------------- what is wrong

IMAGES = np.zeros((2, 3072), np.uint8)


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ([1], "expected a dict, it holds an object of type list"),
        ({"labels": [0, 1]}, r"uint8 of shape \(N, 3072\)"),
        ({"data": IMAGES[:, :-1], "labels": [0, 1]}, r"uint8 of shape \(N, 3072\)"),
        ({"data": IMAGES.astype(float), "labels": [0, 1]}, "uint8"),
        ({"data": "text", "labels": [0, 1]}, "uint8"),
        ({"data": IMAGES}, "a list of 2 labels under 'labels'"),
        ({"data": IMAGES, "labels": [0]}, "a list of 2 labels"),
        ({"data": IMAGES, "labels": [0, 1.0]}, "a list of 2 labels"),
        ({"data": IMAGES, "labels": [0, True]}, "a list of 2 labels"),
        ({"data": IMAGES, "labels": [0, 10]}, r"0\.\.9, but label 1 is 10"),
        ({"data": IMAGES, "labels": [-1, 0]}, "label 0 is -1"),
        ({"data": IMAGES, "labels": [0, 1], "more": {1}}, r"'builtins\.set'|'__builtin__\.set'"),
        ({"data": IMAGES, "labels": [0, 1], "more": print}, r"'__builtin__\.print', which is not read"),
    ],
)  # fmt: skip
def test_batches_that_are_none(value: Any, match: str) -> None:
    with pytest.raises(ValueError, match=rf"^data_batch_1: .*({match})"):
        read_batch(pickle.dumps(value, 2), "data_batch_1", "labels", 10)


def test_no_code_is_run(tiny: type[CIFAR10], tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {tmp_path / 'marker'}",)

    put(tmp_path)
    for value in (Evil(), {"data": IMAGES, "labels": [0, 1], "x": [Evil()]}):
        (tmp_path / CIFAR10.folder / "data_batch_2").write_bytes(pickle.dumps(value, 2))
        with pytest.raises(ValueError, match=r"data_batch_2: it names '(posix|nt)\.system'"):
            tiny(tmp_path, verify=False)
    assert not (tmp_path / "marker").exists()


def test_archives_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tar.gz"
    good = packed({"meta": b"m", "train": b"t" * 5000})

    def read(content: bytes) -> dict[str, bytes]:
        path.write_bytes(content)
        return read_archive(path, CIFAR10.folder, ("meta", "train"))

    assert read(good) == {"meta": b"m", "train": b"t" * 5000}
    for content, match in {
        b"": "",
        b"nothing of the kind": "gzip",
        gzip.compress(b"nothing of the kind"): "",
        good[:-60]: "",
        good[:20] + bytes([good[20] ^ 255]) + good[21:]: "",
        packed({"meta": b"m"}): "holds no .*/train",
        packed({"../meta": b"m", "train": b"t"}): "holds no .*/meta",
        packed({"meta": b"m", "train": b"t"}, "elsewhere"): "holds no",
    }.items():
        with pytest.raises(ValueError, match=rf"a\.tar\.gz.*{match}"):
            read(content)
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo(f"{CIFAR10.folder}/meta")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(ValueError, match="is no file"):
        read(path.read_bytes())
    monkeypatch.setattr(batches._Limited, "most", 100_000)
    with pytest.raises(ValueError, match="unpacks to more than"):
        read(packed({"other": bytes(200_000), "meta": b"m", "train": b"t"}))
    for length in range(0, len(good), 7):
        with pytest.raises(ValueError, match=r"a\.tar\.gz"):
            read(good[:length])
