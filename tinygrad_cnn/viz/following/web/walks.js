// Walks through the net from one number: back to all that it depends on, and on to all that depends on it.

// d (number o of a step) / d (every number before it), by the chain rule from the end: {step: numbers}, and where the
// walk could not pass (`blocked`, steps).
function gradientsOf(step, o) {
  const found = new Map([[step.index, new Float64Array(step.size)]]);
  const blocked = [];
  found.get(step.index)[o] = 1;
  for (let k = step.index; k > 0; k--) {
    const [here, g] = [steps[k], found.get(k)];
    if (!g || here.kind === "input") continue;
    if (!linksOf(here)) {
      blocked.push(here);
      continue;
    }
    const into = here.operands.map((operand) => {
      if (operand.step === null) return null;
      if (!found.has(operand.step)) found.set(operand.step, new Float64Array(steps[operand.step].size));
      return found.get(operand.step);
    });
    if (here.kind in ADJOINT) {
      ADJOINT[here.kind](here, g).forEach((value, i) => (into[0][i] += value));
      continue;
    }
    if (isDense(here, g)) {
      convolvedBack(here, g, into[0]);
      continue;
    }
    const links = linksOf(here);
    for (let at = 0; at < g.length; at++) {
      const slope = g[at];
      if (slope !== 0) links(at, (slot, i, d) => (into[slot][i] += slope * d));
    }
  }
  return { found, blocked };
}

// d (every number after it) / d (number o of a step): the chain rule from the start. {step: numbers}.
function effectsOf(step, o) {
  const found = new Map([[step.index, new Float64Array(step.size)]]);
  const blocked = [];
  found.get(step.index)[o] = 1;
  for (const here of steps.slice(step.index + 1)) {
    const from = here.operands.map((operand) => (operand.step === null ? null : found.get(operand.step)));
    if (!from.some(Boolean)) continue;
    const links = linksOf(here);
    if (!links) {
      blocked.push(here);
      continue;
    }
    if (here.kind in ADJOINT) {
      found.set(here.index, Float64Array.from(DIRECT[here.kind](here, from[0])));
      continue;
    }
    if (here.kind === "conv" && here.operands[1].step === null) {
      found.set(here.index, convolvedOn(here, from[0]));
      continue;
    }
    const tangent = new Float64Array(here.size);
    for (let at = 0; at < here.size; at++) {
      let sum = 0;
      links(at, (slot, i, d) => {
        if (from[slot] && from[slot][i] !== 0) sum += d * from[slot][i];
      });
      tangent[at] = sum;
    }
    found.set(here.index, tangent);
  }
  return { found, blocked };
}

// Which numbers can change it at all, whatever the weights: {step: 1 where}. Where nothing is known, all.
function reachOf(step, o) {
  const found = new Map([[step.index, new Uint8Array(step.size)]]);
  found.get(step.index)[o] = 1;
  for (let k = step.index; k > 0; k--) {
    const [here, mine] = [steps[k], found.get(k)];
    if (!mine) continue;
    const into = here.operands.map((operand) => {
      if (operand.step === null) return null;
      if (!found.has(operand.step)) found.set(operand.step, new Uint8Array(steps[operand.step].size));
      return found.get(operand.step);
    });
    const links = linksOf(here);
    if (!links) into.forEach((marks) => marks && marks.fill(1));
    else if (isDense(here, mine)) convolvedReach(here, mine, into[0]);
    else for (let at = 0; at < mine.length; at++) if (mine[at]) links(at, (slot, i) => (into[slot][i] = 1));
  }
  return found;
}

// Of norms and softmax: the gradient of the input from that of the output, and the change of the output from that of
// the input. With n the normalised numbers, r = 1 / sqrt(var + eps) and h = g w: r (h - mean(h) - n mean(h n)).
const ADJOINT = {
  normalize(step, g) {
    const { weights } = normalized(step);
    return centred(step, g.map((value, o) => value * weights(o)));
  },
  softmax: throughSoftmax,
  log_softmax: (step, g) => softened(step, g, (y, value, sum) => value - Math.exp(y) * sum, (y, value) => value),
};
const DIRECT = {
  normalize(step, t) {
    const { weights } = normalized(step);
    return centred(step, t).map((value, o) => value * weights(o));
  },
  softmax: throughSoftmax,
  log_softmax: (step, t) => softened(step, t, (y, value, sum) => value - sum, (y, value) => Math.exp(y) * value),
};

// Its matrix of derivatives is symmetric: the same way back and on.
function throughSoftmax(step, g) {
  return softened(step, g, (y, value, sum) => y * (value - sum), (y, value) => y * value);
}

function normalized(step) {
  const { own, dims } = step.settings;
  const r = step.array("r");
  const means = step.array("mean");
  const kept = own.map((size, d) => (dims.includes(d) ? 1 : size));
  const place = broadcasting(own, kept);
  const w = step.operands[1];
  const placeOfWeight = w ? broadcasting(own, w.shape) : null;
  return { own, dims, r, means, place, weights: (o) => (w ? w.values[placeOfWeight(o)] : 1) };
}

function centred(step, h) {
  const { own, dims, r, means, place } = normalized(step);
  const x = step.operands[0].values;
  const { offsets, start } = groupsOf(own, dims);
  const y = new Float64Array(h.length);
  for (let o = 0; o < h.length; o++) {
    if (start(o) !== o) continue; // the first of each group does it for all
    const [scale, mean] = [r[place(o)], means[place(o)]];
    let [sum, dot] = [0, 0];
    for (const offset of offsets) {
      sum += h[o + offset];
      dot += h[o + offset] * (x[o + offset] - mean) * scale;
    }
    const n = offsets.length;
    for (const offset of offsets)
      y[o + offset] = scale * (h[o + offset] - sum / n - ((x[o + offset] - mean) * scale * dot) / n);
  }
  return y;
}

function softened(step, g, result, share) {
  const { offsets, start } = groupsOf(step.shape, step.settings.dims);
  const y = new Float64Array(g.length);
  for (let o = 0; o < g.length; o++) {
    if (start(o) !== o) continue;
    let sum = 0;
    for (const offset of offsets) sum += share(step.values[o + offset], g[o + offset]);
    for (const offset of offsets) y[o + offset] = result(step.values[o + offset], g[o + offset], sum);
  }
  return y;
}
