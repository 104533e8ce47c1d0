"""Closing a month: what readers see of it stays until it is reopened with a reason."""

import datetime as dt
from typing import Literal

from recon_assets.clock import Clock
from recon_assets.errors import InputError
from recon_assets.lakehouse.log import Closing
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.pipeline.marts import published_marts


def close_month(published: PublishedStore, month: str, subjects: list[str], by: str, clock: Clock) -> list[Closing]:
    """Close the publications that readers see of a month; without `subjects` those of every reconciliation.

    InputError, and nothing is closed, when there is none, or one of them is not final. What is closed already stays so.
    """
    seen = _publications(published, month, subjects)
    open_ones = {name: found for name, found in seen.items() if (month, name) not in published.closed()}
    if missing := [name for name in subjects if name not in seen]:
        raise InputError(
            f"{month} of {' and '.join(missing)} is not published. Run `recon run --months {month}` first."
        )
    if not seen:
        raise InputError(f"{month} is not published. Run `recon run --months {month}` first.")
    if not open_ones:
        raise InputError(f"{month} of {' and '.join(seen)} is closed already.")
    if early := [f"{name} ({status})" for name, (status, _, _) in open_ones.items() if status != "final"]:
        raise InputError(
            f"{month} of {' and '.join(early)} is not final and cannot be closed. `recon status` says what is missing; "
            "--subject closes one reconciliation alone."
        )
    return [
        _record(published, clock, month, name, "close", by, "", run_id, published_at)
        for name, (_, run_id, published_at) in open_ones.items()
    ]


def reopen_month(
    published: PublishedStore, month: str, subjects: list[str], by: str, reason: str, clock: Clock
) -> list[Closing]:
    """Allow a closed month to be published again; without `subjects` of every reconciliation it is closed in."""
    if not reason.strip():
        raise InputError("Reopening a month needs a reason: --reason.")
    closed = {
        name: c for (m, name), c in published.closed().items() if m == month and (not subjects or name in subjects)
    }
    if missing := [name for name in subjects if name not in closed]:
        raise InputError(f"{month} of {' and '.join(missing)} is not closed.")
    if not closed:
        raise InputError(f"{month} is not closed.")
    return [
        _record(published, clock, month, name, "reopen", by, reason.strip(), c.run_id, c.published_at)
        for name, c in sorted(closed.items())
    ]


def _publications(
    published: PublishedStore, month: str, subjects: list[str]
) -> dict[str, tuple[str, str, dt.datetime]]:
    """What readers see of a month, by reconciliation: window_status, run and instant of its publication."""
    with published.connect([published_marts()["month_status"]]) as connection:
        rows = connection.execute(
            "select reconciliation, window_status, run_id, published_at from marts.month_status "
            f"where billing_month = date '{month}-01' order by 1"
        ).fetchall()
    return {row[0]: (row[1], row[2], row[3]) for row in rows if row[0] in subjects or not subjects}


def _record(
    published: PublishedStore,
    clock: Clock,
    month: str,
    subject: str,
    action: Literal["close", "reopen"],
    by: str,
    reason: str,
    run_id: str,
    published_at: dt.datetime,
) -> Closing:
    """Append one row, later than what it is about whatever the clock says: the newest row decides."""
    before = [c.recorded_at for c in published.closings() if (c.month, c.reconciliation) == (month, subject)]
    at = max([clock(), *(moment + dt.timedelta(microseconds=1) for moment in [published_at, *before])])
    closing = Closing(month, subject, action, at, by, reason, run_id, published_at)
    published.record_closing(closing)
    return closing
