"""`echelon explain`: why a customer has a tier, replayed, and what would change it."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from api.cli.context import open_installation, parse_day
from api.cli.terminal import JsonOption, Terminal


class SpokenLanguage(Enum):
    EN = "en"
    ZH = "zh"


def explain_(
    customer: Annotated[str, typer.Argument(help="The business's own number of the customer.")],
    as_of: Annotated[
        str | None,
        typer.Option(help="The decision that held on this day. Default: the present one."),
    ] = None,
    language: Annotated[SpokenLanguage, typer.Option(help="en or zh.")] = SpokenLanguage.EN,
    json: JsonOption = False,
) -> None:
    """Say which tier, why, by what, how far to the next one; replay it and prove it equal."""
    from api.explanations import as_document, as_lines, explain_customer

    terminal = Terminal(as_json=json)
    day = parse_day(as_of, "--as-of")
    place = open_installation()
    english = language is SpokenLanguage.EN
    words = explain_customer(place.engine, customer, day, "en" if english else "zh-Hans")
    words.explanation.require_equal()
    for line in as_lines(words):
        terminal.say(line)
    terminal.result(as_document(words))
