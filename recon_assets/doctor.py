"""`recon doctor`: what is wrong with the settings, the storage or the versions, and what to do about it."""

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from recon_assets.azure.urls import is_azure
from recon_assets.connectors.bss import WATERMARK
from recon_assets.errors import ReconError
from recon_assets.landing.discovery import landed_paths
from recon_assets.platform import Platform
from recon_assets.settings import Settings, load_settings
from recon_assets.sources.registry import SOURCES

_FAMILY = ("dagster", "dagster-webserver", "dbt-core", "dbt-duckdb", "duckdb", "deltalake", "pandera", "polars")


@dataclass(frozen=True)
class Finding:
    level: Literal["ok", "warning", "error"]
    subject: str
    text: str


def examine() -> list[Finding]:
    """Findings in the order in which to mend them."""
    try:
        settings = load_settings()
    except ReconError as error:
        return [Finding("error", "settings", str(error))]
    return [*_versions(), *_folders(settings), *_azure(settings), *_files(settings), *_instance(settings)]


def _versions() -> Iterator[Finding]:
    yield Finding("ok", "versions", ", ".join(f"{name} {version(name)}" for name in _FAMILY))


def _folders(settings: Settings) -> Iterator[Finding]:
    folders = {"RECON_HOME": settings.home}
    if not is_azure(settings.published_url):
        folders["published"] = settings.published
    for name, folder in folders.items():
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        if not existing.is_dir() or not os.access(existing, os.W_OK):
            yield Finding("error", name, f"{folder} cannot be written to. Choose another RECON_HOME, or grant access.")
        else:
            yield Finding("ok", name, str(folder))


def _azure(settings: Settings) -> Iterator[Finding]:
    """The published tables, when they are on Azure: whether they can be reached with these credentials."""
    if not is_azure(settings.published_url):
        return
    try:
        count = len(Platform.from_settings(settings).published.publications())
    except ReconError as error:
        yield Finding("error", "published", str(error))
    else:
        yield Finding("ok", "published", f"{settings.published_url}: {count} publications")


def _files(settings: Settings) -> Iterator[Finding]:
    try:
        platform = Platform.from_settings(settings)
        is_there = platform.landing.exists()
    except ReconError as error:
        yield Finding("error", "landing", str(error))
        return
    where = platform.landing.name
    if not is_there:
        yield Finding("error", "landing", f"{where} does not exist. Create it, or set RECON_LANDING_URL.")
        return
    taken = landed_paths(platform.landing)
    for file in platform.landing.list_files(""):
        if file.path not in taken and file.path != WATERMARK:
            text = f"{file.path} is no file of any source by its name and folder; it is not read."
            yield Finding("warning", "landing", text)
    if not taken:
        yield Finding("warning", "landing", f"No file has landed below {where}. Try `recon sample`.")
    for source in SOURCES:
        for failed in platform.raw.failed_months(source):
            yield Finding("error", f"{source} {failed.month}", "; ".join(failed.problems))


def _instance(settings: Settings) -> Iterator[Finding]:
    database = Path(settings.dagster_home, "history", "runs.db")
    if not database.is_file():
        yield Finding("ok", "dagster", "No run yet; the instance is made by the first `recon run` or `make dev`.")
        return
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        count = connection.execute("select count(*) from runs").fetchone()[0]
    yield Finding("ok", "dagster", f"{count} runs in {settings.dagster_home}")
