"""The definitions of another lecture, from the cells that its notebook marks with the tag ``export``."""

from __future__ import annotations

import functools
import json
import linecache
import sys
import types
from pathlib import Path

from applied_ds._paths import PACKAGE, checkout


def export_cells(notebook: Path) -> list[str]:
    """Sources of the code cells tagged ``export``, in order."""
    import nbformat

    cells = nbformat.read(notebook, as_version=4).cells
    return [c.source for c in cells if c.cell_type == "code" and "export" in c.metadata.get("tags", [])]


def _sources(number: str) -> list[str]:
    root = checkout()
    if root is not None:
        found = sorted((root / "notebooks").glob(f"{number}_*.ipynb"))
        written = sorted(p.name.split("_")[0] for p in (root / "notebooks").glob("*_*.ipynb"))
        cells = export_cells(found[0]) if found else None
    else:
        exports = PACKAGE / "_exports"
        file = exports / f"{number}.json"
        written = sorted(p.stem for p in exports.glob("*.json"))
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"] if file.is_file() else None
    if cells is None:
        raise ValueError(f"there is no lecture {number!r}; written so far: {', '.join(written) or 'none'}")
    if not cells:
        raise ValueError(f"lecture {number!r} marks no cell with the tag 'export'")
    return cells


@functools.cache
def lecture(number: str) -> types.ModuleType:
    """Module that holds what lecture ``number`` defines: ``lecture("04").AffineCoupling``.

    Runs exactly the cells that the lecture's notebook tags ``export``, once a process, in a namespace of their own. The text
    of each definition stays available to ``inspect.getsource``.

    Args:
        number: the lecture's number as in its file name, ``"04"`` or ``"06b"``.

    Raises:
        ValueError: there is no such lecture, or it exports nothing; the message lists the lectures that are written.
    """
    name = f"<lecture {number}>"
    source = "\n\n\n".join(_sources(number)) + "\n"
    module = types.ModuleType(f"applied_ds.lectures.l{number}", f"Definitions exported by lecture {number}.")
    module.__file__ = name
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    sys.modules[module.__name__] = module  # dataclasses and inspect look the module up by its name
    try:
        exec(compile(source, name, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[module.__name__]
        raise
    return module
