"""The card at the head of a lecture, made from the line below its introduction and from the notebook's metadata.

The line reads ``*Reading time 45 minutes · running time about 70 s · know first: … · answers exam questions 8 and 9*`` in
Jupyter and in Colab; on the site it becomes a list of facts with the two buttons that a reader needs, and its exercises
and exam questions are links.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

COLAB = "https://colab.research.google.com/github"


class Card(nodes.General, nodes.Element):
    """The card; its children are definition lists and links."""


def make_cards(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Replaces the line of each lecture by a card."""
    if not name.startswith("notebooks/"):
        return
    line = next(
        (
            paragraph
            for paragraph in doctree.findall(nodes.paragraph)
            if len(paragraph) == 1
            and isinstance(paragraph[0], nodes.emphasis)
            and paragraph.astext().startswith("Reading time")
        ),
        None,
    )
    if line is None:
        logger.warning("no line that begins with '*Reading time'", location=name)
        return
    emphasis = line[0]
    assert isinstance(emphasis, nodes.emphasis)
    facts = [fact for part in _split(emphasis) if (fact := _fact(app, doctree, part))]
    if exercises := _exercises(doctree):
        at = 3 if len(facts) > 3 else len(facts)
        facts.insert(at, ("Exercises", exercises))
    if len(facts) < 3:
        logger.warning("the line below the introduction has not the parts of a head card", location=line)
    card = Card()
    facts_list = nodes.definition_list(classes=["facts"])
    for term, body in facts:
        facts_list += nodes.definition_list_item(
            "", nodes.term("", term), nodes.definition("", nodes.paragraph("", "", *body))
        )
    card += facts_list
    card += _buttons(app, name)
    line.replace_self(card)


def _split(emphasis: nodes.emphasis) -> list[list[nodes.Node]]:
    """The parts between the middle dots."""
    parts: list[list[nodes.Node]] = [[]]
    for child in emphasis.children:
        if not isinstance(child, nodes.Text):
            parts[-1].append(child.deepcopy())
            continue
        first, *others = child.astext().split(" · ")
        parts[-1].append(nodes.Text(first))
        parts.extend([nodes.Text(other)] for other in others)
    return parts


def _fact(
    app: Sphinx, doctree: nodes.document, part: list[nodes.Node]
) -> tuple[str, list[nodes.Node]] | None:
    text = "".join(node.astext() for node in part)
    if found := re.fullmatch(r"Reading time (.+)", text):
        return "Reading", [nodes.Text(found[1])]
    if found := re.fullmatch(r"running time (.+)", text):
        return "Running", [nodes.Text(f"{found[1]} on one thread")]
    if text.startswith("know first: "):
        assert isinstance(part[0], nodes.Text)
        return "Know first", [nodes.Text(part[0].removeprefix("know first: ")), *part[1:]]
    if found := re.fullmatch(r"answers exam questions? (.+)", text):
        return "Exam", _numbers(app, found[1])
    logger.warning("%r is no part of a head card", text, location=doctree)
    return None


def _numbers(app: Sphinx, text: str) -> list[nodes.Node]:
    """Each number of the text as a link to its question, if there is an exam page."""
    if not (Path(app.srcdir) / "book/exam.md").is_file():
        return [nodes.Text(text)]
    pieces: list[nodes.Node] = []
    for piece in re.split(r"(\d+)", text):
        if piece.isdigit():
            pieces.append(
                nodes.reference("", piece, internal=True, refuri=f"../book/exam.html#question-{piece}")
            )
        elif piece:
            pieces.append(nodes.Text(piece))
    return [nodes.Text("question " if text.isdigit() else "questions "), *pieces]


def _exercises(doctree: nodes.document) -> list[nodes.Node]:
    links: list[nodes.Node] = []
    for section in doctree.findall(nodes.section):
        found = re.match(r"Exercise (\d+b?\.\d+)\.", section[0].astext())
        if found:
            links += [nodes.Text(", ")] if links else []
            links.append(nodes.reference("", found[1], internal=True, refuri=f"#{section['ids'][0]}"))
    return links


def _buttons(app: Sphinx, name: str) -> nodes.paragraph:
    repository = yaml.safe_load((Path(app.srcdir) / "_config.yml").read_text("utf-8"))["repository"]
    path = repository["url"].removeprefix("https://github.com/")
    colab = f"{COLAB}/{path}/blob/{repository['branch']}/{name}.ipynb"
    links: list[tuple[str, str, dict[str, Any]]] = [
        ("Open in Colab", colab, {"classes": ["open-in-colab"]}),
        ("Download the notebook", f"../_sources/{name}.ipynb", {"classes": ["download-notebook"]}),
    ]
    paragraph = nodes.paragraph(classes=["buttons"])
    for text, address, settings in links:
        paragraph += nodes.reference("", text, refuri=address, internal="://" not in address, **settings)
    return paragraph


def _visit(translator: HTML5Translator, node: Card) -> None:
    translator.body.append('<aside class="lecture-head" aria-label="About this lecture">\n')


def _depart(translator: HTML5Translator, node: Card) -> None:
    translator.body.append("</aside>\n")


def _pass(translator: nodes.NodeVisitor, node: Card) -> None:
    """Other builders show the list as it is."""


def setup(app: Sphinx) -> None:
    """Registers the card."""
    app.add_node(Card, html=(_visit, _depart), text=(_pass, _pass), latex=(_pass, _pass))
    app.connect("doctree-resolved", make_cards)
