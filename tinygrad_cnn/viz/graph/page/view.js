// What is drawn now: which modules are open, where everything stands, what is selected.

const closed = new Set(); // ids of groups drawn as one node
const drawn = new Map(); // key ("b7" a box, "g2" a group) to {key, box or group, element, cells, rect, expandable}
const lines = []; // one for each drawn edge: {element, edges, path, anchor, ...}
let scene = null;
let selected = null;
let direction = picture.direction === "LR" ? "LR" : "TB";
const numbered = picture.boxes.length <= 60; // small enough for numbers along the edges
const SPACE = {
  nodes: 26,
  nodeAndLine: 18,
  lines: 14,
  layers: !groups.size ? 54 : numbered ? 34 : 28,
  pad: 14,
  header: 26,
  margin: 28,
};

const boxKey = (id) => `b${id}`;
const groupKey = (id) => `g${id}`;

// The key under which a box is to be seen: its own, or that of the outermost closed module around it.
function visibleKey(id) {
  let key = boxKey(id);
  for (const g of groupsAround(boxes.get(id))) if (closed.has(g.id)) key = groupKey(g.id); // only framed ones are closed
  return key;
}

function isHidden(group) {
  for (let id = group.parent; id !== null; id = groups.get(id).parent) if (closed.has(id)) return true;
  return false;
}

function composeScene() {
  const items = [];
  const open = [];
  const key = (id) => (id === null ? null : groupKey(id));
  const orderOf = (g) => g.boxes.reduce((least, b) => Math.min(least, b.order), Infinity);
  for (const g of groups.values()) {
    if (!isFramed(g) || isHidden(g)) continue;
    const thing = { key: groupKey(g.id), parent: key(g.parent), order: orderOf(g), group: g };
    if (closed.has(g.id)) {
      thing.content = describeGroup(g);
      items.push(Object.assign(thing, sizeOf(thing.content)));
    } else {
      thing.title = shorten(groupTitle(g), "title", 220);
      thing.label = textWidth(thing.title, "title") + 44 + (g.count > 1 ? 44 : 0);
      thing.depth = groupsAround({ group: g.id }).length;
      open.push(thing);
    }
  }
  for (const b of boxes.values()) {
    if (visibleKey(b.id) !== boxKey(b.id)) continue;
    const content = describeBox(b);
    const around = groupsAround(b).find(isFramed);
    items.push({
      key: boxKey(b.id),
      parent: around ? groupKey(around.id) : null,
      order: b.order,
      box: b,
      content,
      ...sizeOf(content, b.kind),
    });
  }
  const merged = new Map();
  for (const e of picture.edges) {
    const [source, target] = [visibleKey(e.source), visibleKey(e.target)];
    if (source === target) continue;
    const apart = target === boxKey(e.target) && source === boxKey(e.source);
    const name = apart ? `${e.index}` : `${source}>${target}`;
    if (!merged.has(name)) merged.set(name, { source, target, slot: apart ? e.slot : 0, heavy: false, edges: [] });
    const line = merged.get(name);
    line.edges.push(e);
    line.heavy = line.heavy || isMain(e);
  }
  return { items, groups: open, edges: [...merged.values()] };
}

// The lines that the drawing keeps straight: results of operations, variables, and the data that comes in.
function isMain(edge) {
  const { kind } = boxes.get(edge.source);
  return kind === "input" ? edge.slot === 0 : kind !== "parameter" && kind !== "constant";
}

function draw() {
  const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.key : null;
  scene = layoutScene(composeScene(), direction, SPACE);
  camera.world = { width: scene.width, height: scene.height };
  drawn.clear();
  lines.length = 0;
  const frames = [...scene.groups].sort((a, b) => a.depth - b.depth).map(drawFrameOf);
  for (const edge of scene.edges) lines.push(drawLine(edge));
  const nodes = [...scene.groups.map(drawHeader), ...scene.items.map(drawItem)];
  nodes.sort((a, b) => a.order - b.order || a.depth - b.depth);
  element("frames").replaceChildren(...frames);
  element("lines").replaceChildren(...lines.map((l) => l.element));
  element("chips").replaceChildren();
  element("nodes").replaceChildren(...nodes.map((n) => n.element));
  for (const n of nodes) drawn.set(n.key, n);
  if (selected && !drawn.has(selected)) selected = null;
  mark();
  paintNumbers();
  paintHeat();
  drawMap(scene);
  if (focused && drawn.has(focused)) drawn.get(focused).element.focus({ preventScroll: true });
}

function drawFrameOf(g) {
  return svg("rect", {
    class: `frame depth${g.depth % 2}`,
    x: round(g.x),
    y: round(g.y),
    width: round(g.width),
    height: round(g.height),
    rx: 10,
  });
}

function drawHeader(g) {
  const width = textWidth(g.title, "title") + 26;
  const label = `${g.group.type} ${g.group.name}, module, open${g.group.count > 1 ? `, ${g.group.count} times` : ""}`;
  const node = svg(
    "g",
    {
      class: "header",
      role: "button",
      tabindex: 0,
      "aria-expanded": "true",
      "aria-label": label,
      "data-key": g.key,
      transform: `translate(${round(g.x)} ${round(g.y)})`,
    },
    svg("rect", { class: "pill", x: 6, y: 5, width, height: 22, rx: 6 }),
    svg("path", { class: "sign", d: "M13 16h9" }),
    svg("text", { x: 28, y: 21 }, g.title),
  );
  if (g.group.count > 1) node.append(drawCount(g.group.count, width + 12, 5));
  return { ...g, element: node, expandable: true, rect: { x: g.x, y: g.y, width: Math.min(g.width, 240), height: 32 } };
}

function drawCount(count, x, y) {
  return svg(
    "g",
    { class: "count" },
    svg("rect", { x, y, width: 40, height: 20, rx: 10 }),
    svg("text", { x: x + 20, y: y + 14.5 }, `× ${count}`),
  );
}

function drawItem(item) {
  const { box, group, content, width, height } = item;
  const kind = group ? "module" : lookOf(box);
  const { parts, cells } = drawText(content, width, height);
  const node = svg(
    "g",
    {
      class: `node ${kind}${group ? " folded" : ""}`,
      role: "button",
      tabindex: 0,
      "aria-label": group
        ? `${group.type} ${group.name}, module, closed, ${content.lines[1].text}`
        : describeAloud(box),
      "aria-expanded": group ? "false" : null,
      "data-key": item.key,
      transform: `translate(${round(item.x)} ${round(item.y)})`,
    },
    ...drawOutline(kind, width, height, group ? group.count : 1),
    ...parts,
  );
  if (content.lines.some((l) => l.shown !== l.text))
    node.append(svg("title", {}, content.lines.map((l) => l.text).join("\n")));
  if (group) node.append(svg("path", { class: "sign", d: "M6 11h9M10.5 6.5v9" }));
  if (group && group.count > 1) node.append(drawCount(group.count, width - 46, -8));
  if (box && box.saved) node.append(drawSaved(width));
  return { ...item, element: node, cells, depth: 99, expandable: Boolean(group), rect: item };
}

function describeAloud(box) {
  const parts = [isOperation(box) && box.text ? `${box.label}, ${fullName(box)}` : fullName(box), LOOK.kinds[lookOf(box)].means];
  if (box.shape) parts.push(box.shape.length ? `shape ${formatShape(box.shape)}` : "a single number");
  if (box.value) parts.push(`value ${inWords(box.value)}`);
  if (box.gradient) parts.push(`gradient ${inWords(box.gradient)}`);
  return parts.join(", ");
}

function drawLine(edge) {
  const node = svg(
    "g",
    { class: edge.heavy ? "line-group" : "line-group light", "data-edges": edge.edges.map((e) => e.index).join(" ") },
    svg("path", { class: "wire", d: edge.path }),
    svg("path", { class: "head", d: triangle(edge.end, false, direction) }),
    svg("path", { class: "tail", d: triangle(edge.start, true, direction) }),
  );
  return { ...edge, element: node };
}

// ------------------------------------------------------------------------------------------------ opening, closing
function toggleGroup(id) {
  const key = groupKey(id);
  const before = drawn.get(key);
  if (!closed.delete(id)) closed.add(id);
  draw();
  const after = drawn.get(key);
  const [p, q] = [before.rect, after.rect]; // what was clicked stays where it was on the screen
  look(camera.x + (p.x - q.x) * camera.zoom, camera.y + (p.y - q.y) * camera.zoom);
  after.element.focus({ preventScroll: true });
  announce(`${groups.get(id).type} ${groups.get(id).name} ${closed.has(id) ? "closed" : "opened"}`);
}

function openAll() {
  closed.clear();
  draw();
  frame();
}

function closeAll() {
  for (const g of groups.values()) if (isFramed(g)) closed.add(g.id);
  draw();
  fit();
}

// Modules open down to a level: at 0 the model alone, with the modules in it closed. Rows of equal modules stay closed.
// False if there is no deeper level.
function openToLevel(depth) {
  closed.clear();
  let level = [...groups.values()].filter((g) => g.parent === null && isFramed(g));
  const inside = (list) => list.flatMap((g) => (g.row ? [g] : g.children.filter(isFramed)));
  if (level.length === 1 && inside(level).length) level = inside(level);
  for (let k = 0; k < depth; k++) level = inside(level.filter((g) => !g.row)).concat(level.filter((g) => g.row));
  for (const g of level) closed.add(g.id);
  return level.some((g) => !g.row);
}

// As the drawing was asked for, if that can be read; else the most that can be read, but the first level in any case.
function openAsFits() {
  const view = viewport();
  for (const g of groups.values()) if (g.closed && isFramed(g)) closed.add(g.id);
  const fits = () => Math.min(view.width / scene.width, view.height / scene.height) >= 0.55;
  const seen = new Set(picture.boxes.map((b) => visibleKey(b.id)));
  if (seen.size <= 400) { // of more it need not be tried
    draw();
    if (fits()) return;
  }
  const small = picture.boxes.length <= 400;
  let depth = 0;
  for (let k = 1; small && openToLevel(k); k++) {
    draw();
    if (!fits()) break;
    depth = k;
  }
  openToLevel(depth);
  draw();
}

function openToSee(id) {
  let changed = false;
  for (const g of groupsAround(boxes.get(id))) changed = closed.delete(g.id) || changed;
  if (changed) draw();
}

function turn() {
  direction = direction === "LR" ? "TB" : "LR";
  draw();
  frame(false);
}

// ------------------------------------------------------------------------------------------------------- selection
function select(key) {
  selected = key;
  mark();
  showDetails(key);
}

function mark() {
  for (const n of drawn.values()) {
    const on = n.key === selected;
    n.element.classList.toggle("selected", on);
    if (on) n.element.setAttribute("aria-current", "true");
    else n.element.removeAttribute("aria-current");
  }
  for (const l of lines)
    l.element.classList.toggle("near", selected !== null && (l.source === selected || l.target === selected));
}

// Select a box wherever it is, opening what hides it.
function visit(id, focus = true) {
  openToSee(id);
  const key = boxKey(id);
  select(key);
  reveal(drawn.get(key).rect);
  if (focus) drawn.get(key).element.focus({ preventScroll: true });
}

function activate(key) {
  const node = drawn.get(key);
  select(key);
  if (node.expandable) toggleGroup(node.group.id);
}

// The next node in a direction on the screen, preferring those joined by a line.
function neighbour(key, dx, dy) {
  const here = drawn.get(key).rect;
  const joined = new Set();
  for (const l of lines) if (l.source === key || l.target === key) joined.add(l.source).add(l.target);
  let best = null;
  let least = Infinity;
  for (const n of drawn.values()) {
    if (n.key === key) continue;
    const x = n.rect.x + n.rect.width / 2 - here.x - here.width / 2;
    const y = n.rect.y + n.rect.height / 2 - here.y - here.height / 2;
    const ahead = x * dx + y * dy;
    const aside = Math.abs(x * dy) + Math.abs(y * dx);
    if (ahead <= 1) continue;
    const cost = (ahead + 2.5 * aside) * (joined.has(n.key) ? 0.3 : 1);
    if (cost < least) [best, least] = [n.key, cost];
  }
  return best;
}

// ------------------------------------------------------------------------------------------------------- numbers
function paintNumbers() {
  for (const n of drawn.values()) {
    if (!n.box || !n.content.cells.length) continue;
    const { value, gradient } = numbersOf(n.box);
    setCell(n, "value", value);
    setCell(n, "gradient", gradient);
  }
}

function setCell(node, name, text) {
  const cell = node.cells[name];
  const shown = text === null ? "" : text;
  if (!cell || cell.textContent === shown) return;
  cell.textContent = shown;
  node.element.classList.toggle(`has-${name}`, Boolean(shown));
}
