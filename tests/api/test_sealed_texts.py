"""An upgrade encrypts what earlier versions stored in the clear, under the secret of its data."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Engine, MetaData, insert, select

from api.db.models import Consent, PurchaseIntent
from api.db.schema import downgrade, upgrade
from api.domain.personal_data import PersonalDataCipher
from api.settings import Settings

BEFORE = "0015"
MOMENT = dt.datetime(2026, 3, 31, tzinfo=dt.UTC)
PEOPLE = (1, 2, 3)


def write_in_the_clear(engine: Engine) -> None:
    before = MetaData()
    before.reflect(engine)
    moment = MOMENT if engine.dialect.name == "postgresql" else MOMENT.replace(tzinfo=None)
    batch = {"id": 1, "kind": "x", "source": "x", "arrived_at": moment, "status": "done"}
    batch |= {"rows_added": 1, "rows_changed": 0}
    said = {"stated_at": moment, "intent": "refused", "batch_id": 1}
    word = {"purpose": "marketing", "recorded_at": moment, "granted": True, "batch_id": 1}
    with engine.begin() as connection:
        tables = before.tables
        connection.execute(insert(tables["import_batches"]), [batch])
        customers = [
            {"id": n, "external_id": f"C{n}", "kind": "b2c", "known_at": moment, "batch_id": 1}
            for n in PEOPLE
        ]
        connection.execute(insert(tables["customers"]), customers)
        intents = [
            said | {"customer_id": n, "refusal_reason": f"reason {n}", "wanted_feature": None}
            for n in PEOPLE
        ]
        connection.execute(insert(tables["purchase_intents"]), intents)
        words = [
            word | {"customer_id": n, "channel": f"{n}", "proof": f"form {n}" if n > 1 else None}
            for n in PEOPLE
        ]
        connection.execute(insert(tables["consents"]), words)


def test_texts_are_sealed_for_their_customers(engine: Engine, settings: Settings) -> None:
    downgrade(engine, BEFORE)
    write_in_the_clear(engine)
    upgrade(engine, settings)
    cipher = PersonalDataCipher(settings.root_secret())
    with engine.connect() as connection:
        reasons = connection.execute(
            select(
                PurchaseIntent.refusal_reason_encrypted, PurchaseIntent.wanted_feature_encrypted
            ).order_by(PurchaseIntent.customer_id)
        ).all()
        proofs = connection.scalars(
            select(Consent.proof_encrypted).order_by(Consent.customer_id)
        ).all()
    assert [row.wanted_feature_encrypted for row in reasons] == [None, None, None]
    for n, row in zip(PEOPLE, reasons, strict=True):
        sealed = bytes(row.refusal_reason_encrypted)
        assert cipher.decrypt("refusal_reason", f"C{n}", sealed) == f"reason {n}"
    assert proofs[0] is None
    for n in (2, 3):
        assert cipher.decrypt("proof", f"C{n}", bytes(proofs[n - 1] or b"")) == f"form {n}"
