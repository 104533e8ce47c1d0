"""Files as people have them (README of the folder): a case becomes the landing zone of a home."""

import shutil
from pathlib import Path

CASES = Path(__file__).parent


def land_case(subject: str, case: str, landing: Path) -> None:
    """Copy a case into a landing zone; KeyError-like failure when there is none of that name."""
    shutil.copytree(CASES / subject / case / "landing", landing, dirs_exist_ok=True)
