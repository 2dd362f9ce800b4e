"""Hints, solution and report as text: Markdown where it is rendered, plain lines elsewhere."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_WIDTH = 100


@dataclass(frozen=True)
class Text:
    """Markdown that a notebook renders and a terminal prints as it is."""

    markdown: str

    def __repr__(self) -> str:
        return self.markdown

    def _repr_markdown_(self) -> str:
        return self.markdown


def wrap(sentence: str) -> str:
    """A paragraph in lines that fit a page."""
    return textwrap.fill(" ".join(sentence.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)


def sentence(text: str) -> str:
    """The text with a full stop and, if it begins with a word and not with a symbol or code, a capital."""
    text = text.strip()
    parts = re.split("[-'’]", text.split(maxsplit=1)[0].rstrip(",;:.!?")) if text else [""]
    if len(parts[0]) > 1 and all(part.isalpha() and part.islower() for part in parts):
        text = text[0].upper() + text[1:]
    return text + ("" if text.endswith((".", "!", "?")) else ".")


def solution_code(solution: Callable[..., Any], name: str, kind: str) -> str:
    """The model solution as the reader would write it.

    The function gets the name of the reader's function. Imports at the head of its body are left out, because the
    notebook has them and the declaration may not import torch earlier. The body of a measurement becomes the cell that
    assigns the answer.
    """
    source = textwrap.dedent(inspect.getsource(solution))
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.FunctionDef), f"the solution {name} is no plain function"
    lines = source.splitlines()
    body = list(node.body)
    dropped: set[int] = set()
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            assert statement.end_lineno is not None
            dropped |= set(range(statement.lineno, statement.end_lineno + 1))
        elif not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            break
    first = body[0].lineno
    if kind == "measurement":
        last = body[-1]
        assert isinstance(last, ast.Return), f"the solution of {name} does not end in a return"
        row = last.lineno - 1
        lines[row] = lines[row].replace("return ", f"{name} = ", 1)
        kept = [
            line for number, line in enumerate(lines, start=1) if number >= first and number not in dropped
        ]
        return textwrap.dedent("\n".join(kept)).strip("\n")
    kept = [line for number, line in enumerate(lines, start=1) if number not in dropped]
    text = re.sub(rf"\b{re.escape(node.name)}\b", name, "\n".join(kept))
    return re.sub(r":\n\n+", ":\n", text, count=1).strip("\n")


def folded(summary: str, content: str) -> str:
    """A plain `<details>`: the blank lines make its content Markdown on the site, in JupyterLab and in Colab."""
    return f"<details>\n<summary>{summary}</summary>\n\n{content.strip()}\n\n</details>"


def help_markdown(hints: Sequence[str], answer: str, last: str) -> str:
    """Hints and solution, folded one by one inside one fold."""
    parts = [folded(f"Hint {number}", hint) for number, hint in enumerate(hints, start=1)]
    parts.append(folded(last, answer))
    return folded(f"Hints and {last.lower()}", "\n\n".join(parts))


@dataclass(frozen=True)
class Report:
    """The exercises of the course and which of them are solved here."""

    rows: tuple[tuple[str, str, str, bool], ...]  # lecture, id, name, solved

    @property
    def solved(self) -> int:
        """How many are solved."""
        return sum(row[3] for row in self.rows)

    def __repr__(self) -> str:
        lines = []
        width = max((len(row[1]) for row in self.rows), default=0)
        for lecture in dict.fromkeys(row[0] for row in self.rows):
            rows = [row for row in self.rows if row[0] == lecture]
            lines.append(f"Lecture {lecture}: {sum(row[3] for row in rows)} of {len(rows)} solved")
            lines += [f"  [{'x' if done else ' '}] {name:<{width}}  {title}" for _, name, title, done in rows]
        lines.append(f"In all {self.solved} of {len(self.rows)} exercises solved on this machine.")
        return "\n".join(lines)
