"""The words of a report: what a number means, and what it does not say."""

from __future__ import annotations

from ml.evaluation import DECISIVE, LEVEL, OURS, Judgement

TITLES = {"churn": "Churn", "clv": "Customer lifetime value"}

METRICS = {
    "auc": "The chance that a customer who left was ranked above one who stayed; 0.5 is chance.",
    "log_loss": "Mean surprise at what happened, in nats; lower is better. It decides about churn.",
    "brier": "Mean squared distance of the probability from what happened; lower is better.",
    "ece": "Expected calibration error: how far predicted and seen shares lie apart in ten groups "
    "of equal size, on average. Of a resample it is larger than of its source, so that the "
    "interval reaches up further than down.",
    "lift_10": "How many times the average share of leavers the highest tenth holds.",
    "gini": "How well customers are ranked by value; 1 is the perfect ranking, 0 is chance.",
    "rmse": "Root of the mean squared error, in the currency; large customers weigh most.",
    "mae": "Mean absolute error, in the currency.",
    "tweedie_loss": "Loss for amounts with many zeros and a long tail (power 1.3, in units of the "
    "mean); lower is better. It decides about value.",
    "total_ratio": "Predicted total divided by the actual one.",
    "within_high": "Of customers with an upper end above zero, the share that brought at most "
    "that; 90 % is meant.",
    "below_low": "Of customers with a lower end above zero, the share that brought less; 10 % is "
    "meant.",
    "interval": f"Ends of the middle {LEVEL:.0%} of 500 resamples of the customers; a customer is "
    "drawn with all origins together. Fewer resamples where there are very many customers.",
    "floor": "What the best baseline loses in a segment, plus 5 %. A segment is below its floor "
    "where the model loses more than that and the paired interval leaves no doubt.",
}

_COMMON = (
    "The past is one business's own. A change of assortment, prices, season or of who is reached "
    "changes what a model knows; judge it again after one.",
    "Intervals tell how far the numbers depend on who happened to be a customer. They know nothing "
    "of the next season: the spread between origins says more about that.",
    "Origins follow one another, so that their outcomes are alike; three are not three "
    "independent proofs.",
    "Segments overlap, and with many of them one in twenty looks unusual by chance.",
)
CAVEATS = {
    "churn": (
        "A customer has churned here who bought nothing within the horizon. Some of them come "
        "back later.",
        *_COMMON,
    ),
    "clv": (
        "Values are those of the horizon as they were booked, before discounting, never negative.",
        "A few large customers decide RMSE and the total; read them beside their intervals.",
        *_COMMON,
    ),
}

EXTRAPOLATED = (
    "History was too short to learn so far ahead; predictions for a shorter time were stretched."
)

PLOT_NOTES = {
    "gain": "Whoever asks the highest share finds this part of the outcome.",
    "lift": "How much richer than the average the highest share is.",
    "calibration": "On the dotted line, what was said is what was seen.",
    "deciles": "Predicted beside seen, group by group.",
}
ALT = {
    "gain": "Curve of the share of the outcome found by the share of customers asked; the table "
    "of ten groups holds the numbers.",
    "lift": "Curve of lift by the share of customers asked; the table of ten groups holds the "
    "numbers.",
    "calibration": "Mean prediction against mean outcome in ten groups; the table of ten groups "
    "holds the numbers.",
    "deciles": "Bars of predicted and seen means in ten groups; the table of ten groups holds the "
    "numbers.",
}


def verdict_on(judged: Judgement) -> str:
    """The result in a sentence that doesn't claim more than the interval allows."""
    metric = DECISIVE[judged.name]
    ours = judged.methods[OURS][metric]
    said = f"{metric} is {ours.value:.4f} ({ours.low:.4f} to {ours.high:.4f})"
    if judged.rival is None:
        return f"{said}."
    difference = judged.against_rival[metric]
    if difference.high < 0:
        state = "better than"
    elif difference.low > 0:
        state = "worse than"
    else:
        state = "not to be told apart from"
    return (
        f"{said}, {state} the best baseline, {judged.rival}: the difference is "
        f"{difference.value:+.4f} ({difference.low:+.4f} to {difference.high:+.4f})."
    )
