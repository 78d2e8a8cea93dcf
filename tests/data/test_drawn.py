"""CSV sets of drawn digits: written, read, combined; and every way a file can be wrong."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tinygrad_cnn.data import load_drawn_csv, save_drawn_csv


def some(n: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 28, 28)).astype(np.uint8), rng.integers(0, 10, n)


def test_round_trip(tmp_path: Path) -> None:
    images, labels = some(7)
    ids = save_drawn_csv(tmp_path / "anna.csv", images, labels, author="anna")
    assert ids[0] == "anna-0000"
    digits = load_drawn_csv(tmp_path / "anna.csv")
    np.testing.assert_array_equal(digits.data, images)
    np.testing.assert_array_equal(digits.targets, labels)
    assert digits.ids == ids
    assert digits.authors == ["anna"] * 7
    header, first, *_ = (tmp_path / "anna.csv").read_text().splitlines()
    assert header.startswith("id,label,p0,p1,")
    assert header.endswith(",p783")
    assert first.startswith(f"anna-0000,{labels[0]},{images[0, 0, 0]},")


def test_several_people_go_together(tmp_path: Path) -> None:
    for seed, name in enumerate(("anna", "ben")):
        save_drawn_csv(tmp_path / f"{name}.csv", *some(4, seed), author=name)
    digits = load_drawn_csv(tmp_path / "anna.csv", tmp_path / "ben.csv")
    assert len(digits) == 8
    assert digits.authors == ["anna"] * 4 + ["ben"] * 4
    np.testing.assert_array_equal(digits.data[4:], some(4, 1)[0])
    with pytest.raises(
        ValueError, match=r"ben\.csv, line 2: the id 'ben-0000' was there before, in .*ben\.csv, line 2"
    ):
        load_drawn_csv(tmp_path / "ben.csv", tmp_path / "ben.csv")


def test_appending_goes_on_counting(tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    images, labels = some(3)
    assert save_drawn_csv(path, images, labels, author="anna", append=True)[-1] == "anna-0002"  # no file yet
    assert save_drawn_csv(path, images[0], labels[0], author="anna", append=True) == ["anna-0003"]
    assert save_drawn_csv(path, images[:1], labels[:1], author="ben", append=True) == ["ben-0000"]
    assert len(load_drawn_csv(path)) == 5
    assert len(save_drawn_csv(path, images, labels, author="anna")) == len(load_drawn_csv(path))  # replaced


@pytest.mark.parametrize("gone", [[0], [1], [0, 1], [0, 2]])
def test_no_id_is_given_twice_where_drawings_were_deleted(gone: list[int], tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    for name in ("anna", "ben"):  # whose numbers are no matter of anna's
        save_drawn_csv(path, *some(4), author=name, append=True)
    header, *lines = path.read_text().splitlines(keepends=True)
    path.write_text(header + "".join(line for i, line in enumerate(lines) if i not in gone))
    kept = load_drawn_csv(path)
    assert save_drawn_csv(path, *some(2, 1), author="anna", append=True) == ["anna-0004", "anna-0005"]
    after = load_drawn_csv(path)  # refuses an id that comes twice
    assert after.ids == [*kept.ids, "anna-0004", "anna-0005"]
    np.testing.assert_array_equal(after.data[:-2], kept.data)


@pytest.mark.parametrize(
    ("images", "labels", "author", "message"),
    [
        (np.zeros((2, 28, 27), np.uint8), [1, 2], "a", r"shape \(N, 28, 28\), got uint8 of shape \(2, 28, 27\)"),
        (np.zeros((2, 28, 28)), [1, 2], "a", "must be uint8 .* got float64"),
        (np.zeros((2, 28, 28), np.uint8), [1], "a", "2 images need integer labels"),
        (np.zeros((2, 28, 28), np.uint8), [1, 10], "a", r"labels must lie in 0\.\.9, but label 1 is 10"),
        (np.zeros((1, 28, 28), np.uint8), [1], "a,b", "author's name"),
        (np.zeros((1, 28, 28), np.uint8), [1], "", "author's name"),
    ],
)
def test_nothing_is_written_where_something_is_wrong(
    images: Any, labels: Any, author: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        save_drawn_csv(tmp_path / "set.csv", images, labels, author=author)
    assert not list(tmp_path.iterdir())


def test_a_bad_file_is_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    path.write_text("my notes\n")
    with pytest.raises(ValueError, match="no set of drawn digits"):
        save_drawn_csv(path, *some(1), author="a", append=True)
    assert path.read_text() == "my notes\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:0], "first line must be id,label"),
        (lambda text: text.replace("p5,", ""), "first line must be id,label"),
        (lambda text: text.replace("a-0001,", "a,"), "line 3: an id is an author's name"),
        (lambda text: text.rstrip()[:-10] + "\n", "line 3: "),
        (lambda text: text + "a-0002,1,2,3\n", "line 4: expected an id, a label and 784 pixels, 786 values, got 4"),
        (lambda text: text.replace("a-0000,", "a-0000,1"), "line 2: the label must lie in 0..9"),
        (lambda text: text.replace("a-0000,", "a-0000,-"), "line 2: label and pixels must be whole numbers"),
        (lambda text: text.replace("a-0000,", "a-0000,100"), "line 2: .* must be whole numbers of up to 3 digits"),
        (lambda text: text.replace("a-0001", "a-0000"), "line 3: the id 'a-0000' was there before"),
    ],
)
def test_files_that_are_no_such_set(change: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    images, _ = some(2)
    save_drawn_csv(path, images, [3, 4], author="a")
    path.write_text(change(path.read_text()))
    with pytest.raises(ValueError, match=message):
        load_drawn_csv(path)


def test_other_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one file"):
        load_drawn_csv()
    with pytest.raises(FileNotFoundError):
        load_drawn_csv(tmp_path / "none.csv")
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\xff\x00")
    with pytest.raises(ValueError, match="not a text file"):
        load_drawn_csv(tmp_path / "picture.csv")


def test_a_file_that_ends_in_mid_row_is_refused(tmp_path: Path) -> None:
    """Wherever: a number that is cut off is still a number, and the last one of its row would pass."""
    path = tmp_path / "set.csv"
    images, labels = some(2)
    images[...] = 255
    save_drawn_csv(path, images, labels, author="anna")
    whole = path.read_bytes()
    begin = whole.rindex(b"\nanna-0001") + 1
    for length in [*range(begin + 1, begin + 40), *range(len(whole) - 40, len(whole))]:
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"set\.csv, line 3: the row does not end: the file ends in mid-row"):
            load_drawn_csv(path)
        before = path.read_bytes()
        with pytest.raises(ValueError, match="mid-row"):
            save_drawn_csv(path, images, labels, author="ben", append=True)
        assert path.read_bytes() == before
    path.write_bytes(whole[:begin])
    assert len(load_drawn_csv(path)) == 1
    path.write_bytes(b"\xef\xbb\xbf" + whole.replace(b"\n", b"\r\n"))  # as a spreadsheet saves it
    assert len(load_drawn_csv(path)) == 2


def test_a_line_without_an_end_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    save_drawn_csv(path, *some(1), author="anna")
    with path.open("ab") as file:
        file.write(b"1," * (16 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"line 3: the row does not end"):
            load_drawn_csv(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
