"""Number formats that say more than the number: those of zeros and fixed text, such as 00000 or "INV-"0000 (the number
is an identifier as shown), and those that show a currency other than the ringgit, such as [$USD] #,##0.00."""

import re
from decimal import Decimal, InvalidOperation
from functools import cache

from recon_assets.sources.intake import words
from recon_assets.sources.intake.numbers import currency_code

_TOKEN = re.compile(r'"([^"]*)"|\\(.)|(0+)|_.|\*.|\[[^\]]*\]|([-/ ().:+])')
_SYMBOL = re.compile(r'\[\$([^\]-]+)(?:-[^\]]*)?\]|"([^"]*)"')


def says_more(code: str) -> bool:
    """Whether a format says more than the number."""
    return zero_pattern(code) is not None or foreign_currency(code) is not None


@cache
def foreign_currency(code: str) -> str | None:
    """The code of the currency that a format shows, where it is a known one and not the ringgit."""
    for symbol in _SYMBOL.finditer(code.split(";")[0]):
        named = words.known_currency(currency_code(symbol[1] or symbol[2] or "") or "")
        if named is not None:
            return None if named == "MYR" else named
    return None


@cache
def zero_pattern(code: str) -> list[tuple[str, int]] | None:
    """The format as fixed texts and runs of zeros, (text, 0) or ("", count); None for any other format."""
    section = code.split(";")[0].strip()
    parts: list[tuple[str, int]] = []
    end = 0
    for token in _TOKEN.finditer(section):
        if token.start() != end:
            return None
        end = token.end()
        text = token[1] or token[2] or token[4]
        if text:
            parts.append((text, 0))
        elif token[3]:
            parts.append(("", len(token[3])))
    zeros = sum(count for _, count in parts)
    has_text = any(text.strip() for text, _ in parts)
    return parts if end == len(section) and zeros and (zeros > 1 or has_text) and "." not in dict(parts) else None


def shown_number(value: str, code: str) -> str | None:
    """A whole number as a format of zeros shows it; None when the number is not whole, or below zero."""
    parts = zero_pattern(code)
    whole = value if value.isdigit() else _whole(value)
    if parts is None or whole is None:
        return None
    digits = whole.rjust(sum(count for _, count in parts), "0")
    first = next(n for n, (_, count) in enumerate(parts) if count)
    shown: list[str] = []
    for index in reversed(range(len(parts))):
        text, count = parts[index]
        if count:
            take = len(digits) if index == first else count
            shown.append(digits[len(digits) - take :])
            digits = digits[: len(digits) - take]
        else:
            shown.append(text)
    return "".join(reversed(shown))


def _whole(value: str) -> str | None:
    """The digits of a whole number that is written otherwise, such as 1.0 or 1E3; None for any other."""
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    is_whole = number.is_finite() and number >= 0 and number == number.to_integral_value()
    return format(number.quantize(Decimal(1)), "f") if is_whole else None
