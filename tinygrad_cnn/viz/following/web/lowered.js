// A convolution as one product of matrices (im2col): each window is a column, each kernel a row; and the sweep.

const ROOM = 220; // rows and columns of a matrix that are drawn
const BEAT = 260; // milliseconds of a window in the sweep
let sweeping = null;
let lowering = null; // what is drawn: {step, ...}

function layLowered() {
  const section = element("lowered");
  const { step, o } = current;
  section.hidden = step.kind !== "conv";
  if (section.hidden) return stopSweep();
  const [, , oh, ow] = step.shape;
  const plane = oh * ow;
  const oc = Math.floor(o / plane) % step.shape[1];
  const column = o % plane;
  const [, Cg, kh, kw] = step.operands[1].shape;
  const all = plane <= ROOM;
  const first = all ? 0 : Math.floor(column / ow) * ow; // else the windows of this row of the map
  const columns = Math.min(all ? plane : ow, ROOM);
  const whole = Cg * kh * kw <= ROOM;
  const terms = writtenOf(step, o).terms;
  const firstChannel = terms[0].c;
  const from = whole ? 0 : (current.channel - firstChannel) * kh * kw;
  const rows = whole ? Cg * kh * kw : kh * kw;
  const key = [step.index, first, from, oc].join();
  if (!lowering || lowering.key !== key) drawLowered({ key, step, oc, first, from, rows, columns, whole, all });
  const at = column - first;
  lowering.matrix.mark(
    "window",
    Array.from({ length: rows }, (_, k) => [k, at]),
  );
  lowering.result.mark("window", [[0, at]]);
  lowering.sweep.set(column);
}

function drawLowered({ key, step, oc, first, from, rows, columns, whole, all }) {
  const plane = step.shape[2] * step.shape[3];
  const base = oc * plane;
  const [x, w] = step.operands;
  const numbers = new Array(rows * columns);
  const weights = new Array(rows);
  for (let k = 0; k < columns; k++) {
    let j = 0;
    tapsOf(step)(base + first + k, (c, ky, kx, y, xx, i, at) => {
      const row = j++ - from;
      if (row < 0 || row >= rows) return;
      numbers[row * columns + k] = i < 0 ? 0 : x.values[i];
      weights[row] = w.values[at];
    });
  }
  const pick = (column) => select(step, base + first + column);
  const cell = Math.min(9, 560 / columns, 300 / rows);
  const matrix = arrayTile({
    rows,
    columns,
    values: numbers,
    scale: x.step === null ? colorScale("diverging", ...extent(numbers)) : scaleOf(steps[x.step]),
    label: "windows as columns",
    size: Math.max(rows, columns) * cell,
    onpick: (row, column) => pick(column),
    describe: (row, column, value) => `window ${first + column}, tap ${from + row}: ${formatNumber(value)}`,
  });
  const kernel = arrayTile({
    rows: 1,
    columns: rows,
    values: weights,
    scale: weightScale(step),
    label: "the kernel as a row",
    size: Math.max(60, rows * cell),
  });
  const result = arrayTile({
    rows: 1,
    columns,
    values: Array.from(step.values.subarray(base + first, base + first + columns)),
    scale: scaleOf(step),
    label: "one row of the result",
    size: columns * cell,
    onpick: (row, column) => pick(column),
    describe: (row, column, value) => `${cellName(step, base + first + column)} = ${formatNumber(value)}`,
  });
  for (const tile of [kernel, result]) tile.element.style.height = "14px";
  const sweep = slider({
    label: "window",
    min: 0,
    max: plane - 1,
    step: 1,
    format: (v) => `${v + 1} of ${plane}`,
    onchange: (v) => select(step, base + Math.round(v), true),
  });
  const play = html("button", {
    type: "button",
    class: "main",
    id: "sweep",
    onclick: () => (calm.matches ? sweepOn() : sweeping ? stopSweep() : startSweep()),
  });
  const shown = [
    whole ? null : `the ${rows} taps of channel ${current.channel} out of ${step.operands[1].shape[1]}`,
    all ? null : `the ${columns} windows of this row of the map out of ${formatCount(plane)}`,
  ].filter(Boolean);
  element("lowered")
    .querySelector(".inside")
    .replaceChildren(
      html(
        "p",
        {},
        `Each window is a column of ${plural(countOf(step.operands[1].shape.slice(1)), "number")}, each kernel a row: `,
        "kernel row × window column is one number of the map. To move the window is to go from column to column.",
      ),
      shown.length ? html("p", { class: "note" }, `Drawn: ${shown.join(", ")}.`) : "",
      html("div", { class: "controls" }, play, sweep.element),
      html(
        "div",
        { class: "matrices" },
        figureOf(`kernel ${oc} as a row`, kernel.element),
        html("span", { class: "sign" }, "×"),
        figureOf("windows as columns (im2col)", matrix.element),
        html("span", { class: "sign" }, "="),
        figureOf(
          whole ? `channel ${oc} of the map, as a row` : `channel ${oc} of the map, once all channels are added`,
          result.element,
        ),
      ),
    );
  lowering = { key, step, matrix, result, sweep, play };
  namePlay();
}

function namePlay() {
  if (lowering) lowering.play.textContent = calm.matches ? "Next window" : sweeping ? "Pause" : "Sweep";
}

// The next window, from the last to the first.
function sweepOn() {
  const { step, o } = current;
  const plane = step.shape[2] * step.shape[3];
  const base = Math.floor(o / plane) * plane;
  select(step, base + ((o - base + 1) % plane), true);
}

function startSweep() {
  sweeping = setInterval(sweepOn, BEAT);
  namePlay();
}

function stopSweep() {
  if (sweeping) cardOf(current.step).tile.pick(...picturesOf(current.step).placeOf(current.o).slice(1));
  clearInterval(sweeping);
  sweeping = null;
  namePlay();
}
