// How each number hangs together with those before it.
//
// linksOf(step)(o, visit) calls visit(slot, i, d) for each number that output o depends on: which operand, where in it,
// and the derivative. Operands that are no step's are left out. Of norms and softmax the whole group is linked; their
// walks are written by themselves, in walks.js, since they are products with a matrix that need not be made.

const LINKS = {
  conv: weighted,
  transposed: weighted,
  linear(step) {
    const [x, w] = step.operands;
    const [out, features] = w.shape;
    return (o, visit) => {
      const [row, k] = [Math.floor(o / out), o % out];
      for (let j = 0; j < features; j++) {
        if (x.step !== null) visit(0, row * features + j, w.values[k * features + j]);
        if (w.step !== null) visit(1, k * features + j, x.values[row * features + j]);
      }
      if (step.operands.length > 2 && step.operands[2].step !== null) visit(2, k, 1);
    };
  },
  matmul(step) {
    const [a, b] = step.operands;
    const factors = factorsOf(step);
    return (o, visit) =>
      factors(o, (i, j) => {
        if (a.step !== null) visit(0, i, b.values[j]);
        if (b.step !== null) visit(1, j, a.values[i]);
      });
  },
  max_pool: largest,
  grid_max: largest,
  window_sum(step) {
    const scale = step.array("scale");
    const [taps, pixels] = [tapsOf(step), step.shape[2] * step.shape[3]];
    return (o, visit) => taps(o, (c, ky, kx, y, x, i) => i >= 0 && visit(0, i, scale ? scale[o % pixels] : 1));
  },
  grid_mean(step) {
    const [taps, [, , oh, ow]] = [tapsOf(step), step.shape];
    const { rows, columns } = step.settings;
    const lengths = [rows, columns].map((spans) => spans.map(([from, to]) => to - from));
    return (o, visit) => {
      const d = 1 / (lengths[0][Math.floor(o / ow) % oh] * lengths[1][o % ow]);
      taps(o, (c, ky, kx, y, x, i) => visit(0, i, d));
    };
  },
  scale_shift(step) {
    const [, s] = step.operands;
    const place = broadcasting(step.shape, s.shape);
    return (o, visit) => visit(0, o, s.values[place(o)]);
  },
  normalize: grouped,
  softmax: grouped,
  log_softmax: grouped,
  embedding(step) {
    const width = step.operands[0].shape[1];
    return (o, visit) => visit(1, Math.floor(o / width), 0);
  },
  reduce(step) {
    const { how } = step.settings;
    const members = membersOf(step);
    const x = step.operands[0].values;
    return (o, visit) => {
      const places = members(o);
      if (how === "mean" || how === "sum") {
        for (const i of places) visit(0, i, how === "mean" ? 1 / places.length : 1);
      } else {
        const winners = places.filter((i) => x[i] === step.values[o]).length;
        for (const i of places) visit(0, i, x[i] === step.values[o] ? 1 / winners : 0);
      }
    };
  },
  elementwise(step) {
    const places = step.operands.map((operand) => broadcasting(step.shape, operand.shape));
    const known = SLOPES[step.op];
    return (o, visit) =>
      step.operands.forEach((operand, slot) => {
        if (operand.step === null) return;
        const d = operand.slopes ? operand.slopes[o] : known(step, o, slot, places);
        visit(slot, places[slot](o), d);
      });
  },
  move(step) {
    const source = step.array("source");
    return (o, visit) => {
      const [slot, i] = cameFrom(step, source, o);
      if (slot >= 0 && step.operands[slot].step !== null) visit(slot, i, 1);
    };
  },
};

// Of elementwise steps whose slopes Python did not send: value of operand `slot` at output o.
const SLOPES = {
  add: () => 1,
  sub: (step, o, slot) => (slot ? -1 : 1),
  neg: () => -1,
  relu: (step, o) => (step.values[o] > 0 ? 1 : 0),
  mul: (step, o, slot, places) => step.operands[1 - slot].values[places[1 - slot](o)],
  true_divide(step, o, slot, places) {
    const [a, b] = step.operands.map((operand, k) => operand.values[places[k](o)]);
    return slot ? -a / (b * b) : 1 / b;
  },
};

function weighted(step) {
  const [x, w] = step.operands;
  const taps = tapsOf(step);
  return (o, visit) => {
    const [numbers, weights] = [x.values, w.values];
    taps(o, (c, ky, kx, row, column, i, j) => {
      if (i < 0) return;
      if (x.step !== null) visit(0, i, weights[j]);
      if (w.step !== null) visit(1, j, numbers[i]);
    });
  };
}

function largest(step) {
  const taps = tapsOf(step);
  return (o, visit) => {
    const at = winnerOf(step, o);
    taps(o, (c, ky, kx, row, column, i) => i >= 0 && visit(0, i, i === at ? 1 : 0));
  };
}

function grouped(step) {
  const shape = step.settings.own || step.shape;
  const { offsets, start } = groupsOf(shape, step.settings.dims);
  return (o, visit) => {
    const at = start(o);
    for (const offset of offsets) visit(0, at + offset, NaN);
  };
}

// The two factors of each product of a matrix product, with batches repeated where they must be: factor(i, j).
function factorsOf(step) {
  const [a, b] = step.operands;
  const vectors = [a.shape.length === 1, b.shape.length === 1];
  const [A, B] = [vectors[0] ? [1, ...a.shape] : a.shape, vectors[1] ? [...b.shape, 1] : b.shape];
  const [n, k, m] = [A.at(-2), A.at(-1), B.at(-1)];
  const batch =
    vectors[0] || vectors[1]
      ? step.shape.slice(0, step.shape.length - (vectors[0] ? 0 : 1) - (vectors[1] ? 0 : 1))
      : step.shape.slice(0, -2);
  const [ofA, ofB] = [broadcasting(batch, A.slice(0, -2)), broadcasting(batch, B.slice(0, -2))];
  return (o, factor) => {
    const [at, row, column] = [Math.floor(o / (n * m)), Math.floor(o / m) % n, o % m];
    const [i, j] = [(ofA(at) * n + row) * k, ofB(at) * k * m + column];
    for (let c = 0; c < k; c++) factor(i + c, j + c * m);
  };
}

// For each output of a reduction, the places of all numbers that went into it.
function membersOf(step) {
  const { shape } = step.operands[0];
  const { dims } = step.settings;
  const { offsets } = groupsOf(shape, dims);
  const strides = stridesOf(shape);
  const kept = shape.map((_, d) => d).filter((d) => !dims.includes(d));
  const inner = stridesOf(kept.map((d) => shape[d]));
  return (o) => {
    const at = kept.reduce((sum, d, k) => sum + (Math.floor(o / inner[k]) % shape[d]) * strides[d], 0);
    return offsets.map((offset) => at + offset);
  };
}

// Where a number that was only moved came from: [slot, place]; slot -1 is a constant, such as padding.
function cameFrom(step, source, o) {
  if (!source) return [mainOperand(step), o];
  let i = source[o] - 1;
  if (i < 0) return [-1, 0];
  let slot = 0;
  while (i >= step.operands[slot].size) i -= step.operands[slot++].size;
  return [slot, i];
}

function linksOf(step) {
  if (step.links === undefined) step.links = step.kind in LINKS ? LINKS[step.kind](step) : null;
  return step.links;
}
