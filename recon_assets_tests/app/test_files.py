"""The screen of files: what became of each, and rejected records with their place, value and reason."""

import csv
import io

from recon_assets.app import files, pages, queries
from recon_assets.app.pages import Site
from recon_assets.app.server import create_app
from recon_assets.app.tables import Row, Table
from recon_assets_tests.app.published import key
from recon_assets_tests.app.test_overview import links, text_of
from recon_assets_tests.app.test_server import page_text

MARCH = "?month=2025-03"


def rows_of(site: Site, table: Table, search: str) -> list[Row]:
    context = site.context(files.SCREEN, search)
    return context.rows(queries.page(table, context.restriction(table), context.sort(table), 0, 100))


def test_a_rejected_record_says_where_it_is_what_stands_there_and_why(site: Site) -> None:
    (row,) = rows_of(site, files.REJECTED, f"{MARCH}&q=A.CSV&reason=is+not+a+date&source=BSS+invoices")
    place = ("bss/invoices/2025-03/a.csv", 17, "Start Date", "31/31/2025", "is not a date")
    assert tuple(row[name] for name in ("source_file", "source_row", "column_name", "value", "reason")) == place
    assert rows_of(site, files.REJECTED, f"{MARCH}&reconciliation=einvoices") == []


def test_files_say_what_became_of_them_and_are_counted(site: Site) -> None:
    found = {row["source_file"][-5:]: (row["outcome"], row["set_aside"]) for row in rows_of(site, files.FILES, MARCH)}
    assert found == {"a.csv": ("partly_rejected", None), "b.csv": ("set_aside", "repeats a.csv")}
    text = page_text(create_app(site).server.test_client(), "/files", MARCH)
    assert "Set aside" in text and "Rows loaded" in text and "240.00" not in text


def test_an_opened_record_shows_the_whole_of_it(site: Site) -> None:
    client = create_app(site).server.test_client()
    context = site.context(files.SCREEN, f"{MARCH}&row=rejected:{key('rejected', '2025-03')}")
    assert context.selected is not None
    text = text_of(files.details(context, *context.selected))
    assert "sub-7,31/31/2025" in text and "SourceBSS invoices" in text and "Month2025-03" in text
    assert client.get(f"/print/files{MARCH}").status_code == 200


def test_who_must_mend_records_gets_them_as_a_file(site: Site) -> None:
    client = create_app(site).server.test_client()
    text = client.get(f"/download/rejected.csv{MARCH}").get_data(as_text=True).lstrip("\ufeff")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["source_file"], row["source_row"], row["raw_row"]) == (
        "bss/invoices/2025-03/a.csv",
        "17",
        "sub-7,31/31/2025",
    )
    assert client.get(f"/download/files.xlsx{MARCH}").status_code == 200


def test_the_overview_leads_to_the_files_that_were_set_aside(site: Site) -> None:
    (href,) = [href for text, href in links(pages.overview_page(site, "")) if text == "3 files were set aside"]
    assert [row["outcome"] for row in rows_of(site, files.FILES, href.partition("?")[2])] == ["set_aside"] * 3
