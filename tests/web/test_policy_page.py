"""The policy page in a real browser: it shows the policy in both languages, and prints."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from api.app import create_app
from api.db.engine import make_engine
from api.db.keys import create_key
from api.settings import Settings
from tests.api.seed import Seeder
from tests.api.seed_facts import NOW
from tests.conftest import TEST_SECRET
from tests.live import Site, serving


@pytest.fixture(scope="module")
def site(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("policy-site")
    shutil.copy(sqlite_template, folder / "echelon.db")
    settings = Settings(data_dir=folder, secret_key=TEST_SECRET)
    engine = make_engine(settings.resolved_database_url)
    Seeder(engine, TEST_SECRET.encode(), 10).run()
    scopes = {"reader": ["customers:read"], "partner": ["scores:read"]}
    keys = {
        name: create_key(engine, name, granted, None, lambda: NOW)
        for name, granted in scopes.items()
    }
    with serving(create_app(settings, clock=lambda: NOW)) as address:
        yield Site(address, keys)


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the page complains about, and whom else it talks to."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text))
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(("http://127.0.0.1:", "data:"))
            else found.append(request.url)
        ),
    )
    return found


def show(page: Page, site: Site, key: str, query: str = "") -> None:
    page.goto(f"{site.address}/policy{query}")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Show the policy").click()


def test_the_policy_is_shown_in_both_languages(
    page: Page, site: Site, complaints: list[str]
) -> None:
    show(page, site, site.keys["reader"])
    expect(page.get_by_role("heading", level=1)).to_have_text("Tier policy: Value and risk")
    expect(page.locator("article")).to_contain_text("at least 1,500.00 USD")
    expect(page).to_have_title("Tier policy: Value and risk")
    page.get_by_label("Language").select_option("ZH_HANS")
    expect(page.get_by_role("heading", level=1)).to_have_text("客户分级政策：价值与风险")
    expect(page.get_by_role("button", name="显示政策")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    assert complaints == []


def test_only_the_policy_is_printed(page: Page, site: Site, complaints: list[str]) -> None:
    show(page, site, site.keys["reader"])
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator("form")).to_be_hidden()
    expect(page.locator("article")).to_be_visible()
    assert len(page.pdf()) > 10_000
    assert complaints == []


def test_a_key_without_the_right_is_told_which_one_it_lacks(page: Page, site: Site) -> None:
    show(page, site, site.keys["partner"])
    expect(page.locator("#state")).to_contain_text("rules:read")
    expect(page.locator("article")).to_have_count(0)


def test_a_wrong_key_and_an_unknown_version_are_told(page: Page, site: Site) -> None:
    show(page, site, "ech_live_nothing")
    expect(page.locator("#state")).to_have_text("This key opens nothing.")
    show(page, site, site.keys["reader"], "?policy=default&version=7")
    expect(page.locator("#state")).to_contain_text("no such version")


def test_the_key_is_kept_nowhere(page: Page, site: Site) -> None:
    show(page, site, site.keys["reader"])
    expect(page.locator("article")).to_be_visible()
    kept = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )
    assert site.keys["reader"] not in kept
    page.reload()
    expect(page.get_by_label("API key")).to_have_value("")
