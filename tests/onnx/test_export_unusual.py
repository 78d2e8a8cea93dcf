"""Models that are written otherwise than most, as ONNX files."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.onnx.agreement import check
from tests.programs.unusual import CASES, Of, arguments
from tinygrad_cnn import nn

pytest.importorskip("onnxruntime", reason="runs ONNX files: pip install 'tinygrad-cnn[onnx]'")


@pytest.mark.parametrize("name", CASES)
def test_unusual(name: str) -> None:
    case = CASES[name]
    tg.manual_seed(0)
    sizes = (2, 5) if name == "by the batch's own mean" else (1, 7)
    inputs = map(tg.tensor, arguments(case))
    check(case.make(), *inputs, dims=case.dims, free=case.free, reference=case.reference, sizes=sizes)


def test_grid_sample_in_a_later_opset() -> None:
    for name in ("grid_sample", "grid_sample, bicubic"):
        check(CASES[name].make(), *map(tg.tensor, arguments(CASES[name])), reference=False, opset=20)


@pytest.mark.parametrize("layer", [nn.Embedding(5, 2, max_norm=1.0), nn.EmbeddingBag(5, 2, max_norm=1.0)])
def test_a_table_that_changes_as_it_is_read_is_refused(layer: nn.Module) -> None:
    before = layer.weight.numpy().copy()  # type: ignore[union-attr]
    with pytest.raises(RuntimeError, match=r"record: table \(Embedding.*max_norm.*renorm_\(norm_type, 0, max_norm\)"):
        tg.programs.record(Of(lambda m, x: m.table(x), table=layer), tg.tensor([[1, 2]]))
    np.testing.assert_array_equal(layer.weight.numpy(), before)  # type: ignore[union-attr]
    layer.weight.data.renorm_(2, 0, 1.0)  # type: ignore[union-attr]
    layer.max_norm = None  # type: ignore[assignment]
    check(layer, tg.tensor([[1, 2], [3, 4]]))
