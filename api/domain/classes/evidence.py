"""Why customers have their classes: by published cut-offs, for those who are asked about."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from api.domain.classes.definitions import (
    RFM_SCORES,
    Classification,
    Codes,
    Cutoffs,
    score_name,
)
from api.domain.conditions import Columns, column_of, is_missing
from api.domain.reasons import JsonColumns, Piece, Texts, assemble, json_of, reason

Reasons = list[dict[str, Any]]


def class_evidence(
    classifications: Sequence[Classification],
    columns: Columns,
    cutoffs: Mapping[str, Cutoffs],
    published: Mapping[str, Codes],
) -> dict[str, list[Reasons]]:
    """By classification the reasons of each customer, as `{"code", "params"}`.

    `columns` hold what the classifications read but for each other's classes; these are computed
    by the cut-offs, or taken from `published` where a customer's differs: then people have set it,
    and the reasons speak of those customers as if they had not.
    """
    known = dict(columns)
    found: dict[str, list[Reasons]] = {}
    for each in classifications:
        if each.key not in cutoffs:
            continue
        assigned = each.assign(known, cutoffs[each.key])
        codes = published.get(each.key, assigned.codes)
        texts = _texts(each, known, cutoffs[each.key])
        found[each.key] = [json.loads(text) for text in texts]
        known[each.field_name] = each.named(codes)
        if "score" in assigned.scores:
            known[score_name(each.key)] = assigned.scores["score"]
        known |= {name: assigned.scores[name] for name in RFM_SCORES if name in assigned.scores}
    return found


def _texts(each: Classification, columns: Columns, cutoffs: Cutoffs) -> Texts:
    subject, known, among = each.subject(columns)
    texts = np.full(len(known), "[]", dtype=object)
    if known.any():
        codes = each.kind.assign(subject, cutoffs).codes
        pieces = each.kind.evidence(subject, cutoffs, codes)
        everyone = np.ones(len(codes), dtype=bool)
        sources = JsonColumns(subject, each.kind.reads)
        texts[known] = assemble(pieces, everyone, sources, "[", "]")
    if not known.all():
        absent = assemble(_absent(each, columns, among), ~known, JsonColumns({}, {}), "[", "]")
        texts[~known] = absent[~known]
    return texts


def _absent(each: Classification, columns: Columns, among: Any) -> list[Piece]:
    pieces = [reason(~among, "class.outside")]
    for name in each.required:
        missing = among & is_missing(column_of(name, columns))
        opening = f'{{"code":"class.unknown","params":{{"field":{json_of(name)},"value":null}}}}'
        pieces.append(Piece(missing, (opening,)))
    return pieces
