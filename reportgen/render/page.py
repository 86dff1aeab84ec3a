"""A page as HTML."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache

from markupsafe import Markup

from reportgen.blocks.page import Page
from reportgen.blocks.table import Column
from reportgen.figures.palette import variables
from reportgen.render.anchors import Anchors
from reportgen.render.environment import environment
from reportgen.render.figures import Figures
from reportgen.render.locate import template_folder

_SURROGATE = re.compile("[\ud800-\udfff]")


def render_page(page: Page) -> str:
    """The page as one HTML document without outer references; the same page gives the same text.

    The text can be encoded as UTF-8 whatever its names hold. Raises ReportgenError when the templates are missing.
    """
    anchors = Anchors(page)
    return (
        environment()
        .get_template("report.html")
        .render(
            page=page,
            data=data_block(page.data),
            policy=policy(),
            style=style(),
            script=script(),
            anchors=anchors,
            figures=Figures(page, anchors),
            plain=Column(""),
        )
    )


def data_block(text: str) -> Markup:
    """JSON as the content of a <script>: nothing in it can end the element, open a comment or break UTF-8."""
    safe = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return Markup(_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", safe))


@cache
def style() -> Markup:
    """The style sheet: the palette, then templates/assets/*.css in the order of their names."""
    light, dark = variables(False), variables(True)
    rules = [
        f":root{{color-scheme:light dark;{light}}}",
        f"@media(prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}",
        f":root[data-theme=dark]{{color-scheme:dark;{dark}}}:root[data-theme=light]{{color-scheme:light}}",
        f"@media print{{:root:root:root{{color-scheme:light;{light}}}}}",
    ]
    files = sorted((template_folder() / "assets").glob("*.css"))
    rules += [file.read_text(encoding="utf-8") for file in files]
    return Markup("\n" + "\n".join(rules) + "\n")


@cache
def script() -> Markup:
    """The page's script: templates/assets/*.js in the order of their names, without comments and indentation."""
    files = sorted((template_folder() / "assets").glob("*.js"))
    lines = (line.strip() for file in files for line in file.read_text(encoding="utf-8").splitlines())
    return Markup("\n" + "\n".join(line for line in lines if line and not line.startswith("//")) + "\n")


@cache
def policy() -> str:
    """The page's Content-Security-Policy: nothing but its own style sheet and script, and pictures in the file."""
    return (
        f"default-src 'none'; script-src 'sha256-{_digest(script())}'; style-src 'sha256-{_digest(style())}'; "
        "img-src data: blob:; media-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
