"""Bugs in training."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import Bug

STOPPING = ["tests/train/test_stopping.py"]
TRAINER = ["tests/train/test_trainer.py"]
CHECKPOINTS = ["tests/train/test_checkpoints.py"]
RESUME = ["tests/train/test_resume.py"]
CALLBACKS = ["tests/train/test_callbacks.py"]
METRICS = ["tests/train/test_metrics.py"]

BUGS = [
    Bug("train/trainer.py", '        if interrupt.requested:\n            self.stop("interrupted")\n        row =', "        row =", ["tests/train/test_interrupt.py"]),  # Ctrl-C during validation
    Bug("train/running.py", "copies = [copy.deepcopy(metric) for metric in metrics]", "copies = list(metrics)", TRAINER),
    Bug("train/trainer.py", "mean.add(_number(loss), len(targets))", "mean.add(_number(loss), 1)", TRAINER),  # a short last batch counts as much as the others
    Bug("data/resuming.py", "    if own != saved:\n", "    if not set(own) >= set(saved):\n", CHECKPOINTS),
    Bug("train/checkpoints.py", "trainer.epoch >= trainer.epochs or trainer.stop_reason is not None", "trainer.epoch >= trainer.epochs", CHECKPOINTS),
    Bug("train/state.py", "        _put(trainer, before, {i: i for i in range(len(before[\"callbacks\"]))})\n", "        pass\n", CHECKPOINTS),
    Bug("train/history.py", 'name.endswith(("loss", "error"))', 'name.endswith("loss")', ["tests/train/test_history.py"]),
    Bug("train/csv_log.py", "            if len(row) != len(rows[0]):\n", "            if not row:\n", CALLBACKS),  # a row of another length
    Bug("train/callbacks.py", "if self.waited >= self.patience:", "if self.waited > self.patience:", CALLBACKS),
    Bug("train/interrupt.py", "            signal.signal(signal.SIGINT, self._before)\n", "", ["tests/train/test_interrupt.py"]),
    Bug("train/loaders.py", "generator=Generator(seed), stratify", "generator=None, stratify", TRAINER),  # another validation part after a resume
    Bug("train/metrics.py", "(index < true[:, None])", "(index <= true[:, None])", METRICS),
    Bug("train/progress.py", "self._next = now + _INTERVAL", "self._next = now", ["tests/train/test_progress.py"]),
    Bug("train/callbacks.py", '"waited": self.waited, "weights"', '"waited": 0, "weights"', CALLBACKS),
    Bug("train/going_on.py", "            process_to(position)  # as if nobody had asked whether there is one more\n", "", RESUME),
    Bug("train/going_on.py", "                self._telling = Telling(moment, i, logs)\n", "                pass\n", RESUME),  # who had not been told never is
    Bug("train/going_on.py", 'stand["train"] = self._feed.state(self.batch)', "pass", RESUME),
    Bug("train/running.py", '        self.mean.load_state_dict(state["loss"])\n', "", RESUME),
    Bug("train/running.py", 'self.lr, self._seconds = state["lr"], float', 'self._seconds = float', RESUME),
    Bug("train/state.py", '    process_to(state["random"])\n', "", RESUME),
    Bug("train/state.py", "if there >= count]", "if there > count]", RESUME),
    Bug("train/state.py", 'holders[f"callbacks.{name}.{numbers[name]}"] = callback', 'holders[f"callbacks.{len(holders)}"] = callback', RESUME),  # a generator is not found where others came
    Bug("train/state.py", 'any(state["callbacks"][i][1] for i in gone) or ', "", RESUME),  # a state is lost
    Bug("train/going_on.py", "        self._own = weights_of(self.model)\n", "        self._own = weights_of(self.model) if self.epoch < self.epochs else None\n", RESUME),
    Bug("train/feeding.py", 'self._digests[-1] != state["digest"]', "False", RESUME),
    Bug("train/going_on.py", "            self.model.load_state_dict(self._own)\n", "            pass\n", RESUME),  # goes on with the best weights
    Bug("train/checkpoints.py", "                self.best, self.best_epoch = before  # a best counts when its file stands\n", "", CHECKPOINTS),
    Bug("train/checkpoints.py", "            self._files = before\n", "", CHECKPOINTS),
    Bug("train/checkpoints.py", "if ours.fullmatch(str(file))", "", CHECKPOINTS),  # removes what a file of somebody's names
    Bug("nn/summary.py", "        module.training = False\n", "        pass\n", TRAINER),
    Bug("train/progress.py", "width + 2 <= left", "True", ["tests/train/test_progress.py"]),
    Bug("train/stopping.py", "        self._asked = reason\n", "", STOPPING),  # lost, where the run has not begun
    Bug("train/stopping.py", "            if self._runs:\n", "            if False:\n", STOPPING),
    Bug("train/stopping.py", "self._interrupt = self._asked = None", "self._interrupt = None", STOPPING),  # the next run ends too
    Bug("train/stopping.py", "            self._runs = False\n", "", STOPPING),
    Bug("train/progress.py", "self._bar.ncols = room - _KEY", "self._bar.ncols = room", ["tests/train/test_progress.py"]),
    Bug("train/progress.py", 'self._bar.display(" " * (self._bar.ncols + _KEY))', "pass", ["tests/train/test_progress.py"]),
]  # fmt: skip
