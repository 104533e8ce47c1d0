"""Files of the dbt project that follow from the catalogue. Committed; a test says that they are up to date.

`make generate` (python -m recon_assets.catalogue) writes them anew.
"""

import csv
import io
from pathlib import Path

from recon_assets.catalogue.catalogue import SUBJECTS, source_windows
from recon_assets.catalogue.raw_tables import RawTable, raw_tables

DBT_PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
_NOTICE = "Generated from recon_assets/catalogue by `make generate`; change the declarations there."


def generated_files() -> dict[Path, str]:
    """Content of every generated file by its path."""
    return {
        DBT_PROJECT / "models" / "sources" / "raw.yml": _raw_yml(),
        DBT_PROJECT / "seeds" / "source_windows.csv": _source_windows(),
    }


def _raw_yml() -> str:
    tables = "".join(_raw_table(table) for table in raw_tables())
    text = "Typed months of the landed files, as Parquet; registered as views by macros/register_raw.sql."
    head = f"  - name: raw\n    description: {_quoted(text)}\n    schema: raw\n    tables:\n"
    return f"version: 2\n\n# {_NOTICE}\nsources:\n{head}{tables}"


def _raw_table(table: RawTable) -> str:
    source = f"source: {table.source}, " if table.source else ""
    columns = "".join(
        f"          - {{name: {column.name}, data_type: {_quoted(column.sql_type)}, "
        f"description: {_quoted(column.description)}}}\n"
        for column in table.columns
    )
    return (
        f"      - name: {table.name}\n        description: {_quoted(table.description)}\n"
        f"        meta: {{{source}table: {table.table}}}\n        columns:\n{columns}"
    )


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


def _source_windows() -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["subject", "source", "from_offset", "to_offset", "required"])
    for subject in SUBJECTS:
        for window in source_windows(subject):
            required = "true" if window.required else "false"
            writer.writerow([window.subject, window.source, window.from_offset, window.to_offset, required])
    return text.getvalue()
