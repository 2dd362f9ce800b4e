"""What keeps the site fast and open to everybody, as far as it does not depend on the load of the machine.

Bytes (gzip) and requests of a page before its lazy pictures and unplayed sounds, scripts and styles that block, sizes of
pictures, descriptions, axe; and that the build stops when the theme changes under `applied_ds_site.pages`.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import re
import wave
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest
from applied_ds_site import formulas, pages
from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont
from PIL import Image, ImageChops
from playwright.sync_api import Browser, Page, Response, expect
from sphinx.errors import ExtensionError

from tests.test_site import (
    DOCUMENTS,
    LECTURES,
    PAGES,
    PHONE,
    small_book,
    soup,
    visiting,
    write_small_book,
)
from tools import site

__all__ = ["small_book"]  # a fixture

# kB, gzip. The promise is 500 for a lecture; the limit is what the pages need today and some room for longer lectures.
# The exam holds all 28 questions; the glossary and the search index grow with every lecture.
LIMITS = {"notebooks": 260, "book": 180, "book/exam": 240, "book/glossary": 200, "search": 200}
REQUESTS = 12
FONTS = site.ROOT / "book/_static/fonts"


@dataclass
class Load:
    """What a page asks for before anybody scrolls or plays."""

    sizes: dict[str, int] = field(default_factory=dict)

    def note(self, answer: Response) -> None:
        if answer.request.resource_type == "image" and "/_images/" in answer.url:
            return  # lazy
        self.sizes[urlsplit(answer.url).path] = len(gzip.compress(answer.body(), 6, mtime=0))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_light(browser: Browser, address: str, name: str) -> None:
    load = Load()
    with visiting(browser, address, name, viewport=PHONE, is_mobile=True) as visit:
        answers: list[Response] = []
        visit.page.on("response", lambda answer: answers.append(answer))
        visit.open()
        for answer in answers:
            load.note(answer)
    assert f"/{name}.html" in load.sizes
    assert any(path.endswith("serif.woff2") for path in load.sizes), "the measurement misses the fonts"
    limit = LIMITS.get(name) or LIMITS.get(name.split("/")[0], LIMITS["book"])
    assert sum(load.sizes.values()) < limit * 1000, load.sizes
    assert len(load.sizes) <= REQUESTS, load.sizes


@pytest.mark.parametrize("name", PAGES)
def test_nothing_blocks_the_first_paint_but_one_small_style_sheet(html: Path, name: str) -> None:
    page = soup(html, name)
    for script in page.select("script[src]"):
        assert script.has_attr("defer") or script.has_attr("async"), f"{script['src']} blocks"
    inline = [
        script.get_text()
        for script in page.select("script:not([src])")
        if script.get("type") != "application/ld+json"
    ]
    assert sum(map(len, inline)) < 1000, "long scripts belong in files"
    sheets = page.select("link[rel=stylesheet]")
    assert len(sheets) == 1
    assert not page.select("link[rel=preload][as=script]")
    content = ((html / f"{name}.html").parent / str(sheets[0]["href"])).read_bytes()
    assert len(gzip.compress(content)) < 30_000


@pytest.mark.parametrize("name", DOCUMENTS)
def test_pictures_have_their_size_and_wait(html: Path, name: str) -> None:
    page = soup(html, name)
    for image in page.select("img"):
        file = ((html / f"{name}.html").parent / str(image["src"])).resolve()
        size = (int(str(image["width"])), int(str(image["height"])))
        if file.suffix != ".svg":
            assert size == Image.open(file).size
        if image.find_parent("article"):
            assert image.get("loading") == "lazy"
    for player in page.select("audio"):
        assert player.get("preload") == "none"
        assert not player.select("[src^='data:']")
    assert "data:image" not in str(page.article)


def test_every_figure_of_a_lecture_is_on_its_page_pixel_by_pixel(html: Path) -> None:
    """PNG becomes WebP without loss, JPEG stays: the same figures, in the order of the notebook."""
    for name in LECTURES:
        notebook = nbformat.read(site.ROOT / f"{name}.ipynb", as_version=4)
        stored = [
            base64.b64decode(output.data[kind])
            for cell in notebook.cells
            for output in cell.get("outputs", [])
            for kind in ("image/png", "image/jpeg")
            if kind in output.get("data", {})
        ]
        shown = [
            (html / f"{name}.html").parent / str(image["src"])
            for image in soup(html, name).select(".cell_output img")
        ]
        assert len(shown) == len(stored) > 0
        for content, file in zip(stored, shown, strict=True):
            images = [Image.open(source).convert("RGBA") for source in (io.BytesIO(content), file)]
            assert not ImageChops.difference(*images).getbbox()


def test_every_page_has_a_description_of_its_own(html: Path) -> None:
    found = {}
    for name in DOCUMENTS:
        (tag,) = soup(html, name).select("meta[name=description]")
        description = str(tag["content"])
        assert re.fullmatch(r"[^$\\`*_<>]{50,160}", description), (
            f"{name}: {len(description)} characters, or markup"
        )
        found[description] = name
    assert len(found) == len(DOCUMENTS)


# --- Open to everybody ---


# Axe takes its time over every span of code and every letter of a formula. Of the blocks of code whose kinds of spans all
# stood above it sees none, of the formulas the first few: the others have the same colours and the same elements.
SAME = """async () => {
  document.head.append(Object.assign(document.createElement('style'), {textContent: '* {content-visibility: visible !important}'}));
  document.querySelectorAll('details').forEach(node => { node.open = true; });
  const seen = new Set();
  for (const block of document.querySelectorAll('.highlight pre')) {
    const colour = getComputedStyle(block).backgroundColor;
    const kinds = [...block.querySelectorAll('span[class]')].map(span => span.className + colour);
    if (seen.size && kinds.every(kind => seen.has(kind))) block.setAttribute('data-same', '');
    kinds.forEach(kind => seen.add(kind));
  }
  [...document.querySelectorAll('math')].slice(5).forEach(formula => formula.setAttribute('data-same', ''));
  document.querySelectorAll('[data-same]').forEach(same => { same.textContent = same.textContent; });  // the text stays
  for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {  // boxes are seen to when they come near
    scrollTo(0, y);
    await new Promise(requestAnimationFrame);
  }
}"""


def axe(page: Page, **options: Any) -> AxeResults:
    page.wait_for_timeout(300)  # the theme fades colours
    page.evaluate(SAME)
    result = Axe().run(
        page, context={"exclude": [["[data-same]"]]}, options={"resultTypes": ["violations"], **options}
    )
    assert result.response["passes"], "axe did not look"
    return result


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(browser: Browser, address: str, name: str) -> None:
    """All rules on the page with everything unfolded, and again in the dark those that depend on colour."""
    with visiting(browser, address, name, viewport={"width": 1400, "height": 900}) as visit:
        page = visit.open()
        result = axe(page)
        assert result.violations_count == 0, result.generate_report()
        page.emulate_media(color_scheme="dark")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        result = axe(page, runOnly=["color-contrast", "link-in-text-block"])
        assert result.violations_count == 0, result.generate_report()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_axe_finds_nothing_on_a_phone(browser: Browser, address: str, name: str) -> None:
    """All rules but that on colours, which are those of the wide page."""
    with visiting(browser, address, name, viewport=PHONE, is_mobile=True, has_touch=True) as visit:
        result = axe(
            visit.open(), rules={"color-contrast": {"enabled": False}, "target-size": {"enabled": True}}
        )
    assert result.violations_count == 0, result.generate_report()


def test_axe_sees_what_is_wrong(browser: Browser, address: str) -> None:
    with visiting(browser, address, LECTURES[0]) as visit:
        page = visit.open()
        page.evaluate(
            """() => {
              document.querySelector('article p').innerHTML += '<img src="data:,"> <span style="color: #ccc">pale</span>';
              document.querySelectorAll('.highlight pre .k').forEach(word => { word.style.color = '#ddd'; });
            }"""
        )
        found = axe(page).response["violations"]
    places = {rule["id"]: [node["html"] for node in rule["nodes"]] for rule in found}
    assert set(places) == {"image-alt", "color-contrast"}
    assert any("pale" in place for place in places["color-contrast"])
    assert any('class="k"' in place for place in places["color-contrast"])


# --- Fonts ---


def characters(file: str) -> set[str]:
    return {chr(code) for code in TTFont(FONTS / file).getBestCmap()}


def test_every_character_of_every_formula_is_in_the_font(html: Path) -> None:
    """Letters in italics are other characters than those in the file: the browser puts U+1D434… in their place."""
    italic = {chr(0x61 + k): chr(0x1D44E + k) for k in range(26)} | {"h": "ℎ"}
    italic |= {chr(0x41 + k): chr(0x1D434 + k) for k in range(26)}
    italic |= {chr(0x3B1 + k): chr(0x1D6FC + k) for k in range(25)}
    used = set()
    for name in PAGES:
        for letter in soup(html, name).select("math mi, math mo, math mn, math mtext"):
            text = letter.get_text()
            alone = letter.name == "mi" and len(text) == 1 and letter.get("mathvariant") != "normal"
            used |= {italic.get(text, text)} if alone else set(text)
    assert "𝑥" in used
    missing = used - characters("maths.woff2") - set("\u200b\u2009")
    assert not missing, "add them to MATHS in tools/make_fonts.py and run it"


def test_every_icon_is_in_the_font(html: Path) -> None:
    css = (html / "_static/site.css").read_text("utf-8")
    known = characters("icons.woff2")
    names = set()
    for name in PAGES:
        for icon in soup(html, name).select("[class*='fa-']"):
            names |= {
                str(c)
                for c in icon.get_attribute_list("class")
                if re.fullmatch(r"fa-(?!solid|lg|fw)[\w-]+", str(c))
            }
            assert "fa-solid" in icon.get_attribute_list("class"), f"{icon}: only the solid icons are there"
    assert names
    for name in names:
        rule = re.search(rf"\.{name}:{{1,2}}before[^{{}}]*{{[^}}]*content:\s*\"(.+?)\"", css)
        assert rule, f"{name}: no rule"
        code = chr(int(rule[1][1:], 16)) if rule[1].startswith("\\") else rule[1]
        assert code in known, f"add {name} to ICONS in tools/make_fonts.py and run it"


def test_the_list_of_fonts_is_that_of_the_files() -> None:
    rows = re.findall(
        r"^\| `(\S+)` \| .+ \| (\d+) \| (\w{64}) \|$", (FONTS / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert {name for name, _, _ in rows} == {path.name for path in FONTS.glob("*.woff2")}
    for name, size, checksum in rows:
        content = (FONTS / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (int(size), checksum)


def test_code_of_others_is_what_its_list_says() -> None:
    vendor = site.ROOT / "book/_ext/applied_ds_site/vendor"
    rows = re.findall(
        r"^\| `(\S+)` \| .+ \| (\w{64}) \|$", (vendor / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert {name for name, _ in rows} == {path.name for path in vendor.iterdir()} - {"README.md"}
    for name, checksum in rows:
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == checksum


# --- The theme may change ---


THEME_CHANGES = {
    '<link rel="stylesheet" href="_static/new.css">': "asks for new.css",
    '<script src="_static/new.js"></script>': "asks for new.js",
    '<meta name="viewport" content="width=1"><meta name="viewport" content="width=2">': "width of the window: found 4 times",
    '<button data-bs-toggle="dropdown">': "a menu of Bootstrap",
    '<div class="sd-card">': "an element of sphinx-design",
    '<script src="https://cdn.example.org/require.min.js"></script>': "something that another host serves",
    '<img src="data:image/png;base64,">': "a picture or a film inside of the page",
    '<script type="application/vnd.jupyter.widget-view+json">{}</script>': "a widget",
}


@pytest.fixture(scope="module")
def theme_page(tmp_path_factory: pytest.TempPathFactory) -> tuple[pages.Bridge, str]:
    """A page as the theme makes it, before anything is done to it, and what then finishes it."""
    folder = write_small_book(tmp_path_factory.mktemp("theme"))
    module = folder / "book/_ext/applied_ds_site/pages.py"
    lines = "\n        Path(self.builder.outdir, 'theme.txt').write_text(html, 'utf-8') if 'First' in html else 0\n"
    head = '        """One page with all that this module does to it."""\n'
    assert head in module.read_text("utf-8")
    module.write_text(module.read_text("utf-8").replace(head, head + lines), "utf-8")
    built = site.build(folder).html
    bridge = pages.Bridge()
    bridge.builder = SimpleNamespace(srcdir=folder, outdir=built, images={})  # type: ignore[assignment]
    bridge.seen = set()
    return bridge, (built / "theme.txt").read_text("utf-8")


CONTEXT = {"pagename": "book/index", "pathto": lambda name, _: f"../{name}"}


@pytest.mark.parametrize("added", THEME_CHANGES)
def test_a_theme_that_asks_for_something_new_stops_the_build(
    theme_page: tuple[pages.Bridge, str], added: str
) -> None:
    bridge, page = theme_page
    assert "site.css" in bridge.finished(page, CONTEXT)
    with pytest.raises(ExtensionError, match=re.escape(THEME_CHANGES[added])):
        bridge.finished(page.replace("</head>", f"{added}</head>"), CONTEXT)


@pytest.mark.parametrize(
    "gone", ["search-button-field", "ethical-ad-placement", 'id="pst-primary-sidebar"', "viewport"]
)
def test_a_theme_that_lacks_something_stops_the_build(
    theme_page: tuple[pages.Bridge, str], gone: str
) -> None:
    bridge, page = theme_page
    assert gone in page
    with pytest.raises(ExtensionError, match="The theme has changed"):
        bridge.finished(page.replace(gone, "other"), CONTEXT)


def test_a_file_that_no_page_asks_for_stops_the_build(small_book: Path) -> None:
    module = small_book / "book/_ext/applied_ds_site/pages.py"
    text = module.read_text("utf-8")
    known = '    "pygments.css": MERGED,'
    assert known in text
    module.write_text(text.replace(known, f'{known}\n    "gone.css": MERGED,'), "utf-8")
    with pytest.raises(site.BuildError, match=r"no page asks for: gone\.css"):
        site.build(small_book)


def test_a_formula_that_cannot_be_read_stops_the_build_and_a_sound_becomes_a_file(small_book: Path) -> None:
    content = io.BytesIO()
    with wave.open(content, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(bytes(range(200)) * 4)
    player = (
        f'<audio controls src="data:audio/wav;base64,{base64.b64encode(content.getvalue()).decode()}">'
        "</audio>"
    )
    page = small_book / "book/second.md"
    page.write_text(f"# Second\n\n{player}\n\n$x_{{1$ and $y$.\n", "utf-8")
    with pytest.raises(site.BuildError, match=r"second\.md.*formula 'x_\{1'"):
        site.build(small_book)
    page.write_text(f"# Second\n\n{player}\n\n$x_1$\n", "utf-8")
    built = site.build(small_book).html
    (found,) = BeautifulSoup((built / "book/second.html").read_text("utf-8"), "html.parser").select("audio")
    assert found["preload"] == "none"
    assert (built / "book" / str(found["src"])).resolve().read_bytes() == content.getvalue()


def test_a_theme_that_colours_plain_code_stops_the_build() -> None:
    css = "".join(
        f'html[data-theme="{mode}"] .highlight {{ background: #fff; color: #080808 }}\n'
        + "".join(
            f'html[data-theme="{mode}"] .highlight .{name} {{ color: #080808 }} /* … */\n'
            for name in pages.PLAIN
        )
        for mode in ("light", "dark")
    )
    pages._make_sure_that_plain_is_plain(css)
    with pytest.raises(ExtensionError, match=r"\.p is not plain in light mode"):
        pages._make_sure_that_plain_is_plain(css.replace(".p { color: #080808", ".p { color: #123456", 1))


# --- The style sheet ---


def test_rules_for_classes_that_no_page_has_are_left_out() -> None:
    css = """
    .used, .unused { color: red }
    .unused .used { color: red }
    a:not(.unused) { color: red }
    #place > p { color: red }
    #elsewhere { color: red }
    @media (width > 1px) { .unused { color: red } .used { color: blue } }
    @media print { .unused { color: red } }
    @font-face { src: url(../vendor/fontawesome/x.woff2) }
    @font-face { src: url(kept.woff2) }
    """
    kept = re.sub(r"\s+", " ", pages.pruned(css, {"used", "place"}))
    assert kept == (
        ".used{color: red} a:not(.unused){color: red} #place > p{color: red} "
        "@media (width > 1px) {.used{color: blue} } @font-face { src: url(kept.woff2) } "
    )
    with pytest.raises(ExtensionError):
        pages.pruned(".used", {"used"})


def test_a_replacement_that_finds_nothing_is_an_error() -> None:
    assert pages.substituted("abc", "b", "x", times=range(1, 2), what="b") == "axc"
    with pytest.raises(ExtensionError, match=r"letter: found 0 times"):
        pages.substituted("abc", "d", "x", times=range(1, 2), what="letter")


@pytest.mark.parametrize(
    ("root", "size"), [('width="72pt" height="36pt"', (96, 48)), ('width="10" height="5px"', (10, 5))]
)
def test_the_size_of_a_drawing(tmp_path: Path, root: str, size: tuple[int, int]) -> None:
    file = tmp_path / "a.svg"
    file.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" {root}></svg>', "utf-8")
    assert pages.size_of(file) == size
    file.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>', "utf-8")
    with pytest.raises(ExtensionError, match="needs width and height"):
        pages.size_of(file)


def test_a_picture_that_webp_does_not_serve_stays_png(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that would be larger, one with several frames, one of 16 bits."""
    plain, target = tmp_path / "plain.png", tmp_path / "plain.webp"
    Image.new("RGB", (400, 300), "white").save(plain, compress_level=0)
    assert pages.as_webp(plain, target)
    first = target.read_bytes()
    target.unlink()
    assert pages.as_webp(plain, target)
    assert target.read_bytes() == first
    os.utime(plain, (2e9, 2e9))
    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", lambda self, file, *_, **__: file.write(bytes(1_000_000)))
        assert not pages.as_webp(plain, target)
    assert not target.exists(), "an old file must not stand for a new picture"
    for name, image in (("film", Image.new("L", (400, 300))), ("deep", Image.new("I;16", (400, 300)))):
        file = tmp_path / f"{name}.png"
        more = (
            {"save_all": True, "append_images": [Image.new("L", (400, 300), 255)]} if name == "film" else {}
        )
        image.save(file, compress_level=0, **more)
        assert not pages.as_webp(file, tmp_path / f"{name}.webp")
        assert not (tmp_path / f"{name}.webp").exists()


@pytest.mark.parametrize("tex", [r"x \eqref{a}", r"\label{a} x", r"\color{red} x"])
def test_what_works_in_a_notebook_only_is_refused(tex: str) -> None:
    with pytest.raises(ValueError, match="does not work on the site"):
        formulas.mathml(tex, display=False)
    assert "<math" in formulas.mathml(r"f \colon x \mapsto y", display=False)
