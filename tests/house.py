"""What the tests of the house share: the repository's root, and a copy of it as a repository of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tools import address

ROOT = Path(__file__).resolve().parent.parent


def copy_repository(target: Path) -> Path:
    """Copy the files of the working tree, uncommitted ones too, into a new git repository with one commit."""
    for path in address.files(ROOT):
        place = target / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], [*identity, "commit", "-q", "-m", "copy"]):
        subprocess.run(["git", *command], cwd=target, check=True)
    return target
