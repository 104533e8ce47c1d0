"""The console script `recon`: thin, the same code paths as the Dagster UI. Heavy imports wait for the command."""

import errno
import gc
import getpass
import os
import sys
from pathlib import Path
from typing import Any

import click
from click.utils import get_text_stream

from recon_assets.azure.urls import is_azure
from recon_assets.catalogue import SUBJECTS
from recon_assets.cli.decide import decide
from recon_assets.cli.fetch import fetch
from recon_assets.cli.inspect import inspect
from recon_assets.cli.issues import issues
from recon_assets.errors import InputError, ReconError
from recon_assets.home import prepare_home
from recon_assets.landing.unread import unread_files
from recon_assets.landing.writer import move_into_landing
from recon_assets.logs import log_to_stderr
from recon_assets.months import parse_month, parse_months
from recon_assets.pipeline.dbt_process import start_dbt
from recon_assets.pipeline.marts import published_marts
from recon_assets.pipeline.plan import landed_subjects
from recon_assets.settings import load_settings
from recon_assets.transport.redaction import redact
from recon_assets.visible import visible

# What an operating system refuses without any fault of ours: no rights, a read-only or a full disk.
_OF_THE_MACHINE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}
SUBJECT_CHOICE = click.Choice(list(SUBJECTS))


class _Group(click.Group):
    """Shows an error a person can act on without a traceback, with its exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ReconError as error:
            _show_error(str(error))
            ctx.exit(error.exit_code)
        except OSError as error:
            if error.errno not in _OF_THE_MACHINE:
                raise
            place = f"{error.filename}: " if error.filename else ""
            _show_error(
                f"{place}{error.strerror}. Grant this account access, or make room (`recon doctor` says where)."
            )
            ctx.exit(1)


def _show_error(text: str) -> None:
    click.echo(f"Error: {visible(redact(text))}", err=True)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="recon_assets")
def main() -> None:
    """Where invoices do not agree, why, and by how much."""

    # Importing Dagster and dbt makes a million objects that stay: looking through them again and again takes a fifth.
    gc.set_threshold(50_000, 20, 50)
    log_to_stderr("json" if os.environ.get("RECON_LOG_FORMAT") == "json" else "text")


main.add_command(decide)
main.add_command(fetch)
main.add_command(inspect)
main.add_command(issues)


@main.command()
@click.option("--months", required=True, help="2025-01..2025-06, or one month.")
@click.option("--seed", default=7, show_default=True, help="The same seed writes the same files.")
@click.option("--scale", default=1, show_default=True, help="Multiplies the number of plain subscriptions.")
def sample(months: str, seed: int, scale: int) -> None:
    """Write sample landing files with known discrepancies, and expected.json that names them."""
    from recon_assets.sample import write_sample

    settings = load_settings()
    prepare_home(settings)
    written = settings.home / "sample" / "landing" if is_azure(settings.landing_url) else settings.landing
    expected = write_sample(written, parse_months(months), seed, scale)
    where = str(settings.landing_url or written)
    if is_azure(settings.landing_url):
        move_into_landing(settings, written)
    planted = sum(len(subject["planted"]) for subject in expected.values() if isinstance(subject, dict))
    click.echo(f"Sample files of {len(expected['months'])} months are below {where}; {planted} rows are planted.")


@main.command()
@click.option("--months", required=True, help="2025-01..2025-03, or one month.")
@click.option("--subject", "subjects", type=SUBJECT_CHOICE, multiple=True, help="Default: all that anything landed of.")
def run(months: str, subjects: tuple[str, ...]) -> None:
    """Load, reconcile and publish months. Exit code 0 only if every selected month was published."""
    wanted = parse_months(months)
    settings = load_settings()
    start_dbt(settings.engine)  # it makes itself ready while Dagster is imported and months are loaded
    from recon_assets.cli.console import progress_display, show_outcome
    from recon_assets.pipeline.first_build import begin_first_build
    from recon_assets.platform import Platform

    platform = Platform.from_settings(settings)
    chosen = list(subjects or landed_subjects(platform.landing) or SUBJECTS)
    begun = begin_first_build(platform, chosen, wanted)
    with progress_display() as progress:
        from recon_assets.runner import run_months  # the line is shown while Dagster and dbt are imported

        outcome = run_months(platform, chosen, wanted, progress, begun)
    code = show_outcome(platform, outcome, chosen, wanted)
    gc.freeze()  # at its end Python would look through all objects once more
    sys.exit(code)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(as_json: bool) -> None:
    """Per month and reconciliation: what has landed, what is published, and how far it can be trusted."""
    from recon_assets.cli.console import show_status
    from recon_assets.platform import Platform
    from recon_assets.status import overview

    platform = Platform.from_settings()
    found = overview(platform)
    unread = [] if found.problems else unread_files(platform.landing)  # what cannot be listed is told there
    sys.exit(show_status(found, unread, as_json))


# A statement may begin with a comment, whose dashes are no option.
@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("sql")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.option("--as-of", help="Read the months as they were published at this time (ISO 8601; UTC unless it says).")
def query(sql: str, form: str, as_of: str | None) -> None:
    """Read-only SQL over the published marts (schema marts)."""
    from recon_assets.query import parse_instant, run_query

    instant = parse_instant(as_of) if as_of else None
    run_query(sql, form, instant, get_text_stream("stdout", encoding="utf-8"))


@main.command()
@click.option("--from", "first", required=True, help="First day, YYYY-MM-DD.")
@click.option("--to", "last", required=True, help="Last day, included; at most 12 months.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.option("--as-of", help="As for query.")
def period(first: str, last: str, form: str, as_of: str | None) -> None:
    """Subscriptions over days that are no month, from the published months: one verdict each."""
    from recon_assets.period import parse_period
    from recon_assets.query import parse_instant, run_period

    instant = parse_instant(as_of) if as_of else None
    missing = run_period(parse_period(first, last), form, instant, get_text_stream("stdout", encoding="utf-8"))
    if missing:
        click.echo(f"Not published, and not in these figures: {', '.join(missing)}.", err=True)


@main.command()
@click.argument("form", metavar="FORMAT", type=click.Choice(["csv", "duckdb", "pack", "parquet", "xlsx"]))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="File (duckdb, pack, xlsx) or folder (csv, parquet).",
)
@click.option("--months", help="Default: all published months; of a pack the month.")
@click.option("--subject", type=SUBJECT_CHOICE, help="Of a pack.")
@click.option("--as-of", help="As for query; not for a pack, which is of what is published now.")
def export(form: str, out: Path, months: str | None, subject: str | None, as_of: str | None) -> None:
    """A consistent copy of the published marts for tools that cannot read Delta, or a month to sign off."""
    if form == "pack":
        _export_pack(out, months, subject, as_of)
        return
    if subject is not None:
        raise InputError("--subject is of a pack; other exports hold every subject.")
    from recon_assets.export import export_marts
    from recon_assets.query import parse_instant

    chosen = parse_months(months) if months else None
    written = export_marts(form, out, chosen, parse_instant(as_of) if as_of else None)
    click.echo(f"Wrote {', '.join(f'{name}: {rows} rows' for name, rows in written.items())} to {out}.")


def _export_pack(out: Path, month: str | None, subject: str | None, as_of: str | None) -> None:
    from recon_assets.app.pack import write_pack
    from recon_assets.app.server import site_of_settings

    if not month or not subject or as_of:
        raise InputError("A pack is of one month and subject as they are published: give --months and --subject alone.")
    if out.exists():
        raise InputError(f"{out} exists already. Name another place, or remove it.")
    write_pack(site_of_settings(), subject, parse_month(month), getpass.getuser(), out)
    click.echo(f"Wrote the pack of {subject} {month} to {out}.")


@main.group()
def verify() -> None:
    """Whether what was handed out still holds."""


@verify.command("pack")
@click.argument("file", type=click.Path(path_type=Path))
def verify_pack_file(file: Path) -> None:
    """Whether a pack is whole and its rows are those that are published now; exit 1 when not.

    The landed files that it names are hashed again, too: those that changed or are gone are named.
    """
    from recon_assets.app.pack import verify_pack
    from recon_assets.app.server import site_of_settings

    verdict = verify_pack(site_of_settings(), file)
    for fault in verdict.faults:
        click.echo(f"The pack was changed: {visible(fault)}.")
    for mart in verdict.differing:
        click.echo(f"marts.{mart} of {verdict.month} has other rows now, published at {verdict.published}.")
    for path in verdict.changed:
        click.echo(f"{visible(path)} has changed since; a new run would read what it holds now.")
    for path in verdict.gone:
        click.echo(f"{visible(path)} is not in the landing zone any more.")
    same = verdict.landed - len(verdict.changed) - len(verdict.gone)
    click.echo(f"{same} of {verdict.landed} landed files are as they were.")
    if not verdict.holds:
        sys.exit(1)
    click.echo(f"The pack of {verdict.subject} {verdict.month} holds: whole, and what is published now.")


SUBJECTS_OPTION = click.option(
    "--subject", "subjects", type=SUBJECT_CHOICE, multiple=True, help="Default: all of the month."
)
BY_OPTION = click.option("--by", default=getpass.getuser, show_default="your user name", help="Who does it.")


@main.command()
@click.option("--month", required=True, help="A month that is published and final.")
@SUBJECTS_OPTION
@BY_OPTION
def close(month: str, subjects: tuple[str, ...], by: str) -> None:
    """Close a final month: what readers see of it stays until it is reopened."""
    from recon_assets.defs.closings import show_closings
    from recon_assets.pipeline.closing import close_month
    from recon_assets.platform import Platform

    platform = Platform.from_settings()
    closings = close_month(platform.published, parse_month(month), list(subjects), by, platform.clock)
    for closing in closings:
        click.echo(
            f"{closing.text}, as run {closing.run_id} published it at {closing.published_at:%Y-%m-%d %H:%M:%S} UTC."
        )
    show_closings(platform.settings, closings)


@main.command()
@click.option("--month", required=True, help="A month that is closed.")
@click.option("--reason", required=True, help="Why; kept in the audit log (marts.month_closings).")
@SUBJECTS_OPTION
@BY_OPTION
def reopen(month: str, reason: str, subjects: tuple[str, ...], by: str) -> None:
    """Let a closed month be published again by the next run."""
    from recon_assets.defs.closings import show_closings
    from recon_assets.pipeline.closing import reopen_month
    from recon_assets.platform import Platform

    platform = Platform.from_settings()
    closings = reopen_month(platform.published, parse_month(month), list(subjects), by, reason, platform.clock)
    for closing in closings:
        click.echo(f"{closing.month} {closing.reconciliation} is open again; `recon run` publishes it.")
    show_closings(platform.settings, closings)


@main.command()
@click.option("--keep-days", type=click.IntRange(0), help="Default: RECON_PUBLISHED_KEEP_DAYS.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed.")
def vacuum(keep_days: int | None, dry_run: bool) -> None:
    """Remove published files that nobody needs: not current, not closed, and replaced long ago."""
    from recon_assets.lakehouse.vacuum import vacuum as remove
    from recon_assets.platform import Platform

    platform = Platform.from_settings()
    days = platform.settings.published_keep_days if keep_days is None else keep_days
    done = remove(platform.published, published_marts().values(), days, platform.clock, dry_run)
    verb = "would be removed" if dry_run else "were removed"
    size = f"{done.bytes / 1e6:,.1f} MB"
    click.echo(f"{done.files} files ({size}) {verb}, and {len(done.forgotten)} replaced publications with them.")


@main.group()
def reject() -> None:
    """Rows that were not loaded."""


@reject.command("list")
@click.option("--months", help="Default: all loaded months.")
def reject_list(months: str | None) -> None:
    """Quarantined rows with file, row and reason."""
    from recon_assets.cli.console import show_rejected
    from recon_assets.platform import Platform

    show_rejected(Platform.from_settings(), parse_months(months) if months else None)


@main.command()
def doctor() -> None:
    """Check settings, storage and versions, and say what to do."""
    from recon_assets.cli.console import show_findings
    from recon_assets.doctor import examine

    sys.exit(show_findings(examine()))


@main.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Others need a reverse proxy (docs/operations.md)."
)
@click.option("--port", default=8050, show_default=True, type=click.IntRange(1, 65535))
def app(host: str, port: int) -> None:
    """The reporting app, on this machine's loopback address unless told otherwise."""
    from recon_assets.app.server import serve

    click.echo(f"The reporting app is at http://{host}:{port}; stop it with Ctrl+C.")
    serve(host, port)
