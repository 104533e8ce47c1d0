"""Delta tables as they are read without the log: put where everybody reads them, and made again what the log says."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import duckdb
from deltalake import DeltaTable

from recon_assets.catalogue.marts import Mart
from recon_assets.clock import Clock
from recon_assets.lakehouse.log import MartVersion, Publication
from recon_assets.lakehouse.published import MonthFiles, PublishedStore, partition_columns, partition_of
from recon_assets.lakehouse.tables import Partition, files_of
from recon_assets.lakehouse.views import mart_schema, view_sql

Folders = Mapping[str, Mapping[str, DeltaTable]]  # by mart, as Tables.folders gives them


def settle(published: PublishedStore, marts: Iterable[Mart], clock: Clock, memory_limit: str) -> list[MonthFiles]:
    """Move and mend what needs it, while nobody publishes; what was mended.

    Moved are the months that readers see of tables which cannot take the marts as they are now. Mended is what a run
    left that was killed between two marts.
    """
    monthly = [mart for mart in marts if mart.is_monthly]
    with published.publishing():
        folders = _folders(published, monthly)
        if _move(published, monthly, folders, clock, memory_limit):
            folders = _folders(published, monthly)
        mended = _unlike_the_log(published, monthly, folders)
        for month in mended:
            published.commit_month(month)
    return mended


def unlike_the_log(published: PublishedStore, marts: Iterable[Mart]) -> list[MonthFiles]:
    """Months whose newest Delta version is not what readers of the log see, each with the files that it should have."""
    marts = list(marts)
    return _unlike_the_log(published, marts, _folders(published, marts))


def _folders(published: PublishedStore, marts: list[Mart]) -> Folders:
    return {mart.name: published.tables.folders(mart.name) for mart in marts}


def _unlike_the_log(published: PublishedStore, marts: list[Mart], folders: Folders) -> list[MonthFiles]:
    current = published.current().values()
    found = []
    for mart in marts:
        for folder, table in list(folders[mart.name].items())[-1:]:
            there: dict[Partition, list[str]] = {}
            for file in files_of(table, folder):
                there.setdefault(_partition(file), []).append(file)
            told = {
                partition_of(mart, p.month, p.reconciliation): p.marts[mart.name].files
                for p in current
                if mart.name in p.marts
            }
            found += [
                MonthFiles(mart, folder, partition, told.get(partition, []))
                for partition in sorted(there.keys() | told.keys())
                if sorted(there.get(partition, [])) != sorted(told.get(partition, []))
            ]
    return found


def _partition(file: str) -> Partition:
    return tuple((name, value) for name, _, value in (part.partition("=") for part in file.split("/")[1:-1]))


def _move(published: PublishedStore, marts: list[Mart], folders: Folders, clock: Clock, memory_limit: str) -> bool:
    """Whether a table was begun or a month moved, so that the tables are no longer as they were opened."""
    places = {
        mart.name: published.tables.place(
            mart.name, mart_schema(mart), partition_columns(mart), folders=folders[mart.name]
        )
        for mart in marts
        if folders[mart.name]
    }
    is_moved = any(place not in folders[name] for name, place in places.items())
    for publication in published.current().values():
        moved = {
            mart.name: _moved(published, mart, publication, memory_limit)
            for mart in marts
            if mart.name in publication.marts and mart.name in places
            for files in [publication.marts[mart.name].files]
            if any(not file.startswith(f"{places[mart.name]}/") for file in files)
        }
        if moved:
            published.record(replace(publication, marts=publication.marts | moved, moved_at=clock()))
            is_moved = True
    return is_moved


def _moved(published: PublishedStore, mart: Mart, publication: Publication, memory_limit: str) -> MartVersion:
    """The same rows in the mart's newest table; times that older tables have without zone are in UTC."""
    files = publication.marts[mart.name].files
    with published.tables.bring(files), duckdb.connect(config={"memory_limit": memory_limit}) as connection:
        rows = view_sql(mart, [str(published.root / file) for file in files])
        sql = f"{rows} order by {', '.join(mart.grain)}"
        return published.commit_month(
            published.write_month(mart, publication.month, publication.reconciliation, connection, sql)
        )
