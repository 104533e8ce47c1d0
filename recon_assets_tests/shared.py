"""Official samples that lie beside the repository, where they are; the project's own samples are tested everywhere."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
# Read when tests are collected: the tests themselves run without RECON_* of the shell.
SHARED = Path(os.environ.get("RECON_SHARED", REPOSITORY.parent / "shared"))


def official(pattern: str) -> list[Path]:
    """The official files of a pattern under `data`, in order; none where there is no ../shared."""
    return sorted((SHARED / "data").glob(pattern))


def shortened(content: object) -> str:
    """The name of a test of one of them: pytest numbers those that begin alike."""
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)
    return text.lstrip("\ufeff")[:30]
