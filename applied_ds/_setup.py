"""The start of every notebook: seeds, threads, figure style, profile, device."""

from __future__ import annotations

import os
import random
import sys
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch as torch_types

T = TypeVar("T")

PROFILES = ("cpu", "full")
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def profile() -> str:
    """Name of the chosen profile: environment variable ``APPLIED_DS_PROFILE``, ``cpu`` when it is not set.

    Raises:
        ValueError: the variable holds anything else than ``cpu`` or ``full``.
    """
    name = os.environ.get("APPLIED_DS_PROFILE", "cpu")
    if name not in PROFILES:
        raise ValueError(f"APPLIED_DS_PROFILE is {name!r}: set it to 'cpu' or 'full', or unset it")
    return name


def scale(*, cpu: T, full: T) -> T:
    """The value that the profile asks for: ``cpu`` (default, what the site shows) or ``full`` (longer, larger)."""
    return full if profile() == "full" else cpu


def device() -> torch_types.device:
    """Where tensors live: the GPU in the ``full`` profile when there is one, else the CPU.

    The ``cpu`` profile never uses a GPU, so that its numbers are the ones on the page.
    """
    import torch

    return torch.device("cuda" if profile() == "full" and torch.cuda.is_available() else "cpu")


def setup(seed: int, *, torch: bool = False) -> None:
    """Makes a run repeatable and gives its figures one style; prints one line.

    Seeds ``random`` and NumPy's global generator (and torch with ``torch=True``), holds every numerical library to one
    thread, asks torch for deterministic algorithms, and sets the figure style of the course.

    Args:
        seed: any non-negative integer below 2³².
        torch: whether the lecture uses torch; it is imported only then.

    Raises:
        ValueError: the seed is out of range.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f"setup needs a seed that is an integer from 0 to 2**32 - 1, not {seed!r}")
    for name in _THREAD_VARIABLES:
        os.environ[name] = "1"
    random.seed(seed)
    np.random.seed(seed)

    import threadpoolctl

    threadpoolctl.threadpool_limits(1)
    if torch:
        _setup_torch(seed)
    _setup_figures()
    where = f", device {device()}" if torch else ""
    print(f"Ready: seed {seed}, profile {profile()}, one thread{where}.")


def _setup_torch(seed: int) -> None:
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what CUDA asks for to be deterministic
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def _setup_figures() -> None:
    import matplotlib

    matplotlib.rcParams.update(matplotlib.rc_params_from_file(_style_file(), use_default_template=False))
    if (
        "IPython" in sys.modules
        and (shell := sys.modules["IPython"].get_ipython()) is not None
        and hasattr(shell, "kernel")
    ):
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        # no date, no version: the same picture is the same bytes
        set_matplotlib_formats("png", metadata={"Software": None})


def _style_file() -> str:
    from applied_ds._paths import PACKAGE

    return str(PACKAGE / "course.mplstyle")
