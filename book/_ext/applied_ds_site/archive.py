"""The whole site as one archive to take along, and a search that works in it.

The archive is made when everything else has been written, and holds the same bytes for the same pages. A page in it
is the page of the site, but for the link to the archive itself, which there leads to the published one. Opened from a
file, a page may not fetch another one: the search then shows its results without excerpts.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

NAME = "applied-data-science-site"
FILE = f"{NAME}.zip"
# Records of the build, the list of pages for search engines, and the archive itself.
LEFT_OUT = (".*", "*/.*", "objects.inv", "sitemap.xml", f"{NAME}.zip*")
LAST = 1_000_000  # priority: after every other change of the pages


class ArchiveLink(SphinxRole):
    """A role, ``archive``: a link to the archive, which lies beside the first page of the site."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Makes the link; only a site of pages has the archive."""
        if self.env.app.builder.format != "html":
            return [nodes.inline("", self.text)], []
        up = "../" * self.env.docname.count("/")
        return [nodes.reference("", self.text, refuri=f"{up}{FILE}")], []


def contents(site: Path, published: str) -> dict[str, bytes]:
    """The files of the archive, by their place in the site, sorted."""
    found = {}
    for path in sorted(path for path in site.rglob("*") if path.is_file()):
        name = path.relative_to(site).as_posix()
        if any(fnmatchcase(name, pattern) for pattern in LEFT_OUT):
            continue
        found[name] = path.read_bytes()
        if name.endswith(".html") and published:
            up = "../" * name.count("/")
            found[name] = found[name].replace(
                f'href="{up}{FILE}"'.encode(), f'href="{published}{FILE}"'.encode()
            )
    return dict(sorted(found.items()))


def write(site: Path, published: str = "") -> bool:
    """Writes the archive of a site into its folder, whole or not at all; says whether anything had changed."""
    files = contents(site, published)
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    mark = digest.hexdigest().encode()
    target, part = site / FILE, site / f"{FILE}.part"
    if _mark_of(target) == mark:
        return False
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            archive.comment = mark
            for name, content in files.items():
                entry = zipfile.ZipInfo(f"{NAME}/{name}", date_time=(1980, 1, 1, 0, 0, 0))
                entry.compress_type, entry.create_system, entry.external_attr = (
                    zipfile.ZIP_DEFLATED,
                    3,
                    0o100644 << 16,
                )
                archive.writestr(entry, content)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return True


def _mark_of(target: Path) -> bytes | None:
    """What an archive was made from; None if there is none that can be read."""
    try:
        with zipfile.ZipFile(target) as archive:
            return archive.comment
    except (OSError, zipfile.BadZipFile):
        return None


def _write(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        write(Path(app.outdir), app.config.html_baseurl or "")


def _search_from_a_file(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    if pagename == "search":
        app.add_js_file("search-from-a-file.js", loading_method="defer")


def setup(app: Sphinx) -> None:
    """Connects both."""
    app.add_role("archive", ArchiveLink())
    app.connect("html-page-context", _search_from_a_file)
    app.connect("build-finished", _write, priority=LAST)
