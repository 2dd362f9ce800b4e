"""What the pages say about the lectures, read from ``book/lectures.yml`` and from the notebooks that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)

_READING = re.compile(r"\bReading time (\d+) minutes?\b")


@dataclass(frozen=True)
class Written:
    """What the notebook of a lecture tells."""

    summary: str
    seconds: int
    minutes: int  # of reading
    exercises: int

    def facts(self) -> list[str]:
        """What the lecture asks for, in words, one phrase each."""
        return [
            _count(self.minutes, "minute") + " of reading",
            f"runs in about {self.seconds} s",
            _count(self.exercises, "exercise"),
        ]


@dataclass(frozen=True)
class Lecture:
    """An entry of ``book/lectures.yml``; ``written`` is None as long as there is no notebook."""

    number: str
    file: str
    title: str
    part: str
    exam: list[int]
    written: Written | None

    @property
    def name(self) -> str:
        """Number and title, as the lecture's own heading has them."""
        return f"{self.number}. {self.title}"

    def exam_questions(self) -> list[str]:
        """The exam questions that it answers, in words; one phrase or none."""
        return (
            [f"exam question{'s' * (len(self.exam) > 1)} {joined(map(str, self.exam))}"] if self.exam else []
        )

    def link(self, docname: str) -> addnodes.pending_xref:
        """A link from a page to the lecture, which must be written."""
        return page_link(f"notebooks/{self.file}", self.name, docname)


def read(directive: SphinxDirective) -> list[Lecture]:
    """All lectures in their order, noted as what the directive's page is made from."""
    root = Path(directive.env.srcdir)
    listed = root / "book/lectures.yml"
    directive.env.note_dependency(str(listed))
    return [_lecture(root, entry, directive) for entry in yaml.safe_load(listed.read_text("utf-8"))]


def _lecture(root: Path, entry: dict[str, Any], directive: SphinxDirective) -> Lecture:
    path = root / "notebooks" / f"{entry['file']}.ipynb"
    written = None
    if path.is_file():
        directive.env.note_dependency(str(path))
        written = _written(path, directive)
    return Lecture(
        entry["number"].lstrip("0"), entry["file"], entry["title"], entry["part"], entry["exam"], written
    )


def _written(path: Path, directive: SphinxDirective) -> Written:
    notebook = json.loads(path.read_text("utf-8"))
    about = notebook["metadata"].get("applied_ds", {})
    first = "".join(notebook["cells"][0]["source"]) if notebook["cells"] else ""
    reading = _READING.search(first)
    missing = [
        f"metadata.applied_ds has no {field!r}" for field in ("summary", "seconds") if field not in about
    ]
    missing += [] if reading else ["the first cell has no 'Reading time N minutes'"]
    for what in missing:
        logger.warning("%s: %s", path.name, what, location=directive.get_location())
    return Written(
        summary=about.get("summary", ""),
        seconds=about.get("seconds", 0),
        minutes=int(reading[1]) if reading else 0,
        exercises=sum("exercise" in cell["metadata"].get("tags", []) for cell in notebook["cells"]),
    )


def page_link(target: str, text: str, docname: str) -> addnodes.pending_xref:
    """A link from a page to another page of the book."""
    return addnodes.pending_xref(
        "",
        nodes.inline("", text),
        refdomain="std",
        reftype="doc",
        reftarget=f"/{target}",
        refdoc=docname,
        refexplicit=True,
        refwarn=True,
    )


def joined(words: Iterable[str]) -> str:
    """``a, b and c``."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def total(lectures: list[Written]) -> str:
    """What lectures ask for together, in words."""
    minutes = sum(lecture.minutes for lecture in lectures)
    seconds = sum(lecture.seconds for lecture in lectures)
    exercises = sum(lecture.exercises for lecture in lectures)
    return f"{_count(minutes, 'minute')} of reading, about {seconds} s of running, {_count(exercises, 'exercise')}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
