"""Manifests that Microsoft writes beside its exports, and what is chosen by them.

A manifest is written last: a run without one is not there. Which runs of cost exports count is told in `cost_exports`,
which billed usage and reconciliation exports in `invoice_exports`.
"""

import datetime as dt
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from recon_assets.errors import FileProblem
from recon_assets.landing.store import FileStore, LandedFile

MANIFESTS = ("manifest.json", "_manifest.json")
_MAX_BYTES = 32 * 1024 * 1024  # a part is named in some 200; reading takes memory many times as large
_NUL = b"\\u0000"


@dataclass(frozen=True)
class Part:
    """A landed file to read, and what is known of it as a whole (`facts`, texts or None)."""

    file: LandedFile
    facts: Mapping[str, str | None]
    is_loose: bool  # named by no manifest: the same content twice counts once
    # Rows to leave out: name of the rule -> SQL over the raw columns. They belong to another month, or another file.
    ignores: Mapping[str, str] = field(default_factory=dict)
    # Files without a manifest that are runs of one export: of those with the same name one counts.
    rivals: str = ""


@dataclass(frozen=True)
class Replaced:
    """A run that a newer one replaced, but which may hold days that the newer one lacks."""

    name: str
    by: str
    export_id: str
    kind: str
    parts: list[Part]


@dataclass(frozen=True)
class Chosen:
    """The files of a month that count, those that do not with the reason, and why the month cannot be loaded."""

    parts: list[Part] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    set_aside: dict[str, str] = field(default_factory=dict)  # path -> reason
    replaced: list[Replaced] = field(default_factory=list)


def read_manifest(store: FileStore, file: LandedFile) -> dict[str, Any]:
    """The manifest's content; FileProblem when it is not a JSON object."""
    if file.size > _MAX_BYTES:
        raise FileProblem(file.path, f"is no manifest: it has more than {_MAX_BYTES} bytes; land it again")
    with store.open_local(file) as path:
        content = path.read_bytes()
    try:
        found = json.loads(content.decode(json.detect_encoding(content)).removeprefix("\ufeff"))
        if _NUL in json.dumps(found, ensure_ascii=False).encode():  # lone surrogates cannot be encoded
            raise ValueError("it holds NUL characters")
    except (ValueError, RecursionError) as error:
        raise FileProblem(file.path, f"is not a manifest in JSON ({error}); land it again") from error
    if not isinstance(found, dict):
        raise FileProblem(file.path, "is not a manifest: it holds no JSON object; land it again")
    if not isinstance(found.get("blobs") or [], list):
        raise FileProblem(file.path, "is not a manifest: its 'blobs' are no list; land it again")
    return found


def sortable_instant(text: object) -> str | None:
    """An ISO 8601 instant as sortable text in UTC, nine decimals; None when it is none. Without offset it is UTC."""
    match = re.fullmatch(
        r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\d*\s*(Z|[+-]\d\d:?\d\d)?", str(text).strip()
    )
    if match is None:
        return None
    offset = (match[4] or "Z").replace("Z", "+00:00")
    offset = offset if ":" in offset else f"{offset[:3]}:{offset[3:]}"
    try:
        instant = dt.datetime.fromisoformat(f"{match[1]}T{match[2]}{offset}").astimezone(dt.UTC)
    except ValueError:
        return None
    return f"{instant:%Y-%m-%d %H:%M:%S}.{(match[3] or '').ljust(9, '0')}"


def is_manifest(path: str) -> bool:
    return path.rsplit("/", 1)[-1].lower() in MANIFESTS


def folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def is_hidden(path: str) -> bool:
    """Whether a file is one that programs leave beside those of people: locks, marks of commits, system files."""
    return path.rsplit("/", 1)[-1].startswith((".", "~$", "_"))


def blobs_of(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [blob for blob in content.get("blobs") or [] if isinstance(blob, dict)]


def blob_name(blob: Mapping[str, Any]) -> str:
    """Name of the part beside its manifest: the last segment of the blob's."""
    return str(blob.get("blobName") or blob.get("name") or "").rsplit("/", 1)[-1]


def whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
