import math
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.run.columns import Packer, Unpacker

int64 = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False)


def through(packer):
    sizes, data = packer.streams()
    return Unpacker(packer.table, [list(size) for size in sizes], data)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.lists(int64, max_size=20), st.booleans()), max_size=4),
    st.lists(st.lists(floats, max_size=20)),
)
def test_columns_come_back_exactly(integers, doubles):
    packer = Packer()
    numbers = [packer.integers(values, delta) for values, delta in integers]
    places = [packer.floats(values) for values in doubles]
    columns = through(packer)
    assert [columns.integers(n).tolist() for n in numbers] == [values for values, _ in integers]
    assert [columns.floats(n).tobytes() for n in places] == [array("d", values).tobytes() for values in doubles]


@pytest.mark.parametrize(
    "values",
    [[math.nan] * 3, [0.1, math.nan, -math.inf], [-0.0, 0.0], [1.5e9 + k / 16 for k in range(50)], [1e300], []],
)
def test_floats_keep_every_bit(values):
    packer = Packer()
    number = packer.floats(values)
    assert through(packer).floats(number).tobytes() == array("d", values).tobytes()


def test_equal_columns_are_stored_once():
    packer = Packer()
    assert packer.integers([1, 2, 3]) == packer.integers([1, 2, 3])
    assert packer.floats([0.5]) != packer.floats([0.25])
    assert len(packer.table) == 3


def test_times_take_a_byte_each():
    packer = Packer()
    packer.floats([1.7e9 + k / 4 for k in range(1000)])
    _, data = packer.streams()
    assert packer.table[0][0] == "parts"
    assert data.count(0) >= 7 * 1000 - 10


def test_what_no_packer_made_is_refused():
    packer = Packer()
    packer.integers(range(100))
    sizes, data = packer.streams()
    with pytest.raises(ValueError, match="cut off"):
        Unpacker(packer.table, [list(size) for size in sizes], data[:-5])
    with pytest.raises(ValueError, match="no floats"):
        through(packer).floats(0)
    with pytest.raises((ValueError, LookupError)):
        Unpacker([["odd", "B", 3, 0]], [["B", 3]], b"abc")
