"""`recon doctor`: what is wrong with the settings, the storage or the versions, and what to do about it."""

import difflib
import os
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path, PurePath
from typing import Any, Literal

import yaml
from deltalake.exceptions import DeltaError

from recon_assets.app.settings import AppSettings
from recon_assets.azure.settings import AzureSettings
from recon_assets.azure.urls import is_azure
from recon_assets.catalogue import SOURCES
from recon_assets.connectors.bss_settings import BssSettings
from recon_assets.connectors.settings import GraphSettings
from recon_assets.connectors.sharepoint_settings import SharePointSettings
from recon_assets.environment import EnvironmentSettings, dot_env
from recon_assets.errors import ReconError
from recon_assets.lakehouse.settled import unlike_the_log
from recon_assets.landing.discovery import landed_paths
from recon_assets.landing.unread import unread_files
from recon_assets.notices.outbox import NOTICES_FILE, Outbox
from recon_assets.notices.settings import NoticeSettings, load_notice_settings
from recon_assets.pipeline.marts import published_marts
from recon_assets.platform import Platform
from recon_assets.settings import Settings, load_settings
from recon_assets.storage import published_for_readers
from recon_assets.transport.redaction import redact

_SETTINGS: tuple[type[EnvironmentSettings], ...] = (
    Settings,
    NoticeSettings,
    AppSettings,
    AzureSettings,
    BssSettings,
    GraphSettings,
    SharePointSettings,
)
# Read by deploy/workspace.yaml and by the tests.
OTHER_VARIABLES = {"RECON_CODE_HOST", "RECON_CODE_PORT", "RECON_SHARED", "RECON_TESTS_NO_SKIPS"}
_SECONDS = 5  # how long a server may take to answer
_QUIET_DAEMON_SECONDS = 300
_LITTLE_SPACE = 5 * 1000**3
_POSTGRES_ADVICE = {
    "could not translate host name": "Check DAGSTER_POSTGRES_HOST.",
    "Connection refused": "Is the server running, and DAGSTER_POSTGRES_PORT right?",
    "timeout expired": "Check DAGSTER_POSTGRES_HOST and firewalls.",
    "authentication failed": "Check DAGSTER_POSTGRES_USER and DAGSTER_POSTGRES_PASSWORD.",
    "does not exist": "Create the database, or check DAGSTER_POSTGRES_DB.",
}
_SCHEME = "postgresql+psycopg2"  # without it SQLAlchemy takes psycopg, on which Dagster's notifications fail
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
    return [
        *_versions(),
        *_unknown_variables(),
        *_folders(settings),
        *_published(settings),
        *_files(settings),
        *_dagster_storage(settings),
        *_notices(settings),
    ]


def _versions() -> Iterator[Finding]:
    yield Finding("ok", "versions", ", ".join(f"{name} {version(name)}" for name in _FAMILY))


def _folders(settings: Settings) -> Iterator[Finding]:
    yield from _apart(settings)
    folders = {"RECON_HOME": settings.home}
    if not is_azure(settings.published_url):
        folders["published"] = settings.published
    for name, folder in folders.items():
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        if not existing.is_dir() or not os.access(existing, os.W_OK):
            yield Finding("error", name, f"{folder} cannot be written to. Choose another RECON_HOME, or grant access.")
        else:
            yield Finding("ok", name, str(folder))
            free = shutil.disk_usage(existing).free
            if free < _LITTLE_SPACE:
                yield Finding("warning", name, f"{free / 1e9:.1f} GB are free on the disk of {folder}. Make room.")


def _apart(settings: Settings) -> Iterator[Finding]:
    landing_url, published_url = settings.landing_url or "", settings.published_url or ""
    landing = PurePath(landing_url) if is_azure(landing_url) else settings.landing.resolve()
    published = PurePath(published_url) if is_azure(published_url) else settings.published.resolve()
    if landing == published or landing in published.parents or published in landing.parents:
        where, of_landing = published_url or published, landing_url or landing
        yield Finding("error", "RECON_PUBLISHED_URL", f"{where} and the landing zone {of_landing} must be apart.")


def _published(settings: Settings) -> Iterator[Finding]:
    """The published tables: whether they can be reached, and whether each is what the log says."""
    try:
        published = published_for_readers(settings)
        count = len(published.publications())
        # Without a publication the marts, which dbt has to be asked for, play no part.
        marts = [mart for mart in published_marts().values() if mart.is_monthly] if count else []
        unlike = unlike_the_log(published, marts)
    except (ReconError, DeltaError, OSError) as error:
        yield Finding("error", "published", f"The published tables cannot be read: {error}")
        return
    if is_azure(settings.published_url):
        yield Finding("ok", "published", f"{settings.published_url}: {count} publications")
    for month in unlike:
        where = " ".join(value for _, value in month.partition)
        yield Finding(
            "warning",
            f"published {month.mart.name}",
            f"A run was killed while it published {where}, or is publishing it: who reads the Delta table "
            f"{month.folder} directly sees another version than the app. The next `recon run` mends it.",
        )


def _files(settings: Settings) -> Iterator[Finding]:
    try:
        platform = Platform.from_settings(settings)
    except ReconError as error:
        yield Finding("error", "landing", str(error))
        return
    yield from _landed(platform)
    for source in SOURCES:
        for failed in platform.raw.failed_months(source):
            yield Finding("error", f"{source} {failed.month}", "; ".join(failed.problems))
        for month in platform.raw.months(source):
            if platform.raw.is_damaged(source, month):
                text = "What is loaded of it is damaged. The next run or sensor loads it again."
                yield Finding("warning", f"{source} {month}", text)


def _landed(platform: Platform) -> Iterator[Finding]:
    where = platform.landing.name
    try:
        if not platform.has_landing():
            yield Finding("error", "landing", f"{where} does not exist. Create it, or set RECON_LANDING_URL.")
            return
        taken = landed_paths(platform.landing)
        others = unread_files(platform.landing)
    except ReconError as error:
        yield Finding("error", "landing", str(error))
        return
    for unread in others:
        yield Finding("warning", "landing", f"{unread}.")
    if not taken:
        yield Finding("warning", "landing", f"No file has landed below {where}. Try `recon sample`.")


def _unknown_variables() -> Iterator[Finding]:
    """Variables that look like settings and are none: a typing error would leave the default in place, silently."""
    known = known_variables()
    for name in sorted(name for name in {**dot_env(), **os.environ} if name.startswith("RECON_")):
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            yield Finding("warning", name, "is no setting." + (f" Is {close[0]} meant?" if close else " Remove it."))


def known_variables() -> set[str]:
    """Every environment variable that is read here or in deploy/ and begins with RECON_, and those of the app."""
    found = set(OTHER_VARIABLES)
    for settings in _SETTINGS:
        found.update(map(settings.variable, settings.model_fields))
    return found


def _dagster_storage(settings: Settings) -> Iterator[Finding]:
    """Where Dagster keeps its runs, as $DAGSTER_HOME/dagster.yaml says, and whether it can be used."""
    file = settings.dagster_home / "dagster.yaml"
    elsewhere = os.environ.get("DAGSTER_HOME")
    if elsewhere and Path(elsewhere).resolve() != settings.dagster_home.resolve():
        yield Finding(
            "error",
            "DAGSTER_HOME",
            f"is {elsewhere}, but `recon run` records its runs in {settings.dagster_home}. Set it to that folder.",
        )
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except yaml.YAMLError as error:
        yield Finding("error", "dagster", f"{file} is no YAML: {' '.join(str(error).split())}")
        return
    postgres = ((content or {}).get("storage") or {}).get("postgres")
    yield from _postgres(file, postgres) if postgres else _sqlite(settings)


def _sqlite(settings: Settings) -> Iterator[Finding]:
    database = Path(settings.dagster_home, "history", "runs.db")
    if not database.is_file():
        yield Finding("ok", "dagster", "No run yet; the instance is made by the first `recon run` or `make dev`.")
        return
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        count = connection.execute("select count(*) from runs").fetchone()[0]
    yield Finding("ok", "dagster", f"{count} runs in {settings.dagster_home}")


def _postgres(file: Path, config: dict[str, Any]) -> Iterator[Finding]:
    import psycopg2  # type: ignore[import-untyped]

    named = config.get("postgres_db") or {}
    if named.get("scheme") != _SCHEME:
        yield Finding(
            "error", "dagster", f"{file}: set scheme: {_SCHEME} below postgres_db, as deploy/dagster.yaml does."
        )
    variables = [value["env"] for value in named.values() if isinstance(value, dict) and "env" in value]
    if missing := [name for name in variables if not os.environ.get(name)]:
        yield Finding("error", "dagster", f"{file} takes {', '.join(missing)} from the environment: not set.")
        return
    access = {key: os.environ[v["env"]] if isinstance(v, dict) and "env" in v else v for key, v in named.items()}
    try:
        connection = psycopg2.connect(
            host=access.get("hostname"),
            port=access.get("port", 5432),
            dbname=access.get("db_name"),
            user=access.get("username"),
            password=access.get("password"),
            connect_timeout=_SECONDS,
        )
    except psycopg2.OperationalError as error:
        text = redact(" ".join(str(error).split()))
        advice = next((advice for part, advice in _POSTGRES_ADVICE.items() if part in text), "")
        yield Finding("error", "dagster", f"PostgreSQL cannot be used: {text}. {advice}".strip())
        return
    with closing(connection), connection.cursor() as cursor:
        yield from _postgres_content(cursor)


def _postgres_content(cursor: Any) -> Iterator[Finding]:
    cursor.execute("select to_regclass('runs') is not null and to_regclass('daemon_heartbeats') is not null")
    if not cursor.fetchone()[0]:
        yield Finding("ok", "dagster", "PostgreSQL answers; Dagster makes its tables when it first starts.")
        return
    cursor.execute("select count(*) from runs")
    yield Finding("ok", "dagster", f"PostgreSQL answers; {cursor.fetchone()[0]} runs.")
    cursor.execute("select extract(epoch from now() at time zone 'utc' - max(timestamp)) from daemon_heartbeats")
    age = cursor.fetchone()[0]
    if age is None or age > _QUIET_DAEMON_SECONDS:
        since = "has never run" if age is None else f"was last heard of {age / 60:.0f} minutes ago"
        yield Finding("error", "daemon", f"{since}: no schedule, sensor or queued run moves. Start dagster-daemon.")


def _notices(settings: Settings) -> Iterator[Finding]:
    try:
        wanted = load_notice_settings()
    except ReconError as error:
        yield Finding("error", "notices", str(error))
        return
    if wanted.mail_to and wanted.smtp_host:
        try:
            socket.create_connection((wanted.smtp_host, wanted.smtp_port), timeout=_SECONDS).close()
        except OSError as error:
            where = f"{wanted.smtp_host}:{wanted.smtp_port}"
            yield Finding(
                "error", "RECON_SMTP_HOST", f"{where} cannot be reached: {error}. Check name, port, firewall."
            )
    for lost in Outbox(settings.home / NOTICES_FILE).undelivered():
        yield Finding("warning", "notices", f"'{lost.title}' by {lost.channel} is {lost.state}. {lost.error}".strip())
    yield Finding(
        "ok", "notices", f"go to {' and '.join(wanted.channels) or 'nobody: neither webhook nor e-mail is set'}"
    )
