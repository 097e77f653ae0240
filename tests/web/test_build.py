"""Building the page: once, whole or not at all, from parts that a lock pins."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from api.errors import NotReady
from api.web import build
from api.web.node import environment, node_binaries

LOCK = build.SOURCES / "package-lock.json"


@pytest.fixture
def broken_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sources whose packages can't be installed: nothing locks them."""
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "package.json").write_text('{"name": "broken", "dependencies": {"react": "19.0.0"}}')
    monkeypatch.setattr(build, "SOURCES", folder)
    return folder


def test_a_page_made_of_these_sources_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "page"
    target.mkdir()
    (target / build.STAMP).write_text(build._fingerprint())
    steps: list[float] = []
    assert build.build_graphiql(target, lambda _step, share: steps.append(share)) == target
    assert steps == [1.0]
    assert [path.name for path in target.iterdir()] == [build.STAMP]


def test_a_change_in_the_sources_means_a_new_page(
    tmp_path: Path, broken_sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / build.STAMP).write_text(build._fingerprint())
    assert build.is_built(tmp_path)
    (broken_sources / "node_modules").mkdir()
    (broken_sources / "node_modules" / "left.js").write_text("by a developer's npm")
    assert build.is_built(tmp_path)
    (broken_sources / "page.css").write_text("body {}")
    assert not build.is_built(tmp_path)


@pytest.mark.usefixtures("broken_sources")
def test_a_failed_build_leaves_the_old_page_and_says_why(tmp_path: Path) -> None:
    target = tmp_path / "static" / "graphiql"
    target.mkdir(parents=True)
    (target / "index.html").write_text("the old page")
    with pytest.raises(NotReady, match=r"(?s)npm ci.*package-lock"):
        build.build_graphiql(target)
    assert (target / "index.html").read_text() == "the old page"
    assert [path.name for path in target.parent.iterdir()] == ["graphiql"]


def test_a_new_page_takes_the_place_of_the_old(tmp_path: Path) -> None:
    built, target, old = tmp_path / "dist", tmp_path / "page", tmp_path / "old"
    built.mkdir()
    (built / build.STAMP).write_text("new")
    target.mkdir()
    (target / build.STAMP).write_text("before")
    build._put_in_place(built, target, old, "new")
    assert (target / build.STAMP).read_text() == "new"
    assert not built.exists()


def test_the_lock_names_exact_versions_and_no_address() -> None:
    wanted = json.loads((build.SOURCES / "package.json").read_text())["dependencies"]
    locked = json.loads(LOCK.read_text())["packages"]
    for name, version in wanted.items():
        assert locked[f"node_modules/{name}"]["version"] == version
    assert all(entry.get("integrity") for path, entry in locked.items() if path)
    assert not any("resolved" in entry for entry in locked.values())


def test_the_systems_node_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_OPTIONS", "--require /nowhere.js")
    monkeypatch.setenv("NODE_ENV", "production")
    binaries = node_binaries()
    found = environment(binaries)
    assert found["PATH"].startswith(f"{binaries}{os.pathsep}")
    assert not {"NODE_OPTIONS", "NODE_ENV"} & found.keys()
