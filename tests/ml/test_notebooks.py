"""The notebooks run from top to bottom on a small store, and their two forms agree.

To run one on the demo's facts: `jupyter-execute --output=OUT.ipynb notebooks/NAME.ipynb`.
"""

from __future__ import annotations

from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.py"))


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
    assert sum("image/png" in output.get("data", {}) for output in shown) == 3
    assert any("this model" in str(output.get("data", {})) for output in shown)
