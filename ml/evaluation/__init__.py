"""Judging predictions: metrics with their doubt, segments, and holdouts against baselines."""

from ml.evaluation.bootstrap import LEVEL, Interval, bootstrap, paired, paired_interval
from ml.evaluation.holdout import Evaluation, evaluate_churn, evaluate_clv
from ml.evaluation.judgement import (
    OURS,
    Case,
    Holdout,
    Judgement,
    SegmentJudgement,
    judge,
    judge_segments,
    pooled,
)
from ml.evaluation.metrics import (
    DECISIVE,
    Metrics,
    auc,
    churn_metrics,
    clv_metrics,
    interval_metrics,
    lift,
    normalised_gini,
)
from ml.evaluation.segments import segments_of

__all__ = [
    "DECISIVE",
    "LEVEL",
    "OURS",
    "Case",
    "Evaluation",
    "Holdout",
    "Interval",
    "Judgement",
    "Metrics",
    "SegmentJudgement",
    "auc",
    "bootstrap",
    "churn_metrics",
    "clv_metrics",
    "evaluate_churn",
    "evaluate_clv",
    "interval_metrics",
    "judge",
    "judge_segments",
    "lift",
    "normalised_gini",
    "paired",
    "paired_interval",
    "pooled",
    "segments_of",
]
