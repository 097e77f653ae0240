"""Who sends a request; and a bound on how many unknown keys one address may try."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field

from starlette.requests import Request

from api.domain.keys import Caller, realm_of
from api.errors import Forbidden, NotReady, Unauthenticated
from api.graphql.charging import Charging
from api.graphql.realms import Realms
from api.graphql.transport import Refusal

MOST_REMEMBERED = 10_000


@dataclass
class Authentication:
    """Keys that opened something once are looked up whatever else their address sends.

    So whoever tries keys behind a proxy does not lock out those who have one.
    """

    realms: Realms
    charging: Charging
    _known: OrderedDict[bytes, Caller] = field(default_factory=OrderedDict)
    """By a hash of what they send."""

    def known(self, authorization: str | None) -> Caller | None:
        """Who came with this before; the key may have been revoked since."""
        return self._known.get(_mark(authorization))

    async def caller(self, request: Request) -> Caller:
        """The caller, noted for the access log.

        Raises:
            Refusal: nothing that opens anything, a token that lacks what its role needs, what it
                opens isn't ready, or there came too many from there that opened nothing.
        """
        given = request.headers.get("authorization")
        mark = _mark(given)
        counted = _looked_up(given)
        if counted and mark not in self._known:
            self.charging.require_few_failures(request)
        try:
            caller = await self.realms.caller(given)
        except Unauthenticated as error:
            if counted:
                self.charging.note_failure(request)
            headers = {"WWW-Authenticate": 'Bearer realm="echelon"'}
            raise Refusal(401, error.code, str(error), headers) from None
        except Forbidden as error:
            raise Refusal(403, error.code, str(error)) from None
        except NotReady as error:
            raise Refusal(503, error.code, str(error), {"Retry-After": "5"}) from None
        self._known[mark] = caller
        self._known.move_to_end(mark)
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
        request.state.caller = caller
        return caller


def _mark(authorization: str | None) -> bytes:
    return hashlib.sha256((authorization or "").encode(errors="replace")).digest()


def _looked_up(authorization: str | None) -> bool:
    """Whether finding the holder takes more than a look at the text: only such failures count."""
    key = (authorization or "").partition(" ")[2].strip()
    return realm_of(key) is not None or key.count(".") == 2
