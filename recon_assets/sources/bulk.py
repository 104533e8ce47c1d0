"""Usage and cost files as text relations, in bounded memory: delimited text, JSON Lines and Parquet.

A relation has the columns c0..cN, source_row, problem and unreadable, as in `records`. Big delimited files do not come
here (see bulk_delimited) unless they are irregular.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.catalogue import normalize_heading
from recon_assets.errors import FileProblem
from recon_assets.sources.records import Record, distinct, heading_text, read_csv, require_width, write_records
from recon_assets.sources.unpack import UnpackLimits, is_damage, open_bytes, open_text

_DELIMITERS = (",", ";", "\t")
_LONGEST_HEADER = 1 << 20


@dataclass(frozen=True)
class TextRelation:
    """Text records of one file as a SQL relation. `native` columns hold typed values already (Parquet)."""

    sql: str
    headings: list[str]
    comma_delimited: bool
    count: int
    native: dict[int, str] = field(default_factory=dict)  # position -> decimal or date
    raw_rows: str | None = None  # relation (source_row, raw_row) of the records as they came, where that is known


def read_delimited(path: Path, file: str, limits: UnpackLimits, target: Path) -> TextRelation:
    """Records of a small or irregular delimited file; FileProblem as read_csv."""
    records = read_csv(path, file, limits, target)
    sql = f"read_parquet({quoted(target)})"
    fields = ", ".join(f"{quoted(name)}: c{n}" for n, name in enumerate(distinct(records.headings)))
    raw_rows = f"(select source_row, cast(to_json({{{fields}}}) as varchar) as raw_row from {sql})" if fields else None
    return TextRelation(sql, records.headings, records.comma_delimited, records.count, {}, raw_rows)


def quoted(value: object) -> str:
    """A SQL text literal."""
    return "'" + str(value).replace("'", "''") + "'"


def plain_header(path: Path, file: str, limits: UnpackLimits) -> tuple[list[str], str]:
    """Headings and delimiter of a UTF-8 file whose header is its first line; no headings for any other."""
    with open_bytes(path, file, limits) as stream:
        line = stream.readline(_LONGEST_HEADER)
    if not line.endswith(b"\n") or b"\x00" in line or not line.strip():
        return [], ""
    try:
        text = line.decode("utf-8-sig")
        delimiter = max(_DELIMITERS, key=text.count)
        headings = next(csv.reader([text], delimiter=delimiter, strict=True))
    except (UnicodeDecodeError, csv.Error):
        return [], ""
    require_width(len(headings), file)
    return ([heading_text(heading) for heading in headings], delimiter) if len(headings) > 1 else ([], "")


def parquet_headings(path: Path) -> tuple[list[str], str]:
    """Names of the columns of a Parquet file, and what stands for their delimiter; none when it cannot be read."""
    try:
        return list(pq.read_schema(path).names), ","
    except (pa.ArrowInvalid, OSError):
        return [], ""


def read_json_lines(path: Path, file: str, limits: UnpackLimits, target: Path, headings: list[str]) -> TextRelation:
    """Records of a JSON Lines file, numbers as they are written; `headings` are the keys looked for, without case.

    A record leaves out what is null, so a key is taken to be missing only where no record has any meter key (an export
    without attributeSet full); its heading is empty then.
    """
    seen: set[str] = set()
    with open_text(path, file, limits) as text:
        count = write_records(target, len(headings), _json_records(text, headings, seen, file), keep_text=True)
    is_full = not count or any(key.startswith("meter") for key in seen)
    found = [heading if is_full or normalize_heading(heading) in seen else "" for heading in headings]
    return TextRelation(f"read_parquet({quoted(target)})", found, True, count)


def _json_records(text: Any, headings: list[str], seen: set[str], file: str) -> Iterator[Record]:
    places = {normalize_heading(heading): n for n, heading in enumerate(headings)}
    known: dict[str, int] = {}
    for line in _lines(text, file):
        try:
            content = json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
        except (ValueError, RecursionError) as error:
            yield [line.rstrip("\r\n")], f"the line is not JSON ({error})"
            continue
        if not isinstance(content, dict):
            yield [line.rstrip("\r\n")], "the line is not a JSON object"
            continue
        fields: list[str | None] = [None] * len(headings)
        try:
            for key, value in content.items():
                place = known.get(key)
                if place is None:
                    normal = normalize_heading(key)
                    place = known[key] = places.get(normal, -1)
                    seen.add(normal)
                if place >= 0 and value is not None:
                    fields[place] = value if isinstance(value, str) else json.dumps(value)
        except RecursionError:
            yield [line.rstrip("\r\n")], "the line is nested too deeply"
            continue
        yield [*fields, line.rstrip("\r\n")], None


def _lines(text: Any, file: str) -> Iterator[str]:
    try:
        for line in text:
            if line.strip():
                yield line
    except UnicodeDecodeError as error:
        raise FileProblem(file, f"the text is not valid {error.encoding}; fetch it again") from error


def read_parquet(connection: duckdb.DuckDBPyConnection, path: Path, file: str) -> TextRelation:
    """Records of a Parquet file: decimals, whole numbers, dates and UTC times as they are, everything else as text."""
    source = f"read_parquet({quoted(path)}, file_row_number = true, binary_as_string = true)"
    try:
        described = connection.execute(f"describe select * exclude (file_row_number) from {source}").fetchall()
        counted = connection.execute(f"select count(*) from {source}").fetchone()
    except duckdb.Error as error:
        if not is_damage(error):
            raise
        raise FileProblem(file, f"is not a Parquet file that can be read ({error}); land it again") from error
    native: dict[int, str] = {}
    selected = []
    for n, (name, kind, *_) in enumerate(described):
        column = '"' + str(name).replace('"', '""') + '"'
        if kind.startswith("DECIMAL") or kind in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"):
            native[n] = "decimal"
            selected.append(f"{column} as c{n}")
        elif kind in ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S"):
            native[n] = "date"
            selected.append(f"cast(cast({column} as timestamp) as date) as c{n}")
        else:
            selected.append(f"cast({column} as varchar) as c{n}")
    sql = (
        f"(select {', '.join(selected)}, file_row_number + 1 as source_row, cast(null as varchar) as problem, "
        f"cast(null as varchar) as unreadable from {source})"
    )
    return TextRelation(sql, [str(row[0]) for row in described], True, int(counted[0]) if counted else 0, native)
