// Colour by cost: what an operation took of the time or the memory, from white to orange.

let heat = "kind"; // or "time", "memory"

function costOf(node) {
  const members = node.group ? node.group.boxes : [node.box];
  const of = (c) => (heat === "time" ? c.forward_s + c.backward_s : c.forward_bytes + c.backward_bytes);
  return members.reduce((sum, b) => sum + (b.cost ? of(b.cost) : 0), 0);
}

function hasCost(node) {
  return node.group ? node.group.boxes.some((b) => b.cost) : Boolean(node.box.cost);
}

function heatColor(t) {
  return cssColor(mixStops(LOOK.heat, t));
}

function timeScale(most) {
  return `${formatSeconds(most)}${picture.measured ? `, ${picture.measured}` : ""}`;
}

function paintHeat() {
  const nodes = [...drawn.values()].filter((n) => n.content);
  const on = heat !== "kind";
  const most = on ? nodes.reduce((m, n) => Math.max(m, costOf(n)), 0) : 0;
  canvas.classList.toggle("heat", on);
  for (const n of nodes) {
    const t = most ? costOf(n) / most : 0;
    n.element.style.setProperty("--heat", heatColor(t));
    n.element.classList.toggle("heat-on", on && hasCost(n)); // inputs and parameters stay what they are
  }
  element("scale").hidden = !on;
  element("scale").title = picture.measured || "";
  if (on) element("scale-most").textContent = heat === "time" ? timeScale(most) : formatBytes(most);
}
