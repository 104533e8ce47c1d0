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
from recon_assets.lakehouse.published import Publication, PublishedStore

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
    files, size = 0, 0
    removed: set[str] = set()
    for mart in marts:
        folder = published.file_system(mart)
        if folder is None:
            continue
        in_use = needed | published.newest_files(mart)
        if not mart.is_monthly:
            in_use |= published.files_seen_since(mart, since)
        with published.problems():
            for info in folder.get_file_info(pafs.FileSelector("", recursive=True)):
                path = f"{mart.name}/{info.path}"
                if info.extension != "parquet" or path.split("/")[1] == "_delta_log" or path in in_use:
                    continue
                if info.mtime > now - GRACE:
                    continue
                files, size = files + 1, size + info.size
                removed.add(path)
                if not dry_run:
                    folder.delete_file(info.path)
    lost = [p for p in publications if p not in kept and removed & {f for m in p.marts.values() for f in m.files}]
    return Vacuumed(files, size, lost)


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
