"""A strict report of its own for each test."""

import pytest

import reportgen


@pytest.fixture
def report(tmp_path):
    made = reportgen.Report("data", folder=tmp_path / "run", strict=True)
    yield made
    made.close()
