"""What a sample of customers was like at past month ends, as today's models and classes see it.

A refresh stores it once, so that a policy can be tried on the past before it counts. Nothing that
came after a month's end is looked at; what people set by hand since is left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine

from api.columns import customer_columns, measure_columns, prediction_columns
from api.db.bulk import bulk_connection
from api.db.catalogue import Catalogue
from api.db.population import Population
from api.db.replays import StoredMonth, forget_months, store_month, stored_months
from api.deciding import Scored
from api.deciding.classes import decide_classes
from api.deciding.occasion import Deciding, Occasion
from api.deciding.predictions import publishable_predictions
from api.domain.fields import Field
from api.domain.reasons import TEXT, column_json
from ml.contracts import cutoff_of

MOST_CUSTOMERS = 5_000
ScorePast = Callable[[Path, Sequence[int], int], Iterable[tuple[int, Scored]]]
"""Scores a fact store at several cut-offs, for a sample of about so many customers at most."""


@dataclass(frozen=True)
class LookingBack:
    """How to score the past, and how many month ends to keep."""

    score: ScorePast
    months: int
    most_customers: int = MOST_CUSTOMERS


def month_ends(day: dt.date, months: int) -> list[dt.date]:
    """The last so many month ends up to `day`, oldest first."""
    ends: list[dt.date] = []
    first = (day + dt.timedelta(days=1)).replace(day=1)
    for _ in range(months):
        ends.append(first - dt.timedelta(days=1))
        first = ends[-1].replace(day=1)
    return ends[::-1]


def look_back(
    engine: Engine,
    url: str,
    store: Path,
    looking_back: LookingBack,
    population: Population,
    catalogue: Catalogue,
    occasion: Occasion,
    fingerprint: str,
) -> int:
    """Store the month ends that are lacking or were seen otherwise; returns how many.

    `fingerprint` names the models and the code that look.
    """
    wanted = month_ends(occasion.as_of, looking_back.months)
    known = stored_months(engine)
    lacking = [day for day in wanted if known.get(day) != fingerprint]
    stale = [day for day in known if day not in wanted or day in lacking]
    if not lacking and not stale:
        return 0
    zone = occasion.installation.time_zone
    days = {cutoff_of(day, zone): day for day in lacking}
    scored = looking_back.score(store, list(days), looking_back.most_customers) if days else ()
    past = _without_hands(population)
    months = [
        _month(each, past, catalogue, replace(occasion, as_of=days[cutoff]), fingerprint)
        for cutoff, each in scored
    ]
    with bulk_connection(url) as connection:
        forget_months(connection, stale)
        for month in months:
            store_month(connection, engine.dialect.name, month)
        connection.commit()
    return len(months)


def _without_hands(population: Population) -> Population:
    past = replace(population.past_classes, statuses=population.past_classes.statuses.slice(0, 0))
    return replace(population, past_classes=past, overrides=population.overrides.slice(0, 0))


def _month(
    scored: Scored,
    population: Population,
    catalogue: Catalogue,
    occasion: Occasion,
    fingerprint: str,
) -> StoredMonth:
    measures = scored.measures.sort_by("customer_id")
    ids = measures["customer_id"].to_numpy()
    predictions = publishable_predictions(scored.predictions, occasion)
    columns = measure_columns(measures) | prediction_columns(predictions, ids)
    columns |= customer_columns(population, ids, occasion.cutoff, occasion.installation.time_zone)
    deciding = Deciding(columns, ids, population, catalogue, occasion)
    if len(ids):
        decide_classes(deciding)
    kept = {
        name: field
        for name, field in deciding.fields.items()
        if name in deciding.columns and (field.decides_tiers or field.attribute) and not field.many
    }
    return StoredMonth(
        occasion.as_of, fingerprint, list(kept), ids, _listed(deciding.columns, kept)
    )


def _listed(columns: dict[str, Any], kept: dict[str, Field]) -> list[str]:
    """Each customer's values as one JSON list."""
    texts = [column_json(columns[name], whole=field.whole) for name, field in kept.items()]
    inside = pc.binary_join_element_wise(*texts, pa.scalar(",", TEXT))
    framed = pc.binary_join_element_wise(
        pa.scalar("[", TEXT), inside, pa.scalar("]", TEXT), pa.scalar("", TEXT)
    )
    listed: list[str] = framed.to_pylist()
    return listed
