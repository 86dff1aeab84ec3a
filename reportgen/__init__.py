"""reportgen: one self-contained HTML report of a PyTorch training run.

The names below are all there is to the public interface. They are imported when first used, so that `import reportgen`
itself costs milliseconds and imports neither torch nor matplotlib.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reportgen.blocks.finding import Finding, Where
    from reportgen.diagnose import findings
    from reportgen.diagnose.rule import NotApplicable, Rule, Unchecked, rule
    from reportgen.errors import (
        InvalidArgumentError,
        NewerSchemaError,
        OutputError,
        ReportgenError,
        ReportgenWarning,
        UnreadableRunError,
    )
    from reportgen.pipeline import Result
    from reportgen.readers.load import load, load_all
    from reportgen.report import Report
    from reportgen.run.records import Run
    from reportgen.writer.summary_writer import SummaryWriter
    from reportgen.writer.visualizer import Visualizer

__version__ = "0.1.0"

_HOMES = {
    "Finding": "reportgen.blocks.finding",
    "InvalidArgumentError": "reportgen.errors",
    "NewerSchemaError": "reportgen.errors",
    "NotApplicable": "reportgen.diagnose.rule",
    "OutputError": "reportgen.errors",
    "Report": "reportgen.report",
    "ReportgenError": "reportgen.errors",
    "ReportgenWarning": "reportgen.errors",
    "Result": "reportgen.pipeline",
    "Rule": "reportgen.diagnose.rule",
    "Run": "reportgen.run.records",
    "SummaryWriter": "reportgen.writer.summary_writer",
    "Unchecked": "reportgen.diagnose.rule",
    "UnreadableRunError": "reportgen.errors",
    "Visualizer": "reportgen.writer.visualizer",
    "Where": "reportgen.blocks.finding",
    "findings": "reportgen.diagnose",
    "load": "reportgen.readers.load",
    "load_all": "reportgen.readers.load",
    "rule": "reportgen.diagnose.rule",
}

__all__ = [
    "Finding",
    "InvalidArgumentError",
    "NewerSchemaError",
    "NotApplicable",
    "OutputError",
    "Report",
    "ReportgenError",
    "ReportgenWarning",
    "Result",
    "Rule",
    "Run",
    "SummaryWriter",
    "Unchecked",
    "UnreadableRunError",
    "Visualizer",
    "Where",
    "__version__",
    "findings",
    "load",
    "load_all",
    "rule",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home module when it is first asked for (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'reportgen' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
