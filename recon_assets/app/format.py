"""Values as readers see them: thousands separators, fixed decimals, words for statuses. Exact: no number is a float."""

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

from recon_assets.app.tables import Kind
from recon_assets.catalogue import SOURCES, SUBJECTS
from recon_assets.currencies import decimals
from recon_assets.months import first_day

Tone = Literal["good", "bad", "warn", "info"]
MINUS = "\N{MINUS SIGN}"
_PLACES: dict[Kind, int] = {"amount": 4, "ringgit": 2, "quantity": 4, "percent": 2, "count": 0}

_TONES: dict[str, Tone] = {
    "match": "good", "matched": "good", "Exact": "good", "final": "good", "resolved": "good",
    "success": "good", "failure": "bad", "started": "info", "starting": "info", "queued": "info", "skipped": "info",
    "loaded": "good", "profit": "good", "loss": "bad",
    "discrepancy": "bad", "mismatched": "bad", "Mismatch": "bad", "incomplete": "bad", "rejected": "bad",
    "partly_rejected": "bad", "partly_ignored": "info",
    "Suggested": "info", "Low": "info", "Medium": "info", "High": "info", "investigating": "info", "wont_fix": "info",
}  # fmt: skip
_WORDS = {
    "missing_in_ms": "Missing at Microsoft",
    "missing_in_bss": "Missing in BSS",
    "missing_in_cost": "Missing in cost export",
    "missing_in_usage": "Missing in billed usage",
    "missing_side": "One side is missing",
    "lost_credit": "Partner earned credit was lost",
    "lost_partner_credit": "Partner earned credit that was lost",
    "partial_export": "The export lacks these days",
    "before_history": "Began before the other side's first month",
    "late_invoice": "Invoice dated after the month",
    "tax_or_credit": "Tax or credit",
    "rejected_records": "A record was rejected",
    "wont_fix": "Won't fix",
    "actual_cost": "Actual cost",
    "amortized_cost": "Amortized cost",
    "focus": "FOCUS (billed cost)",
    "bss": "BSS",
    "einvoice": "E-invoice",
    "missing": "Missing data",
    "einvoices": "E-invoices",
    "no_margin": "Without a margin",
    "set_aside": "Set aside",
    "not_read": "Not read",
    "supplier_tin": "Supplier TIN",
    "buyer_tin": "Buyer TIN",
}
RECONCILIATIONS = {subject.name: subject.title for subject in SUBJECTS.values()}


def tone(status: str | None) -> Tone:
    """How a status is coloured; what is neither good, bad nor a shade of them asks for attention."""
    return _TONES.get(status or "", "warn")


def words(code: str | None) -> str:
    """A status, bucket or explanation in words."""
    if code is None:
        return ""
    return _WORDS.get(code) or (code[:1].upper() + code[1:]).replace("_", " ")


def number(value: Decimal | int | None, places: int) -> str:
    """`1234.5` with 2 places as 1,234.50, with a true minus sign, rounded half away from zero; nothing for None.

    What rounds to zero and is not is shown as such: <0.01.
    """
    if value is None:
        return ""
    exact = Decimal(value)
    step = Decimal(1).scaleb(-places)
    rounded = exact.quantize(step, ROUND_HALF_UP)
    if exact and not rounded:
        return f"{MINUS if exact < 0 else ''}<{step:f}"
    return f"{MINUS if rounded < 0 else ''}{abs(rounded):,f}"


def exactly(value: Decimal | int | None) -> str:
    """All digits of a number, without trailing zeros beyond two decimals."""
    if value is None:
        return ""
    text = f"{Decimal(value):,f}"
    whole, _, decimals = text.partition(".")
    decimals = decimals.rstrip("0").ljust(2, "0") if decimals else ""
    return f"{whole}.{decimals}".rstrip(".").replace("-", MINUS)


def money(value: Decimal | None, currency: str | None) -> str:
    """An amount with the decimals of its currency."""
    return number(value, decimals(currency))


def short(value: Decimal) -> str:
    """An amount in at most four digits for marks and axes: 12,345 as 12.3k."""
    size = abs(value)
    for limit, sign in ((Decimal(10) ** 9, "bn"), (Decimal(10) ** 6, "m"), (Decimal(10) ** 3, "k")):
        if size >= limit:
            scaled = (value / limit).quantize(Decimal("0.1") if size < 100 * limit else Decimal(1), ROUND_HALF_UP)
            return f"{scaled:f}{sign}".replace("-", MINUS).replace(".0", "")
    if size >= 100 or value == value.to_integral_value():
        return number(value, 0)
    return number(value, 2) if size >= 1 else exactly(value)


def share(part: int, whole: int) -> str:
    """Per cent of rows, to one decimal; never 100% of not all, nor 0% of some."""
    if not whole:
        return ""
    percent = (Decimal(100 * part) / whole).quantize(Decimal("0.1"), ROUND_HALF_UP)
    if part < whole:
        percent = min(percent, Decimal("99.9"))
    if part:
        percent = max(percent, Decimal("0.1"))
    return f"{percent:f}%".replace(".0%", "%")


def missing_in_words(sources: str) -> list[str]:
    """`bss_invoices 2025-07; bss_invoices 2025-08` as `BSS invoices of July 2025, August 2025`, by source."""
    found: dict[str, set[dt.date]] = {}
    for entry in filter(None, sources.split("; ")):
        name, month, *optional = entry.split(" ", 2)
        day = first_day(month)
        title = (SOURCES[name].title or name) + (" (not needed)" if optional else "")
        found.setdefault(title, set()).add(day)
    return [f"{title} of {', '.join(f'{day:%B %Y}' for day in sorted(days))}" for title, days in found.items()]


def higher_or_lower(right: str, right_minus_left: Decimal | None, currency: str | None) -> str:
    """The difference of a row in words: `Microsoft is lower by 1.00 MYR`."""
    if right_minus_left is None:
        return "not comparable"
    if not right_minus_left:
        return "no difference"
    compared = "higher" if right_minus_left > 0 else "lower"
    return f"{right} is {compared} by {money(abs(right_minus_left), currency)} {currency or ''}".rstrip()


def shown(value: Any, kind: Kind, currency: str | None = None) -> str:
    """A value of a column as text; amounts of money with the decimals of `currency`."""
    if value is None:
        return ""
    if kind == "month":
        return f"{value:%Y-%m}"
    if kind == "status":
        return words(value)
    if kind in ("money", "verdict"):
        return money(value, currency)
    if kind in _PLACES:
        return number(value, _PLACES[kind])
    return plain(value)


def plain(value: Any) -> str:
    """A value whose kind is not declared: as it is stored, readable."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return exactly(value)
    if isinstance(value, dt.datetime):
        return instant(value)
    return str(value)


def instant(value: dt.datetime) -> str:
    """A time of the store or the log: UTC, to the minute."""
    return f"{value:%Y-%m-%d %H:%M} UTC"


def counted(count: int, noun: str) -> str:
    """A number of things: 1 row, 2 rows."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
