"""The policy documents that ship with Echelon, read from `api/policies`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Engine

from api.db.shipped import Shipped, install_shipped
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


def read_policy_file(name: str) -> Any:
    """A policy by the path of its file, or by the name of one that ships with Echelon.

    Raises:
        InvalidInput: there is neither.
    """
    shipped = POLICIES / f"{name}.yaml"
    path = Path(name)
    if not path.exists() and path.name == name and shipped.exists():
        return read_document(shipped)
    return read_document(path)


def install_shipped_documents(engine: Engine, now: dt.datetime) -> None:
    """Give an installation what ships: policy, classes, segments, strategies, resources.

    What the business never changed is renewed; what it has changed stays.
    """
    shipped = Shipped(
        policy=read_document(POLICIES / "default.yaml"),
        segments=read_document(POLICIES / "segments.yaml"),
        strategies=read_document(POLICIES / "strategies.yaml"),
        resources=read_document(POLICIES / "resources.yaml"),
        classes=read_document(POLICIES / "classes.yaml"),
    )
    install_shipped(engine, shipped, now)
