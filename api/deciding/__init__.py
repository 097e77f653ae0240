"""One vectorised pass over all customers: columns in, the publication of a refresh out."""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa

from api.columns import customer_columns, measure_columns, prediction_columns
from api.db.arrow_columns import by_customer
from api.db.catalogue import Catalogue
from api.db.population import Population
from api.db.publish import Publication
from api.deciding.classes import (
    class_changes,
    classes_before,
    decide_classes,
    drawn,
    profiles,
)
from api.deciding.occasion import Deciding, Occasion
from api.deciding.predictions import publishable_predictions
from api.deciding.segments import decide_memberships, departures, segments_read
from api.deciding.strategies import decide_recommendations
from api.deciding.tiers import decide_tiers

__all__ = ["Occasion", "Scored", "decide"]


class Scored(Protocol):
    """What scoring returns; columns as in `ml.contracts`."""

    @property
    def measures(self) -> pa.Table: ...

    @property
    def predictions(self) -> pa.Table: ...


def decide(
    scored: Scored,
    population: Population,
    catalogue: Catalogue,
    occasion: Occasion,
) -> Publication:
    """Classes, tiers, segments and strategies of every customer known at the occasion's day.

    Classes come first, then tiers, segments and strategies: each may read what was decided before.
    """
    measures = by_customer(scored.measures)
    ids = measures["customer_id"].to_numpy()
    predictions = publishable_predictions(scored.predictions, occasion)
    columns = measure_columns(measures) | prediction_columns(predictions, ids)
    zone = occasion.installation.time_zone
    columns |= customer_columns(population, ids, occasion.cutoff, zone)
    deciding = Deciding(columns, ids, population, catalogue, occasion)
    classified = decide_classes(deciding)
    before = classes_before(deciding)
    return Publication(
        profiles=profiles(deciding, classified, before),
        class_changes=class_changes(deciding, classified, before),
        classifications=drawn(deciding, classified),
        predictions=predictions,
        tiers=decide_tiers(deciding),
        memberships=decide_memberships(deciding),
        recommendations=decide_recommendations(deciding),
        departures=departures(deciding),
        segments=segments_read(deciding),
    )
