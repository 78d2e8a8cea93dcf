"""Cases of the convolutions, of unfold and fold, and of the linear layer. The references are plain loops."""
# ruff: noqa: E501  (tables)

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.ops.case import Case, Inputs
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.testing.strategies import WindowGeometry, arrays, shapes, window_geometries


def _torch(name: str) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        import torch

        return getattr(torch.nn.functional, name)(*args, **kwargs)

    return call


# ---------------------------------------------------------------------------------------------------- naive references
def loop_conv(x: Any, w: Any, b: Any, stride: Any, sides: Any, dilation: Any, groups: int) -> Any:
    """Any number of spatial dimensions, one output number at a time; ``sides`` is (before, after) per dimension."""
    spatial = x.ndim - 2
    x = np.pad(x, ((0, 0), (0, 0), *sides))
    per_group_in, per_group_out = w.shape[1], w.shape[0] // groups
    out = [(x.shape[2 + i] - dilation[i] * (w.shape[2 + i] - 1) - 1) // stride[i] + 1 for i in range(spatial)]
    y = np.zeros((x.shape[0], w.shape[0], *out))
    for n, o in itertools.product(range(y.shape[0]), range(y.shape[1])):
        group = o // per_group_out
        for place in itertools.product(*(range(m) for m in out)):
            total = 0.0 if b is None else b[o]
            for c, tap in itertools.product(range(per_group_in), itertools.product(*(range(k) for k in w.shape[2:]))):
                pixel = tuple(p * s + t * d for p, s, t, d in zip(place, stride, tap, dilation, strict=True))
                total += x[(n, group * per_group_in + c, *pixel)] * w[(o, c, *tap)]
            y[(n, o, *place)] = total
    return y


def loop_conv_transpose(
    x: Any, w: Any, b: Any, stride: Any, padding: Any, extra: Any, groups: int, dilation: Any
) -> Any:
    """Every input number paints its kernel onto a large canvas, which is cropped at the end."""
    N, C, H, W = x.shape
    per_group_out, per_group_in = w.shape[1], C // groups
    oh, ow = (
        (n - 1) * s - 2 * p + d * (k - 1) + 1 + e
        for n, s, p, d, k, e in zip((H, W), stride, padding, dilation, w.shape[2:], extra, strict=True)
    )
    canvas = np.zeros((N, per_group_out * groups, oh + 2 * padding[0] + 9, ow + 2 * padding[1] + 9))
    for n, c, h, v in itertools.product(range(N), range(C), range(H), range(W)):
        group = c // per_group_in
        for o, i, j in itertools.product(range(per_group_out), range(w.shape[2]), range(w.shape[3])):
            row, column = h * stride[0] + i * dilation[0], v * stride[1] + j * dilation[1]
            canvas[n, group * per_group_out + o, row, column] += x[n, c, h, v] * w[c, o, i, j]
    y = canvas[:, :, padding[0] : padding[0] + oh, padding[1] : padding[1] + ow]
    return y if b is None else y + b[:, None, None]


def _sides(padding: Any, spatial: int, kernel: Any, dilation: Any) -> list[tuple[int, int]]:
    if padding == "valid":
        return [(0, 0)] * spatial
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return [(t // 2, t - t // 2) for t in total]
    return [(p, p) for p in _spread(padding, spatial)]


def _spread(value: Any, n: int) -> tuple[int, ...]:
    return (value,) * n if isinstance(value, int) else tuple(value) * (n if len(value) == 1 else 1)


def reference_conv(spatial: int) -> Any:
    def reference(
        x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
    ) -> Any:
        batch = x if x.ndim == spatial + 2 else x[None]
        step, apart = _spread(stride, spatial), _spread(dilation, spatial)
        y = loop_conv(batch, w, b, step, _sides(padding, spatial, w.shape[2:], apart), apart, groups)
        return y if x.ndim == spatial + 2 else y[0]

    return reference


def reference_conv_transpose2d(
    x: Any,
    w: Any,
    b: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    pairs = [_spread(v, 2) for v in (stride, padding, output_padding)]
    y = loop_conv_transpose(x if x.ndim == 4 else x[None], w, b, *pairs, groups, _spread(dilation, 2))
    return y if x.ndim == 4 else y[0]


def reference_unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    kernel, apart, pad, step = (_spread(v, 2) for v in (kernel_size, dilation, padding, stride))
    batch = x if x.ndim == 4 else x[None]
    p = np.pad(batch, ((0, 0), (0, 0), (pad[0],) * 2, (pad[1],) * 2))
    out = [(p.shape[2 + i] - apart[i] * (kernel[i] - 1) - 1) // step[i] + 1 for i in (0, 1)]
    columns = [
        p[:, :, r * step[0] : r * step[0] + apart[0] * (kernel[0] - 1) + 1 : apart[0],
          c * step[1] : c * step[1] + apart[1] * (kernel[1] - 1) + 1 : apart[1]].reshape(len(batch), batch.shape[1] * kernel[0] * kernel[1])
        for r in range(out[0]) for c in range(out[1])
    ]  # fmt: skip
    y = np.stack(columns, 2)
    return y if x.ndim == 4 else y[0]


def reference_fold(
    x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    size, kernel, apart, pad, step = (_spread(v, 2) for v in (output_size, kernel_size, dilation, padding, stride))
    batch = x if x.ndim == 3 else x[None]
    C = batch.shape[1] // (kernel[0] * kernel[1])
    columns = batch.reshape(len(batch), C, *kernel, batch.shape[2])
    p = np.zeros((len(batch), C, size[0] + 2 * pad[0], size[1] + 2 * pad[1]))
    across = (p.shape[3] - apart[1] * (kernel[1] - 1) - 1) // step[1] + 1
    for i, j, window in itertools.product(range(kernel[0]), range(kernel[1]), range(columns.shape[-1])):
        row, column = divmod(window, across)
        p[:, :, row * step[0] + i * apart[0], column * step[1] + j * apart[1]] += columns[:, :, i, j, window]
    y = p[:, :, pad[0] : pad[0] + size[0], pad[1] : pad[1] + size[1]]
    return y if x.ndim == 3 else y[0]


# -------------------------------------------------------------------------------------------------------------- inputs
@st.composite
def conv_inputs(draw: Any, spatial: int) -> Inputs:
    geometry: WindowGeometry = draw(
        window_geometries(spatial_dims=spatial, max_size=4 if spatial == 2 else 6, max_kernel=2 if spatial == 2 else 3)
    )
    groups, c, o = draw(st.sampled_from([(1, 1, 1), (1, 2, 1), (1, 1, 2), (2, 1, 1), (1, 2, 2)]))
    n = draw(st.sampled_from([None, 0, 1, 1, 2]))
    x = draw(arrays((() if n is None else (n,)) + (c * groups, *geometry.size)))
    w = draw(arrays((o * groups, c, *geometry.kernel_size)))
    inputs = [x, w]
    kwargs: dict[str, Any] = {"dilation": geometry.dilation, "groups": groups}
    padding = draw(st.sampled_from(["numbers", "numbers", "same", "valid"]))
    spans = [d * (k - 1) + 1 for d, k in zip(geometry.dilation, geometry.kernel_size, strict=True)]
    if padding == "valid" and all(s <= size for s, size in zip(spans, geometry.size, strict=True)):
        kwargs |= {"padding": "valid", "stride": geometry.stride}
    elif padding == "same":
        kwargs["padding"] = "same"
    else:
        kwargs |= {"padding": geometry.padding, "stride": geometry.stride}
    if draw(st.booleans()):
        inputs.append(draw(arrays((o * groups,))))
    return inputs, kwargs


@st.composite
def conv_transpose2d_inputs(draw: Any) -> Inputs:
    kernel, stride = (draw(st.tuples(st.integers(1, 2), st.integers(1, 2))) for _ in range(2))
    dilation = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    size = draw(st.tuples(st.integers(1, 3), st.integers(1, 2)))
    extra = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
    room = [(n - 1) * s + d * (k - 1) + e for n, s, d, k, e in zip(size, stride, dilation, kernel, extra, strict=True)]
    padding = tuple(draw(st.integers(0, min(1, r // 2))) for r in room)
    groups, c, o = draw(st.sampled_from([(1, 1, 1), (1, 2, 1), (1, 1, 2), (2, 1, 1)]))
    n = draw(st.sampled_from([None, 0, 1, 2]))
    inputs = [
        draw(arrays((() if n is None else (n,)) + (c * groups, *size))),
        draw(arrays((c * groups, o, *kernel))),
    ]
    if draw(st.booleans()):
        inputs.append(draw(arrays((o * groups,))))
    kwargs = {"stride": stride, "padding": padding, "output_padding": extra, "groups": groups, "dilation": dilation}
    return inputs, kwargs


@st.composite
def unfold_inputs(draw: Any) -> Inputs:
    g: WindowGeometry = draw(window_geometries(max_size=4, max_kernel=2))
    n = draw(st.sampled_from([None, 0, 1, 2]))
    x = draw(arrays((() if n is None else (n,)) + (draw(st.integers(1, 2)), *g.size)))
    return [x], {"kernel_size": g.kernel_size, "dilation": g.dilation, "padding": g.padding, "stride": g.stride}


@st.composite
def fold_inputs(draw: Any) -> Inputs:
    g: WindowGeometry = draw(window_geometries(max_size=4, max_kernel=2))
    n = draw(st.sampled_from([None, 0, 1, 2]))
    rows = draw(st.integers(1, 2)) * int(np.prod(g.kernel_size))
    x = draw(arrays((() if n is None else (n,)) + (rows, int(np.prod(g.output_size)))))
    kwargs = {"output_size": g.size, "kernel_size": g.kernel_size, "dilation": g.dilation, "padding": g.padding}
    return [x], kwargs | {"stride": g.stride}


@st.composite
def linear_inputs(draw: Any) -> Inputs:
    features, out = draw(st.integers(0, 4)), draw(st.integers(0, 3))
    lead = draw(shapes(0, 2, 0, 3, 6))
    inputs = [draw(arrays((*lead, features))), draw(arrays((out, features)))]
    if draw(st.booleans()):
        inputs.append(draw(arrays((out,))))
    return inputs, {}


def reference_linear(x: Any, w: Any, b: Any = 0.0) -> Any:
    y = np.zeros((*x.shape[:-1], len(w)))
    for place in np.ndindex(*y.shape):
        y[place] = sum(x[(*place[:-1], k)] * w[place[-1], k] for k in range(w.shape[1]))
    return y + b


INTEGERS = tuple(
    (probe, "integers are refused; the message says to convert them") for probe in ("integers", "booleans")
)
UNCHECKED = tuple(
    (p, "PyTorch checks neither dtypes nor dilation for an empty batch") for p in ("mixed dtypes", "zero")
)
OTHER_BIAS = "PyTorch also takes a bias that broadcasts, and a vector as weight; we refuse what nn.Linear never makes"

CASES = [
    Case(
        "nn.functional.conv2d",
        conv_inputs(2),
        F.conv2d,
        reference_conv(2),
        _torch("conv2d"),
        differs=INTEGERS + UNCHECKED,
    ),
    Case(
        "nn.functional.conv1d",
        conv_inputs(1),
        F.conv1d,
        reference_conv(1),
        _torch("conv1d"),
        differs=INTEGERS + UNCHECKED,
    ),
    Case(
        "nn.functional.conv_transpose2d",
        conv_transpose2d_inputs(),
        F.conv_transpose2d,
        reference_conv_transpose2d,
        _torch("conv_transpose2d"),
        differs=(
            *INTEGERS,
            ("mixed dtypes", "a bias of another dtype is refused, as conv2d refuses it in PyTorch too"),
            ("a large number", "PyTorch does not check output_padding for an empty batch"),
            ("zero", "PyTorch checks neither dtypes nor dilation for an empty batch"),
            ("another size", "an output without pixels is refused, of an empty batch too"),
        ),
    ),
    Case("nn.functional.unfold", unfold_inputs(), F.unfold, reference_unfold, _torch("unfold")),
    Case("nn.functional.fold", fold_inputs(), F.fold, reference_fold, _torch("fold")),
    Case(
        "nn.functional.linear",
        linear_inputs(),
        F.linear,
        reference_linear,
        _torch("linear"),
        differs=(
            *INTEGERS,
            *(
                (p, OTHER_BIAS)
                for p in ("no dimensions", "a dimension more", "a dimension fewer", "another size", "nothing")
            ),
        ),
    ),
]
