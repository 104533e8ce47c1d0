"""Rules in SQL, each by itself and at every boundary, against the oracle's reading of them."""

import datetime as dt
import itertools
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pyarrow as pa
import pytest

from recon_assets_tests.dbt.macros import COVERAGE, RATIO, Macros
from recon_assets_tests.dbt.rules import _AMOUNTS, _IDENTIFIERS, BUCKETS, VERDICTS, model, render, run
from recon_assets_tests.oracle import einvoices as einvoice_oracle
from recon_assets_tests.oracle import usage as usage_oracle

MONTH = dt.date(2025, 1, 1)
EXACT = pa.decimal128(38, 12)
CENT, MICRO = Decimal("0.01"), Decimal("0.000001")


def plain(sql: str) -> str:
    return " ".join(sql.split())


def test_dbt_renders_the_same_sql(macros: Macros) -> None:
    for method in ("thirty_360", "days_over_30"):
        compiled = (macros.folder / f"coverage-{method}.sql").read_text(encoding="utf-8")
        assert plain(render(COVERAGE, coverage_method=method)) == plain(compiled)
    assert plain(render(RATIO)) == plain((macros.folder / "ratio.sql").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, MONTH, "undated"),
        (MONTH, None, "undated"),
        (MONTH, dt.date(2025, 1, 31), "inside"),
        (MONTH, dt.date(2025, 2, 1), "starts_in"),
        (dt.date(2024, 12, 31), dt.date(2025, 1, 31), "ends_in"),
        (dt.date(2024, 12, 31), dt.date(2025, 2, 1), "spans"),
    ],
)
def test_the_coverage_class_at_its_boundaries(start: dt.date | None, end: dt.date | None, expected: str) -> None:
    sql = render("select {{ coverage_class('a', 'b', 'c', 'd') }} as found from items")
    days = pa.table({name: pa.array([day], pa.date32()) for name, day in zip("abcd", (start, end, MONTH, dt.date(2025, 1, 31)), strict=True)})  # fmt: skip
    assert run(sql, items=days) == [{"found": expected}]


# On both sides of what is rounded on 18 digits, and ties of either sign.
WIDE_AND_NARROW = ["0.005", "-0.005", "2.675000", "-1.004999", "999999.999995", "-999999.995", "1000000.005", "-999999999999.995", "1000000000000.005", "-12345678901234567.895"]  # fmt: skip


@pytest.mark.parametrize("unit", ["1", "0.01", "0.001"])
def test_sums_are_rounded_to_the_minor_unit_alike_whatever_their_size(unit: str) -> None:
    sql = render("select {{ sum_at_minor_unit('amount', 'unit') }} as found from items")
    amounts = [Decimal(text) for text in WIDE_AND_NARROW]
    columns = [pa.array(amounts, pa.decimal128(38, 6)), pa.array([Decimal(unit)] * len(amounts), pa.decimal128(18, 3))]
    rows = run(sql, items=pa.table(columns, ["amount", "unit"]))
    assert [row["found"] for row in rows] == [amount.quantize(Decimal(unit), ROUND_HALF_UP) for amount in amounts]


def test_unit_costs_are_rounded_to_six_decimals_alike_whatever_their_size() -> None:
    sql = render("select {{ at_six_decimals('amount') }} as found from items")
    ties = [
        "0.0000005",
        "-0.0000005",
        "0.000000499995",
        "999999.9999994",
        "999999.9999995",
        "-1000000.0000005",
        "123456789012.0000005",
    ]
    amounts = [Decimal(text) for text in [*ties, *WIDE_AND_NARROW]]
    rows = run(sql, items=pa.table([pa.array(amounts, EXACT)], ["amount"]))
    assert [row["found"] for row in rows] == [amount.quantize(MICRO, ROUND_HALF_UP) for amount in amounts]


USAGE = """
select *, {{ usage_explanation() }} as explanation from (
    select *, {{ usage_status() }} as status from (
        select *, {{ usage_tolerance('minor_unit', 'usage_line_count') }} as tolerance from items
    )
)
"""


def usage_rows() -> list[dict[str, Any]]:
    """Every combination of line counts with amounts and quantities at and next to each limit."""
    rows = []
    for used, cost, unit, restated in itertools.product((0, 1, 2), (0, 1, 3), (CENT, Decimal(1)), (False, True)):
        most = max(used, cost)
        amounts = {Decimal(0), unit, unit + MICRO, most * unit, most * unit + MICRO, 7 * unit}
        quantities = {Decimal(0), MICRO * most, MICRO * most + Decimal("1e-12"), Decimal(1), Decimal("0.01")}
        for amount, quantity, base in itertools.product(
            {sign * amount for amount in amounts for sign in (1, -1)},
            {sign * quantity for quantity in quantities for sign in (1, -1)},
            ((Decimal(0), Decimal(0)), (10 * unit, Decimal(10))),
        ):
            rows.append(row_of(used, cost, base[0], base[0] + amount, base[1], base[1] + quantity, unit, restated))
    # A price within a thousandth of the other, and one just beyond; either quantity may be none at all.
    for ua, ca, uq, cq in (
        ("1000", "2002", "10", "20"), ("1000", "2002.000001", "10", "20"), ("1000", "1998", "10", "20"),
        ("1000", "1997.999999", "10", "20"), ("-1000", "-2002", "10", "20"), ("1000", "2000", "0", "20"),
        ("1000", "2000", "10", "0"), ("0", "0", "10", "20"), ("0", "5", "0", "1"), ("5", "0", "1", "0"),
    ):  # fmt: skip
        rows += [row_of(1, 1, Decimal(ua), Decimal(ca), Decimal(uq), Decimal(cq), CENT, flag) for flag in (False, True)]
    return rows


def row_of(
    used: int, cost: int, ua: Decimal, ca: Decimal, uq: Decimal, cq: Decimal, unit: Decimal, restated: bool
) -> dict[str, Any]:
    return {
        "usage_line_count": used, "cost_line_count": cost, "usage_amount": ua, "cost_amount": ca, "usage_quantity": uq,
        "cost_quantity": cq, "minor_unit": unit, "is_restated": restated, "has_rejected_records": False,
    }  # fmt: skip


def usage_table(rows: list[dict[str, Any]]) -> pa.Table:
    kinds = {
        "usage_line_count": pa.int64(),
        "cost_line_count": pa.int64(),
        "is_restated": pa.bool_(),
        "has_rejected_records": pa.bool_(),
    }
    return pa.table({name: pa.array([row[name] for row in rows], kinds.get(name, EXACT)) for name in rows[0]})


def test_usage_verdicts_and_explanations_are_those_of_the_oracle() -> None:
    rows = usage_rows()
    explained = set()
    for row, found in zip(rows, run(render(USAGE), items=usage_table(rows)), strict=True):
        expected = dict(row)
        usage_oracle.judge(expected, row["minor_unit"], row["is_restated"])
        assert (found["status"], found["tolerance"]) == (expected["status"], expected["tolerance"]), row
        if expected["status"] != "matched":
            assert found["explanation"] == expected["explanation"], row
            explained.add(found["explanation"])
    assert explained == {
        "zero_amount", "missing_side", "rounding", "quantity", "price", "unit", "restated", "unexplained",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("factor", "cap", "lines", "tolerance"),
    [("0.5", 100, 1, 1), ("0.5", 100, 2, 1), ("0.5", 100, 3, "1.5"), ("0.5", 100, 400, 100), ("0.5", 2, 5, 2), ("2", 100, 50, 100)],
)  # fmt: skip
def test_the_tolerance_of_usage_grows_with_the_lines_between_a_unit_and_a_cap(
    factor: str, cap: int, lines: int, tolerance: int | str
) -> None:
    sql = render("select {{ usage_tolerance('unit', 'lines') }} as found from items", usage_tolerance_factor=factor, usage_tolerance_cap=cap)  # fmt: skip
    items = pa.table({"unit": pa.array([CENT], EXACT), "lines": pa.array([lines])})
    assert run(sql, items=items) == [{"found": Decimal(tolerance) * CENT}]


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        ("1", "3"), ("-1", "3"), ("2", "-3"), ("0", "5"), ("5", "0"), ("0", "0"), ("0.000000000001", "99999999999.5"),
        ("0", "99999999999999999999999999"), ("1", "8000000000000"), ("-1", "8000000000000"), ("123456789.123456789", "0.000000000007"), ("99.5", "100"),
        ("0.000000000001", "200"), ("0.000000000001", "199.999999999999"), ("0.000000000001", "200.000000000001"),
        ("1999.999999999999", "1999.999999999998"), ("2000", "1999.999999999999"), ("-1999.999999999999", "2000"), ("1999.999999999999", "0.000000000001"),
        ("0.000000000003", "0.0000000008"), ("1999", "1024"), ("-0.000000000007", "1600"), ("12345.678901234567", "0.3"),
    ],
)  # fmt: skip
def test_a_percentage_is_exact_and_rounded_half_away_from_zero(part: str, whole: str) -> None:
    row: dict[str, Any] = {
        "status": "mismatched", "usage_amount": Decimal(whole), "cost_amount": Decimal(whole) + Decimal(part),
        "usage_quantity": Decimal(0), "cost_quantity": Decimal(0),
    }  # fmt: skip
    usage_oracle.percent(row)
    items = pa.table({"part": pa.array([Decimal(part)], EXACT), "whole": pa.array([Decimal(whole)], EXACT)})
    (found,) = run(render("select {{ exact_percent('part', 'whole') }} as percent from items"), items=items)
    assert found["percent"] == row["amount_variation_percent"]


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        ("1999999999999.999", "1999999999999.998"),
        ("2000000000000", "0.003"),
        ("-0.001", "1999999999999.999"),
        ("12.345", "67.891"),
    ],
)
def test_a_percentage_of_amounts_in_minor_units_is_exact_too(part: str, whole: str) -> None:
    items = pa.table({"part": pa.array([Decimal(part)], EXACT), "whole": pa.array([Decimal(whole)], EXACT)})
    sql = "select {{ exact_percent('part', 'whole') }} as percent, {{ exact_percent('part', 'whole', 3) }} as of_three from items"
    (found,) = run(render(sql), items=items)
    assert found["of_three"] == found["percent"]


GUID = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f" {GUID.upper()} ", GUID), (f"{GUID}/", GUID), (f"/subscriptions/{GUID}", GUID), (f"/Subscriptions/{GUID}/", GUID),
        ("/subscriptions/", "/subscriptions"), ("/subscriptions/00000000-0000-0000-0000-000000000000", None), ("", None),
        ("00000000-0000-0000-0000-000000000000", None), ("/", None), (None, None), (f"\u00a0{GUID}\u2003", GUID),
        (" vm 1 ", "vm 1"), ("É\u00a0", "é"),
    ],
)  # fmt: skip
def test_a_subscription_is_its_id_however_it_is_written(text: str | None, expected: str | None) -> None:
    items = pa.table({"a": pa.array([text], pa.string())})
    assert run(render("select {{ azure_subscription_id('a') }} as found from items"), items=items) == [
        {"found": expected}
    ]


@pytest.mark.parametrize(
    ("comparison", "charge_type", "discount", "scope"),
    [
        ("focus", "Usage", None, "usage"), ("focus", "Usage", "Used", "usage"), ("focus", "usage", "Unused", "other"),
        ("actual_cost", "Usage", "unused", "usage"), ("actual_cost", "RoundingAdjustment", None, "rounding"),
        ("focus", "RoundingAdjustment", None, "rounding"), ("actual_cost", "Purchase", None, "other"), ("focus", "Tax", None, "other"),
    ],
)  # fmt: skip
def test_what_a_cost_line_is(comparison: str, charge_type: str, discount: str | None, scope: str) -> None:
    items = pa.table({"comparison": [comparison], "charge_type": [charge_type], "commitment_discount_status": pa.array([discount], pa.string())})  # fmt: skip
    assert run(render("select {{ cost_scope() }} as found from items"), items=items) == [{"found": scope}]


@pytest.mark.parametrize(
    ("line", "cell", "same"),
    [
        (["G1", "c", "s", "USD", "m"], ["G1", "c", "s", "USD", "m"], True),
        (["G1", None, None, "USD", None], ["G1", None, None, "USD", None], True),
        (["G1", "c", None, "USD", "m"], ["G1", None, "c", "USD", "m"], False),
        (["G1", "c", "", "USD", "m"], ["G1", "c", None, "USD", "m"], False),
        (["G1c", "", "s", "USD", "m"], ["G1", "c", "s", "USD", "m"], False),
        (["G1", "c", "s", "USD", "M"], ["G1", "c", "s", "USD", "m"], False),
    ],
)  # fmt: skip
def test_a_line_belongs_to_a_cell_whose_keys_are_spelled_alike_column_by_column(
    line: list[str | None], cell: list[str | None], same: bool
) -> None:
    keys = ["invoice_number", "customer_id", "entitlement_id", "currency", "meter_id"]
    month = {"billing_month": pa.array([MONTH], pa.date32())}
    lines, cells = (
        pa.table(
            month | {f"{prefix}{key}": pa.array([text], pa.string()) for key, text in zip(keys, texts, strict=True)}
        )
        for prefix, texts in (("", line), ("spelled_", cell))
    )
    sql = render("select {{ same_spelling('usage') }} as same from lines cross join cells")
    assert run(sql, lines=lines, cells=cells) == [{"same": same}]


# ------------------------------------------------------------------------------------------------ e-invoices


def document(changes: dict[str, Any], rate: str | None = "1") -> einvoice_oracle.Document:
    key = dict.fromkeys(_IDENTIFIERS, "C1") | {"document_date": MONTH, "currency_code": "MYR"}
    amounts: dict[str, Decimal | None] = {name: Decimal("100.00") for name in _AMOUNTS}
    key |= {name: value for name, value in changes.items() if name in key}
    amounts |= {name: Decimal(value) for name, value in changes.items() if name in amounts}
    return einvoice_oracle.Document(
        "register",
        MONTH,
        "sales",
        {"version": changes.get("version")},
        key,
        amounts,
        1,
        None if rate is None else Decimal(rate),
        "f",
        1,
    )


def pairs() -> list[tuple[einvoice_oracle.Document, einvoice_oracle.Document]]:
    """A register document and an e-invoice: alike, or apart in identifiers, amounts, currencies and rates."""
    found = []
    ids: list[tuple[dict[str, Any], dict[str, Any]]] = [({}, {})]
    for name in _IDENTIFIERS:
        other = dt.date(2025, 1, 12) if name == "document_date" else "USD" if name == "currency_code" else "C2"
        ids += [({}, {name: other}), ({name: None}, {}), ({}, {name: None}), ({name: None}, {name: None})]
    ids.append(({}, {"buyer_tin": "C2", "document_date": dt.date(2024, 12, 31)}))
    ids += [({}, {"version": version, "document_date": dt.date(2025, 9, 1)}) for version in ("1.1", "1.2", "1.3")]
    amounts: list[tuple[dict[str, Any], dict[str, Any]]] = [({}, {})]
    for name in _AMOUNTS:
        amounts += [({}, {name: "100.01"}), ({name: "115.01"}, {}), ({name: "0"}, {})]
    amounts += [
        ({"total_tax_amount": "101.00"}, {"total_charge_amount": "102.35"}),
        ({"total_tax_amount": "100.50"}, {}),
    ]
    amounts.append((dict.fromkeys(_AMOUNTS, "0"), dict.fromkeys(_AMOUNTS, "0")))
    rates = [
        ("1", "1"),
        ("4.555", "4.555"),
        ("4.555", "4.545"),
        (None, None),
        ("4.5", None),
        (None, "4.5"),
        ("0.01", "0.01"),
    ]
    for (ours, theirs), (own, other_amounts), (r, e) in itertools.product(ids, amounts, rates):
        found.append((document(ours | own, r), document(theirs | other_amounts, e)))
    return found


def columns_of(documents: list[einvoice_oracle.Document], identifier: str) -> pa.Table:
    columns: dict[str, Any] = {
        identifier: pa.array([str(n) for n in range(len(documents))]),
        "register_type": pa.array(["sales"] * len(documents)),
        "billing_month": pa.array([MONTH] * len(documents)),
        "rate": pa.array([d.rate for d in documents], pa.decimal128(20, 12)),
        "is_disclosed": pa.array([einvoice_oracle.disclosed(d) for d in documents]),
    }
    for name in _IDENTIFIERS:
        kind = pa.date32() if name == "document_date" else pa.string()
        key = name if name == "document_date" else f"{name}_key"
        columns[key] = pa.array([d.key[name] for d in documents], kind)
    for name in _AMOUNTS:
        columns[name] = pa.array([d.amount[name] for d in documents], pa.decimal128(18, 2))
    return pa.table(columns)


COMPARED = "with {{ compare_documents('from r inner join e on r.register_id = e.einvoice_id', name_fields=true) }} select * from compared order by cast(register_id as integer)"
GROUPS_COMPARED = "with {{ compare_documents('from r inner join e on r.group_id = e.einvoice_id', is_group=true) }} select * from compared order by cast(register_id as integer)"
TOLERANCES = [{"compared_field": name, "tolerance": Decimal("0.00")} for name in (*_IDENTIFIERS, *_AMOUNTS)]


def test_documents_are_compared_as_by_the_oracle() -> None:
    cases = pairs()
    found = run(
        render(COMPARED), einvoice_compared_fields=TOLERANCES,
        r=columns_of([r for r, _ in cases], "register_id"), e=columns_of([e for _, e in cases], "einvoice_id"),
    )  # fmt: skip
    for (r, e), row in zip(cases, found, strict=True):
        expected = einvoice_oracle.compare(r, e)
        about = (r.key, e.key, r.amount, e.amount, r.rate, e.rate)
        assert (row["n_id"], row["n_amt"], row["is_fx_missing"]) == (
            expected.n_id,
            expected.n_amt,
            expected.fx_missing,
        ), about
        assert (row["max_difference_myr"], row["sum_difference_myr"]) == (expected.largest, expected.total), about
        assert set((row["differing_fields"] or "").split()) == expected.differing, about
        days = (r.key["document_date"], e.key["document_date"])
        assert row["days_apart"] == (abs((days[0] - days[1]).days) if None not in days else None)


def test_documents_are_alike_when_nothing_differs() -> None:
    cases = pairs()
    sql = render("select {{ is_alike() }} as found from r inner join e on r.register_id = e.einvoice_id order by cast(r.register_id as integer)")  # fmt: skip
    found = run(
        sql, r=columns_of([r for r, _ in cases], "register_id"), e=columns_of([e for _, e in cases], "einvoice_id")
    )
    assert [row["found"] for row in found] == [not einvoice_oracle.compare(r, e).differing for r, e in cases]


def test_documents_in_two_currencies_meet_by_amounts_that_are_equal_in_ringgit() -> None:
    rates = [("1", "1"), ("4.5551", "4.5551"), ("4.5", "2.25"), (None, None), ("4.5", None), (None, "4.5")]
    cases = [(document({"total_tax_amount": a}, r), document({"total_tax_amount": b, "currency_code": "USD"}, e))
             for a, b in itertools.product(("0", "1", "50", "100"), repeat=2) for r, e in rates]  # fmt: skip
    sql = render("select coalesce({{ ringgit_key('r', 'total_tax_amount') }} = {{ ringgit_key('e', 'total_tax_amount') }}, false) as found from r inner join e on r.register_id = e.einvoice_id order by cast(r.register_id as integer)")  # fmt: skip
    found = run(
        sql, r=columns_of([r for r, _ in cases], "register_id"), e=columns_of([e for _, e in cases], "einvoice_id")
    )
    differing = [einvoice_oracle.compare(r, e).differing for r, e in cases]
    assert [row["found"] for row in found] == ["total_tax_amount" not in names for names in differing]


def test_documents_are_compared_as_a_group_by_their_supplier_and_currency_alone() -> None:
    others: list[dict[str, Any]] = [
        {name: dt.date(2025, 1, 12) if name == "document_date" else "X9"} for name in _IDENTIFIERS
    ]
    cases = [(document({}), document(changes)) for changes in ({}, *others)]
    found = run(
        render(GROUPS_COMPARED), einvoice_compared_fields=TOLERANCES,
        r=columns_of([r for r, _ in cases], "group_id"), e=columns_of([e for _, e in cases], "einvoice_id"),
    )  # fmt: skip
    compared = {"supplier_tin", "currency_code"}
    assert [row["n_id"] for row in found] == [0] + [1 if name in compared else 0 for name in _IDENTIFIERS]


def test_documents_are_compared_as_a_group_of_several_currencies_without_its_sums() -> None:
    """Sums never mix currencies (section 4): an amount of such a group is 0 where all its rows are, else it is none."""
    group = document({"currency_code": None, "total_charge_amount": "0"}, rate=None)
    group.amount |= {name: None for name in _AMOUNTS if name != "total_charge_amount"}
    einvoices = [document(dict.fromkeys(_AMOUNTS, amount)) for amount in ("0", "100.00")]
    found = run(
        render(GROUPS_COMPARED), einvoice_compared_fields=TOLERANCES,
        r=columns_of([group, group], "group_id"), e=columns_of(einvoices, "einvoice_id"),
    )  # fmt: skip
    assert [(row["n_id"], row["n_amt"]) for row in found] == [(1, 5), (1, 6)]
    assert [(row["is_fx_missing"], row["max_difference_myr"]) for row in found] == [(True, None), (True, None)]


def test_a_difference_of_the_tolerance_is_none_and_one_beyond_it_is_one() -> None:
    cases = [(document({}, rate), document({"total_tax_amount": amount, "currency_code": currency}, rate))
             for rate in ("1", "2") for amount in ("99.94", "99.95", "100.05", "100.06") for currency in ("MYR", "USD")]  # fmt: skip
    tolerances = [{**row, "tolerance": Decimal("0.05")} for row in TOLERANCES]
    found = run(
        render(COMPARED), einvoice_compared_fields=tolerances,
        r=columns_of([r for r, _ in cases], "register_id"), e=columns_of([e for _, e in cases], "einvoice_id"),
    )  # fmt: skip
    same = [0 if e.amount["total_tax_amount"] in (Decimal("99.95"), Decimal("100.05")) else 1 for _, e in cases]
    # In different currencies it is the difference in ringgit that is held against the tolerance.
    expected = [
        1 if e.key["currency_code"] == "USD" and e.rate == 2 else one for one, (_, e) in zip(same, cases, strict=True)
    ]
    assert [row["n_amt"] for row in found] == expected


@pytest.mark.parametrize("currency", ["MYR", "USD"])
def test_differences_in_ringgit_keep_their_sign_and_are_rounded_once(currency: str) -> None:
    # 1 x 4.5546 is 4.55; rounded to 4.555 first it would be 4.56.
    rates = [*((rate, rate) for rate in ("1", "2", "4.5551", "4.5546", "0.5", None)), ("2", None), (None, "2")]
    cases = [(document({"total_tax_amount": a}, r), document({"total_tax_amount": b, "currency_code": currency}, e))
             for a, b in (("100", "103.01"), ("103.01", "100"), ("100", "100"), ("0", "0"), ("0", "0.5"), ("0", "1"))
             for r, e in rates]  # fmt: skip
    sql = render("select {{ difference_myr('total_tax_amount') }} as found from r inner join e on r.register_id = e.einvoice_id order by cast(register_id as integer)")  # fmt: skip
    found = run(
        sql, r=columns_of([r for r, _ in cases], "register_id"), e=columns_of([e for _, e in cases], "einvoice_id")
    )
    expected = [einvoice_oracle.compare(r, e).difference_myr["total_tax_amount"] for r, e in cases]
    assert [row["found"] for row in found] == expected


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("1.005", "1.01"), ("-1.005", "1.01"), ("1.004999999999", "1.00"), ("999999.994999999999", "999999.99"),
        ("999999.995", "1000000.00"), ("1000000", "1000000.00"), ("1000000.005", "1000000.01"), ("-1000000.004999", "1000000.00"),
        (None, "0.00"), ("0", "0.00"), ("9999999999999.995", "10000000000000.00"),
    ],
)  # fmt: skip
def test_the_magnitude_of_an_amount(amount: str | None, expected: str) -> None:
    items = pa.table({"a": pa.array([None if amount is None else Decimal(amount)], EXACT)})
    (row,) = run(render("select {{ magnitude('a') }} as found from items"), items=items)
    assert str(row["found"]) == expected


@pytest.mark.parametrize(
    ("code", "key", "sign"),
    [("01", "01", 1), ("2", "02", -1), ("02", "02", -1), ("03", "03", 1), ("4", "04", -1), ("04", "04", -1), ("11", "11", 1),
     ("12", "12", -1), ("13", "13", 1), ("14", "14", -1)],
)  # fmt: skip
def test_a_note_takes_away_what_an_invoice_adds(code: str, key: str, sign: int) -> None:
    (row,) = run(
        render("select {{ einvoice_document_columns('day') }} from items"), items=staged(document_type_key=code)
    )
    assert (row["document_type_key"], row["amount_sign"]) == (key, sign)
    (row,) = run(render("select {{ signed('items', 'tax') }} as found from items"), items=[{"amount_sign": sign, "tax": Decimal("1.50")}])  # fmt: skip
    assert row["found"] == sign * Decimal("1.50")


@pytest.mark.parametrize(
    ("currency", "given", "rate"),
    [("MYR", None, "1"), ("MYR", "4.5", "1"), ("USD", "4.5", "4.5"), ("USD", None, None), ("USD", "0", None), ("USD", "-1", None),
     ("USD", "0.000000000001", "0.000000000001"), ("USD", "99999999.999999999999", "99999999.999999999999"),
     ("USD", "100000000", None)],
)  # fmt: skip
def test_the_rate_of_a_document_is_more_than_nothing_and_that_of_ringgit_one(
    currency: str, given: str | None, rate: str | None
) -> None:
    items = staged(currency_code_key=currency, exchange_rate=None if given is None else Decimal(given))
    (row,) = run(render("select {{ einvoice_document_columns('day') }} from items"), items=items)
    assert row["rate"] == (None if rate is None else Decimal(rate))


def staged(**changes: Any) -> pa.Table:
    """A document as it is staged, before anything is computed of it."""
    texts = [f"{name}{end}" for name in _IDENTIFIERS if name != "document_date" for end in ("", "_key")]
    row: dict[str, Any] = (
        dict.fromkeys(texts, "A1") | {"day": MONTH} | dict.fromkeys([*_AMOUNTS, "exchange_rate"]) | changes
    )
    kinds = {"day": pa.date32(), **dict.fromkeys([*_AMOUNTS, "exchange_rate"], EXACT)}
    return pa.table({name: pa.array([value], kinds.get(name, pa.string())) for name, value in row.items()})


@pytest.mark.parametrize(
    ("status", "direction", "superseded", "told", "expected"),
    [
        ("VALID", "received", None, None, "takes_part"), ("VALID", "issued", "1", None, "superseded"),
        ("CANCELLED", "issued", None, None, "cancelled"), ("INVALID", "received", None, None, "invalid"),
        ("SUBMITTED", "received", None, None, "submitted"), ("SUBMITTED", "issued", None, None, "takes_part"),
        ("CANCELLED", "received", "1", None, "superseded"), ("VALID", "issued", "1", "CANCELLED", "cancelled"),
    ],
)  # fmt: skip
def test_whether_an_einvoice_takes_part(
    status: str, direction: str, superseded: str | None, told: str | None, expected: str
) -> None:
    sql = render("select {{ participation('d', 's') }} as found from d cross join s")
    other = pa.table(
        {name: pa.array([value], pa.string()) for name, value in (("einvoice_id", superseded), ("status_told", told))}
    )
    assert run(sql, d=[{"status_key": status, "direction": direction}], s=other) == [{"found": expected}]


def test_buckets_and_bands_at_every_threshold() -> None:
    differences = ["0", "0.01", "1", "1.01", "5", "5.01", "15", "15.01", None]
    cases = [
        (n_id, n_amt, None if text is None else Decimal(text), missing)
        for n_id, n_amt, text, missing in itertools.product((0, 1, 2, 3), (0, 1, 2, 3), differences, (False, True))
        if missing == (text is None)
    ]
    paired = pa.table(
        {
            "billing_month": [MONTH] * len(cases), "register_type": ["sales"] * len(cases), "pass": ["key"] * len(cases),
            "register_id": [str(n) for n in range(len(cases))], "einvoice_id": [str(n) for n in range(len(cases))],
            "pass_number": [1] * len(cases), "candidate_count": [1] * len(cases), "is_ambiguous": [False] * len(cases),
            "n_id": [c[0] for c in cases], "n_amt": [c[1] for c in cases], "is_fx_missing": [c[3] for c in cases],
            "max_difference_myr": pa.array([c[2] for c in cases], pa.decimal128(18, 2)),
        }
    )  # fmt: skip
    groups = pa.table({"einvoice_id": pa.array(["0"]), "row_count": pa.array([4])})
    shared = {
        "einvoice_id": pa.string(), "billing_month": pa.date32(), "register_id": pa.string(), "row_count": pa.int64(),
        "is_latest": pa.bool_(),
    }  # fmt: skip
    shares = pa.schema(list(shared.items())).empty_table()  # no group over several months
    limits = [{"low": Decimal("1.00"), "medium": Decimal("5.00"), "high": Decimal("15.00")}]
    found = run(
        f"{model(BUCKETS, until='missing')} select * from matched order by cast(register_id as integer)",
        int_einvoices__pairs=paired, int_einvoices__groups=groups, int_einvoices__group_shares=shares, int_einvoices__bands=limits,
    )  # fmt: skip
    for (n_id, n_amt, largest, missing), row in zip(cases, found, strict=True):
        told = Told(n_id, n_amt, largest, missing)
        assert row["bucket"] == einvoice_oracle.bucket_of(told), told  # type: ignore[arg-type]
        assert row["amount_band"] == einvoice_oracle.band_of(largest), told
        assert row["reason"] == ("fx_missing" if missing else None)
        assert row["row_count"] == (4 if row["einvoice_id"] == "0" else 1)


class Told:
    """What the oracle's bucket rule looks at."""

    def __init__(self, n_id: int, n_amt: int, largest: Decimal | None, fx_missing: bool) -> None:
        self.n_id, self.n_amt, self.largest, self.fx_missing = n_id, n_amt, largest, fx_missing


# ------------------------------------------------------------------------------------------------ subscriptions


def amounts(currency: str, bss: str | None, ms: str | None, key: str = "s", month: dt.date = MONTH) -> dict[str, Any]:
    """What the items of a subscription add up to in a currency: two of each side that is there."""
    return {
        "billing_month": month, "ms_subscription_id": key, "currency": currency,
        "bss_item_count": 0 if bss is None else 2, "bss_cost": Decimal(bss or "0"),
        "ms_item_count": 0 if ms is None else 2, "ms_cost": Decimal(ms or "0"),
        "sales": Decimal("0"), "unpriced_item_count": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("bss", "ms", "currency", "status", "difference"),
    [
        ("10", "9", "MYR", "match", "1"),
        ("10", "11", "MYR", "match", "-1"),
        ("10", "8.999999", "MYR", "discrepancy", "1.000001"),
        ("10", "11.000001", "MYR", "discrepancy", "-1.000001"),
        ("10", "9.5", "KWD", "match", "0.5"),
        ("10", "9.499999", "KWD", "discrepancy", "0.500001"),
        ("10", None, "MYR", "missing_in_ms", "10"),
        (None, "10", "MYR", "missing_in_bss", "-10"),
        ("0.5", None, "MYR", "missing_in_ms", "0.5"),
    ],
)
def test_the_verdict_on_a_subscription_at_the_tolerance(
    bss: str | None, ms: str | None, currency: str, status: str, difference: str | None
) -> None:
    (row,) = run(
        model(VERDICTS), int_subscriptions__amounts=[amounts(currency, bss, ms)],
        currency_tolerances=[{"currency": "*", "tolerance": Decimal("1.00")}, {"currency": "KWD", "tolerance": Decimal("0.50")}],
    )  # fmt: skip
    assert (row["status"], row["cost_difference"]) == (status, None if difference is None else Decimal(difference))
    assert (row["bss_item_count"], row["ms_item_count"]) == (2 * (bss is not None), 2 * (ms is not None))
    assert (row["bss_total_cost"], row["ms_total_cost"]) == tuple(
        None if cost is None else Decimal(cost) for cost in (bss, ms)
    )
    assert (row["currency"], row["currency_count"]) == (currency, 1)


@pytest.mark.parametrize(
    ("usd", "myr", "totals", "status"),
    [
        ((None, "9"), ("10", None), ("10", "9"), "not_comparable"),
        (("9", "9"), ("10", None), (None, "9"), "not_comparable"),
        (("9", "9"), (None, "10"), ("9", None), "not_comparable"),
        (("9", None), ("10", None), (None, None), "missing_in_ms"),
        ((None, "9"), (None, "10"), (None, None), "missing_in_bss"),
    ],
)
def test_a_side_of_several_currencies_has_no_total(
    usd: tuple[str | None, str | None],
    myr: tuple[str | None, str | None],
    totals: tuple[str | None, str | None],
    status: str,
) -> None:
    (row,) = run(
        model(VERDICTS), int_subscriptions__amounts=[amounts("USD", *usd), amounts("MYR", *myr)],
        currency_tolerances=[{"currency": "*", "tolerance": Decimal("1.00")}],
    )  # fmt: skip
    assert (row["bss_total_cost"], row["ms_total_cost"]) == tuple(
        None if cost is None else Decimal(cost) for cost in totals
    )
    assert (row["status"], row["currency"], row["currency_count"], row["cost_difference"]) == (
        status,
        "MYR/USD",
        2,
        None,
    )
    counts = [2 * sum(cost is not None for cost in side) for side in zip(usd, myr, strict=True)]
    assert [row["bss_item_count"], row["ms_item_count"]] == counts


def test_each_subscription_is_judged_in_its_own_currency_of_the_month() -> None:
    currencies = {(month, key): f"{key}{month.month}" for month in (MONTH, dt.date(2025, 2, 1)) for key in "st"}
    found = run(
        model(VERDICTS),
        int_subscriptions__amounts=[
            amounts(currency, "10", "9", key, month) for (month, key), currency in currencies.items()
        ],
        currency_tolerances=[{"currency": "*", "tolerance": Decimal("1.00")}, {"currency": "s2", "tolerance": Decimal("0.50")}],
    )  # fmt: skip
    assert sorted((row["currency"], row["status"]) for row in found) == [
        ("s1", "match"), ("s2", "discrepancy"), ("t1", "match"), ("t2", "match"),
    ]  # fmt: skip
    assert {(row["billing_month"], row["ms_subscription_id"]): row["currency"] for row in found} == currencies


def test_currencies_of_another_month_or_subscription_are_not_its_own() -> None:
    found = run(
        model(VERDICTS),
        int_subscriptions__amounts=[
            amounts("MYR", "10", "9"), amounts("USD", "10", "9", month=dt.date(2025, 2, 1)), amounts("USD", "10", "9", "t"),
        ],
        currency_tolerances=[{"currency": "*", "tolerance": Decimal("1.00")}],
    )  # fmt: skip
    assert {row["currency_count"] for row in found} == {1}
    assert len(found) == 3
