"""Versions of tier policies: stored, put in force from a day on, taken back."""

from __future__ import annotations

from sqlalchemy import Connection, Row, select

from api.db.models import TierPolicyVersion
from api.errors import NotReady


def policy_in_force(connection: Connection) -> Row[tuple[TierPolicyVersion]]:
    """The row of the version that the latest refresh or activation put in force.

    Raises:
        NotReady: this installation has none yet.
    """
    table = TierPolicyVersion.__table__
    found = connection.execute(select(table).where(table.c.active)).first()
    if found is None:
        raise NotReady("No tier policy is in force yet. Install the shipped one: echelon refresh")
    return found
