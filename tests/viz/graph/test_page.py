"""The page as a text: it stands alone, and no name can break out of its place."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from viz.graph.pictures import AWKWARD, awkward, classic, lenet

from tinygrad_cnn.viz.graph.html import SCRIPTS, _part, page
from tinygrad_cnn.viz.graph.structure import Box, Picture


class Reader(HTMLParser):
    """Elements with their attributes, the texts of scripts, the title."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "title": [], "style": []}
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag
        if tag in self.texts:
            self.texts[tag].append("")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside in self.texts:
            self.texts[self.inside][-1] += data


@pytest.mark.parametrize("picture", [classic()[0], lenet(), Picture()], ids=["classic", "lenet", "empty"])
def test_nothing_is_loaded(picture: Picture) -> None:
    text = page(picture)
    reader = Reader(text)
    for tag, attributes in reader.tags:
        assert "src" not in attributes, tag
        assert not set(attributes) & {"srcset", "action", "poster", "background", "ping"}, tag
        href = attributes.get("href") or ""
        assert not href or href.startswith("#") or (tag == "link" and href == "data:,"), (tag, href)
    code = text.replace(reader.texts["script"][0], "")  # all but the data
    assert not re.search(
        r"https?:|//[a-z]+\.|\bfetch\(|XMLHttpRequest|WebSocket|\bimport\b|@import|url\(|innerHTML", code
    )
    policy = next(a["content"] for tag, a in reader.tags if tag == "meta" and "http-equiv" in a)
    assert policy is not None
    assert "default-src 'none'" in policy


def test_the_data_comes_back_unchanged() -> None:
    for picture in (classic()[0], lenet(), awkward(), Picture()):
        data = Reader(page(picture)).texts["script"][0]
        assert json.loads(data) == json.loads(json.dumps(picture.as_dict()))


def test_names_stay_text() -> None:
    text = page(awkward())
    reader = Reader(text)
    assert len(reader.texts["script"]) == 2, "a name has ended the data, or begun a script"
    assert "b" not in [tag for tag, _ in reader.tags]
    assert AWKWARD not in text
    assert reader.texts["title"] == [" ".join(AWKWARD.split())]
    data = json.loads(reader.texts["script"][0])
    assert data["title"] == data["boxes"][0]["name"] == data["groups"][0]["type"] == AWKWARD
    assert not set(reader.texts["script"][0]) & set("<>&\u2028\u2029")


def test_what_utf8_cannot_hold() -> None:
    text = page(Picture(boxes=[Box(0, "leaf", "a\udc80b")]))
    data = json.loads(Reader(text.encode("utf-8").decode("utf-8")).texts["script"][0])
    assert data["boxes"][0]["label"] == "a\udc80b"
    assert page(Picture("a\udc80b")).encode("utf-8"), "nor must a title break the file"


def test_every_part_is_in_it() -> None:
    text = page(Picture("{{script}}"))
    assert "<title>{{script}}</title>" in text, "what looks like a place to fill is left alone in a text"
    for part in (*(f"{name}.js" for name in SCRIPTS), "style.css"):
        assert len(_part(part)) > 500, part
        assert _part(part) in text


def test_another_colour_is_refused() -> None:
    assert 'data-first="memory"' in page(Picture(), color_by="memory")
    with pytest.raises(ValueError, match='color_by must be None, "time" or "memory", got \'colour\''):
        page(Picture(), color_by="colour")
