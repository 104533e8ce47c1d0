"""The code location, whose runs stop at a named place while a file of that name is in RECON_HOME/stops.

The run writes its process id into `<place>.reached` and goes on when the file of the place is gone.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recon_assets.definitions import defs
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.lakehouse.raw import RawStore

__all__ = ["defs"]


def _stoppable(owner: type, name: str, place: str, applies: Callable[..., bool]) -> None:
    original = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        stop = Path(os.environ["RECON_HOME"], "stops", place)
        if stop.exists() and applies(*args, **kwargs):
            reached = stop.with_suffix(".reached")
            reached.with_suffix(".part").write_text(str(os.getpid()), encoding="utf-8")
            reached.with_suffix(".part").rename(reached)
            while stop.exists():
                time.sleep(0.05)
        return original(*args, **kwargs)

    setattr(owner, name, wrapped)


_stoppable(RawStore, "commit", "before_raw_commit", lambda store, month: month.source == "ms_recon_nce")
_stoppable(PublishedStore, "record", "before_publication_row", lambda store, publication: True)
