"""The parts of a month that were read, set against each other: older runs of an export, and the days that one lacks."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from recon_assets.lakehouse.raw import LoadedFile
from recon_assets.landing.cost_exports import COMPARISONS
from recon_assets.landing.manifests import Part, Replaced
from recon_assets.sources.intake.repeats import Repeats
from recon_assets.sources.month_rows import days_of
from recon_assets.sources.pieces import Piece

_MOST_NAMED = 5  # days, in a warning


@dataclass(frozen=True)
class ReadPart:
    """A part that was converted, as it is recorded, and the files of its rows and rejected rows."""

    part: Part
    loaded: LoadedFile
    rows: list[Path]
    quarantine: list[Path]
    records: int
    facts: dict[str, str | None] = field(default_factory=dict)
    pieces: list[Piece] = field(default_factory=list)

    def without_repeats(self, repeats: Repeats) -> "ReadPart":
        """The part without the rows of its tables that repeat others, and told what else they share."""
        path = self.part.file.path
        told = self.loaded
        for code, shared in (("shared_records", repeats.some), ("same_lines", repeats.lines)):
            some = {piece.name: shared[path + piece.name] for piece in self.pieces if path + piece.name in shared}
            told = _sharing(told, code, some) if some else told
        aside = {piece.name: piece for piece in self.pieces if path + piece.name in repeats.of}
        if not aside:
            return replace(self, loaded=told)
        gone = [piece.converted for piece in aside.values()]
        for target in (target for piece in aside.values() for target in piece.targets):
            target.unlink()
        tables = [
            replace(t, rows=0, rejected=0, set_aside=f"repeats {repeats.of[path + t.name]}") if t.name in aside else t
            for t in told.tables
        ]
        loaded = replace(
            told,
            rows=told.rows - sum(one.rows for one in gone),
            quarantined=told.quarantined - sum(one.rejected for one in gone),
            duplicates=told.duplicates - sum(one.duplicates for one in gone),
            set_aside=tables[0].set_aside if len(aside) == len(self.pieces) else None,
            tables=tables,
        )
        rows, quarantine = ([path for path in paths if path.exists()] for paths in (self.rows, self.quarantine))
        records = self.records - sum(one.records for one in gone)
        return replace(self, loaded=loaded, rows=rows, quarantine=quarantine, records=records)

    def without_rows(self, reason: str) -> "ReadPart":
        """The part as one that is set aside: nothing of it counts, and its files are gone."""
        for path in (*self.rows, *self.quarantine):
            path.unlink()
        file = self.part.file
        aside = LoadedFile(file.path, file.etag, file.size, self.loaded.content_hash, 0, 0, set_aside=reason)
        return replace(self, loaded=aside, rows=[], quarantine=[], records=0)


def without_older_runs(connection: duckdb.DuckDBPyConnection, source: str, read: Sequence[ReadPart]) -> list[ReadPart]:
    """Of the runs of an export that have no manifest one counts: that with the latest day, then most rows, then the
    newest (spec/intake.md, 7)."""
    best: dict[str, ReadPart] = {}
    orders: dict[str, tuple[dt.date, int, float]] = {}
    for one in read:
        rivals = one.part.rivals
        order = (_latest_day(connection, source, one), one.loaded.rows, one.part.file.modified_at)
        if rivals and (rivals not in best or order > orders[rivals]):
            best[rivals], orders[rivals] = one, order
    return [
        one
        if not one.part.rivals or best[one.part.rivals] is one
        else one.without_rows(f"older run: {best[one.part.rivals].part.file.path} counts")
        for one in read
    ]


def _latest_day(connection: duckdb.DuckDBPyConnection, source: str, one: ReadPart) -> dt.date:
    return max(days_of(connection, source, one.rows), default=dt.date.min) if one.part.rivals else dt.date.min


def of_run(read: Iterable[ReadPart], run: Replaced) -> list[ReadPart]:
    """The parts of the run that replaced another."""
    return [
        one
        for one in read
        if not one.part.is_loose and (one.part.facts["kind"], one.part.facts["export_id"]) == (run.kind, run.export_id)
    ]


def lacking_rows(run: Replaced, days: Iterable[dt.date]) -> list[dict[str, str]]:
    """Days that a run lacks, as rows of the table `lacking_days`."""
    return [{"comparison": COMPARISONS[run.kind], "day": day.isoformat()} for day in sorted(days)]


def lacking_warning(run: Replaced, days: Iterable[dt.date]) -> str:
    named = [day.isoformat() for day in sorted(days)]
    shown = ", ".join(named[:_MOST_NAMED]) + (", ..." if len(named) > _MOST_NAMED else "")
    return f"{run.by} has no rows of days that {run.name}, which it replaces, has: {shown}"


def _sharing(loaded: LoadedFile, code: str, some: dict[str, dict[str, int]]) -> LoadedFile:
    """A file with the warning that tables of it share records with others: by table, how many with which."""
    notes = {name: [f"{code}: {count} with {other}" for other, count in told.items()] for name, told in some.items()}
    tables = [replace(table, notes=[*table.notes, *notes.get(table.name, [])]) for table in loaded.tables]
    count = sum(count for told in some.values() for count in told.values())
    return replace(loaded, tables=tables, warnings=loaded.warnings | {code: count})
