"""`echelon policy show`: the policy in force as a document to read, print or publish."""

from __future__ import annotations

import asyncio
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.context import Installation, open_installation
from api.cli.terminal import JsonOption, Terminal

if TYPE_CHECKING:
    from api.domain.policy_page import Sources
    from api.domain.texts import Language


class PageLanguage(Enum):
    EN = "en"
    ZH = "zh"


def show(
    key: Annotated[
        str | None, typer.Argument(help="Which policy. Default: the one in force.")
    ] = None,
    version: Annotated[
        int | None, typer.Argument(help="Which version of it. Default: the latest.")
    ] = None,
    language: Annotated[
        PageLanguage, typer.Option(help="English or simplified Chinese.")
    ] = PageLanguage.EN,
    out: Annotated[
        Path | None, typer.Option(help="Write to this .html or .md file, not to the screen.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show who gets which tier and why, who decides, and what is done for whom, in words."""
    from api.domain.money import exponent_of
    from api.domain.policy_page import policy_page, to_html_page, to_markdown

    if out is not None and out.suffix not in (".html", ".md"):
        raise typer.BadParameter("takes a file that ends in .html or .md", param_hint="--out")
    terminal = Terminal(as_json=json)
    place = open_installation()
    sources, currency = asyncio.run(_read(place, key, version))
    tongue: Language = "en" if language is PageLanguage.EN else "zh-Hans"
    page = policy_page(sources, tongue, currency, exponent_of(currency))
    markdown = to_markdown(page)
    if out is not None:
        text = to_html_page(page) if out.suffix == ".html" else markdown
        out.write_text(text, encoding="utf-8")
        terminal.say(f"Wrote {out}.")
    elif not json:
        typer.echo(markdown, nl=False)
    named = {"key": sources.policy.key, "version": sources.version.number, "title": page.title}
    terminal.result(named | {"markdown": markdown, "file": str(out) if out else None})


async def _read(place: Installation, key: str | None, version: int | None) -> tuple[Sources, str]:
    """What the page is made from, and the base currency."""
    from api.db.engine import make_async_engine
    from api.db.installation import installation_of
    from api.db.policy_pages import read_sources
    from api.db.snapshots import Snapshot
    from api.domain.money import exponent_of

    engine = make_async_engine(place.url, 1)
    snapshot = Snapshot(engine)
    try:
        currency = (await installation_of(snapshot)).base_currency
        return await read_sources(snapshot, exponent_of(currency), key, version), currency
    finally:
        await snapshot.close()
        await engine.dispose()
