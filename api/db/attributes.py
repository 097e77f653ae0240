"""Custom attributes: what kind of data they hold."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from api.db.models import AttributeDefinition, Installation
from api.domain.fields import nearest, shown
from api.errors import NotFound


def set_sensitivity(connection: Connection, name: str, *, sensitive: bool) -> None:
    """Say whether an attribute is sensitive; the fact store is then built anew, for models learn
    from attributes that are not.

    Raises:
        NotFound: there is no such attribute.
    """
    table = AttributeDefinition
    rows = connection.execute(select(table.name, table.sensitive)).all()
    known = {row.name: row.sensitive for row in rows}
    if name not in known:
        raise NotFound(f"name: there is no attribute {shown(name)}{nearest(name, known)}.")
    if known[name] == sensitive:
        return
    connection.execute(update(table).where(table.name == name).values(sensitive=sensitive))
    connection.execute(update(Installation).values(facts_epoch=Installation.facts_epoch + 1))
