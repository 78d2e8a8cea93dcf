// How the number was made, spelled out.

const LISTED = 12; // terms of a long sum

function layMade() {
  const { step, o } = current;
  const written = writtenOf(step, o);
  element("made-title").replaceChildren(`${cellName(step, o)} = ${formatNumber(step.values[o], 6)}`);
  const box = element("made").querySelector(".inside");
  const words = SPELLED[written.how](step, o, written);
  const where = [step.path && `in ${step.path} (${step.module})`, step.line && `${step.line.file}:${step.line.line}  ${step.line.code}`];
  box.replaceChildren(
    ...[words].flat().filter(Boolean),
    ...where.filter(Boolean).map((text) => html("p", { class: "where" }, text)),
  );
  box.dataset.written = written.result === null ? "" : String(written.result);
  box.dataset.value = String(step.values[o]);
  return written;
}

const SPELLED = {
  products: spellProducts,
  sum: spellWindow,
  mean: spellWindow,
  scaled: spellWindow,
  largest: spellWindow,
  normalized(step, o, { x, i, mean, variance, eps, weight, bias, of, result }) {
    const from = of ? `of the ${formatCount(of)} numbers of its group` : "the running ones, kept from training";
    return [
      html("p", {}, `${step.op}: (x − mean) / √(variance + eps) × weight + bias. Mean and variance are ${from}.`),
      equation(`(${formatNumber(x)} − ${enclosed(mean)}) / √(${formatNumber(variance)} + ${formatNumber(eps)}) × ${enclosed(weight)} ${signed(bias)}`, result),
      html("p", {}, "x is ", cellLink(steps[step.operands[0].step], i), "."),
    ];
  },
  affine: (step, o, { x, i, scale, shift, result }) => [
    html("p", {}, "x × scale + shift, with a scale and a shift for each channel."),
    equation(`${formatNumber(x)} × ${enclosed(scale)} ${signed(shift)}`, result),
    html("p", {}, "x is ", cellLink(steps[step.operands[0].step], i), "."),
  ],
  share(step, o, { x, i, top, total, of, result }) {
    const log = step.kind === "log_softmax";
    return [
      html("p", {}, `${log ? "log(softmax)" : "softmax"} over ${formatCount(of)} numbers; the largest, ${formatNumber(top)}, is taken off all first.`),
      log
        ? equation(`${formatNumber(x)} − ${enclosed(top)} − log(${formatNumber(total)})`, result)
        : equation(`exp(${formatNumber(x)} − ${enclosed(top)}) / ${formatNumber(total)}`, result),
      html("p", {}, "x is ", cellLink(steps[step.operands[0].step], i), "."),
    ];
  },
  function(step, o, { operands, result }) {
    const infix = { add: "+", sub: "−", mul: "×", true_divide: "/" }[step.op];
    const numbers = operands.map(({ x }) => x);
    const text = infix
      ? `${formatNumber(numbers[0])} ${infix} ${enclosed(numbers[1])}`
      : step.op === "relu" ? `max(${formatNumber(numbers[0])}, 0)` : `${step.op}(${numbers.map((x) => formatNumber(x)).join(", ")})`;
    return [
      equation(text, result === null ? step.values[o] : result),
      result === null ? html("p", { class: "note" }, `This page does not compute ${step.op}: the result is the net's own.`) : null,
      ...operands.map(({ x, slot, i }) => {
        const from = step.operands[slot].step;
        return html("p", {}, `${formatNumber(x)} is `, from === null ? "a number of the net's own" : cellLink(steps[from], i), ".");
      }),
    ];
  },
  moved(step, o, { slot, i, result }) {
    if (slot < 0) return [html("p", {}, `${step.op} puts the constant ${formatNumber(result)} here: it hangs on nothing before.`)];
    const from = step.operands[slot].step;
    return [
      html("p", {}, `${step.op} computes nothing: it moves numbers to other places.`),
      equation(from === null ? "a number of the net's own" : cellLink(steps[from], i), result),
    ];
  },
  row: (step, o, { row, i }) => [
    html("p", {}, `Row ${row} of the table of ${formatCount(step.operands[0].shape[0])}: the index at `, cellLink(steps[step.operands[1].step], i), " chose it. An index has no gradient."),
  ],
  unknown(step) {
    if (step.kind === "input") return [html("p", {}, "A number of the input.")];
    if (step.settings.overwritten) return [html("p", {}, `${step.op}: its numbers, or those it read, were overwritten later in the same pass. What stands here is what is left, so no sum is written out.`)];
    const from = step.operands.filter((operand) => operand.step !== null).map((operand) => titleOf(steps[operand.step]));
    return [html("p", {}, `An operation, ${step.op}, of ${from.join(" and ")}. This page does not know how its numbers hang together: no sum is written out, and walks end here.`)];
  },
};

function equation(left, result) {
  return html("p", { class: "math" }, left, " = ", html("b", {}, formatNumber(result, 6)));
}

function spellProducts(step, o, written) {
  const { terms, bias, sum, result } = written;
  if (step.kind !== "conv" && step.kind !== "transposed") {
    return [
      html("p", {}, `The sum of ${plural(terms.length, "product")} x × w${bias === null ? "" : ", plus the bias"}.`),
      equation(`${formatNumber(sum)}${bias === null ? "" : ` ${signed(bias)}`}`, result),
      longSum(step, terms),
    ];
  }
  const channels = new Map();
  for (const term of terms) {
    if (!channels.has(term.c)) channels.set(term.c, []);
    channels.get(term.c).push(term);
  }
  const shares = [...channels].map(([c, part]) => [c, part.reduce((total, { product }) => total + product, 0)]);
  shares.sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
  if (!shares.length) return [html("p", {}, "No window reaches this pixel: it is the bias alone."), equation(formatNumber(bias || 0), result)];
  if (!channels.has(current.channel)) current.channel = shares[0][0];
  const parts = shares.slice(0, 4).map(([, share], k) => (k ? signed(share) : formatNumber(share)));
  if (shares.length > 4) parts.push(signed(shares.slice(4).reduce((total, [, share]) => total + share, 0)));
  const what = step.kind === "conv" ? "the window of the layer before × the kernel" : "all pixels whose kernel reaches this one × the weight they reach it with";
  return [
    html("p", {}, `The sum of ${plural(terms.length, "product")}: ${what}${channels.size > 1 ? `, in ${plural(channels.size, "channel")}` : ""}${bias === null ? "" : ", plus the bias"}.`),
    ...grids(step, channels.get(current.channel)),
    channels.size > 1 ? channelList(step, shares) : null,
    equation(`${parts.join(" ")}${bias === null ? "" : ` ${signed(bias)} (bias)`}`, result),
  ];
}

// Which channel brought how much; a click shows its window.
function channelList(step, shares) {
  const most = Math.abs(shares[0][1]);
  const rows = shares.slice(0, 8).map(([c, share]) => {
    const choose = html("button", { type: "button", class: "link", "aria-pressed": String(c === current.channel) }, `channel ${c}`);
    choose.addEventListener("click", () => {
      current.channel = c;
      const from = step.operands[0].step;
      if (from !== null && c < picturesOf(steps[from]).count) show(cardOf(steps[from]), c);
      layMade();
      [...element("made").querySelectorAll("[aria-pressed='true']")].forEach((button) => button.focus());
    });
    return html("tr", { class: c === current.channel ? "now" : "" }, html("th", { scope: "row" }, choose), html("td", {}, formatNumber(share)), bar(share, most));
  });
  const rest = shares.length - rows.length;
  return html("div", {}, html("table", { class: "list" }, html("tbody", {}, rows)), rest > 0 ? html("p", { class: "note" }, `and ${plural(rest, "channel")} with less`) : null);
}

function bar(value, most) {
  const width = most > 0 ? (Math.abs(value) / most) * 48 : 0;
  const drawing = svg("svg", { viewBox: "0 0 100 14", preserveAspectRatio: "none", "aria-hidden": "true" });
  drawing.append(
    svg("rect", { class: value < 0 ? "minus" : "plus", x: value < 0 ? 50 - width : 50, y: 2, width, height: 10 }),
    svg("path", { class: "zero", d: "M50 0V14", "vector-effect": "non-scaling-stroke" }),
  );
  return html("td", { class: "bar" }, drawing);
}

// Window, kernel and products of one channel. A transposed convolution has as many products as kernels reach the pixel.
function grids(step, terms) {
  const x = step.operands[0].step === null ? null : steps[step.operands[0].step];
  const rows = [...new Set(terms.map(({ ky }) => ky))].sort((a, b) => a - b);
  const columns = [...new Set(terms.map(({ kx }) => kx))].sort((a, b) => a - b);
  const at = (ky, kx) => terms.find((term) => term.ky === ky && term.kx === kx);
  const [, high] = extent(terms.map(({ product }) => Math.abs(product)));
  const scales = { x: x ? scaleOf(x) : () => [255, 255, 255], w: weightScale(step), product: colorScale("diverging", -high, high) };
  const grid = (name, key) =>
    html(
      "figure",
      {},
      html("figcaption", {}, name),
      html("table", { class: "cells" }, html("tbody", {}, rows.map((ky) => html("tr", {}, columns.map((kx) => cell(at(ky, kx), key)))))),
    );
  const cell = (term, key) => {
    if (!term) return html("td", {});
    if (key === "x" && term.i < 0) return html("td", { class: "outside", title: "padding" }, "0");
    const text = compact(term[key]);
    const inner = key === "x" && x ? html("button", { type: "button", title: cellName(x, term.i), onclick: () => select(x, term.i) }, text) : text;
    return html("td", { style: painted(scales[key](term[key])) }, inner);
  };
  const caption = x ? `${nameOf(x)}, channel ${terms[0].c}` : `channel ${terms[0].c}`;
  return [
    html("div", { class: "product" }, grid(caption, "x"), html("span", { class: "sign" }, "×"), grid("kernel", "w"), html("span", { class: "sign" }, "="), grid("products", "product")),
  ];
}

// One scale for all kernels of a layer.
function weightScale(step) {
  if (!step.weightScale) step.weightScale = colorScale("diverging", ...extent(step.operands[1].values));
  return step.weightScale;
}

// The greatest terms of a long sum, the others as one.
function longSum(step, terms) {
  const sorted = [...terms].sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
  const [shown, rest] = [sorted.slice(0, LISTED), sorted.slice(LISTED)];
  const most = Math.abs(shown[0].product);
  const row = (term) => {
    const from = step.operands[term.slot].step;
    const name = from === null ? "x" : cellLink(steps[from], term.i);
    return html("tr", {}, html("th", { scope: "row" }, name), html("td", {}, formatNumber(term.x)), html("td", {}, `× ${enclosed(term.w)}`), html("td", {}, formatNumber(term.product)), bar(term.product, most));
  };
  const total = rest.reduce((sum, { product }) => sum + product, 0);
  const others = rest.length ? html("tr", {}, html("th", { scope: "row" }, `${plural(rest.length, "other")}`), html("td", {}), html("td", {}), html("td", {}, formatNumber(total)), bar(total, most)) : null;
  const head = html("tr", {}, ["from", "x", "weight", "product", ""].map((text) => html("th", { scope: "col" }, text)));
  return html("div", { class: "scroll" }, html("table", { class: "list" }, html("thead", {}, head), html("tbody", {}, shown.map(row), others)));
}

// Pools, means, sums and maxima over windows or dimensions.
function spellWindow(step, o, written) {
  const { how, terms, sum, factor, result, winner, least } = written;
  const x = steps[step.operands[0].step];
  const won = terms.find(({ i }) => i === winner);
  const place = terms.indexOf(won) + 1;
  const words = {
    sum: () => [html("p", {}, `The sum of ${plural(terms.length, "number")}.`), equation("sum", result)],
    mean: () => [html("p", {}, `The mean of ${plural(terms.length, "number")}.`), equation(`${formatNumber(sum)} / ${terms.length}`, result)],
    scaled: () => [html("p", {}, `The mean of a window: the sum of its ${plural(terms.length, "number")}, divided by ${formatNumber(1 / factor)}.`), equation(`${formatNumber(sum)} / ${formatNumber(1 / factor)}`, result)],
    largest: () => [
      html("p", {}, `The ${least ? "least" : "largest"} of ${plural(terms.length, "number")}: the ${ordinal(place)} won, `, cellLink(x, winner), "."),
      equation(`${least ? "min" : "max"}(${terms.length <= 9 ? terms.map((t) => (t.i < 0 ? "padding" : formatNumber(t.x))).join(", ") : "…"})`, result),
    ],
  };
  const grid = terms[0].ky === undefined || terms.length > 81 ? null : windowTable(x, terms, winner);
  return [...words[how](), grid];
}

function ordinal(n) {
  const last = n % 10;
  const ending = Math.floor((n % 100) / 10) === 1 || last === 0 || last > 3 ? "th" : ["st", "nd", "rd"][last - 1];
  return `${n}${ending}`;
}

function windowTable(x, terms, winner) {
  const rows = [...new Set(terms.map(({ ky }) => ky))];
  const cell = (term) => {
    if (term.i < 0) return html("td", { class: "outside", title: "padding" }, "·");
    const go = html("button", { type: "button", title: cellName(x, term.i), onclick: () => select(x, term.i) }, compact(term.x));
    return html("td", { style: painted(scaleOf(x)(term.x)), class: term.i === winner ? "won" : "" }, go);
  };
  const body = rows.map((ky) => html("tr", {}, terms.filter((term) => term.ky === ky).map(cell)));
  return html("div", { class: "product" }, html("figure", {}, html("figcaption", {}, `${nameOf(x)}, its window`), html("table", { class: "cells" }, html("tbody", {}, body))));
}
