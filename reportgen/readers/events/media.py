"""Pictures, sounds and arrays inside event files, read where they are when they are looked up: nothing is copied."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reportgen.errors import UnreadableRunError

SUFFIXES = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a file of the run's media is: bytes of a file. made: what makes it of them; as they are without."""

    path: Path
    offset: int
    length: int
    made: Callable[[bytes], bytes] | None = None

    def read(self) -> bytes:
        """The file's content. Raises OSError, ValueError."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            data = file.read(self.length)
        if len(data) < self.length:
            raise ValueError("it has become shorter since")
        return data if self.made is None else self.made(data)


class EventMedia(Mapping[str, bytes]):
    """The run's media by name, each read at its look-up. Raises UnreadableRunError where a file has changed since."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = dict(sorted(sources.items()))

    def __getitem__(self, name: str) -> bytes:
        source = self._sources[name]
        try:
            return source.read()
        except OSError as error:
            reason = error.strerror or type(error).__name__
        except ValueError as error:
            reason = str(error)
        raise UnreadableRunError(f"{source.path} cannot be read: {reason}")

    def __contains__(self, name: object) -> bool:
        return name in self._sources

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


def suffix_of(head: bytes) -> str:
    """The suffix of a picture that begins with `head` (12 bytes or more); "bin" for what is none."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return next((suffix for signature, suffix in SUFFIXES if head.startswith(signature)), "bin")


def npy(values: NDArray[Any]) -> bytes:
    """`values` as an .npy file: C order, little endian."""
    made = io.BytesIO()
    np.lib.format.write_array(made, np.asarray(values, order="C"), version=(1, 0), allow_pickle=False)
    return made.getvalue()
