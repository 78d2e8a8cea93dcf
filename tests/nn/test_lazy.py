"""Lazy layers: what they are before the first input, what they become, and how they are saved, copied and trained."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn

LAZY: list[tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = [
    ("LazyLinear", (3,), {}, (5, 4)),
    ("LazyLinear", (3,), {"bias": False}, (2, 5, 4)),
    ("LazyLinear", (3,), {"dtype": np.float64}, (4,)),
    ("LazyConv1d", (4, 3), {"padding": 1}, (2, 6, 7)),
    ("LazyConv1d", (4, 3), {"groups": 2}, (6, 7)),
    ("LazyConv2d", (4, 3), {}, (2, 6, 7, 7)),
    ("LazyConv2d", (4, (3, 2), 2, 1), {"bias": False, "padding_mode": "reflect"}, (6, 7, 7)),
    ("LazyConvTranspose1d", (4, 3, 2), {"padding": 1}, (2, 6, 5)),
    ("LazyConvTranspose2d", (4, 3, 2), {"output_padding": 1, "groups": 2}, (2, 6, 5, 5)),
    ("LazyBatchNorm1d", (), {}, (5, 4)),
    ("LazyBatchNorm1d", (1e-3, None), {}, (5, 4, 3)),
    ("LazyBatchNorm2d", (), {}, (5, 4, 3, 3)),
    ("LazyBatchNorm2d", (), {"affine": False}, (5, 4, 3, 3)),
    ("LazyBatchNorm2d", (), {"track_running_stats": False, "bias": False}, (5, 4, 3, 3)),
    ("LazyBatchNorm2d", (), {"track_running_stats": False, "affine": False}, (5, 4, 3, 3)),
    ("LazyInstanceNorm1d", (), {}, (2, 4, 7)),
    ("LazyInstanceNorm2d", (), {"affine": False, "track_running_stats": False}, (2, 4, 3, 3)),
]


def _id(case: tuple[Any, ...]) -> str:
    return f"{case[0]}-{','.join(map(str, (*case[1], *case[2])))}"


@pytest.mark.parametrize("case", LAZY, ids=_id)
def test_beside_pytorch(torch: Any, case: tuple[Any, ...]) -> None:
    """The repr and the keys before and after; the class afterwards; and the values with PyTorch's parameters."""
    name, args, kwargs, shape = case
    dtype = {"dtype": torch.float64} if "dtype" in kwargs else {}
    ours, theirs = getattr(nn, name)(*args, **kwargs), getattr(torch.nn, name)(*args, **{**kwargs, **dtype})
    assert repr(ours) == repr(theirs)
    assert str(ours.state_dict()) == str(theirs.state_dict())
    x = np.random.default_rng(0).normal(size=shape).astype(np.float64 if dtype else np.float32)
    first, second = ours(tg.tensor(x)), theirs(torch.tensor(x))
    if theirs.state_dict():  # else PyTorch's goes on saying that it has 0 features
        assert repr(ours) == repr(theirs)
    assert type(ours) is getattr(nn, name.removeprefix("Lazy"))
    assert first.shape == tuple(second.shape)
    state = theirs.state_dict()
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: tuple(v.shape) for k, v in state.items()}
    ours.load_state_dict({k: v.numpy() for k, v in state.items()})
    np.testing.assert_allclose(
        ours(tg.tensor(x)).numpy(), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("name", sorted({case[0] for case in LAZY}))
def test_constructor(torch: Any, name: str) -> None:
    def signature(module: Any) -> list[Any]:
        return [(p.name, p.kind, p.default) for p in inspect.signature(getattr(module, name)).parameters.values()]

    assert signature(nn) == signature(torch.nn)


@pytest.mark.parametrize("case", [c for c in LAZY if "Norm" not in c[0]], ids=_id)
def test_first_values_are_those_of_the_eager_layer(case: tuple[Any, ...]) -> None:
    name, args, kwargs, shape = case
    lazy = getattr(nn, name)(*args, **kwargs)
    channels = shape[-1] if "Linear" in name else shape[-lazy.spatial - 1]
    tg.manual_seed(3)
    eager = getattr(nn, name.removeprefix("Lazy"))(channels, *args, **kwargs)
    tg.manual_seed(3)
    lazy(tg.zeros(shape, dtype=kwargs.get("dtype", np.float32)))
    for (key, p), q in zip(lazy.named_parameters(), eager.parameters(), strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy(), err_msg=key)


def net() -> nn.Sequential:
    return nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))


def test_it_trains_with_an_optimizer_made_before() -> None:
    """Each parameter stays the object that it was, so whoever held it has the one that is trained."""
    model = net()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    optimizer.step()
    optimizer.zero_grad()
    model(tg.randn(3, 1, 6, 6)).sum().backward()
    before = [p.numpy().copy() for p in model.parameters()]
    optimizer.step()
    assert all(type(p) is nn.Parameter and p.requires_grad for p in model.parameters())
    assert any((p.numpy() != b).any() for p, b in zip(model.parameters(), before, strict=True))


def test_dtype_before_the_first_input() -> None:
    model = net().double()
    assert model[0].weight.dtype == np.float64
    assert model[0].weight.requires_grad
    assert model(tg.randn(2, 1, 6, 6, dtype=tg.float64)).dtype == np.float64
    assert {p.dtype for p in model.parameters()} == {np.dtype(np.float64)}


def test_frozen_before_the_first_input() -> None:
    model = net().requires_grad_(False)
    model(tg.randn(2, 1, 6, 6))
    assert not any(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("again", [copy.deepcopy, copy.copy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_and_pickles(again: Any) -> None:
    model = net()
    other = again(model)
    assert repr(other) == repr(model)
    other(tg.randn(2, 1, 6, 6))
    if again is not copy.copy:
        assert nn.parameter.is_lazy(model[0].weight)
    p = nn.UninitializedParameter(requires_grad=False, dtype=np.float64)
    twin = again(p)
    assert (type(twin), twin.dtype, twin.requires_grad) == (nn.UninitializedParameter, np.float64, False)
    assert twin is not p


def test_loading_gives_the_shapes() -> None:
    """The layer stays lazy until its first input, as in PyTorch; that does not draw new values."""
    eager, lazy = nn.Linear(4, 3), nn.LazyLinear(3)
    lazy.load_state_dict(eager.state_dict())
    assert type(lazy) is nn.LazyLinear
    np.testing.assert_array_equal(lazy.weight.numpy(), eager.weight.numpy())
    x = tg.randn(2, 4)
    np.testing.assert_array_equal(lazy(x).numpy(), eager(x).numpy())
    assert repr(lazy) == repr(eager)
    for kind, args, shape in ((nn.LazyConv2d, (4, 3), (1, 6, 5, 5)), (nn.LazyConvTranspose2d, (4, 3), (1, 6, 5, 5))):
        made, loaded = kind(*args, groups=2), kind(*args, groups=2)
        y = made(tg.ones(shape))
        loaded.load_state_dict(made.state_dict())
        np.testing.assert_array_equal(loaded(tg.ones(shape)).numpy(), y.numpy())
        assert repr(loaded) == repr(made)
    batch = nn.LazyBatchNorm2d()
    batch.load_state_dict(nn.BatchNorm2d(5).state_dict())
    batch(tg.randn(2, 5, 3, 3))
    assert batch.num_features == 5


def test_a_state_without_shapes() -> None:
    lazy = nn.LazyLinear(3)
    assert lazy.load_state_dict(nn.LazyLinear(3).state_dict()) == ([], [])
    eager = nn.Linear(4, 3)
    before = eager.weight.numpy().copy()
    with pytest.raises(RuntimeError, match="weight: an UninitializedParameter"):
        eager.load_state_dict({"weight": lazy.weight, "bias": tg.zeros(3)})
    np.testing.assert_array_equal(eager.weight.numpy(), before)
    with pytest.raises(RuntimeError, match="extra"):
        lazy.load_state_dict({**eager.state_dict(), "extra": tg.zeros(1)})
    assert nn.parameter.is_lazy(lazy.weight), "a state that does not fit changes nothing"


@pytest.mark.parametrize(
    ("use", "error"),
    [
        (lambda p: p.shape, RuntimeError),
        (lambda p: p + 1, ValueError),
        (lambda p: p.numel(), ValueError),
        (lambda p: p.numpy(), ValueError),
        (nn.init.normal_, ValueError),
        (lambda p: nn.functional.linear(tg.zeros(2, 3), p), ValueError),
    ],
)
def test_use_before_there_is_a_shape(use: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="call the module once"):
        use(nn.UninitializedParameter())


@pytest.mark.parametrize(
    ("layer", "shape", "error", "message"),
    [
        (nn.LazyLinear(3), (), IndexError, "0-d"),
        (nn.LazyConv2d(3, 3), (2, 3), RuntimeError, "4 dimensions"),
        (nn.LazyConv1d(4, 3, groups=2), (1, 3, 5), ValueError, "groups=2"),
        (nn.LazyBatchNorm2d(), (1, 3), ValueError, "(N, C, H, W)"),
    ],
)
def test_first_input_that_does_not_fit(layer: Any, shape: Any, error: type[Exception], message: str) -> None:
    """It says where, and changes nothing."""
    model = nn.Sequential(layer)
    with pytest.raises(error, match=r"in 0 \(Lazy") as caught:
        model(tg.zeros(shape))
    assert message in str(caught.value)
    assert layer.has_uninitialized_params()


def test_constructors_check() -> None:
    with pytest.raises(ValueError, match="groups"):
        nn.LazyConv2d(3, 3, groups=2)
    with pytest.raises((ValueError, RuntimeError), match="cuda"):
        nn.LazyLinear(3, device="cuda")


def test_a_lazy_module_of_ones_own() -> None:
    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight: Any = nn.UninitializedParameter()

        def forward(self, x: Any, *, times: int = 1) -> Any:
            return x * self.weight * times

    class LazyScale(nn.LazyModuleMixin, Scale):
        def initialize_parameters(self, x: Any, **_kwargs: Any) -> None:
            if self.has_uninitialized_params():
                self.weight.materialize(x.shape[-1:])
                nn.init.constant_(self.weight, 2.0)

    layer = LazyScale()
    assert layer(tg.ones(2, 3), times=3).tolist() == [[6.0] * 3] * 2
    assert type(layer) is LazyScale
    LazyScale.cls_to_become = Scale
    layer(x=tg.ones(2, 3))
    assert type(layer) is Scale

    class Forgets(LazyScale):
        def initialize_parameters(self, *_args: Any, **_kwargs: Any) -> None:
            pass

    with pytest.raises(RuntimeError, match="left some"):
        Forgets()(tg.ones(1))
    with pytest.raises(NotImplementedError, match="initialize_parameters"):
        nn.LazyModuleMixin()(tg.ones(1))


def test_a_load_that_a_hook_refuses_leaves_no_shape() -> None:
    lazy = nn.LazyLinear(3)

    def refuse(_module: Any, _keys: Any) -> None:
        raise RuntimeError("no")

    lazy.register_load_state_dict_post_hook(refuse)
    with pytest.raises(RuntimeError, match="no"):
        lazy.load_state_dict(nn.Linear(4, 3).state_dict())
    assert repr(lazy.weight) == "<UninitializedParameter>"
    assert lazy.weight.dtype == np.float32
    assert lazy(tg.zeros(2, 5)).shape == (2, 3)
