"""From the blocks of a page to its HTML."""

from reportgen.render.page import render_page

__all__ = ["render_page"]
