"""Texts, bodies and headers that hypothesis makes up: refused with a code, never with a 5xx."""

from __future__ import annotations

import json
from typing import Any

import httpx
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzz.conftest import SAME_EACH_TIME

ANSWERS = ("application/json", "application/graphql-response+json")
WORDS = """{ } ( ) [ ] ... : = ! | & @ $ # , " \\" query mutation subscription fragment on null true
  - 1e9 __typename __schema customers first node id $x @skip -0 0x1 \\u0000 \\u{10FFFF}"""
TOKENS = st.sampled_from(
    [*WORDS.split(), '"""', "\n", "\ufeff", "\u2028", "\ud7ff", "\uffff", "é", "👩", "ﬁ", "\u202e"]
)
SOUP = st.lists(TOKENS, max_size=60).map(" ".join)
NESTS = st.builds(
    lambda opening, closing, depth, core: opening * depth + core + closing * depth,
    st.sampled_from(["{a", "{a{", "[", "(x:[", "{...on Query", "query{a(x:{y:"]),
    st.sampled_from(["}", "]", ")", "})", ""]),
    st.integers(1, 800),
    st.sampled_from(["", "b", "1", "$x", '"']),
)
ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=20)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats() | ANY_TEXT,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
ENTRIES = st.sampled_from(
    ["query", "variables", "operationName", "extensions", "documentId", "id", "x"]
)
BODIES = (
    st.dictionaries(ENTRIES, ANY_JSON | st.just("{ __typename }"), max_size=5)
    .map(json.dumps)
    .map(str.encode)
    | ANY_JSON.map(json.dumps).map(str.encode)
    | st.binary(max_size=200)
)
ODD_BODIES = (
    b"[" * 60_000,
    b'{"query":' * 20_000,
    b'{"query":"{a}","variables":{"n":' + b"9" * 9_000 + b"}}",
    b'{"query":"{a}","variables":{"n":1e99999}}',
    b'{"query":"{ __typename }","query":"{ x }"}',
    b'\xef\xbb\xbf{"query":"{ __typename }"}',
    '{"query":"{ __typename }"}'.encode("utf-16"),
    b'{"query":"{ __typename } #\xff"}',
    b'{"query":"{ __typename } #\\ud800"}',
    b'{"query":"{ __typename }"}\x00',
    b"",
)
HEADER_TEXTS = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60
).map(lambda text: text.strip().encode("latin-1"))
ODD_HEADERS = st.sampled_from(
    (
        b"*/*;q=nan",
        b"application/json;q=-1",
        b"application/json;q=1e309",
        b"application/json;q=\xb2",
        b"application/json; charset=utf-7",
        b"application/json; charset=\xff",
        b"gzip;q=0, *",
        b"zh;q=;,;;",
        b"en," * 2_000,
        b"Bearer",
        b"Bearer \xff",
        b"gzip",
        b"bytes=0-",
        b"00-0-0-0",
        b"00-" + b"f" * 32 + b"-" + b"0" * 16 + b"-ff",
    )
)
HEADER_NAMES = """Accept Accept-Language Accept-Encoding Content-Type Content-Encoding Authorization
  Origin Traceparent Tracestate If-None-Match Range X-Request-Id Cookie Forwarded X-Forwarded-For
  Access-Control-Request-Method"""
HEADERS = st.dictionaries(
    st.sampled_from(HEADER_NAMES.split()), HEADER_TEXTS | ODD_HEADERS, min_size=1, max_size=4
)


def require_coded(answer: httpx.Response) -> None:
    """A GraphQL answer of ours, and nothing in it that says that we failed."""
    assert answer.status_code < 500, answer.text
    assert answer.headers["content-type"].split(";")[0] in ANSWERS
    content: dict[str, Any] = answer.json()
    assert content.get("data") is not None or content["errors"]
    codes = [error["extensions"]["code"] for error in content.get("errors", ())]
    assert all(codes)
    assert not {"INTERNAL", "TIMEOUT"} & set(codes), answer.text


@SAME_EACH_TIME
@given(query=SOUP | NESTS)
@example("query" + "{a" * 400 + "}" * 400)
@example("{ a(x: " + "-" + "9" * 10_000 + ") }")
@example('"""' * 500)
@example("{ a } " * 600)
@example("fragment F on Query { ...F } { ...F }")
@example("query Q($x: [[[[[[[[Int]]]]]]]] = [[[[[[[[1]]]]]]]]) { __typename }")
def test_any_text_as_a_document_is_answered_with_a_code(client: httpx.Client, query: str) -> None:
    require_coded(client.post("/graphql", json={"query": query}))


@SAME_EACH_TIME
@given(body=BODIES)
def test_any_bytes_as_a_body_are_answered_with_a_code(client: httpx.Client, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    require_coded(client.post("/graphql", content=body, headers=headers))


def test_bodies_that_servers_stumble_over(client: httpx.Client) -> None:
    for body in ODD_BODIES:
        headers = {"Content-Type": "application/json"}
        require_coded(client.post("/graphql", content=body, headers=headers))


@SAME_EACH_TIME
@given(headers=HEADERS)
def test_any_headers_are_answered_with_a_code(
    client: httpx.Client, headers: dict[str, bytes]
) -> None:
    body = b'{"query": "{ customers(first: 1) { edges { node { externalId } } } }"}'
    given = {"Content-Type": b"application/json"} | headers
    require_coded(client.post("/graphql", content=body, headers=given))


@SAME_EACH_TIME
@given(variables=st.dictionaries(st.sampled_from(["n", "f", "o", "id"]), ANY_JSON, max_size=4))
def test_any_variables_are_answered_with_a_code(
    client: httpx.Client, variables: dict[str, Any]
) -> None:
    query = """query ($n: Int, $f: CustomerFilter, $o: [CustomerOrder!], $id: ID = "x") {
      customers(first: $n, filter: $f, orderBy: $o) { totalCount } node(id: $id) { id } }"""
    body = json.dumps({"query": query, "variables": variables}).encode()
    headers = {"Content-Type": "application/json"}
    require_coded(client.post("/graphql", content=body, headers=headers))
