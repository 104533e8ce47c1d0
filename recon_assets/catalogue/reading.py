"""From the declarations' YAML to sources and subjects, each mistake with the file and the line where it stands.

A declaration may name a `base` (a file that begins with an underscore): its lists and mappings are continued, its other
values replaced. A column that is declared again takes the place of the first.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from recon_assets.catalogue.compared import compared_expressions, key_fields
from recon_assets.catalogue.model import Column, Source, Subject
from recon_assets.errors import ReconError

Place = tuple[str | int, ...]  # keys and positions that lead to a value of a declaration
# Tables of a declaration whose rows are lists: the names of their cells, the last of which may be left out.
_COLUMN = ("name", "kind", "heading", "value", "aliases", "description")
_FACT = ("name", "sql_type", "sql", "description")
_CONTEXT = ("name", "sql_type", "description")


_ADAPTERS = {model: TypeAdapter(model) for model in (Source, Subject)}


class CatalogueError(ReconError):
    """A declaration is wrong: file, line and what to do."""


class Declaration:
    """One declaration as YAML nodes, which know their lines."""

    def __init__(self, name: str, node: yaml.MappingNode) -> None:
        self.name = name
        self.node = node

    def error(self, place: Place, message: str) -> CatalogueError:
        """The error at a place of the declaration, or at the nearest one around it that is written down."""
        node: yaml.Node = self.node
        for step in place:
            inner = _child(node, step)
            if inner is None:
                break
            node = inner
        said = "".join(f"{step}: " for step in place if isinstance(step, str))
        mark = node.start_mark
        return CatalogueError(f"{Path(mark.name).name}, line {mark.line + 1}: {said}{message}")

    def content(self) -> dict[str, Any]:
        """The declaration as dicts, lists and texts, tables of columns as dicts."""
        found: dict[str, Any] = _plain(self.node)
        found["columns"] = [_column(row) for row in found.get("columns", [])]
        found["variants"] = {name: [_column(row) for row in rows] for name, rows in found.get("variants", {}).items()}
        found["context"] = [_cells(_CONTEXT, row) for row in found.get("context", [])]
        found["file_facts"] = [_cells(_FACT, row) for row in found.get("file_facts", [])]
        for table in found.get("extra_tables", []):
            table["columns"] = [_cells(_FACT, row) for row in table.get("columns", [])]
        return found

    def read(self, model: type[Any], content: Mapping[str, Any]) -> Any:
        """`content` as a source or subject; CatalogueError with the place of the first mistake."""
        try:
            return _ADAPTERS[model].validate_python(content)
        except ValidationError as error:
            # A word that is not known says more than what it was to be.
            first = min(error.errors(), key=lambda found: found["type"] == "missing")
            raise self.error(first["loc"], first["msg"]) from error


def read_declaration(path: Path) -> Declaration:
    """The declaration of a file, on top of that of its base."""
    with path.open(encoding="utf-8") as file:
        try:
            node = yaml.compose(file, Loader=yaml.CBaseLoader)
        except yaml.YAMLError as error:
            raise CatalogueError(f"{path.name} is no YAML: {error}") from error
    if not isinstance(node, yaml.MappingNode):
        raise CatalogueError(f"{path.name}, line 1: holds no declaration")
    base = _child(node, "base")
    if base is not None:
        node = _on_top_of(read_declaration(path.with_name(f"{base.value}.yml")).node, node)
    return Declaration(path.stem, node)


def read_subjects(path: Path) -> dict[str, tuple[Declaration, Subject]]:
    """Every subject of the file, in its order."""
    found = {}
    for key, node in read_declaration(path).node.value:
        declaration = Declaration(key.value, node)
        found[key.value] = declaration, declaration.read(Subject, {"name": key.value, **_plain(node)})
    return found


def read_source(path: Path, subject: str) -> tuple[Declaration, Source]:
    """The source that a file declares, with the columns and the key that it has by the compared fields."""
    declaration = read_declaration(path)
    content = declaration.content()
    keys, repeats, date = content.get("keys", []), content.get("repeats", {}), content.get("dated_by", "")
    if content.get("compares"):
        keys = [*key_fields(), *keys]
        repeats["expressions"] = [*compared_expressions(date), *repeats.get("expressions", [])]
    content["columns"] += [
        Column(f"{name}_key", "text", "derived", "optional", (name,)) for name in dict.fromkeys(keys)
    ]
    warnings = content.get("row_warnings", {})
    content["row_warnings"] = {name: sql.replace("$date", date) for name, sql in warnings.items()}
    return declaration, declaration.read(Source, {"name": path.stem, "subject": subject, **content})


def _plain(node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {key.value: _plain(value) for key, value in node.value}
    return [_plain(item) for item in node.value] if isinstance(node, yaml.SequenceNode) else node.value


def _child(node: yaml.Node, step: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        inner: yaml.Node = node.value[step]
        return inner
    return None


def _on_top_of(base: yaml.MappingNode, own: yaml.MappingNode) -> yaml.MappingNode:
    merged = {key.value: (key, value) for key, value in base.value if key.value != "base"}
    for key, value in own.value:
        if key.value == "base":
            continue
        before = merged.get(key.value, (key, None))[1]
        if isinstance(before, yaml.SequenceNode) and isinstance(value, yaml.SequenceNode):
            value = _continued(before, value)
        elif isinstance(before, yaml.MappingNode) and isinstance(value, yaml.MappingNode):
            value = _on_top_of(before, value)
        merged[key.value] = (key, value)
    return yaml.MappingNode(own.tag, list(merged.values()), own.start_mark, own.end_mark)


def _continued(base: yaml.SequenceNode, own: yaml.SequenceNode) -> yaml.SequenceNode:
    """Both lists; of rows that begin with the same name the later one, where the first stood."""
    rows = {_row_name(item) or id(item): item for item in base.value}
    rows |= {_row_name(item) or id(item): item for item in own.value}
    return yaml.SequenceNode(own.tag, list(rows.values()), own.start_mark, own.end_mark)


def _row_name(item: yaml.Node) -> str | None:
    return item.value[0].value if isinstance(item, yaml.SequenceNode) and item.value else None


def _column(row: Any) -> Any:
    cells = _cells(_COLUMN, row)
    if isinstance(cells, dict) and "aliases" in cells:
        cells["aliases"] = [alias.strip() for alias in cells["aliases"].split(" | ")]
    return cells


def _cells(names: tuple[str, ...], row: Any) -> Any:
    """A table's row by the names of its cells; what is no such row as it is, for the model to refuse."""
    return dict(zip(names, row, strict=False)) if isinstance(row, list) and len(row) <= len(names) else row
