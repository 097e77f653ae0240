"""The registered models."""

from __future__ import annotations

import datetime as dt

import strawberry
from strawberry.scalars import JSON

from api.db.snapshots import Record
from api.graphql.access import MODELS, STATISTICS
from api.graphql.context import Info
from api.graphql.described import field
from api.graphql.ids import Node, global_id


@strawberry.type(description="A registered version of a model.", directives=[STATISTICS])
class Model(Node):
    name: str = strawberry.field(description="What it predicts: churn or clv.")
    version: int = strawberry.field(description="Its number in the registry.")
    champion: bool = strawberry.field(description="Whether refreshes use it.")
    horizon_days: int = strawberry.field(description="How far it looks.")
    trained_as_of: dt.date = strawberry.field(description="The last day of its training data.")
    registered_at: dt.datetime = strawberry.field(description="When it was registered.")
    metrics: JSON = strawberry.field(description="How well it did, beside the baselines.")


def model(row: Record) -> Model:
    return Model(
        id=global_id("Model", row.id),
        name=row.name,
        version=row.version,
        champion=row.champion,
        horizon_days=row.horizon_days,
        trained_as_of=row.trained_as_of,
        registered_at=row.registered_at,
        metrics=row.metrics,
    )


@strawberry.type
class ModelQueries:
    @field("Registered models: the latest 100 versions of each, newest first.", needs=MODELS)
    async def models(self, info: Info) -> list[Model] | None:
        return [model(row) for row in await info.context.loaders.models.all()]
