"""What people decided about a row, as grids and details show it: the same column, marks and facts everywhere."""

import datetime as dt
from typing import Any

from recon_assets.app.format import instant, plain, words
from recon_assets.app.tables import Column, Filter, Row
from recon_assets.catalogue import right_less_left
from recon_assets.issues.decisions import PAIRINGS, Decision

_OPEN = (
    "case when is_open then 'open' "
    "when decision_state = 'holds' and decision in ('accept', 'ignore', 'pending') then 'decided' end"
)

_STEPS = {"accept": "accepted", "ignore": "ignored", "pending": "pending"}


def step(why: str) -> str:
    """SQL of the step of a statement that a row is in: that of its decision while it holds, else `why`."""
    decided = " ".join(f"when '{decision}' then '{name}'" for decision, name in _STEPS.items())
    return f"coalesce(case when decision_state = 'holds' then case decision {decided} end end, {why})"


# Of a decision that does not hold its state says more than what was decided.
_SHOWN = "case when decision_state = 'holds' then decision else decision_state end"
COLUMN = Column("decision", "Decision", "status", 110, _SHOWN)
EXTRA = ("decided_by", "decided_at", "published_at")
FILTER = Filter("open", "Open or decided", _OPEN, groups={"open": ("open",), "decided": ("decided",)})

DIFFERS = "differs"


def differing(status: str, agreeing: tuple[str, ...]) -> Filter:
    """The filter of what has to be settled with others: rows that do not agree and that nobody accepted or ignored."""
    listed = ", ".join(f"'{code}'" for code in agreeing)
    settled = "decision_state = 'holds' and decision in ('accept', 'ignore')"
    sql = f"case when {status} not in ({listed}) and not coalesce({settled}, false) then '{DIFFERS}' end"
    return Filter(DIFFERS, "What differs", sql, groups={DIFFERS: (DIFFERS,)}, is_quiet=True)


def shown_decision(row: Row) -> str | None:
    """What the column Decision says of a row that holds all columns of its mart."""
    shown: str | None = row["decision" if row["decision_state"] == "holds" else "decision_state"]
    return shown


def comes_with_next_run(shown: str | None, row: Row, newest: Decision | None) -> bool:
    """Whether a row does not show its newest decision yet; `shown` is what the column Decision says of it."""
    if newest is None:
        return False
    if newest.action == "clear":
        return shown is not None
    if newest.action == "approve":
        return shown == "awaiting_approval"
    if (row["decided_by"], _utc(row["decided_at"])) == (newest.by, newest.at):
        return False
    # A row shows its verdict rather than what was decided about its pair, which its publication may hold already.
    return newest.action not in PAIRINGS or newest.at > (_utc(row["published_at"]) or newest.at)


def mark(row: Row, newest: Decision | None) -> str:
    """What a grid marks a row with: its decision, or the newer one that the next run brings; nothing without one."""
    shown: str | None = row["decision"]
    if newest is not None and comes_with_next_run(shown, row, newest):
        return f"{words(newest.action)}, next run"
    return words(shown)


def _utc(value: dt.datetime | None) -> dt.datetime | None:
    """A time of a mart as the store has them: UTC, without saying so."""
    return value and value.astimezone(dt.UTC).replace(tzinfo=None)


def decision_facts(row: Row, mart: str) -> dict[str, Any]:
    """Facts of a row's decision; none of a row without one, or of a publication before there were any."""
    if row["decision"] is None:
        return {}
    found = {
        "Decision": f"{words(row['decision'])} by {row['decided_by']}, {instant(row['decided_at'])}",
        "Its reason": row["decision_reason"] or "none given",
    }
    if row["decision_state"] != "holds":
        found["Its state"] = words(row["decision_state"])
    if row["decision_state"] == "stale":
        then = right_less_left(mart, row["decided_difference"])
        found["The row then"] = f"{words(row['decided_status'])}, difference {plain(then) or 'none'}"
    return found
