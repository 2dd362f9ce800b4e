"""Make the ranks of lecture 13: many worlds drawn from the priors, each fitted by the Stan program.

``python -m tools.make_calibration`` writes ``data/results/13_calibration.json`` with its card, in about ten minutes on one
thread. World ``i`` of every kind has the seed ``i``, so that the lecture can fit some of them again. Two kinds of worlds break
the equations as the notes do, so that the test is seen to fail.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import applied_ds as ads
from tools.kept import write_results

COMMAND = "python -m tools.make_calibration"
WORLDS = {"right": 240, "level": 80, "season": 80}


def ranks(code: str, kind: str, worlds: int) -> dict[str, Any]:
    """Ranks by quantity, and the health of every fit."""
    lecture = ads.lecture("13")
    found: dict[str, Any] = {}
    for seed in range(worlds):
        ranks, health = lecture.calibrate(code, seed, "" if kind == "right" else kind)
        for name, rank in ranks.items():
            found.setdefault("ranks", {}).setdefault(name, []).append(rank)
        for name, value in health.items():
            found.setdefault(name, []).append(round(value, 4))
        if seed % 20 == 19:
            print(f"{kind}: {seed + 1} of {worlds} worlds", flush=True)
    return found


def main() -> None:
    """Make the ranks."""
    argparse.ArgumentParser(prog=COMMAND, description=__doc__).parse_args()
    ads.setup(13)
    code = ads.stan.path("ets_damped").read_text(encoding="utf-8")
    start = time.perf_counter()
    result: dict[str, Any] = {"draws": 99}
    result["worlds"] = {kind: ranks(code, kind, worlds) for kind, worlds in WORLDS.items()}
    result["seconds"] = round(time.perf_counter() - start)
    write_results(
        "13_calibration",
        result,
        summary=f"Ranks of true values among posterior draws in {sum(WORLDS.values())} simulated worlds, for lecture 13.",
        shape=f"{WORLDS['right']} worlds of the model's own equations and {WORLDS['level']} + {WORLDS['season']} of two mistakes "
        "of the notes; for each world a rank by quantity, the largest R-hat, the smallest effective size and the divergences",
        units="ranks from 0 to 99: how many of 99 thinned draws lie below the true value",
        origin="series drawn from the priors and fitted by the Stan program ets_damped with the code that lecture 13 exports",
        licence="CC BY 4.0 (made for this course); simulated, no data",
        command=COMMAND,
    )


if __name__ == "__main__":
    main()
