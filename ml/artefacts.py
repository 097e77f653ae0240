"""A model on disk: trees in xgboost's own format and everything else in one JSON beside them.

Nothing here can execute code, and nothing is parsed before its SHA-256 is the expected one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.contracts import AttributeField
from ml.errors import BadModel

FORMAT = 2
CHAMPION = "model"
"""Stem of the files that scoring reads."""
BACKTEST = "backtest"
"""Stem of the same model trained without the holdout, for fair comparisons later."""


def write(folder: Path, stem: str, trees: bytes, document: Mapping[str, Any]) -> dict[str, str]:
    """Save a model's two files; their names and SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": FORMAT, **document}, indent=1, sort_keys=True, allow_nan=False)
    contents = {f"{stem}.ubj": trees, f"{stem}.json": text.encode()}
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}


def read(
    folder: Path, stem: str, kind: str, expected_sha256: Mapping[str, str]
) -> tuple[bytes, dict[str, Any]]:
    """The trees and the document of a model of this kind.

    Raises:
        BadModel: a file is absent, not the expected one, or of another kind or format.
    """
    trees = _verified(folder, f"{stem}.ubj", expected_sha256)
    document = json.loads(_verified(folder, f"{stem}.json", expected_sha256))
    if document.get("format") != FORMAT or document.get("kind") != kind:
        raise BadModel(
            f"{folder.name}/{stem}.json is no {kind} model of format {FORMAT}: train it again."
        )
    return trees, document


def _verified(folder: Path, name: str, expected_sha256: Mapping[str, str]) -> bytes:
    try:
        data = (folder / name).read_bytes()
    except FileNotFoundError:
        raise BadModel(f"The model file {name} is missing: fetch or train it again.") from None
    if hashlib.sha256(data).hexdigest() != expected_sha256.get(name):
        raise BadModel(
            f"The model file {name} is not the one that was registered (its SHA-256 differs): "
            "fetch it again, or train a new version."
        )
    return data


def attributes_to_document(attributes: tuple[AttributeField, ...]) -> list[dict[str, Any]]:
    return [
        {"name": field.name, "value_type": field.value_type, "choices": list(field.choices)}
        for field in attributes
    ]


def attributes_from_document(document: list[dict[str, Any]]) -> tuple[AttributeField, ...]:
    return tuple(
        AttributeField(field["name"], field["value_type"], tuple(field["choices"]))
        for field in document
    )
