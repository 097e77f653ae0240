"""Stays with a beginning and an end, such as in a tier: a refresh ends, resumes and begins them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Stays:
    """A history table and the staged rows that say who should be where now.

    A stay is of a customer in `place`, from the day `began` until the day `ended`, null while it
    lasts. `columns` are written when one begins; `scope` narrows what is decided here.
    """

    table: str
    staged: str
    place: str
    began: str
    ended: str
    columns: str
    scope: str = ""
    nullable: bool = False
    """Whether there is a place without a name, such as below the lowest tier."""

    def follow(self, run: Callable[[str], int], day: str) -> int:
        """Make the open stays those that are staged, as of `day`; the number of changes.

        What an earlier refresh of the same day ended or began is as if it had not been, so that
        a day has one outcome however often it is refreshed.
        """
        table, ended = self.table, self.ended
        staged = self._same("staged", self.staged)
        over = f"{ended} IS NULL {self.scope} AND NOT EXISTS ({staged})"
        undone = run(f"DELETE FROM {table} WHERE {over} AND {self.began} >= {day}")
        over_now = run(f"UPDATE {table} SET {ended} = {day} WHERE {over}")
        still_open = f"{self._same('other', table)} AND other.{ended} IS NULL"
        resumed = run(
            f"UPDATE {table} SET {ended} = NULL WHERE {ended} = {day} {self.scope} "
            f"AND EXISTS ({staged}) AND NOT EXISTS ({still_open})"
        )
        begun = run(
            f"INSERT INTO {table} ({self.columns}) SELECT {self.columns} FROM {self.staged} s "
            f"WHERE NOT EXISTS (SELECT 1 FROM {table} t WHERE t.customer_id = s.customer_id "
            f"AND t.{self.place} {self._equals} s.{self.place} AND t.{ended} IS NULL)"
        )
        return undone + over_now + resumed + begun

    def _same(self, alias: str, relation: str) -> str:
        """Rows of `relation` about the same customer in the same place."""
        return (
            f"SELECT 1 FROM {relation} {alias} WHERE {alias}.customer_id = {self.table}.customer_id"
            f" AND {alias}.{self.place} {self._equals} {self.table}.{self.place}"
        )

    @property
    def decided(self) -> str:
        """A condition for the stays that are decided here, ended ones included."""
        return self.scope.removeprefix("AND ") or "TRUE"

    @property
    def _equals(self) -> str:
        return "IS NOT DISTINCT FROM" if self.nullable else "="


MEMBERSHIPS = Stays(
    "segment_memberships",
    "staged_members",
    "segment_id",
    "entered_on",
    "left_on",
    "segment_id, customer_id, entered_on, cause, run_id",
    "AND segment_id IN (SELECT id FROM segments WHERE kind = 'rule')",
)
"""Only rule segments are decided by a refresh; members put in by hand stay."""
