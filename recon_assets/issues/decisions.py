"""What people decided about published rows: appended to, never changed; the newest decisions of a row hold.

Kept in the database of the issues. Rules: spec/decisions.md. Which rows may take which decision, and what a decision
does to the marts, is not told here but in `pipeline.decisions` and in the models.
"""

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from recon_assets.clock import Clock, utc_now
from recon_assets.errors import InputError, ReconError
from recon_assets.issues.database import METADATA, Database, database_url
from recon_assets.months import first_day
from recon_assets.settings import Settings

Action = Literal["accept", "ignore", "pending", "clear", "pair", "unpair", "approve"]
ACTIONS: tuple[str, ...] = get_args(Action)
VERDICTS = ("accept", "ignore", "pending")
PAIRINGS = ("pair", "unpair")
MOST_AT_ONCE = 10_000
LONGEST_REASON = 1_000
_WITHOUT_REASON = ("pending", "approve")
_AT_THE_SAME_MOMENT = "Somebody else decided about one of the rows at the same moment. Look again."
_PART = 500  # keys of one query: databases bound its parameters

_decisions = sa.Table(
    "decisions",
    METADATA,
    sa.Column("decision_id", sa.Integer, primary_key=True),
    sa.Column("reconciliation", sa.String(20), nullable=False),
    sa.Column("billing_month", sa.Date, nullable=False, index=True),
    sa.Column("reconciliation_key", sa.String(64), nullable=False, index=True),
    sa.Column("other_key", sa.String(64)),
    sa.Column("action", sa.String(20), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("until_day", sa.Date),
    sa.Column("decided_by", sa.String(100), nullable=False),
    sa.Column("decided_at", sa.DateTime, nullable=False),
    # The row as it was. Amounts are text: SQLite has no decimal.
    sa.Column("status_then", sa.String(40)),
    sa.Column("difference_then", sa.String(60)),
    sa.Column("currency", sa.String(20)),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("documents", sa.Text),
    sa.Column("needs_approval", sa.Boolean, nullable=False),
    sa.Column("chosen_by", sa.Text),
)
# The newest decision of each row: of two people at once the second finds another one than the one that was seen.
_newest = sa.Table(
    "newest_decisions",
    METADATA,
    sa.Column("reconciliation", sa.String(20), primary_key=True),
    sa.Column("reconciliation_key", sa.String(64), primary_key=True),
    sa.Column("decision_id", sa.ForeignKey("decisions.decision_id"), nullable=False),
)


class AlreadyDecided(ReconError):
    """Somebody decided about the row since it was looked at."""


@dataclass(frozen=True)
class DecidedRow:
    """A published row as it is when it is decided. `documents` are what its documents are found by again."""

    reconciliation: str
    month: str
    key: str
    status: str | None
    difference: Decimal | None
    currency: str | None
    fingerprint: str
    documents: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Wish:
    """A decision that somebody wants to make. `seen` is the newest decision of the row that they know of."""

    row: DecidedRow
    action: Action
    reason: str = ""
    until: dt.date | None = None
    other_key: str | None = None
    needs_approval: bool = False
    seen: int | None = None


@dataclass(frozen=True)
class Decision:
    """A decision as it was made; `at` is UTC. `chosen_by` is the filter of a bulk decision."""

    decision_id: int
    row: DecidedRow
    action: str
    reason: str
    until: dt.date | None
    other_key: str | None
    by: str
    at: dt.datetime
    needs_approval: bool
    chosen_by: str | None

    @property
    def text(self) -> str:
        until = f" until {self.until}" if self.until else ""
        return f"{self.action}{until} by {self.by} at {self.at:%Y-%m-%d %H:%M} UTC: {self.reason or 'no reason given'}"


@dataclass(frozen=True)
class Standing:
    """What holds of a row's decisions: the newest verdict since the last `clear`, the pair, and the pairs undone."""

    verdict: Decision | None = None
    approved_by: str | None = None
    pair: Decision | None = None
    unpairs: tuple[Decision, ...] = ()

    @property
    def awaits_approval(self) -> bool:
        return self.verdict is not None and self.verdict.needs_approval and self.approved_by is None


class DecisionStore:
    """The log of decisions. Methods raise InputError for bad values, AlreadyDecided, or ReconError."""

    def __init__(self, url: str, clock: Clock = utc_now) -> None:
        self._transaction = Database(url, (_decisions, _newest)).transaction
        self._clock = clock

    def decide(self, wishes: Sequence[Wish], by: str, chosen_by: str | None = None) -> list[int]:
        """Make all decisions or none; their numbers."""
        for wish in wishes:
            _require_sound(wish)
        if not 0 < len(wishes) <= MOST_AT_ONCE:
            raise InputError(f"{len(wishes)} rows are chosen; from 1 to {MOST_AT_ONCE:,} can be decided at once.")
        keys = [(wish.row.reconciliation, wish.row.key) for wish in wishes]
        if len(set(keys)) < len(keys):
            raise InputError("A row is decided twice at once. Decide it once.")
        at = self._clock().replace(tzinfo=None)
        try:
            with self._transaction() as connection:
                known = self._known(connection, keys)
                for wish in wishes:
                    _require_seen(wish, known.get((wish.row.reconciliation, wish.row.key)))
                return [self._append(connection, wish, by, at, chosen_by) for wish in wishes]
        except ReconError as error:
            if isinstance(error.__cause__, IntegrityError):
                raise AlreadyDecided(_AT_THE_SAME_MOMENT) from error
            raise

    def newest(self, reconciliation: str, keys: Iterable[str]) -> dict[str, Decision]:
        """The newest decision of each row that has one, by its key."""
        with self._transaction() as connection:
            found = self._known(connection, [(reconciliation, key) for key in keys])
        return {key: decision for (_, key), decision in found.items()}

    def history(
        self, reconciliation: str | None = None, month: str | None = None, key: str | None = None
    ) -> list[Decision]:
        """Every decision ever made, oldest first, of a reconciliation, a month or a row."""
        day = first_day(month) if month else None
        wanted = {"reconciliation": reconciliation, "billing_month": day, "reconciliation_key": key}
        conditions = [_decisions.c[name] == value for name, value in wanted.items() if value is not None]
        select = sa.select(_decisions).where(*conditions).order_by(_decisions.c.decision_id)
        with self._transaction() as connection:
            return [_decision(row) for row in connection.execute(select).mappings()]

    def _known(self, connection: sa.Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Decision]:
        found = {}
        for start in range(0, len(keys), _PART):
            part = keys[start : start + _PART]
            select = (
                sa.select(_decisions)
                .join(_newest, _newest.c.decision_id == _decisions.c.decision_id)
                .where(_newest.c.reconciliation.in_({name for name, _ in part}))
                .where(_newest.c.reconciliation_key.in_([key for _, key in part]))
            )
            for row in connection.execute(select).mappings():
                found[row["reconciliation"], row["reconciliation_key"]] = _decision(row)
        return found

    def _append(self, connection: sa.Connection, wish: Wish, by: str, at: dt.datetime, chosen_by: str | None) -> int:
        row = wish.row
        values = {
            "reconciliation": row.reconciliation, "billing_month": first_day(row.month), "reconciliation_key": row.key,
            "other_key": wish.other_key, "action": wish.action, "reason": wish.reason.strip(), "until_day": wish.until,
            "decided_by": by, "decided_at": at, "status_then": row.status, "currency": row.currency,
            "difference_then": None if row.difference is None else f"{row.difference:f}",
            "fingerprint": row.fingerprint,
            "documents": json.dumps(dict(row.documents), sort_keys=True, ensure_ascii=False) if row.documents else None,
            "needs_approval": wish.needs_approval, "chosen_by": chosen_by,
        }  # fmt: skip
        inserted = connection.execute(sa.insert(_decisions).values(values)).inserted_primary_key
        assert inserted is not None
        number = int(inserted[0])
        place = {"reconciliation": row.reconciliation, "reconciliation_key": row.key}
        if wish.seen is None:
            connection.execute(sa.insert(_newest).values(**place, decision_id=number))
            return number
        update = sa.update(_newest).where(
            *(_newest.c[name] == value for name, value in place.items()), _newest.c.decision_id == wish.seen
        )
        if connection.execute(update.values(decision_id=number)).rowcount != 1:
            raise AlreadyDecided(_AT_THE_SAME_MOMENT)
        return number


def standing(decisions: Iterable[Decision]) -> dict[tuple[str, str], Standing]:
    """What holds by reconciliation and key, out of all decisions, oldest first."""
    found: dict[tuple[str, str], Standing] = {}
    for decision in decisions:
        place = (decision.row.reconciliation, decision.row.key)
        found[place] = _after(found.get(place, Standing()), decision)
    return {place: held for place, held in found.items() if held != Standing()}


def _after(held: Standing, decision: Decision) -> Standing:
    match decision.action:
        case "clear":
            return Standing()
        case "approve":
            return Standing(held.verdict, decision.by, held.pair, held.unpairs)
        case "pair":
            kept = tuple(d for d in held.unpairs if d.row.documents != decision.row.documents)
            return Standing(held.verdict, held.approved_by, decision, kept)
        case "unpair":
            pair = None if held.pair and held.pair.row.documents == decision.row.documents else held.pair
            return Standing(held.verdict, held.approved_by, pair, (*held.unpairs, decision))
        case _:
            return Standing(decision, None, held.pair, held.unpairs)


def open_decisions(settings: Settings, clock: Clock = utc_now) -> DecisionStore:
    """The decisions of the settings' database."""
    return DecisionStore(database_url(settings), clock)


def _require_sound(wish: Wish) -> None:
    if wish.action not in ACTIONS:
        raise InputError(f"'{wish.action}' is no decision. Choose one of {', '.join(ACTIONS)}.")
    reason = wish.reason.strip()
    if not reason and wish.action not in _WITHOUT_REASON:
        raise InputError(f"To {wish.action} a row needs a reason.")
    if len(reason) > LONGEST_REASON or not all(c.isprintable() or c in "\n\t" for c in reason):
        raise InputError(f"The reason is longer than {LONGEST_REASON} characters or not plain text.")
    if (wish.action == "pending") != (wish.until is not None):
        raise InputError("A pending row needs the day until which it waits, YYYY-MM-DD, and no other one has it.")


def _require_seen(wish: Wish, newest: Decision | None) -> None:
    if (newest.decision_id if newest else None) == wish.seen:
        return
    said = f"It was decided meanwhile: {newest.text}." if newest else "Its decision is not there."
    raise AlreadyDecided(f"Row {wish.row.key[:12]} of {wish.row.month}: {said} Look at it, then decide again.")


def _decision(row: Mapping[Any, Any]) -> Decision:
    difference = row["difference_then"]
    about = DecidedRow(
        row["reconciliation"],
        f"{row['billing_month']:%Y-%m}",
        row["reconciliation_key"],
        row["status_then"],
        None if difference is None else Decimal(difference),
        row["currency"],
        row["fingerprint"],
        json.loads(row["documents"]) if row["documents"] else {},
    )
    return Decision(
        row["decision_id"], about, row["action"], row["reason"], row["until_day"], row["other_key"], row["decided_by"],
        row["decided_at"], row["needs_approval"], row["chosen_by"],
    )  # fmt: skip
