"""Formulas: TeX becomes MathML when the site is built, so that a reader's browser has nothing to typeset.

Temml (``vendor/temml.min.js``, see ``vendor/README.md``) runs inside V8 (``mini-racer``). A formula that it cannot read is a
warning, and so fails the build. Display formulas carry the number that their ``\\tag`` gives them, and no other. The font is
STIX Two Math, cut down to the characters that the book uses (``tools/make_fonts.py``).
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

from docutils import nodes
from py_mini_racer import JSEvalException, MiniRacer
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

# What Temml takes and leaves to a script in the browser, or what would ignore dark mode.
UNSUPPORTED = re.compile(r"\\(?:eq)?ref\b|\\label\b|\\(?:text)?color\b")
TEMML = Path(__file__).parent / "vendor/temml.min.js"


@functools.cache
def _temml() -> MiniRacer:
    """One V8 with Temml in it for the whole build."""
    engine = MiniRacer()
    engine.eval(TEMML.read_text("utf-8"))
    return engine


@functools.cache
def mathml(tex: str, *, display: bool) -> str:
    """The formula as MathML.

    Raises:
        ValueError: Temml cannot read the formula; the message says where.
    """
    if found := UNSUPPORTED.search(tex):
        raise ValueError(f"{found[0]} does not work on the site; number with \\tag, cite as (4.1)")
    settings = {
        "displayMode": display,
        "throwOnError": True,
        "trust": False,
        "wrap": "none" if display else "tex",
    }
    try:
        return str(_temml().call("temml.renderToString", tex, settings))
    except JSEvalException as error:
        reason = re.search(r"ParseError: (.+)", str(error))
        raise ValueError(reason[1] if reason else str(error)) from error


def _markup(node: nodes.math | nodes.math_block, *, display: bool) -> str:
    tex = node.astext().strip()
    try:
        return mathml(tex, display=display)
    except ValueError as error:
        logger.warning("formula %r: %s", tex, error, location=node)
        return ""


def _inline(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(f'<span class="math">{_markup(node, display=False)}</span>')
    raise nodes.SkipNode


def _block(translator: HTML5Translator, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="math">{_markup(node, display=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Registers the renderer; ``html_math_renderer: temml`` in the settings chooses it."""
    app.add_html_math_renderer("temml", (_inline, None), (_block, None))
