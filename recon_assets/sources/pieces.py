"""What became of each table of the landed files of a month, until it is known which of them repeat others."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from recon_assets.lakehouse.raw import LoadedFile, LoadedTable
from recon_assets.landing.store import LandedFile
from recon_assets.sources.convert import Converted
from recon_assets.sources.intake.prepared import Facts
from recon_assets.sources.intake.repeats import Hashes, Records, Repeats
from recon_assets.sources.intake.rows import ControlTotal


@dataclass(frozen=True)
class Piece:
    """One converted table. `hashes` are its records, where it is compared with others."""

    name: str  # what follows the file's path in source_file
    converted: Converted
    targets: tuple[Path, Path]  # rows and quarantine
    facts: Facts = field(default_factory=Facts)
    hashes: Hashes | None = None


@dataclass
class Taken:
    """One landed file that was read."""

    file: LandedFile
    content_hash: str
    group: str = ""  # files of one group are compared with one another
    is_additive: bool = False
    may_disagree: bool = False  # a control total that disagrees is a warning only
    pieces: list[Piece] = field(default_factory=list)
    extra_columns: list[str] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)

    def records(self) -> list[Records]:
        """The tables to be compared with others."""
        return [
            Records(self.file.path + piece.name, piece.hashes, self.group, self.is_additive)
            for piece in self.pieces
            if piece.hashes is not None
        ]

    def disagreeing(self) -> list[str]:
        """Control totals that do not agree, as sentences."""
        return [
            f"{self.file.path}{piece.name}, row {total.line}: the total of '{total.column}' is {total.said}, its rows "
            f"add up to {total.summed}"
            for piece in self.pieces
            for total in piece.facts.control_totals
            if not total.agrees
        ]

    def settle(self, repeats: Repeats) -> LoadedFile:
        """The file as it was loaded: the rows of tables that repeat others are removed."""
        tables, kept = [], []
        for piece in self.pieces:
            other = repeats.of.get(self.file.path + piece.name)
            if other is None:
                kept.append(piece.converted)
            else:
                for target in piece.targets:
                    target.unlink()
            tables.append(_loaded_table(piece, None if other is None else f"repeats {other}"))
        tables += [LoadedTable(name, set_aside=f"not read: {why}") for name, why in self.unread.items()]
        warnings = Counter[str]()
        for piece in self.pieces:
            warnings.update(piece.converted.warnings)
            warnings.update(piece.facts.warnings)
        return LoadedFile(
            self.file.path, self.file.etag, self.file.size, self.content_hash,
            sum(c.rows for c in kept), sum(c.rejected for c in kept), None, self.extra_columns, dict(warnings),
            sum(c.duplicates for c in kept), tables,
        )  # fmt: skip


def _loaded_table(piece: Piece, set_aside: str | None) -> LoadedTable:
    facts, converted = piece.facts, piece.converted
    ignored = Counter(facts.ignored) + Counter(converted.ignored)
    return LoadedTable(
        piece.name,
        0 if set_aside else converted.rows,
        0 if set_aside else converted.rejected,
        set_aside,
        facts.heading_line or None,
        facts.bound,
        dict(sorted(ignored.items())),
        [_as_texts(total) for total in facts.control_totals],
        [*facts.notes, *(f"{column}: {how}" for column, how in facts.dialects.items() if "no value" not in how)],
    )


def _as_texts(total: ControlTotal) -> dict[str, str]:
    return {"line": str(total.line), "column": total.column, "said": str(total.said), "summed": str(total.summed)}
