"""Every notebook keeps every rule of a lecture (`tools/anatomy.py`)."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

import applied_ds
from tools import anatomy, notebooks

PATHS = sorted(notebooks.NOTEBOOKS.glob("*.ipynb"))


@functools.cache
def load(path: Path) -> anatomy.Lecture:
    return anatomy.Lecture.load(path)


EXPORTING = [path for path in PATHS if load(path).tagged("export")]


def test_there_are_notebooks() -> None:
    assert PATHS


@pytest.mark.parametrize("rule", anatomy.RULES)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_rule(path: Path, rule: str) -> None:
    found = anatomy.findings(load(path), rule)
    assert not found, "\n".join([(anatomy.RULES[rule].__doc__ or rule).strip(), *found])


def test_setup_cells_are_the_same() -> None:
    assert not anatomy.setups_differ([load(path) for path in PATHS])


@pytest.mark.parametrize("path", EXPORTING, ids=lambda path: path.stem)
def test_exports_through_the_helper(path: Path) -> None:
    """The helper runs the exported cells by themselves and gives every definition in them."""
    lecture = load(path)
    module = applied_ds.lecture(lecture.meta.lecture)
    defined = [
        node.name
        for cell in lecture.tagged("export")
        for node in anatomy.tree(cell).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    assert defined
    assert [name for name in defined if not hasattr(module, name)] == []
