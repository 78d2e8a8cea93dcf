// Recorded steps on a slider: loss, weights, the graph with its numbers, and what an update did to some images.

const data = dataOf("steps");
const count = data.steps.length;
let at = 0;
let playing = null;

// ---------------------------------------------------------------------------------------------------------- the loss
const losses = data.steps.map((s) => s.loss);
const lossPlot = linePlot({ label: "loss", width: 640, height: 170, x: losses.map((_, i) => i + 1), xLabel: "step" });

function showLoss() {
  const { loss, lr } = data.steps[at];
  const rest = { name: "all steps", values: losses, color: "var(--quiet)", dash: "1 4" };
  lossPlot.update({ series: [rest, { name: "so far", values: losses.slice(0, at + 1), color: "var(--accent)", dash: null }] });
  const rate = lr === null ? "" : `, learning rate ${formatNumber(lr)}`;
  element("status").textContent = `Step ${at + 1} of ${count}: loss ${formatNumber(loss)} before it, ${data.optimizer}${rate}`;
}

// ------------------------------------------------------------------------------------------------------- the weights
const KINDS = ["weights", "gradients", "changes"];
const WORDS = { weights: "weights before", gradients: "gradient", changes: "change" };
const figures = data.parameters.map((about, i) => {
  const most = Object.fromEntries(KINDS.map((kind) => [kind, Math.max(...data.steps.map((s) => (s[kind][i] ? 127 * s[kind][i].scale : 0)))]));
  const views = KINDS.map((kind) => ({ kind, canvas: html("canvas", { class: "pixels", role: "img" }), text: html("figcaption") }));
  const tiles = html("div", { class: "tiles" }, ...views.map((v) => html("figure", {}, v.canvas, v.text)));
  element("weights").append(html("h3", {}, `${about.name} ${formatShape(about.shape)}`), tiles);
  return { about, most, views };
});

function showWeights() {
  figures.forEach(({ about, most, views }, i) => {
    for (const { kind, canvas, text } of views) {
      const array = data.steps[at][kind][i];
      const scale = colorScale("diverging", -1, 1);
      const share = array ? array.scale / (most[kind] || 1) : 0;
      const bytes = array ? bytesOf(array.data, Int8Array) : new Int8Array(about.count * about.height * about.width);
      paintGrid(canvas, about, (k) => scale(bytes[k] === -128 ? NaN : bytes[k] * share), 200);
      const told = array ? `‖${kind === "weights" ? "w" : kind === "gradients" ? "g" : "Δw"}‖ ${formatNumber(array.norm)}` : "none";
      const ratio = kind === "changes" && array ? `, ${formatNumber(toNumber(array.norm) / toNumber(data.steps[at].weights[i].norm), 2)} of ‖w‖` : "";
      text.textContent = `${WORDS[kind]}: ${told}${ratio}`;
      canvas.setAttribute("aria-label", `${about.name}, ${text.textContent}`);
    }
  });
}

// -------------------------------------------------------------------------------------------------------- the images
const className = (k) => (data.labels && data.labels[k] !== undefined ? data.labels[k] : String(k));
const watched = data.images.map((image, i) => {
  const picture = image.image ? html("canvas", { class: "pixels", role: "img", "aria-label": `image ${i + 1}` }) : html("span", { class: "words" }, image.text);
  if (image.image) paintThumbnail(picture, image);
  const bars = html("div", { class: "bars" });
  const truth = data.true[i] === undefined ? null : html("div", { class: "quiet" }, `is ${className(data.true[i])}`);
  const said = html("p");
  element("watch").append(html("div", { class: "watched" }, html("div", {}, picture, truth), html("div", { class: "grow" }, said, bars)));
  return { bars, said };
});

function showWatched() {
  element("watch-part").hidden = !watched.length;
  watched.forEach(({ bars, said }, i) => {
    const [before, after] = [data.probabilities[at][i].map(toNumber), data.probabilities[at + 1][i].map(toNumber)];
    const percent = (p) => `${formatNumber(100 * p, 3)} %`;
    const rows = after.flatMap((p, k) => [
      html("span", {}, className(k)),
      twoBars(before[k], p, data.true[i] !== undefined && k !== data.true[i]),
      html("span", {}, `${percent(before[k])} → ${percent(p)}`),
    ]);
    bars.replaceChildren(...rows);
    const moved = placeOfMost(after.map((p, k) => Math.abs(p - before[k])));
    const best = placeOfMost(after);
    const was = placeOfMost(before);
    const turn = best === was ? `It still says ${className(best)}` : `It said ${className(was)}, and now says ${className(best)}`;
    said.textContent = `${turn}; most moved: ${className(moved)}, by ${formatNumber(100 * (after[moved] - before[moved]), 3)} points.`;
  });
}

function twoBars(before, after, other) {
  const parts = [html("i", { class: other ? "other" : "" }), html("i", { class: "before" })];
  [after, before].forEach((share, i) => (parts[i].style.width = `${100 * Math.max(0, Math.min(1, share))}%`));
  return html("div", { class: "bar", "aria-hidden": "true" }, ...parts);
}

// --------------------------------------------------------------------------------------------------------- the graph
const BOX = { width: 150, height: 62 };
const nodes = new Map(); // id: the texts that change
let chosen = null;
const chosenPlots = ["value", "gradient"].map((label) => linePlot({ label, width: 620, height: 150, xLabel: "step", x: losses.map((_, i) => i + 1) }));

function drawGraph() {
  const { boxes, edges } = data.graph;
  const items = boxes.map((b, i) => ({ key: `b${b.id}`, parent: null, order: i, ...BOX, box: b }));
  const kinds = new Map(boxes.map((b) => [b.id, b.kind]));
  const lines = edges.map(([source, target, slot]) => ({ source: `b${source}`, target: `b${target}`, slot, heavy: !LOOK.beside.includes(kinds.get(source)) }));
  standBeside(items, lines);
  const scene = layoutScene({ items, groups: [], edges: lines }, "TB", LOOK.space.small);
  const paths = scene.edges.map((e) => svg("path", { class: "line", d: e.path }));
  const drawn = scene.items.map((item) => drawBox(item, item.box));
  element("graph").append(svg("svg", { class: "graph", width: scene.width, height: scene.height, viewBox: `0 0 ${scene.width} ${scene.height}` }, ...paths, ...drawn));
}

function drawBox({ x, y }, box) {
  const text = (line, look, words = "") => svg("text", { x: BOX.width / 2, y: 16 + 15 * line, class: look }, `${words} `);
  const under = [box.module, box.shape && box.shape.length ? formatShape(box.shape) : ""].filter(Boolean).join(" ");
  const cut = (words, most) => (words.length > most ? `${words.slice(0, most - 1)}…` : words);
  const value = svg("text", { x: 8, y: 52, class: "value" });
  const gradient = svg("text", { x: BOX.width - 8, y: 52, class: "gradient" });
  const choose = () => {
    chosen = box;
    for (const each of nodes.values()) each.node.setAttribute("aria-pressed", each.box === box);
    showChosen();
  };
  const node = svg(
    "g",
    {
      class: `box ${box.kind}`,
      transform: `translate(${x} ${y})`,
      role: "button",
      tabindex: 0,
      "aria-pressed": false,
      onclick: choose,
      onpointermove: (event) => tooltip.show(event.clientX, event.clientY, [box.label, under].join("\n")),
      onpointerleave: tooltip.hide,
      onkeydown: (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        choose();
      },
    },
    svg("rect", { width: BOX.width, height: BOX.height, rx: box.kind === "parameter" || box.kind === "input" ? 14 : 5 }),
    text(0, "name", cut(box.label, 20)),
    text(1, "under", cut(under, 24)),
    value,
    gradient,
  );
  nodes.set(box.id, { box, node, value, gradient });
  return node;
}

function showGraph() {
  const numbers = data.steps[at].boxes;
  data.graph.boxes.forEach((box, i) => {
    const [value, gradient] = numbers ? numbers[i] : [null, null];
    const texts = nodes.get(box.id);
    texts.value.textContent = value === null ? "" : `${formatNumber(value)} `;
    texts.gradient.textContent = gradient === null ? "" : `∂ ${formatNumber(gradient)}`;
  });
}

function showChosen() {
  const place = data.graph.boxes.indexOf(chosen);
  const of = (k) => data.steps.map((s) => (s.boxes ? s.boxes[place][k] : null));
  const scalar = chosen.shape && !chosen.shape.length;
  const views = ["value", "gradient"].map((name, k) => {
    const words = scalar ? name : `norm of the ${name}`;
    const series = [{ name: words, values: of(k), color: `var(--${name})`, dash: null }];
    return { plot: chosenPlots[k], words, series, known: of(k).some((v) => v !== null) };
  });
  const shown = views.filter((view) => view.known);
  const plots = html("div", { class: "pair" }, ...shown.map((view) => html("div", {}, html("p", { class: "quiet" }, view.words), view.plot.element)));
  element("chosen").replaceChildren(html("h3", {}, `${chosen.label} ${chosen.module} over all steps`), plots);
  for (const { plot, series } of shown) plot.update({ series });
}

// ------------------------------------------------------------------------------------------------------- all together
const place = slider({
  label: "Step",
  min: 1,
  max: Math.max(2, count),
  step: 1,
  value: 1,
  format: (v) => `${v} of ${count}`,
  onchange: (v) => (pause(), goTo(v - 1)),
});

function goTo(step) {
  at = Math.max(0, Math.min(count - 1, step));
  place.set(at + 1);
  for (const show of [showLoss, showWeights, showWatched, showGraph]) show();
  element("previous").disabled = at === 0;
  element("next").disabled = at === count - 1;
  document.body.dataset.step = at + 1;
}

function pause() {
  clearInterval(playing);
  playing = null;
  element("play").textContent = "Play";
}

function play() {
  if (playing !== null) return pause();
  if (at === count - 1) goTo(0);
  element("play").textContent = "Pause";
  playing = setInterval(() => (at === count - 1 ? pause() : goTo(at + 1)), 700);
  return undefined;
}

const go = (by) => (pause(), goTo(at + by));
element("title").textContent = `${data.title}, ${plural(count, "step")}`;
element("theme").append(themeButton());
element("place").append(place.element);
element("loss").append(lossPlot.element);
element("previous").addEventListener("click", () => go(-1));
element("next").addEventListener("click", () => go(1));
element("play").addEventListener("click", play);
place.input.disabled = element("play").disabled = count < 2;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isOwnKey(event) || event.target.closest(".plot, .scroll svg *")) return;
  const does = { ArrowLeft: () => go(-1), ArrowRight: () => go(1), " ": play }[event.key];
  if (!does) return;
  event.preventDefault();
  does();
});
drawGraph();
goTo(0);
document.body.dataset.ready = "yes";
