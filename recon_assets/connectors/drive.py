"""A drive of Microsoft Graph, which is a document library or a OneDrive: what changed in it, and its files.

Contract: sites, drives, `driveItem: delta` and `Get driveItem` of the Graph reference (v1.0). Delta is asked of the
root of the drive: on SharePoint and OneDrive for work a folder has none of its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from recon_assets.connectors.answers import json_object
from recon_assets.connectors.graph_requests import GRAPH, GraphRequests
from recon_assets.connectors.sharepoint_settings import SharePointSettings
from recon_assets.environment import is_loopback
from recon_assets.errors import InputError, ReconError

PERMISSION = "Files.Read.All (or Sites.Selected for the site alone)"
_FIELDS = "id,name,size,cTag,file,folder,root,package,deleted,parentReference"
_DOWNLOAD = "@microsoft.graph.downloadUrl"
_SITE, _USER, _LIBRARY = (f"RECON_SHAREPOINT_{name}" for name in ("SITE", "USER", "LIBRARY"))


class TokenLost(Exception):
    """Graph does not know the token of an earlier look any more (410): everything is listed anew, from `url`."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


@dataclass(frozen=True)
class DriveItem:
    """A file or folder as a page of changes has it; one that is gone has nothing but its id.

    `hashes` by name in lower case (quickxorhash, sha1hash, sha256hash) as Graph writes them.
    """

    id: str
    parent: str | None = None
    name: str = ""
    kind: str = "gone"  # file, folder, root, other (a notebook, a shortcut), gone
    size: int = 0  # bytes
    content_tag: str = ""
    hashes: Mapping[str, str] = field(default_factory=dict)


class Drive:
    """One drive. Raises InputError when the app or a setting is refused, ReconError for the rest."""

    def __init__(self, graph: GraphRequests, settings: SharePointSettings, base_url: str) -> None:
        self._graph = graph
        self._settings = settings
        self._base_url = base_url
        self.id = self._find()
        self.first_page = f"drives/{quote(self.id, safe='')}/root/delta?$select={_FIELDS}"

    def changes(self, url: str) -> tuple[list[DriveItem], str, bool]:
        """Items of a page of changes, the address of the next look, and whether it continues this one."""
        response = self._graph.ask("GET", url, "what changed in the folder", _SITE, allowed=(410,))
        if response.status_code == 410:
            raise TokenLost(response.headers.get("Location") or self.first_page)
        page = json_object(GRAPH, response)
        following = page.get("@odata.nextLink") or page.get("@odata.deltaLink")
        if not isinstance(following, str):
            raise ReconError(f"{GRAPH} gave a page of changes without the address of the next. Run it again.")
        return list(_items(page)), self._graph.own_url(following), "@odata.nextLink" in page

    def content_url(self, item_id: str, name: str) -> SecretStr:
        """Where the content of a file can be had now; the address holds a token of its own and is short-lived."""
        url = f"drives/{quote(self.id, safe='')}/items/{quote(item_id, safe='')}?$select=id,{_DOWNLOAD}"
        found = json_object(GRAPH, self._graph.ask("GET", url, name, "whether the file is still there"))
        address = str(found.get(_DOWNLOAD) or "")
        if not self._is_known_host(address):
            host = urlsplit(address).hostname or "no address"
            raise ReconError(
                f"{GRAPH} leads to {host} for {name}, which is none of RECON_SHAREPOINT_HOSTS. Add it if it is yours."
            )
        return SecretStr(address)

    def _find(self) -> str:
        settings = self._settings
        if settings.user:
            return self._id_at(f"users/{quote(settings.user, safe='@')}/drive", settings.user, _USER)
        parts = urlsplit(str(settings.site))
        path = f":{quote(parts.path)}" if parts.path else ""
        site = self._id_at(f"sites/{quote(str(parts.hostname))}{path}", str(settings.site), _SITE)
        if settings.library is None:
            return self._id_at(f"sites/{quote(site, safe=',')}/drive", str(settings.site), _SITE)
        page = json_object(GRAPH, self._graph.ask("GET", f"sites/{quote(site, safe=',')}/drives", "libraries", _SITE))
        libraries = {str(drive.get("name")): str(drive.get("id")) for drive in page.get("value") or []}
        if settings.library not in libraries:
            raise InputError(
                f"{settings.site} has no library '{settings.library}', but {', '.join(sorted(libraries)) or 'none'}. "
                f"Correct {_LIBRARY}."
            )
        return libraries[settings.library]

    def _id_at(self, url: str, subject: str, advice: str) -> str:
        found = json_object(GRAPH, self._graph.ask("GET", url, subject, advice)).get("id")
        if not isinstance(found, str) or not found:
            raise ReconError(f"{GRAPH} gave {subject} no id. Check {advice}.")
        return found

    def _is_known_host(self, address: str) -> bool:
        """Whether an answer may lead this machine there, over https unless it is this machine itself."""
        parts = urlsplit(address)
        local = is_loopback(address) and is_loopback(self._base_url)
        known = parts.scheme == "https" and (parts.hostname or "").lower().endswith(tuple(self._settings.hosts))
        return known or local


def _items(page: Mapping[str, Any]) -> Iterator[DriveItem]:
    for found in page.get("value") or []:
        if "deleted" in found:
            yield DriveItem(str(found["id"]))
            continue
        kinds = [kind for kind in ("root", "file", "folder") if kind in found and "package" not in found]
        hashes = (found.get("file") or {}).get("hashes") or {}
        yield DriveItem(
            str(found["id"]),
            (found.get("parentReference") or {}).get("id"),
            str(found.get("name") or ""),
            kinds[0] if kinds else "other",
            int(found.get("size") or 0),
            str(found.get("cTag") or ""),
            {str(name).lower(): value for name, value in hashes.items() if isinstance(value, str)},
        )
