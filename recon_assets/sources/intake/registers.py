"""A register or another list of documents made plain: its heading found, what is no record left out, numbers, dates and
words in one form, what it lacks supplied (spec/intake.md, 2 to 5)."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.catalogue import Column
from recon_assets.landing.profiles import STATUS
from recon_assets.sources.intake import words
from recon_assets.sources.intake.beside import columns_beside, require_whole_tax
from recon_assets.sources.intake.grid import Grid
from recon_assets.sources.intake.headings import SEARCHED, Heading, Wanted, find_heading
from recon_assets.sources.intake.lacking import supply
from recon_assets.sources.intake.levels import settle_level
from recon_assets.sources.intake.numbers import Mark, to_plain
from recon_assets.sources.intake.plain import (
    choose_rivals,
    codes,
    constants,
    currency_of_headings,
    damaged,
    dates,
    errors,
    foreign,
    named,
    numbers,
    prove_general,
    require_no_rates,
    settle_rate,
    tell_currencies,
)
from recon_assets.sources.intake.prepared import Columns, Facts, decimal, key_of, raw_rows_of
from recon_assets.sources.intake.reading import Reading
from recon_assets.sources.intake.rows import (
    CURRENCIES,
    ControlTotal,
    Ignored,
    control_totals,
    count_kinds,
    ignored_rows,
)
from recon_assets.sources.intake.statuses import Statuses, statuses

_STATUS = Column(STATUS, "text", "optional", "optional", ())


def prepare(grid: Grid, file: str, reading: Reading) -> tuple[Columns, Facts]:
    """The records of a grid as plain texts by declared column; FileProblem when they cannot be told."""
    profile = reading.profile
    declared = (*reading.columns, _STATUS) if reading.lacks is not None else reading.columns
    told, not_read = (profile.columns, profile.not_read) if profile else ({}, [])
    wanted = Wanted(declared, told, reading.given(file), reading.stand_ins, not_read)
    heading = find_heading(grid.head(SEARCHED), wanted, file, profile.heading_row if profile else None)
    grid = grid.filled_down(_merged_records(grid, heading, reading))
    facts = Facts(heading_line=grid.lines[heading.row].as_py())
    ignored = ignored_rows(grid, heading, reading.named_by, profile.skip if profile else ())
    found = Statuses()
    if reading.lacks is not None:
        found = statuses(grid, heading, {item.row for item in ignored}, profile, file)
        heading = heading.without(STATUS)
        ignored = sorted([*ignored, *found.ignored], key=lambda item: item.row)
    facts.ignored = ({"title": heading.titles} if heading.titles else {}) | count_kinds(ignored)
    columns = _records(grid, heading, ignored, reading)
    is_foreign = foreign(columns, grid, heading, reading) if reading.lacks else None
    of_headings = currency_of_headings(columns, heading, reading)
    named_by_rows = named(columns, grid, heading, reading, of_headings)
    marks = numbers(columns, grid, heading, facts, reading, file)
    choose_rivals(columns, heading, facts, file, reading)
    has_told = any(item.kind == "subtotal" for item in ignored) or bool(found.not_issued or found.unknown)
    amounts = _amounts(grid, heading, marks) if has_told else {}
    facts.control_totals = _control_totals(grid, heading, ignored, amounts)
    found.tell(facts, grid.lines, _totals(grid, heading, amounts))
    errors(columns, facts, reading)
    dates(columns, facts, reading, file, grid.date_1904)
    codes(columns, profile)
    damaged(columns, grid, heading, facts, reading)
    constants(columns, reading)
    tell_currencies(columns, facts, named_by_rows)
    if reading.lacks is not None:
        settle_rate(columns, heading, facts)
        require_no_rates(columns, facts, file)
        require_whole_tax(columns, facts, columns_beside(columns, grid, heading, marks, not_read), file)
        prove_general(columns, heading, file)
        supply(columns, facts, reading.lacks, file, is_foreign, of_headings)
        summed = [name for name in reading.of_kind("decimal") if name in columns.texts and name != "exchange_rate"]
        columns = settle_level(columns, facts, summed, profile.level if profile else "document", file)
    return _without_rivals(columns), facts


def _merged_records(grid: Grid, heading: Heading, reading: Reading) -> list[tuple[int, int, int]]:
    """Merged cells below the heading that stand for each of their rows.

    Amounts only where what names the record is merged over the same rows: else the sum of several records is one cell.
    """
    below = [merged for merged in grid.merged if merged[0] > heading.row and merged[2] < len(heading.texts)]
    naming = {heading.columns[name][0] for name in reading.named_by if name in heading.columns}
    whole = {(first, last) for first, last, column in below if column in naming}
    amounts = {p for name in reading.of_kind("decimal") for p in heading.columns.get(name, [])}
    return [merged for merged in below if merged[2] not in amounts or merged[:2] in whole]


def _records(grid: Grid, heading: Heading, ignored: list[Ignored], reading: Reading) -> Columns:
    """The rows that are records, each bound column and its rivals as they stand."""
    start = heading.row + 1
    is_record, is_blank = np.ones(len(grid) - start, np.bool_), np.zeros(len(grid) - start, np.bool_)
    for item in ignored:
        is_record[item.row - start], is_blank[item.row - start] = False, item.kind == "blank"
    rows = start + np.flatnonzero(is_record)
    numbers = np.cumsum(~is_blank)[is_record]
    indices = pa.array(rows, pa.int64())
    texts = {}
    is_text = set(reading.of_kind("text"))
    for name, positions in heading.columns.items():
        for position in [*positions, *heading.rivals.get(name, [])]:
            texts[key_of(name, position, heading)] = _cells(grid, position, indices, name in is_text)
    return Columns(
        texts, indices, pa.array(numbers, pa.int64()), grid.lines.take(indices), _problems(grid, heading, indices),
        raw_rows_of(grid, heading, rows),
    )  # fmt: skip


def _cells(grid: Grid, position: int, indices: pa.Array, is_text: bool) -> pa.Array:
    column = grid.columns[position]
    shown = grid.shown.get(position, {}) if is_text else {}
    if shown:
        cells = column.to_pylist()
        for row, text in shown.items():
            cells[row] = text
        column = pa.array(cells, pa.string())
    trimmed = pc.utf8_trim_whitespace(words.without_guards(column.take(indices)))
    return pc.if_else(pc.equal(trimmed, ""), None, trimmed)


def _problems(grid: Grid, heading: Heading, rows: pa.Array) -> dict[int, str]:
    """Rows of which no field is trusted: those that cannot be read, and those of another width than the heading."""
    width = max(n + 1 for n, text in enumerate(heading.texts) if text)
    is_wrong = pa.repeat(False, len(rows))
    for column in grid.columns[width:]:
        is_wrong = pc.or_(is_wrong, column.take(rows).is_valid())
    has_more = is_wrong
    if grid.widths is not None:
        is_wrong = pc.or_(is_wrong, pc.less(grid.widths.take(rows), width))
    if grid.problems:
        is_wrong = pc.or_(is_wrong, pc.is_in(rows, pa.array(list(grid.problems), pa.int64())))
    found = {}
    for index in pc.indices_nonzero(is_wrong).to_pylist():
        row = rows[index].as_py()
        if row in grid.problems:
            found[index] = grid.problems[row]
        elif grid.widths is not None:
            found[index] = f"{grid.widths[row].as_py()} fields where the header has {width}"
        elif has_more[index].as_py():
            found[index] = f"has values beyond the {width} columns of the header"
    return found


def _without_rivals(columns: Columns) -> Columns:
    return replace(columns, texts={name: texts for name, texts in columns.texts.items() if "@" not in name})


def _amounts(
    grid: Grid, heading: Heading, marks: dict[str, tuple[Mark, str | None]]
) -> dict[int, list[Decimal | None]]:
    """Amounts of every row below the heading, by position."""
    start = heading.row + 1
    amounts = {}
    for name, (mark, side) in marks.items():
        for position in heading.columns[name] if "@" not in name and name != "exchange_rate" else ():
            typed = grid.typed.get(position)
            plain = to_plain(
                grid.columns[position].slice(start), None if typed is None else typed.slice(start), mark, side
            )
            amounts[position] = [decimal(text) for text in plain.to_pylist()]
    return amounts


def _control_totals(
    grid: Grid, heading: Heading, ignored: list[Ignored], amounts: dict[int, list[Decimal | None]]
) -> list[ControlTotal]:
    start = heading.row + 1
    lines = grid.lines.slice(start).to_pylist()
    named = {heading.texts[position]: values for position, values in amounts.items()}
    return control_totals([replace(item, row=item.row - start) for item in ignored], lines, named)


def _totals(grid: Grid, heading: Heading, amounts: dict[int, list[Decimal | None]]) -> dict[int, tuple[Decimal, str]]:
    """Total and currency of the rows of a grid, where `amounts` holds the totals."""
    places = [at for at in heading.columns.get("total_including_tax", []) if at in amounts]
    coded = next((heading.columns[name][0] for name in CURRENCIES if name in heading.columns), None)
    codes = grid.columns[coded].slice(heading.row + 1).to_pylist() if coded is not None and places else []
    return {
        heading.row + 1 + row: (amount, codes[row] or "" if codes else "")
        for row, amount in enumerate(amounts[places[0]] if places else [])
        if amount is not None
    }
