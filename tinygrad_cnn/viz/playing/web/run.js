// The run: what trains, on which points, how far it has come. Nothing here draws.

const given = dataOf("playground");
const settings = { ...given.settings };
const FEW = 300; // training points of a made data set; a third as many are kept aside
const LONGEST = 600; // points of a curve
const MOST_UNITS = given.most.units;
const MOST_LAYERS = given.most.layers; // hidden ones

const run = {
  layers: [],
  train: [],
  test: [],
  classes: given.classes,
  order: [], // of the training points that this epoch has not seen yet
  random: null,
  states: new Map(), // of the optimizer
  steps: 0,
  history: { steps: [], train: [], test: [] },
  now: null, // losses and shares of right points, of both sets
  playing: false,
  drawn: [], // points that the reader has put into the plane
};

const shapeOf = (layers) =>
  layers.map((layer) => ({ units: layer.weight.rows, activation: layer.activation, slope: layer.slope, bias: !!layer.bias }));

const firstShape = () => (given.layers[0].weight ? shapeOf(layersOf(given.layers)) : given.layers);

/** n by m weights, uniform in +-1 / sqrt(fan-in), as nn.Linear draws them. */
const uniform = (rows, columns, inputs, random) =>
  Array.from({ length: rows }, () => Array.from({ length: columns }, () => (2 * random() - 1) / Math.sqrt(inputs)));

/** Layers of a shape with fresh weights. */
function drawnLayers(shape, seed) {
  const random = randomFrom(seed);
  let inputs = 2;
  return layersOf(
    shape.map(({ units, activation, slope, bias }) => {
      const weight = uniform(units, inputs, inputs, random);
      const layer = { weight, bias: bias ? uniform(1, units, inputs, random)[0] : null, activation, slope };
      inputs = units;
      return layer;
    }),
  );
}

/** The shape with as many outputs as there are classes; one output will do for two. */
function fittingShape(shape) {
  const outputs = shape.at(-1).units;
  const fits = outputs === run.classes || (outputs === 1 && run.classes === 2);
  return fits ? shape : [...shape.slice(0, -1), { ...shape.at(-1), units: run.classes }];
}

/** The layers of a shape at the first step: as they were handed in, where net and seed are still those; else drawn. */
function firstLayers(shape) {
  const handed = given.layers[0].weight ? layersOf(given.layers) : null;
  const same = handed && JSON.stringify(shapeOf(handed)) === JSON.stringify(shape);
  return same && settings.seed === given.settings.seed ? handed : drawnLayers(shape, settings.seed);
}

/** Back to the first step. */
function restart(shape = run.layers.length ? shapeOf(run.layers) : firstShape()) {
  run.layers = firstLayers(fittingShape(shape));
  fromHere();
  run.steps = 0;
  run.history = { steps: [], train: [], test: [] };
  run.random = randomFrom(settings.seed + 1);
  run.order = [];
  measure();
}

/** Other weights or points than before: the optimizer begins anew. */
function fromHere() {
  run.states = new Map();
  run.order = [];
}

/** The points of the chosen data set. */
function loadPoints() {
  if (settings.data === "given") {
    Object.assign(run, { train: given.points, test: given.test, classes: given.classes });
  } else if (settings.data === "own") {
    Object.assign(run, { train: run.drawn, test: [], classes: run.classes });
  } else {
    const all = shuffled(
      makePoints(settings.data, FEW + FEW / 3, settings.noise, settings.seed),
      randomFrom(settings.seed + 2),
    );
    Object.assign(run, { train: all.slice(0, FEW), test: all.slice(FEW), classes: DATA_SETS[settings.data].classes });
  }
  if (!run.layers.length) return;
  const shape = shapeOf(run.layers);
  if (fittingShape(shape) !== shape) {
    run.layers = [...run.layers.slice(0, -1), drawnLayers(fittingShape(shape), settings.seed).at(-1)];
  }
  fromHere();
  measure();
}

/** One step of the optimizer. Returns the loss of its batch. */
function advance() {
  if (!run.order.length) run.order = shuffled(run.train, run.random);
  const { x, labels } = batchOf(run.order.splice(0, settings.batch));
  run.steps++;
  return trainStep(run.layers, x, labels, run.states, settings);
}

const likeliest = (p) => p.indexOf(Math.max(...p));

function scoreOf(points) {
  if (!points.length) return null;
  const { x, labels } = batchOf(points);
  const logits = forward(run.layers, x).at(-1).a;
  const right = softmax(logits).filter((p, i) => likeliest(p) === labels[i]).length;
  return { loss: crossEntropy(logits, labels).data[0], right: right / points.length };
}

/** Losses and shares of both sets as they are now: a point of the curves. Of long ones every second point stays. */
function measure() {
  run.now = { train: scoreOf(run.train), test: scoreOf(run.test) };
  const { history } = run;
  if (history.steps.at(-1) === run.steps) for (const one of Object.values(history)) one.pop();
  history.steps.push(run.steps);
  for (const set of ["train", "test"]) history[set].push(run.now[set] ? run.now[set].loss : NaN);
  if (history.steps.length > LONGEST)
    for (const name of Object.keys(history)) history[name] = history[name].filter((_, i) => i % 2 === 0);
}

const lost = () => Boolean(run.now.train) && !Number.isFinite(run.now.train.loss);

// ------------------------------------------------------------------------------------------- neurons come, neurons go
/** As many neurons in a hidden layer as asked for: those that stay keep their weights. */
function setUnits(at, units) {
  const shape = shapeOf(run.layers);
  shape[at].units = units;
  reshape(shape);
}

function setActivation(at, activation) {
  run.layers[at].activation = activation;
  fromHere();
  measure();
}

function addLayer() {
  const shape = shapeOf(run.layers);
  const { activation, slope } = shape[0];
  shape.splice(-1, 0, { units: 4, activation: shape.length > 1 ? activation : "tanh", slope, bias: true });
  restart(shape);
}

function removeLayer(at) {
  restart(shapeOf(run.layers).filter((_, i) => i !== at));
}

/** Fresh layers of a shape, with the old weights wherever both have a place. */
function reshape(shape) {
  const fresh = drawnLayers(shape, settings.seed + run.steps);
  fresh.forEach((layer, l) => {
    for (const name of ["weight", "bias"]) keepNumbers(run.layers[l][name], layer[name]);
  });
  run.layers = fresh;
  fromHere();
  measure();
}

function keepNumbers(old, fresh) {
  if (!old || !fresh) return;
  for (let i = 0; i < Math.min(old.rows, fresh.rows); i++)
    for (let j = 0; j < Math.min(old.columns, fresh.columns); j++)
      fresh.data[i * fresh.columns + j] = old.data[i * old.columns + j];
}
