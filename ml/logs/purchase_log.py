"""A purchase log, cleaned: who, when, how much; what was left out of it, and why.

A row is a purchase or a line of one; a negative amount is a return or a cancellation.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.contracts import cutoff_of, day_of
from ml.errors import BadLog
from ml.logs.amounts import LEAST_EXPONENT, read_amounts
from ml.logs.cancellations import CANCELLED_WITHIN_DAYS, cancelled
from ml.logs.times import as_words, nulls, read_times

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
NOBODY = ("null", "none", "nan", "na", "n/a", "<na>", "\\n")
"""What programs write, in any case, where a row has no customer: no one's name."""
EXAMPLES = 3


@dataclass(frozen=True)
class Dropped:
    """Rows that can't be used, and the numbers of the first of them; row 1 is the first one."""

    reason: str
    rows: int
    examples: tuple[int, ...]


@dataclass(frozen=True)
class PurchaseLog:
    """Rows sorted by customer and moment."""

    customers: pa.Array
    """Texts, sorted; also of those whose rows were all struck out."""
    customer: Ints
    """Place among the `customers`."""
    moment: Ints
    """Seconds since 1970-01-01 UTC."""
    amount_minor: Ints | None
    """Whole units of 10 to the minus `exponent`; None where the log has no amounts."""
    exponent: int
    time_zone: str
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.customer)

    @property
    def bought(self) -> Mask:
        """Which rows are purchases and no returns; an amount of 0 is a purchase."""
        if self.amount_minor is None:
            return np.ones(len(self), np.bool_)
        return np.asarray(self.amount_minor >= 0)

    def where(self, rows: Mask) -> PurchaseLog:
        """Some of the rows, of the same customers."""
        amounts = None if self.amount_minor is None else self.amount_minor[rows]
        return replace(
            self, customer=self.customer[rows], moment=self.moment[rows], amount_minor=amounts
        )

    def known_at(self, as_of: dt.date) -> PurchaseLog:
        """What could be known at the end of a day: its rows, and the customers seen by then.

        A purchase that was cancelled by then is struck out together with its cancellation; one
        that is cancelled later stands, as nobody could know.

        Raises:
            BadLog: nobody had bought anything yet.
        """
        cutoff = cutoff_of(as_of, self.time_zone)
        seen = self.moment < cutoff
        if not (seen & self.bought).any():
            raise BadLog(self._nothing_by(as_of))
        later = int((~seen).sum())
        places, customer = np.unique(self.customer[seen], return_inverse=True)
        log = replace(
            self.where(seen),
            customers=self.customers.take(pa.array(places)),
            customer=customer.astype(np.int64),
        )
        struck = np.zeros(len(log), np.bool_)
        if log.amount_minor is not None:
            struck = cancelled(log.customer, log.moment, log.amount_minor)
        notes = list(self.notes)
        if later:
            notes.append(f"{later:,} rows are of later days than {as_of} and are not looked at.")
        if struck.any():
            notes.append(
                f"{int(struck.sum()) // 2:,} purchases were cancelled in full within "
                f"{CANCELLED_WITHIN_DAYS} days; neither they nor their cancellations count."
            )
        return replace(log.where(~struck), notes=tuple(notes))._in_fewest_decimals()

    def _in_fewest_decimals(self) -> PurchaseLog:
        """The same amounts in the largest unit that shows them whole: later rows must not tell."""
        minor, exponent = self.amount_minor, self.exponent
        if minor is None:
            return self
        while exponent > LEAST_EXPONENT and not (minor % 10).any():
            minor, exponent = minor // 10, exponent - 1
        return replace(self, amount_minor=minor, exponent=exponent)

    def _nothing_by(self, as_of: dt.date) -> str:
        if not self.bought.any():
            return "All amounts are negative, so that no row is a purchase: turn their sign."
        first = day_of(int(self.moment[self.bought].min()), self.time_zone)
        return (
            f"Nobody had bought anything by {as_of}: the first purchase is of {first}. "
            "Choose a later day."
        )


def clean_log(
    table: pa.Table,
    *,
    customer: str,
    time: str,
    amount: str | None = None,
    time_zone: str = "UTC",
    time_format: str | None = None,
    row_numbers: Ints | None = None,
    drop_duplicates: bool = False,
) -> PurchaseLog:
    """Read a table's columns as a log. What can't be used is dropped and counted.

    A customer is a text, unchanged; whole numbers lose the `.0` that a float column gives them.
    `row_numbers` tells what a row is called in messages, by default its place from 1 on.

    Raises:
        BadLog: a column is absent or holds something else; or no row is left.
    """
    _require_columns(table, {"customer": customer, "time": time, "amount": amount})
    numbers = np.arange(1, table.num_rows + 1) if row_numbers is None else row_numbers
    if not table.num_rows:
        raise BadLog("The log is empty: it has a header and no row.")
    ids = read_ids(table[customer], customer)
    times = read_times(_flat(table[time]), time, time_zone=time_zone, time_format=time_format)
    amounts = read_amounts(_flat(table[amount]), amount) if amount else None
    repeated = _repeated(table)
    sieve = _Sieve(numbers)
    sieve.drop(nulls(ids), f"no customer in {customer!r}")
    sieve.drop(times.missing, f"no time in {time!r}")
    sieve.drop(~times.known, f"no time that can be read in {time!r}")
    if amounts is not None:
        sieve.drop(amounts.missing, f"no amount in {amount!r}")
        sieve.drop(~amounts.known, f"no amount that can be read in {amount!r}")
    if drop_duplicates:
        sieve.drop(repeated, "the same in all columns as an earlier row")
    if not sieve.good.any():
        told = "; ".join(f"{each.rows:,} have {each.reason}" for each in sieve.dropped)
        raise BadLog(f"No row of the log can be used: {told}.")
    minor = None if amounts is None else amounts.minor[sieve.good]
    log = _arranged(ids.filter(pa.array(sieve.good)), times.moment[sieve.good], minor)
    log = replace(
        log,
        exponent=amounts.exponent if amounts else LEAST_EXPONENT,
        time_zone=time_zone,
        dropped=tuple(sieve.dropped),
        notes=times.notes + (amounts.notes if amounts else ()),
    )
    kept = 0 if drop_duplicates else int((repeated & sieve.good).sum())
    return replace(log, notes=(*log.notes, *_remarks(log, kept)))


def _arranged(ids: pa.Array, moment: Ints, minor: Ints | None) -> PurchaseLog:
    """Customers and rows in an order that doesn't depend on the file's."""
    encoded = ids.dictionary_encode()
    order = pc.array_sort_indices(encoded.dictionary)
    rank = np.empty(len(order), np.int64)
    rank[order.to_numpy()] = np.arange(len(order))
    codes = rank[encoded.indices.to_numpy(zero_copy_only=False)]
    rows = np.lexsort((moment, codes) if minor is None else (minor, moment, codes))
    return PurchaseLog(
        customers=encoded.dictionary.take(order),
        customer=codes[rows],
        moment=moment[rows],
        amount_minor=None if minor is None else minor[rows],
        exponent=LEAST_EXPONENT,
        time_zone="UTC",
    )


def read_ids(column: pa.ChunkedArray, name: str) -> pa.Array:
    """Customers as text, null where there is none. A text is left as it is, blanks and all."""
    flat = _flat(column)
    words = as_words(flat, name)
    nobody = pc.is_in(pc.utf8_lower(words), pa.array(NOBODY))
    empty = pc.or_(pc.is_null(words), pc.fill_null(nobody, True))
    kept = flat if pa.types.is_string(flat.type) else words
    return pc.if_else(empty, pa.scalar(None, pa.string()), kept)


def _flat(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array.cast(pa.string()) if pa.types.is_large_string(array.type) else array


class _Sieve:
    """Lets good rows through; counts the others under the first reason against them."""

    def __init__(self, row_numbers: Ints) -> None:
        self.good = np.ones(len(row_numbers), np.bool_)
        self.dropped: list[Dropped] = []
        self._row_numbers = row_numbers

    def drop(self, bad: Mask, reason: str) -> None:
        places = np.flatnonzero(bad & self.good)
        if len(places):
            examples = tuple(int(each) for each in self._row_numbers[places[:EXAMPLES]])
            self.dropped.append(Dropped(reason, len(places), examples))
            self.good[places] = False


def _require_columns(table: pa.Table, wanted: dict[str, str | None]) -> None:
    names = table.column_names
    for role, name in wanted.items():
        if name is None or name in names:
            continue
        near = difflib.get_close_matches(name, names, n=1)
        hint = f" Did you mean --{role} {near[0]!r}?" if near else ""
        if looks_headless(names):
            hint = " The first row looks like data: put a row of names above it."
        raise BadLog(f"There is no column {name!r}; the columns are {', '.join(names)}.{hint}")


def looks_headless(names: Sequence[str]) -> bool:
    """Whether most of a file's column names are numbers or dates: it has no header then."""
    figures = [name for name in names if name and not any(c.isalpha() for c in name)]
    return len(figures) * 2 > len(names)


def _repeated(table: pa.Table) -> Mask:
    """Rows that are the same in all columns as an earlier one."""
    places = pa.array(np.arange(table.num_rows))
    names = [f"c{place}" for place in range(table.num_columns)]
    renamed = table.rename_columns(names).append_column("place", places)
    firsts = renamed.group_by(names, use_threads=False).aggregate([("place", "min")])["place_min"]
    repeated = np.ones(table.num_rows, np.bool_)
    repeated[firsts.to_numpy()] = False
    return repeated


def _remarks(log: PurchaseLog, repeated: int) -> list[str]:
    remarks = []
    if repeated:
        remarks.append(
            f"{repeated:,} rows are the same in all columns as an earlier one; they count, as two "
            "equal purchases may be meant. --drop-duplicates leaves them out."
        )
    if log.amount_minor is not None:
        returns = int((~log.bought).sum())
        if returns:
            remarks.append(
                f"{returns:,} rows with a negative amount are returns or cancellations: they "
                "lower what is spent and are no purchases."
            )
        if int(log.amount_minor.sum()) < 0:
            remarks.append("All amounts together are negative: is their sign the right one?")
        if not log.amount_minor.any():
            remarks.append("All amounts are 0: what customers will spend is expected to be 0.")
    return remarks
