"""What a page is made of, whatever it becomes: sections of texts, outlines and tables."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A line of an outline with what stands below it."""

    text: str
    below: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Outline:
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Table:
    head: tuple[str, ...]
    """Empty for a table of names and values."""
    rows: tuple[tuple[str, ...], ...]


Block = str | Outline | Table


@dataclass(frozen=True)
class Section:
    title: str
    blocks: tuple[Block, ...] = ()
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True)
class Page:
    language: str
    title: str
    blocks: tuple[Block, ...]
    sections: tuple[Section, ...]
