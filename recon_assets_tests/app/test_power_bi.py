"""The model for Power BI that is kept as text: as the contracts and the published tables are, and TMDL by its grammar."""

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from recon_assets.pipeline.marts import published_marts
from tools.power_bi import FOLDER, files, tmdl_type

TABLES = FOLDER / "definition" / "tables"
# What the Delta tables hold, and the types of TMDL that hold it (TOM's DataType; decimal is one of four fixed decimals).
HOLDS: dict[str, tuple[type, ...]] = {
    "string": (str,), "boolean": (bool,), "int64": (int,), "dateTime": (dt.date,), "decimal": (Decimal,), "double": (Decimal,),
}  # fmt: skip


def columns_of(path: Path) -> dict[str, dict[str, str]]:
    """Columns of a table with their properties, by the indentation that TMDL goes by: tabs alone, one per level."""
    found: dict[str, dict[str, str]] = {}
    here: dict[str, str] = {}
    depth = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        level = len(line) - len(line.lstrip("\t"))
        text = line[level:]
        assert text == text.strip(), f"{path.name}: {line!r} is indented by blanks or ends with some"
        if not text:
            continue
        assert level <= depth + 1, f"{path.name}: {line!r} skips a level"
        depth = level
        if level == 1 and text.startswith("column "):
            here = found.setdefault(text.removeprefix("column "), {})
        elif level == 1 and not text.startswith("///"):
            here = {}
        elif level == 2 and (named := re.fullmatch(r"(\w+): (.+)", text)):
            here[named[1]] = named[2]
    return found


def test_the_model_is_what_the_contracts_say() -> None:
    written = files()
    kept = {path for path in FOLDER.rglob("*") if path.is_file()}
    assert kept == set(written), "run python -m tools.power_bi"
    assert {path.name: path.read_text(encoding="utf-8") for path in kept} == {p.name: t for p, t in written.items()}


def test_every_mart_is_a_table_whose_columns_have_the_types_of_the_contract() -> None:
    tables = {path.stem: columns_of(path) for path in TABLES.glob("*.tmdl")}
    assert {
        name: {column: (told["dataType"], told["sourceColumn"]) for column, told in columns.items()}
        for name, columns in tables.items()
    } == {
        mart.name: {column.name: (tmdl_type(column.sql_type), column.name) for column in mart.columns}
        for mart in published_marts().values()
    }


@pytest.mark.parametrize("sql_type", ["decimal(18, 2)", "decimal(38, 3)"])
def test_amounts_of_up_to_four_decimals_stay_exact(sql_type: str) -> None:
    assert (tmdl_type(sql_type), tmdl_type("decimal(38, 12)")) == ("decimal", "double")


def test_the_published_tables_hold_what_the_model_says(published: Path) -> None:
    seen = 0
    for path in TABLES.glob("*.tmdl"):
        if not (published / path.stem).exists():
            continue
        table = DeltaTable(published / path.stem).to_pyarrow_dataset().schema
        columns = columns_of(path)
        assert set(table.names) == set(columns), path.stem
        for name, told in columns.items():
            kind = _python_type(table.field(name).type)
            assert issubclass(kind, HOLDS[told["dataType"]]), (path.stem, name)
            seen += 1
    assert seen > 100


def _python_type(kind: pa.DataType) -> type:
    by_id = {"string": str, "large_string": str, "bool": bool, "int32": int, "int64": int, "date32[day]": dt.date}
    if pa.types.is_decimal(kind):
        return Decimal
    return dt.datetime if pa.types.is_timestamp(kind) else by_id[str(kind)]
