"""The copy of the issue log that readers get: every issue with the difference then and as it is published now."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from recon_assets.catalogue.marts import Mart
from recon_assets.clock import Clock
from recon_assets.issues.store import OPEN, Issue, IssueStore
from recon_assets.lakehouse.log import MartVersion
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.months import first_day
from recon_assets.pipeline.marts import REPORTED, published_marts

# Status and difference of the marts whose rows can be reported, as the app shows them (its tables say the same).
MEASURES = {
    "subscription_reconciliation": ("status", "cost_difference"),
    "subscription_margin": ("status", "margin"),
    "usage_cost_summary": ("status", "amount_variation"),
    "usage_cost_reconciliation": ("status", "amount_variation"),
    "usage_cost_variations": ("status", "amount_variation"),
    "einvoice_reconciliation": ("bucket", "max_difference_myr"),
}
_ISSUES = pa.schema(
    [
        pa.field("billing_month", pa.date32()),
        pa.field("issue_id", pa.int64()),
        pa.field("difference_then", pa.decimal128(38, 12)),
        *(pa.field(name, pa.timestamp("us", tz="UTC")) for name in ("created_at", "updated_at")),
        *(
            pa.field(name, pa.string())
            for name in ("reconciliation", "mart", "reconciliation_key", "subject", "title", "description", "status",
                         "assignee", "reporter", "status_then", "currency")
        ),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Copied:
    """What a copy holds: issues, those of them not closed, and those whose row has gone."""

    version: MartVersion
    issues: int
    still_open: int
    gone: int


def publish_issues(store: IssueStore, published: PublishedStore, run_id: str, clock: Clock) -> Copied:
    """Copy all issues into the mart reported_issues, each beside its row in the newest publication."""
    version = published.replace_whole(REPORTED, lambda: reported_rows(store, published), run_id, clock)
    with published.connect([REPORTED]) as connection:
        counts = connection.execute(
            "select count(*), count(*) filter (list_contains(?, status)), count(*) filter (is_gone) "
            f"from marts.{REPORTED.name}",
            [list(OPEN)],
        ).fetchall()[0]
    return Copied(version, *counts)


def reported_rows(store: IssueStore, published: PublishedStore) -> pa.Table:
    """Columns of reported_issues but what the copy stamps, by issue; issues and rows are each read at one moment."""
    issues = pa.Table.from_pylist([_record(issue) for issue in store.find(limit=None)[0]], _ISSUES)
    marts = published_marts()
    columns = ", ".join(f"cast({c.name} as {c.sql_type}) as {c.name}" for c in REPORTED.columns[:-2])
    now = " union all ".join(_now(marts[name]) for name in MEASURES)
    with published.connect([marts[name] for name in MEASURES]) as connection:
        connection.register("issues", issues)
        return connection.execute(
            f"select {columns} from (select issues.*, now.* exclude (issue_id), now.issue_id is null as is_gone "
            f"from issues left join ({now}) as now using (issue_id)) order by issue_id"
        ).to_arrow_table()


def _now(mart: Mart) -> str:
    """SQL of the issues on rows of a mart that are published, with the row's present values."""
    status, difference = MEASURES[mart.name]
    currency = "'MYR'" if difference.endswith("_myr") else "published.currency"
    return f"""
        select issues.issue_id, published.{status} as status_now, published.{difference} as difference_now,
            {currency} as currency_now
        from issues inner join marts.{mart.name} as published using (billing_month, reconciliation_key)
        where issues.mart = '{mart.name}'
    """


def _record(issue: Issue) -> dict[str, Any]:
    about = issue.about
    return {
        "billing_month": first_day(about.month), "issue_id": issue.issue_id, "reconciliation": about.reconciliation,
        "mart": about.mart, "reconciliation_key": about.reconciliation_key, "subject": about.subject,
        "title": issue.title, "description": issue.description, "status": issue.status, "assignee": issue.assignee,
        "reporter": issue.reporter, "created_at": issue.created_at, "updated_at": issue.updated_at,
        "status_then": about.status, "difference_then": about.difference, "currency": about.currency,
    }  # fmt: skip
