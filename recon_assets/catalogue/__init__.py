"""The catalogue: a declaration per source (sources/*.yml) and subject (subjects.yml), from which all else derives.

It is read and checked as a whole when the package is imported, as code is; a wrong declaration is a CatalogueError
that names its file and line. Reading and converting files is not here (`sources`), nor is what follows in dbt: that is
generated from here (`generated`).
"""

from recon_assets.catalogue.catalogue import (
    SOURCES,
    SUBJECTS,
    SourceWindow,
    columns_of,
    compared_mart,
    load_windows,
    right_less_left,
    source_windows,
    sources_of,
)
from recon_assets.catalogue.headings import normalize_heading
from recon_assets.catalogue.model import SQL_TYPES, Column, FullKey, RowRule, Source, Subject
from recon_assets.catalogue.reading import CatalogueError

__all__ = [
    "SOURCES",
    "SQL_TYPES",
    "SUBJECTS",
    "CatalogueError",
    "Column",
    "FullKey",
    "RowRule",
    "Source",
    "SourceWindow",
    "Subject",
    "columns_of",
    "compared_mart",
    "load_windows",
    "normalize_heading",
    "right_less_left",
    "source_windows",
    "sources_of",
]
