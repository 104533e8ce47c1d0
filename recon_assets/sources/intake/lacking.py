"""What a register lacks is taken from what it has, and told (spec/intake.md, 5)."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.errors import FileProblem
from recon_assets.landing.profiles import Profile
from recon_assets.sources.intake import words
from recon_assets.sources.intake.numbers import parts_of
from recon_assets.sources.intake.prepared import Columns, Facts, count, decimal

Direction = Literal["sales", "purchase"]
OWN_TIN = {"sales": "supplier_tin", "purchase": "buyer_tin"}
_EXCLUDING, _TAX, _INCLUDING = "total_excluding_tax", "total_tax_amount", "total_including_tax"
_PAYABLE = "total_payable_amount"


@dataclass(frozen=True)
class Lacks:
    """What is known beside the file: whose register it is, and what its profile says."""

    direction: Direction
    company_tins: tuple[str, ...] = ()
    profile: Profile | None = None
    amount_currencies: dict[str, pa.Array] = field(default_factory=dict)

    def own_tin(self, file: str) -> str | None:
        """The company's own TIN; None when neither the profile nor the settings nor the folder says it."""
        if self.profile is not None and OWN_TIN[self.direction] in self.profile.constants:
            return self.profile.constants[OWN_TIN[self.direction]]
        in_path = [tin for tin in self.company_tins if tin.lower() in file.lower().split("/")]
        if len(in_path) == 1:
            return in_path[0]
        return self.company_tins[0] if len(self.company_tins) == 1 else None

    def given(self, file: str) -> frozenset[str]:
        """Columns that a file need not have."""
        return frozenset({OWN_TIN[self.direction]} if self.own_tin(file) else ())


def supply(columns: Columns, facts: Facts, lacks: Lacks, file: str, foreign: pa.Array, of_headings: str | None) -> None:
    """Add the columns and cells that a register lacks; `foreign` tells the rows whose amounts name another currency,
    `of_headings` is the one that the headings of all amounts name."""
    own = OWN_TIN[lacks.direction]
    if own not in columns.texts:
        tin = lacks.own_tin(file)
        if tin is None:
            raise FileProblem(file, f"has no column of the company's own TIN; {several_tins(lacks)}")
        columns.texts[own] = pa.repeat(pa.scalar(tin, pa.string()), len(columns))
    _currency(columns, facts, foreign, of_headings)
    _tax(columns, facts)
    _payable(columns, facts)
    _type(columns, facts, lacks.profile)


def several_tins(lacks: Lacks) -> str:
    if len(lacks.company_tins) > 1:
        return "RECON_COMPANY_TINS names several: land it in a folder named after its own, or say which in a profile"
    return "name the company's TIN in RECON_COMPANY_TINS, or in a profile under [constants]"


def _currency(columns: Columns, facts: Facts, foreign: pa.Array, of_headings: str | None) -> None:
    """The currency of the headings, when it is another than the ringgit; ringgit where nothing speaks for another."""
    codes = columns.texts.get("currency_code", columns.nulls())
    if of_headings not in (None, "MYR"):
        codes = pc.fill_null(codes, of_headings)
    rates = columns.texts.get("exchange_rate", columns.nulls())
    told = pa.array([decimal(text) in (Decimal(1), None) for text in rates.drop_null().to_pylist()], pa.bool_())
    is_one = pc.replace_with_mask(pa.repeat(True, len(rates)), pc.is_valid(rates), told)
    assumed = pc.and_(pc.and_(pc.is_null(codes), is_one), pc.invert(foreign))
    columns.texts["currency_code"] = pc.if_else(assumed, "MYR", codes)
    _warn(facts, "currency_assumed", count(assumed))


def _tax(columns: Columns, facts: Facts) -> None:
    if not {_EXCLUDING, _INCLUDING} <= columns.texts.keys():
        return
    taxes = columns.texts.get(_TAX, columns.nulls())
    lacking = pc.is_null(taxes)
    amounts = [columns.texts[name].filter(lacking).to_pylist() for name in (_EXCLUDING, _INCLUDING)]
    derived = [_difference(low, high) for low, high in zip(*amounts, strict=True)]
    columns.texts[_TAX] = pc.replace_with_mask(taxes, lacking, pa.array(derived, pa.string()))
    _warn(facts, "tax_derived", sum(tax is not None for tax in derived))


def _difference(excluding: str | None, including: str | None) -> str | None:
    low, high = decimal(excluding), decimal(including)
    return None if low is None or high is None else format(high - low, "f")


def _payable(columns: Columns, facts: Facts) -> None:
    payable = columns.texts.get(_PAYABLE, columns.nulls())
    total = columns.texts.get(_INCLUDING, columns.nulls())
    derived = pc.and_(pc.is_null(payable), pc.is_valid(total))
    columns.texts[_PAYABLE] = pc.coalesce(payable, total)
    _warn(facts, "payable_derived", count(derived))


def _type(columns: Columns, facts: Facts, profile: Profile | None) -> None:
    """By the words of the number's prefix in the profile, else an invoice, and a credit note below zero."""
    if "document_type" in columns.texts:
        return
    prefixes = sorted((profile.document_types if profile else {}).items(), key=lambda item: -len(item[0]))
    numbers = columns.texts["document_number"].to_pylist()
    types = []
    for number, total in zip(numbers, columns.amounts(_INCLUDING), strict=True):
        told = next((c for p, c in prefixes if number and number.upper().startswith(p.upper())), None)
        types.append(told or ("02" if total is not None and total < 0 else "01"))
    columns.texts["document_type"] = pa.array(types, pa.string())
    _warn(facts, "type_assumed", len(types))


def named_currencies(texts: list[pa.Array], shown: pa.Array, of_headings: str | None) -> pa.Array:
    """The code that the amounts of each row name, are `shown` with, or that the headings name; null where none is
    certain."""
    found, length = pa.nulls(len(shown), pa.string()), len(shown)
    for column in texts:
        is_named = pc.fill_null(pc.match_substring_regex(column, r"[A-Za-z€£]"), False)
        if pc.any(is_named).as_py():
            codes = [_code_in(text) for text in column.filter(is_named).to_pylist()]
            named = pc.replace_with_mask(pa.nulls(length, pa.string()), is_named, pa.array(codes, pa.string()))
            found = pc.coalesce(found, named)
    found = pc.coalesce(found, shown)
    return found if of_headings is None else pc.fill_null(found, of_headings)


def _code_in(text: str) -> str | None:
    parts = parts_of(text)
    code = parts.currency and words.currency(parts.currency) if parts else None
    return code if code and len(code) == 3 and code.isalpha() else None


def foreign_amounts(texts: list[pa.Array], heading_currencies: set[str], length: int) -> pa.Array:
    """Rows whose amounts name a currency that is not the ringgit; all of them when a heading does."""
    if heading_currencies - {"MYR"}:
        return pa.repeat(True, length)
    found = pa.repeat(False, length)
    for column in texts:
        named = pc.fill_null(pc.match_substring_regex(column, r"[A-Za-z$€£¥]"), False)
        if pc.any(named).as_py():
            asked = pc.fill_null(pc.match_substring_regex(column, r"[A-Za-z$]|[^\x00-\x7f]"), False)
            other = pa.array([_names_other(text) for text in column.filter(asked).to_pylist()], pa.bool_())
            found = pc.or_(found, pc.replace_with_mask(pa.repeat(False, length), asked, other))
    return found


def _names_other(text: str) -> bool:
    parts = parts_of(text)
    return parts is not None and parts.currency not in (None, "MYR", "$")


def _warn(facts: Facts, code: str, rows: int) -> None:
    if rows:
        facts.warnings[code] = facts.warnings.get(code, 0) + rows
