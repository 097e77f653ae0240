"""Customers, their personal data, identifiers and typed custom attributes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine

from api.domain.personal_data import PersonalDataCipher
from api.settings import Settings
from tests.intake.conftest import Bring, epoch, one, reasons, rows, set_aside

CUSTOMERS = """customer_id,known_at,kind,name,email,phone
1,2017-01-01,B2C,Ann Example,Ann@Example.ORG,+44 20 7183 8750
2,2017-01-02,,王小明,,
3,2017-01-03,robot,Rob,rob@example.org,
4,2017-01-04,b2b,Secret Name,not an address,
5,2017-01-05,b2b,Secret Name,,07183 8750
"""


def cipher(settings: Settings) -> PersonalDataCipher:
    return PersonalDataCipher(settings.root_secret())


def stored(engine: Engine, external_id: str) -> dict[str, Any]:
    columns = "name_encrypted, email_encrypted, phone_encrypted, email_hash, phone_hash, kind"
    found = rows(engine, f"SELECT {columns} FROM customers WHERE external_id = '{external_id}'")[0]
    return dict(zip(columns.split(", "), found, strict=True))


def test_personal_data_is_sealed_and_findable_by_hash(
    bring: Bring, engine: Engine, settings: Settings
) -> None:
    bring("customers", CUSTOMERS)
    ann, keys = stored(engine, "1"), cipher(settings)
    assert keys.decrypt("name", "1", ann["name_encrypted"]) == "Ann Example"
    assert keys.decrypt("email", "1", ann["email_encrypted"]) == "ann@example.org"
    assert keys.decrypt("phone", "1", ann["phone_encrypted"]) == "+442071838750"
    assert ann["email_hash"] == keys.lookup_hash("email", "ann@example.org")
    assert ann["phone_hash"] == keys.lookup_hash("phone", "+442071838750")
    tokens = {bytes(row[0]) for row in rows(engine, "SELECT token_hash FROM customer_name_tokens")}
    assert tokens == keys.name_tokens("Ann Example") | keys.name_tokens("王小明")
    assert stored(engine, "2")["kind"] == "b2c"


def test_quarantine_says_what_is_wrong_and_withholds_personal_data(bring: Bring) -> None:
    report = bring("customers", CUSTOMERS)
    assert (report.added, report.rejected) == (2, 3)
    assert report.quarantine_path is not None
    assert report.quarantine_path.stat().st_mode & 0o777 == 0o600
    text = report.quarantine_path.read_text("utf-8")
    assert not any(word in text for word in ("Rob", "Secret", "not an address", "07183"))
    found = set_aside(report)
    assert [row["row_number"] for row in found] == ["3", "4", "5"]
    assert "kind: 'robot' is unknown; it is one of b2b, b2c, internal" in found[0]["reason"]
    assert found[1]["reason"].startswith("email: is not an e-mail address")
    assert "with its country code" in found[2]["reason"]
    assert (found[0]["customer_id"], found[0]["known_at"]) == ("3", "2017-01-03")
    assert (found[1]["name"], found[1]["phone"]) == ("(withheld)", "")


def test_a_quarantine_file_can_not_overwrite_names_by_what_was_withheld(
    bring: Bring, tmp_path: Path
) -> None:
    report = bring("customers", CUSTOMERS, quarantine=tmp_path / "bad.csv")
    assert report.quarantine_path is not None
    left_out = dict.fromkeys(("row_number", "column", "reason"), "")
    again = bring("customers", report.quarantine_path, left_out)
    assert again.rejected == 3
    assert again.quarantine_path is not None
    lines = again.quarantine_path.read_text("utf-8").splitlines()
    assert all("name: was withheld from a quarantine file" in line for line in lines[1:])


def test_importing_again_keeps_ciphertexts_and_a_new_name_replaces_its_words(
    bring: Bring, engine: Engine, settings: Settings
) -> None:
    bring("customers", CUSTOMERS)
    before = stored(engine, "1")
    assert bring("customers", CUSTOMERS).unchanged == 2
    assert stored(engine, "1") == before
    married = "customer_id,known_at,name\n1,2017-01-01,Ann Other\n2,2017-01-02,\n"
    assert bring("customers", married).changed == 2
    keys, after = cipher(settings), stored(engine, "1")
    assert keys.decrypt("name", "1", after["name_encrypted"]) == "Ann Other"
    assert after["email_encrypted"] == before["email_encrypted"]
    tokens = {bytes(row[0]) for row in rows(engine, "SELECT token_hash FROM customer_name_tokens")}
    assert tokens == keys.name_tokens("Ann Other")
    assert stored(engine, "2")["name_encrypted"] is None
    assert epoch(engine) == 1


def test_a_customer_is_only_ever_known_earlier(bring: Bring, engine: Engine) -> None:
    def known() -> str:
        return str(one(engine, "SELECT known_at FROM customers"))[:10]

    bring("customers", "customer_id,known_at\n1,2017-05-01\n")
    bring("order_lines", "order_id,customer_id,ordered_at,amount\nA,1,2017-03-01,1\n")
    assert (known(), epoch(engine)) == ("2017-03-01", 2)
    assert bring("customers", "customer_id,known_at\n1,2017-05-01\n").unchanged == 1
    assert bring("customers", "customer_id,known_at\n1,2016-05-01\n").changed == 1
    assert (known(), epoch(engine)) == ("2016-05-01", 3)


def test_extra_columns_become_typed_attributes(bring: Bring, engine: Engine) -> None:
    text = "customer_id,known_at,Size,Vip,Since,Age\n1,2017-01-01,2,yes,2010-01-01,45-54\n"
    mapping = {
        "Size": "attributes.household_size",
        "Vip": "attributes.vip",
        "Since": "attributes.since",
        "Age": "attributes.age",
    }
    assert bring("customers", text, mapping).added == 1
    found = rows(
        engine,
        "SELECT d.name, d.value_type, d.sensitive, a.text_value, a.number_value "
        "FROM attribute_definitions d JOIN customer_attributes a ON a.name = d.name ORDER BY 1",
    )
    assert [(name, kind, bool(flag), *values) for name, kind, flag, *values in found] == [
        ("age", "text", True, "45-54", None),
        ("household_size", "number", False, None, 2.0),
        ("since", "date", False, "2010-01-01", None),
        ("vip", "boolean", False, "true", 1.0),
    ]
    assert bring("customers", text, mapping).unchanged == 1
    changed = bring("customers", text.replace(",2,yes", ",3,yes"), mapping)
    assert (changed.changed, epoch(engine)) == (1, 2)
    bad = bring("customers", text.replace(",2,yes", ",many,yes"), mapping)
    assert reasons(bad) == ["Size: is not a number, as the attribute's other values are"]
    assert set_aside(bad)[0]["Age"] == "(withheld)"


def test_attributes_one_a_row(bring: Bring, engine: Engine) -> None:
    bring("customers", "customer_id,known_at\n1,2017-01-01\n2,2017-01-01\n")
    header = "customer_id,name,value,valid_from\n"
    report = bring(
        "attributes",
        header + "1,size,2,2017-01-01\n2,size,3,2017-01-01\n1,size,4,2017-06-01\n"
        "1,city,Bonn,2017-01-01\n9,city,Rome,2017-01-01\n1,a b,x,2017-01-01\n"
        "1,income,high,2017-13-01\n2,city,,2017-01-01\n",
    )
    assert (report.added, report.rejected) == (4, 4)
    assert [row["reason"].split(";")[0] for row in set_aside(report)] == [
        "customer_id: is no known customer",
        "name: must be up to 64 letters, digits, _ and -",
        "valid_from: '2017-13-01' is not a moment",
        "value: is empty",
    ]
    assert set_aside(report)[2]["value"] == "(withheld)"
    again = bring("attributes", header + "1,size,two,2018-01-01\n1,size,2,2017-01-01\n")
    assert (again.unchanged, again.rejected, epoch(engine)) == (1, 1, 1)


def test_identifiers_are_sealed_and_follow_their_customer(
    bring: Bring, engine: Engine, settings: Settings
) -> None:
    bring("customers", "customer_id,known_at\n1,2017-01-01\n2,2017-01-01\n")
    text = "customer_id,kind,value\n1,card,4711\n1,card,4711\n2,card,4711\n2,login,ann\n"
    report = bring("identifiers", text)
    assert (report.added, report.unchanged, report.rejected) == (2, 1, 1)
    assert "the same kind, value as in row 1" in reasons(report)[0]
    assert set_aside(report)[0]["value"] == "(withheld)"
    assert bring("identifiers", "customer_id,kind,value\n1,card,4711\n").unchanged == 1
    assert bring("identifiers", "customer_id,kind,value\n2,card,4711\n").changed == 1
    sealed = one(engine, "SELECT value_encrypted FROM customer_identifiers WHERE kind = 'card'")
    assert cipher(settings).decrypt("identifier", "2", bytes(sealed)) == "4711"


def test_arrow_columns_of_any_type_become_customers(bring: Bring, engine: Engine) -> None:
    table = pa.table(
        {
            "customer_id": pa.array([1, 2]).dictionary_encode(),
            "known_at": pa.array([17_000, 17_001], pa.date32()),
            "attributes.size": [1.5, None],
            "attributes.vip": [True, False],
        }
    )
    assert bring("customers", [table]).added == 2
    values = rows(engine, "SELECT name, number_value FROM customer_attributes ORDER BY 1, 2")
    assert values == [("size", 1.5), ("vip", 0.0), ("vip", 1.0)]
