"""How the columns of a file are found: its headings bound to the declared columns of its source."""

from collections.abc import Mapping

from recon_assets.catalogue import SOURCES, columns_of, normalize_heading
from recon_assets.errors import FileProblem


def has_required(mapping: str, headings: list[str], known: set[str]) -> bool:
    """Whether a row has every required heading; columns in `known` need none."""
    have = {normalize_heading(heading) for heading in headings}
    required = (c for c in columns_of(mapping) if c.heading == "required" and c.name not in known)
    return all(any(normalize_heading(alias) in have for alias in column.aliases) for column in required)


def bind_columns(
    source: str, headings: list[str], file: str, told: Mapping[str, str] | None = None
) -> tuple[dict[str, int], dict[str, list[int]]]:
    """Position in the file of each declared column that it has, by column name, and the rivals of those positions.

    Of several headings that fit, the first in the order of the aliases counts; `told` are those that a profile names.
    FileProblem when a required column is missing or the same heading stands twice.
    """
    positions: dict[str, list[int]] = {}
    for position, heading in enumerate(headings):
        positions.setdefault(normalize_heading(heading), []).append(position)
    named: dict[str, list[str]] = {}
    for heading, name in (told or {}).items():
        named.setdefault(name, []).append(normalize_heading(heading))
    bound: dict[str, int] = {}
    rivals: dict[str, list[int]] = {}
    for column in columns_of(source):
        if column.heading == "derived":
            continue
        spellings = named.get(column.name) or [normalize_heading(alias) for alias in (column.name, *column.aliases)]
        places = [positions[spelling] for spelling in dict.fromkeys(spellings) if spelling in positions]
        twice = next((found for found in places if len(found) > 1), None)
        if twice:
            raise FileProblem(file, "the heading appears more than once; keep one", row=0, column=headings[twice[1]])
        if places:
            bound[column.name] = places[0][0]
            rivals |= {column.name: [found[0] for found in places[1:]]} if places[1:] else {}
    for name, stand_in in SOURCES[source].stand_ins.items():
        if name not in bound and stand_in in bound:
            bound[name] = bound[stand_in]
    _require_columns(source, bound, headings, file)
    return bound, rivals


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
