"""One vectorised pass over all customers: columns in, the publication of a refresh out."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from api.db.catalogue import Catalogue
from api.db.installation import InstallationFacts
from api.db.population import Population
from api.db.publish import Publication
from api.domain.classes import classify
from api.domain.money import currency_exponent
from api.domain.risk import percentiles, risk_bands
from api.domain.segments import members, parse_segment
from api.domain.strategies import parse_strategy, recommend
from api.domain.tiers import parse_policy
from ml.contracts import cutoff_of

if TYPE_CHECKING:
    from api.refresh import Champions, Scored

Column = npt.NDArray[Any]
Columns = dict[str, Column]

CLASSIFICATIONS = ("rfm_group", "abc_class", "lifecycle_stage")
MAX_RECOMMENDATIONS = 20


def decide(
    scored: Scored,
    population: Population,
    catalogue: Catalogue,
    champions: Champions,
    installation: InstallationFacts,
    as_of: dt.date,
    now: dt.datetime,
) -> Publication:
    """Classes, tiers, segments and strategies of every customer known at `as_of`."""
    ids = scored.measures["customer_id"].to_numpy()
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    exponent = currency_exponent(installation.base_currency)
    cutoff = cutoff_of(as_of, installation.time_zone)
    predictions = _predictions(scored.predictions, champions, installation, as_of, now)
    columns = _measures(scored.measures, order)
    columns |= _aligned_predictions(predictions, ids)
    columns |= _customer_columns(population, ids, cutoff)
    columns |= classify(columns, as_of)
    profiles, changes = _profiles(columns, population, ids, as_of)
    return Publication(
        profiles=profiles,
        class_changes=changes,
        predictions=predictions,
        tiers=_tiers(columns, population, catalogue, ids, exponent, as_of),
        memberships=_memberships(columns, catalogue, ids, exponent, as_of),
        recommendations=_recommendations(columns, catalogue, ids, exponent),
    )


def _predictions(
    predictions: pa.Table,
    champions: Champions,
    installation: InstallationFacts,
    as_of: dt.date,
    now: dt.datetime,
) -> pa.Table:
    rows = predictions.num_rows
    probabilities = predictions["churn_probability"].to_numpy()
    last_valid_day = as_of + dt.timedelta(days=installation.score_validity_days)
    valid_until = cutoff_of(last_valid_day, installation.time_zone)
    moment = pa.timestamp("us", "UTC")
    next_purchase = predictions["expected_next_purchase_at"].cast(pa.int64())
    day_of = pa.array(
        [_local_day(second, installation.time_zone) for second in next_purchase.to_pylist()],
        type=pa.date32(),
    )
    constants = {
        "horizon_days": pa.scalar(champions.churn.horizon_days, pa.int64()),
        "clv_horizon_days": pa.scalar(champions.clv.horizon_days, pa.int64()),
        "as_of": pa.scalar(as_of, pa.date32()),
        "scored_at": pa.scalar(now, moment),
        "valid_until": pa.scalar(dt.datetime.fromtimestamp(valid_until, dt.UTC), moment),
        "deleted": pa.scalar(False),
    }
    kept = predictions.drop_columns(["expected_next_purchase_at"])
    derived = {
        "churn_percentile": pa.array(percentiles(probabilities)),
        "risk_band": pa.array(risk_bands(probabilities), type=pa.string()),
        "expected_next_purchase_on": day_of,
        **{name: pa.repeat(value, rows) for name, value in constants.items()},
    }
    for name, values in derived.items():
        kept = kept.append_column(name, values)
    return kept


def _local_day(second: int | None, time_zone: str) -> dt.date | None:
    if second is None:
        return None
    from zoneinfo import ZoneInfo

    return dt.datetime.fromtimestamp(second, ZoneInfo(time_zone)).date()


def _measures(measures: pa.Table, order: Column) -> Columns:
    """Measures by customer; null numbers become NaN, money keeps its minor units."""
    names = {"net_spend_minor": "net_spend", "net_spend_365d_minor": "net_spend_365d"}
    return {
        names.get(name, name): measures[name].to_numpy()[order] for name in measures.column_names
    }


def _aligned(ids: Column, keys: Column, values: Column, missing: Any) -> Column:
    """Values by key, spread over `ids`; customers without one get `missing`."""
    dtype = object if missing is None else np.float64
    out: Column = np.full(len(ids), missing, dtype=dtype)
    place = np.searchsorted(ids, keys)
    inside = (place < len(ids)) & (ids[np.minimum(place, len(ids) - 1)] == keys)
    out[place[inside]] = values[inside]
    return out


def _aligned_predictions(predictions: pa.Table, ids: Column) -> Columns:
    keys = predictions["customer_id"].to_numpy()
    numbers = {
        "churn_probability": "churn_probability",
        "churn_percentile": "churn_percentile",
        "clv": "clv_minor",
    }
    columns = {
        name: _aligned(ids, keys, predictions[source].to_numpy(), np.nan)
        for name, source in numbers.items()
    }
    bands = np.array(predictions["risk_band"].to_pylist(), dtype=object)
    return columns | {"risk_band": _aligned(ids, keys, bands, None)}


def _customer_columns(population: Population, ids: Column, cutoff: int) -> Columns:
    """Kind, region and custom attributes as they were known at the cut-off."""
    table = population.customers
    keys = table["customer_id"].to_numpy()
    columns: Columns = {}
    for name in ("external_id", "kind", "industry", "region"):
        values = np.array(table[name].to_pylist(), dtype=object)
        columns[name] = _aligned(ids, keys, values, None)
    known_at = _aligned(ids, keys, table["known_at"].to_numpy(), np.nan)
    columns["known_at"] = known_at
    attributes = population.attributes.filter(
        pa.compute.less(population.attributes["valid_from"], cutoff)
    ).to_pandas()
    for (name, value_type), rows in attributes.groupby(["name", "value_type"], sort=True):
        latest = rows.drop_duplicates("customer_id", keep="last")
        numeric = value_type in ("number", "boolean")
        values = latest["number_value" if numeric else "text_value"].to_numpy()
        columns[f"attribute.{name}"] = _aligned(
            ids, latest["customer_id"].to_numpy(), values, np.nan if numeric else None
        )
    return columns


def _profiles(
    columns: Columns, population: Population, ids: Column, as_of: dt.date
) -> tuple[pa.Table, pa.Table]:
    """The profiles, and which classes differ from the published ones."""
    before = population.profiles
    keys = before["customer_id"].to_numpy()
    previous = {
        name: _aligned(ids, keys, np.array(before[name].to_pylist(), dtype=object), None)
        for name in (*CLASSIFICATIONS, "lifecycle_since")
    }
    known = _aligned(ids, keys, np.ones(len(keys)), np.nan) == 1
    same_stage = previous["lifecycle_stage"] == columns["lifecycle_stage"]
    since = np.where(same_stage, previous["lifecycle_since"], as_of.isoformat())
    integers = ("order_count", "interaction_count")
    profiles = pa.table(
        {
            "customer_id": ids,
            "net_spend_minor": columns["net_spend"],
            "net_spend_365d_minor": columns["net_spend_365d"],
            **{name: columns[name] for name in integers},
            **{
                name: pa.array(columns[name], from_pandas=True)
                for name in ("recency_days", "tenure_days", "mean_gap_days")
            },
            **{name: _whole(columns[name]) for name in ("r_score", "f_score", "m_score")},
            **{name: pa.array(columns[name], type=pa.string()) for name in CLASSIFICATIONS},
            "lifecycle_since": pa.array(
                [dt.date.fromisoformat(day) for day in since], type=pa.date32()
            ),
            "as_of": pa.repeat(pa.scalar(as_of, pa.date32()), len(ids)),
        }
    )
    return profiles, _class_changes(columns, previous, known, ids, as_of)


def _whole(values: Column) -> pa.Array:
    return pa.array(values, from_pandas=True).cast(pa.int64())


def _class_changes(
    columns: Columns, previous: Columns, known: Column, ids: Column, as_of: dt.date
) -> pa.Table:
    parts = []
    for name in CLASSIFICATIONS:
        changed = known & (previous[name] != columns[name])
        parts.append(
            pa.table(
                {
                    "customer_id": pa.array(ids[changed], type=pa.int64()),
                    "classification": pa.repeat(name, int(changed.sum())),
                    "changed_on": pa.repeat(pa.scalar(as_of, pa.date32()), int(changed.sum())),
                    "previous": pa.array(previous[name][changed], type=pa.string()),
                    "current": pa.array(columns[name][changed], type=pa.string()),
                }
            )
        )
    return pa.concat_tables(parts)


def _tiers(
    columns: Columns,
    population: Population,
    catalogue: Catalogue,
    ids: Column,
    exponent: int,
    as_of: dt.date,
) -> pa.Table:
    current = _aligned(
        ids,
        population.tiers["customer_id"].to_numpy(),
        np.array(population.tiers["tier_key"].to_pylist(), dtype=object),
        None,
    )
    decisions = parse_policy(catalogue.policy, exponent).decide(columns, current)
    decided = np.array([tier is not None for tier in decisions.tiers], dtype=bool)
    columns["tier"] = decisions.tiers
    table = pa.table(
        {
            "customer_id": ids,
            "tier_key": pa.array(decisions.tiers, type=pa.string()),
            "since": pa.repeat(pa.scalar(as_of, pa.date32()), len(ids)),
            "policy_version_id": pa.repeat(catalogue.policy_version_id, len(ids)),
            "reasons": pa.array(decisions.reasons_json(), type=pa.string()),
            "inputs": pa.array(decisions.inputs_json(), type=pa.string()),
            "gap_to_next": pa.array(decisions.gap_json(), type=pa.string()),
        }
    )
    return table.filter(pa.array(decided))


def _memberships(
    columns: Columns, catalogue: Catalogue, ids: Column, exponent: int, as_of: dt.date
) -> pa.Table:
    definitions = [parse_segment(doc, exponent) for _, doc in catalogue.segments.values()]
    masks = members(definitions, columns)
    parts = []
    for key, (row_id, document) in catalogue.segments.items():
        inside = ids[masks[key]]
        cause = json.dumps({"code": "segment.rule_met", "params": {"segment": document["key"]}})
        parts.append(
            pa.table(
                {
                    "segment_id": pa.repeat(row_id, len(inside)),
                    "customer_id": pa.array(inside, type=pa.int64()),
                    "entered_on": pa.repeat(pa.scalar(as_of, pa.date32()), len(inside)),
                    "cause": pa.repeat(cause, len(inside)),
                }
            )
        )
    return pa.concat_tables(parts)


def _recommendations(
    columns: Columns, catalogue: Catalogue, ids: Column, exponent: int
) -> pa.Table:
    strategies = [parse_strategy(doc, exponent) for _, doc in catalogue.strategies.values()]
    chosen = recommend(strategies, columns, MAX_RECOMMENDATIONS)
    row_ids = {key: row_id for key, (row_id, _) in catalogue.strategies.items()}
    return pa.table(
        {
            "customer_id": ids[chosen.customer_index],
            "priority": pa.array(chosen.priority, type=pa.int64()),
            "strategy_id": pa.array([row_ids[key] for key in chosen.strategy_key], type=pa.int64()),
            "expected_gain_minor": pa.array(chosen.expected_gain_minor, type=pa.int64()),
            "reasons": pa.array(chosen.reasons_json(), type=pa.string()),
        }
    )
