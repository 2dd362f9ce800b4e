"""Run every test of the project: ``python -m tools.check`` (all stages) or ``python -m tools.check lint`` (some).

All stages run even when one fails. The last line is ``N passed, N failed, N skipped`` over all of them; before it
stand the stages that failed. Where ``CI`` or ``APPLIED_DS_NO_SKIPS`` is set, a skipped test is a failure; where
``APPLIED_DS_REQUIRE_OFFLINE`` is set, so is a machine that cannot cut the notebooks off from the network.
"""

from __future__ import annotations

import argparse
import functools
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "_build" / "reports"
NBVAL = ("--nbval-lax", "--nbval-cell-timeout=300", "--dist=loadscope", "-p", "tests.nbval_budget")
LOOPBACK = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


@dataclass(frozen=True)
class Counts:
    """How many checks of a stage passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def flag(*names: str) -> bool:
    """Whether one of these environment variables is set to something."""
    return any(os.environ.get(name) not in (None, "", "0", "false") for name in names)


def run(*command: str) -> int:
    """Run a command in the repository's root and return its exit status."""
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def commands(*each: tuple[str, ...]) -> Counts:
    """Run commands of the environment, each of them one check."""
    failed = sum(run(sys.executable, "-m", *command) != 0 for command in each)
    return Counts(passed=len(each) - failed, failed=failed)


def counts_of(report: Path, status: int) -> Counts:
    """Counts of a JUnit report; a run that failed without a failed test counts as one failure."""
    if not report.is_file():
        return Counts(failed=1)
    total = failed = skipped = 0
    for suite in ET.parse(report).getroot().iter("testsuite"):
        total += int(suite.attrib["tests"])
        failed += int(suite.attrib["failures"]) + int(suite.attrib["errors"])
        skipped += int(suite.attrib["skipped"])
    passed = max(total - failed - skipped, 0)
    return Counts(passed, failed or int(status != 0), skipped)


def pytest(name: str, *arguments: str, prefix: tuple[str, ...] = ()) -> Counts:
    """Run pytest with two workers and read its counts."""
    report = REPORTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    command = (*prefix, sys.executable, "-m", "pytest", "-q", "-n", "2", f"--junitxml={report}", *arguments)
    return counts_of(report, run(*command))


@functools.cache
def namespace() -> tuple[str, ...] | None:
    """Command prefix for a network namespace that holds only the loopback, or None if none can be made here."""
    if shutil.which("unshare") and shutil.which("ip"):
        for unshare in (("unshare", "-n"), ("unshare", "-rn")):
            prefix = (*unshare, *LOOPBACK)
            if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
                return prefix
    return None


def site() -> Counts:
    """Build the pages that the tests look at."""
    return commands(("tools.site", "build"))


def lint() -> Counts:
    """Style, format (Python files and notebooks) and types."""
    return commands(("ruff", "check"), ("ruff", "format", "--check"), ("mypy", "applied_ds", "tools"))


def tests() -> Counts:
    """The helper, the exercises, the book and the house."""
    return pytest("tests", "--dist", "loadfile", "tests")


def notebooks() -> Counts:
    """Every lecture in a fresh kernel, its marked lines compared, without a network where that can be had."""
    prefix = namespace()
    if prefix:
        print(f"network: cut off but for the loopback ({' '.join(prefix[:2])})", flush=True)
    else:
        print("network: not cut off, this machine cannot make such a namespace", flush=True)
        if flag("APPLIED_DS_REQUIRE_OFFLINE"):
            return Counts(failed=1)
    return pytest("notebooks", *NBVAL, "notebooks", prefix=prefix or ())


def determinism() -> Counts:
    """Two executions of each changed lecture are equal; in CI only, because it takes their time twice."""
    if not flag("CI"):
        print("only in CI; by hand: make determinism", flush=True)
        return Counts()
    return commands(("tools.notebooks", "determinism", "--changed"))


STAGES: dict[str, Callable[[], Counts]] = {
    stage.__name__: stage for stage in (site, lint, tests, notebooks, determinism)
}


def main(arguments: list[str] | None = None) -> int:
    """Run the stages named, or all of them, and print the counts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("stages", nargs="*", metavar="stage", help=", ".join(STAGES))
    names = parser.parse_args(arguments).stages or list(STAGES)
    unknown = [name for name in names if name not in STAGES]
    if unknown:
        parser.error(f"no such stage: {', '.join(unknown)}; there are {', '.join(STAGES)}")
    REPORTS.mkdir(parents=True, exist_ok=True)
    no_skips = flag("CI", "APPLIED_DS_NO_SKIPS")
    total, bad = Counts(), []
    for name in names:
        print(f"\n== {name}", flush=True)
        start = time.monotonic()
        counts = STAGES[name]()
        print(f"== {name}: {counts} in {time.monotonic() - start:.0f} s", flush=True)
        total += counts
        if counts.failed:
            bad.append(name)
        elif counts.skipped and no_skips:
            bad.append(f"{name} (skips are failures here)")
    print(f"\nfailed: {'; '.join(bad)}" if bad else "\neverything passed", flush=True)
    print(total, flush=True)
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
