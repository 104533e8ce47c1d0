"""Big files: whatever the size of the blocks they are read in, they give the same rows and rejected records."""

import datetime as dt
import gzip
from collections.abc import Callable
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recon_assets.sources import blocks, parquet
from recon_assets_tests.usage.zone import MONTH, USAGE, Zone, usage_row

FILE = f"partner_center/billed_usage/{MONTH}/a.csv.gz"
QUOTED = '"Azure plan, consumption"'
# A line of each kind that is malformed, made of a sound one.
MALFORMED: dict[str, Callable[[str], str]] = {
    "too few fields": lambda line: line[: len(line) // 2].replace('"', ""),
    "too many fields": lambda line: line + ",,more",
    "cut inside quotes": lambda line: line[: line.index("plan")],
    "text after a closing quote": lambda line: line.replace(QUOTED, '"a"b'),
    "quotes inside a bare field": lambda line: line.replace(QUOTED, 'a"b"c'),
    "quotes that look paired": lambda line: line.replace(QUOTED, '"a"",b,"c"",d'),
    "no number": lambda line: line.replace("USD", "USD").replace(",1.5,", ",see contract,"),
    "no date": lambda line: line.replace("03/01/2025", "33/01/2025"),
    "nothing in a needed field": lambda line: line.replace("USD", ""),
    "a number of a trillion": lambda line: line.replace(",1.5,", ",1000000000000,"),
    "bytes that are not UTF-8": lambda line: line.replace("plan", "pl\udce4n"),
}
SOUND: dict[str, Callable[[str], str]] = {
    "plain": lambda line: line,
    "a line break inside quotes": lambda line: line.replace("plan,", "plan\n\n,"),
    "escaped quotes": lambda line: line.replace("plan", '""plan""'),
    "blanks around texts": lambda line: line.replace("G1", " G1 ").replace("/x", "/é "),
    "more decimals than are kept": lambda line: line.replace(",1.5,", ",-0.1234567890125,"),
    "an exponent": lambda line: line.replace(",1.5,", ",1E-3,"),
    "grouped thousands": lambda line: line.replace(",1.5,", ',"1,500",'),
    "nothing in a field that may be empty": lambda line: line.replace("/x", ""),
}


def lines(seed: int, count: int, without: str = "") -> list[str]:
    """Sound lines with malformed ones and blank ones among them."""
    rng = Random(seed)
    found = []
    for number in range(count):
        line = usage_row("1.5", quantity=str(number)).replace(",n,", f",{QUOTED},")
        kinds = [change for kind, change in (MALFORMED if rng.random() < 0.1 else SOUND).items() if kind != without]
        found.append(rng.choice(kinds)(line))
        if rng.random() < 0.02:
            found.append(rng.choice(["", "  "]))
    return [*found, usage_row("2")]


def read(zone: Zone, content: bytes) -> tuple[list[Any], list[Any]]:
    """Rows and rejected records of a file."""
    zone.put(FILE, gzip.compress(content, mtime=0))
    load = zone.load("azure_invoice_usage")
    return (
        _by_number(zone.rows(load, "source_row, * exclude (source_row, loaded_at)")),
        _by_number(zone.rows(load, "source_row, * exclude (source_row)", "quarantine")),
    )


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_file_with_malformed_lines_gives_the_same_in_many_blocks_as_in_one(
    zone: Zone, monkeypatch: pytest.MonkeyPatch, seed: int, line_break: str
) -> None:
    text = line_break.join([USAGE, *lines(seed, 3000)])
    content = text.encode("utf-8", "surrogateescape")
    whole = read(zone, content)
    monkeypatch.setattr(blocks, "BLOCK", 20_000 + seed)
    monkeypatch.setattr(blocks, "_PIECE", 1 << (6 + seed))
    assert (len(whole[0]) > 2500, len(whole[1]) > 200) == (True, True)
    in_blocks = read(zone, content)
    for found, expected in zip(in_blocks, whole, strict=True):
        assert [pair for pair in zip_longest(found, expected) if pair[0] != pair[1]][:5] == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_row_and_rejected_record_names_the_line_where_it_begins(zone: Zone, seed: int) -> None:
    written = [USAGE, *lines(seed, 3000, without="cut inside quotes")]
    starts, line = [], 1
    for text in written:
        starts.append(line)
        line += text.count("\n") + 1
    content = "\n".join(written).encode("utf-8", "surrogateescape")
    rows, rejected = read(zone, content)
    zone.put(FILE, gzip.compress(content, mtime=0))
    load = zone.load("azure_invoice_usage")
    found = zone.rows(load, "source_line") + zone.rows(load, "source_line", "quarantine")
    assert len(found) == len(rows) + len(rejected)
    assert {line for (line,) in found} <= set(starts)


@pytest.mark.parametrize("kind", MALFORMED)
def test_thousands_of_malformed_lines_are_set_aside_one_by_one(zone: Zone, kind: str) -> None:
    sound = usage_row("1.5").replace(",n,", f",{QUOTED},")
    rows, rejected = read(zone, _spoilt(sound, kind))
    # A file that is not UTF-8 as a whole is read in the encoding that is detected.
    legal = kind in ("quotes inside a bare field", "bytes that are not UTF-8")
    swallowed = 3000 if kind == "cut inside quotes" else 0  # an open quote takes the line below it with it
    assert (len(rows), len(rejected)) == ((6001, 0) if legal else (3001 - swallowed, 3000))
    assert {row[3] for row in rejected} <= {FILE}
    assert all(row[7] for row in rejected)


def _by_number(rows: list[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: int(row[0]))


def _spoilt(sound: str, kind: str) -> bytes:
    pairs = [MALFORMED[kind](sound), sound] * 3000
    return "\n".join([USAGE, *pairs, sound, ""]).encode("utf-8", "surrogateescape")


def _cost_table(spoilt: bool) -> pa.Table:
    amounts = [Decimal("0.1234567890125"), Decimal("-0.1234567890125"), Decimal(7), Decimal("1e11")] * 50
    return pa.table(
        {
            "InvoiceId": pa.array(["G1 ", None, "", "\u00a0"] * 50),
            "SubscriptionId": pa.array(["s1", "S2", " s3", None] * 50),
            "Date": pa.array([dt.datetime(2025, 3, 1, 23, 59)] * 200, pa.timestamp("ms", tz="UTC")),
            "MeterId": pa.array(["m1", "M1/", "é", "m 2 "] * 50),
            "ChargeType": pa.array([None if spoilt else "Usage", "usage", "Purchase", "Refund"] * 50),
            "Quantity": pa.array(["1", "1E-3", "1,500", "0.00000000000049"] * 50),
            "Cost": pa.array(amounts, pa.decimal128(38, 18)),
            "BillingCurrency": pa.array(["USD"] * 200),
        }
    )


@pytest.mark.parametrize("spoilt", [False, True])
def test_a_parquet_file_gives_the_same_in_many_batches_as_in_one(
    zone: Zone, monkeypatch: pytest.MonkeyPatch, spoilt: bool
) -> None:
    path = zone.put(f"cost_management/actual_cost/{MONTH}/part.parquet", b"")
    pq.write_table(_cost_table(spoilt), path)
    found = []
    for size in (200_000, 7):
        monkeypatch.setattr(parquet, "_ROWS", size)
        load = zone.load()
        rows = _by_number(zone.rows(load, "source_row, * exclude (source_row, loaded_at)"))
        found.append((rows, _by_number(zone.rows(load, "source_row, * exclude (source_row)", "quarantine"))))
    assert found[0] == found[1]
    assert (len(found[0][0]), len(found[0][1])) == ((150, 50) if spoilt else (200, 0))


@pytest.mark.parametrize("rows_of_a_group", [100, 1000])
def test_a_block_of_a_parquet_file_holds_no_texts_of_other_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_of_a_group: int
) -> None:
    monkeypatch.setattr(parquet, "_ROWS", 100)
    names = [f"resource {n}" for n in range(2000)]
    pq.write_table(pa.table({"name": names}), tmp_path / "a.parquet", row_group_size=rows_of_a_group)
    found = list(parquet.open_parquet(tmp_path / "a.parquet", "a.parquet").blocks({0}))
    assert [text for block in found for text in block.texts[0].to_pylist()] == names
    assert len(found) == 20
    assert max(len(block.texts[0].dictionary) for block in found) <= 200, "memory grows with the file"
