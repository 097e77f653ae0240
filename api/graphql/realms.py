"""The live database and the one with invented customers, each with all that belongs to it.

A request is answered from one of them, which its key's prefix decides. They share no connection,
no secret and no cache, so nothing of one can turn up in the other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from api.audit_keeping import AuditKeeper
from api.domain.audit import Seals
from api.domain.keys import Caller, RealmName, realm_of
from api.domain.personal_data import PersonalDataCipher
from api.errors import Unauthenticated
from api.graphql.businesses import Businesses
from api.graphql.callers import Callers
from api.graphql.pagination import Cursors
from api.simulation_process import Simulator

LOOK_AGAIN_SECONDS = 5.0
REFUSED = "Send a valid key: `Authorization: Bearer KEY`."
"""The same for every key that opens nothing: why is nobody's business."""


@dataclass
class Realm:
    """What belongs to one database: whatever answers a request takes it from its caller's."""

    name: RealmName
    engine: AsyncEngine
    secret: bytes = field(repr=False)
    """Root of every key that this realm signs or encrypts with."""
    businesses: Businesses
    callers: Callers
    cursors: Cursors
    cipher: PersonalDataCipher
    simulator: Simulator
    seals: Seals
    audit: AuditKeeper

    async def close(self) -> None:
        await self.callers.close()
        await self.audit.close()
        await self.engine.dispose()


OpenTest = Callable[[], Awaitable[Realm | None]]


class Tokens(Protocol):
    """People by their tokens, where the installation has an issuer for them."""

    async def caller(self, token: str) -> Caller: ...

    async def close(self) -> None: ...


class Realms:
    """Tells whose request one is, and which realm answers it."""

    def __init__(
        self,
        live: Realm,
        open_test: OpenTest,
        people: Tokens | None = None,
        *,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.live = live
        self.people = people
        self._open_test = open_test
        self._test: Realm | None = None
        self._seconds = seconds
        self._look_again = float("-inf")
        self._opening = asyncio.Lock()

    async def caller(self, authorization: str | None) -> Caller:
        """Who an Authorization header speaks for.

        Raises:
            Unauthenticated: nobody; never says why.
            Forbidden: a person whose token lacks what their role needs.
            NotReady: the test database has another schema, or a token can't be checked now.
        """
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer":
            raise Unauthenticated(REFUSED)
        if self.people is not None and token.count(".") == 2:
            return await self.people.caller(token)
        name = realm_of(token)
        realm = self.live if name == "live" else await self._test_realm() if name else None
        caller = None if realm is None else await realm.callers.holder(token)
        if caller is None:
            raise Unauthenticated(REFUSED)
        return caller

    async def named(self, name: RealmName) -> Realm | None:
        """The realm of this name; none where there is no test database.

        Raises:
            NotReady: the test database has another schema.
        """
        return self.live if name == "live" else await self._test_realm()

    def of(self, caller: Caller) -> Realm:
        """The realm that answers this caller."""
        realm = self.live if caller.realm == "live" else self._test
        if realm is None:
            raise LookupError(f"no realm {caller.realm} is open")
        return realm

    async def _test_realm(self) -> Realm | None:
        """Opened when the first test key comes, as it may be made while the server runs."""
        async with self._opening:
            if self._test is None and self._seconds() >= self._look_again:
                self._look_again = self._seconds() + LOOK_AGAIN_SECONDS
                self._test = await self._open_test()
        return self._test

    async def close(self) -> None:
        for realm in (self.live, self._test):
            if realm is not None:
                await realm.close()
        if self.people is not None:
            await self.people.close()
