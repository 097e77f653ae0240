"""The model card: what a model is for, what it learned from, how good it is, in Markdown."""

from __future__ import annotations

from ml.contracts import day_of
from ml.plots import decile_table
from ml.training import TrainedModel

_PURPOSE = {
    "churn": "the probability that a customer buys nothing within {days} days",
    "clv": "the money a customer is expected to bring within {days} days, with a 10-90 % range",
}
_LIMITS = """- It knows purchases, contacts, feedback and attributes of customers who bought before.
- Its past is one business's: judge it again after a change of assortment, prices or seasons.
- A reason is what moved the prediction, not a proven cause."""


def model_card(trained: TrainedModel) -> str:
    snapshot, zone = trained.snapshot, trained.snapshot["time_zone"]
    first = day_of(snapshot["first_purchase_at"], zone)
    last = day_of(snapshot["last_purchase_at"], zone)
    held_on = day_of(snapshot["holdout_cutoff"] - 1, zone)
    purpose = _PURPOSE[trained.name].format(days=trained.horizon_days)
    return f"""# {trained.name}

Predicts {purpose}. Trained on everything known at the end of {trained.as_of}.

## Data
- purchases from {first} to {last} \
by {snapshot["customers"]} customers; {snapshot["training_rows"]} training rows
- fact store `{snapshot["fingerprint"]}`
- rows: {", ".join(f"{name} {rows}" for name, rows in snapshot["rows"].items())}

## Holdout
{snapshot["holdout_customers"]} customers known on {held_on} and the \
{trained.horizon_days} days after it, unseen in training.

{_comparison(trained)}

Ten groups by prediction, the highest first:

{_deciles(trained)}

## Parameters
{chr(10).join(f"- {name}: {value}" for name, value in trained.parameters.items())}

## Limits
{_LIMITS}

## Files
{chr(10).join(f"- `{name}` {digest}" for name, digest in sorted(trained.files.items()))}
"""


def _comparison(trained: TrainedModel) -> str:
    names = list(trained.metrics)
    rows = {"this model": trained.metrics, **trained.evaluation.baselines}
    table = [f"| | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for label, metrics in rows.items():
        cells = (f"{metrics[name]:.4f}" if name in metrics else "" for name in names)
        table.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(table)


def _deciles(trained: TrainedModel) -> str:
    rows = decile_table(trained.evaluation)
    head = f"| {' | '.join(rows[0])} |\n|{'---|' * len(rows[0])}"
    body = (f"| {' | '.join(f'{value:g}' for value in row.values())} |" for row in rows)
    return "\n".join([head, *body])
