"""Whether a file arrived as it is: its size and its MD5, as the service announced them."""

import base64
import hashlib
from pathlib import Path
from typing import Literal

Digest = Literal["md5", "sha1", "sha256"]


def digest_of(path: Path, algorithm: Digest) -> bytes:
    """Digest of a file's content; MD5 and SHA-1 are what services announce, against accidents alone."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).digest()


def arrival_problem(path: Path, size: int | None, md5: str | None) -> str | None:
    """What is wrong with a file that was to have `size` bytes and this MD5 (base64); None when it is as announced."""
    held = path.stat().st_size
    if size is not None and held != size:
        return f"{held} bytes came where {size} were announced"
    if md5 is not None and base64.b64encode(digest_of(path, "md5")).decode("ascii") != md5:
        return "its content does not have the MD5 that was announced"
    return None
