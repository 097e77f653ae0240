"""What a setting must look like; the messages name what would do."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")


def known_zone(value: str) -> str:
    """Raises:
    ValueError: there is no such time zone.
    """
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is not an IANA time zone, such as Europe/Berlin") from None
    return value


def exact_origins(value: str) -> str:
    """Raises:
    ValueError: one of the comma-separated parts is no origin.
    """
    for each in filter(None, (part.strip() for part in value.split(","))):
        if not ORIGIN.fullmatch(each):
            raise ValueError(
                f"{each!r} is not an origin: a scheme, a host in lower case and perhaps a "
                "port, such as https://app.example.com"
            )
        usual, _, port = each.rpartition(":")
        if (usual.partition(":")[0], port) in (("http", "80"), ("https", "443")):
            raise ValueError(f"{each!r}: browsers leave this port out; write {usual}")
    return value
