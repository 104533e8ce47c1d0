"""The rules in SQL, rendered without dbt, so that a changed copy of them runs within milliseconds.

`{{ return(...) }}` gives its value as text here, which is enough for all macros but those that return a list; these are
`_LISTS`. test_rules.py holds that what comes out is what dbt makes of the same files.
"""

import re
from functools import cache
from pathlib import Path
from types import CodeType, SimpleNamespace
from typing import Any

import duckdb
import jinja2
import pyarrow as pa

from recon_assets.catalogue import SUBJECTS
from recon_assets.catalogue.compared import compared_fields
from recon_assets.catalogue.decided import fingerprint_columns
from recon_assets.pipeline.project import PROJECT_DIR
from recon_assets_tests.landed import as_dicts

MACROS = (
    "amounts",
    "keys",
    "coverage",
    "decisions",
    "exact_ratio",
    "usage",
    "einvoice_fields",
    "einvoice_pairing",
    "sorted_join",
)
BUCKETS = "models/intermediate/einvoices/int_einvoices__rows.sql"
VERDICTS = "models/intermediate/subscriptions/int_subscriptions__verdicts.sql"
VARIABLES = {"coverage_method": "thirty_360", "usage_tolerance_factor": 0, "usage_tolerance_cap": 100}
_FIELDS = [{"name": field.name, "kind": field.kind, "form": field.form} for field in compared_fields()]
_IDENTIFIERS = [field.name for field in compared_fields() if field.kind == "identifier"]
_AMOUNTS = [field.name for field in compared_fields() if field.kind == "amount"]
_DECIDED = {name: {"values": fingerprint_columns(name)} for name in SUBJECTS}
_LISTS = {"einvoice_identifiers": _IDENTIFIERS, "einvoice_amounts": _AMOUNTS}


_changed: list[Path] = []


def use_changed(folder: Path) -> None:
    """From here on the rules are those of a changed copy of the project (recon_assets_tests/mutation)."""
    _changed.append(folder)


def is_changed() -> bool:
    return bool(_changed)


def project() -> Path:
    return _changed[-1] if _changed else PROJECT_DIR


class _Adapter:
    """`adapter.dispatch` as of DuckDB: duckdb__ if there is one, else default__."""

    def __init__(self, macros: dict[str, Any]) -> None:
        self._macros = macros

    def dispatch(self, name: str) -> Any:
        return self._macros.get(f"duckdb__{name}") or self._macros[f"default__{name}"]


@cache
def _compiled(text: str) -> CodeType:
    return _environment().compile(text)


def _environment() -> jinja2.Environment:
    return jinja2.Environment(extensions=["jinja2.ext.do"])


def render(template: str, **variables: Any) -> str:
    """A template with the macros of the project (or of the changed copy); `ref` gives the plain name of a table."""
    values = {**VARIABLES, **variables}
    macros: dict[str, Any] = {}
    environment = _environment()
    environment.globals |= {
        "return": lambda value: value, "var": values.__getitem__, "ref": lambda name: name, "adapter": _Adapter(macros),
        "config": lambda **_: "", "einvoice_key": lambda name: name if name == "document_date" else f"{name}_key",
        "target_months": lambda _=None: [], "compared_fields": lambda: _FIELDS,
        "decided_marts": lambda: _DECIDED, "target": SimpleNamespace(type="duckdb"),
    }  # fmt: skip
    for name in MACROS:
        text = (project() / "macros" / f"{name}.sql").read_text(encoding="utf-8")
        for macro, value in {**_LISTS, "einvoice_key": None}.items():
            text = re.sub(rf"{{% macro {macro}\(.*?{{% endmacro %}}", "", text, flags=re.DOTALL)
            if value is not None:
                environment.globals[macro] = lambda value=value: value
        module = jinja2.Template.from_code(environment, _compiled(text), environment.make_globals(None)).module
        found = {macro: getattr(module, macro) for macro in dir(module) if not macro.startswith("__")}
        macros |= found
        environment.globals |= found
    return environment.from_string(template).render()


def model(path: str, until: str | None = None) -> str:
    """A model's SQL; with `until` only its ctes before that one."""
    text = (project() / path).read_text(encoding="utf-8")
    if until is not None:
        text, separator, _ = text.partition(f"\n{until} as (")
        assert separator, f"{path} has no cte {until}"
        text = text.rstrip().removesuffix(",")
    return render(text)


def run(sql: str, **tables: pa.Table | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a query over tables given by name."""
    with duckdb.connect() as connection:
        for name, rows in tables.items():
            connection.register(name, rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows))
        return as_dicts(connection.execute(sql))
