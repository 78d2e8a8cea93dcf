// The picture that Python wrote, indexed; and how its arrays are put into words.

const picture = dataOf("picture");
const boxes = new Map(picture.boxes.map((b) => [b.id, b]));
const groups = new Map(picture.groups.map((g) => [g.id, g]));
const edgesInto = new Map(picture.boxes.map((b) => [b.id, []])); // by slot
const edgesFrom = new Map(picture.boxes.map((b) => [b.id, []]));
picture.edges.forEach((e, index) => {
  e.index = index;
  edgesInto.get(e.target).push(e);
  edgesFrom.get(e.source).push(e);
});
for (const list of edgesInto.values()) list.sort((a, b) => a.slot - b.slot);
for (const g of groups.values()) g.children = [];
for (const g of groups.values()) if (g.parent !== null) groups.get(g.parent).children.push(g);
for (const g of groups.values()) g.boxes = [];
for (const b of boxes.values()) for (const g of groupsAround(b)) g.boxes.push(b);

function isOperation(box) {
  return box.kind === "operation" || box.kind === "output" || box.kind === "failed";
}

// From the innermost to the outermost.
function groupsAround(box) {
  const list = [];
  for (let id = box.group; id !== null; id = groups.get(id).parent) list.push(groups.get(id));
  return list;
}

// A module with one box in it gets no frame: the box itself says where it belongs.
function isFramed(group) {
  return group.boxes.length > 1;
}

// The kind that a box looks like: operations of a recorded backward pass are told apart from the forward's.
function lookOf(box) {
  if (box.backward_of && box.kind === "operation") return box.fused ? "fused-back" : "gradient";
  return box.fused ? "fused" : box.kind;
}

function hasNumbers(summary) {
  return Boolean(summary) && summary.values !== null && summary.values !== undefined;
}

// An array in a few characters: its numbers where they are few, otherwise its norm.
function briefly(summary) {
  if (!summary) return null;
  const few = fewNumbers(summary);
  if (few) return few;
  return notFinite(summary) || (summary.norm === null ? "–" : formatNumber(summary.norm, 3));
}

// "2 NaN, 1 infinite"; nothing where all is finite.
function notFinite(summary) {
  const [nans, infs] = [summary.nans, summary.infs].map((n) => (n ? formatCount(n) : ""));
  return [nans && `${nans} NaN`, infs && `${infs} infinite`].filter(Boolean).join(", ");
}

function fewNumbers(summary) {
  if (!hasNumbers(summary)) return null;
  const flat = flatten(summary.values);
  if (flat.length === 1) return formatNumber(flat[0]);
  const text = `[${flat.map((x) => formatNumber(x, 3)).join(", ")}]`;
  return text.length <= 20 ? text : null;
}

function isNorm(summary) {
  return !fewNumbers(summary) && !summary.nans && !summary.infs && summary.norm !== null;
}

// For a longer place: "[0.1, 0.2, …]" or "shape (64, 10), norm 0.31".
function inWords(summary) {
  if (!summary) return "not recorded";
  if (hasNumbers(summary)) {
    const flat = flatten(summary.values);
    if (flat.length === 1) return formatNumber(flat[0], 6);
    if (flat.length <= 6) return `[${flat.map((x) => formatNumber(x)).join(", ")}]`;
  }
  const norm = summary.norm === null ? "" : `norm ${formatNumber(summary.norm)}`;
  const bad = notFinite(summary);
  return `${[bad, bad && norm ? `${norm} of the others` : norm].filter(Boolean).join(", ")}, shape ${formatShape(summary.shape)}`;
}

// What a box is called where it stands; the path of the module around it goes without saying.
function shortName(box) {
  if (isOperation(box)) return box.name ? `${box.name} = ${box.text || box.label}` : box.text || box.label;
  const text = box.name || box.label;
  const around = box.group === null ? null : asDrawn(groups.get(box.group), `g${box.group}`);
  return around && around.name && text.startsWith(`${around.name}.`) ? text.slice(around.name.length + 1) : text;
}

// What it is called anywhere.
function fullName(box) {
  if (box.kind === "constant" && !box.name && box.shape) return `${box.label} ${formatShape(box.shape)}`;
  if (!isOperation(box)) return box.name || box.label;
  const around = box.group === null ? null : groups.get(box.group);
  const text = box.name ? `${box.name} = ${box.text || box.label}` : box.text || box.label;
  return around && around.name ? `${text} in ${around.name}` : text;
}

// By its path within the module around it: "down.0 · Sequential", where the list `down` has no frame.
function groupTitle(group) {
  if (group.kind !== "module") return group.type;
  const { name, parent } = asDrawn(group, `g${group.id}`);
  const outer = groupsAround({ group: parent }).filter((g) => g.kind === "module");
  const around = outer.map((g) => `${asDrawn(g, `g${g.id}`).name}.`).find((path) => path !== "." && name.startsWith(path));
  const inside = around ? name.slice(around.length) : name;
  return inside && inside !== group.type ? `${inside} · ${group.type}` : group.type;
}

function attributesOf(box) {
  return Object.entries(box.attributes || {})
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}
