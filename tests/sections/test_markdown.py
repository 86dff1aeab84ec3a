"""Markdown of users as a tree, and as elements of the page."""

import pytest

from reportgen.blocks import MarkedNode, MarkedText
from reportgen.render.environment import environment
from reportgen.sections.markdown import markdown
from reportgen.testing import HOSTILE
from reportgen.testing.html import TreeBuilder


def elements(text: str):
    template = '{% import "macros/markdown.html" as marked %}{{ marked.nodes(known) }}'
    builder = TreeBuilder()
    builder.feed(environment().from_string(template).render(known=markdown(text).nodes))
    builder.finish()
    assert builder.faults == []
    return builder.root


def line(text: str) -> tuple[MarkedText, ...]:
    (node,) = markdown(text).nodes
    return node.line


def test_styles_nest_and_lines_break():
    assert line("a **b *c*** `d` ~~e~~  \nf\ng") == (
        MarkedText("a "),
        MarkedText("b ", "strong"),
        MarkedText("c", "strong em"),
        MarkedText(" "),
        MarkedText("d", "code"),
        MarkedText(" "),
        MarkedText("e", "del"),
        MarkedText("\n"),
        MarkedText("f"),
        MarkedText(" "),
        MarkedText("g"),
    )


def test_the_columns_of_a_table_are_set_as_its_rule_says():
    text = "| a | b | c | d |\n|:--|--:|:-:|---|\n| 1 | 2 | 3 | 4 |"
    (table,) = markdown(text).nodes
    (plain,) = markdown("| a | b |\n|---|---|\n| 1 | 2 |").nodes

    assert table.aligned == ("left", "right", "center", "")
    assert plain.aligned == ()
    assert [cell.get("align") for cell in elements(text).all("td")] == ["", "right", "center", ""]


def test_lists_tables_quotes_and_code():
    nodes = markdown("3. a\n4. b\n   - c\n\n> q\n\n|x|y|\n|-|-|\n|1|2|\n\n```py\nz = 1\n```\n\n---\n").nodes

    assert [node.kind for node in nodes] == ["numbers", "quote", "table", "code", "rule"]
    assert nodes[0].level == 3
    assert nodes[0].children[1].line == (MarkedText("b"),)
    assert nodes[0].children[1].children[0] == MarkedNode("bullets", children=(MarkedNode("item", (MarkedText("c"),)),))
    assert nodes[2].rows == (
        ((MarkedText("x"),), (MarkedText("y"),)),
        ((MarkedText("1"),), (MarkedText("2"),)),
    )
    assert nodes[3].code == "z = 1"


@pytest.mark.parametrize("address", ["https://example.org/a?b=c&d", "HTTP://example.org", "mailto:a@example.org"])
def test_web_and_mail_addresses_are_links_that_tell_nobody(address):
    (link,) = elements(f"[words]({address})").all("a")

    assert link.get("href") == address
    assert set(link.get("rel").split()) == {"noopener", "noreferrer", "nofollow"}


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd", "/a", "#b", "//c"],
)
def test_other_addresses_are_words(address):
    root = elements(f"[words]({address}) and <{address}>")

    assert root.all("a") == []
    assert f"words ({address})" in root.text


def test_a_picture_is_its_words_and_its_address():
    root = elements("![a cat](https://example.org/cat.png) and [![b](c.png)](https://example.org)")

    assert root.all("img") == []
    assert "a cat (https://example.org/cat.png)" in root.text
    assert root.all("a")[0].text == "b (c.png)"


def test_html_stays_text():
    root = elements("<b>bold</b> <script>alert(1)</script>\n\n<div onclick='x'>\nblock\n</div>\n")

    assert {element.tag for element in root.elements} <= {"p"}
    assert "<script>alert(1)</script>" in root.text
    assert "<div onclick='x'>" in root.text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_make_no_other_elements(text):
    known = {"p", "strong", "em", "code", "s", "br", "ul", "ol", "li", "blockquote", "pre", "hr", "a", "div"}
    root = elements(f"# {text}\n\n- {text}\n\n> {text}\n\n`{text}`\n\n[{text}](https://example.org)")
    found = list(root.elements)

    assert {element.tag for element in found} <= known | {"table", "thead", "tbody", "tr", "th", "td"}
    assert not any(name.startswith("on") for element in found for name in element.attributes)


def test_depth_and_size_are_bounded_and_what_is_left_out_is_told():
    deep = markdown("".join("  " * at + "- x\n" for at in range(30)))
    long = markdown("a\n\n" * 5000)
    quotes = markdown(">" * 5000 + " x")

    assert deep.caption == "Left out: parts of it that are very long or deep."
    assert len(long.nodes) == 2000
    assert long.caption == deep.caption
    assert len(quotes.nodes) == 1
    assert markdown("short", "5 more characters").caption == "Left out: 5 more characters."
    assert markdown("short").caption == ""
