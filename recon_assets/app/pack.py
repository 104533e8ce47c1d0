"""A month to sign off, as one zip: what was found, what is open, from which files, with which settings.

`pack.json` names every member with its hash, the publication, and a digest of the month's rows of every mart: so a
pack tells later whether it is whole and still what is published. Nothing in it is secret.
"""

import csv
import datetime as dt
import hashlib
import io
import json
import tempfile
import zipfile
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from recon_assets.app import queries
from recon_assets.app.address import Address
from recon_assets.app.format import tone
from recon_assets.app.pages import Site, marked
from recon_assets.app.printing import MOST_ROWS, render_print
from recon_assets.app.screens import Context, Screen
from recon_assets.app.workbook import write_workbook
from recon_assets.catalogue import SOURCES, source_windows
from recon_assets.errors import InputError
from recon_assets.export import SHEET_ROWS
from recon_assets.lakehouse.log import Publication
from recon_assets.lakehouse.raw import LoadedFile, RawStore
from recon_assets.landing.discovery import discover
from recon_assets.landing.store import FileStore
from recon_assets.months import add_months, first_day
from recon_assets.pipeline.marts import CHANGES, marts_of, published_marts
from recon_assets.pipeline.project import rules
from recon_assets.query import plain_text
from recon_assets.sources.version import content_hash_of
from recon_assets.storage import landing_store

_FORMAT = 1
_INDEX = "pack.json"
_LANDED = "landed_files.csv"
_PACKAGES = ("recon_assets", "duckdb", "dbt-core", "dbt-duckdb", "deltalake")
_AGREES = ("good", "info")


@dataclass(frozen=True)
class Verdict:
    """What became of a pack: `faults` of the file itself, marts whose published rows are others now, and the month.

    `changed` are landed files that are others now, `gone` those that are not there any more, of `landed` with a hash.
    They are no part of whether the pack holds: what is published was made of the files that were there.
    """

    month: str
    subject: str
    faults: list[str]
    differing: list[str]
    published: str  # when and by which run what is published now was published
    landed: int
    changed: list[str]
    gone: list[str]

    @property
    def holds(self) -> bool:
        return not self.faults and not self.differing


def write_pack(site: Site, subject: str, month: str, who: str, out: Path) -> None:
    """Write the pack of a published month to `out`; InputError when it is not published."""
    context, publication = _look(site, subject, month)
    members: dict[str, dict[str, Any]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="recon-pack-") as folder,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as pack,
    ):
        for path in _make(site, context, month, Path(folder)):
            members[path.name] = {"bytes": path.stat().st_size, "sha256": _hash_of(path)}
            pack.write(path, path.name)
        index = _index(site, context, publication, who) | {"members": members}
        pack.writestr(_INDEX, json.dumps(index, indent=2, ensure_ascii=False))


def _look(site: Site, subject: str, month: str) -> tuple[Context, Publication]:
    screen = next((screen for screen in site.reconciliations if screen.reconciliation == subject), None)
    if screen is None:
        raise InputError(f"'{subject[:40]}' is no reconciliation that is shown here.")
    context = site.context(screen, Address((month, month)).search)
    publication = context.published.current.get((month, subject))
    if publication is None:
        raise InputError(f"{month} of {subject} is not published.")
    return context, publication


def _make(site: Site, context: Context, month: str, folder: Path) -> list[Path]:
    """The members, as files in `folder`."""
    screen = context.screen
    table = screen.tables[-1]
    count = sum(row["row_count"] for row in context.rows(queries.totals(table, context.restriction(table))))
    made = [
        _csv(folder / "open_items.csv", context, _open_items(context)),
        _csv(folder / "statement.csv", context, _statement(screen, month)),
        _csv(folder / "files.csv", context, _of_month("intake_files", screen, month)),
        _csv(folder / "rejected_records.csv", context, _of_month("quarantined_rows", screen, month)),
        _csv(folder / "month_status.csv", context, _of_month("month_status", screen, month)),
        _issues(site, screen, month, folder / "issues.csv"),
        _decisions(site, screen, month, folder / "decisions.csv"),
        _landed(site, screen, month, folder / _LANDED),
    ]
    if count <= SHEET_ROWS:
        write_workbook(context, table, folder / "workbook.xlsx")
        made.append(folder / "workbook.xlsx")
    if count <= MOST_ROWS:
        marks = partial(marked, site, context, table)
        (folder / "print.html").write_text(render_print(context, table, marks), encoding="utf-8")
        made.append(folder / "print.html")
    if count > SHEET_ROWS:
        columns = tuple(column.name for column in published_marts()[table.mart].columns)
        query = queries.everything(table, context.restriction(table), None, columns)
        made.append(_csv(folder / "rows.csv", context, query))
    return made


def _open_items(context: Context) -> queries.Query:
    """Every column of the rows that do not agree."""
    screen = context.screen
    table = screen.tables[-1]
    totals = context.rows(queries.totals(table, context.restriction(table)))
    statuses = sorted({row["status"] for row in totals if tone(row["status"]) not in _AGREES})
    listed = ", ".join("?" * len(statuses)) or "null"
    sql, values = queries.listing(table, context.restriction(table), None, ["*"])
    head, order = sql.split(" order by ", 1)
    return f"{head} and {table.status} in ({listed}) order by {order}", [*values, *statuses]


def _statement(screen: Screen, month: str) -> queries.Query:
    if screen.reconciliation == "usage":
        return (
            "select * from marts.invoice_bridge where billing_month = ? "
            "order by comparison, invoice_number, currency, position, step",
            [first_day(month)],
        )
    sql, values = _of_month("reconciliation_waterfall", screen, month)
    return f"{sql} , register_type nulls first, currency, position, step", values


def _of_month(mart: str, screen: Screen, month: str) -> queries.Query:
    return (
        f"select * from marts.{mart} where billing_month = ? and reconciliation = ? order by reconciliation",
        [first_day(month), screen.reconciliation],
    )


def _csv(path: Path, context: Context, query: queries.Query) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        batches = context.reader.stream(context.moment, query)
        writer.writerow(next(batches))
        for batch in batches:
            writer.writerows([[plain_text(value) for value in row] for row in batch])
    return path


def _issues(site: Site, screen: Screen, month: str, path: Path) -> Path:
    """Issues of the month with who said what and when."""
    found, _ = site.issues.find(None, reconciliation=screen.reconciliation, billing_month=first_day(month))  # type: ignore[arg-type]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["issue", "reconciliation_key", "about", "title", "status", "who", "at", "what", "from", "to"])
    for issue in found:
        about = issue.about
        history = sorted(site.issues.history(issue.issue_id), key=lambda entry: (entry.at, entry.field == "comment"))
        for entry in history:
            said = [entry.who, plain_text(entry.at), entry.field, entry.value_from or "", entry.value_to or ""]
            writer.writerow([issue.issue_id, about.reconciliation_key, about.subject, issue.title, issue.status, *said])
    path.write_bytes(out.getvalue().encode("utf-8"))
    return path


def _decisions(site: Site, screen: Screen, month: str, path: Path) -> Path:
    """Every decision ever made about rows of the month, with who made it and when, and the row as it was."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    head = ["decision", "reconciliation_key", "other_key", "action", "until", "reason", "who", "at", "status_then"]
    writer.writerow([*head, "difference_then", "currency", "needs_approval", "chosen_by"])
    for made in site.decisions.history(screen.reconciliation, month):
        row = made.row
        said = [made.decision_id, row.key, made.other_key, made.action, made.until, made.reason, made.by, made.at]
        then = [row.status, row.difference, row.currency, made.needs_approval, made.chosen_by]
        writer.writerow([plain_text(value) for value in (*said, *then)])
    path.write_bytes(out.getvalue().encode("utf-8"))
    return path


def _landed(site: Site, screen: Screen, month: str, path: Path) -> Path:
    """The landed files of the month's whole window as they are loaded now, with hashes and what became of each."""
    raw, landing = RawStore(site.settings.raw), landing_store(site.settings)
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(["source", "month", "path", "bytes", "sha256", "rows", "rejected", "set_aside"])
        for window in source_windows(screen.reconciliation):
            for other in (add_months(month, offset) for offset in window.offsets):
                loaded = raw.read(window.source, other)
                hashes = _hashes(landing, window.source, other, loaded.files) if loaded else {}
                for file in loaded.files if loaded else []:
                    aside = f"repeats {file.duplicate_of}" if file.duplicate_of else file.set_aside or ""
                    place = [window.source, other, file.path, file.size, hashes.get(file.path, "")]
                    writer.writerow([*place, file.rows, file.quarantined, aside])
    return path


def _hashes(landing: FileStore, source: str, month: str, files: list[LoadedFile]) -> dict[str, str]:
    """SHA-256 by path: the load's, and of files that it set aside unread that of the landed file, where it is there."""
    found = {file.path: file.content_hash for file in files if file.content_hash}
    unread = {file.version for file in files if not file.content_hash}
    if not unread or not landing.exists():
        return found
    for file in discover(landing, source).get(month, []):
        if file.version in unread:
            with landing.open_local(file) as local:
                found[file.path] = content_hash_of(local)
    return found


def _index(site: Site, context: Context, publication: Publication, who: str) -> dict[str, Any]:
    closing = context.published.closings.get((publication.month, publication.reconciliation))
    return {
        "format": _FORMAT,
        "month": publication.month,
        "reconciliation": publication.reconciliation,
        "made_at": site.clock().isoformat(),
        "made_by": who,
        "published_at": publication.published_at.isoformat(),
        "run_id": publication.run_id,
        "closing": json.loads(json.dumps(closing.row(), default=str)) if closing else None,
        "settings": json.loads(json.dumps(site.settings.dbt_vars(), default=str)),
        "rules": rules(),
        "versions": {name: version(name) for name in _PACKAGES},
        "marts": _digests(context, publication),
    }


def _digests(context: Context, publication: Publication) -> dict[str, dict[str, Any]]:
    """Per mart how many rows the month has and a hash of them, without when and by which run they were published."""
    found = {}
    for mart in marts_of(publication.reconciliation):
        columns = [c.name for c in mart.columns if c.name not in ("published_at", "run_id")]
        own = " and reconciliation = ?" if mart.is_shared and mart.name != CHANGES.name else ""
        sql = f"select {', '.join(columns)} from marts.{mart.name} where billing_month = ?{own} order by all"
        values = [first_day(publication.month), *([publication.reconciliation] if own else [])]
        batches = context.reader.stream(context.moment, (sql, values))
        next(batches)
        digest, count = hashlib.sha256(), 0
        for batch in batches:
            for row in batch:
                digest.update(json.dumps([plain_text(value) for value in row]).encode("utf-8"))
                count += 1
        found[mart.name] = {"rows": count, "sha256": digest.hexdigest()}
    return found


def verify_pack(site: Site, path: Path) -> Verdict:
    """Whether a pack is whole, and whether the rows it is of are those that are published now."""
    index, faults = _read(path)
    month, subject = index["month"], index["reconciliation"]
    context, publication = _look(site, subject, month)
    now = _digests(context, publication)
    differing = sorted(name for name, digest in index["marts"].items() if now.get(name) != digest)
    published = f"{publication.published_at:%Y-%m-%d %H:%M:%S} UTC, run {publication.run_id}"
    hashes = _signed_hashes(path)
    changed, gone = _compared_files(landing_store(site.settings), hashes)
    return Verdict(month, subject, faults, differing, published, len(hashes), changed, gone)


def _signed_hashes(path: Path) -> dict[tuple[str, str], str]:
    """SHA-256 by source and path of the landed files that a pack names; none when it lacks the list."""
    try:
        with zipfile.ZipFile(path) as pack:
            text = pack.read(_LANDED).decode("utf-8")
        rows = csv.DictReader(io.StringIO(text, newline=""))
        return {(row["source"], row["path"]): row["sha256"] for row in rows if row["sha256"]}
    except (KeyError, UnicodeDecodeError, csv.Error):
        return {}  # the member is missing or was changed, which is a fault already


def _compared_files(landing: FileStore, hashes: dict[tuple[str, str], str]) -> tuple[list[str], list[str]]:
    """Paths of landed files that hold something else now, and of those that are gone."""
    changed, gone = [], []
    sources = sorted({source for source, _ in hashes} & SOURCES.keys()) if landing.exists() else []
    there = {(s, f.path): f for s in sources for files in discover(landing, s).values() for f in files}
    for place, signed in sorted(hashes.items()):
        file = there.get(place)
        if file is None:
            gone.append(place[1])
            continue
        with landing.open_local(file) as local:
            if content_hash_of(local) != signed:
                changed.append(place[1])
    return changed, gone


def _read(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The index of a pack, and members that are missing, added or changed; InputError for what is no pack."""
    try:
        with zipfile.ZipFile(path) as pack:
            index = json.loads(pack.read(_INDEX))
            members: dict[str, dict[str, Any]] = index["members"]
            names = {info.filename for info in pack.infolist()} - {_INDEX}
            faults = [f"{name} is missing" for name in sorted(members.keys() - names)]
            faults += [f"{name} was added" for name in sorted(names - members.keys())]
            for name in sorted(names & members.keys()):
                with pack.open(name) as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() != members[name]["sha256"]:  # type: ignore[arg-type]
                        faults.append(f"{name} was changed")
            if not {"month", "reconciliation", "marts"} <= index.keys():
                raise KeyError("month")
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = type(error).__name__
        raise InputError(f"{path} is no pack of a month, or it is damaged ({reason}). Export it again.") from error
    return index, faults


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pack_name(subject: str, month: str, made_at: dt.datetime) -> str:
    return f"{subject}_{month}_{made_at:%Y%m%dT%H%M%SZ}.zip"
