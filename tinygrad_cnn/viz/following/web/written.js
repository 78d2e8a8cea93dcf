// What a number was made of, worked out again from the numbers before it: nothing here reads the number itself.
//
// writtenOf(step, o) is {result, how, ...}. `how` says what else is there:
//   "products": terms [{slot, i, x, w, product, c, ky, kx, row, column}], bias, sum
//   "sum", "mean", "scaled": terms [{slot, i, x, ...}], factor;   "largest": terms, winner (a place)
//   "normalized": x, mean, variance, eps, weight, bias, of (how many share them; 0: the running ones)
//   "affine": x, scale, shift;   "share": x, total, top, of;   "function": operands [{x, slot, i}]
//   "moved": slot, i, constant;   "row": index;   "unknown"
// result is null where the page cannot compute the function.

const WRITTEN = {
  conv: windowed,
  transposed: windowed,
  linear(step, o) {
    const [x, w, b] = step.operands;
    const features = w.shape[1];
    const [row, k] = [Math.floor(o / w.shape[0]), o % w.shape[0]];
    const terms = [];
    for (let j = 0; j < features; j++)
      terms.push({ slot: 0, i: row * features + j, x: x.values[row * features + j], w: w.values[k * features + j] });
    return products(terms, b ? b.values[k] : null);
  },
  matmul(step, o) {
    const [a, b] = step.operands;
    const terms = [];
    factorsOf(step)(o, (i, j) =>
      terms.push({
        slot: a.step === null ? 1 : 0,
        i: a.step === null ? j : i,
        other: j,
        x: a.values[i],
        w: b.values[j],
      }),
    );
    return products(terms, null);
  },
  max_pool: winning,
  grid_max: winning,
  window_sum(step, o) {
    const scale = step.array("scale");
    const factor = scale ? scale[o % scale.length] : 1;
    return added(seenThrough(step, o), factor, scale ? "scaled" : "sum");
  },
  grid_mean(step, o) {
    const terms = seenThrough(step, o);
    return added(terms, 1 / terms.length, "mean");
  },
  scale_shift(step, o) {
    const [x, s, t] = step.operands;
    const place = broadcasting(step.shape, s.shape);
    const number = x.values[o];
    if (step.settings.eps === undefined) {
      const [scale, shift] = [s.values[place(o)], t.values[place(o)]];
      return { how: "affine", x: number, i: o, scale, shift, result: number * scale + shift };
    }
    const [mean, variance, weight, bias] = ["mean", "var", "weight", "bias"].map((name) => step.array(name)[place(o)]);
    const { eps } = step.settings;
    const result = ((number - mean) / Math.sqrt(variance + eps)) * weight + bias;
    return { how: "normalized", x: number, i: o, mean, variance, eps, weight, bias, of: 0, result };
  },
  normalize(step, o) {
    const { own, dims, eps } = step.settings;
    const [x, w, b] = step.operands;
    const { offsets, start } = groupsOf(own, dims);
    const group = offsets.map((offset) => x.values[start(o) + offset]);
    const mean = group.reduce((sum, value) => sum + value, 0) / group.length;
    const variance = group.reduce((sum, value) => sum + (value - mean) ** 2, 0) / group.length;
    const weight = w ? w.values[broadcasting(own, w.shape)(o)] : 1;
    const bias = b ? b.values[broadcasting(own, b.shape)(o)] : 0;
    const result = ((x.values[o] - mean) / Math.sqrt(variance + eps)) * weight + bias;
    return { how: "normalized", x: x.values[o], i: o, mean, variance, eps, weight, bias, of: group.length, result };
  },
  softmax: (step, o) => shared(step, o, (top, x, total) => Math.exp(x - top) / total),
  log_softmax: (step, o) => shared(step, o, (top, x, total) => x - top - Math.log(total)),
  embedding(step, o) {
    const [w, index] = step.operands;
    const width = w.shape[1];
    const row = index.values[Math.floor(o / width)];
    return { how: "row", row, i: Math.floor(o / width), result: w.values[row * width + (o % width)] };
  },
  reduce(step, o) {
    const { how } = step.settings;
    const x = step.operands[0].values;
    const terms = membersOf(step)(o).map((i) => ({ slot: 0, i, x: x[i] }));
    if (how === "sum") return added(terms, 1, "sum");
    if (how === "mean") return added(terms, 1 / terms.length, "mean");
    const beats = (b, a) => !Number.isNaN(a.x) && (Number.isNaN(b.x) || (how === "max" ? b.x > a.x : b.x < a.x));
    const best = terms.reduce((a, b) => (beats(b, a) ? b : a));
    return { how: "largest", least: how === "min", terms, winner: best.i, result: best.x };
  },
  elementwise(step, o) {
    const operands = step.operands.map((operand, slot) => {
      const i = broadcasting(step.shape, operand.shape)(o);
      return { slot, i, x: operand.values[i] };
    });
    const work = FUNCTIONS[step.op];
    const result = work ? work(...operands.map(({ x }) => x), step.settings) : null;
    return { how: "function", operands, result };
  },
  move(step, o) {
    const [slot, i] = cameFrom(step, step.array("source"), o);
    if (slot < 0) return { how: "moved", slot, i, result: step.settings.constant || 0 };
    return { how: "moved", slot, i, result: step.operands[slot].values[i] };
  },
};

const FUNCTIONS = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  true_divide: (a, b) => a / b,
  maximum: (a, b) => Math.max(a, b), // settings come last, and are no number
  minimum: (a, b) => Math.min(a, b),
  pow: (a, b) => a ** b,
  neg: (x) => -x,
  relu: (x) => Math.max(x, 0),
  leaky_relu: (x, { slope }) => (x > 0 ? x : slope * x),
  prelu: (x, slope) => (x > 0 ? x : slope * x),
  elu: (x, { alpha, scale = 1, inner = 1 }) => scale * (x > 0 ? x : alpha * Math.expm1(inner * x)),
  hardtanh: (x, { low, high }) => Math.min(Math.max(x, low), high),
  hardswish: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
  hardsigmoid: (x) => Math.min(Math.max(x + 3, 0), 6) / 6,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  silu: (x) => x / (1 + Math.exp(-x)),
  mish: (x) => x * Math.tanh(Math.log1p(Math.exp(x))),
  softplus: (x, { beta, threshold }) => (x * beta > threshold ? x : Math.log1p(Math.exp(x * beta)) / beta),
  gelu: (x) => (x * erfc(-x / Math.SQRT2)) / 2,
  gelu_tanh: (x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2,
  tanh: Math.tanh,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  square: (x) => x * x,
  abs: Math.abs,
  sin: Math.sin,
  cos: Math.cos,
  masked_fill: (x, mask, value) => (mask ? value : x),
  where: (condition, a, b) => (condition ? a : b),
};

// The complementary error function: its series, and far out its continued fraction (Abramowitz and Stegun, Handbook of
// Mathematical Functions, 1964, 7.1.6 and 7.1.14).
function erfc(x) {
  const size = Math.abs(x);
  if (size < 2.5) {
    let [term, sum] = [x, x];
    for (let n = 1; n < 80; n++) sum += term *= (2 * x * x) / (2 * n + 1);
    return 1 - (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  let fraction = size;
  for (let n = 80; n > 0; n--) fraction = size + n / 2 / fraction;
  const tail = Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
  return x > 0 ? tail : 2 - tail;
}

function writtenOf(step, o) {
  return step.kind in WRITTEN ? WRITTEN[step.kind](step, o) : { how: "unknown", result: null };
}

function products(terms, bias) {
  let sum = 0;
  for (const term of terms) sum += term.product = term.x * term.w;
  return { how: "products", terms, bias, sum, result: sum + (bias || 0) };
}

function windowed(step, o) {
  const [x, w, b] = step.operands;
  const terms = [];
  tapsOf(step)(o, (c, ky, kx, row, column, i, j) =>
    terms.push({ slot: 0, i, x: i < 0 ? 0 : x.values[i], w: w.values[j], c, ky, kx, row, column }),
  );
  return products(terms, b ? b.values[Math.floor(o / (step.shape[2] * step.shape[3])) % step.shape[1]] : null);
}

function seenThrough(step, o) {
  const x = step.operands[0].values;
  const terms = [];
  tapsOf(step)(o, (c, ky, kx, row, column, i) =>
    terms.push({ slot: 0, i, x: i < 0 ? 0 : x[i], c, ky, kx, row, column }),
  );
  return terms;
}

function added(terms, factor, how) {
  const sum = terms.reduce((total, { x }) => total + x, 0);
  return { how, terms, sum, factor, result: sum * factor };
}

function winning(step, o) {
  const terms = seenThrough(step, o);
  const winner = winnerOf(step, o);
  return { how: "largest", terms, winner, result: step.operands[0].values[winner] };
}

function shared(step, o, result) {
  const x = step.operands[0].values;
  const { offsets, start } = groupsOf(step.shape, step.settings.dims);
  const group = offsets.map((offset) => x[start(o) + offset]);
  const top = group.reduce((a, b) => Math.max(a, b));
  const total = group.reduce((sum, value) => sum + Math.exp(value - top), 0);
  return { how: "share", x: x[o], i: o, top, total, of: group.length, result: result(top, x[o], total) };
}

// Which numbers of a later step one number goes into: their places, `most` of them at most.
function dependentsOf(step, slot, i, most = Infinity) {
  const links = linksOf(step);
  const found = [];
  if (!links) return found;
  for (let o = 0; o < step.size && found.length < most; o++) {
    let hit = false;
    links(o, (s, at) => (hit = hit || (s === slot && at === i)));
    if (hit) found.push(o);
  }
  return found;
}
