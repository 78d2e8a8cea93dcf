"""SummaryWriter: what is read back from its files, record by record, is what was added."""

from __future__ import annotations

import builtins
import gc
import io
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_cnn as tg
from tinygrad_cnn.utils import tensorboard
from tinygrad_cnn.utils.tensorboard import SummaryWriter

event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2", reason="tensorboardX is not installed: no event files")


def crc32c(data: bytes) -> int:
    """The Castagnoli polynomial, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> int:
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(path: Path) -> Iterator[bytes]:
    """The records of a file, both check sums of each compared."""
    raw = path.read_bytes()
    while raw:
        (length,) = struct.unpack("<Q", raw[:8])
        assert struct.unpack("<I", raw[8:12]) == (masked(raw[:8]),)
        content = raw[12 : 12 + length]
        assert struct.unpack("<I", raw[12 + length : 16 + length]) == (masked(content),)
        yield content
        raw = raw[16 + length :]


def events(folder: Path | str) -> list[Any]:
    """The events of the only file in a folder, without the one that names its version."""
    (path,) = [p for p in Path(folder).iterdir() if p.is_file()]
    first, *others = map(event_pb2.Event.FromString, records(path))
    assert first.file_version == "brain.Event:2"
    return others


def values(folder: Path | str) -> list[Any]:
    return [event.summary.value[0] for event in events(folder)]


def picture(value: Any) -> np.ndarray:
    from PIL import Image

    array = np.asarray(Image.open(io.BytesIO(value.image.encoded_image_string)))
    assert (value.image.height, value.image.width) == array.shape[:2]
    return array


def test_the_check_sum_is_the_known_one() -> None:
    assert crc32c(b"123456789") == 0xE3069283


def test_scalars(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        for step, value in enumerate(
            [1, 0.5, np.float64(-2), np.ones((1, 1)), tg.tensor(3.5), tg.ones(1, requires_grad=True)]
        ):
            writer.add_scalar("Loss of / train", value, step)
        writer.add_scalar("no step", True, walltime=12.5)
        writer.add_scalar("late", 1, tg.tensor(70000), new_style=True)
    found = events(tmp_path)
    assert [e.summary.value[0].simple_value for e in found] == [1, 0.5, -2, 1, 3.5, 1, 1, 1]
    assert [e.step for e in found] == [0, 1, 2, 3, 4, 5, 0, 70000]
    assert [e.summary.value[0].tag for e in found] == ["Loss of / train"] * 6 + ["no step", "late"]
    assert found[6].wall_time == 12.5
    assert found[0].wall_time > 1e9


def test_several_scalars_of_one_chart(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        for step in range(3):
            writer.add_scalars("run/loss", {"train": step, "test": tg.tensor(step * 2.0)}, step)
    for name, factor in (("train", 1), ("test", 2)):
        found = events(tmp_path / f"run_loss_{name}")
        assert [e.summary.value[0].simple_value for e in found] == [0, factor, 2 * factor]
        assert {e.summary.value[0].tag for e in found} == {"run/loss"}


def test_an_image(tmp_path: Path) -> None:
    g = np.random.default_rng(0)
    colour, grey = g.random((3, 5, 4)), g.integers(0, 256, (6, 7), dtype=np.uint8)
    with SummaryWriter(tmp_path) as writer:
        writer.add_image("a", tg.tensor(colour), 1)
        writer.add_image("b", colour.transpose(1, 2, 0), 2, dataformats="HWC")
        writer.add_image("c", grey, dataformats="HW")
        writer.add_image("d", grey[None] / 255)
        writer.add_image("e", np.array([[[-1.0, 2.0, 0.5]]]))
        writer.add_image("f", np.array([[True, False]]), dataformats="hw")
    a, b, c, d, e, f = map(picture, values(tmp_path))
    np.testing.assert_array_equal(a, (colour.astype(np.float32) * 255).astype(np.uint8).transpose(1, 2, 0))
    np.testing.assert_array_equal(b, a)
    np.testing.assert_array_equal(c, np.stack([grey] * 3, 2))
    assert abs(d.astype(int) - c).max() <= 1
    np.testing.assert_array_equal(e[0, :, 0], [0, 255, 127])  # cut off, not wrapped around
    np.testing.assert_array_equal(f[0, :, 0], [255, 0])


def test_a_batch_of_images(tmp_path: Path) -> None:
    batch = np.random.default_rng(0).integers(0, 256, (10, 3, 4, 5), dtype=np.uint8)
    with SummaryWriter(tmp_path) as writer:
        writer.add_images("a", tg.tensor(batch))
        writer.add_images("b", batch.transpose(0, 2, 3, 1), dataformats="NHWC")
        writer.add_images("c", list(batch), dataformats="CHW")
    a, b, c = map(picture, values(tmp_path))
    assert a.shape == (8, 40, 3)
    for i, image in enumerate(batch):
        y, x = divmod(i, 8)
        np.testing.assert_array_equal(a[4 * y : 4 * y + 4, 5 * x : 5 * x + 5], image.transpose(1, 2, 0))
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(a, c)


@given(hnp.arrays(np.float64, st.integers(1, 50), elements=st.floats(-1e6, 1e6)))
def test_a_histogram(array: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with SummaryWriter(folder) as writer:
            writer.add_histogram("w", tg.tensor(array), 3)
            writer.add_histogram("ten", array, bins=np.linspace(-2e6, 2e6, 11))
        own, ten = (value.histo for value in values(folder))
    for histo in (own, ten):
        assert histo.num == sum(histo.bucket) == len(array)
        assert (histo.min, histo.max) == (array.min(), array.max())
        np.testing.assert_allclose(
            [histo.sum, histo.sum_squares], [array.sum(), (array**2).sum()], rtol=1e-9, atol=1e-9
        )
        limits = np.array(histo.bucket_limit)
        assert len(limits) == len(histo.bucket)
        at_most = np.cumsum(histo.bucket)
        for limit, count in zip(limits[:-1], at_most[:-1], strict=True):
            assert (array < limit).sum() == count
    assert limits[-1] >= array.max()


def test_texts_and_settings(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        writer.add_text("notes", "*wide* é", 4)
        writer.add_hparams(
            {"lr": 0.1, "net": "N1", "bn": True, "n": tg.tensor(3)}, {"acc": tg.tensor(0.5)}, run_name="one"
        )
    (text,) = values(tmp_path)
    assert text.tag == "notes/text_summary"
    assert text.tensor.string_val[0].decode() == "*wide* é"
    assert text.metadata.plugin_data.plugin_name == "text"
    *settings, reached = values(tmp_path / "one")
    assert [value.tag for value in settings] == [
        f"_hparams_/{n}" for n in ("experiment", "session_start_info", "session_end_info")
    ]
    assert (reached.tag, reached.simple_value) == ("acc", 0.5)
    plugin = pytest.importorskip("tensorboardX.proto.plugin_hparams_pb2").HParamsPluginData
    started = plugin.FromString(settings[1].metadata.plugin_data.content).session_start_info.hparams
    assert (started["lr"].number_value, started["net"].string_value, started["n"].number_value) == (0.1, "N1", 3)
    assert started["bn"].bool_value is True


def test_figures(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1), dpi=50)
    figure.add_axes((0, 0, 1, 1)).set_facecolor("red")
    with SummaryWriter(tmp_path) as writer:
        writer.add_figure("one", figure)
        writer.add_figure("two", [figure, figure])
    one, two = map(picture, values(tmp_path))
    assert (one.shape, two.shape) == ((50, 100, 3), (50, 200, 3))
    assert one[20, 50].tolist() == [255, 0, 0]


def test_the_folder_and_the_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with SummaryWriter(comment="_lr0.1", filename_suffix=".mine") as writer:
        assert writer.get_logdir() == writer.log_dir
    assert Path(writer.log_dir).parent == Path("runs")
    assert writer.log_dir.endswith("_lr0.1")
    (file,) = Path(writer.log_dir).iterdir()
    assert file.name.startswith("events.out.tfevents.")
    assert file.name.endswith(".mine")


def test_a_run_that_goes_on(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path, purge_step=7) as writer:
        writer.add_scalar("a", 1, 7)
    version, start, value = events(tmp_path)
    assert (version.file_version, version.step) == ("brain.Event:2", 7)
    assert (start.session_log.status, start.step) == (event_pb2.SessionLog.START, 7)
    assert value.step == 7


def test_when_entries_are_there(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path, max_queue=1000)
    assert events(tmp_path) == []
    writer.add_scalar("a", 1)
    assert events(tmp_path) == []
    writer.flush()
    assert len(events(tmp_path)) == 1
    at_once = SummaryWriter(tmp_path / "at once", flush_secs=0)
    at_once.add_scalar("a", 1)
    assert len(events(tmp_path / "at once")) == 1
    writer.close()
    writer.close()
    writer.flush()
    at_once.close()


def test_after_close_comes_another_file(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path)
    for i in range(3):
        writer.add_scalar("a", i, i)
        writer.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) == 3
    found = [event_pb2.Event.FromString(list(records(path))[1]).summary.value[0].simple_value for path in files]
    assert sorted(found) == [0, 1, 2]


def test_nothing_is_lost_without_close(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path / "dropped")
    writer.add_scalar("a", 1)
    del writer
    gc.collect()
    assert len(events(tmp_path / "dropped")) == 1
    script = (
        "import sys; from tinygrad_cnn.utils.tensorboard import SummaryWriter; "
        "w = SummaryWriter(sys.argv[1]); w.add_scalar('a', 1); sys.exit(0)"
    )
    root = Path(tg.__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "ended")], check=True, env=environment, timeout=120)
    assert len(events(tmp_path / "ended")) == 1


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda w: w.add_scalar("a", [1, 2]), TypeError, r"add_scalar: expected one number, got list of shape \(2,\)"),
        (lambda w: w.add_scalar("a", "x"), TypeError, "one number, got str"),
        (lambda w: w.add_scalar(3, 1), TypeError, "tag must be a string, got int"),
        (lambda w: w.add_scalar("a", 1, double_precision=True), ValueError, "kept as float32"),
        (lambda w: w.add_scalars("a", {"b": None}), TypeError, "add_scalars: expected one number, got NoneType"),
        (lambda w: w.add_histogram("a", []), ValueError, "no elements"),
        (lambda w: w.add_histogram("a", ["x"]), TypeError, "real numbers, got list"),
        (lambda w: w.add_image("a", np.zeros((5, 4, 4))), ValueError, r"3 or 4 channels, got shape \(5, 4, 4\) as CHW"),
        (lambda w: w.add_image("a", np.zeros((4, 4))), ValueError, r"dimensions CHW, got float64 of shape \(4, 4\)"),
        (lambda w: w.add_image("a", np.zeros((3, 4, 4)), dataformats="NHWC"), ValueError, "HW or CHW in any order"),
        (lambda w: w.add_image("a", np.zeros((3, 4, 4)), dataformats="HHW"), ValueError, "got 'HHW'"),
        (lambda w: w.add_images("a", np.zeros((3, 4, 4))), ValueError, "dimensions NCHW"),
        (lambda w: w.add_images("a", [np.zeros((3, 4, 4))]), ValueError, "NCHW in any order, got 'NNCHW'"),
        (lambda w: w.add_text("a", 3), TypeError, "expected a string, got int"),
        (lambda w: w.add_hparams({"a": [1, 2]}, {}), TypeError, "'a' must be a number, a text or a boolean, got list"),
        (lambda w: w.add_hparams({}, {}, {"a": [1]}), ValueError, "leave the argument out"),
        (lambda w: w.add_graph(tg.nn.ReLU(), tg.ones(1)), NotImplementedError, r"a ReLU .*viz\.draw_graph\(model"),
        (lambda w: w.add_video("a", None), AttributeError, "no add_video: it writes scalars"),
        (lambda w: w.nothing, AttributeError, "no attribute 'nothing'"),
    ],
)  # fmt: skip
def test_what_is_refused(call: Any, error: type, match: str, tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer, pytest.raises(error, match=match):
        call(writer)
    assert events(tmp_path) == []


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = builtins.__import__

    def missing(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("tensorboardX"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    tensorboard._tensorboardx.cache_clear()
    with pytest.raises(ImportError, match=r"pip install 'tinygrad-cnn\[tensorboard\]'"):
        SummaryWriter(tmp_path / "here")
    assert not (tmp_path / "here").exists()
