"""Deciding about published rows: which may take which decision, lists out of a spreadsheet, and closed months."""

import csv
import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner
from openpyxl import Workbook

from recon_assets.catalogue import SUBJECTS
from recon_assets.catalogue.decided import fingerprint_sql
from recon_assets.cli import main
from recon_assets.errors import InputError
from recon_assets.issues.decisions import AlreadyDecided, Decision, open_decisions
from recon_assets.lakehouse.log import Closing
from recon_assets.pipeline.deciding import Choice, _choice, choices_of, decide, published_rows, read_list
from recon_assets.platform import Platform
from recon_assets_tests.app.published import MONTHS, PUBLISHED_FIRST, publish_sample
from recon_assets_tests.conftest import MakeOnce
from recon_assets_tests.dbt import rules
from recon_assets_tests.landed import platform_in
from recon_assets_tests.reliability.homes import at_home

MARCH = MONTHS[-1]
WHY = Choice("ignore", "test tenant")


@pytest.fixture(scope="module")
def published(make_once: MakeOnce) -> Path:
    return make_once("app-published", publish_sample)


@pytest.fixture
def platform(published: Path, tmp_path: Path) -> Platform:
    """Published months that are only read, and an empty database of decisions."""
    return platform_in(tmp_path / "home", published_url=str(published))


def key_of(platform: Platform, subject: str, where: str) -> str:
    (row,) = published_rows(platform, subject, MARCH, where=where)
    return row.row.key


def made(platform: Platform) -> list[Decision]:
    return open_decisions(platform.settings).history()


def test_a_condition_chooses_rows_and_is_kept_with_their_decisions(platform: Platform) -> None:
    with at_home(platform), pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECON_PUBLISHED_URL", str(platform.settings.published))
        arguments = ["decide", "ignore", "--subject", "subscriptions", "--month", MARCH, "--reason", "test tenant"]
        where = "status like 'missing%' or status = 'not_comparable'"
        asked = CliRunner().invoke(main, [*arguments, "--where", where, "--by", "ana"], input="n\n")
        assert "ignore 2 rows of subscriptions?" in asked.output and asked.exit_code == 1 and made(platform) == []
        done = CliRunner().invoke(main, [*arguments, "--where", where, "--by", "ana", "--yes"])
        assert (done.exit_code, done.output.splitlines()[0][:16]) == (0, "Kept 2 decisions"), done.output
        wrong = CliRunner().invoke(main, [*arguments, "--where", "no_column = 1"])
        assert wrong.exit_code == 2 and "no_column" in wrong.output
    assert [(d.action, d.by, d.chosen_by) for d in made(platform)] == 2 * [("ignore", "ana", f"{MARCH}: {where}")]


def write_decisions(path: Path, lines: list[list[Any]]) -> None:
    """As spreadsheets save them: CSV with semicolons, or a workbook below a title, days as days, with a filter."""
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file, delimiter=";", lineterminator="\r\n").writerows(lines)
        return
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for line in [["Matches of March, for Ben"], [], *lines]:
        sheet.append(line)
    sheet.auto_filter.ref = f"A3:F{len(lines) + 2}"
    book.save(path)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_list_of_500_rows_is_decided_in_one_go(platform: Platform, tmp_path: Path, kind: str) -> None:
    rows = [row for row in published_rows(platform, "subscriptions") if row.row.status == "match"][:500]
    lines: list[list[Any]] = [
        ["reconciliation", "reconciliation_key", "status", "decision", "decision_reason", "decision_until"]
    ]
    for n, row in enumerate(rows):
        action, until = ("Pending", dt.date(2025, 5, 1)) if n % 2 else ("ignore", None)
        lines.append(["subscriptions", row.row.key, "match", action, "waits; for\nben", until])
    path = tmp_path / f"decided.{kind}"
    write_decisions(path, lines)
    with at_home(platform), pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECON_PUBLISHED_URL", str(platform.settings.published))
        done = CliRunner().invoke(main, ["decide", "import", str(path), "--by", "ana"])
    assert (done.exit_code, done.output) == (
        0,
        "Kept 500 decisions of subscriptions. `recon run` of their months shows it.\n",
    )
    found = made(platform)
    assert {d.row.key for d in found} == {row.row.key for row in rows} and len(found) == 500
    assert {(d.action, d.until) for d in found} == {("ignore", None), ("pending", dt.date(2025, 5, 1))}
    assert {d.reason for d in found} == {"waits; for\nben"}


def test_a_workbook_is_read_as_its_csv_is(tmp_path: Path) -> None:
    heading = ["reconciliation", "reconciliation_key", "decision", "decision_reason", "decision_until"]
    rows = [
        ["usage", "k1", "accept", "agreed", None],
        ["usage", "k2", None, None, None],
        ["usage", "k3", "pending", "waits", dt.date(2025, 5, 1)],
    ]
    book = Workbook()
    book.active.append(["Sign off by Friday"])  # type: ignore[union-attr]
    decided = book.create_sheet("rows")
    for row in [["Downloaded on Monday"], [], heading, *rows]:
        decided.append(row)
    book.save(tmp_path / "decided.xlsx")
    with (tmp_path / "decided.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([heading, *rows])
    (subject, of_sheet), (_, of_text) = (read_list(tmp_path / f"decided.{kind}", None) for kind in ("xlsx", "csv"))
    assert (subject, of_sheet["k3"].where[-17:]) == ("usage", "sheet rows, row 6")
    chosen = [{key: _choice(line) for key, line in lines.items()} for lines in (of_sheet, of_text)]
    assert (
        chosen[0]
        == chosen[1]
        == {"k1": Choice("accept", "agreed"), "k3": Choice("pending", "waits", dt.date(2025, 5, 1))}
    )


def test_a_workbook_without_the_columns_of_a_decision_says_so(tmp_path: Path) -> None:
    book = Workbook()
    book.active.append(["reconciliation_key", "decision"])  # type: ignore[union-attr]
    book.save(tmp_path / "decided.xlsx")
    with pytest.raises(InputError, match="no sheet has the columns reconciliation_key, decision, decision_reason"):
        read_list(tmp_path / "decided.xlsx", None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("reconciliation_key,decision\nx,accept\n", "line 1: there is no column decision_reason"),
        ("reconciliation_key,decision,decision_reason\nx,accept,y\n", "line 2: nothing says which reconciliation"),
        ("reconciliation,reconciliation_key,decision,decision_reason\nusage,x,,\n", "decides nothing"),
        ("reconciliation,reconciliation_key,decision,decision_reason\nusage,x,accept,y\nusage,x,ignore,y\n", "line 3.*decided twice"),
        ("reconciliation,reconciliation_key,decision,decision_reason\nusage,x,accept,y\neinvoices,z,accept,y\n", "line 3.*are of usage"),
        ("reconciliation,reconciliation_key,decision,decision_reason\nusage,x,approve,y\n", "line 2, column decision: 'approve'"),
        ("reconciliation,reconciliation_key,decision,decision_reason,decision_until\nusage,x,pending,y,soon\n", "line 2, column decision_until"),
        ("reconciliation,reconciliation_key,decision,decision_reason\neinvoices,x,pair,y\n", "line 2, column other_key"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named_with_its_column(platform: Platform, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "decided.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        choices_of(platform, *read_list(path, None))


def test_somebody_elses_decision_that_the_row_does_not_show_is_told(platform: Platform) -> None:
    key = key_of(platform, "subscriptions", "status = 'discrepancy'")
    (number,) = decide(platform, "subscriptions", {key: Choice("accept", "rounding agreed")}, "ana")
    with pytest.raises(AlreadyDecided, match=f"accept by ana .* rounding agreed.*--after {number}"):
        decide(platform, "subscriptions", {key: WHY}, "ben")
    decide(platform, "subscriptions", {key: Choice("accept", "again")}, "ana")  # one's own is known
    (_, second) = (d.decision_id for d in made(platform))
    decide(platform, "subscriptions", {key: Choice("ignore", "not ours", after=second)}, "ben")
    assert [d.by for d in made(platform)] == ["ana", "ana", "ben"]


@pytest.mark.parametrize(
    ("subject", "where", "choice", "said"),
    [
        ("subscriptions", "ms_subscription_id = 'sub-0001'", Choice("accept", "x"), "is match: there is nothing to accept"),
        ("subscriptions", "status = 'discrepancy'", Choice("unpair", "x"), "only e-invoices are"),
        ("subscriptions", "status = 'discrepancy'", Choice("clear", "x"), "no decision that could be taken back"),
        ("subscriptions", "status = 'discrepancy'", Choice("approve"), "no decision that waits for approval"),
        ("einvoices", "bucket = 'Missing in EInv'", Choice("unpair", "x"), "is no pair"),
        ("einvoices", "bucket = 'Missing in EInv'", Choice("pair", "x", other_key="f" * 64), "No published row has the key f"),
        ("einvoices", "bucket = 'Exact'", Choice("pair", "x", other_key="of Mismatch"), "Both rows are pairs"),
    ],
)  # fmt: skip
def test_what_a_row_cannot_take_is_said(
    platform: Platform, subject: str, where: str, choice: Choice, said: str
) -> None:
    if choice.other_key == "of Mismatch":
        choice = Choice("pair", "x", other_key=key_of(platform, subject, "bucket = 'Mismatch'"))
    with pytest.raises(InputError, match=said):
        decide(platform, subject, {key_of(platform, subject, where): choice}, "ana")
    assert made(platform) == []


def test_an_unknown_key_is_said(platform: Platform) -> None:
    with pytest.raises(InputError, match="No published row has the key"):
        decide(platform, "usage", {"0" * 64: WHY}, "ana")


def test_above_the_limit_a_second_person_approves(published: Path, tmp_path: Path) -> None:
    platform = platform_in(tmp_path / "home", published_url=str(published), approval_above={"MYR": "99"})
    large, small = (
        key_of(platform, "subscriptions", f"status = '{s}'") for s in ("discrepancy", "missing_in_ms")
    )  # 99.75, 70
    decide(platform, "subscriptions", {key: Choice("accept", "promised") for key in (large, small)}, "ana")
    assert {d.row.key: d.needs_approval for d in made(platform)} == {large: True, small: False}
    with pytest.raises(InputError, match="is your own; a second person"):
        decide(platform, "subscriptions", {large: Choice("approve")}, "ana")
    decide(platform, "subscriptions", {large: Choice("approve")}, "ben")
    assert made(platform)[-1].action == "approve"


def test_a_closed_month_takes_verdicts_and_no_pairs(published: Path, tmp_path: Path) -> None:
    shutil.copytree(published, tmp_path / "published")
    platform = platform_in(tmp_path / "home", published_url=str(tmp_path / "published"))
    at = PUBLISHED_FIRST + dt.timedelta(days=1)
    closing = Closing(MARCH, "einvoices", "close", at, "ana", "", "run-1", PUBLISHED_FIRST + dt.timedelta(minutes=2))
    platform.published.record_closing(closing)
    key = key_of(platform, "einvoices", "bucket = 'Mismatch'")
    with pytest.raises(InputError, match=f"{MARCH} is closed"):
        decide(platform, "einvoices", {key: Choice("unpair", "not theirs")}, "ana")
    decide(platform, "einvoices", {key: WHY}, "ana")
    assert [d.action for d in made(platform)] == ["ignore"]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_fingerprint_of_python_is_that_of_the_models(platform: Platform, subject: str) -> None:
    mart = SUBJECTS[subject].decided.mart
    with platform.published.connect([_mart(mart)]) as published:
        rows = published.execute(f"select * from marts.{mart} order by reconciliation_key").to_arrow_table()
    with duckdb.connect() as connection:
        connection.register("given", rows)
        macro = rules.render(f"{{{{ row_fingerprint('{subject}', 'given') }}}}")
        found = connection.execute(f"select {macro}, {fingerprint_sql(subject)} from given").fetchall()
    assert len({models for models, _ in found}) > 1
    assert all(models == python for models, python in found)


def _mart(name: str) -> Any:
    from recon_assets.pipeline.marts import published_marts

    return published_marts()[name]
