"""Make ``.venv`` ready: ``bootstrap.py book`` for building the pages, ``bootstrap.py course`` for everything.

Runs before anything is installed, so it uses the standard library alone, and its syntax is that of Python 3.6:
a Python that is too old must be able to read this file in order to say so.
"""

import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(
        "Python 3.11, 3.12 or 3.13 is needed and {} is {}: install one of them, or name one, as in "
        "'make book PYTHON=/path/to/python3.11'.".format(sys.executable, sys.version.split()[0])
    )

import argparse
import hashlib
import json
import os
import platform
import queue
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "applied-ds.json"
LOG = ROOT / "_build" / "bootstrap.log"
KINDS = ("book", "course")

# What pip says when it cannot reach an index, and when the index has no package that fits.
NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|Failed to establish a new connection|Network is unreachable"
    r"|ConnectTimeoutError|ReadTimeoutError|ProxyError|Connection (?:reset|aborted|refused)"
)
NO_PACKAGE = re.compile(r"No matching distribution found for ([A-Za-z0-9._-]+)")
DONE = re.compile(r"\s*(?:Collecting|Requirement already satisfied:|Ignoring) ([A-Za-z0-9._-]+)")


class SetupError(Exception):
    """A set-up that cannot go on; its text is the one sentence for the reader."""


def digest(*paths: Path) -> str:
    """SHA-256 over the contents of files."""
    total = hashlib.sha256()
    for path in paths:
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def lock_of(kind: str) -> Path:
    """The lock file of an environment."""
    return ROOT / "requirements" / (kind + ".txt")


def wanted(kind: str) -> "dict[str, str]":
    """What the stamp says once the environment is complete."""
    return {
        "kind": kind,
        "lock": digest(lock_of(kind)),
        "helper": digest(ROOT / "pyproject.toml", ROOT / "hatch_build.py"),
        "place": str(VENV),
    }


def stamped() -> "dict[str, str]":
    """The stamp of the last complete set-up, empty if there is none or its interpreter does not run."""
    try:
        stamp = json.loads(STAMP.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(stamp, dict) or stamp.get("place") != str(VENV):
        return {}
    try:
        works = subprocess.run([str(PYTHON), "-c", "import pip"], stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        works = False
    return stamp if works else {}


class Progress:
    """Says how far a long command is: one line redrawn on a terminal, a line every quarter minute elsewhere."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total = title, total
        self.done, self.now = 0, "starting"
        self.start = time.monotonic()
        self.live = sys.stdout.isatty()
        self.next = self.start + (0 if self.live else 15)

    def read(self, line: str) -> None:
        """Take one line of pip's output into account."""
        found = DONE.match(line)
        if found:
            self.done, self.now = min(self.done + 1, self.total), found.group(1)
        elif line.startswith("Installing collected packages"):
            self.done, self.now = self.total, "unpacking"

    def show(self) -> None:
        """Print the state if it is time to."""
        now = time.monotonic()
        if now < self.next:
            return
        self.next = now + (0.2 if self.live else 15)
        text = "{}: {} of {}, {}, {:.0f} s".format(
            self.title, self.done, self.total, self.now, now - self.start
        )
        print("\r\033[K  " + text if self.live else "  " + text, end="" if self.live else "\n", flush=True)

    def finish(self, result: str) -> None:
        """Replace the progress by its result."""
        seconds = time.monotonic() - self.start
        start = "\r\033[K" if self.live else ""
        print("{}  {}: {} after {:.0f} s".format(start, self.title, result, seconds), flush=True)


def pip(title: str, arguments: "list[str]", total: int) -> None:
    """Run pip of ``.venv``, its output to the log, its progress to the reader."""
    command = [str(PYTHON), "-m", "pip", "--no-input", "--disable-pip-version-check", *arguments]
    progress = Progress(title, total)
    lines: "queue.Queue[str | None]" = queue.Queue()
    kept = []
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("a") as log:
        log.write("$ {}\n".format(" ".join(command)))
        child = subprocess.Popen(
            command, cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True
        )

        def pump() -> None:
            for line in child.stdout or ():
                lines.put(line)
            lines.put(None)

        threading.Thread(target=pump, daemon=True).start()
        try:
            while True:
                try:
                    line = lines.get(timeout=0.5)
                except queue.Empty:
                    progress.show()
                    continue
                if line is None:
                    break
                log.write(line)
                kept.append(line)
                progress.read(line)
                progress.show()
        except BaseException:
            child.terminate()  # or it would go on writing into an environment that is made anew
            child.wait()
            raise
    if child.wait() == 0:
        progress.finish("done")
        return
    progress.finish("failed")
    output = "".join(kept)
    place = LOG.relative_to(ROOT)
    unfit = NO_PACKAGE.search(output)
    if NO_NETWORK.search(output) or (unfit and os.environ.get("PIP_NO_INDEX")):
        raise SetupError(
            "No network: pip could not reach the package index and what is missing is not cached; connect and "
            "run the same command again (pip's own words are in {}).".format(place)
        )
    if unfit:
        raise SetupError(
            "The package index has no {} for this machine ({} {}, Python {}): Linux x86-64 and macOS arm64 are "
            "supported (pip's own words are in {}).".format(
                unfit.group(1), platform.system(), platform.machine(), platform.python_version(), place
            )
        )
    errors = [line.strip() for line in kept if re.match(r"\s*error:", line, re.IGNORECASE)] or [
        "it gave no reason"
    ]
    raise SetupError(
        "pip could not finish ({}); its whole output is in {}.".format(errors[0].rstrip("."), place)
    )


def create() -> None:
    """A new, empty ``.venv``; what was there before goes."""
    try:
        import ensurepip  # noqa: F401
        import venv
    except ImportError:
        version = "{}.{}".format(*sys.version_info[:2])
        raise SetupError(
            "Python's own module venv is not installed: on Debian and Ubuntu run 'apt-get install "
            "python{}-venv', then the same command again.".format(version)
        ) from None
    print("  a new virtual environment in .venv, Python {}".format(sys.version.split()[0]), flush=True)
    if VENV.exists():
        shutil.rmtree(str(VENV))
    venv.create(str(VENV), with_pip=True, symlinks=True)


def install(kind: str) -> None:
    """Bring ``.venv`` to the state of the lock: nothing to do, an update, or everything anew."""
    stamp = stamped()
    if kind == "book" and stamp.get("kind") == "course":
        kind = "course"  # the larger environment holds the smaller one
    goal = wanted(kind)
    if stamp == goal:
        return
    print("Setting up .venv for the {} (once; {})".format(kind, "update" if stamp else "new"), flush=True)
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_text("")
    if stamp:
        STAMP.unlink()  # from here to the end an interruption leaves no stamp, and the next call starts anew
    else:
        create()
    if stamp.get("lock") != goal["lock"]:
        lock = lock_of(kind)
        total = len(re.findall(r"^[A-Za-z0-9][^\n]*==", lock.read_text(), re.MULTILINE))
        name = str(lock.relative_to(ROOT))
        # Compiling everything takes as long as unpacking it; Python compiles what is used when it is used.
        options = ["--progress-bar=off", "--no-compile", "--require-hashes", "-r", name]
        pip("packages of " + name, ["install", *options], total)
    pip(
        "the helper package applied_ds",
        ["install", "--no-deps", "--no-build-isolation", "--no-index", "-e", "."],
        1,
    )
    STAMP.write_text(json.dumps(goal, indent=1) + "\n")


def prefetch() -> None:
    """Fetch the pinned data of the course into the cache."""
    if subprocess.run([str(PYTHON), "-m", "applied_ds.data", "prefetch"], cwd=str(ROOT)).returncode:
        raise SetupError("The data of the course could not be fetched; the reason stands above.")


def compile_programs() -> None:
    """Compile the Stan programs of the lectures into the cache; a machine without a compiler goes on without."""
    if subprocess.run([str(PYTHON), "-m", "applied_ds.stan"], cwd=str(ROOT)).returncode:
        raise SetupError("A Stan program of the course could not be compiled; the reason stands above.")


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("kind", choices=KINDS)
    kind = parser.parse_args().kind
    try:
        install(kind)
        if kind == "course":
            prefetch()
            compile_programs()
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the same command starts the set-up again.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    os.environ.pop("PYTHONHOME", None)
    sys.exit(main())
