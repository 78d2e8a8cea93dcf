// A net is a list of layers { weight, bias, activation, slope }, as an nn.Sequential of Linear and activations has them.

const ACTIVATIONS = {
  tanh: (z) => tanh(z),
  relu: (z) => relu(z),
  sigmoid: (z) => sigmoid(z),
  leaky_relu: (z, layer) => leakyRelu(z, { slope: layer.slope }),
  gelu: (z) => gelu(z),
  none: (z) => z,
};

const parametersOf = (layers) => layers.flatMap(({ weight, bias }) => (bias ? [weight, bias] : [weight]));

/** For each layer z = x w^T + b and a, its activation of z, for points x (N, 2). */
function forward(layers, x) {
  const steps = [];
  for (const layer of layers) {
    const products = linear(steps.length ? steps.at(-1).a : x, layer.weight);
    const z = layer.bias ? add(products, layer.bias) : products;
    steps.push({ z, a: ACTIVATIONS[layer.activation](z, layer) });
  }
  return steps;
}

const lossOf = (layers, x, labels) => crossEntropy(forward(layers, x).at(-1).a, labels);

/** Update rules: the parameter p is changed in place; its state is an object of its own, empty at the start. */
const OPTIMIZERS = {
  // Robbins and Monro (1951), with momentum (Polyak, 1964).
  SGD(p, g, state, { lr, momentum, decay }) {
    state.b ??= new Float64Array(p.data.length);
    for (let i = 0; i < p.data.length; i++) {
      state.b[i] = momentum * state.b[i] + (g.data[i] + decay * p.data[i]);
      p.data[i] -= lr * state.b[i];
    }
  },
  // Kingma and Ba (2015); here momentum is beta1.
  Adam(p, g, state, { lr, momentum, decay }) {
    const beta2 = 0.999;
    Object.assign(state, { t: (state.t ?? 0) + 1 });
    state.m ??= new Float64Array(p.data.length);
    state.v ??= new Float64Array(p.data.length);
    for (let i = 0; i < p.data.length; i++) {
      const slope = g.data[i] + decay * p.data[i];
      const m = (state.m[i] = momentum * state.m[i] + (1 - momentum) * slope);
      const v = (state.v[i] = beta2 * state.v[i] + (1 - beta2) * slope * slope);
      const spread = Math.sqrt(v) / Math.sqrt(1 - beta2 ** state.t) + 1e-8;
      p.data[i] -= ((lr / (1 - momentum ** state.t)) * m) / spread;
    }
  },
};

/** One step on one batch; states is a Map from each parameter to its optimizer's state. Returns the batch's loss. */
function trainStep(layers, x, labels, states, settings) {
  const loss = lossOf(layers, x, labels);
  const slopes = gradients(loss);
  for (const p of parametersOf(layers)) {
    if (!states.has(p)) states.set(p, {});
    OPTIMIZERS[settings.optimizer](p, slopes.get(p), states.get(p), settings);
  }
  return loss.data[0];
}

/** A matrix of numbers as a parameter. */
const parameter = (matrix) =>
  Object.assign(array(matrix.length, matrix[0].length, Float64Array.from(matrix.flat())), { wanted: true });

/** Layers from what the page was given: weights as lists of rows. */
const layersOf = (given) =>
  given.map(({ weight, bias, activation, slope }) => ({
    weight: parameter(weight),
    bias: bias && parameter([bias]),
    activation,
    slope,
  }));
