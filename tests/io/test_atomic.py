"""A crash at any point of a save leaves the old file or the new one, whole."""

import errno
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn
from tinygrad_cnn.io import atomic, load, save
from tinygrad_cnn.io.atomic import replace_file

OLD, NEW = b"old " * 1000, b"new " * 2000


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


class TestFailures:
    @pytest.mark.parametrize(
        ("place", "error", "text"),
        [
            ("missing/file", FileNotFoundError, r"there is no folder '.*missing'; make it first, with os.makedirs"),
            ("a/b/c/file", FileNotFoundError, r"there is no folder '.*c'; make it first"),
            ("taken/file", NotADirectoryError, r"'.*taken' is a file, not a folder"),
            ("folder", IsADirectoryError, "that is a folder; add the name of a file"),
            ("folder/", IsADirectoryError, "that is a folder; add the name of a file"),
        ],
    )  # fmt: skip
    def test_a_place_where_no_file_can_be(self, place: str, error: Any, text: str, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "taken").write_text("")
        with pytest.raises(error, match=text) as caught:
            replace_file(f"{tmp_path}/{place}", b"x")
        assert place in str(caught.value)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "taken"]

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

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
    def test_a_full_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "f").write_bytes(OLD)

        def full(path: Path, mode: str) -> Any:
            assert mode == "xb"
            path.touch(exist_ok=False)
            return open("/dev/full", "wb")

        monkeypatch.setattr(atomic, "open", full, raising=False)
        with pytest.raises(OSError, match="No space left"):
            replace_file(tmp_path / "f", NEW)
        assert listing(tmp_path) == ["f"]
        assert (tmp_path / "f").read_bytes() == OLD

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
