"""The month that a refresh falls in, in numbers: from what it publishes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_manager import dbapi as adbc

from api.columns import Column, aligned
from api.db.monthly import first_refresh_day, write_month
from api.db.publish import Publication
from api.domain.monthly import EVERYBODY, MonthFacts, Parts, Statistic, month_statistics
from ml.contracts import cutoff_of

PROFILE_DIMENSIONS = ("lifecycle_stage", "abc_class")
NOTHING = ""
"""The key of customers who have no tier or no class."""


@dataclass(frozen=True)
class Month:
    """A calendar month of the business up to the end of a day."""

    as_of: dt.date
    time_zone: str

    @property
    def first(self) -> dt.date:
        return self.as_of.replace(day=1)

    @property
    def begins_at(self) -> int:
        """In seconds since 1970-01-01 UTC."""
        return cutoff_of(self.first - dt.timedelta(days=1), self.time_zone)


def publish_month(
    connection: adbc.Connection,
    dialect: str,
    publication: Publication,
    measures: pa.Table,
    month: Month,
) -> int:
    """Write the month as it is now, in the caller's transaction; the number of rows.

    The last refresh of a month stands. Comes after the run itself is written.
    """
    statistics = statistics_of(publication, measures, month, first_refresh_day(connection))
    return write_month(connection, dialect, month.as_of, statistics)


def statistics_of(
    publication: Publication, measures: pa.Table, month: Month, first_day: dt.date
) -> list[Statistic]:
    """The month's numbers; `first_day` is that of the first refresh ever.

    Lost is who became churned in the month: on the first day everybody enters some stage.
    """
    measures = measures.sort_by("customer_id")
    profiles = publication.profiles.sort_by("customer_id")
    ids = measures["customer_id"].to_numpy()
    scores = publication.predictions
    scored = scores["customer_id"].to_numpy()
    bought, new = (
        measures[name].to_numpy() >= month.begins_at for name in ("last_order_at", "first_order_at")
    )
    since = profiles["lifecycle_since"].to_numpy().astype("datetime64[D]")
    lately = (since >= np.datetime64(month.first)) & (since > np.datetime64(first_day))
    churned = pc.equal(profiles["lifecycle_stage"], "churned").to_numpy(zero_copy_only=False)
    facts = MonthFacts(
        {
            "customers": np.ones(len(ids), np.bool_),
            "buyers": bought,
            "new_buyers": new,
            "lost": churned & lately,
        },
        {
            "net_spend": _whole(measures["net_spend_month_minor"]),
            "net_spend_365d": _whole(measures["net_spend_365d_minor"]),
            "clv": aligned(ids, scored, _whole(scores["clv_minor"]), np.int64(0)),
        },
        {"churn_probability": aligned(ids, scored, scores["churn_probability"].to_numpy(), np.nan)},
    )
    return month_statistics(facts, _divisions(publication, profiles, ids))


def _whole(column: pa.ChunkedArray) -> Column:
    values: Column = pc.fill_null(column, 0).to_numpy().astype(np.int64)
    return values


def _divisions(publication: Publication, profiles: pa.Table, ids: Column) -> list[Parts]:
    everybody = Parts(EVERYBODY, (NOTHING,), np.zeros(len(ids), np.int64))
    of_profile = [_parts(name, profiles[name], ids, ids) for name in PROFILE_DIMENSIONS]
    tiers = publication.tiers
    owners = tiers["customer_id"].to_numpy()
    return [everybody, _parts("tier", tiers["tier_key"], owners, ids), *of_profile]


def _parts(dimension: str, column: pa.ChunkedArray, owners: Column, ids: Column) -> Parts:
    texts = pc.fill_null(column.cast(pa.string()), NOTHING).combine_chunks()
    found = pa.concat_arrays([pa.array([NOTHING]), texts]).dictionary_encode()
    codes = found.indices.to_numpy()[1:].astype(np.int64)  # those without come first: code 0
    everybody = aligned(ids, owners, codes, np.int64(0))
    keys = tuple(found.dictionary.to_pylist())
    if everybody.all():
        return Parts(dimension, keys[1:], everybody - 1)
    return Parts(dimension, keys, everybody)
