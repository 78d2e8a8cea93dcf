"""A page with every part of the kit on it."""

from __future__ import annotations

from tinygrad_cnn.viz.kit.page import base_style, document, web

STYLE = """
body { padding: 16px; max-width: 800px; }
section { margin: 16px 0; display: grid; gap: 10px; justify-items: start; }
#plot > div { width: 100%; }
"""
BODY = """
<h1>The kit</h1>
<main><section id="tools"></section><section id="tile"></section><section id="plot"></section></main>
"""
SCRIPT = """
const given = dataOf("given");
let [picked, hovered, picks] = [null, null, 0];
const moved = [];
const tile = arrayTile({
  rows: 3, columns: 4, values: given.values, scale: colorScale("diverging", -6, 5), label: "Some numbers",
  onpick: (...cell) => { picked = cell; picks += 1; }, onhover: (...cell) => { hovered = cell; },
});
const plain = slider({ label: "Plain", min: 0, max: 10, step: 1, value: 3, onchange: (v) => moved.push(["plain", v]) });
const rate = slider({
  label: "Learning rate", min: 1e-4, max: 1, value: 0.1, log: true, onchange: (v) => moved.push(["rate", v]),
});
const plot = linePlot({ label: "Loss", x: [0, 1, 2, 3], series: given.series, xLabel: "step", yLabel: "loss" });
element("tools").append(themeButton(), plain.element, rate.element);
element("tile").append(tile.element);
element("plot").append(plot.element);
// the tests reach for what a page keeps to itself
Object.assign(window, { channel, tile, rate, plot, moved, formatNumber, colorScale, themeColor, inkOn });
Object.assign(window, { bytesOf, countOf, placeOfMost, tableOf, html });
for (const [name, get] of Object.entries({ picked: () => picked, hovered: () => hovered, picks: () => picks }))
  Object.defineProperty(window, name, { get });
document.body.dataset.ready = "yes";
"""


def demo() -> str:
    values = [[-6, -5, -4, -3], [-2, -1, 0, 1], [2, 3, "NaN", 5]]
    series = [
        {"name": "train", "values": [1, 0.5, 0.25, 0.125]},
        {"name": "held out", "values": [1, "NaN", 0.75, 0.5]},
    ]
    scripts = [*web("tile", "slider", "plot", "theme", "channel"), SCRIPT]
    given = {"values": values, "series": series}
    return document("The kit", BODY, styles=[base_style(), STYLE], scripts=scripts, data={"given": given})
