"""The page in a real browser on the real application: it answers, explains, and stays at home."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Locator, Page, Request, expect

from api.app import create_app
from api.db.engine import make_engine
from api.db.keys import create_key
from api.settings import Settings
from tests.api.seed import NOW, Seeder
from tests.conftest import TEST_SECRET
from tests.live import Site, serving

pytestmark = pytest.mark.usefixtures("graphiql")


@pytest.fixture(scope="module")
def site(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(sqlite_template, folder / "echelon.db")
    settings = Settings(data_dir=folder, secret_key=TEST_SECRET)
    engine = make_engine(settings.resolved_database_url)
    Seeder(engine, TEST_SECRET.encode(), 30).run()
    scopes = {
        "developer": ["customers:read", "schema:read"],
        "frontend": ["customers:read"],
        "partner": ["schema:read", "scores:read"],
        "everything": ["admin"],
    }
    keys = {
        name: create_key(engine, name, granted, None, lambda: NOW)
        for name, granted in scopes.items()
    }
    yesterday, before = (NOW - dt.timedelta(days=days) for days in (1, 2))
    keys["expired"] = create_key(engine, "expired", ["admin"], yesterday, lambda: before)
    with serving(create_app(settings, clock=lambda: NOW)) as address:
        yield Site(address, keys)


class Witness:
    """Writes down what a page complains about, whom it talks to, and what it asks."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.asked = 0
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.context.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _request(self, request: Request) -> None:
        self.asked += request.method == "POST"
        if not request.url.startswith(("data:", "blob:")):
            self.hosts.add(request.url.split("/")[2])


def open_page(page: Page, site: Site) -> None:
    """Open the page and wait until its editors take input."""
    page.goto(f"{site.address}/graphql")
    expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("query")
    expect(page.locator(".result-window .view-lines")).to_be_attached()


def enter_key(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Use this key").click()


def state(page: Page) -> Locator:
    return page.locator("#key-state")


def run(page: Page, tab: int = 0) -> Locator:
    """Run a tab's query; returns where its answer appears."""
    page.get_by_role("tab").nth(tab).click()
    page.get_by_role("button", name="Execute query (Ctrl-Enter)").click()
    return page.locator(".result-window .view-lines")


def test_every_tab_answers_and_nobody_else_is_asked(page: Page, site: Site, tmp_path: Path) -> None:
    witness = Witness(page)
    open_page(page, site)
    expect(state(page)).to_contain_text("Paste an API key")
    answers = [
        re.compile(r"No\spurchase"),
        re.compile("[一-龥]"),
        re.compile("scoredCustomers"),
        re.compile("totalCount"),
        re.compile("__typename"),
        re.compile("NOT_FOUND"),
        re.compile("revision"),
        re.compile("預測客戶終身價值|等級|客戶"),
    ]
    expect(page.get_by_role("tab")).to_have_count(len(answers))
    enter_key(page, site.keys["everything"])
    expect(state(page)).to_contain_text("The key works")
    for tab, words in enumerate(answers):
        expect(run(page, tab)).to_contain_text(words)
        page.screenshot(path=tmp_path / f"tab{tab}.png")
        expect(page.locator(".result-window .view-lines")).not_to_contain_text("errors")
    assert witness.complaints == []
    assert witness.hosts == {site.address.removeprefix("http://")}


def test_the_key_stays_in_this_tab(page: Page, site: Site) -> None:
    open_page(page, site)
    enter_key(page, site.keys["developer"])
    expect(state(page)).to_contain_text("The key works")
    expect(run(page)).to_contain_text("externalId")
    assert site.keys["developer"] not in page.evaluate("JSON.stringify(localStorage)")
    assert site.keys["developer"] not in page.evaluate("document.cookie + location.href")
    page.reload()
    expect(state(page)).to_contain_text("The key works")
    other = page.context.new_page()
    other.goto(f"{site.address}/graphql")
    expect(state(other)).to_contain_text("Paste an API key")
    page.get_by_role("button", name="Forget").click()
    assert page.evaluate("sessionStorage.getItem('echelon.key')") is None


def test_a_wrong_key_is_explained(page: Page, site: Site) -> None:
    open_page(page, site)
    enter_key(page, "mistyped")
    expect(state(page)).to_contain_text("does not accept this key")


def test_an_expired_key_is_explained(page: Page, site: Site) -> None:
    open_page(page, site)
    enter_key(page, site.keys["expired"])
    expect(state(page)).to_contain_text("mistyped, expired or revoked")


def test_a_key_without_the_schema_still_asks(page: Page, site: Site) -> None:
    open_page(page, site)
    enter_key(page, site.keys["frontend"])
    expect(state(page)).to_contain_text("schema:read")
    expect(run(page)).to_contain_text("externalId")


def test_a_key_that_may_not_ask_this_is_explained(page: Page, site: Site) -> None:
    open_page(page, site)
    enter_key(page, site.keys["partner"])
    expect(state(page)).to_contain_text("The key works")
    expect(run(page)).to_contain_text("customers:read")
    expect(state(page)).to_contain_text("may not do what was asked")


def test_without_a_key_nothing_is_sent(page: Page, site: Site) -> None:
    witness = Witness(page)
    open_page(page, site)
    expect(run(page)).to_contain_text("Paste an API key")
    assert witness.asked == 0


def test_chinese_is_asked_for_and_shown(page: Page, site: Site) -> None:
    open_page(page, site)
    enter_key(page, site.keys["developer"])
    page.get_by_role("button", name="中文").click()
    expect(state(page)).to_contain_text("密钥有效")
    expect(page).to_have_title("Echelon · 查询客户数据")
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    expect(run(page)).to_contain_text("天未购买")


def test_every_control_has_a_name(page: Page, site: Site) -> None:
    open_page(page, site)
    controls = page.locator("header button, header input, header a")
    names = [controls.nth(at).aria_snapshot() for at in range(controls.count())]
    assert len(names) > 4
    assert all(re.search(r'"[^"]+"', name) for name in names), names
