"""What a file is, told by its content: its form, its compression, its encoding."""

from __future__ import annotations

import codecs
import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

from api.errors import InvalidInput

CHUNK_BYTES = 1 << 20
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How Excel's files begin, today's and old ones; OpenDocument's begin as today's."""
_FOREIGN = {
    b"PK\x03\x04": "a packed workbook or archive; unpack it",
    b"\xd0\xcf\x11\xe0": "a packed workbook; unpack it",
    b"%PDF": "a PDF",
    b"ORC": "an ORC file; write it as Parquet or CSV",
    b"SQLite format 3": "a database; export the table as CSV",
}
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CHINESE_PAIR = re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]")


@dataclass(frozen=True)
class FileForm:
    form: Literal["csv", "parquet", "jsonl", "workbook"]
    encoding: str
    gzipped: bool


def recognise(path: Path, encoding: str | None = None) -> FileForm:
    """Tell a file's form from its first bytes, and its encoding from all of them.

    Raises:
        InvalidInput: it is missing, empty, unreadable or no table; says which.
    """
    head = _read_head(path)
    if head[:4] == b"PAR1":
        return FileForm("parquet", "binary", False)
    if head.startswith(_WORKBOOKS):
        return FileForm("workbook", "binary", False)
    gzipped = head[:2] == b"\x1f\x8b"
    if gzipped:
        head = _read_unpacked_head(path)
    if not head.strip():
        raise InvalidInput(f"{path} is empty: there is nothing to read.")
    _refuse_other_things(path, head)
    known = encoding or _find_encoding(path, gzipped)
    _check_codec(known)
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    return FileForm("jsonl" if start[:1] == b"{" else "csv", known, gzipped)


def open_bytes(path: Path, form: FileForm) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb")) if form.gzipped else path.open("rb")


def _read_head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(CHUNK_BYTES)
    except FileNotFoundError:
        raise InvalidInput(f"There is no file {path}.") from None
    except IsADirectoryError:
        raise InvalidInput(f"{path} is a folder; name one file.") from None
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}.") from None


def _read_unpacked_head(path: Path) -> bytes:
    try:
        with gzip.open(path, "rb") as file:
            return file.read(CHUNK_BYTES)
    except (OSError, EOFError):
        raise InvalidInput(f"{path} is a damaged gzip file.") from None


def _refuse_other_things(path: Path, head: bytes) -> None:
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            raise InvalidInput(f"{path} is not a table but {what}.")
    if head.startswith(_WIDE_MARKS):
        raise InvalidInput(f"{path} is written in UTF-16; save it as UTF-8.")
    if b"\0" in head:
        raise InvalidInput(
            f"{path} is not a table but binary data; CSV, Parquet, Excel and JSON lines can be "
            "read."
        )
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if start[:1] == b"<":
        raise InvalidInput(
            f"{path} is not a table but a web page or XML; CSV, Parquet, Excel and JSON lines can "
            "be read."
        )
    if start[:1] == b"[":
        raise InvalidInput(f"{path} is one JSON list; write one object a line (JSON lines).")


def _chunks(path: Path, gzipped: bool) -> Iterator[bytes]:
    try:
        with gzip.open(path, "rb") if gzipped else path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except (OSError, EOFError):
        raise InvalidInput(f"{path} can't be read to its end: it is damaged.") from None


def _find_encoding(path: Path, gzipped: bool) -> str:
    """UTF-8 if every byte is; else GB18030 if every byte is and it looks like Chinese."""
    for name in ("utf-8", "gb18030"):
        decoder = codecs.getincrementaldecoder(name)()
        chinese = pairs = 0
        try:
            for chunk in _chunks(path, gzipped):
                decoder.decode(chunk)
                if name == "gb18030":
                    found = _CHINESE_PAIR.findall(chunk)
                    pairs += len(found)
                    chinese += sum(pair[1] >= 0xA1 for pair in found)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        # An accented letter before a plain one also passes for a rare Chinese character.
        if name == "utf-8" or chinese * 2 > pairs:
            return name
    raise InvalidInput(
        f"{path} is neither UTF-8 nor GB18030; save it as UTF-8, or name its encoding."
    )


def _check_codec(name: str) -> None:
    try:
        codecs.lookup(name)
    except LookupError:
        raise InvalidInput(f"There is no encoding {name!r}; such as utf-8 or gb18030.") from None
