"""Reading the published tables for the app: at one moment of the log, in DuckDB, never a whole mart in memory."""

import datetime as dt
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
from deltalake.exceptions import DeltaError

from recon_assets.errors import InputError, ReconError
from recon_assets.lakehouse.log import Closing, Publication
from recon_assets.lakehouse.published import NotKept, PublishedStore
from recon_assets.lakehouse.views import view_sql
from recon_assets.pipeline.marts import published_marts

_KEPT = 3  # moments whose views stay open: the present one, the one before it, and one as-of
Row = dict[str, Any]


class StorageFault(ReconError):
    """The published tables cannot be read. Screens say so; they never show zeros instead."""


@dataclass(frozen=True)
class Published:
    """What readers see at one moment: the publication of every month and reconciliation, and which were closed."""

    moment: dt.datetime
    current: dict[tuple[str, str], Publication]
    closings: dict[tuple[str, str], Closing]  # the newest row of the audit log: the month was closed, or reopened
    history: dict[str, list[dt.datetime]]  # when each reconciliation was ever published, newest first

    def months(self, reconciliation: str | None) -> list[str]:
        """Published months of one reconciliation, or of any of them."""
        return sorted({month for month, name in self.current if reconciliation in (None, name)})

    def moments(self, reconciliation: str | None) -> list[dt.datetime]:
        """When one reconciliation, or any of them, was ever published, newest first."""
        found = {at for name, moments in self.history.items() if reconciliation in (None, name) for at in moments}
        return sorted(found, reverse=True)


class Reader:
    """Queries over schema `marts` at a moment. Connections are shared by the requests of one moment."""

    def __init__(self, store: PublishedStore, memory_limit: str = "256MB") -> None:
        self._store = store
        # A name of its own, readable by this user alone: what DuckDB spills are rows of the marts.
        self._spill = tempfile.TemporaryDirectory(prefix="recon-app-", ignore_cleanup_errors=True)
        self._config = {"memory_limit": memory_limit, "temp_directory": self._spill.name, "threads": 2}
        self._open: OrderedDict[dt.datetime, duckdb.DuckDBPyConnection] = OrderedDict()
        self._lock = threading.Lock()

    def published(self, as_of: dt.datetime | None = None) -> Published | None:
        """What was published at `as_of` (default: now); None when nothing was."""
        with _faults():
            current, closings = self._store.current(as_of), self._store.closings(as_of)
            history = self._store.moments()
        if not current:
            return None
        moments = [*(p.published_at for p in current.values()), *(c.recorded_at for c in closings)]
        newest = {(c.month, c.reconciliation): c for c in closings}
        return Published(max(moments), current, newest, history)

    def reach(self) -> None:
        """StorageFault when the place of the published tables does not answer; how many there are plays no part."""
        with _faults():
            self._store.tables.reach()

    def rows(self, moment: dt.datetime, query: tuple[str, list[Any]]) -> list[Row]:
        """The result of a query whose size is bounded (a page, totals), as dicts."""
        with self._cursor(moment) as cursor, _faults():
            result = cursor.execute(*query)
            names = [column[0] for column in result.description or ()]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def publications(self, reconciliation: str, month: str) -> list[Publication]:
        """Every publication of a month, oldest first."""
        with _faults():
            found = self._store.publications()
        return [p for p in found if (p.month, p.reconciliation) == (month, reconciliation)]

    def relation(self, mart: str, publication: Publication) -> str:
        """SQL of a month's rows of a mart as a publication made them, for `rows_of`."""
        version = publication.marts.get(mart)
        files = [str(self._store.root / file) for file in version.files] if version else []
        return view_sql(published_marts()[mart], files)

    def rows_of(self, publications: Sequence[Publication], query: tuple[str, list[Any]]) -> list[Row]:
        """The result of a query over `relation`s of these publications."""
        files = [file for publication in publications for mart in publication.marts.values() for file in mart.files]
        with _faults(), self._store.tables.bring(files):
            return self.rows(publications[-1].published_at, query)

    def stream(self, moment: dt.datetime, query: tuple[str, list[Any]], size: int = 5_000) -> Iterator[list[Any]]:
        """The heading, then batches of rows, of a query of any size."""
        with self._cursor(moment) as cursor, _faults():
            result = cursor.execute(*query)
            yield [column[0] for column in result.description or ()]
            while batch := result.fetchmany(size):
                yield batch

    def _cursor(self, moment: dt.datetime) -> duckdb.DuckDBPyConnection:
        with self._lock:
            connection = self._open.get(moment)
            if connection is None:
                if self.published(moment) is None:
                    raise InputError(f"Nothing was published at {moment:%Y-%m-%d %H:%M:%S} UTC.")
                with _faults():
                    connection = self._store.connect(published_marts().values(), moment, self._config)
                self._open[moment] = connection
                while len(self._open) > _KEPT:
                    self._open.popitem(last=False)  # its cursors keep it open until they are done
            self._open.move_to_end(moment)
            return connection.cursor()


class _faults:  # noqa: N801  reads as a statement
    """Turns what storage and DuckDB raise into a StorageFault: on Azure that may be a key that it refuses."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        expected = isinstance(error, duckdb.Error | DeltaError | OSError | ReconError)
        if expected and not isinstance(error, NotKept):
            reason = " ".join(str(error).partition("\n\nLINE ")[0].split())[:300]  # without the excerpt of our SQL
            raise StorageFault(f"The published tables cannot be read: {reason}") from error
