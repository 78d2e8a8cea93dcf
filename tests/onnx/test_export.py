"""The file that `tg.onnx.export` writes: names, what is in it, what is refused, and what is left alone then."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.onnx.nets import lenet
from tinygrad_cnn import nn

onnx = pytest.importorskip("onnx", reason="writes ONNX files: pip install 'tinygrad-cnn[onnx]'")


class Net(nn.Module):
    """A net with lines of the user's."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, image: Any) -> Any:
        return (self.fc(image) * 2).exp()


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    model = Net()
    assert tg.onnx.export(model, tg.randn(2, 3), path) is None
    content = onnx.load(path)
    assert [(n.op_type, n.name) for n in content.graph.node] == [("Gemm", "fc/Gemm"), ("Mul", "Mul"), ("Exp", "Exp")]
    assert content.graph.node[1].doc_string.startswith("test_export.py:")
    assert "* 2" in content.graph.node[1].doc_string
    assert {i.name for i in content.graph.initializer} == {"fc.weight", "fc.bias", "constant"}
    assert [i.name for i in content.graph.input] == ["image"]
    assert [o.name for o in content.graph.output] == ["output"]
    assert [d.dim_param or d.dim_value for d in content.graph.output[0].type.tensor_type.shape.dim] == ["N", 2]
    assert content.producer_name == "tinygrad_cnn"
    assert content.ir_version <= 10
    assert [o.version for o in content.opset_import] == [17]
    assert os.listdir(tmp_path) == ["net.onnx"]
    assert model.training


def test_names_given(tmp_path: Path) -> None:
    path = str(tmp_path / "net.onnx")
    tg.onnx.export(Net(), (tg.randn(2, 3),), path, input_names=["x"], output_names="y", opset=20)
    content = onnx.load(path)
    assert [i.name for i in content.graph.input] == ["x"]
    assert [o.name for o in content.graph.output] == ["y"]
    assert content.graph.node[-1].output == ["y"]
    tg.onnx.export(Net(), {"image": tg.randn(2, 3)}, path, batch_dim=None)
    assert onnx.load(path).graph.input[0].type.tensor_type.shape.dim[0].dim_value == 2


def test_names_that_are_taken(tmp_path: Path) -> None:
    class Takes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.x, self.output = nn.Parameter(tg.ones(3)), nn.Parameter(tg.ones(3))

        def forward(self, x: Any) -> Any:
            return x * self.x + self.output

    tg.onnx.export(Takes(), tg.randn(2, 3), tmp_path / "net.onnx")
    content = onnx.load(tmp_path / "net.onnx")
    assert {i.name for i in content.graph.initializer} == {"x_1", "output_1"}


def test_shared_weights_and_modules() -> None:
    from tinygrad_cnn.onnx.exporting import as_model

    relu = nn.ReLU()
    model = nn.Sequential(nn.Linear(3, 3), relu, nn.Linear(3, 3), relu)
    model[2].weight = model[0].weight
    content = as_model(model, tg.randn(2, 3))
    assert [n.name for n in content.graph.node] == ["0/Gemm", "1/Relu", "2/Gemm", "1/Relu_1"]
    assert [i.name for i in content.graph.initializer] == ["0.weight", "0.bias", "2.bias"]


def test_states_as_inputs(tmp_path: Path) -> None:
    """A pair of states, whose batch stands in another dimension than that of the sequences."""
    runtime = pytest.importorskip("onnxruntime")
    path = str(tmp_path / "lstm.onnx")
    model = nn.LSTM(3, 4, batch_first=True).eval()
    x, h, c = tg.randn(2, 5, 3), tg.randn(1, 2, 4), tg.randn(1, 2, 4)
    tg.onnx.export(model, (x, (h, c)), path, batch_dim=(0, 1, 1), output_names=["y", "h", "c"])
    session = runtime.InferenceSession(path)
    assert [i.name for i in session.get_inputs()] == ["input", "hx_0", "hx_1"]
    x, h, c = tg.randn(7, 5, 3), tg.randn(1, 7, 4), tg.randn(1, 7, 4)
    y, (hn, cn) = model(x, (h, c))
    found = session.run(None, {"input": x.numpy(), "hx_0": h.numpy(), "hx_1": c.numpy()})
    for a, b in zip(found, (y, hn, cn), strict=True):
        np.testing.assert_allclose(a, b.detach().numpy(), atol=1e-6)


def test_out_and_in_again(tmp_path: Path) -> None:
    model = lenet().eval()
    tg.onnx.export(model, tg.zeros(1, 1, 28, 28), tmp_path / "lenet.onnx")
    again = tg.onnx.load(tmp_path / "lenet.onnx")
    x = tg.randn(3, 1, 28, 28)
    np.testing.assert_allclose(again(x).detach().numpy(), model(x).detach().numpy(), atol=1e-6)


class Without(nn.Module):
    """Operations that ONNX lacks."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(Lgamma())

    def forward(self, x: Any) -> Any:
        y = self.inner(x)
        return tg.nextafter(y, x) + tg.lgamma(x)


class Lgamma(nn.Module):
    def forward(self, x: Any) -> Any:
        return tg.lgamma(x)


def test_operations_that_onnx_lacks_are_all_listed(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError) as raised:
        tg.onnx.export(Without(), tg.rand(2, 3) + 1, path)
    lines = str(raised.value).splitlines()
    assert len(lines) == 5
    assert lines[1].strip().startswith("lgamma in inner.0 (Lgamma), test_export.py:")
    assert lines[2].strip().startswith("nextafter in Without, test_export.py:")
    assert "return tg.nextafter(y, x)" in lines[2]
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["net.onnx"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"opset": 16}, "opset must be one of 17 to 21"),
        ({"opset": 17.0}, "opset"),
        ({"input_names": ["a", "b"]}, "input_names must hold 1 names"),
        ({"output_names": [""]}, "output_names must hold 1 names"),
        ({"batch_dim": 3}, "batch_dim"),
    ],
)
def test_arguments_that_do_not_fit(given: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        tg.onnx.export(Net(), tg.randn(2, 3), tmp_path / "net.onnx", **given)
    assert os.listdir(tmp_path) == []


def test_names_that_are_the_same(tmp_path: Path) -> None:
    model, x = nn.LSTM(3, 4), tg.randn(2, 5, 3)
    with pytest.raises(ValueError, match=r"output_names must differ from each other, got \['y', 'h', 'h'\]"):
        tg.onnx.export(model, x, tmp_path / "net.onnx", output_names=["y", "h", "h"])
    assert os.listdir(tmp_path) == []


def test_a_file_that_would_be_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"old")
    monkeypatch.setattr("tinygrad_cnn.onnx.exporting._LARGEST", 100)
    with pytest.raises(ValueError, match=r"the file would have \d+ bytes; ONNX files end at 2 GB"):
        tg.onnx.export(Net(), tg.randn(2, 3), path)
    assert path.read_bytes() == b"old"


def test_no_place_for_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        tg.onnx.export(Net(), tg.randn(2, 3), tmp_path / "none" / "net.onnx")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'tinygrad-cnn\[onnx\]'"):
        tg.onnx.export(Net(), tg.randn(2, 3), tmp_path / "net.onnx")
    importlib.import_module("tinygrad_cnn.onnx")  # the room itself needs it not


def test_a_package_that_lacks_something_says_what(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "onnx.py").write_text("import something_that_is_not_there")
    for name in [name for name in sys.modules if name.partition(".")[0] == "onnx"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="something_that_is_not_there"):
        tg.onnx.export(Net(), tg.randn(2, 3), tmp_path / "net.onnx")


def test_a_float64_net_says_what_onnxruntime_lacks(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"no float64 for AveragePool, Conv .*model\.float\(\)"):
        tg.onnx.export(lenet().double(), tg.zeros(1, 1, 28, 28).double(), tmp_path / "net.onnx")


def test_the_mode_and_the_buffers_are_as_before(tmp_path: Path) -> None:
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout())
    before = {name: np.array(value.numpy()) for name, value in model.state_dict().items()}
    tg.onnx.export(model, tg.randn(4, 3), tmp_path / "net.onnx")
    assert model.training
    assert model[1].training
    assert all((value.numpy() == before[name]).all() for name, value in model.state_dict().items())
