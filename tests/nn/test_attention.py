"""Attention of several heads and transformers: beside PyTorch with two derivatives, what masks mean, and errors."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import autograd, nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.testing import gradcheck

N, L, S, E = 2, 3, 4, 6
R = np.random.default_rng(0)
QUERY, KEY, VALUE = (R.normal(size=(n, N, E)) for n in (L, S, S))
SETTINGS: list[dict[str, Any]] = [
    {},
    {"bias": False},
    {"add_bias_kv": True, "add_zero_attn": True},
    {"kdim": 5, "vdim": 3},
    {"kdim": 5, "add_bias_kv": True, "batch_first": True},
    {"batch_first": True},
]
CALLS: list[dict[str, Any]] = [
    {},
    {"need_weights": False},
    {"average_attn_weights": False},
    {"attn_mask": R.normal(size=(L, S))},
    {"attn_mask": R.normal(size=(N * 2, L, S)), "need_weights": False},
    {"attn_mask": np.triu(np.ones((L, S), bool), 2)},
    {"key_padding_mask": np.arange(S) >= np.array([[2], [3]])},
    {"key_padding_mask": np.where(np.arange(S) >= np.array([[2], [3]]), -math.inf, 0.5), "attn_mask": np.eye(L, S)},
]


@pytest.fixture
def torch(torch: Any) -> Iterator[Any]:
    """PyTorch without its fused attention, which it cannot differentiate twice."""
    with torch.nn.attention.sdpa_kernel([torch.nn.attention.SDPBackend.MATH]):
        yield torch


def both(torch: Any, name: str, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    """Our module and PyTorch's in float64 with the same parameters, none of them zero."""
    ours, theirs = getattr(nn, name)(*args, **kwargs).double(), getattr(torch.nn, name)(*args, **kwargs).double()
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    rng = np.random.default_rng(1)
    state = {key: rng.uniform(-0.7, 0.7, value.shape) for key, value in theirs.state_dict().items()}
    theirs.load_state_dict({key: torch.tensor(value) for key, value in state.items()})
    ours.load_state_dict(state)
    return ours, theirs


def tensors(make: Any, given: dict[str, Any]) -> dict[str, Any]:
    return {key: make(value) if isinstance(value, np.ndarray) else value for key, value in given.items()}


def same(torch: Any, ours: list[Any], theirs: list[Any], xs: list[Any], ts: list[Any]) -> None:
    """Values, first and second derivatives, of all outputs by all inputs."""
    for y, z in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-9, atol=1e-12)
    rng = np.random.default_rng(2)
    ws = [rng.normal(size=y.shape) for y in ours]
    g = autograd.grad(ours, xs, [tg.tensor(w) for w in ws], create_graph=True, allow_unused=True)
    h = torch.autograd.grad(theirs, ts, [torch.tensor(w) for w in ws], create_graph=True, allow_unused=True)
    used = [(a, b) for a, b in zip(g, h, strict=True) if b is not None]
    for a, b in used:
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-7, atol=1e-10)
    used = [(a, b) for a, b in used if a.requires_grad]  # a bias behind everything has a gradient that is constant
    assert all(b.requires_grad for _, b in used)
    gg = autograd.grad([(a * a).sum() for a, _ in used], xs, allow_unused=True)
    hh = torch.autograd.grad([(b * b).sum() for _, b in used], ts, allow_unused=True)
    for a, b in zip(gg, hh, strict=True):
        if a is not None and b is not None:
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("call", CALLS, ids=lambda c: "-".join(c) or "plain")
@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: "-".join(s) or "plain")
@pytest.mark.parametrize("batch", [True, False])
def test_attention_beside_pytorch(torch: Any, settings: dict[str, Any], call: dict[str, Any], batch: bool) -> None:
    ours, theirs = both(torch, "MultiheadAttention", E, 2, **settings)
    arrays = [QUERY, KEY[..., : settings.get("kdim", E)], VALUE[..., : settings.get("vdim", E)]]
    if not batch:
        arrays = [a[:, 0] for a in arrays]
        call = {k: v[0] if k == "key_padding_mask" else v[:2] if np.ndim(v) == 3 else v for k, v in call.items()}
    elif settings.get("batch_first"):
        arrays = [a.swapaxes(0, 1) for a in arrays]
    xs = [tg.tensor(a, requires_grad=True) for a in arrays]
    ts = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, z = ours(*xs, **tensors(tg.tensor, call)), theirs(*ts, **tensors(torch.tensor, call))
    assert (y[1] is None) == (z[1] is None)
    outputs = [[t for t in pair if t is not None] for pair in (y, z)]
    same(torch, *outputs, [*xs, *ours.parameters()], [*ts, *theirs.parameters()])


def test_self_attention_is_one_product(torch: Any) -> None:
    """Query, key and value that are one tensor take another way, and give the same."""
    ours, theirs = both(torch, "MultiheadAttention", E, 3, batch_first=True)
    x, t = tg.tensor(QUERY, requires_grad=True), torch.tensor(QUERY, requires_grad=True)
    same(torch, list(ours(x, x, x)), list(theirs(t, t, t)), [x, *ours.parameters()], [t, *theirs.parameters()])
    np.testing.assert_allclose(ours(x, x, x)[0].numpy(), ours(x, x * 1, x * 1)[0].numpy(), rtol=1e-12)


def test_a_mask_that_is_learned_gets_a_gradient() -> None:
    layer = nn.MultiheadAttention(E, 2).double()
    mask = tg.tensor(R.normal(size=(L, S)), requires_grad=True)
    q, k = tg.tensor(QUERY), tg.tensor(KEY)
    assert gradcheck(lambda m: layer(q, k, k, attn_mask=m)[0], mask)
    assert gradcheck(lambda m: F.scaled_dot_product_attention(q, q, q, m), mask[:2, :2].detach().requires_grad_())


def test_a_query_that_may_look_at_nothing(torch: Any) -> None:
    """Zeros without a slope, and NaN where weights are asked for, as PyTorch has it."""
    mask = np.array([[True, True, False], [False, False, False]])
    arrays = [R.normal(size=(2, 4)), R.normal(size=(3, 4)), R.normal(size=(3, 4))]
    xs = [tg.tensor(a, requires_grad=True) for a in arrays]
    ts = [torch.tensor(a, requires_grad=True) for a in arrays]
    y = F.scaled_dot_product_attention(*xs, tg.tensor(mask))
    z = torch.nn.functional.scaled_dot_product_attention(*ts, torch.tensor(mask))
    assert not y.numpy()[1].any()
    same(torch, [y], [z], xs, ts)
    layer = nn.MultiheadAttention(4, 2)
    x = tg.randn(2, 1, 4)
    hidden = tg.tensor([[True, True]])
    assert np.isnan(layer(x, x, x, key_padding_mask=hidden)[0].numpy()).all()
    assert np.isfinite(layer(x, x, x, key_padding_mask=hidden, need_weights=False)[0].numpy()).all()


def test_causal() -> None:
    """What comes later changes nothing; the hint needs the mask."""
    x = R.normal(size=(1, 4, 6))
    later = x.copy()
    later[:, 3] += 1
    a, b = (F.scaled_dot_product_attention(v, v, v, is_causal=True) for v in (x, later))
    np.testing.assert_array_equal(a[:, :3], b[:, :3])
    assert (a[:, 3] != b[:, 3]).all()
    mask = nn.Transformer.generate_square_subsequent_mask(4)
    assert mask.dtype == np.float32
    assert mask.tolist()[1] == [0.0, 0.0, -math.inf, -math.inf]
    layer = nn.TransformerEncoder(nn.TransformerEncoderLayer(6, 2, 8, 0.0, batch_first=True), 2).double()
    double = nn.Transformer.generate_square_subsequent_mask(4, dtype=tg.float64)
    c, d = (layer(tg.tensor(v), mask=double, is_causal=True).numpy() for v in (x, later))
    np.testing.assert_allclose(c[:, :3], d[:, :3], rtol=1e-12)
    assert (c[:, 3] != d[:, 3]).any()
    with pytest.raises(RuntimeError, match="generate_square_subsequent_mask"):
        layer(tg.tensor(x), is_causal=True)


def test_dropout_drops_weights() -> None:
    tg.manual_seed(0)
    layer = nn.MultiheadAttention(4, 1, dropout=0.5)
    x = tg.randn(50, 1, 4)
    weights = layer(x, x, x)[1].numpy()
    assert 0.4 < (weights == 0).mean() < 0.6
    assert (layer.eval()(x, x, x)[1].numpy() > 0).all()
    y = F.scaled_dot_product_attention(tg.ones(1, 9, 4), tg.ones(1, 9, 4), tg.ones(1, 9, 1), dropout_p=1.0)
    assert not y.numpy().any()


def test_first_values() -> None:
    tg.manual_seed(0)
    layer = nn.MultiheadAttention(64, 4, add_bias_kv=True)
    bound = math.sqrt(6 / (64 + 192))
    assert 0.99 * bound < np.abs(layer.in_proj_weight.numpy()).max() <= bound
    assert not layer.in_proj_bias.numpy().any()
    assert not layer.out_proj.bias.numpy().any()
    assert np.abs(layer.out_proj.weight.numpy()).max() <= 1 / 8
    assert layer.bias_k.numpy().std() > 0
    apart = nn.MultiheadAttention(64, 4, kdim=8)
    assert apart.in_proj_weight is None
    assert np.abs(apart.k_proj_weight.numpy()).max() <= math.sqrt(6 / 72)


LAYER = (E, 2, 8, 0.0)
TRANSFORMERS: list[dict[str, Any]] = [
    {},
    {"norm_first": True, "activation": "gelu", "batch_first": True},
    {"bias": False, "layer_norm_eps": 0.1},
]


@pytest.mark.parametrize("settings", TRANSFORMERS, ids=lambda s: "-".join(s) or "plain")
@pytest.mark.parametrize("masked", [False, True])
def test_encoder_beside_pytorch(torch: Any, settings: dict[str, Any], masked: bool) -> None:
    layer, theirs_layer = both(torch, "TransformerEncoderLayer", *LAYER, **settings)
    ours = nn.TransformerEncoder(layer, 2, nn.LayerNorm(E).double())
    theirs = torch.nn.TransformerEncoder(
        theirs_layer, 2, torch.nn.LayerNorm(E).double(), enable_nested_tensor=False
    )  # which leaves padded places in peace
    assert repr(ours) == repr(theirs)
    src = QUERY.swapaxes(0, 1) if settings.get("batch_first") else QUERY
    x, t = tg.tensor(src, requires_grad=True), torch.tensor(src, requires_grad=True)
    masks = {"mask": np.triu(np.ones((L, L), bool), 1), "src_key_padding_mask": np.arange(L) >= np.array([[2], [3]])}
    given = masks if masked else {}
    y, z = ours(x, **tensors(tg.tensor, given)), theirs(t, **tensors(torch.tensor, given))
    same(torch, [y], [z], [x, *ours.parameters()], [t, *theirs.parameters()])


@pytest.mark.parametrize("settings", TRANSFORMERS, ids=lambda s: "-".join(s) or "plain")
def test_transformer_beside_pytorch(torch: Any, settings: dict[str, Any]) -> None:
    ours, theirs = both(torch, "Transformer", E, 2, 1, 2, 8, 0.0, **settings)
    src, tgt = (a.swapaxes(0, 1) if settings.get("batch_first") else a for a in (KEY, QUERY))
    xs = [tg.tensor(a, requires_grad=True) for a in (src, tgt)]
    ts = [torch.tensor(a, requires_grad=True) for a in (src, tgt)]
    masks = {
        "src_mask": R.normal(size=(S, S)),
        "tgt_mask": np.triu(np.full((L, L), -math.inf), 1),
        "memory_mask": R.normal(size=(L, S)),
        "memory_key_padding_mask": np.where(np.arange(S) >= np.array([[2], [3]]), -math.inf, 0.0),
    }
    y = ours(*xs, **tensors(tg.tensor, masks), tgt_is_causal=True)
    z = theirs(*ts, **tensors(torch.tensor, masks), tgt_is_causal=True)
    same(torch, [y], [z], [*xs, *ours.parameters()], [*ts, *theirs.parameters()])


def test_layers_of_a_stack_are_their_own() -> None:
    layer = nn.TransformerDecoderLayer(4, 2, 8)
    stack = nn.TransformerDecoder(layer, 3)
    assert len({id(p) for p in stack.parameters()}) == 3 * len(list(layer.parameters()))
    np.testing.assert_array_equal(stack.layers[2].linear1.weight.numpy(), layer.linear1.weight.numpy())
    other = copy.deepcopy(stack)
    assert stack.eval()(tg.ones(2, 1, 4), tg.ones(3, 1, 4)).shape == (2, 1, 4)
    other.load_state_dict(stack.state_dict())
    custom = nn.Transformer(4, 2, custom_encoder=nn.Identity(), custom_decoder=stack)
    assert isinstance(custom.encoder, nn.Identity)


ERRORS: list[tuple[Any, str]] = [
    (lambda m, _t: m.nn.MultiheadAttention(4, 3), "must divide"),
    (lambda m, _t: m.nn.MultiheadAttention(0, 1), "at least 1"),
    (
        lambda m, t: m.nn.MultiheadAttention(4, 2)(t(1, 2, 3, 4), t(1, 2, 3, 4), t(1, 2, 3, 4)),
        r"\(length, N, features\)",
    ),
    (lambda m, t: m.nn.MultiheadAttention(4, 2)(t(3, 2, 4), t(3, 4), t(3, 4)), "all three"),
    (lambda m, t: m.nn.MultiheadAttention(4, 2)(t(3, 2, 6), t(3, 2, 6), t(3, 2, 6)), "4 features"),
    (lambda m, t: m.nn.MultiheadAttention(4, 2)(t(3, 2, 4), t(3, 2, 4), t(5, 2, 4)), "one length"),
    (lambda m, t: m.nn.MultiheadAttention(4, 2)(*[t(3, 2, 4)] * 3, attn_mask=t(2, 3)), r"\(3, 3\) or \(4, 3, 3\)"),
    (lambda m, t: m.nn.MultiheadAttention(4, 2)(*[t(3, 2, 4)] * 3, key_padding_mask=t(3, 3)), r"\(2, 3\)"),
    (lambda m, t: m.nn.MultiheadAttention(4, 2)(*[t(3, 2, 4)] * 3, attn_mask=t(3, 3).long()), "booleans or numbers"),
    (lambda m, t: m.nn.MultiheadAttention(4, 2)(*[t(3, 2, 4)] * 3, is_causal=True), "is_causal=True says"),
    (lambda m, _t: m.nn.TransformerEncoderLayer(4, 2, activation="tanh"), "'relu', 'gelu' or a function"),
    (lambda m, t: m.nn.Transformer(4, 2, 1, 1, 4)(t(3, 2, 4), t(3, 1, 4)), "one batch size"),
    (lambda m, t: m.nn.Transformer(4, 2, 1, 1, 4)(t(3, 2, 6), t(3, 2, 6)), "4 features"),
    (lambda m, t: m.nn.functional.scaled_dot_product_attention(t(4), t(4), t(4)), "two dimensions"),
    (lambda m, t: m.nn.functional.scaled_dot_product_attention(t(3, 4), t(3, 4), t(3, 4).double()), "one dtype"),
    (lambda m, t: m.nn.functional.scaled_dot_product_attention(*[t(3, 4)] * 3, t(3, 3).long()), "query's dtype"),
    (lambda m, t: m.nn.functional.scaled_dot_product_attention(*[t(3, 4)] * 3, t(3, 3), is_causal=True), "not both"),
    (lambda m, t: m.nn.functional.scaled_dot_product_attention(*[t(3, 4)] * 3, dropout_p=1.5), "between 0 and 1"),
    (
        lambda m, t: m.nn.functional.scaled_dot_product_attention(
            t(1, 4, 3, 5), t(1, 3, 3, 5), t(1, 3, 3, 5), enable_gqa=True
        ),
        "must divide those of the query",
    ),
]


@pytest.mark.parametrize(("call", "message"), ERRORS)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError, RuntimeError), match=message):
        call(tg, tg.zeros)


@pytest.mark.parametrize(("call", "message"), ERRORS)
def test_pytorch_refuses_it_too(torch: Any, call: Any, message: str) -> None:
    del message
    with pytest.raises((ValueError, TypeError, RuntimeError, AssertionError)):
        call(torch, torch.zeros)


def small(**settings: Any) -> nn.Transformer:
    tg.manual_seed(0)
    return nn.Transformer(4, 2, 1, 1, 8, 0.0, **settings).eval()


@pytest.mark.parametrize("where", ["src", "tgt", "memory"])
def test_a_sequence_that_is_padding_alone_leaves_numbers(where: str) -> None:
    """Its queries look at nothing and get zeros, where weights that are shown would be NaN; the others are as alone."""
    model, src, tgt = small(batch_first=True), tg.randn(2, 3, 4), tg.randn(2, 5, 4)
    hidden = np.zeros((2, 5 if where == "tgt" else 3), bool)
    hidden[0] = True
    y = model(src, tgt, **{f"{where}_key_padding_mask": tg.tensor(hidden)})
    assert np.isfinite(y.numpy()).all()
    np.testing.assert_allclose(y[1:].numpy(), model(src[1:], tgt[1:]).numpy(), rtol=1e-4, atol=1e-6)
    assert not np.allclose(y[:1].numpy(), model(src[:1], tgt[:1]).numpy(), atol=1e-3)


@pytest.mark.parametrize("where", ["src", "tgt", "memory"])
def test_each_hint_of_causality_wants_its_mask(where: str) -> None:
    model, src, tgt = small(), tg.randn(3, 2, 4), tg.randn(3, 2, 4)
    with pytest.raises(RuntimeError, match="is_causal=True says that attn_mask is the causal one"):
        model(src, tgt, **{f"{where}_is_causal": True})
    mask = nn.Transformer.generate_square_subsequent_mask(3)
    hinted = model(src, tgt, **{f"{where}_mask": mask, f"{where}_is_causal": True})
    np.testing.assert_array_equal(hinted.numpy(), model(src, tgt, **{f"{where}_mask": mask}).numpy())
    assert not np.allclose(hinted.numpy(), model(src, tgt).numpy(), atol=1e-3)


def test_shapes_of_a_transformer() -> None:
    for first, shapes in ((False, ((3, 2, 4), (5, 2, 4))), (True, ((2, 3, 4), (2, 5, 4))), (True, ((3, 4), (5, 4)))):
        src, tgt = (tg.randn(*s) for s in shapes)
        assert small(batch_first=first)(src, tgt).shape == tgt.shape
    for first, shapes, words in (
        (False, ((3, 2, 4), (3, 1, 4)), "one batch size"),
        (True, ((2, 3, 4), (1, 3, 4)), "one batch size"),
        (False, ((3, 2, 4), (3, 4)), "one batch size"),
        (False, ((3, 2, 5), (3, 2, 4)), "must have 4 features"),
        (False, ((3, 2, 4), (3, 2, 5)), "must have 4 features"),
    ):
        with pytest.raises(RuntimeError, match=words):
            small(batch_first=first)(*(tg.ones(*s) for s in shapes))
    parts = small(bias=False, norm_first=True)
    assert not [name for name, _ in parts.named_parameters() if "bias" in name]
    assert all(layer.norm_first for m in (parts.encoder, parts.decoder) for layer in m.layers)
    bounds = {name: math.sqrt(6 / sum(p.shape)) for name, p in parts.named_parameters() if p.ndim > 1}
    found = {name: np.abs(p.numpy()).max() for name, p in parts.named_parameters() if p.ndim > 1}
    assert all(0.8 * bounds[name] < found[name] <= bounds[name] for name in bounds)  # drawn after Glorot
