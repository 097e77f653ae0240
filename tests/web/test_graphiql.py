"""The page in a real browser: it answers, it explains itself, it talks to nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, Request, expect

from tests.web.conftest import serving
from tests.web.fake_api import FULL, NARROW, FakeApi

pytestmark = pytest.mark.usefixtures("graphiql")


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def address(api: FakeApi) -> Iterator[str]:
    with serving(api.app) as address:
        yield address


class Witness:
    """Writes down what a page complains about and whom it talks to."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.context.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _request(self, request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            self.hosts.add(request.url.split("/")[2])


def open_page(page: Page, address: str) -> None:
    """Open the page and wait until its editors take input."""
    page.goto(f"{address}/graphql")
    expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("query")
    expect(page.locator(".result-window .view-lines")).to_be_attached()


def enter_key(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Use this key").click()


def answer(page: Page) -> str:
    return page.locator(".result-window .view-lines").inner_text().replace("\xa0", " ")


def run_first_tab(page: Page) -> None:
    page.get_by_role("button", name="Execute query (Ctrl-Enter)").click()


def test_the_first_tab_answers_with_a_key(page: Page, address: str, tmp_path: Path) -> None:
    witness = Witness(page)
    open_page(page, address)
    expect(page.get_by_role("status")).to_contain_text("Paste an API key")
    expect(page.get_by_role("tab")).to_have_count(3)
    enter_key(page, FULL)
    expect(page.get_by_role("status")).to_contain_text("The key works")
    run_first_tab(page)
    expect(page.locator(".result-window")).to_contain_text("C-17")
    page.screenshot(path=tmp_path / "answer.png")
    assert "No purchase for 60 days" in answer(page)
    assert witness.complaints == []
    assert witness.hosts == {address.removeprefix("http://")}


def test_the_key_stays_in_this_tab(page: Page, address: str) -> None:
    open_page(page, address)
    enter_key(page, FULL)
    expect(page.get_by_role("status")).to_contain_text("The key works")
    run_first_tab(page)
    expect(page.locator(".result-window")).to_contain_text("C-17")
    assert FULL not in page.evaluate("JSON.stringify(localStorage)")
    assert FULL not in page.evaluate("document.cookie + location.href")
    page.reload()
    expect(page.get_by_role("status")).to_contain_text("The key works")
    other = page.context.new_page()
    other.goto(f"{address}/graphql")
    expect(other.get_by_role("status")).to_contain_text("Paste an API key")
    page.get_by_role("button", name="Forget").click()
    assert page.evaluate("sessionStorage.getItem('echelon.key')") is None


def test_a_wrong_key_is_explained(page: Page, address: str) -> None:
    open_page(page, address)
    enter_key(page, "mistyped")
    expect(page.get_by_role("status")).to_contain_text("does not accept this key")


def test_a_key_without_the_schema_still_asks(page: Page, address: str) -> None:
    open_page(page, address)
    enter_key(page, NARROW)
    expect(page.get_by_role("status")).to_contain_text("schema:read")
    run_first_tab(page)
    expect(page.locator(".result-window")).to_contain_text("C-17")


def test_without_a_key_nothing_is_sent(page: Page, api: FakeApi, address: str) -> None:
    open_page(page, address)
    run_first_tab(page)
    expect(page.locator(".result-window")).to_contain_text("Paste an API key")
    assert api.languages == []


def test_chinese_is_asked_for_and_shown(page: Page, api: FakeApi, address: str) -> None:
    open_page(page, address)
    enter_key(page, FULL)
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("status")).to_contain_text("密钥有效")
    expect(page).to_have_title("Echelon · 查询客户数据")
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    run_first_tab(page)
    expect(page.locator(".result-window")).to_contain_text("C-17")
    assert api.languages[-1] == "zh-Hans"


def test_every_control_has_a_name(page: Page, address: str) -> None:
    open_page(page, address)
    controls = page.locator("header button, header input, header a")
    names = [controls.nth(at).aria_snapshot() for at in range(controls.count())]
    assert all(re.search(r'"[^"]+"', name) for name in names), names
