"""Exports of Microsoft Graph into the landing zone: one invoice at a time, or all of a month.

    partner_center/billed_usage/<month>/<invoice>/<version>/<files as they came>
    partner_center/reconciliation/<month>/nce/<invoice>/<version>/<files as they came>
    partner_center/unbilled/<month>/<currency>/<version>/<files as they came>
    .../<version>/manifest.json    as it came, without its SAS token

A changed eTag is a new version beside the older one; readers take the newest (spec/usage_cost_reconciliation.md,
precise rule 2). Reading the files belongs to the source's reader.
"""

import datetime as dt
import gzip
import json
import logging
import re
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
    ExportApi,
    ExportFailed,
    ExportManifest,
    ExportRequest,
    StoredManifest,
    require_invoice_id,
)
from recon_assets.connectors.graph_requests import open_graph
from recon_assets.connectors.identity import token_source
from recon_assets.connectors.invoices import InvoiceApi
from recon_assets.connectors.settings import GraphSettings, load_graph_settings
from recon_assets.errors import InputError, ReconError
from recon_assets.landing.writer import MANIFEST, LandingWriter, landing_writer
from recon_assets.months import add_months, is_month, month_of, parse_month
from recon_assets.settings import Settings
from recon_assets.transport.downloads import BlobDownloads, SasRefused
from recon_assets.transport.http import Http
from recon_assets.transport.locks import only_one

logger = logging.getLogger(__name__)

UnbilledPeriod = Literal["current", "last"]
MonthOtherwise = Callable[[ExportRequest, Mapping[str, Path]], str]
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True)
class Export:
    """A kind of export, by invoice or by currency, and the folders of the landing zone that its versions go to."""

    path: str  # below reports/partners/billing
    what: str  # it is of, in sentences
    prefix: str
    inner: str = ""  # folder between the month and the item

    def folder(self, month: str, item: str) -> str:
        return "/".join(part for part in (self.prefix, month, self.inner, item) if part)

    def month_of(self, version: str, item: str) -> str | None:
        """Month of the folder of a stored version; None when it is none of the item."""
        folder = version.rpartition("/")[0]
        month = folder.removeprefix(f"{self.prefix}/").split("/")[0]
        return month if is_month(month) and folder == self.folder(month, item) else None


USAGE = Export("usage/billed/export", "usage", "partner_center/billed_usage")
RECONCILIATION = Export(
    "reconciliation/billed/export", "reconciliation lines", "partner_center/reconciliation", inner="nce"
)
UNBILLED = Export("reconciliation/unbilled/export", "unbilled lines", "partner_center/unbilled")
UNBILLED_USAGE = Export("usage/unbilled/export", "unbilled usage", "partner_center/unbilled_usage")


@dataclass(frozen=True)
class FetchedExport:
    """What there is of an invoice, or of the unbilled lines in a currency, now.

    `outcome`: stored as a new version, or unchanged since it was stored.
    """

    item: str  # invoice id, or currency
    month: str
    folder: str
    etag: str
    files: Mapping[str, int]  # name -> bytes
    outcome: Literal["stored", "unchanged"]


@dataclass(frozen=True)
class FetchedMonth:
    month: str
    exports: list[FetchedExport]
    without_lines: list[str]  # invoice ids that were looked up, and of which Microsoft has nothing to export


class ExportDownloader:
    """Fetches exports of one kind; `scratch` is a local folder that outlives a killed run: the next one resumes.

    `month_otherwise` finds the month of an export, given its files, where neither the caller nor the manifest says it.
    """

    def __init__(
        self,
        export: Export,
        api: ExportApi,
        http: Http,
        landing: LandingWriter,
        scratch: Path,
        parallelism: int,
        month_otherwise: MonthOtherwise,
    ) -> None:
        self._export = export
        self._api = api
        self._http = http
        self._landing = landing
        self._scratch = scratch
        self._parallelism = parallelism
        self._month_otherwise = month_otherwise

    @property
    def what(self) -> str:
        return self._export.what

    def fetch(self, invoice_id: str, month: str | None = None) -> FetchedExport:
        """Bring the landing zone up to date with an invoice; `month` (YYYY-MM) is found out when not given.

        Raises InputError when the invoice, the month or a setting is wrong, ReconError when the service fails. What was
        stored before stays in any case.
        """
        parameters = {"invoiceId": require_invoice_id(invoice_id)}
        request = ExportRequest(
            self._export.path, parameters, invoice_id, self._export.what, "the invoice id", invoice_id
        )
        return self._fetch_alone(request, parse_month(month) if month else None)

    def fetch_parameters(self, parameters: dict[str, str], item: str, called: str) -> FetchedExport:
        """What the export gives for parameters that name no invoice; `item` is the folder, as people call it."""
        return self._fetch_alone(ExportRequest(self._export.path, parameters, item, self._export.what, called), None)

    def _fetch_alone(self, request: ExportRequest, month: str | None) -> FetchedExport:
        with only_one(self._scratch / f"{request.item}.lock", f"export of {request.what} of {request.item}"):
            return self._fetch(request, month)

    def _fetch(self, request: ExportRequest, month: str | None) -> FetchedExport:
        item = request.item
        stalled_at: int | None = None
        while True:
            manifest = self._api.export(request)
            wanted = _agreed_month(request, month, manifest.month)
            stored = self._stored(item, wanted, manifest)
            if stored:
                return stored
            downloads = BlobDownloads(self._http, manifest.blob_url, self._scratch / item / manifest.content_key)
            try:
                files = downloads.fetch_all(manifest.blobs, self._parallelism)
            except SasRefused:
                held = downloads.held_bytes()
                if stalled_at == held:  # a fresh token was refused too
                    raise
                stalled_at = held
                logger.info("%s: the SAS token has run out after %d bytes; asking for a new export", item, held)
                continue
            return self._publish(item, wanted or self._month_otherwise(request, files), manifest, files)

    def _publish(self, item: str, month: str, manifest: ExportManifest, files: Mapping[str, Path]) -> FetchedExport:
        folder = f"{self._export.folder(month, item)}/{manifest.version}"
        sizes = {name: path.stat().st_size for name, path in files.items()}
        self._landing.publish(folder, files, json.dumps(manifest.document, indent=2, ensure_ascii=False).encode())
        shutil.rmtree(self._scratch / item, ignore_errors=True)
        return FetchedExport(item, month, folder, manifest.etag, sizes, "stored")

    def _stored(self, item: str, month: str | None, manifest: ExportManifest) -> FetchedExport | None:
        """The stored version that readers take, when it is this one and complete; None when there is work to do.

        Looks in `month` or, when that is unknown, in any month. An older version with this eTag counts only when it is
        this very manifest: content that returns after a change has to become the newest again.
        """
        sizes = self._landing.list_sizes(self._export.folder(month, item) if month else self._export.prefix)
        versions = sorted(self._versions(sizes, item))
        for index, (_, etag, stored_month, folder) in enumerate(versions, start=1):
            files = {blob: sizes[f"{folder}/{blob}"] for blob in manifest.blobs if f"{folder}/{blob}" in sizes}
            taken = index == len(versions) or folder.endswith(f"/{manifest.version}")
            if taken and etag == manifest.etag and len(files) == len(manifest.blobs):
                return FetchedExport(item, stored_month, folder, manifest.etag, files, "unchanged")
        return None

    def _versions(self, paths: Iterable[str], item: str) -> Iterator[tuple[dt.datetime, str, str, str]]:
        """Stored versions of an item: when made, eTag, month, folder. A manifest that cannot be read is none."""
        for path in paths:
            folder, _, name = path.rpartition("/")
            month = self._export.month_of(folder, item)
            if name != MANIFEST or month is None:
                continue
            try:
                stored = StoredManifest.model_validate_json(self._landing.read_bytes(path))
            except ValidationError:
                continue
            yield stored.created_date_time, stored.e_tag, month, folder


def _agreed_month(request: ExportRequest, asked: str | None, named: str | None) -> str | None:
    if asked and named and asked != named:
        raise InputError(
            f"{request.item} holds the {request.what} of {named}, says its manifest, not of {asked}. Ask for {named}, "
            "or leave the month out."
        )
    return asked or named


def _month_of_first_row(_request: ExportRequest, files: Mapping[str, Path]) -> str:
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

    usage: ExportDownloader
    reconciliation: ExportDownloader
    unbilled: ExportDownloader
    unbilled_usage: ExportDownloader
    invoices: InvoiceApi

    def fetch_month(
        self, downloader: ExportDownloader, month: str, invoice_ids: list[str] | None = None
    ) -> FetchedMonth:
        """The given invoices, or every invoice of the month that Partner Center lists, by one of the downloaders.

        An invoice that was looked up may be one without such lines; one that was named may not. Every invoice is tried
        before the first error is raised.
        """
        looked_up = not invoice_ids
        chosen = invoice_ids or self.invoices.invoices_of(parse_month(month))
        if not chosen:
            raise InputError(f"Partner Center lists no invoice of {month} yet. Try again later, or name the invoices.")
        fetched: list[FetchedExport] = []
        without: list[str] = []
        errors: list[ReconError] = []
        for invoice_id in chosen:
            try:
                fetched.append(downloader.fetch(invoice_id, month))
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

    def fetch_unbilled(self, downloader: ExportDownloader, period: UnbilledPeriod, currency: str) -> FetchedExport:
        """Lines that no invoice has yet, by a downloader of such: of the current or last billing period, in a currency.

        The month is the manifest's; without it the calendar month of the clock, or the one before.
        """
        if _CURRENCY.fullmatch(currency) is None:
            raise InputError(f"'{currency}' is not the code of a currency. Write it with three letters, such as EUR.")
        parameters = {"billingPeriod": period, "currencyCode": currency}
        return downloader.fetch_parameters(parameters, currency, "the currency")


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
    with open_graph(graph, sleep, clock) as (http, credential):
        api = ExportApi(http, graph, token_source(credential, graph.graph_scope, http.secrets))
        invoices = InvoiceApi(http, graph, token_source(credential, graph.partner_center_scope, http.secrets))
        landing = landing_writer(settings)

        def downloader(export: Export, month_otherwise: MonthOtherwise) -> ExportDownloader:
            scratch = settings.home / "downloads" / export.prefix.rpartition("/")[2]
            return ExportDownloader(export, api, http, landing, scratch, graph.parallelism, month_otherwise)

        def month_of_period(request: ExportRequest, _files: Mapping[str, Path]) -> str:
            return add_months(month_of(clock().date()), -1 if request.parameters["billingPeriod"] == "last" else 0)

        yield PartnerCenter(
            downloader(USAGE, _month_of_first_row),
            downloader(RECONCILIATION, lambda request, _files: invoices.month_of(request.item)),
            downloader(UNBILLED, month_of_period),
            downloader(UNBILLED_USAGE, month_of_period),
            invoices,
        )
