"""The policy in force as a document, over GraphQL, in the reader's language."""

from __future__ import annotations

import re

from api.documents import POLICIES, read_document
from tests.api.conftest import Api

DOCUMENT = """query ($language: Language, $key: String, $version: Int) {
    policyDocument(language: $language, key: $key, version: $version) {
        key version language title html markdown } }"""
CREATE = """mutation ($policy: JSON!) { createTierPolicy(policy: $policy) {
    policy { version } userErrors { message } } }"""


async def test_it_is_written_in_both_languages(api: Api) -> None:
    english = (await api.ask(DOCUMENT, "frontend"))["policyDocument"]
    chosen = {"language": "ZH_HANS"}
    chinese = (await api.ask(DOCUMENT, "frontend", variables=chosen))["policyDocument"]
    assert (english["key"], english["version"], english["language"]) == ("default", 1, "EN")
    assert english["title"] == "Tier policy: Value and risk"
    assert chinese["title"] == "客户分级政策：价值与风险"
    assert "Predicted lifetime value: at least 1,500.00 USD" in english["html"]
    assert "1,500.00 USD" in chinese["html"]
    for page in (english, chinese):
        assert page["html"].startswith("<article lang=")
        assert page["markdown"].startswith("# ")
    tags = [re.sub(r' lang="[^"]*"', "", " ".join(re.findall(r"<[^>]+>", each["html"])))
            for each in (english, chinese)]  # fmt: skip
    assert tags[0] == tags[1]


async def test_accept_language_chooses(api: Api) -> None:
    headers = {"Accept-Language": "zh-CN,zh;q=0.9"}
    page = (await api.ask(DOCUMENT, "frontend", headers=headers))["policyDocument"]
    assert page["language"] == "ZH_HANS"


async def test_any_version_can_be_read_and_others_are_not_found(own_api: Api) -> None:
    bank = read_document(POLICIES / "bank-assets.yaml")
    await own_api.ask(CREATE, "policies", variables={"policy": bank})
    variables = {"key": "bank_assets", "version": 1}
    page = (await own_api.ask(DOCUMENT, "frontend", variables=variables))["policyDocument"]
    assert "not in force: a draft" in page["html"]
    assert "8,000,000.00" in page["html"]
    for wrong in ({"key": "nope"}, {"key": "default", "version": 9}):
        assert await own_api.codes(DOCUMENT, "frontend", variables=wrong) == ["NOT_FOUND"]


async def test_it_takes_the_right_to_read_rules(api: Api) -> None:
    for key in ("partner", "monitor"):
        assert await api.codes(DOCUMENT, key) == ["FORBIDDEN"]
    for key in ("frontend", "policies"):
        assert await api.ask(DOCUMENT, key)


async def test_the_page_holds_no_data_and_lets_no_other_script_run(api: Api) -> None:
    answer = await api.client.get("/policy")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    for name in re.findall(r'(?:src|href)="(/[^"]+)"', answer.text):
        assert (await api.client.get(name)).status_code == 200
    assert re.findall(r'(?:src|href)="(?!/static/policy/|data:,)', answer.text) == []
    assert (await api.client.post("/policy")).status_code == 405
