"""Issues on discrepancies, in a transactional database of their own: SQLite by default, PostgreSQL by URL.

An issue carries a version: who changes it says which version was looked at, and a change made meanwhile is not lost.
Comments are only added. Every change leaves a row in the audit trail, in the same transaction.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from recon_assets.clock import Clock, utc_now
from recon_assets.errors import InputError, ReconError
from recon_assets.issues.database import METADATA, Database, database_url
from recon_assets.months import first_day
from recon_assets.settings import Settings

Status = Literal["open", "investigating", "resolved", "wont_fix"]
STATUSES: tuple[str, ...] = get_args(Status)
OPEN: tuple[str, ...] = ("open", "investigating")
MOST_ASSIGNED = 500
LENGTHS = {"title": 200, "description": 4_000, "assignee": 100, "comment": 4_000, "view": 100}

# Amounts are text: SQLite has no decimal, and a difference must come back as it was published.
_issues = sa.Table(
    "issues",
    METADATA,
    sa.Column("issue_id", sa.Integer, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("reconciliation", sa.String(20), nullable=False),
    sa.Column("mart", sa.String(60), nullable=False),
    sa.Column("reconciliation_key", sa.String(64), nullable=False, index=True),
    sa.Column("billing_month", sa.Date, nullable=False),
    sa.Column("subject", sa.String(400), nullable=False),
    sa.Column("status_then", sa.String(40)),
    sa.Column("difference_then", sa.String(60)),
    sa.Column("currency", sa.String(20)),
    sa.Column("title", sa.String(LENGTHS["title"]), nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("status", sa.String(20), nullable=False, index=True),
    sa.Column("assignee", sa.String(LENGTHS["assignee"]), nullable=False),
    sa.Column("reporter", sa.String(100), nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("updated_at", sa.DateTime, nullable=False),
)
_comments = sa.Table(
    "issue_comments",
    METADATA,
    sa.Column("comment_id", sa.Integer, primary_key=True),
    sa.Column("issue_id", sa.ForeignKey("issues.issue_id"), nullable=False, index=True),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("written_at", sa.DateTime, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
)
_audit = sa.Table(
    "issue_audit",
    METADATA,
    sa.Column("audit_id", sa.Integer, primary_key=True),
    sa.Column("issue_id", sa.ForeignKey("issues.issue_id"), nullable=False, index=True),
    sa.Column("who", sa.String(100), nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Column("field", sa.String(40), nullable=False),
    sa.Column("value_from", sa.Text),
    sa.Column("value_to", sa.Text),
)


# What was sent once and may arrive twice (a double click): the form it came from, with a hash of what it said.
_requests = sa.Table(
    "issue_requests",
    METADATA,
    sa.Column("request", sa.String(100), primary_key=True),
    sa.Column("issue_id", sa.ForeignKey("issues.issue_id"), nullable=False),
)


# An address with a name, for everybody who reads.
_views = sa.Table(
    "saved_views",
    METADATA,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("path", sa.String(40), nullable=False),
    sa.Column("search", sa.Text, nullable=False),
    sa.Column("owner", sa.String(100), nullable=False),
    sa.Column("saved_at", sa.DateTime, nullable=False),
)


class Conflict(ReconError):
    """The issue was changed by somebody else since it was read."""


@dataclass(frozen=True)
class Discrepancy:
    """What an issue is about, as it was published when it was reported."""

    reconciliation: str
    mart: str
    reconciliation_key: str
    month: str
    subject: str  # what a reader calls the row
    status: str | None
    difference: Decimal | None
    currency: str | None


@dataclass(frozen=True)
class Issue:
    """An issue as it stands; times are UTC."""

    issue_id: int
    version: int
    about: Discrepancy
    title: str
    description: str
    status: str
    assignee: str
    reporter: str
    created_at: dt.datetime
    updated_at: dt.datetime


@dataclass(frozen=True)
class SavedView:
    """A screen (`path`) with the filters, sorting and columns (`search`) that somebody gave a name."""

    name: str
    path: str
    search: str
    owner: str


@dataclass(frozen=True)
class Entry:
    """A comment (field `comment`) or a change, in the issue's history."""

    who: str
    at: dt.datetime
    field: str
    value_from: str | None
    value_to: str | None


class IssueStore:
    """The issue log. Methods raise InputError for bad values, Conflict, or ReconError when the database fails."""

    def __init__(self, url: str, clock: Clock = utc_now) -> None:
        self._transaction = Database(url, (_issues, _comments, _audit, _requests, _views)).transaction
        self._clock = clock

    def report(
        self, about: Discrepancy, title: str, description: str, assignee: str, reporter: str, form: str = ""
    ) -> int:
        """Record a new issue; its number. The same words of the same `form` are one issue, however often they come."""
        texts = _checked({"title": title, "description": description, "assignee": assignee})
        if not texts["title"]:
            raise InputError("An issue needs a title.")
        now = self._now()
        return self._once(form, texts, lambda connection: self._insert(connection, about, texts, reporter, now))

    def assign(
        self, rows: Sequence[Discrepancy], title: str, description: str, assignee: str, who: str
    ) -> tuple[int, int]:
        """Have `assignee` look after all of these rows, or none: how many open issues they got, and how many new ones.

        The open issues of a row change hands; a row without one gets an issue of this title.
        """
        texts = _checked({"title": title, "description": description, "assignee": assignee})
        if not texts["assignee"] or not texts["title"]:
            raise InputError("Say who is to look after the rows, and a title for those that have no issue yet.")
        if not 0 < len(rows) <= MOST_ASSIGNED:
            raise InputError(f"{len(rows)} rows are chosen; from 1 to {MOST_ASSIGNED} can be assigned at once.")
        now, taken, made = self._now(), 0, 0
        with self._transaction() as connection:
            places = (_issues.c.reconciliation, _issues.c.reconciliation_key)
            select = sa.select(*places, _issues.c.issue_id, _issues.c.assignee, _issues.c.version).where(
                _issues.c.status.in_(OPEN), _issues.c.reconciliation_key.in_([row.reconciliation_key for row in rows])
            )
            known: dict[tuple[str, str], list[Any]] = {}
            for issue in connection.execute(select):
                known.setdefault((issue.reconciliation, issue.reconciliation_key), []).append(issue)
            for row in rows:
                issues = known.get((row.reconciliation, row.reconciliation_key), [])
                for issue in issues:
                    if issue.assignee != texts["assignee"]:
                        changed = {"assignee": (issue.assignee, texts["assignee"])}
                        self._update(connection, issue.issue_id, issue.version, who, now, changed)
                taken += len(issues)
                if not issues:
                    self._insert(connection, row, texts, who, now)
                    made += 1
        return taken, made

    def _insert(
        self, connection: sa.Connection, about: Discrepancy, texts: Mapping[str, str], reporter: str, now: dt.datetime
    ) -> int:
        row = {
            "version": 1, "reconciliation": about.reconciliation, "mart": about.mart,
            "reconciliation_key": about.reconciliation_key, "billing_month": first_day(about.month),
            "subject": about.subject[:400], "status_then": about.status,
            "difference_then": None if about.difference is None else f"{about.difference:f}",
            "currency": about.currency, "status": "open", "reporter": reporter, "created_at": now, "updated_at": now,
            **texts,
        }  # fmt: skip
        inserted = connection.execute(sa.insert(_issues).values(row)).inserted_primary_key
        assert inserted is not None
        self._trail(connection, inserted[0], reporter, now, {"issue": (None, texts["title"])})
        return int(inserted[0])

    def _update(
        self,
        connection: sa.Connection,
        issue_id: int,
        version: int,
        who: str,
        now: dt.datetime,
        changed: dict[str, tuple[Any, Any]],
    ) -> None:
        """Write what is to change, old and new, into the `version` that was looked at; Conflict when it is another."""
        update = (
            sa.update(_issues)
            .where(_issues.c.issue_id == issue_id, _issues.c.version == version)
            .values(version=version + 1, updated_at=now, **{name: new for name, (_, new) in changed.items()})
        )
        if connection.execute(update).rowcount != 1:
            raise Conflict(
                f"Issue {issue_id} was changed by somebody else meanwhile; nothing was overwritten. "
                "Look at the change, then repeat yours."
            )
        self._trail(connection, issue_id, who, now, changed)

    def change(self, issue_id: int, version: int, who: str, **changes: str) -> None:
        """Change status, assignee, title or description of the `version` that was looked at."""
        if "status" in changes and changes["status"] not in STATUSES:
            raise InputError(f"'{changes['status']}' is not a status. Choose one of {', '.join(STATUSES)}.")
        texts = _checked({name: value for name, value in changes.items() if name != "status"})
        wanted = {**changes, **texts}
        now = self._now()
        with self._transaction() as connection:
            before = self._row(connection, issue_id)
            changed = {name: (before[name], value) for name, value in wanted.items() if before[name] != value}
            if not changed:  # sent twice, or as somebody else left it: there is nothing to overwrite
                return
            self._update(connection, issue_id, version, who, now, changed)

    def comment(self, issue_id: int, author: str, text: str, form: str = "") -> None:
        """Add a comment; comments are never changed. The same words of the same `form` are one comment."""
        words = _checked({"comment": text})["comment"]
        if not words:
            raise InputError("Write something first: the comment is empty.")
        now = self._now()

        def insert(connection: sa.Connection) -> int:
            self._row(connection, issue_id)
            connection.execute(
                sa.insert(_comments).values(issue_id=issue_id, author=author, written_at=now, text=words)
            )
            connection.execute(sa.update(_issues).where(_issues.c.issue_id == issue_id).values(updated_at=now))
            return issue_id

        self._once(form, {"comment": words}, insert)

    def get(self, issue_id: int) -> Issue:
        with self._transaction() as connection:
            return _issue(self._row(connection, issue_id))

    def find(
        self, limit: int | None = 50, offset: int = 0, text: str | None = None, **equal: str | tuple[str, ...]
    ) -> tuple[list[Issue], int]:
        """Issues, newest first, and how many there are; all of them without a limit.

        `equal` restricts columns; `text` looks into the words.
        """
        conditions = [
            _issues.c[name].in_(value) if isinstance(value, tuple) else _issues.c[name] == value
            for name, value in equal.items()
        ]
        if text:
            conditions.append(
                sa.or_(
                    *(_issues.c[name].icontains(text, autoescape=True) for name in ("title", "description", "subject"))
                )
            )
        with self._transaction() as connection:
            count = connection.execute(sa.select(sa.func.count()).select_from(_issues).where(*conditions)).scalar_one()
            select = sa.select(_issues).where(*conditions).order_by(_issues.c.issue_id.desc())
            rows = connection.execute(select.limit(limit).offset(offset)).mappings().all()
        return [_issue(dict(row)) for row in rows], count

    def open_counts(self) -> dict[tuple[str, str], int]:
        """Issues still open by month and reconciliation."""
        month, name = _issues.c.billing_month, _issues.c.reconciliation
        select = sa.select(month, name, sa.func.count()).where(_issues.c.status.in_(OPEN)).group_by(month, name)
        with self._transaction() as connection:
            return {(f"{row[0]:%Y-%m}", row[1]): row[2] for row in connection.execute(select)}

    def open_by_key(self, keys: list[str]) -> dict[str, int]:
        """How many issues are open on each of these rows, by reconciliation_key; rows without any are left out."""
        key = _issues.c.reconciliation_key
        select = sa.select(key, sa.func.count()).where(key.in_(keys), _issues.c.status.in_(OPEN)).group_by(key)
        with self._transaction() as connection:
            return {row[0]: row[1] for row in connection.execute(select)}

    def save_view(self, view: SavedView) -> None:
        """Keep a view under its name; a name of somebody else's view is refused, an own one is replaced."""
        name = _checked({"view": view.name})["view"]
        if not name:
            raise InputError("A view needs a name.")
        with self._transaction() as connection:
            found = connection.execute(sa.select(_views.c.owner).where(_views.c.name == name)).scalar_one_or_none()
            if found not in (None, view.owner):
                raise InputError(f"'{name}' is a view of {found}. Choose another name.")
            connection.execute(sa.delete(_views).where(_views.c.name == name))
            values = {
                "name": name,
                "path": view.path,
                "search": view.search,
                "owner": view.owner,
                "saved_at": self._now(),
            }
            connection.execute(sa.insert(_views).values(values))

    def remove_view(self, name: str, owner: str) -> None:
        """Forget a view of `owner`; of nobody else."""
        with self._transaction() as connection:
            connection.execute(sa.delete(_views).where(_views.c.name == name, _views.c.owner == owner))

    def views(self, path: str) -> list[SavedView]:
        """The views of a screen, by name."""
        select = sa.select(_views).where(_views.c.path == path).order_by(_views.c.name)
        with self._transaction() as connection:
            rows = connection.execute(select).mappings().all()
        return [SavedView(row["name"], row["path"], row["search"], row["owner"]) for row in rows]

    def history(self, issue_id: int) -> list[Entry]:
        """Comments and changes, oldest first."""
        with self._transaction() as connection:
            comments = connection.execute(sa.select(_comments).where(_comments.c.issue_id == issue_id)).mappings().all()
            changes = connection.execute(sa.select(_audit).where(_audit.c.issue_id == issue_id)).mappings().all()
        entries = [Entry(c["author"], c["written_at"], "comment", None, c["text"]) for c in comments]
        entries += [Entry(c["who"], c["at"], c["field"], c["value_from"], c["value_to"]) for c in changes]
        return sorted(entries, key=lambda entry: entry.at)

    def _once(self, form: str, texts: Mapping[str, str], act: Callable[[sa.Connection], int]) -> int:
        """The issue that `act` writes to, once for the same words of a form, even when they arrive side by side."""
        request = f"{form[:30]}:{hashlib.sha256(repr(sorted(texts.items())).encode()).hexdigest()}" if form else ""
        if (known := self._answered(request)) is not None:
            return known
        try:
            with self._transaction() as connection:
                issue_id = act(connection)
                if request:
                    connection.execute(sa.insert(_requests).values(request=request, issue_id=issue_id))
                return issue_id
        except ReconError as error:
            if isinstance(error.__cause__, IntegrityError) and (known := self._answered(request)) is not None:
                return known
            raise

    def _answered(self, request: str) -> int | None:
        select = sa.select(_requests.c.issue_id).where(_requests.c.request == request)
        with self._transaction() as connection:
            return connection.execute(select).scalar_one_or_none()

    def _row(self, connection: sa.Connection, issue_id: int) -> Mapping[str, Any]:
        row = connection.execute(sa.select(_issues).where(_issues.c.issue_id == issue_id)).mappings().one_or_none()
        if row is None:
            raise InputError(f"There is no issue {issue_id}.")
        return dict(row)

    def _trail(
        self,
        connection: sa.Connection,
        issue_id: int,
        who: str,
        at: dt.datetime,
        changed: Mapping[str, tuple[str | None, str]],
    ) -> None:
        for name, (old, new) in changed.items():
            values = {"issue_id": issue_id, "who": who, "at": at, "field": name, "value_from": old, "value_to": new}
            connection.execute(sa.insert(_audit).values(values))

    def _now(self) -> dt.datetime:
        return self._clock().replace(tzinfo=None)


def open_issues(settings: Settings, clock: Clock = utc_now) -> IssueStore:
    """The issue store of the settings."""
    return IssueStore(database_url(settings), clock)


def _checked(texts: Mapping[str, str]) -> dict[str, str]:
    trimmed = {name: value.strip() for name, value in texts.items()}
    for name, value in trimmed.items():
        if len(value) > LENGTHS[name]:
            raise InputError(f"The {name} has {len(value)} characters; at most {LENGTHS[name]} are kept.")
        if "\x00" in value:
            raise InputError(f"The {name} holds a character that cannot be stored.")
    return trimmed


def _issue(row: Mapping[str, Any]) -> Issue:
    difference = row["difference_then"]
    about = Discrepancy(
        row["reconciliation"],
        row["mart"],
        row["reconciliation_key"],
        f"{row['billing_month']:%Y-%m}",
        row["subject"],
        row["status_then"],
        None if difference is None else Decimal(difference),
        row["currency"],
    )
    kept = ("title", "description", "status", "assignee", "reporter", "created_at", "updated_at")
    return Issue(row["issue_id"], row["version"], about, *(row[name] for name in kept))
