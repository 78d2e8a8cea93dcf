"""Bugs in the guard rails of a training's loop: they say nothing, or they speak of what is right."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import Bug

LOOP, PARAMETERS, LOSSES = (
    ["tests/rails/test_loop.py"],
    ["tests/rails/test_parameters.py"],
    ["tests/rails/test_losses.py"],
)
VOICE = ["tests/arrays/test_guarding.py"]

BUGS = [
    Bug("rails/passes.py", "is_used(g) and g._array.any()", "is_used(g)", LOOP),  # zeros may be added to
    Bug("rails/passes.py", "    if not fresh and sum(", "    if sum(", LOOP),  # a GAN
    Bug("rails/passes.py", "arrived = upcoming() + held - 1", "arrived = upcoming() + held + 1", LOOP),
    Bug("rails/passes.py", "if not watch.steps and not others and", "if not watch.steps and", LOOP),  # adversarial images
    Bug("rails/passes.py", "any(written_since(p._array, watch.made) for p in params)", "False", LOOP),  # steps by hand
    Bug("rails/passes.py", "if recent.loss == watch.latest else 1", "", LOOP),
    Bug("rails/passes.py", "        watch.zeroed = False\n", "", LOOP),
    Bug("rails/passes.py", "    recent.cut = True\n", "", LOOP),
    Bug("rails/memory.py", " and not writes.written_since(g._array, mark.ticket)", "", LOOP),
    Bug("rails/memory.py", "weakref.ref(optimizer)\n        self.steps", "(lambda: optimizer)\n        self.steps", LOOP),
    Bug("rails/steps.py", "        if watch.stepped:\n            say(", "        if True:\n            say(", LOOP),
    Bug("rails/steps.py", "_something_computed(watch):", "True:", LOOP),  # a schedule is drawn
    Bug("rails/steps.py", "    elif strays:\n", "    elif False:\n", PARAMETERS),
    Bug("rails/steps.py", "not written_since(p._array, before) and", "", PARAMETERS),  # stepped by hand
    Bug("rails/steps.py", "            watch.patience = 50", "            watch.patience = 2", PARAMETERS),
    Bug("rails/steps.py", "        watch.excused.update(id(p) for p in gone)\n", "", PARAMETERS),
    Bug("rails/steps.py", "or stepped_by_somebody(p):", "or False:", PARAMETERS),
    Bug("rails/attributes.py", "if not rails.on or here.mode.module is not None:", "if not rails.on:", PARAMETERS),
    Bug("rails/nonfinite.py", "            made[node] = y\n", "            pass\n", LOSSES),
    Bug("rails/nonfinite.py", "                    masks = masks or what\n", "                    return what\n", LOSSES),
    Bug("rails/losses.py", "if not same and lr * largest > 1e-6:", "if False:", LOSSES),
    Bug("rails/losses.py", "if watch.growth() > GROWN:", "if True:", LOSSES),
    Bug("rails/losses.py", "fell or abs(watch.anchor) < 1e-6", "abs(watch.anchor) < 1e-6", LOSSES),
    Bug("arrays/guarding.py", "            if filters is warnings.filters:\n", "            if True:\n", VOICE),
]  # fmt: skip
