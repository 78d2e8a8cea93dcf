"""The building blocks of the report: whatever a page is given is shown as text."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from tinygrad_cnn.viz.pages import Section, inline_svg, page

NASTY = [
    '"><b>x</b>', "'><b>x</b>", "</title></style></script><b>x", "&lt;b&gt;", "&amp;", '" onclick="x', "<!-- x",
    "a & b",
]  # fmt: skip
PICTURE = '<?xml version="1.0"?>\n<svg width="1"><title>t</title><g id="a"><use href="#a"/></g></svg>'


class Elements(HTMLParser):
    """What a browser reads: tags with their attributes, and the texts between."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("text", NASTY)
def test_whatever_a_page_is_given_is_text(text: str) -> None:
    def whole(said: str) -> Elements:
        section = Section(said)
        section.say(said)
        section.tabulate([[said, said]])
        section.tabulate([[said] * 4], [said] * 4)
        section.embed(said, PICTURE)
        return Elements(page(said, [section, section]))

    nasty, plain = whole(text), whole("word")
    assert [tag for tag, _ in nasty.found] == [tag for tag, _ in plain.found]
    assert [set(attributes) for _, attributes in nasty.found] == [set(attributes) for _, attributes in plain.found]
    assert nasty.texts.count(text) == plain.texts.count("word") == 2 + 2 + 2 * (2 + 2 + 8 + 1)
    assert [a["aria-label"] for tag, a in nasty.found if tag == "svg"] == [text, text]  # read out to who cannot see it


def test_pictures_do_not_share_names() -> None:
    elements = [Elements(inline_svg(PICTURE, "")).found for _ in range(2)]
    ids = [attributes["id"] for found in elements for _, attributes in found if "id" in attributes]
    links = [attributes["href"] for found in elements for _, attributes in found if "href" in attributes]
    assert len(set(ids)) == 2
    assert links == [f"#{name}" for name in ids]
