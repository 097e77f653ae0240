"""The `echelon` command: exit code 0 done, 1 failed, 2 wrong usage.

Commands import what is heavy when they run, so that help and small commands answer at once.
"""

from __future__ import annotations

import json
import sys

import typer

from api.cli import (
    audit,
    database,
    demo,
    doctor,
    documents,
    drift,
    evaluate,
    exports,
    facts,
    keys,
    mining,
    models,
    policy,
    predict,
    refresh,
    schema,
    secrets,
    segments,
    serve,
    training,
)
from api.cli import (
    explain as explain_command,
)
from api.cli.failures import INTERRUPTED, explain, interrupted

app = typer.Typer(
    name="echelon",
    help="Customer churn, lifetime value, tiers, segments and strategies over GraphQL.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("demo")(demo.demo)
app.add_typer(database.app, name="db")
app.command("import")(facts.import_)
app.command("train")(training.train)
app.command("predict")(predict.predict)
app.command("evaluate")(evaluate.evaluate)
app.add_typer(models.app, name="models")
app.command("drift")(drift.drift)
app.add_typer(mining.app, name="mine")
app.command("refresh")(refresh.refresh_)
app.command("serve")(serve.serve)
app.add_typer(keys.app, name="keys")
app.add_typer(audit.app, name="audit")
app.add_typer(documents.app, name="documents")
app.add_typer(secrets.app, name="secrets")
app.add_typer(segments.app, name="segments")
app.add_typer(exports.app, name="export")
app.command("export-schema")(schema.export_schema)
app.add_typer(policy.app, name="policy")
app.command("explain")(explain_command.explain_)
app.command("doctor")(doctor.doctor_)


def main() -> None:
    """Run a command; whatever fails is one clear line and exit code 1, never a traceback."""
    try:
        app()
    except Exception as error:
        if interrupted(error):
            raise SystemExit(INTERRUPTED) from None
        code, message = explain(error)
        if "--json" in sys.argv:
            print(json.dumps({"error": {"code": code, "message": message}}, ensure_ascii=False))
        print(f"echelon: {message}", file=sys.stderr)
        raise SystemExit(1) from None
