"""Layers of distances, root-mean-square norms and bilinear maps beside PyTorch; rows that are shortened or shared."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F

R = np.random.default_rng(0)
PAIR = (R.normal(size=(3, 4)), R.normal(size=(3, 4)))
LAYERS: list[tuple[str, tuple[Any, ...], dict[str, Any], tuple[Any, ...]]] = [
    ("PairwiseDistance", (), {}, PAIR),
    ("PairwiseDistance", (1.0, 0.1, True), {}, PAIR),
    ("CosineSimilarity", (), {}, PAIR),
    ("CosineSimilarity", (0, 0.5), {}, PAIR),
    ("RMSNorm", (4,), {}, PAIR[:1]),
    ("RMSNorm", ((3, 4), 0.1), {}, PAIR[:1]),
    ("RMSNorm", ([4],), {"elementwise_affine": False}, PAIR[:1]),
    ("Bilinear", (4, 4, 2), {}, PAIR),
    ("Bilinear", (4, 4, 3), {"bias": False}, PAIR),
]


@pytest.mark.parametrize("case", LAYERS, ids=lambda c: f"{c[0]}{c[1]}")
def test_beside_pytorch(torch: Any, case: tuple[Any, ...]) -> None:
    name, args, kwargs, arrays = case
    ours, theirs = getattr(nn, name)(*args, **kwargs).double(), getattr(torch.nn, name)(*args, **kwargs).double()
    assert repr(ours) == repr(theirs)
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    ours.load_state_dict(state)
    xs = [tg.tensor(a, requires_grad=True) for a in arrays]
    ts = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, z = ours(*xs), theirs(*ts)
    np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-10)
    (y * y).sum().backward()
    (z * z).sum().backward()
    for a, b in zip([*xs, *ours.parameters()], [*ts, *theirs.parameters()], strict=True):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("name", sorted({case[0] for case in LAYERS} | {"EmbeddingBag", "Embedding"}))
def test_constructor(torch: Any, name: str) -> None:
    def signature(module: Any) -> list[Any]:
        return [(p.name, p.default) for p in inspect.signature(getattr(module, name)).parameters.values()]

    assert signature(nn) == signature(torch.nn)


def test_first_values_of_a_bilinear_layer() -> None:
    tg.manual_seed(0)
    layer = nn.Bilinear(16, 20, 30)
    values = np.abs(np.concatenate([p.numpy().ravel() for p in layer.parameters()]))
    assert 0.249 < values.max() <= 0.25


# ---------------------------------------------------------------------------------------------------- rows of a table
INDEX = np.array([[0, 2, 2], [4, 0, 2]])
TABLE = R.normal(size=(5, 3)) * 2


@pytest.mark.parametrize("norm_type", [2.0, 1.0, float("inf")])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("padding", [None, 2, -1])
def test_embedding_beside_pytorch(torch: Any, norm_type: float, shared: bool, padding: int | None) -> None:
    """The output, the table, in which rows were shortened, and its gradient, divided by how often each row came."""
    settings = {"max_norm": 1.5, "norm_type": norm_type, "scale_grad_by_freq": shared, "padding_idx": padding}
    w, v = tg.tensor(TABLE, requires_grad=True), torch.tensor(TABLE, requires_grad=True)
    y = F.embedding(tg.tensor(INDEX), w, **settings)
    z = torch.nn.functional.embedding(torch.tensor(INDEX), v, **settings)
    np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(w.numpy(), v.detach().numpy(), rtol=1e-12)
    weights = R.normal(size=y.shape)
    (y * tg.tensor(weights)).sum().backward()
    (z * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), v.grad.numpy(), rtol=1e-12)


def test_a_row_that_is_shortened_is_a_write() -> None:
    """What had kept the old row refuses its gradient, instead of using the new one."""
    w = tg.tensor(TABLE, requires_grad=True)
    before = (w * w).sum()
    F.embedding(tg.tensor([0]), w, max_norm=0.1)
    with pytest.raises(RuntimeError, match=r"written|overwritten|in place"):
        before.backward()
    short = tg.tensor(np.full((2, 2), 0.1), requires_grad=True)
    F.embedding(tg.tensor([0]), short, max_norm=5.0)
    assert short.tolist() == [[0.1, 0.1]] * 2


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("settings", [{}, {"padding_idx": 2}, {"max_norm": 1.5}], ids=str)
def test_bags_beside_pytorch(torch: Any, mode: str, settings: dict[str, Any]) -> None:
    for offsets in (None, [0, 2, 2, 5]):
        index = INDEX if offsets is None else INDEX.ravel()
        ours, theirs = nn.EmbeddingBag(5, 3, mode=mode, **settings), torch.nn.EmbeddingBag(5, 3, mode=mode, **settings)
        assert repr(ours) == repr(theirs)
        ours.double().weight.data.copy_(tg.tensor(TABLE))
        theirs.double().weight.data.copy_(torch.tensor(TABLE))
        places = [] if offsets is None else [offsets]
        y = ours(tg.tensor(index), *map(tg.tensor, places))
        z = theirs(torch.tensor(index), *map(torch.tensor, places))
        np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-12)
        (y * y).sum().backward()
        (z * z).sum().backward()
        np.testing.assert_allclose(ours.weight.grad.numpy(), theirs.weight.grad.numpy(), rtol=1e-12)


def test_gradients_shared_out_in_bags() -> None:
    """PyTorch divides by the counts of other rows where the numbers are not in order."""
    plain, shared = nn.EmbeddingBag(5, 3, mode="sum"), nn.EmbeddingBag(5, 3, mode="sum", scale_grad_by_freq=True)
    for bag in (plain, shared):
        bag(tg.tensor(INDEX)).sum().backward()
    counts = np.array([2, 1, 3, 1, 1])
    np.testing.assert_allclose(shared.weight.grad.numpy(), plain.weight.grad.numpy() / counts[:, None], rtol=1e-6)


def test_pretrained_bags() -> None:
    bag = nn.EmbeddingBag.from_pretrained(tg.tensor(TABLE), mode="sum", padding_idx=-1)
    assert not bag.weight.requires_grad
    assert bag.padding_idx == 4
    np.testing.assert_allclose(bag(tg.tensor([[0, 4]])).numpy(), TABLE[:1])
    assert nn.EmbeddingBag.from_pretrained(tg.tensor(TABLE), freeze=False).weight.requires_grad
    assert nn.Embedding.from_pretrained(tg.tensor(TABLE), max_norm=1.0, sparse=True).max_norm == 1.0
    assert not nn.EmbeddingBag(4, 2, padding_idx=1).weight.numpy()[1].any()


@pytest.mark.parametrize("value", [0.05, -0.3, 7.0])
def test_a_number_alone_is_its_sign_by_its_root_mean_square(value: float) -> None:
    x, weight = tg.tensor([[value]], dtype=tg.float64, requires_grad=True), tg.tensor([2.0], dtype=tg.float64)
    y = F.rms_norm(x, (1,), weight)
    y.sum().backward()
    np.testing.assert_allclose(y.detach().numpy(), 2 * np.sign(x.numpy()), rtol=1e-12)
    np.testing.assert_allclose(x.grad.numpy(), 0, atol=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.embedding_bag(tg.tensor([0]), tg.ones(2, 2), mode="min"), "'sum', 'mean' or 'max'"),
        (lambda: F.embedding_bag(tg.tensor([0]), tg.ones(2, 2)), "needs offsets"),
        (lambda: F.embedding_bag(tg.tensor([[0]]), tg.ones(2, 2), tg.tensor([0])), "offsets must be None"),
        (lambda: F.embedding_bag(tg.tensor([0, 1]), tg.ones(2, 2), tg.tensor([1])), "begin with 0"),
        (lambda: F.embedding_bag(tg.tensor([0, 1]), tg.ones(2, 2), tg.tensor([0, 2, 1])), "never go down"),
        (lambda: F.embedding_bag(tg.tensor([0, 1]), tg.ones(2, 2), tg.tensor([0, 3])), "end within the 2"),
        (lambda: F.embedding_bag(tg.tensor([0, 2]), tg.ones(2, 2), tg.tensor([0])), "index 2 at position 1"),
        (lambda: F.embedding_bag(tg.tensor(0), tg.ones(2, 2), tg.tensor([0])), r"\(n,\) with offsets"),
        (lambda: F.embedding_bag(tg.tensor([[0]]), tg.ones(2, 2), scale_grad_by_freq=True, mode="max"), "scale_grad"),
        (lambda: F.embedding_bag(tg.tensor([[0]]), tg.ones(2, 2), per_sample_weights=tg.ones(1, 1)), "mode='sum'"),
        (
            lambda: F.embedding_bag(tg.tensor([[0]]), tg.ones(2, 2), per_sample_weights=tg.ones(2), mode="sum"),
            "the input's shape",
        ),
        (lambda: nn.EmbeddingBag(3, 2, padding_idx=3), "padding_idx 3 is not among"),
        (lambda: nn.EmbeddingBag(3, 2, _weight=tg.ones(2, 3)), "does not fit"),
        (lambda: nn.EmbeddingBag.from_pretrained(tg.ones(3)), r"\(rows, features\)"),
        (lambda: F.rms_norm(tg.ones(2, 3), (2,)), "last sizes"),
        (lambda: F.rms_norm(tg.ones(2, 3), (3,), tg.ones(2)), "weight must have shape"),
        (lambda: F.bilinear(tg.ones(2, 3), tg.ones(3, 3), tg.ones(1, 3, 3)), "all sizes but the last"),
        (lambda: F.bilinear(tg.ones(2, 3), tg.ones(2, 4), tg.ones(1, 3, 3)), "do not fit"),
        (lambda: F.bilinear(tg.ones(2, 3), tg.ones(2, 4), tg.ones(3, 3)), "in1_features, in2_features"),
        (lambda: nn.Bilinear(0, 2, 3), "in1_features"),
    ],
)
def test_messages(call: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError, IndexError, NotImplementedError), match=message):
        call()
