"""The parsed dbt project: made once per version of its files, and anew when what is there is not whole."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from recon_assets.pipeline import project

OUTPUTS = ("manifest.json", "partial_parse.msgpack")


class Parser:
    """Stands in for dbt: writes what a parse writes, and counts."""

    def __init__(self) -> None:
        self.parses = 0

    def __call__(self, arguments: list[str]) -> None:
        self.parses += 1
        target = Path(arguments[arguments.index("--target-path") + 1])
        target.mkdir(parents=True)
        for name in OUTPUTS:
            (target / name).write_text(f"{name} of the project", encoding="utf-8")


@pytest.fixture
def parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Parser]:
    (tmp_path / "dbt_project.yml").write_text("name: a", encoding="utf-8")
    made = Parser()
    monkeypatch.setattr(project, "PROJECT_DIR", tmp_path)
    monkeypatch.setattr(project, "invoke_dbt", made)
    return made


def contents(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text(encoding="utf-8") for name in OUTPUTS}


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


def test_what_killed_parses_left_is_removed_by_the_next_one(parser: Parser, tmp_path: Path) -> None:
    left = tmp_path / "target" / ".parsed-duckdb-0123456789abcdef.4711"
    left.mkdir(parents=True)
    (left / "manifest.json").touch()
    folder = project.manifest_folder()
    assert {path.name for path in folder.parent.iterdir()} == {folder.name, "parsing.lock"}
