"""Invoices of the BSS into the landing zone: each fetch brings what was updated since the one before.

    bss/invoices/<month>/<time of the fetch>-<page>.json    pages as the API gives them, split by month of the invoice
    bss/invoices.watermark.json                             how far the landing zone is complete; written last

An invoice that is canceled or corrected lands again, as a newer copy: which copy counts is decided where it is read.
"""

import datetime as dt
import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from recon_assets.clock import Clock, utc_now
from recon_assets.connectors.bss_api import BSS, BssApi, Invoice, PagesMoved
from recon_assets.connectors.bss_settings import BssSettings, load_bss_settings
from recon_assets.errors import ReconError
from recon_assets.landing.writer import LandingWriter, landing_writer
from recon_assets.settings import Settings
from recon_assets.transport.http import Http, new_client
from recon_assets.transport.locks import only_one
from recon_assets.transport.redaction import Secrets
from recon_assets.transport.retry import RetryPolicy

logger = logging.getLogger(__name__)

PREFIX = "bss/invoices"
WATERMARK = f"{PREFIX}.watermark.json"


@dataclass(frozen=True)
class Watermark:
    """The landing zone holds every invoice as it was up to `updated_at`. `recent`: id -> updatedAt of the last ones."""

    updated_at: dt.datetime
    recent: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> bytes:
        content = {"updated_at": self.updated_at.isoformat(), "recent": dict(sorted(self.recent.items()))}
        return json.dumps(content, indent=1).encode()

    @classmethod
    def from_json(cls, content: bytes) -> "Watermark":
        try:
            known = json.loads(content)
            return cls(dt.datetime.fromisoformat(known["updated_at"]), dict(known["recent"]))
        except (ValueError, KeyError, TypeError):
            raise ReconError(
                f"{WATERMARK} cannot be read. Remove it: the next fetch then brings every invoice again."
            ) from None


@dataclass(frozen=True)
class FetchedInvoices:
    """What a fetch brought: invoices by month, the files it wrote, and the watermark before and after it."""

    invoices: Mapping[str, int]
    files: list[str]
    watermark_before: dt.datetime | None
    watermark: dt.datetime | None


class BssDownloader:
    def __init__(self, api: BssApi, landing: LandingWriter, scratch: Path, settings: BssSettings, clock: Clock) -> None:
        self._api = api
        self._landing = landing
        self._scratch = scratch
        self._settings = settings
        self._clock = clock

    def fetch(self) -> FetchedInvoices:
        """Bring the landing zone up to date. The watermark moves when everything before it is stored, else it stays.

        Raises InputError when a setting is wrong, ReconError when the service fails.
        """
        with only_one(self._scratch / "invoices.lock", "invoices of the BSS"):
            return self._fetch()

    def _fetch(self) -> FetchedInvoices:
        before = self._watermark()
        pages = self._pages(self._begin(before))
        known = before.recent if before else {}
        fresh = [[i for i in page if known.get(i.id) != i.updated_at.isoformat()] for page in pages]
        files = self._store(fresh)
        after = self._moved(before, [invoice for page in pages for invoice in page])
        if after is not None and after != before:
            self._landing.put(WATERMARK, after.to_json())
        counts: dict[str, int] = defaultdict(int)
        for invoice in (invoice for page in fresh for invoice in page):
            counts[invoice.month] += 1
        logger.info("%s: %d new or changed invoices in %d files", BSS, sum(counts.values()), len(files))
        return FetchedInvoices(
            dict(sorted(counts.items())),
            files,
            before.updated_at if before else None,
            after.updated_at if after else None,
        )

    def _watermark(self) -> Watermark | None:
        try:
            return Watermark.from_json(self._landing.read_bytes(WATERMARK))
        except FileNotFoundError:
            return None

    def _begin(self, watermark: Watermark | None) -> dt.datetime:
        if watermark is None:
            return dt.datetime.combine(self._settings.since, dt.time(), dt.UTC)
        return watermark.updated_at.astimezone(dt.UTC) - self._overlap

    @property
    def _overlap(self) -> dt.timedelta:
        # At least a second: the filter is exclusive and knows no fractions.
        return max(dt.timedelta(minutes=self._settings.overlap_minutes), dt.timedelta(seconds=1))

    def _pages(self, since: dt.datetime) -> list[list[Invoice]]:
        for left in reversed(range(self._settings.passes)):
            try:
                return self._api.invoices_since(since)
            except PagesMoved as moved:
                if not left:
                    raise
                logger.warning("%s Reading them again.", moved)
        raise AssertionError("at least one pass is made")

    def _store(self, pages: list[list[Invoice]]) -> list[str]:
        stamp = f"{self._clock().astimezone(dt.UTC):%Y%m%dT%H%M%S%fZ}"
        files = []
        for number, page in enumerate(pages, start=1):
            by_month: dict[str, list[Invoice]] = defaultdict(list)
            for invoice in page:
                by_month[invoice.month].append(invoice)
            for month, invoices in sorted(by_month.items()):
                path = f"{PREFIX}/{month}/{stamp}-{number:05d}.json"
                self._landing.put(path, page_of(invoices))
                files.append(path)
        return files

    def _moved(self, before: Watermark | None, invoices: list[Invoice]) -> Watermark | None:
        """The watermark when all of `invoices` are stored: never back, and no further than they reach."""
        instants = [invoice.updated_at for invoice in invoices] + ([before.updated_at] if before else [])
        if not instants:
            return before
        newest = max(instants)
        recent = dict(before.recent if before else {}) | {i.id: i.updated_at.isoformat() for i in invoices}
        limit = newest - self._overlap
        kept = {name: at for name, at in recent.items() if dt.datetime.fromisoformat(at) > limit}
        return Watermark(newest, kept)


def page_of(invoices: list[Invoice]) -> bytes:
    """A page in the shape of the API, with these invoices exactly as they came."""
    data = ",\n".join(invoice.text for invoice in invoices)
    paging = {"page": 1, "size": len(invoices), "totalPages": 1, "totalRecords": len(invoices)}
    return f'{{"data": [\n{data}\n],\n"paging": {json.dumps(paging)},\n"links": {{}}}}\n'.encode()


@contextmanager
def open_bss(
    settings: Settings,
    bss: BssSettings | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Clock = utc_now,
) -> Iterator[BssDownloader]:
    """The connector with its connection open. Without `bss` the settings come from RECON_BSS_* (InputError)."""
    bss = bss or load_bss_settings()
    secrets = Secrets()
    for secret in (bss.password, bss.client_secret):
        secrets.add(secret.get_secret_value())
    policy = RetryPolicy(bss.attempts, bss.first_wait_seconds, bss.longest_wait_seconds, sleep, clock)
    with new_client(bss.read_timeout_seconds, 1) as client:
        api = BssApi(Http(client, policy, secrets), bss)
        yield BssDownloader(api, landing_writer(settings), settings.home / "downloads" / "bss", bss, clock)
