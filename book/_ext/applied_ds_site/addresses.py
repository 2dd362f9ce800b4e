"""Where the pages are published: the sitemap, and what a link to a page shows elsewhere (Open Graph).

The one address is ``html_baseurl`` in ``_config.yml``; ``make address`` rewrites it with all others. The sitemap is
written here, because an extension that collects the pages that were rendered would list only those after a build that
rendered a few.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config


def _one_address(app: Sphinx, config: Config) -> None:
    config.ogp_site_url, config.ogp_site_name = config.html_baseurl, config.html_title


def _describe(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Gives Open Graph the description that the page itself declares, and none to a page without one."""
    if doctree is not None:
        said = [
            str(node["content"]) for node in doctree.findall(nodes.meta) if node.get("name") == "description"
        ]
        context["meta"] = {**(context["meta"] or {}), "ogp_description_length": 0}
        if said:
            context["meta"]["og:description"] = escape(said[0])


def _write_sitemap(app: Sphinx, error: Exception | None) -> None:
    base = app.config.html_baseurl
    if error is None and app.builder.format == "html" and base:
        pages = sorted(app.builder.get_target_uri(name) for name in app.env.found_docs)
        lines = [f"<url><loc>{escape(base + page)}</loc></url>" for page in pages]
        head = '<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        (Path(app.outdir) / "sitemap.xml").write_text("\n".join([head, *lines, "</urlset>", ""]), "utf-8")


def setup(app: Sphinx) -> None:
    """Connects the three."""
    app.connect("config-inited", _one_address)
    app.connect("html-page-context", _describe, priority=400)  # before the Open Graph extension
    app.connect("build-finished", _write_sitemap)
