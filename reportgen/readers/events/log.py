"""What the event files of one folder hold, in the order in which they were written.

Numbers go straight into columns; everything else is kept as a draft of a few bytes that says where in its file it is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reportgen.readers.events import event as message
from reportgen.readers.events.event import Event, Value, read_event, simple_value, starts_session, values
from reportgen.readers.events.framing import Batch, Frames
from reportgen.readers.events.log_parts import Column, Entry, EventFile, Session
from reportgen.readers.events.templates import Templates
from reportgen.readers.events.tensor import TYPES, number, read_tensor
from reportgen.readers.events.wire import DOUBLE, FLOAT, Malformed, signed, varint

SCALARS = "scalars"
# What a value of these kinds is, whatever its metadata says.
PLUGINS = {message.SIMPLE: SCALARS, message.IMAGE: "images", message.HISTOGRAM: "histograms", message.AUDIO: "audio"}
# Bytes between two words about progress.
PROGRESS = 1 << 22
# What a damaged payload may raise while it is taken apart.
DAMAGE = (ValueError, LookupError, ArithmeticError, RecursionError)
# Without fast checksums those of the records that teach the reader something new are checked, up to this size.
SMALL = 512
# What belongs to the whole run, whatever step it was written at.
TIMELESS = ("graphs", "hparams", "custom_scalars")
# A tag's records of other kinds than a number: how their plugin drafts them.
Drafter = Callable[["Log", "Entry", Value, int], None]


class Log:
    """The event files of one folder. drafters: by plugin (see plugins/__init__.py)."""

    def __init__(self, folder: Path, drafters: dict[str, Drafter]) -> None:
        self.folder = folder
        self.files: list[EventFile] = []
        self.sessions: list[Session] = []
        self.scalars: dict[str, Column] = {}
        self.entries: list[Entry] = []
        self.purges: list[tuple[int, int]] = []
        self.unknown: dict[str, int] = {}
        self.ignored: dict[str, int] = {}
        self.contents: dict[str, bytes] = {}
        self._plugins: dict[str, str] = {}
        self._drafters = drafters
        self._templates = Templates()

    def read(self, file: EventFile, progress: Callable[[int], None] | None = None) -> None:
        """Read one more file, as it is now. Raises OSError.

        progress: called with the bytes read since it was called last.
        """
        self.files.append(file)
        self._begin()
        with file.path.open("rb") as stream:
            frames = Frames(stream, file.size)
            file.losses = frames.losses
            file.checked = frames.checked
            try:
                self._read(file, frames, progress or (lambda _: None))
            finally:
                file.untold, file.untold_bytes = frames.untold, frames.untold_bytes

    def _begin(self, resumed_from: int | None = None) -> Session:
        """Begin another session: what follows in each column is of another writer than what is there."""
        session = Session(resumed_from=resumed_from)
        self.sessions.append(session)
        for column in self.scalars.values():
            if column.steps and (not column.breaks or column.breaks[-1] != len(column.steps)):
                column.breaks.append(len(column.steps))
        return session

    def _read(self, file: EventFile, frames: Frames, progress: Callable[[int], None]) -> None:
        told = 0
        for batch in frames.batches():
            self._read_batch(file, frames, batch)
            reached = batch.base + batch.ends[-1]
            if reached - told > PROGRESS:
                progress(reached - told)
                told = reached
        progress(file.size - told)

    def _read_batch(self, file: EventFile, frames: Frames, batch: Batch) -> None:
        """Read the payloads of a batch; those that cannot be read are given back."""
        last_four, inside, session = self._templates.last_four, self._templates.inside, self.sessions[-1]
        time_of, number_of = DOUBLE.unpack_from, FLOAT.unpack_from
        for index, data in enumerate(batch.payloads):
            length = len(data)
            # The usual event: wall time (fixed64), step (varint), a summary with one number. A session's first one is
            # taken apart, so that what is to be known of it is.
            if length > 22 and data[0] == 0x09 and data[9] == 0x10 and session.step is not None:
                step = data[10]
                at = 11
                if step > 127:
                    following = data[11]
                    if following < 128:
                        step += (following << 7) - 128
                        at = 12
                    elif data[12] < 128:
                        step += ((following - 128) << 7) + (data[12] << 14) - 128
                        at = 13
                    else:
                        step, at = _long_step(data, length)
                template = last_four.get(data[at:-4])
                if template is not None:
                    add_step, add_value, add_time, _ = template
                    add_step(step)
                    add_value(number_of(data, length - 4)[0])
                    add_time(time_of(data, 1)[0])
                    continue
                for start, end, templates in inside.get(length - at, ()):
                    template = templates.get(data[at : at + start] + data[at + end :])
                    if template is not None:
                        add_step, add_value, add_time, form = template
                        add_step(step)
                        add_value(form.unpack_from(data, at + start)[0])
                        add_time(time_of(data, 1)[0])
                        break
                if template is not None:
                    continue
            try:
                read = read_event(data)
                begins = read.part(message.SESSION) is not None
                if (begins or length <= SMALL) and not frames.intact(batch, index):
                    raise Malformed("the checksum of a payload does not match")
                if begins and self._session(data, read):
                    session = self._begin(read.step)
                recorded = self._add(file, data, batch.offset(index), read)
            except DAMAGE as error:
                batch.reject(index, str(error) if isinstance(error, Malformed) else "its content makes no sense")
                length = 0
                continue
            session.seen = True
            if recorded and session.step is None:
                session.step = read.step
            if read.time:
                session.first = read.time if session.first is None else session.first
                session.last = read.time
        if length > 8 and data[0] == 0x09:
            session.last = time_of(data, 1)[0]

    def _session(self, data: bytes, read: Event) -> bool:
        """Heed a session log; whether what follows is another session than what went before in the same file."""
        place = read.part(message.SESSION)
        if place is None or not starts_session(data, *place):
            return False
        dropped = sum(column.keep(read.step) for column in self.scalars.values())
        kept = [entry for entry in self.entries if entry.step < read.step or entry.plugin in TIMELESS]
        dropped += len(self.entries) - len(kept)
        self.entries = kept
        if dropped:
            self.purges.append((read.step, dropped))
        if self.sessions[-1].step is not None:
            return True
        if dropped or read.step:
            self.sessions[-1].resumed_from = read.step
        return False

    def _add(self, file: EventFile, data: bytes, offset: int, read: Event) -> bool:
        """Keep what an event holds; whether that was anything. Raises Malformed, and then nothing of it is kept."""
        found: list[Callable[[], None]] = []
        for part, start, end in read.parts:
            if part == message.SUMMARY:
                for value in values(data, start, end):
                    found.append(self._of_value(file, offset, read, value))
                if len(found) == 1 and len(read.parts) == 1:
                    column = self.scalars.get(value.tag)
                    if column is not None:
                        self._templates.remember(data, value, column)
            elif part == message.GRAPH:
                entry = Entry("graphs", "", read.step, read.time, file, (offset + start, end - start))
                found.append(lambda entry=entry: self.entries.append(entry))  # type: ignore[misc]
            elif part in (message.RUN_METADATA, message.META_GRAPH):
                name = "run metadata" if part == message.RUN_METADATA else "meta graphs"
                self._ignore(name)
        for keep in found:
            keep()
        return bool(found)

    def _of_value(self, file: EventFile, offset: int, read: Event, value: Value) -> Callable[[], None]:
        """What keeps a value. Raises Malformed."""
        plugin = self._plugin(value)
        if value.kind == message.SIMPLE:
            return self._number(value.tag, read, simple_value(value))
        if value.kind == message.TENSOR and plugin in (SCALARS, ""):
            tensor = read_tensor(value.data, value.start, value.end)
            # Without a plugin, as where a tag's first event is lost, a single number is one of a series.
            if plugin or (tensor.shape == () and tensor.type in TYPES):
                return self._number(value.tag, read, number(tensor))
        if not value.kind and not plugin:
            return lambda: self._ignore(
                f"empty values of {value.tag!r}, such as add_video writes where it cannot encode,"
            )
        drafter = self._drafters.get(plugin)
        if drafter is None:
            return lambda: self._skip(plugin)
        entry = Entry(plugin, value.tag, read.step, read.time, file)
        drafter(self, entry, value, offset)
        return lambda: self.entries.append(entry) if entry.draft is not None else None

    def _plugin(self, value: Value) -> str:
        """Which plugin a value is for. It may stand in a tag's first event only, and not at all in old ones."""
        if value.plugin:
            self._plugins[value.tag] = value.plugin
            self.contents[value.tag] = value.content
        told = value.plugin or self._plugins.get(value.tag, "")
        return PLUGINS.get(value.kind, told)

    def _skip(self, plugin: str) -> None:
        self.unknown[plugin] = self.unknown.get(plugin, 0) + 1

    def _ignore(self, what: str) -> None:
        self.ignored[what] = self.ignored.get(what, 0) + 1

    def _number(self, tag: str, read: Event, value: float) -> Callable[[], None]:
        column = self.scalars.get(tag)
        if column is None:
            column = self.scalars[tag] = Column()

        def keep() -> None:
            column.steps.append(read.step)
            column.values.append(value)
            column.times.append(read.time)

        return keep


def _long_step(data: bytes, length: int) -> tuple[int, int]:
    """A step of four bytes or more, and where it ends; (0, the end) for one that does not end."""
    try:
        step, at = varint(data, 10, length)
    except Malformed:
        return 0, length
    return signed(step), at
