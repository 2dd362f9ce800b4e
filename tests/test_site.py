"""The built site in a real browser, served on the loopback: quiet, complete, and without any other host."""

from __future__ import annotations

import base64
import functools
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from tools import anatomy, site

ROOT = site.ROOT
DOCUMENTS = sorted(  # lectures first: pytest groups the tests of a page by its place in these lists
    (path.relative_to(ROOT).with_suffix("").as_posix() for path in site.documents()),
    key=lambda name: not name.startswith("notebooks/"),
)
LECTURES = [name for name in DOCUMENTS if name.startswith("notebooks/")]
PAGES = [*DOCUMENTS, "genindex", "search"]
PHONE = {"width": 390, "height": 844}

# Text of the page outside of code and formulas, where no markup may be left over.
PROSE = """() => {
  const copy = document.querySelector('article').cloneNode(true);
  copy.querySelectorAll('pre, code, script, style, math').forEach(node => node.remove());
  return copy.textContent;
}"""

# The lowest contrast between text and what lies behind it, by element, over the article.
CONTRAST = """() => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number);
  const luminance = rgb => rgb.slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = node => {
    for (let n = node; n; n = n.parentElement) {
      const colour = channels(getComputedStyle(n).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.9) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('article :is(h1, h2, h3, p, li, td, th, dt, pre, summary, a, code)')]
    .filter(node => node.textContent.trim() && node.checkVisibility() && !node.matches('.headerlink'))
    .map(node => {
      const [a, b] = [channels(getComputedStyle(node).color), behind(node)].map(luminance).sort((x, y) => y - x);
      return [(a + 0.05) / (b + 0.05), node.tagName + ': ' + node.textContent.trim().slice(0, 40)];
    })
    .sort((x, y) => x[0] - y[0])[0];
}"""


@dataclass
class Visit:
    """A page of the browser, and what went wrong in it so far."""

    page: Page
    address: str
    name: str
    problems: list[str] = field(default_factory=list)

    def open(self, query: str = "", wait: Literal["load", "networkidle"] = "load") -> Page:
        """Opens the page and waits until all of it is there; or until it has asked for nothing for half a second."""
        self.page.goto(f"{self.address}/{self.name}.html{query}", wait_until=wait)
        return self.page


@contextmanager
def visiting(browser: Browser, address: str, name: str, **settings: Any) -> Iterator[Visit]:
    with browser.new_context(**settings) as context:
        visit = Visit(context.new_page(), address, name)
        note = visit.problems.append

        def route(route: Route) -> None:
            if route.request.url.startswith((address, "data:", "blob:")):
                route.continue_()
            else:
                note(f"asks another host: {route.request.url}")
                route.abort()

        context.route("**/*", route)
        page = visit.page
        page.on(
            "console",
            lambda m: note(f"console {m.type}: {m.text}") if m.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: note(f"error on the page: {error}"))
        page.on("requestfailed", lambda request: note(f"failed: {request.url}"))
        page.on(
            "response",
            lambda answer: note(f"{answer.status}: {answer.url}") if answer.status >= 400 else None,
        )
        yield visit


@pytest.fixture(scope="module")
def visit(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A page that is open; all tests of one page share it, and leave it as they found it."""
    with visiting(browser, address, request.param, color_scheme="light") as visit:
        visit.open(wait="networkidle")
        yield visit


every_page = pytest.mark.parametrize("visit", PAGES, indirect=True, scope="module")
every_document = pytest.mark.parametrize("visit", DOCUMENTS, indirect=True, scope="module")
every_lecture = pytest.mark.parametrize("visit", LECTURES, indirect=True, scope="module")


def soup(html: Path, name: str) -> BeautifulSoup:
    return BeautifulSoup((html / f"{name}.html").read_text("utf-8"), "html.parser")


def text_of(name: str) -> str:
    """The Markdown that a page is made from."""
    if name.startswith("notebooks/"):
        return "\n".join(cell.source for cell in anatomy.Lecture.load(ROOT / f"{name}.ipynb").text)
    return (ROOT / f"{name}.md").read_text("utf-8")


@functools.cache
def places(file: Path) -> set[str]:
    """All ids of a page."""
    return {str(node["id"]) for node in BeautifulSoup(file.read_text("utf-8"), "html.parser").select("[id]")}


# --- Every page ---


@every_page
def test_page_is_quiet_and_typeset(html: Path, visit: Visit) -> None:
    page, name = visit.page, visit.name
    assert page.locator("h1").count() >= 1
    source = soup(html, name)
    formulas = source.select(".math")
    assert all(formula.find("math", recursive=False) for formula in formulas)
    assert len(source.find_all("math")) == len(formulas)
    assert source.select("merror, .tml-error") == []
    assert page.evaluate(
        "() => [...document.querySelectorAll('math:not([hidden] *)')].every(m => m.getBoundingClientRect().width)"
    )
    assert page.locator(".eqno").count() == 0, "a formula has a number that its \\tag does not give it"
    if name in DOCUMENTS:
        written = re.findall(r"\\tag\{([^}]*)\}", text_of(name))
        assert [tag.get_text() for tag in source.select(".tml-tag")] == [f"({tag})" for tag in written]
        assert re.findall(r"\$\$|\\\w+\{|\\[()\[\]]|```|\*\*|\]\(", page.evaluate(PROSE)) == []
    assert visit.problems == []


@every_page
def test_images_have_text_alternatives_and_load(visit: Visit) -> None:
    for image in visit.page.locator("img").all():
        alt, file = (
            (image.get_attribute("alt") or "").strip(),
            Path(urlsplit(image.get_attribute("src") or "").path),
        )
        if image.evaluate("node => !!node.closest('.navbar-brand')"):
            assert alt == "", "the name of the course stands beside its mark, and would be spoken twice"
            continue
        assert alt, f"{file} has no text alternative"
        assert file.stem not in alt, f"{file} has its name as its text alternative"
        assert image.evaluate(
            "node => { node.loading = 'eager'; return node.decode().then(() => node.naturalWidth); }"
        )
    assert visit.problems == []


@pytest.mark.parametrize("name", ["index", *PAGES])
def test_links_of_the_built_page_lead_somewhere(html: Path, name: str) -> None:
    """Files of the site exist, with the place that is named; scripts, styles and pictures are the site's own."""
    page = soup(html, name)
    folder = (html / f"{name}.html").parent
    for node in page.select(
        "a[href], link[href], script[src], img[src], audio[src], source[src], iframe[src]"
    ):
        target = str(node.get("href") or node.get("src"))
        parts = urlsplit(target)
        if parts.scheme in ("http", "https", "mailto"):
            if "canonical" in (node.get("rel") or []):
                continue  # names the page's own address and is not loaded
            assert node.name == "a", f"<{node.name}> loads {target} from another host"
            continue
        if parts.scheme == "data":
            continue
        file = (folder / unquote(parts.path)).resolve() if parts.path else html / f"{name}.html"
        assert file.is_file(), f"{target}: there is no such file"
        if parts.fragment and file.suffix == ".html":
            assert unquote(parts.fragment) in places(file), f"{target}: there is no such place"
    assert "unpkg.com" not in str(page), "thebe is back"


def test_the_root_leads_to_the_landing_page(browser: Browser, address: str) -> None:
    with visiting(browser, address, "index") as visit:
        visit.page.goto(f"{address}/")
        visit.page.wait_for_url("**/book/index.html", wait_until="networkidle")
        expect(visit.page.locator("article h1")).to_contain_text("Applied Data Science")
        assert visit.problems == []


# --- Landing page, data page ---


def test_the_landing_page_lists_every_lecture(html: Path) -> None:
    """Those that are written as cards with their facts, the others by name, each under its part."""
    page = soup(html, "book/index")
    listed = yaml.safe_load((ROOT / "book/lectures.yml").read_text("utf-8"))
    written = [lecture for lecture in listed if (ROOT / f"notebooks/{lecture['file']}.ipynb").is_file()]
    cards = page.select(".lecture-card")
    for card, lecture in zip(cards, written, strict=True):
        notebook = anatomy.Lecture.load(ROOT / f"notebooks/{lecture['file']}.ipynb")
        link = card.a
        assert link
        assert link["href"] == f"../notebooks/{lecture['file']}.html"
        assert link.get_text() == f"{lecture['number'].lstrip('0')}. {lecture['title']}"
        section = card.find_parent("section")
        assert section
        assert section.h3
        assert section.h3.get_text().startswith(f"Part {lecture['part']}")
        shown = [paragraph.get_text() for paragraph in card.select("p")][1:]
        reading = re.search(r"Reading time (\d+) minutes", notebook.text[0].source)
        assert reading
        facts = [f"{reading[1]} minutes of reading", f"runs in about {notebook.meta.seconds} s"]
        facts.append(f"{len(notebook.tagged('exercise'))} exercises")
        assert shown[0] == notebook.meta.summary
        assert shown[1].split(" · ")[:3] == facts
        assert re.findall(r"\d+", "".join(shown[1].split(" · ")[3:])) == list(map(str, lecture["exam"]))
    others = [
        (f"Part {lecture['part']}", f"{lecture['number'].lstrip('0')}. {lecture['title']}")
        for lecture in listed
        if lecture not in written
    ]
    rest = page.select_one("dl.not-yet-written")
    shown_others = (
        [
            (str(part.get_text()), name.replace("\xa0", " "))
            for part, names in zip(rest.select("dt"), rest.select("dd"), strict=True)
            for name in names.get_text().strip().split(" · ")
        ]
        if rest
        else []
    )
    assert shown_others == others
    state = page.select_one("p.lecture-list")
    assert state
    assert re.findall(r"\d+", state.get_text())[:2] == [str(len(written)), str(len(listed))]


def test_the_data_page_shows_every_card_with_its_licence(html: Path) -> None:
    from applied_ds import data

    page = soup(html, "book/data")
    sections = {
        section.h2.code.get_text(): section.get_text().replace("’", "'")  # the site sets typographic ones
        for section in page.select("section section")
    }
    assert list(sections) == [card.name for card in data.all_cards()]
    for card in data.all_cards():
        for fact in (card.summary, card.licence, card.origin, card.sha256, card.command):
            assert fact.replace("``", "") in sections[card.name]


# --- Lectures ---


@every_lecture
def test_hints_and_solutions_unfold(visit: Visit) -> None:
    """One at a time, by mouse and by keyboard, with their code highlighted."""
    page = visit.page
    helps = len(anatomy.Lecture.load(ROOT / f"{visit.name}.ipynb").tagged("exercise-help"))
    top = page.locator("article details:not(details details)")
    assert top.count() == helps
    assert page.locator("article details[open]").count() == 0
    for k in range(helps):
        inside = top.nth(k).locator("xpath=descendant-or-self::details")
        for depth in range(inside.count()):
            details, summary = inside.nth(depth), inside.nth(depth).locator("> summary")
            content = details.locator("> :not(summary)").first
            expect(content).to_be_hidden()
            if depth % 2:
                summary.press("Enter")
            else:
                summary.click()
            expect(content).to_be_visible()
        assert inside.locator(".highlight pre span[class]").count() > 0, (
            "the solution shows no highlighted code"
        )
        first = inside.first.locator("> summary")
        first.press("Space")
        expect(inside.first.locator("> :not(summary)").first).to_be_hidden()
    page.evaluate("() => document.querySelectorAll('details').forEach(node => { node.open = false; })")
    assert visit.problems == []


@every_lecture
def test_a_lecture_opens_in_colab_and_can_be_downloaded(visit: Visit) -> None:
    page, name = visit.page, visit.name
    repository = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["repository"]
    path = f"{urlsplit(repository['url']).path}/blob/{repository['branch']}/{name}.ipynb"
    launch = page.locator("a[href*='colab.research']")
    assert [link.get_attribute("href") for link in launch.all()] == [
        f"https://colab.research.google.com/github{path}"
    ]
    download = page.locator("a.download-notebook")
    stored = page.evaluate(
        "link => fetch(link.href).then(answer => answer.text())", download.element_handle()
    )
    assert stored == (ROOT / f"{name}.ipynb").read_text("utf-8")
    assert visit.problems == []


@every_lecture
def test_the_card_at_the_head_of_a_lecture_holds_its_facts(html: Path, visit: Visit) -> None:
    """What its line in the notebook says, and links to its exercises and exam questions."""
    lecture = anatomy.Lecture.load(ROOT / f"{visit.name}.ipynb")
    card = soup(html, visit.name).select_one("aside.lecture-head")
    assert card
    facts = dict(
        zip(
            [dt.get_text() for dt in card.select("dt")],
            [dd.get_text().strip() for dd in card.select("dd")],
            strict=True,
        )
    )
    line = next(line for line in lecture.text[0].source.splitlines() if line.startswith("*Reading time"))
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", line.strip("*"))
    for term, start in (
        ("Reading", "Reading time "),
        ("Running", "running time "),
        ("Know first", "know first: "),
    ):
        said = next(part for part in plain.split(" · ") if part.startswith(start)).removeprefix(start)
        assert facts[term].startswith(said), term
    exercises = [link.get_text() for link in card.select("a[href^='#exercise']")]
    assert len(exercises) == len(lecture.tagged("exercise"))
    questions = [int(link.get_text()) for link in card.select("a[href*='exam.html#question-']")]
    assert questions == lecture.meta.exam
    assert "Reading time" not in soup(html, visit.name).select_one("article").get_text()


def test_the_theme_works_without_the_scripts_that_were_dropped(browser: Browser, address: str) -> None:
    """Search by button and by keys, both sidebars on a phone; the choice of light or dark is tested on every page."""
    with visiting(browser, address, LECTURES[0], viewport={"width": 1400, "height": 900}) as visit:
        page = visit.open()
        dialog = page.locator("#pst-search-dialog")
        expect(dialog).to_be_hidden()
        page.locator("button.search-button-field").click()
        expect(dialog).to_be_visible()
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        page.keyboard.press("Control+k")
        expect(dialog).to_be_visible()
        page.keyboard.type("coupling")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search.html?q=coupling*")
        expect(page.locator("#search-results li").first).to_be_visible()
        assert visit.problems == []
    with visiting(browser, address, LECTURES[0], viewport=PHONE, is_mobile=True, has_touch=True) as visit:
        page = visit.open()
        for button, sidebar in ((".primary-toggle", "primary"), (".secondary-toggle", "secondary")):
            panel = page.locator(f"#pst-{sidebar}-sidebar-modal")
            expect(panel).to_be_hidden()
            page.locator(button).click()
            expect(panel).to_be_visible()
            expect(panel.locator("a").first).to_be_in_viewport()
            page.keyboard.press("Escape")
            expect(panel).to_be_hidden()
        assert visit.problems == []


def test_search_finds_a_lecture(browser: Browser, address: str) -> None:
    with visiting(browser, address, "search") as visit:
        page = visit.open("?q=coupling")
        found = page.locator("#search-results li a[href*='04_normalizing_flows']")
        expect(found.first).to_be_visible()
        page.wait_for_load_state("networkidle")  # excerpts of the other results are still asked for
        found.first.click()
        expect(page.locator("article h1")).to_contain_text("Normalizing flows")
        assert visit.problems == []


# --- Dark mode, phone ---


@every_document
def test_text_is_legible_in_light_and_dark(visit: Visit) -> None:
    page = visit.page
    root, button = page.locator("html"), page.locator(".theme-switch-button:visible").first
    background = {}
    for theme in ("light", "dark"):
        for _ in range(3):
            if root.get_attribute("data-mode") == theme:
                break
            button.click()
        expect(root).to_have_attribute("data-theme", theme)
        page.wait_for_timeout(400)  # the theme fades colours
        background[theme] = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        contrast, where = page.evaluate(CONTRAST)
        assert contrast >= 4.5, f"{theme}: contrast {contrast:.1f} at {where}"
    assert background["light"] != background["dark"]
    assert visit.problems == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_phone_shows_the_text(browser: Browser, address: str, name: str) -> None:
    with visiting(browser, address, name, viewport=PHONE, is_mobile=True, has_touch=True) as visit:
        page = visit.open()
        assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
        expect(page.locator("article h1").first).to_be_in_viewport()
        expect(page.locator(".bd-sidebar-primary")).not_to_be_in_viewport()
        box = page.locator("article section > p").first.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
        assert box["width"] >= 300
        assert visit.problems == []


# --- Building ---


def write_small_book(folder: Path) -> Path:
    """A book of two pages with the settings and the extension of this one."""
    (folder / "book").mkdir()
    for name in ("_config.yml", "book/_ext", "book/_static"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    toc = "format: jb-book\nroot: book/index\nparts:\n- caption: All\n  chapters:\n  - file: book/second\n"
    (folder / "_toc.yml").write_text(toc, "utf-8")
    (folder / "book/index.md").write_text("# First\n\nText with a [link](second.md).\n", "utf-8")
    (folder / "book/second.md").write_text("# Second\n\nOld.\n", "utf-8")
    return folder


@pytest.fixture
def small_book(tmp_path: Path) -> Path:
    return write_small_book(tmp_path)


def test_a_build_renders_what_changed_and_nothing_else(small_book: Path) -> None:
    assert "build succeeded" in site.build(small_book).log
    assert site.is_current(small_book)
    assert site.build(small_book).log == ""
    page = small_book / "book/second.md"
    page.write_text("# Second\n\nNew.\n", "utf-8")
    assert not site.is_current(small_book)
    log = site.build(small_book).log
    assert re.findall(r"reading sources\.\.\. \[.+\] (\S+)", log) == ["book/second"]
    assert "New." in soup(small_book / "_build/html", "book/second").get_text()
    page.write_text("# Another title\n\nNew.\n", "utf-8")
    site.build(small_book)
    assert "Another title" in soup(small_book / "_build/html", "book/index").get_text(), (
        "the sidebar is stale"
    )


def test_a_build_in_steps_is_the_same_as_one_from_nothing(small_book: Path) -> None:
    """Also when a file that is put in place is older than the last build, and without what no page needs any more."""
    page, picture, sound = small_book / "book/second.md", small_book / "book/a.png", b"RIFF" + bytes(99)
    Image.new("RGB", (700, 300), "white").save(picture)
    player = (
        f'<audio controls autoplay src="data:audio/wav;base64,{base64.b64encode(sound).decode()}"></audio>'
    )
    page.write_text(f"# Second\n\n![A white area](a.png)\n\n{player}\n", "utf-8")
    built = site.build(small_book).html
    image = soup(built, "book/second").select_one("article p > img")
    assert image
    assert (image["width"], image["height"], image["loading"]) == ("700", "300", "lazy")
    assert str(image["src"]).endswith(".webp")
    assert [path.suffix for path in (built / "_images").iterdir()] == [".webp"]
    (heard,) = soup(built, "book/second").select("audio")
    assert (built / "book" / str(heard["src"])).resolve().read_bytes() == sound
    assert not heard.has_attr("autoplay")
    page.write_text("# Second\n\nNew.\n", "utf-8")
    os.utime(page, (1e9, 1e9))
    site.build(small_book)
    assert "New." in soup(built, "book/second").get_text()
    assert not [path for folder in ("_images", "_sounds") for path in (built / folder).glob("*")]
    page.write_text("# Second\n\nNewer.\n", "utf-8")
    assert re.findall(r"reading sources\.\.\. \[.+\] (\S+)", site.build(small_book).log) == ["book/second"]
    in_steps = {path.relative_to(built): path.read_bytes() for path in built.rglob("*") if path.is_file()}
    site.build(small_book, fresh=True)
    at_once = {path.relative_to(built): path.read_bytes() for path in built.rglob("*") if path.is_file()}
    assert set(in_steps) == set(at_once)
    assert {path for path in at_once if in_steps[path] != at_once[path]} <= {
        Path("searchindex.js"),  # counts its words in the order in which they came
        Path("applied-data-science-site.zip"),  # holds that file
    }


@pytest.mark.parametrize("stamp", ["{", "[]", "\xff"])
def test_a_site_with_a_damaged_stamp_is_built_again(
    small_book: Path, monkeypatch: pytest.MonkeyPatch, stamp: str
) -> None:
    def run_jupyter_book(root: Path, work: Path) -> str:
        (work / "_build/html").mkdir(parents=True)
        return "built"

    monkeypatch.setattr(site, "_run_jupyter_book", run_jupyter_book)
    assert [site.build(small_book).log for _ in range(2)] == ["built", ""]
    (small_book / "_build/html/.inputs.json").write_bytes(stamp.encode("latin-1"))
    assert not site.is_current(small_book)
    assert site.build(small_book).log == "built"
    assert site.is_current(small_book)


def test_the_server_ends_when_its_block_fails(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    started: list[threading.Thread] = []

    def fail() -> None:
        with site.served(tmp_path):
            started.extend(set(threading.enumerate()) - before)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    (thread,) = started
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_a_build_with_a_warning_fails_and_leaves_the_old_site(small_book: Path) -> None:
    site.build(small_book)
    page = small_book / "book/second.md"
    page.write_text("# Second\n\n[Nowhere](third.md)\n", "utf-8")
    for _ in range(2):  # a second try must not succeed because the page has been read already
        with pytest.raises(site.BuildError, match=r"second\.md:3: WARNING"):
            site.build(small_book)
        assert "Old." in soup(small_book / "_build/html", "book/second").get_text()
        assert not site.is_current(small_book)


def test_a_clean_build_has_no_warning(tmp_path: Path) -> None:
    """From the files alone that the site is made from, in an empty place."""
    for patterns in (site.STRUCTURE, site.CONTENT):
        for path in (path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()):
            target = tmp_path / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    log = site.build(tmp_path).log
    assert f"{len(DOCUMENTS)} added" in log
    assert "WARNING" not in log
    assert "build succeeded" in log
