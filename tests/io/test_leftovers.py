"""Temporary files of processes that were killed go with the next save; those of processes that live stay."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from tinygrad_cnn.io import atomic, leftovers, load, save
from tinygrad_cnn.io.atomic import replace_file, replacing

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no fork and no locks of this kind")
processes: Any = multiprocessing.get_context("fork")  # which imports nothing anew


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def killed_while_writing(path: Path) -> None:
    """A process that dies within a save of `path`, and leaves its temporary file."""

    def work() -> None:
        with replacing(path) as file:
            file.write(b"half")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    process = processes.Process(target=work)
    process.start()
    process.join()


def old(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


@pytest.mark.parametrize("name", ["run.safetensors", "r" * 250, "[a-z]*.(x)"])
def test_what_a_killed_process_left_goes_with_the_next_save(name: str, tmp_path: Path) -> None:
    for _ in range(3):
        killed_while_writing(tmp_path / name)
    assert len(listing(tmp_path)) == 1  # each removed what the one before had left, and left its own
    save({"a": 1}, tmp_path / name)
    assert listing(tmp_path) == [name]
    killed_while_writing(tmp_path / name)
    save({"a": 1}, tmp_path / "another")  # a run's next checkpoint has another name
    assert listing(tmp_path) == sorted(["another", name])


def test_it_goes_before_the_new_one_is_written(tmp_path: Path) -> None:
    """Where a disk is full of them there is room again; and it goes although the save fails."""
    found: list[str] = []

    def fail() -> None:
        with replacing(tmp_path / "f"):
            found.extend(listing(tmp_path))
            raise KeyError

    killed_while_writing(tmp_path / "f")
    left = listing(tmp_path)
    with pytest.raises(KeyError):
        fail()
    assert len(found) == len(left) == 1
    assert found != left
    assert listing(tmp_path) == []


def test_what_is_being_written_stays(tmp_path: Path) -> None:
    """By another process, by another thread, by this one: even when it looks old."""
    path = tmp_path / "f"
    begun, end = processes.Event(), processes.Event()

    def work() -> None:
        with replacing(path) as file:
            file.write(b"theirs")
            file.flush()
            begun.set()
            end.wait(60)

    process = processes.Process(target=work)
    process.start()
    assert begun.wait(60)
    (theirs,) = tmp_path.iterdir()
    old(theirs, 10 * leftovers._AGE)
    with replacing(path) as outer:
        outer.write(b"outer")
        replace_file(path, b"inner")
        assert path.read_bytes() == b"inner"
        assert theirs.exists()
    assert path.read_bytes() == b"outer"
    end.set()
    process.join()
    assert process.exitcode == 0
    assert path.read_bytes() == b"theirs"
    assert listing(tmp_path) == ["f"]


def test_only_what_is_ours(tmp_path: Path) -> None:
    path = tmp_path / "f"
    host = leftovers._host()
    strangers = [
        ".f.tmp", ".f.notes.tmp", f".f.{host}-12345.tmp", f".f.{host}-0123456789ab.tmp.bak", ".g.0123456789ab.tmp",
        f"f.{host}-0123456789ab.tmp", f".{host}-0123456789ab.tmp", f".f.{host}-0123456789AB.tmp",
    ]  # fmt: skip
    for name in strangers:
        (tmp_path / name).touch()
        old(tmp_path / name, 10 * leftovers._AGE)
    (tmp_path / "precious").touch()
    (tmp_path / f".f.{host}-aaaaaaaaaaaa.tmp").symlink_to("precious")
    (tmp_path / f".f.{host}-bbbbbbbbbbbb.tmp").mkdir()
    before = listing(tmp_path)
    replace_file(path, b"x")
    assert listing(tmp_path) == sorted([*before, "f"])


def test_another_machines_go_when_they_are_old(tmp_path: Path) -> None:
    """Its locks may not be seen from here; nor those of the names that were given before locks were."""
    for name in (".f.ffffff-0123456789ab.tmp", ".f.0123456789ab.tmp"):
        (tmp_path / name).touch()
        old(tmp_path / name, leftovers._AGE / 2)
        replace_file(tmp_path / "f", b"x")
        assert listing(tmp_path) == sorted([name, "f"])
        old(tmp_path / name, leftovers._AGE * 2)
        replace_file(tmp_path / "f", b"x")
        assert listing(tmp_path) == ["f"]


def test_where_no_locks_are_known_age_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    killed_while_writing(tmp_path / "f")
    monkeypatch.setattr("fcntl.flock", none)
    replace_file(tmp_path / "f", b"x")
    left, _ = listing(tmp_path)
    old(tmp_path / left, leftovers._AGE * 2)
    replace_file(tmp_path / "f", b"x")
    assert listing(tmp_path) == ["f"]


def test_a_temporary_file_that_is_taken_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    def opened(path: Path, mode: str) -> Any:
        made.append(path)
        file = open(path, mode)  # noqa: SIM115
        if len(made) < 3:
            leftovers.collect(tmp_path / "f")  # another save, in just this moment
            assert not path.exists()
        return file

    monkeypatch.setattr(atomic, "open", opened, raising=False)
    replace_file(tmp_path / "f", b"x")
    assert len(made) == 3
    assert listing(tmp_path) == ["f"]


@pytest.mark.parametrize("how", ["threads", "processes"])
def test_many_save_to_one_place_at_once(how: str, tmp_path: Path) -> None:
    """None takes another's file away: all come to their end, and what is there is one of theirs, whole."""
    path = tmp_path / "run.safetensors"

    def work(number: int) -> None:
        for _ in range(10):
            save({"w": np.full(1000, float(number)), "number": number}, path)

    def run(make: Callable[..., Any]) -> list[Any]:
        workers = [make(target=work, args=(number,)) for number in range(6)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return workers

    failed: list[Any] = []
    if how == "threads":
        before, threading.excepthook = threading.excepthook, failed.append
        try:
            run(threading.Thread)
        finally:
            threading.excepthook = before
    else:
        failed = [worker for worker in run(processes.Process) if worker.exitcode]
    assert failed == []
    assert (load(path)["w"] == load(path)["number"]).all()
    assert listing(tmp_path) == [path.name]


def test_a_file_that_somebody_always_removes_is_an_error(tmp_path: Path) -> None:
    """Each new one is closed, and after some tries the path is named."""
    made: list[IO[bytes]] = []

    def gone_at_once(path: Path, mode: str) -> IO[bytes]:
        file = open(path, mode)  # noqa: SIM115
        path.unlink()
        made.append(file)
        return file

    with pytest.raises(
        OSError, match=r"cannot keep a temporary file beside '.*run\.npz': somebody removes each of them"
    ):
        leftovers.new_temporary(tmp_path / "run.npz", gone_at_once)
    assert len(made) > 1
    assert all(file.closed for file in made)
    assert len({file.name for file in made}) == len(made)


def test_an_interrupt_while_a_file_is_locked_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_descriptor: int, *, wait: bool) -> bool:
        assert wait
        raise KeyboardInterrupt

    monkeypatch.setattr(leftovers, "_lock", interrupted)
    with pytest.raises(KeyboardInterrupt):
        leftovers.new_temporary(tmp_path / "run.npz", open)
    assert listing(tmp_path) == []
