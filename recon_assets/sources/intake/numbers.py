"""Numbers as people write them, to plain ones with a point: the decimal mark is decided for a column of a file from all
its values (spec/intake.md, 4).

A value is taken apart into its sign, the currency named with it and the digits with their marks; the marks of all
values then decide between the two readings.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

Mark = Literal[".", ","]
MARKS: tuple[Mark, Mark] = (".", ",")
_PLAIN = r"^[+-]?\d+(\.\d+)?$"
# A plain number that could also be grouped thousands: 1.234 may be one or a thousand.
_PLAIN_BUT_OPEN = r"^[+-]?[1-9]\d{0,2}\.\d{3}$"
_DASHES = {"-", "\u2013", "\u2014", "\u2212", "--"}
_SIGN = r"[-+\u2212\u2013]"
_BLANK = r"['\u2019\s]"  # what groups thousands beside the two marks
_CURRENCY = r"(?:[A-Za-z]{2,3}\s?[$€£¥]|[A-Za-z]{1,2}[$€£¥]|[A-Z]{3}|RM|Rm|rm|[$€£¥])\.?"
_WRITTEN = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>{_SIGN})?\s*(?P<before>{_CURRENCY})?\s*(?P<inner>{_SIGN})?\s*(?P<open2>\()?\s*"
    rf"(?P<digits>\d[\d.,'\u2019\s]*(?:[eE][+-]?\d{{1,3}})?|[.,]\d+|[-\u2013\u2014])\s*(?P<trailing>{_SIGN})?\s*"
    rf"(?P<close>\))?\s*(?P<after>{_CURRENCY})?\s*(?P<last>{_SIGN})?\s*(?P<side>(?i:CR|DR)\.?)?\s*(?P<close2>\))?"
)
_THREE_DECIMALS = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}


class Reading(Enum):
    """What one value says of its column's decimal mark."""

    PLAIN = 0  # nothing: no mark at all
    POINT = 1
    COMMA = 2
    OPEN = 3  # both: 1.234 and 1,234


@dataclass(frozen=True)
class Parts:
    """A written number taken apart; `digits` still has its marks."""

    digits: str
    is_negative: bool
    currency: str | None
    side: str | None  # CR or DR

    @property
    def reading(self) -> Reading | None:
        """What the value says; None when neither mark explains it."""
        return _reading(self.digits)


def parts_of(text: str) -> Parts | None:
    """The parts of a written number; None for what is none. A lone dash is 0."""
    text = text.strip()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).strip()
    if text in _DASHES:
        return Parts("0", False, None, None)
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return None
    brackets = (bool(match["open"]) + bool(match["open2"]), bool(match["close"]) + bool(match["close2"]))
    signs = [s for s in (match["sign"], match["inner"], match["trailing"], match["last"]) if s]
    if brackets[0] != brackets[1] or brackets[0] > 1 or len(signs) > 1 or (match["before"] and match["after"]):
        return None
    digits = match["digits"].strip()
    digits = "0" if digits in _DASHES else _ungrouped(digits)
    if digits is None:
        return None
    negative = bool(brackets[0]) or any(sign != "+" for sign in signs)
    side = match["side"].upper().rstrip(".") if match["side"] else None
    return Parts(digits, negative, currency_code(match["before"] or match["after"] or ""), side)


def _ungrouped(digits: str) -> str | None:
    """The digits without blanks and apostrophes, which only group thousands; None when they group otherwise."""
    if not re.search(_BLANK, digits):
        return digits
    whole = re.split(r"[.,]", digits, maxsplit=1)[0]
    groups = re.split(_BLANK, whole)
    if not all(len(group) == 3 for group in groups[1:]) or not 1 <= len(groups[0]) <= 3:
        return None
    rest = digits[len(whole) :]
    return None if re.search(_BLANK, rest) else "".join(groups) + rest


def currency_code(written: str) -> str | None:
    """The code of a currency word or mark; None for none. A bare $ names no certain one."""
    word = written.strip().rstrip(".").replace(" ", "").upper()
    known = {"RM": "MYR", "€": "EUR", "£": "GBP", "S$": "SGD", "US$": "USD", "SG$": "SGD", "HK$": "HKD", "A$": "AUD"}
    if not word or word == "$":
        return None if not word else "$"
    return known.get(word, word)


def _reading(digits: str) -> Reading | None:
    """Which of the two marks explain the digits; None when neither does."""
    point, comma = (plain_number(Parts(digits, False, None, None), mark) for mark in MARKS)
    if point is not None and comma is not None:
        return Reading.PLAIN if point == comma else Reading.OPEN
    return Reading.POINT if point is not None else Reading.COMMA if comma is not None else None


def plain_number(parts: Parts, mark: Mark, negative_side: str | None = "CR") -> str | None:
    """The number with a point and without grouping; None when the decimal mark does not explain it."""
    group = "," if mark == "." else "."
    whole, _, fraction = parts.digits.partition(mark)
    if group in fraction or (group in whole and not _groups(whole.split(group))):
        return None
    if mark in fraction:
        return None
    text = whole.replace(group, "") or "0"
    if fraction:
        text += f".{fraction}"
    negative = parts.is_negative != (parts.side is not None and parts.side == negative_side)
    return f"-{text}" if negative else text


def _groups(groups: list[str]) -> bool:
    """Whether these are groups of thousands, or of hundreds above them as in India."""
    first, *middle, last = groups
    sizes = {len(group) for group in middle}
    return (
        1 <= len(first) <= 3
        and first[0] != "0"
        and len(last) == 3
        and (sizes <= {3} or (sizes <= {2} and len(first) <= 2))
    )


@dataclass
class Column:
    """What the values of one column of a file say."""

    heading: str
    readings: Counter[Reading] = field(default_factory=Counter)
    examples: dict[Reading, str] = field(default_factory=dict)
    currencies: set[str] = field(default_factory=set)
    sides: Counter[str] = field(default_factory=Counter)
    unexplained: int = 0  # values that neither mark explains

    def learn(self, texts: pa.Array) -> None:
        """Take in what some more texts of the column say."""
        plain = pc.fill_null(pc.match_substring_regex(texts, _PLAIN), True)
        is_open = pc.fill_null(pc.match_substring_regex(texts, _PLAIN_BUT_OPEN), False)
        with_point = pc.and_(pc.and_(plain, pc.invert(is_open)), pc.fill_null(pc.match_substring(texts, "."), False))
        self._add(Reading.POINT, texts, with_point)
        self._add(Reading.OPEN, texts, is_open)
        for text in pc.filter(texts, pc.invert(plain)).to_pylist():
            self._learn(text)

    def _add(self, reading: Reading, texts: pa.Array, mask: pa.Array) -> None:
        count = pc.sum(mask).as_py() or 0
        if count:
            self.readings[reading] += count
            self.examples.setdefault(reading, texts[pc.index(mask, True).as_py()].as_py())

    def _learn(self, text: str) -> None:
        parts = parts_of(text)
        if parts is None or parts.reading is None:
            self.unexplained += bool(text.strip())
            return
        self.readings[parts.reading] += 1
        self.examples.setdefault(parts.reading, text)
        if parts.currency:
            self.currencies.add(parts.currency)
        if parts.side:
            self.sides[parts.side] += 1

    @property
    def decided(self) -> Mark | None:
        """The mark that the column's own values show; of two the one of more values."""
        points, commas = self.readings[Reading.POINT], self.readings[Reading.COMMA]
        if points == commas:
            return None
        return "." if points > commas else ","

    def may_turn(self, has_free_commas: bool) -> bool:
        """Whether the other mark explains all of it: all that is a number, where commas do not delimit the file."""
        return has_free_commas or not self.unexplained

    @property
    def is_open(self) -> bool:
        return self.decided is None and (self.readings[Reading.OPEN] > 0 or self.readings[Reading.POINT] > 0)


def look_at(heading: str, texts: pa.Array, typed: pa.Array | None = None) -> Column:
    """What the texts of a column say; typed cells of workbooks say nothing, their mark is a point."""
    column = Column(heading)
    column.learn(texts if typed is None else pc.filter(texts, pc.invert(typed)))
    return column


@dataclass(frozen=True)
class Decision:
    """The decimal mark of each column, why, and the columns that nothing decides."""

    marks: dict[str, Mark]
    reasons: dict[str, str]
    undecided: list[Column]


def decide(
    columns: Iterable[Column],
    currencies: set[str],
    told: Mark | None,
    default: Mark | None = None,
    has_free_commas: bool = False,
) -> Decision:
    """The mark of every column: its values', else the file's decided columns', a 3-decimal currency's, what was told.

    `default` is the mark of sources that never ask (Microsoft's): a column keeps it unless the other explains all.
    `has_free_commas`: something else than commas delimits the file.
    """
    columns = list(columns)
    if default is not None:
        return _kept_or_turned(columns, told or default, has_free_commas)
    marks: dict[str, Mark] = {}
    reasons: dict[str, str] = {}
    for column in columns:
        if column.decided is not None:
            marks[column.heading] = column.decided
            reading = Reading.POINT if column.decided == "." else Reading.COMMA
            reasons[column.heading] = f"{column.examples.get(reading, '')}"
    of_file: set[Mark] = set(marks.values())
    undecided = []
    for column in columns:
        if column.heading in marks:
            continue
        found = _for_open(column, of_file, currencies, told)
        if found is None:
            undecided.append(column)
        else:
            marks[column.heading], reasons[column.heading] = found
    return Decision(marks, reasons, undecided)


def _kept_or_turned(columns: list[Column], mark: Mark, has_free_commas: bool) -> Decision:
    """Every column keeps the mark unless the other one explains all of it; open ones follow where all others turn."""
    other: Mark = "," if mark == "." else "."
    own, others = (Reading.POINT, Reading.COMMA) if mark == "." else (Reading.COMMA, Reading.POINT)
    turned = {c.heading for c in columns if c.readings[others] and not c.readings[own] and c.may_turn(has_free_commas)}
    if turned and not any(column.readings[own] for column in columns):
        turned |= {column.heading for column in columns if column.readings[Reading.OPEN]}
    marks = {column.heading: other if column.heading in turned else mark for column in columns}
    shown = {c.heading: c.examples.get(others if c.heading in turned else own) for c in columns}
    return Decision(marks, {heading: text or "no value has a mark" for heading, text in shown.items()}, [])


def _for_open(column: Column, of_file: set[Mark], currencies: set[str], told: Mark | None) -> tuple[Mark, str] | None:
    if not column.is_open:
        of_others: Mark = next(iter(of_file)) if len(of_file) == 1 else "."
        return told or of_others, "no value has a mark"
    if len(of_file) == 1:
        return next(iter(of_file)), "the file's other columns"
    example = column.examples.get(Reading.OPEN, "")
    if currencies and currencies <= _THREE_DECIMALS:
        return ("." if "." in example else ","), f"{', '.join(sorted(currencies))} has three decimals"
    return (told, "the profile or setting") if told else None


def both_readings(text: str) -> tuple[str, str]:
    """How a value reads with a point and with a comma as its decimal mark."""
    parts = parts_of(text)
    assert parts is not None
    return plain_number(parts, ".") or text, plain_number(parts, ",") or text


def to_plain(texts: pa.Array, typed: pa.Array | None, mark: Mark, negative_side: str | None = "CR") -> pa.Array:
    """The column as plain numbers; what does not read so stays as it is, and is rejected by its conversion."""
    is_plain = pc.fill_null(pc.match_substring_regex(texts, _PLAIN if mark == "." else r"^[+-]?\d+$"), True)
    keep = is_plain if typed is None else pc.or_(is_plain, typed)
    if pc.all(keep).as_py():
        return texts
    changing = pc.invert(keep)
    changed = [_plain_or_same(text, mark, negative_side) for text in texts.filter(changing).to_pylist()]
    return pc.replace_with_mask(texts, changing, pa.array(changed, pa.string()))


def _plain_or_same(text: str, mark: Mark, negative_side: str | None) -> str:
    parts = parts_of(text)
    plain = plain_number(parts, mark, negative_side) if parts else None
    if plain is not None:
        return plain
    is_convertible = re.fullmatch(r"[+-]?[\d.]+(?:[eE][+-]?\d+)?", text) is not None
    return f"{text} (decimal mark {mark})" if is_convertible else text
