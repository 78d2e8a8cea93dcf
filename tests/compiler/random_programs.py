"""Functions drawn at random, with views and writes in place, held against themselves, compiled. A script, too:

    PYTHONPATH=. python tests/compiler/random_programs.py --count 3000

Each has up to three tensors as arguments and does up to a dozen things: operations, views, writes into what it made,
into views of that, and into arguments that require no gradient. Half of them let go of a tensor after its last use, as
code does that gives a name to another. It returns some of what it has then, which may be views of one another or of an
argument. Compared are results, gradients, the arguments afterwards, who shares memory with
whom, and errors.
"""

from __future__ import annotations

import argparse
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_cnn as tg

Statement = Callable[[list[Any]], Any]  # on all tensors that there are so far: a new one, or None


class Read(list[Any]):
    """Tensors, and the positions of those that were asked for."""

    def __init__(self, tensors: list[Any]) -> None:
        super().__init__(tensors)
        self.asked: set[int] = set()

    def __getitem__(self, k: Any) -> Any:
        self.asked.add(k)
        return super().__getitem__(k)


class Program:
    """A function of tensors, as a list of statements that are drawn while it is tried out on an example."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        rng = self.rng
        shape = tuple(rng.integers(1, 4, int(rng.integers(1, 4))).tolist())
        count = int(rng.integers(1, 4))
        self.shapes = [shape if rng.random() < 0.7 else shape[-1:] for _ in range(count)]
        self.wants = [bool(rng.random() < 0.6) for _ in range(count)]
        self.dtypes = [np.float64 if rng.random() < 0.9 else np.float32 for _ in range(count)]
        self.text: list[str] = []
        self.statements: list[Statement] = []
        self.last_uses: dict[int, int] = {}  # by position of a tensor, the number of a statement
        there = self.arguments(0)
        for _ in range(int(rng.integers(3, 13))):
            for _ in range(20):  # until something fits
                text, statement = self.drawn(there)
                kept = [t.detach().numpy().copy() for t in there]
                read = Read(there)
                try:
                    made = statement(read)
                except Exception:
                    if rng.random() < 0.01:  # a program may end with an error
                        self.add(text, statement, read)
                        break
                    if any(
                        not np.array_equal(t.detach().numpy(), a, equal_nan=True)
                        for t, a in zip(there, kept, strict=True)
                    ):
                        raise
                    continue
                if made is not None and (made.numel() > 200 or not isinstance(made, tg.Tensor)):
                    continue
                self.add(text, statement, read)
                if made is not None:
                    there.append(made)
                break
        last = len(there) - 1
        wanted = rng.integers(max(0, last - 4), last + 1, int(rng.integers(1, 4)))
        self.results = sorted({last, *wanted.tolist()})
        if np.random.default_rng((seed, 1)).random() < 0.5:
            self.last_uses = {}

    def add(self, text: str, statement: Statement, read: Read) -> None:
        self.last_uses |= dict.fromkeys([*read.asked, len(read)], len(self.statements))
        self.text.append(text)
        self.statements.append(statement)

    def arguments(self, k: int) -> list[tg.Tensor]:
        """Those of call k."""
        rng = np.random.default_rng(k)
        arrays = [rng.standard_normal(s).astype(d) for s, d in zip(self.shapes, self.dtypes, strict=True)]
        return [tg.tensor(a, requires_grad=w) for a, w in zip(arrays, self.wants, strict=True)]

    def __call__(self, *given: Any) -> Any:
        there = list(given)
        for n, statement in enumerate(self.statements):
            made = statement(there)
            if made is not None:
                there.append(made)
            del made
            for k, last in self.last_uses.items():
                if last == n and k < len(there) and k not in self.results:
                    there[k] = None
        found = [there[k] for k in self.results if k < len(there)]
        return found[0] if len(found) == 1 else tuple(found)

    # -------------------------------------------------------------------------------------------------- statements
    def drawn(self, there: list[Any]) -> tuple[str, Statement]:
        """A statement, with its text."""
        rng = self.rng
        i = (
            int(rng.integers(len(there)))
            if rng.random() < 0.5
            else len(there) - 1 - int(rng.integers(min(3, len(there))))
        )
        j = int(rng.integers(len(there)))
        kinds = [self.elementwise, self.view, self.view, self.write, self.write, self.reduction, self.other]
        return kinds[int(rng.integers(len(kinds)))](there[i], i, j)

    def one_of(self, table: dict[str, Statement]) -> tuple[str, Statement]:
        key = list(table)[int(self.rng.integers(len(table)))]
        return key, table[key]

    def elementwise(self, _x: Any, i: int, j: int) -> tuple[str, Statement]:
        k = float(np.round(self.rng.standard_normal(), 2))
        return self.one_of(
            {
                f"t{i} + t{j}": lambda t: t[i] + t[j],
                f"t{i} * t{j}": lambda t: t[i] * t[j],
                f"t{i} - {k}": lambda t: t[i] - k,
                f"{k} * t{i}": lambda t: k * t[i],
                f"t{i}.tanh()": lambda t: t[i].tanh(),
                f"t{i}.sigmoid()": lambda t: t[i].sigmoid(),
                f"t{i}.relu()": lambda t: t[i].relu(),
                f"t{i}.square()": lambda t: t[i].square(),
                f"t{i}.clone()": lambda t: t[i].clone(),
                f"t{i}.detach()": lambda t: t[i].detach(),
                f"maximum(t{i}, t{j})": lambda t: tg.maximum(t[i], t[j]),
                f"where(t{i} > {k}, t{i}, t{j})": lambda t: tg.where(t[i] > k, t[i], t[j]),
                f"dropout(t{i})": lambda t: tg.nn.functional.dropout(t[i], 0.4),
                f"t{i} + rand": lambda t: t[i] + tg.rand(t[i].shape),
            }
        )

    def index(self, x: Any) -> tuple[str, Any]:
        """An index that gives a view."""
        rng, parts = self.rng, list[Any]()
        for n in x.shape[: int(rng.integers(1, x.ndim + 1))] if x.ndim else ():
            a, b, step = int(rng.integers(-n, max(n, 1))), int(rng.integers(-n, n + 1)), int(rng.choice([1, 1, 2]))
            choice = [slice(None), a, slice(a, None, step), slice(a, b, step), None, ...][int(rng.integers(6))]
            parts.append(slice(None) if choice is ... and ... in parts else choice)
        key = tuple(parts) if len(parts) != 1 else parts[0]
        return repr(key), key

    def view(self, x: Any, i: int, _j: int) -> tuple[str, Statement]:
        rng, key = self.rng, self.index(x)
        d, e = (int(rng.integers(-x.ndim, x.ndim)) if x.ndim else 0 for _ in range(2))
        n = x.shape[d] if x.ndim else 1
        k = int(rng.integers(0, max(1, n)))
        return self.one_of(
            {
                f"t{i}[{key[0]}]": lambda t: t[i][key[1]],
                f"t{i}[{key[0]}] ": lambda t: t[i][key[1]],
                f"t{i}.transpose({d}, {e})": lambda t: t[i].transpose(d, e),
                f"t{i}.t()": lambda t: t[i].t(),
                f"t{i}.view(-1)": lambda t: t[i].view(-1),
                f"t{i}.reshape(-1)": lambda t: t[i].reshape(-1),
                f"t{i}.flatten()": lambda t: t[i].flatten(),
                f"t{i}.unsqueeze({d})": lambda t: t[i].unsqueeze(d),
                f"t{i}.squeeze()": lambda t: t[i].squeeze(),
                f"t{i}.expand(2, ...)": lambda t: t[i].expand(2, *t[i].shape),
                f"t{i}.diagonal()": lambda t: t[i].diagonal(),
                f"t{i}.narrow({d}, {k}, {n - k})": lambda t: t[i].narrow(d, k, n - k),
                f"t{i}.chunk(2, {d})[0]": lambda t: t[i].chunk(2, d)[0],
                f"t{i}.unbind({d})[-1]": lambda t: t[i].unbind(d)[-1],
                f"t{i}.select({d}, {k})": lambda t: t[i].select(d, k),
                f"t{i}.movedim({d}, {e})": lambda t: t[i].movedim(d, e),
                f"t{i}.view_as(t{i})": lambda t: t[i].view_as(t[i]),
                f"t{i}.contiguous()": lambda t: t[i].contiguous(),
                f"t{i}.data": lambda t: t[i].data,
                f"t{i}.flip({d})": lambda t: t[i].flip(d),
            }
        )

    def write(self, x: Any, i: int, j: int) -> tuple[str, Statement]:
        k, key = float(np.round(self.rng.standard_normal(), 2)), self.index(x)

        def put(t: list[Any], y: Any) -> None:
            t[i][key[1]] = y

        def iadd(t: list[Any]) -> None:
            y = t[i]
            y += t[j]

        def done(f: Callable[[list[Any]], Any]) -> Statement:
            def statement(t: list[Any]) -> None:
                f(t)

            return statement

        return self.one_of(
            {
                f"t{i}.add_(t{j})": done(lambda t: t[i].add_(t[j])),
                f"t{i} += t{j}": iadd,
                f"t{i}.mul_({k})": done(lambda t: t[i].mul_(k)),
                f"t{i}.mul_(t{j})": done(lambda t: t[i].mul_(t[j])),
                f"t{i}.copy_(t{j})": done(lambda t: t[i].copy_(t[j])),
                f"t{i}.zero_()": done(lambda t: t[i].zero_()),
                f"t{i}.fill_({k})": done(lambda t: t[i].fill_(k)),
                f"t{i}.clamp_(-0.5, 0.5)": done(lambda t: t[i].clamp_(-0.5, 0.5)),
                f"t{i}.tanh_()": done(lambda t: t[i].tanh_()),
                f"t{i}.masked_fill_(t{i} > 0, {k})": done(lambda t: t[i].masked_fill_(t[i] > 0, k)),
                f"t{i}[{key[0]}] = {k}": lambda t: put(t, k),
                f"t{i}[{key[0]}] = t{j}": lambda t: put(t, t[j]),
                f"t{i}[{key[0]}] = t{i}[{key[0]}] * 2": lambda t: put(t, t[i][key[1]] * 2),
                f"t{i}[t{i} > 0] = {k}": done(lambda t: t[i].__setitem__(t[i] > 0, k)),
                f"t{i}[{key[0]}].add_({k})": done(lambda t: t[i][key[1]].add_(k)),
                f"relu(t{i}, inplace)": done(lambda t: tg.nn.functional.relu(t[i], inplace=True)),
            }
        )

    def reduction(self, x: Any, i: int, _j: int) -> tuple[str, Statement]:
        d = int(self.rng.integers(-x.ndim, x.ndim)) if x.ndim else 0
        return self.one_of(
            {
                f"t{i}.sum()": lambda t: t[i].sum(),
                f"t{i}.sum({d})": lambda t: t[i].sum(d),
                f"t{i}.mean({d}, keepdim)": lambda t: t[i].mean(d, keepdim=True),
                f"t{i}.max({d})": lambda t: t[i].max(d).values,
                f"t{i}.softmax({d})": lambda t: t[i].softmax(d),
                f"t{i}.cumsum({d})": lambda t: t[i].cumsum(d),
                f"t{i}.amin({d})": lambda t: t[i].amin(d),
                f"t{i}.std()": lambda t: t[i].std(),
            }
        )

    def other(self, x: Any, i: int, j: int) -> tuple[str, Statement]:
        d = int(self.rng.integers(-x.ndim, x.ndim)) if x.ndim else 0
        return self.one_of(
            {
                f"t{i} @ t{j}": lambda t: t[i] @ t[j],
                f"t{i}.T @ t{j}": lambda t: t[i].mT @ t[j],
                f"cat((t{i}, t{j}), {d})": lambda t: tg.cat((t[i], t[j]), d),
                f"stack((t{i}, t{j}), {d})": lambda t: tg.stack((t[i], t[j]), d),
                f"t{i}.gather({d}, 0)": lambda t: t[i].gather(d, tg.zeros_like(t[i], dtype=tg.int64)),
                f"t{i}[[0, -1]]": lambda t: t[i][[0, -1]],
                f"t{i}[t{j} > 0]": lambda t: t[i][t[j] > 0],
                f"t{i}.sort({d})": lambda t: t[i].sort(d).values,
                f"t{i}.repeat(2)": lambda t: t[i].repeat(2),
                f"t{i}.roll(1, {d})": lambda t: t[i].roll(1, d),
                f"zeros_like(t{i})": lambda t: tg.zeros_like(t[i]),
                f"t{i}.requires_grad": lambda t: t[i] * 2 if t[j].requires_grad else t[i] * 3,
            }
        )


# ------------------------------------------------------------------------------------------------------------ comparing
def outcome(function: Any, given: list[tg.Tensor], k: int, after: str) -> list[Any]:
    """All that can be seen of a call and of its way back."""
    tg.manual_seed(k)
    rng = np.random.default_rng(k + 9)
    try:
        made = function(*given)
    except Exception as error:
        return [type(error), str(error).partition("\n")[0], *(x.detach().numpy().copy() for x in given)]
    results = list(made) if isinstance(made, tuple) else [made]
    seen: list[Any] = [len(results), tg.rand(1).item()]
    everything = [*results, *given]
    for y in everything:
        seen += [y.detach().numpy().copy(), str(y.dtype), y.requires_grad, y.is_leaf, _steps(y.detach().numpy())]
    seen += [tuple(y is x for x in everything) for y in results]
    if after == "write":  # who shares memory with whom
        with tg.no_grad():
            for y in results:
                if y.numel() and y.detach().numpy().flags.writeable and 0 not in _steps(y.detach().numpy()):
                    y.add_(1.0)
                    seen += [x.detach().numpy().copy() for x in everything]
    else:
        loss: Any = 0
        for y in results:
            if y.requires_grad and rng.random() < 0.8:
                loss = loss + (y * tg.tensor(rng.standard_normal(y.shape))).sum()
        if isinstance(loss, tg.Tensor):
            try:
                loss.backward(create_graph=after == "twice")
                if after == "twice":
                    seen.append(sum(x.grad.square().sum().item() for x in given if x.grad is not None))
            except Exception as error:
                seen += [type(error), "in place" in str(error) or str(error)]
    seen += [None if x.grad is None else x.grad.detach().numpy().copy() for x in given]
    return seen


def differences(seed: int) -> tuple[str, str]:
    """In what a compiled program differs from itself, "" where in nothing; and why it runs as it is, if so.

    Of the order of numbers in memory, where dimensions of size 1 leave a choice, nobody promises anything.
    """
    program = Program(seed)

    def function(*given: Any) -> Any:
        return program(*given)

    compiled, layout = tg.compile(function), ""
    for k in range(6):
        after = ("back", "back", "back", "write", "twice", "back")[k]
        found = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for f in (function, compiled):
                given = program.arguments(k)
                found.append(outcome(f, given, k, after))
        if len(found[0]) != len(found[1]):
            return f"call {k} ({after}): {found[0]!r:.900} and {found[1]!r:.900}", ""
        for i, (p, q) in enumerate(zip(*found, strict=True)):
            close = np.allclose if after == "twice" or i >= len(found[0]) - len(given) else np.array_equal
            if isinstance(p, list) and isinstance(q, list) and len(p) > 1 and sorted(p) == sorted(q) and p != q:
                layout = compiled._plans.eager or "other order in memory"
                continue
            if (p is None) is not (q is None) or (p is not None and not _same(p, q, close)):
                return f"call {k} ({after}), {i} of {len(found[0])}: {p!r:.300} and {q!r:.300}", ""
    return "", compiled._plans.eager or layout


def _steps(a: np.ndarray[Any, Any]) -> list[int]:
    """How its numbers lie in memory, where that can be seen."""
    return [step for n, step in zip(a.shape, a.strides, strict=True) if n > 1 and a.size]


def _same(p: Any, q: Any, close: Any) -> bool:
    if isinstance(p, (float, np.ndarray)):
        return np.shape(p) == np.shape(q) and bool(close(p, q, equal_nan=True))
    return bool(p == q)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0, help="that of the first program")
    arguments = parser.parse_args()
    tg.guard_rails(False)
    seen: Counter[str] = Counter()
    for seed in range(arguments.seed, arguments.seed + arguments.count):
        try:
            wrong, eager = differences(seed)
        except Exception:
            wrong, eager = traceback.format_exc(), ""
        seen["differs" if wrong else f"same, but {eager.partition('(')[0]}" if eager else "same"] += 1
        if wrong:
            program = Program(seed)
            print(f"{seed}: {wrong}\n    {program.shapes} {program.wants}", flush=True)
            for text in program.text:
                print(f"    {text}")
            print(f"    -> {program.results}", flush=True)
    for what, count in seen.most_common():
        print(f"{count:6} {what}")
    return int(seen["differs"] > 0)


if __name__ == "__main__":
    sys.exit(main())
