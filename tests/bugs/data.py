"""Bugs in datasets, samplers, loaders, files and transforms."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import Bug

RESUMING = ["tests/data/test_resuming.py"]

BUGS = [
    Bug("data/reading.py", "found[(found < -n) | (found >= n)]", "found[(found <= -n) | (found >= n)]", ["tests/data/test_loader.py"]),  # an index of exactly -n
    Bug("data/batches.py", "            while packed.read(1 << 20):  # up to the check sum at the end\n                pass\n", "", ["tests/data/test_cifar.py"]),
    Bug("data/batches.py", "        self.left -= len(piece)\n", "", ["tests/data/test_cifar.py"]),
    Bug("data/batches.py", "0 <= label < classes", "0 <= label <= classes", ["tests/data/test_cifar.py"]),
    Bug("data/drawn.py", "first = 1 + max(numbers, default=-1)", "first = len(numbers)", ["tests/data/test_drawn.py"]),  # an id that is taken, once a drawing was deleted
    Bug("data/centering.py", "math.floor(CENTER - center + 0.5)", "math.floor(CENTER - center)", ["tests/data/test_centering.py"]),
    Bug("data/collate.py", 'return type(first)(*columns) if hasattr(first, "_fields") else columns', "return columns", ["tests/data/test_collate.py"]),
    Bug("data/dataset.py", "        self.indices = np.where(self.indices < 0, self.indices + n, self.indices)\n", "", ["tests/data/test_dataset.py"]),
    Bug("data/download.py", "                check(file.temporary)\n", "", ["tests/data/test_download.py"]),
    Bug("data/idx.py", "    if stream.read(1):\n", "    if False:\n", ["tests/data/test_idx.py"]),
    Bug("data/marks.py", "if abs(angle) > _TURN:", "if angle > _TURN:", ["tests/data/test_sheets.py"]),
    Bug("data/mnist.py", "array.max() >= len(self.labels)", "array.max() > len(self.labels)", ["tests/data/test_mnist.py"]),
    Bug("data/prefetch.py", "            thread.join()\n", "            pass\n", ["tests/data/test_prefetch.py"]),
    Bug("data/loader.py", "            self._started = True\n", "", ["tests/data/test_workers.py"]),  # persistent workers start each epoch
    Bug("data/loader.py", "            with standing_in(reading.source):\n                return load(task)", "            return load(task)", ["tests/data/test_workers.py"]),  # without workers, samples draw from the loop's numbers
    Bug("data/prefetch.py", "thread.ident is not None and not late", "thread.ident is not None", ["tests/data/test_workers.py"]),  # waits for a stuck thread
    Bug("data/reading.py", "        with standing_in(source):\n            yield", "        yield", ["tests/data/test_workers.py"]),
    Bug("data/sampler.py", "if batch and not self.drop_last:", "if batch:", ["tests/data/test_sampler.py"]),
    Bug("data/sheets.py", 'column {column + 1} {error}"', 'column {column} {error}"', ["tests/data/test_sheets.py"]),
    Bug("data/transforms.py", "rng.integers(2 * m + 1, size=(2, n))", "rng.integers(2 * m, size=(2, n))", ["tests/data/test_transforms.py"]),
    Bug("data/warp.py", "self.translate[1], size=n) * h", "self.translate[1], size=n) * w", ["tests/data/test_warp.py"]),
    Bug("data/warp.py", "np.full((n, c, *y.shape[1:]), fill,", "np.full((n, c, *y.shape[1:]), 0,", ["tests/data/test_warp.py"]),
    Bug("data/finding.py", "            if strict:\n", "            if False:\n", ["tests/data/test_finding.py"]),
    Bug("data/finding.py", "digest.hexdigest() != md5", "False", ["tests/data/test_emnist.py"]),
    Bug("data/emnist.py", "if out.tell() + len(piece) > most:", "if False:", ["tests/data/test_emnist.py"]),
    Bug("data/drawn.py", 'elif not text.endswith("\\n"):', "elif len(line) == _MAX_LINE:", ["tests/data/test_drawn.py"]),  # a file that ends in mid-row
    Bug("data/idx.py", "        self._empty += 1\n", "", ["tests/data/test_idx.py"]),  # one empty member after the other: for ever
    Bug("data/idx.py", "if max_bytes is None and (why := too_large(wanted, size)):", "if (why := ''):", ["tests/data/test_idx.py"]),  # a bomb
    Bug("data/pictures.py", "crc, left = zlib.crc32(piece, crc), left - len(piece)", "crc, left = zlib.crc32(piece), left - len(piece)", ["tests/data/test_pictures.py"]),
    Bug("data/pictures.py", "        if file.read(4) != crc.to_bytes(4, \"big\"):", "        if len(file.read(4)) < 4:", ["tests/data/test_pictures.py"]),  # a picture that was changed
    Bug("data/pictures.py", "if got < wanted or not stream.eof:", "if got < wanted:", ["tests/data/test_pictures.py"]),
    Bug("data/pictures.py", "            if got > most:\n", "            if False:\n", ["tests/data/test_pictures.py"]),
    Bug("data/pictures.py", "-(-(width - x) // across)", "(width - x) // across", ["tests/data/test_pictures.py"]),
    Bug("data/mnist.py", "dataset.sha256[name] == digest", "False", ["tests/data/test_mnist.py"]),
    Bug("data/mnist.py", "_to_unit(self.data)[:, None], self.targets.copy()", "_to_unit(self.data)[:, None], self.targets", ["tests/data/test_mnist.py"]),
    Bug("data/standing.py", 'found["transform"] = position(self.rng)', "pass", RESUMING),  # augmentation begins anew
    Bug("data/standing.py", 'found["source"] = position(self.source)', "pass", RESUMING),
    Bug("data/standing.py", "        self._last = (self.ahead.popleft() if self.ahead else None, self.read)\n", "        self._last = (None, self.read)\n", RESUMING),  # what was given counts as read ahead
    Bug("data/standing.py", "now[name] for name in self._watched", 'now[name] for name in ("python", "numpy")', RESUMING),  # the loop's draws are taken for the reader's
    Bug("data/resuming.py", 'epoch._replace(tasks=itertools.chain(list(place.ahead), more))', "epoch._replace(tasks=iter(more))", RESUMING),  # what was read ahead is left out
    Bug("data/resuming.py", "    finally:\n        process_to(now)\n", "    finally:\n", RESUMING),
    Bug("data/resuming.py", "                epoch.read(None)\n", "                pass\n", RESUMING),  # a stream begins anew
    Bug("data/resuming.py", "            stream.end()\n", "            pass\n", RESUMING),
    Bug("data/resuming.py", 'if (epoch.place.taken, epoch.place.digest) != (state["taken"], state["digest"]):', "if False:", RESUMING),  # another order, in silence
    Bug("data/resuming.py", 'sources.alike(sources.states(sources.stateful_samplers(loader)), state["samplers"])', "True", RESUMING),  # what a sampler has learnt is lost
    Bug("data/resuming.py", 'epoch = begun(begin.get("samplers"))', 'epoch = begun(state["samplers"])', RESUMING),  # a sampler that counts epochs counts one twice
    Bug("data/resuming.py", 'if read.get("still") and not read["over"] else', "if False else", RESUMING),
    Bug("data/loader.py", "seeded = resumes or self._seeded", "seeded = resumes", RESUMING),
    Bug("data/standing.py", "            self.still = not self._moves\n", "            pass\n", RESUMING),  # a stream begins the next pass
    Bug("data/standing.py", 'digest = zlib.crc32(np.ascontiguousarray(indices, np.int64).tobytes(), digest)', "pass", RESUMING),  # another split, in silence
    Bug("data/wording.py", '        if value is not function:\n            found[name] = value\n', "", ["tests/data/test_wording.py"]),
    Bug("data/wording.py", "sample = sample[:: max(sample.size // _SAMPLE, 1)]", "sample = sample[:1]", ["tests/data/test_wording.py"]),
    Bug("data/sources.py", "    elif isinstance(thing, types.FunctionType):\n        yield from _in_function(thing)\n", "", RESUMING),
    Bug("data/loader.py", "self._quiet = (seed, repeats + 1 if seed == last else 0)", "self._quiet = (seed, 0)", RESUMING),  # each epoch draws the same
    Bug("data/prefetch.py", "            if os.getpid() != process:", "            if False:", ["tests/data/test_processes.py"]),  # a forked child waits for ever
    Bug("data/prefetch.py", "        thread.join(_PATIENCE)\n", "        thread.join()\n", ["tests/data/test_processes.py"]),
]  # fmt: skip
