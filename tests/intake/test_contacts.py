"""Interactions, feedback, intents, referrals, consents: all refer to known customers."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine

from api.domain.personal_data import PersonalDataCipher
from api.settings import Settings
from tests.intake.conftest import Bring, epoch, one, reasons, rows

CONTACTS = """interaction_id,customer_id,occurred_at,channel,direction,kind,subject,response_seconds
1,anna,2017-02-01 10:00:00.25,mail,outbound,campaign,campaign 18,
2,anna,2017-02-02,phone,INBOUND,complaint,,90
3,nobody,2017-02-02,phone,inbound,complaint,,
4,anna,2017-02-02,phone,sideways,complaint,,
5,anna,2017-02-02,phone,inbound,complaint,,-5
"""


def test_interactions_need_a_known_customer(
    bring: Bring, engine: Engine, customers: Callable[..., None]
) -> None:
    customers("anna")
    report = bring("interactions", CONTACTS)
    assert (report.added, report.rejected) == (2, 3)
    assert reasons(report) == [
        "customer_id: is no known customer; import customers first",
        "direction: 'sideways' is unknown; it is one of inbound, outbound",
        "response_seconds: '-5' is below 0",
    ]
    assert bring("interactions", CONTACTS).unchanged == 2
    renamed = CONTACTS.replace("campaign 18", "campaign 19")
    assert (bring("interactions", renamed).changed, epoch(engine)) == (1, 1)
    moved = renamed.replace("2017-02-01 10", "2017-02-01 11")
    assert (bring("interactions", moved).changed, epoch(engine)) == (1, 2)


def test_ratings_of_any_scale_run_from_0_to_1_and_remarks_are_sealed(
    bring: Bring, engine: Engine, customers: Callable[..., None], settings: Settings
) -> None:
    customers("anna")
    header = "feedback_id,customer_id,given_at,category,score,score_min,score_max,comment\n"
    report = bring(
        "feedback",
        header + "1,anna,2017-02-01,service,4,1,5,Lovely staff\n"
        "2,anna,2017-02-02,price,7,0,10,\n3,anna,2017-02-03,other,,,,Only words\n"
        "4,anna,2017-02-03,other,6,1,5,Secret words\n5,anna,2017-02-03,other,1,5,1,\n",
    )
    assert reasons(report) == [
        "score: 6 is not between score_min 1 and score_max 5",
        "score_max: is not above score_min",
    ]
    assert rows(engine, "SELECT score FROM feedback ORDER BY id") == [(0.75,), (0.7,), (None,)]
    sealed = one(engine, "SELECT comment_encrypted FROM feedback WHERE external_id = '1'")
    keys = PersonalDataCipher(settings.root_secret())
    assert keys.decrypt("comment", "anna", bytes(sealed)) == "Lovely staff"
    again = "1,anna,2017-02-01,service,4,1,5,Lovely staff\n"
    assert bring("feedback", header + again).unchanged == 1
    assert bring("feedback", header + again.replace("Lovely", "Kind")).changed == 1
    assert epoch(engine) == 1


def test_intents_referrals_and_consents(
    bring: Bring, engine: Engine, customers: Callable[..., None]
) -> None:
    customers("anna", "bert")
    intents = bring(
        "purchase_intents",
        "customer_id,stated_at,intent,expected_on,refusal_reason\n"
        "anna,2017-02-01,interested,2019-01-01,\nbert,2017-02-01,Refused,,too dear\n"
        "bert,2017-02-02,perhaps,,\n",
    )
    assert (intents.added, intents.rejected) == (2, 1)
    referrals = bring(
        "referrals",
        "referrer_id,referred_id,referred_at\nanna,bert,2017-02-01\nanna,anna,2017-02-01\n",
    )
    assert reasons(referrals) == ["referred_id: is the referrer; nobody refers themselves"]
    consents = bring(
        "consents",
        "customer_id,purpose,channel,recorded_at,granted\nanna,marketing,mail,2017-02-01,yes\n"
        "anna,marketing,mail,2017-03-01,no\nanna,marketing,mail,2017-04-01,perhaps\n",
    )
    assert (consents.added, consents.rejected) == (2, 1)
    granted = rows(engine, "SELECT granted FROM consents ORDER BY recorded_at")
    assert [bool(row[0]) for row in granted] == [True, False]


def test_repeated_and_contradicting_rows_are_told_apart(
    bring: Bring, customers: Callable[..., None]
) -> None:
    customers("anna")
    lines = CONTACTS.splitlines()
    text = "\n".join([lines[0], lines[1], lines[1], lines[1].replace("mail", "web")]) + "\n"
    for batch_rows in (1, 10):
        report = bring("interactions", text, batch_rows=batch_rows)
        assert (report.rows_read, report.added + report.unchanged, report.rejected) == (3, 2, 1)
        assert reasons(report) == [
            "interaction_id: the same interaction_id as in row 1, with other content; keep one"
        ]
