"""What the tests of data share: a strict report, and the records it left."""

from __future__ import annotations

from pathlib import Path

import reportgen
from reportgen.run.evidence import DataSplit, LoaderUse
from reportgen.run.records import Run


def splits(folder: Path, **datasets: object) -> dict[str, DataSplit]:
    """The records of data sets handed over by split."""
    report = reportgen.Report("data", folder=folder, strict=True)
    for split, dataset in datasets.items():
        report.data(split, dataset)
    return by_split(ended(report))


def ended(report: reportgen.Report) -> Run:
    report.close()
    return reportgen.load(report.folder)


def by_split(run: Run, source: str = "data") -> dict[str, DataSplit]:
    return {one.split: one for one in run.evidence.data if one.source == source}


def loader(run: Run, split: str = "train") -> LoaderUse:
    return next(one for one in run.evidence.loaders if one.split == split)
