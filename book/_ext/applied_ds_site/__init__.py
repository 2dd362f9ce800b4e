"""What the site adds to the plain text when it is built. Each module does one thing and says in its docstring what.

- ``tables``: the list of lectures, the cards of the data sets;
- ``paths``: reading paths (both read the lectures with ``lectures``);
- ``exam``: questions of the exam, self-checks;
- ``heads``: the card at the head of a lecture;
- ``formulas``: formulas as MathML, and their numbers;
- ``glossary``: the first use of a term on a page leads to the glossary;
- ``pages``: what the theme brings and this book does without, pictures, icons, sounds;
- ``report``: the link that reports an error on a page;
- ``addresses``: the sitemap, and what a link to a page shows elsewhere;
- ``archive``: the whole site as one file to take along.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from . import addresses, archive, exam, formulas, glossary, heads, pages, paths, report, tables

MODULES = (tables, paths, exam, heads, formulas, glossary, pages, report, addresses, archive)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx: sets up every module."""
    for module in MODULES:
        module.setup(app)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": False}
