"""weight_norm and spectral_norm: the same numbers, gradients and names as PyTorch's, step after step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn.utils import remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm

LAYERS: dict[str, Any] = {
    "Linear": (lambda L: L.nn.Linear(4, 3), (5, 4)),
    "Conv2d": (lambda L: L.nn.Conv2d(2, 3, 3), (2, 2, 5, 6)),
    "ConvTranspose2d": (lambda L: L.nn.ConvTranspose2d(2, 3, 3), (2, 2, 4, 4)),
    "without a bias": (lambda L: L.nn.Linear(4, 3, bias=False), (5, 4)),
}
NORMS: dict[str, Any] = {
    "weight_norm": lambda L, m: L.nn.utils.weight_norm(m),
    "weight_norm, dim 1": lambda L, m: L.nn.utils.weight_norm(m, dim=1),
    "weight_norm, dim -1": lambda L, m: L.nn.utils.weight_norm(m, "weight", -1),
    "weight_norm of all": lambda L, m: L.nn.utils.weight_norm(m, dim=None),
    "spectral_norm": lambda L, m: L.nn.utils.spectral_norm(m),
    "spectral_norm, 3 steps": lambda L, m: L.nn.utils.spectral_norm(m, n_power_iterations=3),
    "spectral_norm, dim 1": lambda L, m: L.nn.utils.spectral_norm(m, dim=1),
}


def pair(torch: Any, layer: str, norm: str) -> tuple[Any, Any, Any]:
    """PyTorch's layer, ours with its numbers, and an input."""
    make, shape = LAYERS[layer]
    torch.manual_seed(0)
    theirs, ours = NORMS[norm](torch, make(torch).double()), NORMS[norm](tg, make(tg).double())
    ours.load_state_dict({k: tg.tensor(v.detach().numpy()) for k, v in theirs.state_dict().items()})
    return theirs, ours, np.random.default_rng(0).standard_normal(shape)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("layer", LAYERS)
def test_like_torch(torch: Any, layer: str, norm: str) -> None:
    """Three steps of training, then evaluation: outputs, gradients, state dicts and parameters' names."""
    theirs, ours, x = pair(torch, layer, norm)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert sorted(dict(ours.named_parameters())) == sorted(dict(theirs.named_parameters()))
    steps = [L.optim.SGD(m.parameters(), lr=0.1) for L, m in ((torch, theirs), (tg, ours))]
    for k in range(5):
        if k == 3:
            theirs.eval()
            ours.eval()
        y, z = theirs(torch.tensor(x)), ours(tg.tensor(x))
        np.testing.assert_allclose(z.numpy(), y.detach().numpy(), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(ours.weight.numpy(), theirs.weight.detach().numpy(), rtol=1e-9, atol=1e-12)
        for o, out in zip(steps, (y, z), strict=True):
            o.zero_grad()
            (out**2).sum().backward()
            o.step()
        for name, p in theirs.named_parameters():
            np.testing.assert_allclose(
                dict(ours.named_parameters())[name].grad.numpy(), p.grad.numpy(), rtol=1e-8, atol=1e-10
            )
        for name, value in theirs.state_dict().items():
            np.testing.assert_allclose(ours.state_dict()[name].numpy(), value.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("norm", ["weight_norm", "spectral_norm"])
def test_taken_off_again_like_torch(torch: Any, norm: str) -> None:
    theirs, ours, x = pair(torch, "Conv2d", norm)
    theirs(torch.tensor(x))
    ours(tg.tensor(x))
    getattr(torch.nn.utils, f"remove_{norm}")(theirs)
    assert getattr(tg.nn.utils, f"remove_{norm}")(ours) is ours
    assert list(ours.state_dict()) == list(theirs.state_dict()) == ["bias", "weight"]
    assert isinstance(ours.weight, nn.Parameter)
    np.testing.assert_allclose(ours(tg.tensor(x)).numpy(), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-9)
    with pytest.raises(ValueError, match=f"remove_{norm}: 'weight' of Conv2d was not made by it"):
        getattr(tg.nn.utils, f"remove_{norm}")(ours)


def test_the_length_is_the_length() -> None:
    layer = weight_norm(nn.Linear(4, 3))
    with tg.no_grad():
        layer.weight_g.copy_(tg.tensor([[1.0], [2.0], [0.5]]))
    layer(tg.ones(1, 4))
    np.testing.assert_allclose(np.linalg.norm(layer.weight.numpy(), axis=1), [1.0, 2.0, 0.5], rtol=1e-6)


def test_the_stretch_is_one() -> None:
    layer = spectral_norm(nn.Linear(6, 4), n_power_iterations=50)
    layer(tg.ones(1, 6))
    assert np.linalg.svd(layer.weight.numpy())[1][0] == pytest.approx(1, rel=1e-4)
    layer.eval()
    u = layer.weight_u.numpy().copy()
    layer(tg.ones(1, 6))
    np.testing.assert_array_equal(layer.weight_u.numpy(), u)


def test_what_is_left_is_the_weight_as_it_was() -> None:
    layer = spectral_norm(nn.Linear(6, 4))
    layer(tg.ones(1, 6))
    weight = layer.weight.numpy().copy()
    np.testing.assert_array_equal(remove_spectral_norm(layer).weight.numpy(), weight)


@pytest.mark.parametrize("norm", [weight_norm, spectral_norm])
def test_second_derivatives(norm: Any) -> None:
    """As a gradient penalty takes them, through a weight that was remade."""
    layer = norm(nn.Linear(3, 2).double()).eval()
    parameters = list(layer.parameters())

    def function(x: Any, *_: Any) -> Any:
        return layer(x).tanh()

    x = tg.tensor(np.random.default_rng(0).standard_normal((2, 3)), requires_grad=True)
    tg.testing.gradcheck(function, (x, *parameters))
    tg.testing.gradgradcheck(function, (x, *parameters))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: weight_norm(tg.ones(2)), TypeError, "weight_norm: expected a module, got Tensor"),
        (lambda: weight_norm(nn.Linear), TypeError, "weight_norm: expected a module, got the class Linear"),
        (lambda: weight_norm(nn.ReLU()), RuntimeError, "weight_norm: ReLU has no parameter 'weight'"),
        (lambda: weight_norm(nn.Linear(2, 2), "wieght"), RuntimeError, "Linear has no parameter 'wieght'"),
        (lambda: weight_norm(nn.Linear(2, 2), dim=2), ValueError, "dim must be None or a dimension of 'weight'"),
        (lambda: spectral_norm(weight_norm(nn.Linear(2, 2))), RuntimeError, "remade before each forward already"),
        (lambda: spectral_norm(nn.Linear(2, 2), n_power_iterations=0), ValueError, "must be an integer >= 1, got 0"),
        (lambda: remove_weight_norm(nn.Linear(2, 2)), ValueError, "remove_weight_norm: 'weight' of Linear was not"),
        (lambda: remove_spectral_norm(weight_norm(nn.Linear(2, 2))), ValueError, "remove_spectral_norm: 'weight' of L"),
    ],
)
def test_errors(call: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        call()
