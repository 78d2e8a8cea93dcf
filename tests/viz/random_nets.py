"""Random small nets, as users write them: functions beside modules, branches, shared layers, writes in place, parts
without gradients, several outputs, frozen parameters, numbers that are not finite.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F

Tensor = tg.Tensor
ROOM = 600  # numbers in one array: larger ones are averaged


class Signed(tg.autograd.Function):
    """A backward of the user's own."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * abs(x)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return g * 2 * abs(x)


class Gate(nn.Module):
    """Layers within, and functions between them."""

    def __init__(self, wide: int) -> None:
        super().__init__()
        self.fc, self.gate = nn.Linear(wide, 3), nn.Linear(wide, 3)

    def forward(self, x: Any) -> Any:
        return F.relu(self.fc(x)) * tg.sigmoid(self.gate(x))


class Both(nn.Module):
    """Gives two tensors."""

    def forward(self, x: Any) -> tuple[Any, Any]:
        return x.relu(), x - 1


class RandomNet(nn.Module):
    """Runs a program: ``steps`` of (what, which, which) on a growing list of tensors. ``which`` counts from the last.

    The layers are made in the first call, which the maker does.
    """

    def __init__(self, steps: list[tuple[str, int, int]], ends: str, x: Any) -> None:
        super().__init__()
        self.steps, self.ends = steps, ends
        self.layers = nn.ModuleDict({})
        self.kept = {"in a list": [], "never called": nn.Linear(2, 2)}
        self.building = True
        with tg.no_grad():
            self.forward(x)
        self.building = False

    def layer(self, key: str, make: Any) -> Any:
        if key not in self.layers:
            assert self.building, key
            self.layers[key] = make()
        return self.layers[key]

    def forward(self, x: Any) -> Any:
        if x.dtype.kind == "i":
            x = self.layer("tokens", lambda: nn.Embedding(7, 3))(x)  # (..., 3)
        made = [x]
        for k, (what, i, j) in enumerate(self.steps):
            a, b = made[-1 - i % len(made)], made[-1 - j % len(made)]
            y = getattr(self, "_" + what)(k, a, b)
            made += y if isinstance(y, tuple) else (y,)
            if made[-1].numel() > ROOM:
                made[-1] = made[-1].flatten(1).mean(1, keepdim=True)
        last = made[-1]
        if self.ends == "number":
            return last.sum()
        if self.ends == "tuple":
            return last, made[-2 % len(made)]
        if self.ends == "dict":
            return {
                "scores": last.reshape(len(last), -1) if last.ndim else last,
                "<b>rest</b>": [made[0], None],
                "n": 3,
            }
        return last.flatten(1) if last.ndim > 1 else last

    # ------------------------------------------------------------------------------------------------------- layers
    def _linear(self, k: int, a: Any, _b: Any) -> Any:
        wide = a.shape[-1] if a.ndim else 0
        return self.layer(f"fc{k}", lambda: nn.Linear(wide, 4))(a) if wide and a.ndim > 1 else a * 2

    def _shared(self, _k: int, a: Any, _b: Any) -> Any:
        wide = a.shape[-1] if a.ndim else 0
        return self.layer(f"shared{wide}", lambda: nn.Linear(wide, wide))(a) if wide and a.ndim > 1 else a + 1

    def _conv(self, k: int, a: Any, _b: Any) -> Any:
        if a.ndim != 4:
            return -a
        return self.layer(f"conv{k}", lambda: nn.Conv2d(a.shape[1], 3, 3, stride=1 + k % 2, padding=1))(a)

    def _up(self, k: int, a: Any, _b: Any) -> Any:
        if a.ndim != 4:
            return a - 0.5
        return self.layer(f"up{k}", lambda: nn.ConvTranspose2d(a.shape[1], 2, 2, stride=2))(a)

    def _norm(self, k: int, a: Any, _b: Any) -> Any:
        if a.ndim == 4:
            return self.layer(f"bn{k}", lambda: nn.BatchNorm2d(a.shape[1]))(a)
        return self.layer(f"ln{k}", lambda: nn.LayerNorm(a.shape[-1]))(a) if a.ndim > 1 else a.exp()

    def _gate(self, k: int, a: Any, _b: Any) -> Any:
        return self.layer(f"gate{k}", lambda: Gate(a.shape[-1]))(a) if a.ndim > 1 else a.sin()

    def _both(self, k: int, a: Any, _b: Any) -> Any:
        return self.layer(f"both{k}", Both)(a)

    def _relu(self, k: int, a: Any, _b: Any) -> Any:
        return self.layer(f"relu{k}", lambda: nn.ReLU(inplace=bool(k % 2)))(a * 1.0)

    def _dropped(self, k: int, a: Any, _b: Any) -> Any:
        return self.layer(f"drop{k}", lambda: nn.Dropout(0.3))(a)

    # ---------------------------------------------------------------------------------------------------- functions
    def _pool(self, k: int, a: Any, _b: Any) -> Any:
        if a.ndim != 4 or min(a.shape[2:]) < 2:
            return F.relu(a)
        return (F.max_pool2d, F.avg_pool2d)[k % 2](a, 2)

    def _relued(self, _k: int, a: Any, _b: Any) -> Any:
        return F.relu(a)

    def _curved(self, k: int, a: Any, _b: Any) -> Any:
        return (tg.tanh, F.gelu, F.silu, tg.sigmoid, F.softplus)[k % 5](a)

    def _soft(self, k: int, a: Any, _b: Any) -> Any:
        return (F.softmax, F.log_softmax)[k % 2](a, -1) if a.ndim else a.tanh()

    def _added(self, k: int, a: Any, b: Any) -> Any:
        if a.shape != b.shape:
            b = b.mean()
        return (a + b, a - b, a * b, a / (b * b + 1), tg.maximum(a, b))[k % 5]

    def _joined(self, _k: int, a: Any, b: Any) -> Any:
        return tg.cat([a, b, a], -1) if a.ndim and a.shape == b.shape else a * 0.5

    def _product(self, _k: int, a: Any, b: Any) -> Any:
        if a.ndim < 3 or a.shape != b.shape:
            return a**2
        return a @ b.transpose(-1, -2)

    def _turned(self, _k: int, a: Any, _b: Any) -> Any:
        return a.transpose(-1, -2).contiguous() if a.ndim > 2 else a.clone()

    def _flat(self, _k: int, a: Any, _b: Any) -> Any:
        return a.flatten(1) if a.ndim > 1 else a.reshape(-1)

    def _part(self, _k: int, a: Any, _b: Any) -> Any:
        return a[..., : max(1, a.shape[-1] // 2)] if a.ndim > 1 else a * 1

    def _picked(self, _k: int, a: Any, _b: Any) -> Any:
        return a[:, [0, -1]] if a.ndim > 1 else a

    def _split(self, _k: int, a: Any, _b: Any) -> Any:
        return tuple(a.chunk(2, -1)) if a.ndim > 1 and a.shape[-1] > 1 else (a, a + 1)

    def _reduced(self, k: int, a: Any, _b: Any) -> Any:
        if a.ndim < 2:
            return a.sum()
        return (a.mean(-1, keepdim=True), a.amax(-1, keepdim=True), a.max(-1)[0], a.sum(-1), a.var(-1, keepdim=True))[
            k % 5
        ]

    def _stepped(self, _k: int, a: Any, _b: Any) -> Any:
        h = a
        for _ in range(4):
            h = tg.tanh(h * 0.9 + a)
        return h

    def _sorted(self, _k: int, a: Any, _b: Any) -> Any:
        return tg.sort(a, -1)[0] if a.ndim else a

    def _running(self, _k: int, a: Any, _b: Any) -> Any:
        return tg.cumsum(a, -1) if a.ndim else a

    def _masked(self, _k: int, a: Any, _b: Any) -> Any:
        return a.masked_fill(a > 0.5, 0.25)

    def _chosen(self, _k: int, a: Any, b: Any) -> Any:
        return tg.where(a > 0, a, b if a.shape == b.shape else a * 0.1)

    def _padded(self, _k: int, a: Any, _b: Any) -> Any:
        return F.pad(a, (1, 0)) if a.ndim > 1 else a

    # ------------------------------------------------------------------------------------------ what is out of the way
    def _written(self, k: int, a: Any, _b: Any) -> Any:
        y = a * 1.5
        if k % 3 == 0:
            y.add_(1)
        elif k % 3 == 1 and y.ndim > 1 and len(y):
            y[:, 0] = 0.25
        else:
            y *= 2
        return y

    def _apart(self, _k: int, a: Any, b: Any) -> Any:
        with tg.no_grad():
            scale = a.mean() if a.numel() else a.sum()
        return b * scale

    def _cut(self, _k: int, a: Any, b: Any) -> Any:
        return a.detach() + (b if a.shape == b.shape else 1)

    def _as_number(self, _k: int, a: Any, b: Any) -> Any:
        return b * float(np.nan_to_num(a.detach().numpy().sum()))

    def _constant(self, _k: int, a: Any, _b: Any) -> Any:
        return a + tg.full(tuple(a.shape), 0.5).to(a.dtype)

    def _own(self, _k: int, a: Any, _b: Any) -> Any:
        return Signed.apply(a)

    def _endless(self, _k: int, a: Any, _b: Any) -> Any:
        return a / (a - a)


STEPS = [name[1:] for name in vars(RandomNet) if name.startswith("_") and not name.startswith("__")]
ENDS = ("scores", "number", "tuple", "dict")
INPUTS = {"points": (3,), "images": (2, 6, 6), "sequence": (4, 3), "tokens": (4,)}

programs = st.fixed_dictionaries(
    {
        "steps": st.lists(
            st.tuples(st.sampled_from(STEPS), st.sampled_from([0, 0, 0, 1, 2]), st.integers(0, 3)),
            min_size=1,
            max_size=9,
        ),
        "ends": st.sampled_from(ENDS),
        "kind": st.sampled_from(list(INPUTS)),
        "frozen": st.sampled_from(["none", "none", "all", "some"]),
        "double": st.booleans(),
        "training": st.booleans(),
        "nan": st.sampled_from([False, False, False, True]),
    }
)


def made(program: dict[str, Any], batch: int = 2) -> tuple[RandomNet, Any]:
    """(net, input) of a program, the same each time."""
    rng = np.random.default_rng(5)
    tg.manual_seed(5)
    shape = (batch, *INPUTS[program["kind"]])
    dtype = np.float64 if program["double"] else np.float32
    x: Any = rng.normal(size=shape).astype(dtype)
    if program["kind"] == "tokens":
        x = rng.integers(0, 7, shape)
    elif program["nan"] and x.size:
        x.reshape(-1)[0] = np.nan
    seen = tg.Tensor(np.nan_to_num(rng.normal(size=(2, *shape[1:]))).astype(np.float32) if x.dtype.kind == "f" else x)
    if not batch:
        seen = tg.Tensor(np.zeros((2, *shape[1:]), np.float32 if x.dtype.kind == "f" else x.dtype))
    net = RandomNet(program["steps"], program["ends"], seen)
    if program["double"]:
        net.double()
    net.train(program["training"])
    for k, p in enumerate(net.parameters()):
        if program["frozen"] == "all" or (program["frozen"] == "some" and k % 2 == 0):
            p.requires_grad_(False)
    return net, tg.Tensor(x)


def photograph(net: nn.Module) -> dict[str, Any]:
    """Everything of a net that looking at it must leave alone: bits, modes, hooks, gradients, random state."""
    state: dict[str, Any] = {}
    for name, t in (*net.named_parameters(), *net.named_buffers()):
        state[name] = (id(t), id(t._array), t.numpy().tobytes(), t.requires_grad, id(t.grad), t._node is None)
    for path, module in net.named_modules():
        state["module " + path] = (module.training, _hooks(module))
    tg_state = tg.get_rng_state()
    state["random"] = bytes(np.asarray(tg_state._array if isinstance(tg_state, tg.Tensor) else tg_state).tobytes())
    state["gradients"] = tg.is_grad_enabled()
    return state


def _hooks(module: nn.Module) -> dict[str, int]:
    return {k: len(v) for k, v in module.__dict__.items() if "hook" in k and hasattr(v, "__len__")}
