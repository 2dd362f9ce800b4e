"""The exercise engine against exercises made for the purpose."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import applied_ds.exercises as engine
from applied_ds.exercises import Exercise, Expectation, Mistake, Task
from applied_ds.exercises._compare import TOLERANCE, differences, distance, show, snapshot
from applied_ds.exercises._record import is_solved, state_dir
from applied_ds.exercises._render import sentence
from applied_ds.exercises._run import Limit, isolated, limited
from tests.exercise_proof import declare, example, join, prove, run_cell

ROOT = Path(__file__).resolve().parent.parent

STUB = declare().stub
MISTAKES = tuple(declare().mistakes)
solution, by_division, cases = (example()[name] for name in ("solution", "by_division", "cases"))


def simple(solution: Callable[..., Any], inputs: list[Any], **changes: Any) -> Exercise:
    """An exercise `f(x)` that answers what `solution` does."""
    return declare(
        function="f",
        stub="def f(x):\n    ...",
        solution=solution,
        cases=lambda rng: inputs,
        mistakes=(),
        **changes,
    )


def check(attempt: Any, exercise: Exercise | None = None) -> engine.Result:
    return Task(exercise or declare()).check(attempt)


def cell(source: str, name: str = "coupling_inverse", **options: Any) -> Any:
    return run_cell(textwrap.dedent(source).strip() + "\n", name, **options)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("APPLIED_DS_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


# --- Not attempted ---


@pytest.mark.parametrize("readable", [True, False])
def test_the_stub_is_not_attempted(readable: bool) -> None:
    result = check(run_cell(STUB, "coupling_inverse", readable=readable))
    assert result.status == "not attempted"
    assert repr(result).startswith("Exercise 4.2: not attempted yet.")


def test_a_stub_with_another_name_docstring_or_decorator_is_not_attempted() -> None:
    source = '''
        def unchanged(f):
            return f

        @unchanged
        def my_inverse(z, s, t):
            """Mine."""
            ...
    '''
    assert check(cell(source, "my_inverse")).status == "not attempted"


def test_a_stub_without_ellipsis_is_not_attempted_until_it_is_changed() -> None:
    broken = "def coupling_inverse(z, s, t):\n    return z - t * s"
    exercise = declare(stub=broken)
    for readable in (True, False):
        assert (
            check(run_cell(broken, "coupling_inverse", readable=readable), exercise).status == "not attempted"
        )
        changed = run_cell(broken.replace("t * s", "t"), "coupling_inverse", readable=readable)
        assert check(changed, exercise).status == "not yet"


@pytest.mark.parametrize(
    "body",
    [
        "np.exp(s)\n    ...",
        "x = ...\n    return x",
        "return ...",
        "return z, ...",
        "return {'x': ...}",
        "x, y = ..., z\n    return x",
        "x: float = ...\n    return x",
        "x = z\n    x += ...\n    return x",
        "return np.exp(...)",
        "return np.sum(z, axis=...)",
        "return (z - t) * ...",
        "return -...",
        "return z if len(z) else ...",
        "if ...:\n        z = t\n    return z",
        "while ...:\n        z = t\n    return z",
        "for i in ...:\n        z = t\n    return z",
        "return [i for i in ...]",
        "def g(a):\n        ...\n    return g(z)",
        "g = lambda a: ...\n    return g(z)",
        "if (x := ...):\n        pass\n    return z",
        "return z and ...",
    ],
)
def test_a_gap_that_is_left_is_not_attempted(body: str) -> None:
    result = check(cell(f"import numpy as np\ndef coupling_inverse(z, s, t):\n    {body}"))
    assert result.status == "not attempted"
    assert "still holds `...`" in result.text


def test_the_line_of_the_gap_is_named() -> None:
    result = check(
        cell("# a comment\n\ndef coupling_inverse(z, s, t):\n    y = z - t\n    x = ...\n    return x")
    )
    assert result.text.endswith("Line 3 of your function still holds `...`: `x = ...`.")


@pytest.mark.parametrize(
    "body",
    [
        "x: tuple[int, ...] = (1,)\n    return ((z - t) * np.exp(-s))[...]",
        "return (z[..., :] - t) * np.exp(-s)",
        "i = (..., slice(None))\n    return (z[i] - t) * np.exp(-s)",
        "assert z is not ...\n    return (z - t) * np.exp(-s)",
        "def g(a, axis=...):\n        return a\n    return g((z - t) * np.exp(-s))",
    ],
)
@pytest.mark.parametrize("readable", [True, False])
def test_an_ellipsis_with_a_meaning_is_no_gap(body: str, readable: bool) -> None:
    source = f"import numpy as np\ndef coupling_inverse(z, s, t):\n    {body}"
    assert check(cell(source, readable=readable)).status == "right"


@pytest.mark.parametrize("value", ["...", "(z, ...)", "[...]", "{'x': ...}"])
def test_without_source_a_returned_ellipsis_is_not_attempted(value: str) -> None:
    attempt = cell(f"def coupling_inverse(z, s, t):\n    y = z\n    return {value}", readable=False)
    assert check(attempt).status == "not attempted"


def test_a_lambda_and_the_ellipsis_itself_can_be_unattempted() -> None:
    assert check(cell("f = lambda z, s, t: ...", "f")).status == "not attempted"
    assert check(...).status == "not attempted"
    assert check(cell("f = lambda z, s, t: z[...]", "f")).status == "not yet"


def test_a_class_is_found_although_inspect_cannot_find_it() -> None:
    stub = "class Double:\n    def __call__(self, x):\n        ..."
    exercise = simple(
        lambda: lambda x: 2 * x, [(1.0,), (2.0,)], observe=lambda attempt, case: {"twice": attempt()(case[0])}
    )
    exercise.stub, exercise.function = stub, "Double"
    assert check(run_cell(stub, "Double"), exercise).status == "not attempted"
    done = cell("class Double:\n    def __call__(self, x):\n        return x + x", "Double")
    assert check(done, exercise).status == "right"
    wrong = cell("class Double:\n    def __call__(self, x):\n        return x + 'a'", "Double")
    assert "line 3 of your class: `return x + 'a'`" in unwrapped(check(wrong, exercise))


def unwrapped(result: engine.Result) -> str:
    return " ".join(result.text.split())


# --- Right ---


@pytest.mark.parametrize(
    "attempt", [solution, by_division, lambda z, s, t: np.divide(z - t, np.exp(s)).tolist()]
)
def test_any_correct_solution_is_right(attempt: Callable[..., Any]) -> None:
    result = check(attempt)
    assert result.status == "right"
    assert result.text == f"Exercise 4.2: right. {declare().deeper}"


def test_torch_answers_numpy_and_numpy_answers_torch() -> None:
    def in_torch(z, s, t):
        z, s, t = (torch.tensor(part, requires_grad=True) for part in (z, s, t))
        return (z - t) * torch.exp(-s)

    assert check(in_torch).status == "right"
    inputs = [(torch.tensor([1.0, 2.0], requires_grad=True),), (torch.arange(6.0).reshape(2, 3),)]
    exercise = simple(lambda x: torch.exp(x), inputs)
    assert check(lambda x: np.exp(x.detach().numpy()), exercise).status == "right"
    assert check(lambda x: torch.exp(x).to(torch.float64), exercise).status == "right"
    assert check(lambda x: torch.exp(x) + 1e-3, exercise).status == "not yet"


def test_single_precision_is_enough_but_half_is_not() -> None:
    assert check(lambda z, s, t: solution(z, s, t).astype(np.float32)).status == "right"
    assert check(lambda z, s, t: solution(z, s, t).astype(np.float16)).status == "not yet"


@pytest.mark.parametrize(
    "attempt",
    [
        lambda x: -0.5 * x**2 - float(0.5 * torch.log(torch.tensor(2 * torch.pi))),
        lambda x: -0.5 * torch.tensor(x) ** 2 - 0.5 * torch.log(torch.tensor(2 * torch.pi)),
        lambda x: -0.5 * x.astype(np.float32) ** 2 - 0.5 * np.log(np.float32(2 * np.pi)),
        lambda x: (-0.5 * x.astype(np.float32) ** 2 - 0.5 * np.log(np.float32(2 * np.pi))).tolist(),
    ],
)
def test_single_precision_anywhere_is_right(attempt: Callable[..., Any]) -> None:
    inputs = [(np.array([1.0]),), (np.linspace(-3, 3, 7),)]
    exercise = simple(lambda x: -0.5 * x**2 - 0.5 * np.log(2 * np.pi), inputs)
    assert check(attempt, exercise).status == "right"


@pytest.mark.parametrize(
    ("constant", "words", "shown"),
    [
        (3.14159, "They agree to 6 digits: is a constant rounded, or", ("[3.14159]", "[3.141593]")),
        (3.1416, "They agree to 5 digits: is a constant rounded, or", ("[3.1416]", "[3.14159]")),
        (3.14, "", ("[3.14]", "[3.142]")),
    ],
)
def test_numbers_that_would_print_alike_are_printed_until_they_differ(
    constant: float, words: str, shown: tuple[str, str]
) -> None:
    for kind in (np.float64, np.float32):
        exercise = simple(lambda x: x * np.pi, [(np.ones(1),)], tolerance=1e-8)
        result = check(lambda x, kind=kind: (x * constant).astype(kind), exercise)
        assert words in unwrapped(result)
        assert ("digits" in result.text) == bool(words)
        assert f"your result: {shown[0]}" in result.text
        assert f"expected: {shown[1]}" in result.text


def test_whole_numbers_are_never_called_rounded() -> None:
    assert "digits" not in check(lambda x: x + 1, simple(lambda x: x, [(123456,)])).text


def test_tolerance_of_a_declaration() -> None:
    def off(z, s, t):
        return solution(z, s, t) + 1e-4

    assert check(off).status == "not yet"
    assert check(off, declare(tolerance=1e-3)).status == "right"
    assert check(off, declare(tolerance={"float64": 1e-3})).status == "right"
    assert check(off, declare(tolerance={"float32": 1e-3})).status == "not yet"


@pytest.mark.parametrize(
    ("right", "also", "wrong"),
    [
        (lambda x: 3, lambda x: 3.0, lambda x: 4),  # integers
        (lambda x: 3, lambda x: np.int8(3), lambda x: 3.01),
        (lambda x: np.array(2.5), lambda x: 2.5, lambda x: [2.5]),  # 0-d
        (lambda x: np.ones(3), lambda x: [1, 1, 1], lambda x: [1, 1]),
        (lambda x: [1.0, 2.0], lambda x: np.array([1.0, 2.0]), lambda x: np.array([2.0, 1.0])),
        (lambda x: (np.ones(3), 2.0), lambda x: [[1, 1, 1], np.array(2)], lambda x: (np.ones(3), 3.0)),
        (lambda x: (np.ones(3), 2.0), lambda x: (np.ones(3), 2), lambda x: np.ones(2)),
        (
            lambda x: {"a": x, "b": np.ones(2)},
            lambda x: {"b": [1, 1], "a": x},
            lambda x: {"a": x, "b": [1, 2]},
        ),
        (lambda x: 1 + 2j, lambda x: np.complex64(1 + 2j), lambda x: 1 - 2j),
        (lambda x: np.array([True, False]), lambda x: [True, False], lambda x: [True, True]),
        (lambda x: True, lambda x: np.bool_(True), lambda x: False),
        (lambda x: "cat", lambda x: "c" + "at", lambda x: "dog"),
        (lambda x: ["a", "b"], lambda x: ("a", "b"), lambda x: ["a", "c"]),
        (lambda x: [(0, "a"), (1, "b")], lambda x: [[0, "a"], [1, "b"]], lambda x: [(0, "a"), (2, "b")]),
        (lambda x: {1, 2}, lambda x: {2, 1}, lambda x: {1}),
        (lambda x: [], lambda x: np.array([]), lambda x: [1]),
        (lambda x: np.zeros((0, 3)), lambda x: np.empty((0, 3)), lambda x: np.zeros((1, 3))),
        (lambda x: np.zeros(0), lambda x: [], lambda x: [0.0]),
        (lambda x: np.nan, lambda x: float("nan"), lambda x: 0.0),
        (lambda x: np.array([np.inf, 1.0]), lambda x: [np.inf, 1], lambda x: [-np.inf, 1]),
        (lambda x: 2**70, lambda x: 2**70, lambda x: 2**70 + 1),
        (lambda x: [[1, 2], [3]], lambda x: ((1, 2), (3,)), lambda x: [[1, 2], [4]]),
    ],
)
def test_values_of_every_kind_are_compared(right: Any, also: Any, wrong: Any) -> None:
    exercise = simple(right, [(1.0,), (2.0,)])
    assert check(also, exercise).status == "right"
    assert check(wrong, exercise).status == "not yet"


def test_a_named_tuple_and_keyword_inputs() -> None:
    exercise = declare(cases=lambda rng: [dict(zip("zst", case, strict=True)) for case in cases(rng)])
    assert check(by_division, exercise).status == "right"
    assert "s = [" in check(lambda z, s, t: z, exercise).text


# --- Not yet: one clear sentence ---


def test_wrong_values_show_the_smallest_input_what_came_out_and_what_was_expected() -> None:
    exercise = simple(lambda x: x**2, [(np.array([2.0]),), (np.array([1.0, 3.0]),), (np.arange(4.0),)])
    result = check(lambda x: np.where(x > 2, 0, x**2), exercise)
    assert result.text.splitlines() == [
        "Exercise 4.2: not yet. The values are wrong: the largest difference in the result is 9, at index",
        "[1].",
        "The smallest input that fails:",
        "    x = [1, 3]   shape (2,), float64",
        "    your result: [1, 0]   shape (2,), float64",
        "    expected: [1, 9]   shape (2,), float64",
    ]


def test_shape_comes_before_values() -> None:
    exercise = simple(lambda x: (x, np.ones(2)), [(1.0,)])
    assert (
        "`result[1]` has shape (3,) where (2,) is expected" in check(lambda x: (7, np.ones(3)), exercise).text
    )
    result = check(lambda z, s, t: np.zeros(7))
    assert "The shape is wrong: the result has shape (7,) where (2,) is expected." in result.text


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("text", "a str where an array of dtype float64"),
        ({"x": 1}, "a dict with the keys 'x' where an array"),
        (print, "a builtin_function_or_method, not a value"),
        (int, "the class int"),
        (object(), "an object where"),
        (iter([1]), "a list_iterator where"),
        ([[1, 2], [3]], "a list that is no regular array where"),
        ([1.0, None], "a list of length 2 where"),
        (np.array([True, False]), "an array of dtype bool where"),
        (np.array(["a", "b"]), "an array of dtype <U1 where"),
        ({1, 2}, "a set where"),
    ],
)
def test_wrong_type_is_named(value: Any, words: str) -> None:
    result = check(lambda z, s, t: value)
    assert result.status == "not yet"
    assert "The type is wrong" in result.text
    assert words in unwrapped(result)


def test_none_asks_about_return() -> None:
    result = check(cell("def coupling_inverse(z, s, t):\n    x = z - t"))
    assert "Your function returned None. Is a `return` missing?" in result.text


def test_nan_gets_a_sentence_and_its_warning_a_note() -> None:
    result = check(lambda z, s, t: np.log(-np.abs(z)))
    assert "There is NaN in the result at index [0]." in result.text
    assert "invalid value encountered in log" in result.text


def test_an_exception_is_told_with_type_message_line_and_text() -> None:
    attempt = cell(
        """
        import numpy as np

        # above the function

        def coupling_inverse(z, s, t):
            def helper(x):
                return x @ np.ones(77)

            return helper(z)
        """
    )
    result = check(attempt)
    assert "It raised ValueError: matmul:" in unwrapped(result)
    assert "This happened in line 3 of your function: `return x @ np.ones(77)`." in unwrapped(result)
    assert "Traceback" not in result.text


def test_an_exception_below_the_attempt_is_placed_in_the_attempt() -> None:
    result = check(cell("import json\ndef coupling_inverse(z, s, t):\n    return json.loads('{')"))
    assert "It raised JSONDecodeError" in result.text
    assert "line 2 of your function: `return json.loads('{')`" in unwrapped(result)


def test_an_exception_without_source_has_its_line_number() -> None:
    result = check(cell("def coupling_inverse(z, s, t):\n    y = 1\n    return 1 / 0", readable=False))
    assert (
        "It raised ZeroDivisionError: division by zero. This happened in line 3 of your function."
        in unwrapped(result)
    )


def test_other_ways_to_raise() -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def fail(error: BaseException) -> Callable[..., Any]:
        def attempt(z, s, t):
            raise error

        return attempt

    assert "It raised SystemExit: 3." in check(fail(SystemExit(3))).text
    assert "It raised Unspeakable." in check(fail(Unspeakable())).text
    assert "It raised AssertionError." in check(fail(AssertionError())).text
    assert "more memory than there is" in check(fail(MemoryError())).text
    assert len(check(fail(ValueError("x" * 10_000))).text) < 2_000
    assert "It raised TypeError" in check(math.gcd).text  # no source, no line
    with pytest.raises(KeyboardInterrupt):
        check(fail(KeyboardInterrupt()))


def test_endless_recursion_gets_a_sentence() -> None:
    def attempt(z, s, t):
        return attempt(z, s, t)

    assert "It calls itself without end (RecursionError)." in check(attempt).text


def test_wrong_signature_and_no_function() -> None:
    result = check(lambda z, s: z)
    assert "It cannot be called as the statement says: too many positional arguments." in unwrapped(result)
    assert "Keep the signature `def coupling_inverse(z, s, t)` of the stub." in unwrapped(result)
    assert "without brackets" in unwrapped(check(np.ones(3)))
    assert "was given None" in unwrapped(check(None))
    for given_answer in (np.ones(3), None):
        assert check(given_answer).status == "not yet"


def test_changed_inputs_are_refused_even_if_the_value_is_right() -> None:
    def in_place(z, s, t):
        z -= t
        return z * np.exp(-s)

    result = check(in_place)
    assert result.status == "not yet"
    assert "It changes its input `z`. Work on a copy." in result.text


@pytest.mark.parametrize(
    ("value", "change"),
    [
        ([1, 2], lambda x: x.append(3)),
        ({"a": np.ones(2)}, lambda x: x["a"].fill(0)),
        ({"a": 1}, lambda x: x.update(b=2)),
        (({1},), lambda x: x[0].add(2)),
        (np.array([np.nan, 1.0]), lambda x: x.sort()),
        (np.zeros(2), lambda x: x.resize((1, 2), refcheck=False)),
    ],
)
def test_changes_inside_containers_are_seen(value: Any, change: Callable[[Any], Any]) -> None:
    exercise = simple(lambda x: 1.0, [(value,)])
    assert check(lambda x: 1.0, exercise).status == "right"

    def attempt(x):
        change(x)
        return 1.0

    assert "It changes its input `x`" in check(attempt, exercise).text


def test_changes_of_tensors_and_modules_are_seen() -> None:
    exercise = simple(lambda x: 1.0, [(torch.ones(2),), (torch.nn.Linear(2, 2),)])
    assert check(lambda x: 1.0, exercise).status == "right"

    def fill(x):
        with torch.no_grad():
            for part in [x] if isinstance(x, torch.Tensor) else x.parameters():
                part.zero_()
        return 1.0

    assert "It changes its input `x`" in check(fill, exercise).text

    def only_module(x):
        return 1.0 if isinstance(x, torch.Tensor) else fill(x)

    assert "It changes its input `x`" in check(only_module, exercise).text


def test_a_known_mistake_that_changes_its_input_is_named_whatever_its_arguments_are_called() -> None:
    def in_place(z, s, t):
        z -= t
        return z * np.exp(-s)

    def by_the_reader(a, b, *rest):
        a[...] = a - rest[0]
        return a * np.exp(-b)

    exercise = declare(mistakes=(Mistake("in-place", "z is overwritten", in_place),))
    result = check(by_the_reader, exercise)
    assert result.mistake == "in-place"
    assert "It changes its input `a`." in result.text


def test_each_call_gets_its_own_copy() -> None:
    shared = np.ones(3)
    exercise = simple(lambda x: x.sum(), [(shared,), (shared,)])
    check(lambda x: x.fill(0), exercise)
    assert shared.tolist() == [1, 1, 1]


def test_a_result_that_is_changed_later_is_judged_as_it_was() -> None:
    buffer = np.zeros(2)
    exercise = simple(lambda x: np.full(2, x), [(1.0,), (2.0,)])

    def attempt(x):
        buffer[:] = x
        return buffer

    assert check(attempt, exercise).status == "right"


def test_huge_and_deep_results_get_a_sentence() -> None:
    giant = np.lib.stride_tricks.as_strided(np.zeros(1), shape=(10**9,), strides=(0,))
    result = check(lambda z, s, t: giant)
    assert "It returned an array of 8.0 GB, far more than an answer needs." in result.text
    assert len(check(lambda z, s, t: [0.0] * 100_000).text) < 1_000
    assert len(check(lambda z, s, t: "x" * 1_000_000).text) < 1_000
    assert "has shape (100000,)" in check(lambda z, s, t: [0.0] * 100_000).text
    nested: list[Any] = []
    nested.append(nested)
    result = check(lambda z, s, t: nested)
    assert result.status == "not yet"
    assert "cannot be used: RecursionError" in unwrapped(result)
    assert check(lambda z, s, t: {i: np.ones(50) for i in range(5_000)}).text.count("\n") < 60


# --- Endless loops ---


def endless(source: str) -> Callable[..., Any]:
    return cell(
        "import time\ndef coupling_inverse(z, s, t):\n" + textwrap.indent(textwrap.dedent(source), "    ")
    )


def bounded(run: Callable[[], Any], seconds: float = 20) -> Any:
    """What a function returns in a process of its own, which is killed if that takes too long."""
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    process = fork.Process(target=lambda: sender.send(run()))
    process.start()
    sender.close()
    try:
        assert receiver.poll(seconds), "it goes on"
        return receiver.recv()
    finally:
        process.kill()
        process.join()


def test_what_cannot_be_interrupted_holds_up_no_test() -> None:
    started = time.monotonic()
    with pytest.raises(AssertionError, match="it goes on"):
        bounded(lambda: time.sleep(60), seconds=0.1)
    assert time.monotonic() - started < 10


def compute(seconds: float) -> None:
    """Keep the processor busy."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@pytest.mark.parametrize(
    "source",
    [
        "while True: pass",
        "i = 0\nwhile True:\n    i += 1",
        "while True:\n    try:\n        pass\n    except:\n        pass",
        "while True:\n    try:\n        while True:\n            pass\n    except:\n        pass",
        "while True:\n    try:\n        while True: pass\n    except: continue",
        "try:\n    while True: pass\nexcept BaseException:\n    return (z - t) * 1",
        "try:\n    while True: pass\nexcept BaseException as error:\n    raise ValueError from error",
        "try:\n    while True: pass\nfinally:\n    return 1",
        "while True:\n    print('again')",
        "def g(): return sum(1 for i in iter(int, 1))\nreturn g()",
        "class A:\n    def __del__(self):\n        while True: pass\na = A()\ndel a\nreturn 1",
    ],
)
def test_an_endless_loop_is_interrupted(source: str) -> None:
    def state() -> tuple[Any, ...]:
        return signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL), sys.gettrace()

    def run() -> tuple[engine.Result, bool]:
        before = state()
        result = check(endless(source), declare(seconds=0.1))
        same = state() == before
        time.sleep(0.05)  # a timer that was left on would interrupt this
        return result, same

    result, same = bounded(run)
    assert "It took more than 0.1 seconds of computing for all inputs together." in unwrapped(result)
    assert "Is there a loop that never stops, or one over single elements?" in unwrapped(result)
    assert same


def test_a_loop_that_sleeps_is_interrupted_by_the_clock() -> None:
    result = bounded(lambda: check(endless("while True:\n    time.sleep(10)"), declare(seconds=0.1)))
    assert "It took more than 0.6 seconds by the clock for all inputs together" in unwrapped(result)


def test_the_limit_holds_for_all_inputs_together() -> None:
    def slow(z, s, t):
        compute(0.1)
        return solution(z, s, t)

    assert "of computing" in bounded(lambda: check(slow, declare(seconds=0.25))).text
    assert check(slow, declare(seconds=3)).status == "right"

    def sleepy(z, s, t):
        time.sleep(0.1)
        return solution(z, s, t)

    assert "by the clock" in bounded(lambda: check(sleepy, declare(seconds=0.04))).text
    assert check(sleepy, declare(seconds=0.12)).status == "right"


def test_a_busy_machine_makes_no_endless_loop() -> None:
    def short(z, s, t):
        time.sleep(0.25)  # others compute
        return solution(z, s, t)

    done = threading.Event()

    def others() -> None:
        while not done.is_set():
            pass

    thread = threading.Thread(target=others)
    thread.start()
    started = time.monotonic()
    try:
        assert check(short, declare(seconds=0.2)).status == "right"
    finally:
        done.set()
        thread.join()
    assert time.monotonic() - started > 0.2


def test_the_timer_of_somebody_else_goes_on() -> None:
    def run() -> tuple[str, float, bool]:
        rang = []
        signal.signal(signal.SIGALRM, lambda *_: rang.append(True))
        signal.setitimer(signal.ITIMER_REAL, 0.4)
        text = check(endless("while True: pass"), declare(seconds=0.1)).text
        left = signal.getitimer(signal.ITIMER_REAL)[0]
        deadline = time.monotonic() + 2
        while not rang and time.monotonic() < deadline:
            time.sleep(0.01)
        return text, left, bool(rang)

    text, left, rang = bounded(run)
    assert "of computing" in text
    assert 0 < left < 0.35
    assert rang


def test_in_another_thread_the_check_runs_without_a_limit() -> None:
    found: list[engine.Result] = []
    thread = threading.Thread(target=lambda: found.append(check(solution)))
    thread.start()
    thread.join()
    assert found[0].status == "right"


def test_without_a_timer_the_check_runs_without_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "setitimer")
    assert limited(lambda: 3, Limit(0.001)) == 3
    assert check(solution).status == "right"


def test_a_limited_call_gives_its_result_or_its_own_exception() -> None:
    assert limited(lambda: 3, Limit(1)) == 3
    with pytest.raises(ZeroDivisionError):
        limited(lambda: 1 / 0, Limit(1))


# --- Nothing stays behind ---


def test_prints_are_kept_out_and_told(capfd: pytest.CaptureFixture[str]) -> None:
    def loud(z, s, t):
        print("z is", z.shape)
        print("an error", file=sys.stderr)
        return solution(z, s, t)

    result = check(loud)
    assert result.status == "right"
    assert "Note: your function printed “z is (2,) an error”." in result.text
    assert capfd.readouterr() == ("", "")

    def very_loud(z, s, t):
        for _ in range(20_000):
            print("x" * 100)

    tracemalloc.start()
    text = check(very_loud).text
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
    assert len(text) < 1_500
    assert "(2020000 characters)" in text


def test_an_attempt_that_replaces_the_streams_does_no_harm() -> None:
    out = sys.stdout

    def attempt(z, s, t):
        sys.stdout = None  # type: ignore[assignment]
        return solution(z, s, t)

    assert check(attempt).status == "right"
    assert sys.stdout is out


def test_warnings_are_kept_out_and_filters_restored() -> None:
    def attempt(z, s, t):
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message="never")
        np.seterr(all="raise")
        return solution(z, s, t)

    def warns(z, s, t):
        warnings.warn("careful", stacklevel=1)
        return solution(z, s, t)

    filters, errors = list(warnings.filters), np.geterr()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert check(attempt).status == "right"
        assert check(warns).text == check(solution).text
    assert not caught
    assert list(warnings.filters) == filters
    assert np.geterr() == errors
    with np.errstate(all="raise"):  # what the reader has set reaches neither the solution nor the attempt
        assert check(lambda z, s, t: solution(z, s, t) + 0 * np.log(0 * np.abs(z) + 1) / 1).status == "right"
        assert check(lambda z, s, t: np.where(True, solution(z, s, t), np.log(0 * z))).status == "right"


def test_random_state_is_as_before_and_fixed_inside() -> None:
    drawn: list[tuple[float, float, float]] = []

    def attempt(z, s, t):
        drawn.append((random.random(), np.random.random(), float(torch.rand(1))))
        random.seed(1), np.random.seed(1), torch.manual_seed(1)
        return solution(z, s, t)

    random.seed(7), np.random.seed(7), torch.manual_seed(7)
    expected = (random.random(), np.random.random(), float(torch.rand(1)))
    random.seed(7), np.random.seed(7), torch.manual_seed(7)
    assert check(attempt).status == "right"
    assert (random.random(), np.random.random(), float(torch.rand(1))) == expected
    check(attempt)
    assert len(set(drawn)) == 1


def test_making_the_inputs_leaves_no_trace_and_depends_on_none() -> None:
    def careless(rng):
        print("cases")
        return [(torch.nn.Linear(1, 1).weight.detach() + random.random() + np.random.random(),)]

    exercise = simple(lambda x: x + 1, [])
    exercise.cases = careless
    torch.manual_seed(3), np.random.seed(3), random.seed(3)
    states = torch.get_rng_state(), np.random.get_state()[1], random.getstate()
    torch.set_default_dtype(torch.float64)
    try:
        (first,) = exercise.inputs()
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])
    assert random.getstate() == states[2]
    torch.manual_seed(4), np.random.seed(4), random.seed(4)
    assert torch.equal(first[0], exercise.inputs()[0][0])
    assert first[0].dtype is torch.float32


def test_signal_handlers_are_as_before() -> None:
    before = signal.getsignal(signal.SIGINT)

    def attempt(z, s, t):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        return solution(z, s, t)

    alarm = signal.getsignal(signal.SIGALRM)
    assert check(attempt).status == "right"
    assert signal.getsignal(signal.SIGINT) is before
    assert signal.getsignal(signal.SIGALRM) is alarm


def test_torch_dtype_and_gradient_mode_are_as_before_and_fixed_inside() -> None:
    seen: list[tuple[Any, bool, bool]] = []

    def attempt(z, s, t):
        seen.append((torch.get_default_dtype(), torch.is_grad_enabled(), torch.is_inference_mode_enabled()))
        torch.set_default_dtype(torch.float16)
        torch.set_grad_enabled(False)
        return solution(z, s, t)

    def fails(z, s, t):
        attempt(z, s, t)
        raise ValueError

    for one in (attempt, fails):
        check(one)
        assert torch.get_default_dtype() is torch.float32
        assert torch.is_grad_enabled()
        torch.set_default_dtype(torch.float64)
        try:
            with torch.no_grad():
                check(one)
                assert not torch.is_grad_enabled()
            with torch.inference_mode():
                check(one)
                assert torch.is_inference_mode_enabled()
            assert torch.is_grad_enabled()
            assert torch.get_default_dtype() is torch.float64
        finally:
            torch.set_default_dtype(torch.float32)
    assert set(seen) == {(torch.float32, True, False)}


def test_gradient_mode_is_restored_after_an_endless_loop() -> None:
    def attempt(z, s, t):
        with torch.no_grad():
            torch.set_default_dtype(torch.float64)
            while True:
                pass

    def run() -> tuple[str, bool, bool]:
        text = check(attempt, declare(seconds=0.1)).text
        return text, torch.is_grad_enabled(), torch.get_default_dtype() is torch.float32

    text, *restored = bounded(run)
    assert "of computing" in text
    assert restored == [True, True]


def test_the_same_text_twice() -> None:
    for attempt in (lambda z, s, t: np.random.normal(size=z.shape), lambda z, s, t: 1 / 0, MISTAKES[0].wrong):
        assert check(attempt).text == check(attempt).text


# --- Known mistakes ---


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: one.id)
def test_a_known_mistake_is_named(mistake: Mistake) -> None:
    result = check(mistake.wrong)
    assert result.mistake == mistake.id
    assert f"Known mistake “{mistake.id}”" in result.text


def test_the_sentence_of_a_mistake_is_shown() -> None:
    result = check(lambda z, s, t: (z - t) * np.exp(s))
    assert result.text.endswith("Known mistake “sign”: This is exp(s) where the inverse needs exp(−s).")


def test_nothing_is_named_unless_all_inputs_match() -> None:
    def sometimes(z, s, t):
        return (z - t) * np.exp(s) if z.ndim == 1 or len(z) < 5 else z

    result = check(sometimes)
    assert result.status == "not yet"
    assert result.mistake is None


def test_nothing_is_named_on_a_tie() -> None:
    twin = Mistake("twin", "the same again", lambda z, s, t: (z - t) / np.exp(-s))
    result = check(MISTAKES[0].wrong, declare(mistakes=(*MISTAKES, twin)))
    assert result.status == "not yet"
    assert result.mistake is None
    assert "Known mistake" not in result.text


def test_a_mistake_may_raise_return_nothing_change_its_input_or_have_the_wrong_shape() -> None:
    def in_place(z, s, t):
        z -= t
        return z * np.exp(-s)

    mistakes = (
        Mistake("in-place", "z is overwritten", in_place),
        Mistake("no-return", "nothing is returned", lambda z, s, t: None),
        Mistake("matmul", "a matrix product", lambda z, s, t: (z - t) @ np.ones((99, 99))),
        Mistake("mean", "one number for all", lambda z, s, t: ((z - t) * np.exp(-s)).mean()),
    )
    exercise = declare(mistakes=mistakes)
    for mistake in mistakes:
        assert check(mistake.wrong, exercise).mistake == mistake.id
    assert prove(exercise) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the sign is wrong", "The sign is wrong."),
        ("log-determinants are added", "Log-determinants are added."),
        ("nats, not bits", "Nats, not bits."),
        ("it's half", "It's half."),
        ("done!", "Done!"),
        ("x is right; s is not", "x is right; s is not."),
        ("log₂ 256 is missing", "log₂ 256 is missing."),
        ("log|dx/dz| is added", "log|dx/dz| is added."),
        ("exp(s) is missing", "exp(s) is missing."),
        ("f' is missing", "f' is missing."),
        ("x-values", "x-values."),
        ("`mean` is missing", "`mean` is missing."),
        ("log_det is missing", "log_det is missing."),
        ("pH is missing", "pH is missing."),
        ("", "."),
    ],
)
def test_a_sentence_begins_with_a_capital_unless_with_a_symbol(text: str, shown: str) -> None:
    assert sentence(text) == shown


# --- Observations ---


def step(model, x, y, rate):
    loss = ((model(x) - y) ** 2).mean()
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    with torch.no_grad():
        for parameter, gradient in zip(model.parameters(), gradients, strict=True):
            parameter -= rate * gradient


def step_with_optimizer(model, x, y, rate):
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    optimizer.zero_grad()
    ((model(x) - y) ** 2).mean().backward()
    optimizer.step()


def step_uphill(model, x, y, rate):
    step(model, x, y, -rate)


def step_without_gradient(model, x, y, rate):
    pass


def step_with_sum(model, x, y, rate):
    step(model, x, y, rate * x.shape[0])


def training_exercise(**changes: Any) -> Exercise:
    def models(rng):
        found = []
        for size in (2, 5):
            generator = torch.Generator().manual_seed(int(rng.integers(1000)))
            model = torch.nn.Linear(2, 1)
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.copy_(torch.randn(parameter.shape, generator=generator))
            x = torch.randn(size, 2, generator=generator)
            found.append((model, x, torch.randn(size, 1, generator=generator), 0.1))
        return found

    def observe(attempt, case):
        model = case[0]
        attempt(*case)
        return dict(model.named_parameters())

    fields: dict[str, Any] = {
        "function": "step",
        "stub": 'def step(model, x, y, rate):\n    """One step down the mean squared error."""\n    ...',
        "solution": step,
        "alternatives": (step_with_optimizer,),
        "cases": models,
        "observe": observe,
        "mistakes": (
            Mistake("uphill", "the step goes up", step_uphill),
            Mistake("nothing", "the parameters stay", step_without_gradient),
            Mistake("sum", "the sum is minimised, not the mean", step_with_sum),
        ),
    }
    return declare(**(fields | changes))


def test_a_training_step_is_observed() -> None:
    exercise = training_exercise()
    assert prove(exercise) == []
    result = check(step_uphill, exercise)
    assert result.mistake == "uphill"
    assert "`observed['weight']`" in result.text
    assert "observed: {'weight': [[" in result.text
    assert "input 4 = 0.1" in result.text


def test_an_observation_that_cannot_use_the_result_is_explained() -> None:
    exercise = simple(
        lambda x: x.detach(),
        [(torch.ones(2, requires_grad=True),)],
        observe=lambda attempt, case: {"value": attempt(*case), "grad": float(attempt(*case).requires_grad)},
    )
    assert check(lambda x: x.data, exercise).status == "right"
    assert check(lambda x: x, exercise).status == "not yet"
    assert "Your function returned None. Is a `return` missing?" in check(lambda x: None, exercise).text
    result = check(lambda x: [1, 2], exercise)
    assert "cannot be used: AttributeError" in unwrapped(result)
    assert "It returned a list of length 2." in unwrapped(result)
    assert "It cannot be called as the statement says" in check(lambda: 1, exercise).text


@pytest.mark.parametrize("read", [lambda value: value, np.asarray])
def test_a_none_that_an_observation_passes_on_asks_about_return(read: Callable[[Any], Any]) -> None:
    exercise = simple(
        lambda x: 2 * x,
        [(1.0,), (2.0,)],
        observe=lambda attempt, case: {"input": case[0], "loss 1": read(attempt(*case))},
    )
    result = check(lambda x: None, exercise)
    assert "`observed['loss 1']` is None where" in unwrapped(result)
    assert "is expected. Is a `return` missing?" in unwrapped(result)
    assert "missing?" not in check(lambda x: "2", exercise).text


def test_a_case_of_an_observation_may_name_its_parts() -> None:
    exercise = simple(
        lambda x: 2 * x,
        [{"start": 1.0, "end": 3.0}],
        observe=lambda attempt, case: {"length": attempt(case["end"] - case["start"])},
    )
    assert check(lambda x: x + x, exercise).status == "right"
    text = check(lambda x: x, exercise).text
    assert "    start = 1\n    end = 3\n    observed: {'length': 2}\n    expected: {'length': 4}" in text


def test_random_tasks_get_their_generator_in_the_same_state() -> None:
    def sample(rng, n):
        return rng.normal(size=n)

    exercise = declare(
        function="sample",
        stub="def sample(rng, n):\n    ...",
        solution=sample,
        cases=lambda rng: [(np.random.default_rng(3), 2), (np.random.default_rng(3), 4)],
    )
    assert check(lambda rng, n: rng.standard_normal(n), exercise).status == "right"
    assert check(lambda rng, n: np.random.normal(size=n), exercise).status == "not yet"
    exercise.cases = lambda rng: [(torch.Generator().manual_seed(1), n) for n in (2, 4)]
    exercise.solution = lambda rng, n: torch.randn(n, generator=rng)
    assert check(lambda rng, n: torch.randn((n,), generator=rng), exercise).status == "right"


def test_a_distribution_is_checked_instead_of_draws() -> None:
    def observe(attempt, case):
        draws = np.asarray(attempt(*case))
        return {"mean": draws.mean(), "spread": draws.std()}

    exercise = declare(
        function="sample",
        stub="def sample(rng, n):\n    ...",
        solution=lambda rng, n: rng.normal(3, 2, size=n),
        cases=lambda rng: [(np.random.default_rng(0), 40_000)],
        observe=observe,
        tolerance=0.02,
    )
    assert check(lambda rng, n: 3 - 2 * rng.standard_normal(n), exercise).status == "right"
    assert check(lambda rng, n: 3 + np.sqrt(2) * rng.standard_normal(n), exercise).status == "not yet"


# --- Measurements ---


def experiment():
    bits = 2.0
    return {"bits": bits, "ratio": np.array([1.0, 2.0, 4.0])}


def other_experiment():
    return {"bits": 2.1, "ratio": [1.1, 2.3, 4.4]}


def measurement(**changes: Any) -> Exercise:
    fields: dict[str, Any] = {
        "id": "4.5",
        "name": "Measure the bits",
        "function": "measured",
        "stub": 'measured = {"bits": ..., "ratio": ...}',
        "kind": "measurement",
        "cases": None,
        "solution": experiment,
        "alternatives": (other_experiment,),
        "expect": (
            Expectation(lambda m: 1.8 < m["bits"] < 2.3, "A flow of this size needs about 2 bits"),
            Expectation(
                lambda m: bool(np.all(np.diff(m["ratio"]) > 0.5)), "the ratio grows with the dimension"
            ),
        ),
        "mistakes": (
            Mistake(
                "nats",
                "these are nats",
                {"bits": 1.386, "ratio": [1.0, 2.0, 4.0]},
                when=lambda m: 1.2 < m["bits"] < 1.6,
            ),
            Mistake("swapped", "the ratio is upside down", lambda: {"bits": 2.0, "ratio": [1, 0.5, 0.25]}),
            Mistake("sum", "bits of the picture", {"bits": 1568.0, "ratio": [1.0, 2.0, 4.0]}),
        ),
    }
    return declare(**(fields | changes))


def test_a_measurement_is_proved_by_its_numbers() -> None:
    exercise = measurement()
    assert prove(exercise) == []
    result = check(experiment(), exercise)
    assert result.status == "right"
    assert "Now compare your explanation with the model answer" in unwrapped(result)
    result = check({"bits": 1.4, "ratio": np.array([1, 2, 4])}, exercise)
    assert result.mistake == "nats"
    assert "A flow of this size needs about 2 bits." in result.text
    assert "your numbers: {'bits': 1.4," in result.text


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        ({"bits": ..., "ratio": ...}, "not attempted", "Replace the `...`"),
        ({"bits": 2.0, "ratio": ...}, "not attempted", "Replace the `...`"),
        (..., "not attempted", "Replace the `...`"),
        (None, "not yet", "Is a `return` missing?"),
        ({"bits": None, "ratio": [1, 2, 4]}, "not yet", "Is a `return` missing?"),
        ({"bits": 2.0}, "not yet", "asks for a dict with the keys 'bits', 'ratio'"),
        (2.0, "not yet", "asks for a dict with the keys 'bits', 'ratio'"),
        (experiment, "not yet", "this is a function, not a value."),
        (
            {"bits": experiment, "ratio": [1, 2, 4]},
            "not yet",
            "`measured['bits']` must hold what you measured, not a function: numbers. Call it",
        ),
        (
            {"bits": "two", "ratio": [1, 2, 4]},
            "not yet",
            "`measured['bits']` must hold numbers, and is a str.",
        ),
        ({"bits": True, "ratio": [1, 2, 4]}, "not yet", "must hold numbers, and is a number of dtype bool"),
        ({"bits": np.nan, "ratio": [1, 2, 4]}, "not yet", "NaN or infinity in `measured['bits']`."),
        (
            {"bits": np.ones(1000), "ratio": [1, 2, 4]},
            "not yet",
            "`measured['bits']` is 1,000 numbers where a single number is asked. Is a mean or a median missing?",
        ),
        ({"bits": [], "ratio": [1, 2, 4]}, "not yet", "must hold numbers"),
        (
            {"bits": np.ones((2, 3)), "ratio": [1, 2, 4]},
            "not yet",
            "is an array of shape (2, 3) where a single",
        ),
        (
            {"bits": 2.0, "ratio": 1.0},
            "not yet",
            "not the form that the exercise asks for: `measured['bits']` is one number; `measured['ratio']` is one",
        ),
        ({"bits": 7.0, "ratio": [1, 2, 4]}, "not yet", "needs about 2 bits"),
        ({"bits": 2.0, "ratio": [4, 2, 1]}, "not yet", "grows with the dimension"),
    ],
)
def test_other_answers_to_a_measurement(answer: Any, status: str, words: str) -> None:
    result = check(answer, measurement())
    assert result.status == status
    assert words in unwrapped(result)
    assert result.mistake is None


def test_a_measurement_may_be_one_number_and_a_tensor() -> None:
    exercise = measurement(
        stub="measured = ...",
        expect=(Expectation(lambda m: 1 < m < 3, "about two"),),
        mistakes=(),
        solution=lambda: 2.0,
    )
    assert check(torch.tensor(2.0), exercise).status == "right"
    assert check(9, exercise).status == "not yet"
    assert check([], exercise).status == "not yet"
    assert "`measured` must hold what you measured, not a function" in check(experiment, exercise).text
    giant = np.lib.stride_tricks.as_strided(np.zeros(1), shape=(10**9,), strides=(0,))
    assert "was given an array of 8.0 GB, far more than" in unwrapped(check(giant, exercise))
    for mistakes in ((), (Mistake("nats", "these are nats", 1.39),)):
        single = measurement(stub="measured = ...", expect=exercise.expect, mistakes=mistakes)
        text = unwrapped(check(np.ones(1000), single))
        assert "`measured` is 1,000 numbers" in text
        assert "ambiguous" not in text


def test_the_form_of_a_measurement_is_only_asked_where_every_mistake_agrees() -> None:
    whole = Mistake("all", "a median is asked", [1.0, 2.0], when=lambda m: np.size(m) > 1)
    exercise = measurement(
        stub="measured = ...",
        expect=(Expectation(lambda m: np.size(m) == 1, "one number is asked"),),
        mistakes=(Mistake("nats", "these are nats", 1.39), whole),
    )
    assert check(np.ones(1000), exercise).mistake == "all"


# --- Hints, solution, Markdown ---


def test_hints_come_one_more_each_time() -> None:
    task = Task(declare())
    first, second, third, fourth = (task.hint() for _ in range(4))
    assert repr(first) == "**Hint 1 of 3.** Which of the two steps came last?"
    assert repr(second).count("Hint") == 2
    assert "That was the last hint." not in repr(second)
    assert repr(third).count("**Hint") == 3
    assert "That was the last hint." in repr(third)
    assert repr(fourth) == repr(third)
    assert first._repr_markdown_() == repr(first)


def test_the_solution_is_shown_as_the_reader_would_write_it() -> None:
    text = repr(Task(declare()).solution())
    assert text == (
        "```python\ndef coupling_inverse(z, s, t):\n    return (z - t) * np.exp(-s)\n```\n\n"
        "The forward pass scales and then shifts, so the inverse takes back the shift, then the scale."
    )


def test_the_solution_of_a_measurement_is_shown_as_a_cell() -> None:
    code = measurement().solution_code()
    assert code == 'bits = 2.0\nmeasured = {"bits": bits, "ratio": np.array([1.0, 2.0, 4.0])}'


def test_a_recursive_solution_calls_itself_by_the_name_of_the_reader() -> None:
    def factorial_model(n):
        """n!, by its definition."""
        import math

        assert math.isfinite(n)
        return 1 if n < 2 else n * factorial_model(n - 1)

    exercise = simple(factorial_model, [(2,), (5,)])
    namespace: dict[str, Any] = {"math": __import__("math")}
    exec(exercise.solution_code(), namespace)
    assert namespace["f"](5) == 120
    assert '"""n!, by its definition."""' in exercise.solution_code()
    assert "import" not in exercise.solution_code()


def test_markdown_is_nested_plain_details_with_blank_lines() -> None:
    text = declare().to_markdown()
    assert text.startswith(
        "<details>\n<summary>Hints and solution</summary>\n\n<details>\n<summary>Hint 1</summary>\n\n"
    )
    assert text.endswith("\n\n</details>\n\n</details>")
    assert text.count("<details>") == text.count("</details>") == 5
    assert "<summary>Solution</summary>\n\n```python\ndef coupling_inverse" in text
    assert ":::" not in text
    assert "```{" not in text
    assert Task(declare()).to_markdown() == text
    assert "<summary>Model answer</summary>" in measurement().to_markdown()


def test_markdown_inside_details_is_rendered() -> None:
    markdown_it = pytest.importorskip("markdown_it")
    html = markdown_it.MarkdownIt("commonmark").render(declare().to_markdown())
    assert '<pre><code class="language-python">' in html
    assert "<p>The forward pass scales and then shifts, so" in html


# --- Records ---


def test_a_right_answer_is_recorded_and_nothing_else(state: Path) -> None:
    check(lambda z, s, t: z)
    check(run_cell(STUB, "coupling_inverse"))
    assert not state.exists()
    assert not is_solved("4.2")
    check(solution)
    assert is_solved("4.2")
    assert [file.name for file in state.iterdir()] == ["exercise-4.2.json"]
    check(lambda z, s, t: z)
    assert is_solved("4.2")
    assert not is_solved("4.1")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"exercise": "4.1", "solved": true}', "\x00", '"4.2"']
)
def test_a_broken_record_is_told_and_repaired_by_the_next_check(state: Path, content: str) -> None:
    state.mkdir()
    file = state / "exercise-4.2.json"
    file.write_text(content)
    with pytest.warns(UserWarning, match=r"cannot be read: delete .*exercise-4\.2\.json and check"):
        assert not is_solved("4.2")
    assert check(solution).status == "right"
    assert is_solved("4.2")


def test_bytes_that_are_no_text_are_a_broken_record(state: Path) -> None:
    state.mkdir()
    (state / "exercise-4.2.json").write_bytes(b"\xff\xfe\x00")
    with pytest.warns(UserWarning, match="cannot be read"):
        assert not is_solved("4.2")


def test_a_place_that_cannot_be_written_does_not_break_the_lecture(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="set APPLIED_DS_STATE to a folder that can be written"):
        assert check(solution).status == "right"
    with pytest.warns(UserWarning, match="cannot be read"):
        assert not is_solved("4.2")


def test_a_record_is_written_whole_or_not_at_all(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any, **keywords: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(json, "dump", full)
        with pytest.warns(UserWarning, match="No space left on device"):
            assert check(solution).status == "right"
    assert list(state.iterdir()) == []
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.warns(UserWarning, match="No space left on device"):
            check(solution)
    assert list(state.iterdir()) == []


def test_records_lie_in_the_data_folder_of_the_user_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import platformdirs

    for value in (None, ""):
        monkeypatch.delenv("APPLIED_DS_STATE") if value is None else monkeypatch.setenv(
            "APPLIED_DS_STATE", value
        )
        assert state_dir() == Path(platformdirs.user_data_dir("applied-ds", appauthor=False))


# --- The course ---


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A course of lectures 4 and 6b, beside the real one in no way."""
    package = tmp_path / "lectures"
    package.mkdir()
    for lecture, numbers in {"04": ("4.1", "4.2"), "06b": ("6b.1",), "10": ("10.1",)}.items():
        (package / f"ch{lecture}.py").write_text(
            "from tests.exercise_proof import declare\n"
            f"EXERCISES = [declare(id=one, name=f'Name of {{one}}') for one in {numbers!r}]\n"
        )
        monkeypatch.delitem(sys.modules, f"applied_ds.exercises.ch{lecture}", raising=False)
        monkeypatch.delattr(engine, f"ch{lecture}", raising=False)
    monkeypatch.setattr(engine, "__path__", [str(package)])
    engine.exercise.cache_clear()
    yield
    engine.exercise.cache_clear()
    for lecture in ("04", "06b", "10"):
        sys.modules.pop(f"applied_ds.exercises.ch{lecture}", None)
        vars(engine).pop(f"ch{lecture}", None)


@pytest.mark.usefixtures("course")
def test_exercises_are_found_by_id() -> None:
    assert [one.id for one in engine.all_exercises()] == ["4.1", "4.2", "6b.1", "10.1"]
    task = engine.exercise("6b.1")
    assert task.declaration.lecture == "06b"
    assert engine.exercise("10.1").declaration.lecture == "10"
    assert repr(task) == "Exercise 6b.1. Name of 6b.1: .check(coupling_inverse), .hint(), .solution()"
    assert repr(task.hint()) != repr(engine.exercise("6b.1").hint())  # a running kernel remembers


@pytest.mark.usefixtures("course")
@pytest.mark.parametrize("unknown", ["4.3", "9.9", "", "four", "04.1", "../4.1", "6.1"])
def test_an_unknown_id_names_near_ones(unknown: str) -> None:
    with pytest.raises(ValueError, match=r"there is no exercise .*; did you mean one of .*\d\.\d"):
        engine.exercise(unknown)


@pytest.mark.usefixtures("course")
@pytest.mark.parametrize("number", [4.1, 4])
def test_an_id_that_is_a_number_is_to_be_text(number: float) -> None:
    with pytest.raises(TypeError, match=rf'pass the id as text, in quotes: ads\.exercise\("{number}"\)'):
        engine.exercise(number)  # type: ignore[arg-type]


@pytest.mark.usefixtures("course")
def test_the_report_tells_by_lecture_what_is_solved() -> None:
    engine.exercise("4.2").check(solution)
    report = engine.progress_report()
    assert repr(report).splitlines() == [
        "Lecture 4: 1 of 2 solved",
        "  [ ] 4.1   Name of 4.1",
        "  [x] 4.2   Name of 4.2",
        "Lecture 6b: 0 of 1 solved",
        "  [ ] 6b.1  Name of 6b.1",
        "Lecture 10: 0 of 1 solved",
        "  [ ] 10.1  Name of 10.1",
        "In all 1 of 4 exercises solved on this machine.",
    ]
    assert (report.solved, len(report.rows)) == (1, 4)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "4"},
        {"id": "04.1"},
        {"id": "4.0"},
        {"id": "../4.1"},
        {"cases": None},
        {"expect": (Expectation(bool, "a"),)},
        {"kind": "measurement"},
        {"function": "other"},
        {"stub": "coupling_inverse = ..."},
        {"kind": "measurement", "cases": None, "expect": (Expectation(bool, "a"),)},
    ],
)
def test_a_declaration_that_cannot_work_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"exercise|stub"):
        declare(**changes)


def test_a_broken_model_solution_is_not_blamed_on_the_reader() -> None:
    with pytest.raises(RuntimeError, match=r"the model solution of exercise 4\.2 is broken: It raised"):
        check(solution, declare(solution=lambda z, s, t: 1 / 0))


def test_a_solution_whose_result_cannot_be_compared_is_refused() -> None:
    for result in (object(), [1, iter([])], {"a": print}):
        with pytest.raises(RuntimeError, match="cannot be compared: declare `observe`"):
            check(solution, declare(solution=lambda z, s, t, result=result: result))


@pytest.fixture(scope="module")
def fresh_process() -> list[str]:
    """What a process prints that has imported nothing yet."""
    program = """
        import sys
        from applied_ds.exercises import Task, all_exercises
        from tests.exercise_proof import declare, example

        def inputs(rng):
            import torch
            return [(torch.nn.Linear(1, 1).weight.item(),)]

        print(Task(declare()).check(example()["solution"]).status, len(all_exercises()) > 0)
        print(sorted({"torch", "scipy", "sklearn", "matplotlib"} & set(sys.modules)))
        exercise = declare(cases=inputs)
        print(exercise.inputs() == exercise.inputs())
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=120)
    return done.stdout.splitlines()


def test_neither_the_engine_nor_the_declarations_import_heavy_libraries(fresh_process: list[str]) -> None:
    assert fresh_process[:2] == ["right True", "[]"]


def test_inputs_do_not_depend_on_who_imports_torch_first(fresh_process: list[str]) -> None:
    assert fresh_process[2] == "True"


def test_the_example_for_authors_is_a_sound_declaration_of_forty_lines() -> None:
    assert len([line for line in example()["source"].splitlines() if line.strip()]) <= 42
    assert prove(declare()) == []


# --- In a real kernel ---


def test_in_a_notebook_stub_attempt_class_and_endless_loop_behave(state: Path) -> None:
    from nbclient import NotebookClient

    sources = [
        "from tests.exercise_proof import Task, declare\nimport numpy as np\n"
        "task = Task(declare(seconds=0.3))",
        STUB + "\n\n\ntask.check(coupling_inverse)",
        STUB.replace("...", "return (z - t) * np.exp(-s)") + "\n\n\ntask.check(coupling_inverse)",
        STUB.replace("...", "return z / 0 + nothing") + "\n\n\ntask.check(coupling_inverse)",
        "def forever(z, s, t):\n    while True:\n        try:\n            while True:\n                pass\n"
        "        except:\n            print('no')\n\n\ntask.check(forever)",
        "task.hint()",
        "class Twice:\n    def __call__(self, x):\n        ...\n\n\n"
        "stub = 'class Twice:\\n    def __call__(self, x):\\n        ...'\n"
        "Task(declare(function='Twice', stub=stub, observe=lambda attempt, case: {})).check(Twice)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(ROOT)}}).execute()
    outputs = [cell.outputs for cell in notebook.cells[1:]]
    assert all([output.output_type for output in found] == ["execute_result"] for found in outputs)
    texts = [found[0].data["text/plain"] for found in outputs]
    assert (
        texts[0] == "Exercise 4.2: not attempted yet. Replace the `...` in the stub and run the cell again."
    )
    assert texts[1].startswith("Exercise 4.2: right.")
    assert "NameError: name 'nothing' is not defined. This happened in line 3" in " ".join(texts[2].split())
    assert "more than 0.3 seconds of computing" in texts[3]
    assert outputs[4][0].data["text/markdown"] == "**Hint 1 of 3.** Which of the two steps came last?"
    assert "not attempted" in texts[5]
    assert (state / "exercise-4.2.json").is_file()


# --- The proof can fail ---


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"hints": ("one",)}, "fewer than two hints"),
        ({"hints": ("one", " ")}, "an empty hint"),
        ({"reasoning": ""}, "no reasoning"),
        ({"deeper": ""}, "nothing that deepens"),
        ({"mistakes": MISTAKES[:2]}, "fewer than three mistakes"),
        ({"mistakes": (*MISTAKES, Mistake("sign", "again", lambda z, s, t: z))}, "two mistakes of one name"),
        ({"mistakes": (*MISTAKES, Mistake("x", " ", lambda z, s, t: z))}, "a mistake without a message"),
        ({"alternatives": ()}, "no second solution"),
        ({"alternatives": (solution,)}, "the second solution is the first"),
        ({"alternatives": (lambda z, s, t: z,)}, "solution 2 is not right"),
        ({"stub": "def coupling_inverse(z, s, u):\n    ..."}, "differ in signature"),
        ({"stub": "def coupling_inverse(z, s, t=0):\n    ..."}, "differ in signature"),
        ({"stub": "def coupling_inverse(z, s, t):\n    return z"}, None),
        ({"cases": lambda rng: list(reversed(cases(rng)))}, "do not go from small to large"),
        ({"cases": lambda rng: cases(np.random.default_rng())}, "not the same at every call"),
        (
            {"cases": lambda rng: [(np.ones(2), np.zeros(2), np.zeros(2))] * 2},
            "ones of the right shape passes",
        ),
        (
            {"cases": lambda rng: [(np.ones(2), np.zeros(2), np.ones(2))] * 2},
            "zeros of the right shape passes",
        ),
        (
            {"cases": lambda rng: [(np.ones(2), np.zeros(2), np.full(2, 5.0))] * 2},
            "the first expected answer passes",
        ),
        ({"cases": lambda rng: [(z, 0 * s, 0 * t) for z, s, t in cases(rng)]}, "the input 0 itself passes"),
        (
            {"mistakes": (*MISTAKES, Mistake("two", "b", lambda z, s, t: (z - t) * np.exp(s)))},
            "lies only 0 tolerances",
        ),
        (
            {"mistakes": (*MISTAKES, Mistake("near", "b", lambda z, s, t: solution(z, s, t) + 5e-6))},
            "tolerances from",
        ),
        ({"mistakes": (*MISTAKES, Mistake("right", "b", by_division))}, "the mistake right is 'right'"),
    ],
)
def test_a_flawed_declaration_is_not_proved(changes: dict[str, Any], problem: str | None) -> None:
    problems = prove(declare(**changes))
    if problem is None:
        assert problems == []
    else:
        assert any(problem in found for found in problems), problems


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"deeper": "Compare with the model answer."}, "sends the reader to the model answer"),
        ({"expect": (Expectation(lambda m: True, "anything goes"),)}, "zero everywhere passes"),
        ({"alternatives": (lambda: {"bits": 9.0, "ratio": [1, 2, 4]},)}, "solution 2 is not right"),
        (
            {"expect": (Expectation(lambda m: 1.99 < m["bits"] < 2.11, "narrow"),)},
            "solution 1, −1 % is not right",
        ),
        (
            {"mistakes": (Mistake("a", "b", {"bits": 2.0, "ratio": [1, 2, 4]}),) * 3},
            "is taken for the mistake a",
        ),
        (
            {"mistakes": (Mistake("a", "b", {"bits": 5, "ratio": [1, 2, 4]}, when=lambda m: False),)},
            "under the name None",
        ),
    ],
)
def test_a_flawed_measurement_is_not_proved(changes: dict[str, Any], problem: str) -> None:
    problems = prove(measurement(**changes))
    assert any(problem in found for found in problems), problems


def lecture_notebook() -> tuple[list[Exercise], nbformat.NotebookNode]:
    exercises = [declare(id="4.1"), measurement(id="4.2")]
    cells = [nbformat.v4.new_code_cell("%matplotlib inline\nif True:\n    !ls\nimport numpy as np")]
    for one in exercises:
        cells += [
            nbformat.v4.new_markdown_cell(f"### Exercise {one.id}. {one.name}\n\nDo it."),
            nbformat.v4.new_code_cell(
                f'{one.stub}\n\n\nads.exercise("{one.id}").check({one.function})',
                metadata={"tags": ["exercise"]},
            ),
            nbformat.v4.new_markdown_cell(
                one.to_markdown(), metadata={"tags": ["exercise-help"], "applied_ds": {"exercise": one.id}}
            ),
        ]
    return exercises, nbformat.v4.new_notebook(cells=cells)


def test_a_notebook_that_holds_its_exercises_is_joined() -> None:
    assert join(*lecture_notebook()) == []


@pytest.mark.parametrize(
    ("index", "change", "problem"),
    [
        (
            2,
            lambda cell: cell.update(source=cell.source.replace("z, s, t", "z, t, s")),
            "--- declared\n+++ cell\n@@ -1,3 +1,3 @@\n-def coupling_inverse(z, s, t):\n+def coupling_inverse(z, t, s):",
        ),
        (2, lambda cell: cell.update(source=cell.source.replace("4.1", "4.2")), "ends in"),
        (2, lambda cell: cell.metadata.update(tags=[]), "the notebook holds 1"),
        (1, lambda cell: cell.update(source="### Exercise 4.1. Other\n\nDo it."), "does not start with"),
        (3, lambda cell: cell.update(source=cell.source + "x"), "is old"),
        (3, lambda cell: cell.metadata.update(applied_ds={"exercise": "4.2"}), "belongs to another"),
        (3, lambda cell: cell.metadata.update(tags=[]), "not those right after"),
        (0, lambda cell: cell.update(source="pass"), "needs ['np']"),
        (
            0,
            lambda cell: cell.update(
                source=cell.source + "\n\ndef g(z, s, t):\n    return (z - t) * np.exp(-s)"
            ),
            "above",
        ),
    ],
)
def test_a_notebook_that_differs_is_told(index: int, change: Callable[[Any], Any], problem: str) -> None:
    exercises, notebook = lecture_notebook()
    change(notebook.cells[index])
    problems = join(exercises, notebook)
    assert any(problem in found for found in problems), problems


LOOP = """
def train(model, batches, optimizer):
    losses = []
    for batch in batches:
        residual = model(batch[0]) - batch[1]
        loss = residual.square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
"""


SOFTMAX = "a = np.exp(z)\nb = a.sum()\nc = a / b"
CHAIN = "def g(x):\n    return x\n\ndef h(x):\n    return 2 * x\n\na = g(z)\nb = g(a)\nc = g(b)"


def asks(shown: str, solution: str) -> list[str]:
    """What the join says of a lecture that shows some code and asks for other code in its first exercise."""
    exercises, notebook = lecture_notebook()
    exercises[0].solution = run_cell(solution, "f")
    notebook.cells.insert(0, nbformat.v4.new_code_cell(f"import numpy as np\nimport torch\n\n{shown}"))
    return [problem for problem in join(exercises, notebook) if "asks for code" in problem]


@pytest.mark.parametrize(
    "solution",
    [
        "def f(net, x, y, opt):\n    r = net(x[0]) - x[1]\n    l = r.square().mean()\n    opt.zero_grad()",
        "def f(net, opt, bs):\n    for b in bs:\n        e = b.square().mean()\n        opt.zero_grad()\n"
        "        e.backward()\n        opt.step()",
        "def f(l, opt, found):\n    l.backward()\n    opt.step()\n    found.append(l.item())",
    ],
)
def test_a_solution_that_holds_a_loop_body_shown_above_is_found(solution: str) -> None:
    (found,) = asks(LOOP, solution)
    lines = found.splitlines()
    assert lines[0] == "exercise 4.1 asks for code that stands above it:"
    assert all(line.strip() in solution for line in lines[1:])


@pytest.mark.parametrize(
    ("shown", "solution", "is_shown"),
    [
        (SOFTMAX, "u = np.exp(x)\nv = u.sum()\nreturn u / v", True),
        (SOFTMAX, "u = np.exp(x)\nv = u.sum()\nreturn v / u", False),
        (SOFTMAX, "u = np.log(x)\nv = u.sum()\nreturn u / v", False),
        (SOFTMAX, "u = np.exp(x)\nv = u.sum()\nreturn v", False),
        (LOOP, "l.backward()\no.step()\nreturn np.log(l.item())", False),
        (LOOP, "l = l.sum()\no.zero_grad()\nl.backward()\no.step()", False),
        (
            "if z:\n    a = z + 1\n    b = a * 2\nelse:\n    c = z - 3",
            "u = x + 1\nv = u * 2\nreturn x - 3",
            True,
        ),
        ("import os\nimport re\nimport json", "y = 1\nimport os\nimport re\nimport json", False),
        ("'Text.'\na = []\nb = {}\nc = 0\nd = ()", "'Text.'\na = []\nb = {}\nc = 0\nd = ()\nreturn a", False),
        (CHAIN, "a = g(x)\nb = g(a)\nreturn g(b)", True),
        (CHAIN, "a = h(x)\nb = h(a)\nreturn h(b)", False),
        ("def g():\n    a = z + 1\n    b = a + 2\nc = b + 3", "u = x + 1\nv = u + 2\nreturn v + 3", False),
    ],
)
def test_three_statements_that_say_something_make_code_shown_above(
    shown: str, solution: str, is_shown: bool
) -> None:
    assert bool(asks(shown, "def f(x):\n" + textwrap.indent(solution, "    "))) == is_shown


def test_order_number_and_kind_of_the_exercises_in_a_lecture() -> None:
    exercises, notebook = lecture_notebook()
    assert any(
        "2 exercises are declared, the notebook holds 0" in p
        for p in join(exercises, nbformat.v4.new_notebook())
    )
    assert any("the last exercise is not open" in problem for problem in join(exercises[:1], notebook))
    assert any("stands at place" in problem for problem in join(exercises[::-1], notebook))
    assert join([], notebook)


# --- Comparing and showing, on anything ---

numbers = st.floats(-1e6, 1e6) | st.integers(-(10**6), 10**6) | st.complex_numbers(max_magnitude=1e6)
trees = st.recursive(
    numbers | st.booleans() | st.text(max_size=5) | st.none() | st.lists(numbers, min_size=1).map(np.array),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(trees)
def test_every_value_equals_itself_and_can_be_shown(value: Any) -> None:
    taken = snapshot(value)
    assert differences(taken, snapshot(value), TOLERANCE) == []
    assert distance(taken, taken, TOLERANCE) == 0
    assert isinstance(show(taken), str)


@given(trees, trees)
def test_any_two_values_can_be_compared(one: Any, other: Any) -> None:
    found = differences(snapshot(one), snapshot(other), TOLERANCE)
    assert all(part.sentence.endswith((".", "?")) and part.distance > 1 for part in found)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=5), st.floats(1e-3, 1e3), st.integers(0, 4))
def test_distance_counts_tolerances(values: list[float], steps: float, place: int) -> None:
    expected = np.array(values)
    got = expected.copy()
    index = place % len(values)
    got[index] += steps * 1e-3 * (1 + abs(expected[index]))
    assert distance(expected, got, {"float64": 1e-3}) == pytest.approx(steps, rel=1e-6)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=5))
def test_list_tuple_array_and_tensor_are_one_value(values: list[float]) -> None:
    forms = [values, tuple(values), np.array(values), torch.tensor(values, dtype=torch.float64)]
    for expected in forms:
        for got in forms:
            assert distance(snapshot(expected), snapshot(got), TOLERANCE) == 0


@given(st.integers(0, 2**32 - 1))
def test_isolation_restores_any_state(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    before = random.getstate(), np.random.get_state()[1].tolist()
    with isolated(seed):
        random.random(), np.random.random()
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


def test_numbers_are_shown_short_and_to_four_digits() -> None:
    assert show(np.pi) == "3.142"
    assert show(np.array(np.pi)) == "3.142"
    assert show(np.array([np.pi, 1e-9])) == "[3.142, 1e-09]   shape (2,), float64"
    assert show(np.array([1 + 2j])) == "[1+2j]   shape (1,), complex128"
    assert show((1, "a")) == "(1, 'a')"
    assert show((1,)) == "(1,)"
    assert show(object()) == "<object object>"
    assert show(list(range(100))).endswith("… 94 more]")
    assert len(show(np.zeros((100, 100, 100)))) < 500
