"""A program that is `recon`, but stops for ever at a named place, after writing a file that says so.

Places in dbt are in a process of its own: there this program is dbt's (dbt_worker.py), which stops.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _stop(signal: Path) -> None:
    signal.touch()
    time.sleep(3600)


def _before(owner: Any, name: str, reached: Callable[..., bool], signal: Path) -> None:
    """Stop before the first call of `owner.name` for which `reached` holds."""
    original = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if reached(*args, **kwargs):
            _stop(signal)
        return original(*args, **kwargs)

    setattr(owner, name, wrapped)


def while_converting(signal: Path) -> None:
    """In the raw load: Parquet files are being written."""
    from recon_assets.sources import loading

    _before(loading, "audit", lambda source, *rest: source == "ms_recon_nce", signal)


def before_raw_commit(signal: Path) -> None:
    """In the raw load: everything is written and audited, the month is not replaced."""
    from recon_assets.lakehouse.raw import RawStore

    _before(RawStore, "commit", lambda store, month: month.source == "ms_recon_nce", signal)


def while_dbt_builds(signal: Path) -> None:
    """In dbt: some models of the build are there, the marts are not."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    def builds_mart(manager: Any, sql: str, *rest: Any, **more: Any) -> bool:
        return "create" in sql.lower() and '"marts"."subscription_reconciliation"' in sql

    _before(DuckDBConnectionManager, "add_query", builds_mart, signal)


def while_dbt_tests(signal: Path) -> None:
    """In dbt: the marts are built, their tests are not run."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    def tests(manager: Any, sql: str, *rest: Any, **more: Any) -> bool:
        return "create" in sql.lower() and '"checks".' in sql

    _before(DuckDBConnectionManager, "add_query", tests, signal)


def between_marts(signal: Path) -> None:
    """In publishing: the first month is published, of the second some marts are written."""
    from recon_assets.lakehouse.published import PublishedStore

    written: list[str] = []

    def second_month(store: Any, files: Any) -> bool:
        month = files.partition[0][1]
        written.append(month)
        return len(set(written)) == 2 and written.count(month) == 3

    _before(PublishedStore, "commit_month", second_month, signal)


def before_publication_row(signal: Path) -> None:
    """In publishing: every mart of the first month is written, the row that commits them is not."""
    from recon_assets.lakehouse.published import PublishedStore

    _before(PublishedStore, "record", lambda *rest: True, signal)


def before_clean_up(signal: Path) -> None:
    """After publishing: every month is published, the run has not ended."""
    from recon_assets.defs import published

    _before(published, "remove_old_builds", lambda *rest: True, signal)


IN_DBT = ("while_dbt_builds", "while_dbt_tests")
_PLACE, _SIGNAL = "TESTS_STOP_PLACE", "TESTS_STOP_SIGNAL"


def main(place: str, signal: str, *arguments: str) -> None:
    from recon_assets.cli import main as recon
    from recon_assets.pipeline import dbt_process

    if place in IN_DBT:
        dbt_process.PROGRAM = "recon_assets_tests.reliability.driver"
        os.environ |= {_PLACE: place, _SIGNAL: signal}
    else:
        globals()[place](Path(signal))
    recon(list(arguments))


def main_of_dbt(engine: str) -> None:
    from recon_assets.pipeline.dbt_worker import main as dbt

    globals()[os.environ[_PLACE]](Path(os.environ[_SIGNAL]))
    dbt(engine)


if __name__ == "__main__":
    (main_of_dbt if _PLACE in os.environ else main)(*sys.argv[1:])
