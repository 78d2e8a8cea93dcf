"""Bugs put in by hand, one at a time, to see whether the tests notice. A script: `python tests/mutants.py`.

The tree is copied to a temporary folder. There each bug is made, its narrow tests run, and, should they pass, the whole
suite: only a bug that this does not notice either is a survivor. Nothing depends on PyTorch: comparisons with it are
left out. At the end the tests that killed run once more without a bug; those that fail there have killed nothing.

    python tests/mutants.py --only ops --only windows    # areas: engine, ops, convolution, windows, optim
    python tests/mutants.py --match softmax --jobs 2
"""

# ruff: noqa: E501  (a table)

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("tinygrad_cnn", "tests", "examples", "docs", "benchmarks", "pyproject.toml", "README.md", "Makefile")
SHARE = 0.96  # of the bugs that must be killed: 48 of 50
LIMIT = 900  # seconds for one run of tests

# Hypothesis draws the same examples each time, and does not shrink: that a test fails is all that is asked.
PLUGIN = """
import hypothesis

def pytest_configure(config):
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile(
        "mutants", max_examples=25, deadline=None, derandomize=True, database=None, phases=phases
    )
    hypothesis.settings.load_profile("mutants")
"""


class Bug(NamedTuple):
    """What stands in a file of the package, once; what is put there instead; and the tests that should notice."""

    file: str
    old: str
    new: str
    tests: list[str]

    @property
    def area(self) -> str:
        folder = self.file.partition("/")[0]
        return (
            folder if folder in ("ops", "optim", "convolution") else "windows" if folder == "windows.py" else "engine"
        )


def case(*names: str, file: str = "") -> list[str]:
    """The properties of these cases in tests/ops/test_cases.py, and the explicit tests of a file beside it."""
    wanted = [f"[{name}]".replace(" ", " and ") for name in names] + [file] * bool(file)
    return ["tests/ops/test_cases.py", *[f"tests/ops/{file}"] * bool(file), "-k", " or ".join(wanted)]


def functional(*names: str, file: str = "") -> list[str]:
    return case(*(f"nn.functional.{name}" for name in names), file=file)


ENGINE = ["tests/test_engine.py", "-k", "not million"]
CONV, POOL = ["tests/ops/test_conv.py"], ["tests/ops/test_pool.py"]
WINDOWS = ["tests/test_windows.py"]
FAST = ["tests/convolution", "tests/test_threads.py"]
NORM = ["tests/ops/test_channelwise.py"]
OPTIMIZER = ["tests/optim/test_optimizer.py"]

BUGS = [
    # ------------------------------------------------------------------------------------------------------ engine
    Bug("engine.py", "                pending[parent] = before + gx\n", "                pending[parent] = gx\n", ENGINE),
    Bug(
        "engine.py",
        "pending[parent] = gx\n                if type(parent) is Node:\n"
        "                    heapq.heappush(heap, (-parent.order, parent))",
        "pending[parent] = gx\n                if type(parent) is Node:\n"
        "                    heapq.heappush(heap, (parent.order, parent))",
        ENGINE,
    ),  # from the earliest node to the latest
    Bug("engine.py", "return x.sum(axes, keepdims=True)", "return x.mean(axes, keepdims=True)", ENGINE),
    Bug("engine.py", "enumerate(shape) if n == 1 and x.shape[lead + i] != 1)", "enumerate(shape) if n == 0)", ENGINE),
    Bug("engine.py", "gx = cast(gx, dtype=x.dtype)", "pass", ENGINE),
    Bug("engine.py", "            node.saved = None\n", "            pass\n", ENGINE),  # never freed
    Bug("engine.py", "        if not retain:\n", "        if True:\n", ENGINE),
    Bug("engine.py", "if node.order < inplace.last_write:", "if node.order > inplace.last_write:", ENGINE),
    Bug("engine.py", 'if id(g) in given or getattr(g, "base", None) is not None:', "if id(g) in given:", ENGINE),
    Bug("engine.py", "                given.add(id(g))\n", "", ENGINE),  # leaves share one gradient
    Bug("engine.py", "leaf.grad = g if leaf.grad is None else leaf.grad + g", "leaf.grad = g", ENGINE),
    Bug("engine.py", "        mutated(leaf.grad.numpy())\n", "", ENGINE),
    Bug("engine.py", "_accumulate(retaining, g if create else np.array(g))", "_accumulate(retaining, g)", ENGINE),
    Bug("inplace.py", "x.numpy(), x._node = y.numpy(), y._node", "x.data = y.numpy()", ENGINE),
    Bug("engine.py", "result._aliased = inputs[0]._aliased = True", "result._aliased = True", ENGINE),
    Bug("engine.py", "flags = [a or b for a, b in zip(flags,", "flags = [b for a, b in zip(flags,", ENGINE),
    Bug(
        "engine.py",
        "lifted = [y if type(y) is Like else _wrap(y, node)]",
        "lifted = [y if type(y) is Like else _wrap(y, None)]",
        case("tanh"),
    ),  # the second derivative through the output is cut off
    Bug("engine.py", "isinstance(parent, Variable) else _wrap(a, parent))", "False else _wrap(a, None))", ENGINE),
    Bug("engine.py", "return new if create else new.numpy().copy(order=", "return new if create else np.asarray(new.numpy(), order=", ENGINE),
    Bug("engine.py", "            if rule is None:\n                continue\n            for", "            for", ENGINE),
    Bug("inplace.py", "        entry[1] = last_write\n", "        pass\n", ENGINE),  # a second write goes unnoticed
    Bug("inplace.py", "    owner = _owner(array)\n    entry =", "    owner = array\n    entry =", ENGINE),
    Bug("inplace.py", "entry[0]() is owner and entry[1] > ticket", "entry[0]() is owner", ENGINE),
    Bug("modes.py", "mode.recording = self._before.pop()", "mode.recording = True", ENGINE),
    Bug("modes.py", "class _Mode(threading.local):", "class _Mode:", ENGINE),
    Bug("recompute.py", "generator.set_state(state)", "pass", ENGINE),  # other dropout masks the second time
    Bug("recompute.py", "            generator.set_state(now)\n", "            pass\n", ENGINE),
    Bug("recompute.py", "home.get(id(leaf), leaf), gx", "leaf, gx", ENGINE),
    # --------------------------------------------------------------------------------------------------------- ops
    Bug("ops/elementwise.py", "lambda g, y, _a, b: -g * y / b", "lambda g, y, _a, b: g * y / b", case("true_divide")),
    Bug("ops/elementwise.py", "np.power(x, (p - k) * (factor != 0))", "np.power(x, p * (factor != 0))", case("pow")),
    Bug("ops/elementwise.py", "g * (1 - y * y)", "g * (1 - y)", case("tanh")),
    Bug("ops/elementwise.py", "g * (y > _positive_range(y.dtype)[0])", "g * (y >= _positive_range(y.dtype)[0])", case("relu")),  # a slope of 1 at the kink
    Bug("ops/elementwise.py", "only(g, a > b) + 0.5 * only(g, a == b),", "only(g, a >= b),", ["tests/test_engine.py", "-k", "tie"]),  # one takes the tie
    Bug("ops/elementwise.py", "condition, _a, _b: only(g, condition == 0)", "condition, _a, _b: g", case("where")),
    Bug("ops/promotion.py", "float: default_dtype}", "float: np.dtype(np.float64)}", ["tests/ops/test_limits.py"]),
    Bug("ops/reduce.py", "spread(g / count(_x.shape, dim), dim=dim", "spread(g, dim=dim", case("mean")),
    Bug("ops/reduce.py", "and y.all() and np.isfinite(y).all()", "", case("prod-of zeros")),
    Bug("ops/moments.py", "true_divide(2 * g, _freedom(", "true_divide(g, _freedom(", case("var")),
    Bug("ops/moments.py", "return only(g / y, sloping) * x", "return only(g, sloping) * x", case("norm")),
    Bug(
        "ops/softmaxes.py",
        "y * (g - sum_over(g * y,",
        '(y.numpy() if hasattr(y, "detach") else y) * (g - sum_over(g * y,',
        case("softmax"),
    ),  # a constant where the output belongs: the first derivative is right, the second is not
    Bug("ops/softmaxes.py", "g - exp(y) * sum_over(g,", "g - exp(y) * sum_over(g * y,", case("log_softmax")),
    Bug("ops/softmaxes.py", "np.where(np.isinf(m), x.dtype.type(0), m)", "np.zeros_like(m)", ["tests/ops/test_softmaxes.py"]),
    Bug("ops/linalg.py", "_cross(b, g, dim=dim)", "_cross(g, b, dim=dim)", case("cross")),
    Bug("ops/linalg.py", "_matmul(g, _turned(b))", "_matmul(g, b)", case("matmul")),
    Bug("ops/linalg.py", "    if beta == 0:\n        return product\n", "", ["tests/ops/test_linalg.py"]),  # NaN times 0 is NaN
    Bug("ops/contraction.py", "-1, first)", "-1, 0)", case("einsum", "trace")),
    Bug("ops/contraction.py", "if any(label in term for term in rest))", "if label in out)", case("einsum")),
    Bug("ops/shape.py", "dims=tuple(dims.index(i) for i in range(len(dims)))", "dims=dims", case("permute")),
    Bug("ops/shape.py", "((*shape[1:], n)).transpose((k, *range(k)))", "((n, *shape[1:]))", case("reshape", "flatten", file="test_shape.py")),
    Bug("ops/indices.py", "len(arrays) == 1 and arrays[0][1].dtype == np.bool_)", "len(arrays) == 1)", case("Tensor.__getitem__-advanced")),
    Bug("ops/indices.py", "np.where(a < 0, a + n, a)", "np.where(a < 0, a + n - 1, a)", case("Tensor.__getitem__-advanced")),
    Bug("ops/index.py", "_setitem(g, np.zeros((), g.dtype), index=index)", "g", case("Tensor.__setitem__")),
    Bug("ops/index.py", "    np.add.at(out.reshape(-1), _flat(", "    out.reshape(-1).put(_flat(", case("gather")),
    Bug("ops/joining.py", "starts.append(starts[-1] + x.shape[dim])", "starts.append(x.shape[dim])", case("cat")),
    Bug("ops/padding.py", "tuple((-a, -b) for a, b in widths)", "tuple((-b, -a) for a, b in widths)", functional("pad")),
    Bug("ops/padding.py", "slice(2 * before, before, -1)", "slice(2 * before - 1, before - 1, -1)", functional("pad-reflect")),
    Bug("ops/conv.py", "W * N, O)).sum(0)", "W * N, O))[0]", CONV),
    Bug("convolution/im2col.py", "oh, L), x.dtype) if groups * K * oh * L <= _BLOCK else None", "oh, L), x.dtype)", CONV),  # columns are kept, however many
    Bug("convolution/im2col.py", "            dw += np.matmul(", "            dw[...] = np.matmul(", CONV),
    Bug("ops/conv.py", "u, _y, g, _w, *, size, **a: conv2d_weight(g, u,", "u, _y, g, _w, *, size, **a: conv2d_weight(-g, u,", functional("conv2d")),
    Bug("ops/conv.py", "g, _y, x, _w, *_b, **a: conv2d_weight(g, x,", "g, _y, x, _w, *_b, **a: conv2d_weight(g, x.numpy() if hasattr(x, 'detach') else x,", functional("conv2d")),
    Bug("convolution/im2col.py", "W = w.reshape(groups, O // groups, K)\n", "W = w.reshape(O // groups, groups, K).swapaxes(0, 1)\n", [*CONV]),
    Bug("ops/pool.py", "        g = np.subtract(g, here,", "        g = np.add(g, 0 * here,", POOL),  # each of several equal maxima is paid in full
    Bug("ops/pool.py", "zip(taps[-2::-1], values[-2::-1], strict=True)", "zip(taps[:-1], values[:-1], strict=True)", POOL),
    Bug("ops/pool.py", "((found < 0) & (tap == y)) | (tap != tap)", "(tap == y) | (tap != tap)", POOL),
    Bug("ops/pool.py", 'return -np.inf if dtype.kind == "f" else', 'return 0 if dtype.kind == "f" else', POOL),
    Bug("ops/pool.py", "np.copyto(place, g) if once else", "np.copyto(place, g) if True else", POOL),
    Bug("ops/activation.py", "only(g, x <= 0)", "only(g, x > 0)", functional("prelu")),
    Bug("ops/activation.py", "return s * (1 + x * (1 - s))", "return s * (1 + x * s)", functional("silu")),
    Bug("ops/activation.py", "+ x * bell(x * math.sqrt(0.5), n=0)", "+ bell(x * math.sqrt(0.5), n=0)", functional("gelu")),
    Bug("ops/normalization.py", "    d *= dot * (-k * r * r)\n", "    d *= 0\n", functional("layer_norm")),
    Bug("ops/normalization.py", "x, **a) - by_r * r * n", "x, **a) + by_r * r * n", functional("layer_norm")),
    Bug("ops/normalization.py", "        r = 1 / np.sqrt(variance + x.dtype.type(eps))\n        if", "        r = 1 / (np.sqrt(variance) + x.dtype.type(eps))\n        if", functional("layer_norm")),
    Bug("ops/loss.py", "d[_entry(t)] -= gw", "d[_entry(t)] -= g", functional("cross_entropy")),
    Bug("ops/loss.py", "keepdim=False) - pick(u, t))", "keepdim=False) + pick(u, t))", functional("cross_entropy")),
    Bug("ops/loss.py", "lambda g, _y, x, _t: -g * x)", "lambda g, _y, x, _t: g * x)", functional("binary_cross_entropy_with_logits")),
    Bug("ops/scan.py", "_cumsum(g, dim=dim, reverse=not reverse)", "_cumsum(g, dim=dim, reverse=reverse)", case("cumsum")),
    Bug("ops/recurrence.py", "_previous(y, dim, reverse, 1.0))", "_previous(y, dim, reverse, 0.0))", case("cumprod")),
    Bug("ops/special.py", "g * sigmoid(b - a),", "g * sigmoid(a - b),", case("logaddexp")),
    Bug("ops/special.py", "g * (2 / math.sqrt(math.pi)) * bell(x, n=0)", "g * (2 / math.sqrt(math.pi)) * bell(x, n=1)", case("erf")),
    Bug("ops/extremes.py", "spread(true_divide(g, sharing), dim=dim", "spread(g, dim=dim", ["tests/ops/test_extremes.py"]),  # ties all get all
    Bug("ops/extremes.py", "np.maximum(numbers - 1, 0) // 2", "numbers // 2", case("median")),
    Bug("ops/embedding.py", "        out[padding] = 0\n", "        pass\n", ["tests/nn/test_sparse.py"]),
    Bug("ops/affine.py", "return product(_rows(g).T, _rows(x))", "return product(_rows(g).T, _rows(x)) / max(math.prod(x.shape[:-1]), 1)", functional("linear")),
    # ------------------------------------------------------------------------------------------------- convolution
    Bug("convolution/rowview.py", "B[first:last, j, :, :w0] = B[first:last, j, :, w1:] = 0", "pass", FAST),  # old memory as padding
    Bug("convolution/rowview.py", "(r1 - 1) * sh + kh), B)\n            flat = y[r0", "(r1 - 1) * sh + 1), B)\n            flat = y[r0", FAST),  # a part lacks its last rows
    Bug("convolution/rowview.py", "return np.matmul(columns[r0:r1], flat[r0:r1]).sum(0)", "return np.matmul(columns[r0:r1], flat[r0:r1])[0]", FAST),
    Bug("convolution/rowview.py", "D[: kh - 1] = D[oh + kh - 1 :] = 0", "D[: kh - 1] = 0", FAST),
    Bug("convolution/rowview.py", " or not np.isfinite(w).all()", "", FAST),
    Bug("convolution/lastcol.py", "h, w_ = geometry.touched(i, j, rows, ow)\n                part[h, w_] += cols", "h, w_ = geometry.touched(i, j, rows, ow)\n                part[h, w_] = cols", FAST),
    Bug("convolution/winograd.py", "_BIAS = 7", "_BIAS = 0", FAST),
    Bug("convolution/winograd.py", "np.zeros((6, r, 4 * work.tw, n * O), np.float32)", "np.ones((6, r, 4 * work.tw, n * O), np.float32)", FAST),
    Bug("convolution/winograd.py", "_GG[:, ::-1] @", "_GG @", FAST),
    Bug("convolution/winograd.py", "first = 4 * t - top", "first = 4 * t0 - top", FAST),  # each row of tiles sees the job's first
    Bug("convolution/im2col.py", "            y += b[:, None]\n", "", CONV),
    Bug("windows.py", "(c, dh * h, dw * w, sh * h, sw * w, n)", "(c, h, w, sh * h, sw * w, n)", WINDOWS + CONV),
    Bug("windows.py", "p[:, sh * rows.start :], shape", "p[:, rows.start :], shape", WINDOWS + CONV),
    Bug("convolution/winograd.py", "                np.add(dU, D, out=dU)", "                np.copyto(dU, D)", FAST),
    Bug("convolution/winograd.py", "[0, 1, -1, 8, -8, 1]", "[0, 1, -1, 8, -8, 0]", FAST),
    Bug("threads.py", "cuts = [n * i // parts for i in range(parts + 1)]", "cuts = [n // parts * i for i in range(parts + 1)]", FAST),  # the last ones are forgotten
    Bug("threads.py", "                done.acquire()\n    for", "                pass\n    for", FAST),  # nobody waits
    Bug("threads.py", "        total += part\n", "        total = part\n", FAST),
    Bug("threads.py", "in sorted(parts))", "in parts)", FAST),
    Bug("ops/channelwise.py", "        yield np.multiply(d, d, out=d)", "        yield np.abs(d, out=d)", NORM),
    Bug("ops/channelwise.py", "        d += a[rows]\n", "", NORM),
    Bug("ops/channelwise.py", "return k + distance,", "return k,", NORM),
    Bug("ops/normalization.py", "    if known and known[0]() is g:\n        return known[1]", "    if known:\n        return known[1]", NORM),
    Bug("engine.py", "    g = cast(g, dtype=y.numpy().dtype)  # and a copy", "    # no copy", NORM),
    # ----------------------------------------------------------------------------------------------------- windows
    Bug("windows.py", "self.dilation[axis] * (self.kernel[axis] - 1) + 1", "self.dilation[axis] * self.kernel[axis]", WINDOWS),
    Bug("windows.py", "top, left = i * dh + sh * rows.start, j * dw", "top, left = i * sh + dh * rows.start, j * sw", WINDOWS),
    Bug("windows.py", "top, left = i * dh + sh * rows.start, j * dw", "top, left = i * dh + rows.start, j * dw", WINDOWS + CONV),
    Bug("windows.py", "(top, bottom), (left, right) = padding\n    N, C, H, W", "(bottom, top), (right, left) = padding\n    N, C, H, W", WINDOWS + CONV),
    Bug("windows.py", "p.shape[1] - bottom, left : p.shape[2] - right]", "p.shape[1] - bottom, right : p.shape[2] - left]", WINDOWS + CONV),
    Bug("windows.py", "p[:, h, w] += cols[:, i, j]", "p[:, h, w] = cols[:, i, j]", WINDOWS),
    Bug("windows.py", "p[:, top : top + H, :left] = p[:, top : top + H, left + W :] = value", "p[:, top : top + H, :left] = p[:, top : top + H, left + W :] = 0", WINDOWS),
    Bug("windows.py", "(W - self.extent(1)) // self.stride[1] + 1", "-(-(W - self.extent(1)) // self.stride[1]) + 1", WINDOWS),
    # ------------------------------------------------------------------------------------------------------- optim
    Bug("optim/adam.py", 'd *= group["lr"] / (1 - beta1**t)', 'd *= group["lr"]', ["tests/optim/test_adam.py"]),
    Bug("optim/adam.py", "d /= math.sqrt(1 - beta2**t)", "d /= 1 - beta2**t", ["tests/optim/test_adam.py"]),
    Bug("optim/adam.py", "np.sqrt(v if v_max is None else v_max)", "np.sqrt(v)", ["tests/optim/test_adam.py"]),
    Bug("optim/adam.py", 'p *= 1 - group["lr"] * weight_decay', "p *= 1 - weight_decay", ["tests/optim/test_adam.py"]),
    Bug("optim/sgd.py", "g if first or not dampening else (1 - dampening) * g", "(1 - dampening) * g", ["tests/optim/test_sgd.py"]),
    Bug("optim/sgd.py", 'g + momentum * b if group["nesterov"] else b', 'b + momentum * g if group["nesterov"] else b', ["tests/optim/test_sgd.py"]),
    Bug("optim/optimizer.py", "                mutated(*(p.numpy() for p, _ in params))\n", "                pass\n", ENGINE),
    Bug("optim/optimizer.py", '-g if group.get("maximize") else g,', "g,", OPTIMIZER),
    Bug("optim/optimizer.py", "state[key].numpy()[...] = _array(value)", "state[key] = value", OPTIMIZER),
    Bug("optim/optimizer.py", "for start in range(0, shape[axis], length)", "for start in range(0, shape[axis] - length + 1, length)", OPTIMIZER),
    Bug("optim/nadam.py", "(1 - product * mu_next)", "(1 - product)", ["tests/optim/test_nadam.py"]),
    Bug("optim/radam.py", "if rho <= 5:", "if rho <= 4:", ["tests/optim/test_radam.py"]),
    Bug("optim/rmsprop.py", "np.maximum(v - a * a, 0)", "v - a * a", ["tests/optim/test_rmsprop.py"]),
    Bug("optim/lion.py", "m += (1 - beta2) * g", "m += (1 - beta1) * g", ["tests/optim/test_lion.py"]),
    Bug("optim/adagrad.py", '(t - 1) * group["lr_decay"]', 't * group["lr_decay"]', ["tests/optim/test_adagrad.py"]),
    Bug("optim/adadelta.py", "u += (1 - rho) * (d * d)", "u += (1 - rho) * (g * g)", ["tests/optim/test_adadelta.py"]),
]  # fmt: skip


# ------------------------------------------------------------------------------------------------------------- running
class Result(NamedTuple):
    bug: Bug
    killer: str  # the test that failed; empty for a survivor
    whole: bool  # did it take the whole suite?
    seconds: float


def copy_tree(to: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        elif source.exists():
            shutil.copy(source, to / name)
    (to / "no_shrinking.py").write_text(PLUGIN)


def pytest(tree: Path, tests: list[str]) -> tuple[int, str]:
    """The exit status of these tests on a tree, and the first that failed."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = {**os.environ, **threads, "HYPOTHESIS_PROFILE": "dev", "PYTHONPATH": str(tree), "COLUMNS": "200"}
    plugins = ("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no_shrinking")
    command = [sys.executable, "-m", "pytest", "-x", "-q", *plugins, "-m", "not torch", *tests]
    try:
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return 1, tests[0]  # no end
    if done.returncode not in (0, 1, 2):
        raise SystemExit(f"pytest {' '.join(tests)} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr}")
    found = re.search(r"^(?:FAILED|ERROR) (\S+?::.*?|\S+)(?: - .*)?$", done.stdout, re.MULTILINE)
    return done.returncode, found[1] if found else "tests" if done.returncode else ""


def put_in(tree: Path, bug: Bug) -> str:
    """Make the bug; returns what stood in the file."""
    path = tree / "tinygrad_cnn" / bug.file
    text = path.read_text()
    if text.count(bug.old) != 1 or bug.old == bug.new:
        raise SystemExit(f"{bug.file} has {text.count(bug.old)} times what the bug changes: {bug.old!r}")
    write(path, text.replace(bug.old, bug.new))
    return text


def write(path: Path, text: str) -> None:
    """A source file, and no older compiled one beside it: two writes in a second may look the same to Python."""
    path.write_text(text)
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        compiled.unlink()


def hunt(tree: Path, bug: Bug, narrow: bool) -> Result:
    """The bug in the tree, its tests, the whole suite if they pass; the tree is as before afterwards."""
    before, start, whole = put_in(tree, bug), time.perf_counter(), False
    try:
        status, killer = pytest(tree, bug.tests)
        if not status and not narrow:
            whole = True
            status, killer = pytest(tree, ["tests"])
    finally:
        write(tree / "tinygrad_cnn" / bug.file, before)
    return Result(bug, killer, whole, time.perf_counter() - start)


def line(result: Result) -> str:
    old, new = (" ".join(text.split())[:60] for text in (result.bug.old, result.bug.new))
    verdict = f"killed by {result.killer}" if result.killer else "SURVIVED"
    verdict += " (in the whole suite)" if result.killer and result.whole else ""
    return f"{result.seconds:6.1f} s  {result.bug.file}: {old!r} -> {new!r}\n          {verdict}"


def chosen(only: list[str], match: str) -> Iterator[Bug]:
    for bug in BUGS:
        if (not only or bug.area in only) and match in f"{bug.file} {bug.old} {bug.new}":
            yield bug


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--only", action="append", default=[], choices=["engine", "ops", "convolution", "windows", "optim"]
    )
    parser.add_argument("--match", default="", help="only bugs whose file or text contains this")
    parser.add_argument("--narrow", action="store_true", help="do not ask the whole suite about survivors")
    parser.add_argument("--jobs", type=int, default=1, help="bugs at a time, each in a copy of its own")
    arguments = parser.parse_args()
    bugs, start = list(chosen(arguments.only, arguments.match)), time.perf_counter()
    if not bugs:
        parser.error("no bug is chosen")
    with tempfile.TemporaryDirectory() as folder:
        trees: Queue[Path] = Queue()
        for k in range(arguments.jobs):
            tree = Path(folder) / str(k)
            copy_tree(tree)
            trees.put(tree)
        for bug in bugs:  # all of them fit, or nothing is run
            path = tree / "tinygrad_cnn" / bug.file
            write(path, put_in(tree, bug))

        def job(bug: Bug) -> Result:
            tree = trees.get()
            try:
                result = hunt(tree, bug, arguments.narrow)
            finally:
                trees.put(tree)
            print(line(result), flush=True)
            return result

        with ThreadPoolExecutor(arguments.jobs) as pool:
            results = list(pool.map(job, bugs))
        killers = sorted({result.killer for result in results if result.killer})
        status, broken = pytest(trees.get(), killers) if killers else (0, "")
    if status:
        print(f"\n{broken} fails without any bug, so it has killed none")
        return 1
    survivors = [result for result in results if not result.killer]
    print(f"\n{'area':<10}{'bugs':>6}{'killed':>8}")
    for area in dict.fromkeys(bug.area for bug in bugs):
        mine = [result for result in results if result.bug.area == area]
        print(f"{area:<10}{len(mine):>6}{sum(bool(r.killer) for r in mine):>8}")
    print(
        f"{len(bugs)} bugs, {len(bugs) - len(survivors)} killed in {time.perf_counter() - start:.0f} s, "
        f"by {len(killers)} different tests; survivors: {'none' if not survivors else ''}"
    )
    for result in survivors:
        print(line(result))
    return int(len(survivors) > (1 - SHARE) * len(bugs))


if __name__ == "__main__":
    sys.exit(main())
