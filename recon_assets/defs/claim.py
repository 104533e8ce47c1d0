"""The claim of a Dagster instance on a home: two pipelines on one home would load and publish against each other."""

import os
import sys
from pathlib import Path
from typing import TextIO

from recon_assets.errors import InputError
from recon_assets.settings import Settings
from recon_assets.transport.locks import lock_file

_CLAIM = "pipeline.claim"
_held: list[TextIO] = []  # open as long as the process lives: with it the lock goes, however it ends


def claim_home(settings: Settings) -> None:
    """Claim the home for this process's Dagster instance; InputError while one of another instance is up.

    All processes of an instance share the claim: code servers and the runs they start. `recon run` needs none. Where
    files cannot be locked by several (Windows), and without a home yet, nothing is claimed.
    """
    if sys.platform == "win32" or not settings.home.is_dir():
        return
    own = _instance()
    file = (settings.home / _CLAIM).open("a+", encoding="utf-8")
    try:
        lock_file(file.fileno())
        file.truncate(0)
        file.write(own)
        file.flush()
    except BlockingIOError:
        pass  # somebody has it: the name in it says who
    lock_file(file.fileno(), wait=True, shared=True)
    file.seek(0)
    holder = file.read()
    if holder != own:
        file.close()
        raise InputError(
            f"The home {settings.home.resolve()} belongs to another pipeline that is running, of the Dagster instance "
            f"{holder}; this one is {own}. Stop that one, or give this one a home of its own (RECON_HOME)."
        )
    _held.append(file)


def _instance() -> str:
    folder = os.environ.get("DAGSTER_HOME")
    return str(Path(folder).resolve()) if folder else "(temporary: DAGSTER_HOME is not set)"
