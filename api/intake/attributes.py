"""Custom attributes: their type is seen from their values, some names are known to be sensitive."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from api.db.intake import Definition
from api.intake.moments import DAY
from api.intake.texts import NUMBER, is_missing, mask, only, read_booleans, read_numbers

LONGEST_TEXT = 400
_SENSITIVE_WORDS = frozenset(
    word
    for line in (
        "age birth birthday birthdate dob gender sex marital ethnicity ethnic race religion",
        "religious nationality citizenship origin income salary wage disability disabled health",
        "pregnant pregnancy political orientation union caste veteran",
        "年龄 生日 性别 婚姻 婚姻状况 民族 种族 宗教 国籍 收入 工资 健康 残疾",
    )
    for word in line.split()
)
_LABELS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "age": ("Age", "年龄"),
        "gender": ("Gender", "性别"),
        "income": ("Income", "收入"),
        "marital_status": ("Marital status", "婚姻状况"),
        "household_size": ("Household size", "家庭人数"),
        "household_comp": ("Household composition", "家庭构成"),
        "kids_count": ("Number of children", "子女数"),
        "home_ownership": ("Home ownership", "住房情况"),
    }
)
_PROBLEMS: Mapping[str, str] = MappingProxyType(
    {
        "number": "is not a number, as the attribute's other values are",
        "boolean": "is neither true nor false, as the attribute's other values are",
        "date": "is not a day such as 2017-03-01, as the attribute's other values are",
        "text": f"is longer than {LONGEST_TEXT} characters, or holds a NUL character",
    }
)


def is_sensitive(name: str) -> bool:
    """Whether a name tells of age, origin, health, income and the like; models never see those."""
    return not _SENSITIVE_WORDS.isdisjoint(re.split(r"[\W_]+", name.lower()))


def define(name: str, values: pa.Array) -> Definition | None:
    """The definition that an attribute's first values suggest; None where there are no values."""
    known = values.drop_null()
    if not len(known):
        return None
    en, zh = _LABELS.get(name, (name.replace("_", " ").capitalize(), name))
    return Definition(name, _suggest_type(known), is_sensitive(name), en, zh)


def _suggest_type(values: pa.Array) -> str:
    if pc.all(pc.match_substring_regex(values, NUMBER)).as_py():
        return "number"
    if not read_booleans(values)[1].any():
        return "boolean"
    return "date" if pc.all(pc.match_substring_regex(values, DAY)).as_py() else "text"


def read(definition: Definition, values: pa.Array) -> tuple[pa.Array, pa.Array, np.ndarray, str]:
    """Text values, number values, a mask of what does not fit, and what is wrong with it."""
    problem = _PROBLEMS[definition.value_type]
    no_text, no_number = pa.nulls(len(values), pa.string()), pa.nulls(len(values), pa.float64())
    if definition.value_type == "number":
        numbers, bad = read_numbers(values)
        return no_text, numbers, bad, problem
    if definition.value_type == "boolean":
        truths, bad = read_booleans(values)
        return truths.cast(pa.string()), truths.cast(pa.int8()).cast(pa.float64()), bad, problem
    if definition.value_type == "date":
        good = mask(pc.match_substring_regex(values, DAY))
    else:
        short = pc.less_equal(pc.utf8_length(values), LONGEST_TEXT)
        good = mask(pc.and_not(short, pc.match_substring(values, "\0")))
    return only(values, good), no_number, ~is_missing(values) & ~good, problem
