"""Published tables on Azure: Delta commits and logs are there; data files are written and read as local copies.

A data file never changes and no two have the same name, so a copy is good for as long as it is kept.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from recon_assets.azure.account import StorageAccount
from recon_assets.azure.cache import FileCache, Pin
from recon_assets.azure.container import STORAGE, BlobContainer
from recon_assets.azure.urls import AzureUrl
from recon_assets.errors import InputError, ReconError

_PARALLEL = 8


@dataclass(frozen=True)
class AzureTables:
    url: AzureUrl
    account: StorageAccount
    container: BlobContainer
    cache: FileCache

    def uri(self, table: str) -> str:
        return f"{self.url}/{table}"

    def options(self) -> dict[str, str]:
        return self.account.delta_options()

    def bring(self, files: Iterable[str]) -> Pin:
        """Have local copies of data files below the cache's `files`; they stay until the pin is released."""
        names = sorted(set(files))
        pin = self.cache.pin(names)
        try:
            with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="published") as pool:
                list(pool.map(self._bring, names))
        except BaseException:
            pin.release()
            raise
        return pin

    def add(self, name: str, write: Callable[[Path], int]) -> bool:
        """Put a data file that `write` makes, and tells the rows of, into the container; not one without rows.

        Its local copy is the first to be read.
        """
        self.cache.folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self.cache.folder, prefix="publishing-") as folder:
            path = Path(folder, "rows.parquet")
            if write(path) == 0:
                return False
            self.container.upload(self.url.prefix + name, path)
            pin = self.cache.pin([name])
            try:
                self.cache.get(name, path.stat().st_size, partial(os.replace, path))
            finally:
                pin.release()
        return True

    def _bring(self, name: str) -> Path:
        blob = self.url.prefix + name
        return self.cache.get(name, None, lambda target: self.container.download(blob, target))

    def reach(self) -> None:
        """ReconError when storage does not answer or has no such container. Looks into no table."""
        if not self.container.exists():
            raise self._no_container()

    def _no_container(self) -> InputError:
        return InputError(
            f"{STORAGE} has no container {self.url.container}. Create it, or correct RECON_PUBLISHED_URL."
        )

    @contextmanager
    def problems(self) -> Iterator[None]:
        """What delta-rs says of storage, as errors of ours: its texts repeat whole answers."""
        try:
            yield
        except OSError as error:
            text = self.account.secrets.scrub(str(error))
        else:
            return
        if any(word in text for word in ("necessary privileges", "403 Forbidden", "401 Unauthorized")):
            raise InputError(
                f"{STORAGE} refuses {self.url}. With a key: check RECON_AZURE_ACCOUNT and RECON_AZURE_ACCOUNT_KEY. "
                "With an identity: it needs the role Storage Blob Data Contributor."
            ) from None
        if "ContainerNotFound" in text:
            raise self._no_container() from None
        raise ReconError(f"{STORAGE} failed for {self.url}: {_first_line(text)}. Run it again.") from None


def _first_line(text: str) -> str:
    return " ".join(text.split("\n")[0].split())[:200]
