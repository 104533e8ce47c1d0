"""Which row of a table is its heading, and which column of it is which declared one (spec/intake.md, 2).

Degrees of likeness, the first that fits wins: the alias itself; the alias with other marks, words or a currency behind
it; its words in another order; a general word (`~Total` in the catalogue), which counts only where no better heading is
there.
"""

import difflib
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from recon_assets.catalogue import Column, normalize_heading
from recon_assets.errors import FileProblem

SEARCHED = 50  # rows of which one is the heading
GENERAL = "~"
_CURRENCY = r"rm|myr|usd|sgd|eur|gbp|aud|hkd|cny|rmb|jpy|thb|idr|twd|(?:us|s|a|hk|nt)?\$|[€£¥฿]"
_UNIT = re.compile(rf"[(\[]\s*({_CURRENCY})\s*[)\]]", re.IGNORECASE)
_UNIT_BEHIND = re.compile(r"\b(?:in\s+)?(rm|myr|usd|sgd|eur|gbp)\s*$", re.IGNORECASE)
_SAME = {
    "number": "no", "num": "no", "nombor": "no", "nos": "no", "document": "doc", "documents": "doc", "invoice": "inv",
    "excluding": "excl", "exclusive": "excl", "exc": "excl", "ex": "excl", "including": "incl", "inclusive": "incl",
    "inc": "incl", "amount": "amt", "amounts": "amt", "currency": "curr", "vendor": "supplier", "identification": "id",
    "disc": "discount", "sst": "tax", "gst": "tax", "vat": "tax", "einvoice": "einv", "original": "orig",
    "reference": "ref", "cust": "customer", "customers": "customer", "suppliers": "supplier", "supp": "supplier",
    "tot": "total", "totals": "total", "dt": "date", "dated": "date", "nett": "net", "disct": "discount",
    "taxes": "tax", "amaun": "jumlah",
}  # fmt: skip
_DROPPED = {"the", "of", "s"}
_COMMON = {"no", "tax"}  # words that make no two headings alike
_OTHERWISE = {  # words of headings that are something else, whatever else they say
    "due", "delivery", "ship", "shipping", "payment", "paid", "received", "order", "created", "updated", "start", "end",
    "period", "expiry", "cancelled", "balance", "outstanding", "name", "code", "type", "rate", "percent", "status",
}  # fmt: skip


@dataclass(frozen=True)
class Heading:
    """The heading of a table: its texts, where it stands and what its columns are.

    `columns` gives the positions of each declared column: one, or several that a profile sums. `rivals` are further
    headings that fit a column as well; `general` are the columns that only a general word told.
    """

    row: int  # of its last row, 0-based
    titles: int  # rows above it
    texts: list[str]
    columns: dict[str, list[int]]
    rivals: dict[str, list[int]] = field(default_factory=dict)
    general: frozenset[str] = frozenset()

    def without(self, column: str) -> "Heading":
        """The heading without one of its columns."""
        columns = {name: positions for name, positions in self.columns.items() if name != column}
        rivals = {name: positions for name, positions in self.rivals.items() if name != column}
        return replace(self, columns=columns, rivals=rivals, general=self.general - {column})

    def places(self, headings: Iterable[str]) -> list[int]:
        """The positions of headings, as a profile names them."""
        wanted = {normalize_heading(text) for text in headings}
        return [position for position, text in enumerate(self.texts) if normalize_heading(text) in wanted]


@dataclass(frozen=True)
class Wanted:
    """What is looked for: the declared columns, the headings that a profile names, and what it gives as constants."""

    columns: Sequence[Column]
    told: Mapping[str, str] = field(default_factory=dict)  # heading -> column
    given: frozenset[str] = frozenset()  # columns that need no heading
    stand_ins: Mapping[str, str] = field(default_factory=dict)  # column -> the one that is read in its place
    not_read: Collection[str] = ()  # headings that a profile leaves out

    def missing(self, found: Mapping[str, object]) -> list[str]:
        required = (c.name for c in self.columns if c.heading == "required")
        return [n for n in required if n not in found and n not in self.given and self.stand_ins.get(n) not in found]


@cache
def _words(heading: str) -> tuple[str, ...]:
    """The words of a heading without marks, currency and the choice between words that mean the same.

    `DocTotal` is two words: a small letter before a capital one ends a word.
    """
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", heading)).lower().replace("_", " ")
    text = _UNIT_BEHIND.sub(" ", _UNIT.sub(" ", text)).replace("%", " percent ").replace("#", " no ")
    text = re.sub(r"\be[\s-]+(?=inv)", "e", text)
    words = [_SAME.get(word, word) for word in re.findall(r"[^\W_]+", text)]
    return tuple(word for word in words if word not in _DROPPED and not (word == "no" and "tin" in words))


def loose_key(heading: str) -> str:
    """A heading by its words in their order."""
    return "".join(_words(heading))


def _shuffled_key(heading: str) -> str:
    """A heading by its words whatever their order: `Tax Inclusive Amount` is `Amount Inclusive of Tax`."""
    return " ".join(sorted(_words(heading)))


def heading_currency(heading: str) -> str | None:
    """The currency that a heading names, such as the RM of `Total (RM)`."""
    match = _UNIT.search(heading) or _UNIT_BEHIND.search(heading.strip())
    return match[1].upper() if match else None


def find_heading(rows: Sequence[Sequence[str | None]], wanted: Wanted, file: str, row: int | None = None) -> Heading:
    """The first row in which every required column binds; FileProblem shows the best one when none does.

    `row` (1-based) is the heading that a profile names.
    """
    places = range(len(rows)) if row is None else range(row - 1, min(row, len(rows)))
    best: tuple[tuple[int, int], Heading] | None = None
    for place in places:
        for heading in _readings(rows, place, wanted):
            if not wanted.missing(heading.columns):
                require_once(heading, file)
                return heading
            # Of two that bind as much the one without a title merged over it shows what the file says.
            score = len(heading.columns), heading.titles - heading.row
            if best is None or score > best[0]:
                best = score, heading
    raise _none_found(file, best[1] if best else None, wanted)


def _readings(rows: Sequence[Sequence[str | None]], place: int, wanted: Wanted) -> list[Heading]:
    """The row alone as the heading, and together with the one below it unless that is one by itself."""
    top = [text or "" for text in rows[place]]
    readings = [bind(place, place, [[text] for text in top], wanted)]
    if place + 1 < len(rows):
        below = [text or "" for text in rows[place + 1]]
        if wanted.missing(bind(place + 1, place + 1, [[text] for text in below], wanted).columns):
            readings.append(bind(place + 1, place, _merged(top, below), wanted))
    return readings


def _merged(top: list[str], below: list[str]) -> list[list[str]]:
    """The spellings of each column of two rows; a text above empty cells is merged over them."""
    above, spellings = "", []
    for upper, lower in zip(top, below, strict=True):
        above = upper.strip() or above
        if lower.strip():
            spellings.append([f"{above} {lower.strip()}", lower] if above else [lower])
        else:
            spellings.append([upper])
    return spellings


def bind(row: int, titles: int, spellings: Sequence[Sequence[str]], wanted: Wanted) -> Heading:
    """What the columns of a row are, by their spellings (the first is the most telling one)."""
    texts = [" ".join(options[0].replace("\ufeff", "").split()) for options in spellings]
    told = {normalize_heading(heading): column for heading, column in wanted.told.items()}
    columns: dict[str, list[int]] = {}
    for position, options in enumerate(spellings):
        column = next((told[key] for option in options if (key := normalize_heading(option)) in told), None)
        if column is not None:
            columns.setdefault(column, []).append(position)
    taken = {position for positions in columns.values() for position in positions}
    rivals: dict[str, list[int]] = {}
    general = set()
    left_out = {normalize_heading(text) for text in wanted.not_read}
    taken |= {n for n, options in enumerate(spellings) if any(normalize_heading(text) in left_out for text in options)}
    for likeness in _LIKENESSES:
        have = [{likeness.key(option) for option in options if option.strip()} for options in spellings]
        for declared in wanted.columns:
            if declared.heading == "derived" or declared.name in columns:
                continue
            found = _fitting(declared, likeness, have, taken)
            if found:
                columns[declared.name] = found[:1]
                rivals |= {declared.name: found[1:]} if found[1:] else {}
                taken |= set(found)
                general |= {declared.name} if likeness.general else set()
    return Heading(row, titles, texts, columns, rivals, frozenset(general))


@dataclass(frozen=True)
class _Likeness:
    """How a heading is held against the aliases, the general words among them or the others."""

    key: Callable[[str], str]
    general: bool = False


_LIKENESSES = (
    _Likeness(normalize_heading),
    _Likeness(loose_key),
    _Likeness(_shuffled_key),
    _Likeness(loose_key, general=True),
)


def _fitting(column: Column, likeness: _Likeness, have: list[set[str]], taken: set[int]) -> list[int]:
    """The free positions that fit a column in one degree of likeness, in the order of its aliases."""
    names = (name for name in (column.name, *column.aliases) if name.startswith(GENERAL) == likeness.general)
    found: list[int] = []
    for spelling in (likeness.key(name.removeprefix(GENERAL)) for name in names):
        found += [n for n, texts in enumerate(have) if spelling in texts and n not in taken and n not in found]
    return found


def require_once(heading: Heading, file: str) -> None:
    """FileProblem for a declared column whose very heading stands twice."""
    for column, positions in heading.columns.items():
        every = positions[:1] + heading.rivals.get(column, [])
        keys = [normalize_heading(heading.texts[position]) for position in every]
        if len(set(keys)) < len(keys):
            raise FileProblem(file, "the heading appears more than once; keep one", column=heading.texts[every[-1]])


def _nearest(best: Heading, missing: list[str], aliases: Mapping[str, str]) -> dict[str, str]:
    """Of each missing column the free heading that is most like it, as a profile would say it; nothing where one of
    them has none, for such a profile would read nothing.

    A heading is like a column when they share a word, and none of its words says that it is something else.
    """
    used = {position for positions in best.columns.values() for position in positions}
    free = [text for n, text in enumerate(best.texts) if text and n not in used]
    found: dict[str, str] = {}
    for column in missing:
        named = set(_words(aliases[column]))
        like = {
            loose_key(text): text
            for text in free
            if text not in found
            and named.intersection(_words(text)) - _COMMON
            and not _OTHERWISE.intersection(_words(text)) - named
        }
        near = difflib.get_close_matches(loose_key(aliases[column]), list(like), 1, 0.4)
        if not near:
            return {}
        found[like[near[0]]] = column
    return found


class NoHeading(FileProblem):
    """No row of a table is its heading; `bound` columns were found in the best one, `missing` were not (by their first
    aliases, and as columns of the project); `free` headings of it are none."""

    bound: int = 0
    missing: str = "all columns"
    missing_columns: Sequence[str] = ()
    free: Sequence[str] = ()


def _none_found(file: str, best: Heading | None, wanted: Wanted) -> NoHeading:
    if best is None:
        return NoHeading(file, "the file is empty: not even a header row. Land it again, or remove it")
    first_alias = {c.name: c.aliases[0].removeprefix(GENERAL) for c in wanted.columns if c.aliases}
    missing = wanted.missing(best.columns)
    names = ", ".join(first_alias[name] for name in missing)
    bound = ", ".join(f"{best.texts[at[0]]} = {name}" for name, at in best.columns.items()) or "nothing"
    found = ", ".join(text[:100] for text in best.texts[:60] if text) or "nothing"
    lines = " ".join(f'"<your heading>" = "{name}"' for name in missing[:3])
    problem = NoHeading(
        file,
        f"the required columns {names} are missing in each of the first {SEARCHED} rows. Best is row {best.row + 1}: "
        f"bound {bound}; found: {found}. Export the file again with them, or tell their headings in a profile, "
        f"profiles/<name>.toml below the landing root: [columns] {lines}",
        column=first_alias[missing[0]],
        mend={"columns": _nearest(best, missing, first_alias)},
    )
    problem.bound, problem.missing, problem.missing_columns = len(best.columns), names, missing
    used = {position for positions in best.columns.values() for position in positions}
    problem.free = [text for position, text in enumerate(best.texts) if text and position not in used]
    return problem
