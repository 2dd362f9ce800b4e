"""What every kernel of the project gets, and what it uses: one thread, a temporary place, a memory meter."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import psutil

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def kernel_environment(state: Path) -> dict[str, str]:
    """What a kernel that executes a notebook is given: one thread, fixed hashing, state kept under `state`."""
    return dict.fromkeys(THREAD_VARIABLES, "1") | {
        "PYTHONHASHSEED": "0",
        "APPLIED_DS_PROFILE": "cpu",
        "APPLIED_DS_PROGRESS": "0",
        "APPLIED_DS_STATE": str(state / "applied-ds"),
        "IPYTHONDIR": str(state / "ipython"),
    }


def tree_bytes(pid: int) -> int:
    """Memory of a process and all its descendants, in bytes; 0 when the process has ended.

    Forked processes share pages, so for more than one process the proportional share is counted where the
    system knows it (Linux); elsewhere the resident size of each.
    """
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for process in processes:
        try:
            if len(processes) > 1 and psutil.LINUX:
                total += process.memory_full_info().pss
            else:
                total += process.memory_info().rss
        except psutil.NoSuchProcess:  # a child that ended while we were counting
            continue
    return total


class PeakMemory:
    """Samples the memory of a kernel's process tree in a thread, until `stop()` gives the peak in MB."""

    def __init__(self, manager: Any, interval: float = 0.1) -> None:
        """Take the kernel manager of a running kernel (jupyter_client does not type its provisioners)."""
        self._pid: int = manager.provisioner.pid
        self._interval = interval
        self._peak = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="peak-memory", daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while True:
            self._peak = max(self._peak, tree_bytes(self._pid))
            if self._done.wait(self._interval):
                return

    def stop(self) -> float:
        """End the sampling and return the peak in MB (10⁶ bytes)."""
        self._done.set()
        self._thread.join()
        return self._peak / 1e6


def merged_environment(state: Path) -> dict[str, str]:
    """The environment of this process with the kernel's variables on top."""
    return dict(os.environ) | kernel_environment(state)
