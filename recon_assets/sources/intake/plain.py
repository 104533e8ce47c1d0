"""Texts of a table's columns in one form: numbers with a point, ISO days, codes for words; what is no value is told.

Each function changes the columns in place and notes in the facts what it decided, assumed or left out.
"""

from collections.abc import Callable
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.errors import FileProblem
from recon_assets.landing.profiles import IN_A_PROFILE, Profile
from recon_assets.sources.intake import words
from recon_assets.sources.intake.dates import OrderEvidence, to_iso
from recon_assets.sources.intake.grid import ERROR_VALUES, Grid
from recon_assets.sources.intake.headings import Heading, heading_currency, loose_key
from recon_assets.sources.intake.lacking import foreign_amounts, named_currencies
from recon_assets.sources.intake.numbers import Mark, both_readings, decide, look_at, to_plain
from recon_assets.sources.intake.prepared import Columns, Facts, count, decimal, key_of, landed, lines_of
from recon_assets.sources.intake.reading import Reading
from recon_assets.sources.intake.rows import CURRENCIES

_ERRORS = pa.array(sorted(ERROR_VALUES), pa.string())
_AT_A_TIME = 4096  # rows of a list
_PROOF = Decimal("0.05")  # by how much the sums of a row may differ
_PROVED = ("total_excluding_tax", "total_tax_amount", "total_including_tax")
# Headings of lists of items: there a Rate is a price.
_OF_ITEMS = frozenset(map(loose_key, (
    "Qty", "Quantity", "Hours", "Units", "UOM", "Unit", "Unit Price", "Price", "Unit Cost", "Item", "Item Name",
    "Item Code", "Line Total", "Line Amount", "Line Subtotal", "Kuantiti", "Harga Seunit", "数量", "单价", "數量",
    "單價",
)))  # fmt: skip
# Ends of columns that are no amounts in the currency of their row: Microsoft's prices are in that of its price list,
# and what customers of the BSS pay may be in theirs.
_NO_AMOUNTS = ("_rate", "_price", "quantity", "_percent", "final_amount")
_SUMMED = frozenset(("total_tax_amount", "total_discount_value", "total_charge_amount"))  # of rivals, as a rule


def foreign(columns: Columns, grid: Grid, heading: Heading, reading: Reading) -> pa.Array:
    """Rows whose amounts, or whose heading, name another currency than the ringgit."""
    named = {code for code in _heading_currencies(columns, heading, reading) if code}
    texts = [columns.texts[name] for name in _of_money(columns, reading)]
    by_format = pc.is_valid(_shown_currencies(columns, grid, heading, reading))
    return pc.or_(foreign_amounts(texts, named, len(columns)), by_format)


def currency_of_headings(columns: Columns, heading: Heading, reading: Reading) -> str | None:
    """The code that the headings of all amounts name; None where one of them names another, none or only a mark.

    In registers some amounts may be in another currency than those whose headings name none.
    """
    named = _heading_currencies(columns, heading, reading) - (set() if reading.lacks else {None})
    code = named.pop() if len(named) == 1 else None
    return code if code and len(code) == 3 and code.isalpha() else None


def named(columns: Columns, grid: Grid, heading: Heading, reading: Reading, of_headings: str | None) -> pa.Array:
    """The currency that the amounts of each row name, themselves, by their format or by their headings."""
    texts = [columns.texts[name] for name in _of_money(columns, reading)]
    shown = _shown_currencies(columns, grid, heading, reading)
    return named_currencies(texts, shown, of_headings)


def tell_currencies(columns: Columns, facts: Facts, named: pa.Array) -> None:
    """Warn of rows whose amounts name another currency than their column of currencies: either may be wrong."""
    codes = next((columns.texts[name] for name in CURRENCIES if name in columns.texts), columns.nulls())
    differs = pc.fill_null(pc.not_equal(codes, named), False)
    if pc.any(differs).as_py():
        facts.warnings["currency_differs"] = count(differs)
        for code in pc.unique(named.filter(differs)).to_pylist():
            of_code = pc.and_(differs, pc.fill_null(pc.equal(named, code), False))
            facts.notes.append(f"currency_differs: amounts in {code} in rows {lines_of(of_code, columns.lines)}")


def _shown_currencies(columns: Columns, grid: Grid, heading: Heading, reading: Reading) -> pa.Array:
    """The currency other than the ringgit that a format shows with an amount of each row; null where none does."""
    places = {p for name in _of_money(columns, reading) for p in heading.columns[name]} & grid.currencies.keys()
    if not places:
        return columns.nulls()
    shown = {row: code for place in places for row, code in grid.currencies[place].items()}
    return pa.array([shown.get(row) for row in columns.rows.to_pylist()], pa.string())


def _of_money(columns: Columns, reading: Reading) -> list[str]:
    """Columns of amounts in the currency of their row."""
    return [n for n in reading.of_kind("decimal") if n in columns.texts and not n.endswith(_NO_AMOUNTS)]


def _heading_currencies(columns: Columns, heading: Heading, reading: Reading) -> set[str | None]:
    named = [heading_currency(heading.texts[p]) for n in _of_money(columns, reading) for p in heading.columns[n]]
    return {code and words.currency(code) for code in named}


def numbers(
    columns: Columns,
    grid: Grid,
    heading: Heading,
    facts: Facts,
    reading: Reading,
    file: str,
) -> dict[str, tuple[Mark, str | None]]:
    """Make every column of numbers plain; the decimal mark and the negative side of each."""
    looks, typed = {}, {}
    for key in columns.texts:
        name, _, place = key.partition("@")
        if name in reading.of_kind("decimal"):
            position = int(place) if place else heading.columns[name][0]
            mark = grid.typed.get(position)
            typed[key] = None if mark is None else mark.take(columns.rows)
            looks[key] = look_at(key, columns.texts[key], typed[key])
    codes = next((columns.texts[name] for name in CURRENCIES if name in columns.texts), columns.nulls())
    told = reading.decimal_mark or (reading.profile.decimal_mark if reading.profile else None)
    currencies = {words.currency(c) for c in pc.unique(codes).drop_null().to_pylist()}
    decision = decide(looks.values(), currencies, told, reading.default_mark, grid.delimiter not in (None, ","))
    if decision.undecided:
        open_one = decision.undecided[0]
        example = next(iter(open_one.examples.values()))
        point, comma = both_readings(example)
        raise FileProblem(
            file,
            f"{example} is {point} or {comma}, and no value of the file tells which mark is the decimal one. Say it "
            f'{IN_A_PROFILE}: match = ["{landed(file)}"] and decimal_mark = "." or ","',
            column=heading.texts[heading.columns[open_one.heading.partition("@")[0]][0]],
            mend={"decimal_mark": "."},
        )
    found = {}
    for key, look in looks.items():
        side = _negative_side(look.sides, reading.lacks.direction if reading.lacks else "sales")
        found[key] = decision.marks[key], side
        columns.texts[key] = to_plain(columns.texts[key], typed[key], *found[key])
        _, _, place = key.partition("@")
        shown = f"'{heading.texts[int(place)]}'" if place else key
        facts.dialects[shown] = f"decimal {decision.marks[key]} ({decision.reasons[key]})"
    return found


def _negative_side(sides: dict[str, int], direction: str) -> str | None:
    """Which of CR and DR is below zero: credits in sales; debits in purchases whose every row says one."""
    if direction == "purchase" and (sides.get("DR", 0) and sides.get("CR", 0)):
        return "DR"
    return "CR"


def choose_rivals(columns: Columns, heading: Heading, facts: Facts, file: str, reading: Reading) -> None:
    """Sum what a profile sums; of other headings for one column the first counts when all agree."""
    for name, positions in heading.columns.items():
        if len(positions) > 1:
            columns.texts[name] = _sum([columns.texts[key_of(name, p, heading)] for p in positions])
    used = {position for positions in heading.columns.values() for position in positions}
    for name, positions in heading.rivals.items():
        for position in positions:
            if name not in reading.outranked and not _agree(columns.texts[name], columns.texts[f"{name}@{position}"]):
                first, other = heading.texts[heading.columns[name][0]], heading.texts[position]
                raise FileProblem(
                    file,
                    f"'{first}' and '{other}' both fit {name}, and their values differ. Say which is meant "
                    f'{IN_A_PROFILE}: [columns] "{first}" = "{name}"'
                    + (f', or also "{other}" = "{name}": then they are summed' if name in _SUMMED else ""),
                    column=other,
                    mend={"columns": {first: name, other: name} if name in _SUMMED else {first: name}},
                )
            facts.notes.append(f"'{heading.texts[position]}' fits {name} too and was not read")
    facts.bound = {n: " + ".join(heading.texts[p] for p in positions) for n, positions in heading.columns.items()}
    facts.unbound = [text for n, text in enumerate(heading.texts) if n not in used and text]


def _agree(one: pa.Array, other: pa.Array) -> bool:
    pairs = zip(one.to_pylist(), other.to_pylist(), strict=True)
    return all(a == b or (decimal(a) is not None and decimal(a) == decimal(b)) for a, b in pairs)


def _sum(columns: list[pa.Array]) -> pa.Array:
    """The sum of the columns in each row; what is no number stays, so that its row is rejected."""
    found = []
    for texts in zip(*(column.to_pylist() for column in columns), strict=True):
        filled = [text for text in texts if text is not None]
        wrong = next((text for text in filled if decimal(text) is None), None)
        total = sum((decimal(text) or Decimal(0) for text in filled), Decimal(0))
        found.append(wrong or (format(total, "f") if filled else None))
    return pa.array(found, pa.string())


def errors(columns: Columns, facts: Facts, reading: Reading) -> None:
    """Error values: no text in columns that may be empty; in those that are needed the row is rejected."""
    kinds = {column.name: column for column in reading.columns}
    for name, texts in columns.texts.items():
        declared = kinds.get(name)
        if declared is None or declared.kind != "text":
            continue
        is_error = pc.is_in(texts, _ERRORS)
        if not pc.any(is_error).as_py():
            continue
        if declared.value == "needed":
            for row in pc.indices_nonzero(is_error).to_pylist():
                columns.problems.setdefault(
                    row, f"the column '{facts.bound.get(name, name)}' holds {texts[row].as_py()}"
                )
            continue
        columns.texts[name] = pc.if_else(is_error, None, texts)
        facts.warnings["error_cells"] = facts.warnings.get("error_cells", 0) + count(is_error)
        facts.notes.append(f"error_cells: '{facts.bound.get(name, name)}' in rows {lines_of(is_error, columns.lines)}")


def dates(columns: Columns, facts: Facts, reading: Reading, file: str, date_1904: bool) -> None:
    """ISO days, and instants whose day is ISO; FileProblem when nothing tells the order of day and month."""
    evidence = OrderEvidence()
    instants = set(reading.of_kind("timestamp"))
    names = [name for name in reading.of_kind("date", "timestamp") if name in columns.texts]
    for name in names:
        evidence.add(columns.texts[name], reading.month, name in reading.dated_by)
    told = reading.date_order or (reading.profile.date_order if reading.profile else None) or reading.default_order
    decided = evidence.decide(told)
    if decided is None:
        raise FileProblem(
            file,
            f"dates such as {evidence.differing} can be read day first or month first, and as many fall in "
            f'{reading.month} either way. Say which {IN_A_PROFILE}: match = ["{landed(file)}"] and '
            'date_order = "day_first" or "month_first"'
            + (f', or in RECON_REGISTER_DATE_ORDERS: {{"{landed(file)}": "day_first"}}' if reading.lacks else ""),
            column=next((facts.bound[name] for name in reading.dated_by if name in facts.bound), None),
            mend={"date_order": "day_first"},
        )
    order, why = decided
    for name in names:
        columns.texts[name] = to_iso(columns.texts[name], order, date_1904, keep_time=name in instants)
        facts.dialects[name] = f"{order} ({why})"


def codes(columns: Columns, profile: Profile | None) -> None:
    """Codes for words of document types, statuses and currencies."""
    more = profile.document_types if profile else {}
    codes_of: dict[str, Callable[[str], str]] = {
        "document_type": lambda text: words.document_type(text, more),
        "status": words.status,
        **dict.fromkeys(CURRENCIES, words.currency),
    }
    for name, code_of in codes_of.items():
        if name in columns.texts:
            encoded = columns.texts[name].dictionary_encode()
            codes = [code_of(text) for text in encoded.dictionary.to_pylist()]
            columns.texts[name] = pc.take(pa.array(codes, pa.string()), encoded.indices)


def damaged(columns: Columns, grid: Grid, heading: Heading, facts: Facts, reading: Reading) -> None:
    """Warn of ids that a spreadsheet or program has made numbers or days of."""
    for name in filter(words.is_id, reading.of_kind("text")):
        if name not in columns.texts or name not in heading.columns:
            continue
        found = words.looks_damaged(columns.texts[name])
        typed = grid.typed.get(heading.columns[name][0])
        if typed is not None:
            found = pc.or_(found, pc.and_(typed.take(columns.rows), words.is_made_of_text(columns.texts[name])))
        if pc.any(found).as_py():
            facts.warnings["looks_damaged"] = facts.warnings.get("looks_damaged", 0) + count(found)
            facts.notes.append(f"looks_damaged: '{facts.bound[name]}' in rows {lines_of(found, columns.lines)}")


def constants(columns: Columns, reading: Reading) -> None:
    """What a profile gives for columns and cells that are empty, and columns that stand in for others."""
    for name, stand_in in reading.stand_ins.items():
        if name not in columns.texts and stand_in in columns.texts:
            columns.texts[name] = columns.texts[stand_in]
    for name, value in (reading.profile.constants if reading.profile else {}).items():
        columns.texts[name] = pc.fill_null(columns.texts.get(name, columns.nulls()), value)


def settle_rate(columns: Columns, heading: Heading, facts: Facts) -> None:
    """A column that is only called Rate is an exchange rate where it can be: not in a list of items, 1 of ringgit, and
    1 in some row where no column tells currencies."""
    if "exchange_rate" not in heading.general:
        return
    rates = columns.amounts("exchange_rate")
    codes = columns.texts.get("currency_code", columns.nulls()).to_pylist()
    named = [(code, rate) for code, rate in zip(codes, rates, strict=True) if code is not None]
    is_of_items = any(loose_key(text) in _OF_ITEMS for text in heading.texts)
    is_plausible = (
        all(rate in (None, Decimal(1)) if code == "MYR" else rate is None or rate > 0 for code, rate in named)
        if named
        else Decimal(1) in rates
    )
    if is_plausible and not is_of_items:
        return
    text = facts.bound.pop("exchange_rate")
    del columns.texts["exchange_rate"]
    facts.dialects.pop("exchange_rate", None)
    facts.unbound.append(text)
    facts.notes.append(
        f"'{text}' is no exchange rate here and was not read; if it is one, say {IN_A_PROFILE}: "
        f'[columns] "{text}" = "exchange_rate"'
    )


def require_no_rates(columns: Columns, facts: Facts, file: str) -> None:
    """FileProblem for a column of tax that holds rates: the totals differ by that many percent."""
    if not {*_PROVED} <= columns.texts.keys():
        return
    shown = pc.drop_null(columns.texts[_PROVED[1]])
    if len(shown) and pc.all(pc.match_substring_regex(shown, r"^[\d.,]+\s*%$")).as_py():
        raise _holds_rates(facts, file)
    amounts = rates = 0
    for start in range(0, len(columns), _AT_A_TIME):
        for low, tax, high in zip(*(columns.amounts(name, start, _AT_A_TIME) for name in _PROVED), strict=True):
            if low is not None and tax and high is not None:
                amounts += abs(low + tax - high) <= _PROOF
                # 8 and, as a cell formatted as percent holds it, 0.08.
                is_rate = any(abs(low * (1 + rate) - high) <= _PROOF for rate in (tax, tax / 100))
                rates += is_rate and abs(low + tax - high) > _PROOF
        if 10 * amounts >= len(columns):  # no number of rates among the rows can outweigh these
            return
    if rates > 9 * amounts:
        raise _holds_rates(facts, file)


def _holds_rates(facts: Facts, file: str) -> FileProblem:
    text = facts.bound.get(_PROVED[1], _PROVED[1])
    return FileProblem(
        file,
        f"'{text}' holds rates, not amounts of tax. Leave it out {IN_A_PROFILE}: "
        f'not_read = ["{text}"]; the tax is '
        "then the difference of the two totals, unless another column has it",
        column=text,
        mend={"not_read": [text]},
    )


def prove_general(columns: Columns, heading: Heading, file: str) -> None:
    """Amounts that only a general word told, such as Total, count when the sums of the rows prove them."""
    if heading.general.isdisjoint(_PROVED) or not {_PROVED[0], _PROVED[2]} <= columns.texts.keys():
        return
    taxes = columns.amounts(_PROVED[1]) if _PROVED[1] in columns.texts else [None] * len(columns)
    right = wrong = 0
    for low, tax, high in zip(columns.amounts(_PROVED[0]), taxes, columns.amounts(_PROVED[2]), strict=True):
        if low is not None and high is not None:
            holds = abs(low + tax - high) <= _PROOF if tax is not None else abs(low) <= abs(high)
            right, wrong = right + holds, wrong + (not holds)
    if wrong * 10 > right:
        names = ", ".join(
            f"'{heading.texts[heading.columns[name][0]]}' as {name}" for name in _PROVED if name in heading.columns
        )
        raise FileProblem(
            file,
            f"taken for {names}, the amounts do not add up in {wrong} of {wrong + right} rows. Say "
            f"{IN_A_PROFILE}, what they are, under [columns]",
        )
