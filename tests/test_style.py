"""The budgets and walls that keep the code small enough to be read by a stranger."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp

ROOT = Path(__file__).parent.parent
# Migrations are generated and never edited again, so only `env.py` counts of them.
GENERATED = ROOT / "migrations" / "versions"
OURS = ("api", "ml", "migrations", "bench", "notebooks", "tests")
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40
NAMELESS = {"utils", "util", "helpers", "helper", "misc", "common"}
HEAVY = {"xgboost", "mlflow", "duckdb", "pyspark", "pandas", "adbc_driver_manager"}


def python_files() -> Iterator[Path]:
    foreign = {"node_modules", "static", "__pycache__"}
    for folder in OURS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if GENERATED not in path.parents and not foreign & set(path.relative_to(ROOT).parts):
                yield path


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Each function with the lines of its body; a signature or a docstring costs nothing.

    A body that only returns a tuple is a table of declarations, to be looked up rather than read.
    """
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body and not (
                isinstance(body[0], ast.Return) and isinstance(body[0].value, ast.Tuple)
            ):
                yield node.name, (body[-1].end_lineno or 0) - body[0].lineno + 1


def test_files_fit_on_a_few_screens() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in python_files()}
    assert len(lengths) > 20
    long = {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > MAX_FILE_LINES}
    assert long == {}


def test_functions_fit_on_one_screen() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{name}": lines
        for path in python_files()
        for name, lines in functions(path)
        if lines > MAX_FUNCTION_LINES
    }
    assert long == {}


def test_every_module_is_named_after_what_it_holds() -> None:
    assert [str(path) for path in python_files() if path.stem in NAMELESS] == []


def test_the_web_process_loads_no_model_and_no_engine() -> None:
    listing = "import json, sys, api.app; print(json.dumps(sorted(sys.modules)))"
    child = subprocess.run(  # noqa: S603 - our own words only
        [sys.executable, "-c", listing], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in json.loads(child.stdout)}
    assert "starlette" in loaded
    assert loaded & HEAVY == set()


def reached_from(module: str) -> set[str]:
    graph = grimp.build_graph("api", "ml", exclude_type_checking_imports=True)
    return set(graph.find_upstream_modules(module)) | {module}


def test_scoring_reaches_few_files() -> None:
    # 28, not 15: the buy-till-you-die models are a package of eight, a short file for each model,
    # a prediction is blended from members that have a file each, and measures stand by themselves.
    reached = reached_from("ml.scoring")
    assert len(reached) <= 28, "\n".join(sorted(reached))


def test_what_the_web_process_reaches_grows_only_on_purpose() -> None:
    reached = reached_from("api.app")
    assert len(reached) <= 315, "\n".join(sorted(reached))
    lines = 0
    for module in reached:
        path = ROOT / module.replace(".", "/")
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        lines += len(file.read_text().splitlines())
    assert lines <= 38_000
