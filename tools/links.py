"""Asks for every external link of the book: ``python -m tools.links`` (``make links``). Needs the network.

Sphinx's own builder ``linkcheck`` does the asking, with the settings ``linkcheck_…`` of ``_config.yml``. Links within the
book are not its business: a build with a dead one fails. The report is ``_build/links.txt``; a link that is broken makes
the command fail, one that leads on to another address is named and does not.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from tools import site

GOOD, MOVED = ("working", "redirected"), "redirected"
NOT_ASKED = ("ignored", "unchecked", "local")


class LinksError(Exception):
    """The links were not asked for; the message says why."""


def check(root: Path = site.ROOT) -> list[dict[str, str]]:
    """Asks for the links of the book at `root` and returns one entry for each, sorted by page and line.

    Raises:
        LinksError: the book could not be read.
    """
    work = root / "_build/links"
    shutil.rmtree(work, ignore_errors=True)
    with site.jupyter_book(root, work, "--builder", "linkcheck") as asking:
        said, _ = asking.communicate()
    report = work / "_build/html/output.json"
    if not report.is_file():
        raise LinksError(f"{said[-3000:]}\nThe links were not checked.")
    entries = [json.loads(line) for line in report.read_text("utf-8").splitlines()]
    asked = [entry for entry in entries if entry["status"] not in NOT_ASKED]
    if not asked:
        raise LinksError("The book has no external link: something is wrong with the check.")
    return sorted(asked, key=lambda entry: (entry["filename"], entry["lineno"], entry["uri"]))


def lines(entries: list[dict[str, str]]) -> list[str]:
    """The report: what is broken, what has moved, and the counts in the last line."""
    broken = [entry for entry in entries if entry["status"] not in GOOD]
    moved = [entry for entry in entries if entry["status"] == MOVED]
    told = [f"{_place(entry)}: {entry['uri']} {entry['status']}: {entry['info']}" for entry in broken]
    told += [f"{_place(entry)}: {entry['uri']} leads on to {entry['info']}" for entry in moved]
    return [*told, f"{len(entries)} links, {len(moved)} moved, {len(broken)} broken"]


def _place(entry: dict[str, str]) -> str:
    return f"{entry['filename']}:{entry['lineno']}"


def main(root: Path = site.ROOT) -> int:
    """Prints the report and returns the exit status."""
    print("Asking for every external link of the book …", flush=True)
    try:
        entries = check(root)
    except LinksError as error:
        print(error, file=sys.stderr)
        return 1
    report = lines(entries)
    (root / "_build/links.txt").write_text("\n".join([*report, ""]), "utf-8")
    print("\n".join(report))
    return int(any(entry["status"] not in GOOD for entry in entries))


if __name__ == "__main__":
    sys.exit(main())
