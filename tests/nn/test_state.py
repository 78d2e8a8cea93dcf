"""Saving and loading a module: all of it or nothing, from whatever holds arrays, under all names that a tensor has."""

from __future__ import annotations

import copy
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn.state import Loading


class Shared(nn.Module):
    """A module in two places, a parameter of two layers, and both once more in plain containers."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)
        self.again = self.fc
        self.tied = nn.Linear(2, 2, bias=False)
        self.tied.weight = self.fc.weight
        self.norm = nn.BatchNorm1d(2)
        self.layers = [self.fc, self.norm]
        self.loose = [nn.Linear(2, 1)]
        self.weights = {"first": self.fc.weight, "own": nn.Parameter(tg.ones(1))}


NAMES = [
    *("weights.own", "fc.weight", "fc.bias", "again.weight", "again.bias", "tied.weight"),
    *("norm.weight", "norm.bias", "norm.running_mean", "norm.running_var", "norm.num_batches_tracked"),
    *("loose.0.weight", "loose.0.bias"),
]


def values(module: nn.Module) -> dict[str, Any]:
    return {k: v.numpy().copy() for k, v in module.state_dict().items()}


def unchanged(module: nn.Module, before: dict[str, Any]) -> None:
    for k, v in module.state_dict().items():
        np.testing.assert_array_equal(v.numpy(), before[k], err_msg=k)


def test_every_name_is_saved_and_each_loose_thing_once() -> None:
    module = Shared()
    assert list(module.state_dict()) == NAMES
    assert [k for k, _ in module.named_parameters()] == [
        *("weights.own", "fc.weight", "fc.bias", "norm.weight", "norm.bias", "loose.0.weight", "loose.0.bias")
    ]
    assert [k for k, _ in module.named_modules()] == ["", "fc", "tied", "norm", "loose.0"]
    assert module.load_state_dict(module.state_dict()) == ([], [])


def test_a_file_keeps_every_name(tmp_path: Path) -> None:
    a, b = Shared(), Shared()
    tg.save(a.state_dict(), tmp_path / "shared.safetensors")
    state = tg.load(tmp_path / "shared.safetensors")
    assert list(state) == NAMES
    assert str(b.load_state_dict(state)) == "<All keys matched successfully>"
    unchanged(b, values(a))
    assert b.again.weight is b.fc.weight is b.tied.weight


def test_pytorch_loads_what_we_save_and_we_what_it_does(torch: Any) -> None:
    def build(t: Any) -> Any:
        shared = t.nn.Linear(2, 2)
        net = t.nn.Sequential(OrderedDict(a=shared, b=t.nn.BatchNorm1d(2), c=shared, d=t.nn.Linear(2, 2)))
        net.d.weight = shared.weight
        return net

    ours, theirs = build(tg), build(torch)
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    x = np.random.default_rng(0).normal(size=(4, 2)).astype(np.float32)
    theirs(torch.tensor(x)).sum().backward()
    assert ours.load_state_dict(theirs.state_dict()) == ([], [])
    for k, v in theirs.state_dict().items():
        np.testing.assert_array_equal(ours.state_dict()[k].numpy(), v.numpy(), err_msg=k)
    with_grads = {k: v.requires_grad_() if v.is_floating_point() else v for k, v in theirs.state_dict().items()}
    assert ours.load_state_dict(with_grads) == ([], [])
    assert ours.load_state_dict(dict(theirs.named_parameters()), strict=False).unexpected_keys == []
    ours.eval(), theirs.eval()
    np.testing.assert_allclose(ours(tg.tensor(x)).numpy(), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-5)


def test_pytorchs_tensors_of_all_kinds(torch: Any) -> None:
    layer = nn.Linear(2, 2, bias=False)
    rows = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    for given_ in (rows, rows.double(), rows.half(), rows.bfloat16(), rows.long(), rows.T.contiguous().T, rows * 1):
        layer.weight.data.zero_()
        layer.load_state_dict({"weight": given_})
        np.testing.assert_array_equal(layer.weight.numpy(), rows.numpy())
    layer.load_state_dict({"weight": rows.t()})
    np.testing.assert_array_equal(layer.weight.numpy(), rows.numpy().T)
    layer.load_state_dict({"weight": rows.bfloat16()}, assign=True)
    assert layer.weight.dtype == np.float32
    assert layer.weight.requires_grad
    with pytest.raises(RuntimeError, match="weight: a Tensor holds real numbers, not dtype complex64"):
        layer.load_state_dict({"weight": rows.to(torch.complex64)})
    with pytest.raises(RuntimeError, match="weight: "):
        layer.load_state_dict({"weight": torch.nn.Parameter(rows).to_sparse()})


BAD_ENTRIES: list[tuple[Any, str]] = [
    ("text", "expected a Tensor or array, got str"),
    (None, "expected a Tensor or array, got NoneType"),
    ([1.0], "expected a Tensor or array, got list"),
    (np.zeros((7, 7)), "copying a param with shape (7, 7) from checkpoint, the shape in current model is "),
    (lambda shape: np.zeros(shape, object), "not dtype object"),
    (lambda shape: np.zeros(shape, complex), "not dtype complex128"),
    (lambda shape: np.full(shape, "a"), "not dtype <U1"),
]


@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize("strict", [False, True])
@given(data=st.data())
def test_all_or_nothing(assign: bool, strict: bool, data: st.DataObject) -> None:
    """Whichever entry is bad, the others are not loaded either, and all bad ones are named."""
    module = Shared()
    before = values(module)
    same = {id(v): v for v in [*module.parameters(), *module.buffers()]}
    state: dict[str, Any] = {k: v + 1 for k, v in before.items()}
    bad = data.draw(st.sets(st.sampled_from(NAMES), min_size=1, max_size=3))
    told = {}
    for name in sorted(bad):
        entry, text = data.draw(st.sampled_from(BAD_ENTRIES))
        state[name] = entry(before[name].shape) if callable(entry) else entry
        told[name] = text
    order = data.draw(st.permutations(NAMES))
    with pytest.raises(RuntimeError) as caught:
        module.load_state_dict({k: state[k] for k in order}, strict=strict, assign=assign)
    for name, text in told.items():
        line = next(line for line in str(caught.value).splitlines() if f"{name}:" in line)
        assert text in line
    unchanged(module, before)
    assert {id(v) for v in [*module.parameters(), *module.buffers()]} == set(same)


def test_a_tensor_of_another_library() -> None:
    """One that makes an array when it was detached, as PyTorch's that require grad, and has a dtype NumPy lacks."""

    class Foreign:
        def __init__(self, array: Any, dtype: str, free: bool) -> None:
            self.array, self.dtype, self.free = array, dtype, free

        def detach(self) -> Foreign:
            return Foreign(self.array, self.dtype, True)

        def cpu(self) -> Foreign:
            return self

        def float(self) -> Foreign:
            return Foreign(self.array, "foreign.float32", self.free)

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            if not self.free or self.dtype != "foreign.float32":
                raise RuntimeError("detach it, and make it float32")
            return np.array(self.array, dtype)

    layer = nn.Linear(2, 1, bias=False)
    layer.load_state_dict({"weight": Foreign([[3.0, 4.0]], "foreign.bfloat16", False)})
    assert layer.weight.tolist() == [[3, 4]]


def test_whole_numbers_stay_whole() -> None:
    norm = nn.BatchNorm1d(2)
    state = dict(norm.state_dict())
    for value in (2.5, np.nan, np.inf):
        with pytest.raises(RuntimeError, match="num_batches_tracked: the module holds whole numbers of dtype int64"):
            norm.load_state_dict({**state, "num_batches_tracked": np.array(value)})
    norm.load_state_dict({**state, "num_batches_tracked": np.array(3.0)})
    assert norm.num_batches_tracked is not None
    assert norm.num_batches_tracked.item() == 3


def test_memory_that_is_read_only() -> None:
    layer = nn.Linear(2, 2)
    fixed = np.ones((2, 2), np.float32)
    fixed.flags.writeable = False
    layer.weight = nn.Parameter(fixed)
    bias = layer.bias.numpy().copy()  # type: ignore[union-attr]
    state = {"bias": np.zeros(2), "weight": np.zeros((2, 2))}
    with pytest.raises(RuntimeError, match="weight: the module's memory is read-only; load with assign=True"):
        layer.load_state_dict(state)
    np.testing.assert_array_equal(layer.bias.numpy(), bias)  # type: ignore[union-attr]
    layer.load_state_dict(state, assign=True)
    assert layer.weight.numpy().sum() == 0
    assert fixed.sum() == 4


def test_a_hook_that_forgives_nothing_undoes_all() -> None:
    """Such hooks see the module loaded, and then it turns out that a name is missing after all."""
    module, seen = Shared(), []
    module.register_load_state_dict_post_hook(lambda m, _: seen.append(m.fc.bias.numpy().copy()))
    before = values(module)
    with pytest.raises(RuntimeError, match=r"Missing key\(s\).*fc.weight"):
        module.load_state_dict({"fc.bias": np.full(2, 9.0)})
    np.testing.assert_array_equal(seen, [[9.0, 9.0]])
    unchanged(module, before)
    with pytest.raises(RuntimeError, match="Missing"):
        module.load_state_dict({"fc.bias": np.full(2, 9.0)}, assign=True)
    unchanged(module, before)


def test_a_layer_may_plan_its_own_loading() -> None:
    """As one does whose shapes are not known before: it makes its parameter when, and only when, all is well."""

    class Late(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight: Any = None

        def _plan_loading(self, loading: Loading, prefix: str) -> None:
            key = f"{prefix}weight"
            if self.weight is None and key in loading.state:
                loading.known.add(key)
                array = np.asarray(loading.state[key])
                loading.write(lambda: setattr(self, "weight", nn.Parameter(array)))
            else:
                super()._plan_loading(loading, prefix)

    module = nn.Sequential(Late(), nn.Linear(2, 1))
    state = {"0.weight": np.ones((3, 2)), **module.state_dict()}
    with pytest.raises(RuntimeError, match="size mismatch"):
        module.load_state_dict({**state, "1.bias": np.ones(5)})
    assert module[0].weight is None
    assert module.load_state_dict(state) == ([], [])
    assert module[0].weight.shape == (3, 2)
    assert list(module.state_dict()) == ["0.weight", "1.weight", "1.bias"]


def test_what_a_state_is_not() -> None:
    with pytest.raises(TypeError, match="a mapping of names to tensors, got list"):
        nn.Linear(1, 1).load_state_dict([1])  # type: ignore[arg-type]

    class Half(nn.Module):
        def set_extra_state(self, state: Any) -> None:
            raise AssertionError(state)

        def get_extra_state(self) -> Any:
            return None

    with pytest.raises(RuntimeError, match=r'Missing key.*"_extra_state"'):
        Half().load_state_dict({})
    with pytest.raises(RuntimeError, match="no set_extra_state"):
        nn.ReLU().set_extra_state(1)
    with pytest.raises(TypeError, match="a hook is a function, got int"):
        nn.ReLU().register_forward_hook(3)  # type: ignore[arg-type]


def test_neighbours_in_a_plain_list_are_no_children() -> None:
    """A module that knows its parent or its sisters, in a list as PyTorch users hide them, does not own them."""
    parent = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    for child in parent:
        child.family = [parent, *parent]  # type: ignore[assignment]
    assert list(parent.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert [k for k, _ in parent.named_parameters()] == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert parent.eval() is parent
    assert not any(m.training for m in parent.modules())
    seen: list[Any] = []
    parent.apply(seen.append)
    assert seen == [parent[0], parent[1], parent]
    parent.load_state_dict(copy.deepcopy(parent).state_dict())


def test_a_list_that_holds_itself() -> None:
    module = nn.Linear(1, 1)
    module.ring = [3]  # type: ignore[assignment]
    module.ring.append(module.ring)  # type: ignore[union-attr, operator]
    assert len(list(module.parameters())) == 2
