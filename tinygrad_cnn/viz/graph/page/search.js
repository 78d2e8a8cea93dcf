// Search by operation, name, shape or module: all words must occur.

const search = { found: [], at: -1, words: "" };
const haystacks = new Map();

for (const b of boxes.values()) {
  const shape = formatShape(b.shape);
  const modules = groupsAround(b).filter((g) => g.kind === "module");
  const around = modules.flatMap((g) => [g.name, ...(g.names || [])]);
  if (b.kind !== "parameter" && modules.length) around.push(modules[0].type);
  const text = [b.label, b.text || "", b.name || "", b.kind, shape, shape.replace(/ /g, ""), attributesOf(b), ...around];
  haystacks.set(b.id, text.join(" ").toLowerCase());
}

function runSearch(text) {
  search.words = text.trim().toLowerCase();
  const words = search.words.split(/\s+/).filter(Boolean);
  const order = [...boxes.values()].sort((a, b) => a.order - b.order);
  search.found = words.length
    ? order.filter((b) => words.every((w) => haystacks.get(b.id).includes(w))).map((b) => b.id)
    : [];
  search.at = -1;
  paintMatches();
}

function nextMatch(n) {
  if (!search.found.length) return announce("No match");
  search.at = (search.at + n + search.found.length + (search.at < 0 && n < 0 ? 1 : 0)) % search.found.length;
  const id = search.found[search.at];
  visit(id, false);
  paintMatches();
  announce(`${search.at + 1} of ${search.found.length}: ${describeAloud(boxes.get(id))}`);
}

function paintMatches() {
  const keys = new Set(search.found.map(visibleKey));
  const current = search.at < 0 ? null : visibleKey(search.found[search.at]);
  canvas.classList.toggle("searching", Boolean(search.words));
  for (const n of drawn.values()) {
    n.element.classList.toggle("match", keys.has(n.key));
    n.element.classList.toggle("match-now", n.key === current);
  }
  const place = search.at < 0 ? "" : `${search.at + 1} of `;
  element("found").textContent = !search.words
    ? ""
    : search.found.length
      ? `${place}${search.found.length}`
      : "no match";
  for (const id of ["search-next", "search-previous"]) element(id).disabled = !search.found.length;
}

function endSearch() {
  element("search").value = "";
  runSearch("");
}

function watchSearch() {
  const field = element("search");
  field.addEventListener("input", () => runSearch(field.value));
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      nextMatch(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape") {
      endSearch();
      field.blur();
    }
    event.stopPropagation();
  });
  element("search-next").addEventListener("click", () => nextMatch(1));
  element("search-previous").addEventListener("click", () => nextMatch(-1));
}
