"""A folder on a file system of its own, small enough to be full: what the disk says then is ENOSPC, not a mock of it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def missing() -> str:
    """Why there can be no small disks here; empty when there can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "mounting a file system needs root"
    if shutil.which("mount") is None:
        return "there is no mount"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        return "this container may not mount"
    return ""


class SmallDisk:
    """A mounted tmpfs, with as much room left as it was given last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def leave(self, free: int) -> None:
        """Leave about `free` bytes of room."""
        stat = os.statvfs(self._folder)
        used = (stat.f_blocks - stat.f_bfree) * stat.f_frsize
        pages = -(-(used + free) // stat.f_frsize)
        _mount("-o", f"remount,size={pages * stat.f_frsize}", str(self._folder))


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Mount a tmpfs at `folder`, with what was in it; its files are gone afterwards."""
    kept = folder.with_name(f"{folder.name}-kept")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder, kept)
    _mount("-t", "tmpfs", "-o", "size=1g", "tmpfs", str(folder))
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True, capture_output=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)
