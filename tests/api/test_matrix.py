"""The matrix of rights: complete, and what each role comes to."""

from __future__ import annotations

import re

import pytest
from graphql import GraphQLField, GraphQLObjectType

from api.domain.keys import SCOPES, Caller
from api.domain.roles import ROLES, rights_of
from api.graphql.access import objects
from api.graphql.matrix import ROUTES, matrix
from tests.api.conftest import Api
from tests.api.test_rights import SCHEMA, SDL, covered


def test_the_matrix_has_every_route_operation_type_and_field() -> None:
    lines = {(line.kind, line.place): line for line in matrix(SCHEMA)}
    for kind in objects(SDL):
        roots = {"Query": "query", "Mutation": "mutation"}
        assert kind.name in roots or ("type", kind.name) in lines
        for name, field in kind.fields.items():
            place = name if kind.name in roots else f"{kind.name}.{name}"
            line = lines[roots.get(kind.name, "field"), place]
            assert line.scopes is not None
            stated = re.findall(r'@requires\(scope: "([\w:]+)"\)', _text(kind, field))
            assert set(stated) <= covered(line.scopes)
            assert "admin" in line.roles


def _text(kind: GraphQLObjectType, field: GraphQLField) -> str:
    nodes = [field.ast_node, kind.ast_node]
    return " ".join(
        f'@requires(scope: "{argument.value.value}")'  # type: ignore[attr-defined]
        for node in nodes
        if node
        for directive in node.directives
        if directive.name.value == "requires"
        for argument in directive.arguments
        if argument.name.value == "scope"
    )


async def test_the_matrix_names_the_routes_there_are(api: Api) -> None:
    served = set()
    for route in api.app.routes:
        methods = getattr(route, "methods", None) or {"GET"}
        served |= {f"{method} {route.path}" for method in methods - {"HEAD"}}  # type: ignore[attr-defined]
    assert served == set(ROUTES)


PERSONAL = re.compile(r"\.(name|email|phone|note|refusalReason|wantedFeature)$")


def test_a_partner_gets_to_scores_and_to_no_contact() -> None:
    reached = {line.place for line in matrix(SCHEMA) if "partner" in line.roles}
    assert "RiskScore.churnProbability" in reached
    assert not {each for each in reached if each.startswith("Customer.")}
    assert [each for each in reached if PERSONAL.search(each)] == []


def test_who_sees_their_own_customers_only_gets_no_numbers_of_everybody() -> None:
    sales = Caller(1, "s", frozenset(ROLES["sales"].scopes), owner="anna")
    assert sales.may("customers:read")
    assert sales.may("rules:read")
    assert not sales.may("statistics:read")
    assert Caller(1, "s", frozenset({"customers:read"})).may("statistics:read")
    told = Caller(1, "s", frozenset({"customers:read", "statistics:read"}), owner="anna")
    assert told.may("statistics:read")


def test_several_roles_come_to_their_scopes_together() -> None:
    assert rights_of(["sales"]).own_customers
    assert rights_of(["sales", "viewer"]).own_customers
    assert not rights_of(["sales", "support"]).own_customers
    assert not rights_of(["sales", "admin"]).own_customers
    assert not rights_of(["partner"]).own_customers
    assert rights_of(["partner", "unheard-of"]).scopes == {"scores:read"}
    assert rights_of([]).scopes == set()


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_role_has_scopes_that_exist(role: str) -> None:
    assert set(ROLES[role].scopes) <= set(SCOPES)
