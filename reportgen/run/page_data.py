"""The page's Run as the text of the page's inert data block, and back, exactly.

The text is JSON: a schema number, and the run as base64 of zlib. Unpacked it is the length of a head (4 bytes, little
end first), the head (JSON: all records, and where the columns of numbers are), the columns (run/columns.py), and the
pictures that the page does not show as they are.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from reportgen.errors import NewerSchemaError, UnreadableRunError
from reportgen.run.codec import from_plain, to_plain
from reportgen.run.columns import Packer, Unpacker
from reportgen.run.distribution_columns import pack_distributions, unpack_distributions
from reportgen.run.media_kind import drawn_as_svg, media_type
from reportgen.run.records import SCHEMA, Run
from reportgen.run.series import Series

# Unpacked sizes beyond this are no run of ours, but a small file that would fill the memory.
MOST_BYTES = 1 << 30


def encode(run: Run, shown: Collection[str] = ()) -> str:
    """`run` as text of [ -~] without "<" and "&". The same run gives the same text.

    shown: names of the pictures that the page shows. Those of them that it shows as they are, in an `<img>`, are left
    out here: `decode` is given them again.
    """
    packer = Packer()
    scalars = {tag: _pack_series(packer, series) for tag, series in run.scalars.items()}
    measures = {
        quantity: {name: _pack_series(packer, series) for name, series in group.items()}
        for quantity, group in run.measures.items()
    }
    distributions = {kind: pack_distributions(packer, group) for kind, group in run.distributions.items()}
    pictures = {name: run.media[name] for name in sorted(run.media)}
    pictures = {name: data for name, data in pictures.items() if name not in shown or not _in_img(data)}
    sizes, columns = packer.streams()
    head = json.dumps(
        {
            "run": to_plain(replace(run, scalars={}, measures={}, distributions={}, media={})),
            "scalars": scalars,
            "measures": measures,
            "distributions": distributions,
            "media": {name: len(data) for name, data in pictures.items()},
            "columns": packer.table,
            "streams": sizes,
        },
        separators=(",", ":"),
        allow_nan=False,
    ).encode("ascii")
    packed = zlib.compress(b"".join((struct.pack("<I", len(head)), head, columns, *pictures.values())), 9)
    return json.dumps({"schema": SCHEMA, "run": base64.b64encode(packed).decode("ascii")}, separators=(",", ":"))


def decode(text: str, media: Mapping[str, bytes] | None = None) -> Run:
    """The run that `encode` was given. media: the pictures that stand elsewhere in the page, by name.

    Raises UnreadableRunError when the text is no whole data block, NewerSchemaError when a newer reportgen wrote it.
    """
    try:
        block = json.loads(text)
        schema = block["schema"]
    except (ValueError, TypeError, LookupError, RecursionError):
        raise UnreadableRunError("its data block is damaged") from None
    if isinstance(schema, int) and schema > SCHEMA:
        raise NewerSchemaError(f"it has schema {schema}, and this reportgen reads up to {SCHEMA}: update reportgen")
    try:
        return _unpack(base64.b64decode(block["run"], validate=True), media or {})
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        raise UnreadableRunError(f"its data block is damaged ({type(error).__name__})") from None
    except (zlib.error, struct.error):
        raise UnreadableRunError("its data block is damaged or cut off") from None


def _unpack(packed: bytes, media: Mapping[str, bytes]) -> Run:
    inflating = zlib.decompressobj()
    data = inflating.decompress(packed, MOST_BYTES)
    if not inflating.eof:
        raise ValueError("cut off, or too large")
    (length,) = struct.unpack_from("<I", data)
    head = json.loads(data[4 : 4 + length])
    rest = data[4 + length :]
    columns = Unpacker(head["columns"], head["streams"], rest)
    pictures = dict(media)
    place = columns.read
    for name, size in head["media"].items():
        pictures[name] = rest[place : place + size]
        place += size
    return replace(
        from_plain(Run, head["run"]),
        scalars={tag: _unpack_series(columns, row) for tag, row in head["scalars"].items()},
        measures={
            quantity: {name: _unpack_series(columns, row) for name, row in group.items()}
            for quantity, group in head["measures"].items()
        },
        distributions={
            kind: unpack_distributions(columns, kind, group) for kind, group in head["distributions"].items()
        },
        media={name: pictures[name] for name in sorted(pictures)},
    )


def _in_img(data: bytes) -> bool:
    return bool(media_type(data)) and not drawn_as_svg(data)


def _pack_series(packer: Packer, series: Series) -> list[Any]:
    return [
        packer.integers(series.steps),
        packer.floats(series.values),
        packer.floats(series.times),
        packer.floats(series.epochs),
        packer.integers(series.optimizer_steps),
        series.logged,
        *series.restarts,
    ]


def _unpack_series(columns: Unpacker, row: list[Any]) -> Series:
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
