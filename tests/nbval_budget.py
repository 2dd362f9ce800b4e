"""A pytest plugin beside nbval: the budget of a notebook. Load it with ``python -m pytest -p tests.nbval_budget``.

Each notebook gets one more test after its cells, ``NOTEBOOK.ipynb::budget``. It fails when the notebook took
longer or needed more memory than allowed, counted from the start of the kernel over its whole process tree, and
when a code cell was stored without having been run (nbval executes such a cell and compares nothing). A table at
the end of the run lists what each notebook used. Kernels run on one thread, with their state in a temporary place.
A lecture that ``system-packages.txt`` says needs a package is skipped, and the package named, where it is missing.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from nbval.plugin import IPyNbFile

from tools import doctor
from tools.kernels import PeakMemory, kernel_environment

SECONDS = 120
MEGABYTES = 3000
PROPERTY = "notebook_budget"


class BudgetExceeded(Exception):
    """A notebook broke its limits; the message names the notebook and every limit it broke."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("nbval")
    for name, limit, unit in (("seconds", SECONDS, "s"), ("mb", MEGABYTES, "MB")):
        group.addoption(
            f"--budget-{name}", type=float, default=limit, help=f"limit of a notebook ({limit:g} {unit})"
        )


def missing_packages(notebook: Path) -> list[doctor.Package]:
    """The packages of ``system-packages.txt`` that this lecture needs and the machine lacks."""
    lecture = f"lecture {notebook.name.split('_')[0].lstrip('0')}"
    listed = doctor.packages((doctor.ROOT / "system-packages.txt").read_text(encoding="utf-8"))
    return [package for package in listed if package.needed_by == lecture and not package.present()]


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Generator[None, list[Any], list[Any]]:
    """Put a `BudgetedNotebook` in the place of each notebook that nbval collects."""
    collected = yield
    return [
        BudgetedNotebook.from_parent(parent, path=file_path) if isinstance(node, IPyNbFile) else node
        for node in collected
    ]


class BudgetedNotebook(IPyNbFile):  # type: ignore[misc]  # nbval is not typed
    """A notebook whose kernel is measured from its start, and whose last test is its budget."""

    started: float
    memory: PeakMemory
    resources: contextlib.ExitStack

    def collect(self) -> Iterator[pytest.Item]:
        missing = missing_packages(self.path)
        for item in (*super().collect(), BudgetItem.from_parent(self, name="budget")):
            for package in missing:
                item.add_marker(
                    pytest.mark.skip(f"the system package {package.name} is missing; it {package.purpose}")
                )
            yield item

    def setup(self) -> None:
        self.resources = contextlib.ExitStack()
        state = self.resources.enter_context(tempfile.TemporaryDirectory())
        self.started = time.monotonic()
        with mock.patch.dict(os.environ, kernel_environment(Path(state))):
            super().setup()
        self.memory = PeakMemory(self.kernel.km)
        self.resources.callback(self.memory.stop)

    def teardown(self) -> None:
        super().teardown()
        self.resources.close()


class BudgetItem(pytest.Item):
    """The test that a notebook kept to its limits and was stored complete."""

    parent: BudgetedNotebook

    def runtest(self) -> None:
        seconds = time.monotonic() - self.parent.started
        megabytes = self.parent.memory.stop()
        code = [cell for cell in self.parent.nb.cells if cell.cell_type == "code"]
        name = self.parent.path.name
        limit_s, limit_mb = (self.config.getoption(f"--budget-{unit}") for unit in ("seconds", "mb"))
        findings = []
        if seconds > limit_s:
            findings.append(f"it took {seconds:.1f} s, the limit is {limit_s:g} s")
        if megabytes > limit_mb:
            findings.append(f"its processes peaked at {megabytes:.0f} MB, the limit is {limit_mb:g} MB")
        unrun = [number for number, cell in enumerate(code) if cell.execution_count is None]
        if unrun:
            findings.append(f"code cells stored without having been run: {', '.join(map(str, unrun))}")
        row = {"name": name, "cells": len(code), "seconds": seconds, "mb": megabytes, "ok": not findings}
        self.user_properties.append((PROPERTY, row))
        if findings:
            raise BudgetExceeded(f"{name}: {'; '.join(findings)}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, BudgetExceeded):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.parent.nodeid}::budget"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table: what each notebook of the run used."""
    rows = sorted(
        (
            value
            for reports in terminalreporter.stats.values()
            for report in reports
            if getattr(report, "when", None) == "call"
            for name, value in report.user_properties
            if name == PROPERTY
        ),
        key=lambda row: row["name"],
    )
    if not rows:
        return
    width = max(len(row["name"]) for row in rows)
    terminalreporter.section("notebooks")
    terminalreporter.write_line(f"{'notebook':<{width}}  cells  seconds  peak MB")
    for row in rows:
        mark = "" if row["ok"] else "  over"
        terminalreporter.write_line(
            f"{row['name']:<{width}}  {row['cells']:>5}  {row['seconds']:>7.1f}  {row['mb']:>7.0f}{mark}"
        )
