"""From text relations of usage and cost files to typed rows and rejected rows, streaming: nothing is held as a whole.

The rules are those of `convert`: a record is rejected by its first bad column, the rest of the file is loaded.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import duckdb

from recon_assets.catalogue import SQL_TYPES, Column, columns_of
from recon_assets.sources.bulk import TextRelation, quoted
from recon_assets.sources.convert import Converted, Origin
from recon_assets.sources.records import distinct

_PARQUET = "(format parquet, compression zstd, compression_level 1)"
POINT_NUMBERS = "point_number(%s)"
IS_EMPTY, NOT_VALID = "is empty, and is needed", "is not valid"
EXPECTED = {
    "decimal": "is not a number (or is a trillion or more)",
    "date": "is not a date; expected YYYY-MM-DD, MM/DD/YYYY or M/D/YYYY H:MM",
}


@dataclass(frozen=True)
class FileFrame:
    """What is known of one file before its rows are read.

    `bound` are the positions of declared columns in it, `constants` declared columns whose value is known of the whole
    file (not bound then, though the file may have them: `positions` are those of all), `context` are columns that the
    file's place adds.
    """

    columns: tuple[Column, ...]
    positions: frozenset[int]
    bound: dict[str, int]
    constants: dict[str, str]
    context: dict[str, str | None]
    origin: Origin

    def facts_of_all_rows(self) -> dict[str, str | dt.datetime | dt.date | None]:
        """Columns that have one value throughout the file."""
        origin = self.origin
        return {
            **self.constants,
            **self.context,
            "source_file": origin.file,
            "content_hash": origin.content_hash,
            "loaded_at": dt.datetime.fromisoformat(origin.loaded_at),
            "billing_month": dt.date.fromisoformat(f"{origin.month}-01"),
        }


def frame_of(
    mapping: str, bound: dict[str, int], constants: dict[str, str], context: dict[str, str | None], origin: Origin
) -> FileFrame:
    """The frame of a file; `mapping` names the source, and its variant behind a point."""
    own = {name: position for name, position in bound.items() if name not in constants}
    return FileFrame(columns_of(mapping), frozenset(bound.values()), own, constants, context, origin)


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Define the conversions on a connection that has those of conversions.sql."""
    connection.execute(files("recon_assets.sources").joinpath("bulk.sql").read_text(encoding="utf-8"))


def convert_bulk(
    connection: duckdb.DuckDBPyConnection,
    records: TextRelation,
    frame: FileFrame,
    rows_target: Path,
    quarantine_target: Path,
) -> Converted:
    """Write typed and rejected rows of one file as two Parquet files."""
    origin = frame.origin
    judged = _judged_sql(records, frame, _decimal_marks(connection, records, frame))
    lineage = ", ".join(
        [
            *(f"cast({'null' if v is None else quoted(v)} as varchar) as {name}" for name, v in frame.context.items()),
            f"{quoted(origin.file)} as source_file, source_row, {quoted(origin.content_hash)} as content_hash",
            f"timestamp {quoted(origin.loaded_at)} as loaded_at, date {quoted(origin.month + '-01')} as billing_month",
        ]
    )
    names = ", ".join(f"coalesce({c.name}, 0) as {c.name}" if c.value == "usage" else c.name for c in frame.columns)
    loaded = connection.execute(
        f"copy (select {names}, {lineage} from ({judged}) where position is null) to {quoted(rows_target)} {_PARQUET}"
    ).fetchone()
    rows = int(loaded[0]) if loaded else 0
    rejected = records.count - rows
    wanted = judged if rejected else f"select * from ({judged}) limit 0"
    sql = _quarantine_sql(wanted, records, frame)
    connection.execute(f"copy ({sql}) to {quoted(quarantine_target)} {_PARQUET}")
    return Converted(rows, rejected, {})


def _decimal_marks(connection: duckdb.DuckDBPyConnection, records: TextRelation, frame: FileFrame) -> str:
    """The macro that reads the file's numbers: comma decimals only where semicolons or tabs delimit, per file."""
    numbers = [frame.bound[c.name] for c in frame.columns if c.kind == "decimal" and c.name in frame.bound]
    if records.comma_delimited or not numbers:
        return POINT_NUMBERS
    union = " union all ".join(f"select trim(c{n}) as t from {records.sql}" for n in numbers)
    return marks_shown([shown_marks(connection, f"({union})")])


def shown_marks(connection: duckdb.DuckDBPyConnection, texts: str) -> tuple[int, int]:
    """How many of the texts t of a relation have a decimal comma and a decimal point beyond doubt."""
    sql = f"select count(*) filter (shows_comma_decimal(t)), count(*) filter (shows_point_decimal(t)) from {texts}"
    found = connection.execute(sql).fetchone()
    return (int(found[0]), int(found[1])) if found else (0, 0)


def marks_shown(counts: Iterable[tuple[int, int]]) -> str:
    """The macro for numbers of a file in which so many commas and points are decimal marks beyond doubt."""
    commas, points = (any(found) for found in zip(*counts, strict=True))
    if points and commas:
        return "number_text(%s, false)"
    return POINT_NUMBERS if points else "comma_number(%s)"


def _judged_sql(records: TextRelation, frame: FileFrame, marks: str) -> str:
    """Typed columns beside the texts of those that can fail, and the position of what is wrong (-1: the record)."""
    columns, bound, constants = frame.columns, frame.bound, frame.constants
    can_fail = {bound[c.name] for c in columns if c.name in bound and c.value != "optional"}
    kinds = {c.name: c.kind for c in columns}
    texts = {bound[name] for name in bound if kinds[name] != "text" or bound[name] in can_fail}
    cleaned = ", ".join(f"{_cleaned(n, records)} as c{n}" for n in sorted(set(bound.values())))
    parsed = "".join(
        f", {_parsed(c, bound[c.name], marks)} as p{bound[c.name]}"
        for c in columns
        if c.name in bound and c.kind != "text" and bound[c.name] not in records.native
    )
    values = ", ".join(f"{_value(c, bound, constants, records)} as {c.name}" for c in columns)
    failing = sorted(
        (bound[c.name], _fails(c, bound[c.name])) for c in columns if c.name in bound and c.value != "optional"
    )
    first_bad = " ".join(f"when {fails} then {position}" for position, fails in failing)
    kept = "".join(f", c{n}" for n in sorted(texts | can_fail))
    return f"""
        select *, case when problem is not null then -1 {first_bad} end as position from (
            select source_row, problem, unreadable{kept}, {values} from (
                select *{parsed} from (
                    select source_row, problem, unreadable, {cleaned} from {records.sql}
                )
            )
        )
    """


def _fails(column: Column, position: int) -> str:
    """Whether a row's value of a column that can fail does."""
    excused = {"needed": "false", "checked": f"c{position} is null"}
    excused["usage"] = f"{excused['checked']} and lower(charge_type) is distinct from 'usage'"
    return f"({column.name} is null and not ({excused[column.value]}))"


def _parsed(column: Column, position: int, marks: str) -> str:
    text = f"c{position}"
    return number_sql(text, marks) if column.kind == "decimal" else f"{date_macro(column)}({text})"


def number_sql(text: str, marks: str) -> str:
    """The number that a column of clean texts holds."""
    quick = "null" if marks.startswith("comma_number") else f"quick_decimal({text})"
    return f"coalesce({quick}, plain_decimal({marks % text}))"


def date_macro(column: Column) -> str:
    return "utc_date" if column.kind == "timestamp" else "quick_date"


def _cleaned(position: int, records: TextRelation) -> str:
    return f"c{position}" if position in records.native else f"clean_text(c{position})"


def _value(column: Column, bound: dict[str, int], constants: dict[str, str], records: TextRelation) -> str:
    declared = kind_of(column)
    if column.name in constants:
        return f"cast({quoted(constants[column.name])} as {SQL_TYPES[column.kind]})"
    if column.name not in bound:
        return f"cast(null as {SQL_TYPES[declared]})"  # type: ignore[index]
    position = bound[column.name]
    native = records.native.get(position)
    if declared == "decimal":
        if native == "decimal":
            return f"within_bounds(try_cast(c{position} as decimal(38, 12)))"
        if native is not None:
            return "cast(null as decimal(38, 12))"
        return f"within_bounds(p{position})"
    if declared == "date":
        if native == "date":
            return f"case when not is_no_date(c{position}) then c{position} end"
        if native is not None:
            return "cast(null as date)"
        return f"case when not is_no_date(p{position}) then p{position} end"
    return f"cast(c{position} as varchar)" if native else f"c{position}"


def _quarantine_sql(judged: str, records: TextRelation, frame: FileFrame) -> str:
    bound, origin = frame.bound, frame.origin
    failing = {bound[c.name]: c for c in frame.columns if c.name in bound and c.value != "optional"}
    value = _choice({n: f"cast(c{n} as varchar)" for n in failing})
    heading = _choice({n: quoted(records.headings[n]) for n in failing})
    expected = _choice({n: quoted(EXPECTED.get(kind_of(c), NOT_VALID)) for n, c in failing.items()})
    names = distinct(records.headings)
    own = ", ".join(f"{quoted(names[bound[c.name]])}: {c.name}" for c in frame.columns if c.name in bound)
    raw_row = "raw_row" if records.raw_rows else f"cast(to_json({{{own}}}) as varchar)"
    joined = f"left join {records.raw_rows} as raws using (source_row)" if records.raw_rows else ""
    return f"""
        select {quoted(origin.source)} as source, {quoted(origin.month)} as month, {quoted(origin.file)} as source_file,
            source_row, {heading} as column_name, {value} as value,
            case when problem is not null then problem
                when {value} is null then {quoted(IS_EMPTY)}
                else {expected} end as reason,
            coalesce(unreadable, {raw_row}) as raw_row
        from (select * from ({judged}) where position is not null) as rejected {joined} order by source_row
    """


def kind_of(column: Column) -> str:
    """The kind of the column's values; of an instant only its day is kept."""
    return "date" if column.kind == "timestamp" else column.kind


def _choice(branches: dict[int, str]) -> str:
    return "case position " + " ".join(f"when {n} then {sql}" for n, sql in branches.items()) + " end"
