"""Test runs keep the reader's own record of solved exercises out of reach, and share one site and one browser."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.house import command_of
from tools import site

_state = tempfile.TemporaryDirectory(prefix="applied-ds-state-", ignore_cleanup_errors=True)
os.environ["APPLIED_DS_STATE"] = _state.name


@pytest.fixture(scope="session")
def html() -> Path:
    """The folder of the site, built from the tree as it is."""
    return site.build().html


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium. Playwright can be started once in a process, so all files of tests share it."""
    executable = command_of("chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def address(html: Path) -> Iterator[str]:
    """Where the site is served."""
    with site.served(html) as url:
        yield url
