"""From text records of one file to typed rows and rejected rows, in DuckDB.

A row is rejected when its record cannot be read, a needed value is missing, or a needed or checked value does not
convert; it is reported with the first such column in the order of the file (spec/warehouse.md, quarantined_rows).
"""

import unicodedata
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import duckdb

from recon_assets.catalogue import SQL_TYPES, Column, FullKey, RowRule, columns_of
from recon_assets.sources.records import Records, distinct

_EXPECTED = {
    "decimal": "is not a number (or is a trillion or more)",
    "date": "is not a date; expected YYYY-MM-DD, MM/DD/YYYY or M/D/YYYY H:MM",
    "timestamp": "is not an instant; expected ISO 8601",
    "integer": "is not a whole number",
}


@dataclass(frozen=True)
class Origin:
    """Where the records came from: becomes the lineage columns of every raw row."""

    source: str
    month: str
    file: str
    content_hash: str
    loaded_at: str  # UTC, `YYYY-MM-DD HH:MM:SS.ffffff`


@dataclass(frozen=True)
class Converted:
    rows: int
    rejected: int
    warnings: dict[str, int]  # values of optional columns that became null, by heading; failed row warnings by name
    duplicates: int = 0  # rejected rows that repeat an earlier one of the same file


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


def convert(
    connection: duckdb.DuckDBPyConnection,
    records: Records,
    bound: dict[str, int],
    origin: Origin,
    rules: tuple[RowRule, ...],
    rows_target: Path,
    quarantine_target: Path,
    full_key: FullKey,
    row_warnings: dict[str, str],
) -> Converted:
    """Write the typed rows and the rejected rows of one file as two Parquet files; what was written."""
    columns = columns_of(origin.source)
    judged = _judged_sql(columns, bound, records, rules)
    if full_key.expressions:
        judged = _without_repeats(judged, full_key, bound)
    connection.execute(f"create or replace temp table judged as {judged}")
    lineage = (
        f"{_source_file(records, origin)} as source_file, source_row, {_text(origin.content_hash)} as content_hash, "
        f"timestamp {_text(origin.loaded_at)} as loaded_at, date {_text(origin.month + '-01')} as billing_month"
    )
    names = ", ".join(column.name for column in columns)
    connection.execute(
        f"copy (select {names}, {lineage} from judged where reason is null order by member, source_row) "
        f"to {_text(rows_target)} (format parquet, compression zstd)"
    )
    rejected_sql = _quarantine_sql(records, bound, origin)
    connection.execute(f"copy ({rejected_sql}) to {_text(quarantine_target)} (format parquet, compression zstd)")
    counted = f"select count(*) from read_parquet({_text(rows_target)})"
    rejected = f"select count(*) from read_parquet({_text(quarantine_target)})"
    warnings = _warnings(connection, columns, bound, records) | _row_warnings(connection, row_warnings, origin)
    repeats = _one(connection, f"select count(*) from judged where reason = {_text(full_key.reason)}")
    return Converted(_one(connection, counted), _one(connection, rejected), warnings, repeats)


def normal_text(text: str) -> str:
    """NFKC, upper case, blanks trimmed and collapsed: how identifiers are compared."""
    return " ".join(unicodedata.normalize("NFKC", text).upper().split())


def _source_file(records: Records, origin: Origin) -> str:
    """The landed file, and the member of an archive behind it."""
    return f"{_text(origin.file)} || coalesce('/' || member, '')" if records.has_members else _text(origin.file)


def _without_repeats(judged: str, full_key: FullKey, bound: dict[str, int]) -> str:
    """`judged` with every row but the first of a full key rejected, file by file (an archive's member is a file)."""
    key = ", ".join(full_key.expressions)
    place = bound.get(full_key.column, -1)
    return f"""
        with judged_rows as ({judged}),
        numbered as (
            select *, row_number() over (partition by member, reason is null, {key} order by source_row) as occurrence
            from judged_rows
        )
        select * replace (
            case when reason is null and occurrence > 1 then {_text(full_key.reason)} else reason end as reason,
            case when reason is null and occurrence > 1 then {place} else position end as position
        ) from numbered
    """


def _row_warnings(connection: duckdb.DuckDBPyConnection, rules: dict[str, str], origin: Origin) -> dict[str, int]:
    """How many loaded rows each SQL condition holds for; `$month` in it is the first day of the folder's month."""
    found = {}
    for name, condition in rules.items():
        sql = condition.replace("$month", f"date {_text(origin.month + '-01')}")
        found[name] = _one(connection, f"select count(*) from judged where reason is null and {sql}")
    return {name: count for name, count in found.items() if count}


def _judged_sql(
    columns: tuple[Column, ...], bound: dict[str, int], records: Records, rules: tuple[RowRule, ...]
) -> str:
    member = "member" if records.has_members else "cast(null as varchar)"
    trimmed = ", ".join(f"trim(c{n}) as c{n}" for n in range(len(records.headings)))
    parsed = ", ".join(_parsed(column, bound, records) for column in columns if column.name in bound)
    valued = ", ".join(_valued(column, bound) for column in columns)
    first_bad = " ".join(
        f"when {fails} then {position}"
        for position, fails in sorted(
            (bound[column.name], _fails(column, bound[column.name]))
            for column in columns
            if column.name in bound and column.value != "optional"
        )
    )
    broken = " ".join(f"when {rule.fails} then {_text(rule.reason)}" for rule in rules)
    broken_at = " ".join(f"when {rule.fails} then {bound.get(rule.column, -1)}" for rule in rules)
    return f"""
        with trimmed as (
            select {member} as member, source_row, problem, unreadable, {trimmed}
            from read_parquet({_text(records.path)})
        ),
        parsed as (select *, {parsed} from trimmed),
        valued as (select *, {valued} from parsed),
        bad as (select *, case when problem is not null then -1 {first_bad} end as bad_position from valued)
        select *,
            case when problem is not null then problem
                when bad_position is not null then 'value'
                {broken} end as reason,
            case when bad_position is not null then bad_position {broken_at} end as position
        from bad
    """


def _parsed(column: Column, bound: dict[str, int], records: Records) -> str:
    """First step of a conversion, as a column of its own: macros multiply their text when they are nested."""
    text, parsed = f"c{bound[column.name]}", f"{column.name}_parsed"
    match column.kind:
        case "text":
            return f"{text} as {parsed}"
        case "decimal":
            return f"{_number_text(text, records)} as {parsed}"
        case "date":
            return f"{_date_macro(records)}({text}) as {parsed}"
        case "timestamp":
            return f"as_timestamp({text}) as {parsed}"
        case _:
            return f"try_cast({text} as integer) as {parsed}"


def _number_text(text: str, records: Records) -> str:
    if records.decimal_mark is None:
        return f"number_text({text}, {records.comma_delimited})"
    return f"{'comma' if records.decimal_mark == ',' else 'point'}_number_text({text})"


def _date_macro(records: Records) -> str:
    if records.day_first is None:
        return "written_date"
    return "day_first_date" if records.day_first else "month_first_date"


def _valued(column: Column, bound: dict[str, int]) -> str:
    if column.heading == "derived":
        base = column.aliases[0]
        return f"normal_text(c{bound[base]}) as {column.name}" if base in bound else f"null::varchar as {column.name}"
    if column.name not in bound:
        return f"cast(null as {SQL_TYPES[column.kind]}) as {column.name}"
    parsed = f"{column.name}_parsed"
    match column.kind:
        case "decimal":
            return f"within_bounds(plain_decimal({parsed})) as {column.name}"
        case "date":
            return f"case when not is_no_date({parsed}) then {parsed} end as {column.name}"
        case _:
            return f"{parsed} as {column.name}"


def _fails(column: Column, position: int) -> str:
    if column.value == "needed":
        return f"{column.name} is null"
    return f"(c{position} is not null and {_unconverted(column)})"


def _unconverted(column: Column) -> str:
    # A date that means "none" was understood, though it leaves no value.
    return f"{column.name}_parsed is null" if column.kind == "date" else f"{column.name} is null"


def _quarantine_sql(records: Records, bound: dict[str, int], origin: Origin) -> str:
    value = "case position " + " ".join(f"when {n} then c{n}" for n in range(len(records.headings))) + " end"
    heading = "case position " + " ".join(f"when {n} then {_text(h)}" for n, h in enumerate(records.headings)) + " end"
    expected = (
        "case position " + " ".join(f"when {n} then {_text(e)}" for n, e in _expected(bound, origin.source)) + " end"
    )
    fields = ", ".join(f"{_text(name)}: c{n}" for n, name in enumerate(distinct(records.headings)))
    return f"""
        select {_text(origin.source)} as source, {_text(origin.month)} as month,
            {_source_file(records, origin)} as source_file, source_row, {heading} as column_name, {value} as value,
            case when reason <> 'value' then reason
                when {value} is null then 'is empty, and is needed'
                else {expected} end as reason,
            coalesce(unreadable, cast(to_json({{{fields}}}) as varchar)) as raw_row
        from judged where reason is not null order by member, source_row
    """


def _expected(bound: dict[str, int], source: str) -> list[tuple[int, str]]:
    kinds = {column.name: column.kind for column in columns_of(source)}
    return [(position, _EXPECTED.get(kinds[name], "is not valid")) for name, position in bound.items()]


def _warnings(
    connection: duckdb.DuckDBPyConnection, columns: tuple[Column, ...], bound: dict[str, int], records: Records
) -> dict[str, int]:
    lenient = [c for c in columns if c.value == "optional" and c.kind != "text" and c.name in bound]
    if not lenient:
        return {}
    lost = ", ".join(
        f"count(*) filter (reason is null and c{bound[c.name]} is not null and {_unconverted(c)})" for c in lenient
    )
    counts = connection.execute(f"select {lost} from judged").fetchone() or ()
    return {records.headings[bound[c.name]]: n for c, n in zip(lenient, counts, strict=True) if n}


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _text(value: object) -> str:
    """A SQL text literal."""
    return "'" + str(value).replace("'", "''") + "'"
