"""Logged pictures as a page shows them: no larger than it shows them, and together within a budget."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from reportgen.readers.prepare_sheets import with_sheet
from reportgen.readers.shelf import Shelf, first_last_rest
from reportgen.readers.smaller_picture import opened, smaller
from reportgen.run.media_kind import media_type
from reportgen.run.records import Images

# The longest side of one of several pictures, and of one that stands alone (a figure has words to be read).
SIDE, LONE_SIDE = 320, 800
# Shares of these sides with a quality of WebP: the first with which all pictures stay within the budget is taken.
LADDER = ((1.0, 80), (0.75, 70), (0.5, 65), (0.35, 60), (0.25, 50), (0.15, 40))
# From this share on, steps between a tag's first and last are left out rather than all pictures made worse.
FINE = 0.5
# Files that take less are not made worse to meet the budget.
TINY = 2_000


def prepared_images(images: tuple[Images, ...], shelf: Shelf, budget: int) -> tuple[Images, ...]:
    """`images` with smaller files, those of a large batch as one sheet.

    What does not find room in `budget` bytes is left out, steps between a tag's first and last before these.
    """
    images = tuple(with_sheet(record, shelf) for record in images)
    sized = [_with_sizes(record, shelf) for record in images]
    sides: dict[str, int] = {}
    for record in images:
        side = LONE_SIDE if len(record.media) == 1 else SIDE
        for name in record.media:
            sides[name] = max(side, sides.get(name, 0))
    known = {name: data for name in sides if (data := shelf.get(name)) is not None}
    made = _made(known, sides, _ends(images) & set(known), budget)
    kept = _within(images, made, budget)
    names = {name: name if made[name] is known[name] else shelf.put(made[name], "webp") for name in kept}
    return tuple(_renamed(record, names, set(known)) for record in sized)


def _made(known: dict[str, bytes], sides: dict[str, int], ends: set[str], budget: int) -> dict[str, bytes]:
    """The files, smaller by the first step of LADDER that meets the budget; for FINE and below by those in `ends`."""
    first = {name: smaller(data, sides[name]) for name, data in known.items()}
    made = first
    for share, quality in LADDER:
        whole = ends if share <= FINE else set(known)
        # Bytes fall about with the area: steps that cannot be enough are not tried.
        least = _total(first, whole) * share**2 * (quality / LADDER[0][1])
        if least > 2.5 * budget and share != LADDER[-1][0]:
            continue
        if share < 1:
            made = {
                name: min(first[name], smaller(data, round(sides[name] * share), quality, TINY), key=len)
                for name, data in known.items()
            }
        if _total(made, whole) <= budget:
            break
    return made


def _total(files: dict[str, bytes], names: set[str]) -> int:
    return sum(len(files[name]) for name in names)


def _ends(images: tuple[Images, ...]) -> set[str]:
    """The names of the pictures of the first and the last record of each tag."""
    tags = [record.tag for record in images]
    return {name for place in first_last_rest(tags)[: _ends_of(tags)] for name in images[place].media}


def _ends_of(tags: list[str]) -> int:
    return sum(min(2, amount) for amount in Counter(tags).values())


def _within(images: tuple[Images, ...], made: dict[str, bytes], budget: int) -> set[str]:
    """The names of the pictures that find room."""
    kept: set[str] = set()
    left = budget
    for place in first_last_rest([record.tag for record in images]):
        for name in images[place].media:
            if name in made and name not in kept and len(made[name]) <= left:
                kept.add(name)
                left -= len(made[name])
    return kept


def _with_sizes(record: Images, shelf: Shelf) -> Images:
    """The record with the sizes that its boxes refer to, taken from its pictures where it does not say them."""
    if not any(record.boxes) or record.sizes:
        return record
    sizes = []
    for name in record.media:
        picture = opened(shelf.get(name) or b"")
        sizes.append(picture.size if picture is not None else (0, 0))
    return replace(record, sizes=tuple(sizes)) if any(any(size) for size in sizes) else record


def _renamed(record: Images, names: dict[str, str], known: set[str]) -> Images:
    """The record with the new names, without the pictures that found no room."""
    there = [at for at, name in enumerate(record.media) if name in names or name not in known]
    media = tuple(names.get(record.media[at], record.media[at]) for at in there)
    if media == record.media:
        return record
    if len(there) == len(record.media):
        return replace(record, media=media)
    return replace(
        record,
        media=media,
        captions=tuple(record.captions[at] for at in there if at < len(record.captions)),
        sizes=tuple(record.sizes[at] for at in there if at < len(record.sizes)),
        boxes=tuple(record.boxes[at] for at in there if at < len(record.boxes)),
        total=max(record.total, len(record.media)),
    )


def thumbnail(data: bytes, side: int) -> tuple[bytes, str]:
    """`data` as a small file, and its suffix ("" for `data` itself)."""
    made = smaller(data, side, 65, TINY)
    return made, "" if made is data else media_type(made).removeprefix("image/")
