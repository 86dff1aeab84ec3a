"""What tests of reports are made of: runs without a training behind them."""

from __future__ import annotations

from reportgen.testing.doc import ReportDoc
from reportgen.testing.logged import with_logged
from reportgen.testing.run import HOSTILE, fake_run, series_of

__all__ = ["HOSTILE", "ReportDoc", "fake_run", "series_of", "with_logged"]
