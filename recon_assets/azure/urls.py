"""Addresses `az://<container>[/<folder>]`. Cheap to import: the settings check them."""

import re
from dataclasses import dataclass

SCHEME = "az://"
_CONTAINER = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")
_FOLDER = re.compile(r"[A-Za-z0-9._=-]+(/[A-Za-z0-9._=-]+)*")


@dataclass(frozen=True)
class AzureUrl:
    """A folder of a container; `folder` is empty for the container itself, and has no slash at either end."""

    container: str
    folder: str

    @property
    def prefix(self) -> str:
        return f"{self.folder}/" if self.folder else ""

    def __str__(self) -> str:
        return f"{SCHEME}{self.container}" + (f"/{self.folder}" if self.folder else "")


def is_azure(url: str | None) -> bool:
    return url is not None and url.startswith(SCHEME)


def parse_azure_url(url: str) -> AzureUrl:
    """ValueError when `url` is not such an address. It may hold a SAS token by mistake, so it is not repeated."""
    container, _, folder = url.removeprefix(SCHEME).rstrip("/").partition("/")
    segments = folder.split("/")
    is_folder = not folder or (_FOLDER.fullmatch(folder) is not None and not {".", ".."} & set(segments))
    if not is_azure(url) or _CONTAINER.fullmatch(container) is None or not is_folder:
        raise ValueError(
            "write az://<container>/<folder>, without account, key or SAS token (those are RECON_AZURE_* settings)"
        )
    return AzureUrl(container, folder)
