"""Cursors of the score feed: a signed part that is the same for a whole pull, and a revision.

The signature ties a cursor to one filter and to what its holder was told so far. The revision
behind it is plain, so that a cursor for each of a million rows costs no signature; another number
there only makes its holder miss or repeat scores that they may read anyway.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re

from api.errors import CursorExpired, InvalidCursor

SIGNATURE_BYTES = 16
KNOWN_BYTES = 8
_SHAPE = re.compile(r"([A-Za-z0-9_-]{32})\.(0|[1-9][0-9]{0,18})")
LARGEST_REVISION = 2**63 - 1


class FeedCursors:
    """Writes places in the feed as cursors and reads them back, those of `previous` keys too."""

    def __init__(self, key: bytes, *previous: bytes) -> None:
        self._keys = (key, *previous)

    @property
    def key(self) -> bytes:
        """What new cursors are signed with."""
        return self._keys[0]

    def prefix(self, listing: str, known: int) -> str:
        """What every cursor of this pull begins with; the revision follows."""
        payload = known.to_bytes(KNOWN_BYTES, "big")
        return base64.urlsafe_b64encode(self._sign(listing, payload) + payload).decode() + "."

    def encode(self, listing: str, known: int, revision: int) -> str:
        return f"{self.prefix(listing, known)}{revision}"

    def decode(self, listing: str, cursor: str) -> tuple[int, int]:
        """The revision read so far, and the one known of when the pull began.

        Raises:
            InvalidCursor: it is of another filter, or was never given out.
        """
        found = _SHAPE.fullmatch(cursor)
        signed = _decoded(found[1]) if found else b""
        signature, payload = signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:]
        genuine = any(
            hmac.compare_digest(signature, self._sign(listing, payload, place))
            for place in range(len(self._keys))
        )
        if found is None or not genuine or int(found[2]) > LARGEST_REVISION:
            raise InvalidCursor(
                "This cursor is not one of the score feed with this filter: a cursor works with "
                "the filter that it was given out for."
            )
        return int(found[2]), int.from_bytes(payload, "big")

    def _sign(self, listing: str, payload: bytes, place: int = 0) -> bytes:
        message = listing.encode() + b"\0" + payload
        return hmac.digest(self._keys[place], message, "sha256")[:SIGNATURE_BYTES]


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (UnicodeError, binascii.Error):
        return b""


def expired() -> CursorExpired:
    return CursorExpired(
        "This cursor is too old: ends of scores that it has not seen are gone. Start anew without "
        "`after`, and replace everything you hold by what comes."
    )
