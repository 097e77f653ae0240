"""Which document a request means: its own text, a stored one, or one it sent before.

Stored documents (`documentId`) are in the database and answer in every process. Persisted queries
(`extensions.persistedQuery`) are remembered by each process for itself: one that doesn't know a
hash says so, and the client sends the text along, as it does after a restart.
"""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncEngine

from api.db.trusted_documents import find_document
from api.domain.keys import Caller, DocumentsMode
from api.domain.trusted_documents import hash_of, parse_document_id
from api.errors import EchelonError, Forbidden, InvalidInput, NotFound
from api.graphql.transport import GraphQLRequest

REMEMBERED_CHARACTERS = 8_000_000
MOST_REMEMBERED = 2_000
STORED_SECONDS = 5.0
"""A document that was removed is answered no longer than this."""


class DocumentNotFound(NotFound):
    """No stored document has this id."""

    code = "DOCUMENT_NOT_FOUND"


class DocumentRequired(Forbidden):
    """The caller may send stored documents only."""

    code = "DOCUMENT_REQUIRED"


class DocumentsOff(Forbidden):
    """The caller may not send stored documents."""

    code = "DOCUMENTS_OFF"


class PersistedQueryNotFound(EchelonError):
    """This process does not know the hash; the client sends the text along."""

    code = "PERSISTED_QUERY_NOT_FOUND"


class PersistedQueryNotSupported(EchelonError):
    """The caller may not use persisted queries."""

    code = "PERSISTED_QUERY_NOT_SUPPORTED"


class PersistedQueryMismatch(InvalidInput):
    """The hash is not that of the text it came with."""

    code = "PERSISTED_QUERY_MISMATCH"


class Texts:
    """Texts by their hashes, the latest used, within bounds of number and size."""

    def __init__(
        self, most: int = MOST_REMEMBERED, characters: int = REMEMBERED_CHARACTERS
    ) -> None:
        self._most, self._characters = most, characters
        self._size = 0
        self._texts: OrderedDict[bytes, tuple[float, str]] = OrderedDict()

    def get(self, sha256: bytes, since: float = 0.0) -> str | None:
        """The text, if it was put there at `since` or later."""
        put_at, text = self._texts.get(sha256, (-1.0, ""))
        if put_at < since:
            return None
        self._texts.move_to_end(sha256)
        return text

    def put(self, sha256: bytes, text: str, at: float = 0.0) -> None:
        self._size += len(text) - len(self._texts.get(sha256, (0.0, ""))[1])
        self._texts[sha256] = (at, text)
        self._texts.move_to_end(sha256)
        while len(self._texts) > self._most or self._size > self._characters:
            _, (_, dropped) = self._texts.popitem(last=False)
            self._size -= len(dropped)


@dataclass
class TrustedDocuments:
    engine: AsyncEngine
    people: DocumentsMode = "allow"
    """What people may send; keys have a mode of their own."""
    seconds: Callable[[], float] = time.monotonic
    _stored: Texts = field(default_factory=Texts)
    _persisted: Texts = field(default_factory=Texts)

    def mode_of(self, caller: Caller) -> DocumentsMode:
        return self.people if caller.key_id is None else caller.documents

    async def text(self, asked: GraphQLRequest, mode: DocumentsMode) -> str:
        """The document of a request.

        Raises:
            EchelonError: it can't be had, or the caller may not ask for it so.
        """
        if asked.document_id is not None:
            return await self._by_id(asked.document_id, mode)
        if asked.persisted is not None:
            return await self._by_hash(asked.persisted, asked.query, mode)
        if mode == "only":
            raise DocumentRequired(
                "This key sends stored documents only, by their `documentId`. Documents are stored "
                "with: echelon documents add"
            )
        return asked.query

    def keep(self, asked: GraphQLRequest) -> None:
        """Remember a persisted query whose text proved to be a valid document."""
        if asked.persisted is not None and asked.query:
            self._persisted.put(asked.persisted, asked.query)

    async def _by_id(self, text: str, mode: DocumentsMode) -> str:
        if mode == "off":
            raise DocumentsOff("This key sends documents as they are, not by `documentId`.")
        sha256 = parse_document_id(text)
        found = None if sha256 is None else await self._find(sha256)
        if found is None:
            raise DocumentNotFound(
                "No document is stored by this id. An id is sha256: and the 64 hexadecimal digits "
                "of the hash of its text; documents are stored with: echelon documents add"
            )
        return found

    async def _by_hash(self, sha256: bytes, query: str, mode: DocumentsMode) -> str:
        if mode == "off":
            raise PersistedQueryNotSupported("PersistedQueryNotSupported")
        if query and not hmac.compare_digest(hash_of(query), sha256):
            raise PersistedQueryMismatch("The hash is not the SHA-256 of the query beside it.")
        if mode == "only":
            found = await self._find(sha256)
            if found is None:
                raise PersistedQueryNotSupported("PersistedQueryNotSupported")
            return found
        found = query or self._persisted.get(sha256) or await self._find(sha256)
        if not found:
            # Clients know this by its message or by its code; both are fixed by convention.
            raise PersistedQueryNotFound("PersistedQueryNotFound")
        return found

    async def _find(self, sha256: bytes) -> str | None:
        now = self.seconds()
        found = self._stored.get(sha256, now - STORED_SECONDS)
        if found is None:
            found = await find_document(self.engine, sha256)
            if found is not None:
                self._stored.put(sha256, found, now)
        return found
