"""The notebooks run from top to bottom on a small store, and their two forms agree.

To run one on the demo's facts: `jupyter-execute --output=OUT.ipynb notebooks/NAME.ipynb`.
"""

from __future__ import annotations

import ast
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.py"))
SHOWS = {
    "01_facts_to_lift": (5, "this model"),
    "02_train_and_compare": (4, "churn_probability"),
    "03_explain_a_customer": (2, "largest difference among"),
    "04_back_test_and_promote": (2, "champion: version 1"),
    "05_your_own_features": (1, "log-loss with it minus without"),
}
"""How many pictures each shows, and a piece of its text that stands at its end."""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_paired_file_has_the_same_cells_and_no_outputs(path: Path) -> None:
    text, paired = jupytext.read(path), nbformat.read(path.with_suffix(".ipynb"), as_version=4)
    assert [(cell.cell_type, cell.source) for cell in text.cells] == [
        (cell.cell_type, cell.source) for cell in paired.cells
    ], f"run: jupytext --to ipynb {path.name}"
    assert all(not cell.get("outputs") for cell in paired.cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
# Jupyter's client and tornado leave sockets to the garbage collector.
@pytest.mark.filterwarnings("ignore")
def test_the_notebook_runs(
    path: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "facts").symlink_to(store, target_is_directory=True)
    monkeypatch.setenv("ECHELON_DATA_DIR", str(tmp_path))
    notebook = jupytext.read(path)
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": path.parent}}
    ).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    pictures, text = SHOWS[path.stem]
    kinds = [kind for output in shown for kind in output.get("data", {})]
    assert sum(kind.startswith("image/") for kind in kinds) == pictures
    assert any(text in str(output.get("data", output.get("text", ""))) for output in shown)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_calls_the_library_and_defines_nothing(path: Path) -> None:
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    defined = [node for node in ast.walk(ast.parse(path.read_text())) if type(node) in definitions]
    assert defined == []
