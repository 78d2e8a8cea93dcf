// Where things stand across the flow, once their order within the layers is known.

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
  bringBack(layers);
  for (const layer of layers) for (const e of layer) if (e.node) e.node.u = e.c - e.size / 2;
}

// Lines that run back stand as near to all others as they can, straight.
function bringBack(layers) {
  const columns = new Map();
  for (const layer of layers) {
    layer.forEach((e, i) => {
      if (!e.returns) return;
      if (!columns.has(e.returns)) columns.set(e.returns, []);
      columns.get(e.returns).push({ e, before: layer[i - 1], gap: layer.gaps[i - 1] });
    });
  }
  const first = (column) => column.reduce((least, { e }) => Math.min(least, e.at), Infinity);
  for (const column of [...columns.values()].sort((p, q) => first(p) - first(q))) {
    const c = column.reduce((most, { before, gap }) => (before ? Math.max(most, before.c + gap) : most), -Infinity);
    if (c > -Infinity) for (const { e } of column) e.c = c;
  }
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
    const half = n.lead + n.half;
    const reach = Math.max(0, n.half - 14);
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
