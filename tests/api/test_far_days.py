"""Days at the ends of the calendar are refused in words, not by a fault of the server."""

from __future__ import annotations

import pytest

from tests.api.conftest import Api

FIRST, LAST = '"0001-01-01"', '"9999-12-31"'
QUERIES = [
    f"revenueBridge(from: {FIRST}, to: {FIRST}) {{ before }}",
    f'revenueBridge(from: "2026-01-01", to: {LAST}) {{ before }}',
    f'revenueBridge(from: "2026-01-01", to: "2026-02-01", previousFrom: {FIRST}) {{ before }}',
    f'revenueBridge(from: "2026-01-01", to: "2026-02-01", previousFrom: {LAST}) {{ before }}',
    'revenueBridge(from: "1900-02-01", to: "1999-02-01") { before }',
    f"retentionByTier(from: {LAST}, to: {LAST}) {{ rate }}",
    f"retentionByTier(from: {FIRST}, to: {LAST}) {{ rate }}",
    f"slaBreaches(from: {FIRST}, to: {LAST}) {{ worst {{ hours }} }}",
    f"monthlyStatistics(to: {FIRST}) {{ month }}",
    f'monthlyStatistics(from: {FIRST}, to: "0001-12-31") {{ month }}',
]


@pytest.mark.parametrize("query", QUERIES)
async def test_they_are_refused(api: Api, query: str) -> None:
    assert await api.codes(f"{{ {query} }}", "frontend") == ["INVALID_INPUT"]


@pytest.mark.parametrize("day", [FIRST, LAST])
async def test_looking_back_that_far_is_harmless(api: Api, day: str) -> None:
    await api.ask(f'{{ explainTier(externalId: "C00001", asOf: {day}) {{ tier }} }}')
    await api.ask(f"{{ tierMigration(from: {day}, to: {LAST}) {{ moved }} }}")
    await api.ask(f"{{ classChanges(first: 1, since: {day}) {{ totalCount }} }}")
