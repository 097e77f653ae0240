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
# # Your own features
#
# A business knows things that no list of features foresees. Whatever can be said of a customer at
# a time can be stated as an attribute, with the moment from which it is true; models then learn
# from it like from any other feature, and never before that moment. Here the share of purchases at
# weekends is stated once every four weeks, in a copy of the fact store, and we see whether it
# helps.
#
# In the product, the same goes in as a file: `echelon import attributes FILE`, with a column
# `valid_from`.

# %%
import datetime as dt
import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ml.artefacts import CHAMPION
from ml.backends import connect
from ml.churn import ChurnModel
from ml.contracts import ATTRIBUTES, DAY, FACT_TABLES, AttributeField, cutoff_of, day_of
from ml.evaluation import Holdout, judge
from ml.facts import FactStore, FactStoreWriter, arrow_schema
from ml.features import label_of
from ml.sample import measure_and_sample
from ml.training import train

HORIZON_DAYS = 28
EVERY_DAYS = 28
THREADS = os.cpu_count() or 1

# %%
default = Path("../var") if Path("../var").exists() else Path("var")
store = FactStore(Path(os.environ.get("ECHELON_DATA_DIR", default)) / "facts")
with connect(THREADS) as backend:
    backend.open(store)
    times = backend.query(
        "SELECT min(ordered_at) AS first, max(ordered_at) AS last FROM order_lines"
    ).to_pylist()[0]

zone = store.manifest.time_zone
as_of = day_of(times["last"], zone) - dt.timedelta(days=1)
folder = Path(tempfile.mkdtemp(prefix="echelon-notebook-"))

# %% [markdown]
# ## Saying it
# One row for each customer and month, made of the purchases before it only: a value that knew what
# came later would look splendid here and fail in use. 1970-01-01 was a Thursday, so that days 2
# and 3 of each seven since then are the weekend's, counted in UTC.

# %%
with connect(THREADS) as backend:
    backend.open(store)
    stated = backend.query(f"""
        SELECT l.customer_id, 'weekend_share' AS name, m.valid_from,
            CAST(NULL AS VARCHAR) AS text_value,
            avg(CASE WHEN (l.ordered_at // {DAY}) % 7 IN (2, 3) THEN 1.0 ELSE 0.0 END)
                AS number_value
        FROM order_lines l
        JOIN (SELECT unnest(range({times["first"] + DAY}, {times["last"]}, {EVERY_DAYS * DAY}))
            AS valid_from) m ON l.ordered_at < m.valid_from
        WHERE l.quantity_milli > 0
        GROUP BY l.customer_id, m.valid_from
        ORDER BY l.customer_id, m.valid_from
    """)  # noqa: S608 - our own numbers only

print(f"{stated.num_rows} statements")
stated.to_pandas().tail()

# %% [markdown]
# ## Declaring it
# A store says of each attribute whether it is a number, one of a few choices, or yes and no. The
# rest of the copy is the original's.

# %%
manifest = store.manifest
writer = FactStoreWriter(
    folder / "facts",
    epoch=manifest.epoch,
    watermark=manifest.watermark,
    base_currency=manifest.base_currency,
    currency_exponent=manifest.currency_exponent,
    time_zone=zone,
    attributes=[*manifest.attributes, AttributeField("weekend_share", "number")],
    keep=None,
)
for table in FACT_TABLES:
    for path in store.paths(table.name):
        writer.append(table, pq.read_table(path).to_batches())
added = pa.table(stated.columns, names=stated.column_names).cast(arrow_schema(ATTRIBUTES.columns))
writer.append(ATTRIBUTES, added.to_batches())
writer.commit()

# %% [markdown]
# ## With and without
# The same customers, the same window, the same seed; only the attribute differs.

# %%
trained = {
    name: train(
        path, "churn", as_of=as_of, horizon_days=HORIZON_DAYS, threads=THREADS, folder=folder / name
    )
    for name, path in {"without": store.path, "with": folder / "facts"}.items()
}
pd.DataFrame({name: each.metrics for name, each in trained.items()})

# %% [markdown]
# Two numbers always differ. Whether that is more than chance is seen where customers are drawn
# again, the same ones for both: if the interval holds zero, the attribute has not shown that it
# helps, and a simpler model is the better one.

# %%
cases = {name: each.evaluation.case for name, each in trained.items()}
np.testing.assert_array_equal(cases["with"].customer_id, cases["without"].customer_id)
both = Holdout(
    origin=cases["with"].origin,
    customer_id=cases["with"].customer_id,
    actual=cases["with"].actual,
    methods={
        "echelon": cases["with"].methods["echelon"],
        "without": cases["without"].methods["echelon"],
    },
    low=None,
    high=None,
    segments={},
)
difference = judge("churn", both, exponent=0).against_rival["log_loss"]
surely = "helps" if difference.high < 0 else "hurts" if difference.low > 0 else "may be chance"
print(f"log-loss with it minus without: {difference.value:+.5f} ", end="")
print(f"[{difference.low:+.5f}, {difference.high:+.5f}]: {surely}")

# %% [markdown]
# ## How much it is used
# The mean size of each feature's contribution, and the place of ours among them.

# %%
model = ChurnModel.load(folder / "with", CHAMPION, trained["with"].files, THREADS)
with connect(THREADS) as backend:
    backend.open(FactStore(folder / "facts"))
    measures, buyers = measure_and_sample(backend, model.attributes, cutoff_of(as_of, zone))

sample = model.habit.extend(buyers, model.horizon_days)
strength = pd.Series(
    abs(model.effects(sample)[:, :-1]).mean(axis=0),
    index=[label_of(code) for code in model.codes],
    name="mean size of effect",
).sort_values(ascending=False)
print(f"weekend share: place {list(strength.index).index('weekend share') + 1} of {len(strength)}")
strength.head(15).iloc[::-1].plot.barh(xlabel="log-odds").figure.tight_layout()
