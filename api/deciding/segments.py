"""Who is in which segment, and why those who left did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from api.columns import Columns
from api.db.membership_records import Explain
from api.db.segments_meanwhile import SegmentsRead
from api.deciding.occasion import Deciding
from api.deciding.reading import read_once
from api.domain.conditions import Mask
from api.domain.segments import (
    SegmentDefinition,
    causes_texts,
    departures_json,
    members,
    membership_columns,
    parse_segments,
)

NO_MEMBERS = pa.schema(
    [
        ("segment_id", pa.int64()),
        ("customer_id", pa.int64()),
        ("entered_on", pa.date32()),
        ("cause", pa.large_string()),
    ]
).empty_table()


def decide_memberships(deciding: Deciding) -> pa.Table:
    """Members of rule segments; adds all memberships, by hand too, to the columns."""
    definitions = _definitions(deciding)
    masks = members(definitions, deciding.columns, _by_hand(deciding))
    deciding.columns |= membership_columns(masks)
    parts = [NO_MEMBERS]
    for definition in definitions:
        if definition.rule is None:
            continue
        row_id, _ = deciding.catalogue.segments[definition.key]
        inside = deciding.ids[masks[definition.key]]
        parts.append(
            pa.table(
                {
                    "segment_id": pa.repeat(pa.scalar(row_id, pa.int64()), len(inside)),
                    "customer_id": pa.array(inside, type=pa.int64()),
                    "entered_on": deciding.occasion.day_column(len(inside)),
                    "cause": causes_texts(definition, deciding.columns),
                }
            )
        )
    return pa.concat_tables(parts)


def departures(deciding: Deciding) -> Explain:
    """What tells, of stays that ended with this refresh, which part of the rule no longer holds."""
    by_row = {deciding.catalogue.segments[each.key][0]: each for each in _definitions(deciding)}

    def explain(stays: pa.Table) -> pa.Table:
        return explained(stays, by_row, deciding.columns, deciding.ids)

    return explain


def segments_read(deciding: Deciding) -> SegmentsRead:
    reads = {each.key: each.reads for each in _definitions(deciding)}
    by_hand = deciding.population.circumstances.members_by_hand
    return SegmentsRead(deciding.catalogue.segments, reads, by_hand)


def explained(
    stays: pa.Table,
    by_row: Mapping[int, SegmentDefinition],
    columns: Columns,
    ids: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> pa.Table:
    """The stays with `left_cause`: null for customers or segments that are no longer there."""
    customers = stays["customer_id"].to_numpy()
    segments = stays["segment_id"].to_numpy()
    causes = np.full(len(customers), None, dtype=object)
    for row_id, definition in by_row.items():
        there = np.flatnonzero((segments == row_id) & np.isin(customers, ids))
        rows = np.searchsorted(ids, customers[there])
        causes[there] = departures_json(definition, columns, rows)
    return stays.append_column("left_cause", pa.array(causes, type=pa.string()))


def _definitions(deciding: Deciding) -> Sequence[SegmentDefinition]:
    documents = [document for _, document in deciding.catalogue.segments.values()]
    return read_once(parse_segments, documents, deciding.occasion.exponent, deciding.fields)


def _by_hand(deciding: Deciding) -> dict[str, Mask]:
    table = deciding.population.circumstances.members_by_hand
    customers = table["customer_id"].to_numpy()
    segments = table["segment_id"].to_numpy()
    return {
        key: np.isin(deciding.ids, customers[segments == row_id])
        for key, (row_id, document) in deciding.catalogue.segments.items()
        if document.get("kind") == "manual"
    }
