"""The console script: what it prints, the exit codes 0, 1 and 2, and no traceback for a user's mistake."""

import csv
import dataclasses
import datetime as dt
import errno
import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from recon_assets.catalogue import SUBJECTS
from recon_assets.cli import main
from recon_assets.pipeline.marts import published_marts
from recon_assets.pipeline.plan import landed_files
from recon_assets.platform import Platform
from recon_assets.query import parse_instant
from recon_assets_tests.conftest import MakeOnce
from recon_assets_tests.lakehouse.publishing import replace_month
from recon_assets_tests.landed import as_dicts, land, land_nce, microsoft_name, platform_in
from recon_assets_tests.reliability.homes import (
    MONTHS,
    SUBJECT,
    at_home,
    copy_home,
    make_published,
    nce_lines,
    seen_months,
)

REPOSITORY = Path(__file__).parents[1]
FEBRUARY, MARCH = MONTHS[1], MONTHS[2]
GRID = "subscription_reconciliation"
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Recon:
    """`recon` on a home, in this process."""

    platform: Platform

    def __call__(self, *arguments: str, **environment: str) -> Result:
        with at_home(self.platform):
            return CliRunner().invoke(main, list(arguments), env=environment)

    def rows(self, sql: str, *options: str) -> list[dict[str, str]]:
        """Result of a query as CSV."""
        result = self("query", sql, "--format", "csv", *options)
        assert result.exit_code == 0, result.output
        return list(csv.DictReader(io.StringIO(result.stdout_bytes.decode("utf-8"), newline="")))

    def process(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`recon` as a process of its own, where its end matters."""
        return subprocess.run(
            [sys.executable, "-c", "from recon_assets.cli import main; main()", *arguments],
            env=os.environ | {"RECON_HOME": str(self.platform.settings.home), "PYTHONPATH": str(REPOSITORY)},
            cwd=self.platform.settings.home,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )


@pytest.fixture(scope="session")
def published_home(make_once: MakeOnce) -> Path:
    return make_once("published", make_published)


@pytest.fixture(scope="module")
def recon(published_home: Path) -> Recon:
    """On a published home that is only read."""
    return Recon(platform_in(published_home))


@pytest.fixture
def copied(published_home: Path, tmp_path: Path) -> Recon:
    """On a published home that may be changed."""
    return Recon(copy_home(published_home, tmp_path / "home"))


@pytest.fixture
def fresh(tmp_path: Path) -> Recon:
    """On a home with an empty landing zone."""
    return Recon(platform_in(tmp_path / "home"))


def one_line(result: Result) -> str:
    """The error of a result: one line, no traceback, nothing on standard output."""
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def publish_grid(platform: Platform, month: str, select: str, at: dt.datetime) -> None:
    """Publish a month of the grid anew as `select` makes it of the rows that are published (`from grid`)."""
    before = platform.published.current()[month, SUBJECT]
    mart = published_marts()[GRID]
    with platform.published.connect([mart]) as reader:
        rows: pa.Table = reader.execute(
            f"with grid as (from marts.{GRID} where billing_month = date '{month}-01') {select}"
        ).to_arrow_table()
    version = replace_month(platform.published, mart, month, rows, SUBJECT)
    marts = before.marts | {mart.name: version}
    platform.published.record(dataclasses.replace(before, run_id="later", published_at=at, marts=marts))


def test_help_needs_neither_dagster_nor_dbt() -> None:
    code = (
        "import sys\nfrom recon_assets.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = ('dagster', 'dbt', 'duckdb', 'polars', 'pandera', 'deltalake')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout.startswith("Usage: ")
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", ["sample", "run", "fetch", "status", "query", "export", "reject", "doctor"])
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 3


def test_sample_writes_files_of_every_subject_and_says_where(fresh: Recon) -> None:
    result = fresh("sample", "--months", "2025-01..2025-02", "--seed", "3")
    assert result.exit_code == 0
    assert str(fresh.platform.settings.landing) in result.stdout
    expected = json.loads((fresh.platform.settings.home / "expected.json").read_text(encoding="utf-8"))
    assert (expected["months"], expected["seed"]) == (["2025-01", "2025-02"], 3)
    landed = {subject: landed_files(fresh.platform.landing, subject) for subject in SUBJECTS}
    compared = {source: name for name, subject in SUBJECTS.items() for source in subject.compared}
    # Of aggregated usage no real file is known that a sample could be made like.
    assert {s for s, name in compared.items() if not landed[name][s]} == {"azure_usage_aggregated"}


@pytest.mark.parametrize("command", ["sample", "run"])
@pytest.mark.parametrize("months", ["2025-13", "2025", "2025-03..2025-01", "next"])
def test_months_that_are_none_are_an_input_error(months: str, command: str, fresh: Recon) -> None:
    result = fresh(command, "--months", months)
    assert result.exit_code == 2
    assert f"'{months}'" in one_line(result)


@pytest.mark.parametrize("month", ["2019-01", "2099-01"])
def test_a_month_of_which_nothing_can_have_landed_is_not_published(month: str, fresh: Recon) -> None:
    result = fresh("run", "--months", month)
    assert result.exit_code == 1
    assert f"problem {month}: no file of this month" in result.stdout
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("name", "value"), [("RECON_CLOSE_DAY", "77"), ("RECON_SELECTION_METHOD", "guess"), ("RECON_QUARANTINE_LIMIT", "x")]
)
def test_a_wrong_setting_is_named_with_what_it_was(name: str, value: str, fresh: Recon) -> None:
    for arguments in (["status"], ["query", "select 1"], ["run", "--months", "2025-01"]):
        result = fresh(*arguments, **{name: value})
        assert result.exit_code == 2
        assert f"{name}: " in one_line(result)
        assert f"(got '{value}')" in result.stderr


@pytest.mark.slow
def test_run_publishes_and_the_exit_code_says_so(copied: Recon) -> None:
    lines = nce_lines(FEBRUARY, cost="13", count=200)
    lines[4]["Subtotal"] = "ten"
    path = land_nce(copied.platform.settings.landing, FEBRUARY, lines)
    done = copied.process("run", "--months", FEBRUARY)
    assert (done.returncode, "1 of 1 months were published." in done.stdout) == (0, True)
    assert f"{FEBRUARY} │ subscriptions  │ provisional" in done.stdout
    assert (
        f"rejected ms_recon_nce: 1 rows ({FEBRUARY}: 1)\n  {path}, row 6 (record 5), column 'Subtotal': 'ten' "
        in done.stdout
    )
    assert "Warning" not in done.stdout + done.stderr


@pytest.mark.slow
def test_run_ends_with_1_and_names_the_file_when_a_month_is_not_published(copied: Recon) -> None:
    path = microsoft_name(MARCH, "NCE")
    land(copied.platform.settings.landing, path, b"")
    before = seen_months(copied.platform)
    failed = copied("run", "--months", MARCH)
    assert failed.exit_code == 1
    assert f"problem {path}" in failed.stdout
    assert f"Not published: subscriptions {MARCH}. What was published before stays." in failed.stdout
    assert "Traceback" not in failed.output
    assert seen_months(copied.platform) == before


def test_run_takes_only_subjects_that_there_are(fresh: Recon) -> None:
    result = fresh("run", "--months", MARCH, "--subject", "subscription")
    assert result.exit_code == 2
    assert "'subscription' is not one of 'subscriptions', 'usage', 'einvoices'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--invoice-id", "G1"], "RECON_GRAPH_TENANT_ID"),
        (["--month", "2025-03"], "RECON_GRAPH_TENANT_ID"),
        (["--month", "2025-13"], "'2025-13' is not a month"),
    ],
)
def test_fetch_says_in_one_line_what_it_lacks(arguments: list[str], text: str, fresh: Recon) -> None:
    result = fresh("fetch", "usage", *arguments)
    assert result.exit_code == 2
    assert text in one_line(result)
    assert list(fresh.platform.settings.landing.iterdir()) == []


def test_fetch_asks_for_an_invoice_or_a_month(fresh: Recon) -> None:
    result = fresh("fetch", "usage")
    assert result.exit_code == 2
    assert "Give --invoice-id, or --month" in result.stderr


def test_status_as_json_has_every_month(recon: Recon) -> None:
    result = recon("status", "--json")
    assert result.exit_code == 0
    months = {row["month"]: row for row in json.loads(result.stdout)}
    assert sorted(months) == MONTHS
    first = months["2025-01"]
    # Nothing lies before the first month of either side.
    assert first["window_status"] == first["published_window_status"] == "final"
    assert first["missing"] == [f"{source} 2024-12 (optional)" for source in ("bss_invoices", "ms_recon_nce")] + [
        f"ms_recon_legacy {month} (optional)" for month in ("2024-12", "2025-01", "2025-02")
    ]
    assert (first["paired"], first["one_sided"], first["quarantined"], first["checks_failed"]) == (2, 2, 0, 0)
    assert first["landed"]["ms_recon_nce"] == [microsoft_name("2025-01", "NCE")]
    published = recon.platform.published.current()["2025-01", SUBJECT]
    assert (first["published_run"], first["published_at"]) == (published.run_id, published.published_at.isoformat())


def test_status_says_what_is_to_be_loaded_and_what_failed(copied: Recon) -> None:
    land(copied.platform.settings.landing, microsoft_name(MARCH, "NCE"), b"")
    copied.platform.load("ms_recon_nce", MARCH)
    months = {row["month"]: row for row in json.loads(copied("status", "--json").stdout)}
    assert months[FEBRUARY]["not_loaded"] == [f"ms_recon_nce {MARCH}"]
    assert months[FEBRUARY]["failed"][0].startswith(f"ms_recon_nce {MARCH}: ")
    assert months["2025-01"]["failed"] == []
    table = copied("status").stdout
    assert f"to load: ms_recon_nce {MARCH}" in table
    assert f"failed: ms_recon_nce {MARCH}" in table


def test_status_names_months_of_an_older_reader_and_those_whose_files_are_gone(copied: Recon) -> None:
    record = copied.platform.raw.month_folder("ms_recon_nce", FEBRUARY) / "month.json"
    content = json.loads(record.read_text(encoding="utf-8"))
    record.write_text(json.dumps(content | {"load_id": "older", "newer_field": 1}), encoding="utf-8")
    (copied.platform.settings.landing / microsoft_name(MONTHS[3], "NCE")).unlink()
    months = {row["month"]: row for row in json.loads(copied("status", "--json").stdout)}
    assert months[MARCH]["older_reader"] == [f"ms_recon_nce {FEBRUARY}"]
    assert months[MARCH]["gone"] == [f"ms_recon_nce {MONTHS[3]}"]
    assert months[MARCH]["not_loaded"] == []
    table = copied("status").stdout
    assert f"loaded by an older reader: ms_recon_nce {FEBRUARY}" in table
    assert f"no longer there: ms_recon_nce {MONTHS[3]}" in table


def test_a_source_that_cannot_be_listed_is_said_and_told_as_it_is_loaded(
    copied: Recon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug this fixes: a folder that cannot be read counted as empty, and its months as absent."""
    closed = copied.platform.settings.landing / "partner_center" / "reconciliation"
    really = os.scandir

    def refused(path: Any) -> Any:
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return really(path)

    monkeypatch.setattr(os, "scandir", refused)
    listed = copied("status", "--json")
    assert listed.exit_code == 1
    assert f"ms_recon_nce: {closed} cannot be listed (Permission denied)" in listed.stderr
    months = {row["month"]: row for row in json.loads(listed.stdout)}
    assert not [name for name in months[MARCH]["missing"] if name.startswith("ms_recon_nce")]
    assert months[MARCH]["gone"] == []
    found = copied("doctor")
    assert (found.exit_code, f"error landing: {closed} cannot be listed" in found.stdout) == (2, True)
    before = seen_months(copied.platform)
    ran = copied("run", "--months", MARCH)
    assert ran.exit_code == 1
    assert f"problem subscriptions: nothing is loaded or reconciled. {closed} cannot be listed" in ran.stdout
    assert copied.platform.raw.months("ms_recon_nce") == MONTHS
    assert seen_months(copied.platform) == before


def test_status_of_a_new_home_says_how_to_begin(fresh: Recon) -> None:
    assert fresh("status").stdout == "Nothing has landed and nothing is published yet. Try `recon sample`.\n"
    assert json.loads(fresh("status", "--json").stdout) == []


def test_csv_is_rfc_4180_in_utf_8_with_nothing_else(recon: Recon) -> None:
    sql = """select '=1+1, "quoted"\nand é' as text, null as nothing, true as "yes, true", date '2025-01-31' as day"""
    result = recon("query", sql, "--format", "csv")
    assert result.stdout_bytes == (
        'text,nothing,"yes, true",day\r\n"=1+1, ""quoted""\nand é",,true,2025-01-31\r\n'.encode()
    )
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("cast(0 as decimal(38, 12))", "0.000000000000"),
        ("cast('0.000000000001' as decimal(38, 12))", "0.000000000001"),
        ("cast('-12345678901234567890.5' as decimal(38, 12))", "-12345678901234567890.500000000000"),
        ("cast(1e-7 as double)", "0.0000001"),
        ("cast(0 as decimal(18, 2))", "0.00"),
        ("cast(7 as hugeint)", "7"),
        ("timestamp '2025-01-31 10:00:00'", "2025-01-31 10:00:00"),
    ],
)
def test_numbers_are_plain_decimals_and_times_are_iso(expression: str, text: str, recon: Recon) -> None:
    assert recon.rows(f"select {expression} as value") == [{"value": text}]


def test_a_query_has_no_row_limit(recon: Recon) -> None:
    assert len(recon.rows("select range as n from range(25000)")) == 25_000


def test_json_is_an_array_of_records(recon: Recon) -> None:
    sql = "select 1 as n, cast('0.10' as decimal(18, 2)) as amount, null as no, 'é' as text, date '2025-01-31' as day"
    assert json.loads(recon("query", sql, "--format", "json").stdout) == [
        {"n": 1, "amount": "0.10", "no": None, "text": "é", "day": "2025-01-31"}
    ]
    assert json.loads(recon("query", "select 1 as n where false", "--format", "json").stdout) == []


def test_a_table_shows_every_column_and_row(recon: Recon) -> None:
    result = recon("query", f"select ms_subscription_id, status, cost_difference from marts.{GRID}")
    assert result.exit_code == 0
    assert result.stdout.count("sub-2") == len(MONTHS)
    assert "cost_difference" in result.stdout


def test_a_table_that_is_too_wide_is_a_list_per_row(recon: Recon) -> None:
    wide = ", ".join(f"repeat('x', 30) || '-{n}' as column_{n}" for n in range(20))
    result = recon("query", f"select {wide} from range(2)")
    assert "row 1 of 2" in result.stdout and "row 2 of 2" in result.stdout
    assert all(f"{'x' * 30}-{n}" in result.stdout and f"column_{n}" in result.stdout for n in range(20))
    assert "row 1 of" not in recon("query", "select 1 as n").stdout


def test_the_publications_can_be_queried(recon: Recon) -> None:
    rows = recon.rows("select billing_month, reconciliation from marts.publications order by 1")
    assert [(row["billing_month"], row["reconciliation"]) for row in rows] == [(f"{m}-01", SUBJECT) for m in MONTHS]


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("selct 1", 'Parser Error: syntax error at or near "selct"'),
        ("select * from marts.nothing", "Table with name nothing does not exist!"),
        (f"select cast(status as int) from marts.{GRID}", "Could not convert string"),
        ("copy (select 1) to '/tmp/out.csv'", "can only be read"),
        ("drop schema marts", "can only be read"),
        ("", "There is no statement to run"),
        ("-- nothing", "There is no statement to run"),
        ("from read_text('/etc/hostname')", "disabled"),
    ],
)
def test_a_query_that_cannot_be_run_is_one_clear_line(sql: str, text: str, recon: Recon) -> None:
    for form in ("table", "csv", "json"):
        result = recon("query", sql, "--format", form)
        assert result.exit_code == 2
        assert text in one_line(result)


def test_as_of_reads_the_months_as_they_were(copied: Recon) -> None:
    (first,) = {p.published_at for p in copied.platform.published.publications() if p.month == FEBRUARY}
    later = first + dt.timedelta(days=2)
    publish_grid(copied.platform, FEBRUARY, "select * from grid where false", later)
    count = f"select count(*) as n from marts.{GRID} where billing_month = date '{FEBRUARY}-01'"
    assert copied.rows(count) == [{"n": "0"}]
    assert copied.rows(count, "--as-of", first.isoformat()) == [{"n": "4"}]
    assert copied.rows(count, "--as-of", f"{first.replace(tzinfo=None).isoformat()}") == [{"n": "4"}]  # UTC
    assert copied.rows(count, "--as-of", f"{first:%Y-%m-%d}") == [{"n": "4"}]  # the whole day
    assert copied.rows(count, "--as-of", f"{later:%Y-%m-%d}") == [{"n": "0"}]
    assert copied.rows("select count(*) as n from marts.month_status", "--as-of", "2020-01-01T00:00:00Z") == [
        {"n": "0"}
    ]


PERIOD_COLUMNS = "ms_subscription_id, currency, bss_total_cost, ms_total_cost, cost_difference, status"


def test_a_period_of_a_whole_month_has_the_rows_of_the_month(recon: Recon) -> None:
    result = recon("period", "--from", f"{FEBRUARY}-01", "--to", f"{FEBRUARY}-28", "--format", "csv")
    assert (result.exit_code, result.stderr) == (0, "")
    found = list(csv.DictReader(io.StringIO(result.stdout_bytes.decode("utf-8"), newline="")))
    month = recon.rows(f"select {PERIOD_COLUMNS} from marts.{GRID} where billing_month = '{FEBRUARY}-01' order by 1")
    assert [{name: row[name] for name in PERIOD_COLUMNS.split(", ")} for row in found] == month != []


def test_a_period_names_the_months_that_are_not_published(recon: Recon) -> None:
    result = recon("period", "--from", "2025-04-20", "--to", "2025-06-05", "--format", "json")
    assert result.exit_code == 0
    assert {row["ms_subscription_id"] for row in json.loads(result.stdout)} == {"sub-1", "sub-2", "sub-3", "sub-4"}
    assert result.stderr == "Not published, and not in these figures: 2025-05, 2025-06.\n"


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2025-2-1", "2025-02-28", "YYYY-MM-DD"),
        ("2019-01-01", "2019-01-31", "recon run"),
        ("2025-02-02", "2025-02-01", "earlier day"),
    ],
)
def test_a_period_that_cannot_be_shown_is_one_clear_line(first: str, last: str, said: str, recon: Recon) -> None:
    result = recon("period", "--from", first, "--to", last)
    assert result.exit_code == 2
    assert said in one_line(result)


@pytest.mark.parametrize("text", ["yesterday", "2025-02-30", "31/03/2025"])
def test_a_time_that_is_none_is_an_input_error(text: str, recon: Recon) -> None:
    result = recon("query", "select 1", "--as-of", text)
    assert result.exit_code == 2
    assert f"'{text}' is not a time" in one_line(result)


@pytest.mark.parametrize("text", ["2025-03-31", "20250331", "2025-W14-1"])
def test_a_day_alone_means_its_end_however_it_is_written(text: str) -> None:
    assert parse_instant(text) == dt.datetime(2025, 3, 31, 23, 59, 59, 999999, dt.UTC)


def test_a_pipe_that_closes_early_is_no_traceback(recon: Recon) -> None:
    code = "from recon_assets.cli import main; main(['query', 'from range(200000)', '--format', 'csv'])"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"RECON_HOME": str(recon.platform.settings.home), "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait()


@pytest.fixture(scope="module")
def published_rows(recon: Recon) -> dict[str, Rows]:
    """Every mart's rows as readers see them, in order."""
    with recon.platform.published.connect(published_marts().values()) as reader:
        return {mart: as_dicts(reader.execute(f"from marts.{mart} order by all")) for mart in published_marts()}


def test_export_to_duckdb_has_the_values_and_types_of_the_marts(
    recon: Recon, published_rows: dict[str, Rows], tmp_path: Path
) -> None:
    out = tmp_path / "new" / "recon.duckdb"
    result = recon("export", "duckdb", "--out", str(out))
    assert result.exit_code == 0
    assert f"{GRID}: {4 * len(MONTHS)} rows" in result.stdout
    with duckdb.connect(str(out), read_only=True) as copy:
        for mart, rows in published_rows.items():
            assert as_dicts(copy.execute(f"from marts.{mart} order by all")) == rows
        types = {row[0]: row[1] for row in copy.execute(f"describe marts.{GRID}").fetchall()}
    assert (types["cost_difference"], types["billing_month"]) == ("DECIMAL(38,3)", "DATE")


def test_export_to_a_duckdb_file_named_as_the_schema_is_refused(recon: Recon, tmp_path: Path) -> None:
    """The bug this fixes: `marts.x` is ambiguous in a database that is itself named marts."""
    for name in ("marts.duckdb", "Marts.db"):
        result = recon("export", "duckdb", "--out", str(tmp_path / name))
        assert result.exit_code == 2
        assert "Name another file" in one_line(result)
    assert list(tmp_path.iterdir()) == []


def test_export_to_parquet_has_the_values_of_the_marts(
    recon: Recon, published_rows: dict[str, Rows], tmp_path: Path
) -> None:
    assert recon("export", "parquet", "--out", str(tmp_path / "out")).exit_code == 0
    with duckdb.connect() as connection:
        for mart, rows in published_rows.items():
            found = connection.execute(f"from read_parquet('{tmp_path}/out/{mart}.parquet') order by all")
            assert as_dicts(found) == rows


def test_export_to_csv_is_what_query_writes_of_each_mart(
    recon: Recon, published_rows: dict[str, Rows], tmp_path: Path
) -> None:
    assert recon("export", "csv", "--out", str(tmp_path / "out")).exit_code == 0
    assert {file.stem for file in (tmp_path / "out").iterdir()} == set(published_rows)
    for mart in (GRID, "quarantined_rows"):
        queried = recon("query", f"select * from marts.{mart}", "--format", "csv").stdout
        exported = (tmp_path / "out" / f"{mart}.csv").read_bytes().decode("utf-8")
        assert sorted(exported.splitlines()) == sorted(queried.splitlines())
        assert len(exported.splitlines()) == 1 + len(published_rows[mart])


def test_a_pack_is_exported_and_verified_from_the_shell(recon: Recon, tmp_path: Path) -> None:
    out = tmp_path / "pack.zip"
    assert recon("export", "pack", "--out", str(out), "--months", MARCH, "--subject", "subscriptions").exit_code == 0
    result = recon("verify", "pack", str(out))
    assert (result.exit_code, "holds: whole, and what is published now" in result.stdout) == (0, True)
    for arguments in (("--months", MARCH), ("--months", MARCH, "--subject", "subscriptions")):
        assert recon("export", "pack", "--out", str(out), *arguments).exit_code == 2
    (tmp_path / "other.zip").write_bytes(b"no pack")
    assert recon("verify", "pack", str(tmp_path / "other.zip")).exit_code == 2


def test_export_of_some_months_has_only_these(recon: Recon, tmp_path: Path) -> None:
    assert recon("export", "parquet", "--out", str(tmp_path / "out"), "--months", f"{FEBRUARY}..{MARCH}").exit_code == 0
    with duckdb.connect() as connection:
        status = connection.read_parquet(str(tmp_path / "out" / "month_status.parquet"))
        months = status.project("billing_month").order("1").fetchall()
    assert [str(month) for (month,) in months] == [f"{FEBRUARY}-01", f"{MARCH}-01"]


def test_export_to_xlsx_has_the_values_and_text_stays_text(copied: Recon, tmp_path: Path) -> None:
    select = "select * replace ('=1+1' as ms_subscription_id) from grid"
    now = dt.datetime.now(dt.UTC)
    publish_grid(copied.platform, FEBRUARY, select, now)
    out = tmp_path / "marts.xlsx"
    assert copied("export", "xlsx", "--out", str(out)).exit_code == 0
    sheets = read_workbook(out)
    assert set(sheets) == {mart[:31] for mart in published_marts()}
    header, *rows = sheets[GRID]
    named = [dict(zip(header, row, strict=False)) for row in rows]
    assert [row["ms_subscription_id"] for row in named].count("=1+1") == 4
    with copied.platform.published.connect(published_marts().values()) as reader:
        amounts = reader.execute(f"select cost_difference from marts.{GRID} order by 1").fetchall()
    assert sorted(Decimal(row["cost_difference"]) for row in named) == [amount for (amount,) in amounts]


def read_workbook(path: Path) -> dict[str, list[list[str]]]:
    """Cells of every sheet as text, formulas as `formula:...`; our own, for no package of ours reads XLSX."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    sheets = {}
    with zipfile.ZipFile(path) as book:
        names = [s.attrib["name"] for s in ElementTree.fromstring(book.read("xl/workbook.xml")).iter(f"{space}sheet")]
        shared: list[str] = []
        if "xl/sharedStrings.xml" in book.namelist():
            root = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
            shared = ["".join(item.itertext()) for item in root.iter(f"{space}si")]
        for number, name in enumerate(names, 1):
            root = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
            sheets[name] = [_cells(row, space, shared) for row in root.iter(f"{space}row")]
    return sheets


def _cells(row: ElementTree.Element, space: str, shared: list[str]) -> list[str]:
    cells: list[str] = []
    for cell in row.iter(f"{space}c"):
        column = 0
        for letter in cell.attrib["r"].rstrip("0123456789"):
            column = column * 26 + ord(letter) - 64
        cells += [""] * (column - 1 - len(cells))
        value = "".join(cell.itertext())
        if cell.find(f"{space}f") is not None:
            value = f"formula:{value}"
        elif cell.attrib.get("t") == "s":
            value = shared[int(value)]
        cells.append(value)
    return cells


@pytest.mark.parametrize("form", ["duckdb", "parquet", "xlsx"])
def test_export_does_not_overwrite(form: str, recon: Recon, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").touch()
    result = recon("export", form, "--out", str(out))
    assert result.exit_code == 2
    assert f"{out} exists already" in one_line(result)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_rejected_rows_are_listed_with_file_row_and_reason(fresh: Recon) -> None:
    lines = nce_lines(FEBRUARY, count=200)
    lines[4]["Subtotal"] = "ten"
    path = land_nce(fresh.platform.settings.landing, FEBRUARY, lines)
    assert fresh("reject", "list").stdout == "No row was rejected.\n"
    fresh.platform.load("ms_recon_nce", FEBRUARY)
    listed = fresh("reject", "list")
    assert listed.exit_code == 0
    (row,) = (line for line in listed.stdout.splitlines() if path in line)
    assert [cell.strip() for cell in row.strip("│").split("│")][:7] == [
        "ms_recon_nce", FEBRUARY, path, "5", "6", "Subtotal", "ten",
    ]  # fmt: skip
    assert fresh("reject", "list", "--months", MARCH).stdout == "No row was rejected.\n"


def test_doctor_finds_nothing_wrong_with_a_published_home(recon: Recon) -> None:
    result = recon("doctor")
    assert result.exit_code == 0
    assert all(line.startswith("ok ") for line in result.stdout.splitlines())
    assert "dagster 1." in result.stdout


def test_doctor_knows_every_file_of_the_sample(fresh: Recon) -> None:
    """The bug this fixes: the parts and manifests of cost exports were said not to be read."""
    assert fresh("sample", "--months", "2025-01..2025-02").exit_code == 0
    result = fresh("doctor")
    assert result.exit_code == 0
    assert [line for line in result.stdout.splitlines() if not line.startswith("ok ")] == []


@pytest.mark.parametrize(
    "path",
    [
        "partner_center/reconciliation/march.xlsx",
        "cost_management/daily/part_0.csv",
        "einvoice/2025-03/a.json",
        "erp/sales_register/2025-13/list.csv",
    ],
)
def test_doctor_names_files_that_no_source_takes(path: str, fresh: Recon) -> None:
    land(fresh.platform.settings.landing, path, b"x")
    result = fresh("doctor")
    assert result.exit_code == 0
    assert f"warning landing: {path} is not read: " in result.stdout


def test_doctor_names_failed_months(fresh: Recon) -> None:
    land(fresh.platform.settings.landing, microsoft_name(FEBRUARY, "NCE"), b"")
    fresh.platform.load("ms_recon_nce", FEBRUARY)
    result = fresh("doctor")
    assert result.exit_code == 2
    assert f"error ms_recon_nce {FEBRUARY}: " in result.stdout


def test_doctor_says_when_there_is_no_landing_zone(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["doctor"], env={"RECON_HOME": str(tmp_path / "none")})
    assert result.exit_code == 2
    missing = f"error landing: {tmp_path}/none/landing does not exist. Create it, or set RECON_LANDING_URL."
    assert missing in result.stdout


def test_doctor_names_a_wrong_setting(fresh: Recon) -> None:
    result = fresh("doctor", RECON_CLOSE_HOUR="25")
    assert result.exit_code == 2
    assert result.stdout.startswith("error settings: A setting is wrong. RECON_CLOSE_HOUR: ")
