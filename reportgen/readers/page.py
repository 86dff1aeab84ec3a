"""A report.html -> the Run in its data block."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TypeVar

from reportgen.errors import NewerSchemaError, UnreadableRunError
from reportgen.readers.own_findings import refuse_odd, refuse_odd_checks
from reportgen.run.media_names import named_media
from reportgen.run.overview import Overview
from reportgen.run.overview_data import decode_many
from reportgen.run.page_data import block_kind, decode
from reportgen.run.records import Run

Content = TypeVar("Content")

# The data block's id, and the attribute that names the file an <img> or <audio> holds (templates/report.html, blocks/).
DATA_ID = "reportgen-data"
MEDIA_ATTRIBUTE = "data-media"
# How every page begins: other files may be large, and are not read to know what they are.
BEGINNING = b"<!doctype html"
# How the data block of an overview begins; found without taking the page apart.
OVERVIEW = re.compile(rb'id="reportgen-data">\s*\{"schema":\d+,"runs":')
LISTED = 5


def read_page(path: Path) -> Run:
    """The run that the report `path` carries, with the pictures and sounds it holds.

    Raises UnreadableRunError for what is no whole report, and for the overview of several runs, which it names;
    NewerSchemaError for one of a newer reportgen.
    """
    parser, data = _parsed(path)
    if block_kind(data) != "runs":
        return _with_named_media(_decoded(path, lambda: _one(data, parser.media)))
    names = [member.name for member in _decoded(path, lambda: _several(data)).members]
    listed = ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
    raise UnreadableRunError(f"{path} is the overview of several runs: reportgen.load_all gives them ({listed})")


def read_overview(path: Path) -> Overview | None:
    """The runs that the overview page `path` carries; None for any other file, readable or not.

    Raises UnreadableRunError for an overview page that is damaged, NewerSchemaError for one of a newer reportgen.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(BEGINNING)).lower() != BEGINNING or not OVERVIEW.search(file.read()):
                return None
        _, data = _parsed(path)
    except (OSError, UnreadableRunError):
        return None
    return _decoded(path, lambda: _several(data)) if block_kind(data) == "runs" else None


def _one(data: str, media: Mapping[str, bytes]) -> Run:
    run = decode(data, media)
    refuse_odd_checks(run.own_rules)
    return run


def _several(data: str) -> Overview:
    overview = decode_many(data)
    for member in overview.members:
        refuse_odd(member.found)
    return overview


def _parsed(path: Path) -> tuple[_Parser, str]:
    """The page taken apart, and the text of its data block."""
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UnreadableRunError(f"{path} cannot be read: {error.strerror or type(error).__name__}") from None
    except UnicodeDecodeError:
        raise UnreadableRunError(f"{path} is no report: give a run folder or a report.html") from None
    parser = _Parser()
    try:
        parser.feed(text)
        parser.close()
    except (ValueError, AssertionError):  # binascii.Error for a damaged picture; html.parser asserts on odd markup
        raise UnreadableRunError(f"{path} is damaged: build it again from its run folder") from None
    if parser.data is None:
        raise UnreadableRunError(f"{path} holds no run: give a run folder or a report.html of reportgen")
    if not parser.whole:
        raise UnreadableRunError(f"{path} is cut off: build it again from its run folder")
    return parser, parser.data


def _decoded(path: Path, decoding: Callable[[], Content]) -> Content:
    try:
        return decoding()
    except NewerSchemaError as error:
        raise NewerSchemaError(f"{path} is of a newer reportgen: {error}") from None
    except (UnreadableRunError, ValueError) as error:
        raise UnreadableRunError(f"{path} cannot be read: {error}; build it again from its run folder") from None


def _with_named_media(run: Run) -> Run:
    """`run` without files that no record names: a page that carries the full run shows smaller ones beside it."""
    named = set(named_media(run))
    return replace(run, media={name: data for name, data in run.media.items() if name in named})


class _Parser(HTMLParser):
    """Finds the data block, the pictures and the sounds. whole: the page's own end was seen."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.data: str | None = None
        self.media: dict[str, bytes] = {}
        self.whole = False
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "script" and attributes.get("id") == DATA_ID:
            self._inside, self.data = True, ""
        elif tag in ("img", "audio") and MEDIA_ATTRIBUTE in attributes:
            name, source = attributes[MEDIA_ATTRIBUTE], attributes.get("src") or ""
            head, comma, payload = source.partition(",")
            if name and comma and head.startswith("data:") and head.endswith(";base64"):
                self.media[name] = base64.b64decode(payload, validate=True)

    def handle_endtag(self, tag: str) -> None:
        self._inside = False
        if tag == "html":
            self.whole = True

    def handle_data(self, data: str) -> None:
        if self._inside and self.data is not None:
            self.data += data
