"""The page's Run as the text of the page's inert data block, and back, exactly.

The text is JSON: a schema number, and the run as base64 of zlib. Unpacked it is the length of a head (4 bytes, little
end first), the head (JSON: all records, and where the columns of numbers are), the columns (run/columns.py), and the
pictures and sounds that the page does not show as they are.
"""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from reportgen.errors import NewerSchemaError, UnreadableRunError
from reportgen.run.codec import from_plain, to_plain
from reportgen.run.columns import Packer, Unpacker
from reportgen.run.distribution_columns import pack_distributions, unpack_distributions
from reportgen.run.media_kind import held_names
from reportgen.run.record_columns import pack_records, unpack_records
from reportgen.run.records import SCHEMA, Run
from reportgen.run.series import Series

Content = TypeVar("Content")

# Unpacked sizes beyond this are no run of ours, but a small file that would fill the memory.
MOST_BYTES = 1 << 30


def encode(run: Run, shown: Collection[str] = ()) -> str:
    """`run` as text of [ -~] without "<" and "&". The same run gives the same text.

    shown: names of the pictures and sounds that the page shows, in its order. Those of them that it holds as they are,
    in an `<img>` or `<audio>`, are left out here: `decode` is given them again.
    """
    packer = Packer()
    scalars = {tag: pack_series(packer, series) for tag, series in run.scalars.items()}
    measures = {
        quantity: {name: pack_series(packer, series) for name, series in group.items()}
        for quantity, group in run.measures.items()
    }
    distributions = {kind: pack_distributions(packer, group) for kind, group in run.distributions.items()}
    pictures = {name: run.media[name] for name in sorted(run.media)}
    held = held_names({name: pictures[name] for name in shown if name in pictures})
    pictures = {name: data for name, data in pictures.items() if name not in held}
    bare, plans = pack_records(packer, run)
    head = {
        "run": to_plain(replace(run, scalars={}, measures={}, distributions={}, media={}, **bare)),
        "scalars": scalars,
        "measures": measures,
        "distributions": distributions,
        **({"arrays": plans} if plans else {}),
        "media": {name: len(data) for name, data in pictures.items()},
    }
    return block_text("run", head, packer, *pictures.values())


def decode(text: str, media: Mapping[str, bytes] | None = None) -> Run:
    """The run that `encode` was given. media: the files that stand elsewhere in the page, by name.

    Raises UnreadableRunError when the text is no whole data block, NewerSchemaError when a newer reportgen wrote it.
    """
    return read_block(text, "run", lambda head, columns, rest: _unpack(head, columns, rest, media or {}))


def block_text(kind: str, head: dict[str, Any], packer: Packer, *rest: bytes) -> str:
    """The text of a data block. kind: what it holds ("run", "runs"). rest: bytes after the packer's columns."""
    sizes, columns = packer.streams()
    whole = {**head, "columns": packer.table, "streams": sizes}
    written = json.dumps(whole, separators=(",", ":"), allow_nan=False).encode("ascii")
    packed = zlib.compress(b"".join((struct.pack("<I", len(written)), written, columns, *rest)), 9)
    return json.dumps({"schema": SCHEMA, kind: base64.b64encode(packed).decode("ascii")}, separators=(",", ":"))


def block_kind(text: str) -> str:
    """What a data block holds: "run" or "runs"; "" for what is no data block of ours."""
    # The keys stand before megabytes of text, which need not be parsed to know them.
    found = re.match(r'\s*\{\s*"schema"\s*:\s*\d+\s*,\s*"(runs?)"', text)
    return found[1] if found else ""


def read_block(text: str, kind: str, unpack: Callable[[dict[str, Any], Unpacker, bytes], Content]) -> Content:
    """What `unpack` makes of a data block's head, its columns and the bytes after the head.

    Raises UnreadableRunError when the text is no whole data block of this kind, NewerSchemaError when a newer
    reportgen wrote it.
    """
    try:
        block = json.loads(text)
        schema = block["schema"]
    except (ValueError, TypeError, LookupError, RecursionError):
        raise UnreadableRunError("its data block is damaged") from None
    if isinstance(schema, int) and schema > SCHEMA:
        raise NewerSchemaError(f"it has schema {schema}, and this reportgen reads up to {SCHEMA}: update reportgen")
    try:
        inflating = zlib.decompressobj()
        data = inflating.decompress(base64.b64decode(block[kind], validate=True), MOST_BYTES)
        if not inflating.eof:
            raise ValueError("cut off, or too large")
        (length,) = struct.unpack_from("<I", data)
        head = json.loads(data[4 : 4 + length])
        rest = data[4 + length :]
        return unpack(head, Unpacker(head["columns"], head["streams"], rest), rest)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        raise UnreadableRunError(f"its data block is damaged ({type(error).__name__})") from None
    except (zlib.error, struct.error):
        raise UnreadableRunError("its data block is damaged or cut off") from None


def _unpack(head: dict[str, Any], columns: Unpacker, rest: bytes, media: Mapping[str, bytes]) -> Run:
    pictures = dict(media)
    place = columns.read
    for name, size in head["media"].items():
        pictures[name] = rest[place : place + size]
        place += size
    run = from_plain(Run, head["run"])
    return replace(
        run,
        **unpack_records(columns, run, head.get("arrays", {})),
        scalars={tag: unpack_series(columns, row) for tag, row in head["scalars"].items()},
        measures={
            quantity: {name: unpack_series(columns, row) for name, row in group.items()}
            for quantity, group in head["measures"].items()
        },
        distributions={
            kind: unpack_distributions(columns, kind, group) for kind, group in head["distributions"].items()
        },
        media={name: pictures[name] for name in sorted(pictures)},
    )


def pack_series(packer: Packer, series: Series) -> list[Any]:
    """A series as the numbers of its columns in `packer`, its count of logged points, and its restarts."""
    return [
        packer.integers(series.steps),
        packer.floats(series.values),
        packer.floats(series.times),
        packer.floats(series.epochs),
        packer.integers(series.optimizer_steps),
        series.logged,
        *series.restarts,
    ]


def unpack_series(columns: Unpacker, row: list[Any]) -> Series:
    """The series that `pack_series` gave `row` for. Raises ValueError or a LookupError for any other row."""
    steps, values, times, epochs, optimizer_steps, logged, *restarts = row
    series = Series(
        steps=columns.integers(steps),
        values=columns.floats(values),
        times=columns.floats(times),
        epochs=columns.floats(epochs),
        optimizer_steps=columns.integers(optimizer_steps),
        logged=int(logged),
        restarts=tuple(int(step) for step in restarts),
    )
    columns_of = (series.values, series.times, series.epochs, series.optimizer_steps)
    if any(len(column) != len(series.steps) for column in columns_of):
        raise ValueError("columns of a series differ in length")
    return series
