"""Arrays that share their memory are stored once, and share it when they come back."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.io import load, save
from tinygrad_cnn.tensors import Tensor


def through(state: Any) -> tuple[Any, dict[str, Any]]:
    """What comes back, and the arrays in the file."""
    file = io.BytesIO()
    save(state, file)
    return load(io.BytesIO(file.getvalue())), safetensors.numpy.load(file.getvalue())


def base() -> np.ndarray:
    return np.arange(24, dtype=np.float32).reshape(2, 3, 4)


VIEWS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "itself": lambda a: a,
    "a view of the same form": lambda a: a[:],
    "flat": lambda a: a.reshape(-1),
    "transposed": lambda a: a.T,
    "rotated": lambda a: a.transpose(2, 0, 1),
    "channels last": lambda a: a.transpose(0, 2, 1),
    "reshaped and transposed": lambda a: a.reshape(6, 4).T,
    "with axes of 1": lambda a: a.reshape(1, 4, 1, 6, 1).transpose(4, 3, 0, 1, 2),
}
PARTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "a row": lambda a: a[1],
    "the first element": lambda a: a[:1, :1, :1],
    "every other": lambda a: a[:, :, ::2],
    "backwards": lambda a: a[::-1],
    "repeated": lambda a: np.broadcast_to(a[:1], a.shape),
    "other numbers": lambda a: a.view(np.int32),
    "a copy": lambda a: a.copy(),
    "a copy in another order": lambda a: a.copy("F"),
}


@pytest.mark.parametrize("first", VIEWS)
@pytest.mark.parametrize("second", VIEWS)
def test_views_of_the_whole_are_stored_once(first: str, second: str) -> None:
    array = base()
    one, two = VIEWS[first](array), VIEWS[second](array)
    back, stored = through({"one": Tensor(one), "deep": [{"two": Tensor(two)}]})
    if one.flags.c_contiguous or two.flags.c_contiguous or (one.shape, one.strides) == (two.shape, two.strides):
        assert len(stored) == 1
        assert np.shares_memory(back["one"].numpy(), back["deep"][0]["two"].numpy())
    np.testing.assert_array_equal(back["one"].numpy(), one)
    np.testing.assert_array_equal(back["deep"][0]["two"].numpy(), two)
    back["one"].numpy()[...] *= 2
    if len(stored) == 1:
        np.testing.assert_array_equal(back["deep"][0]["two"].numpy(), two * 2)


@pytest.mark.parametrize("part", PARTS)
def test_views_of_a_part_become_copies(part: str) -> None:
    array = base()
    back, stored = through({"whole": array, "part": PARTS[part](array)})
    np.testing.assert_array_equal(back["whole"], array)
    np.testing.assert_array_equal(back["part"], PARTS[part](array))
    assert len(stored) == 2
    assert not np.shares_memory(back["whole"], back["part"])
    same = PARTS[part](array)
    back, stored = through([same, same])
    assert len(stored) == 1  # one part under two names is one array all the same
    assert np.shares_memory(*back)


def test_parts_that_begin_in_one_place_with_as_many_elements() -> None:
    array = np.arange(24, dtype=np.float32)
    parts = [array[:12], array[::2], array.reshape(6, 4)[:, :2], array.reshape(2, 12)[:, :6], array[:12].reshape(3, 4)]
    back, stored = through(parts)
    assert len(stored) == 4  # the first and the last fill the same memory
    for old, new in zip(parts, back, strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_file_holds_the_array_as_other_readers_want_it() -> None:
    """Under the name and in the form of the one that lies in order, wherever that comes."""
    array = base()
    _, stored = through({"decoder": Tensor(array.T), "encoder": Tensor(array), "third": array.ravel()})
    assert stored.keys() == {"encoder"}
    np.testing.assert_array_equal(stored["encoder"], array)


def test_empty_arrays_and_numbers() -> None:
    a, b = np.empty((0, 3)), np.empty((0, 3))
    back, stored = through({"a": a, "b": b, "c": np.array(1.0), "d": np.array(1.0)})
    assert len(stored) == 4
    assert back["a"].shape == (0, 3)


def test_arrays_made_while_saving_are_not_taken_for_one_another() -> None:
    class Fresh(dict):  # type: ignore[type-arg]
        def items(self) -> Any:
            for number in range(20):
                yield str(number), np.full(1000, number)  # gone, but for what the save keeps

    back, stored = through(Fresh())
    assert len(stored) == 20
    assert all((back[str(number)] == number).all() for number in range(20))


@given(st.data())
def test_any_views_of_any_arrays(data: st.DataObject) -> None:
    arrays = [np.random.default_rng(i).normal(size=(2, 3, 4)) for i in range(2)]
    state = []
    for _ in range(data.draw(st.integers(1, 5))):
        array = arrays[data.draw(st.integers(0, 1))]
        views = {**VIEWS, **PARTS}
        view = views[data.draw(st.sampled_from(sorted(views.keys() - {"other numbers"})))](array)
        state.append(Tensor(view) if data.draw(st.booleans()) else view)
    back, stored = through(state)
    assert len(stored) <= len(state)
    for old, new in zip(state, back, strict=True):
        assert type(old) is type(new)
        np.testing.assert_array_equal(np.asarray(old), np.asarray(new))


class Tied(nn.Module):
    """A language model whose output layer has the weight of its embedding."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        tg.manual_seed(seed)
        self.embed = nn.Embedding(7, 5)
        self.out = nn.Linear(5, 7, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, x: Any) -> Any:
        return self.out(self.embed(x))


class TestTiedModules:
    def test_a_tied_module_is_saved_once_and_loaded(self, tmp_path: Path) -> None:
        net, other, untied = Tied(0), Tied(1), Tied(2)
        untied.out.weight = nn.Parameter(Tensor(np.zeros((7, 5), np.float32)))
        save(net.state_dict(), tmp_path / "m")
        assert set(safetensors.numpy.load_file(tmp_path / "m")) == {"embed.weight"}
        state = load(tmp_path / "m")
        assert list(state) == ["embed.weight", "out.weight"]
        assert np.shares_memory(state["embed.weight"].numpy(), state["out.weight"].numpy())
        x = tg.tensor([1, 2, 6])
        for model in (other, untied):
            model.load_state_dict(state)
            np.testing.assert_array_equal(model(x).numpy(), net(x).numpy())
        assert other.out.weight is other.embed.weight
        assert untied.out.weight is not untied.embed.weight
        assert not np.shares_memory(untied.out.weight.numpy(), untied.embed.weight.numpy())
        assert not np.shares_memory(other.out.weight.numpy(), state["out.weight"].numpy())

    def test_training_goes_on_as_if_nothing_had_been(self, tmp_path: Path) -> None:
        """With an optimizer's state: each array of the loaded one is its own, and none is the model's."""

        def step(net: Tied, optimizer: Any) -> None:
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(tg.tensor([1, 2, 3])), tg.tensor([2, 3, 4])).backward()
            optimizer.step()

        net, other = Tied(0), Tied(1)
        first, second = (tg.optim.Adam(model.parameters(), lr=0.1) for model in (net, other))
        step(net, first)
        save({"model": net.state_dict(), "optimizer": first.state_dict()}, tmp_path / "m")
        state = load(tmp_path / "m")
        other.load_state_dict(state["model"])
        second.load_state_dict(state["optimizer"])
        for _ in range(3):
            step(net, first)
            step(other, second)
        np.testing.assert_array_equal(net.embed.weight.numpy(), other.embed.weight.numpy())


OLD = (  # written before arrays were tied and files marked: format 1
    "*Z}|l00000dm>+7ZDn*}WMOn+Utc0Rdm?mcZh2>NVPs!pZf+tvB70mSb7)~QH8xx#I$R<(V=`nnGB-3eF=b<9F*h<}H)LitG-5b4H#j$9HZ)~oV>B~jWn?rsVP"
    "rC8W-wu5F=jb3FlJ*jVP-I7FgY|_A}m}YW^ZzBVRT#~I$R=jX>NIEa$#g&V{UFBV`yb#YjAIAZge0qTp}!7B6D<MbY)y3I(u9qZEs{{Y+NEbdt4%STp~JqTp}cN"
    "Wo~nCa$F)hTq136WMynFcU&TUEL<X7Ty-!oWjS0TI(u9qBy?qNb8m87B05|mZEs{{Y%W|}buchxIb0%reJoreWpHm}Xj~#XGb~&pVr6r5Tp~JqTp}c9Y;R$7Tp~J"
    "LB57`BTq1oeTq15<B076qA|zyKV{}|1I$K*YEPGrcBy@FfY-L;`I$JU>HC=sOU44ChB7H0(ZEs{{Y%X^qI(s5yba`-PB03^QGcqD9B6DbAaAhJoTQV#%T`VGGVR"
    "T_%Z)Rq5Wpr~QI$JO-F*aR&EFx`hWMynF!>J-Vdm?0Xd2nSSIwD3fHX<w{b7*03Wg<FTF<mSoWMOn+UvFk+b7gdMB05_!HY_nXU44BZARr(h00000004kL0000$0"
    "02Nh06Y"
)


def test_files_of_the_first_format_are_still_read() -> None:
    content = base64.b85decode(OLD)
    state = load(io.BytesIO(content))
    assert state["model"]["w"].numpy().tolist() == [[0, 1], [2, 3]]
    assert state["model"]["\u00e9"].dtype == np.float16
    assert {name: state[name] for name in ("epoch", "best", "n")} == {
        "epoch": 3,
        "best": float("inf"),
        "n": {1: (2.5,)},
    }
    for at in range(len(content)):
        damaged = bytearray(content)
        damaged[at] ^= 4
        with pytest.raises(ValueError, match="is damaged"):
            load(io.BytesIO(damaged))
