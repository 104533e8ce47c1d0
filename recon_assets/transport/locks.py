"""Locks across processes, such as one download of an invoice at a time; those of a killed process are gone with it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recon_assets.errors import ReconError


@contextmanager
def only_one(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file `path`; ReconError when another process does. `what` completes 'The ... is being fetched'."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        try:
            lock_file(file.fileno())
        except OSError:
            raise ReconError(f"The {what} is being fetched by another process. Wait until it is done.") from None
        yield


def lock_file(descriptor: int, wait: bool = False, shared: bool = False) -> None:
    """Lock an open file, as long as it is open; OSError when it is locked already and this is not to wait.

    A shared lock goes with others of its kind, and takes the place of one's own that is not; Windows has none.
    """
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(descriptor, kind | (0 if wait else fcntl.LOCK_NB))
