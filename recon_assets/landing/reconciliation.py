"""Microsoft's reconciliation files: which month one holds and of which kind it is, by its place, name or columns.

Spec: sources.md; intake.md, 7. `<MONTHYEAR>_MSRECON_<kind>*` lies beside `<month>/[nce|legacy]/`, where a file keeps
the name that Partner Center or the Graph export gave it.
"""

import gzip
import re
import zipfile
import zlib
from pathlib import Path

from recon_assets.landing.manifests import is_hidden, is_manifest
from recon_assets.landing.store import FileStore, LandedFile
from recon_assets.months import MONTH_NAMES, add_months, is_month

KINDS = ("nce", "legacy")
_NAMED = re.compile(
    rf"({'|'.join(MONTH_NAMES)})(\d{{4}})_msrecon_({'|'.join(KINDS)})[^/]*"
    r"\.((?:csv|json|jsonl)(?:\.gz)?|txt|tsv|xlsx|xlsm|xlsb|xls|ods|zip)",
    re.IGNORECASE,
)
_HEAD = 1 << 16  # bytes in which the headings are
_MOST_MEMBERS = 20
# What a damaged or encrypted file raises; reading it says what is wrong with it.
_DAMAGED = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, RuntimeError)
_ONLY_IN_LEGACY = b"syndicationpartnersubscriptionnumber"


def reconciliation_file_month(name: str, kind: str) -> str | None:
    """Month a Microsoft reconciliation file holds, from its name: the name's month minus one; None for other files.

    APRIL2022_MSRECON_NCE.csv holds March 2022. `kind` is `nce` or `legacy`; case does not matter.
    """
    match = _NAMED.fullmatch(name)
    if match is None or match[3].lower() != kind:
        return None
    named = f"{match[2]}-{MONTH_NAMES.index(match[1].lower()) + 1:02d}"
    return add_months(named, -1) if is_month(named) else None


def other_month_named(path: str, month: str) -> str | None:
    """The month that a file's name says it holds, where that is another than `month`, in which it lies."""
    name = path.rsplit("/", 1)[-1]
    named = next(filter(None, (reconciliation_file_month(name, kind) for kind in KINDS)), None)
    return named if named != month else None


def reconciliation_place(below: str, suffixes: tuple[str, ...]) -> tuple[str | None, str | None]:
    """Month and kind of a path below the source's folder; no month: another file, no kind: the columns tell it."""
    month, *folders, name = below.split("/") if "/" in below else ("", below)
    if not month:
        found = {kind: reconciliation_file_month(name, kind) for kind in KINDS}
        return next(((month, kind) for kind, month in found.items() if month is not None), (None, None))
    hidden = is_hidden(name) and not is_manifest(name)
    if not is_month(month) or hidden or not name.lower().endswith(suffixes):
        return None, None
    named = folders[0].lower() if folders else ""
    return month, named if named in KINDS else None


def kind_by_columns(store: FileStore, file: LandedFile) -> str:
    """The kind of a file by a heading that only legacy files have; one that cannot be opened counts as nce."""
    with store.open_local(file) as path:
        try:
            head = _head(path)
        except _DAMAGED:
            return "nce"
    spelled = head.translate(None, b"\x00_ ").lower()
    return "legacy" if _ONLY_IN_LEGACY in spelled else "nce"


def _head(path: Path) -> bytes:
    """The first bytes of what a file holds, packed or not."""
    with path.open("rb") as packed:
        magic = packed.read(2)
    if magic == b"PK":
        with zipfile.ZipFile(path) as archive:  # of a workbook some part holds the headings
            return b"".join(archive.open(member).read(_HEAD) for member in archive.infolist()[:_MOST_MEMBERS])
    with gzip.open(path) if magic == b"\x1f\x8b" else path.open("rb") as content:
        return content.read(_HEAD)
