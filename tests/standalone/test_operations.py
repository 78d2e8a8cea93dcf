"""Every public function, as a model of its own: where it has words in NumPy, they say what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standalone import apart

import tinygrad_cnn as tg
from tests.ops.case import Case
from tests.ops.test_cases import CASES
from tinygrad_cnn import nn
from tinygrad_cnn.nn.summary import leaves_in
from tinygrad_cnn.programs import record
from tinygrad_cnn.standalone.writing import write


class Model(nn.Module):
    """A function of the arrays among its inputs."""

    def __init__(self, case: Case, inputs: list[Any], settings: dict[str, Any]) -> None:
        self.case, self.others, self.settings = case, list(inputs), settings

    def forward(self, *arrays: tg.Tensor) -> Any:
        rest = iter(arrays)
        inputs = [next(rest) if isinstance(x, np.ndarray) else x for x in self.others]
        return self.case.call(*inputs, **self.settings)


def here(model: nn.Module, arrays: list[Any]) -> list[Any]:
    """What the code of a model says, run in this process."""
    text = write(record(model, *map(tg.tensor, arrays), batch_dim=None), {}, set())
    room: dict[str, Any] = {"w": text.arrays}
    exec(compile("\n".join([HEAD, text.functions, text.predict]), "written.py", "exec", dont_inherit=True), room)
    y = room["predict"](*arrays)
    parts = list(y.values()) if isinstance(y, dict) else y if isinstance(y, tuple) else [y]
    return [np.asarray(part) for part in parts]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@settings(max_examples=8)
@given(data=st.data())
def test_words_say_what_the_function_says(case: Case, data: st.DataObject) -> None:
    inputs, kwargs = data.draw(case.draw)
    arrays = [x for x in inputs if isinstance(x, np.ndarray)]
    model = Model(case, inputs, kwargs)
    with np.errstate(all="ignore"):
        wanted = [np.array(x.numpy()) for x in leaves_in(model(*map(tg.tensor, arrays))) if isinstance(x, tg.Tensor)]
        found = here(model, arrays)
    for y, z in zip(found, wanted, strict=True):
        assert apart.furthest(y, z) < 1e-9
