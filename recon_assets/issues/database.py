"""The transactional database that issues and decisions share: SQLite by default, PostgreSQL by URL."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from recon_assets.errors import InputError, ReconError
from recon_assets.settings import Settings

METADATA = sa.MetaData()


class Database:
    """Engine of an address, with `tables` made where they are missing. ReconError when it cannot be used."""

    def __init__(self, url: str, tables: Sequence[sa.Table]) -> None:
        try:
            self._engine = sa.create_engine(url, pool_pre_ping=True)
        except (SQLAlchemyError, ImportError) as error:
            raise InputError("RECON_ISSUES_URL is not the address of a database that can be used here.") from error
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
        with self.transaction() as connection:
            METADATA.create_all(connection, tables)

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            # The driver's text may name the password of the address.
            raise ReconError(f"The issue store cannot be used ({type(error).__name__}).") from error


def has_database(settings: Settings) -> bool:
    """Whether there is a database already: one that was named, or the file of the home."""
    return settings.issues_url is not None or (settings.home / "issues.db").is_file()


def database_url(settings: Settings) -> str:
    """The address of the settings; a SQLite file of the home unless RECON_ISSUES_URL names a database."""
    if settings.issues_url is None:
        settings.home.mkdir(parents=True, exist_ok=True)
    return settings.issues_url or f"sqlite:///{settings.home / 'issues.db'}"


def _prepare_sqlite(connection: Any, _: object) -> None:
    # Readers do not block the writer, and a second writer waits.
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma busy_timeout = 10000")
    connection.execute("pragma foreign_keys = on")
