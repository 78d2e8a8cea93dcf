"""Bugs in compiled calls: whose memory is whose, which steps become one, and what these do."""

from __future__ import annotations

from bugs.form import Bug

MEMORY, FUSED, BLOCKS = (
    ["tests/compiler/test_memory.py"],
    ["tests/compiler/test_fusions.py"],
    ["tests/compiler/planners"],
)
NORMS = ["tests/compiler/test_norm_fusions.py"]
CASES, PLAIN = ["tests/compiler/test_cases.py"], ["tests/compiler/planners/test_plain.py"]
CHAIN, CHAINS = ["tests/compiler/planners/test_chain.py"], ["tests/compiler/test_chains.py"]
DESK = ["tests/arrays/test_scratch.py"]

BUGS = [
    Bug("compiler/memory.py", "== _ALONE + 1", ">= _ALONE", MEMORY),
    Bug("compiler/memory.py", "            if not self._lives[id(slab)]:\n", "            if True:\n", MEMORY),
    Bug("compiler/memory.py", " or self._lives[id(slab)] != 1", "", MEMORY),
    Bug("compiler/memory.py", "self._free = [s for s in self._free if s is not slab]", "pass", MEMORY),
    Bug("compiler/memory.py", "return owner_of(a).dtype == np.uint8", "return True", MEMORY),
    Bug("compiler/run.py", "leaving({*results, *(g for _, g in recorded.slopes)}, self.forward)", "set()", MEMORY),
    Bug(
        "compiler/run.py", "[v for v in gone if v in made]", "gone", MEMORY
    ),  # what is kept is not free after one way back
    Bug("compiler/frame.py", "over in gone and self.slots", "self.slots", CASES),
    Bug("compiler/fusions.py", "if gone & steps.read or any(", "if any(", FUSED),
    Bug(
        "compiler/fusions.py",
        'return slope.attributes.get("columns") in left if left else len(twins) == 1',
        "return True",
        FUSED,
    ),
    Bug("compiler/fusions.py", 'and not any(map(any, a["padding"]))', "", FUSED),
    Bug("compiler/fusions.py", 'a["stride"] == a["kernel"] and ', "", FUSED),
    Bug(
        "compiler/planners/epilogue.py", "np.greater_equal, before", "np.greater, before", BLOCKS
    ),  # ties go to the last
    Bug("compiler/planners/columns.py", "q = (first + left) // self.apart", "q = first // self.apart", BLOCKS),
    Bug("compiler/planners/columns.py", "if not np.isfinite(w).all():", "if False:", BLOCKS),
    Bug("compiler/planners/columns.py", "w[:, :, r :: self.sh][:, :, ::-1]", "w[:, :, r :: self.sh]", BLOCKS),
    Bug(
        "compiler/planners/rows.py",
        "if more:\n                        yield partial(np.add, sums[0]",
        "if False:\n                        yield partial(np.add, sums[0]",
        BLOCKS,
    ),
    Bug("compiler/planners/columns.py", "        room[:above] = room[above + self.oh :] = 0\n", "", BLOCKS),
    Bug("compiler/planners/one.py", "image[:, top : top + H", "image[:, :H", BLOCKS),
    Bug("compiler/planners/one.py", "np.maximum(before, tap, out=out)", "np.maximum(taps[0], tap, out=out)", BLOCKS),
    Bug("compiler/planners/rows.py", "        parts.clear()  # there may have been more threads before\n", "", FUSED),
    Bug("compiler/planners/wide.py", "        dy[PH * ph :] = dy[:, PW * pw :] = 0\n", "", BLOCKS),
    Bug(
        "compiler/planners/wide.py",
        "        if self.relu:\n            yield partial(np.maximum",
        "        if False:\n            yield partial(np.maximum",
        BLOCKS,
    ),
    Bug(
        "compiler/planners/linear.py",
        "            product(x, w.T, out=y)\n            for bias in b:",
        "            product(x, w.T, out=y)\n            for bias in ():",
        PLAIN,
    ),
    Bug("compiler/chains.py", "s.output in read or ", "", CHAINS),
    Bug("compiler/chains.py", "if any(v in _made(growing) for v in step.values()):", "if False:", CHAINS),
    Bug("compiler/run.py", "self._back, which", "self.back, which", CHAINS),  # 0 for tensors that no gradient comes to
    Bug("compiler/rewrite.py", "not read.isdisjoint((*step.outputs, *same.outputs))", "False", CHAINS),
    Bug("compiler/rewrite.py", "forward, back, leaving(others, [*forward, *back])", "forward, back, others", CHAINS),
    Bug("compiler/planners/chain.py", "if k >= self.n and last[k] == at", "if k >= self.n", CHAIN),
    Bug("compiler/planners/chain.py", "(*mine, *ended)", "mine", CHAIN),
    Bug("compiler/planners/chain.py", "a.transpose(self.order).reshape(-1)", "a.reshape(-1)", CHAIN),
    Bug("compiler/planners/chain.py", "all(_steps(a) == _steps(y) for a in self.full.values())", "True", CHAIN),
    Bug("compiler/planners/elementwise.py", "choose: Kind(_choose, over=False)", "choose: Kind(_choose)", PLAIN),
    Bug("compiler/planned.py", "return lambda call: partial(context.run, call)", "return lambda call: call", PLAIN),
    Bug("arrays/scratch.py", "start = -memory.ctypes.data % 64", "start = 0", DESK),
    Bug("compiler/norm_fusions.py", '_left(chain[0], "mean")', '_left(chain[0], "r")', NORMS),
    Bug("compiler/norm_fusions.py", "{}, (nothing,), *where, tell, last=True", "{}, (nothing,), *where, tell", NORMS),
    Bug("compiler/norm_fusions.py", "v in steps.read or any(s not in every", "any(s not in every", NORMS),
    Bug("compiler/norm_fusions.py", "y in steps.read or len(steps.readers(y)) > 1", "len(steps.readers(y)) > 1", NORMS),
    Bug("compiler/norm_fusions.py", " and a is not b", "", NORMS),
    Bug(
        "compiler/planners/norm.py",
        "self.follow.pooled and not self.follow.residual and (factor > 0).all()",
        "self.follow.pooled",
        NORMS,
    ),
    Bug("compiler/planners/norm.py", "(mean * mean <= FAR * variance).all()", "True", NORMS),
    Bug("compiler/planners/norm.py", "self.follow.tells and (b * b < FAR * w * w).all()", "True", NORMS),
    Bug("compiler/planners/norm.py", "dot - b * total", "dot", NORMS),
    Bug("compiler/planners/norm.py", "        for a in rest:\n            a[...] = 0\n", "", BLOCKS),
    Bug("compiler/planners/images.py", "if shape[self.outer] == self.out[self.outer] else 1", "", BLOCKS),
    Bug("compiler/planners/images.py", "math.gcd(*within)", "max(within)", BLOCKS),
    Bug("arrays/scratch.py", "        place[1] += size\n", "", DESK),
    Bug("arrays/scratch.py", "key = key, shape, dtype", "key = key, shape", DESK),
    Bug(
        "arrays/threads.py",
        "            y += np.matmul(a[:, i:j], b[i:j])\n",
        "            np.matmul(a[:, i:j], b[i:j], out=y)\n",
        ["tests/arrays/test_threads.py"],
    ),
]
