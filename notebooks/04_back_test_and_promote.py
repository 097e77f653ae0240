# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Back-test, then promote
#
# How good would the model have been, had it been used? At several past days everything is learned
# anew from what could be known then, and judged by what came after. Then two versions meet in an
# MLflow store of this notebook's own: the older one reigns, the newer one challenges it.

# %%
import datetime as dt
import os
import tempfile
from pathlib import Path

import pandas as pd
from IPython.display import SVG, display

from ml import registry
from ml.backends import connect
from ml.backtest import backtest
from ml.contracts import day_of
from ml.facts import FactStore
from ml.plots import as_svg, calibration_plot, gain_curve
from ml.reports.report import report_on
from ml.reports.words import verdict_on
from ml.training import train

HORIZON_DAYS = 28
ORIGINS = 2
THREADS = os.cpu_count() or 1

# %%
default = Path("../var") if Path("../var").exists() else Path("var")
store = FactStore(Path(os.environ.get("ECHELON_DATA_DIR", default)) / "facts")
with connect(THREADS) as backend:
    backend.open(store)
    last = backend.query("SELECT max(ordered_at) AS moment FROM order_lines").to_pylist()[0]

as_of = day_of(last["moment"], store.manifest.time_zone) - dt.timedelta(days=1)
folder = Path(tempfile.mkdtemp(prefix="echelon-notebook-"))

# %% [markdown]
# ## Past origins
# An origin is a day that is taken for today. Nothing that happened after it reaches a model
# trained at it: neither facts nor choices of what to train.

# %%
cases = backtest(
    store.path,
    "churn",
    as_of=as_of,
    horizon_days=HORIZON_DAYS,
    origins=ORIGINS,
    seed=0,
    threads=THREADS,
)
pd.DataFrame(
    [
        {"origin": case.origin, "customers": len(case.actual), "churned": case.actual.mean()}
        for case in cases
    ]
).set_index("origin")

# %% [markdown]
# ## The verdict
# Every method on the same customers, at each origin and on all of them together. An interval comes
# from drawing customers again; it knows nothing of the next season, of which the spread between
# origins says more.

# %%
report = report_on(store, "churn", cases, as_of=as_of, horizon_days=HORIZON_DAYS, seed=0)
print(verdict_on(report.overall))
pd.DataFrame(
    {
        method: {metric: interval.value for metric, interval in metrics.items()}
        for method, metrics in report.overall.methods.items()
    }
).transpose().sort_values("log_loss")

# %%
pd.DataFrame(
    {
        one.case.origin: {
            method: metrics["log_loss"].value for method, metrics in one.judgement.methods.items()
        }
        for one in report.origins
    }
)

# %%
for draw in (gain_curve, calibration_plot):
    display(SVG(as_svg(draw(report.total.case, "churn"))))

# %% [markdown]
# ## Champion and challenger
# The first version is trained as of a horizon ago and reigns, as nobody else is there. The second
# one knows more.

# %%
uri = f"sqlite:///{folder / 'mlflow.db'}"
registry.prepare_store(uri, folder / "artifacts")
earlier = train(
    store.path,
    "churn",
    as_of=as_of - dt.timedelta(days=HORIZON_DAYS),
    horizon_days=HORIZON_DAYS,
    threads=THREADS,
    folder=folder / "earlier",
)
first = registry.register(uri, earlier)
print(f"version {first.version}, promoted: {first.promoted}. {first.why}")

# %% [markdown]
# Both are judged on the newer one's holdout, which neither has learned from. The challenger takes
# over if it is not worse, is calibrated, and lets no segment fall below its floor. What was found
# is kept with the version, whichever way it went.

# %%
later = train(
    store.path,
    "churn",
    as_of=as_of,
    horizon_days=HORIZON_DAYS,
    threads=THREADS,
    folder=folder / "later",
)
verdict = registry.judge(uri, later)
pd.DataFrame(
    [
        {"rule": found.rule, "passed": found.passed, "decides": found.decides, "found": found.text}
        for found in verdict.findings
    ]
)

# %%
second = registry.register(uri, later, verdict)
print(f"version {second.version}, promoted: {second.promoted}. {second.why}")
print(f"champion: version {registry.champion(uri, 'churn').version}")

# %% [markdown]
# ## Back again
# A rollback is the same alias, moved: it takes no training and no second. In the product, `echelon
# models rollback churn` does it and writes down why.

# %%
registry.set_champion(uri, "churn", first.version)
print(f"champion: version {registry.champion(uri, 'churn').version}")
