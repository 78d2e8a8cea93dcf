// Opening and closing: what a click does, what is open at first.

function toggleGroup(id) {
  const group = groups.get(id);
  if (!closed.has(id)) close(group);
  else if (isRow(group) && groups.get(group.blocks[0]).boxes.length > 1) showOnce(group);
  else showAll(group);
  redrawAround(groupKey(id));
  announce(`${group.type} ${group.name} ${closed.has(id) ? "closed" : "opened"}`);
}

// A row from one block to all, or back.
function toggleRow(id) {
  const row = groups.get(id);
  if (once.has(id)) showAll(row);
  else showOnce(row);
  redrawAround(closed.has(id) ? groupKey(id) : `r${id}`, groupKey(id));
  announce(once.has(id) || closed.has(id) ? `one of ${row.count} shown` : `all ${row.count} shown`);
}

// What was clicked stays where it was on the screen.
function redrawAround(key, before = key) {
  const p = drawn.get(before).rect;
  draw();
  const after = drawn.get(key);
  const q = (drawn.get(before) || after).rect;
  look(camera.x + (p.x - q.x) * camera.zoom, camera.y + (p.y - q.y) * camera.zoom);
  after.element.focus({ preventScroll: true });
  if (selected === before) showDetails(selected); // whose buttons say other things now
}

function openAll() {
  for (const g of groups.values()) showAll(g);
  draw();
  frame();
}

function closeAll() {
  for (const g of groups.values()) close(g);
  draw();
  fit();
}

// As Python drew it.
function showAsDrawn() {
  for (const g of groups.values()) {
    showAll(g);
    if (g.shown === "closed") close(g);
    else if (g.shown === "once") showOnce(g);
  }
}

// Modules open down to a level, rows once. At 0 the modules in the model are closed.
function openToLevel(depth) {
  for (const g of groups.values()) {
    const level = groupsAround({ group: g.id }).filter((m) => m.kind === "module").length - 1;
    showAll(g);
    if (g.kind === "module" && level > depth) close(g);
    else if (isRow(g)) showOnce(g);
  }
}

// Does the scene fit the window in one direction or the other, at a size one can read?
function fitsSomehow(given) {
  const view = viewport();
  const ways = given === "LR" ? ["LR", "TB"] : ["TB", "LR"];
  return ways.some((way) => {
    direction = way;
    draw();
    return Math.min(view.width / scene.width, view.height / scene.height) >= READABLE;
  });
}

// As Python drew it where that can be read, to the right if the window is wide, without the panel if only that makes
// room; of what is larger the most that can be, and a few nodes at least; else as drawn, from its beginning on.
function openAsFits() {
  const given = direction;
  const count = () => new Set(picture.boxes.map((b) => visibleKey(b.id))).size;
  const withPanel = innerWidth >= 900;
  showAsDrawn();
  for (const panel of count() > 100 ? [] : withPanel ? [true, false] : [false]) {
    openPanel(panel);
    if (fitsSomehow(given)) return;
  }
  openPanel(withPanel);
  const levels = [...groups.values()].map((g) => groupsAround({ group: g.id }).filter((m) => m.kind === "module").length);
  for (let depth = Math.max(1, ...levels) - 2; count() > 60 && depth >= 0; depth--) {
    openToLevel(depth);
    if (count() <= 60 && fitsSomehow(given) && scene.items.length >= 5) return;
  }
  direction = given;
  showAsDrawn();
  draw();
}

function openToSee(id) {
  const around = groupsAround(boxes.get(id));
  const hiding = around.filter((g) => closed.has(g.id) || (once.has(g.id) && inFirst.get(g.id).has(id)));
  for (const g of hiding) {
    if (closed.has(g.id) && isRow(g) && !inFirst.get(g.id).has(id)) showOnce(g);
    else showAll(g);
  }
  if (visibleKey(id) !== boxKey(id)) around.forEach(showAll);
  if (hiding.length) draw();
}
