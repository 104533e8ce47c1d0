"""What was told and what is still to be sent, in SQLite below the home: nothing is told twice, nothing is forgotten.

A message is written down before it is sent, and marked before and after sending. One whose sending was interrupted may
have arrived: it is not sent again, and `recon doctor` names it.
"""

import datetime as dt
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recon_assets.notices.settings import Channel, Kind

NOTICES_FILE = "notices.db"  # below the home
GIVE_UP_AFTER = dt.timedelta(days=1)
_TABLES = """
    create table if not exists runs (run_id text primary key);
    create table if not exists told (key text primary key);
    create table if not exists messages (
        id integer primary key, created_at text not null, title text not null, lines text not null, url text not null
    );
    create table if not exists deliveries (
        message_id integer not null references messages, channel text not null, error text,
        state text not null check (state in ('pending', 'sending', 'sent', 'given up')),
        primary key (message_id, channel)
    );
"""


@dataclass(frozen=True)
class Fact:
    """One thing worth telling. The same thing has the same key, whichever run finds it."""

    kind: Kind
    key: str
    text: str


@dataclass(frozen=True)
class Report:
    """What one ended run has to tell. `settled` are beginnings of keys: told anew when they happen again."""

    run_id: str
    title: str
    url: str
    facts: Sequence[Fact]
    settled: Sequence[str] = ()


@dataclass(frozen=True)
class Message:
    title: str
    lines: list[str]
    url: str


@dataclass(frozen=True)
class Undelivered:
    channel: str
    title: str
    state: str
    error: str


class NotDelivered(Exception):
    """A message certainly did not arrive; the text says why and holds no secret."""


Send = Callable[[Message], None]


@dataclass(frozen=True)
class Outbox:
    path: Path

    def add(self, report: Report, channels: Sequence[Channel], now: dt.datetime) -> None:
        """Write down a message with the facts of a run that were not told yet; once per run, at once or not at all."""
        with self._connect() as connection:
            if not _is_new(connection, "insert or ignore into runs values (?)", report.run_id):
                return
            for key in report.settled:
                connection.execute("delete from told where substr(key, 1, length(?1)) = ?1", [key])
            new = [f for f in report.facts if _is_new(connection, "insert or ignore into told values (?)", f.key)]
            if not new or not channels:
                return
            lines = json.dumps([fact.text for fact in new])
            message = [now.isoformat(), report.title, lines, report.url]
            connection.execute("insert into messages (created_at, title, lines, url) values (?, ?, ?, ?)", message)
            connection.executemany(
                "insert into deliveries (message_id, channel, state) values (last_insert_rowid(), ?, 'pending')",
                [[channel] for channel in channels],
            )

    def deliver(self, channel: Channel, send: Send, now: dt.datetime) -> int:
        """Send what is pending for a channel, oldest first; how many arrived. What did not is tried again next time."""
        sent = 0
        for number, created_at, message in self._pending(channel):
            if dt.datetime.fromisoformat(created_at) < now - GIVE_UP_AFTER:
                self._mark(number, channel, "pending", "given up")
                continue
            if not self._mark(number, channel, "pending", "sending"):
                continue  # another process has it
            try:
                send(message)
            except NotDelivered as problem:
                self._mark(number, channel, "sending", "pending", str(problem))
            else:
                self._mark(number, channel, "sending", "sent")
                sent += 1
        return sent

    def undelivered(self) -> list[Undelivered]:
        """Messages that did not arrive, or of which it is not known."""
        if not self.path.is_file():
            return []
        sql = (
            "select channel, title, state, coalesce(error, '') from deliveries join messages on id = message_id "
            "where state <> 'sent' order by id, channel"
        )
        with self._connect() as connection:
            return [Undelivered(*row) for row in connection.execute(sql)]

    def _pending(self, channel: Channel) -> list[tuple[int, str, Message]]:
        sql = (
            "select id, created_at, title, lines, url from messages join deliveries on id = message_id "
            "where channel = ? and state = 'pending' order by id"
        )
        with self._connect() as connection:
            rows = connection.execute(sql, [channel]).fetchall()
        return [(row[0], row[1], Message(row[2], json.loads(row[3]), row[4])) for row in rows]

    def _mark(self, number: int, channel: Channel, before: str, after: str, error: str | None = None) -> bool:
        sql = "update deliveries set state = ?, error = ? where message_id = ? and channel = ? and state = ?"
        with self._connect() as connection:
            return connection.execute(sql, [after, error, number, channel, before]).rowcount == 1

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        """A connection and a transaction that is committed at the end."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=30)
        try:
            connection.executescript(_TABLES)
            with connection:
                connection.execute("begin immediate")
                yield connection
        finally:
            connection.close()


def _is_new(connection: sqlite3.Connection, insert: str, key: str) -> bool:
    return connection.execute(insert, [key]).rowcount == 1
