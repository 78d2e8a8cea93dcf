"""Modules used as scripts use them, in both packages: each use is a small program, whose findings must be the same.

A program gets the package as ``t``. What it returns is compared: names, order, texts, values to 1e-9 in float64, and
where it asks for `error` whether there was one.
"""
# ruff: noqa: ARG001, ARG002, ARG005  (hooks take what they are given)

from __future__ import annotations

import copy
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg

Program = Callable[[Any], Any]
USES: dict[str, Program] = {}


def use(program: Program) -> Program:
    """Add a program to the table."""
    USES[program.__name__] = program
    return program


def plain(value: Any) -> Any:
    """What was found, without a trace of the package: tensors as arrays, modules as their texts."""
    if hasattr(value, "detach"):
        return value.detach().numpy().astype(np.float64), str(value.dtype).replace("torch.", "")
    if hasattr(value, "named_modules"):
        return repr(value).replace("torch.", "")
    if isinstance(value, dict):
        return [(k, plain(v)) for k, v in value.items()]
    if isinstance(value, (list, tuple, set)) or hasattr(value, "__next__"):
        return [plain(v) for v in value]
    return value


def agree(a: Any, b: Any, path: str = "") -> None:
    """The same structure with the same leaves."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12, err_msg=path)
    elif isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        assert len(a) == len(b), f"at {path}: {a} and {b}"
        for i, (v, w) in enumerate(zip(a, b, strict=True)):
            agree(v, w, f"{path}[{i}]")
    else:
        assert (type(a), a) == (type(b), b), path


def error(function: Callable[[], Any]) -> str:
    """Is it an error?"""
    try:
        function()
    except Exception:
        return "error"
    return "no error"


def filled(module: Any) -> Any:
    """In float64, with values that are the same in both packages."""
    module.double()
    for i, tensor in enumerate(module.state_dict(keep_vars=False).values()):
        a = tensor.numpy()
        a[...] = np.random.default_rng(i).uniform(0.2, 1, a.shape)
    return module


def ramp(t: Any, *shape: int, grad: bool = False) -> Any:
    x = t.tensor(np.linspace(-1, 1, int(np.prod(shape))).reshape(shape))
    return x.requires_grad_(grad)


def net(t: Any) -> Any:
    """A net with a branch, a shared layer and a shared parameter."""

    class Net(t.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.scale = t.nn.Parameter(t.ones(3))
            self.features = t.nn.Sequential(OrderedDict(conv=t.nn.Conv1d(1, 3, 2), act=t.nn.ReLU()))
            self.register_buffer("seen", t.zeros(2))
            self.register_buffer("scratch", t.ones(1), persistent=False)
            self.fc = t.nn.Linear(3, 3)
            self.again = self.fc
            self.out = t.nn.Linear(3, 3, bias=False)
            self.out.weight = self.fc.weight
            self.left_out = None
            self.register_parameter("none", None)

        def forward(self, x: Any) -> Any:
            y = self.features(x).mean(-1) * self.scale
            return self.out(self.again(self.fc(y)))

    return filled(Net())


# ------------------------------------------------------------------------------------------------------- registration
@use
def names_of_all_kinds(t: Any) -> Any:
    m = net(t)
    return [
        list(m.state_dict()),
        [k for k, _ in m.named_parameters()],
        [k for k, _ in m.named_parameters(remove_duplicate=False)],
        [k for k, _ in m.named_parameters(prefix="p", recurse=False)],
        [k for k, _ in m.named_modules()],
        [k for k, _ in m.named_modules(remove_duplicate=False)],
        [k for k, _ in m.named_modules(prefix="top")],
        [k for k, _ in m.named_buffers()],
        [k for k, _ in m.named_buffers("b", False)],
        [k for k, _ in m.named_children()],
        len(list(m.parameters())),
        m,
    ]


@use
def the_dicts(t: Any) -> Any:
    m = net(t)
    return [
        list(m._parameters),
        list(m._buffers.keys()),
        [(k, type(v).__name__) for k, v in m._modules.items()],
        m._parameters["none"] is None,
        len(m._modules),
        "fc" in m._modules,
        "scale" in m._modules,
        m._modules.get("nothing", 5),
        m.fc._parameters["weight"],
        list(t.nn.Linear(1, 1, bias=False)._parameters),
        list(t.nn.BatchNorm1d(1, track_running_stats=False)._buffers),
        m._modules["fc"] is m.fc,
        list(reversed(m._modules)),
        bool(t.nn.ReLU()._modules),
    ]


@use
def writing_the_dicts(t: Any) -> Any:
    m = net(t)
    for name, module in m._modules.items():
        if type(module).__name__ == "Linear":
            m._modules[name] = filled(t.nn.Linear(3, 2, bias=False))
    m._modules["new"] = t.nn.ReLU()
    taken = m._modules.pop("out")
    del m._modules["again"]
    m._parameters["w"] = t.nn.Parameter(t.ones(1))
    m._buffers["c"] = t.zeros(1)
    m._parameters["scale"] = None
    found = [m, list(m.state_dict()), taken, m.fc.weight, m.new, m.scale is None, hasattr(m, "again")]
    m._modules.clear()
    m._buffers.update({"d": t.ones(1)})
    return [*found, list(m.state_dict()), error(lambda: m._modules["fc"]), error(lambda: m.fc)]


@use
def assigning_and_deleting(t: Any) -> Any:
    m = t.nn.Module()
    m.a = t.nn.ReLU()
    m.b = t.nn.Parameter(t.ones(1))
    m.c = 3
    m.c = t.nn.Tanh()
    m.a = None
    names = [list(m._modules), list(m._parameters)]
    m.a = t.nn.Sigmoid()
    m.b = None
    names += [list(m._modules), list(m._parameters), [k for k, _ in m.named_parameters()]]
    m.b = t.nn.Parameter(t.zeros(1))
    del m.a
    m.b = t.nn.Parameter(t.zeros(2))
    m.c = t.nn.Parameter(t.zeros(3))
    m.x = t.ones(1)
    m.register_buffer("y", t.ones(1))
    m.y = t.zeros(1)
    m.y = None
    refused = [
        error(lambda: setattr(m, "b", t.ones(1))),
        error(lambda: setattr(m, "b", t.nn.ReLU())),
        error(lambda: setattr(m, "y", 3)),
        error(lambda: delattr(m, "a")),
        error(lambda: m.nothing),
    ]
    m.z = t.nn.ReLU()
    refused.append(error(lambda: setattr(m, "z", 3)))
    m.z = t.nn.Parameter(t.ones(1))
    return [names, list(m._modules), list(m._parameters), list(m._buffers), list(m.state_dict()), refused]


@use
def registering_by_name(t: Any) -> Any:
    m = t.nn.Module()
    m.register_module("0", t.nn.ReLU())
    m.add_module("none", None)
    m.register_parameter("p", None)
    m.register_buffer("b", None)
    m.plain = 3
    return [
        list(m._modules),
        list(m.children()),
        list(m.state_dict()),
        m,
        error(lambda: m.add_module("", t.nn.ReLU())),
        error(lambda: m.add_module("a.b", t.nn.ReLU())),
        error(lambda: m.add_module("plain", t.nn.ReLU())),
        error(lambda: m.add_module("forward", t.nn.ReLU())),
        error(lambda: m.add_module("x", 3)),
        error(lambda: m.add_module(3, t.nn.ReLU())),
        error(lambda: m.register_parameter("a.b", None)),
        error(lambda: m.register_parameter("", None)),
        error(lambda: m.register_parameter("plain", None)),
        error(lambda: m.register_parameter("q", t.ones(1))),
        error(lambda: m.register_buffer("a.b", None)),
        error(lambda: m.register_buffer("plain", None)),
        error(lambda: m.register_buffer("c", 3)),
        error(lambda: m.register_buffer(3, None)),
        error(lambda: m.register_parameter("p", None)),
        error(lambda: m.add_module("0", t.nn.Tanh())),
        error(lambda: m.register_buffer("b", t.ones(1), persistent=False)),
        list(m.state_dict()),
        [name for name in dir(m) if name in ("0", "p", "b", "plain", "state_dict")],
    ]


@use
def hidden_from_the_registry(t: Any) -> Any:
    m = t.nn.Sequential(t.nn.Linear(1, 1))
    object.__setattr__(m, "teacher", t.nn.Linear(2, 2))
    m.__dict__["other"] = t.nn.Linear(3, 3)
    m.children_again = list(m.children())
    m.by_name = {"first": m[0]}
    m.weights = [m[0].weight, (m[0].bias,)]
    return [list(m.state_dict()), [k for k, _ in m.named_parameters()], len(list(m.modules())), m, list(m)]


@use
def no_init_of_arguments(t: Any) -> Any:
    class Net(t.nn.Module):  # type: ignore[misc]
        pass

    return [error(lambda: Net(3)), error(lambda: t.nn.Module(3)), error(lambda: Net()(3)), Net(), error(Net)]


# ------------------------------------------------------------------------------------------------------------ by path
@use
def paths(t: Any) -> Any:
    m = net(t)
    return [
        m.get_submodule("features.conv"),
        m.get_submodule("") is m,
        m.get_submodule("again") is m.fc,
        m.get_parameter("features.conv.bias"),
        m.get_parameter("out.weight") is m.fc.weight,
        m.get_buffer("seen"),
        error(lambda: m.get_submodule("fc.weight")),
        error(lambda: m.get_submodule("nothing.at.all")),
        error(lambda: m.get_parameter("seen")),
        error(lambda: m.get_parameter("fc")),
        error(lambda: m.get_buffer("scale")),
        error(lambda: m.get_buffer("features.nothing")),
    ]


@use
def setting_by_path(t: Any) -> Any:
    m = net(t)
    m.set_submodule("features.act", t.nn.Tanh())
    m.set_submodule("features.more", t.nn.ReLU())
    m.set_submodule("fc", t.nn.Identity(), strict=True)
    return [
        m,
        error(lambda: m.set_submodule("", t.nn.ReLU())),
        error(lambda: m.set_submodule("nothing.at", t.nn.ReLU())),
        error(lambda: m.set_submodule("nothing", t.nn.ReLU(), strict=True)),
        error(lambda: m.set_submodule("fc", 3)),
        error(lambda: m.set_submodule("scale", t.nn.ReLU())),
        m,
    ]


# -------------------------------------------------------------------------------------------------------------- modes
@use
def modes(t: Any) -> Any:
    class Frozen(t.nn.BatchNorm1d):  # type: ignore[misc]
        def train(self, mode: bool = True) -> Any:
            return super().train(False)

    m = t.nn.Sequential(t.nn.Dropout(), Frozen(2), t.nn.Sequential(t.nn.ReLU()))
    found = [m.training for m in m.modules()]
    m.train()
    found += [m.training for m in m.modules()]
    m.eval()
    found += [m.training for m in m.modules()]
    seen: list[str] = []
    shared = t.nn.ReLU()
    both = t.nn.Sequential(shared, shared, t.nn.Sequential(shared))
    both.apply(lambda m: seen.append(type(m).__name__))
    return [
        found,
        seen,
        m.requires_grad_(False) is m,
        [p.requires_grad for p in m.parameters()],
        error(lambda: m.train(3)),
    ]


@use
def zeroing(t: Any) -> Any:
    m = net(t)
    m(ramp(t, 2, 1, 4)).sum().backward()
    had = [p.grad for p in m.parameters()]
    m.zero_grad(set_to_none=False)
    zeros = [p.grad for p in m.parameters()]
    m.zero_grad()
    return [had, zeros, [p.grad for p in m.parameters()]]


@use
def dtypes(t: Any) -> Any:
    m = t.nn.Sequential(t.nn.Linear(2, 2), t.nn.BatchNorm1d(2))
    m.register_buffer("count", t.tensor([3]))

    def kinds() -> list[str]:
        return [str(v.dtype).replace("torch.", "") for v in m.state_dict().values()]

    weight = m[0].weight
    found = [kinds()]
    for change in (
        lambda: m.half(),
        lambda: m.double(),
        lambda: m.float(),
        lambda: m.to(t.float64),
        lambda: m.to("cpu"),
        lambda: m.to("cpu", t.float32, non_blocking=True),
        lambda: m.to(device="cpu", dtype=t.float64),
        lambda: m.to(t.zeros(1)),
        lambda: m.type(t.float64),
        lambda: m.type(t.int64).type(t.float32) if False else m.type(t.float32),
        lambda: m.cpu(),
        lambda: m.share_memory(),
    ):
        found.append([change() is m, kinds()])
    refused = [error(lambda: m.to(t.int64)), error(lambda: m.to("cuda")), error(lambda: m.cuda())]
    return [found, refused, kinds(), m[0].weight is weight, m.compile(), m.zero_grad()]


# -------------------------------------------------------------------------------------------------------------- state
@use
def saving(t: Any) -> Any:
    m = net(t)
    into = OrderedDict(x=1)
    return [
        m.state_dict(),
        m.state_dict(prefix="net."),
        list(m.state_dict(destination=into, prefix="a.")),
        m.state_dict(keep_vars=True)["scale"] is m.scale,
        m.state_dict()["fc.weight"].requires_grad,
        type(m.state_dict()).__name__,
        [(k, dict(v)) for k, v in t.nn.Sequential(t.nn.BatchNorm2d(1)).state_dict()._metadata.items()],
    ]


@use
def a_round_trip(t: Any) -> Any:
    a, b = net(t), net(t)
    for p in b.parameters():
        p.data.zero_()
    result = b.load_state_dict(a.state_dict())
    return [str(result), tuple(result), b.state_dict(), b.load_state_dict({}, strict=False).missing_keys]


@use
def what_is_missing_and_what_is_too_much(t: Any) -> Any:
    m = net(t)
    state = m.state_dict()
    del state["features.conv.bias"], state["scale"]
    state["fc.more"] = state["other"] = state["fc.deep.er"] = state["features"] = t.ones(1)
    found = m.load_state_dict(state, strict=False)
    return [found.missing_keys, found.unexpected_keys, error(lambda: m.load_state_dict(state))]


@use
def the_text_of_a_refusal(t: Any) -> Any:
    m = t.nn.Sequential(OrderedDict(fc=t.nn.Linear(2, 3), out=t.nn.Linear(3, 1)))
    state = {"fc.weight": t.zeros(3, 5), "out.weight": t.zeros(1, 4), "out.bias": t.zeros(1), "x": t.zeros(1)}
    try:
        m.load_state_dict(state)
    except RuntimeError as refusal:
        text = str(refusal).replace("torch.Size([3, 5])", "(3, 5)").replace("torch.Size([1, 4])", "(1, 4)")
        text = text.replace("torch.Size([3, 2])", "(3, 2)").replace("torch.Size([1, 3])", "(1, 3)")
        return [line.strip() for line in text.splitlines()]
    return None


@use
def states_that_are_none(t: Any) -> Any:
    m = t.nn.Linear(2, 1)
    return [
        error(lambda: m.load_state_dict([1])),
        error(lambda: m.load_state_dict({"weight": "text", "bias": t.zeros(1)})),
        error(lambda: m.load_state_dict({"weight": None, "bias": t.zeros(1)})),
        error(lambda: m.load_state_dict({"weight": t.zeros(2), "bias": t.zeros(1)}, strict=False)),
        error(lambda: m.load_state_dict({"weight": [[1.0, 2.0]], "bias": t.zeros(1)})),
    ]


@use
def other_dtypes_are_converted(t: Any) -> Any:
    m = t.nn.BatchNorm1d(2)
    state = {k: v.double() + 2 for k, v in m.state_dict().items()}
    state["weight"] = t.tensor([3, 4])
    m.load_state_dict(state)
    return m.state_dict()


@use
def files_from_before_batches_were_counted(t: Any) -> Any:
    m = t.nn.Sequential(t.nn.BatchNorm2d(2))
    state = m.state_dict()
    del state["0.num_batches_tracked"]
    return [
        m.load_state_dict(dict(state)),
        error(lambda: m.load_state_dict(state)),
        m.load_state_dict(state, strict=False).missing_keys,
        m.state_dict(),
    ]


@use
def one_number_from_an_old_file(t: Any) -> Any:
    m = t.nn.Module()
    m.a = t.nn.Parameter(t.tensor(1.0))
    m.load_state_dict({"a": t.tensor([5.0])})
    return m.a


@use
def assigning_a_state(t: Any) -> Any:
    m = t.nn.Sequential(t.nn.Linear(2, 2), t.nn.BatchNorm1d(2))
    m[0].bias.requires_grad_(False)
    state = {k: v.double() if v.is_floating_point() else v for k, v in filled(copy.deepcopy(m)).state_dict().items()}
    state["0.weight"] = t.nn.Parameter(state["0.weight"])
    found = m.load_state_dict(state, assign=True)
    return [
        found,
        m.state_dict(),
        m[0].weight is state["0.weight"],
        [p.requires_grad for p in m.parameters()],
        np.shares_memory(m[0].bias.detach().numpy(), state["0.bias"].numpy()),
        [type(p).__name__ for p in m.parameters()],
        error(lambda: m.load_state_dict({**state, "0.bias": t.zeros(5)}, assign=True)),
    ]


@use
def extra_state(t: Any) -> Any:
    class Counting(t.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.n = 0
            self.w = t.nn.Parameter(t.ones(1))

        def get_extra_state(self) -> Any:
            return {"n": self.n}

        def set_extra_state(self, state: Any) -> None:
            self.n = state["n"]

    a, b = t.nn.Sequential(Counting()), t.nn.Sequential(Counting())
    a[0].n = 7
    b.load_state_dict(a.state_dict())
    found = b.load_state_dict({"0.w": t.ones(1)}, strict=False)
    return [list(a.state_dict()), b[0].n, found.missing_keys, error(lambda: b.load_state_dict({"0.w": t.ones(1)}))]


@use
def hooks_of_states(t: Any) -> Any:
    m, seen = t.nn.Sequential(OrderedDict(a=t.nn.Linear(1, 1), b=t.nn.ReLU())), []

    def rename(module: Any, state: Any, prefix: str, *_rest: Any) -> None:
        seen.append(("load", type(module).__name__, prefix, len(_rest)))
        for key in [k for k in state if k.startswith("old.")]:
            state["a." + key[4:]] = state.pop(key)

    def forgive(module: Any, found: Any) -> None:
        seen.append(("loaded", type(module).__name__, list(found.missing_keys)))
        found.missing_keys.clear()

    m.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append(("save", prefix, keep)))
    h = m._register_state_dict_hook(lambda m, state, prefix, meta: state.update({prefix + "x": 1}))
    m.a.register_state_dict_post_hook(lambda m, state, prefix, meta: seen.append((prefix, dict(meta), list(state))))
    first = list(m.state_dict())
    h.remove()
    m.register_load_state_dict_pre_hook(rename)
    post = m.register_load_state_dict_post_hook(forgive)
    given = {"old.weight": t.full((1, 1), 5.0)}
    result = m.load_state_dict(given)
    post.remove()
    return [first, list(m.state_dict()), seen, result, m.a.weight, list(given), error(lambda: m.load_state_dict(given))]


@use
def a_child_that_saves_itself_otherwise(t: Any) -> Any:
    class Own(t.nn.Linear):  # type: ignore[misc]
        def state_dict(self, *args: Any, **kwargs: Any) -> Any:
            state = super().state_dict(*args, **kwargs)
            state[kwargs.get("prefix", "") + "more"] = t.ones(1)
            return state

    return list(t.nn.Sequential(Own(1, 1), t.nn.Linear(1, 1)).state_dict())


@use
def deep_copies(t: Any) -> Any:
    m = net(t)
    m.register_forward_hook(lambda *_: None)
    other = copy.deepcopy(m)
    other.fc.weight.data.zero_()
    return [list(other.state_dict()), m.fc.weight, other.out.weight, other.again is other.fc, len(other._forward_hooks)]


# -------------------------------------------------------------------------------------------------------------- hooks
@use
def forward_hooks(t: Any) -> Any:
    class Add(t.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any, y: Any = 1.0, *, z: Any = 0.0) -> Any:
            return x + y + z

    m, seen = Add(), []
    x = ramp(t, 3)

    def note(name: str, result: Any = None) -> Callable[..., Any]:
        def hook(module: Any, *rest: Any) -> Any:
            seen.append([name, len(rest), rest])
            return result

        return hook

    handles = [
        m.register_forward_pre_hook(note("pre")),
        m.register_forward_pre_hook(note("pre kwargs"), with_kwargs=True),
        m.register_forward_pre_hook(note("pre first"), prepend=True),
        m.register_forward_pre_hook(note("pre changes", ((x * 2,), {"z": 3.0})), with_kwargs=True),
        m.register_forward_hook(note("post")),
        m.register_forward_hook(note("post kwargs"), with_kwargs=True),
        m.register_forward_hook(note("post first", x * 10), prepend=True),
        m.register_forward_hook(note("always"), always_call=True),
    ]
    y = m(x, 2.0, z=1.0)
    ids = [h.id in m._forward_hooks or h.id in m._forward_pre_hooks for h in handles]
    for h in handles:
        h.remove()
    return [seen, y, m(x), ids, len(m._forward_hooks), len(m._forward_pre_hooks), bool(t.nn.ReLU()._backward_hooks)]


@use
def hooks_that_return_nonsense(t: Any) -> Any:
    def run(result: Any, **how: Any) -> str:
        m = t.nn.ReLU()
        m.register_forward_pre_hook(lambda *_: result, **how)
        return error(lambda: m(ramp(t, 2)))

    return [run(3, with_kwargs=True), run((1, 2, 3), with_kwargs=True), run((ramp(t, 2), ramp(t, 2)))]


@use
def hooks_after_an_error(t: Any) -> Any:
    class Bad(t.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            raise ValueError("no")

    m, seen = t.nn.Sequential(Bad()), []
    m[0].register_forward_hook(lambda m, a, y: seen.append(("plain", y)))
    m[0].register_forward_hook(lambda m, a, y: seen.append(("always", y)), always_call=True)
    m[0].register_forward_hook(lambda m, a, k, y: seen.append(("kwargs", k, y)), always_call=True, with_kwargs=True)
    m[0].register_forward_hook(lambda *_: 1 / 0, always_call=True)
    with pytest.raises(ValueError, match="no"):
        m(ramp(t, 2))
    return seen


@use
def clearing_hooks(t: Any) -> Any:
    m, seen = t.nn.ReLU(), []
    m._forward_hooks.clear()
    m.register_forward_hook(lambda *_: seen.append(1))
    m._forward_hooks.clear()
    m(ramp(t, 2))
    h = m.register_full_backward_hook(lambda *_: seen.append(2))
    del m._backward_hooks[h.id]
    m(ramp(t, 2, grad=True)).sum().backward()
    m._forward_hooks = OrderedDict()
    m._forward_hooks[1] = lambda *_: seen.append(3)
    m(ramp(t, 2))
    wrong = t.nn.ReLU()
    return [seen, list(t.nn.ReLU()._forward_hooks), error(lambda: wrong.register_forward_hook(3) and wrong(ramp(t, 2)))]


def backward(
    t: Any, module: Any, inputs: list[Any], hooks: list[Any], pre: Any = (), loss: Any = None, eval: bool = False
) -> Any:
    """What hooks see, and all gradients after them. A hook is what it makes of grad_input, or None."""
    seen: list[Any] = []

    def hook(change: Any) -> Callable[..., Any]:
        def see(module: Any, grad_input: Any, grad_output: Any) -> Any:
            seen.append([type(module).__name__, type(grad_input).__name__, grad_input, grad_output])
            return change and change(grad_input)

        return see

    def pre_hook(change: Any) -> Callable[..., Any]:
        def see(module: Any, grad_output: Any) -> Any:
            seen.append(["pre", type(grad_output).__name__, grad_output])
            return change and change(grad_output)

        return see

    for change in hooks:
        module.register_full_backward_hook(hook(change))
    for change in pre:
        module.register_full_backward_pre_hook(pre_hook(change))
    if eval:
        module.eval()
    y = module(*inputs)
    total = loss(y) if loss else (y * ramp(t, *y.shape)).sum()
    total.backward()
    grads = [x.grad for x in inputs if hasattr(x, "grad")]
    return [seen, grads, [p.grad for p in module.parameters()], y]


def double(grads: Any) -> Any:
    return tuple(None if g is None else g * 2 for g in grads)


@use
def backward_hooks_of_layers(t: Any) -> Any:
    n = t.nn
    images = [2, 3, 5, 5]
    cases = [
        (n.Linear(3, 2), [4, 3]),
        (n.Linear(3, 2, bias=False), [3]),
        (n.Conv2d(3, 2, 3, padding=1), images),
        (n.ReLU(), images),
        (n.MaxPool2d(2), images),
        (n.BatchNorm2d(3), images),
        (n.Sequential(n.Conv2d(3, 2, 3), n.ReLU(), n.Flatten(), n.Linear(18, 2)), images),
        (n.Softmax(1), [2, 3]),
        (n.Flatten(), images),
        (n.Identity(), [2, 3]),
        (n.Dropout(0.0), [2, 3]),
        (n.LayerNorm(3), [2, 3]),
    ]
    found = []
    for eval in (False, True):
        for module, shape in cases:
            for hooks, pre in (([None], []), ([double, None], []), ([], [double]), ([double], [None, double])):
                for grad in (True, False):
                    m = filled(copy.deepcopy(module))
                    if grad or any(True for _ in m.parameters()):
                        changes = hooks if grad else [None for _ in hooks]
                        found.append(backward(t, m, [ramp(t, *shape, grad=grad)], changes, pre, eval=eval))
    return found


@use
def backward_hooks_of_several_inputs_and_outputs(t: Any) -> Any:
    class Two(t.nn.Module):  # type: ignore[misc]
        def forward(self, a: Any, b: Any, k: float = 3.0) -> Any:
            return a * b, b * k, (a * 2).detach()

    def first(y: Any) -> Any:
        return y[0].sum()

    def second(y: Any) -> Any:
        return y[1].sum() * 2

    def both(y: Any) -> Any:
        return (y[0] * y[1]).sum()

    found = []
    for grads in ((True, True), (True, False), (False, True)):
        for loss in (first, second, both):
            if loss is second and not grads[1]:
                continue
            for extra in ([], [2.0]):
                inputs = [ramp(t, 3, grad=g) * 1 for g in grads]
                for x in inputs:
                    if x.requires_grad:
                        x.retain_grad()
                seen, _, _, y = backward(t, Two(), [*inputs, *extra], [double], [None], loss)
                found.append([seen, [x.grad for x in inputs if x.requires_grad], y])
    return found


@use
def backward_hooks_inside_a_net(t: Any) -> Any:
    m, seen = net(t), []
    for name, module in m.named_modules():
        module.register_full_backward_hook(
            lambda module, gi, go, name=name: seen.append((name, gi, go)), prepend=name == "fc"
        )
    x = ramp(t, 2, 1, 4, grad=True)
    m(x).pow(2).sum().backward()
    with t.no_grad():
        m(x)
    m.eval()
    m(x.detach()).sum().backward()
    return [seen, x.grad, [p.grad for p in m.parameters()]]


@use
def backward_hooks_and_second_derivatives(t: Any) -> Any:
    m, seen = filled(t.nn.Linear(3, 2)), []
    m.register_full_backward_hook(lambda m, gi, go: seen.append([gi, go, gi[0].requires_grad]) or (gi[0] * 3,))
    x = ramp(t, 4, 3, grad=True)
    y = t.tanh(m(x))
    (g,) = t.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = t.autograd.grad((g**2).sum(), m.weight)
    return [seen, g, h]


@use
def gradients_that_hooks_keep(t: Any) -> Any:
    """They stay what they were when more is added to a leaf's gradient."""
    x, seen = ramp(t, 3, grad=True), []
    x.register_hook(seen.append)
    for factor in (1.0, 2.0):
        y = x + 0.0
        y.register_hook(seen.append)
        (y * factor).sum().backward()
    return [seen, x.grad]


@use
def backward_twice_and_by_parts(t: Any) -> Any:
    m, seen = filled(t.nn.Linear(3, 2)), []
    m.register_full_backward_hook(lambda m, gi, go: seen.append([gi, go]))
    m.register_full_backward_pre_hook(lambda m, go: seen.append(go))
    x = ramp(t, 4, 3, grad=True)
    y = m(x).sum()
    y.backward(retain_graph=True)
    y.backward()
    z = m(x).sum()
    t.autograd.grad(z, m.weight, retain_graph=True)
    t.autograd.grad(z, x)
    a, b = m(x), m(x * 2)  # two calls at once
    (a * b).sum().backward()
    return [seen, x.grad, m.weight.grad]


@use
def what_backward_hooks_may_return(t: Any) -> Any:
    def run(result: Any, pre: bool = False) -> Any:
        m = filled(t.nn.Linear(2, 2))
        register = m.register_full_backward_pre_hook if pre else m.register_full_backward_hook
        register(lambda *_: result)
        x = ramp(t, 1, 2, grad=True)
        try:
            m(x).sum().backward()
        except Exception:
            return "error"
        return x.grad

    one = ramp(t, 1, 2)
    return [
        run(None),
        run((one,)),
        run([one]),
        run((one, one)),
        run((ramp(t, 3),)),
        run(5),
        run((one,), pre=True),
        run((None,), pre=True),
        run((), pre=True),
        run((ramp(t, 3),), pre=True),
    ]


@use
def backward_hooks_on_containers_of_outputs(t: Any) -> Any:
    class Out(t.nn.Module):  # type: ignore[misc]
        def __init__(self, kind: Any) -> None:
            super().__init__()
            self.kind = kind

        def forward(self, x: Any) -> Any:
            return self.kind(x * 2)

    found = []
    for kind, loss in ((lambda x: [x], lambda y: y[0].sum()), (lambda x: {"a": x}, lambda y: y["a"].sum())):
        m, seen = Out(kind), []
        m.register_full_backward_hook(lambda *a, seen=seen: seen.append(a[1:]))
        x = ramp(t, 2, grad=True)
        loss(m(x)).backward()
        found.append([seen, x.grad])
    m, seen = Out(lambda x: (x,)), []
    m.register_full_backward_hook(lambda *a: seen.append(a[1:]))
    y = m(ramp(t, 2, grad=True))
    y[0].sum().backward()
    return [found, seen, type(y).__name__]


@use
def the_older_backward_hook(t: Any) -> Any:
    m, seen = t.nn.ReLU(), []
    m.register_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    x = ramp(t, 4, grad=True)
    m(x).sum().backward()
    return seen


# --------------------------------------------------------------------------------------------------------- containers
@use
def sequentials(t: Any) -> Any:
    n = t.nn
    s = n.Sequential(n.Linear(2, 3), n.ReLU(), n.Linear(3, 1))
    r = n.Sequential(n.Tanh(), n.Sigmoid())
    found = [s[1:], list(s[1:].state_dict()), s[-1], s[:0], len(s), s + r, r * 2, 2 * r, s[::2]]
    found += [
        [error(lambda: s[3]), error(lambda: s[-4]), error(lambda: s + 3), error(lambda: s * 0), error(lambda: s * 1.5)]
    ]
    same = s
    s += r
    found += [s is same, s]
    r *= 2
    found += [r, s.pop(0), s.pop(-1), s.pop(slice(0, 2)), s]
    s.append(n.ELU()).extend([n.SELU(), n.GELU()])
    found += [s, s.insert(1, n.Softsign()) is s, s]
    s.insert(-1, n.Hardswish())
    s[0] = n.Linear(1, 1)
    del s[1:3]
    del s[-1]
    found += [s, list(s.state_dict()), error(lambda: s.insert(99, n.ReLU())), error(lambda: s.append(3))]
    found += [error(lambda: n.Sequential(3)), error(lambda: n.Sequential(n.ReLU)), error(lambda: s.__delitem__(99)), s]
    named = n.Sequential(OrderedDict(a=n.Linear(1, 2), b=n.ReLU()))
    found += [named[0:1], named.a, list(named.state_dict()), named.append(n.Tanh()), named[1:]]
    named[0] = n.Identity()
    named[:] if False else None
    del named[1]
    return [*found, named, [type(m).__name__ for m in named], n.Sequential()(ramp(t, 2))]


@use
def module_lists(t: Any) -> Any:
    n = t.nn
    m = n.ModuleList([n.Linear(1, 1), n.ReLU()])
    same = m
    m += [n.Tanh()]
    found = [
        m,
        same is m,
        m + n.ModuleList([n.ELU()]),
        m.__add__([n.ELU()]),
        m[1:],
        list(m[1:].state_dict()),
        m[-1],
        len(m),
    ]
    m.extend(n.SELU() for _ in range(3))
    m.insert(0, n.GELU())
    found += [m, m.pop(1), m.pop(-1), m.pop(slice(0, 2)), m]
    m.append(n.Linear(2, 2))
    m[0] = n.Sigmoid()
    del m[1:2]
    del m[-1]
    found += [m, list(m.state_dict()), n.ModuleList(), n.ModuleList([n.ModuleList([n.ReLU(), n.ReLU()])])]
    refused = [lambda: m[99], lambda: m.append(3), lambda: m.extend(3), lambda: m(1), lambda: n.ModuleList(3)]
    return [*found, [error(r) for r in refused], m, [type(x).__name__ for x in m], n.ModuleList([None, n.ReLU()])]


@use
def module_dicts(t: Any) -> Any:
    n = t.nn
    m = n.ModuleDict({"b": n.Linear(1, 1), "a": n.ReLU()})
    m.update([("c", n.Tanh()), ["d", n.ELU()]])
    m.update(n.ModuleDict({"a": n.SELU()}))
    m.update(OrderedDict(e=n.GELU()))
    found = [m, list(m), list(m.keys()), list(m.values()), [k for k, _ in m.items()], len(m), "a" in m, "x" in m]
    found += [m.pop("b"), m["a"], m]
    m["new"] = n.Sigmoid()
    del m["c"]
    refused = [
        lambda: m["x"],
        lambda: m.pop("x"),
        lambda: m.update(3),
        lambda: m.update([3]),
        lambda: m.update([("a", n.ReLU(), 3)]),
        lambda: m.__setitem__("f", 3),
        lambda: m.__setitem__("pop", n.ReLU()),
        lambda: m.__setitem__("a.b", n.ReLU()),
        lambda: m.__delitem__("x"),
        lambda: m(1),
    ]
    found += [m, list(m.state_dict()), [error(r) for r in refused], m]
    m.clear()
    return [*found, m, len(m)]


@use
def parameter_lists(t: Any) -> Any:
    n = t.nn
    m = n.ParameterList([t.ones(2), n.Parameter(t.zeros(3, 4)), "text"])
    found = [m, len(m), list(m.state_dict()), m[0], m[-2], m[1:], list(m[:2].state_dict()), m[2]]
    same = m
    m += [t.ones(1)]
    m.append(t.zeros(2)).extend([t.ones(1)])
    m[0] = t.zeros(5)
    found += [same is m, m, [k for k, _ in m.named_parameters()], m[0].requires_grad, type(m[0]).__name__]
    refused = [lambda: m[99], lambda: m.extend(3), lambda: m.extend(t.ones(2)), lambda: m(1), lambda: m.__iadd__(3)]
    return [*found, [error(r) for r in refused], n.ParameterList(), n.ParameterList([t.ones(1)]), len(list(m))]


@use
def parameter_dicts(t: Any) -> Any:
    n = t.nn
    m = n.ParameterDict({"b": t.ones(2), "a": n.Parameter(t.zeros(3))})
    found = [m, list(m), list(m.keys()), list(m.values()), [k for k, _ in m.items()], len(m), "a" in m]
    m["c"] = t.ones(1)
    m.update({"e": t.ones(1), "d": t.ones(2)})
    m.update([("f", t.ones(1))])
    found += [
        m,
        m.get("x"),
        m.get("x", 3),
        m.setdefault("g", t.ones(2)),
        m.setdefault("a", t.ones(9)),
        list(reversed(m)),
    ]
    found += [
        m.pop("a"),
        m.popitem(),
        m.copy(),
        m.fromkeys(["x", "y"], t.ones(1)),
        m | n.ParameterDict({"z": t.ones(1)}),
    ]
    m |= n.ParameterDict({"h": t.zeros(1)})
    del m["h"]
    refused = [
        lambda: m["x"],
        lambda: m.pop("x"),
        lambda: n.ParameterDict({3: t.ones(1)}),
        lambda: m.update(3),
        lambda: m.update([3]),
        lambda: m.update([("a", 1, 2)]),
        lambda: m(1),
        lambda: m.__delitem__("x"),
        lambda: m | 3,
    ]
    found += [m, list(m.state_dict()), [error(r) for r in refused], m["b"].requires_grad, m]
    m.clear()
    return [*found, m, len(m), error(lambda: m.popitem())]


@use
def texts(t: Any) -> Any:
    class Both(t.nn.Sequential):  # type: ignore[misc]
        def extra_repr(self) -> str:
            return "a=1\nb=2"

    class One(t.nn.Module):  # type: ignore[misc]
        def extra_repr(self) -> str:
            return "a=1"

        def _get_name(self) -> str:
            return "Renamed"

    shared = t.nn.ReLU()
    return [Both(), Both(One()), One(), t.nn.Sequential(shared, shared), t.nn.Sequential(t.nn.Sequential(One()))]


@use
def data_parallel(t: Any) -> Any:
    m = t.nn.DataParallel(filled(t.nn.Linear(2, 1)), device_ids=[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = m(ramp(t, 3, 2))
    return [list(m.state_dict()), y, m, m.module, isinstance(m, t.nn.parallel.DataParallel)]


@use
def wrong_calls(t: Any) -> Any:
    m = t.nn.Linear(2, 1)
    return [
        error(lambda: m(ramp(t, 1, 2), 3)),
        error(lambda: m()),
        error(lambda: m(x=ramp(t, 1, 2))),
        error(lambda: t.nn.Module()(1)),
    ]


@pytest.mark.parametrize("name", USES)
def test_the_same_happens(torch: Any, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found, expected = plain(USES[name](tg)), plain(USES[name](torch))
    agree(found, expected, name)


def count(value: Any) -> int:
    return sum(map(count, value)) if isinstance(value, (list, tuple)) else 1


def test_there_is_much_to_compare(torch: Any, record_property: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        n = sum(count(plain(program(torch))) for program in USES.values())
    record_property("findings compared with PyTorch", n)
    print(f"{len(USES)} programs, {n} findings")
    assert n > 2000
