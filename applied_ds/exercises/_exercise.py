"""The declaration of an exercise, and what a reader can ask of it."""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from applied_ds.exercises import _record, _render, _source
from applied_ds.exercises._check import Result, check
from applied_ds.exercises._compare import MEASUREMENT_TOLERANCE, TOLERANCE
from applied_ds.exercises._run import Case, Observe, isolated

_ID = re.compile(r"([1-9][0-9]*[a-z]?)\.([1-9][0-9]*)")


@dataclass(frozen=True)
class Mistake:
    """A known mistake: a name, a sentence for the reader, and code that makes that very mistake.

    `wrong` is a function like the solution. In a measurement it is the wrong answer itself, or a function of no
    arguments that returns it; `when` may then say which answers are taken for this mistake (without it, those within
    the tolerance of `wrong`).
    """

    id: str
    message: str
    wrong: Any
    when: Callable[[Any], bool] | None = None


@dataclass(frozen=True)
class Expectation:
    """What must hold for the numbers of a measurement, and why; the reason is shown when it does not hold."""

    holds: Callable[[Any], bool]
    reason: str


@dataclass(eq=False)
class Exercise:
    """One exercise, declared. The module docstring of `applied_ds.exercises` shows how to declare it."""

    id: str
    name: str
    function: str
    stub: str
    hints: Sequence[str]
    solution: Callable[..., Any]
    reasoning: str
    alternatives: Sequence[Callable[..., Any]]
    mistakes: Sequence[Mistake]
    deeper: str
    cases: Callable[[np.random.Generator], Sequence[Case]] | None = None
    tolerance: Mapping[str, float] | float | None = None
    observe: Observe | None = None
    kind: Literal["function", "measurement"] = "function"
    expect: Sequence[Expectation] = ()
    seconds: float = 10.0

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(f"exercise id {self.id!r}: write lecture and number, such as '4.2' or '6b.1'")
        if (self.kind == "function") != (self.cases is not None) or (self.kind == "measurement") != bool(
            self.expect
        ):
            raise ValueError(
                f"exercise {self.id}: a function needs `cases`, a measurement needs `expect`, not both"
            )
        if isinstance(_source.parse_stub(self.stub, self.function), ast.Assign) != (
            self.kind == "measurement"
        ):
            raise ValueError(
                f"exercise {self.id}: the stub of a {self.kind} does not define {self.function} as one"
            )

    @property
    def lecture(self) -> str:
        """The lecture it belongs to, as in file names: "04", "06b"."""
        return lecture_of(self.id)

    @property
    def seed(self) -> int:
        """The seed of the hidden inputs; it depends on the id alone."""
        return int.from_bytes(hashlib.sha256(self.id.encode()).digest()[:4], "big")

    @property
    def tolerances(self) -> Mapping[str, float]:
        """Allowed difference by dtype, absolute and relative."""
        if isinstance(self.tolerance, Mapping):
            return {**TOLERANCE, **self.tolerance}
        if self.tolerance is None and self.kind == "measurement":
            return dict.fromkeys(TOLERANCE, MEASUREMENT_TOLERANCE)
        return dict(TOLERANCE) if self.tolerance is None else dict.fromkeys(TOLERANCE, self.tolerance)

    def inputs(self) -> list[Case]:
        """The hidden inputs, small to large, the same at every call; making them leaves no trace either."""
        assert self.cases is not None
        isolates_torch = "torch" in sys.modules
        with isolated(self.seed):
            made = list(self.cases(np.random.default_rng(self.seed)))
        # Made while torch was first imported, they may depend on its fresh state.
        return made if isolates_torch or "torch" not in sys.modules else self.inputs()

    def solution_code(self) -> str:
        """The model solution as the reader would write it, under the name of the reader's function."""
        return _render.solution_code(self.solution, self.function, self.kind)

    def to_markdown(self) -> str:
        """Hints and solution, folded, for the cell tagged `exercise-help`."""
        return _render.help_markdown(self.hints, self.answer(), self.answer_title())

    def answer(self) -> str:
        """The solution and its reasoning as Markdown."""
        return f"```python\n{self.solution_code()}\n```\n\n{self.reasoning.strip()}"

    def answer_title(self) -> str:
        """What the answer is called: an experiment has no single solution."""
        return "Solution" if self.kind == "function" else "Model answer"


class Task:
    """An exercise as its reader meets it: check an answer, ask for one more hint, see the solution."""

    def __init__(self, declaration: Exercise) -> None:
        self.declaration = declaration
        self._shown = 0

    def __repr__(self) -> str:
        one = self.declaration
        return f"Exercise {one.id}. {one.name}: .check({one.function}), .hint(), .solution()"

    def check(self, answer: Any) -> Result:
        """Say whether the answer is right, not yet right, or not attempted; record it when it is right.

        Args:
            answer: the reader's function, or the measured numbers where the exercise asks for those.
        """
        result = check(self.declaration, answer)
        if result.status == "right":
            _record.mark_solved(self.declaration.id)
        return result

    def hint(self) -> _render.Text:
        """The hints so far and one more: each call in a running kernel shows the next."""
        hints = self.declaration.hints
        self._shown = min(self._shown + 1, len(hints))
        shown = [f"**Hint {n} of {len(hints)}.** {hints[n - 1].strip()}" for n in range(1, self._shown + 1)]
        if self._shown == len(hints):
            shown.append(
                f'That was the last hint. `ads.exercise("{self.declaration.id}").solution()` tells the rest.'
            )
        return _render.Text("\n\n".join(shown))

    def solution(self) -> _render.Text:
        """The model solution and the reasoning behind it."""
        return _render.Text(self.declaration.answer())

    def to_markdown(self) -> str:
        """Hints and solution, folded, for the cell tagged `exercise-help`."""
        return self.declaration.to_markdown()


def lecture_of(exercise: str) -> str:
    """The number of the lecture in file names: "4.2" → "04", "6b.1" → "06b"."""
    number = exercise.split(".")[0]
    return number if len(number.rstrip("abcdefghijklmnopqrstuvwxyz")) > 1 else f"0{number}"
