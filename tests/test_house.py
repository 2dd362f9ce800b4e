"""The house: the two commands, the locks, the wheel, the address, and what stands around them."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
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

from tests.house import ROOT, command_of, copy_repository, repository_files
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
    found: dict[str, str] = {}
    for requirement, _ in locked(kind):
        if requirement.marker is None or requirement.marker.evaluate(environment):
            name = canonicalize_name(requirement.name)
            assert name not in found, f"{name} has two versions"
            found[name] = str(requirement.specifier).removeprefix("==")
    return found


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


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("kind", ["book", "course"])
def test_lock_holds_all_that_the_declared_packages_need_in_turn(
    kind: str, platform: str, python: str
) -> None:
    """Markers are asked as that machine would; what a package needs is read where it is installed, which is here."""
    environment = machine(platform, python)
    versions = chosen(kind, environment)
    waiting, seen = declared(kind), set()
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset({"", *requirement.extras})
        assert versions.get(name, "none") in requirement.specifier, f"{requirement}: run make lock"
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # a package of the other platform alone
        waiting += [
            need
            for need in map(Requirement, needs)
            if need.marker is None
            or any(need.marker.evaluate(environment | {"extra": extra}) for extra in extras)
        ]
    assert len(seen) > 50
    if sys.platform == environment["sys_platform"]:
        assert {name for name, _ in seen} == set(versions), "the lock holds what nothing needs"


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


def is_the_lock(environment: str) -> bool:
    """Whether an environment.yml installs the lock into the Python of the lock, and nothing else."""
    python = re.search(r"--python-version (\S+)", (ROOT / "Makefile").read_text())
    assert python is not None
    packages = {"pip": ["--require-hashes", "-r requirements/course.txt"]}
    found: object = yaml.safe_load(environment)["dependencies"]
    return found == [f"python={python[1]}", "pip", packages]


def test_conda_environment_is_the_lock() -> None:
    assert is_the_lock((ROOT / "environment.yml").read_text())


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("python=3.11", "python=3.12"),
        ("python=3.11", "python"),
        ("requirements/course.txt", "requirements/book.txt"),
        ("      - --require-hashes\n", ""),
        ("  - pip\n", "  - pip\n  - numpy=2.0\n"),
    ],
)
def test_conda_environment_of_other_versions_is_noticed(right: str, wrong: str) -> None:
    text = (ROOT / "environment.yml").read_text()
    assert text.count(right) == 1
    assert not is_the_lock(text.replace(right, wrong))


def test_conda_steps_are_the_same_where_they_stand() -> None:
    head = re.findall(r"^#   (.+)$", (ROOT / "environment.yml").read_text(), re.MULTILINE)
    page = re.search(r"## With conda\n+```bash\n(.+?)```", how_to_run(), re.DOTALL)
    assert page is not None
    clone, enter, *steps = page[1].splitlines()
    assert clone.startswith("git clone ")
    assert enter.startswith("cd ")
    assert steps == head
    assert "python -m applied_ds.data prefetch" in steps


def how_to_run() -> str:
    """The page about running the course."""
    return (ROOT / "book" / "how-to-run.md").read_text(encoding="utf-8")


def test_pages_and_doctor_agree_about_disk_and_threads() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for text in (readme, how_to_run()):
        assert re.findall(r"about (\d+) GB", text) == [str(doctor.ROOM)]
        assert len(re.findall(r"about a minute\s+on one\s+thread", text)) == 1
        assert "two cores" not in text


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
    printed = make("help").stdout
    helped = re.findall(r"^make ([a-z]+) +\S.{10,}$", printed, re.MULTILINE)
    assert set(helped) == {target for target in targets if not target.startswith("env-")}
    assert len(helped) == len(printed.splitlines())


def make(*arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run make in the repository, on a machine with these commands alone if `path` is a folder of some."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environment.pop("PYTHON", None)
    if path:
        environment["PATH"] = str(path)
    program = shutil.which("make")
    assert program is not None
    command = [program, "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def put_command(folder: Path, name: str, script: str) -> None:
    """Write a shell script as a command."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_without_python_help_works_and_other_targets_say_what_is_missing(tmp_path: Path) -> None:
    awk = shutil.which("awk")
    assert awk is not None
    (tmp_path / "awk").symlink_to(awk)
    assert make("help", path=tmp_path).stdout == make("help").stdout
    sentence = "No Python 3 was found: install Python 3.11, 3.12 or 3.13"
    examined = make("doctor", path=tmp_path)
    assert examined.returncode
    assert examined.stdout == f"MISSING  {sentence}\n"
    for target in ("book", "test", "serve", "lab"):
        done = make(target, path=tmp_path)
        assert done.returncode
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert sentence in line


@pytest.mark.parametrize(
    ("runs", "complete", "chosen"),
    [
        (["python3.11", "python3.12", "python3"], ["python3.12", "python3"], "python3.12"),
        (["python3.12", "python3"], ["python3"], "python3"),
        (["python3.12", "python3"], [], "python3.12"),  # tools/bootstrap.py says what it lacks
        (["python3"], [], "python3"),
    ],
)
def test_make_takes_a_python_that_can_make_an_environment(
    tmp_path: Path, runs: list[str], complete: list[str], chosen: str
) -> None:
    for name in runs:
        put_command(tmp_path, name, f'case "$2" in *venv*) exit {0 if name in complete else 1};; esac')
    done = make("--dry-run", "env-book", path=tmp_path)
    assert done.stdout == f"{chosen} tools/bootstrap.py book\n"


@pytest.mark.parametrize(("version", "status"), [((3, 10, 9), 1), ((3, 11, 0), 0), ((3, 14, 0), 1)])
def test_python_that_make_asks_for_is_one_that_the_set_up_takes(
    version: tuple[int, int, int], status: int
) -> None:
    question = re.search(r"^COMPLETE := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert question is not None
    code = f"import sys; sys.version_info = {version}; {question[1]}"
    assert subprocess.run([sys.executable, "-c", code]).returncode == status


def test_serve_brings_the_site_up_to_date_first() -> None:
    *_, build, serve = make("--dry-run", "serve", f"PYTHON={sys.executable}").stdout.splitlines()
    assert build.endswith("-m tools.site build")
    assert "-m http.server 8000 --bind 127.0.0.1 --directory _build/html" in serve


def test_ci_is_ci_wherever_it_runs(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    (tmp_path / "system-packages.txt").write_text("# none\n")
    (tmp_path / "bin").mkdir()
    put_command(tmp_path / "bin", "make", 'echo "$@" "CI=$CI" "offline=$APPLIED_DS_REQUIRE_OFFLINE"')
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment["PATH"] = f"{tmp_path / 'bin'}:{environment['PATH']}"
    done = subprocess.run([tmp_path / ".ci" / "run"], env=environment, capture_output=True, text=True)
    assert done.stdout == "test CI=true offline=1\n"


def test_ci_means_no_skips_and_two_executions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(check, "commands", lambda *each: ran.extend(each) or check.Counts(len(each)))
    assert check.determinism() == check.Counts(1)
    assert ran == [("tools.notebooks", "determinism", "--changed")]
    monkeypatch.setattr(check, "STAGES", {"only": lambda: check.Counts(1, 0, 1)})
    monkeypatch.delenv("APPLIED_DS_NO_SKIPS", raising=False)
    assert check.main([]) == 1


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


def test_test_without_its_system_package_skips_and_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match="the system package git is missing; it installs"):
        repository_files()
    with pytest.raises(pytest.skip.Exception, match="the system package iproute2 is missing; it brings"):
        command_of("iproute2")
    put_command(tmp_path, "chromium-browser", "true")
    assert command_of("chromium") == str(tmp_path / "chromium-browser")


def test_doctor_says_what_the_environment_is_set_up_for(tmp_path: Path) -> None:
    stamp = tmp_path / "applied-ds.json"
    assert doctor.kind_of(stamp) is None
    stamp.write_text('{"kind": "course"}')
    assert doctor.kind_of(stamp) == "course"
    for damaged in (b"{", b"[]", b"\xff", b"{}", b'{"kind": 3}'):
        stamp.write_bytes(damaged)
        assert doctor.kind_of(stamp) is None


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
    for package in ("iproute2", "util-linux"):
        command_of(package)
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
            for path in repository_files()
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
    expected |= {f"applied_ds/_programs/{name}" for name in below("notebooks") if name.endswith(".stan")}
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
    assert address.pages(url) in (ROOT / "README.md").read_text()
    assert address.published() == address.pages(url)
    ours = re.compile(
        r"git\+https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?(?=[\"'\s@\\])"
        r"|colab\.research\.google\.com/github/([\w.-]+/[\w.-]+)"
        rf"|github\.com/([\w.-]+/{re.escape(repo)})(?![\w-])"
    )
    found = 0
    for path in repository_files():
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
    before = {path: path.read_bytes() for path in repository_files(repository)}
    changed = address.rewrite(new, repository)
    assert address.configured(repository) == new
    assert address.published(repository) == address.pages(new)
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
    assert {path: path.read_bytes() for path in repository_files(repository)} == before


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
        *(
            ("vendor.github-workflows", path.relative_to(ROOT).as_posix())
            for path in sorted((ROOT / ".github/workflows").iterdir())
        ),
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


# What a file may name beside the pages of our own address and example.org: what the course cites or opens. Building,
# testing and reading ask none of them for anything.
HOSTS = {
    "127.0.0.1",
    "arxiv.org",
    "colab.research.google.com",
    "creativecommons.org",
    "d2l.ai",
    "docs.python.org",
    "docs.pytorch.org",
    "docs.scipy.org",
    "doi.org",
    "github.com",
    "jmlr.org",  # where www.jmlr.org is named
    "mixtape.scunning.com",
    "mml-book.github.io",
    "numpy.org",
    "openreview.net",
    "pandas.pydata.org",
    "papers.nips.cc",
    "proceedings.mlr.press",
    "proceedings.neurips.cc",
    "raw.githubusercontent.com",  # rewritten by `make address`, should a page ever name it
    "scikit-learn.org",
    "unpkg.com",  # named by the test that finds it absent
    "www.aes.org",
    "www.itu.int",
    "www.jmlr.org",
    "www.jstor.org",
    "www.numdam.org",
    "www.sitemaps.org",  # a name space of XML, not a link
    "www.w3.org",  # a name space of SVG, not a link
}
HOST = re.compile(
    r"(?:\b[a-z+]+://(?:[\w.-]+@)?)([\w.-]*\w)"  # in an address
    r"|(?<![\w./@-])((?:[a-z0-9-]+\.)+(?:com|dev|org))\b(?!\()"  # by itself
)


def hosts_of(text: str) -> set[str]:
    """The hosts that a text names, in regular expressions too."""
    named = {found[1] or found[2] for found in HOST.finditer(text.replace("\\.", "."))}
    return {host for host in named if "." in host}


def test_files_name_known_hosts_and_no_place_on_a_machine() -> None:
    org, _ = address.parts(address.configured())
    place = re.compile(r"(?<![\w.:/+=<>-])/(?:home|root|Users|work)/\w")
    found = []
    for path in repository_files():
        text, name = address.text_of(path) or "", path.relative_to(ROOT).as_posix()
        if name.startswith("requirements/"):
            continue
        found += [
            f"{name}: {host}"
            for host in sorted(hosts_of(text) - HOSTS - {f"{org}.github.io"})
            if not f".{host}".endswith(".example.org")
        ]
        if not name.startswith("tests/"):
            found += [f"{name}: {match[0]}" for match in place.finditer(text)]
    assert not found, "\n".join(found)


def test_host_is_noticed() -> None:
    text = "https://a.example.org/x git+https://me@b.example.org/y c.example.org http://127.0.0.1:80/"
    assert hosts_of(text) == {"a.example.org", "b.example.org", "c.example.org", "127.0.0.1"}
    assert not hosts_of("self.net(x), a.commit, numpy.org_name, name@localhost, https://localhost/")
