"""Classifications as documents: read, checked, and put in the order in which they are decided."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from api.domain.classes.definitions import (
    NO_VALUE,
    OWN_COLUMNS,
    RFM_SCORES,
    Classification,
    ClassValue,
    class_field,
    score_name,
)
from api.domain.classes.kinds import KINDS, Reading
from api.domain.documents import Bilingual, description_of, entries, key_of, name_of
from api.domain.fields import Field, find_field, nearest, shown
from api.domain.rules import EVERYONE, fields_of, parse_rule
from api.domain.scores import score_field
from api.errors import InUse, InvalidInput

VALUE_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
MOST_VALUES = 60
OWN_KINDS = {"rfm_group": "rfm", "lifecycle_stage": "lifecycle"}
"""What else the profile shows of these two, such as scores, comes from their kind."""
DECIDED_LATER = ("tier", "tier_rank", "segment")
ENTRIES = ("key", "kind", "name", "description", "values")
OPTIONAL = ("among", "outside", "needs")


@dataclass(frozen=True)
class _Heading:
    """What other classifications need to know of one before it is read."""

    key: str
    name: Bilingual
    values: tuple[ClassValue, ...]
    path: str


def parse_classifications(
    documents: Sequence[object],
    fields: Mapping[str, Field],
    exponent: int,
    paths: Sequence[str] | None = None,
) -> tuple[Classification, ...]:
    """Read documents that may read each other's classes, in the order to decide them in.

    `fields` are the known ones without `class.*`, which the documents themselves add. `paths` are
    what messages call the documents, else `classes[0]` and so on.

    Raises:
        InvalidInput: names the path and the way out; of a cycle, the classifications in it.
    """
    named = paths or [f"classes[{place}]" for place in range(len(documents))]
    headings = [_heading(each, path) for each, path in zip(documents, named, strict=True)]
    seen: set[str] = set()
    for each in headings:
        if each.key in seen:
            raise InvalidInput(f"{each.path}.key: the key {each.key!r} is there twice.")
        seen.add(each.key)
    known = dict(fields)
    for each, document in zip(headings, documents, strict=True):
        if each.key not in OWN_COLUMNS:
            known[f"class.{each.key}"] = class_field(each.key, each.name, each.values)
        if isinstance(document, Mapping) and document["kind"] == "weighted":
            known[score_name(each.key)] = replace(
                score_field(each.key, each.name), name=score_name(each.key)
            )
    parsed = [
        _classification(document, heading, known, exponent)
        for document, heading in zip(documents, headings, strict=True)
    ]
    ordered = _ordered(parsed)
    _check_own_columns(ordered, {each.key: each.path for each in headings})
    return ordered


def _check_own_columns(ordered: Sequence[Classification], paths: Mapping[str, str]) -> None:
    """Everybody who may read customers sees these three."""
    personal: set[str] = set()
    for each in ordered:
        read = next(
            (name for name, field in each.reads.items() if field.sensitive or name in personal),
            None,
        )
        if read is None:
            continue
        personal.add(each.field_name)
        if each.key in OWN_COLUMNS:
            raise InvalidInput(
                f"{paths[each.key]}: {each.key} is shown to whoever may read customers, so it may "
                f"not rest on sensitive data, as {read} does; give this one another key."
            )


def parse_classification(
    document: object,
    others: Sequence[object],
    fields: Mapping[str, Field],
    exponent: int,
) -> Classification:
    """Read one document among those it stands beside; one of them with its key is replaced.

    Raises:
        InvalidInput: as `parse_classifications`; the path begins with `document`.
        InUse: the document is sound, but another one needs what it takes away.
    """
    heading = _heading(document, "document")
    beside = [each for each in others if not _has_key(each, heading.key)]
    paths = ["document", *(f"class[{place}]" for place in range(len(beside)))]
    try:
        parsed = parse_classifications([document, *beside], fields, exponent, paths)
    except InvalidInput as error:
        path, _, problem = str(error).partition(": ")
        if not path.startswith("class["):
            raise
        needing = beside[int(path.removeprefix("class[").partition("]")[0])]
        raise InUse(
            f"document: the classification {_key(needing)} needs what this takes away: {problem}"
        ) from None
    return next(each for each in parsed if each.key == heading.key)


def classification_fields(
    classifications: Iterable[Classification],
) -> tuple[Field, ...]:
    """The fields `class.KEY`; what reads something that may not decide a tier may not either."""
    barred: set[str] = set()
    made = []
    for each in classifications:  # in the order of decision, so what is read has been looked at
        decides = all(
            field.decides_tiers and name not in barred for name, field in each.reads.items()
        )
        if not decides:
            barred.add(each.field_name)
        if each.key not in OWN_COLUMNS:
            made.append(class_field(each.key, each.name, each.values, decides_tiers=decides))
    return tuple(made)


def _key(document: object) -> object:
    return document.get("key") if isinstance(document, Mapping) else None


def _has_key(document: object, key: str) -> bool:
    return _key(document) == key


def _heading(document: object, path: str) -> _Heading:
    if not isinstance(document, Mapping):
        raise InvalidInput(f"{path}: takes a mapping, not {shown(document)}.")
    for name in ENTRIES:
        if name not in document:
            raise InvalidInput(f"{path}: lacks the entry {name!r}.")
    key = key_of(document, path)
    return _Heading(key, name_of(document, path), _values(document["values"], key, path), path)


def _values(content: object, key: str, path: str) -> tuple[ClassValue, ...]:
    if not isinstance(content, list) or not 1 <= len(content) <= MOST_VALUES:
        raise InvalidInput(f"{path}.values: takes a list of 1 to {MOST_VALUES} values.")
    found: dict[str, ClassValue] = {}
    for place, each in enumerate(content):
        inner = f"{path}.values[{place}]"
        for name in ("key", "name"):
            if not isinstance(each, Mapping) or name not in each:
                raise InvalidInput(f"{inner}: lacks the entry {name!r}.")
        value = each["key"]
        if not isinstance(value, str) or not VALUE_KEY.fullmatch(value):
            raise InvalidInput(
                f"{inner}.key: takes up to 40 letters, digits and underscores, not {shown(value)}."
            )
        if value in found:
            raise InvalidInput(f"{inner}.key: the value {value!r} of {key} is there twice.")
        found[value] = ClassValue(value, name_of(each, inner))
    return tuple(found.values())


def _classification(
    document: Any, heading: _Heading, fields: Mapping[str, Field], exponent: int
) -> Classification:
    path = heading.path
    kind = KINDS.get(document["kind"]) if isinstance(document["kind"], str) else None
    if kind is None:
        hint = nearest(document["kind"], KINDS)
        raise InvalidInput(f"{path}.kind: there is no kind {shown(document['kind'])}{hint}.")
    optional = (*OPTIONAL, *kind.optional)
    parts = entries(document, path, (*ENTRIES, *kind.required), optional)
    for place, each in enumerate(parts["values"]):
        entries(each, f"{path}.values[{place}]", ("key", "name"), kind.of_values)
    _check_own_values(heading, document["kind"], fields)
    reading = Reading(parts, heading.values, fields, exponent, path)
    read = kind.read(reading)
    found = Classification(
        heading.key,
        heading.name,
        description_of(parts, path),
        document["kind"],
        read,
        heading.values,
        parse_rule(parts["among"], fields, exponent, f"{path}.among")
        if "among" in parts
        else EVERYONE,
        _outside(parts, reading, path),
        _needs(parts.get("needs", []), fields, path),
        kind.transitions(reading) if kind.transitions is not None else None,
    )
    _check_what_is_read(found, path)
    return found


def _outside(parts: Mapping[str, Any], reading: Reading, path: str) -> int:
    if "outside" not in parts:
        return NO_VALUE
    if "among" not in parts:
        raise InvalidInput(f"{path}.outside: nobody is outside without an `among`.")
    return reading.place_of(parts["outside"], f"{path}.outside")


def _needs(content: object, fields: Mapping[str, Field], path: str) -> dict[str, Field]:
    if not isinstance(content, list):
        raise InvalidInput(f"{path}.needs: takes a list of fields.")
    found = (
        find_field(each, fields, f"{path}.needs[{place}]") for place, each in enumerate(content)
    )
    return {each.name: each for each in found}


def _check_own_values(heading: _Heading, kind: str, fields: Mapping[str, Field]) -> None:
    """The values of these three are part of the public contract."""
    if kind != OWN_KINDS.get(heading.key, kind):
        raise InvalidInput(f"{heading.path}.kind: {heading.key} is of kind "
                           f"{OWN_KINDS[heading.key]}; give this one another key.")  # fmt: skip
    if heading.key in OWN_COLUMNS:
        known = [each.value for each in fields[heading.key].choices]
        for place, each in enumerate(heading.values):
            if each.key not in known:
                raise InvalidInput(
                    f"{heading.path}.values[{place}].key: {heading.key} has fixed values, not "
                    f"{shown(each.key)}{nearest(each.key, known)}; give a classification with "
                    "values of your own another key."
                )


def _check_what_is_read(found: Classification, path: str) -> None:
    read = {**found.reads, **fields_of(found.among)}
    for name, field in read.items():
        if name in DECIDED_LATER or field.many or name.startswith("score."):
            raise InvalidInput(f"{path}: reads {name}, which is decided after the classes.")


def _ordered(parsed: Sequence[Classification]) -> tuple[Classification, ...]:
    """Each after those it reads, else by key, so that the order of documents is of no account."""
    by_key = {each.key: each for each in sorted(parsed, key=lambda each: each.key)}
    made_by = {each.field_name: each.key for each in parsed}
    made_by |= {score_name(each.key): each.key for each in parsed if each.kind_name == "weighted"}
    if "rfm_group" in by_key:
        made_by |= dict.fromkeys(RFM_SCORES, "rfm_group")
    done: dict[str, Classification] = {}

    def visit(key: str, above: tuple[str, ...]) -> None:
        if key in above:
            circle = " -> ".join([*above[above.index(key) :], key])
            raise InvalidInput(f"document: classes read each other in a circle: {circle}.")
        if key in done:
            return
        for name in by_key[key].reads:
            if name in made_by:
                visit(made_by[name], (*above, key))
        done[key] = by_key[key]

    for key in by_key:
        visit(key, ())
    return tuple(done.values())
