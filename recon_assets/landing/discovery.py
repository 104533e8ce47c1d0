"""Which landed files belong to which source and month: the naming conventions of spec/sources.md."""

import re
from collections import defaultdict

from recon_assets.catalogue import SOURCES, Source
from recon_assets.landing.manifests import cost_files_by_month, folder_of, is_manifest
from recon_assets.landing.store import FileStore, LandedFile
from recon_assets.months import MONTH_NAMES, add_months, is_month

_RECONCILIATION_FILE = re.compile(
    rf"({'|'.join(MONTH_NAMES)})(\d{{4}})_msrecon_(nce|legacy)[^/]*\.csv(\.gz)?", re.IGNORECASE
)


def reconciliation_file_month(name: str, kind: str) -> str | None:
    """Month a Microsoft reconciliation file holds, from its name: the name's month minus one; None for other files.

    APRIL2022_MSRECON_NCE.csv holds March 2022. `kind` is `nce` or `legacy`; case does not matter.
    """
    match = _RECONCILIATION_FILE.fullmatch(name)
    if match is None or match[3].lower() != kind:
        return None
    named = f"{match[2]}-{MONTH_NAMES.index(match[1].lower()) + 1:02d}"
    return add_months(named, -1) if is_month(named) else None


def month_of_file(source: Source, path: str) -> str | None:
    """Billing month of a landed path of `source`, or None when the path is not one of its files."""
    below = path.removeprefix(source.prefix)
    if source.month_from == "file_name":
        return reconciliation_file_month(below, source.file_kind) if "/" not in below else None
    if source.subfolders:
        kind, _, below = below.partition("/")
        if kind not in source.subfolders:
            return None
    folder, _, name = below.partition("/")
    if not is_month(folder) or not name or name.rsplit("/", 1)[-1].startswith((".", "~$")):
        return None
    return folder if name.lower().endswith(source.suffixes) else None


def discover(store: FileStore, source_name: str) -> dict[str, list[LandedFile]]:
    """Landed files of a source by month, months and paths in order. No file = the month is not a key."""
    source = SOURCES[source_name]
    if source.month_from == "manifest":
        return cost_files_by_month(store, _list_once(store, source.prefix), source.prefix, source.suffixes)
    found: dict[str, list[LandedFile]] = defaultdict(list)
    for file in _list_once(store, source.prefix):
        month = month_of_file(source, file.path)
        if month is not None:
            found[month].append(file)
    return {month: sorted(found[month]) for month in sorted(found)}


def _list_once(store: FileStore, prefix: str) -> list[LandedFile]:
    """Files below `prefix`: pages of a listing may overlap, and a file that is read twice counts twice."""
    return list({file.version: file for file in store.list_files(prefix)}.values())


def landed_paths(store: FileStore) -> set[str]:
    """Paths of every landed file that some source takes, with the parts of export runs that a newer one replaced."""
    found = {file.path for source in SOURCES for files in discover(store, source).values() for file in files}
    run_folders = {folder_of(path) for path in found if is_manifest(path)}
    prefixes = [source.prefix for source in SOURCES.values() if source.manifests]
    parts = {
        file.path for prefix in prefixes for file in store.list_files(prefix) if folder_of(file.path) in run_folders
    }
    return found | parts
