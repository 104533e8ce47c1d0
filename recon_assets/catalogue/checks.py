"""What a declaration must fulfil beyond its shape, so that a slip is told at start and not by a load at night."""

from collections.abc import Iterator, Mapping

from recon_assets.catalogue.compared import compared_fields
from recon_assets.catalogue.headings import normalize_heading
from recon_assets.catalogue.model import Column, Source, Subject
from recon_assets.catalogue.reading import Place

Problem = tuple[Place, str]


def problems_of_source(source: Source) -> Iterator[Problem]:
    """What is wrong with a source, each with its place in the declaration."""
    names = [column.name for column in source.columns]
    yield from _problems_of_documents(source, names)
    yield from _problems_of_columns(source.columns, ("columns",))
    for variant, columns in source.variants.items():
        yield from _problems_of_columns(columns, ("variants", variant))
        if [column.name for column in columns] != names:
            yield (
                ("variants", variant),
                "declares other columns than the source; a variant has the same, in order",
            )
    yield from _unknown_columns(source, names)
    if not source.prefix.endswith("/"):
        yield ("prefix",), "is a folder; end it with a slash"
    if source.window.from_offset > source.window.to_offset:
        yield ("window",), "ends before it begins"
    if source.file_facts and not source.manifests:
        yield ("file_facts",), "facts of files come from manifests, and the source has none"
    if source.month_from == "file_name" and not source.file_kind:
        yield ("month_from",), "needs file_kind: what of the file's name says that it is one of this source"


def _problems_of_documents(source: Source, names: list[str]) -> Iterator[Problem]:
    if source.compares and not source.dated_by:
        yield ("compares",), "needs dated_by: the date of a document"
    for field in compared_fields() if source.compares else ():
        if field.name not in names:
            yield ("columns",), f"the compared field {field.name} is missing"


def _problems_of_columns(columns: tuple[Column, ...], place: Place) -> Iterator[Problem]:
    names: set[str] = set()
    answers: dict[str, str] = {}  # heading -> the column that answers to it
    for number, column in enumerate(columns):
        here = (*place, number)
        if column.name in names:
            yield here, f"the column {column.name} is declared twice"
        names.add(column.name)
        if column.heading == "derived":
            if column.aliases[0] not in names:
                yield ("keys",), f"{column.aliases[0]} is no column of the source"
            continue
        for alias in column.aliases:
            other = answers.setdefault(normalize_heading(alias), column.name)
            if other != column.name:
                yield here, f"the alias {alias} is bound by the column {other} already"


def _unknown_columns(source: Source, names: list[str]) -> Iterator[Problem]:
    """Declared names that are no columns, and rules that look at none."""
    named = {"amount": source.amount, "currency": source.currency}
    named |= {"repeats": source.repeats.column} if source.repeats.expressions else {}
    listed = [*(("named_by", name) for name in source.named_by), *(("ordered", name) for name in source.ordered or ())]
    listed += [("line", name) for name in source.line] + [("example", name) for name in source.example]
    listed += [("stand_ins", name) for pair in source.stand_ins.items() for name in pair]
    for key, name in (*named.items(), *listed):
        if name not in names:
            yield (key,), f"{name} is no column of the source"
    context = [column.name for column in source.context]
    for key, name in source.owner.items():
        if name not in names + context:
            yield ("owner", key), f"{name} is no column of the source"
    for number, rule in enumerate(source.row_rules):
        if rule.column not in names:
            yield ("row_rules", number, "column"), f"{rule.column} is no column of the source"
        if not _mentions(rule.fails, names):
            yield ("row_rules", number, "fails"), "names no column of the source"
    for name, sql in source.row_warnings.items():
        if not _mentions(sql, names):
            yield ("row_warnings", name), "names no column of the source"


def _mentions(sql: str, names: list[str]) -> bool:
    words = set("".join(letter if letter.isalnum() or letter == "_" else " " for letter in sql).split())
    return not words.isdisjoint(names)


def problems_of_subject(subject: Subject) -> Iterator[Problem]:
    for number, group in enumerate(subject.required):
        for name in group:
            if name not in subject.compared:
                yield ("required", number), f"{name} is on neither side of the subject"
    if subject.at_stake.mart not in subject.marts:
        yield ("at_stake", "mart"), f"{subject.at_stake.mart} is none of the subject's marts"


def problems_between(sources: Mapping[str, Source]) -> Iterator[tuple[str, Problem]]:
    """Sources that would take each other's files, each with the place in its declaration."""
    places: dict[tuple[str, str], str] = {}
    for source in sources.values():
        other = places.setdefault((source.prefix, source.file_kind), source.name)
        if other != source.name:
            yield source.name, (("prefix",), f"is where the files of {other} lie")
