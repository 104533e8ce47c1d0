"""What must hold whatever lands: one bucket per row, every document in one row, and no say for the order of input."""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recon_assets_tests.einvoices.built import AMOUNTS, Built, Home, Line, document
from recon_assets_tests.einvoices.test_buckets import rules
from recon_assets_tests.search import examples

MONTHS = ["2025-01", "2025-02"]
SIDES = ("register", "einvoice")
few = settings(
    max_examples=examples(1, 10), deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)  # fmt: skip

# Few values, so that documents meet in every pass, tie and repeat. A build takes seconds: one example is many documents.
contents = st.fixed_dictionaries(
    {
        "supplier_tin": st.sampled_from(["C100", "C00100", "C300"]),
        "buyer_tin": st.sampled_from(["C200", "C201", "EI00000000010"]),
        "document_number": st.sampled_from(["INV-1", "INV/1", "INV-2", "007", "--"]),
        "document_type": st.sampled_from(["01", "01", "02"]),
        "document_date": st.sampled_from(["2025-01-15", "2025-01-31", "2025-02-01", "2025-03-20"]),
        "total_tax_amount": st.sampled_from(["80.00", "80.004", "80.50", "96"]),
        "total_including_tax": st.sampled_from(["1080.00", "1080.50", "1096", "2000000.005"]),
    }
)
registers = st.lists(
    st.tuples(
        contents, st.sampled_from(["", "", "INV-1"]), st.sampled_from(["sales", "purchase"]), st.sampled_from(MONTHS)
    ),
    min_size=30,
    max_size=40,
)
einvoices = st.lists(
    st.tuples(
        contents,
        st.sampled_from(["Valid", "Valid", "Valid", "Submitted", "Cancelled", "Invalid"]),
        st.sampled_from(["issued", "received"]),
        st.sampled_from(MONTHS),
    ),
    min_size=30,
    max_size=40,
)
Lines = dict[tuple[str, str, str], list[Line]]  # of each side, folder and month


def lines_of(ours: list[Any], theirs: list[Any]) -> Lines:
    """Every folder and month has a list, each document an id of its own."""
    lines: Lines = {(side, folder, month): []
                    for side, folders in (("register", ("sales", "purchase")), ("einvoice", ("issued", "received")))
                    for folder in folders for month in MONTHS}  # fmt: skip
    for n, (content, number, kind, month) in enumerate(ours):
        own = {"row_reference": f"R{n:03d}", "consolidated_einvoice_number": number}
        lines["register", kind, month].append(document(**content) | own)
    for n, (content, status, direction, month) in enumerate(theirs):
        lines["einvoice", direction, month].append(document(**content) | {"uuid": f"U{n:03d}", "status": status})
    return lines


def dealt(listed: list[Line], order: Random | None) -> dict[str, list[Line]]:
    """Lines by file; of those that name one document each in a file of its own, as a register has no row per line."""
    files: dict[str, list[Line]] = {"list.csv": []} if order is None else {"a.csv": [], "z.csv": []}
    times: Counter[tuple[str, ...]] = Counter()
    for n, line in enumerate(listed if order is None else order.sample(listed, len(listed))):
        document = tuple(line[key] for key in ("document_number", "document_date", "supplier_tin", "buyer_tin"))
        name = "list" if order is None else "az"[n % 2]
        files.setdefault(f"{name}{times[document] or ''}.csv", []).append(line)
        times[document] += 1
    return files


def build(folder: Path, lines: Lines, order: Random | None = None) -> Built:
    """With an order, the lines are shuffled and dealt to other files."""
    home = Home.at(folder)
    for (side, name, month), listed in lines.items():
        for file, some in dealt(listed, order).items():
            if side == "register":
                home.register(*some, kind=name, month=month, name=file)
            else:
                home.einvoices(*some, direction=name, month=month, name=file)
    return home.build(*MONTHS)


def signed(line: Line) -> Decimal:
    amount = Decimal(line["total_including_tax"]).quantize(Decimal("0.01"), "ROUND_HALF_UP")
    return -amount if line["document_type"] == "02" else amount


def takes_part(side: str, folder: str, line: Line) -> bool:
    if side == "register":
        return True
    return line["status"] == "Valid" or (line["status"] == "Submitted" and folder == "issued")


@few
@given(ours=registers, theirs=einvoices)
def test_every_row_has_one_bucket_and_every_document_one_row_whose_totals_add_up(
    ours: list[Any], theirs: list[Any]
) -> None:
    lines = lines_of(ours, theirs)
    with TemporaryDirectory() as folder:
        built = build(Path(folder), lines)
        rows = built.mart()
        taken = {
            r["register_id"] for r in built.rows("select register_id from intermediate.int_einvoices__consolidated")
        }
        assert built.failed_checks == []
    for row in rows:
        (bucket,) = rules(row)
        assert row["bucket"].startswith(bucket)
    expected = {
        side: [line for (s, name, _), listed in lines.items() for line in listed
               if s == side and takes_part(side, name, line)]
        for side in SIDES
    }  # fmt: skip
    places = Counter(
        (r[f"{s}_source_file"], r[f"{s}_source_row"]) for r in rows for s in SIDES if r[f"{s}_source_file"]
    )
    assert set(places.values()) == {1}
    assert sum(r["row_count"] for r in rows if r["register_source_file"]) == len(expected["register"])
    assert sum(1 for r in rows if r["einvoice_source_file"]) == len(expected["einvoice"])
    for side in SIDES:
        total = sum(r[f"{side}_total_including_tax"] or 0 for r in rows)
        assert total == sum(signed(line) for line in expected[side])
    grouped = sum(r["row_count"] for r in rows if r["pass"] == "consolidated")
    assert grouped == len(taken)


def compared(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = ({name: value for name, value in row.items() if "source" not in name} for row in rows)
    return sorted(kept, key=str)


@few
@given(ours=registers, theirs=einvoices, order=st.randoms(use_true_random=False))
def test_shuffled_rows_and_other_files_change_nothing(ours: list[Any], theirs: list[Any], order: Random) -> None:
    lines = lines_of(ours, theirs)
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        asis, shuffled = build(Path(one), lines), build(Path(other), lines, order)
        for mart in ("einvoice_reconciliation", "einvoice_field_differences", "einvoice_candidates"):
            assert compared(shuffled.mart(mart)) == compared(asis.mart(mart))


def test_ties_are_flagged_counted_and_resolved_alike_in_whatever_order_they_land(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    ours, theirs = [], []
    for supplier, step in (("C1", 1), ("C2", -1)):
        tied = [document(supplier_tin=supplier, row_reference=f"{supplier}-{n}") for n in range(3)]
        issued = [document(supplier_tin=supplier, uuid=f"{supplier}-{n}") for n in range(2)]
        ours += tied[::step]
        theirs += issued[::step]
    home.register(*ours)
    home.einvoices(*theirs)
    rows = home.build().mart()
    for supplier in ("C1", "C2"):
        found = {r["register_row_reference"]: r for r in rows if r["register_supplier_tin"] == supplier}
        pairs = {reference: row["uuid"] for reference, row in found.items()}
        assert pairs == {f"{supplier}-0": f"{supplier}-0", f"{supplier}-1": f"{supplier}-1", f"{supplier}-2": None}
        paired = [row for row in found.values() if row["uuid"]]
        # Each shares its register document with one other pair and its e-invoice with two.
        assert all(row["ambiguous"] and row["candidate_count"] == 4 for row in paired)
        assert found[f"{supplier}-2"]["duplicate_of"] == f"{supplier}-0"


def test_amounts_of_a_million_and_more_are_rounded_like_small_ones(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    texts = {"0.004": "0.00", "999999.994999": "999999.99", "999999.995": "1000000.00", "1000000.005": "1000000.01",
             "123456789012.344999": "123456789012.34"}  # fmt: skip
    lines = [document(document_number=f"N{n}", **dict.fromkeys(AMOUNTS, text)) for n, text in enumerate(texts)]
    home.register(*lines)
    home.einvoices(*lines)
    rows = {row["register_document_number"]: row for row in home.build().mart()}
    for n, expected in enumerate(texts.values()):
        found = {rows[f"N{n}"][f"{side}_{name}"] for side in SIDES for name in AMOUNTS}
        assert found == {Decimal(expected)}
