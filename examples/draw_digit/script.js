// Strokes are lists of points {x, y, width}, in parts of the drawing's side. Every change of them is a new version; the
// server is asked about the latest one, one question at a time, and what it answers is shown.

const SIDE = 196; // pixels of the picture that is sent
const pad = element("pad");
const sent = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
const ink = sent.getContext("2d", { willReadFrequently: true });

let strokes = [];
let past = []; // what undo takes back: { stroke }, { cleared: strokes }, { kept: strokes, id: promise }
let stroke = null; // the one under the pen
let pointer = null;
let version = 0;
let shown = 0;
let asking = false;
let lost = false; // the last question had no answer
let ended = null; // { version, time } of the last finished stroke
let latest = null; // the answer on show

// ------------------------------------------------------------------------------------------------------------ drawing
function paint(context, side, color) {
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = context.fillStyle = color;
  for (const points of strokes) {
    const at = points.map(({ x, y, width }) => ({ x: x * side, y: y * side, width: width * side }));
    context.beginPath(); // a dot, where the stroke begins
    context.arc(at[0].x, at[0].y, at[0].width / 2, 0, 2 * Math.PI);
    context.fill();
    let [from] = at; // then a curve by every point to the middle before the next
    at.slice(1).forEach((point, i) => {
      const next = at[i + 2];
      const to = next ? { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 } : point;
      context.beginPath();
      context.lineWidth = point.width;
      context.moveTo(from.x, from.y);
      context.quadraticCurveTo(point.x, point.y, to.x, to.y);
      context.stroke();
      from = to;
    });
  }
}

function redraw() {
  const side = Math.round(pad.clientWidth * devicePixelRatio);
  if (pad.width !== side) pad.width = pad.height = side;
  const context = pad.getContext("2d");
  context.clearRect(0, 0, side, side);
  paint(context, side, cssColor(themeColor("--ink")));
  element("hint").hidden = strokes.length > 0;
  element("undo").disabled = past.length === 0;
  element("clear").disabled = strokes.length === 0;
}

function changed() {
  version += 1;
  document.body.dataset.version = version;
  redraw();
  ask();
}

function pointOf(event) {
  const box = pad.getBoundingClientRect();
  const pen = element("pen").value / 100;
  const pressed = event.pointerType === "pen" && event.pressure > 0 ? 0.5 + event.pressure : 1;
  return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height, width: pen * pressed };
}

pad.addEventListener("pointerdown", (event) => {
  if (pointer !== null || event.button !== 0) return;
  event.preventDefault();
  pointer = event.pointerId;
  pad.setPointerCapture(pointer);
  stroke = [pointOf(event)];
  strokes.push(stroke);
  past.push({ stroke });
  say("");
  changed();
});

pad.addEventListener("pointermove", (event) => {
  if (event.pointerId !== pointer) return;
  const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  for (const one of events.length ? events : [event]) stroke.push(pointOf(one));
  changed();
});

function lift(event) {
  if (pointer === null || (event && event.pointerId !== pointer)) return;
  pointer = stroke = null;
  ended = { version: version + 1, time: performance.now() };
  changed();
}
pad.addEventListener("pointerup", lift);
pad.addEventListener("pointercancel", lift);

function clear() {
  lift();
  if (!strokes.length) return;
  past.push({ cleared: strokes });
  strokes = [];
  changed();
}

async function undo() {
  lift();
  const last = past.pop();
  if (!last) return;
  if (last.stroke) strokes.pop();
  else strokes = last.cleared || last.kept;
  changed();
  if (!last.id) return;
  try {
    const id = await last.id;
    if (id === null) return; // it was never kept
    const answer = await post("/forget", new TextEncoder().encode(id));
    say(`Taken back: ${kept(answer)}.`);
  } catch (error) {
    say(error.message, true);
  }
}

// ------------------------------------------------------------------------------------------------------------- asking
async function post(path, body, headers = {}) {
  let response;
  try {
    response = await fetch(path, { method: "POST", body, headers: { "Content-Type": "application/octet-stream", ...headers } });
  } catch {
    throw new Error("The server does not answer: is draw_digit.py still running?");
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(`The server says: ${answer.error}`);
  return answer;
}

function postDrawing(path, headers = {}) {
  ink.fillStyle = "#000";
  ink.fillRect(0, 0, SIDE, SIDE);
  paint(ink, SIDE, "#fff");
  const pixels = ink.getImageData(0, 0, SIDE, SIDE).data;
  const grey = new Uint8Array(SIDE * SIDE);
  for (let i = 0; i < grey.length; i++) grey[i] = pixels[4 * i];
  return post(path, grey, { "X-Width": SIDE, "X-Height": SIDE, ...headers });
}

async function ask() {
  if (asking || shown === version) return;
  asking = true;
  const asked = version;
  try {
    const answer = strokes.length ? await postDrawing("/predict") : null;
    show(strokes.length ? answer : null);
    shown = asked;
    if (lost) say("");
    lost = false;
    requestAnimationFrame(() => arrived(asked));
  } catch (error) {
    lost = true;
    say(error.message, true);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  asking = false;
  ask();
}

function arrived(asked) {
  if (ended && asked >= ended.version) {
    const time = performance.now() - ended.time;
    ended = null;
    document.body.dataset.milliseconds = time;
    if (latest) {
      element("speed").textContent = `${Math.max(1, Math.round(time))} ms from the end of the stroke`;
      announce(element("words").textContent);
    }
  }
  document.body.dataset.shown = asked;
  if (pointer === null) askWhy();
}

// ------------------------------------------------------------------------------------------------------------ keeping
async function keep(digit) {
  lift();
  if (!strokes.length) return say("Draw first, then say which digit it was.");
  const answer = postDrawing("/keep", { "X-Label": digit });
  const action = { kept: strokes, id: answer.then((kept) => kept.id, () => null) };
  past.push(action);
  strokes = [];
  changed();
  try {
    say(`Kept as ${named(digit)}: ${kept(await answer)}. Undo takes it back.`);
  } catch (error) {
    say(error.message, true);
    past = past.filter((one) => one !== action);
    if (!strokes.length) strokes = action.kept;
    changed();
  }
}

function kept({ count, file }) {
  return `${plural(count, "drawing")} in ${file}`;
}

// ------------------------------------------------------------------------------------------------------------- taking
async function take() {
  try {
    const { name, html: text } = await post("/take", new Uint8Array());
    const address = URL.createObjectURL(new Blob([text], { type: "text/html" }));
    html("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000); // by then it is stored
    say(`${name} goes into your downloads: one file that reads digits in any browser, without this program.`);
  } catch (error) {
    say(error.message, true);
  }
}

// ------------------------------------------------------------------------------------------------------------ showing
function say(text, bad = false) {
  element("notice").textContent = text;
  element("notice").classList.toggle("bad", bad);
  element("ask").hidden = text !== "";
}

function named(digit) {
  return `${digit === 8 ? "an" : "a"} ${digit}`;
}

function inWords(p, [first, second]) {
  const sure = p[first] >= 0.9995 ? "over 99.9 %" : `${(100 * p[first]).toFixed(1)} %`;
  const other = p[second] >= 0.001 ? `, or ${named(second)}: ${(100 * p[second]).toFixed(1)} %` : "";
  return `It is ${named(first)}: ${sure}${other}`;
}

function percent(p) {
  return p >= 0.995 ? "100" : p >= 0.01 ? String(Math.round(100 * p)) : p >= 0.001 ? "<1" : "0";
}

function show(answer) {
  latest = answer;
  const p = answer ? answer.probabilities : null;
  const order = p ? [...p.keys()].sort((a, b) => p[b] - p[a]) : [];
  document.querySelectorAll(".column").forEach((column, digit) => {
    column.classList.toggle("best", digit === order[0]);
    column.querySelector(".percent").textContent = p ? percent(p[digit]) : "";
    column.querySelector(".bar").style.height = p ? `${100 * p[digit]}%` : "0";
  });
  element("best").textContent = p ? order[0] : "";
  element("words").textContent = p ? inWords(p, order) : "What is it?";
  element("cam-text").textContent = `strokes and gaps that speak for ${p ? named(order[0]) : "its digit"}`;
  if (!p) element("speed").textContent = "";
  showInside();
}

function mix(a, b, part) {
  return a.map((value, i) => value + part * (b[i] - value));
}

function showInside() {
  const [paper, black, above] = ["--paper", "--ink", "--above"].map(themeColor);
  const digit = latest ? bytesOf(latest.picture, Uint8Array) : new Uint8Array(784);
  const heat = latest ? bytesOf(latest.cam, Uint8Array) : new Uint8Array(784);
  paintCells(element("cam"), 28, 28, (i) => mix(mix(paper, black, (0.6 * digit[i]) / 255), above, (0.8 * heat[i]) / 255));
  showLayers(latest, digit);
}

// ------------------------------------------------------------------------------------------------------------ the page
for (let digit = 0; digit < 10; digit++) {
  const title = `It was ${named(digit)}: keep the drawing`;
  const bar = html("span", { class: "track" }, html("span", { class: "bar" }));
  const button = html("button", { title, "aria-label": title, onclick: () => keep(digit) }, String(digit));
  const column = html("div", { class: "column" }, html("span", { class: "percent" }), bar, button);
  element("chart").append(column);
}
element("undo").addEventListener("click", undo);
element("clear").addEventListener("click", clear);
element("take").addEventListener("click", take);

addEventListener("keydown", (event) => {
  const key = event.key.toLowerCase();
  if (event.target.closest("select")) return;
  if (event.altKey || event.repeat || ((event.ctrlKey || event.metaKey) && key !== "z")) return;
  if (key === "z") undo();
  else if (key === "c") clear();
  else if (/^[0-9]$/.test(key)) keep(Number(key));
  else return;
  event.preventDefault();
});

new ResizeObserver(redraw).observe(pad);
element("top").append(themeButton());
onTheme(() => {
  redraw();
  showInside();
  showWhy();
});
show(null);
Object.assign(document.body.dataset, { version, shown, ready: "yes" });
