"""Rows as JSON inside a statement, on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class json_row(FunctionElement[str]):  # noqa: N801  (SQL functions, written as such)
    """Values as one JSON array."""

    type = Text()
    inherit_cache = True


@compiles(json_row, "postgresql")
def _build_array(element: json_row, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_build_array({compiler.process(element.clauses, **options)})"


@compiles(json_row, "sqlite")
def _array(element: json_row, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_array({compiler.process(element.clauses, **options)})"


class json_rows(FunctionElement[str]):  # noqa: N801
    """One JSON array of all rows; null or empty where there are none."""

    type = Text()
    inherit_cache = True


@compiles(json_rows, "postgresql")
def _aggregate(element: json_rows, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_agg({compiler.process(element.clauses, **options)})"


@compiles(json_rows, "sqlite")
def _group_array(element: json_rows, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_group_array({compiler.process(element.clauses, **options)})"


class json_value(FunctionElement[str]):  # noqa: N801
    """A column that holds JSON, as JSON within a row instead of as a text."""

    type = Text()
    inherit_cache = True


@compiles(json_value, "postgresql")
def _cast(element: json_value, compiler: SQLCompiler, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)})::json"


@compiles(json_value, "sqlite")
def _json(element: json_value, compiler: SQLCompiler, **options: Any) -> str:
    return f"json({compiler.process(element.clauses, **options)})"


class json_part(FunctionElement[str]):  # noqa: N801
    """An entry of a JSON object, as JSON text; null where there is none."""

    type = Text()
    inherit_cache = True

    def __init__(self, document: ColumnElement[Any], *path: str) -> None:
        super().__init__(document, *(literal_column(f"'{name}'") for name in path))


@compiles(json_part)
def _part(element: json_part, compiler: SQLCompiler, **options: Any) -> str:
    found = " -> ".join(compiler.process(each, **options) for each in element.clauses)
    return f"({found})" if compiler.dialect.name == "sqlite" else f"({found})::text"


class json_number(FunctionElement[str]):  # noqa: N801
    """A fraction within a row, to its last digit: SQLite's JSON keeps fifteen."""

    type = Text()
    inherit_cache = True


@compiles(json_number, "postgresql")
def _number(element: json_number, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(json_number, "sqlite")
def _printed(element: json_number, compiler: SQLCompiler, **options: Any) -> str:
    value = compiler.process(element.clauses, **options)
    return f"CASE WHEN {value} IS NOT NULL THEN printf('%!.17g', {value}) END"
