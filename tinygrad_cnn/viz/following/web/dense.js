// Walks through whole convolutions, plane by plane and tap by tap: what their links say, many times as fast.

// Calls each(w, input plane, output plane, rows, columns) for each tap of each kernel between two planes; rows and
// columns are [first, last, offset]: output row y meets input row y * stride + offset.
function tapsByPlane(step, each) {
  const [N, C, H, W] = step.operands[0].shape;
  const [O, Cg, kh, kw] = step.operands[1].shape;
  const [, , oh, ow] = step.shape;
  const { stride, padding, dilation, groups } = step.settings;
  const weights = step.operands[1].values;
  const range = (offset, apart, size, out) => [
    Math.max(0, Math.ceil(-offset / apart)),
    Math.min(out - 1, Math.floor((size - 1 - offset) / apart)),
    offset,
  ];
  const rows = Array.from({ length: kh }, (_, k) => range(k * dilation[0] - padding[0][0], stride[0], H, oh));
  const columns = Array.from({ length: kw }, (_, k) => range(k * dilation[1] - padding[1][0], stride[1], W, ow));
  for (let n = 0; n < N; n++)
    for (let oc = 0; oc < O; oc++)
      for (let c = 0; c < Cg; c++) {
        const plane = n * C + Math.floor(oc / (O / groups)) * Cg + c;
        for (let k = 0; k < kh * kw; k++)
          each(weights[(oc * Cg + c) * kh * kw + k], plane, n * O + oc, rows[Math.floor(k / kw)], columns[k % kw]);
      }
}

// Which planes of an array hold anything but zeros.
function livePlanes(numbers, per) {
  const live = new Uint8Array(numbers.length / per);
  for (let k = 0; k < numbers.length; k++) if (numbers[k] !== 0) live[Math.floor(k / per)] = 1;
  return live;
}

function planesOf(step) {
  const [[, , H, W], [, , oh, ow]] = [step.operands[0].shape, step.shape];
  return { H, W, oh, ow, stride: step.settings.stride };
}

// into += the gradient of the input, from g, that of the output.
function convolvedBack(step, g, into) {
  const { H, W, oh, ow, stride } = planesOf(step);
  const live = livePlanes(g, oh * ow);
  tapsByPlane(step, (w, plane, out, [y0, y1, dy], [x0, x1, dx]) => {
    if (!live[out]) return;
    for (let y = y0; y <= y1; y++) {
      const [from, to] = [(out * oh + y) * ow, (plane * H + y * stride[0] + dy) * W + dx];
      for (let x = x0; x <= x1; x++) into[to + x * stride[1]] += w * g[from + x];
    }
  });
}

// The change of the output, from that of the input.
function convolvedOn(step, tangent) {
  const { H, W, oh, ow, stride } = planesOf(step);
  const live = livePlanes(tangent, H * W);
  const y = new Float64Array(step.size);
  tapsByPlane(step, (w, plane, out, [y0, y1, dy], [x0, x1, dx]) => {
    if (!live[plane]) return;
    for (let row = y0; row <= y1; row++) {
      const [to, from] = [(out * oh + row) * ow, (plane * H + row * stride[0] + dy) * W + dx];
      for (let x = x0; x <= x1; x++) y[to + x] += w * tangent[from + x * stride[1]];
    }
  });
  return y;
}

// Marks all inputs that marked outputs read: the channels of a group read the same.
function convolvedReach(step, marks, into) {
  const [N, C, H, W] = step.operands[0].shape;
  const [O, Cg, kh, kw] = step.operands[1].shape;
  const { oh, ow } = planesOf(step);
  const { groups } = step.settings;
  const taps = tapsOf(step);
  for (let n = 0; n < N; n++)
    for (let group = 0; group < groups; group++) {
      const seen = new Uint8Array(H * W);
      for (let pixel = 0; pixel < oh * ow; pixel++) {
        let any = false;
        for (let oc = (group * O) / groups; oc < ((group + 1) * O) / groups && !any; oc++)
          any = marks[(n * O + oc) * oh * ow + pixel] === 1;
        if (!any) continue;
        let left = kh * kw; // the taps of the first channel say it for all
        taps(
          (n * O + (group * O) / groups) * oh * ow + pixel,
          (c, ky, kx, y, x, i) => left-- > 0 && i >= 0 && (seen[y * W + x] = 1),
        );
      }
      for (let c = group * Cg; c < (group + 1) * Cg; c++)
        for (let k = 0; k < H * W; k++) if (seen[k]) into[(n * C + c) * H * W + k] = 1;
    }
}

// Is it worth going plane by plane? Not for a few numbers, nor where the kernels are another step's.
function isDense(step, numbers) {
  if (step.kind !== "conv" || step.operands[1].step !== null) return false;
  let count = 0;
  for (let k = 0; k < numbers.length; k++) count += numbers[k] !== 0;
  return count > 16;
}
