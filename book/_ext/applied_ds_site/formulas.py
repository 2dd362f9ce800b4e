"""Formulas: display formulas carry the number that their ``\\tag`` gives them, and no other."""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.fileutil import copy_asset

MATHJAX = "sphinx-mathjax-offline/static/mathjax"
MATHJAX_PARTS = ["tex-mml-chtml.js", "input/tex/extensions", "output/chtml/fonts/woff-v2"]


class TaggedFormulas(SphinxTransform):
    """Hands display formulas with ``\\tag`` to MathJax as they are, and takes Sphinx's own number from the others."""

    default_priority: ClassVar[int] = 500

    def apply(self, **kwargs: Any) -> None:
        """Marks the formulas of the page; one that is marked ``nowrap`` is complete, Sphinx wraps it in nothing."""
        for formula in self.document.findall(nodes.math_block):
            formula["number"] = None
            if r"\tag{" in formula.astext() and not formula.get("nowrap"):
                formula["nowrap"] = True
                formula[:] = [nodes.Text(rf"\[{formula.astext()}\]")]


def _copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        source = Path(str(distribution("sphinx-mathjax-offline").locate_file(MATHJAX)))
        for part in MATHJAX_PARTS:
            target = Path(app.outdir) / "_static/mathjax" / part
            target.parent.mkdir(parents=True, exist_ok=True)
            copy_asset(source / part, target if (source / part).is_dir() else target.parent)


def setup(app: Sphinx) -> None:
    """Registers the transform."""
    app.add_transform(TaggedFormulas)
    app.connect("build-finished", _copy_mathjax)
