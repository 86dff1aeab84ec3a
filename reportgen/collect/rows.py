"""Tables of any common form as column names and rows of plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reportgen.errors import InvalidArgumentError
from reportgen.run.logged import Plain
from reportgen.run.records import TableRecord

MOST_ROWS = 1000
MOST_COLUMNS = 100
LONGEST_CELL = 500
ACCEPTED = "a list of dicts, a list of lists, a dict of columns, a 2-D array or a data frame"

Row = tuple[Plain, ...]


def table_of(tag: str, rows: object) -> TableRecord:
    """`rows` as a table: its first MOST_ROWS rows and MOST_COLUMNS columns; `total` is how many rows were given.

    Columns of dicts are in the order first met, missing values None; lists without names have the columns "0", "1" ...
    Cells are numbers, truth values, None, or text of at most LONGEST_CELL characters. Raises InvalidArgumentError
    for anything else, and for columns of different lengths (naming them).
    """
    frame = getattr(rows, "to_dict", None)
    if callable(frame) and hasattr(rows, "columns"):
        rows = _frame_columns(frame, rows)
    elif not isinstance(rows, (Mapping, Sequence)) and callable(getattr(rows, "tolist", None)):
        rows = rows.tolist()  # type: ignore[attr-defined]  # an array or a tensor: just checked
    if isinstance(rows, Mapping):
        columns, cells, total = _of_columns(rows)
    elif isinstance(rows, Sequence) and not isinstance(rows, (str, bytes)):
        columns, cells = _of_rows(rows[:MOST_ROWS])
        total = len(rows)
    else:
        raise InvalidArgumentError("rows", rows, ACCEPTED)
    plain = tuple(tuple(_plain(cell) for cell in row[:MOST_COLUMNS]) for row in cells)
    return TableRecord(tag, tuple(columns[:MOST_COLUMNS]), plain, total)


def _frame_columns(to_dict: Callable[..., Any], frame: object) -> object:
    """A data frame's columns: pandas says to_dict("list"), polars to_dict(as_series=False)."""
    polars = type(frame).__module__.partition(".")[0] == "polars"
    return to_dict(as_series=False) if polars else to_dict("list")


def _of_columns(rows: Mapping[Any, Any]) -> tuple[list[str], list[Sequence[Any]], int]:
    columns = {str(name): _column(name, values) for name, values in rows.items()}
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InvalidArgumentError("rows", lengths, "columns of one length")
    cut = [values[:MOST_ROWS] for values in columns.values()]
    return list(columns), list(zip(*cut, strict=True)), max(lengths.values(), default=0)


def _column(name: object, values: object) -> Sequence[Any]:
    if callable(getattr(values, "tolist", None)):
        values = values.tolist()  # type: ignore[attr-defined]  # an array or a tensor: just checked
    if not isinstance(values, Sequence) or isinstance(values, (str, bytes)):
        raise InvalidArgumentError(f"rows[{name!r}]", values, "a column: a list or an array")
    return values


def _of_rows(rows: Sequence[Any]) -> tuple[list[str], list[Sequence[Any]]]:
    if all(isinstance(row, Mapping) for row in rows):
        columns = list(dict.fromkeys(str(key) for row in rows for key in row))
        named = [{str(key): value for key, value in row.items()} for row in rows]
        return columns, [[row.get(column) for column in columns] for row in named]
    cells: list[Sequence[Any]] = []
    for index, row in enumerate(rows):
        if isinstance(row, (str, bytes, Mapping)):
            raise InvalidArgumentError(f"rows[{index}]", row, ACCEPTED)
        try:
            cells.append(list(row))
        except TypeError as error:
            raise InvalidArgumentError(f"rows[{index}]", row, ACCEPTED) from error
    width = max((len(row) for row in cells), default=0)
    return [str(column) for column in range(width)], [[*row, *[None] * (width - len(row))] for row in cells]


def _plain(cell: Any) -> Plain:
    if cell is None or isinstance(cell, (bool, int, float)):
        # Subclasses (an enum member, numpy.float64) become the plain number that they hold.
        return cell if cell is None or isinstance(cell, bool) else int(cell) if isinstance(cell, int) else float(cell)
    item = getattr(cell, "item", None)
    if callable(item):
        try:
            value = item()
        except (ValueError, TypeError, RuntimeError):  # an array or a tensor of several elements
            return _cut(str(cell))
        # numpy.longdouble's item() is itself.
        return _cut(str(value)) if type(value) is type(cell) else _plain(value)
    return _cut(str(cell))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
