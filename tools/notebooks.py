"""Executes, normalises and compares the notebooks: ``python -m tools.notebooks COMMAND [NB …]``.

A notebook is named by its lecture (``04``, ``6b``) or by its path; without a name all of them are meant.

run          execute in place, then normalise; an unchanged notebook gives the same bytes again
normalise    rewrite the exercises' hints and the layout of the file without executing anything
determinism  execute twice without writing and compare every output except those of cells tagged `timing`
bench        execute without writing and print what the cells tagged `timing` measured
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import copy
import hashlib
import io
import math
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from PIL import Image
from tqdm import tqdm

from tools.kernels import PeakMemory, merged_environment

ROOT = Path(__file__).resolve().parent.parent
STYLE = ROOT / "notebooks" / "ruff.toml"
NOTEBOOKS = ROOT / "notebooks"
CELL_TIMEOUT = 300
KERNEL = "python3"
# Metadata that a notebook of the course may carry; editors add theirs, and it is dropped.
CELL_METADATA = {"applied_ds", "mystnb", "tags"}
NOTEBOOK_METADATA = {"applied_ds", "myst", "mystnb"}
FIXED_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": KERNEL},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
RUNNING_TIME = re.compile(r"running time about (?:\d+|…|\?) s\b")
# A picture with more colours than this is a photograph.
DRAWING_COLOURS = 20_000
# A change in the helper can reach every notebook; this many are executed twice for it, the quickest first.
HELPER_SAMPLE = 3


class NotebookError(Exception):
    """Something in a notebook that stops the command; the message is for the author of the notebook."""


# --- The file ---


def find(names: Sequence[str]) -> list[Path]:
    """The notebooks meant by `names` (lecture numbers or paths), or all of them."""
    if not names:
        paths = sorted(NOTEBOOKS.glob("*.ipynb"))
        if not paths:
            raise NotebookError(f"there is no notebook in {NOTEBOOKS.name}/")
        return paths
    paths = []
    for name in names:
        number = re.fullmatch(r"(\d+)([a-z]?)", name)
        if number:
            matches = list(NOTEBOOKS.glob(f"{int(number[1]):02d}{number[2]}_*.ipynb"))
        else:
            matches = [Path(name).resolve()] if Path(name).is_file() else []
        if len(matches) != 1:
            raise NotebookError(f"{name!r} names {len(matches)} notebooks; give a lecture's number or a path")
        paths += matches
    return paths


def read(text: str) -> NotebookNode:
    """Parse a notebook; cells without an id get one that depends on their place and source only."""
    try:
        nb: NotebookNode = nbformat.reads(text, as_version=nbformat.NO_CONVERT)
    except nbformat.reader.NotJSONError as error:
        raise NotebookError("the file is not a notebook") from error
    nb.nbformat_minor = 5
    for index, cell in enumerate(nb.cells):
        if "id" not in cell:
            cell["id"] = hashlib.sha256(f"{index}\n{cell.source}".encode()).hexdigest()[:8]
    return nb


def to_text(nb: NotebookNode) -> str:
    """The bytes of a notebook as we store it: sorted keys, one trailing newline."""
    try:
        nbformat.validate(nb)
    except nbformat.ValidationError as error:
        raise NotebookError(f"not a valid notebook: {error.message}") from error
    text: str = nbformat.writes(nb, version=nbformat.NO_CONVERT)
    return text.rstrip("\n") + "\n"


def write(path: Path, nb: NotebookNode) -> bool:
    """Write the notebook whole or not at all; True if the file changed."""
    text = to_text(nb)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".notebook-") as place:
        temporary = Path(place) / path.name
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.replace(path)
    return True


# --- Parts of a notebook ---


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return list(cell.metadata.get("tags", []))


def code_cells(nb: NotebookNode) -> list[NotebookNode]:
    """The code cells, in order."""
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def code_hash(nb: NotebookNode) -> str:
    """SHA-256 over the sources of all code cells, as kept in ``metadata.applied_ds.code``."""
    return hashlib.sha256("\0".join(cell.source for cell in code_cells(nb)).encode()).hexdigest()


def stored_hash(nb: NotebookNode) -> str | None:
    """The hash of the code that gave the stored outputs, or None if the notebook was never executed."""
    code: str | None = nb.metadata.get("applied_ds", {}).get("code")
    return code


def cell_name(nb: NotebookNode, cell: NotebookNode) -> str:
    """A name by which an author finds a code cell: its number and first line."""
    number = next(number for number, other in enumerate(code_cells(nb), start=1) if other is cell)
    lines = cell.source.strip().splitlines() or ["(empty)"]
    return f"code cell {number} ({lines[0][:60]})"


# --- Normal form ---


def format_code(text: str) -> str:
    """The notebook (as JSON text) with its code formatted by ruff in the project's style."""
    command = [sys.executable, "-m", "ruff", "format", "--config", str(STYLE)]
    done = subprocess.run(
        [*command, "--stdin-filename", "notebook.ipynb", "-"], input=text, capture_output=True, text=True
    )
    if done.returncode:
        raise NotebookError(done.stderr.strip())
    return done.stdout


def merge_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join neighbouring outputs of one stream: where the kernel cuts a stream depends on the clock."""
    merged: list[NotebookNode] = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged


def _keep(metadata: NotebookNode, allowed: set[str]) -> None:
    for key in [key for key, value in metadata.items() if key not in allowed or not value]:
        del metadata[key]


def normalise(nb: NotebookNode) -> NotebookNode:
    """The normal form of a notebook: formatted code, our metadata only, streams merged. Idempotent."""
    nb = read(format_code(to_text(nb)))
    _keep(nb.metadata, NOTEBOOK_METADATA)
    nb.metadata.update(copy.deepcopy(FIXED_METADATA))
    for cell in nb.cells:
        _keep(cell.metadata, CELL_METADATA)
        cell.source = cell.source.rstrip()
        if cell.cell_type == "code":
            cell.outputs = merge_streams(cell.outputs)
    return nb


def shrink_pictures(nb: NotebookNode) -> None:
    """Store drawings with a palette of 256 colours, which makes them a third of the size; photographs stay as they are."""
    for cell in code_cells(nb):
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/png" not in data:
                continue
            stored, small = base64.b64decode(data["image/png"]), io.BytesIO()
            picture = Image.open(io.BytesIO(stored))
            colours = picture.convert("RGB")
            if picture.mode == "P" or colours.getcolors(DRAWING_COLOURS) is None:
                continue
            colours.quantize(256, Image.Quantize.MAXCOVERAGE).save(small, "PNG", optimize=True)
            if small.tell() < len(stored):
                data["image/png"] = base64.b64encode(small.getvalue()).decode()


def help_text(exercise: str) -> str:
    """Hints and solution of an exercise as Markdown, from its declaration."""
    import applied_ds

    try:
        text: str = applied_ds.exercise(exercise).to_markdown()
    except ValueError as error:
        raise NotebookError(str(error)) from error
    return text.rstrip()


def write_help(nb: NotebookNode) -> None:
    """Fill the cells tagged `exercise-help` from the declarations of their exercises."""
    for cell in nb.cells:
        if "exercise-help" in tags(cell):
            exercise = cell.metadata.get("applied_ds", {}).get("exercise")
            if not exercise:
                raise NotebookError(f"the help cell {cell.id} does not say which exercise it belongs to")
            cell.source = help_text(exercise)


# --- Execution ---


@dataclass
class Execution:
    """An executed copy of a notebook, with what it took."""

    nb: NotebookNode
    seconds: float
    megabytes: float


def execute(path: Path, nb: NotebookNode, watch: bool = True) -> Execution:
    """Execute a copy of `nb` in a fresh kernel, in the folder of `path`.

    Raises NotebookError, naming the cell, when a cell fails or writes to stderr: nobody stores a warning.
    """
    nb = copy.deepcopy(nb)
    current = nb.cells[0]
    memory: PeakMemory | None = None
    bar = tqdm(total=len(nb.cells), desc=path.stem, unit="cell", leave=False, disable=None if watch else True)

    def on_cell_start(cell: NotebookNode, cell_index: int) -> None:
        nonlocal current
        current = cell
        bar.update(cell_index - bar.n)

    def on_cell_executed(cell: NotebookNode, cell_index: int, execute_reply: Any) -> None:
        for output in cell.outputs:
            if output.get("name") == "stderr":
                text = output.text.strip()[:300]
                raise NotebookError(f"{cell_name(nb, cell)} wrote to stderr: {text}")

    def on_notebook_start(notebook: NotebookNode) -> None:
        nonlocal memory
        memory = PeakMemory(client.km)
        # nbclient answers Ctrl-C by killing the kernel and going on; we want to stop.
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)

    client = NotebookClient(
        nb,
        timeout=CELL_TIMEOUT,
        kernel_name=KERNEL,
        record_timing=False,
        force_raise_errors=True,
        extra_arguments=["--log-level=CRITICAL"],  # else it warns that it talks over a local socket
        on_cell_start=on_cell_start,
        on_cell_executed=on_cell_executed,
        on_notebook_start=on_notebook_start,
    )
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as state, bar:
            client.execute(cwd=str(path.parent), env=merged_environment(Path(state)))
    except CellExecutionError as error:
        reason = f"{error.ename}: {error.evalue}"
        raise NotebookError(f"{cell_name(nb, current)} failed: {reason}") from error
    except CellTimeoutError as error:
        raise NotebookError(f"{cell_name(nb, current)} did not end in {CELL_TIMEOUT} s") from error
    except DeadKernelError as error:
        raise NotebookError(f"{cell_name(nb, current)} killed the kernel (out of memory?)") from error
    finally:
        megabytes = memory.stop() if memory else 0.0
    seconds = time.monotonic() - started
    return Execution(normalise(nb), seconds, megabytes)


def run(path: Path, measure: bool = False) -> str:
    """Execute a notebook in place and normalise it; returns a line of report.

    Times are measured anew only if `measure` is given or the code changed: the stored outputs of cells tagged
    `timing` and the running time in the first cell are kept otherwise.
    """
    stored = read(path.read_text(encoding="utf-8"))
    if not RUNNING_TIME.search(stored.cells[0].source if stored.cells else ""):
        raise NotebookError("the first cell lacks the words 'running time about … s'")
    nb = copy.deepcopy(stored)
    write_help(nb)
    nb = normalise(nb)
    measure = measure or stored_hash(nb) != code_hash(nb)
    done = execute(path, nb)
    nb = done.nb
    shrink_pictures(nb)
    if measure:
        seconds = math.ceil(done.seconds / 10) * 10
        nb.metadata.setdefault("applied_ds", {}).update(seconds=seconds, code=code_hash(nb))
    else:
        seconds = nb.metadata.applied_ds.seconds
        for new, old in zip(code_cells(nb), code_cells(stored), strict=True):
            if "timing" in tags(new):
                new.outputs = old.outputs
    nb.cells[0].source = RUNNING_TIME.sub(f"running time about {seconds} s", nb.cells[0].source)
    changed = write(path, normalise(nb))
    verdict = "written" if changed else "unchanged"
    return f"{path.name}: {done.seconds:.1f} s, peak {done.megabytes:.0f} MB, {verdict}"


# --- Determinism ---


def difference(first: NotebookNode, second: NotebookNode) -> str | None:
    """The first cell whose outputs differ between two executions, cells tagged `timing` aside."""
    for one, other in zip(code_cells(first), code_cells(second), strict=True):
        if "timing" not in tags(one) and one.outputs != other.outputs:
            return f"{cell_name(first, one)}: {_where(one.outputs, other.outputs)}"
    return None


def _where(one: list[NotebookNode], other: list[NotebookNode]) -> str:
    if len(one) != len(other):
        return f"{len(one)} and {len(other)} outputs"
    left, right = next((a, b) for a, b in zip(one, other, strict=True) if a != b)
    if left.output_type == right.output_type == "stream":
        lines = zip(left.text.splitlines(), right.text.splitlines(), strict=False)
        return next((f"{a!r} and {b!r}" for a, b in lines if a != b), "texts of different length")
    kinds = sorted(key for key in left.get("data", {}) if left.data[key] != right.get("data", {}).get(key))
    return f"different {', '.join(kinds) or left.output_type}"


def compare_twice(path: Path) -> str:
    """Execute a notebook twice, both at once on a thread each; raises NotebookError if they differ."""
    nb = read(path.read_text(encoding="utf-8"))
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda watch: execute(path, nb, watch=watch).nb, (True, False))
    found = difference(first, second)
    if found:
        raise NotebookError(f"two executions differ at {found}")
    return f"{path.name}: equal"


def _git(*arguments: str) -> str | None:
    """Output of a git command, or None where it fails (no history, no such commit or file)."""
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def base_commit() -> str | None:
    """What a change is measured against: where the branch left origin/main, else the commit before HEAD."""
    head, fork = _git("rev-parse", "HEAD"), _git("merge-base", "HEAD", "origin/main")
    return fork if fork and fork != head else _git("rev-parse", "--verify", "--quiet", "HEAD~1^{commit}")


def changed_notebooks(paths: list[Path]) -> tuple[list[Path], str]:
    """The notebooks whose results a change may have touched, and the reason in a few words.

    These are the notebooks whose code changed and those whose exercises changed. If the rest of the helper or
    the locked versions changed, `HELPER_SAMPLE` of the others are added, the quickest: all would not fit in CI,
    and `--all` is there for it. Without a history to compare with, all are taken.
    """
    base = base_commit()
    if base is None:
        return paths, "no earlier commit here: all"
    listed = (_git("diff", "--name-only", base) or "").splitlines()
    listed += (_git("ls-files", "--others", "--exclude-standard") or "").splitlines()
    touched: dict[Path, NotebookNode] = {}
    others: dict[Path, NotebookNode] = {}
    for path in paths:
        nb = read(path.read_text(encoding="utf-8"))
        old = _git("show", f"{base}:{path.relative_to(ROOT).as_posix()}")
        lecture = path.name.split("_")[0]
        changed = old is None or code_hash(read(old)) != code_hash(nb)
        changed = changed or f"applied_ds/exercises/ch{lecture}.py" in listed
        (touched if changed else others)[path] = nb
    helper = [name for name in listed if name.startswith("applied_ds/") and "/exercises/ch" not in name]
    if not helper and "requirements/course.txt" not in listed:
        return list(touched), f"changed since {base[:8]}"
    quickest = sorted(others, key=lambda path: others[path].metadata.get("applied_ds", {}).get("seconds", 0))
    sample = quickest[:HELPER_SAMPLE]
    left = len(quickest) - len(sample)
    reason = f"changed since {base[:8]}, and {len(sample)} for the helper or the locks; {left} left to --all"
    return [*touched, *sample], reason


# --- Commands ---


def for_each(paths: Sequence[Path], action: Callable[[Path], str]) -> None:
    """Print what `action` reports on each notebook; go on after an error and raise at the end."""
    failed = []
    for path in paths:
        try:
            print(action(path), flush=True)
        except NotebookError as error:
            print(f"{path.name}: {error}", file=sys.stderr, flush=True)
            failed.append(path.name)
    if failed:
        raise NotebookError(f"{len(failed)} of {len(paths)} notebooks failed: {', '.join(failed)}")


def command_run(arguments: argparse.Namespace) -> None:
    """Execute in place."""
    for_each(find(arguments.notebooks), lambda path: run(path, measure=arguments.timing))


def rewrite(path: Path) -> str:
    """Rewrite the hints and the layout of a notebook; returns a line of report."""
    nb = read(path.read_text(encoding="utf-8"))
    write_help(nb)
    return f"{path.name}: {'written' if write(path, normalise(nb)) else 'unchanged'}"


def command_normalise(arguments: argparse.Namespace) -> None:
    """Rewrite layout and hints without executing."""
    for_each(find(arguments.notebooks), rewrite)


def command_determinism(arguments: argparse.Namespace) -> None:
    """Execute twice and compare."""
    paths = find(arguments.notebooks)
    if arguments.changed:
        paths, reason = changed_notebooks(paths)
        print(f"determinism of {len(paths)} notebooks ({reason})", flush=True)
    for_each(paths, compare_twice)
    print(f"{len(paths)} notebooks equal")


def bench(path: Path) -> str:
    """Execute without writing; returns what the cells tagged `timing` printed."""
    done = execute(path, read(path.read_text(encoding="utf-8")))
    lines = [f"{path.name}: {done.seconds:.1f} s, peak {done.megabytes:.0f} MB"]
    for cell in code_cells(done.nb):
        if "timing" in tags(cell):
            lines.append(f"  {cell_name(done.nb, cell)}")
            for output in cell.outputs:
                text = output.get("text") or output.get("data", {}).get("text/plain", "")
                lines += [f"    {line}" for line in text.splitlines()]
    return "\n".join(lines)


def command_bench(arguments: argparse.Namespace) -> None:
    """Print what the timing cells measure today."""
    for_each(find(arguments.notebooks), bench)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 1 when a notebook stands in the way, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.notebooks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, function: Any) -> argparse.ArgumentParser:
        command = commands.add_parser(name)
        command.set_defaults(function=function)
        command.add_argument("notebooks", nargs="*", metavar="NB", help="lecture or path (default: all)")
        return command

    add("run", command_run).add_argument("--timing", action="store_true", help="measure times anew")
    add("normalise", command_normalise)
    which = add("determinism", command_determinism).add_mutually_exclusive_group()
    which.add_argument("--changed", action="store_true", help="only notebooks that a change may have touched")
    which.add_argument("--all", action="store_true", help="every notebook (the default)")
    add("bench", command_bench)
    arguments = parser.parse_args(argv)
    try:
        arguments.function(arguments)
    except NotebookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the notebook in work was left as it was", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
