"""Devices that are not here: questions are answered, hints do no harm, and what needs one is one helpful error."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.tensors.device import device as Device

HELP = r'there is no device .*CPU alone.*tg.device\("cuda" if tg.cuda.is_available\(\) else "cpu"\)'

REFUSED: dict[str, Callable[[], Any]] = {
    "device": lambda: tg.device("cuda"),
    "device with index": lambda: tg.device("cuda:1"),
    "device and index": lambda: tg.device("cuda", 0),
    "a number": lambda: tg.device(0),
    "mps": lambda: tg.device("mps"),
    "no device at all": lambda: tg.device("gpu"),
    "a bad index": lambda: tg.device("cpu:x"),
    "Tensor.cuda": lambda: tg.zeros(2).cuda(),
    "Tensor.to": lambda: tg.zeros(2).to("cuda"),
    "Tensor.to keyword": lambda: tg.zeros(2).to(device="cuda:0", non_blocking=True),
    "Tensor.to number": lambda: tg.zeros(2).to(0),
    "Module.cuda": lambda: nn.Linear(1, 1).cuda(),
    "Module.to": lambda: nn.Linear(1, 1).to("cuda"),
    "zeros": lambda: tg.zeros(2, device="cuda"),
    "tensor": lambda: tg.tensor([1.0], device="cuda"),
    "randn": lambda: tg.randn(2, device="cuda"),
    "Linear": lambda: nn.Linear(1, 1, device="cuda"),
    "Conv2d": lambda: nn.Conv2d(1, 1, 1, device="mps"),
    "default": lambda: tg.set_default_device("cuda"),
    "current": lambda: tg.cuda.current_device(),
    "name": lambda: tg.cuda.get_device_name(0),
    "properties": lambda: tg.cuda.get_device_properties(0),
    "set": lambda: tg.cuda.set_device(0),
    "event": lambda: tg.cuda.Event(enable_timing=True),
    "stream": lambda: tg.cuda.Stream(),
    "state": lambda: tg.cuda.get_rng_state(),
    "accelerator": lambda: tg.accelerator.current_device_index(),
    "choose accelerator": lambda: tg.accelerator.set_device_index(0),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_another_device_says_what_to_write(name: str) -> None:
    with pytest.raises(RuntimeError, match=HELP):
        REFUSED[name]()


def test_a_refused_device_changes_nothing() -> None:
    layer = nn.Linear(2, 2)
    before = layer.weight.numpy().copy()
    with pytest.raises(RuntimeError):
        layer.to("cuda", tg.float64)
    assert layer.weight.dtype == np.float32
    np.testing.assert_array_equal(layer.weight.numpy(), before)


def test_the_line_that_the_error_gives_works() -> None:
    device = tg.device("cuda" if tg.cuda.is_available() else "cpu")
    assert tg.zeros(1).to(device).device == device
    assert next(nn.Linear(1, 1).to(device).parameters()).device == device


def test_the_cpu() -> None:
    assert tg.device("cpu") == tg.device(tg.device("cpu")) == tg.get_default_device()
    assert repr(tg.device("cpu:0")) == "device(type='cpu', index=0)"
    assert (str(tg.device("cpu", 1)), tg.device("cpu:2").index) == ("cpu:1", 2)
    assert tg.device("cpu:0") != tg.device("cpu")
    assert tg.device("cpu") != "cpu"
    assert len({tg.device("cpu"), tg.device("cpu"), tg.device("cpu:0")}) == 2
    with pytest.raises(RuntimeError, match="has an index already"):
        tg.device("cpu:0", 1)
    with tg.device("cpu") as device:
        assert tg.zeros(1).device == device
    tg.set_default_device("cpu")
    tg.set_default_device(tg.device("cpu"))
    x = tg.zeros(2).to("cpu", True)
    assert x.to(memory_format=None, non_blocking=True) is x
    with pytest.raises(TypeError, match="no argument speed"):
        x.to(speed=3)


def test_what_a_cpu_says_in_pytorch(torch: Any) -> None:
    """Where PyTorch has no GPU either, it gives the same answers."""

    def answers(t: Any) -> list[Any]:
        devices = [t.device("cpu"), t.device("cpu", 0), t.device("cpu:1"), t.device(type="cpu")]
        return [
            *[(repr(d), str(d), d.type, d.index, d == t.device("cpu")) for d in devices],
            (t.cuda.is_available(), t.cuda.device_count(), t.cuda.is_initialized()),
            (t.cuda.memory_allocated(), t.cuda.max_memory_allocated(), t.cuda.memory_reserved()),
            (t.cuda.manual_seed(1), t.cuda.manual_seed_all(1), t.cuda.empty_cache(), t.cuda.get_rng_state_all()),
            (t.backends.cudnn.is_available(), t.backends.cudnn.enabled, t.backends.cudnn.benchmark),
            (t.backends.cudnn.deterministic, t.backends.cudnn.version(), t.backends.cudnn.allow_tf32),
            (t.backends.mps.is_available(), t.backends.mps.is_built(), t.backends.cuda.is_built()),
            (t.accelerator.is_available(), t.accelerator.device_count(), t.accelerator.current_accelerator()),
            t.get_float32_matmul_precision(),
            str(t.get_default_device()),
        ]

    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("this PyTorch has a GPU, and other answers")
    assert answers(tg) == answers(torch)


def test_settings_may_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for place, name in (
        (tg.backends.cudnn, "benchmark"),
        (tg.backends.cudnn, "deterministic"),
        (tg.backends.cudnn, "enabled"),
        (tg.backends.cuda.matmul, "allow_tf32"),
    ):
        monkeypatch.setattr(place, name, True)
        assert getattr(place, name) is True
    with tg.backends.cudnn.flags(enabled=False, benchmark=True):
        pass
    try:
        tg.set_float32_matmul_precision("high")
        assert tg.get_float32_matmul_precision() == "high"
        with pytest.raises(RuntimeError, match="one of highest, high, medium, got 'low'"):
            tg.set_float32_matmul_precision("low")
        assert tg.get_float32_matmul_precision() == "high"
    finally:
        tg.set_float32_matmul_precision("highest")


def test_nothing_happens() -> None:
    for function in (
        *(tg.cuda.synchronize, tg.cuda.empty_cache, tg.cuda.ipc_collect, tg.cuda.seed, tg.cuda.seed_all),
        *(tg.cuda.reset_peak_memory_stats, tg.cuda.reset_max_memory_allocated),
        *(tg.mps.synchronize, tg.mps.empty_cache, tg.accelerator.synchronize, tg.accelerator.empty_cache),
    ):
        assert function() is None
    before = tg.default_generator().get_state()
    tg.cuda.manual_seed_all(3)
    tg.mps.manual_seed(3)
    tg.cuda.set_rng_state_all([])
    assert str(tg.default_generator().get_state()) == str(before)
    assert tg.mps.current_allocated_memory() == tg.mps.driver_allocated_memory() == tg.mps.device_count() == 0
    assert tg.cuda.memory_stats() == {}
    assert not tg.cuda.is_bf16_supported()


IMPORTS = [
    "import tinygrad_cnn.backends.cudnn as cudnn; cudnn.benchmark = True",
    "from tinygrad_cnn.cuda.amp import GradScaler, autocast; autocast(); GradScaler()",
    "from tinygrad_cnn.amp import GradScaler, autocast; autocast('cpu')",
    "import tinygrad_cnn.cuda; tinygrad_cnn.cuda.amp.autocast",
    "import tinygrad_cnn as tg; tg.backends.cuda.matmul.allow_tf32 = True; tg.mps; tg.accelerator; tg.compile",
    "import tinygrad_cnn.backends.cuda; import tinygrad_cnn as tg; tg.cuda.is_available(); tg.backends.cuda.is_built()",
    "from tinygrad_cnn.nn.parallel import DataParallel",
]


def test_imports_of_scripts() -> None:
    subprocess.run([sys.executable, "-c", "\n".join(f"exec({lines!r}, {{}})" for lines in IMPORTS)], check=True)


def test_they_are_loaded_at_first_use() -> None:
    lines = "import sys, tinygrad_cnn; print([m for m in sys.modules if m.endswith(('.amp', '.cuda', '.backends'))])"
    assert subprocess.run([sys.executable, "-c", lines], check=True, capture_output=True, text=True).stdout == "[]\n"


# ----------------------------------------------------------------------------------------------------- mixed precision
def train(t: Any, mixed: bool) -> Any:
    """A few steps of a small net, as scripts with and without mixed precision take them."""
    model = t.nn.Linear(3, 2)
    for p in model.parameters():
        p.data.fill_(0.5)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1)
    scaler = t.amp.GradScaler("cuda", enabled=mixed)
    x = t.tensor(np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3))
    for _ in range(3):
        optimizer.zero_grad()
        with t.autocast(device_type="cuda", dtype=t.float16, enabled=mixed):
            loss = (model(x) ** 2).mean()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        t.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
    scaler.load_state_dict(scaler.state_dict())
    return (
        [p.detach().numpy() for p in model.parameters()],
        scaler.state_dict(),
        scaler.get_scale(),
        scaler.is_enabled(),
    )


def test_mixed_precision_changes_nothing() -> None:
    mixed, plain = train(tg, True), train(tg, False)
    for a, b in zip(mixed[0], plain[0], strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a < 0.5).any()  # it did step


def test_mixed_precision_passes_through(torch: Any) -> None:
    mixed, expected = train(tg, True), train(torch, False)
    for a, b in zip(mixed[0], expected[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    assert mixed[1:] == expected[1:] == ({}, 1.0, False)


def test_autocast_is_a_context_and_a_decorator() -> None:
    def double(x: float) -> float:
        return 2 * x

    assert tg.autocast("cpu")(double) is double
    assert tg.amp.autocast is tg.autocast
    with tg.cuda.amp.autocast(), tg.cuda.amp.autocast(enabled=False, dtype=tg.float16), tg.autocast("mps"):
        assert tg.ones(1).dtype == np.float32
    with pytest.raises(ValueError, match="device_type must be a string such as 'cpu', got bool"):
        tg.autocast(True)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="one of cpu, cuda, mps, xpu, got 'gpu'"):
        tg.autocast("gpu")


def test_a_scaler_keeps_what_it_was_told() -> None:
    scaler = tg.cuda.amp.GradScaler(init_scale=8.0, growth_factor=3.0, backoff_factor=0.25, growth_interval=5)
    told = scaler.get_growth_factor(), scaler.get_backoff_factor(), scaler.get_growth_interval()
    assert told == (3.0, 0.25, 5)
    scaler.update(4.0)
    scaler.load_state_dict({"scale": 65536.0})
    assert scaler.get_scale() == 1.0


# -------------------------------------------------------------------------------------------------------------- compile
def test_compile_takes_what_pytorchs_does() -> None:
    net = nn.Sequential(nn.Linear(1, 1))
    assert isinstance(tg.compile(net, mode="max-autotune", dynamic=False), nn.Sequential)
    assert tg.compile(net, mode="max-autotune", fullgraph=True, dynamic=False, backend="eager", disable=True) is net
    assert net.compile(mode="reduce-overhead") is None  # type: ignore[func-returns-value]

    @tg.compile
    def once(x: tg.Tensor) -> tg.Tensor:
        return x + 1

    @tg.compile(options={"a": 1})
    def twice(x: tg.Tensor) -> tg.Tensor:
        return x + 2

    assert (once(tg.tensor(1)).item(), twice(tg.tensor(1)).item()) == (2, 3)
    with pytest.raises(TypeError, match="a Module or a function, got int"):
        tg.compile(3)
    with pytest.raises(RuntimeError, match="mode or options"):
        tg.compile(net, mode="default", options={})


def test_data_parallel_runs_the_module() -> None:
    net = nn.DataParallel(nn.Linear(2, 1), device_ids=[0, 1])
    x = tg.ones(3, 2)
    np.testing.assert_array_equal(net(x).numpy(), net.module(x).numpy())
    assert list(net.state_dict()) == ["module.weight", "module.bias"]
    with pytest.raises(TypeError, match=r"takes an nn.Module, got int"):
        nn.DataParallel(3)  # type: ignore[arg-type]


def test_a_device_can_be_a_key() -> None:
    assert {Device("cpu"): 1}[tg.zeros(1).device] == 1
