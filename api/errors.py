"""Every expected failure of Echelon: a small class, a stable code, a message with the way out."""

from __future__ import annotations


class EchelonError(Exception):
    """An expected failure. Its message is safe to show: it holds no secret and no personal data."""

    code = "ECHELON_ERROR"


class InvalidInput(EchelonError, ValueError):
    """The caller sent something that can't be used; the message names it and what would do."""

    code = "INVALID_INPUT"


class InvalidCursor(InvalidInput):
    """A cursor of another field, order or filter, or none of ours."""

    code = "INVALID_CURSOR"


class CursorExpired(EchelonError):
    """A cursor of the score feed whose holder was never told of ends that are gone by now."""

    code = "CURSOR_EXPIRED"


class NotFound(EchelonError, LookupError):
    """The thing asked for does not exist, or the caller may not know that it does."""

    code = "NOT_FOUND"


class Conflict(EchelonError):
    """The request is sound but something else holds the place: a running refresh, a taken name."""

    code = "CONFLICT"


class InUse(Conflict):
    """Something can't be taken away because something else still needs it."""

    code = "IN_USE"


class Busy(EchelonError):
    """Another change or a publish holds what this one needs; it may be sent again as it is."""

    code = "BUSY"


class TimedOut(EchelonError):
    """It took longer than one request may."""

    code = "TIMEOUT"


class Unauthenticated(EchelonError):
    """No key, or one that does not open anything."""

    code = "UNAUTHENTICATED"


class Forbidden(EchelonError):
    """A known caller without the scope this needs."""

    code = "FORBIDDEN"


class LimitExceeded(EchelonError):
    """The request is larger than one request may be; the message names the limit."""

    code = "LIMIT_EXCEEDED"


class NotReady(EchelonError):
    """The installation lacks something: a database, a schema version, a champion, a secret."""

    code = "NOT_READY"


class IssuerUnreachable(NotReady):
    """Tokens of people can't be checked, as their issuer's keys can't be fetched."""

    code = "ISSUER_UNREACHABLE"
