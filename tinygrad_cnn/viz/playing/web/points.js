// Points in the plane with labels: [x, y, label], made from a seed, so that the same seed gives the same points.

/** Numbers in [0, 1) from a whole number: a Weyl sequence, mixed by multiplications. */
function randomFrom(seed) {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bf03635) >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** A number from the normal distribution (Box and Muller, 1958). */
const gaussian = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

const around = (angle, radius) => [radius * Math.cos(angle), radius * Math.sin(angle)];

/** Point i of n, at rest: noise comes on top. */
const DATA_SETS = {
  spirals: { name: "Two spirals", classes: 2, noise: 0.02, at: arm },
  arms: { name: "Three arms", classes: 3, noise: 0.02, at: arm },
  circles: {
    name: "Circles", classes: 2, noise: 0.06,
    at: (label, t, random) => around(2 * Math.PI * random(), label ? 0.85 : 0.3),
  },
  moons: {
    name: "Moons", classes: 2, noise: 0.08,
    at: (label, t) => {
      const [x, y] = around(Math.PI * t, 0.6);
      return label ? [0.3 - x, 0.2 - y] : [x - 0.3, y - 0.2];
    },
  },
  xor: {
    name: "Exclusive or", classes: 2, noise: 0.03,
    at: (label, t, random) => {
      const [x, y] = [0.1 + 0.8 * random(), 0.1 + 0.8 * random()];
      return random() < 0.5 ? [x, label ? -y : y] : [-x, label ? y : -y];
    },
  },
  gaussians: { name: "Gaussians", classes: 2, noise: 0.22, at: (label) => (label ? [0.4, 0.4] : [-0.4, -0.4]) },
};

function arm(label, t, random, classes) {
  return around(1.5 * 2 * Math.PI * t + (2 * Math.PI * label) / classes, 0.08 + 0.9 * t);
}

/** n points of a data set, labels in turn. */
function makePoints(name, n, noise, seed) {
  const { classes, at } = DATA_SETS[name];
  const random = randomFrom(seed);
  return Array.from({ length: n }, (_, i) => {
    const label = i % classes;
    const [x, y] = at(label, (Math.floor(i / classes) + random()) / Math.ceil(n / classes), random, classes);
    return [x + noise * gaussian(random), y + noise * gaussian(random), label];
  });
}

/** What the engine takes: coordinates (N, 2), and a list of labels. */
const batchOf = (points) => ({
  x: array(points.length, 2, Float64Array.from(points.flatMap(([x, y]) => [x, y]))),
  labels: points.map((point) => point[2]),
});

/** The points in an order drawn by chance (Fisher and Yates, 1938). */
function shuffled(points, random) {
  const order = [...points];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
