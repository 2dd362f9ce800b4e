"""The glossary at work: the first use of a term on a page leads to the glossary, without any mark in the text.

A term is linked in running text only: not in headings, links, code, formulas, captions, references, nor in what folds
out (hints, solutions). Which wordings lead to a term, and which words are too ambiguous to be linked, says
``book/terms.yml``. A wrong link is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

logger = logging.getLogger(__name__)

TERMS = "book/terms.yml"
KEYS = {"forms", "unlinked", "elsewhere"}

# A text is linked only if everything around it is of these classes; of a subclass or of another one it is somebody
# else's (a control, a card), and none of our business.
PLAIN = {
    nodes.section, nodes.paragraph, nodes.block_quote, nodes.emphasis, nodes.strong,
    nodes.bullet_list, nodes.enumerated_list, nodes.list_item,
    nodes.definition_list, nodes.definition_list_item, nodes.definition,
    nodes.table, nodes.tgroup, nodes.tbody, nodes.row, nodes.entry,
    nodes.note, nodes.tip, nodes.important, nodes.warning,
}  # fmt: skip
QUIET_SECTIONS = {"References"}


@dataclass(frozen=True)
class Term:
    """A term of the glossary: where its definition stands, and the definition as plain text ("" if it has formulas)."""

    name: str
    docname: str
    anchor: str
    meaning: str = ""


class Matcher:
    """Finds wordings in a text: the longest first, whole words, in the plural too.

    Capitals count only in words that are written in capitals (MADE, AUC). What holds two words may be written with
    hyphens. A wording that leads to None is passed over as a whole, so that no shorter one is found in it. Of a wording
    that only vouches for the sense ("over the sample") the term itself is what is found.
    """

    def __init__(self, wordings: dict[str, str | None], vouched: set[str] | None = None) -> None:
        self._vouched = {term: re.compile(_pattern(term)) for term in vouched or ()}
        longest_first = sorted(wordings, key=lambda wording: (-len(wording), wording))
        self._terms = [wordings[wording] for wording in longest_first]
        either = "|".join(f"({_pattern(wording)})" for wording in longest_first)
        self._pattern = re.compile(rf"(?<![\w@‑-])(?:{either})(?![\w@‑-])") if wordings else None

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Start, end and term of each wording in the text."""
        for found in self._pattern.finditer(text) if self._pattern else ():
            assert found.lastindex
            if term := self._terms[found.lastindex - 1]:
                inner = term in self._vouched and self._vouched[term].search(text, *found.span())
                yield *(inner or found).span(), term


def _pattern(wording: str) -> str:
    """What a wording looks like in a text; of "change of variables" the first word takes the plural."""
    words = re.split(r"[\s-]+", wording)
    noun = next((k - 1 for k, word in enumerate(words) if k and word in ("of", "per")), len(words) - 1)
    return r"(?:[-‑]|\s+)".join(_word(word, inflected=k == noun) for k, word in enumerate(words))


def _word(word: str, *, inflected: bool) -> str:
    text = re.escape(word).replace("'", "['’]")
    if inflected and re.search(r"[^aeiou]y$", word):
        text = rf"{text[:-1]}(?:y|ies)"
    elif inflected and word.endswith("ix"):
        text = rf"{text[:-1]}(?:x|ces)"
    elif inflected:
        text += "(?:es)?" if re.search(r"(?:s|x|ch|sh)$", word) else "s?"
    return text if len(word) > 1 and word.isupper() else f"(?i:{text})"


def wordings(terms: set[str], settings: dict[str, Any]) -> tuple[dict[str, str | None], list[str]]:
    """Wording → term, from the glossary and ``terms.yml``; and what is wrong with the latter."""
    forms, unlinked = settings.get("forms") or {}, settings.get("unlinked") or {}
    faults = [f"{key!r} is none of {sorted(KEYS)}" for key in sorted(set(settings) - KEYS)]
    faults += [f"{term!r} is no term of the glossary" for term in sorted({*forms, *unlinked} - terms)]
    leads: dict[str, str | None] = {term: term for term in sorted(terms) if term not in unlinked}
    pairs = [(form, term) for group in (forms, unlinked) for term in group for form in group[term] or ()]
    for form, term in [*pairs, *((form, None) for form in settings.get("elsewhere") or ())]:
        if form in leads:
            faults.append(f"{form!r} is listed twice, or is a term itself")
        elif term is None or term in terms:
            leads[form] = term
    return leads, faults


def _runs(tree: nodes.document) -> list[list[nodes.Text]]:
    """The running text of a page, in order; texts that follow each other without a node between are one run."""
    runs: list[list[nodes.Text]] = []
    folded, before = 0, None
    for node in tree.findall():
        if isinstance(node, nodes.raw):
            folded += len(re.findall(r"<details\b", node.astext())) - node.astext().count("</details>")
        elif isinstance(node, nodes.Text) and not folded and _is_plain(node):
            if runs and runs[-1][-1] is before and before.parent is node.parent:
                runs[-1].append(node)
            else:
                runs.append([node])
        before = node
    return runs


def _is_plain(node: nodes.Node) -> bool:
    while not isinstance(node := node.parent, nodes.document):
        if type(node) not in PLAIN:
            return False
        if isinstance(node, nodes.section) and node[0].astext() in QUIET_SECTIONS:
            return False
    return True


def _meaning(definition: nodes.Element) -> str:
    """The first sentence of a definition, up to its Russian name, as plain text; "" if it cannot be written as such."""
    words = []
    for node in definition[0].children if len(definition) else ():
        text = node.astext()
        if isinstance(node, nodes.math) and re.search(r"[\\^_{}]", text):
            return ""
        if not isinstance(node, nodes.Text | nodes.math | nodes.emphasis | nodes.strong | nodes.literal):
            return ""
        before, russian, _ = text.partition("Russian:")
        words.append(before)
        if russian:
            break
    return " ".join("".join(words).split())


@dataclass
class Glossary:
    """All terms of the book, and how they are found."""

    terms: dict[str, Term] = field(default_factory=dict)
    matcher: Matcher = field(default_factory=lambda: Matcher({}))

    def prepare(self, app: Sphinx, env: BuildEnvironment) -> list[str]:
        """Reads the glossary; returns the pages to render again: all, if anything in it has changed."""
        self.terms = {term.name: term for term in _terms(env)}
        file = Path(env.srcdir) / TERMS
        settings = yaml.safe_load(file.read_text("utf-8")) if self.terms and file.is_file() else None
        leads, faults = wordings(set(self.terms), settings or {})
        for fault in faults:
            logger.warning("%s: %s", TERMS, fault)
        self.matcher = Matcher(leads, set((settings or {}).get("unlinked") or ()))
        now = (sorted(self.terms.items()), settings)
        before, env.applied_ds_glossary = getattr(env, "applied_ds_glossary", None), now
        return [] if before == now else sorted(env.found_docs)

    def link(self, app: Sphinx, tree: nodes.document, docname: str) -> None:
        """Links the first use of each term on a page; on the glossary's own page adds the line of letters."""
        if app.builder.format != "html":
            return
        if any(term.docname == docname for term in self.terms.values()):
            _add_letters(tree)
            return
        linked: set[str] = set()
        for run in _runs(tree):
            text, at, pieces = "".join(node.astext() for node in run), 0, list[nodes.Node]()
            for start, end, name in self.matcher.find(text):
                if name not in linked:
                    linked.add(name)
                    pieces += [
                        nodes.Text(text[at:start]),
                        self._reference(app, docname, name, text[start:end]),
                    ]
                    at = end
            if pieces:
                parent = run[0].parent
                first = next(
                    k for k, child in enumerate(parent) if child is run[0]
                )  # equal texts are not the same
                parent[first : first + len(run)] = [*pieces, nodes.Text(text[at:])]

    def _reference(self, app: Sphinx, docname: str, name: str, text: str) -> nodes.reference:
        term = self.terms[name]
        address = f"{app.builder.get_relative_uri(docname, term.docname)}#{term.anchor}"
        link = nodes.reference("", text, internal=True, refuri=address, classes=["glossary-term"])
        if term.meaning:
            link["reftitle"] = term.meaning
        return link


def _terms(env: BuildEnvironment) -> Iterator[Term]:
    """Every term of the book."""
    places = {
        name: place for (kind, name), place in env.domaindata["std"]["objects"].items() if kind == "term"
    }
    for docname in sorted({docname for docname, _ in places.values()}):
        meanings = {
            anchor: _meaning(item[-1])
            for item in env.get_doctree(docname).findall(nodes.definition_list_item)
            for term in item.findall(nodes.term)
            for anchor in term["ids"]
        }
        for name, (place, anchor) in places.items():
            if place == docname:
                yield Term(name, docname, anchor, meanings.get(anchor, ""))


def _add_letters(tree: nodes.document) -> None:
    """Puts a line of links to the first term of each letter above the glossary."""
    for glossary in list(tree.findall(addnodes.glossary)):
        firsts: dict[str, str] = {}
        for term in glossary.findall(nodes.term):
            firsts.setdefault(term.astext()[0].upper(), term["ids"][0])
        line = nodes.paragraph(classes=["glossary-letters"])
        for letter, anchor in firsts.items():
            line += [nodes.reference("", letter, internal=True, refid=anchor), nodes.Text(" ")]
        glossary.parent.insert(glossary.parent.index(glossary), line)


def setup(app: Sphinx) -> None:
    """Connects the glossary: read when all pages have been read, linked when a page is rendered."""
    glossary = Glossary()
    app.connect("env-updated", glossary.prepare)
    app.connect("doctree-resolved", glossary.link, priority=900)  # after those who make or replace text
