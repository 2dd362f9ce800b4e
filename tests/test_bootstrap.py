"""Set-up (``tools/bootstrap.py``): a project of two packages is set up, disturbed and repaired, without a network."""

from __future__ import annotations

import ast
import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
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
        one, two = (wheel_of(name, root / "links") for name in ("light", "heavy"))
        (root / "requirements" / "book.txt").write_text(one)
        (root / "requirements" / "course.txt").write_text(one + two)

    def bootstrap(self, kind: str, before: str = "") -> subprocess.CompletedProcess[str]:
        """Run the set-up without a network, after some lines of Python that disturb it."""
        run = f"{before}\nimport runpy, sys\nsys.argv = ['bootstrap.py', {kind!r}]\n"
        run += f"runpy.run_path({str(self.root / 'tools' / 'bootstrap.py')!r}, run_name='__main__')"
        environment = os.environ | {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.root / "links"),
            "PIP_NO_CACHE_DIR": "1",
            "PIP_CONFIG_FILE": os.devnull,
        }
        return subprocess.run([sys.executable, "-c", run], env=environment, capture_output=True, text=True)

    def can_import(self, module: str) -> bool:
        """Whether the project's environment has a module."""
        python = self.root / ".venv" / "bin" / "python"
        return subprocess.run([python, "-c", f"import {module}"], stderr=subprocess.DEVNULL).returncode == 0


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project that has not been set up."""
    return Project(tmp_path / "project")


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The only line on stderr of a set-up that has failed."""
    assert done.returncode == 1, done
    (line,) = done.stderr.splitlines()
    return line


def test_setup_makes_the_book_then_the_course_then_has_nothing_to_do(project: Project) -> None:
    book = project.bootstrap("book")
    assert book.returncode == 0, book.stderr
    assert "packages of requirements/book.txt: done" in book.stdout
    assert "data are here" not in book.stdout
    assert (project.can_import("light"), project.can_import("heavy")) == (True, False)

    course = project.bootstrap("course")
    assert course.returncode == 0, course.stderr
    assert "update" in course.stdout
    assert course.stdout.splitlines()[-1] == "data are here"
    assert project.can_import("heavy")

    assert project.bootstrap("book").stdout == ""  # the course holds the book
    assert project.bootstrap("course").stdout == "data are here\n"

    (project.root / ".venv" / "bin" / "python").unlink()  # its Python is gone: a new environment is wanted
    assert "module venv is not installed" in one_sentence(project.bootstrap("book", NO_VENV))


def test_interrupted_setup_is_repaired_by_the_next_call(project: Project) -> None:
    first = project.bootstrap("book", INTERRUPTION)
    assert first.returncode == 130
    assert "same command" in first.stderr
    for module in (project.root / ".venv").rglob("light.py"):
        module.unlink()  # half of a package
    second = project.bootstrap("book")
    assert second.returncode == 0, second.stderr
    assert "a new virtual environment" in second.stdout
    assert project.can_import("light")


def test_setup_in_a_folder_that_was_moved_is_made_anew(project: Project) -> None:
    assert project.bootstrap("book").returncode == 0
    project.root = project.root.rename(project.root.with_name("moved"))
    assert "a new virtual environment" in project.bootstrap("book").stdout
    assert project.can_import("light")


def test_no_network_is_one_sentence(project: Project) -> None:
    for wheel in (project.root / "links").iterdir():
        wheel.unlink()
    sentence = one_sentence(project.bootstrap("book"))
    assert sentence.startswith("No network: ")
    assert "_build/bootstrap.log" in sentence
    assert "No matching distribution found" in (project.root / "_build" / "bootstrap.log").read_text()


def test_other_failure_of_pip_is_one_sentence_with_its_reason(project: Project) -> None:
    lock = project.root / "requirements" / "book.txt"
    lock.write_text(re.sub(r"sha256:.{8}", "sha256:00000000", lock.read_text()))
    sentence = one_sentence(project.bootstrap("book"))
    assert "DO NOT MATCH THE HASHES" in sentence
    assert "_build/bootstrap.log" in sentence


def test_failure_of_the_data_is_a_failure(project: Project) -> None:
    (project.root / "applied_ds" / "data" / "__main__.py").write_text("raise SystemExit('no such data')")
    done = project.bootstrap("course")
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "no such data"


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
