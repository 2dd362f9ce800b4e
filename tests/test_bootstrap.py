"""Set-up (``tools/bootstrap.py``): a project of two packages is set up, disturbed and repaired, without a network."""

from __future__ import annotations

import ast
import base64
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import ROOT

BACKEND = '''
"""A build backend that makes the editable wheel of the stand-in project."""
import pathlib, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "applied_ds-0-py3-none-any.whl"
    info = "applied_ds-0.dist-info/"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        wheel.writestr("applied_ds.pth", str(pathlib.Path(__file__).parent))
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: applied-ds\\nVersion: 0\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    return name

def build_wheel(*arguments):
    raise NotImplementedError
'''


def wheel_of(name: str, folder: Path) -> str:
    """Write a wheel with one module; returns its line for a lock."""
    path = folder / f"{name}-1-py3-none-any.whl"
    info = f"{name}-1.dist-info/"
    content = {
        f"{name}.py": "",
        info + "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
        info + "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [
        f"{file},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},{len(text)}\n"
        for file, text in content.items()
    ]
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in content.items():
            wheel.writestr(file, text)
        wheel.writestr(info + "RECORD", "".join(record) + f"{info}RECORD,,\n")
    return f"{name}==1 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


NO_VENV = "import sys\nsys.modules['ensurepip'] = None"
# Interrupts the set-up in its last step, when it writes the stamp.
INTERRUPTION = """
import pathlib
write = pathlib.Path.write_text
def interrupted(path, text):
    if path.suffix == ".json":
        raise KeyboardInterrupt
    return write(path, text)
pathlib.Path.write_text = interrupted
"""


class Project:
    """A small project with our set-up: two locks of one and two packages, which lie in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("tools", "requirements", "links", "applied_ds/data"):
            (root / folder).mkdir(parents=True)
        shutil.copy(ROOT / "tools" / "bootstrap.py", root / "tools")
        (root / "backend.py").write_text(BACKEND)
        (root / "hatch_build.py").write_text("")
        (root / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
            '[project]\nname = "applied-ds"\nversion = "0"\n'
        )
        (root / "applied_ds" / "data" / "__main__.py").write_text("print('data are here')\n")
        (root / "applied_ds" / "stan.py").write_text("print('programs are compiled')\n")
        one, two = (wheel_of(name, root / "links") for name in ("light", "heavy"))
        (root / "requirements" / "book.txt").write_text(one)
        (root / "requirements" / "course.txt").write_text(one + two)

    def bootstrap(
        self, kind: str, before: str = "", index: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the set-up, with an index or without one, after some lines of Python that disturb it."""
        run = f"{before}\nimport runpy, sys\nsys.argv = ['bootstrap.py', {kind!r}]\n"
        run += f"runpy.run_path({str(self.root / 'tools' / 'bootstrap.py')!r}, run_name='__main__')"
        environment = os.environ | {
            **({"PIP_INDEX_URL": index, "PIP_RETRIES": "1"} if index else {"PIP_NO_INDEX": "1"}),
            "PIP_FIND_LINKS": str(self.root / "links"),
            "PIP_NO_CACHE_DIR": "1",
            "PIP_CONFIG_FILE": os.devnull,
        }
        return subprocess.run([sys.executable, "-c", run], env=environment, capture_output=True, text=True)

    def can_import(self, module: str) -> bool:
        """Whether the project's environment has a module."""
        python = self.root / ".venv" / "bin" / "python"
        return (
            subprocess.run([python, "-P", "-c", f"import {module}"], stderr=subprocess.DEVNULL).returncode
            == 0
        )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project that has not been set up."""
    return Project(tmp_path / "project")


@pytest.fixture(scope="module")
def first_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that is set up for the book, once, because that takes seconds."""
    project = Project(tmp_path_factory.mktemp("first") / "project")
    done = project.bootstrap("book")
    assert done.returncode == 0, done.stderr
    assert "a new virtual environment" in done.stdout
    assert "packages of requirements/book.txt: done" in done.stdout
    assert project.can_import("light")
    assert project.can_import("applied_ds.data.__main__")
    assert not project.can_import("heavy")
    return project


@pytest.fixture
def ready(first_project: Project) -> Iterator[Project]:
    """The project that is set up for the book; its files and its stamp are put back after a test."""
    root = first_project.root
    kept = [
        root / "requirements" / "book.txt",
        root / "applied_ds/data/__main__.py",
        root / "applied_ds/stan.py",
        root / ".venv/applied-ds.json",
    ]
    contents = [path.read_bytes() for path in kept]
    yield first_project
    for path, content in zip(kept, contents, strict=True):
        path.write_bytes(content)


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The only line on stderr of a set-up that has failed."""
    assert done.returncode == 1, done
    (line,) = done.stderr.splitlines()
    return line


def test_second_call_has_nothing_to_do(ready: Project) -> None:
    assert ready.bootstrap("book").stdout == ""


def ask_for_more(project: Project) -> None:
    """Add to the lock a package that lies nowhere."""
    lock = project.root / "requirements" / "book.txt"
    lock.write_text(lock.read_text() + f"elsewhere==1 --hash=sha256:{'0' * 64}\n")


@pytest.mark.parametrize("index", [None, "http://127.0.0.1:9/"], ids=["no index", "index out of reach"])
def test_no_network_is_one_sentence(ready: Project, index: str | None) -> None:
    ask_for_more(ready)
    sentence = one_sentence(ready.bootstrap("book", index=index))
    assert sentence.startswith("No network: ")
    assert "_build/bootstrap.log" in sentence
    assert "No matching distribution found" in (ready.root / "_build" / "bootstrap.log").read_text()


def test_index_without_a_package_for_this_machine_is_one_sentence(ready: Project, tmp_path: Path) -> None:
    ask_for_more(ready)
    sentence = one_sentence(ready.bootstrap("book", index=tmp_path.as_uri()))
    assert sentence.startswith(f"The package index has no elsewhere for this machine ({platform.system()} ")
    assert "Linux x86-64 and macOS arm64 are supported" in sentence
    assert "_build/bootstrap.log" in sentence


def test_other_failure_of_pip_is_one_sentence_with_its_reason(ready: Project) -> None:
    (ready.root / "requirements" / "book.txt").write_text(f"heavy==1 --hash=sha256:{'0' * 64}\n")
    sentence = one_sentence(ready.bootstrap("book"))
    assert sentence.startswith("pip could not finish (ERROR: THESE PACKAGES DO NOT MATCH THE HASHES")
    assert "_build/bootstrap.log" in sentence


def test_failure_of_the_data_is_a_failure(ready: Project) -> None:
    (ready.root / "applied_ds" / "data" / "__main__.py").write_text("raise SystemExit('no such data')")
    done = ready.bootstrap("course")
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "no such data"


def test_failure_of_a_stan_program_is_a_failure(ready: Project) -> None:
    (ready.root / "applied_ds" / "stan.py").write_text("raise SystemExit('a semicolon is missing')")
    done = ready.bootstrap("course")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "a semicolon is missing",
        "A Stan program of the course could not be compiled; the reason stands above.",
    ]


def test_environment_without_its_python_is_made_anew(ready: Project) -> None:
    python = ready.root / ".venv" / "bin" / "python"
    target = python.readlink()
    python.unlink()
    # Where none can be made, this says that it was about to.
    assert "module venv is not installed" in one_sentence(ready.bootstrap("book", NO_VENV))
    python.symlink_to(target)


@pytest.mark.parametrize("stamp", ["{", "[]", "\xff"])
def test_damaged_stamp_counts_as_none(ready: Project, stamp: str) -> None:
    (ready.root / ".venv" / "applied-ds.json").write_bytes(stamp.encode("latin-1"))
    assert "module venv is not installed" in one_sentence(ready.bootstrap("book", NO_VENV))


def test_course_replaces_the_book_and_then_there_is_nothing_to_do(ready: Project) -> None:
    course = ready.bootstrap("course")
    assert course.returncode == 0, course.stderr
    assert "update" in course.stdout
    assert course.stdout.endswith("data are here\nprograms are compiled\n")
    assert ready.can_import("heavy")
    assert ready.bootstrap("book").stdout == ""  # the course holds the book
    assert ready.bootstrap("course").stdout == "data are here\nprograms are compiled\n"


def test_interrupted_or_moved_setup_is_made_anew(project: Project) -> None:
    first = project.bootstrap("book", INTERRUPTION)
    assert first.returncode == 130
    assert "same command" in first.stderr
    for module in (project.root / ".venv").rglob("light.py"):
        module.unlink()  # half of a package
    second = project.bootstrap("book")
    assert second.returncode == 0, second.stderr
    assert "a new virtual environment" in second.stdout
    assert project.can_import("light")

    project.root = project.root.rename(project.root.with_name("moved"))
    assert "module venv is not installed" in one_sentence(project.bootstrap("book", NO_VENV))


@pytest.mark.parametrize("version", ["(2, 7, 18)", "(3, 6, 9)", "(3, 10, 14)", "(3, 14, 0)"])
def test_wrong_python_is_one_sentence(project: Project, version: str) -> None:
    sentence = one_sentence(project.bootstrap("book", f"import sys\nsys.version_info = {version}"))
    assert sentence.startswith("Python 3.11, 3.12 or 3.13 is needed")
    assert not (project.root / ".venv").exists()


@pytest.mark.parametrize("script", ["bootstrap.py", "doctor.py"])
def test_old_python_can_read_the_scripts_that_refuse_it(script: str) -> None:
    ast.parse((ROOT / "tools" / script).read_text(), feature_version=(3, 6))


def test_missing_venv_is_one_sentence(project: Project) -> None:
    sentence = one_sentence(project.bootstrap("book", NO_VENV))
    assert f"apt-get install python{sys.version_info[0]}.{sys.version_info[1]}-venv" in sentence
    assert not (project.root / ".venv").exists()
