"""Which reader loaded a month: a version that changes when anything does that decides what rows a file gives."""

import hashlib
from dataclasses import replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from recon_assets.catalogue import SOURCES
from recon_assets.lakehouse.raw import RawMonth

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
# Which of several files count, and what a rejection says.
_BESIDE = ("errors.py", *(f"landing/{name}" for name in _LANDING))
_NOT_READING = ("contracts.py", "version.py")


@cache
def reader_version(source: str) -> str:
    """A hash of the source's declaration and of the code that its files are read and converted by."""
    known = replace(SOURCES[source], description="", example={})
    code = b"".join(file.read_bytes() for file in reader_files(source))
    return hashlib.sha256(repr(known).encode() + code).hexdigest()[:12]


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
