"""Delimited text as portals and platforms really export it: encodings, delimiters, number and date styles.

What the columns mean belongs to the module of the system that writes them.
"""

import csv
import gzip
import io
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Literal, cast

DateStyle = Literal["iso", "iso_time", "us", "us_time"]


@dataclass(frozen=True)
class TextLayout:
    """How one exported file spells its rows. `utf-16` is little endian with a byte order mark."""

    encoding: Literal["utf-8", "utf-8-sig", "utf-16"] = "utf-8"
    delimiter: Literal[",", ";", "\t"] = ","
    newline: Literal["\n", "\r\n"] = "\n"
    dates: DateStyle = "iso"
    has_decimal_comma: bool = False
    has_scientific_zero: bool = False
    is_gzipped: bool = False

    @property
    def suffix(self) -> str:
        return ".csv.gz" if self.is_gzipped else ".csv"

    def number(self, value: Decimal | None) -> str:
        if value is None:
            return ""
        if self.has_scientific_zero and not value:
            return "0.00E+00"
        text = format(value, "f")
        return text.replace(".", ",") if self.has_decimal_comma else text

    def start(self, day: date | None) -> str:
        return "" if day is None else spell_date(day, self.dates, False)

    def end(self, day: date | None) -> str:
        return "" if day is None else spell_date(day, self.dates, True)


def columns(text: str) -> tuple[str, ...]:
    """A header from its names, separated by commas."""
    return tuple(text.split(","))


@lru_cache(maxsize=4096)
def spell_date(day: date, style: DateStyle, is_end: bool) -> str:
    """A day in one of the styles of spec/sources.md; the styles with a time end a day at 23:59."""
    if style == "iso":
        return day.isoformat()
    if style == "us":
        return f"{day.month:02d}/{day.day:02d}/{day.year:04d}"
    if style == "us_time":
        return f"{day.month}/{day.day}/{day.year:04d} {'23:59' if is_end else '0:00'}"
    return f"{day.isoformat()}T{'23:59:59' if is_end else '00:00:00'}Z"


def write_delimited(path: Path, layout: TextLayout, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Streams the rows below the header into `path`; the same rows give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        binary: BinaryIO = stack.enter_context(path.open("wb"))
        if layout.is_gzipped:
            packed = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=binary, mtime=0)
            binary = cast(BinaryIO, stack.enter_context(packed))
        text = stack.enter_context(_text_writer(binary, layout))
        writer = csv.writer(text, delimiter=layout.delimiter, lineterminator=layout.newline)
        writer.writerow(header)
        writer.writerows(rows)


def _text_writer(binary: BinaryIO, layout: TextLayout) -> io.TextIOWrapper:
    is_utf16 = layout.encoding == "utf-16"
    text = io.TextIOWrapper(binary, encoding="utf-16-le" if is_utf16 else layout.encoding, newline="")
    if is_utf16:
        text.write("\ufeff")
    return text
