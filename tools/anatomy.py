"""The rules that every lecture keeps, as functions: a notebook goes in, the list of what is wrong comes out.

``RULES`` holds them by name; ``tests/test_notebooks.py`` asks every notebook every question, and
``tests/test_notebook_tools.py`` breaks a good notebook in as many ways as there are rules. Links are checked for
their targets, so the rules need the notebook's place; `setups_differ` compares all notebooks with one another.
"""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from tools import notebooks

OPENING = ("By the end you can", "Setup")
CLOSING = ("In practice", "Where the notes differ", "Summary", "Exam questions", "References")
TAGS = {"exercise", "exercise-help", "export", "nbval-check-output", "setup", "timing"}
MAX_CODE_LINES = 45
MAX_BYTES = 1_000_000
MIN_ALT = 40
MIN_COMPARED = 4

INLINE_CODE = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1`*\s*$", re.MULTILINE | re.DOTALL)
PATHS = re.compile(
    r"(?<![\w.-])/(?:home|root|tmp|work|Users|var/folders)/|\b[A-Z]:\\(?:Users|Windows|Program)"
)
TIMES = {
    "a memory address": re.compile(r"\b0x[0-9a-fA-F]{6,}\b"),
    "a clock time": re.compile(r"\b\d{1,2}:\d{2}:\d{2}\b"),
    "a date and time": re.compile(r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}"),
    "a speed of this machine": re.compile(r"\b(?:it/s|s/it|Wall time|CPU times|elapsed)\b", re.IGNORECASE),
    "a duration": re.compile(r"\b(?:took|in) \d+(?:\.\d+)? ?(?:s|ms|µs|min|seconds|minutes)\b"),
}


@dataclass(frozen=True)
class Lecture:
    """A stored notebook and where it lies."""

    path: Path
    nb: NotebookNode

    @classmethod
    def load(cls, path: Path) -> Lecture:
        """Read a notebook as it is stored."""
        return cls(path, notebooks.read(path.read_text(encoding="utf-8")))

    @property
    def meta(self) -> NotebookNode:
        """What the project keeps about a lecture in the notebook's metadata."""
        return self.nb.metadata.get("applied_ds", NotebookNode())

    @property
    def number(self) -> str:
        """The lecture's number as the reader sees it: ``4``, ``6b``."""
        return str(self.meta.get("lecture", "")).lstrip("0")

    @cached_property
    def code(self) -> list[NotebookNode]:
        """The code cells."""
        return notebooks.code_cells(self.nb)

    @cached_property
    def text(self) -> list[NotebookNode]:
        """The Markdown cells."""
        return [cell for cell in self.nb.cells if cell.cell_type == "markdown"]

    def tagged(self, tag: str) -> list[NotebookNode]:
        """The cells that carry a tag."""
        return [cell for cell in self.nb.cells if tag in notebooks.tags(cell)]

    def name(self, cell: NotebookNode) -> str:
        """How a finding names a cell."""
        if cell.cell_type == "code":
            return notebooks.cell_name(self.nb, cell)
        first = next(iter(cell.source.splitlines()), "")
        return f"text cell ({first[:60]})"

    @cached_property
    def headings(self) -> list[tuple[int, str]]:
        """Level and title of all headings, in order."""
        return [
            (len(marks), title.strip())
            for cell in self.text
            for marks, title in re.findall(r"^(#+) (.*)$", prose(cell.source, code=True), re.MULTILINE)
        ]

    def section(self, title: str) -> str:
        """The Markdown under a heading of the second level, up to the next one."""
        whole = "\n\n".join(prose(cell.source, code=True) for cell in self.text)
        found = re.search(rf"^## {re.escape(title)}\s*$(.*?)(?=^## |\Z)", whole, re.MULTILINE | re.DOTALL)
        return found[1].strip() if found else ""


Rule = Callable[[Lecture], Iterator[str]]
RULES: dict[str, Rule] = {}


def rule(function: Rule) -> Rule:
    """Enter a function into `RULES`."""
    RULES[function.__name__] = function
    return function


def findings(lecture: Lecture, name: str) -> list[str]:
    """What one rule finds wrong in a lecture."""
    return list(RULES[name](lecture))


# --- Reading cells ---


def prose(markdown: str, code: bool = False) -> str:
    """Markdown without fenced code and, unless `code`, with inline code emptied."""
    text = FENCE.sub("", markdown)
    return text if code else INLINE_CODE.sub("``", text)


def python(source: str) -> str:
    """The Python of a code cell: magics and shell lines become calls."""
    return TransformerManager().transform_cell(source)  # type: ignore[no-untyped-call]


def tree(cell: NotebookNode) -> ast.Module:
    """The syntax tree of a code cell."""
    return ast.parse(python(cell.source))


def calls(cell: NotebookNode, *names: str) -> list[ast.Call]:
    """Calls of functions or methods with one of these names."""
    return [
        node
        for node in ast.walk(tree(cell))
        if isinstance(node, ast.Call)
        and (getattr(node.func, "attr", None) in names or getattr(node.func, "id", None) in names)
    ]


def comments_and_strings(cell: NotebookNode) -> str:
    """What a code cell says in words: its comments and its strings."""
    words = {tokenize.COMMENT, tokenize.STRING}
    tokens = tokenize.generate_tokens(io.StringIO(python(cell.source)).readline)
    return "\n".join(token.string for token in tokens if token.type in words)


def texts(cell: NotebookNode) -> Iterator[str]:
    """All outputs of a cell that are text."""
    for output in cell.outputs:
        if output.output_type == "stream":
            yield output.text
        for kind, data in output.get("data", {}).items():
            if not kind.startswith(("image/", "audio/")):
                yield data if isinstance(data, str) else json.dumps(data)


def images(cell: NotebookNode) -> int:
    """How many pictures a cell shows."""
    return sum(any(kind.startswith("image/") for kind in o.get("data", {})) for o in cell.outputs)


def items(markdown: str) -> list[str]:
    """The items of the list in a piece of Markdown, each with its continuation lines."""
    return [item.strip() for item in re.split(r"^(?:[-*]|\d+\.) +", markdown, flags=re.MULTILINE)[1:]]


# --- The frame of a lecture ---


@rule
def metadata(lecture: Lecture) -> Iterator[str]:
    """The notebook says what lecture it is, and describes itself to the table of lectures and to search engines."""
    if not re.fullmatch(r"\d\d[a-z]?", str(lecture.meta.get("lecture", ""))):
        yield "metadata.applied_ds.lecture is not a number such as '04' or '06b'"
    elif not lecture.path.name.startswith(f"{lecture.meta.lecture}_"):
        yield f"metadata says lecture {lecture.meta.lecture}, the file is {lecture.path.name}"
    if not 20 <= len(str(lecture.meta.get("summary", ""))) <= 160 or "\n" in lecture.meta.summary:
        yield "metadata.applied_ds.summary is not one line of 20 to 160 characters"
    exam = lecture.meta.get("exam")
    if not isinstance(exam, list) or not all(isinstance(q, int) and 1 <= q <= 28 for q in exam):
        yield "metadata.applied_ds.exam is not a list of exam questions"
    description = lecture.nb.metadata.get("myst", {}).get("html_meta", {}).get("description", "")
    if not 50 <= len(description) <= 200 or "$" in description:
        yield "metadata.myst.html_meta.description is not plain text of 50 to 200 characters"


@rule
def title(lecture: Lecture) -> Iterator[str]:
    """The one heading of the first level gives the lecture's number and name."""
    first = lecture.nb.cells[0].source.splitlines()[0]
    if not re.fullmatch(rf"# {lecture.number}\. \S.*", first):
        yield f"the title {first!r} is not of the form '# {lecture.number}. Name'"
    if [level for level, _ in lecture.headings].count(1) != 1:
        yield "there is not exactly one heading of the first level"


@rule
def facts(lecture: Lecture) -> Iterator[str]:
    """Under the title stands one line: reading time, running time, what to know first, exam questions."""
    exam = lecture.meta.get("exam", [])
    ending = r" · answers exam questions? (?P<exam>.+)" if exam else ""
    pattern = rf"\*Reading time \d+ minutes · running time about (?P<s>\d*0) s · know first: .+?{ending}\*"
    lines = [re.fullmatch(pattern, line) for line in lecture.nb.cells[0].source.splitlines()]
    found = [line for line in lines if line]
    if len(found) != 1:
        yield (
            "the first cell has no line '*Reading time … minutes · running time about … s · know first: …"
            f"{' · answers exam question(s) …' if exam else ''}*'"
        )
        return
    if int(found[0]["s"]) != lecture.meta.get("seconds"):
        yield "the running time in the first cell is not the one that was measured"
    if exam:
        named = sorted(map(int, re.findall(r"\d+", re.sub(r"\]\([^)]*\)", "]", found[0]["exam"]))))
        if named != sorted(exam):
            yield f"the first cell names exam questions {named}, the metadata {sorted(exam)}"


@rule
def order_of_headings(lecture: Lecture) -> Iterator[str]:
    """Sections stand in the order of the anatomy, with at least one of the lecture's own between them."""
    closing = [name for name in CLOSING if name != "Exam questions" or lecture.meta.get("exam")]
    sections = [name for level, name in lecture.headings if level == 2]
    if tuple(sections[: len(OPENING)]) != OPENING:
        yield f"the first sections are {sections[: len(OPENING)]}, not {list(OPENING)}"
    if sections[-len(closing) :] != closing:
        yield f"the last sections are {sections[-len(closing) :]}, not {closing}"
    if len(sections) <= len(OPENING) + len(closing):
        yield "there is no section between the setup and 'In practice'"
    levels = [level for level, _ in lecture.headings]
    for (level, name), before in zip(lecture.headings[1:], levels, strict=False):
        if level > before + 1:
            yield f"the heading {name!r} skips a level"


@rule
def outcomes(lecture: Lecture) -> Iterator[str]:
    """The reader is promised three to five outcomes."""
    count = len(items(lecture.section("By the end you can")))
    if not 3 <= count <= 5:
        yield f"'By the end you can' lists {count} outcomes, not three to five"


@rule
def summary(lecture: Lecture) -> Iterator[str]:
    """The summary has five lines."""
    text = lecture.section("Summary")
    count = len(items(text)) or len(text.splitlines())
    if count != 5:
        yield f"the summary has {count} lines, not five"


@rule
def references(lecture: Lecture) -> Iterator[str]:
    """Every reference gives its year and a link that lasts."""
    listed = items(lecture.section("References"))
    if not listed:
        yield "there is no list of references"
    for item in listed:
        if not re.search(r"https://\S+", item):
            yield f"no link: {item[:70]}"
        if not re.search(r"\b(?:19|20)\d\d\b", re.sub(r"https?://\S+", "", item)):
            yield f"no year: {item[:70]}"


@rule
def notes(lecture: Lecture) -> Iterator[str]:
    """What the notes got wrong stands in block quotes of one form, and every block quote has a bold lead."""
    found = 0
    for cell in lecture.text:
        for quote in re.findall(r"(?:^>.*\n?)+", prose(cell.source, code=True), re.MULTILINE):
            if not re.match(r"> \*\*[^*\n]+\.\*\* \S", quote):
                yield f"a block quote without '> **Lead.** text': {quote[:60]!r}"
            found += quote.startswith("> **Where the notes differ.** ")
    if not found:
        yield "no block quote begins with '> **Where the notes differ.** '"


# --- Text ---


@rule
def plain_markdown(lecture: Lecture) -> Iterator[str]:
    """Nothing that JupyterLab or Colab would show as raw text: no directive, role, target or colon fence."""
    forms = {
        "a directive": r"^\s*(?:`{3,}|~{3,})\s*\{",
        "a colon fence": r"^\s*:::",
        "a target": r"^\([\w-]+\)=\s*$",
        "a role": r"\{[a-z][\w:-]*\}``",
        "a labelled equation": r"\$\$[ \t]*\([\w:-]+\)",
        "a block break": r"^\+\+\+",
        "a comment": r"^% ",
        "LaTeX delimiters": r"(?<!\\)\\[(\[]",
    }
    for cell in lecture.text:
        for name, pattern in forms.items():
            text = cell.source if name == "a directive" else prose(cell.source)
            if re.search(pattern, text, re.MULTILINE):
                yield f"{lecture.name(cell)} holds {name}"


@rule
def plain_words(lecture: Lecture) -> Iterator[str]:
    """No word that tells the reader what ought to be easy; English only."""
    for cell in lecture.text:
        for word in re.findall(
            r"\b(?:simply|obviously|trivially|of course|needless to say)\b", cell.source, re.I
        ):
            yield f"{lecture.name(cell)} says {word!r}"
        if re.search(r"[\u0400-\u04ff]", cell.source):
            yield f"{lecture.name(cell)} holds Cyrillic letters"


@rule
def equations(lecture: Lecture) -> Iterator[str]:
    """Numbered equations count from 1 without gaps, and every citation (4.k) names one of them."""
    number = re.escape(lecture.number)
    tagged = [k for cell in lecture.text for k in re.findall(r"\\tag\{([^}]*)\}", cell.source)]
    wanted = [f"{lecture.number}.{k}" for k in range(1, len(tagged) + 1)]
    if tagged != wanted:
        yield f"equations are numbered {', '.join(tagged)}, not {', '.join(wanted)}"
    places = [(cell, prose(cell.source)) for cell in lecture.text]
    places += [(cell, comments_and_strings(cell)) for cell in lecture.code]
    for cell, text in places:
        for cited in re.findall(rf"\(({number}\.\d+)\)", text):
            if cited not in tagged:
                yield f"{lecture.name(cell)} cites equation ({cited}), which does not exist"


@rule
def links(lecture: Lecture) -> Iterator[str]:
    """Links to files of the book lead somewhere."""
    for cell in lecture.text:
        text = prose(cell.source)
        targets = re.findall(r"\]\(<?([^)\s>]+)", text) + re.findall(r"(?:href|src)=[\"']([^\"']+)", text)
        targets += re.findall(r"^\[[^\]]+\]:\s*(\S+)", text, re.MULTILINE)
        for target in targets:
            if re.match(r"https://|mailto:|#|attachment:", target):
                continue
            if re.match(r"\w+:|/", target):
                yield f"{lecture.name(cell)}: the link {target} is neither https nor relative"
            elif not (lecture.path.parent / unquote(target.split("#")[0])).exists():
                yield f"{lecture.name(cell)}: the link {target} leads nowhere"


# --- Code ---


@rule
def setup_cell(lecture: Lecture) -> Iterator[str]:
    """The first code cell, and only that one, is the setup."""
    tagged = lecture.tagged("setup")
    if len(tagged) != 1 or tagged[0] is not lecture.code[0]:
        yield "the tag 'setup' is not on the first code cell alone"
    elif "ads.setup(" not in tagged[0].source:
        yield "the setup cell does not call ads.setup"


@rule
def known_tags(lecture: Lecture) -> Iterator[str]:
    """Cells carry our tags only, and no comment steers nbval: nothing is skipped, ignored or allowed to fail."""
    for cell in lecture.nb.cells:
        for tag in sorted(set(notebooks.tags(cell)) - TAGS):
            yield f"{lecture.name(cell)} carries the tag {tag!r}"
        if cell.cell_type == "code" and re.search(r"#\s*(?:NBVAL|PYTEST_VALIDATE)_", cell.source):
            yield f"{lecture.name(cell)} steers nbval by a comment; use a tag"


@rule
def short_cells(lecture: Lecture) -> Iterator[str]:
    """A code cell fits on a screen."""
    for cell in lecture.code:
        lines = len(cell.source.splitlines())
        if lines > MAX_CODE_LINES:
            yield f"{lecture.name(cell)} has {lines} lines, more than {MAX_CODE_LINES}"


@rule
def exports(lecture: Lecture) -> Iterator[str]:
    """Cells tagged `export` hold definitions only, and together need nothing from the other cells."""
    cells = lecture.tagged("export")
    for cell in cells:
        for node in tree(cell).body:
            if not _is_definition(node):
                yield f"{lecture.name(cell)} exports more than definitions: {ast.unparse(node)[:60]}"
    source = "\n\n".join(python(cell.source) for cell in cells)
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--select",
        "F821",
        "--output-format",
        "json",
    ]
    done = subprocess.run([*command, "-"], input=source, capture_output=True, text=True, check=False)
    for found in json.loads(done.stdout):
        yield f"the exported cells do not stand alone: {found['message']}"


def _is_definition(node: ast.stmt) -> bool:
    """An import, a function, a class, a docstring, or a constant computed from literals with `math` or `np`."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return False
    return all(
        isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", None) in ("math", "np")
        for call in ast.walk(node.value)
        if isinstance(call, ast.Call)
    )


@rule
def exercises(lecture: Lecture) -> Iterator[str]:
    """Four to six exercises, numbered in order: statement, unsolved stub that ends in its check, help."""
    stubs = lecture.tagged("exercise")
    if not 4 <= len(stubs) <= 6:
        yield f"there are {len(stubs)} exercises, not four to six"
    if len(lecture.tagged("exercise-help")) != len(stubs):
        yield "not every exercise has one help cell"
    for k, cell in enumerate(stubs, start=1):
        wanted = f"{lecture.number}.{k}"
        lines = cell.source.splitlines() or [""]
        if not re.fullmatch(rf'ads\.exercise\("{re.escape(wanted)}"\)\.check\(\w+\)', lines[-1]):
            yield f'{lecture.name(cell)} does not end in ads.exercise("{wanted}").check(name)'
        index = next(i for i, other in enumerate(lecture.nb.cells) if other is cell)
        if not any("not attempted" in output for output in texts(cell)):
            yield f"the stored answer to {wanted} is not 'not attempted'"
        before, after = lecture.nb.cells[index - 1], lecture.nb.cells[index + 1 : index + 2]
        if not re.search(rf"^### Exercise {re.escape(wanted)}\. \S", before.source, re.MULTILINE):
            yield f"the cell before the stub of {wanted} has no heading '### Exercise {wanted}. Title'"
        if not after or "exercise-help" not in notebooks.tags(after[0]):
            yield f"the cell after the stub of {wanted} is not tagged exercise-help"
        elif after[0].metadata.get("applied_ds", {}).get("exercise") != wanted:
            yield f"the help after the stub of {wanted} belongs to another exercise"


@rule
def help_is_current(lecture: Lecture) -> Iterator[str]:
    """The folded hints and solutions are those of the declarations."""
    for cell in lecture.tagged("exercise-help"):
        exercise = cell.metadata.get("applied_ds", {}).get("exercise", "")
        if cell.source != notebooks.help_text(exercise):
            yield f"the help of exercise {exercise} is not what its declaration gives: run make notebooks"


@rule
def timing_stays_apart(lecture: Lecture) -> Iterator[str]:
    """Cells that measure time are not compared, and no other cell uses a name that only they define."""
    measured: set[str] = set()
    known: set[str] = set()
    for cell in lecture.code:
        names = [node for node in ast.walk(tree(cell)) if isinstance(node, ast.Name)]
        stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        if "timing" in notebooks.tags(cell):
            measured |= stored - known
            if "nbval-check-output" in notebooks.tags(cell):
                yield f"{lecture.name(cell)} measures time and is compared"
        else:
            known |= stored
            measured -= stored
            for name in sorted({node.id for node in names} & measured):
                yield f"{lecture.name(cell)} uses {name}, which a timing cell measured"


# --- Outputs ---


@rule
def complete(lecture: Lecture) -> Iterator[str]:
    """Every code cell was run, from top to bottom, in one fresh kernel."""
    counts = [cell.execution_count for cell in lecture.code]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}, not 1 to {len(counts)}"


@rule
def from_this_code(lecture: Lecture) -> Iterator[str]:
    """The stored outputs come from the stored code."""
    if notebooks.stored_hash(lecture.nb) != notebooks.code_hash(lecture.nb):
        yield "the code changed since the outputs were stored: run make notebooks"


@rule
def clean_outputs(lecture: Lecture) -> Iterator[str]:
    """No error, no warning, no progress bar, no widget that needs a kernel."""
    for cell in lecture.code:
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"{lecture.name(cell)} holds an error"
            if output.get("name") == "stderr":
                yield f"{lecture.name(cell)} holds text from stderr"
            if any("widget" in kind or "javascript" in kind for kind in output.get("data", {})):
                yield f"{lecture.name(cell)} holds a widget or a script"
        if any("\r" in text for text in texts(cell)):
            yield f"{lecture.name(cell)} holds a progress bar"


@rule
def no_machine(lecture: Lecture) -> Iterator[str]:
    """No path of somebody's machine anywhere; no time and no memory address in what is not tagged `timing`."""
    for cell in lecture.nb.cells:
        outputs = "\n".join(texts(cell)) if cell.cell_type == "code" else ""
        found = PATHS.search(cell.source) or PATHS.search(outputs)
        if found:
            yield f"{lecture.name(cell)} holds the path {found[0]}…"
        if "timing" in notebooks.tags(cell):
            continue
        for name, pattern in TIMES.items():
            if match := pattern.search(outputs):
                yield f"{lecture.name(cell)} holds {name}: {match[0]}"


@rule
def compared(lecture: Lecture) -> Iterator[str]:
    """Result lines are compared when the notebook is tested: proofs always, and at least four cells."""
    marked = lecture.tagged("nbval-check-output")
    if len(marked) < MIN_COMPARED:
        yield f"{len(marked)} cells are tagged nbval-check-output, at least {MIN_COMPARED} are wanted"
    for cell in marked:
        if cell.cell_type != "code" or not any(text.strip() for text in texts(cell)):
            yield f"{lecture.name(cell)} is tagged nbval-check-output and has no text to compare"
    for cell in lecture.code:
        if calls(cell, "agree") and "nbval-check-output" not in notebooks.tags(cell):
            yield f"{lecture.name(cell)} calls agree and is not tagged nbval-check-output"


@rule
def text_alternatives(lecture: Lecture) -> Iterator[str]:
    """Every picture says in words what it shows, which is more than its title or the name of a file."""
    seen: set[str] = set()
    for cell in lecture.code:
        html = re.findall(r"<img\b[^>]*>", "\n".join(texts(cell)))
        if html:
            yield f"{lecture.name(cell)} shows a picture as HTML; display the figure itself"
        if not images(cell):
            continue
        if images(cell) > 1:
            yield f"{lecture.name(cell)} shows {images(cell)} pictures, but a cell has one text alternative"
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "").strip()
        yield from (f"{lecture.name(cell)}: {fault}" for fault in _faults_of_alt(alt, _titles(cell)))
        if alt and alt in seen:
            yield f"{lecture.name(cell)} repeats the text alternative of another figure"
        seen.add(alt)
    for cell in lecture.text:
        for alt in re.findall(r"!\[([^\]]*)\]", prose(cell.source)):
            yield from (f"{lecture.name(cell)}: {fault}" for fault in _faults_of_alt(alt, set()))
        if re.search(r"<img\b", prose(cell.source)):
            yield f"{lecture.name(cell)} shows a picture as HTML; use ![…](…)"


def _titles(cell: NotebookNode) -> set[str]:
    nodes = [arg for call in calls(cell, "title", "set_title", "suptitle") for arg in call.args]
    nodes += [
        word.value for call in ast.walk(tree(cell)) if isinstance(call, ast.Call) for word in call.keywords
    ]
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _faults_of_alt(alt: str, titles: set[str]) -> Iterator[str]:
    if len(alt) < MIN_ALT:
        yield f"the text alternative {alt!r} is shorter than {MIN_ALT} characters"
    if re.search(r"\S+\.(?:png|jpe?g|svg|webp|gif)\b", alt):
        yield "the text alternative is the name of a file"
    if any(alt.strip(" .").casefold() == title.strip(" .").casefold() for title in titles):
        yield "the text alternative is the title of the figure"


# --- The file ---


@rule
def weight(lecture: Lecture) -> Iterator[str]:
    """A page weighs at most a megabyte."""
    size = len(notebooks.to_text(lecture.nb).encode())
    if size > MAX_BYTES:
        yield f"the notebook weighs {size / 1e6:.2f} MB, more than {MAX_BYTES / 1e6:g} MB"


@rule
def normal_form(lecture: Lecture) -> Iterator[str]:
    """The stored file is what the tools would store."""
    stored = lecture.path.read_text(encoding="utf-8")
    if notebooks.to_text(notebooks.normalise(notebooks.read(stored))) != stored:
        yield f"the file is not in normal form: python -m tools.notebooks normalise {lecture.meta.get('lecture')}"


# --- Across lectures ---


def setups_differ(lectures: list[Lecture]) -> list[str]:
    """Lectures whose setup cell is not the first one's, numbers and switches aside, up to the call of `ads.setup`.

    What follows that call (imports, sizes of both profiles) is the lecture's own.
    """
    common = [
        re.sub(r"\b(?:\d+|True|False)\b", "0", lecture.code[0].source.partition("ads.setup(")[0])
        for lecture in lectures
    ]
    return [
        f"the setup cell of {lecture.path.name} is not that of {lectures[0].path.name}"
        for lecture, source in zip(lectures, common, strict=True)
        if source != common[0]
    ]
