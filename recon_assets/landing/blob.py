"""The landing zone in a container of Azure Blob storage: the same paths, read from checked local copies."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recon_assets.azure.cache import FileCache
from recon_assets.azure.container import BlobContainer
from recon_assets.azure.urls import AzureUrl
from recon_assets.errors import FileGone, FileUnreadable
from recon_assets.landing.store import LandedFile

_UNUSUAL = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True)
class BlobStore:
    url: AzureUrl
    container: BlobContainer
    cache: FileCache

    @property
    def name(self) -> str:
        return str(self.url)

    def exists(self) -> bool:
        return self.container.exists()

    def list_files(self, prefix: str) -> Iterator[LandedFile]:
        for blob in self.container.list_blobs(self.url.prefix + prefix):
            path = blob.name.removeprefix(self.url.prefix)
            yield LandedFile(path, blob.size, blob.etag.strip('"'), blob.last_modified.timestamp())

    @contextmanager
    def open_local(self, file: LandedFile) -> Iterator[Path]:
        # The copy is of this version whatever happens to the blob meanwhile: its name holds the etag.
        name = _copy_name(file)
        pin = self.cache.pin([name])
        try:
            blob = self.url.prefix + file.path
            copy = self.cache.get(name, file.size, lambda target: self.container.download(blob, target, file.etag))
            if (size := copy.stat().st_size) != file.size:  # manifests are held against what is listed
                raise FileUnreadable(file.path, f"is listed with {file.size} bytes and has {size}; run the month again")
            yield copy
        except FileGone as error:
            raise FileUnreadable(file.path, "the file changed while it was being read; run the month again") from error
        finally:
            pin.release()


def _copy_name(file: LandedFile) -> str:
    """A folder per version; the file's own name stays, since readers go by its ending."""
    version = hashlib.sha256(file.version.encode()).hexdigest()[:32]
    return f"{version}/{_UNUSUAL.sub('_', file.path.rpartition('/')[2])[-100:]}"
