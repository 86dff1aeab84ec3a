import random

import pytest
from tensorboard.summary.writer.record_writer import masked_crc32c

from reportgen.readers.events import checksum
from reportgen.readers.events.checksum import crc32c, fast_crc32c, masked


def test_the_checksum_is_that_of_the_standard():
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4
    assert crc32c(b"") == 0


def test_a_checksum_is_masked_as_tensorboards_own_writer_masks_it():
    for data in (b"", b"123456789", bytes(32)):
        assert masked(crc32c(data)) == masked_crc32c(data)
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
