"""`echelon documents`: which GraphQL documents applications may send by their ids."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.context import now, open_installation
from api.cli.terminal import JsonOption, Terminal
from api.db.trusted_documents import add_documents, list_documents, remove_documents
from api.domain.audit import MOST_NAMED
from api.domain.trusted_documents import (
    TrustedText,
    parse_document_id,
    read_manifest,
    trusted_text,
)
from api.errors import InvalidInput

app = typer.Typer(help="Store GraphQL documents that are sent by their ids.", no_args_is_help=True)


@app.command()
def add(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files with one document each.", exists=True)
    ] = None,
    manifest: Annotated[
        list[Path] | None,
        typer.Option(
            help="A manifest of persisted documents, as Relay, GraphQL Code Generator or Apollo "
            "writes it with SHA-256.",
            exists=True,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check documents against the schema and store them; all of them, or none."""
    if not files and not manifest:
        raise typer.BadParameter("give files with documents, or --manifest", param_hint="FILES")
    terminal = Terminal(as_json=json)
    found = [trusted_text(_read(path), str(path)) for path in files or ()]
    for path in manifest or ():
        found += read_manifest(_read(path), str(path))
    named = [(each, _operations(each)) for each in found]
    place = open_installation()
    place.trail.about(*(f"TrustedDocument:{each.id}" for each in found[:MOST_NAMED]))
    new = add_documents(place.engine, named, now())
    for each, names in named:
        terminal.say(f"{each.id}  {names}")
    terminal.note(f"{new} new, {len({each.sha256 for each in found}) - new} there before.")
    terminal.result(
        {
            "added": new,
            "documents": [{"id": each.id, "operations": names} for each, names in named],
        }
    )


@app.command("list")
def list_(json: JsonOption = False) -> None:
    """Every stored document by its id, with the names of its operations."""
    terminal = Terminal(as_json=json)
    known = list_documents(open_installation().engine)
    terminal.table(
        ["id", "operations", "added"],
        [[each.id, each.operations, f"{each.added_at:%Y-%m-%d %H:%M} UTC"] for each in known],
    )
    terminal.result(
        [{"id": each.id, "operations": each.operations, "addedAt": each.added_at} for each in known]
    )


@app.command()
def remove(
    ids: Annotated[list[str], typer.Argument(help="Ids of documents, as `list` shows them.")],
    json: JsonOption = False,
) -> None:
    """Stop answering documents by these ids, within seconds."""
    terminal = Terminal(as_json=json)
    hashes = []
    for each in ids:
        sha256 = parse_document_id(each)
        if sha256 is None:
            raise InvalidInput(f"{each!r} is no document's id; they begin with sha256:")
        hashes.append(sha256)
    place = open_installation()
    place.trail.about(*(f"TrustedDocument:{each}" for each in ids[:MOST_NAMED]))
    removed = remove_documents(place.engine, hashes)
    terminal.say(f"{removed} removed.")
    terminal.result({"removed": removed})


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is not UTF-8.") from None


def _operations(document: TrustedText) -> str:
    """The names of a document's operations, once the schema answers it.

    Raises:
        InvalidInput: it does not; says why.
    """
    from graphql import GraphQLError, OperationDefinitionNode, parse, validate

    from api.graphql.limits import Limits
    from api.graphql.schema import executable_schema

    try:
        parsed = parse(document.text, max_lexical_tokens=Limits().tokens)
    except GraphQLError as error:
        raise InvalidInput(f"{document.id}: {error.message}.") from None
    if problems := validate(executable_schema(), parsed, max_errors=3):
        raise InvalidInput(f"{document.id}: {problems[0].message}")
    return ", ".join(
        each.name.value if each.name else "(no name)"
        for each in parsed.definitions
        if isinstance(each, OperationDefinitionNode)
    )
