"""The frame of an event file: length, checksum of the length, payload, checksum of the payload, again and again.

Every length is checked. Where one is damaged, reading goes on at the next place that looks like a record: eight bytes
that are a possible length, followed by their own checksum.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from reportgen.readers.events.checksum import MASK, crc32c, fast_crc32c, masked

HEAD = 12  # eight bytes of length, four of its checksum
FRAME = 16  # what a record has beside its payload
BLOCK = 1 << 20
# Losses kept one by one.
MOST_LOSSES = 10_000
# Lengths are few in a file; their checked heads are remembered up to this many.
HEADS = 1 << 16
NOT_ZERO = re.compile(rb"[^\0]")
LENGTH = struct.Struct("<Q")
CHECKSUM = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Loss:
    """Bytes from `start` to before `end` that could not be read, and why. torn: the file ends inside of a record."""

    start: int
    end: int
    why: str
    torn: bool = False


@dataclass(slots=True)
class Batch:
    """Records that stand next to each other. ends: where in `block` each ends; base: where in the file `block` begins.

    A payload that turns out to make no sense is given back with `reject`.
    """

    base: int
    block: bytes
    ends: list[int]
    payloads: list[bytes]
    refused: list[tuple[int, str]] = field(default_factory=list)

    def offset(self, index: int) -> int:
        """Where in the file a payload begins."""
        return self.base + self.ends[index] - 4 - len(self.payloads[index])

    def checksum(self, index: int) -> int:
        """The checksum that stands behind a payload."""
        return int(CHECKSUM.unpack_from(self.block, self.ends[index] - 4)[0])

    def reject(self, index: int, why: str) -> None:
        """Say that a payload cannot be read, and why."""
        self.refused.append((index, why))


class Frames:
    """The records in a file of `size` bytes, in batches.

    Never more than one block and one record are in memory. What is not readable is in `losses`, in order; of a file
    that is damaged all over the first ones only, then `untold` and `untold_bytes` count the others.
    checked: the checksum of each payload is checked, which takes the extra `crc32c`.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._fast = fast_crc32c()
        self._crc: Callable[[bytes], int] = self._fast or crc32c
        self.checked = self._fast is not None
        self.losses: list[Loss] = []
        self.untold = self.untold_bytes = 0
        self._heads: dict[bytes, int] = {}
        # What was read last, and where in the file it begins.
        self._block, self._base = b"", 0

    def batches(self) -> Iterator[Batch]:
        """All records that can be read, in order. Raises OSError."""
        at = 0  # where in the block the next record begins
        heads = self._heads
        while True:
            ends: list[int] = []
            payloads: list[bytes] = []
            block, base = self._block, self._base
            first, size = at, len(block)
            while True:
                length = heads.get(block[at : at + HEAD])
                if length is None or at + FRAME + length > size:
                    break
                end = at + FRAME + length
                payloads.append(block[at + HEAD : end - 4])
                ends.append(end)
                at = end
            place: int | None
            if payloads:
                place = yield from self._given(Batch(base, block, ends, payloads), first)
            elif length is None and size >= at + HEAD:
                if self._length(block[at : at + HEAD]) is not None:
                    continue
                place = self._next(base + at, base + at + 1, "the checksum of a length does not match")
            else:
                wanted = HEAD if length is None else FRAME + length
                if base + at + wanted <= self._size:
                    self._fill(at, wanted)
                    at = 0
                    if len(self._block) >= wanted:
                        continue
                    base = self._base
                if base + at >= self._size:
                    return
                inside = "the head of a record" if length is None else "a record"
                search = base + at + (1 if length is None else HEAD)
                place = self._next(base + at, search, f"the file ends inside of {inside}", torn=True)
            if place is None:
                return
            at = place - self._base
            if not 0 <= at <= len(self._block):
                self._block, self._base, at = b"", place, 0

    def _given(self, batch: Batch, first: int) -> Generator[Batch, None, int | None]:
        """Hand out a batch without the payloads whose checksums do not match. Returns where to go on, as `_after`.

        first: where in the block the first record begins.
        """
        last = len(batch.ends) - 1
        begin, refused = 0, list[tuple[int, str]]()
        for wrong in [*self._wrong(batch), last + 1]:
            if begin < wrong:
                part = batch
                if wrong - begin <= last:
                    part = Batch(batch.base, batch.block, batch.ends[begin:wrong], batch.payloads[begin:wrong])
                yield part
                refused += [(begin + index, why) for index, why in part.refused]
            if wrong <= last:
                refused.append((wrong, "the checksum of a payload does not match"))
            begin = wrong + 1
        for index, why in refused:
            start = batch.base + (batch.ends[index - 1] if index else first)
            if index == last:
                return self._after(start, batch.base + batch.ends[index], why)
            self._lose(start, batch.base + batch.ends[index], why)  # the next one is known to be framed
        return batch.base + batch.ends[last]

    def intact(self, batch: Batch, index: int) -> bool:
        """Whether the checksum of a payload matches (checked now, if not before)."""
        return self.checked or masked(self._crc(batch.payloads[index])) == batch.checksum(index)

    def _wrong(self, batch: Batch) -> list[int]:
        """Which payloads of a batch do not match their checksums."""
        if self._fast is None:
            return []
        places = np.array(batch.ends)[:, None] + np.arange(-4, 0)
        stored = np.frombuffer(batch.block, np.uint8)[places].view("<u4").ravel()
        made = np.fromiter(map(self._fast, batch.payloads), np.uint32, len(batch.payloads))
        return np.flatnonzero(((made >> 15) | (made << 17)) + np.uint32(MASK) != stored).tolist()

    def framed(self, head: bytes) -> bool:
        """Whether `head` is the head of a record that fits into the file."""
        length = self._length(head)
        return length is not None and length + FRAME <= self._size

    def _fill(self, at: int, wanted: int) -> None:
        """Make the block begin at `at` in it, and hold at least `wanted` bytes where the file has them."""
        kept = self._block[at:]
        self._base += at
        place = self._base + len(kept)
        self._file.seek(place)
        more = self._file.read(max(0, min(max(BLOCK, wanted - len(kept)), self._size - place)))
        self._block = kept + more

    def _length(self, head: bytes) -> int | None:
        """The length in the head of a record, None when its checksum does not match."""
        if masked(self._crc(head[:8])) != CHECKSUM.unpack_from(head, 8)[0]:
            return None
        if len(self._heads) >= HEADS:
            self._heads.clear()
        length = int(LENGTH.unpack_from(head)[0])
        self._heads[head] = length
        return length

    def _lose(self, start: int, end: int, why: str, torn: bool = False) -> None:
        if len(self.losses) < MOST_LOSSES or torn:
            self.losses.append(Loss(start, end, why, torn))
        else:
            self.untold += 1
            self.untold_bytes += end - start

    def _after(self, start: int, end: int, why: str) -> int | None:
        """Where to go on after a record that is framed well but cannot be read; None at the end of the file.

        It ends where the next one begins, unless bytes of the file are missing: then the next begins inside of it.
        """
        self._file.seek(end)
        if end == self._size or self._length(self._file.read(HEAD).ljust(HEAD)) is not None:
            self._lose(start, end, why)
            return end
        return self._next(start, start + HEAD, why)

    def _next(self, start: int, search: int, why: str, torn: bool = False) -> int | None:
        """Where the next record begins at or after `search`, None when there is none. From `start` on all is lost."""
        place = self._search(search)
        self._lose(start, self._size if place is None else place, why, torn and place is None)
        return place

    def _search(self, start: int) -> int | None:
        """The next place from `start` on where eight bytes are a possible length, followed by their checksum."""
        if 0 <= start - self._base < len(self._block):
            found = self._in_block(self._block, self._base, start - self._base)
            if found is not None:
                return found
            start = max(start, self._base + len(self._block) - HEAD + 1)
        while start + FRAME <= self._size:
            self._file.seek(start)
            block = self._file.read(min(BLOCK, self._size - start))
            if len(block) < HEAD:
                return None
            found = self._in_block(block, start)
            if found is not None:
                return found
            start += len(block) - HEAD + 1
        return None

    def _in_block(self, block: bytes, start: int, begin: int = 0) -> int | None:
        """The next such place from `begin` on in a block that begins at `start` in the file."""
        # The upper half of a length is zero: no record is larger than 4 GiB.
        zeros = block.find(b"\0\0\0\0", begin + 4)
        while 0 <= zeros <= len(block) - 8:
            length = CHECKSUM.unpack_from(block, zeros - 4)[0]
            if length == 0:  # inside of a stretch of zeros, where nothing can begin
                beyond = NOT_ZERO.search(block, zeros)
                if beyond is None:
                    return None
                zeros = block.find(b"\0\0\0\0", max(zeros + 1, beyond.start() + 1))
                continue
            place = start + zeros - 4
            if length <= self._size - place - FRAME and self._length(block[zeros - 4 : zeros + 8]) is not None:
                return place
            zeros = block.find(b"\0\0\0\0", zeros + 1)
        return None
