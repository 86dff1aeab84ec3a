"""The records as JSON's types and back, by their type hints alone: one codec for the journal, run.json and the page.

A dataclass becomes a mapping of its fields that differ from their defaults; a Distribution and a TensorSpec a short
list (there are thousands of them); an array a list, of the shortest numbers that give it again. Numbers that JSON has
not are the strings "nan", "inf" and "-inf".
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from array import array
from collections.abc import Callable, Mapping
from functools import cache
from itertools import compress
from typing import Any, TypeVar

from reportgen.run.curve_columns import lengthened, shortened
from reportgen.run.distribution import LARGEST_BIN, Distribution
from reportgen.run.graph import TensorSpec
from reportgen.run.logged import PRCurve

Record = TypeVar("Record")
Decoder = Callable[[Any], Any]

NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
# The fields of a Distribution before its bins, in the order of its compact form.
SCALARS = 10
# Unused bins inside a stretch are cheaper written as zeros than as a new stretch.
LONGEST_GAP = 3
# Digits that may be enough for a float32: from 6 on, which any number of 6 digits survives; 9 are always enough.
DIGITS = (6, 10)
# Up to here an integer is no longer than the float.
LARGEST_WHOLE = 1e15
ALL_BINS = array("h", range(-LARGEST_BIN, LARGEST_BIN + 1))


def to_plain(value: Any) -> Any:
    """`value` in JSON's types. Raises TypeError for a type that is none of the records'."""
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return plain_number(value)
    if kind is Distribution:
        return _plain_distribution(value)
    if kind is TensorSpec:
        return [value.dtype, list(value.shape), value.name] if value.name else [value.dtype, list(value.shape)]
    if isinstance(value, array):
        return _plain_array(value)
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(kind):
        defaults = _defaults(kind)
        plain = {}
        for field in dataclasses.fields(value):
            item = getattr(value, field.name)
            if not (field.name in defaults and _same(item, defaults[field.name])):
                plain[field.name] = to_plain(item)
        return shortened(plain, value) if kind is PRCurve else plain
    raise TypeError(f"a record holds a {kind.__name__}, which has no plain form")


def plain_number(value: float) -> float | str:
    """A float as JSON can hold it."""
    if math.isfinite(value):
        return value
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def _plain_array(values: array[Any]) -> list[Any]:
    if values.typecode == "f":
        return _shortest(values)
    if values.typecode == "d":
        return [int(number) if _whole(number) else plain_number(number) for number in values]
    return values.tolist()


def _whole(number: float) -> bool:
    """Whether a number is written shorter as an integer: "5021" and not "5021.0". A negative zero is none."""
    return -LARGEST_WHOLE < number < LARGEST_WHOLE and number == int(number) and (number != 0 or str(number) == "0.0")


def _shortest(values: array[float]) -> list[float | str]:
    """For each float32 the number with the fewest digits that becomes it again."""
    found = values.tolist()
    places = [place for place, number in enumerate(found) if math.isfinite(number)]
    wanted = [found[place] for place in places]
    for digits in range(*DIGITS):
        short = [float(f"{number:.{digits}g}") for number in wanted]
        again = array("f", short)
        longer = []
        for place, number, given, made in zip(places, wanted, short, again, strict=True):
            if made == number:
                found[place] = given
            else:
                longer.append((place, number))
        places, wanted = [place for place, _ in longer], [number for _, number in longer]
    return list(map(plain_number, found))


def from_plain(cls: type[Record], data: Any) -> Record:
    """The record of type `cls` that `to_plain` gave `data` for.

    Unknown keys are ignored (a later version may add some), missing ones take their defaults. Raises ValueError that
    names the field when a value has the wrong type or a field without a default is missing.
    """
    decoded: Record = _decoder(cls)(data)
    return decoded


def _new_decoder(hint: Any) -> Decoder:
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if hint is Distribution:
        return _distribution
    if hint is TensorSpec:
        return _tensor_spec_decoder()
    if hint is PRCurve:
        record = _record_decoder(PRCurve)
        return lambda data: lengthened(data, record(data))
    if dataclasses.is_dataclass(hint):
        return _record_decoder(typing.cast("type[Any]", hint))
    if origin is tuple:
        return _tuple_decoder(arguments)
    if origin is not None and _is_kind_of(origin, Mapping):
        return _mapping_decoder(_decoder(arguments[1]))
    if origin in (typing.Union, types.UnionType):
        return _union_decoder(arguments)
    if hint in DECODERS:
        return DECODERS[hint]
    raise TypeError(f"no decoder for {hint}")


def _is_kind_of(kind: Any, base: type) -> bool:
    """issubclass for what may be no class."""
    return isinstance(kind, type) and issubclass(kind, base)


def _record_decoder(cls: type[Any]) -> Decoder:
    # array[int] is a type for the checker alone: the class cannot be subscripted before Python 3.12.
    hints = typing.get_type_hints(cls, localns={"array": list})
    fields = dataclasses.fields(cls)
    # An array's type code is in its default, not in its type hint.
    codes = {name: item.typecode for name, item in _defaults(cls).items() if isinstance(item, array)}
    decoders = {
        field.name: _array_decoder(codes[field.name]) if field.name in codes else _decoder(hints[field.name])
        for field in fields
    }
    required = [field.name for field in fields if field.name not in _defaults(cls)]

    def decode(data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError(f"{cls.__name__}: {type(data).__name__} where a mapping was expected")
        values = {}
        for name, item in data.items():
            decoder = decoders.get(name)
            if decoder is not None:
                try:
                    values[name] = decoder(item)
                except (ValueError, TypeError, OverflowError) as error:
                    raise ValueError(f"{cls.__name__}.{name}: {error}") from None
        for name in required:
            if name not in values:
                raise ValueError(f"{cls.__name__}.{name} is missing")
        return cls(**values)

    return decode


def _tensor_spec_decoder() -> Decoder:
    record = _record_decoder(TensorSpec)  # the form in which earlier versions wrote it

    def decode(data: Any) -> Any:
        if isinstance(data, list) and len(data) in (2, 3):
            name = _str(data[2]) if len(data) == 3 else ""
            return TensorSpec(tuple(_int(size) for size in _sequence(data[1])), _str(data[0]), name)
        return record(data)

    return decode


def _tuple_decoder(arguments: tuple[Any, ...]) -> Decoder:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        one = _decoder(arguments[0])
        return lambda data: tuple(one(item) for item in _sequence(data))
    each = [_decoder(argument) for argument in arguments]

    def decode(data: Any) -> Any:
        if len(_sequence(data)) != len(each):
            raise ValueError(f"{len(data)} items where {len(each)} were expected")
        return tuple(decoder(item) for decoder, item in zip(each, data, strict=True))

    return decode


def _mapping_decoder(one: Decoder) -> Decoder:
    def decode(data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError(f"{type(data).__name__} where a mapping was expected")
        return {key: one(item) for key, item in data.items()}

    return decode


def _union_decoder(arguments: tuple[Any, ...]) -> Decoder:
    plain = {argument for argument in arguments if argument in (str, int, float, bool, type(None))}
    others = [_decoder(argument) for argument in arguments if argument not in plain]

    def decode(data: Any) -> Any:
        if data is None and type(None) in plain:
            return None
        if type(data) in plain:
            # A configuration's "nan" stays text; where only numbers may stand it is the number.
            return data
        if float in plain and not others:
            return _float(data)
        for other in others:
            return other(data)
        raise ValueError(f"{type(data).__name__} is none of the types that were expected")

    return decode


def _array_decoder(typecode: str) -> Decoder:
    if typecode in "fd":
        return lambda data: array(typecode, [_float(item) for item in _sequence(data)])
    return lambda data: array(typecode, _sequence(data))


def _sequence(data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise ValueError(f"{type(data).__name__} where a list was expected")
    return data


def _float(data: Any) -> float:
    if type(data) is float:
        return data
    if type(data) is int:
        return float(data)
    if type(data) is str and data in NOT_FINITE:
        return NOT_FINITE[data]
    raise ValueError(f"{data!r:.60} where a number was expected")


def _int(data: Any) -> int:
    if type(data) is not int:
        raise ValueError(f"{data!r:.60} where an integer was expected")
    return data


def _str(data: Any) -> str:
    if type(data) is not str:
        raise ValueError(f"{data!r:.60} where text was expected")
    return data


def _bool(data: Any) -> bool:
    if type(data) is not bool:
        raise ValueError(f"{data!r:.60} where true or false was expected")
    return data


def _bytes(data: Any) -> bytes:
    raise ValueError("bytes are never part of plain data")


DECODERS: dict[Any, Decoder] = {float: _float, int: _int, str: _str, bool: _bool, bytes: _bytes}


def _new_defaults(cls: Any) -> dict[str, Any]:
    found = {}
    for field in dataclasses.fields(cls):
        if field.default is not dataclasses.MISSING:
            found[field.name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            found[field.name] = field.default_factory()
    return found


# Typed by hand: a class counts as hashable for mypy only then.
_decoder: Callable[[Any], Decoder] = cache(_new_decoder)
_defaults: Callable[[Any], dict[str, Any]] = cache(_new_defaults)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and (one == other or (one != one and other != other))


def _plain_distribution(value: Distribution) -> list[Any]:
    return [
        value.count,
        value.elements,
        plain_number(value.minimum),
        plain_number(value.maximum),
        plain_number(value.total),
        plain_number(value.squares),
        value.zeros,
        value.nans,
        value.positive_infinities,
        value.negative_infinities,
        _stretches(value.bins, value.counts),
    ]


def _stretches(bins: array[int], counts: array[int]) -> list[list[int]]:
    if not bins:
        return []
    if bins[-1] - bins[0] == len(bins) - 1:
        return [[bins[0], *counts]]
    stretches: list[list[int]] = []
    stretch: list[int] = []
    expected = bins[0] - LONGEST_GAP - 1
    for index, count in zip(bins, counts, strict=True):
        if index != expected:
            gap = index - expected
            if gap > LONGEST_GAP:
                stretch = [index]
                stretches.append(stretch)
            else:
                stretch += [0] * gap
        stretch.append(count)
        expected = index + 1
    return stretches


def _distribution(data: Any) -> Distribution:
    if not isinstance(data, list) or len(data) != SCALARS + 1:
        raise ValueError(f"a distribution is a list of {SCALARS + 1}")
    count, elements, minimum, maximum, total, squares, zeros, nans, above, below, stretches = data
    bins, counts = array("h"), array("q")
    for stretch in stretches:
        heights = stretch[1:]
        place = stretch[0] + LARGEST_BIN
        if place < 0 or place + len(heights) > len(ALL_BINS):
            raise ValueError(f"there is no bin {stretch[0]} with {len(heights) - 1} after it")
        indices = ALL_BINS[place : place + len(heights)]
        if 0 in heights:  # the zeros fill gaps: see LONGEST_GAP
            bins.extend(compress(indices, heights))
            counts.extend(compress(heights, heights))
        else:
            bins += indices
            counts.extend(heights)
    return Distribution(
        count=_int(count),
        elements=_int(elements),
        minimum=_float(minimum),
        maximum=_float(maximum),
        total=_float(total),
        squares=_float(squares),
        zeros=_int(zeros),
        nans=_int(nans),
        positive_infinities=_int(above),
        negative_infinities=_int(below),
        bins=bins,
        counts=counts,
    )
