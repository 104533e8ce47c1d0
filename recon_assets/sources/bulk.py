"""Usage and cost files as text relations, in bounded memory: delimited text, JSON Lines and Parquet.

A relation has the columns c0..cN, source_row, problem and unreadable, as in `records`. Big delimited files are read by
DuckDB; a file that it does not take as it is goes through `records.read_csv`, which reports each malformed record.
"""

import csv
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import numpy as np

from recon_assets.errors import FileProblem
from recon_assets.sources.columns import normalize_heading
from recon_assets.sources.records import Record, read_csv, write_records
from recon_assets.sources.unpack import UnpackLimits, open_bytes, open_text

# UTF-8 files below this size go through Python's csv module, which costs nothing at that size.
FAST_FROM_BYTES = 4_000_000
_DELIMITERS = (",", ";", "\t")
_CHUNK = 1 << 20
_NO_TEXT = "\x01\x02\x03"


@dataclass(frozen=True)
class TextRelation:
    """Text records of one file as a SQL relation. `native` columns hold typed values already (Parquet)."""

    sql: str
    headings: list[str]
    comma_delimited: bool
    count: int
    native: dict[int, str] = field(default_factory=dict)  # position -> decimal or date
    # SQL that gives (source_row, raw_row, full_problem) of every record, where the relation does not hold all columns.
    raw_rows: Callable[[], Any] | None = None


def read_delimited(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    file: str,
    limits: UnpackLimits,
    target: Path,
    wanted: Callable[[list[str]], set[int]],
) -> TextRelation:
    """Records of a delimited file; `wanted` tells which columns are needed, by headings. FileProblem as read_csv."""
    if path.stat().st_size >= FAST_FROM_BYTES:
        relation = _read_fast(connection, path, file, limits, target, wanted)
        if relation is not None:
            return relation
    records = read_csv(path, file, limits, target)
    return TextRelation(f"read_parquet({quoted(target)})", records.headings, records.comma_delimited, records.count)


def _read_fast(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    file: str,
    limits: UnpackLimits,
    target: Path,
    wanted: Callable[[list[str]], set[int]],
) -> TextRelation | None:
    """By DuckDB's reader, fed through a pipe so that unpacking stays bounded; None: the file needs the other way."""
    header = _plain_header(path, file, limits)
    if header is None:
        return None
    headings, delimiter = header
    kept = sorted(wanted(headings))
    width = len(headings)
    # One column more than there are, and padding: a field that is missing is null, one that is empty is not.
    names = ", ".join(f"{quoted(f'c{n}')}: 'varchar'" for n in range(width + 1))
    present = " + ".join(f"cast(c{n} is not null as integer)" for n in range(width + 1))
    is_wrong = f"(c{width} is not null or c{width - 1} is null)"
    whole = ", ".join(f"c{n}" for n in range(width + 1))

    def csv_sql(pipe: str) -> str:
        return (
            f"read_csv({quoted(pipe)}, columns = {{{names}}}, auto_detect = false, header = false, "
            f"delim = {quoted(delimiter)}, "
            "quote = '\"', escape = '\"', strict_mode = true, null_padding = true, parallel = false, "
            "compression = 'none', "
            f"nullstr = {quoted(_NO_TEXT)}, max_line_size = {4 * _CHUNK})"
        )

    selected = ", ".join(f"c{n}" for n in kept)
    # Only flags here: the text of a wrong record needs every column, which this pass does not touch.
    problem = f"case when c1 is null then 'blank' when {is_wrong} then 'wrong' end as problem"
    quotes = _Quotes(delimiter)
    try:
        with _piped(path, file, limits, quotes) as pipe:
            connection.execute(
                f"copy (select {selected}, {problem} from {csv_sql(pipe)}) to {quoted(target)} "
                "(format parquet, compression lz4)"
            )
    except duckdb.Error:
        return None
    counted = connection.execute(
        f"select count(*), count(*) filter (problem = 'blank') from read_parquet({quoted(target)})"
    ).fetchone()
    # A line of blanks is no record, which only the other way knows; nor does this one judge quotes astray.
    if counted is None or counted[1] or not quotes.are_regular:
        return None
    sql = (
        f"(select {selected}, file_row_number + 1 as source_row, problem, cast(null as varchar) as unreadable "
        f"from read_parquet({quoted(target)}, file_row_number = true))"
    )

    @contextmanager
    def raw_rows() -> Iterator[str]:
        with _piped(path, file, limits) as pipe:
            fields = ", ".join(f"{quoted(h)}: nullif(c{n}, '')" for n, h in enumerate(distinct(headings)))
            yield (
                f"(select source_row, case when {is_wrong} then concat_ws(',', {whole}) "
                f"else cast(to_json({{{fields}}}) as varchar) end as raw_row, "
                f"case when {is_wrong} then ({present}) || ' fields where the header has {width}' end "
                "as full_problem from "
                f"(select *, row_number() over () as source_row from {csv_sql(pipe)}))"
            )

    return TextRelation(sql, headings, delimiter == ",", int(counted[0]), {}, raw_rows)


def distinct(headings: list[str]) -> list[str]:
    return [h if headings.index(h) == n and h else f"{h} ({n + 1})" for n, h in enumerate(headings)]


def quoted(value: object) -> str:
    """A SQL text literal."""
    return "'" + str(value).replace("'", "''") + "'"


def _plain_header(path: Path, file: str, limits: UnpackLimits) -> tuple[list[str], str] | None:
    """Headings and delimiter of a UTF-8 file whose header is its first line; None for any other."""
    with open_bytes(path, file, limits) as stream:
        line = stream.readline(_CHUNK)
    if not line.endswith(b"\n") or b"\x00" in line or not line.strip():
        return None
    try:
        text = line.decode("utf-8-sig")
        delimiter = max(_DELIMITERS, key=text.count)
        headings = next(csv.reader([text], delimiter=delimiter, strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    return ([heading.strip() for heading in headings], delimiter) if len(headings) > 1 else None


class _Quotes:
    """Tells whether quotes only open, close and escape: DuckDB is lenient with others when it pads rows.

    A quote with text on both sides does none of these; an odd number of quotes leaves one open.
    """

    def __init__(self, delimiter: str) -> None:
        self._is_text = np.ones(256, dtype=bool)
        self._is_text[[ord(mark) for mark in (delimiter, "\n", "\r", '"')]] = False
        self._last = b"\n"
        self._count = 0
        self._astray = False

    def see(self, chunk: bytes) -> None:
        """Look at the next bytes; a quote at their end is looked at with those that follow."""
        self._count += chunk.count(b'"')
        near = np.frombuffer(self._last + chunk, dtype=np.uint8)
        at = np.flatnonzero(near[1:-1] == 34) + 1
        self._astray = self._astray or bool((self._is_text[near[at - 1]] & self._is_text[near[at + 1]]).any())
        self._last = near[-2:].tobytes()

    @property
    def are_regular(self) -> bool:
        return not self._astray and self._count % 2 == 0


@contextmanager
def _piped(path: Path, file: str, limits: UnpackLimits, quotes: _Quotes | None = None) -> Iterator[str]:
    """A path that gives the unpacked bytes below the header once, fed by a thread; its FileProblem is raised here."""
    reading, writing = os.pipe()
    trouble: list[BaseException] = []

    def feed() -> None:
        # A reader that stops early (an error of its own) closes the pipe: nothing to report then.
        with suppress(BrokenPipeError), os.fdopen(writing, "wb", buffering=0) as out:
            try:
                with open_bytes(path, file, limits) as stream:
                    _forward(stream, out, quotes)
            except FileProblem as problem:
                trouble.append(problem)

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    try:
        yield f"/dev/fd/{reading}"
    finally:
        os.close(reading)
        thread.join()
    if trouble:
        raise trouble[0]


def _forward(stream: BinaryIO, out: Any, quotes: _Quotes | None) -> None:
    stream.readline()
    while chunk := stream.read(_CHUNK):
        if quotes is not None:
            quotes.see(chunk)
        view = memoryview(chunk)
        while view:
            view = view[out.write(view) :]


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
        for key, value in content.items():
            place = known.get(key)
            if place is None:
                normal = normalize_heading(key)
                place = known[key] = places.get(normal, -1)
                seen.add(normal)
            if place >= 0 and value is not None:
                fields[place] = value if isinstance(value, str) else json.dumps(value)
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
