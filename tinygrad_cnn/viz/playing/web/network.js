// The network as a drawing: a tile for each neuron, lines for the weights.

const chosen = { layer: -1, unit: null }; // the neuron on the plane; none: the network's answer
const net = { tiles: [], places: [], at: [0, 0] }; // at: the tile that Tab reaches

const nameOf = (layer, unit) =>
  layer < 0
    ? ["x₁", "x₂"][unit]
    : layer === run.layers.length - 1
      ? `output ${unit + 1}`
      : `hidden ${layer + 1}, neuron ${unit + 1}`;

const FORMULAS = {
  tanh: "tanh(z)", relu: "max(z, 0)", sigmoid: "1 / (1 + e⁻ᶻ)", leaky_relu: "z, or slope · z below 0", gelu: "z Φ(z)", none: "z",
};

/** Tiles for the layers as they are; the lines are drawn by showNet. */
function buildNet() {
  for (const tile of net.tiles.flat()) tile.button.remove();
  const sizes = [2, ...run.layers.map((layer) => layer.weight.rows)];
  net.tiles = sizes.map((units, column) => Array.from({ length: units }, (_, unit) => makeTile(column, unit)));
  net.at = [Math.min(net.at[0], sizes.length - 1), 0];
  if (chosen.unit !== null && !net.tiles[chosen.layer + 1]?.[chosen.unit]) choose(-1, null);
  placeNet();
  markTiles();
}

function makeTile(column, unit) {
  const canvas = html("canvas", { width: GRID, height: GRID });
  const button = html("button", { type: "button", class: "neuron", "aria-label": nameOf(column - 1, unit) }, canvas);
  button.addEventListener("click", () => {
    net.at = [column, unit];
    const again = chosen.layer === column - 1 && chosen.unit === unit;
    choose(column - 1, again ? null : unit);
    show();
  });
  button.addEventListener("keydown", walk);
  element("net").append(button);
  return { button, context: canvas.getContext("2d", { willReadFrequently: true }) };
}

function walk(event) {
  const [column, unit] = net.at;
  const way = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
  if (!way) return;
  event.preventDefault();
  const next = Math.max(0, Math.min(net.tiles.length - 1, column + way[0]));
  const part = (unit + 0.5) / net.tiles[column].length; // sideways to the neuron at the same height
  const beside = next === column ? unit + way[1] : Math.floor(part * net.tiles[next].length);
  net.at = [next, Math.max(0, Math.min(net.tiles[next].length - 1, beside))];
  markTiles();
  net.tiles[net.at[0]][net.at[1]].button.focus();
}

function choose(layer, unit) {
  Object.assign(chosen, { layer, unit });
  markTiles();
}

function markTiles() {
  net.tiles.forEach((tiles, column) =>
    tiles.forEach(({ button }, unit) => {
      button.setAttribute("aria-pressed", chosen.layer === column - 1 && chosen.unit === unit);
      button.tabIndex = net.at[0] === column && net.at[1] === unit ? 0 : -1;
    }),
  );
}

/** Where the tiles stand, for the width that there is. */
function placeNet() {
  const box = element("net");
  const columns = net.tiles.length;
  const most = Math.max(...net.tiles.map((tiles) => tiles.length));
  const wide = box.clientWidth / columns;
  const size = Math.round(Math.max(24, Math.min(52, 0.6 * wide, 520 / most - 5)));
  const height = most * (size + 5);
  box.style.height = `${height}px`;
  net.size = size;
  net.places = net.tiles.map((tiles, column) =>
    tiles.map((_, unit) => {
      const x = (column * (box.clientWidth - size)) / (columns - 1);
      return [x + size / 2, ((unit + 0.5) * height) / tiles.length];
    }),
  );
  net.tiles.forEach((tiles, column) =>
    tiles.forEach(({ button }, unit) => {
      const [x, y] = net.places[column][unit];
      Object.assign(button.style, { left: `${x - size / 2}px`, top: `${y - size / 2}px`, width: `${size}px`, height: `${size}px` });
    }),
  );
  const heads = ["input", ...run.layers.map((layer, l) => (l < run.layers.length - 1 ? layer.activation.replace("_", " ") : "output"))];
  const along = heads.map((_, column) => (100 * column) / (columns - 1));
  const middle = (percent) => `calc(${percent}% + ${(0.5 - percent / 100) * size}px)`;
  const ends = (column) => (column === 0 ? "0" : column === columns - 1 ? "100%" : middle(along[column]));
  const spans = heads.map((head) => html("span", {}, head));
  spans.forEach((span, column) => (span.style.left = ends(column)));
  element("heads").replaceChildren(...spans);
}

/** Every neuron's map, and a line for every weight: its color is the sign, its width the size. */
function showNet() {
  net.tiles.forEach((tiles, column) => tiles.forEach(({ context }, unit) => paintMap(context, mapOf(column - 1, unit))));
  const canvas = element("edges");
  const sharp = Math.min(2, devicePixelRatio || 1);
  const [width, height] = [element("net").clientWidth, element("net").clientHeight];
  if (canvas.width !== Math.round(width * sharp) || canvas.height !== Math.round(height * sharp))
    Object.assign(canvas, { width: Math.round(width * sharp), height: Math.round(height * sharp) });
  const context = canvas.getContext("2d");
  context.setTransform(sharp, 0, 0, sharp, 0, 0);
  context.clearRect(0, 0, width, height);
  const slopes = element("slopes").open && element("edges-of").checked ? explained().slopes : null;
  run.layers.forEach(({ weight }, l) => {
    const { data } = slopes ? slopes.get(weight) : weight;
    const most = mostOf(data);
    for (let i = 0; i < weight.rows; i++)
      for (let j = 0; j < weight.columns; j++) {
        const value = data[i * weight.columns + j];
        const part = Math.abs(value) / most;
        if (part < 0.03) continue;
        const near = chosen.unit === null || (chosen.layer === l && chosen.unit === i) || (chosen.layer === l - 1 && chosen.unit === j);
        const [[x0, y0], [x1, y1]] = [net.places[l][j], net.places[l + 1][i]];
        const bend = (x1 - x0) / 2;
        context.globalAlpha = near ? 0.15 + 0.75 * part : 0.05;
        context.lineWidth = 0.4 + 4 * part;
        context.strokeStyle = value > 0 ? paint.positive : paint.negative;
        context.beginPath();
        context.moveTo(x0 + net.size / 2, y0);
        context.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1 - net.size / 2, y1);
        context.stroke();
      }
  });
}

/** The chosen neuron in words: its sum, with the weights as they are. */
function showNeuron() {
  const place = element("neuron");
  if (chosen.unit === null || chosen.layer < 0) {
    place.replaceChildren();
    return;
  }
  const { weight, bias, activation, slope } = run.layers[chosen.layer];
  const terms = Array.from({ length: weight.columns }, (_, j) => {
    const input = chosen.layer ? `a${subscript(j + 1)}` : ["x₁", "x₂"][j];
    return signed(weight.data[chosen.unit * weight.columns + j], ` ${input}`, j);
  });
  if (bias) terms.push(signed(bias.data[chosen.unit], "", 1));
  place.replaceChildren(
    html("p", {}, html("b", {}, nameOf(chosen.layer, chosen.unit))),
    html("p", { class: "formula" }, `z = ${terms.join(" ")}`),
    html("p", { class: "formula" }, `a = ${FORMULAS[activation]}${activation === "leaky_relu" ? `, slope ${formatNumber(slope)}` : ""}`),
  );
}

const subscript = (n) => [...String(n)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("");

/** A term of a sum: its sign is written between it and the one before. */
function signed(value, rest, place) {
  const number = formatNumber(Math.abs(value), 3);
  return `${value < 0 ? "−" : place ? "+" : ""}${place ? " " : ""}${number}${rest}`;
}
