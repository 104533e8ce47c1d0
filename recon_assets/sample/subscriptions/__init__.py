"""Sample of the subscription reconciliation: BSS invoices and Microsoft reconciliation files of the same months.

`plan` records planted subscriptions, `matches`, `differences`, `bad_rows` and `bridged` say which there are, `plain` makes the
many on which both sides agree. How files look is in `recon_assets.sample.bss` and `.partner_center`.
"""

from collections import Counter
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

from recon_assets.sample import bss, partner_center
from recon_assets.sample.records import MonthRecords, Quarantined
from recon_assets.sample.subscriptions import bad_rows, bridged, differences, matches
from recon_assets.sample.subscriptions.plain import PlainBilling, plain_billing
from recon_assets.sample.subscriptions.plan import ExpectedRow, Plan, plant_all

PLAIN_COUNT = 60
PAGE_SIZE = 20
PAGE_SIZE_AT_SCALE = 500


def write(landing: Path, months: list[str], seed: int, scale: int) -> dict[str, Any]:
    """Writes the files of every month below `landing`; returns what a reconciliation of them must find.

    `statuses` counts the rows of each month by status, `planted` names every row that is not a plain match,
    `quarantined` every row a reader must set aside.
    """
    plan = planted(months, seed)
    plain = plain_billing(months, seed, PLAIN_COUNT * scale)
    page_size = PAGE_SIZE if scale < 10 else PAGE_SIZE_AT_SCALE
    set_aside: list[Quarantined] = []
    for at, month in enumerate(months):
        set_aside += write_month(landing, month, at, plan.records[month], plain, page_size)
    return {
        "statuses": count_statuses(months, plan.expected, len(plain.subscriptions)),
        "planted": [asdict(row) for row in sorted(plan.expected, key=position) if row.what is not None],
        "quarantined": [asdict(row) for row in set_aside],
    }


def planted(months: list[str], seed: int) -> Plan:
    plan = Plan(months, seed)
    plant_all(plan, matches.KINDS)
    plant_all(plan, differences.KINDS)
    differences.plant_unassigned(plan)
    bad_rows.plant_bad_rows(plan)
    bridged.plant_bridged_invoices(plan)
    return plan


def write_month(
    landing: Path, month: str, at: int, records: MonthRecords, plain: PlainBilling, page_size: int
) -> list[Quarantined]:
    """Writes one month's files of both sides; planted records stand first in each."""
    total = len(records.json_invoices) + plain.count_json_invoices()
    bss.write_pages(landing, month, chain(records.json_invoices, plain.invoices(at, False)), total, page_size)
    bss.write_updates(landing, month, records.json_updates)
    return [
        *bss.write_csv(landing, month, at, chain(records.csv_invoices, plain.invoices(at, True))),
        *partner_center.write_nce(landing, month, at, lambda: chain(records.nce_lines, plain.nce_lines(at))),
        *partner_center.write_legacy(landing, month, at, lambda: chain(records.legacy_lines, plain.legacy_lines(at))),
    ]


def count_statuses(months: list[str], rows: list[ExpectedRow], plain: int) -> dict[str, dict[str, int]]:
    """Rows by status per month: those of the plan and one match for every plain subscription."""
    counts = {month: Counter(match=plain) for month in months}
    for row in rows:
        counts[row.billing_month][row.status] += 1
    return {month: dict(count) for month, count in counts.items()}


def position(row: ExpectedRow) -> tuple[str, str]:
    return row.billing_month, row.ms_subscription_id
