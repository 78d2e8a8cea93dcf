// The tree of groups that Python made (modules, rows of equal blocks, the steps of a row), and how much of it is open:
// `shown` of a group is "open"; "closed", it is one node then; or "once", a row of which the first block stands for all.

const boxKey = (id) => `b${id}`;
const groupKey = (id) => `g${id}`;
const isRow = (group) => group.kind === "row";
const isClosed = (group) => group.shown === "closed";
const isOnce = (group) => group.shown === "once";
const parentOf = (group) => (group.parent === null ? null : groups.get(group.parent));
const ofLaterBlock = (group) => group.parent !== null && isOnce(parentOf(group)) && parentOf(group).blocks[0] !== group.id;

for (const g of groups.values()) {
  g.drawn = g.shown; // as Python drew it
  g.boxes.sort((a, b) => a.order - b.order);
}
const inFirst = new Map(); // row: for each box of its later blocks, the one of the first that it is like
for (const row of [...groups.values()].filter(isRow)) {
  const [first, ...later] = row.blocks.map((id) => groups.get(id).boxes);
  inFirst.set(row.id, new Map(later.flatMap((boxes) => boxes.map((b, i) => [b.id, first[i].id]))));
}

// Can it be one node? Only if a single array goes out of it, which the node then shows.
function canClose(group) {
  return group.out !== null && isFramed(group);
}

// A row of single nodes says no more by one of them than closed, unless all are shown.
function hasPlainBlocks(row) {
  return groups.get(row.blocks[0]).boxes.length === 1;
}

// As asked for, or as near to it as can be.
function showAs(group, how) {
  group.shown = how;
  if (isClosed(group) && !canClose(group)) group.shown = isRow(group) ? "once" : "open";
  if (isOnce(group) && hasPlainBlocks(group) && canClose(group)) group.shown = "closed";
}

// The box that is drawn for a box, as far as rows are concerned: itself, or the same one of a first block.
function standIn(id) {
  for (const g of groupsAround(boxes.get(id)).reverse()) {
    const like = isOnce(g) ? inFirst.get(g.id).get(id) : undefined;
    if (like !== undefined) return standIn(like);
  }
  return id;
}

// The key under which a box is to be seen: that of the outermost closed group around it, or of what is drawn for it.
function visibleKey(id) {
  const drawnFor = standIn(id);
  const outer = groupsAround(boxes.get(drawnFor)).findLast(isClosed);
  return outer ? groupKey(outer.id) : boxKey(drawnFor);
}

// The frames around something in a group, from the innermost: a row that is shown once frames its first block, which
// then needs none.
function framesAround(id) {
  return groupsAround({ group: id }).filter((g) => isFramed(g) && !isClosed(g) && !(g.parent !== null && isOnce(parentOf(g))));
}

// What is said of a box or group where it is drawn: for all that it stands for, if it is the first of a row's blocks.
function asDrawn(thing, key) {
  const outer = groupsAround(key.startsWith("b") ? thing : { group: thing.parent }).reverse();
  const row = outer.find((g) => isOnce(g) && g.spans[key]);
  return row ? { ...thing, ...row.spans[key] } : thing;
}

// The edges between what is drawn. Where several run between the same two nodes there is one line for them; what runs
// from one block of a row into the next runs back.
function visibleEdges() {
  const merged = new Map();
  for (const e of picture.edges) {
    const both = groupsAround({ group: e.inside });
    if (both.some(ofLaterBlock)) continue; // the first block has its like
    const [source, target] = [visibleKey(e.source), visibleKey(e.target)];
    const recurrent = e.recurrent && both[0].shown !== "open" && !both.slice(1).some(isClosed);
    if (source === target && !recurrent) continue;
    const leaves = groupsAround(boxes.get(e.source)).some((g) => isOnce(g) && !both.includes(g));
    const plain = source.startsWith("b") && target.startsWith("b") && !leaves;
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
  return kind === "input" ? edge.slot === 0 : !LOOK.beside.includes(kind);
}
