"""Out and in again: what `tg.onnx.export` writes, `tg.onnx.load` reads, with the same numbers, names and gradients."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg

pytest.importorskip("onnx", reason="onnx is not installed: no files of ONNX")

from tests.onnx.test_export_layers import CASES, name, with_any_numbers
from tests.onnx.test_export_models import NETS, ran
from tinygrad_cnn.nn.summary import leaves_in


def there_and_back(model: Any, args: tuple[Any, ...], folder: Path, batch_dim: Any = "auto") -> Any:
    """The module that the file of a model becomes, once its outputs are the same."""
    tg.onnx.export(model, args, folder / "net.onnx", batch_dim=batch_dim)
    back = tg.onnx.load(folder / "net.onnx")
    model.eval()
    expected = [x for x in leaves_in(model(*args)) if x is not None]
    result = back(*args)
    for y, wanted in zip(result if isinstance(result, tuple) else (result,), expected, strict=True):
        np.testing.assert_allclose(y.numpy(), wanted.numpy(), rtol=1e-5, atol=1e-5)
    return back


@pytest.mark.parametrize(("make", "inputs", "how"), CASES, ids=[f"{name(c[0])}-{i}" for i, c in enumerate(CASES)])
def test_a_layer(make: Any, inputs: Any, how: dict[str, Any], tmp_path: Path) -> None:
    tg.manual_seed(zlib.crc32(repr(inputs).encode()))
    model = with_any_numbers(make())
    args = tuple(tg.tensor(i) if isinstance(i, list) else tg.randn(*i) for i in inputs)
    back = there_and_back(model, args, tmp_path, how.get("dims", "auto"))
    theirs = dict(model.named_parameters())
    ours = dict(back.named_parameters())
    assert ours.keys() <= theirs.keys()
    if not ours:
        return
    for net in (model, back):
        loss = sum((y * y).mean() for y in leaves_in(net(*args)) if y is not None)
        loss.backward()
    for key, p in ours.items():
        wanted = theirs[key].grad
        if wanted is None:
            assert p.grad is None or not p.grad.numpy().any(), key
            continue
        gradient = p.grad.numpy().copy()
        if isinstance(model, tg.nn.Embedding):  # ONNX has no padding_idx, whose row gets no gradient
            gradient[model.padding_idx] = 0
        np.testing.assert_allclose(gradient, wanted.numpy(), rtol=1e-3, atol=1e-5, err_msg=key)


@pytest.mark.parametrize("key", NETS)
def test_a_network_and_its_training(key: str, tmp_path: Path) -> None:
    tg.manual_seed(0)
    make, shape = NETS[key]
    model = ran(make())
    x = tg.randn(4, *shape)
    back = there_and_back(model, (x,), tmp_path)
    names = [n for n, _ in model.named_parameters()]
    assert {n for n, _ in back.named_parameters()} == set(names)
    for n, m in model.named_modules():
        if isinstance(m, (tg.nn.Conv2d, tg.nn.Linear)):
            assert type(back.get_submodule(n)).__name__ in ("Conv", "Gemm", "Section")
    grads = []
    for net in (model, back):
        for m in net.modules():  # dropout would draw for each on its own
            m.training = type(m).__name__ in ("BatchNorm2d", "BatchNormalization")
        (net(x) ** 2).mean().backward()
        grads.append({n: p.grad.numpy() for n, p in net.named_parameters()})
    for n in names:
        scale = max(float(np.abs(grads[0][n]).max()), 1e-3)
        np.testing.assert_allclose(grads[1][n], grads[0][n], rtol=1e-2, atol=1e-3 * scale, err_msg=n)
