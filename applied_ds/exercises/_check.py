"""The verdict on an attempt: not attempted, right, or not yet and why."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from applied_ds.exercises import _source
from applied_ds.exercises._compare import (
    DIGITS,
    HugeError,
    Opaque,
    as_array,
    contains,
    differences,
    distance,
    kind_of,
    leaves,
    show,
    snapshot,
)
from applied_ds.exercises._render import sentence, wrap
from applied_ds.exercises._run import Case, Limit, Outcome, argument_names, isolated, run_case

if TYPE_CHECKING:
    from applied_ds.exercises._exercise import Exercise, Expectation, Mistake

Status = Literal["not attempted", "right", "not yet"]
_BROKEN = ("signature", "endless", "huge")  # what would be the same for every further input
_LINES = 12  # of one value in a message


@dataclass(frozen=True)
class Result:
    """The answer of a check; a notebook shows its text."""

    exercise: str
    status: Status
    text: str
    mistake: str | None = None

    def __repr__(self) -> str:
        return self.text


def check(exercise: Exercise, answer: Any) -> Result:
    """Check a function or, in a measurement, the measured numbers."""
    return (
        check_measurement(exercise, answer)
        if exercise.kind == "measurement"
        else check_function(exercise, answer)
    )


def _result(
    exercise: Exercise, status: Status, said: str, details: Sequence[str] = (), mistake: Mistake | None = None
) -> Result:
    verdict = "not attempted yet" if status == "not attempted" else status
    lines = [wrap(f"Exercise {exercise.id}: {verdict}. {said}"), *details]
    if mistake is not None:
        lines.append(wrap(f"Known mistake “{mistake.id}”: {sentence(mistake.message)}"))
    return Result(exercise.id, status, "\n".join(lines), mistake.id if mistake else None)


def _not_attempted(exercise: Exercise, reason: str) -> Result:
    return _result(
        exercise, "not attempted", reason or "Replace the `...` in the stub and run the cell again."
    )


# --- Functions ---


def outcomes(exercise: Exercise, function: Callable[..., Any], seconds: float | None) -> list[Outcome]:
    """What a function does with each hidden input; ends early where the next inputs would tell nothing."""
    promise = f"`def {exercise.function}{_source.parameters(exercise.stub, exercise.function)}` of the stub"
    found = []
    limit = None if seconds is None else Limit(seconds)
    for case in exercise.inputs():
        outcome = run_case(
            function,
            case,
            observe=exercise.observe,
            seed=exercise.seed,
            limit=limit,
            promise=promise,
        )
        found.append(outcome)
        if outcome.kind in _BROKEN:
            break
    return found


def expected_outcomes(exercise: Exercise) -> list[Outcome]:
    """What the model solution does; it is the course that is broken if that is no value."""
    found = outcomes(exercise, exercise.solution, None)
    for outcome in found:
        wrong = None if outcome.kind == "value" else outcome.sentence or outcome.kind
        for leaf in leaves(outcome.value):
            if isinstance(leaf, Opaque):
                wrong = f"its result holds {leaf.description}, which cannot be compared: declare `observe`"
        if wrong is not None:
            raise RuntimeError(f"the model solution of exercise {exercise.id} is broken: {wrong}")
    return found


def farthest(exercise: Exercise, ours: Sequence[Outcome], theirs: Sequence[Outcome]) -> float:
    """The largest difference of two functions over all inputs, in tolerances."""
    if len(ours) != len(theirs):
        return math.inf
    return max(a.distance(b, exercise.tolerances) for a, b in zip(ours, theirs, strict=True))


def check_function(exercise: Exercise, answer: Any) -> Result:
    """Run the reader's function on the hidden inputs."""
    if answer is Ellipsis:
        return _not_attempted(exercise, "")
    if not callable(answer):
        said = (
            f"The check needs the function itself, not a result: pass `{exercise.function}` without brackets."
        )
        if answer is None:
            said = f"The check was given None: pass the function `{exercise.function}`."
        return _result(exercise, "not yet", said)
    reason = _source.unfinished(answer, exercise.stub, exercise.function)
    if reason is not None:
        return _not_attempted(exercise, reason)

    expected = expected_outcomes(exercise)
    got = outcomes(exercise, answer, exercise.seconds)
    if any(outcome.kind == "unfinished" for outcome in got):
        return _not_attempted(exercise, "What it returns still holds `...`.")
    for index, (wanted, outcome) in enumerate(zip(expected, got, strict=False)):
        problem = _problem(exercise, wanted, outcome)
        if problem is not None:
            said, digits = problem
            details = _evidence(exercise, exercise.inputs()[index], wanted, outcome, digits)
            return _result(exercise, "not yet", said, details + _notes(got, True), _named(exercise, got))
    return _result(exercise, "right", sentence(exercise.deeper), _notes(got, False))


def _problem(exercise: Exercise, wanted: Outcome, got: Outcome) -> tuple[str, int] | None:
    """What is wrong with one outcome, as a sentence, and how many digits show it; None if nothing is."""
    if got.kind != "value":
        return got.sentence, DIGITS
    if got.value is None and wanted.value is not None:
        return "Your function returned None. Is a `return` missing?", DIGITS
    name = "result" if exercise.observe is None else "observed"
    found = differences(wanted.value, got.value, exercise.tolerances, name)
    first = min(found, key=lambda one: one.rank, default=None)
    return None if first is None else (first.sentence, first.digits)


def _evidence(exercise: Exercise, case: Case, wanted: Outcome, got: Outcome, digits: int) -> list[str]:
    """The smallest input that fails, what came out and what was expected."""
    if got.kind == "signature":
        return []
    values = list(case.values() if isinstance(case, dict) else case)
    names = argument_names(case, exercise.solution)
    if exercise.observe is not None and not isinstance(
        case, dict
    ):  # it may build the arguments from the case
        names = [f"input {place}" for place in range(1, len(values) + 1)]
    rows = list(zip(names, values, strict=True))
    lines = ["The smallest input that fails:"] + [_row(f"{name} =", value) for name, value in rows]
    if got.kind == "value" and got.value is not None:
        lines.append(_row("observed:" if exercise.observe else "your result:", got.value, digits))
    lines.append(_row("expected:", wanted.value, digits))
    return lines


def _row(label: str, value: Any, digits: int = DIGITS) -> str:
    start = f"    {label} "
    lines = show(value, " " * len(start), digits=digits).splitlines()
    return start + "\n".join(lines[:_LINES] + [" " * len(start) + "…"] * (len(lines) > _LINES))


def _notes(got: Sequence[Outcome], failed: bool) -> list[str]:
    """What an attempt printed, and what it warned of where that may explain a failure."""
    notes = []
    printed = next((outcome.printed for outcome in got if outcome.printed), "")
    if printed:
        notes.append(wrap(f"Note: your function printed “{printed}”."))
    warned = next((outcome.warned for outcome in got if outcome.warned), "")
    if warned and failed:
        notes.append(wrap(f"Note: your function caused the warning “{warned}”."))
    return notes


def _named(exercise: Exercise, got: Sequence[Outcome]) -> Mistake | None:
    """The one known mistake that does the same on all inputs; nothing on a tie."""
    found = [
        mistake
        for mistake in exercise.mistakes
        if farthest(exercise, outcomes(exercise, mistake.wrong, exercise.seconds), got) <= 1
    ]
    return found[0] if len(found) == 1 else None


# --- Measurements ---


def check_measurement(exercise: Exercise, answer: Any) -> Result:
    """Look at measured numbers."""
    with isolated(exercise.seed):
        try:
            taken = snapshot(answer)
        except HugeError as error:
            return _result(
                exercise, "not yet", f"The check was given {error}, far more than was to be measured."
            )
        if contains(taken, Ellipsis):
            return _not_attempted(exercise, "")
        if contains(taken, None):
            return _result(exercise, "not yet", "There is None among your numbers. Is a `return` missing?")
        unreadable = _unreadable(exercise, taken)
        if unreadable is not None:
            return _result(exercise, "not yet", unreadable)
        numbers = plain(taken)
        for expectation in exercise.expect:
            problem = _unmet(exercise, expectation, numbers)
            if problem is not None:
                found = [mistake for mistake in exercise.mistakes if is_mistake(exercise, mistake, numbers)]
                details = [_row("your numbers:", taken)]
                return _result(exercise, "not yet", problem, details, found[0] if len(found) == 1 else None)
    title = exercise.answer_title().lower()
    compare = f'Now compare your explanation with the {title}: `ads.exercise("{exercise.id}").solution()`.'
    return _result(exercise, "right", f"{sentence(exercise.deeper)} {compare}")


def _unmet(exercise: Exercise, expectation: Expectation, numbers: Any) -> str | None:
    """The reason of an expectation that these numbers do not meet."""
    try:
        holds = bool(expectation.holds(numbers))
    except (TypeError, ValueError, IndexError, KeyError):  # numbers of another form than the model answer's
        held = "; ".join(f"{place} is {_amount(part)}" for place, part in _places(exercise, numbers))
        return f"Your numbers have not the form that the exercise asks for: {held}."
    return None if holds else sentence(expectation.reason)


def _places(exercise: Exercise, numbers: Any) -> list[tuple[str, Any]]:
    """The parts of a measurement under the names that the reader gave them."""
    if isinstance(numbers, Mapping):
        return [(f"`{exercise.function}[{key!r}]`", part) for key, part in numbers.items()]
    return [(f"`{exercise.function}`", numbers)]


def _amount(part: Any) -> str:
    """How many numbers a part of a measurement holds."""
    shape = np.shape(part)
    if not shape:
        return "one number"
    return f"{np.size(part):,} numbers" if len(shape) == 1 else f"an array of shape {shape}"


def _unreadable(exercise: Exercise, taken: Any) -> str | None:
    """Why the answer holds no measured numbers of the stub's form."""
    stub = _source.parse_stub(exercise.stub, exercise.function)
    if isinstance(stub, ast.Assign) and isinstance(stub.value, ast.Dict):
        keys = [ast.literal_eval(key) for key in stub.value.keys if key is not None]
        if not isinstance(taken, Mapping) or set(taken) != set(keys):
            wanted = ", ".join(map(repr, keys))
            return f"The stub asks for a dict with the keys {wanted}; this is {kind_of(taken)}."
    for place, part in _places(exercise, taken):
        array = as_array(part)
        if isinstance(part, Opaque) and part.is_callable:
            return (
                f"{place} must hold what you measured, not a function: numbers. Call it and take its result."
            )
        if array is None or array.dtype.kind == "b":
            return f"{place} must hold numbers, and is {kind_of(part)}."
        if not np.isfinite(array).all():
            return f"There is NaN or infinity in {place}."
    form = [dict(_places(exercise, snapshot(wrong_numbers(mistake)))) for mistake in exercise.mistakes]
    for place, part in _places(exercise, plain(taken)):
        if form and np.size(part) != 1 and all(np.ndim(one.get(place, part)) == 0 for one in form):
            return (
                f"{place} is {_amount(part)} where a single number is asked. Is a mean or a median missing?"
            )
    return None


def plain(taken: Any) -> Any:
    """Snapshots as the predicates of a declaration get them: numbers, arrays, and dicts of these."""
    if isinstance(taken, Mapping):
        return {key: plain(part) for key, part in taken.items()}
    array = as_array(taken)
    assert array is not None
    return array if array.ndim else array.item()


def is_mistake(exercise: Exercise, mistake: Mistake, numbers: Any) -> bool:
    """Whether measured numbers are those of a known mistake."""
    if mistake.when is not None:
        try:
            return bool(mistake.when(numbers))
        except (TypeError, ValueError, IndexError, KeyError):
            return False
    return distance(snapshot(wrong_numbers(mistake)), snapshot(numbers), exercise.tolerances) <= 1


def wrong_numbers(mistake: Mistake) -> Any:
    """The wrong answer of a measurement's mistake."""
    return mistake.wrong() if callable(mistake.wrong) else mistake.wrong
