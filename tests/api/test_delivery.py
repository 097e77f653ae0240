"""How answers travel: languages, compression, caching, other origins, methods."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from api.app import create_app
from api.delivery import MOST_PADDING, padded_gzip, takes_gzip
from api.domain.texts.traditional import traditional
from api.errors import InvalidInput
from api.graphql.access import BACKREF
from api.graphql.language import Language, by_tag, preferred_language
from api.graphql.schema import executable_schema
from api.settings import Settings, load_settings
from api.web.files import PageFiles, compressed
from tests.api.conftest import Api, Seeded, clock
from tests.conftest import TEST_SECRET

LARGE = "{ customers(first: 50) { edges { node { externalId prediction { reasons { text } } } } } }"
ORIGIN = "https://app.example.com"


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en", Language.EN),
        ("en-GB", Language.EN),
        ("*", Language.EN),
        ("zh", Language.ZH_HANS),
        ("zh-CN", Language.ZH_HANS),
        ("zh-SG", Language.ZH_HANS),
        ("zh-Hans", Language.ZH_HANS),
        ("zh-Hans-HK", Language.ZH_HANS),
        ("zh-TW", Language.ZH_HANT),
        ("zh-HK", Language.ZH_HANT),
        ("zh-MO", Language.ZH_HANT),
        ("ZH-hant", Language.ZH_HANT),
        ("zh-Hant-CN", Language.ZH_HANT),
        ("zh-cmn-Hant-TW", Language.ZH_HANT),
        ("yue", Language.ZH_HANT),
        ("yue-Hans-CN", Language.ZH_HANS),
        ("de", None),
        ("zhx", None),
        ("", None),
    ],
)
def test_tags_mean_a_script(tag: str, language: Language | None) -> None:
    assert by_tag(tag) is language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-TW,zh;q=0.9,en;q=0.8", Language.ZH_HANT),
        ("de, zh-Hant;q=0.3, zh-CN;q=0.4", Language.ZH_HANS),
        ("zh-TW;q=0, *", Language.EN),
        ("zh-TW;q=2", Language.EN),
        ("zh-TW;q=nan", Language.EN),
        ("zh-TW;q=1.000", Language.ZH_HANT),
        ("," * 1_000 + "zh-TW", Language.EN),
    ],
)
def test_the_weightiest_language_is_chosen(header: str, language: Language) -> None:
    assert preferred_language(header) is language


async def test_texts_come_in_traditional_chinese(api: Api) -> None:
    document = """{ customer(externalId: "C00002") { tier { reasons { text } }
        segments { name } recommendedStrategies(first: 1) { strategy { steps
        hans: name(language: ZH_HANS) hant: name(language: ZH_HANT) } } } }"""
    headers = {"Accept-Language": "zh-TW"}
    answer = await api.send(document, headers=headers)
    assert answer.headers["content-language"] == "zh-Hant"
    found = answer.json()["data"]["customer"]
    hans = await api.ask(document, headers={"Accept-Language": "zh-CN"})
    assert found["segments"][0]["name"] != hans["customer"]["segments"][0]["name"]
    expected = "預測客戶終身價值為 220.00 USD，不低於 150.00 USD"
    assert found["tier"]["reasons"][0]["text"] == expected
    strategy = found["recommendedStrategies"][0]["strategy"]
    assert strategy["hant"] != strategy["hans"]
    assert strategy["hans"] == hans["customer"]["recommendedStrategies"][0]["strategy"]["hans"]
    assert isinstance(strategy["steps"], list)


def test_every_text_that_takes_a_language_knows_both_scripts() -> None:
    by_itself = {"Query.policyDocument", "Recommendation.message"}
    seen, plain = 0, set()
    for name, kind in executable_schema().type_map.items():
        for field_name, field in getattr(kind, "fields", {}).items():
            if "language" in getattr(field, "args", {}):
                seen += 1
                resolver = field.extensions[BACKREF].base_resolver.wrapped_func
                if not hasattr(resolver, "__wrapped__"):
                    plain.add(f"{name}.{field_name}")
    assert seen > 30
    assert plain == by_itself


async def test_the_policy_comes_in_traditional_chinese(api: Api) -> None:
    document = "{ policyDocument(language: ZH_HANT) { language title html } }"
    page = (await api.ask(document))["policyDocument"]
    assert (page["language"], page["title"]) == ("ZH_HANT", "客戶分級政策：價值與風險")
    assert page["html"].startswith('<article lang="zh-Hant"')


@pytest.mark.parametrize(
    ("simplified", "expected"),
    [
        ("按质量给予积分，并通过短信渠道发送优惠券", "按品質給予點數，並通過簡訊通路傳送優惠券"),
        ("客户类型：于先生复购周期", "客戶類型：於先生回購週期"),
        ("Tier gold", "Tier gold"),
    ],
)
def test_words_are_those_of_the_business(simplified: str, expected: str) -> None:
    assert traditional(simplified) == expected


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0, *", False),
        ("gzip;q=0.000", False),
        ("identity", False),
        ("", False),
        ("gzipped", False),
    ],
)
def test_gzip_is_taken_by_name_or_star(accepted: str, taken: bool) -> None:
    assert takes_gzip(accepted) is taken


async def test_large_answers_are_compressed_for_those_who_take_it(api: Api) -> None:
    plain = await api.send(LARGE, headers={"Accept-Encoding": "identity"})
    small = await api.send(LARGE, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert small.json()["data"] == plain.json()["data"]
    assert int(small.headers["content-length"]) < len(plain.content) / 3
    for answer in (plain, small):
        assert answer.headers["vary"] == "Accept, Accept-Encoding, Accept-Language"
        assert answer.headers["content-language"] == "en"


async def test_small_answers_and_errors_of_keys_stay_as_they_are(api: Api) -> None:
    for answer in (
        await api.send("{ __typename }", headers={"Accept-Encoding": "gzip"}),
        await api.client.post("/graphql", headers={"Accept-Encoding": "gzip"}),
    ):
        assert "content-encoding" not in answer.headers


def test_sizes_of_compressed_answers_tell_little() -> None:
    body = b"x" * 5_000
    packed = [padded_gzip(body) for _ in range(200)]
    assert {gzip.decompress(each) for each in packed} == {body}
    assert MOST_PADDING / 3 < len({len(each) for each in packed}) <= MOST_PADDING


async def test_files_of_pages_are_kept_by_browsers(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await api.client.get("/static/policy/policy.css")
    assert first.headers["cache-control"] == "private, no-cache"
    again = await api.client.get(
        "/static/policy/policy.css", headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


async def test_files_whose_names_change_with_them_are_kept_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "index-4f2a.js").write_text("x" * 5_000)
    (tmp_path / "favicon.svg").write_text("<svg/>")
    monkeypatch.setattr("api.web.files.GRAPHIQL_DIR", tmp_path)
    files = compressed(PageFiles(directory=tmp_path))
    transport = httpx.ASGITransport(app=files)
    async with httpx.AsyncClient(transport=transport, base_url="http://echelon") as client:
        script = await client.get("/assets/index-4f2a.js", headers={"Accept-Encoding": "gzip"})
        icon = await client.get("/favicon.svg")
    assert script.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert script.headers["content-encoding"] == "gzip"
    assert icon.headers["cache-control"] == "private, no-cache"
    assert {"etag"} <= script.headers.keys() & icon.headers.keys()


@pytest.fixture
async def elsewhere(seeded: Seeded) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that other origins may ask."""
    settings = Settings(
        database_url=seeded.url,
        data_dir=Path("unused"),
        secret_key=TEST_SECRET,
        cors_origins=f"{ORIGIN}, http://localhost:5173",
    )
    app = create_app(settings, clock=clock)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://echelon") as client,
    ):
        yield client


PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


async def test_named_origins_may_ask_with_a_key_but_no_cookies(
    elsewhere: httpx.AsyncClient, seeded: Seeded
) -> None:
    before = await elsewhere.options("/graphql", headers=PREFLIGHT | {"Origin": ORIGIN})
    assert before.status_code == 200
    assert before.headers["access-control-allow-origin"] == ORIGIN
    assert before.headers["access-control-allow-methods"] == "GET, HEAD, POST"
    assert "Authorization" in before.headers["access-control-allow-headers"]
    assert before.headers["access-control-max-age"] == "7200"
    answer = await elsewhere.post(
        "/graphql",
        json={"query": "{ __typename }"},
        headers={"Origin": ORIGIN, "Authorization": f"Bearer {seeded.keys['frontend']}"},
    )
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    shown = answer.headers["access-control-expose-headers"].split(", ")
    assert {"Retry-After", "Idempotent-Replayed", "X-Request-Id"} <= set(shown)
    assert "Origin" in answer.headers["vary"]
    for each in (before, answer):
        assert "access-control-allow-credentials" not in each.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{ORIGIN}.evil.example"])
async def test_other_origins_may_not(elsewhere: httpx.AsyncClient, origin: str) -> None:
    before = await elsewhere.options("/graphql", headers=PREFLIGHT | {"Origin": origin})
    assert before.status_code == 400
    answer = await elsewhere.post("/graphql", headers={"Origin": origin})
    for each in (before, answer):
        assert "access-control-allow-origin" not in each.headers


async def test_no_origin_may_unless_it_is_named(api: Api) -> None:
    before = await api.client.options("/graphql", headers=PREFLIGHT | {"Origin": ORIGIN})
    assert before.status_code == 405
    assert "access-control-allow-origin" not in before.headers


@pytest.mark.parametrize("value", ["*", "https://a.example/", "a.example", "https://A.example"])
def test_origins_are_exact(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECHELON_CORS_ORIGINS", value)
    with pytest.raises(InvalidInput, match="ECHELON_CORS_ORIGINS"):
        load_settings()


async def test_a_bug_reaches_pages_of_named_origins_as_one(
    elsewhere: httpx.AsyncClient, seeded: Seeded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_body: bytes) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("api.graphql.endpoint.parse_request", broken)
    answer = await elsewhere.post(
        "/graphql",
        json={"query": "{ __typename }"},
        headers={"Origin": ORIGIN, "Authorization": f"Bearer {seeded.keys['frontend']}"},
    )
    assert answer.status_code == 500
    assert answer.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize("value", ["https://a.example:443", "http://a.example:80"])
def test_a_port_that_browsers_leave_out_would_never_match(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECHELON_CORS_ORIGINS", value)
    with pytest.raises(InvalidInput, match="leave this port out"):
        load_settings()
