"""What a page carries of large media: small pictures and sounds, projections, samples; no arrays.

It comes after `run.thin.thin`, which chose the moments.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reportgen.readers.prepare_audio import prepared_audio
from reportgen.readers.prepare_embeddings import prepared_embeddings
from reportgen.readers.prepare_meshes import prepared_meshes
from reportgen.readers.prepare_pictures import prepared_images
from reportgen.readers.prepare_video import prepared_videos
from reportgen.readers.shelf import Shelf
from reportgen.run.media_names import named_media
from reportgen.run.records import Run

# Bytes of media of a page before base64 (which adds a third): of all kinds together, and of each at most.
ROOM = 240_000
# Of a large model the layers take most of a page: beyond so many weights media get less, down to a quarter.
WEIGHTS, MANY_WEIGHTS, LEAST = 200, 1000, 0.25
MOST = {"images": 160_000, "audio": 180_000, "videos": 160_000}


def prepared(run: Run) -> Run:
    """`run` with media as a page shows them. Of a run that is prepared already it returns the same object.

    Nothing that cannot be read raises: the record then says so in its notes, and its caption is what remains.
    """
    shelf = Shelf(run.media)
    room = rooms(run)
    changes: dict[str, Any] = {
        "images": prepared_images(run.images, shelf, room["images"]),
        "audio": prepared_audio(run.audio, shelf, room["audio"]),
        "videos": prepared_videos(run.videos, shelf, room["videos"]),
        "embeddings": prepared_embeddings(run.embeddings, shelf),
        "meshes": prepared_meshes(run.meshes, shelf),
        "tensors": tuple(replace(one, media="") if one.media else one for one in run.tensors),
    }
    changes = {name: records for name, records in changes.items() if not _same(records, getattr(run, name))}
    if not changes:
        return run
    made = replace(run, **changes)
    return replace(made, media=shelf.files(named_media(made)))


def rooms(run: Run) -> dict[str, int]:
    """Bytes for each kind of media. Only what is the same in a page's run decides: records, not their files."""
    there = {kind: most for kind, most in MOST.items() if getattr(run, kind)}
    total = sum(there.values())
    beyond = (len(run.distributions.get("weight", {})) - WEIGHTS) / (MANY_WEIGHTS - WEIGHTS)
    share = min(1.0, max(LEAST, 1.0 - beyond))
    found = {kind: min(most, ROOM * there.get(kind, 0) // total) if total else 0 for kind, most in MOST.items()}
    return {kind: int(room * share) for kind, room in found.items()}


def _same(made: tuple[Any, ...], records: tuple[Any, ...]) -> bool:
    return len(made) == len(records) and all(one is other for one, other in zip(made, records, strict=True))
