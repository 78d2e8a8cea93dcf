"""Recurrent layers and cells: beside PyTorch with two derivatives, beside a plain loop, on packed sequences; errors."""

from __future__ import annotations

import copy
import itertools
import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import autograd, nn
from tinygrad_cnn.nn.utils import rnn
from tinygrad_cnn.testing import gradcheck, gradgradcheck

KINDS = ["RNN", "LSTM", "GRU"]
SETTINGS: list[dict[str, Any]] = [
    {},
    {"num_layers": 2, "bidirectional": True},
    {"bias": False, "batch_first": True, "num_layers": 3},
    {"proj_size": 2, "bidirectional": True, "num_layers": 2},
    {"nonlinearity": "relu"},
]
CASES = [
    (kind, settings)
    for kind, settings in itertools.product(KINDS, SETTINGS)
    if ("proj_size" not in settings or kind == "LSTM") and ("nonlinearity" not in settings or kind == "RNN")
]
LENGTHS = {"one length": None, "packed, sorted": [5, 3, 3], "packed, unsorted": [2, 5, 1], "no batch": None}


def both(torch: Any, kind: str, settings: dict[str, Any]) -> tuple[Any, Any]:
    """Our layer and PyTorch's with the same parameters, in float64."""
    ours, theirs = getattr(nn, kind)(3, 4, **settings).double(), getattr(torch.nn, kind)(3, 4, **settings).double()
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    return ours, theirs


def flat(result: Any) -> list[Any]:
    """The tensors of an output (y, h) or (y, (h, c))."""
    return [x for part in result for x in flat(part)] if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("way", LENGTHS)
@pytest.mark.parametrize("given", [False, True], ids=["from zeros", "from a state"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_beside_pytorch(torch: Any, case: tuple[str, dict[str, Any]], given: bool, way: str) -> None:
    """Outputs, last states, and first and second derivatives by inputs, states and parameters."""
    kind, settings = case
    ours, theirs = both(torch, kind, settings)
    rng = np.random.default_rng(0)
    first, lengths = settings.get("batch_first", False), LENGTHS[way]
    x = rng.normal(size=(5, 3) if way == "no batch" else (3, 5, 3) if first else (5, 3, 3))
    rows = settings.get("num_layers", 1) * (1 + settings.get("bidirectional", False))
    widths = [settings.get("proj_size", 4), 4][: 1 + (kind == "LSTM")]
    states = [rng.normal(size=(rows, width) if way == "no batch" else (rows, 3, width)) for width in widths] * given

    def run(library: Any, layer: Any, tensor: Any) -> tuple[list[Any], list[Any]]:
        leaves = [tensor(a) for a in (x, *states)]
        given_states = [] if not states else [leaves[1] if kind != "LSTM" else tuple(leaves[1:])]
        if lengths is None:
            return leaves, flat(layer(leaves[0], *given_states))
        pack = library.pack_padded_sequence(leaves[0], lengths, first, enforce_sorted="unsorted" not in way)
        y, h = layer(pack, *given_states)
        padded, back = library.pad_packed_sequence(y, first, padding_value=7.0)
        assert back.tolist() == lengths
        return leaves, flat((padded, h))

    xs, ys = run(rnn, ours, lambda a: tg.tensor(a, requires_grad=True))
    ts, zs = run(torch.nn.utils.rnn, theirs, lambda a: torch.tensor(a, requires_grad=True))
    for y, z in zip(ys, zs, strict=True):
        np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-10, atol=1e-12)
    weights = [rng.normal(size=y.shape) for y in ys]
    ps, qs = [*xs, *ours.parameters()], [*ts, *theirs.parameters()]
    g = autograd.grad(ys, ps, [tg.tensor(w) for w in weights], create_graph=True)
    k = torch.autograd.grad(zs, qs, [torch.tensor(w) for w in weights], create_graph=True)
    for a, b in zip(g, k, strict=True):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-8, atol=1e-11)
    gg = autograd.grad([(a * a).sum() for a in g], ps, allow_unused=True)
    kk = torch.autograd.grad([(b * b).sum() for b in k], qs, allow_unused=True)
    for a, b in zip(gg, kk, strict=True):
        if b is not None and a is not None:
            np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-8, atol=1e-10)
        else:
            assert not np.any(b.numpy() if a is None else a.numpy()) if (a is None) != (b is None) else True


@pytest.mark.parametrize("batch", [(), (2,)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell", "GRUCell"])
def test_cells_beside_pytorch(torch: Any, kind: str, bias: bool, batch: tuple[int, ...]) -> None:
    ours, theirs = both(torch, kind, {"bias": bias})
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=(*batch, n)) for n in (3, 4, 4)][: 2 + (kind == "LSTMCell")]
    for states in (0, len(arrays) - 1):
        xs = [tg.tensor(a, requires_grad=True) for a in arrays[: 1 + states]]
        ts = [torch.tensor(a, requires_grad=True) for a in arrays[: 1 + states]]
        y = flat(ours(xs[0], *([] if not states else [xs[1] if states == 1 else tuple(xs[1:])])))
        z = flat(theirs(ts[0], *([] if not states else [ts[1] if states == 1 else tuple(ts[1:])])))
        for a, b in zip(y, z, strict=True):
            np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-10, atol=1e-12)
        g = autograd.grad([(a * a).sum() for a in y], [*xs, *ours.parameters()])
        k = torch.autograd.grad([(b * b).sum() for b in z], [*ts, *theirs.parameters()])
        for a, b in zip(g, k, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-8, atol=1e-11)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def by_hand(kind: str, layer: Any, x: Any) -> tuple[Any, Any]:
    """One layer, one direction, one row and one step at a time; the outputs and the last h."""
    w, u, b, c = (p.numpy() for p in layer.parameters())
    y = np.zeros((*x.shape[:2], 4))
    for n in range(x.shape[1]):
        h, cell = np.zeros(4), np.zeros(4)
        for t in range(x.shape[0]):
            i, s = w @ x[t, n] + b, u @ h + c
            if kind == "RNN":
                h = np.tanh(i + s)
            elif kind == "LSTM":
                cell = sigmoid(i + s)[4:8] * cell + sigmoid(i + s)[:4] * np.tanh(i + s)[8:12]
                h = sigmoid(i + s)[12:] * np.tanh(cell)
            else:
                r, z = sigmoid(i + s)[:4], sigmoid(i + s)[4:8]
                h = (1 - z) * np.tanh(i[8:] + r * s[8:]) + z * h
            y[t, n] = h
    return y, y[-1]


@pytest.mark.parametrize("kind", KINDS)
def test_beside_a_loop(kind: str) -> None:
    layer = getattr(nn, kind)(3, 4).double()
    x = np.random.default_rng(2).normal(size=(6, 2, 3))
    y, h = by_hand(kind, layer, x)
    ours, last = layer(tg.tensor(x))
    np.testing.assert_allclose(ours.numpy(), y, rtol=1e-12)
    np.testing.assert_allclose((last if kind != "LSTM" else last[0]).numpy()[0], h, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_by_differences(kind: str) -> None:
    layer = getattr(nn, kind)(2, 2, num_layers=2, bidirectional=True).double()
    x = tg.randn(3, 2, 2, dtype=tg.float64, requires_grad=True)
    pack = lambda x: rnn.pack_padded_sequence(x, [1, 3], enforce_sorted=False)  # noqa: E731
    inputs = (x, *layer.parameters())
    assert gradcheck(lambda x, *_: layer(pack(x))[0].data, inputs)
    assert gradgradcheck(lambda x, *_: layer(x)[0], inputs)


@pytest.mark.parametrize("kind", KINDS)
def test_a_packed_sequence_sees_no_padding(kind: str) -> None:
    """Each sequence alone gives what it gives in the batch."""
    layer = getattr(nn, kind)(3, 4, num_layers=2, bidirectional=True).double()
    sequences = [tg.randn(n, 3, dtype=tg.float64) for n in (2, 5, 1, 5)]
    first = [tg.randn(4, 4, 4, dtype=tg.float64) for _ in range(1 + (kind == "LSTM"))]
    given = tuple(first) if kind == "LSTM" else first[0]
    y, h = layer(rnn.pack_sequence(sequences, enforce_sorted=False), given)
    states = flat((h,))
    for i, (x, together) in enumerate(zip(sequences, rnn.unpack_sequence(y), strict=True)):
        own = [s[:, i] for s in first]
        alone, last = layer(x, tuple(own) if kind == "LSTM" else own[0])
        np.testing.assert_allclose(together.numpy(), alone.numpy(), rtol=1e-12)
        for s, t in zip(states, flat((last,)), strict=True):
            np.testing.assert_allclose(s.numpy()[:, i], t.numpy(), rtol=1e-12)


def test_first_values_and_dropout() -> None:
    tg.manual_seed(0)
    layer = nn.LSTM(3, 16, num_layers=2, dropout=0.5)
    values = np.concatenate([p.numpy().ravel() for p in layer.parameters()])
    assert 0.24 < np.abs(values).max() <= 0.25
    assert abs(values.mean()) < 0.01
    x = tg.randn(4, 2, 3)
    assert (layer(x)[0].numpy() != layer(x)[0].numpy()).any()
    layer.eval()
    np.testing.assert_array_equal(layer(x)[0].numpy(), layer(x)[0].numpy())
    certain = nn.RNN(3, 4, num_layers=2, dropout=1.0)  # nothing passes from the first layer to the second
    np.testing.assert_array_equal(certain(x)[0].numpy(), certain(x * 2)[0].numpy())
    assert certain(x)[0].numpy().all()
    with pytest.warns(UserWarning, match="num_layers=1"):
        nn.GRU(3, 4, dropout=0.5)


def test_weights_by_layer() -> None:
    layer = nn.LSTM(3, 4, num_layers=2, bidirectional=True)
    layer.flatten_parameters()
    assert [len(weights) for weights in layer.all_weights] == [4] * 4
    assert layer.all_weights[3][0] is layer.weight_ih_l1_reverse
    assert layer._flat_weights[0] is layer.weight_ih_l0
    assert len(list(layer.parameters())) == 16
    assert len(list(layer.named_parameters())) == len(layer.state_dict())
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert other.all_weights[0][0] is other.weight_ih_l0
        x = tg.randn(2, 1, 3)
        np.testing.assert_array_equal(other(x)[0].numpy(), layer(x)[0].numpy())


def test_a_sequence_that_is_long_is_cut_in_halves() -> None:
    """The gradient of T steps costs about T log T, and no recursion is deep."""
    layer = nn.RNN(1, 1)
    x = tg.randn(3000, 1, 1, requires_grad=True)
    layer(x)[0].sum().backward()
    assert np.isfinite(x.grad.numpy()).all()
    assert x.grad.numpy().all()


ERRORS: list[tuple[Any, Any]] = [
    (lambda m, _t: m.nn.RNN(3, 4, nonlinearity="sigmoid"), "nonlinearity"),
    (lambda m, _t: m.nn.LSTM(3, 0), "hidden_size"),
    (lambda m, _t: m.nn.LSTM(3, 4.0), "hidden_size"),
    (lambda m, _t: m.nn.LSTM(3, 4, num_layers=0), "num_layers"),
    (lambda m, _t: m.nn.LSTM(3, 4, dropout=1.5), "dropout"),
    (lambda m, _t: m.nn.LSTM(3, 4, dropout=True), "dropout"),
    (lambda m, _t: m.nn.LSTM(3, 4, proj_size=4), "proj_size"),
    (lambda m, t: m.nn.RNNBase("GRU", 3, 4, proj_size=2)(t(2, 2, 3)), "proj_size"),
    (lambda m, _t: m.nn.RNNBase("CNN", 3, 4), "mode"),
    (lambda m, t: m.nn.GRU(3, 4)(t(2, 2, 2, 3)), "steps, batch, features"),
    (lambda m, t: m.nn.GRU(3, 4)(t(2, 2, 5)), "input_size is 3"),
    (lambda m, t: m.nn.GRU(3, 4)(t(0, 2, 3)), "at least one step"),
    (lambda m, t: m.nn.GRU(3, 4)(t(2, 2, 3), t(1, 3, 4)), r"\(1, 2, 4\)"),
    (lambda m, t: m.nn.GRU(3, 4)(t(2, 2, 3), t(1, 4)), r"\(1, 2, 4\)"),
    (lambda m, t: m.nn.GRU(3, 4)(t(2, 3), t(1, 2, 4)), r"\(1, 4\)"),
    (lambda m, t: m.nn.GRU(3, 4)(t(2, 2, 3).double()), "dtype"),
    (lambda m, t: m.nn.LSTM(3, 4)(t(2, 2, 3), (t(1, 2, 4), t(1, 2, 3))), r"c0 must have shape \(1, 2, 4\)"),
    (lambda m, t: m.nn.LSTM(3, 4)(t(2, 2, 3), t(1, 2, 4)), r"\(h0, c0\)"),
    (lambda m, t: m.nn.LSTMCell(3, 4)(t(1, 1, 3)), r"\(N, features\)"),
    (lambda m, t: m.nn.LSTMCell(3, 4)(t(2, 5)), "5"),
    (lambda m, t: m.nn.LSTMCell(3, 4)(t(2, 3), (t(2, 4), t(1, 4))), r"c must have shape \(2, 4\)"),
    (lambda m, _t: m.nn.RNNCell(3, 4, nonlinearity="x")(_t(2, 3)), "nonlinearity"),
    (lambda m, t: m.nn.utils.rnn.pack_padded_sequence(t(3, 2, 1), [1, 3]), "enforce_sorted=False"),
    (lambda m, t: m.nn.utils.rnn.pack_padded_sequence(t(3, 2, 1), [3]), "2 numbers"),
    (lambda m, t: m.nn.utils.rnn.pack_padded_sequence(t(3, 2, 1), [4, 3]), "between 1 and 3"),
    (lambda m, t: m.nn.utils.rnn.pack_padded_sequence(t(3, 2, 1), [3, 0]), "between 1 and 3"),
    (lambda m, t: m.nn.utils.rnn.pad_sequence([t(3, 2), t(2, 3)]), "first dimension alone"),
    (lambda m, _t: m.nn.utils.rnn.pad_sequence([]), "one Tensor or more"),
    (lambda m, t: m.nn.utils.rnn.pad_sequence([t(3)], padding_side="top"), "padding_side"),
    (
        lambda m, t: m.nn.utils.rnn.pad_packed_sequence(m.nn.utils.rnn.pack_sequence([t(3)]), total_length=2),
        "total_length=2",
    ),
]


@pytest.mark.parametrize(("call", "message"), ERRORS)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError, RuntimeError), match=message):
        call(tg, tg.zeros)


TAKEN = {"between 1 and 3"}  # PyTorch reads lengths beyond the input as it likes


@pytest.mark.parametrize(("call", "message"), [case for case in ERRORS if case[1] not in TAKEN])
def test_pytorch_refuses_it_too(torch: Any, call: Any, message: str) -> None:
    del message
    with pytest.raises((ValueError, TypeError, RuntimeError, IndexError, AttributeError)):
        call(torch, torch.zeros)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("first", [False, True])
def test_padding_beside_pytorch(torch: Any, first: bool, side: str) -> None:
    arrays = [np.arange(2.0 * n).reshape(n, 2) for n in (2, 4, 1)]
    xs = [tg.tensor(a, requires_grad=True) for a in arrays]
    ts = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, z = rnn.pad_sequence(xs, first, 5.0, side), torch.nn.utils.rnn.pad_sequence(ts, first, 5.0, side)
    np.testing.assert_array_equal(y.numpy(), z.detach().numpy())
    (y * y).sum().backward()
    (z * z).sum().backward()
    for x, t in zip(xs, ts, strict=True):
        np.testing.assert_array_equal(x.grad.numpy(), t.grad.numpy())
    whole = rnn.pad_sequence([tg.tensor([1, 2]), tg.tensor([3])], padding_value=-1)
    assert whole.dtype == np.int64
    assert whole.tolist() == [[1, 3], [2, -1]]


def test_packing_beside_pytorch(torch: Any) -> None:
    rng = np.random.default_rng(4)
    for lengths in ([4, 2, 2], [1, 4, 3], [2, 1, 1]):
        for first in (False, True):
            a = rng.normal(size=(3, 4, 2) if first else (4, 3, 2))
            p = rnn.pack_padded_sequence(tg.tensor(a), tg.tensor(lengths), first, False)
            q = torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(a), torch.tensor(lengths), first, False)
            for ours, theirs in zip(p, q, strict=True):
                np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
            y, n = rnn.pad_packed_sequence(p, first, -1.0, 6)
            z, m = torch.nn.utils.rnn.pad_packed_sequence(q, first, -1.0, 6)
            np.testing.assert_array_equal(y.numpy(), z.numpy())
            assert n.tolist() == m.tolist() == lengths
            for u, v in zip(
                rnn.unpad_sequence(y, n, first), torch.nn.utils.rnn.unpad_sequence(z, m, first), strict=True
            ):
                np.testing.assert_array_equal(u.numpy(), v.numpy())
    assert p.float().data.dtype == np.float32
    assert p.double().data.dtype == np.float64
    assert p.cpu() is p
    assert not p.is_cuda
    assert rnn.invert_permutation(None) is None


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", ["tanh", "relu", "LSTM", "GRU"])
def test_a_cell_is_one_step_of_its_layer(kind: str, bias: bool) -> None:
    words = kind in ("tanh", "relu")
    cell = (nn.RNNCell(3, 2, bias, kind) if words else getattr(nn, f"{kind}Cell")(3, 2, bias)).double()
    layer = (nn.RNN(3, 2, 1, kind, bias) if words else getattr(nn, kind)(3, 2, bias=bias)).double()
    layer.load_state_dict({f"{name}_l0": value for name, value in cell.state_dict().items()})
    rng = np.random.default_rng(0)
    x, first = (tg.tensor(rng.normal(size=(4, n))) for n in (3, 2))
    both = (first, first + 1) if kind == "LSTM" else first
    for given in (None, both):
        states = given if given is None else tuple(s[None] for s in given) if kind == "LSTM" else given[None]  # type: ignore[index]
        last = layer(x[None], states)[1]
        expected = [s[0] for s in last] if kind == "LSTM" else [last[0]]
        found = cell(x, given)
        assert isinstance(found, tuple) is (kind == "LSTM")
        for a, b in zip(found if kind == "LSTM" else [found], expected, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)
        row = given if given is None else tuple(s[1] for s in given) if kind == "LSTM" else given[1]  # type: ignore[index]
        alone = cell(x[1], row)
        for a, b in zip(alone if kind == "LSTM" else [alone], expected, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy()[1], rtol=1e-12)
