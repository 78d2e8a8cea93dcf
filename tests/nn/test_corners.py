"""Corners of modules: what hooks may return, what a state may hold, and what is asked for a device that is not here."""

from __future__ import annotations

import copy
import warnings
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.nn.module import IncompatibleKeys

X = tg.ones(2, 3)


# ---------------------------------------------------------------------------------------------------------------- hooks
class Two(nn.Module):
    """Two inputs, two outputs."""

    def forward(self, a: Any, b: Any) -> Any:
        return a * 2, b * 3


def leaves() -> tuple[Any, Any]:
    return tg.ones(2, requires_grad=True), tg.ones(3, requires_grad=True)


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ((tg.ones(2),), "must return None or a tuple of 2 grad_input, got 1 of them"),
        ((tg.ones(2),) * 3, "tuple of 2 grad_input, got 3 of them"),
        (tg.ones(2), "tuple of 2 grad_input, got a Tensor"),
        ("ab", "tuple of 2 grad_input, got a str"),
        ((tg.ones(2), 3.0), "must return Tensors or None in its tuple of grad_input, got float"),
        ((tg.ones(3), tg.ones(3)), r"returned a grad_input of shape \(3,\) for one of shape \(2,\)"),
    ],
)
def test_what_a_backward_hook_may_not_return(returned: Any, words: str) -> None:
    layer = Two()
    layer.register_full_backward_hook(lambda *_: returned)
    a, b = leaves()
    y, z = layer(a, b)
    with pytest.raises(RuntimeError, match=f"a full backward hook {words}|{words}"):
        (y.sum() + z.sum()).backward()
    assert a.grad is b.grad is None
    layer = Two()
    layer.register_full_backward_pre_hook(lambda *_: returned)
    y, z = layer(*leaves())
    with pytest.raises(RuntimeError, match=words.replace("grad_input", "grad_output")):
        (y.sum() + z.sum()).backward()


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (None, (2, 3)),
        ((tg.full((2,), 5.0), tg.full((3,), 7.0)), (5, 7)),
        ([tg.full((2,), 5.0), tg.full((3,), 7.0)], (5, 7)),
        ((tg.full((2,), 5.0), None), (5, None)),
    ],
)
def test_what_goes_on_behind_a_backward_hook(returned: Any, expected: tuple[Any, ...]) -> None:
    layer = Two()
    layer.register_full_backward_hook(lambda *_: returned)
    a, b = leaves()
    y, z = layer(a, b)
    (y.sum() + z.sum()).backward()
    assert a.grad.tolist() == [expected[0]] * 2
    assert b.grad is None or b.grad.tolist() == [expected[1] or 0] * 3
    before = Two()
    before.register_full_backward_pre_hook(lambda *_: returned)
    a, b = leaves()
    y, z = before(a, b)
    (y.sum() + z.sum()).backward()
    gone = (1, 1) if returned is None else expected
    assert a.grad.tolist() == [2 * gone[0]] * 2
    assert (0 if b.grad is None else b.grad.sum().item()) == 9 * (gone[1] or 0)


def test_one_tensor_stands_for_a_tuple_of_one() -> None:
    layer = nn.Identity()
    layer.register_full_backward_hook(lambda *_: tg.full((2,), 5.0))
    a, _ = leaves()
    layer(a).sum().backward()
    assert a.grad.tolist() == [5, 5]


def test_a_hook_of_a_module_whose_inputs_want_no_gradient() -> None:
    layer, seen = nn.Linear(3, 1), []
    handle = layer.register_full_backward_hook(lambda _m, gi, go: seen.append((gi, go[0].tolist())))
    layer(X).sum().backward()
    assert seen == [((None,), [[1], [1]])]
    handle.remove()
    for returned, fine in (((None,), True), ((X,), False)):
        handle = layer.register_full_backward_hook(lambda *_, returned=returned: returned)
        y = layer(X).sum()
        if fine:
            y.backward()
        else:
            with pytest.raises(RuntimeError, match="hook of Linear returned a gradient, but no input"):
                y.backward()
        handle.remove()


def test_the_order_of_hooks() -> None:
    seen: list[str] = []

    def note(name: str) -> Callable[..., None]:
        return lambda *_: seen.append(name)

    layer = nn.Identity()
    for register in (
        *(layer.register_forward_pre_hook, layer.register_forward_hook),
        *(layer.register_full_backward_pre_hook, layer.register_full_backward_hook),
    ):
        kind = register.__name__.removeprefix("register_")
        register(note(f"{kind} 1"))
        register(note(f"{kind} 2"))
        register(note(f"{kind} 0"), prepend=True)
    layer(tg.ones(1, requires_grad=True)).backward()
    kinds = ("forward_pre_hook", "forward_hook", "full_backward_pre_hook", "full_backward_hook")
    assert seen == [f"{kind} {k}" for kind in kinds for k in range(3)]
    with pytest.raises(TypeError, match="a hook is a function, got int"):
        layer.register_forward_hook(3)  # type: ignore[arg-type]


def test_hooks_with_keywords() -> None:
    class Scaled(nn.Module):
        def forward(self, x: Any, by: float = 1.0) -> Any:
            return x * by

    layer, seen = Scaled(), []
    layer.register_forward_hook(lambda _m, a, k, y: seen.append((len(a), k, y.item())), with_kwargs=True)
    handle = layer.register_forward_pre_hook(lambda _m, a, k: (a, {**k, "by": 5.0}), with_kwargs=True)
    assert layer(tg.ones(1), by=2.0).item() == 5
    assert seen == [(1, {"by": 5.0}, 5)]
    handle.remove()
    handle = layer.register_forward_pre_hook(lambda *_: None, with_kwargs=True)
    assert layer(tg.ones(1), by=2.0).item() == 2
    handle.remove()
    for returned in ((1, 2, 3), [(), {}], 3):
        handle = layer.register_forward_pre_hook(lambda *_, r=returned: r, with_kwargs=True)
        with pytest.raises(RuntimeError, match=r"must return None or a tuple of \(args, kwargs\), got"):
            layer(tg.ones(1))
        handle.remove()
    layer.register_forward_hook(lambda _m, _a, y: y + 10)
    layer.register_forward_hook(lambda _m, _a, y: y * 2)
    assert layer(tg.ones(1)).item() == 22


def test_hooks_that_are_always_called() -> None:
    class Broken(nn.Module):
        def forward(self, x: Any) -> Any:
            raise KeyError(x)

    layer, seen = Broken(), []
    layer.register_forward_hook(lambda _m, _a, y: seen.append(("never", y)))
    layer.register_forward_hook(lambda _m, _a, y: seen.append(("always", y)), always_call=True)
    layer.register_forward_hook(lambda *_: 1 / 0, always_call=True)
    layer.register_forward_hook(lambda _m, _a, y: seen.append(("after", y)), always_call=True)
    with warnings.catch_warnings(record=True, action="always") as caught, pytest.raises(KeyError):
        layer(3)
    assert seen == [("always", None), ("after", None)]
    assert [str(w.message) for w in caught] == ["a forward hook with always_call=True failed as well: division by zero"]
    fine, seen = nn.Identity(), []
    fine.register_forward_hook(lambda _m, _a, _y: seen.append("first"), always_call=True)
    fine.register_forward_hook(lambda *_: 1 / 0)
    fine.register_forward_hook(lambda _m, _a, _y: seen.append("third"), always_call=True)
    with pytest.raises(ZeroDivisionError):
        fine(X)
    assert seen == ["first", "third"]  # each once


def test_outputs_of_every_form_pass_a_gate() -> None:
    Pair = namedtuple("Pair", "y n")

    class Formed(nn.Module):
        def __init__(self, form: Callable[[Any], Any]) -> None:
            self.form = form

        def forward(self, x: Any) -> Any:
            return self.form(x * 2)

    for form, read in (
        (lambda y: y, lambda r: r),
        (lambda y: (y,), lambda r: r[0]),
        (lambda y: Pair(y, 3), lambda r: r.y),
        (lambda y: (None, y, "x"), lambda r: r[1]),
    ):
        layer, seen = Formed(form), []
        layer.register_full_backward_hook(lambda _m, gi, go, seen=seen: seen.append((gi, go)))
        a, _ = leaves()
        result = layer(a)
        assert type(result) is type(form(a))
        read(result).sum().backward()
        ((gi, go),) = seen
        assert gi[0].tolist() == [2, 2]
        assert [g if g is None else g.tolist() for g in go if g is not None] == [[1, 1]]
        assert len(go) == (len(result) if isinstance(result, tuple) else 1)


# ---------------------------------------------------------------------------------------------------------------- state
def test_what_was_found_is_told() -> None:
    assert repr(IncompatibleKeys([], [])) == "<All keys matched successfully>"
    assert repr(IncompatibleKeys(["a"], [])) == "IncompatibleKeys(missing_keys=['a'], unexpected_keys=[])"
    assert repr(IncompatibleKeys([], ["b"])) == "IncompatibleKeys(missing_keys=[], unexpected_keys=['b'])"


def test_batches_were_not_always_counted() -> None:
    """A state without versions is an old one, in which nothing counted batches; a newer one has to have the count."""
    for prefix, module in (("", nn.BatchNorm1d(2)), ("0.", nn.Sequential(nn.BatchNorm1d(2)))):
        state = module.state_dict()
        norm = module if not prefix else module[0]  # type: ignore[index]
        norm.num_batches_tracked.fill_(7)
        key = f"{prefix}num_batches_tracked"
        older = {k: v for k, v in state.items() if k != key}
        module.load_state_dict(older)
        assert norm.num_batches_tracked.item() == 7
        newer = OrderedDict(older)
        newer._metadata = state._metadata  # type: ignore[attr-defined]
        with pytest.raises(RuntimeError, match=rf'Missing key\(s\) in state_dict: "{key}"'):
            module.load_state_dict(newer)
        newer._metadata = {path: {**local, "version": 1} for path, local in state._metadata.items()}  # type: ignore[attr-defined]
        module.load_state_dict(newer)


def test_hooks_of_loading_hear_of_their_own_module() -> None:
    class Newer(nn.Linear):
        _version = 5

    net, heard = nn.Sequential(nn.Linear(1, 1), nn.Sequential(Newer(1, 1))), []
    for module in net.modules():
        module.register_load_state_dict_pre_hook(lambda m, _s, p, local, *_: heard.append((type(m), p, dict(local))))
    net.load_state_dict(net.state_dict())
    Seq = nn.Sequential
    expected = [(Seq, "", 1), (nn.Linear, "0.", 1), (Seq, "1.", 1), (Newer, "1.0.", 5)]
    assert heard == [(kind, prefix, {"version": version}) for kind, prefix, version in expected]
    heard.clear()
    net.load_state_dict(dict(net.state_dict()))
    assert {str(local) for _, _, local in heard} == {"{}"}


@pytest.mark.parametrize(
    ("value", "assign", "words"),
    [
        (np.ones((2, 3), np.complex64), False, "a Tensor holds real numbers, not dtype complex64"),
        (np.ones((2, 3), int), True, "a parameter that requires grad is floating point, the state has dtype int64"),
        (np.ones((3, 2)), False, r"size mismatch for weight: copying a param with shape \(3, 2\)"),
        ([1.0, 2.0], False, "weight: expected a Tensor or array, got list"),
    ],
)
def test_values_that_do_not_fit(value: Any, assign: bool, words: str) -> None:
    layer = nn.Linear(3, 2, bias=False)
    before = layer.weight.numpy().copy()
    with pytest.raises(RuntimeError, match=words):
        layer.load_state_dict({"weight": value}, assign=assign)
    np.testing.assert_array_equal(layer.weight.numpy(), before)


def test_values_that_fit_in_spite_of_their_form() -> None:
    layer = nn.Linear(3, 2, bias=False)
    layer.load_state_dict({"weight": np.full((2, 3), 4)})
    assert layer.weight.dtype == np.float32
    layer.requires_grad_(False)
    layer.load_state_dict({"weight": tg.full((2, 3), 5)}, assign=True)
    assert (layer.weight.dtype, layer.weight.requires_grad) == (np.int64, False)
    given = nn.Parameter(np.ones((2, 3), np.float32))
    layer.load_state_dict({"weight": given}, assign=True)
    assert layer.weight is given
    assert not given.requires_grad  # as that whose place it takes
    norm = nn.BatchNorm1d(1)
    state = norm.state_dict()
    norm.load_state_dict({**state, "num_batches_tracked": np.array([9])})  # as old files have it
    assert norm.num_batches_tracked.tolist() == 9  # type: ignore[union-attr]
    with pytest.raises(RuntimeError, match="size mismatch for num_batches_tracked"):
        norm.load_state_dict({**state, "num_batches_tracked": np.array([[9]])})
    with pytest.raises(RuntimeError, match="size mismatch for weight"):
        norm.load_state_dict({**state, "weight": np.array(1.0)})


def test_the_arguments_of_a_state_by_position() -> None:
    layer, into = nn.Linear(1, 1), {}
    assert layer.state_dict(into) is into
    assert list(into) == ["weight", "bias"]
    assert list(layer.state_dict({}, "p.")) == ["p.weight", "p.bias"]
    assert layer.state_dict({}, "", True)["weight"] is layer.weight
    assert not layer.state_dict({}, "", False)["weight"].requires_grad
    assert layer.state_dict(keep_vars=True)["bias"] is layer.bias


# -------------------------------------------------------------------------------------------------------------- modules
def test_gradients_become_zero_where_they_stand() -> None:
    p = nn.Linear(2, 1, bias=False)
    p.weight.grad = held = tg.ones(1, 2)
    p.zero_grad(set_to_none=False)
    assert p.weight.grad is held
    assert held.tolist() == [[0, 0]]
    fixed = np.ones((1, 2), np.float32)
    fixed.flags.writeable = False
    for grad in (tg.Tensor(fixed), tg.ones(1, 2, requires_grad=True) * 1):
        p.weight.grad = grad
        p.zero_grad(set_to_none=False)
        assert p.weight.grad.tolist() == [[0, 0]]
        assert not p.weight.grad.requires_grad
        assert grad.tolist() == [[1, 1]]
    p.zero_grad()
    assert p.weight.grad is None
    p.zero_grad(set_to_none=False)
    assert p.weight.grad is None


class Twin(nn.Module):
    """A layer and a parameter, each under two names."""

    def __init__(self) -> None:
        self.one = self.two = nn.Linear(1, 1, bias=False)
        self.p = self.q = nn.Parameter(np.ones(1))
        self.register_buffer("b", tg.ones(1))
        self.register_buffer("c", self.b)


def test_what_has_two_names_is_listed_once_or_twice() -> None:
    net = Twin()
    assert [n for n, _ in net.named_parameters()] == ["p", "one.weight"]
    every = [n for n, _ in net.named_parameters("x", remove_duplicate=False)]
    assert every == ["x.p", "x.q", "x.one.weight", "x.two.weight"]
    assert [n for n, _ in net.named_parameters(recurse=False)] == ["p"]
    assert [n for n, _ in net.named_modules()] == ["", "one"]
    assert [n for n, _ in net.named_modules(prefix="x", remove_duplicate=False)] == ["x", "x.one", "x.two"]
    assert [n for n, _ in net.named_modules({net.one})] == [""]
    assert [n for n, _ in net.named_children()] == ["one"]
    assert [n for n, _ in net.named_buffers("x", recurse=False)] == ["x.b"]
    assert [n for n, _ in net.named_buffers("x", remove_duplicate=False)] == ["x.b", "x.c"]
    assert len(list(net.parameters())) == 2
    assert len(list(net.parameters(recurse=False))) == len(list(net.buffers())) == 1
    assert len(list(net.modules())) == 2
    assert net.get_submodule("") is net
    assert net.get_submodule("two") is net.one
    assert net.get_parameter("two.weight") is net.one.weight
    assert net.get_buffer("b") is net.get_buffer("c") is net.b
    assert net.requires_grad_(False) is net
    assert not any(p.requires_grad for p in net.parameters())
    assert all(p.requires_grad for p in net.requires_grad_().parameters())


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda n: n.get_submodule("three"), AttributeError, r"Twin has no submodule 'three'; it has \['one', 'two'\]"),
        (lambda n: n.get_parameter("one"), AttributeError, "Twin has no parameter 'one'; it has"),
        (lambda n: n.get_buffer("p"), AttributeError, r"Twin has no buffer 'p'; it has \['b', 'c'\]"),
        (lambda n: n.set_submodule("", nn.ReLU()), ValueError, "takes the path of a child and an nn.Module, got ''"),
        (lambda n: n.set_submodule("one", 3), ValueError, "got 'one' and int"),
        (lambda n: n.set_submodule("new", nn.ReLU(), True), AttributeError, "Twin has no submodule 'new' to replace"),
        (lambda n: n.set_submodule("forward", nn.ReLU()), AttributeError, "no submodule 'forward' to replace"),
        (lambda n: n.set_submodule("one.weight", nn.ReLU()), AttributeError, "Linear has no submodule 'weight'"),
        (lambda n: n.train(1), ValueError, r"train\(\) takes True or False, got 1"),
        (lambda n: n.bfloat16(), TypeError, "NumPy has no bfloat16"),
        (lambda n: n.cuda(), RuntimeError, "CPU"),
        (lambda n: n.to(tg.int64), TypeError, "Module.to takes a floating dtype, got int64"),
        (lambda n: n.register_buffer(3, X), TypeError, "the name of a buffer must be a string, got int"),
        (lambda n: n.register_buffer("", X), KeyError, "may not be empty or contain '.', got ''"),
        (lambda n: n.register_parameter("a.b", None), KeyError, "the name of a parameter may not .* got 'a.b'"),
        (lambda n: n.add_module("p", nn.ReLU()), KeyError, "attribute 'p' already exists"),
        (lambda n: n.register_buffer("train", X), KeyError, "attribute 'train' already exists"),
        (lambda n: n.register_module("m", 3), TypeError, "child 'm' must be an nn.Module or None, got int"),
        (lambda n: n._buffers.update(b=3), TypeError, "buffer 'b' must be a Tensor or None, got int"),
        (lambda n: n._parameters["zz"], KeyError, "zz"),
        (lambda n: n._parameters["b"], KeyError, "b"),
        (lambda n: n._modules.pop("p"), KeyError, "p"),
    ],
)
def test_what_modules_refuse(act: Callable[[Any], Any], error: Any, words: str) -> None:
    net = Twin()
    with pytest.raises(error, match=words):
        act(net)
    assert list(net.state_dict()) == ["p", "q", "b", "c", "one.weight", "two.weight"]


def test_what_modules_take() -> None:
    net = Twin()
    net.set_submodule("new", nn.ReLU())
    net.set_submodule("one", nn.Tanh(), True)
    assert isinstance(net.one, nn.Tanh)
    assert isinstance(net.get_submodule("new"), nn.ReLU)
    assert net.train(np.False_).training is False  # type: ignore[arg-type]
    assert net.train().two.training is True
    assert net.eval() is net
    assert net.cpu() is net.share_memory() is net
    assert net.compile() is None  # type: ignore[func-returns-value]
    net.register_buffer("apart", tg.ones(1), persistent=False)
    assert net._non_persistent_buffers_set == {"apart"}
    assert "apart" not in net.state_dict()
    assert list(net._buffers) == ["b", "c", "apart"]
    assert list(reversed(net._parameters)) == ["q", "p"]
    assert net._parameters.copy() == {"p": net.p, "q": net.q} == dict(net._parameters)
    assert repr(net._buffers) == repr(dict(net._buffers))
    assert len(net._modules) == 3
    del net._parameters["q"]
    assert not hasattr(net, "q")
    with pytest.raises(NotImplementedError, match=r"Module does not define forward\(\)"):
        nn.Module()(X)
    with pytest.raises(NotImplementedError):
        nn.RNNCellBase(3, 1, True, 1)(X)


NEW: dict[str, Callable[[], Any]] = {
    "a parameter": lambda: nn.Parameter(np.ones(1)),
    "a module": nn.ReLU,
    "a tensor": lambda: tg.ones(1),
    "nothing": lambda: None,
    "a number": lambda: 3,
}
HELD: dict[str, tuple[str, ...]] = {  # what may take the place of each
    "a parameter": ("a parameter", "nothing"),
    "a module": ("a parameter", "a module", "nothing"),
    "a buffer": ("a parameter", "a module", "a tensor", "nothing"),
    "a buffer that is not saved": ("a parameter", "a module", "a tensor", "nothing"),
    "a number": tuple(NEW),
}
LISTED = {"a parameter": "_parameters", "a module": "_modules"}


@pytest.mark.parametrize("new", NEW)
@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.filterwarnings("ignore::tinygrad_cnn.GuardRailWarning")
def test_what_takes_the_place_of_what(held: str, new: str, empty: bool) -> None:
    net, value = nn.Module(), NEW[new]()
    if held == "a number":
        net.it = 5
    elif held in LISTED:
        old = None if empty else NEW[held]()
        (net.register_parameter if held == "a parameter" else net.add_module)("it", old)
    else:
        old = None if empty else tg.ones(1)
        net.register_buffer("it", old, persistent=held == "a buffer")
    if new not in HELD[held]:
        with pytest.raises(TypeError, match=r"^Module\.it is a"):
            net.it = value
        assert held == "a number" or net.it is old
        return
    net.it = value
    assert net.it is value
    place = LISTED.get(new if new in LISTED else held, "_buffers")
    registered = {name for name in ("_parameters", "_modules", "_buffers") if "it" in getattr(net, name)}
    assert registered == (set() if held == "a number" and new not in LISTED else {place})
    assert net._non_persistent_buffers_set == ({"it"} if held.endswith("saved") and new not in LISTED else set())


def test_copies_of_tensors_share_or_do_not() -> None:
    p = nn.Parameter(np.ones(2))
    p.grad = tg.ones(2, dtype=tg.float64)
    near, far = copy.copy(p), copy.deepcopy(p)
    assert type(near) is type(far) is nn.Parameter
    assert near.grad is p.grad
    assert far.grad is not p.grad
    y = (p * p).sum()
    with tg.no_grad():
        near.mul_(3)
    assert p.tolist() == [3, 3]
    assert far.tolist() == far.grad.tolist() == [1, 1]
    with pytest.raises(RuntimeError, match="in place"):
        y.backward()
    for act in (copy.deepcopy, lambda t: t.__reduce__()):
        with pytest.raises(RuntimeError, match="only leaf tensors can be"):
            act(p * 2)


ASKED: list[Callable[[Any], Any]] = [
    lambda d: nn.Transformer.generate_square_subsequent_mask(2, device=d),
    lambda d: X.new(2, device=d),
    lambda d: X.new_zeros(2, device=d),
    lambda d: tg.FloatTensor(2, device=d),
    lambda d: X.to(device=d),
    lambda d: nn.UninitializedParameter(device=d),
    lambda d: nn.UninitializedBuffer(device=d),
    lambda d: nn.UninitializedParameter().materialize((2,), device=d),
    lambda d: nn.LSTM(1, 1, device=d),
    lambda d: nn.LazyLinear(1, device=d),
    lambda d: nn.Embedding(2, 2, device=d),
    lambda d: nn.BatchNorm2d(2, device=d),
]


@pytest.mark.parametrize("call", ASKED)
def test_the_only_device(call: Callable[[Any], Any]) -> None:
    call("cpu")
    call(tg.device("cpu"))
    with pytest.raises((RuntimeError, ValueError), match="CPU"):
        call("cuda")


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_the_dtype_that_was_asked_for(dtype: Any) -> None:
    assert nn.Transformer.generate_square_subsequent_mask(2, dtype=dtype).dtype == dtype
    p = nn.UninitializedParameter(dtype=dtype)
    assert p.dtype == dtype
    p.materialize((2, 3))
    assert (type(p), p.shape, p.dtype, p.requires_grad) == (nn.Parameter, (2, 3), dtype, True)
    b = nn.UninitializedBuffer()
    b.materialize((1,), dtype=dtype)
    assert (type(b), b.dtype, b.requires_grad) == (tg.Tensor, dtype, False)


@pytest.mark.parametrize("momentum", [0.25, 1.0, 0.0, None])
@pytest.mark.parametrize("counted", [True, False])
def test_how_far_running_values_move(momentum: float | None, counted: bool) -> None:
    """By the momentum; without one to the mean of all, which takes a count."""
    norm = nn.BatchNorm1d(1, momentum=momentum).double()
    if not counted:
        norm.num_batches_tracked = None
    means = [3.0, 5.0, 10.0]
    for m in means:
        norm(tg.tensor([[m - 1], [m + 1]], dtype=tg.float64))
    if momentum is None:
        expected = sum(means) / 3 if counted else 0.0
    else:
        expected = 0.0
        for m in means:
            expected += momentum * (m - expected)
    np.testing.assert_allclose(norm.running_mean.tolist(), [expected])  # type: ignore[union-attr]
    assert norm.num_batches_tracked is None or norm.num_batches_tracked.item() == 3


def test_a_list_of_parameters_tells_what_it_holds() -> None:
    kinds = {"f2": "Half", "f4": "Float", "f8": "Double"}
    box = nn.ParameterList([*(nn.Parameter(np.zeros((2, 3), k)) for k in kinds), "word"])
    lines = repr(box).splitlines()
    assert len(lines) == 6
    for i, (line, name) in enumerate(zip(lines[1:4], ("float16", "float32", "float64"), strict=True)):
        assert line.strip().startswith(f"({i}): Parameter containing: [")
        assert name in line
        assert "2x3" in line
    older = repr(nn.ParameterDict({"a": nn.Parameter(np.zeros((2, 3), "f8"))}))
    assert "(a): Parameter containing: [DoubleTensor of size 2x3]" in older
    assert "(3): " in lines[4]


# ------------------------------------------------------------------------------------------------------------ functions
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: F.lp_pool2d(X[None], 0, 2), "lp_pool2d: norm_type must be a number other than 0, got 0"),
        (lambda: F.lp_pool1d(X, True, 2), "lp_pool1d: norm_type must be a number other than 0, got True"),
        (lambda: F.lp_pool1d(X, "2", 2), "norm_type must be a number other than 0, got '2'"),
        (lambda: F.gumbel_softmax(X, 0), "tau must be a number > 0, got 0"),
        (lambda: F.mse_loss(X, X, weight=tg.ones(3)), "mse_loss: input of shape .* and weight of shape"),
        (lambda: F.l1_loss(X, X, weight=tg.ones(1)), "l1_loss: input of shape .* and weight of shape"),
        (lambda: F.huber_loss(X, X, weight=tg.ones(2, 1)), "huber_loss: input of shape .* and weight of shape"),
        (lambda: F.huber_loss(X, X, delta=0), "delta must be greater than 0, got 0"),
        (lambda: F.smooth_l1_loss(X, X, beta=-1), "beta must be at least 0, got -1"),
        (lambda: F.triplet_margin_loss(X, X, X, 0), "margin must be a number > 0, got 0"),
        (lambda: F.gaussian_nll_loss(X, X, 1.0, eps=0), "eps must be greater than 0, got 0"),
        (lambda: F.gaussian_nll_loss(X, X, tg.ones(3)), "var of shape .* does not fit"),
        (lambda: F.gaussian_nll_loss(X, X, -1.0), "var has a negative entry, -1"),
    ],
)
def test_refusals(call: Callable[[], Any], words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        call()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("loss", "plain", "by_weight"),
    [
        (F.mse_loss, lambda d: d * d, True),
        (F.l1_loss, abs, True),
        (F.huber_loss, lambda d: np.where(abs(d) <= 1, d * d / 2, abs(d) - 0.5), False),
    ],
)
def test_weights_of_errors(loss: Any, plain: Any, by_weight: bool, weighted: bool) -> None:
    rng = np.random.default_rng(0)
    x, t, w = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.random((4, 3))
    errors, given = plain(x - t) * (w if weighted else 1), {"weight": w} if weighted else {}
    mean = errors.sum() / w.sum() if weighted and by_weight else errors.mean()
    for reduction, expected in (("none", errors), ("sum", errors.sum()), ("mean", mean)):
        np.testing.assert_allclose(loss(x, t, reduction=reduction, **given), expected, rtol=1e-12)


def test_old_arguments_warn_of_the_line_that_has_them() -> None:
    for call, words in (
        (lambda: F.gumbel_softmax(X, eps=1e-5), "eps has no meaning any more"),
        (lambda: F.upsample(X[None], 2), "upsample is deprecated"),
        (lambda: F.upsample_nearest(X[None], 2), "upsample_nearest is deprecated"),
        (lambda: F.upsample_bilinear(X[None, None], 2), "upsample_bilinear is deprecated"),
        (lambda: F.mse_loss(X, X, reduce=False), "size_average and reduce are deprecated"),
        (lambda: F.softmax(X), "softmax without dim takes dim=1"),
        (lambda: F.dropout2d(X[None], 0.5), "dropout2d reads input of shape"),
        (lambda: nn.LSTM(1, 1, dropout=0.5), "dropout stands between layers"),
    ):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        assert [words in str(w.message) for w in caught] == [True]
        assert words == "dropout stands between layers" or caught[0].filename == __file__


@pytest.mark.parametrize("shape", [(2, 3), (4,), (2, 3, 2), (2, 3, 2, 2)])
def test_the_leak_that_prelu_learns(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    channels = shape[1] if len(shape) > 1 else 1
    own = np.linspace(0.1, 0.5, channels)
    broad = own.reshape((-1,) + (1,) * (len(shape) - 2)) if len(shape) > 1 else own
    for w, expected in ((own, broad), (np.array([0.3]), 0.3), (np.array(0.3), 0.3)):
        np.testing.assert_allclose(F.prelu(x, w), np.where(x > 0, x, x * expected))
    assert F.prelu(np.array(-2.0), np.array([0.5])).shape == ()
    for wrong in (np.ones(channels + 1), np.ones((1, 1))):
        with pytest.raises(ValueError, match="weight must have shape"):
            F.prelu(x, wrong)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.int64])
def test_numbers_of_rows_of_every_dtype(dtype: Any) -> None:
    table = tg.tensor(np.arange(6.0).reshape(3, 2), requires_grad=True)
    y = F.embedding(tg.tensor(np.array([[2, 0]], dtype)), table)
    assert y.tolist() == [[[4, 5], [0, 1]]]
    y.sum().backward()
    assert table.grad.tolist() == [[1, 1], [0, 0], [1, 1]]
