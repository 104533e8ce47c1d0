"""What a declaration may say: the shape of sources and subjects. Data, not behaviour."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import ConfigDict

Kind = Literal["text", "decimal", "date", "timestamp", "integer"]
SqlType = Literal["varchar", "boolean", "integer", "timestamp", "date"]
Owner = Literal["subscription_id", "invoice_number", "meter_id", "comparison", "document_number", "supplier_tin"]
SQL_TYPES: dict[Kind, str] = {
    "text": "varchar",
    "decimal": "decimal(38, 12)",
    "date": "date",
    "timestamp": "timestamp",
    "integer": "integer",
}


class Declared:
    """What is read from a declaration: a word that it does not know is a mistake."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Column(Declared):
    """A column of a raw table.

    `heading` says whether a file must have it; `value` whether a row must: `needed` (there and convertible), `checked`
    (may be empty, else convertible), `usage` (`needed` of cost lines that are usage; of others it may be empty, and is
    0 then: spec/usage_cost_reconciliation.md, rule 11) or `optional` (null, with a warning, when it does not convert).
    A `derived` column is in no file: it is the normalised text of the column that stands as its alias.
    """

    name: str
    kind: Kind
    heading: Literal["required", "optional", "derived"]
    value: Literal["needed", "checked", "usage", "optional"]
    aliases: tuple[str, ...]
    description: str = field(default="", repr=False)


@dataclass(frozen=True)
class Fact(Declared):
    """A column made of text that a reader knows beside the records; `sql` converts it."""

    name: str
    sql_type: SqlType
    sql: str
    description: str


@dataclass(frozen=True)
class ContextColumn(Declared):
    """A column that has one value in all rows of a file."""

    name: str
    sql_type: SqlType
    description: str


@dataclass(frozen=True)
class ExtraTable(Declared):
    """A further table of a source beside its rows; `raw_table` is its name in schema `raw`."""

    name: str
    raw_table: str
    description: str
    columns: tuple[Fact, ...]


@dataclass(frozen=True)
class RowRule(Declared):
    """A rule over a whole row: rows for which the SQL `fails` holds (over declared columns) are rejected."""

    fails: str
    reason: str
    column: str  # the declared column the rejection names


@dataclass(frozen=True)
class FullKey(Declared):
    """What makes two rows of one file the same: SQL expressions over declared columns. Repeats are rejected."""

    expressions: tuple[str, ...] = ()
    reason: str = "repeats an earlier row of the file"
    column: str = ""  # the declared column the rejection names


@dataclass(frozen=True)
class Window(Declared):
    """Months of the source that a reconciled month is compared with, as offsets from it."""

    from_offset: int
    to_offset: int


@dataclass(frozen=True)
class Source(Declared):
    """One source of landed files: where they lie, how they are read, what their rows must fulfil.

    A variant is another set of headings for the same columns. `dated_by` is the date of a row, as SQL; it stands for
    `$date` in `row_warnings`, where `$month` is the first day of the folder's month.
    """

    name: str
    subject: str
    description: str
    # Where files land, and which months of them a build wants loaded (pipeline/plan.py).
    prefix: str  # folder below the landing root, with a trailing slash
    month_from: Literal["folder", "file_name", "manifest"]
    suffixes: tuple[str, ...]
    window: Window
    loads: Literal["all", "history", "window"]
    # How they are read.
    reader: Literal["delimited", "bss", "register", "einvoice", "usage", "invoices"]
    dialect: Literal["microsoft", "typed"]  # numbers and dates as Microsoft writes them, or as programs and people do
    columns: tuple[Column, ...]
    # What the UI shows of a load: raw column of the amount whose sums per currency, and of that currency.
    amount: str
    currency: str
    title: str = ""  # as people call it; its name where empty
    file_kind: str = ""  # part of the file name, for sources whose month is in the name
    subfolders: tuple[str, ...] = ()  # folders between the prefix and the month
    manifests: Literal["", "graph", "cost"] = ""  # whose manifests say which files count (landing/manifests.py)
    may_be_empty_file: bool = False  # a file of 0 bytes counts as present with 0 rows
    final_from: int | None = None  # first month that `final` asks for, where that is not the window's first
    stand_ins: dict[str, str] = field(default_factory=dict)  # required column -> the one read where a file lacks it
    missing_hint: str = ""  # what helps when a required column is missing
    dated_by: str = ""
    named_by: tuple[str, ...] = ()  # columns of which a record has one at least; else it is a total or a heading
    line: tuple[str, ...] = ()  # columns that say which line of which invoice a record is, whatever its values
    ordered: tuple[str, str] | None = None  # columns of which the first may not lie after the second
    compares: bool = False  # holds the compared fields: they get keys and are part of `repeats`
    keys: tuple[str, ...] = ()  # text columns beside which their normalised text stands as <name>_key
    repeats: FullKey = FullKey()
    owner: dict[Owner, str] = field(default_factory=dict)  # columns that say whose a rejected record is
    row_rules: tuple[RowRule, ...] = ()
    row_warnings: dict[str, str] = field(default_factory=dict)  # loaded, but counted per file: name -> SQL
    variants: dict[str, tuple[Column, ...]] = field(default_factory=dict)
    context: tuple[ContextColumn, ...] = ()
    example: dict[str, str] = field(default_factory=dict)  # a record by column, for whoever fills a template
    file_facts: tuple[Fact, ...] = ()  # columns of the table `files`: one row per file
    extra_tables: tuple[ExtraTable, ...] = ()


@dataclass(frozen=True)
class Side(Declared):
    title: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class ComparedMart(Declared):
    """A mart whose rows have a status and a difference, by their columns; publishing tells what changed in them.

    People are shown right less left (spec/bridge.md, 3); a mart keeps the sign of its rules.
    """

    status: str
    difference: str
    tells_changes: bool = True
    is_left_less_right: bool = False


@dataclass(frozen=True)
class AtStake(Declared):
    """The rows of a mart by what is at stake, as SQL: the amount, its currency, and what a person calls the row."""

    mart: str
    amount: str
    currency: str
    called: str


@dataclass(frozen=True)
class Decided(Declared):
    """The mart about whose rows people decide (spec/decisions.md).

    `settled` are the statuses that leave nothing to decide, `agreeing` those that a match rate counts
    (docs/decisions.md). `texts` and `amounts` are what a decision rests on beside status and difference: columns, whose
    change opens the row again. `documents`: the compared fields of either side too.
    """

    mart: str
    settled: tuple[str, ...]
    agreeing: tuple[str, ...]
    texts: tuple[str, ...] = ()
    amounts: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subject(Declared):
    """One reconciliation: its two sides, and what a month of it needs. Of each group in `required` one is enough."""

    name: str
    title: str
    lead: str
    left: Side
    right: Side
    required: tuple[tuple[str, ...], ...]
    marts: dict[str, ComparedMart]
    at_stake: AtStake
    decided: Decided
    shown: tuple[str, ...] = ()  # sources that are loaded and shown, on neither side: never built nor published
    settle_days: int = 0  # after its end until a month is final

    @property
    def compared(self) -> tuple[str, ...]:
        return (*self.left.sources, *self.right.sources)

    @property
    def sources(self) -> tuple[str, ...]:
        return (*self.compared, *self.shown)
