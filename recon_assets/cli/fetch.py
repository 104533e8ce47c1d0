"""`recon fetch`: run a connector into the landing zone. Heavy imports wait for the command."""

from typing import TYPE_CHECKING, Literal

import click

from recon_assets.errors import ReconError
from recon_assets.home import prepare_home
from recon_assets.months import parse_month
from recon_assets.settings import load_settings
from recon_assets.visible import visible

if TYPE_CHECKING:
    from recon_assets.connectors.partner_center import FetchedExport, UnbilledPeriod


@click.group()
def fetch() -> None:
    """Fetch files from a service into the landing zone."""


_INVOICES = click.option(
    "--invoice-id", "invoice_ids", multiple=True, help="As Partner Center shows it, G012345678; repeatable."
)
_MONTH = click.option(
    "--month", help="YYYY-MM; without it the invoice's own billing period, without an invoice all of the month."
)


_UNBILLED = click.option(
    "--unbilled", type=click.Choice(["current", "last"]), help="The lines that no invoice has yet, of this period."
)
_CURRENCY = click.option(
    "--currency", metavar="CODE", help="With --unbilled: the currency in which Microsoft bills, such as EUR."
)


@fetch.command()
@_INVOICES
@_MONTH
@_UNBILLED
@_CURRENCY
def usage(
    invoice_ids: tuple[str, ...], month: str | None, unbilled: "UnbilledPeriod | None", currency: str | None
) -> None:
    """Azure usage of invoices, or not billed yet, from Microsoft Graph (RECON_GRAPH_* settings)."""
    _fetch_lines("usage", invoice_ids, month, unbilled, currency)


@fetch.command()
@_INVOICES
@_MONTH
@_UNBILLED
@_CURRENCY
def reconciliation(
    invoice_ids: tuple[str, ...], month: str | None, unbilled: "UnbilledPeriod | None", currency: str | None
) -> None:
    """Reconciliation lines of new commerce, of invoices or not billed yet, from Microsoft Graph."""
    _fetch_lines("reconciliation", invoice_ids, month, unbilled, currency)


def _fetch_lines(
    kind: Literal["usage", "reconciliation"],
    invoice_ids: tuple[str, ...],
    month: str | None,
    unbilled: "UnbilledPeriod | None",
    currency: str | None,
) -> None:
    if unbilled is None:
        if currency:
            raise click.UsageError("--currency belongs to --unbilled; an invoice has its own.")
        _fetch_invoices(kind, invoice_ids, month)
        return
    if invoice_ids or month:
        raise click.UsageError("--unbilled names its period; leave out --invoice-id and --month.")
    if not currency:
        raise click.UsageError("Give --currency with --unbilled: Microsoft exports one currency at a time.")
    from recon_assets.connectors.partner_center import open_partner_center

    settings = load_settings()
    prepare_home(settings)
    with open_partner_center(settings) as partner_center:
        downloader = partner_center.unbilled_usage if kind == "usage" else partner_center.unbilled
        _show(partner_center.fetch_unbilled(downloader, unbilled, currency))


def _fetch_invoices(kind: Literal["usage", "reconciliation"], invoice_ids: tuple[str, ...], month: str | None) -> None:
    from recon_assets.connectors.partner_center import open_partner_center

    if not invoice_ids and not month:
        raise click.UsageError("Give --invoice-id, or --month for every invoice of a month.")
    month = parse_month(month) if month else None
    settings = load_settings()
    prepare_home(settings)
    with open_partner_center(settings) as partner_center:
        downloader = partner_center.usage if kind == "usage" else partner_center.reconciliation
        if month:
            fetched = partner_center.fetch_month(downloader, month, list(invoice_ids))
            exports, without = fetched.exports, fetched.without_lines
        else:
            exports, without = [downloader.fetch(invoice_id) for invoice_id in invoice_ids], []
    for export in exports:
        _show(export)
    for invoice_id in without:
        click.echo(f"{invoice_id}: Microsoft has no {downloader.what} of this invoice.")


def _show(export: "FetchedExport") -> None:
    size = sum(export.files.values())
    done = "stored" if export.outcome == "stored" else "unchanged, nothing downloaded"
    click.echo(f"{export.item} ({export.month}): {len(export.files)} files, {size:,} bytes, {done}.")
    click.echo(f"  {export.folder}")


@fetch.command()
def bss() -> None:
    """Invoices of the billing platform that were updated since the last fetch (RECON_BSS_* settings)."""
    from recon_assets.connectors.bss import open_bss

    settings = load_settings()
    prepare_home(settings)
    with open_bss(settings) as downloader:
        fetched = downloader.fetch()
    for month, count in fetched.invoices.items():
        click.echo(f"{month}: {count} new or changed invoices.")
    if not fetched.invoices:
        click.echo("No invoice is new or changed.")
    if fetched.watermark:
        click.echo(f"Complete up to {fetched.watermark.isoformat()}.")


@fetch.command()
def sharepoint() -> None:
    """Mirror a SharePoint or OneDrive folder (RECON_SHAREPOINT_* settings, with the app of RECON_GRAPH_*)."""
    from recon_assets.connectors.sharepoint import open_sharepoint

    settings = load_settings()
    prepare_home(settings)
    with open_sharepoint(settings) as folder:
        fetched = folder.fetch()
    if fetched.began_anew:
        click.echo("Microsoft Graph did not know the last look any more: the whole folder was listed again.")
    for word, paths in (("new", fetched.new), ("changed", fetched.changed), ("removed", fetched.removed)):
        for path in paths:
            click.echo(f"{word}: {visible(path)}")
    for before, now in fetched.renamed.items():
        click.echo(f"renamed: {visible(before)} is {visible(now)} now")
    for path, why in fetched.left_out.items():
        click.echo(f"left out: {visible(path)}: {why}")
    click.echo(
        f"{len(fetched.new)} new, {len(fetched.changed)} changed, {len(fetched.renamed)} renamed, "
        f"{len(fetched.removed)} removed, {fetched.unchanged} unchanged."
    )
    if fetched.failed:
        told = "; ".join(f"{visible(path)}: {why}" for path, why in fetched.failed.items())
        raise ReconError(f"{len(fetched.failed)} files did not land. {told}.")
