"""What pages are given to show, beside what they were given before, in ``stored/pages/NAME.txt``: data, no scripts.

To record one anew, delete its file and run the test: it writes the file, and fails once.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from viz.following import nets
from viz.graph import zoo
from viz.training import runs

import tinygrad_cnn as tg
from tests.viz import recorded
from tinygrad_cnn import nn, viz
from tinygrad_cnn.train import Trainer
from tinygrad_cnn.viz.training import session

F = nn.functional
DATA = re.compile(r'<script type="application/json" id="(.*?)">(.*?)</script>', re.DOTALL)
OF_THE_MACHINE = {"images_per_s", "seconds", "idle", "share", "line", "file"}


def told(data: Any, path: str = "") -> Iterator[str]:
    """A line for each leaf, and one for each list of numbers."""
    if isinstance(data, dict) and set(data) >= {"type", "data"}:
        yield f"{path}: {data['type']} {_summary(np.frombuffer(base64.b64decode(data['data']), '<' + data['type']))}"
    elif isinstance(data, dict):
        for key, value in data.items():
            if key not in OF_THE_MACHINE:
                yield from told(value, f"{path}.{key}")
    elif isinstance(data, list) and data and all(_is_number(x) for x in data):
        yield f"{path}: {_summary(np.array(data, float)) if len(data) > 12 else [*map(_short, data)]}"
    elif isinstance(data, list) and not any(isinstance(x, (dict, list)) for x in data):
        yield f"{path}: {data}"
    elif isinstance(data, list) and data and all(_is_row(x) for x in data):
        yield f"{path}: {len(data)} of {[[*map(_short, row)] for row in data]}"
    elif isinstance(data, list):
        for k, value in enumerate(data):
            yield from told(value, f"{path}[{k}]")
    elif isinstance(data, str) and path.endswith((".data", ".image")) and ".settings" not in path:
        array = np.frombuffer(base64.b64decode(data), np.int8 if path.endswith(".data") else np.uint8)
        yield f"{path}: {array.size} bytes, about {np.abs(array.astype(float)).mean() + 1:.2g}"
    else:
        yield f"{path}: {_short(data)!r}"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_row(value: Any) -> bool:
    return isinstance(value, list) and 0 < len(value) <= 6 and all(x is None or _is_number(x) for x in value)


def _short(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _summary(array: Any) -> str:
    figures = array.min(), array.max(), array.mean(), array @ np.arange(array.size) / max(array.size, 1)
    return f"{array.size} numbers {' '.join(f'{float(x):.4g}' for x in figures)}"


def lines(page: Any) -> list[str]:
    title = re.findall("<title>(.*?)</title>", page.html)
    found = [f"{title} {page.height}"]
    for name, text in DATA.findall(page.html):
        found += told(json.loads(text), name) if "text" not in name else []
    return found


def seeded(make: Callable[[], Any]) -> Any:
    tg.manual_seed(11)
    return make()


class Kinds(nn.Module):
    """Whatever a page knows a way through, and what it does not."""

    def __init__(self) -> None:
        self.conv, self.up = nn.Conv2d(4, 4, 3, 2, 1, groups=2), nn.ConvTranspose2d(4, 3, 2, 2, output_padding=1)
        self.norm, self.group = nn.InstanceNorm2d(4, affine=True), nn.GroupNorm(1, 3)
        self.fc = nn.Linear(27, 2)

    def forward(self, x: Any) -> Any:
        x = F.relu(self.norm(self.conv(x))) + 0.5
        x = F.pad(self.group(self.up(x)), (1, 0, 0, 1), value=0.25).flip(2)
        x = F.max_pool2d(x, 3, 2, 1) * F.avg_pool2d(x, 2, 2, count_include_pad=False)
        x = tg.cat([x[:, :1].amax(1, keepdim=True), F.interpolate(x[:, 1:], size=4)], 1)[:, :, :3, 1:]
        x = x - x.mean((2, 3), keepdim=True)
        return self.fc(x.cumsum(1).abs().sqrt().flatten(1)).log_softmax(1)


class Norms(nn.Module):
    """Norms as functions: what dresses their input up is part of them."""

    def __init__(self) -> None:
        self.conv, self.scale = nn.Conv2d(2, 4, 3), nn.Parameter(tg.tensor([1.0, 2.0, 0.5, -1.0]))

    def forward(self, x: Any) -> Any:
        x = self.conv(x)
        one, two = F.group_norm(x, 2), F.group_norm(x, 4, self.scale, self.scale)
        three, four = F.instance_norm(x), F.layer_norm(x, (4, 3, 3))
        five = F.batch_norm(x, tg.zeros(4), tg.ones(4), self.scale)
        return tg.stack([one, two, three, four, five]).sum(0).mean((2, 3))


def trained(width: int, *between: Any) -> nn.Sequential:
    tg.manual_seed(width)
    convolution = nn.Conv2d(1, width, 3)
    return nn.Sequential(convolution, *between, nn.ReLU(), nn.Flatten(), nn.Linear(100 * width, 3, bias=width > 2))


HISTORIES = (
    {"loss": [1.0, 0.5, 0.2], "val_loss": [1.1, 0.7, 0.6], "val_accuracy": [0.4, 0.7, 0.8], "seconds": [1.0, 2.0, 1.5]},
    {"loss": [1.0, 0.6], "val_loss": [1.1, 0.9], "val_accuracy": [0.4, 0.75], "seconds": [3.0, 1.0], "lr": [0.1, 0.05]},
)


def compared() -> Any:
    models = trained(2), trained(3, nn.BatchNorm2d(3))
    return viz.compare(*models, runs.pictures(), histories=HISTORIES, names=("old", "new"), count=2, batch_size=20)


def nested() -> Any:
    tg.manual_seed(0)
    block = [nn.Sequential(nn.Linear(6, 6), nn.Tanh()) for _ in range(3)]
    one = nn.Sequential(nn.Linear(4, 6), *block, nn.Linear(6, 2))
    inner = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 6))
    other = nn.Sequential(nn.Linear(4, 6), block[0], inner, nn.GELU(), nn.Linear(6, 2))
    return viz.compare(one, other, input_data=tg.ones(3, 4), title="nests")


def live() -> Any:
    """Two epochs of a Trainer, every second step of which is looked at."""
    net, optimizer = runs.made()
    watched = viz.live(serve=False, labels=["up", "middle"], title="a run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "_APART", 0.0)
        patch.setattr(session, "SHARE", float("inf"))
        trainer = Trainer(net, optimizer, callbacks=[watched], progress=False)
        trainer.fit(runs.pictures(), 2, validation=0.25, batch_size=16)
    return watched.page()


def played() -> Any:
    tg.manual_seed(2)
    layers = [
        nn.Linear(2, 5),
        nn.LeakyReLU(0.2),
        nn.Linear(5, 4, bias=False),
        nn.GELU(),
        nn.Identity(),
        nn.Linear(4, 3),
    ]
    points = np.linspace(-3, 2, 12).reshape(6, 2)
    return viz.playground(
        nn.Sequential(*layers), points, [0, 1, 2, 0, 1, 2], test=(points[:2] * 3, [1, 0]), optimizer="SGD", title="mine"
    )


def stepped(net: nn.Module, batch: Any, loss: Any = F.cross_entropy, **options: Any) -> Any:
    optimizer = tg.optim.SGD(net.parameters(), lr=0.2, momentum=0.5)
    return viz.step_through(net, loss, batch, optimizer, **{"steps": 2, **options})


def small_steps() -> Any:
    tg.manual_seed(5)
    x, t = runs.pictures(24)
    net = nn.Sequential(nn.Conv2d(1, 2, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(50, 3))
    return stepped(net, [(x[:12], t[:12]), (x[12:], t[12:])], labels=["a", "b", "c"], steps=3)


def regression_steps() -> Any:
    tg.manual_seed(6)
    net = nn.Sequential(nn.Linear(2, 4, bias=False), nn.Tanh(), nn.Linear(4, 1))
    x = np.linspace(-1, 1, 10, dtype=np.float32).reshape(5, 2)
    return stepped(net, (x, x[:, :1] * 2), F.mse_loss, title="a line")


PAGES: dict[str, Callable[[], Any]] = {
    **{f"follow {name}": lambda name=name: viz.follow(*nets.made(name)) for name in nets.NETS},  # type: ignore[misc]
    "follow attention": lambda: viz.follow(*seeded(lambda: (zoo.Attention(), tg.randn(1, 3, 8)))),
    "follow words": lambda: viz.follow(*seeded(lambda: (zoo.Tied(), tg.tensor([[3, 1]]))), title="words"),
    "follow two inputs": lambda: viz.follow(*seeded(lambda: (zoo.Several(), (tg.randn(1, 5), tg.randn(1, 3))))),
    "follow all kinds": lambda: viz.follow(
        *seeded(lambda: (Kinds(), tg.randn(1, 4, 6, 6))), target=1, display_labels=["a", "b"]
    ),
    "follow norms": lambda: viz.follow(*seeded(lambda: (Norms(), tg.randn(1, 2, 5, 5)))),
    "compare": compared,
    "compare nests": nested,
    "compare runs": lambda: viz.compare(*HISTORIES),
    "steps": small_steps,
    "steps of a regression": regression_steps,
    "live": live,
    "playground": viz.playground,
    "playground of a model": played,
    "playground by SGD": lambda: viz.playground(seed=4, optimizer="SGD", momentum=0.5, weight_decay=0.01, batch_size=7),
}


@pytest.mark.parametrize("name", PAGES)
def test_it_is_given_what_it_was_given(name: str) -> None:
    recorded.compare(lines(PAGES[name]()), "pages", name)
