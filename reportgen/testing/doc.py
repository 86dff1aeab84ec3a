"""ReportDoc: parses a report and checks the promises a page makes (one file, no network, safe, readable by all)."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from reportgen.testing.drawing import drawing_faults
from reportgen.testing.html import Element, TreeBuilder

# Attributes whose value is an address, or a list of ids of the same page.
_ADDRESSES = ("src", "href", "xlink:href", "srcset", "action", "formaction", "data", "poster", "background", "cite")
_REFERENCES = ("aria-labelledby", "aria-describedby", "aria-controls", "for", "headers", "list")
_FORBIDDEN = ("iframe", "frame", "object", "embed", "base", "applet", "form", "portal")
_POLICY = {
    "default-src": {"'none'"},
    "base-uri": {"'none'"},
    "form-action": {"'none'"},
    "img-src": {"data:", "blob:"},
    "media-src": {"data:", "blob:"},
}
_URL = re.compile(r"url\(\s*['\"]?([^'\")]*)")
# Characters that no HTML page may hold: controls but tab, newline and return, lone surrogates, non-characters.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


class ReportDoc:
    """A report as a program reads it: its sections, tables and charts, and a check of what every report promises.

        doc = ReportDoc(Path("report.html")).check()
        assert "lowest 0.066" in doc.sections["metrics"].text

    Args:
        source: the report's HTML (a str), or the path of the file that holds it (a Path).

    Raises:
        UnicodeDecodeError: the file is not UTF-8.
        OSError: the file cannot be read.
    """

    def __init__(self, source: str | os.PathLike[str]) -> None:
        # Bytes, since reading as text would turn \r\n into \n before the hashes of script and style are taken.
        self.html = source if isinstance(source, str) else Path(source).read_bytes().decode("utf-8")
        builder = TreeBuilder()
        builder.feed(self.html)
        builder.finish()
        self.root = builder.root
        self._faults = builder.faults
        self._doctype = builder.doctype
        self._elements = list(self.root.elements)

    @property
    def title(self) -> str:
        """The text of the page's <title>."""
        return next((element.raw.strip() for element in self._all("title") if not element.inside("svg")), "")

    @property
    def text(self) -> str:
        """All text that is shown, with single spaces; of what is folded too."""
        return self.root.text

    @property
    def ids(self) -> list[str]:
        """All ids in document order, repeated ones repeatedly."""
        return [element.attributes["id"] for element in self._elements if "id" in element.attributes]

    @property
    def sections(self) -> dict[str, Element]:
        """The page's sections by id, in document order, its header too; `.text` is a section's text."""
        return {
            element.get("id"): element
            for element in self._all("section", "header")
            if element.get("id") and not element.inside("section")
        }

    @property
    def headings(self) -> list[tuple[int, str]]:
        """Level and text of each heading."""
        return [(int(element.tag[1]), element.text) for element in self._all(*(f"h{level}" for level in range(1, 7)))]

    @property
    def charts(self) -> list[Element]:
        """The outermost <svg> elements that are not hidden from readers of text (small ornaments are)."""
        return [svg for svg in self._drawings if svg.get("aria-hidden") != "true"]

    def tables(self, section: str = "") -> list[list[list[str]]]:
        """The tables (of one section) as rows of cells' texts, headings included."""
        where = self.sections[section] if section else self.root
        return [
            [[cell.text for cell in row.all("td", "th")] for row in table.all("tr")] for table in where.all("table")
        ]

    @property
    def data(self) -> str:
        """The text of the inert data block: the page's Run ("" without one)."""
        blocks = [script.raw for script in self._all("script") if script.get("type") == "application/json"]
        return blocks[0] if blocks else ""

    @property
    def policy(self) -> dict[str, set[str]]:
        """The page's own Content-Security-Policy: directive -> sources ({} without one)."""
        for meta in self._all("meta"):
            if meta.get("http-equiv").lower() == "content-security-policy":
                parts = [part.split() for part in meta.get("content").split(";") if part.strip()]
                return {part[0]: set(part[1:]) for part in parts}
        return {}

    def violations(self) -> list[str]:
        """Every promise that the page breaks, as sentences; [] for a good one."""
        checks = (self._writing, self._head, self._names, self._addresses, self._code, self._policy_faults)
        found = [*self._faults, *(fault for check in checks for fault in check())]
        found += [*self._pictures(), *self._order()]
        return found + [fault for svg in self._drawings for fault in drawing_faults(svg)]

    def check(self) -> ReportDoc:
        """Return the document itself, or raise AssertionError with all violations (the first 40 in full)."""
        found = self.violations()
        if found:
            more = f"\n  and {len(found) - 40} more" if len(found) > 40 else ""
            raise AssertionError(f"{len(found)} violations:\n  " + "\n  ".join(found[:40]) + more)
        return self

    def _all(self, *tags: str) -> list[Element]:
        return [element for element in self._elements if element.tag in tags]

    @property
    def _drawings(self) -> list[Element]:
        return [svg for svg in self._all("svg") if not svg.inside("svg")]

    def _writing(self) -> Iterator[str]:
        for match in _ILLEGAL.finditer(self.html):
            around = self.html[max(0, match.start() - 30) : match.start() + 30]
            yield f"the character U+{ord(match[0]):04X} stands in the page, in {around!r}"
        if self._doctype.lower() != "doctype html":
            yield f"the document type is {self._doctype!r}, not 'DOCTYPE html'"
        for name in ("html", "head", "body", "main", "h1"):
            if len(self._all(name)) != 1:
                yield f"there are {len(self._all(name))} <{name}>, not one"

    def _head(self) -> Iterator[str]:
        if not all(html.get("lang") for html in self._all("html")):
            yield "<html> names no language"
        if not self.title:
            yield "the page has no title"
        metas = self._all("meta")
        if not any(meta.get("name") == "viewport" and "width=device-width" in meta.get("content") for meta in metas):
            yield "no <meta name=viewport> with width=device-width: a phone would show the page tiny"
        if not any(meta.get("charset").lower() == "utf-8" for meta in metas):
            yield "no <meta charset=utf-8>"
        elif "charset=" not in self.html.encode("utf-8", "replace")[:1024].decode("utf-8", "ignore").lower():
            yield "<meta charset> stands behind the first 1,024 bytes, where browsers look for it"

    def _names(self) -> Iterator[str]:
        """Ids are unique, and whatever refers to one finds it."""
        for name, times in Counter(self.ids).items():
            if times > 1:
                yield f"the id {name!r} stands {times} times"
            if not name or re.search(r"\s", name):
                yield f"{name!r} is no id"
        known = {*self.ids, "top"}
        for element in self._elements:
            links = [element.get(name) for name in ("href", "xlink:href") if element.get(name).startswith("#")]
            links += [f"#{name}" for attribute in _REFERENCES for name in element.get(attribute).split()]
            if element.inside("svg"):
                values = element.attributes.values()
                links += [target for value in values for target in _URL.findall(value) if target.startswith("#")]
            for link in links:
                if link[1:] not in known and unquote(link[1:]) not in known:
                    yield f"{element} refers to {link}, which is not on the page"
            if "href" in element.attributes and not element.get("href"):
                yield f"{element} has an empty href"

    def _addresses(self) -> Iterator[str]:
        """Nothing leads out of the file."""
        for element in self._elements:
            for name in _ADDRESSES:
                value = element.get(name).strip()
                if value and not value.startswith(("#", "data:")) and not _followed_only_by_hand(element, name):
                    yield f"{element} has {name}={value[:80]!r}, which is not in the file"
                if value.lower().startswith("data:") and element.tag == "a":
                    yield f"{element} opens a data: address"
            for name, value in element.attributes.items():
                if name != "content" and any(not target.startswith(("#", "data:")) for target in _URL.findall(value)):
                    if name.startswith(("aria-", "data-")) or name in ("alt", "title", "value", "datetime"):
                        continue  # text, which may say anything
                    yield f"{element} has {name}={value[:80]!r}, a url() that is not in the file"
        for style in self._all("style"):
            if re.search(r"@import", style.raw, re.IGNORECASE):
                yield "the style sheet has an @import"
            for target in _URL.findall(style.raw):
                if not target.startswith(("#", "data:")):
                    yield f"the style sheet has url({target[:80]})"

    def _code(self) -> Iterator[str]:
        """One style sheet, one script, one data block, and nothing that runs elsewhere."""
        scripts = [script for script in self._all("script") if script.get("type") != "application/json"]
        for kind, found in (("style", self._all("style")), ("script", scripts)):
            if len(found) != 1:
                yield f"there are {len(found)} <{kind}>, not one"
        for script in self._all("script"):
            if script not in scripts:
                yield from _data_faults(script)
            elif script.get("type") not in ("", "module", "text/javascript"):
                yield f"{script} has type {script.get('type')!r}"
        for element in self._elements:
            if element.tag in _FORBIDDEN:
                yield f"{element} has no place in a report"
            if element.tag == "meta" and element.get("http-equiv").lower() == "refresh":
                yield "the page reloads itself"
            for name, value in element.attributes.items():
                if name == "style":
                    yield f"{element} has a style attribute: {value[:60]!r}"
                if name.startswith("on"):
                    yield f"{element} has the event attribute {name}"

    def _policy_faults(self) -> Iterator[str]:
        """The policy comes before all it governs, allows what the page holds, and nothing else."""
        for head in self._all("head"):
            inside = [child for child in head.children if isinstance(child, Element)]
            rest = [child for child in inside if not (child.tag == "meta" and "charset" in child.attributes)]
            if not rest or rest[0].get("http-equiv").lower() != "content-security-policy":
                yield f"the head begins with {rest[0] if rest else 'nothing'}, not with the Content-Security-Policy"
        policy = self.policy
        for directive, sources in _POLICY.items():
            if policy and policy.get(directive) != sources:
                yield f"the policy has {directive} {sorted(policy.get(directive, ()))}, not {sorted(sources)}"
        scripts = [script for script in self._all("script") if script.get("type") != "application/json"]
        for directive, found in (("script-src", scripts), ("style-src", self._all("style"))):
            hashes = {f"'sha256-{_digest(element.raw)}'" for element in found}
            if policy and policy.get(directive, set()) != hashes:
                yield f"the policy has {directive} {sorted(policy.get(directive, ()))}, the page holds {sorted(hashes)}"

    def _pictures(self) -> Iterator[str]:
        for image in self._all("img"):
            decorative = image.get("role") in ("presentation", "none") or image.get("aria-hidden") == "true"
            if "alt" not in image.attributes or not (image.get("alt").strip() or decorative):
                yield f"{image} has no text alternative"

    def _order(self) -> Iterator[str]:
        """Headings go down one level at a time; every section has one; what folds says what it folds."""
        before = 0
        for level, text in self.headings:
            if level > before + 1:
                yield f"the heading {text[:60]!r} is h{level} after h{before}"
            if not text:
                yield f"an h{level} is empty"
            before = level
        for name, section in self.sections.items():
            if not section.all("h1", "h2", "h3"):
                yield f"the section {name} has no heading"
        for fold in self._all("details"):
            first = next((child for child in fold.children if isinstance(child, Element)), None)
            if first is None or first.tag != "summary" or not first.text:
                yield f"{fold} does not begin with a <summary> that says something"
        for control in self._all("button", "a"):
            if not (control.text or control.get("aria-label") or control.all("svg", "img") or control.inside("svg")):
                yield f"{control} has no text"
        for table in self._all("table"):
            widths = {sum(int(cell.get("colspan", "1")) for cell in row.all("td", "th")) for row in table.all("tr")}
            spans = any("rowspan" in cell.attributes for cell in table.all("td", "th"))
            if len(widths) > 1 and not spans:
                yield f"{table} has rows of {sorted(widths)} cells"


def _followed_only_by_hand(element: Element, attribute: str) -> bool:
    """Whether it is a link to the web or to mail that tells nobody where it was followed from: nothing is loaded."""
    plain = re.match(r"(https?://|mailto:)", element.get(attribute).strip(), re.IGNORECASE)
    said = set(element.get("rel").split())
    return element.tag == "a" and attribute == "href" and bool(plain) and said >= {"noopener", "noreferrer", "nofollow"}


def _data_faults(script: Element) -> Iterator[str]:
    """The data block is JSON, and nothing in it could end it or open a comment."""
    try:
        json.loads(script.raw)
    except ValueError as error:
        yield f"the data block {script} is no JSON: {error}"
    if "<" in script.raw:
        yield f"the data block {script} holds '<', which must be written \\u003c"


def _digest(text: str) -> str:
    """The hash of a script or style sheet as a Content-Security-Policy names it: SHA-256 of its bytes in base64."""
    return base64.b64encode(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()).decode("ascii")
