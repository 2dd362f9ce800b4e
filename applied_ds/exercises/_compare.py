"""Snapshots of what an attempt returned, the distance between two of them, and their short text."""

from __future__ import annotations

import itertools
import math
import numbers
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Allowed difference by dtype, absolute and relative at once: |a − b| ≤ t (1 + |b|).
TOLERANCE: Mapping[str, float] = {
    "float64": 1e-6,  # a constant in single precision is no mistake
    "complex128": 1e-6,
    "float32": 1e-5,
    "complex64": 1e-5,
    "float16": 1e-2,
}
#: How close measured numbers must be to those of a known mistake to be named.
MEASUREMENT_TOLERANCE = 0.02

_HUGE = 500_000_000  # bytes that a result may take
_LONG = 1_000  # a longer list of numbers is stored as one array
DIGITS = 4  # significant ones of a number in a message


@dataclass(frozen=True)
class Opaque:
    """A value that holds no numbers the engine can read."""

    description: str
    is_callable: bool = False


class HugeError(Exception):
    """The result takes more memory than any answer of the course."""


def is_tensor(value: object) -> bool:
    """Whether the value is a torch tensor; never imports torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def tensor_to_numpy(value: Any) -> np.ndarray:
    """A torch tensor as an independent array; bfloat16, which NumPy lacks, becomes float32."""
    tensor = value.detach().cpu().resolve_conj().resolve_neg()
    if str(tensor.dtype) == "torch.bfloat16":
        tensor = tensor.float()
    return np.array(tensor.numpy())


def snapshot(value: Any) -> Any:
    """An independent copy made of arrays, tuples, lists, dicts and plain objects, whatever the library."""
    if value is None or value is Ellipsis or isinstance(value, str | bytes | set | frozenset):
        return value
    size = getattr(value, "nbytes", 0)
    if isinstance(size, int) and size > _HUGE:
        raise HugeError(f"an array of {size / 1e9:.1f} GB")
    if is_tensor(value):
        return tensor_to_numpy(value)
    if isinstance(value, np.ndarray) and value.shape == () and value.item() is None:
        return None
    if isinstance(value, np.ndarray | np.generic | numbers.Number):
        return np.array(value)
    if isinstance(value, Mapping):
        return {key: snapshot(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        if len(value) > _LONG and all(isinstance(part, numbers.Number) for part in value):
            return np.array(value)
        parts = [snapshot(part) for part in value]
        return tuple(parts) if isinstance(value, tuple) else parts
    if hasattr(value, "__array__") and not isinstance(value, type):
        return np.array(value)
    return Opaque(kind_of(value), callable(value))


def kind_of(value: Any) -> str:
    """The type of a value in the words of a sentence."""
    if isinstance(value, Opaque):
        return value.description
    if value is None or value is Ellipsis:
        return str(value)
    if isinstance(value, np.ndarray):
        word = "number" if value.ndim == 0 else "array"
        return f"{_article(word, value.dtype)} of dtype {value.dtype}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of length {len(value)}"
    if isinstance(value, Mapping):
        keys = [shorten(repr(key), 30) for key in itertools.islice(value, 7)]
        return (
            "a dict with the keys " + ", ".join(keys[:6] + ["…"] * (len(keys) > 6))
            if keys
            else "an empty dict"
        )
    name = type(value).__name__
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if callable(value):
        return f"a {name}, not a value"
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def _article(word: str, dtype: np.dtype[Any]) -> str:
    return f"an {word}" if word == "array" else f"a {word}"


def as_array(value: Any) -> np.ndarray | None:
    """The value as one numeric array, or None: lists of numbers may stand for arrays."""
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "biufc" else None
    if not isinstance(value, list | tuple) or not value:
        return None
    parts = [as_array(part) for part in value]
    arrays = [part for part in parts if part is not None]
    if len(arrays) != len(parts) or len({part.shape for part in arrays}) != 1:
        return None
    return np.stack(arrays)


def leaves(value: Any) -> Iterator[Any]:
    """The parts of a snapshot that have no parts."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from leaves(part)
    else:
        yield value


def contains(value: Any, wanted: object) -> bool:
    """Whether a snapshot is, or holds anywhere, the object itself (None, Ellipsis)."""
    return any(leaf is wanted for leaf in leaves(value))


@dataclass(frozen=True)
class Difference:
    """One place where a result is not as expected."""

    rank: int  # 0 type, 1 shape, 2 value: what is told first
    sentence: str
    distance: float  # in tolerances
    digits: int = DIGITS  # what a message needs for the two values to look different


def differences(
    expected: Any, got: Any, tolerance: Mapping[str, float], where: str = "result"
) -> list[Difference]:
    """Every difference between two snapshots; an empty list means that they agree within the tolerance."""
    return [found for found in _compare(expected, got, tolerance, where) if found.distance > 1]


def distance(expected: Any, got: Any, tolerance: Mapping[str, float]) -> float:
    """The largest difference of two snapshots in tolerances; infinite where type or shape differ."""
    return max((found.distance for found in _compare(expected, got, tolerance, "result")), default=0.0)


def _compare(expected: Any, got: Any, tolerance: Mapping[str, float], where: str) -> list[Difference]:
    subject = f"`{where}`" if "[" in where else f"the {where}"
    if isinstance(expected, Mapping):
        return _compare_mappings(expected, got, tolerance, where, subject)
    if isinstance(expected, list | tuple) and as_array(expected) is None and expected:
        return _compare_sequences(expected, got, tolerance, where, subject)
    target = as_array(expected)
    if target is None:  # text, None, an empty list, an object: equal or not
        return _compare_objects(expected, got, subject)
    array = as_array(got)
    if array is None:
        empty = isinstance(got, list | tuple) and not got
        if empty and target.ndim:
            return [_shape(subject, (0,), target.shape)] if target.shape != (0,) else []
        ragged = isinstance(got, list | tuple) and not contains(got, None)
        what = "a list that is no regular array" if ragged else kind_of(got)
        return [_type(subject, what, kind_of(target))]
    return _compare_arrays(target, array, tolerance, subject)


def _type(subject: str, got: str, expected: str) -> Difference:
    question = " Is a `return` missing?" if got == str(None) else ""
    sentence = f"The type is wrong: {subject} is {got} where {expected} is expected.{question}"
    return Difference(0, sentence, math.inf)


def _shape(subject: str, got: tuple[int, ...], expected: tuple[int, ...]) -> Difference:
    sentence = f"The shape is wrong: {subject} has shape {got} where {expected} is expected."
    return Difference(1, sentence, math.inf)


def _compare_mappings(
    expected: Mapping[Any, Any], got: Any, tolerance: Mapping[str, float], where: str, subject: str
) -> list[Difference]:
    if not isinstance(got, Mapping) or set(got) != set(expected):
        return [_type(subject, kind_of(got), kind_of(expected))]
    found = []
    for key, value in expected.items():
        found += _compare(value, got[key], tolerance, f"{where}[{key!r}]")
    return found


def _compare_sequences(
    expected: Sequence[Any], got: Any, tolerance: Mapping[str, float], where: str, subject: str
) -> list[Difference]:
    if not isinstance(got, list | tuple) or len(got) != len(expected):
        return [_type(subject, kind_of(got), kind_of(expected))]
    found = []
    for index, (value, part) in enumerate(zip(expected, got, strict=True)):
        found += _compare(value, part, tolerance, f"{where}[{index}]")
    return found


def _compare_objects(expected: Any, got: Any, subject: str) -> list[Difference]:
    if isinstance(expected, list | tuple) and isinstance(got, np.ndarray) and got.shape == (0,):
        return []
    if isinstance(expected, np.ndarray) and isinstance(got, np.ndarray):
        if expected.shape != got.shape:
            return [_shape(subject, got.shape, expected.shape)]
        same = bool(np.all(expected == got))
    elif isinstance(expected, list | tuple) and isinstance(got, list | tuple):
        same = len(expected) == len(got)
    elif type(expected) is not type(got):
        return [_type(subject, kind_of(got), kind_of(expected))]
    else:
        same = bool(expected == got)
    return [] if same else [Difference(2, f"The value of {subject} is wrong.", math.inf)]


def _compare_arrays(
    expected: np.ndarray, got: np.ndarray, tolerance: Mapping[str, float], subject: str
) -> list[Difference]:
    if (expected.dtype.kind == "b") != (got.dtype.kind == "b") and not (
        expected.dtype.kind == "b" and got.dtype.kind in "iu"
    ):
        return [_type(subject, kind_of(got), kind_of(expected))]
    if expected.shape != got.shape:
        return [_shape(subject, got.shape, expected.shape)]
    if not expected.size:
        return []
    allowed = max(_allowed(expected, tolerance), _allowed(got, tolerance, expected))
    steps = _steps(expected, got, allowed)
    worst = float(np.max(steps))
    strange = np.isnan(got) & ~np.isnan(expected)
    if strange.any():
        return [Difference(2, f"There is NaN in {subject}{_at(strange)}.", math.inf)]
    place = np.unravel_index(int(np.argmax(steps)), steps.shape)
    sentence = f"The values are wrong: {_largest(expected, got, place, subject)}."
    exact = expected.dtype.kind in "biu" and got.dtype.kind in "biu"  # shown in full
    digits = DIGITS if exact else _telling_digits(expected[place].item(), got[place].item())
    if digits > DIGITS:
        sentence += (
            f" They agree to {digits - 1} digits: is a constant rounded, or something in single precision?"
        )
    return [Difference(2, sentence, worst, digits)]


def _allowed(array: np.ndarray, tolerance: Mapping[str, float], partner: np.ndarray | None = None) -> float:
    """The tolerance of an array's dtype; half precision counts only if the solution has it as well."""
    name = array.dtype.name
    if array.dtype.kind not in "fc":
        return 0.0
    if name == "float16" and partner is not None and partner.dtype != array.dtype:
        name = "float32"
    return tolerance.get(name, TOLERANCE.get(name, TOLERANCE["float64"]))


def _steps(expected: np.ndarray, got: np.ndarray, allowed: float) -> np.ndarray:
    """Element by element, the difference in tolerances."""
    wide = np.complex128 if "c" in (expected.dtype.kind, got.dtype.kind) else np.float64
    exact = expected.dtype.kind in "biu" and got.dtype.kind in "biu"
    a, b = (expected, got) if exact else (expected.astype(wide), got.astype(wide))
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(all="ignore"):
        steps = np.abs(b - a) / (allowed * (1 + np.abs(a))) if allowed else np.full(a.shape, np.inf)
        steps = np.where(np.isfinite(a) & np.isfinite(b), steps, np.inf)
    return np.asarray(np.where(same, 0.0, steps))


def _at(mask: np.ndarray) -> str:
    if not mask.ndim:
        return ""
    first = ", ".join(str(int(i)) for i in np.argwhere(mask)[0])
    return f" at index [{first}]"


def _telling_digits(expected: complex, got: complex) -> int:
    """How many significant digits the text of two numbers needs to differ; at least as many as usual."""
    different = (n for n in range(DIGITS, 18) if f"{expected:.{n}g}" != f"{got:.{n}g}")
    return next(different, DIGITS)


def _largest(expected: np.ndarray, got: np.ndarray, place: tuple[Any, ...], subject: str) -> str:
    """The largest difference and its place."""
    with np.errstate(all="ignore"):
        size = abs(got[place].item() - expected[place].item())
    if not np.ndim(expected):
        return f"{subject} differs by {size:.4g}"
    inside = ", ".join(str(int(i)) for i in place)
    return f"the largest difference in {subject} is {size:.4g}, at index [{inside}]"


def show(value: Any, indent: str = "", limit: int = 300, digits: int = DIGITS) -> str:
    """A value in a few lines, numbers to a few significant digits; continued lines start with `indent`."""
    if is_tensor(value):
        value = tensor_to_numpy(value)
    if isinstance(value, np.ndarray | np.generic):
        return _show_array(np.asarray(value), indent, digits)
    if isinstance(value, bool | np.bool_):
        return str(value)
    if isinstance(value, float | complex):
        return f"{value:.{digits}g}"
    if isinstance(value, Mapping):
        rows = [f"{key!r}: {show(part, indent, digits=digits)}" for key, part in list(value.items())[:20]]
        more = [f"… {len(value) - 20} more"] if len(value) > 20 else []
        return "{" + f",\n{indent} ".join(rows + more) + "}"
    if isinstance(value, list | tuple):
        row = [show(part, indent, digits=digits) for part in value[:6]]
        if len(value) > 6:
            row += [f"… {len(value) - 6} more"]
        simple = all("\n" not in part for part in row) and sum(map(len, row)) < 80
        left, right = "()" if isinstance(value, tuple) else "[]"
        comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
        return left + (", " if simple else f",\n{indent} ").join(row) + comma + right
    if isinstance(value, Opaque):
        return value.description
    return shorten(re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value)), limit)


def _show_array(array: np.ndarray, indent: str, digits: int) -> str:
    text = np.array2string(
        array,
        max_line_width=90,
        threshold=24,
        edgeitems=2,
        prefix=indent,
        separator=", ",
        formatter={
            "float_kind": lambda x: f"{x:.{digits}g}",
            "complex_kind": lambda x: f"{x:.{digits}g}",
        },
    )
    if not array.ndim:
        return text
    return f"{text}   shape {array.shape}, {array.dtype}"


def shorten(text: str, limit: int) -> str:
    """The text, cut with an ellipsis where it is longer than the limit."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
