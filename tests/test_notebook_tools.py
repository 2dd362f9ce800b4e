"""The tools for notebooks, tried on made-up ones: every rule can fail, and running keeps its promises."""

from __future__ import annotations

import base64
import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from tools import anatomy, kernels, notebooks

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
ALT = "A straight line rises from the lower left corner to the upper right corner of the axes."


def text(source: str, *tags: str, **applied_ds: Any) -> NotebookNode:
    metadata: dict[str, Any] = {"tags": list(tags)} if tags else {}
    return new_markdown_cell(source, metadata=metadata | ({"applied_ds": applied_ds} if applied_ds else {}))


def code(source: str, *tags: str, out: str = "", alt: str = "") -> NotebookNode:
    outputs = [new_output("stream", name="stdout", text=out)] if out else []
    metadata: dict[str, Any] = {"tags": list(tags)} if tags else {}
    if alt:
        data = {"image/png": PNG, "text/plain": "<Figure size 640x480 with 1 Axes>"}
        outputs.append(new_output("display_data", data=data))
        metadata["mystnb"] = {"image": {"alt": alt}}
    return new_code_cell(source, metadata=metadata, outputs=outputs)


def good_notebook() -> NotebookNode:
    """A lecture in small that keeps every rule, as if it had been run."""
    cells = [
        text(
            "# 4. Made-up flows\n\nA lecture in small.\n\n*Reading time 5 minutes · running time about 10 s · know "
            "first: [the first one](04_made_up.ipynb) · answers exam questions [8](04_made_up.ipynb#q-8) and 9*"
        ),
        text("## By the end you can\n\n- add;\n- multiply,\n  twice;\n- draw."),
        text("## Setup"),
        code("import applied_ds as ads\n\nads.setup(4)", "setup", out="seed 4\n"),
        text("## Adding\n\nThe sum is\n\n$$z = x + y \\tag{4.1}$$\n\nand by (4.1) it is `{z}` symmetric."),
        code('def add(x, y):\n    """The sum (4.1)."""\n    return x + y', "export"),
        code('ads.agree("sum", add(1, 2), 3, 0)', "nbval-check-output", out="sum agrees\n"),
        code('fig, ax = plt.subplots()\nax.set_title("A line")\nplt.show()', alt=ALT),
    ]
    for k in range(1, 5):
        call = f'answer = None\n\nads.exercise("4.{k}").check(answer)'
        cells += [
            text(f"### Exercise 4.{k}. Number {k}\n\nReturn a number."),
            code(call, "exercise", "nbval-check-output", out="not attempted\n"),
            text(f"Help of 4.{k}", "exercise-help", exercise=f"4.{k}"),
        ]
    cells += [
        text("## In practice"),
        code("import time\n\ntook = time.time()\nprint(took)", "timing", out="12:34:56, took 3 s\n"),
        text("## Where the notes differ\n\n> **Where the notes differ.** The sign\n> is wrong."),
        text("## Summary\n\n1. One\n2. Two\n3. Three\n4. Four\n5. Five"),
        text("## Exam questions\n\n8 and 9."),
        text("## References\n\n- A. Author (2017). [A title](https://doi.org/10.1000/182)."),
    ]
    about = {"lecture": "04", "summary": "Adds two numbers in three ways.", "exam": [8, 9], "seconds": 10}
    description = "A made-up lecture that adds numbers and keeps every rule of a lecture."
    nb = new_notebook(
        cells=cells, metadata={"applied_ds": about, "myst": {"html_meta": {"description": description}}}
    )
    for index, cell in enumerate(nb.cells):
        cell.id = f"cell-{index}"
    for count, cell in enumerate(notebooks.code_cells(nb), start=1):
        cell.execution_count = count
    nb = notebooks.normalise(nb)
    nb.metadata.applied_ds.code = notebooks.code_hash(nb)
    return nb


REAL_HELP = notebooks.help_text


@pytest.fixture(autouse=True)
def made_up_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks, "help_text", lambda exercise: f"Help of {exercise}")


def store(folder: Path, nb: NotebookNode, name: str = "04_made_up.ipynb") -> Path:
    path = folder / name
    path.write_text(notebooks.to_text(nb), encoding="utf-8")
    return path


# --- The rules ---


def cell(nb: NotebookNode, start: str) -> NotebookNode:
    return next(c for c in nb.cells if start in c.source)


def swap(old: str, new: str) -> Callable[[NotebookNode], None]:
    """Replace a piece of the source of the cell that holds it."""

    def change(nb: NotebookNode) -> None:
        found = cell(nb, old)
        found.source = found.source.replace(old, new, 1)

    return change


def drop(start: str) -> Callable[[NotebookNode], None]:
    return lambda nb: nb.cells.remove(cell(nb, start))


def retag(start: str, *tags: str) -> Callable[[NotebookNode], None]:
    return lambda nb: cell(nb, start).metadata.__setitem__("tags", list(tags))


def print_in(start: str, out: str, name: str = "stdout") -> Callable[[NotebookNode], None]:
    return lambda nb: cell(nb, start).outputs.append(new_output("stream", name=name, text=out))


def show_in(start: str, **data: Any) -> Callable[[NotebookNode], None]:
    kinds = {kind.replace("_", "/"): value for kind, value in data.items()}
    return lambda nb: cell(nb, start).outputs.append(new_output("display_data", data=kinds))


def about(**values: Any) -> Callable[[NotebookNode], None]:
    return lambda nb: nb.metadata.applied_ds.update(values)


def alt(value: str) -> Callable[[NotebookNode], None]:
    return lambda nb: cell(nb, "set_title").metadata.mystnb.image.update(alt=value)


def error(nb: NotebookNode) -> None:
    cell(nb, "def add").outputs = [new_output("error", ename="ValueError", evalue="no", traceback=[])]


LONG_TITLE = "The line rises steadily from the left to the right"

# rule: (what breaks it, words of the finding)
BROKEN: dict[str, list[tuple[Callable[[NotebookNode], None], str]]] = {
    "metadata": [
        (about(lecture="4"), "is not a number such as"),
        (about(lecture="05"), "the file is 04_made_up.ipynb"),
        (about(summary="Short."), "summary"),
        (about(exam=[29]), "exam"),
        (lambda nb: nb.metadata.myst.html_meta.update(description="$x$" * 20), "description"),
    ],
    "title": [
        (swap("# 4. Made", "# 5. Made"), "is not of the form"),
        (swap("## Adding", "# Adding"), "exactly one heading"),
    ],
    "facts": [
        (swap("*Reading time 5 minutes", "*Reading time short"), "has no line"),
        (swap("about 10 s", "about 20 s"), "not the one that was measured"),
        (swap("and 9*", "and 10*"), "names exam questions [8, 10]"),
    ],
    "order_of_headings": [
        (drop("## Setup"), "the first sections"),
        (drop("## Exam questions"), "the last sections"),
        (swap("## Adding", "Adding"), "no section between"),
        (swap("### Exercise 4.1", "#### Exercise 4.1"), "skips a level"),
    ],
    "outcomes": [(swap("- draw.", "\n  draw."), "lists 2 outcomes")],
    "summary": [(swap("\n5. Five", ""), "has 4 lines")],
    "references": [
        (swap("- A. Author", "A. Author"), "no list"),
        (swap("https://doi.org/10.1000/182", "paper.pdf"), "no link"),
        (swap("(2017)", ""), "no year"),
    ],
    "notes": [
        (swap("> **Where the notes differ.**", "> **Note.**"), "no block quote begins"),
        (swap("> **Where the notes differ.**", "> Where the notes differ:"), "without '> **Lead.** text'"),
    ],
    "plain_markdown": [
        (swap("8 and 9.", "```{note}\nx\n```"), "a directive"),
        (swap("8 and 9.", "```` {note}\nx\n````"), "a directive"),
        (swap("8 and 9.", "::: note"), "a colon fence"),
        (swap("8 and 9.", "(here)=\n"), "a target"),
        (swap("8 and 9.", "See {eq}`sum`."), "a role"),
        (swap("8 and 9.", "$$x$$ (sum)"), "a labelled equation"),
        (swap("8 and 9.", "+++"), "a block break"),
        (swap("8 and 9.", "% hidden"), "a comment"),
        (swap("8 and 9.", "\\(x\\)"), "LaTeX delimiters"),
    ],
    "plain_words": [
        (swap("8 and 9.", "It is Simply 8."), "says 'Simply'"),
        (swap("8 and 9.", "восемь"), "Cyrillic"),
    ],
    "equations": [
        (swap("\\tag{4.1}", "\\tag{4.2}"), "are numbered 4.2, not 4.1"),
        (swap("by (4.1)", "by (4.2)"), "cites equation (4.2)"),
        (swap("The sum (4.1)", "The sum (4.7)"), "cites equation (4.7)"),
    ],
    "links": [
        (swap("8 and 9.", "[x](none.md#a)"), "none.md#a leads nowhere"),
        (swap("8 and 9.", "[x](http://example.org)"), "neither https nor relative"),
        (swap("8 and 9.", "[x][y]\n\n[y]: none.md"), "leads nowhere"),
        (swap("8 and 9.", '<a href="none.md">x</a>'), "leads nowhere"),
    ],
    "setup_cell": [
        (retag("ads.setup", "export"), "not on the first code cell"),
        (retag("def add", "setup"), "not on the first code cell"),
        (swap("ads.setup(4)", "pass"), "does not call ads.setup"),
    ],
    "known_tags": [
        (retag("def add", "export", "nbval-skip"), "carries the tag 'nbval-skip'"),
        (retag("def add", "raises-exception"), "carries the tag 'raises-exception'"),
        (swap("def add", "# NBVAL_IGNORE_OUTPUT\ndef add"), "steers nbval"),
    ],
    "short_cells": [(swap("return x + y", "return x + y" + "\n" * 45 + "# end"), "has 48 lines")],
    "exports": [
        (swap("def add", "print(1)\n\n\ndef add"), "exports more than definitions: print(1)"),
        (swap("def add", "A = load()\n\n\ndef add"), "exports more than definitions: A = load()"),
        (swap("return x + y", "return x + offset"), "Undefined name `offset`"),
    ],
    "exercises": [
        (retag('exercise("4.4")'), "there are 3 exercises"),
        (retag("Help of 4.1", "export"), "not every exercise has one help cell"),
        (swap('exercise("4.2").check', 'exercise("4.3").check'), 'does not end in ads.exercise("4.2")'),
        (swap("Exercise 4.2. ", "Exercise 4.2 "), "has no heading '### Exercise 4.2. Title'"),
        (lambda nb: cell(nb, 'exercise("4.2")').update(outputs=[]), "answer to 4.2 is not 'not attempted'"),
        (drop("Help of 4.3"), "is not tagged exercise-help"),
        (lambda nb: cell(nb, "Help of 4.1").metadata.applied_ds.update(exercise="4.2"), "another exercise"),
    ],
    "help_is_current": [(swap("Help of 4.1", "Old help"), "not what its declaration gives")],
    "timing_stays_apart": [
        (retag("time.time", "timing", "nbval-check-output"), "measures time and is compared"),
        (lambda nb: nb.cells.append(new_code_cell("print(took)")), "uses took"),
    ],
    "complete": [
        (lambda nb: cell(nb, "def add").update(execution_count=None), "execution counts"),
        (lambda nb: cell(nb, "def add").update(execution_count=9), "execution counts"),
    ],
    "from_this_code": [
        (swap("return x + y", "return y + x"), "the code changed"),
        (lambda nb: nb.metadata.applied_ds.pop("code"), "the code changed"),
    ],
    "clean_outputs": [
        (error, "holds an error"),
        (print_in("def add", "careful", name="stderr"), "stderr"),
        (show_in("def add", **{"application_vnd.jupyter.widget-view+json": {}}), "a widget"),
        (print_in("def add", "10%\r20%\n"), "a progress bar"),
    ],
    "no_machine": [
        (print_in("def add", "'/home/me/x'"), "the path /home/"),
        (print_in("time.time", "file:///tmp/x"), "the path /tmp/"),
        (swap("8 and 9.", "C:\\Users\\me"), "the path C:"),
        (print_in("def add", "<f at 0x7f00aa11>"), "a memory address"),
        (show_in("def add", text_plain="<f at 0x7f00aa11>"), "a memory address"),
        (print_in("def add", "at 12:30:01"), "a clock time"),
        (print_in("def add", "2026-01-02T03:04"), "a date and time"),
        (print_in("def add", "3.2 it/s"), "a speed"),
        (print_in("def add", "trained in 3.2 s"), "a duration"),
    ],
    "compared": [
        (retag("ads.agree"), "calls agree and is not tagged"),
        (lambda nb: cell(nb, "ads.agree").update(outputs=[]), "no text to compare"),
    ],
    "text_alternatives": [
        (lambda nb: cell(nb, "set_title").metadata.pop("mystnb"), "shorter than"),
        (alt("A line."), "shorter than"),
        (alt("The picture of this figure is kept in figure_04.png here"), "the name of a file"),
        (show_in("set_title", image_png=PNG), "shows 2 pictures"),
        (show_in("def add", text_html="<img src='x.png'>"), "a picture as HTML"),
        (swap("8 and 9.", "![line](04_made_up.ipynb)"), "shorter than"),
        (swap("8 and 9.", '<img src="04_made_up.ipynb">'), "a picture as HTML"),
    ],
    "weight": [(print_in("def add", "x" * 1_000_001), "weighs 1.0")],
    "normal_form": [
        (swap("return x + y", "return (x+y )"), "not in normal form"),
        (lambda nb: cell(nb, "def add").metadata.update(scrolled=True), "not in normal form"),
        (lambda nb: nb.metadata.update(widgets={"a": 1}), "not in normal form"),
    ],
}


@pytest.mark.parametrize("rule", anatomy.RULES)
def test_a_good_notebook_keeps_the_rule(rule: str, tmp_path: Path) -> None:
    assert anatomy.findings(anatomy.Lecture.load(store(tmp_path, good_notebook())), rule) == []


@pytest.mark.parametrize(
    ("rule", "change", "words"),
    [
        pytest.param(rule, *case, id=f"{rule}-{number}")
        for rule, cases in BROKEN.items()
        for number, case in enumerate(cases)
    ],
)
def test_a_broken_notebook_is_found(
    rule: str, change: Callable[[NotebookNode], None], words: str, tmp_path: Path
) -> None:
    nb = good_notebook()
    change(nb)
    found = anatomy.findings(anatomy.Lecture.load(store(tmp_path, nb)), rule)
    assert any(words in finding for finding in found), found


def test_every_rule_is_proved() -> None:
    assert set(BROKEN) == set(anatomy.RULES)


def test_too_few_compared_cells(tmp_path: Path) -> None:
    nb = good_notebook()
    for k in (1, 2):
        retag(f'exercise("4.{k}")', "exercise")(nb)
    found = anatomy.findings(anatomy.Lecture.load(store(tmp_path, nb)), "compared")
    assert found == ["3 cells are tagged nbval-check-output, at least 4 are wanted"]


def test_the_alternative_is_not_the_title_nor_another_figures(tmp_path: Path) -> None:
    nb = good_notebook()
    swap("A line", LONG_TITLE)(nb)
    alt(LONG_TITLE + ".")(nb)
    nb.cells.append(cell(nb, "set_title").copy())
    nb.cells[-1].id = "another"
    found = anatomy.findings(anatomy.Lecture.load(store(tmp_path, nb)), "text_alternatives")
    assert any("is the title of the figure" in finding for finding in found)
    assert any("repeats the text alternative" in finding for finding in found)


def test_a_lecture_without_exam_questions(tmp_path: Path) -> None:
    nb = good_notebook()
    about(exam=[])(nb)
    drop("## Exam questions")(nb)
    swap(" · answers exam questions [8](04_made_up.ipynb#q-8) and 9", "")(nb)
    lecture = anatomy.Lecture.load(store(tmp_path, nb))
    assert [anatomy.findings(lecture, rule) for rule in ("facts", "order_of_headings")] == [[], []]


def test_setup_cells_differ_in_numbers_only(tmp_path: Path) -> None:
    def lecture(name: str, *changes: tuple[str, str]) -> anatomy.Lecture:
        nb = good_notebook()
        for old, new in changes:
            swap(old, new)(nb)
        return anatomy.Lecture.load(store(tmp_path, nb, name))

    first = lecture("04_a.ipynb")
    other_numbers = lecture("05_b.ipynb", ("ads.setup(4)", "ads.setup(5, torch=True)\nn = ads.scale(1, 2)"))
    other_code = lecture("06_c.ipynb", ("import applied_ds as ads", "import applied_ds  as ads"))
    assert anatomy.setups_differ([first, other_numbers]) == []
    assert anatomy.setups_differ([first, other_numbers, other_code]) == [
        "the setup cell of 06_c.ipynb is not that of 04_a.ipynb"
    ]


# --- Normal form ---


def test_normalise_formats_strips_and_merges() -> None:
    nb = good_notebook()
    found = cell(nb, "def add")
    found.source = "x = {  1:2}\n"
    found.metadata.update(collapsed=True, execution={"iopub.execute_input": "2026-01-01"}, tags=[])
    found.outputs = [new_output("stream", name="stdout", text=part) for part in ("a", "b\n")]
    nb.metadata.language_info = {"name": "python", "version": "3.11.2"}
    nb.metadata.widgets = {"state": {}}
    ids = [c.id for c in nb.cells]
    done = notebooks.normalise(nb)
    found = cell(done, "x = ")
    assert found.source == "x = {1: 2}"
    assert found.metadata == {}
    assert [output.text for output in found.outputs] == ["ab\n"]
    assert set(done.metadata) == {"applied_ds", "kernelspec", "language_info", "myst"}
    assert "version" not in done.metadata.language_info
    assert [c.id for c in done.cells] == ids
    assert notebooks.to_text(notebooks.normalise(done)) == notebooks.to_text(done)


def test_missing_ids_are_the_same_each_time() -> None:
    nb = good_notebook()
    nb.nbformat_minor = 4
    for each in nb.cells:
        del each["id"]
    older = notebooks.to_text(nb)
    first, second = notebooks.read(older), notebooks.read(older)
    assert [c.id for c in first.cells] == [c.id for c in second.cells]
    assert len({c.id for c in first.cells}) == len(first.cells)


def test_the_hash_covers_code_only() -> None:
    one, other = good_notebook(), good_notebook()
    swap("A lecture in small", "Another text")(other)
    assert notebooks.code_hash(one) == notebooks.code_hash(other)
    swap("return x + y", "return y + x")(other)
    assert notebooks.code_hash(one) != notebooks.code_hash(other)


def test_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    with pytest.raises(notebooks.NotebookError, match="there is no notebook"):
        notebooks.find([])
    four, six = (tmp_path / name for name in ("04_four.ipynb", "06b_six.ipynb"))
    for path in (four, six):
        path.touch()
    assert notebooks.find([]) == [four, six]
    assert notebooks.find(["4", "04", "6b", "06b", str(six)]) == [four, four, six, six, six]
    for unknown in ("6", "5", "four", str(tmp_path / "none.ipynb")):
        with pytest.raises(notebooks.NotebookError, match="names 0 notebooks"):
            notebooks.find([unknown])


# --- Running ---

SMALL_TITLE = "# 4. Small\n\n*Reading time 1 minutes · running time about … s · know first: nothing*"


def small(*sources: str | NotebookNode, title: str = SMALL_TITLE) -> NotebookNode:
    cells = [new_code_cell(source) if isinstance(source, str) else source for source in sources]
    return notebooks.normalise(new_notebook(cells=[new_markdown_cell(title), *cells]))


def test_run_twice_changes_nothing(tmp_path: Path) -> None:
    clock = code("import time\nprint(time.perf_counter_ns())", "timing")
    folder = 'import os, pathlib\nprint(pathlib.Path.cwd().name, os.environ["OMP_NUM_THREADS"])'
    state = 'print(os.environ["APPLIED_DS_STATE"] == os.environ.get("X"), os.environ["PYTHONHASHSEED"])'
    helps = text("old", "exercise-help", exercise="4.1")
    path = store(tmp_path, small(folder, state, clock, helps, "print(1)\nos.sys.stdout.flush()\nprint( 2)"))
    report = notebooks.run(path)
    assert re.fullmatch(r"04_made_up\.ipynb: \d+\.\d s, peak \d+ MB, written", report)
    first = path.read_bytes()
    nb = notebooks.read(first.decode())
    printed = [output.text for c in notebooks.code_cells(nb) for output in c.outputs]
    assert printed[:2] == [f"{tmp_path.name} 1\n", "False 0\n"]
    assert printed[3] == "1\n2\n"
    assert [c.execution_count for c in notebooks.code_cells(nb)] == [1, 2, 3, 4]
    assert "running time about 10 s" in nb.cells[0].source
    assert nb.metadata.applied_ds == {"code": notebooks.code_hash(nb), "seconds": 10}
    assert cell(nb, "Help of 4.1")
    assert anatomy.findings(anatomy.Lecture.load(path), "normal_form") == []

    assert notebooks.run(path).endswith("unchanged")
    assert path.read_bytes() == first

    def measured() -> str:
        return notebooks.code_cells(notebooks.read(path.read_text()))[2].outputs[0].text

    kept = measured()
    notebooks.run(path, measure=True)
    again = measured()
    assert again != kept
    nb = notebooks.read(path.read_text())
    nb.cells[1].source += "\n# changed"
    nb.metadata.applied_ds.seconds = 70
    store(tmp_path, nb)
    notebooks.run(path)
    assert measured() != again
    assert "running time about 10 s" in path.read_text()


def test_the_measured_time_is_kept_while_the_code_is(tmp_path: Path) -> None:
    nb = small("print(1)", title=SMALL_TITLE.replace("…", "70"))
    nb.metadata.applied_ds = {"seconds": 70, "code": notebooks.code_hash(nb)}
    path = store(tmp_path, nb)
    notebooks.run(path)
    nb = notebooks.read(path.read_text())
    assert "running time about 70 s" in nb.cells[0].source
    assert nb.metadata.applied_ds.seconds == 70
    assert nb.cells[1].outputs[0].text == "1\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\n\n1 / 0", r"code cell 2 \(x = 1\) failed: ZeroDivisionError: division by zero"),
        (
            "import sys\n\nprint('careful', file=sys.stderr)",
            r"code cell 2 \(import sys\) wrote to stderr: careful",
        ),
        ("import os\n\nos._exit(1)", r"code cell 2 \(import os\) killed the kernel"),
    ],
)
def test_a_failing_cell_leaves_the_file(source: str, message: str, tmp_path: Path) -> None:
    path = store(tmp_path, small("print(1)", source))
    before = path.read_bytes()
    with pytest.raises(notebooks.NotebookError, match=message):
        notebooks.run(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_cell_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks, "CELL_TIMEOUT", 1)
    path = store(tmp_path, small("while True:\n    pass"))
    with pytest.raises(notebooks.NotebookError, match=r"code cell 1 .* did not end in 1 s"):
        notebooks.run(path)


def test_ctrl_c_stops_and_leaves_the_files(tmp_path: Path) -> None:
    waits = "import pathlib, time\n\npathlib.Path('started').touch()\ntime.sleep(60)"
    paths = [store(tmp_path, small(waits), name) for name in ("01_a.ipynb", "02_b.ipynb")]
    before = [path.read_bytes() for path in paths]
    command = [sys.executable, "-m", "tools.notebooks", "run", *map(str, paths)]
    with subprocess.Popen(
        command, cwd=notebooks.ROOT, start_new_session=True, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "started").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        kernel = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert said.endswith("interrupted; the notebook in work was left as it was\n")
    assert kernel
    assert psutil.wait_procs(kernel, timeout=10)[1] == []
    assert [path.read_bytes() for path in paths] == before


def test_an_interrupted_write_leaves_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = store(tmp_path, small("print(1)"))
    before = path.read_bytes()

    def fail(self: Path, target: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        notebooks.write(path, small("print(2)"))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_title_without_a_place_for_the_time(tmp_path: Path) -> None:
    path = store(tmp_path, small("print(1)", title="# 4. Small"))
    with pytest.raises(notebooks.NotebookError, match="running time about"):
        notebooks.run(path)


def test_the_command_goes_on_after_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = store(tmp_path, small("1 / 0"), "01_bad.ipynb")
    torn = tmp_path / "02_torn.ipynb"
    torn.write_text("{")
    good = store(tmp_path, small("print(1)"), "03_good.ipynb")
    assert notebooks.main(["run", str(bad), str(torn), str(good)]) == 1
    shown = capsys.readouterr()
    assert "03_good.ipynb: " in shown.out
    assert "01_bad.ipynb: code cell 1 (1 / 0) failed: ZeroDivisionError" in shown.err
    assert "02_torn.ipynb: the file is not a notebook" in shown.err
    assert "error: 2 of 3 notebooks failed: 01_bad.ipynb, 02_torn.ipynb" in shown.err


def test_normalise_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nb = good_notebook()
    swap("return x + y", "return (x+y )")(nb)
    swap("Help of 4.1", "old")(nb)
    path = store(tmp_path, nb)
    assert notebooks.main(["normalise", str(path)]) == 0
    assert notebooks.main(["normalise", str(path)]) == 0
    assert capsys.readouterr().out == "04_made_up.ipynb: written\n04_made_up.ipynb: unchanged\n"
    nb = notebooks.read(path.read_text())
    assert cell(nb, "Help of 4.1")
    assert cell(nb, "return x + y")


def test_help_of_an_unknown_exercise() -> None:
    with pytest.raises(notebooks.NotebookError, match=r"there is no exercise '99\.1'"):
        REAL_HELP("99.1")


def test_bench_prints_what_was_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = store(tmp_path, small("x = 7", code("print('ratio', x)\nx", "timing"), "print('not this')"))
    before = path.read_bytes()
    assert notebooks.main(["bench", str(path)]) == 0
    shown = capsys.readouterr().out
    assert '  code cell 2 (print("ratio", x))\n    ratio 7\n    7\n' in shown
    assert "not this" not in shown
    assert path.read_bytes() == before


# --- Determinism ---


def test_determinism(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise = "import os\n\nprint('same')\nprint(os.urandom(8).hex())"
    same = store(tmp_path, small("print(hash('a'))", code(noise, "timing")), "01_same.ipynb")
    differs = store(tmp_path, small("print(1)", noise), "02_differs.ipynb")
    before = [path.read_bytes() for path in (same, differs)]
    assert notebooks.main(["determinism", str(same)]) == 0
    assert capsys.readouterr().out == "01_same.ipynb: equal\n1 notebooks equal\n"
    assert notebooks.main(["determinism", str(same), str(differs)]) == 1
    shown = capsys.readouterr()
    assert re.search(
        r"02_differs\.ipynb: two executions differ at code cell 2 \(import os\): '[0-9a-f]{16}", shown.err
    )
    assert "error: 1 of 2 notebooks failed: 02_differs.ipynb" in shown.err
    assert [path.read_bytes() for path in (same, differs)] == before


def test_difference_names_the_first_cell_and_what_differs() -> None:
    one, other = good_notebook(), good_notebook()
    assert notebooks.difference(one, other) is None
    cell(other, "set_title").outputs[0].data["image/png"] = PNG.replace("Wj", "Xj")
    assert notebooks.difference(one, other) == "code cell 4 (fig, ax = plt.subplots()): different image/png"
    cell(other, "def add").outputs.append(new_output("stream", text="x"))
    assert notebooks.difference(one, other) == "code cell 2 (def add(x, y):): 0 and 1 outputs"


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def test_changed_notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path / "notebooks")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\n")
    (tmp_path / "applied_ds" / "exercises").mkdir(parents=True)
    paths = []
    for number in range(1, 8):
        nb = small("print(1)")
        nb.metadata.applied_ds = {"seconds": 100 - 10 * number}
        paths.append(store(tmp_path / "notebooks", nb, f"{number:02d}_x.ipynb"))

    def changed() -> list[str]:
        return [path.name[:2] for path in notebooks.changed_notebooks(paths)[0]]

    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    assert changed() == ["01", "02", "03", "04", "05", "06", "07"]  # nothing to compare with
    git(tmp_path, "commit", "-qm", "second", "--allow-empty")
    assert changed() == []
    store(tmp_path / "notebooks", small("print(2)"), "02_x.ipynb")
    store(tmp_path / "notebooks", small("print(1)", title="# Only the text"), "03_x.ipynb")
    assert changed() == ["02"]
    (tmp_path / "applied_ds" / "exercises" / "ch05.py").touch()
    assert changed() == ["02", "05"]
    (tmp_path / "applied_ds" / "plot.py").touch()
    assert changed() == ["02", "05", "03", "07", "06"]
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "third")
    git(tmp_path, "update-ref", "refs/remotes/origin/main", "HEAD~1")
    git(tmp_path, "commit", "-qm", "fourth", "--allow-empty")
    assert changed()[:2] == ["02", "05"]  # against the fork, not against the last commit
    git(tmp_path, "update-ref", "refs/remotes/origin/main", "HEAD")
    assert changed() == []  # on main itself: against the commit before


# --- Memory ---


def test_peak_memory_counts_children() -> None:
    child = "import time; block = b'x' * 200_000_000; print(1, flush=True); time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"

    class Manager:
        provisioner: subprocess.Popen[str]

    manager = Manager()
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        manager.provisioner = process
        memory = kernels.PeakMemory(manager, interval=0.02)
        assert process.stdout
        process.stdout.readline()
        time.sleep(0.2)
        os.killpg(process.pid, 9)
    peak = memory.stop()
    assert 200 < peak < 400
    assert kernels.tree_bytes(process.pid) == 0


# --- The weight of pictures ---


def png(pixels: np.ndarray) -> str:
    """A picture (height, width, 3) as a notebook stores it."""
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def pixels_of(text: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")).astype(int)


def test_drawings_are_stored_with_a_palette_and_photographs_as_they_are() -> None:
    rows, columns = np.mgrid[:200, :300]
    some = np.random.default_rng(1).integers(0, 4096, (200, 300))
    drawing = np.stack([some % 16, some // 16 % 16, some // 256], 2) * 17  # 4,096 colours
    grey = np.repeat((rows + columns)[..., None] % 256, 3, axis=2)
    photograph = np.random.default_rng(0).integers(0, 256, (200, 300, 3))
    stored = [png(each) for each in (drawing, grey, photograph)]
    outputs = [new_output("display_data", data={"image/png": each}) for each in stored]
    nb = small("1 + 1")
    nb.cells[-1].outputs = outputs
    notebooks.shrink_pictures(nb)
    shrunk = [output.data["image/png"] for output in outputs]
    assert len(shrunk[0]) < len(stored[0])
    assert 0 < np.abs(pixels_of(shrunk[0]) - drawing).max() < 64
    assert np.array_equal(pixels_of(shrunk[1]), grey)  # 256 colours are enough for it
    assert shrunk[2] == stored[2]
    notebooks.shrink_pictures(nb)
    assert [output.data["image/png"] for output in outputs] == shrunk


# --- The budget under nbval ---


def nbval(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.nbval_budget",
        "--nbval-lax",
        "-p",
        "no:cacheprovider",
    ]
    return subprocess.run(
        [*command, "--rootdir", str(folder), "-n", "2", "--dist", "loadscope", *options, str(folder)],
        cwd=notebooks.ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_notebook_over_its_budget_fails_by_name(tmp_path: Path) -> None:
    def run_before(nb: NotebookNode) -> NotebookNode:
        for count, each in enumerate(notebooks.code_cells(nb), start=1):
            each.execution_count = count
        return nb

    modest = code("import os\nprint(os.environ['OMP_NUM_THREADS'])", "nbval-check-output", out="1\n")
    heavy = "block = b'x' * 600_000_000\nimport time\ntime.sleep(0.5)\ndel block"
    store(tmp_path, run_before(small(modest, "2 + 2")), "01_modest.ipynb")
    store(tmp_path, run_before(small("import time", "time.sleep(9)")), "02_slow.ipynb")
    store(tmp_path, run_before(small(heavy)), "03_heavy.ipynb")
    store(tmp_path, small("2 + 2"), "04_unrun.ipynb")
    done = nbval(tmp_path, "--budget-seconds=8", "--budget-mb=500")
    assert done.returncode == 1, done.stdout
    assert re.search(r"02_slow\.ipynb: it took \d+\.\d s, the limit is 8 s", done.stdout)
    assert re.search(
        r"03_heavy\.ipynb: its processes peaked at [6-9]\d\d MB, the limit is 500 MB", done.stdout
    )
    assert "04_unrun.ipynb: code cells stored without having been run: 0" in done.stdout
    assert re.search(r"3 failed, 7 passed", done.stdout)
    table = done.stdout[done.stdout.index("peak MB") :]
    rows = re.findall(r"^(\d\d_\w+)\.ipynb +(\d+) +[\d.]+ +\d+(  over)?$", table, re.MULTILINE)
    assert rows == [
        ("01_modest", "2", ""),
        ("02_slow", "2", "  over"),
        ("03_heavy", "1", "  over"),
        ("04_unrun", "1", "  over"),
    ]


def test_a_lecture_without_its_system_package_is_skipped_and_the_package_named(tmp_path: Path) -> None:
    store(tmp_path, small("1 / 0"), "13_needs_a_compiler.ipynb")
    done = nbval(tmp_path, "-rs", PATH=str(tmp_path))
    assert done.returncode == 0, done.stdout
    assert re.search(r"2 skipped", done.stdout)
    assert "the system package g++ is missing; it compiles its Stan program" in done.stdout


def test_the_limits_are_those_of_the_standard() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.nbval_budget", "--help"],
        cwd=notebooks.ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "limit of a notebook (120 s)" in shown
    assert "limit of a notebook (3000 MB)" in shown
