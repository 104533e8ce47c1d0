"""Files of the dbt project and of docs/ that follow from the catalogue. Committed; a test holds them up to date.

`make generate` (python -m recon_assets.catalogue) writes them anew.
"""

import csv
import io
from pathlib import Path

from recon_assets.catalogue.blocks import has_blocks, with_blocks
from recon_assets.catalogue.catalogue import SUBJECTS, source_windows
from recon_assets.catalogue.columns_page import columns_page
from recon_assets.catalogue.compared import compared_fields
from recon_assets.catalogue.decided import fingerprint_columns
from recon_assets.catalogue.raw_tables import RawTable, raw_tables

DBT_PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
DOCS = DBT_PROJECT.parent / "docs"
_NOTICE = "Generated from recon_assets/catalogue by `make generate`; change the declarations there."


def generated_files() -> dict[Path, str]:
    """Content of every generated file by its path; of the models' YAML those that have blocks of compared fields."""
    models = {path: path.read_text(encoding="utf-8") for path in sorted(DBT_PROJECT.glob("models/**/*.yml"))}
    return {
        DBT_PROJECT / "models" / "sources" / "raw.yml": _raw_yml(),
        DBT_PROJECT / "seeds" / "source_windows.csv": _source_windows(),
        DBT_PROJECT / "macros" / "catalogue.sql": _macros(),
        DOCS / "sources-columns.md": columns_page(),
        **{path: with_blocks(text) for path, text in models.items() if has_blocks(text)},
    }


def _macros() -> str:
    """What macros ask of the catalogue: dbt cannot read a seed while it parses."""
    fields = "".join(
        f"        {{'name': '{field.name}', 'kind': '{field.kind}', 'form': '{field.form}'}},\n"
        for field in compared_fields()
    )
    required = "".join(
        f"        '{name}': [{', '.join(repr(source) for group in subject.required for source in group)}],\n"
        for name, subject in SUBJECTS.items()
    )
    shown = "".join(f"        '{name}': {list(subject.shown)!r},\n" for name, subject in SUBJECTS.items())
    decided = "".join(
        f"        '{name}': {{'status': '{subject.marts[subject.decided.mart].status}', "
        f"'settled': {list(subject.decided.settled)!r}, 'values': {fingerprint_columns(name)!r}}},\n"
        for name, subject in SUBJECTS.items()
    )
    settle_days = ", ".join(f"'{name}': {subject.settle_days}" for name, subject in SUBJECTS.items())
    return (
        f"{{# {_NOTICE} #}}\n\n{{# The compared fields of a document, in their order. #}}\n"
        f"{{% macro compared_fields() %}}\n    {{{{ return([\n{fields}    ]) }}}}\n{{% endmacro %}}\n\n"
        f"{{# Of each subject the sources without which it has no month. #}}\n"
        f"{{% macro required_sources() %}}\n    {{{{ return({{\n{required}    }}) }}}}\n{{% endmacro %}}\n\n"
        f"{{# Of each subject the sources that are loaded and shown, on neither side. #}}\n"
        f"{{% macro shown_sources() %}}\n    {{{{ return({{\n{shown}    }}) }}}}\n{{% endmacro %}}\n\n"
        f"{{# Days after its end until a month of a subject is final. #}}\n"
        f"{{% macro settle_days() %}}\n    {{{{ return({{{settle_days}}}) }}}}\n{{% endmacro %}}\n\n"
        f"{{# Of each subject the mart that people decide about: its status, which statuses leave nothing to\n"
        f"   decide, and what a decision rests on (column, whether it is an amount). #}}\n"
        f"{{% macro decided_marts() %}}\n    {{{{ return({{\n{decided}    }}) }}}}\n{{% endmacro %}}\n"
    )


def _raw_yml() -> str:
    shown = {source for subject in SUBJECTS.values() for source in subject.shown}
    tables = "".join(_raw_table(table) for table in raw_tables() if table.source not in shown)
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
