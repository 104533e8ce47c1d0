"""Downloads as assets: fetch a month's files into the landing zone. Loading them belongs to `raw.py`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from recon_assets.defs.resources import PlatformResource
from recon_assets.errors import InputError, ReconError
from recon_assets.home import prepare_home
from recon_assets.settings import Settings

if TYPE_CHECKING:
    from recon_assets.connectors.bss import FetchedInvoices
    from recon_assets.connectors.partner_center import FetchedMonth
    from recon_assets.connectors.sharepoint import FetchedFolder

BSS_DOWNLOAD = dg.AssetKey(["landing", "bss_invoices_download"])
USAGE_DOWNLOAD = dg.AssetKey(["landing", "azure_invoice_usage_download"])
RECONCILIATION_DOWNLOAD = dg.AssetKey(["landing", "ms_reconciliation_download"])
SHAREPOINT_DOWNLOAD = dg.AssetKey(["landing", "sharepoint_download"])


class InvoiceDownloadConfig(dg.Config):
    """Which invoices to fetch; empty: every invoice of the month that Partner Center lists."""

    invoice_ids: list[str] = Field(default_factory=list, description="Invoice ids, as Partner Center shows them.")


@contextmanager
def _fetching(platform: PlatformResource) -> Iterator[Settings]:
    """Settings of a home that is prepared; what goes wrong fails the run, which is tried again where that may help."""
    settings = platform.get().settings
    prepare_home(settings)
    try:
        yield settings
    except ReconError as error:
        raise dg.Failure(str(error), allow_retries=not isinstance(error, InputError)) from None


def usage_download_asset(partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:  # type: ignore[type-arg]
    return _invoice_download_asset(USAGE_DOWNLOAD, "Billed Azure usage", "usage", partitions)


def reconciliation_download_asset(partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:  # type: ignore[type-arg]
    return _invoice_download_asset(
        RECONCILIATION_DOWNLOAD, "Reconciliation lines of new commerce", "subscriptions", partitions
    )


def _invoice_download_asset(
    key: dg.AssetKey,
    what: str,
    subject: str,
    partitions: dg.PartitionsDefinition,  # type: ignore[type-arg]
) -> dg.AssetsDefinition:
    @dg.asset(
        key=key,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.multi_run(1),
        group_name="landing",
        description=f"{what} of the month's invoices, from Microsoft Graph (RECON_GRAPH_* settings), stored as they "
        "came, with their manifests. What is there and unchanged is not downloaded again.",
        owners=["team:finops"],
        kinds={"azure"},
        tags={"subject": subject},
    )
    def invoice_download(
        context: dg.AssetExecutionContext, config: InvoiceDownloadConfig, platform: PlatformResource
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]
        # Connectors take a second to import (httpx, azure-identity): only who downloads pays for it.
        from recon_assets.connectors.partner_center import open_partner_center

        with _fetching(platform) as settings, open_partner_center(settings) as partner_center:
            downloader = partner_center.usage if key == USAGE_DOWNLOAD else partner_center.reconciliation
            fetched = partner_center.fetch_month(downloader, context.partition_key, config.invoice_ids)
        return dg.MaterializeResult(metadata=download_metadata(fetched))

    return invoice_download


def bss_download_asset() -> dg.AssetsDefinition:
    @dg.asset(
        key=BSS_DOWNLOAD,
        group_name="landing",
        description="Invoices of the BSS that were updated since the last fetch, from its API (RECON_BSS_* settings), "
        "stored in the months of their dates. Not by month: one fetch brings late changes of any month.",
        owners=["team:finops"],
        kinds={"json"},
        tags={"subject": "subscriptions"},
    )
    def bss_invoices_download(platform: PlatformResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
        from recon_assets.connectors.bss import open_bss

        with _fetching(platform) as settings, open_bss(settings) as downloader:
            fetched = downloader.fetch()
        return dg.MaterializeResult(metadata=bss_metadata(fetched))

    return bss_invoices_download


def sharepoint_download_asset() -> dg.AssetsDefinition:
    @dg.asset(
        key=SHAREPOINT_DOWNLOAD,
        group_name="landing",
        description="A SharePoint or OneDrive folder mirrored into the landing zone (RECON_SHAREPOINT_* settings): "
        "what is new, changed, renamed or gone since the last look. Of no subject and no month: it holds any files.",
        owners=["team:finops"],
        kinds={"sharepoint"},
    )
    def sharepoint_download(platform: PlatformResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
        from recon_assets.connectors.sharepoint import open_sharepoint

        with _fetching(platform) as settings, open_sharepoint(settings) as folder:
            fetched = folder.fetch()
        if fetched.failed:
            told = "; ".join(f"{path}: {why}" for path, why in fetched.failed.items())
            raise dg.Failure(
                f"{len(fetched.failed)} files did not land. {told}.", metadata=sharepoint_metadata(fetched)
            )
        return dg.MaterializeResult(metadata=sharepoint_metadata(fetched))

    return sharepoint_download


def sharepoint_metadata(fetched: "FetchedFolder") -> Mapping[str, Any]:
    """What a look at the folder did, by paths of the landing zone."""
    return {
        "unchanged": fetched.unchanged,
        "new": dg.MetadataValue.json(fetched.new),
        "changed": dg.MetadataValue.json(fetched.changed),
        "renamed": dg.MetadataValue.json(fetched.renamed),
        "removed": dg.MetadataValue.json(fetched.removed),
        "left_out": dg.MetadataValue.json(fetched.left_out),
    }


def bss_metadata(fetched: "FetchedInvoices") -> Mapping[str, Any]:
    """Invoices by month, files, and how far the landing zone is complete."""
    return {
        "invoices": sum(fetched.invoices.values()),
        "invoices_by_month": dg.MetadataValue.json(dict(fetched.invoices)),
        "files": dg.MetadataValue.json(fetched.files),
        "complete_up_to": fetched.watermark.isoformat() if fetched.watermark else "no invoice yet",
    }


def download_metadata(fetched: "FetchedMonth") -> Mapping[str, Any]:
    """Invoices, files, bytes and versions. Nothing of a manifest but its eTag: no address, no token."""
    files = [f"{export.folder}/{name}" for export in fetched.exports for name in export.files]
    return {
        "invoices": len(fetched.exports),
        "new_versions": sum(export.outcome == "stored" for export in fetched.exports),
        "bytes": sum(sum(export.files.values()) for export in fetched.exports),
        "files": dg.MetadataValue.json(files),
        "versions": dg.MetadataValue.json({export.item: export.etag for export in fetched.exports}),
        "invoices_without_lines": dg.MetadataValue.json(fetched.without_lines),
    }
