"""Where the templates are: beside the code in an installed package, beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

import reportgen
from reportgen.errors import ReportgenError


def template_folder() -> Path:
    """The folder that holds report.html. Raises ReportgenError when there is none."""
    package = Path(reportgen.__file__).resolve().parent
    places = (package / "templates", package.parent / "templates")
    for place in places:
        if (place / "report.html").is_file():
            return place
    raise ReportgenError(f"no templates in {places[0]} or {places[1]}: install reportgen again")
