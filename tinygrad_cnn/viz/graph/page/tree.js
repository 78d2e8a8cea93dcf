// The tree of groups that Python made (modules, rows of equal blocks, the steps of a row), and how much of it is open:
// a closed group is one node; a row shown once is drawn as its first block, which stands for all.

const closed = new Set(); // ids of groups
const once = new Set(); // ids of rows
const boxKey = (id) => `b${id}`;
const groupKey = (id) => `g${id}`;

for (const g of groups.values()) g.boxes.sort((a, b) => a.order - b.order);
const inFirst = new Map(); // row: for each box of its later blocks, the one of the first that it is like
for (const row of groups.values()) {
  if (row.kind !== "row") continue;
  const [first, ...later] = row.blocks.map((id) => groups.get(id).boxes);
  inFirst.set(row.id, new Map(later.flatMap((boxes) => boxes.map((b, i) => [b.id, first[i].id]))));
}

function isRow(group) {
  return group.kind === "row";
}

// Can it be one node? Only if a single array goes out of it, which the node then shows.
function canClose(group) {
  return group.out !== null && isFramed(group);
}

function close(group) {
  once.delete(group.id);
  if (canClose(group)) closed.add(group.id);
  else if (isRow(group)) showOnce(group);
}

// A row whose blocks are single nodes says no more open than closed, unless all are shown.
function showOnce(row) {
  closed.delete(row.id);
  if (groups.get(row.blocks[0]).boxes.length > 1) once.add(row.id);
  else if (canClose(row)) closed.add(row.id);
  else once.add(row.id);
}

function showAll(group) {
  closed.delete(group.id);
  once.delete(group.id);
}

function isLaterBlock(group) {
  const parent = group.parent === null ? null : groups.get(group.parent);
  return parent !== null && once.has(parent.id) && parent.blocks[0] !== group.id;
}

// The box that is drawn for a box, as far as rows are concerned: itself, or the same one of a first block.
function standIn(id) {
  const outer = groupsAround(boxes.get(id)).reverse();
  for (const g of outer) {
    const like = once.has(g.id) ? inFirst.get(g.id).get(id) : undefined;
    if (like !== undefined) return standIn(like);
  }
  return id;
}

// The key under which a box is to be seen: that of the outermost closed group around it, or of what is drawn for it.
function visibleKey(id) {
  const drawnFor = standIn(id);
  const outer = groupsAround(boxes.get(drawnFor)).reverse().find((g) => closed.has(g.id));
  return outer ? groupKey(outer.id) : boxKey(drawnFor);
}

// Is it drawn, as one node or as a frame? A row that is shown once frames its first block, which then needs no frame.
function isDrawn(group) {
  if (!isFramed(group) || isLaterBlock(group)) return false;
  if (group.parent !== null && once.has(group.parent) && !closed.has(group.id)) return false;
  for (let g = group; g.parent !== null; g = groups.get(g.parent)) {
    const parent = groups.get(g.parent);
    if (closed.has(parent.id) || isLaterBlock(g)) return false;
  }
  return true;
}

// What is said of a box or group where it is drawn: for all that it stands for, if it is the first of a row's blocks.
function asDrawn(thing, key) {
  const outer = groupsAround(key.startsWith("b") ? thing : { group: thing.parent }).reverse();
  const row = outer.find((g) => once.has(g.id) && g.spans[key]);
  return row ? { ...thing, ...row.spans[key] } : thing;
}

// The edges between what is drawn. Where several run between the same two nodes there is one line for them; what runs
// from one block of a row into the next runs back.
function visibleEdges() {
  const merged = new Map();
  for (const e of picture.edges) {
    const [one, other] = [e.source, e.target].map((id) => groupsAround(boxes.get(id)).reverse());
    let common = 0;
    while (common < one.length && one[common] === other[common]) common++;
    if (one.slice(0, common).some(isLaterBlock)) continue; // the first block has its like
    const [source, target] = [visibleKey(e.source), visibleKey(e.target)];
    const row = common && common < one.length && common < other.length && isRow(one[common - 1]) ? one[common - 1] : null;
    const recurrent = Boolean(row) && (once.has(row.id) || closed.has(row.id));
    const loops = recurrent && (target === groupKey(row.id) || target.startsWith("b"));
    if (source === target && !loops) continue;
    const leaves = one.slice(common).some((g) => once.has(g.id));
    const plain = source === boxKey(standIn(e.source)) && target === boxKey(standIn(e.target)) && !leaves;
    const name = `${source}>${target}|${plain ? e.slot : ""}|${recurrent}`;
    if (!merged.has(name)) {
      const start = { slot: plain ? e.slot : 0, heavy: false, given: !edgesInto.get(e.source).length };
      merged.set(name, { source, target, recurrent, ...start, edges: [], arrays: new Set() });
    }
    const line = merged.get(name);
    line.edges.push(e);
    line.arrays.add(e.source);
    line.heavy = line.heavy || isMain(e);
  }
  return [...merged.values()];
}

// The lines that the drawing keeps straight: results of operations, variables, and the data that comes in.
function isMain(edge) {
  const { kind } = boxes.get(edge.source);
  return kind === "input" ? edge.slot === 0 : kind !== "parameter" && kind !== "constant";
}
