"""Proves every exercise of the course, and joins the declarations to the notebooks."""

from pathlib import Path

import nbformat
import pytest

from applied_ds.exercises import Exercise, all_exercises, exercise
from tests.exercise_proof import join, prove

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("[0-9]*_*.ipynb"))
EXERCISES = all_exercises()


@pytest.mark.parametrize("declaration", EXERCISES, ids=lambda one: one.id)
def test_exercise_is_proved(declaration: Exercise) -> None:
    problems = prove(declaration)
    assert not problems, "\n".join(problems)
    assert exercise(declaration.id).declaration is declaration


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_holds_the_declared_exercises(path: Path) -> None:
    lecture = path.stem.split("_")[0]
    problems = join([one for one in EXERCISES if one.lecture == lecture], nbformat.read(path, as_version=4))
    assert not problems, "\n".join(problems)


def test_declarations_and_notebooks_belong_together() -> None:
    assert EXERCISES, "the course declares no exercise"
    assert {one.lecture for one in EXERCISES} == {path.stem.split("_")[0] for path in NOTEBOOKS}
    assert len({one.id for one in EXERCISES}) == len(EXERCISES)
