"""Which landed files belong to which source and month: the naming conventions of spec/sources.md."""

from collections import defaultdict
from collections.abc import Iterator

from recon_assets.catalogue import SOURCES, Source
from recon_assets.errors import FileUnreadable, NotListed
from recon_assets.landing.cost_exports import cost_files_by_month
from recon_assets.landing.profiles import FOLDER, is_profile, matches, patterns_of, profile_content
from recon_assets.landing.reconciliation import kind_by_columns, reconciliation_place
from recon_assets.landing.store import FileStore, LandedFile
from recon_assets.months import is_month


def month_of_file(source: Source, path: str) -> str | None:
    """Billing month of a landed path of `source`, or None when the path is not one of its files."""
    below = path.removeprefix(source.prefix)
    if source.month_from == "file_name":
        month, kind = reconciliation_place(below, source.suffixes)
        return month if kind in (source.file_kind, None) else None
    if source.subfolders:
        kind, _, below = below.partition("/")
        if kind not in source.subfolders:
            return None
    folder, _, name = below.partition("/")
    if not is_month(folder) or not name or name.rsplit("/", 1)[-1].startswith((".", "~$")):
        return None
    return folder if name.lower().endswith(source.suffixes) else None


def discover(store: FileStore, source_name: str) -> dict[str, list[LandedFile]]:
    """Landed files of a source by month, months and paths in order. No file = the month is not a key.

    The profiles that are for a file of the month are among its files: a month is loaded again when one changes.
    NotListed when a file that tells which month or source others are of cannot be read: they are not gone.
    """
    try:
        found = _discovered(store, SOURCES[source_name])
        profiles = list(_profiles(store, source_name))
    except FileUnreadable as problem:
        text = f"{problem}. Until then nobody knows which files have landed; what was loaded stays."
        raise NotListed(text) from problem
    for month, files in found.items() if profiles else ():
        told = {profile for profile, patterns in profiles for file in files if matches(file.path, patterns)}
        found[month] = files + sorted(told)
    return found


def _profiles(store: FileStore, source: str) -> Iterator[tuple[LandedFile, list[str]]]:
    """The profiles of the landing zone, each with the patterns of the source's paths that it is for."""
    for file in _list_once(store, FOLDER):
        if is_profile(file.path):
            yield file, patterns_of(file.path, profile_content(store, file), source)


def _discovered(store: FileStore, source: Source) -> dict[str, list[LandedFile]]:
    if source.month_from == "manifest":
        return cost_files_by_month(store, _list_once(store, source.prefix), source.prefix, source.suffixes)
    found: dict[str, list[LandedFile]] = defaultdict(list)
    for file in _list_once(store, source.prefix):
        month = month_of_file(source, file.path)
        if month is not None and _is_of(source, file, store):
            found[month].append(file)
    return {month: sorted(found[month]) for month in sorted(found)}


def _is_of(source: Source, file: LandedFile, store: FileStore) -> bool:
    """Whether the columns of a file that lies directly in a month's folder are those of this source."""
    if source.month_from != "file_name":
        return True
    _, kind = reconciliation_place(file.path.removeprefix(source.prefix), source.suffixes)
    return source.file_kind == (kind or kind_by_columns(store, file))


def _list_once(store: FileStore, prefix: str) -> list[LandedFile]:
    """Files below `prefix`: pages of a listing may overlap, and a file that is read twice counts twice."""
    return list({file.version: file for file in store.list_files(prefix)}.values())


def landed_paths(store: FileStore) -> set[str]:
    """Paths of every landed file that some source takes, with the parts of export runs that a newer one replaced."""
    return {file.path for source in SOURCES for files in discover(store, source).values() for file in files}
