"""The deployment's files fit each other, the code and the settings; every check has its section in the runbook."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config
from dagster._core.workspace.config_schema import process_workspace_config

from recon_assets.app.identity import HEALTH
from recon_assets.app.settings import AppSettings, load_app_settings
from recon_assets.cli import main
from recon_assets.defs.launcher import WatchedRunLauncher
from recon_assets.defs.raw import AUDITS
from recon_assets.doctor import OTHER_VARIABLES, known_variables
from recon_assets.notices.settings import NoticeSettings
from recon_assets.pipeline.project import manifest_folder
from recon_assets.settings import Settings
from recon_assets_tests.deploy.services import DEPLOY, REPOSITORY, compose, filled_in

COMMANDS = {"recon", "dagster", "dagster-webserver", "dagster-daemon"}
SERVICES = ("code", "webserver", "daemon", "app")


def texts_of(value: Any) -> Iterator[str]:
    """Every text inside a parsed YAML value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from (str(key), *texts_of(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)
    else:
        yield str(value)


def variables_taken(file: Path) -> set[str]:
    """Environment variables that a Dagster YAML names with `env:`."""

    def walk(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if set(value) == {"env"}:
                yield value["env"]
            for inner in value.values():
                yield from walk(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from walk(inner)

    return set(walk(yaml.safe_load(file.read_text(encoding="utf-8"))))


def test_compose_has_every_service_with_a_command_that_exists_and_a_health_check() -> None:
    services = compose()["services"]
    assert set(services) == {"postgres", *SERVICES}
    for name in SERVICES:
        assert COMMANDS & set(" ".join(services[name]["command"]).split())
        assert services[name]["restart"] == "unless-stopped"
    for service in services.values():
        assert service["healthcheck"]["test"][0] == "CMD"
    for name in SERVICES:
        for needed in services[name]["depends_on"]:
            assert services[needed]["healthcheck"]


def test_compose_is_what_docker_compose_understands() -> None:
    """By the client where it is there; the parsed file above is what is left elsewhere."""
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        assert isinstance(compose()["volumes"], dict)
        return
    command = [docker, "compose", "-f", str(DEPLOY / "compose.yaml"), "config", "--quiet"]
    subprocess.run(command, check=True, env={"POSTGRES_PASSWORD": "x", "PATH": "/usr/bin:/bin"}, timeout=60)


def test_containers_get_every_variable_that_the_dagster_files_take() -> None:
    given = set(compose()["services"]["code"]["environment"])
    taken = variables_taken(DEPLOY / "dagster.yaml") | variables_taken(DEPLOY / "workspace.yaml")
    assert taken <= given
    assert {"RECON_HOME", "DAGSTER_HOME"} <= given


def test_what_compose_mounts_is_there() -> None:
    for service in compose()["services"].values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert source in compose()["volumes"] or (DEPLOY / source).exists(), volume


def test_nothing_listens_beyond_the_machine_and_no_password_is_written_down() -> None:
    for service in compose()["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name:
                assert value.startswith("${POSTGRES_PASSWORD:?")
    for file in DEPLOY.rglob("*"):
        if file.is_file():
            assert not re.search(r"(?i)password[:=]\s*['\"]?\w{4,}\s*$", file.read_text(encoding="utf-8"), re.M), file


def test_dagster_accepts_the_instance_and_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    shutil.copy(DEPLOY / "dagster.yaml", tmp_path)
    config, _ = dagster_instance_config(str(tmp_path))
    launcher = config["run_launcher"]
    assert (launcher["module"], launcher["class"]) == (WatchedRunLauncher.__module__, WatchedRunLauncher.__name__)
    for name in variables_taken(DEPLOY / "workspace.yaml"):
        monkeypatch.setenv(name, "4000")
    parsed = process_workspace_config(yaml.safe_load((DEPLOY / "workspace.yaml").read_text(encoding="utf-8")))
    assert parsed.success, parsed.errors


def test_a_laptop_and_a_deployment_bound_runs_alike() -> None:
    laptop, team = (
        yaml.safe_load((folder / "dagster.yaml").read_text(encoding="utf-8")) for folder in (REPOSITORY, DEPLOY)
    )
    for part in ("concurrency", "scheduler", "run_queue", "run_monitoring", "retention", "telemetry", "nux"):
        assert laptop[part] == team[part], part
    values = yaml.safe_load((DEPLOY / "helm-values.yaml").read_text(encoding="utf-8"))
    daemon = values["dagsterDaemon"]
    queue = daemon["runCoordinator"]["config"]["queuedRunCoordinator"]
    assert queue["maxConcurrentRuns"] == team["concurrency"]["runs"]["max_concurrent_runs"]
    assert queue["maxUserCodeFailureRetries"] == team["run_queue"]["max_user_code_failure_retries"]
    ticks = values["scheduler"]["config"]["daemonScheduler"]
    assert ticks["maxTickRetries"] == team["scheduler"]["config"]["max_tick_retries"]
    assert daemon["runRetries"]["maxRetries"] == team["run_retries"]["max_retries"]
    launcher = values["runLauncher"]["config"]["customRunLauncher"]
    assert {key: launcher[key] for key in ("module", "class")} == team["run_launcher"]


def test_the_app_is_told_who_asks_wherever_other_machines_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bug this fixes: the app does not start on 0.0.0.0 without these, and compose.yaml did not set them."""
    parts = {part["kind"]: part for part in yaml.safe_load_all((DEPLOY / "kubernetes-app.yaml").read_text())}
    (container,) = parts["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["command"] == compose()["services"]["app"]["command"]
    assert container["readinessProbe"]["httpGet"]["path"] == HEALTH
    on_kubernetes = {variable["name"]: variable["value"] for variable in container["env"]}
    in_compose = {
        name: filled_in(value)
        for name, value in compose()["services"]["app"]["environment"].items()
        if name.startswith("RECON_APP_")
    }
    for given in (on_kubernetes, in_compose):
        assert set(given) <= known_variables()
        with monkeypatch.context() as patched:
            for name, value in given.items():
                patched.setenv(name, value)
            settings = load_app_settings()
        assert settings.identity_header
        assert settings.proxies


def test_the_proxy_of_compose_is_the_gateway_of_its_network() -> None:
    (network,) = compose()["networks"]["default"]["ipam"]["config"]
    proxies = json.loads(filled_in(compose()["services"]["app"]["environment"]["RECON_APP_PROXIES"]))
    assert proxies == [f"{network['gateway']}/32"]


def test_units_run_the_commands_of_compose() -> None:
    for name in SERVICES:
        unit = (DEPLOY / "systemd" / f"recon-{name}.service").read_text(encoding="utf-8")
        (started,) = re.findall(r"^ExecStart=/opt/recon/.venv/bin/(.*)$", unit, re.M)
        inside = " ".join(compose()["services"][name]["command"]).rpartition("exec ")[2]
        here = inside.replace("0.0.0.0", "127.0.0.1").replace("/data/dagster/", "/etc/recon/")
        assert started == here
        assert "Restart=always" in unit


def test_units_are_valid() -> None:
    """By systemd itself where it is there; each line is a section or a setting everywhere."""
    units = sorted((DEPLOY / "systemd").glob("*.service"))
    assert len(units) == len(SERVICES)
    for unit in units:
        lines = unit.read_text(encoding="utf-8").splitlines()
        assert all(re.fullmatch(r"|#.*|\[(Unit|Service|Install)\]|[A-Z]\w+=.+", line) for line in lines)
    if shutil.which("systemd-analyze") is None:
        return
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    wrong = [line for line in done.stderr.splitlines() if "is not executable" not in line and "recon-" in line]
    assert wrong == []


def test_the_image_holds_what_the_package_reads() -> None:
    docker = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    copied = {name for line in re.findall(r"^COPY (.*)$", docker, re.M) for name in line.split()[:-1]}
    assert {"requirements.lock", "pyproject.toml", "README.md", "dagster.yaml", "recon_assets", "dbt_project"} == copied
    kept = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert kept == copied
    assert all((REPOSITORY / name).exists() for name in copied)
    assert "--require-hashes" in docker


def test_every_check_has_one_section_in_the_runbook() -> None:
    manifest = json.loads((manifest_folder() / "manifest.json").read_text(encoding="utf-8"))
    tests = {node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "test"}
    headings = re.findall(r"^### (.*)$", (REPOSITORY / "docs" / "runbook.md").read_text(encoding="utf-8"), re.M)
    sections = [re.findall(r"`([^`]+)`", heading) for heading in headings]
    assert len(tests) > 30
    for check in {*tests, *AUDITS}:
        found = [patterns for patterns in sections if any(fnmatchcase(check, pattern) for pattern in patterns)]
        assert len(found) == 1, f"{check}: {found}"
    for pattern in (pattern for patterns in sections for pattern in patterns):
        assert any(fnmatchcase(check, pattern) for check in {*tests, *AUDITS}), f"{pattern} is about no check"


def test_commands_and_settings_that_the_guides_name_exist() -> None:
    guides = "".join(
        (REPOSITORY / "docs" / name).read_text(encoding="utf-8") for name in ("operations.md", "runbook.md")
    )
    assert isinstance(main, click.Group)
    assert set(re.findall(r"`recon ([a-z]+)", guides)) <= set(main.commands)
    named = {name for name in re.findall(r"RECON_[A-Z_]*[A-Z]\b(?!_?\*)", guides) if name != "RECON_SMTP"}
    assert named <= known_variables()


def test_the_example_of_settings_names_every_setting_with_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = (REPOSITORY / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^#?([A-Z][A-Z_]+)=", example, re.M)) == known_variables() - OTHER_VARIABLES
    monkeypatch.chdir(tmp_path)
    for settings in (Settings, NoticeSettings, AppSettings):
        as_in_example = settings(_env_file=REPOSITORY / ".env.example")
        by_default = settings(_env_file=None)
        differing = {
            name for name in settings.model_fields if getattr(as_in_example, name) != getattr(by_default, name)
        }
        assert differing <= {"home"}  # written as ./recon_home
