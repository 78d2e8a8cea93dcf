// Two runs or nets: what stands in the data is shown, what does not is left out.

const compared = dataOf("compared");
const [A, B] = compared.names;
const main = document.querySelector("main");
element("title").textContent = compared.title;
document.querySelector("header").append(themeButton());

function section(title, ...parts) {
  main.append(html("section", { "aria-label": title }, html("h2", {}, title), ...parts));
}

// A table that is wider than the page is moved by itself, also by keyboard.
function scrolling(label, table) {
  return html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, table);
}

// The head of a column of numbers.
function numeric(text) {
  return html("th", { scope: "col", class: "number" }, text);
}

// ------------------------------------------------------------------------------------------------------------- facts
function factsTable() {
  const rows = compared.facts.map(([label, a, b, between]) =>
    html(
      "tr",
      {},
      html("th", { scope: "row" }, label),
      html("td", { class: "number" }, a),
      html("td", { class: "number" }, b),
      html("td", { class: between === "same" ? "number quiet" : "number more" }, between),
    ),
  );
  return tableOf({}, ["what", ...[A, B, "difference"].map(numeric)], rows);
}

// ------------------------------------------------------------------------------------------------------------ curves
function curvePlots() {
  const { epochs, metrics } = compared.curves;
  const looks = [
    { of: A, color: "var(--accent)", dash: null, part: "training" },
    { of: A, color: "var(--accent)", dash: "6 4", part: "validation" },
    { of: B, color: "var(--gradient)", dash: null, part: "training" },
    { of: B, color: "var(--gradient)", dash: "6 4", part: "validation" },
  ];
  return metrics.map(({ metric, columns }) => {
    const both = columns[1] || columns[3];
    const series = looks
      .map((look, i) => ({ ...look, values: columns[i], name: both ? `${look.of}, ${look.part}` : look.of }))
      .filter((s) => s.values);
    const plot = linePlot({ label: metric, width: 600, height: 230, x: epochs, series, xLabel: "epoch" });
    return figureOf(metric, plot.element);
  });
}

// ----------------------------------------------------------------------------------------------------------- modules
const KIND = { "+": "added", "\u2212": "removed", "~": "changed", "": "same" };

// One text where both have the same; else the one of A with a minus, that of B with a plus.
function bothTexts(row, key) {
  const [a, b] = row.parts.map((p) => p && p[key]);
  if (!row.parts[0] || !row.parts[1] || a === b) return [row.parts[0] ? a : b];
  return [html("del", {}, spoken(A), a), html("ins", {}, spoken(B), b)];
}

function spoken(text) {
  return html("span", { class: "visually-hidden" }, `${text}: `);
}

function moduleRow(row) {
  const part = row.parts[0] || row.parts[1];
  const name = row.level ? part.name : "(model)";
  const number = (p, key, other) => {
    const differs = p && other && p[key] !== other[key];
    return html("td", { class: differs ? "number more" : "number quiet" }, p && p[key] ? formatCount(p[key]) : "");
  };
  const [a, b] = row.parts;
  const kind = KIND[row.sign];
  const apart = row.apart === null ? "" : row.apart === 0 ? "same" : formatNumber(row.apart, 2);
  const sign = html("td", { class: "sign" }, html("span", { "aria-hidden": "true" }, row.sign));
  sign.append(html("span", { class: "visually-hidden" }, kind));
  const renamed = a && b && row.level && a.name !== b.name;
  const named = html("th", { scope: "row", class: "name" }, renamed ? `${a.name} \u2192 ${b.name}` : name);
  named.style.paddingLeft = `${6 + 16 * row.level}px`;
  return html(
    "tr",
    { class: `${kind}${row.itself && kind === "changed" ? " itself" : ""}` },
    sign,
    named,
    html("td", { class: "what" }, ...bothTexts(row, "what")),
    html("td", { class: "shape" }, ...bothTexts(row, "shape")),
    number(a, "parameters", b),
    number(b, "parameters", a),
    number(a, "mult_adds", b),
    number(b, "mult_adds", a),
    html("td", { class: "number quiet" }, apart),
  );
}

function moduleTable() {
  const rows = compared.modules.map(moduleRow);
  const count = (sign) => compared.modules.filter((row) => row.sign === sign && (row.itself || sign !== "~")).length;
  const [added, removed, changed] = ["+", "\u2212", "~"].map(count);
  const any = added + removed + changed;
  const sign = html("th", { scope: "col" }, html("span", { class: "visually-hidden" }, "difference"));
  const costs = [`parameters, ${A}`, B, `multiply-adds, ${A}`, B, "weights apart"].map(numeric);
  const table = tableOf({}, [sign, "module", "kind and settings", "output", ...costs], rows);
  const only = html("input", { type: "checkbox", id: "changed-only", checked: any > 0 && rows.length > 60 });
  const show = () => rows.forEach((row, i) => (row.hidden = only.checked && !compared.modules[i].sign));
  only.addEventListener("change", () => {
    show();
    announce(`${plural(rows.filter((row) => !row.hidden).length, "row")} shown`);
  });
  show();
  const words = any
    ? `+ ${added} added, \u2212 ${removed} removed, ~ ${changed} changed, from ${A} to ${B}.`
    : "The same modules, with the same settings, shapes and costs.";
  return [
    html("p", {}, words),
    html(
      "p",
      { class: "quiet" },
      "Numbers are with all that is within a module. Weights apart: the distance between the weights of both, as a part of the first one's length.",
    ),
    any > 0 && html("div", { class: "controls" }, html("label", { for: "changed-only" }, only, "only what differs")),
    scrolling("Modules of both nets", table),
  ];
}

// ----------------------------------------------------------------------------------------------------------- classes
const TITLES = {
  a: `${A} right, ${B} wrong`,
  b: `${B} right, ${A} wrong`,
  neither: "both wrong, and of two minds",
};

function classTable() {
  const { classes, labels } = compared;
  const total = classes.reduce((sum, row) => sum.map((n, i) => n + row[i]), [0, 0, 0, 0, 0]);
  const line = (label, [n, both, a, b, neither], tag) => {
    const share = (k) => (n ? `${formatNumber((100 * k) / n, 3)} %` : "");
    const cells = [n, both, a, b, neither].map((k, i) =>
      html("td", { class: k && (i === 2 || i === 3) ? "number more" : "number" }, formatCount(k)),
    );
    const shares = [both + a, both + b].map((k) => html("td", { class: "number quiet" }, share(k)));
    return html(tag || "tr", {}, html("th", { scope: "row" }, label), ...cells, ...shares);
  };
  const heads = ["samples", "both right", TITLES.a, TITLES.b, "both wrong", `accuracy, ${A}`, B].map(numeric);
  const body = classes.map((row, i) => line(labels[i], row));
  const table = tableOf({}, ["class", ...heads], [...body, line("all", total)]);
  const [, , a, b] = total;
  const chance = compared.chance >= 0.001 ? formatNumber(compared.chance, 2) : "less than 0.001";
  const text =
    a + b === 0
      ? "Both are right about the same samples."
      : `Of ${plural(a + b, "sample")} about which one of them alone is right, ${A} has ${formatCount(a)} and ${B} ` +
        `${formatCount(b)}. Were they equally good, chance would part them so unevenly, or more, with a probability of ` +
        `${chance} (McNemar's exact test).`;
  return [html("p", {}, text), scrolling("Right and wrong by class", table)];
}

function gallery() {
  const { pictures, labels } = compared;
  const kinds = Object.keys(TITLES).filter((kind) => pictures.some((p) => p.kind === kind));
  const counts = (kind) => pictures.filter((p) => p.kind === kind).length;
  const which = html(
    "select",
    { id: "which" },
    ...kinds.map((kind) => html("option", { value: kind }, `${TITLES[kind]} (${counts(kind)} shown)`)),
  );
  const present = labels.map((label, i) => [label, i]).filter(([, i]) => pictures.some((p) => p.true === i));
  const truth = html(
    "select",
    { id: "truth" },
    html("option", { value: "" }, "every class"),
    ...present.map(([label, i]) => html("option", { value: i }, label)),
  );
  const list = html("ul", { class: "gallery" });
  const none = html("p", { class: "quiet" }, "None of this class.");
  const said = (p, i) => {
    const right = p.said[i] === p.true;
    const text = `${right ? "\u2713" : "\u2717"} ${compared.names[i]}: ${labels[p.said[i]]}, ${formatNumber(100 * p.sure[i], 3)} %`;
    return html("div", { class: right ? "right" : "wrong" }, text);
  };
  const show = () => {
    const shown = pictures.filter((p) => p.kind === which.value && (truth.value === "" || p.true === Number(truth.value)));
    list.replaceChildren(
      ...shown.map((p) =>
        html(
          "li",
          {},
          html("img", { src: p.src, alt: `sample ${p.place}` }),
          html("div", {}, `true: ${labels[p.true]}`),
          said(p, 0),
          said(p, 1),
        ),
      ),
    );
    none.hidden = shown.length > 0;
  };
  for (const one of [which, truth])
    one.addEventListener("change", () => {
      show();
      announce(`${plural(list.children.length, "image")} shown`);
    });
  show();
  const label = (text, control) => html("label", { for: control.id }, text, control);
  return [html("div", { class: "controls" }, label("show", which), label("of", truth)), list, none];
}

if (compared.facts.length) section("At a glance", scrolling("Figures of both", factsTable()));
if (compared.curves) section("Curves", html("div", { class: "plots" }, ...curvePlots()));
if (compared.modules) section("Modules", ...moduleTable());
if (compared.classes) section("Who is right where", ...classTable());
if (compared.pictures && compared.pictures.length) section("Where they disagree", ...gallery());
document.body.dataset.ready = "yes";
