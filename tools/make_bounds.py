"""Make the reference bounds of lecture 11: the alpha-spending solver of a package that cannot live in our environment.

``python -m tools.make_bounds`` writes ``data/results/11_bounds.json`` with its card, in a minute. The solver is one file of
spotify-confidence, which needs a pandas before 3: it is read from the pinned wheel and run in a throw-away environment.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

from tools.kept import fetch, write_results

COMMAND = "python -m tools.make_bounds"
PIN = ("spotify-confidence", "4.1.0", "ae2dcbd8e6606ee03e25c91d62c7fc9c932e17d4e024183acbd5ce83d5bfc87c")
SOLVER = "spotify_confidence/analysis/frequentist/sequential_bound_solver.py"
NEEDS = ("pandas==2.2.3", "scipy==1.15.2", "numpy==2.2.4")
TIMES = {
    "five equal looks": [0.2, 0.4, 0.6, 0.8, 1.0],
    "odd times": [0.1, 0.35, 0.5, 1.0],
    "ten equal looks": [round(0.1 * j, 1) for j in range(1, 11)],
}
RHO = (1.0, 2.0, 3.0)
PROGRAM = """
import json, sys
import numpy as np
from sequential_bound_solver import bounds
times, rhos = json.loads(sys.argv[1])
found = [
    {"looks": name, "t": t, "rho": rho, "bounds": [round(b, 6) for b in bounds(np.array(t), 0.05, rho, 8, 2).bounds]}
    for name, t in times.items() for rho in rhos
]
print(json.dumps(found))
"""


def solve(folder: Path) -> list[dict[str, object]]:
    """Bounds of the package's solver, in an environment of its own."""
    wheel = fetch(PIN, folder, "--only-binary=:all:")
    with zipfile.ZipFile(wheel) as archive:
        (folder / Path(SOLVER).name).write_bytes(archive.read(SOLVER))
    venv.create(folder / "environment", with_pip=True)
    python = str(folder / "environment" / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--only-binary=:all:", *NEEDS], check=True)
    program = [python, "-W", "ignore", "-c", PROGRAM, json.dumps([TIMES, RHO])]
    done = subprocess.run(program, check=True, cwd=folder, stdout=subprocess.PIPE, text=True)
    return list(json.loads(done.stdout))


def main() -> None:
    """Make the bounds."""
    argparse.ArgumentParser(prog=COMMAND, description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = solve(Path(folder))
    write_results(
        "11_bounds",
        {"alpha": 0.05, "sides": 2, "bounds": found},
        summary="Bounds of group-sequential tests from the alpha-spending solver of spotify-confidence, for lecture 11.",
        shape=f"{len(found)} plans, {len(TIMES)} sets of looks times {len(RHO)} exponents, each with a bound for every look",
        units="bounds of a standard normal statistic that spend the level 0.05 times t to the power rho by the share t of the "
        "users, half on each side",
        origin=f"{SOLVER} of spotify-confidence {PIN[1]} (Apache-2.0), with {', '.join(NEEDS)}",
        licence="CC BY 4.0 (made for this course); computed, no data",
        command=COMMAND,
    )


if __name__ == "__main__":
    main()
