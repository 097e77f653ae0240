"""Consents: the latest word counts, and the partner feed hears of it in the same transaction."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import Engine, select

from api.db.consents import Word, may_be_shared, record_word
from api.db.models import Customer, Installation, Prediction
from api.db.writes import writing
from api.errors import Conflict
from tests.api.seed import Seeder
from tests.conftest import TEST_SECRET
from tests.intake.conftest import Bring, one

HEADER = "customer_id,purpose,channel,recorded_at,granted\n"
SIZE = 12
NOW = dt.datetime(2018, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def scored(engine: Engine) -> None:
    """Customers C00001 to C00012; 10 has no score, that of 1 is a tombstone already."""
    Seeder(engine, TEST_SECRET.encode(), SIZE).run()


def revisions(engine: Engine) -> dict[int, int]:
    with engine.connect() as connection:
        rows = connection.execute(select(Prediction.customer_id, Prediction.revision))
        return {row.customer_id: row.revision for row in rows}


def last_revision(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(select(Installation.last_revision)) or 0)


def shared(engine: Engine) -> set[int]:
    with engine.connect() as connection:
        return set(connection.scalars(select(Customer.id).where(may_be_shared(Customer.id))))


def test_who_withdraws_and_who_comes_back_moves_in_the_feed(bring: Bring, engine: Engine) -> None:
    before = revisions(engine)
    assert shared(engine) == set(range(1, SIZE + 1))
    bring(
        "consents",
        HEADER + "C00002,Profiling,any,2017-01-01,false\n"
        "C00003,partner_sharing,web,2017-01-01,no\nC00003,profiling,web,2017-01-01,no\n"
        "C00004,marketing,email,2017-01-01,false\nC00005,profiling,any,2017-01-01,true\n"
        "C00001,profiling,any,2017-01-01,false\nC00010,profiling,any,2017-01-01,false\n",
    )
    assert shared(engine) == {4, 5, 6, 7, 8, 9, 11, 12}
    withdrawn = revisions(engine)
    assert {key for key in before if withdrawn[key] != before[key]} == {2, 3}
    assert (withdrawn[2], withdrawn[3]) == (SIZE + 1, SIZE + 2)
    assert last_revision(engine) == SIZE + 2
    bring(
        "consents",
        HEADER + "C00002,profiling,any,2017-02-01,true\n"
        "C00003,profiling,web,2017-02-01,true\nC00004,profiling,any,2016-02-01,true\n",
    )
    assert shared(engine) == {2, 4, 5, 6, 7, 8, 9, 11, 12}
    back = revisions(engine)
    assert {key for key in before if back[key] != withdrawn[key]} == {2}
    assert back[2] == last_revision(engine) == SIZE + 3


def test_an_older_word_that_arrives_late_changes_nothing(bring: Bring, engine: Engine) -> None:
    bring("consents", HEADER + "C00002,profiling,any,2017-02-01,true\n")
    before = revisions(engine)
    bring("consents", HEADER + "C00002,profiling,any,2017-01-01,false\n")
    assert revisions(engine) == before
    assert 2 in shared(engine)


def test_a_corrected_word_moves_the_feed_too(bring: Bring, engine: Engine) -> None:
    bring("consents", HEADER + "C00002,profiling,any,2017-02-01,true\n")
    bring("consents", HEADER + "C00002,profiling,any,2017-02-01,false\n")
    assert 2 not in shared(engine)
    assert revisions(engine)[2] == last_revision(engine) == SIZE + 1


def test_a_recorded_word_is_a_batch_and_moves_the_feed_once(engine: Engine) -> None:
    word = Word(2, "profiling", "any", NOW, granted=False, proof_encrypted=None)
    for _ in range(2):
        with writing(engine) as connection:
            record_word(connection, word, "api:care", NOW)
    assert revisions(engine)[2] == last_revision(engine) == SIZE + 1
    assert one(engine, "SELECT COUNT(*) FROM import_batches WHERE source = 'api:care'") == 1
    opposite = Word(2, "profiling", "any", NOW, granted=True, proof_encrypted=None)
    with pytest.raises(Conflict, match="at this very moment"), writing(engine) as connection:
        record_word(connection, opposite, "api:care", NOW)
