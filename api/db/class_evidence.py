"""Why customers have their classes, read for those who are asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from api.db.class_reading import class_inputs
from api.db.field_values import column_from_values
from api.db.snapshots import Snapshot
from api.domain.classes import (
    RFM_SCORES,
    Classification,
    Cutoffs,
    class_evidence,
)
from api.domain.fields import Field

Reasons = list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class ClassReader:
    """The classifications that decide, in their order, with the cut-offs last drawn."""

    classifications: tuple[Classification, ...]
    cutoffs: Mapping[str, Cutoffs]
    class_fields: Mapping[str, Field]
    """By classification the field that holds its published values."""
    zone: ZoneInfo = field(default=ZoneInfo("UTC"))

    def inputs(self) -> dict[str, Field]:
        """What must be read: all that the classifications read but each other's results."""
        made = {each.field_name for each in self.classifications}
        found: dict[str, Field] = {}
        for each in self.classifications:
            found |= {
                name: read
                for name, read in each.reads.items()
                if name not in made and name not in RFM_SCORES and not name.endswith(".score")
            }
        return found


async def evidence_of(
    snapshot: Snapshot, ids: Sequence[int], reader: ClassReader
) -> Mapping[int, Mapping[str, Reasons]]:
    """By customer and classification, the reasons for the published value."""
    inputs, published = reader.inputs(), reader.class_fields
    rows = await class_inputs(snapshot, ids, [*inputs.values(), *published.values()])
    if not rows:
        return {}
    columns = {
        name: column_from_values(
            [row._mapping[f"field_{place}"] for row in rows], each, reader.zone
        )
        for place, (name, each) in enumerate(inputs.items())
    }
    values = {
        key: [row._mapping[f"field_{place}"] for row in rows]
        for place, key in enumerate(published, start=len(inputs))
    }
    codes = {
        each.key: np.array([_code(each, value) for value in values[each.key]], dtype=np.int8)
        for each in reader.classifications
    }
    found = class_evidence(reader.classifications, columns, reader.cutoffs, codes)
    return {
        row.customer_id: {key: reasons[place] for key, reasons in found.items()}
        for place, row in enumerate(rows)
    }


def _code(classification: Classification, value: str | None) -> int:
    code = None if value is None else classification.code_of(value)
    return -1 if code is None else code
