"""The house: the two commands, the locks, the wheel, the address, and what stands around them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house import ROOT, copy_repository
from tools import address, check, doctor, notebooks

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PLATFORMS = {
    "linux": {
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
    },
    "macos": {
        "sys_platform": "darwin",
        "platform_system": "Darwin",
        "platform_machine": "arm64",
        "os_name": "posix",
    },
}
PYTHONS = ("3.11", "3.12", "3.13")


def lines(name: str) -> list[str]:
    """Lines of a file at the root."""
    return (ROOT / name).read_text(encoding="utf-8").splitlines()


# --- Locks ---------------------------------------------------------------------------------------------------


def locked(kind: str) -> list[tuple[Requirement, list[str]]]:
    """The requirements of a lock, each with its hashes."""
    text = (ROOT / "requirements" / f"{kind}.txt").read_text().replace("\\\n", "")
    found = []
    for line in text.splitlines():
        requirement, *hashes = line.split("--hash=")
        found.append((Requirement(requirement.strip()), [value.strip() for value in hashes]))
    return found


def chosen(kind: str, environment: dict[str, str]) -> dict[str, str]:
    """Name and version of what a lock installs on a machine."""
    return {
        canonicalize_name(requirement.name): str(requirement.specifier).removeprefix("==")
        for requirement, _ in locked(kind)
        if requirement.marker is None or requirement.marker.evaluate(environment)
    }


def machine(platform: str, python: str) -> dict[str, str]:
    """What markers see on a machine."""
    return PLATFORMS[platform] | {"python_version": python, "python_full_version": f"{python}.0"}


def declared(kind: str) -> list[Requirement]:
    """What pyproject.toml asks for."""
    texts = list(PROJECT["project"]["dependencies"])
    groups = ["book"]
    if kind == "course":
        texts += PROJECT["project"]["optional-dependencies"]["lectures"]
        groups.append("course")
    for group in groups:
        texts += [entry for entry in PROJECT["dependency-groups"][group] if isinstance(entry, str)]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("kind", ["book", "course"])
def test_every_locked_version_is_exact_and_has_hashes(kind: str) -> None:
    requirements = locked(kind)
    assert len(requirements) > 50
    for requirement, hashes in requirements:
        assert re.fullmatch(r"==[\w.+!]+", str(requirement.specifier)), requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes), requirement


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("kind", ["book", "course"])
def test_lock_holds_what_the_project_declares(kind: str, platform: str, python: str) -> None:
    versions = chosen(kind, machine(platform, python))
    for requirement in declared(kind):
        name = canonicalize_name(requirement.name)
        assert name in versions, f"{name} is not in the lock: run make lock"
        assert requirement.specifier.contains(versions[name]), (
            f"{requirement} is not {versions[name]}: run make lock"
        )


@pytest.mark.parametrize("platform", PLATFORMS)
def test_book_is_the_part_of_the_course_without_torch(platform: str) -> None:
    book, course = (chosen(kind, machine(platform, "3.11")) for kind in ("book", "course"))
    assert book.items() < course.items()
    assert not [name for name in book if name.startswith(("torch", "nvidia", "triton", "scipy"))]
    assert "torch" in course


def test_helper_asks_for_ranges_and_never_for_torch() -> None:
    for requirement in map(Requirement, PROJECT["project"]["dependencies"]):
        assert {part.operator for part in requirement.specifier} <= {">=", "<", "!="}, requirement
        assert not requirement.name.startswith("torch")


def test_conda_environment_takes_its_versions_from_the_lock() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, packages = environment["dependencies"]
    assert python == "python=3.11"
    assert pip == "pip"
    assert packages == {"pip": ["--require-hashes", "-r requirements/course.txt"]}
    assert f"conda run -n {environment['name']} pip install" in (ROOT / "environment.yml").read_text()


# --- The two commands ----------------------------------------------------------------------------------------


def commands_of_readme() -> list[str]:
    """The commands of the README's first block."""
    first = re.search(r"(?:^    .+\n)+", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert first is not None
    return [line.split("#")[0].strip() for line in first[0].splitlines()]


def test_readme_starts_with_the_commands_that_ci_and_the_workflow_run() -> None:
    assert commands_of_readme() == ["make book", "make test"]
    assert lines(".ci/run")[-1] == "make test"
    workflow = yaml.safe_load((ROOT / ".github/workflows/pages.yml").read_text())
    assert "make book" in [step.get("run") for step in workflow["jobs"]["publish"]["steps"]]


def test_help_has_a_line_for_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony is not None
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    assert targets == set(phony[1].split())
    printed = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    helped = re.findall(r"^make ([a-z]+) +\S.{10,}$", printed, re.MULTILINE)
    assert set(helped) == {target for target in targets if not target.startswith("env-")}
    assert len(helped) == len(printed.splitlines())


# --- System packages -----------------------------------------------------------------------------------------


def test_ci_installs_exactly_the_listed_packages() -> None:
    packages = doctor.packages((ROOT / "system-packages.txt").read_text())
    assert all(all(package) for package in packages)
    extract = re.search(r"\$\((sed .+ system-packages\.txt)\)", (ROOT / ".ci" / "run").read_text())
    assert extract is not None
    read = subprocess.run(extract[1], shell=True, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert read.split() == [package.name for package in packages]


def test_doctor_names_what_is_missing_and_what_needs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.main() == 0  # the book needs none of them
    report = capsys.readouterr().out
    assert re.search(r"^MISSING +chromium: .* tests of the pages$", report, re.MULTILINE)
    monkeypatch.setattr(sys, "version_info", (3, 9, 0))
    assert doctor.main() == 1


# --- make test -----------------------------------------------------------------------------------------------


def report_of(tmp_path: Path, tests: int, failures: int, errors: int, skipped: int) -> Path:
    """A JUnit report."""
    path = tmp_path / "report.xml"
    path.write_text(
        f'<testsuites><testsuite tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}"/>'
        "</testsuites>"
    )
    return path


def test_counts_of_a_report(tmp_path: Path) -> None:
    assert check.counts_of(report_of(tmp_path, 9, 2, 1, 3), 1) == check.Counts(3, 3, 3)
    assert check.counts_of(report_of(tmp_path, 4, 0, 0, 0), 0) == check.Counts(4, 0, 0)
    assert check.counts_of(report_of(tmp_path, 0, 0, 0, 0), 5) == check.Counts(0, 1, 0)  # no test found
    assert check.counts_of(tmp_path / "none.xml", 3) == check.Counts(0, 1, 0)  # pytest did not start


@pytest.mark.parametrize(
    ("skips_fail", "second", "status", "verdict"),
    [
        (False, check.Counts(1, 0, 1), 0, "everything passed"),
        (True, check.Counts(1, 0, 1), 1, "failed: second (skips are failures here)"),
        (True, check.Counts(2, 0, 0), 0, "everything passed"),
        (False, check.Counts(1, 1, 0), 1, "failed: second"),
    ],
)
def test_all_stages_run_and_the_last_line_counts(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    skips_fail: bool,
    second: check.Counts,
    status: int,
    verdict: str,
) -> None:
    monkeypatch.setattr(check, "STAGES", {"second": lambda: second, "third": lambda: check.Counts(3)})
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("APPLIED_DS_NO_SKIPS", "1" if skips_fail else "")
    assert check.main([]) == status
    *_, before, last = capsys.readouterr().out.splitlines()
    assert before == verdict
    assert last == str(second + check.Counts(3))
    assert re.fullmatch(r"\d+ passed, \d+ failed, \d+ skipped", last)


def test_notebooks_see_the_loopback_only() -> None:
    prefix = check.namespace()
    if prefix is None:
        pytest.skip("this machine cannot make a network namespace")
    names = "import json, socket; print(json.dumps([name for _, name in socket.if_nameindex()]))"
    done = subprocess.run([*prefix, sys.executable, "-c", names], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["lo"]
    connect = (
        "import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname())"
    )
    subprocess.run([*prefix, sys.executable, "-c", connect], check=True)


def test_where_the_network_must_be_cut_off_not_being_able_to_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(check, "namespace", lambda: None)
    monkeypatch.setattr(check, "pytest", lambda *_, **__: check.Counts(1))
    monkeypatch.setenv("APPLIED_DS_REQUIRE_OFFLINE", "1")
    assert check.notebooks() == check.Counts(failed=1)
    monkeypatch.delenv("APPLIED_DS_REQUIRE_OFFLINE")
    assert check.notebooks() == check.Counts(1)


# --- The wheel -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of the helper, built from a copy of the working tree."""
    repository = copy_repository(tmp_path_factory.mktemp("wheel"))
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "out"], cwd=repository, check=True
    )
    (path,) = (repository / "out").glob("*.whl")
    return zipfile.ZipFile(path)


def test_wheel_carries_the_helper_the_data_and_the_exports(wheel: zipfile.ZipFile) -> None:
    def below(folder: str) -> set[str]:
        return {
            str(path.relative_to(ROOT / folder))
            for path in address.files()
            if path.is_relative_to(ROOT / folder)
        }

    exports = set()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        number = notebook.metadata["applied_ds"]["lecture"]
        cells = [
            c.source
            for c in notebook.cells
            if c.cell_type == "code" and "export" in c.metadata.get("tags", [])
        ]
        exports.add(f"{number}.json")
        assert json.loads(wheel.read(f"applied_ds/_exports/{number}.json")) == {
            "lecture": number,
            "cells": cells,
        }
    assert exports, "there is no notebook"
    expected = {f"applied_ds/{name}" for name in below("applied_ds")}
    expected |= {f"applied_ds/_data/{name}" for name in below("data")}
    expected |= {f"applied_ds/_exports/{name}" for name in exports}
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == expected


def test_wheel_names_its_licences(wheel: zipfile.ZipFile) -> None:
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    text = wheel.read(metadata).decode()
    assert "License-Expression: MIT" in text
    assert "License-File: LICENSE-CONTENT" in text


# --- The address ---------------------------------------------------------------------------------------------


def test_every_address_of_the_repository_is_the_configured_one() -> None:
    url = address.configured()
    org, repo = address.parts(url)
    assert PROJECT["project"]["urls"]["Source"] == url
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["repository-code"] == url
    assert f"https://{org}.github.io/{repo}" in (ROOT / "README.md").read_text()
    ours = re.compile(
        r"git\+https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?(?=[\"'\s@\\])"
        r"|colab\.research\.google\.com/github/([\w.-]+/[\w.-]+)"
        rf"|github\.com/([\w.-]+/{re.escape(repo)})(?![\w-])"
    )
    found = 0
    for path in address.files():
        if path.is_relative_to(ROOT / "tests"):
            continue
        for match in ours.finditer(address.text_of(path) or ""):
            assert next(filter(None, match.groups())) == f"{org}/{repo}", path
            found += 1
    assert found >= 4


def test_address_command_leaves_no_old_address_behind(tmp_path: Path) -> None:
    repository = copy_repository(tmp_path)
    org, repo = "some-school", "data-book"
    old, new = address.configured(), f"https://github.com/{org}/{repo}"
    before = {path: path.read_bytes() for path in address.files(repository)}
    changed = address.rewrite(new, repository)
    assert address.configured(repository) == new
    assert {"README.md", "pyproject.toml", "CITATION.cff", "_config.yml"} <= {path.name for path in changed}
    assert {path.name for path in (repository / "notebooks").glob("*.ipynb")} <= {
        path.name for path in changed
    }
    slug = "/".join(address.parts(old))
    pages = "{}.github.io/{}".format(*address.parts(old))
    for path in before:
        text = path.read_bytes().decode("utf-8", errors="replace")
        assert slug not in text, path
        assert pages not in text, path
        if path.suffix == ".ipynb":
            was, now = notebooks.read(before[path].decode()), notebooks.read(text)
            fresh = [notebooks.stored_hash(each) == notebooks.code_hash(each) for each in (was, now)]
            assert fresh[0] == fresh[1], path
    address.rewrite(old, repository)
    assert {path: path.read_bytes() for path in address.files(repository)} == before


def test_address_of_another_shape_is_refused() -> None:
    for wrong in (
        "github.com/a/b",
        "https://github.com/a",
        "https://example.org/a/b",
        "https://github.com/a/b.git",
    ):
        with pytest.raises(ValueError, match="must read https://github"):
            address.parts(wrong)
    other = "https://github.com/someone/applied-data-science-two and data/raw"
    assert address.rewritten(other, "https://github.com/data/raw", "https://github.com/a/b") == other


# --- What stands around --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("vendor.github-workflows", ".github/workflows/pages.yml"),
        ("vendor.citation-file-format", "CITATION.cff"),
    ],
)
def test_file_keeps_to_its_schema(schema: str, file: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, file]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_citation_and_package_agree() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(citation["version"]) == PROJECT["project"]["version"]
    assert citation["license"] == PROJECT["project"]["license"] == "MIT"


def test_no_file_names_a_registry_or_a_place_on_a_machine() -> None:
    registry = re.compile(r"\b(?:pypi|pythonhosted|npmjs|debian)\.(?:org|com)\b")
    place = re.compile(r"(?<![\w.:/+=<>-])/(?:home|root|Users|work)/\w")
    found = []
    for path in address.files():
        text = address.text_of(path) or ""
        patterns = [registry] if path.is_relative_to(ROOT / "tests") else [registry, place]
        found += [
            f"{path.relative_to(ROOT)}: {match[0]}" for each in patterns for match in each.finditer(text)
        ]
    assert not found, "\n".join(found)
