"""What a page says of the reading itself: checksums, damage, purges, and what has no place on it."""

from __future__ import annotations

from collections.abc import Sequence

from reportgen.readers.events.builder import Builder
from reportgen.readers.events.log import Log
from reportgen.readers.events.log_parts import EventFile
from reportgen.readers.events.names import shown_file
from reportgen.run.records import Damage

CHECKED = "the checksum of every record was checked"
UNCHECKED = (
    "the checksum of every length was checked, that of a payload only where a tag was new or something could not be "
    "read; with the extra crc32c that of every record is"
)
# Losses told one by one.
TOLD = 100
# Purges, and kinds of records that are not shown, told one by one.
SAID = 50


def remarks(logs: Sequence[Log], builder: Builder) -> None:
    """Note how the files were read, what a later writer purged, and what is not shown."""
    files = [file for log in logs for file in log.files]
    builder.note("checksums", CHECKED if all(file.checked for file in files) else UNCHECKED, kind="reading")
    if builder.clock.replaced:
        odd = (
            f"{builder.clock.replaced:,} wall times are none that a clock tells; the time before stands in their place"
        )
        builder.note("wall times", odd, kind="reading")
    purges = [purge for log in logs for purge in log.purges]
    for step, dropped in purges[:SAID]:
        what = f"{dropped:,} records at or after step {step:,} were dropped, as a later writer asked (purge_step)"
        builder.note("purge", what, kind="reading")
    if purges[SAID:]:
        dropped = sum(amount for _, amount in purges[SAID:])
        what = f"{dropped:,} records more were dropped, as later writers asked (purge_step)"
        builder.note("purge", what, len(purges[SAID:]), kind="reading")
    unseen = [
        (f"records {f'of the plugin {plugin!r}' if plugin else 'of no plugin'} have no place on the page", times)
        for log in logs
        for plugin, times in log.unknown.items()
    ]
    unseen += [(f"{what} are not shown", times) for log in logs for what, times in log.ignored.items()]
    for what, times in unseen[:SAID]:
        builder.note("event files", what, times)
    if unseen[SAID:]:
        builder.note("event files", "other records are not shown", sum(times for _, times in unseen[SAID:]))


def damage_of(files: Sequence[EventFile]) -> Damage:
    """What of the files could not be read."""
    hurt = [file for file in files if file.losses or file.problem]
    told: list[str] = []
    count = lost = 0
    for file in hurt:
        if file.problem:
            told.append(f"{shown_file(file.path.name)} cannot be read: {file.problem}")
            count += 1
            lost += file.size
        for loss in file.losses:
            size = loss.end - loss.start
            told.append(f"{shown_file(file.path.name)}: {size:,} bytes from byte {loss.start:,} on: {loss.why}")
            count += 1
            lost += size
        count += file.untold
        lost += file.untold_bytes
    return Damage(
        torn_tail=any(loss.torn for file in files for loss in file.losses),
        files=tuple(shown_file(file.path.name) for file in hurt),
        ranges=tuple(told[:TOLD]),
        losses=count,
        bytes=lost,
    )
