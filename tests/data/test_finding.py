"""Where files are looked for, what is passed over, and what is fetched."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from tests.data.small import serving
from tinygrad_cnn.data.finding import Place, cache_folder, check_md5, fetch_file, find


def read(folder: Path) -> str:
    text = (folder / "file").read_text()
    if text == "bad":
        raise ValueError("it is bad")
    return text


def nothing() -> tuple[Path | None, list[str]]:
    return None, ["fetched: nothing"]


def made(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "file").write_text(text)
    return folder


def test_the_first_good_place_is_taken(tmp_path: Path) -> None:
    a, b, c = made(tmp_path / "a", "bad"), made(tmp_path / "b", "good"), made(tmp_path / "c", "other")
    say = {"hint": "!", "way_out": "Make one."}
    assert find("It", [Place(b), Place(a, strict=True), Place(c)], read, nothing, **say) == ("good", b)
    with pytest.warns(UserWarning, match="It: passing over .*a: it is bad"):
        assert find("It", [Place(tmp_path), Place(a), Place(c)], read, nothing, **say) == ("other", c)
    assert find("It", [Place(a, quiet=True), Place(c)], read, nothing, **say) == ("other", c)
    with pytest.raises(ValueError, match="It in root: it is bad!"):
        find("It", [Place(a, strict=True), Place(c)], read, nothing, **say)
    with pytest.raises(FileNotFoundError, match=r"(?s)It was not found.*\n  - .*a: it is bad\n  - fetched.*\nMake one"):
        find("It", [Place(a, quiet=True)], read, nothing, **say)
    assert find("It", [Place(tmp_path)], read, lambda: (c, []), **say) == ("other", c)


def test_fetch_file(tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "file").write_bytes(b"content")
    target = tmp_path / "target"
    with serving(tmp_path / "mirror") as address:
        failures = fetch_file([f"{address}no/", f"{address}not/"], "file", target, lambda _: None)
        assert [failure.partition(": ")[0] for failure in failures] == [f"{address}no/file", f"{address}not/file"]
        assert fetch_file([address], "file", target, lambda path: check_md5(path, "0")) != []
        assert not target.exists()
        good = hashlib.md5(b"content").hexdigest()
        assert fetch_file([f"{address}no/", address], "file", target, lambda path: check_md5(path, good)) == []
    assert target.read_bytes() == b"content"
    assert fetch_file([], "file", target, lambda _: None) == ["download: no mirror has file"]


def test_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache" / "tinygrad_cnn"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the standard
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for platform, wanted in (
        ("linux", tmp_path / ".cache" / "tinygrad_cnn"),
        ("darwin", tmp_path / "Library" / "Caches" / "tinygrad_cnn"),
        ("win32", tmp_path / "AppData" / "Local" / "tinygrad_cnn" / "Cache"),
    ):
        monkeypatch.delenv("LOCALAPPDATA", raising=False)
        monkeypatch.setattr(sys, "platform", platform)
        assert cache_folder() == wanted
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_folder() == tmp_path / "local" / "tinygrad_cnn" / "Cache"


def test_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(Path, "home", fail)
    assert cache_folder() is None
