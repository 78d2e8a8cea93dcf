"""What a drawing says, found by other ways than it was drawn by."""

from __future__ import annotations

from tinygrad_cnn.viz.graph.structure import Box, Picture, around


def seen_as(picture: Picture, drawn: Picture) -> dict[int, Box]:
    """By box of the whole: the box it is drawn as. Found by walking the tree from outside to the box."""
    groups = {g.id: g for g in picture.groups}
    members = picture.members()
    there = {b.id: b for b in drawn.boxes}
    fresh = max(b.id for b in picture.boxes) + 1

    def find(box: Box) -> Box:
        for g in around(box.group, groups):
            if g + fresh in there:
                return there[g + fresh]
            if groups[g].shown == "once":
                blocks = [[b.id for b in members[block]] for block in groups[g].blocks]
                place = next((block.index(box.id) for block in blocks[1:] if box.id in block), None)
                if place is not None:
                    return find(members[groups[g].blocks[0]][place])
        return there[box.id]

    return {b.id: find(b) for b in picture.boxes}
