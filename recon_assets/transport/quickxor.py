"""QuickXorHash, the check sum that OneDrive and SharePoint give of a file.

A block of 160 bits; the byte at position i is exclusive-or'ed into it, rotated left by 11 * i bits, and at the end the
length into its last 64 bits (OneDrive developer reference, QuickXorHash). Guards against accidents alone.
"""

import base64
from pathlib import Path

_BITS = 160
_ROTATED = 11
_BYTES = _BITS // 8
_CHUNK = _BITS << 13  # 160 bytes after one another are rotated by every multiple: chunks of whole ones add up


def quick_xor_hash(path: Path) -> str:
    """The hash of a file's content, in base64 as Microsoft Graph gives it."""
    folded, size = 0, 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            folded ^= _folded(int.from_bytes(chunk, "little"))
    block = 0
    for position, byte in enumerate(folded.to_bytes(_BITS, "little")):
        shift = position * _ROTATED % _BITS
        block ^= byte << shift | byte >> (_BITS - shift)
    block &= (1 << _BITS) - 1
    digest = (block ^ size << (_BITS - 64)).to_bytes(_BYTES, "little")
    return base64.b64encode(digest).decode("ascii")


def _folded(content: int) -> int:
    """Every 160 bytes of a chunk on top of one another."""
    half = _CHUNK // 2
    while half >= _BITS:
        content = (content >> 8 * half) ^ (content & ((1 << 8 * half) - 1))
        half //= 2
    return content
