"""A report.html -> the Run in its data block."""

from __future__ import annotations

import base64
from html.parser import HTMLParser
from pathlib import Path

from reportgen.errors import NewerSchemaError, UnreadableRunError
from reportgen.run.page_data import decode
from reportgen.run.records import Run

# The data block's id, and the attribute that names the picture an <img> shows (templates/report.html, image_grid.html).
DATA_ID = "reportgen-data"
MEDIA_ATTRIBUTE = "data-media"


def read_page(path: Path) -> Run:
    """The run that the report `path` carries, with the pictures it shows.

    Raises UnreadableRunError for what is no whole report, NewerSchemaError for one of a newer reportgen.
    """
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
    try:
        return decode(parser.data, parser.media)
    except NewerSchemaError as error:
        raise NewerSchemaError(f"{path} is of a newer reportgen: {error}") from None
    except UnreadableRunError as error:
        raise UnreadableRunError(f"{path} cannot be read: {error}; build it again from its run folder") from None


class _Parser(HTMLParser):
    """Finds the data block and the pictures. whole: the page's own end was seen."""

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
        elif tag == "img" and MEDIA_ATTRIBUTE in attributes:
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
