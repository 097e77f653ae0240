"""What people decide reaches customers with the next refresh: policies from their day on, overrides
up to theirs."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from api.db.catalogue import read_catalogue, save
from api.db.document_versions import Change
from api.db.installation import read_installation
from api.db.models import RefreshRun, TierAssignment, TierPolicyVersion
from api.db.overrides import NewOverride, end_override, read_overrides, set_override
from api.db.policies import put_in_force, roll_back
from api.db.writes import writing
from api.documents import POLICIES, read_document
from tests.refresh.business import DAY, NOW, Business

ME = Change("me", NOW, "Because")
NEXT = DAY + dt.timedelta(days=1)


def later(days: int) -> dict[str, Any]:
    span = dt.timedelta(days=days)
    return {"as_of": DAY + span, "now": NOW + span}


def tiers(business: Business) -> dict[int, str | None]:
    table = TierAssignment
    with business.engine.connect() as connection:
        rows = connection.execute(
            select(table.customer_id, table.tier_key).where(table.ended_on.is_(None))
        )
        return {row.customer_id: row.tier_key for row in rows}


def decided_by(business: Business) -> list[tuple[dt.date, int]]:
    """The day of each refresh and the version of the policy it decided by."""
    with business.engine.connect() as connection:
        rows = connection.execute(
            select(RefreshRun.as_of, TierPolicyVersion.version)
            .join(TierPolicyVersion, TierPolicyVersion.id == RefreshRun.policy_version_id)
            .order_by(RefreshRun.id)
        )
        return [(row.as_of, row.version) for row in rows]


def override(business: Business, tier: str, expires_on: dt.date) -> None:
    new = NewOverride(4, "tier", None, tier, "Owner's family", expires_on)
    with writing(business.engine) as connection:
        set_override(connection, new, read_installation(business.engine), "me", NOW)


def test_a_policy_decides_from_its_day_on(business: Business) -> None:
    renamed = read_document(POLICIES / "default.yaml") | {"name": {"en": "May", "zh": "五月"}}
    installation = read_installation(business.engine)
    business.refresh()
    with writing(business.engine) as connection:
        put_in_force(connection, renamed, installation, ME, DAY + dt.timedelta(days=2))
    business.refresh(**later(1))
    business.refresh(**later(2))
    with writing(business.engine) as connection:
        roll_back(connection, "default", 1, installation, ME)
    business.refresh(**later(2))
    days = [DAY + dt.timedelta(days=number) for number in (0, 1, 2, 2)]
    assert decided_by(business) == list(zip(days, [1, 1, 2, 3], strict=True))


def test_a_refresh_puts_the_policy_of_its_day_in_force(business: Business) -> None:
    renamed = read_document(POLICIES / "default.yaml") | {"name": {"en": "May", "zh": "五月"}}
    with writing(business.engine) as connection:
        put_in_force(connection, renamed, read_installation(business.engine), ME, NEXT)
    business.refresh()
    assert read_catalogue(business.engine).policy["name"]["en"] == "Value and risk"
    business.refresh(**later(1))
    assert read_catalogue(business.engine).policy["name"]["en"] == "May"


def test_an_override_holds_up_to_its_last_day_and_says_so(business: Business) -> None:
    business.refresh()
    assert tiers(business)[4] == "bronze"
    override(business, "gold", NEXT)
    assert not business.refresh().unchanged
    assert business.refresh().unchanged
    assert tiers(business)[4] == "gold"
    with business.engine.connect() as connection:
        table = TierAssignment
        codes = connection.scalar(
            select(table.reasons).where(table.customer_id == 4, table.ended_on.is_(None))
        )
    assert "tier.override" in [each["code"] for each in codes or ()]
    business.refresh(**later(1))
    assert tiers(business)[4] == "gold"
    business.refresh(**later(2))
    assert tiers(business)[4] == "bronze"


def test_an_ended_override_counts_no_more(business: Business) -> None:
    business.refresh()
    override(business, "gold", DAY + dt.timedelta(days=30))
    business.refresh()
    installation = read_installation(business.engine)
    with writing(business.engine) as connection:
        end_override(connection, 4, "tier", None, installation, "me", NOW)
    assert not business.refresh().unchanged
    assert tiers(business)[4] == "bronze"


def test_an_override_to_a_tier_that_is_no_more_is_passed_over(business: Business) -> None:
    override(business, "gold", DAY + dt.timedelta(days=30))
    bank = read_document(POLICIES / "weighted-abc.yaml")
    with writing(business.engine) as connection:
        put_in_force(connection, bank, read_installation(business.engine), ME)
    business.refresh()
    assert read_overrides(business.engine, DAY).num_rows == 1
    assert set(tiers(business).values()) <= {"a", "b", "c", None}


@pytest.mark.parametrize("kind", ["segment", "strategy", "classification", "resources"])
def test_every_kind_of_document_is_an_input_of_a_refresh(business: Business, kind: Any) -> None:
    business.refresh()
    changed: dict[str, Any]
    if kind == "segment":
        changed = read_document(POLICIES / "segments.yaml")[0]
        changed = changed | {"description": {"en": "Other", "zh": "其他"}}
    elif kind == "strategy":
        changed = read_document(POLICIES / "strategies.yaml")[0] | {"due_days": 99}
    elif kind == "classification":
        listed = {each["key"]: each for each in read_document(POLICIES / "classes.yaml")}
        changed = listed["value_class"] | {"description": {"en": "Other", "zh": "其他"}}
    else:
        changed = read_document(POLICIES / "resources.yaml") | {"capacities": {"sales": 1}}
    with writing(business.engine) as connection:
        assert save(connection, kind, changed, 1, ME) == 2
    assert not business.refresh().unchanged
    assert business.refresh().unchanged
