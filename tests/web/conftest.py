"""A browser and the built page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from api.web.build import is_built
from tests.live import lacking

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    path = os.environ.get("ECHELON_CHROMIUM") or shutil.which("chromium")
    if not path or not Path(path).exists():
        lacking("no chromium: install Debian's package or name one in ECHELON_CHROMIUM")
    return path


@pytest.fixture(scope="session")
def graphiql() -> None:
    """The page, built before the tests, which have no network."""
    if not is_built():
        lacking("the GraphiQL page is not built from these sources: python -m api.web.build")


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 850}, locale="en-US")
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
    context.close()
