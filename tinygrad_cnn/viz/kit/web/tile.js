// A 2-D array as pixels: arrayTile({rows, columns, values, scale, label, size, onpick, onhover, describe}).
//
// `values` are numbers row by row (nested lists are flattened), `scale` a function of colors.js; `size` is the longer
// side in pixels of the screen. With `onpick(row, column, value)` a cell is picked by a click, a tap, dragging with the
// mouse, and the arrow keys, Home and End; without it the tile is a picture. `onhover(row, column, value)` hears null
// for the row when the pointer has left. `describe(row, column, value)` is the text beside the pointer.

function arrayTile({
  rows, columns, values, scale, label, size = 160, onpick = null, onhover = null,
  describe = (r, c, value) => `row ${r}, column ${c}: ${formatNumber(value)}`,
}) {
  let numbers = [];
  let colors = scale;
  let at = null; // the picked cell, [row, column]
  const canvas = html("canvas");
  const marks = svg("svg", { viewBox: `0 0 ${columns} ${rows}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const cell = size / Math.max(rows, columns);
  const box = html(
    "div",
    {
      class: onpick ? "tile picks" : "tile",
      role: onpick ? "application" : "img",
      "aria-roledescription": onpick ? "array" : null,
      "aria-label": onpick ? `${label}, ${rows} by ${columns}, arrow keys pick a cell` : `${label}, ${rows} by ${columns}`,
      tabindex: onpick ? 0 : null,
    },
    canvas,
    marks,
  );
  box.style.width = `${Math.max(12, Math.round(columns * cell))}px`;
  box.style.height = `${Math.max(12, Math.round(rows * cell))}px`;

  function update(fresh, freshScale = colors) {
    numbers = flatten(fresh);
    colors = freshScale;
    paintCells(canvas, rows, columns, (i) => colors(numbers[i]));
  }

  // Outline cells, [[row, column], ...]: one line around all that touch. They may lie outside, as padding does; none
  // takes the outline away. CSS gives `.mark-NAME` its colour by --mark.
  function mark(name, cells) {
    const old = marks.querySelector(`[data-mark="${CSS.escape(name)}"]`);
    if (old) old.remove();
    if (!cells || !cells.length) return;
    const d = outlineOf(cells);
    const group = svg("g", { class: `mark-${name}`, "data-mark": name });
    group.append(svg("path", { class: "under", d }), svg("path", { class: "over", d }));
    marks.append(group);
  }

  function choose(row, column) {
    at = [Math.max(0, Math.min(rows - 1, row)), Math.max(0, Math.min(columns - 1, column))];
    mark("picked", [at]);
    const value = numbers[at[0] * columns + at[1]];
    announce(describe(...at, value));
    onpick(...at, value);
  }

  // As if the reader had picked it. The cell that is picked already is left: two tiles may pick each other.
  function pick(row, column) {
    if (!at || at[0] !== row || at[1] !== column) choose(row, column);
  }

  function cellAt(event) {
    const area = box.getBoundingClientRect();
    const row = Math.floor(((event.clientY - area.top) / area.height) * rows);
    const column = Math.floor(((event.clientX - area.left) / area.width) * columns);
    return row < 0 || column < 0 || row >= rows || column >= columns ? null : [row, column];
  }

  box.addEventListener("pointermove", (event) => {
    const here = cellAt(event);
    if (!here) return;
    const value = numbers[here[0] * columns + here[1]];
    tooltip.show(event.clientX, event.clientY, describe(...here, value));
    if (onhover) onhover(...here, value);
    if (onpick && event.pointerType === "mouse" && event.buttons & 1) pick(...here);
  });
  box.addEventListener("pointerleave", () => {
    tooltip.hide();
    if (onhover) onhover(null, null, null);
  });
  if (onpick) {
    box.addEventListener("click", (event) => {
      const here = cellAt(event);
      if (here) choose(...here);
    });
    box.addEventListener("keydown", (event) => {
      const way = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      const [row, column] = at || [0, 0];
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (way) choose(...(at ? [row + way[0], column + way[1]] : [0, 0]));
      else if (event.key === "Home") choose(row, 0);
      else if (event.key === "End") choose(row, columns - 1);
      else if (event.key === "Enter" || event.key === " ") choose(row, column);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }
  update(values);
  return { element: box, update, mark, pick };
}

// The border of a set of cells as an SVG path: the sides that no two of them share.
function outlineOf(cells) {
  const inside = new Set(cells.map(([r, c]) => `${r},${c}`));
  const has = (r, c) => inside.has(`${r},${c}`);
  let d = "";
  for (const [r, c] of cells) {
    if (!has(r - 1, c)) d += `M${c} ${r}h1`;
    if (!has(r + 1, c)) d += `M${c} ${r + 1}h1`;
    if (!has(r, c - 1)) d += `M${c} ${r}v1`;
    if (!has(r, c + 1)) d += `M${c + 1} ${r}v1`;
  }
  return d;
}
