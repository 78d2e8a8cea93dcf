"""Hooks around a step and around a state: the same calls as PyTorch's, in the same order."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import optim


def made(L: Any, cls: Any = None) -> Any:
    w = L.nn.Parameter(L.ones(2))
    w.grad = L.ones(2)
    return w, (cls or L.optim.SGD)([w], lr=0.5)


def around_a_step(L: Any) -> Any:
    w, o = made(L)
    seen: list[Any] = []
    o.register_step_pre_hook(lambda o, args, kwargs: seen.append(("before", args[0] is o, len(args), sorted(kwargs))))
    handle = o.register_step_post_hook(lambda _o, args, kwargs: seen.append((w.tolist(), len(args), sorted(kwargs))))
    o.step()
    o.step(lambda: seen.append("closure"))
    o.step(closure=lambda: seen.append("closure"))
    handle.remove()
    o.step()
    return seen


def other_arguments(L: Any) -> Any:
    w, o = made(L)
    seen: list[Any] = []
    o.register_step_pre_hook(lambda o, _args, _kwargs: ((o, lambda: seen.append("ours")), {}))
    o.step(lambda: seen.append("theirs"))
    o.register_step_pre_hook(lambda *_: 3)
    try:
        o.step()
    except RuntimeError:
        seen.append("refused")
    return seen, w.tolist()


def around_a_state(L: Any) -> Any:
    _, o = made(L)
    seen: list[Any] = []
    o.register_state_dict_pre_hook(lambda _o: seen.append("before"))
    o.register_state_dict_pre_hook(lambda _o: seen.append("first"), prepend=True)
    o.register_state_dict_post_hook(lambda _o, state: {**state, "more": 1})
    o.register_state_dict_post_hook(lambda _o, state: seen.append(sorted(state)))
    state = o.state_dict()
    o.register_load_state_dict_pre_hook(lambda _o, state: seen.append(state["param_groups"][0]["lr"]))
    o.register_load_state_dict_pre_hook(
        lambda _o, s: {**s, "param_groups": [{**g, "lr": 7.0} for g in s["param_groups"]]}
    )
    o.register_load_state_dict_post_hook(lambda o: seen.append(("after", o.param_groups[0]["lr"])))
    o.register_load_state_dict_post_hook(lambda _o: seen.append("after, first"), prepend=True)
    o.load_state_dict(state)
    return seen


def of_the_users_own(L: Any) -> Any:
    class Own(L.optim.Optimizer):  # type: ignore[misc]
        def __init__(self, params: Any, lr: float = 0.1) -> None:
            super().__init__(params, {"lr": lr})

        def step(self, closure: Any = None) -> Any:
            loss = None if closure is None else closure()
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    state = self.state[p]
                    state["step"] = state.get("step", 0) + 1
                    p.data.sub_(p.grad.data * group["lr"])
            return loss

    w, o = made(L, Own)
    seen: list[Any] = []
    o.register_step_pre_hook(lambda *_: seen.append("before"))
    o.register_step_post_hook(lambda *_: seen.append("after"))
    value = o.step(lambda: 3.0)
    return seen, value, w.tolist(), o.state[w], o.param_groups[0]["lr"], o.defaults


PROGRAMS = [around_a_step, other_arguments, around_a_state, of_the_users_own]


@pytest.mark.parametrize("program", PROGRAMS)
def test_like_torch(torch: Any, program: Any) -> None:
    assert program(tg) == program(torch)


def test_hooks_are_called_in_their_order_and_may_change_what_is_handed_on() -> None:
    assert around_a_state(tg) == [
        "first", "before", ["more", "param_groups", "state"], 0.5, "after, first", ("after", 7.0)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("step_pre", lambda o: o.step()), ("step_post", lambda o: o.step()),
        ("state_dict_pre", lambda o: o.state_dict()), ("state_dict_post", lambda o: o.state_dict()),
        ("load_state_dict_pre", lambda o: o.load_state_dict(o.state_dict())),
        ("load_state_dict_post", lambda o: o.load_state_dict(o.state_dict())),
    ],
)  # fmt: skip
def test_a_hook_comes_behind_the_others_and_can_be_taken_off(name: str, call: Any) -> None:
    _, o = made(tg)
    seen: list[int] = []
    register = getattr(o, f"register_{name}_hook")
    handles = [register(lambda *_, i=i: seen.append(i)) for i in range(3)]
    call(o)
    assert seen == [0, 1, 2]
    seen.clear()
    handles[1].remove()
    call(o)
    assert seen == [0, 2]
    if name.startswith("step"):
        return
    seen.clear()
    register(lambda *_: seen.append(3), prepend=True)
    call(o)
    assert seen == [3, 0, 2]


def test_a_step_within_a_step_has_no_hooks_of_its_own() -> None:
    class Twice(optim.SGD):
        def step(self, closure: Any = None) -> Any:
            super().step(closure)
            return super().step(closure)

    w, o = made(tg, Twice)
    seen: list[str] = []
    o.register_step_post_hook(lambda *_: seen.append("after"))
    o.step()
    assert (seen, w.tolist()) == (["after"], [0.0, 0.0])


def test_lbfgs_has_them_too() -> None:
    w, o = made(tg, optim.LBFGS)
    seen: list[str] = []
    o.register_step_pre_hook(lambda *_: seen.append("before"))

    def closure() -> Any:
        o.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    o.step(closure)
    assert seen == ["before"]


def test_a_hook_is_a_function() -> None:
    _, o = made(tg)
    with pytest.raises(TypeError, match="a hook is called before step, so it must be a function, got int"):
        o.register_step_pre_hook(3)
