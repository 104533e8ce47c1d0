"""Manifests of cost exports and of Graph billed-usage exports: which runs there are, and whose files count.

Spec: usage_cost_reconciliation.md, precise rules 1 and 2. A manifest is written last: a run without one is not there.
"""

import datetime as dt
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from recon_assets.errors import FileProblem
from recon_assets.landing.store import FileStore, LandedFile
from recon_assets.months import is_month

MANIFEST = "manifest.json"
_MAX_BYTES = 32 * 1024 * 1024  # a part is named in some 200; reading takes memory many times as large
# exportConfig.type without case -> kind of export and comparison; other types are no cost exports.
KINDS = {
    "actualcost": "actual_cost",
    "usage": "actual_cost",
    "amortizedcost": "amortized_cost",
    "focuscost": "focus_cost",
}
COMPARISONS = {"actual_cost": "actual_cost", "amortized_cost": "amortized_cost", "focus_cost": "focus"}

_NUL = b"\\u0000"
_PERIOD_FOLDER = re.compile(r"/(\d{4})(\d{2})\d{2}-\d{8}/|/(\d{4}-\d{2})/")
_INVOICE = re.compile(r"InvoiceId=([^/?]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """A landed file to read, and what is known of it as a whole (`facts`, texts or None)."""

    file: LandedFile
    facts: Mapping[str, str | None]
    is_loose: bool  # named by no manifest: the same content twice counts once


@dataclass(frozen=True)
class Chosen:
    """The files of a month that count, and why the month cannot be loaded, if so."""

    parts: list[Part] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class CostRun:
    """One run of a cost export; `problem` is set when its manifest cannot be understood."""

    manifest: LandedFile
    month: str
    kind: str
    export: str
    submitted: str  # sortable, UTC
    blobs: list[dict[str, Any]] = field(default_factory=list)
    blob_count: int | None = None
    byte_count: int | None = None
    problem: str | None = None

    @property
    def order(self) -> tuple[str, str]:
        return self.submitted, self.manifest.path

    def part_names(self) -> list[str]:
        return [str(blob.get("blobName") or blob.get("name") or "").rsplit("/", 1)[-1] for blob in self.blobs]


def read_manifest(store: FileStore, file: LandedFile) -> dict[str, Any]:
    """The manifest's content; FileProblem when it is not a JSON object."""
    if file.size > _MAX_BYTES:
        raise FileProblem(file.path, f"is no manifest: it has more than {_MAX_BYTES} bytes; land it again")
    with store.open_local(file) as path:
        try:
            content = json.loads(path.read_text(encoding="utf-8-sig"))
            if _NUL in json.dumps(content, ensure_ascii=False).encode():  # lone surrogates cannot be encoded
                raise ValueError("it holds NUL characters")
        except (ValueError, RecursionError) as error:
            raise FileProblem(file.path, f"is not a manifest in JSON ({error}); land it again") from error
    if not isinstance(content, dict):
        raise FileProblem(file.path, "is not a manifest: it holds no JSON object; land it again")
    if not isinstance(content.get("blobs") or [], list):
        raise FileProblem(file.path, "is not a manifest: its 'blobs' are no list; land it again")
    return content


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
    return path.rsplit("/", 1)[-1].lower() == MANIFEST


def folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def cost_run(store: FileStore, file: LandedFile) -> CostRun | None:
    """The run a manifest describes; None when it is no cost export, or nothing tells its month."""
    placed = _month_in_path(file.path)
    try:
        content = read_manifest(store, file)
        config, run = content.get("exportConfig") or {}, content.get("runInfo") or {}
        kind = KINDS.get(str(config.get("type")).replace("_", "").lower())
        if kind is None:
            return None
        month = str(run.get("startDate"))[:7]
        submitted = sortable_instant(run.get("submittedTime"))
        if not is_month(month) or submitted is None:
            raise FileProblem(file.path, "runInfo has no startDate and submittedTime that are instants; export again")
        blobs = [blob for blob in content.get("blobs") or [] if isinstance(blob, dict)]
    except (AttributeError, FileProblem) as problem:
        return CostRun(file, placed, "", "", "", problem=str(problem)) if placed else None
    export = (
        f"{str(config.get('resourceId') or '').strip().lower()}|{str(config.get('exportName') or '').strip().lower()}"
    )
    return CostRun(
        file, month, kind, export, submitted, blobs, _whole(content.get("blobCount")), _whole(content.get("byteCount"))
    )


def _month_in_path(path: str) -> str:
    found = [f"{m[1]}-{m[2]}" if m[1] else m[3] for m in _PERIOD_FOLDER.finditer(path)]
    return next((month for month in reversed(found) if is_month(month)), "")


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def newest_runs(runs: Iterable[CostRun]) -> list[CostRun]:
    """Of each export and kind the run with the newest submittedTime, whole (rule 1)."""
    newest: dict[tuple[str, str, str], CostRun] = {}
    for run in runs:
        key = (run.month, run.kind, run.export)
        if key not in newest or run.order > newest[key].order:
            newest[key] = run
    return sorted(newest.values(), key=lambda run: run.manifest.path)


def loose_place(path: str, prefix: str) -> tuple[str, str] | None:
    """(kind, month) of a path `<prefix><kind>/<month>/...`; None elsewhere."""
    kind, _, rest = path.removeprefix(prefix).partition("/")
    month, _, name = rest.partition("/")
    return (kind.lower(), month) if kind.lower() in COMPARISONS and is_month(month) and name else None


def cost_files_by_month(
    store: FileStore, files: list[LandedFile], prefix: str, suffixes: tuple[str, ...]
) -> dict[str, list[LandedFile]]:
    """Files of every month that decide what it holds: all manifests, the parts of the runs that win, loose files."""
    runs = [run for file in files if is_manifest(file.path) if (run := cost_run(store, file)) is not None]
    by_path = {file.path: file for file in files}
    found: dict[str, list[LandedFile]] = defaultdict(list)
    for run in runs:
        found[run.month].append(run.manifest)
    for run in newest_runs(run for run in runs if run.problem is None):
        beside = (by_path.get(f"{folder_of(run.manifest.path)}/{name}") for name in run.part_names())
        found[run.month] += [file for file in beside if file is not None]
    managed = {(run.kind, run.month) for run in runs}
    run_folders = {folder_of(file.path) for file in files if is_manifest(file.path)}
    for file in files:
        place = loose_place(file.path, prefix)
        hidden = file.path.rsplit("/", 1)[-1].startswith((".", "~$", "_"))
        readable = not hidden and file.path.lower().endswith(suffixes)
        if readable and place and place not in managed and folder_of(file.path) not in run_folders:
            found[place[1]].append(file)
    return {month: sorted(set(found[month])) for month in sorted(found)}


def choose_cost_files(store: FileStore, files: list[LandedFile], prefix: str) -> Chosen:
    """The parts to read of one month's files, as `cost_files_by_month` gave them."""
    chosen = Chosen()
    runs = [run for file in files if is_manifest(file.path) if (run := cost_run(store, file)) is not None]
    chosen.problems.extend(run.problem for run in runs if run.problem)
    readable = [run for run in runs if run.problem is None]
    by_path = {file.path: file for file in files}
    for run in newest_runs(readable):
        same = [r for r in readable if (r.kind, r.export) == (run.kind, run.export)]
        facts: dict[str, str | None] = {
            "kind": run.kind,
            "export_id": run.export,
            "submitted_at": run.submitted,
            "has_older_run": "true" if len(same) > 1 else "false",
        }
        parts, problem = _parts_of(run, by_path)
        chosen.problems.extend([problem] if problem else [])
        chosen.parts.extend(Part(part, facts, False) for part in parts)
        if not parts and not problem:  # a run of no blobs: the export is there, with no rows
            chosen.parts.append(Part(run.manifest, facts, False))
    for file in files:
        place = loose_place(file.path, prefix)
        if place is None or is_manifest(file.path) or any(file == part.file for part in chosen.parts):
            continue
        if not any(run.kind == place[0] for run in readable):
            facts = {
                "kind": place[0],
                "export_id": f"folder|{place[0]}",
                "submitted_at": None,
                "has_older_run": "false",
            }
            chosen.parts.append(Part(file, facts, True))
    return chosen


def _parts_of(run: CostRun, by_path: dict[str, LandedFile]) -> tuple[list[LandedFile], str | None]:
    """The landed parts of a run, and why it is not whole, if so: no older run is taken in its place."""
    where = run.manifest.path
    names = run.part_names()
    if run.blob_count is not None and run.blob_count != len(names):
        return [], f"{where}: blobCount is {run.blob_count}, but {len(names)} blobs are named; land the export again"
    found = [by_path.get(f"{folder_of(where)}/{name}") for name in names]
    missing = [name for name, file in zip(names, found, strict=True) if file is None]
    if missing:
        return [], f"{where}: the part {missing[0]} has not landed beside it; land the export again"
    parts = [file for file in found if file is not None]
    for blob, part in zip(run.blobs, parts, strict=True):
        size = _whole(blob.get("byteCount"))
        if size is not None and size != part.size:
            return [], f"{part.path}: holds {part.size} bytes where its manifest says {size}; land the export again"
    total = sum(part.size for part in parts)
    if run.byte_count is not None and run.byte_count != total:
        return [], f"{where}: byteCount is {run.byte_count}, the parts hold {total}; land the export again"
    return parts, None


def choose_usage_files(store: FileStore, files: list[LandedFile], prefix: str) -> Chosen:
    """The parts to read of one month of billed usage (rule 2)."""
    chosen = Chosen()
    manifests = [file for file in files if is_manifest(file.path)]
    by_path = {file.path: file for file in files}
    newest: dict[str, tuple[tuple[str, str], LandedFile, dict[str, Any]]] = {}
    for file in manifests:
        try:
            content = read_manifest(store, file)
        except FileProblem as problem:
            chosen.problems.append(str(problem))
            continue
        invoice = invoice_of(file.path, prefix, str(content.get("rootDirectory") or "")) or ""
        order = (sortable_instant(content.get("createdDateTime")) or "", file.path)
        if invoice not in newest or order > newest[invoice][0]:
            newest[invoice] = (order, file, content)
    for invoice, (order, file, content) in sorted(newest.items()):
        facts = {"invoice": invoice or None, "created_at": order[0] or None, "has_manifest": "true"}
        _add_usage_parts(chosen, file, content, by_path, facts)
    if not manifests:
        for file in files:
            facts = {"invoice": invoice_of(file.path, prefix, ""), "created_at": None, "has_manifest": "false"}
            chosen.parts.append(Part(file, facts, True))
    return chosen


def _add_usage_parts(
    chosen: Chosen,
    manifest: LandedFile,
    content: dict[str, Any],
    by_path: dict[str, LandedFile],
    facts: dict[str, str | None],
) -> None:
    blobs = [blob for blob in content.get("blobs") or [] if isinstance(blob, dict)]
    count = _whole(content.get("blobCount"))
    if count is not None and count != len(blobs):
        chosen.problems.append(
            f"{manifest.path}: blobCount is {count}, but {len(blobs)} blobs are named; fetch it again"
        )
        return
    for blob in blobs:
        name = str(blob.get("name") or blob.get("blobName") or "").rsplit("/", 1)[-1]
        part = by_path.get(f"{folder_of(manifest.path)}/{name}")
        if part is None:
            chosen.problems.append(f"{manifest.path}: the part {name} has not landed beside it; fetch it again")
        else:
            chosen.parts.append(Part(part, facts, False))
    if not blobs:
        chosen.parts.append(Part(manifest, facts, False))


def invoice_of(path: str, prefix: str, root_directory: str) -> str | None:
    """InvoiceId= in rootDirectory, else the folder below the month; None leaves it to the InvoiceNumber column."""
    named = _INVOICE.search(root_directory)
    if named:
        return named[1].strip()
    folders = path.removeprefix(prefix).split("/")[1:-1]
    return folders[0].strip() if folders else None
