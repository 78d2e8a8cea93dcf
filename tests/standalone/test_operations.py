"""Every public function, as a model of its own: where it has words in NumPy, they say what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from standalone import apart

import tinygrad_cnn as tg
from tests.ops.case import Case
from tests.ops.test_cases import CASES
from tinygrad_cnn import nn
from tinygrad_cnn.nn.summary import leaves_in
from tinygrad_cnn.programs import record
from tinygrad_cnn.standalone.exporting import HEAD
from tinygrad_cnn.standalone.writing import RULES, write

pytestmark = pytest.mark.filterwarnings("ignore::tinygrad_cnn.GuardRailWarning")  # random scores, for every loss

WITHOUT = {  # operations that have no words: of losses, numbers that NumPy has no function for, matrices
    "angle", "argwhere", "bessel", "beyond", "binary_cross_entropy", "cofactors", "complete",
    "coordinates", "cross_entropy", "drop", "eigh", "entr", "erfcx", "erfinv", "extreme", "fetch", "gcd", "huber",
    "identities", "isclose", "isreal", "lcm", "ldexp", "lgamma", "log_ndtr", "logabsdet", "logistic_loss", "mantissa",
    "median", "ndtr", "ndtri", "nextafter", "overlapped", "pick", "pinv", "polygamma", "put",
    "q", "r", "recurrence", "repeated_positions", "return", "self_log", "shift", "sign_of_det", "softmax_nll", "svd",
    "undiff", "xlog1py", "xlogy",
}  # fmt: skip


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
    found = apart.parts_of(room["predict"](*arrays))
    for y, z in zip(found, apart.with_the_packages_own(room, arrays), strict=True):
        np.testing.assert_array_equal(y, z)
    return found


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@settings(max_examples=2, phases=[Phase.generate])
@given(data=st.data())
def test_words_say_what_the_function_says(case: Case, data: st.DataObject) -> None:
    drawn, kwargs = data.draw(case.draw)
    inputs = [np.asarray(x) if isinstance(x, np.generic) else x for x in drawn]
    arrays = [x for x in inputs if isinstance(x, np.ndarray)]
    if not arrays:
        return
    model = Model(case, inputs, kwargs)
    with np.errstate(all="ignore"), tg.guard_rails(False):  # random numbers are no probabilities
        wanted = [np.array(x.numpy()) for x in leaves_in(model(*map(tg.tensor, arrays))) if isinstance(x, tg.Tensor)]
        try:
            found = here(model, arrays)
        except NotImplementedError as error:
            missing = {line.split()[0] for line in str(error).splitlines()[1:-1]}
            if missing <= WITHOUT:
                return
            raise
        except (RuntimeError, TypeError) as error:
            if str(error).startswith("record: "):  # it computes where no operation sees it
                return
            raise
    for y, z in zip(found, wanted, strict=True):
        assert apart.furthest(y, z) < 1e-9


def test_writes_into_parts(tmp_path: Any) -> None:
    """A program knows no writes: what was written into is a new array."""

    class Net(nn.Module):
        def forward(self, x: tg.Tensor) -> tg.Tensor:
            y = x.clone()
            y[:, 0] = 0
            y[:, 1:3] *= 2
            y.t()[0] += 5
            y[:, [0, 2]] = y[:, [1, 3]]
            y[1:, :2] = y[:-1, 2:]
            y[1, [0, 3]] = x[0, 1:3]
            y.view(-1, 2, 2)[:, 1].zero_()
            y[:2].fill_(3.0)
            return y + x

    x = np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32)
    path = tg.export_numpy(Net(), tg.tensor(x), tmp_path / "net.py", batch_dim=None)
    before = x.copy()
    apart.give(path, [[x]])
    apart.run([path])
    np.testing.assert_array_equal(apart.answers(path)[0][0], Net()(tg.tensor(x)).numpy())
    np.testing.assert_array_equal(here(Net(), [x])[0], Net()(tg.tensor(x)).numpy())
    np.testing.assert_array_equal(x, before)  # the caller's array


EVERY = slice(None)
INDICES = [
    *[(..., None, EVERY), (..., 0, EVERY), (..., EVERY, None), (None, ..., 1), (EVERY, EVERY), (0, slice(1, None))],
    *[(..., EVERY), (1, ..., slice(3)), 1, (EVERY, 1), (slice(0, 2, 2), EVERY, slice(1, 4, 2))],
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indices_mean_what_they_meant(index: Any) -> None:
    class Net(nn.Module):
        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return x[index]

    x = np.arange(24.0).reshape(2, 3, 4)
    assert apart.furthest(here(Net(), [x])[0], x[index]) == 0


def test_what_has_no_words_is_known() -> None:
    assert not WITHOUT & set(RULES)
