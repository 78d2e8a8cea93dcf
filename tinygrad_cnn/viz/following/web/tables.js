// The tables in which products stand: windows beside kernels, channels, and the terms of long sums.

const LISTED = 12; // terms of a long sum

// Which channel brought how much; a click shows its window.
function channelList(step, shares) {
  const most = Math.abs(shares[0][1]);
  const rows = shares.slice(0, 8).map(([c, share]) => {
    const choose = html(
      "button",
      { type: "button", class: "link", "aria-pressed": String(c === current.channel) },
      `channel ${c}`,
    );
    choose.addEventListener("click", () => {
      current.channel = c;
      const from = step.operands[0].step;
      if (from !== null && c < picturesOf(steps[from]).count) show(cardOf(steps[from]), c);
      layMade();
      layLowered();
      [...element("made").querySelectorAll("[aria-pressed='true']")].forEach((button) => button.focus());
    });
    return html(
      "tr",
      { class: c === current.channel ? "now" : "" },
      html("th", { scope: "row" }, choose),
      html("td", {}, formatNumber(share)),
      bar(share, most),
    );
  });
  const rest = shares.length - rows.length;
  return html(
    "div",
    {},
    tableOf({ class: "list" }, [], rows),
    rest > 0 ? html("p", { class: "note" }, `and ${plural(rest, "channel")} with less`) : null,
  );
}

function bar(value, most) {
  const part = Math.abs(value) / most;
  const width = Number.isFinite(part) ? part * 48 : 0;
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
  const scales = {
    x: x ? scaleOf(x) : () => [255, 255, 255],
    w: weightScale(step),
    product: colorScale("diverging", -high, high),
  };
  const row = (ky, key) => html("tr", {}, columns.map((kx) => cell(at(ky, kx), key)));
  const grid = (name, key) => figureOf(name, tableOf({ class: "cells" }, [], rows.map((ky) => row(ky, key))));
  const cell = (term, key) => {
    if (!term) return html("td", {});
    if (key === "x" && term.i < 0) return html("td", { class: "outside", title: "padding" }, "0");
    const text = compact(term[key]);
    const inner =
      key === "x" && x
        ? html("button", { type: "button", title: cellName(x, term.i), onclick: () => select(x, term.i) }, text)
        : text;
    return html("td", { style: painted(scales[key](term[key])) }, inner);
  };
  const caption = x ? `${nameOf(x)}, channel ${terms[0].c}` : `channel ${terms[0].c}`;
  return [
    html(
      "div",
      { class: "product" },
      grid(caption, "x"),
      html("span", { class: "sign" }, "×"),
      grid("kernel", "w"),
      html("span", { class: "sign" }, "="),
      grid("products", "product"),
    ),
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
  const second = step.kind === "matmul" && step.operands[0].step !== null ? step.operands[1].step : null;
  const factor = (term) => cellLink(steps[second], term.other, enclosed(term.w));
  const row = (term) => {
    const from = step.operands[term.slot].step;
    const name = from === null ? "x" : cellLink(steps[from], term.i);
    return html(
      "tr",
      {},
      html("th", { scope: "row" }, name),
      html("td", {}, formatNumber(term.x)),
      html("td", {}, "× ", term.other === undefined || second === null ? enclosed(term.w) : factor(term)),
      html("td", {}, formatNumber(term.product)),
      bar(term.product, most),
    );
  };
  const total = rest.reduce((sum, { product }) => sum + product, 0);
  const others = rest.length
    ? html(
        "tr",
        {},
        html("th", { scope: "row" }, `${plural(rest.length, "other")}`),
        html("td", {}),
        html("td", {}),
        html("td", {}, formatNumber(total)),
        bar(total, most),
      )
    : null;
  const table = tableOf({ class: "list" }, headOf(["from", "x", "weight", "product"]), [...shown.map(row), others]);
  return html("div", { class: "scroll" }, table);
}

function windowTable(x, terms, winner) {
  const rows = [...new Set(terms.map(({ ky }) => ky))];
  const cell = (term) => {
    if (term.i < 0) return html("td", { class: "outside", title: "padding" }, "·");
    const go = html(
      "button",
      { type: "button", title: cellName(x, term.i), onclick: () => select(x, term.i) },
      compact(term.x),
    );
    return html("td", { style: painted(scaleOf(x)(term.x)), class: term.i === winner ? "won" : "" }, go);
  };
  const body = rows.map((ky) => html("tr", {}, terms.filter((term) => term.ky === ky).map(cell)));
  return html("div", { class: "product" }, figureOf(`${nameOf(x)}, its window`, tableOf({ class: "cells" }, [], body)));
}
