// The backprop player: forward through the graph, then backward, one operation a step.

const player = { active: false, at: 0, timer: 0, steps: [{ phase: "start", box: null }] };
const forwardAt = new Map(); // box id to the step that computes it; what is not here was given
const backwardAt = new Map(); // box id to the step at which its gradient is complete

for (const id of picture.forward) {
  if (!boxes.has(id) || !edgesInto.get(id).length) continue;
  forwardAt.set(id, player.steps.length);
  player.steps.push({ phase: "forward", box: boxes.get(id) });
}
for (const id of picture.backward) {
  if (!boxes.has(id)) continue;
  backwardAt.set(id, player.steps.length);
  player.steps.push({ phase: "backward", box: boxes.get(id) });
}
const lastStep = player.steps.length - 1;
const phaseLength = { forward: forwardAt.size, backward: backwardAt.size };

// Gradients flow along an edge whose two ends both get one.
function carries(edge) {
  return backwardAt.has(edge.source) && backwardAt.has(edge.target);
}

// What flowed along the edge: recorded, or known because nothing else was added to it.
function gradientOf(edge) {
  if (edge.gradient) return edge.gradient;
  return edgesFrom.get(edge.source).filter(carries).length === 1 ? boxes.get(edge.source).gradient : null;
}

function sent(edge) {
  return carries(edge) && backwardAt.get(edge.target) <= player.at;
}

function isKnown(box) {
  return !player.active || (forwardAt.get(box.id) || 0) <= player.at;
}

function isComplete(box) {
  return !player.active || (backwardAt.has(box.id) && backwardAt.get(box.id) <= player.at);
}

// What stands in the node at this step; an ellipsis behind a gradient says that more is to come.
function numbersOf(box) {
  const value = isKnown(box) ? briefly(box.value) : null;
  if (isComplete(box)) return { value, gradient: briefly(box.gradient) };
  const carrying = edgesFrom.get(box.id).filter(carries);
  const arrived = carrying.filter(sent).map(gradientOf);
  if (!arrived.length) return { value, gradient: null };
  if (arrived.length === carrying.length) return { value, gradient: briefly(box.gradient) };
  const total = addUp(arrived);
  return { value, gradient: total === null ? "…" : `${formatNumber(total, 3)} …` };
}

// The sum of gradients that are single numbers; null for others.
function addUp(summaries) {
  let total = 0;
  for (const s of summaries) {
    if (!hasNumbers(s) || flatten(s.values).length !== 1) return null;
    total += toNumber(flatten(s.values)[0]);
  }
  return total;
}

// "0.5 + 1.25 = 1.75"
function accumulation(terms, total) {
  if (terms.some((t) => !t)) return null;
  const parts = terms.map((t) => inWords(t)).map((text, i) => (i && text.startsWith("−") ? `(${text})` : text));
  if (!terms.every((t) => hasNumbers(t) && flatten(t.values).length <= 6)) return null;
  return `${parts.join(" + ")} = ${inWords(total)}`;
}

// ------------------------------------------------------------------------------------------------------- the steps
function goTo(step) {
  player.active = true;
  player.at = Math.max(0, Math.min(lastStep, step));
  paintPlayer();
  const { box } = player.steps[player.at];
  if (box) {
    const node = drawn.get(visibleKey(box.id));
    selected = null;
    mark();
    reveal(node.rect);
  }
  panel.replaceChildren(...stepDetails());
  panel.scrollTop = 0;
  if (innerWidth >= 900) openPanel(true);
  const says = element("step-text").textContent;
  announce(`${says}. ${aloud()}`);
}

function aloud() {
  const { phase, box } = player.steps[player.at];
  if (phase === "start") return "Nothing is computed yet.";
  if (box.problem) return `It failed: ${box.problem}`;
  return phase === "forward" ? `Result ${inWords(box.value)}` : `Gradient ${inWords(box.gradient)}`;
}

function stepBy(n) {
  pause();
  goTo(player.active ? player.at + n : n > 0 ? 1 : lastStep);
}

function play() {
  if (player.timer) return pause();
  if (!player.active || player.at === lastStep) goTo(0);
  element("play").classList.add("on");
  element("play").setAttribute("aria-label", "Pause");
  const tick = () => {
    goTo(player.at + 1);
    if (player.at === lastStep) return pause();
    player.timer = setTimeout(tick, 1400 / Number(element("speed").value));
  };
  player.timer = setTimeout(tick, 700 / Number(element("speed").value));
}

function pause() {
  clearTimeout(player.timer);
  player.timer = 0;
  element("play").classList.remove("on");
  element("play").setAttribute("aria-label", "Play");
}

function leavePlayer() {
  pause();
  player.active = false;
  player.at = 0;
  paintPlayer();
  showDetails(selected);
}

// ------------------------------------------------------------------------------------------------------- painting
function paintPlayer() {
  const { phase, box } = player.steps[player.at];
  const now = player.active && box ? visibleKey(box.id) : null;
  canvas.classList.toggle("playing", player.active);
  canvas.classList.toggle("backward", player.active && phase === "backward");
  for (const n of drawn.values()) {
    const members = n.group ? n.group.boxes : [n.box];
    n.element.classList.toggle("now", n.key === now);
    n.element.classList.toggle("waiting", player.active && Boolean(n.content) && !members.some(isKnown));
    n.element.classList.toggle(
      "reached",
      player.active &&
        phase === "backward" &&
        Boolean(n.content) &&
        members.some((b) => backwardAt.has(b.id) && isComplete(b)),
    );
  }
  for (const l of lines) {
    const here = player.active && box && l.edges.some((e) => e.target === box.id);
    l.element.classList.toggle("flows", Boolean(here) && phase === "forward");
    l.element.classList.toggle(
      "returns",
      Boolean(here) && phase === "backward" && l.edges.some((e) => e.target === box.id && carries(e)),
    );
    l.element.classList.toggle("returned", player.active && phase === "backward" && l.edges.some(sent));
    l.element.classList.toggle("ahead", player.active && !l.edges.some((e) => isKnown(boxes.get(e.source))));
  }
  paintChips(phase, box);
  paintNumbers();
  const slider = element("slider");
  slider.value = String(player.at);
  slider.setAttribute("aria-valuetext", stepText());
  element("step-text").textContent = stepText();
  element("bar").classList.toggle("active", player.active);
  element("bar").dataset.phase = player.active ? phase : "";
  element("first").disabled = !player.active || player.at === 0;
  element("previous").disabled = !player.active || player.at === 0;
  element("next").disabled = player.active && player.at === lastStep;
  element("last").disabled = player.active && player.at === lastStep;
  element("leave").hidden = !player.active;
}

function stepText() {
  if (!player.active) {
    const phases = phaseLength.backward ? "the forward and the backward pass" : "the forward pass";
    return lastStep ? `Play ${phases}, step by step` : "Nothing to play";
  }
  const { phase, box } = player.steps[player.at];
  if (phase === "start") return "Start: only what was given is known";
  const nth = phase === "forward" ? player.at : player.at - phaseLength.forward;
  return `${phase === "forward" ? "Forward" : "Backward"} ${nth} of ${phaseLength[phase]}: ${fullName(box)}`;
}

// Gradients on the lines they flow along: all that have flowed in a small graph, those of this step in a large one.
function paintChips(phase, box) {
  const chips = [];
  const taken = [];
  if (player.active && phase === "backward") {
    for (const l of lines) {
      const shown = l.edges.filter((e) => sent(e) && (e.target === box.id || (numbered && l.edges.length === 1)));
      if (shown.length !== 1 && !shown.some((e) => e.target === box.id)) continue;
      const summary = gradientOf(shown[0]);
      const text =
        shown.length > 1
          ? `${shown.length} gradients`
          : summary && (isNorm(summary) ? `‖g‖ ${briefly(summary)}` : briefly(summary));
      if (!text) continue;
      const width = textWidth(text, "mono") + 12;
      const fresh = shown.some((e) => e.target === box.id);
      const at = freePlace(l.bend, width, taken);
      taken.push({ ...at, width });
      chips.push(
        svg(
          "g",
          {
            class: fresh ? "chip fresh" : "chip",
            transform: `translate(${round(at.x)} ${round(at.y)})`,
            "data-edge": shown[0].index,
          },
          svg("rect", { x: -width / 2, y: -9, width, height: 18, rx: 9 }),
          svg("text", { x: 0, y: 4 }, text),
        ),
      );
    }
  }
  element("chips").replaceChildren(...chips);
}

// The middle of a line's last bend, or the next best place on it where no other number stands.
function freePlace([from, to], width, taken) {
  const on = (t) => {
    const slow = t * t * (3 - 2 * t); // the bend leaves and arrives along the flow
    const fast = 1.5 * t * (1 - t) + t ** 3;
    const [s, r] = direction === "LR" ? [fast, slow] : [slow, fast];
    return { x: from.x + (to.x - from.x) * s, y: from.y + (to.y - from.y) * r };
  };
  const free = (p) => taken.every((q) => Math.abs(p.x - q.x) > (width + q.width) / 2 + 3 || Math.abs(p.y - q.y) > 21);
  return [0.5, 0.65, 0.35, 0.8, 0.2, 0.95, 0.05].map(on).find(free) || on(0.5);
}
