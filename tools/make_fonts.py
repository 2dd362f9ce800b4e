"""Makes the fonts of the site, ``book/_static/fonts/*.woff2``, from packages of the course environment.

    .venv/bin/python -m tools.make_fonts

Source Serif 4 (text), STIX Two Math (formulas) and Font Awesome Free (icons) are cut down to the characters that a book like
this needs; all are under the SIL Open Font License 1.1. A test holds that every character of every formula and every icon on
the site is in its font; when a lecture brings a new one, add it to `MATHS` and run this again.
"""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

FONTS = Path(__file__).resolve().parent.parent / "book/_static/fonts"

LATIN = [*range(0x20, 0x7F), *range(0xA0, 0x100), *map(ord, "ıŒœ‐‑‒–—‘’‚“”„•…‰′″‹›€™←↑→↓−≈≠≤≥∎")]
CYRILLIC = [*range(0x400, 0x460)]
MATHS = [
    *range(0x20, 0x7F),
    *map(ord, "\u00a0¬±·×÷"),
    *map(ord, "ΓΔΘΛΞΠΣΦΨΩ"),
    *range(0x3B1, 0x3CA),
    *map(ord, "ϕϵ"),
    *map(ord, "ˆˉ˙˜‾"),
    *[0x302, 0x303, 0x304, 0x307, 0x338],
    *map(ord, "‖…′″\u2061\u2062\u2063ℓℕℝℤℎℒℛ𝒲"),
    *map(ord, "←→↑↓↔↦⇒⇔⟶"),
    *map(ord, "∀∂∃∅∇∈∉∏∑−∓∖∗∘√∝∞∣∥∧∨∩∪∫∼≈≔≠≡≤≥≪≫⊂⊆⊕⊗⊙⊤⊥⋅⋮⋯⋱⌈⌉⌊⌋⌀⏟⟨⟩"),
    *range(0x1D434, 0x1D468),  # italic Latin
    *range(0x1D6E2, 0x1D71C),  # italic Greek
    *map(ord, "𝔼ℙℚ𝟙𝒜ℬ𝒞𝒟𝒢𝒩𝒪𝒫𝒮𝒰𝒳𝒵"),
]


# Icons of the theme's buttons: up, search, menu, sun, moon, half circle, list, left, right, cross.
ICONS = [0xF062, 0xF002, 0xF0C9, 0xF185, 0xF186, 0xF042, 0xF03A, 0xF104, 0xF105, 0xF00D]


@dataclass(frozen=True)
class Face:
    """One file: where its font comes from, its characters, its axes (a range stays variable) and its features."""

    file: str
    package: str
    source: str
    characters: Iterable[int]
    axes: dict[str, float | tuple[float, float]]
    features: tuple[str, ...]


TEXT = ("kern", "liga", "mark", "mkmk", "ccmp", "lnum", "onum", "pnum", "tnum", "case")
ROMAN, ITALIC = "files/SourceSerif4[opsz,wght].ttf", "files/SourceSerif4-Italic[opsz,wght].ttf"
SERIF = "fontpkg_source_serif_4"
FACES = [
    Face("serif.woff2", SERIF, ROMAN, LATIN, {"opsz": 14, "wght": (400, 700)}, TEXT),
    Face("serif-italic.woff2", SERIF, ITALIC, LATIN, {"opsz": 14, "wght": 400}, TEXT),
    Face("serif-cyrillic.woff2", SERIF, ROMAN, CYRILLIC, {"opsz": 14, "wght": 400}, TEXT),
    Face("serif-italic-cyrillic.woff2", SERIF, ITALIC, CYRILLIC, {"opsz": 14, "wght": 400}, TEXT),
    Face(
        "maths.woff2",
        "ziamath",
        "fonts/STIXTwoMath-Regular.ttf",
        MATHS,
        {},
        ("ccmp", "dtls", "ss04"),
    ),
    Face(
        "icons.woff2",
        "pydata_sphinx_theme",
        "theme/pydata_sphinx_theme/static/vendor/fontawesome/webfonts/fa-solid-900.woff2",
        ICONS,
        {},
        (),
    ),
]


def made(face: Face) -> bytes:
    """The file's bytes."""
    font = TTFont(str(files(face.package) / face.source), recalcTimestamp=False)
    settings = Options()
    settings.hinting = False
    settings.layout_features = list(face.features)
    subsetter = Subsetter(settings)
    subsetter.populate(unicodes=face.characters)
    subsetter.subset(font)
    if face.axes:
        font = instantiateVariableFont(font, face.axes)
    font.flavor = "woff2"
    target = io.BytesIO()
    font.save(target)
    return target.getvalue()


def main() -> int:
    """Writes the files and their list; returns the exit status."""
    FONTS.mkdir(exist_ok=True)
    rows = []
    for face in FACES:
        content = made(face)
        (FONTS / face.file).write_bytes(content)
        origin = f"`{Path(face.source).name}` of `{face.package}` {version(face.package.replace('_', '-'))}"
        rows.append(f"| `{face.file}` | {origin} | {len(content)} | {hashlib.sha256(content).hexdigest()} |")
        print(f"{face.file}: {len(content) / 1000:.0f} kB")
    (FONTS / "README.md").write_text(
        "# Fonts of the site\n\nMade by `.venv/bin/python -m tools.make_fonts`, under the SIL Open Font License 1.1 (`OFL.txt`).\n\n"
        "| file | cut from | bytes | SHA-256 |\n|---|---|---|---|\n" + "\n".join(rows) + "\n",
        "utf-8",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
