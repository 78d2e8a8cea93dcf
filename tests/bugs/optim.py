"""Bugs in the optimizers and the schedulers."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import ENGINE, Bug

OPTIMIZER, TOGETHER = ["tests/optim/test_optimizer.py"], ["tests/optim/test_elementwise.py"]
STATE, STATES = ["tests/optim/test_state.py"], ["tests/optim/lr_scheduler/test_states.py"]

BUGS = [
    Bug("optim/adam.py", "            lr / (1 - beta1**t),", "            lr,", ["tests/optim/test_adam.py"]),
    Bug("optim/adam.py", "math.sqrt(1 - beta2**t)", "1 - beta2**t", ["tests/optim/test_adam.py"]),
    Bug("optim/adam.py", "np.sqrt(v if v_max is None else np.maximum(v_max, v, out=v_max), t)", "np.sqrt(v, t)", ["tests/optim/test_adam.py"]),
    Bug("optim/adam.py", "1 - lr * weight_decay if decoupled", "1 - weight_decay if decoupled", ["tests/optim/test_adam.py"]),
    Bug("optim/sgd.py", "None if first or gain == 1 else gain", "None if gain == 1 else gain", ["tests/optim/test_sgd.py"]),
    Bug("optim/sgd.py", "np.add(g, np.multiply(b, n.ahead, t), s)", "np.add(b, np.multiply(g, n.ahead, t), s)", ["tests/optim/test_sgd.py"]),
    Bug("optim/optimizer.py", "                note_writes(entries)\n", "                pass\n", ENGINE),
    Bug("optim/optimizer.py", '-g if group.get("maximize") else g,', "g,", OPTIMIZER),
    Bug("optim/state.py", "    kept._array[...] = a\n", "    kept = value\n", OPTIMIZER),
    Bug("optim/optimizer.py", "for start in range(0, shape[axis], length)", "for start in range(0, shape[axis] - length + 1, length)", OPTIMIZER),
    # parameters that are stepped together
    Bug("optim/plans.py", "            if id(g if g.base is None else owner_of(g)) in owners:\n", "            if False:\n", TOGETHER),
    Bug("optim/plans.py", "not a.size or i in overlapping or", "not a.size or", TOGETHER),
    Bug("optim/plans.py", "state.get(name) is not tensor or tensor._array is not array", "state.get(name) is not tensor", TOGETHER),
    Bug("optim/plans.py", "state.get(name) is not tensor or tensor._array is not array", "False", TOGETHER),
    Bug("optim/plans.py", ' != self.steps:\n', ' == self.names:\n', TOGETHER),
    Bug("optim/plans.py", "        self._stand_at(places)\n        return True\n", "        return True\n", TOGETHER),
    Bug("optim/plans.py", " and not has_other_names(kept)", "", TOGETHER),
    Bug("optim/plans.py", "all(_is_fixed(value) for", "all(True or value for", TOGETHER),
    Bug("optim/plans.py", "self.work if self.work and not optimizer.counts else", "self.work if self.work else", TOGETHER),
    Bug("optim/plans.py", "(a.dtype, self.steps[i])", "a.dtype", TOGETHER),
    Bug("optim/plans.py", "            start = stop\n", "            start = stop + 1\n", TOGETHER),
    Bug("optim/parts.py", "    memory = bytearray(size * dtype.itemsize)\n", "    memory = np.empty(size * dtype.itemsize, np.uint8)\n", TOGETHER),
    Bug("optim/parts.py", "np.negative(g, negative) if self.maximize else g", "g", TOGETHER),
    Bug("optim/parts.py", "            line[...] = part\n", "            pass\n", TOGETHER),
    Bug("optim/parts.py", "    if rows is None or rows[0].size < size:\n", "    if True:\n", TOGETHER),  # new memory in each step
    Bug("optim/elementwise.py", "        return Plans, ()\n", "        return Plans, (dict(self),)\n", TOGETHER),
    Bug("optim/elementwise.py", " and (any(flags) or False not in flags)", "", TOGETHER),
    Bug("optim/nadam.py", "(1 - product * mu_next)", "(1 - product)", ["tests/optim/test_nadam.py"]),
    Bug("optim/radam.py", "if rho <= 5:", "if rho <= 4:", ["tests/optim/test_radam.py"]),
    Bug("optim/rmsprop.py", "np.maximum(v - a * a, 0)", "v - a * a", ["tests/optim/test_rmsprop.py"]),
    Bug("optim/lion.py", "m += (1 - beta2) * g", "m += (1 - beta1) * g", ["tests/optim/test_lion.py"]),
    Bug("optim/adagrad.py", '(t - 1) * group["lr_decay"]', 't * group["lr_decay"]', ["tests/optim/test_adagrad.py"]),
    Bug("optim/adadelta.py", "u += (1 - rho) * (d * d)", "u += (1 - rho) * (g * g)", ["tests/optim/test_adadelta.py"]),
    Bug("optim/rmsprop.py", "np.maximum(v - a * a, 0)", "np.abs(v - a * a)", ["tests/optim/test_rmsprop.py"]),  # a variance that is rounding alone
    Bug("optim/lr_scheduler/arguments.py", "and float(value).is_integer() else value", "else value", ["tests/optim/lr_scheduler/test_decay.py"]),
    Bug("optim/lr_scheduler/cyclic.py", "self.T_cur %= self.T_i", "self.T_cur = 0", ["tests/optim/lr_scheduler/test_cyclic.py"]),
    Bug("optim/optimizer.py", '            taken[id(p)] = "the same group"\n', "", OPTIMIZER),
    Bug("optim/checks.py", "is_number(b) and 0 <= b < 1", "is_number(b) and 0 <= b <= 1", ["tests/optim/test_checks.py"]),
    Bug("optim/lr_scheduler/plateau.py", "self.num_bad_epochs > self.patience", "self.num_bad_epochs >= self.patience", ["tests/optim/lr_scheduler/test_plateau.py"]),
    Bug("optim/lr_scheduler/compose.py", "                scheduler.last_epoch = -1\n", "                pass\n", ["tests/optim/lr_scheduler/test_compose.py"]),
    Bug("optim/adam.py", "weight_decay: float = 1e-2,", "weight_decay: float = 0,", ["tests/optim/test_adam.py"]),
    Bug("optim/state.py", "        return deepcopy(value)\n", "        return value\n", OPTIMIZER),
    Bug("optim/state.py", "(kind is int and (x < 0 or x != int(x)))", "(kind is int and x < 0)", STATE),
    Bug("optim/state.py", "set(optimizer.defaults) - set(saved) - set(OPTIONAL)", "set()", STATE),
    Bug("optim/optimizer.py", "self.check(group if lr >= 0 else", "self.check(group if True else", STATE),
    Bug("optim/optimizer.py", 'finite(group, "lr") if "lr" in group else 0.0', 'float(group.get("lr", 0.0))', OPTIMIZER),
    Bug("optim/hooks.py", "        if self._stepping:\n", "        if False:\n", ["tests/optim/test_hooks.py"]),
    Bug("optim/adamax.py", '    d += group["eps"]\n', "", ["tests/optim/test_adamax.py"]),
    Bug("optim/adamax.py", "np.maximum(u, d, out=u)", "np.minimum(u, d, out=u)", ["tests/optim/test_adamax.py"]),
    Bug("optim/asgd.py", '1 / max(1.0, t - group["t0"])', '1 / max(1.0, t + 1 - group["t0"])', ["tests/optim/test_asgd.py"]),
    Bug("optim/rprop.py", "    before[shrink] = 0\n", "", ["tests/optim/test_rprop.py"]),
    Bug("optim/adafactor.py", "max(1.0, _rms(u) / group[\"d\"])", "1.0", ["tests/optim/test_adafactor.py"]),
    Bug("optim/lbfgs.py", "    q *= scale\n", "", ["tests/optim/test_lbfgs.py"]),
    Bug("optim/lbfgs.py", "for y, s, rho in reversed(pairs):", "for y, s, rho in pairs:", ["tests/optim/test_lbfgs.py"]),
    Bug("optim/wolfe.py", "            bracket[1 - low] = best\n", "            pass\n", ["tests/optim/test_wolfe.py"]),
    Bug("optim/wolfe.py", "3 * (a.f - b.f) / (a.t - b.t)", "3 * (b.f - a.f) / (a.t - b.t)", ["tests/optim/test_wolfe.py"]),
    Bug("optim/lr_scheduler/base.py", "            self._go_back(mine)\n", "", STATES),
    Bug("optim/lr_scheduler/base.py", "        trial._validate()\n", "", STATES),
    Bug("optim/lr_scheduler/base.py", "        group[\"lr\"]._array[...] = lr\n", "        group[\"lr\"] = lr\n        return\n", STATES),
    Bug("optim/lr_scheduler/compose.py", "            scheduler._go_back(part)\n", "            pass\n", STATES),
    Bug("optim/lr_scheduler/base.py", "for key, value in state_dict.items() if key not in apart}", "for key, value in state_dict.items()}", STATES),
    Bug("optim/lr_scheduler/decay.py", "self._initial and t > 0 and not self._moves_when_resumed", "self._initial and t > 0", ["tests/optim/lr_scheduler/test_decay.py"]),
]  # fmt: skip
