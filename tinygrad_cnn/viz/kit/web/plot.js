// Lines over x: linePlot({label, width, height, x, series: [{name, color, values, dash}], logY, xLabel, yLabel}).
//
// `width` is the greatest; in a narrower place it is drawn narrower, its texts as large as ever. Colours are CSS, by
// default those of Okabe and Ito (2008), with dashes that differ. What is not finite (or not positive, where logY) breaks
// the line and is marked at its upper edge; null is no value, and the line passes over it. update(data) takes any of the
// same names. Left and right arrows read it out.

const PLOT_COLORS = ["var(--accent)", "var(--gradient)", "light-dark(#00724f, #1fbf93)", "light-dark(#a2447c, #dd93ba)"];
const PLOT_DASHES = [null, "7 4", "2 4", "9 3 2 3"];

function linePlot(given) {
  const data = { label: "", width: 520, height: 220, x: [], series: [], logY: false, xLabel: "", yLabel: "", ...given };
  const picture = svg("svg", { role: "img", tabindex: 0 });
  const legend = html("ul");
  const box = html("div", { class: "plot" }, picture, legend);
  let plan = null; // where things are: what the pointer needs
  let at = null; // index of x that is read out

  function draw() {
    const width = Math.max(200, Math.min(data.width, box.clientWidth || data.width));
    const lines = data.series.map((s, i) => ({
      name: s.name,
      color: s.color || PLOT_COLORS[i % PLOT_COLORS.length],
      dash: s.dash === undefined ? PLOT_DASHES[i % PLOT_DASHES.length] : s.dash,
      given: s.values,
      values: Array.from(s.values, (v) => (data.logY && !(toNumber(v) > 0) ? NaN : toNumber(v))),
    }));
    const x = Array.from(data.x, toNumber);
    const [xLow, xHigh] = extent(x);
    const [yLow, yHigh] = extentOf(lines, data.logY);
    const yTicks = data.logY ? logTicks(yLow, yHigh) : niceTicks(yLow, yHigh, Math.max(2, data.height / 45));
    const left = 14 + 7.2 * yTicks.reduce((most, t) => Math.max(most, formatNumber(t, 3).length), 1) + (data.yLabel ? 16 : 0);
    const area = { left, right: width - 10, top: 10, bottom: data.height - (data.xLabel ? 40 : 24) };
    const onY = data.logY ? Math.log10 : (v) => v;
    const px = (v) => area.left + ((v - xLow) / (xHigh - xLow || 1)) * (area.right - area.left);
    const py = (v) => area.bottom - ((onY(v) - onY(yLow)) / (onY(yHigh) - onY(yLow) || 1)) * (area.bottom - area.top);
    plan = { area, px, py, x, lines };
    const xTicks = niceTicks(xLow, xHigh, Math.max(2, width / 90));
    const parts = [
      ...yTicks.map((t) => svg("path", { class: "grid", d: `M${area.left} ${near(py(t))}H${area.right}` })),
      svg("path", { class: "axis", d: `M${area.left} ${area.bottom + 0.5}H${area.right}` }),
      ...yTicks.map((t) => svg("text", { x: area.left - 6, y: py(t) + 4, "text-anchor": "end" }, formatNumber(t, 3))),
      ...xTicks.map((t) => svg("text", { x: px(t), y: area.bottom + 16, "text-anchor": "middle" }, formatNumber(t, 4))),
    ];
    if (data.xLabel)
      parts.push(svg("text", { x: (area.left + area.right) / 2, y: data.height - 4, "text-anchor": "middle" }, data.xLabel));
    if (data.yLabel) {
      const middle = (area.top + area.bottom) / 2;
      parts.push(svg("text", { transform: `translate(12 ${middle}) rotate(-90)`, "text-anchor": "middle" }, data.yLabel));
    }
    for (const line of lines) parts.push(...drawCurve(line, plan));
    picture.setAttribute("viewBox", `0 0 ${width} ${data.height}`);
    picture.setAttribute("width", width);
    picture.setAttribute("height", data.height);
    picture.setAttribute("aria-label", describePlot(data, lines));
    picture.replaceChildren(...parts);
    legend.replaceChildren(...(lines.length > 1 ? lines : []).map((l) => html("li", {}, sampleOf(l), l.name)));
    if (at !== null) read(Math.min(at, x.length - 1), false);
  }

  function read(index, aloud = true) {
    const old = picture.querySelector(".cursor");
    if (old) old.remove();
    at = index;
    if (index === null || !plan || index < 0 || !plan.x.length) return "";
    const { area, px, x, lines } = plan;
    picture.append(svg("path", { class: "cursor", d: `M${near(px(x[index]))} ${area.top}V${area.bottom}` }));
    const head = `${data.xLabel || "x"} ${formatNumber(x[index])}`;
    const text = [head, ...lines.map((l) => `${l.name}: ${formatNumber(data.series[lines.indexOf(l)].values[index])}`)];
    if (aloud) announce(text.join(", "));
    return text.join("\n");
  }

  function nearest(event) {
    const area = picture.getBoundingClientRect();
    const here = event.clientX - area.left;
    let best = null;
    plan.x.forEach((v, i) => {
      if (best === null || Math.abs(plan.px(v) - here) < Math.abs(plan.px(plan.x[best]) - here)) best = i;
    });
    return best;
  }

  picture.addEventListener("pointermove", (event) => {
    if (plan.x.length) tooltip.show(event.clientX, event.clientY, read(nearest(event), false));
  });
  const leave = () => {
    tooltip.hide();
    read(null);
  };
  picture.addEventListener("pointerleave", leave);
  picture.addEventListener("blur", leave);
  picture.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || !plan.x.length) return;
    event.preventDefault();
    event.stopPropagation();
    const text = read(Math.max(0, Math.min(plan.x.length - 1, at === null ? (by > 0 ? 0 : plan.x.length - 1) : at + by)));
    const area = picture.getBoundingClientRect();
    tooltip.show(area.left + plan.px(plan.x[at]), area.top + plan.area.top, text);
  });
  function update(fresh) {
    Object.assign(data, fresh);
    draw();
  }
  let drawnFor = 0;
  new ResizeObserver(() => {
    if (box.clientWidth === drawnFor) return;
    drawnFor = box.clientWidth;
    draw();
  }).observe(box);
  draw();
  return { element: box, update };
}

const near = (v) => Math.round(v * 10) / 10;

function extentOf(lines, log) {
  let [low, high] = [Infinity, -Infinity];
  for (const line of lines) {
    for (const v of line.values) {
      if (!Number.isFinite(v)) continue;
      low = Math.min(low, v);
      high = Math.max(high, v);
    }
  }
  if (low > high) return log ? [0.1, 1] : [0, 1];
  if (low === high) return log ? [low / 2, high * 2] : [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
  return [low, high];
}

// 1, 2 or 5 times a power of ten apart.
function niceTicks(low, high, about) {
  if (!(high > low)) return [low];
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((k) => k * power >= rough * 0.999);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) ticks.push(Number((k * step).toPrecision(12)));
  return ticks;
}

function logTicks(low, high) {
  const ticks = [];
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const every = Math.max(1, Math.ceil((last - first) / 5));
  for (let k = first; k <= last; k += every) ticks.push(Number(`1e${k}`));
  return ticks.length > 1 ? ticks : [low, high];
}

// The line; of more points than pixels the lowest and the highest of each pixel. Marks where it breaks.
function drawCurve(line, { area, px, py, x }) {
  let d = "";
  let lost = "";
  let down = false;
  const each = Math.max(1, Math.ceil(line.values.length / (2 * (area.right - area.left))));
  for (let i = 0; i < line.values.length && i < x.length; i += each) {
    const block = [];
    for (let j = i; j < Math.min(i + each, line.values.length, x.length); j++) {
      if (Number.isFinite(line.values[j])) block.push(j);
      else if (line.given[j] !== null) {
        down = false;
        lost += `M${near(px(x[j])) - 3} ${area.top - 6}l6 6m0 -6l-6 6`;
      }
    }
    const kept = each === 1 ? block : endsOf(block, line.values);
    for (const j of kept) {
      d += `${down ? "L" : "M"}${near(px(x[j]))} ${near(py(line.values[j]))}`;
      if (!down) d += "h0"; // a single point shows as a dot
      down = true;
    }
  }
  const style = { "stroke-dasharray": line.dash };
  const curve = svg("path", { class: "curve", d, ...style });
  curve.style.stroke = line.color;
  return lost ? [curve, svg("path", { class: "lost", d: lost })] : [curve];
}

function endsOf(block, values) {
  if (block.length < 3) return block;
  const low = block.reduce((a, b) => (values[b] < values[a] ? b : a));
  const high = block.reduce((a, b) => (values[b] > values[a] ? b : a));
  return low < high ? [low, high] : low > high ? [high, low] : [low];
}

function sampleOf(line) {
  const curve = svg("path", { class: "curve", d: "M1 6H25", "stroke-dasharray": line.dash });
  curve.style.stroke = line.color;
  return svg("svg", { width: 26, height: 12, "aria-hidden": "true" }, curve);
}

function describePlot(data, lines) {
  const ends = lines.map((l) => `${l.name} ends at ${formatNumber(l.values[Math.min(l.values.length, data.x.length) - 1])}`);
  return `${data.label}: ${ends.join(", ") || "nothing yet"}`;
}
