"""Files that PyTorch writes: ours gives what PyTorch gives, and trains as it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg

pytest.importorskip("onnx", reason="onnx is not installed: no files of ONNX")
pytest.importorskip("torch", reason="PyTorch is not installed: it writes the files of these tests")

import torch

import tinygrad_cnn.nn.functional as F
from tests.onnx.torch_nets import NETS, exported

pytestmark = pytest.mark.torch


def made(name: str) -> tuple[Any, Any]:
    """A net of PyTorch with settled statistics, and inputs for it."""
    torch.manual_seed(sum(map(ord, name)))
    make, inputs = NETS[name]
    net, x = make(), inputs()
    net.train()
    net(x)
    return net.eval(), x


def arrays(net: Any) -> dict[str, Any]:
    return {name: p.detach().numpy() for name, p in net.named_parameters()}


@pytest.mark.parametrize("name", NETS)
def test_the_same_scores(name: str, tmp_path: Path) -> None:
    """Of an ordinary export, for the batch it was made with and another."""
    net, x = made(name)
    model = tg.onnx.load(exported(net, x, tmp_path / "net.onnx"))
    assert not model.training
    for batch in (x, torch.cat([x, x.flip(0)])[:7], x[:1]):
        with torch.no_grad():
            expected = net(batch).numpy()
        np.testing.assert_allclose(model(batch.numpy()).numpy(), expected, atol=1e-5)
        np.testing.assert_allclose(model(input=tg.Tensor(batch.numpy())).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("name", NETS)
def test_the_same_training(name: str, tmp_path: Path) -> None:
    """Names, gradients of all parameters, five steps of SGD, statistics of batch-norm."""
    net, x = made(name)
    path = exported(net, x, tmp_path / "net.onnx", do_constant_folding=False, training=torch.onnx.TrainingMode.PRESERVE)
    model = tg.onnx.load(path).train().double()  # in double precision: nets of few samples amplify rounding
    net.train().double()
    x = x.double() if x.is_floating_point() else x
    assert {n for n, _ in model.named_parameters()} == {n for n, _ in net.named_parameters()}
    y = torch.arange(len(x)) % 4 if x.ndim == 2 or name != "UNet" else torch.randint(0, 2, (len(x), 16, 16))
    theirs = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    ours = tg.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for step in range(5):
        theirs.zero_grad()
        ours.zero_grad()
        expected = torch.nn.functional.cross_entropy(net(x), y)
        loss = F.cross_entropy(model(x.numpy()), tg.Tensor(y.numpy()))
        expected.backward()
        loss.backward()
        losses.append(loss.item())
        np.testing.assert_allclose(loss.item(), expected.item(), rtol=1e-6, err_msg=f"step {step}")
        if not step:
            grads = {n: p.grad.numpy() for n, p in net.named_parameters()}
            for n, p in model.named_parameters():
                np.testing.assert_allclose(p.grad.numpy(), grads[n], atol=1e-6, rtol=1e-5, err_msg=n)
        theirs.step()
        ours.step()
    assert losses[-1] < losses[0]
    buffers = dict(model.named_buffers())
    for n, b in net.named_buffers():
        if not n.endswith("num_batches_tracked"):
            np.testing.assert_allclose(buffers[n].numpy(), b.numpy(), rtol=1e-5, atol=1e-6, err_msg=n)
    net.eval()
    model.eval()
    with torch.no_grad():
        np.testing.assert_allclose(model(x.numpy()).numpy(), net(x).numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", NETS)
def test_out_again(name: str, tmp_path: Path) -> None:
    """What came in can leave: a file of ours from one of PyTorch's."""
    net, x = made(name)
    model = tg.onnx.load(exported(net, x, tmp_path / "theirs.onnx"))
    tg.onnx.export(model, tg.tensor(x.numpy()), tmp_path / "ours.onnx")
    again = tg.onnx.load(tmp_path / "ours.onnx")
    np.testing.assert_allclose(again(x.numpy()).numpy(), model(x.numpy()).numpy(), atol=1e-6)
