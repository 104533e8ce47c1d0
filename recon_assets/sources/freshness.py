"""Whether what is loaded of a month is what has landed of it: which months to load, and why. Loads nothing."""

import logging
from typing import Literal

from recon_assets.errors import FileProblem
from recon_assets.lakehouse.raw import RawMonth, RawStore
from recon_assets.landing.store import FileStore, LandedFile
from recon_assets.settings import Settings
from recon_assets.sources.version import content_hash_of, load_version

Reason = Literal["new", "changed", "gone", "damaged", "older_reader"]

_log = logging.getLogger(__name__)


def why_load(
    source: str, month: str, files: list[LandedFile], store: FileStore, raw: RawStore, settings: Settings
) -> Reason | None:
    """Why the month's landed `files` are to be loaded; None when they are what is loaded.

    `gone`: there is no file any more; loading forgets the month and its failures. `damaged`: of the load something is
    missing.
    `older_reader`: the same files would be read in another way today, by a newer version or other settings.
    """
    current = raw.read(source, month)
    if current is None and raw.is_damaged(source, month):
        return "damaged"
    if not files:
        return "gone" if current or raw.read_failed(source, month) else None
    if current is None:
        return "new"
    if not current.load_id.endswith(load_version(source, files, settings)):
        return "older_reader"
    return None if _is_same(current, files, store, raw) else "changed"


def _is_same(current: RawMonth, files: list[LandedFile], store: FileStore, raw: RawStore) -> bool:
    """Whether these are the files that were loaded. Where a file was touched, copied or restored, its content tells."""
    loaded = {file.path: file for file in current.files}
    if {path: file.size for path, file in loaded.items()} != {file.path: file.size for file in files}:
        return False
    # Of files without a hash no row comes: manifests, which have one, say which files are read.
    touched = [file for file in files if file.state != loaded[file.path].state and loaded[file.path].content_hash]
    if not touched:
        return True
    known = raw.contents(current.source, current.month)
    try:
        hashes = {file.state: known.get(file.state) or _content_hash(store, file) for file in touched}
    except FileProblem:  # it changes at this moment, or cannot be read: loading says so
        return False
    if hashes != known:
        try:
            raw.remember_contents(current.source, current.month, hashes)
        except OSError as error:  # they are only hashed again the next time
            _log.warning("hashes of %s %s are not kept: %s", current.source, current.month, error)
    return all(hashes[file.state] == loaded[file.path].content_hash for file in touched)


def _content_hash(store: FileStore, file: LandedFile) -> str:
    with store.open_local(file) as path:
        return content_hash_of(path)
