"""Documents and bodies that ask for too much, with the codes they are refused with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def chain(length: int, times: int) -> str:
    """Fragments that each spread the next one several times."""
    fragments = [
        f"fragment F{place} on Query {{ {f'...F{place + 1} ' * times} }}" for place in range(length)
    ]
    return "\n".join(["{ ...F0 }", *fragments, f"fragment F{length} on Query {{ __typename }}"])


def nested(depth: int) -> str:
    return "{ a " * depth + "}" * depth


_DOCUMENTS: Mapping[str, tuple[str, str]] = {
    "fragments spread twice, twenty deep": (chain(20, 2), "TOO_MANY_FIELDS"),
    "fragments spread ten times, forty deep": (chain(40, 10), "TOO_MANY_FIELDS"),
    "a circle of fragments": (
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A ...A }",
        "FRAGMENT_CYCLE",
    ),
    "every fragment spreads all": (
        "{ ...F0 }"
        + "".join(
            f" fragment F{n} on Query {{ {' '.join(f'...F{m}' for m in range(20) if m != n)} }}"
            for n in range(20)
        ),
        "FRAGMENT_CYCLE",
    ),
    "a field five hundred times": ("{" + "__typename " * 500 + "}", "TOO_MANY_ROOT_FIELDS"),
    "a field five hundred times in a fragment nobody spreads": (
        "{ __typename } fragment F on Query {" + "__typename " * 500 + "}",
        "TOO_MANY_REPEATS",
    ),
    "one hundred and one aliases": (
        "{" + " ".join(f"a{n}: __typename" for n in range(101)) + "}",
        "TOO_MANY_ALIASES",
    ),
    "aliases below a field": (
        "{ portfolio {" + " ".join(f"a{n}: customers" for n in range(101)) + "} }",
        "TOO_MANY_ALIASES",
    ),
    "aliases in a fragment spread often": (
        "{ portfolio { ...F b { ...F } } } fragment F on Portfolio {"
        + " ".join(f"a{n}: customers" for n in range(60))
        + "}",
        "TOO_MANY_ALIASES",
    ),
    "directives": ("{ __typename " + "@skip(if: false) " * 60 + "}", "TOO_MANY_DIRECTIVES"),
    "many levels": (nested(17), "TOO_DEEP"),
    "hundreds of levels": (nested(300), "TOO_DEEP"),
    "many root fields": (
        "{ a " + " ".join(f"f{n}" for n in range(101)) + "}",
        "TOO_MANY_ROOT_FIELDS",
    ),
    "many tokens": ("{" + "a " * 3_000 + "}", "TOO_MANY_TOKENS"),
    "many comments": ("#\n" * 5_000 + "{ __typename }", "TOO_MANY_TOKENS"),
    "many characters": ("{ __typename }" + " " * 64_000, "DOCUMENT_TOO_LONG"),
    "nested lists": ("{ a(x: " + "[" * 900 + "]" * 900 + ") }", "TOO_DEEP"),
    "many fragments": (
        "{ __typename }" + "".join(f" fragment F{n} on Query {{ a }}" for n in range(51)),
        "TOO_MANY_FRAGMENTS",
    ),
    "pages of pages of pages": (
        "{ segments { members(first: 100) { edges { node { orders(first: 100) { edges { node {"
        " lines { amount } } } } interactions(first: 100) { edges { cursor } } } } } } }",
        "TOO_MANY_NODES",
    ),
    "many fields of many rows": (
        "{ riskScores(first: 5000) { edges { node {"
        + " ".join(f"a{n}: reasons {{ code text }}" for n in range(98))
        + "} } } }",
        "TOO_MANY_VALUES",
    ),
    "many lists of many rows": (
        "{ customers(first: 100) { edges { node {"
        + " ".join(f"a{n}: recommendedStrategies {{ reasons {{ code text }} }}" for n in range(98))
        + "} } } }",
        "TOO_MANY_VALUES",
    ),
    "a simulation beside another": (
        "query ($p: JSON!) { a: simulateTierPolicy(policy: $p) { moved } "
        "b: simulateTierPolicy(policy: $p) { moved } }",
        "TOO_MANY_VALUES",
    ),
    "many looks at everybody's orders": (
        "{"
        + " ".join(
            f'a{n}: revenueBridge(from: "2026-01-01", to: "2026-01-{n + 10}") {{ before }}'
            for n in range(10)
        )
        + "}",
        "TOO_MANY_VALUES",
    ),
    "what would better everybody's tier": (
        "{ customers(first: 200) { edges { node { whatIf { changes { name } } } } } }",
        "TOO_MANY_VALUES",
    ),
    "a hundred explanations with what would better the tier": (
        "{"
        + " ".join(f'a{n}: explainTier(externalId: "C{n}") {{ ...F }}' for n in range(100))
        + "} fragment F on TierDecision { whatIf { changes { name } } }",
        "TOO_MANY_VALUES",
    ),
    "the boundaries of every classification, often": (
        "{"
        + " ".join(f"a{n}: classifications {{ boundary {{ value }} }}" for n in range(20))
        + "}",
        "TOO_MANY_VALUES",
    ),
}
_MORE: Mapping[str, tuple[str, str]] = {
    "many operations": (
        " ".join(f"query Q{n} {{ __typename }}" for n in range(11)),
        "TOO_MANY_OPERATIONS",
    ),
    "many variables": (
        "query (" + " ".join(f"$v{n}: Int" for n in range(101)) + ") { __typename }",
        "TOO_MANY_VARIABLES",
    ),
    "a circle through the schema": (
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
        "INTROSPECTION_TOO_DEEP",
    ),
    "the schema's fields, each under many names": (
        "{ __schema { types { fields {"
        + " ".join(f"name a{n}: description" for n in range(100))
        + "  args {"
        + "name " * 60
        + "} } } } }",
        "INTROSPECTION_TOO_LARGE",
    ),
    "many looks at the schema": (
        "{" + " ".join(f"a{n}: __schema {{ types {{ name }} }}" for n in range(20)) + "}",
        "TOO_MANY_VALUES",
    ),
    "equal fields with large arguments": (
        "{"
        + " ".join(f'customer(externalId: "{"x" * 300}") {{ tier {{ tier }} }}' for _ in range(99))
        + "}",
        "TOO_MANY_REPEATS",
    ),
    "one fragment spread on many types": (
        "{ nodes(ids: []) {"
        + " ".join("... on Customer { ...F } ... on TierPolicy { id }" for _ in range(110))
        + "} } fragment F on Customer { id externalId segments { key } }",
        "TOO_MANY_REPEATS",
    ),
    "unknown fields, as many as there may be": (
        "{" + " ".join(f"f{n} {{ g{n} {{ h{n} }} }}" for n in range(99)) + "}",
        "VALIDATION_FAILED",
    ),
    "a number of thousands of digits": (
        "{ customers(first: " + "9" * 5_000 + ") { edges { node { orders(first: 100) { x } } } } }",
        "TOO_MANY_NODES",
    ),
    "a text as long as a document": (
        '{ customer(externalId: "' + "x" * 63_000 + '") { nothing } }',
        "VALIDATION_FAILED",
    ),
    "a list of many literals": (
        "{ nodes(ids: [" + '"x" ' * 1_400 + "]) { nothing } }",
        "VALIDATION_FAILED",
    ),
    "a deep value of an input": (
        "{ customers(first: 1, filter: " + "{not: " * 150 + "{}" + "}" * 150 + ") { x } }",
        "VALIDATION_FAILED",
    ),
    "control characters": ('{ customer(externalId: "\\u0000") { id } }', "SYNTAX_ERROR"),
    "a syntax error at the end": ("{" + "a " * 1_480 + "!", "SYNTAX_ERROR"),
    "an open brace": ("{" * 1_400, "SYNTAX_ERROR"),
}
DOCUMENTS: Mapping[str, tuple[str, Mapping[str, Any], str]] = {
    **{name: (text, {}, code) for name, (text, code) in {**_DOCUMENTS, **_MORE}.items()},
    "a page size of thousands of digits in a variable": (
        "query ($n: Int) { customers(first: $n) { edges { node { orders(first: $n) { x } } } } }",
        {"n": 10**4_000},
        "TOO_MANY_NODES",
    ),
}
BODIES: Mapping[str, bytes] = {
    "brackets": b"[" * 100_000,
    "a batch of a thousand": b"[" + b'{"query":"{ __typename }"},' * 1_000 + b"{}]",
    "deep lists in a variable": b'{"query": "{ a }", "variables": {"x": '
    + b"[" * 40
    + b"]" * 40
    + b"}}",
    "ten thousand values": b'{"query": "{ a }", "variables": {"x": [' + b"1," * 10_000 + b"1]}}",
    "a number of many digits": b'{"query": "{ a }", "variables": {"x": 1' + b"0" * 100_000 + b"}}",
    "no text at all": b"\xff" * 200_000,
}
