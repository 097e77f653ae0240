"""A GraphQL server with three keys and one customer: enough to try the page's manners."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError, build_schema, graphql
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from api.web.pages import CONTENT_SECURITY_POLICY, GRAPHIQL_DIR, graphiql_shell

FULL, NARROW = "a key with every scope", "a key that may not read the schema"

SDL = """
enum Field { CLV }
enum Direction { DESC }
enum Language { EN ZH_HANS }
input Order { field: Field! direction: Direction! }
input Number { gte: Float }
input Filter { churnProbability: Number }
type Reason { code: String! text(language: Language): String! }
type Tier { tier: String! since: String! reasons: [Reason!]! }
type Prediction { churnProbability: Float! clv: String! clvLow: String clvHigh: String
  modelVersion: String! asOf: String! reasons: [Reason!]! }
type Segment { key: String! }
type Strategy { key: String! }
type Recommended { strategy: Strategy! priority: Int! reasons: [Reason!]! }
type Customer { externalId: String! tier: Tier prediction: Prediction segments: [Segment!]!
  recommendedStrategies(first: Int!): [Recommended!]! }
type Edge { node: Customer! }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type Customers { edges: [Edge!]! pageInfo: PageInfo! }
type Query { customers(first: Int, filter: Filter, orderBy: [Order!]): Customers! }
"""


class FakeApi:
    """Remembers the `Accept-Language` of each request, newest last."""

    def __init__(self) -> None:
        self.schema = build_schema(SDL)
        self.languages: list[str] = []
        self.app = Starlette(
            routes=[
                Route("/graphql", self.shell, methods=["GET"]),
                Route("/graphql", self.answer, methods=["POST"]),
                Mount("/static/graphiql", StaticFiles(directory=GRAPHIQL_DIR)),
            ]
        )

    async def shell(self, _request: Request) -> Response:
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
        return HTMLResponse(graphiql_shell(), headers=headers)

    async def answer(self, request: Request) -> Response:
        self.languages.append(request.headers["accept-language"])
        key = request.headers["authorization"].removeprefix("Bearer ")
        if key not in (FULL, NARROW):
            return self._refusal("No such key.", "UNAUTHENTICATED", 401)
        body: dict[str, Any] = await request.json()
        if key == NARROW and "__schema" in body["query"]:
            return self._refusal("The key lacks schema:read.", "FORBIDDEN", 403)
        customers = {"edges": [{"node": CUSTOMER}], "pageInfo": {"hasNextPage": False}}
        result = await graphql(
            self.schema,
            body["query"],
            {"customers": lambda _info, **_filters: customers},
            operation_name=body.get("operationName"),
        )
        return JSONResponse(result.formatted)

    def _refusal(self, message: str, code: str, status: int) -> Response:
        error = GraphQLError(message, extensions={"code": code})
        return JSONResponse({"errors": [error.formatted]}, status)


def _text(_info: object, language: str | None = None) -> str:
    return "60 天没有购买" if language == "ZH_HANS" else "No purchase for 60 days"


CUSTOMER = {
    "externalId": "C-17",
    "tier": {
        "tier": "gold",
        "since": "2026-01-01",
        "reasons": [{"code": "clv.at_least", "text": _text}],
    },
    "prediction": {
        "churnProbability": 0.71,
        "clv": "1234.50",
        "modelVersion": "churn:1",
        "asOf": "2026-01-01",
        "reasons": [{"code": "days_since_order", "text": _text}],
    },
    "segments": [{"key": "at-risk"}],
    "recommendedStrategies": lambda _info, **_first: [
        {"strategy": {"key": "win-back"}, "priority": 1, "reasons": []}
    ],
}
