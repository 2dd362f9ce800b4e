"""The proof line: what we wrote agrees with an implementation that is trusted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def _array(value: Any) -> np.ndarray:
    """NumPy copy of a number, a sequence, an array or a tensor (which may need gradients or live on a GPU)."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    array = np.asarray(value)
    if not (np.issubdtype(array.dtype, np.number) or array.dtype == bool):
        raise TypeError(f"agree compares numbers, not {array.dtype}")
    return array.astype(np.complex128 if np.iscomplexobj(array) else np.float64)


def _number(value: complex, tolerance: float) -> str:
    """``value`` with the decimals that the tolerance carries: an error of one tolerance cannot change more than the last."""
    if tolerance == 0:
        return f"{value if value.imag else value.real:.6g}"
    decimals = min(6, max(0, -math.ceil(math.log10(tolerance)) - 1))
    if isinstance(value, complex) and value.imag:
        return f"{value.real:.{decimals}f}{value.imag:+.{decimals}f}i"
    text = f"{value.real:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text


def agree(name: str, ours: Any, reference: Any, tolerance: float) -> None:
    """Prints the proof line, or raises: ``max |ours − reference| ≤ tolerance · max(1, max |reference|)``.

    The line is the same on every machine: it gives the name, what was compared (one value, or how many in which shape), the
    tolerance, and one value rounded to the digits that the tolerance carries: the value itself, or the largest in magnitude.

    Args:
        name: what is compared with what, in words.
        ours: number, array or tensor of any shape.
        reference: the same shape from the trusted implementation.
        tolerance: largest difference allowed, relative to the largest magnitude of the reference when that is above 1;
            0 asks for equality.

    Raises:
        AssertionError: shapes differ, a value is not finite, or the difference is above the tolerance; the message says where.
        ValueError: the tolerance is negative or not finite, or there is nothing to compare.
    """
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"agree needs a tolerance that is finite and not negative, not {tolerance!r}")
    a, b = _array(ours), _array(reference)
    if a.shape != b.shape:
        raise AssertionError(f"{name}: shapes differ, ours {a.shape}, reference {b.shape}")
    if a.size == 0:
        raise ValueError(f"{name}: nothing to compare, both are empty")
    for who, values in (("ours", a), ("reference", b)):
        if not np.isfinite(values).all():
            raise AssertionError(
                f"{name}: {who} holds {np.count_nonzero(~np.isfinite(values))} values that are not finite"
            )
    limit = tolerance * max(1.0, float(np.abs(b).max()))
    error = np.abs(a - b)
    if error.max() > limit:
        where = np.unravel_index(int(error.argmax()), error.shape)
        at = f" at {tuple(int(i) for i in where)}" if a.ndim else ""
        raise AssertionError(
            f"{name}: differs by {error.max():.3g}{at} (ours {a[where]:.6g}, reference {b[where]:.6g}), allowed is {limit:.3g}"
        )
    if a.size == 1:
        what = f"value {_number(b.item(), limit)}"
    else:
        shape = " × ".join(str(n) for n in a.shape)
        what = f"{shape} values, largest magnitude {_number(complex(np.abs(b).max()), limit)}"
    how = "exactly" if tolerance == 0 else f"within {tolerance:.0e}".replace("e-0", "e-")
    print(f"✓ {name}: equal {how} ({what})")
