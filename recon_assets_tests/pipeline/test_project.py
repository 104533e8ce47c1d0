"""The parsed dbt project: made once per version of its files, and anew when what is there is not whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from dbt_common.clients import jinja
from dbt_common.exceptions import CompilationError

from recon_assets.pipeline import project

OUTPUTS = ("manifest.json", "manifest.pickle", "templates.marshal")
MODEL = "select {{ number }}"
MACRO = "{% macro plus_one(number) %}{{ number + 1 }}{% endmacro %}"


@dataclass
class Macro:
    """Stands in for a macro of dbt's manifest."""

    macro_sql: str


@dataclass
class Model:
    """Stands in for a node of dbt's manifest."""

    raw_code: str


@dataclass
class Parsed:
    """Stands in for dbt's manifest."""

    nodes: dict[str, Model]
    macros: dict[str, Macro]

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
        return Parsed({"model.a": Model(MODEL)}, {"macro.plus_one": Macro(MACRO)})


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


def test_jinja_compiles_no_template_of_a_parsed_project_again(parser: Parser, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(self: object, source: str) -> None:
        raise AssertionError(f"compiled again: {source}")

    folder = project.manifest_folder()
    monkeypatch.setattr(jinja.MacroFuzzEnvironment, "compile", never)  # and put back at the end
    project.take_compiled_templates(folder)
    macro, model = (jinja.get_template(text, {"number": 2}) for text in (MACRO, MODEL))
    assert macro.module.dbt_macro__plus_one(1) == "2"
    assert model.render({}) == "select 2"
    with pytest.raises(CompilationError, match="compiled again: select 3"):
        jinja.get_template("select 3", {})
