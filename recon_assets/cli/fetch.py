"""`recon fetch`: run a connector into the landing zone. Heavy imports wait for the command."""

import click

from recon_assets.home import prepare_home
from recon_assets.months import parse_month
from recon_assets.settings import load_settings


@click.group()
def fetch() -> None:
    """Fetch files from a service into the landing zone."""


@fetch.command()
@click.option("--invoice-id", "invoice_ids", multiple=True, help="As Partner Center shows it, G012345678; repeatable.")
@click.option(
    "--month", help="YYYY-MM; without it the invoice's own billing period, without an invoice all of the month."
)
def usage(invoice_ids: tuple[str, ...], month: str | None) -> None:
    """Billed Azure usage of invoices, from Microsoft Graph (RECON_GRAPH_* settings)."""
    from recon_assets.connectors.partner_center import open_partner_center

    if not invoice_ids and not month:
        raise click.UsageError("Give --invoice-id, or --month for every invoice of a month.")
    month = parse_month(month) if month else None
    settings = load_settings()
    prepare_home(settings)
    with open_partner_center(settings) as partner_center:
        if month:
            fetched = partner_center.fetch_month(month, list(invoice_ids))
            invoices, without = fetched.invoices, fetched.without_usage
        else:
            invoices, without = [partner_center.downloader.fetch(invoice_id) for invoice_id in invoice_ids], []
    for invoice in invoices:
        size = sum(invoice.files.values())
        done = "stored" if invoice.outcome == "stored" else "unchanged, nothing downloaded"
        click.echo(f"{invoice.invoice_id} ({invoice.month}): {len(invoice.files)} files, {size:,} bytes, {done}.")
        click.echo(f"  {invoice.folder}")
    for invoice_id in without:
        click.echo(f"{invoice_id}: Microsoft has no usage of this invoice.")


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
