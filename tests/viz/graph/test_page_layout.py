"""What stands where on the page: nothing overlaps, each line runs from its source to its target."""

from __future__ import annotations

import pytest
from viz.graph import pictures

pytest.importorskip("selenium", reason="Selenium is not installed: the page meets no browser")
from viz.graph.browsing import Window

OVERLAPS = """
const rect = (e) => e.getBoundingClientRect();
const beside = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1;
const apart = (a, b) => beside(a, b) || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
const across = (a, b) => a.left >= b.left - 1 && a.right <= b.right + 1;
const within = (a, b) => across(a, b) && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
const pairs = (list, check) => list.forEach((a, i) => list.slice(i + 1).forEach((b) => check(a, b)));
const nodes = [...document.querySelectorAll('#nodes .node > .outline')].map(rect);
const frames = [...document.querySelectorAll('.frame')].map(rect);
const faults = [];
pairs(nodes, (a, b) => apart(a, b) || faults.push('two nodes'));
pairs(frames, (a, b) => apart(a, b) || within(a, b) || within(b, a) || faults.push('two modules'));
const members = frames.map((f) => nodes.filter((n) => within(n, f)).length);
nodes.forEach((n) => frames.forEach((f) => apart(n, f) || within(n, f) || faults.push('a node on a border')));
return [faults, members];
"""


@pytest.mark.parametrize("seed", range(6))
def test_nothing_overlaps(window: Window, seed: int) -> None:
    picture = pictures.random_picture(20 + 12 * seed, seed, "LR" if seed % 2 else "TB")
    window.open(picture)
    for turn in (False, True):
        window.click("#open-all")
        if turn:
            window.click("#turn")
        faults, members = window.run(OVERLAPS)
        assert faults == []
        parents = {g.id: g.parent for g in picture.groups}
        inside = dict.fromkeys(parents, 0)
        for box in picture.boxes:
            group = box.group
            while group is not None:
                inside[group] += 1
                group = parents[group]
        assert sorted(members) == sorted(n for n in inside.values() if n > 1), "each module holds its own, nothing else"


ENDS = """
const rects = new Map();
for (const node of document.querySelectorAll('#nodes .node')) {
  rects.set(node.dataset.key, node.querySelector('.outline').getBoundingClientRect());
}
const picture = JSON.parse(document.getElementById('picture').textContent);
const near = (p, r) => p.x > r.left - 2 && p.x < r.right + 2 && p.y > r.top - 2 && p.y < r.bottom + 2;
const drawn = [];
for (const line of document.querySelectorAll('#lines > g')) {
  const path = line.querySelector('.wire');
  const at = (s) => path.getPointAtLength(s).matrixTransform(path.getScreenCTM());
  for (const i of line.dataset.edges.split(' ').map(Number)) {
    const e = picture.edges[i];
    const length = path.getTotalLength();
    let touched = null; // a node that is neither of its ends
    for (let s = 0; s < length; s += Math.max(5, length / 300)) {
      const p = at(s);
      const over = (r) => p.x > r.left + 2 && p.x < r.right - 2 && p.y > r.top + 2 && p.y < r.bottom - 2;
      for (const [key, r] of rects) if (over(r)) touched = key;
    }
    drawn.push([i, near(at(0), rects.get('b' + e.source)), near(at(length), rects.get('b' + e.target)), touched]);
  }
}
return drawn.sort((a, b) => a[0] - b[0]);
"""


@pytest.mark.parametrize(
    ("n", "seed", "direction"), [(50, 7, "TB"), (50, 8, "TB"), (50, 9, "LR"), (64, 5, "TB"), (64, 6, "LR")]
)
def test_every_edge_runs_from_its_source_to_its_target(window: Window, n: int, seed: int, direction: str) -> None:
    picture = pictures.random_picture(n, seed, direction)  # of more than 60, weights stand beside their operation
    window.open(picture)
    window.click("#open-all")
    assert window.run(ENDS) == [[i, True, True, None] for i in range(len(picture.edges))], "and through no node"


def test_arrows_have_heads_of_the_colour_of_their_lines(window: Window) -> None:
    window.open(pictures.lenet())
    colours = """
        return [...document.querySelectorAll('#lines > g')].map((line) => [".head", ".wire"].map((part, i) =>
          getComputedStyle(line.querySelector(part))[i ? "stroke" : "fill"]));
    """
    heads = window.run(colours)
    assert heads
    assert all(head == wire != "none" for head, wire in heads)
    window.node("conv2d").click()
    assert len({head for head, wire in window.run(colours) if head == wire}) == 2, (
        "those at the selected node stand out"
    )


def test_two_thousand_nodes(window: Window) -> None:
    window.open(pictures.random_picture(2000, 3))
    window.run("document.getElementById('open-all').click()")
    assert len(window.all("#nodes .node")) == 2000
