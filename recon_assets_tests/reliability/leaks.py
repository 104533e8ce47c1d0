"""The search for secrets in whatever a platform leaves behind: files, databases and packed content, in any spelling."""

import base64
import gzip
import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, quote_plus

import pyarrow.parquet as pq

_SQLITE = b"SQLite format 3\0"


def leaks(canaries: Mapping[str, str], texts: Iterable[tuple[str, bytes]]) -> list[str]:
    """`<name of the secret> in <place>` for every secret that a (place, content) holds."""
    spelled = {name: forms(secret) for name, secret in canaries.items()}
    return [
        f"{name} in {place}"
        for place, content in texts
        for name, found in spelled.items()
        if any(form in content for form in found)
    ]


def forms(secret: str) -> set[bytes]:
    """The secret as it is, as part of a URL, of JSON, and of a text in Base64, whatever stands before it there."""
    raw = secret.encode()
    found = {raw, quote(secret, safe="").encode(), quote_plus(secret).encode(), json.dumps(secret)[1:-1].encode()}
    for before in range(3):
        packed = base64.b64encode(bytes(before) + raw)
        own = packed[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]  # characters that it alone decides
        found |= {own, own.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


def contents_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file, as it is and unpacked; databases value by value, since their pages cut long texts."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        yield str(path), content
        if path.suffix == ".gz":
            yield f"{path} (unpacked)", gzip.decompress(content)
        elif path.suffix == ".parquet":
            yield f"{path} (rows)", str(pq.read_table(path, partitioning=None).to_pylist()).encode()
        elif content.startswith(_SQLITE):
            yield from _values(path)


def _values(database: Path) -> Iterator[tuple[str, bytes]]:
    with closing(sqlite3.connect(database)) as connection:
        tables = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
        for (table,) in tables:
            for row in connection.execute(f'select * from "{table}"'):
                for value in row:
                    if isinstance(value, bytes | str):
                        yield f"{database} ({table})", _unpacked(value)


def _unpacked(value: bytes | str) -> bytes:
    if isinstance(value, str):
        return value.encode()
    try:
        return zlib.decompress(value)  # as Dagster keeps its snapshots
    except zlib.error:
        return value
