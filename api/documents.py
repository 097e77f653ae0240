"""The policy documents that ship with Echelon, read from `api/policies`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from api.db.shipped import Shipped, install_shipped
from api.yaml_documents import read_document

__all__ = ["POLICIES", "install_shipped_documents", "read_document", "read_policy_file"]
POLICIES = Path(__file__).parent / "policies"


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
