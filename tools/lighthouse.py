"""Measures a page of the built site with Lighthouse: ``.venv/bin/python -m tools.lighthouse``.

Not part of `make test`: the scores depend on how busy the machine is. It needs Chromium and Node.js; `npx` fetches Lighthouse
and a server that compresses. What does not depend on load is held by ``tests/test_weight.py``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIGHTHOUSE, SERVER = "lighthouse@12.8.2", "serve@14.2.4"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
TIMES = {
    "first-contentful-paint": "first paint",
    "largest-contentful-paint": "largest paint",
    "total-blocking-time": "blocked",
}


def report(address: str, preset: str) -> dict[str, Any]:
    """One run of Lighthouse, `preset` being mobile or desktop."""
    command = ["npx", "--yes", LIGHTHOUSE, address, "--quiet", "--output=json"]
    command += ["--chrome-flags=--headless=new --no-sandbox --disable-gpu"]
    command += ["--preset=desktop"] if preset == "desktop" else []
    chrome = shutil.which("chromium") or shutil.which("google-chrome")
    environment = {**os.environ, **({"CHROME_PATH": chrome} if chrome else {})}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def spread(values: list[float]) -> str:
    """The median, with minimum and maximum where they differ."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.0f}" if low == high else f"{middle:.0f} ({low:.0f} to {high:.0f})"


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.lighthouse", description=__doc__)
    parser.add_argument("page", nargs="?", default="notebooks/04_normalizing_flows.html")
    parser.add_argument("--site", type=Path, default=ROOT / "_build/html", help="folder of the built site")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    if not shutil.which("npx"):
        parser.exit(2, "npx was not found: install Node.js\n")
    if not (arguments.site / arguments.page).is_file():
        parser.exit(2, f"{arguments.site / arguments.page} is not there: run make book\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = [
        "npx",
        "--yes",
        SERVER,
        "--listen",
        f"tcp://127.0.0.1:{port}",
        "--no-clipboard",
        str(arguments.site),
    ]
    server = subprocess.Popen(serve, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        address = f"http://127.0.0.1:{port}/{arguments.page.removesuffix('.html')}"
        print(f"{arguments.page}, {arguments.runs} runs each on {os.cpu_count()} cores, {platform.machine()}")
        for preset in ("mobile", "desktop"):
            runs = [report(address, preset) for _ in range(arguments.runs)]
            scores = [
                f"{name} {spread([100 * run['categories'][name]['score'] for run in runs])}"
                for name in CATEGORIES
            ]
            times = [
                f"{what} {spread([run['audits'][name]['numericValue'] for run in runs])} ms"
                for name, what in TIMES.items()
            ]
            weight = runs[0]["audits"]["total-byte-weight"]["numericValue"]
            requests = len(runs[0]["audits"]["network-requests"]["details"]["items"])
            speed = spread([run["environment"]["benchmarkIndex"] for run in runs])
            print(f"{preset}: {', '.join(scores)}")
            print(
                f"  {', '.join(times)}; {weight / 1000:.0f} kB in {requests} requests; speed index of the machine {speed}"
            )
    finally:
        server.terminate()
        server.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
