"""The checksum of an event file: CRC32C, rotated and shifted ("masked") as TensorFlow's records have it."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from functools import cache

POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits reversed
MASK = 0xA282EAD8
WORD = 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return tuple(table)


def crc32c(data: bytes) -> int:
    """CRC32C in Python, about 10 MB a second: for the few bytes that are checked where no fast one is installed."""
    table, value = _table(), WORD
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ WORD


@cache
def fast_crc32c() -> Callable[[bytes], int] | None:
    """CRC32C at the speed of the hardware from the extra `crc32c`, None when it is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where it has no compiled part
            package = importlib.import_module("google_crc32c")
        if package.implementation != "c":
            return None
        value: Callable[[bytes], int] = package.value
        return value
    except Exception:  # noqa: BLE001 - a broken installation of an extra is as none
        return None


def masked(crc: int) -> int:
    """A CRC32C as it stands in the file."""
    return ((crc >> 15 | crc << 17) + MASK) & WORD
