"""Which reader loaded a month: a version that changes when anything does that decides what rows a file gives."""

import hashlib
from dataclasses import replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from recon_assets.catalogue import SOURCES
from recon_assets.lakehouse.raw import RawMonth
from recon_assets.landing.store import LandedFile
from recon_assets.settings import Settings
from recon_assets.sources.hints import hints_of

# Modules that the files of one reader alone go through. Whatever else lies in the packages decides over all sources.
_OWN_MODULES = {
    "bss": ("bss_json.py",),
    "register": ("registers.py",),
    "einvoice": ("einvoices.py", "myinvois.py", "json_values.py", "ubl.py"),
    "usage": ("usage_files.py", "parquet.py", "cost_exports.py"),
    "delimited": ("reconciliation.py",),
    "invoices": ("ms_invoices.py",),
}
_PACKAGES = ("sources", "sources/intake")
_LANDING = ("manifests.py", "cost_exports.py", "invoice_exports.py", "reconciliation.py", "profiles.py")
# Which of several files count, which heading is which column, and what a rejection says.
_BESIDE = ("errors.py", "catalogue/headings.py", *(f"landing/{name}" for name in _LANDING))
_NOT_READING = ("contracts.py", "version.py")


@cache
def reader_version(source: str) -> str:
    """A hash of the source's declaration and of the code that its files are read and converted by."""
    known = replace(SOURCES[source], description="", example={})
    code = b"".join(file.read_bytes() for file in reader_files(source))
    return hashlib.sha256(repr(known).encode() + code).hexdigest()[:12]


def load_version(source: str, files: list[LandedFile], settings: Settings) -> str:
    """`reader_version` and the settings that decide how these files are read; those that no file meets do not count."""
    if SOURCES[source].reader != "register":
        return reader_version(source)
    hints = hints_of("", settings)
    read = {file.path: (hints.date_order(file.path), hints.decimal_mark(file.path)) for file in files}
    chosen = sorted((path, str(order), str(mark)) for path, (order, mark) in read.items() if order or mark)
    said = repr((chosen, *hints.company_tins)) if chosen or hints.company_tins else ""
    told = "-" + hashlib.sha256(said.encode()).hexdigest()[:12] if said else ""
    return reader_version(source) + told


def reader_files(source: str) -> list[Traversable]:
    """The files of code that decide over the rows of a source, in order."""
    package = files("recon_assets")
    found = [package.joinpath(*path.split("/")) for path in _BESIDE]
    for name in _PACKAGES:
        found += sorted(package.joinpath(*name.split("/")).iterdir(), key=lambda file: file.name)
    others = {name for reader, names in _OWN_MODULES.items() if reader != SOURCES[source].reader for name in names}
    left_out = others | set(_NOT_READING)
    return [file for file in found if file.name.endswith((".py", ".sql", ".csv")) and file.name not in left_out]


def is_of_older_reader(month: RawMonth) -> bool:
    """Whether a committed month was loaded by code or a declaration that has changed since."""
    return reader_version(month.source) not in month.load_id.split("-")


def content_hash_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
