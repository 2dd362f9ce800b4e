"""Say what this machine lacks and what needs it: ``make doctor``. Standard library only; changes nothing."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
ROOM = 6  # GB of disk for the environment of the course


class Package(NamedTuple):
    """A line of ``system-packages.txt``."""

    name: str
    command: str  # one or several names of it, or "-"
    needed_by: str
    purpose: str

    def present(self) -> bool:
        """Whether the package, or on other systems one of its commands, is there."""
        if self.command != "-":
            return any(map(shutil.which, self.command.split()))
        if shutil.which("dpkg-query") is None:
            return True  # no Debian: what has no command cannot be asked for, and macOS brings its fonts
        query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", self.name]
        result = subprocess.run(query, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return result.stdout == b"installed"


class Finding(NamedTuple):
    """One thing looked at: whether it is as it should be, what was seen, what needs it."""

    good: bool
    what: str
    needed_by: str


def packages(text: str) -> "list[Package]":
    """Parse ``system-packages.txt``."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [Package(*(field.strip() for field in line.split("|"))) for line in lines]


def kind_of(stamp: Path) -> "str | None":
    """What ``.venv`` is set up for, by the stamp of the set-up; None if there is none or it is damaged."""
    try:
        content = json.loads(stamp.read_text())
    except (FileNotFoundError, ValueError):
        return None
    kind = content.get("kind") if isinstance(content, dict) else None
    return kind if kind in ("book", "course") else None


def findings() -> "list[Finding]":
    """Everything looked at, in the order of the report."""
    version = "{}.{}.{}".format(*sys.version_info[:3])
    free = shutil.disk_usage(str(ROOT)).free / 1e9
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    kind = kind_of(ROOT / ".venv" / "applied-ds.json")
    room = 0 if kind == "course" else ROOM
    found = [
        Finding((3, 11) <= sys.version_info[:2] <= (3, 13), "Python 3.11 to 3.13: " + version, "everything"),
        Finding(
            importlib.util.find_spec("ensurepip") is not None,
            "Python's venv (Debian: python{}.{}-venv)".format(*sys.version_info[:2]),
            "everything",
        ),
        Finding(free >= room, "disk: {:.0f} GB free, {} wanted for set-up".format(free, room), "lectures"),
        Finding(memory >= 3.75, "memory: {:.0f} GB, 4 wanted".format(memory), "lectures"),
        Finding(
            kind is not None, ".venv set up for: " + (kind or "nothing yet"), "made by make book, make test"
        ),
    ]
    for package in packages((ROOT / "system-packages.txt").read_text()):
        what = "{}: {}".format(package.name, package.purpose)
        found.append(Finding(package.present(), what, package.needed_by))
    return found


def main() -> int:
    """Print the report; the exit status says whether anything is missing that everything needs."""
    found = findings()
    for finding in found:
        print("{:8} {:70} {}".format("ok" if finding.good else "MISSING", finding.what, finding.needed_by))
    return int(any(not finding.good and finding.needed_by == "everything" for finding in found))


if __name__ == "__main__":
    sys.exit(main())
