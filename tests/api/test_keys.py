"""Keys: made once, kept as a hash, recognisable by typing errors."""

from __future__ import annotations

import datetime as dt
import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from api.db.keys import create_key, list_keys, revoke_keys, rotate_key
from api.db.models import ApiKey
from api.domain.keys import ALPHABET, SCOPES, Caller, new_key, realm_of
from api.errors import Conflict, InvalidInput, NotFound
from tests.api.conftest import clock


def test_a_key_has_its_prefix_32_random_and_6_checksum_characters() -> None:
    key = new_key()
    assert key.startswith("ech_live_")
    assert len(key) == 9 + 32 + 6
    assert realm_of(key) == "live"
    assert new_key() != key


@given(place=st.integers(9, 46), other=st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(place: int, other: str) -> None:
    key = "ech_live_0123456789ABCDEFGHIJKLMNOPQRSTUV" + "4Ay7lG"
    key = key if realm_of(key) else new_key()
    typed = key[:place] + other + key[place + 1 :]
    assert (realm_of(typed) == "live") == (typed == key)


@pytest.mark.parametrize("text", ["", "ech_live_", "x" * 47, "ech_live_" + "é" * 38])
def test_other_texts_are_no_keys(text: str) -> None:
    assert realm_of(text) is None


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
    revoke_keys(engine, "partner", clock)
    revoke_keys(engine, "partner", lambda: clock() + dt.timedelta(days=1))
    assert list_keys(engine)[0].revoked_at == clock()
    with pytest.raises(NotFound, match="keys list"):
        revoke_keys(engine, "nobody", clock)


DAY = dt.timedelta(days=1)


def test_a_client_has_two_keys_while_it_changes_them(engine: Engine) -> None:
    first = create_key(engine, "shop", ["scores:read"], None, clock, owner="anna", documents="only")
    made = rotate_key(engine, "shop", DAY, clock)
    assert made.key != first
    assert (made.old_prefix, made.old_ends_at) == (first[:13], clock() + DAY)
    old, new = list_keys(engine)
    assert (old.expires_at, new.expires_at) == (clock() + DAY, None)
    assert (new.name, new.scopes) == ("shop", ("scores:read",))
    assert (new.owner, new.documents) == ("anna", "only")
    with pytest.raises(Conflict, match=f"two keys already.*keys revoke {first[:13]}"):
        rotate_key(engine, "shop", DAY, clock)
    with pytest.raises(Conflict, match="keys rotate 'shop'"):
        create_key(engine, "shop", ["scores:read"], None, clock)
    rotate_key(engine, "shop", DAY, lambda: clock() + DAY)  # the first has ended by then
    assert len(list_keys(engine)) == 3


def test_a_second_key_lives_as_long_as_the_first_and_never_lengthens_it(engine: Engine) -> None:
    create_key(engine, "shop", ["scores:read"], clock() + DAY * 10, clock)
    late = clock() + DAY * 9
    made = rotate_key(engine, "shop", DAY * 5, lambda: late)
    assert made.expires_at == late + DAY * 10
    assert made.old_ends_at == clock() + DAY * 10


def test_a_name_is_revoked_with_all_its_keys_and_one_key_by_how_it_begins(engine: Engine) -> None:
    first = create_key(engine, "shop", ["scores:read"], None, clock)
    second = rotate_key(engine, "shop", DAY, clock).key
    assert [key.prefix for key in revoke_keys(engine, first[:13], clock)] == [first[:13]]
    assert [key.revoked_at is None for key in list_keys(engine)] == [False, True]
    third = rotate_key(engine, "shop", DAY, clock).key
    assert [key.prefix for key in revoke_keys(engine, third, clock)] == [third[:13]]
    assert [key.revoked_at is None for key in list_keys(engine)] == [False, True, False]
    revoke_keys(engine, "shop", clock)
    assert all(key.revoked_at for key in list_keys(engine))
    with pytest.raises(NotFound, match="echelon keys create"):
        rotate_key(engine, "shop", DAY, clock)
    create_key(engine, "shop", ["admin"], None, clock)
    with pytest.raises(NotFound, match=r"ech_live_zzzz\. See"):
        revoke_keys(engine, "ech_live_zzzz", clock)
    assert second not in str(list_keys(engine))


def test_no_name_passes_for_a_key_or_a_person(engine: Engine) -> None:
    for name in ("ech_live_0000", "ech_test_0000", "person:4711"):
        with pytest.raises(InvalidInput, match="can't begin"):
            create_key(engine, name, ["admin"], None, clock)
    with pytest.raises(InvalidInput, match="off, allow, only"):
        create_key(engine, "a", ["admin"], None, clock, documents="some")
    with pytest.raises(InvalidInput, match="1 to 100"):
        create_key(engine, "a", ["admin"], None, clock, owner=" ")


def test_keys_made_at_the_same_time_are_two_at_most(engine: Engine) -> None:
    create_key(engine, "shop", ["scores:read"], None, clock)

    def rotate(_: int) -> str:
        try:
            return rotate_key(engine, "shop", DAY, clock).key
        except Conflict:
            return "refused"

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(rotate, range(4)))
    assert results.count("refused") == 3
    assert len(list_keys(engine)) == 2
