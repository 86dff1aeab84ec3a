"""Which files of its media the records of a run name, and the records without those that are missing."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator
from dataclasses import replace

from reportgen.run.evidence import DataSplit
from reportgen.run.logged import Embedding
from reportgen.run.predictions import Example
from reportgen.run.records import Images, Run


def named_media(run: Run) -> list[str]:
    """The names of all files that records of `run` name, each once, sorted."""
    return sorted({*_pictures(run), *(name for name in _files(run) if name)})


def _pictures(run: Run) -> Iterator[str]:
    for images in run.images:
        yield from images.media
    for predictions in run.predictions:
        for example in predictions.examples:
            yield from (name for name in (example.image, example.overlay) if name is not None)


def _files(run: Run) -> Iterator[str]:
    for audio in run.audio:
        yield audio.media
    for video in run.videos:
        yield from (video.media, *video.strip)
    for embedding in run.embeddings:
        yield from (embedding.matrix, embedding.sprite, *embedding.thumbs)
    for mesh in run.meshes:
        yield from (mesh.vertices, mesh.colors, mesh.faces)
    for tensor in run.tensors:
        yield tensor.media
    for split in run.evidence.data:
        yield from (doubt.image for doubt in split.doubts)
        yield from (row.image for row in split.shared_rows)


def without_missing(run: Run, known: Collection[str]) -> Run:
    """`run` whose records name only files in `known`."""

    def kept(name: str) -> str:
        return name if name in known else ""

    return replace(
        run,
        images=tuple(_of_images(record, known) for record in run.images),
        predictions=tuple(
            replace(one, examples=tuple(_of_example(example, known) for example in one.examples))
            for one in run.predictions
        ),
        audio=tuple(replace(one, media=kept(one.media)) for one in run.audio),
        videos=tuple(
            replace(
                one,
                media=kept(one.media),
                strip=tuple(name for name in one.strip if name in known),
                shown=tuple(at for name, at in zip(one.strip, one.shown, strict=False) if name in known),
            )
            for one in run.videos
        ),
        embeddings=tuple(_of_embedding(one, known) for one in run.embeddings),
        meshes=tuple(
            replace(one, vertices=kept(one.vertices), colors=kept(one.colors), faces=kept(one.faces))
            for one in run.meshes
        ),
        tensors=tuple(replace(one, media=kept(one.media)) for one in run.tensors),
        evidence=replace(run.evidence, data=tuple(_of_split(one, known) for one in run.evidence.data)),
    )


def _of_split(split: DataSplit, known: Collection[str]) -> DataSplit:
    shared = tuple(row for row in split.shared_rows if row.image in known)
    if len(shared) == len(split.shared_rows) and all(not doubt.image or doubt.image in known for doubt in split.doubts):
        return split
    doubts = tuple(doubt if doubt.image in known else replace(doubt, image="") for doubt in split.doubts)
    return replace(split, doubts=doubts, shared_rows=shared)


def _of_images(record: Images, known: Collection[str]) -> Images:
    there = [place for place, name in enumerate(record.media) if name in known]
    if len(there) == len(record.media):
        return record
    return replace(
        record,
        media=tuple(record.media[place] for place in there),
        captions=tuple(record.captions[place] for place in there if place < len(record.captions)),
        sizes=tuple(record.sizes[place] for place in there if place < len(record.sizes)),
        boxes=tuple(record.boxes[place] for place in there if place < len(record.boxes)),
    )


def _of_embedding(record: Embedding, known: Collection[str]) -> Embedding:
    there = [place for place, name in enumerate(record.thumbs) if name in known]
    return replace(
        record,
        matrix=record.matrix if record.matrix in known else "",
        sprite=record.sprite if record.sprite in known else "",
        thumbs=tuple(record.thumbs[place] for place in there),
        thumb_rows=array("q", [record.thumb_rows[place] for place in there if place < len(record.thumb_rows)]),
    )


def _of_example(example: Example, known: Collection[str]) -> Example:
    return replace(
        example,
        image=example.image if example.image in known else None,
        overlay=example.overlay if example.overlay in known else None,
    )
