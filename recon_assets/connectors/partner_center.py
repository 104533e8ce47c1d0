"""Billed usage from Microsoft Graph into the landing zone: one invoice at a time, or all of a month.

    partner_center/billed_usage/<month>/<invoice>/<version>/<files as they came>
    partner_center/billed_usage/<month>/<invoice>/<version>/manifest.json    as it came, without its SAS token

A changed eTag is a new version beside the older one; readers take the newest (spec/usage_cost_reconciliation.md,
precise rule 2). Reading the files belongs to the source's reader.
"""

import datetime as dt
import gzip
import json
import logging
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from recon_assets.clock import Clock, utc_now
from recon_assets.connectors.graph import (
    BilledUsageApi,
    ExportFailed,
    ExportManifest,
    StoredManifest,
    require_invoice_id,
)
from recon_assets.connectors.identity import make_credential, token_source
from recon_assets.connectors.invoices import InvoiceApi
from recon_assets.connectors.settings import GraphSettings, load_graph_settings
from recon_assets.errors import InputError, ReconError
from recon_assets.landing.writer import MANIFEST, LandingWriter, landing_writer
from recon_assets.months import is_month, parse_month
from recon_assets.settings import Settings
from recon_assets.transport.downloads import BlobDownloads, SasRefused
from recon_assets.transport.http import Http, new_client
from recon_assets.transport.locks import only_one
from recon_assets.transport.redaction import Secrets
from recon_assets.transport.retry import RetryPolicy

logger = logging.getLogger(__name__)

PREFIX = "partner_center/billed_usage"


@dataclass(frozen=True)
class FetchedInvoice:
    """What there is of an invoice now. `outcome`: stored as a new version, or unchanged since it was stored."""

    invoice_id: str
    month: str
    folder: str
    etag: str
    files: Mapping[str, int]  # name -> bytes
    outcome: Literal["stored", "unchanged"]


@dataclass(frozen=True)
class FetchedMonth:
    month: str
    invoices: list[FetchedInvoice]
    without_usage: list[str]  # invoice ids that were looked up, and of which Microsoft has no usage


class UsageDownloader:
    """Fetches invoices; `scratch` is a local folder that outlives a killed run, so that the next one resumes."""

    def __init__(
        self, api: BilledUsageApi, http: Http, landing: LandingWriter, scratch: Path, parallelism: int
    ) -> None:
        self._api = api
        self._http = http
        self._landing = landing
        self._scratch = scratch
        self._parallelism = parallelism

    def fetch(self, invoice_id: str, month: str | None = None) -> FetchedInvoice:
        """Bring the landing zone up to date with an invoice's usage; `month` (YYYY-MM) is found out when not given.

        Raises InputError when the invoice, the month or a setting is wrong, ReconError when the service fails. What was
        stored before stays in any case.
        """
        require_invoice_id(invoice_id)
        month = parse_month(month) if month else None
        with only_one(self._scratch / f"{invoice_id}.lock", f"usage of {invoice_id}"):
            return self._fetch(invoice_id, month)

    def _fetch(self, invoice_id: str, month: str | None) -> FetchedInvoice:
        stalled_at: int | None = None
        while True:
            manifest = self._api.export(invoice_id)
            wanted = _agreed_month(invoice_id, month, manifest.month)
            stored = self._stored(invoice_id, wanted, manifest)
            if stored:
                return stored
            downloads = BlobDownloads(self._http, manifest.blob_url, self._scratch / invoice_id / manifest.content_key)
            try:
                files = downloads.fetch_all(manifest.blobs, self._parallelism)
            except SasRefused:
                held = downloads.held_bytes()
                if stalled_at == held:  # a fresh token was refused too
                    raise
                stalled_at = held
                logger.info("%s: the SAS token has run out after %d bytes; asking for a new export", invoice_id, held)
                continue
            return self._publish(invoice_id, wanted or _month_of_first_row(files), manifest, files)

    def _publish(
        self, invoice_id: str, month: str, manifest: ExportManifest, files: Mapping[str, Path]
    ) -> FetchedInvoice:
        folder = f"{PREFIX}/{month}/{invoice_id}/{manifest.version}"
        sizes = {name: path.stat().st_size for name, path in files.items()}
        self._landing.publish(folder, files, json.dumps(manifest.document, indent=2, ensure_ascii=False).encode())
        shutil.rmtree(self._scratch / invoice_id, ignore_errors=True)
        return FetchedInvoice(invoice_id, month, folder, manifest.etag, sizes, "stored")

    def _stored(self, invoice_id: str, month: str | None, manifest: ExportManifest) -> FetchedInvoice | None:
        """The stored version that readers take, when it is this one and complete; None when there is work to do.

        Looks in `month` or, when that is unknown, in any month. An older version with this eTag counts only when it is
        this very manifest: content that returns after a change has to become the newest again.
        """
        sizes = self._landing.list_sizes(f"{PREFIX}/{month}/{invoice_id}" if month else PREFIX)
        versions = sorted(self._versions(sizes, invoice_id))
        for index, (_, etag, folder) in enumerate(versions, start=1):
            files = {blob: sizes[f"{folder}/{blob}"] for blob in manifest.blobs if f"{folder}/{blob}" in sizes}
            taken = index == len(versions) or folder.endswith(f"/{manifest.version}")
            if taken and etag == manifest.etag and len(files) == len(manifest.blobs):
                stored_month = folder.removeprefix(f"{PREFIX}/").split("/")[0]
                return FetchedInvoice(invoice_id, stored_month, folder, manifest.etag, files, "unchanged")
        return None

    def _versions(self, paths: Iterable[str], invoice_id: str) -> Iterator[tuple[dt.datetime, str, str]]:
        """Stored versions of an invoice: when made, eTag, folder. A manifest that cannot be read is none."""
        for path in paths:
            folder, _, name = path.rpartition("/")
            parts = folder.removeprefix(f"{PREFIX}/").split("/")
            if name != MANIFEST or len(parts) < 2 or parts[1] != invoice_id or not is_month(parts[0]):
                continue
            try:
                stored = StoredManifest.model_validate_json(self._landing.read_bytes(path))
            except ValidationError:
                continue
            yield stored.created_date_time, stored.e_tag, folder


def _agreed_month(invoice_id: str, asked: str | None, named: str | None) -> str | None:
    if asked and named and asked != named:
        raise InputError(
            f"Invoice {invoice_id} holds the usage of {named}, says its manifest, not of {asked}. Ask for {named}, or "
            "leave the month out."
        )
    return asked or named


def _month_of_first_row(files: Mapping[str, Path]) -> str:
    """Month in which the charge period of the first usage line begins."""
    for path in files.values():
        with path.open("rb") as file, gzip.GzipFile(fileobj=file) as unpacked:
            line = (unpacked if path.name.endswith(".gz") else file).readline(1 << 20)
        try:
            row = {key.lower(): value for key, value in json.loads(line).items()}
            month = str(row["chargestartdate"])[:7]
        except (ValueError, KeyError, AttributeError):
            continue
        if is_month(month):
            return month
    raise InputError(
        "The month of the invoice is neither in its manifest nor in its first line. Give it: --month 2025-03."
    )


@dataclass(frozen=True)
class PartnerCenter:
    """The connector put together: what the console script and Dagster call."""

    downloader: UsageDownloader
    invoices: InvoiceApi

    def fetch_month(self, month: str, invoice_ids: list[str] | None = None) -> FetchedMonth:
        """Usage of the given invoices, or of every invoice of the month that Partner Center lists.

        An invoice that was looked up may be one without usage; one that was named may not. Every invoice is tried
        before the first error is raised.
        """
        looked_up = not invoice_ids
        chosen = invoice_ids or self.invoices.usage_invoices(parse_month(month))
        if not chosen:
            raise InputError(f"Partner Center lists no invoice of {month} yet. Try again later, or name the invoices.")
        fetched: list[FetchedInvoice] = []
        without: list[str] = []
        errors: list[ReconError] = []
        for invoice_id in chosen:
            try:
                fetched.append(self.downloader.fetch(invoice_id, month))
            except ExportFailed as error:
                if looked_up and error.no_data:
                    without.append(invoice_id)
                else:
                    errors.append(error)
            except ReconError as error:
                errors.append(error)
        if errors:
            raise _combined(errors)
        return FetchedMonth(month, fetched, without)


def _combined(errors: list[ReconError]) -> ReconError:
    kind = InputError if all(isinstance(error, InputError) for error in errors) else ReconError
    return errors[0] if len(errors) == 1 else kind(" ".join(str(error) for error in errors))


@contextmanager
def open_partner_center(
    settings: Settings,
    graph: GraphSettings | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Clock = utc_now,
) -> Iterator[PartnerCenter]:
    """The connector with its connections open. Without `graph` the settings come from RECON_GRAPH_* (InputError)."""
    graph = graph or load_graph_settings()
    secrets = Secrets()
    for secret in (graph.client_secret, graph.certificate_password):
        if secret is not None:
            secrets.add(secret.get_secret_value())
    policy = RetryPolicy(graph.attempts, graph.first_wait_seconds, graph.longest_wait_seconds, sleep, clock)
    credential = make_credential(graph)
    with new_client(graph.read_timeout_seconds, graph.parallelism) as client:
        http = Http(client, policy, secrets)
        api = BilledUsageApi(http, graph, token_source(credential, graph.graph_scope, secrets))
        scratch = settings.home / "downloads" / "billed_usage"
        downloader = UsageDownloader(api, http, landing_writer(settings), scratch, graph.parallelism)
        yield PartnerCenter(
            downloader, InvoiceApi(http, graph, token_source(credential, graph.partner_center_scope, secrets))
        )
