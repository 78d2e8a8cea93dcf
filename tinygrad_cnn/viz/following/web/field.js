// The receptive field: which numbers of the input can change this one, and which do.

const STRONG = 0.0455; // of the largest gradient: where Luo et al. (2016) end an effective receptive field

function layField() {
  const box = element("field").querySelector(".inside");
  const inputs = steps.filter(({ kind, index }) => kind === "input" && current.reach.has(index));
  if (current.step.kind === "input")
    return box.replaceChildren(html("p", {}, "A number of the input: it is its own receptive field."));
  if (!inputs.length) return box.replaceChildren(html("p", {}, "It hangs on no number of the input."));
  box.replaceChildren(...inputs.flatMap(fieldOf), ...blockedNote(current.blockedBefore, "The walk back ends"));
}

function blockedNote(blocked, words) {
  if (!blocked.length) return [];
  const names = [...new Set(blocked.map(titleOf))].join(", ");
  return [
    html(
      "p",
      { class: "note" },
      `${words} at ${names}, which this page cannot look through; what passes there is left out.`,
    ),
  ];
}

// What is known of every place of the input: the strongest of its channels.
function fieldOf(input) {
  const { count, rows, columns, per, flat, numberAt } = picturesOf(input);
  const reach = current.reach.get(input.index);
  const gradient = current.gradients.get(input.index);
  const heat = new Array(rows * columns).fill(null);
  const cells = [];
  for (let k = 0; k < per; k++) {
    let [reached, most] = [false, 0];
    for (let p = 0; p < count; p++) {
      reached = reached || reach[p * per + k] === 1;
      if (gradient) most = Math.max(most, Math.abs(gradient[p * per + k]));
    }
    heat[k] = most;
    if (reached) cells.push([Math.floor(k / columns), k % columns]);
  }
  const top = heat.reduce((a, b) => Math.max(a, b || 0), 0);
  const strong = heat.filter((value) => value !== null && top > 0 && value > STRONG * top).length;
  const size = Math.min(innerWidth < 500 ? 156 : 200, Math.max(rows, columns) * 16);
  const middle = Math.floor(count / 2);
  const picture = arrayTile({
    rows,
    columns,
    values: picturesOf(input).cut(input.values, middle),
    scale: scaleOf(input),
    label: `${input.name} with the receptive field in theory`,
    size,
  });
  const warm = arrayTile({
    rows,
    columns,
    values: heat,
    scale: withGaps(colorScale("heat", 0, top)),
    label: "effective receptive field",
    size,
    onpick(row, column) {
      const o = numberAt(0, row, column);
      if (o >= 0) announce(`gradient ${formatNumber(heat[row * columns + column])}`);
    },
    describe: (row, column, value) =>
      `${cellName(input, Math.max(0, numberAt(0, row, column)))}: |gradient| ${formatNumber(value)}`,
  });
  picture.mark("reach", cells);
  warm.mark("reach", cells);
  const what = flat ? "number" : "pixel";
  const heights = cells.map(([row]) => row);
  const widths = cells.map(([, column]) => column);
  const side = (places) => Math.max(...places) - Math.min(...places) + 1;
  const theory =
    flat || !cells.length
      ? `${formatCount(cells.length)} of ${plural(per, what)}`
      : `${side(heights)} × ${side(widths)} ${what}s, ${formatCount(cells.length)} of ${formatCount(per)}`;
  const length = formatNumber(Math.sqrt(strong), 3);
  const square = flat ? "" : `, as many as a square of ${length} × ${length}`;
  const effective =
    told.arrays[input.value].type === "i4"
      ? "These are whole numbers: they have no gradient."
      : top === 0
        ? "None of them changes it now: the gradient is 0 everywhere, as behind a relu that is off."
        : `In effect: ${plural(strong, what)} with more than ${formatNumber(100 * STRONG)} % of the largest gradient${square}.`;
  const found = html(
    "div",
    { "data-theory": cells.length, "data-effective": strong },
    html("p", {}, `In theory: ${theory}. ${effective}`),
    html("div", { class: "pair" }, figureOf("in theory", picture.element), figureOf("in effect: |d this / d input|", warm.element)),
  );
  return [found];
}
