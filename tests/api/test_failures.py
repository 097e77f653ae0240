"""Messages of failures in the reader's language."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.domain.texts.failures import CHINESE, in_chinese
from tests.api.conftest import Api

API = Path(__file__).parent.parent.parent / "api"
TABLE = API / "domain" / "texts" / "failures.py"


def sentences() -> Iterator[str]:
    """Every text in the code, its values as gaps."""
    for path in API.rglob("*.py"):
        if path == TABLE or "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                yield "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "{}"
                    for part in node.values
                )


def test_each_sentence_is_one_that_the_code_says() -> None:
    assert set(CHINESE) - set(sentences()) == set()


@pytest.mark.parametrize("english", CHINESE)
def test_each_gap_is_filled_once(english: str) -> None:
    gaps = english.count("{}")
    named = [name for _, name, _, _ in string.Formatter().parse(CHINESE[english]) if name]
    assert sorted(named) == [str(place) for place in range(gaps)]
    values = [f"值{place}" for place in range(gaps)]
    assert in_chinese(english.format(*values)) == CHINESE[english].format(*values)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "x",
        "Something else.",
        " needs a key with the scope .",
        "A page has 1 to  entries, not .",
    ],
)
def test_other_messages_have_no_text(message: str) -> None:
    assert in_chinese(message) is None


def test_what_somebody_puts_into_a_gap_is_not_read_as_a_text() -> None:
    assert in_chinese(
        "filter.{0} is null: leave it out, or ask for `isNull` if that is meant."
    ) == ("filter.{0} 为 null：请省略它；若要查询空值，请使用 `isNull`。")


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("en", "Say how many you want: `first` or `last`, from 1 to 100."),
        ("zh-CN", "请说明数量：`first` 或 `last`，从 1 到 100。"),
        ("zh-TW", "請說明數量：`first` 或 `last`，從 1 到 100。"),
    ],
)
async def test_errors_are_in_the_readers_language(api: Api, language: str, message: str) -> None:
    headers = {"Accept-Language": language}
    answer = await api.send("{ customers { totalCount } }", headers=headers)
    (error,) = answer.json()["errors"]
    assert (error["message"], error["extensions"]["code"]) == (message, "PAGE_SIZE_REQUIRED")


async def test_refusals_of_the_transport_are_in_the_readers_language(api: Api) -> None:
    answer = await api.client.post("/graphql", headers={"Accept-Language": "zh-Hant"})
    assert answer.status_code == 401
    assert answer.headers["content-language"] == "zh-Hant"
    assert answer.json()["errors"][0]["message"].startswith("請提供有效的金鑰")


async def test_user_errors_are_in_the_readers_language(own_api: Api) -> None:
    document = """mutation { endTierOverride(externalId: "nobody", expectedVersion: 1)
      { userErrors { code field message } } }"""
    for language, message in (
        ("en", "externalId: there is no customer with this number."),
        ("zh-Hans", "externalId：没有此编号的客户。"),
        ("zh-HK", "externalId：沒有此編號的客戶。"),
    ):
        answer = await own_api.ask(document, headers={"Accept-Language": language})
        (error,) = answer["endTierOverride"]["userErrors"]
        assert error == {"code": "NOT_FOUND", "field": ["externalId"], "message": message}
