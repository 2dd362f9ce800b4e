"""What the site adds to the plain text when it is built. Each module does one thing and says in its docstring what.

- ``tables``: the table of lectures, the cards of the data sets;
- ``heads``: the card at the head of a lecture;
- ``formulas``: formulas as MathML, and their numbers;
- ``pages``: what the theme brings and this book does without, pictures, icons, sounds.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from . import formulas, heads, pages, tables

MODULES = (tables, heads, formulas, pages)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx: sets up every module."""
    for module in MODULES:
        module.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
