"""Exam entries and self-checks: ``{exam-question}``, ``{choice}``, ``{several}``, ``{number}``, ``{order}``, ``{written-questions}``.

Each is plain Markdown; CONTRIBUTING.md shows how to write one. Everything a reader can be told is on the page when it is
built, reasons hidden until ``self-check.js`` shows them, so a check needs no kernel and no network. An entry that cannot
work (no right option, an option without a reason, …) is a warning with its file and line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import yaml
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)

NOTE = (
    "The questions below are checked by JavaScript, which is switched off here. "
    "They can be read, and model answers fold out all the same."
)

HOLD_TEXT = {"a", "button", "h3", "label", "legend", "p", "span", "summary"}


class Tag(nodes.General, nodes.Element):
    """An HTML element with docutils content; `tag` is its name, `html` its attributes."""


class Phrase(nodes.General, nodes.TextElement):
    """The same for an element that holds text itself, not blocks of text."""


class SelfCheck(Tag):
    """The ``<fieldset>`` of a self-check."""


class ModelAnswer(Tag):
    """The ``<details>`` of a model answer."""


def tag(
    element: str,
    /,
    *children: nodes.Node,
    kind: type[Tag | Phrase] | None = None,
    id: str | None = None,
    classes: tuple[str, ...] = (),
    **html: str,
) -> Tag | Phrase:
    """An HTML element; underscores in the names of attributes stand for hyphens."""
    attributes = {key.rstrip("_").replace("_", "-"): value for key, value in html.items()}
    kind = kind or (Phrase if element in HOLD_TEXT else Tag)
    node = kind("", tag=element, html=attributes, ids=[id] if id else [], classes=list(classes))
    node += children
    return node


def _visit(translator: Any, node: Tag | Phrase) -> None:
    translator.body.append(translator.starttag(node, node["tag"], "", **node["html"]))


def _depart(translator: Any, node: Tag | Phrase) -> None:
    translator.body.append(f"</{node['tag']}>")


class Malformed(Exception):
    """What is wrong with an entry and what to do; where, if it is known better than "in this directive"."""

    def __init__(self, message: str, node: nodes.Node | None = None):
        super().__init__(message)
        self.node = node


def _number(text: str, node: nodes.Node | None = None) -> float:
    try:
        return float(Fraction(text.strip().replace("−", "-")))
    except (ValueError, ZeroDivisionError):
        raise Malformed(f"{text.strip()!r} is not a number", node) from None


def _shuffled(items: list[nodes.Node], prompt: str) -> list[int]:
    """The places of the items in an order that depends on the texts alone."""
    return sorted(
        range(len(items)),
        key=lambda k: hashlib.sha256(f"{prompt}\0{items[k].astext()}".encode()).digest(),
    )


class Entry(SphinxDirective):
    """What directives of this module share: a malformed entry is a warning that says where."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Makes the entry."""
        try:
            return self.make()
        except Malformed as error:
            where = error.node if error.node is not None and error.node.line else self.get_location()
            logger.warning("%s", f"{{{self.name}}} {error}", location=where)
            return []

    def make(self) -> list[nodes.Node]:
        """The nodes of the entry."""
        raise NotImplementedError

    def body(self) -> list[nodes.Node]:
        """The content, parsed."""
        holder = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, holder)
        return holder.children


class Check(Entry):
    """A self-check: the question, then a list; what stands in the list depends on the kind."""

    def make(self) -> list[nodes.Node]:
        """The fieldset, and before the first one of a page a note for readers without JavaScript."""
        prompt, lists = self.parts()
        self.id = f"check-{self.env.new_serialno('self-check') + 1}"
        self.prompt = prompt[0].astext()
        legend = tag("legend", *prompt[0].children)
        status = tag("div", classes=("self-check-status",), role="status")
        fieldset = tag(
            "fieldset",
            legend,
            *prompt[1:],
            *self.controls(lists),
            tag("p", _button("Check", action="check"), classes=("self-check-actions",)),
            status,
            kind=SelfCheck,
            id=self.id,
            classes=("self-check",),
            data_kind=self.name,
        )
        self.set_source_info(fieldset)
        first = self.id == "check-1"
        return [nodes.raw("", f"<noscript><p>{NOTE}</p></noscript>", format="html"), fieldset][not first :]

    def controls(self, lists: list[nodes.Element]) -> Iterator[nodes.Node]:
        """What the reader answers with, and the reasons."""
        raise NotImplementedError

    def parts(self) -> tuple[list[nodes.Node], list[nodes.Element]]:
        """The blocks of the question, the first of which is a paragraph, and the lists after them."""
        blocks = self.body()
        kinds = (nodes.bullet_list, nodes.enumerated_list)
        first = next((k for k, block in enumerate(blocks) if isinstance(block, kinds)), len(blocks))
        prompt, lists = blocks[:first], blocks[first:]
        if not prompt or not isinstance(prompt[0], nodes.paragraph):
            raise Malformed("has no question: write it as a paragraph before the list")
        for block in lists:
            if not isinstance(block, kinds):
                raise Malformed(
                    "has text after its list: indent it as the reason of the item above it", block
                )
        return prompt, lists

    def marked(self, lists: list[nodes.Element]) -> list[tuple[bool, nodes.list_item]]:
        """The items of bullet lists, each with whether its bullet is a plus."""
        found = []
        for block in lists:
            if block.get("bullet") not in ("+", "-"):
                raise Malformed("has an item that begins with neither + (right) nor - (wrong)", block)
            found += [(block["bullet"] == "+", item) for item in block.children]
        return found


def _button(text: str, **data: str) -> Tag | Phrase:
    attributes: dict[str, str] = {f"data_{key}": value for key, value in data.items()}
    return tag("button", nodes.Text(text), type="button", **attributes)


def _with_reason(item: nodes.list_item, what: str) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """The text of an item, from its first paragraph, and its reason, the blocks after it."""
    if not item.children or not isinstance(item[0], nodes.paragraph):
        raise Malformed(f"has {what} without text", item)
    if len(item) < 2:
        raise Malformed(
            f"gives no reason for {item.astext()!r}: add a paragraph, indented below the item", item
        )
    return item[0].children, item.children[1:]


def _reason(*blocks: nodes.Node, **html: str) -> Tag | Phrase:
    return tag("div", *blocks, classes=("self-check-reason",), hidden="", **html)


def _letter(number: int) -> Tag | Phrase:
    """A, B, C, …: a name that can be spoken, for options that are a formula and nothing else."""
    return tag("span", nodes.Text(chr(ord("A") + number - 1)), classes=("self-check-letter",))


def _how(text: str, **html: str) -> Tag | Phrase:
    return tag("p", nodes.Text(text), classes=("self-check-how",), **html)


class Choice(Check):
    """One of the options is right."""

    control: ClassVar[str] = "radio"
    how: ClassVar[str] = "Choose one."

    def controls(self, lists: list[nodes.Element]) -> Iterator[nodes.Node]:
        """The options in an order that does not give the right one away."""
        options = self.marked(lists)
        right = sum(plus for plus, _ in options)
        if not right:
            raise Malformed("has no right option: begin it with + instead of -")
        if right == len(options):
            raise Malformed("has no wrong option: add one that begins with -")
        if right > 1 and self.control == "radio":
            raise Malformed(f"has {right} right options: leave one, or make it a {{several}}")
        parts = [_with_reason(item, "an option") for _, item in options]
        texts = [item[0].astext() for _, item in options]
        if len(set(texts)) < len(texts):
            raise Malformed("has the same option twice")
        yield _how(self.how)
        for k, place in enumerate(_shuffled([item[0] for _, item in options], self.prompt), start=1):
            text, reason = parts[place]
            name = f"{self.id}-{k}"
            yield tag(
                "div",
                tag("input", type=self.control, name=self.id, id=name),
                tag("label", _letter(k), nodes.Text(" "), *text, for_=name),
                _reason(*reason),
                classes=("self-check-option",),
                **({"data_right": ""} if options[place][0] else {}),
            )


class Several(Choice):
    """One option or more is right."""

    control = "checkbox"
    how = "Tick all that are right."


class Number(Check):
    """A number is right; the list has its explanation (+) and known wrong numbers with their reasons (-)."""

    option_spec: ClassVar[dict[str, Any]] = {
        "answer": directives.unchanged,
        "tolerance": directives.unchanged,
        "unit": directives.unchanged,
    }

    def controls(self, lists: list[nodes.Element]) -> Iterator[nodes.Node]:
        """The field and the reasons."""
        given, within, unit = (
            (self.options.get(key) or "").strip() for key in ("answer", "tolerance", "unit")
        )
        if not given:
            raise Malformed("has no answer: add the line ':answer: NUMBER'")
        answer, tolerance = _number(given), _number(within or "0")
        if tolerance < 0:
            raise Malformed("has a tolerance below zero")
        items = self.marked(lists)
        explained = [item for plus, item in items if plus]
        if len(explained) != 1:
            raise Malformed("needs one item that begins with +: why the answer is right")
        known: list[tuple[float, list[nodes.Node]]] = []
        for item in (item for plus, item in items if not plus):
            value, reason = _known(item)
            if abs(value - answer) <= max(tolerance, 1e-9 * abs(answer)):
                raise Malformed(
                    f"lists {value:g} as wrong, but it is within the tolerance of the answer", item
                )
            if any(abs(value - other) <= 2 * max(tolerance, 1e-9 * abs(value)) for other, _ in known):
                raise Malformed(f"cannot tell the wrong number {value:g} from one above it", item)
            known.append((value, reason))
        if not known:
            raise Malformed("knows no wrong number: add items '- NUMBER: the mistake that leads to it'")
        name = f"{self.id}-1"
        described: dict[str, str] = {"aria_describedby": f"{name}-how"} if tolerance else {}
        yield tag(
            "p",
            tag("label", nodes.Text(f"Answer ({unit})" if unit else "Answer"), for_=name),
            tag(
                "input", type="text", id=name, size="12", autocomplete="off", spellcheck="false", **described
            ),
            classes=("self-check-number",),
            data_answer=repr(answer),
            data_tolerance=repr(tolerance),
            data_unit=unit,
        )
        if tolerance:
            yield _how(f"An answer within {within} counts as right.", id=f"{name}-how")
        yield _reason(*explained[0].children, data_right="")
        for value, reason in known:
            others = [answer, *(other for other, _ in known if other != value)]
            yield _reason(
                *reason, data_number=repr(value), data_within=repr(_within(value, others, tolerance))
            )


def _within(value: float, others: list[float], tolerance: float) -> float:
    """How near an entered number must be to a known wrong one: half a per cent of it, for those who round.

    Less if another number is too near, so that no entry is near to two; never less than the tolerance.
    """
    nearest = min(abs(value - other) for other in others)
    return max(tolerance, min(0.005 * abs(value), 0.4 * nearest))


def _known(item: nodes.list_item) -> tuple[float, list[nodes.Node]]:
    """A known wrong number and its reason, from an item 'NUMBER: reason'."""
    first = item[0] if item.children else None
    lead = first[0] if isinstance(first, nodes.paragraph) else None
    number, colon, rest = lead.astext().partition(":") if isinstance(lead, nodes.Text) else ("", "", "")
    if not colon:
        raise Malformed("has an item that is not of the form '- NUMBER: reason'", item)
    value = _number(number, item)
    rest = rest.lstrip()
    reason = nodes.paragraph("", "", nodes.Text(rest[:1].upper() + rest[1:]), *first[1:])  # type: ignore[index]
    if not reason.astext():
        raise Malformed(f"gives no reason for {number.strip()}", item)
    return value, [reason, *item[1:]]


class Order(Check):
    """A numbered list in the right order."""

    def controls(self, lists: list[nodes.Element]) -> Iterator[nodes.Node]:
        """The items in another order, each with its reason and two buttons."""
        if len(lists) != 1 or not isinstance(lists[0], nodes.enumerated_list):
            raise Malformed("needs one numbered list, in the right order")
        items = lists[0].children
        if len(items) < 3:
            raise Malformed(f"has {len(items)} items: it needs three or more")
        parts = [_with_reason(item, "an item") for item in items]
        if len({item[0].astext() for item in items}) < len(items):
            raise Malformed("has the same item twice")
        order = _shuffled([item[0] for item in items], self.prompt)
        if order == sorted(order):
            order = order[1:] + order[:1]
        yield _how("Put them in order with the buttons, the first at the top.")
        rows = []
        for k, place in enumerate(order, start=1):
            text, reason = parts[place]
            name = f"{self.id}-{k}"
            moves = [
                tag(
                    "button",
                    nodes.Text(arrow),
                    type="button",
                    id=f"{name}-{word}",
                    aria_label=f"Move {word}",
                    aria_labelledby=f"{name}-{word} {name}",
                    data_move=step,
                    **({"aria_disabled": "true"} if k == end else {}),
                )
                for word, arrow, step, end in (("up", "↑", "-1", 1), ("down", "↓", "1", len(order)))
            ]
            rows.append(
                tag(
                    "li",
                    tag("span", *text, id=name, classes=("self-check-text",)),
                    tag("span", *moves, classes=("self-check-moves",)),
                    _reason(*reason),
                    data_place=str(place + 1),
                )
            )
        yield tag("ol", *rows, classes=("self-check-order",))


class Answer(Entry):
    """``{model-answer}``: folds out."""

    def make(self) -> list[nodes.Node]:
        """The details."""
        blocks = self.body()
        if not blocks:
            raise Malformed("is empty")
        summary = tag("summary", nodes.Text("Model answer"))
        return [tag("details", summary, *blocks, kind=ModelAnswer, classes=("model-answer",))]


class Question(Entry):
    """``{exam-question} N``: an entry of the exam page. Which lecture answers it stands in ``book/lectures.yml``."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"proof": directives.unchanged}

    def make(self) -> list[nodes.Node]:
        """The entry; of a question whose lecture is not written the text, and that it is not."""
        root, number = Path(self.env.srcdir), self.arguments[0].strip()
        self.env.note_dependency(str(root / "book/lectures.yml"))
        lectures = _lectures(root)
        lecture = next((each for each in lectures if number in map(str, each["exam"])), None)
        if lecture is None:
            raise Malformed(f"{number}: no lecture in book/lectures.yml answers a question of this number")
        if f"question-{number}" in self.state.document.ids:
            raise Malformed(f"{number}: this page has that question already")
        notebook = root / "notebooks" / f"{lecture['file']}.ipynb"
        proofs = (self.options.get("proof") or "").split()
        name = f"Lecture {lecture['number'].lstrip('0')}"
        blocks = self.body()
        if notebook.is_file():
            self.env.note_dependency(str(notebook))
            holder = nodes.Element("", *blocks)
            for kind, what in ((SelfCheck, "self-check"), (ModelAnswer, "model answer")):
                if not any(True for _ in holder.findall(kind)):
                    raise Malformed(f"{number}: {name} is written, so the entry needs a {what}")
            if not any(proof.startswith(f"{lecture['file']}#") for proof in proofs):
                raise Malformed(
                    f"{number}: {name} is written, so the entry needs the line ':proof: {lecture['file']}#…'"
                )
        elif not proofs:
            blocks.append(
                tag(
                    "p",
                    nodes.Text(f"{name} ({lecture['title']}) is not yet written."),
                    classes=("unwritten",),
                )
            )
        if proofs:
            blocks.append(self.links(proofs, lectures))
        place = f"question-{number}"
        link = tag(
            "a", nodes.Text("#"), classes=("headerlink",), href=f"#{place}", title="Link to this question"
        )
        heading = tag("h3", nodes.Text(f"Question {number}"), link)
        entry = tag("div", heading, *blocks, id=place, classes=("exam-question",))
        self.set_source_info(entry)
        self.state.document.note_explicit_target(entry, entry)
        return [entry]

    def links(self, proofs: list[str], lectures: list[dict[str, Any]]) -> Tag | Phrase:
        """The sections that prove the answer; the text of a link is the title of its section."""
        paragraph = tag("p", nodes.Text("Proved in "), classes=("exam-proof",))
        before = None
        for proof in proofs:
            file, _, anchor = proof.partition("#")
            lecture = next((each for each in lectures if each["file"] == file), None)
            if lecture is None or not anchor:
                raise Malformed(f"names a proof {proof!r} that is not of the form LECTURE_FILE#heading")
            link = addnodes.pending_xref(
                "",
                nodes.inline(),
                refdomain="doc",
                reftype="myst",
                reftarget=f"notebooks/{file}",
                reftargetid=anchor,
                refdoc=self.env.docname,
                refexplicit=False,
            )
            self.set_source_info(link)
            if before is not None:
                paragraph += nodes.Text("; ")
            if file != before:
                paragraph += nodes.Text(f"lecture {lecture['number'].lstrip('0')}: ")
            paragraph += link
            before = file
        return paragraph


class WrittenQuestions(Entry):
    """``{written-questions}``: a line that leads to the entries on this page whose lecture is written."""

    has_content = False

    def make(self) -> list[nodes.Node]:
        """The line, from ``book/lectures.yml`` and the notebooks that exist."""
        root = Path(self.env.srcdir)
        self.env.note_dependency(str(root / "book/lectures.yml"))
        numbers: list[int] = []
        for lecture in _lectures(root):
            notebook = root / "notebooks" / f"{lecture['file']}.ipynb"
            if lecture["exam"] and notebook.is_file():
                self.env.note_dependency(str(notebook))
                numbers += lecture["exam"]
        line = nodes.paragraph("", "Written so far: ")
        if not numbers:
            line += nodes.Text("none of the questions")
        for k, number in enumerate(sorted(numbers)):
            before = (
                f"question{'s' * (len(numbers) > 1)} "
                if not k
                else ", "
                if number < max(numbers)
                else " and "
            )
            line += nodes.Text(before)
            line += nodes.reference("", str(number), internal=True, refid=f"question-{number}")
        line += nodes.Text(".")
        return [line]


def _lectures(root: Path) -> list[dict[str, Any]]:
    path = root / "book/lectures.yml"
    return yaml.safe_load(path.read_text("utf-8")) if path.is_file() else []


def _load_script(
    app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Puts the script on the pages that have self-checks. The style is part of the site's."""
    if doctree is not None and any(True for _ in doctree.findall(SelfCheck)):
        app.add_js_file("self-check.js", loading_method="defer")


def _name_places(app: Sphinx, doctree: nodes.document) -> None:
    """Lets links such as ``exam.md#question-8`` of other pages find the entries, as they find headings."""
    for entry in doctree.findall(Tag):
        if "exam-question" in entry["classes"]:
            (place,) = entry["ids"]
            slugs = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
            slugs[place] = (entry.line, place, place.replace("-", " ").capitalize())


def setup(app: Sphinx) -> None:
    """Registers the directives and the elements."""
    for node in (Tag, Phrase, SelfCheck, ModelAnswer):
        app.add_node(node, html=(_visit, _depart))
    app.add_directive("choice", Choice)
    app.add_directive("several", Several)
    app.add_directive("number", Number)
    app.add_directive("order", Order)
    app.add_directive("model-answer", Answer)
    app.add_directive("exam-question", Question)
    app.add_directive("written-questions", WrittenQuestions)
    app.connect("html-page-context", _load_script)
    app.connect("doctree-read", _name_places)
