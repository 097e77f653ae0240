"""Whoever lets people in by their tokens, with an issuer and a clock of a test's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import structlog

from api.domain.keys import Caller
from api.graphql.issuer import IssuerKeys
from api.graphql.people import Claims, People
from tests.api.conftest import clock
from tests.api.issuer import AUDIENCE, ISSUER, JWKS, Issuer

CLAIMS = Claims(roles="roles", owner="owner", name="sub")
SILENT = structlog.wrap_logger(structlog.ReturnLogger())


class Clockwork:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Door:
    issuer: Issuer
    people: People
    seconds: Clockwork

    async def caller(self, text: str) -> Caller:
        return await self.people.caller(text)


def door(claims: Claims = CLAIMS, *, jwks_url: str = JWKS, **issuer: Any) -> Door:
    made, seconds = Issuer(**issuer), Clockwork()
    keys = IssuerKeys(ISSUER, jwks_url, made.client(), SILENT, seconds=seconds)
    return Door(made, People(ISSUER, AUDIENCE, claims, keys, clock), seconds)
