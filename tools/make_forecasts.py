"""Make the table of lecture 12: eight ways to forecast × eleven seasonal series, and three kinds of interval around one of them.

``python -m tools.make_forecasts`` writes ``data/results/12_forecasts.json`` with its card, in less than twenty minutes on one
thread. Every method sees the same part of a series, is fitted again at each of sixteen origins, and forecasts one season from
there. The forecasters, the measures and the conformal intervals are those that lecture 12 exports; the library's automatic choice
is pmdarima's: its order is chosen once, on the first training part, and its parameters are estimated anew at each origin.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import applied_ds as ads
from tools.kept import write_results

COMMAND = "python -m tools.make_forecasts"
LEVELS = (0.80, 0.95)
ORIGINS = 16
STEP = {
    4: 3,
    12: 5,
    24: 31,
}  # between origins, without a common divisor with the season: every phase has its turn
WINDOW = {4: 120, 12: 240, 24: 1008}  # of a longer series only the end is used
FIRST = {4: 20, 12: 48, 24: 240}  # dense origins: first fit
START = {4: 48, 12: 84, 24: 432}  # dense origins: first interval that is measured
RATE = 0.05  # of the adaptive intervals
METHODS = {
    "naive": "naive",
    "seasonal_naive": "seasonal naive",
    "ses": "SES",
    "holt": "Holt",
    "holt_winters": "Holt–Winters",
    "ets_aaa": "ETS(AAA)",
    "ets_log": "ETS(AAA) on logs",
    "auto_arima": "automatic ARIMA",
}
BASES = ("seasonal_naive", "holt_winters", "ets_aaa")


class AutomaticArima:
    """pmdarima's choice as a forecaster: the order once, on the first training part; the parameters at each origin."""

    def __init__(self, m: int) -> None:
        self.m = m
        self.model: Any = None
        self.seen = 0

    def __call__(self, y: np.ndarray, h: int, levels: tuple[float, ...]) -> Any:
        """Forecast h steps after y, which must be a continuation of what was seen before."""
        import pmdarima

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if self.model is None:
                most = {} if self.m <= 12 else {"max_p": 3, "max_q": 3, "max_P": 1, "max_Q": 1}
                self.model = pmdarima.auto_arima(
                    y, m=self.m, suppress_warnings=True, error_action="ignore", **most
                )
            else:  # starts from the parameters of the last origin
                self.model.update(y[self.seen :], maxiter=20)
            self.seen = len(y)
            bounds = [self.model.predict(h, return_conf_int=True, alpha=1 - c) for c in levels]
        lower, upper = np.stack([b[1] for b in bounds]).transpose(2, 0, 1)
        return ads.lecture("12").Forecast(np.asarray(bounds[0][0]), lower, upper)

    @property
    def order(self) -> str:
        """What was chosen, as text."""
        p, d, q = self.model.order
        P, D, Q, m = self.model.seasonal_order
        constant = ", constant" if self.model.with_intercept else ""
        return f"ARIMA({p},{d},{q})({P},{D},{Q})[{m}]{constant}"


def split(m: int, length: int) -> tuple[slice, list[int]]:
    """The part of a series that is used, and the sixteen origins, as lengths of the past inside that part."""
    used = min(length, WINDOW[m])
    last = used - m
    return slice(length - used, length), [last - STEP[m] * i for i in reversed(range(ORIGINS))]


def block_interval(values: np.ndarray, block: int = 3, repeats: int = 4000) -> list[float]:
    """Mean over origins and the ends of its 95 % interval; bootstrap of blocks, because neighbouring forecasts overlap."""
    n = len(values)
    rng = np.random.default_rng(12)
    begin = rng.integers(0, n, (repeats, -(-n // block)))
    rows = (begin[..., None] + np.arange(block)).reshape(repeats, -1)[:, :n] % n
    low, high = np.quantile(values[rows].mean(1), [0.025, 0.975])
    return [round(float(x), 4) for x in (np.mean(values), low, high)]


def interval_quality(
    actual: np.ndarray, lower: np.ndarray, upper: np.ndarray, scale: np.ndarray
) -> dict[str, list[float]] | None:
    """Coverage, width and score of intervals (n, levels, h) around (n, h), the last two in units of scale (n,)."""
    if np.isnan(lower).all():
        return None
    lecture = ads.lecture("12")
    found: dict[str, list[float]] = {"coverage": [], "width": [], "score": []}
    for i, level in enumerate(LEVELS):
        low, high = lower[:, i], upper[:, i]
        score = lecture.interval_score(actual, low, high, level)
        found["coverage"].append(round(float(np.mean((low <= actual) & (actual <= high))), 4))
        found["width"].append(round(float(np.mean((high - low) / scale[:, None])), 4))
        found["score"].append(round(float(np.mean(score / scale[:, None])), 4))
    return found


def row_of(
    series: str, y: np.ndarray, m: int, origins: list[int], id: str, forecaster: Any
) -> dict[str, Any]:
    """One method on one series."""
    lecture = ads.lecture("12")
    start = time.process_time()
    rolled = lecture.rolling_origin(y, forecaster, m, origins, LEVELS)
    seconds = time.process_time() - start
    errors = np.array(
        [
            lecture.mase(y[:t], actual, mean, m)
            for t, actual, mean in zip(origins, rolled.actual, rolled.mean, strict=True)
        ]
    )
    scale = np.array([np.mean(np.abs(y[m:t] - y[: t - m])) for t in origins])
    row: dict[str, Any] = {
        "series": series,
        "method": id,
        "name": METHODS[id],
        "mase": block_interval(errors),
    }
    row["mase_origins"] = [round(float(x), 4) for x in errors]
    row["intervals"] = interval_quality(rolled.actual, rolled.lower, rolled.upper, scale)
    if isinstance(forecaster, AutomaticArima):
        row["order"] = forecaster.order
    row["seconds"] = round(seconds, 2)
    print(
        series,
        METHODS[id],
        row["mase"],
        row["intervals"],
        row.get("order", ""),
        f"{seconds:.1f} s",
        flush=True,
    )
    return row


def dense(
    series: str, y: np.ndarray, m: int, base: str, forecaster: Callable[..., Any]
) -> list[dict[str, Any]]:
    """Intervals around one base method at every origin: by its model, split conformal, and adaptive conformal."""
    lecture = ads.lecture("12")
    start = time.process_time()
    origins = np.arange(FIRST[m], len(y) - m + 1)
    rolled = lecture.rolling_origin(y, forecaster, m, origins, LEVELS)
    errors = np.full((origins[-1] + 1, m), np.nan)
    errors[origins] = rolled.actual - rolled.mean
    judged = origins >= START[m]
    actual, mean = rolled.actual[judged], rolled.mean[judged]
    scale = np.array([np.mean(np.abs(y[m:t] - y[: t - m])) for t in origins[judged]])
    bounds = {"model": (rolled.lower[judged], rolled.upper[judged])}
    for kind, rate in (("split", 0.0), ("adaptive", RATE)):
        radii = [lecture.conformal_radii(errors, c, START[m], rate)[origins[judged]] for c in LEVELS]
        half = np.stack(radii, axis=1)
        bounds[kind] = (mean[:, None] - half, mean[:, None] + half)
    rows = []
    for kind, (lower, upper) in bounds.items():
        quality = interval_quality(actual, lower, upper, scale)
        if quality is not None:
            rows.append(
                {"series": series, "base": base, "kind": kind, "origins": int(judged.sum())} | quality
            )
            print(rows[-1], f"{time.process_time() - start:.0f} s", flush=True)
    return rows


def main() -> None:
    """Make the table."""
    argparse.ArgumentParser(prog=COMMAND, description=__doc__).parse_args()
    ads.setup(12)
    lecture = ads.lecture("12")
    start = time.process_time()
    result: dict[str, Any] = {"levels": list(LEVELS), "methods": METHODS, "rate": RATE}
    result |= {"series": {}, "rows": [], "intervals": []}
    for name, series in ads.data.seasonal_series().items():
        m = series.period
        used, origins = split(m, len(series.y))
        y = series.y[used]
        result["series"][name] = {
            "title": series.title,
            "unit": series.unit,
            "period": m,
            "length": len(series.y),
            "used": len(y),
            "origins": origins,
            "first_dense": FIRST[m],
            "start_dense": START[m],
        }
        methods = lecture.forecasters(m) | {"auto_arima": AutomaticArima(m)}
        for id in METHODS:
            result["rows"].append(row_of(name, y, m, origins, id, methods[id]))
        for base in BASES:
            result["intervals"] += dense(name, y, m, base, methods[base])
        print(name, f"{time.process_time() - start:.0f} s in all", flush=True)
    result["seconds"] = round(time.process_time() - start)
    write_results(
        "12_forecasts",
        result,
        summary=f"Errors and intervals of {len(METHODS)} methods of forecasting on {len(result['series'])} series, for lecture 12.",
        shape=f"{len(result['rows'])} rows, each a method on a series over {ORIGINS} origins; {len(result['intervals'])} rows on "
        "model, split conformal and adaptive conformal intervals at every origin; what is used of each series",
        units="MASE: mean over origins, the ends of its 95 % block bootstrap interval, and one value for each origin; coverage as a "
        "share, width and interval score in units of the seasonal naive error inside the past, each at 80 % and 95 %; times in "
        "seconds of one thread",
        origin="methods exported by lecture 12 and pmdarima's automatic ARIMA, on the series of ads.data.seasonal_series",
        licence="CC BY 4.0 (made for this course)",
        command=COMMAND,
    )


if __name__ == "__main__":
    main()
