"""Builds the site: ``python -m tools.site build`` turns ``book/`` and ``notebooks/`` into ``_build/html``.

Jupyter Book works in ``_build/site``; only a build without a single warning is copied to ``_build/html``, in one
rename. A build that fails throws its working folder away (Sphinx would not repeat the warnings of pages that it has
read already) and leaves the last good site where it is; so does one that is interrupted. When no input has changed
there is nothing to do; when only texts have changed, only they are rendered again.
"""

from __future__ import annotations

import argparse
import hashlib
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml
from filelock import FileLock

from tools import GRAMMAR

ROOT = Path(__file__).resolve().parent.parent

# All that the pages are made from. A change of a file in the first list renders every page again, a change of one in
# the second only the pages that it concerns.
STRUCTURE = [
    "_config.yml",
    "_toc.yml",
    "book/_ext/**/*",
    "book/_static/**/*",
    "requirements/book.txt",
    "tools/site.py",
]
CONTENT = [
    "book/**/*",
    "notebooks/*.ipynb",
    "applied_ds/data/*.py",
    "applied_ds/data/*.toml",
    "data/**/*.card.toml",
]


# The program jupyter-book, without the grammar that it does not need: a third of the time of a small build.
JUPYTER_BOOK = f"""
import sys
sys.modules["{GRAMMAR}"] = None
from jupyter_book.cli.main import main
sys.argv[0] = "jupyter-book"
sys.exit(main())
"""


class BuildError(Exception):
    """The site was not built; the message says why and where the whole log is."""


@dataclass(frozen=True)
class Build:
    """What a build did: the site's folder, the log of Jupyter Book ("" if nothing had to be done), the seconds."""

    html: Path
    log: str
    seconds: float


def build(root: Path = ROOT, *, fresh: bool = False) -> Build:
    """Builds the site of the tree at `root` and returns what was done.

    Raises:
        BuildError: Jupyter Book failed or warned; the site that was there before is untouched.
    """
    start = time.monotonic()
    html, work = root / "_build/html", root / "_build/site"
    html.parent.mkdir(exist_ok=True)
    with FileLock(root / "_build/site.lock"):
        before = _stamped(root)
        now = fingerprints(root)
        if before == now and not fresh:
            print("The site is up to date.")
            return Build(html, "", time.monotonic() - start)
        finished = work / "finished"
        if (
            fresh
            or before.get("structure") != now["structure"]
            or _sphinx_would_miss(root, before, now, finished)
        ):
            shutil.rmtree(work, ignore_errors=True)
        finished.unlink(missing_ok=True)
        log = _run_jupyter_book(root, work)
        finished.touch()
        (work / "_build/html/.inputs.json").write_text(json.dumps(now), "utf-8")
        _publish(work / "_build/html", html)
    return Build(html, log, time.monotonic() - start)


def _sphinx_would_miss(root: Path, before: dict[str, str], now: dict[str, str], finished: Path) -> bool:
    """Whether a file has changed, yet is older than the last build (moved or unpacked): Sphinx goes by times."""
    if not finished.exists():
        return True
    changed = [name for name in now if now[name] != before.get(name) and (root / name).is_file()]
    return any((root / name).stat().st_mtime <= finished.stat().st_mtime for name in changed)


def is_current(root: Path = ROOT) -> bool:
    """Whether `_build/html` is the site of exactly the files that are in the tree."""
    return _stamped(root) == fingerprints(root)


def _stamped(root: Path) -> dict[str, str]:
    """What the built site was made from; empty if there is no site or its stamp is damaged."""
    try:
        stamp = json.loads((root / "_build/html/.inputs.json").read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def fingerprints(root: Path) -> dict[str, str]:
    """Checksums of all inputs: `structure` covers what every page shows (settings, names, titles), then file by file."""
    structure = hashlib.sha256(sys.version.encode())
    files = {}
    for path in _files(root, STRUCTURE):
        structure.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    for path in _files(root, CONTENT):
        name = path.relative_to(root).as_posix()
        structure.update(f"{name}\0".encode())
        files[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    for path in documents(root):
        title = (
            re.search(r'^(?:\s*")?# (.+)$', path.read_text("utf-8"), re.MULTILINE) if path.is_file() else None
        )
        structure.update(f"{path.relative_to(root)}\0{title and title[1]}\0".encode())
    return {"structure": structure.hexdigest(), **files}


def documents(root: Path = ROOT) -> list[Path]:
    """The files that `_toc.yml` lists, in its order; a lecture is an .ipynb, every other page an .md."""
    toc = yaml.safe_load((root / "_toc.yml").read_text("utf-8"))
    names = [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]
    return [root / (f"{name}.ipynb" if name.startswith("notebooks/") else f"{name}.md") for name in names]


def _files(root: Path, patterns: list[str]) -> list[Path]:
    found = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
    return sorted(path for path in found if "__pycache__" not in path.parts)


def jupyter_book(root: Path, work: Path, *arguments: str) -> subprocess.Popen[str]:
    """Starts `jupyter-book build` of the tree at `root` into `work`; its output and errors come as one text."""
    return subprocess.Popen(
        [sys.executable, "-c", JUPYTER_BOOK, "build", str(root), "--path-output", str(work), *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )


def _run_jupyter_book(root: Path, work: Path) -> str:
    lines = []
    process = jupyter_book(root, work, "-W", "-n", "--keep-going")
    assert process.stdout is not None
    try:
        for coloured in process.stdout:
            line = re.sub(r"\x1b\[[\d;]*m", "", coloured)
            lines.append(line)
            _show_progress(line)
        status = process.wait()
    except BaseException:  # whoever is interrupted leaves nothing behind that still writes
        process.kill()
        process.wait()
        raise
    log = "".join(lines)
    (root / "_build/site.log").write_text(log, "utf-8")
    problems = [line.rstrip() for line in lines if re.search(r"\b(WARNING|ERROR|CRITICAL)\b", line)]
    problems += [
        line.rstrip() for line in lines if re.match(r"Reason: |sphinx\.errors\.ExtensionError: ", line)
    ]
    if status or problems:
        shutil.rmtree(work, ignore_errors=True)
        shown = "\n".join(problems or [line.rstrip() for line in lines[-15:]])
        raise BuildError(f"{shown}\nThe site was not built. The whole log: {root / '_build/site.log'}")
    return log


def _show_progress(line: str) -> None:
    """One line that moves when a person watches, one line a phase otherwise."""
    found = re.match(r"(reading sources|writing output)\.\.\. \[ *(\d+)%\] (.+)", line)
    if not found:
        return
    phase, percent, page = found[1], int(found[2]), found[3].strip()
    if sys.stdout.isatty():
        end = "\n" if percent == 100 else ""
        print(f"\r\033[K  {phase} {percent:3d}% {'' if end else page}", end=end, flush=True)
    elif percent == 100:
        print(f"  {phase}: done", flush=True)


def _publish(source: Path, target: Path) -> None:
    """Puts a copy of the finished site in the place of the old one; the working folder stays for the next build."""
    new, old = target.with_name("html.new"), target.with_name("html.old")
    shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(source, new)
    if target.exists():
        target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a line for each request."""

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def served(html: Path) -> Iterator[str]:
    """Serves the folder on the loopback interface while the block runs; gives the address, without a final slash."""
    handler = partial(_QuietHandler, directory=str(html))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.site")
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="build the site into _build/html")
    building.add_argument("--fresh", action="store_true", help="start from nothing")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(f"Building the site from {len(documents())} pages …", flush=True)
    try:
        done = build(fresh=arguments.fresh)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Done in {done.seconds:.0f} s. Open {(done.html / 'index.html').relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
