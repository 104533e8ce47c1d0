"""Random landing trees: the build against the brute-force oracle, and what must hold whatever lands."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from recon_assets_tests.einvoices.built import AS_OF, Built, Home
from recon_assets_tests.einvoices.test_buckets import rules
from recon_assets_tests.footing import statement_sums, summed
from recon_assets_tests.oracle.einvoices import reconcile
from recon_assets_tests.oracle.random_einvoices import write_random_einvoices
from recon_assets_tests.search import guarded_by

LANDED = ["2024-12", "2025-01", "2025-02", "2025-03", "2025-04"]
MONTHS = LANDED[1:4]
PLACE = ("register_source_file", "register_source_row", "einvoice_source_file", "einvoice_source_row")


def of_months(rows: list[dict[str, Any]], months: list[str] = MONTHS) -> list[dict[str, Any]]:
    """A build has the months of its late pairs too."""
    return [row for row in rows if f"{row['billing_month']:%Y-%m}" in months]


def place(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in PLACE)


@pytest.fixture(scope="module", params=guarded_by([24], of=[21, 22, 24]))
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home.at(tmp_path_factory.mktemp(f"seed{request.param}"), quarantine_limit="0.5")
    write_random_einvoices(home.landing, request.param, LANDED, 40)
    return home


@pytest.fixture(scope="module")
def built(home: Home) -> Built:
    return home.build(*MONTHS)


def test_the_mart_holds_what_the_oracle_finds(home: Home, built: Built) -> None:
    ours = {place(row): row for row in of_months(built.mart())}
    theirs = {place(row): row for row in reconcile(home.landing, MONTHS, AS_OF).rows}
    assert {"consolidated", "uuid", "key", "number", "late", "consolidated_lines"} <= {
        row["pass"] for row in theirs.values()
    }
    assert {"rejected_records"} <= {row["reason"] for row in theirs.values()}
    parts = [row for row in theirs.values() if row["pass"] == "consolidated" and row["einvoice_source_file"] is None]
    assert len({row["uuid"] for row in parts}) > 1 and {row["bucket"] for row in parts} == {"Exact"}
    assert ours.keys() == theirs.keys()
    for key, row in theirs.items():
        assert {name: ours[key][name] for name in row} == row


def test_the_statement_leads_from_the_registers_total_to_the_e_invoices(home: Home, built: Built) -> None:
    values = []
    for row in reconcile(home.landing, MONTHS, AS_OF).rows:
        sides = {side: row[f"{side}_currency_code"] for side in ("register", "einvoice")}
        currencies = {side: (code or "MIXED").upper() for side, code in sides.items()}
        one = row["pass"] is None or currencies["register"] == currencies["einvoice"]
        for side, total in ((side, row[f"{side}_total_including_tax"]) for side in sides):
            if total is not None and (row["pass"] is not None or sides[side] is not None):
                end = "left" if side == "register" else "right"
                place = (row["billing_month"], row["register_type"], currencies[side])
                values.append((place, end, row["bucket"] if one else f"not_comparable_{end}", total))
    left, right, steps = statement_sums(
        of_months(built.rows("from marts.reconciliation_waterfall where reconciliation = 'einvoices'"))
    )
    assert left == summed((place, total) for place, end, _, total in values if end == "left")
    assert right == summed((place, total) for place, end, _, total in values if end == "right")
    assert steps == summed(((*place, step), total if end == "right" else -total) for place, end, step, total in values)


def test_the_fields_of_every_pair_are_those_of_the_oracle(home: Home, built: Built) -> None:
    shown = built.rows(
        f"select fields.*, {', '.join(f'pairs.{name}' for name in PLACE)} from marts.einvoice_field_differences as fields "
        "inner join marts.einvoice_reconciliation as pairs using (billing_month, reconciliation_key)"
    )
    ours = {(*place(row), row["field"]): row for row in of_months(shown)}
    theirs = {(*row.pop("place"), row["field"]): row for row in reconcile(home.landing, MONTHS, AS_OF).differences}
    assert ours.keys() == theirs.keys()
    for key, row in theirs.items():
        names = set(row) - {"register_row_reference"}
        if ours[key]["kind"] == "identifier":
            names -= {"difference", "difference_myr"}
        assert {name: ours[key][name] for name in names} == {name: row[name] for name in names}


def test_what_is_quarantined_is_what_the_oracle_rejects(home: Home, built: Built) -> None:
    found = {(row["source_file"], row["source_row"]) for row in built.rows("from raw.quarantined_rows")}
    assert found == reconcile(home.landing, MONTHS, AS_OF).quarantined.keys()


def test_every_check_passes(built: Built) -> None:
    assert built.failed_checks == []


def test_exactly_one_bucket_holds_for_every_row(built: Built) -> None:
    for row in built.mart():
        (bucket,) = rules(row)
        assert row["bucket"].startswith(bucket)


def test_every_document_is_in_at_most_one_row(built: Built) -> None:
    rows = built.mart()
    for side in ("register", "einvoice"):
        places = [(r[f"{side}_source_file"], r[f"{side}_source_row"]) for r in rows if r[f"{side}_source_file"]]
        assert len(places) == len(set(places))


def test_at_most_three_candidates_explain_a_document_that_is_missing_or_mismatched(built: Built) -> None:
    explained = built.rows(
        "select reconciliation_key, side, count(*) as n, max(candidate_rank) as last from marts.einvoice_candidates group by all"
    )
    assert explained and all(row["n"] == row["last"] <= 3 for row in explained)
    assert {row["bucket"] for row in built.rows("select distinct bucket from marts.einvoice_candidates")} <= {
        "Mismatch", "Missing in EInv", "Missing in Sales", "Missing in Purchase",
    }  # fmt: skip


def without_place(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(
        ({name: value for name, value in row.items() if "source" not in name} for row in rows), key=lambda row: str(row)
    )


def test_a_month_gives_the_same_rows_alone_as_in_a_range(home: Home, built: Built) -> None:
    alone = home.build(MONTHS[1], run_id="alone")
    rows = of_months(alone.mart(), alone.build.months)
    assert rows == of_months(built.mart(), alone.build.months) and MONTHS[1] in alone.build.months


@pytest.fixture
def turned_round(home: Home, tmp_path: Path) -> Home:
    """The same landing zone with the rows of every CSV in the opposite order and the e-invoice files renamed."""
    turned = Home.at(tmp_path, quarantine_limit="0.5")
    shutil.copytree(home.landing, turned.landing, dirs_exist_ok=True)
    for path in turned.landing.rglob("*.csv"):
        header, *lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([header, *reversed(lines)]))
    for path in sorted(turned.landing.rglob("einvoice/*/*/d*.json")):
        path.rename(path.with_name(f"z{1000 - int(path.stem[1:])}.json"))
    return turned


@pytest.mark.search  # and, smaller, in test_properties.py
def test_the_order_of_rows_and_files_changes_nothing(built: Built, turned_round: Home) -> None:
    assert without_place(turned_round.build(*MONTHS).mart()) == without_place(built.mart())
