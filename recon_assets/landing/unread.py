"""Landed files that no source reads, and what would be read in their place."""

from collections.abc import Iterator
from dataclasses import dataclass

from recon_assets.catalogue import SOURCES, Source
from recon_assets.landing.discovery import landed_paths, month_of_file
from recon_assets.landing.profiles import FOLDER, is_profile
from recon_assets.landing.store import FileStore

_TECHNICAL = (".watermark.json",)  # what downloads keep beside the files that they bring


@dataclass(frozen=True)
class Unread:
    path: str
    source: str | None  # in whose folder it lies
    why: str

    def __str__(self) -> str:
        return f"{self.path} is not read: {self.why}"


def unread_files(store: FileStore) -> list[Unread]:
    """Files of the landing zone that no source takes, in order of path."""
    if not store.exists():
        return []
    taken = landed_paths(store)
    return [unread for file in store.list_files("") if file.path not in taken for unread in _unread(file.path)]


def _unread(path: str) -> Iterator[Unread]:
    name = path.rsplit("/", 1)[-1]
    if name.endswith(_TECHNICAL) or path.startswith("."):
        return
    if is_profile(path):
        yield Unread(path, None, "its match fits no landed file; patterns are of paths such as erp/*/2025-01/*.xlsx")
        return
    inside = [source for source in SOURCES.values() if path.startswith(source.prefix)]
    if name.startswith("~$"):
        yield Unread(path, _only(inside), "it is the lock of a workbook that somebody has open; it goes by itself")
    elif name.startswith("."):
        yield Unread(path, _only(inside), "its name begins with a point")
    elif not inside:
        prefixes = ", ".join(source.prefix for source in SOURCES.values())
        yield Unread(path, None, f"it lies in no source's folder ({prefixes} or {FOLDER})")
    else:
        yield Unread(path, _only(inside), " or ".join(dict.fromkeys(_why(source, path) for source in inside)))


def _only(sources: list[Source]) -> str | None:
    return sources[0].name if len(sources) == 1 else None


def _why(source: Source, path: str) -> str:
    """What the file would have to be to be read as one of this source."""
    kinds = ", ".join(source.suffixes)
    if not path.lower().endswith(source.suffixes):
        return f"{source.name} reads {kinds}"
    if source.month_from == "file_name":
        kind = "Legacy" if source.file_kind == "legacy" else source.file_kind.upper()
        name = path.rsplit("/", 1)[-1]
        example = f"{source.prefix}2025-01/{source.file_kind}/{name}"
        if month_of_file(source, example) is not None:
            return f"{source.name} reads it as {source.prefix}<month>/{source.file_kind}/{name}"
        return f"{source.name} reads {source.prefix}<MONTHYEAR>_MSRECON_{kind}*, such as APRIL2025_MSRECON_{kind}.csv"
    below = "<issued or received>/" if source.subfolders else ""
    if source.month_from == "manifest":
        return f"{source.name} reads runs with a manifest, or files in {source.prefix}<kind>/<YYYY-MM>/"
    return f"{source.name} reads files in {source.prefix}{below}<YYYY-MM>/"
