// What a node looks like: its lines of text, its size, its outline by kind.

const FONTS = {
  title: "600 14px system-ui, sans-serif",
  text: "12px system-ui, sans-serif",
  mono: "12px ui-monospace, monospace",
  bold: "600 12px ui-monospace, monospace",
};
const WIDEST = 270;
const ruler = document.createElement("canvas").getContext("2d");
const measured = new Map();

function textWidth(text, font) {
  const name = font + text;
  if (!measured.has(name)) {
    ruler.font = FONTS[font];
    measured.set(name, ruler.measureText(text).width);
  }
  return measured.get(name);
}

function shorten(text, font, width) {
  if (textWidth(text, font) <= width) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (textWidth(`${text.slice(0, middle)}…`, font) <= width) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low)}…`;
}

// Each line is {text, font, look}; below them stand cells for value and gradient, of large graphs for few numbers only.
function describeBox(one) {
  const box = asDrawn(one, boxKey(one.id));
  const lines = [{ text: shortName(box), font: "title", look: "title" }];
  const module = box.group === null ? null : groups.get(box.group);
  if (module && !isFramed(module)) lines.push({ text: groupTitle(module), font: "text", look: "quiet" });
  if (box.backward_of) lines.push({ text: `backward of ${box.backward_of}`, font: "text", look: "quiet" });
  const scalar = box.shape && box.shape.length === 0;
  if (box.kind === "module")
    lines.push({ text: box.label === shortName(box) ? "" : box.label, font: "text", look: "quiet" });
  if (box.shape && !scalar) {
    const more = box.dtype ? ` ${box.dtype}` : "";
    lines.push({ text: formatShape(box.shape), more, font: "mono", look: "shape" });
  }
  for (const part of wrapped(box.problem, 38)) lines.push({ text: part, font: "text", look: "wrong" });
  for (const part of wrapped(box.remedy, 36)) lines.push({ text: part, font: "text", look: "wrong remedy" });
  const attributes = attributesOf(box);
  if (attributes) lines.push({ text: attributes, font: "text", look: "quiet" });
  const cells = [
    { name: "value", summary: box.value, word: "value" },
    { name: "gradient", summary: box.gradient, word: "grad" },
  ].filter((c) => c.summary && (numbered || fewNumbers(c.summary)));
  for (const c of cells) {
    c.text = briefly(c.summary);
    c.caption = isNorm(c.summary) ? `‖${c.word}‖` : c.word;
  }
  return { lines: lines.filter((l) => l.text), cells };
}

// Words in lines of so many characters.
function wrapped(text, length) {
  const found = [];
  for (const word of (text || "").split(" ").filter(Boolean)) {
    const last = found[found.length - 1];
    if (last !== undefined && last.length + word.length < length) found[found.length - 1] = `${last} ${word}`;
    else found.push(word);
  }
  return found;
}

function describeGroup(group) {
  const lines = [{ text: groupTitle(group), font: "title", look: "title" }];
  const inside = group.boxes.filter((b) => b.kind === "operation" || b.kind === "output");
  const weights = group.boxes.reduce((sum, b) => sum + parametersOf(b), 0);
  lines.push({
    text: [plural(inside.length, "operation"), weights ? plural(weights, "parameter") : ""].filter(Boolean).join(", "),
    font: "text",
    look: "quiet",
  });
  const { shape } = boxes.get(group.out);
  if (shape) lines.push({ text: formatShape(shape), more: "", font: "mono", look: "shape" });
  return { lines, cells: [], count: group.count };
}

function parametersOf(box) {
  if (box.parameters) return box.parameters;
  return box.kind === "parameter" && box.shape ? countOf(box.shape) : 0;
}

function sizeOf(content, kind) {
  let width = 64;
  for (const line of content.lines) {
    line.shown = shorten(line.text, line.font, WIDEST - 28);
    line.extra =
      line.more && line.shown === line.text && textWidth(line.text + line.more, line.font) < WIDEST - 28
        ? line.more
        : "";
    width = Math.max(width, textWidth(line.shown + line.extra, line.font) + 28);
  }
  let height = 16 + content.lines.length * 17 + 1;
  if (content.count > 1) width = Math.max(width, textWidth(content.lines[0].shown, "title") + 28 + 44);
  if (content.cells.length) {
    const widest = content.cells.reduce((most, c) => Math.max(most, textWidth(c.text, "bold") + 20), 62);
    width = Math.max(width, content.cells.length * widest);
    height += 36;
  }
  if (kind === "parameter" || kind === "input") width += 14; // their sides slant
  return { width: Math.ceil(width / 2) * 2, height };
}

// Kinds differ in outline, so that colour only repeats what the shape says.
function outline(kind, w, h) {
  const flat = (points) => `M${points.map((p) => p.join(" ")).join("L")}Z`;
  const shape = LOOK.kinds[kind].outline;
  if (shape === "hexagon")
    return flat([
      [10, 0],
      [w - 10, 0],
      [w, h / 2],
      [w - 10, h],
      [10, h],
      [0, h / 2],
    ]);
  if (shape === "slant")
    return flat([
      [10, 0],
      [w, 0],
      [w - 10, h],
      [0, h],
    ]);
  if (shape === "cut" || shape === "octagon") {
    const c = Math.min(shape === "cut" ? 7 : 14, h / 3);
    return `M${c} 0H${w - c}L${w} ${c}V${h - c}L${w - c} ${h}H${c}L0 ${h - c}V${c}Z`;
  }
  if (shape === "flat")
    return flat([
      [0, 0],
      [w, 0],
      [w, h],
      [0, h],
    ]);
  const r = Math.min(shape === "pill" ? 20 : shape === "box" ? 3 : 8, shape === "pill" ? h / 2 : h / 4);
  return (
    `M${r} 0H${w - r}A${r} ${r} 0 0 1 ${w} ${r}V${h - r}A${r} ${r} 0 0 1 ${w - r} ${h}` +
    `H${r}A${r} ${r} 0 0 1 0 ${h - r}V${r}A${r} ${r} 0 0 1 ${r} 0Z`
  );
}

function drawOutline(kind, w, h, count = 1) {
  const parts = [];
  if (kind === "module" && count > 1) {
    for (const d of [8, 4])
      parts.push(svg("path", { class: "outline behind", d: outline(kind, w, h), transform: `translate(${d} ${d})` }));
  }
  parts.push(svg("path", { class: "halo", d: outline(kind, w, h) }));
  parts.push(svg("path", { class: "outline", d: outline(kind, w, h) }));
  if (kind === "output" || kind === "failed")
    parts.push(svg("path", { class: "inner", d: outline(kind, w - 8, h - 8), transform: "translate(4 4)" }));
  return parts;
}

function drawText(content, width, height) {
  const parts = [];
  content.lines.forEach((line, i) => {
    const text = svg("text", { class: `line ${line.look}`, x: width / 2, y: 22 + i * 17 });
    text.append(line.shown);
    if (line.extra) text.append(svg("tspan", { class: "quiet" }, line.extra));
    parts.push(text);
  });
  const top = height - 38;
  const cells = {};
  content.cells.forEach(({ name, caption }, i) => {
    const x = (width * (2 * i + 1)) / (2 * content.cells.length);
    cells[name] = svg("text", { class: `number ${name}`, x, y: top + 29 }, "");
    parts.push(svg("text", { class: `caption ${name}`, x, y: top + 13 }, caption), cells[name]);
  });
  if (content.cells.length) {
    const between = content.cells.length > 1 ? `M${width / 2} ${top + 4}V${top + 32}` : "";
    parts.push(svg("path", { class: "rule", d: `M10 ${top}H${width - 10}${between}` }));
  }
  return { parts: parts.flatMap((part) => [part, " "]), cells }; // to those who listen they are words, not one word
}

// The name by which those who listen know a node: what it is, and all that is written in it, as it is just now.
function speak(node) {
  if (!node.words) node.words = node.element.getAttribute("aria-label");
  const written = [...node.element.querySelectorAll("text")].map((text) => text.textContent).filter(Boolean);
  node.element.setAttribute("aria-label", [node.words, ...written].join(", "));
}

// The sign of an operation whose output is kept for the backward pass: a pin in the corner.
function drawSaved(width) {
  return svg(
    "path",
    { class: "saved", d: `M${width - 17} -1h9v11l-4.5 -3.5l-4.5 3.5Z` },
    svg("title", {}, "kept for the backward pass"),
  );
}

function triangle(at, backward, direction) {
  const [l, w] = backward ? [-8, 4.5] : [8, 4.5];
  return direction === "LR" ? `M${at.x} ${at.y}l${-l} ${-w}v${2 * w}Z` : `M${at.x} ${at.y}l${-w} ${-l}h${2 * w}Z`;
}
