"""Texts of a column as typed values, a whole array at a time; null where a text does not convert (spec/intake.md, 4).

Plain numbers are cast by Arrow, which reads what it takes as the macros of conversions.sql do; everything else goes
through those, each spelling once.
"""

import datetime as dt
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Literal

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

DECIMAL = pa.decimal128(38, 12)
_NO_DATES = pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31)], pa.date32())  # as the macro is_no_date
_BOUND = Decimal("999999999999.9999995")  # as the macro within_bounds
_PLAIN = {".": r"^[+-]?[0-9]{1,12}(\.[0-9]{0,12})?$", ",": r"^[+-]?[0-9]{1,12}(,[0-9]{0,12})?$"}

_PLAIN_INSTANT = r"^[12]\d{3}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$"
_PLAIN_DAY = r"^[12]\d{3}-\d{2}-\d{2}$"
_MONTH_FIRST = r"^(\d{2})/(\d{2})/([12]\d{3})$"


@dataclass(frozen=True)
class Dialect:
    """How a column writes numbers and dates, as far as it was decided.

    `day_first` None: months come first, and neither dots nor day counts are dates (spec/sources.md). `zone_minutes`:
    east of UTC, of instants that name no zone.
    """

    decimal_mark: Literal[".", ","] = "."
    day_first: bool | None = None
    zone_minutes: int = 0

    @property
    def number_macro(self) -> str:
        return "point_number(t)" if self.decimal_mark == "." else "comma_number(t)"

    @property
    def date_macro(self) -> str:
        if self.day_first is None:
            return "written_date"
        return "day_first_date" if self.day_first else "month_first_date"


def connect(temp: Path | None = None, memory_limit: str = "2GB") -> duckdb.DuckDBPyConnection:
    """A private in-memory DuckDB with the conversion macros; results do not depend on the machine's time zone."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute(f"set memory_limit = '{memory_limit}'")
    if temp is not None:
        connection.execute("set temp_directory = ?", [str(temp)])
    connection.create_function("normal_unicode", normal_text, ["VARCHAR"], "VARCHAR")  # type: ignore[list-item,arg-type]
    connection.execute(files("recon_assets.sources").joinpath("conversions.sql").read_text(encoding="utf-8"))
    return connection


def normal_text(text: str) -> str:
    """NFKC, upper case, blanks trimmed and collapsed: how identifiers are compared."""
    return " ".join(unicodedata.normalize("NFKC", text).upper().split())


@contextmanager
def registered(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> Iterator[None]:
    """The table as a relation of that name."""
    connection.register(name, table)
    yield
    connection.unregister(name)


@dataclass(frozen=True)
class Values:
    """Conversions of arrays on a connection of `connect`."""

    connection: duckdb.DuckDBPyConnection

    def texts(self, column: pa.Array) -> pa.Array:
        """Trimmed texts, null where there is nothing but white space."""
        column = _as_texts(column)
        if pa.types.is_string(column.type):
            return column if _are_clean(column) else self._spelled("clean_text(t)", column)
        if _are_clean(column.dictionary):
            return column
        return self._spelled("clean_text(t)", column).dictionary_encode()

    def keys(self, column: pa.Array) -> pa.Array:
        """Texts as they are compared; themselves where nothing of them changes."""
        texts = _as_texts(column)
        spelled = texts.dictionary if pa.types.is_dictionary(texts.type) else texts
        if not _are_plain(spelled):
            return self._spelled("normal_text(t)", texts)
        upper = pc.ascii_upper(spelled)
        if upper.equals(spelled):
            return texts
        return upper.take(texts.indices) if pa.types.is_dictionary(texts.type) else upper

    def integers(self, column: pa.Array) -> pa.Array:
        return self._spelled("try_cast(trim(t) as integer)", column)

    def days(self, column: pa.Array, dialect: Dialect) -> pa.Array:
        """The days written; those that mean none are still there (see `without_none`)."""
        if pa.types.is_timestamp(column.type):
            return pc.floor_temporal(column.cast(pa.timestamp("us")), unit="day").cast(pa.date32())
        if pa.types.is_date(column.type):
            return column.cast(pa.date32())
        texts = _encoded(_as_texts(column))
        plain = _plain_days(texts.dictionary, dialect)
        if plain is not None:
            return plain.take(texts.indices)
        return self._spelled(f"{dialect.date_macro}(t)", texts, "clean_text(t)")

    def instants(self, column: pa.Array, dialect: Dialect) -> pa.Array:
        """Instants in UTC; a day alone is its midnight."""
        if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
            return column.cast(pa.timestamp("us"), safe=False)
        texts = _as_texts(column)
        is_encoded = pa.types.is_dictionary(texts.type)
        plain = _plain_instants(texts.dictionary if is_encoded else texts)
        if plain is not None:
            return plain.take(texts.indices) if is_encoded else plain
        sql = f"""
            select instant_of(p, {dialect.date_macro}(day), {dialect.zone_minutes}) from (
                select p, p.day as day from (
                    select instant_parts(t) as p from (
                        select spaced_instant(t) as t from (select clean_text(t) as t from spelled)
                    )
                )
            )
        """
        return self._answered(sql, column)

    def numbers(self, column: pa.Array, dialect: Dialect) -> pa.Array:
        """DECIMAL(38, 12), rounded half away from zero; null for what is no number or a trillion and more."""
        if pa.types.is_decimal(column.type) or pa.types.is_integer(column.type):
            return _bounded(column)
        if pa.types.is_dictionary(column.type):
            return self.numbers(column.dictionary, dialect).take(column.indices)
        texts = _as_texts(column)
        mark = dialect.decimal_mark
        plain = _plain_numbers(texts) if mark == "." else None
        return self._mixed_numbers(texts, mark, dialect.number_macro) if plain is None else plain

    def _mixed_numbers(self, texts: pa.Array, mark: str, macro: str) -> pa.Array:
        is_odd = pc.fill_null(pc.invert(pc.match_substring_regex(texts, _PLAIN[mark])), False)
        odd = texts.filter(is_odd)
        plain = pc.if_else(is_odd, None, texts)
        if mark == ",":
            plain = pc.replace_substring(plain, ",", ".")
        numbers = _bounded(plain.cast(DECIMAL))
        sql = f"select within_bounds(n) from (select plain_decimal(t) as n from (select {macro} as t from cleaned))"
        read = self._answered(f"with cleaned as (select clean_text(t) as t from spelled) {sql}", odd)
        return pc.replace_with_mask(numbers, is_odd, read)

    def _spelled(self, sql: str, column: pa.Array, first: str = "t") -> pa.Array:
        """The SQL over the texts t, `first` made of each before."""
        return self._answered(f"select {sql} from (select {first} as t from spelled)", column)

    def _answered(self, sql: str, column: pa.Array) -> pa.Array:
        """The one column of a query over the texts t of `spelled`: each spelling of the column, once."""
        encoded = _encoded(_as_texts(column))
        with registered(self.connection, "spelled", pa.table({"t": encoded.dictionary})):
            found = self.connection.execute(sql).to_arrow_table().column(0).combine_chunks()
        return found.take(encoded.indices)


def _as_texts(column: pa.Array) -> pa.Array:
    """Texts, with a dictionary or without; of typed cells, which no conversion of their own takes, what they show."""
    kind = column.type
    return column if pa.types.is_dictionary(kind) or pa.types.is_string(kind) else column.cast(pa.string())


def _encoded(texts: pa.Array) -> pa.DictionaryArray:
    return texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()


def without_none(days: pa.Array) -> pa.Array:
    """The days but for those that mean none (subscription_reconciliation.md, 5.7)."""
    return pc.if_else(pc.is_in(days, _NO_DATES), None, days)


def is_null(values: pa.Array) -> npt.NDArray[np.bool_]:
    """Whether each value is null, dictionaries included."""
    return pc.is_null(values).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def bytes_of(texts: pa.StringArray) -> npt.NDArray[np.uint8]:
    """The bytes of the texts, one behind the other."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32)
    seen = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    return seen[offsets[texts.offset] : offsets[texts.offset + len(texts)]]


def _are_clean(texts: pa.StringArray) -> bool:
    """Whether clean_text changes none of these: its first case, and no blank to trim."""
    if not len(texts):
        return True
    starts = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    if texts.null_count:
        starts = np.unique(starts)
    if not (starts[:-1] < starts[1:]).all():  # an empty text, which Parquet files hold
        return False
    seen = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    first, last = seen[starts[:-1]], seen[starts[1:] - 1]
    return bool(((first > 32) & (first < 127) & (last != 32)).all())


def _are_plain(texts: pa.StringArray) -> bool:
    """Whether these are clean ASCII without marks of control or several blanks in a row."""
    if not len(texts):
        return True
    seen = bytes_of(texts)
    in_row = (seen[1:] == 32) & (seen[:-1] == 32)
    return _are_clean(texts) and bool(((seen > 31) & (seen < 127)).all()) and not in_row.any()


def _bounded(numbers: pa.Array) -> pa.Array:
    """Numbers at 12 decimals, rounded half away from zero, null where they are out of bounds."""
    if pa.types.is_integer(numbers.type):
        numbers = numbers.cast(pa.decimal128(20, 0))
    if numbers.type.scale > 12:
        numbers = pc.round(numbers, 12, "half_towards_infinity")
    try:
        found = numbers.cast(DECIMAL)
    except pa.ArrowInvalid:  # digits before the point beyond all bounds
        whole = numbers.cast(pa.decimal256(76, numbers.type.scale))
        found = pc.if_else(_is_within(whole), numbers, None).cast(DECIMAL)
    return found if are_within(found) else pc.if_else(_is_within(found), found, None)


def are_within(numbers: pa.Array) -> bool:
    """Whether no number is a trillion or more."""
    bounds = pc.min_max(numbers)
    return numbers.null_count == len(numbers) or bool(max(-bounds["min"].as_py(), bounds["max"].as_py()) < _BOUND)


def _is_within(numbers: pa.Array) -> pa.Array:
    return pc.less(pc.abs(numbers), pa.scalar(_BOUND))


def _plain_numbers(texts: pa.StringArray) -> pa.Array | None:
    """The numbers if Arrow can read all of them. Exponents, of which it takes more than numbers have, are not its."""
    if _has_exponent(texts):
        return None
    for scale in (12, 20):
        try:
            return _bounded(texts.cast(pa.decimal128(38, scale)))
        except pa.ArrowInvalid:
            continue
    return None


def _plain_days(texts: pa.StringArray, dialect: Dialect) -> pa.Array | None:
    """The days if all are YYYY-MM-DD, or where months come first MM/DD/YYYY."""
    if not dialect.day_first:
        texts = pc.replace_substring_regex(texts, _MONTH_FIRST, r"\3-\1-\2")
    if not _all_match(texts, _PLAIN_DAY):
        return None
    try:
        return texts.cast(pa.date32())
    except pa.ArrowInvalid:  # a day that there is not
        return None


def _plain_instants(texts: pa.StringArray) -> pa.Array | None:
    """The instants if all are as APIs write them, to the second in UTC."""
    if not _all_match(texts, _PLAIN_INSTANT):
        return None
    try:
        return texts.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))
    except pa.ArrowInvalid:  # a day or a time that there is not
        return None


def _all_match(texts: pa.StringArray, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(texts, pattern), min_count=0).as_py())


def _has_exponent(texts: pa.StringArray) -> bool:
    buffer = texts.buffers()[2]
    if buffer is None:
        return False
    return bool(((np.frombuffer(buffer, np.uint8) | 32) == ord("e")).any())
