"""What the landing sensor and the schedules request, on an instance that keeps the runs."""

import datetime as dt
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from recon_assets.definitions import build_definitions
from recon_assets.defs.automation import RANGE_END, RANGE_START, open_months
from recon_assets.defs.resources import PlatformResource
from recon_assets.home import open_instance
from recon_assets.lakehouse.log import Closing, Publication
from recon_assets.months import contiguous, month_range
from recon_assets.platform import Platform
from recon_assets.settings import load_settings
from recon_assets.sources import freshness, loading
from recon_assets_tests.defs.conftest import metadata_of
from recon_assets_tests.landed import NOW, land, land_bss, land_nce, microsoft_name, platform_in
from recon_assets_tests.reliability.homes import SUBJECT, at_home, bss_lines, nce_lines

LONG_AGO = NOW.timestamp() - 3600
NCE = dg.AssetKey(["raw", "ms_recon_nce"])


@dataclass
class Watch:
    """The landing sensor on a home, tick by tick; files land long before unless a test says otherwise."""

    platform: Platform
    instance: dg.DagsterInstance
    definitions: dg.Definitions
    subject: str = SUBJECT
    cursor: str | None = None
    skipped: list[str] = field(default_factory=list)

    def tick(self) -> list[dg.RunRequest]:
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            repository_def=self.definitions.get_repository_def(),
            resources={"platform": PlatformResource()},
        )
        result = self.definitions.resolve_sensor_def(f"landing_{self.subject}").evaluate_tick(context)
        self.cursor = result.cursor
        self.skipped = [result.skip_message or ""]
        for event in result.asset_events:
            self.instance.report_runless_asset_event(event)
        return list(result.run_requests or [])

    def requested(self) -> list[tuple[str | None, str]]:
        """Month and source of what two ticks request."""
        self.tick()
        return [(r.partition_key, r.asset_selection[0].path[-1]) for r in self.tick() if r.asset_selection]

    def land(self, path: str, content: bytes | str) -> None:
        os.utime(land(self.platform.settings.landing, path, content), (LONG_AGO, LONG_AGO))

    def land_nce(self, month: str, cost: str = "10", at: float = LONG_AGO) -> Path:
        path = self.platform.settings.landing / land_nce(self.platform.settings.landing, month, nce_lines(month, cost))
        os.utime(path, (at, at))
        return path

    def fulfil(self, request: dg.RunRequest, status: dg.DagsterRunStatus | None = None) -> None:
        """Run what was requested; with a status, record a run that ended so instead."""
        if status is None:
            job = self.definitions.resolve_job_def("load_raw")
            job.execute_in_process(
                instance=self.instance,
                raise_on_error=False,
                partition_key=request.partition_key,
                asset_selection=request.asset_selection,
                tags={"dagster/run_key": request.run_key or ""},
            )
        else:
            job = self.definitions.resolve_job_def("load_raw")
            self.instance.create_run_for_job(job, status=status, tags={"dagster/run_key": request.run_key or ""})


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """Of a home in which nothing has landed yet."""
    return build_definitions(platform_in(tmp_path_factory.mktemp("home"), first_month="2024-01"))


@pytest.fixture
def watch(definitions: dg.Definitions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    platform = platform_in(tmp_path / "home", first_month="2024-01")
    monkeypatch.setenv("RECON_FIRST_MONTH", "2024-01")
    with at_home(platform), open_instance(platform.settings) as instance:
        yield Watch(platform, instance, definitions)


def test_a_new_file_waits_one_tick_and_is_then_requested_once(watch: Watch) -> None:
    watch.land_nce("2025-02")
    assert watch.tick() == []
    assert "waiting until they are stable" in watch.skipped[0]
    (request,) = watch.tick()
    assert (request.partition_key, request.asset_selection) == ("2025-02", [NCE])
    assert request.run_key is not None
    assert request.run_key.startswith("ms_recon_nce:2025-02:")
    assert request.run_key.endswith(":1")
    watch.fulfil(request, dg.DagsterRunStatus.STARTED)
    assert watch.tick() == []
    assert "attempt 1 is under way" in watch.skipped[0]


def test_a_file_written_a_moment_ago_waits(watch: Watch) -> None:
    watch.land_nce("2025-02", at=dt.datetime.now(dt.UTC).timestamp())
    assert [watch.tick(), watch.tick()] == [[], []]
    assert "changed a moment ago" in watch.skipped[0]


def test_the_landed_files_of_a_request_are_shown_on_the_landing_asset(watch: Watch) -> None:
    path = watch.land_nce("2025-02")
    watch.tick()
    assert watch.tick()
    files = metadata_of(watch.instance, dg.AssetKey(["landing", "ms_recon_nce"]), "2025-02")["files"]
    assert files == [path.relative_to(watch.platform.settings.landing).as_posix()]


def test_a_loaded_month_is_requested_again_only_when_its_file_is_replaced(watch: Watch) -> None:
    watch.land_nce("2025-02")
    watch.tick()
    (first,) = watch.tick()
    watch.fulfil(first)
    assert watch.platform.raw.months("ms_recon_nce") == ["2025-02"]
    assert [watch.tick(), watch.tick()] == [[], []]
    watch.land_nce("2025-02", cost="13", at=LONG_AGO + 60)
    assert watch.tick() == []
    (second,) = watch.tick()
    assert second.run_key != first.run_key
    assert second.run_key is not None
    assert second.run_key.endswith(":1")


@pytest.mark.parametrize(
    "status", [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.SUCCESS]
)
def test_a_run_that_came_to_nothing_is_tried_three_times_under_new_run_keys(
    status: dg.DagsterRunStatus, watch: Watch
) -> None:
    watch.land_nce("2025-02")
    watch.tick()
    keys = []
    for _ in range(3):
        (request,) = watch.tick()
        keys.append(request.run_key or "")
        watch.fulfil(request, status)
    assert [key.rsplit(":", 1)[1] for key in keys] == ["1", "2", "3"]
    assert len({key.rsplit(":", 2)[0] for key in keys}) == 1
    assert watch.tick() == []
    assert "3 attempts came to nothing" in watch.skipped[0]


def test_files_that_failed_their_audit_are_not_tried_again_until_corrected(watch: Watch) -> None:
    path = land(watch.platform.settings.landing, microsoft_name("2025-02", "NCE"), b"not,its,header\r\n1,2,3\r\n")
    os.utime(path, (LONG_AGO, LONG_AGO))
    watch.tick()
    (request,) = watch.tick()
    watch.fulfil(request)
    assert watch.platform.raw.read_failed("ms_recon_nce", "2025-02") is not None
    assert watch.tick() == []
    assert "failed their audit" in watch.skipped[0]
    watch.land_nce("2025-02", at=LONG_AGO + 60)
    watch.tick()
    assert [r.partition_key for r in watch.tick()] == ["2025-02"]


def test_a_month_without_a_partition_waits_and_the_others_are_requested(watch: Watch) -> None:
    watch.land_nce("2023-11")
    watch.land_nce("2025-02")
    watch.tick()
    assert [r.partition_key for r in watch.tick()] == ["2025-02"]
    assert watch.tick() == []
    assert "ms_recon_nce:2023-11: no such partition yet" in watch.skipped[0]


def test_fifty_files_of_several_months_are_requested_once_per_source_and_month(watch: Watch) -> None:
    landing = watch.platform.settings.landing
    months = month_range("2025-01", "2025-05")
    for month in months:
        watch.land_nce(month)
        for number in range(9):
            path = landing / land_bss(landing, month, bss_lines(month), name=f"{number}.csv")
            os.utime(path, (LONG_AGO, LONG_AGO))
    assert watch.tick() == []
    requests = watch.tick()
    assert len({r.run_key for r in requests}) == len(requests) == 10
    assert sorted((r.partition_key or "", r.asset_selection[0].path[-1]) for r in requests if r.asset_selection) == [
        (month, source) for month in months for source in ("bss_invoices", "ms_recon_nce")
    ]


def test_a_lost_cursor_requests_nothing_that_is_loaded(watch: Watch) -> None:
    watch.land_nce("2025-02")
    watch.tick()
    (request,) = watch.tick()
    watch.fulfil(request)
    watch.cursor = None
    assert [watch.tick(), watch.tick()] == [[], []]


def test_files_that_come_and_go_and_what_happens_to_a_load_are_followed(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug this fixes: run keys were used up for ever, and the sensor said that attempt 1 was under way."""
    raw, first = watch.platform.raw, watch.land_nce("2025-02")

    def rows() -> int | None:
        """Rows of the month once the sensor has asked for it and the run has ended."""
        watch.tick()
        requests = watch.tick()
        assert [(r.partition_key, r.asset_selection) for r in requests] == [("2025-02", [NCE])]
        watch.fulfil(requests[0])
        assert watch.tick() == []
        month = raw.read("ms_recon_nce", "2025-02")
        return month.rows if month else None

    assert rows() == 3
    second = first.with_name(first.stem + "_part2.csv")
    second.write_bytes(first.read_bytes().replace(b"sub-", b"other-"))
    os.utime(second, (LONG_AGO, LONG_AGO))
    assert rows() == 6
    second.unlink()
    assert rows() == 3
    shutil.rmtree(raw.month_folder("ms_recon_nce", "2025-02"))
    assert rows() == 3
    for module in (freshness, loading):
        monkeypatch.setattr(module, "load_version", lambda *of: "newer-reader")
    assert rows() == 3
    monkeypatch.setenv("RECON_FILE_STABLE_SECONDS", "0")
    first.unlink()
    assert rows() is None
    watch.land_nce("2025-02")
    assert rows() == 3


def manifest(blob: str, content: str, start: str = "2025-03-01T00:00:00") -> str:
    """Of a run of an actual cost export in one part."""
    return json.dumps(
        {
            "blobCount": 1, "byteCount": len(content), "blobs": [{"blobName": blob, "byteCount": len(content)}],
            "exportConfig": {"exportName": "daily", "resourceId": "/billing/1", "type": "ActualCost"},
            "runInfo": {"submittedTime": "2025-04-02T00:00:00Z", "startDate": start},
        }
    )  # fmt: skip


def test_a_cost_export_is_requested_for_the_month_of_its_manifest_once_that_is_there(watch: Watch) -> None:
    watch.subject = "usage"
    watch.land("cost_management/daily/run-1/part_0.csv", "a,b\n1,2\n")
    assert watch.requested() == []
    watch.land("cost_management/daily/run-1/manifest.json", manifest("daily/run-1/part_0.csv", "a,b\n1,2\n"))
    assert watch.requested() == [("2025-03", "azure_cost_export")]


def test_a_newer_run_of_an_export_requests_its_month_again(watch: Watch) -> None:
    watch.subject = "usage"
    watch.land("cost_management/daily/run-1/part_0.csv", "a,b\n1,2\n")
    watch.land("cost_management/daily/run-1/manifest.json", manifest("daily/run-1/part_0.csv", "a,b\n1,2\n"))
    watch.tick()
    (first,) = watch.tick()
    watch.land("cost_management/daily/run-2/manifest.json", manifest("daily/run-2/part_0.csv", ""))
    watch.tick()
    (second,) = watch.tick()
    assert (second.partition_key, second.asset_selection) == ("2025-03", first.asset_selection)
    assert second.run_key != first.run_key


def test_downloaded_usage_is_requested_for_the_month_of_its_folder(watch: Watch) -> None:
    watch.subject = "usage"
    folder = "partner_center/billed_usage/2025-02/G1/20250405T010203000000Z-a"
    watch.land(f"{folder}/part-0.json.gz", "{}")
    watch.land(f"{folder}/manifest.json", json.dumps({"blobs": [{"name": "part-0.json.gz"}]}))
    assert watch.requested() == [("2025-02", "azure_invoice_usage")]


def test_documents_are_requested_for_the_month_of_their_folder(watch: Watch) -> None:
    watch.subject = "einvoices"
    watch.land("einvoice/issued/2025-02/a.json", "{}")
    watch.land("einvoice/received/2025-02/b.xml", "<Invoice/>")
    watch.land("einvoice/received/2025-03/c.zip", "")
    watch.land("erp/sales_register/2025-01/list.csv", "")
    watch.land("erp/purchase_register/2025-01/list.csv", "")
    assert sorted(watch.requested()) == [
        ("2025-01", "erp_purchase_register"), ("2025-01", "erp_sales_register"),
        ("2025-02", "einvoices"), ("2025-03", "einvoices"),
    ]  # fmt: skip


@pytest.mark.parametrize("subject", ["usage", "einvoices"])
def test_a_sensor_leaves_files_of_other_subjects_alone(subject: str, watch: Watch) -> None:
    watch.subject = subject
    watch.land_nce("2025-02")
    assert watch.requested() == []
    assert watch.skipped == ["Nothing new has landed."]


def test_an_empty_landing_zone_is_no_error(watch: Watch) -> None:
    assert watch.tick() == []
    assert watch.skipped == ["Nothing new has landed."]


def at(*when: int) -> dt.datetime:
    return dt.datetime(*when, tzinfo=dt.UTC)


def scheduled(definitions: dg.Definitions, name: str, when: dt.datetime) -> Any:
    context = dg.build_schedule_context(
        scheduled_execution_time=when,
        repository_def=definitions.get_repository_def(),
        resources={"platform": PlatformResource()},
    )
    return definitions.resolve_schedule_def(name).evaluate_tick(context)


@pytest.mark.parametrize(
    ("when", "month"),
    [
        (at(2025, 6, 6, 6), "2025-05"),
        (at(2025, 1, 6, 6), "2024-12"),
        (at(2028, 3, 6, 6), "2028-02"),
        (at(2100, 3, 6, 6), "2100-02"),
    ],
)
def test_the_months_close_requests_the_month_before(when: dt.datetime, month: str, watch: Watch) -> None:
    (request,) = scheduled(watch.definitions, "close_month_subscriptions", when).run_requests
    assert (request.partition_key, request.run_key) == (month, f"close:subscriptions:{month}")


def test_the_refresh_requests_open_months_as_contiguous_ranges(watch: Watch) -> None:
    landing = watch.platform.settings.landing
    # Every month of the windows of 2024-06 and 2024-07 is there; 2024-12 is apart from them.
    for month in [*month_range("2024-05", "2024-10"), "2024-12"]:
        land_bss(landing, month, bss_lines(month))
        land_nce(landing, month, nce_lines(month))
        for source in ("bss_invoices", "ms_recon_nce"):
            watch.platform.load(source, month)
    for month in ("2024-06", "2024-07"):
        watch.platform.published.record(Publication(month, "subscriptions", "run-1", NOW, {}))
    requests = scheduled(watch.definitions, "refresh_open_months_subscriptions", at(2025, 2, 3, 6, 30)).run_requests
    assert [(r.tags[RANGE_START], r.tags[RANGE_END]) for r in requests] == [
        ("2024-05", "2024-05"), ("2024-08", "2024-10"), ("2024-12", "2024-12"),
    ]  # fmt: skip
    assert [r.run_key for r in requests] == [
        f"refresh:subscriptions:{first}:2025-02-03" for first in ("2024-05", "2024-08", "2024-12")
    ]


def test_a_final_month_is_refreshed_until_it_is_published_as_it_was_loaded_unless_it_is_closed(watch: Watch) -> None:
    """The bug this fixes: a month whose only run was killed and not run again stayed as it was for ever."""
    for month in month_range("2024-05", "2024-09"):
        land_bss(watch.platform.settings.landing, month, bss_lines(month))
        land_nce(watch.platform.settings.landing, month, nce_lines(month))
        for source in ("bss_invoices", "ms_recon_nce"):
            watch.platform.load(source, month)
    store = watch.platform.published
    assert "2024-06" in open_months(watch.platform, "subscriptions")
    early, late = NOW - dt.timedelta(microseconds=1), NOW
    store.record(Publication("2024-06", "subscriptions", "run-1", early, {}))
    assert "2024-06" in open_months(watch.platform, "subscriptions")
    store.record_closing(Closing("2024-06", "subscriptions", "close", early, "anna", "", "run-1", early))
    assert "2024-06" not in open_months(watch.platform, "subscriptions")
    store.record_closing(Closing("2024-06", "subscriptions", "reopen", late, "anna", "late", "run-1", early))
    assert "2024-06" in open_months(watch.platform, "subscriptions")
    store.record(Publication("2024-06", "subscriptions", "run-2", late, {}))
    assert "2024-06" not in open_months(watch.platform, "subscriptions")


def test_the_refresh_leaves_incomplete_months_alone_and_says_when_there_is_nothing(watch: Watch) -> None:
    land_bss(watch.platform.settings.landing, "2025-02", bss_lines("2025-02"))
    watch.platform.load("bss_invoices", "2025-02")
    result = scheduled(watch.definitions, "refresh_open_months_subscriptions", at(2025, 3, 3, 6, 30))
    assert result.run_requests == []
    assert result.skip_message == "Every month that has landed is final and published."


@dataclass(frozen=True)
class LoadedMonths:
    """Stands in for the raw store where only the months that are loaded matter."""

    by_source: dict[str, list[str]]

    def months(self, source: str) -> list[str]:
        return self.by_source.get(source, [])

    def read(self, source: str, month: str) -> None:
        """No load is newer than the publication."""


@dataclass(frozen=True)
class PublishedMonths:
    """Stands in for the published tables where every month is published and none is closed."""

    subject: str

    def current(self) -> dict[tuple[str, str], Publication]:
        months = month_range("2025-01", "2025-12")
        return {(m, self.subject): Publication(m, self.subject, "run-1", NOW, {}) for m in months}

    def closed(self) -> dict[tuple[str, str], Closing]:
        return {}


def open_months_on(day: dt.datetime, subject: str, loaded: dict[str, list[str]], watch: Watch) -> list[str]:
    raw, published = LoadedMonths(loaded), PublishedMonths(subject)
    return open_months(replace(watch.platform, raw=raw, published=published, clock=lambda: day), subject)  # type: ignore[arg-type]


@pytest.mark.folder_only
def test_months_of_usage_stay_open_until_their_charges_have_settled(watch: Watch) -> None:
    loaded = {
        "azure_invoice_usage": ["2025-05", "2025-06", "2025-07"],
        "azure_cost_export": ["2025-04", "2025-05", "2025-06"],
    }
    assert open_months_on(at(2025, 7, 5), "usage", loaded, watch) == ["2025-06"]
    assert open_months_on(at(2025, 7, 6), "usage", loaded, watch) == []


@pytest.mark.folder_only
def test_months_of_e_invoices_stay_open_until_their_window_is_complete(watch: Watch) -> None:
    months = month_range("2025-01", "2025-05")
    loaded = {"erp_sales_register": months, "einvoices": months}
    # What lies before the first landed month is absent for good: January and February wait for nothing.
    assert open_months_on(at(2025, 7, 5), "einvoices", loaded, watch) == ["2025-04", "2025-05"]
    del loaded["erp_sales_register"]
    assert open_months_on(at(2025, 7, 5), "einvoices", loaded, watch) == []


def test_contiguous_months_are_joined() -> None:
    assert contiguous([]) == []
    assert contiguous(["2024-12", "2025-01", "2025-03"]) == [("2024-12", "2025-01"), ("2025-03", "2025-03")]


def test_the_schedules_follow_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RECON_HOME", str(tmp_path))
    monkeypatch.setenv("RECON_CLOSE_DAY", "9")
    monkeypatch.setenv("RECON_CLOSE_HOUR", "4")
    definitions = build_definitions(Platform.from_settings(load_settings()))
    assert definitions.resolve_schedule_def("close_month_subscriptions").cron_schedule == "0 4 9 * *"
    assert definitions.resolve_schedule_def("refresh_open_months_subscriptions").cron_schedule == "30 4 * * *"
