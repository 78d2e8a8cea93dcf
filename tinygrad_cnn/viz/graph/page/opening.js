// Opening and closing: what a click does, what is open at first.

function toggleGroup(id) {
  const group = groups.get(id);
  if (!isClosed(group)) showAs(group, "closed");
  else showAs(group, isRow(group) && !hasPlainBlocks(group) ? "once" : "open");
  redrawAround(groupKey(id));
  announce(`${group.type} ${group.name} ${isClosed(group) ? "closed" : "opened"}`);
}

// A row from one block to all, or back.
function toggleRow(id) {
  const row = groups.get(id);
  showAs(row, isOnce(row) ? "open" : "once");
  redrawAround(isClosed(row) ? groupKey(id) : `r${id}`, groupKey(id));
  announce(row.shown === "open" ? `all ${row.count} shown` : `one of ${row.count} shown`);
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

// Every group as `how` says: "open", "closed", or a function of the group.
function showEach(how) {
  for (const g of groups.values()) showAs(g, typeof how === "function" ? how(g) : how);
}

function openAll() {
  showEach("open");
  draw();
  frame();
}

function closeAll() {
  showEach("closed");
  draw();
  fit();
}

const levelOf = (group) => groupsAround({ group: group.id }).filter((g) => g.kind === "module").length;

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
  showEach((g) => g.drawn);
  for (const panel of count() > 100 ? [] : withPanel ? [true, false] : [false]) {
    openPanel(panel);
    if (fitsSomehow(given)) return;
  }
  openPanel(withPanel);
  const levels = [...groups.values()].map(levelOf);
  for (let depth = Math.max(1, ...levels) - 1; count() > 60 && depth >= 1; depth--) {
    showEach((g) => (isRow(g) ? "once" : g.kind === "module" && levelOf(g) > depth ? "closed" : "open"));
    if (count() <= 60 && fitsSomehow(given) && scene.items.length >= 5) return;
  }
  direction = given;
  showEach((g) => g.drawn);
  draw();
}

function openToSee(id) {
  const around = groupsAround(boxes.get(id));
  const hiding = around.filter((g) => isClosed(g) || (isOnce(g) && inFirst.get(g.id).has(id)));
  for (const g of hiding) showAs(g, isClosed(g) && isRow(g) && !inFirst.get(g.id).has(id) ? "once" : "open");
  if (visibleKey(id) !== boxKey(id)) around.forEach((g) => showAs(g, "open"));
  if (hiding.length) draw();
}
