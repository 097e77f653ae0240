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
# # Explain a customer
#
# A probability alone helps nobody decide. Here one customer's prediction is taken apart until it
# adds up, put into words, and asked what would lower it. It reads the fact store under
# `ECHELON_DATA_DIR` and changes nothing there.

# %%
import datetime as dt
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from ml.artefacts import CHAMPION
from ml.backends import connect
from ml.churn import ChurnModel
from ml.contracts import cutoff_of, day_of
from ml.explain import reasons
from ml.facts import FactStore
from ml.features import label_of, reason_text
from ml.mining.hints import hints
from ml.sample import measure_and_sample
from ml.training import train

HORIZON_DAYS = 28
THREADS = os.cpu_count() or 1

# %%
default = Path("../var") if Path("../var").exists() else Path("var")
store = FactStore(Path(os.environ.get("ECHELON_DATA_DIR", default)) / "facts")
with connect(THREADS) as backend:
    backend.open(store)
    last = backend.query("SELECT max(ordered_at) AS moment FROM order_lines").to_pylist()[0]

zone, exponent = store.manifest.time_zone, store.manifest.currency_exponent
as_of = day_of(last["moment"], zone) - dt.timedelta(days=1)
folder = Path(tempfile.mkdtemp(prefix="echelon-notebook-"))
trained = train(
    store.path, "churn", as_of=as_of, horizon_days=HORIZON_DAYS, threads=THREADS, folder=folder
)
model = ChurnModel.load(folder, CHAMPION, trained.files, THREADS)

# %% [markdown]
# ## Everybody at once
# The features of all buyers at the end of the day, then what the model says of each.

# %%
with connect(THREADS) as backend:
    backend.open(store)
    measures, buyers = measure_and_sample(backend, model.attributes, cutoff_of(as_of, zone))

sample = model.habit.extend(buyers, model.horizon_days)
probability = model.predict(sample)
pd.Series(probability, name="churn probability").plot.hist(bins=40).figure.tight_layout()

# %% [markdown]
# ## One customer
# One of those who bought often and are now at risk: the ones a business would like to keep.

# %%
worth_keeping = np.where(sample.column("purchase_days") >= 4, probability, 0.0)
place = int(np.argsort(-worth_keeping, kind="stable")[len(worth_keeping) // 50])
print(f"customer {sample.customer_id[place]}: leaves with {probability[place]:.1%}")

# %% [markdown]
# ## What moved the prediction
# Each feature gets its exact contribution in log-odds: for the trees by TreeSHAP, which shares the
# prediction among the features in the one way that treats them all alike, and for the
# buy-till-you-die model by what it says. Positive raises the risk.

# %%
effects = model.effects(sample)
values = sample.matrix(model.codes)
table = pd.DataFrame(
    {
        "feature": [label_of(code) for code in model.codes],
        "value": values[place],
        "effect": effects[place, :-1],
        "in words": [
            reason_text(code, float(value), currency_exponent=exponent)
            for code, value in zip(model.codes, values[place], strict=True)
        ],
    },
    index=pd.Index(model.codes, name="code"),
)
table.loc[table["effect"].abs().sort_values(ascending=False).index].head(10)

# %% [markdown]
# ## It adds up
# The bias, which is the same for everybody, and the effects are the whole prediction: nothing is
# left over, for this customer or any other.

# %%
total = effects.sum(axis=1)
worst = float(np.abs(expit(total) - probability).max())
print(
    f"{effects[place, -1]:+.4f} bias {effects[place, :-1].sum():+.4f} effects = {total[place]:+.4f}"
)
print(f"as a probability {expit(total[place]):.6f}, predicted {probability[place]:.6f}")
print(f"largest difference among {len(sample)} customers: {worst:.1e}")
np.testing.assert_allclose(expit(total), probability, atol=1e-6)

# %%
strongest = table.loc[table["effect"].abs().sort_values().index].tail(10)
picture = strongest.plot.barh(x="feature", y="effect", legend=False, xlabel="effect in log-odds")
picture.figure.tight_layout()

# %% [markdown]
# ## What the product shows
# The strongest few, stored as codes with numbers and put into words when they are read, in either
# language.

# %%
told = json.loads(reasons(model.codes, values[[place]], effects[[place], :-1])[0])
pd.DataFrame(
    [
        {
            "English": reason_text(each["code"], each["value"], "en", exponent),
            "中文": reason_text(each["code"], each["value"], "zh", exponent),
            "effect": each["effect"],
        }
        for each in told
    ]
)

# %% [markdown]
# ## What would lower the risk
# Only what a business can do something about is changed, and only to where similar customers
# already are; then the model scores the customer again. A hint is what the model would say
# tomorrow if the facts were so. It is no proof that doing it works: that takes an experiment.

# %%
found = hints(model, buyers, threshold=0.5)
print(f"hints for {len({hint.customer_id for hint in found})} of {len(buyers)} customers")
pd.DataFrame(
    [
        {
            "customer": hint.customer_id,
            "do": " + ".join(hint.actions),
            "before": hint.before,
            "after": hint.after,
        }
        for hint in sorted(found, key=lambda hint: hint.after - hint.before)[:10]
    ]
)
