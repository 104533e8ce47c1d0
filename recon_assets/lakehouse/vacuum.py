"""Removing files of published tables that no publication to be kept names any more.

Delta's own vacuum cannot do this: it knows versions of a table, and readers here are led by the files that the newest
publication of each month names.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow.fs as pafs

from recon_assets.catalogue.marts import Mart
from recon_assets.clock import Clock
from recon_assets.lakehouse.log import LOGS, Publication
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.lakehouse.tables import files_of

# Files of a publication that is just being written are named by no row yet.
GRACE = dt.timedelta(days=1)


@dataclass(frozen=True)
class Vacuumed:
    """What was removed, or would be: files, their bytes, and the publications that cannot be read any more."""

    files: int
    bytes: int
    forgotten: list[Publication]


def vacuum(
    published: PublishedStore, marts: Iterable[Mart], keep_days: int, clock: Clock, dry_run: bool = False
) -> Vacuumed:
    """Keep what readers see, what a closing names and what readers saw within `keep_days`; remove other old files."""
    now = clock()
    since = now - dt.timedelta(days=keep_days)
    publications = published.publications()
    kept = publications_to_keep(published, since)
    needed = {file for p in kept for mart in p.marts.values() for file in mart.files}
    moved_lately = any(p.moved_at is not None and p.moved_at >= since for p in publications)
    removed: dict[str, int] = {}
    for mart in marts:
        seen = needed if mart.is_monthly else needed | published.whole_files_since(mart, since)
        # Readers may still have open what has moved, and need the time to follow.
        tables = list(published.tables.folders(mart.name).items())[-1 if moved_lately else 0 :]
        for folder, table in tables:
            newest = set(files_of(table, folder)) if folder == tables[-1][0] else set()
            removed |= _remove(published, folder, seen | newest, now, dry_run)
    for log in LOGS:  # what was made one file stays in many
        for folder, table in published.tables.folders(log).items():
            removed |= _remove(published, folder, set(files_of(table, folder)), now, dry_run)
    replaced = [p for p in publications if p not in kept]
    lost = [p for p in replaced if any(file in removed for mart in p.marts.values() for file in mart.files)]
    return Vacuumed(len(removed), sum(removed.values()), lost)


def _remove(
    published: PublishedStore, folder: str, in_use: set[str], now: dt.datetime, dry_run: bool
) -> dict[str, int]:
    """Remove old data files of a table that are not in use; their bytes by name."""
    with published.tables.problems():
        files = published.tables.file_system(folder)
        old = {
            f"{folder}/{info.path}": info
            for info in files.get_file_info(pafs.FileSelector("", recursive=True))
            if info.extension == "parquet" and not info.path.startswith("_delta_log/") and info.mtime <= now - GRACE
        }
        unused = {path: info for path, info in old.items() if path not in in_use}
        for info in unused.values() if not dry_run else ():
            files.delete_file(info.path)
    return {path: info.size for path, info in unused.items()}


def publications_to_keep(published: PublishedStore, since: dt.datetime) -> list[Publication]:
    """Publications that readers see or saw at some time after `since`, and those that the audit log names."""
    publications = published.publications()
    named = {(c.month, c.reconciliation, c.run_id, c.published_at) for c in published.closings()}
    current = list(published.current().values())
    replaced_at: dict[tuple[str, str], dt.datetime] = {}
    kept = []
    for p in reversed(publications):  # newest first: each knows when the next one took its place
        key = (p.month, p.reconciliation)
        seen_until = replaced_at.get(key)
        is_named = (p.month, p.reconciliation, p.run_id, p.published_at) in named
        if seen_until is None or seen_until >= since or is_named or p in current:
            kept.append(p)
        replaced_at[key] = p.published_at
    return kept
