"""The home folder and its Dagster instance: made on first use, the same for the console script and the UI."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from recon_assets.errors import InputError
from recon_assets.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

TEMPLATE = Path(__file__).resolve().parents[1] / "dagster.yaml"


def prepare_home(settings: Settings) -> None:
    """Create the home's folders and its dagster.yaml (from the template) where they are missing."""
    folders = [settings.raw, settings.build, settings.dagster_home]
    if settings.landing_url is None:
        folders.append(settings.landing)
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _not_writable(folder, error.strerror) from error
        if not os.access(folder, os.W_OK):
            raise _not_writable(folder, "no right to write")
    target = settings.dagster_home / "dagster.yaml"
    if not target.exists():
        target.write_text(TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8")


def _not_writable(folder: Path, why: str | None) -> InputError:
    return InputError(
        f"RECON_HOME: {folder} cannot be written to ({why}). Grant this account access, or choose another RECON_HOME."
    )


def open_instance(settings: Settings) -> "dg.DagsterInstance":
    """The home's Dagster instance: runs recorded in it are what the UI shows."""
    import dagster as dg

    enter_home(settings)
    return dg.DagsterInstance.get()


def enter_home(settings: Settings) -> None:
    """Make the home where it is missing, and have Dagster and dbt in this process work in it."""
    prepare_home(settings)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ["RECON_HOME"] = str(settings.home)
