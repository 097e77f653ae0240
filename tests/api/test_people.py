"""People with tokens of an issuer: who gets in, as whom, and what a bad token meets."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import OctKey, RSAKey

from api.app import create_app
from api.domain.keys import Caller
from api.errors import Forbidden, InvalidInput, Unauthenticated
from api.graphql.issuer import IssuerKeys
from api.graphql.people import Claims, People
from api.issuer_settings import has_issuer
from api.settings import Settings
from tests.api.conftest import Api, Log, Seeded, clock, running
from tests.api.door import CLAIMS, SILENT, door
from tests.api.issuer import AUDIENCE, EC, ISSUER, JWKS, RSA, Issuer, later, token
from tests.conftest import TEST_SECRET


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(RSA, "RS256"), (RSA, "PS512"), (EC, "ES256")],
    ids=["RS256", "PS512", "ES256"],
)
async def test_a_token_of_the_issuer_opens_what_its_roles_open(key: Any, algorithm: str) -> None:
    caller = await door().caller(token(key, algorithm, roles=["analyst", "offline_access"]))
    assert caller == Caller(None, "person:4711", frozenset({"customers:read", "schema:read"}))
    assert caller.identity == "live:person:4711"


async def test_a_person_without_a_role_opens_nothing() -> None:
    assert (await door().caller(token())).scopes == frozenset()
    assert (await door().caller(token(roles={"admin": True}))).scopes == frozenset()
    assert (await door().caller(token(roles=[["admin"], 1]))).scopes == frozenset()


async def test_sales_see_their_own_customers_and_have_to_say_whose() -> None:
    found = await door().caller(token(roles="sales", owner="anna"))
    assert found.owner == "anna"
    for nobody in (None, "", " ", 7):
        with pytest.raises(Forbidden, match="claim owner"):
            await door().caller(token(roles=["sales"], owner=nobody))
    both = await door().caller(token(roles=["sales", "support"], owner="anna"))
    assert both.owner is None


async def test_claims_may_lie_deeper_or_have_dots_in_their_names() -> None:
    deep = Claims(roles="realm_access.roles", owner="o", name="preferred_username")
    found = await door(deep).caller(
        token(realm_access={"roles": ["partner"]}, preferred_username="kim")
    )
    assert (found.scopes, found.name) == ({"scores:read"}, "person:kim")
    dotted = Claims(roles="https://echelon.example/roles", owner="o", name="sub")
    found = await door(dotted).caller(token(**{"https://echelon.example/roles": ["viewer"]}))
    assert found.may("statistics:read")


async def test_a_name_too_long_to_stand_beside_a_change_becomes_its_hash() -> None:
    names = {(await door().caller(token(sub=f"{'x' * 200}{each}"))).name for each in (1, 2)}
    assert len(names) == 2
    assert all(len(name) <= 100 and name.startswith("person:") for name in names)


WRONG: dict[str, Any] = {
    "of another issuer": {"iss": "https://evil.example"},
    "without an issuer": {"iss": None},
    "for somebody else": {"aud": "another"},
    "for nobody": {"aud": None},
    "without an end": {"exp": None},
    "not valid yet": {"nbf": later(seconds=31)},
    "from the future": {"iat": later(seconds=31)},
    "of nobody": {"sub": None},
    "with an end that is no number": {"exp": "tomorrow"},
}


@pytest.mark.parametrize("claims", WRONG.values(), ids=list(WRONG))
async def test_a_token_that_is_not_for_us_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated, match="valid token"):
        await door().caller(token(roles=["admin"], **claims))


async def test_an_expired_token_says_so_after_a_small_leeway() -> None:
    assert await door().caller(token(exp=later(seconds=-29)))
    with pytest.raises(Unauthenticated, match="expired"):
        await door().caller(token(exp=later(seconds=-31)))


async def test_one_audience_among_several_will_do() -> None:
    assert await door().caller(token(aud=["account", AUDIENCE]))


def forged() -> dict[str, str]:
    """Tokens that nobody with the issuer's private key has signed."""
    valid = token(roles=["admin"])
    head, body, signature = valid.split(".")

    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    confused = f"{part({'alg': 'HS256', 'kid': 'rsa-1'})}.{body}"
    mac = hmac.digest(RSA.as_pem(private=False), confused.encode(), "sha256")
    return {
        "alg none": f"{part({'alg': 'none', 'kid': 'rsa-1'})}.{body}.",
        "alg None in capitals": f"{part({'alg': 'NONE', 'kid': 'rsa-1'})}.{body}.{signature}",
        "signed with the public key as a secret": (
            f"{confused}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
        ),
        "of another key under a known id": token(
            RSAKey.generate_key(2048, {"kid": "rsa-1"}), roles=["admin"]
        ),
        "of a kind its key is not": token(EC, "ES256", {"kid": "rsa-1"}, roles=["admin"]),
        "with the key that it brings along": token(
            RSAKey.generate_key(2048, {"kid": "own"}), roles=["admin"]
        ),
        "of the secret that the issuer should not publish": token(
            OctKey.generate_key(256, {"kid": "shared"}), "HS256", roles=["admin"]
        ),
        "with another body": f"{head}.{part({'sub': 'x', 'roles': ['admin']})}.{signature}",
        "without a signature": f"{head}.{body}.",
        "with no key's id, where there are two": token(RSA, header={"kid": None}),
        "with an id that is no text": f"{part({'alg': 'RS256', 'kid': 7})}.{body}.{signature}",
        "with a header that is a list": f"{part([1])}.{body}.{signature}",  # type: ignore[arg-type]
        "with a header that is none": f"%%%.{body}.{signature}",
        "not ASCII": f"é.{body}.{signature}",
        "empty": "..",
        "with a nest of a header": "W1tb" * 3000 + f".{body}.{signature}",
        "too long": f"{head}.{body}{'A' * 20_000}.{signature}",
    }


@pytest.mark.parametrize("text", forged().values(), ids=list(forged()))
async def test_a_forged_token_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated, match="valid token"):
        await door().caller(text)


async def test_a_single_key_needs_no_id() -> None:
    assert await door(published=[RSA]).caller(token(header={"kid": None}))


@pytest.mark.parametrize(
    "given",
    [
        {"oidc_issuer": ISSUER},
        {"oidc_audience": AUDIENCE},
        {"oidc_jwks_url": JWKS},
        {"oidc_issuer": "http://login.example.org", "oidc_audience": AUDIENCE},
        {"oidc_issuer": ISSUER, "oidc_audience": AUDIENCE, "oidc_jwks_url": "http://h/keys"},
    ],
)
def test_half_an_issuer_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="ECHELON_OIDC"):
        has_issuer(Settings(**given))  # type: ignore[arg-type]


def test_an_issuer_is_none_or_whole() -> None:
    assert not has_issuer(Settings())
    assert has_issuer(Settings(oidc_issuer=ISSUER, oidc_audience=AUDIENCE))
    assert has_issuer(Settings(oidc_issuer="http://127.0.0.1:1/", oidc_audience=AUDIENCE))


@pytest.fixture
async def open_to_people(seeded: Seeded) -> AsyncIterator[tuple[Api, Issuer]]:
    made = Issuer()
    async with running(seeded.url, dict(seeded.keys)) as api:
        keys = IssuerKeys(ISSUER, JWKS, made.client(), SILENT)
        realms = api.app.state.graphql.realms
        realms.people = People(ISSUER, AUDIENCE, CLAIMS, keys, clock)
        yield api, made


async def test_people_ask_with_their_tokens_beside_programs_with_keys(
    open_to_people: tuple[Api, Issuer],
) -> None:
    api, _ = open_to_people
    names = '{ customer(externalId: "C00002") { name } }'
    api.keys["reader"] = token(roles=["analyst"], sub="secret-subject")
    api.keys["carer"] = token(roles=["support"])
    api.keys["late"] = token(exp=later(hours=-1))
    api.keys["seller"] = token(roles=["sales"])
    assert await api.codes(names, "reader") == ["FORBIDDEN"]
    assert (await api.ask(names, "carer"))["customer"]["name"] == "Clara Lopez"
    refused = await api.send(names, "late")
    assert (refused.status_code, "expired" in refused.text) == (401, True)
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    refused = await api.send(names, "seller")
    assert (refused.status_code, "claim owner" in refused.text) == (403, True)
    written = json.dumps(api.log.lines)
    for name in ("reader", "carer", "late", "seller"):
        assert not any(part in written for part in api.keys[name].split("."))


async def test_keys_go_on_working_while_the_issuer_is_down(
    open_to_people: tuple[Api, Issuer],
) -> None:
    api, issuer = open_to_people
    issuer.down = True
    api.keys["reader"] = token(roles=["analyst"])
    answer = await api.send("{ __typename }", "reader")
    assert answer.status_code == 503
    assert answer.json()["errors"][0]["extensions"]["code"] == "ISSUER_UNREACHABLE"
    assert answer.headers["Retry-After"]
    assert (await api.send("{ __typename }", "frontend")).status_code == 200


async def test_a_token_opens_nothing_where_there_is_no_issuer(api: Api) -> None:
    api.keys = api.keys | {"reader": token(roles=["admin"])}
    assert (await api.send("{ __typename }", "reader")).status_code == 401


async def test_the_server_reads_its_issuer_from_the_settings(seeded: Seeded) -> None:
    given = Settings(
        database_url=seeded.url,
        data_dir=Path("unused"),
        secret_key=TEST_SECRET,  # type: ignore[arg-type]
        oidc_issuer="http://127.0.0.1:9",
        oidc_audience=AUDIENCE,
    )
    app = create_app(given, clock=clock, logger=Log().logger)
    async with app.router.lifespan_context(app):
        assert isinstance(app.state.graphql.realms.people, People)
