"""The pictures of a run folder, read when they are looked up."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from reportgen.errors import UnreadableRunError

# Names as the recorder gives them. No other can be looked up, wherever a damaged journal may point.
NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}\.[0-9a-z]{1,8}", re.ASCII)


class MediaFolder(Mapping[str, bytes]):
    """Those of `names` that are regular files in `folder`. Only names are kept; each look-up reads the file."""

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        self._folder = folder
        self._names = tuple(name for name in sorted(set(names)) if NAME.fullmatch(name) and self._regular(name))
        self._known = frozenset(self._names)

    def __getitem__(self, name: str) -> bytes:
        if name not in self._known:
            raise KeyError(name)
        path = self._folder / name
        try:
            return path.read_bytes()
        except OSError as error:
            raise UnreadableRunError(f"{path} cannot be read: {error.strerror or type(error).__name__}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def _regular(self, name: str) -> bool:
        try:
            return stat.S_ISREG((self._folder / name).lstat().st_mode)  # a link may lead out of the folder
        except OSError:
            return False
