"""The code location, whose runs stop before they commit a publication while there is a file RECON_HOME/stop.

The run writes its process id into `stop.reached` and goes on when the other file is gone.
"""

import os
import time
from pathlib import Path

from recon_assets.definitions import defs
from recon_assets.lakehouse.log import Publication
from recon_assets.lakehouse.published import PublishedStore

__all__ = ["defs"]

_record = PublishedStore.record


def _stop_and_record(store: PublishedStore, publication: Publication) -> None:
    stop = Path(os.environ["RECON_HOME"], "stop")
    if stop.exists():
        part = stop.with_suffix(".part")
        part.write_text(str(os.getpid()), encoding="utf-8")
        part.rename(stop.with_suffix(".reached"))
    while stop.exists():
        time.sleep(0.05)
    _record(store, publication)


PublishedStore.record = _stop_and_record  # type: ignore[method-assign]
