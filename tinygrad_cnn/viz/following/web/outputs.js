// What happens with the number: in the next steps, and at the end.

const RANKED = 10; // outputs that are listed
const OFF = ". Here it ends: the slope is 0, and nothing later changes with it";
const SEARCHED = 3e6; // links that are looked through to find where a number goes

function layAfter() {
  const box = element("after").querySelector(".inside");
  const lines = [];
  let [step, o] = [current.step, current.o];
  for (let k = 0; k < 8 && step.consumers.length; k++) {
    if (step.consumers.length > 1) {
      lines.push(
        html(
          "li",
          {},
          `then ${step.consumers.length} layers read it: `,
          ...step.consumers.flatMap(({ step: next }, j) => [j ? ", " : "", layerLink(next)]),
        ),
      );
      break;
    }
    const next = nextOf(step, o);
    lines.push(next.line);
    if (next.at < 0) break;
    [step, o] = [next.step, next.at];
  }
  if (told.outputs.includes(step.index) && !step.consumers.length)
    lines.push(
      html("li", {}, step === current.step ? "It is an output of the net." : "and that is an output of the net."),
    );
  box.replaceChildren(html("ol", {}, lines));
}

function layerLink(step) {
  const strongest = () => {
    const effect = current.heat.get(step.index);
    return effect ? placeOfMost(effect, Math.abs) : 0;
  };
  return html("button", { type: "button", class: "link", onclick: () => select(step, strongest()) }, titleOf(step));
}

// One step on, where the number has one way to go. `at` is where it is then, or -1 where it went into many.
function nextOf(step, o) {
  const { step: next, slot } = step.consumers[0];
  const spread = ["conv", "transposed", "linear", "matmul", "normalize", "softmax", "log_softmax"].includes(next.kind);
  const places = spread || next.size * 16 > SEARCHED ? [] : dependentsOf(next, slot, o, 65);
  const value = formatNumber(step.values[o]);
  if (places.length === 1 && next.kind === "max_pool") {
    const at = places[0];
    const winner = winnerOf(next, at);
    const count = writtenOf(next, at).terms.length;
    const words =
      winner === o
        ? `it won, the largest of ${count}: `
        : `it lost: of ${count}, ${formatNumber(next.values[at])} was larger: `;
    return {
      step: next,
      at: winner === o ? at : -1,
      line: html("li", {}, `then ${nameOf(next)}: ${words}`, cellLink(next, at)),
    };
  }
  if (places.length === 1) {
    const at = places[0];
    const result = formatNumber(next.values[at]);
    const words =
      next.kind === "move" ? "it goes to " : next.op === "relu" ? `max(${value}, 0) = ${result}: ` : `${result}: `;
    const effect = current.heat.get(next.index);
    const off = effect && effect[at] === 0;
    const line = html("li", {}, `then ${nameOf(next)}: ${words}`, cellLink(next, at), off ? OFF : null);
    return { step: next, at: off ? -1 : at, line };
  }
  if (places.length > 1 && next.kind === "max_pool") {
    const won = places.filter((at) => winnerOf(next, at) === o).length;
    return {
      step: next,
      at: -1,
      line: html("li", {}, `then ${layerName(next)}: it won in ${won} of ${places.length} windows: `, layerLink(next)),
    };
  }
  const effect = current.heat.get(next.index);
  const many = effect ? effect.reduce((n, x) => n + (x !== 0), 0) : places.length;
  return {
    step: next,
    at: -1,
    line: html("li", {}, `then it goes into ${plural(many, "number")} of `, layerLink(next)),
  };
}

function layerName(step) {
  return step.name === step.op ? step.op : `${step.name} (${step.op})`;
}

function layEnds() {
  const box = element("ends").querySelector(".inside");
  const end = steps[told.outputs[0]];
  const effect = current.heat.get(end.index);
  const notes = blockedNote(current.blockedAfter, "The walk on ends");
  if (!effect)
    return box.replaceChildren(
      html("p", {}, "No output of the net hangs on it by a way this page can follow."),
      ...notes,
    );
  if (end === current.step) return box.replaceChildren(html("p", {}, "It is an output of the net itself."), ...notes);
  if (end.shape.length === 2 && end.shape[0] === 1) box.replaceChildren(...scoresOf(end, effect), ...notes);
  else {
    const touched = effect.reduce((n, value) => n + (value !== 0), 0);
    const strongest = placeOfMost(effect, Math.abs);
    box.replaceChildren(
      html(
        "p",
        {},
        `It moves ${formatCount(touched)} of the ${plural(end.size, "number")} of the output, most `,
        cellLink(end, strongest),
        `: by ${formatNumber(effect[strongest])} for each 1.`,
      ),
      ...notes,
    );
  }
}

function scoresOf(end, effect) {
  const value = current.step.values[current.o];
  const says = saidClass();
  const order = Array.from(effect.keys());
  if (order.length > RANKED) order.sort((a, b) => Math.abs(effect[b]) - Math.abs(effect[a]));
  const shown = order.slice(0, RANKED);
  if (!shown.includes(says)) shown[shown.length - 1] = says;
  const most = shown.reduce((top, k) => Math.max(top, Math.abs(effect[k] * value)), 0);
  const rows = shown.map((k) =>
    html(
      "tr",
      { class: k === says ? "now" : "", "data-output": k, "data-share": effect[k] * value },
      html("th", { scope: "row" }, cellLink(end, k, classNamed(k))),
      html("td", {}, formatNumber(end.values[k])),
      html("td", {}, formatNumber(effect[k] * value, 3)),
      bar(effect[k] * value, most),
    ),
  );
  return [
    html("div", { class: "scroll" }, tableOf({ class: "list" }, headOf(["output", "score", "this number's part"]), rows)),
    html(
      "p",
      { class: "note" },
      "Its part is gradient × value: what each score would lose if this number were 0 and all stayed linear.",
    ),
  ];
}

// The output that the page is about: the one asked for, or the largest.
function saidClass() {
  if (told.target !== null) return told.target;
  const { values } = steps[told.outputs[0]];
  return placeOfMost(values);
}
