"""Bugs in training."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import Bug

STOPPING = ["tests/train/test_stopping.py"]
TRAINER = ["tests/train/test_trainer.py"]
CHECKPOINTS = ["tests/train/test_checkpoints.py"]
CALLBACKS = ["tests/train/test_callbacks.py"]
METRICS = ["tests/train/test_metrics.py"]

BUGS = [
    Bug("train/trainer.py", '        if interrupt.requested:\n            self.stop("interrupted")\n        row =', "        row =", ["tests/train/test_interrupt.py"]),  # Ctrl-C during validation
    Bug("train/trainer.py", "copies = [copy.deepcopy(metric) for metric in metrics]", "copies = list(metrics)", TRAINER),
    Bug("train/trainer.py", "mean.add(_number(loss), len(targets))", "mean.add(_number(loss), 1)", TRAINER),  # a short last batch counts as much as the others
    Bug("train/checkpoints.py", "if set(generators) != set(states):", "if not set(generators) >= set(states):", CHECKPOINTS),
    Bug("train/checkpoints.py", "trainer.epoch >= trainer.epochs or trainer.stop_reason is not None", "trainer.epoch >= trainer.epochs", CHECKPOINTS),
    Bug("train/checkpoints.py", "        _put(trainer, before)\n", "        pass\n", CHECKPOINTS),
    Bug("train/history.py", 'name.endswith(("loss", "error"))', 'name.endswith("loss")', ["tests/train/test_history.py"]),
    Bug("train/callbacks.py", "if self.waited >= self.patience:", "if self.waited > self.patience:", CALLBACKS),
    Bug("train/interrupt.py", "            signal.signal(signal.SIGINT, self._before)\n", "", ["tests/train/test_interrupt.py"]),
    Bug("train/loaders.py", "generator=Generator(seed), stratify", "generator=None, stratify", TRAINER),  # another validation part after a resume
    Bug("train/metrics.py", "(index < true[:, None])", "(index <= true[:, None])", METRICS),
    Bug("train/progress.py", "self._next = now + _INTERVAL", "self._next = now", ["tests/train/test_progress.py"]),
    Bug("train/callbacks.py", '"waited": self.waited, "weights"', '"waited": 0, "weights"', CALLBACKS),
    Bug("train/progress.py", "width + 2 <= left", "True", ["tests/train/test_progress.py"]),
    Bug("train/stopping.py", "        self._asked = reason\n", "", STOPPING),  # lost, where the run has not begun
    Bug("train/stopping.py", "            if self._runs:\n", "            if False:\n", STOPPING),
    Bug("train/stopping.py", "self._interrupt = self._asked = None", "self._interrupt = None", STOPPING),  # the next run ends too
    Bug("train/stopping.py", "            self._runs = False\n", "", STOPPING),
    Bug("train/progress.py", "self._bar.ncols = room - _KEY", "self._bar.ncols = room", ["tests/train/test_progress.py"]),
    Bug("train/progress.py", 'self._bar.display(" " * (self._bar.ncols + _KEY))', "pass", ["tests/train/test_progress.py"]),
]  # fmt: skip
