"""The parsed dbt project: made once per version of its files, and anew when what is there is not whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from recon_assets.pipeline import project

OUTPUTS = ("manifest.json", "manifest.pickle")


@dataclass
class Parsed:
    """Stands in for dbt's manifest."""

    nodes: dict[str, str]

    def build_flat_graph(self) -> None:
        """Nothing to flatten."""


class Parser:
    """Stands in for dbt: writes and returns what a parse does, and counts."""

    def __init__(self) -> None:
        self.parses = 0

    def __call__(self, arguments: list[str]) -> Parsed:
        self.parses += 1
        target = Path(arguments[arguments.index("--target-path") + 1])
        target.mkdir(parents=True)
        (target / "manifest.json").write_text("manifest of the project", encoding="utf-8")
        return Parsed({"model.a": "select 1"})


@pytest.fixture
def parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Parser]:
    (tmp_path / "dbt_project.yml").write_text("name: a", encoding="utf-8")
    made = Parser()
    monkeypatch.setattr(project, "PROJECT_DIR", tmp_path)
    monkeypatch.setattr(project, "invoke_dbt", made)
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in OUTPUTS}


def test_a_project_is_parsed_once_per_version_of_its_files(parser: Parser, tmp_path: Path) -> None:
    first = project.manifest_folder()
    assert project.manifest_folder() == first
    assert parser.parses == 1
    (tmp_path / "dbt_project.yml").write_text("name: b", encoding="utf-8")
    assert project.manifest_folder() != first
    assert parser.parses == 2
    assert not first.exists()


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("damage", ["removed", "cut off"])
def test_a_parsed_folder_of_which_something_is_missing_is_made_anew(name: str, damage: str, parser: Parser) -> None:
    """The bug this fixes: such a folder broke every run until somebody deleted it."""
    folder = project.manifest_folder()
    whole = contents(folder)
    (folder / name).unlink() if damage == "removed" else (folder / name).write_text("man", encoding="utf-8")
    assert project.manifest_folder() == folder
    assert contents(folder) == whole
    assert parser.parses == 2


def test_a_project_is_parsed_anew_with_another_version_of_dbt(parser: Parser, monkeypatch: pytest.MonkeyPatch) -> None:
    first = project.manifest_folder()
    monkeypatch.setattr(project, "version", lambda name: f"{name} of tomorrow")
    assert project.manifest_folder() != first
    assert parser.parses == 2


def test_what_killed_parses_left_is_removed_by_the_next_one(parser: Parser, tmp_path: Path) -> None:
    left = tmp_path / "target" / ".parsed-duckdb-0123456789abcdef.4711"
    left.mkdir(parents=True)
    (left / "manifest.json").touch()
    folder = project.manifest_folder()
    assert {path.name for path in folder.parent.iterdir()} == {folder.name, "parsing.lock"}
