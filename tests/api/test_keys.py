"""Keys: made once, kept as a hash, recognisable by typing errors."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from api.db.keys import create_key, list_keys, revoke_key
from api.db.models import ApiKey
from api.domain.keys import ALPHABET, SCOPES, Caller, new_key, well_formed
from api.errors import Conflict, InvalidInput, NotFound
from tests.api.conftest import clock


def test_a_key_has_its_prefix_32_random_and_6_checksum_characters() -> None:
    key = new_key()
    assert key.startswith("ech_live_")
    assert len(key) == 9 + 32 + 6
    assert well_formed(key)
    assert new_key() != key


@given(place=st.integers(9, 46), other=st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(place: int, other: str) -> None:
    key = "ech_live_0123456789ABCDEFGHIJKLMNOPQRSTUV" + "4Ay7lG"
    key = key if well_formed(key) else new_key()
    typed = key[:place] + other + key[place + 1 :]
    assert well_formed(typed) == (typed == key)


@pytest.mark.parametrize("text", ["", "ech_live_", "x" * 47, "ech_live_" + "é" * 38])
def test_other_texts_are_no_keys(text: str) -> None:
    assert not well_formed(text)


def test_admin_may_everything_and_others_what_they_were_given() -> None:
    assert all(Caller(1, "a", frozenset({"admin"})).may(scope) for scope in SCOPES)
    partner = Caller(1, "p", frozenset({"scores:read"}))
    assert [scope for scope in SCOPES if partner.may(scope)] == ["scores:read"]


def test_only_the_hash_is_stored(engine: Engine) -> None:
    key = create_key(engine, "frontend", ["schema:read", "customers:read"], None, clock)
    with engine.connect() as connection:
        row = connection.execute(select(ApiKey.__table__)).one()
    assert row.key_hash == hashlib.sha256(key.encode()).digest()
    assert key not in str(row)
    listed = list_keys(engine)[0]
    assert (listed.name, listed.scopes) == ("frontend", ("customers:read", "schema:read"))
    assert key.startswith(listed.prefix)
    assert len(listed.prefix) < 16


def test_what_makes_no_key(engine: Engine) -> None:
    create_key(engine, "taken", ["admin"], None, clock)
    with pytest.raises(Conflict, match="taken"):
        create_key(engine, "taken", ["admin"], None, clock)
    with pytest.raises(InvalidInput, match=r"customers:change.*customers:read"):
        create_key(engine, "a", ["customers:change"], None, clock)
    with pytest.raises(InvalidInput, match="at least one scope"):
        create_key(engine, "a", [], None, clock)
    with pytest.raises(InvalidInput, match="1 to 100 characters"):
        create_key(engine, " ", ["admin"], None, clock)
    with pytest.raises(InvalidInput, match="expired already"):
        create_key(engine, "a", ["admin"], clock() - dt.timedelta(seconds=1), clock)
    assert len(list_keys(engine)) == 1


def test_a_key_is_revoked_by_name(engine: Engine) -> None:
    create_key(engine, "partner", ["scores:read"], None, clock)
    revoke_key(engine, "partner", clock)
    revoke_key(engine, "partner", lambda: clock() + dt.timedelta(days=1))
    assert list_keys(engine)[0].revoked_at == clock()
    with pytest.raises(NotFound, match="keys list"):
        revoke_key(engine, "nobody", clock)
