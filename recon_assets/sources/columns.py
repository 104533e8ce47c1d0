"""How the columns of a file are found: its headings bound to the declared columns of its source."""

from recon_assets.catalogue import SOURCES, columns_of, normalize_heading
from recon_assets.errors import FileProblem


def bind_columns(source: str, headings: list[str], file: str) -> dict[str, int]:
    """Position in the file of each declared column that it has, by column name.

    FileProblem when a required column is missing or a declared one appears twice.
    """
    positions: dict[str, list[int]] = {}
    for position, heading in enumerate(headings):
        positions.setdefault(normalize_heading(heading), []).append(position)
    bound: dict[str, int] = {}
    for column in columns_of(source):
        if column.heading == "derived":
            continue
        spellings = {normalize_heading(alias) for alias in (column.name, *column.aliases)}
        found = [position for spelling in spellings for position in positions.get(spelling, [])]
        if len(found) > 1:
            raise FileProblem(file, "the heading appears more than once; keep one", row=0, column=headings[found[1]])
        if found:
            bound[column.name] = found[0]
    for name, stand_in in SOURCES[source].stand_ins.items():
        if name not in bound and stand_in in bound:
            bound[name] = bound[stand_in]
    _require_columns(source, bound, headings, file)
    return bound


def bind_by_priority(mapping: str, headings: list[str], file: str, known: set[str]) -> dict[str, int]:
    """As `bind_columns` for files whose shapes differ: of several aliases that are there the first named wins.

    A heading `Text (Name)` of a localised export answers to Name too. Needed columns not in `known` must be there.
    """
    positions: dict[str, list[int]] = {}
    for position, heading in enumerate(headings):
        inner = heading.rpartition("(")[2].removesuffix(")") if heading.endswith(")") else heading
        for spelling in {normalize_heading(heading), normalize_heading(inner)}:
            positions.setdefault(spelling, []).append(position)
    bound: dict[str, int] = {}
    for column in columns_of(mapping):
        found = next((positions[s] for a in column.aliases if (s := normalize_heading(a)) in positions), [])
        if len(found) > 1:
            raise FileProblem(file, "the heading appears more than once; keep one", row=0, column=headings[found[1]])
        if found:
            bound[column.name] = found[0]
    if headings:
        _require_columns(mapping, bound, headings, file)
        for column in columns_of(mapping):
            if column.value == "needed" and column.name not in bound and column.name not in known:
                raise FileProblem(
                    file, "the needed column is missing; export the file again with it", 0, column.aliases[0]
                )
    return bound


def _require_columns(source: str, bound: dict[str, int], headings: list[str], file: str) -> None:
    missing = [c.aliases[0] for c in columns_of(source) if c.heading == "required" and c.name not in bound]
    if missing:
        found = ", ".join(heading.strip()[:100] for heading in headings[:60]) or "nothing"
        name = source.partition(".")[0]
        hint = SOURCES[name].missing_hint
        raise FileProblem(
            file,
            f"the required columns {', '.join(missing)} are missing; found: {found}. "
            f"Export the file again with them{f' ({hint})' if hint else ''}, "
            f"or add the heading to catalogue/sources/{name}.yml as an alias",
            row=0,
            column=missing[0],
        )
