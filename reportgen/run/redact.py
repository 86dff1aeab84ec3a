"""What must not be in a run folder or a page is taken out here: secrets, names of host, user and home folder."""

from __future__ import annotations

import argparse
import dataclasses
import getpass
import math
import os
import platform
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from reportgen.config import HIDDEN, SECRET
from reportgen.errors import InvalidArgumentError, shown
from reportgen.run.logged import Plain

# https://user:token@host, postgres://token@host; a password may hold an "@", so all up to the last one
USER_INFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^/\s'\"]+@")
# ?access_token=..., "api-key: ...", password='...' inside any text
ASSIGNMENT = re.compile(
    r"(?P<key>[\w.-]*(?:token|secret|password|passwd|credential|api.?key|auth)[\w.-]*)(?P<sign>['\"]?\s*[=:]\s*)"
    r"(?:\"[^\"]*\"|'[^']*'|[^\s&,;'\"]+)",
    re.IGNORECASE,
)
OPTION = re.compile(r"--?[A-Za-z]")
MOST_KEYS = 10_000
LONGEST_VALUE = 20_000
# Shorter or commoner names would be cut out of ordinary words.
SHORTEST_HOST = 4
COMMON_NAMES = frozenset({"localhost", "root", "user", "test", "train", "admin", "home", "data", "model", "main"})


def redact_config(config: object) -> dict[str, Plain]:
    """A configuration as flat plain settings: nested keys joined by dots, secrets hidden by their key.

    Takes a mapping, an argparse.Namespace, a dataclass or None. Values that are no plain type become text. Raises
    InvalidArgumentError for anything else.
    """
    if config is None:
        return {}
    mapping = _mapping(config)
    if mapping is None:
        raise InvalidArgumentError("config", config, "a mapping, an argparse.Namespace or a dataclass")
    flat: dict[str, Plain] = {}
    _flatten("", mapping, flat, hidden=False, above=())
    return flat


def _mapping(value: object) -> Mapping[Any, Any] | None:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, argparse.Namespace):
        return vars(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None


def _flatten(
    prefix: str, mapping: Mapping[Any, Any], flat: dict[str, Plain], hidden: bool, above: tuple[int, ...]
) -> None:
    for key, value in mapping.items():
        if len(flat) >= MOST_KEYS:
            return
        name = f"{prefix}.{key}" if prefix else str(key)
        secret = hidden or bool(SECRET.search(str(key)))
        inner = _mapping(value)
        if inner and id(value) not in above:  # a configuration that holds itself ends there
            _flatten(name, inner, flat, secret, (*above, id(value)))
        elif secret and not _is_open(value):
            flat[scrub(name)] = HIDDEN
        else:
            flat[scrub(name)] = _plain(value)


def _is_open(value: object) -> bool:
    """Whether `value` is none to hide under a key that looks secret: nothing, or a switch (`use_auth: true`)."""
    # Asked by type first: an array compared with anything is an array.
    return value is None or (isinstance(value, (str, int)) and value in ("", False, True))


def _plain(value: object) -> Plain:
    if value is None or type(value) in (bool, int):
        return value  # type: ignore[return-value]  # narrowed by the exact types
    if type(value) is float:
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return scrub(str(value)[:LONGEST_VALUE])
    if isinstance(value, os.PathLike):
        return scrub(os.fspath(value) if isinstance(os.fspath(value), str) else str(value))
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():
        number = item()  # numpy.longdouble's is itself
        return scrub(shown(number)) if type(number) is type(value) else _plain(number)
    if isinstance(value, (list, tuple, set, frozenset)):
        return scrub(shown(_without_secrets(value), 2000))
    if callable(value) and hasattr(value, "__qualname__"):
        return scrub(str(value.__qualname__))
    return scrub(shown(value, 2000))


def _without_secrets(value: Any) -> Any:
    """A sequence with the secrets of mappings inside it hidden."""
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if SECRET.search(str(key)) and not _is_open(inner) else _without_secrets(inner)
            for key, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_without_secrets(inner) for inner in value]
    return value


def redact_argv(argv: Iterable[str]) -> tuple[str, ...]:
    """A command line as it may be shown: options that look secret lose their value, the script its folder."""
    found: list[str] = []
    hide_next = False
    for place, argument in enumerate(argv):
        if place == 0:
            found.append(scrub(_script(argument)))
            continue
        if hide_next and not (OPTION.match(argument) and SECRET.search(argument)):
            hide_next = False
            found.append(HIDDEN)
            continue
        key, sign, _ = argument.partition("=")
        if SECRET.search(key) and (sign or OPTION.match(key)):
            found.append(f"{scrub(key)}={HIDDEN}" if sign else scrub(argument))
            hide_next = not sign
        else:
            found.append(scrub(argument))
    return tuple(found)


def _script(path: str) -> str:
    try:
        return os.path.relpath(path) if Path(path).resolve().is_relative_to(Path.cwd()) else Path(path).name
    except (OSError, ValueError):
        return Path(path).name


def scrub(text: str) -> str:
    """`text` without user info in URLs, assigned secrets, and the names of home folder, user and host."""
    if "://" in text:
        text = USER_INFO.sub(r"\g<scheme>", text)
    if SECRET.search(text):
        text = ASSIGNMENT.sub(rf"\g<key>\g<sign>{HIDDEN}", text)
    for pattern, replacement in _places():
        text = pattern.sub(replacement, text)
    return text


def _places() -> tuple[tuple[re.Pattern[str], str], ...]:
    try:
        here = str(Path.cwd())
    except OSError:  # the working folder was removed
        here = ""
    return _patterns(here, _home(), _user(), platform.node())


@lru_cache(maxsize=8)
def _patterns(here: str, home: str, user: str, host: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    found: list[tuple[re.Pattern[str], str]] = []
    for place, name in ((here, "."), (home, "~")):
        if len(place) > 1 and place != "~":
            found.append((re.compile(rf"{re.escape(place)}(?![\w.-])"), name))
    if user:
        # As part of a path only: a user called "max" is no reason to cut the word elsewhere.
        found.append((re.compile(rf"(?<=[/\\])(?:home|Users)([/\\]){re.escape(user)}(?![\w.-])"), r"home\1(user)"))
        if len(user) >= SHORTEST_HOST and user.lower() not in COMMON_NAMES:
            found.append((re.compile(rf"(?<![\w.-]){re.escape(user)}(?![\w.-])"), "(user)"))
    found.extend(
        (re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])", re.IGNORECASE), "(host)")
        for name in dict.fromkeys((host, host.partition(".")[0]))  # whole first, then without its domain
        if len(name) >= SHORTEST_HOST and name.lower() not in COMMON_NAMES
    )
    return tuple(found)


def _home() -> str:
    try:
        return str(Path.home())
    except RuntimeError:  # a user without a home
        return ""


@lru_cache(maxsize=1)
def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container whose user has no name
        return ""
