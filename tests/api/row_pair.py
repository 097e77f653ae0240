"""Two databases, one with everybody and one that never had the others, asked side by side."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, delete, func, insert, make_url, or_, select, text, update

from api.db import models
from api.db.engine import make_engine
from api.domain.personal_data import PersonalDataCipher
from api.graphql.ids import parse_id
from api.graphql.limits import Limits
from api.graphql.schema import executable_schema
from tests.api.conftest import Api, running, seed
from tests.api.seed import DAY, OWNERS, RUN
from tests.api.seed_classes import seed_classes
from tests.api.seed_facts import BATCH, NOW, ago, external_id
from tests.conftest import TEST_SECRET, administer

SIZE = 36
OWN = frozenset(number for number in range(1, SIZE + 1) if OWNERS[number % 3] == "east")
MINE, FOREIGN, ABSENT = 6, 7, 9_999
SCHEMA = executable_schema()
CIPHER = PersonalDataCipher(TEST_SECRET.encode())
UNLIMITED = Limits(**{each.name: 10**18 for each in fields(Limits)})
FREE = {"points_per_second": 0.0}


def about_everyone(segment: int | None, strategy: int | None) -> dict[Any, list[dict[str, Any]]]:
    """By table, a row for each customer."""
    everyone = range(1, SIZE + 1)
    return {
        models.SegmentMembership: [
            {"segment_id": segment, "entered_on": DAY, "cause": {"reasons": []}} for _ in everyone
        ],
        models.CustomerCase: [
            {"id": number, "kind": "win_back", "strategy_id": strategy, "opened_on": DAY}
            | {"reasons": [], "version": 1}
            for number in everyone
        ],
        models.StrategyAction: [
            {"id": number, "strategy_id": strategy, "strategy_version": 1, "version": 1}
            | {"status": "planned", "owner": "sales", "recorded_at": NOW, "recorded_by": "x"}
            for number in everyone
        ],
    } | said_by_everyone()


def said_by_everyone() -> dict[Any, list[dict[str, Any]]]:
    """The same for what was said and heard."""
    everyone = range(1, SIZE + 1)
    return {
        models.RelationshipStatus: [
            {"id": number, "classification": "relationship", "status": "existing"}
            | {"since": DAY, "author": "x", "created_at": NOW}
            for number in everyone
        ],
        models.Consent: [
            {"purpose": "marketing", "channel": "mail", "recorded_at": ago(9)}
            | {"granted": True, "batch_id": BATCH}
            | {"proof_encrypted": CIPHER.encrypt("proof", external_id(number), f"form {number}")}
            for number in everyone
        ],
        models.Interaction: [
            {"id": 1_000_000 + number, "external_id": f"I{number}-late", "channel": "phone"}
            | {"occurred_at": ago(3), "direction": "inbound", "kind": "complaint"}
            | {"response_seconds": 3_000_000 + number, "batch_id": BATCH}
            for number in everyone
        ],
    }


def add_the_rest(engine: Engine) -> None:
    """A row about each customer in every table that the other seeds leave empty."""
    seed_classes(engine)
    everyone = range(1, SIZE + 1)
    with engine.begin() as connection:
        strategy = connection.scalar(select(func.min(models.Strategy.id)))
        connection.execute(
            update(models.Strategy)
            .where(models.Strategy.key == "retention_call")
            .values(active=True)
        )
        segment = connection.scalar(
            insert(models.Segment)
            .values(key="own_people", version=1, kind="manual")
            .values(name_en="Own", name_zh="自选", description_en="Own.", description_zh="自选。")
            .returning(models.Segment.id)
        )
        by_table = about_everyone(segment, strategy)
        for table, rows in by_table.items():
            known = [row | {"customer_id": n} for n, row in zip(everyone, rows, strict=True)]
            connection.execute(insert(table), known)
        if connection.dialect.name == "postgresql":  # it did not see these numbers being taken
            for name in ("customer_cases", "strategy_actions", "relationship_statuses"):
                connection.execute(
                    text(f"SELECT setval('{name}_id_seq', (SELECT MAX(id) FROM {name}))")
                )
        connection.execute(update(models.ClassChange).values(run_id=RUN))
        connection.execute(
            update(models.TierAssignment)
            .where(models.TierAssignment.ended_on.is_(None))
            .values(next_tier_key="gold", gap_share=0.25)
        )


def forget_the_others(engine: Engine) -> None:
    """Take out every customer but east's, with all that is known of them."""
    others = select(models.Customer.id).where(
        or_(models.Customer.owner != "east", models.Customer.owner.is_(None))
    )
    tables = models.Base.metadata.sorted_tables
    with engine.begin() as connection:
        orders = select(models.Order.id).where(models.Order.customer_id.in_(others))
        connection.execute(delete(models.OrderLine).where(models.OrderLine.order_id.in_(orders)))
        for table in reversed(tables):
            if "customer_id" in table.c:
                connection.execute(delete(table).where(table.c.customer_id.in_(others)))
        connection.execute(delete(models.Customer).where(models.Customer.id.in_(others)))


async def told(api: Api, query: str, key: str, **options: Any) -> Any:
    """An answer without what the key has left to spend; what the document cost is part of it."""
    body = (await api.send(query, key, **options)).text
    # A mean of floats depends on the order in which PostgreSQL happens to add them.
    answer = json.loads(body, parse_float=lambda number: round(float(number), 9))
    cost = answer.pop("extensions", {}).get("cost", {})
    return answer | {"cost": [cost.get("predicted"), cost.get("actual")]}


Urls = list[tuple[str, dict[str, str]]]
"""Each with its keys."""


@dataclass
class Pair:
    """One application over everybody, one over a database that never had the others."""

    all: Api
    own: Api

    async def both(self, query: str, key: str = "desk", **options: Any) -> tuple[Any, Any]:
        seen = await told(self.all, query, key, **options)
        return seen, await told(self.own, query, key, **options)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def urls(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Urls]:
    made, names = [], []
    for place in range(2):
        if request.param == "sqlite":
            path = tmp_path_factory.mktemp("rows") / "echelon.db"
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
            url = f"sqlite:///{Path(path)}"
        else:
            server = request.getfixturevalue("postgres_url")
            names.append(f"rows_{uuid4().hex}")
            administer(server, f"CREATE DATABASE {names[-1]} TEMPLATE template_echelon")
            url = make_url(server).set(database=names[-1]).render_as_string(hide_password=False)
        engine = make_engine(url)
        keys = seed(engine, SIZE)
        add_the_rest(engine)
        if place:
            forget_the_others(engine)
        engine.dispose()
        made.append((url, keys))
    yield made
    for name in names:
        administer(request.getfixturevalue("postgres_url"), f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def pair(urls: Urls) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(running(*each, limits=UNLIMITED, settings=FREE))
            for each in urls
        ]
        yield Pair(*opened)


def customers_in(answer: Any) -> set[int]:
    """Every customer that an answer lets one recognise, by any of its or its rows' names."""
    text = json.dumps(answer, ensure_ascii=False)
    found = {int(number) for number in re.findall(r"\bC(\d{5})\b", text)}
    found |= {int(number) for number in re.findall(r"\b[OI](\d+)-", text)}
    found |= {
        int(number)
        for number in re.findall(r"\bc(\d+)@example|form (\d+)", text)
        for number in number
        if number
    }
    for each in re.findall(r'"([\w=-]{8,})"', text):
        if (known := parse_id(each)) is not None:
            kind, number = known
            if kind in ("Customer", "CustomerCase", "StrategyAction"):
                found.add(number)
            elif kind in ("Order", "Interaction"):
                found.add(number - 1_000_000 if number > 1_000_000 else number // 10)
    return found
