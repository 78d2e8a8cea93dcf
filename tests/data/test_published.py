"""The datasets as they were published: how many images and classes; and what is done where nothing is said."""

from __future__ import annotations

import inspect
import string
from typing import Any

import pytest

from tinygrad_cnn import data
from tinygrad_cnn.data import CIFAR10, CIFAR100, EMNIST, KMNIST, MNIST, FashionMNIST
from tinygrad_cnn.data.emnist import SPLITS
from tinygrad_cnn.data.finding import Place

IN_ALL = {  # Cohen et al., EMNIST: an extension of MNIST to handwritten letters, 2017, table II
    "byclass": (814_255, 62), "bymerge": (814_255, 47), "balanced": (131_600, 47), "letters": (145_600, 26),
    "digits": (280_000, 10), "mnist": (70_000, 10),
}  # fmt: skip
TESTED = {
    "byclass": 116_323,
    "bymerge": 116_323,
    "balanced": 18_800,
    "letters": 20_800,
    "digits": 40_000,
    "mnist": 10_000,
}


@pytest.mark.parametrize("split", IN_ALL)
def test_the_splits_of_emnist(split: str) -> None:
    labels, sizes = SPLITS[split]
    assert (sum(sizes), len(labels) - (split == "letters")) == IN_ALL[split]  # letters count from 1
    assert sizes[1] == TESTED[split]
    assert list(SPLITS) == list(IN_ALL)


def test_the_classes_of_emnist() -> None:
    assert SPLITS["byclass"][0] == (*string.digits, *string.ascii_uppercase, *string.ascii_lowercase)
    merged = (
        *string.digits,
        *string.ascii_uppercase,
        *"abdefghnqrt",
    )  # small ones that do not look like their capitals
    assert SPLITS["balanced"][0] == SPLITS["bymerge"][0] == merged
    assert SPLITS["letters"][0] == ("N/A", *string.ascii_lowercase)
    assert SPLITS["digits"][0] == SPLITS["mnist"][0] == tuple(string.digits)


@pytest.mark.parametrize("dataset", [MNIST, FashionMNIST, KMNIST])
def test_seventy_thousand_images_of_ten_classes(dataset: Any) -> None:
    assert dataset.sizes == (60_000, 10_000)
    assert len(dataset.labels) == len(set(dataset.labels)) == 10
    assert dataset.max_bytes > 60_000 * 28 * 28 + 16  # of its largest file
    assert dataset.shared_environment is (dataset is MNIST)


def test_the_sets_of_photographs() -> None:
    assert (CIFAR10.sizes, CIFAR100.sizes) == ((50_000, 10_000), (50_000, 10_000))
    assert [len(part) for part in CIFAR10.batches] == [5, 1]
    assert [len(part) for part in CIFAR100.batches] == [1, 1]
    assert EMNIST.max_bytes > 697_932 * 28 * 28 + 16
    assert EMNIST.shared_environment


THE_USUAL = "root=None, train=True, transform=None, download=True, verify=True"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *((name, THE_USUAL) for name in ("MNIST", "FashionMNIST", "KMNIST", "CIFAR10", "CIFAR100")),
        ("EMNIST", THE_USUAL.replace("train", "split='balanced', train", 1)),
        ("load_mnist", "root=None, download=True, allow_fallback=False, verify=True"),
        ("load_cifar10", "root=None, download=True, verify=True"),
        ("load_cifar100", "root=None, download=True, verify=True"),
        ("embedded_digits", "test_size=1000, seed=0"),
        ("read_idx", "path, sha256=None, max_bytes=None"),
        ("save_drawn_csv", "path, images, labels, author, append=False"),
        ("make_template", "path, columns=25, cell=72"),
        ("split_sheet", "path, columns=25, skip=False"),
        ("SheetLayout", "columns=25, cell=72"),
        ("random_split", "dataset, lengths, generator=None, stratify=None"),
    ],
)
def test_what_is_done_where_nothing_is_said(name: str, arguments: str) -> None:
    """Among others: files are fetched and held against their digests, and a substitute has to be asked for."""
    parameters = inspect.signature(getattr(data, name)).parameters.values()
    assert ", ".join(p.name + ("" if p.default is p.empty else f"={p.default!r}") for p in parameters) == arguments


def test_bad_files_are_passed_over_with_a_word_where_nothing_else_is_said() -> None:
    from pathlib import Path

    assert Place(Path()) == (Path(), False, False)
