"""Letters: who can be written to, and that a letter, its workbook and the screen hold the same rows."""

import io
import re
from html import unescape
from pathlib import Path

import openpyxl
import pytest
from flask.testing import FlaskClient

from recon_assets.app import decided, einvoices, subscriptions
from recon_assets.app.format import tone
from recon_assets.app.glossary import term
from recon_assets.app.pages import Site
from recon_assets.app.server import create_app
from recon_assets.app.tables import Table
from recon_assets.lakehouse.published import PublishedStore
from recon_assets_tests.app.conftest import site_in
from recon_assets_tests.app.published import PUBLISHED_FIRST, publish, subscription

MARCH = "2025-03"


@pytest.fixture
def client(site: Site) -> FlaskClient:
    return create_app(site).server.test_client()


def page(client: FlaskClient, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return unescape(answer.get_data(as_text=True))


def test_a_letter_to_a_supplier_names_documents_with_both_values_and_what_differs(client: FlaskClient) -> None:
    listed = page(client, f"/letters/documents?month={MARCH}")
    assert re.findall(r'">(Buyer \d Sdn Bhd, C222)</a>', listed) == ["Buyer 2 Sdn Bhd, C222", "Buyer 3 Sdn Bhd, C222"]
    href = re.search(r'href="([^"]+)">Buyer 2', listed)
    assert href is not None
    text = page(client, href[1])
    assert "To: Buyer 2 Sdn Bhd, C222" in text and "Subject: E-invoices of 2025-03: 1 item that differs" in text
    assert (
        "1. Sales document INV-0002: Register 1,060.00 MYR, E-invoice 1,060.00 MYR, difference 0.00 "
        "(Mismatch; Total tax amount 60.00 against 80.00)"
    ) in text
    assert "In all, MYR: Register 1,060.00, E-invoice 1,060.00." in text and text.index("local") > 0


def test_the_workbook_of_a_letter_and_the_screen_hold_the_same_rows(client: FlaskClient, site: Site) -> None:
    text = page(client, f"/letters/subscriptions?month={MARCH}&partner=partner-1")
    assert "1 item that differs" in text and "sub-9003" in text  # one was ignored, the other partner's is not theirs
    workbook = re.search(r'href="(/download/subscriptions.xlsx[^"]+)"', text)
    assert workbook is not None
    book = openpyxl.load_workbook(io.BytesIO(client.get(workbook[1]).get_data()))
    values = [cell for row in book["Rows"].iter_rows(min_row=2, values_only=True) for cell in row]
    assert "sub-9003" in values and not {"sub-9001", "sub-9002", "sub-0001"} & set(values)
    context = site.context(subscriptions.SCREEN, f"?month={MARCH}&partner=partner-1&differs=differs")
    query = f"{context.screen.path}{context.address.search}"
    assert f'href="{query}"' in text


def test_those_with_most_rows_come_first_and_rows_of_nobody_are_told(tmp_path: Path) -> None:
    store = PublishedStore(tmp_path / "published")
    differs = {"status": "discrepancy", "cost_difference": 2, "csp_partner": None}
    names = ["Alpha & Söhne", "Beta", "Beta", None]
    rows = [subscription(n, MARCH, customer_name=name, **differs) for n, name in enumerate(names)]
    publish(store, "subscriptions", MARCH, PUBLISHED_FIRST, {"subscription_reconciliation": rows})
    client = create_app(site_in(tmp_path / "home", tmp_path / "published")).server.test_client()
    listed = page(client, "/letters/subscriptions")
    assert listed.index("Beta") < listed.index("Alpha & Söhne") < listed.index("Nobody is named")
    assert "To: Alpha & Söhne" in page(client, "/letters/subscriptions?customer_is=Alpha+%26+S%C3%B6hne")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/letters/meters", "name nobody to write to"),
        (f"/letters/subscriptions?month={MARCH}&partner=nobody", "Nothing of nobody differs"),
        ("/letters/secrets", "no table"),
        ("/letters/subscriptions?colour=red", "nothing this page can be filtered by"),
    ],
)
def test_a_letter_that_cannot_be_is_told(client: FlaskClient, address: str, said: str) -> None:
    assert said in page(client, address, 400)


@pytest.mark.parametrize("table", [subscriptions.TABLE, einvoices.DOCUMENTS], ids=lambda table: table.name)
def test_what_differs_is_every_status_that_does_not_agree(table: Table) -> None:
    told = term(table.mart, table.status)
    assert told is not None
    agreeing = {code for code in told.values if tone(code) in ("good", "info")}
    filter_ = table.filter(decided.DIFFERS)
    assert filter_ is not None
    assert set(re.findall(r"'([^']+)'", filter_.column.partition(" and not ")[0])) == agreeing
