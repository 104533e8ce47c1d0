"""Exports per invoice: billed usage and reconciliation lines of Microsoft Graph, and the portal's files beside them.

Spec: usage_cost_reconciliation.md, precise rule 2. Per invoice the newest manifest wins whole; a loose file counts
unless its own invoice has a manifest.
"""

import re
from collections.abc import Mapping
from typing import Any

from recon_assets.errors import FileProblem
from recon_assets.landing.manifests import (
    Chosen,
    Part,
    blob_name,
    blobs_of,
    folder_of,
    is_manifest,
    read_manifest,
    sortable_instant,
    whole,
)
from recon_assets.landing.store import FileStore, LandedFile

_INVOICE = re.compile(r"InvoiceId=([^/?]+)", re.IGNORECASE)
_Manifest = tuple[tuple[str, str], LandedFile, dict[str, Any]]


def choose_invoice_files(store: FileStore, files: list[LandedFile], prefix: str, kind: str = "") -> Chosen:
    """The parts to read of one month of billed usage or reconciliation lines, by their manifests (rule 2).

    `kind` is the folder between the month and the invoices, where there is one.
    """
    chosen = Chosen()
    manifests: dict[str, list[_Manifest]] = {}
    for file in files:
        if is_manifest(file.path):
            try:
                content = read_manifest(store, file)
            except FileProblem as problem:
                chosen.problems.append(str(problem))
                continue
            invoice = invoice_of(file.path, prefix, str(content.get("rootDirectory") or ""), kind) or ""
            order = (sortable_instant(content.get("createdDateTime")) or "", file.path)
            manifests.setdefault(invoice, []).append((order, file, content))
    by_path = {file.path: file for file in files}
    for invoice, found in sorted(manifests.items()):
        *older, (order, file, content) = sorted(found, key=lambda manifest: manifest[0])
        facts = {"invoice": invoice or None, "created_at": order[0] or None, "has_manifest": "true"}
        _add_parts(chosen, file, content, by_path, facts)
        for _, replaced, named in older:
            beside = (f"{folder_of(replaced.path)}/{blob_name(blob)}" for blob in blobs_of(named))
            chosen.set_aside.update(dict.fromkeys([replaced.path, *beside], f"older run: {file.path} is newer"))
    _add_loose(chosen, files, prefix, kind, manifests)
    return chosen


def _add_loose(
    chosen: Chosen, files: list[LandedFile], prefix: str, kind: str, manifests: Mapping[str, list[_Manifest]]
) -> None:
    """Files that no manifest names; of one for several invoices, the rows whose invoice has none."""
    managed = {invoice.lower(): found[-1][1].path for invoice, found in manifests.items() if invoice}
    folders = {folder_of(file.path) for file in files if is_manifest(file.path)}
    taken = {part.file for part in chosen.parts}
    quoted = ", ".join("'" + invoice.replace("'", "''") + "'" for invoice in sorted(managed))
    ignores = {"has_manifest": f"lower(trim(invoice_number)) in ({quoted})"} if managed else {}
    for file in files:
        if is_manifest(file.path) or file in taken or file.path in chosen.set_aside:
            continue
        invoice = invoice_of(file.path, prefix, "", kind)
        if folder_of(file.path) in folders:
            chosen.set_aside[file.path] = "the manifest beside it does not name it"
        elif invoice is not None and invoice.lower() in managed:
            chosen.set_aside[file.path] = f"its invoice has a manifest: {managed[invoice.lower()]}"
        else:
            facts = {"invoice": invoice, "created_at": None, "has_manifest": "false"}
            chosen.parts.append(Part(file, facts, True, ignores))


def _add_parts(
    chosen: Chosen,
    manifest: LandedFile,
    content: dict[str, Any],
    by_path: dict[str, LandedFile],
    facts: dict[str, str | None],
) -> None:
    blobs = blobs_of(content)
    count = whole(content.get("blobCount"))
    if count is not None and count != len(blobs):
        chosen.problems.append(
            f"{manifest.path}: blobCount is {count}, but {len(blobs)} blobs are named; fetch it again"
        )
        return
    for blob in blobs:
        part = by_path.get(f"{folder_of(manifest.path)}/{blob_name(blob)}")
        if part is None:
            chosen.problems.append(
                f"{manifest.path}: the part {blob_name(blob)} has not landed beside it; fetch it again"
            )
        else:
            chosen.parts.append(Part(part, facts, False))
    if not blobs:
        chosen.parts.append(Part(manifest, facts, False))


def invoice_of(path: str, prefix: str, root_directory: str, kind: str = "") -> str | None:
    """InvoiceId= in rootDirectory, else the folder below the month; None leaves it to the InvoiceNumber column."""
    named = _INVOICE.search(root_directory)
    if named:
        return named[1].strip()
    folders = path.removeprefix(prefix).split("/")[1:-1]
    if kind and folders and folders[0].lower() == kind:
        folders = folders[1:]
    return folders[0].strip() if folders else None
