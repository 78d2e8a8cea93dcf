"""The batch road of vision datasets: the same bits as sample by sample, and only where nobody can tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.data import ConcatDataset, DataLoader, Dataset, Subset, default_collate, random_split
from tinygrad_cnn.data.dataset import batch_access
from tinygrad_cnn.vision import transforms as T
from tinygrad_cnn.vision.batches import at_once

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

RNG = np.random.default_rng(0)


class Pictures(Dataset[Any]):
    """Images in memory, read as torchvision's datasets do; counts how often it is read by the sample."""

    def __init__(self, data: Any, targets: Any, transform: Any = None, target_transform: Any = None) -> None:
        self.data, self.targets, self.transform, self.target_transform = data, targets, transform, target_transform
        self.read = 0

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> Any:
        self.read += 1
        img, target = Image.fromarray(np.asarray(self.data[index])), int(self.targets[index])
        img = img if self.transform is None else self.transform(img)
        return img, target if self.target_transform is None else self.target_transform(target)

    get_batch = at_once


def pictures(n: int = 20, channels: int = 1, **arguments: Any) -> Pictures:
    rng = np.random.default_rng(n)
    shape = (n, 6, 5) if channels == 1 else (n, 6, 5, channels)
    return Pictures(rng.integers(0, 256, shape, np.uint8), rng.integers(0, 10, n), **arguments)


def both_roads(dataset: Pictures, indices: NDArray[np.int64]) -> tuple[list[Any], list[Any]]:
    read = batch_access(dataset)
    assert read is not None
    quick = [tg.from_numpy(a) for a in read(indices)]
    assert dataset.read == 0
    return quick, default_collate([dataset[i] for i in indices])


GREY = T.Normalize((0.1307,), (0.3081,))
COLOR = T.Normalize([0.485, 0.456, 0.406], np.array([0.229, 0.224, 0.225]))


@given(st.data())
def test_the_bits_are_those_of_the_samples(data: st.DataObject) -> None:
    channels = data.draw(st.sampled_from([1, 3]))
    first = T.ToTensor()
    number = st.floats(-2, 2)
    mean = data.draw(st.one_of(number, st.lists(number, min_size=channels, max_size=channels)))
    std = data.draw(st.lists(st.floats(0.05, 3), min_size=1, max_size=1))
    normalize = T.Normalize(mean, std, inplace=data.draw(st.booleans()))
    transform = data.draw(st.sampled_from([first, T.Compose([first]), T.Compose((first, normalize))]))
    dataset = pictures(data.draw(st.integers(1, 30)), channels, transform=transform)
    before = dataset.data.copy()
    indices = np.array(data.draw(st.lists(st.integers(0, len(dataset) - 1), min_size=1, max_size=40)))
    quick, slow = both_roads(dataset, indices)
    for a, b in zip(quick, slow, strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert quick[0].dtype == np.float32
    assert quick[1].dtype == np.int64
    np.testing.assert_array_equal(dataset.data, before)


@pytest.mark.parametrize("channels", [1, 3])
def test_every_byte(channels: int) -> None:
    levels = np.arange(256, dtype=np.uint8).repeat(channels).reshape((4, 8, 8) + (3,) * (channels == 3))
    steps = [T.ToTensor(), GREY if channels == 1 else COLOR]
    quick, slow = both_roads(Pictures(levels, [0, 1, 2, 3], T.Compose(steps)), np.arange(4))
    np.testing.assert_array_equal(quick[0].numpy(), slow[0].numpy())


def test_no_indices() -> None:
    read = pictures(transform=T.ToTensor()).get_batch
    assert read is not None
    images, labels = read(np.zeros(0, np.int64))
    assert images.shape == (0, 1, 6, 5)
    assert labels.shape == (0,)


def test_the_batch_is_new_memory() -> None:
    dataset = pictures(transform=T.Compose([T.ToTensor(), GREY]))
    images, labels = dataset.get_batch(np.arange(3))  # type: ignore[misc]
    images[:], labels[:] = 0, -1
    assert not np.array_equal(dataset.get_batch(np.arange(3))[0], images)  # type: ignore[misc]
    assert (dataset.targets >= 0).all()


def test_data_and_targets_may_be_tensors_or_lists_and_may_change() -> None:
    plain = pictures(transform=T.ToTensor())
    other = Pictures(tg.from_numpy(plain.data), plain.targets.tolist(), T.ToTensor())
    for a, b in zip(plain.get_batch(np.arange(9)), other.get_batch(np.arange(9)), strict=True):  # type: ignore[arg-type,misc]
        np.testing.assert_array_equal(a, b)
    other.data, other.targets = other.data[:2], [7, 8]
    assert other.get_batch(np.array([1]))[1].tolist() == [8]  # type: ignore[misc]


class MyToTensor(T.ToTensor):
    pass


class MyNormalize(T.Normalize):
    pass


class MyCompose(T.Compose):
    pass


def hooked() -> T.Normalize:
    normalize = T.Normalize((0.5,), (0.5,))
    normalize.register_forward_hook(lambda *_: None)
    return normalize


def overridden() -> T.Normalize:
    normalize = T.Normalize((0.5,), (0.5,))
    normalize.forward = lambda tensor: tensor  # type: ignore[method-assign]
    return normalize


@pytest.mark.parametrize(
    "transform",
    [
        None,
        GREY,
        T.Compose([]),
        T.Compose([GREY, T.ToTensor()]),
        T.Compose([T.PILToTensor()]),
        T.Compose([T.ToTensor(), GREY, GREY]),
        T.Compose([T.ToTensor(), T.RandomHorizontalFlip()]),
        T.Compose([T.RandomCrop(4), T.ToTensor()]),
        T.Compose([T.ToTensor(), nn.Sequential(GREY)]),
        T.Compose([T.ToTensor(), MyNormalize((0.5,), (0.5,))]),
        T.Compose([MyToTensor(), GREY]),
        T.Compose([T.ToTensor(), hooked()]),
        T.Compose([T.ToTensor(), overridden()]),
        MyCompose([T.ToTensor()]),
        T.ToTensor().__call__,
        lambda img: T.ToTensor()(img),
    ],
)
def test_other_transforms_go_sample_by_sample(transform: Any) -> None:
    assert pictures(transform=transform).get_batch is None


def test_other_data_goes_sample_by_sample() -> None:
    a = np.zeros((4, 6, 5), np.uint8)
    road = [
        Pictures(data, targets, T.ToTensor(), target_transform).get_batch is not None
        for data, targets, target_transform in (
            (a, np.arange(4), None),
            (a, np.arange(4, dtype=np.int32), None),
            (a, [0, 1, 2, 3], int),
            (a, [0.0, 1.0, 2.0, 3.0], None),
            (a, np.zeros((4, 2), np.int64), None),
            (a.astype(np.float32), [0, 1, 2, 3], None),
            (a[0], [0, 1, 2, 3], None),
            (a[..., None], [0, 1, 2, 3], None),
        )
    ]
    assert road == [True] + [False] * 7


class Mirrored(Pictures):
    def __getitem__(self, index: int) -> Any:
        img, target = super().__getitem__(index)
        return img.flip(-1), target


class AllAtOnce(Pictures):
    def __getitems__(self, indices: list[int]) -> Any:
        return [(self[i][0], 99) for i in indices]


def test_a_subclass_that_reads_in_its_own_way_is_heard() -> None:
    plain = pictures(transform=T.ToTensor())
    mirrored = Mirrored(plain.data, plain.targets, T.ToTensor())
    all_at_once = AllAtOnce(plain.data, plain.targets, T.ToTensor())
    (images, _), (flipped, _), (_, labels) = (
        next(iter(DataLoader(d, batch_size=5))) for d in (plain, mirrored, all_at_once)
    )
    np.testing.assert_array_equal(flipped.numpy(), images.numpy()[..., ::-1])
    assert labels.tolist() == [99] * 5
    assert (plain.read, mirrored.read, all_at_once.read) == (0, 5, 5)


def test_the_loader_takes_the_road_with_its_own_collate_alone() -> None:
    dataset = pictures(transform=T.Compose([T.ToTensor(), GREY]))
    order = RNG.permutation(20).tolist()
    quick = list(DataLoader(dataset, batch_size=8, sampler=order))
    assert dataset.read == 0
    slow = list(DataLoader(dataset, batch_size=8, sampler=order, collate_fn=lambda batch: default_collate(batch)))
    assert dataset.read == 20
    for (a, s), (b, t) in zip(quick, slow, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
        np.testing.assert_array_equal(s.numpy(), t.numpy())


def test_the_road_is_chosen_anew_in_each_epoch() -> None:
    dataset = pictures(transform=T.ToTensor())
    loader = DataLoader(dataset, batch_size=8)
    assert [x.shape for x, _ in loader] == [(8, 1, 6, 5), (8, 1, 6, 5), (4, 1, 6, 5)]
    dataset.transform = T.Compose([T.CenterCrop(4), T.ToTensor()])
    assert [x.shape for x, _ in loader] == [(8, 1, 4, 4), (8, 1, 4, 4), (4, 1, 4, 4)]
    assert dataset.read == 20


def test_parts_of_a_dataset_take_it_where_all_can() -> None:
    quick, slow = pictures(transform=T.ToTensor()), pictures(transform=T.Compose([T.Pad(0), T.ToTensor()]))
    part = Subset(quick, [3, 1, 1])
    first, second = (next(iter(DataLoader(d, batch_size=3))) for d in (part, Subset(slow, [3, 1, 1])))
    np.testing.assert_array_equal(first[0].numpy(), second[0].numpy())
    assert (quick.read, slow.read) == (0, 3)
    assert batch_access(random_split(quick, [0.5, 0.5])[0]) is not None
    assert batch_access(ConcatDataset([quick, part])) is not None
    assert batch_access(ConcatDataset([quick, slow])) is None


@pytest.mark.parametrize("normalize", [T.Normalize((0.5,), (0.0,)), T.Normalize((0.1, 0.2), (1.0, 1.0))], ids=str)
def test_both_roads_refuse_the_same(normalize: T.Normalize) -> None:
    dataset = pictures(transform=T.Compose([T.ToTensor(), normalize]))
    with pytest.raises(ValueError, match="normalize") as slow:
        dataset[0]
    with pytest.raises(ValueError, match="normalize") as quick:
        next(iter(DataLoader(dataset, batch_size=4)))
    assert str(slow.value).split(",")[0][:30] == str(quick.value).split(",")[0][:30]
