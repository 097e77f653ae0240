"""The page of a back-test: everything inside, nothing fetched, the same each time."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from ml.evaluation import OURS, Case, Holdout
from ml.facts import FactStore
from ml.plots import PLOTS, as_svg, save_plots
from ml.reports.page import page
from ml.reports.report import Report, report_of, report_on
from ml.reports.words import EXTRAPOLATED, METRICS, verdict_on
from ml.training import TrainedModel

VOID = {"meta", "br", "hr", "img", "input", "link"}
AS_OF = dt.date(2024, 10, 26)


def cases(name: str, origins: int = 3) -> list[Case]:
    """Back-tests by hand: ours knows the truth, the baselines know less."""
    found: list[Case] = []
    for place in range(origins):
        random = np.random.default_rng(place)
        truth = random.uniform(0.05, 0.95, 300)
        if name == "churn":
            actual = (random.random(300) < truth).astype(float)
            ends: tuple[np.ndarray, np.ndarray] | tuple[None, None] = (None, None)
        else:
            truth = truth * 10_000
            actual = truth * random.exponential(1.0, 300)
            ends = (truth * 0.1, truth * 2.3)
        methods = {
            OURS: truth,
            "rank <b>&": truth[::-1].copy(),
            "base_rate": truth * 0 + truth.mean(),
        }
        masks = {"one-time buyers": np.arange(300) < 120, "<region>": np.arange(300) >= 120}
        origin = AS_OF - dt.timedelta(days=28 * (origins - place))
        found.append(Holdout(origin, np.arange(300), actual, methods, *ends, masks))
    return found


@pytest.fixture(params=["churn", "clv"])
def report(request: pytest.FixtureRequest, store: Path) -> Report:
    return report_on(
        FactStore(store), request.param, cases(request.param), as_of=AS_OF, horizon_days=28, seed=0
    )


@dataclass
class Balanced(HTMLParser):
    """Fails on a tag that is closed out of order; counts what a reader looks for."""

    def __post_init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: dict[str, int] = {}
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] = self.seen.get(tag, 0) + 1
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in VOID
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_fetches_nothing(report: Report) -> None:
    html = page(report)
    parser = Balanced()
    parser.feed(html)
    assert parser.open == []
    assert parser.seen["svg"] == len(PLOTS)
    assert parser.seen["details"] == 2 * len(report.origins)
    assert parser.seen["caption"] == parser.seen["table"] == 5 + 2 * len(report.origins)
    assert "script" not in parser.seen
    loaded = [value for name, value in parser.attributes if name in ("src", "href", "xlink:href")]
    assert all(value is not None and value.startswith("#") for value in loaded)
    assert "://" not in html
    assert "url(http" not in html


def test_the_same_report_gives_the_same_page(report: Report, store: Path) -> None:
    name = report.name
    again = report_on(FactStore(store), name, cases(name), as_of=AS_OF, horizon_days=28, seed=0)
    assert page(again) == page(report)


def test_names_from_outside_are_text_and_no_markup(report: Report) -> None:
    html = page(report)
    assert "rank &lt;b&gt;&amp;" in html
    assert "<b>" not in html
    assert "&lt;region&gt;" in html


def test_the_page_says_what_the_numbers_are(report: Report) -> None:
    html = page(report)
    for metric, interval in report.overall.methods[OURS].items():
        assert metric in METRICS
        assert f"{interval.value:,.4f}<small>{interval.low:,.4f} to {interval.high:,.4f}" in html
    for one in report.origins:
        assert html.count(one.case.origin.isoformat()) >= 3
    assert (
        verdict_on(report.overall).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        in html
    )
    assert report.snapshot["fingerprint"] in html


def test_money_is_in_whole_units_of_the_currency(store: Path) -> None:
    report = report_on(
        FactStore(store), "clv", cases("clv", 1), as_of=AS_OF, horizon_days=28, seed=0
    )
    mean = float(report.origins[0].case.actual.mean())
    assert report.to_document()["pooled"]["mean_outcome"] == pytest.approx(mean / 100)
    said = [row["predicted"] for row in report.deciles(report.total)]
    assert 0 < max(said) < 100


def test_the_document_is_json_and_holds_no_customer(report: Report) -> None:
    document = json.loads(json.dumps(report.to_document(), allow_nan=False))
    assert [origin["origin"] for origin in document["origins"]] == [
        one.case.origin.isoformat() for one in report.origins
    ]
    assert document["pooled"]["rows"] == 900
    assert document["pooled"]["customers"] == 300
    assert "customer_id" not in json.dumps(document)
    intervals = document["pooled"]["methods"][OURS].values()
    assert all(each["low"] <= each["value"] <= each["high"] for each in intervals)


def test_the_verdict_claims_no_more_than_the_interval(store: Path) -> None:
    report = report_on(
        FactStore(store), "churn", cases("churn"), as_of=AS_OF, horizon_days=28, seed=0
    )
    assert "better than the best baseline" in verdict_on(report.overall)
    case = report.origins[0].case
    swapped = {OURS: case.methods["base_rate"], "rival": case.methods[OURS]}
    worse = [replace(Holdout(**vars(case)), methods=swapped)]
    same = [replace(Holdout(**vars(case)), methods={OURS: swapped[OURS], "rival": swapped[OURS]})]
    alone = [replace(Holdout(**vars(case)), methods={OURS: swapped[OURS]})]
    said = [
        verdict_on(
            report_on(FactStore(store), "churn", each, as_of=AS_OF, horizon_days=28, seed=0).overall
        )
        for each in (worse, same, alone)
    ]
    assert "worse than" in said[0]
    assert "not to be told apart from" in said[1]
    assert "baseline" not in said[2]


def test_stretched_predictions_are_marked(store: Path) -> None:
    plain, stretched = cases("churn", 2)
    marked = replace(Holdout(**vars(stretched)), extrapolated=True)
    report = report_on(
        FactStore(store), "churn", [plain, marked], as_of=AS_OF, horizon_days=28, seed=0
    )
    assert report.total.case.extrapolated
    assert [one["extrapolated"] for one in report.to_document()["origins"]] == [False, True]
    assert f"{EXTRAPOLATED} ({stretched.origin})" in page(report)


def test_a_training_has_the_same_page_of_one_origin(churn: TrainedModel) -> None:
    report = report_of(churn)
    assert [one.case.origin for one in report.origins] == [dt.date(2024, 9, 28)]
    html = page(report)
    assert f"{churn.metrics['auc']:,.4f}" in html
    assert "2024-09-28" in html


def test_plots_are_files_and_inline_pictures(churn: TrainedModel, tmp_path: Path) -> None:
    saved = save_plots(churn.evaluation, "churn", tmp_path)
    assert [path.stem for path in saved] == list(PLOTS)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in saved)
    svg = as_svg(PLOTS["gain"](churn.evaluation.case, "churn"))
    assert re.match(r"<svg[ >]", svg)
    assert "chance" in svg
