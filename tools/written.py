"""Files below a folder that a tool writes anew as a whole."""

from collections.abc import Mapping
from pathlib import Path


def write_folder(folder: Path, written: Mapping[Path, str], pattern: str) -> None:
    """Write the files, and remove others below the folder whose names are of the pattern."""
    for path in folder.rglob(pattern):
        if path not in written:
            path.unlink()
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
