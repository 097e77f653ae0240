"""The application with its database, as the tests of the API have them."""

from __future__ import annotations

from tests.api.conftest import api, own_api, seeded, seeded_postgres, seeded_sqlite

__all__ = ["api", "own_api", "seeded", "seeded_postgres", "seeded_sqlite"]
