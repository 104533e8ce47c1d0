"""Files that are broken, empty, doubled or replaced, through whole runs: no published month is lost or half written.

A run costs seconds, so each of three runs meets several files; the tests look at what became of them.
"""

import dataclasses
import gzip
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from recon_assets.lakehouse.log import Publication
from recon_assets.platform import Platform
from recon_assets.runner import Outcome
from recon_assets_tests.conftest import MakeOnce
from recon_assets_tests.landed import (
    bss_line,
    delimited,
    land,
    land_bss,
    land_nce,
    microsoft_name,
    nce_line,
    platform_in,
)
from recon_assets_tests.reliability.homes import (
    MONTHS,
    Seen,
    assert_unmixed,
    bss_lines,
    copy_home,
    nce_lines,
    run,
    seen_months,
)

JANUARY, FEBRUARY, MARCH, APRIL = MONTHS
MAY = "2025-05"

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Ran:
    """A run and what readers found before and after it."""

    platform: Platform
    before: Seen
    publications: dict[tuple[str, str], Publication]
    code: int
    outcome: Outcome
    after: Seen

    @property
    def published(self) -> list[str]:
        return sorted(month for month, _ in self.outcome.published)

    def problem(self, text: str) -> str:
        (found,) = (problem for problem in self.outcome.problems if text in problem)
        return found


def ran(platform: Platform, months: list[str]) -> Ran:
    before, publications = seen_months(platform), platform.published.current()
    code, outcome = run(platform, months)
    assert_unmixed(seen_months(platform, stamps=True))
    return Ran(platform, before, publications, code, outcome, seen_months(platform))


RanOnce = Callable[[Callable[[Path], object], list[str]], Ran]


@pytest.fixture(scope="session")
def ran_once(make_once: MakeOnce, published_home: Path) -> RanOnce:
    """`ran_once(land, months)`: a run of `months` after `land` changed the files, once for all workers."""

    def once(land_files: Callable[[Path], object], months: list[str]) -> Ran:
        def make(home: Path) -> None:
            platform = copy_home(published_home, home)
            land_files(platform.settings.landing)
            made = ran(platform, months)
            (home / "ran.pickle").write_bytes(pickle.dumps(dataclasses.replace(made, platform=None)))  # type: ignore[arg-type]

        home = make_once(land_files.__name__, make)
        return dataclasses.replace(pickle.loads((home / "ran.pickle").read_bytes()), platform=platform_in(home))

    return once


def break_every_month(landing: Path) -> None:
    """Every month has a file that fails, each in a way of its own."""
    for month in MONTHS:
        (landing / microsoft_name(month, "NCE")).unlink()
    packed = gzip.compress(delimited(nce_lines(JANUARY, count=200), list(nce_line())))
    (landing / microsoft_name(JANUARY, "NCE", ".csv.gz")).write_bytes(packed[:-40])
    land(landing, microsoft_name(FEBRUARY, "NCE"), b"These,are,not,its,columns\r\n1,2,3,4,5\r\n")
    land(landing, microsoft_name(MARCH, "NCE"), b"")
    land(landing, microsoft_name(APRIL, "NCE"), bytes(range(256)) * 40)
    too_many = [line for _ in range(5) for line in bss_lines(MARCH)]
    for line in too_many[10:12]:
        line["Unit Cost"] = "ten"
    land_bss(landing, MARCH, too_many)


@pytest.fixture
def all_broken(ran_once: RanOnce) -> Ran:
    return ran_once(break_every_month, MONTHS)


def test_months_whose_files_cannot_be_read_stay_as_they_were_and_the_exit_code_says_so(all_broken: Ran) -> None:
    assert all_broken.code == 1
    assert all_broken.published == []
    assert all_broken.after == all_broken.before
    assert all_broken.platform.published.current() == all_broken.publications


def test_the_loaded_months_stay_those_of_the_files_before(all_broken: Ran) -> None:
    raw = all_broken.platform.raw
    for month in MONTHS:
        loaded = raw.read("ms_recon_nce", month)
        assert loaded is not None
        assert loaded.rows == 3
        assert raw.read_failed("ms_recon_nce", month) is not None


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (microsoft_name(JANUARY, "NCE", ".csv.gz"), "damaged"),
        (microsoft_name(FEBRUARY, "NCE"), "column"),
        (microsoft_name(MARCH, "NCE"), "empty"),
        (microsoft_name(APRIL, "NCE"), ""),
        (f"bss/invoices/{MARCH}/a.csv", "row 12 (record 11), column 'Unit Cost': 'ten'"),
    ],
)
def test_the_file_that_could_not_be_read_is_named_with_the_reason(file: str, reason: str, all_broken: Ran) -> None:
    problems = [p for p in all_broken.outcome.problems if file in p and not p.startswith("Not published")]
    assert len(problems) == 1
    assert reason in problems[0]


def break_one_month(landing: Path) -> None:
    """February's file has a wrong header, and of May only one side has landed."""
    land(landing, microsoft_name(FEBRUARY, "NCE"), b"These,are,not,its,columns\r\n1,2,3,4,5\r\n")
    land_bss(landing, MAY, bss_lines(MAY))


@pytest.fixture
def one_broken(ran_once: RanOnce) -> Ran:
    return ran_once(break_one_month, [*MONTHS, MAY])


def test_a_broken_file_holds_back_exactly_the_months_whose_window_holds_it(one_broken: Ran) -> None:
    assert one_broken.code == 1
    assert one_broken.published == [APRIL]
    current = one_broken.platform.published.current()
    for month in (JANUARY, FEBRUARY, MARCH):
        assert one_broken.after[month] == one_broken.before[month]
        assert current[month, "subscriptions"] == one_broken.publications[month, "subscriptions"]


def test_a_month_without_a_required_file_is_not_published_and_the_file_is_named(one_broken: Ran) -> None:
    assert MAY not in one_broken.after
    assert f"{MAY}: no file of ms_recon_nce is loaded for {MAY}" in one_broken.problem("Not published")


def test_a_corrected_file_brings_the_month_back(one_broken: Ran, tmp_path: Path) -> None:
    platform = copy_home(one_broken.platform.settings.home, tmp_path / "home")
    land_nce(platform.settings.landing, FEBRUARY, nce_lines(FEBRUARY, cost="13"))
    corrected = ran(platform, [FEBRUARY])
    assert (corrected.code, corrected.outcome.problems, corrected.published) == (0, [], [FEBRUARY])
    others = [JANUARY, MARCH, APRIL]
    assert {m: corrected.after[m] for m in others} == {m: corrected.before[m] for m in others}
    (change,) = corrected.after[FEBRUARY]["reconciliation_changes"]
    assert (change["change"], change["status_from"], change["status_to"]) == ("changed", "match", "discrepancy")


def land_odd_files(landing: Path) -> None:
    """Files that are unusual and no reason to hold a month back, one kind for each month."""
    land_nce(landing, JANUARY, [])
    thousand = nce_lines(FEBRUARY, count=997)
    thousand[500]["ChargeStartDate"] = "31/31/2025"
    land_nce(landing, FEBRUARY, thousand)
    late = bss_line(
        Invoice_Code="LATE", Invoice_Date="2025-04-20", MS_Subscription_ID="sub-4",
        Start_Date="2025-03-01", End_Date="2025-03-28", Unit_Cost="10",
    )  # fmt: skip
    land_bss(landing, APRIL, [late], name="late.csv")
    land_nce(landing, APRIL, nce_lines(APRIL), suffix="_copy.csv")
    land_bss(landing, APRIL, bss_lines(APRIL), name="again.csv")


@pytest.fixture
def odd_files(ran_once: RanOnce) -> Ran:
    return ran_once(land_odd_files, MONTHS)


def test_unusual_files_hold_no_month_back(odd_files: Ran) -> None:
    assert (odd_files.code, odd_files.outcome.problems, odd_files.published) == (0, [], MONTHS)


def test_a_file_of_0_rows_is_a_month_without_rows(odd_files: Ran) -> None:
    rows = odd_files.after[JANUARY]["subscription_reconciliation"]
    assert [row["status"] for row in rows] == ["missing_in_ms"] * 3


def test_one_bad_row_in_a_thousand_is_set_aside_and_the_others_count(odd_files: Ran) -> None:
    (rejected,) = odd_files.after[FEBRUARY]["quarantined_rows"]
    place = (microsoft_name(FEBRUARY, "NCE"), 501, "ChargeStartDate", "31/31/2025")
    assert (rejected["source_file"], rejected["source_row"], rejected["column_name"], rejected["value"]) == place
    assert len(odd_files.after[FEBRUARY]["subscription_reconciliation"]) == 1_000  # one rejected, one only in BSS


def test_a_late_line_changes_the_month_it_charges(odd_files: Ran) -> None:
    (change,) = odd_files.after[MARCH]["reconciliation_changes"]
    assert (change["status_from"], change["status_to"]) == ("missing_in_bss", "match")


def test_the_same_file_twice_counts_once(odd_files: Ran) -> None:
    marts = ("subscription_reconciliation", "subscription_reconciliation_items", "reconciliation_summary")
    after, before = odd_files.after[APRIL], odd_files.before[APRIL]
    assert {mart: after[mart] for mart in marts} == {mart: before[mart] for mart in marts}
    assert "reconciliation_changes" not in after
