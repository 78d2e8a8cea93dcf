"""The two files: how they read, that they belong together, and what is said where no file can be made."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.standalone.layout import is_list
from tinygrad_cnn.standalone.writing import RULES


class LeNet(nn.Module):
    def __init__(self) -> None:
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 5), nn.Conv2d(4, 6, 5)
        self.fc = nn.Sequential(nn.Linear(96, 20), nn.ReLU(), nn.Linear(20, 10))

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        for conv in (self.conv1, self.conv2):
            x = F.max_pool2d(F.relu(conv(x)), 2)
        return self.fc(x.flatten(1))


class Block(nn.Module):
    def __init__(self) -> None:
        self.conv, self.norm = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)

    def forward(self, x: tg.Tensor) -> dict[str, tg.Tensor]:
        y = F.relu(self.norm(self.conv(x)) + x)
        return {"maps": y, "mean": y.mean((2, 3))}


def written(model: nn.Module, example: Any, path: Path) -> str:
    return tg.export_numpy(model, example, path).read_text(encoding="utf-8")


def body(text: str) -> list[str]:
    """The lines of predict below its docstring."""
    return [
        line.strip() for line in text.partition("def predict")[2].partition("def load")[0].split('"""')[2].splitlines()
    ]


def python(*arguments: Any, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **more)


def test_it_reads_as_the_net_reads(tmp_path: Path) -> None:
    text = written(LeNet(), tg.zeros(2, 1, 28, 28), tmp_path / "lenet.py")
    assert [line for line in body(text) if line] == [
        'x = given(x, "x", (None, 1, 28, 28), np.float32)',
        'x = conv2d(x, w["conv1.weight"], w["conv1.bias"])  # conv1: (N, 4, 24, 24)',
        "x = relu(x)  # (N, 4, 24, 24)",
        "x = max_pool2d(x, 2)  # (N, 4, 12, 12)",
        'x = conv2d(x, w["conv2.weight"], w["conv2.bias"])  # conv2: (N, 6, 8, 8)',
        "x = relu(x)  # (N, 6, 8, 8)",
        "x = max_pool2d(x, 2)  # (N, 6, 4, 4)",
        "x = x.reshape(-1, 96)  # (N, 96)",
        "# fc (Sequential)",
        'x = linear(x, w["fc.0.weight"], w["fc.0.bias"])  # 0: (N, 20)',
        "x = relu(x)  # 1: (N, 20)",
        'x = linear(x, w["fc.2.weight"], w["fc.2.bias"])  # 2: (N, 10)',
        "return x",
    ]
    functions = re.findall(r"^def (\w+)", text, re.MULTILINE)
    used = ["relu", "pair", "windows", "conv2d", "max_pool2d", "linear", "given", "product"]
    assert functions == ["predict", "load", *used]


def test_what_is_needed_twice_has_a_name_of_its_own(tmp_path: Path) -> None:
    text = written(Block(), tg.zeros(1, 4, 8, 8), tmp_path / "block.py")
    assert [line for line in body(text) if line] == [
        'x = given(x, "x", (None, 4, 8, 8), np.float32)',
        'y = conv2d(x, w["conv.weight"], padding=1)  # conv: (N, 4, 8, 8)',
        'y = batch_norm(y, **of("norm"))  # norm: (N, 4, 8, 8)',
        "x = y + x  # (N, 4, 8, 8)",
        "x = relu(x)  # (N, 4, 8, 8)",
        "y = x.mean((2, 3))  # (N, 4)",
        'return {"maps": x, "mean": y}',
    ]


def test_weights_bear_the_names_of_the_state_dict(tmp_path: Path) -> None:
    model = LeNet()
    written(model, tg.zeros(2, 1, 28, 28), tmp_path / "lenet.py")
    with np.load(tmp_path / "lenet.npz", allow_pickle=False) as file:
        assert set(file.files) == set(model.state_dict())
        for name, value in model.state_dict().items():
            np.testing.assert_array_equal(file[name], value.numpy())


def test_tied_weights_are_stored_once(tmp_path: Path) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            self.tokens, self.head = nn.Embedding(12, 6), nn.Linear(6, 12, bias=False)
            self.head.weight = self.tokens.weight

        def forward(self, ids: tg.Tensor) -> tg.Tensor:
            return self.head(self.tokens(ids))

    text = written(Tied(), tg.zeros(2, 3, dtype=tg.int64), tmp_path / "tied.py")
    assert body(text)[-3:] == ['x = linear(x, w["tokens.weight"])  # head: (N, 3, 12)', "", "return x"] or text
    with np.load(tmp_path / "tied.npz") as file:
        assert file.files == ["tokens.weight"]


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    model = LeNet()
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        tg.export_numpy(model, tg.zeros(2, 1, 28, 28), tmp_path / folder / "net.py")
    tg.export_numpy(model, tg.ones(3, 1, 28, 28), tmp_path / "b" / "net.py")  # another example, and once more
    for name in ("net.py", "net.npz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_nothing_is_changed_by_it(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5), nn.Flatten(), nn.Linear(72, 3))
    model[1].eval()
    model[0].weight.requires_grad_(False)
    state = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    random = tg.get_rng_state()
    tg.export_numpy(model, tg.randn(2, 1, 8, 8).detach(), tmp_path / "net.py")
    tg.set_rng_state(random)
    first = tg.rand(1)
    tg.set_rng_state(random)
    tg.export_numpy(model, tg.zeros(2, 1, 8, 8), tmp_path / "net.py")
    assert tg.rand(1) == first
    assert [module.training for module in model] == [True, False, True, True, True]
    assert not model[0].weight.requires_grad
    assert all(p.grad is None for p in model.parameters())
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), state[name])


def test_a_file_on_the_command_line(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
    written(model, tg.zeros(1, 4), tmp_path / "net.py")
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    np.save(tmp_path / "x.npy", x)
    done = python(tmp_path / "net.py", tmp_path / "x.npy")
    assert done.returncode == 0, done.stderr
    printed = np.array([float(number) for number in re.findall(r"[\d.e-]+", done.stdout)]).reshape(2, 3)
    np.testing.assert_allclose(printed, model(tg.tensor(x)).detach().numpy(), atol=1e-6)
    usage = python(tmp_path / "net.py")
    assert (usage.returncode, usage.stdout) == (1, "")
    assert "usage: python net.py x.npy" in usage.stderr
    np.save(tmp_path / "wrong.npy", np.zeros((2, 5)))
    for name, reason in (
        ("wrong", r"x must be float32 of shape \(N, 4\), got float64 of shape \(2, 5\)"),
        ("none", "No such"),
    ):
        wrong = python(tmp_path / "net.py", tmp_path / f"{name}.npy")
        assert wrong.returncode == 1
        assert re.search(reason, wrong.stderr)
        assert "Traceback" not in wrong.stderr


def test_inputs_of_another_kind_are_refused(tmp_path: Path) -> None:
    room: dict[str, Any] = {"__file__": str(tmp_path / "net.py"), "__name__": "net"}
    exec(written(nn.Embedding(5, 3), tg.zeros(2, 3, dtype=tg.int64), tmp_path / "net.py"), room)
    assert room["predict"]([[1, 2, 3]]).shape == (1, 3, 3)
    with pytest.raises(ValueError, match=r"x must be int64 of shape \(N, 3\), got float64 of shape \(1, 3\)"):
        room["predict"]([[1.5, 2, 3]])
    with pytest.raises(ValueError, match=r"got int64 of shape \(3,\)"):
        room["predict"]([1, 2, 3])


def test_foreign_weights_are_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        written(nn.Linear(4, 3), tg.zeros(1, 4), tmp_path / f"{name}.py")
    np.save(tmp_path / "x.npy", np.zeros((1, 4)))
    shutil.copy(tmp_path / "two.npz", tmp_path / "one.npz")
    done = python(tmp_path / "one.py", tmp_path / "x.npy")
    assert done.returncode == 1
    assert "is not the file that was written together with" in done.stderr
    content = bytearray((tmp_path / "two.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "two.npz").write_bytes(content)
    assert "is not the file" in python(tmp_path / "two.py", tmp_path / "x.npy").stderr


def test_all_that_has_no_words_is_listed(tmp_path: Path) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            self.inner = nn.Linear(3, 3)

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            y = tg.lgamma(self.inner(x).abs() + 1)
            return tg.digamma(y + 1)

    (tmp_path / "odd.py").write_text("old")
    with pytest.raises(NotImplementedError) as caught:
        tg.export_numpy(Odd(), tg.ones(2, 3), tmp_path / "odd.py")
    text = str(caught.value)
    assert "2 of the model's operations have no NumPy form" in text
    assert "lgamma in the model (Odd), test_files.py:" in text
    assert "y = tg.lgamma(self.inner(x).abs() + 1)" in text
    assert "return tg.digamma(y + 1)" in text
    assert (tmp_path / "odd.py").read_text() == "old"
    assert not (tmp_path / "odd.npz").exists()


def test_a_wrong_word_is_found_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("np.minimum({0}, 0)", "{0}[:1]", "{0}.astype(np.float64)"):
        monkeypatch.setitem(RULES, "relu", lambda p, wrong=wrong: wrong.format(p.given(0)))
        with pytest.raises(RuntimeError, match=r"another result than the model.*nothing was written"):
            tg.export_numpy(nn.ReLU(), tg.randn(3, 4), tmp_path / "net.py")
    assert list(tmp_path.iterdir()) == []


def test_a_long_list_has_each_entry_in_a_line_and_one_that_is_too_long_in_several(tmp_path: Path) -> None:
    short = nn.ModuleDict({"e": nn.LSTM(4, 3, 2)})
    long = nn.ModuleDict({"recurrent_encoder_of_words": nn.LSTM(4, 3, 2)})

    class Encoder(nn.Module):
        def __init__(self, parts: nn.ModuleDict) -> None:
            super().__init__()
            self.parts = parts

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            (layer,) = self.parts.values()
            return layer(x)[0]

    texts = [tg.export_numpy(Encoder(p), tg.zeros(5, 1, 4), tmp_path / "net.py").read_text() for p in (short, long)]
    parts = [f'w["parts.e.{name}_l1"]' for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    assert f"            ({', '.join(parts)}),\n        ],\n" in texts[0]
    (end,) = re.findall(r"            \(\n((?:.*_l1.*\n)+)            \),\n        \],\n", texts[1])
    assert [line.strip() for line in end.splitlines()] == [
        f'w["parts.recurrent_encoder_of_words.{name}_l1"],' for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    assert max(map(len, "".join(texts).splitlines())) <= 120


def test_the_door(tmp_path: Path) -> None:
    net, x = nn.Linear(4, 3), tg.zeros(1, 4)
    with pytest.raises(ValueError, match=r"must end in \.py, got '.*net\.txt'"):
        tg.export_numpy(net, x, tmp_path / "net.txt")
    with pytest.raises(ValueError, match="without quotes and backslashes"):
        tg.export_numpy(net, x, tmp_path / 'a"b.py')
    with pytest.raises(TypeError, match=r"model must be an nn\.Module, got function"):
        tg.export_numpy(F.relu, x, tmp_path / "net.py")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="example"):
        tg.export_numpy(net, None, tmp_path / "net.py")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        tg.export_numpy(net, x, tmp_path / "nowhere" / "net.py")
    assert list(tmp_path.iterdir()) == []


def test_names_that_mean_something_else(tmp_path: Path) -> None:
    class Net(nn.Module):
        def forward(self, w: tg.Tensor, relu: tg.Tensor, n: tg.Tensor, np: tg.Tensor) -> tg.Tensor:
            return (w.relu() + relu) * n - np.reshape(np.shape[0], 3)

    model = Net()
    inputs = tuple(tg.randn(2, 3) for _ in range(4))
    text = written(model, inputs, tmp_path / "net.py")
    assert "def predict(w_: Array, relu_: Array, n_: Array, np_: Array) -> Array:" in text


def test_a_fixed_batch_says_so(tmp_path: Path) -> None:
    class Loop(nn.Module):
        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return tg.stack([row * k for k, row in enumerate(x)])

    assert "a batch of any size, N." in written(nn.Linear(4, 3), tg.zeros(5, 4), tmp_path / "free.py")
    assert "It is for one batch size: " in written(Loop(), tg.zeros(5, 4), tmp_path / "loop.py")
    room: dict[str, Any] = {"__file__": str(tmp_path / "net.py"), "__name__": "net"}
    path = tg.export_numpy(nn.Linear(4, 3), tg.zeros(5, 4), tmp_path / "net.py", batch_dim=None)
    assert "arrays of these sizes and no others" in path.read_text()
    exec(path.read_text(), room)
    with pytest.raises(ValueError, match=r"x must be float32 of shape \(5, 4\)"):
        room["predict"](np.zeros((2, 4)))


def test_large_constants_are_kept_beside_the_weights(tmp_path: Path) -> None:
    table = tg.randn(7, 6)

    class Net(nn.Module):
        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return x @ table + tg.zeros(6) + 0.5

    text = written(Net(), tg.zeros(2, 7), tmp_path / "net.py")
    assert 'x = x @ w["constant_0"]  # (N, 6)' in text
    assert "x = x + 0.5  # (N, 6)" in text
    with np.load(tmp_path / "net.npz") as file:
        np.testing.assert_array_equal(file["constant_0"], table.numpy())


def test_a_linter_finds_nothing(tmp_path: Path) -> None:
    ruff = shutil.which("ruff") or str(Path(__file__).parents[2] / ".venv-lint" / "bin" / "ruff")
    if not Path(ruff).exists():
        pytest.skip("ruff is not installed")
    for k, (model, x) in enumerate(
        [
            (LeNet(), tg.zeros(1, 1, 28, 28)),
            (Block(), tg.zeros(1, 4, 8, 8)),
            (nn.LSTM(4, 3, 2, bidirectional=True), tg.zeros(5, 2, 4)),
            (nn.Sequential(nn.Linear(4, 3), nn.GELU(), nn.LayerNorm(3)), tg.zeros(1, 4)),
        ]
    ):
        tg.export_numpy(model, x, tmp_path / f"net{k}.py")
    settings = ["--isolated", "--no-cache", "--extend-select", "E501", "--line-length", "119"]
    done = subprocess.run([ruff, "check", *settings, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("text", "one"),
    [
        ("[a, b]", True),
        ("(a, (b, c))", True),
        ("(a,)", True),
        ("(a + b)", False),
        ("(a + b) * c[0]", False),
        ("[a][0]", False),
        ("(a, b) + (c, d)", False),
        ("f(a, b)", False),
        ("a", False),
    ],
)
def test_what_is_one_list(text: str, one: bool) -> None:
    assert is_list(text) == one


def test_a_weight_that_is_made_of_others_with_long_names_has_lines_of_its_own(tmp_path: Path) -> None:
    class Inner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.original_direction, self.original_length = (nn.Parameter(tg.randn(5, n)) for n in (6, 1))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parametrizations_of_the_weight = Inner()

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            inner = self.parametrizations_of_the_weight
            v = inner.original_direction
            return nn.functional.linear(x, (v / v.norm(dim=1, keepdim=True)) * inner.original_length)

    path = tg.export_numpy(Net(), tg.zeros(1, 6), tmp_path / "net.py")
    assert max(map(len, path.read_text().splitlines())) <= 119
