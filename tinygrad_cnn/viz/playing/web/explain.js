// "Show me the gradients": one training point on its way forward, and the gradients of its loss on their way back.

const sample = { at: 0, before: null }; // before: its loss before the last step

const sampleNow = () => run.train[sample.at] ?? null;

/** The net's numbers for the chosen point, and their gradients: all from the engine's own tape. */
function explained() {
  const { x, labels } = batchOf([sampleNow()]);
  const steps = forward(run.layers, x);
  const loss = crossEntropy(steps.at(-1).a, labels);
  return { x, label: labels[0], steps, loss: loss.data[0], slopes: gradients(loss) };
}

function showSample(at) {
  sample.at = at;
  sample.before = null;
  element("slopes").open = true;
  show();
}

function moveSample(by) {
  if (!run.train.length) return;
  showSample((sample.at + by + run.train.length) % run.train.length);
  announce(element("sample").textContent);
}

/** The rule of each activation, between the gradients of a and of z. */
const RULES = {
  tanh: "dL/dz = dL/da · (1 − a²)",
  relu: "dL/dz = dL/da where a > 0, else 0",
  sigmoid: "dL/dz = dL/da · a (1 − a)",
  leaky_relu: "dL/dz = dL/da where z > 0, else slope · dL/da",
  gelu: "dL/dz = dL/da · (Φ(z) + z φ(z))",
  none: "a = z",
};

function showSlopes() {
  if (!element("slopes").open) return;
  if (!sampleNow()) sample.at = 0;
  const point = sampleNow();
  for (const id of ["previous-sample", "next-sample", "edges-of"]) element(id).disabled = !point;
  if (!point) {
    element("sample").replaceChildren(html("p", {}, "There is no point yet."));
    element("tables").replaceChildren();
    return;
  }
  const { label, steps, loss, slopes } = explained();
  const [p] = softmax(steps.at(-1).a);
  const was = sample.before === null ? "" : ` (${formatNumber(sample.before)} before the last step)`;
  element("sample").replaceChildren(
    html(
      "p",
      {},
      `Point ${sample.at + 1} of ${run.train.length}: x₁ = ${formatNumber(point[0])}, x₂ = ${formatNumber(point[1])}, and it is `,
      html("b", { class: `class${label}` }, given.names[label]),
      `. The network gives that class p = ${formatNumber(p[label])}, so the loss is −log p = ${formatNumber(loss)}${was}.`,
    ),
  );
  const last = run.layers.length - 1;
  element("tables").replaceChildren(...steps.map((step, l) => slopeTable(step, l, l === last ? null : slopes, slopes)));
}

/** A layer's neurons: z and a going forward, dL/da and dL/dz coming back. */
function slopeTable({ z, a }, l, hidden, slopes) {
  const { activation } = run.layers[l];
  const columns = hidden && activation !== "none" ? ["z", "a", "dL/da", "dL/dz"] : ["z", "dL/dz"];
  const numbers = { z, a, "dL/da": slopes.get(a), "dL/dz": slopes.get(z) };
  const rows = Array.from({ length: z.columns }, (_, i) =>
    html(
      "tr",
      chosen.layer === l && chosen.unit === i ? { class: "chosen" } : {},
      html("th", { scope: "row" }, String(i + 1)),
      ...columns.map((name) => html("td", { class: name.startsWith("d") ? "gradient" : "value" }, formatNumber(numbers[name].data[i], 3))),
    ),
  );
  const head = html("tr", {}, html("th", { scope: "col" }, "neuron"), ...columns.map((name) => html("th", { scope: "col" }, name)));
  const rule = hidden ? RULES[activation] : "dL/dz = p − 1 for the true class, p for the others";
  return html(
    "div",
    { class: "table", tabindex: 0, role: "region", "aria-label": headOf(l) },
    html("table", {}, html("caption", {}, html("b", {}, headOf(l)), html("span", { class: "formula" }, rule)), html("thead", {}, head), html("tbody", {}, rows)),
  );
}

const headOf = (l) => (l === run.layers.length - 1 ? "Output" : `Hidden ${l + 1}: ${run.layers[l].activation.replace("_", " ")}`);

element("previous-sample").addEventListener("click", () => moveSample(-1));
element("next-sample").addEventListener("click", () => moveSample(1));
element("edges-of").addEventListener("change", () => show());
element("slopes").addEventListener("toggle", () => show());
