"""The instruments of benchmarks/: fits, the rule of noise, tables and processes. No test depends on a timing."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import by_hand, example, growth, memory, models, opcases, racing, roofline, suite, tables, vision_loop
from benchmarks.racing import RaceError, Racer, Settings

US, TORCH, CHANNELS_LAST = tables.US, *tables.TORCH


@pytest.mark.parametrize("slope", [0.5, 1.0, 1.3, 2.0])
def test_the_exponent_of_a_power_law_is_found(slope: float) -> None:
    sizes = [1, 2, 4, 8, 16, 100]
    assert tables.exponent(sizes, [3e-4 * s**slope for s in sizes]) == pytest.approx(slope)


def test_the_upper_range_leaves_fixed_costs_out() -> None:
    sizes = [2**n for n in range(11)]
    seconds = [1.0 + 0.1 * s for s in sizes]
    start = tables.upper_range(seconds)
    assert seconds[start] >= 5 * seconds[0] > seconds[start - 1]
    everything, upper = tables.exponent(sizes, seconds), tables.exponent(sizes[start:], seconds[start:])
    assert everything < 0.7 < 0.9 < upper < 1


@pytest.mark.parametrize(
    ("seconds", "start"),
    [
        ([1, 1, 1, 1, 1], 2),  # never grows: the last three
        ([1, 6, 7, 8, 9], 1),
        ([1, 6, 2, 8, 9, 10], 3),  # a bump does not begin it
        ([1, 6], 0),
    ],
)
def test_where_the_upper_range_begins(seconds: list[float], start: int) -> None:
    assert tables.upper_range(seconds) == start


def test_a_cliff_shows_as_the_steepest_step() -> None:
    points = [{"size": s, "times": {US: summary(s * (3 if s >= 64 else 1))}} for s in (1, 8, 16, 32, 64, 128)]
    fitted = growth.fit(points, US)
    assert fitted is not None
    assert fitted["steepest"] == pytest.approx(np.log2(6))
    assert fitted["from"] == 8
    assert growth.fit(points, TORCH) is None


def summary(seconds: float, noisy: int = 0, shaky: bool = False) -> dict[str, Any]:
    return {
        "seconds": seconds,
        "median": seconds,
        "faults": 10.0,
        "most faults": 20.0,
        "spread": 1.1,
        "processes": 3,
        "turns": 6,
        "noisy": noisy,
        "shaky": shaky,
    }


def test_tables_line_up_and_refuse_ragged_rows() -> None:
    text = tables.table(["net", "ratio"], [["N1, batch 64", "1.25"], ["N2", "-"]])
    assert len({len(line) for line in text.splitlines()}) == 1
    assert text.splitlines()[1].endswith("-: |")
    with pytest.raises(ValueError, match="3 cells under 2 headings"):
        tables.table(["a", "b"], [["x", "y", "z"]])


def test_speed_is_taken_over_the_quicker_rival() -> None:
    times = {US: summary(2.0), TORCH: summary(6.0), CHANNELS_LAST: summary(3.0, shaky=True)}
    cell = {"times": times, "failed": {}}
    assert tables.speed(cell) == 1.5
    assert tables.ratio(cell) == "~1.50"
    assert tables.ratio(cell, TORCH) == "3.00"
    assert tables.speed({"times": {US: summary(1)}, "failed": {}}) is None
    assert tables.ratio({"times": {US: summary(1)}, "failed": {}}) == "-"


def test_the_rule_of_noise() -> None:
    assert racing.undisturbed(0.03, 0.3)
    assert not racing.undisturbed(0.05, 0.3)
    assert racing.undisturbed(0.05, 1.0)
    assert racing.undisturbed(-0.01, 0.2)  # clocks of different coarseness


def test_noisy_turns_do_not_count() -> None:
    found = racing.summarize([(1.0, True), (9.0, False), (1.2, True), (0.1, False), (1.1, True)])
    assert (found["seconds"], found["median"]) == (1.0, 1.1)
    assert (found["turns"], found["noisy"], found["shaky"]) == (3, 2, False)


def test_with_noise_alone_all_turns_count_and_are_marked() -> None:
    found = racing.summarize([(2.0, False), (1.0, False), (3.0, True)])
    assert found["shaky"]
    assert found["median"] == 2.0


def test_the_quickest_process_stands_for_a_job() -> None:
    found = racing.together([summary(1.0), summary(1.8, noisy=2), summary(1.1), summary(0.1, shaky=True)])
    assert found["seconds"] == 1.0
    assert found["spread"] == pytest.approx(1.8)
    assert (found["turns"], found["noisy"], found["shaky"]) == (24, 2, False)


@pytest.mark.skipif(not hasattr(racing.os, "sched_getaffinity"), reason="no affinity on this system")
def test_cpu_time_is_counted_on_our_cores_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu 9 9 9 9 9 9 9 9 0 0\ncpu0 100 20 30 4000 500 6 7 8 0 0\ncpu1 7 7 7 7 7 7 7 7 0 0\nintr 5\n")
    monkeypatch.setattr(racing.os, "sched_getaffinity", lambda _: {0})
    assert racing.busy(stat) == pytest.approx((100 + 20 + 30 + 6 + 7 + 8) / racing.os.sysconf("SC_CLK_TCK"))
    assert racing.busy(tmp_path / "nothing") is None


def test_measured_processes_get_nobody_s_thread_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("SOMETHING_ELSE", "1")
    found = racing.environment()
    assert "OMP_NUM_THREADS" not in found
    assert found["SOMETHING_ELSE"] == "1"
    assert found["PYTHONPATH"].split(racing.os.pathsep)[0] == str(racing.ROOT)


def test_a_process_runs_steps_and_survives_a_job_that_fails() -> None:
    with Racer() as racer:
        with pytest.raises(RaceError, match="KeyError: 'no such net'"):
            racer.make("models:trainer", package=US, net="no such net", batch=1, mode="train")
        racer.make("models:trainer", package=US, net="MLP", batch=2, mode="train")
        seconds, quiet, answer = racer.turn(3)
        assert seconds > 0
        assert quiet in (True, False)
        assert {"wall", "cpu", "faults", "last"} == set(answer)
        assert set(racer.ask("memory")) == {"now", "peak"}
        racer.process.kill()
        with pytest.raises(RaceError, match="the process ended"):
            racer.ask("memory")


def test_who_cannot_run_does_not_stop_the_others() -> None:
    jobs = {
        US: ("models:trainer", {"package": US, "net": "MLP", "batch": 2, "mode": "predict"}),
        TORCH: ("models:trainer", {"package": "no_such_package", "net": "MLP", "batch": 2, "mode": "predict"}),
    }
    found = racing.cell(jobs, Settings(rounds=1, processes=1, seconds=0.01))
    assert set(found["times"]) == {US}
    assert "no_such_package" in found["failed"][TORCH]
    assert tables.failures([found, found]) == [f"- {TORCH} did not run in 2 cells: {found['failed'][TORCH]}"]


@pytest.mark.parametrize("net", models.NETS)
def test_the_arithmetic_of_a_net_covers_all_its_weights(net: str) -> None:
    _, nn, functional = models.load(US)
    model = models.build(nn, functional.relu, models.NETS[net][1])
    assert sum(piece.weights for piece in models.pieces(net)) == sum(p.numel() for p in model.parameters())


def test_the_products_of_a_step() -> None:
    assert models.products("N1", 10)[:2] == [
        ("conv forward", (6760, 9, 8)),
        ("conv weight gradient", (9, 6760, 8)),  # and no gradient of the image
    ]
    assert models.products("N1", 10)[2:5] == [
        ("linear forward", (10, 1352, 128)),
        ("linear weight gradient", (1352, 10, 128)),
        ("linear input gradient", (10, 128, 1352)),
    ]


@pytest.mark.parametrize("name", opcases.CASES)
def test_every_operation_can_be_made(name: str) -> None:
    op, sizes = opcases.CASES[name]
    for mode in ("forward", "both"):
        opcases.operation(US, op, [2, *sizes[1:]], mode)()


def test_other_jobs_can_be_made() -> None:
    for kind in ("SGD", "Adam"):
        opcases.optimizer(US, kind, 8, total=80)()
    for link in ("y * 0.999", "y + tensor", "relu(y)", "mixed"):
        opcases.chain(US, link, 5)()
    growth.picture_net(US, 28, 1)()


def test_products_in_pieces_are_the_product() -> None:
    for m, k, n, way in ((40_000, 20, 20, "rows"), (20, 40_000, 20, "inner")):
        piece = roofline.split(m, k, n, way)
        assert piece is not None
        assert piece * m * k * n // (m if way == "rows" else k) <= roofline.UNPACKED
        roofline.gemm(m, k, n, way)()
    assert roofline.split(64, 9216, 128, "rows") is None
    assert roofline.split(10, 10, 10, "inner") is None


def test_growth_of_memory_is_a_slope_after_the_warm_up() -> None:
    samples = [(done, 50.0 + (0 if done > 1000 else -30) + 0.002 * done) for done in range(100, 10_001, 100)]
    assert memory.slope(samples) == pytest.approx(2.0)
    assert memory.slope([(100, None), (200, None)]) is None


def test_the_example_is_still_the_one_that_pytorch_runs() -> None:
    source = (racing.ROOT / "examples" / "mnist_cnn.py").read_text()
    assert [source.count(line) for line in example.SWAPPED] == [1, 1, 1]
    for option, value in (("epochs", example.EPOCHS), ("batch-size", example.BATCH), ("lr", example.RATE)):
        assert re.search(rf'"--{option}", type=\w+, default={value}\b', source), option
    assert {"LeNet", "train_epoch", "evaluate"} <= set(example.script(US))


def epoch(seconds: float, accuracy: float, quiet: bool = True) -> dict[str, Any]:
    return {"seconds": seconds, "accuracy": accuracy, "quiet": quiet}


def test_a_disturbed_epoch_counts_with_the_typical_time() -> None:
    run = {"seed": 0, "epochs": {US: [epoch(4, 0.97), epoch(40, 0.98, False), epoch(4, 0.991)], TORCH: [epoch(5, 0.9)]}}
    data = {"runs": [run], "images": 60_000, "failed": {}}
    assert example.to_goal(data, run, US) == 12
    assert example.to_goal(data, run, TORCH) is None


def synthetic() -> dict[str, Any]:
    """Figures as every part leaves them."""
    from benchmarks import nets, odd, ops

    times = {US: summary(1.0, noisy=1), TORCH: summary(1.5), CHANNELS_LAST: summary(1.2)}
    cell: dict[str, Any] = {"times": times, "failed": {}}
    alone = {"times": {"numpy": summary(1e-3)}, "failed": {}}
    planned = [
        {"mode": mode, "net": net, "batch": batch, "threads": threads, **cell}
        for threads in (1, 2)
        for mode in nets.MODES
        for net in nets.SMALL + nets.LARGE
        for batch in (nets.BATCHES if net in nets.SMALL else nets.LARGER)[mode]
    ]
    itself = {"times": {"first": summary(1.0), "second": summary(1.01)}, "failed": {}}
    sweeps = {
        name: [{"size": s, "times": {US: summary(s), TORCH: summary(s)}, "failed": {}} for s in sweep["sizes"]]
        for name, sweep in growth.SWEEPS.items()
    }
    peaks = {US: 80.0, TORCH: 300.0, CHANNELS_LAST: 310.0}
    absent = {"mygrad": "not installed", "autograd": "has no convolution without SciPy"}
    starts = {name: summary(0.1 + n) for n, name in enumerate(["bare", "numpy", f"import {US}", f"first step {US}"])}
    shapes = {f"{m} {k} {n}": {"whole": alone} for net, b in roofline.NETS for _, (m, k, n) in models.products(net, b)}
    data: dict[str, Any] = {
        "nets": {"cells": planned, "others": [{"net": "MLP", "times": times, "failed": absent}], "itself": itself},
        "odd": {
            "cells": [
                {"kernel": k, "side": s, "channels": c, **cell}
                for k in odd.KERNELS
                for s in odd.SIDES
                for c in odd.CHANNELS
            ],
            "threads": 2,
        },
        "ops": {
            "cells": [{"name": name, "forward": cell, "both": cell} for name in opcases.CASES],
            "optimizers": [{"kind": kind, "arrays": arrays, **cell} for kind, arrays in ops.OPTIMIZERS],
            "chains": [{"link": link, **cell} for link in ops.LINKS],
            "threads": 2,
        },
        "growth": {"sweeps": sweeps, "threads": 2},
        "memory": {
            "peaks": [
                {"net": net, "peak": peaks, "after import": dict.fromkeys(peaks, 30.0), "failed": {}} for net in ("N1",)
            ],
            "growth": {US: [(done, 40.0) for done in range(100, 2000, 100)]},
        },
        "start": {"times": starts},
        "roofline": {
            "copies": [{"megabytes": m, **alone} for m in roofline.COPIES],
            "rates": shapes,
            "steps": [{"net": net, "batch": batch, **cell} for net, batch in roofline.NETS],
            "threads": 2,
        },
        "example": {
            "runs": [{"seed": 0, "epochs": {US: [epoch(4, 0.991)], TORCH: [epoch(5, 0.992)]}}],
            "images": 60_000,
            "failed": {},
        },
    }
    circumstances = {"processor": "a fast one", "date": "2026-01-02", "commit": "abc"}
    return {name: {"machine": circumstances, "quick": False, "data": data[name]} for name in data}


def test_every_part_is_listed_and_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert suite.main(None, ["--list"]) == 0
    listed = capsys.readouterr().out
    results = synthetic()
    assert set(results) == set(suite.PARTS)
    text = suite.report(json.loads(json.dumps(suite.rounded(results))))
    for name in suite.PARTS:
        assert re.search(rf"^ *{name}: \w", listed, re.MULTILINE)
        assert f"## {suite.part(name).TITLE}" in text
    assert "| N1, batch 64" in text
    assert "geometric mean 1.20" in text
    assert "has no convolution without SciPy" in text
    assert "median ratio" in text.lower()


def test_one_part_is_renewed_and_says_where_it_was_measured(tmp_path: Path) -> None:
    results = {"start": synthetic()["start"], "memory": synthetic()["memory"]}
    results["memory"]["machine"] = {"processor": "a slow one", "date": "2025-01-01", "commit": "older"}
    text = suite.report(results)
    assert "processor: a fast one" in text.split("## ")[0]
    assert "2025-01-01 at older by `--only memory`; processor: a slow one." in text
    with pytest.raises(ValueError, match="no part"):
        suite.report({})
    suite.write(results, tmp_path, tmp_path / "speed.png")
    kept = json.loads((tmp_path / "results.json").read_text())
    assert suite.report(kept) == (tmp_path / "RESULTS.md").read_text() == text


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="pictures are drawn with matplotlib")
def test_the_picture_is_drawn(tmp_path: Path) -> None:
    from benchmarks.plot import draw

    draw(synthetic()["nets"]["data"], tmp_path / "images" / "speed.png")
    assert (tmp_path / "images" / "speed.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("batch", [1, 10])
def test_the_step_by_hand_is_the_same_step(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert by_hand.difference(batch) < 1e-5
    right = by_hand.Net.backward

    def wrong(self: by_hand.Net, x: Any, t: Any) -> None:
        right(self, x, t)
        self.g[1] *= 1.001

    monkeypatch.setattr(by_hand.Net, "backward", wrong)
    assert by_hand.difference(batch) > 1e-4


@pytest.mark.usefixtures("torch")
def test_both_sides_of_the_vision_loop_train_on_the_same_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.data.small import SIZES, put
    from tinygrad_cnn.data import MNIST

    pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    put(tmp_path)
    monkeypatch.setenv("TINYGRAD_CNN_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "nothing"))
    monkeypatch.setattr(MNIST, "sha256", {})
    monkeypatch.setattr(MNIST, "sizes", SIZES)
    (ours, _), (theirs, _) = (vision_loop.dataset_of(package) for package in ("tinygrad_cnn", "torch"))
    assert len(ours) == len(theirs)
    for (x, y), (u, v) in zip(
        (ours[i] for i in range(len(ours))), (theirs[i] for i in range(len(theirs))), strict=True
    ):
        np.testing.assert_array_equal(x.numpy(), u.numpy())
        assert y == v
    epoch, told = vision_loop.epochs("tinygrad_cnn", "N1", 0, 10)
    assert epoch()["images"] == 10
    assert told == {"transforms": "vision.transforms"}
    monkeypatch.setenv("TINYGRAD_CNN_DATA", str(tmp_path / "nothing"))
    with pytest.raises(FileNotFoundError, match="TINYGRAD_CNN_DATA"):
        vision_loop.raw("train-images-idx3-ubyte", 16)
