// The maps of the layers, side by side. Small nets are shown whole, of large ones the way around the current step.

const WHOLE = 14;
const AROUND = 4;
const cards = new Map();

function cardOf(step) {
  if (cards.has(step.index)) return cards.get(step.index);
  const { count, rows, columns, numberAt, cut } = picturesOf(step);
  const card = { step, picture: 0, tile: null, element: null, chooser: null };
  const longer = Math.max(rows, columns);
  card.tile = arrayTile({
    rows,
    columns,
    values: cut(step.values, 0),
    scale: scaleOf(step),
    label: titleOf(step),
    size: Math.max(Math.min(132, longer * 13), 24),
    onpick(row, column) {
      const o = numberAt(card.picture, row, column);
      if (o >= 0) select(step, o);
    },
    describe(row, column) {
      const o = numberAt(card.picture, row, column);
      return o < 0 ? "" : `${cellName(step, o)} = ${formatNumber(step.values[o])}`;
    },
  });
  if (count > 1) {
    card.chooser = html("select", {
      "aria-label": `channel of ${titleOf(step)}`,
      onchange: () => show(card, Number(card.chooser.value)),
    });
    for (let k = 0; k < count; k++) card.chooser.append(html("option", { value: k }, `channel ${k} of ${count}`));
  }
  const reads = step.operands
    .filter(({ step: from }) => from !== null && from !== step.index - 1)
    .map(({ step: from }) => from);
  card.element = html(
    "article",
    { class: "card", "data-step": step.index, "aria-label": titleOf(step) },
    html("h2", {}, titleOf(step)),
    html("p", {}, step.name === step.op ? formatShape(step.shape) : `${step.op} ${formatShape(step.shape)}`),
    html("div", { class: "frame" }, card.tile.element),
    card.chooser,
    reads.length ? html("p", {}, `reads ${reads.join(" and ")}`) : null,
  );
  card.element.addEventListener("keydown", followBack, { capture: true });
  cards.set(step.index, card);
  return card;
}

// Enter on a map goes back to the number that did most for this one.
function followBack(event) {
  if (event.key !== "Enter" || !event.target.classList.contains("tile")) return;
  event.preventDefault();
  event.stopPropagation();
  const next = strongestBefore(current.step, current.o);
  if (next) {
    select(...next);
    cardOf(next[0]).tile.element.focus();
  }
}

// The number in the layer before that did most: [step, place].
function strongestBefore(step, o) {
  const links = linksOf(step);
  if (!links) return null;
  let [best, found] = [-1, null];
  links(o, (slot, i, d) => {
    const share = Math.abs((Number.isNaN(d) ? 1 : d) * step.operands[slot].values[i]);
    if (share > best) [best, found] = [share, [steps[step.operands[slot].step], i]];
  });
  return found;
}

// Another channel of a card, with what is marked on it.
function show(card, picture) {
  card.picture = picture;
  if (card.chooser) card.chooser.value = String(picture);
  const { cut } = picturesOf(card.step);
  const heat = current.mode === "influence" && card.step !== current.step && current.heat.get(card.step.index);
  if (heat) {
    let most = 0;
    for (const value of heat) most = Math.max(most, Math.abs(value));
    card.tile.update(
      cut(heat, picture).map((value) => (value === null ? null : Math.abs(value))),
      withGaps(colorScale("heat", 0, most)),
    );
  } else card.tile.update(cut(card.step.values, picture), scaleOf(card.step));
  mark(card);
}

function mark(card) {
  const { step, picture, tile } = card;
  const [here, row, column] = step === current.step ? picturesOf(step).placeOf(current.o) : [-1];
  tile.mark("picked", here === picture ? [[row, column]] : null);
  tile.mark("reach", step.index < current.step.index ? cellsOf(step, picture, current.reach) : null);
  tile.mark("effect", step.index > current.step.index ? cellsOf(step, picture, current.heat) : null);
}

// The cells of one channel where a walk left something.
function cellsOf(step, picture, walk) {
  const marks = walk.get(step.index);
  if (!marks) return null;
  const { per, columns } = picturesOf(step);
  const cells = [];
  for (let k = 0; k < per; k++) if (marks[picture * per + k] !== 0) cells.push([Math.floor(k / columns), k % columns]);
  return cells;
}

// The channel in which a walk found most.
function strongestPicture(step, walk) {
  const marks = walk.get(step.index);
  if (!marks) return null;
  const { count, per } = picturesOf(step);
  let [best, at] = [0, null];
  for (let p = 0; p < count; p++) {
    let sum = 0;
    for (let k = p * per; k < (p + 1) * per; k++) sum += Math.abs(marks[k]);
    if (sum > best) [best, at] = [sum, p];
  }
  return at;
}

function shownSteps() {
  if (steps.length <= WHOLE) return steps;
  const wanted = new Set([0, ...told.outputs]);
  const back = (step, depth) => {
    wanted.add(step.index);
    if (depth)
      step.operands.forEach(
        ({ step: from }, slot) => from !== null && back(steps[from], slot === mainOperand(step) ? depth - 1 : 0),
      );
  };
  const on = (step, depth) => {
    wanted.add(step.index);
    if (depth) step.consumers.forEach(({ step: next }, k) => on(next, k === 0 ? depth - 1 : 0));
  };
  back(current.step, AROUND);
  on(current.step, AROUND);
  return steps.filter(({ index }) => wanted.has(index));
}

function layStrip() {
  const strip = element("strip");
  const shown = shownSteps();
  const wanted = shown.map(({ index }) => index).join();
  if (strip.dataset.shown !== wanted) {
    const focused = document.activeElement;
    strip.dataset.shown = wanted;
    strip.replaceChildren();
    shown.forEach((step, k) => {
      const next = k && step.index - shown[k - 1].index === 1;
      if (k) strip.append(html("span", { class: "between", "aria-hidden": "true" }, next ? "→" : "⋯"));
      strip.append(cardOf(step).element);
    });
    if (strip.contains(focused)) focused.focus({ preventScroll: true });
  }
  for (const step of shown) cardOf(step).element.classList.toggle("current", step === current.step);
  for (const step of shown) cardOf(step).element.setAttribute("aria-current", String(step === current.step));
  return shown.map(cardOf);
}

// Bring the current card into sight, within the strip alone.
function scrollToCurrent() {
  const [strip, card] = [element("strip"), cardOf(current.step).element];
  const [left, width] = [card.offsetLeft - strip.offsetLeft, card.offsetWidth];
  if (left < strip.scrollLeft || left + width > strip.scrollLeft + strip.clientWidth)
    strip.scrollTo({ left: left - (strip.clientWidth - width) / 2, behavior: calm.matches ? "auto" : "smooth" });
}
