"""The schema: every query in one type, every mutation in another, guards in place."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import strawberry
from graphql import GraphQLObjectType, GraphQLSchema
from graphql.pyutils import Undefined
from strawberry.schema.config import StrawberryConfig

from api.graphql.access import enforce
from api.graphql.audit import AuditQueries
from api.graphql.cases import CaseQueries
from api.graphql.class_changes import ClassChangeQueries
from api.graphql.classifications import ClassificationQueries
from api.graphql.customer_search import CustomerQueries
from api.graphql.explanations import ExplanationQueries
from api.graphql.fields import FieldQueries
from api.graphql.findings import FindingQueries
from api.graphql.guards import GuardQueries
from api.graphql.models import ModelQueries
from api.graphql.monthly import MonthlyQueries
from api.graphql.mutations.attributes import AttributeMutations
from api.graphql.mutations.cases import CaseMutations
from api.graphql.mutations.classifications import ClassificationMutations
from api.graphql.mutations.consents import ConsentMutations
from api.graphql.mutations.customers import CustomerMutations
from api.graphql.mutations.overrides import OverrideMutations
from api.graphql.mutations.policies import PolicyChecks, PolicyMutations
from api.graphql.mutations.relationships import RelationshipMutations
from api.graphql.mutations.segments import SegmentMutations
from api.graphql.mutations.strategies import StrategyMutations
from api.graphql.nearest import NearestQueries
from api.graphql.nodes import NodeQueries
from api.graphql.policies import TierQueries
from api.graphql.policy_documents import PolicyDocumentQueries
from api.graphql.portfolio import PortfolioQueries
from api.graphql.resource_guard import ResourceGuardQueries
from api.graphql.scalars import SCALARS
from api.graphql.scores import ScoreQueries
from api.graphql.segments import SegmentQueries
from api.graphql.simulations import SimulationQueries
from api.graphql.strategies import StrategyQueries

SDL_PATH = Path(__file__).with_name("schema.graphql")


@strawberry.type(
    description="Everything there is to read. A field that a key may not read is null, with an "
    "error that names the scope it needs.",
)
class Query(
    CustomerQueries,
    SegmentQueries,
    ClassificationQueries,
    ClassChangeQueries,
    TierQueries,
    SimulationQueries,
    ExplanationQueries,
    NearestQueries,
    PolicyChecks,
    PolicyDocumentQueries,
    StrategyQueries,
    CaseQueries,
    ResourceGuardQueries,
    GuardQueries,
    FieldQueries,
    FindingQueries,
    ScoreQueries,
    PortfolioQueries,
    MonthlyQueries,
    ModelQueries,
    AuditQueries,
    NodeQueries,
):
    pass


@strawberry.type(
    description="Everything that can be changed. Each answers with `userErrors` where the caller "
    "has something to mend; a missing right is an error that names the scope it needs.",
)
class Mutation(
    CustomerMutations,
    ConsentMutations,
    OverrideMutations,
    PolicyMutations,
    ClassificationMutations,
    RelationshipMutations,
    SegmentMutations,
    AttributeMutations,
    StrategyMutations,
    CaseMutations,
):
    pass


@cache
def _schema() -> strawberry.Schema:
    schema = strawberry.Schema(
        query=Query, mutation=Mutation, config=StrawberryConfig(scalar_map=dict(SCALARS))
    )
    enforce(core(schema))
    _drop_null_defaults(core(schema))
    return schema


def _drop_null_defaults(schema: GraphQLSchema) -> None:
    """Python's way to say that an argument may be left out; in a schema it says nothing."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType):
            for argument in (
                each for field in kind.fields.values() for each in field.args.values()
            ):
                if argument.default_value is None:
                    argument.default_value = Undefined


def core(schema: Any) -> GraphQLSchema:
    built: GraphQLSchema = schema._schema  # Strawberry has no public name for it
    return built


def executable_schema() -> GraphQLSchema:
    return core(_schema())


def sdl() -> str:
    """The schema as text: what `schema.graphql` holds and what users build against."""
    return _schema().as_str() + "\n"
