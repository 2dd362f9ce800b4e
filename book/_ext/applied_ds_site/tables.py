"""Directives whose content is made from files: ``{lectures}`` and ``{data-cards}``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)


class LectureTable(SphinxDirective):
    """Sections and tables, one for each part of the course, of all lectures: links to those that are written."""

    def run(self) -> list[nodes.Node]:
        """Makes the sections."""
        root = Path(self.env.srcdir)
        self.env.note_dependency(str(root / "book/lectures.yml"))
        parts: dict[str, list[list[list[nodes.Node]]]] = {}
        for lecture in yaml.safe_load((root / "book/lectures.yml").read_text("utf-8")):
            parts.setdefault(lecture["part"], []).append(self._row(root, lecture))
        headers = ["Lecture", "What it builds", "Runs in", "Exercises", "Exam questions"]
        sections: list[nodes.Node] = []
        for part, rows in parts.items():
            section = nodes.section(ids=[nodes.make_id(f"part {part}")])
            section += nodes.title("", f"Part {part}")
            section += _table(headers, rows, [30, 40, 10, 10, 10])
            self.state.document.note_implicit_target(section, section)
            sections.append(section)
        return sections

    def _row(self, root: Path, lecture: dict[str, Any]) -> list[list[nodes.Node]]:
        title = f"{lecture['number'].lstrip('0')}. {lecture['title']}"
        path = root / "notebooks" / f"{lecture['file']}.ipynb"
        exam = ", ".join(map(str, lecture["exam"])) or "–"
        if not path.is_file():
            return [
                _text(title),
                [nodes.paragraph("", "", nodes.emphasis("", "not yet written"))],
                _text(exam),
            ]
        self.env.note_dependency(str(path))
        notebook = json.loads(path.read_text("utf-8"))
        about = notebook["metadata"].get("applied_ds", {})
        for field in ("summary", "exam", "seconds"):
            if field not in about:
                logger.warning(
                    "%s: metadata.applied_ds has no %r", path.name, field, location=self.get_location()
                )
        exercises = sum("exercise" in cell["metadata"].get("tags", []) for cell in notebook["cells"])
        link = addnodes.pending_xref(
            "",
            nodes.inline("", title),
            refdomain="std",
            reftype="doc",
            reftarget=f"/notebooks/{lecture['file']}",
            refdoc=self.env.docname,
            refexplicit=True,
            refwarn=True,
        )
        return [
            [nodes.paragraph("", "", link)],
            _text(about.get("summary", "")),
            _text(f"{about.get('seconds', '?')} s"),
            _text(str(exercises)),
            _text(", ".join(map(str, about.get("exam", []))) or "–"),
        ]


class DataCards(SphinxDirective):
    """One section for each data set and each file of weights, as its card describes it."""

    def run(self) -> list[nodes.Node]:
        """Makes the sections."""
        from applied_ds import data

        for path in [
            *Path(data.__file__).parent.glob("*"),
            *(Path(self.env.srcdir) / "data").rglob("*.card.toml"),
        ]:
            if path.is_file():
                self.env.note_dependency(str(path))
        sections: list[nodes.Node] = []
        for card in data.all_cards():
            section = nodes.section(ids=[nodes.make_id(card.name)])
            section += nodes.title("", "", nodes.literal("", card.name))
            section += _text(card.summary)
            facts = {
                "Shape": card.shape,
                "Units": card.units,
                "Origin": card.origin,
                "Licence": card.licence,
                "Where it lies": card.source,
                "SHA-256": card.sha256,
                "Made by": card.command,
            }
            fields = nodes.field_list()
            for name, value in facts.items():
                if value:
                    code = name in ("SHA-256", "Made by")
                    body = [nodes.paragraph("", "", nodes.literal("", value))] if code else _text(value)
                    fields += nodes.field("", nodes.field_name("", name), nodes.field_body("", *body))
            section += fields
            self.state.document.note_implicit_target(section, section)
            sections.append(section)
        return sections


def _text(text: str) -> list[nodes.Node]:
    """A paragraph; what stands between double backticks, as in docstrings, is code."""
    pieces = text.split("``")
    return [
        nodes.paragraph(
            "", "", *((nodes.literal if i % 2 else nodes.inline)("", piece) for i, piece in enumerate(pieces))
        )
    ]


def _table(headers: list[str], rows: list[list[list[nodes.Node]]], widths: list[int]) -> nodes.table:
    """A table; in a row with fewer cells than the table has columns the second cell spans those that are missing."""
    group = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in widths), cols=len(headers))
    lines = []
    for cells in [[_text(header) for header in headers], *rows]:
        line = nodes.row("", *(nodes.entry("", *cell) for cell in cells))
        if missing := len(headers) - len(cells):
            line[1]["morecols"] = missing
        lines.append(line)
    group += nodes.thead("", lines[0])
    group += nodes.tbody("", *lines[1:])
    return nodes.table("", group, classes=["lectures", "colwidths-given"])


def setup(app: Sphinx) -> None:
    """Registers the directives."""
    app.add_directive("lectures", LectureTable)
    app.add_directive("data-cards", DataCards)
