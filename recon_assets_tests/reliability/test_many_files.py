"""Fifty files landing within a minute, some replaced while they are read: every month ends with its newest files."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from recon_assets.clock import utc_now
from recon_assets.defs.automation import pending_months
from recon_assets.landing.store import FileStore, LandedFile
from recon_assets.landing.watch import Memory, decide
from recon_assets.months import month_range
from recon_assets.platform import Platform
from recon_assets.settings import Settings
from recon_assets_tests.landed import bss_line, delimited, table_rows

pytestmark = [pytest.mark.search, pytest.mark.slow]

MONTHS = month_range("2025-01", "2025-10")
FILES = [f"bss/invoices/{month}/{name}.csv" for month in MONTHS for name in "abcde"]
ROWS = 100


class Sender:
    """Lands files, each row of which says the file and which of its versions it belongs to."""

    def __init__(self, root: Path, seed: int) -> None:
        self._root = root
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.versions: Counter[str] = Counter()

    def send(self, path: str, slowly: bool = False) -> None:
        with self._lock:
            self.versions[path] += 1
            line = bss_line(Product=f"{path}:{self.versions[path]}", Invoice_Date=f"{path.split('/')[2]}-10")
            content = delimited([line] * ROWS, list(bss_line()))
            target = self._root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if slowly:  # in place, as a copy over the network does
                with target.open("wb") as file:
                    for begin in range(0, len(content), 4096):
                        file.write(content[begin : begin + 4096])
                        file.flush()
                return
            incoming = self._root.parent / "incoming"
            incoming.write_bytes(content)
            incoming.replace(target)

    def send_all(self) -> None:
        order = FILES + self._random.choices(FILES, k=15)
        self._random.shuffle(order)
        for path in order:
            self.send(path, slowly=self._random.random() < 0.3)
            threading.Event().wait(self._random.random() * 0.2)


@dataclass
class Disturbed:
    """A store of which every fifth file that is opened is replaced while it is read, up to ten times."""

    store: FileStore
    sender: Sender
    opened: int = 0
    left: int = 10

    @property
    def name(self) -> str:
        return self.store.name

    def exists(self) -> bool:
        return self.store.exists()

    def list_files(self, prefix: str) -> Iterator[LandedFile]:
        return self.store.list_files(prefix)

    @contextmanager
    def open_local(self, file: LandedFile) -> Iterator[Path]:
        with self.store.open_local(file) as path:
            self.opened += 1
            if self.left and self.opened % 5 == 0:
                self.left -= 1
                self.sender.send(file.path)
            yield path


def versions_in(platform: Platform, month: str) -> Counter[str]:
    return Counter(row["product"] for row in table_rows(platform.raw, "bss_invoices", month))


@pytest.mark.timeout(600)
def test_every_month_ends_with_its_newest_files(platform: Platform, landing: Path) -> None:
    sender = Sender(landing, seed=7)
    store = Disturbed(platform.landing, sender)
    settings: Settings = platform.settings.model_copy(update={"file_stable_seconds": 0})
    here = replace(platform, landing=store, settings=settings, clock=utc_now)
    sending = threading.Thread(target=sender.send_all)
    sending.start()
    memory, loads = Memory(), 0
    while True:
        was_sending = sending.is_alive()
        pending = pending_months(here, "subscriptions")
        if not pending and not was_sending:
            break
        decision = decide(pending, memory, set(MONTHS), here.clock().timestamp(), settings.file_stable_seconds)
        for request in decision.requests:
            load = here.load(request.source, request.month)
            loads += 1
            if load.outcome == "loaded":  # a file is never loaded half in one version and half in another
                found = versions_in(here, request.month)
                files = [product.partition(":")[0] for product in found]
                assert len(files) == len(set(files)), found
        ended = {key: replace(a, ending="ended") for key, a in decision.memory.attempts.items()}
        memory = Memory(decision.memory.seen, ended)
    sending.join()
    assert store.left == 0
    assert loads > len(MONTHS)
    for month in MONTHS:
        newest = {f"{path}:{sender.versions[path]}": ROWS for path in FILES if f"/{month}/" in path}
        assert versions_in(here, month) == newest
        assert here.raw.read_failed("bss_invoices", month) is None
