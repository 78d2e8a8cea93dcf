"""What people save with torch.save, each as a function of PyTorch."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

GRID = np.arange(6, dtype=np.float32).reshape(2, 3)


def small_net(torch: Any) -> Any:
    torch.manual_seed(0)
    nn = torch.nn
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))


def training(torch: Any) -> Any:
    """A checkpoint as scripts write it."""
    model = small_net(torch)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 4, 4])
    model(torch.randn(2, 1, 4, 4)).sum().backward()
    optimizer.step()
    scheduler.step()
    return {
        "epoch": 3, "best": float("inf"), "model": model.state_dict(), "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(), "rng": torch.get_rng_state(), "history": {"loss": [0.5, 0.25], "note": None},
    }  # fmt: skip


def _tied(torch: Any) -> Any:
    x = torch.arange(6.0)
    return {"a": x, "b": x.view(2, 3), "c": x[2:], "again": x}


HONEST: dict[str, Callable[[Any], Any]] = {
    "a state_dict": lambda torch: small_net(torch).state_dict(),
    "a training run": training,
    "a tensor": lambda torch: torch.arange(6.0).reshape(2, 3),
    "a number alone": lambda torch: torch.tensor(2.5),
    "an empty tensor": lambda torch: [torch.empty(0), torch.empty(0, 3), torch.empty(2, 0, 4)],
    "transposed": lambda torch: torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1),
    "sliced": lambda torch: torch.arange(24).reshape(4, 6)[1:, 1::2],
    "a row of a matrix": lambda torch: torch.arange(24, dtype=torch.int16).reshape(4, 6)[2],
    "channels last": lambda torch: torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
    "expanded": lambda torch: [torch.arange(3.0).expand(4, 3), torch.ones(1).expand(1000)],
    "unfolded": lambda torch: torch.arange(8.0).unfold(0, 3, 1),
    "shared storages": _tied,
    "floating dtypes": lambda torch: [torch.randn(3, 2).to(d) for d in (torch.float16, torch.float32, torch.float64)],
    "bfloat16": lambda torch: torch.tensor([1.5, -2.0, 3.140625, float("inf"), 1e-30]).to(torch.bfloat16),
    "integer dtypes": lambda torch: [torch.tensor([0, 1, 100]).to(getattr(torch, d)) for d in ("int8", "int16", "int32", "int64", "uint8")],
    "unsigned dtypes": lambda torch: [torch.tensor([0, 1, 100]).to(getattr(torch, d)) for d in ("uint16", "uint32", "uint64")],
    "booleans": lambda torch: torch.tensor([[True, False], [False, True]]),
    "not a number": lambda torch: torch.tensor([float("nan"), float("inf"), -0.0]),
    "parameters": lambda torch: {"p": torch.nn.Parameter(torch.ones(2)), "q": torch.nn.Parameter(torch.ones(2), requires_grad=False)},
    "a tensor that requires grad": lambda torch: torch.ones(2, requires_grad=True),
    "sizes, dtypes, devices": lambda torch: [torch.ones(2, 3).shape, torch.float32, torch.int64, torch.device("cpu")],
    "numbers and texts": lambda _: {"i": -(2**70), "f": 1e300, "b": b"\x00\xff", "t": "héllo\n", "n": None, "x": (True, [False]), "c": 1 + 2j},
    "sets and keys": lambda _: {1: {1, 2}, (1, "a"): frozenset("a"), 2.5: [], None: (), False: {}},
    "NumPy's": lambda _: {"a": np.arange(6.0).reshape(2, 3), "s": np.float64(0.5), "i": np.int64(3), "f": np.asfortranarray(GRID)},
    "nested deep": lambda torch: [[[[[{"a": ({"b": torch.ones(1)},)}]]]]],
    "nothing": lambda _: {},
    "a large one": lambda torch: torch.randn(500, 300),
    "many": lambda torch: {f"layer.{i}.weight": torch.full((i % 4, 2), float(i)) for i in range(300)},
    "a history of tensors": lambda torch: [torch.tensor(float(i)) for i in range(5000)],
    "many views of one": lambda torch: list(torch.arange(3000.0)),
    "many sets": lambda _: [{i} for i in range(5000)],
    "attributes": lambda torch: _with_attributes(torch),
    "its sign was to be turned": lambda torch: torch.imag(torch.tensor([1 + 2j, 3 - 4j]).conj()),
}  # fmt: skip


def _with_attributes(torch: Any) -> Any:
    t, p = torch.ones(2), torch.nn.Parameter(torch.ones(3))
    t.note, p.note = "a note", ["another"]
    return [t, p]
