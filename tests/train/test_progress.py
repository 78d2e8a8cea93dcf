"""What a run prints: a line an epoch, a bar on a terminal alone, nothing when asked for nothing."""

from __future__ import annotations

import io
import os
import re
import sys
import threading
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from train.nets import At, blobs, trainer

from tinygrad_cnn.train.progress import Progress, _room, epoch_line, layout, line

X, Y = blobs()


def test_off_a_terminal_each_epoch_is_one_plain_line(capsys: Any) -> None:
    trainer(progress=True).fit((X, Y), 12, validation=blobs(seed=1))
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert len(lines) == 12
    assert lines[0].startswith("epoch  1/12  loss ")
    assert re.fullmatch(r"epoch  1/12  loss [\d.]+ \(val [\d.]+\)  accuracy [\d.]+ \(val [\d.]+\)  [\d.]+ s", lines[0])
    assert max(map(len, lines)) <= 80
    assert err == ""


def test_without_progress_there_is_silence(capsys: Any) -> None:
    trainer(progress=False).fit((X, Y), 2)
    assert capsys.readouterr() == ("", "")


def test_stopping_is_said_with_place_and_reason(capsys: Any) -> None:
    mine = trainer(progress=True)
    mine.callbacks.append(At(lambda: mine.stop("enough"), 2, 3))
    mine.fit((X, Y), 5, batch_size=10)
    assert capsys.readouterr().out.splitlines()[-1] == "stopped in epoch 2 after batch 3: enough"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_there_is_a_bar_with_the_running_values(monkeypatch: Any, capsys: Any) -> None:
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr("tinygrad_cnn.train.progress._INTERVAL", 0.0)
    mine = trainer(progress=True)
    mine.fit((X, Y), 1, batch_size=2)
    shown = screen.getvalue()
    assert "epoch 1/1" in shown
    assert "/30" in shown
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_the_running_values_are_asked_for_ten_times_a_second_at_most(monkeypatch: Any) -> None:
    """They cost a look at every metric, which many short batches are not to pay for each."""
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    monkeypatch.setattr(sys, "stderr", Terminal())
    now = [100.0]
    asked: list[float] = []

    def values() -> dict[str, float]:
        asked.append(now[0])
        return {"loss": 1.0}

    monkeypatch.setattr("tinygrad_cnn.train.progress.time", SimpleNamespace(perf_counter=lambda: now[0]))
    progress = Progress(True)
    for epoch in range(2):
        progress.start("epoch", 1024)
        for _ in range(1024):
            progress.step(values)
            now[0] += 1 / 1024  # seconds
        progress.close()
        assert asked[0] == 100 + epoch  # the first batch has something to show
        assert len(asked) == 10
        assert all(b - a >= 0.1 for a, b in pairwise(asked))
        asked.clear()


def shown_at(columns: int, monkeypatch: Any) -> list[str]:
    """What a run writes over and over into the one row of a real terminal of so many columns."""
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    import fcntl
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    written: list[bytes] = []
    reader = threading.Thread(target=lambda: written.extend(iter(lambda: read(master), b"")))
    reader.start()
    with os.fdopen(slave, "w") as screen:
        monkeypatch.setattr(sys, "stderr", screen)
        monkeypatch.setattr("tinygrad_cnn.train.progress._INTERVAL", 0.0)
        progress = Progress(True)
        progress.start("epoch  3/10", 938)
        for i in range(938):
            progress.step(lambda i=i: {"loss": 2 / (i + 1), "accuracy": i / 938, "images_per_s": 30000.0 + i})
            if i % 50 == 0:
                progress._bar.refresh()  # tqdm itself draws ten times a second
        progress.close()
    reader.join(20)
    os.close(master)
    return [row for row in re.split(r"[\r\n]+", b"".join(written).decode()) if row]


def read(master: int) -> bytes:
    try:
        return os.read(master, 4096)
    except OSError:  # the other end is closed
        return b""


@pytest.mark.parametrize("columns", [20, 42, 80, 200])
def test_the_bar_never_leaves_its_row(columns: int, monkeypatch: Any) -> None:
    rows = shown_at(columns, monkeypatch)
    assert max(map(len, rows)) < columns  # tqdm keeps one free: some terminals wrap when a row is full
    assert len(rows) > 15
    if columns >= 42:
        assert [row for row in rows[2:] if row.strip() and "accuracy " not in row] == []


def test_at_80_columns_there_are_loss_accuracy_and_what_is_left(monkeypatch: Any) -> None:
    _first, *later = (row for row in shown_at(80, monkeypatch) if row.strip())
    assert later
    for row in later:
        assert re.fullmatch(r"epoch  3/10  \|.+\|  \d+/938  \d\d:\d\d  loss [\d.]+  accuracy [\d.]+", row)


def test_a_metric_of_any_name_is_text() -> None:
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    text = layout(80, "{0}", None, {"F{1}": 0.25, "\u6b63\u786e": 0.5})
    assert text.format(n_fmt=7) == "{0}  7  F{1} 0.2500  \u6b63\u786e 0.5000"
    assert layout(36, "{0}", None, {"F{1}": 0.25, "\u6b63\u786e": 0.5}) == "{{0}}  F{{1}} 0.2500  \u6b63\u786e 0.5000"
    assert layout(28, "{0}", None, {"F{1}": 0.25, "\u6b63\u786e": 0.5}) == "{{0}}  {n_fmt}  F{{1}} 0.2500"


@pytest.mark.parametrize("batches", [None, 7, 938, 60000])
@pytest.mark.parametrize("speed", [None, 9000.0])
def test_what_has_room_is_shown_in_this_order_of_weight(batches: int | None, speed: float | None) -> None:
    """Title, values, batches, bar, time left, speed: each where the row still has room for it and two blanks."""
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    values = {"loss": 0.5, "accuracy": 0.75} | ({} if speed is None else {"images_per_s": speed})
    count = "{n_fmt}" if batches is None else "{n_fmt}/{total_fmt}"
    widths = {
        "epoch 1/9": 9, "loss 0.5000": 11, "accuracy 0.7500": 15,
        count: 6 if batches is None else 2 * len(str(batches)) + 1,
        **({} if batches is None else {"|{bar}|": 6, "{remaining}": 7}),
        **({} if speed is None else {"9,000 images/s": 14}),
    }  # fmt: skip
    stands = ["epoch 1/9", "|{bar}|", count, "{remaining}", "loss 0.5000", "accuracy 0.7500", "9,000 images/s"]
    for room in range(9, 120):
        left, shown = room - 9, ["epoch 1/9"]
        for piece, width in widths.items():
            if piece != "epoch 1/9" and width + 2 <= left:
                shown.append(piece)
                left -= width + 2
        assert layout(room, "epoch 1/9", batches, values) == "  ".join(sorted(shown, key=stands.index))
    assert layout(5, "epoch 1/9", batches, values) == "epoch"


def test_an_epochs_line_may_take_80_columns_and_no_more() -> None:
    for extra, kept in ((" ", True), ("  ", False)):
        title = "t" * (80 - len("  loss 0.5000  12.0 s") - 1) + extra
        text = epoch_line(title, {"loss": 0.5, "seconds": 12.0, "images_per_s": 5.0})
        assert text == f"{title}  loss 0.5000" + "  12.0 s" * kept
    short = epoch_line("t" * 42, {"loss": 0.5, "seconds": 12.0, "images_per_s": 12345.0})
    assert short.endswith("  12.0 s  12,345 images/s")
    assert len(short) == 80


@pytest.mark.parametrize(("columns", "room"), [(0, 79), (80, 79), (10, 9), (4, 3), (3, 3), (1, 3)])
def test_one_column_of_a_terminal_stays_free(columns: int, room: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((columns, 24)))
    assert _room(SimpleNamespace(fileno=lambda: 2)) == room


def test_where_nobody_knows_the_columns_there_are_80() -> None:
    for stream in (io.StringIO(), SimpleNamespace(), SimpleNamespace(fileno=lambda: -1)):
        assert _room(stream) == 79


def test_a_bar_that_goes_on_begins_at_what_is_done(monkeypatch: Any) -> None:
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    monkeypatch.setattr(sys, "stderr", Terminal())
    progress = Progress(True)
    for done in ((), (7,)):
        progress.start("epoch", 10, *done)
        assert (progress._bar.n, progress._bar.total) == (sum(done), 10)
        progress.step(dict)
        assert progress._bar.n == sum(done) + 1
        progress.close()


def test_in_a_notebook_there_is_a_bar_too(monkeypatch: Any, capsys: Any) -> None:
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    screen = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()  # says that it is no terminal
    monkeypatch.setattr(sys, "stderr", screen)
    trainer(progress=True).fit((X, Y), 1, batch_size=2)
    assert "epoch 1/1" in screen.getvalue()
    assert screen.getvalue().rstrip(" ").endswith("\r")  # and the bar is wiped off at the end
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_the_bar_goes_away_with_an_error(monkeypatch: Any) -> None:
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    monkeypatch.setattr(sys, "stderr", Terminal())
    progress = Progress(True)
    progress.start("epoch", None)
    progress.step(lambda: {"loss": 1.0})
    assert progress._bar is not None
    progress.close()
    progress.close()
    assert progress._bar is None

    def fail() -> None:
        raise KeyError("mine")

    closed: list[Any] = []
    monkeypatch.setattr(Progress, "close", lambda self: closed.append(self))
    mine = trainer(progress=True, callbacks=At(fail, 1, 1))
    with pytest.raises(KeyError, match="mine"):
        mine.fit((X, Y), 1)
    assert len(closed) == 1


def test_a_line_has_the_numbers_only() -> None:
    values = {"loss": 0.5, "matrix": [[1]], "images_per_s": 12345.6, "seconds": 1.25}
    assert line(values) == "loss 0.5000  12,346 images/s  1.2 s"


def test_the_line_of_an_epoch_fits_80_columns_and_keeps_every_result() -> None:
    values = {"loss": 0.25, "accuracy": 0.5, "val_loss": 0.75, "val_accuracy": 1.0}
    times = {"seconds": 123.4, "images_per_s": 12345.6}
    results = "loss 0.2500 (val 0.7500)  accuracy 0.5000 (val 1.0000)"
    assert epoch_line("epoch 100/200", values | times) == f"epoch 100/200  {results}  123.4 s"
    plain = {"loss": 0.25, "accuracy": 0.5}
    assert epoch_line("epoch 1/2", plain | times).endswith("  accuracy 0.5000  123.4 s  12,346 images/s")
    lone = {
        "val_accuracy": 0.75,
        "val_loss": 0.5,
        "loss": 0.25,
    }  # what is judged only on the held-out data has its name
    assert epoch_line("epoch 1/2", lone) == "epoch 1/2  val_accuracy 0.7500  loss 0.2500 (val 0.5000)"
    many = {f"metric {i}": 0.5 for i in range(9)}
    assert epoch_line("epoch 1/2", many | times) == "  ".join(["epoch 1/2", *(f"{name} 0.5000" for name in many)])


@pytest.mark.parametrize("columns", [30, 80])
def test_ctrl_c_writes_behind_the_bar_and_goes_with_it(columns: int, monkeypatch: Any) -> None:
    """In the last column but one "^C" would begin a new row, and the old bar stay on the screen."""
    rows = shown_at(columns, monkeypatch)
    with_bar = [row for row in rows if "|" in row]
    assert with_bar or columns == 30
    assert all(len(row) <= columns - 3 for row in with_bar)
    assert rows[-1] == " " * (columns - 1)  # wiped in its whole length
