"""The classes before a day, and the statuses that people had set by its end."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa
from adbc_driver_manager import dbapi as adbc

from api.db.bulk import fetch


@dataclass(frozen=True)
class PastClasses:
    """Arrow tables as a refresh of a day finds them, however often the day was refreshed before."""

    profiles: pa.Table
    """Who had a profile before the day: customer_id, rfm_group, abc_class, lifecycle_stage,
    classes (JSON text), and as ISO texts lifecycle_since, profiled_on"""
    undone: pa.Table
    """What earlier refreshes of the day changed: customer_id, classification, previous"""
    stages: pa.Table
    """Where such a change overwrote when the lifecycle stage began: customer_id, began (ISO text,
    null where it is the profile's first day)"""
    statuses: pa.Table
    """The latest by customer and classification: customer_id, classification, status"""


def read_past_classes(connection: adbc.Connection, day: dt.date) -> PastClasses:
    first_day = "COALESCE(p.profiled_on, p.lifecycle_since)"
    return PastClasses(
        fetch(
            connection,
            "SELECT p.customer_id, p.rfm_group, p.abc_class, p.lifecycle_stage, "
            "CAST(p.classes AS TEXT) AS classes, CAST(p.lifecycle_since AS TEXT) AS "
            f"lifecycle_since, CAST({first_day} AS TEXT) AS profiled_on FROM customer_profiles p "
            f"WHERE {first_day} < '{day}' ORDER BY p.customer_id",
        ),
        fetch(
            connection,
            "SELECT customer_id, classification, previous FROM class_changes "
            f"WHERE changed_on = '{day}' ORDER BY customer_id, classification",
        ),
        fetch(
            connection,
            "SELECT c.customer_id, CAST((SELECT MAX(e.changed_on) FROM class_changes e "
            "WHERE e.customer_id = c.customer_id AND e.classification = c.classification "
            f"AND e.changed_on < '{day}') AS TEXT) AS began FROM class_changes c "
            f"WHERE c.changed_on = '{day}' AND c.classification = 'lifecycle_stage' "
            "ORDER BY c.customer_id",
        ),
        fetch(
            connection,
            "SELECT customer_id, classification, status FROM (SELECT customer_id, "
            "classification, status, ROW_NUMBER() OVER (PARTITION BY customer_id, classification "
            "ORDER BY since DESC, id DESC) AS place FROM relationship_statuses "
            f"WHERE since <= '{day}') s WHERE place = 1 ORDER BY customer_id, classification",
        ),
    )
