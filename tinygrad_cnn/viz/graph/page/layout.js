// Layout of the nested graph: each open group is laid out on its own and is one node of the level around it, so no
// foreign node can stand in it. A line that crosses a border does so at a port, which both levels know.
//
// scene: {items: [{key, parent, width, height, order}], groups: [{key, parent, label, order}],
//         edges: [{source, target, heavy, slot, recurrent, given}]}, all by key; parent is a group's key or null.
// An item with `beside`, the key of another, stands beside that one, as what it alone uses: a weight or a bias.
// The result gives items and groups x, y, width, height, and edges a `path` and its last `bend`, where a label can be.

function layoutScene(scene, direction, space) {
  const across = direction === "LR" ? "height" : "width";
  const along = direction === "LR" ? "width" : "height";
  const tree = buildTree(scene, across, along);
  const items = new Map(scene.items.map((item) => [item.key, item]));
  const short = (e) => e.source === e.target || (items.has(e.source) && items.get(e.source).beside === e.target);
  const edges = scene.edges.filter((e) => !short(e));
  routeThroughLevels(edges, tree);
  const pads =
    direction === "LR"
      ? { start: space.pad + 6, end: space.pad + 6, low: space.header + 6, high: space.pad, least: 0 }
      : { start: space.header + 10, end: space.pad + 4, low: space.pad, high: space.pad, least: 1 };
  const size = arrangeContainer(tree.get(null), tree, pads, space, direction);
  settlePositions(tree.get(null), 0, 0, tree);
  const put = (thing, u, v) => ([thing.x, thing.y] = direction === "LR" ? [v, u] : [u, v]);
  for (const g of scene.groups) {
    const c = tree.get(g.key);
    put(g, c.u, c.v);
    [g.width, g.height] = direction === "LR" ? [c.along, c.across] : [c.across, c.along];
  }
  for (const item of scene.items) {
    const c = tree.get(item.beside || item.key);
    const nth = item.beside ? c.beside.indexOf(item) : -1;
    const lead = nth < 0 ? c.lead : nth ? c.lead + 2 * c.half + BESIDE : 0;
    put(item, c.u + lead, c.v + (c.along - item[along]) / 2);
  }
  for (const edge of edges) traceEdge(edge, direction);
  for (const edge of scene.edges) {
    if (edge.source === edge.target) traceLoop(edge, items.get(edge.source), direction);
    else if (short(edge)) traceShort(edge, items.get(edge.source), items.get(edge.target), direction);
  }
  [scene.width, scene.height] = direction === "LR" ? [size.along, size.across] : [size.across, size.along];
  return scene;
}

// Weights and constants that one operation alone uses stand beside it, two at most: that saves a layer above each.
function standBeside(items, edges) {
  const nodes = new Map(items.map((item) => [item.key, { item, uses: [], beside: 0 }]));
  for (const e of edges) if (nodes.has(e.source)) nodes.get(e.source).uses.push(e);
  for (const { item, uses } of nodes.values()) {
    const user = uses.length === 1 && !uses[0].recurrent ? nodes.get(uses[0].target) : null;
    if (!user || !item.box || !LOOK.beside.includes(item.box.kind)) continue;
    if (user.item.parent !== item.parent || user.item.beside || user.beside === 2) continue;
    if (user.uses.some((e) => e.source === e.target)) continue; // where its loop runs
    item.beside = user.item.key;
    user.beside++;
  }
}

const BESIDE = 20; // between a node and what stands beside it

function buildTree(scene, across, along) {
  const tree = new Map();
  const add = (key, parent, more) => {
    const node = { id: key, parent, plain: true, side: null, lead: 0, inset: 0, ...more };
    node.inPort = node.outPort = node.outLine = () => node.lead + node.half;
    tree.set(key, node);
    return node;
  };
  add(null, undefined, { children: [], ports: new Map(), links: new Map(), order: 0 });
  for (const g of scene.groups) {
    const node = add(g.key, g.parent, {
      children: [],
      ports: new Map(),
      links: new Map(),
      order: g.order,
      label: g.label,
    });
    node.plain = false;
    const offset = (side) => (key) => {
      const port = node.ports.get(`${side}|${key}`);
      return port ? port.u + node.shift : node.across / 2;
    };
    node.inPort = offset("first");
    node.outPort = offset("last");
    // What follows stands below the point where the line came in, or a row of lopsided groups would drift aside.
    node.outLine = (key) => {
      const entries = [...node.ports.values()].filter((p) => p.side === "first");
      if (!entries.length || node.ports.size > entries.length + 1) return node.outPort(key);
      return entries.reduce((a, b) => (a.order >= b.order ? a : b)).u + node.shift;
    };
  }
  const beside = new Map(scene.items.map((item) => [item.key, []]));
  for (const item of scene.items) if (item.beside) beside.get(item.beside).push(item);
  for (const item of scene.items.filter((i) => !i.beside)) {
    const more = beside.get(item.key);
    const sizes = more.map((i) => i[across] + BESIDE);
    const depth = Math.max(item[along], ...more.map((i) => i[along]));
    add(item.key, item.parent, {
      across: item[across] + sizes.reduce((sum, size) => sum + size, 0),
      along: depth,
      order: item.order,
      beside: more,
      lead: sizes[0] || 0, // to the node itself
      half: item[across] / 2,
      inset: (depth - item[along]) / 2,
    });
  }
  for (const [key, node] of tree) if (key !== null) tree.get(node.parent).children.push(node);
  return tree;
}

function portOf(container, side, key, order, given = false) {
  const name = `${side}|${key}`;
  if (!container.ports.has(name)) {
    const port = {
      id: name,
      across: 0,
      along: 0,
      order,
      side,
      given,
      plain: false,
      inset: 0,
      inPort: () => 0,
      outPort: () => 0,
      outLine: () => 0,
    };
    container.ports.set(name, port);
  }
  return container.ports.get(name);
}

// Each edge becomes one link in every level it passes: out of the groups around its source, across, into those
// around its target.
function routeThroughLevels(edges, tree) {
  const chain = (key) => {
    const list = [tree.get(key)];
    while (list[list.length - 1].id !== null) list.push(tree.get(list[list.length - 1].parent));
    return list;
  };
  const link = (edge, container, from, to, recurrent = false) => {
    const single = to.plain ? `|${edge.slot}` : "";
    const name = `${from.id}>${to.id}|${edge.source}${single}${recurrent ? "|back" : ""}`;
    let found = container.links.get(name);
    if (!found) {
      found = { from, to, key: edge.source, heavy: false, slot: edge.slot, recurrent, container };
      container.links.set(name, found);
    }
    found.heavy = found.heavy || edge.heavy;
    edge.parts.push(found);
  };
  for (const edge of edges) {
    edge.parts = [];
    const sources = chain(edge.source);
    const targets = chain(edge.target);
    while (sources[sources.length - 2] === targets[targets.length - 2]) {
      sources.pop();
      targets.pop();
    }
    const order = sources[0].order;
    for (let i = 0; i + 2 < sources.length; i++) {
      link(edge, sources[i + 1], sources[i], portOf(sources[i + 1], "last", edge.source, order));
    }
    link(edge, sources[sources.length - 1], sources[sources.length - 2], targets[targets.length - 2], edge.recurrent);
    for (let i = targets.length - 3; i >= 0; i--) {
      link(edge, targets[i + 1], portOf(targets[i + 1], "first", edge.source, order, edge.given), targets[i]);
    }
  }
}

function arrangeContainer(container, tree, pads, space, direction) {
  for (const child of container.children) if (child.children) arrangeContainer(child, tree, pads, space, direction);
  const root = container.id === null;
  const nodes = [...container.children, ...container.ports.values()];
  const level = arrangeLevel(nodes, [...container.links.values()], {
    ...space,
    start: root ? space.margin : pads.start,
    end: root ? space.margin : pads.end,
  });
  const low = root ? space.margin : pads.low;
  const high = root ? space.margin : pads.high;
  let width = level.across + low + high;
  let extra = 0;
  if (!root && direction === "TB" && width < container.label) {
    extra = (container.label - width) / 2;
    width = container.label;
  }
  container.shift = low + extra;
  container.across = width;
  container.along = level.along;
  if (!root && direction === "LR") container.along = Math.max(container.along, container.label);
  if (container.along > level.along) stretchEnd(container, container.along);
  return container;
}

// A group wider than its content (a long name, left to right): the ports on its far side move out to the border.
function stretchEnd(container, along) {
  for (const link of container.links.values()) {
    if (link.to.side === "last") link.points.push({ u: link.points[link.points.length - 1].u, v: along, kind: "line" });
  }
}

function settlePositions(container, u, v, tree) {
  container.u = u;
  container.v = v;
  container.originU = u + container.shift;
  container.originV = v;
  for (const child of container.children) {
    if (child.children) settlePositions(child, container.originU + child.u, v + child.v, tree);
    else {
      child.u += container.originU;
      child.v += v;
    }
  }
}

// The distances along the flow. A layer is as deep as its deepest element; lines run straight through a layer and
// bend only between layers, so they never touch a node.
function placeAlong(layers, links, space) {
  const filled = layers.filter((layer) => layer.length);
  const inner = filled.filter((layer) => layer.some((e) => !e.node || !e.node.side));
  const all = filled.flat();
  const least = all.reduce((m, e) => Math.min(m, e.c - e.size / 2), Infinity);
  const most = all.reduce((m, e) => Math.max(m, e.c + e.size / 2), -Infinity);
  const turns = (layer) => (layer.some((e) => e.returns) ? 18 : 0);
  let v = space.start + (inner.length ? turns(inner[0]) : 0);
  inner.forEach((layer, k) => {
    layer.top = v;
    layer.depth = layer.reduce((m, e) => Math.max(m, e.node ? e.node.along : 0), 0);
    layer.bottom = v += layer.depth;
    if (k + 1 < inner.length) {
      const slanted = (s) => Math.abs(s.b.c + s.in - s.a.c - s.out);
      const slant = layer.reduce((m, e) => e.downs.reduce((n, s) => Math.max(n, slanted(s)), m), 0);
      v += space.layers + Math.min(60, 0.1 * slant) + turns(layer);
    }
  });
  v += space.end + (inner.length ? turns(inner[inner.length - 1]) : 0);
  for (const layer of filled) {
    if (inner.includes(layer)) continue;
    layer.top = layer.bottom = layer[0].node.side === "first" ? 0 : v;
  }
  for (const layer of filled) {
    for (const e of layer) {
      e.c -= least;
      e.band = layer;
      if (!e.node) continue;
      const free = layer.bottom - layer.top - e.node.along;
      e.node.u = e.c - e.size / 2;
      e.node.v = layer.top + free * (!e.ups.length ? 1 : !e.downs.length ? 0 : 0.5);
    }
  }
  for (const link of links) link.points = pointsOf(link);
  return { across: Math.max(0, most - least), along: v };
}

// Straight run, bend, straight run, ...: kind says how a point is reached.
function pointsOf({ from, to, chain, back, startAt, endAt }) {
  const [first, last] = [chain[0], chain[chain.length - 1]];
  const start = from.u + startAt;
  const end = to.u + endAt;
  const points = [
    { u: start, v: from.v + from.along - from.inset, kind: "line" },
    { u: start, v: first.band.bottom, kind: "line" },
  ];
  chain.slice(1, -1).forEach((bend, i) => {
    if (back)
      points.push(
        { u: bend.c, v: bend.band.bottom, kind: i ? "curve" : "turn" },
        { u: bend.c, v: bend.band.top, kind: "line" },
      );
    else points.push({ u: bend.c, v: bend.band.top, kind: "curve" }, { u: bend.c, v: bend.band.bottom, kind: "line" });
  });
  points.push({ u: end, v: last.band.top, kind: back ? "turnUp" : "curve" }, { u: end, v: to.v + to.inset, kind: "line" });
  return points;
}

function traceEdge(edge, direction) {
  const points = [];
  for (const part of edge.parts) {
    for (const p of part.points)
      points.push({ ...p, u: p.u + part.container.originU, v: p.v + part.container.originV });
  }
  const at = (u, v) => (direction === "LR" ? `${round(v)} ${round(u)}` : `${round(u)} ${round(v)}`);
  let path = "";
  let bend = points.slice(0, 2);
  points.forEach((p, i) => {
    const q = points[i - 1];
    if (!q) path = `M${at(p.u, p.v)}`;
    else if (p.kind === "line" || (p.kind === "curve" && Math.abs(p.u - q.u) < 0.5)) path += `L${at(p.u, p.v)}`;
    else {
      const bulge = p.kind === "turn" ? 22 : p.kind === "turnUp" ? -22 : (p.v - q.v) / 2;
      path += `C${at(q.u, q.v + bulge)} ${at(p.u, p.v - (p.kind === "curve" ? bulge : -bulge))} ${at(p.u, p.v)}`;
    }
    if (q && p.kind !== "line") bend = [q, p];
  });
  const point = (p) => (direction === "LR" ? { x: p.v, y: p.u } : { x: p.u, y: p.v });
  edge.path = path;
  edge.start = point(points[0]);
  edge.end = point(points[points.length - 1]);
  edge.bend = bend.map(point);
}

// From what stands beside a node, across the flow.
function traceShort(edge, from, to, direction) {
  const before = direction === "LR" ? from.y < to.y : from.x < to.x;
  if (direction === "LR") {
    const x = to.x + to.width / 2;
    [edge.start, edge.end] = [from.y + (before ? from.height : 0), to.y + (before ? 0 : to.height)].map((y) => ({ x, y }));
  } else {
    const y = to.y + to.height / 2;
    [edge.start, edge.end] = [from.x + (before ? from.width : 0), to.x + (before ? 0 : to.width)].map((x) => ({ x, y }));
  }
  edge.path = `M${edge.start.x} ${edge.start.y}L${edge.end.x} ${edge.end.y}`;
  edge.bend = [edge.start, edge.end];
  edge.across = before ? "on" : "back";
}

// From a node back to itself, at its far side.
function traceLoop(edge, { x, y, width, height }, direction) {
  const [right, below] = [x + width, y + height];
  if (direction === "LR") {
    edge.path = `M${right} ${y + height / 2}C${right + 26} ${y + height / 2} ${right + 20} ${below + 20} ${x + width / 2} ${below + 20}S${x - 26} ${y + height / 2} ${x} ${y + height / 2}`;
    [edge.start, edge.end] = [{ x: right, y: y + height / 2 }, { x, y: y + height / 2 }];
    edge.loop = { x: right - 20, y: below + 15 };
  } else {
    const middle = x + width / 2;
    edge.path = `M${middle} ${below}C${middle} ${below + 26} ${right + 20} ${below + 20} ${right + 20} ${y + height / 2}S${middle} ${y - 26} ${middle} ${y}`;
    [edge.start, edge.end] = [{ x: middle, y: below }, { x: middle, y }];
    edge.loop = { x: right + 25, y: y + height / 2 + 4 };
  }
  edge.bend = [edge.start, edge.end];
}

function round(x) {
  return Math.round(x * 10) / 10;
}
