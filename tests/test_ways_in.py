"""Ways in and out: reading paths, troubleshooting, reports of errors, the archive, published addresses, the weekly run."""

from __future__ import annotations

import ast
import errno
import http.server
import importlib
import json
import os
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
import yaml
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, expect

from tests.test_pages import LECTURES, WRITTEN, markdown, name_of
from tests.test_site import DOCUMENTS, small_book, soup, visiting
from tools import address, anatomy, links, site

__all__ = ["small_book"]  # a fixture

ROOT = site.ROOT
sys.path.insert(0, str(ROOT / "book/_ext"))
archive = importlib.import_module("applied_ds_site.archive")
report = importlib.import_module("applied_ds_site.report")

PUBLISHED = address.published()
OURS = ["index", "paths", "how-to-run", "troubleshooting", "changelog", "part1", "errata", "data"]


# --- Reading paths, troubleshooting, changelog, the first page -----------------------------------------------


def test_a_path_says_of_each_lecture_whether_it_is_written(html: Path) -> None:
    """And gives a written one its link and its times; the sentence below counts them."""
    lectures = {f"{name_of(lecture)}. {lecture['title']}": lecture for lecture in LECTURES}
    paths = soup(html, "book/paths").select("article ul.path")
    assert len(paths) == markdown(ROOT / "book/paths.md").count("```{path}") >= 5
    for path in paths:
        written = 0
        items = path.select("li")
        for item in items:
            name, facts = item.strong, item.em
            assert name
            assert facts
            lecture = lectures[name.get_text()]
            targets = [str(link["href"]) for link in name.select("a")]
            if lecture["file"] in WRITTEN:
                written += 1
                seconds = anatomy.Lecture.load(ROOT / f"notebooks/{lecture['file']}.ipynb").meta.seconds
                assert targets == [f"../notebooks/{lecture['file']}.html"]
                assert f"runs in about {seconds} s" in facts.get_text()
            else:
                assert targets == []
                assert facts.get_text().startswith("not yet written")
        said = path.find_next_sibling("p")
        assert said
        if 0 < written < len(items):
            assert said.get_text().startswith(f"Written so far: {written} of {len(items)} lectures")
        else:
            assert said.get_text().startswith("All of it is written" if written else "None of these")


def test_the_path_for_the_exam_answers_every_question(html: Path) -> None:
    part = soup(html, "book/paths").find(id="for-the-exam")
    assert part
    numbers = [
        int(number)
        for facts in part.select("li em")
        for named in re.findall(r"exam questions? ([\d, and]+)", facts.get_text())
        for number in re.findall(r"\d+", named)
    ]
    assert sorted(numbers) == list(range(1, 29))


LECTURE = """# 1. One

What it builds.

*Reading time 5 minutes · running time about 40 s · know first: Python · answers exam questions 1 and 2*"""


def notebook(text: str) -> str:
    cells = [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": text}]
    metadata = {"applied_ds": {"summary": "S.", "exam": [1], "seconds": 40}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def test_paths_archive_and_sitemap_follow_the_book(small_book: Path) -> None:
    """A path is made from the lectures; a build that renders one page leaves sitemap and archive complete."""
    listed = [
        {"number": "01", "file": "01_one", "title": "One", "part": "I. All", "exam": [1]},
        {"number": "02", "file": "02_two", "title": "Two", "part": "I. All", "exam": []},
    ]
    (small_book / "book/lectures.yml").write_text(yaml.safe_dump(listed), "utf-8")
    page = small_book / "book/second.md"
    page.write_text(
        "# Second\n\n```{path}\n1: Why *one*.\n2: Why two.\n```\n\n```{path}\n:exam:\n\n2: Alone.\n```\n",
        "utf-8",
    )
    (small_book / "notebooks").mkdir()
    (small_book / "notebooks/01_one.ipynb").write_text(notebook(LECTURE), "utf-8")
    toc = small_book / "_toc.yml"
    toc.write_text(toc.read_text("utf-8") + "  - file: notebooks/01_one\n", "utf-8")
    site.build(small_book)
    built = small_book / "_build/html"
    first, second, alone = soup(built, "book/second").select("ul.path li")
    assert first.get_text() == "1. One (5 minutes of reading, runs in about 40 s, 0 exercises). Why one."
    assert [link["href"] for link in first.select("a")] == ["../notebooks/01_one.html"]
    assert second.get_text() == "2. Two (not yet written). Why two."
    assert alone.get_text() == "2. Two (not yet written). Alone."
    text = soup(built, "book/second").get_text()
    assert (
        "Written so far: 1 of 2 lectures; 5 minutes of reading, about 40 s of running, 0 exercises." in text
    )
    assert "It is not written yet." in text
    before = (built / archive.FILE).read_bytes()

    page.write_text("# Second\n\nWithout a path.\n", "utf-8")
    log = site.build(small_book).log
    assert re.findall(r"reading sources\.\.\. \[.+\] (\S+)", log) == ["book/second"]
    assert pages_of_sitemap(built) == ["book/index.html", "book/second.html", "notebooks/01_one.html"]
    assert (built / archive.FILE).read_bytes() != before
    with zipfile.ZipFile(built / archive.FILE) as packed:
        assert b"Without a path." in packed.read(f"{archive.NAME}/book/second.html")


def test_the_example_of_the_first_page_is_what_the_lecture_prints() -> None:
    shown = re.search(r"```text\n(.+?)```", markdown(ROOT / "book/index.md"), re.DOTALL)
    assert shown
    stored = json.loads((ROOT / "notebooks/04_normalizing_flows.ipynb").read_text("utf-8"))
    outputs = [output for cell in stored["cells"] for output in cell.get("outputs", [])]
    printed = ["".join(output.get("text", "")).splitlines() for output in outputs]
    lines = shown[1].splitlines()
    assert any(len(text) == len(lines) and all(map(str.startswith, text, lines)) for text in printed), (
        "no cell of lecture 4 prints these lines"
    )


def texts_of_the_code() -> str:
    """Every text that the code holds, a line each; what is filled in is `…`. The Makefile and setup cells as they are."""
    found = [(ROOT / "Makefile").read_text("utf-8")]
    files = [*(ROOT / "applied_ds").rglob("*.py"), *(ROOT / "tools").glob("*.py")]
    sources = [path.read_text("utf-8") for path in files]
    sources += [
        cell.source
        for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
        for cell in anatomy.Lecture.load(path).tagged("setup")
    ]
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.JoinedStr):
                found.append(
                    "".join(
                        str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values
                    )
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(re.sub(r"\{\S*?\}", "…", node.value))
    return "\n".join(" ".join(text.split()) for text in found)


def quoted_messages() -> list[str]:
    """The messages that the troubleshooting page quotes as symptoms."""
    symptoms = re.findall(r"^(.*)\n: ", markdown(ROOT / "book/troubleshooting.md"), re.MULTILINE)
    return [quote.strip() for line in symptoms for _, quote in re.findall(r"(`+)(.+?)\1(?!`)", line)]


def unknown_parts(message: str, texts: str) -> list[str]:
    """The parts of a message, between what is filled in, that no text of the code holds."""
    message = re.sub(r"^ModuleNotFoundError: ", "", message)
    parts = [part.strip(" :.'") for part in re.split(r"…|\d[\d.]*\d|\d", message)]
    return [part for part in parts if len(part) > 3 and part != "Exercise" and part not in texts]


def test_messages_that_troubleshooting_quotes_are_those_of_the_code() -> None:
    pythons_own = {"NameError: name … is not defined", os.strerror(errno.EADDRINUSE)}
    texts = texts_of_the_code()
    quotes = quoted_messages()
    assert len(quotes) >= 20
    assert {
        quote: bad for quote in quotes if quote not in pythons_own and (bad := unknown_parts(quote, texts))
    } == {}
    assert unknown_parts("Exercise 4.2: never attempted.", texts) == ["never attempted"]


def test_troubleshooting_gives_each_symptom_an_answer() -> None:
    text = markdown(ROOT / "book/troubleshooting.md").split("# Troubleshooting")[1]
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [
        "Setting up",
        "Notebooks",
        "Colab",
        "Exercises",
        "The site",
    ]
    blocks = [block for block in text.split("\n\n")[2:] if block.strip() and not block.startswith("#")]
    assert [block for block in blocks if not re.match(r".+\n: [A-Z`].{20}", block)] == []


def test_the_changelog_is_dated_newest_first() -> None:
    titles = re.findall(r"^## (\d.+)$", markdown(ROOT / "book/changelog.md"), re.MULTILINE)
    days = [datetime.strptime(title, "%d %B %Y") for title in titles]
    assert days
    assert days == sorted(set(days), reverse=True)
    assert "book/changelog.md" in (ROOT / "CONTRIBUTING.md").read_text("utf-8")


# --- A report of an error ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_page_ends_with_a_link_that_reports_an_error(html: Path, name: str) -> None:
    page = soup(html, name)
    (article,) = page.select("article")
    reports = page.select(".report-error a")
    assert len(reports) == 1
    assert article.find_all(recursive=False)[-1].get_text() == "Report an error on this page"
    parts = urlsplit(str(reports[0]["href"]))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{address.configured()}/issues/new"
    query = parse_qs(parts.query, strict_parsing=True)
    assert article.h1
    (title,), (body,) = query["title"], query["body"]
    assert f"“{article.h1.get_text().rstrip('#')}”" in title
    assert body.splitlines()[0] == f"Page: {PUBLISHED}{name}.html"
    assert ("exercise" in body) == name.startswith("notebooks/")


def test_the_address_of_a_report_survives_any_title() -> None:
    title = "A & B: 50% of “x < y” + ü?#"
    made = urlsplit(report.address("https://github.com/a/b/", title, "p.html", lecture=False))
    assert made.path == "/a/b/issues/new"
    assert title in parse_qs(made.query)["title"][0]
    assert not made.fragment


# --- The archive ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def unpacked(html: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(html / archive.FILE) as packed:
        packed.extractall(folder)
    return folder / archive.NAME


def test_the_archive_holds_the_pages_as_they_are_published(html: Path, unpacked: Path) -> None:
    """Nothing changed them after it was made, and what no page asks for was left out."""
    with zipfile.ZipFile(html / archive.FILE) as packed:
        names = packed.namelist()
        assert names == sorted(set(names))
        assert {name.split("/")[0] for name in names} == {archive.NAME}
        assert {(entry.date_time[0], entry.external_attr >> 16) for entry in packed.infolist()} == {
            (1980, 0o100644)
        }
    assert {f"{archive.NAME}/{name}.html" for name in [*DOCUMENTS, "index", "search", "genindex"]} <= set(
        names
    )
    assert not [name for name in names if re.search(r"\.map$|\.zip|/\.|\.part$|\.doctree", name)]
    lectures = [name for name in DOCUMENTS if name.startswith("notebooks/")]
    assert (html / archive.FILE).stat().st_size < 1e6 * len(lectures), "the landing page promises less"
    for file in unpacked.rglob("*"):
        if file.is_file():
            there = html / file.relative_to(unpacked)
            changed = file.suffix == ".html" and archive.FILE.encode() in there.read_bytes()
            assert changed or file.read_bytes() == there.read_bytes(), there


def test_links_of_the_archive_stay_within_it_or_lead_to_the_web(unpacked: Path) -> None:
    for file in unpacked.rglob("*.html"):
        page = BeautifulSoup(file.read_text("utf-8"), "html.parser")
        for node in page.select("[href], [src]"):
            target = urlsplit(str(node.get("href") or node.get("src")))
            if not target.scheme and target.path:
                assert not target.path.startswith("/"), (file, target)
                assert (file.parent / target.path).resolve().is_relative_to(unpacked)
                assert (file.parent / target.path).exists(), (file, target.path)
    first = soup(unpacked, "book/index").select_one(f"a[href$='{archive.FILE}']")
    assert first
    assert first["href"] == f"{PUBLISHED}{archive.FILE}"


def small_site(folder: Path) -> Path:
    folder.mkdir()
    (folder / "book").mkdir()
    (folder / "book/a.html").write_text(f'<a href="../{archive.FILE}">all</a>')
    (folder / "b.js").write_text("let b;")
    (folder / ".buildinfo").write_text("x")
    return folder


def test_the_same_pages_give_the_same_archive(tmp_path: Path) -> None:
    one, two = small_site(tmp_path / "one"), small_site(tmp_path / "two")
    os.utime(two / "b.js", (0, 0))
    (two / "b.js").chmod(0o600)
    assert archive.write(one, PUBLISHED)
    assert archive.write(two, PUBLISHED)
    assert (one / archive.FILE).read_bytes() == (two / archive.FILE).read_bytes()
    with zipfile.ZipFile(one / archive.FILE) as packed:
        assert packed.namelist() == [f"{archive.NAME}/b.js", f"{archive.NAME}/book/a.html"]
        assert (
            packed.read(f"{archive.NAME}/book/a.html")
            == f'<a href="{PUBLISHED}{archive.FILE}">all</a>'.encode()
        )
    assert not archive.write(one, PUBLISHED), "nothing has changed"
    (one / "b.js").write_text("let c;")
    assert archive.write(one, PUBLISHED)


def test_the_archive_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = small_site(tmp_path / "site")
    archive.write(folder)
    before = (folder / archive.FILE).read_bytes()
    (folder / "b.js").write_text("let c;")

    def full(*arguments: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as broken:
        broken.setattr(zipfile.ZipFile, "writestr", full)
        with pytest.raises(OSError, match="no space left"):
            archive.write(folder)
    assert (folder / archive.FILE).read_bytes() == before
    assert not list(folder.glob("*.part"))
    (folder / archive.FILE).write_bytes(before[:50])  # a damaged one is no archive
    assert archive.write(folder)
    with zipfile.ZipFile(folder / archive.FILE) as packed:
        assert packed.testzip() is None


@pytest.mark.parametrize("name", ["index", "notebooks/04_normalizing_flows", "book/exam", "book/paths"])
def test_a_page_of_the_archive_works_from_a_file(browser: Browser, unpacked: Path, name: str) -> None:
    with visiting(browser, unpacked.as_uri(), name, color_scheme="light") as visit:
        page = visit.open()
        expect(page.locator("article h1")).to_be_visible()
        for image in page.locator("article img").all():
            assert image.evaluate(
                "node => { node.loading = 'eager'; return node.decode().then(() => node.naturalWidth); }"
            )
        button, root = page.locator(".theme-switch-button:visible").first, page.locator("html")
        for _ in range(3):
            if root.get_attribute("data-mode") == "dark":
                break
            button.click()
        expect(root).to_have_attribute("data-theme", "dark")
        page.emulate_media(media="print")
        expect(page.locator(".report-error")).to_be_hidden()
        assert visit.problems == []


def test_the_search_of_the_archive_works_from_a_file(browser: Browser, unpacked: Path, html: Path) -> None:
    """Its results have no excerpts, which a page from a file cannot fetch; served, they have."""
    with site.served(html) as served:
        for base, excerpts in ((unpacked.as_uri(), False), (served, True)):
            with visiting(browser, base, "search") as visit:
                page = visit.open("?q=coupling")
                found = page.locator("#search-results li a[href*='04_normalizing_flows']").first
                expect(found).to_be_visible()
                page.wait_for_load_state("networkidle")  # excerpts of the other results are still asked for
                assert (page.locator("#search-results .context").count() > 0) is excerpts
                found.click()
                expect(page.locator("article h1")).to_contain_text("Normalizing flows")
                assert visit.problems == []


# --- Where the pages are published ---------------------------------------------------------------------------


def pages_of_sitemap(built: Path) -> list[str]:
    """The pages of a sitemap, without the address of the site; fails where there is anything else in it."""
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    root = ElementTree.parse(built / "sitemap.xml").getroot()
    assert root.tag == f"{space}urlset"
    assert {node.tag for node in root.iter()} == {f"{space}{tag}" for tag in ("urlset", "url", "loc")}
    addresses = [str(node.text) for node in root.iter(f"{space}loc")]
    assert all(each.startswith(PUBLISHED) for each in addresses)
    return [each.removeprefix(PUBLISHED) for each in addresses]


def test_the_sitemap_lists_every_page(html: Path) -> None:
    assert pages_of_sitemap(html) == sorted(f"{name}.html" for name in DOCUMENTS)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_page_says_where_it_is_published_and_what_it_is(html: Path, name: str) -> None:
    page = soup(html, name)
    said = {str(node["property"]): str(node["content"]) for node in page.select("meta[property^='og:']")}
    described = [str(node["content"]) for node in page.select("meta[name=description]")]
    assert len(described) <= 1
    shared = said.pop("og:description", None)
    assert ([] if shared is None else [shared]) == described
    assert page.h1
    assert said == {
        "og:title": page.h1.get_text().rstrip("#"),
        "og:type": "website",
        "og:url": f"{PUBLISHED}{name}.html",
        "og:site_name": "Applied Data Science",
    }
    assert [str(node["href"]) for node in page.select("link[rel=canonical]")] == [f"{PUBLISHED}{name}.html"]


# --- The weekly run and the links ----------------------------------------------------------------------------


def test_the_weekly_workflow_runs_everything_and_hides_nothing() -> None:
    text = (ROOT / ".github/workflows/weekly.yml").read_text("utf-8")
    workflow = yaml.safe_load(text)
    assert set(workflow[True]) == {"schedule", "workflow_dispatch"}  # YAML 1.1 reads the key `on` as true
    assert workflow["permissions"] == {"contents": "read"}
    jobs = workflow["jobs"]
    commands = {name: [step.get("run") for step in job["steps"]] for name, job in jobs.items()}
    assert "bash .ci/run" in commands["tests"]
    assert "make links" in commands["links"]
    assert {name: job["timeout-minutes"] for name, job in jobs.items()} == {"tests": 90, "links": 30}
    assert "continue-on-error" not in text
    assert "||" not in text
    (kept,) = (step for step in jobs["links"]["steps"] if "upload-artifact" in step.get("uses", ""))
    assert kept["if"] == "always()"
    assert kept["with"]["path"] == "_build/links.txt"


@contextmanager
def answering() -> Iterator[str]:
    """A server that knows the address /good and no other."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/good" else 404)
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def test_links_that_are_broken_are_named(
    small_book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    page = small_book / "book/second.md"
    with answering() as server:
        page.write_text(f"# Second\n\n[good]({server}/good) {{archive}}`all` [first](index.md)\n", "utf-8")
        assert links.main(small_book) == 0
        assert capsys.readouterr().out.splitlines()[-1] == "1 links, 0 moved, 0 broken"
        page.write_text(f"# Second\n\n[good]({server}/good)\n\n[bad]({server}/missing)\n", "utf-8")
        assert links.main(small_book) == 1
    *broken, counts = (small_book / "_build/links.txt").read_text("utf-8").splitlines()
    assert counts == "2 links, 0 moved, 1 broken"
    assert [line.startswith(f"book/second.md:5: {server}/missing broken: 404") for line in broken] == [True]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (None, "The links were not checked."),
        ("", "has no external link"),
        (
            '{"filename": "a.md", "lineno": 1, "uri": "b.html", "status": "ignored", "info": ""}',
            "has no external link",
        ),
    ],
)
def test_a_link_check_that_checks_nothing_fails(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    written: str | None,
    said: str,
) -> None:
    def jupyter_book(root: Path, work: Path, *arguments: str) -> subprocess.Popen[str]:
        if written is not None:
            target = work / "_build/html/output.json"
            target.parent.mkdir(parents=True)
            target.write_text(written, "utf-8")
        return subprocess.Popen(["echo", "log"], stdout=subprocess.PIPE, text=True)

    monkeypatch.setattr(site, "jupyter_book", jupyter_book)
    assert links.main(tmp_path) == 1
    assert said in capsys.readouterr().err
