"""The pages as HTML: what the theme brings and this book does without."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config


def _without_thebe(app: Sphinx, config: Config) -> None:
    for listeners in app.events.listeners.values():
        for listener in [listener for listener in listeners if listener.handler.__module__ == "sphinx_thebe"]:
            app.disconnect(listener.id)
    app.registry.css_files[:] = [entry for entry in app.registry.css_files if entry[0] != "sphinx-thebe.css"]


def _lead_to_landing_page(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        (Path(app.outdir) / "index.html").write_text(
            f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{app.config.html_title}</title>
<meta http-equiv="refresh" content="0; url={app.config.root_doc}.html">
<link rel="icon" href="data:,">
</head>
<body><a href="{app.config.root_doc}.html">{app.config.html_title}</a></body>
</html>
""",
            "utf-8",
        )


def setup(app: Sphinx) -> None:
    """Connects the changes."""
    app.connect("config-inited", _without_thebe)
    app.connect("build-finished", _lead_to_landing_page)
