"""Each layer beside PyTorch's: constructor, repr, state_dict keys, and with the same weights values and gradients."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pytest

from tinygrad_cnn import nn
from tinygrad_cnn.tensors import Tensor

pytestmark = pytest.mark.filterwarnings("ignore::tinygrad_cnn.GuardRailWarning")  # random scores for every loss

IMAGES, VECTORS, SIGNALS, VOLUMES = (2, 4, 5, 6), (5, 4), (3, 4, 7), (1, 2, 3, 4, 5)

LAYERS: list[tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = [
    ("ReLU", (), {}, IMAGES),
    ("ReLU", (), {"inplace": True}, IMAGES),
    ("ReLU6", (), {}, IMAGES),
    ("LeakyReLU", (), {}, IMAGES),
    ("LeakyReLU", (0.2, True), {}, IMAGES),
    ("PReLU", (), {}, IMAGES),
    ("PReLU", (4, 0.1), {}, IMAGES),
    ("ELU", (), {}, IMAGES),
    ("ELU", (0.5, True), {}, IMAGES),
    ("SELU", (), {}, IMAGES),
    ("CELU", (), {}, IMAGES),
    ("CELU", (0.5,), {}, IMAGES),
    ("GELU", (), {}, IMAGES),
    ("GELU", ("tanh",), {}, IMAGES),
    ("SiLU", (), {}, IMAGES),
    ("Mish", (), {}, IMAGES),
    ("Hardtanh", (), {}, IMAGES),
    ("Hardtanh", (-0.5, 0.25, True), {}, IMAGES),
    ("Hardsigmoid", (), {}, IMAGES),
    ("Hardswish", (), {}, IMAGES),
    ("Sigmoid", (), {}, IMAGES),
    ("Tanh", (), {}, IMAGES),
    ("LogSigmoid", (), {}, IMAGES),
    ("Softplus", (), {}, IMAGES),
    ("Softplus", (2.0, 1.0), {}, IMAGES),
    ("Softsign", (), {}, IMAGES),
    ("Tanhshrink", (), {}, IMAGES),
    ("Softshrink", (), {}, IMAGES),
    ("Hardshrink", (0.3,), {}, IMAGES),
    ("Threshold", (0.1, 2.0), {}, IMAGES),
    ("GLU", (1,), {}, IMAGES),
    ("Softmax", (1,), {}, IMAGES),
    ("Softmax", (), {}, VECTORS),
    ("LogSoftmax", (1,), {}, VECTORS),
    ("LogSoftmax", (), {}, SIGNALS),
    ("Softmin", (-1,), {}, IMAGES),
    ("Softmax2d", (), {}, IMAGES),
    ("BatchNorm1d", (4,), {}, VECTORS),
    ("BatchNorm1d", (4,), {"momentum": None}, SIGNALS),
    ("BatchNorm2d", (4,), {}, IMAGES),
    ("BatchNorm2d", (4, 1e-3, 0.3), {}, IMAGES),
    ("BatchNorm2d", (4,), {"affine": False}, IMAGES),
    ("BatchNorm2d", (4,), {"track_running_stats": False}, IMAGES),
    ("BatchNorm2d", (4,), {"bias": False}, IMAGES),
    ("InstanceNorm1d", (4,), {}, SIGNALS),
    ("InstanceNorm1d", (4,), {}, (4, 7)),
    ("InstanceNorm2d", (4,), {}, IMAGES),
    ("InstanceNorm2d", (4,), {"affine": True, "track_running_stats": True}, IMAGES),
    ("LayerNorm", (6,), {}, IMAGES),
    ("LayerNorm", ((4, 5, 6),), {}, IMAGES),
    ("LayerNorm", ([6],), {"bias": False}, IMAGES),
    ("LayerNorm", (6,), {"elementwise_affine": False, "eps": 0.1}, IMAGES),
    ("GroupNorm", (2, 4), {}, IMAGES),
    ("GroupNorm", (4, 4), {"affine": False}, IMAGES),
    ("LocalResponseNorm", (3,), {}, IMAGES),
    ("LocalResponseNorm", (2, 0.1, 0.5, 2.0), {}, IMAGES),
    ("Dropout", (0.0,), {}, IMAGES),
    ("Dropout1d", (0.0,), {}, SIGNALS),
    ("Dropout2d", (0.0,), {}, IMAGES),
    ("AlphaDropout", (0.0,), {}, IMAGES),
    ("Upsample", (), {"scale_factor": 2}, IMAGES),
    ("Upsample", ((7, 9),), {}, IMAGES),
    ("Upsample", (), {"scale_factor": (1.5, 2), "mode": "bilinear"}, IMAGES),
    ("Upsample", (9,), {"mode": "linear", "align_corners": True}, SIGNALS),
    ("UpsamplingNearest2d", (), {"scale_factor": 2}, IMAGES),
    ("UpsamplingBilinear2d", (8,), {}, IMAGES),
    ("PixelShuffle", (2,), {}, IMAGES),
    ("PixelUnshuffle", (5,), {}, (2, 3, 10, 5)),
    ("ZeroPad2d", (1,), {}, IMAGES),
    ("ZeroPad2d", ((1, 0, 2, 3),), {}, IMAGES),
    ("ZeroPad1d", (2,), {}, SIGNALS),
    ("ConstantPad2d", ((1, -1, 0, 2), 3.5), {}, IMAGES),
    ("ConstantPad1d", (1, 2.0), {}, SIGNALS),
    ("ReflectionPad2d", ((1, 2, 3, 0),), {}, IMAGES),
    ("ReflectionPad1d", (3,), {}, SIGNALS),
    ("ReplicationPad2d", (2,), {}, IMAGES),
    ("ReplicationPad1d", ((1, 2),), {}, SIGNALS),
    ("CircularPad2d", ((1, 2, 0, 1),), {}, IMAGES),
    ("CircularPad1d", (2,), {}, SIGNALS),
    ("ZeroPad3d", (1,), {}, VOLUMES),
    ("ConstantPad3d", ((1, -1, 0, 2, 1, 0), 3.5), {}, VOLUMES),
    ("ReflectionPad3d", ((1, 2, 3, 0, 1, 1),), {}, VOLUMES),
    ("ReplicationPad3d", (2,), {}, VOLUMES),
    ("CircularPad3d", ((1, 2, 0, 1, 1, 0),), {}, VOLUMES),
    ("Unfold", (2,), {"stride": 2, "padding": 1}, IMAGES),
    ("Unfold", ((2, 3),), {"dilation": (2, 1)}, IMAGES),
    ("Fold", ((4, 5), (2, 2)), {}, (2, 8, 12)),
    ("Fold", (4, 2), {"stride": 2}, (2, 8, 4)),
    ("ChannelShuffle", (2,), {}, IMAGES),
    ("LPPool2d", (2, 2), {}, IMAGES),
    ("LPPool2d", (4, (2, 3), 1, True), {}, IMAGES),
    ("LPPool1d", (2.0, 2), {}, SIGNALS),
    ("RReLU", (0.2, 0.2), {"inplace": True}, IMAGES),
    ("AvgPool1d", (3,), {}, SIGNALS),
    ("AvgPool1d", ((2,), (1,), (1,)), {"count_include_pad": False}, SIGNALS),
    ("MaxPool1d", ((2,), (1,)), {}, SIGNALS),
]

SCORES, SAME = ("float", "class"), ("float", "float")
LOSSES: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("CrossEntropyLoss", {}, SCORES),
    ("CrossEntropyLoss", {"ignore_index": 1, "label_smoothing": 0.1, "reduction": "sum"}, SCORES),
    ("CrossEntropyLoss", {"weight": [0.2, 1.0, 0.5, 2.0]}, SCORES),
    ("NLLLoss", {"weight": [0.2, 1.0, 0.5, 2.0], "reduction": "none"}, SCORES),
    ("MultiMarginLoss", {"p": 2, "margin": 0.5}, SCORES),
    ("MSELoss", {}, SAME),
    ("MSELoss", {"reduction": "none"}, SAME),
    ("L1Loss", {"reduction": "sum"}, SAME),
    ("SmoothL1Loss", {"beta": 0.5}, SAME),
    ("HuberLoss", {"delta": 0.5}, SAME),
    ("BCELoss", {}, ("unit", "unit")),
    ("BCEWithLogitsLoss", {"pos_weight": [0.2, 1.0, 0.5, 2.0]}, ("float", "unit")),
    ("KLDivLoss", {"reduction": "batchmean"}, ("float", "unit")),
    ("KLDivLoss", {"reduction": "sum", "log_target": True}, SAME),
    ("GaussianNLLLoss", {"full": True}, ("float", "float", "unit")),
    ("PoissonNLLLoss", {"full": True}, ("float", "unit")),
    ("HingeEmbeddingLoss", {"margin": 0.7}, ("float", "sign")),
    ("SoftMarginLoss", {}, ("float", "sign")),
    ("MarginRankingLoss", {"margin": 0.1}, ("float", "float", "sign")),
    ("MarginRankingLoss", {"margin": 0.1}, ("float", "float", "whole sign")),
    ("SoftMarginLoss", {"reduction": "none"}, ("float", "whole sign")),
    ("HingeEmbeddingLoss", {}, ("float", "whole sign")),
    ("KLDivLoss", {"reduction": "none"}, SAME),  # of negative targets
    ("TripletMarginLoss", {}, ("float", "float", "float")),
    ("TripletMarginLoss", {"margin": 0.5, "p": 1, "swap": True, "reduction": "none"}, ("float", "float", "float")),
    ("TripletMarginWithDistanceLoss", {"margin": 2, "swap": True}, ("float", "float", "float")),
    ("CosineEmbeddingLoss", {"margin": 0.2, "reduction": "sum"}, ("float", "float", "sides")),
    ("MultiLabelSoftMarginLoss", {"weight": [0.2, 1.0, 0.5, 2.0]}, ("float", "unit")),
    ("MultiLabelMarginLoss", {"reduction": "none"}, ("float", "listed")),
]


def _id(case: tuple[Any, ...]) -> str:
    return f"{case[0]}-" + ",".join([*(str(a) for a in case[1])] if isinstance(case[1], tuple) else map(str, case[1]))


def both(torch: Any, name: str, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """Our layer and PyTorch's, in float64, with the same random parameters."""
    ours, theirs = getattr(nn, name)(*args, **kwargs), getattr(torch.nn, name)(*args, **kwargs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for key, value in theirs.state_dict().items():
        np.testing.assert_array_equal(ours.state_dict()[key].numpy(), value.numpy(), err_msg=f"first value of {key}")
        assert ours.state_dict()[key].dtype == value.numpy().dtype
    ours, theirs = ours.double(), theirs.double()
    rng = np.random.default_rng(0)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        p.numpy()[...] = rng.uniform(0.3, 1, p.shape)
        q.data[...] = torch.tensor(p.numpy())
    return ours, theirs


def compare(torch: Any, ours: Any, theirs: Any, arrays: list[Any], wanted: int = 1) -> None:
    xs = [Tensor(a.copy(), requires_grad=i < wanted) for i, a in enumerate(arrays)]
    ts = [torch.tensor(a, requires_grad=i < wanted) for i, a in enumerate(arrays)]
    # inplace=True may not change a leaf that requires grad
    y, t = ours(*(x * 1 for x in xs)), theirs(*(x * 1 for x in ts))
    np.testing.assert_allclose(y.numpy(), t.detach().numpy(), rtol=1e-9, atol=1e-12)
    w = np.random.default_rng(1).normal(size=y.shape)
    y.backward(Tensor(np.asarray(w)))
    t.backward(torch.tensor(w))
    for x, q in zip(xs[:wanted], ts, strict=False):
        np.testing.assert_allclose(x.grad.numpy(), q.grad.numpy(), rtol=1e-6, atol=1e-9)
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-8, atol=1e-10, err_msg=name)
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(
            ours.state_dict()[name].numpy(), value.numpy(), rtol=1e-9, err_msg=f"{name} afterwards"
        )


@pytest.mark.parametrize("case", LAYERS, ids=_id)
def test_layer(torch: Any, case: tuple[Any, ...]) -> None:
    name, args, kwargs, shape = case
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = both(torch, name, args, kwargs)
        assert repr(ours) == repr(theirs)
        x = np.random.default_rng(2).normal(size=shape)
        compare(torch, ours, theirs, [x])
        compare(torch, ours, theirs, [x + 1])  # gradients add up, running statistics move on
        compare(torch, ours.eval(), theirs.eval(), [x])


@pytest.mark.parametrize("case", LOSSES, ids=lambda c: f"{c[0]}-{','.join(map(str, c[1]))}")
def test_loss(torch: Any, case: tuple[Any, ...]) -> None:
    name, settings, kinds = case
    rng = np.random.default_rng(3)
    make = {
        "float": lambda: rng.normal(size=(5, 4)),
        "class": lambda: rng.integers(0, 4, 5),
        "unit": lambda: rng.uniform(0.1, 0.9, (5, 4)),
        "sign": lambda: rng.choice([-1.0, 1.0], (5, 4)),
        "whole sign": lambda: rng.choice([-1, 1], (5, 4)),
        "sides": lambda: rng.choice([-1, 1], 5),
        "listed": lambda: np.array([[0, 2, -1, 1], [-1, 0, 0, 0], [3, 2, 1, 0], [1, -1, -1, 3], [2, 2, -1, 0]]),
    }
    arrays = [make[kind]() for kind in kinds]
    lists = {k: np.array(v) for k, v in settings.items() if isinstance(v, list)}
    ours = getattr(nn, name)(**{**settings, **{k: Tensor(v) for k, v in lists.items()}})
    theirs = getattr(torch.nn, name)(**{**settings, **{k: torch.tensor(v) for k, v in lists.items()}})
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x, y = Tensor(arrays[0], requires_grad=True), torch.tensor(arrays[0], requires_grad=True)
    a = ours(x, *(Tensor(v) for v in arrays[1:]))
    b = theirs(y, *(torch.tensor(v) for v in arrays[1:]))
    np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-9)
    a.sum().backward()
    b.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("name", sorted({c[0] for c in LAYERS} | {c[0] for c in LOSSES} | {"Embedding"}))
def test_constructor(torch: Any, name: str) -> None:
    """The same parameters in the same order with the same defaults."""

    def signature(module: Any) -> list[Any]:
        parameters = list(inspect.signature(getattr(module, name)).parameters.values())
        return [(p.name, p.kind, p.default) for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]

    assert signature(nn) == signature(torch.nn)


FUNCTIONS = [
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "silu",
    "mish",
    "hardtanh",
    "hardsigmoid",
    "hardswish",
    "softsign",
    "tanhshrink",
    "threshold",
    "glu",
    "softmax",
    "log_softmax",
    "softmin",
    "normalize",
    "dropout",
    "dropout1d",
    "dropout2d",
    "alpha_dropout",
    "embedding",
    "interpolate",
    "batch_norm",
    "layer_norm",
    "group_norm",
    "instance_norm",
    "local_response_norm",
    "cross_entropy",
    "nll_loss",
    "kl_div",
    "binary_cross_entropy",
    "gaussian_nll_loss",
    "binary_cross_entropy_with_logits",
    "hinge_embedding_loss",
    "multi_margin_loss",
    "soft_margin_loss",
    "poisson_nll_loss",
    "margin_ranking_loss",
    "smooth_l1_loss",
    "huber_loss",
    "mse_loss",
    "l1_loss",
]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signature(torch: Any, name: str) -> None:
    """PyTorch's parameters come first, in its order, with its defaults; ours may add a generator."""

    def signature(module: Any) -> list[Any]:
        return [(p.name, p.default) for p in inspect.signature(getattr(module, name)).parameters.values()]

    theirs = [p for p in signature(torch.nn.functional) if p[0] != "out"]
    ours = signature(nn.functional)
    assert ours[: len(theirs)] == theirs
    assert [p for p, _ in ours[len(theirs) :]] in ([], ["generator"])
