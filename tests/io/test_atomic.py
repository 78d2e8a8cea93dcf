"""A crash at any point of a save leaves the old file or the new one, whole."""

import errno
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn
from tinygrad_cnn.io import atomic, load, save
from tinygrad_cnn.io.atomic import replace_file

OLD, NEW = b"old " * 1000, b"new " * 2000
OLD_STATE, NEW_STATE = ({"w": np.full(50, float(i)), "round": i} for i in (1, 2))


class Faults:
    """The n-th call to the system that a save makes fails; `failed` says which that was."""

    def __init__(self, number: int, error: OSError) -> None:
        self.left, self.error, self.failed = number, error, ""

    def may_fail(self, name: str, function: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                self.failed = name
                raise self.error
            return function(*args, **kwargs)

        return call

    def install(self, patch: pytest.MonkeyPatch) -> None:
        def opened(path: Path, mode: str) -> Any:
            file = open(path, mode)  # noqa: SIM115
            faulty = SimpleNamespace(fileno=file.fileno, tell=file.tell, really=file)
            for name in ("write", "flush", "seek", "close"):
                setattr(faulty, name, self.may_fail(name, getattr(file, name)))
            return faulty

        for name in ("fsync", "chmod", "replace"):
            patch.setattr(os, name, self.may_fail(name, getattr(os, name)))
        patch.setattr(os, "open", self.may_fail("os.open", os.open))
        patch.setattr(os, "scandir", self.may_fail("scandir", os.scandir))
        patch.setattr(atomic, "open", self.may_fail("open", opened), raising=False)


def raised(function: Callable[[], Any]) -> OSError | None:
    try:
        function()
    except OSError as error:
        return error
    return None


def places_that_fill_up(folder: Path) -> Iterator[Path]:
    yield folder
    small = folder.with_name(folder.name + "-small")
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(small)]
    if shutil.which("mount") and not subprocess.run(mount, check=False, stderr=subprocess.DEVNULL).returncode:
        try:
            yield small
        finally:
            subprocess.run(["umount", str(small)], check=True)


def with_little_room(function: Callable[[], Any]) -> None:
    """Call the function while no file may grow beyond 600 KB."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, before[1]))
    try:
        function()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestReplace:
    def test_makes_and_replaces(self, tmp_path: Path) -> None:
        for content in (OLD, NEW, b""):
            replace_file(tmp_path / "f", content)
            assert (tmp_path / "f").read_bytes() == content
        assert listing(tmp_path) == ["f"]

    def test_a_path_relative_to_here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        replace_file("f", NEW)
        assert listing(tmp_path) == ["f"]

    @pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
    def test_permissions_are_kept_and_else_the_users_usual_ones(self, tmp_path: Path) -> None:
        replace_file(tmp_path / "new", NEW)
        (tmp_path / "usual").touch()
        assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode
        (tmp_path / "usual").chmod(0o640)
        replace_file(tmp_path / "usual", NEW)
        assert (tmp_path / "usual").stat().st_mode & 0o777 == 0o640

    @pytest.mark.skipif(os.name == "nt", reason="Windows lets few users make links")
    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "there").mkdir()
        (tmp_path / "there" / "file").write_bytes(OLD)
        (tmp_path / "link").symlink_to(tmp_path / "there" / "file")
        replace_file(tmp_path / "link", NEW)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "there" / "file").read_bytes() == NEW

    def test_the_bytes_reach_the_disk_before_the_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        calls: list[str] = []
        fsync, replace = os.fsync, os.replace
        monkeypatch.setattr(os, "fsync", lambda fd: (calls.append("fsync"), fsync(fd))[1])
        monkeypatch.setattr(os, "replace", lambda *a: (calls.append("replace"), replace(*a))[1])
        replace_file(tmp_path / "f", NEW)
        assert calls == ["fsync", "replace"] + ["fsync"] * (os.name != "nt")

    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            replace_file(tmp_path / "no" / "f", NEW)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="descriptors are counted in /proc")
    def test_no_descriptor_stays_open(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        counted = Path("/proc/self/fd")
        if not counted.exists():
            pytest.skip("no /proc on this system")
        before = len(list(counted.iterdir()))
        for number in range(1, 20):
            with monkeypatch.context() as patch:
                Faults(number, OSError(errno.ENOSPC, "No space left on device")).install(patch)
                raised(lambda: save(NEW_STATE, tmp_path / "f"))
        assert len(list(counted.iterdir())) <= before + 1  # the file whose close failed


class TestFailures:
    @pytest.mark.parametrize(
        ("place", "error", "text"),
        [
            ("missing/file", FileNotFoundError, r"there is no folder '.*missing'; make it first, with os.makedirs"),
            ("a/b/c/file", FileNotFoundError, r"there is no folder '.*c'; make it first"),
            ("taken/file", NotADirectoryError, r"'.*taken' is a file, not a folder"),
            ("folder", IsADirectoryError, "that is a folder; add the name of a file"),
            ("folder/", IsADirectoryError, "that is a folder; add the name of a file"),
            ("new/", IsADirectoryError, "that is a folder; add the name of a file"),
            ("taken/", IsADirectoryError, "that is a folder; add the name of a file"),
            ("", IsADirectoryError, "that is a folder; add the name of a file"),
            ("a\0b", ValueError, "a path holds no NUL"),
            ("n" * 300, OSError, "File name too long"),
        ],
    )  # fmt: skip
    def test_a_place_where_no_file_can_be(self, place: str, error: Any, text: str, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "taken").write_text("")
        path = f"{tmp_path}/{place}" if place else ""
        with pytest.raises(error, match=text) as caught:
            replace_file(path, b"x")
        assert isinstance(caught.value, ValueError) or caught.value.filename == path
        assert listing(tmp_path) == ["folder", "taken"]

    @pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
    @pytest.mark.parametrize("kind", ["FIFO", "socket", "device", "link to a device", "link to a FIFO"])
    def test_what_is_no_regular_file_is_not_replaced(self, kind: str, tmp_path: Path) -> None:
        path, made = tmp_path / "it", tmp_path / "made"
        with socket.socket(socket.AF_UNIX) as listening:
            if kind == "FIFO":
                os.mkfifo(path)
            elif kind == "socket":
                listening.bind(os.path.relpath(path))  # the whole path may be too long for one
            elif kind == "link to a FIFO":
                os.mkfifo(made)
                path.symlink_to(made)
            else:
                path = Path("/dev/null")
            if kind == "link to a device":
                (tmp_path / "null").symlink_to(path)
                path = tmp_path / "null"
            before = listing(tmp_path)
            with pytest.raises(OSError, match="no regular file, and a file would take its place") as caught:
                save({"a": 1}, path)
        assert caught.value.filename == str(path)
        assert listing(tmp_path) == before
        assert not path.is_file()

    def test_names_of_every_length(self, tmp_path: Path) -> None:
        """The temporary file's name is longer than the file's own, and must not be too long where that is not."""
        for name in ("n" * 180, "n" * 181, "n" * 255, "\u00fc" * 127, "\U0001f600" * 63, ".", "a b\n"):
            if name == ".":
                continue
            replace_file(tmp_path / name, NEW)
            assert (tmp_path / name).read_bytes() == NEW
        replace_file(os.fsencode(tmp_path / "bytes"), NEW)
        assert len(listing(tmp_path)) == 7

    @pytest.mark.parametrize("point", ["fsync", "chmod", "replace"])
    @pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
    def test_a_failing_step_leaves_the_old_file_and_no_other(
        self, point: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "f").write_bytes(OLD)

        def fail(*_: object) -> None:
            raise error

        monkeypatch.setattr(os, point, fail)
        with pytest.raises(type(error)):
            replace_file(tmp_path / "f", NEW)
        assert listing(tmp_path) == ["f"]
        assert (tmp_path / "f").read_bytes() == OLD

    @pytest.mark.skipif(os.name == "nt", reason="another way to rename there")
    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
    def test_every_call_to_the_system_fails_once(
        self, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each write, flush, fsync, rename, open, chmod: the old file loads, our error, nothing is left."""
        path = tmp_path / "run.safetensors"
        failed: list[str] = []
        for number in count(1):
            save(OLD_STATE, path)
            with monkeypatch.context() as patch:
                faults = Faults(number, OSError(code, os.strerror(code)))
                faults.install(patch)
                error = raised(lambda: save(NEW_STATE, path))
            if error is not None:
                assert (error.errno, error.filename) == (code, str(path)), faults.failed
                assert os.strerror(code) in str(error)
                assert ".tmp" not in str(error)
            if not faults.failed:
                break
            failed.append(faults.failed)
            done = error is None or "the new file stands there" in str(error)  # an error about left-over files is none
            assert load(path)["round"] == (2 if done else 1)
            assert listing(tmp_path) == [path.name], faults.failed
        assert set(failed) >= {"open", "write", "seek", "flush", "fsync", "chmod", "replace", "close", "os.open"}

    @pytest.mark.skipif(os.name == "nt", reason="no limits there")
    def test_a_disk_that_fills_up(self, tmp_path: Path) -> None:
        """A file system of half a megabyte, where that may be mounted; a limit on the size of files in any case."""
        big = {"w": np.ones(1 << 20), "round": 2}
        for place in places_that_fill_up(tmp_path):
            path = place / "run.safetensors"
            save(OLD_STATE, path)
            with pytest.raises(OSError, match=r"No space left|File too large") as caught:
                with_little_room(lambda path=path: save(big, path))
            assert caught.value.filename == str(path)
            assert load(path)["round"] == 1
            assert listing(place) == [path.name]

    @pytest.mark.skipif(os.name == "nt", reason="no fsync of folders there")
    def test_a_file_system_without_folder_fsync(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(code: int) -> None:
            calls = iter([None, OSError(code, "fsync")])

            def fsync(_: int) -> None:
                if error := next(calls):
                    raise error

            monkeypatch.setattr(os, "fsync", fsync)

        refuse(errno.EINVAL)
        replace_file(tmp_path / "f", NEW)
        refuse(errno.EIO)
        with pytest.raises(OSError, match="fsync"):
            replace_file(tmp_path / "f", NEW)
        assert (tmp_path / "f").read_bytes() == NEW


WRITER = """
import os, sys
import numpy as np
from tinygrad_cnn.io import save

path, point = sys.argv[1:]
replace = os.replace

def die(*arguments):
    if point == "half written":
        os.ftruncate(arguments[0], os.fstat(arguments[0]).st_size // 2)
    if point == "replaced":
        replace(*arguments)
    os._exit(9)

setattr(os, "fsync" if "written" in point else "replace", die)
save({"w": np.full(50_000, 2.0), "round": 2}, path)
"""


class TestCrashes:
    @pytest.mark.parametrize(("point", "left"), [("half written", 1), ("written", 1), ("synced", 1), ("replaced", 2)])
    def test_killed_at_a_point(self, point: str, left: int, tmp_path: Path) -> None:
        path = tmp_path / "run.safetensors"
        save({"w": np.full(50_000, 1.0), "round": 1}, path)
        done = subprocess.run([sys.executable, "-c", WRITER, str(path), point], check=False)
        assert done.returncode == 9
        state = load(path)
        assert state["round"] == left
        assert (state["w"] == left).all()

    def test_killed_anywhere(self, tmp_path: Path) -> None:
        """At each line, and while the bytes are written: before the rename the old file is there, then the new one."""
        path = tmp_path / "run.safetensors"
        script, root = Path(__file__).with_name("crashing.py"), Path(tinygrad_cnn.__file__).parents[1]
        command, environment = [sys.executable, str(script), str(path)], {**os.environ, "PYTHONPATH": str(root)}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        killed = [re.fullmatch(r'"(\w+) (.*)" ([12])', line) for line in done.stdout.splitlines()]
        assert all(killed), done.stdout
        within, lines = ([k for k in killed if k and (k[1] == "byte") is byte] for byte in (True, False))
        assert [k[3] for k in within] == ["1"] * (0 if os.name == "nt" else 5)
        rounds = "".join(k[3] for k in lines)
        assert re.fullmatch("1{10,}2{3,}", rounds), done.stdout  # many points on both sides, and no way back
        assert load(path)["round"] == 2  # the last one lived
