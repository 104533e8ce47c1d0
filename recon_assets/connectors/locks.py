"""One download of an invoice at a time, across processes; a lock of a killed process is gone with it."""

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
            _lock(file.fileno())
        except OSError:
            raise ReconError(f"The {what} is being fetched by another process. Wait until it is done.") from None
        yield


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
