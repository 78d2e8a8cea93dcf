"""The parts together: training learns, repeats itself bit by bit, stays float32, and leaves the collector nothing."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F


def bars(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy 8x8 images (n, 1, 8, 8) with a bar: lying (class 0), standing (1) or oblique (2)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 0.3, (n, 1, 8, 8)).astype(np.float32)
    y = rng.integers(0, 3, n)
    for image, label, place in zip(x[:, 0], y, rng.integers(1, 7, n), strict=True):
        if label == 0:
            image[place] += 1
        elif label == 1:
            image[:, place] += 1
        else:
            image[np.arange(8), (np.arange(8) + place) % 8] += 1
    return x, y


def small_net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(32, 3),
    )


def train(net: nn.Module, optimizer: tg.optim.Optimizer, steps: int, seed: int = 0) -> list[float]:
    x, y = (tg.tensor(a) for a in bars(256, seed))
    losses = []
    net.train()
    for step in range(steps):
        part = slice(32 * step % 256, 32 * step % 256 + 32)
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x[part]), y[part])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize(
    ("name", "lr"), [("SGD", 0.1), ("Adam", 0.01), ("AdamW", 0.01), ("RMSprop", 0.003), ("Lion", 0.003)]
)
def test_a_small_convnet_learns(name: str, lr: float) -> None:
    tg.manual_seed(0)
    net = small_net()
    train(net, getattr(tg.optim, name)(net.parameters(), lr=lr), 120)
    x, y = bars(200, seed=1)
    with tg.no_grad():
        right = (net.eval()(tg.tensor(x)).argmax(1).numpy() == y).mean()
    assert right > 0.93


def test_the_same_seed_gives_the_same_bits() -> None:
    runs = []
    for _ in range(2):
        tg.manual_seed(3)
        net = small_net()
        losses = train(net, tg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9), 20)
        runs.append((losses, [v.numpy().copy() for v in net.state_dict().values()]))
    assert runs[0][0] == runs[1][0]
    for a, b in zip(runs[0][1], runs[1][1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_float32_network_stays_float32() -> None:
    net = small_net()
    optimizer = tg.optim.AdamW(net.parameters(), lr=np.float64(0.01))
    train(net, optimizer, 3)
    for name, p in net.named_parameters():
        assert p.dtype == np.float32, name
        assert p.grad is not None, name
        assert p.grad.dtype == np.float32, name
    for state in optimizer.state_dict()["state"].values():
        assert all(v.dtype == np.float32 for k, v in state.items() if k.startswith("exp_avg"))
    assert all(b.dtype == np.float32 for k, b in net.named_buffers() if "running" in k)


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_a_hundred_steps_leave_nothing_for_the_collector(name: str) -> None:
    tg.manual_seed(0)
    net = small_net()
    optimizer = getattr(tg.optim, name)(net.parameters(), lr=0.01)
    loader = tg.data.DataLoader(tg.data.TensorDataset(*bars(256, 0)), 32, shuffle=True)

    def epoch() -> None:
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()

    epoch()  # warm up: what is made once is no leak
    gc.collect()
    gc.disable()
    try:
        for _ in range(13):
            epoch()  # 104 steps
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_script_written_for_pytorch_runs_with_other_imports() -> None:
    """The subset every training script contains; only the import lines differ from PyTorch's."""
    import tinygrad_cnn as torch
    from tinygrad_cnn import nn, optim
    from tinygrad_cnn.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)
    device = torch.device("cpu")

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 4, kernel_size=3, padding=1)
            self.bn = nn.BatchNorm2d(4)
            self.fc = nn.Linear(4 * 4 * 4, 3)

        def forward(self, x: Any) -> Any:
            x = F.max_pool2d(F.relu(self.bn(self.conv(x))), 2)
            x = x.view(x.size(0), -1)
            return F.log_softmax(self.fc(x), dim=1)

    x, y = bars(96, 0)
    loader = DataLoader(TensorDataset(torch.from_numpy(x), torch.from_numpy(y)), batch_size=32, shuffle=True)
    model = Net().to(device)
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.9)
    for _ in range(8):
        model.train()
        for data, target in loader:
            data, target = data.to(device), target.to(device)
            optimizer.zero_grad()
            loss = F.nll_loss(model(data), target)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
        scheduler.step()
    model.eval()
    correct = 0
    with torch.no_grad():
        for data, target in loader:
            pred = model(data.to(device)).argmax(dim=1, keepdim=True)
            correct += pred.eq(target.view_as(pred)).sum().item()
    assert correct > 80
    assert torch.tensor([1.5, 2]).dtype == torch.float32
    assert torch.zeros(2, 3, dtype=torch.long).cpu().shape == (2, 3)
