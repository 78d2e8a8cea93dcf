// What is drawn now: where everything stands, what is selected.

const drawn = new Map(); // key ("b7" a box, "g2" a group) to {key, box or group, element, cells, rect, expandable}
const lines = []; // one for each drawn edge: {element, edges, path, anchor, ...}
let scene = null;
let selected = null;
let direction = picture.direction === "LR" ? "LR" : "TB";
const numbered = picture.boxes.length <= 60; // small enough for numbers along the edges
const SPACE = !groups.size ? LOOK.space.flat : numbered ? LOOK.space.numbered : LOOK.space.dense;

function composeScene() {
  const frames = new Set();
  const inFrame = (id) => {
    const around = framesAround(id);
    around.forEach((g) => frames.add(g));
    return around.length ? groupKey(around[0].id) : null;
  };
  const items = [...new Set([...boxes.keys()].map(visibleKey))].map((key) => {
    const id = Number(key.slice(1));
    const group = key === groupKey(id) ? groups.get(id) : null;
    const box = group ? null : boxes.get(id);
    const content = group ? describeGroup(group) : describeBox(box);
    const parent = inFrame(group ? group.parent : (asDrawn(box, key).place ?? box.group));
    return { key, parent, order: (box || group.boxes[0]).order, group, box, content, ...sizeOf(content, box && box.kind) };
  });
  const open = [...groups.values()].filter((g) => frames.has(g)).map((g) => {
    const title = shorten(groupTitle(g), "title", 220);
    const label = textWidth(title, "title") + 44 + (isRow(g) ? pillWidth(g) + 8 : 0);
    const depth = groupsAround({ group: g.id }).length;
    return { key: groupKey(g.id), parent: inFrame(g.parent), order: g.boxes[0].order, group: g, title, label, depth };
  });
  const edges = visibleEdges();
  if (!numbered) standBeside(items, edges);
  return { items, groups: open, edges };
}

function draw() {
  const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.key : null;
  scene = layoutScene(composeScene(), direction, SPACE);
  camera.world = { width: scene.width, height: scene.height };
  drawn.clear();
  lines.length = 0;
  const frames = [...scene.groups].sort((a, b) => a.depth - b.depth).map(drawFrameOf);
  for (const edge of scene.edges) lines.push(drawLine(edge));
  const nodes = [...scene.groups.flatMap(drawHeader), ...scene.items.map(drawItem)];
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
  nodes.forEach(speak);
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
  const { group } = g;
  const shuts = canClose(group);
  const width = textWidth(g.title, "title") + (shuts ? 26 : 14);
  const node = svg(
    "g",
    {
      class: "header",
      role: "button",
      tabindex: 0,
      "aria-expanded": shuts ? "true" : null,
      "aria-label": `${group.type} ${group.name}, ${group.kind}, open${isRow(group) ? `, ${group.count} times` : ""}`,
      "data-key": g.key,
      transform: `translate(${round(g.x)} ${round(g.y)})`,
    },
    svg("rect", { class: "pill", x: 6, y: 3, width, height: 27, rx: 6 }),
    shuts ? svg("path", { class: "sign", d: "M13 16.5h9" }) : null,
    svg("text", { x: shuts ? 28 : 13, y: 21 }, g.title),
  );
  const rect = { x: g.x, y: g.y, width: Math.min(g.width, 240), height: 32 };
  const header = { ...g, element: node, expandable: shuts, rect };
  return isRow(group) ? [header, drawPill(g, width + 12)] : [header];
}

const pillText = (row) => (isOnce(row) ? `× ${row.count}: show all` : `all ${row.count}: show one`);
const pillWidth = (row) => textWidth(pillText(row), "text") + 22;

// Beside the title of a row: from one block that stands for all to all of them, and back.
function drawPill(g, x) {
  const key = `r${g.group.id}`;
  const width = pillWidth(g.group);
  const node = svg(
    "g",
    {
      class: "count header",
      role: "button",
      tabindex: 0,
      "aria-pressed": String(!isOnce(g.group)),
      "aria-label": `Show all ${g.group.count} of ${g.group.type}`,
      "data-key": key,
      transform: `translate(${round(g.x + x)} ${round(g.y)})`,
    },
    svg("rect", { x: 0, y: 3, width, height: 27, rx: 13 }),
    svg("text", { x: width / 2, y: 20.5 }, pillText(g.group)),
  );
  const rect = { x: g.x + x, y: g.y, width, height: 32 };
  return { key, group: g.group, order: g.order, depth: g.depth + 0.5, element: node, pill: true, rect };
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
        : describeAloud(box, false),
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

// What a box is, and with its numbers what it holds.
function describeAloud(box, numbers = true) {
  const parts = [isOperation(box) && box.text ? `${box.label}, ${fullName(box)}` : fullName(box), LOOK.kinds[lookOf(box)].means];
  if (box.shape) parts.push(box.shape.length ? `shape ${formatShape(box.shape)}` : "a single number");
  if (numbers && box.value) parts.push(`value ${inWords(box.value)}`);
  if (numbers && box.gradient) parts.push(`gradient ${inWords(box.gradient)}`);
  return parts.join(", ");
}

function drawLine(edge) {
  const along = !edge.across ? direction : direction === "LR" ? "TB" : "LR";
  const node = svg(
    "g",
    {
      class: `line-group${edge.heavy ? "" : " light"}${edge.recurrent ? " recurrent" : ""}${edge.edges[0].back ? " upwards" : ""}`,
      "data-edges": edge.edges.map((e) => e.index).join(" "),
      "data-source": edge.source,
      "data-target": edge.target,
    },
    svg("path", { class: "wire", d: edge.path, "stroke-dasharray": edge.recurrent ? "6 4" : null }),
    svg("path", { class: "head", d: triangle(edge.end, edge.across === "back", along) }),
    svg("path", { class: "tail", d: triangle(edge.start, edge.across !== "back", along) }),
  );
  const note = edge.recurrent ? `next ${blockOf(edge)}` : edge.arrays.size > 1 ? `× ${edge.arrays.size}` : "";
  if (note) node.append(noteOn(edge, note, node.firstChild));
  return { ...edge, element: node };
}

// What a block of the row is called, in which a line runs from one to the next.
function blockOf(edge) {
  const [one, other] = [edge.edges[0].source, edge.edges[0].target].map((id) => groupsAround(boxes.get(id)));
  const row = one.find((g) => isRow(g) && other.includes(g));
  return row.type.includes(", ") ? "block" : row.type;
}

// A word on a line: where it bends, or beside what it leaves and comes back to; on a way back where no node stands.
function noteOn(edge, text, path) {
  const [p, q] = edge.bend;
  const at = edge.loop || { x: (p.x + q.x) / 2 + 5, y: (p.y + q.y) / 2 + 4 };
  const width = textWidth(text, "text");
  const free = ({ x, y }) =>
    scene.items.every((i) => x > i.x + i.width || x + width < i.x || y - 11 > i.y + i.height || y + 4 < i.y);
  const along = [];
  if (edge.recurrent && !edge.loop) {
    const length = path.getTotalLength();
    for (const share of [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8]) {
      const { x, y } = path.getPointAtLength(share * length);
      along.push({ x: x - width - 5, y: y + 4 }, { x: x + 5, y: y + 4 });
    }
  }
  const { x, y } = [...along, at].find(free) || at;
  return svg("text", { class: "note", x: round(x), y: round(y) }, text);
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
  if (node.pill) return toggleRow(node.group.id);
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
  if (node.words) speak(node);
}
