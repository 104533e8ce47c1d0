"""Packages import downwards only, and at the top of a module unless what they import is slow to start or not everywhere."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import recon_assets

PACKAGE = Path(recon_assets.__file__).parent
# From the bottom up: a package or module imports those of lines above its own, and of its own line only itself.
LAYERS = (
    ("errors", "clock", "visible"),
    ("months",),
    ("environment",),
    ("transport", "catalogue"),
    ("logs", "azure"),
    ("settings",),
    ("home", "landing", "issues"),
    ("lakehouse",),
    ("sources", "storage"),
    ("platform",),
    ("pipeline", "connectors"),
    ("currencies",),
    ("period",),
    ("query", "status", "rejected", "inspection", "notices", "sample"),
    ("export",),
    ("defs", "app"),
    ("definitions", "doctor"),
    ("runner",),
    ("cli",),
)
# What may be imported inside a function, by what it costs (seconds of start) or needs.
SLOW = {
    "azure": "0.5 s, and only az:// addresses need it",
    "charset_normalizer": "0.1 s, and only files of unknown encoding need it",
    "dagster": "1 s",
    "dash": "1 s",
    "dbt": "2 s",
    "dbt_common": "0.2 s",
    "deltalake": "0.3 s with pyarrow",
    "duckdb": "0.2 s",
    "fcntl": "not on Windows",
    "httpx": "0.2 s",
    "msvcrt": "on Windows alone",
    "openpyxl": "0.4 s, and only workbooks need it",
    "pandera": "1 s, and only loads need it",
    "psycopg2": "only Dagster's storage on PostgreSQL needs it",
    "pyarrow": "0.2 s",
    "python_calamine": "only workbooks need it",
    "pyspark": "only in the environment for Spark",
    "rich": "0.2 s",
    "sqlalchemy": "0.3 s",
    "waitress": "only the served app needs it",
    "xlrd": "only old workbooks need it",
    "xlsxwriter": "0.1 s, and only workbooks need it",
}


@dataclass(frozen=True)
class Import:
    module: str  # that imports
    imported: str
    line: int
    is_inside_function: bool
    is_for_types: bool


def imports_of(path: Path) -> Iterator[Import]:
    module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    yield from _imports(ast.parse(path.read_text(encoding="utf-8")), module, False, False)


def _imports(node: ast.AST, module: str, inside: bool, types: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(module, alias.name, child.lineno, inside, types)
        elif isinstance(child, ast.ImportFrom) and child.module:
            for alias in child.names:
                inner = f"{child.module}.{alias.name}"
                yield Import(module, inner if is_module(inner) else child.module, child.lineno, inside, types)
        else:
            is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            for_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
            yield from _imports(child, module, inside or is_function, types or for_types)


def is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


@cache
def all_imports() -> tuple[Import, ...]:
    return tuple(found for path in sorted(PACKAGE.rglob("*.py")) for found in imports_of(path))


def room(module: str) -> str:
    """The package, or the module directly below recon_assets, that a module belongs to."""
    return module.split(".")[1] if "." in module else ""


def level(module: str) -> int:
    return next(number for number, layer in enumerate(LAYERS) if room(module) in layer)


def test_every_package_has_its_layer() -> None:
    rooms = {room(found.module) for found in all_imports()} - {""}
    assert rooms - {name for layer in LAYERS for name in layer} == set()


def test_packages_import_downwards_only() -> None:
    upwards = [
        f"{found.module} line {found.line} imports {found.imported}"
        for found in all_imports()
        if found.imported.startswith("recon_assets.")
        and room(found.imported) != room(found.module)
        and level(found.imported) >= level(found.module)
    ]
    assert upwards == []


@cache
def started_by(module: str) -> frozenset[str]:
    """Modules of ours and packages of others that importing a module starts."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name if name.startswith("recon_assets") else name.split(".")[0])
        waiting += [
            i.imported
            for i in all_imports()
            if i.module == name and not i.is_inside_function and not i.is_for_types
        ]  # fmt: skip
    return frozenset(found)


def test_imports_inside_functions_are_of_what_is_slow_to_start_or_not_everywhere() -> None:
    without_reason = [
        f"{found.module} line {found.line} imports {found.imported}"
        for found in all_imports()
        if found.is_inside_function and not started_by(found.imported) & SLOW.keys()
    ]
    assert without_reason == []
