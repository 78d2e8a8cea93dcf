// A step of the player in words: what came in, what the rule is, what went on.

function stepDetails() {
  const { phase, box } = player.steps[player.at];
  if (phase === "start") {
    return [
      html("header", {}, html("span", { class: "badge start" }, "start"), html("h2", {}, "Before the first operation")),
      html(
        "p",
        { class: "doc" },
        "Known are the inputs, the parameters and the constants. Each step forward computes one operation from what it is connected to.",
      ),
      phaseLength.backward
        ? html(
            "p",
            { class: "doc" },
            "Then the gradient starts as 1 at every number of the output and flows back: each operation multiplies what arrives by its local derivative.",
          )
        : picture.edges.some((e) => e.back)
          ? null // the way back is among the steps
          : html("p", { class: "doc" }, "No gradient was recorded, so there is no backward pass to play."),
    ].filter(Boolean);
  }
  const nth = phase === "forward" ? player.at : player.at - phaseLength.forward;
  const badge = html("span", { class: `badge ${phase}` }, `${phase} ${nth} / ${phaseLength[phase]}`);
  const module = groupsAround(box).find((g) => g.kind === "module" && g.name);
  const where = module ? html("p", { class: "path" }, module.name) : null;
  const head = html("header", { class: "step" }, badge, html("h2", {}, box.label), where);
  const rest = phase === "forward" ? forwardDetails(box) : backwardDetails(box);
  const hiding = groupsAround(box).find(isClosed);
  const open = hiding ? html("button", { class: "wide", onclick: () => showInside(box) }, "Open its module") : null;
  const more = html("button", { class: "wide", onclick: () => visit(box.id, false) }, "All about this node");
  return [head, ...rest, open, more].filter(Boolean);
}

function showInside(box) {
  openToSee(box.id);
  goTo(player.at);
}

function forwardDetails(box) {
  const inputs = edgesInto
    .get(box.id)
    .map((e) =>
      html(
        "li",
        {},
        html("span", { class: "quiet" }, inputName(box, e.slot)),
        linkTo(boxes.get(e.source)),
        html("span", { class: "value" }, inWords(boxes.get(e.source).value)),
      ),
    );
  return [
    box.formula ? html("p", { class: "formula" }, box.formula) : null,
    box.problem ? html("p", { class: "wrong" }, box.problem) : null,
    box.remedy ? html("p", { class: "math wrong" }, box.remedy) : null,
    section("From", html("ul", {}, ...inputs)),
    box.problem ? null : section("Result", ...result(box.value, box, "value")),
    box.shape_rule ? section("Shape", html("p", { class: "math" }, box.shape_rule)) : null,
  ];
}

// A single number large, an array by its numbers or its shape and norm.
function result(s, box, look) {
  if (!s) return [html("p", { class: "math" }, box.shape ? `shape ${formatShape(box.shape)}` : "not recorded")];
  if (hasNumbers(s) && flatten(s.values).length === 1)
    return [html("p", { class: `big ${look}` }, formatNumber(flatten(s.values)[0], 6))];
  const numbers = hasNumbers(s) ? numberTable(s.values, s.shape, look) : histogram(s, look);
  return [html("p", { class: `math ${look}` }, `shape ${formatShape(s.shape)}, norm ${formatNumber(s.norm)}`), numbers];
}

// The numbers that the rules speak of, where they are single ones: "g = 1, y = 0.46, x = 0.5".
function knownNumbers(box) {
  const named = [
    ["g", box.gradient],
    ["y", box.value],
  ];
  for (const e of edgesInto.get(box.id)) named.push([(box.inputs || [])[e.slot], boxes.get(e.source).value]);
  const single = named.filter(([name, s]) => name && hasNumbers(s) && flatten(s.values).length === 1);
  const text = single.map(([name, s]) => `${name} = ${formatNumber(flatten(s.values)[0])}`).join(", ");
  return text ? html("p", { class: "path" }, `with ${text}`) : null;
}

function backwardDetails(box) {
  const arriving = edgesFrom.get(box.id).filter(carries);
  const leaving = edgesInto.get(box.id).filter(carries);
  const terms = arriving.map(gradientOf);
  const from = arriving.map((e, i) => {
    const name = `where it is ${partName(boxes.get(e.target), e.slot)}`;
    return html(
      "li",
      {},
      html("span", { class: "quiet" }, "from"),
      linkTo(boxes.get(e.target)),
      html("span", { class: "quiet" }, name),
      arriving.length > 1 ? html("span", { class: "gradient" }, inWords(terms[i])) : null,
    );
  });
  const sum = terms.length > 1 ? accumulation(terms, box.gradient) : null;
  const adding =
    terms.length > 1
      ? `Used ${terms.length === 2 ? "twice" : `${terms.length} times`}: the gradients add up`
      : "Arriving gradient";
  const out = leaving.map((e) =>
    html(
      "li",
      { class: "sent" },
      (box.rules || [])[e.slot] ? html("p", { class: "math" }, box.rules[e.slot]) : null,
      html("span", { class: "quiet" }, `to ${inputName(box, e.slot)}`),
      linkTo(boxes.get(e.source)),
      html("span", { class: "gradient" }, inWords(gradientOf(e))),
    ),
  );
  const leaf = !edgesInto.get(box.id).length;
  return [
    section(
      arriving.length ? adding : "Start of the way back",
      from.length ? html("ul", {}, ...from) : null,
      sum
        ? html("p", { class: "sum gradient" }, sum)
        : html("div", {}, ...result(box.gradient, box, "gradient").filter(Boolean)),
      leaf ? html("p", { class: "doc" }, "A leaf: this is what its .grad received.") : null,
    ),
    section(
      "Local rule, and what it sends on",
      out.length ? knownNumbers(box) : null,
      out.length ? html("ul", {}, ...out) : null,
    ),
  ];
}
