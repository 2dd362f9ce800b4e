"""Helper package of *Applied Data Science: an executable course*.

Every notebook starts with ``import applied_ds as ads`` and uses these names:

=====================  ==========================================================================
``setup(seed)``        seeds, one thread, deterministic algorithms, figure style
``scale(cpu, full)``   the size that the chosen profile asks for
``device()``           where tensors live
``lecture("04")``      the definitions of another lecture
``agree(…)``           the proof line: ours against a trusted reference
``exercise("4.2")``    check, hint and solution of an exercise
``progress_report()``  the exercises of the course, solved or not
``progress(items)``    a progress bar when a person watches
``sound(x, rate, …)``  a labelled player; ``sounds`` for several
``data``, ``plot``     data sets, and the drawing that several lectures share
``stan``               Stan from a notebook
=====================  ==========================================================================

Nothing heavy is imported before it is needed: ``import applied_ds`` loads no torch, scipy, scikit-learn or matplotlib.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from applied_ds import data, plot, stan
    from applied_ds._agree import agree
    from applied_ds._lecture import lecture
    from applied_ds._progress import progress
    from applied_ds._setup import device, scale, setup
    from applied_ds._sound import sound, sounds
    from applied_ds.exercises import exercise, progress_report

__version__ = "0.1.0"

__all__ = [
    "agree",
    "data",
    "device",
    "exercise",
    "lecture",
    "plot",
    "progress",
    "progress_report",
    "scale",
    "setup",
    "sound",
    "sounds",
    "stan",
]

_HOME = {
    "agree": "applied_ds._agree",
    "device": "applied_ds._setup",
    "exercise": "applied_ds.exercises",
    "lecture": "applied_ds._lecture",
    "progress": "applied_ds._progress",
    "progress_report": "applied_ds.exercises",
    "scale": "applied_ds._setup",
    "setup": "applied_ds._setup",
    "sound": "applied_ds._sound",
    "sounds": "applied_ds._sound",
}


def __getattr__(name: str) -> Any:
    if name in ("data", "plot", "stan"):
        return importlib.import_module(f"applied_ds.{name}")
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'applied_ds' has no attribute {name!r}; it offers {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
