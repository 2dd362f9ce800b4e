"""The way of a Colab user: the helper from a git URL beside Colab's packages, then a lecture in an empty folder."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest

from tests.house import ROOT, copy_repository

# What Colab brings of the packages that the helper wants, at versions that are not ours.
COLAB = {
    "filelock": "3.19.1",
    "matplotlib": "3.10.0",
    "nbformat": "5.10.4",
    "numpy": "2.0.2",
    "platformdirs": "4.3.8",
    "threadpoolctl": "3.6.0",
    "torch": "2.8.0+cu126",
    "tqdm": "4.67.1",
}
BUILD_TOOLS = ("hatchling", "packaging", "pathspec", "pluggy", "trove_classifiers")
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


def new_environment(folder: Path) -> Path:
    """An empty virtual environment; returns its folder of packages."""
    venv.create(folder, symlinks=True)
    return folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"


def pretend(packages: Path, name: str, version: str) -> Path:
    """Make pip believe that a package is installed: the metadata, without the package."""
    info = packages / f"{name}-{version}.dist-info"
    info.mkdir()
    metadata = info / "METADATA"
    metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "INSTALLER").write_text("pip\n")
    (info / "RECORD").write_text(
        "".join(f"{info.name}/{file},,\n" for file in ("METADATA", "INSTALLER", "RECORD"))
    )
    return metadata


@pytest.fixture(scope="module")
def colab(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The helper, installed from a git URL into an environment with Colab's packages."""
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
    report = folder / "report.json"
    interpreter = folder / "environment" / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(interpreter), "install", "--quiet", "--no-index"]
    command += ["--no-build-isolation", "--report", str(report), f"git+file://{repository}"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(tools),
        "PIP_FIND_LINKS": "",
        "PIP_CONFIG_FILE": os.devnull,
    }
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for metadata, version in stand_ins.items():
        assert f"Version: {version}" in metadata.read_text()
    return Installed(packages, json.loads(report.read_text()))


def test_helper_leaves_numpy_and_torch_alone(colab: Installed) -> None:
    ours = {name: importlib.metadata.version(name) for name in ("numpy", "torch")}
    assert all(COLAB[name] != version for name, version in ours.items()), (
        "the stand-ins must differ from ours"
    )
    assert [entry["metadata"]["name"] for entry in colab.report["install"]] == ["applied-ds"]
    assert colab.report["install"][0]["download_info"]["vcs_info"]["vcs"] == "git"


def test_lecture_4_runs_in_an_empty_folder(colab: Installed, tmp_path: Path) -> None:
    lectures = [
        path
        for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
        if nbformat.read(path, as_version=4).metadata.get("applied_ds", {}).get("lecture") == "04"
    ]
    assert len(lectures) == 1, f"one notebook must say that it is lecture 04, found {lectures}"
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
