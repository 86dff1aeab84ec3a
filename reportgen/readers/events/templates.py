"""How events with one number and nothing else look, so that the next like it need not be taken apart.

Of two events of one tag only wall time, step and number differ. What lies between the step and the end, without the
number, is therefore remembered with the column that the number belongs to.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from reportgen.readers.events import event as message
from reportgen.readers.events.event import Value
from reportgen.readers.events.log_parts import Column
from reportgen.readers.events.tensor import TYPES, read_tensor
from reportgen.readers.events.wire import DOUBLE, FLOAT, varint

# What appends step, number and time to a column, and how the number is packed.
Template = tuple[Callable[[int], None], Callable[[float], None], Callable[[float], None], Struct]
FORMS = {"float32": FLOAT, "float64": DOUBLE}


class Templates:
    """last_four: by all between step and number, where the number is a float at the very end (old style).

    inside: by the length of what follows the step, and the place of the number in that (its start and end): by all but
    the number.
    """

    def __init__(self) -> None:
        self.last_four: dict[bytes, Template] = {}
        self.inside: dict[int, list[tuple[int, int, dict[bytes, Template]]]] = {}

    def remember(self, data: bytes, value: Value, column: Column) -> None:
        """Remember an event that holds one value and nothing else, of the tag with this column. Raises Malformed."""
        if data[:1] != b"\x09" or data[9:10] != b"\x10":
            return
        _, at = varint(data, 10, len(data))
        add = (column.steps.append, column.values.append, column.times.append)
        if value.kind == message.SIMPLE:
            start, end, form = value.start, value.end, FLOAT
        elif value.kind == message.TENSOR:
            tensor = read_tensor(data, value.start, value.end)
            place = tensor.content or (tensor.parts[0][1:] if len(tensor.parts) == 1 else None)
            known = FORMS.get(TYPES.get(tensor.type, ("", ""))[0])
            if place is None or known is None or place[1] - place[0] != known.size:
                return
            (start, end), form = place, known
        else:
            return
        if form is FLOAT and end == len(data):
            self.last_four[data[at:-4]] = (*add, form)
            return
        shapes = self.inside.setdefault(len(data) - at, [])
        found = next((known for first, last, known in shapes if (first, last) == (start - at, end - at)), None)
        if found is None:
            found = {}
            shapes.append((start - at, end - at, found))
        found[data[at:start] + data[end:]] = (*add, form)
