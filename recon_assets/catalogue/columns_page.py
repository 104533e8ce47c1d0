"""docs/sources-columns.md: the columns of every source with the headings that they answer to."""

from recon_assets.catalogue.catalogue import SOURCES
from recon_assets.catalogue.model import Column, Source

_HEAD = """# Columns of the sources

Generated from recon_assets/catalogue by `make generate`. A heading is compared without case, blanks and underscores; in
registers also without marks and currency (`Total (RM)`), and words that mean the same are one (No. and Number, Excl.
and Excluding, SST and Tax). Headings in italics are general words: they count where no better heading is there. What
must be there is bold. Of registers a column of statuses is read beside these, for what it says of each row
(docs/decisions.md, "Documents that were not issued"); a profile names it `document_status`.
"""


def columns_page() -> str:
    """The page as Markdown: a section per source."""
    return _HEAD + "".join(_section(source) for source in SOURCES.values())


def _section(source: Source) -> str:
    return (
        f"\n## {source.name}\n\n{source.description} Below `{source.prefix}`; endings {', '.join(source.suffixes)}.\n\n"
        + _table(source.columns)
        + "".join(
            f"\nThe same columns by the headings of `{variant}`:\n\n{_table(columns)}"
            for variant, columns in source.variants.items()
        )
    )


def _table(columns: tuple[Column, ...]) -> str:
    rows = "".join(_row(column) for column in columns if column.heading != "derived")
    return f"| column | kind | headings |\n|---|---|---|\n{rows}"


def _row(column: Column) -> str:
    name = f"**{column.name}**" if column.heading == "required" else column.name
    shown = (f"*{alias[1:]}*" if alias.startswith("~") else alias for alias in column.aliases)
    return f"| {name} | {column.kind} | {', '.join(shown)} |\n"
