"""The model card: what a model is for, what it learned from, how good it is, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ml.contracts import day_of
from ml.evaluation import LEVEL, OURS, Interval, Judgement, SegmentJudgement
from ml.plots import decile_table
from ml.training import TrainedModel

_PURPOSE = {
    "churn": "the probability that a customer buys nothing within {days} days",
    "clv": "the money a customer is expected to bring within {days} days, with a 10-90 % range",
}
_USE = {
    "churn": """- Meant for ranking customers by risk and for acting on those worth keeping.
- Not meant for refusing anybody a service, a price or a credit.""",
    "clv": """- Meant for weighing what a customer may be worth against what is spent on them.
- Not meant as a forecast of one customer's next order, nor for refusing anybody a service.""",
}
_LIMITS = """- It knows purchases, contacts, feedback and attributes of customers who bought before.
- Its past is one business's: judge it again after a change of assortment, prices or seasons.
- A reason is what moved the prediction, not a proven cause.
- The intervals below come from drawing customers again; they don't know of a coming season."""


def model_card(trained: TrainedModel) -> str:
    purpose = _PURPOSE[trained.name].format(days=trained.horizon_days)
    judgement = trained.evaluation.judgement
    return f"""# {trained.name}

Predicts {purpose}. Trained on everything known at the end of {trained.as_of}.

## Intended use
{_USE[trained.name]}

## Data
{_data(trained)}

## Holdout
{_holdout(trained)}

{comparison(judgement)}

{_against(judgement)}

Ten groups by prediction, the highest first:

{table(decile_table(trained.evaluation))}

## Segments
The floor is what the best baseline loses in the segment, plus 5 %; the model's loss should stay \
under it.

{segments(judgement)}

## Parameters
{chr(10).join(f"- {name}: {value}" for name, value in trained.parameters.items())}

## Limits
{_LIMITS}

## Files
{chr(10).join(f"- `{name}` {digest}" for name, digest in sorted(trained.files.items()))}
"""


def _data(trained: TrainedModel) -> str:
    snapshot, zone = trained.snapshot, trained.snapshot["time_zone"]
    first = day_of(snapshot["first_purchase_at"], zone)
    last = day_of(snapshot["last_purchase_at"], zone)
    return f"""- purchases from {first} to {last} \
by {snapshot["customers"]} customers; {snapshot["training_rows"]} training rows
- fact store `{snapshot["fingerprint"]}`
- rows: {", ".join(f"{name} {rows}" for name, rows in snapshot["rows"].items())}"""


def _holdout(trained: TrainedModel) -> str:
    snapshot = trained.snapshot
    days = trained.parameters.get("holdout_horizon_days", trained.horizon_days)
    held_on = day_of(snapshot["holdout_cutoff"] - 1, snapshot["time_zone"])
    return f"""{snapshot["holdout_customers"]} customers known on {held_on} and the \
{days} days after it, unseen in training. In brackets the ends of the \
{LEVEL:.0%} bootstrap interval."""


def comparison(judgement: Judgement) -> str:
    """Every method and metric, ours first, in a Markdown table."""
    metrics = list(judgement.methods[OURS])
    return table(
        {"": "this model" if method == OURS else method}
        | {name: _cell(found.get(name)) for name in metrics}
        for method, found in judgement.methods.items()
    )


def segments(judgement: Judgement) -> str:
    """Every segment that is large enough, in a Markdown table."""
    return table(_segment(each) for each in judgement.segments)


def _segment(each: SegmentJudgement) -> dict[str, str | float]:
    row: dict[str, str | float] = {"segment": each.segment, "customers": each.customers}
    row |= {"seen": each.actual, "predicted": each.predicted}
    row |= {name: _cell(interval) for name, interval in each.metrics.items()}
    return row | {"floor": each.floor, "held": "yes" if each.held else "**no**"}


def _against(judgement: Judgement) -> str:
    if judgement.rival is None:
        return ""
    found = ", ".join(
        f"{name} {each.value:+.4f} [{each.low:+.4f}, {each.high:+.4f}]"
        for name, each in judgement.against_rival.items()
    )
    return f"This model minus the best baseline, {judgement.rival}, on the same customers: {found}."


def table(rows: Iterable[Mapping[str, str | float]]) -> str:
    """Rows with the same columns as a Markdown table; a sentence where there are none."""
    listed: Sequence[Mapping[str, str | float]] = list(rows)
    if not listed:
        return "There are too few customers to say anything here."
    head = f"| {' | '.join(listed[0])} |\n|{'---|' * len(listed[0])}"
    body = (f"| {' | '.join(_text(value) for value in row.values())} |" for row in listed)
    return "\n".join([head, *body])


def _text(value: str | float) -> str:
    """A cell; what a business wrote itself may hold the sign that ends one."""
    return value.replace("|", "\\|") if isinstance(value, str) else f"{value:.6g}"


def _cell(interval: Interval | None) -> str:
    if interval is None:
        return ""
    return f"{interval.value:.4f} [{interval.low:.4f}, {interval.high:.4f}]"
