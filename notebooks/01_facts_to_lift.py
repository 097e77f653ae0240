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
# # From facts to a lift curve
#
# This notebook walks the path that `echelon train` takes: purchases in the fact store become
# point-in-time features, features of past days become a training set, a model learns from it, and
# a day it has never seen says how good it is. It calls the `ml` package and defines nothing.
#
# It reads the fact store under `ECHELON_DATA_DIR`, as `make demo` leaves it, and changes nothing
# there.

# %%
import datetime as dt
import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Image, Markdown, display

from ml.backends import connect
from ml.contracts import cutoff_of, day_of
from ml.dataset import known_attributes
from ml.facts import FactStore
from ml.features import FEATURES
from ml.learning.course import chain, origins_of
from ml.learning.origins import Origin
from ml.learning.study import Study
from ml.model_card import model_card
from ml.plots import decile_table
from ml.sample import measure_and_sample
from ml.training import silent, train

HORIZON_DAYS = 28
THREADS = os.cpu_count() or 1

# %% [markdown]
# ## Facts
# The store is a folder of Parquet files that a manifest makes true. Moments are seconds since 1970,
# money is in minor units.

# %%
default = Path("../var") if Path("../var").exists() else Path("var")
store = FactStore(Path(os.environ.get("ECHELON_DATA_DIR", default)) / "facts")
pd.Series({name: store.manifest.rows(name) for name in store.manifest.files}, name="rows")

# %%
with connect(THREADS) as backend:
    backend.open(store)
    last = backend.query("SELECT max(ordered_at) AS moment FROM order_lines").to_pylist()[0]
    lines = backend.query("SELECT * FROM order_lines ORDER BY order_id, line_no LIMIT 5")

# The last day may have only begun, so that the day before it is the last whole one.
zone = store.manifest.time_zone
as_of = day_of(last["moment"], zone) - dt.timedelta(days=1)
cutoff = cutoff_of(as_of, zone)
print(f"as of {as_of}: facts below {cutoff} are known")
lines.to_pandas()

# %% [markdown]
# ## Features
# Each is declared once, with its SQL, its unit and its words in English and Chinese; one query
# makes all of them, and sees no fact at or after the cut-off.

# %%
pd.DataFrame(
    [(f.name, f.unit, f.label_en, f.label_zh, f.actionable) for f in FEATURES.values()],
    columns=["feature", "unit", "label", "名称", "actionable"],
).set_index("feature")

# %%
with connect(THREADS) as backend:
    backend.open(store)
    attributes = known_attributes(backend, store.attribute_fields(), cutoff)
    measures, now = measure_and_sample(backend, attributes, cutoff)

print(f"{measures.num_rows} customers known, {len(now)} of them have bought")
pd.DataFrame(now.values, columns=list(now.codes), index=now.customer_id).describe().transpose()

# %% [markdown]
# ## The training set
# The same customers are looked at on earlier days, each time together with what they did in the
# window after it. The latest complete window is held out; what is learned before it is judged on it
# has closed by then.

# %%
with connect(THREADS) as backend:
    study = Study.open(backend, store, cutoff, THREADS)
    plans = chain(study.span, Origin(cutoff, HORIZON_DAYS))
    study.prepare(origins_of(plans), silent)

held = plans[0].proof
past = [study.labelled(origin) for origin in plans[0].teachers]
unit = 10**store.manifest.currency_exponent
pd.DataFrame(
    {
        "window in days": [origin.horizon_days for origin in plans[0].teachers],
        "customers": [len(sample) for sample in past],
        "churned": [float(sample.churned.mean()) for sample in past],
        "mean spend": [float(sample.value.mean()) / unit for sample in past],
        "held out": [origin == held for origin in plans[0].teachers],
    },
    index=pd.Index([day_of(o.cutoff, zone) for o in plans[0].teachers], name="window from"),
)

# %% [markdown]
# What tells leavers from stayers best, one feature at a time. The holdout is left out: whoever
# looks at it before the end is no longer surprised by it.

# %%
taught = study.lesson(plans[1])
table = pd.DataFrame(taught.values, columns=list(taught.codes))
table = table.loc[:, table.nunique() > 1]
churned = pd.Series(taught.churned.astype(np.float64))
strength = (
    table.corrwith(churned, method="spearman").dropna().sort_values(key=np.abs, ascending=False)
)
strength.head(12).to_frame("rank correlation with churn")

# %% [markdown]
# The share that left, by how long customers had been silent: the longer the silence lasts in
# proportion to their own rhythm, the likelier it is for good.

# %%
silence = pd.qcut(table["recency_over_mean_gap"], 10, duplicates="drop")
picture = (
    churned.groupby(silence, observed=True)
    .mean()
    .plot.bar(xlabel="silence, in usual gaps between purchases", ylabel="share that left", rot=45)
)
picture.figure.tight_layout()

# %% [markdown]
# ## The model
# `train` chooses depth and rounds on earlier days, blends the trees with a buy-till-you-die model,
# and judges the result on the held-out day, beside what it must beat. On the same facts it gives
# the very files that `echelon train` registers.

# %%
folder = Path(tempfile.mkdtemp(prefix="echelon-notebook-"))
trained = train(
    store.path, "churn", as_of=as_of, horizon_days=HORIZON_DAYS, threads=THREADS, folder=folder
)
pd.DataFrame({"this model": trained.metrics, **trained.evaluation.baselines}).transpose()

# %% [markdown]
# ## Lift and calibration
# The first picture answers: who asks the likeliest tenth first, how many of the leavers are found?
# The second one: of those of whom the model says 30 %, do 30 % leave? Points below the dotted line
# are overstated risks.

# %%
for picture in trained.plots:
    display(Image(filename=picture))

# %%
pd.DataFrame(decile_table(trained.evaluation)).set_index("decile")

# %% [markdown]
# ## The model card
# This is what the registry shows beside the model.

# %%
Markdown(model_card(trained))
