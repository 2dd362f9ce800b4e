"""What is demanded of an exercise's declaration, and of the notebook that holds it."""

from __future__ import annotations
import __future__

import ast
import builtins
import copy
import difflib
import functools
import inspect
import itertools
import linecache
import math
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

import nbformat
import numpy as np
from IPython.core.inputtransformer2 import TransformerManager

import applied_ds.exercises as engine
from applied_ds.exercises import Exercise, Task
from applied_ds.exercises._check import (
    expected_outcomes,
    farthest,
    is_mistake,
    outcomes,
    plain,
    wrong_numbers,
)
from applied_ds.exercises._compare import is_tensor, snapshot
from applied_ds.exercises._run import same
from applied_ds.exercises._source import parse_stub

CLEARLY = 100  # tolerances between a mistake and the solution, or another mistake


@functools.cache
def example() -> dict[str, Any]:
    """What the example for authors defines, which the docstring of the engine holds."""
    assert engine.__doc__ is not None
    text = engine.__doc__.split("one declaration::\n", 1)[1].split("\nRules that", 1)[0]
    source = textwrap.dedent(text).strip() + "\n"
    linecache.cache["<example>"] = (len(source), None, source.splitlines(keepends=True), "<example>")
    namespace: dict[str, Any] = {"__name__": "example", "source": source}
    exec(compile(source, "<example>", "exec", dont_inherit=True), namespace)
    return namespace


def declare(**changes: Any) -> Exercise:
    """The exercise of the example with some fields changed."""
    (declared,) = example()["EXERCISES"]
    return Exercise(**({field.name: getattr(declared, field.name) for field in fields(declared)} | changes))


def prove(exercise: Exercise) -> list[str]:
    """Everything that is wrong with a declaration; an empty list is the proof that it is sound.

    The time limit is six times that of a reader: how busy this machine is belongs to no declaration.
    """
    exercise = replace(exercise, seconds=6 * exercise.seconds)
    problems = [problem for problem, holds in _texts(exercise) if not holds]
    problems += _measurement(exercise) if exercise.kind == "measurement" else _function(exercise)
    return problems


def _texts(exercise: Exercise) -> list[tuple[str, bool]]:
    names = [mistake.id for mistake in exercise.mistakes]
    codes = [inspect.getsource(one).split(":", 1)[-1] for one in (exercise.solution, *exercise.alternatives)]
    wanted = [] if exercise.kind == "measurement" else _parameters(exercise.stub, exercise.function)
    shown = ast.parse(exercise.solution_code()).body
    return [
        ("fewer than two hints", len(exercise.hints) >= 2),
        ("an empty hint", all(hint.strip() for hint in exercise.hints)),
        ("no reasoning", bool(exercise.reasoning.strip())),
        ("nothing that deepens", bool(exercise.deeper.strip())),
        (
            "`deeper` sends the reader to the model answer, as the engine does",
            exercise.kind == "function" or "model answer" not in exercise.deeper,
        ),
        ("fewer than three mistakes", len(exercise.mistakes) >= 3),
        ("two mistakes of one name", len(set(names)) == len(names)),
        ("a mistake without a message", all(mistake.message.strip() for mistake in exercise.mistakes)),
        ("no second solution", len(exercise.alternatives) >= 1),
        ("the second solution is the first", len(set(codes)) == len(codes)),
        ("solution and stub differ in signature", _signature(exercise.solution) == wanted),
        ("the shown solution does not define the answer", _defines(shown, exercise.function)),
    ]


def _parameters(stub: str, name: str) -> list[str]:
    node = parse_stub(stub, name)
    assert isinstance(node, ast.FunctionDef)
    namespace: dict[str, Any] = {}
    plain_arguments = copy.deepcopy(node)
    plain_arguments.returns = None
    for part in ast.walk(plain_arguments.args):
        if isinstance(part, ast.arg):
            part.annotation = None
    exec(f"def stub({ast.unparse(plain_arguments.args)}): pass", namespace)
    return _signature(namespace["stub"])


def _signature(function: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [str(one.replace(annotation=inspect.Parameter.empty)) for one in parameters]


def _defines(body: list[ast.stmt], name: str) -> bool:
    return any(
        getattr(node, "name", None) == name
        or (
            isinstance(node, ast.Assign) and any(getattr(target, "id", "") == name for target in node.targets)
        )
        for node in body
    )


def run_cell(source: str, name: str, *, readable: bool = True) -> Any:
    """What `name` is after a cell with this source has run, with its text readable as in a notebook, or not."""
    file = f"<cell {abs(hash(source))}>"
    if readable:
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    else:
        linecache.cache.pop(file, None)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, file, "exec", __future__.annotations.compiler_flag, dont_inherit=True), namespace)
    return namespace[name]


# --- Functions ---


def _function(exercise: Exercise) -> list[str]:
    problems = []
    task = Task(exercise)
    cases = exercise.inputs()
    if not all(map(same, cases, exercise.inputs())):
        problems.append("the hidden inputs are not the same at every call")
    sizes = [_size(case) for case in cases]
    if sizes != sorted(sizes):
        problems.append(f"the hidden inputs do not go from small to large: {sizes}")

    for number, right in enumerate([exercise.solution, *exercise.alternatives], start=1):
        result = task.check(right)
        if result.status != "right":
            problems.append(f"solution {number} is not right: {result}")
    for readable in (True, False):
        status = task.check(run_cell(exercise.stub, exercise.function, readable=readable)).status
        if status != "not attempted":
            problems.append(f"the stub is {status!r} (source readable: {readable})")

    done = {"the solution": expected_outcomes(exercise)}
    for mistake in exercise.mistakes:
        done[f"the mistake {mistake.id}"] = outcomes(exercise, mistake.wrong, exercise.seconds)
        result = task.check(mistake.wrong)
        if (result.status, result.mistake) != ("not yet", mistake.id):
            problems.append(f"the mistake {mistake.id} is {result.status!r} under the name {result.mistake}")
    for (one, ours), (other, theirs) in itertools.combinations(done.items(), 2):
        apart = farthest(exercise, ours, theirs)
        if apart < CLEARLY:
            problems.append(f"{other} lies only {apart:.3g} tolerances from {one}")

    for label, attempt in _empty_answers(exercise).items():
        status = task.check(attempt).status
        if status == "right":
            problems.append(f"{label} passes")
    return problems


def _empty_answers(exercise: Exercise) -> dict[str, Callable[..., Any]]:
    """Attempts that solve nothing."""
    first: list[Any] = []

    def remember(*arguments: Any, **keywords: Any) -> Any:
        result = exercise.solution(*arguments, **keywords)
        if exercise.observe is None:
            first.append(snapshot(result))
        else:  # torch refuses to copy a result that carries a graph
            first.append(copy.deepcopy(result.detach() if is_tensor(result) else result))
        return result

    outcomes_of_first = outcomes(exercise, remember, None)
    assert outcomes_of_first
    assert first, "the solution was never called"
    answers: dict[str, Callable[..., Any]] = {
        "zero": lambda *a, **k: 0.0,
        "one": lambda *a, **k: 1.0,
        "nothing": lambda *a, **k: None,
        "the first expected answer": lambda *a, **k: copy.deepcopy(first[0]),
        "zeros of the right shape": lambda *a, **k: _filled(
            exercise.solution(*copy.deepcopy(a), **copy.deepcopy(k)), 0
        ),
        "ones of the right shape": lambda *a, **k: _filled(
            exercise.solution(*copy.deepcopy(a), **copy.deepcopy(k)), 1
        ),
    }
    case = exercise.inputs()[0]
    for place in case if isinstance(case, dict) else range(len(case)):
        answers[f"the input {place} itself"] = lambda *a, _place=place, **k: k[_place] if k else a[_place]
    return answers


def _filled(value: Any, number: int) -> Any:
    if is_tensor(value) or isinstance(value, np.ndarray | np.generic | int | float | complex):
        return np.full_like(snapshot(value), number)
    if isinstance(value, Mapping):
        return {key: _filled(part, number) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_filled(part, number) for part in value)
    return number


def _size(case: Any) -> int:
    if isinstance(case, Mapping):
        return sum(map(_size, case.values()))
    if isinstance(case, list | tuple):
        return sum(map(_size, case))
    if isinstance(case, str):
        return len(case)
    return (
        int(np.asarray(case).size)
        if isinstance(case, np.ndarray)
        else int(getattr(case, "numel", lambda: 1)())
    )


# --- Measurements ---


def _measurement(exercise: Exercise) -> list[str]:
    problems = []
    task = Task(exercise)
    for number, experiment in enumerate([exercise.solution, *exercise.alternatives], start=1):
        answer = experiment()
        for label, variant in {"": answer, **_shaken(answer)}.items():
            result = task.check(variant)
            if result.status != "right":
                problems.append(f"solution {number}{label} is not right: {result}")
            problems += [
                f"solution {number}{label} is taken for the mistake {mistake.id}"
                for mistake in exercise.mistakes
                if is_mistake(exercise, mistake, plain(snapshot(variant)))
            ]
    if task.check(run_cell(exercise.stub, exercise.function)).status != "not attempted":
        problems.append("the stub is not 'not attempted'")
    for mistake in exercise.mistakes:
        wrong = wrong_numbers(mistake)
        for label, variant in {"": wrong, **_shaken(wrong)}.items():
            result = task.check(variant)
            if (result.status, result.mistake) != ("not yet", mistake.id):
                problems.append(
                    f"the mistake {mistake.id}{label} is {result.status!r} under the name {result.mistake}"
                )
    answer = snapshot(exercise.solution())
    one = float(np.ravel(next(iter(answer.values())) if isinstance(answer, Mapping) else answer)[0])
    for label, number in {"zero": 0.0, "one": 1.0, "NaN": math.nan, "infinity": math.inf}.items():
        if task.check(_numbers(answer, lambda _, number=number: number)).status != "not yet":
            problems.append(f"{label} everywhere passes")
    many = sum(np.size(part) for part in (answer.values() if isinstance(answer, Mapping) else [answer])) > 1
    if many and task.check(_numbers(answer, lambda _: one)).status != "not yet":
        problems.append("the first number everywhere passes")
    return problems


def _shaken(answer: Any) -> dict[str, Any]:
    """The numbers with one percent more and one percent less."""
    taken = snapshot(answer)
    return {
        f", {'+' if sign > 0 else '−'}1 %": _numbers(taken, lambda x, sign=sign: x * (1 + sign * 0.01))
        for sign in (1, -1)
    }


def _numbers(taken: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(taken, Mapping):
        return {key: _numbers(part, change) for key, part in taken.items()}
    if isinstance(taken, list | tuple):
        return [_numbers(part, change) for part in taken]
    return np.zeros_like(taken, dtype=float) + change(taken)


# --- The notebook ---


def join(exercises: list[Exercise], notebook: nbformat.NotebookNode) -> list[str]:
    """Everything in which the exercises of a lecture and its notebook differ."""
    problems = []
    cells = notebook.cells
    found = [index for index, cell in enumerate(cells) if "exercise" in cell.metadata.get("tags", [])]
    helps = [index for index, cell in enumerate(cells) if "exercise-help" in cell.metadata.get("tags", [])]
    if helps != [index + 1 for index in found]:
        problems.append(
            "the cells tagged `exercise-help` are not those right after the cells tagged `exercise`"
        )
    if len(found) != len(exercises):
        problems.append(f"{len(exercises)} exercises are declared, the notebook holds {len(found)}")
    if not exercises or exercises[-1].kind != "measurement":
        problems.append("the last exercise is not open (a measurement)")
    for number, (index, exercise) in enumerate(zip(found, exercises, strict=False), start=1):
        if exercise.id != f"{exercise.lecture.lstrip('0')}.{number}":
            problems.append(f"exercise {exercise.id} stands at place {number} of lecture {exercise.lecture}")
        call = f'ads.exercise("{exercise.id}").check({exercise.function})'
        stub, _, last = cells[index].source.rstrip().rpartition("\n")
        if last != call:
            problems.append(f"the cell of exercise {exercise.id} ends in {last!r}, not in {call!r}")
        if stub.strip("\n") != exercise.stub.strip("\n"):
            change = difflib.unified_diff(
                exercise.stub.strip("\n").splitlines(),
                stub.strip("\n").splitlines(),
                "declared",
                "cell",
                lineterm="",
            )
            problems.append(
                "\n".join([f"the stub of exercise {exercise.id} is not the declared one:", *change])
            )
        heading = f"### Exercise {exercise.id}. {exercise.name}"
        before = cells[index - 1]
        if before.cell_type != "markdown" or not before.source.startswith(heading + "\n"):
            problems.append(
                f"the cell before exercise {exercise.id} does not start with {heading!r} and its statement"
            )
        if index + 1 in helps:
            text = cells[index + 1]
            if text.metadata.get("applied_ds", {}).get("exercise") != exercise.id:
                problems.append(f"the help cell of exercise {exercise.id} belongs to another")
            if text.source != exercise.to_markdown():
                problems.append(f"the help cell of exercise {exercise.id} is old: run `make notebooks`")
        trees = [_parse(cell.source) for cell in cells[:index] if cell.cell_type == "code"]
        asked = ast.parse(exercise.solution_code())
        bodies = {body for tree in trees for body in _bodies(tree)}
        shared = _shared_run(asked, trees)
        if bodies & set(_bodies(asked)) or shared:
            problems.append(f"exercise {exercise.id} asks for code that stands above it{shared}")
        missing = _needed(exercise.solution_code()) - _defined(cells, index)
        if missing:
            problems.append(
                f"the solution of exercise {exercise.id} needs {sorted(missing)}, undefined above it"
            )
    return problems


def _bodies(tree: ast.Module) -> list[str]:
    """The bodies of the functions in a piece of code, docstrings left out."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            found.append(" ".join(map(ast.dump, body)))
    return found


_RUN = 3  # statements in a row that make two pieces of code the same


def _shared_run(asked: ast.Module, shown: list[ast.Module]) -> str:
    """Statements in a row that a solution shares with the code above it, whatever its variables are called.

    What functions and modules are called counts: names that the code above defines or imports, and builtins.
    """
    trees = [asked, *shown]
    kinds = ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
    named = [node for tree in shown for node in ast.walk(tree) if isinstance(node, kinds)]
    fixed = _bound(ast.Module(named, []), top=True) | set(dir(builtins))
    ours, *theirs = ({_pattern(run, fixed): run for run in _runs(tree)} for tree in trees)
    seen = set().union(*theirs)
    for pattern, run in ours.items():
        if pattern in seen:
            return ":\n" + "\n".join(ast.unparse(statement) for statement in run)
    return ""


def _runs(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    """Every three statements in a row of which at least one says more than a bare `loss.backward()`."""
    for block in _blocks(tree.body):
        for start in range(len(block) - _RUN + 1):
            run = block[start : start + _RUN]
            if not all(map(_is_bare_call, run)):
                yield run


def _blocks(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """The statements of a piece of code in rows, loops and branches unfolded, each function in a row of its own.

    Left out is what any two pieces may share: imports, docstrings, `pass`, plain starting values, a plain `return x`.
    """
    row: list[ast.stmt] = []

    def unfold(statements: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
        for statement in statements:
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                yield from _blocks(statement.body)
            elif inner := [
                part for name in ("body", "orelse", "finalbody") for part in getattr(statement, name, [])
            ]:
                head = copy.copy(statement)
                for name in {"body", "orelse", "finalbody", "handlers"} & set(statement._fields):
                    setattr(head, name, [])
                row.append(head)
                yield from unfold(inner)
            elif not _is_plain(statement):
                row.append(statement)

    yield from unfold(body)
    yield row


def _is_plain(statement: ast.stmt) -> bool:
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Global() | ast.Nonlocal():
            return True
        case (
            ast.Assign(value=value)
            | ast.AnnAssign(value=value)
            | ast.Expr(value=value)
            | ast.Return(value=value)
        ):
            empty = value is not None and ast.unparse(value) in {"[]", "()", "{}"}
            return value is None or isinstance(value, ast.Constant | ast.Name) or empty
    return False


def _is_bare_call(statement: ast.stmt) -> bool:
    """Whether it is `name.method()`: what every training loop has."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name()), args=[], keywords=[])):
            return True
    return False


def _pattern(run: list[ast.stmt], fixed: set[str]) -> str:
    """The text of a run with its variables numbered; what is returned counts as given a name."""
    numbers: dict[str, str] = {}
    written = []
    for statement in copy.deepcopy(run):
        if isinstance(statement, ast.Return) and statement.value is not None:
            statement = ast.Assign([ast.Name("return", ast.Store())], statement.value, lineno=0)
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id not in fixed:
                node.id = numbers.setdefault(node.id, f"_{len(numbers)}")
            elif isinstance(node, ast.arg):
                node.arg = numbers.setdefault(node.arg, f"_{len(numbers)}")
        written.append(ast.dump(statement))
    return "\n".join(written)


def _needed(source: str) -> set[str]:
    """Names that code uses and does not define."""
    nodes = list(ast.walk(ast.parse(source)))
    used = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return used - _bound(ast.parse(source)) - set(dir(builtins))


def _defined(cells: list[nbformat.NotebookNode], index: int) -> set[str]:
    return {
        name
        for cell in cells[:index]
        if cell.cell_type == "code" and "exercise" not in cell.metadata.get("tags", [])
        for name in _bound(_parse(cell.source), top=True)
    }


def _bound(tree: ast.Module, *, top: bool = False) -> set[str]:
    """Names that code binds anywhere, or those that it leaves to the cells below."""
    names: set[str] = set()
    nodes = list(ast.walk(tree))
    if top:
        inner = [n for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.Lambda)]
        hidden = {id(part) for one in inner for part in ast.walk(one) if part is not one}
        nodes = [node for node in nodes if id(node) not in hidden]
    for node in nodes:
        match node:
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case ast.arg():
                names.add(node.arg)
            case ast.FunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Import() | ast.ImportFrom():
                names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
            case ast.ExceptHandler(name=str(name)):
                names.add(name)
    return names


def _parse(source: str) -> ast.Module:
    """The tree of a cell, as the notebook runs it: magic becomes function calls."""
    return ast.parse(TransformerManager().transform_cell(source))
