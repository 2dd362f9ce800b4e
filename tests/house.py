"""What the tests of the house share: the repository's root and files, a copy of it, and the system's commands."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tools import address, doctor

ROOT = Path(__file__).resolve().parent.parent


def command_of(name: str) -> str:
    """The path of the command of a package in ``system-packages.txt``; without it, the test skips and names it."""
    packages = doctor.packages((ROOT / "system-packages.txt").read_text(encoding="utf-8"))
    (package,) = (package for package in packages if package.name == name)
    found = next(filter(None, map(shutil.which, package.command.split())), None)
    if found is None:
        pytest.skip(f"the system package {package.name} is missing; it {package.purpose}")
    return found


def repository_files(root: Path = ROOT) -> list[Path]:
    """The files of the repository; the test skips where there is no git."""
    command_of("git")
    return address.files(root)


def copy_repository(target: Path) -> Path:
    """Copy the files of the working tree, uncommitted ones too, into a new git repository with one commit."""
    for path in repository_files():
        place = target / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], [*identity, "commit", "-q", "-m", "copy"]):
        subprocess.run(["git", *command], cwd=target, check=True)
    return target
