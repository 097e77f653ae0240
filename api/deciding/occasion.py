"""Under which circumstances a refresh decides, and what its steps hand on to each other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from api.columns import Column, Columns
from api.db.catalogue import Catalogue
from api.db.installation import InstallationFacts
from api.db.population import Population
from api.deciding.reading import read_once
from api.domain.classes import Classification, classification_fields, parse_classifications
from api.domain.fields import Field, known_fields
from api.domain.money import exponent_of
from ml.contracts import cutoff_of


@dataclass(frozen=True)
class Occasion:
    """Under which circumstances a refresh decides."""

    as_of: dt.date
    now: dt.datetime
    installation: InstallationFacts
    churn_horizon_days: int
    clv_horizon_days: int

    @cached_property
    def cutoff(self) -> int:
        return cutoff_of(self.as_of, self.installation.time_zone)

    @cached_property
    def exponent(self) -> int:
        return exponent_of(self.installation.base_currency)

    def day_column(self, rows: int) -> pa.Array:
        return pa.repeat(pa.scalar(self.as_of, pa.date32()), rows)


@dataclass
class Deciding:
    """Everyone's columns on the way: each step adds what it decided for the next ones to read."""

    columns: Columns
    ids: Column
    population: Population
    catalogue: Catalogue
    occasion: Occasion

    @cached_property
    def classifications(self) -> tuple[Classification, ...]:
        """Those in force, in the order in which they are decided."""
        return read_once(
            _parse_classifications,
            [each.document for each in self.catalogue.classes],
            self.occasion.exponent,
            known_fields(self.population.attribute_fields),
        )

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        return known_fields(
            (*self.population.attribute_fields, *classification_fields(self.classifications))
        )


def _parse_classifications(
    documents: Sequence[object], exponent: int, fields: Mapping[str, Field]
) -> tuple[Classification, ...]:
    return parse_classifications(documents, fields, exponent)
