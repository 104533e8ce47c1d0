"""No secret is left anywhere: a distinct one is planted for each service, everything is done right and then wrong."""

import base64
import datetime as dt
import gzip
import json
import logging
import sqlite3
import threading
import traceback
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from click.testing import CliRunner

from recon_assets.azure.account import open_account
from recon_assets.cli import main
from recon_assets.connectors.bss import open_bss
from recon_assets.connectors.partner_center import open_partner_center
from recon_assets.definitions import defs
from recon_assets.defs.downloads import BSS_DOWNLOAD, USAGE_DOWNLOAD
from recon_assets.defs.issues import REPORTED_ISSUES
from recon_assets.defs.notices import outbox
from recon_assets.defs.resources import platform_resource
from recon_assets.home import open_instance
from recon_assets.issues.store import Discrepancy, open_issues
from recon_assets.landing.writer import ContainerWriter
from recon_assets.notices.channels import sender
from recon_assets.notices.outbox import Message
from recon_assets.notices.settings import load_notice_settings
from recon_assets.platform import Platform
from recon_assets.settings import Settings, load_settings
from recon_assets_tests.azure.azurite import ACCOUNT_KEY, Azurite, azure_environment
from recon_assets_tests.connectors import bss_service, service
from recon_assets_tests.landed import json_invoice, json_item, land_nce
from recon_assets_tests.machine import free_port
from recon_assets_tests.reliability.homes import nce_lines
from recon_assets_tests.reliability.leaks import contents_below, leaks

pytestmark = [pytest.mark.azure, pytest.mark.slow]

MONTH, USAGE_MONTH, INVOICE = "2025-01", "2025-03", "G000000001"
HOOK, MAIL, POSTGRES = "CANARY+hook/token=", "CANARY mail & password", "CANARY:postgres@password"
WRONG_KEY = base64.b64encode(b"CANARY-another-account-key-of-the-tests-9876").decode()
WRONG = {
    "RECON_BSS_CLIENT_SECRET": "CANARY-another-bss-secret",
    "RECON_GRAPH_CLIENT_SECRET": "CANARY-another-graph-secret",
    "RECON_SMTP_PASSWORD": "CANARY-another-mail-password",
}
CANARIES = {
    "account key": ACCOUNT_KEY,
    "account key, decoded": base64.b64decode(ACCOUNT_KEY).decode(),
    "BSS password": bss_service.PASSWORD,
    "BSS secret": bss_service.CLIENT_SECRET,
    "BSS token": "CANARY-bss-token",
    "Graph secret": service.CLIENT_SECRET,
    "Graph token": service.TOKEN,
    "SAS signature": service.SIGNATURE,
    "webhook": HOOK,
    "mail password": MAIL,
    "PostgreSQL password": POSTGRES,
    "another account key": WRONG_KEY,
    **WRONG,
}


def test_the_search_finds_a_secret_however_it_is_written(tmp_path: Path) -> None:
    secret = "CANARY+a secret/é"
    spelled = [f"x {secret}", quote(secret, safe=""), json.dumps({"a": secret})]
    spelled += [base64.b64encode(f"{'u' * n}:{secret}:more".encode()).decode() for n in range(3)]
    (tmp_path / "a.gz").write_bytes(gzip.compress(secret.encode()))
    pq.write_table(pa.table({"text": [secret]}), tmp_path / "a.parquet", compression="zstd")
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("create table t(a, b)")
        connection.execute("insert into t values (?, ?)", ["x" * 4000 + secret, b"x"])
        connection.execute("insert into t values (?, ?)", ["x", zlib.compress(secret.encode())])
    connection.close()
    found = leaks({"s": secret}, [*((text, text.encode()) for text in spelled), *contents_below(tmp_path)])
    places = [f"s in {tmp_path / place}" for place in ("a.db (t)", "a.db (t)", "a.gz (unpacked)", "a.parquet (rows)")]
    assert set(found) >= {*(f"s in {text}" for text in spelled), *places}
    assert found.count(places[0]) == 2
    assert leaks({"s": secret}, [("elsewhere", b"CANARY+a secret")]) == []


@dataclass
class World:
    """The services, and what is remembered of texts that nobody wrote into a file."""

    bss: bss_service.BssService
    microsoft: service.Service
    hook_status: int = 200
    hook_posts: int = 0
    mails: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def cli(self, *arguments: str) -> int:
        done = CliRunner().invoke(main, list(arguments))
        self.said.append(done.output)
        if done.exc_info and done.exception and not isinstance(done.exception, SystemExit):
            self.said += traceback.format_exception(done.exception)
        return done.exit_code

    def fails(self, act: Callable[[], object], match: str) -> None:
        """What a caller gets to see of an error, with every cause."""
        with pytest.raises(Exception, match=match) as caught:
            act()
        self.said += [*traceback.format_exception(caught.value), repr(caught.value), repr(vars(caught.value))]


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Services that know the planted secrets; where they are and their secrets are in the environment."""
    with ExitStack() as stack:
        made = World(bss_service.BssService(), service.Service())
        stack.callback(made.bss.stop)
        bundle = made.microsoft.start(tmp_path_factory.mktemp("certificates"))
        stack.callback(made.microsoft.stop)
        hook = _webhook(made)
        stack.callback(hook.server_close)
        stack.callback(hook.shutdown)
        mail = _mail_server(made)
        mail.start()
        stack.callback(mail.stop)
        made.bss.put(json_invoice(json_item(), json_item(subscriptions=[{"id": 1, "externalId": "sub-2"}])))
        made.microsoft.invoices[INVOICE] = service.Invoice({"a.json.gz": service.usage_file(5)})
        made.microsoft.listed = {
            **made.microsoft.listed,
            "totalCount": 1,
            "items": [{"id": INVOICE, "invoiceDate": "2025-04-07T00:00:00Z", "invoiceType": "OneTime",
                       "billingPeriodStartDate": "2025-03-01T00:00:00Z", "currencyCode": "USD"}],
        }  # fmt: skip
        environment = {
            "REQUESTS_CA_BUNDLE": str(bundle), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
            "RECON_BSS_URL": made.bss.url, "RECON_BSS_USERNAME": bss_service.USER,
            "RECON_BSS_PASSWORD": bss_service.PASSWORD, "RECON_BSS_CLIENT_ID": bss_service.CLIENT_ID,
            "RECON_BSS_CLIENT_SECRET": bss_service.CLIENT_SECRET,
            "RECON_GRAPH_TENANT_ID": service.TENANT, "RECON_GRAPH_CLIENT_ID": "an-app",
            "RECON_GRAPH_CLIENT_SECRET": service.CLIENT_SECRET, "RECON_GRAPH_BASE_URL": made.microsoft.url,
            "RECON_GRAPH_AUTHORITY": made.microsoft.authority, "RECON_GRAPH_PARTNER_CENTER_URL": made.microsoft.url,
            "RECON_GRAPH_POLL_SHORTEST_SECONDS": "0",
            "RECON_WEBHOOK_URL": f"http://127.0.0.1:{hook.server_port}/{quote(HOOK, safe='')}?code={quote(HOOK, safe='')}",
            "RECON_MAIL_TO": '["finance@example.com"]', "RECON_MAIL_FROM": "recon@example.com",
            "RECON_SMTP_HOST": "127.0.0.1", "RECON_SMTP_PORT": str(mail.port), "RECON_SMTP_SECURITY": "none",
            "RECON_SMTP_USER": "recon", "RECON_SMTP_PASSWORD": MAIL, "RECON_NOTICE_DIFFERENCE": "1",
            "DAGSTER_POSTGRES_PASSWORD": POSTGRES,
            **{f"RECON_{who}_{wait}_WAIT_SECONDS": "0" for who in ("BSS", "GRAPH") for wait in ("FIRST", "LONGEST")},
        }  # fmt: skip
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield made


def _webhook(world: World) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            world.hook_posts += world.hook_status == 200
            self.send_response(world.hook_status)
            self.end_headers()
            self.wfile.write(f"no message for {self.path}".encode())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


def _mail_server(world: World) -> Controller:
    class Box:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            world.mails.append(envelope.content.decode())
            return "250 OK"

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        knows = isinstance(data, LoginPassword) and data.password == MAIL.encode()
        return AuthResult(success=knows, handled=False)

    return Controller(Box(), hostname="127.0.0.1", port=free_port(), authenticator=check, auth_require_tls=False)


@pytest.fixture
def home(azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home whose landing zone, with Microsoft's file of the month, and published tables are in a container."""
    container = azurite.new_container()
    for name, value in {
        "RECON_HOME": str(tmp_path / "home"),
        "DAGSTER_HOME": str(tmp_path / "home" / "dagster"),
        "RECON_LANDING_URL": f"az://{container}/landing",
        "RECON_PUBLISHED_URL": f"az://{container}/published",
        **azure_environment(azurite.url),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    path = land_nce(tmp_path / "files", MONTH, nce_lines(MONTH))
    ContainerWriter(open_account().container(container), "landing/").put(path, tmp_path / "files" / path)
    return load_settings()


class Runs:
    """Dagster runs of single assets, recorded on the home's instance."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        self.definitions = defs()
        self._settings, self._instance = settings, instance

    def materialize(self, key: dg.AssetKey, month: str | None = None) -> str:
        """What became of it: '' or why it failed."""
        done = self.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=self._instance, asset_selection=[key], partition_key=month, raise_on_error=False
        )
        failures = [event.step_failure_data for event in done.all_events if event.is_step_failure]
        assert done.success == (not failures)
        return " ".join(str(failure) for failure in failures)

    def tick_of_notices(self) -> None:
        """The sensor tells what ended within the last hour."""
        cursor = (dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)).isoformat()
        resources = {"platform": platform_resource(self._settings)}
        with dg.build_sensor_context(instance=self._instance, cursor=cursor, resources=resources) as context:
            self.definitions.resolve_sensor_def("notices").evaluate_tick(context)


def do_everything_right(world: World, settings: Settings) -> None:
    about = Discrepancy("subscriptions", "subscription_reconciliation", "k", MONTH, "sub-2", "match", Decimal(5), "MYR")
    open_issues(settings).report(about, "Too much", "Look", "ana", "ben")
    with open_instance(settings) as instance:
        runs = Runs(settings, instance)
        assert runs.materialize(BSS_DOWNLOAD) == ""
        assert runs.materialize(USAGE_DOWNLOAD, USAGE_MONTH) == ""
    assert world.cli("run", "--months", MONTH, "--subject", "subscriptions") == 0
    with open_instance(settings) as instance:
        Runs(settings, instance).tick_of_notices()
    assert Platform.from_settings().published.current().keys() == {(MONTH, "subscriptions")}
    assert world.hook_posts and world.mails


def do_everything_wrong(world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every service refuses, and its answer repeats what it was sent."""
    with open_instance(settings) as instance:
        runs = Runs(settings, instance)
        postgres = f"postgresql+psycopg://recon:{quote(POSTGRES, safe='')}@127.0.0.1:{free_port()}/issues"
        with monkeypatch.context() as only_here:
            only_here.setenv("RECON_ISSUES_URL", postgres)
            assert "the issue" in runs.materialize(REPORTED_ISSUES).lower()
            world.fails(lambda: open_issues(load_settings()), "(?i)issue")
        world.bss.faults.append(service.Fault(status=400))
        assert "400" in runs.materialize(BSS_DOWNLOAD)
        world.microsoft.plant("export", service.Fault(401))
        assert "401" in runs.materialize(USAGE_DOWNLOAD, USAGE_MONTH)

        for name, value in WRONG.items():
            monkeypatch.setenv(name, value)
        world.fails(lambda: _fetch_invoices(settings), "RECON_BSS_CLIENT_SECRET")
        world.fails(lambda: _fetch_usage(settings), "AADSTS7000215")
        world.hook_status = 500
        assert "RECON_BSS_CLIENT_SECRET" in runs.materialize(BSS_DOWNLOAD)
        assert "AADSTS7000215" in runs.materialize(USAGE_DOWNLOAD, USAGE_MONTH)
        runs.tick_of_notices()
        monkeypatch.setenv("RECON_AZURE_ACCOUNT_KEY", WRONG_KEY)
        assert "403" in runs.materialize(dg.AssetKey(["raw", "ms_recon_nce"]), MONTH)
        assert "RECON_AZURE_ACCOUNT_KEY" in runs.materialize(REPORTED_ISSUES)
        world.fails(runs.tick_of_notices, "RECON_AZURE_ACCOUNT_KEY")
    errors = {lost.channel: lost.error for lost in outbox(settings).undelivered()}
    assert errors == {
        "webhook": "the webhook answered 500",
        "mail": "the mail server cannot be used (SMTPAuthenticationError)",
    }


def _fetch_invoices(settings: Settings) -> None:
    with open_bss(settings) as bss:
        bss.fetch()


def _fetch_usage(settings: Settings) -> None:
    with open_partner_center(settings) as partner_center:
        partner_center.fetch_month(partner_center.usage, USAGE_MONTH, [INVOICE])


def say_what_is_wrong(world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The console script, and errors as a caller gets them."""
    assert world.cli("run", "--months", MONTH) != 0
    assert world.cli("fetch", "bss") != 0
    assert world.cli("fetch", "usage", "--month", USAGE_MONTH) != 0
    assert world.cli("doctor") != 0
    assert "RECON_AZURE_ACCOUNT_KEY" in world.said[-1]
    here = Platform.from_settings()
    world.fails(lambda: list(here.landing.list_files("")), "403")
    world.fails(here.published.publications, "RECON_AZURE_ACCOUNT_KEY")
    wanted = load_notice_settings()
    for send in [sender(channel, wanted) for channel in wanted.channels]:
        world.fails(partial(send, Message("a", ["b"], "c")), "webhook|mail")
    (settings.dagster_home / "dagster.yaml").write_text(
        (Path(__file__).parents[2] / "deploy" / "dagster.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    for name, value in {"HOST": "127.0.0.1", "PORT": str(free_port()), "DB": "dagster", "USER": "dagster"}.items():
        monkeypatch.setenv(f"DAGSTER_POSTGRES_{name}", value)
    assert world.cli("doctor") != 0
    assert "PostgreSQL cannot be used" in world.said[-1]


def test_no_planted_secret_is_in_any_file_log_event_text_or_error(
    world: World,
    home: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)  # the code location sets one
    monkeypatch.setattr(logging.getLogger("mail.log"), "disabled", True)  # of the mail server, which is a test's
    do_everything_right(world, home)
    container = open_account().container(str(home.published_url).split("/")[2])
    for number, blob in enumerate(container.list_blobs("")):
        path = tmp_path / "container" / str(number) / Path(blob.name).name
        path.parent.mkdir(parents=True)
        container.download(blob.name, path)
    do_everything_wrong(world, home, monkeypatch)
    say_what_is_wrong(world, home, monkeypatch)

    captured = capfd.readouterr()
    texts = {
        "log": caplog.text,
        "console": captured.out + captured.err,
        "texts": "\n".join([*world.said, *world.mails]),
    }
    assert len(texts["log"]) > 10_000 and sum(1 for _ in contents_below(home.dagster_home)) > 50
    places = [*((place, text.encode()) for place, text in texts.items()), *contents_below(tmp_path)]
    assert leaks(CANARIES, places) == []
    assert leaks({"the sample": "sub-2"}, places)  # it does look where something is
