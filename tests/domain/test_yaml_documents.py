"""Documents as files: what their authors can't have meant is refused, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.errors import InvalidInput
from api.yaml_documents import read_document


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"key: a\nname: b\nkey: c\n", "line 3: 'key' stands twice"),
        (b"tiers:\n  - {key: gold, rank: 1, key: silver}\n", "line 2: 'key' stands twice"),
        (b'{"key": 1, "key": 2}', "'key' stands twice"),
        (b"key:\n\t- 1\n", "line 2: found character"),
        (b"[" * 4_000, "too deep"),
        (b"- " * 100_000, "too deep"),
        ("key: 名".encode("gbk"), "UTF-8"),
        ("key: 名".encode("utf-16"), "UTF-8"),
        (b"key: !!python/object/apply:os.system ['true']", "line 1: could not determine"),
        (b"? [1, 2]\n: 3\n", "line 1: found unhashable key"),
    ],
)
def test_a_document_that_can_not_be_meant_is_refused(
    tmp_path: Path, content: bytes, told: str
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        read_document(path)
    assert told in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_and_a_missing_file_are_no_documents(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere.yaml"):
        with pytest.raises(InvalidInput, match=r"folder|no file"):
            read_document(path)


def test_what_is_meant_is_read(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"\xef\xbb\xbfbase: &base {a: 1}\nmore: {<<: *base, a: 2, b: 3}\n")
    assert read_document(path) == {"base": {"a": 1}, "more": {"a": 2, "b": 3}}
