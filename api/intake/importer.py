"""`import_facts`: a source of rows in, good rows stored batch by batch, bad rows set aside."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from adbc_driver_manager import dbapi as adbc
from sqlalchemy import Engine

from api.db.bulk import MergeCounts, bulk_connection
from api.db.installation import InstallationFacts, read_installation
from api.db.intake import BatchWriter, read_rates
from api.db.personal_data import require_rotated
from api.db.schema import require_current
from api.domain.personal_data import PersonalDataCipher
from api.errors import InvalidInput
from api.intake.amounts import ExchangeRates
from api.intake.attributes import is_sensitive
from api.intake.checks import check
from api.intake.columns import Matched, match_columns
from api.intake.consents import write_consents
from api.intake.conversion import Batch, Setting, convert
from api.intake.customers import write_attributes, write_customers
from api.intake.duplicates import SeenRows, hashed_rows
from api.intake.fields import FactKind
from api.intake.kinds import kind_named
from api.intake.orders import Orders, SeenOrders, arrange
from api.intake.pricing import price
from api.intake.purchases import write_order_lines
from api.intake.readers import ArrowSource, open_source
from api.intake.rejects import WITHHELD, Quarantine
from api.intake.rows import BATCH_ROWS, RawBatch
from api.intake.writing import Writing, resolve_references, write_rows
from api.rotation import cipher_of, settle_secret
from api.settings import Settings

Progress = Callable[[str, float | None], None]
"""Told what has been done and, where it is known, which share of the whole that is."""


def _silent(_step: str, _share: float | None) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class ImportReport:
    """Rows read = added + changed + unchanged + rejected."""

    rows_read: int
    added: int
    changed: int
    unchanged: int
    rejected: int
    quarantine_path: Path | None
    seconds: float
    encoding: str = ""
    """What the file's text was read as; empty where it says so itself."""
    first_reasons: tuple[tuple[int, str], ...] = ()
    """The first rejected rows: number and reason."""


def import_facts(
    engine: Engine,
    url: str,
    settings: Settings,
    *,
    kind: str,
    source: Path | ArrowSource,
    mapping: Mapping[str, str],
    quarantine: Path | None,
    origin: str,
    clock: Callable[[], dt.datetime],
    progress: Progress = _silent,
    encoding: str | None = None,
    sheet: str | None = None,
    batch_rows: int = BATCH_ROWS,
    expected_rows: int | None = None,
) -> ImportReport:
    """Store the good rows of `source`, one transaction a batch, and set the bad ones aside.

    `mapping` is theirs to ours. Importing the same rows again is harmless. `origin` names the
    system the rows come from. `expected_rows` gives progress its share where the source can't.

    Raises:
        InvalidInput: the source is no table of this kind; nothing has been written.
        NotReady: there is no database of this version.
        Conflict: another process holds SQLite's write lock.
    """
    started = time.monotonic()
    fact_kind = kind_named(kind)
    require_current(engine)
    opened = open_source(source, encoding, batch_rows, sheet)
    matched = match_columns(fact_kind, opened.columns, mapping)
    now = clock()
    path = _quarantine_path(quarantine, settings, source, kind, now)
    bad = Quarantine(path, opened.columns, _withheld(fact_kind, matched))
    installation = read_installation(engine)
    cipher = cipher_of(settings)
    if seals := any(field.personal for field in fact_kind.fields):
        settle_secret(engine, settings, now)
        require_rotated(engine, cipher)
    with ExitStack() as stack:
        connection = stack.enter_context(bulk_connection(url))
        run = _Run(
            fact_kind,
            matched,
            _setting(installation, connection, now),
            BatchWriter(connection, engine.dialect.name),
            cipher,
            seals,
            stack.enter_context(bad),
            stack.enter_context(SeenRows()),
            stack.enter_context(SeenOrders()),
            origin,
        )
        for raw, is_last in _with_last(opened.batches):
            run.take(raw, is_last)
            share = run.rows_read / expected_rows if expected_rows else raw.share
            progress(f"{run.rows_read:,} rows", share)
    return run.report(time.monotonic() - started, opened.encoding)


def _setting(
    installation: InstallationFacts, connection: adbc.Connection, now: dt.datetime
) -> Setting:
    rates = ExchangeRates(installation.base_currency, read_rates(connection))
    return Setting(ZoneInfo(installation.time_zone), now, rates)


def _quarantine_path(
    given: Path | None,
    settings: Settings,
    source: Path | ArrowSource,
    kind: str,
    now: dt.datetime,
) -> Path:
    stamp = now.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    path = given or settings.data_dir.resolve() / "quarantine" / f"{kind}-{stamp}.csv"
    if isinstance(source, Path) and path.resolve() == source.resolve():
        raise InvalidInput("The quarantine file can't be the file that is imported; name another.")
    return path


def _withheld(kind: FactKind, matched: Matched) -> set[str]:
    """Their columns that a quarantine file must not repeat."""
    personal = {matched.theirs(field.name) for field in kind.fields if field.personal}
    return personal | {theirs for name, theirs in matched.attributes.items() if is_sensitive(name)}


def _with_last(batches: Iterator[RawBatch]) -> Iterator[tuple[RawBatch, bool]]:
    held = next(batches, None)
    while held is not None:
        following = next(batches, None)
        yield held, following is None
        held = following


@dataclass
class _Run:
    """One import: what all its batches share, and the counts so far."""

    kind: FactKind
    matched: Matched
    setting: Setting
    writer: BatchWriter
    cipher: PersonalDataCipher
    seals: bool
    """Whether rows of this kind hold personal data."""
    quarantine: Quarantine
    seen_rows: SeenRows
    seen_orders: SeenOrders
    origin: str
    rows_read: int = 0
    added: int = 0
    changed: int = 0

    def take(self, raw: RawBatch, is_last: bool) -> None:
        """Bring one batch in, all of it or nothing."""
        batch = Batch(self.kind, raw, self.matched)
        convert(batch, self.setting)
        price(batch, self.setting)
        check(batch, self.setting)
        orders = arrange(batch, self.seen_orders) if self.kind.name == "order_lines" else None
        remember_rows = self._drop_duplicates(batch)
        self.writer.begin(self.kind.name, self.origin, self.setting.now)
        if self.seals:
            self.writer.require_secret(self.cipher.key_id)
        counts = self._write(batch, orders)
        self._set_aside(batch)
        self.writer.end(counts.added, counts.changed)
        if not is_last:
            remember_rows()
            if orders is not None:
                self.seen_orders.remember(orders)
        self.rows_read += len(batch) + len(raw.malformed)
        self.added += counts.added
        self.changed += counts.changed

    def _write(self, batch: Batch, orders: Orders | None) -> MergeCounts:
        writing = Writing(self.writer, self.cipher, batch)
        if not len(writing.places):
            return MergeCounts(0, 0)
        resolve_references(writing)
        if orders is not None:
            return write_order_lines(writing, orders)
        own = {
            "customers": write_customers,
            "attributes": write_attributes,
            "consents": write_consents,
        }
        return own.get(self.kind.name, write_rows)(writing)

    def _drop_duplicates(self, batch: Batch) -> Callable[[], None]:
        """Drop rows that repeat an earlier one, reject those that contradict it."""
        if self.kind.name == "order_lines" and "line_no" not in self.matched.fields:
            return lambda: None  # the numbers given here can't repeat
        places = np.flatnonzero(batch.good)
        taken = pa.array(places)
        columns = {name: column.take(taken) for name, column in batch.columns.items()}
        columns |= {f"attributes.{name}": c.take(taken) for name, c in batch.attributes.items()}
        rows = hashed_rows(columns, self.kind.key, batch.raw.row_numbers[places])
        earlier = self.seen_rows.earlier(rows)
        again = (earlier["first_row"] != rows["row_number"]).to_numpy()
        same = (earlier["first_content"] == rows["content"]).to_numpy()
        batch.repeated[places[again & same]] = True
        contradicts = np.zeros(len(batch), dtype=bool)
        contradicts[places[again & ~same]] = True
        first = np.zeros(len(batch), dtype=np.int64)
        first[places] = earlier["first_row"].to_numpy()
        key = ", ".join(self.matched.theirs(name) for name in self.kind.key)
        batch.reject(
            self.kind.key[0],
            contradicts,
            lambda row: f"the same {key} as in row {first[row]}, with other content; keep one",
        )
        return lambda: self.seen_rows.remember(rows[~again])

    def _set_aside(self, batch: Batch) -> None:
        lines: list[tuple[int, str, str, Mapping[str, object]]] = [
            (bad.row_number, "", bad.reason, bad.values) for bad in batch.raw.malformed
        ]
        for row, columns, reasons in batch.rejections.lines():
            values = batch.raw.table.slice(row, 1).to_pylist()[0]
            lines.append((int(batch.raw.row_numbers[row]), columns, reasons, self._shown(values)))
        for line in sorted(lines, key=lambda line: line[0]):
            self.quarantine.write(*line)
        self.quarantine.flush()

    def _shown(self, values: dict[str, object]) -> dict[str, object]:
        """An attribute a row keeps its value to itself where its name is a sensitive one."""
        if self.kind.name == "attributes":
            name = values.get(self.matched.theirs("name"))
            if isinstance(name, str) and is_sensitive(name):
                return values | {self.matched.theirs("value"): WITHHELD}
        return values

    def report(self, seconds: float, encoding: str) -> ImportReport:
        rejected = self.quarantine.rows
        return ImportReport(
            rows_read=self.rows_read,
            added=self.added,
            changed=self.changed,
            unchanged=self.rows_read - self.added - self.changed - rejected,
            rejected=rejected,
            quarantine_path=self.quarantine.path if rejected else None,
            seconds=seconds,
            encoding=encoding,
            first_reasons=tuple(self.quarantine.first_reasons),
        )
