"""One vectorised pass over all customers: columns in, the publication of a refresh out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from api.columns import (
    Column,
    Columns,
    aligned,
    customer_columns,
    measure_columns,
    objects,
    prediction_columns,
)
from api.db.catalogue import Catalogue
from api.db.installation import InstallationFacts
from api.db.population import Population
from api.db.publish import Publication
from api.domain.classes import Classification, LifecycleRule, classify
from api.domain.fields import Field, known_fields
from api.domain.money import exponent_of
from api.domain.risk import percentiles, risk_bands
from api.domain.segments import causes_json, members, membership_columns, parse_segments
from api.domain.strategies import parse_strategies, recommend
from api.domain.tiers import parse_policy
from ml.contracts import cutoff_of

CLASSIFICATIONS = ("rfm_group", "abc_class", "lifecycle_stage")
MAX_RECOMMENDATIONS = 5
MOMENT = pa.timestamp("us", "UTC")
NO_MEMBERS = pa.schema(
    [
        ("segment_id", pa.int64()),
        ("customer_id", pa.int64()),
        ("entered_on", pa.date32()),
        ("cause", pa.string()),
    ]
).empty_table()


class Scored(Protocol):
    """What scoring returns; columns as in `ml.contracts`."""

    @property
    def measures(self) -> pa.Table: ...

    @property
    def predictions(self) -> pa.Table: ...


@dataclass(frozen=True)
class Occasion:
    """Under which circumstances a refresh decides."""

    as_of: dt.date
    now: dt.datetime
    installation: InstallationFacts
    churn_horizon_days: int
    clv_horizon_days: int

    @cached_property
    def cutoff(self) -> int:
        return cutoff_of(self.as_of, self.installation.time_zone)

    @cached_property
    def exponent(self) -> int:
        return exponent_of(self.installation.base_currency)

    def day_column(self, rows: int) -> pa.Array:
        return pa.repeat(pa.scalar(self.as_of, pa.date32()), rows)


def decide(
    scored: Scored,
    population: Population,
    catalogue: Catalogue,
    occasion: Occasion,
) -> Publication:
    """Classes, tiers, segments and strategies of every customer known at the occasion's day."""
    measures = scored.measures.sort_by("customer_id")
    ids = measures["customer_id"].to_numpy()
    predictions = publishable_predictions(scored.predictions, occasion)
    columns = measure_columns(measures) | prediction_columns(predictions, ids)
    zone = occasion.installation.time_zone
    columns |= customer_columns(population, ids, occasion.cutoff, zone)
    lifecycle = LifecycleRule(occasion.churn_horizon_days)
    columns |= classify(columns, Classification(lifecycle)).columns
    before = _published_classes(population, ids)
    decider = _Decider(columns, ids, population, catalogue, occasion)
    tiers = decider.tiers()
    memberships = decider.memberships()
    return Publication(
        profiles=_profiles(columns, before, ids, occasion),
        class_changes=_class_changes(columns, before, ids, occasion),
        predictions=predictions,
        tiers=tiers,
        memberships=memberships,
        recommendations=decider.recommendations(),
    )


def publishable_predictions(predictions: pa.Table, occasion: Occasion) -> pa.Table:
    """What scoring returned, with rank, band, horizons and validity."""
    rows = predictions.num_rows
    installation = occasion.installation
    probabilities = predictions["churn_probability"].to_numpy()
    last_day = occasion.as_of + dt.timedelta(days=installation.score_validity_days)
    valid_until = cutoff_of(last_day, installation.time_zone)
    constants = {
        "horizon_days": pa.scalar(occasion.churn_horizon_days, pa.int64()),
        "clv_horizon_days": pa.scalar(occasion.clv_horizon_days, pa.int64()),
        "as_of": pa.scalar(occasion.as_of, pa.date32()),
        "scored_at": pa.scalar(occasion.now, MOMENT),
        "valid_until": pa.scalar(dt.datetime.fromtimestamp(valid_until, dt.UTC), MOMENT),
        "deleted": pa.scalar(False),
    }
    derived = {
        "churn_percentile": pa.array(percentiles(probabilities)),
        "risk_band": pa.array(risk_bands(probabilities), type=pa.string()),
        "expected_next_purchase_on": _local_dates(
            predictions["expected_next_purchase_at"], installation.time_zone
        ),
        **{name: pa.repeat(value, rows) for name, value in constants.items()},
    }
    published = predictions.drop_columns(["expected_next_purchase_at"])
    for name, values in derived.items():
        published = published.append_column(name, values)
    return published


def _local_dates(seconds: pa.ChunkedArray, time_zone: str) -> pa.Array:
    zone = ZoneInfo(time_zone)
    days = [
        None if second is None else dt.datetime.fromtimestamp(second, zone).date()
        for second in seconds.to_pylist()
    ]
    return pa.array(days, type=pa.date32())


def _published_classes(population: Population, ids: Column) -> Columns:
    """The classes before this day; `known` is 1 for who had a profile."""
    table = population.profiles
    keys = table["customer_id"].to_numpy()
    return {
        name: aligned(ids, keys, objects(table[name]), None)
        for name in (*CLASSIFICATIONS, "lifecycle_since")
    } | {"known": aligned(ids, keys, np.ones(len(keys)), np.nan)}


def _profiles(columns: Columns, before: Columns, ids: Column, occasion: Occasion) -> pa.Table:
    same_stage = before["lifecycle_stage"] == columns["lifecycle_stage"]
    since = np.where(same_stage, before["lifecycle_since"], occasion.as_of.isoformat())
    numbers = ("recency_days", "tenure_days", "mean_gap_days")
    scores = ("r_score", "f_score", "m_score")
    return pa.table(
        {
            "customer_id": ids,
            "net_spend_minor": columns["net_spend"],
            "net_spend_365d_minor": columns["net_spend_365d"],
            "order_count": columns["order_count"],
            "interaction_count": columns["interaction_count"],
            **{name: pa.array(columns[name], from_pandas=True) for name in numbers},
            **{name: pa.array(columns[name], from_pandas=True).cast(pa.int64()) for name in scores},
            **{name: pa.array(columns[name], type=pa.string()) for name in CLASSIFICATIONS},
            "lifecycle_since": pa.array(since, type=pa.string()).cast(pa.date32()),
            "as_of": occasion.day_column(len(ids)),
        }
    )


def _class_changes(columns: Columns, before: Columns, ids: Column, occasion: Occasion) -> pa.Table:
    """Who had a profile and is in another class now; nobody at the first refresh."""
    parts = []
    for name in CLASSIFICATIONS:
        changed = (before["known"] == 1) & (before[name] != columns[name])
        rows = int(changed.sum())
        parts.append(
            pa.table(
                {
                    "customer_id": pa.array(ids[changed], type=pa.int64()),
                    "classification": pa.repeat(name, rows),
                    "changed_on": occasion.day_column(rows),
                    "previous": pa.array(before[name][changed], type=pa.string()),
                    "current": pa.array(columns[name][changed], type=pa.string()),
                }
            )
        )
    return pa.concat_tables(parts)


@dataclass
class _Decider:
    """Tiers, then segments, then strategies: each may read what was decided before it."""

    columns: Columns
    ids: Column
    population: Population
    catalogue: Catalogue
    occasion: Occasion

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        return known_fields(self.population.attribute_fields)

    def tiers(self) -> pa.Table:
        table = self.population.tiers
        keys = table["customer_id"].to_numpy()
        current = aligned(self.ids, keys, objects(table["tier_key"]), None)
        policy = parse_policy(self.catalogue.policy, self.occasion.exponent, self.fields)
        decisions = policy.decide(self.columns, current)
        self.columns["tier"] = decisions.tiers
        rows = len(self.ids)
        decided = pa.table(
            {
                "customer_id": self.ids,
                "tier_key": pa.array(decisions.tiers, type=pa.string()),
                "since": self.occasion.day_column(rows),
                "policy_version_id": pa.repeat(self.catalogue.policy_version_id, rows),
                "reasons": pa.array(decisions.reasons_json(), type=pa.string()),
                "inputs": pa.array(decisions.inputs_json(), type=pa.string()),
                "gap_to_next": pa.array(decisions.gap_json(), type=pa.string()),
            }
        )
        return decided.filter(pc.is_valid(decided["tier_key"]))

    def memberships(self) -> pa.Table:
        documents = [document for _, document in self.catalogue.segments.values()]
        definitions = parse_segments(documents, self.occasion.exponent, self.fields)
        masks = members(definitions, self.columns)
        parts = [NO_MEMBERS]
        for definition in definitions:
            row_id, _ = self.catalogue.segments[definition.key]
            inside = self.ids[masks[definition.key]]
            parts.append(
                pa.table(
                    {
                        "segment_id": pa.repeat(pa.scalar(row_id, pa.int64()), len(inside)),
                        "customer_id": pa.array(inside, type=pa.int64()),
                        "entered_on": self.occasion.day_column(len(inside)),
                        "cause": pa.array(causes_json(definition, self.columns), type=pa.string()),
                    }
                )
            )
        self.columns |= membership_columns(masks)
        return pa.concat_tables(parts)

    def recommendations(self) -> pa.Table:
        documents = [document for _, document in self.catalogue.strategies.values()]
        strategies = parse_strategies(documents, self.occasion.exponent, self.fields)
        chosen = recommend(strategies, self.columns, MAX_RECOMMENDATIONS)
        row_ids = {key: row_id for key, (row_id, _) in self.catalogue.strategies.items()}
        return pa.table(
            {
                "customer_id": self.ids[chosen.customer_index],
                "priority": pa.array(chosen.priority, type=pa.int64()),
                "strategy_id": pa.array([row_ids[key] for key in chosen.strategy_key], pa.int64()),
                "expected_gain_minor": pa.array(chosen.expected_gain_minor, type=pa.int64()),
                "reasons": pa.array(chosen.reasons_json(), type=pa.string()),
            }
        )
