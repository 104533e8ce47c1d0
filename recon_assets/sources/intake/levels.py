"""Registers with one row per line of a document: told, and summed when a profile says so (spec/intake.md, 5)."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.errors import FileProblem
from recon_assets.sources.intake.prepared import Columns, Facts, decimal, landed

_KEY = ("document_number", "document_date", "supplier_tin", "buyer_tin")
_SHARE = 3  # a third of the documents on several rows: these are lines


def documents_of(columns: Columns) -> dict[tuple[str | None, ...], list[int]]:
    """The rows of each document: same number, date and parties. Rows that cannot be read belong to none."""
    return _documents_in(columns, pc.indices_nonzero(pc.is_valid(columns.texts["document_number"])))


def _documents_in(columns: Columns, rows: pa.Array) -> dict[tuple[str | None, ...], list[int]]:
    """The documents of some rows, which have a number."""
    keys = [columns.texts[name].take(rows).to_pylist() for name in _KEY if name in columns.texts]
    found: dict[tuple[str | None, ...], list[int]] = defaultdict(list)
    for row, key in zip(rows.to_pylist(), zip(*keys, strict=True), strict=True):
        if row not in columns.problems:
            found[key].append(row)
    return found


@dataclass(frozen=True)
class _Documents:
    """The documents of a list: how many, and the rows of those that stand on several."""

    count: int
    several: dict[tuple[str | None, ...], list[int]]


def _counted(columns: Columns) -> _Documents:
    """The documents of `documents_of`, without going through those whose number stands once."""
    numbers = columns.texts["document_number"]
    counts = pc.value_counts(numbers.drop_null())
    repeated = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    rows = pc.indices_nonzero(pc.is_in(numbers, repeated))
    found = _documents_in(columns, rows)
    standing = set(rows.to_pylist()) if columns.problems else set()
    unread = sum(row not in standing and numbers[row].is_valid for row in columns.problems)
    alone = len(numbers) - numbers.null_count - len(rows) - unread
    return _Documents(alone + len(found), {key: own for key, own in found.items() if len(own) > 1})


def settle_level(columns: Columns, facts: Facts, amounts: list[str], level: str, file: str) -> Columns:
    """The register with one row per document; FileProblem for lines that no profile tells of."""
    if not _any_repeated(columns):
        return columns
    documents = _counted(columns)
    several = documents.several
    rows = [row for own in several.values() for row in own]
    values = {name: dict(zip(rows, _decimals(columns.texts[name], rows), strict=True)) for name in amounts}
    differing = {
        key: own for key, own in several.items() if len({tuple(values[n][r] for n in amounts) for r in own}) > 1
    }
    if level == "line":
        return _summed(columns, facts, several, values)
    if differing and len(differing) * _SHARE >= documents.count:
        first = next(iter(differing))
        raise FileProblem(
            file,
            f"has one row per line: {len(differing)} of {documents.count} documents stand on several rows with other "
            f"amounts, such as {first[0]}. If its rows are to be summed per document, say so in a profile, "
            f'profiles/<name>.toml below the landing root: match = ["{landed(file)}"] and level = "line"',
            mend={"level": "line"},
        )
    if differing:
        rows = [row for found in differing.values() for row in found]
        total = sum((values["total_including_tax"][row] or Decimal(0) for row in rows), Decimal(0))
        facts.warnings["repeated_numbers"] = len(rows)
        facts.notes.append(f"repeated_numbers: {len(rows)} rows of {len(differing)} documents, {total} including tax")
    return columns


def _decimals(texts: pa.Array, rows: list[int]) -> list[Decimal | None]:
    return [decimal(text) for text in texts.take(pa.array(rows, pa.int64())).to_pylist()]


def _any_repeated(columns: Columns) -> bool:
    numbers = columns.texts["document_number"]
    return bool(pc.count_distinct(numbers).as_py() < len(numbers) - numbers.null_count)


def _summed(
    columns: Columns,
    facts: Facts,
    several: dict[tuple[str | None, ...], list[int]],
    values: dict[str, dict[int, Decimal | None]],
) -> Columns:
    """One row per document: amounts summed, but taken once where they are the same in every row of all documents."""
    is_header = {
        name: bool(several) and all(len({found[row] for row in rows}) == 1 for rows in several.values())
        for name, found in values.items()
    }
    gone: set[int] = set()
    texts = {name: columns.texts[name].to_pylist() for name in values}
    problems = dict(columns.problems)
    for rows in several.values():
        gone |= set(rows[1:])
        for name in values:
            if not is_header[name]:
                _sum_into(texts[name], rows)
    kept = [row for row in range(len(columns)) if row not in gone]
    place = {row: index for index, row in enumerate(kept)}
    facts.ignored["summed"] = len(gone)
    facts.notes.append(f"level = line: {len(gone)} rows were summed into the first row of their document")
    indices = pa.array(kept, pa.int64())
    taken = {n: pa.array(texts[n], pa.string()) if n in texts else column for n, column in columns.texts.items()}
    raw = columns.raw_rows
    return Columns(
        {name: column.take(indices) for name, column in taken.items()},
        columns.rows.take(indices),
        columns.numbers.take(indices),
        columns.lines.take(indices),
        {place[row]: problem for row, problem in problems.items() if row in place},
        lambda wanted: raw([kept[index] for index in wanted]),
    )


def _sum_into(texts: list[str | None], rows: list[int]) -> None:
    """The sum in the document's first row; a line that is no number stays there, so that the document is rejected."""
    wrong = next((texts[row] for row in rows if texts[row] is not None and decimal(texts[row]) is None), None)
    filled = [found for row in rows if (found := decimal(texts[row])) is not None]
    texts[rows[0]] = wrong if wrong is not None else format(sum(filled, Decimal(0)), "f") if filled else None
