"""Anniversary days and terms of subscriptions. Month arithmetic itself is in `recon_assets.months`."""

from collections.abc import Sequence
from datetime import date, timedelta

from recon_assets.errors import InputError
from recon_assets.months import add_months, first_day, last_day, month_range, parse_month


def consecutive(months: Sequence[str]) -> list[str]:
    """The months of a sample: at least one, each following the one before; else InputError."""
    parsed = [parse_month(month) for month in months]
    if not parsed:
        raise InputError("A sample needs at least one month.")
    if parsed != month_range(parsed[0], parsed[-1]):
        raise InputError(f"The months of a sample must follow each other, not {', '.join(parsed)}.")
    return parsed


def anniversary(month: str, day: int) -> date:
    """The day of a month a subscription renews on; a short month renews on its last day."""
    return first_day(month).replace(day=min(day, last_day(month).day))


def term(month: str, day: int = 1, length: int = 1) -> tuple[date, date]:
    """First and last day of a term of `length` months that starts on the month's anniversary day."""
    return anniversary(month, day), anniversary(add_months(month, length), day) - timedelta(days=1)
