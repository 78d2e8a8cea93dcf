"""Bugs below the engine: convolutions, windows, copies, threads."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import CONV, FAST, Bug

LOCKS = ["tests/arrays/test_locks.py"]
WINDOWS = ["tests/arrays/test_windows.py"]

BUGS = [
    Bug("arrays/convolution/im2col.py", "oh, L), x.dtype) if groups * K * oh * L <= _BLOCK else None", "oh, L), x.dtype)", CONV),  # columns are kept, however many
    Bug("arrays/convolution/im2col.py", "            dw += np.matmul(", "            dw[...] = np.matmul(", CONV),
    Bug("arrays/convolution/im2col.py", "W = w.reshape(groups, O // groups, K)\n", "W = w.reshape(O // groups, groups, K).swapaxes(0, 1)\n", [*CONV]),
    Bug("arrays/convolution/rowview.py", "B[first:last, j, :, :w0] = B[first:last, j, :, w1:] = 0", "pass", FAST),  # old memory as padding
    Bug("arrays/convolution/rowview.py", "(r1 - 1) * sh + kh), B)\n            flat = y[r0", "(r1 - 1) * sh + 1), B)\n            flat = y[r0", FAST),  # a part lacks its last rows
    Bug("arrays/convolution/rowview.py", "return np.matmul(left, right).sum((0, 1))", "return np.matmul(left, right)[0, 0]", FAST),
    Bug("arrays/convolution/rowview.py", "D[: kh - 1] = D[oh + kh - 1 :] = 0", "D[: kh - 1] = 0", FAST),
    Bug("arrays/convolution/rowview.py", " or not np.isfinite(w).all()", "", FAST),
    Bug("arrays/convolution/lastcol.py", "h, w_ = geometry.touched(i, j, rows, ow)\n                part[h, w_] += cols", "h, w_ = geometry.touched(i, j, rows, ow)\n                part[h, w_] = cols", FAST),
    Bug("arrays/convolution/winograd.py", "_BIAS = 7", "_BIAS = 0", FAST),
    Bug("arrays/convolution/winograd.py", "yield partial(row.fill, 0)", "yield partial(row.fill, 1)", FAST),
    Bug("arrays/convolution/winograd.py", "room[:, :, left + x.shape[1] :].fill, 0", "room[:, :, left + x.shape[1] :].fill, 1", FAST),
    Bug("arrays/convolution/winograd.py", "E[:, :, ow:].fill, 0", "E[:, :, ow:].fill, 1", FAST),
    Bug("arrays/convolution/winograd.py", "np.ascontiguousarray(_GG[:, ::-1])", "_GG", FAST),
    Bug("arrays/convolution/winograd.py", "first = 4 * t - top", "first = 4 * tiles[0] - top", FAST),  # each row of tiles sees the job's first
    Bug("arrays/convolution/im2col.py", "            y += b[:, None]\n", "            pass\n", CONV),
    Bug("arrays/convolution/winograd.py", "partial(np.add, dU, D, out=dU)", "partial(np.copyto, dU, D)", FAST),
    Bug("arrays/convolution/winograd.py", "[0, 1, -1, 8, -8, 1]", "[0, 1, -1, 8, -8, 0]", FAST),
    Bug("arrays/windows.py", "(c, dh * h, dw * w, sh * h, sw * w, n)", "(c, h, w, sh * h, sw * w, n)", WINDOWS + CONV),
    Bug("arrays/windows.py", "strides, sh * h * rows.start)", "strides, h * rows.start)", WINDOWS + CONV),
    Bug("arrays/windows.py", "self.dilation[axis] * (self.kernel[axis] - 1) + 1", "self.dilation[axis] * self.kernel[axis]", WINDOWS),
    Bug("arrays/windows.py", "top, left = i * dh + sh * rows.start, j * dw", "top, left = i * sh + dh * rows.start, j * sw", WINDOWS),
    Bug("arrays/windows.py", "top, left = i * dh + sh * rows.start, j * dw", "top, left = i * dh + rows.start, j * dw", WINDOWS + CONV),
    Bug("arrays/windows.py", "(top, bottom), (left, right) = padding\n    N, C, H, W", "(bottom, top), (right, left) = padding\n    N, C, H, W", WINDOWS + CONV),
    Bug("arrays/windows.py", "p.shape[1] - bottom, left : p.shape[2] - right]", "p.shape[1] - bottom, right : p.shape[2] - left]", WINDOWS + CONV),
    Bug("arrays/windows.py", "p[:, h, w] += cols[:, i, j]", "p[:, h, w] = cols[:, i, j]", WINDOWS),
    Bug("arrays/windows.py", "p[:, top : top + H, :left] = p[:, top : top + H, left + W :] = value", "p[:, top : top + H, :left] = p[:, top : top + H, left + W :] = 0", WINDOWS),
    Bug("arrays/windows.py", "(W - self.extent(1)) // self.stride[1] + 1", "-(-(W - self.extent(1)) // self.stride[1]) + 1", WINDOWS),
    Bug("arrays/threads.py", "cuts = [n * i // parts for i in range(parts + 1)]", "cuts = [n // parts * i for i in range(parts + 1)]", FAST),  # the last ones are forgotten
    Bug("arrays/threads.py", "                done.acquire()\n    for", "                pass\n    for", FAST),  # nobody waits
    Bug("arrays/threads.py", "        total += part\n", "        total = part\n", FAST),
    Bug("arrays/threads.py", "in sorted(parts))", "in parts)", FAST),
    Bug("arrays/copying.py", ".reshape((*shape[1:], n)).transpose((k, *range(k)))", ".reshape((n, *shape[1:]))", ["tests/arrays/test_copying.py"]),
    Bug("arrays/keywords.py", "            if mine in ours:\n", "            if False:\n", ["tests/tensors/test_names.py"]),  # dim= and axis= beside each other: one is dropped in silence
    Bug("arrays/keywords.py", "if len(found) != k:", "if False:", ["tests/tensors/test_names.py"]),
    Bug("arrays/rng.py", "return manual_seed(Generator().initial_seed()).initial_seed()", "return Generator().initial_seed()", ["tests/tensors/test_names.py"]),
    Bug("arrays/tracebacks.py", "one.__traceback__ = shorten(traceback)", "pass", ["tests/arrays/test_tracebacks.py"]),  # of what led to the error
    Bug("arrays/tracebacks.py", "(within and file.startswith(_CALLED))", "False", ["tests/arrays/test_tracebacks.py"]),
    Bug("arrays/tracebacks.py", "file.startswith(_OWN) or (within and file.startswith(_CALLED))", "file.startswith(_OWN)", ["tests/arrays/test_tracebacks.py"]),
    Bug("arrays/tracebacks.py", "(within and file.startswith(_CALLED))", "file.startswith(_CALLED)", ["tests/arrays/test_tracebacks.py"]),  # NumPy's own, where the user called it
    Bug("arrays/locks.py", "_locks.insert(0, RLock())\n    return _locks[0]", "_locks.append(RLock())\n    return _locks[-1]", LOCKS),  # a fork takes the inner one first
    Bug("arrays/locks.py", "        lock.acquire()\n        _taken.append(lock)", "        pass", LOCKS),  # and waits for nobody
    Bug("arrays/locks.py", "first = _loading.acquire(timeout=_PATIENCE)", "first = False", LOCKS),
    Bug("arrays/rng.py", "            if _default is None:  # still", "            if True:  # still", ["tests/arrays/test_rng.py"]),
    Bug("arrays/rng.py", "    os.register_at_fork(after_in_child=_open_lock)", "    pass", ["tests/arrays/test_rng.py"]),
    Bug("arrays/threads.py", "        if one_blas_thread.inside:", "        if False:", FAST),
    Bug("arrays/threads.py", "    _queues.clear()\n    one", "    one", FAST),  # the child waits for workers that are not there
    Bug("arrays/threads.py", "    one_blas_thread.only_here()\n", "", FAST),
    Bug("arrays/threads.py", "with _lock, suppress(RuntimeError):", "with _lock:", FAST),
    Bug("arrays/threads.py", "            usual = max(", "            usual = min(", FAST),
]  # fmt: skip
