"""A progress bar when a person watches, silence otherwise."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def watched() -> bool:
    """Whether a person is likely to watch: a terminal or an interactive notebook, and neither a test nor a batch run.

    ``APPLIED_DS_PROGRESS=0`` silences bars (the project's own runs set it); ``1`` forces them.
    """
    choice = os.environ.get("APPLIED_DS_PROGRESS")
    if choice is not None:
        return choice != "0"
    if "PYTEST_CURRENT_TEST" in os.environ or os.environ.get("CI"):
        return False
    return "ipykernel" in sys.modules or sys.stderr.isatty()


def progress(iterable: Iterable[T], description: str = "", total: int | None = None) -> Iterator[T]:
    """Iterates over ``iterable`` and shows a bar when a person watches.

    Args:
        iterable: what to go through.
        description: a few words in front of the bar.
        total: number of items, for iterables without a length.
    """
    if not watched():
        return iter(iterable)
    from tqdm import tqdm  # the plain bar: the one of tqdm.auto warns where ipywidgets is missing

    return iter(tqdm(iterable, desc=description or None, total=total, leave=False))
