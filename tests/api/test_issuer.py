"""The issuer's keys: fetched when needed, not more often, and done without for a while."""

from __future__ import annotations

import pytest
from joserfc.jwk import ECKey

from api.errors import IssuerUnreachable, Unauthenticated
from api.graphql import issuer
from api.graphql.issuer import AGAIN_SECONDS, FRESH_SECONDS, KEPT_SECONDS
from tests.api.door import door
from tests.api.issuer import EC, ISSUER, JWKS, RSA, token


async def test_keys_are_fetched_once_and_again_when_they_are_old() -> None:
    place = door()
    for _ in range(3):
        await place.caller(token())
    assert place.issuer.asked == [JWKS]
    place.seconds.now = FRESH_SECONDS + 1
    await place.caller(token())
    assert place.issuer.asked == [JWKS, JWKS]


async def test_an_unknown_key_is_asked_for_once_a_minute_whoever_makes_it_up() -> None:
    place, new = door(), ECKey.generate_key("P-256", {"kid": "ec-2", "use": "sig"})
    await place.caller(token())
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await place.caller(token(new, "ES256"))
    assert len(place.issuer.asked) == 1
    place.issuer.published = [RSA, new]
    place.seconds.now = AGAIN_SECONDS
    assert await place.caller(token(new, "ES256"))
    with pytest.raises(Unauthenticated):
        await place.caller(token(EC, "ES256"))
    assert len(place.issuer.asked) == 2


async def test_an_issuer_that_is_down_locks_out_nobody_whose_key_is_known() -> None:
    place = door()
    await place.caller(token())
    place.issuer.down = True
    place.seconds.now = FRESH_SECONDS + 1
    assert await place.caller(token())
    place.seconds.now = KEPT_SECONDS + 1
    with pytest.raises(IssuerUnreachable, match="Keys work"):
        await place.caller(token())
    place.issuer.down = False
    place.seconds.now += AGAIN_SECONDS
    assert await place.caller(token())


async def test_an_issuer_that_was_never_reached_is_said_to_be() -> None:
    place = door(down=True)
    for _ in range(3):
        with pytest.raises(IssuerUnreachable):
            await place.caller(token())
    assert len(place.issuer.asked) == 1


async def test_an_issuer_that_says_nothing_or_too_much_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(issuer, "FETCH_SECONDS", 0.05)
    place = door(padding=issuer.MOST_BYTES)
    with pytest.raises(IssuerUnreachable):
        await place.caller(token())
    place.issuer.padding, place.issuer.silent = 0, True
    place.seconds.now = AGAIN_SECONDS
    with pytest.raises(IssuerUnreachable):
        await place.caller(token())
    place.issuer.silent = False
    place.seconds.now += AGAIN_SECONDS
    assert await place.caller(token())


async def test_the_discovery_document_says_where_the_keys_are_if_it_is_the_issuers() -> None:
    place = door(jwks_url="")
    assert await place.caller(token())
    assert place.issuer.asked == [f"{ISSUER}/.well-known/openid-configuration", JWKS]
    with pytest.raises(IssuerUnreachable):
        await door(jwks_url="", named="https://evil.example").caller(token())
