"""One refresh becomes visible in one transaction; only rows that changed are written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from adbc_driver_manager import dbapi as adbc
from sqlalchemy import FromClause

from api.db.bulk import execute, fetch, merge, stage
from api.db.cases import open_cases
from api.db.cutoffs import publish_cutoffs
from api.db.feed import TOMBSTONES_KEPT, drop_tombstones
from api.db.filling import analyze, fill, is_empty
from api.db.membership_records import Explain, follow_memberships, unexplained
from api.db.models import (
    Base,
    ClassChange,
    CustomerProfile,
    Prediction,
    Recommendation,
    SegmentMembership,
    TierAssignment,
)
from api.db.score_writes import bury_unscored, changed_scores, first_scores
from api.db.segments_meanwhile import NOTHING_READ, SegmentsRead, left_alone, settled
from api.db.tier_records import follow_tiers
from api.db.writes import LOCK


@dataclass(frozen=True)
class Publication:
    """The Arrow tables of one refresh, their columns named as in the database."""

    profiles: pa.Table
    class_changes: pa.Table
    classifications: pa.Table
    predictions: pa.Table
    tiers: pa.Table
    memberships: pa.Table
    recommendations: pa.Table
    departures: Explain = unexplained
    """Why stays in segments ended, asked once it is known which did."""
    segments: SegmentsRead = NOTHING_READ


@dataclass(frozen=True)
class RunRecord:
    """What the run's row says; the models and the policy are rows of their tables."""

    as_of: dt.date
    published_at: dt.datetime
    fingerprint: str
    churn_model_id: int
    clv_model_id: int
    policy_version_id: int
    tombstones_kept: dt.timedelta = TOMBSTONES_KEPT


class Publisher:
    """Writes one publication over an ADBC connection; the caller commits or rolls back."""

    def __init__(self, connection: adbc.Connection, dialect: str, run: RunRecord) -> None:
        self._connection = connection
        self._dialect = dialect
        self._run = run
        self._day = f"'{run.as_of.isoformat()}'"

    def publish(self, publication: Publication) -> dict[str, int]:
        """Write everything that changed and count it; takes the feed's lock first."""
        self._take_feed()
        run_id = self._insert_run()
        counts = {
            "profiles": self._profiles(publication.profiles),
            "class_changes": self._class_changes(publication.class_changes, run_id),
            "classifications": publish_cutoffs(
                self._connection, self._dialect, publication.classifications, self._day
            ),
            "predictions": self._predictions(publication.predictions, run_id),
            "tier_changes": self._tiers(publication.tiers, run_id),
            "membership_changes": self._memberships(publication, run_id),
            "recommendations": self._recommendations(publication.recommendations, run_id),
        }
        kept_since = self._moment(self._run.published_at - self._run.tombstones_kept)
        drop_tombstones(self._run_sql, kept_since)
        counts["cases"] = open_cases(self._run_sql, run_id, self._day, self._dialect)
        self._record_counts(run_id, counts)
        return counts

    def publish_scores(self, predictions: pa.Table) -> int:
        """Only the scores, as a run of their own."""
        self._take_feed()
        return self._predictions(predictions, self._insert_run())

    def _take_feed(self) -> None:
        if self._dialect == "postgresql":  # nobody changes documents meanwhile; joins in memory
            fetch(self._connection, f"SELECT CAST(pg_advisory_xact_lock({LOCK}) AS TEXT)")
            self._run_sql("SET LOCAL work_mem = '128MB'")
        self._run_sql("UPDATE installation SET last_revision = last_revision WHERE id = 1")

    def _run_sql(self, sql: str) -> int:
        return execute(self._connection, sql)

    def _stage(
        self,
        name: str,
        table: FromClause,
        data: pa.Table,
        key: Sequence[str] = (),
    ) -> None:
        """Stage rows about customers, found by customer and `key`.

        Without an index SQLite looks through all of them for each stored row, and without
        statistics PostgreSQL may.
        """
        stage(self._connection, self._dialect, name, table, data)
        keys = ("customer_id", *key)
        if self._dialect == "postgresql":
            analyze(self._connection, name, keys)
        else:
            self._run_sql(f"CREATE INDEX {name}_key ON {name} ({', '.join(keys)})")

    def _filled(self, model: type[Base], data: pa.Table, scope: str = "TRUE") -> int | None:
        """Write everything if nothing is there yet; the number of rows, None if there is some."""
        if not is_empty(self._connection, model, scope):
            return None
        return fill(self._connection, self._dialect, model, data)

    def _moment(self, moment: dt.datetime) -> str:
        text = moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        return f"'{text}'" if self._dialect == "sqlite" else f"'{text}+00'::timestamptz"

    def _insert_run(self) -> int:
        run = self._run
        cast = "" if self._dialect == "sqlite" else "::jsonb"
        result = fetch(
            self._connection,
            "INSERT INTO refresh_runs (as_of, published_at, fingerprint, churn_model_id, "
            "clv_model_id, policy_version_id, counts) VALUES "
            f"({self._day}, {self._moment(run.published_at)}, '{run.fingerprint}', "
            f"{run.churn_model_id}, {run.clv_model_id}, {run.policy_version_id}, '{{}}'{cast}) "
            "RETURNING id",
        )
        return int(result.column(0)[0].as_py())

    def _record_counts(self, run_id: int, counts: Mapping[str, int]) -> None:
        listed = ", ".join(f'"{name}": {number}' for name, number in counts.items())
        cast = "" if self._dialect == "sqlite" else "::jsonb"
        self._run_sql(f"UPDATE refresh_runs SET counts = '{{{listed}}}'{cast} WHERE id = {run_id}")

    def _profiles(self, profiles: pa.Table) -> int:
        table = CustomerProfile.__table__
        if (filled := self._filled(CustomerProfile, profiles)) is not None:
            return filled
        self._stage("staged_profiles", table, profiles)
        removed = self._run_sql(
            "DELETE FROM customer_profiles WHERE NOT EXISTS (SELECT 1 FROM staged_profiles s "
            "WHERE s.customer_id = customer_profiles.customer_id)"
        )
        counts = merge(self._connection, self._dialect, "staged_profiles", table, ["customer_id"])
        return counts.added + counts.changed + removed

    def _class_changes(self, changes: pa.Table, run_id: int) -> int:
        """Those of an earlier refresh of the same day are replaced."""
        table = ClassChange.__table__
        self._stage("staged_changes", table, _of_run(changes, run_id), ["classification"])
        removed = self._run_sql(
            f"DELETE FROM class_changes WHERE changed_on >= {self._day} AND NOT EXISTS "
            "(SELECT 1 FROM staged_changes s WHERE s.customer_id = class_changes.customer_id "
            "AND s.classification = class_changes.classification)"
        )
        key = ["customer_id", "classification", "changed_on"]
        counts = merge(self._connection, self._dialect, "staged_changes", table, key)
        return removed + counts.added + counts.changed

    def _predictions(self, predictions: pa.Table, run_id: int) -> int:
        table = Prediction.__table__
        revisions = pa.repeat(pa.scalar(0, pa.int64()), predictions.num_rows)
        predictions = _of_run(predictions.append_column("revision", revisions), run_id)
        if is_empty(self._connection, Prediction):
            return first_scores(self._connection, self._dialect, predictions)
        self._stage("staged_predictions", table, predictions)
        models = (self._run.churn_model_id, self._run.clv_model_id)
        changed = changed_scores(self._connection, self._dialect, predictions.column_names, models)
        return changed + bury_unscored(self._run_sql, run_id)

    def _tiers(self, tiers: pa.Table, run_id: int) -> int:
        table = TierAssignment.__table__
        tiers = _of_run(tiers, run_id)
        if (filled := self._filled(TierAssignment, tiers)) is not None:
            return filled
        self._stage("staged_tiers", table, tiers, ["tier_key"])
        return follow_tiers(self._run_sql, self._dialect, self._day)

    def _memberships(self, publication: Publication, run_id: int) -> int:
        table = SegmentMembership.__table__
        unsettled = left_alone(self._connection, publication.segments)
        members, stays = settled(_of_run(publication.memberships, run_id), unsettled)
        filled = self._filled(SegmentMembership, members, stays.decided)
        if filled is not None:
            return filled
        self._stage("staged_members", table, members, ["segment_id"])
        run, say = self._run_sql, publication.departures
        return follow_memberships(self._connection, self._dialect, run, self._day, say, stays)

    def _recommendations(self, recommendations: pa.Table, run_id: int) -> int:
        table = Recommendation.__table__
        recommendations = _of_run(recommendations, run_id)
        if (filled := self._filled(Recommendation, recommendations)) is not None:
            return filled
        self._stage("staged_recommendations", table, recommendations, ["priority"])
        removed = self._run_sql(
            "DELETE FROM recommendations WHERE NOT EXISTS (SELECT 1 FROM staged_recommendations s "
            "WHERE s.customer_id = recommendations.customer_id "
            "AND s.priority = recommendations.priority)"
        )
        compare = ["strategy_id", "expected_gain_minor", "reasons"]
        key, staged = ["customer_id", "priority"], "staged_recommendations"
        counts = merge(self._connection, self._dialect, staged, table, key, compare)
        return removed + counts.added + counts.changed


def _of_run(data: pa.Table, run_id: int) -> pa.Table:
    return data.append_column("run_id", pa.repeat(pa.scalar(run_id, pa.int64()), data.num_rows))
