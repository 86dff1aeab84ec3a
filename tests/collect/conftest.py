"""A watcher and the memory of what it recorded."""

from __future__ import annotations

import pytest

from reportgen.collect.watch import Watcher
from tests.collect.memory import Memory


@pytest.fixture
def memory():
    return Memory()


@pytest.fixture
def watcher(memory):
    watching = Watcher(memory)
    yield watching
    watching.close()
