"""The notices sensor: what ended runs have to say reaches a webhook, each thing once."""

import datetime as dt
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import dagster as dg
import pytest

from recon_assets.definitions import build_definitions
from recon_assets.defs import notices
from recon_assets.defs.notices import notice_sensor, notice_sensors, outbox
from recon_assets.defs.resources import PlatformResource
from recon_assets.errors import ReconError
from recon_assets.lakehouse.raw import FailedLoad
from recon_assets.notices.discrepancies import large_discrepancies
from recon_assets_tests.defs.conftest import INCOMPLETE, Workshop
from recon_assets_tests.reliability.homes import MONTHS, SUBJECT

FINAL = "2025-02"
GRAIN = "subscription_reconciliation_grain_is_unique"
PATH = "/hook/canary-of-hook"


@dataclass
class Hook:
    """A webhook that keeps what is posted; it answers `status`."""

    port: int
    posts: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if made.status == 200:
                made.posts.append(content)
            self.send_response(made.status)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    made = Hook(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


@dataclass
class Daemon:
    """The sensor as the daemon runs it: with its cursor."""

    workshop: Workshop
    hook: Hook
    cursor: str | None = None

    def tick(self) -> list[list[str]]:
        """Lines of each message that this tick posted."""
        before = len(self.hook.posts)
        context = dg.build_sensor_context(
            instance=self.workshop.instance, cursor=self.cursor, resources={"platform": PlatformResource()}
        )
        result = notice_sensor().evaluate_tick(context)
        self.cursor = result.cursor
        return [post["text"].splitlines()[1:] for post in self.hook.posts[before:]]


@pytest.fixture
def daemon(workshop: Workshop, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    """A home in which the sensor has looked before anything ran."""
    monkeypatch.setenv("RECON_WEBHOOK_URL", f"http://127.0.0.1:{hook.port}{PATH}")
    made = Daemon(workshop, hook)
    assert made.tick() == []
    # The workshop's clock stands still long before the runs: the first look is put right before them.
    made.cursor = (dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)).isoformat()
    return made


def test_a_month_that_became_final_is_told_once(daemon: Daemon) -> None:
    daemon.workshop.run(MONTHS[0], MONTHS[-1])
    assert daemon.tick() == [[f"{month} subscriptions became final" for month in ("2025-01", "2025-02")]]
    daemon.workshop.run(FINAL)
    assert daemon.tick() == []
    (post,) = daemon.hook.posts
    assert post["title"] == "subscriptions 2025-01..2025-04 has news"
    assert post["run"].startswith("http://127.0.0.1:3000/runs/")


def test_a_failed_check_is_told_once_and_again_only_after_it_had_passed(daemon: Daemon) -> None:
    daemon.workshop.failing.append((GRAIN, "2025-03", True))
    daemon.workshop.run("2025-03")
    (lines,) = daemon.tick()
    failure, check = lines
    assert failure.startswith("Not published, what was published before stays. 2025-03: test subscription_reconcil")
    assert check == f"2025-03 marts/subscription_reconciliation: check {GRAIN} failed"
    daemon.workshop.run("2025-03")
    assert daemon.tick() == []
    mended = daemon.workshop.failing.pop()
    daemon.workshop.run("2025-03")
    assert daemon.tick() == []
    daemon.workshop.failing.append(mended)
    daemon.workshop.run("2025-03")
    assert daemon.tick() == [lines]


def test_a_run_whose_process_was_killed_is_told_once(daemon: Daemon) -> None:
    """As run monitoring marks it: no step says why."""
    instance, job = daemon.workshop.instance, daemon.workshop.definitions.resolve_job_def(SUBJECT)
    for _ in range(2):
        run = instance.create_run_for_job(job, tags={"dagster/partition": FINAL}, status=dg.DagsterRunStatus.STARTED)
        instance.report_run_failed(run)
    assert daemon.tick() == [["its process ended"]]
    assert daemon.tick() == []


def test_a_failed_run_is_told_while_the_published_tables_cannot_be_read(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ReconError("storage is away")

    daemon.workshop.run(FINAL)
    instance, job = daemon.workshop.instance, daemon.workshop.definitions.resolve_job_def(SUBJECT)
    killed = instance.create_run_for_job(job, tags={"dagster/partition": FINAL}, status=dg.DagsterRunStatus.STARTED)
    instance.report_run_failed(killed)
    monkeypatch.setenv("RECON_NOTICE_DIFFERENCE", "1")
    with monkeypatch.context() as away:
        away.setattr(notices, "large_discrepancies", refuse)
        with pytest.raises(ReconError, match="away"):
            daemon.tick()
    assert [post["text"].splitlines()[1:] for post in daemon.hook.posts] == [["its process ended"]]
    assert "2025-02 subscriptions became final" in daemon.tick()[0]
    assert daemon.tick() == []


def test_a_month_that_only_waits_for_files_is_no_news(daemon: Daemon) -> None:
    assert not daemon.workshop.run(INCOMPLETE).success
    assert daemon.tick() == []
    daemon.workshop.platform.raw.record_failure(FailedLoad("ms_recon_nce", "2025-06", "now", [], ["header is wrong"]))
    assert not daemon.workshop.run(INCOMPLETE).success
    ((line,),) = daemon.tick()
    assert "ms_recon_nce 2025-06 failed its audit: header is wrong" in line


def test_what_the_webhook_refused_is_posted_later_once(daemon: Daemon) -> None:
    daemon.hook.status = 503
    daemon.workshop.run(FINAL)
    assert daemon.tick() == []
    daemon.hook.status = 200
    assert daemon.tick() == [["2025-02 subscriptions became final"]]
    assert daemon.tick() == []


def test_a_lost_cursor_tells_nothing_again(daemon: Daemon) -> None:
    daemon.workshop.run(FINAL)
    earlier = daemon.cursor
    assert len(daemon.tick()) == 1
    daemon.cursor = earlier
    assert daemon.tick() == []


def test_large_discrepancies_are_told_once_per_row_above_the_threshold(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECON_NOTICE_DIFFERENCE", "8")
    monkeypatch.setenv("RECON_NOTICES", '["discrepancy"]')
    daemon.workshop.run("2025-01")
    assert daemon.tick() == [
        ["2025-01 subscriptions: sub-3 differs by 10.00 MYR", "2025-01 subscriptions: sub-4 differs by 10.00 MYR"]
    ]
    monkeypatch.setenv("RECON_NOTICE_DIFFERENCE", "5")
    daemon.workshop.run("2025-01")
    assert daemon.tick() == [["2025-01 subscriptions: sub-2 differs by 5.00 MYR"]]


def test_without_an_address_there_is_no_sensor(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert notice_sensors() == []
    monkeypatch.setenv("RECON_WEBHOOK_URL", "http://not.this.computer/hook")  # wrong: the sensor is there to say so
    assert "notices" in {sensor.name for sensor in build_definitions(workshop.platform).sensors or []}


def test_the_address_is_in_no_event_and_no_file_of_the_home(daemon: Daemon) -> None:
    daemon.hook.status = 500
    daemon.workshop.run(FINAL)
    daemon.tick()
    (waiting,) = outbox(daemon.workshop.platform.settings).undelivered()
    assert waiting.error == "the webhook answered 500"
    for path in daemon.workshop.platform.settings.home.rglob("*"):
        assert not path.is_file() or b"canary-of-hook" not in path.read_bytes(), path


@pytest.mark.parametrize("subject", ["usage", "einvoices"])
def test_the_other_reconciliations_are_asked_for_columns_that_they_have(workshop: Workshop, subject: str) -> None:
    assert large_discrepancies(workshop.platform.published, subject, FINAL, Decimal(1)) == []


def test_a_row_of_one_side_alone_counts_with_its_whole_amount(workshop: Workshop) -> None:
    workshop.run("2025-01")
    facts = large_discrepancies(workshop.platform.published, SUBJECT, "2025-01", Decimal("0.01"))
    assert [fact.text.split(": ")[1] for fact in facts] == [
        "sub-3 differs by 10.00 MYR",
        "sub-4 differs by 10.00 MYR",
        "sub-2 differs by 5.00 MYR",
    ]
