"""Dates as people write them, to ISO: words of months, serials of spreadsheets, and the one order of day and month of a
file (spec/intake.md, 4)."""

import datetime as dt
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

DateOrder = Literal["day_first", "month_first"]
ORDERS: tuple[DateOrder, ...] = ("day_first", "month_first")
_MONTHS = (
    "jan januari january", "feb februari february", "mac mar march mach", "apr april", "mei may", "jun june",
    "jul julai july", "ogos aug august ogo", "sep sept september", "okt oct oktober october", "nov november",
    "dis dec disember december",
)  # fmt: skip
MONTH_NUMBERS = {word: number for number, words in enumerate(_MONTHS, start=1) for word in words.split()}
_ISO = r"^(?:1\d|20|99)\d{2}-\d{2}-\d{2}$"  # none of the Buddhist era
_CHINESE = re.compile(r"(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日号號일]?")
_BUDDHIST, _OF_BUDDHA = range(2500, 2643), 543  # years of the era of Thailand, and how far it is ahead
_CLOCK = (
    r"(?:[T ,]*(?:[01]?\d|2[0-3])[:.][0-5]\d(?:[:.]\d{2}(?:[.,]\d{1,9})?)?"
    r"\s*(?:[AaPp]\.?[Mm]\.?|PG|PTG|TGH|pagi|petang)?\s*(?:Z|[+-]\d{2}:?\d{0,2})?)?"
)
_WEEKDAY = r"(?:[A-Za-z]{3,9}\.?,?\s+)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_CLOCK}")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T?\d{4,6}Z?)?")
_SPLIT = re.compile(rf"(\d{{1,2}})\s?([-/.])\s?(\d{{1,2}})\s?\2\s?(\d{{4}}|\d{{2}}){_CLOCK}")
_DAY_WORD = re.compile(
    rf"{_WEEKDAY}(\d{{1,2}})(?:st|nd|rd|th|hb)?[-/. ,]*([A-Za-z]{{3,9}})[-/., ']*(\d{{4}}|\d{{2}}){_CLOCK}"
)
_WORD_DAY = re.compile(
    rf"{_WEEKDAY}([A-Za-z]{{3,9}})[-/. ]*(\d{{1,2}})(?:st|nd|rd|th)?[-/., ]+(\d{{4}}|\d{{2}}){_CLOCK}"
)
_ISO_START = re.compile(r"\d{4}-\d{2}-\d{2}")
_CLOCK_PART = re.compile(r"[T ,]\s*(\d{1,2}[:.]\d{2}(?![/.-]\d).*)$")
_HALVES = {"pg": "AM", "pagi": "AM", "ptg": "PM", "petang": "PM", "tgh": "PM"}
_MALAY_HALVES = re.compile(r"\b(?:pg|pagi|ptg|petang|tgh)\b", re.IGNORECASE)
_SERIAL = re.compile(r"([1-9]\d{4})(?:\.\d+)?")
_EPOCHS = {False: dt.date(1899, 12, 30), True: dt.date(1904, 1, 1)}


@dataclass(frozen=True)
class Split:
    """A date of which only the order of its first two numbers is open."""

    first: int
    second: int
    year: int

    def day(self, order: DateOrder) -> dt.date | None:
        day, month = (self.first, self.second) if order == "day_first" else (self.second, self.first)
        return _date(self.year, month, day)


def written(text: str, date_1904: bool = False) -> dt.date | Split | None:
    """The day that a text names, or its two readings; None for what is no date."""
    text = text.strip()
    if match := _CHINESE.fullmatch(text):
        return _date(int(match[1]), int(match[2]), int(match[3]))
    if match := _YEAR_FIRST.fullmatch(text):
        return _date(int(match[1]), int(match[3]), int(match[4]))
    if match := _SPLIT.fullmatch(text):
        return Split(int(match[1]), int(match[3]), _year(match[4]))
    if match := _SERIAL.fullmatch(text):
        return _EPOCHS[date_1904] + dt.timedelta(days=int(match[1]))
    if match := _COMPACT.fullmatch(text):
        return _date(int(match[1]), int(match[2]), int(match[3]))
    if match := _DAY_WORD.fullmatch(text):
        return _date(_year(match[3]), MONTH_NUMBERS.get(match[2].lower(), 0), int(match[1]))
    if match := _WORD_DAY.fullmatch(text):
        return _date(_year(match[3]), MONTH_NUMBERS.get(match[1].lower(), 0), int(match[2]))
    return None


def _year(text: str) -> int:
    """Two digits are years of this century up to 79."""
    year = _common(int(text))
    return year if len(text) == 4 else year + (2000 if year < 80 else 1900)


def _common(year: int) -> int:
    """The year of the common era; nothing is dated five centuries ahead."""
    return year - _OF_BUDDHA if year in _BUDDHIST else year


def _date(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(_common(year), month, day)
    except ValueError:
        return None


@dataclass
class OrderEvidence:
    """What a file's dates say of the order of day and month."""

    over_twelve: Counter[DateOrder] = field(default_factory=Counter)
    in_month: Counter[DateOrder] = field(default_factory=Counter)
    differing: str | None = None  # a date of which the two readings differ
    examples: dict[DateOrder, str] = field(default_factory=dict)

    def add(self, texts: pa.Array, month: str, votes: bool) -> None:
        """The texts of one column; only the dating column votes for the folder's month."""
        counts = pc.value_counts(pc.drop_null(texts)).to_pylist()
        for item in counts:
            found = written(item["values"])
            if isinstance(found, Split):
                self._weigh(found, item["values"], item["counts"], month, votes)

    def _weigh(self, found: Split, text: str, count: int, month: str, votes: bool) -> None:
        days = {order: found.day(order) for order in ORDERS}
        possible: list[DateOrder] = [order for order in ORDERS if days[order] is not None]
        if len(possible) == 1:
            self.over_twelve[possible[0]] += count
            self.examples.setdefault(possible[0], text)
        if len(possible) == 2 and days["day_first"] != days["month_first"]:
            self.differing = self.differing or text
        for order in possible:
            if votes and f"{days[order]:%Y-%m}" == month:
                self.in_month[order] += count

    def decide(self, told: DateOrder | None) -> tuple[DateOrder, str] | None:
        """The order and why; None when a tie would change a date."""
        for counts, why in ((self.over_twelve, "days over 12"), (self.in_month, "dates in the month")):
            first, second = counts["day_first"], counts["month_first"]
            if first != second:
                order: DateOrder = "day_first" if first > second else "month_first"
                return order, f"{why}, as {self.examples[order]}" if order in self.examples else why
        if told is not None:
            return told, "the profile or setting"
        return None if self.differing else ("day_first", "every date has one reading")


def to_iso(texts: pa.Array, order: DateOrder, date_1904: bool = False, keep_time: bool = False) -> pa.Array:
    """The column as ISO days, with their times if these are kept; what is no date stays as it is, and is rejected by
    its conversion."""
    if pc.all(pc.fill_null(pc.match_substring_regex(texts, _ISO), True)).as_py():
        return texts
    encoded = texts.dictionary_encode()
    one = _iso_instant if keep_time else _iso
    days = [one(text, order, date_1904) for text in encoded.dictionary.to_pylist()]
    return pc.take(pa.array(days, pa.string()), encoded.indices)


def _iso(text: str, order: DateOrder, date_1904: bool) -> str:
    found = written(text, date_1904)
    if not isinstance(found, Split):
        return text if found is None else found.isoformat()
    days = {each: found.day(each) for each in ORDERS}
    day = days[order]
    if day is None and any(days.values()):  # it would be read in the other order
        return f"{text} ({order.replace('_', ' ')})"
    return text if day is None else day.isoformat()


def _iso_instant(text: str, order: DateOrder, date_1904: bool) -> str:
    """The text with its day in ISO and its time as it is; ISO 8601 and its compact forms stay as they are."""
    text = text.strip()
    if _COMPACT.fullmatch(text) or _ISO_START.match(text):
        return text
    day = _iso(text, order, date_1904)
    clock = _CLOCK_PART.search(text)
    if not _ISO_START.match(day) or clock is None:
        return day
    time = _MALAY_HALVES.sub(lambda match: _HALVES[match[0].lower()], clock[1])
    return f"{day} {time.replace('.', ':', 1) if ':' not in time else time}"
