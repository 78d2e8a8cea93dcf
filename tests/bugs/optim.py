"""Bugs in the optimizers and the schedulers."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import ENGINE, Bug

OPTIMIZER = ["tests/optim/test_optimizer.py"]

BUGS = [
    Bug("optim/adam.py", 'd *= group["lr"] / (1 - beta1**t)', 'd *= group["lr"]', ["tests/optim/test_adam.py"]),
    Bug("optim/adam.py", "d /= math.sqrt(1 - beta2**t)", "d /= 1 - beta2**t", ["tests/optim/test_adam.py"]),
    Bug("optim/adam.py", "np.sqrt(v if v_max is None else v_max)", "np.sqrt(v)", ["tests/optim/test_adam.py"]),
    Bug("optim/adam.py", 'p *= 1 - group["lr"] * weight_decay', "p *= 1 - weight_decay", ["tests/optim/test_adam.py"]),
    Bug("optim/sgd.py", "g if first or not dampening else (1 - dampening) * g", "(1 - dampening) * g", ["tests/optim/test_sgd.py"]),
    Bug("optim/sgd.py", 'g + momentum * b if group["nesterov"] else b', 'b + momentum * g if group["nesterov"] else b', ["tests/optim/test_sgd.py"]),
    Bug("optim/optimizer.py", "                mutated(*(p._array for p, _ in params))\n", "                pass\n", ENGINE),
    Bug("optim/optimizer.py", '-g if group.get("maximize") else g,', "g,", OPTIMIZER),
    Bug("optim/optimizer.py", "state[key]._array[...] = _array(value)", "state[key] = value", OPTIMIZER),
    Bug("optim/optimizer.py", "for start in range(0, shape[axis], length)", "for start in range(0, shape[axis] - length + 1, length)", OPTIMIZER),
    Bug("optim/nadam.py", "(1 - product * mu_next)", "(1 - product)", ["tests/optim/test_nadam.py"]),
    Bug("optim/radam.py", "if rho <= 5:", "if rho <= 4:", ["tests/optim/test_radam.py"]),
    Bug("optim/rmsprop.py", "np.maximum(v - a * a, 0)", "v - a * a", ["tests/optim/test_rmsprop.py"]),
    Bug("optim/lion.py", "m += (1 - beta2) * g", "m += (1 - beta1) * g", ["tests/optim/test_lion.py"]),
    Bug("optim/adagrad.py", '(t - 1) * group["lr_decay"]', 't * group["lr_decay"]', ["tests/optim/test_adagrad.py"]),
    Bug("optim/adadelta.py", "u += (1 - rho) * (d * d)", "u += (1 - rho) * (g * g)", ["tests/optim/test_adadelta.py"]),
    Bug("optim/rmsprop.py", "np.maximum(v - a * a, 0)", "np.abs(v - a * a)", ["tests/optim/test_rmsprop.py"]),  # a variance that is rounding alone
    Bug("optim/lr_scheduler/cyclic.py", "self.T_cur %= self.T_i", "self.T_cur = 0", ["tests/optim/lr_scheduler/test_cyclic.py"]),
    Bug("optim/optimizer.py", '            taken[id(p)] = "the same group"\n', "", OPTIMIZER),
    Bug("optim/checks.py", "is_number(b) and 0 <= b < 1", "is_number(b) and 0 <= b <= 1", ["tests/optim/test_checks.py"]),
    Bug("optim/lr_scheduler/plateau.py", "self.num_bad_epochs > self.patience", "self.num_bad_epochs >= self.patience", ["tests/optim/lr_scheduler/test_plateau.py"]),
    Bug("optim/lr_scheduler/compose.py", "                scheduler.last_epoch = -1\n", "                pass\n", ["tests/optim/lr_scheduler/test_compose.py"]),
    Bug("optim/adam.py", "weight_decay: float = 1e-2,", "weight_decay: float = 0,", ["tests/optim/test_adam.py"]),
    Bug("optim/optimizer.py", "            state[key] = deepcopy(value)\n", "            state[key] = value\n", OPTIMIZER),
    Bug("optim/lr_scheduler/decay.py", "self._initial and t > 0 and not self._moves_when_resumed", "self._initial and t > 0", ["tests/optim/lr_scheduler/test_decay.py"]),
]  # fmt: skip
