// One level of a layered drawing (Sugiyama, Tagawa and Toda 1981): layers, order within a layer, coordinates.
// Nothing here knows the page. u runs across the flow, v along it; the caller turns them into x and y.
//
// A node is {across, along, order, side, inPort(key), outPort(key), outLine(key), plain}. `side` is "first" or "last"
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
        const bend = add(k, { node: null, size: 0, returns: true });
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
        if (crossed(q, p) >= crossed(p, q)) continue;
        [layer[i], layer[i + 1]] = [q, p];
        [p.at, q.at] = [i + 1, i];
        swapped = true;
      }
    }
  }
}

// The least squares solution of c[i] near wish[i] under c[i + 1] - c[i] >= gap[i]: isotonic regression by pooling
// adjacent violators.
function pool(wishes, weights, gaps) {
  const blocks = [];
  let shift = 0;
  wishes.forEach((wish, i) => {
    if (i) shift += gaps[i - 1];
    let block = { sum: weights[i] * (wish - shift), weight: weights[i], count: 1 };
    while (
      blocks.length &&
      blocks[blocks.length - 1].sum / blocks[blocks.length - 1].weight >= block.sum / block.weight
    ) {
      const before = blocks.pop();
      block = { sum: before.sum + block.sum, weight: before.weight + block.weight, count: before.count + block.count };
    }
    blocks.push(block);
  });
  const result = [];
  shift = 0;
  for (const { sum, weight, count } of blocks) {
    for (let k = 0; k < count; k++) {
      if (result.length) shift += gaps[result.length - 1];
      result.push(sum / weight + shift);
    }
  }
  return result;
}

// Each element wishes to stand straight below (above) those it hangs on; the heaviest of its links decide.
function placeAcross(layers, space) {
  const separation = (p, q) =>
    (p.size + q.size) / 2 + (p.node && q.node ? space.nodes : p.node || q.node ? space.nodeAndLine : space.lines);
  for (const layer of layers) {
    layer.gaps = layer.slice(1).map((q, i) => separation(layer[i], q));
    let c = -layer.gaps.reduce((sum, g) => sum + g, 0) / 2;
    layer.forEach((e, i) => (e.c = i ? (c += layer.gaps[i - 1]) : c));
  }
  const fromAbove = (s) => s.a.c + s.out - s.in;
  const fromBelow = (s) => s.b.c + s.in - s.out;
  const settle = (layer, up, down, last) => {
    if (!layer.length) return;
    const weights = [];
    const wishes = layer.map((e) => {
      const near = last && e.ups.length ? [[1e4, e.c]] : [];
      if (up) for (const s of e.ups) near.push([s.weight, fromAbove(s)]);
      if (down) for (const s of e.downs) near.push([s.weight, fromBelow(s)]);
      const most = near.reduce((m, [w]) => Math.max(m, w), 0);
      weights.push(most || 0.1);
      if (!most) return e.c;
      const chosen = near.filter(([w]) => w === most);
      return chosen.reduce((sum, [, c]) => sum + c, 0) / chosen.length;
    });
    pool(wishes, weights, layer.gaps).forEach((c, i) => (layer[i].c = c));
  };
  for (let round = 0; round < effort(layers, 6); round++) {
    for (const layer of layers) settle(layer, true, false);
    for (const layer of [...layers].reverse()) settle(layer, false, true);
  }
  for (let round = 0; round < effort(layers, 4); round++) {
    for (const layer of layers) settle(layer, true, true);
    for (const layer of [...layers].reverse()) settle(layer, true, true);
  }
  for (const layer of layers) settle(layer, true, false); // exactly below
  for (const layer of [...layers].reverse()) settle(layer, false, true, true); // and sources exactly above
  for (const layer of layers) for (const e of layer) if (e.node) e.node.u = e.c - e.size / 2;
}

// Lines enter an operation side by side, each on the side it comes from.
function spreadPorts(nodes, links) {
  const entering = new Map();
  for (const link of links) {
    link.startAt = link.from.outPort(link.key);
    link.endAt = link.to.inPort(link.key);
    if (!link.to.plain) continue;
    if (!entering.has(link.to)) entering.set(link.to, []);
    entering.get(link.to).push(link);
  }
  for (const [n, arriving] of entering) {
    if (arriving.length < 2) continue;
    const half = n.across / 2;
    const reach = Math.max(0, half - 14);
    for (const link of arriving) {
      const before = link.chain[link.chain.length - 2];
      const from = before.node ? before.node.u + before.node.outPort(link.key) : before.c;
      link.wish = Math.max(-reach, Math.min(reach, 0.6 * (from - n.u - half)));
    }
    arriving.sort((p, q) => p.wish - q.wish || p.slot - q.slot);
    const last = arriving.length - 1;
    const gap = Math.min(16, (2 * reach) / last);
    const wishes = arriving.map((l, i) => Math.max(i * gap - reach, Math.min(reach - (last - i) * gap, l.wish)));
    const offsets = pool(
      wishes,
      arriving.map((l) => (l.heavy ? 100 : 1)),
      arriving.slice(1).map(() => gap),
    );
    arriving.forEach((link, i) => (link.endAt = half + offsets[i]));
  }
}
