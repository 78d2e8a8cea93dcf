// The page: a pen, what the network sees, and ten bars.

const element = (id) => document.getElementById(id);
const pad = element("pad");
const ink = pad.getContext("2d", { willReadFrequently: true });
const past = []; // the drawing before each stroke
let pointer = null; // that draws
let last = null; // where it was
let waiting = false; // for the next frame, to show what was drawn

const bars = Array.from({ length: 10 }, (_, digit) => {
  const row = document.createElement("li");
  for (const part of ["digit", "track", "percent"]) row.append(Object.assign(document.createElement("span"), { className: part }));
  const bar = Object.assign(document.createElement("span"), { className: "bar" });
  row.querySelector(".track").append(bar);
  row.querySelector(".digit").textContent = digit;
  element("bars").append(row);
  return { row, bar, percent: row.querySelector(".percent") };
});

/** How much ink each pixel has: the canvas is transparent where nothing was drawn. */
function drawing() {
  const { data } = ink.getImageData(0, 0, pad.width, pad.height);
  return Array.from({ length: pad.height }, (_, y) => Array.from({ length: pad.width }, (_, x) => data[4 * (y * pad.width + x) + 3]));
}

function show() {
  waiting = false;
  const picture = centered(drawing());
  const probabilities = picture && read(picture);
  const best = probabilities ? probabilities.indexOf(Math.max(...probabilities)) : null;
  bars.forEach(({ row, bar, percent }, digit) => {
    const p = probabilities ? probabilities[digit] : 0;
    bar.style.width = `${100 * p}%`;
    percent.textContent = probabilities ? `${(100 * p).toFixed(1)} %` : "";
    row.classList.toggle("best", digit === best);
  });
  element("best").textContent = best ?? "?";
  element("hint").hidden = picture !== null;
  element("clear").disabled = picture === null;
  element("undo").disabled = past.length === 0;
  const seen = element("seen").getContext("2d");
  const pixels = seen.createImageData(28, 28);
  pixels.data.set((picture ?? new Array(784).fill(0)).flatMap((grey) => [grey, grey, grey, 255]));
  seen.putImageData(pixels, 0, 0);
  return best;
}

/** For those who listen to the page: once a stroke is done, not while it is drawn. */
function say(best) {
  element("words").textContent = best === null ? "Nothing is drawn." : `It is ${best === 8 ? "an" : "a"} ${best}.`;
}

/** A line from where the pen was to where it is; a dot where it begins. */
function drawTo(event) {
  const box = pad.getBoundingClientRect();
  const at = [((event.clientX - box.left) / box.width) * pad.width, ((event.clientY - box.top) / box.height) * pad.height];
  ink.lineWidth = 0.07 * pad.width;
  ink.lineCap = ink.lineJoin = "round";
  ink.beginPath();
  ink.moveTo(...(last ?? at));
  ink.lineTo(...at);
  ink.stroke();
  last = at;
}

pad.addEventListener("pointerdown", (event) => {
  if (pointer !== null || event.button !== 0) return;
  event.preventDefault();
  pointer = event.pointerId;
  pad.setPointerCapture(pointer);
  past.push(ink.getImageData(0, 0, pad.width, pad.height));
  drawTo(event);
  show();
});
pad.addEventListener("pointermove", (event) => {
  if (event.pointerId !== pointer) return;
  const between = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  for (const one of between.length ? between : [event]) drawTo(one);
  if (!waiting) requestAnimationFrame(show);
  waiting = true;
});
for (const end of ["pointerup", "pointercancel"]) {
  pad.addEventListener(end, (event) => {
    if (event.pointerId !== pointer) return;
    pointer = last = null;
    say(show());
  });
}

function clear() {
  past.push(ink.getImageData(0, 0, pad.width, pad.height));
  ink.clearRect(0, 0, pad.width, pad.height);
  say(show());
}

function undo() {
  ink.putImageData(past.pop(), 0, 0);
  say(show());
}

element("clear").addEventListener("click", clear);
element("undo").addEventListener("click", undo);
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || pointer !== null) return;
  const button = { c: "clear", z: "undo" }[event.key.toLowerCase()];
  if (button) element(button).click(); // which does nothing while it is disabled
});
show();
document.body.dataset.ready = "yes";
