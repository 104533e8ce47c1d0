"""What is known of a mirrored drive between two fetches: its items, how far its changes were read, and what landed.

A SQLite file of this machine. Losing it costs a new look at the whole drive: what has landed is compared, not trusted.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recon_assets.connectors.drive import DriveItem

_TABLES = """
create table if not exists items (
    id text primary key, parent text, name text, kind text, size integer, content_tag text, hashes text
);
create table if not exists landed (path text primary key, id text, content text, size integer);
create table if not exists look (url text);
"""


@dataclass(frozen=True)
class Landed:
    """A file that a fetch puts into the landing zone: its path, for which item and content, of which size."""

    path: str
    id: str
    content: str
    size: int  # bytes


class Mirrored:
    """The memory of one drive. Every change is kept at once, so a killed fetch is continued."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.executescript(_TABLES)

    def url(self) -> str | None:
        """Where to look for the next changes; None before the first look."""
        row = self._connection.execute("select url from look").fetchone()
        return row[0] if row else None

    def take_page(self, items: list[DriveItem], following: str) -> None:
        """Keep a page of changes, of which a later item counts over an earlier one, and where the next look begins."""
        with self._connection:
            for item in items:
                if item.kind == "gone":
                    self._connection.execute("delete from items where id = ?", [item.id])
                    continue
                row = (item.id, item.parent, item.name, item.kind, item.size, item.content_tag)
                self._connection.execute(
                    "insert or replace into items values (?, ?, ?, ?, ?, ?, ?)", (*row, json.dumps(item.hashes))
                )
            self._look(following)

    def begin_anew(self, url: str) -> None:
        """Forget the items, whose changes cannot be followed any more; what has landed stays known."""
        with self._connection:
            self._connection.execute("delete from items")
            self._look(url)

    def _look(self, url: str) -> None:
        self._connection.execute("delete from look")
        self._connection.execute("insert into look values (?)", [url])

    def items(self) -> dict[str, DriveItem]:
        """Every file and folder of the drive by its id."""
        rows = self._connection.execute("select id, parent, name, kind, size, content_tag, hashes from items")
        return {
            id_: DriveItem(id_, parent, name, kind, size, tag, json.loads(hashes))
            for id_, parent, name, kind, size, tag, hashes in rows
        }

    def landed(self) -> dict[str, Landed]:
        """What was put into the landing zone by its path; what a killed fetch was about to put there is among it."""
        rows = self._connection.execute("select path, id, content, size from landed order by path")
        return {row[0]: Landed(*row) for row in rows}

    def remember(self, landed: Landed) -> None:
        with self._connection:
            row = (landed.path, landed.id, landed.content, landed.size)
            self._connection.execute("insert or replace into landed values (?, ?, ?, ?)", row)

    def forget(self, path: str) -> None:
        with self._connection:
            self._connection.execute("delete from landed where path = ?", [path])


@contextmanager
def open_mirrored(path: Path) -> Iterator[Mirrored]:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path)
    try:
        yield Mirrored(connection)
    finally:
        connection.close()
