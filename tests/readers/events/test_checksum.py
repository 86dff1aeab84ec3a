import random

import pytest

from reportgen.readers.events import checksum
from reportgen.readers.events.checksum import crc32c, fast_crc32c, masked, unmasked


def test_the_checksum_is_that_of_the_standard():
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4
    assert crc32c(b"") == 0


def test_masking_is_undone_by_unmasking():
    for value in (0, 1, 0xFFFFFFFF, 0xE3069283, 0x12345678):
        assert unmasked(masked(value)) == value
    assert masked(0) == 0xA282EAD8


def test_the_fast_checksum_of_the_extra_is_the_same():
    fast = fast_crc32c()
    assert fast is not None
    data = random.Random(0).randbytes(1000)
    assert [fast(data[:size]) for size in (0, 1, 7, 8, 999)] == [crc32c(data[:size]) for size in (0, 1, 7, 8, 999)]


@pytest.mark.parametrize("implementation", ["python", None])
def test_an_extra_that_is_slow_or_missing_is_not_used(monkeypatch, implementation):
    class Package:
        pass

    Package.implementation = implementation

    def imported(name):
        if implementation is None:
            raise ImportError(name)
        return Package

    monkeypatch.setattr(checksum.importlib, "import_module", imported)
    assert fast_crc32c.__wrapped__() is None
