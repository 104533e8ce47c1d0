"""Services from npm that tests start: pinned in a folder with a lock file, installed once."""

import shutil
import subprocess
from pathlib import Path


def install(folder: Path, program: Path) -> str | None:
    """Install what the lock file in `folder` pins, unless `program` is there; why not, when it cannot be."""
    import filelock

    if program.is_file() and shutil.which("node"):
        return None
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "node and npm are not installed"
    with filelock.FileLock(folder / ".install.lock"):
        if program.is_file():
            return None
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        return None if done.returncode == 0 else f"npm ci failed: {done.stderr.strip()[-300:]}"
