"""Who is in which segment."""

from __future__ import annotations

import pyarrow as pa

from api.deciding.occasion import Deciding
from api.domain.segments import causes_json, members, membership_columns, parse_segments

NO_MEMBERS = pa.schema(
    [
        ("segment_id", pa.int64()),
        ("customer_id", pa.int64()),
        ("entered_on", pa.date32()),
        ("cause", pa.string()),
    ]
).empty_table()


def decide_memberships(deciding: Deciding) -> pa.Table:
    documents = [document for _, document in deciding.catalogue.segments.values()]
    definitions = parse_segments(documents, deciding.occasion.exponent, deciding.fields)
    masks = members(definitions, deciding.columns)
    parts = [NO_MEMBERS]
    for definition in definitions:
        row_id, _ = deciding.catalogue.segments[definition.key]
        inside = deciding.ids[masks[definition.key]]
        parts.append(
            pa.table(
                {
                    "segment_id": pa.repeat(pa.scalar(row_id, pa.int64()), len(inside)),
                    "customer_id": pa.array(inside, type=pa.int64()),
                    "entered_on": deciding.occasion.day_column(len(inside)),
                    "cause": pa.array(causes_json(definition, deciding.columns), type=pa.string()),
                }
            )
        )
    deciding.columns |= membership_columns(masks)
    return pa.concat_tables(parts)
