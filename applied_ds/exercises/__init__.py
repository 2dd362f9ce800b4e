'''The exercises of the course: one module a lecture declares them, the notebook holds statement and stub.

A reader uses ``ads.exercise("4.2").check(answer)``, ``.hint()``, ``.solution()`` and ``ads.progress_report()``.

An author writes ``applied_ds/exercises/ch04.py`` with a list ``EXERCISES``. Everything is one declaration::

    import numpy as np

    from applied_ds.exercises import Exercise, Mistake


    def solution(z, s, t):
        return (z - t) * np.exp(-s)


    def by_division(z, s, t):
        return (z - t) / np.exp(s)


    def cases(rng):
        return [tuple(rng.normal(size=shape) for _ in range(3)) for shape in [(2,), (3, 2), (5, 4)]]


    EXERCISES = [
        Exercise(
            id="4.2",
            name="Invert the coupling",
            function="coupling_inverse",
            stub="""def coupling_inverse(z, s, t):
        \\"\\"\\"The x with z = x·exp(s) + t; all arrays of one shape.\\"\\"\\"
        ...""",
            hints=("Which of the two steps came last?", "Undo the shift first.", "Then multiply by exp(−s)."),
            solution=solution,
            alternatives=(by_division,),
            reasoning="The forward pass scales and then shifts, so the inverse takes back the shift, then the scale.",
            cases=cases,
            mistakes=(
                Mistake("sign", "this is exp(s) where the inverse needs exp(−s)", lambda z, s, t: (z - t) * np.exp(s)),
                Mistake("order", "the shift is taken back last", lambda z, s, t: z * np.exp(-s) - t),
                Mistake("no-shift", "the shift is forgotten", lambda z, s, t: z * np.exp(-s)),
            ),
            deeper="The inverse costs as much as the forward pass, and s and t are never inverted.",
        ),
    ]

Rules that the proof in ``tests/test_exercises.py`` holds every declaration to: at least one alternative, three
mistakes and two hints; on the hidden inputs each mistake lies a hundred tolerances from the solution and from every
other mistake; no constant passes. More for special needs:

- ``observe(attempt, case)`` returns a dict of arrays where the return value cannot be compared (a training step, a
  module, gradients, a random sampler whose mean is checked). ``attempt`` is called as the reader would call it. A case
  that is a dict names its parts in the messages.
- ``cases`` may hold torch objects; import torch inside the functions, never at the head of the module. Imports at the
  head of a solution's body are not shown to the reader. A case is a tuple of arguments or a dict of keywords.
- ``tolerance`` is one number or a dict by dtype name, absolute and relative at once (without it 1e-6, in single
  precision 1e-5); ``seconds`` limits what the attempt computes over all inputs together.
- Messages, reasons and ``deeper`` get a capital and a full stop, unless they begin with a symbol or with code: write
  the article "A" and names of variables as they are to be read.
- ``kind="measurement"`` is the open exercise. The stub assigns the answer (``measured = {"bits": ..., "ratio": ...}``);
  ``solution`` and ``alternatives`` take no arguments and return such numbers (the solution is shown as the cell that
  assigns them); ``expect`` lists ``Expectation(predicate, reason)``; a mistake is a wrong answer, with
  ``when=predicate`` if it is to be recognised by more than equality within two percent. Where every mistake holds a
  single number, the answer must too. The engine sends who is right to the model answer: ``deeper`` need not.
'''

from __future__ import annotations

import difflib
import functools
import importlib
import pkgutil

from applied_ds.exercises._check import Result
from applied_ds.exercises._exercise import Exercise, Expectation, Mistake, Task, lecture_of
from applied_ds.exercises._record import is_solved
from applied_ds.exercises._render import Report

__all__ = [
    "Exercise",
    "Expectation",
    "Mistake",
    "Report",
    "Result",
    "Task",
    "all_exercises",
    "exercise",
    "progress_report",
]


def _lectures() -> list[str]:
    """Numbers of the lectures that declare exercises, in order."""
    return sorted(
        module.name[2:] for module in pkgutil.iter_modules(__path__) if module.name.startswith("ch")
    )


def _declared(lecture: str) -> list[Exercise]:
    found: list[Exercise] = importlib.import_module(f"{__name__}.ch{lecture}").EXERCISES
    return found


def all_exercises() -> list[Exercise]:
    """Every exercise of the course, in the order of the lectures."""
    return [one for lecture in _lectures() for one in _declared(lecture)]


@functools.cache
def exercise(id: str) -> Task:
    """The exercise with this id, such as ``"4.2"``: ``.check(answer)``, ``.hint()``, ``.solution()``.

    Raises:
        TypeError: the id is no text.
        ValueError: there is no such exercise; the message names the nearest ones.
    """
    if not isinstance(id, str):
        raise TypeError(f'pass the id as text, in quotes: ads.exercise("{id}")')
    if lecture_of(id) in _lectures():
        for one in _declared(lecture_of(id)):
            if one.id == id:
                return Task(one)
    known = [one.id for one in all_exercises()]
    near = difflib.get_close_matches(id, known, n=6, cutoff=0.4) or known
    raise ValueError(f"there is no exercise {id!r}; did you mean one of {', '.join(near) or 'none yet'}?")


def progress_report() -> Report:
    """The exercises of the course and which of them are solved on this machine."""
    return Report(
        tuple((one.id.split(".")[0], one.id, one.name, is_solved(one.id)) for one in all_exercises())
    )
