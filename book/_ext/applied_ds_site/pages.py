"""The pages as HTML: everything that is done to the stock theme is done here, and fails the build when the theme changes.

A page of the theme asks for 25 files; the weight is mostly that of things which this book does not use. So

- each style sheet and each script that a page names stands in `STYLES` or `SCRIPTS` with what becomes of it; one that
  does not stand there, or stands there and is named by no page, is an error;
- the style sheets become one, ``site.css``, without the rules for classes that no page has; the scripts become one, ``site.js``,
  which is deferred. The scripts of the search are on the search page only;
- icons come from a small subset of the theme's own icon font (`tools/make_fonts.py`) instead of a script of 1.5 MB;
- pictures get their size and are loaded when they come into view; a PNG is stored again as lossless WebP;
- a sound inside a page becomes a file that is loaded when it is played;
- names, brackets, spaces and operators in code stand without a span of their own, which would be three quarters of all elements
  of a lecture: they have the colour of the text around them;
- names of buttons say what the buttons show, so that who speaks to the browser can say what is seen.

What is left over in ``_static`` is removed at the end of the build. ``index.html`` leads to the landing page.
"""

from __future__ import annotations

import base64
import hashlib
import html as markup
import io
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import tinycss2
from PIL import Image
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.jinja2glue import BuiltinTemplateLoader

# What becomes of each file that the theme, Sphinx and its extensions bring. Own files (book/_static) need no entry.
MERGED, SEARCH, DROPPED = "merged", "search", "dropped"
STYLES = {
    "styles/theme.css": DROPPED,  # says nothing
    "styles/pydata-sphinx-theme.css": MERGED,
    "pygments.css": MERGED,
    "styles/sphinx-book-theme.css": MERGED,
    "togglebutton.css": DROPPED,  # folding is done with <details>
    "copybutton.css": MERGED,
    "mystnb.css": MERGED,
    "sphinx-design.min.css": DROPPED,  # no cards, tabs or grids of that extension
}
SCRIPTS = {
    "documentation_options.js": MERGED,
    "doctools.js": MERGED,
    "sphinx_highlight.js": MERGED,
    "clipboard.min.js": MERGED,
    "copybutton.js": MERGED,
    "scripts/sphinx-book-theme.js": MERGED,
    "scripts/pydata-sphinx-theme.js": MERGED,
    "scripts/bootstrap.js": DROPPED,  # the pages have neither its menus nor its tooltips
    "scripts/fontawesome.js": DROPPED,  # its icons come as fonts
    "togglebutton.js": DROPPED,
    "design-tabs.js": DROPPED,
    "searchtools.js": SEARCH,
    "language_data.js": SEARCH,
    "searchindex.js": SEARCH,
}
# Scripts inside the pages, by how they begin; the theme's choice of light or dark is the one that stays.
INLINE = [
    r"let toggle(?:HintShow|HintHide|OpenOnPrint) =",
    r"var togglebuttonSelector =",
    r"DOCUMENTATION_OPTIONS\.(?:pagename|search_as_you_type) =",
]
# Own files that are inside of site.css and site.js, or for those who work on the book; style sheets are too.
INSIDE = {"course.js", "icons.woff2", "README.md"}
# Classes of Pygments that the theme colours like plain code (`_finish` makes sure of it), and operators, for a quiet look.
PLAIN, OPERATOR = ("n", "nn", "nx", "p", "pm", "w"), "o"
# Where the theme asks every box of a page for its width; course.js does that better.
ALL_BOXES = '"pre",".nboutput > .output_area",".cell_output > .output",".jp-RenderedHTMLCommon",".pst-scrollable-table-container"'
# The font of the text is asked for at once, so that it is there for the first line; a browser forbids that to a file.
PRELOAD = """
if (location.protocol !== "file:") {
  const font = { rel: "preload", as: "font", type: "font/woff2", crossOrigin: "", href: "FONT" };
  document.head.append(Object.assign(document.createElement("link"), font));
}
"""
WIDE = 600  # pixels; a picture from here on takes the margins of a phone as well
# What a page must not hold, because what would serve it has been dropped.
FORBIDDEN = {
    r'data-bs-toggle="(?!tooltip)': "a menu of Bootstrap",
    r'class="(?:[^"]* )?(?:sd-|toggle[ "]|tag_hide)': "an element of sphinx-design or togglebutton",
    r"application/vnd\.jupyter\.widget": "a widget, which would load from another host",
    r'<(?:script|img|iframe|audio|video|source)\b[^>]*\s(?:src|data)="(?:https?:)?//': "something that another host serves",
    r'src="data:(?:image|video)': "a picture or a film inside of the page instead of in a file",
}


def _merged_script(files: Iterable[Path]) -> str:
    texts = (re.sub(r"(?m)^//# sourceMappingURL=.*$", "", file.read_text("utf-8")) for file in files)
    return "".join(f"{text.strip()}\n;\n" for text in texts)


def substituted(html: str, pattern: str, replacement: str, *, times: range, what: str) -> str:
    """`re.sub` that must find the pattern as often as `times` allows.

    Raises:
        ExtensionError: it does not, so that the theme is not the one that this module was written for.
    """
    html, found = re.subn(pattern, replacement, html)
    if found not in times:
        raise ExtensionError(
            f"{what}: found {found} times on a page, expected {times}. The theme has changed; see pages.py"
        )
    return html


class Bridge(BuiltinTemplateLoader):
    """Sphinx's own templates; each page passes through `finished` before it is written."""

    builder: StandaloneHTMLBuilder

    def init(self, builder: StandaloneHTMLBuilder, theme: Any = None, dirs: list[str] | None = None) -> None:
        """Keeps the builder, which knows the pictures."""
        super().init(builder, theme, dirs)
        self.builder = builder
        self.seen: set[str] = set()

    def render(self, template: str, context: dict[str, Any]) -> str:
        """The page as it is written."""
        html = super().render(template, context)
        return self.finished(html, context) if "</head>" in html else html

    def finished(self, html: str, context: dict[str, Any]) -> str:
        """One page with all that this module does to it."""
        for pattern, what in FORBIDDEN.items():
            if re.search(pattern, html):
                raise ExtensionError(
                    f"{context['pagename']} holds {what}; pages.py has dropped what serves it"
                )
        html = self._with_one_script_and_one_style(html, str(context["pathto"]("_static/", 1)))
        html = substituted(
            html, r'\s*<meta name="viewport"[^>]*>', "", times=range(2, 4), what="width of the window"
        )
        html = html.replace(
            '<meta charset="utf-8" />',
            '<meta charset="utf-8" />\n    <meta name="viewport" content="width=device-width, initial-scale=1">',
        )
        html = substituted(  # the name that is spoken must hold the name that is seen
            html,
            r'(<button class="btn search-button-field [^>]*?) title="Search" aria-label="Search"',
            r"\1",
            times=range(1, 2),
            what="search button",
        )
        html = re.sub(r' data-bs-(?:toggle="tooltip"|placement="\w+"|title="[^"]*")', "", html)
        html = substituted(  # what stands above its navigation, the name of the course, belongs to a landmark too
            html,
            r'<div id="pst-primary-sidebar"',
            '<div id="pst-primary-sidebar" role="region" aria-label="Course"',
            times=range(1, 2),
            what="primary sidebar",
        )
        html = substituted(
            html,
            r'<div id="ethical-ad-placement"[^>]*>\s*</div>',
            "",
            times=range(1, 2),
            what="place for advertisements",
        )
        html = re.sub(rf'<span class="(?:{"|".join([*PLAIN, OPERATOR])})">([^<]*)</span>', r"\1", html)
        html = re.sub(  # no line begins with the comma behind a formula
            r'\(?<span class="math"><math(?:(?!</math>).)*</math></span>[.,;:!?)]+',
            r'<span class="together">\g<0></span>',
            html,
        )
        html = re.sub(r"<pre>(?=<span></span>(?:✓ |Exercise )[^<]*</pre>)", '<pre class="wrapped">', html)
        html = substituted(
            html,
            'aria-label="Color mode"',
            'aria-label="Colour mode"',
            times=range(1, 2),
            what="button for light and dark",
        )
        html = re.sub(r"<img\b[^>]*>", lambda found: self._picture(found[0]), html)
        return re.sub(
            r"<audio\b.*?</audio>", lambda found: self._sound(found[0], context), html, flags=re.DOTALL
        )

    def _with_one_script_and_one_style(self, html: str, static: str) -> str:
        """Takes out what `STYLES` and `SCRIPTS` name, and puts one style sheet and one script in its place."""
        kept: list[str] = []

        def name_of(address: str) -> str:
            name = re.sub(r"[?#].*", "", address).rsplit("_static/", 1)[-1].lstrip("./")
            return re.sub(r"^mystnb\.\w+\.css$", "mystnb.css", name)

        def take(found: re.Match[str]) -> str:
            name, table = name_of(found["address"]), SCRIPTS if found[0].startswith("<script") else STYLES
            own = (Path(self.builder.srcdir) / "book/_static" / name).is_file()
            if own and table is SCRIPTS:
                kept.append(f'<script defer src="{found["address"]}"></script>')
            elif not own and name not in table:
                raise ExtensionError(f"a page asks for {name}, which pages.py does not know")
            elif not own and table[name] == SEARCH and 'id="search-results"' in html:
                kept.append(f'<script defer src="{found["address"]}"></script>')
            self.seen.add(name)
            return ""

        html = re.sub(r'<link (?=[^>]*rel="stylesheet")[^>]*href="(?P<address>[^"]+)"[^>]*>\s*', take, html)
        html = re.sub(r'<link (?=[^>]*rel="preload" as="script")[^>]*>\s*', "", html)
        html = re.sub(r'<script[^>]* src="(?P<address>[^"]+)"[^>]*></script>\s*', take, html)
        html = re.sub(rf"<script>(?:{'|'.join(INLINE)})[^<]*</script>\s*", "", html)
        own = "\n    ".join(
            [
                f"<script>{PRELOAD}</script>".replace("FONT", f"{static}fonts/serif.woff2"),
                f'<link rel="stylesheet" href="{static}site.css">',
                f'<script defer src="{static}site.js"></script>',
                *kept,
            ]
        )
        return html.replace("</head>", f"  {own}\n  </head>", 1)

    def _picture(self, tag: str) -> str:
        """The tag with width, height and the order to wait until it comes into view."""
        source = re.search(r'src="([^"]+)"', tag)
        name = unquote(source[1].rsplit("/", 1)[-1]) if source else ""
        files = {target: path for path, target in self.builder.images.items()}
        if not source or "/_images/" not in f"/{source[1]}" or name not in files:
            return self._static_picture(tag, source[1] if source else "")
        file = Path(self.builder.srcdir) / files[name]
        width, height = size_of(file)
        if shown := re.search(r'style="width:\s*([\d.]+)px;\s*height:\s*([\d.]+)px;?"', tag):
            width, height = round(float(shown[1])), round(float(shown[2]))  # as the cell asked for
            tag = tag.replace(shown[0], "")
        if file.suffix == ".png":
            target = Path(self.builder.outdir) / "_images" / f"{Path(name).stem}.webp"
            if as_webp(file, target):
                tag = tag.replace(source[1], source[1][: -len(".png")] + ".webp")
        tag = re.sub(r'\s(?:width|height|loading|decoding)="[^"]*"', "", tag)
        if width >= WIDE:
            tag = (
                tag.replace('class="', 'class="wide ')
                if "class=" in tag
                else tag.replace("<img", '<img class="wide"')
            )
        settings = f'width="{width}" height="{height}" loading="lazy" decoding="async"'
        return tag.replace("<img", f"<img {settings}", 1)

    def _static_picture(self, tag: str, address: str) -> str:
        file = Path(self.builder.srcdir) / "book/_static" / address.rsplit("_static/", 1)[-1]
        if not file.is_file():
            raise ExtensionError(f"{address}: a picture of which pages.py does not know the size")
        width, height = size_of(file)
        return tag.replace("<img", f'<img width="{width}" height="{height}"', 1)

    def _sound(self, tag: str, context: dict[str, Any]) -> str:
        """The player with its sound in a file, which is loaded when it is played."""

        def write(found: re.Match[str]) -> str:
            content = base64.b64decode(found["data"])
            name = f"{hashlib.sha256(content).hexdigest()[:32]}.{found['kind'].removeprefix('x-')}"
            folder = Path(self.builder.outdir) / "_sounds"
            folder.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
            return str(context["pathto"](f"_sounds/{name}", 1))

        tag = re.sub(r"data:audio/(?P<kind>[\w-]+);base64,(?P<data>[A-Za-z0-9+/=]+)", write, tag)
        tag = re.sub(r'\s(?:preload|autoplay)(?:="\w*")?', "", tag)
        return tag.replace("<audio", '<audio preload="none"', 1)


def size_of(file: Path) -> tuple[int, int]:
    """Width and height of a picture in CSS pixels.

    Raises:
        ExtensionError: the file is an SVG without width and height.
    """
    if file.suffix != ".svg":
        with Image.open(file) as image:
            return image.size
    head = re.search(r"<svg[^>]*>", file.read_text("utf-8"))
    numbers = {
        side: re.search(rf'\s{side}="([\d.]+)(pt|px)?"', head[0] if head else "")
        for side in ("width", "height")
    }
    if not (numbers["width"] and numbers["height"]):
        raise ExtensionError(f"{file.name}: an SVG needs width and height")
    width, height = (round(float(n[1]) * (4 / 3 if n[2] == "pt" else 1)) for n in numbers.values() if n)
    return width, height


def as_webp(file: Path, target: Path) -> bool:
    """Stores a PNG as lossless WebP; the same picture, and the same bytes every time.

    Returns:
        False, and no file, if WebP would be larger or would not hold all of it: frames, more than 8 bits.
    """
    if target.is_file() and target.stat().st_mtime >= file.stat().st_mtime:
        return True
    content = io.BytesIO()
    with Image.open(file) as image:
        if getattr(image, "n_frames", 1) == 1 and image.mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
            image.save(content, "WEBP", lossless=True, quality=80, method=6, exact=True)
    if not 0 < len(content.getvalue()) < file.stat().st_size:
        target.unlink(missing_ok=True)
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content.getvalue())
    return True


# --- The style sheet ---


def pruned(css: str, known: set[str]) -> str:
    """The rules of a style sheet that can apply to elements whose classes and ids are all in `known`."""
    rules = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    return "".join(_pruned(rules, known))


def _pruned(rules: list[Any], known: set[str]) -> Iterator[str]:
    for rule in rules:
        if rule.type == "error":
            raise ExtensionError(f"style sheet, line {rule.source_line}: {rule.message}")
        if rule.type == "qualified-rule":
            selectors = [part for part in _parts(rule.prelude) if _names(part) <= known]
            if selectors and rule.content:
                prelude = ",".join(tinycss2.serialize(part).strip() for part in selectors)
                yield f"{prelude}{{{tinycss2.serialize(rule.content).strip()}}}\n"
        elif rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports", "layer", "container"):
            if rule.content is None:
                yield rule.serialize() + "\n"
                continue
            inner = "".join(_pruned(tinycss2.parse_rule_list(rule.content, True, True), known))
            if inner:
                yield f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{inner}}}\n"
        elif rule.type == "at-rule" and not (
            rule.lower_at_keyword == "font-face" and "vendor/fontawesome" in rule.serialize()
        ):
            yield rule.serialize() + "\n"


def _parts(prelude: list[Any]) -> Iterator[list[Any]]:
    """The selectors between the commas."""
    part: list[Any] = []
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _names(selector: list[Any]) -> set[str]:
    """Classes and ids that an element must have; what stands inside of ``:not(…)`` and the like does not count."""
    names = {token.value for token in selector if token.type == "hash"}
    for before, token in pairwise(selector):
        if before.type == "literal" and before.value == "." and token.type == "ident":
            names.add(token.value)
    return names


def _with_icons(css: str, static: Path) -> str:
    """The font of the icons inside of the style sheet: it is smaller than the request for it."""

    def inline(found: re.Match[str]) -> str:
        content = base64.b64encode((static / found[1]).read_bytes()).decode()
        return f"url(data:font/woff2;base64,{content})"

    return re.sub(r'url\("?(fonts/icons\.woff2)"?\)', inline, css)


# --- End of the build ---


def _finish(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    out, static, own = Path(app.outdir), Path(app.outdir) / "_static", Path(app.srcdir) / "book/_static"
    bridge = app.builder.templates
    assert isinstance(bridge, Bridge)
    if not bridge.seen:
        return  # no page was rendered again, and Sphinx has copied nothing
    if unused := {*STYLES, *SCRIPTS} - bridge.seen:
        raise ExtensionError(f"pages.py knows files that no page asks for: {', '.join(sorted(unused))}")
    _make_sure_that_plain_is_plain((static / "pygments.css").read_text("utf-8"))
    script = _merged_script(
        [*(static / name for name, what in SCRIPTS.items() if what == MERGED), own / "course.js"]
    )
    script = substituted(
        script,
        re.escape(ALL_BOXES),
        '"no-such-element"',
        times=range(1, 2),
        what="boxes that scroll, in a script",
    )
    (static / "site.js").write_text(script, "utf-8")
    pages = [page.read_text("utf-8") for page in sorted(out.rglob("*.html")) if "_static" not in page.parts]
    scripts = [script, *(file.read_text("utf-8") for file in sorted(own.glob("*.js")))]
    known = {
        name
        for page in pages
        for value in re.findall(r'\b(?:class|id)="([^"]*)"', page)
        for name in value.split()
    }
    known |= {word for text in scripts for word in re.findall(r"[\w-]+", text)}
    sheets = [_sheet(static, name) for name, what in STYLES.items() if what == MERGED]
    sheets += [Path(__file__).parent / "vendor/temml.css", *sorted(own.glob("*.css"))]
    css = _with_icons("".join(pruned(sheet.read_text("utf-8"), known) for sheet in sheets), static)
    (static / "site.css").write_text(css, "utf-8")
    _sweep(
        static,
        [*pages, css],
        {
            path.relative_to(own).as_posix()
            for path in own.rglob("*")
            if path.suffix != ".css" and path.name not in INSIDE
        },
    )
    for folder in ("_images", "_sounds"):
        named = {unquote(name) for page in pages for name in re.findall(rf'{folder}/([^"?#]+)', page)}
        for file in (out / folder).glob("*"):
            if file.name not in named:
                file.unlink()
    _lead_to_landing_page(out, app.config)


def _sweep(static: Path, texts: list[str], keep: set[str]) -> None:
    """Removes what no page, and not the style sheet, asks for: 10 MB of the theme's files."""
    for text in texts:
        keep |= {unquote(name) for name in re.findall(r'_static/([^"?#]+)', text)}
        keep |= set(re.findall(r"url\(\"?([\w/.-]+)\"?\)", text))
    for file in static.rglob("*"):
        if file.is_file() and file.relative_to(static).as_posix() not in keep:
            file.unlink()
    for folder in sorted((path for path in static.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def _make_sure_that_plain_is_plain(css: str) -> None:
    """Raises ExtensionError if the theme gives an element of `PLAIN` a colour of its own."""
    for mode in ("light", "dark"):
        prefix = rf'html\[data-theme="{mode}"\] \.highlight'
        base = re.search(rf"{prefix} {{ background: [^;]+; color: (#\w+) }}", css)
        rules = dict(re.findall(rf"{prefix} \.(\w+) {{ ([^}}]+?) }}", css))
        for name in PLAIN:
            if not base or rules.get(name) != f"color: {base[1]}":
                raise ExtensionError(
                    f"pygments.css: .{name} is not plain in {mode} mode. The theme has changed; see pages.py"
                )


def _sheet(static: Path, name: str) -> Path:
    return next(static.glob("mystnb.*.css")) if name == "mystnb.css" else static / name


def _lead_to_landing_page(out: Path, config: Config) -> None:
    title = markup.escape(config.html_title)
    (out / "index.html").write_text(
        f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<meta http-equiv="refresh" content="0; url={config.root_doc}.html">
<link rel="icon" href="data:,">
</head>
<body><a href="{config.root_doc}.html">{title}</a></body>
</html>
""",
        "utf-8",
    )


def _without_thebe(app: Sphinx, config: Config) -> None:
    """Its address would stand in every page, and the book does not use it."""
    for listeners in app.events.listeners.values():
        for listener in [listener for listener in listeners if listener.handler.__module__ == "sphinx_thebe"]:
            app.disconnect(listener.id)
    app.registry.css_files[:] = [entry for entry in app.registry.css_files if entry[0] != "sphinx-thebe.css"]


def _use_bridge(app: Sphinx, config: Config) -> None:
    config.template_bridge = f"{Bridge.__module__}.{Bridge.__qualname__}"


def setup(app: Sphinx) -> None:
    """Connects the changes."""
    app.connect("config-inited", _use_bridge)
    app.connect("config-inited", _without_thebe)
    app.connect("build-finished", _finish, priority=900)
