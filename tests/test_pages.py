"""The pages of the book as they are written: links, named lectures, glossary, errata, exam questions, lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import anatomy, site

ROOT = site.ROOT
LECTURES: list[dict[str, Any]] = yaml.safe_load((ROOT / "book/lectures.yml").read_text("utf-8"))
PAGES = sorted((ROOT / "book").glob("*.md"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WRITTEN = {path.stem for path in NOTEBOOKS}
LINK = re.compile(r"!?\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(<?([^)\s>]+)>?\)")

# One spelling of each term, the glossary's; British otherwise.
WRONG_SPELLINGS = {
    r"normalising flow": "normalizing flow",
    r"normali[sz]ation(?:al)? flow": "normalizing flow",
    r"dequantiz\w+": "dequantis…",
    r"standardiz\w+": "standardis…",
    r"regulariz\w+": "regularis…",
    r"optimiz(?!er\b)\w+": "optimis…",
    r"reparametriz\w+|reparameteri[sz]\w+": "reparametris…",
    r"colors?|gray|behavior|licensed? under|center(?:ed)?": "colour, grey, behaviour, licence (noun), centre",
    r"mini-batch(?:es)?": "minibatch",
    r"log likelihood": "log-likelihood",
}


def markdown(path: Path) -> str:
    """The text of a page, or of all Markdown cells of a lecture."""
    if path.suffix == ".md":
        return path.read_text("utf-8")
    return "\n\n".join(cell.source for cell in anatomy.Lecture.load(path).text)


def name_of(lecture: dict[str, Any]) -> str:
    return lecture["number"].lstrip("0")


def unlinked(text: str, lecture: dict[str, Any]) -> list[str]:
    """Mentions of a lecture, by number or by title, in a text that has no link to it at all."""
    if any(Path(target.split("#")[0]).stem == lecture["file"] for _, target in LINK.findall(text)):
        return []
    named = [
        found[0]
        for found in re.finditer(
            r"\blectures?\s+(?:\d+b?(?:\s*(?:,|and|or|to|–)\s*)?)+", anatomy.prose(text), re.IGNORECASE
        )
        if name_of(lecture) in re.findall(r"\d+b?", found[0])
    ]
    return named + re.findall(rf"\b{re.escape(lecture['title'])}\b", anatomy.prose(text))


def dead_links(path: Path) -> Iterator[str]:
    """Links of a page that lead to no file, or to no heading of that file."""
    for _, target in LINK.findall(anatomy.prose(markdown(path), code=True)):
        if re.match(r"https://|mailto:", target):
            continue
        file, _, anchor = target.partition("#")
        place = (path.parent / file).resolve() if file else path
        if not place.is_file():
            yield f"{target}: there is no such file"
        elif anchor and anchor not in anchors(place):
            yield f"{target}: there is no such heading"


def headings(path: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", anatomy.prose(markdown(path), code=True), re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """Where links to a page may lead: its headings, and the entries of the exam page."""
    questions = re.findall(r"^:{3,}\{exam-question\} (\d+)", markdown(path), re.MULTILINE)
    return {slug(title) for title in headings(path)} | {f"question-{number}" for number in questions}


def slug(title: str) -> str:
    """The anchor of a heading, as the site and GitHub make it."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def glossary() -> dict[str, str]:
    """Term → definition."""
    block = re.search(
        r"```\{glossary\}\n(?::[^\n]*\n)*\n(.*?)```", markdown(ROOT / "book/glossary.md"), re.DOTALL
    )
    assert block
    entries = [entry.split("\n", 1) for entry in block[1].strip().split("\n\n")]
    assert len({term for term, _ in entries}) == len(entries), "a term stands twice in the glossary"
    return {term: " ".join(definition.split()) for term, definition in entries}


def errata() -> dict[str, list[tuple[str, str]]]:
    """Lecture number → its entries, each with its id and its text."""
    text = markdown(ROOT / "book/errata.md")
    sections = re.findall(r"^## Lecture (\d+b?)\. .+?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return {
        number: re.findall(r"^(E\S+)\n: (.*?)(?=^E\d|\Z)", body, re.MULTILINE | re.DOTALL)
        for number, body in sections
    }


def exam_questions() -> dict[str, str]:
    """Number → text of each question, as the exam page has them."""
    entries = re.findall(
        r"^:{3,}\{exam-question\} (\d+)\n(?::\w.*\n)*\n?(.+)$", markdown(ROOT / "book/exam.md"), re.MULTILINE
    )
    assert len(dict(entries)) == len(entries), "a question stands twice on the exam page"
    return dict(entries)


# --- Lists that must agree ---


def test_the_list_of_lectures_has_each_once() -> None:
    numbers = [lecture["number"] for lecture in LECTURES]
    assert numbers == sorted(set(numbers))
    for lecture in LECTURES:
        assert set(lecture) == {"number", "file", "title", "part", "exam"}
        assert lecture["file"].startswith(f"{lecture['number']}_")
    parts = [lecture["part"] for lecture in LECTURES]
    assert len(set(parts)) == sum(a != b for a, b in zip([None, *parts], parts, strict=False)), (
        "a part is torn apart"
    )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_listed_with_its_title_and_exam_questions(path: Path) -> None:
    listed = [lecture for lecture in LECTURES if lecture["file"] == path.stem]
    assert len(listed) == 1, f"{path.name} is not in book/lectures.yml"
    assert headings(path)[0] == f"{name_of(listed[0])}. {listed[0]['title']}"
    assert anatomy.Lecture.load(path).meta["exam"] == listed[0]["exam"]


def test_the_table_of_contents_holds_every_notebook_and_page() -> None:
    assert len(site.documents()) == len(set(site.documents()))
    assert set(site.documents()) == {*NOTEBOOKS, *PAGES}


def test_each_part_stands_once_in_the_table_of_contents() -> None:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    place = {lecture["file"]: f"Part {lecture['part']}" for lecture in LECTURES}
    for part in toc["parts"]:
        files = [Path(chapter["file"]).name for chapter in part["chapters"]]
        lectures = [file for file in files if file in place]
        assert {place[file] for file in lectures} <= {part["caption"]}
        assert lectures == sorted(lectures)


# --- Links and names ---


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_of_a_page_lead_somewhere(path: Path) -> None:
    assert list(dead_links(path)) == []


@pytest.mark.parametrize("path", [*PAGES, *NOTEBOOKS], ids=lambda path: path.stem)
def test_a_lecture_that_exists_is_linked_where_it_is_named(path: Path) -> None:
    """A lecture that is not written is named without a link; once its notebook exists, each page must link to it."""
    text = markdown(path)
    missing = {
        lecture["file"]: named
        for lecture in LECTURES
        if lecture["file"] in WRITTEN - {path.stem} and (named := unlinked(text, lecture))
    }
    assert not missing, f"{path.name} names lectures that exist, and has no link to them"


def test_a_missing_link_is_noticed(tmp_path: Path) -> None:
    flows = {"number": "04", "file": "04_normalizing_flows", "title": "Normalizing flows"}
    link = "[here](../notebooks/04_normalizing_flows.ipynb#setup)"
    assert unlinked("As in lecture 4.", flows)
    assert unlinked("See lectures 2, 3 and 4.", flows)
    assert unlinked("See *4. Normalizing flows*.", flows)
    assert not unlinked(f"As in lecture 4, {link}.", flows)
    assert not unlinked("As in lectures 14 and 4b.", flows)
    page = tmp_path / "page.md"
    page.write_text(
        "# One\n\n[a](page.md#one) [b](page.md#two) [c](other.md) [d](https://example.org)", "utf-8"
    )
    assert [fault.split(":")[0] for fault in dead_links(page)] == ["page.md#two", "other.md"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_cites_no_equation_of_nowhere(path: Path) -> None:
    """Equations are cited with a link to their lecture; a bare (4.1) on another page would point nowhere."""
    assert re.findall(r"(?<!\])\(\d+b?\.\d+\)", anatomy.prose(markdown(path))) == []


@pytest.mark.parametrize("path", [*PAGES, *NOTEBOOKS], ids=lambda path: path.stem)
def test_terms_are_spelled_one_way(path: Path) -> None:
    text = re.sub(r"\]\([^)]*\)", "]", anatomy.prose(markdown(path)))
    text = re.sub(r"\*[^*\n]+\*\. (?:19|20)\d\d\.", "", text)  # titles of papers keep their own spelling
    wrong = {
        found: right
        for pattern, right in WRONG_SPELLINGS.items()
        for found in re.findall(rf"\b(?:{pattern})\b", text, re.IGNORECASE)
    }
    assert not wrong


# --- Glossary ---


def test_the_glossary_gives_one_sentence_and_the_russian_term() -> None:
    assert len(glossary()) > 40
    for term, definition in glossary().items():
        found = re.fullmatch(r"([A-Z].+?\.) Russian: \*([^*]+)\*\.", definition)
        assert found, f"{term}: not of the form 'Sentence. Russian: *термин*.'"
        assert not re.search(r"[.!?] [A-Z]", found[1]), f"{term}: more than one sentence"
        assert re.search(r"[а-я]", found[2]), f"{term}: the Russian term is not in Russian"


def test_the_glossary_is_in_order() -> None:
    terms = list(glossary())
    assert terms == sorted(terms, key=str.casefold)


# --- Errata ---


def test_errata_are_numbered_by_lecture() -> None:
    assert list(errata()) == [name_of(lecture) for lecture in LECTURES if lecture["file"] in WRITTEN]
    for number, entries in errata().items():
        assert [name for name, _ in entries] == [f"E{number}.{k}" for k in range(1, len(entries) + 1)]


@pytest.mark.parametrize("number", errata())
def test_each_erratum_has_claim_correction_and_proof(number: str) -> None:
    file = next(lecture["file"] for lecture in LECTURES if name_of(lecture) == number)
    for name, text in errata()[number]:
        form = r"\*\*Claim\.\*\* \S.+\*\*Correction\.\*\* \S.+\*\*Proof\.\*\* \[.+\]\(\.\./notebooks/(.+)\.ipynb#.+\)"
        found = re.fullmatch(form, text.strip(), re.DOTALL)
        assert found, f"{name}: not of the form Claim, Correction, Proof with a link to a section"
        assert found[1] == file, f"{name}: the proof stands in another lecture"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_errata_page_holds_what_the_lecture_corrects(path: Path) -> None:
    lecture = anatomy.Lecture.load(path)
    rows = re.findall(r"^\|.*\|$", lecture.section("Where the notes differ"), re.MULTILINE)[2:]
    assert len(errata()[lecture.number]) >= max(len(rows), 1)


# --- Exam ---


def test_the_exam_has_28_questions_in_order() -> None:
    assert list(exam_questions()) == [str(number) for number in range(1, 29)]
    for number, question in exam_questions().items():
        assert re.match(r"[A-Z].*[.?]$", question), f"question {number} is not a sentence on one line"


def test_every_exam_question_is_answered_by_one_lecture_and_stands_in_its_part() -> None:
    parts = re.split(r"^## Part ", markdown(ROOT / "book/exam.md"), flags=re.MULTILINE)[1:]
    place = {
        number: part.split("\n", 1)[0]
        for part in parts
        for number in re.findall(r"^:{3,}\{exam-question\} (\d+)", part, re.MULTILINE)
    }
    answered = [(str(number), lecture["part"]) for lecture in LECTURES for number in lecture["exam"]]
    assert len(answered) == len(dict(answered)) == 28
    assert place == dict(answered)


# --- One address ---


def test_the_book_names_no_other_repository() -> None:
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    for path in PAGES:
        found = set(re.findall(r"https://github\.com/[\w.-]+/[\w.-]*\w", markdown(path)))
        assert found <= {config["repository"]["url"]}, path.name
