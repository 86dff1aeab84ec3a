"""Texts, which TensorBoard shows as Markdown: one string, or a row or table of them."""

from __future__ import annotations

from reportgen.readers.events.builder import Builder
from reportgen.readers.events.event import TENSOR, Value
from reportgen.readers.events.log import Log
from reportgen.readers.events.log_parts import Entry
from reportgen.readers.events.tensor import read_tensor
from reportgen.readers.events.wire import Malformed, text
from reportgen.run.records import TextRecord

# What torch's and TensorFlow's first writers append to the tag.
SUFFIX = "/text_summary"


def draft(log: Log, entry: Entry, value: Value, offset: int) -> None:
    """Draft the text of a value. Raises Malformed."""
    if value.kind != TENSOR:
        return
    tensor = read_tensor(value.data, value.start, value.end)
    cells = [text(value.data, a, b) for a, b in tensor.strings]
    if len(cells) != tensor.size:
        raise Malformed("a text has more or fewer strings than its shape says")
    if not cells:
        return
    if len(cells) == 1:
        entry.draft = cells[0]
    else:
        entry.draft = _table(cells, tensor.shape[1] if len(tensor.shape) == 2 else 1)


def _table(cells: list[str], columns: int) -> str:
    """A table in Markdown, without a head."""
    plain = [" ".join(cell.split()).replace("\\", "\\\\").replace("|", "\\|") for cell in cells]
    rows = [plain[at : at + columns] for at in range(0, len(plain), columns)]
    head = ["| " + " | ".join([""] * columns) + " |", "|" + " --- |" * columns]
    return "\n".join([*head, *("| " + " | ".join(row) + " |" for row in rows)])


def make(entries: list[Entry], builder: Builder) -> None:
    """The records of texts."""
    for entry in entries:
        tag = entry.tag.removesuffix(SUFFIX)
        builder.add("text", TextRecord(builder.tag(tag), builder.stamp(entry), entry.draft, markdown=True))
