"""The overview and the waterfalls: every number leads to exactly its rows, and statements foot."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from recon_assets.app import bridge, charts, landed, pages, queries, usage, waterfall
from recon_assets.app.format import missing_in_words, share, short
from recon_assets.app.pages import Site
from recon_assets.app.server import create_app
from recon_assets.errors import InputError
from recon_assets.lakehouse.raw import LoadedFile, RawMonth, RawStore
from recon_assets.landing.discovery import discover
from recon_assets.storage import landing_store
from recon_assets_tests.app.callbacks import press


def rows_behind(site: Site, href: str) -> int:
    """How many rows the screen of an address counts."""
    path, _, search = href.partition("?")
    screen = site.screen(path)
    assert screen is not None, href
    context = site.context(screen, search)
    table = screen.tables[-1]
    return sum(row["row_count"] for row in context.rows(queries.totals(table, context.restriction(table))))


def links(part: Any) -> Iterator[tuple[str, str]]:
    """Text and address of every link of a page."""
    if isinstance(part, list | tuple):
        for item in part:
            yield from links(item)
    elif hasattr(part, "to_plotly_json"):
        if getattr(part, "href", None):
            yield text_of(part), part.href
        yield from links(getattr(part, "children", None))


def text_of(part: Any) -> str:
    if isinstance(part, list | tuple):
        return "".join(map(text_of, part))
    return text_of(getattr(part, "children", None)) if hasattr(part, "to_plotly_json") else str(part or "")


def test_every_count_on_the_overview_leads_to_as_many_rows(site: Site) -> None:
    counted = [
        (int(found[1].replace(",", "")), href)
        for text, href in links(pages.overview_page(site, ""))
        if (found := re.match(r"([\d,]+) (?!open issue)", text)) and href.startswith(("/subs", "/usage", "/einv"))
    ]
    assert len(counted) > 20
    wrong = [(count, href) for count, href in counted if rows_behind(site, href) != count and "change=" not in href]
    assert wrong == []


def test_what_the_last_publication_changed_leads_to_the_changed_row(site: Site) -> None:
    (href,) = [href for _, href in links(pages.overview_page(site, "")) if "change=" in href]
    assert rows_behind(site, href) == 1


def test_money_at_risk_is_what_open_rows_differ_by_and_leads_to_them(site: Site) -> None:
    found = dict(links(pages.overview_page(site, "")))
    risk = Decimal("12.50") * 2 + Decimal("99.75")  # what is missing of 70 a month was ignored
    href = found[f"{risk} MYR"]
    assert rows_behind(site, href) == 3
    assert "discrepancy" in href and "missing_in_ms" in href
    decided = [href for text, href in links(pages.overview_page(site, "")) if "open=decided" in href]
    assert [rows_behind(site, href) for href in decided] == [3]


def test_the_overview_counts_what_did_not_become_rows(site: Site) -> None:
    text = text_of(pages.overview_page(site, ""))
    assert "3 records were rejected" in text and "6 rows were ignored" in text and "3 files were set aside" in text


@pytest.mark.parametrize("path", ["/subscriptions", "/usage", "/einvoices"])
def test_a_waterfall_foots_and_its_steps_lead_to_their_rows(site: Site, path: str) -> None:
    screen = site.screen(path)
    assert screen is not None
    context = site.context(screen, "?month=2025-01..2025-03")
    lines = context.rows(waterfall.statement_query(context))
    assert sum(line["amount"] for line in lines[:-1]) == lines[-1]["amount"]
    for line in lines:
        href = screen.path + waterfall.link(context, line).search
        assert rows_behind(site, href) == line["row_count"] * (1 if path != "/usage" or line["position"] == 60 else 2)


def test_the_bridge_of_an_invoice_says_how_it_becomes_the_export(site: Site) -> None:
    context = site.context(usage.SCREEN, "?month=2025-03&invoice=G1")
    (part,) = bridge.render(context)
    assert "2025-03, invoice G1, USD: 2,000.25 to 2,003.50" in text_of(part)
    found = dict(links(part))
    assert rows_behind(site, found["Price"]) == 1 and "invoice=G1" in found["Price"]
    assert bridge.render(site.context(usage.SCREEN, "?month=2025-03&comparison=amortized_cost")) == []


def test_steps_stay_visible_beside_large_totals_and_the_axis_says_that_it_is_cut() -> None:
    steps = [
        charts.Step("Left", Decimal(12_000), 9, "/", True),
        charts.Step("Missing", Decimal(-90), 1, "/", False),
        charts.Step("Right", Decimal(11_910), 9, "/", True),
    ]
    table = charts.waterfall("USD", "USD", steps, "Rows")
    assert "does not begin at zero" in text_of(table)
    widths = re.findall(r"'width': '([\d.]+)%'", str(table))
    assert float(widths[1]) > 50


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([Decimal("12.5"), Decimal("99.75")], [0, 50, 100]),
        ([Decimal(-30), Decimal(80)], [-50, 0, 50, 100]),
        ([], [0, 1]),
    ],
)
def test_an_axis_has_round_ticks_and_holds_zero(values: list[Decimal], ticks: list[int]) -> None:
    assert charts.axis(values) == ticks


def test_short_amounts_and_shares_say_no_more_than_is_true() -> None:
    assert [short(Decimal(n)) for n in ("12345", "-1500000", "12.5", "0")] == [
        "12.3k",
        "\N{MINUS SIGN}1.5m",
        "12.50",
        "0",
    ]
    assert (share(9_999, 10_000), share(1, 10_000), share(3, 3), share(0, 0)) == ("99.9%", "0.1%", "100%", "")


def test_missing_sources_are_said_in_peoples_words() -> None:
    assert missing_in_words("bss_invoices 2025-07; bss_invoices 2025-08; ms_recon_legacy 2025-03 (optional)") == [
        "BSS invoices of July 2025, August 2025",
        "Microsoft's legacy reconciliation file (not needed) of March 2025",
    ]


def test_landed_files_that_are_not_loaded_or_not_read_are_told_with_what_to_do(site: Site) -> None:
    client = create_app(site).server.test_client()
    assert "is not there yet" in press(client, "landed-look", "/")
    landing = site.settings.landing
    for path in (
        "bss/invoices/2025-04/a.csv",
        "bss/invoices/2025-04/b.csv",
        "bss/invoices/2025-04/~$c.xlsx",
        "stray.csv",
    ):
        (landing / path).parent.mkdir(parents=True, exist_ok=True)
        (landing / path).write_text("x", encoding="utf-8")
    (loaded, _) = discover(landing_store(site.settings), "bss_invoices")["2025-04"]
    (site.settings.raw / "bss_invoices" / "2025-04").mkdir(parents=True)
    file = LoadedFile(loaded.path, loaded.etag, loaded.size, "", 1, 0)
    RawStore(site.settings.raw).commit(
        RawMonth("bss_invoices", "2025-04", "load", "2025-04-01T00:00:00", [file], 1, 0, {})
    )
    said = press(client, "landed-look", "/")
    assert "1 file of" in said and "for 2025-04" in said and "/run?month=2025-04" in said
    assert "stray.csv" in said and "it lies in no source's folder" in said and "lock of a workbook" in said
    assert "run the month" not in text_of(landed.render(site.platform(), False))
    (landing / "stray.csv").unlink()
    (landing / "bss/invoices/2025-04/~$c.xlsx").unlink()
    (landing / "bss/invoices/2025-04/b.csv").unlink()
    assert "Every landed file is loaded." in press(client, "landed-look", "/")


def test_amounts_of_a_month_by_status_are_those_of_its_rows_and_read_when_they_are_opened(site: Site) -> None:
    assert "Amounts of" not in str(pages.overview_page(site, ""))
    said = text_of(pages.amounts_part(site, "subscriptions", "2025-03", ""))
    assert "DiscrepancyMYR11,234.501,134.75\N{MINUS SIGN}99.75" in said and "Missing at MicrosoftMYR170.00" in said
    then = text_of(pages.amounts_part(site, "subscriptions", "2025-03", "?asof=2025-04-08"))
    assert "\N{MINUS SIGN}12.50" in then
    for name, month in (("secrets", "2025-03"), ("usage", "March")):
        with pytest.raises(InputError):
            pages.amounts_part(site, name, month, "")
