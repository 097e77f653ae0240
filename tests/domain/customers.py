"""Columns of customers for tests: the measures a test cares about, all others unknown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from api.domain.classes import (
    Circumstances,
    Classification,
    Classified,
    classification_fields,
    classify,
    parse_classifications,
)
from api.domain.fields import FIELDS, Field, known_fields

CLASSES = Path(__file__).parents[2] / "api" / "policies" / "classes.yaml"
AS_OF = dt.date(2026, 3, 31)
MADE_BY_CLASSES = {"rfm_group", "abc_class", "lifecycle_stage", "r_score", "f_score", "m_score"}
Columns = dict[str, np.ndarray[Any, Any]]


def with_all_measures(columns: Mapping[str, np.ndarray[Any, Any]]) -> Columns:
    """The columns, and every other field that classes may read, without a value."""
    size = len(next(iter(columns.values())))
    unknown: Columns = {}
    for name, field in FIELDS.items():
        if field.many or name in MADE_BY_CLASSES:
            continue
        if field.type in ("number", "money"):
            unknown[name] = np.full(size, np.nan)
        elif field.type == "date":
            unknown[name] = np.full(size, np.datetime64("NaT", "D"))
        else:
            unknown[name] = np.full(size, None, dtype=object)
    return unknown | dict(columns)


@cache
def shipped_classes() -> tuple[Classification, ...]:
    documents = yaml.safe_load(CLASSES.read_text(encoding="utf-8"))
    return parse_classifications(documents, FIELDS, 2)


@cache
def fields() -> Mapping[str, Field]:
    """The catalogue with the shipped classes."""
    return known_fields(classification_fields(shipped_classes()))


def classified(
    columns: Mapping[str, np.ndarray[Any, Any]], churn_horizon_days: float = 28
) -> Classified:
    """What the shipped classifications say of these customers."""
    known = with_all_measures(columns)
    return classify(shipped_classes(), known, Circumstances(AS_OF, churn_horizon_days))
