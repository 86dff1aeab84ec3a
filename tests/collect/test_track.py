import pytest

from reportgen.collect.recorder import Recorder
from reportgen.collect.track import Track
from reportgen.run.records import Meta


class WithoutLength:
    """A loader as some libraries write them: asking for its length is an error of its own."""

    def __iter__(self):
        return iter([1, 2])

    def __len__(self):
        raise NotImplementedError("nobody knows")


def test_a_loader_whose_length_raises_is_iterated_as_without_us():
    opened = []
    nowhere = Recorder(None, Meta("t", "running", 0.0))
    tracked = Track(WithoutLength(), "train", nowhere, opened.append, None)
    batches = []
    for batch in tracked:  # list() would ask for the length itself
        batches.append(batch)  # noqa: PERF402
    assert batches == [1, 2]
    assert nowhere.passes == 1.0
    assert opened == [1, -1]
    with pytest.raises(NotImplementedError, match="nobody knows"):
        len(tracked)
