// The panel at the side: all there is to say about a box or a module.

const panel = element("details");

function showDetails(key) {
  const node = key === null ? null : drawn.get(key);
  const content = !node ? overview() : node.group ? groupDetails(node.group) : boxDetails(node.box);
  panel.replaceChildren(...content.filter(Boolean));
  panel.scrollTop = 0;
  if (node) openPanel(true);
}

function openPanel(open) {
  const opens = open && document.body.classList.contains("no-panel");
  document.body.classList.toggle("no-panel", !open);
  element("toggle-panel").setAttribute("aria-expanded", String(open));
  drawFrame();
  if (opens && drawn.has(selected)) reveal(drawn.get(selected).rect, false); // there is less room for the graph now
}

function section(title, ...children) {
  const inside = children.flat().filter(Boolean);
  return inside.length ? html("section", {}, html("h3", {}, title), ...inside) : null;
}

function table(rows) {
  const kept = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
  if (!kept.length) return null;
  return html("dl", {}, ...kept.flatMap(([name, value]) => [html("dt", {}, name), html("dd", {}, value)]));
}

function heading(kind, title, name) {
  return html(
    "header",
    {},
    html("span", { class: `badge ${kind}` }, LOOK.kinds[kind].means),
    html("h2", {}, title),
    name ? html("p", { class: "path" }, name) : null,
  );
}

function overview() {
  const operations = picture.boxes.filter((b) => b.kind === "operation" || b.kind === "output");
  const weights = picture.boxes.reduce((sum, b) => sum + parametersOf(b), 0);
  const kept = picture.boxes.filter((b) => b.saved).reduce((sum, b) => sum + b.bytes, 0);
  const keys = [
    ["/", "search"],
    ["Tab", "along the graph"],
    ["Enter", "look at a node, open or close a module"],
    ["arrows", "move, or step the player"],
    ["space", "play and pause"],
    ["+ − 0", "zoom in, out, fit"],
    ["D", "to the details, and back"],
    ["C  E", "close or open all modules"],
    ["Esc", "leave"],
  ];
  return [
    html("header", {}, html("h2", {}, picture.title || "Computation graph")),
    section(
      "The graph",
      table([
        ["operations", formatCount(operations.length)],
        ["parameters", weights ? formatCount(weights) : ""],
        ["modules", picture.groups.length ? formatCount(picture.groups.length) : ""],
        ["kept for backward", kept ? formatBytes(kept) : ""],
      ]),
    ),
    html(
      "p",
      { class: "hint" },
      "Click a node for its formula, its numbers and where it was called. The player below goes through the forward and the backward pass.",
    ),
    section(
      "Keys",
      html(
        "dl",
        { class: "keys" },
        ...keys.flatMap(([key, does]) => [html("dt", {}, html("kbd", {}, key)), html("dd", {}, does)]),
      ),
    ),
  ];
}

function boxDetails(box) {
  const operation = isOperation(box);
  const inside = groupsAround(box)
    .filter((g) => g.kind === "module")
    .map((g) => g.name || g.type);
  return [
    heading(lookOf(box), operation ? box.label : box.name || box.label, operation ? inside[0] : null),
    box.backward_of ? html("p", { class: "doc" }, `Recorded in the backward of ${box.backward_of}.`) : null,
    box.formula ? html("p", { class: "formula" }, box.formula) : null,
    box.text ? html("p", { class: "math" }, `here ${box.text}`) : null,
    box.doc ? html("p", { class: "doc" }, box.doc) : null,
    section(
      "Array",
      table([
        ["shape", box.shape ? formatShape(box.shape) : box.kind === "hidden" || box.kind === "failed" ? "" : "freed by backward()"],
        ["dtype", box.dtype],
        ["memory", box.bytes ? formatBytes(box.bytes) : ""],
        ["for backward", box.saved ? "kept" : ""],
        ["stands for", box.hidden ? plural(box.hidden, "node") : ""],
      ]),
    ),
    section("Attributes", table(Object.entries(box.attributes || {}))),
    box.shape_rule ? section("Shape rule", html("p", { class: "math" }, box.shape_rule)) : null,
    box.problem ? section("What did not fit", html("p", { class: "wrong" }, box.problem)) : null,
    box.remedy ? section("What to do", html("p", { class: "math wrong" }, box.remedy)) : null,
    (box.folded || []).length
      ? section("Stands for", html("p", { class: "math" }, box.folded.join(", ")))
      : null,
    rulesOf(box),
    summarySection("Value", box.value, "value"),
    summarySection("Gradient", box.gradient, "gradient"),
    linkSection(
      "Inputs",
      edgesInto.get(box.id),
      (e) => e.source,
      (e) => inputName(box, e.slot),
    ),
    linkSection(
      "Used by",
      edgesFrom.get(box.id),
      (e) => e.target,
      (e) => `as ${partName(boxes.get(e.target), e.slot)}`,
    ),
    costSection(box.cost),
    sourceSection(box.source),
  ];
}

// "numerator", "2nd": what an input is to its operation.
function partName(box, slot) {
  return (box.parts || [])[slot] || (box.inputs || [])[slot] || `input ${slot + 1}`;
}

// "a: numerator": the letter that formula and rules have for it, and what it is.
function inputName(box, slot) {
  const [letter, part] = [(box.inputs || [])[slot], partName(box, slot)];
  return letter && letter !== part ? `${letter}: ${part}` : part;
}

function rulesOf(box) {
  const rules = (box.rules || []).filter(Boolean);
  if (!rules.length) return null;
  const code = (box.code || []).filter(Boolean);
  return section(
    "Local gradient rules",
    ...rules.map((rule) => html("p", { class: "math" }, rule)),
    code.length
      ? html(
          "details",
          {},
          html("summary", { class: "quiet" }, "as they are written"),
          ...code.map((rule) => html("p", { class: "math" }, rule)),
        )
      : null,
  );
}

function groupDetails(group) {
  const inside = new Set(group.boxes.map((b) => b.id));
  const into = picture.edges.filter((e) => inside.has(e.target) && !inside.has(e.source));
  const from = picture.edges.filter((e) => inside.has(e.source) && !inside.has(e.target));
  const weights = group.boxes.filter((b) => b.kind === "parameter");
  const costs = group.boxes.map((b) => b.cost).filter(Boolean);
  const sum = (name) => costs.reduce((s, c) => s + (c[name] || 0), 0);
  const cost = costs.length
    ? Object.fromEntries(
        ["forward_s", "backward_s", "forward_bytes", "backward_bytes", "flops"].map((n) => [n, sum(n)]),
      )
    : null;
  const operations = group.boxes.filter((b) => b.kind === "operation" || b.kind === "output").length;
  const name = group.name && group.name !== group.type ? group.name : null;
  const button = (text, does) => html("button", { class: "wide", onclick: does }, text);
  return [
    heading("module", isRow(group) ? `${group.type} × ${group.count}` : group.type, name),
    canClose(group) || isClosed(group)
      ? button(`${isClosed(group) ? "Open" : "Close"} the ${group.kind}`, () => toggleGroup(group.id))
      : html("p", { class: "doc" }, `Several arrays go out of this ${group.kind}: it cannot be one node.`),
    isRow(group) && !isClosed(group)
      ? button(isOnce(group) ? `Show all ${group.count}` : "Show one for all", () => toggleRow(group.id))
      : null,
    section(
      `${group.kind[0].toUpperCase()}${group.kind.slice(1)}`,
      table([
        ["operations", formatCount(operations)],
        ["parameters", formatCount(group.boxes.reduce((s, b) => s + parametersOf(b), 0))],
        ["results", formatBytes(group.boxes.reduce((s, b) => s + (b.kind === "parameter" ? 0 : b.bytes), 0))],
        ["equal blocks", isRow(group) ? [formatCount(group.count), group.names.join(", ")].filter(Boolean).join(": ") : ""],
      ]),
    ),
    section(
      "Parameters",
      ...weights.map((b) => html("p", { class: "link-row" }, linkTo(b), html("span", {}, formatShape(b.shape)))),
    ),
    linkSection(
      "Inputs",
      into,
      (e) => e.source,
      (e) => `to ${boxes.get(e.target).text || boxes.get(e.target).label}`,
    ),
    linkSection(
      "Used by",
      from,
      (e) => e.target,
      () => "",
    ),
    costSection(cost),
  ];
}

function linkTo(box) {
  return html("button", { class: "link", onclick: () => visit(box.id, false) }, fullName(box));
}

function linkSection(title, edges, end, note) {
  const shown = edges.slice(0, 30);
  const rows = shown.map((e) => {
    const g = e.gradient ? html("span", { class: "gradient" }, `gradient ${inWords(e.gradient)}`) : null;
    return html("li", {}, html("span", { class: "quiet" }, note(e)), linkTo(boxes.get(end(e))), g);
  });
  if (edges.length > shown.length) rows.push(html("li", { class: "quiet" }, `and ${edges.length - shown.length} more`));
  return rows.length ? section(title, html("ul", {}, ...rows)) : null;
}

function costSection(cost) {
  if (!cost) return null;
  return section(
    "Cost",
    table([
      ["forward", `${formatSeconds(cost.forward_s)}, ${formatBytes(cost.forward_bytes)}`],
      ["backward", `${formatSeconds(cost.backward_s)}, ${formatBytes(cost.backward_bytes)}`],
      ["measured", picture.measured],
      ["work", cost.flops ? `${formatNumber(cost.flops / 1e6, 3)} MFLOP` : ""],
    ]),
  );
}

function sourceSection(source) {
  if (!source) return null;
  const file = String(source.file).split(/[\\/]/).pop();
  return section(
    "Called at",
    html("p", { class: "path", title: source.file }, `${file}, line ${source.line}`),
    source.code ? html("pre", {}, source.code) : null,
  );
}

// ---------------------------------------------------------------------------------------------------- statistics
function summarySection(title, s, look) {
  if (!s) return null;
  const single = hasNumbers(s) && flatten(s.values).length === 1;
  if (single) return section(title, html("p", { class: `big ${look}` }, formatNumber(flatten(s.values)[0], 7)));
  const count = countOf(s.shape);
  const share = (n) => (n ? `${formatCount(n)} of ${formatCount(count)}` : "");
  return section(
    title,
    hasNumbers(s) ? numberTable(s.values, s.shape, look) : null,
    histogram(s, look),
    table([
      ["min, max", s.min === null ? "" : `${formatNumber(s.min)}, ${formatNumber(s.max)}`],
      ["mean", s.mean === null ? "" : formatNumber(s.mean)],
      ["norm", s.norm === null ? "" : formatNumber(s.norm)],
      ["zeros", share(s.zeros)],
      ["NaN", share(s.nans)],
      ["infinite", share(s.infs)],
    ]),
  );
}

function numberTable(values, shape, look) {
  if (shape.length > 2) {
    return html(
      "div",
      {},
      ...values.map((part, i) =>
        html(
          "div",
          { class: "slice" },
          html("span", { class: "quiet" }, `[${i}]`),
          numberTable(part, shape.slice(1), look),
        ),
      ),
    );
  }
  const rows = shape.length < 2 ? [flatten(values)] : values;
  const body = rows.map((row) => html("tr", {}, ...row.map((x) => html("td", {}, formatNumber(x)))));
  return html("div", { class: "scroll", tabindex: 0 }, tableOf({ class: `numbers ${look}` }, [], body));
}

function histogram(s, look) {
  if (s.counts.length < 2) return null;
  const [width, height, base] = [300, 84, 68];
  const most = Math.max(...s.counts);
  const step = width / s.counts.length;
  const bars = s.counts.map((n, i) => {
    const h = n ? Math.max(1.5, (n / most) * (base - 6)) : 0;
    const range = `${formatNumber(s.edges[i], 3)} to ${formatNumber(s.edges[i + 1], 3)}: ${formatCount(n)}`;
    return svg(
      "rect",
      { x: round(i * step + 0.5), y: round(base - h), width: round(step - 1), height: round(h) },
      svg("title", {}, range),
    );
  });
  const [low, high] = [s.edges[0], s.edges[s.edges.length - 1]].map(toNumber);
  const zero = low < 0 && high > 0 ? (-low / (high - low)) * width : null;
  const label = `Histogram from ${formatNumber(low, 3)} to ${formatNumber(high, 3)}, highest bar ${formatCount(most)}`;
  return svg(
    "svg",
    { class: `histogram ${look}`, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    ...bars,
    svg("path", { class: "axis", d: `M0 ${base + 0.5}H${width}` }),
    zero === null ? null : svg("path", { class: "zero", d: `M${round(zero)} 2V${base}` }),
    svg("text", { x: 0, y: height - 2 }, formatNumber(low, 3)),
    zero === null || zero < 60 || zero > width - 60
      ? null
      : svg("text", { class: "middle", x: round(zero), y: height - 2 }, "0"),
    svg("text", { class: "end", x: width, y: height - 2 }, formatNumber(high, 3)),
  );
}
