"""The installation's one row: what stored amounts and days depend on."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select, update

from api.db.models import Installation
from api.db.snapshots import Snapshot
from api.errors import InvalidInput


@dataclass(frozen=True)
class InstallationFacts:
    base_currency: str
    time_zone: str
    churn_horizon_days: int
    clv_horizon_days: int
    score_validity_days: int
    today: dt.date | None

    def last_whole_day(self, now: dt.datetime) -> dt.date:
        """The default `as_of`: the demo's pinned day, else yesterday where the business is."""
        return self.today or now.astimezone(ZoneInfo(self.time_zone)).date() - dt.timedelta(days=1)

    def stale_from(self, now: dt.datetime) -> dt.datetime:
        """What is valid until this moment or earlier is stale; a demo's pinned day counts."""
        if self.today is None:
            return now
        return dt.datetime.combine(self.today, dt.time(), ZoneInfo(self.time_zone))

    def day_to_look_at(self, asked: dt.date | None, now: dt.datetime) -> dt.date:
        """The `as_of` of a command.

        Raises:
            InvalidInput: that day is not over, so that what happened on it is not known yet.
        """
        newest = self.last_whole_day(now)
        if asked is not None and asked > newest:
            raise InvalidInput(
                f"--as-of {asked} is not over yet: the last whole day of the business is {newest}."
            )
        return asked or newest


def read_installation(engine: Engine) -> InstallationFacts:
    table = Installation.__table__
    columns = [table.c[name] for name in InstallationFacts.__dataclass_fields__]
    with engine.connect() as connection:
        return InstallationFacts(**connection.execute(select(*columns)).one()._mapping)


async def installation_of(snapshot: Snapshot) -> InstallationFacts:
    """The same, for the web process."""
    table = Installation.__table__
    columns = [table.c[name] for name in InstallationFacts.__dataclass_fields__]
    return InstallationFacts(**(await snapshot.rows(select(*columns)))[0]._mapping)


def pin_today(engine: Engine, today: dt.date) -> None:
    """Measure staleness against a fixed day: for a demo on data that has long ended."""
    if read_installation(engine).today == today:
        return
    with engine.begin() as connection:
        connection.execute(update(Installation).values(today=today))
