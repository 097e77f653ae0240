"""The policy documents that ship with Echelon, read from `api/policies`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Engine

from api.db.catalogue import install_missing
from api.errors import InvalidInput

POLICIES = Path(__file__).parent / "policies"


def read_document(path: Path) -> Any:
    """A YAML or JSON document.

    Raises:
        InvalidInput: the file is missing or is neither.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidInput(f"There is no file {path}.") from None
    except (yaml.YAMLError, UnicodeDecodeError, IsADirectoryError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" (line {where.line + 1})" if where is not None else ""
        raise InvalidInput(f"{path} is not a YAML or JSON document{line}.") from None


def install_shipped_documents(engine: Engine, now: dt.datetime) -> None:
    """Give a new installation the default policy, segments and strategies."""
    install_missing(
        engine,
        policy=read_document(POLICIES / "default.yaml"),
        segments=read_document(POLICIES / "segments.yaml"),
        strategies=read_document(POLICIES / "strategies.yaml"),
        resources=read_document(POLICIES / "resources.yaml"),
        now=now,
    )
