"""Runs somebody's code so that it can do no harm: on copies, in time, and with the process as it was before."""

from __future__ import annotations

import copy
import ctypes
import functools
import inspect
import io
import math
import random
import signal
import sys
import threading
import time
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from applied_ds.exercises._compare import (
    HugeError,
    contains,
    distance,
    kind_of,
    shorten,
    snapshot,
    tensor_to_numpy,
)
from applied_ds.exercises._source import line_of_error

Case = tuple[Any, ...] | dict[str, Any]
Observe = Callable[[Callable[..., Any], Any], dict[str, Any]]

_TICK = 0.02  # seconds between two interruptions once the time is over
_PATIENCE = 3  # interruptions that leave the attempt the time to clean up
_CLOCK = 6  # times the limit on computing, by the clock: for what sleeps, and for a busy machine
_KEPT = 200  # characters of what an attempt printed
_SIGNALS = tuple(signal.valid_signals())


class TimeIsUpError(BaseException):
    """Raised inside an attempt that takes too long; no `except Exception` catches it."""


@dataclass
class Limit:
    """What the calls of an attempt may take together, and what they have taken.

    Counted is the time that the main thread computes. Time by the clock is limited as well, because a loop may sleep,
    but generously: on a busy machine a short computation takes long.
    """

    seconds: float
    computed: float = 0.0
    waited: float = 0.0
    _started: tuple[float, float] = field(default=(0.0, 0.0), repr=False)

    def start(self) -> None:
        """Count from now on."""
        self._started = time.thread_time() - self.computed, time.monotonic() - self.waited

    def count(self) -> None:
        """Bring the times up to now."""
        self.computed = time.thread_time() - self._started[0]
        self.waited = time.monotonic() - self._started[1]

    def is_over(self) -> bool:
        """Whether either time is used up; asked in the main thread."""
        self.count()
        return self.computed >= self.seconds or self.waited >= _CLOCK * self.seconds

    @property
    def left(self) -> float:
        """The seconds in which it cannot be over."""
        return min(self.seconds - self.computed, _CLOCK * self.seconds - self.waited)

    @property
    def sentence(self) -> str:
        """What to tell the reader when the limit is over."""
        if self.computed >= self.seconds:
            return (
                f"It took more than {self.seconds:g} seconds of computing for all inputs together. "
                "Is there a loop that never stops, or one over single elements?"
            )
        return (
            f"It took more than {_CLOCK * self.seconds:g} seconds by the clock for all inputs together, most of them "
            "without computing. Is there a loop that never stops, or something that sleeps or waits?"
        )


@dataclass(frozen=True)
class Outcome:
    """What one call did."""

    kind: str  # "value", "unfinished", "changed [0]", "raised ValueError", "endless", "huge", "unreadable"
    value: Any = None
    sentence: str = ""
    printed: str = ""
    warned: str = ""

    def distance(self, other: Outcome, tolerance: Mapping[str, float]) -> float:
        """How far the other outcome is, in tolerances; infinite if something else happened."""
        if self.kind != other.kind:
            return math.inf
        return distance(self.value, other.value, tolerance)


class _Limited(io.TextIOBase):
    """Takes any amount of text and keeps its beginning."""

    def __init__(self) -> None:
        self.kept = ""
        self.written = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        self.written += len(text)
        if len(self.kept) < _KEPT:
            self.kept += text[: _KEPT - len(self.kept)]
        return len(text)

    def summary(self) -> str:
        more = f" … ({self.written} characters)" if self.written > _KEPT else ""
        return self.kept.strip() + more


@contextmanager
def isolated(seed: int) -> Iterator[tuple[_Limited, list[warnings.WarningMessage]]]:
    """Run the body in one fixed state of the process and put everything back afterwards.

    Random generators (Python, NumPy, torch if it is loaded), torch's default dtype and gradient mode, NumPy's
    error state, warning filters, signal handlers and the standard streams.
    """
    printed = _Limited()
    main = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    python_state = random.getstate()
    numpy_state = np.random.get_state(legacy=False)
    with (
        warnings.catch_warnings(record=True) as caught,
        np.errstate(all="warn"),
        redirect_stdout(printed),
        redirect_stderr(printed),
        _torch_isolated(seed),
    ):
        warnings.simplefilter("always")
        random.seed(seed)
        np.random.seed(seed % 2**32)
        try:
            yield printed, caught
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)
            for number, handler in handlers.items() if main else ():
                if signal.getsignal(number) is not handler and handler is not None:
                    signal.signal(number, handler)


@contextmanager
def _torch_isolated(seed: int) -> Iterator[None]:
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    state = torch.get_rng_state()
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    dtype = torch.get_default_dtype()
    with torch.inference_mode(False), torch.enable_grad():
        torch.default_generator.manual_seed(seed)
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_rng_state(state)
            if devices is not None:
                torch.cuda.set_rng_state_all(devices)
            torch.set_default_dtype(dtype)


def limited(call: Callable[[], Any], limit: Limit | None) -> Any:
    """Return `call()`, or raise `TimeIsUpError` in it once the limit is over.

    The timer repeats, because the clock runs faster than the computation, and because an attempt may catch what
    interrupts it. If it goes on doing so, each interruption also raises the alarm once more, which Python then sees
    before it runs another loop of the attempt: this ends even `while True` around
    `try: while True: ... except: pass`. Only the main thread of a platform with interval timers can be interrupted;
    elsewhere there is no limit.
    """
    if (
        limit is None
        or threading.current_thread() is not threading.main_thread()
        or not hasattr(signal, "setitimer")
    ):
        return call()
    over = False
    interruptions = 0
    # Python calls this C function while it raises the exception: the next alarm waits before another line has run.
    again = ctypes.pythonapi.PyErr_SetInterruptEx
    again.restype = None
    alarm = staticmethod(functools.partial(again, int(signal.SIGALRM)))
    insistent = type("TimeIsUpAgainError", (TimeIsUpError,), {"__init__": alarm})

    def interrupt(number: int, frame: types.FrameType | None) -> None:
        nonlocal interruptions
        # Not while this function itself is running: it would leave the timer on.
        if over or frame is None or frame.f_code is limited.__code__:
            return
        if not interruptions and not limit.is_over():
            return
        interruptions += 1
        raise TimeIsUpError if interruptions < _PATIENCE else insistent

    handler = signal.signal(signal.SIGALRM, interrupt) or signal.SIG_DFL
    started = time.monotonic()
    limit.start()
    pending, interval = signal.setitimer(signal.ITIMER_REAL, max(limit.left, 0.001), _TICK)
    try:
        return call()
    finally:
        over = True  # one step: from here on the handler does nothing
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if pending:  # somebody else's timer, such as a test runner's
            left = max(pending - (time.monotonic() - started), 0.001)
            signal.setitimer(signal.ITIMER_REAL, left, interval)
        limit.count()
        if interruptions:  # even if the attempt caught it and went on, or raised something else
            raise TimeIsUpError from None


class _Attempt:
    """The attempt as an observation sees it: the same call, its last result remembered."""

    def __init__(self, function: Callable[..., Any], promise: str) -> None:
        self.function = function
        self.promise = promise
        self.inside = False
        self.result: Any = Ellipsis  # not called yet

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        try:
            inspect.signature(self.function).bind(*arguments, **keywords)
        except ValueError:  # a function without a signature, such as one written in C
            pass
        except TypeError as error:
            raise _WrongSignatureError(
                f"It cannot be called as the statement says: {error}. Keep the signature {self.promise}."
            ) from error
        self.inside = True
        self.result = self.function(*arguments, **keywords)
        self.inside = False
        return self.result


class _WrongSignatureError(Exception):
    """The attempt does not take the arguments of the stub; the message is the sentence for the reader."""


def run_case(
    function: Callable[..., Any],
    case: Case,
    *,
    observe: Observe | None,
    seed: int,
    limit: Limit | None,
    promise: str = "of the stub",
) -> Outcome:
    """Run one call on a copy of the case and say what it did; of what the call raises, only Ctrl-C passes."""
    given = copy.deepcopy(case)
    attempt = _Attempt(function, promise)

    def call() -> Any:
        if observe is not None:
            return snapshot(observe(attempt, given))
        raw = attempt(**given) if isinstance(given, dict) else attempt(*given)
        return snapshot(raw)

    kind, value, sentence = "value", None, ""
    with isolated(seed) as (printed, caught):
        try:
            value = limited(call, limit)
        except TimeIsUpError:
            assert limit is not None
            kind, sentence = "endless", limit.sentence
        except _WrongSignatureError as error:
            kind, sentence = "signature", str(error)
        except HugeError as error:
            kind, sentence = "huge", f"It returned {error}, far more than an answer needs."
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            kind, sentence = _raised(error, attempt)
        warned = str(caught[0].message) if caught else ""
    said = (
        "" if kind == "endless" else shorten(printed.summary(), 2 * _KEPT)
    )  # an interruption may print as well
    if kind == "value" and contains(value, Ellipsis):
        kind = "unfinished"
    if kind == "value" and observe is None:
        pairs = zip(_parts(case), _parts(given), strict=True)
        changed = [place for place, (old, new) in enumerate(pairs) if not same(old, new)]
        if changed:
            kind = f"changed {changed}"  # by place: a mistake may call its arguments something else
            names = argument_names(case, function)
            sentence = (
                f"It changes its input {' and '.join(f'`{names[i]}`' for i in changed)}. Work on a copy."
            )
    return Outcome(kind, value, sentence, said, shorten(warned, _KEPT))


def _raised(error: BaseException, attempt: _Attempt) -> tuple[str, str]:
    """Kind and sentence for what an attempt raised, or an observation that could not use its result."""
    name = type(error).__name__
    place = line_of_error(error, attempt.function)
    if place is None and not attempt.inside:
        if attempt.result is None:
            return "value", ""
        was = "" if attempt.result is Ellipsis else f" It returned {kind_of(attempt.result)}."
        return f"unreadable {name}", f"Its result cannot be used: {_message(error)}.{was}"
    said = f"It raised {_message(error)}."
    if isinstance(error, RecursionError):
        said = "It calls itself without end (RecursionError)."
    elif isinstance(error, MemoryError):
        said = "It needs more memory than there is (MemoryError)."
    if place is not None:
        text = f": `{place[1]}`" if place[1] else ""
        word = "class" if inspect.isclass(attempt.function) else "function"
        said += f" This happened in line {place[0]} of your {word}{text}."
    return f"raised {name}", said


def _message(error: BaseException) -> str:
    try:
        text = shorten(" ".join(str(error).split()), 300).rstrip(".")
    except Exception:  # an exception class of the attempt whose text fails
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _parts(case: Case) -> list[Any]:
    return list(case.values()) if isinstance(case, dict) else list(case)


def argument_names(case: Case, function: Callable[..., Any]) -> list[str]:
    """What the arguments of a case are called by the function that takes them."""
    if isinstance(case, dict):
        return list(case)
    try:
        known = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        known = []
    return [known[i] if i < len(known) else f"argument {i + 1}" for i in range(len(case))]


def same(old: Any, new: Any) -> bool:
    """Whether an input is as it was; generators may move on, and objects that cannot be compared pass."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(old, torch.Tensor):
        return old.dtype == new.dtype and same(tensor_to_numpy(old), tensor_to_numpy(new))
    if torch is not None and isinstance(old, torch.nn.Module):
        return same(dict(old.state_dict()), dict(new.state_dict()))
    if isinstance(old, np.ndarray):
        if old.dtype != new.dtype or old.shape != new.shape:
            return False
        return bool(np.array_equal(old, new, equal_nan=old.dtype.kind in "fc"))
    if isinstance(old, Mapping):
        return list(old) == list(new) and all(same(value, new[key]) for key, value in old.items())
    if isinstance(old, list | tuple):
        return len(old) == len(new) and all(map(same, old, new))
    if isinstance(old, set | frozenset | str | bytes | int | float | complex):
        return bool(old == new) or bool(old != old)
    return True
