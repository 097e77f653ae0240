"""A page as HTML and as Markdown. Every text is escaped: documents are written by people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from api.domain.policy_page.blocks import Block, Entry, Outline, Page, Section, Table

MARKS = re.compile(r"([\\`*_{}\[\]<>#|~])")
FIRST_MARK = re.compile(r"^(\s*)([-+]|\d+[.)])(\s)")


def to_html(page: Page) -> str:
    """An `article` element without scripts and styles; headings begin at `h1`."""
    parts = [f'<article lang="{escape(page.language)}" class="policy">']
    parts.append(f"<h1>{escape(page.title)}</h1>")
    parts.extend(map(_block_html, page.blocks))
    for section in page.sections:
        parts.extend(_section_html(section, 2))
    parts.append("</article>")
    return "\n".join(parts) + "\n"


def to_html_page(page: Page) -> str:
    """The same as a file of its own."""
    return (
        f'<!doctype html>\n<html lang="{escape(page.language)}">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(page.title)}</title>\n</head>\n<body>\n{to_html(page)}</body>\n</html>\n"
    )


def _section_html(section: Section, level: int) -> Iterator[str]:
    yield f"<section><h{level}>{escape(section.title)}</h{level}>"
    yield from map(_block_html, section.blocks)
    for each in section.sections:
        yield from _section_html(each, level + 1)
    yield "</section>"


def _block_html(block: Block) -> str:
    if isinstance(block, str):
        return f"<p>{escape(block)}</p>"
    if isinstance(block, Outline):
        return _entries_html(block.entries)
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in block.head)
    rows = "".join(_row_html(row, named=not block.head) for row in block.rows)
    heading = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f"<table>{heading}<tbody>{rows}</tbody></table>"


def _row_html(row: tuple[str, ...], *, named: bool) -> str:
    cells = [f"<td>{escape(cell)}</td>" for cell in row]
    if named:
        cells[0] = f'<th scope="row">{escape(row[0])}</th>'
    return f"<tr>{''.join(cells)}</tr>"


def _entries_html(entries: tuple[Entry, ...]) -> str:
    items = "".join(
        f"<li>{escape(each.text)}{_entries_html(each.below) if each.below else ''}</li>"
        for each in entries
    )
    return f"<ul>{items}</ul>"


def to_markdown(page: Page) -> str:
    parts = [f"# {_escaped(page.title)}", *map(_block_markdown, page.blocks)]
    for section in page.sections:
        parts.extend(_section_markdown(section, 2))
    return "\n\n".join(parts) + "\n"


def _section_markdown(section: Section, level: int) -> Iterator[str]:
    yield f"{'#' * level} {_escaped(section.title)}"
    yield from map(_block_markdown, section.blocks)
    for each in section.sections:
        yield from _section_markdown(each, level + 1)


def _block_markdown(block: Block) -> str:
    if isinstance(block, str):
        return _plain(block)
    if isinstance(block, Outline):
        return "\n".join(_entries_markdown(block.entries, 0))
    return _table_markdown(block)


def _table_markdown(table: Table) -> str:
    width = len(table.head or table.rows[0])
    lines = [table.head or ("",) * width, ("---",) * width]
    cells = [tuple(map(_escaped, row)) for row in table.rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [*lines, *cells])


def _entries_markdown(entries: tuple[Entry, ...], depth: int) -> Iterator[str]:
    for each in entries:
        yield f"{'  ' * depth}- {_plain(each.text)}"
        yield from _entries_markdown(each.below, depth + 1)


def _plain(text: str) -> str:
    """A text at the beginning of a line, where it could be taken for a list."""
    return FIRST_MARK.sub(r"\1\\\2\3", _escaped(text))


def _escaped(text: str) -> str:
    return MARKS.sub(r"\\\1", " ".join(text.split()))
