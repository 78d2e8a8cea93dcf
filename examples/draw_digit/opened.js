// The network opened up: every layer with every stroke; and once a stroke is done, why it is no other digit, how little
// would make it one, and which training digits look the same to the network.

const SECOND = { count: 24, side: 10 };
let why = null; // the explanation on show
let explaining = false;

const grey = (value) => [value, value, value];

function signedScale(most) {
  const [paper, above, below] = ["--paper", "--above", "--below"].map(themeColor);
  return (value) => mix(paper, value < 0 ? below : above, Math.min(1, Math.abs(value) / most));
}

const tilesOf = (place, count, options, name) =>
  Array.from({ length: count }, (_, k) => {
    const tile = arrayTile({ ...options, values: new Array(options.rows * options.columns).fill(0), label: `${name} ${k + 1}` });
    element(place).append(tile.element);
    return tile;
  });

const layers = {
  picture: arrayTile({
    rows: 28, columns: 28, values: new Array(784).fill(0), scale: grey, size: 168, onpick: reach,
    label: "The centred picture",
    describe: (row, column, value) => `row ${row}, column ${column}: ${value ?? 0} of 255`,
  }),
  maps: tilesOf("maps", 8, { rows: 28, columns: 28, size: 66, scale: grey }, "Map"),
  second: tilesOf("second", SECOND.count, { rows: SECOND.side, columns: SECOND.side, size: 44, scale: grey }, "Map"),
  hidden: arrayTile({
    rows: 8, columns: 15, values: new Array(120).fill(0), scale: colorScale("sequential", 0, 1), size: 255,
    label: "Hidden layer",
    describe: (row, column, value) => `unit ${15 * row + column}: ${formatNumber(value)}`,
  }),
};
element("picture").append(layers.picture.element);
element("hidden").append(layers.hidden.element);

function showLayers(answer, digit) {
  const scale = signedScale(127);
  const maps = answer ? bytesOf(answer.maps, Int8Array) : new Int8Array(8 * 784);
  const second = answer ? bytesOf(answer.second, Int8Array) : new Int8Array(SECOND.count * 100);
  const hidden = answer ? answer.hidden : new Array(120).fill(0);
  layers.picture.update(digit);
  layers.maps.forEach((tile, k) => tile.update(maps.subarray(784 * k, 784 * (k + 1)), scale));
  layers.second.forEach((tile, k) => tile.update(second.subarray(100 * k, 100 * (k + 1)), scale));
  layers.hidden.update(hidden, colorScale("sequential", 0, Math.max(...hidden, 1e-9)));
  showLogits(answer ? answer.logits : null);
  element("follow").disabled = !answer;
}

/** Ten bars around zero. */
function showLogits(logits) {
  const most = Math.max(...(logits ?? [1]).map(Math.abs));
  const best = logits ? placeOfMost(logits) : -1;
  const rows = Array.from({ length: 10 }, (_, digit) => {
    const value = logits ? logits[digit] : 0;
    const bar = html("i", { class: value < 0 ? "below" : "above" });
    bar.style.width = `${(50 * Math.abs(value)) / most}%`;
    bar.style.left = value < 0 ? `${50 - (50 * Math.abs(value)) / most}%` : "50%";
    const number = html("span", { class: "number" }, logits ? formatNumber(value, 3) : "");
    return html("div", { class: digit === best ? "logit best" : "logit" }, html("span", {}, String(digit)), html("span", { class: "axis" }, bar), number);
  });
  element("logits").replaceChildren(...rows);
  const spoken = logits ? logits.map((value, digit) => `${digit}: ${formatNumber(value, 3)}`).join(", ") : "nothing yet";
  element("logits").setAttribute("aria-label", `Logits: ${spoken}`);
}

/** Which cells a pixel goes into: 5 x 5 kernels with two pixels of padding, a pool of 2 x 2, and 5 x 5 without padding. */
function reach(row, column) {
  const span = (at, low, high) => [Math.max(0, at + low), Math.min(27, at + high)];
  const first = [row, column].map((at) => span(at, -2, 2));
  const second = first.map(([from, to]) => [Math.max(0, (from >> 1) - 4), Math.min(SECOND.side - 1, to >> 1)]);
  const cells = ([rows, columns]) => {
    const found = [];
    for (let r = rows[0]; r <= rows[1]; r++) for (let c = columns[0]; c <= columns[1]; c++) found.push([r, c]);
    return found;
  };
  for (const tile of layers.maps) tile.mark("reach", cells(first));
  for (const tile of layers.second) tile.mark("reach", cells(second));
  element("reach").textContent =
    `The pixel in row ${row}, column ${column} goes into ${cells(first).length} cells of each map of the first layer and ` +
    `${cells(second).length} of 100 of each of the second, and from there into all 120 units.`;
}

// ---------------------------------------------------------------------------------------------------------- why not
const others = html("option", { value: "" }, "the next likeliest");
element("other").append(others, ...Array.from({ length: 10 }, (_, digit) => html("option", { value: digit }, String(digit))));
element("other").addEventListener("change", () => {
  why = null;
  askWhy();
});

async function askWhy() {
  if (explaining || (why && why.version === version && why.asked === element("other").value)) return;
  const [asked, now] = [element("other").value, version];
  if (!strokes.length) {
    why = { version: now, asked, answer: null };
    showWhy();
    return;
  }
  explaining = true;
  try {
    const answer = await postDrawing("/explain", asked === "" ? {} : { "X-Other": asked });
    why = { version: now, asked, answer };
    if (version === now) showWhy();
  } catch {
    why = { version: now, asked, answer: null }; // the notice above says what is wrong with the server
  }
  explaining = false;
  if (pointer === null && (version !== now || element("other").value !== asked)) askWhy();
}

const inPlace = (place) => (place === "middle" ? "in the middle" : `at the ${place}`);

function showWhy() {
  const answer = why?.answer ?? null;
  const [paper, ink, above, below] = ["--paper", "--ink", "--above", "--below"].map(themeColor);
  const digit = latest ? bytesOf(latest.picture, Uint8Array) : new Uint8Array(784);
  const over = (name, values) => {
    const ground = (i) => mix(paper, ink, (0.35 * digit[i]) / 255);
    paintCells(element(name), 28, 28, (i) => mix(ground(i), values[i] < 0 ? below : above, Math.min(1, Math.abs(values[i]) / 127)));
  };
  const change = answer?.change ?? null;
  const nothing = new Int8Array(784);
  over("heat", answer ? bytesOf(answer.heat, Int8Array) : nothing);
  over("difference", change ? bytesOf(change.difference, Int8Array) : nothing);
  const changed = change ? bytesOf(change.picture, Uint8Array) : nothing;
  paintCells(element("changed"), 28, 28, (i) => grey(changed[i]));
  element("changed-name").textContent = change ? `Now it says ${answer.other}` : "Nothing yet";
  element("changed-text").textContent = change
    ? `${change.pixels ? plural(change.pixels, "pixel") : "no pixel"} changed by a tenth or more; length of the change ${formatNumber(change.norm, 3)}`
    : "";
  element("difference-text").textContent = change ? `at the most by ${formatNumber(100 * change.most, 2)} % of the way from black to white` : "";
  element("why-words").textContent = answer ? whyWords(answer) : "Draw a digit, and choose another one.";
  showNearest(answer);
  document.body.dataset.explained = why ? why.version : "";
}

function whyWords({ best, other, gap, add, remove, change }) {
  const parts = [add && `ink is missing ${inPlace(add)}`, remove && `there is too much ${inPlace(remove)}`].filter(Boolean);
  const against = parts.length ? ` What speaks most against it: ${parts.join(", and ")}.` : "";
  const found = change ? "" : ` No change was found that makes it ${named(other)}.`;
  return `${named(other)[0].toUpperCase()}${named(other).slice(1)} is ${formatNumber(gap, 3)} behind ${named(best)} in the logits.${against}${found}`;
}

function showNearest(answer) {
  const list = answer?.nearest ?? [];
  const none = answer && !answer.nearest;
  element("similar-words").textContent = none
    ? "There are no training digits on this machine."
    : "What the last hidden layer makes of them points the same way (cosine).";
  element("nearest").replaceChildren(
    ...list.map(({ picture, label, cosine }) => {
      const canvas = html("canvas", { width: 28, height: 28, role: "img", "aria-label": `Training digit: ${label}` });
      const values = bytesOf(picture, Uint8Array);
      paintCells(canvas, 28, 28, (i) => grey(values[i]));
      return html("figure", {}, canvas, html("figcaption", {}, html("b", {}, String(label)), cosine.toFixed(3)));
    }),
  );
}

// ----------------------------------------------------------------------------------------------------------- follow
element("follow").addEventListener("click", async () => {
  const place = element("follow-text");
  try {
    const { address } = await postDrawing("/follow");
    const link = html("a", { href: address, target: "_blank", rel: "noopener" }, "Open the page of this digit");
    place.replaceChildren(link);
    link.focus();
  } catch (error) {
    place.textContent = error.message;
  }
});
