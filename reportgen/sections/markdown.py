"""A user's Markdown as a tree of blocks: CommonMark with tables and struck-out words; HTML in it stays text.

Nothing in it is asked for: a picture becomes its words and its address, a link one only to the web or to mail.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from reportgen.blocks.markdown import Markdown, MarkedNode, MarkedText, web_address
from reportgen.blocks.wording import sentence

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

# Deeper parts, parts beyond so many, and pieces of lines beyond so many are left out.
DEPTH, NODES, PIECES = 12, 2000, 10_000
STYLES = {"strong": "strong", "em": "em", "s": "del"}
LISTS = {"bullet_list": "bullets", "ordered_list": "numbers"}


def markdown(text: str, more: str = "") -> Markdown:
    """The tree of `text`. more: what was left out of it already, as words without a full stop."""
    from markdown_it.tree import SyntaxTreeNode

    tree = _Tree()
    nodes = tree.nodes(SyntaxTreeNode(_parser().parse(text)).children, 0)
    left_out = [more] if more else []
    if tree.cut:
        left_out.append("parts of it that are very long or deep")
    return Markdown(nodes, caption=sentence(f"left out: {' and '.join(left_out)}") if left_out else "")


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"html": False, "maxNesting": 40}).enable(["table", "strikethrough"])
    # Every address is let through here; which of them become links is decided below.
    made.validateLink = lambda url: True  # type: ignore[method-assign]
    return made


class _Tree:
    """Turns the parser's tree into ours, and counts what it makes."""

    def __init__(self) -> None:
        self.cut = False
        self._nodes = 0
        self._pieces = 0

    def nodes(self, known: list[SyntaxTreeNode], depth: int) -> tuple[MarkedNode, ...]:
        """The parts of a text, list or quote."""
        found = []
        for node in known:
            self._nodes += 1
            if depth > DEPTH or self._nodes > NODES:
                self.cut = True
                break
            made = self._node(node, depth)
            if made is not None:
                found.append(made)
        return tuple(found)

    def _node(self, node: SyntaxTreeNode, depth: int) -> MarkedNode | None:
        kind = node.type
        if kind == "paragraph":
            return MarkedNode("paragraph", self._words(node))
        if kind == "heading":
            return MarkedNode("heading", self._words(node), level=int(node.tag[1:]))
        if kind in LISTS:
            start = int(node.attrs.get("start", 1)) if kind == "ordered_list" else 0
            return MarkedNode(LISTS[kind], children=self.nodes(node.children, depth + 1), level=start)
        if kind == "list_item":
            return self._item(node, depth)
        if kind == "blockquote":
            return MarkedNode("quote", children=self.nodes(node.children, depth + 1))
        if kind in ("fence", "code_block"):
            return MarkedNode("code", code=node.content.removesuffix("\n"))
        if kind == "hr":
            return MarkedNode("rule")
        if kind == "table":
            return MarkedNode("table", rows=self._rows(node), aligned=_aligned(node))
        if kind == "inline":
            return MarkedNode("paragraph", self._line(node.children, "", ""))
        return MarkedNode("paragraph", (MarkedText(node.content),)) if node.content else None

    def _item(self, node: SyntaxTreeNode, depth: int) -> MarkedNode:
        """An item; that of a list without empty lines begins with its words, without a paragraph around them."""
        children = list(node.children)
        line: tuple[MarkedText, ...] = ()
        if children and children[0].type == "paragraph" and children[0].hidden:
            line = self._words(children.pop(0))
        return MarkedNode("item", line, self.nodes(children, depth + 1))

    def _rows(self, node: SyntaxTreeNode) -> tuple[tuple[tuple[MarkedText, ...], ...], ...]:
        rows: list[tuple[tuple[MarkedText, ...], ...]] = []
        for part in node.children:
            for row in part.children:
                self._nodes += 1
                if self._nodes > NODES:
                    self.cut = True
                    return tuple(rows)
                rows.append(tuple(self._words(cell) for cell in row.children))
        return tuple(rows)

    def _words(self, node: SyntaxTreeNode) -> tuple[MarkedText, ...]:
        return tuple(
            piece
            for inline in node.children
            if inline.type == "inline"
            for piece in self._line(inline.children, "", "")
        )

    def _line(self, known: list[SyntaxTreeNode], style: str, href: str, depth: int = 0) -> tuple[MarkedText, ...]:
        found: list[MarkedText] = []
        for node in known:
            self._pieces += 1
            if self._pieces > PIECES or depth > DEPTH:
                self.cut = True
                break
            kind = node.type
            if kind in STYLES:
                inner = " ".join(dict.fromkeys([*style.split(), STYLES[kind]]))
                found += self._line(node.children, inner, href, depth + 1)
            elif kind == "link":
                found += self._link(node, style, depth)
            elif kind == "image":
                words = node.content or "picture"
                found.append(MarkedText(f"{words} ({node.attrs.get('src', '')})", style, href))
            elif kind == "code_inline":
                found.append(MarkedText(node.content, f"{style} code".strip(), href))
            elif kind == "hardbreak":
                found.append(MarkedText("\n"))
            elif kind == "softbreak":
                found.append(MarkedText(" ", style, href))
            elif node.content:
                found.append(MarkedText(node.content, style, href))
        return tuple(found)

    def _link(self, node: SyntaxTreeNode, style: str, depth: int) -> tuple[MarkedText, ...]:
        address = str(node.attrs.get("href", ""))
        if web_address(address):
            return self._line(node.children, style, address, depth + 1)
        # What else has an address, such as one of a file or a script, says it in brackets.
        words = self._line(node.children, style, "", depth + 1)
        return (*words, MarkedText(f" ({address})", style)) if address else words


def _aligned(table: SyntaxTreeNode) -> tuple[str, ...]:
    """How each column of a table is set, which the parser says in a style of the heading's cells."""
    heads = [cell for part in table.children[:1] for row in part.children[:1] for cell in row.children]
    found = tuple(str(cell.attrs.get("style", "")).removeprefix("text-align:") for cell in heads)
    return found if any(found) else ()
