"""Document numbers that the lines of a consolidated e-invoice name: single ones, lists, and ranges (rule 30).

`Receipts C517799-C517801, C517810` names four. A range has ends of the same prefix and length and ascends. What only
may be a number (a quantity, a day, an amount, or the text of a range itself) is marked: it counts when a register
document bears it, and is not missed when none does.
"""

import re
from collections.abc import Iterable, Iterator

from recon_assets.sources.values import normal_text

SEPARATOR = "\n"
PERHAPS = "?"
MOST_NUMBERS = 10_000  # of one document; more are no numbers that anybody listed
_DASHES = "-~\N{EN DASH}\N{EM DASH}"
_JOINED = re.compile(rf"\s+(?:[{_DASHES}]|TO|UNTIL|THROUGH|THRU|HINGGA)\s+")
_RANGE_MARK = "\x00"
_APART = re.compile(r"[\s,;&]+")
_END = re.compile(r"(.*?)(\d+)")
_DASH = re.compile(f"[{_DASHES}]")
_NO_NUMBER = re.compile(r"\d{1,3}|.*[.%:].*|\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[-/]\d{1,2}[-/]\d{2,4}")


def named_numbers(descriptions: Iterable[str]) -> str | None:
    """The numbers in the order of the lines, each once and as it is compared, joined by `SEPARATOR`; or None."""
    found: dict[str, None] = {}
    for description in descriptions:
        for number in _numbers(description):
            found[number] = None
            if len(found) > MOST_NUMBERS:
                return None
    return SEPARATOR.join(found) or None


def _numbers(description: str) -> Iterator[str]:
    text = _JOINED.sub(_RANGE_MARK, normal_text(description))
    for token in _APART.split(text):
        token = token.strip("()[]{}:.#\"'")
        if not any(character.isdigit() for character in token):
            continue
        ends = _range_ends(token)
        if ends is not None:
            yield from _between(*ends)
        if _RANGE_MARK in token:
            if ends is None:
                yield from (_marked(part) for part in token.split(_RANGE_MARK) if any(map(str.isdigit, part)))
        else:
            yield _marked(token) if ends is None else PERHAPS + token


def _marked(token: str) -> str:
    return PERHAPS + token if _NO_NUMBER.fullmatch(token) else token


def _range_ends(token: str) -> tuple[str, str, str] | None:
    """Prefix, first and last digits of a range; None when the text is none."""
    marks = [token.index(_RANGE_MARK)] if _RANGE_MARK in token else [match.start() for match in _DASH.finditer(token)]
    for at in marks:
        first, last = _END.fullmatch(token[:at]), _END.fullmatch(token[at + 1 :])
        if first and last and first[1] == last[1] and len(first[2]) == len(last[2]) and first[2] < last[2]:
            return first[1], first[2], last[2]
    return None


def _between(prefix: str, first: str, last: str) -> Iterator[str]:
    if int(last) - int(first) < MOST_NUMBERS:
        for number in range(int(first), int(last) + 1):
            yield f"{prefix}{number:0{len(first)}d}"
