// A run: asked for again and again while it is served, or as it was recorded.

const run = { about: {}, now: { step: 0 }, epochs: [], mistakes: [], control: {} };
run.curves = { stride: 1, steps: [], series: {} };
run.looks = { thinned: 0, entries: [] };
run.frames = { thinned: 0, entries: [] };
const recorded = dataOf("run");
const served = !recorded.about;
const plots = new Map(); // by name
const LATEST = 1000; // of the slider that looks back: the right end follows the run
let back = LATEST;
let lost = false;

function join(old, fresh) {
  return old.slice(0, fresh.start).concat(fresh.entries);
}

function take(fresh) {
  const { curves, looks, frames, ...rest } = fresh;
  Object.assign(run, rest);
  const series = {};
  for (const [name, values] of Object.entries(curves.series)) {
    const old = run.curves.series[name] || Array(curves.start).fill(null);
    series[name] = old.slice(0, curves.start).concat(values);
  }
  run.curves = { stride: curves.stride, steps: run.curves.steps.slice(0, curves.start).concat(curves.steps), series };
  run.looks = { thinned: looks.thinned, entries: join(run.looks.entries, looks) };
  run.frames = { thinned: frames.thinned, entries: join(run.frames.entries, frames) };
}

// What is here already, for the server.
function have() {
  return {
    curves: [run.curves.stride, run.curves.steps.length],
    looks: [run.looks.thinned, run.looks.entries.length],
    frames: [run.frames.thinned, run.frames.entries.length],
  };
}

// ---------------------------------------------------------------------------------------------------------- the head
function showStatus() {
  const { now, control } = run;
  const finished = now.state === "finished";
  const state = finished ? `finished${now.why ? `: ${now.why}` : ""}` : control.paused ? "paused" : now.state || "waiting";
  const parts = [state, plural(now.step, "step")];
  if (now.epochs) parts.push(`${plural(now.epoch, "epoch")} of ${now.epochs}`);
  if (now.loss !== undefined) parts.push(`loss ${formatNumber(now.loss)}`);
  parts.push(formatSeconds(control.seconds || 0), `looking took ${formatNumber(100 * (control.share || 0), 2)} %`);
  if (served && !finished && !control.paused && control.idle > 5) parts.push(`no step for ${formatSeconds(control.idle)}`);
  element("status").className = lost ? "lost" : "quiet";
  element("status").textContent = lost ? `The program has ended; this is what was seen last: ${parts.join(" · ")}` : parts.join(" · ");
  element("title").textContent = run.about.title || "Training";
  const idle = lost || finished;
  element("pause").textContent = control.paused ? "Go on" : "Pause";
  element("pause").disabled = element("once").disabled = element("stop").disabled = idle;
  rate.input.disabled = idle;
  element("keep").disabled = lost;
  document.body.dataset.state = lost ? "lost" : state.split(":")[0];
  document.body.dataset.step = now.step;
}

const rate = slider({
  label: "Learning rate ×",
  min: 0.01,
  max: 100,
  value: 1,
  log: true,
  format: (factor) => `${formatNumber(factor, 3)}`,
  onchange: (factor) => steer({ factor }),
});

async function steer(wish) {
  try {
    run.control = await channel.ask("/control", wish);
  } catch (error) {
    announce(error.message);
  }
  showStatus();
}

async function keep() {
  const { page } = await channel.ask("/page");
  const link = html("a", { href: URL.createObjectURL(new Blob([page], { type: "text/html" })), download: "run.html" });
  link.click();
}

// -------------------------------------------------------------------------------------------------------- the curves
function smoothed(values, count = 20) {
  let mean = null;
  return values.map((v) => {
    const x = toNumber(v);
    if (!Number.isFinite(x)) return x;
    mean = mean === null ? x : mean + (x - mean) / count;
    return mean;
  });
}

function plotFor(name, data) {
  if (!plots.has(name)) {
    const plot = linePlot({ label: name, width: 640, height: name === "loss" ? 220 : 150, xLabel: "step", ...data });
    plots.set(name, plot);
    element("curves").append(html("div", {}, html("h3", {}, name === "lr" ? "learning rate" : name), plot.element));
  }
  plots.get(name).update(data);
}

function showCurves() {
  const { steps, series } = run.curves;
  for (const [name, values] of Object.entries(series)) {
    const raw = { name, values, color: "var(--quiet)", dash: "1 3" };
    const mean = { name: `${name}, smoothed`, values: smoothed(values), color: "var(--accent)", dash: null };
    const lines = name === "lr" ? [{ name, values }] : values.length < 20 ? [{ name, values }] : [raw, mean];
    plotFor(name, { x: steps, series: lines, logY: name === "loss" && element("log").checked });
  }
  const seen = run.looks.entries.filter((look) => look.accuracy !== null);
  if (seen.length && !series.accuracy) {
    const name = "accuracy of the batches looked at";
    plotFor(name, { x: seen.map((look) => look.step), series: [{ name, values: seen.map((look) => look.accuracy) }] });
  }
  showEpochs();
}

function showEpochs() {
  const last = run.epochs.slice(-8);
  const hidden = new Set(["step", "images_per_s"]);
  const names = last.length ? Object.keys(last[last.length - 1]).filter((name) => !hidden.has(name)) : [];
  const rows = last.map((epoch) => html("tr", {}, ...names.map((name) => html("td", {}, formatNumber(epoch[name])))));
  element("epochs").hidden = !last.length;
  element("epochs").replaceChildren(tableOf({}, names, rows));
}

// -------------------------------------------------------------------------------------------------------- the layers
function chosenLook() {
  const { entries } = run.looks;
  return back === LATEST ? entries.length - 1 : Math.round((back / LATEST) * (entries.length - 1));
}

const looker = slider({
  label: "Look back",
  min: 0,
  max: LATEST,
  step: 5,
  value: LATEST,
  format: () => {
    const look = run.looks.entries[chosenLook()];
    return look ? `step ${formatCount(look.step)}` : "";
  },
  onchange: (place) => {
    back = place;
    showLooks();
  },
});

const log10 = (v) => (toNumber(v) > 0 ? Math.log10(toNumber(v)) : NaN);
const column = (key, layer) => run.looks.entries.map((look) => look[key][layer]);

function showLooks() {
  const { entries } = run.looks;
  const place = chosenLook();
  const look = entries[place];
  if (!look) return;
  const strips = entries.slice(0, place + 1);
  const [low, high] = extent(strips.flatMap((each) => each.norm.map(log10)));
  const norms = colorScale("sequential", low, high);
  const ratios = colorScale("diverging", -2, 2);
  const cells = (key, i, scale, of) => {
    const values = strips.map((each) => each[key][i]);
    const text = (k) => `step ${formatCount(strips[k].step)}: ${formatNumber(values[k], 3)}`;
    const shown = values.map((v) => (v === null ? null : of(v)));
    const [least, most] = extent(values);
    return [
      html("td", { class: "number" }, formatNumber(look[key][i], 3)),
      html("td", {}, strip(shown, scale, `from ${formatNumber(least, 3)} to ${formatNumber(most, 3)}`, text)),
    ];
  };
  const rows = run.about.layers.map((name, i) =>
    html("tr", {}, html("th", { scope: "row" }, name), ...cells("norm", i, norms, log10), ...cells("ratio", i, ratios, (v) => log10(v) + 3)),
  );
  if (run.about.hidden) rows.push(html("tr", {}, html("td", { colspan: 5, class: "quiet" }, `and ${plural(run.about.hidden, "layer")} more`)));
  const wide = ["|gradient|", "|change| / |weights|"].map((name) => html("th", { scope: "col", colspan: 2 }, name));
  element("layers").replaceChildren(tableOf({}, ["layer", ...wide], rows));
  showUnits(look);
  showFilters(look.step);
  looker.set(back);
}

function showUnits(look) {
  const parts = look.units.flatMap(([name, silent, units]) => [
    html("span", {}, name),
    bar(silent / units, silent ? "bad" : ""),
    html("span", {}, `${silent} of ${units}`),
  ]);
  const images = look.units.length ? look.units[0][3] : 0;
  const title = html("h3", {}, `Silent units: those that fired for none of the last ${plural(images, "image")} looked at`);
  element("units").replaceChildren(...(look.units.length ? [title, html("div", { class: "bars" }, ...parts)] : []));
}

function bar(share, kind) {
  const fill = html("i", { class: kind });
  fill.style.width = `${100 * Math.max(0, Math.min(1, share))}%`;
  return html("div", { class: "bar", "aria-hidden": "true" }, fill);
}

const filterCanvas = html("canvas", { class: "pixels", role: "img" });

function showFilters(step) {
  const about = run.about.filters;
  const frames = run.frames.entries;
  element("filters-part").hidden = !about || !frames.length;
  if (element("filters-part").hidden) return;
  const frame = back === LATEST ? frames[frames.length - 1] : frames.reduce((best, f) => (Math.abs(f.step - step) < Math.abs(best.step - step) ? f : best));
  const what = about.height === 1 ? "rows of the matrix" : about.kind === "mean" ? `kernels, the mean of their ${about.channels} channels` : "kernels";
  const some = about.count < about.of ? `the first ${about.count} of ${about.of} ` : `${about.count} `;
  const signs = about.kind === "colour" ? "" : ": red is positive, blue negative";
  element("filters-text").textContent = `${about.name}, ${some}${what}, after step ${formatCount(frame.step)}${signs}`;
  paintFilters(filterCanvas, frame, about);
  filterCanvas.setAttribute("aria-label", element("filters-text").textContent);
  if (!filterCanvas.parentNode) element("filters").append(filterCanvas);
}

// ------------------------------------------------------------------------------------------------------ the mistakes
function showMistakes() {
  element("mistakes-part").hidden = !run.mistakes.length;
  const percent = (p) => `${formatNumber(100 * toNumber(p), 2)} %`;
  const items = run.mistakes.map((m) => {
    const picture = m.image ? html("canvas", { class: "pixels", "aria-hidden": "true" }) : html("span", { class: "words" }, m.text || "");
    if (m.image) paintThumbnail(picture, m);
    const words = [`says ${m.said}: ${percent(m.sure)}`, `is ${m.true}: ${percent(m.right)}`];
    return html("li", {}, picture, ...words.map((t) => html("div", {}, t)), html("div", { class: "quiet" }, `step ${formatCount(m.step)}`));
  });
  element("mistakes").replaceChildren(...items);
}

// ------------------------------------------------------------------------------------------------------- all together
let shown = { looks: "", mistakes: "", steps: 0 };

function show() {
  showStatus();
  const now = {
    steps: `${run.curves.stride}|${run.curves.steps.length}|${run.epochs.length}`,
    looks: `${run.looks.thinned}|${run.looks.entries.length}|${run.frames.entries.length}`,
    mistakes: JSON.stringify(run.mistakes.map((m) => [m.step, m.said, m.right])),
  };
  if (now.steps !== shown.steps || now.looks !== shown.looks) showCurves();
  if (now.looks !== shown.looks) showLooks();
  if (now.mistakes !== shown.mistakes) showMistakes();
  shown = now;
}

element("theme").append(themeButton());
element("back").append(looker.element);
element("rate").append(rate.element);
element("log").addEventListener("change", showCurves);
if (served) {
  element("pause").addEventListener("click", () => steer({ do: run.control.paused ? "go" : "pause" }));
  element("once").addEventListener("click", () => steer({ do: "step" }));
  element("stop").addEventListener("click", () => steer({ do: "stop" }));
  element("keep").addEventListener("click", keep);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isOwnKey(event)) return;
    const button = { " ": "pause", s: "once" }[event.key];
    if (!button || element(button).disabled) return;
    event.preventDefault();
    element(button).click();
  });
  let first = true;
  channel.every(
    500,
    "/state",
    (answer, error) => {
      lost = error !== null;
      if (answer) take(answer);
      if (first && answer) rate.set(run.control.factor);
      first = first && !answer;
      show();
      document.body.dataset.ready = "yes";
    },
    have,
  );
} else {
  take(recorded);
  element("tools").hidden = true;
  show();
  document.body.dataset.ready = "yes";
}
