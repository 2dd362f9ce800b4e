"""At the end of each page's text a link that opens a report of an error, with the page's title and address filled in."""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Any
from urllib.parse import urlencode

from docutils import nodes
from sphinx.application import Sphinx

QUESTIONS = ("What is wrong", "What it should say, if you know")
WHERE_IN_A_LECTURE = "Section, and the cell or the exercise (such as 4.3)"


def address(repository: str, title: str, page: str, *, lecture: bool) -> str:
    """The address of a new issue of the repository about a page."""
    questions = (WHERE_IN_A_LECTURE, *QUESTIONS) if lecture else QUESTIONS
    body = "\n\n".join([f"Page: {page}", *(f"{question}:" for question in questions)])
    query = urlencode({"title": f"Error on the page “{title}”", "body": body + "\n"})
    return f"{repository.rstrip('/')}/issues/new?{query}"


def _append(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    repository = app.config.html_theme_options.get("repository_url")
    if doctree is None or "body" not in context or not repository:
        return
    title = unescape(re.sub(r"<[^>]+>", "", context["title"]))
    page = f"{app.config.html_baseurl or ''}{app.builder.get_target_uri(pagename)}"
    link = address(repository, title, page, lecture=pagename.startswith("notebooks/"))
    context["body"] += (
        f'<p class="report-error d-print-none"><a href="{escape(link)}">Report an error on this page</a></p>\n'
    )


def setup(app: Sphinx) -> None:
    """Appends the link to every page that has a text."""
    app.connect("html-page-context", _append)
