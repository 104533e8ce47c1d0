"""A SharePoint or OneDrive folder mirrored into the landing zone: its files by their paths, verified, and no others.

What this connector brought follows the folder: a changed file is replaced, a renamed or moved one is at its new path,
a deleted one is removed. A file that something else landed is never touched: where both want one path, it is told.
"""

import hashlib
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from recon_assets.clock import Clock, utc_now
from recon_assets.connectors.drive import PERMISSION, Drive, DriveItem, TokenLost
from recon_assets.connectors.graph_requests import GRAPH, GraphRequests, open_graph
from recon_assets.connectors.identity import token_source
from recon_assets.connectors.mirrored import Landed, Mirrored, open_mirrored
from recon_assets.connectors.settings import GraphSettings, load_graph_settings
from recon_assets.connectors.sharepoint_settings import SharePointSettings, load_sharepoint_settings
from recon_assets.errors import InputError, ReconError
from recon_assets.landing.manifests import is_manifest
from recon_assets.landing.writer import LandingWriter, is_storable, landing_writer
from recon_assets.settings import Settings
from recon_assets.transport.arrivals import Digest, digest_of
from recon_assets.transport.downloads import BlobDownloads
from recon_assets.transport.http import Http
from recon_assets.transport.locks import only_one
from recon_assets.transport.quickxor import quick_xor_hash
from recon_assets.transport.retry import TransientError

logger = logging.getLogger(__name__)

SHAREPOINT = "SharePoint"
_BATCH = 32  # files that are downloaded before they land
_DIGESTS: dict[str, Digest] = {"sha256hash": "sha256", "sha1hash": "sha1"}


@dataclass
class FetchedFolder:
    """What a fetch did, by paths of the landing zone."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)  # from -> to
    removed: list[str] = field(default_factory=list)
    unchanged: int = 0
    left_out: dict[str, str] = field(default_factory=dict)  # what is no file that can be stored -> why
    failed: dict[str, str] = field(default_factory=dict)  # what should have landed and did not -> why
    began_anew: bool = False  # the token of the last look was lost


@dataclass(frozen=True)
class _Wanted:
    """A file of the folder and the path that it belongs at."""

    path: str
    item: DriveItem

    @property
    def landed(self) -> Landed:
        return Landed(self.path, self.item.id, self._content, self.item.size)

    @property
    def _content(self) -> str:
        """Identity of the content, by a hash where Graph gives one: a tag may change without it."""
        return next(iter(_hashes(self.item)), ("tag", self.item.content_tag))[1]

    @property
    def download(self) -> str:
        """Names the download: one of this content, whatever of another one is held."""
        return f"{hashlib.sha256(f'{self.item.id} {self._content}'.encode()).hexdigest()[:16]}/{self.path}"


class FolderMirror:
    """Brings the landing zone up to date with a folder; `scratch` outlives a killed fetch, and the next one resumes."""

    def __init__(
        self,
        drive: Drive,
        settings: SharePointSettings,
        http: Http,
        landing: LandingWriter,
        scratch: Path,
        threads: int,
    ) -> None:
        self._drive = drive
        self._settings = settings
        self._http = http
        self._landing = landing
        self._scratch = scratch
        self._threads = threads

    def fetch(self) -> FetchedFolder:
        """Follow the folder. Raises InputError when it is not there, which removes nothing; ReconError at a fault."""
        # One memory per place: with another folder or target what has landed is not what this one brought.
        place = f"{self._drive.id}\n{self._settings.folder}\n{self._settings.target}"
        name = hashlib.sha256(place.encode()).hexdigest()[:16]
        with only_one(self._scratch / f"{name}.lock", "folder"), open_mirrored(self._scratch / f"{name}.db") as known:
            return self._fetch(known)

    def _fetch(self, known: Mirrored) -> FetchedFolder:
        fetched = FetchedFolder(began_anew=self._read_changes(known))
        wanted = {one.path: one for one in self._wanted(known.items(), fetched)}
        before = known.landed()
        sizes = self._landing.list_sizes(self._settings.target)
        missing = []
        for path, one in sorted(wanted.items(), key=lambda entry: (is_manifest(entry[0]), entry[0])):
            # One that somebody took away, or that a killed fetch was about to land, is fetched again.
            if before.get(path) == one.landed and sizes.get(path) == one.item.size:
                fetched.unchanged += 1
            else:
                missing.append(one)
        for start in range(0, len(missing), _BATCH):
            self._bring(missing[start : start + _BATCH], known, before, sizes, fetched)
        self._remove_others(wanted, known, sizes, fetched)
        if not fetched.failed:
            shutil.rmtree(self._scratch / "files", ignore_errors=True)
        return fetched

    def _read_changes(self, known: Mirrored) -> bool:
        """Read every change since the last look; whether everything had to be listed anew."""
        url, began_anew, continues = known.url() or self._drive.first_page, False, True
        while continues:
            try:
                items, following, continues = self._drive.changes(url)
            except TokenLost as lost:
                if began_anew:
                    raise ReconError(f"{GRAPH} lost the token of a look that had just begun. Run it again.") from None
                logger.warning("%s does not know the last look any more; the folder is listed anew.", GRAPH)
                known.begin_anew(lost.url)
                url, began_anew = lost.url, True
            else:
                known.take_page(items, following)
                url = following
        return began_anew

    def _wanted(self, items: Mapping[str, DriveItem], fetched: FetchedFolder) -> Iterator[_Wanted]:
        """Files below the folder. Paths are put together here: of a renamed folder no page names what is in it."""
        children: dict[str | None, list[DriveItem]] = {}
        for item in items.values():
            children.setdefault(None if item.kind == "root" else item.parent, []).append(item)
        folder = self._folder(children)
        below = [(item, self._settings.target) for item in children.get(folder.id, [])]
        while below:
            item, place = below.pop()
            path = f"{place}/{item.name}" if place else item.name
            if not is_storable(item.name):
                fetched.left_out[path] = "its name cannot be stored on every system; rename it"
            elif item.kind == "folder":
                below += [(child, path) for child in children.get(item.id, [])]
            elif item.kind == "file":
                yield _Wanted(path, item)
            else:
                fetched.left_out[path] = "it is no file (a notebook or a shortcut)"

    def _folder(self, children: Mapping[str | None, list[DriveItem]]) -> DriveItem:
        found = children.get(None, [])
        for name in self._settings.folder.split("/") if self._settings.folder else []:
            inside = [child for item in found for child in children.get(item.id, []) if child.kind == "folder"]
            found = [child for child in inside if child.name.casefold() == name.casefold()]
        if len(found) != 1:
            raise InputError(
                f"The folder '{self._settings.folder}' is not in the library. Correct RECON_SHAREPOINT_FOLDER, or "
                "bring the folder back; what has landed of it stays."
            )
        return found[0]

    def _bring(
        self,
        wanted: list[_Wanted],
        known: Mirrored,
        before: Mapping[str, Landed],
        sizes: dict[str, int],
        fetched: FetchedFolder,
    ) -> None:
        """Download a batch of files and land each of them; one that cannot land is told, and the others do."""
        by_download = {one.download: one for one in wanted}
        downloads = BlobDownloads(
            self._http,
            lambda name: self._drive.content_url(by_download[name].item.id, by_download[name].path),
            self._scratch / "files",
            SHAREPOINT,
            "a new look at the folder",
        )
        files = self._downloaded(downloads, by_download, fetched)
        for name, one in by_download.items():
            if name not in files:
                continue
            problem = _problem(files[name], one.item) or self._conflict(one, files[name], before, sizes)
            if problem:
                fetched.failed[one.path] = problem
            else:
                known.remember(one.landed)  # before it is there: a path that a killed fetch took is known as its own
                self._landing.put(one.path, files[name])
                sizes[one.path] = one.item.size
                old = next((other.path for other in before.values() if other.id == one.item.id), None)
                if old not in (None, one.path):
                    fetched.renamed[str(old)] = one.path
                else:
                    (fetched.new if old is None else fetched.changed).append(one.path)
            files[name].unlink()

    def _downloaded(
        self, downloads: BlobDownloads, by_download: Mapping[str, _Wanted], fetched: FetchedFolder
    ) -> dict[str, Path]:
        """The files of a batch. One that is refused, such as one with malware, keeps no other from landing."""
        try:
            return downloads.fetch_all(list(by_download), self._threads)
        except TransientError:
            raise
        except ReconError:
            logger.info("A file is refused; the files of its batch are fetched one by one.")
        files: dict[str, Path] = {}
        for name, one in by_download.items():
            try:
                files |= downloads.fetch_all([name], 1)
            except TransientError:
                raise
            except ReconError as error:
                fetched.failed[one.path] = str(error).rstrip(".")
        return files

    def _conflict(self, one: _Wanted, file: Path, before: Mapping[str, Landed], sizes: Mapping[str, int]) -> str | None:
        """Why a file cannot be put at its path: another one is there that this connector did not bring."""
        if one.path not in sizes or one.path in before:
            return None
        same = sizes[one.path] == one.item.size and self._landing.read_bytes(one.path) == file.read_bytes()
        return None if same else "another file is there that was not fetched from SharePoint; move one of the two"

    def _remove_others(
        self, wanted: Mapping[str, _Wanted], known: Mirrored, sizes: Mapping[str, int], fetched: FetchedFolder
    ) -> None:
        """Take away what this connector brought and the folder does not hold any more, at that path."""
        landed = known.landed()
        path_of = {one.item.id: one.path for one in wanted.values()}
        for one in landed.values():
            now = path_of.get(one.id)
            if one.path in wanted or (now is not None and now in fetched.failed):
                continue
            if one.path in sizes:
                self._landing.remove(one.path)
            known.forget(one.path)
            if now is None:
                fetched.removed.append(one.path)


def _hashes(item: DriveItem) -> Iterator[tuple[str, str]]:
    """The hashes that Graph gives of a file, as name and value, the one that is sure to be there first."""
    return ((name, item.hashes[name]) for name in ("quickxorhash", "sha256hash", "sha1hash") if name in item.hashes)


def _problem(file: Path, item: DriveItem) -> str | None:
    """What is wrong with a file by its size and the first hash that Graph gives of it."""
    held = file.stat().st_size
    if held != item.size:
        return f"{held} bytes came where {item.size} were announced; run it again"
    for name, announced in _hashes(item):
        found = quick_xor_hash(file) if name == "quickxorhash" else digest_of(file, _DIGESTS[name]).hex()
        if found.lower() != announced.lower():
            return f"its content does not have the {name} that was announced; run it again"
        break
    return None


@contextmanager
def open_sharepoint(
    settings: Settings,
    sharepoint: SharePointSettings | None = None,
    graph: GraphSettings | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Clock = utc_now,
) -> Iterator[FolderMirror]:
    """The mirror with its connections open. Settings come from RECON_SHAREPOINT_* and RECON_GRAPH_* (InputError)."""
    sharepoint = sharepoint or load_sharepoint_settings()
    graph = graph or load_graph_settings()
    with open_graph(graph, sleep, clock) as (http, credential):
        requests = GraphRequests(http, graph, token_source(credential, graph.graph_scope, http.secrets), PERMISSION)
        drive = Drive(requests, sharepoint, graph.base_url)
        scratch = settings.home / "downloads" / "sharepoint"
        yield FolderMirror(drive, sharepoint, http, landing_writer(settings), scratch, graph.parallelism)
