"""`recon doctor` tells each misconfiguration apart, names the setting and says what to do, without a secret."""

import os
import socket
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from recon_assets import doctor
from recon_assets.cli import main
from recon_assets.doctor import Finding, examine
from recon_assets.lakehouse.raw import FailedLoad
from recon_assets.lakehouse.settled import settle
from recon_assets.lakehouse.views import view_sql
from recon_assets.notices.outbox import NOTICES_FILE, Fact, NotDelivered, Outbox, Report
from recon_assets.pipeline.marts import published_marts
from recon_assets.platform import Platform
from recon_assets_tests.app.published import publish, subscriptions
from recon_assets_tests.landed import NOW, land, land_bss, platform_in
from recon_assets_tests.machine import free_port
from recon_assets_tests.postgres import PASSWORD, Cluster
from recon_assets_tests.reliability.homes import bss_lines

POSTGRES_YAML = (Path(__file__).parents[1] / "deploy" / "dagster.yaml").read_text(encoding="utf-8")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in order: one month of a source has landed."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("DAGSTER_")]:
        monkeypatch.delenv(name)
    made = tmp_path / "home"
    monkeypatch.setenv("RECON_HOME", str(made))
    land_bss(platform_in(made).settings.landing, "2025-01", bss_lines("2025-01"))
    return made


def problems() -> list[tuple[str, str]]:
    """Level and subject of everything that is not in order, with the text for comparison."""
    return [(finding.subject, finding.text) for finding in examine() if finding.level != "ok"]


def only() -> tuple[str, str]:
    (problem,) = problems()
    return problem


def test_a_home_in_order_has_no_finding(home: Path) -> None:
    assert problems() == []
    assert CliRunner().invoke(main, ["doctor"]).exit_code == 0


def test_a_run_that_was_killed_between_two_marts_is_told_until_a_run_mends_it(home: Path) -> None:
    store, mart = platform_in(home).published, published_marts()["month_status"]
    publish(store, "subscriptions", "2025-01", NOW, subscriptions("2025-01"))
    assert problems() == []
    with duckdb.connect() as connection:
        store.commit_month(store.write_month(mart, "2025-01", "subscriptions", connection, view_sql(mart, [])))
    subject, text = only()
    assert subject == "published month_status"
    assert "2025-01-01 subscriptions" in text and "The next `recon run` mends it." in text
    settle(store, published_marts().values(), lambda: NOW, "1GB")
    assert problems() == []


def test_published_tables_that_cannot_be_read_are_told_in_a_sentence(home: Path) -> None:
    log = platform_in(home).settings.published / "publications" / "_delta_log"
    log.mkdir(parents=True)
    (log / f"{0:020}.json").write_text("{", encoding="utf-8")
    subject, text = only()
    assert (subject, text.partition(":")[0]) == ("published", "The published tables cannot be read")


def test_a_setting_with_a_wrong_value_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECON_CLOSE_DAY", "31")
    subject, text = only()
    assert subject == "settings"
    assert "RECON_CLOSE_DAY" in text
    assert CliRunner().invoke(main, ["doctor"]).exit_code == 2


def test_a_setting_that_does_not_exist_is_named_with_the_one_that_is_meant(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECON_QUARANTINE_LIMITS", "0.05")
    assert only() == ("RECON_QUARANTINE_LIMITS", "is no setting. Is RECON_QUARANTINE_LIMIT meant?")
    monkeypatch.delenv("RECON_QUARANTINE_LIMITS")
    (home.parent / ".env").write_text("RECON_XYZZY=1\n", encoding="utf-8")
    assert only() == ("RECON_XYZZY", "is no setting. Remove it.")


def test_a_home_that_is_no_folder_cannot_be_written_to(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / "file"
    file.touch()
    monkeypatch.setenv("RECON_PUBLISHED_URL", str(file / "published"))
    subject, text = only()
    assert (subject, "cannot be written to" in text) == ("published", True)


def test_a_missing_landing_zone_is_an_error_and_an_empty_one_a_warning(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECON_LANDING_URL", str(home / "elsewhere"))
    subject, text = only()
    assert (subject, "does not exist" in text) == ("landing", True)
    (home / "elsewhere").mkdir()
    assert "No file has landed" in only()[1]


def test_a_file_that_belongs_to_no_source_and_a_failed_load_are_named(home: Path) -> None:
    platform = platform_in(home)
    land(platform.settings.landing, "bss/invoices/January/a.csv", "x")
    platform.raw.record_failure(FailedLoad("ms_recon_nce", "2025-01", "now", [], ["header is wrong"]))
    assert problems() == [
        (
            "landing",
            "bss/invoices/January/a.csv is not read: bss_invoices reads files in bss/invoices/<YYYY-MM>/.",
        ),
        ("ms_recon_nce 2025-01", "header is wrong"),
    ]


@pytest.mark.parametrize("below", ["landing/published", "."])
def test_published_tables_and_landing_zone_must_be_apart(
    below: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECON_PUBLISHED_URL", str(home / below))
    assert ("RECON_PUBLISHED_URL", True) in [(subject, "must be apart" in text) for subject, text in problems()]


def test_a_disk_that_is_almost_full_is_a_warning(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_LITTLE_SPACE", 10**18)
    assert {subject for subject, _ in problems()} == {"RECON_HOME", "published"}
    assert all("are free on the disk" in text for _, text in problems())


def test_a_dagster_home_elsewhere_and_a_broken_dagster_yaml_are_errors(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(home / "other"))
    assert only()[0] == "DAGSTER_HOME"
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    assert problems() == []
    (home / "dagster").mkdir()
    (home / "dagster" / "dagster.yaml").write_text("storage: [", encoding="utf-8")
    assert "is no YAML" in only()[1]


def test_wrong_notice_settings_an_unreachable_mail_server_and_lost_messages_are_told_apart(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECON_MAIL_TO", '["a@example.com"]')
    assert only()[0] == "notices"
    port = free_port()
    for name, value in {"HOST": "127.0.0.1", "PORT": str(port), "SECURITY": "none"}.items():
        monkeypatch.setenv(f"RECON_SMTP_{name}", value)
    monkeypatch.setenv("RECON_MAIL_FROM", "recon@example.com")
    subject, text = only()
    assert (subject, f"127.0.0.1:{port} cannot be reached" in text) == ("RECON_SMTP_HOST", True)
    with closing(socket.create_server(("127.0.0.1", port))):
        assert problems() == []
        box = Outbox(home / NOTICES_FILE)
        box.add(Report("run-1", "subscriptions failed", "http://x", [Fact("run_failure", "k", "x")]), ["mail"], NOW)

        def refuse(message: object) -> None:
            raise NotDelivered("the mail server did not take it")

        box.deliver("mail", refuse, NOW)
        assert only() == (
            "notices",
            "'subscriptions failed' by mail is pending. the mail server did not take it",
        )


def test_a_dagster_yaml_whose_driver_is_not_named_is_an_error(home: Path) -> None:
    (home / "dagster").mkdir()
    without = "\n".join(line for line in POSTGRES_YAML.splitlines() if "scheme:" not in line)
    (home / "dagster" / "dagster.yaml").write_text(without, encoding="utf-8")
    assert any("set scheme: postgresql+psycopg2 below postgres_db" in text for _, text in problems())
    (home / "dagster" / "dagster.yaml").write_text(POSTGRES_YAML, encoding="utf-8")
    assert not any("scheme" in text for _, text in problems())


@pytest.mark.postgres
def test_each_reason_why_postgresql_cannot_be_used_is_told_apart(
    home: Path, monkeypatch: pytest.MonkeyPatch, cluster: Cluster
) -> None:
    (home / "dagster").mkdir()
    (home / "dagster" / "dagster.yaml").write_text(POSTGRES_YAML, encoding="utf-8")
    assert "DAGSTER_POSTGRES_HOST" in only()[1]
    assert "not set" in only()[1]
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    assert problems() == []
    for name, value, advice in (
        ("PASSWORD", "canary-of-mistake", "Check DAGSTER_POSTGRES_USER and DAGSTER_POSTGRES_PASSWORD"),
        ("DB", "elsewhere", "Create the database"),
        ("PORT", str(free_port()), "Is the server running"),
        ("HOST", "no-such-host.invalid", "Check DAGSTER_POSTGRES_HOST"),
    ):
        with monkeypatch.context() as changed:
            changed.setenv(f"DAGSTER_POSTGRES_{name}", value)
            subject, text = only()
            assert (subject, advice in text) == ("dagster", True), text
            assert "canary" not in text
            assert PASSWORD not in text


@pytest.mark.postgres
def test_a_daemon_that_was_not_heard_of_for_long_is_an_error(
    home: Path, monkeypatch: pytest.MonkeyPatch, cluster: Cluster
) -> None:
    (home / "dagster").mkdir()
    (home / "dagster" / "dagster.yaml").write_text(POSTGRES_YAML, encoding="utf-8")
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    with closing(cluster.connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute("create table runs (id int); create table daemon_heartbeats (timestamp timestamp)")
        cursor.execute("insert into daemon_heartbeats values (now() at time zone 'utc' - interval '20 minutes')")
    try:
        assert only() == (
            "daemon",
            "was last heard of 20 minutes ago: no schedule, sensor or queued run moves. Start dagster-daemon.",
        )
        with closing(cluster.connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute("insert into daemon_heartbeats values (now() at time zone 'utc')")
        assert problems() == []
    finally:
        with closing(cluster.connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute("drop table runs; drop table daemon_heartbeats")


def test_findings_are_in_the_order_in_which_to_mend_them(home: Path) -> None:
    subjects = [finding.subject for finding in examine()]
    assert subjects == ["versions", "RECON_HOME", "published", "dagster", "notices"]
    assert all(isinstance(finding, Finding) for finding in examine())
    assert Platform.from_settings().landed_months() == ["2025-01"]
