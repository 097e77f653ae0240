"""From the database to decisions: what is imported about later days moves nothing of this one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import Engine

from api.db.catalogue import read_catalogue
from api.db.facts import sync_facts
from api.db.installation import read_installation
from api.db.population import read_population
from api.db.publish import Publication
from api.deciding import Occasion, decide
from api.documents import install_shipped_documents
from api.intake import import_facts
from api.settings import Settings
from ml.contracts import DAY, cutoff_of
from ml.scoring import score
from ml.synthetic import Business, invent
from ml.training import train

SYNTHETIC = Business(customers=140, days=240)
AS_OF = SYNTHETIC.first_day + dt.timedelta(days=200)
CUTOFF = cutoff_of(AS_OF, "UTC")
NOW = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
HORIZONS = {"churn": 28, "clv": 28}
Rows = list[dict[str, Any]]


@dataclass
class Place:
    engine: Engine
    url: str
    settings: Settings

    def bring(self, kind: str, rows: Rows) -> None:
        report = import_facts(
            self.engine, self.url, self.settings, kind=kind, source=pa.Table.from_pylist(rows),
            mapping={}, quarantine=None, origin="test", clock=lambda: NOW,
        )  # fmt: skip
        assert rows
        assert report.added == len(rows)

    def bring_all(self, facts: dict[str, Rows]) -> None:
        for kind, rows in facts.items():
            self.bring(kind, rows)

    def learn_and_decide(self, folder: Path) -> tuple[dict[str, dict[str, str]], Publication]:
        store = self.settings.fact_store
        sync_facts(self.engine, self.url, store)
        files = {}
        for name in ("churn", "clv"):
            trained = train(
                store, "churn" if name == "churn" else "clv", as_of=AS_OF,
                horizon_days=HORIZONS[name], threads=1, folder=folder / name,
            )  # fmt: skip
            files[name] = dict(trained.files)
        scored = score(
            store, churn=folder / "churn", clv=folder / "clv", expected_sha256=files,
            cutoff=CUTOFF, threads=1,
        )  # fmt: skip
        installation = read_installation(self.engine)
        occasion = Occasion(AS_OF, NOW, installation, HORIZONS["churn"], HORIZONS["clv"])
        population = read_population(self.url, self.engine, AS_OF)
        return files, decide(scored, population, read_catalogue(self.engine), occasion)


def facts_of(rows: dict[str, Rows], *, later: bool) -> dict[str, Rows]:
    """Synthetic rows as the importer takes them, before the cut-off or from it on."""

    def chosen(table: str, moment: str) -> Iterable[dict[str, Any]]:
        return (row for row in rows[table] if (row[moment] >= CUTOFF) == later)

    def who(row: dict[str, Any]) -> dict[str, str]:
        return {"customer_id": f"C{row['customer_id']}"}

    return {
        "customers": [
            {**who(row), "known_at": at(row["known_at"])} for row in chosen("customers", "known_at")
        ],
        "attributes": [
            {**who(row), "name": row["name"], "valid_from": at(row["valid_from"]),
             "value": row["text_value"] or f"{row['number_value']:.0f}"}
            for row in chosen("attributes", "valid_from")
        ],
        "products": [
            {"product_id": f"{later}-{number}", "department": f"department {number % 4}",
             "brand": f"brand {later}"}
            for number in range(40)
        ],
        "order_lines": [
            {**who(row), "order_id": f"O{row['order_id']}", "line_no": str(row["line_no"]),
             "ordered_at": at(row["ordered_at"]), "product_id": f"{later}-{row['product_id']}",
             "quantity": str(row["quantity_milli"] // 1000),
             "amount": f"{row['amount_minor'] / 100:.2f}",
             "discount": f"{row['discount_minor'] / 100:.2f}"}
            for row in chosen("order_lines", "ordered_at")
        ],
        "interactions": [
            {**who(row), "interaction_id": str(row["interaction_id"]),
             "occurred_at": at(row["occurred_at"]), "channel": "mail", "kind": row["kind"],
             "direction": row["direction"]}
            for row in chosen("interactions", "occurred_at")
        ],
        "feedback": [
            {**who(row), "feedback_id": str(row["feedback_id"]), "given_at": at(row["given_at"]),
             "category": "product", "score": f"{row['score']:.1f}"}
            for row in chosen("feedback", "given_at")
        ],
    }  # fmt: skip


def at(moment: int) -> str:
    return dt.datetime.fromtimestamp(moment, dt.UTC).isoformat()


def the_future(rows: dict[str, Rows]) -> dict[str, Rows]:
    """Later facts of every kind, with customers, products, values and attributes never seen."""
    later = facts_of(rows, later=True)
    newcomers = [
        {"customer_id": f"N{number}", "known_at": at(CUTOFF + number)} for number in range(9)
    ]
    said = [
        {"customer_id": f"C{number}", "name": name, "valid_from": at(CUTOFF + DAY), "value": value}
        for number in range(1, 60)
        for name, value in (
            ("region", "moon"),
            ("newsletter", "true"),
            ("shoe_size", str(30 + number % 9)),
            ("floor_space", "999"),
            ("mood", f"mood {number}"),
        )
    ]
    return later | {"customers": newcomers, "attributes": said}


@pytest.fixture
def place(engine: Engine, database_url: str, settings: Settings) -> Place:
    install_shipped_documents(engine, NOW)
    return Place(engine, database_url, settings)


def test_nothing_imported_about_later_days_moves_this_one(place: Place, tmp_path: Path) -> None:
    rows = invent(SYNTHETIC, seed=5)
    place.bring_all(facts_of(rows, later=False))
    files, published = place.learn_and_decide(tmp_path / "before")
    assert published.predictions.num_rows > 100
    place.bring_all(the_future(rows))
    later_files, later = place.learn_and_decide(tmp_path / "after")
    assert later_files == files
    for part in fields(Publication):
        before, after = getattr(published, part.name), getattr(later, part.name)
        if part.name == "departures":  # told on demand, of whichever stays ended
            stays = published.memberships.select(["segment_id", "customer_id"])
            before, after = before(stays), after(stays)
        if part.name == "segments":  # as they were read
            before, after = before.by_hand, after.by_hand
        assert after.equals(before), part.name
