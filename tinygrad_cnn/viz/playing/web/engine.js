// Reverse-mode automatic differentiation, built as the Python package builds it: an operation is a forward with one
// gradient rule for each input above it. Given g, the gradient of the output y, a rule returns that of its input.
//
// An array is { rows, columns, data }, its numbers row by row. A parameter is an array with wanted: true. What an
// operation makes of one has a node besides, its place on the tape: the moment, the rules, and the inputs.

const array = (rows, columns, data = new Float64Array(rows * columns)) => ({ rows, columns, data });

/** f of the numbers that stand at the same place in all arrays. */
function each(f, a, b = a, c = a) {
  const y = array(a.rows, a.columns);
  for (let i = 0; i < y.data.length; i++) y.data[i] = f(a.data[i], b.data[i], c.data[i]);
  return y;
}

/** The matrix product a b; "T" behind a name takes that one transposed. */
function product(a, b, form = "a b") {
  const [aT, bT] = form.split(" ").map((name) => name.endsWith("T"));
  const [rows, inner, columns] = [aT ? a.columns : a.rows, aT ? a.rows : a.columns, bT ? b.rows : b.columns];
  const [ai, ak] = aT ? [1, a.columns] : [a.columns, 1];
  const [bk, bj] = bT ? [1, b.columns] : [b.columns, 1];
  const y = array(rows, columns);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) {
      let [sum, p, q] = [0, i * ai, j * bj];
      for (let k = 0; k < inner; k++, p += ak, q += bk) sum += a.data[p] * b.data[q];
      y.data[i * columns + j] = sum;
    }
  return y;
}

let moment = 0;

/** An operation: op(rule of the first input, rule of the second, ..., forward); null is for what has no gradient. */
function op(...rules) {
  const forward = rules.pop();
  return (...inputs) => {
    const y = forward(...inputs);
    if (inputs.some((x) => x.wanted || x.node)) y.node = { moment: ++moment, rules, inputs };
    return y;
  };
}

/** Everything that y was computed from and that is on the tape, y included. */
function tape(y, found = new Set()) {
  if (y.node && !found.has(y)) {
    found.add(y);
    for (const x of y.node.inputs) tape(x, found);
  }
  return found;
}

/** g summed over the rows along which an input of one row was broadcast. */
function fitted(g, x) {
  if (g.rows === x.rows) return g;
  const sum = array(x.rows, x.columns);
  g.data.forEach((value, i) => (sum.data[i % x.columns] += value));
  return sum;
}

/** The backward pass: a Map from each array that the loss, a single number, depends on to its gradient. */
function gradients(loss) {
  const found = new Map([[loss, array(1, 1, Float64Array.of(1))]]);
  // The latest first: when an array has its turn, all that used it have had theirs.
  for (const y of [...tape(loss)].sort((a, b) => b.node.moment - a.node.moment))
    y.node.inputs.forEach((x, i) => {
      if (!x.wanted && !x.node) return;
      const g = fitted(y.node.rules[i](found.get(y), y, ...y.node.inputs), x);
      found.set(x, found.has(x) ? each((a, b) => a + b, found.get(x), g) : g); // used twice: gradients add up
    });
  return found;
}

// ------------------------------------------------------------------------------------------------------- operations
/** x (N, in) times the transpose of w (out, in): what nn.Linear does before it adds its bias. */
const linear = op(
  (g, y, x, w) => product(g, w),
  (g, y, x, w) => product(g, x, "aT b"),
  (x, w) => product(x, w, "a bT"),
);

/** x (N, n) plus b (1, n) in every row. */
const add = op(
  (g) => g,
  (g) => g,
  (x, b) => array(x.rows, x.columns, x.data.map((value, i) => value + b.data[i % b.columns])),
);

const tanh = op(
  (g, y) => each((g, y) => g * (1 - y * y), g, y),
  (x) => each(Math.tanh, x),
);

const sigmoid = op(
  (g, y) => each((g, y) => g * y * (1 - y), g, y),
  (x) => each((x) => 1 / (1 + Math.exp(-x)), x),
);

const relu = op(
  (g, y) => each((g, y) => (y > 0 ? g : 0), g, y),
  (x) => each((x) => Math.max(x, 0), x),
);

const leakyRelu = op(
  (g, y, x, { slope }) => each((g, x) => (x > 0 ? g : slope * g), g, x),
  null,
  (x, { slope }) => each((x) => (x > 0 ? x : slope * x), x),
);

/** x times Phi(x), the normal distribution function (Hendrycks and Gimpel, 2016). */
const gelu = op(
  (g, y, x) => each((g, x) => g * (normal(x) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI)), g, x),
  (x) => each((x) => x * normal(x), x),
);

/** Phi(x) = 1/2 + phi(x) (x + x^3 / 3 + x^5 / (3 5) + ...) (Marsaglia, 2004). */
function normal(x) {
  if (Math.abs(x) > 8) return x > 0 ? 1 : 0;
  let [sum, term] = [x, x];
  for (let n = 3; Math.abs(term) > 1e-17 * Math.abs(sum); n += 2) sum += term *= (x * x) / n;
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

/** The logits of each point: a row of z or, of a single column, 0 and z, whose softmax is the sigmoid of z. */
const logitsOf = ({ rows, columns, data }) =>
  Array.from({ length: rows }, (_, i) => (columns > 1 ? [...data.slice(i * columns, (i + 1) * columns)] : [0, data[i]]));

/** log p of each class: z - log(sum of exp z), without overflow. */
function logSoftmax(row) {
  const top = Math.max(...row);
  const sum = row.reduce((sum, z) => sum + Math.exp(z - top), 0);
  return row.map((z) => z - top - Math.log(sum));
}

/** The probabilities of the classes, a list for each point. */
const softmax = (z) => logitsOf(z).map((row) => logSoftmax(row).map(Math.exp));

/** The mean of -log p(label): cross entropy of logits (N, classes), binary cross entropy of (N, 1). */
const crossEntropy = op(
  (g, y, z, labels) => {
    const rows = softmax(z).map((p, i) => p.map((value, j) => (g.data[0] * (value - (labels[i] === j))) / z.rows));
    return array(z.rows, z.columns, Float64Array.from(rows.flatMap((row) => row.slice(-z.columns)))); // of z, not of 0
  },
  null,
  (z, labels) => {
    const sum = logitsOf(z).reduce((sum, row, i) => sum - logSoftmax(row)[labels[i]], 0);
    return array(1, 1, Float64Array.of(sum / z.rows));
  },
);
