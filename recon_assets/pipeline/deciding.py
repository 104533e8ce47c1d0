"""Deciding about published rows: which rows may take which decision, and what is kept of them. spec/decisions.md."""

import csv
import datetime as dt
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from recon_assets.catalogue import SUBJECTS
from recon_assets.catalogue.decided import fingerprint_sql
from recon_assets.errors import FileProblem, InputError
from recon_assets.issues.decisions import (
    ACTIONS,
    MOST_AT_ONCE,
    PAIRINGS,
    Action,
    AlreadyDecided,
    DecidedRow,
    Decision,
    Standing,
    Wish,
    open_decisions,
    standing,
)
from recon_assets.lakehouse.views import require_reading
from recon_assets.months import first_day, month_of
from recon_assets.pipeline.marts import published_marts
from recon_assets.platform import Platform
from recon_assets.sources.intake.workbooks import read_workbook, workbook_kind
from recon_assets.sources.unpack import UnpackLimits

_DOCUMENTS = {
    "register_type": "register_type",
    "register_document_number": "register_document_number",
    "register_supplier_tin": "register_supplier_tin",
    "register_row_reference": "register_row_reference",
    "einvoice_uuid": "uuid",
    "einvoice_document_number": "einvoice_document_number",
    "einvoice_supplier_tin": "einvoice_supplier_tin",
}
_LISTED = tuple(action for action in ACTIONS if action != "approve")
_GROUPED = {"consolidated", "consolidated_lines"}
_NOT_PARTED = "A consolidated e-invoice and its rows are one pair, which is not taken apart."
_MOST_ABOVE = 30  # rows of a sheet above its heading
_NEEDED = ("reconciliation_key", "decision", "decision_reason")


@dataclass(frozen=True)
class PublishedRow:
    """A row as readers see it. `paired_by` is null for what is in no pair."""

    row: DecidedRow
    is_settled: bool
    at_stake: Decimal | None
    paired_by: str | None
    action: str | None
    reason: str | None
    decided_by: str | None
    decided_at: dt.datetime | None

    def has(self, side: str) -> bool:
        return self.row.documents.get(f"{side}_document_number") is not None


@dataclass(frozen=True)
class Choice:
    """What somebody says about a row: the action with its reason, and of `pending` the day until which it waits."""

    action: Action
    reason: str = ""
    until: dt.date | None = None
    other_key: str | None = None
    after: int | None = None  # the decision that they know of though the published row does not show it


def parse_day(text: str | None) -> dt.date | None:
    """The day of a text, YYYY-MM-DD; None of an empty one. InputError for anything else."""
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"'{text[:20]}' is no day. Write it as YYYY-MM-DD.") from error


def published_rows(
    platform: Platform, subject: str, month: str | None = None, keys: Sequence[str] | None = None, where: str = ""
) -> list[PublishedRow]:
    """Rows of the subject's decided mart: of a month, of these keys, or for which the SQL condition `where` is true."""
    decided, at_stake = SUBJECTS[subject].decided, SUBJECTS[subject].at_stake
    mart, compared = decided.mart, SUBJECTS[subject].marts[decided.mart]
    settled = ", ".join(f"'{status}'" for status in decided.settled)
    documents = [f"{sql} as {name}" for name, sql in _DOCUMENTS.items()] if decided.documents else []
    columns = [
        "billing_month", "reconciliation_key", f"{compared.status} as status", f"{compared.difference} as difference",
        f"{at_stake.currency} as currency", f"{fingerprint_sql(subject)} as fingerprint",
        f"{compared.status} in ({settled}) as is_settled", f"{at_stake.amount} as at_stake",
        "pass" if decided.documents else "null as pass", "decision", "decision_reason", "decided_by", "decided_at",
        *documents,
    ]  # fmt: skip
    conditions: list[str] = []
    values: list[Any] = []
    if month is not None:
        conditions.append("billing_month = ?")
        values.append(first_day(month))
    if keys is not None:
        conditions.append("reconciliation_key in (select unnest(?))")
        values.append(list(keys))
    if where:
        conditions.append(f"({where})")
    sql = f"select {', '.join(columns)} from marts.{mart}" + (
        f" where {' and '.join(conditions)}" if conditions else ""
    )
    with platform.published.connect([published_marts()[mart]]) as connection:
        try:
            require_reading(connection, sql)
            found = connection.execute(f"{sql} limit {MOST_AT_ONCE + 1}", values)
        except duckdb.Error as error:
            said = " ".join(str(error).partition("\n\nLINE ")[0].split())
            raise InputError(f"The condition cannot be used: {said}") from error
        names = [column[0] for column in found.description or []]
        return [_published_row(subject, dict(zip(names, row, strict=True))) for row in found.fetchall()]


def _published_row(subject: str, row: dict[str, Any]) -> PublishedRow:
    about = DecidedRow(
        subject,
        month_of(row["billing_month"]),
        row["reconciliation_key"],
        row["status"],
        row["difference"],
        row["currency"],
        row["fingerprint"],
        {name: row[name] for name in _DOCUMENTS if name in row},
    )
    return PublishedRow(
        about, row["is_settled"], row["at_stake"], row["pass"], row["decision"], row["decision_reason"],
        row["decided_by"], row["decided_at"] and row["decided_at"].astimezone(dt.UTC).replace(tzinfo=None),
    )  # fmt: skip


def decide(
    platform: Platform, subject: str, choices: dict[str, Choice], by: str, chosen_by: str | None = None
) -> list[int]:
    """Decide about the rows of these keys, about all of them or none; the numbers of the decisions.

    InputError when a row may not take the decision, AlreadyDecided when somebody else decided about one whose
    decision its published row does not show.
    """
    found = _by_key(published_rows(platform, subject, keys=[*choices, *_others(choices)]))
    store = open_decisions(platform.settings, platform.clock)
    newest = store.newest(subject, choices)
    closed = {month for month, name in platform.published.closed() if name == subject}
    stands: dict[tuple[str, str], Standing] = {}
    if any(choice.action == "clear" for choice in choices.values()):
        stands = standing(store.history(subject, key=next(iter(choices)) if len(choices) == 1 else None))
    wishes = []
    for key, choice in choices.items():
        known = newest.get(key)
        row = found.get(key) or _gone(key, choice, known)
        _require_known(row, choice, known, by)
        wish = _wish(platform, row, choice, found, known.decision_id if known else None)
        if choice.action == "clear":
            held = stands.get((subject, key))
            if held is None:
                raise InputError(f"Row {key[:12]} has no decision that could be taken back.")
            touches_pair = held.pair is not None or bool(held.unpairs)
        else:
            touches_pair = choice.action in PAIRINGS
        if choice.action == "approve":
            _require_second(known, by, key)
            wish = replace(wish, row=known.row) if known else wish
        if touches_pair:
            _require_open(found, key, choice, closed)
        wishes.append(wish)
    return store.decide(wishes, by, chosen_by)


def _others(choices: dict[str, Choice]) -> list[str]:
    return [choice.other_key for choice in choices.values() if choice.other_key]


def _by_key(rows: Iterable[PublishedRow]) -> dict[str, PublishedRow]:
    """The row of each key; a document that lies in two months is decided in the later one."""
    return {row.row.key: row for row in sorted(rows, key=lambda row: row.row.month)}


def _gone(key: str, choice: Choice, known: Decision | None) -> PublishedRow:
    """A decided row that is published no more can only be cleared."""
    if known is None or choice.action != "clear":
        raise InputError(f"No published row has the key {key}. Copy it from the column reconciliation_key.")
    return PublishedRow(known.row, False, None, None, known.action, known.reason, known.by, known.at)


def _require_known(row: PublishedRow, choice: Choice, known: Decision | None, by: str) -> None:
    """AlreadyDecided unless whoever decides sees the newest decision: in the row, as their own, or by its number."""
    if known is None or known.action == "clear" or known.by == by or choice.action == "approve":
        return
    is_shown = (row.decided_by, row.decided_at) == (known.by, known.at)
    if not is_shown and choice.after != known.decision_id:
        raise AlreadyDecided(
            f"Row {row.row.key[:12]} of {row.row.month} was decided meanwhile, by decision {known.decision_id}: "
            f"{known.text}. To decide after it, open the row again, or add --after {known.decision_id}."
        )


def _wish(
    platform: Platform, row: PublishedRow, choice: Choice, found: dict[str, PublishedRow], seen: int | None
) -> Wish:
    about = row.row
    if choice.action == "accept" and row.is_settled:
        raise InputError(f"Row {about.key[:12]} is {about.status}: there is nothing to accept.")
    if choice.action in PAIRINGS:
        about = _pair(row, found, choice) if choice.action == "pair" else _parted(row)
    limit = platform.settings.approval_above.get(about.currency or "")
    needs = choice.action in ("accept", "ignore") and limit is not None and abs(row.at_stake or Decimal(0)) > limit
    return Wish(about, choice.action, choice.reason, choice.until, choice.other_key, needs, seen)


def _pair(row: PublishedRow, found: dict[str, PublishedRow], choice: Choice) -> DecidedRow:
    """The row with the documents that belong together: its own of the register, the other row's e-invoice."""
    _require_documents(row)
    other = found.get(choice.other_key or "")
    if other is None:
        raise InputError(
            f"No published row has the key {choice.other_key}. Copy it from the column reconciliation_key."
        )
    if row.paired_by is not None and other.paired_by is not None:
        raise InputError("Both rows are pairs. Part one of them first: recon decide unpair.")
    if _GROUPED.intersection((row.paired_by, other.paired_by)):
        raise InputError(_NOT_PARTED)
    if not row.has("register") or not other.has("einvoice"):
        raise InputError("Name the row of the register document first, then that of the e-invoice.")
    if row.row.documents["register_type"] != other.row.documents["register_type"]:
        raise InputError("One row is of the sales and one of the purchase register; they cannot be a pair.")
    mine = {name: value for name, value in row.row.documents.items() if not name.startswith("einvoice_")}
    theirs = {name: value for name, value in other.row.documents.items() if name.startswith("einvoice_")}
    return replace(row.row, documents=mine | theirs)


def _parted(row: PublishedRow) -> DecidedRow:
    _require_documents(row)
    if row.paired_by is None:
        raise InputError(f"Row {row.row.key[:12]} is no pair: there is nothing to part.")
    if row.paired_by in _GROUPED:
        raise InputError(_NOT_PARTED)
    return row.row


def _require_documents(row: PublishedRow) -> None:
    if not row.row.documents:
        raise InputError(f"Rows of {row.row.reconciliation} are no pairs of documents; only e-invoices are.")


def _require_second(known: Decision | None, by: str, key: str) -> None:
    if known is None or not known.needs_approval:
        raise InputError(f"Row {key[:12]} has no decision that waits for approval.")
    if known.by == by:
        raise InputError(f"Decision {known.decision_id} is your own; a second person has to approve it.")


def _require_open(found: dict[str, PublishedRow], key: str, choice: Choice, closed: set[str]) -> None:
    months = {found[name].row.month for name in (key, choice.other_key or "") if name in found}
    for month in sorted(months & closed):
        raise InputError(f"{month} is closed: its pairs stay as they are. `recon reopen --month {month}` allows it.")


@dataclass(frozen=True)
class Line:
    """A line of a list of decisions, as it was filled in."""

    where: str
    action: str
    reason: str
    until: str
    other_key: str | None


def read_list(path: Path, subject: str | None) -> tuple[str, dict[str, Line]]:
    """The filled lines of a CSV or workbook as the export gives it: reconciliation, and lines by key; InputError names
    the place.

    A line decides when its `decision` is filled: accept, ignore, pending (with `decision_until`), clear, pair (with
    `other_key`) or unpair.
    """
    kind = workbook_kind(path)
    lines: dict[str, Line] = {}
    for where, row in _csv_rows(path) if kind is None else _sheet_rows(path, kind):
        key = row["reconciliation_key"].strip()
        if not row["decision"].strip():
            continue
        subject = _subject_of(row, subject, where)
        if key in lines:
            raise InputError(f"{where}, column reconciliation_key: {key[:12]} is decided twice.")
        lines[key] = Line(
            where, row["decision"].strip().lower(), row["decision_reason"].strip(),
            (row.get("decision_until") or "").strip(), (row.get("other_key") or "").strip() or None,
        )  # fmt: skip
    if subject is None or not lines:
        raise InputError(f"{path} decides nothing: the column decision is empty in every line.")
    return subject, lines


def _csv_rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Each line's place and texts by heading."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as UTF-8 text. Save it as CSV UTF-8.") from error
    heading = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=heading.count), restval="")
    lacking = [name for name in _NEEDED if name not in (reader.fieldnames or [])]
    if lacking:
        raise InputError(f"{path}, line 1: there is no column {lacking[0]}. Export the rows first, then fill it in.")
    for row in reader:
        yield f"{path}, line {reader.line_num}", row


def _sheet_rows(path: Path, kind: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Likewise of every sheet that has the columns of a decision, below whatever stands above its heading."""
    found = False
    try:
        sheets = read_workbook(path, path.name, kind, UnpackLimits())
    except FileProblem as problem:
        raise InputError(str(problem)) from problem
    for sheet in sheets:
        above = [[(text or "").strip() for text in row] for row in sheet.head(_MOST_ABOVE)]
        start = next((n for n, row in enumerate(above) if set(_NEEDED) <= set(row)), None)
        if start is None:
            continue
        found = True
        for n in range(start + 1, len(sheet)):
            row = dict(zip(above[start], ((text or "") for text in sheet.row(n)), strict=True))
            yield f"{path}, sheet {sheet.name}, row {sheet.lines[n]}", row
    if not found:
        raise InputError(
            f"{path}: no sheet has the columns {', '.join(_NEEDED)}. Export the rows first, then fill them in."
        )


def _subject_of(row: dict[str, str], subject: str | None, where: str) -> str:
    named = (row.get("reconciliation") or "").strip() or subject
    if named not in SUBJECTS:
        raise InputError(f"{where}: nothing says which reconciliation the row is of. Name it: --subject.")
    if subject not in (None, named):
        raise InputError(f"{where}, column reconciliation: {named}, where the lines before are of {subject}.")
    return named


def choices_of(platform: Platform, subject: str, lines: dict[str, Line]) -> dict[str, Choice]:
    """What the lines decide anew: a line that says what its published row shows already decides nothing."""
    shown = {
        key: (row.action, row.reason) for key, row in _by_key(published_rows(platform, subject, keys=[*lines])).items()
    }
    return {key: _choice(line) for key, line in lines.items() if shown.get(key) != (line.action, line.reason)}


def _choice(line: Line) -> Choice:
    if line.action not in _LISTED:
        raise InputError(f"{line.where}, column decision: '{line.action}' is none of {', '.join(_LISTED)}.")
    if (line.action == "pair") != (line.other_key is not None):
        raise InputError(
            f"{line.where}, column other_key: a pair needs the key of its other row, nothing else has one."
        )
    try:
        # A spreadsheet that takes the text for a day adds a time to it.
        until = parse_day(line.until.removesuffix(" 00:00:00").removesuffix("T00:00:00"))
    except InputError as error:
        raise InputError(f"{line.where}, column decision_until: {error}") from error
    return Choice(line.action, line.reason, until, line.other_key)  # type: ignore[arg-type]
