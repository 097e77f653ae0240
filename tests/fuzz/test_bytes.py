"""What arrives on a connection: cut anywhere, or with a byte that does not belong."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from itertools import pairwise

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.conftest import SAME_EACH_TIME
from tests.live import Site

STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
HEAD = b"POST /graphql HTTP/1.1\r\nHost: echelon\r\nContent-Type: application/json\r\n"
BODY = b'{"query": "{ __typename }"}'
SMUGGLED = b"POST /metrics HTTP/1.1\r\nHost: echelon\r\n\r\n"
QUIET_SECONDS = 0.25


def stream(key: str) -> bytes:
    """Three requests in one go: with a length, in chunks, and the last one."""
    head = HEAD + f"Authorization: Bearer {key}\r\n".encode()
    half, other = BODY[:9], BODY[9:]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (half, other, b""))
    return (
        head
        + b"Content-Length: %d\r\n\r\n" % len(BODY)
        + BODY
        + head
        + b"Transfer-Encoding: chunked\r\n\r\n"
        + chunks
        + head
        + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY)
        + BODY
    )


def exchange(site: Site, pieces: Sequence[bytes], quiet_seconds: float = 5.0) -> bytes:
    """What comes back until the server hangs up, or says nothing for a while."""
    host, port = site.address.removeprefix("http://").split(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=quiet_seconds) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                connection.sendall(piece)
            while more := connection.recv(65_536):
                answer += more
        except (TimeoutError, ConnectionError):
            pass
    return answer


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in STATUS.findall(answer)]


@settings(SAME_EACH_TIME, max_examples=60)
@given(cuts=st.lists(st.integers(0, 700), max_size=12))
def test_requests_may_come_in_any_pieces(site: Site, cuts: list[int]) -> None:
    whole = stream(site.keys["frontend"])
    places = [0, *sorted(cuts), len(whole)]
    pieces = [whole[start:end] for start, end in pairwise(places)]
    answer = exchange(site, [piece for piece in pieces if piece])
    assert statuses(answer) == [200, 200, 200]
    assert answer.count(b'{"data":{"__typename":"Query"}') == 3


@settings(SAME_EACH_TIME, max_examples=60)
@given(place=st.floats(0, 1), byte=st.binary(max_size=2), gone=st.integers(0, 3))
def test_a_byte_that_does_not_belong_is_no_fault_of_ours(
    site: Site, place: float, byte: bytes, gone: int
) -> None:
    whole = stream(site.keys["frontend"])
    at = round(place * len(whole))
    answer = exchange(site, [whole[:at] + byte + whole[at + gone :]], QUIET_SECONDS)
    assert all(status < 500 for status in statuses(answer)), answer


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 27\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"Content-Length: 27\r\nContent-Length: 0\r\n\r\n" + BODY + SMUGGLED,
        b"Content-Length: +27\r\n\r\n" + BODY,
        b"Content-Length: 0x1b\r\n\r\n" + BODY,
        b"Content-Length: 99999999999999999999\r\n\r\n" + BODY,
        b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + BODY,
        b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + BODY,
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"Transfer-Encoding: chunked\r\n\r\n1b\r\n" + BODY + b"0\r\n\r\n",
        b"Content-Length: 27\r\nX: a\x00b\r\n\r\n" + BODY,
        b"Content-Length: 27\r\nX : a\r\n\r\n" + BODY,
        b"Content-Length: 27\r\n folded\r\n\r\n" + BODY,
        b"Content-Length: 27\nX: y\n\n" + BODY,
    ],
)
def test_two_readers_could_not_disagree_where_a_request_ends(site: Site, framing: bytes) -> None:
    """What is unclear about its length is refused; nothing behind it is taken for a request."""
    authorized = f"Authorization: Bearer {site.keys['frontend']}\r\n".encode()
    found = statuses(exchange(site, [HEAD + authorized + framing], QUIET_SECONDS))
    assert found in ([], [200], [400], [411], [413]), found


def test_after_all_this_the_server_answers(site: Site) -> None:
    exchange(site, [b"\x00" * 70_000], QUIET_SECONDS)
    for path in ("/health/live", "/health/ready"):
        assert httpx.get(f"{site.address}{path}").status_code in (200, 503)
    headers = {"Authorization": f"Bearer {site.keys['frontend']}"}
    answer = httpx.post(
        f"{site.address}/graphql", json={"query": "{ __typename }"}, headers=headers
    )
    assert answer.json()["data"] == {"__typename": "Query"}
