"""How headings are compared."""


def normalize_heading(heading: str) -> str:
    """A heading without case, blanks, underscores and BOM: how headings are compared (spec/sources.md)."""
    return "".join(heading.replace("\ufeff", "").replace("_", "").split()).lower()
