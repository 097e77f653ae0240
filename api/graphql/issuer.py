"""The public keys of whoever issues people's tokens: fetched, kept, and fetched again in time."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet
from structlog.typing import FilteringBoundLogger

from api.errors import IssuerUnreachable
from api.issuer_settings import SAFE_ADDRESS

FRESH_SECONDS = 600.0
"""Keys older than this are fetched again before they are used."""
KEPT_SECONDS = 86_400.0
"""As long they are used though the issuer can't be reached: one that is down locks nobody out."""
AGAIN_SECONDS = 60.0
"""A key that is not known is asked for no more often than this, whoever makes one up."""
FETCH_SECONDS = 10.0
"""For discovery and keys together: all that come meanwhile wait for them."""
MOST_BYTES = 512_000
PUBLIC_KINDS = ("RSA", "EC", "OKP")
DISCOVERY = "/.well-known/openid-configuration"


class IssuerKeys:
    """Keys by their ids. Only public ones for signatures count, whatever the issuer publishes."""

    def __init__(
        self,
        issuer: str,
        jwks_url: str,
        client: httpx.AsyncClient,
        logger: FilteringBoundLogger,
        *,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._url = jwks_url
        self._client = client
        self._logger = logger
        self._seconds = seconds
        self._keys: KeySet | None = None
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def key(self, kid: str | None) -> Key | None:
        """The key of this id; without one, the only key there is.

        Raises:
            IssuerUnreachable: no key was ever fetched, or none for a day.
        """
        if self._age() > FRESH_SECONDS:
            await self._refresh(FRESH_SECONDS)
        found = self._find(kid)
        if found is None and await self._refresh(0.0):
            found = self._find(kid)
        return found

    async def count(self) -> int:
        """How many keys there are.

        Raises:
            IssuerUnreachable: they can't be fetched.
        """
        await self._refresh(FRESH_SECONDS)
        return len(list(self._known()))

    async def close(self) -> None:
        await self._client.aclose()

    def _age(self) -> float:
        return self._seconds() - self._fetched_at

    def _find(self, kid: str | None) -> Key | None:
        keys = list(self._known())
        if kid is None:
            return keys[0] if len(keys) == 1 else None
        return next((key for key in keys if key.kid == kid), None)

    def _known(self) -> KeySet:
        if self._keys is None or self._age() > KEPT_SECONDS:
            raise IssuerUnreachable(
                "The tokens of people can't be checked: their issuer can't be reached. Keys work "
                "as ever; try again in a minute."
            )
        return self._keys

    async def _refresh(self, age: float) -> bool:
        """Fetch keys that are older than this; whether that was tried and done."""
        async with self._fetching:
            if self._age() <= age or self._seconds() - self._tried_at < AGAIN_SECONDS:
                return False
            self._tried_at = self._seconds()
            try:
                async with asyncio.timeout(FETCH_SECONDS):
                    self._keys = await self._fetch()
            except (
                httpx.HTTPError,
                JoseError,
                TimeoutError,
                ValueError,
                TypeError,
                KeyError,
            ) as error:
                self._logger.warning("issuer_keys_not_fetched", error=type(error).__name__)
                return False
            self._fetched_at = self._seconds()
            return True

    async def _fetch(self) -> KeySet:
        url = self._url or await self._discovered()
        found = [
            JWKRegistry.import_key(each)
            for each in (await self._get(url))["keys"]
            if each.get("kty") in PUBLIC_KINDS and each.get("use", "sig") == "sig"
        ]
        return KeySet(found)

    async def _discovered(self) -> str:
        document = await self._get(self._issuer.rstrip("/") + DISCOVERY)
        if document["issuer"] != self._issuer:
            raise ValueError("the discovery document is of another issuer")
        url = str(document["jwks_uri"])
        if not SAFE_ADDRESS.match(url):
            raise ValueError("its keys are at no safe address")
        return url

    async def _get(self, url: str) -> dict[str, Any]:
        content = bytearray()
        async with self._client.stream("GET", url) as answer:
            answer.raise_for_status()
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > MOST_BYTES:
                    raise ValueError("the answer is too long")
        found: dict[str, Any] = json.loads(content)
        return found
