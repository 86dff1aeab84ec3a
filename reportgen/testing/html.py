"""An HTML page as a tree of elements, strict about how it is written: what ReportDoc reads reports with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset(("area", "base", "br", "col", "embed", "hr", "img", "input"))
VOID |= frozenset(("link", "meta", "param", "source", "track", "wbr"))
# Elements whose end tag a page may leave out at its very end.
OUTERMOST = frozenset(("html", "head", "body"))
# Elements whose text is no text of the page.
SILENT = frozenset(("script", "style", "template", "head", "noscript"))
# Of a drawing: its text alternative, which is read out, not shown.
ALTERNATIVES = frozenset(("title", "desc", "metadata"))


@dataclass(eq=False, slots=True)
class Element:
    """One element: its tag and attributes in lower case (SVG's camelCase names too), its children, its line."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None = None
    line: int = 0
    children: list[Element | str] = field(default_factory=list)

    def get(self, name: str, default: str = "") -> str:
        """The value of an attribute ("" for one without a value)."""
        return self.attributes.get(name, default)

    @property
    def elements(self) -> Iterator[Element]:
        """All elements inside this one, in document order."""
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.elements

    @property
    def ancestors(self) -> Iterator[Element]:
        """The elements around this one, innermost first."""
        outer = self.parent
        while outer is not None:
            yield outer
            outer = outer.parent

    def all(self, *tags: str) -> list[Element]:
        """The elements inside this one that have one of these tags."""
        return [element for element in self.elements if element.tag in tags]

    def inside(self, *tags: str) -> bool:
        """Whether an element with one of these tags is around this one."""
        return any(outer.tag in tags for outer in self.ancestors)

    @property
    def raw(self) -> str:
        """All text directly inside, as it stands: of a script or style, its source."""
        return "".join(child for child in self.children if isinstance(child, str))

    @property
    def pieces(self) -> Iterator[str]:
        """The pieces of text that are shown, stripped, in order; hidden elements' and text alternatives' left out."""
        for child in self.children:
            if isinstance(child, str):
                if child.strip():
                    yield child.strip()
            elif child.tag not in SILENT and child.tag not in ALTERNATIVES and "hidden" not in child.attributes:
                yield from child.pieces

    @property
    def text(self) -> str:
        """The text that is shown, with single spaces."""
        return " ".join(" ".join(self.pieces).split())

    def __str__(self) -> str:
        name = self.get("id") or self.get("class") or self.get("href")
        return f"<{self.tag}{' ' + name if name else ''}> (line {self.line})"


class TreeBuilder(HTMLParser):
    """Builds the tree, and notes down in `faults` what a browser would have to guess."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("#document", {})
        self.doctype = ""
        self.faults: list[str] = []
        self._open = self.root

    def handle_decl(self, decl: str) -> None:
        """Keep the document type."""
        self.doctype = decl

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element; one that can have no children is closed at once."""
        element = self._add(tag, attrs)
        if tag not in VOID:
            self._open = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Add an element written `<tag/>`, which only void elements and those of a drawing may be."""
        element = self._add(tag, attrs)
        if tag not in VOID and tag != "svg" and not element.inside("svg", "math"):
            self.faults.append(f"{element} is written <{tag}/>, which a browser takes for a start tag")

    def _add(self, tag: str, attrs: list[tuple[str, str | None]]) -> Element:
        element = Element(tag, {}, self._open, self.getpos()[0])
        for name, value in attrs:
            if name in element.attributes:
                self.faults.append(f"{element} has two attributes {name}")
            element.attributes.setdefault(name, value or "")
        self._open.children.append(element)
        return element

    def handle_endtag(self, tag: str) -> None:
        """Close an element; one that is not the innermost open one is a fault."""
        if tag in VOID:
            return
        names = [self._open.tag, *(outer.tag for outer in self._open.ancestors)]
        if tag not in names:
            self.faults.append(f"</{tag}> in line {self.getpos()[0]} closes nothing")
            return
        while self._open.tag != tag:
            self.faults.append(f"{self._open} is not closed before </{tag}> in line {self.getpos()[0]}")
            self._open = self._open.parent or self.root
        self._open = self._open.parent or self.root

    def handle_data(self, data: str) -> None:
        """Keep text."""
        self._open.children.append(data)

    def finish(self) -> None:
        """Take in what is left; only the outermost elements may still be open."""
        self.close()
        while self._open is not self.root:
            if self._open.tag not in OUTERMOST:
                self.faults.append(f"{self._open} is never closed")
            self._open = self._open.parent or self.root
