"""What the console script shows: progress, summaries and tables. Decides nothing."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from recon_assets.catalogue import SOURCES
from recon_assets.currencies import decimals
from recon_assets.errors import NotListed
from recon_assets.lakehouse.raw import LoadedTable
from recon_assets.landing.unread import Unread, unread_files
from recon_assets.pipeline.marts import published_marts
from recon_assets.platform import Platform
from recon_assets.rejected import rejected_rows, rejections
from recon_assets.status import MonthStatus, Overview
from recon_assets.visible import visible

if TYPE_CHECKING:
    from recon_assets.doctor import Finding
    from recon_assets.inspection import Report as FileReport
    from recon_assets.runner import Outcome
    from recon_assets.runner import Progress as Report

_WIDE = 220  # columns of a table that nobody's terminal bounds: output to a file or a pipe is not cut
_LEVELS = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "error": "[red]error[/]"}


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=_WIDE)


def cell(text: str) -> Text:
    """The text of a file as it is, be it in the shape of rich's markup."""
    return Text(visible(text))


@contextmanager
def progress_display() -> Iterator["Report"]:
    """A progress line on standard error; the function it yields moves it."""
    columns = (
        SpinnerColumn(),
        BarColumn(20),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as display:
        task = display.add_task("starting", total=None)

        def report(step: str, done: int, total: int) -> None:
            display.update(task, description=step, completed=done, total=total)

        yield report


def show_outcome(platform: Platform, outcome: "Outcome", subjects: list[str], months: list[str]) -> int:
    """The summary of what was published and the reasons for what was not; the exit code."""
    console = _console()
    for problem in dict.fromkeys(outcome.problems):
        console.print("[red]problem[/]", cell(problem), highlight=False)
    _show_rejected_rows(console, platform, subjects, months)
    _show_summary(console, platform, outcome)
    show_intake(console, platform, subjects, months)
    for (month, subject), publication in sorted(outcome.since.items()):
        text = (
            f"{month} {subject} was published again since, at {publication.published_at:%Y-%m-%d %H:%M:%S} UTC by run"
        )
        console.print(f"{text} {publication.run_id}: that is what readers see.", highlight=False)
    missing = [f"{s} {m}" for s in subjects for m in months if (m, s) not in outcome.published]
    published = len(outcome.published)
    console.print(f"{published} of {published + len(missing)} months were published.", highlight=False)
    if missing:
        console.print(f"Not published: {', '.join(missing)}. What was published before stays.", highlight=False)
    return 1 if missing else 0


def show_intake(console: Console, platform: Platform, subjects: list[str], months: list[str]) -> None:
    """What of the months' own files did not become rows, beside what was rejected: counts, and the first three."""
    aside: list[str] = []
    ignored: list[str] = []
    warned: list[str] = []
    rows = 0
    for source in (s for s in SOURCES.values() if s.subject in subjects):
        for loaded in filter(None, (platform.raw.read(source.name, month) for month in months)):
            aside += [f"{f.path} repeats {f.duplicate_of}" for f in loaded.files if f.duplicate_of]
            aside += [f"{f.path}: {f.set_aside}" for f in loaded.files if f.set_aside and not f.tables]
            aside += [f"{f.path}{t.name}: {t.set_aside}" for f in loaded.files for t in f.tables if t.set_aside]
            rows += sum(sum(f.ignored.values()) for f in loaded.files)
            ignored += [f"{f.path}: {_counts(f.ignored)}" for f in loaded.files if f.ignored]
            warned += [f"{f.path}: {text}" for f in loaded.files for text in f.warned]
    try:
        aside += [str(unread) for unread in unread_files(platform.landing)]
    except NotListed as error:
        aside.append(str(error))
    for title, found in (
        (f"ignored {rows:,} rows", ignored),
        (f"set aside {len(aside):,} files, sheets or members", aside),
        (f"warnings {len(warned):,}", warned),
    ):
        if found:
            console.print(f"[yellow]{title}[/]", highlight=False)
        for text in found[:3]:
            console.print(cell(f"  {text}"), highlight=False, soft_wrap=True)
    if max(len(aside), len(ignored), len(warned)) > 3:
        console.print("marts.intake_files tells them all.", highlight=False)


def _counts(kinds: dict[str, int]) -> str:
    return ", ".join(f"{kind} {count:,}" for kind, count in kinds.items())


def _show_rejected_rows(console: Console, platform: Platform, subjects: list[str], months: list[str]) -> None:
    for found in rejections(platform.raw, subjects, months):
        counts = ", ".join(f"{month}: {count:,}" for month, count in found.months.items())
        console.print(
            f"[yellow]rejected[/] {found.source}: {sum(found.months.values()):,} rows ({counts})", highlight=False
        )
        for row in found.first:
            console.print(cell(f"  {row}"), highlight=False, soft_wrap=True)


def _show_summary(console: Console, platform: Platform, outcome: "Outcome") -> None:
    if not outcome.published:
        return
    marts = [published_marts()[name] for name in ("reconciliation_summary", "month_status")]
    table = Table(title="Reconciliation summary")
    numeric = ("rows", "left", "right", "right - left")
    for name in ("month", "reconciliation", "window", "status", *numeric, "currency"):
        table.add_column(name, justify="right" if name in numeric else "left")
    with platform.published.connect(marts) as connection:
        rows = connection.execute(
            "select strftime(s.billing_month, '%Y-%m'), s.reconciliation, m.window_status, s.status, s.row_count, "
            "s.left_amount, s.right_amount, "
            "case when s.difference is not null then s.right_amount - s.left_amount end, s.currency "
            "from marts.reconciliation_summary s "
            "join marts.month_status m using (billing_month, reconciliation) order by 1, 2, 4, 9"
        ).fetchall()
    for row in rows:
        if (row[0], row[1]) in outcome.published:
            amounts = ("" if v is None else f"{v:,.{decimals(row[8])}f}" for v in row[5:8])
            texts = (*row[:4], f"{row[4]:,}", *amounts, row[8] or "")
            table.add_row(*map(cell, texts))
    table.caption = "right - left; the marts keep the signs of their rules (docs/bi.md)"
    console.print(table)


def show_status(found: Overview, unread: list[Unread], as_json: bool) -> int:
    """The table, or the months as JSON, and on standard error what could not be listed; the exit code."""
    for file in unread:
        Console(stderr=True, width=_WIDE).print("[yellow]not read[/]", cell(str(file)), highlight=False)
    if as_json:
        print(json.dumps([asdict(status) for status in found.months], indent=1))
    else:
        _show_months(found.months)
    for problem in found.problems:
        Console(stderr=True).print("[red]problem[/]", cell(problem), highlight=False, soft_wrap=True)
    return 1 if found.problems else 0


def _show_months(statuses: list[MonthStatus]) -> None:
    table = Table(
        "month", "reconciliation", "window", "published", "checks", "paired", "one-sided", "quarantined", "remarks"
    )
    for s in statuses:
        state = f"{s.published_window_status}, closed by {s.closed_by}" if s.closed_by else s.published_window_status
        published = f"{s.published_at[:19]} ({state})" if s.published_at else "not published"
        checks = f"{s.checks_passed} ok, {s.checks_failed} failed" if s.checks_passed is not None else ""
        remarks = [f"failed: {text}" for text in s.failed]
        remarks += [f"to load: {', '.join(s.not_loaded)}"] if s.not_loaded else []
        remarks += [f"loaded by an older reader: {', '.join(s.older_reader)}"] if s.older_reader else []
        remarks += [f"no longer there: {', '.join(s.gone)}"] if s.gone else []
        remarks += [f"missing: {', '.join(s.missing)}"] if s.missing else []
        remarks += [f"warning: {text}" for text in s.warned]
        counts = ["" if n is None else f"{n:,}" for n in (s.paired, s.one_sided, s.quarantined)]
        cells = (s.month, s.reconciliation, s.window_status, published, checks, *counts, "\n".join(remarks))
        table.add_row(*map(cell, cells))
    _console().print(table if statuses else "Nothing has landed and nothing is published yet. Try `recon sample`.")


def show_rejected(platform: Platform, months: list[str] | None) -> None:
    table = Table("source", "month", "file", "record", "row or line", "column", "value", "reason", show_lines=False)
    for source in SOURCES:
        for month in platform.raw.recorded_months(source):
            if months is None or month in months:
                for row in rejected_rows(platform.raw, source, month):
                    table.add_row(*("" if value is None else cell(str(value)) for value in row))
    _console().print(table if table.row_count else "No row was rejected.")


def show_findings(findings: "list[Finding]") -> int:
    console = _console()
    for finding in findings:
        text = cell(f"{finding.subject}: {finding.text}")
        console.print(_LEVELS[finding.level], text, highlight=False, soft_wrap=True)
    return 2 if any(finding.level == "error" for finding in findings) else 0


def show_report(report: "FileReport") -> None:
    """What `recon inspect` found out about one file."""
    console = _console()
    console.print(cell(f"{report.file}"), style="bold")
    month = f"month {report.month}" if report.month else "no month that could be told"
    taken = f"{report.source} ({report.why}), {month}" if report.source else "no source that could be told"
    console.print("  taken for", cell(taken), highlight=False)
    if report.landing_path:
        console.print("  belongs at", cell(report.landing_path), highlight=False)
    if report.profile:
        console.print("  read with the profile", cell(report.profile), highlight=False)
    for table in report.loaded.tables if report.loaded else ():
        _show_table(console, table, report.loaded.warnings if report.loaded else {})
    if report.loaded and report.loaded.extra_columns:
        console.print("  columns not read:", cell(", ".join(report.loaded.extra_columns)), highlight=False)
    for text in report.loaded.warned if report.loaded else ():
        console.print("  [yellow]warning[/]", cell(text), highlight=False, soft_wrap=True)
    if report.repeats:
        console.print("  [yellow]set aside[/]", cell(f"it repeats {report.repeats}"), highlight=False)
    _show_rows(console, "first rows as they will be loaded", report.rows)
    _show_rows(console, "first rejected rows", report.rejected)
    for problem in report.problems:
        console.print("  [red]not readable[/]", cell(problem), highlight=False, soft_wrap=True)


def _show_table(console: Console, table: LoadedTable, warnings: Mapping[str, int]) -> None:
    """What became of one table; what a warning tells is told there."""
    name = table.name or "the file"
    where = f", heading in row {table.heading_line}" if table.heading_line else ""
    text = table.set_aside or f"{table.rows} rows, {table.rejected} rejected{where}"
    console.print(" ", cell(f"{name}: {text}"), highlight=False)
    for column, heading in table.bound.items():
        console.print("     ", cell(f"{heading} -> {column}"), highlight=False)
    for kind, count in table.ignored.items():
        console.print("     ", cell(f"ignored as {kind}: {count}"), highlight=False)
    for total in table.control_totals:
        is_same = round(Decimal(total["said"]), 2) == round(Decimal(total["summed"]), 2)
        agrees = "agrees" if is_same else f"its rows add up to {total['summed']}"
        text = f"row {total['line']}, total of {total['column']}: {total['said']}, {agrees}"
        text += f" ({total['covers']})" if "covers" in total else ""
        console.print("     ", cell(text), highlight=False)
    for note in [note for note in table.notes if note.partition(": ")[0] not in warnings]:
        console.print("     ", cell(note), highlight=False)


def _show_rows(console: Console, title: str, rows: list[dict[str, Any]]) -> None:
    from recon_assets.inspection import shown_rows

    places, columns = shown_rows(rows)
    if columns:
        table = Table("column", *places, title=title)
        for name, values in columns:
            table.add_row(cell(name), *map(cell, values))
        console.print(table)
