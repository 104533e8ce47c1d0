"""A delimited source is its declaration: nothing else of the package has to know it for its months to be loaded."""

from pathlib import Path

import pytest

from recon_assets.catalogue import SOURCES, Source
from recon_assets.catalogue.raw_tables import raw_tables
from recon_assets.catalogue.reading import read_source
from recon_assets.platform import Platform
from recon_assets.sources.contracts import contract
from recon_assets_tests.landed import table_rows

MONTH = "2025-01"
DECLARATION = """
description: Lines of the car park's invoices.
prefix: parking/invoices/
month_from: folder
suffixes: [.csv]
reader: delimited
dialect: typed
window: {from_offset: 0, to_offset: 1}
loads: window
amount: net_amount
currency: currency
columns:
  - [ticket,     text,    required, needed,   Ticket | Ticket No]
  - [parked_on,  date,    required, needed,   Day]
  - [net_amount, decimal, required, needed,   Net]
  - [currency,   text,    required, needed,   Currency]
  - [plate,      text,    optional, optional, Plate, "Number plate of the car."]
row_rules:
  - {fails: net_amount < 0, reason: is negative, column: net_amount}
"""


@pytest.fixture
def parking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    path = tmp_path / "parking_invoices.yml"
    path.write_text(DECLARATION, encoding="utf-8")
    _, source = read_source(path, "subscriptions")
    monkeypatch.setitem(SOURCES, source.name, source)
    return source


def test_months_of_a_declared_source_are_found_read_checked_and_loaded(
    parking: Source, platform: Platform, landing: Path
) -> None:
    folder = landing / "parking" / "invoices" / MONTH
    folder.mkdir(parents=True)
    lines = [f"T{n},2025-01-{n:02d},1.5{n % 10},EUR,M-AB {n}" for n in range(1, 31)]
    text = "\n".join(["Ticket No,Day,Net,Currency,plate", *lines, "T31,2025-01-31,-1,EUR,M-AB 31"])
    (folder / "january.csv").write_text(text + "\n", encoding="utf-8")

    load = platform.load(parking.name, MONTH)

    assert load.outcome == "loaded", load.problems
    rows = table_rows(platform.raw, parking.name, MONTH)
    assert [row["ticket"] for row in rows] == [f"T{n}" for n in range(1, 31)]
    assert (rows[0]["plate"], str(rows[0]["net_amount"]), rows[0]["source_row"]) == ("M-AB 1", "1.510000000000", 1)
    (rejected,) = table_rows(platform.raw, parking.name, MONTH, "quarantine")
    assert (rejected["source_row"], rejected["column_name"], rejected["reason"]) == (31, "Net", "is negative")


def test_the_contract_and_the_raw_table_of_a_declared_source_follow_from_it(parking: Source) -> None:
    (table,) = [table for table in raw_tables() if table.source == parking.name]
    described = {column.name: (column.sql_type, column.description) for column in table.columns}
    assert described["plate"] == ("varchar", "Number plate of the car.")
    assert described["net_amount"] == ("decimal(38, 12)", "The column `Net` of the file.")
    assert list(contract(parking.name, MONTH).columns) == list(described)
