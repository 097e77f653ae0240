"""Signed addresses: an export for some minutes without a key in a header.

The signature covers the path, every parameter, the end and the key in whose name it was given out;
it opens nothing once that key is revoked or has expired.
"""

from __future__ import annotations

import base64
import datetime as dt
import hmac
from collections.abc import Sequence
from urllib.parse import urlencode

from api.domain.personal_data import derive_key
from api.errors import Unauthenticated

LONGEST_SECONDS = 900
SIGNED = ("key", "expires", "signature")
"""The parameters of a signed address, beside those of the export."""
Pairs = Sequence[tuple[str, str]]


def is_signed(query: Pairs) -> bool:
    return any(name in SIGNED for name, _ in query)


def signed_address(
    secret: bytes, path: str, query: Pairs, key_id: int, expires: dt.datetime
) -> str:
    """The address without scheme and host; whoever has it needs no key until `expires`."""
    whole = [*query, ("key", str(key_id)), ("expires", str(int(expires.timestamp())))]
    return f"{path}?{urlencode([*whole, ('signature', _signature(secret, path, whole))])}"


def read_signed(secret: bytes, path: str, query: Pairs, now: dt.datetime) -> tuple[int, Pairs]:
    """The key that an address was signed for, and the export's own parameters.

    Raises:
        Unauthenticated: it was changed, has expired, or was never given out; never says which.
    """
    refusal = Unauthenticated("This address opens nothing, or no longer: ask for a new one.")
    whole = [pair for pair in query if pair[0] != "signature"]
    signatures = [value for name, value in query if name == "signature"]
    expected = _signature(secret, path, whole)
    given = signatures[0] if len(signatures) == 1 else ""
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise refusal
    # Everything that is signed was written by `signed_address`, so the numbers are numbers.
    expires = int(next(value for name, value in whole if name == "expires"))
    left = expires - now.timestamp()
    if not 0 < left <= LONGEST_SECONDS:
        raise refusal
    key_id = int(next(value for name, value in whole if name == "key"))
    return key_id, [pair for pair in whole if pair[0] not in SIGNED]


def _signature(secret: bytes, path: str, whole: Pairs) -> str:
    message = f"{path}?{urlencode(sorted(whole))}".encode()
    digest = hmac.digest(derive_key(secret, "export-urls"), message, "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
