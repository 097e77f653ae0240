"""Classifications of customers from what is known of them: RFM, ABC, lifecycle and many more.

Each is a checked document with named values. Equal customers always get equal classes, whatever
the order of rows, and whoever lacks what a classification needs has no class rather than a wrong
one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from api.domain.classes.definitions import (
    OWN_COLUMNS,
    RFM_SCORES,
    ByHand,
    Circumstances,
    Classification,
    Classified,
    Codes,
    Cutoffs,
    field_name,
    score_name,
)
from api.domain.classes.documents import (
    classification_fields,
    parse_classification,
    parse_classifications,
)
from api.domain.classes.evidence import class_evidence
from api.domain.conditions import Columns

__all__ = [
    "OWN_COLUMNS",
    "RFM_SCORES",
    "ByHand",
    "Circumstances",
    "Classification",
    "Classified",
    "Codes",
    "Cutoffs",
    "class_evidence",
    "classification_fields",
    "classify",
    "field_name",
    "parse_classification",
    "parse_classifications",
]


def classify(
    classifications: Sequence[Classification],
    columns: Columns,
    circumstances: Circumstances,
    by_hand: Mapping[str, ByHand] | None = None,
) -> Classified:
    """All classes of all customers, in the order `parse_classifications` gives.

    `by_hand` holds by classification what people have set; it wins, and classes decided later
    read it. Cut-offs are drawn without it.
    """
    known = dict(columns)
    found = Classified({}, {}, {})
    for each in classifications:
        cutoffs, assigned = each.decide(known, circumstances)
        codes = assigned.codes
        given = (by_hand or {}).get(each.key)
        if given is not None:
            codes = codes.copy()
            codes[given.rows] = given.codes
        made = {each.field_name: each.named(codes)}
        if each.key == "rfm_group":
            made |= {name: assigned.scores[name] for name in RFM_SCORES}
        known |= made
        found.columns.update(made)
        if "score" in assigned.scores:
            known[score_name(each.key)] = assigned.scores["score"]
        found.cutoffs[each.key] = cutoffs
        found.codes[each.key] = codes
    return found
