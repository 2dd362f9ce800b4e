"""The glossary at work: what is a term and what is not, on small texts, on the built site, and when files change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from bs4 import Tag
from docutils import nodes
from playwright.sync_api import Browser

from tests.test_pages import glossary, markdown
from tests.test_site import PHONE, small_book, soup, visiting  # noqa: F401 (a fixture)
from tools import anatomy, notebooks, site

ROOT = site.ROOT
DOCUMENTS = [path.relative_to(ROOT).with_suffix("").as_posix() for path in site.documents()]
SETTINGS: dict[str, Any] = yaml.safe_load((ROOT / "book/terms.yml").read_text("utf-8"))
LECTURES = {
    path.name[:3].rstrip("_").lstrip("0"): path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
}


@pytest.fixture(scope="module")
def extension() -> Any:
    """The module of the site's extension, which is no package of the project."""
    import importlib
    import sys

    sys.path.insert(0, str(ROOT / "book/_ext"))
    try:
        return importlib.import_module("applied_ds_site.glossary")
    finally:
        sys.path.remove(str(ROOT / "book/_ext"))


# --- Finding terms in a text ---

TERMS = {"density", "kernel density estimate", "normalizing flow", "held-out set", "MADE", "AUC", "loss", "seed",
         "change of variables", "Jacobian matrix", "Jensen's inequality", "Gaussian", "ROC curve"}  # fmt: skip
RULES = {
    "forms": {"Gaussian": ["normal distribution"], "held-out set": ["held-out digits"]},
    "unlinked": {"seed": ["three seeds", "random seed"]},
    "elsewhere": ["loss of"],
}


def found(extension: Any, text: str) -> list[tuple[str, str]]:
    """What is found in a text: the words and the term."""
    leads, faults = extension.wordings(TERMS, RULES)
    assert not faults
    matcher = extension.Matcher(leads, set(RULES["unlinked"]))
    return [(text[start:end], term) for start, end, term in matcher.find(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "a density and its densities": [("density", "density"), ("densities", "density")],
        "Losses of flows": [],  # "loss of" in the plural is passed over
        "The losses fall.": [("losses", "loss")],
        "Jacobian matrices": [("Jacobian matrices", "Jacobian matrix")],
        "changes of variables": [("changes of variables", "change of variables")],
        "a change-of-variables theorem": [("change-of-variables", "change of variables")],
        "Normalizing\nflows": [("Normalizing\nflows", "normalizing flow")],
        "a kernel density estimate": [("kernel density estimate", "kernel density estimate")],
        "MADE was made by hand": [("MADE", "MADE")],
        "auc, AUC, Roc curve, ROC curves": [("AUC", "AUC"), ("ROC curves", "ROC curve")],
        "immensity, lossless, log-density, density-based, density_1": [],
        "the density's (density) density.": [("density", "density")] * 3,
        "Jensen’s inequality": [("Jensen’s inequality", "Jensen's inequality")],
        "a normal distribution": [("normal distribution", "Gaussian")],
        "on held-out digits": [("held-out digits", "held-out set")],
        "it seeds a seed": [],
        "with three seeds, a random seed": [("seeds", "seed"), ("seed", "seed")],
        "the loss of a bet, the loss": [("loss", "loss")],
    }.items(),
)
def test_a_wording_is_found_or_not(extension: Any, text: str, expected: list[tuple[str, str]]) -> None:
    assert found(extension, text) == expected


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"forms": {"nothing": ["x"]}}, "'nothing' is no term"),
        ({"unlinked": {"nothing": []}}, "'nothing' is no term"),
        ({"forms": {"loss": ["density"]}}, "'density' is listed twice"),
        ({"forms": {"loss": ["cost"]}, "elsewhere": ["cost"]}, "'cost' is listed twice"),
        ({"synonyms": {}}, "'synonyms' is none of"),
    ],
)
def test_a_fault_of_the_list_is_named(extension: Any, settings: dict[str, Any], fault: str) -> None:
    assert [text for text in extension.wordings(TERMS, settings)[1] if fault in text]


def test_every_entry_of_the_list_names_a_term(extension: Any) -> None:
    assert extension.wordings(set(glossary()), SETTINGS)[1] == []
    for key in ("forms", "unlinked"):
        assert list(SETTINGS[key]) == sorted(SETTINGS[key], key=str.casefold), f"{key} is not in order"


def test_words_with_several_meanings_are_not_linked_by_themselves(extension: Any) -> None:
    leads, _ = extension.wordings(set(glossary()), SETTINGS)
    matcher = extension.Matcher(leads, set(SETTINGS["unlinked"]))
    for text in (
        "an anomaly score", "the flow scores points", "they support it", "when we sample", "the sample rate",
        "it seeds every generator", "the profile of a user", "the temperature of the softmax", "posterior mean",
    ):  # fmt: skip
        terms = {term for *_, term in matcher.find(text)}
        assert not terms & set(SETTINGS["unlinked"]), text


def test_a_definition_becomes_plain_text_or_nothing(extension: Any) -> None:
    def meaning(*parts: nodes.Node) -> str:
        return str(extension._meaning(nodes.definition("", nodes.paragraph("", "", *parts))))

    russian = nodes.Text(" Russian: ")
    assert meaning(nodes.Text("A\nthing."), russian, nodes.emphasis("", "вещь")) == "A thing."
    assert (
        meaning(nodes.Text("A map "), nodes.math("", "z = f(x)"), nodes.Text("."), russian)
        == "A map z = f(x)."
    )
    assert meaning(nodes.Text("A "), nodes.math("", r"\frac{1}{2}"), nodes.Text("."), russian) == ""
    assert meaning(nodes.Text("A "), nodes.raw("", "<math>"), nodes.Text("."), russian) == ""


# --- A tiny book ---

PAGE = """# A density

## Density and [density](#second) $density$

`density` and [density](second.md) ![density](x.svg)

```python
density = 1
```

$$ density $$

<details>
<summary>Hint on density</summary>

A hint on density.

<details>
<summary>Inside</summary>

More density.

</details>

Still density.

</details>

| density | b |
|---|---|
| other | *a density* |

Later the density
function of a kernel
density estimate, a **loss**, a density.

```{admonition} Density
The density of somebody's own box.
```

<a id="second"></a>

## References

- A. Gauss. *On the Gaussian*.
"""
GLOSSARY = """# Glossary

```{glossary}
density
  A loss of words about $x$. Russian: *плотность*.

Gaussian
  A density. Russian: *гауссово*.

kernel density estimate
  An estimate. Russian: *оценка*.

loss
  A number $\\frac12$. Russian: *потери*.
```
"""


@pytest.fixture
def tiny(small_book: Path) -> Path:  # noqa: F811
    """A book of three pages: a landing page, a page with all that is not to be linked, a glossary."""
    toc = small_book / "_toc.yml"
    toc.write_text(toc.read_text("utf-8") + "  - file: book/glossary\n", "utf-8")
    (small_book / "book/index.md").write_text("# First\n\nThe loss, and losses.\n", "utf-8")
    (small_book / "book/second.md").write_text(
        PAGE.replace(" ![density](x.svg)", "").replace("[density](#second)", "[density](glossary.md)"),
        "utf-8",
    )
    (small_book / "book/glossary.md").write_text(GLOSSARY, "utf-8")
    (small_book / "book/terms.yml").write_text("forms: {}\n", "utf-8")
    return small_book


def links(book: Path, name: str) -> list[tuple[str, str, str | None]]:
    """Words, target and explanation of the links to the glossary on a page of a built book."""
    return [
        (" ".join(link.get_text().split()), str(link["href"]), link.get("title"))  # type: ignore[misc]
        for link in soup(book / "_build/html", f"book/{name}").select("a.glossary-term")
    ]


def test_the_first_use_in_running_text_is_linked(tiny: Path) -> None:
    site.build(tiny)
    assert links(tiny, "index") == [("loss", "glossary.html#term-loss", None)]
    assert links(tiny, "second") == [
        ("density", "glossary.html#term-density", "A loss of words about x."),
        ("kernel density estimate", "glossary.html#term-kernel-density-estimate", "An estimate."),
        ("loss", "glossary.html#term-loss", None),
    ]
    page = soup(tiny / "_build/html", "book/second")
    first = page.select_one("a.glossary-term")
    assert first
    assert [first.parent.name if first.parent else "", bool(first.find_parent("td"))] == ["em", True]
    assert links(tiny, "glossary") == []
    letters = soup(tiny / "_build/html", "book/glossary").select(".glossary-letters a")
    assert [(letter.get_text(), letter["href"]) for letter in letters] == [
        ("D", "#term-density"), ("G", "#term-Gaussian"), ("K", "#term-kernel-density-estimate"), ("L", "#term-loss"),
    ]  # fmt: skip


def rendered(log: str) -> set[str]:
    """The pages that a build wrote."""
    return set(re.findall(r"writing output\.\.\. \[.+\] (\S+)", log))


def test_pages_are_rendered_again_when_the_glossary_changes_and_only_then(tiny: Path) -> None:
    everything = {"book/index", "book/second", "book/glossary"}
    assert rendered(site.build(tiny).log) == everything
    page, words, terms = (tiny / f"book/{name}" for name in ("second.md", "glossary.md", "terms.yml"))

    page.write_text("# A density\n\nAnother density.\n", "utf-8")
    assert rendered(site.build(tiny).log) <= {"book/second", "book/index"}  # the latter holds the contents
    assert [link[0] for link in links(tiny, "second")] == ["density"]

    words.write_text(GLOSSARY.replace("A loss of words about", "A function of"), "utf-8")
    assert rendered(site.build(tiny).log) == everything
    assert [link[2] for link in links(tiny, "second")] == ["A function of x."]

    words.write_text(GLOSSARY.replace("density\n  A loss of words", "first\n  A word"), "utf-8")
    site.build(tiny)
    assert links(tiny, "second") == []

    terms.write_text("forms: {loss: [another density]}\n", "utf-8")
    assert rendered(site.build(tiny).log) == everything
    assert [link[:2] for link in links(tiny, "second")] == [("Another density", "glossary.html#term-loss")]

    terms.write_text("# A remark\nforms: {loss: [another density]}\n", "utf-8")
    assert rendered(site.build(tiny).log) == set()

    terms.write_text("forms: {nothing: [density]}\n", "utf-8")
    with pytest.raises(site.BuildError, match=r"book/terms\.yml: 'nothing' is no term"):
        site.build(tiny)


def test_a_book_without_a_list_has_links_and_one_without_a_glossary_has_none(tiny: Path) -> None:
    (tiny / "book/terms.yml").unlink()
    site.build(tiny)
    assert links(tiny, "index")
    (tiny / "book/glossary.md").write_text("# Glossary\n\nThe loss.\n", "utf-8")
    assert rendered(site.build(tiny).log) == {"book/index", "book/second", "book/glossary"}
    assert links(tiny, "index") == links(tiny, "glossary") == []


# --- The site ---


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_page_links_a_term_once_and_in_running_text(html: Path, name: str) -> None:
    page = soup(html, name)
    found = page.select("a.glossary-term")
    targets = [str(link["href"]) for link in found]
    assert len(targets) == len(set(targets))
    if name == "book/glossary":
        assert targets == []
        assert page.select(".glossary-letters a")
    anchors = {str(term["id"]) for term in soup(html, "book/glossary").select("dl.glossary dt[id]")}
    for link in found:
        path, anchor = str(link["href"]).split("#")
        assert path == ("glossary.html" if name.startswith("book/") else "../book/glossary.html")
        assert anchor in anchors
        around = {parent.name for parent in link.parents if isinstance(parent, Tag)}
        assert not around & {"h1", "h2", "h3", "h4", "a", "code", "pre", "dt", "th", "summary", "details", "label",
                             "fieldset", "figcaption", "caption", "nav", "aside", "math"}, link  # fmt: skip
        assert not link.find_parent(class_=["math", "cell_output"]), link
        assert link.get_text(strip=True)
        assert not re.search(r"[\\{}]|Russian|[а-я]", str(link.get("title", ""))), link["title"]


def test_lecture_4_links_what_it_speaks_of(html: Path) -> None:
    links = soup(html, "notebooks/04_normalizing_flows").select("a.glossary-term")
    linked = {str(link["href"]).split("#term-")[1] for link in links}
    assert linked >= {"density", "normalizing-flow", "change-of-variables", "Jacobian-matrix", "MADE", "AUC"}
    assert not linked & {"score", "support", "profile"}


@pytest.mark.parametrize("path", LECTURES.values(), ids=lambda path: path.stem)
def test_notebooks_hold_no_mark_of_the_glossary(path: Path) -> None:
    text = markdown(path)
    assert not re.search(r"\{term\}|glossary-term|glossary\.(?:md|html)", text)


# --- Notation ---


def notation() -> Iterator[tuple[str, list[str], str, list[str], str]]:
    """Section, symbols, meaning, names in code and lecture of each row of the notation page."""
    text = markdown(ROOT / "book/notation.md")
    for title, body in re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL):
        rows = [re.split(r"(?<!\\)\|", row)[1:-1] for row in re.findall(r"^\|.+\|$", body, re.MULTILINE)]
        if rows and len(rows[0]) == 5:
            for symbol, meaning, _, code, lecture in rows[2:]:
                yield (
                    title,
                    re.findall(r"\$(.+?)\$", symbol),
                    meaning,
                    re.findall(r"`(.+?)`", code),
                    lecture.strip(),
                )


def tokens(formulas: str) -> set[str]:
    """The letters and commands of formulas."""
    return set(re.findall(r"\\[a-zA-Z]+|[a-zA-Z]", formulas))


def test_a_symbol_has_one_meaning_in_its_part() -> None:
    rows = list(notation())
    seen: dict[str, set[str]] = {}
    for title, symbols, meaning, _, _ in rows:
        assert symbols, f"{title}: a row without a symbol"
        for symbol in symbols:
            assert symbol not in seen.setdefault(title, set()), f"{title}: {symbol} stands twice"
            seen[title].add(symbol)
            if title != "In every part" and symbol in seen["In every part"]:
                assert "*this part only*" in meaning, f"{title}: {symbol} has another meaning in every part"
    lectures = yaml.safe_load((ROOT / "book/lectures.yml").read_text("utf-8"))
    assert set(seen) == {"In every part", *(f"Part {lecture['part']}" for lecture in lectures)} - {
        "Part VI. MLOps"
    }


def test_symbols_that_are_used_occur_in_their_lecture_and_the_others_are_reserved() -> None:
    lectures = yaml.safe_load((ROOT / "book/lectures.yml").read_text("utf-8"))
    numbers = {lecture["number"].lstrip("0") for lecture in lectures}
    used = 0
    for title, symbols, _, names, stated in notation():
        number = stated.strip("()")
        assert number in numbers, f"{title}: {symbols}: {stated}"
        assert stated == (number if number in LECTURES else f"({number})"), f"{title}: {symbols}: {stated}"
        if number not in LECTURES:
            continue
        used += 1
        lecture = anatomy.Lecture.load(LECTURES[number])
        formulas = " ".join(re.findall(r"\$+(.+?)\$+", markdown(LECTURES[number]), re.DOTALL))
        code = set(
            re.findall(
                r"\b[A-Za-z_]\w*\b", "\n".join(cell.source for cell in notebooks.code_cells(lecture.nb))
            )
        )
        for symbol in symbols:
            missing = tokens(symbol) - tokens(formulas) - {"a", "A", r"\cdot"}  # these stand for anything
            assert not missing, f"{title}: {symbol} does not occur in lecture {number}: {missing}"
        assert set(names) <= code, f"{title}: lecture {number} has no {set(names) - code} in its code"
    assert used > 20


def test_the_tables_of_the_notation_fit_on_a_phone(browser: Browser, address: str) -> None:
    with visiting(browser, address, "book/notation", viewport=PHONE) as visit:
        page = visit.open()
        tables = page.locator("article table")
        assert tables.count() == 9
        widths = tables.evaluate_all("all => all.map(n => [n.offsetWidth, n.parentElement.clientWidth])")
        assert all(table <= room for table, room in widths), widths
