"""``{path}``: the lectures of a reading path, each with the reason why it is there.

A line of its content is the number of a lecture, a colon, and one sentence. Whether the lecture is written, the link
and the times come from ``book/lectures.yml`` and the notebooks, so that the page is right when lectures are added.
With ``:exam:`` the exam questions of each lecture are named as well.
"""

from __future__ import annotations

import re
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst.directives import flag
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from .lectures import Lecture, read, total


class Path(SphinxDirective):
    """A list of lectures in the order of reading, and under it what is written today."""

    has_content = True
    option_spec: ClassVar = {"exam": flag}

    def run(self) -> list[nodes.Node]:
        """Makes the list and the sentence."""
        lectures = {lecture.number: lecture for lecture in read(self)}
        steps: list[Lecture] = []
        items: list[nodes.Node] = []
        for line in filter(None, map(str.strip, self.content)):
            found = re.fullmatch(r"(\w+): (.+)", line)
            if found is None or found[1] not in lectures:
                raise self.error(f"not 'number of a lecture: sentence': {line}")
            steps.append(lectures[found[1]])
            items.append(self._item(steps[-1], found[2]))
        return [nodes.bullet_list("", *items, classes=["path"]), nodes.paragraph("", _state(steps))]

    def _item(self, lecture: Lecture, sentence: str) -> nodes.list_item:
        name: nodes.Node
        if lecture.written is None:
            name, facts = nodes.inline("", lecture.name), ["not yet written"]
        else:
            name, facts = lecture.link(self.env.docname), lecture.written.facts()
        if "exam" in self.options:
            facts += lecture.exam_questions()
        said, messages = self.state.inline_text(sentence, self.lineno)
        return nodes.list_item(
            "",
            nodes.paragraph(
                "",
                "",
                nodes.strong("", "", name),
                nodes.Text(" ("),
                nodes.emphasis("", ", ".join(facts)),
                nodes.Text("). "),
                *said,
            ),
            *messages,
        )


def _state(steps: list[Lecture]) -> str:
    written = [lecture.written for lecture in steps if lecture.written is not None]
    if not written:
        return (
            "It is not written yet."
            if len(steps) == 1
            else f"None of these {len(steps)} lectures is written yet."
        )
    if len(written) == len(steps):
        return f"All of it is written: {total(written)}."
    return f"Written so far: {len(written)} of {len(steps)} lectures; {total(written)}."


def setup(app: Sphinx) -> None:
    """Registers the directive."""
    app.add_directive("path", Path)
