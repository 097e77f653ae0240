"""Where models are kept: files at hand, a folder that moved, a store that is away, the commit."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ml.errors import RegistryError
from ml.provenance import code_version
from ml.training import TrainedModel
from tests.ml.conftest import copied_store
from tests.ml.worsened import guessing

# MLflow and what it brings use what SQLAlchemy, pandas and others have deprecated.
pytestmark = pytest.mark.filterwarnings("ignore")


def test_files_at_hand_are_not_fetched_and_altered_ones_are(
    mlflow_template: Path, churn: TrainedModel, tmp_path: Path
) -> None:
    from ml import registry

    registered = copied_store(mlflow_template, tmp_path / "store")
    registry.register(registered, churn)
    shutil.copytree(churn.folder, tmp_path / "kept")
    trees = tmp_path / "kept" / "model.ubj"
    inode = trees.stat().st_ino
    assert registry.fetch(registered, "churn", 1, tmp_path / "kept") == churn.files
    assert trees.stat().st_ino == inode
    trees.write_bytes(b"altered")
    assert registry.fetch(registered, "churn", 1, tmp_path / "kept") == churn.files
    assert trees.read_bytes() == (churn.folder / "model.ubj").read_bytes()


def test_a_moved_data_folder_goes_on_where_it_is_now(
    mlflow_template: Path, churn: TrainedModel, tmp_path: Path
) -> None:
    """MLflow ties artifacts to absolute paths; models that lie beside the store are still there."""
    from mlflow import MlflowClient

    from ml import registry

    old, new = tmp_path / "old", tmp_path / "new"
    before = copied_store(mlflow_template, old)
    client = MlflowClient(before, before)
    client.rename_experiment(client.get_experiment_by_name("echelon").experiment_id, "other")
    registry.prepare_store(before, old / "artifacts")
    first = registry.register(before, churn)
    kept = old / "models" / "churn" / str(first.version)
    shutil.copytree(churn.folder, kept)

    old.rename(new)
    uri = f"sqlite:///{new / 'mlflow.db'}"
    registry.prepare_store(uri, new / "artifacts")
    verdict = registry.judge(uri, churn, kept=new / "models")
    assert (verdict.promote, verdict.against) == (True, first.version)
    assert "on the same 400 customers" in verdict.why
    second = registry.register(uri, churn, verdict)
    assert registry.download(uri, "churn", second.version, tmp_path / "there") == churn.files
    assert not old.exists()

    lost = registry.judge(uri, guessing(churn), kept=tmp_path / "nowhere")
    assert lost.against == second.version


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:1", "postgresql://me:hidden-word@127.0.0.1:1/mlflow"]
)
def test_a_store_that_is_away_is_named_at_once_and_without_its_password(
    uri: str, tmp_path: Path
) -> None:
    from ml import registry

    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:1 can't be reached") as caught:
        registry.champion(uri, "churn")
    assert "hidden-word" not in str(caught.value)
    with pytest.raises(RegistryError, match="can't be reached"):
        registry.prepare_store(uri, tmp_path)


def test_a_store_not_made_yet_has_no_champion_and_stays_unmade(tmp_path: Path) -> None:
    from ml import registry

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert registry.champion(uri, "churn") is None
    assert registry.latest_version(uri, "churn") == 0
    assert not (tmp_path / "mlflow.db").exists()


def test_the_code_is_named_by_commit_in_a_checkout_and_by_version_elsewhere(
    tmp_path: Path,
) -> None:
    assert set(code_version(tmp_path)) == {"package_version"}
    git = shutil.which("git")
    assert git is not None
    (tmp_path / "file").write_text("x")
    as_someone = ["-c", "user.name=n", "-c", "user.email=n@example.org"]
    for words in (["init", "-q"], ["add", "file"], [*as_someone, "commit", "-q", "-m", "m"]):
        subprocess.run([git, "-C", str(tmp_path), *words], check=True)  # noqa: S603
    found = code_version(tmp_path)
    assert re.fullmatch("[0-9a-f]{40}", found["git_commit"])
    assert found["git_dirty"] == "false"
    (tmp_path / "file").write_text("y")
    assert code_version(tmp_path)["git_dirty"] == "true"
