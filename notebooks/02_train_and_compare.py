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
# # Train both models and compare them
#
# Who will leave, and what is each customer worth: both models are trained here on the fact store
# under `ECHELON_DATA_DIR`, judged on a window that neither has seen, and held against every method
# that people use without us. Then they are registered in an MLflow store of this notebook's own,
# and loaded from there as anybody would. The installation's own store is left alone.

# %%
import datetime as dt
import os
import tempfile
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from IPython.display import Image, Markdown, display

from ml import registry
from ml.backends import connect
from ml.contracts import day_of
from ml.evaluation import DECISIVE
from ml.facts import FactStore
from ml.model_card import comparison, segments
from ml.training import train

HORIZON_DAYS = {"churn": 28, "clv": 56}
THREADS = os.cpu_count() or 1

# %%
default = Path("../var") if Path("../var").exists() else Path("var")
store = FactStore(Path(os.environ.get("ECHELON_DATA_DIR", default)) / "facts")
with connect(THREADS) as backend:
    backend.open(store)
    last = backend.query("SELECT max(ordered_at) AS moment FROM order_lines").to_pylist()[0]

# The last day may have only begun, so that the day before it is the last whole one.
as_of = day_of(last["moment"], store.manifest.time_zone) - dt.timedelta(days=1)
folder = Path(tempfile.mkdtemp(prefix="echelon-notebook-"))
print(f"as of {as_of}, working in {folder}")

# %% [markdown]
# ## Training
# Nothing is tuned by hand. `train` looks at the same customers on past days, chooses the depth and
# the number of trees on days that come later than those it learned from, and keeps the latest
# complete window for the judgement.

# %%
models = {
    name: train(
        store.path, name, as_of=as_of, horizon_days=days, threads=THREADS, folder=folder / name
    )
    for name, days in HORIZON_DAYS.items()
}
pd.DataFrame({name: pd.Series(trained.parameters) for name, trained in models.items()}).fillna("")

# %% [markdown]
# ## Against the baselines
# The same customers, the same window, every method. In brackets are the ends of the bootstrap
# interval: where those of two methods overlap widely, the order of the two may be chance.

# %%
for name, trained in models.items():
    display(Markdown(f"### {name}\n\n{comparison(trained.evaluation.judgement)}"))

# %% [markdown]
# Two intervals may overlap although one method is better on nearly every resample of the
# customers, as what is hard for one is hard for the other. So the difference to the best baseline
# is drawn in pairs. Below zero, our loss is lower.

# %%
pd.DataFrame(
    {
        (name, metric): interval._asdict()
        for name, trained in models.items()
        for metric, interval in trained.evaluation.judgement.against_rival.items()
    }
).transpose()

# %%
for name, trained in models.items():
    judged = trained.evaluation.judgement
    gap = judged.against_rival[DECISIVE[name]]
    print(
        f"{name}: {DECISIVE[name]} {judged.methods['echelon'][DECISIVE[name]].value:.4f}, "
        f"{gap.value:+.4f} to {judged.rival}, the best baseline"
    )

# %% [markdown]
# ## Lift and calibration
# The left picture of each model says how much of the outcome is found by asking the highest first,
# the right one whether the numbers can be taken at their word.

# %%
for trained in models.values():
    for picture in trained.plots:
        if picture.stem in ("gain", "calibration"):
            display(Image(filename=picture))

# %% [markdown]
# ## Segments
# A model that is good on average may be bad for some. A segment falls below its floor where the
# best baseline does clearly better there.

# %%
for name, trained in models.items():
    display(Markdown(f"### {name}\n\n{segments(trained.evaluation.judgement)}"))

# %% [markdown]
# ## In MLflow
# A fresh store takes a while to be made. Each model gets a run with parameters, metrics, plots, a
# data snapshot, a report and a model card; the version that is not worse than the one before it
# becomes the champion. Look at it with `mlflow ui --backend-store-uri URI`.

# %%
uri = f"sqlite:///{folder / 'mlflow.db'}"
registry.prepare_store(uri, folder / "artifacts")
registered = {name: registry.register(uri, trained) for name, trained in models.items()}
for name, found in registered.items():
    print(
        f"{name}/{found.version} {'is champion' if found.promoted else 'stays behind'}: {found.why}"
    )

# %% [markdown]
# What comes back is no class but the product's own numbers: probability, value with its interval,
# and the reasons. Anybody can load it who has MLflow; it carries its code along.

# %%
mlflow.set_registry_uri(uri)
mlflow.set_tracking_uri(uri)
served = mlflow.pyfunc.load_model("models:/churn@champion")
holdout = models["churn"].holdout
rows = pd.DataFrame(holdout.values[:5].astype(np.float64), columns=list(holdout.codes))
served.predict(rows)[["churn_probability", "reasons_text"]]
