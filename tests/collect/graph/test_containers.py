"""Containers that a forward changes are put back as they were."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque

import numpy as np
import torch
from torch import nn

from reportgen.collect.graph.asked import asked_graph
from reportgen.collect.graph.containers import keep


class Tally:
    """An object that only counts."""

    def __init__(self):
        self.calls, self.sizes = 0, []


class Writer:
    """An object that is more than a record: it is left alone."""

    def __init__(self):
        self.written, self.owner = [], Tally()


class Changing(nn.Module):
    """Its forward changes containers of each kind, and takes from one that is used up."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.losses, self.waiting = [1.0], [1, 2]
        self.counts, self.by_name = defaultdict(int), OrderedDict(a=1, b=2)
        self.latest, self.known = deque([1, 2], maxlen=2), {1}
        self.numbers, self.nested = np.zeros(2), {"deep": [[0]]}
        self.tally = Tally()

    def forward(self, x):
        self.losses.append(x.mean())
        self.waiting.pop()
        self.counts["calls"] += 1
        self.by_name.move_to_end("a")
        self.latest.append(3)
        self.known.add(2)
        self.numbers += 1
        self.nested["deep"][0].append(1)
        self.tally.calls += 1
        self.tally.sizes.append(len(x))
        return self.layer(x)


def test_a_forward_of_ours_leaves_the_containers_of_a_model_as_they_were():
    model = Changing()
    for _ in range(3):  # the third would find nothing to pop
        _, error = asked_graph("net", model, (torch.randn(2, 3),), {})
        assert error is None
    assert model.losses == [1.0]
    assert model.waiting == [1, 2]
    assert model.counts == {}
    assert list(model.by_name) == ["a", "b"]
    assert list(model.latest) == [1, 2]
    assert model.known == {1}
    assert model.numbers.tolist() == [0, 0]
    assert model.nested == {"deep": [[0]]}
    assert (model.tally.calls, model.tally.sizes) == (0, [])


def test_containers_are_the_same_objects_afterwards():
    inner = [1]
    held = {"inner": inner}
    put_back = keep([held])
    held["inner"], held["more"] = [2], 3
    inner.append(5)
    put_back()
    assert held == {"inner": [1]}
    assert held["inner"] is inner


def test_objects_that_are_more_than_records_and_items_of_the_users_own_are_not_touched():
    class Hostile:
        def __getattribute__(self, name):
            raise RuntimeError(name)

        def __eq__(self, other):
            raise RuntimeError("compared")

        __hash__ = None

    writer, hostile = Writer(), [Hostile()]
    put_back = keep([writer, hostile, torch, Hostile, len, iter([1])])
    writer.written.append(1)
    put_back()
    assert writer.written == [1]
    assert len(hostile) == 1


def test_a_list_that_holds_itself_ends():
    held: list[object] = [1]
    held.append(held)
    put_back = keep([held])
    held.clear()
    put_back()
    assert held[0] == 1
    assert held[1] is held
