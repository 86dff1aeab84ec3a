import math

import pytest

from reportgen.blocks import Column
from reportgen.render import formats


@pytest.mark.parametrize(
    ("value", "format", "written"),
    [
        (0.0312499, "number", "0.03125"),
        (1.2e-5, "number", "1.2e-5"),
        (123456.7, "number", "123,457"),
        (-0.5, "number", "−0.5"),
        (math.nan, "number", "NaN"),
        (-math.inf, "count", "−∞"),
        (0.981, "percent", "98.1 %"),
        (1234567, "count", "1,234,567"),
        (-1234, "step", "−1,234"),
        (2.5, "count", "2.5"),
        (38.2, "seconds", "38 s"),
        (125.0, "seconds", "2 min 5 s"),
        (0.0142, "seconds", "14.2 ms"),
        (1200000, "bytes", "1.2 MB"),
        (44600000.0, "si", "44.6 M"),
        (None, "number", "–"),
        (True, "text", "yes"),
        (7, "text", "7"),
        (0.1, "text", "0.1"),
        ("0.50", "number", "0.50"),
    ],
)
def test_a_cell_is_written_in_its_columns_format(value, format, written):  # noqa: A002
    assert formats.written(value, Column("c", format)).replace("\u00a0", " ") == written


def test_times_are_written_as_time_passed_and_in_utc():
    after, at, day = (Column("t", name) for name in ("elapsed", "moment", "daytime"))

    assert formats.written(7385.0, after).replace("\u00a0", " ") == "+2 h 3 min"
    assert formats.written(0.25, after).replace("\u00a0", " ") == "+250 ms"
    assert formats.written(-3.0, after).replace("\u00a0", " ") == "−3.0 s"
    assert formats.written(1_795_446_012.9, at) == "2026-11-23 15:00:12"
    assert formats.written(1_795_446_012.9, day) == "15:00:12"
    assert formats.written(1e300, day) == formats.written(1e300, at) == "unknown"
