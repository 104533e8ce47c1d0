"""Whole runs, sensors and partitions at instants where a day, a month or a year changes, here or in Malaysia (UTC+8)."""

import datetime as dt
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from recon_assets.definitions import build_definitions
from recon_assets.defs.partitions import month_partitions
from recon_assets.defs.resources import PlatformResource, time_from
from recon_assets.errors import InputError
from recon_assets.home import open_instance
from recon_assets.months import add_months
from recon_assets.pipeline.closing import close_month
from recon_assets.platform import Platform
from recon_assets_tests.einvoices.built import Home, document
from recon_assets_tests.landed import land, land_bss, platform_in
from recon_assets_tests.reliability.homes import at_home, bss_lines, run, seen_months
from recon_assets_tests.search import guarded_by
from recon_assets_tests.usage.zone import COST, USAGE

SECOND = dt.timedelta(seconds=1)


def at(platform: Platform, instant: dt.datetime) -> Platform:
    return replace(platform, clock=lambda: instant)


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


# Of a month its last day and the instant of a run; an e-invoice may still come for 31 days (rule 6).
LAST_DAYS = {
    "leap year, the last second that is open": ("2028-02-29", "2028-03-31 23:59:59", "open"),
    "2100 is none, the first that is not": ("2100-02-28", "2100-04-01 00:00:00", "overdue"),
    "end of a year, midnight in Malaysia": ("2027-12-31", "2028-01-31 16:00:00", "open"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", guarded_by(["2100 is none, the first that is not"], of=LAST_DAYS))
def test_e_invoices_have_their_day_in_malaysia_and_are_overdue_a_day_after_the_last_open_one(
    case: str, tmp_path: Path
) -> None:
    last, now, due = LAST_DAYS[case]
    first = (dt.date.fromisoformat(last) + dt.timedelta(days=1)).isoformat()
    month, following = last[:7], first[:7]
    home = Home.at(tmp_path)
    # Midnight in Malaysia is 16:00 UTC of the day before; the day that came beside the instant does not count.
    before = document(document_number="INV-1", document_date=last)
    after = document(document_number="INV-2", document_date=first)
    home.register(before, document(document_number="INV-3", document_date=last, total_payable_amount="5"), month=month)
    home.register(after, month=following)
    home.einvoices(before | {"issued_at": f"{last}T15:59:59Z", "document_date": first}, month=month)
    home.einvoices(after | {"issued_at": f"{last}T16:00:00Z", "document_date": last, "uuid": "U2"}, month=following)

    platform = at(home.platform, utc(now))
    code, outcome = run(platform, [month, following], "einvoices")
    assert (code, outcome.problems) == (0, [])
    found = {row["register_document_number"]: row for rows in published_grid(platform).values() for row in rows}
    assert {number: (row["bucket"], str(row["einvoice_document_date"])) for number, row in found.items()} == {
        "INV-1": ("Exact", last), "INV-2": ("Exact", first), "INV-3": ("Missing in EInv", "None"),
    }  # fmt: skip
    assert f"{found['INV-3']['billing_month']:%Y-%m}" == month
    assert (found["INV-3"]["due_state"], found["INV-3"]["as_of_date"]) == (due, utc(now).date())
    assert {row["published_at"] for row in found.values()} == {utc(now)}


def published_grid(platform: Platform) -> dict[str, list[dict[str, Any]]]:
    return {month: marts["einvoice_reconciliation"] for month, marts in seen_months(platform, stamps=True).items()}


@pytest.mark.slow
@pytest.mark.parametrize("month", guarded_by(["2027-12"], of=["2027-12", "2100-02"]))
def test_a_month_of_usage_is_final_and_can_be_closed_when_five_days_have_passed_and_not_a_second_before(
    month: str, tmp_path: Path
) -> None:
    home = platform_in(tmp_path)
    land(home.settings.landing, f"partner_center/billed_usage/{month}/a.csv", f"{USAGE}\n{usage(month)}")
    land(home.settings.landing, f"cost_management/actual_cost/{month}/a.csv", f"{COST}\n{cost(month)}")
    settled = utc(f"{add_months(month, 1)}-06")

    early = at(home, settled - SECOND)
    assert run(early, [month], "usage")[0] == 0
    with pytest.raises(InputError, match=r"usage \(provisional\) is not final"):
        close_month(early.published, month, ["usage"], "me", early.clock)

    due = at(home, settled)
    assert run(due, [month], "usage")[0] == 0
    (status,) = seen_months(due, stamps=True)[month]["month_status"]
    assert (status["window_status"], status["published_at"]) == ("final", settled)
    (closing,) = close_month(due.published, month, ["usage"], "me", due.clock)
    assert closing.recorded_at - settled <= dt.timedelta(microseconds=1)


def usage(month: str) -> str:
    return f"G1,c1,s1,{month[5:]}/01/{month[:4]},m1,n,c,s,r,/x,1,10,USD"


def cost(month: str) -> str:
    return f"G1,s1,{month}-01,m1,Usage,1,10,USD"


CHANGES_OF_MONTH = ["2028-01-01", "2028-03-01", "2100-03-01"]


@pytest.mark.parametrize("first", CHANGES_OF_MONTH)
def test_months_are_those_of_utc_by_the_clock_of_the_platform(first: str, tmp_path: Path) -> None:
    last = {}
    for before in (dt.timedelta(0), SECOND, dt.timedelta(hours=8)):  # the last is midnight in Malaysia
        platform = at(platform_in(tmp_path), utc(first) - before)
        with time_from(platform.clock):
            last[before] = month_partitions(platform).get_partition_keys()[-1]
    month = first[:7]
    assert list(last.values()) == [month, add_months(month, -1), add_months(month, -1)]


@pytest.mark.parametrize("first", CHANGES_OF_MONTH)
def test_a_run_of_a_month_that_has_not_begun_says_so_and_does_nothing(first: str, tmp_path: Path) -> None:
    platform = at(platform_in(tmp_path), utc(first) - SECOND)
    outcome = run(platform, [first[:7]])[1]
    assert outcome.problems == [f"{first[:7]}: no file of this month or of one before it has landed"]


@pytest.mark.parametrize("first", CHANGES_OF_MONTH)
def test_files_that_landed_ahead_are_loaded_from_the_first_second_of_their_month(first: str, tmp_path: Path) -> None:
    month = first[:7]
    platform = at(platform_in(tmp_path), utc(first) - SECOND)
    definitions = build_definitions(platform)
    path = platform.settings.landing / land_bss(platform.settings.landing, month, bss_lines(month))
    long_ago = utc(first).timestamp() - 86_400
    os.utime(path, (long_ago, long_ago))

    def tick(now: dt.datetime, cursor: str | None) -> Any:
        context = dg.build_sensor_context(
            instance=instance,
            cursor=cursor,
            repository_def=definitions.get_repository_def(),
            resources={"platform": PlatformResource()},
        )
        with time_from(lambda: now):
            return definitions.resolve_sensor_def("landing_subscriptions").evaluate_tick(context)

    with at_home(platform), open_instance(platform.settings) as instance:
        seen = tick(utc(first) - 2 * SECOND, None)
        early = tick(utc(first) - SECOND, seen.cursor)
        assert (early.run_requests, early.skip_message) == ([], f"bss_invoices:{month}: no such partition yet; "
                                                                "reload the code location")  # fmt: skip
        (request,) = tick(utc(first), early.cursor).run_requests or []
    assert request.partition_key == month
