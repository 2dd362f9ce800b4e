"""Which exercises are solved on this machine: one small file each, nothing sent anywhere."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from pathlib import Path

import platformdirs


def state_dir() -> Path:
    """Where the records lie: the folder in APPLIED_DS_STATE, or the user's data folder."""
    chosen = os.environ.get("APPLIED_DS_STATE")
    return Path(chosen) if chosen else Path(platformdirs.user_data_dir("applied-ds", appauthor=False))


def _file(exercise: str) -> Path:
    return state_dir() / f"exercise-{exercise}.json"


def mark_solved(exercise: str) -> None:
    """Write the record of an exercise, whole or not at all; where it cannot be written, warn and go on."""
    target = _file(exercise)
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".exercise-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump({"exercise": exercise, "solved": True}, stream)
        os.replace(temporary, target)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        warnings.warn(
            f"Exercise {exercise} is solved, but that could not be recorded in {target.parent} ({error.strerror}): "
            "set APPLIED_DS_STATE to a folder that can be written, and check again.",
            stacklevel=3,
        )


def is_solved(exercise: str) -> bool:
    """Whether the exercise has a record; a broken one counts as none, with a warning that says what to do."""
    file = _file(exercise)
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        record = None
    if not isinstance(record, dict) or record.get("exercise") != exercise or record.get("solved") is not True:
        warnings.warn(
            f"The record of exercise {exercise} cannot be read: delete {file} and check the exercise again.",
            stacklevel=3,
        )
        return False
    return True
