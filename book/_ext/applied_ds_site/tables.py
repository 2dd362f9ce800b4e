"""Directives whose content is made from files: ``{lectures}`` and ``{data-cards}``."""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from .lectures import Lecture, page_link, read, total

NO_BREAK = "\N{NO-BREAK SPACE}"  # between a lecture's number and its title


class LectureList(SphinxDirective):
    """The lectures that are written, part by part, each with a link and what it asks for; then the others in short."""

    def run(self) -> list[nodes.Node]:
        """Makes a section for each part that has begun, and one for what is not yet written."""
        parts: dict[str, list[Lecture]] = {}
        for lecture in read(self):
            parts.setdefault(lecture.part, []).append(lecture)
        missing = nodes.definition_list(classes=["not-yet-written"])
        sections: list[nodes.Node] = [self._state(parts)]
        for number, (part, lectures) in enumerate(parts.items(), start=1):
            if cards := [self._card(lecture) for lecture in lectures if lecture.written]:
                sections.append(self._section(f"Part {part}", *self._introduction(number), *cards))
            if rest := [
                lecture.name.replace(" ", NO_BREAK, 1) for lecture in lectures if not lecture.written
            ]:
                missing += nodes.definition_list_item(
                    "", nodes.term("", f"Part {part}"), nodes.definition("", *_text(" · ".join(rest)))
                )
        if len(missing):
            sections.append(self._section("Not yet written", missing))
        return sections

    def _state(self, parts: dict[str, list[Lecture]]) -> nodes.Node:
        lectures = [lecture for part in parts.values() for lecture in part]
        written = [lecture.written for lecture in lectures if lecture.written]
        verb = "is" if len(written) == 1 else "are"
        said = f"{len(written)} of {len(lectures)} lectures {verb} written: {total(written)}."
        return nodes.paragraph("", said, classes=["lecture-list"])

    def _section(self, title: str, *content: nodes.Node) -> nodes.section:
        section = nodes.section("", nodes.title("", title), *content, ids=[nodes.make_id(title)])
        self.state.document.note_implicit_target(section, section)
        return section

    def _introduction(self, number: int) -> list[nodes.Node]:
        """A link to the page that opens a part, where there is one."""
        page = f"book/part{number}"
        if not (Path(self.env.srcdir) / f"{page}.md").is_file():
            return []
        return [nodes.paragraph("", "", page_link(page, "Introduction to this part", self.env.docname))]

    def _card(self, lecture: Lecture) -> nodes.Node:
        assert lecture.written is not None
        facts = nodes.paragraph(
            "", " · ".join(lecture.written.facts() + lecture.exam_questions()), classes=["facts"]
        )
        title = nodes.paragraph("", "", lecture.link(self.env.docname), classes=["title"])
        return nodes.container("", title, *_text(lecture.written.summary), facts, classes=["lecture-card"])


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


def setup(app: Sphinx) -> None:
    """Registers the directives."""
    app.add_directive("lectures", LectureList)
    app.add_directive("data-cards", DataCards)
