"""Billing months: parsing, ranges and arithmetic. A month is text `YYYY-MM` everywhere outside SQL."""

import datetime as dt
import re
from collections.abc import Sequence

from recon_assets.errors import InputError

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")

MONTH_NAMES = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip


def is_month(text: str) -> bool:
    return _MONTH.fullmatch(text) is not None and text[:4] != "0000"


def parse_month(text: str) -> str:
    """`text` itself when it is a month `YYYY-MM`; InputError otherwise."""
    if not is_month(text):
        raise InputError(f"'{text}' is not a month. Write it as YYYY-MM, for example 2025-03.")
    return text


def add_months(month: str, count: int) -> str:
    index = int(month[:4]) * 12 + int(month[5:]) - 1 + count
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


def months_between(first: str, last: str) -> int:
    """Whole months from `first` to `last`; negative when `last` is earlier."""
    return (int(last[:4]) - int(first[:4])) * 12 + int(last[5:]) - int(first[5:])


def month_range(first: str, last: str) -> list[str]:
    """Every month from `first` to `last`, both included."""
    return [add_months(first, n) for n in range(months_between(first, last) + 1)]


def contiguous(months: Sequence[str]) -> list[tuple[str, str]]:
    """Runs of consecutive months as (first, last)."""
    runs: list[tuple[str, str]] = []
    for month in months:
        if runs and months_between(runs[-1][1], month) == 1:
            runs[-1] = (runs[-1][0], month)
        else:
            runs.append((month, month))
    return runs


def parse_months(text: str) -> list[str]:
    """`2025-01` or `2025-01..2025-03` as a list of months; InputError names what is wrong."""
    first, separator, last = text.partition("..")
    months = month_range(parse_month(first), parse_month(last if separator else first))
    if not months:
        raise InputError(
            f"'{text}' ends before it starts. Write the earlier month first, for example 2025-01..2025-03."
        )
    return months


def first_day(month: str) -> dt.date:
    return dt.date(int(month[:4]), int(month[5:]), 1)


def last_day(month: str) -> dt.date:
    return first_day(add_months(month, 1)) - dt.timedelta(days=1)


def month_of(day: dt.date) -> str:
    return f"{day.year:04d}-{day.month:02d}"
