"""Back-tests at several origins become one report."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from ml.errors import MLError
from ml.evaluation import OURS
from ml.reports.page import page
from ml.reports.review import review
from tests.ml.conftest import BUSINESS, CHURN_HORIZON


def test_ours_and_the_baselines_are_judged_at_each_origin(store: Path) -> None:
    steps: list[tuple[str, float]] = []
    report = review(
        store,
        "churn",
        as_of=BUSINESS.last_day,
        horizon_days=CHURN_HORIZON,
        origins=2,
        threads=1,
        progress=lambda step, share: steps.append((step, share)),
    )
    days = [one.case.origin for one in report.origins]
    assert days == sorted(days)
    assert days[-1] == BUSINESS.last_day - dt.timedelta(days=CHURN_HORIZON)
    methods = report.overall.methods
    assert {OURS, "base_rate", "mbg_nbd"} <= set(methods)
    assert methods[OURS]["auc"].value > 0.8 > methods["base_rate"]["auc"].value
    assert report.overall.rows == sum(one.judgement.rows for one in report.origins)
    assert report.overall.segments
    assert steps[-1] == ("Judging", 1.0)
    assert days[0].isoformat() in page(report)


def test_facts_too_short_for_it_are_refused(store: Path) -> None:
    with pytest.raises(MLError):
        review(
            store,
            "clv",
            as_of=BUSINESS.first_day + dt.timedelta(days=20),
            horizon_days=365,
            threads=1,
            progress=lambda _step, _share: None,
        )
