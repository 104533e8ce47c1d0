"""Headings: how the columns of a file are found, and what is said when one is missing."""

import pytest

from recon_assets.catalogue import SOURCES, columns_of, normalize_heading
from recon_assets.errors import FileProblem
from recon_assets.sources.columns import bind_by_priority, bind_columns
from recon_assets_tests.headings import LEGACY as LEGACY_HEADINGS
from recon_assets_tests.headings import NCE as NCE_HEADINGS
from recon_assets_tests.landed import nce_line
from recon_assets_tests.shared import official, shortened

NCE = list(nce_line())


def _bound(source: str, headings: list[str]) -> dict[str, int]:
    """Positions of headings of which no two fit one column."""
    bound, rivals = bind_columns(source, headings, "a.csv")
    assert rivals == {}
    return bound


def test_columns_are_bound_by_name_whatever_their_order() -> None:
    bound = _bound("ms_recon_nce", NCE[::-1])
    assert {name: NCE[::-1][position] for name, position in bound.items()}["charge_start_date"] == "ChargeStartDate"
    assert len(bound) == len(NCE)


@pytest.mark.parametrize(
    "spelling",
    ["subscriptionid", "SUBSCRIPTIONID", "Subscription Id", "subscription_id", "SubscriptionId  ",
     "\ufeffSubscriptionId", " Subscription_ ID", "Subscription\u00a0Id"],
)  # fmt: skip
def test_case_blanks_underscores_and_a_byte_order_mark_do_not_matter(spelling: str) -> None:
    headings = [spelling if name == "SubscriptionId" else name for name in NCE]
    assert _bound("ms_recon_nce", headings)["subscription_id"] == NCE.index("SubscriptionId")


@pytest.mark.parametrize("alias", ["Tier2MpnId", "ResellerMpnId", "RESELLERMPNID"])
def test_an_alias_names_the_same_column(alias: str) -> None:
    assert _bound("ms_recon_nce", [*NCE, alias])["tier2_mpn_id"] == len(NCE)


def test_of_two_headings_that_fit_one_column_the_first_alias_counts_and_the_other_is_its_rival() -> None:
    bound, rivals = bind_columns("ms_recon_nce", ["ResellerMpnId", "Tier2MpnId", *NCE], "a.csv")
    assert (bound["tier2_mpn_id"], rivals) == (1, {"tier2_mpn_id": [0]})


def test_a_heading_that_a_profile_names_has_no_rival() -> None:
    told = {"Reseller Mpn Id": "tier2_mpn_id"}
    bound, rivals = bind_columns("ms_recon_nce", ["ResellerMpnId", "Tier2MpnId", *NCE], "a.csv", told)
    assert (bound["tier2_mpn_id"], rivals) == (0, {})


def test_an_unknown_column_is_left_out() -> None:
    assert len(NCE) not in _bound("ms_recon_nce", [*NCE, "SomethingNew"]).values()


@pytest.mark.parametrize("second", ["Subtotal", "sub_total", "SUB TOTAL"])
def test_a_column_that_appears_twice_is_refused(second: str) -> None:
    with pytest.raises(FileProblem, match=r"^a\.csv, the heading, column '.*': the heading appears more than once"):
        bind_columns("ms_recon_nce", [*NCE, second], "a.csv")


def test_a_missing_column_is_named_with_the_file_and_what_was_found() -> None:
    headings = [name for name in NCE if name not in ("Subtotal", "Currency")]
    with pytest.raises(FileProblem) as problem:
        bind_columns("ms_recon_nce", headings, "partner_center/reconciliation/a.csv")
    text = str(problem.value)
    assert text.startswith("partner_center/reconciliation/a.csv, the heading, column 'Subtotal'")
    assert "required columns Subtotal, Currency are missing" in text
    assert "found: PartnerId, InvoiceNumber, ProductName" in text


def _headers(pattern: str) -> list[str]:
    return [path.read_text(encoding="utf-8-sig").strip() for path in official(f"headers/{pattern}")]


@pytest.mark.parametrize(
    ("source", "header"),
    [
        *(("ms_recon_nce", header) for header in [NCE_HEADINGS, *_headers("nce_recon_*")]),
        *(("ms_recon_legacy", header) for header in [LEGACY_HEADINGS, *_headers("legacy_license_*")]),
    ],
    ids=shortened,
)
def test_every_column_of_a_real_file_is_known(source: str, header: str) -> None:
    headings = header.split(",")
    bound = _bound(source, headings)
    assert sorted(bound.values()) == list(range(len(headings)))


@pytest.mark.parametrize("source", [*SOURCES, "azure_cost_export.focus", "ms_invoices.invoice_detail"])
def test_no_two_columns_of_a_source_answer_to_the_same_heading(source: str) -> None:
    declared = [column for column in columns_of(source) if column.heading != "derived"]
    spellings = [spelling for column in declared for spelling in set(map(normalize_heading, column.aliases))]
    assert sorted(spellings) == sorted(set(spellings))
    headings = [column.aliases[0] for column in declared]
    by_priority = source.startswith("azure_") or "." in source
    bound = bind_by_priority(source, headings, "all.csv", set()) if by_priority else _bound(source, headings)
    assert bound == {column.name: position for position, column in enumerate(declared)}


@pytest.mark.parametrize(
    ("source", "count"), [("erp_sales_register", 8), ("erp_purchase_register", 8), ("einvoices", 8)]
)
def test_a_derived_column_is_the_text_of_another_one_and_never_read_from_a_file(source: str, count: int) -> None:
    columns = columns_of(source)
    derived = {column.name: column.aliases for column in columns if column.heading == "derived"}
    in_files = {column.name: column.aliases[0] for column in columns if column.heading != "derived"}
    assert derived == {f"{name}_key": (name,) for name in in_files if f"{name}_key" in derived}
    assert len(derived) == count
    headings = [*in_files.values(), *derived]
    assert sorted(_bound(source, headings).values()) == list(range(len(in_files)))
