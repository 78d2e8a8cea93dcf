// One number is current; all that is on the page hangs on it.

const PAUSE = 60; // milliseconds until the walks begin: who runs over a map with the arrow keys does not wait for them
// What the walks find, before they have been.
const unwalked = () => ({ reach: new Map(), gradients: new Map(), heat: new Map(), blockedBefore: [], blockedAfter: [] });
const current = { step: null, o: 0, channel: 0, mode: "values", picked: 0, ...unwalked() };
const before = []; // numbers that were current
let walking = null;

// Make a number current. `light` is for the sweep, which passes by: no history, no speech.
function select(step, o, light = false) {
  if (current.step === step && current.o === o && current.picked) return;
  if (!light) {
    stopSweep();
    if (current.step) before.push([current.step, current.o]);
  }
  if (step !== current.step) current.channel = -1;
  Object.assign(current, { step, o, ...unwalked() });
  current.picked += 1;
  const written = layMade();
  const shown = layStrip();
  const own = cardOf(step);
  const [picture, row, column] = picturesOf(step).placeOf(o);
  show(own, picture);
  if (!light) own.tile.pick(row, column); // from where the arrow keys go on
  for (const card of shown) if (card !== own) markWindow(card, written);
  chooser.value = String(step.index);
  back.disabled = !before.length;
  layLowered();
  scrollToCurrent();
  if (!light) announce(`${cellName(step, o)} is ${formatNumber(step.values[o])}`);
  document.body.dataset.walked = "";
  clearTimeout(walking);
  walking = setTimeout(walk, light ? 4 * BEAT : PAUSE);
}

// At once, before the walks: the window in the layer right before.
function markWindow(card, written) {
  const slot = current.step.operands.findIndex(({ step }) => step === card.step.index);
  for (const name of ["picked", "reach", "effect"]) card.tile.mark(name, null);
  if (slot < 0) return;
  const marks = new Uint8Array(card.step.size);
  const links = linksOf(current.step);
  if (links) links(current.o, (s, i) => current.step.operands[s].step === card.step.index && (marks[i] = 1));
  const found = new Map([[card.step.index, marks]]);
  const term = written.how === "products" && written.terms.find(({ c, i }) => c === current.channel && i >= 0);
  const picture = term ? picturesOf(card.step).placeOf(term.i)[0] : strongestPicture(card.step, found);
  current.reach.set(card.step.index, marks);
  show(card, picture === null ? card.picture : picture);
}

function walk() {
  const { step, o } = current;
  const [back, on] = [gradientsOf(step, o), effectsOf(step, o)];
  current.reach = reachOf(step, o);
  current.gradients = back.found;
  current.blockedBefore = back.blocked;
  current.blockedAfter = on.blocked;
  current.heat = new Map([...back.found, ...on.found]);
  for (const { index } of shownSteps()) {
    const card = cardOf(steps[index]);
    const direct = step.operands.some((operand) => operand.step === index);
    const picture = index === step.index || direct ? null : strongestPicture(card.step, current.heat);
    show(card, picture === null ? card.picture : picture);
  }
  layField();
  layAfter();
  layEnds();
  document.body.dataset.walked = String(current.picked);
}

const chooser = html("select", { "aria-label": "layer", onchange: () => selectLayer(Number(chooser.value)) });
const back = html("button", { type: "button", disabled: true, onclick: goBack }, "Back");
const modes = html(
  "button",
  {
    type: "button",
    "aria-pressed": "false",
    onclick: switchMode,
    title: "Earlier maps: |d this number / d theirs|. Later maps: |d theirs / d this number|.",
  },
  "Show influence",
);

function goBack() {
  if (!before.length) return;
  const [step, o] = before.pop();
  select(step, o);
  before.pop();
  back.disabled = !before.length;
}

function switchMode() {
  current.mode = current.mode === "values" ? "influence" : "values";
  modes.setAttribute("aria-pressed", String(current.mode === "influence"));
  for (const { index } of shownSteps()) show(cardOf(steps[index]), cardOf(steps[index]).picture);
}

// To the number of a layer that has most to do with the current one.
function selectLayer(index) {
  const found = current.heat.get(index);
  const numbers = found || steps[index].values;
  select(steps[index], placeOfMost(numbers, Math.abs));
}

// The page opens with the number, of the first layer that has windows, that speaks most for what the net says.
function firstNumber() {
  const end = steps[told.outputs[0]];
  const scores = end.shape.length === 2 && end.shape[0] === 1;
  const first = steps.find(({ kind }) => kind === "conv") || steps.find(({ kind }) => kind === "linear") || end;
  const slope = gradientsOf(end, scores ? saidClass() : Math.floor(end.size / 2)).found.get(first.index);
  const worth = slope ? slope.map((g, k) => g * first.values[k]) : first.values;
  return [first, placeOfMost(worth)];
}

function lookUp() {
  const end = steps[told.outputs[0]];
  if (end.shape.length !== 2 || end.shape[0] !== 1 || end.size < 2)
    return `${plural(steps.length, "step")} from the input to ${formatShape(end.shape)}`;
  const k = saidClass();
  const which = told.target === null ? "the largest is" : "asked for is";
  return `Of ${end.size} outputs, ${which} ${classNamed(k)}: ${formatNumber(end.values[k])}. Pick any number of any map.`;
}

element("top").querySelector("h1").textContent = told.title;
element("says").textContent = lookUp();
for (const step of steps)
  chooser.append(
    html(
      "option",
      { value: step.index },
      `${titleOf(step)}${step.name === step.op ? "" : ` (${step.op})`} ${formatShape(step.shape)}`,
    ),
  );
element("tools").append(chooser, back, modes, themeButton());
select(...firstNumber());
calm.addEventListener("change", stopSweep);
// For who wants the numbers behind the page, as its tests do.
document.documentElement.follow = { steps, writtenOf, gradientsOf, effectsOf, reachOf, select, functions: FUNCTIONS };
document.body.dataset.ready = "yes";
