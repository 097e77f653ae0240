"""Columns that must not, or should not, teach a model: identifiers, leaks, sensitive attributes.

Judged by their names, in English and Chinese, and by what is in them.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from ml.sample import Floats
from ml.tables.columns import Column, Texts

LEAK_AUC = 0.98
"""A single column that tells the classes apart this well was known only after the event."""
LEAK_ROWS = 20_000
MANY_BINS = 20
UNIQUE = 0.95
"""The share of different values from which a text names its row."""
FREE_TEXT = 0.5
FREE_TEXT_VALUES = 50
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[\u4e00-\u9fff]+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_KEYS = frozenset({"id", "ids", "uuid", "guid", "index", "row", "rownumber", "unnamed", "key"})
_OWNERS = ("client", "customer", "cust", "user", "member", "account", "subscriber", "record", "row")
_NUMBERS = ("num", "number", "no", "nr", "id", "key", "code", "index")
_PERSON = frozenset(
    {"surname", "firstname", "lastname", "fullname", "forename", "username", "nickname"}
)
_CONTACT = frozenset(
    {"email", "mail", "phone", "mobile", "telephone", "address", "street", "ssn", "passport"}
    | {"iban", "ip", "name", "url"}
)
_CONTACT_ZH = (
    "编号",
    "編號",
    "姓名",
    "电话",
    "電話",
    "手机",
    "手機",
    "邮箱",
    "郵箱",
    "身份证",
    "地址",
)
_SENSITIVE = frozenset(
    {"age", "ages", "gender", "sex", "male", "female", "marital", "married", "marriage", "spouse"}
    | {"partner", "dependents", "dependent", "dependants", "children", "origin", "nationality"}
    | {"ethnicity", "ethnic", "race", "racial", "religion", "religious", "disability", "disabled"}
    | {"senior", "citizenship", "birth", "birthday", "birthdate", "birthyear", "dob", "pregnant"}
    | {"yob", "orientation", "immigrant", "veteran"}
)
_SENSITIVE_ZH = frozenset(
    {"年龄", "年齡", "性别", "性別", "婚姻", "民族", "种族", "種族", "国籍", "國籍"}
    | {"宗教", "残疾", "殘疾", "籍贯", "籍貫", "出生", "生日", "子女", "配偶"}
)
_THINGS_WITH_AGE = frozenset(
    {"account", "contract", "device", "handset", "equipment", "product", "policy", "loan", "car"}
    | {"vehicle", "card", "phone", "house", "home", "building", "subscription", "membership"}
)
_OUTCOME = frozenset({"churn", "churned", "attrition", "attrited", "churnflag"})


def words_of(name: str) -> tuple[str, ...]:
    """The words of a column's name, lower case: "TotalDay_minutes" has three."""
    return tuple(word.lower() for word in _WORDS.findall(name))


def is_sensitive(name: str) -> bool:
    """Whether a name speaks of what a person is rather than of what a customer does."""
    words = set(words_of(name))
    if words & {"age", "ages"} and words & _THINGS_WITH_AGE:
        words -= {"age", "ages"}
    return bool(words & _SENSITIVE) or any(word in name for word in _SENSITIVE_ZH)


def speaks_of_outcome(name: str, label: str) -> bool:
    """Whether a name says that its column was filled in once the outcome was known."""
    words = words_of(name)
    own = words_of(label)
    return bool(_OUTCOME & set(words)) or (
        len(own) > 1 and len(words) >= len(own) and words[: len(own)] == own
    )


def identifies(column: Column, values: Floats, texts: Texts | None) -> str:
    """Why a column names its rows instead of describing them; "" where it doesn't.

    `texts` are the values of a column of choices, None of any other.
    """
    present = values[~np.isnan(values)]
    different = len(np.unique(present))
    share = different / max(len(present), 1)
    words = set(words_of(column.name))
    if texts is not None:
        return _text_identifies(column.name, words, texts, different, share)
    if column.kind == "date" or share < UNIQUE or len(present) < 2 or (present % 1).any():
        return ""
    span = present.max() - present.min()
    if _is_key(column.name, words) or words & _CONTACT:
        return "an identifier by its name, with a value of its own in nearly every row"
    if share == 1.0 and span == len(present) - 1:
        return "a running number"
    long = present.min() >= 1e5 and len(str(int(present.min()))) == len(str(int(present.max())))
    return "whole numbers of one length, each in one row only" if share == 1.0 and long else ""


def _text_identifies(name: str, words: set[str], texts: Texts, different: int, share: float) -> str:
    if different < 2:
        return ""
    person = words & _PERSON or ("name" in words and words & {"first", "last", "full", "sur"})
    contact = words & _CONTACT or any(word in name for word in _CONTACT_ZH)
    if different >= FREE_TEXT_VALUES and (person or (contact and share >= 0.1)):
        return "names or addresses of people"
    sample = [text for text in texts[:2000] if text is not None]
    if np.mean([bool(_EMAIL.fullmatch(text)) for text in sample]) >= FREE_TEXT:
        return "e-mail addresses"
    if share >= UNIQUE or (_is_key(name, words) and share >= FREE_TEXT):
        return "a value of its own in nearly every row"
    if share >= FREE_TEXT and different >= FREE_TEXT_VALUES:
        return "free text: most values occur once"
    return ""


def _is_key(name: str, words: set[str]) -> bool:
    squashed = re.sub(r"[^a-z]", "", name.lower())
    owned = squashed.startswith(_OWNERS) and squashed.endswith(_NUMBERS)
    return bool(words & _KEYS) or owned or any(word in name for word in _CONTACT_ZH[:2])


def single_column_auc(values: Floats, churned: npt.NDArray[np.bool_], seed: int = 0) -> float:
    """Cross-validated AUC of one column alone, whatever the shape of its effect.

    Numbers are cut into bins of equal count, small sets of values (choices too) into themselves;
    "missing" is a value of its own. A row is scored by the churn of other rows in its bin.
    """
    rows = np.arange(len(churned))
    if len(rows) > LEAK_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(len(rows), LEAK_ROWS, replace=False))
    target = churned[rows].astype(np.float64)
    if min(target.sum(), len(target) - target.sum()) < 2:
        return 0.5
    bins = _bins(values[rows])
    scores = np.zeros(len(rows))
    parts = StratifiedKFold(2 if len(rows) < 100 else 5, shuffle=True, random_state=seed)
    for train, test in parts.split(bins[:, None], target):
        size = bins.max() + 1
        count = np.bincount(bins[train], minlength=size)
        left = np.bincount(bins[train], weights=target[train], minlength=size)
        scores[test] = ((left + target.mean()) / (count + 1.0))[bins[test]]
    return float(roc_auc_score(target, scores))


def _bins(values: Floats) -> npt.NDArray[np.int64]:
    known = values[~np.isnan(values)]
    different = np.unique(known)
    if len(different) > 5 * MANY_BINS and len(known):
        different = np.unique(np.quantile(known, np.linspace(0, 1, MANY_BINS + 1)[1:-1]))
    places = np.searchsorted(different, values, side="right")
    return np.where(np.isnan(values), len(different) + 1, places).astype(np.int64)
