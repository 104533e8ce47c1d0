"""Settings: every wrong value is refused when it is read, by the name of its variable and with what is allowed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from recon_assets.app.settings import load_app_settings
from recon_assets.cli import main
from recon_assets.connectors.bss_settings import load_bss_settings
from recon_assets.environment import EnvironmentSettings
from recon_assets.errors import InputError
from recon_assets.home import prepare_home
from recon_assets.notices.settings import load_notice_settings
from recon_assets.platform import Platform
from recon_assets.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


WRONG: list[tuple[Callable[[], object], str, str, str]] = [
    (load_settings, "RECON_CANCELED_STAGES", "canceled", 'write JSON, for example ["canceled", "cancelled"]'),
    (load_settings, "RECON_CANCELED_STAGES", '{"a": 1}', "valid list"),
    (load_settings, "RECON_REGISTER_DATE_ORDERS", "day_first", 'for example {"erp/sales_register/*": "day_first"}'),
    (load_settings, "RECON_REGISTER_DATE_ORDERS", '{"erp/*": "day"}', "(erp/*): Input should be 'day_first' or"),
    (load_settings, "RECON_APPROVAL_ABOVE", '{"myr": "10000"}', "three capital letters, such as MYR"),
    (load_settings, "RECON_APPROVAL_ABOVE", '{"MYR": "-1"}', "(MYR): Input should be greater than or equal to 0"),
    (load_settings, "RECON_BUILD_MEMORY_LIMIT", "4", "at least 16MB, for example 512MB or 4GB"),
    (load_settings, "RECON_BUILD_MEMORY_LIMIT", "80%", "for example 512MB or 4GB"),
    (load_settings, "RECON_LOAD_MEMORY_LIMIT", "0GB", "at least 16MB"),
    (load_settings, "RECON_SPARK_DRIVER_MEMORY", "2 gigabytes", "such as 512m or 2g"),
    (load_settings, "RECON_SPARK_MASTER", "yarn", "local[<cores>] or spark://<host>:<port>"),
    (load_settings, "RECON_FIRST_MONTH", "2022-13", "write a month as YYYY-MM"),
    (load_settings, "RECON_FIRST_MONTH", "", "write a month as YYYY-MM"),
    (load_settings, "RECON_APP_URL", "recon.example.com", "begins with http:// or https://"),
    (load_settings, "RECON_DAGSTER_URL", "http://", "begins with http:// or https://"),
    (load_settings, "RECON_DAGSTER_URL", "http://host:port", "begins with http:// or https://"),
    (load_settings, "RECON_ISSUES_URL", "issues.db", "begins with postgresql+psycopg://"),
    (load_settings, "RECON_LANDING_URL", "s3://bucket/landing", "write az://<container>/<folder>"),
    (load_settings, "RECON_HOME", "", "write the path of a folder"),
    (load_settings, "RECON_HOME", "~nobody-of-this-name/recon", "nobody knows the home folder"),
    (load_settings, "RECON_QUARANTINE_LIMIT", "NaN", "finite"),
    (load_settings, "RECON_RAW_KEEP_HOURS", "99999999999999", "less than or equal to"),
    (load_settings, "RECON_CLOSE_DAY", "", "valid integer"),
    (load_app_settings, "RECON_APP_PROXIES", "10.0.0.5", 'write JSON, for example ["10.0.0.5/32"]'),
    (load_app_settings, "RECON_APP_PROXIES", '["proxy"]', "(0): value is not a valid IPv4 or IPv6 network"),
    (load_app_settings, "RECON_APP_HOSTS", '["https://recon.example.com"]', "without http:// or a path"),
    (load_app_settings, "RECON_APP_MEMORY_LIMIT", "much", "for example 512MB or 4GB"),
    (load_app_settings, "SHOW_RECONCILIATION_REPORTING", "perhaps", "write true or false"),
    (load_notice_settings, "RECON_MAIL_TO", "finance@example.com", 'write JSON, for example ["finance@example.com"]'),
    (load_notice_settings, "RECON_MAIL_TO", '["finance"]', "write an e-mail address"),
    (load_notice_settings, "RECON_SMTP_HOST", "smtp://mail", "write the name of a host"),
    (load_notice_settings, "RECON_NOTICES", '["everything"]', "Input should be 'run_failure'"),
    (load_notice_settings, "RECON_WEBHOOK_URL", "http://[", "write an https:// address"),
    (load_bss_settings, "RECON_BSS_FIRST_WAIT_SECONDS", "inf", "finite"),
]


@pytest.mark.parametrize(("load", "name", "value", "allowed"), WRONG)
def test_a_wrong_value_is_refused_by_name_with_what_is_allowed(
    load: Callable[[], Any], name: str, value: str, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError) as raised:
        load()
    assert any(name in part and allowed in part for part in str(raised.value).split("; ")), str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("arguments", [["status"], ["run", "--months", "2025-01"], ["query", "select 1"]])
def test_a_list_that_is_no_json_is_said_in_a_sentence(arguments: list[str], tmp_path: Path) -> None:
    environment = {"RECON_HOME": str(tmp_path), "RECON_CANCELED_STAGES": "canceled"}
    result = CliRunner().invoke(main, arguments, env=environment)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith("Error: A setting is wrong. RECON_CANCELED_STAGES: write JSON")


def test_an_env_file_that_is_no_text_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("RECON_HOME=é".encode("utf-16"))
    result = CliRunner().invoke(main, ["status"])
    assert (result.exit_code, result.stderr) == (
        2, "Error: A setting is wrong. The file .env is not text in UTF-8; write it anew.\n",
    )  # fmt: skip


def test_the_defaults_are_allowed_and_a_tilde_is_the_users_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    monkeypatch.setenv("RECON_LANDING_URL", "~/landing")
    settings = load_settings()
    assert settings.landing == Path("/home/ana/landing")
    for field in Settings.model_fields.values():
        if isinstance(field.default, str):
            assert field.default


def test_every_list_and_object_has_an_example_of_its_json() -> None:
    for settings in EnvironmentSettings.__subclasses__():
        for name, field in settings.model_fields.items():
            if any(kind in str(field.annotation) for kind in ("list[", "dict[")):
                assert field.examples, settings.variable(name)


def test_a_landing_folder_that_is_set_and_not_there_is_an_error(tmp_path: Path) -> None:
    environment = {"RECON_HOME": str(tmp_path / "home"), "RECON_LANDING_URL": str(tmp_path / "gone")}
    for arguments in (["status"], ["run", "--months", "2025-01"], ["run", "--months", "2025-01", "--subject", "usage"]):
        result = CliRunner().invoke(main, arguments, env=environment)
        assert result.exit_code == 2, result.output
        assert f"{tmp_path / 'gone'} does not exist. Create it" in result.stderr
        assert "RECON_LANDING_URL" in result.stderr


def test_a_home_that_cannot_be_written_to_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    platform = Platform.from_settings(Settings(home=tmp_path / "file", _env_file=None))  # type: ignore[call-arg]
    with pytest.raises(InputError, match=rf"^RECON_HOME: {tmp_path}/file/raw cannot be written to \(Not a directory\)"):
        prepare_home(platform.settings)
    monkeypatch.setattr("os.access", lambda folder, right: False)
    platform = Platform.from_settings(Settings(home=tmp_path / "home", _env_file=None))  # type: ignore[call-arg]
    with pytest.raises(InputError, match="no right to write"):
        prepare_home(platform.settings)
