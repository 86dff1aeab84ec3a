"""An overview of several runs as the text of its page's inert data block, and back, exactly.

The format is that of a single run (run/page_data.py), with all runs' columns packed together: steps that all runs share
are stored once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reportgen.run.codec import from_plain, to_plain
from reportgen.run.columns import Packer, Unpacker
from reportgen.run.overview import Member, Overview
from reportgen.run.page_data import block_text, pack_series, read_block, unpack_series
from reportgen.run.records import Run


def encode_many(overview: Overview) -> str:
    """`overview` as text of [ -~] without "<" and "&". The same overview gives the same text.

    Of its runs all is kept but measures, distributions and media.
    """
    packer = Packer()
    runs: list[dict[str, Any]] = []
    for member in overview.members:
        scalars = {tag: pack_series(packer, series) for tag, series in member.run.scalars.items()}
        bare = replace(member.run, scalars={}, measures={}, distributions={}, media={})
        told = {name: getattr(member, name) for name in ("errors", "warnings", "remarks", "passed")}
        runs.append(
            {
                "name": member.name,
                "run": to_plain(bare),
                "scalars": scalars,
                "found": to_plain(member.found),
                **{name: count for name, count in told.items() if count},
            }
        )
    head = {"overview": to_plain(replace(overview, members=())), "members": runs}
    return block_text("runs", head, packer)


def decode_many(text: str) -> Overview:
    """The overview that `encode_many` was given.

    Raises UnreadableRunError when the text is no whole data block of an overview, NewerSchemaError when a newer
    reportgen wrote it.
    """
    return read_block(text, "runs", lambda head, columns, _: _unpack(head, columns))


def _unpack(head: dict[str, Any], columns: Unpacker) -> Overview:
    return replace(
        from_plain(Overview, head["overview"]), members=tuple(_member(columns, each) for each in head["members"])
    )


def _member(columns: Unpacker, plain: dict[str, Any]) -> Member:
    scalars = {tag: unpack_series(columns, row) for tag, row in plain["scalars"].items()}
    run = replace(from_plain(Run, plain["run"]), scalars=scalars)
    told = {key: value for key, value in plain.items() if key not in ("run", "scalars")}
    # `run` has no default, and its own plain form lacks the columns: decoded apart, it is put in here.
    member = from_plain(Member, {**told, "run": plain["run"]})
    return replace(member, run=run)
