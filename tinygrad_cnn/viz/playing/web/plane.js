// The plane: what the network, or one neuron of it, says everywhere, and the points on it.

const GRID = 64; // cells along a side
const plane = {
  canvas: element("plane"),
  map: new OffscreenCanvas(GRID, GRID),
  steps: [], // the layers' outputs on the grid, the lowest row first
  cursor: null, // where the keyboard is, [x, y]
  brush: 0, // the class that is painted; -1 takes points away
};
const grid = array(GRID * GRID, 2);
for (let i = 0; i < GRID * GRID; i++) {
  const [[left, right], [low, high]] = given.plane;
  grid.data[2 * i] = left + ((right - left) * ((i % GRID) + 0.5)) / GRID;
  grid.data[2 * i + 1] = high - ((high - low) * (Math.floor(i / GRID) + 0.5)) / GRID;
}

/** The numbers of a neuron on the grid: layer -1 are the inputs. */
function mapOf(layer, unit) {
  const a = layer < 0 ? grid : plane.steps[layer].a;
  return Float64Array.from({ length: GRID * GRID }, (_, i) => a.data[i * a.columns + unit]);
}

const mostOf = (values) => values.reduce((most, v) => (Math.abs(v) > most ? Math.abs(v) : most), 1e-12);

/** Pixels of the whole plane: of one neuron's numbers, or of what the network answers. */
function paintMap(context, values) {
  const image = new ImageData(GRID, GRID);
  const pixels = new Uint32Array(image.data.buffer);
  if (values) {
    const most = mostOf(values);
    for (let i = 0; i < pixels.length; i++) pixels[i] = signedPixel(values[i], most);
  } else softmax(plane.steps.at(-1).a).forEach((p, i) => (pixels[i] = classPixel(p)));
  context.putImageData(image, 0, 0);
}

const toScreen = ([x, y], size) => {
  const [[left, right], [low, high]] = given.plane;
  return [((x - left) / (right - left)) * size, ((high - y) / (high - low)) * size];
};

function fromScreen(event) {
  const box = plane.canvas.getBoundingClientRect();
  const [[left, right], [low, high]] = given.plane;
  const [u, v] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  return [left + u * (right - left), high - v * (high - low)];
}

const OUTLINES = {
  circle: (c, x, y, r) => c.arc(x, y, r, 0, 2 * Math.PI),
  square: (c, x, y, r) => c.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r),
  triangle: (c, x, y, r) => polygon(c, x, y, 1.25 * r, 3),
  diamond: (c, x, y, r) => polygon(c, x, y, 1.25 * r, 4),
  pentagon: (c, x, y, r) => polygon(c, x, y, 1.2 * r, 5),
  hexagon: (c, x, y, r) => polygon(c, x, y, 1.15 * r, 6),
};

function polygon(context, x, y, r, corners) {
  for (let i = 0; i <= corners; i++) {
    const angle = (2 * Math.PI * i) / corners - Math.PI / 2;
    context.lineTo(x + r * Math.cos(angle), y + r * Math.sin(angle));
  }
}

/** A point; those kept aside are smaller and hollow. */
function drawPoint(context, [x, y, label], size, aside) {
  const [px, py] = toScreen([x, y], size);
  const color = cssColor(paint.classes[label]);
  context.beginPath();
  OUTLINES[SHAPES[label]](context, px, py, aside ? 2.6 : 3.6);
  context.fillStyle = aside ? cssColor(paint.paper) : color;
  context.strokeStyle = aside ? color : cssColor(paint.paper);
  context.lineWidth = aside ? 1.4 : 1;
  context.fill();
  context.stroke();
}

function showPlane() {
  const { canvas } = plane;
  const size = canvas.clientWidth;
  const sharp = Math.min(3, devicePixelRatio || 1);
  if (canvas.width !== Math.round(size * sharp)) canvas.width = canvas.height = Math.round(size * sharp);
  paintMap(plane.map.getContext("2d"), chosen.unit === null ? null : mapOf(chosen.layer, chosen.unit));
  const context = canvas.getContext("2d");
  context.setTransform(sharp, 0, 0, sharp, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(plane.map, 0, 0, size, size);
  for (const point of run.test) drawPoint(context, point, size, true);
  for (const point of run.train) drawPoint(context, point, size, false);
  const ring = ([x, y], color, r) => {
    context.beginPath();
    context.arc(...toScreen([x, y], size), r, 0, 2 * Math.PI);
    context.lineWidth = 2.5;
    context.strokeStyle = color;
    context.stroke();
  };
  if (element("slopes").open && sampleNow()) ring(sampleNow(), cssColor(paint.ink), 9);
  if (plane.cursor && document.activeElement === canvas) {
    const [px, py] = toScreen(plane.cursor, size);
    context.strokeStyle = cssColor(paint.ink);
    context.lineWidth = 1.5;
    context.strokeRect(px - 6, py - 6, 12, 12);
  }
}

/** What the network, or the chosen neuron, says at a place. */
function saidAt([x, y]) {
  const steps = forward(run.layers, array(1, 2, Float64Array.of(x, y)));
  const place = `x₁ ${formatNumber(x, 3)}, x₂ ${formatNumber(y, 3)}`;
  if (chosen.unit !== null) {
    const value = chosen.layer < 0 ? [x, y][chosen.unit] : steps[chosen.layer].a.data[chosen.unit];
    return `${place}: ${formatNumber(value)}`;
  }
  const [p] = softmax(steps.at(-1).a);
  return `${place}: ${given.names[likeliest(p)] ?? "not a number"} ${formatPercent(Math.max(...p))}`;
}

function nearest([x, y], points, reach = Infinity) {
  const far = (point) => Math.hypot(point[0] - x, point[1] - y);
  const found = points.reduce((best, point) => (best && far(best) <= far(point) ? best : point), null);
  return found && far(found) <= reach ? found : null;
}

/** The reader points at a place: a point is painted or taken away there, or the nearest one explained. */
function touch(place) {
  if (settings.data !== "own") {
    const point = nearest(place, run.train);
    if (point) showSample(run.train.indexOf(point));
    return;
  }
  const [[left, right]] = given.plane;
  if (plane.brush >= 0) run.drawn.push([...place, plane.brush]);
  else run.drawn = run.drawn.filter((point) => point !== nearest(place, run.drawn, 0.06 * (right - left)));
  loadPoints();
  announce(plural(run.drawn.length, "point"));
  show();
}

plane.canvas.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  plane.cursor = fromScreen(event);
  touch(plane.cursor);
});
plane.canvas.addEventListener("pointermove", (event) => tooltip.show(event.clientX, event.clientY, saidAt(fromScreen(event))));
plane.canvas.addEventListener("pointerleave", tooltip.hide);
for (const type of ["focus", "blur"]) plane.canvas.addEventListener(type, () => show());
plane.canvas.addEventListener("keydown", (event) => {
  const way = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
  const middle = given.plane.map(([from, to]) => (from + to) / 2);
  plane.cursor ??= middle;
  if (way)
    plane.cursor = plane.cursor.map((at, i) => {
      const [from, to] = given.plane[i];
      return Math.max(from, Math.min(to, at + (way[i] * (to - from)) / 28));
    });
  else if (event.key === "Enter") touch(plane.cursor);
  else return;
  event.preventDefault();
  if (way) announce(saidAt(plane.cursor));
  show();
});
