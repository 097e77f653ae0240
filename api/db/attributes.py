"""Custom attributes: what kind of data they hold."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, select, update

from api.db.models import AttributeDefinition, Installation
from api.domain.fields import Field, attribute_field, nearest, shown
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


def read_attribute_fields(engine: Engine) -> tuple[Field, ...]:
    """The fields that an installation's custom attributes add to the catalogue."""
    table = AttributeDefinition
    with engine.connect() as connection:
        rows = connection.execute(
            select(
                table.name, table.value_type, table.label_en, table.label_zh, table.sensitive
            ).order_by(table.name)
        ).all()
    return tuple(
        attribute_field(
            row.name, row.value_type, row.label_en, row.label_zh, sensitive=row.sensitive
        )
        for row in rows
    )
