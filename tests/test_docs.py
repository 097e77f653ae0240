"""What the documents say is true: variables, commands, links, and both languages in step."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from api.cli import app
from api.settings import Settings

ROOT = Path(__file__).parent.parent
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
CAPABILITIES = ROOT / "docs" / "capabilities.md"
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], key=lambda path: path.as_posix()
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TABLE_ROW = re.compile(r"^\| `(ECHELON_\w+)` \| (.*?) \| (.*?) \|$", re.MULTILINE)


def code_blocks(path: Path) -> list[tuple[str, str]]:
    return FENCE.findall(path.read_text(encoding="utf-8"))


def headings(path: Path) -> list[int]:
    """The levels of the headings, in order; a `#` inside code is none."""
    prose = FENCE.sub("", path.read_text(encoding="utf-8"))
    return [len(line.split()[0]) for line in prose.splitlines() if re.match(r"#+ ", line)]


def defaults() -> dict[str, str]:
    shown = {}
    for name, field in Settings.model_fields.items():
        value = "" if field.default_factory else field.get_default()
        text = value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)
        shown[f"ECHELON_{name.upper()}"] = f"`{text}`" if text else ""
    return shown


def test_the_readmes_are_in_step() -> None:
    assert headings(ENGLISH) == headings(CHINESE)
    assert code_blocks(ENGLISH) == code_blocks(CHINESE)
    assert TABLE_ROW.findall(ENGLISH.read_text()) != []


@pytest.mark.parametrize("readme", [ENGLISH, CHINESE], ids=lambda path: path.name)
def test_each_readme_lists_every_variable_and_its_default(readme: Path) -> None:
    rows = TABLE_ROW.findall(readme.read_text(encoding="utf-8"))
    assert {name: default for name, default, _ in rows} == defaults()
    assert all(description.strip() for _, _, description in rows)


def test_the_descriptions_are_those_of_the_settings() -> None:
    rows = TABLE_ROW.findall(ENGLISH.read_text())
    assert {name: text for name, _, text in rows} == {
        f"ECHELON_{name.upper()}": field.description
        for name, field in Settings.model_fields.items()
    }


def shell_commands() -> Iterator[tuple[str, list[str]]]:
    """Each command in a shell block as words, with the page it is on."""
    for page in PAGES:
        for language, block in code_blocks(page):
            if language == "sh":
                for line in block.replace("\\\n", " ").splitlines():
                    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
                    lexer.whitespace_split = True
                    words: list[str] = []
                    for word in lexer:
                        if word in ("&&", "||", "|", ";"):
                            yield page.name, words
                            words = []
                        else:
                            words.append(word)
                    yield page.name, words


def resolve(words: list[str]) -> tuple[Any, list[str]]:
    """The command that words name, and what is left of them."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        found = command.commands.get(rest.pop(0))
        assert found is not None, f"there is no command {' '.join(words)}"
        command = found
    return command, rest


def test_every_command_in_the_documents_exists() -> None:
    seen = 0
    for page, words in shell_commands():
        at = [i for i, word in enumerate(words) if word in ("echelon", ".venv/bin/echelon")]
        if not at or (at[0] > 0 and "=" not in words[at[0] - 1]):
            continue
        command, rest = resolve(words[at[0] + 1 :])
        known = {opt for param in command.params for opt in (*param.opts, *param.secondary_opts)}
        options = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert options <= known | {"--help"}, f"{page}: {shlex.join(words)}"
        seen += 1
    assert seen > 10


def test_every_make_target_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = {words[at + 1] for _, words in shell_commands() for at in made(words)}
    assert used <= targets
    assert {"demo", "test"} <= used


def made(words: list[str]) -> list[int]:
    return [at for at, word in enumerate(words[:-1]) if word == "make"]


def test_links_lead_somewhere() -> None:
    broken = []
    for page in PAGES:
        prose = FENCE.sub("", page.read_text(encoding="utf-8"))
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", prose):
            if not target.startswith(("http://", "https://")) and not (
                (page.parent / target).exists()
            ):
                broken.append(f"{page.name}: {target}")
    assert broken == []


def test_every_decision_is_listed_and_short() -> None:
    folder = ROOT / "docs" / "adr"
    listed = re.findall(r"\((\d{4}-[^)]+\.md)\)", (folder / "README.md").read_text())
    assert listed == sorted(path.name for path in folder.glob("[0-9]*.md"))
    for name in listed:
        title, *rest = (folder / name).read_text().splitlines()
        slug = re.sub(r"[^a-z0-9.]+", "-", title.removeprefix("# ").lower()).strip("-")
        assert name == f"{name[:4]}-{slug}.md"
        assert len(rest) <= 40


def test_every_dependency_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(each for extra in extras for each in extra)]
    names = {re.split(r"[\[<>=!~; ]", each)[0] for each in wanted} - {project["name"]}
    decision = next((ROOT / "docs" / "adr").glob("*-every-dependency-*.md")).read_text()
    rows = re.findall(r"^\| ([a-z][^|]*) \|", decision, re.MULTILINE)
    explained = {name.strip() for row in rows for name in row.split(",")} - {"package"}
    assert explained == names


def capability_rows() -> dict[str, list[str]]:
    """What shows each capability: names of tests and commands."""
    found: dict[str, list[str]] = {}
    for line in CAPABILITIES.read_text(encoding="utf-8").splitlines():
        if row := re.match(r"\| ([A-Z]+\d+) \| .+ \| (.+) \|$", line):
            assert row[1] not in found, f"{row[1]} is there twice"
            found[row[1]] = re.findall(r"`([^`]+)`", row[2])
    return found


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {each.name for each in tree.body if isinstance(each, functions)}


def test_what_shows_a_capability_exists() -> None:
    rows = capability_rows()
    assert all(rows.values())
    for proof in {each for proofs in rows.values() for each in proofs}:
        path, _, name = proof.partition("::")
        if name:
            assert name in functions_of(ROOT / path), proof
        elif proof.startswith("echelon "):
            command, rest = resolve(proof.split()[1:])
            assert rest == [], proof
            assert not hasattr(command, "commands"), proof
        else:
            module = proof.removeprefix("python -m ").replace(".", "/")
            assert (ROOT / f"{module}.py").is_file(), proof


def test_every_promised_capability_is_shown() -> None:
    promised = {"K": range(1, 25), "ST": range(1, 18), "RP": (3, 5), "CO": (4,), "CI": (4,)}
    promised |= {"G": (1, 2, 3, 4, 7, 8, 9, 10, 11, 12), "SP": (1, 2, 3, 5), "D": (1,), "ML": (2,)}
    ids = {f"{letters}{number}" for letters, numbers in promised.items() for number in numbers}
    assert ids <= capability_rows().keys()
