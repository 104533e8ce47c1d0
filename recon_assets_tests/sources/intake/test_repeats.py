"""The same thing landed twice."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.sources.intake.repeats import Records, find_repeats, record_hashes


def table(path: str, records: str, **more: object) -> Records:
    """A table of one record per letter."""
    hashes = np.array(sorted(map(ord, records)), np.uint64)
    return Records(path, hashes, **more)  # type: ignore[arg-type]


def test_a_table_whose_records_another_holds_is_set_aside() -> None:
    found = find_repeats([table("a.csv", "xyz"), table("b (1).csv", "zy"), table("c.csv", "pq")])
    assert found.of == {"b (1).csv": "a.csv"} and not found.problems


def test_of_equals_the_shortest_path_stays_and_then_the_first() -> None:
    assert find_repeats([table("a (1).csv", "xy"), table("a.csv", "yx")]).of == {"a (1).csv": "a.csv"}
    assert find_repeats([table("b.csv", "xy"), table("a.csv", "yx")]).of == {"b.csv": "a.csv"}


def test_a_record_counts_as_often_as_it_stands_there() -> None:
    found = find_repeats([table("a.csv", "xyz"), table("b.csv", "xx")])
    assert not found.of and "share 1 of 2 records" in found.problems[0]


def test_one_record_alone_repeats_nothing() -> None:
    assert find_repeats([table("a.csv", "xy"), table("b.csv", "x")]).of == {}


def test_two_that_share_half_or_more_are_told_by_name() -> None:
    (problem,) = find_repeats([table("a.csv", "wxyz"), table("b.csv", "wxpq")]).problems
    assert "a.csv" in problem and "b.csv" in problem and "2 of 4" in problem
    assert not find_repeats([table("a.csv", "wxyz"), table("b.csv", "wopq")]).problems


def test_two_tables_that_share_some_records_are_told() -> None:
    found = find_repeats([table("a.csv", "vwxyz"), table("b.csv", "vwopq")])
    assert found.some == {"b.csv": {"a.csv": 2}} and not found.problems
    assert not find_repeats([table("a.csv", "vwxyz"), table("b.csv", "vmopq")]).some


def test_additive_tables_and_other_groups_are_left_alone() -> None:
    assert not find_repeats([table("a.csv", "xy"), table("b.csv", "xy", is_additive=True)]).of
    assert not find_repeats([table("a.csv", "xy", group="issued"), table("b.csv", "xy", group="received")]).of


def hashes(folder: Path, rows: dict[str, list[object]], rejected: list[str]) -> list[int]:
    files = folder / "rows.parquet", folder / "quarantine.parquet"
    place = {"source_file": ["a.csv"] * len(rows["a"]), "source_row": list(range(len(rows["a"])))}
    pq.write_table(pa.table(rows | place), files[0])
    pq.write_table(
        pa.table({"source_row": list(range(len(rejected))), "raw_row": pa.array(rejected, pa.string())}), files[1]
    )
    return record_hashes(*files).tolist()


def test_neither_the_order_of_rows_nor_their_place_makes_another_record(tmp_path: Path) -> None:
    one = hashes(tmp_path, {"a": ["1", "2"], "b": [Decimal("1.50"), None]}, ["x"])
    other = hashes(tmp_path, {"a": ["2", "1"], "b": [None, Decimal("1.50")]}, ["x"])
    assert one == other and len(set(one)) == 3
    assert hashes(tmp_path, {"a": ["1"]}, []) != hashes(tmp_path, {"a": ["10"]}, [])
    assert hashes(tmp_path, {"a": ["1"]}, ["x"]) != hashes(tmp_path, {"a": ["1"]}, ["y"])


def test_zeros_that_a_spreadsheet_drops_make_no_other_record(tmp_path: Path) -> None:
    assert hashes(tmp_path, {"a": ["0032457", "000"]}, []) == hashes(tmp_path, {"a": ["32457", "0"]}, [])
    assert hashes(tmp_path, {"a": ["00A1"]}, []) != hashes(tmp_path, {"a": ["A1"]}, [])


def test_days_and_rates_kept_as_text_make_no_other_record(tmp_path: Path) -> None:
    days: list[object] = [dt.date(2025, 3, 1)]
    one = hashes(tmp_path, {"a": ["1"], "order_date": ["03/01/2025"], "to_rate": ["1.00"], "start_date": days}, [])
    other = hashes(tmp_path, {"a": ["1"], "order_date": ["1/3/2025"], "to_rate": ["1"], "start_date": days}, [])
    typed = hashes(tmp_path, {"a": ["1"], "order_date": ["1/3/2025"], "to_rate": ["1"], "start_date": [None]}, [])
    assert one == other != typed


def stored(folder: Path, name: str, rows: dict[str, list[object]]) -> Records:
    files = folder / f"{name}.parquet", folder / f"{name}-rejected.parquet"
    pq.write_table(pa.table(rows | {"source_file": [name] * len(rows["a"])}), files[0])
    pq.write_table(pa.table({"raw_row": pa.array([], pa.string())}), files[1])
    return Records(name, record_hashes(*files), files=files)


def test_an_older_form_of_a_list_repeats_the_newer_one_that_has_a_column_more(tmp_path: Path) -> None:
    """The short name would stay, if both said as much."""
    nothing = pa.nulls(2, pa.string())
    older = stored(tmp_path, "a", {"a": ["1", "2"], "b": nothing})
    newer = stored(tmp_path, "newer", {"a": ["2", "1"], "b": ["x", None]})
    found = find_repeats([older, newer])
    assert found.of == {"a": "newer"} and not found.problems


def test_lists_that_each_have_a_column_of_their_own_are_told_by_what_they_share(tmp_path: Path) -> None:
    nothing = pa.nulls(2, pa.string())
    one = stored(tmp_path, "one", {"a": ["1", "2"], "b": ["x", "y"], "c": nothing})
    other = stored(tmp_path, "other", {"a": ["1", "2"], "b": nothing, "c": ["x", "y"]})
    found = find_repeats([one, other])
    (problem,) = found.problems
    assert not found.of and "share 2 of 2 records by the columns of both (without b, c)" in problem


def test_lists_that_differ_in_a_column_of_both_are_two(tmp_path: Path) -> None:
    one = stored(tmp_path, "one", {"a": ["1", "2"], "b": ["x", "y"]})
    other = stored(tmp_path, "other", {"a": ["1", "2"], "b": ["p", "q"]})
    assert find_repeats([one, other]) == find_repeats([])
