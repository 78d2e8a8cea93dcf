// One level of a layered drawing (Sugiyama, Tagawa and Toda 1981): layers, order within a layer, coordinates.
// Nothing here knows the page. u runs across the flow, v along it; the caller turns them into x and y.
//
// A node is {across, along, order, side, inPort(key), outPort(key), outLine(key), plain, inset}. `side` is "first" or "last"
// for a port on the border of the surrounding group; outLine is where outPort would best be for what follows to stand
// straight. A link is {from, to, key, heavy, slot}. `key` names the tensor: links that carry the same one share their
// bends, so a weight used in fifty places is one line with fifty branches.

function arrangeLevel(nodes, links, space) {
  markBackLinks(nodes, links);
  assignLayers(nodes, links);
  const layers = fillLayers(nodes, links);
  orderLayers(layers);
  placeAcross(layers, space);
  spreadPorts(nodes, links);
  return placeAlong(layers, links, space);
}

// A link into the next block of a row, or one that closes a cycle in another way, runs back beside the others.
function markBackLinks(nodes, links) {
  const outgoing = new Map(nodes.map((n) => [n, []]));
  for (const link of links) {
    link.back = link.recurrent && link.from.order >= link.to.order;
    if (!link.back) outgoing.get(link.from).push(link);
  }
  const state = new Map(); // 1: on the way, 2: done
  for (const start of [...nodes].sort((a, b) => a.order - b.order)) {
    if (state.has(start)) continue;
    const stack = [[start, 0]];
    state.set(start, 1);
    while (stack.length) {
      const top = stack[stack.length - 1];
      const link = outgoing.get(top[0])[top[1]++];
      if (!link) {
        state.set(top[0], 2);
        stack.pop();
      } else if (state.get(link.to) === 1) {
        link.back = true;
      } else if (!state.has(link.to)) {
        state.set(link.to, 1);
        stack.push([link.to, 0]);
      }
    }
  }
}

// Longest path from the sources; then what hangs loose (weights, constants, inputs and what is made of them alone) moves
// down to the operation that uses it, and so does a node with more consumers than inputs.
function assignLayers(nodes, links) {
  const ins = new Map(nodes.map((n) => [n, []]));
  const outs = new Map(nodes.map((n) => [n, []]));
  for (const { from, to, back } of links) {
    if (back) continue;
    ins.get(to).push(from);
    outs.get(from).push(to);
  }
  const waiting = new Map(nodes.map((n) => [n, ins.get(n).length]));
  const sequence = nodes.filter((n) => !waiting.get(n));
  for (const n of nodes) n.layer = n.side === "first" ? 0 : 1;
  for (let i = 0; i < sequence.length; i++) {
    const n = sequence[i];
    n.loose = n.side
      ? n.given
      : ins.get(n).every((p) => p.loose && (outs.get(p).length === 1 || !ins.get(p).length));
    for (const m of outs.get(n)) {
      m.layer = Math.max(m.layer, n.layer + 1);
      waiting.set(m, waiting.get(m) - 1);
      if (!waiting.get(m)) sequence.push(m);
    }
  }
  const inner = nodes.filter((n) => !n.side);
  const last = inner.reduce((most, n) => Math.max(most, n.layer), 0) + 1;
  for (const n of nodes) if (n.side === "last") n.layer = last;
  for (const n of [...sequence].reverse()) {
    const later = outs.get(n);
    if (n.side || !later.length || !(n.loose || later.length > ins.get(n).length)) continue;
    n.layer = later.reduce((least, m) => Math.min(least, m.layer), Infinity) - 1;
  }
}

// Elements of layers: a node, or a bend where a link passes through. A segment joins elements of adjacent layers.
function fillLayers(nodes, links) {
  const layers = [];
  const add = (layer, element) => {
    while (layers.length <= layer) layers.push([]);
    Object.assign(element, { layer, at: layers[layer].length, ups: [], downs: [] });
    layers[layer].push(element);
    return element;
  };
  const join = (a, b, link, weight) => {
    if (!b.node && a.downs.some((s) => s.b === b)) return;
    const long = Boolean(a.node) !== Boolean(b.node); // where both meet, the short way stays straight
    const segment = { a, b, weight: long ? weight / 2 : weight };
    const [above, below] = [a.node, b.node];
    segment.out = above ? above.outLine(link.key) - a.size / 2 : 0; // from the centre
    segment.in = below ? below.inPort(link.key) - b.size / 2 : 0;
    segment.upper = above && a.size ? (0.8 * above.outPort(link.key)) / a.size : 0; // as a part of a place in the order
    segment.lower = !below
      ? 0
      : below.plain
        ? 0.02 * Math.min(link.slot, 10)
        : b.size
          ? (0.8 * below.inPort(link.key)) / b.size
          : 0;
    a.downs.push(segment);
    b.ups.push(segment);
  };
  const element = new Map();
  for (const n of [...nodes].sort((p, q) => p.order - q.order)) {
    element.set(n, add(n.layer, { node: n, size: n.across }));
  }
  const shared = new Map();
  for (const link of links) {
    const weight = link.heavy ? 100 : 1;
    const start = element.get(link.from);
    const end = element.get(link.to);
    if (link.back) {
      link.chain = [start];
      let below = null;
      for (let k = start.layer; k >= end.layer; k--) {
        const bend = add(k, { node: null, size: 0, returns: link });
        if (below) join(bend, below, link, 50);
        link.chain.push(bend);
        below = bend;
      }
      link.chain.push(end);
      continue;
    }
    const name = `${link.from.id}|${link.key}`;
    if (!shared.has(name)) shared.set(name, []);
    const bends = shared.get(name);
    link.chain = [start];
    let before = start;
    for (let k = start.layer + 1; k < end.layer; k++) {
      const bend = bends[k] || (bends[k] = add(k, { node: null, size: 0 }));
      join(before, bend, link, weight);
      link.chain.push(bend);
      before = bend;
    }
    join(before, end, link, weight);
    link.chain.push(end);
  }
  return layers;
}

// Where a segment meets its upper and lower element, as a position in the order of the layer.
function upperPosition(segment) {
  return segment.a.at + segment.upper;
}
function lowerPosition(segment) {
  return segment.b.at + segment.lower;
}

function crossings(layer) {
  const pairs = [];
  for (const e of layer) for (const s of e.downs) pairs.push([upperPosition(s), lowerPosition(s)]);
  pairs.sort((p, q) => p[0] - q[0] || p[1] - q[1]);
  const values = pairs.map((p) => p[1]);
  let count = 0; // inversions, by merging
  for (let width = 1; width < values.length; width *= 2) {
    for (let from = 0; from + width < values.length; from += 2 * width) {
      const left = values.slice(from, from + width);
      const right = values.slice(from + width, from + 2 * width);
      for (let i = 0, j = 0, k = from; i < left.length || j < right.length; k++) {
        if (j >= right.length || (i < left.length && left[i] <= right[j])) values[k] = left[i++];
        else {
          values[k] = right[j++];
          count += left.length - i;
        }
      }
    }
  }
  return count;
}

// Fewer rounds for a level of very many lines: time matters more then.
function effort(layers, rounds) {
  const size = layers.reduce((sum, layer) => sum + layer.length, 0);
  return Math.max(2, Math.round(rounds * Math.min(1, 6000 / size)));
}

// Barycentres, downwards and upwards in turn; the order with the fewest crossings stays.
function orderLayers(layers) {
  const total = () => layers.reduce((sum, layer) => sum + crossings(layer), 0);
  const snapshot = () => layers.map((layer) => [...layer]);
  const restore = (kept) =>
    kept.forEach((order, k) => {
      layers[k] = order;
      order.forEach((e, i) => (e.at = i));
    });
  const sweep = (down) => {
    for (const layer of down ? layers : [...layers].reverse()) {
      for (const e of layer) {
        const near = down ? e.ups : e.downs;
        const place = down ? upperPosition : lowerPosition;
        e.wish = near.length ? near.reduce((sum, s) => sum + place(s), 0) / near.length + e.bias : e.at;
      }
      for (const e of layer) if (e.returns) e.wish = Number.MAX_VALUE; // what runs back keeps to the far side
      layer.sort((p, q) => p.wish - q.wish || p.at - q.at);
      layer.forEach((e, i) => (e.at = i));
    }
  };
  const rounds = effort(layers, 16);
  for (const e of layers.flat()) {
    // of equals the main line stands left, what passes by it next, then weights
    e.bias = !e.node ? 0.1 : [...e.ups, ...e.downs].every((s) => s.weight <= 1) ? 0.2 : 0;
  }
  let best = snapshot();
  let fewest = total();
  for (let round = 0, idle = 0; round < rounds && idle < 6; round++, idle++) {
    sweep(round % 2 === 1);
    const count = total();
    if (count < fewest || round === 0) {
      if (count < fewest) idle = 0;
      fewest = count;
      best = snapshot();
    }
    if (!fewest && round > 1) break;
  }
  restore(best);
  if (fewest) swapNeighbours(layers);
}

function swapNeighbours(layers) {
  const crossed = (p, q) => {
    let count = 0;
    for (const s of p.ups) for (const t of q.ups) if (upperPosition(s) > upperPosition(t)) count++;
    for (const s of p.downs) for (const t of q.downs) if (lowerPosition(s) > lowerPosition(t)) count++;
    return count;
  };
  for (let round = 0, swapped = true; swapped && round < 4; round++) {
    swapped = false;
    for (const layer of layers) {
      if (layer.length > 200) continue;
      for (let i = 0; i + 1 < layer.length; i++) {
        const [p, q] = [layer[i], layer[i + 1]];
        if (p.returns || q.returns || crossed(q, p) >= crossed(p, q)) continue;
        [layer[i], layer[i + 1]] = [q, p];
        [p.at, q.at] = [i + 1, i];
        swapped = true;
      }
    }
  }
}
