// Windows: what lies under the taps of the one that made a number.
//
// tapsOf(step)(o, tap) calls tap(channel, row of the window, column of the window, row, column, i, w) for each tap: i is
// the place in the input, -1 in the padding; w that of the weight.

const TAPS = {
  conv(step) {
    const [, C, H, W] = step.operands[0].shape;
    const [O, Cg, kh, kw] = step.operands[1].shape;
    const { stride, padding, dilation, groups } = step.settings;
    return (o, tap) => {
      const [n, oc, oy, ox] = placeInMaps(step.shape, o);
      const first = Math.floor(oc / (O / groups)) * Cg;
      for (let c = 0; c < Cg; c++)
        for (let ky = 0; ky < kh; ky++) {
          const y = oy * stride[0] - padding[0][0] + ky * dilation[0];
          for (let kx = 0; kx < kw; kx++) {
            const x = ox * stride[1] - padding[1][0] + kx * dilation[1];
            const inside = y >= 0 && y < H && x >= 0 && x < W;
            const i = inside ? ((n * C + first + c) * H + y) * W + x : -1;
            tap(first + c, ky, kx, y, x, i, ((oc * Cg + c) * kh + ky) * kw + kx);
          }
        }
    };
  },

  // The taps of the convolution it transposes that this pixel was under.
  transposed(step) {
    const [, C, H, W] = step.operands[0].shape;
    const [, Og, kh, kw] = step.operands[1].shape;
    const { stride, padding, dilation, groups } = step.settings;
    return (o, tap) => {
      const [n, oc, oy, ox] = placeInMaps(step.shape, o);
      const group = Math.floor(oc / Og);
      for (let c = (group * C) / groups; c < ((group + 1) * C) / groups; c++)
        for (let ky = 0; ky < kh; ky++) {
          const y = (oy + padding[0][0] - ky * dilation[0]) / stride[0];
          if (!Number.isInteger(y) || y < 0 || y >= H) continue;
          for (let kx = 0; kx < kw; kx++) {
            const x = (ox + padding[1][0] - kx * dilation[1]) / stride[1];
            if (!Number.isInteger(x) || x < 0 || x >= W) continue;
            tap(c, ky, kx, y, x, ((n * C + c) * H + y) * W + x, ((c * Og + (oc % Og)) * kh + ky) * kw + kx);
          }
        }
    };
  },

  max_pool: poolTaps,
  window_sum: poolTaps,
  grid_mean: gridTaps,
  grid_max: gridTaps,
};

function placeInMaps([, maps, rows, columns], o) {
  const plane = Math.floor(o / (rows * columns));
  return [Math.floor(plane / maps), plane % maps, Math.floor(o / columns) % rows, o % columns];
}

function poolTaps(step) {
  const [, , H, W] = step.operands[0].shape;
  const [, C, oh, ow] = step.shape;
  const { kernel, stride, padding, dilation } = step.settings;
  return (o, tap) => {
    const [plane, oy, ox] = [Math.floor(o / (oh * ow)), Math.floor(o / ow) % oh, o % ow];
    for (let ky = 0; ky < kernel[0]; ky++) {
      const y = oy * stride[0] - padding[0][0] + ky * dilation[0];
      for (let kx = 0; kx < kernel[1]; kx++) {
        const x = ox * stride[1] - padding[1][0] + kx * dilation[1];
        const inside = y >= 0 && y < H && x >= 0 && x < W;
        tap(plane % C, ky, kx, y, x, inside ? (plane * H + y) * W + x : -1, -1);
      }
    }
  };
}

function gridTaps(step) {
  const [, , H, W] = step.operands[0].shape;
  const [, C, oh, ow] = step.shape;
  const { rows, columns } = step.settings;
  return (o, tap) => {
    const [plane, oy, ox] = [Math.floor(o / (oh * ow)), Math.floor(o / ow) % oh, o % ow];
    for (let y = rows[oy][0]; y < rows[oy][1]; y++)
      for (let x = columns[ox][0]; x < columns[ox][1]; x++)
        tap(plane % C, y - rows[oy][0], x - columns[ox][0], y, x, (plane * H + y) * W + x, -1);
  };
}

function tapsOf(step) {
  if (step.taps === undefined) step.taps = step.kind in TAPS ? TAPS[step.kind](step) : null;
  return step.taps;
}

// The tap that won a maximum: the first, row by row. Its place in the input.
function winnerOf(step, o) {
  const x = step.operands[0].values;
  let [best, at] = [-Infinity, -1];
  tapsOf(step)(o, (c, ky, kx, row, column, i) => {
    if (i >= 0 && (Number.isNaN(x[i]) || x[i] > best || at < 0)) [best, at] = [x[i], i];
  });
  return at;
}

// The numbers that share a mean, a sum or a maximum with this one: places in an array of that shape, over `dims`.
function groupsOf(shape, dims) {
  const strides = stridesOf(shape);
  let offsets = [0];
  for (const d of dims)
    offsets = offsets.flatMap((at) => Array.from({ length: shape[d] }, (_, k) => at + k * strides[d]));
  const start = (o) => dims.reduce((at, d) => at - (Math.floor(o / strides[d]) % shape[d]) * strides[d], o);
  return { offsets, start };
}
